//! What organizations wait for: the realm hides them while they are switched off, and no two may have the same name,
//! domain or identity provider at any moment.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{Step, StepAction};
use crate::diff::{Action, After, Before, Change, FieldChange, RealmDiff};
use crate::model::{FieldPath, kinds};

/// The fields of which each value belongs to one organization.
const EXCLUSIVE: &[&str] = &["domains", "identityProviders", "name"];

/// Which steps of organizations, and of the realm's switch, need which, as (step, need).
pub(super) fn needs(diff: &RealmDiff, steps: &[Step]) -> Vec<(usize, usize)> {
    let ours = |step: &Step| *diff.changes[step.change].kind == kinds::ORGANIZATION;
    let ours: Vec<usize> = steps.iter().enumerate().filter(|(_, step)| ours(step)).map(|(index, _)| index).collect();
    let (ends, writes): (Vec<usize>, Vec<usize>) =
        ours.into_iter().partition(|index| steps[*index].action == StepAction::Delete);
    let mut needs = switched(diff, steps, &ends, &writes);
    let changed = |index: usize| Changed::new(&diff.changes[steps[index].change], &steps[index]);
    let mut given_up: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for index in &writes {
        given_up.extend(changed(*index).given_up.into_iter().map(|value| (value, *index)));
    }
    for index in writes {
        let taken = changed(index).taken;
        // What a deleted one had, its deletion does not say.
        needs.extend(ends.iter().filter(|_| !taken.is_empty()).map(|end| (index, *end)));
        needs.extend(taken.iter().filter_map(|value| Some((index, *given_up.get(value)?))));
    }
    needs
}

/// The realm's switch is turned on before anything is written, and off after everything is deleted: until then the
/// server would answer that there is nothing to delete.
fn switched(diff: &RealmDiff, steps: &[Step], ends: &[usize], writes: &[usize]) -> Vec<(usize, usize)> {
    let path = FieldPath::new(["organizationsEnabled"]);
    let field = |step: &Step| {
        let change = Some(&diff.changes[step.change]).filter(|change| *change.kind == kinds::REALM)?;
        step.fields.iter().map(|field| &change.fields[*field]).find(|field| field.path == path)
    };
    let Some((switch, field)) = steps.iter().enumerate().find_map(|(index, step)| Some((index, field(step)?))) else {
        return Vec::new();
    };
    if matches!(&field.after, After::Json(value) | After::Default(value) if *value == Json::Bool(true)) {
        writes.iter().map(|write| (*write, switch)).collect()
    } else {
        ends.iter().map(|end| (switch, *end)).collect()
    }
}

/// What a step makes an organization have, and no longer have.
#[derive(Default)]
struct Changed<'a> {
    taken: BTreeSet<(&'a str, String)>,
    given_up: BTreeSet<(&'a str, String)>,
}

impl<'a> Changed<'a> {
    fn new(change: &'a Change, step: &Step) -> Self {
        let mut changed = Self::default();
        for field in step.fields.iter().map(|field| &change.fields[*field]) {
            changed.add(field);
        }
        let is_called = |(what, _): &(&str, String)| *what == "name";
        if step.action == StepAction::Create && change.action == Action::Create && !changed.taken.iter().any(is_called)
        {
            changed.taken.insert(("name", change.address.name().to_owned()));
        }
        changed
    }

    fn add(&mut self, field: &'a FieldChange) {
        let what = field.path.top();
        if !EXCLUSIVE.contains(&what) {
            return;
        }
        let before = match &field.before {
            Before::Json(value) => values(value),
            Before::Absent | Before::Secret => BTreeSet::new(),
        };
        let after = match &field.after {
            After::Json(value) | After::Default(value) => values(value),
            After::Absent | After::Secret(_) => BTreeSet::new(),
        };
        self.taken.extend(after.difference(&before).map(|value| (what, value.clone())));
        self.given_up.extend(before.difference(&after).map(|value| (what, value.clone())));
    }
}

/// One text, or the names in a list.
fn values(value: &Json) -> BTreeSet<String> {
    let items = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
    let name = |item: &Json| Some(item.as_str().or_else(|| item.get("name")?.as_str())?.to_owned());
    items.iter().filter_map(name).filter(|name| !name.is_empty()).collect()
}
