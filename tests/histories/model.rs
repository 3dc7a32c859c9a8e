//! What an apply has to come to: from the realm as it was, the record and the files, leaf by leaf.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::files::{Said, default_of};
use super::server::{Object, Snapshot, says_nothing};

/// The managed objects with their declared fields, as a record has them.
pub(super) type Applied = BTreeMap<String, BTreeSet<String>>;

/// All that files say, by address and path.
pub(super) type Wanted = BTreeMap<String, BTreeMap<String, Said>>;

/// What becomes of the objects that change, by address; all others stay as they are.
pub(super) type Fates = BTreeMap<String, Fate>;

#[derive(Debug)]
pub(super) enum Fate {
    /// It is made with these leaves, and others as the server likes.
    Made(BTreeMap<String, Expected>),
    /// These leaves change.
    Changed(BTreeMap<String, Expected>),
    Gone,
}

#[derive(Debug)]
pub(super) enum Expected {
    Is(Value),
    /// The server makes a new secret where the files have none any more.
    Not(Value),
}

/// Whether an object is this one or would go with it.
pub(super) fn is_within(address: &str, above: &str) -> bool {
    address.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What is to happen.
pub(super) fn fates(before: &Snapshot, applied: &Applied, wanted: &Wanted) -> Fates {
    let mut fates = Fates::new();
    for address in applied.keys().filter(|it| !wanted.contains_key(*it)) {
        if before.contains_key(address) {
            let gone = before.keys().filter(|it| is_within(it, address));
            fates.extend(gone.map(|it| (it.clone(), Fate::Gone)));
        }
    }
    for (address, leaves) in wanted {
        let expected = leaves.iter().map(|(path, said)| (path.clone(), said.raw.clone()));
        let Some(object) = before.get(address) else {
            let leaves = expected.map(|(path, value)| (path, Expected::Is(value))).collect();
            fates.insert(address.clone(), Fate::Made(leaves));
            continue;
        };
        let has = |path: &str, value: &Value| same(object.get(path), value);
        let mut changed: BTreeMap<String, Expected> = expected
            .filter(|(path, value)| !has(path, value))
            .map(|(path, value)| (path, Expected::Is(value)))
            .collect();
        for path in applied.get(address).into_iter().flatten().filter(|path| !leaves.contains_key(*path)) {
            let default = default_of(address, path);
            if path == "secret" {
                changed.extend(object.get(path).map(|old| (path.clone(), Expected::Not(old.clone()))));
            } else if !has(path, &default) {
                changed.insert(path.clone(), Expected::Is(default));
            }
        }
        if !changed.is_empty() {
            fates.insert(address.clone(), Fate::Changed(changed));
        }
    }
    fates
}

/// Says that just this has happened, and nothing else.
pub(super) fn assert_came_to(before: &Snapshot, after: &Snapshot, fates: &Fates) {
    let addresses: BTreeSet<&String> = before.keys().chain(after.keys()).chain(fates.keys()).collect();
    for address in addresses {
        let (old, new) = (before.get(address), after.get(address));
        match fates.get(address) {
            None => assert!(old == new, "{address} is not to change: {}", difference(old, new)),
            Some(Fate::Gone) => assert!(new.is_none(), "{address} is to go: {new:?}"),
            Some(Fate::Made(leaves)) => {
                let new = new.unwrap_or_else(|| panic!("{address} was not made"));
                assert_has(address, new, leaves);
            }
            Some(Fate::Changed(leaves)) => {
                let (old, new) = (old.unwrap(), new.unwrap_or_else(|| panic!("{address} is gone")));
                assert_has(address, new, leaves);
                let rest = |object: &Object| {
                    let rest = object.iter().filter(|(path, _)| !leaves.contains_key(*path));
                    rest.map(|(path, value)| (path.clone(), value.clone())).collect::<Object>()
                };
                let (old, new) = (rest(old), rest(new));
                assert!(old == new, "{address}, beside {leaves:?}: {}", difference(Some(&old), Some(&new)));
            }
        }
    }
}

/// Says that a part of this has happened, and nothing else; answers what was made.
pub(super) fn assert_on_the_way(before: &Snapshot, after: &Snapshot, fates: &Fates) -> Vec<String> {
    let mut made = Vec::new();
    for address in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let (old, new) = (before.get(address), after.get(address));
        let fate = fates.get(address);
        let may_be = match (fate, old, new) {
            _ if old == new => true,
            (Some(Fate::Gone), _, new) => new.is_none(),
            (Some(Fate::Made(_)), _, Some(_)) => {
                made.push(address.clone());
                true
            }
            (Some(Fate::Changed(leaves)), Some(old), Some(new)) => {
                old.keys().chain(new.keys()).all(|path| old.get(path) == new.get(path) || leaves.contains_key(path))
            }
            _ => false,
        };
        assert!(may_be, "{address} was to become {fate:?}: {}", difference(old, new));
    }
    made
}

/// The objects that differ, without those that went with others.
pub(super) fn changed(before: &Snapshot, after: &Snapshot) -> BTreeSet<String> {
    let all = before.keys().chain(after.keys());
    let changed: BTreeSet<String> = all.filter(|it| before.get(*it) != after.get(*it)).cloned().collect();
    let gone: Vec<&String> = changed.iter().filter(|it| !after.contains_key(*it)).collect();
    without_below(&changed, &gone)
}

/// Without what is below these.
pub(super) fn without_below(addresses: &BTreeSet<String>, gone: &[&String]) -> BTreeSet<String> {
    let is_below = |it: &String| gone.iter().any(|above| it != *above && is_within(it, above));
    addresses.iter().filter(|it| !is_below(it)).cloned().collect()
}

fn assert_has(address: &str, object: &Object, leaves: &BTreeMap<String, Expected>) {
    for (path, expected) in leaves {
        let found = object.get(path);
        let is_met = match expected {
            Expected::Is(value) => same(found, value),
            Expected::Not(value) => found != Some(value),
        };
        assert!(is_met, "{address} is to have {path} as {expected:?}, and has {found:?}");
    }
}

fn same(found: Option<&Value>, wanted: &Value) -> bool {
    found.map_or_else(|| says_nothing(wanted), |found| *found == *wanted)
}

fn difference(old: Option<&Object>, new: Option<&Object>) -> String {
    let (Some(old), Some(new)) = (old, new) else { return format!("{old:?} → {new:?}") };
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let lines = paths.into_iter().filter(|path| old.get(*path) != new.get(*path));
    lines.map(|path| format!("\n  {path}: {:?} → {:?}", old.get(path), new.get(path))).collect()
}
