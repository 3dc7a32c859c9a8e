/*!
Walking a plan: step by step, side by side where steps do not wait for each other.

What a step does is behind [`Executor`]: [`server::Server`] writes to Keycloak, [`memory::Memory`] to values, so that
the laws of a plan can be tried without a server. This room decides nothing: it starts what may start, notes what
succeeded, and writes that into the record.
*/

pub mod memory;
mod record;
pub mod server;
mod walk;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::sync::watch;

use crate::diff::Change;
use crate::keycloak::{Lock, ServerError};
use crate::model::{Destination, Handed, RealmName, Record};
use crate::plan::{RealmPlan, Step};

/// What was looked at longer ago than this is looked at once more before it is changed: somebody may have been there.
pub const FRESH: Duration = Duration::from_secs(5);

/// Secrets by what names them.
pub use crate::secrets::Values as Secrets;

/// What a plan is carried out on: one realm at a time.
#[expect(async_fn_in_trait, reason = "both implementations are polled where they are made, on one thread")]
pub trait Executor {
    /// Makes sure that nobody else writes to the realm, and that its record is the one that the plan was made from.
    /// `intent` names what this run is about to make, so that a killed run leaves nothing behind that nobody owns.
    async fn open(&self, intent: &Record) -> Result<(), OpenError>;

    /// Makes the realm, and its record in the same request: it cannot be locked before, and is owned from the start.
    async fn found(&self, plan: &RealmPlan, step: &Step, intent: &Record) -> Result<(), OpenError>;

    /// Does one step: `carried` are the changes of objects below that the same request makes.
    async fn run(&self, plan: &RealmPlan, step: &Step) -> Result<(), ServerError>;

    /// Keeps what was achieved, and lets others write again. Not called when the realm itself is gone.
    async fn close(&self, record: &Record) -> Result<(), ServerError>;
}

/// Why a realm was not opened for writing. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another run is at work.
    #[error("another run holds the lock")]
    Locked(Box<Lock>),
    /// Another run finished since the plan was made.
    #[error("another run applied {commit} since this plan was made")]
    Stale {
        /// What it applied.
        commit: String,
    },
    /// The server said no.
    #[error(transparent)]
    Failed(#[from] ServerError),
}

/// Hands over what a run made, and takes back what is handed over no longer. What fails it tells by itself, and the next run
/// tries it again: it is on record as it was.
pub trait HandOver {
    /// Takes back what a plan says, and nothing else: the realm is about to go.
    ///
    /// # Errors
    /// What could not be taken back: then the realm has to stay, since nobody would remember.
    fn take_back<'a>(&'a self, plan: &'a RealmPlan, previous: &'a Outputs) -> LocalBoxFuture<'a, Result<(), String>>;

    /// Hands over what there is now, and takes back what a plan says. Answers what is handed over then.
    fn hand_over<'a>(
        &'a self,
        realm: &'a RealmName,
        plan: &'a RealmPlan,
        previous: &'a Outputs,
    ) -> LocalBoxFuture<'a, Outputs>;
}

/// What is handed over, by destination.
pub type Outputs = BTreeMap<Destination, Handed>;

/// Who applies what: this goes into the record.
#[derive(Clone, Debug, Default)]
pub struct Stamp {
    /// The commit that is applied.
    pub commit: Option<String>,
    /// Whether the work tree differed from it.
    pub dirty: bool,
    /// The environment that it is applied in.
    pub environment: Option<String>,
    /// The person or CI run.
    pub actor: String,
    /// When, in RFC 3339.
    pub time: String,
}

/// What happens while a plan is carried out.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step is under way.
    Started(&'a Change, &'a Step),
    /// A step succeeded.
    Done(&'a Change, &'a Step),
    /// A step failed.
    Failed(&'a Change, &'a Step, &'a ServerError),
    /// No further step is started, since the run was interrupted.
    Interrupted,
}

/// How the steps of one realm ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Steps that succeeded, by index.
    pub done: Vec<usize>,
    /// Steps that failed, with the reason.
    pub failed: Vec<(usize, ServerError)>,
    /// Steps that were not tried, since one that they need failed or the run was interrupted.
    pub skipped: Vec<usize>,
    /// Whether the run was interrupted.
    pub interrupted: bool,
    /// What the server's record says now, unless it is gone with its realm.
    pub record: Option<Record>,
    /// Why the record could not be written or the lock not be released.
    pub record_error: Option<ServerError>,
}

impl Outcome {
    /// Whether everything was done.
    pub fn is_complete(&self) -> bool {
        let Self { done: _, failed, skipped, interrupted: _, record: _, record_error } = self;
        failed.is_empty() && skipped.is_empty() && record_error.is_none()
    }
}

/// One realm's plan with what is needed to carry it out.
pub struct Run<'a> {
    /// The realm.
    pub realm: &'a RealmName,
    /// What is to be done.
    pub plan: &'a RealmPlan,
    /// What was applied before.
    pub previous: Option<&'a Record>,
    /// The secrets that the plan names.
    pub secrets: &'a Secrets,
    /// For the record.
    pub stamp: &'a Stamp,
    /// What hands over what is made; `None` where nothing is handed over or taken back.
    pub hand_over: Option<&'a dyn HandOver>,
    /// How many steps are under way at once.
    pub parallelism: usize,
    /// Becomes true when no further step shall start.
    pub interrupted: watch::Receiver<bool>,
}

impl Run<'_> {
    /// Carries the plan out. Whatever happens, the record says what was achieved.
    ///
    /// # Errors
    /// Nothing was changed: the realm could not be opened for writing.
    pub async fn carry_out(
        self,
        executor: &impl Executor,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<Outcome, OpenError> {
        let intent = record::intent(&self);
        let mut walk = walk::Walk::new(&self);
        // A realm that does not exist yet cannot be locked: its creation, which only one run can win, comes first.
        let mut outcome = Outcome::default();
        if let Some(step) = walk.realm_creation() {
            match executor.found(self.plan, &self.plan.steps[step], &intent).await {
                Ok(()) => walk.succeeded(step, &mut outcome),
                Err(OpenError::Failed(error)) => {
                    walk.failed(&self, step, error, on_event, &mut outcome);
                    walk.finish(&self, on_event, &mut outcome);
                    return Ok(outcome);
                }
                Err(error) => return Err(error),
            }
        }
        match executor.open(&intent).await {
            Ok(()) => {}
            // The realm is made, and its record says what was meant to be.
            Err(OpenError::Failed(error)) if !outcome.done.is_empty() => {
                walk.finish(&self, on_event, &mut outcome);
                outcome.record_error = Some(error);
                return Ok(outcome);
            }
            Err(error) => return Err(error),
        }
        walk.run(&self, executor, on_event, &mut outcome).await;
        if !record::realm_is_gone(&self, &outcome) {
            let mut record = record::achieved(&self, &outcome);
            record.outputs = self.outputs(&outcome).await;
            outcome.record_error = executor.close(&record).await.err();
            outcome.record = Some(record);
        }
        Ok(outcome)
    }

    /// Does one step. What was handed over of a realm goes before the realm does, while the record remembers it.
    async fn step(&self, executor: &impl Executor, step: &Step) -> Result<(), ServerError> {
        if let Some(hand_over) = self.hand_over.filter(|_| record::is_realm_deletion(self, step)) {
            hand_over.take_back(self.plan, &self.handed_before()).await.map_err(ServerError::Refused)?;
        }
        executor.run(self.plan, step).await
    }

    /// What is handed over when the run ends: as it was, unless everything was done.
    async fn outputs(&self, outcome: &Outcome) -> Outputs {
        let previous = self.handed_before();
        match self.hand_over.filter(|_| outcome.failed.is_empty() && outcome.skipped.is_empty()) {
            Some(hand_over) => hand_over.hand_over(self.realm, self.plan, &previous).await,
            None => previous,
        }
    }

    fn handed_before(&self) -> Outputs {
        self.previous.map(|record| record.outputs.clone()).unwrap_or_default()
    }
}
