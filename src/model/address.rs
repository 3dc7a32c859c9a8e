//! Names of objects: `acme/clients/shop/protocolMappers/audience`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use super::{Kind, kinds};

/// The name of a realm, as in its URL.
pub type RealmName = String;

/// What separates the parts of a path in memory. No file and no server has it in a name.
const SEPARATOR: char = '\0';

/// The name of one object: a realm and a path of (collection, name) pairs; the realm itself has an empty path.
///
/// Ordered by path, then by realm, so that an object of a realm comes right before what hangs below it. A big realm's
/// plan is made of maps by address, so that comparing and copying one has to be cheap: a single text, shared.
#[derive(Clone)]
pub struct Address {
    path: Arc<str>,
    realm: Arc<str>,
    kind: &'static Kind,
}

impl Address {
    /// The address of a realm.
    pub fn realm(name: impl AsRef<str>) -> Self {
        Self { path: Arc::default(), realm: name.as_ref().into(), kind: &kinds::REALM }
    }

    /// The address of an object of `kind` below this one.
    #[must_use]
    pub fn child(&self, kind: &'static Kind, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        let mut path = String::with_capacity(self.path.len() + kind.collection.len() + name.len() + 2);
        for part in [&*self.path, kind.collection] {
            path.push_str(part);
            if !part.is_empty() {
                path.push(SEPARATOR);
            }
        }
        path.push_str(name);
        Self { path: path.into(), realm: Arc::clone(&self.realm), kind }
    }

    /// The realm that the object is in.
    pub fn realm_name(&self) -> &str {
        &self.realm
    }

    /// The object's own name: a client's `clientId`, a group's path, the realm's name.
    pub fn name(&self) -> &str {
        self.path.rsplit_once(SEPARATOR).map_or(&self.realm, |(_, name)| name)
    }

    /// The collection of the realm that the object is in, itself or through its parents; `None` for a realm.
    pub fn collection(&self) -> Option<&str> {
        self.path.split_once(SEPARATOR).map(|(collection, _)| collection)
    }

    /// The object that this one hangs below; `None` for a realm.
    pub fn parent(&self) -> Option<Self> {
        let (rest, _) = self.path.rsplit_once(SEPARATOR)?;
        let path = rest.rsplit_once(SEPARATOR).map_or("", |(path, _)| path);
        Some(self.with_path(path))
    }

    /// The object that this one is inside of on the server: its parent, but `/staff/ops` is inside of `/staff`.
    pub fn container(&self) -> Option<Self> {
        let parent = self.parent()?;
        let group = (self.kind() == &kinds::GROUP).then(|| group_above(self.name())).flatten();
        Some(group.map_or_else(|| parent.clone(), |above| parent.child(&kinds::GROUP, above)))
    }

    /// What the object is.
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// Whether this is `other` or hangs below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.realm == other.realm && self.below(other).is_some()
    }

    /// Whether this is in the same collection as `first`, an address without a name, or hangs below an object in it.
    pub fn is_in_collection_of(&self, first: &Self) -> bool {
        self.realm == first.realm && self.path.starts_with(&*first.path)
    }

    /// Whether this is an object of `kind` right below `parent`.
    pub fn is_child_of(&self, parent: &Self, kind: &Kind) -> bool {
        let is_one = |(collection, name): (&str, &str)| collection == kind.collection && !name.contains(SEPARATOR);
        self.realm == parent.realm && self.below(parent).and_then(|rest| rest.split_once(SEPARATOR)).is_some_and(is_one)
    }

    /// The same address with `old` replaced by `new` where it is `old` or hangs below it.
    #[must_use]
    pub fn moved(&self, old: &Self, new: &Self) -> Self {
        match self.below(old).filter(|_| self.realm == old.realm) {
            None => self.clone(),
            Some("") => new.clone(),
            Some(rest) if new.path.is_empty() => new.with_path(rest),
            Some(rest) => new.with_path(&format!("{}{SEPARATOR}{rest}", new.path)),
        }
    }

    /// The address after `old` was renamed `new`: another one for it, for what hangs below it and for the groups inside of
    /// it; `None` for everything else.
    pub fn renamed(&self, old: &Self, new: &Self) -> Option<Self> {
        if self.is_within(old) {
            return Some(self.moved(old, new));
        }
        let is_group = |it: &Self| it.kind() == &kinds::GROUP;
        if !is_group(self) || !is_group(old) || self.realm != old.realm {
            return None;
        }
        let inside = self.name().strip_prefix(old.name()).filter(|rest| rest.starts_with('/'))?;
        Some(new.parent()?.child(&kinds::GROUP, format!("{}{inside}", new.name())))
    }

    /// The address without its realm, as the record keeps it: `clients/shop`; empty for the realm.
    pub fn within_realm(&self) -> String {
        let mut text = String::with_capacity(self.path.len());
        // What there is only one of has no name.
        let parts = self.path.split(SEPARATOR).enumerate().filter(|(_, part)| !part.is_empty());
        for (index, part) in parts {
            if index > 0 {
                text.push('/');
            }
            // Every second one is a name; collections need no quotes.
            text.push_str(&if index % 2 == 1 { quoted(part) } else { part.into() });
        }
        text
    }

    /// Reads [`Address::within_realm`] back; `None` when a collection is unknown or a name is missing.
    pub fn parse(realm: &str, text: &str) -> Option<Self> {
        Self::realm(realm).parse_below(text)
    }

    /// Reads an address of the same realm, as [`Address::parse`] does.
    pub fn parse_below(&self, text: &str) -> Option<Self> {
        let mut address = self.clone();
        let mut rest = text;
        while !rest.is_empty() {
            let (collection, after) = rest.split_once('/').unwrap_or((rest, ""));
            let kind = address.kind().child(collection)?;
            let (name, after) = if kind.is_singleton() { ("".into(), after) } else { unquoted(after)? };
            address = address.child(kind, name);
            rest = after;
        }
        Some(address)
    }

    /// What follows the path of `other` in this one; `None` unless this is `other` or hangs below it.
    fn below(&self, other: &Self) -> Option<&str> {
        let rest = self.path.strip_prefix(&*other.path)?;
        if rest.is_empty() || other.path.is_empty() { Some(rest) } else { rest.strip_prefix(SEPARATOR) }
    }

    /// The object of the same realm at a path.
    fn with_path(&self, path: &str) -> Self {
        let collections = path.split(SEPARATOR).step_by(2).filter(|collection| !collection.is_empty());
        // Paths are only made by `child`, which takes the collection from a kind of the tree.
        let kind = collections.fold(&kinds::REALM, |kind, collection| kind.child(collection).unwrap_or(kind));
        Self { path: path.into(), realm: Arc::clone(&self.realm), kind }
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.path, &other.path) && Arc::ptr_eq(&self.realm, &other.realm) {
            return Ordering::Equal;
        }
        self.path.cmp(&other.path).then_with(|| self.realm.cmp(&other.realm))
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Address {}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.path, &self.realm).hash(state);
    }
}

impl FromStr for Address {
    type Err = String;

    /// Reads what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, String> {
        let address = unquoted(text).and_then(|(realm, rest)| Self::parse(&realm, rest));
        address.ok_or_else(|| format!("{text:?} is no address of a kind that this version knows"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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

/// The path of the group that the group at `path` is inside of. No group that is managed has a slash in its name.
fn group_above(path: &str) -> Option<&str> {
    let (above, _) = path.rsplit_once('/')?;
    Some(above).filter(|above| !above.is_empty())
}

/// Names that hold a separator are quoted as in TOML, so that an address reads back unambiguously.
fn quoted(name: &str) -> Cow<'_, str> {
    let plain = |c: char| !matches!(c, '/' | '"' | '\\') && !c.is_control() && !c.is_whitespace();
    if !name.is_empty() && name.chars().all(plain) {
        return name.into();
    }
    serde_json::Value::from(name).to_string().into()
}

/// The first name of `text`, and what follows the separator after it.
fn unquoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    if !text.starts_with('"') {
        let (name, rest) = text.split_once('/').unwrap_or((text, ""));
        return (!name.is_empty()).then(|| (name.into(), rest));
    }
    let mut names = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let name = names.next()?.ok()?;
    let rest = &text[names.byte_offset()..];
    Some((name.into(), rest.strip_prefix('/').unwrap_or(rest)))
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
            realm.child(&kinds::USER_PROFILE, ""),
            realm.child(&kinds::USER_PROFILE, "").child(&kinds::PROFILE_ATTRIBUTE, "department"),
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
        assert_eq!(group("/staff").container(), Some(realm.clone()));
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
