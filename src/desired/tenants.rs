//! Tenants without a realm of their own: what they declare lands in the realm of the nearest one above that has one, under names
//! that nobody else has.

use super::builder::Builder;
use super::outputs::{Outputs, Subject};
use super::problem::Problem;
use crate::model::{Address, Kind, Moves, Placement, PruneRules, RealmName, kinds, matches};

/// Whose files a folder has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tenant {
    /// The names of the folders down to it: `acme-prod-eu`.
    pub(super) name: String,
    /// The realm that its objects are in, where it has none of its own.
    pub(super) lands_in: Option<RealmName>,
}

/// What a tenant may declare in a realm of another.
const KINDS: &[&Kind] = &[&kinds::CLIENT, &kinds::CLIENT_SCOPE, &kinds::ROLE, &kinds::GROUP];

/// Moves what was read of a tenant, as of a realm called `own`, to where it belongs; answers which names changed.
pub(super) fn land(builder: &mut Builder, tenant: &Tenant, own: &RealmName) -> Moves {
    let Some(realm) = &tenant.lands_in else { return Moves::default() };
    let problems = beyond(builder, tenant, own);
    builder.problems.extend(problems);
    let moves = moves(builder, tenant, own);
    for (address, object) in builder.desired.realms.get_mut(own).into_iter().flat_map(|realm| &mut realm.objects) {
        if let Some(former) = object.lifecycle.renamed_from.as_mut().filter(|_| moves.has(address)) {
            *former = unique(&tenant.name, address.kind(), former);
        }
    }
    let outputs = builder.outputs.remove(own).unwrap_or_default();
    let outputs = outputs_of(builder, tenant, realm, own, &moves, outputs);
    builder.land(&moves, own, realm);
    builder.hand_over(realm, outputs);
    moves
}

/// What only a realm's owner may say.
fn beyond(builder: &Builder, tenant: &Tenant, own: &RealmName) -> Vec<Problem> {
    let Some(realm) = builder.desired.realms.get(own) else { return Vec::new() };
    let top = Address::realm(own);
    let mut problems = Vec::new();
    let refused = |what: String| {
        Problem::error(format!("the tenant {} has no realm of its own, and {what}", tenant.name)).help(format!(
            "it may declare {}; with `realm = \"…\"` in a file of its folder it has a realm",
            KINDS.iter().map(|kind| kind.collection).collect::<Vec<_>>().join(", ")
        ))
    };
    for (address, object) in &realm.objects {
        if *address == top {
            problems.extend(object.fields.iter().map(|(path, declared)| {
                let place = builder.place(&declared.origin);
                refused(format!("`{path}` is a realm's")).maybe_at(place, "a setting of a realm")
            }));
        } else if !KINDS.iter().any(|kind| is_of(address, kind)) && address.container() == Some(top.clone()) {
            let place = builder.place(&object.origin);
            let kind = address.kind().name;
            problems.push(refused(format!("this {kind} is a realm's")).maybe_at(place, "not a tenant's to declare"));
        }
    }
    let settings =
        [("prune", realm.prune != PruneRules::default()), ("placement", realm.placement != Placement::default())];
    for (name, _) in settings.into_iter().filter(|(_, is_said)| *is_said) {
        let place = builder.settings_below(&top, name).next().cloned();
        problems.push(refused(format!("`{name}` is a realm's")).maybe_at(place, "a setting of a realm"));
    }
    problems
}

fn is_of(address: &Address, kind: &Kind) -> bool {
    address.collection() == Some(kind.collection)
}

/// The names that a tenant's objects get.
fn moves(builder: &Builder, tenant: &Tenant, own: &RealmName) -> Moves {
    let realm = builder.desired.realms.get(own);
    let objects = realm.into_iter().flat_map(|realm| realm.objects.keys());
    // What hangs below an object, and a group inside of another, goes along.
    let tops = objects.filter(|address| address.container().is_some_and(|above| above.parent().is_none()));
    let renamed = tops.filter_map(|old| {
        let new = Address::realm(own).child(old.kind(), unique(&tenant.name, old.kind(), old.name()));
        (new != *old).then(|| (old.clone(), new))
    });
    renamed.collect()
}

/// `acme-prod-shop` for `shop` of the tenant `acme-prod`; a name that begins with the tenant's stays.
fn unique(tenant: &str, kind: &Kind, name: &str) -> String {
    let (slash, name) = match name.strip_prefix('/').filter(|_| *kind == kinds::GROUP) {
        Some(path) => ("/", path),
        None => ("", name),
    };
    let own = name.strip_prefix(tenant).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '/', ':', '.']));
    if own { format!("{slash}{name}") } else { format!("{slash}{tenant}-{name}") }
}

/// What is handed over of a tenant's clients, by the names that these get.
fn outputs_of(
    builder: &Builder,
    tenant: &Tenant,
    realm: &RealmName,
    own: &RealmName,
    moves: &Moves,
    outputs: Outputs,
) -> Outputs {
    let (realm, own) = (Address::realm(realm), Address::realm(own));
    let declared = builder.desired.realms.get(own.realm_name());
    let is_own = |address: &Address| declared.is_some_and(|declared| declared.objects.contains_key(address));
    let own_clients = declared.into_iter().flat_map(|declared| declared.objects.keys());
    let own_clients = own_clients.filter(|address| *address.kind() == kinds::CLIENT);
    let clients: Vec<Address> = own_clients.map(|client| moves.moved(client).moved(&own, &realm)).collect();
    let named = outputs.into_iter().map(|(name, mut rule)| {
        match &mut rule.of {
            Subject::One(of) => {
                let as_own = of.moved(&realm, &own);
                if is_own(&as_own) {
                    *of = moves.moved(&as_own).moved(&own, &realm);
                }
            }
            // Those of the tenants inside of this one may have names that match as well.
            Subject::Clients { client: pattern, .. } => {
                let pattern = unique(&tenant.name, &kinds::CLIENT, pattern);
                let landed = clients.iter().filter(|client| matches(&pattern, client.name()));
                rule.of = Subject::Each(landed.cloned().collect());
            }
            Subject::Each(_) | Subject::Realms(_) => {}
        }
        (unique(&tenant.name, &kinds::CLIENT, &name), rule)
    });
    named.collect()
}
