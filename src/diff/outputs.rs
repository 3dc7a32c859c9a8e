//! What is handed over, and what is taken back.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, OutputAction, OutputChange, RealmDiff};
use crate::model::{Address, Desired, Destination, HandOff, Intended, RealmName, Record, kinds};

/// What happens at each destination.
pub(super) fn outputs(
    wanted: &BTreeMap<Destination, Intended>,
    recorded: &Record,
    changes: &BTreeMap<Address, Change>,
) -> Vec<OutputChange> {
    let change = |to: &Destination, what: &HandOff, action| OutputChange { to: to.clone(), what: what.clone(), action };
    let is_touched = |of: &Address| changes.contains_key(of) || changes.contains_key(&Address::realm(of.realm_name()));
    let some_client_changes = changes.keys().any(|address| *address.kind() == kinds::CLIENT);
    let mut outputs = Vec::new();
    for (to, Intended { what, lists_clients }) in wanted {
        let handed = recorded.outputs.get(to).map(|handed| &handed.what);
        if handed != Some(what) {
            outputs.push(change(to, what, OutputAction::Write));
        } else if is_touched(&what.of) || *lists_clients && some_client_changes {
            outputs.push(change(to, what, OutputAction::Refresh));
        }
    }
    for (to, handed) in recorded.outputs.iter().filter(|(to, _)| !wanted.contains_key(*to)) {
        outputs.push(change(to, &handed.what, OutputAction::Remove));
    }
    outputs.sort_by(|a, b| (&a.what.output, &a.what.of, &a.to).cmp(&(&b.what.output, &b.what.of, &b.to)));
    outputs
}

/// Nothing is taken back from where another realm hands over now, as when a tenant gets a realm of its own: whichever of the two
/// comes last would have the say.
pub(super) fn leave(desired: &Desired, realms: &mut BTreeMap<RealmName, RealmDiff>) {
    let wanted = desired.realms.values().filter_map(|realm| realm.outputs.as_ref()).flat_map(BTreeMap::keys);
    let wanted: BTreeSet<&Destination> = wanted.chain(&desired.elsewhere).collect();
    let all = realms.values_mut().flat_map(|realm| &mut realm.outputs);
    for output in all.filter(|output| output.action == OutputAction::Remove && wanted.contains(&output.to)) {
        output.action = OutputAction::Leave;
    }
}
