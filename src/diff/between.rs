//! The difference of two states of the files, which takes no server.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::{Diff, Secrets, diff};
use crate::model::{
    Address, Desired, DesiredObject, DesiredRealm, FieldPath, Live, LiveObject, LiveRealm, LiveValue, Record,
    SecretRef, Value, builtin_objects, default_of,
};

/// What the newer files want to be different: the plan of a server to which the older ones were just applied, and which
/// nobody touched. Where the older files are silent, it has what Keycloak gives by itself.
pub fn between(old: &Desired, new: &Desired) -> Diff {
    let applied = |(name, realm): (&String, &DesiredRealm)| (name.clone(), applied(name, realm, new.realms.get(name)));
    let live = Live { realms: old.realms.iter().map(applied).collect() };
    let base = old.realms.iter().map(|(name, realm)| (name.clone(), realm)).collect();
    let mut diff = diff(new, &live, &base, &ByName);
    // Whether secrets fit to what a server has, only a server tells.
    diff.realms.values_mut().for_each(|realm| realm.secrets.clear());
    diff
}

/// A realm to which the files of it were applied; `next` are those that it is compared with.
fn applied(name: &str, old: &DesiredRealm, next: Option<&DesiredRealm>) -> LiveRealm {
    let next = |address: &Address| next.and_then(|realm| realm.objects.get(address));
    let is_new = |address: &Address| !old.objects.contains_key(address) && next(address).is_some();
    let mut objects: BTreeMap<Address, LiveObject> =
        builtin_objects(name).into_iter().filter(|(address, _)| is_new(address)).collect();
    for (address, object) in &old.objects {
        objects.insert(address.clone(), made(address, object, next(address)));
    }
    let shapes = old
        .objects
        .iter()
        .map(|(address, object)| (address.clone(), Arc::new(object.fields.keys().cloned().collect())));
    let record = Record { objects: shapes.collect(), ..Record::default() };
    LiveRealm { objects, record: Some(record), ..LiveRealm::default() }
}

fn made(address: &Address, old: &DesiredObject, next: Option<&DesiredObject>) -> LiveObject {
    let mut fields = BTreeMap::new();
    let silent = next.into_iter().flat_map(|next| next.fields.keys()).filter(|path| !old.fields.contains_key(path));
    for path in silent {
        fields.extend(default_of(address, path).map(|value| (path.clone(), LiveValue::Json(value.into_owned()))));
    }
    fields.extend(old.fields.iter().filter_map(|(path, declared)| Some((path.clone(), value(&declared.value)?))));
    fields.retain(|path: &FieldPath, value| match value {
        LiveValue::Json(value) => !old.kind.leaf_type(path).is_empty(value),
        LiveValue::Secret(_) | LiveValue::Masked => true,
    });
    LiveObject { kind: old.kind, id: address.to_string(), fields }
}

fn value(declared: &Value) -> Option<LiveValue> {
    match declared {
        Value::Json(value) => Some(LiveValue::Json(value.clone())),
        // Nobody knows whether there is one.
        Value::Secret(SecretRef::Keep) => None,
        Value::Secret(reference) => Some(LiveValue::Secret(name(reference))),
    }
}

/// Secrets are the same where the same name stands for them.
struct ByName;

fn name(reference: &SecretRef) -> SecretString {
    format!("{reference:?}").into()
}

impl Secrets for ByName {
    fn is_kept(&self, reference: &SecretRef) -> bool {
        matches!(reference, SecretRef::Generate { .. })
    }

    fn same(&self, reference: &SecretRef, live: &SecretString) -> bool {
        name(reference).expose_secret() == live.expose_secret()
    }

    fn matches(&self, _: &SecretRef, _: &str) -> bool {
        false
    }
}
