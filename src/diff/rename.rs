//! Renames: everything by the names that the files use, so that a new name is the only difference it makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{
    Address, DesiredObject, DesiredRealm, LiveObject, LiveValue, Moves, Record, Shape, kinds, replaced,
};

/// Which objects are renamed in place.
#[derive(Debug, Default)]
pub(super) struct Renames {
    /// From where an object is today to where the files want it.
    to: Moves,
    /// The other way round.
    from: BTreeMap<Address, Address>,
}

impl Renames {
    /// The renames that are still to be done: the old name exists and the new one is free.
    pub(super) fn of(wanted: &DesiredRealm, exists: &dyn Fn(&Address) -> bool) -> Self {
        let asked: Vec<(&Address, &str)> = wanted
            .objects
            .iter()
            .filter_map(|(address, object)| Some((address, object.lifecycle.renamed_from.as_deref()?)))
            .collect();
        let mut renames = Self::default();
        // A name is free, too, when its holder is renamed away, which a later turn of the loop sees.
        while asked.iter().any(|(new, old_name)| renames.add(new, old_name, exists)) {}
        renames
    }

    /// Whether nothing is renamed.
    pub(super) fn is_empty(&self) -> bool {
        self.to.is_empty()
    }

    /// Where the object that the files have at `new` is today, when its own name changes.
    pub(super) fn former(&self, new: &Address) -> Option<&Address> {
        self.from.get(new)
    }

    /// The address of an object of today by the names that the files use.
    pub(super) fn moved(&self, today: &Address) -> Address {
        self.to.moved(today)
    }

    /// The address today of an object by the names that the files use.
    fn today(&self, wanted: &Address) -> Address {
        replaced(wanted, |new| self.from.get(new))
    }

    fn add(&mut self, new: &Address, old_name: &str, exists: &dyn Fn(&Address) -> bool) -> bool {
        let is_free = |renames: &Self, address: &Address| renames.to.has(address) || !exists(address);
        if self.from.contains_key(new) || !is_free(self, &self.today(new)) {
            return false;
        }
        let mut old = self.candidates(new, old_name).into_iter();
        let Some(old) = old.find(|old| exists(old) && !self.to.has(old) && old != new) else { return false };
        self.to.insert(old.clone(), new.clone());
        self.from.insert(new.clone(), old);
        true
    }

    /// Where an object with that old name may be today: its parent may be renamed in the same run.
    fn candidates(&self, new: &Address, old_name: &str) -> Vec<Address> {
        let Some(parent) = new.parent() else { return vec![Address::realm(old_name)] };
        let kind = new.kind();
        let parent = self.today(&parent);
        if kind != &kinds::GROUP {
            return vec![parent.child(kind, old_name)];
        }
        let above = new.container().map(|above| self.today(&above)).filter(|above| above.kind() == kind);
        let sibling =
            format!("{}/{}", above.as_ref().map_or("", Address::name), old_name.rsplit('/').next().unwrap_or(""));
        let path = if old_name.starts_with('/') { old_name } else { &sibling };
        vec![parent.child(kind, path), parent.child(kind, sibling.as_str())]
    }
}

impl Renames {
    /// Objects of the server, by the names that the files use.
    pub(super) fn objects(&self, today: &BTreeMap<Address, LiveObject>) -> BTreeMap<Address, LiveObject> {
        let exists = |address: &Address| today.contains_key(address);
        let moved = |(address, object): (&Address, &LiveObject)| {
            let LiveObject { kind, id, fields } = object;
            let fields = fields.iter().map(|(path, value)| match value {
                LiveValue::Json(value) => {
                    let (path, value) = self.to.leaf(kind, address, path, value, &exists);
                    (path, LiveValue::Json(value))
                }
                LiveValue::Secret(_) | LiveValue::Masked => (path.clone(), value.clone()),
            });
            (self.moved(address), LiveObject { kind, id: id.clone(), fields: fields.collect() })
        };
        today.iter().map(moved).collect()
    }

    /// What the files wanted last, by the names that they use now.
    pub(super) fn base(&self, base: &DesiredRealm) -> DesiredRealm {
        let DesiredRealm { objects, prune, placement, outputs: _ } = base;
        let exists = |address: &Address| objects.contains_key(address);
        let moved = |(address, object): (&Address, &DesiredObject)| {
            (self.moved(address), self.to.object(address, object, &exists))
        };
        DesiredRealm {
            objects: objects.iter().map(moved).collect(),
            prune: prune.clone(),
            placement: placement.clone(),
            outputs: None,
        }
    }

    /// The record, by the names that the files use.
    pub(super) fn record(&self, record: &Record) -> Record {
        let mut moved = record.clone();
        let paths = |address: &Address, paths: &Shape| -> Shape {
            Arc::new(paths.iter().map(|path| self.to.path(address.kind(), address, path)).collect())
        };
        moved.objects = record.objects.iter().map(|(at, leaves)| (self.moved(at), paths(at, leaves))).collect();
        moved.fingerprints = record.fingerprints.iter().map(|(at, prints)| (self.moved(at), prints.clone())).collect();
        moved.outputs.values_mut().for_each(|handed| handed.what.of = self.moved(&handed.what.of));
        moved
    }
}
