//! `realmform apply`: the plan, carried out.

mod kept;
pub(super) mod patience;
pub(super) mod stamp;
pub(super) mod work;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::output::confirm;
use super::outputs::HandingOver;
use super::prepare::{self, Prepared, prepare_after};
use super::report::{Format, Reports};
use super::servers::check_nowhere;
use super::workspace::Workspace;
use super::{Context, Error, Exit, plan, saved};
use crate::apply::FRESH;
use crate::desired::Loaded;
use crate::fleet::Survey;
use crate::keycloak::Servers;
use crate::model::RealmName;
use crate::plan::explain::Explanations;
use crate::plan::{Plan, RealmPlan};
use patience::{Patience, uninterrupted};
use work::Work;

/// Change the server to what the files say: shows the plan, asks, carries it out, and looks whether anything is left. With
/// a saved plan, carry out just that: neither files nor a question are needed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform apply
  realmform apply --yes --require-clean
  realmform apply --yes --lock-timeout 10m
  realmform apply --realm customer-acme --allow-destroy customer-acme/identityProviders/okta
  realmform apply --rotate customer-acme/clients/shop    a new value for its { generate = … }
  realmform apply shop.plan                 what `realmform plan --out shop.plan` saved
  realmform apply --expect shop.plan        what the files say, if that comes to the saved plan

A saved plan is refused (exit 5) when anything that it was made from has moved since: the files, the objects that it changes, \
their secrets, what was applied, the server. With --lock-timeout the plan is made after other runs have ended; what one of \
them changes later makes it stale, and with --yes it is then made again. Ctrl-C finishes the requests under way, writes the record and releases the lock.")]
pub(super) struct Args {
    /// A plan that `plan --out` saved; refused when anything moved since
    #[arg(
        value_name = "PLAN",
        conflicts_with_all = [
            "rev", "realm", "shard", "strict", "allow_destroy", "allow_many_deletes", "rotate", "require_clean", "expect"
        ]
    )]
    saved: Option<PathBuf>,
    #[command(flatten)]
    prepare: prepare::PlanArgs,
    /// Apply what the files say, without a question, if that is what this saved plan says
    #[arg(long, value_name = "PLAN")]
    expect: Option<PathBuf>,
    #[command(flatten)]
    consent: Consent,
    /// Wait up to so long for other runs to end, as in `90s` or `5m`, instead of giving up at once (exit 7)
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = patience::time, hide_default_value = true)]
    lock_timeout: Duration,
    /// Refuse when the work tree differs from its commit
    #[arg(long)]
    require_clean: bool,
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
    let patience = Patience::new(context, args.lock_timeout);
    if let Some(file) = &args.saved {
        return kept::run(context, args, file, &patience).await;
    }
    loop {
        match run_files(context, args, &patience).await {
            // Nobody was asked about this plan.
            Err(Error::Stale { .. } | Error::StalePlan)
                if args.consent.yes && args.expect.is_none() && patience.has_time() =>
            {
                context.output.message("another run has changed what was planned; planning again");
            }
            ended => return ended,
        }
    }
}

async fn run_files(context: &Context, args: &Args, patience: &Patience<'_>) -> Result<Exit, Error> {
    let expected = args.expect.as_deref().map(saved::read).transpose()?;
    let refuse = |workspace: &Workspace| check_clean(context, args, workspace);
    let wait = async |workspace: &Workspace, servers: &Servers| {
        let Loaded { project, desired, .. } = &workspace.loaded;
        patience.until_free(servers, &project.name, desired.realms.keys(), &uninterrupted()).await
    };
    let mut prepared = prepare_after(context, &args.prepare, refuse, wait).await?;
    let begun = prepared.begun;
    plan::print(context, &prepared, Explanations::default(), Format::Text, args.verbose, &args.reports)?;
    let plan = prepared.plan.as_ref().map_err(|_| Error::Refused)?;
    if plan.is_empty() {
        let handing_over = context.server.is_none().then(|| HandingOver::new(&prepared.servers, &prepared.workspace));
        finish(context, Ok(()), handing_over, &prepared.workspace, plan).await?;
        return check_whole(prepared.survey.as_ref()).map(|()| Exit::Fine);
    }
    match &expected {
        Some(expected) => saved::check_expected(context, &prepared, expected).await?,
        None => args.consent.ask(context, "Apply this plan?", "not applied")?,
    }
    let mut looked_at = begun;
    if begun.elapsed() > FRESH {
        looked_at = Instant::now();
        saved::check_unmoved(context, &prepared).await?;
    }
    let live = std::mem::take(&mut prepared.live);
    let Prepared { workspace, servers, survey, plan, secrets, redactor, .. } = &prepared;
    let plan = plan.as_ref().map_err(|_| Error::Refused)?;
    if let Some(survey) = survey {
        check_nowhere(servers, survey, plan).await?;
    }
    let source = &workspace.tree.source;
    // What a throwaway server makes is for nobody.
    let handing_over = context.server.is_none().then(|| HandingOver::new(servers, workspace));
    let work = Work {
        servers,
        project: &workspace.loaded.project.name,
        plan,
        desired: &workspace.loaded.desired,
        secrets,
        redactor,
        patience,
        stamp: stamp::stamp(
            source.commit().map(|commit| commit.id.clone()),
            source.is_dirty(),
            workspace.environment().map(str::to_owned),
        ),
        looked_at,
        handing_over: handing_over.as_ref(),
    };
    let result = work.carry_out(context, live).await;
    if args.requests {
        plan::print_requests(context, servers);
    }
    let result = finish(context, result, handing_over, workspace, plan).await;
    let result = result.and_then(|()| check_whole(survey.as_ref()));
    prepared.leave();
    result.map(|()| Exit::Fine)
}

/// What could not be looked at is not applied either.
fn check_whole(survey: Option<&Survey>) -> Result<(), Error> {
    let unknown: Vec<&str> = survey.iter().flat_map(|it| &it.places.unknown).map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::Partial(format!(
        "not applied, since they may be on a server that cannot be reached: {}",
        unknown.join(", ")
    )))
}

/// Hands over what the unchanged realms of a plan have, where nothing failed, and says what could not be.
async fn finish(
    context: &Context,
    result: Result<(), Error>,
    handing_over: Option<HandingOver<'_>>,
    workspace: &Workspace,
    plan: &Plan,
) -> Result<(), Error> {
    let Some(handing_over) = handing_over else { return result };
    if result.is_ok() {
        let is_unchanged = |realm: &&RealmName| plan.realms.get(*realm).is_none_or(RealmPlan::is_empty);
        for realm in workspace.loaded.desired.realms.keys().filter(is_unchanged) {
            handing_over.unchanged_by_apply(realm).await;
        }
    }
    let handed_over = handing_over.finish(context).await;
    result.and(handed_over)
}

fn check_clean(context: &Context, args: &Args, workspace: &Workspace) -> Result<(), Error> {
    let source = &workspace.tree.source;
    if !source.is_dirty() {
        return Ok(());
    }
    if args.require_clean || workspace.loaded.project.policy.require_clean {
        return Err(Error::Dirty);
    }
    if source.commit().is_some() && context.server.is_none() {
        context.output.message("warning: the work tree differs from its commit; the record will say so");
    }
    Ok(())
}

/// Whether whoever runs the command is asked.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Consent {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Never ask: fail where a question would be
    #[arg(long)]
    no_input: bool,
}

impl Consent {
    /// Asks, unless nobody is to be asked.
    pub(super) fn ask(self, context: &Context, question: &str, declined: &'static str) -> Result<(), Error> {
        let question = format!("{question} Only \"yes\" is taken for yes: ");
        confirm(context, self.yes, self.no_input, &question, Error::Declined(declined))
    }
}
