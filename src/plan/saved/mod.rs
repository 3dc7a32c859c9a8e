//! A plan that is kept, to be reviewed by one and applied by another: what it takes to carry it out without the files,
//! and to see that nothing has moved since.
//!
//! - `differences`: whether two plans do the same.
//! - `seen`: what a server had, and what of it moved.

mod differences;
mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

pub use differences::Differences;
pub use seen::{Moved, MovedLeaf, Print, Seen, SeenObject, Stale, moved_before, moved_leaves, moved_since};

use super::{Plan, RealmPlan};
use crate::diff::{Action, After, Cause, Change};
use crate::model::{
    Address, Declared, Desired, DesiredObject, DesiredRealm, FieldPath, Lifecycle, RealmName, SecretRef, Value,
};
use crate::secrets::Fingerprint;

/// A plan with what it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// What would be done.
    pub plan: Plan,
    /// The project that made it.
    pub project: String,
    /// The project's environment that it is for.
    pub environment: Option<String>,
    /// The files that it was made from.
    pub files: Files,
    /// The base URL of the server that it was made for.
    pub server: String,
    /// The version of that server, where it told.
    pub version: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it may be applied.
    pub expires: Timestamp,
    /// What the server had of each realm with something to do.
    pub seen: BTreeMap<RealmName, Seen>,
    /// The secrets that it writes.
    pub secrets: BTreeMap<SecretRef, Fingerprint>,
    /// The declared leaves of changed objects that stay as they are.
    pub kept: Kept,
}

/// Declared leaves of changed objects that stay as they are; secrets are told, and not which.
pub type Kept = BTreeMap<Address, BTreeMap<FieldPath, Value>>;

/// A state of a project's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Files {
    /// The commit, in full; none outside of a repository.
    pub commit: Option<String>,
    /// Whether the work tree differed from it.
    pub dirty: bool,
    /// The SHA-256 of their paths and contents, in hexadecimal digits.
    pub digest: String,
}

impl Files {
    /// The state of these files: each with its path and content.
    pub fn of<'a>(commit: Option<String>, dirty: bool, files: impl Iterator<Item = (&'a Path, &'a [u8])>) -> Self {
        let mut digest = Digest::default();
        for (path, content) in files {
            digest.add(path.to_string_lossy().as_bytes());
            digest.add(content);
        }
        Self { commit, dirty, digest: digest.finish() }
    }
}

impl Saved {
    /// Of what, for what and until when it is, in one sentence.
    pub fn description(&self) -> String {
        let commit = self.files.commit.as_deref().map(|commit| commit.get(..7).unwrap_or(commit));
        let files = match (commit, self.files.dirty) {
            (Some(commit), false) => format!(" at {commit}"),
            (Some(commit), true) => format!(" at {commit} with uncommitted changes"),
            (None, _) => String::new(),
        };
        let Self { project, server, created, expires, .. } = self;
        let environment = self.environment.as_ref().map(|it| format!(" in {it}")).unwrap_or_default();
        format!("Plan of {project}{environment}{files} for {server}, made {created}, to be applied until {expires}.")
    }

    /// The objects that the plan makes or changes, as the files want them.
    pub fn desired(&self) -> Desired {
        let realms = self.plan.realms.iter().map(|(name, realm)| (name.clone(), self.desired_realm(realm)));
        Desired { realms: realms.collect(), ..Desired::default() }
    }

    fn desired_realm(&self, realm: &RealmPlan) -> DesiredRealm {
        let mut desired = DesiredRealm::default();
        for change in realm.diff.changes.iter().filter(|change| !change.is_deletion()) {
            let Some(origin) = &change.origin else { continue };
            let mut fields: BTreeMap<FieldPath, Declared> = BTreeMap::new();
            for (path, value) in self.kept.get(&change.address).into_iter().flatten() {
                fields.insert(path.clone(), Declared { value: value.clone(), origin: origin.clone() });
            }
            for field in &change.fields {
                let value = match &field.after {
                    After::Json(value) if field.cause != Cause::Creation => Value::Json(value.clone()),
                    After::Secret(reference) => Value::Secret(reference.clone()),
                    After::Json(_) | After::Default(_) | After::Absent => continue,
                };
                let origin = field.origin.as_ref().unwrap_or(origin).clone();
                fields.insert(field.path.clone(), Declared { value, origin });
            }
            let renamed_from = match &change.action {
                Action::Rename { from } => Some(from.name().to_owned()),
                Action::Create | Action::Update | Action::Delete { .. } => None,
            };
            let lifecycle = Lifecycle { renamed_from, ..Lifecycle::default() };
            let (kind, origin) = (change.kind, origin.clone());
            let object = DesiredObject { kind, origin, fields: Arc::new(fields), lifecycle };
            desired.objects.insert(change.address.clone(), object);
        }
        desired
    }

    /// The declared leaves of changed objects that a plan leaves as they are.
    pub fn kept_of(plan: &Plan, desired: &Desired) -> Kept {
        let mut kept = BTreeMap::new();
        for (name, realm) in &plan.realms {
            let Some(desired) = desired.realms.get(name) else { continue };
            for change in realm.diff.changes.iter().filter(|change| change.unchanged > 0) {
                let Some(object) = desired.objects.get(&change.address) else { continue };
                let changed: BTreeSet<&FieldPath> = change.fields.iter().map(|field| &field.path).collect();
                let unchanged = object.fields.iter().filter(|(path, _)| !changed.contains(path));
                let unchanged = unchanged.map(|(path, declared)| (path.clone(), kept_value(&declared.value)));
                kept.insert(change.address.clone(), unchanged.collect());
            }
        }
        kept
    }
}

/// A secret that the plan does not write need not be at hand where it is applied.
fn kept_value(value: &Value) -> Value {
    match value {
        Value::Json(value) => Value::Json(value.clone()),
        Value::Secret(_) => Value::Secret(SecretRef::Keep),
    }
}

/// The addresses that a realm's plan deletes.
pub fn deleted(plan: &RealmPlan) -> impl Iterator<Item = &Address> {
    plan.diff.changes.iter().filter(|change| change.is_deletion()).map(|change| &change.address)
}

/// The secrets that a plan writes and whose values it was made with; those that are generated are made when it is applied.
pub fn written_secrets(plan: &Plan) -> BTreeSet<&SecretRef> {
    let changes = plan.realms.values().flat_map(|realm| &realm.diff.changes);
    let secrets = changes.flat_map(Change::secrets).map(|(_, reference)| reference);
    secrets.filter(|reference| !matches!(reference, SecretRef::Generate { .. })).collect()
}

/// The SHA-256 of texts, each told from the next.
struct Digest(Context);

impl Default for Digest {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Digest {
    fn of(parts: &[&str]) -> String {
        let mut digest = Self::default();
        for part in parts {
            digest.add(part.as_bytes());
        }
        digest.finish()
    }

    fn add(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    fn finish(self) -> String {
        hexadecimal(self.0.finish().as_ref())
    }
}

/// Bytes as hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
