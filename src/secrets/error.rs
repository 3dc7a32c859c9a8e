//! What can go wrong between a reference and its value.

use crate::model::SecretRef;
use std::io;
use std::path::PathBuf;

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
    #[error("cannot read the secret file {}", path.display())]
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
            Self::Unreadable { .. } => Some("a relative path starts at the project folder"),
            Self::Empty { reference: SecretRef::Env(_) } => {
                Some("a CI secret that this job may not see arrives as an empty variable")
            }
            Self::Empty { .. } => None,
            Self::NotUtf8 { .. } => Some("store binary values as text, for example in base64"),
        }
    }

    /// Whether there is nothing at the source, as opposed to something that is wrong.
    pub(super) fn is_missing(&self) -> bool {
        match self {
            Self::NotSet { .. } | Self::Empty { .. } => true,
            Self::Unreadable { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::NotUtf8 { .. } => false,
        }
    }
}
