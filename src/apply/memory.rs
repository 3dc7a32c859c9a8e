//! Carrying steps out on values: what the laws of a plan are tried on. A script in the tests runs the same plans here
//! and on a server and compares, so that this cannot lie.

use std::cell::RefCell;

use secrecy::SecretString;
use serde_json::Value;

use super::{Executor, OpenError, Secrets};
use crate::diff::{Action, After, Change, FieldChange};
use crate::keycloak::ServerError;
use crate::model::{FieldPath, LiveObject, LiveRealm, LiveValue, Record, Type};
use crate::plan::{RealmPlan, Step, StepAction};

/// One realm as a value.
#[derive(Debug)]
pub struct Memory<'a> {
    live: RefCell<LiveRealm>,
    secrets: &'a Secrets,
    /// How many steps may still run before all others fail: a run that is cut off.
    budget: RefCell<usize>,
}

impl<'a> Memory<'a> {
    /// A realm that has `live`, on which `budget` steps succeed.
    pub fn new(live: LiveRealm, secrets: &'a Secrets, budget: usize) -> Self {
        Self { live: RefCell::new(live), secrets, budget: RefCell::new(budget) }
    }

    /// What the realm has now.
    pub fn into_live(self) -> LiveRealm {
        self.live.into_inner()
    }

    fn spend(&self) -> Result<(), ServerError> {
        let mut budget = self.budget.borrow_mut();
        *budget = budget.checked_sub(1).ok_or_else(|| ServerError::Refused("cut off".to_owned()))?;
        Ok(())
    }

    fn create(&self, change: &Change) {
        let id = change.address.to_string();
        let object = LiveObject { kind: change.kind, id, fields: std::collections::BTreeMap::new() };
        self.live.borrow_mut().objects.insert(change.address.clone(), object);
    }

    fn rename(&self, change: &Change) {
        let Action::Rename { from } = &change.action else { return };
        let objects = std::mem::take(&mut self.live.borrow_mut().objects);
        let moved = objects.into_iter().map(|(address, object)| (address.moved(from, &change.address), object));
        self.live.borrow_mut().objects = moved.collect();
    }

    fn write<'b>(&self, change: &Change, fields: impl Iterator<Item = &'b FieldChange>) {
        let mut live = self.live.borrow_mut();
        let Some(object) = live.objects.get_mut(&change.address) else { return };
        for field in fields {
            match self.value(change.kind.leaf_type(&field.path), &field.path, &field.after) {
                Some(value) => object.fields.insert(field.path.clone(), value),
                None => object.fields.remove(&field.path),
            };
        }
    }

    /// The server masks every secret but a client's own.
    fn value(&self, ty: Type, path: &FieldPath, after: &After) -> Option<LiveValue> {
        match after {
            After::Json(value) | After::Default(value) => {
                (!says_nothing(value)).then(|| LiveValue::Json(value.clone()))
            }
            After::Secret(reference) if ty == Type::Secret && path.top() == "secret" => {
                self.secrets.get(reference).cloned().map(|value: SecretString| LiveValue::Secret(value))
            }
            After::Secret(_) => Some(LiveValue::Masked),
            After::Absent => None,
        }
    }
}

impl Executor for Memory<'_> {
    async fn open(&self, intent: &Record) -> Result<(), OpenError> {
        self.live.borrow_mut().record = Some(intent.clone());
        Ok(())
    }

    async fn found(&self, plan: &RealmPlan, step: &Step, intent: &Record) -> Result<(), OpenError> {
        self.run(plan, step).await?;
        self.open(intent).await
    }

    async fn run(&self, plan: &RealmPlan, step: &Step) -> Result<(), ServerError> {
        self.spend()?;
        let change = plan.change(step);
        match step.action {
            StepAction::Delete => {
                // Groups inside of a group go with it, and their addresses are not below its own.
                for gone in std::iter::once(change).chain(plan.carried(step)) {
                    self.live.borrow_mut().objects.retain(|address, _| !address.is_within(&gone.address));
                }
            }
            StepAction::Create => {
                for made in std::iter::once(change).chain(plan.carried(step)) {
                    self.create(made);
                }
                plan.carried(step).for_each(|carried| self.write(carried, carried.fields.iter()));
            }
            StepAction::Update => self.rename(change),
            StepAction::Link => {}
        }
        self.write(change, plan.fields(step));
        Ok(())
    }

    async fn close(&self, record: &Record) -> Result<(), ServerError> {
        self.live.borrow_mut().record = Some(record.clone());
        Ok(())
    }
}

fn says_nothing(value: &Value) -> bool {
    value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty)
}
