//! Files whose path is an address: `clients/shop/roles/buyer.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{RealmFile, own_name};
use crate::desired::parse::Parsed;
use crate::desired::problem::Problem;
use crate::desired::source::Place;
use crate::desired::suggest::{did_you_mean, one_of};
use crate::model::{Address, Kind, kinds};

/// What the files of a realm are about, which come in the order of their paths.
pub(in crate::desired) struct Addresses {
    realm: Address,
    /// What files call their own objects, by their paths without ending.
    names: BTreeMap<PathBuf, String>,
}

impl Addresses {
    pub(in crate::desired) fn new(realm: Address) -> Self {
        Self { realm, names: BTreeMap::new() }
    }

    /// A file by its path within the realm's folder.
    pub(in crate::desired) fn file(&mut self, within: &Path, parsed: Parsed) -> Result<RealmFile, Problem> {
        let Self { realm, names } = self;
        if within.components().count() == 1 {
            return Ok(RealmFile { parsed, address: realm.clone() });
        }
        let own = kind_of(&parts(within)).and_then(|kind| own_name(&parsed, kind));
        names.extend(own.map(|name| (within.with_extension(""), name)));
        match address(realm, within, parsed.source.name(), names) {
            Ok(address) => Ok(RealmFile { parsed, address }),
            Err(problem) => Err(problem.at(Place::start(&parsed.source), "this file")),
        }
    }
}

/// The folders within the realm's, and the file's name without its ending: collections and names in turn. What there is
/// only one of has an empty name.
fn parts(within: &Path) -> Vec<String> {
    let path = within.with_extension("");
    let parts = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let mut parts: Vec<String> = parts.collect();
    let (mut kind, mut at): (&'static Kind, usize) = (&kinds::REALM, 0);
    while let Some(child) = parts.get(at).and_then(|it| kind.child(it)) {
        if child.is_singleton() {
            parts.insert(at + 1, String::new());
        }
        (kind, at) = (child, at + 2);
    }
    parts
}

fn kind_of(parts: &[String]) -> Option<&'static Kind> {
    let mut kind: &'static Kind = &kinds::REALM;
    for pair in parts.chunks(2) {
        kind = kind.child(&pair[0])?;
        if *kind == kinds::GROUP {
            return Some(kind);
        }
        pair.get(1)?;
    }
    Some(kind)
}

fn address(realm: &Address, within: &Path, shown: &str, names: &BTreeMap<PathBuf, String>) -> Result<Address, Problem> {
    let parts = parts(within);
    let mut prefix = PathBuf::new();
    let mut address = realm.clone();
    for (i, pair) in parts.chunks(2).enumerate() {
        let kind = address.kind().child(&pair[0]).ok_or_else(|| no_collection(shown, address.kind(), &pair[0]))?;
        prefix.push(&pair[0]);
        if *kind == kinds::GROUP {
            let own = names.get(&within.with_extension(""));
            return Ok(
                address.child(kind, own.cloned().unwrap_or_else(|| format!("/{}", parts[2 * i + 1..].join("/"))))
            );
        }
        let name = pair.get(1).ok_or_else(|| no_name(shown, &pair[0], kind))?;
        prefix.push(name);
        address = address.child(kind, names.get(&prefix).unwrap_or(name));
    }
    Ok(address)
}

fn no_collection(path: &str, parent: &'static Kind, collection: &str) -> Problem {
    let collections: Vec<&str> = parent.children.iter().map(|kind| kind.collection).collect();
    let help = match collections.as_slice() {
        [] => format!("nothing hangs below a {}", parent.name),
        known => format!("below a {}, a folder is {}", parent.name, one_of(known)),
    };
    Problem::error(format!("the path {path} is no address: a {} has no `{collection}`", parent.name))
        .help(help)
        .maybe_help(did_you_mean(collection, collections.iter().copied()))
}

fn no_name(path: &str, collection: &str, kind: &Kind) -> Problem {
    let folder = path.trim_end_matches(".toml");
    Problem::error(format!("the path {path} is no address: it ends with `{collection}`, which holds many"))
        .help(format!("write one file for each {}, such as {folder}/<{}>.toml", kind.name, kind.key))
}
