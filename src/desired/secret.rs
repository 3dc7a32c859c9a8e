//! References to secrets: `{ env = "X" }`, `{ file = "x" }`, `{ keep = true }`.

use std::path::PathBuf;
use std::sync::Arc;

use toml_edit::TableLike;

use super::parse::{Entry, Node, Shape, entries};
use super::problem::Problem;
use super::source::{Place, Source};
use crate::model::SecretRef;

const KEYS: &[&str] = &["env", "file", "keep", "vault"];

const HELP: &str = "write { env = \"NAME\" } (an environment variable), { file = \"path\" } (a file outside git) or \
                    { keep = true } (whatever the server holds)";

/// Whether a table can only be a reference to a secret, where text could stand as well.
pub(super) fn looks_like_reference(node: &Node<'_>) -> bool {
    node.as_table().is_some_and(|table| table.len() == 1 && entries(table).all(|it| KEYS.contains(&it.name)))
}

/// Reads a reference. `name` is the field, for messages; the value itself is never part of one.
pub(super) fn read(source: &Arc<Source>, name: &str, key: &Place, node: &Node<'_>) -> Result<SecretRef, Problem> {
    match node.shape {
        Shape::Table(table) => read_table(source, name, key, table),
        Shape::Text(_) => Err(as_text(name).at(key.clone(), "has the secret itself")),
        _ => Err(Problem::error(format!("`{name}` is a secret: it is written as a reference"))
            .at(key.clone(), format!("expected a reference, found {}", node.found()))
            .help(HELP)),
    }
}

/// The problem of a secret that is in a file itself.
pub(super) fn as_text(name: &str) -> Problem {
    Problem::error(format!("`{name}` is a secret: it is written as a reference, never as text"))
        .help(format!("{HELP}; if this was ever committed, replace the secret, since git keeps it"))
}

fn read_table(source: &Arc<Source>, name: &str, key: &Place, table: &dyn TableLike) -> Result<SecretRef, Problem> {
    let mut all = entries(table);
    let (Some(only), None) = (all.next(), all.next()) else {
        return Err(Problem::error(format!("`{name}` is a secret: its table has exactly one entry"))
            .at(key.clone(), format!("expected one of `env`, `file` and `keep`, found {}", table.len()))
            .help(HELP));
    };
    read_entry(source, name, &only)
}

fn read_entry(source: &Arc<Source>, name: &str, entry: &Entry<'_>) -> Result<SecretRef, Problem> {
    let wrong = |message: String, label: String| {
        Problem::error(message).at(Place::new(source, entry.key.clone()), label).help(HELP)
    };
    match (entry.name, &entry.node.shape) {
        ("env", Shape::Text(text)) if !text.is_empty() && !text.contains(['=', '\0']) => {
            Ok(SecretRef::Env((*text).to_owned()))
        }
        ("file", Shape::Text(text)) if !text.is_empty() => Ok(SecretRef::File(PathBuf::from(*text))),
        ("keep", Shape::Bool(true)) => Ok(SecretRef::Keep),
        ("vault", _) => Err(wrong(
            "secrets from a vault are not supported by this version yet".to_owned(),
            "not supported yet".to_owned(),
        )),
        ("env", _) => Err(wrong(format!("`{name}.env` names no environment variable"), "expected its name".to_owned())),
        ("file", _) => Err(wrong(format!("`{name}.file` names no file"), "expected its path".to_owned())),
        ("keep", _) => Err(wrong(format!("`{name}.keep` can only be true"), "expected true".to_owned())),
        _ => Err(wrong(
            format!("`{name}` is a secret and `{}` is no source of secrets", entry.name),
            "expected `env`, `file` or `keep`".to_owned(),
        )),
    }
}
