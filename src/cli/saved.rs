//! Saved plans: written, read, and held against what is there by now.
#![expect(clippy::disallowed_methods, reason = "plans are kept where the user says")]

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::files::{Readers, replace};
use super::prepare::{Prepared, part};
use super::workspace::Workspace;
use super::{Context, Error};
use crate::apply::Secrets;
use crate::keycloak::{Http, Interest, Servers, read_part};
use crate::model::{Desired, DesiredRealm, Live, RealmName, Record, Shape};
use crate::plan::saved::{self, Files, Saved, Seen, Stale};
use crate::plan::{Plan, RealmPlan};
use crate::render;
use crate::render::json::{read_saved, saved as rendered};
use crate::render::markdown::About;
use crate::secrets::Fingerprint;

/// Saves a plan. The server is asked once more for what it changes, so that the file says what was there.
pub(super) async fn write(
    context: &Context,
    prepared: &Prepared,
    plan: &Plan,
    path: &Path,
    lifetime: SignedDuration,
) -> Result<(), Error> {
    let Prepared { workspace, servers, secrets, .. } = prepared;
    let Some(http) = servers.only() else {
        let names: Vec<&str> = servers.iter().map(|(name, _)| name).collect();
        return Err(Error::Usage(format!(
            "--out: a saved plan is of one server; say --server with one of {}",
            names.join(", ")
        )));
    };
    let project = &workspace.loaded.project.name;
    let kept = Saved::kept_of(plan, &workspace.loaded.desired);
    let created = Timestamp::from_second(Timestamp::now().as_second()).map_err(|e| Error::Other(e.to_string()))?;
    let mut saved = Saved {
        plan: plan.clone(),
        project: project.clone(),
        environment: workspace.environment().map(str::to_owned),
        files: files(workspace),
        server: http.base_url(),
        version: http.server_version().await?,
        created,
        expires: created + lifetime,
        seen: BTreeMap::new(),
        secrets: fingerprints(plan, secrets),
        kept,
    };
    let live = look(servers, project, &saved.plan, &saved.desired()).await?;
    let mut moved = Vec::new();
    for (name, realm) in changed(plan) {
        let now = live.realms.get(name);
        moved.extend(now.map(|now| saved::moved_before(realm, now)).unwrap_or_default());
        saved.seen.insert(name.clone(), Seen::of(now, realm, &saved.kept));
    }
    refuse(context, &moved)?;
    let text = rendered(&saved, &plan.concerns(), key()?.as_deref());
    replace(path, &text, Readers::Owner)?;
    context.output.message(&format!(
        "saved to {}; until {} `realmform apply {}` carries it out",
        path.display(),
        saved.expires,
        path.display()
    ));
    Ok(())
}

/// What a saved plan is about.
pub(super) fn about(saved: &Saved) -> About {
    let Saved { project, environment, server, .. } = saved;
    About { project: project.clone(), environment: environment.clone(), server: Some(server.clone()) }
}

/// Reads a saved plan.
pub(super) fn read(path: &Path) -> Result<Saved, Error> {
    let text = std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
    let unusable = |source| Error::SavedPlan { path: path.to_owned(), source };
    read_saved(&text, key()?.as_deref()).map_err(unusable)
}

/// A time like `12h`, for `--expires`.
pub(super) fn lifetime(text: &str) -> Result<SignedDuration, String> {
    let seconds = crate::model::parse_seconds(text).filter(|seconds| (1..=366 * 86_400).contains(seconds));
    seconds.map(SignedDuration::from_secs).ok_or_else(|| "a time of up to a year, such as 90m, 12h or 7d".to_owned())
}

/// The state of a workspace's files.
pub(super) fn files(workspace: &Workspace) -> Files {
    let tree = &workspace.tree;
    let files = tree.files.iter().map(|(path, content)| (path.as_path(), content.as_slice()));
    Files::of(tree.source.commit().map(|commit| commit.id.clone()), tree.source.is_dirty(), files)
}

/// What the server has of the objects that a plan changes.
pub(super) async fn look(servers: &Servers, project: &str, plan: &Plan, desired: &Desired) -> Result<Live, Error> {
    let mut live = Live::default();
    for (name, realm) in changed(plan) {
        let nothing = DesiredRealm::default();
        let wanted = desired.realms.get(name).unwrap_or(&nothing);
        let pruned = pruned(realm);
        let mut interest = saved::deleted(realm).fold(Interest::of(wanted), Interest::and);
        interest.add_record(&pruned);
        let found = read_part(servers.of(name), project, name, &interest).await?;
        live.realms.extend(found.map(|found| (name.clone(), found)));
    }
    Ok(live)
}

/// The realms in which something is to be done.
fn changed(plan: &Plan) -> impl Iterator<Item = (&RealmName, &RealmPlan)> {
    plan.realms.iter().filter(|(_, realm)| !realm.is_empty())
}

/// The leaves that change, those included that the files no longer say.
fn pruned(plan: &RealmPlan) -> Record {
    let changes = plan.diff.changes.iter().filter(|change| !change.is_deletion());
    let leaves = changes.map(|change| {
        let paths = change.fields.iter().map(|field| field.path.clone());
        (change.address.clone(), Shape::new(paths.collect()))
    });
    Record { objects: leaves.collect(), ..Record::default() }
}

/// Whether a server still has what a saved plan was made from.
pub(super) fn moved(saved: &Saved, live: &Live) -> Vec<Stale> {
    let realms = changed(&saved.plan).filter_map(|(name, plan)| Some((name, plan, saved.seen.get(name)?)));
    realms.flat_map(|(name, plan, seen)| seen.moved(name, plan, live.realms.get(name))).collect()
}

/// What speaks against a saved plan before its objects are looked at.
pub(super) async fn moved_around(saved: &Saved, project: &str, servers: &Servers) -> Result<Vec<Stale>, Error> {
    let mut stale = Vec::new();
    if saved.expires < Timestamp::now() {
        stale.push(Stale::Expired(saved.expires));
    }
    if saved.project != project {
        stale.push(Stale::Project { then: saved.project.clone(), now: project.to_owned() });
    }
    let server = servers.only().map_or_else(|| "several servers".to_owned(), Http::base_url);
    if saved.server != server {
        stale.push(Stale::Server { then: saved.server.clone(), now: server });
    }
    let version = match servers.only() {
        Some(http) => http.server_version().await?,
        None => None,
    };
    if let (Some(then), Some(now)) = (&saved.version, version)
        && *then != now
    {
        stale.push(Stale::Version { then: then.clone(), now });
    }
    Ok(stale)
}

/// Secrets that are no longer those that the plan was made with.
pub(super) fn moved_secrets(saved: &Saved, secrets: &Secrets) -> Vec<Stale> {
    let moved = saved
        .secrets
        .iter()
        .filter(|(reference, print)| !secrets.get(reference).is_some_and(|value| print.matches(value)));
    moved.map(|(reference, _)| Stale::Secret(reference.clone())).collect()
}

/// Refuses unless the plan of now does what the saved one says.
pub(super) async fn check_expected(context: &Context, prepared: &Prepared, expected: &Saved) -> Result<(), Error> {
    let plan = prepared.plan.as_ref().map_err(|_| Error::Refused)?;
    let mut stale = moved_around(expected, &prepared.workspace.loaded.project.name, &prepared.servers).await?;
    stale.extend(moved_secrets(expected, &prepared.secrets));
    let (then, now) = (&expected.environment, prepared.workspace.environment());
    if then.as_deref() != now {
        let name = |environment: Option<&str>| environment.unwrap_or("none").to_owned();
        stale.push(Stale::Environment { then: name(then.as_deref()), now: name(now) });
    }
    let differ = expected.plan.differs(plan);
    if !differ.is_empty() {
        context.output.result(&render::text::unexpected(&differ, context.output.text_options(false)))?;
    }
    if stale.is_empty() && !differ.is_empty() { Err(Error::StalePlan) } else { refuse(context, &stale) }
}

/// Refuses when the objects that a plan changes moved since it was made.
pub(super) async fn check_unmoved(context: &Context, prepared: &Prepared) -> Result<(), Error> {
    let Prepared { workspace, servers, live, .. } = prepared;
    let plan = prepared.plan.as_ref().map_err(|_| Error::Refused)?;
    // Only what changes is read again.
    let kept = Saved::kept_of(plan, &workspace.loaded.desired);
    let now = look(servers, &workspace.loaded.project.name, plan, &changing(plan, &workspace.loaded.desired)).await?;
    let stale = changed(plan).filter_map(|(name, plan)| Some((name, plan, live.realms.get(name)?)));
    let stale = stale.flat_map(|(name, plan, then)| saved::moved_since(name, plan, &kept, then, now.realms.get(name)));
    refuse(context, &stale.collect::<Vec<_>>())
}

/// What the files want of the objects that change.
fn changing(plan: &Plan, desired: &Desired) -> Desired {
    let realms = changed(plan).filter_map(|(name, plan)| {
        let addresses = plan.diff.changes.iter().map(|change| &change.address).collect();
        Some((name.clone(), part(desired.realms.get(name)?, &addresses)))
    });
    Desired { realms: realms.collect(), ..Desired::default() }
}

/// Says what moved, if anything did.
pub(super) fn refuse(context: &Context, stale: &[Stale]) -> Result<(), Error> {
    if stale.is_empty() {
        return Ok(());
    }
    context.output.result(&render::text::stale(stale, context.output.text_options(false)))?;
    Err(Error::StalePlan)
}

fn fingerprints(plan: &Plan, secrets: &Secrets) -> BTreeMap<crate::model::SecretRef, Fingerprint> {
    let written = saved::written_secrets(plan).into_iter();
    written.filter_map(|it| Some((it.clone(), Fingerprint::of(secrets.get(it)?)))).collect()
}

/// The key that plans are sealed with: then nobody without it can change or make one.
fn key() -> Result<Option<Vec<u8>>, Error> {
    let key = super::connect::secret_from_environment("REALMFORM_PLAN_KEY")?;
    Ok(key.map(|key| secrecy::ExposeSecret::expose_secret(&key).as_bytes().to_vec()))
}
