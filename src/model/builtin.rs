//! What Keycloak itself makes and gives: defaults of fields, objects that every realm has.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::{Address, FieldPath, Kind, LiveObject, LiveValue, Names, PROTECTION_ROLE, Reference, Spi, kinds};

/// Recorded from fresh servers by `realmform sandbox record-defaults`, never typed by hand.
static DEFAULTS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("defaults/26.7.json")).unwrap_or_default());

/// The objects that every realm has, by their addresses within it.
static OBJECTS: LazyLock<BTreeMap<String, BTreeMap<FieldPath, Value>>> = LazyLock::new(|| {
    let recorded: BTreeMap<String, Vec<(FieldPath, Value)>> =
        DEFAULTS.get("objects").cloned().and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default();
    recorded.into_iter().map(|(name, leaves)| (name, leaves.into_iter().collect())).collect()
});

/// What stands for the realm's name in recorded values.
pub const REALM_PLACEHOLDER: &str = "{realm}";

/// The role that holds the default roles; its name holds the realm's, in small letters.
const DEFAULT_ROLES: &str = "roles/default-roles-{realm}";

/// The value that a leaf of a fresh object has, where the server gives it one.
pub fn defaults(kind: &'static Kind, path: &FieldPath) -> Option<&'static Value> {
    DEFAULTS.get("fields")?.get(kind.name)?.get(path.to_string())
}

/// The value that a leaf of an object returns to when nobody says anything of it any more: what the object has in every
/// realm that has it, else what a fresh object of its kind has.
pub fn default_of(address: &Address, path: &FieldPath) -> Option<Cow<'static, Value>> {
    match builtin(address) {
        Some(fields) => fields.get(path).map(|value| in_realm(value, address.realm_name())),
        // An organization is called by its alias unless it says otherwise.
        None if *address.kind() == kinds::ORGANIZATION && path.top() == "name" => {
            Some(Cow::Owned(address.name().into()))
        }
        None => defaults(address.kind(), path).map(Cow::Borrowed),
    }
}

/// The leaves that an object has in every realm that has it; none of any other.
pub fn builtin_paths(address: &Address) -> impl Iterator<Item = &'static FieldPath> {
    builtin(address).into_iter().flat_map(BTreeMap::keys)
}

/// Whether every realm has this object, so that not declaring it says nothing.
pub fn is_builtin(address: &Address) -> bool {
    builtin(address).is_some()
}

/// The objects that a realm of that name has as soon as it is made. They have no ids here.
pub fn builtin_objects(realm: &str) -> BTreeMap<Address, LiveObject> {
    let objects = OBJECTS.iter().filter_map(|(name, fields)| {
        let address = named(realm, name)?;
        let leaf = |(path, value): (&FieldPath, &'static Value)| {
            (path.clone(), LiveValue::Json(in_realm(value, realm).into_owned()))
        };
        let object = LiveObject { kind: address.kind(), id: String::new(), fields: fields.iter().map(leaf).collect() };
        Some((address, object))
    });
    objects.collect()
}

/// Names hold the realm's in small letters.
fn named(realm: &str, name: &str) -> Option<Address> {
    Address::parse(realm, &name.replace(REALM_PLACEHOLDER, &realm.to_lowercase()))
}

/// Whether this is the role that holds the default roles of its realm. Its composites are the realm's `defaultRoles`.
pub fn is_default_roles(address: &Address) -> bool {
    let of_realm = address.name().strip_prefix("default-roles-").filter(|_| address.kind() == &kinds::ROLE);
    of_realm.is_some_and(|realm| realm.eq_ignore_ascii_case(address.realm_name()))
}

/// Whether an object, or what it hangs below, is nobody's to import or to sweep: clients that are a project's record or
/// through which `master` governs other realms, the roles of `master` that the server itself gives rights to new realms,
/// the keys that the server makes itself when something asks for an algorithm that no provider has, and the role that it
/// makes with authorization services, without which these do not work.
pub fn is_reserved(address: &Address) -> bool {
    if address.kind() == &kinds::CLIENT_ROLE && address.name() == PROTECTION_ROLE {
        return true;
    }
    let above = std::iter::successors(Some(address.clone()), Address::parent);
    let Some(object) = above.filter(|it| it.parent().is_some()).last() else { return false };
    let is_of_master = object.realm_name() == "master";
    match object.kind().name {
        "client" => object.name().starts_with("realmform:") || (is_of_master && object.name().ends_with("-realm")),
        "role" => is_of_master && matches!(object.name(), "admin" | "create-realm"),
        "key provider" => object.name().starts_with("fallback-"),
        _ => false,
    }
}

/// The leaves of an object that every realm has.
fn builtin(address: &Address) -> Option<&'static BTreeMap<FieldPath, Value>> {
    if is_default_roles(address) { OBJECTS.get(DEFAULT_ROLES) } else { OBJECTS.get(&address.within_realm()) }
}

fn in_realm(value: &'static Value, realm: &str) -> Cow<'static, Value> {
    match value {
        Value::String(text) if text.contains(REALM_PLACEHOLDER) => {
            Cow::Owned(text.replace(REALM_PLACEHOLDER, realm).into())
        }
        Value::Array(items) => Cow::Owned(items.iter().map(|item| in_realm(item, realm).into_owned()).collect()),
        other => Cow::Borrowed(other),
    }
}

/// Whether Keycloak itself brings this provider.
pub fn is_builtin_provider(spi: Spi, id: &str) -> bool {
    let listed = |name: &&str| DEFAULTS.get("providers")?.get(name)?.as_array();
    spi.names().iter().filter_map(listed).flatten().any(|it| it == id)
}

/// How files name the objects of one sort that every realm has.
pub fn builtin_names(realm: &str, kind: Reference) -> Vec<String> {
    let objects = OBJECTS.keys().filter_map(|name| named(realm, name));
    let named = objects.map(|address| (Names::Of(kind).text(&address), address));
    let realm = Address::realm(realm);
    named.filter(|(text, it)| Names::Of(kind).addresses(&realm, text).contains(it)).map(|(text, _)| text).collect()
}

/// Whether the server itself has a client profile of that name, which every realm may name.
pub fn is_global_profile(name: &str) -> bool {
    DEFAULTS.get("clientProfiles").and_then(Value::as_array).is_some_and(|names| names.iter().any(|it| it == name))
}
