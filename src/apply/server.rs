//! Carrying steps out on a Keycloak server.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::time::Instant;

use serde_json::Value;

use super::{Executor, FRESH, OpenError, Secrets};
use crate::diff::{Action, After, Before, Change, FieldChange};
use crate::keycloak::path::segment;
use crate::keycloak::{
    Changes, Holder, Http, HttpError, Interest, Leaf, Leaves, Ledger, Links, Lock, NewLedger, ServerError, Writer,
    read_again,
};
use crate::model::{Address, Record, Shape};
use crate::plan::saved::moved_leaves;
use crate::plan::{RealmPlan, Step, StepAction};

/// One realm of a server.
pub struct Server<'a> {
    http: Http,
    project: &'a str,
    realm: &'a str,
    writer: Writer,
    secrets: &'a Secrets,
    holder: Holder,
    /// What the plan was made from.
    previous: Option<Record>,
    record_id: Option<String>,
    /// The record that this run made together with the realm.
    founded: OnceCell<NewLedger>,
    /// The name that the realm has when the run begins.
    former: String,
    /// Found or made at the first try to open the realm: others may hold its lock then, and end.
    ledger: OnceCell<Ledger>,
    opened: OnceCell<Opened>,
    /// Whether the lock is being released.
    closing: Cell<bool>,
    /// When the objects that the plan changes were looked at.
    looked_at: Instant,
    /// Whether the plan renames anything, once that was asked.
    renames: OnceCell<bool>,
}

/// What this run holds.
struct Opened {
    ledger: Ledger,
    lock: Lock,
    /// The record as this run left it when it began.
    record: Record,
}

impl<'a> Server<'a> {
    /// For a realm as it was read, or looked at again, at that time; `live` is `None` for one that does not exist yet.
    pub fn new(
        http: Http,
        project: &'a str,
        realm: &'a str,
        live: Option<crate::model::LiveRealm>,
        secrets: &'a Secrets,
        holder: Holder,
        looked_at: Instant,
    ) -> Self {
        let (previous, record_id) = live.as_ref().map_or((None, None), |it| (it.record.clone(), it.record_id.clone()));
        let former = live.as_ref().and_then(|it| it.renamed_from.clone()).unwrap_or_else(|| realm.to_owned());
        let writer = Writer::new(http.clone(), realm, live);
        // As much as Keycloak keeps of an attribute of a role, which the lock is.
        let holder = Holder { actor: holder.actor.chars().take(255).collect(), ..holder };
        Self {
            http,
            project,
            realm,
            writer,
            secrets,
            holder,
            previous,
            record_id,
            founded: OnceCell::new(),
            former,
            ledger: OnceCell::new(),
            opened: OnceCell::new(),
            closing: Cell::new(false),
            looked_at,
            renames: OnceCell::new(),
        }
    }

    /// What was applied before.
    pub fn previous(&self) -> Option<&Record> {
        self.previous.as_ref()
    }

    /// Looks whether this run still has its lock, and makes that last where it is to be renewed. `false` says that
    /// somebody took it away; where nobody can tell, it is taken to be there.
    ///
    /// # Errors
    /// The server's failures.
    pub async fn has_lock(&self, renew: bool) -> Result<bool, ServerError> {
        let Some(Opened { ledger, lock, record: _ }) = self.opened.get() else { return Ok(true) };
        // Between two names nobody knows where to look.
        if self.former != self.realm && !self.writer.realm_is_renamed() {
            return Ok(true);
        }
        let ledger = self.by_now(ledger);
        let held = ledger.still_held(lock).await?;
        if let Some(lock) = held.as_ref().filter(|_| renew) {
            ledger.renew(lock).await?;
        }
        // The answer may be older than the question whether the run itself released it.
        Ok(held.is_some() || self.closing.get())
    }

    /// Takes the lock once more, for the record only, after somebody took it away. The record has to be the one that this
    /// run left: what it was about to make is in it, so that nothing is lost with what cannot be written any more.
    async fn take_again(&self, ledger: &Ledger, left: &Record) -> Result<Lock, ServerError> {
        let lost = |what: &str| {
            ServerError::Refused(format!("somebody took this run's lock away, and {what}; the record is left to them"))
        };
        let lock = ledger.lock(&self.holder).await?.map_err(|lock| lost(&format!("{} holds it now", lock.holder)))?;
        match ledger.record(self.realm).await {
            Ok(Some(record)) if record == *left => Ok(lock),
            other => {
                ledger.unlock(&lock).await?;
                other.and(Err(lost("another run has written the record since")))
            }
        }
    }

    /// The ledger under the name that its realm has by now.
    fn by_now<'b>(&self, ledger: &'b Ledger) -> Cow<'b, Ledger> {
        if self.writer.realm_is_renamed() { Cow::Owned(ledger.in_realm(self.realm)) } else { Cow::Borrowed(ledger) }
    }

    fn leaf(&self, after: &After) -> Result<Option<Leaf>, ServerError> {
        Ok(match after {
            After::Json(value) | After::Default(value) => Some(Leaf::Json(value.clone())),
            After::Absent => None,
            After::Secret(reference) => {
                let value = self.secrets.get(reference).cloned();
                Some(Leaf::Secret(value.ok_or_else(|| ServerError::Refused(format!("no value for {reference}")))?))
            }
        })
    }

    fn leaves<'b>(&self, fields: impl Iterator<Item = &'b FieldChange>) -> Result<Leaves, ServerError> {
        let mut leaves = Leaves::new();
        for field in fields {
            if let Some(leaf) = self.leaf(&field.after)? {
                leaves.insert(field.path.clone(), leaf);
            }
        }
        Ok(leaves)
    }

    async fn ledger(&self, intent: &Record) -> Result<Ledger, ServerError> {
        let Self { http, realm, project, .. } = self;
        if let Some(ledger) = self.ledger.get() {
            return Ok(ledger.clone());
        }
        let ledger = match (&self.record_id, self.founded.get()) {
            (Some(id), _) => Ledger::open(http.clone(), &self.former, project, id.clone()),
            (None, Some(new)) => Ledger::with_realm(http.clone(), realm, project, new),
            (None, None) => {
                Ledger::create(http.clone(), &self.former, project, &NewLedger::new(project, intent)).await?
            }
        };
        Ok(self.ledger.get_or_init(|| ledger).clone())
    }

    /// What it means that the realm was not made: the answer of an earlier try was lost, somebody else made it since
    /// the plan was made, or the server does not want it as it is.
    async fn met(&self, error: HttpError, ledger: &NewLedger) -> Result<(), OpenError> {
        self.http.refresh_token().await.map_err(ServerError::from)?;
        if ledger.exists(&self.http, self.realm, self.project).await? {
            return Ok(());
        }
        match self.http.find(&format!("/{}", segment(self.realm))).await.map_err(ServerError::from)? {
            Some(_) => Err(OpenError::Stale { commit: "something".to_owned() }),
            None => Err(ServerError::from(error).into()),
        }
    }

    async fn create(&self, plan: &RealmPlan, step: &Step) -> Result<(), ServerError> {
        let leaves = self.leaves(plan.fields(step))?;
        let carried = plan.carried(step).map(|change| Ok((change.address.clone(), self.leaves(change.fields.iter())?)));
        let carried: Vec<(Address, Leaves)> = carried.collect::<Result<_, ServerError>>()?;
        self.writer.create(&plan.change(step).address, &leaves, &carried).await
    }

    /// What an update is to change is still what the plan takes it for. Names of others go one by one, and so are no
    /// updates; an object that gets another name is left out, since nobody knows by which it would be found.
    async fn check_unmoved(&self, plan: &RealmPlan, step: &Step) -> Result<(), ServerError> {
        let change = plan.change(step);
        if self.looked_at.elapsed() < FRESH || change.action != Action::Update || self.former != self.realm {
            return Ok(());
        }
        let paths = plan.fields(step).map(|field| field.path.clone()).collect();
        let leaves = Record { objects: [(change.address.clone(), Shape::new(paths))].into(), ..Record::default() };
        let mut interest = Interest::default();
        interest.add_record(&leaves);
        let now = read_again(&self.http, &self.realm.to_owned(), &interest).await?;
        let renames = *self.renames.get_or_init(|| plan.renames());
        let moved = now.get(&change.address).map(|now| moved_leaves(change, plan.fields(step), renames, now));
        let moved: Vec<String> = moved.into_iter().flatten().map(|leaf| leaf.path.to_string()).collect();
        if moved.is_empty() {
            return Ok(());
        }
        Err(ServerError::Refused(format!(
            "somebody changed {} on the server since it was planned, so it was left alone; plan again",
            moved.join(", ")
        )))
    }

    async fn update(&self, plan: &RealmPlan, step: &Step) -> Result<(), ServerError> {
        self.check_unmoved(plan, step).await?;
        let change = plan.change(step);
        let mut changes = Changes::new();
        for field in plan.fields(step) {
            changes.insert(field.path.clone(), self.leaf(&field.after)?);
        }
        self.writer.update(&change.address, renamed_from(change), &changes).await
    }

    async fn link(&self, plan: &RealmPlan, step: &Step) -> Result<(), ServerError> {
        let links: Links =
            plan.fields(step).map(|it| (it.path.clone(), (before(&it.before), after(&it.after)))).collect();
        self.writer.link(&plan.change(step).address, &links).await
    }
}

impl Executor for Server<'_> {
    async fn open(&self, intent: &Record) -> Result<(), OpenError> {
        let ledger = self.ledger(intent).await?;
        let lock = match ledger.lock(&self.holder).await? {
            Ok(lock) => lock,
            Err(held) => return Err(OpenError::Locked(Box::new(held))),
        };
        let prepared = prepare(&ledger, self.realm, self.previous.as_ref(), intent).await;
        if prepared.is_err() {
            ledger.unlock(&lock).await?;
        }
        let record = prepared?.clone();
        // Opened once for each run, so the cell is empty.
        drop(self.opened.set(Opened { ledger, lock, record }));
        Ok(())
    }

    async fn found(&self, plan: &RealmPlan, step: &Step, intent: &Record) -> Result<(), OpenError> {
        let leaves = self.leaves(plan.fields(step))?;
        let ledger = self.founded.get_or_init(|| NewLedger::new(self.project, intent));
        match self.writer.create_realm(&plan.change(step).address, &leaves, ledger).await {
            // Two creations at once: the later one is told 400 with "Database operation failed", not 409.
            Err(ServerError::Http(e)) if matches!(e.status(), Some(400 | 409)) => self.met(e, ledger).await,
            made => Ok(made?),
        }
    }

    async fn run(&self, plan: &RealmPlan, step: &Step) -> Result<(), ServerError> {
        match step.action {
            StepAction::Create => self.create(plan, step).await,
            StepAction::Update => self.update(plan, step).await,
            StepAction::Link => self.link(plan, step).await,
            StepAction::Delete => self.writer.delete(&plan.change(step).address).await,
        }?;
        self.writer.put_back(&plan.change(step).address, &plan.diff.managed).await
    }

    async fn close(&self, record: &Record) -> Result<(), ServerError> {
        let Some(Opened { ledger, lock, record: left }) = self.opened.get() else { return Ok(()) };
        self.closing.set(true);
        let ledger = self.by_now(ledger);
        let lock = match ledger.still_held(lock).await? {
            Some(lock) => lock,
            None => self.take_again(&ledger, left).await?,
        };
        let written = ledger.write(record).await;
        ledger.unlock(&lock).await?;
        written
    }
}

/// Under the lock: the record is still the one that the plan was made from, and knows what is about to be made. Answers
/// what it says then.
async fn prepare<'r>(
    ledger: &Ledger,
    realm: &str,
    previous: Option<&'r Record>,
    intent: &'r Record,
) -> Result<&'r Record, OpenError> {
    // A new ledger was made with the intent in it; another run may have found it, and even ended, before we locked it.
    let mine = ledger.is_new().then_some(intent);
    let now = ledger.record(realm).await?;
    if mine.is_some() && now.as_ref() == mine {
        return Ok(intent);
    }
    if now.as_ref() != previous {
        let commit = now.and_then(|it| it.commit).unwrap_or_else(|| "something".to_owned());
        return Err(OpenError::Stale { commit });
    }
    // A run that makes and sets nothing new leaves nothing unknown behind.
    if let Some(previous) = previous.filter(|previous| intent.objects == previous.objects) {
        return Ok(previous);
    }
    ledger.write(intent).await?;
    Ok(intent)
}

fn renamed_from(change: &Change) -> Option<&Address> {
    match &change.action {
        Action::Rename { from } => Some(from),
        Action::Create | Action::Update | Action::Delete { .. } => None,
    }
}

fn before(before: &Before) -> Value {
    match before {
        Before::Json(value) => value.clone(),
        Before::Absent | Before::Secret => Value::Null,
    }
}

fn after(after: &After) -> Value {
    match after {
        After::Json(value) | After::Default(value) => value.clone(),
        // No name is a secret.
        After::Absent | After::Secret(_) => Value::Null,
    }
}
