//! Files that are written and removed all at once, or not at all.
#![expect(clippy::disallowed_methods, reason = "the project is written where the user says")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;

use crate::cli::Error;

/// New files of a folder, beside their places until all of them are there.
pub(super) struct Staged {
    folder: PathBuf,
    /// Made for this, the innermost first: they go again when nothing comes of it.
    made: Vec<PathBuf>,
    /// A hidden folder is no realm, even if this process is killed here.
    aside: Option<TempDir>,
    files: Vec<New>,
    /// Files that go.
    removed: Vec<PathBuf>,
}

impl Drop for Staged {
    fn drop(&mut self) {
        drop(self.aside.take());
        // Only those that are empty can be removed.
        for folder in &self.made {
            drop(fs::remove_dir(folder));
        }
    }
}

struct New {
    target: PathBuf,
    staged: PathBuf,
    may_replace: bool,
}

impl Staged {
    /// Nothing yet.
    pub(super) fn new(folder: &Path) -> Result<Self, Error> {
        let made = missing(folder);
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let aside = tempfile::Builder::new().prefix(".realmform-new-").tempdir_in(folder).map_err(failed(folder))?;
        Ok(Self { folder: folder.to_owned(), made, aside: Some(aside), files: Vec::new(), removed: Vec::new() })
    }

    /// A file below the folder.
    pub(super) fn put(&mut self, path: &Path, text: &str, may_replace: bool) -> Result<(), Error> {
        let staged = self.aside(&self.files.len().to_string());
        fs::write(&staged, text).map_err(failed(&staged))?;
        self.files.push(New { target: self.folder.join(path), staged, may_replace });
        Ok(())
    }

    /// A file below the folder that goes.
    pub(super) fn remove(&mut self, path: &Path) {
        self.removed.push(self.folder.join(path));
    }

    /// A file anywhere that only its owner may read; one that is there is never replaced.
    pub(super) fn put_secrets(&mut self, path: &Path, text: &SecretString) -> Result<(), Error> {
        use std::io::Write as _;
        let parent = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // As it is made: the owner's alone from its first moment on.
        let mut file = tempfile::NamedTempFile::new_in(parent).map_err(failed(path))?;
        file.write_all(text.expose_secret().as_bytes()).map_err(failed(path))?;
        let (_, staged) = file.keep().map_err(|error| failed(path)(error.error))?;
        self.files.push(New { target: path.to_owned(), staged, may_replace: false });
        Ok(())
    }

    fn aside(&self, name: &str) -> PathBuf {
        self.aside.as_ref().map_or(&*self.folder, TempDir::path).join(name)
    }

    /// Moves all files to and from their places, and answers those that were written. When one cannot be moved, all is as it
    /// was.
    pub(super) fn commit(mut self) -> Result<Vec<PathBuf>, Error> {
        let (files, removed) = (std::mem::take(&mut self.files), std::mem::take(&mut self.removed));
        let in_the_way: Vec<String> = files
            .iter()
            .filter(|new| !new.may_replace && new.target.symlink_metadata().is_ok())
            .map(|new| new.target.display().to_string())
            .collect();
        let mut done = Vec::new();
        let moved = if in_the_way.is_empty() {
            let moved_in = files.iter().try_for_each(|new| self.move_in(new, &mut done));
            moved_in.and_then(|()| removed.iter().try_for_each(|path| self.move_out(path, &mut done)))
        } else {
            Err(Error::Usage(format!("nothing is overwritten: {} is there already", in_the_way.join(", "))))
        };
        let Err(error) = moved else { return Ok(files.into_iter().map(|new| new.target).collect()) };
        done.into_iter().rev().for_each(Done::undo);
        for new in &files {
            drop(fs::remove_file(&new.staged));
        }
        Err(error)
    }

    fn move_in(&self, new: &New, done: &mut Vec<Done>) -> Result<(), Error> {
        let parent = new.target.parent().unwrap_or(&self.folder);
        done.extend(missing(parent).into_iter().rev().map(Done::Folder));
        fs::create_dir_all(parent).map_err(failed(parent))?;
        if new.may_replace && new.target.exists() {
            let old = self.aside(&format!("old-{}", done.len()));
            // With its permissions, which the new one gets.
            fs::copy(&new.target, &old).map_err(failed(&new.target))?;
            let permissions = fs::metadata(&old).map_err(failed(&new.target))?.permissions();
            fs::set_permissions(&new.staged, permissions).map_err(failed(&new.target))?;
            fs::rename(&new.staged, &new.target).map_err(failed(&new.target))?;
            done.push(Done::Replaced { target: new.target.clone(), old });
        } else {
            let staged = tempfile::TempPath::try_from_path(&new.staged).map_err(failed(&new.target))?;
            staged.persist_noclobber(&new.target).map_err(|error| failed(&new.target)(error.error))?;
            done.push(Done::File(new.target.clone()));
        }
        Ok(())
    }

    fn move_out(&self, path: &Path, done: &mut Vec<Done>) -> Result<(), Error> {
        let old = self.aside(&format!("old-{}", done.len()));
        fs::rename(path, &old).map_err(failed(path))?;
        done.push(Done::Replaced { target: path.to_owned(), old });
        Ok(())
    }
}

/// Files of a project as they are to be, by their paths in it: `None` is one that goes.
pub(super) type NewFiles = BTreeMap<PathBuf, Option<String>>;

/// Writes them all at once, over what was `read` before.
pub(super) fn write_over(folder: &Path, read: &BTreeMap<PathBuf, Vec<u8>>, files: &NewFiles) -> Result<(), Error> {
    if files.is_empty() {
        return Ok(());
    }
    let mut staged = Staged::new(folder)?;
    for (path, text) in files {
        // Reading a server takes time, in which an editor may have saved the file.
        if fs::read(folder.join(path)).ok().as_ref() != read.get(path) {
            let why = format!("nothing was written: {} was changed meanwhile; run this again", path.display());
            return Err(Error::Other(why));
        }
        match text {
            Some(text) => staged.put(path, text, true)?,
            None => staged.remove(path),
        }
    }
    staged.commit().map(drop)
}

/// What can be undone.
enum Done {
    Folder(PathBuf),
    File(PathBuf),
    Replaced { target: PathBuf, old: PathBuf },
}

impl Done {
    fn undo(self) {
        // There is nobody to tell that undoing failed, too; the first failure is what is told.
        match self {
            Self::Folder(path) => drop(fs::remove_dir(path)),
            Self::File(path) => drop(fs::remove_file(path)),
            Self::Replaced { target, old } => drop(fs::rename(old, target)),
        }
    }
}

/// The folders that do not exist yet, the innermost first.
fn missing(folder: &Path) -> Vec<PathBuf> {
    let above = folder.ancestors().filter(|it| !it.as_os_str().is_empty());
    above.take_while(|it| !it.exists()).map(Path::to_owned).collect()
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    |source| Error::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("a/realms");
        let put =
            |staged: &mut Staged, path: &str, may_replace| staged.put(Path::new(path), path, may_replace).unwrap();
        let mut first = Staged::new(&project).unwrap();
        put(&mut first, "acme/realm.toml", false);
        first.commit().unwrap();
        assert_eq!(fs::read_to_string(project.join("acme/realm.toml")).unwrap(), "acme/realm.toml");

        // A file is where a folder has to be, which nobody knows before it is the last file's turn.
        fs::write(project.join("beta"), "in the way").unwrap();
        fs::write(project.join("acme/realm.toml"), "mine").unwrap();
        let mut second = Staged::new(&project).unwrap();
        put(&mut second, "acme/clients/shop.toml", false);
        put(&mut second, "acme/realm.toml", true);
        put(&mut second, "beta/realm.toml", false);
        second.commit().unwrap_err();
        assert_eq!(fs::read_to_string(project.join("acme/realm.toml")).unwrap(), "mine");
        let mut left: Vec<_> = project.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["acme", "beta"]);
        assert!(!project.join("acme/clients").exists());

        // A file goes with the others, or stays with them.
        let mut third = Staged::new(&project).unwrap();
        third.remove(Path::new("acme/realm.toml"));
        third.remove(Path::new("acme/nothing.toml"));
        third.commit().unwrap_err();
        assert!(project.join("acme/realm.toml").exists());
        let mut third = Staged::new(&project).unwrap();
        third.remove(Path::new("acme/realm.toml"));
        third.commit().unwrap();
        assert!(!project.join("acme/realm.toml").exists());

        let mut fourth = Staged::new(&folder.path().join("b/realms")).unwrap();
        fourth.put_secrets(&project.join("beta"), &"s3cr3t".to_owned().into()).unwrap();
        fourth.commit().unwrap_err();
        assert!(!folder.path().join("b").exists());
        assert_eq!(project.read_dir().unwrap().count(), 2);
    }
}
