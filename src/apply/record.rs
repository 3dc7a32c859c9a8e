//! What the record will say: the intent before, the truth after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Outcome, Run};
use crate::diff::{Action, After, Change};
use crate::keycloak::ServerError;
use crate::model::{Address, FieldPath, Record, Shape, kinds};
use crate::plan::{Step, StepAction};
use crate::secrets::Fingerprint;

/// Before the first write: what was managed, and what is about to be made. A run that is killed then leaves nothing on
/// the server that the record does not know.
pub(super) fn intent(run: &Run<'_>) -> Record {
    let mut record = stamped(run);
    if let Some(previous) = run.previous {
        record.objects.clone_from(&previous.objects);
        record.fingerprints.clone_from(&previous.fingerprints);
        record.unfinished.clone_from(&previous.unfinished);
        record.outputs.clone_from(&previous.outputs);
        (record.commit, record.dirty) = (previous.commit.clone(), previous.dirty);
    }
    for (address, leaves) in &run.plan.diff.managed {
        record.add(address, leaves);
    }
    record.unfinished.extend(run.plan.diff.changes.iter().flat_map(names));
    record
}

/// After the last write: what is managed now. What a failed step was to undo stays on record, so that the next run
/// undoes it; what was certainly not made is not claimed, since somebody else may make it. Without what is handed over.
pub(super) fn achieved(run: &Run<'_>, outcome: &Outcome) -> Record {
    let mut record = stamped(run);
    record.objects.clone_from(&run.plan.diff.managed);
    let previous = run.previous.cloned().unwrap_or_default();
    for step in untouched(run, outcome) {
        disown(run, step, &mut record.objects);
    }
    record.unfinished.clone_from(&run.plan.diff.left_open);
    for address in unfinished(run, outcome).flat_map(names) {
        if let Some(leaves) = previous.objects.get(&address) {
            record.add(&address, leaves);
        }
        record.unfinished.insert(address);
    }
    record.fingerprints = fingerprints(run, outcome, &record.objects, &previous);
    record
}

/// Whether the run deleted the realm, and the record with it.
pub(super) fn realm_is_gone(run: &Run<'_>, outcome: &Outcome) -> bool {
    outcome.done.iter().any(|index| is_realm_deletion(run, &run.plan.steps[*index]))
}

/// Whether a step deletes the realm.
pub(super) fn is_realm_deletion(run: &Run<'_>, step: &Step) -> bool {
    step.action == StepAction::Delete && run.plan.change(step).address.parent().is_none()
}

fn stamped(run: &Run<'_>) -> Record {
    let stamp = run.stamp;
    Record {
        commit: stamp.commit.clone(),
        dirty: stamp.dirty,
        environment: stamp.environment.clone(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        time: stamp.time.clone(),
        actor: stamp.actor.clone(),
        objects: BTreeMap::new(),
        fingerprints: BTreeMap::new(),
        unfinished: BTreeSet::new(),
        outputs: BTreeMap::new(),
    }
}

/// The object of a change, by the names of before and after.
fn names(change: &Change) -> impl Iterator<Item = Address> + use<> {
    let old = match &change.action {
        Action::Rename { from } => Some(from.clone()),
        Action::Create | Action::Update | Action::Delete { .. } => None,
    };
    std::iter::once(change.address.clone()).chain(old)
}

/// The steps that certainly changed nothing: those that were not tried, and creations, which are one request each, that
/// were refused.
fn untouched<'a>(run: &'a Run<'_>, outcome: &'a Outcome) -> impl Iterator<Item = &'a Step> {
    let refused = outcome.failed.iter().filter(|(index, error)| {
        let may_have_run = matches!(error, ServerError::Http(error) if error.may_have_run());
        run.plan.steps[*index].action == StepAction::Create && !may_have_run
    });
    let steps = refused.map(|(index, _)| index).chain(&outcome.skipped);
    steps.map(|index| &run.plan.steps[*index])
}

/// Takes what a step was to make or to set out of the record; what was there before is put back by the caller.
fn disown(run: &Run<'_>, step: &Step, objects: &mut BTreeMap<Address, Shape>) {
    let change = run.plan.change(step);
    if step.action == StepAction::Create {
        for change in std::iter::once(change).chain(run.plan.carried(step)) {
            objects.remove(&change.address);
        }
    } else if let Some(leaves) = objects.get_mut(&change.address) {
        let leaves = Arc::make_mut(leaves);
        for field in run.plan.fields(step) {
            leaves.remove(&field.path);
        }
    }
}

/// The changes of steps that did not succeed, those that they carry included.
fn unfinished<'a>(run: &'a Run<'_>, outcome: &'a Outcome) -> impl Iterator<Item = &'a Change> {
    let failed = outcome.failed.iter().map(|(index, _)| index);
    failed.chain(&outcome.skipped).flat_map(|index| {
        let step = &run.plan.steps[*index];
        std::iter::once(run.plan.change(step)).chain(run.plan.carried(step))
    })
}

/// Fingerprints of managed secrets: new ones where a step wrote the secret, else those of before.
fn fingerprints(
    run: &Run<'_>,
    outcome: &Outcome,
    objects: &BTreeMap<Address, Shape>,
    previous: &Record,
) -> BTreeMap<Address, BTreeMap<FieldPath, String>> {
    let mut prints = previous.fingerprints.clone();
    for change in &run.plan.diff.changes {
        if let Action::Rename { from } = &change.action {
            let moved = prints.iter().map(|(address, of)| (address.moved(from, &change.address), of.clone()));
            prints = moved.collect();
        }
    }
    for index in &outcome.done {
        let step = &run.plan.steps[*index];
        for field in run.plan.fields(step) {
            note(run, &mut prints, &run.plan.change(step).address, &field.path, &field.after);
        }
        for change in run.plan.carried(step) {
            change.fields.iter().for_each(|field| note(run, &mut prints, &change.address, &field.path, &field.after));
        }
    }
    prints.retain(|address, of| {
        of.retain(|path, _| objects.get(address).is_some_and(|leaves| leaves.contains(path)));
        !of.is_empty()
    });
    prints
}

fn note(
    run: &Run<'_>,
    prints: &mut BTreeMap<Address, BTreeMap<FieldPath, String>>,
    address: &Address,
    path: &FieldPath,
    after: &After,
) {
    // The server shows a client's secret to whoever may read the client: it is compared, not fingerprinted.
    if address.kind() == &kinds::CLIENT && path.top() == "secret" {
        return;
    }
    if let After::Secret(reference) = after
        && let Some(value) = run.secrets.get(reference)
    {
        let print = Fingerprint::of(value).to_string();
        prints.entry(address.clone()).or_default().insert(path.clone(), print);
    }
}
