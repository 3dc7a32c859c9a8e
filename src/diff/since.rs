//! What the files changed since they were applied, and the difference of that part of a realm alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{RealmDiff, Scope};
use crate::model::{Address, DesiredObject, DesiredRealm, Record};

/// The objects that two states of a realm's files declare differently.
///
/// # Errors
/// Why all of the realm has to be looked at: deleting and renaming is not for half-knowledge.
pub fn touched(then: &DesiredRealm, now: &DesiredRealm) -> Result<BTreeSet<Address>, &'static str> {
    if then.prune != now.prune {
        return Err("its rules for `prune` changed");
    }
    if then.objects.keys().any(|address| !now.objects.contains_key(address)) {
        return Err("something left its files");
    }
    let differing = now.objects.iter().filter(|(address, object)| {
        let before = then.objects.get(*address);
        before.is_none_or(|before| !is_same(before, object))
    });
    let touched: BTreeSet<Address> = differing.map(|(address, _)| address.clone()).collect();
    let is_renamed = |address: &Address| now.objects.get(address).is_some_and(|it| it.lifecycle.renamed_from.is_some());
    if touched.iter().flat_map(upwards).any(|address| is_renamed(&address)) {
        return Err("something in its files is renamed");
    }
    Ok(touched)
}

/// The objects with what they hang below, but for the realm: what has to be looked at to understand them.
pub fn with_parents(addresses: BTreeSet<Address>) -> BTreeSet<Address> {
    let mut all: BTreeSet<Address> = addresses.iter().filter_map(Address::parent).flat_map(|it| upwards(&it)).collect();
    all.retain(|address| address.parent().is_some());
    all.extend(addresses);
    all
}

/// Whether two declarations of an object say the same, wherever they are written.
fn is_same(a: &DesiredObject, b: &DesiredObject) -> bool {
    let DesiredObject { kind: _, origin: _, fields, lifecycle } = a;
    *lifecycle == b.lifecycle
        && fields.len() == b.fields.len()
        && fields.iter().zip(b.fields.iter()).all(|(a, b)| a.0 == b.0 && a.1.value == b.1.value)
}

fn upwards(address: &Address) -> impl Iterator<Item = Address> + use<> {
    std::iter::successors(Some(address.clone()), Address::parent)
}

impl RealmDiff {
    /// The difference of a part of a realm as one of the realm: all else stays as the record has it.
    #[must_use]
    pub fn with_rest(mut self, record: &Record, looked_at: &BTreeSet<Address>, scope: Scope) -> Self {
        self.managed.retain(|address, _| looked_at.contains(address));
        self.adopted.retain(|address| looked_at.contains(address));
        let rest = record.objects.iter().filter(|(address, _)| !looked_at.contains(address));
        self.managed.extend(rest.map(|(address, leaves)| (address.clone(), Arc::clone(leaves))));
        self.record_changes = self.managed != record.objects || self.hands_over();
        Self { scope: Some(scope), ..self }
    }
}
