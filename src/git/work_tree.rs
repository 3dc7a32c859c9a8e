//! The project's files as they are on the disk.
#![expect(clippy::disallowed_methods, reason = "git/ is the room that reads the project's files")]

use super::revision::{Listing, Repository};
use super::{Commit, GitError, Source, Tree, is_hidden, is_toml};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Reads the files below the folder `project` from the disk; they need not be in a repository.
///
/// Untracked files are read as well, even those that git ignores: a realm file that is there is
/// meant, and as no commit has it, it makes the tree dirty.
///
/// # Errors
/// [`GitError::Unreadable`], [`GitError::Link`], or [`GitError::Repository`] when there is a
/// repository and its `HEAD` cannot be read: to call that "no repository" would hide that the
/// record names no commit.
pub fn work_tree(project: &Path) -> Result<Tree, GitError> {
    let (files, skipped) = read_files(project)?;
    let (head, dirty) = match Repository::find(project)? {
        Some(repository) => compare_with_head(&repository, &files)?,
        None => (None, !files.is_empty()),
    };
    let source = Source::WorkTree { head, dirty };
    Ok(Tree { files, skipped, source })
}

/// Those of these files of the folder `project` that no commit has as they are: that differ from `HEAD`, or are not in it.
/// All of them outside of a repository.
///
/// # Errors
/// [`GitError::Repository`] when there is a repository and it cannot be read.
pub fn uncommitted<'a>(
    project: &Path,
    files: impl IntoIterator<Item = (&'a PathBuf, &'a Vec<u8>)>,
) -> Result<BTreeSet<PathBuf>, GitError> {
    let repository = Repository::find(project)?;
    let head = match &repository {
        Some(repository) => repository.head()?.map(|commit| repository.list(&commit)).transpose()?.flatten(),
        None => None,
    };
    let head = head.unwrap_or_default();
    let mut found = BTreeSet::new();
    for (path, content) in files {
        let is_committed = match (&repository, head.blobs.get(path)) {
            (Some(repository), Some(blob)) => is_content(repository, *blob, content)?,
            _ => false,
        };
        if !is_committed {
            found.insert(path.clone());
        }
    }
    Ok(found)
}

/// One plain file of the folder `project`, before the others are read; `None` where it takes [`work_tree`] to say what it
/// is, or what is wrong with it.
pub fn plain_file(project: &Path, name: &str) -> Option<Vec<u8>> {
    let path = project.join(name);
    path.symlink_metadata().ok().filter(fs::Metadata::is_file)?;
    fs::read(path).ok()
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn compare_with_head(repository: &Repository, files: &Files) -> Result<(Option<Commit>, bool), GitError> {
    let Some(commit) = repository.head()? else {
        return Ok((None, !files.is_empty()));
    };
    let dirty = match repository.list(&commit) {
        Ok(listing) => differs(repository, &listing.unwrap_or_default(), files)?,
        // A link that is broken in the commit and sound on the disk is a difference.
        Err(GitError::Link { .. }) => true,
        Err(error) => return Err(error),
    };
    Ok((Some(commit), dirty))
}

fn differs(repository: &Repository, head: &Listing, files: &Files) -> Result<bool, GitError> {
    if !head.blobs.keys().eq(files.keys()) {
        return Ok(true);
    }
    for (blob, content) in head.blobs.values().zip(files.values()) {
        if !is_content(repository, *blob, content)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_content(repository: &Repository, blob: gix::ObjectId, content: &[u8]) -> Result<bool, GitError> {
    Ok(repository.hash(content)? == blob || repository.hash(&with_unix_line_ends(content))? == blob)
}

/// What git would store of a file that it checked out with CRLF (`core.autocrlf`, `eol=crlf`).
/// Whether it did is not asked, because the answer is spread over configuration and attributes; a
/// file whose line ends alone were changed says the same to us.
pub(super) fn with_unix_line_ends(content: &[u8]) -> Vec<u8> {
    let mut rest = content;
    let mut unix = Vec::with_capacity(content.len());
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
        unix.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
    }
    unix.extend_from_slice(rest);
    unix
}

fn read_files(project: &Path) -> Result<(Files, Vec<PathBuf>), GitError> {
    let root = project.canonicalize().map_err(|source| unreadable(project, source))?;
    let (mut files, mut skipped) = (Files::new(), Vec::new());
    let mut entries = WalkDir::new(project).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|error| unreadable_entry(project, error))?;
        let kind = entry.file_type();
        if entry.depth() == 0 {
            continue;
        }
        if is_hidden(entry.file_name().as_encoded_bytes()) {
            if kind.is_dir() {
                entries.skip_current_dir();
            }
            continue;
        }
        let path = relative(&entry, project);
        if kind.is_dir() && entry.path().join(".git").exists() {
            entries.skip_current_dir();
            skipped.push(path);
        } else if kind.is_symlink() && links_to_folder(&entry, &root) {
            skipped.push(path);
        } else if is_toml(&path) && (kind.is_file() || kind.is_symlink()) {
            let content = read_file(&entry, &root, &path)?;
            files.insert(path, content);
        }
    }
    skipped.sort();
    Ok((files, skipped))
}

fn read_file(entry: &DirEntry, root: &Path, path: &Path) -> Result<Vec<u8>, GitError> {
    if entry.path_is_symlink() && !is_file_inside(entry.path(), root) {
        let target = fs::read_link(entry.path()).map_err(|source| unreadable(entry.path(), source))?;
        return Err(GitError::Link { path: path.to_owned(), target });
    }
    fs::read(entry.path()).map_err(|source| unreadable(entry.path(), source))
}

fn is_file_inside(link: &Path, root: &Path) -> bool {
    link.canonicalize().is_ok_and(|end| end.starts_with(root) && end.is_file())
}

/// Links to folders outside of the project are build tools' (`result -> /nix/store/…`) and not
/// worth a warning.
fn links_to_folder(entry: &DirEntry, root: &Path) -> bool {
    entry.path().canonicalize().is_ok_and(|end| end.starts_with(root) && end.is_dir())
}

/// The entry's path below the project folder, with `/` on every platform.
fn relative(entry: &DirEntry, project: &Path) -> PathBuf {
    let below = entry.path().strip_prefix(project).unwrap_or(entry.path());
    let mut path = OsString::new();
    for part in below.components() {
        if !path.is_empty() {
            path.push("/");
        }
        path.push(part);
    }
    path.into()
}

fn unreadable_entry(project: &Path, error: walkdir::Error) -> GitError {
    let path = error.path().unwrap_or(project).to_owned();
    unreadable(&path, error.into())
}

fn unreadable(path: &Path, source: io::Error) -> GitError {
    GitError::Unreadable { path: path.to_owned(), source }
}
