//! Where outputs go: files, and keys of secrets in a vault.
#![expect(clippy::disallowed_methods, reason = "what was handed over before is compared with what would be now")]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;

use crate::cli::Error;
use crate::cli::files::{Readers, replace};
use crate::desired::SecretSources;
use crate::model::Destination;
use crate::secrets::{Resolver, SecretError, Vault, VaultError, is_handed};

/// What is to happen at a destination.
#[derive(Clone, Copy)]
pub(super) enum Order<'a> {
    /// This is to be there.
    Put(&'a str),
    /// What was handed over, by its print, is to be there no longer.
    Take(&'a str),
}

/// What was done at a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// What was not there, or not so, is written.
    Written,
    /// It was there.
    UpToDate,
    /// It is gone, or was before.
    Gone,
    /// Somebody changed it since it was handed over: it is theirs.
    Left,
}

/// How often a secret of a vault is read again that somebody else writes at the same time.
const TRIES: usize = 3;

/// What is handed over has no more bytes.
const LARGEST: u64 = 1 << 20;

/// The places of one project.
pub(super) struct Sinks<'a> {
    folder: &'a Path,
    resolver: Resolver,
    /// Signed in to when it is needed first.
    vault: OnceCell<Result<Vault, Arc<SecretError>>>,
}

/// What happened at destinations.
pub(super) type Results = BTreeMap<Destination, Result<Done, Error>>;

impl<'a> Sinks<'a> {
    pub(super) fn new(folder: &'a Path, sources: &SecretSources) -> Self {
        Self { folder, resolver: Resolver::new(folder, sources), vault: OnceCell::new() }
    }

    /// Carries orders out; those of one secret of a vault together.
    pub(super) async fn carry_out(&self, orders: &BTreeMap<Destination, Order<'_>>) -> Results {
        let mut results = Results::new();
        let mut secrets: BTreeMap<&str, BTreeMap<&str, Order<'_>>> = BTreeMap::new();
        for (to, order) in orders {
            match to {
                Destination::File(path) => drop(results.insert(to.clone(), file(&self.folder.join(path), *order))),
                Destination::Vault { path, key } => drop(secrets.entry(path).or_default().insert(key, *order)),
            }
        }
        for (path, keys) in secrets {
            let to = |key: &str| Destination::Vault { path: path.to_owned(), key: key.to_owned() };
            match self.secret(path, &keys).await {
                Ok(done) => results.extend(done.into_iter().map(|(key, done)| (to(key), Ok(done)))),
                Err(error) => {
                    let failed = |key: &&str| (to(key), Err(Error::Secret(Arc::clone(&error))));
                    results.extend(keys.keys().map(failed));
                }
            }
        }
        results
    }

    /// What is at a destination; `None` where nothing is.
    pub(super) async fn read(&self, to: &Destination) -> Result<Option<SecretString>, Error> {
        match to {
            Destination::File(path) => {
                let path = self.folder.join(path);
                match std::fs::read_to_string(&path) {
                    Ok(text) => Ok(Some(text.into())),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(Error::File { path, source }),
                }
            }
            Destination::Vault { path, key } => {
                let vault = self.vault().await.map_err(Error::Secret)?;
                let entry = vault.entry(path).await.map_err(|error| Error::Secret(Arc::new(error.into())))?;
                Ok(entry.value(key))
            }
        }
    }

    /// The same of a destination that the record names, as far as it can be what was handed over.
    pub(super) async fn read_recorded(&self, to: &Destination) -> Result<Option<SecretString>, Error> {
        let Destination::File(path) = to else { return self.read(to).await };
        Ok(match handed_over(&self.folder.join(path))? {
            There::Text(text) => Some(text.as_str().into()),
            There::Nothing | There::Other => None,
        })
    }

    /// Ends what was begun with a vault.
    pub(super) async fn close(self) {
        if let Some(Ok(vault)) = self.vault.into_inner() {
            vault.close().await;
        }
    }

    async fn vault(&self) -> Result<&Vault, Arc<SecretError>> {
        let opened = self.vault.get_or_init(async || self.resolver.open_vault().await.map_err(Arc::new)).await;
        opened.as_ref().map_err(Arc::clone)
    }

    /// Changes keys of one secret, and leaves all others of it alone.
    async fn secret<'k>(
        &self,
        path: &str,
        orders: &BTreeMap<&'k str, Order<'_>>,
    ) -> Result<Vec<(&'k str, Done)>, Arc<SecretError>> {
        let vault = self.vault().await?;
        let failed = |error: VaultError| Arc::new(SecretError::from(error));
        let mut tries = 1;
        loop {
            let mut entry = vault.entry(path).await.map_err(failed)?;
            let (mut done, mut changes) = (Vec::new(), false);
            for (key, order) in orders {
                let now = entry.value(key);
                let (outcome, value) = match order {
                    Order::Put(text) if now.as_ref().is_some_and(|now| now.expose_secret() == *text) => {
                        (Done::UpToDate, None)
                    }
                    Order::Put(text) => (Done::Written, Some(Some(SecretString::from(*text)))),
                    Order::Take(print) => match taken(now.as_ref().map(SecretString::expose_secret), print) {
                        Done::Gone => (Done::Gone, Some(None)),
                        left => (left, None),
                    },
                };
                if let Some(value) = value {
                    changes |= entry.set(key, value.as_ref());
                }
                done.push((*key, outcome));
            }
            if !changes {
                return Ok(done);
            }
            match vault.store(&entry).await {
                Ok(()) => return Ok(done),
                Err(VaultError::Contended { .. }) if tries < TRIES => tries += 1,
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

/// What becomes of a text that is to be there no longer.
fn taken(now: Option<&str>, print: &str) -> Done {
    if now.is_none_or(|now| is_handed(now, print)) { Done::Gone } else { Done::Left }
}

fn file(path: &Path, order: Order<'_>) -> Result<Done, Error> {
    let failed = |path: PathBuf| |source| Error::File { path, source };
    match order {
        Order::Put(text) => {
            if std::fs::read(path).map(Zeroizing::new).is_ok_and(|there| *there == text.as_bytes()) {
                return Ok(Done::UpToDate);
            }
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(failed(folder.to_owned()))?;
            }
            replace(path, text, Readers::Owner)?;
            Ok(Done::Written)
        }
        Order::Take(print) => {
            match handed_over(path)? {
                There::Nothing => return Ok(Done::Gone),
                There::Text(text) if is_handed(&text, print) => {}
                There::Text(_) | There::Other => return Ok(Done::Left),
            }
            std::fs::remove_file(path).map_err(failed(path.to_owned()))?;
            Ok(Done::Gone)
        }
    }
}

/// What is at a path that the record names.
enum There {
    Nothing,
    /// What was never handed over.
    Other,
    Text(Zeroizing<String>),
}

fn handed_over(path: &Path) -> Result<There, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let about = match path.symlink_metadata() {
        Ok(about) => about,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(There::Nothing);
        }
        Err(source) => return Err(failed(source)),
    };
    // The record is on the server, where others may write it: it makes nobody wait for a device, nor delete what is not known
    // already.
    if !about.is_file() && !about.is_dir() || about.len() > LARGEST {
        return Ok(There::Other);
    }
    let there = std::fs::read(path).map(Zeroizing::new).map_err(failed)?;
    let text = std::str::from_utf8(&there).map(|text| Zeroizing::new(text.to_owned()));
    Ok(text.map_or(There::Other, There::Text))
}
