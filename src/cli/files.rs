//! Files that are written as a whole or not at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::Error;

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Whoever wrote it.
    Owner,
    /// Whoever may read what this user usually writes.
    Usual,
}

/// Writes a file in one go, over what is there.
pub(super) fn replace(path: &Path, text: &str, readers: Readers) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let folder =
        path.parent().filter(|it| !it.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned);
    // What goes wrong beside it would be told of a file that nobody named.
    folder.metadata().map_err(failed)?;
    let mut file = beside(readers).tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(unix)]
fn beside(readers: Readers) -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut builder = tempfile::Builder::new();
    if readers == Readers::Usual {
        // Less what the user's mask takes away.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder
}

#[cfg(not(unix))]
fn beside(_: Readers) -> tempfile::Builder<'static, 'static> {
    tempfile::Builder::new()
}
