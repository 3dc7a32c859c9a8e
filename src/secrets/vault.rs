//! A `HashiCorp` Vault or an `OpenBao`, by its HTTP API: signing in, and reading secrets of both versions of the KV engine.
//!
//! Five requests are all that is needed of the API. `vaultrs` has them and was looked at (0.8.0): it takes tokens into header
//! values with `unwrap`, keeps what it reads as plain text, and cannot say of which engine a path is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Mutex, OnceCell};

use super::Redactor;
use crate::transport::{Transport, TransportError, root_cause};

const LIMIT: Duration = Duration::from_secs(30);

/// How many requests are under way at once.
const PARALLELISM: usize = 8;

/// Where a vault is.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) address: String,
    pub(super) namespace: Option<String>,
    pub(super) ca_pem: Option<Vec<u8>>,
}

/// How to sign in.
#[derive(Debug)]
pub(super) enum Credential {
    Token(SecretString),
    /// What is sent to `auth/<mount>/login`.
    Login {
        mount: String,
        fields: BTreeMap<&'static str, SecretString>,
    },
}

/// Why a vault does not give a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A URL or a certificate is wrong.
    #[error(transparent)]
    Setup(#[from] TransportError),
    /// A token that no header can hold.
    #[error("the vault's token has characters that no token has")]
    Token,
    /// There is no answer.
    #[error("cannot reach the vault {address}: {cause}")]
    Unreachable {
        /// Its base URL.
        address: String,
        /// What the network says.
        cause: String,
    },
    /// It is sealed, or has not been set up.
    #[error("the vault {address} is sealed")]
    Sealed {
        /// Its base URL.
        address: String,
    },
    /// It does not accept the credential.
    #[error("the vault refuses to sign in by {method}: {words}")]
    SignIn {
        /// Where the method is mounted: `auth/approle`.
        method: String,
        /// The vault's words.
        words: String,
    },
    /// The token may not read the path, or has ended.
    #[error("the vault does not let this token read {path}: {words}")]
    Denied {
        /// The path.
        path: String,
        /// The vault's words.
        words: String,
    },
    /// There is no such secret.
    #[error("the vault has no secret {path}")]
    NoSecret {
        /// The path.
        path: String,
    },
    /// The secret has no such key.
    #[error("the vault's secret {path} has no key {key}; it has {}", known.join(", "))]
    NoKey {
        /// The path.
        path: String,
        /// The key.
        key: String,
        /// The keys that it has.
        known: Vec<String>,
    },
    /// The value is neither text nor a number.
    #[error("the key {key} of the vault's secret {path} is no text")]
    NotText {
        /// The path.
        path: String,
        /// The key.
        key: String,
    },
    /// It is made anew whenever it is read, and ends.
    #[error(
        "the vault's secret {path} is leased: it is another one each time that it is read, and ends after {seconds} seconds"
    )]
    Leased {
        /// The path.
        path: String,
        /// How long it would have been good for.
        seconds: u64,
    },
    /// Something else.
    #[error("the vault answers {status} to {path}: {words}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// The path.
        path: String,
        /// Its words.
        words: String,
    },
}

impl VaultError {
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => {
                Some("VAULT_ADDR, or `address` of [secrets.vault] in realmform.toml, says where it is")
            }
            Self::Sealed { .. } => Some("whoever runs it has to unseal it first"),
            Self::SignIn { .. } => Some("look at [secrets.vault.auth] in realmform.toml, and at the role in the vault"),
            Self::Denied { .. } => {
                Some("a policy of the token must allow `read` there; for KV version 2 that is on <mount>/data/<path>")
            }
            Self::NoSecret { .. } => Some("the path is the mount and what is below it, as for `vault kv get`"),
            Self::Setup(_) | Self::Token | Self::NoKey { .. } | Self::NotText { .. } | Self::Answer { .. } => None,
            Self::Leased { .. } => Some("Keycloak needs a value that stays: use a KV engine"),
        }
    }
}

/// A vault that was signed in to.
pub(super) struct Vault {
    client: Client,
    base: Url,
    address: String,
    headers: HeaderMap,
    /// Takes what it signs in with out of the vault's words.
    redactor: Redactor,
    /// Whether the token was made for this run, and ends with it.
    ends_with_us: bool,
    /// Which engine is mounted where: asked once for each first part of a path.
    mounts: Mutex<BTreeMap<String, Arc<OnceCell<Mount>>>>,
}

/// An engine, as `sys/internal/ui/mounts` tells it to whoever may read anything below.
#[derive(Clone, Debug)]
struct Mount {
    /// With a slash at the end.
    path: String,
    is_versioned: bool,
}

/// The envelope of each answer.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    auth: Option<Auth>,
    #[serde(default)]
    lease_id: String,
    #[serde(default)]
    lease_duration: u64,
}

#[derive(Deserialize)]
struct Auth {
    client_token: SecretString,
}

/// A value of a secret, or what is around the values.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(SecretString),
    Table(BTreeMap<String, Value>),
    Number(serde_json::Number),
    Other(serde::de::IgnoredAny),
}

/// What one secret holds.
pub(super) struct Content {
    path: String,
    values: BTreeMap<String, Value>,
}

impl Vault {
    /// Signs in.
    pub(super) async fn open(place: Place, credential: Credential) -> Result<Self, VaultError> {
        let transport = Transport {
            server: "the vault",
            url: &place.address,
            ca_pem: place.ca_pem.as_deref(),
            identity_pem: None,
            timeout: LIMIT,
            parallelism: PARALLELISM,
        };
        let base = transport.base()?;
        let client = transport.client(&base)?;
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("x-vault-request"), HeaderValue::from_static("true"));
        if let Some(namespace) = &place.namespace {
            let value = HeaderValue::from_str(namespace).map_err(|_| VaultError::Token)?;
            headers.insert(HeaderName::from_static("x-vault-namespace"), value);
        }
        let address = base.as_str().trim_end_matches('/').to_owned();
        let mut vault = Self {
            client,
            base,
            address,
            headers,
            ends_with_us: false,
            mounts: Mutex::default(),
            redactor: Redactor::new([]),
        };
        match credential {
            Credential::Token(token) => vault.use_token(&token)?,
            Credential::Login { mount, fields } => {
                vault.redactor.extend(fields.values());
                let token = vault.sign_in(&mount, &fields).await?;
                vault.use_token(&token)?;
                vault.ends_with_us = true;
            }
        }
        Ok(vault)
    }

    fn use_token(&mut self, token: &SecretString) -> Result<(), VaultError> {
        self.redactor.extend([token]);
        let mut value = HeaderValue::from_str(token.expose_secret().trim()).map_err(|_| VaultError::Token)?;
        value.set_sensitive(true);
        self.headers.insert(HeaderName::from_static("x-vault-token"), value);
        Ok(())
    }

    async fn sign_in(&self, mount: &str, fields: &BTreeMap<&str, SecretString>) -> Result<SecretString, VaultError> {
        let method = format!("auth/{mount}");
        let fields: BTreeMap<&str, &str> =
            fields.iter().map(|(name, value)| (*name, value.expose_secret().trim())).collect();
        let body = Zeroizing::new(serde_json::to_vec(&fields).unwrap_or_default());
        let refused = |words| VaultError::SignIn { method: method.clone(), words };
        match self.send(Method::POST, &format!("{method}/login"), Some(body)).await? {
            Ok(answer) => {
                answer.auth.map(|auth| auth.client_token).ok_or_else(|| refused("it gives no token".to_owned()))
            }
            Err((_, words)) => Err(refused(words)),
        }
    }

    /// Reads a secret of a KV engine.
    pub(super) async fn read(&self, path: &str) -> Result<Content, VaultError> {
        let mount = self.mount(path).await?;
        let below = path.strip_prefix(&mount.path).unwrap_or(path);
        let at = if mount.is_versioned { format!("{}data/{below}", mount.path) } else { path.to_owned() };
        let answer = self.get(&at, path).await?;
        // An old engine answers a "lease" that only says when to look again, and has no id.
        if !answer.lease_id.is_empty() {
            self.revoke(&answer.lease_id).await;
            return Err(VaultError::Leased { path: path.to_owned(), seconds: answer.lease_duration });
        }
        let mut values = answer.data.unwrap_or_default();
        if mount.is_versioned {
            values = match values.remove("data") {
                Some(Value::Table(values)) => values,
                _ => return Err(VaultError::NoSecret { path: path.to_owned() }),
            };
        }
        Ok(Content { path: path.to_owned(), values })
    }

    /// The engine that a path is of. Where nobody says, as on old servers, it is taken for one without versions.
    async fn mount(&self, path: &str) -> Result<Mount, VaultError> {
        let first = path.split('/').next().unwrap_or_default().to_owned();
        let known = Arc::clone(self.mounts.lock().await.entry(first).or_default());
        if let Some(mount) = known.get().filter(|mount| path.starts_with(&mount.path)) {
            return Ok(mount.clone());
        }
        let mount = self.ask_for_mount(path).await?;
        drop(known.set(mount.clone()));
        Ok(mount)
    }

    async fn ask_for_mount(&self, path: &str) -> Result<Mount, VaultError> {
        let first = path.split('/').next().unwrap_or_default();
        let unversioned = Mount { path: format!("{first}/"), is_versioned: false };
        let mut data = match self.send(Method::GET, &format!("sys/internal/ui/mounts/{path}"), None).await? {
            Ok(answer) => answer.data.unwrap_or_default(),
            Err((404, _)) => return Ok(unversioned),
            Err((403, words)) => return Err(VaultError::Denied { path: path.to_owned(), words }),
            Err((status, words)) => return Err(VaultError::Answer { status, path: path.to_owned(), words }),
        };
        let text = |value: Option<Value>| match value {
            Some(Value::Text(text)) => Some(text.expose_secret().to_owned()),
            _ => None,
        };
        let version = match data.remove("options") {
            Some(Value::Table(mut options)) => text(options.remove("version")),
            _ => None,
        };
        let path = text(data.remove("path")).unwrap_or(unversioned.path);
        Ok(Mount { path, is_versioned: version.as_deref() == Some("2") })
    }

    async fn get(&self, at: &str, path: &str) -> Result<Answer, VaultError> {
        let path = path.to_owned();
        self.send(Method::GET, at, None).await?.map_err(|(status, words)| match status {
            404 => VaultError::NoSecret { path },
            403 => VaultError::Denied { path, words },
            status => VaultError::Answer { status, path, words },
        })
    }

    /// Gives back what was read by mistake. That it fails changes nothing: a lease ends by itself.
    async fn revoke(&self, lease: &str) {
        let body = Zeroizing::new(json!({ "lease_id": lease }).to_string().into_bytes());
        drop(self.send(Method::PUT, "sys/leases/revoke", Some(body)).await);
    }

    /// Ends the token, if it was made for this run.
    pub(super) async fn close(self) {
        if self.ends_with_us {
            drop(self.send(Method::POST, "auth/token/revoke-self", None).await);
        }
    }

    /// Sends a request; the inner error is a status with the vault's words.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Result<Answer, (u16, String)>, VaultError> {
        let mut url = self.base.clone();
        let whole = format!("{}/v1/{path}", self.base.path().trim_end_matches('/'));
        url.set_path(&whole);
        let mut request = self.client.request(method, url).headers(self.headers.clone());
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_vec());
        }
        let unreachable = |error: &reqwest::Error| VaultError::Unreachable {
            address: self.address.clone(),
            cause: root_cause(error),
        };
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status().as_u16();
        let body = Zeroizing::new(response.bytes().await.map_err(|error| unreachable(&error))?.to_vec());
        match status {
            200..=299 if body.is_empty() => {
                Ok(Ok(Answer { data: None, auth: None, lease_id: String::new(), lease_duration: 0 }))
            }
            // What serde says of an answer may quote it.
            200..=299 => {
                Ok(serde_json::from_slice(&body).map_err(|_| (status, "it is no answer of a vault".to_owned())))
            }
            503 => Err(VaultError::Sealed { address: self.address.clone() }),
            status => Ok(Err((status, self.redactor.redact(&words(&body))))),
        }
    }
}

/// `{"errors": ["…"]}` in one line.
fn words(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<String>,
    }
    let errors = serde_json::from_slice::<Errors>(body).map(|it| it.errors).unwrap_or_default();
    let lines = errors.iter().flat_map(|error| error.lines()).map(|line| line.trim().trim_start_matches("* "));
    let words = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    if words.is_empty() { "it says no more".to_owned() } else { words }
}

impl Content {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Result<SecretString, VaultError> {
        let path = || self.path.clone();
        match self.values.get(key) {
            Some(Value::Text(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string().into()),
            Some(Value::Table(_) | Value::Other(_)) => Err(VaultError::NotText { path: path(), key: key.to_owned() }),
            None => {
                let known = self.values.keys().cloned().collect();
                Err(VaultError::NoKey { path: path(), key: key.to_owned(), known })
            }
        }
    }
}
