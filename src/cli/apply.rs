//! `realmform apply`: the plan, carried out.
#![expect(clippy::disallowed_methods, reason = "who applies is taken from the environment, as CI systems set it")]

use std::io::{BufRead as _, IsTerminal as _};

use super::output::{Format, count};
use super::prepare::{self, Prepared, prepare};
use super::progress::{Steps, interruptions, verb};
use super::workspace::Workspace;
use super::{Context, Error, Exit, plan};
use crate::apply::server::Server;
use crate::apply::{OpenError, Outcome, Run, Stamp};
use crate::keycloak::{Holder, LOCK_TIME};
use crate::model::{Live, RealmName, Record};
use crate::plan::{Plan, RealmPlan};

/// Change the server to what the files say: shows the plan, asks, carries it out, and looks whether anything is left.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform apply
  realmform apply --yes --require-clean
  realmform apply --realm customer-acme --allow-destroy customer-acme/identityProviders/okta

Ctrl-C finishes the requests under way, writes the record and releases the lock.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Args {
    #[command(flatten)]
    prepare: prepare::PlanArgs,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Never ask: fail where a question would be
    #[arg(long)]
    no_input: bool,
    /// Refuse when the work tree differs from its commit
    #[arg(long)]
    require_clean: bool,
    /// Show long values and deleted objects in full
    #[arg(long, short)]
    verbose: bool,
    /// Also print how many requests of each sort it cost, to standard error
    #[arg(long)]
    requests: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let mut prepared = prepare(context, &args.prepare, |workspace| check_clean(context, args, workspace)).await?;
    plan::print(context, &prepared, Format::Text, args.verbose)?;
    if prepared.plan.as_ref().map_err(|_| Error::Refused)?.is_empty() {
        return Ok(Exit::Fine);
    }
    ask(context, args)?;
    let interrupted = interruptions();
    let stamp = stamp(&prepared);
    let live = std::mem::take(&mut prepared.live);
    let plan = prepared.plan.as_ref().map_err(|_| Error::Refused)?;
    let result = carry_out(context, &prepared, plan, live, &stamp, interrupted).await;
    if args.requests {
        plan::print_requests(context, &prepared);
    }
    prepared.leave();
    result.map(|()| Exit::Fine)
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

fn ask(context: &Context, args: &Args) -> Result<(), Error> {
    if args.yes {
        return Ok(());
    }
    if args.no_input || !std::io::stdin().is_terminal() {
        return Err(Error::NoInput);
    }
    context.output.message("Apply this plan? Only \"yes\" is taken for yes: ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(Error::runtime)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Error::Declined) }
}

/// One realm after the other, so that a failure leaves the others alone.
async fn carry_out(
    context: &Context,
    prepared: &Prepared,
    plan: &Plan,
    mut live: Live,
    stamp: &Stamp,
    interrupted: tokio::sync::watch::Receiver<bool>,
) -> Result<(), Error> {
    let mut ended = Ended::default();
    for (realm, plan) in plan.realms.iter().filter(|(_, plan)| !plan.is_empty()) {
        if *interrupted.borrow() || ended.server_fails() {
            ended.unfinished.push(realm.as_str());
            continue;
        }
        match carry_out_realm(prepared, realm, plan, live.realms.remove(realm), stamp, interrupted.clone()).await {
            Ok(outcome) => {
                ended.touched = true;
                report(context, prepared, realm, plan, &outcome);
                let is_complete = outcome.is_complete();
                if !is_complete || !verify(context, prepared, realm, plan, outcome.record).await {
                    ended.unfinished.push(realm);
                }
            }
            Err(error) => {
                ended.unfinished.push(realm);
                ended.refused.push(error);
            }
        }
    }
    ended.result(context, *interrupted.borrow())
}

/// How the realms of a run ended.
#[derive(Default)]
struct Ended<'a> {
    /// Whether anything may have been changed.
    touched: bool,
    /// Realms in which something is left to do.
    unfinished: Vec<&'a str>,
    /// Why realms were not even begun.
    refused: Vec<Error>,
}

impl Ended<'_> {
    /// A realm that is locked says nothing of the others; a server that fails does.
    fn server_fails(&self) -> bool {
        self.refused.iter().any(|error| matches!(error, Error::Server(_)))
    }

    fn result(mut self, context: &Context, interrupted: bool) -> Result<(), Error> {
        if !self.touched && !self.refused.is_empty() {
            // Nothing was changed, so the first reason is the whole story.
            return Err(self.refused.remove(0));
        }
        for error in &self.refused {
            context.output.message(&format!("error: {error}"));
        }
        match (self.unfinished.as_slice(), interrupted) {
            // An interruption that comes when all is done changes nothing.
            ([], _) => Ok(()),
            (realms, true) => Err(Error::Partial(format!("interrupted; partly applied: {}", realms.join(", ")))),
            (realms, false) => Err(Error::Partial(format!("partly applied: {}", realms.join(", ")))),
        }
    }
}

async fn carry_out_realm(
    prepared: &Prepared,
    realm: &RealmName,
    plan: &RealmPlan,
    live: Option<crate::model::LiveRealm>,
    stamp: &Stamp,
    interrupted: tokio::sync::watch::Receiver<bool>,
) -> Result<Outcome, Error> {
    let project = &prepared.workspace.loaded.project.name;
    let previous = live.as_ref().and_then(|live| live.record.clone());
    let server = Server::new(prepared.http.clone(), project, realm, live, &prepared.secrets, holder(&stamp.actor));
    let run = Run {
        realm,
        plan,
        previous: previous.as_ref(),
        secrets: &prepared.secrets,
        stamp,
        parallelism: prepared.http.parallelism() * 2,
        interrupted,
    };
    let mut progress = Steps::new(plan.steps.len(), &prepared.redactor);
    let mut show = |event: crate::apply::Event<'_>| progress.show(&event);
    let outcome = tokio::select! {
        outcome = run.carry_out(&server, &mut show) => outcome,
        never = keep_lock(&server) => never,
    };
    progress.finish();
    outcome.map_err(|error| match error {
        OpenError::Locked(lock) => Error::Locked { realm: realm.clone(), lock },
        OpenError::Stale { commit } => Error::Stale { realm: realm.clone(), commit },
        OpenError::Failed(error) => Error::Server(error),
    })
}

/// Renews the lock while steps run. Losing it is no reason to stop half way: the record check of others protects it.
async fn keep_lock(server: &Server<'_>) -> Result<Outcome, OpenError> {
    loop {
        tokio::time::sleep(LOCK_TIME / 3).await;
        if let Err(error) = server.renew().await {
            tracing::warn!(%error, "the lock could not be renewed");
        }
    }
}

/// What was and what was not done, in the server's own words.
fn report(context: &Context, prepared: &Prepared, realm: &RealmName, plan: &RealmPlan, outcome: &Outcome) {
    if outcome.is_complete() {
        let (steps, changes) = (count(outcome.done.len(), "step"), count(plan.diff.changes.len(), "change"));
        context.output.message(&format!("{realm}: applied, {changes} in {steps}."));
        return;
    }
    let (done, failed, skipped) = (count(outcome.done.len(), "step"), outcome.failed.len(), outcome.skipped.len());
    context.output.message(&format!("{realm}: {done} done, {failed} failed, {skipped} not tried."));
    for index in &outcome.done {
        context.output.message(&format!("  done       {}", describe(plan, *index)));
    }
    for (index, error) in &outcome.failed {
        let text = format!("  failed     {}: {error}", describe(plan, *index));
        context.output.message(&prepared.redactor.redact(&text));
    }
    for index in &outcome.skipped {
        context.output.message(&format!("  not tried  {}", describe(plan, *index)));
    }
    if let Some(error) = &outcome.record_error {
        let text = format!("  the record could not be written, or the lock not be released: {error}");
        context.output.message(&prepared.redactor.redact(&text));
    }
}

fn describe(plan: &RealmPlan, step: usize) -> String {
    let step = &plan.steps[step];
    let change = plan.change(step);
    format!("{} {}", verb(step.action, &change.action), change.address)
}

/// Reads what was changed again, and says whether it is as it should be.
async fn verify(
    context: &Context,
    prepared: &Prepared,
    realm: &RealmName,
    plan: &RealmPlan,
    record: Option<Record>,
) -> bool {
    let Some(desired) = prepared.workspace.loaded.desired.realms.get(realm) else { return true };
    let left = prepared.left(realm, desired, plan, record).await;
    let text = match &left {
        Ok(0) => format!("{realm}: read again, nothing is left to do."),
        Ok(left) => {
            format!("{realm} did not converge: {} left; `realmform plan` shows what differs", count(*left, "object"))
        }
        Err(error) => format!("{realm}: everything was done, but nobody can tell whether it took: {error}"),
    };
    context.output.message(&prepared.redactor.redact(&text));
    matches!(left, Ok(0))
}

fn stamp(prepared: &Prepared) -> Stamp {
    let source = &prepared.workspace.tree.source;
    Stamp {
        commit: source.commit().map(|commit| commit.id.clone()),
        dirty: source.is_dirty(),
        actor: actor(),
        time: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    }
}

/// The CI run where there is one, else the user.
fn actor() -> String {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let github = || Some(format!("GitHub {} run {}", get("GITHUB_REPOSITORY")?, get("GITHUB_RUN_ID")?));
    let gitlab = || Some(format!("GitLab {} job {}", get("CI_PROJECT_PATH")?, get("CI_JOB_ID")?));
    let user = || get("USER").or_else(|| get("USERNAME"));
    github().or_else(gitlab).or_else(user).unwrap_or_else(|| "somebody".to_owned())
}

fn holder(actor: &str) -> Holder {
    // A name of the machine that two containers with the same host name do not share.
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let namespace = std::fs::read_link("/proc/self/ns/pid").map(|it| it.display().to_string()).unwrap_or_default();
    let host = format!("{} {} {namespace}", read("/proc/sys/kernel/hostname"), read("/proc/sys/kernel/random/boot_id"));
    Holder {
        actor: actor.to_owned(),
        host: host.trim().to_owned(),
        process: std::process::id(),
        nonce: format!("{:032x}", rand::random::<u128>()),
    }
}
