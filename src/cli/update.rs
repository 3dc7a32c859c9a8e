//! `realmform update`: the commits that blueprints are taken from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::{StreamExt as _, stream};

use super::blueprints;
use super::files::{Readers, replace};
use super::output::count;
use super::report::PlainFormat;
use super::workspace::{FileArgs, Found};
use super::{Context, Error, Exit};
use crate::desired::{
    self, BlueprintSource, GitSource, LOCK_FILE, Lock, Locked, Options, PROJECT_FILE, blueprint_sources,
};
use crate::git::{self, Commit};
use crate::render::json::{self, UpdatedBlueprint};

/// How many repositories are asked at once.
const AT_ONCE: usize = 8;

/// Take blueprints from git at what their branches and tags are now: the commits are fetched and written into
/// realmform.lock.toml, which is committed with the project. All other commands take what that file says, so nothing changes
/// until somebody changes it here. `realmform diff` shows what comes of it.
///
/// It is about blueprints with `git` in the project file, and not about those whose `ref` is the full id of a commit.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform update
  realmform update customer
  realmform update --check              exit with 2 when something moved; write nothing")]
pub(super) struct Args {
    /// Only this blueprint (repeatable)
    #[arg(value_name = "BLUEPRINT")]
    blueprints: Vec<String>,
    /// Write nothing, and exit with 2 when something moved
    #[arg(long)]
    check: bool,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: PlainFormat,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let folder = Found::new(context, &FileArgs::default())?.folder;
    let files = git::work_tree(&folder)?.files;
    let sources = sources(&files)?;
    let before = Lock::read(&files).map_err(Error::Files)?;
    check_known(&args.blueprints, &files, &sources)?;
    let asked = sources.iter().filter(|(name, _)| args.blueprints.is_empty() || args.blueprints.contains(name));
    let asked: Vec<(&String, &GitSource)> = asked.collect();
    let resolved =
        stream::iter(&asked).map(async |(_, source)| source.remote.resolve(&folder, source.reference.as_deref()).await);
    let resolved: Vec<Result<Commit, String>> = resolved.buffered(AT_ONCE).collect().await;
    let mut outcomes = Vec::new();
    for ((name, source), commit) in asked.into_iter().zip(resolved) {
        let commit = commit.map_err(|why| format!("{}: {why}", source.remote)).and_then(|commit| {
            let checked = blueprints::check(&folder, name, source, &commit, &context.output);
            checked.map(|()| commit).map_err(|fault| fault.message)
        });
        let before = before.0.get(name).map(|locked| &locked.commit);
        outcomes.push(Outcome { name, source, before, commit });
    }
    let failed = outcomes.iter().filter(|outcome| outcome.commit.is_err()).count();
    let after = lock(&before, &sources, &outcomes);
    let is_other = after.to_string().as_bytes() != files.get(Path::new(LOCK_FILE)).map_or(&[][..], Vec::as_slice)
        && !(after.0.is_empty() && before.0.is_empty());
    if is_other && failed == 0 && !args.check {
        write(&folder.join(LOCK_FILE), &after)?;
    }
    context.output.result(&match args.format {
        PlainFormat::Text => text(&outcomes, is_other && failed == 0, args.check),
        PlainFormat::Json => format!("{:#}\n", json::updated(documents(&outcomes))),
    })?;
    if failed > 0 {
        let failed = count(failed, "blueprint");
        return Err(Error::Other(format!("{failed} could not be taken from git; nothing was written")));
    }
    Ok(if args.check && is_other { Exit::Changes } else { Exit::Fine })
}

/// What became of one blueprint.
struct Outcome<'a> {
    name: &'a String,
    source: &'a GitSource,
    before: Option<&'a Commit>,
    commit: Result<Commit, String>,
}

/// The blueprints that a lock is for.
fn sources(files: &BTreeMap<PathBuf, Vec<u8>>) -> Result<BTreeMap<String, GitSource>, Error> {
    // Alone, it is in order, or this tells what is wrong with it.
    let project: BTreeMap<PathBuf, Vec<u8>> = files
        .iter()
        .filter(|(path, _)| path.as_path() == Path::new(PROJECT_FILE))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    let project = desired::load(&project, &Options::default()).map_err(Error::Files)?.project;
    let of_git = project.blueprints.into_iter().filter_map(|(name, source)| match source {
        BlueprintSource::Git(git) if git.commit().is_none() => Some((name, git)),
        BlueprintSource::Git(_) | BlueprintSource::Folder(_) => None,
    });
    Ok(of_git.collect())
}

fn check_known(
    asked: &[String],
    files: &BTreeMap<PathBuf, Vec<u8>>,
    sources: &BTreeMap<String, GitSource>,
) -> Result<(), Error> {
    let Some(name) = asked.iter().find(|name| !sources.contains_key(*name)) else { return Ok(()) };
    let why = match blueprint_sources(files).get(name).map(|placed| &placed.source) {
        Some(BlueprintSource::Folder(path)) => format!("it is the folder {}, as it is", path.display()),
        Some(BlueprintSource::Git(_)) => format!("{PROJECT_FILE} itself says its commit"),
        None if sources.is_empty() => "the project takes no blueprint from git".to_owned(),
        None => {
            let known: Vec<&str> = sources.keys().map(String::as_str).collect();
            format!("the project takes only {} from git", known.join(", "))
        }
    };
    Err(Error::Usage(format!("update {name}: {why}")))
}

/// The lock as it is to be: without what the project no longer takes from git.
fn lock(before: &Lock, sources: &BTreeMap<String, GitSource>, outcomes: &[Outcome<'_>]) -> Lock {
    let mut after = before.clone();
    after.0.retain(|name, _| sources.contains_key(name));
    for Outcome { name, source, before: _, commit } in outcomes {
        let Ok(commit) = commit.clone() else { continue };
        let (git, reference) = (source.remote.to_string(), source.reference.clone());
        after.0.insert((*name).clone(), Locked { git, reference, commit, origin: None });
    }
    after
}

fn write(path: &Path, lock: &Lock) -> Result<(), Error> {
    if lock.0.is_empty() {
        return fs::remove_file(path).map_err(|source| Error::File { path: path.to_owned(), source });
    }
    replace(path, &lock.to_string(), Readers::Usual)
}

fn text(outcomes: &[Outcome<'_>], is_other: bool, is_check: bool) -> String {
    let mut text = String::new();
    for Outcome { name, source, before, commit } in outcomes {
        text.push_str(&match (before, commit) {
            (_, Err(why)) => format!("{name}: {why}\n"),
            (None, Ok(commit)) => format!("{name}: {}, {source}\n", commit.short()),
            (Some(before), Ok(commit)) if *before == commit => format!("{name}: {}, as it was\n", commit.short()),
            (Some(before), Ok(commit)) => format!("{name}: {} → {}, {source}\n", before.short(), commit.short()),
        });
    }
    if outcomes.is_empty() {
        text.push_str("The project takes no blueprint from git whose commit it does not say itself.\n");
    }
    if is_other {
        text.push_str(&if is_check {
            format!("`realmform update` writes it into {LOCK_FILE}.\n")
        } else {
            format!("Written into {LOCK_FILE}; `realmform diff` shows what it comes to.\n")
        });
    }
    text
}

fn documents(outcomes: &[Outcome<'_>]) -> Vec<UpdatedBlueprint> {
    let outcome = |Outcome { name, source, before, commit }: &Outcome<'_>| UpdatedBlueprint {
        blueprint: (*name).clone(),
        git: source.remote.to_string(),
        reference: source.reference.clone(),
        before: before.map(|commit| commit.id.clone()),
        commit: commit.as_ref().ok().map(|commit| commit.id.clone()),
        error: commit.as_ref().err().cloned(),
    };
    outcomes.iter().map(outcome).collect()
}
