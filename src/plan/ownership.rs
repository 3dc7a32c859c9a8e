//! What belongs to another project: it is in that project's record.

use std::collections::{BTreeMap, BTreeSet};

use super::{Guard, RealmPlan, Violation};
use crate::diff::Change;
use crate::model::{Address, FieldPath, Live, LiveRealm, Origin, RealmName, Record};

/// What the projects that manage a part of a realm applied last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    /// This project's record.
    pub own: Option<Record>,
    /// The others', by project.
    pub others: BTreeMap<String, Record>,
}

impl Owners {
    /// Those of every realm.
    pub fn of(live: &Live) -> BTreeMap<RealmName, Self> {
        let of_realm = |realm: &LiveRealm| Self { own: realm.record.clone(), others: realm.other_records.clone() };
        let shared = live.realms.iter().filter(|(_, realm)| !realm.other_records.is_empty());
        shared.map(|(name, realm)| (name.clone(), of_realm(realm))).collect()
    }

    /// Whether this project has managed the leaf before.
    fn is_ours(&self, address: &Address, path: &FieldPath) -> bool {
        let leaves = self.own.as_ref().and_then(|record| record.objects.get(address));
        leaves.is_some_and(|leaves| leaves.contains(path))
    }
}

/// What a plan takes from others: leaves that it changes or newly declares, and objects that it deletes.
pub(super) fn violations<'a>(plan: &'a RealmPlan, owners: &'a Owners) -> impl Iterator<Item = Violation> + 'a {
    owners.others.iter().flat_map(move |(project, record)| {
        let taken = record.objects.iter().filter_map(move |(address, theirs)| {
            let change = plan.diff.find(address).map(|index| &plan.diff.changes[index]);
            if let Some(change) = change.filter(|change| change.is_deletion()) {
                return Some(violation(project, address, &[], change.origin.as_ref(), "would be deleted"));
            }
            let declared = plan.diff.managed.get(address);
            let claims = |path: &&FieldPath| {
                declared.is_some_and(|declared| declared.contains(*path)) && !owners.is_ours(address, path)
                    || change.is_some_and(|change| changes(change, path))
            };
            let paths: Vec<&FieldPath> = theirs.iter().filter(claims).collect();
            (!paths.is_empty()).then(|| {
                let origin = change.and_then(|change| origin_of(change, &paths));
                violation(project, address, &paths, origin, "is declared here")
            })
        });
        taken.collect::<Vec<_>>()
    })
}

fn changes(change: &Change, path: &FieldPath) -> bool {
    change.fields.iter().any(|field| field.path == *path)
}

/// Where the first of these leaves is declared.
fn origin_of<'a>(change: &'a Change, paths: &[&FieldPath]) -> Option<&'a Origin> {
    let field = change.fields.iter().find(|field| paths.contains(&&field.path));
    field.and_then(|field| field.origin.as_ref()).or(change.origin.as_ref())
}

fn violation(project: &str, address: &Address, paths: &[&FieldPath], origin: Option<&Origin>, what: &str) -> Violation {
    let names: BTreeSet<String> = paths.iter().map(ToString::to_string).collect();
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    let subject = if names.is_empty() { address.to_string() } else { format!("{names} of {address}") };
    Violation {
        address: address.clone(),
        guard: Guard::Ownership,
        message: format!("{subject} {what}, and belongs to project {project}"),
        remedy: format!(
            "take it out of the files here, or hand it over: realmform transfer '{address}' --from {project}"
        ),
        origin: origin.cloned(),
    }
}
