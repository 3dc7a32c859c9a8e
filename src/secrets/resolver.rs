//! From references to their values.
#![expect(clippy::disallowed_methods, reason = "secrets/ is the room that reads secret files")]

use super::vault::{Credential, Place, Vault};
use super::{SecretError, sops};
use crate::desired::{SecretProgram, SecretSources, VaultAuth, VaultServer};
use crate::model::SecretRef;
use crate::program::Program;
use futures_util::StreamExt;
use futures_util::stream;
use rand::seq::{IndexedRandom, SliceRandom};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// From a variable's name to its value.
type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// How many sources are asked at once: programs like `op` and `sops` are slow, and start processes of their own.
const PARALLELISM: usize = 8;

/// Finds the values of secrets: in the environment, in files, in a vault, and by programs.
pub struct Resolver {
    /// Where relative file paths start.
    project: PathBuf,
    sources: SecretSources,
    env: Box<Lookup>,
    throwaway: bool,
    made_up: Mutex<BTreeSet<SecretRef>>,
}

/// Values by what names them.
pub type Values = BTreeMap<SecretRef, SecretString>;

/// Why references have no value, all for one reason.
#[derive(Debug)]
pub struct Unresolved {
    /// The references.
    pub references: Vec<SecretRef>,
    /// The reason.
    pub error: SecretError,
}

/// References that are looked up together.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group<'a> {
    /// A variable, a file, or what a program prints.
    One(&'a SecretRef),
    /// One file.
    Sops(&'a Path),
    /// One secret of the vault.
    Vault(&'a str),
}

impl Resolver {
    /// A resolver over the process's environment, the files of the folder `project`, and what the project file declares.
    pub fn new(project: impl Into<PathBuf>, sources: &SecretSources) -> Self {
        Self {
            project: project.into(),
            sources: sources.clone(),
            env: Box::new(|name| std::env::var_os(name)),
            throwaway: false,
            made_up: Mutex::default(),
        }
    }

    /// Looks environment variables up with `env` instead.
    #[must_use]
    pub fn with_env(mut self, env: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        self.env = Box::new(env);
        self
    }

    /// Gives a secret whose source is missing or empty a random value, for servers that are thrown
    /// away. (CI systems hand secrets that a job may not see to it as empty variables.) The value
    /// is the same for the same reference in the whole process. What is there and wrong, such as a
    /// file without permission, stays an error. No vault and no program is asked: those hold the
    /// secrets of servers that stay.
    #[must_use]
    pub fn with_throwaway_values(mut self) -> Self {
        self.throwaway = true;
        self
    }

    /// The values of all `references` that have one before the server is asked: not of those that are kept or
    /// generated. Each source is asked once, and several at the same time.
    ///
    /// # Errors
    /// Every reference without a value, so that they can be put right in one go; in the references'
    /// order.
    pub async fn resolve_all<'a>(
        &self,
        references: impl IntoIterator<Item = &'a SecretRef>,
    ) -> Result<Values, Vec<Unresolved>> {
        let (values, unresolved) = self.resolve_some(references).await;
        if unresolved.is_empty() { Ok(values) } else { Err(unresolved) }
    }

    /// The same; what cannot be had is left out, and told.
    pub async fn resolve_some<'a>(
        &self,
        references: impl IntoIterator<Item = &'a SecretRef>,
    ) -> (Values, Vec<Unresolved>) {
        let mut groups: BTreeMap<Group<'a>, BTreeSet<&SecretRef>> = BTreeMap::new();
        for reference in references {
            let group = match reference {
                SecretRef::Keep | SecretRef::Generate { .. } => continue,
                SecretRef::Vault { path, key: _ } if !self.throwaway => Group::Vault(path),
                SecretRef::Sops { file, key: _ } if !self.throwaway => Group::Sops(file),
                _ => Group::One(reference),
            };
            groups.entry(group).or_default().insert(reference);
        }
        let vault = self.vault(groups.keys().any(|group| matches!(group, Group::Vault(_)))).await;
        let looked_up = stream::iter(groups).map(async |(group, references)| {
            let found = self.look_up(&group, &references, vault.as_ref()).await;
            (references, found)
        });
        let looked_up: Vec<_> = looked_up.buffered(PARALLELISM).collect().await;
        if let Some(Ok(vault)) = vault {
            vault.close().await;
        }
        let mut values = Values::new();
        let mut unresolved: Vec<Unresolved> = Vec::new();
        for (reference, found) in
            looked_up.into_iter().flat_map(|(references, found)| references.into_iter().zip(found))
        {
            match found {
                Ok(value) => drop(values.insert(reference.clone(), value)),
                Err(error) => {
                    // One cause of many is told once.
                    let same = unresolved.iter_mut().find(|it| it.error.to_string() == error.to_string());
                    match same {
                        Some(same) => same.references.push(reference.clone()),
                        None => unresolved.push(Unresolved { references: vec![reference.clone()], error }),
                    }
                }
            }
        }
        unresolved.sort_by(|a, b| a.references.cmp(&b.references));
        (values, unresolved)
    }

    /// The references that this resolver gave a random value so far, sorted.
    pub fn made_up(&self) -> Vec<SecretRef> {
        self.made_up.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// One result for each of the references.
    async fn look_up(
        &self,
        group: &Group<'_>,
        references: &BTreeSet<&SecretRef>,
        vault: Option<&Result<Vault, Arc<SecretError>>>,
    ) -> Vec<Result<SecretString, SecretError>> {
        let all = |error: SecretError| {
            let error = Arc::new(error);
            references.iter().map(|_| Err(SecretError::Shared(Arc::clone(&error)))).collect()
        };
        match group {
            Group::One(reference) => vec![self.one(reference).await],
            Group::Sops(file) => match sops::read(&self.project, file).await {
                Ok(content) => references.iter().map(|it| not_empty(content.get(key_of(it))?, it)).collect(),
                Err(error) => all(error.into()),
            },
            Group::Vault(path) => match vault {
                Some(Ok(vault)) => match vault.read(path).await {
                    Ok(content) => references.iter().map(|it| not_empty(content.get(key_of(it))?, it)).collect(),
                    Err(error) => all(error.into()),
                },
                Some(Err(error)) => references.iter().map(|_| Err(SecretError::Shared(Arc::clone(error)))).collect(),
                None => Vec::new(),
            },
        }
    }

    async fn one(&self, reference: &SecretRef) -> Result<SecretString, SecretError> {
        let found = match reference {
            SecretRef::Env(name) => self.read_env(name),
            SecretRef::File(path) => self.read_file(path),
            SecretRef::Program { provider, key } if !self.throwaway => self.run(provider, key).await,
            _ => return Ok(self.make_up(reference)),
        };
        match found.and_then(|text| checked(text, reference)) {
            Err(error) if self.throwaway && error.is_missing() => Ok(self.make_up(reference)),
            found => found,
        }
    }

    fn read_env(&self, name: &str) -> Result<Vec<u8>, SecretError> {
        let value = (self.env)(name).ok_or_else(|| SecretError::NotSet { name: name.to_owned() })?;
        Ok(value.into_encoded_bytes())
    }

    fn read_file(&self, path: &Path) -> Result<Vec<u8>, SecretError> {
        let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
        fs::read(self.project.join(path)).map(without_line_end).map_err(unreadable)
    }

    async fn run(&self, provider: &str, key: &str) -> Result<Vec<u8>, SecretError> {
        let undeclared = || SecretError::NoProgram { name: provider.to_owned() };
        let SecretProgram { command, timeout } = self.sources.programs.get(provider).ok_or_else(undeclared)?;
        let (program, args) = command.split_first().ok_or_else(undeclared)?;
        let program = Program {
            program: OsStr::new(program),
            args: args.iter().map(|argument| argument.replace("{}", key).into()).collect(),
            folder: &self.project,
            variables: Vec::new(),
            limit: *timeout,
        };
        let failed = |source| SecretError::Program { provider: provider.to_owned(), key: key.to_owned(), source };
        program.run().await.map(without_line_end).map_err(failed)
    }

    /// Signs in to the vault, if anything is wanted of it.
    async fn vault(&self, is_wanted: bool) -> Option<Result<Vault, Arc<SecretError>>> {
        if is_wanted { Some(self.open_vault().await.map_err(Arc::new)) } else { None }
    }

    /// Signs in to the vault.
    ///
    /// # Errors
    /// Nothing says where it is or how to sign in, or it refuses.
    pub async fn open_vault(&self) -> Result<Vault, SecretError> {
        let VaultServer { address, namespace, ca_file, auth } = &self.sources.vault;
        let address = address.clone().or_else(|| self.text_of("VAULT_ADDR")).ok_or(SecretError::NoVault)?;
        let ca_file = ca_file.clone().or_else(|| self.text_of("VAULT_CACERT").map(PathBuf::from));
        let ca_pem = ca_file
            .map(|path| fs::read(self.project.join(&path)).map_err(|source| SecretError::VaultCa { path, source }));
        let namespace = namespace.clone().or_else(|| self.text_of("VAULT_NAMESPACE"));
        let place = Place { address, namespace, ca_pem: ca_pem.transpose()? };
        Ok(Vault::open(place, self.vault_credential(auth).await?).await?)
    }

    async fn vault_credential(&self, auth: &VaultAuth) -> Result<Credential, SecretError> {
        let given =
            async |reference| self.one(reference).await.map_err(|error| SecretError::VaultCredential(Box::new(error)));
        Ok(match auth {
            VaultAuth::Token(Some(reference)) => Credential::Token(given(reference).await?),
            VaultAuth::Token(None) => Credential::Token(self.usual_token()?),
            VaultAuth::AppRole { mount, role_id, secret_id } => {
                let mut fields = BTreeMap::from([("role_id", given(role_id).await?)]);
                if let Some(secret_id) = secret_id {
                    fields.insert("secret_id", given(secret_id).await?);
                }
                Credential::Login { mount: mount.clone(), fields }
            }
            VaultAuth::Jwt { mount, role, jwt } => {
                let fields = BTreeMap::from([("role", role.as_str().into()), ("jwt", given(jwt).await?)]);
                Credential::Login { mount: mount.clone(), fields }
            }
        })
    }

    /// The token that Vault's own programs would use.
    fn usual_token(&self) -> Result<SecretString, SecretError> {
        if let Some(token) = self.text_of("VAULT_TOKEN") {
            return Ok(token.into());
        }
        let home = (self.env)("HOME").map(PathBuf::from);
        let token = home.and_then(|home| fs::read_to_string(home.join(".vault-token")).ok());
        let token = token.map(Zeroizing::new).filter(|token| !token.trim().is_empty());
        token.map(|token| token.trim().into()).ok_or(SecretError::NoVaultToken)
    }

    /// A variable that is set and not empty.
    fn text_of(&self, name: &str) -> Option<String> {
        (self.env)(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
    }

    fn make_up(&self, reference: &SecretRef) -> SecretString {
        self.made_up.lock().unwrap_or_else(PoisonError::into_inner).insert(reference.clone());
        let mut values = THROWAWAY_VALUES.lock().unwrap_or_else(PoisonError::into_inner);
        values.entry(reference.clone()).or_insert_with(|| generated(THROWAWAY_LENGTH)).clone()
    }
}

/// The key of a reference to one value of many.
fn key_of(reference: &SecretRef) -> &str {
    match reference {
        SecretRef::Vault { key, .. } | SecretRef::Sops { key, .. } => key,
        _ => "",
    }
}

/// One line end at the end is taken away: editors, `echo` and programs add it, and no one means it.
fn without_line_end(mut content: Vec<u8>) -> Vec<u8> {
    if content.pop_if(|last| *last == b'\n').is_some() {
        content.pop_if(|last| *last == b'\r');
    }
    content
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, sources, env: _, throwaway, made_up } = self;
        let mut shown = f.debug_struct("Resolver");
        shown.field("project", project).field("sources", sources);
        shown.field("throwaway", throwaway).field("made_up", made_up);
        shown.finish_non_exhaustive()
    }
}

/// Of the process and not of a resolver, because a command plans, applies and plans again, and a
/// value that changed in between would be a difference.
static THROWAWAY_VALUES: LazyLock<Mutex<BTreeMap<SecretRef, SecretString>>> = LazyLock::new(Mutex::default);

/// The error that the standard library has for text that is not UTF-8 holds the text, and so is
/// dropped here.
fn checked(value: Vec<u8>, reference: &SecretRef) -> Result<SecretString, SecretError> {
    match String::from_utf8(value) {
        Ok(text) => not_empty(text.into(), reference),
        Err(_) => Err(SecretError::NotUtf8 { reference: reference.clone() }),
    }
}

fn not_empty(value: SecretString, reference: &SecretRef) -> Result<SecretString, SecretError> {
    let is_empty = value.expose_secret().is_empty();
    if is_empty { Err(SecretError::Empty { reference: reference.clone() }) } else { Ok(value) }
}

const THROWAWAY_LENGTH: u16 = 32;

/// So many random characters that need no quoting in a shell, URL or header, with one of each class that a
/// realm's password policy may ask for: nearly six bits each.
pub fn generated(length: u16) -> SecretString {
    const CLASSES: [&[u8]; 4] = [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnopqrstuvwxyz", b"23456789", b"-_"];
    let mut random = rand::rng();
    let letters = CLASSES[..3].concat();
    let pools = CLASSES.into_iter().chain(std::iter::repeat(letters.as_slice())).take(length.into());
    let mut characters: Zeroizing<Vec<char>> =
        Zeroizing::new(pools.filter_map(|pool| pool.choose(&mut random)).map(|byte| char::from(*byte)).collect());
    // A value that begins with `-` would be taken for an option on a command line.
    characters[1..].shuffle(&mut random);
    characters.iter().collect::<String>().into()
}
