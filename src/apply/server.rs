//! Carrying steps out on a Keycloak server.

use std::borrow::Cow;
use std::cell::OnceCell;

use serde_json::Value;

use super::{Executor, OpenError, Secrets};
use crate::diff::{Action, After, Before, Change, FieldChange};
use crate::keycloak::{Changes, Holder, Http, Leaf, Leaves, Ledger, Links, Lock, ServerError, Writer};
use crate::model::{Address, Record};
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
    /// The name that the realm has when the run begins.
    former: String,
    opened: OnceCell<(Ledger, Lock)>,
}

impl<'a> Server<'a> {
    /// For a realm as it was read; `live` is `None` for one that does not exist yet.
    pub fn new(
        http: Http,
        project: &'a str,
        realm: &'a str,
        live: Option<crate::model::LiveRealm>,
        secrets: &'a Secrets,
        holder: Holder,
    ) -> Self {
        let (previous, record_id) = live.as_ref().map_or((None, None), |it| (it.record.clone(), it.record_id.clone()));
        let former = live.as_ref().and_then(|it| it.renamed_from.clone()).unwrap_or_else(|| realm.to_owned());
        let writer = Writer::new(http.clone(), realm, live);
        Self { http, project, realm, writer, secrets, holder, previous, record_id, former, opened: OnceCell::new() }
    }

    /// What was applied before.
    pub fn previous(&self) -> Option<&Record> {
        self.previous.as_ref()
    }

    /// Makes the lock last; to be called every few minutes while steps run.
    ///
    /// # Errors
    /// The server's failures.
    pub async fn renew(&self) -> Result<(), ServerError> {
        match self.opened.get() {
            Some((ledger, lock)) => self.by_now(ledger).renew(lock).await,
            None => Ok(()),
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

    async fn create(&self, plan: &RealmPlan, step: &Step) -> Result<(), ServerError> {
        let leaves = self.leaves(plan.fields(step))?;
        let carried = plan.carried(step).map(|change| Ok((change.address.clone(), self.leaves(change.fields.iter())?)));
        let carried: Vec<(Address, Leaves)> = carried.collect::<Result<_, ServerError>>()?;
        self.writer.create(&plan.change(step).address, &leaves, &carried).await
    }

    async fn update(&self, plan: &RealmPlan, step: &Step) -> Result<(), ServerError> {
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
        let id = self.record_id.clone();
        let is_new = id.is_none();
        let ledger = Ledger::open(self.http.clone(), &self.former, self.project, id, intent).await?;
        let lock = match ledger.lock(&self.holder).await? {
            Ok(lock) => lock,
            Err(held) => return Err(OpenError::Locked(Box::new(held))),
        };
        let prepared = prepare(&ledger, self.realm, self.previous.as_ref(), intent, is_new).await;
        if prepared.is_err() {
            ledger.unlock(&lock).await?;
        }
        prepared?;
        // Opened once for each run, so the cell is empty.
        drop(self.opened.set((ledger, lock)));
        Ok(())
    }

    async fn run(&self, plan: &RealmPlan, step: &Step) -> Result<(), ServerError> {
        match step.action {
            StepAction::Create => self.create(plan, step).await,
            StepAction::Update => self.update(plan, step).await,
            StepAction::Link => self.link(plan, step).await,
            StepAction::Delete => self.writer.delete(&plan.change(step).address).await,
        }
    }

    async fn close(&self, record: &Record) -> Result<(), ServerError> {
        let Some((ledger, lock)) = self.opened.get() else { return Ok(()) };
        let ledger = self.by_now(ledger);
        let written = ledger.write(record).await;
        ledger.unlock(lock).await?;
        written
    }
}

/// Under the lock: the record is still the one that the plan was made from, and knows what is about to be made.
async fn prepare(
    ledger: &Ledger,
    realm: &str,
    previous: Option<&Record>,
    intent: &Record,
    is_new: bool,
) -> Result<(), OpenError> {
    let now = ledger.record(realm).await?;
    if is_new && now.as_ref().is_some_and(|now| now.objects == intent.objects) {
        return Ok(());
    }
    if now.as_ref() != previous {
        let commit = now.and_then(|it| it.commit).unwrap_or_else(|| "something".to_owned());
        return Err(OpenError::Stale { commit });
    }
    // A run that makes nothing new leaves nothing unknown behind.
    if previous.is_none_or(|previous| intent.objects.keys().any(|it| !previous.objects.contains_key(it))) {
        ledger.write(intent).await?;
    }
    Ok(())
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
