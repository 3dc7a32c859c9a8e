//! Whether two plans do the same.

use std::collections::BTreeSet;

use crate::diff::{Change, OutputChange, RealmDiff};
use crate::model::{Address, RealmName};
use crate::plan::Plan;

/// What differs between two plans, by what would be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Differences<'a> {
    /// What only the older plan does, or does otherwise.
    pub then: Vec<&'a Change>,
    /// What only the newer plan does, or does otherwise.
    pub now: Vec<&'a Change>,
    /// Objects that only one of them enters into the record, or drops from it.
    pub record: BTreeSet<&'a Address>,
    /// What only the older plan hands over or takes back.
    pub then_outputs: Vec<&'a OutputChange>,
    /// What only the newer plan hands over or takes back.
    pub now_outputs: Vec<&'a OutputChange>,
}

impl Differences<'_> {
    /// Whether both plans do the same.
    pub fn is_empty(&self) -> bool {
        let Self { then, now, record, then_outputs, now_outputs } = self;
        then.is_empty() && now.is_empty() && record.is_empty() && then_outputs.is_empty() && now_outputs.is_empty()
    }
}

impl Plan {
    /// How `now` does otherwise than this plan. Where something is declared and why it changes is no difference.
    pub fn differs<'a>(&'a self, now: &'a Self) -> Differences<'a> {
        let names: BTreeSet<&RealmName> = self.realms.keys().chain(now.realms.keys()).collect();
        let mut differ = Differences::default();
        for name in names {
            let [old, new] = [self, now].map(|plan| plan.realms.get(name).map(|realm| &realm.diff));
            differ.then.extend(only_in(old, new));
            differ.now.extend(only_in(new, old));
            let outputs = |diff: Option<&'a RealmDiff>| diff.map(|diff| diff.outputs.as_slice()).unwrap_or_default();
            differ.then_outputs.extend(outputs(old).iter().filter(|output| !outputs(new).contains(output)));
            differ.now_outputs.extend(outputs(new).iter().filter(|output| !outputs(old).contains(output)));
            let entries = |diff: Option<&'a RealmDiff>| {
                let entries = diff.into_iter().flat_map(|diff| diff.adopted.iter().chain(&diff.forgotten));
                entries.collect::<BTreeSet<_>>()
            };
            differ.record.extend(entries(old).symmetric_difference(&entries(new)));
        }
        differ
    }
}

/// The changes of one difference that the other does not have, or has otherwise.
fn only_in<'a>(diff: Option<&'a RealmDiff>, other: Option<&'a RealmDiff>) -> impl Iterator<Item = &'a Change> {
    diff.into_iter().flat_map(|diff| &diff.changes).filter(move |change| {
        let same = other.and_then(|other| Some(&other.changes[other.find(&change.address)?]));
        !same.is_some_and(|same| does_the_same(same, change))
    })
}

fn does_the_same(a: &Change, b: &Change) -> bool {
    let fields = |change: &Change| {
        let fields = change.fields.iter().map(|field| (field.path.clone(), field.before.clone(), field.after.clone()));
        fields.collect::<Vec<_>>()
    };
    a.action == b.action && fields(a) == fields(b)
}
