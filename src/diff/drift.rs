//! What moved since it was applied, told apart by which side it was.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, After, Before, Cause, Change, Diff, FieldChange, RealmDiff, Secrets, diff};
use crate::keycloak::Culprits;
use crate::model::{
    Address, Desired, DesiredRealm, Live, LiveRealm, RealmName, Record, SecretRef, is_builtin, is_reserved,
};

/// What moved in one realm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RealmDrift {
    /// What the server has otherwise than it was applied, and than the files want it by now, as what would set it back:
    /// `before` is what is there, `after` what was applied. With the record as it is.
    pub moved: RealmDiff,
    /// What the files say otherwise than it was applied, as what would apply it.
    pub pending: RealmDiff,
    /// What the server has and no project manages, without what hangs below it.
    pub unmanaged: BTreeSet<Address>,
    /// Whether the files that were applied last could be read; else what moved is told from the files of now, and may be
    /// an edit.
    pub is_explained: bool,
}

/// All that is known of the drift of a project's realms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// By realm.
    pub realms: BTreeMap<RealmName, RealmReport>,
    /// Realms that could not be read, and why: they may have drifted or not.
    pub unread: BTreeMap<RealmName, String>,
    /// How many secrets could not be compared, since their values are not at hand.
    pub not_compared: usize,
}

/// What is known of one realm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RealmReport {
    /// What moved.
    pub drift: RealmDrift,
    /// What was applied last: the record without its objects.
    pub applied: Option<Record>,
    /// Who moved it.
    pub culprits: Culprits,
    /// What could not be read, and why.
    pub left_out: Vec<String>,
    /// Why drift may be an edit, where something moved.
    pub unreadable: Option<Unreadable>,
}

/// Why what was applied last cannot be read: edits and drift look alike, and `preventDestroy` is not known of what has
/// left the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The reason, as half a sentence.
    pub reason: String,
    /// The command that would change that.
    pub command: Option<String>,
}

/// How many objects are in which bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// Moved on the server.
    pub drift: usize,
    /// Moved in the files.
    pub pending: usize,
    /// In no project.
    pub unmanaged: usize,
}

impl Report {
    /// The sizes of the buckets of all realms.
    pub fn buckets(&self) -> Buckets {
        let all = self.realms.values().map(RealmReport::buckets);
        all.fold(Buckets::default(), |sum, it| Buckets {
            drift: sum.drift + it.drift,
            pending: sum.pending + it.pending,
            unmanaged: sum.unmanaged + it.unmanaged,
        })
    }

    /// Whether something could not be looked at, so that what was not found may still be there.
    pub fn is_partial(&self) -> bool {
        !self.unread.is_empty() || self.not_compared > 0 || self.realms.values().any(|realm| !realm.left_out.is_empty())
    }
}

impl RealmReport {
    /// The sizes of the buckets.
    pub fn buckets(&self) -> Buckets {
        let RealmDrift { moved, pending, unmanaged, is_explained: _ } = &self.drift;
        let pending = pending.changes.len() + pending.adopted.len() + pending.forgotten.len();
        Buckets { drift: moved.changes.len(), pending, unmanaged: unmanaged.len() }
    }
}

/// The drift of every realm that the files have, or that has a record. The arguments are those of [`diff`]; `live` was
/// read with everything that no file declares.
pub fn drift(
    desired: &Desired,
    live: &Live,
    base: &BTreeMap<RealmName, &DesiredRealm>,
    secrets: &dyn Secrets,
) -> BTreeMap<RealmName, RealmDrift> {
    let plan = diff(desired, live, base, secrets);
    let realms = plan.realms.into_iter().map(|(name, plan)| {
        let realm = live.realms.get(&name);
        let unmanaged = realm.map(|realm| unmanaged(realm, &name, desired)).unwrap_or_default();
        let recorded = realm.and_then(|realm| realm.record.as_ref());
        let (moved, pending) = match (realm, base.get(&name)) {
            (Some(realm), Some(base)) => {
                let moved = set_back(&name, realm, base, secrets);
                // By the names that the realm and what is in it have today.
                let moved = if realm.renamed_from.is_none() { unsettled(moved, &plan) } else { moved };
                (moved, part(&plan, |cause| !is_drift(cause), recorded, false))
            }
            _ => (part(&plan, is_drift, recorded, true), part(&plan, |cause| !is_drift(cause), recorded, false)),
        };
        let is_explained = recorded.is_none() || base.contains_key(&name);
        (name, RealmDrift { moved, pending, unmanaged, is_explained })
    });
    realms.collect()
}

/// Whether the server moved; where both did, it is told as an edit, too.
fn is_drift(cause: Cause) -> bool {
    match cause {
        Cause::Drift | Cause::Unexplained => true,
        Cause::Edit | Cause::Both | Cause::Prune | Cause::Creation => false,
    }
}

/// What the server needs to be as it was applied.
fn set_back(name: &RealmName, live: &LiveRealm, base: &DesiredRealm, secrets: &dyn Secrets) -> RealmDiff {
    let (name, live) = by_former_name(name, live);
    let desired = Desired { realms: [(name.clone(), base.clone())].into(), ..Desired::default() };
    let live = Live { realms: [(name.clone(), live)].into() };
    let bases = [(name.clone(), base)].into();
    let Diff { mut realms } = diff(&desired, &live, &bases, secrets);
    let whole = realms.remove(&name).unwrap_or_default();
    let recorded = live.realms.get(&name).and_then(|realm| realm.record.as_ref());
    let managed = recorded.map(|record| record.objects.clone()).unwrap_or_default();
    RealmDiff { managed, record_changes: false, ..part(&whole, is_drift, recorded, true) }
}

/// What moved and is not what the files want by now: there is nothing to do about that, and nobody to tell.
fn unsettled(moved: RealmDiff, plan: &RealmDiff) -> RealmDiff {
    let to_do: BTreeMap<Address, &Change> =
        plan.changes.iter().map(|change| (plan.address_today(&change.address), change)).collect();
    let changes = moved.changes.into_iter().filter_map(|change| {
        let to_do = to_do.get(&change.address)?;
        if change.action == Action::Create || to_do.is_deletion() {
            return Some(change);
        }
        let is_open = |field: &FieldChange| to_do.fields.iter().any(|it| it.path == field.path);
        let (fields, settled): (Vec<_>, Vec<_>) = change.fields.into_iter().partition(is_open);
        let unchanged = change.unchanged + settled.len();
        (!fields.is_empty()).then_some(Change { fields, unchanged, ..change })
    });
    RealmDiff { changes: changes.collect(), ..moved }
}

/// A realm that is to be renamed was applied by the name that it still has.
fn by_former_name(name: &RealmName, live: &LiveRealm) -> (RealmName, LiveRealm) {
    let former = live.renamed_from.clone().unwrap_or_else(|| name.clone());
    let (new, old) = (Address::realm(name), Address::realm(&former));
    let objects = live.objects.iter().map(|(address, object)| (address.moved(&new, &old), object.clone()));
    let record = live.record.as_ref().map(|record| record.moved(&new, &old));
    (former, LiveRealm { objects: objects.collect(), record, ..LiveRealm::default() })
}

/// The changes with only the leaves that moved for such a cause. An object without leaves that is made anew was deleted
/// on the server where it is recorded.
fn part(whole: &RealmDiff, counts: impl Fn(Cause) -> bool, recorded: Option<&Record>, of_server: bool) -> RealmDiff {
    let is_recorded = |address: &Address| recorded.is_some_and(|record| record.objects.contains_key(address));
    let changes = whole.changes.iter().filter_map(|change| {
        let fields: Vec<FieldChange> = change.fields.iter().filter(|field| counts(field.cause)).cloned().collect();
        let counts = match change.action {
            Action::Create if change.fields.is_empty() => is_recorded(&change.address) == of_server,
            Action::Create if of_server => is_recorded(&change.address),
            Action::Create => fields.iter().any(|field| field.cause != Cause::Creation),
            Action::Update => !fields.is_empty(),
            Action::Rename { .. } | Action::Delete { .. } => !of_server,
        };
        let unchanged = change.unchanged + change.fields.len() - fields.len();
        counts.then(|| Change { fields, unchanged, ..change.clone() })
    });
    let nothing = BTreeSet::new;
    RealmDiff {
        changes: changes.collect(),
        managed: whole.managed.clone(),
        adopted: if of_server { nothing() } else { whole.adopted.clone() },
        forgotten: if of_server { nothing() } else { whole.forgotten.clone() },
        managed_before: whole.managed_before.clone(),
        record_changes: whole.record_changes && !of_server,
        secrets: Vec::new(),
        left_open: recorded.map(|record| record.unfinished.clone()).unwrap_or_default(),
        scope: None,
        outputs: Vec::new(),
    }
}

/// What no project has in its files or its record, and Keycloak does not make by itself.
fn unmanaged(live: &LiveRealm, name: &RealmName, desired: &Desired) -> BTreeSet<Address> {
    let desired = desired.realms.get(name);
    let is_managed = |address: &Address| {
        desired.is_some_and(|realm| realm.objects.contains_key(address))
            || live.other_records.values().any(|record| record.objects.contains_key(address))
    };
    let found = live.unmanaged.iter().filter(|it| !is_builtin(it) && !is_reserved(it) && !is_managed(it));
    let found: BTreeSet<&Address> = found.collect();
    let is_below = |address: &Address| address.container().is_some_and(|above| found.contains(&above));
    found.iter().filter(|address| !is_below(address)).map(|address| (*address).clone()).collect()
}

/// What somebody did to an object, told from what would set it back: `before` is what was applied, `after` what is there.
fn happened(change: &Change) -> Change {
    let (action, fields) = match change.action {
        // It is gone, with all that it had.
        Action::Create => (Action::Delete { unmanaged: false }, Vec::new()),
        _ => (change.action.clone(), change.fields.iter().map(moved).collect()),
    };
    Change { action, fields, ..change.clone() }
}

fn moved(field: &FieldChange) -> FieldChange {
    let before = match &field.after {
        After::Json(value) | After::Default(value) => Before::Json(value.clone()),
        After::Secret(_) => Before::Secret,
        After::Absent => Before::Absent,
    };
    let after = match (&field.before, &field.after) {
        (Before::Json(value), _) => After::Json(value.clone()),
        (Before::Absent, _) => After::Absent,
        // It is another one; which, nobody is told.
        (Before::Secret, After::Secret(reference)) => After::Secret(reference.clone()),
        (Before::Secret, _) => After::Secret(SecretRef::Keep),
    };
    FieldChange { before, after, ..field.clone() }
}

impl RealmDrift {
    /// What was done to the server, as a person tells it: `before` is what was applied, `after` what is there.
    pub fn happened(&self) -> RealmDiff {
        RealmDiff { changes: self.moved.changes.iter().map(happened).collect(), ..RealmDiff::default() }
    }

    /// The moved objects.
    pub fn moved_addresses(&self) -> Vec<&Address> {
        self.moved.changes.iter().map(|change| &change.address).collect()
    }
}
