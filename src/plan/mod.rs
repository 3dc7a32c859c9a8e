/*!
From differences to an ordered plan, or a refusal.

A plan is data: the changes as a person reviews them, and the steps as they will run, each with the steps it waits
for. Pure and synchronous; apply makes no choices of its own.

- `steps`: which requests a change needs, and what each waits for.
- `order`: an order in which the steps could run one after the other.
- `guards`: what a plan must not do unless the policy or the command line says so.
- `access`: the guards of whoever has to keep a way in.
- `ownership`: what belongs to another project.
- [`explain`]: who is behind a change.
- [`saved`]: a plan that is kept, and whether it still holds.
*/

mod access;
pub mod explain;
mod guards;
mod order;
mod organizations;
mod ownership;
pub mod saved;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use guards::{Guard, Policy, Refusal, Violation};
pub use ownership::Owners;

use crate::diff::{Action, Change, Concern, Diff, FieldChange, RealmDiff, concerns};
use crate::model::RealmName;

/// What would be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// By realm name, those with nothing to do included.
    pub realms: BTreeMap<RealmName, RealmPlan>,
}

/// What would be done to one realm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RealmPlan {
    /// The difference that the steps remove.
    pub diff: RealmDiff,
    /// In an order in which they could run one after the other.
    pub steps: Vec<Step>,
}

/// One unit of work of one object: what succeeds or fails as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub action: StepAction,
    /// The object, as an index into the changes of the difference.
    pub change: usize,
    /// The leaves it writes, as indexes into the fields of the change. Each is in one step only.
    pub fields: Vec<usize>,
    /// Changes of objects below it that the same request carries (mappers of a new client, everything below a deleted one).
    pub carries: Vec<usize>,
    /// Indexes of earlier steps that must have succeeded.
    pub needs: Vec<usize>,
}

/// What a step does with its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepAction {
    /// Makes it, with every leaf that its own representation carries.
    Create,
    /// Writes the leaves of its own representation that differ, a new name included.
    Update,
    /// Writes the leaves that have endpoints of their own and name other objects: composites, scopes, bindings.
    Link,
    /// Deletes it.
    Delete,
}

/// Orders the differences into steps and holds them against the policy.
pub fn plan(diff: Diff, policy: &Policy) -> Result<Plan, Refusal> {
    let realms = diff.realms.into_iter().map(|(name, diff)| {
        let steps = order::ordered(steps::steps(&diff));
        (name, RealmPlan { diff, steps })
    });
    check(Plan { realms: realms.collect() }, policy)
}

/// Holds a plan against a policy.
pub fn check(plan: Plan, policy: &Policy) -> Result<Plan, Refusal> {
    let violations = guards::violations(&plan, policy);
    if violations.is_empty() { Ok(plan) } else { Err(Refusal { plan, violations }) }
}

impl Plan {
    /// The realms in which something is to be done, in stages that are applied one after the other: what moves from one to
    /// another is made before it goes, so that people can sign in all the time.
    pub fn stages(&self) -> impl Iterator<Item = Vec<(&RealmName, &RealmPlan)>> {
        let deletes = |plan: &RealmPlan| plan.diff.changes.iter().any(Change::is_deletion);
        let mut stages: BTreeMap<(bool, bool), Vec<_>> = BTreeMap::new();
        for (name, plan) in self.realms.iter().filter(|(_, plan)| !plan.is_empty()) {
            stages.entry((plan.deletes_realm(), deletes(plan))).or_default().push((name, plan));
        }
        stages.into_values()
    }

    /// What of it to look at first.
    pub fn concerns(&self) -> Vec<Concern> {
        concerns(self.realms.values().map(|realm| &realm.diff))
    }

    /// Whether there is nothing to do, not even to a record.
    pub fn is_empty(&self) -> bool {
        self.realms.values().all(RealmPlan::is_empty)
    }
}

impl RealmPlan {
    /// The object of a step.
    pub fn change(&self, step: &Step) -> &Change {
        &self.diff.changes[step.change]
    }

    /// The leaves that a step writes.
    pub fn fields<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = &'a FieldChange> {
        step.fields.iter().map(|field| &self.change(step).fields[*field])
    }

    /// The objects below that a step carries.
    pub fn carried<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = &'a Change> {
        step.carries.iter().map(|change| &self.diff.changes[*change])
    }

    /// Whether there is nothing to do, not even to the record.
    pub fn is_empty(&self) -> bool {
        self.diff.is_empty()
    }

    /// Whether the realm itself goes, and all in it.
    pub fn deletes_realm(&self) -> bool {
        self.diff.changes.iter().any(|change| change.is_deletion() && change.address.parent().is_none())
    }

    /// Whether anything gets another name.
    pub fn renames(&self) -> bool {
        self.diff.changes.iter().any(|change| matches!(change.action, Action::Rename { .. }))
    }
}
