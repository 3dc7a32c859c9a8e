//! Objects as they come in, from a server or from an export: those that matter are kept, in canonical form.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::guarded::{into_inner, lock};
use super::interest::Interest;
use super::shape::Object;
use crate::model::{
    Address, Configured, FieldPath, LiveObject, LiveValue, Providers, builtin_providers, configured, flatten,
};

/// Whoever takes in the objects of one realm.
pub(super) trait Intake {
    /// The realm.
    fn realm(&self) -> &Address;

    /// What matters of it.
    fn interest(&self) -> &Interest<'_>;

    /// Takes in an object, unless nobody asked for it. Says whether it was taken.
    fn add(&self, address: &Address, id: &str, object: Object) -> bool;

    /// Adds leaves to an object that was taken in.
    fn extend(&self, address: &Address, fields: BTreeMap<FieldPath, LiveValue>);
}

/// What was taken in.
#[derive(Default)]
pub(super) struct Taken {
    objects: Mutex<BTreeMap<Address, LiveObject>>,
    unmanaged: Mutex<BTreeSet<Address>>,
}

impl Taken {
    /// Takes in an object that matters, and says whether it does.
    pub(super) fn add(
        &self,
        interest: &Interest<'_>,
        address: &Address,
        id: &str,
        object: Object,
        is_default_role: impl FnOnce() -> bool,
    ) -> bool {
        let wanted = interest.has(address);
        // Every realm has a role with the default roles; nobody may delete it, whatever the realm was called before.
        if !wanted && (!interest.sweeps(address) || is_default_role()) {
            return false;
        }
        if !wanted {
            lock(&self.unmanaged).insert(address.clone());
        }
        let kind = address.kind();
        let mut fields = flatten(kind, object);
        // This says what the reader may do with the object, and nothing of the object.
        fields.retain(|path, _| path.top() != "access");
        let live = LiveObject { kind, id: id.to_owned(), fields };
        lock(&self.objects).insert(address.clone(), live);
        wanted
    }

    /// Adds leaves to an object that was taken in.
    pub(super) fn extend(&self, address: &Address, fields: BTreeMap<FieldPath, LiveValue>) {
        if let Some(object) = lock(&self.objects).get_mut(address) {
            object.fields.extend(fields);
        }
    }

    /// What the objects give providers that are not known or mark keys as secret.
    pub(super) fn configured(&self) -> Vec<(Address, Configured)> {
        let objects = lock(&self.objects);
        let of = |(address, object): (&Address, &LiveObject)| {
            let configured = configured(address, |field| object.plain(field));
            configured.into_iter().map(|it| (address.clone(), it)).collect::<Vec<_>>()
        };
        let is_marked = |it: &Configured| it.of(builtin_providers()).is_none_or(|it| !it.secrets.is_empty());
        objects.iter().flat_map(of).filter(|(_, it)| is_marked(it)).collect()
    }

    /// Makes secrets of what providers mark as such, those that Keycloak brings and those of this server.
    pub(super) fn hide(&self, configured: &[(Address, Configured)], server: Option<&Providers>) {
        let mut objects = lock(&self.objects);
        for (address, configured) in configured {
            let provider = configured.of(builtin_providers()).or_else(|| configured.of(server?));
            let (Some(provider), Some(object)) = (provider, objects.get_mut(address)) else { continue };
            for key in &provider.secrets {
                if let Some(value @ LiveValue::Json(_)) = object.fields.get_mut(&configured.config.child(key)) {
                    value.hide();
                }
            }
        }
    }

    /// Changes an object, if it was taken in.
    pub(super) fn change(&self, address: &Address, change: impl FnOnce(&mut LiveObject)) {
        if let Some(object) = lock(&self.objects).get_mut(address) {
            change(object);
        }
    }

    /// Adds those leaves that an object that was taken in does not have.
    pub(super) fn fill(&self, address: &Address, fields: BTreeMap<FieldPath, LiveValue>) {
        self.change(address, |object| {
            for (path, value) in fields {
                object.fields.entry(path).or_insert(value);
            }
        });
    }

    /// The objects, and those of them that are neither declared nor recorded.
    pub(super) fn into_parts(self) -> (BTreeMap<Address, LiveObject>, BTreeSet<Address>) {
        (into_inner(self.objects), into_inner(self.unmanaged))
    }
}
