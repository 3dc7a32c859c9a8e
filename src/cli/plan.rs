//! `realmform plan`: what would change.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::exports::Exports;
use super::offline::OfflineView;
use super::prepare::{self, Prepared, prepare};
use super::report::{self, Format, Render, Reports};
use super::{Context, Error, Exit, changed, offline, saved, unreadable};
use crate::diff::Unreadable;
use crate::keycloak::{RequestCounts, Servers, culprits};
use crate::model::RealmName;
use crate::plan::explain::Explanations;
use crate::plan::{Plan, RealmPlan, Refusal};
use crate::render::markdown::About;
use crate::render::{json, markdown, text};

/// Show what would change on the server. Changes nothing, and takes no lock.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform plan
  realmform plan --realm customer-acme --rev origin/main
  realmform plan --format json --detailed-exitcode
  realmform plan --format markdown > comment.md
  realmform plan --out shop.plan --report markdown=comment.md --report json=plan.json
  realmform plan --explain
  realmform plan --changed
  realmform plan --out shop.plan
  realmform plan --live customer-acme.json

A credential with view-* roles is enough; with --live no server is needed. With --detailed-exitcode, 2 means that there are changes.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Args {
    #[command(flatten)]
    prepare: prepare::PlanArgs,
    /// Exit with 2 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// Compare with a realm export instead of a server: a file of `kc.sh export` or of the console, or a folder of them
    /// (repeatable). Such a plan cannot be applied
    #[arg(long, value_name = "EXPORT", conflicts_with = "shard")]
    live: Vec<PathBuf>,
    /// Look only at what changed since it was applied: in the files, by git, and on the server where the realm keeps admin
    /// events. What cannot be told that way is planned in full
    #[arg(long, conflicts_with = "live")]
    changed: bool,
    /// Also save the plan to this file, for `show` and `apply`; a refused plan is not saved
    #[arg(long, value_name = "FILE", conflicts_with = "live")]
    out: Option<PathBuf>,
    /// How long the saved plan may be applied, as in `90m`, `12h`, `7d`
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = saved::lifetime, requires = "out")]
    expires: jiff::SignedDuration,
    /// Also say who is behind each change: the commit, its author and subject; on the server the user, client and address,
    /// where the realm keeps admin events
    #[arg(long, conflicts_with = "live")]
    explain: bool,
    /// How the plan is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    reports: Reports,
    /// Show long values and deleted objects in full
    #[arg(long, short)]
    verbose: bool,
    /// Also print how many requests of each sort it cost, to standard error
    #[arg(long)]
    requests: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    if !args.live.is_empty() {
        return run_offline(context, args).await;
    }
    let prepared = if args.changed {
        changed::prepare(context, &args.prepare).await?
    } else {
        prepare(context, &args.prepare, |_| Ok(())).await?
    };
    let explanations = if args.explain { explain(context, &prepared).await? } else { Explanations::default() };
    print(context, &prepared, explanations, args.format, args.verbose, &args.reports)?;
    if let (Some(path), Ok(plan)) = (&args.out, &prepared.plan) {
        saved::write(context, &prepared, plan, path, args.expires).await?;
    }
    if args.requests {
        print_requests(context, &prepared.servers);
    }
    let exit = exit(args, &prepared.plan);
    prepared.leave();
    exit
}

async fn run_offline(context: &Context, args: &Args) -> Result<Exit, Error> {
    let exports = Exports::read(&args.live)?;
    let offline = offline::plan(context, &args.prepare, &exports).await?;
    let about = About { project: offline.project.clone(), environment: offline.environment.clone(), server: None };
    let plan = PlanView { plan: offline.plan.as_ref(), explanations: Explanations::default(), about };
    let view = OfflineView { plan, offline: &offline, exports: &exports };
    report::show(context, &view, args.format, args.verbose, &args.reports)?;
    exit(args, &offline.plan)
}

/// Who is behind the changes. What cannot be found out is no reason to hide the plan.
async fn explain(context: &Context, prepared: &Prepared) -> Result<Explanations, Error> {
    let Prepared { workspace, servers, live, plan, .. } = prepared;
    let plan = plan.as_ref().unwrap_or_else(|refusal| &refusal.plan);
    let touches = workspace.blame(context, &plan.lines());
    let mut explanations = Explanations { touches, ..Explanations::default() };
    for (name, realm) in &plan.realms {
        let (Some(live), moved) = (live.realms.get(name), realm.moved()) else { continue };
        let culprits = culprits(servers.of(name), live, &moved).await?;
        if let Some(reason) = culprits.unknown {
            context.output.message(&format!("note: who changed {name} on the server nobody can tell: {reason}"));
        }
        explanations.culprits.insert(name.clone(), culprits);
    }
    Ok(explanations)
}

fn exit(args: &Args, plan: &Result<Plan, Refusal>) -> Result<Exit, Error> {
    let plan = plan.as_ref().map_err(|_| Error::Refused)?;
    Ok(if args.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Fine })
}

/// Prints a plan, and what speaks against it.
pub(super) fn print(
    context: &Context,
    prepared: &Prepared,
    mut explanations: Explanations,
    format: Format,
    verbose: bool,
    reports: &Reports,
) -> Result<(), Error> {
    explanations.unreadable = unreadable(context, prepared);
    explanations.survey.clone_from(&prepared.survey);
    for reference in &prepared.made_up {
        context.output.message(&format!("note: {reference} is not set; a random throwaway value stands in for it"));
    }
    let view = PlanView { plan: prepared.plan.as_ref(), explanations, about: prepared.about() };
    report::show(context, &view, format, verbose, reports)
}

/// Why what was applied last cannot be read, where it would tell more about the plan.
fn unreadable(context: &Context, prepared: &Prepared) -> BTreeMap<RealmName, Unreadable> {
    let plan = prepared.plan.as_ref().unwrap_or_else(|refusal| &refusal.plan);
    let lacks = |name: &RealmName| plan.realms.get(name).is_some_and(RealmPlan::lacks_base);
    let lacking: BTreeMap<_, _> = prepared.unreadable.clone().into_iter().filter(|(name, _)| lacks(name)).collect();
    for (name, why) in &lacking {
        unreadable::tell(context, name, why);
    }
    lacking
}

/// A plan as people and programs see it.
pub(super) struct PlanView<'a> {
    /// The plan, or the plan and what speaks against it.
    pub(super) plan: Result<&'a Plan, &'a Refusal>,
    /// Who is behind it, as far as that was asked for.
    pub(super) explanations: Explanations,
    pub(super) about: About,
}

impl Render for PlanView<'_> {
    fn text(&self, options: text::Options) -> String {
        match self.plan {
            Ok(plan) => text::plan(plan, &self.explanations, options),
            Err(refusal) => text::refusal(refusal, &self.explanations, options),
        }
    }

    fn json(&self) -> Json {
        match self.plan {
            Ok(plan) => json::plan(plan, &plan.concerns(), &self.explanations),
            Err(refusal) => json::refusal(refusal, &refusal.plan.concerns(), &self.explanations),
        }
    }

    fn markdown(&self) -> String {
        let Self { plan, explanations, about } = self;
        match plan {
            Ok(plan) => markdown::plan(plan, &plan.concerns(), explanations, about),
            Err(refusal) => markdown::refusal(refusal, &refusal.plan.concerns(), explanations, about),
        }
    }
}

/// Prints what a command cost, most frequent first.
pub(super) fn print_requests(context: &Context, servers: &Servers) {
    tell_requests(context, &servers.requests());
}

pub(super) fn tell_requests(context: &Context, counts: &RequestCounts) {
    let mut lines: Vec<_> = counts.iter().collect();
    lines.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let total: u64 = counts.values().sum();
    context.output.message(&format!("{total} requests"));
    for (request, count) in lines {
        context.output.message(&format!("{count:>7} {request}"));
    }
}
