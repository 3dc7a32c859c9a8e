//! What can go wrong between a reference and its value.

use super::{SopsError, VaultError};
use crate::model::SecretRef;
use crate::program::ProgramError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// What to do about a value that is no text.
pub(super) const IN_QUOTES: &str = "truth values, and numbers with a fraction, are secrets only as text: in quotes";

/// Why a secret has no value. No variant has room for the value, or for a part of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set.
    #[error("the environment variable {name} is not set")]
    NotSet {
        /// The variable's name.
        name: String,
    },
    /// The file is not there, or cannot be read.
    #[error("cannot read the secret file {}: {source}", path.display())]
    Unreadable {
        /// The file as the reference names it.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// There is a value of no characters: never meant, and for Keycloak often the same as none.
    #[error("the secret {reference} is empty")]
    Empty {
        /// Where the value was looked for.
        reference: SecretRef,
    },
    /// The program that is to print it is in no project file that is here.
    #[error("no project file here declares the program {name}")]
    NoProgram {
        /// What the reference calls it.
        name: String,
    },
    /// The program does not give it.
    #[error("{provider} does not give {key}: {source}")]
    Program {
        /// What the project file calls the program.
        provider: String,
        /// What was asked for.
        key: String,
        /// What the program says.
        source: ProgramError,
    },
    /// A file that SOPS encrypted.
    #[error(transparent)]
    Sops(#[from] SopsError),
    /// Nobody says where the vault is.
    #[error("nothing says where the vault is")]
    NoVault,
    /// Nobody says how to sign in to it.
    #[error("there is no token for the vault")]
    NoVaultToken,
    /// What to sign in to it with is not there.
    #[error("cannot sign in to the vault: {0}")]
    VaultCredential(Box<SecretError>),
    /// The certificates to trust are not there.
    #[error("cannot read the vault's CA file {}: {source}", path.display())]
    VaultCa {
        /// The file as the project file or the environment names it.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The vault does not give it.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// One cause of several.
    #[error("{0}")]
    Shared(Arc<SecretError>),
    /// The value is not text, which is all that Keycloak takes.
    #[error("the secret {reference} is not UTF-8")]
    NotUtf8 {
        /// Where the value was looked for.
        reference: SecretRef,
    },
}

impl SecretError {
    /// What the user can do about it, where there is more to say than the error says.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotSet { .. } => {
                Some("set it where realmform runs; `{ keep = true }` leaves the server's value alone")
            }
            Self::Unreadable { .. } | Self::VaultCa { .. } => Some("a relative path starts at the project folder"),
            Self::Empty { reference: SecretRef::Env(_) } => {
                Some("a CI secret that this job may not see arrives as an empty variable")
            }
            Self::Empty { .. } => None,
            Self::NoProgram { .. } => Some("[secrets.provider.NAME] command = […] in realmform.toml declares it"),
            Self::Program { .. } => Some("[secrets.provider] in realmform.toml says how it is run"),
            Self::Sops(SopsError::Program { source: ProgramError::Missing { .. }, .. }) => {
                Some("install sops, and the key that the file is encrypted for")
            }
            Self::Sops(SopsError::Program { .. }) => Some(
                "`sops decrypt` in the project folder has to work: the key that the file is encrypted for is what it needs",
            ),
            Self::Sops(SopsError::NotEncrypted { .. }) => {
                Some("`sops encrypt --in-place` encrypts it; if it was ever committed, replace what is in it")
            }
            Self::Sops(SopsError::NotText { .. }) => Some(IN_QUOTES),
            Self::Sops(SopsError::Shape { .. } | SopsError::NoKey { .. }) => {
                Some("a relative path starts at the project folder; a key is names with dots between them")
            }
            Self::NoVault => Some("set VAULT_ADDR, or `address` of [secrets.vault] in realmform.toml"),
            Self::NoVaultToken => Some(
                "set VAULT_TOKEN, run `vault login`, or say with [secrets.vault.auth] in realmform.toml how to sign in",
            ),
            Self::VaultCredential(_) => Some("[secrets.vault.auth] in realmform.toml says where it is looked for"),
            Self::Vault(error) => error.hint(),
            Self::Shared(error) => error.hint(),
            Self::NotUtf8 { .. } => Some("store binary values as text, for example in base64"),
        }
    }

    /// Whether there is nothing at the source, as opposed to something that is wrong.
    pub(super) fn is_missing(&self) -> bool {
        match self {
            Self::NotSet { .. } | Self::Empty { .. } => true,
            Self::Unreadable { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::NotUtf8 { .. }
            | Self::NoProgram { .. }
            | Self::Program { .. }
            | Self::Sops(_)
            | Self::NoVault
            | Self::NoVaultToken
            | Self::VaultCredential(_)
            | Self::VaultCa { .. }
            | Self::Vault(_)
            | Self::Shared(_) => false,
        }
    }
}
