//! What is handed over of what an apply made, and where it goes.

use std::fmt;
use std::str::FromStr;

use super::Address;

/// Where something is handed over to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// A file, relative to the project, with `/` between its parts.
    File(String),
    /// A key of a secret in a KV engine of Vault or `OpenBao`.
    Vault {
        /// The mount and what is below it.
        path: String,
        /// The key of the secret.
        key: String,
    },
}

const VAULT: &str = "vault:";

/// `../handed/shop.env`, `vault:secret/shop#OIDC_CLIENT_SECRET`
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // As a shell needs it, too, to tell it from what has a scheme.
            Self::File(path) if path.starts_with(VAULT) => write!(f, "./{path}"),
            Self::File(path) => f.write_str(path),
            Self::Vault { path, key } => write!(f, "{VAULT}{path}#{key}"),
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    /// Reads what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix(VAULT) else {
            let path = text.strip_prefix("./").filter(|path| path.starts_with(VAULT)).unwrap_or(text);
            return Ok(Self::File(path.to_owned()));
        };
        let (path, key) = rest.split_once('#').ok_or_else(|| format!("{text:?} names no key of a secret"))?;
        Ok(Self::Vault { path: path.to_owned(), key: key.to_owned() })
    }
}

/// What is handed over to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOff {
    /// The name of the output that it is of.
    pub output: String,
    /// The client, the user or the realm.
    pub of: Address,
}

/// What is to be handed over to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intended {
    /// What it is.
    pub what: HandOff,
    /// Whether it tells of all declared clients of its realm, and so may change with each of them.
    pub lists_clients: bool,
}

/// What was handed over to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// What it was.
    pub what: HandOff,
    /// The fingerprint of its text: what another wrote there since is left alone.
    pub print: String,
    /// The fingerprint of what nobody else knows: the registration access token in it, which the server shows once, or the generated
    /// password.
    pub token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_reads_back() {
        let file = |path: &str| Destination::File(path.into());
        let key = Destination::Vault { path: "secret/shop".into(), key: "a#b".into() };
        for destination in [file("../handed/web.env"), file("vault:x"), file("./a"), key] {
            assert_eq!(destination.to_string().parse(), Ok(destination));
        }
        assert!("vault:secret/shop".parse::<Destination>().is_err());
    }
}
