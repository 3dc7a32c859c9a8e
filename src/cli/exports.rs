//! Realm exports in files, where a command can do without a server.
#![expect(clippy::disallowed_methods, reason = "exports are named by path")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Context, Error};
use crate::keycloak::{Export, Interest};
use crate::model::{LiveRealm, RealmName};

/// The realms of exports, and where they were read.
pub(super) struct Exports {
    pub(super) realms: BTreeMap<RealmName, Export>,
    paths: Vec<PathBuf>,
}

impl Exports {
    /// Reads files, and the `*.json` of folders, as `kc.sh export --dir` writes them.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut parts = Vec::new();
        for path in paths {
            for file in files(path)? {
                let bytes = std::fs::read(&file).map_err(|source| Error::File { path: file.clone(), source })?;
                parts.extend(Export::parse(&bytes).map_err(|source| Error::Export { path: file, source })?);
            }
        }
        let first = paths.first().cloned().unwrap_or_default();
        let realms = Export::join(parts).map_err(|source| Error::Export { path: first, source })?;
        Ok(Self { realms, paths: paths.to_vec() })
    }

    /// What they are, for people: `acme.json (Keycloak 26.7.4)`.
    pub(super) fn description(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| path.display().to_string()).collect();
        let mut versions: Vec<&str> = self.realms.values().filter_map(Export::version).collect();
        versions.sort_unstable();
        versions.dedup();
        let paths = paths.join(", ");
        if versions.is_empty() { paths } else { format!("{paths} (Keycloak {})", versions.join(", ")) }
    }

    /// What a realm of them has, as far as it matters. What people should know of it is printed.
    pub(super) fn live(
        &self,
        context: &Context,
        export: &Export,
        realm: &RealmName,
        project: &str,
        interest: Interest<'_>,
    ) -> Result<LiveRealm, Error> {
        let path = || self.paths.first().cloned().unwrap_or_default();
        let read = export.live(realm, project, interest);
        let (live, notes) = read.map_err(|source| Error::Export { path: path(), source })?;
        for note in notes {
            context.output.message(&format!("note: {realm}: {note}"));
        }
        Ok(live)
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |source| Error::File { path: path.to_owned(), source };
    let mut files = Vec::new();
    for entry in path.read_dir().map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|it| it == "json") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Error::Usage(format!("there is no export in {}: no *.json", path.display())));
    }
    Ok(files)
}
