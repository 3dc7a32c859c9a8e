//! `realmform diff`: what differs between two states of the files, without a server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::report::{self, Format, Render, Reports};
use super::workspace::{FileArgs, Found, Workspace};
use super::{Context, Error, Exit};
use crate::desired::{self, Loaded};
use crate::diff::{Concern, Diff, between, concerns};
use crate::model::{Address, Desired, DesiredRealm, RealmName, lies_over};
use crate::render::markdown::About;
use crate::render::{json, markdown, text};

/// Show what differs between two states of the files, object by object; no server is asked. What concerns security comes
/// first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform diff                      what the work tree changes
  realmform diff origin/main          what it changes since a branch, tag or commit
  realmform diff v1.4..v1.5           what changed between two of them
  realmform diff --env staging..prod    what differs between two environments
  realmform diff HEAD~1.. --format json --detailed-exitcode
  realmform diff origin/main.. --report markdown=diff.md

It compares what the files mean: an object that moves to another file and a value that is written otherwise are no \
difference, and a field that leaves the files shows the value that Keycloak gives it by itself. With \
--detailed-exitcode, 2 means that there are differences.")]
pub(super) struct Args {
    /// The states: A..B, or A for the work tree since A; a side that is empty is HEAD [default: HEAD, and with two
    /// environments the work tree]
    #[arg(value_name = "A[..B]")]
    revisions: Option<String>,
    /// Only this realm (repeatable)
    #[arg(long, value_name = "REALM")]
    realm: Vec<RealmName>,
    /// Exit with 2 when there are differences
    #[arg(long)]
    detailed_exitcode: bool,
    /// How the differences are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    reports: Reports,
    /// Show long values in full, and what is named for the first time or no longer
    #[arg(long, short)]
    verbose: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let (old, new) = sides(context.global.env.as_deref(), args.revisions.as_deref())?;
    // Each takes as long as reading a project does.
    let (old, new) = std::thread::scope(|scope| {
        let old = scope.spawn(|| load(context, &old));
        let new = load(context, &new);
        (old.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), new)
    });
    let (mut old, mut new) = (old?, new?);
    pair(context, &mut old, &new);
    only(&args.realm, &mut old.desired, &mut new.desired)?;
    let diff = between(&old.desired, &new.desired);
    let concerns = concerns(diff.realms.values());
    let environments: Vec<&str> = [&old, &new].into_iter().filter_map(|side| side.project.environment_name()).collect();
    let environment = match environments.as_slice() {
        [] => None,
        [one, other] if one != other => Some(format!("{one}..{other}")),
        [one, ..] => Some((*one).to_owned()),
    };
    let about = About { project: new.project.name, environment, server: None };
    let view = Difference { diff: &diff, concerns: &concerns, about };
    report::show(context, &view, args.format, args.verbose, &args.reports)?;
    let is_empty = diff.realms.values().all(|realm| realm.counts().is_unchanged());
    Ok(if args.detailed_exitcode && !is_empty { Exit::Changes } else { Exit::Fine })
}

/// A state of the files.
struct Side {
    /// A commit; `None` is the work tree.
    revision: Option<String>,
    environment: Option<String>,
}

/// The older state, and the newer one: two commits in an environment, or two environments in a commit.
fn sides(environments: Option<&str>, revisions: Option<&str>) -> Result<(Side, Side), Error> {
    let side = |revision: Option<&str>, environment: Option<&str>| Side {
        revision: revision.map(str::to_owned),
        environment: environment.map(str::to_owned),
    };
    if let Some((old, new)) = environments.and_then(|environments| environments.split_once("..")) {
        return match revisions {
            Some(revisions) if revisions.contains("..") => Err(Error::Usage(format!(
                "diff {revisions} --env {old}..{new}: two commits or two environments are compared, not both"
            ))),
            _ if old.is_empty() || new.is_empty() => {
                Err(Error::Usage("--env A..B: each side is an environment of the project".to_owned()))
            }
            revision => Ok((side(revision, Some(old)), side(revision, Some(new)))),
        };
    }
    let revisions = revisions.unwrap_or("HEAD");
    match revisions.split_once("..") {
        Some((_, new)) if new.starts_with('.') => Err(Error::Usage(format!(
            "diff {revisions}: three dots would start where both began; say `$(git merge-base A B)..B`"
        ))),
        Some((old, new)) => Ok((side(Some(or_head(old)), environments), side(Some(or_head(new)), environments))),
        None => Ok((side(Some(or_head(revisions)), environments), side(None, environments))),
    }
}

fn or_head(side: &str) -> &str {
    if side.is_empty() { "HEAD" } else { side }
}

fn load(context: &Context, side: &Side) -> Result<Loaded, Error> {
    let Side { revision, environment } = side;
    let args = FileArgs { rev: revision.clone(), ..FileArgs::default() };
    let found = Found::new(context, &args).map(|found| found.within(environment.clone()));
    // A commit may be of before there were environments.
    let found = if revision.is_some() { found.map(Found::if_there_are_some) } else { found };
    let loaded = found.and_then(Found::load);
    if let (Err(Error::Files(_)), Some(revision)) = (&loaded, revision) {
        context.output.message(&format!("the files of {revision}:"));
    }
    loaded.map(|Workspace { loaded, .. }| loaded)
}

/// Where environments call the realm of a folder differently, it is compared all the same.
fn pair(context: &Context, old: &mut Loaded, new: &Loaded) {
    let folders = |loaded: &Loaded| -> BTreeMap<PathBuf, RealmName> {
        let folder = |file: &str| desired::folder_of(Path::new(lies_over(file).unwrap_or(file)));
        let folders = loaded.subjects.iter().map(|(file, of)| Some((folder(file)?, of.realm_name().to_owned())));
        folders.flatten().collect()
    };
    if old.project.environment_name() == new.project.environment_name() {
        return;
    }
    let now = folders(new);
    for (folder, then) in folders(old) {
        let Some(now) = now.get(&folder).filter(|now| **now != then) else { continue };
        let Some(realm) = old.desired.realms.remove(&then) else { continue };
        context.output.message(&format!("note: {then} is compared with {now}"));
        let (from, to) = (Address::realm(&then), Address::realm(now));
        let objects = realm.objects.into_iter().map(|(address, object)| (address.moved(&from, &to), object)).collect();
        old.desired.realms.insert(now.clone(), DesiredRealm { objects, ..realm });
    }
}

/// Leaves the other realms out.
fn only(realms: &[RealmName], old: &mut Desired, new: &mut Desired) -> Result<(), Error> {
    if realms.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<&RealmName> = old.realms.keys().chain(new.realms.keys()).collect();
    if let Some(unknown) = realms.iter().find(|realm| !known.contains(realm)) {
        let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
        return Err(Error::Usage(format!("--realm {unknown}: the files only have {}", known.join(", "))));
    }
    for side in [old, new] {
        side.realms.retain(|name, _| realms.contains(name));
    }
    Ok(())
}

/// What differs, as people and programs see it.
struct Difference<'a> {
    diff: &'a Diff,
    concerns: &'a [Concern],
    about: About,
}

impl Render for Difference<'_> {
    fn text(&self, options: text::Options) -> String {
        text::difference(self.diff, self.concerns, options)
    }

    fn json(&self) -> Json {
        json::difference(self.diff, self.concerns)
    }

    fn markdown(&self) -> String {
        markdown::difference(self.diff, self.concerns, &self.about)
    }
}
