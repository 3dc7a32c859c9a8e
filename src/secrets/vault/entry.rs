//! One secret of a KV engine, read and written.

use reqwest::Method;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::{Mount, Refusal, Vault, VaultError};
use crate::secrets::Redactor;
use crate::secrets::document::{Document, text};

/// What one secret holds.
pub struct Entry {
    path: String,
    mount: Mount,
    document: Document,
    /// The newest version, deleted or not, of an engine that has versions; 0 before the first.
    version: u64,
}

impl Vault {
    /// Reads a secret.
    pub(in crate::secrets) async fn read(&self, path: &str) -> Result<Entry, VaultError> {
        let mount = self.mount(path).await?;
        let answer = self.get(&mount.at(path), path).await?;
        // An old engine answers a "lease" that only says when to look again, and has no id.
        if !answer.lease_id.is_empty() {
            self.revoke(&answer.lease_id).await;
            return Err(VaultError::Leased { path: path.to_owned(), seconds: answer.lease_duration });
        }
        let version = answer.data.json()["metadata"]["version"].as_u64().filter(|_| mount.is_versioned).unwrap_or(0);
        let document = if mount.is_versioned { answer.data.into_part("data") } else { answer.data };
        if !document.json().is_object() {
            return Err(VaultError::NoSecret { path: path.to_owned() });
        }
        Ok(Entry { path: path.to_owned(), mount, document, version })
    }

    /// Reads a secret that may not be there yet, or not any more: then it holds nothing.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub async fn entry(&self, path: &str) -> Result<Entry, VaultError> {
        let version = match self.read(path).await {
            Err(VaultError::NoSecret { .. }) => 0,
            Err(VaultError::Deleted { version, .. }) => version,
            other => return other,
        };
        let mount = self.mount(path).await?;
        Ok(Entry { path: path.to_owned(), mount, document: Document::default(), version })
    }

    /// Writes a secret as it is by now; one that holds nothing is deleted, and its versions can be brought back.
    ///
    /// # Errors
    /// [`VaultError::Contended`] where somebody else wrote it since it was read, as far as the engine can tell.
    pub async fn store(&self, entry: &Entry) -> Result<(), VaultError> {
        let Entry { path, mount, document, version } = entry;
        let at = mount.at(path);
        let is_empty = document.json().as_object().is_none_or(serde_json::Map::is_empty);
        let sent = if is_empty {
            self.send(Method::DELETE, &at, None).await?
        } else {
            let body = if mount.is_versioned {
                let options = json!({ "cas": version }).to_string();
                Zeroizing::new(format!(r#"{{"options":{options},"data":{}}}"#, *document.text()))
            } else {
                document.text()
            };
            self.send(Method::POST, &at, Some(Zeroizing::new(body.as_bytes().to_vec()))).await?
        };
        // A refusal may quote what was sent.
        let redactor = Redactor::new(&document.texts());
        let hidden = |mut refusal: Refusal| {
            refusal.words = refusal.words.map(|words| redactor.redact(&words));
            refusal
        };
        let why = |refusal: Refusal| match refusal.status {
            400 if refusal.words.as_ref().is_some_and(|words| words.contains("check-and-set")) => {
                VaultError::Contended { path: path.clone() }
            }
            403 => VaultError::WriteDenied { path: path.clone(), words: refusal.words() },
            _ => refusal.into_error(path),
        };
        sent.map(drop).map_err(|refusal| why(hidden(refusal)))
    }
}

impl Mount {
    /// Where a secret of the engine is read and written.
    fn at(&self, path: &str) -> String {
        let below = path.strip_prefix(&self.path).unwrap_or(path);
        if self.is_versioned { format!("{}data/{below}", self.path) } else { path.to_owned() }
    }
}

impl Entry {
    /// The value of a key.
    pub(in crate::secrets) fn get(&self, key: &str) -> Result<SecretString, VaultError> {
        let path = self.path.clone();
        let entries = self.document.json();
        let Some(value) = entries.get(key) else {
            let known = entries.as_object().map(|it| it.keys().cloned().collect()).unwrap_or_default();
            return Err(VaultError::NoKey { path, key: key.to_owned(), known });
        };
        text(value).ok_or_else(|| VaultError::NotText { path, key: key.to_owned() })
    }

    /// The value of a key; `None` where there is none, or one that is no text.
    pub fn value(&self, key: &str) -> Option<SecretString> {
        self.get(key).ok()
    }

    /// Gives a key a value, or takes it away; says whether that changes anything.
    pub fn set(&mut self, key: &str, value: Option<&SecretString>) -> bool {
        let now = self.document.json().get(key);
        let text = value.map(SecretString::expose_secret);
        if now.is_some() == text.is_some() && now.and_then(Json::as_str) == text {
            return false;
        }
        self.document.set(key, text);
        true
    }
}
