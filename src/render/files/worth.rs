//! What is worth saying of a realm: what differs from what Keycloak gives by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::Content;
use crate::diff;
use crate::model::{
    Address, FieldPath, LiveObject, LiveRealm, LiveValue, PROTECTION_ROLE, Write, builtin_paths, default_of,
    is_builtin, is_default_roles, is_reserved, kinds, texts,
};

/// A value to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// As it is.
    Json(Json),
    /// A secret, which is only ever a reference.
    Secret,
}

/// What is said of each object of a realm. An object that is there says so even when nothing else is to say.
pub(super) fn content(live: &LiveRealm) -> Content {
    let mut content = Content::new();
    for (address, object) in live.objects.iter().filter(|(address, _)| !is_reserved(address)) {
        let leaves = leaves(live, address, object);
        if leaves.is_empty() && is_builtin(address) {
            continue;
        }
        // What hangs below something that every realm has needs a place to hang.
        for above in std::iter::successors(address.parent(), Address::parent) {
            content.entry(above).or_default();
        }
        content.entry(address.clone()).or_default().extend(leaves);
    }
    content
}

/// A set without what the server itself adds to it.
fn without_added(live: &LiveRealm, address: &Address, path: &FieldPath, value: &Json) -> Json {
    let (kind, own) = (address.kind(), path.parts().last() == Some(address.name()));
    let has_services = live.objects.contains_key(&address.child(&kinds::AUTHORIZATION, ""));
    match (value, kind.server_adds(path)) {
        (Json::Array(items), Some(PROTECTION_ROLE)) if own && has_services => {
            items.iter().filter(|item| *item != PROTECTION_ROLE).cloned().collect()
        }
        _ => value.clone(),
    }
}

fn leaves(live: &LiveRealm, address: &Address, object: &LiveObject) -> BTreeMap<FieldPath, Shown> {
    let kind = object.kind;
    let is_new = !is_builtin(address) && address.parent().is_some();
    let mut leaves = BTreeMap::new();
    for (path, value) in &object.fields {
        let write = kind.write(path);
        let is_own = write == Write::Server || path.top() == "id" || path.top() == kind.key;
        if is_own || is_implied(live, address, object, path, value) {
            continue;
        }
        let is_needed = is_new && (kind.needs(path) || write == Write::CreateOnly);
        match value {
            _ if was_secret(live, address, path) => drop(leaves.insert(path.clone(), Shown::Secret)),
            LiveValue::Secret(_) | LiveValue::Masked => drop(leaves.insert(path.clone(), Shown::Secret)),
            LiveValue::Json(value) => {
                let (value, default) = (&without_added(live, address, path, value), default_of(address, path));
                if is_needed || !diff::means_the_same(kind, path, default.as_deref(), value) {
                    leaves.insert(path.clone(), Shown::Json(value.clone()));
                }
            }
        }
    }
    leaves.extend(emptied(address, object));
    leaves
}

/// Whether this project set a secret there, where nobody else would look for one.
fn was_secret(live: &LiveRealm, address: &Address, path: &FieldPath) -> bool {
    let prints = live.record.as_ref().and_then(|record| record.fingerprints.get(address));
    prints.is_some_and(|prints| prints.contains_key(path))
}

/// What the object would have and has not: taken away by hand.
fn emptied(address: &Address, object: &LiveObject) -> Vec<(FieldPath, Shown)> {
    let missing = builtin_paths(address).filter(|path| {
        let is_written = object.kind.write(path) != Write::Server && path.top() != object.kind.key;
        is_written && !object.fields.contains_key(path)
    });
    let empty = |path: &FieldPath| {
        let default = default_of(address, path)?;
        let value = match (&*default, object.kind.leaf_type(path)) {
            (Json::Array(_), _) => Json::Array(Vec::new()),
            (Json::String(_), _) => Json::from(""),
            // Absent is as good as false, zero and no table.
            _ => return None,
        };
        Some((path.clone(), Shown::Json(value)))
    };
    missing.filter_map(empty).collect()
}

/// What follows from something else, so that saying it would only be in the way.
fn is_implied(live: &LiveRealm, address: &Address, object: &LiveObject, path: &FieldPath, value: &LiveValue) -> bool {
    let is_true = |field: &str| object.fields.get(&FieldPath::new([field])) == Some(&LiveValue::Json(true.into()));
    match (object.kind.name, path.top()) {
        ("client", "secret") => is_true("publicClient") || is_true("bearerOnly"),
        ("authentication flow", "providerId") => *value == LiveValue::Json("basic-flow".into()),
        ("protocol mapper", "protocol") => {
            let protocol = FieldPath::new(["protocol"]);
            let parent = address.parent().and_then(|parent| live.objects.get(&parent));
            parent.and_then(|parent| parent.fields.get(&protocol)) == Some(value)
        }
        // Where the server keeps settings that are said already.
        ("realm", "attributes") => path.rest().any(|it| kinds::mirrored(it).is_some()),
        // The server's own notes.
        ("client", "attributes") => path.rest().any(|it| kinds::SERVER_ATTRIBUTES.contains(&it)),
        ("client", "defaultClientScopes" | "optionalClientScopes") => {
            let names: BTreeSet<&str> = match value {
                LiveValue::Json(value) => texts(value).filter(|it| *it != "service_account").collect(),
                LiveValue::Secret(_) | LiveValue::Masked => return false,
            };
            names == realm_scopes(live, object, path.top())
        }
        // These are the realm's default roles, which have a field of their own.
        ("role", "composites") => is_default_roles(address),
        _ => false,
    }
}

/// The scopes that a new client of the same protocol would get.
fn realm_scopes<'a>(live: &'a LiveRealm, client: &LiveObject, field: &str) -> BTreeSet<&'a str> {
    let of_realm =
        if field == "defaultClientScopes" { "defaultDefaultClientScopes" } else { "defaultOptionalClientScopes" };
    let protocol = |object: &LiveObject| match object.fields.get(&FieldPath::new(["protocol"])) {
        Some(LiveValue::Json(Json::String(protocol))) => protocol.clone(),
        _ => "openid-connect".to_owned(),
    };
    let Some((realm, settings)) = live.objects.iter().find(|(address, _)| address.parent().is_none()) else {
        return BTreeSet::new();
    };
    let Some(LiveValue::Json(names)) = settings.fields.get(&FieldPath::new([of_realm])) else { return BTreeSet::new() };
    let fits = |name: &&str| {
        let scope = live.objects.get(&realm.child(&kinds::CLIENT_SCOPE, name));
        scope.is_some_and(|scope| protocol(scope) == protocol(client))
    };
    texts(names).filter(fits).collect()
}
