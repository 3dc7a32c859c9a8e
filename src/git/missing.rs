//! A commit that is not here, and where it may be had.

use super::revision::Repository;
use super::{Commit, GitError};
use gix::ObjectId;
use gix::remote::Direction;
use std::path::Path;

/// The `git` command that brings `commit` into the repository around `project`: from the remote of the branch that is
/// checked out, else from the one that git takes by itself. `None` when the commit is there, and when there is no
/// repository, no such remote, or nothing that can be the id of a commit.
///
/// It is for people and pipelines to run: a fetch needs their credentials, which git gets from programs that it starts.
///
/// # Errors
/// [`GitError::Repository`] when the repository is damaged.
pub fn fetch_command(project: &Path, commit: &Commit) -> Result<Option<String>, GitError> {
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
    // It is typed as it is.
    let is_plain = |name: &String| name.chars().all(|it| it.is_ascii_alphanumeric() || "._/".contains(it));
    // A shallow clone would get all that was before the commit, and another one would become shallow.
    let depth = if git.is_shallow().map_err(|error| repository.failed(error))? { "--depth=1 " } else { "" };
    Ok(remote.filter(is_plain).map(|remote| format!("git fetch {depth}{remote} {id}")))
}
