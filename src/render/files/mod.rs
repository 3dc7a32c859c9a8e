/*!
A realm as files: what the server has beyond Keycloak's own, as TOML that a person would have written.

- `worth`: what is worth saying; everything that a fresh realm, or a fresh object, has is left out.
- `toml`: values and tables.
*/

mod toml;
mod worth;

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml_edit::DocumentMut;

use crate::model::{Address, LiveRealm, kinds};

/// Where the objects of a realm are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// All in `realm.toml`.
    Single,
    /// Each object of the realm in a file of its own, with what hangs below it.
    Split,
    /// Clients in files of their own when there are more than a handful, the rest in `realm.toml`.
    Natural,
}

/// From so many clients on, each has a file.
const MANY_CLIENTS: usize = 6;

/// The files of a realm, by their paths below the realm's folder.
pub fn realm(name: &str, live: &LiveRealm, layout: Layout) -> BTreeMap<PathBuf, String> {
    let said = worth::said(live);
    let realm = Address::realm(name);
    let clients = said.keys().filter(|it| it.is_child_of(&realm, &kinds::CLIENT)).count();
    let is_apart = |address: &Address| match layout {
        Layout::Single => false,
        Layout::Split => address.parent().is_some_and(|parent| parent == realm) && !address.kind().is_singleton(),
        Layout::Natural => clients >= MANY_CLIENTS && address.is_child_of(&realm, &kinds::CLIENT),
    };
    let mut documents: BTreeMap<PathBuf, DocumentMut> = BTreeMap::from([("realm.toml".into(), DocumentMut::new())]);
    for (address, fields) in &said {
        let top = top(address);
        let (path, within) = match top.filter(is_apart) {
            Some(top) => (path_of(&top), Some(top)),
            None => (PathBuf::from("realm.toml"), None),
        };
        let document = documents.entry(path.clone()).or_default();
        if let Some(top) = within.as_ref().filter(|top| *top == address && !is_plain(top.name())) {
            document.insert(top.kind().key, toml_edit::value(top.name()));
        }
        toml::put(document.as_table_mut(), within.as_ref().unwrap_or(&realm), address, fields);
    }
    documents.into_iter().map(|(path, document)| (path, toml::text(&document))).collect()
}

/// The object right below the realm that an object is, or hangs below.
fn top(address: &Address) -> Option<Address> {
    std::iter::successors(Some(address.clone()), Address::parent).filter(|it| it.parent().is_some()).last()
}

/// `clients/shop.toml`; a name that is no good file name is written inside, and the file is called by what is left of it.
fn path_of(top: &Address) -> PathBuf {
    let name = if is_plain(top.name()) {
        top.name().to_owned()
    } else {
        let plain: String = top.name().chars().map(|c| if is_plain_char(c) { c } else { '-' }).collect();
        // Two names may leave the same.
        format!("{}-{:08x}", plain.trim_matches('-'), checksum(top.name()))
    };
    PathBuf::from(top.kind().collection).join(format!("{name}.toml"))
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
