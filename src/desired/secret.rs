//! References to secrets: `{ env = "X" }`, `{ vault = "mount/path#key" }`, `{ keep = true }` and their like.

use std::path::PathBuf;
use std::sync::Arc;

use super::parse::{Entry, Node, Shape, entries};
use super::problem::Problem;
use super::source::{Place, Source};
use super::sources::Programs;
use super::suggest::{did_you_mean, one_of};
use crate::model::{GENERATED_LENGTH, SECRET_SOURCES, SecretRef, is_vault_expression};

const HELP: &str = "write { env = \"NAME\" } (an environment variable), { file = \"path\" } (a file outside git), \
                    { vault = \"mount/path#key\" }, { sops = \"file#key\" }, { generate = {} } (made once and kept) or \
                    { keep = true } (whatever the server holds)";

/// Longer than what a password can be guessed at, and no longer than what Keycloak's columns take.
const LENGTHS: std::ops::RangeInclusive<u16> = 16..=128;

/// What a reference may be, where it is read.
pub(super) struct Context<'a> {
    pub(super) source: &'a Arc<Source>,
    /// The programs that the project file declares.
    pub(super) programs: &'a Programs,
    /// The field that a generated value would be of, as `ADDRESS.FIELD`; `None` where none is generated.
    pub(super) of: Option<String>,
}

/// Whether a table can only be a reference to a secret, where text could stand as well.
pub(super) fn looks_like_reference(node: &Node<'_>, programs: &Programs) -> bool {
    let is_source = |entry: &Entry<'_>| SECRET_SOURCES.contains(&entry.name) || programs.contains_key(entry.name);
    node.as_table().is_some_and(|table| table.len() == 1 && entries(table).all(|entry| is_source(&entry)))
}

/// Whether a value can be a reference to a secret, whatever programs there are.
pub(super) fn is_reference(node: &Node<'_>) -> bool {
    node.as_table().is_some_and(|table| table.len() == 1) || is_of_keycloaks_vault(node)
}

/// Whether a text names an entry of Keycloak's own vault, which only the server can look up.
pub(super) fn is_of_keycloaks_vault(node: &Node<'_>) -> bool {
    node.as_text().is_some_and(is_vault_expression)
}

/// The problem of a secret that is in a file itself.
pub(super) fn as_text(name: &str) -> Problem {
    Problem::error(format!("`{name}` is a secret: it is written as a reference, never as text"))
        .help(format!("{HELP}; if this was ever committed, replace the secret, since git keeps it"))
}

impl Context<'_> {
    /// Reads a reference. `name` is the field, for messages; the value itself is never part of one.
    pub(super) fn read(self, name: &str, key: &Place, node: &Node<'_>) -> Result<SecretRef, Problem> {
        let Shape::Table(table) = node.shape else {
            return Err(match node.shape {
                Shape::Text(_) => as_text(name).at(key.clone(), "has the secret itself"),
                _ => Problem::error(format!("`{name}` is a secret: it is written as a reference"))
                    .at(key.clone(), format!("expected a reference, found {}", node.found()))
                    .help(HELP),
            });
        };
        let mut all = entries(table);
        let (Some(only), None) = (all.next(), all.next()) else {
            return Err(Problem::error(format!("`{name}` is a secret: its table has exactly one entry"))
                .at(key.clone(), format!("expected {}, found {}", one_of(SECRET_SOURCES), table.len()))
                .help(HELP));
        };
        self.entry(name, &only)
    }

    fn entry(self, name: &str, entry: &Entry<'_>) -> Result<SecretRef, Problem> {
        let text = entry.node.as_text().filter(|text| !text.is_empty());
        let parts = text.and_then(SecretRef::split);
        match (entry.name, text, parts) {
            ("env", Some(text), _) if !text.contains(['=', '\0']) => Ok(SecretRef::Env(text.to_owned())),
            ("file", Some(text), _) => Ok(SecretRef::File(PathBuf::from(text))),
            ("vault", _, Some((path, key))) if is_path(path) => {
                Ok(SecretRef::Vault { path: path.to_owned(), key: key.to_owned() })
            }
            ("sops", _, Some((file, key))) => Ok(SecretRef::Sops { file: PathBuf::from(file), key: key.to_owned() }),
            ("keep", ..) if matches!(entry.node.shape, Shape::Bool(true)) => Ok(SecretRef::Keep),
            ("generate", ..) => self.generate(name, entry),
            (program, Some(text), _) if self.programs.contains_key(program) => {
                Ok(SecretRef::Program { provider: program.to_owned(), key: text.to_owned() })
            }
            _ => Err(self.wrong(name, entry)),
        }
    }

    fn generate(self, name: &str, entry: &Entry<'_>) -> Result<SecretRef, Problem> {
        let problem = |message: String, place: Place, label: &str| Err(Problem::error(message).at(place, label));
        let Some(of) = self.of else {
            return problem(
                format!("`{name}` cannot be generated"),
                Place::new(self.source, entry.key.clone()),
                "there is no server yet that could keep it",
            );
        };
        let Shape::Table(table) = entry.node.shape else {
            return problem(
                format!("`{name}.generate` is a table"),
                Place::new(self.source, entry.key.clone()),
                "expected { generate = {} } or { generate = { length = 40 } }",
            );
        };
        let mut length = GENERATED_LENGTH;
        for entry in entries(table) {
            let number = if let Shape::Int(it) = entry.node.shape { u16::try_from(it).ok() } else { None };
            match number.filter(|it| entry.name == "length" && LENGTHS.contains(it)) {
                Some(number) => length = number,
                None => {
                    return problem(
                        format!("`{name}.generate` takes a length"),
                        Place::new(self.source, entry.key.clone()),
                        "expected `length` with a whole number from 16 to 128",
                    );
                }
            }
        }
        Ok(SecretRef::Generate { length, of })
    }

    fn wrong(&self, name: &str, entry: &Entry<'_>) -> Problem {
        let (message, label) = match entry.name {
            "env" => (format!("`{name}.env` names no environment variable"), "expected its name".to_owned()),
            "file" => (format!("`{name}.file` names no file"), "expected its path".to_owned()),
            "vault" => (
                format!("`{name}.vault` names no secret of a vault"),
                "expected the mount, the path and, behind a #, the key: \"secret/apps/shop#password\"".to_owned(),
            ),
            "sops" => (
                format!("`{name}.sops` names no value of a SOPS file"),
                "expected the file and, behind a #, the key: \"secrets.yaml#shop.password\"".to_owned(),
            ),
            "keep" => (format!("`{name}.keep` can only be true"), "expected true".to_owned()),
            program if self.programs.contains_key(program) => (
                format!("`{name}.{program}` is given to a program"),
                format!("expected text, found {}", entry.node.found()),
            ),
            other => {
                let known = SECRET_SOURCES.iter().copied().chain(self.programs.keys().map(String::as_str));
                let known: Vec<&str> = known.collect();
                return Problem::error(format!("`{name}` is a secret and `{other}` is no source of secrets"))
                    .at(Place::new(self.source, entry.key.clone()), format!("expected {}", one_of(&known)))
                    .help(HELP)
                    .maybe_help(did_you_mean(other, known.iter().copied()))
                    .help("a program is declared in realmform.toml: [secrets.provider.NAME] command = […]");
            }
        };
        Problem::error(message).at(Place::new(self.source, entry.key.clone()), label).help(HELP)
    }
}

/// A mount, and something below it.
fn is_path(path: &str) -> bool {
    path.contains('/') && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}
