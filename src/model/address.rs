//! Names of objects: `acme/clients/shop/protocolMappers/audience`.

use std::cmp::Ordering;
use std::fmt;

use super::Kind;

/// The name of a realm, as in its URL.
pub type RealmName = String;

/// The name of one object: a realm and a path of (collection, name) pairs; the realm itself has an empty path.
///
/// Ordered by path, then by realm, so that an object of a realm comes right before what hangs below it. In this order,
/// since maps of addresses mostly hold one realm, and comparing its name each time is a good part of a big plan's work.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    realm: RealmName,
    path: Vec<(&'static str, String)>,
}

impl Address {
    /// The address of a realm.
    pub fn realm(name: impl Into<String>) -> Self {
        Self { realm: name.into(), path: Vec::new() }
    }

    /// The address of an object of `kind` below this one.
    #[must_use]
    pub fn child(&self, kind: &'static Kind, name: impl Into<String>) -> Self {
        let mut path = self.path.clone();
        path.push((kind.collection, name.into()));
        Self { realm: self.realm.clone(), path }
    }

    /// The realm that the object is in.
    pub fn realm_name(&self) -> &str {
        &self.realm
    }

    /// The object's own name: a client's `clientId`, a group's path, the realm's name.
    pub fn name(&self) -> &str {
        self.path.last().map_or(&self.realm, |(_, name)| name)
    }

    /// The collection of the realm that the object is in, itself or through its parents; `None` for a realm.
    pub fn collection(&self) -> Option<&'static str> {
        self.path.first().map(|(collection, _)| *collection)
    }

    /// The object that this one hangs below; `None` for a realm.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.path.split_last()?;
        Some(Self { realm: self.realm.clone(), path: rest.to_vec() })
    }

    /// The object that this one is inside of on the server: its parent, but `/staff/ops` is inside of `/staff`.
    pub fn container(&self) -> Option<Self> {
        let parent = self.parent()?;
        let group = (self.kind() == &super::kinds::GROUP).then(|| group_above(self.name())).flatten();
        Some(group.map_or_else(|| parent.clone(), |above| parent.child(&super::kinds::GROUP, above)))
    }

    /// What the object is.
    pub fn kind(&self) -> &'static Kind {
        let mut kind = &super::kinds::REALM;
        for (collection, _) in &self.path {
            // Addresses are only made by `child` and `parse`, which take the collection from a kind of the tree.
            kind = kind.child(collection).unwrap_or(kind);
        }
        kind
    }

    /// Whether this is `other` or hangs below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.realm == other.realm && self.path.starts_with(&other.path)
    }

    /// Whether this is an object of `kind` right below `parent`.
    pub fn is_child_of(&self, parent: &Self, kind: &Kind) -> bool {
        self.is_within(parent)
            && self.path.len() == parent.path.len() + 1
            && self.path.last().is_some_and(|(collection, _)| *collection == kind.collection)
    }

    /// The same address with `old` replaced by `new` where it is `old` or hangs below it.
    #[must_use]
    pub fn moved(&self, old: &Self, new: &Self) -> Self {
        if !self.is_within(old) {
            return self.clone();
        }
        let mut path = new.path.clone();
        path.extend_from_slice(&self.path[old.path.len()..]);
        Self { realm: new.realm.clone(), path }
    }

    /// The address after `old` was renamed `new`: another one for it, for what hangs below it and for the groups inside of
    /// it; `None` for everything else.
    pub fn renamed(&self, old: &Self, new: &Self) -> Option<Self> {
        if self.is_within(old) {
            return Some(self.moved(old, new));
        }
        let is_group = |it: &Self| it.kind() == &super::kinds::GROUP;
        if !is_group(self) || !is_group(old) || self.realm != old.realm {
            return None;
        }
        let inside = self.name().strip_prefix(old.name()).filter(|rest| rest.starts_with('/'))?;
        Some(new.parent()?.child(&super::kinds::GROUP, format!("{}{inside}", new.name())))
    }

    /// The address without its realm, as the record keeps it: `clients/shop`; empty for the realm.
    pub fn within_realm(&self) -> String {
        let parts: Vec<String> = self.path.iter().map(|(c, n)| format!("{c}/{}", quoted(n))).collect();
        parts.join("/")
    }

    /// Reads [`Address::within_realm`] back; `None` when a collection is unknown or a name is missing.
    pub fn parse(realm: &str, text: &str) -> Option<Self> {
        let mut address = Self::realm(realm);
        let mut rest = text;
        while !rest.is_empty() {
            let (collection, after) = rest.split_once('/')?;
            let kind = address.kind().child(collection)?;
            let (name, after) = unquoted(after)?;
            address = address.child(kind, name);
            rest = after;
        }
        Some(address)
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        for ((a_collection, a_name), (b_collection, b_name)) in self.path.iter().zip(&other.path) {
            // Collections are the kinds' own texts, so equal ones are nearly always the same one.
            if !std::ptr::eq(*a_collection, *b_collection) && a_collection != b_collection {
                return a_collection.cmp(b_collection);
            }
            match a_name.cmp(b_name) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        self.path.len().cmp(&other.path.len()).then_with(|| self.realm.cmp(&other.realm))
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.realm))?;
        if !self.path.is_empty() {
            write!(f, "/{}", self.within_realm())?;
        }
        Ok(())
    }
}

/// The path of the group that the group at `path` is inside of; Keycloak writes a slash inside of a name as `~/`.
fn group_above(path: &str) -> Option<&str> {
    let mut slashes = path.rmatch_indices('/').map(|(at, _)| at);
    let last = slashes.find(|at| !path[..*at].ends_with('~'))?;
    (last > 0).then(|| &path[..last])
}

/// Names that hold a separator are quoted as in TOML, so that an address reads back unambiguously.
fn quoted(name: &str) -> String {
    let plain = |c: char| !matches!(c, '/' | '"' | '\\') && !c.is_control() && !c.is_whitespace();
    if !name.is_empty() && name.chars().all(plain) {
        return name.to_owned();
    }
    serde_json::Value::from(name).to_string()
}

/// The first name of `text`, and what follows the separator after it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    if !text.starts_with('"') {
        let (name, rest) = text.split_once('/').unwrap_or((text, ""));
        return (!name.is_empty()).then(|| (name.to_owned(), rest));
    }
    let mut names = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let name = names.next()?.ok()?;
    let rest = &text[names.byte_offset()..];
    Some((name, rest.strip_prefix('/').unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kinds;

    #[test]
    fn an_address_reads_back() {
        let realm = Address::realm("acme");
        for address in [
            realm.clone(),
            realm.child(&kinds::CLIENT, "shop").child(&kinds::PROTOCOL_MAPPER, "audience"),
            realm.child(&kinds::GROUP, "/staff/ops"),
            realm.child(&kinds::CLIENT, "https://sp.example/\"meta\\data\"").child(&kinds::CLIENT_ROLE, "a b"),
        ] {
            assert_eq!(Address::parse("acme", &address.within_realm()).as_ref(), Some(&address), "{address}");
        }
        assert_eq!(Address::parse("acme", "nonsense/x"), None);
        assert_eq!(Address::parse("acme", "clients/"), None);
    }

    #[test]
    fn a_group_is_inside_of_the_group_above() {
        let realm = Address::realm("acme");
        let group = |path: &str| realm.child(&kinds::GROUP, path);
        assert_eq!(group("/staff/ops/night").container(), Some(group("/staff/ops")));
        assert_eq!(group("/staff~/ops").container(), Some(realm.clone()));
        assert_eq!(realm.child(&kinds::CLIENT, "a/b").container(), Some(realm.clone()));
        assert_eq!(realm.container(), None);
    }

    #[test]
    fn an_object_comes_right_before_what_hangs_below_it() {
        let realm = Address::realm("acme");
        let client = |name: &str| realm.child(&kinds::CLIENT, name);
        let role = client("a").child(&kinds::CLIENT_ROLE, "z");
        let sorted = [realm.clone(), client("a"), role.clone(), client("a-b"), realm.child(&kinds::GROUP, "/a")];
        let mut shuffled = sorted.clone();
        shuffled.reverse();
        shuffled.sort();
        assert_eq!(shuffled, sorted);
        assert!(Address::realm("acme") < Address::realm("beta") && role == role.clone());
    }

    #[test]
    fn moving_moves_what_hangs_below() {
        let realm = Address::realm("acme");
        let (old, new) = (realm.child(&kinds::CLIENT, "shop"), realm.child(&kinds::CLIENT, "store"));
        let role = old.child(&kinds::CLIENT_ROLE, "refund");
        assert_eq!(role.moved(&old, &new).to_string(), "acme/clients/store/roles/refund");
        assert_eq!(realm.moved(&old, &new), realm);
        assert_eq!(role.renamed(&old, &new), Some(role.moved(&old, &new)));
        assert_eq!(realm.renamed(&old, &new), None);
        let group = |path: &str| realm.child(&kinds::GROUP, path);
        let (staff, people) = (group("/staff"), group("/people"));
        assert_eq!(group("/staff/ops").renamed(&staff, &people), Some(group("/people/ops")));
        assert_eq!(group("/staffing").renamed(&staff, &people), None);
    }
}
