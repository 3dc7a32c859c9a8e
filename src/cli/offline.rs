//! A plan against realm exports: everything that a plan says, and no server.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::exports::Exports;
use super::output::count;
use super::plan::PlanView;
use super::prepare::{PlanArgs, Resolved, applied_desires, bases, check_secrets, is_known, policy, renamed_from};
use super::report::Render;
use super::secrets::Uses;
use super::workspace::Workspace;
use super::{Context, Error};
use crate::apply::Secrets;
use crate::desired::{self, Loaded};
use crate::diff;
use crate::keycloak::Interest;
use crate::model::{
    Address, Desired, DesiredRealm, FieldPath, Live, LiveRealm, LiveValue, Reference, SecretRef, Value, builtin_names,
};
use crate::plan::{self, Plan, Refusal};
use crate::render::{markdown, text};

/// A plan that nobody can apply.
pub(super) struct Offline {
    /// The project's name.
    pub(super) project: String,
    /// Its environment that is meant.
    pub(super) environment: Option<String>,
    /// The plan, or the plan and what speaks against it.
    pub(super) plan: Result<Plan, Refusal>,
    /// How many secrets could not be compared.
    not_compared: usize,
    /// The collections that the files declare and an export has nothing of.
    left_out: BTreeSet<&'static str>,
}

/// Makes the plan of what the realms of the exports lack.
pub(super) async fn plan(context: &Context, args: &PlanArgs, exports: &Exports) -> Result<Offline, Error> {
    let mut workspace = Workspace::load(context, &args.files)?;
    let (live, left_out) = live(context, &mut workspace, exports, args.files.realm.is_empty())?;
    check_references(&workspace, &live)?;
    let secrets = secrets(&workspace).await;
    let not_compared = keep_what_cannot_be_compared(&mut workspace.loaded.desired, &live, &secrets);
    let applied = applied_desires(&workspace, live.realms.values());
    let bases = bases(&workspace, &live, &applied);
    let diff = diff::diff(&workspace.loaded.desired, &live, &bases, &Resolved(&secrets));
    check_secrets(&diff)?;
    let plan = plan::plan(diff, &policy(args, &workspace, &live, Vec::new()));
    let environment = workspace.environment().map(str::to_owned);
    Ok(Offline { project: workspace.loaded.project.name, environment, plan, not_compared, left_out })
}

/// What the exports have of the realms of the files, and, where all of the project is looked at, of those that it left
/// behind.
fn live(
    context: &Context,
    workspace: &mut Workspace,
    exports: &Exports,
    whole: bool,
) -> Result<(Live, BTreeSet<&'static str>), Error> {
    let project = &workspace.loaded.project.name;
    let (mut live, mut left_out) = (Live::default(), BTreeSet::new());
    let mut named = BTreeSet::new();
    for (name, desired) in &mut workspace.loaded.desired.realms {
        let former = renamed_from(desired);
        let found = [Some(name), former.as_ref()].into_iter().flatten().find_map(|name| exports.realms.get(name));
        let Some(export) = found else { continue };
        named.insert(export.name());
        let mut realm = exports.live(context, export, name, project, Interest::of(desired))?;
        left_out.extend(leave_out(&export.lacks(), desired, &mut realm));
        live.realms.insert(name.clone(), realm);
    }
    for (name, export) in exports.realms.iter().filter(|(name, _)| whole && !named.contains(name)) {
        let realm = exports.live(context, export, name, project, Interest::default())?;
        if realm.record.is_some() {
            live.realms.insert(name.clone(), realm);
        }
    }
    Ok((live, left_out))
}

/// An export without clients says nothing of clients, so nothing can be said of those that the files declare or declared.
/// Answers which collections that concerns.
fn leave_out(lacks: &[&'static str], desired: &mut DesiredRealm, live: &mut LiveRealm) -> BTreeSet<&'static str> {
    let lacking = |address: &Address| lacks.iter().find(|it| address.collection() == Some(**it)).copied();
    let concerned = desired.objects.keys().filter_map(lacking).collect();
    desired.objects.retain(|address, _| lacking(address).is_none());
    if let Some(record) = &mut live.record {
        record.objects.retain(|address, _| lacking(address).is_none());
    }
    concerned
}

/// Names that neither the files nor the exports know are errors, all of them at once. Which providers are installed no
/// export tells.
fn check_references(workspace: &Workspace, live: &Live) -> Result<(), Error> {
    let mut problems = Vec::new();
    for reference in &workspace.loaded.references {
        let is_provider = matches!(reference.kind, Reference::Provider(_));
        if is_provider || is_known(reference, live.realms.get(&reference.realm)) {
            continue;
        }
        let mut candidates = desired::declared_names(&workspace.loaded.desired, &reference.realm, reference.kind);
        candidates.extend(builtin_names(&reference.realm, reference.kind));
        problems.push(desired::unknown_reference(reference, candidates.iter().map(String::as_str)));
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Files(desired::Problems(problems))) }
}

/// The secrets that are at hand. Whoever reviews a plan without a server need not have any.
pub(super) async fn secrets(workspace: &Workspace) -> Secrets {
    let Loaded { project, desired, .. } = &workspace.loaded;
    Uses::of(desired).at_hand(&workspace.folder, &project.secrets).await
}

/// An export masks secrets, and the variables that hold them need not be set: such a secret counts as what the server
/// has. Answers how many there are.
pub(super) fn keep_what_cannot_be_compared(desired: &mut Desired, live: &Live, secrets: &Secrets) -> usize {
    let mut kept = 0;
    for (name, realm) in &mut desired.realms {
        let Some(live) = live.realms.get(name) else { continue };
        for (address, object) in &mut realm.objects {
            let Some(there) = live.objects.get(address) else { continue };
            for (path, declared) in Arc::make_mut(&mut object.fields) {
                let Value::Secret(reference) = &declared.value else { continue };
                let is_comparable = match there.fields.get(path) {
                    // It is missing, which needs no comparison.
                    None => true,
                    Some(LiveValue::Masked) => secrets.contains_key(reference) && has_fingerprint(live, address, path),
                    Some(LiveValue::Secret(_) | LiveValue::Json(_)) => secrets.contains_key(reference),
                };
                if !is_comparable && !matches!(reference, SecretRef::Keep | SecretRef::Generate { .. }) {
                    declared.value = Value::Secret(SecretRef::Keep);
                    kept += 1;
                }
            }
        }
    }
    kept
}

fn has_fingerprint(live: &LiveRealm, address: &Address, path: &FieldPath) -> bool {
    let record = live.record.as_ref();
    record.and_then(|record| record.fingerprints.get(address)).is_some_and(|prints| prints.contains_key(path))
}

/// A plan against exports as people and programs see it.
pub(super) struct OfflineView<'a> {
    pub(super) plan: PlanView<'a>,
    pub(super) offline: &'a Offline,
    pub(super) exports: &'a Exports,
}

impl Render for OfflineView<'_> {
    fn text(&self, options: text::Options) -> String {
        format!("{}{}\n", self.plan.text(options), remark(self.exports, self.offline))
    }

    fn json(&self) -> Json {
        let mut json = self.plan.json();
        json["comparedWith"] = self.exports.description().into();
        json["notCompared"] = self.offline.left_out.iter().copied().collect();
        json
    }

    fn markdown(&self) -> String {
        self.plan.markdown() + &markdown::footer(&remark(self.exports, self.offline))
    }
}

/// What the plan was made from, and what it could not see.
fn remark(exports: &Exports, offline: &Offline) -> String {
    let mut remark = format!("Compared with {}, not with a server.", exports.description());
    if offline.not_compared > 0 {
        remark.push_str(&format!(" {} could not be compared.", count(offline.not_compared, "secret")));
    }
    if !offline.left_out.is_empty() {
        let collections: Vec<&str> = offline.left_out.iter().copied().collect();
        remark.push_str(&format!(" Nothing was compared of {}: the export has none.", collections.join(", ")));
    }
    remark
}
