//! Why a vault does not give a secret, or does not take one.

use crate::secrets::error::IN_QUOTES;
use crate::transport::TransportError;

/// Why a vault does not give a secret, or does not take one.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VaultError {
    /// A URL or a certificate is wrong.
    #[error(transparent)]
    Setup(#[from] TransportError),
    /// A token that no header can hold.
    #[error("the vault's token has characters that no token has")]
    Token,
    /// A namespace that no header can hold.
    #[error("the vault's namespace has characters that no namespace has")]
    Namespace,
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
    /// It does not know the token, or not any more.
    #[error("the vault does not accept the token: {words}")]
    TokenRefused {
        /// The vault's words.
        words: String,
    },
    /// The token may not read the path.
    #[error("the vault does not let this token read {path}: {words}")]
    Denied {
        /// The path.
        path: String,
        /// The vault's words.
        words: String,
    },
    /// The token may not write the path.
    #[error("the vault does not let this token write {path}: {words}")]
    WriteDenied {
        /// The path.
        path: String,
        /// The vault's words.
        words: String,
    },
    /// Somebody else wrote it since it was read.
    #[error("somebody else writes the vault's secret {path} at the same time")]
    Contended {
        /// The path.
        path: String,
    },
    /// There is no such engine, or no such namespace.
    #[error("the vault has no mount for {path}: {words}")]
    NoMount {
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
    /// The newest version of the secret was deleted.
    #[error("the vault's secret {path} is deleted")]
    Deleted {
        /// The path.
        path: String,
        /// The newest version.
        version: u64,
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
    /// The value is neither text nor a whole number.
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
    pub(in crate::secrets) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } => Some(
                "VAULT_ADDR, or `address` of [secrets.vault] in realmform.toml, says where it is; \
                 VAULT_CACERT, or `caFile`, whose certificates are trusted",
            ),
            Self::Sealed { .. } => Some("whoever runs it has to unseal it first"),
            Self::SignIn { .. } => Some(
                "look at [secrets.vault.auth] in realmform.toml, and at the method's mount and the role in the vault",
            ),
            Self::TokenRefused { .. } => {
                Some("it is of another vault or namespace, was revoked, or has ended: get a new one")
            }
            Self::Denied { .. } => Some(
                "a policy of the token must allow `read` there, which for KV version 2 is on <mount>/data/<path>; \
                 a mount that does not exist is denied, too",
            ),
            Self::WriteDenied { .. } => Some(
                "a policy of the token must allow `create`, `update` and `delete` there, for KV version 2 on <mount>/data/<path>",
            ),
            Self::NoMount { .. } => Some(
                "the path begins with where the engine is mounted; \
                 VAULT_NAMESPACE or `namespace` of [secrets.vault] says in which namespace",
            ),
            Self::Deleted { .. } => Some("`vault kv undelete` brings back what was not destroyed"),
            Self::NoSecret { .. } => Some("the path is the mount and what is below it, as for `vault kv get`"),
            Self::NotText { .. } => Some(IN_QUOTES),
            Self::Setup(_)
            | Self::Token
            | Self::Namespace
            | Self::NoKey { .. }
            | Self::Contended { .. }
            | Self::Answer { .. } => None,
            Self::Leased { .. } => Some("Keycloak needs a value that stays: use a KV engine"),
        }
    }

    /// Whether every other request would fail in the same way.
    pub(super) fn is_of_all(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Sealed { .. } | Self::TokenRefused { .. })
    }
}
