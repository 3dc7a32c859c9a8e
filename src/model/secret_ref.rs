//! Where a secret's value comes from.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Where a secret's value comes from; never the value, so it may be printed, stored and compared
/// freely.
///
/// It reads and is written as in a realm file: `{ "env": "NAME" }`, `{ "file": "path" }`, `{
/// "keep": true }`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub enum SecretRef {
    /// The environment variable of this name.
    Env(String),
    /// The content of this file; a relative path starts at the project folder.
    File(PathBuf),
    /// Whatever the server holds, left alone.
    Keep,
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "{{ env = {name:?} }}"),
            Self::File(path) => write!(f, "{{ file = \"{}\" }}", path.display()),
            Self::Keep => write!(f, "{{ keep = true }}"),
        }
    }
}

/// The shape in a file. It is no serde enum, because for those a typing error gives a message about
/// variants.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    env: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep: Option<bool>,
}

impl From<SecretRef> for Written {
    fn from(reference: SecretRef) -> Self {
        let nothing = Self { env: None, file: None, keep: None };
        match reference {
            SecretRef::Env(name) => Self { env: Some(name), ..nothing },
            SecretRef::File(path) => Self { file: Some(path), ..nothing },
            SecretRef::Keep => Self { keep: Some(true), ..nothing },
        }
    }
}

impl TryFrom<Written> for SecretRef {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written { env: Some(name), file: None, keep: None } => Ok(Self::Env(name)),
            Written { env: None, file: Some(path), keep: None } => Ok(Self::File(path)),
            Written { env: None, file: None, keep: Some(true) } => Ok(Self::Keep),
            _ => Err("a secret is one of `{ env = \"NAME\" }`, `{ file = \"path\" }` and `{ keep = true }`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_as_in_a_file() {
        for (reference, json) in [
            (SecretRef::Env("SHOP".into()), r#"{"env":"SHOP"}"#),
            (SecretRef::File("secrets/shop".into()), r#"{"file":"secrets/shop"}"#),
            (SecretRef::Keep, r#"{"keep":true}"#),
        ] {
            assert_eq!(serde_json::to_string(&reference).unwrap(), json);
            assert_eq!(serde_json::from_str::<SecretRef>(json).unwrap(), reference);
        }
    }

    #[test]
    fn everything_else_is_an_error() {
        for json in ["{}", r#"{"keep":false}"#, r#"{"env":"A","file":"b"}"#, r#"{"vault":"kv/a#b"}"#, r#""text""#] {
            assert!(serde_json::from_str::<SecretRef>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn is_shown_as_in_a_file() {
        assert_eq!(SecretRef::Env("SHOP".into()).to_string(), r#"{ env = "SHOP" }"#);
        assert_eq!(SecretRef::Keep.to_string(), "{ keep = true }");
    }
}
