//! Where a secret's value comes from.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// Where a secret's value comes from; never the value, so it may be printed, stored and compared
/// freely.
///
/// It reads and is written in JSON as in a realm file, as an object of one entry: `{ "env": "NAME" }`,
/// `{ "vault": "mount/path#key" }`, `{ "keep": true }`. An entry of another name is that of a program of
/// the project file, and the text that is given to it: `{ "op": "op://shop/keycloak/secret" }`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub enum SecretRef {
    /// The environment variable of this name.
    Env(String),
    /// The content of this file; a relative path starts at the project folder.
    File(PathBuf),
    /// One key of a secret in `HashiCorp` Vault or `OpenBao`.
    Vault {
        /// The mount and the path below it, as `vault kv get` takes them: `secret/apps/shop`.
        path: String,
        /// The key.
        key: String,
    },
    /// One value of a file that SOPS encrypted.
    Sops {
        /// The file; a relative path starts at the project folder.
        file: PathBuf,
        /// Where in it the value is: names with dots between them.
        key: String,
    },
    /// What a program of the project file prints.
    Program {
        /// The name that the project file gives it.
        provider: String,
        /// What takes the place of `{}` in its command.
        key: String,
    },
    /// Made by realmform when there is none yet, and left alone from then on.
    Generate {
        /// How many characters.
        length: u16,
        /// The field that it is the value of, as `ADDRESS.FIELD`: each has a value of its own.
        of: String,
    },
    /// Whatever the server holds, left alone.
    Keep,
}

/// The names of the entries that are no program's.
pub const SECRET_SOURCES: &[&str] = &["env", "file", "vault", "sops", "generate", "keep"];

/// The length of a generated secret that names none: 238 bits.
pub const GENERATED_LENGTH: u16 = 40;

impl SecretRef {
    /// The name and the text of its entry in a file; `None` where the value is no text.
    pub fn entry(&self) -> Option<(&str, Cow<'_, str>)> {
        Some(match self {
            Self::Env(name) => ("env", name.into()),
            Self::File(path) => ("file", path.to_string_lossy()),
            Self::Vault { path, key } => ("vault", format!("{path}#{key}").into()),
            Self::Sops { file, key } => ("sops", format!("{}#{key}", file.to_string_lossy()).into()),
            Self::Program { provider, key } => (provider, key.into()),
            Self::Generate { .. } | Self::Keep => return None,
        })
    }

    /// The parts of `before#after`, which are both there.
    pub fn split(text: &str) -> Option<(&str, &str)> {
        text.split_once('#').filter(|(before, after)| !before.is_empty() && !after.is_empty())
    }
}

/// Whether a text names an entry of Keycloak's own vault: `${vault.NAME}`. Keycloak looks it up when it needs it, and shows it
/// where it masks other values.
pub fn is_vault_expression(text: &str) -> bool {
    text.strip_prefix("${vault.").and_then(|rest| rest.strip_suffix('}')).is_some_and(|name| !name.is_empty())
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "{{ env = {name:?} }}"),
            Self::File(path) => write!(f, "{{ file = \"{}\" }}", path.display()),
            Self::Vault { path, key } => write!(f, "{{ vault = \"{path}#{key}\" }}"),
            Self::Sops { file, key } => write!(f, "{{ sops = \"{}#{key}\" }}", file.display()),
            Self::Program { provider, key } => write!(f, "{{ {provider} = {key:?} }}"),
            Self::Generate { length, of: _ } => write!(f, "{{ generate = {{ length = {length} }} }}"),
            Self::Keep => write!(f, "{{ keep = true }}"),
        }
    }
}

/// The shape in a file. It is no serde enum, because for those a typing error gives a message about
/// variants, and because the name of a program is anybody's.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Written(serde_json::Map<String, serde_json::Value>);

/// The entry of a generated secret.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Generated {
    length: u16,
    of: String,
}

impl From<SecretRef> for Written {
    fn from(reference: SecretRef) -> Self {
        let (name, value): (&str, serde_json::Value) = match (&reference, reference.entry()) {
            (_, Some((name, text))) => (name, text.into()),
            (SecretRef::Generate { length, of }, _) => ("generate", serde_json::json!({ "length": length, "of": of })),
            (_, None) => ("keep", true.into()),
        };
        Self([(name.to_owned(), value)].into_iter().collect())
    }
}

impl TryFrom<Written> for SecretRef {
    type Error = String;

    fn try_from(Written(entries): Written) -> Result<Self, Self::Error> {
        let wrong = || {
            let sources = SECRET_SOURCES.join("`, `");
            Err(format!("a secret is an object of one entry: `{sources}`, or the name of a program"))
        };
        let mut entries = entries.into_iter();
        let (Some((name, value)), None) = (entries.next(), entries.next()) else { return wrong() };
        let text = value.as_str().filter(|text| !text.is_empty());
        let parts = text.and_then(Self::split);
        Ok(match (name.as_str(), text, parts) {
            ("env", Some(name), _) => Self::Env(name.to_owned()),
            ("file", Some(path), _) => Self::File(path.into()),
            ("vault", _, Some((path, key))) => Self::Vault { path: path.to_owned(), key: key.to_owned() },
            ("sops", _, Some((file, key))) => Self::Sops { file: file.into(), key: key.to_owned() },
            ("keep", ..) if value == true => Self::Keep,
            ("generate", ..) => match serde_json::from_value(value) {
                Ok(Generated { length, of }) => Self::Generate { length, of },
                Err(_) => return wrong(),
            },
            (provider, Some(key), _) if !SECRET_SOURCES.contains(&provider) => {
                Self::Program { provider: provider.to_owned(), key: key.to_owned() }
            }
            _ => return wrong(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each() -> Vec<(SecretRef, &'static str, &'static str)> {
        let text = |text: &str| text.to_owned();
        vec![
            (SecretRef::Env(text("SHOP")), r#"{"env":"SHOP"}"#, r#"{ env = "SHOP" }"#),
            (SecretRef::File("secrets/shop".into()), r#"{"file":"secrets/shop"}"#, r#"{ file = "secrets/shop" }"#),
            (
                SecretRef::Vault { path: text("kv/apps/shop"), key: text("a#b") },
                r#"{"vault":"kv/apps/shop#a#b"}"#,
                r#"{ vault = "kv/apps/shop#a#b" }"#,
            ),
            (
                SecretRef::Sops { file: "prod.yaml".into(), key: text("shop.secret") },
                r#"{"sops":"prod.yaml#shop.secret"}"#,
                r#"{ sops = "prod.yaml#shop.secret" }"#,
            ),
            (
                SecretRef::Program { provider: text("op"), key: text("op://a/b") },
                r#"{"op":"op://a/b"}"#,
                r#"{ op = "op://a/b" }"#,
            ),
            (
                SecretRef::Generate { length: 24, of: text("acme/clients/shop.secret") },
                r#"{"generate":{"length":24,"of":"acme/clients/shop.secret"}}"#,
                r"{ generate = { length = 24 } }",
            ),
            (SecretRef::Keep, r#"{"keep":true}"#, "{ keep = true }"),
        ]
    }

    #[test]
    fn reads_and_writes_as_in_a_file() {
        for (reference, json, _) in each() {
            assert_eq!(serde_json::to_string(&reference).unwrap(), json);
            assert_eq!(serde_json::from_str::<SecretRef>(json).unwrap(), reference);
        }
    }

    #[test]
    fn everything_else_is_an_error() {
        for json in [
            "{}",
            r#"{"keep":false}"#,
            r#"{"env":"A","file":"b"}"#,
            r#"{"vault":"kv/a"}"#,
            r##"{"sops":"#a"}"##,
            r#"{"generate":{}}"#,
            r#"{"op":""}"#,
            r#""text""#,
        ] {
            assert!(serde_json::from_str::<SecretRef>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn is_shown_as_in_a_file() {
        for (reference, _, toml) in each() {
            assert_eq!(reference.to_string(), toml);
        }
    }
}
