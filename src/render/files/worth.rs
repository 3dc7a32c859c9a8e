//! What is worth saying of a realm: what differs from what Keycloak gives by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::desired;
use crate::model::{
    ADMIN_PERMISSIONS_CLIENT, Address, FieldPath, LiveObject, LiveRealm, LiveValue, PROTECTION_ROLE, Type, Write,
    builtin_paths, default_of, is_builtin, kinds, texts,
};

/// A value to write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    /// As it is.
    Json(Json),
    /// A secret: whatever the server holds.
    Keep,
}

/// What is said of one object.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) leaves: BTreeMap<FieldPath, Shown>,
}

/// What is said of each object of a realm. An object that is there says so even when nothing else is to say.
pub(super) fn said(live: &LiveRealm) -> BTreeMap<Address, Said> {
    let mut said = BTreeMap::new();
    for (address, object) in live.objects.iter().filter(|(address, _)| !is_none_of_its_own(address)) {
        let leaves = leaves(live, address, object);
        if !leaves.is_empty() || !(is_builtin(address) || comes_with_another(live, address)) {
            said.insert(address.clone(), Said { leaves });
        }
    }
    let gone: Vec<Address> = said.keys().filter(|it| !has_holder(it, &said)).cloned().collect();
    // What hangs below something that every realm has needs a place to hang.
    for address in gone {
        let above: Vec<Address> = std::iter::successors(address.parent(), Address::parent).collect();
        for it in above {
            said.entry(it).or_default();
        }
    }
    said
}

fn has_holder(address: &Address, said: &BTreeMap<Address, Said>) -> bool {
    address.parent().is_none_or(|parent| said.contains_key(&parent))
}

/// Whether a client of that name is a record, or the server's own for admin permissions.
fn is_record_or_permissions(client: &str) -> bool {
    client.starts_with("realmform:") || client == ADMIN_PERMISSIONS_CLIENT
}

/// Records are no part of a realm, nor are the clients through which `master` governs the others.
fn is_none_of_its_own(address: &Address) -> bool {
    let governs = |it: &Address| it.realm_name() == "master" && it.name().ends_with("-realm");
    std::iter::successors(Some(address.clone()), Address::parent)
        .any(|it| it.kind() == &kinds::CLIENT && (is_record_or_permissions(it.name()) || governs(&it)))
}

/// Whether the server itself makes an object with another one that is there.
fn comes_with_another(live: &LiveRealm, address: &Address) -> bool {
    let services = address.parent().map(|client| client.child(&kinds::AUTHORIZATION, ""));
    let is_there = services.is_some_and(|services| live.objects.contains_key(&services));
    address.kind() == &kinds::CLIENT_ROLE && address.name() == PROTECTION_ROLE && is_there
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
            LiveValue::Secret(_) | LiveValue::Masked => drop(leaves.insert(path.clone(), Shown::Keep)),
            LiveValue::Json(value) => {
                let value = &without_added(live, address, path, value);
                let is_default = default_of(address, path).is_some_and(|default| is_same(&default, value));
                if is_needed
                    || !(is_default || says_nothing(kind.leaf_type(path), value) && default_of(address, path).is_none())
                {
                    leaves.insert(path.clone(), Shown::Json(value.clone()));
                }
            }
        }
    }
    leaves.extend(emptied(address, object));
    leaves
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
        ("realm", "attributes") => path.rest().any(|it| desired::mirrored(it).is_some()),
        // The server's own notes.
        ("client", "attributes") => path.rest().any(|it| matches!(it, "client.secret.creation.time" | "realm_client")),
        ("client", "defaultClientScopes" | "optionalClientScopes") => {
            let names: BTreeSet<&str> = match value {
                LiveValue::Json(value) => texts(value).filter(|it| *it != "service_account").collect(),
                LiveValue::Secret(_) | LiveValue::Masked => return false,
            };
            names == realm_scopes(live, object, path.top())
        }
        // These are the realm's default roles, which have a field of their own.
        ("role", "composites") => address
            .name()
            .strip_prefix("default-roles-")
            .is_some_and(|it| it.eq_ignore_ascii_case(address.realm_name())),
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

fn is_same(default: &Json, value: &Json) -> bool {
    let text = |value: &Json| match value {
        Json::Bool(_) | Json::Number(_) => Json::from(value.to_string()),
        other => other.clone(),
    };
    default == value || text(default) == text(value)
}

/// Whether a value is what the absence of one means.
fn says_nothing(ty: Type, value: &Json) -> bool {
    match ty {
        Type::Bool => *value == Json::Bool(false),
        Type::Int | Type::Seconds => value.as_i64() == Some(0),
        _ => ty.is_empty(value),
    }
}
