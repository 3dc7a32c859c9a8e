//! Carrying a plan out: realm after realm, with what was and what was not done in the server's own words.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::watch;

use super::patience::Patience;
use super::stamp::holder;
use crate::apply::server::Server;
use crate::apply::{HandOver, OpenError, Outcome, Run, Secrets, Stamp};
use crate::cli::output::count;
use crate::cli::outputs::HandingOver;
use crate::cli::prepare::{Resolved, check_secrets, part};
use crate::cli::progress::{Steps, interruptions, verb};
use crate::cli::{Context, Error, saved};
use crate::diff;
use crate::keycloak::{Interest, LOCK_TIME, Servers, read_again};
use crate::model::{Address, Desired, Live, LiveRealm, RealmName, Record};
use crate::plan::saved::moved_before;
use crate::plan::{Plan, RealmPlan};
use crate::secrets::Redactor;

/// A plan, and what carrying it out takes.
pub(in crate::cli) struct Work<'a> {
    pub(in crate::cli) servers: &'a Servers,
    /// The project's name.
    pub(in crate::cli) project: &'a str,
    pub(in crate::cli) plan: &'a Plan,
    /// What the files want, at least of the objects that change.
    pub(in crate::cli) desired: &'a Desired,
    pub(in crate::cli) secrets: &'a Secrets,
    pub(in crate::cli) redactor: &'a Redactor,
    /// How long others may hold a lock.
    pub(in crate::cli) patience: &'a Patience<'a>,
    pub(in crate::cli) stamp: Stamp,
    /// When the objects that the plan changes were looked at.
    pub(in crate::cli) looked_at: Instant,
    /// What hands over what is made, unless that is for nobody.
    pub(in crate::cli) handing_over: Option<&'a HandingOver<'a>>,
}

/// How long it takes at most until a run notices that its lock was taken away, and starts nothing more.
const LOOK: Duration = Duration::from_secs(2);

impl Work<'_> {
    /// On each server one realm after the other, so that a failure leaves the others alone; on several at once.
    pub(in crate::cli) async fn carry_out(&self, context: &Context, live: Live) -> Result<(), Error> {
        let interrupted = interruptions();
        let ended = RefCell::new(Ended::default());
        let live = RefCell::new(live);
        for stage in self.plan.stages() {
            let mut of_servers: BTreeMap<Option<&str>, Vec<(&RealmName, &RealmPlan)>> = BTreeMap::new();
            for (realm, plan) in stage {
                of_servers.entry(self.servers.name_of(realm)).or_default().push((realm, plan));
            }
            let (ended, live, interrupted) = (&ended, &live, &interrupted);
            let told = join_all(of_servers.into_iter().map(async |(server, realms)| {
                for (realm, plan) in realms {
                    if *interrupted.borrow() || ended.borrow().failing.contains(&server) {
                        ended.borrow_mut().unfinished.push(realm.as_str());
                        continue;
                    }
                    let before = live.borrow_mut().realms.remove(realm);
                    let outcome = self.carry_out_realm(context, realm, plan, before, interrupted.clone()).await;
                    self.conclude(context, realm, plan, outcome, ended).await?;
                }
                Ok::<_, Error>(())
            }))
            .await;
            // What another server was at is finished before it is told that nobody listens any more.
            told.into_iter().collect::<Result<(), Error>>()?;
        }
        ended.into_inner().result(context, *interrupted.borrow())
    }

    /// Tells how a realm ended, and looks whether anything is left.
    async fn conclude<'s>(
        &'s self,
        context: &Context,
        realm: &'s RealmName,
        plan: &RealmPlan,
        outcome: Result<Outcome, Error>,
        ended: &RefCell<Ended<'s>>,
    ) -> Result<(), Error> {
        match outcome {
            Ok(outcome) => {
                ended.borrow_mut().touched = true;
                self.report(context, realm, plan, &outcome);
                if let Some(handing_over) = self.handing_over {
                    handing_over.tell(context)?;
                }
                let is_complete = outcome.is_complete();
                if !is_complete || !self.verify(context, realm, plan, outcome.record).await {
                    ended.borrow_mut().unfinished.push(realm);
                }
            }
            Err(error) => {
                let mut ended = ended.borrow_mut();
                ended.unfinished.push(realm);
                // A realm that is locked says nothing of the others; a server that fails does.
                if matches!(error, Error::Server(_)) {
                    ended.failing.insert(self.servers.name_of(realm));
                }
                ended.refused.push(error);
            }
        }
        Ok(())
    }

    async fn carry_out_realm(
        &self,
        context: &Context,
        realm: &RealmName,
        plan: &RealmPlan,
        live: Option<LiveRealm>,
        interrupted: watch::Receiver<bool>,
    ) -> Result<Outcome, Error> {
        let previous = live.as_ref().and_then(|live| live.record.clone());
        let holder = holder(&self.stamp.actor);
        let server = Server::new(
            self.servers.of(realm).clone(),
            self.project,
            realm,
            live,
            self.secrets,
            holder,
            self.looked_at,
        );
        loop {
            match self.try_realm(context, realm, plan, previous.as_ref(), &server, interrupted.clone()).await {
                Ok(outcome) => return Ok(outcome),
                Err(OpenError::Locked(lock)) => {
                    self.patience.wait(realm, lock, interrupted.clone()).await?;
                    let realms = std::iter::once(realm);
                    self.patience.until_free(self.servers, self.project, realms, &interrupted).await?;
                    self.check_unmoved(context, realm, plan).await?;
                }
                Err(OpenError::Stale { commit }) => return Err(Error::Stale { realm: realm.clone(), commit }),
                Err(OpenError::Failed(error)) => return Err(Error::Server(error)),
            }
        }
    }

    async fn try_realm(
        &self,
        context: &Context,
        realm: &RealmName,
        plan: &RealmPlan,
        previous: Option<&Record>,
        server: &Server<'_>,
        mut interrupted: watch::Receiver<bool>,
    ) -> Result<Outcome, OpenError> {
        let (stop, stopped) = watch::channel(*interrupted.borrow());
        let run = Run {
            realm,
            plan,
            previous,
            secrets: self.secrets,
            stamp: &self.stamp,
            hand_over: self.handing_over.map(|it| it as &dyn HandOver),
            parallelism: self.servers.of(realm).parallelism() * 2,
            interrupted: stopped,
        };
        let mut progress = Steps::new(plan.steps.len(), self.redactor, self.servers.only().is_some());
        let mut show = |event: crate::apply::Event<'_>| progress.show(&event);
        let lost = Cell::new(false);
        let outcome = tokio::select! {
            outcome = run.carry_out(server, &mut show) => outcome,
            never = async {
                lock_loss(server, plan).await;
                lost.set(true);
                stop.send_replace(true);
                pending().await
            } => never,
            never = async {
                // Whoever would interrupt is there as long as the run.
                drop(interrupted.wait_for(|it| *it).await);
                stop.send_replace(true);
                pending().await
            } => never,
        };
        progress.finish();
        if lost.get() {
            let text = format!("error: somebody took the lock of realm {realm} away; nothing more was started there");
            context.output.message(&text);
        }
        outcome
    }

    /// Somebody else has had the lock since the plan was made: what it changes has to be as it was then.
    async fn check_unmoved(&self, context: &Context, realm: &RealmName, plan: &RealmPlan) -> Result<(), Error> {
        let changed = plan.diff.changes.iter().map(|change| &change.address).collect();
        let desired = self.desired.realms.get(realm).map(|desired| (realm.clone(), part(desired, &changed)));
        let desired = Desired { realms: desired.into_iter().collect(), ..Desired::default() };
        let plan = Plan { realms: [(realm.clone(), plan.clone())].into() };
        let live = saved::look(self.servers, self.project, &plan, &desired).await?;
        let now = live.realms.get(realm);
        saved::refuse(context, &now.map(|now| moved_before(&plan.realms[realm], now)).unwrap_or_default())
    }

    /// What was and what was not done, in the server's own words.
    fn report(&self, context: &Context, realm: &RealmName, plan: &RealmPlan, outcome: &Outcome) {
        let message = |text: &str| context.output.message(&self.redactor.redact(text));
        if outcome.is_complete() {
            let (steps, changes) = (count(outcome.done.len(), "step"), count(plan.diff.changes.len(), "change"));
            message(&format!("{realm}: applied, {changes} in {steps}."));
            return;
        }
        let (done, failed, skipped) = (count(outcome.done.len(), "step"), outcome.failed.len(), outcome.skipped.len());
        message(&format!("{realm}: {done} done, {failed} failed, {skipped} not tried."));
        for index in &outcome.done {
            message(&format!("  done       {}", describe(plan, *index)));
        }
        for (index, error) in &outcome.failed {
            message(&format!("  failed     {}: {error}", describe(plan, *index)));
        }
        for index in &outcome.skipped {
            message(&format!("  not tried  {}", describe(plan, *index)));
        }
        if let Some(error) = &outcome.record_error {
            message(&format!("  the record could not be written, or the lock not be released: {error}"));
        }
    }

    /// Reads what was changed again, and says whether it is as it should be.
    async fn verify(&self, context: &Context, realm: &RealmName, plan: &RealmPlan, record: Option<Record>) -> bool {
        let left = self.left(realm, plan, record).await;
        let text = match &left {
            Ok(None) => return true,
            Ok(Some(0)) => format!("{realm}: read again, nothing is left to do."),
            Ok(Some(left)) => {
                format!(
                    "{realm} did not converge: {} left; `realmform plan` shows what differs",
                    count(*left, "object")
                )
            }
            Err(error) => format!("{realm}: everything was done, but nobody can tell whether it took: {error}"),
        };
        context.output.message(&self.redactor.redact(&text));
        matches!(left, Ok(Some(0)))
    }

    /// Reads what a plan changed of a realm again, and counts the objects that still differ; `None` for a realm that the
    /// files no longer have.
    async fn left(
        &self,
        realm: &RealmName,
        plan: &RealmPlan,
        mut record: Option<Record>,
    ) -> Result<Option<usize>, Error> {
        let Some(desired) = self.desired.realms.get(realm) else { return Ok(None) };
        let changed: BTreeSet<&Address> = plan.diff.changes.iter().map(|change| &change.address).collect();
        if let Some(record) = &mut record {
            record.objects.retain(|address, _| changed.contains(address));
        }
        let mut part = part(desired, &changed);
        let objects = read_again(self.servers.of(realm), realm, &Interest::of(&part)).await?;
        part.prune = desired.prune.clone();
        let live = LiveRealm { objects, record, ..LiveRealm::default() };
        let desired = Desired { realms: [(realm.clone(), part)].into(), ..Desired::default() };
        let live = Live { realms: [(realm.clone(), live)].into() };
        let diff = diff::diff(&desired, &live, &BTreeMap::new(), &Resolved(self.secrets));
        check_secrets(&diff)?;
        Ok(Some(diff.realms.values().map(|realm| realm.changes.len()).sum()))
    }
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
    /// The servers that fail, by their names in a fleet.
    failing: BTreeSet<Option<&'a str>>,
}

impl Ended<'_> {
    fn result(mut self, context: &Context, interrupted: bool) -> Result<(), Error> {
        if !self.touched && !self.refused.is_empty() {
            // Nothing was changed, so the first reason is the whole story.
            return Err(self.refused.remove(0));
        }
        for error in &self.refused {
            context.output.message(&format!("error: {error}"));
        }
        // Servers end in whatever order.
        self.unfinished.sort_unstable();
        match (self.unfinished.as_slice(), interrupted) {
            // An interruption that comes when all is done changes nothing.
            ([], _) => Ok(()),
            (realms, true) => Err(Error::Partial(format!("interrupted; partly applied: {}", realms.join(", ")))),
            (realms, false) => Err(Error::Partial(format!("partly applied: {}", realms.join(", ")))),
        }
    }
}

/// Renews the lock while steps run; over when somebody took it away. That it cannot be looked at for a while says nothing
/// of the sort.
async fn lock_loss(server: &Server<'_>, plan: &RealmPlan) {
    // The lock goes with the realm.
    if plan.deletes_realm() {
        return pending().await;
    }
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        let is_due = renewed.elapsed() > LOCK_TIME / 3;
        match server.has_lock(is_due).await {
            Ok(false) => return,
            Ok(true) if is_due => renewed = Instant::now(),
            Ok(true) => {}
            Err(error) => tracing::warn!(%error, "the lock could not be looked at, or not be renewed"),
        }
    }
}

fn describe(plan: &RealmPlan, step: usize) -> String {
    let step = &plan.steps[step];
    let change = plan.change(step);
    format!("{} {}", verb(step.action, &change.action), change.address)
}
