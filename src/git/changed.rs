//! What of the project's files changed since a commit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::revision::Repository;
use super::work_tree::with_unix_line_ends;
use super::{Commit, GitError, Source, Tree};

/// The files that differ between a commit and `tree`, each with what the commit had of it; `None` where it had no such file.
///
/// # Errors
/// As of [`super::at_revision`].
pub fn changed_since(
    project: &Path,
    tree: &Tree,
    commit: &str,
) -> Result<BTreeMap<PathBuf, Option<Vec<u8>>>, GitError> {
    let is_same = |it: &Commit| it.id == commit;
    if let Source::WorkTree { head: Some(it), dirty: false } | Source::Commit(it) = &tree.source
        && is_same(it)
    {
        return Ok(BTreeMap::new());
    }
    let repository =
        Repository::find(project)?.ok_or_else(|| GitError::NotARepository { project: project.to_owned() })?;
    let then = repository.commit(commit)?;
    let Some(listing) = repository.list(&then)? else {
        return Err(repository.no_project(then));
    };
    let mut changed = BTreeMap::new();
    for path in tree.files.keys().filter(|path| !listing.blobs.contains_key(*path)) {
        changed.insert(path.clone(), None);
    }
    for (path, blob) in listing.blobs {
        let is_same = match tree.files.get(&path) {
            Some(content) => {
                repository.hash(content)? == blob || repository.hash(&with_unix_line_ends(content))? == blob
            }
            None => false,
        };
        if !is_same {
            let content = repository.read(blob)?;
            changed.insert(path, Some(content));
        }
    }
    Ok(changed)
}
