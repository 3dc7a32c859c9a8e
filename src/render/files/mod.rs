/*!
A realm as files: what the server has beyond Keycloak's own, as TOML that a person would have written.

- `worth`: what is worth saying; everything that a fresh realm, or a fresh object, has is left out.
- `toml`: values and tables.
- `edit`: values of files that are there already.
- `fill`: fields that come from elsewhere, into a file that is there.
*/

mod edit;
mod fill;
mod toml;
mod worth;

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml_edit::DocumentMut;

use crate::model::{Address, FieldPath, LiveRealm, SecretRef, kinds};

pub use edit::{Edited, take_over};
pub use fill::fill;
pub use worth::Shown;

/// What is said of each object of a realm.
pub type Content = BTreeMap<Address, BTreeMap<FieldPath, Shown>>;

/// How secrets are written that are not left to the server.
pub type References = BTreeMap<(Address, FieldPath), SecretRef>;

/// Where the objects of a realm are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// All in `realm.toml`.
    Single,
    /// Each object of the realm in a file of its own, with what hangs below it.
    Split,
    /// Clients in files of their own, the rest in `realm.toml`.
    Clients,
}

impl Layout {
    /// Whether an object right below the realm gets a file of its own.
    pub fn is_apart(self, address: &Address) -> bool {
        match self {
            Self::Single => false,
            Self::Split => !address.kind().is_singleton(),
            Self::Clients => address.kind() == &kinds::CLIENT,
        }
    }
}

/// What is worth saying of a realm, so that no more is said in its files.
pub fn content(live: &LiveRealm) -> Content {
    worth::content(live)
}

/// The files of a new realm, by their paths below the realm's folder.
pub fn realm(name: &str, content: &Content, layout: Layout, references: &References) -> BTreeMap<PathBuf, String> {
    let realm = Address::realm(name);
    let mut holders: BTreeMap<Address, Content> = BTreeMap::from([(realm.clone(), Content::new())]);
    for (address, leaves) in content {
        let holder = top(address).filter(|top| layout.is_apart(top)).unwrap_or_else(|| realm.clone());
        holders.entry(holder).or_default().insert(address.clone(), leaves.clone());
    }
    // A folder without any file is no realm.
    let is_empty = |(holder, part): &(&Address, &Content)| holder.parent().is_none() && part.is_empty();
    let is_only = holders.len() == 1;
    let holders = holders.iter().filter(|it| is_only || !is_empty(it));
    holders.map(|(holder, part)| (path_of(holder), object(holder, part, references))).collect()
}

/// The text of a file that holds an object with what hangs below it; a name that is no good file name is written inside.
pub fn object(holder: &Address, content: &Content, references: &References) -> String {
    let mut document = DocumentMut::new();
    for (address, leaves) in content {
        if address == holder && holder.parent().is_some() && !is_plain(holder.name()) {
            document.insert(holder.kind().key, toml_edit::value(holder.name()));
        }
        toml::put(document.as_table_mut(), holder, address, leaves, references);
    }
    toml::text(&document)
}

/// The object right below the realm that an object is, or hangs below.
fn top(address: &Address) -> Option<Address> {
    std::iter::successors(Some(address.clone()), Address::parent).filter(|it| it.parent().is_some()).last()
}

/// The file of an object, below the realm's folder: `realm.toml`, `clients/shop.toml`,
/// `clients/shop/protocolMappers/audience.toml`. A name that is no good file name leaves what is good of it.
pub fn path_of(address: &Address) -> PathBuf {
    let Some(parent) = address.parent() else { return "realm.toml".into() };
    // Only the ending goes: a name may hold dots.
    let folder = if parent.parent().is_some() { path_of(&parent).with_extension("") } else { PathBuf::new() };
    let collection = folder.join(address.kind().collection);
    if address.kind().is_singleton() {
        return collection.with_extension("toml");
    }
    let name = address.name();
    if is_plain(name) {
        return collection.join(format!("{name}.toml"));
    }
    let plain: String = name.chars().map(|c| if is_plain_char(c) { c } else { '-' }).collect();
    // Two names may leave the same.
    collection.join(format!("{}-{:08x}.toml", plain.trim_matches('-'), checksum(name)))
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.ends_with('.') && name.chars().all(is_plain_char)
}

fn is_plain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ')
}

/// FNV-1a: small, and the same on every machine.
fn checksum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
