//! What Keycloak itself makes and gives: defaults of fields, objects that every realm has.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::{Address, FieldPath, Kind, Names, Reference};

/// Recorded from fresh servers by `realmform sandbox record-defaults`, never typed by hand.
static DEFAULTS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("defaults/26.7.json")).unwrap_or_default());

/// The value that a leaf of a fresh object has, where the server gives it one.
pub fn defaults(kind: &'static Kind, path: &FieldPath) -> Option<&'static Value> {
    DEFAULTS.get("fields")?.get(kind.name)?.get(path.to_string())
}

/// Whether every realm has this object, so that not declaring it says nothing.
pub fn is_builtin(address: &Address) -> bool {
    let default_roles = format!("roles/default-roles-{}", address.realm_name());
    let listed = DEFAULTS.get("objects").and_then(Value::as_array);
    let name = address.within_realm();
    name.eq_ignore_ascii_case(&default_roles) || listed.is_some_and(|objects| objects.iter().any(|it| it == &name))
}

/// How files name the objects of one sort that every realm has.
pub fn builtin_names(realm: &str, kind: Reference) -> Vec<String> {
    let listed = DEFAULTS.get("objects").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let objects = listed.filter_map(|name| Address::parse(realm, name));
    let named = objects.map(|address| (Names::Of(kind).text(&address), address));
    let realm = Address::realm(realm);
    named.filter(|(text, it)| Names::Of(kind).addresses(&realm, text).contains(it)).map(|(text, _)| text).collect()
}

/// Whether every realm has a top-level flow of that name.
pub fn is_builtin_flow(alias: &str) -> bool {
    DEFAULTS.get("flows").and_then(Value::as_array).is_some_and(|flows| flows.iter().any(|it| it == alias))
}
