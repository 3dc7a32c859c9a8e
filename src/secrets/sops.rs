//! Files that SOPS encrypted, through the `sops` program: it has the keys.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::Value as Json;

use super::document::{Document, text};
use crate::program::{Program, ProgramError};

/// Asking a key service or a person with a hardware key takes its time.
const LIMIT: Duration = Duration::from_secs(60);

/// What `sops` 3 says of a file that it did not write.
const NO_METADATA: &str = "sops metadata not found";

/// Why a SOPS file does not give a value.
#[derive(Debug, thiserror::Error)]
pub enum SopsError {
    /// The program is not there, or cannot decrypt the file.
    #[error("cannot decrypt {}: {source}", file.display())]
    Program {
        /// The file as the reference names it.
        file: PathBuf,
        /// What the program says.
        source: ProgramError,
    },
    /// There is nothing to decrypt.
    #[error("{} is not encrypted", file.display())]
    NotEncrypted {
        /// The file.
        file: PathBuf,
    },
    /// What it prints is no document.
    #[error("{} holds no document of keys and values", file.display())]
    Shape {
        /// The file.
        file: PathBuf,
    },
    /// There is nothing at that key.
    #[error("{} has nothing at {key}", file.display())]
    NoKey {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
    },
    /// There is a table, a list, a truth value, or a number that was rounded.
    #[error("what {} has at {key} is no text", file.display())]
    NotText {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
    },
}

/// What a file holds.
pub(super) struct Content {
    file: PathBuf,
    document: Document,
}

/// Decrypts a file of the folder `project`.
pub(super) async fn read(project: &Path, file: &Path) -> Result<Content, SopsError> {
    // The program works in that folder; and a name never looks like an option.
    let path = Path::new(".").join(file).into_os_string();
    let args = ["decrypt", "--output-type", "json"].map(Into::into).into_iter().chain([path]);
    let sops = Program {
        program: OsStr::new("sops"),
        args: args.collect(),
        folder: project,
        variables: Vec::new(),
        limit: LIMIT,
    };
    let file = file.to_owned();
    let printed = match sops.run().await {
        Ok(printed) => Zeroizing::new(printed),
        Err(ProgramError::Failed { words, .. }) if words == NO_METADATA => {
            return Err(SopsError::NotEncrypted { file });
        }
        Err(source) => return Err(SopsError::Program { file, source }),
    };
    match serde_json::from_slice::<Document>(&printed) {
        Ok(document) if document.json().is_object() => Ok(Content { file, document }),
        _ => Err(SopsError::Shape { file }),
    }
}

impl Content {
    /// The value at `a.b`; the place of a list is a number. A name may hold dots itself.
    pub(super) fn get(&self, key: &str) -> Result<SecretString, SopsError> {
        let (file, key_text) = (|| self.file.clone(), || key.to_owned());
        let value =
            find(self.document.json(), key).ok_or_else(|| SopsError::NoKey { file: file(), key: key_text() })?;
        text(value).ok_or_else(|| SopsError::NotText { file: file(), key: key_text() })
    }
}

fn find<'a>(json: &'a Json, key: &str) -> Option<&'a Json> {
    let below = |name: &str| match json {
        Json::Object(entries) => entries.get(name),
        Json::Array(items) => name.parse::<usize>().ok().and_then(|place| items.get(place)),
        _ => None,
    };
    let deeper = key.match_indices('.').filter_map(|(at, _)| find(below(&key[..at])?, &key[at + 1..]));
    below(key).or_else(|| deeper.into_iter().next())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::find;

    #[test]
    fn a_key_leads_through_tables_lists_and_names_with_dots() {
        let json = json!({ "a": { "b": 1, "c.d": { "e": 2 } }, "list": [{ "x": 3 }], "a.b": 4 });
        for (key, expected) in
            [("a.b", Some(4)), ("a.c.d.e", Some(2)), ("list.0.x", Some(3)), ("a.x", None), ("list.1", None)]
        {
            assert_eq!(find(&json, key), expected.map(|number| json!(number)).as_ref(), "{key}");
        }
    }
}
