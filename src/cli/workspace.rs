//! The project: found, read, checked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Context, Error};
use crate::desired::{self, Loaded, PROJECT_FILE, Project};
use crate::git::{self, Tree};
use crate::model::RealmName;

/// Which state of the files is meant.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct FileArgs {
    /// Read the files of a commit, branch or tag instead of the work tree
    #[arg(long, value_name = "REV")]
    pub(super) rev: Option<String>,
    /// Only this realm (repeatable)
    #[arg(long, value_name = "REALM")]
    pub(super) realm: Vec<RealmName>,
    /// Unknown fields and values are errors, not warnings
    #[arg(long)]
    pub(super) strict: bool,
}

/// A project that was found, and not yet read.
pub(super) struct Found {
    pub(super) folder: PathBuf,
    args: FileArgs,
    /// Whether it is looked at for a server that is thrown away.
    throwaway: bool,
}

/// A project whose files are in order.
pub(super) struct Workspace {
    pub(super) folder: PathBuf,
    pub(super) tree: Tree,
    pub(super) loaded: Loaded,
}

impl Found {
    /// Finds the project.
    pub(super) fn new(context: &Context, args: &FileArgs) -> Result<Self, Error> {
        Ok(Self {
            folder: find(context.global.project.as_deref())?,
            args: args.clone(),
            throwaway: context.server.is_some(),
        })
    }

    /// What the project file of the work tree says, before anything else is read; `None` where another state is meant,
    /// or where [`Found::load`] will say what is wrong with it.
    pub(super) fn project(&self) -> Option<Project> {
        if self.args.rev.is_some() {
            return None;
        }
        desired::project(&git::plain_file(&self.folder, PROJECT_FILE)?)
    }

    /// Reads all files.
    pub(super) fn read(&self) -> Result<Tree, Error> {
        Ok(match &self.args.rev {
            Some(rev) => git::at_revision(&self.folder, rev)?,
            None => git::work_tree(&self.folder)?,
        })
    }

    /// Reads and understands all files: a tenth of a second for thousands of objects.
    pub(super) fn load(self) -> Result<Workspace, Error> {
        let tree = self.read()?;
        let realm_folders = if self.args.rev.is_none() { realm_folders(&self.folder)? } else { Vec::new() };
        let options = desired::Options { realm_folders: &realm_folders, ..self.options() };
        let mut loaded = desired::load(&tree.files, &options).map_err(Error::Files)?;
        only(&mut loaded, &self.args.realm)?;
        Ok(Workspace { folder: self.folder, tree, loaded })
    }

    /// How files are loaded.
    pub(super) fn options(&self) -> desired::Options<'static> {
        desired::Options { strict: self.args.strict, throwaway: self.throwaway, ..desired::Options::default() }
    }
}

impl Workspace {
    /// Finds and loads the project, and prints what is probably not meant.
    pub(super) fn load(context: &Context, args: &FileArgs) -> Result<Self, Error> {
        let workspace = Found::new(context, args)?.load()?;
        workspace.print_warnings(context);
        Ok(workspace)
    }

    /// Prints what is probably not meant.
    pub(super) fn print_warnings(&self, context: &Context) {
        if !self.loaded.warnings.is_empty() {
            context.output.message(&desired::render(&self.loaded.warnings, context.output.message_color(), 100));
        }
        for path in &self.tree.skipped {
            context.output.message(&format!("warning: {} was not read: it is a link or a submodule", path.display()));
        }
    }
}

/// Leaves the other realms out.
fn only(loaded: &mut Loaded, realms: &[RealmName]) -> Result<(), Error> {
    if realms.is_empty() {
        return Ok(());
    }
    check_known(realms, &loaded.desired.realms.keys().collect())?;
    loaded.desired.realms.retain(|name, _| realms.contains(name));
    loaded.outputs.retain(|name, _| realms.contains(name));
    loaded.references.retain(|reference| realms.contains(&reference.realm));
    loaded.settings.retain(|setting| realms.iter().any(|realm| realm == setting.address.realm_name()));
    Ok(())
}

/// The realms that were asked for are the project's.
pub(super) fn check_known(asked: &[RealmName], known: &BTreeSet<&RealmName>) -> Result<(), Error> {
    match asked.iter().find(|realm| !known.contains(realm)) {
        Some(unknown) => {
            let known: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
            Err(Error::Usage(format!("--realm {unknown}: the project has only {}", known.join(", "))))
        }
        None => Ok(()),
    }
}

/// The project's folder: the one named, else the nearest one upwards that holds the project file, itself or in `realms`.
fn find(named: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(folder) = named {
        return if folder.join(PROJECT_FILE).is_file() {
            Ok(folder.to_owned())
        } else {
            Err(Error::Usage(format!("--project {}: there is no {PROJECT_FILE} in it", folder.display())))
        };
    }
    let from = std::env::current_dir().map_err(Error::runtime)?;
    upwards(&from).ok_or(Error::NoProject { from })
}

/// The nearest project upwards of the current folder.
pub(super) fn found() -> Result<Option<PathBuf>, Error> {
    Ok(upwards(&std::env::current_dir().map_err(Error::runtime)?))
}

fn upwards(from: &Path) -> Option<PathBuf> {
    let mut candidates = from.ancestors().flat_map(|folder| [folder.to_owned(), folder.join("realms")]);
    candidates.find(|folder| folder.join(PROJECT_FILE).is_file())
}

/// The folders beside the project file: git does not keep empty ones, so they are looked at here.
fn realm_folders(project: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |source| Error::File { path: project.to_owned(), source };
    let mut folders = Vec::new();
    for entry in project.read_dir().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().is_dir() {
            folders.push(PathBuf::from(entry.file_name()));
        }
    }
    folders.sort();
    Ok(folders)
}
