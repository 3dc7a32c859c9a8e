//! The files that were applied last: getting them where they are not here, and why they cannot be read where they cannot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::blueprints::{self, Reach};
use super::workspace::Workspace;
use super::{Context, prepare};
use crate::desired::{self, PROJECT_FILE};
use crate::diff::Unreadable;
use crate::git::{self, Commit, GitError, Source};
use crate::model::{Desired, DesiredRealm, Live, LiveRealm, RealmName, Record};

/// What the files said at the commits that were applied last, by commit.
pub(super) type Applied = BTreeMap<String, Result<Desired, Unreadable>>;

/// Whether what was applied last may be fetched.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct FetchArgs {
    /// Do not fetch the commit that was applied last where it is not in this clone
    #[arg(long)]
    no_fetch: bool,
}

/// Fetches the commits that were applied last and are not here, with those of their blueprints, and says so. Without them there is less to tell, and that is
/// no reason to fail.
pub(super) async fn fetch<'a>(
    context: &Context,
    args: FetchArgs,
    folder: &Path,
    source: &Source,
    records: impl Iterator<Item = &'a Record>,
) {
    if args.no_fetch {
        return;
    }
    // What is checked out is here, and mostly it is what was applied.
    let here = source.commit().map(|commit| commit.id.as_str());
    let commits: BTreeSet<&str> = records.filter_map(Record::applied_commit).collect();
    for id in commits {
        let commit = Commit { id: id.to_owned() };
        if Some(id) != here
            && let Ok(Some(fetch)) = git::missing(folder, &commit)
        {
            let what = format!("commit {}, which was applied last, from {}", commit.short(), fetch.remote);
            context.output.message(&match fetch.run().await {
                Ok(()) => format!("note: fetched {what}"),
                Err(why) => format!("note: cannot fetch {what}: {why}"),
            });
        }
        blueprints::fetch_those_of(folder, &commit, &context.output);
    }
}

/// What the files of a commit say.
pub(super) fn at(workspace: &Workspace, commit: &str) -> Result<Desired, Unreadable> {
    let commit = Commit { id: commit.to_owned() };
    let short = commit.short();
    let unreadable = |reason| Unreadable { reason, command: None };
    let mut tree = git::at_revision(&workspace.folder, &commit.id).map_err(|error| match error {
        GitError::NotARepository { .. } => {
            unreadable(format!("it was applied from commit {short}, and this is no clone"))
        }
        GitError::UnknownRevision { .. } => Unreadable {
            // A repository that cannot tell where it comes from is no reason to fail.
            command: git::missing(&workspace.folder, &commit).ok().flatten().map(|fetch| fetch.to_string()),
            reason: format!("it was applied from commit {short}, which is not in this clone"),
        },
        error => unreadable(format!("it was applied from commit {short}, which cannot be read: {error}")),
    })?;
    blueprints::add(&workspace.folder, &mut tree, Reach::Here).map_err(|problems| {
        let words: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
        Unreadable {
            // Which fetches what it needs.
            command: Some(format!("realmform check --rev {short}")),
            reason: format!("it was applied from commit {short}, and {}", words.join("; ")),
        }
    })?;
    let project = tree.files.get(Path::new(PROJECT_FILE)).and_then(|file| desired::project(file, None));
    let had_some = project.is_some_and(|project| !project.environments.is_empty());
    let options = desired::Options { environment: workspace.environment().filter(|_| had_some), ..Default::default() };
    let loaded = desired::load(&tree.files, &options);
    loaded.map(|loaded| loaded.desired).map_err(|problems| {
        unreadable(format!("it was applied from commit {short}, whose files this version refuses: {problems}"))
    })
}

/// Why what was applied last cannot be read, of the realms of which that is so.
pub(super) fn realms(
    live: &Live,
    applied: &Applied,
    bases: &BTreeMap<RealmName, &DesiredRealm>,
) -> BTreeMap<RealmName, Unreadable> {
    let without = live.realms.iter().filter(|(name, _)| !bases.contains_key(*name));
    without.filter_map(|(name, realm)| Some((name.clone(), why(realm, applied)?))).collect()
}

fn why(realm: &LiveRealm, applied: &Applied) -> Option<Unreadable> {
    let record = realm.record.as_ref()?;
    let reason = match prepare::applied_commit(realm) {
        Some(commit) => match applied.get(commit) {
            Some(Err(why)) => return Some(why.clone()),
            _ => "its folder was not yet there in the commit that it was applied from",
        },
        None if record.commit.is_some() => "it was applied with changes that no commit has",
        None => "it was applied outside of git",
    };
    Some(Unreadable { reason: reason.to_owned(), command: None })
}

/// Says so, where the reason is that a commit is not here.
pub(super) fn tell(context: &Context, name: &str, why: &Unreadable) {
    let Unreadable { reason, command: Some(command) } = why else { return };
    context.output.message(&format!(
        "note: in {name} edits and drift look alike, and preventDestroy is not known of what has left the files: \
         {reason}; to get it: {command}"
    ));
}
