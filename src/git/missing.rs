//! A commit that is not here, and getting it from where it may be had.

use super::revision::Repository;
use super::{Commit, GitError, program};
use gix::ObjectId;
use gix::remote::Direction;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long git may take to bring a commit: a plan waits for it, and does without.
const LIMIT: Duration = Duration::from_secs(30);

/// The fetch of a commit that is not here. As text it is the command that a person types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The remote to fetch from, by its name.
    pub remote: String,
    id: ObjectId,
    shallow: bool,
    /// The repository's own folder.
    repository: PathBuf,
}

/// How `commit` gets into the repository around `project`: from the remote of the branch that is checked out, else from the
/// one that git takes by itself. `None` when the commit is there, and when there is no repository, no such remote, or nothing
/// that can be the id of a commit.
///
/// # Errors
/// [`GitError::Repository`] when the repository is damaged.
pub fn missing(project: &Path, commit: &Commit) -> Result<Option<Fetch>, GitError> {
    let (Some(repository), Ok(id)) = (Repository::find(project)?, ObjectId::from_hex(commit.id.as_bytes())) else {
        return Ok(None);
    };
    let git = &repository.git;
    if git.has_object(id) {
        return Ok(None);
    }
    let branch = git.head_name().map_err(|error| repository.failed(error))?;
    let remote = branch.and_then(|branch| git.branch_remote_name(branch.shorten(), Direction::Fetch));
    let remote = remote.and_then(|name| name.as_symbol().filter(|name| *name != ".").map(str::to_owned));
    let remote = remote.or_else(|| git.remote_default_name(Direction::Fetch).map(|name| name.to_string()));
    // It is typed as it is, and must not be taken for an option.
    let is_plain = |name: &String| {
        !name.starts_with('-') && name.chars().all(|it| it.is_ascii_alphanumeric() || "-._/".contains(it))
    };
    let shallow = git.is_shallow().map_err(|error| repository.failed(error))?;
    Ok(remote.filter(is_plain).map(|remote| Fetch { remote, id, shallow, repository: git.path().to_owned() }))
}

impl fmt::Display for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "git fetch {}{} {}", self.depth().map_or("", |_| "--depth=1 "), self.remote, self.id)
    }
}

impl Fetch {
    /// A shallow clone would get all that was before the commit, and another one would become shallow.
    fn depth(&self) -> Option<&'static str> {
        self.shallow.then_some("--depth=1")
    }

    /// Fetches the commit. No branch or tag moves.
    ///
    /// # Errors
    /// What git says; that there is no git; that it took too long.
    pub async fn run(&self) -> Result<(), String> {
        let options =
            ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"];
        let mut args = vec!["--git-dir".into(), self.repository.clone().into_os_string(), "fetch".into()];
        args.extend(options.into_iter().chain(self.depth()).map(Into::into));
        args.extend([self.remote.clone().into(), self.id.to_string().into()]);
        program::run(&self.repository, args, LIMIT).await.map(drop)
    }
}
