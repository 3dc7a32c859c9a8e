//! `[secrets]` of the project file: where secrets are looked up that are neither variables nor files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::parse::{Entry, Shape, Table, entries};
use super::problem::Problem;
use super::project::Reader;
use super::suggest::one_of;
use crate::model::{SECRET_SOURCES, SecretRef};

const SECRETS: &[&str] = &["vault", "provider"];
const VAULT: &[&str] = &["address", "namespace", "caFile", "auth"];
const METHODS: &[&str] = &["token", "approle", "kubernetes", "jwt"];
const PROVIDER: &[&str] = &["command", "timeout"];

/// The programs that give secrets, by the name that references call them.
pub type Programs = BTreeMap<String, SecretProgram>;

/// Where secrets are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretSources {
    /// A `HashiCorp` Vault or an `OpenBao`.
    pub vault: VaultServer,
    /// By name.
    pub programs: Programs,
}

/// A `HashiCorp` Vault or an `OpenBao`. What is `None` comes from the environment, by the names that Vault's own programs use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VaultServer {
    /// The base URL: `https://vault.example:8200`.
    pub address: Option<String>,
    /// The namespace, where the server has them.
    pub namespace: Option<String>,
    /// Certificates (PEM) to trust besides the system's; relative to the project.
    pub ca_file: Option<PathBuf>,
    /// How to sign in.
    pub auth: VaultAuth,
}

/// How to sign in to a vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultAuth {
    /// With a token: this one, else `VAULT_TOKEN`, else what `vault login` left in `~/.vault-token`.
    Token(Option<SecretRef>),
    /// With the id of a role and, unless the role asks for none, a secret id.
    AppRole {
        /// Where the method is mounted.
        mount: String,
        /// The role's id.
        role_id: SecretRef,
        /// The secret id.
        secret_id: Option<SecretRef>,
    },
    /// With a JWT, as of a CI job, or with the token of a pod's service account.
    Jwt {
        /// Where the method is mounted.
        mount: String,
        /// The role to sign in to.
        role: String,
        /// The token.
        jwt: SecretRef,
    },
}

/// A program that prints a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretProgram {
    /// The program and its arguments; `{}` stands for what a reference says.
    pub command: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// Where Kubernetes puts the token of a pod's service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

const TIMEOUT: Duration = Duration::from_secs(30);

impl Default for VaultAuth {
    fn default() -> Self {
        Self::Token(None)
    }
}

/// Reads the table.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> SecretSources {
    let mut sources = SecretSources::default();
    let Some(table) = reader.table(entry) else { return sources };
    for entry in entries(table) {
        match entry.name {
            "vault" => sources.vault = vault(reader, &entry),
            "provider" => sources.programs = programs(reader, &entry),
            _ => reader.unknown("`secrets`", &entry, SECRETS),
        }
    }
    sources
}

fn vault(reader: &mut Reader<'_>, entry: &Entry<'_>) -> VaultServer {
    let mut vault = VaultServer::default();
    let Some(table) = reader.table(entry) else { return vault };
    for entry in entries(table) {
        match entry.name {
            "address" => vault.address = reader.text(&entry),
            "namespace" => vault.namespace = reader.text(&entry),
            "caFile" => vault.ca_file = reader.text(&entry).map(PathBuf::from),
            "auth" => vault.auth = auth(reader, &entry).unwrap_or_default(),
            _ => reader.unknown("`secrets.vault`", &entry, VAULT),
        }
    }
    vault
}

/// `[secrets.vault.auth]`: the method is the name of its one table.
fn auth(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<VaultAuth> {
    let table = reader.table(entry)?;
    let mut methods = entries(table);
    let (Some(method), None) = (methods.next(), methods.next()) else {
        let problem = Problem::error("there is one way to sign in to the vault")
            .at(reader.place(entry), format!("expected {}, found {}", one_of(METHODS), table.len()));
        reader.problems.push(problem);
        return None;
    };
    match method.name {
        "token" => Some(VaultAuth::Token(Some(reader.plain_secret(&method)?))),
        "approle" => {
            let fields = Fields::read(reader, &method, &["roleId", "secretId"], &["roleId"])?;
            let Fields { mount, role: _, mut secrets } = fields;
            let (role_id, secret_id) = (secrets.remove("roleId")?, secrets.remove("secretId"));
            Some(VaultAuth::AppRole { mount: mount.unwrap_or_else(|| "approle".to_owned()), role_id, secret_id })
        }
        "kubernetes" => {
            let Fields { mount, role, mut secrets } = Fields::read(reader, &method, &["jwt"], &["role"])?;
            let jwt = secrets.remove("jwt").unwrap_or_else(|| SecretRef::File(SERVICE_ACCOUNT.into()));
            Some(VaultAuth::Jwt { mount: mount.unwrap_or_else(|| "kubernetes".to_owned()), role: role?, jwt })
        }
        "jwt" => {
            let Fields { mount, role, mut secrets } = Fields::read(reader, &method, &["jwt"], &["role", "jwt"])?;
            let jwt = secrets.remove("jwt")?;
            Some(VaultAuth::Jwt { mount: mount.unwrap_or_else(|| "jwt".to_owned()), role: role?, jwt })
        }
        _ => {
            reader.unknown("`secrets.vault.auth`", &method, METHODS);
            None
        }
    }
}

/// What a way to sign in is told.
#[derive(Default)]
struct Fields {
    mount: Option<String>,
    role: Option<String>,
    secrets: BTreeMap<&'static str, SecretRef>,
}

impl Fields {
    fn read(
        reader: &mut Reader<'_>,
        method: &Entry<'_>,
        secrets: &[&'static str],
        needed: &[&'static str],
    ) -> Option<Self> {
        let takes_role = needed.contains(&"role");
        let table: &Table = reader.table(method)?;
        let mut fields = Self::default();
        for entry in entries(table) {
            match (entry.name, secrets.iter().find(|name| **name == entry.name)) {
                (_, Some(name)) => fields.secrets.extend(reader.plain_secret(&entry).map(|secret| (*name, secret))),
                ("mount", _) => fields.mount = reader.text(&entry),
                ("role", _) if takes_role => fields.role = reader.text(&entry),
                _ => {
                    let role = takes_role.then_some("role");
                    let known: Vec<&str> = secrets.iter().copied().chain(role).chain(["mount"]).collect();
                    reader.unknown(&format!("`secrets.vault.auth.{}`", method.name), &entry, &known);
                }
            }
        }
        for name in needed.iter().filter(|name| table.get(name).is_none()) {
            let problem = Problem::error(format!("`secrets.vault.auth.{}` has no `{name}`", method.name))
                .at(reader.place(method), format!("expected `{name} = …`"));
            reader.problems.push(problem);
        }
        Some(fields)
    }
}

fn programs(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Programs {
    let Some(table) = reader.table(entry) else { return Programs::new() };
    let mut programs = Programs::new();
    for entry in entries(table) {
        let plain = entry.name.starts_with(|c: char| c.is_ascii_lowercase())
            && entry.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !plain || SECRET_SOURCES.contains(&entry.name) {
            let problem = Problem::error(format!("`{}` is no name for a program that gives secrets", entry.name))
                .at(reader.place(&entry), "expected letters, digits, `-` and `_`, beginning with a lower-case letter")
                .help(format!("{} are taken", SECRET_SOURCES.join(", ")));
            reader.problems.push(problem);
        } else if let Some(program) = program(reader, &entry) {
            programs.insert(entry.name.to_owned(), program);
        }
    }
    programs
}

fn program(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<SecretProgram> {
    let table = reader.table(entry)?;
    let mut program = SecretProgram { command: Vec::new(), timeout: TIMEOUT };
    for entry in entries(table) {
        match entry.name {
            "command" => {
                program.command = reader.texts(&entry);
                let is_usable = program.command.iter().skip(1).any(|argument| argument.contains("{}"));
                if !is_usable && matches!(entry.node.shape, Shape::List(_)) {
                    let problem = Problem::error("the command is not told which secret is meant")
                        .at(reader.place(&entry), "expected `{}` in one of the arguments")
                        .help("[\"op\", \"read\", \"{}\"] reads what { op = \"op://shop/client/secret\" } names");
                    reader.problems.push(problem);
                }
            }
            "timeout" => program.timeout = reader.seconds(&entry).unwrap_or(TIMEOUT),
            _ => reader.unknown("a program that gives secrets", &entry, PROVIDER),
        }
    }
    if table.get("command").is_none() {
        let problem = Problem::error(format!("the program `{}` has no `command`", entry.name))
            .at(reader.place(entry), "expected `command = [\"program\", \"{}\"]`");
        reader.problems.push(problem);
    }
    Some(program)
}
