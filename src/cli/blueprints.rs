//! Blueprints that are not in the project: their files, from a folder elsewhere or from a commit of another repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::output::Output;
use crate::desired::{
    BLUEPRINTS, BlueprintSource, GitSource, LOCK_FILE, Lock, PROJECT_FILE, Problem, Problems, blueprint_sources,
};
use crate::git::{self, Commit, GitError, Source, Touches, Tree};
use crate::sandbox::{Environment, cache_folder};

/// The file that every blueprint has.
const DECLARATION: &str = "blueprint.toml";

/// Where commits are looked for that are not in the project's repository.
#[derive(Clone, Copy)]
pub(super) enum Reach<'a> {
    /// In what was fetched before.
    Here,
    /// Also where they come from, which is told.
    There(&'a Output),
}

/// Puts the files of blueprints that are not in the project into its tree, as if they were.
pub(super) fn add(folder: &Path, tree: &mut Tree, reach: Reach<'_>) -> Result<(), Problems> {
    let sources = blueprint_sources(&tree.files);
    if sources.is_empty() {
        return Ok(());
    }
    let lock = Lock::read(&tree.files)?;
    let project = tree.source.clone();
    let mut problems = Vec::new();
    for (name, placed) in &sources {
        let within = format!("{BLUEPRINTS}/{name}");
        if tree.files.keys().any(|path| path.starts_with(&within)) {
            let message = format!("there are two blueprints `{name}`: the folder {within}, and this");
            problems.push(placed.problem(message, "the other one", Some("remove the one or rename the other".into())));
            continue;
        }
        let found = match &placed.source {
            BlueprintSource::Folder(path) => of_folder(folder, path, &project),
            BlueprintSource::Git(git) => of_git(folder, name, git, &lock, reach),
        };
        match found.and_then(|found| with_declaration(&placed.source, found)) {
            Ok(found) => merge(tree, &within, found),
            Err(Fault { message, help }) => {
                problems.push(placed.problem(message, "the blueprint cannot be read", help));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

fn with_declaration(source: &BlueprintSource, found: Tree) -> Result<Tree, Fault> {
    if found.files.contains_key(Path::new(DECLARATION)) {
        return Ok(found);
    }
    let help = format!("`path` names the folder that has the {DECLARATION}");
    Err(Fault::new(format!("there is no {DECLARATION} in {source}")).help(help))
}

/// Why a blueprint cannot be read, and what to do.
pub(super) struct Fault {
    pub(super) message: String,
    help: Option<String>,
}

impl Fault {
    fn new(message: String) -> Self {
        Self { message, help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// The files of a folder in the state that the project's files are in: those of a commit are of the same repository.
fn of_folder(project: &Path, path: &Path, source: &Source) -> Result<Tree, Fault> {
    let folder = project.join(path);
    let cannot = |error: &GitError| Fault::new(format!("{} cannot be read: {}", path.display(), told(error)));
    match source {
        Source::WorkTree { .. } => git::work_tree(&folder).map_err(|error| cannot(&error)),
        Source::Commit(commit) => git::at_revision(&folder, &commit.id).map_err(|error| match error {
            GitError::NotARepository { .. } | GitError::UnknownRevision { .. } => {
                let message =
                    format!("{} is not in the project's repository, and has no state of a commit", path.display());
                Fault::new(message).help("take it from git: git = \"https://…\", ref = \"v1\"")
            }
            error => cannot(&error),
        }),
    }
}

/// The files of a commit of another repository.
fn of_git(project: &Path, name: &str, source: &GitSource, lock: &Lock, reach: Reach<'_>) -> Result<Tree, Fault> {
    let Some(commit) = commit(name, source, lock) else {
        let message = if lock.0.contains_key(name) {
            format!("the lock of `{name}` is for another repository or reference")
        } else {
            format!("{LOCK_FILE} does not say which commit the blueprint `{name}` is")
        };
        return Err(Fault::new(message).help(format!("`realmform update {name}` writes it; commit the file")));
    };
    read_commit(project, name, source, &commit, reach)
}

/// Whether a commit has the blueprint, which is fetched for it.
pub(super) fn check(
    project: &Path,
    name: &str,
    source: &GitSource,
    commit: &Commit,
    output: &Output,
) -> Result<(), Fault> {
    let found = read_commit(project, name, source, commit, Reach::There(output))?;
    with_declaration(&BlueprintSource::Git(source.clone()), found).map(drop)
}

/// The commit that is meant; `None` where nothing says it.
fn commit(name: &str, source: &GitSource, lock: &Lock) -> Option<Commit> {
    source.commit().or_else(|| Some(lock.of(name, source)?.commit.clone()))
}

/// The files of the blueprint at a commit.
fn read_commit(
    project: &Path,
    name: &str,
    source: &GitSource,
    commit: &Commit,
    reach: Reach<'_>,
) -> Result<Tree, Fault> {
    let repository = repository(project, name, source, commit, reach)?;
    git::at_revision(&repository.join(&source.folder), &commit.id).map_err(|error| match error {
        GitError::NoProject { commit, folder } => {
            Fault::new(format!("commit {} of {} has no folder {}", commit.short(), source.remote, folder.display()))
        }
        error => Fault::new(format!("what was fetched of {} cannot be read: {}", source.remote, told(&error)))
            .help(format!("delete {}, and it is fetched again", repository.display())),
    })
}

/// The repository that a commit was fetched into. An id stands for the content, so one repository may do for another's.
fn repository(
    project: &Path,
    name: &str,
    source: &GitSource,
    commit: &Commit,
    reach: Reach<'_>,
) -> Result<PathBuf, Fault> {
    let cache = cache_folder(&Environment::current()).map_err(|error| Fault::new(error.to_string()))?;
    let repository = cache.join(BLUEPRINTS).join(&commit.id);
    if repository.is_dir() {
        return Ok(repository);
    }
    let missing = format!("commit {} of {}", commit.short(), source.remote);
    let Reach::There(output) = reach else { return Err(Fault::new(format!("{missing} is not here"))) };
    output.message(&format!("note: fetching {missing} for the blueprint {name}"));
    match fetch(project, source, commit, &repository) {
        Ok(()) => Ok(repository),
        Err(why) => Err(Fault::new(format!("{missing} cannot be fetched: {why}"))
            .help("`git ls-remote` with the same address tells whether git reaches it from here")),
    }
}

/// Fetches a commit. What is there under its final name is complete, whoever else fetches it meanwhile.
fn fetch(project: &Path, source: &GitSource, commit: &Commit, repository: &Path) -> Result<(), String> {
    let cache = repository.parent().unwrap_or(repository);
    let failed = |error: std::io::Error| format!("{}: {error}", cache.display());
    fs::create_dir_all(cache).map_err(failed)?;
    let aside = tempfile::Builder::new().prefix(".new-").tempdir_in(cache).map_err(failed)?;
    let made = aside.path().join("git");
    wait(source.remote.fetch(project, commit, &made))?;
    match fs::rename(&made, repository) {
        Err(_) if repository.is_dir() => Ok(()),
        renamed => renamed.map_err(failed),
    }
}

/// Waits for git wherever that is called from: within the program's runtime, or on a thread of its own.
fn wait<T: Send>(what: impl Future<Output = Result<T, String>> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(what)
        });
        waiting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// An error of git with its causes.
fn told(error: &GitError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The tree with the files of a blueprint. Those of a folder that no commit of the project has are changes of it.
fn merge(tree: &mut Tree, within: &str, found: Tree) {
    let Tree { files, skipped, source } = found;
    let below = |path: PathBuf| PathBuf::from(format!("{within}/{}", path.display()));
    tree.files.extend(files.into_iter().map(|(path, bytes)| (below(path), bytes)));
    tree.skipped.extend(skipped.into_iter().map(below));
    if let (Source::WorkTree { head, dirty }, Source::WorkTree { head: of, dirty: differs }) =
        (&mut tree.source, source)
    {
        *dirty |= differs || *head != of;
    }
}

/// Fetches what blueprints were taken from at a commit of the project, and is not here. What cannot be had is told where it
/// is missed.
pub(super) fn fetch_those_of(folder: &Path, commit: &Commit, output: &Output) {
    let file = |name: &str| Some((PathBuf::from(name), git::file_at(folder, &commit.id, Path::new(name)).ok()??));
    let files: BTreeMap<PathBuf, Vec<u8>> = [PROJECT_FILE, LOCK_FILE].into_iter().filter_map(file).collect();
    let Ok(lock) = Lock::read(&files) else { return };
    for (name, placed) in blueprint_sources(&files) {
        let BlueprintSource::Git(source) = placed.source else { continue };
        let Some(commit) = self::commit(&name, &source, &lock) else { continue };
        if let Err(Fault { message, .. }) = repository(folder, &name, &source, &commit, Reach::There(output)) {
            output.message(&format!("note: {message}"));
        }
    }
}

/// Who last touched lines of files (counted from 1): of a blueprint from git, whoever chose its commit.
pub(super) fn blame(folder: &Path, tree: &Tree, lines: &BTreeMap<PathBuf, BTreeSet<u32>>) -> Result<Touches, GitError> {
    let sources = blueprint_sources(&tree.files);
    // It was read already.
    let lock = Lock::read(&tree.files).unwrap_or_default();
    let source_of = |path: &Path| {
        let name = path.strip_prefix(BLUEPRINTS).ok()?.iter().next()?.to_str()?;
        sources.get_key_value(name)
    };
    let mut own = BTreeMap::new();
    // The line that chose a commit, for files of it.
    let mut chosen = BTreeMap::new();
    let mut of_folders: BTreeMap<&String, BTreeMap<PathBuf, BTreeSet<u32>>> = BTreeMap::new();
    for (path, asked) in lines {
        let Some((name, placed)) = source_of(path) else {
            own.insert(path.clone(), asked.clone());
            continue;
        };
        match &placed.source {
            BlueprintSource::Folder(_) => drop(of_folders.entry(name).or_default().insert(path.clone(), asked.clone())),
            BlueprintSource::Git(git) => {
                let locked = lock.of(name, git).filter(|_| git.commit().is_none());
                let origin = locked.and_then(|locked| locked.origin.clone()).unwrap_or_else(|| placed.origin());
                chosen.insert(path, (PathBuf::from(&*origin.file), origin.line));
            }
        }
    }
    for (file, line) in chosen.values() {
        own.entry(file.clone()).or_insert_with(BTreeSet::new).insert(*line);
    }
    let mut touches = git::blame(folder, tree, &own)?;
    for (path, (file, line)) in chosen {
        let Some(touch) = touches.get(&file).and_then(|of| of.get(&line)).cloned() else { continue };
        let asked = lines[path].iter().map(|line| (*line, touch.clone()));
        touches.insert(path.clone(), asked.collect());
    }
    for (name, asked) in of_folders {
        let BlueprintSource::Folder(path) = &sources[name].source else { continue };
        let within = Path::new(BLUEPRINTS).join(name);
        let below = |path: &Path| path.strip_prefix(&within).map(Path::to_owned).ok();
        let files = tree.files.iter().filter_map(|(path, bytes)| Some((below(path)?, bytes.clone()))).collect();
        let part = Tree { files, skipped: Vec::new(), source: tree.source.clone() };
        let asked = asked.into_iter().filter_map(|(path, lines)| Some((below(&path)?, lines))).collect();
        // A folder of another repository has nothing that a commit of this one could have touched.
        let Ok(found) = git::blame(&folder.join(path), &part, &asked) else { continue };
        touches.extend(found.into_iter().map(|(path, touched)| (within.join(path), touched)));
    }
    Ok(touches)
}

/// Says where the blueprints come from that problems are in, and are not in the project.
pub(super) fn tell(output: &Output, tree: &Tree, problems: &[Problem]) {
    // They were read already.
    let lock = Lock::read(&tree.files).unwrap_or_default();
    for (name, placed) in blueprint_sources(&tree.files) {
        let within = format!("{BLUEPRINTS}/{name}");
        if !problems.iter().flat_map(Problem::files).any(|file| Path::new(file).starts_with(&within)) {
            continue;
        }
        let at = match &placed.source {
            BlueprintSource::Git(git) if git.commit().is_none() => commit(&name, git, &lock),
            _ => None,
        };
        let at = at.map(|commit| format!(", commit {}", commit.short())).unwrap_or_default();
        output.message(&format!("note: {within} is {}{at}", placed.source));
    }
}
