//! The project's files as a commit has them.

use super::{Commit, GitError, Source, Tree, is_hidden, is_toml, normalized};
use gix::bstr::{BStr, BString, ByteSlice};
use gix::objs::tree::EntryMode;
use gix::traverse::tree::recorder::Entry;
use gix::{ObjectId, discover, objs, open, sec};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads the files of the folder `project` from the commit `revision`, which may be whatever git
/// calls a commit: `HEAD~2`, a branch, a tag, `origin/main`, part of an id. Nothing of the work
/// tree is looked at, so that the folder may be gone from it, and `project` may be (a folder of) a
/// bare repository.
///
/// # Errors
/// [`GitError::NotARepository`], [`GitError::UnknownRevision`], [`GitError::NoProject`],
/// [`GitError::Link`], and [`GitError::Repository`] when an object is missing or damaged.
pub fn at_revision(project: &Path, revision: &str) -> Result<Tree, GitError> {
    let repository =
        Repository::find(project)?.ok_or_else(|| GitError::NotARepository { project: project.to_owned() })?;
    let commit = repository.commit(revision)?;
    let Some(Listing { blobs, skipped }) = repository.list(&commit)? else {
        return Err(repository.no_project(commit));
    };
    let read = |(path, id)| Ok((path, repository.read(id)?));
    let files = blobs.into_iter().map(read).collect::<Result<_, GitError>>()?;
    Ok(Tree { files, skipped, source: Source::Commit(commit) })
}

/// Reads one file of the folder `project` from the commit `revision`, links followed; `None` where it has no such file.
///
/// # Errors
/// As of [`at_revision`].
pub fn file_at(project: &Path, revision: &str, file: &Path) -> Result<Option<Vec<u8>>, GitError> {
    let repository =
        Repository::find(project)?.ok_or_else(|| GitError::NotARepository { project: project.to_owned() })?;
    let commit = repository.commit(revision)?;
    repository.file(&commit, file)?.map(|(_, id)| repository.read(id)).transpose()
}

/// The repository around a project folder.
pub(super) struct Repository {
    pub(super) git: gix::Repository,
    /// The project folder as the caller named it, for messages.
    project: PathBuf,
    /// The project folder, relative to the root of the repository's trees; empty when it is that
    /// root.
    folder: PathBuf,
}

/// What a commit has of the project.
#[derive(Default)]
pub(super) struct Listing {
    /// The content of each file, links followed.
    pub(super) blobs: BTreeMap<PathBuf, ObjectId>,
    /// The folders that were not entered, sorted.
    pub(super) skipped: Vec<PathBuf>,
}

/// Where a link ends.
struct End {
    /// Relative to the project folder.
    path: PathBuf,
    mode: EntryMode,
    id: ObjectId,
}

impl Repository {
    /// The repository that holds `project`, whether or not that folder exists (an older commit may
    /// still have it); `None` when there is none.
    pub(super) fn find(project: &Path) -> Result<Option<Self>, GitError> {
        let failed = |error| repository_error(project, error);
        let (existing, missing) = split_at_existing(project);
        let found = match open_around(&existing) {
            Ok(found) => found,
            Err(error) if is_no_repository(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let folder = existing.strip_prefix(root_of(&found)).map(|folder| folder.join(missing));
        Ok(folder.ok().map(|folder| Self { git: found, project: project.to_owned(), folder }))
    }

    /// The same, but objects that were read are kept, up to so many bytes.
    pub(super) fn with_cache(mut self, bytes: usize) -> Self {
        self.git.object_cache_size_if_unset(bytes);
        self
    }

    /// The commit that is checked out; `None` before the first one.
    pub(super) fn head(&self) -> Result<Option<Commit>, GitError> {
        let id = self.git.head().and_then(gix::Head::try_into_peeled_id).map_err(|error| self.failed(error))?;
        Ok(id.map(|id| commit(id.detach())))
    }

    pub(super) fn no_project(&self, commit: Commit) -> GitError {
        GitError::NoProject { commit, folder: self.folder.clone() }
    }

    pub(super) fn commit(&self, revision: &str) -> Result<Commit, GitError> {
        let found = self.git.rev_parse_single(revision).and_then(|id| id.object()?.peel_to_commit());
        found.map(|found| commit(found.id)).map_err(|error| GitError::UnknownRevision {
            revision: revision.to_owned(),
            shallow: self.git.is_shallow().unwrap_or(false),
            source: error.into(),
        })
    }

    /// What `commit` has of the project; `None` when it has no such folder.
    pub(super) fn list(&self, commit: &Commit) -> Result<Option<Listing>, GitError> {
        let Some(tree) = self.project_tree(commit).map_err(|error| self.failed(error))? else {
            return Ok(None);
        };
        let mut listing = Listing::default();
        for entry in tree.traverse().breadthfirst.files().map_err(|error| self.failed(error))? {
            let path = self.path(entry.filepath.as_bstr())?;
            self.add(&mut listing, &tree, path, &entry)?;
        }
        listing.skipped.sort();
        Ok(Some(listing))
    }

    fn add(&self, listing: &mut Listing, tree: &gix::Tree<'_>, path: PathBuf, entry: &Entry) -> Result<(), GitError> {
        if entry.filepath.split_str("/").any(is_hidden) {
            return Ok(());
        }
        if entry.mode.is_commit() {
            listing.skipped.push(path);
        } else if entry.mode.is_blob() && is_toml(&path) {
            listing.blobs.insert(path, entry.oid);
        } else if entry.mode.is_link() {
            let target = self.read_path(entry.oid)?;
            match self.follow(tree, &path, &target)? {
                Some(end) if end.mode.is_tree() => listing.skipped.push(path),
                Some(end) if end.mode.is_blob() && is_toml(&path) => {
                    listing.blobs.insert(path, end.id);
                }
                _ if is_toml(&path) => return Err(GitError::Link { path, target }),
                _ => {}
            }
        }
        Ok(())
    }

    /// Where the link at `path` ends inside the project; `None` when it ends elsewhere, nowhere or
    /// in a circle.
    fn follow(&self, tree: &gix::Tree<'_>, path: &Path, target: &Path) -> Result<Option<End>, GitError> {
        let (mut path, mut target) = (path.to_owned(), target.to_owned());
        for _ in 0..MAX_LINKS {
            let Some(next) = normalized(&path.parent().unwrap_or(Path::new("")).join(&target)) else {
                return Ok(None);
            };
            if next.as_os_str().is_empty() {
                return Ok(Some(End { path: next, mode: objs::tree::EntryKind::Tree.into(), id: tree.id }));
            }
            let Some(entry) = tree.lookup_entry_by_path(&next).map_err(|error| self.failed(error))? else {
                return Ok(None);
            };
            if !entry.mode().is_link() {
                return Ok(Some(End { path: next, mode: entry.mode(), id: entry.object_id() }));
            }
            target = self.read_path(entry.object_id())?;
            path = next;
        }
        Ok(None)
    }

    /// Where `commit` has the content of the project's file `file`, links followed: the path from the
    /// root of the repository's trees, and the blob. `None` when it has no such file.
    pub(super) fn file(&self, commit: &Commit, file: &Path) -> Result<Option<(BString, ObjectId)>, GitError> {
        let Some(tree) = self.project_tree(commit).map_err(|error| self.failed(error))? else {
            return Ok(None);
        };
        let Some(entry) = tree.lookup_entry_by_path(file).map_err(|error| self.failed(error))? else {
            return Ok(None);
        };
        let end = if entry.mode().is_link() {
            self.follow(&tree, file, &self.read_path(entry.object_id())?)?
        } else {
            Some(End { path: file.to_owned(), mode: entry.mode(), id: entry.object_id() })
        };
        let Some(End { path, id, .. }) = end.filter(|end| end.mode.is_blob()) else {
            return Ok(None);
        };
        let path = gix::path::into_bstr(self.folder.join(path)).map_err(|error| self.failed(error))?;
        Ok(Some((gix::path::to_unix_separators_on_windows(path).into_owned(), id)))
    }

    /// The id that git gives to a file of this content.
    pub(super) fn hash(&self, content: &[u8]) -> Result<ObjectId, GitError> {
        objs::compute_hash(self.git.object_hash(), objs::Kind::Blob, content).map_err(|error| self.failed(error))
    }

    pub(super) fn read(&self, id: ObjectId) -> Result<Vec<u8>, GitError> {
        let mut blob = self.git.find_blob(id).map_err(|error| self.failed(error))?;
        Ok(blob.take_data())
    }

    fn read_path(&self, id: ObjectId) -> Result<PathBuf, GitError> {
        let text = self.read(id)?;
        self.path(text.as_bstr())
    }

    fn path(&self, text: &BStr) -> Result<PathBuf, GitError> {
        let path = gix::path::from_bstr(text).map_err(|error| self.failed(error))?;
        Ok(path.into_owned())
    }

    fn project_tree(&self, commit: &Commit) -> Result<Option<gix::Tree<'_>>, gix::Error> {
        let id = ObjectId::from_hex(commit.id.as_bytes())?;
        let root = self.git.find_commit(id)?.tree()?;
        if self.folder.as_os_str().is_empty() {
            return Ok(Some(root));
        }
        match root.lookup_entry_by_path(&self.folder)? {
            Some(entry) if entry.mode().is_tree() => Ok(Some(entry.object()?.into_tree())),
            _ => Ok(None),
        }
    }

    pub(super) fn failed(&self, error: gix::Error) -> GitError {
        repository_error(&self.project, error)
    }
}

/// How many links may follow each other: as many as on Linux, so that a chain that can be read from
/// the disk can be read from the commit. (One through a linked folder cannot; it is the same error
/// as a link that ends outside.)
const MAX_LINKS: usize = 40;

/// Opens the repository around `folder` with nothing but its own configuration, whoever owns it.
fn open_around(folder: &Path) -> Result<gix::Repository, gix::Error> {
    let trust = sec::trust::Mapping { full: open::Options::isolated(), reduced: open::Options::isolated() };
    let found = gix::ThreadSafeRepository::discover_opts(folder, discover::upwards::Options::default(), trust)?;
    Ok(found.to_thread_local())
}

fn is_no_repository(error: &gix::Error) -> bool {
    use discover::upwards::Error;
    matches!(
        error.downcast_any_ref(),
        Some(
            Error::NoGitRepository { .. }
                | Error::NoGitRepositoryWithinCeiling { .. }
                | Error::NoGitRepositoryWithinFs { .. }
        )
    )
}

/// The folder that the root of the repository's trees stands for; for a bare repository it is the
/// one of its objects, or the one around when that is a `.git` (which has its work trees
/// elsewhere).
fn root_of(repository: &gix::Repository) -> PathBuf {
    let root = match repository.workdir() {
        Some(folder) => folder,
        None if repository.git_dir().ends_with(".git") => repository.git_dir().parent().unwrap_or(Path::new("")),
        None => repository.git_dir(),
    };
    root.canonicalize().unwrap_or_else(|_| root.to_owned())
}

/// The part of `path` that exists, without links, and the rest.
fn split_at_existing(path: &Path) -> (PathBuf, PathBuf) {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in path.ancestors() {
        if let (Ok(existing), Ok(missing)) = (ancestor.canonicalize(), path.strip_prefix(ancestor)) {
            return (existing, missing.to_owned());
        }
    }
    (path, PathBuf::new())
}

fn commit(id: ObjectId) -> Commit {
    Commit { id: id.to_string() }
}

fn repository_error(project: &Path, error: gix::Error) -> GitError {
    GitError::Repository { project: project.to_owned(), source: error.into() }
}
