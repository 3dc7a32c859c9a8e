//! The values that a difference is made of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::model::{Address, Destination, FieldPath, HandOff, Kind, Origin, RealmName, SecretRef, Shape, replaced};

/// What differs, realm by realm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// By realm name, those without any difference included.
    pub realms: BTreeMap<RealmName, RealmDiff>,
}

/// What differs in one realm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RealmDiff {
    /// One for each object that differs, sorted by address.
    pub changes: Vec<Change>,
    /// What the record will say once everything is applied: each declared object with its declared leaves
    /// (`lifecycle.ignore`d leaves left out), and what is kept because nothing may delete it.
    pub managed: BTreeMap<Address, Shape>,
    /// Declared objects that exist and become managed by this run: only the record changes.
    pub adopted: BTreeSet<Address>,
    /// Objects that leave the record without anything to do on the server: gone already, or `prune = "none"`.
    pub forgotten: BTreeSet<Address>,
    /// How many objects of each kind, by its name, exist today and are declared, recorded or swept by `prune = "all"`:
    /// the measure of delete limits.
    pub managed_before: BTreeMap<&'static str, usize>,
    /// Whether the record differs from `managed` or from what is handed over, so that it has to be written even if no object changes.
    pub record_changes: bool,
    /// Secrets of the files and of the server that do not fit together, so that the plan cannot be carried out.
    pub secrets: Vec<SecretProblem>,
    /// What the record calls unfinished and this says nothing of.
    pub left_open: BTreeSet<Address>,
    /// How much of the realm was looked at, where that was not all of it.
    pub scope: Option<Scope>,
    /// What is handed over or taken back, by destination.
    pub outputs: Vec<OutputChange>,
}

/// What happens at one destination of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputChange {
    /// Where.
    pub to: Destination,
    /// What is handed over there, or was.
    pub what: HandOff,
    /// What happens.
    pub action: OutputAction,
}

/// What happens to what is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputAction {
    /// It is written for the first time.
    Write,
    /// What it is of changes, so that it is written again if it says something else then.
    Refresh,
    /// It is taken away.
    Remove,
    /// It is another realm's to hand over there from now on.
    Leave,
}

/// How much of a realm a difference is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The commit that was applied last, in full: what the files changed since was looked at.
    pub since: String,
    /// How many managed objects were looked at.
    pub looked_at: usize,
    /// How many managed objects there are.
    pub managed: usize,
    /// Why nobody can tell what changed on the server since; `None` where its admin events told.
    pub server: Option<String>,
}

/// A leaf that files and server do not agree on whether, and which, secret it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretProblem {
    /// The object.
    pub address: Address,
    /// The leaf.
    pub path: FieldPath,
    /// Where it is declared.
    pub origin: Origin,
    /// What is wrong.
    pub fault: SecretFault,
}

/// How they do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretFault {
    /// The files leave it to the server (`keep`), and it has none.
    Missing,
    /// The files have it as plain text, and the server hides it, so that nobody can tell whether they are the same.
    Hidden,
}

impl std::fmt::Display for SecretProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { address, path, origin, fault } = self;
        write!(f, "{origin}: {path} of {address} ")?;
        f.write_str(match fault {
            SecretFault::Missing => {
                "says { keep = true }, but the server has no value yet; write { generate = {} }, or where it comes from"
            }
            SecretFault::Hidden => {
                "is plain text, and the server has it as a secret; write { env = \"NAME\" } or { keep = true }, or \
                 correct its name: the server also hides what it does not know"
            }
        })
    }
}

/// One object that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The object, by its new name.
    pub address: Address,
    /// What it is.
    pub kind: &'static Kind,
    /// What happens to it.
    pub action: Action,
    /// The leaves that differ, in the order of their paths. For a deletion: empty.
    pub fields: Vec<FieldChange>,
    /// How many declared leaves stay as they are.
    pub unchanged: usize,
    /// Where it is declared; `None` for what is no longer declared.
    pub origin: Option<Origin>,
    /// `lifecycle.preventDestroy` of the declaration; for a deletion, of the one that was applied last, where it is known.
    pub prevent_destroy: bool,
    /// For a deletion: objects that it names, that are deleted too and that the server does not delete while they are
    /// named (client scopes, flows), or not at the same time (what policies and permissions name).
    pub holds: BTreeSet<Address>,
    /// For a deletion: leaves of objects that stay and that will still name it, where the server does not delete what is
    /// named (flows).
    pub held_by: BTreeSet<(Address, FieldPath)>,
}

/// What happens to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is made.
    Create,
    /// Some of its leaves change, in place.
    Update,
    /// Its name changes, in place, and perhaps some leaves.
    Rename {
        /// Where it is today.
        from: Address,
    },
    /// It is deleted.
    Delete {
        /// Whether it was this project's (record) or swept by `prune = "all"`.
        unmanaged: bool,
    },
}

/// One leaf that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Which leaf.
    pub path: FieldPath,
    /// What the server has.
    pub before: Before,
    /// What it will have.
    pub after: After,
    /// Why.
    pub cause: Cause,
    /// What was applied last, where it is a third value ([`Cause::Both`]) and no secret.
    pub base: Option<Json>,
    /// Where the wanted value is written; `None` for what is no longer declared.
    pub origin: Option<Origin>,
}

/// What the server has of a leaf; secrets never leave the server's side as values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing, or as little as nothing.
    Absent,
    /// A plain value.
    Json(Json),
    /// A secret, readable or not.
    Secret,
}

/// What a leaf is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// The value of the files.
    Json(Json),
    /// The secret that this names; resolved when it is written.
    Secret(SecretRef),
    /// Keycloak's own default, since the files are silent now.
    Default(Json),
    /// Nothing, since the files are silent now and there is no default.
    Absent,
}

/// Why a leaf differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The record names the leaf, but what was applied then cannot be read, so that edit and drift look alike.
    Unexplained,
    /// The files changed (or the leaf is declared for the first time).
    Edit,
    /// The server's value moved away from what was applied.
    Drift,
    /// Both moved.
    Both,
    /// The files no longer say it.
    Prune,
    /// A choice that realmform makes for new objects; see `Kind::on_create`.
    Creation,
}

/// How many objects change in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Made.
    pub create: usize,
    /// Changed in place.
    pub update: usize,
    /// Renamed in place.
    pub rename: usize,
    /// Deleted, with what goes with them.
    pub delete: usize,
    /// Only entered into the record.
    pub adopt: usize,
    /// Only dropped from the record.
    pub forget: usize,
}

impl Diff {
    /// The counts of all realms.
    pub fn counts(&self) -> Counts {
        self.realms.values().map(RealmDiff::counts).sum()
    }
}

impl RealmDiff {
    /// The counts of the realm.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { adopt: self.adopted.len(), forget: self.forgotten.len(), ..Counts::default() };
        for change in &self.changes {
            *match change.action {
                Action::Create => &mut counts.create,
                Action::Update => &mut counts.update,
                Action::Rename { .. } => &mut counts.rename,
                Action::Delete { .. } => &mut counts.delete,
            } += 1;
        }
        counts
    }

    /// Whether there is nothing to do, not even to the record.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.record_changes
    }

    /// Whether anything is handed over for the first time, or taken back.
    pub fn hands_over(&self) -> bool {
        self.outputs.iter().any(|output| output.action != OutputAction::Refresh)
    }

    /// What is taken back.
    pub fn taken_back(&self) -> impl Iterator<Item = &OutputChange> {
        self.outputs.iter().filter(|output| output.action == OutputAction::Remove)
    }

    /// Where an object is today that will be at `address`: it, or what it is inside of, may be renamed by this run.
    pub fn address_today(&self, address: &Address) -> Address {
        replaced(address, |new| match &self.changes[self.find(new)?].action {
            Action::Rename { from } => Some(from),
            Action::Create | Action::Update | Action::Delete { .. } => None,
        })
    }

    /// The change of an object, by its index.
    pub fn find(&self, address: &Address) -> Option<usize> {
        self.changes.binary_search_by(|change| change.address.cmp(address)).ok()
    }
}

impl Change {
    /// Whether the object is deleted.
    pub fn is_deletion(&self) -> bool {
        matches!(self.action, Action::Delete { .. })
    }

    /// The secrets that it writes, each with its field.
    pub fn secrets(&self) -> impl Iterator<Item = (&FieldChange, &SecretRef)> {
        self.fields.iter().filter_map(|field| match &field.after {
            After::Secret(reference) => Some((field, reference)),
            After::Json(_) | After::Default(_) | After::Absent => None,
        })
    }
}

impl Counts {
    /// Whether no object changes.
    pub fn is_unchanged(&self) -> bool {
        let Self { create, update, rename, delete, adopt: _, forget: _ } = self;
        create + update + rename + delete == 0
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, Self { create, update, rename, delete, adopt, forget }| Self {
            create: sum.create + create,
            update: sum.update + update,
            rename: sum.rename + rename,
            delete: sum.delete + delete,
            adopt: sum.adopt + adopt,
            forget: sum.forget + forget,
        })
    }
}
