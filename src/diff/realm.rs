//! One realm: which objects are made, changed, renamed, deleted, adopted and forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;

use super::leaf::{Applied, Delta};
use super::outputs::outputs;
use super::today::Today;
use super::{Action, After, Before, Cause, Change, FieldChange, RealmDiff, SecretFault, SecretProblem, Secrets};
use crate::model::{
    Address, Declared, DesiredObject, DesiredRealm, FieldPath, Kind, Lifecycle, LiveObject, LiveValue, Names, Origin,
    Prune, Reference, SecretRef, Shape, Type, Value, Write, default_of, is_builtin, is_reserved, is_vault_expression,
    kinds, texts,
};

/// The difference of one realm.
pub(super) fn diff(wanted: &DesiredRealm, today: &Today<'_>, secrets: &dyn Secrets) -> RealmDiff {
    let (diff, changes) = (RealmDiff::default(), BTreeMap::new());
    let mut comparison = Comparison { wanted, today, secrets, diff, changes, is_outdated: false };
    for (address, object) in &wanted.objects {
        comparison.declared(address, object);
    }
    for address in today.record.objects.keys().filter(|address| !wanted.objects.contains_key(address)) {
        comparison.undeclared(address);
    }
    for address in &today.unmanaged {
        comparison.unmanaged(address);
    }
    comparison.finish()
}

struct Comparison<'a> {
    wanted: &'a DesiredRealm,
    today: &'a Today<'a>,
    secrets: &'a dyn Secrets,
    diff: RealmDiff,
    changes: BTreeMap<Address, Change>,
    /// Whether the files have come to say what the server has, and said otherwise when they were applied.
    is_outdated: bool,
}

impl Comparison<'_> {
    fn declared(&mut self, address: &Address, object: &DesiredObject) {
        let recorded = self.today.leaves(address);
        self.diff.managed.insert(address.clone(), recordable(object, recorded));
        let Some(live) = self.today.objects.get(address) else {
            let fields = self.created(address, object);
            let change = change(address, object, Action::Create, fields, 0);
            self.changes.insert(address.clone(), change);
            return;
        };
        self.count(address);
        let (mut fields, unchanged) = self.compared(address, object, live);
        fields.extend(self.pruned(address, live, Some(object)));
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        let action = match self.today.renames.former(address) {
            Some(from) => Action::Rename { from: from.clone() },
            None if fields.is_empty() => {
                if recorded.is_none() {
                    self.diff.adopted.insert(address.clone());
                }
                return;
            }
            None => Action::Update,
        };
        self.changes.insert(address.clone(), change(address, object, action, fields, unchanged));
    }

    /// Every declared leaf of a new object, those that say nothing included: the server would fill some of them.
    fn created(&mut self, address: &Address, object: &DesiredObject) -> Vec<FieldChange> {
        let mut fields = Vec::new();
        let applied = self.today.applied(address);
        for (path, Declared { value, origin }) in writable(object) {
            let after = match value {
                Value::Json(value) => After::Json(value.clone()),
                Value::Secret(SecretRef::Keep) => {
                    self.secret(SecretFault::Missing, address, path, origin);
                    continue;
                }
                Value::Secret(reference) => After::Secret(reference.clone()),
            };
            let (cause, base) = match applied.to(path) {
                Applied::Not => (Cause::Edit, None),
                Applied::As(applied) if applied != value => {
                    (Cause::Both, shown(applied, value, object.kind.leaf_type(path)))
                }
                Applied::As(_) | Applied::Unknown => (Cause::Drift, None),
            };
            let (path, origin) = (path.clone(), Some(origin.clone()));
            fields.push(FieldChange { path, before: Before::Absent, after, cause, base, origin });
        }
        fields.extend(chosen(object));
        fields.extend(self.only_declared(address));
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        fields
    }

    /// Where everything undeclared is swept, what the server makes below a new object goes as it comes: no plan could
    /// name it, and the next one would have to.
    fn only_declared(&self, address: &Address) -> Option<FieldChange> {
        let kind = address.kind().server_makes().filter(|_| self.wanted.prune.rule(address) == Prune::All)?;
        let declared = self.wanted.objects.keys().filter(|it| it.is_child_of(address, kind)).map(Address::name);
        let after = After::Json(declared.collect());
        Some(choice(FieldPath::new([kind.collection]), after))
    }

    /// The declared leaves that differ, and how many do not.
    fn compared(&mut self, address: &Address, object: &DesiredObject, live: &LiveObject) -> (Vec<FieldChange>, usize) {
        let (mut fields, mut unchanged) = (Vec::new(), 0);
        let applied = self.today.applied(address);
        for (path, Declared { value, origin }) in writable(object) {
            if is_ignored(&object.lifecycle, path) {
                continue;
            }
            if *value == Value::Secret(SecretRef::Keep) && !live.fields.contains_key(path) {
                self.secret(SecretFault::Missing, address, path, origin);
            }
            // What the server looks up in a vault of its own is shown as it is, and so may replace what is hidden.
            let is_looked_up = matches!(value, Value::Json(json) if json.as_str().is_some_and(is_vault_expression));
            if matches!(
                (value, live.fields.get(path)),
                (Value::Json(_), Some(LiveValue::Masked | LiveValue::Secret(_)))
            ) && !is_looked_up
            {
                self.secret(SecretFault::Hidden, address, path, origin);
            }
            let leaf = applied.leaf(live, path);
            if let Some(delta) = leaf.declared(value, self.secrets) {
                fields.push(field_change(path, delta, Some(origin)));
            } else {
                self.is_outdated |= leaf.is_outdated(value);
                unchanged += 1;
            }
        }
        (fields, unchanged)
    }

    /// The recorded leaves that are no longer declared and still there; `object` is what is declared.
    fn pruned(&self, address: &Address, live: &LiveObject, object: Option<&DesiredObject>) -> Vec<FieldChange> {
        let applied = self.today.applied(address);
        let Some(recorded) = applied.leaves else { return Vec::new() };
        if self.wanted.prune.rule(address) == Prune::None {
            return Vec::new();
        }
        let gone = recorded.iter().filter(|path| {
            let write = live.kind.write(path);
            // What can only be set at creation cannot be undone, and what the server fills is not ours.
            let undoable = !matches!(write, Write::CreateOnly | Write::Server) && !live.kind.needs(path);
            let is_kept = |it: &DesiredObject| it.fields.contains_key(*path) || is_ignored(&it.lifecycle, path);
            undoable && !object.is_some_and(is_kept)
        });
        let undone = gone.filter_map(|path| {
            let delta = applied.leaf(live, path).undeclared(default_of(address, path).as_deref())?;
            Some(field_change(path, delta, None))
        });
        undone.collect()
    }

    fn undeclared(&mut self, address: &Address) {
        let live = self.today.objects.get(address);
        if live.is_some() {
            self.count(address);
        }
        let Some(live) = live.filter(|_| self.wanted.prune.rule(address) != Prune::None) else {
            self.diff.forgotten.insert(address.clone());
            return;
        };
        if !is_builtin(address) && !self.is_shared(address, live) && !self.holds_declared(address) {
            return self.delete(address);
        }
        // What every realm has is not this project's to delete: it gets back what it had when no file spoke of it. Nor
        // is what holds fields of others, nor a group with declared ones inside.
        let fields = self.pruned(address, live, None);
        if fields.is_empty() {
            self.diff.forgotten.insert(address.clone());
        } else {
            let change = Change { fields, ..undeclared(address, Action::Update) };
            self.changes.insert(address.clone(), change);
        }
    }

    /// Whether others have put fields of their own into an object that is made of fields alone.
    fn is_shared(&self, address: &Address, live: &LiveObject) -> bool {
        let ours = self.today.leaves(address);
        live.kind.has_any_field() && live.fields.keys().any(|path| !ours.is_some_and(|ours| ours.contains(path)))
    }

    /// Whether a declared group is inside of this one, and would go with it.
    fn holds_declared(&self, address: &Address) -> bool {
        groups_inside(&self.wanted.objects, address).next().is_some()
    }

    fn unmanaged(&mut self, address: &Address) {
        let is_ours = self.wanted.objects.contains_key(address)
            || self.today.leaves(address).is_some()
            || self.holds_declared(address);
        if !is_ours && self.wanted.prune.rule(address) == Prune::All && !is_builtin(address) && !is_reserved(address) {
            self.delete(address);
        }
    }

    /// Deletes an object with everything that goes with it.
    fn delete(&mut self, address: &Address) {
        let below: Vec<Address> = below(&self.today.objects, address).cloned().collect();
        for address in std::iter::once(address).chain(&below) {
            if self.changes.contains_key(address) {
                continue;
            }
            let unmanaged = self.today.leaves(address).is_none();
            if unmanaged {
                self.count(address);
            }
            let change = self.deletion(address, unmanaged);
            self.changes.insert(address.clone(), change);
        }
    }

    fn deletion(&self, address: &Address, unmanaged: bool) -> Change {
        let base = self.today.base.as_ref().and_then(|base| base.objects.get(address));
        // The declaration is gone and its guard with it; the one that was applied last still holds.
        let prevent_destroy = base.is_some_and(|object| object.lifecycle.prevent_destroy);
        Change { prevent_destroy, ..undeclared(address, Action::Delete { unmanaged }) }
    }

    fn count(&mut self, address: &Address) {
        *self.diff.managed_before.entry(address.kind().name).or_default() += 1;
    }

    fn secret(&mut self, fault: SecretFault, address: &Address, path: &FieldPath, origin: &Origin) {
        let (address, path, origin) = (address.clone(), path.clone(), origin.clone());
        self.diff.secrets.push(SecretProblem { address, path, origin, fault });
    }

    fn finish(mut self) -> RealmDiff {
        let deleted: Vec<Address> =
            self.changes.values().filter(|it| it.is_deletion()).map(|it| it.address.clone()).collect();
        for address in deleted {
            let (holds, held_by) = (self.held(&address), self.holders(&address));
            if let Some(change) = self.changes.get_mut(&address) {
                (change.holds, change.held_by) = (holds, held_by);
            }
        }
        // What is deleted as a part of something else is not forgotten.
        self.diff.forgotten.retain(|address| !self.changes.contains_key(address));
        self.diff.record_changes = match self.today.recorded {
            Some(record) => record.objects != self.diff.managed || self.is_outdated,
            None => !self.diff.managed.is_empty(),
        };
        if let Some(wanted) = &self.wanted.outputs {
            self.diff.outputs = outputs(wanted, &self.today.record, &self.changes);
            self.diff.record_changes |= self.diff.hands_over();
        }
        self.diff.changes = self.changes.into_values().collect();
        self.diff
    }

    /// Where a flow that is deleted will still be bound.
    fn holders(&self, address: &Address) -> BTreeSet<(Address, FieldPath)> {
        if address.kind() != &kinds::AUTHENTICATION_FLOW {
            return BTreeSet::new();
        }
        let name = Json::from(address.name());
        let objects = self.today.objects.iter().filter(|(at, _)| !self.is_deleted(at));
        let leaves =
            objects.flat_map(|(at, live)| live.fields.iter().map(move |(path, value)| (at, live.kind, path, value)));
        let bound = leaves.filter(|(at, kind, path, value)| {
            let changed =
                self.changes.get(at).and_then(|change| change.fields.iter().find(|field| field.path == **path));
            let stays = match changed.map(|field| &field.after) {
                None => matches!(value, LiveValue::Json(value) if *value == name),
                Some(After::Json(value) | After::Default(value)) => *value == name,
                Some(After::Secret(_) | After::Absent) => false,
            };
            stays && kind.names(path) == Some(Names::Of(Reference::Flow))
        });
        bound.map(|(at, _, path, _)| (at.clone(), path.clone())).collect()
    }

    /// What a deleted object names among what is deleted too and cannot be deleted before it.
    fn held(&self, address: &Address) -> BTreeSet<Address> {
        let Some(live) = self.today.objects.get(address) else { return BTreeSet::new() };
        // What goes with its client is not deleted by a request of its own.
        let is_policy = POLICIES.contains(&live.kind) && !address.container().is_some_and(|it| self.is_deleted(&it));
        let mut held = BTreeSet::new();
        for (path, value) in &live.fields {
            let LiveValue::Json(value) = value else { continue };
            if let Some(names) = live.kind.names(path).filter(|names| is_policy || is_kept_by_name(*names)) {
                held.extend(texts(value).flat_map(|text| names.addresses(address, text)));
            } else if live.kind == &kinds::PERMISSION && path.top() == "organizations" {
                // By their names, which are no part of their addresses.
                held.extend(self.changes.keys().filter(|it| it.kind() == &kinds::ORGANIZATION).cloned());
            }
        }
        held.retain(|it| self.is_deleted(it));
        held
    }

    fn is_deleted(&self, address: &Address) -> bool {
        self.changes.get(address).is_some_and(Change::is_deletion)
    }
}

/// What the server rewrites by itself when anything that it names is deleted: doing both at once makes one of them fail
/// (500 on 26.7.4 for a permission and its client).
const POLICIES: &[&Kind] =
    &[&kinds::AUTHORIZATION_PERMISSION, &kinds::AUTHORIZATION_POLICY, &kinds::PERMISSION, &kinds::PERMISSION_POLICY];

/// Whether the server does not delete what is named so.
fn is_kept_by_name(names: Names<'_>) -> bool {
    matches!(
        names,
        Names::Of(
            Reference::ClientScope
                | Reference::Flow
                | Reference::ProfileGroup
                | Reference::ClientProfile
                | Reference::AuthorizationScope
                | Reference::AuthorizationResource
                | Reference::AuthorizationPolicy
                | Reference::PermissionPolicy
        )
    )
}

fn change(
    address: &Address,
    object: &DesiredObject,
    action: Action,
    fields: Vec<FieldChange>,
    unchanged: usize,
) -> Change {
    let DesiredObject { kind, origin, fields: _, lifecycle } = object;
    Change {
        address: address.clone(),
        kind,
        action,
        fields,
        unchanged,
        origin: Some(origin.clone()),
        prevent_destroy: lifecycle.prevent_destroy,
        holds: BTreeSet::new(),
        held_by: BTreeSet::new(),
    }
}

/// What happens to an object that no file declares.
fn undeclared(address: &Address, action: Action) -> Change {
    Change {
        address: address.clone(),
        kind: address.kind(),
        action,
        fields: Vec::new(),
        unchanged: 0,
        origin: None,
        prevent_destroy: false,
        holds: BTreeSet::new(),
        held_by: BTreeSet::new(),
    }
}

fn field_change(path: &FieldPath, delta: Delta, origin: Option<&Origin>) -> FieldChange {
    let Delta { before, after, cause, base } = delta;
    FieldChange { path: path.clone(), before, after, cause, base, origin: origin.cloned() }
}

/// The leaves that the record will name; mostly they are those that it names.
fn recordable(object: &DesiredObject, recorded: Option<&Shape>) -> Shape {
    let leaves = || {
        writable(object).filter(|(path, declared)| {
            // What is left to the server is not ours to undo when the file no longer mentions it.
            declared.value != Value::Secret(SecretRef::Keep) && !is_ignored(&object.lifecycle, path)
        })
    };
    let leaves = || leaves().map(|(path, _)| path);
    match recorded {
        Some(recorded) if recorded.iter().eq(leaves()) => Arc::clone(recorded),
        _ => Arc::new(leaves().cloned().collect()),
    }
}

fn writable(object: &DesiredObject) -> impl Iterator<Item = (&FieldPath, &Declared)> {
    object.fields.iter().filter(|(path, _)| object.kind.write(path) != Write::Server)
}

/// What realmform chooses for a new object where the file is silent.
fn chosen(object: &DesiredObject) -> impl Iterator<Item = FieldChange> + '_ {
    let silent = object.kind.on_create.iter().map(|(name, value)| (FieldPath::new([*name]), *value));
    silent
        .filter(|(path, _)| !object.fields.contains_key(path))
        .map(|(path, value)| choice(path, After::Json(value.into())))
}

/// What was applied, where it is no secret, by the files of today either.
fn shown(applied: &Value, wanted: &Value, ty: Type) -> Option<Json> {
    match (applied, wanted) {
        (Value::Json(applied), Value::Json(_)) if ty != Type::Secret => Some(applied.clone()),
        _ => None,
    }
}

fn choice(path: FieldPath, after: After) -> FieldChange {
    FieldChange { path, before: Before::Absent, after, cause: Cause::Creation, base: None, origin: None }
}

fn is_ignored(lifecycle: &Lifecycle, path: &FieldPath) -> bool {
    lifecycle.ignore.iter().any(|ignored| path.is_within(ignored))
}

/// What is deleted with an object: what its address holds, and the groups inside of a group.
fn below<'a>(
    objects: &'a BTreeMap<Address, LiveObject>,
    address: &'a Address,
) -> impl Iterator<Item = &'a Address> + 'a {
    let held = objects.range(address.clone()..).map(|(at, _)| at).take_while(|at| at.is_within(address));
    held.filter(move |at| *at != address).chain(groups_inside(objects, address))
}

/// The groups inside of a group.
fn groups_inside<'a, T>(
    objects: &'a BTreeMap<Address, T>,
    address: &Address,
) -> impl Iterator<Item = &'a Address> + use<'a, T> {
    let groups = (address.kind() == &kinds::GROUP).then(|| {
        let prefix = format!("{}/", address.name());
        let first = address.parent().unwrap_or_else(|| address.clone()).child(&kinds::GROUP, prefix.as_str());
        let inside = objects.range(first..).map(|(at, _)| at);
        inside.take_while(move |at| at.kind() == &kinds::GROUP && at.name().starts_with(&prefix))
    });
    groups.into_iter().flatten()
}
