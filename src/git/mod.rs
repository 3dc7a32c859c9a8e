//! The git room: a project's files as bytes, from the work tree or from a commit, and the commits
//! that last touched their lines.
//!
//! It reads with gix, and knows nothing of what the files say. The `git` program is started to fetch
//! a commit that is not here ([`Fetch`], [`Remote`]); nothing else is written or run. Of git's
//! configuration only the repository's own is read, so that a plan does not depend on who runs it,
//! and a repository that belongs to another user (a CI checkout in a container) is read like any
//! other: nothing of it is executed.
//!
//! Both sources answer by the same rules, so that the same content gives the same [`Tree`]:
//! - Every `*.toml` below the project folder belongs to it, except hidden files and what is below
//!   hidden folders: those are other tools' (`.taplo.toml`, an editor's `.#realm.toml`).
//! - A link to a file is followed when it ends inside the project folder and is an error when it
//!   does not: what is outside is not part of what was reviewed.
//! - Links to folders and repositories of their own (submodules, whose content is another
//!   history's) are not entered; [`Tree::skipped`] names them.

mod blame;
mod changed;
mod error;
mod history;
mod lines;
mod missing;
mod program;
mod remote;
mod revision;
#[cfg(test)]
mod tests;
mod work_tree;

pub use blame::{Touch, Touches, blame};
pub use changed::changed_since;
pub use error::GitError;
pub use missing::{Fetch, missing};
pub use remote::Remote;
pub use revision::{at_revision, file_at};
pub use work_tree::{plain_file, uncommitted, work_tree};

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The project's files as bytes, wherever they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The content of each file by its path, which is relative to the project folder and has `/`
    /// between its parts on every platform. The bytes are as stored, neither decoded nor with their
    /// line ends changed.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// The folders inside the project that were not entered, sorted: worth a warning, as a realm
    /// may be in one.
    pub skipped: Vec<PathBuf>,
    /// Where the files were read.
    pub source: Source,
}

/// Where a [`Tree`] was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The files as they are on the disk.
    WorkTree {
        /// The commit that is checked out; `None` outside of a repository and before the first
        /// commit.
        head: Option<Commit>,
        /// Whether the files differ from those of `head`; without a `head`, whether there are any.
        dirty: bool,
    },
    /// The files of a commit.
    Commit(Commit),
}

impl Source {
    /// The commit that the files are of, or that they were changed from.
    pub fn commit(&self) -> Option<&Commit> {
        match self {
            Self::WorkTree { head, dirty: _ } => head.as_ref(),
            Self::Commit(commit) => Some(commit),
        }
    }

    /// Whether the files are not exactly those of [`Source::commit`].
    pub fn is_dirty(&self) -> bool {
        match self {
            Self::WorkTree { head: _, dirty } => *dirty,
            Self::Commit(_) => false,
        }
    }
}

/// A commit of the project's repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The full object id, in lower-case hexadecimal digits.
    pub id: String,
}

impl Commit {
    /// The id's first seven digits, for people. The length is fixed, because one that git finds
    /// unambiguous differs between a full and a shallow clone, and the same input must give the
    /// same bytes.
    pub fn short(&self) -> &str {
        self.id.get(..7).unwrap_or(&self.id)
    }
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

fn is_hidden(name: &[u8]) -> bool {
    name.starts_with(b".")
}

/// `path` with its `.` and `..` taken away by their text; `None` when it leaves the folder it is
/// relative to.
fn normalized(path: &Path) -> Option<PathBuf> {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name),
            Component::CurDir => {}
            Component::ParentDir if parts.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts)
}
