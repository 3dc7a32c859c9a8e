//! Secrets from where they really are: a vault, SOPS files, programs.

pub(crate) mod bao;
pub(crate) mod sops;
pub(crate) mod story;
mod vault;

use std::collections::BTreeMap;
use std::path::Path;

use realmform::desired::{SecretSources, VaultAuth, VaultServer};
use realmform::model::SecretRef;
use realmform::secrets::{Resolver, Unresolved};
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// A project that looks secrets up, with its own environment.
struct Asking {
    folder: TempDir,
    sources: SecretSources,
    env: BTreeMap<String, String>,
}

impl Asking {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), sources: SecretSources::default(), env: BTreeMap::new() }
    }

    /// Of a vault.
    fn vault(url: &str) -> Self {
        Self::new().env("VAULT_ADDR", url)
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn auth(mut self, auth: VaultAuth) -> Self {
        self.sources.vault.auth = auth;
        self
    }

    /// What else `[secrets.vault]` says.
    fn declared(mut self, declare: impl FnOnce(&mut VaultServer)) -> Self {
        declare(&mut self.sources.vault);
        self
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder().join(path), text).unwrap();
    }

    fn resolver(&self) -> Resolver {
        let env = self.env.clone();
        Resolver::new(self.folder(), &self.sources).with_env(move |name| env.get(name).map(Into::into))
    }

    /// The values of these secrets of the vault, or what is told with the hint: one paragraph for each cause.
    async fn get(&self, secrets: &[&str]) -> Result<Vec<String>, String> {
        let references: Vec<SecretRef> = secrets.iter().map(|it| vault(it)).collect();
        let values = self.resolver().resolve_all(&references).await;
        let values = values.map_err(|unresolved| told(&unresolved))?;
        Ok(references.iter().map(|it| values[it].expose_secret().to_owned()).collect())
    }

    /// What is told when they cannot be had.
    async fn fail(&self, secrets: &[&str]) -> String {
        self.get(secrets).await.expect_err("no values")
    }
}

fn vault(text: &str) -> SecretRef {
    let (path, key) = SecretRef::split(text).unwrap();
    SecretRef::Vault { path: path.to_owned(), key: key.to_owned() }
}

fn env(name: &str) -> SecretRef {
    SecretRef::Env(name.to_owned())
}

fn told(unresolved: &[Unresolved]) -> String {
    let tell = |it: &Unresolved| {
        let hint = it.error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        without_ports(&format!("{}{hint}", it.error))
    };
    unresolved.iter().map(tell).collect::<Vec<_>>().join("\n")
}

/// Ports are another one each time.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut tidy = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        tidy.push_str("127.0.0.1:PORT");
        tidy.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    tidy
}
