//! Objects at other addresses: the same values, with the names that others have then.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{Address, Declared, DesiredObject, FieldPath, Kind, Names, Value, kinds, sorted};

/// From where objects are to where they will be; what hangs below them goes along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves(BTreeMap<Address, Address>);

impl FromIterator<(Address, Address)> for Moves {
    fn from_iter<I: IntoIterator<Item = (Address, Address)>>(moves: I) -> Self {
        Self(moves.into_iter().collect())
    }
}

impl Moves {
    /// Adds one.
    pub fn insert(&mut self, old: Address, new: Address) {
        self.0.insert(old, new);
    }

    /// Whether nothing moves.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object moves by itself.
    pub fn has(&self, old: &Address) -> bool {
        self.0.contains_key(old)
    }

    /// The address of an object after the moves.
    pub fn moved(&self, old: &Address) -> Address {
        replaced(old, |old| self.0.get(old))
    }

    /// An object that the files want, as it names others after the moves; `exists` says which objects there were before.
    #[must_use]
    pub fn object(
        &self,
        address: &Address,
        object: &DesiredObject,
        exists: &dyn Fn(&Address) -> bool,
    ) -> DesiredObject {
        let DesiredObject { kind, origin, fields, lifecycle } = object;
        let fields = fields.iter().map(|(path, Declared { value, origin })| {
            let (path, value) = match value {
                Value::Json(value) => {
                    let (path, value) = self.leaf(kind, address, path, value, exists);
                    (path, Value::Json(value))
                }
                Value::Secret(_) => (path.clone(), value.clone()),
            };
            (path, Declared { value, origin: origin.clone() })
        });
        DesiredObject { kind, fields: Arc::new(fields.collect()), origin: origin.clone(), lifecycle: lifecycle.clone() }
    }

    /// A leaf of `object`, as it names others after the moves; `exists` says which objects there were before.
    pub fn leaf(
        &self,
        kind: &'static Kind,
        object: &Address,
        path: &FieldPath,
        value: &Json,
        exists: &dyn Fn(&Address) -> bool,
    ) -> (FieldPath, Json) {
        let Some(names) = kind.names(path) else { return (path.clone(), value.clone()) };
        let one = |value: &Json| match value {
            Json::String(text) => Json::from(self.name(names, object, text, exists)),
            other => other.clone(),
        };
        let value = match value {
            Json::Array(items) => {
                let items = items.iter().map(|item| each(item, &one)).collect();
                if kind.leaf_type(path).is_set() { sorted(items) } else { Json::Array(items) }
            }
            other => one(other),
        };
        (self.path(kind, object, path), value)
    }

    /// The name after the moves of the object that `text` names before.
    pub fn name(&self, names: Names<'_>, from: &Address, text: &str, exists: &dyn Fn(&Address) -> bool) -> String {
        let mut meant = names.addresses(from, text).into_iter().map(|address| (self.moved(&address), address));
        let meant = meant.find(|(moved, address)| moved != address || exists(address));
        meant.map_or_else(|| text.to_owned(), |(moved, _)| names.text(&moved))
    }

    /// The path of a leaf, which may hold a client's name.
    pub fn path(&self, kind: &'static Kind, object: &Address, path: &FieldPath) -> FieldPath {
        let Some(Names::RolesOf(client)) = kind.names(path) else { return path.clone() };
        let client = self.moved(&Address::realm(object.realm_name()).child(&kinds::CLIENT, client));
        let mut parts: Vec<&str> = path.parts().collect();
        parts.pop();
        FieldPath::new(parts.into_iter().chain([client.name()]))
    }
}

/// `address` with its nearest renamed holder replaced.
pub fn replaced<'a>(address: &Address, lookup: impl Fn(&Address) -> Option<&'a Address>) -> Address {
    let mut holder = Some(address.clone());
    while let Some(old) = holder {
        if let Some(new) = lookup(&old) {
            return with_holder(address, &old, new);
        }
        holder = old.container();
    }
    address.clone()
}

fn with_holder(address: &Address, old: &Address, new: &Address) -> Address {
    let inside = address.name().strip_prefix(old.name());
    match (inside, new.parent()) {
        (Some(inside), Some(parent)) if old.kind() == &kinds::GROUP => {
            parent.child(&kinds::GROUP, format!("{}{inside}", new.name()))
        }
        _ => address.moved(old, new),
    }
}

/// An item of a list: a name, or a table that holds one.
fn each(item: &Json, one: &impl Fn(&Json) -> Json) -> Json {
    match item {
        Json::Object(table) => table.iter().map(|(key, value)| (key.clone(), one(value))).collect(),
        other => one(other),
    }
}
