//! A `HashiCorp` Vault or an `OpenBao`, by its HTTP API: signing in, and reading and writing secrets of both versions of the KV
//! engine.
//!
//! Seven requests are all that is needed of the API. `vaultrs` has them and was looked at (0.8.0): it takes tokens into header
//! values with `unwrap`, keeps what it reads as plain text, and cannot say of which engine a path is.
//!
//! - `entry`: one secret, read and written.

mod entry;
mod error;

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroizing};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::Redactor;
use super::document::Document;
use crate::transport::{Transport, root_cause};

pub use entry::Entry;
pub use error::VaultError;

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

/// A vault that was signed in to.
pub struct Vault {
    client: Client,
    base: Url,
    address: String,
    headers: HeaderMap,
    /// Takes what it signs in with out of the vault's words.
    redactor: Redactor,
    /// Whether the token was made for this run, and ends with it.
    ends_with_us: bool,
    /// Held while an engine is asked for, so that each is asked for once.
    mounts: Mutex<Mounts>,
}

/// What is known of engines.
#[derive(Default)]
struct Mounts {
    known: Vec<Mount>,
    /// Why there is no need to ask for more.
    broken: Option<VaultError>,
}

/// An engine, as `sys/internal/ui/mounts` tells it to whoever may read anything below.
#[derive(Clone, Debug)]
struct Mount {
    /// With a slash at the end.
    path: String,
    is_versioned: bool,
}

/// The envelope of each answer.
#[derive(Default, Deserialize)]
struct Answer {
    #[serde(default)]
    data: Document,
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

/// An answer that is no success.
struct Refusal {
    status: u16,
    words: Option<String>,
    /// The newest version of a secret that is not there any more: it is deleted.
    deleted: Option<u64>,
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
            let value = HeaderValue::from_str(namespace).map_err(|_| VaultError::Namespace)?;
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
                // The role is what its words are about.
                vault.redactor.extend(fields.iter().filter(|(name, _)| **name != "role").map(|(_, value)| value));
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
                // One that asks for a second factor gives an empty token.
                let token = answer.auth.map(|auth| auth.client_token).filter(|it| !it.expose_secret().is_empty());
                token.ok_or_else(|| refused("it gives no token".to_owned()))
            }
            Err(refusal) => Err(refused(refusal.words())),
        }
    }

    /// The engine that a path is of.
    async fn mount(&self, path: &str) -> Result<Mount, VaultError> {
        let mut mounts = self.mounts.lock().await;
        if let Some(error) = &mounts.broken {
            return Err(error.clone());
        }
        // No engine can be mounted below another.
        if let Some(mount) = mounts.known.iter().find(|mount| path.starts_with(&mount.path)) {
            return Ok(mount.clone());
        }
        match self.ask_for_mount(path).await {
            Ok(mount) => {
                mounts.known.push(mount.clone());
                Ok(mount)
            }
            Err(error) => {
                mounts.broken = Some(error.clone()).filter(VaultError::is_of_all);
                Err(error)
            }
        }
    }

    /// Where nobody says, as on old servers, an engine is taken for one without versions.
    async fn ask_for_mount(&self, path: &str) -> Result<Mount, VaultError> {
        let data = match self.send(Method::GET, &format!("sys/internal/ui/mounts/{path}"), None).await? {
            Ok(answer) => answer.data,
            Err(Refusal { status: 404, .. }) => Document::default(),
            Err(refusal) if refusal.status == 403 && refusal.is_of_policies() => {
                return Err(self.why_not(path, refusal).await);
            }
            Err(refusal) if refusal.status == 403 => {
                return Err(VaultError::TokenRefused { words: refusal.words() });
            }
            Err(refusal) => return Err(refusal.into_error(path)),
        };
        let first = path.split('/').next().unwrap_or_default();
        let mount = data.json()["path"].as_str().map_or_else(|| format!("{first}/"), str::to_owned);
        Ok(Mount { path: mount, is_versioned: data.json()["options"]["version"] == "2" })
    }

    /// An engine that is not there is told like one that may not be read. Whoever may read everywhere learns the difference
    /// from the path itself; nobody who was refused reads anything there.
    async fn why_not(&self, path: &str, refusal: Refusal) -> VaultError {
        match self.send(Method::GET, path, None).await {
            Ok(Err(other)) if other.status == 404 && other.words.is_some() => other.into_error(path),
            _ => refusal.into_error(path),
        }
    }

    async fn get(&self, at: &str, path: &str) -> Result<Answer, VaultError> {
        self.send(Method::GET, at, None).await?.map_err(|refusal| refusal.into_error(path))
    }

    /// Gives back what was read by mistake. That it fails changes nothing: a lease ends by itself.
    async fn revoke(&self, lease: &str) {
        let body = Zeroizing::new(json!({ "lease_id": lease }).to_string().into_bytes());
        drop(self.send(Method::PUT, "sys/leases/revoke", Some(body)).await);
    }

    /// Ends the token, if it was made for this run.
    pub async fn close(self) {
        if self.ends_with_us {
            drop(self.send(Method::POST, "auth/token/revoke-self", None).await);
        }
    }

    /// Sends a request.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Result<Answer, Refusal>, VaultError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path.split('/'));
        }
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
        if (200..=299).contains(&status) {
            if body.is_empty() {
                return Ok(Ok(Answer::default()));
            }
            // What serde says of an answer may quote it.
            let words = || Some("it is no answer of a vault".to_owned());
            let no_answer = |_| Refusal { status, words: words(), deleted: None };
            return Ok(serde_json::from_slice(&body).map_err(no_answer));
        }
        let mut refusal = Refusal::read(status, &body);
        refusal.words = refusal.words.map(|words| self.redactor.redact(&words));
        if status == 503 && refusal.words.as_ref().is_some_and(|words| words.contains("sealed")) {
            return Err(VaultError::Sealed { address: self.address.clone() });
        }
        Ok(Err(refusal))
    }
}

impl Refusal {
    /// `{"errors": ["…"]}`, its words in one line; or what KV version 2 says of a deleted secret.
    fn read(status: u16, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Body {
            #[serde(default)]
            errors: Vec<String>,
            #[serde(default)]
            data: Option<Data>,
        }
        #[derive(Deserialize)]
        struct Data {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            version: u64,
        }
        let Body { errors, data } = serde_json::from_slice(body).unwrap_or_default();
        let lines = errors.iter().flat_map(|error| error.lines()).map(|line| line.trim().trim_start_matches("* "));
        let deleted = data.filter(|_| status == 404).map(|data| data.metadata.version);
        let is_said = |line: &&str| !line.is_empty() && !line.ends_with(" occurred:");
        let words = lines.filter(is_said).collect::<Vec<_>>().join("; ");
        Self { status, words: Some(words).filter(|it| !it.is_empty()), deleted }
    }

    /// Whether the token was accepted, and its policies speak against it.
    fn is_of_policies(&self) -> bool {
        self.words.as_ref().is_some_and(|words| words.contains("preflight capability check"))
    }

    fn words(self) -> String {
        let usual = if (300..400).contains(&self.status) { "it sends elsewhere" } else { "it says no more" };
        self.words.unwrap_or_else(|| usual.to_owned())
    }

    fn into_error(self, path: &str) -> VaultError {
        let path = path.to_owned();
        match self {
            Self { deleted: Some(version), .. } => VaultError::Deleted { path, version },
            Self { status: 404, words: None, .. } => VaultError::NoSecret { path },
            Self { status: 404, words: Some(words), .. } => VaultError::NoMount { path, words },
            Self { status: 403, .. } => VaultError::Denied { path, words: self.words() },
            Self { status, .. } => VaultError::Answer { status, path, words: self.words() },
        }
    }
}
