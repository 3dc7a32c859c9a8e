//! What can go wrong while the project's files are read.

use super::Commit;
use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why the project's files could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// A revision was asked for where there is no repository.
    #[error("{} is not in a git repository", project.display())]
    NotARepository {
        /// The project folder.
        project: PathBuf,
    },
    /// The repository, or an object that must be in it, cannot be read.
    #[error("cannot read the git repository of {}", project.display())]
    Repository {
        /// The project folder.
        project: PathBuf,
        /// What gix says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The revision is none, or is none of a commit.
    #[error("the repository has no commit `{revision}`")]
    UnknownRevision {
        /// The revision as the user wrote it.
        revision: String,
        /// Whether the clone lacks history, which then is the likely cause.
        shallow: bool,
        /// What gix says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The commit is there, and the project folder is not in it.
    #[error("commit {} has no folder `{}`", commit.short(), folder.display())]
    NoProject {
        /// The commit that was asked for.
        commit: Commit,
        /// The project folder, relative to the repository's root.
        folder: PathBuf,
    },
    /// A file or folder of the work tree cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The path, which begins with the project folder as the caller named it.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A link does not end at a file inside the project folder.
    #[error("{} is a link to {}, which is no file inside the project folder", path.display(), target.display())]
    Link {
        /// The link, relative to the project folder.
        path: PathBuf,
        /// What the link says.
        target: PathBuf,
    },
}

impl GitError {
    /// What the user can do about it, where there is more to say than the error says.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotARepository { .. } => Some("leave `--rev` out to read the files as they are on the disk"),
            Self::Repository { .. } => Some("`git fsck` checks the repository; in a partial clone `git fetch` first"),
            Self::UnknownRevision { shallow: true, .. } => Some(
                "this clone is shallow: fetch more history with `git fetch --unshallow` (in GitHub Actions \
                 `fetch-depth: 0`, in GitLab CI `GIT_DEPTH: 0`)",
            ),
            Self::UnknownRevision { shallow: false, .. } => Some(
                "write one commit as git knows it, such as `HEAD~2`, `v1.4` or `origin/main`, and `git fetch` first",
            ),
            Self::NoProject { .. } => Some("the project was elsewhere then, or not begun: choose a later commit"),
            Self::Unreadable { .. } => None,
            Self::Link { .. } => Some("copy the file into the project folder, or link to one inside"),
        }
    }
}
