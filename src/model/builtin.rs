//! What Keycloak itself makes and gives: defaults of fields, objects that every realm has.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};

use super::kinds::ADMIN_PERMISSIONS_CLIENT;
use super::{
    Address, FieldPath, Kind, LiveObject, LiveValue, Names, PROTECTION_ROLE, Providers, Reference, Spi, kinds,
};

/// What a fresh server of one version makes and gives: recorded by `realmform sandbox record-defaults`, never typed by hand.
struct Recorded {
    json: Map<String, Value>,
    /// The objects that every realm has, by their addresses within it.
    objects: BTreeMap<String, BTreeMap<FieldPath, Value>>,
    providers: Providers,
}

/// By version, the oldest first. Versions in between are taken for the next newer one that they share a setting with.
static RECORDED: LazyLock<[Recorded; 2]> =
    LazyLock::new(|| [include_str!("defaults/26.0.json"), include_str!("defaults/26.7.json")].map(Recorded::new));

/// 26.0.
const OLDEST: usize = 0;

/// The version that is assumed of a server that was not seen yet.
const NEWEST: usize = 1;

/// Which of them the server is. A process works on one server, and learns its version with the first realm that it reads.
static VERSION: AtomicUsize = AtomicUsize::new(NEWEST);

impl Recorded {
    fn new(text: &str) -> Self {
        let json: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let objects: BTreeMap<String, Vec<(FieldPath, Value)>> =
            json.get("objects").cloned().and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default();
        let objects = objects.into_iter().map(|(name, leaves)| (name, leaves.into_iter().collect())).collect();
        let providers =
            json.get("providers").cloned().and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default();
        Self { json, objects, providers }
    }

    /// The names of the settings that a fresh realm has, those inside of tables left out.
    fn settings(&self) -> impl Iterator<Item = &str> {
        let fields = self.json.get("fields").and_then(|fields| fields.get("realm")).and_then(Value::as_object);
        fields.into_iter().flat_map(Map::keys).map(String::as_str).filter(|name| !name.contains('.'))
    }
}

/// What the server of this process makes and gives.
fn recorded() -> &'static Recorded {
    &RECORDED[VERSION.load(Ordering::Relaxed)]
}

/// From now on, defaults are those of the version that showed this realm. Only administrators may ask for the version
/// itself, but a newer one shows more settings. A credential that is shown few learns nothing, and the newest is assumed.
pub fn recognize_version(realm: &Map<String, Value>) {
    if let Some(version) = version_of(realm) {
        VERSION.store(version, Ordering::Relaxed);
    }
}

fn version_of(realm: &Map<String, Value>) -> Option<usize> {
    let shown = |recorded: &Recorded| recorded.settings().filter(|name| realm.contains_key(*name)).count();
    let [oldest, ..] = &*RECORDED;
    if shown(oldest) * 2 < oldest.settings().count() {
        return None;
    }
    let most = RECORDED.iter().map(shown).max()?;
    // A version of which nothing more is shown than of an older one is not there.
    RECORDED.iter().position(|recorded| shown(recorded) == most)
}

/// Fields that newer versions than 26.0 brought to kinds that it has. Settings of realms are recorded.
const NEWER: &[(&Kind, &str)] =
    &[(&kinds::CLIENT_POLICY, "mode"), (&kinds::GROUP, "description"), (&kinds::PROFILE_ATTRIBUTE, "defaultValue")];

/// Whether the server has no such field, since only newer versions do. It would refuse the object with it.
pub fn is_too_new(kind: &Kind, path: &FieldPath) -> bool {
    let [oldest, newest] = &*RECORDED;
    let has = |recorded: &Recorded| recorded.settings().any(|name| name == path.top());
    let is_new_setting = || *kind == kinds::REALM && has(newest) && !has(oldest);
    let is_listed = || NEWER.iter().any(|(it, field)| **it == *kind && *field == path.top());
    VERSION.load(Ordering::Relaxed) == OLDEST && (is_listed() || is_new_setting())
}

/// What stands for the realm's name in recorded values.
pub const REALM_PLACEHOLDER: &str = "{realm}";

/// The role that holds the default roles; its name holds the realm's, in small letters.
const DEFAULT_ROLES: &str = "roles/default-roles-{realm}";

/// The value that a leaf of a fresh object has, where the server gives it one.
pub fn defaults(kind: &'static Kind, path: &FieldPath) -> Option<&'static Value> {
    // The same policies in another place, which a fresh realm does not have.
    let kind = if *kind == kinds::PERMISSION_POLICY { &kinds::AUTHORIZATION_POLICY } else { kind };
    recorded().json.get("fields")?.get(kind.name)?.get(path.to_string())
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
    let objects = recorded().objects.iter().filter_map(|(name, fields)| {
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

/// Whether an object, or what it hangs below, is nobody's to import or to sweep: clients that are a project's record, that
/// hold the permissions of administrators or through which `master` governs other realms, the roles of `master` that the
/// server itself gives rights to new realms, the keys that the server makes itself when something asks for an algorithm
/// that no provider has, and the role that it makes with authorization services, without which these do not work.
pub fn is_reserved(address: &Address) -> bool {
    if address.kind() == &kinds::CLIENT_ROLE && address.name() == PROTECTION_ROLE {
        return true;
    }
    if VERSION.load(Ordering::Relaxed) == OLDEST && is_made_with_a_client(address) {
        return true;
    }
    if is_locked(address) {
        return true;
    }
    let above = std::iter::successors(Some(address.clone()), Address::parent);
    let Some(object) = above.filter(|it| it.parent().is_some()).last() else { return false };
    let is_of_master = object.realm_name() == "master";
    match object.kind().name {
        "client" => {
            let governs = is_of_master && object.name().ends_with("-realm");
            object.name().starts_with("realmform:") || object.name() == ADMIN_PERMISSIONS_CLIENT || governs
        }
        "role" => is_of_master && matches!(object.name(), "admin" | "create-realm"),
        "key provider" => object.name().starts_with("fallback-"),
        _ => false,
    }
}

/// Whether the server lets nobody change it: the client that holds the roles of a realm's administrators, with all below.
///
/// Facts: 26.7.4 answers every write to it with 403, whoever asks; 26.0.8 takes them.
pub fn is_locked(address: &Address) -> bool {
    let client = std::iter::successors(Some(address.clone()), Address::parent).find(|it| *it.kind() == kinds::CLIENT);
    VERSION.load(Ordering::Relaxed) != OLDEST && client.is_some_and(|it| it.name() == "realm-management")
}

/// Whether 26.0 makes this with the service account or the authorization services of a client; newer versions don't.
fn is_made_with_a_client(address: &Address) -> bool {
    let is_of_client = address.parent().is_some_and(|parent| *parent.kind() == kinds::CLIENT);
    match (address.kind().name, address.name()) {
        ("protocol mapper", "Client Host" | "Client ID" | "Client IP Address") => is_of_client,
        ("authorization policy", "Default Policy")
        | ("authorization resource", "Default Resource")
        | ("authorization permission", "Default Permission") => true,
        _ => false,
    }
}

/// The leaves of an object that every realm has.
fn builtin(address: &Address) -> Option<&'static BTreeMap<FieldPath, Value>> {
    let name = if is_default_roles(address) { DEFAULT_ROLES } else { &*address.within_realm() };
    recorded().objects.get(name)
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

/// Whether Keycloak itself brings this provider, in every version that is supported: files are read before the server is.
pub fn is_builtin_provider(spi: Spi, id: &str) -> bool {
    RECORDED.iter().all(|recorded| {
        let mut types = spi.types().iter().filter_map(|it| recorded.providers.get(*it)).peekable();
        // A version that knows nothing of the kind is not asked for it.
        types.peek().is_none() || types.any(|providers| providers.contains_key(id))
    })
}

/// The providers that Keycloak itself brings, in its newest version.
pub fn builtin_providers() -> &'static Providers {
    &RECORDED[NEWEST].providers
}

/// How files name the objects of one sort that every realm has.
pub fn builtin_names(realm: &str, kind: Reference) -> Vec<String> {
    let objects = recorded().objects.keys().filter_map(|name| named(realm, name));
    let named = objects.map(|address| (Names::Of(kind).text(&address), address));
    let realm = Address::realm(realm);
    named.filter(|(text, it)| Names::Of(kind).addresses(&realm, text).contains(it)).map(|(text, _)| text).collect()
}

/// Whether the server itself has a client profile of that name, which every realm may name.
pub fn is_global_profile(name: &str) -> bool {
    recorded()
        .json
        .get("clientProfiles")
        .and_then(Value::as_array)
        .is_some_and(|names| names.iter().any(|it| it == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a realm shows of the settings of a recorded version.
    fn realm(version: usize) -> Map<String, Value> {
        RECORDED[version].settings().map(|name| (name.to_owned(), Value::Null)).collect()
    }

    #[test]
    fn a_version_is_known_by_what_its_realms_show() {
        assert_eq!(version_of(&realm(0)), Some(0));
        assert_eq!(version_of(&realm(NEWEST)), Some(NEWEST));
        let mut between = realm(0);
        between.insert("adminPermissionsEnabled".to_owned(), false.into());
        assert_eq!(version_of(&between), Some(NEWEST));
        let few = ["realm", "enabled", "displayName"].map(|name| (name.to_owned(), Value::Null));
        assert_eq!(version_of(&few.into_iter().collect()), None);
    }

    #[test]
    fn versions_are_recorded_in_full() {
        for recorded in &*RECORDED {
            assert!(recorded.objects.len() > 100 && recorded.settings().count() > 50);
        }
        let priority = |version: usize| {
            let path = FieldPath::new(["priority"]);
            RECORDED[version].objects["requiredActions/CONFIGURE_TOTP"][&path].clone()
        };
        assert_eq!((priority(0), priority(NEWEST)), (10.into(), 54.into()));
    }
}
