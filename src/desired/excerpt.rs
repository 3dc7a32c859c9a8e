//! A part of a project's files that says as much of some objects as all of them do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::PROJECT_FILE;
use super::layout::name_inside;
use crate::model::{Address, kinds};

/// What an excerpt is made for.
#[derive(Clone, Copy, Debug)]
pub struct Excerpt<'a> {
    /// The files of today, by their paths relative to the project's folder.
    pub files: &'a BTreeMap<PathBuf, Vec<u8>>,
    /// The realm's folder.
    pub folder: &'a str,
    /// Files of the project that changed, with what they said before; `None` where there was none.
    pub changed: &'a BTreeMap<PathBuf, Option<Vec<u8>>>,
    /// Objects of the realm that matter, whether or not their files changed.
    pub objects: &'a BTreeSet<Address>,
}

/// The files of today that a realm's changed files and some of its objects have to be read with: all but those of other
/// clients, of which there may be thousands. The client of a file is known by its path, unless the file names another.
pub fn excerpt(of: Excerpt<'_>) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut clients: BTreeSet<String> =
        of.objects.iter().filter(|it| it.collection() == Some(kinds::CLIENT.collection)).map(client_of).collect();
    for (path, before) in of.changed {
        let Some(file) = ClientFile::of(path).filter(|file| file.folder == of.folder) else { continue };
        let contents = [before.as_deref(), of.files.get(path).map(Vec::as_slice)];
        clients.extend(contents.into_iter().flatten().filter_map(|it| name_inside(path, it, &kinds::CLIENT)));
        clients.insert(file.client);
    }
    let is_named_otherwise = |path: &Path, bytes: &[u8]| path.components().count() == 3 && may_name(bytes);
    let named = of.files.iter().filter(|(path, bytes)| is_named_otherwise(path, bytes));
    clients.extend(named.filter_map(|(path, _)| ClientFile::of(path)).map(|file| file.client));
    let is_part = |path: &Path| match ClientFile::of(path) {
        Some(file) => file.folder == of.folder && clients.contains(&file.client),
        None => path.starts_with(of.folder) || path == Path::new(PROJECT_FILE),
    };
    of.files.iter().filter(|(path, _)| is_part(path)).map(|(path, bytes)| (path.clone(), bytes.clone())).collect()
}

/// A file of one client, or of something below it.
struct ClientFile {
    folder: String,
    /// What the path calls the client.
    client: String,
}

impl ClientFile {
    fn of(path: &Path) -> Option<Self> {
        let text = |part: std::path::Component<'_>| part.as_os_str().to_string_lossy().into_owned();
        let mut parts = path.components();
        let folder = text(parts.next()?);
        let collection = parts.next()?;
        let client = parts.next().filter(|_| collection.as_os_str() == kinds::CLIENT.collection)?;
        let is_file = parts.next().is_none();
        let client =
            if is_file { Path::new(&client).with_extension("").to_string_lossy().into_owned() } else { text(client) };
        Some(Self { folder, client })
    }
}

/// Whether a file of a client may say another name than its path. An escape may write the key.
fn may_name(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return true };
    text.contains(kinds::CLIENT.key) || ["\\u", "\\U", "\\x"].iter().any(|escape| text.contains(escape))
}

/// The client that an object is, or hangs below.
fn client_of(address: &Address) -> String {
    let above = std::iter::successors(Some(address.clone()), Address::parent);
    above.filter(|it| *it.kind() == kinds::CLIENT).last().map_or_else(String::new, |client| client.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_all_that_may_declare_a_client() {
        let files = [
            ("realmform.toml", "name = \"p\""),
            ("acme/realm.toml", ""),
            ("acme/roles/reader.toml", ""),
            ("acme/clients/shop.toml", "name = \"Shop\""),
            ("acme/clients/shop/roles/refund.toml", ""),
            ("acme/clients/other.toml", "name = \"Other\""),
            ("acme/clients/web.toml", "clientId = \"shop\""),
            ("acme/clients/web/protocolMappers/one.toml", ""),
            ("acme/clients/escaped.toml", "\"client\\u0049d\" = \"shop\""),
            ("globex/realm.toml", ""),
            ("globex/clients/shop.toml", ""),
        ];
        let files = files.map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).into();
        let all_but_other = [
            "acme/clients/escaped.toml",
            "acme/clients/shop/roles/refund.toml",
            "acme/clients/shop.toml",
            "acme/clients/web/protocolMappers/one.toml",
            "acme/clients/web.toml",
            "acme/realm.toml",
            "acme/roles/reader.toml",
            "realmform.toml",
        ];
        let of = |changed: &str, objects: &[&str]| {
            let changed = if changed.is_empty() { BTreeMap::new() } else { [(changed.into(), None)].into() };
            let client = |name: &&str| Address::realm("acme").child(&kinds::CLIENT, *name);
            let objects = objects.iter().map(client).collect();
            let part = excerpt(Excerpt { files: &files, folder: "acme", changed: &changed, objects: &objects });
            part.keys().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of("acme/clients/shop.toml", &[]), all_but_other);
        assert_eq!(of("acme/clients/shop/roles/refund.toml", &[]), all_but_other);
        // A file that says another name changes that client.
        assert_eq!(of("acme/clients/web.toml", &[]), all_but_other);
        assert_eq!(of("", &["shop"]), all_but_other);
        assert_eq!(of("", &["other"]).len(), all_but_other.len() - 1);
        assert!(!of("globex/clients/shop.toml", &[]).iter().any(|path| path.ends_with("clients/shop.toml")));
    }
}
