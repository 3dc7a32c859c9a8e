//! The project: found, read, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::blueprints::{self, Reach};
use super::output::Output;
use super::{Context, Error};
use crate::desired::{self, Loaded, PROJECT_FILE, Project};
use crate::git::{self, Touches, Tree};
use crate::model::{Desired, RealmName};

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
    /// The environment that was asked for.
    environment: Option<String>,
    /// Where is told what is fetched.
    output: Output,
    /// Whether the project may have none at all.
    may_lack: bool,
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
            environment: context.global.env.clone(),
            output: context.output.clone(),
            may_lack: false,
        })
    }

    /// The same in another environment than was asked for.
    pub(super) fn within(self, environment: Option<String>) -> Self {
        Self { environment, ..self }
    }

    /// The same, where the project may have had no environments yet.
    pub(super) fn if_there_are_some(self) -> Self {
        Self { may_lack: true, ..self }
    }

    /// What the project file of the work tree says, before anything else is read; `None` where another state is meant,
    /// or where [`Found::load`] will say what is wrong with it.
    pub(super) fn project(&self) -> Option<Project> {
        if self.args.rev.is_some() {
            return None;
        }
        self.project_in(&git::plain_file(&self.folder, PROJECT_FILE)?).ok()?
    }

    /// What a project file says of the environment that is meant; `None` where [`Found::load`] will say what is wrong with
    /// it.
    pub(super) fn project_in(&self, file: &[u8]) -> Result<Option<Project>, Error> {
        let Some(project) = desired::project(file, None) else { return Ok(None) };
        let environment = self.choose(&project)?;
        Ok(desired::project(file, environment.as_deref()))
    }

    /// The environment that is meant: the one asked for, or the only one.
    fn choose(&self, project: &Project) -> Result<Option<String>, Error> {
        let mut known = project.environments.keys();
        let names = || project.environments.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        match (&self.environment, known.len()) {
            (None, 0) => Ok(None),
            (None, 1) => Ok(known.next().cloned()),
            (None, _) => Err(Error::Usage(format!("which environment? Say --env with one of {}", names()))),
            (Some(_), 0) if self.may_lack => Ok(None),
            (Some(asked), 0) => Err(Error::Usage(format!(
                "--env {asked}: the project has no environments; [environments.{asked}] in {PROJECT_FILE} is one"
            ))),
            (Some(asked), _) if !project.environments.contains_key(asked) => {
                Err(Error::Usage(format!("--env {asked}: the project has only {}", names())))
            }
            (Some(asked), _) => Ok(Some(asked.clone())),
        }
    }

    /// The environments that a command is about that asks no server: the one asked for, or all of them.
    pub(super) fn environments(&self) -> Result<Vec<Option<String>>, Error> {
        let file = match &self.args.rev {
            Some(rev) => git::file_at(&self.folder, rev, Path::new(PROJECT_FILE))?,
            None => git::plain_file(&self.folder, PROJECT_FILE),
        };
        match file.and_then(|file| desired::project(&file, None)) {
            Some(project) if self.environment.is_none() && !project.environments.is_empty() => {
                Ok(project.environments.into_keys().map(Some).collect())
            }
            _ => Ok(vec![self.environment.clone()]),
        }
    }

    /// Reads all files, those of blueprints from elsewhere among them.
    pub(super) fn read(&self) -> Result<Tree, Error> {
        let mut tree = match &self.args.rev {
            Some(rev) => git::at_revision(&self.folder, rev)?,
            None => git::work_tree(&self.folder)?,
        };
        blueprints::add(&self.folder, &mut tree, Reach::There(&self.output)).map_err(Error::Files)?;
        Ok(tree)
    }

    /// Reads and understands all files: a tenth of a second for thousands of objects.
    pub(super) fn load(self) -> Result<Workspace, Error> {
        let tree = self.read()?;
        let realm_folders = if self.args.rev.is_none() { realm_folders(&self.folder)? } else { Vec::new() };
        let project = tree.files.get(Path::new(PROJECT_FILE)).and_then(|file| desired::project(file, None));
        let environment = project.map(|project| self.choose(&project)).transpose()?.flatten();
        let options =
            desired::Options { realm_folders: &realm_folders, environment: environment.as_deref(), ..self.options() };
        let mut loaded = desired::load(&tree.files, &options).map_err(|problems| {
            blueprints::tell(&self.output, &tree, &problems.0);
            Error::Files(problems)
        })?;
        only(&mut loaded, &self.args.realm)?;
        Ok(Workspace { folder: self.folder, tree, loaded })
    }

    /// How files are loaded.
    pub(super) fn options(&self) -> desired::Options<'static> {
        desired::Options { strict: self.args.strict, throwaway: self.throwaway, ..desired::Options::default() }
    }
}

impl Workspace {
    /// The environment that is meant, where the project has some.
    pub(super) fn environment(&self) -> Option<&str> {
        self.loaded.project.environment_name()
    }

    /// Finds and loads the project, and prints what is probably not meant.
    pub(super) fn load(context: &Context, args: &FileArgs) -> Result<Self, Error> {
        let workspace = Found::new(context, args)?.load()?;
        workspace.print_warnings(context);
        Ok(workspace)
    }

    /// Who last touched these lines (counted from 1) of its files. What cannot be found out is no reason to hide the rest.
    pub(super) fn blame(&self, context: &Context, lines: &BTreeMap<PathBuf, BTreeSet<u32>>) -> Touches {
        blueprints::blame(&self.folder, &self.tree, lines).unwrap_or_else(|error| {
            context.output.message(&format!("warning: nobody can tell which commits are behind this: {error}"));
            Touches::default()
        })
    }

    /// Prints what is probably not meant.
    pub(super) fn print_warnings(&self, context: &Context) {
        if !self.loaded.warnings.is_empty() {
            blueprints::tell(&context.output, &self.tree, &self.loaded.warnings);
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
    keep(loaded, |realm| realms.contains(realm));
    Ok(())
}

/// Leaves other realms out, and keeps in mind where they hand over.
pub(super) fn keep(loaded: &mut Loaded, is_kept: impl Fn(&RealmName) -> bool) {
    let Desired { realms, elsewhere } = &mut loaded.desired;
    let others = realms.iter().filter(|(name, _)| !is_kept(name));
    elsewhere.extend(others.filter_map(|(_, realm)| realm.outputs.as_ref()).flat_map(BTreeMap::keys).cloned());
    realms.retain(|name, _| is_kept(name));
    loaded.outputs.retain(|name, _| is_kept(name));
    loaded.references.retain(|reference| is_kept(&reference.realm));
    let Loaded { desired, settings, .. } = loaded;
    settings.retain(|setting| desired.realms.contains_key(setting.address.realm_name()));
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
