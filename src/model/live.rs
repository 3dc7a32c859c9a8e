//! What the server has.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::kind::entry_type;
use super::{Address, FieldPath, Kind, RealmName, Record, Reference, Type, is_vault_expression};

/// What the server has of the realms that were asked for.
#[derive(Debug, Default)]
pub struct Live {
    /// By realm name; a realm that does not exist is not there.
    pub realms: BTreeMap<RealmName, LiveRealm>,
}

/// What one realm has, as far as it was asked for.
#[derive(Debug, Default)]
pub struct LiveRealm {
    /// The realm itself and the objects found. An object that was asked for and is missing does not exist.
    pub objects: BTreeMap<Address, LiveObject>,
    /// Those of `objects` that are neither declared nor recorded: found where `prune = "all"` made the reader look.
    pub unmanaged: BTreeSet<Address>,
    /// Kinds that the server knows nothing of, since a feature of it is off.
    pub unknown_kinds: Vec<&'static Kind>,
    /// What could not be read, and why, where it matters only with everything else.
    pub left_out: Vec<String>,
    /// Names that files refer to without declaring them, and that the server knows.
    pub known: BTreeSet<(Reference, String)>,
    /// The name that the realm has on the server until it is renamed to the one it is listed by.
    pub renamed_from: Option<RealmName>,
    /// What was applied last by this project.
    pub record: Option<Record>,
    /// The id of the client that holds the record.
    pub record_id: Option<String>,
    /// What other projects applied last, by their names.
    pub other_records: BTreeMap<String, Record>,
}

/// One object of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveObject {
    /// What it is.
    pub kind: &'static Kind,
    /// Keycloak's id.
    pub id: String,
    /// All leaves in canonical form, those that we do not know included; empty ones are left out.
    pub fields: BTreeMap<FieldPath, LiveValue>,
}

impl LiveObject {
    /// The value of a field that is one leaf, unless it is a secret.
    pub fn plain(&self, field: &str) -> Option<&Value> {
        match self.fields.get(&FieldPath::new([field]))? {
            LiveValue::Json(value) => Some(value),
            LiveValue::Secret(_) | LiveValue::Masked => None,
        }
    }
}

/// A leaf of the server's.
#[derive(Clone, Debug)]
pub enum LiveValue {
    /// A plain value.
    Json(Value),
    /// A secret that the server reveals.
    Secret(SecretString),
    /// A secret that the server only shows as asterisks.
    Masked,
}

impl LiveValue {
    /// Makes a secret of a plain value.
    pub fn hide(&mut self) {
        if let Self::Json(value) = self {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            *self = Self::Secret(text.into());
        }
    }
}

impl PartialEq for LiveValue {
    fn eq(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret as _;
        match (self, other) {
            (Self::Json(a), Self::Json(b)) => a == b,
            (Self::Secret(a), Self::Secret(b)) => a.expose_secret() == b.expose_secret(),
            (Self::Masked, Self::Masked) => true,
            _ => false,
        }
    }
}

/// What Keycloak shows in place of a secret.
const MASK: &str = "**********";

/// Keycloak's JSON object as canonical leaves: known tables are flattened, sets sorted, empty values dropped.
pub fn flatten(kind: &'static Kind, object: Map<String, Value>) -> BTreeMap<FieldPath, LiveValue> {
    let mut leaves = BTreeMap::new();
    for (name, value) in object {
        let ty = kind.field(&name).map_or(Type::Json, |field| field.ty);
        flatten_into(&mut leaves, FieldPath::new([name.as_str()]), ty, value);
    }
    leaves
}

fn flatten_into(leaves: &mut BTreeMap<FieldPath, LiveValue>, path: FieldPath, ty: Type, value: Value) {
    match value {
        Value::Object(table) if ty.is_table() => {
            for (key, value) in table {
                let value = if matches!(ty, Type::Config(_)) { only_item(value) } else { value };
                flatten_into(leaves, path.child(&key), entry_type(ty, &key), value);
            }
        }
        value => leaves.extend(live_value(ty, value).map(|value| (path, value))),
    }
}

/// The value of one leaf in canonical form; `None` for an empty one.
pub(crate) fn live_value(ty: Type, value: Value) -> Option<LiveValue> {
    match (ty, value) {
        (_, value) if ty.is_empty(&value) => None,
        (_, Value::String(text)) if text == MASK => Some(LiveValue::Masked),
        // What Keycloak looks up in a vault of its own is no secret, and it does not mask it.
        (Type::Secret, Value::String(text)) if !is_vault_expression(&text) => Some(LiveValue::Secret(text.into())),
        (_, Value::Array(items)) if ty.is_set() => Some(LiveValue::Json(sorted(items))),
        (_, value) => Some(LiveValue::Json(value)),
    }
}

/// A list of one text as that text.
fn only_item(value: Value) -> Value {
    match value {
        Value::Array(mut items) if items.len() == 1 => items.swap_remove(0),
        other => other,
    }
}

/// A set in canonical form, the same for Desired and Live.
pub(crate) fn sorted(mut items: Vec<Value>) -> Value {
    if items.len() > 1 {
        items.sort_by_cached_key(Value::to_string);
    }
    items.dedup();
    Value::Array(items)
}

/// Leaves as Keycloak's JSON object again.
pub fn unflatten<'a>(leaves: impl IntoIterator<Item = (&'a FieldPath, Value)>) -> Map<String, Value> {
    let mut object = Map::new();
    for (path, value) in leaves {
        insert(&mut object, &mut path.parts().peekable(), value);
    }
    object
}

fn insert<'a>(object: &mut Map<String, Value>, path: &mut Peekable<impl Iterator<Item = &'a str>>, value: Value) {
    let Some(name) = path.next() else { return };
    if path.peek().is_none() {
        object.insert(name.to_owned(), value);
        return;
    }
    if let Value::Object(table) = object.entry(name).or_insert_with(|| Value::Object(Map::new())) {
        insert(table, path, value);
    }
}
