//! The commits before a commit, and the files that each of them changed.

use super::revision::Repository;
use super::{Commit, GitError};
use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use gix::date::time::format::ISO8601_STRICT;
use gix::diff::tree::{Recorder, State, recorder::Change};
use gix::objs::TreeRefIter;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The history of a repository, as far as it is here.
pub(super) struct History<'r> {
    repository: &'r Repository,
    /// The commits whose parents were not cloned.
    shallow: BTreeSet<ObjectId>,
}

/// A commit in its history.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) id: ObjectId,
    /// Seconds since the epoch at which it was committed.
    pub(super) time: i64,
    /// Whether there are parents that were not cloned.
    pub(super) is_boundary: bool,
    parents: Vec<ObjectId>,
    tree: ObjectId,
}

/// The files in which a commit differs from one of its parents, by their paths from the root of the
/// repository's trees.
#[derive(Default)]
pub(super) struct Changes {
    /// What the parent has of them.
    before: BTreeMap<BString, ObjectId>,
    /// Those that the commit has.
    after: BTreeSet<BString>,
}

/// Who made a commit, when, and what it is about.
pub(super) struct Author {
    pub(super) name: String,
    pub(super) time: String,
    pub(super) subject: String,
}

impl<'r> History<'r> {
    pub(super) fn of(repository: &'r Repository) -> Result<Self, GitError> {
        let shallow = repository.git.shallow_commits().map_err(|error| repository.failed(error))?;
        let shallow = shallow.iter().flat_map(|commits| commits.iter().copied()).collect();
        Ok(Self { repository, shallow })
    }

    pub(super) fn node(&self, commit: &Commit) -> Result<Node, GitError> {
        let id = ObjectId::from_hex(commit.id.as_bytes());
        id.and_then(|id| self.find_node(id)).map_err(|error| self.repository.failed(error))
    }

    pub(super) fn parents(&self, node: &Node) -> Result<Vec<Node>, GitError> {
        let parents = node.parents.iter().map(|id| self.find_node(*id));
        parents.collect::<Result<_, _>>().map_err(|error| self.repository.failed(error))
    }

    fn find_node(&self, id: ObjectId) -> Result<Node, gix::Error> {
        let commit = self.repository.git.find_commit(id)?;
        let (tree, time) = (commit.tree_id()?.detach(), commit.committer()?.seconds());
        let parents: Vec<_> = commit.parent_ids().map(gix::Id::detach).collect();
        let is_boundary = !parents.is_empty() && self.shallow.contains(&id);
        let parents = if is_boundary { Vec::new() } else { parents };
        Ok(Node { id, time, is_boundary, parents, tree })
    }

    pub(super) fn author(&self, node: &Node) -> Result<Author, GitError> {
        self.find_author(node).map_err(|error| self.repository.failed(error))
    }

    fn find_author(&self, node: &Node) -> Result<Author, gix::Error> {
        let commit = self.repository.git.find_commit(node.id)?;
        let author = commit.author()?;
        let time = author.time().ok().and_then(|time| time.format(ISO8601_STRICT).ok());
        let subject = commit.message_raw()?.lines().map(ByteSlice::trim).find(|line| !line.is_empty());
        Ok(Author {
            name: author.name.to_str_lossy().into_owned(),
            time: time.unwrap_or_else(|| EPOCH.to_owned()),
            subject: subject.unwrap_or_default().to_str_lossy().into_owned(),
        })
    }

    /// What `node` changed since its parent `before`; nothing when it changed nothing below
    /// `folder`, which is found without comparing the rest of a large repository.
    pub(super) fn changes(&self, before: &Node, node: &Node, folder: &BStr) -> Result<Changes, GitError> {
        self.find_changes(before, node, folder).map_err(|error| self.repository.failed(error))
    }

    fn find_changes(&self, before: &Node, node: &Node, folder: &BStr) -> Result<Changes, gix::Error> {
        let git = &self.repository.git;
        let (before, after) = (git.find_tree(before.tree)?, git.find_tree(node.tree)?);
        if entry(&before, folder)? == entry(&after, folder)? {
            return Ok(Changes::default());
        }
        let mut recorder = Recorder::default();
        gix::diff::tree(entries(&before), entries(&after), State::default(), git, &mut recorder)
            .map_err(gix::Error::from_error)?;
        Ok(recorder.records.into_iter().collect())
    }

    /// Where `commit` has the project's file `file`; see [`Repository::file`].
    pub(super) fn file(&self, commit: &Commit, file: &Path) -> Result<Option<(BString, ObjectId)>, GitError> {
        self.repository.file(commit, file)
    }

    /// A file's content; `None` when it is not here, as in a clone with `--filter=blob:none`.
    pub(super) fn content(&self, blob: ObjectId) -> Result<Option<Vec<u8>>, GitError> {
        let found = self.repository.git.try_find_object(blob).map_err(|error| self.repository.failed(error))?;
        Ok(found.map(|mut found| std::mem::take(&mut found.data)))
    }
}

/// The time of a commit that has none, as git shows it.
const EPOCH: &str = "1970-01-01T00:00:00+00:00";

impl Node {
    pub(super) fn commit(&self) -> Commit {
        Commit { id: self.id.to_string() }
    }
}

impl Changes {
    /// Whether the commit made the file what it is.
    pub(super) fn touches(&self, path: &BStr) -> bool {
        self.after.contains(path)
    }

    /// What the parent has at the path.
    pub(super) fn before(&self, path: &BStr) -> Option<ObjectId> {
        self.before.get(path).copied()
    }

    /// The files that only the parent has.
    pub(super) fn removed(&self) -> impl Iterator<Item = (&BStr, ObjectId)> {
        let only_before = self.before.iter().filter(|(path, _)| !self.after.contains(*path));
        only_before.map(|(path, blob)| (path.as_bstr(), *blob))
    }
}

impl FromIterator<Change> for Changes {
    fn from_iter<I: IntoIterator<Item = Change>>(changes: I) -> Self {
        let mut all = Self::default();
        for change in changes {
            let (path, before, after) = match change {
                Change::Addition { entry_mode, path, .. } => (path, None, Some(entry_mode)),
                Change::Deletion { entry_mode, oid, path, .. } => (path, Some((entry_mode, oid)), None),
                Change::Modification { previous_entry_mode, previous_oid, entry_mode, path, .. } => {
                    (path, Some((previous_entry_mode, previous_oid)), Some(entry_mode))
                }
            };
            if after.is_some_and(|mode| mode.is_blob()) {
                all.after.insert(path.clone());
            }
            if let Some((_, blob)) = before.filter(|(mode, _)| mode.is_blob()) {
                all.before.insert(path, blob);
            }
        }
        all
    }
}

fn entries<'t>(tree: &'t gix::Tree<'_>) -> TreeRefIter<'t> {
    TreeRefIter::from_bytes(&tree.data, tree.id.kind())
}

/// The id of what `tree` has at `path`.
fn entry(tree: &gix::Tree<'_>, path: &BStr) -> Result<Option<ObjectId>, gix::Error> {
    if path.is_empty() {
        return Ok(Some(tree.id));
    }
    let entry = tree.lookup_entry(path.split_str("/"))?;
    Ok(entry.map(|entry| entry.object_id()))
}
