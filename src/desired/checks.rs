//! What can only be checked once all files are merged.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::authorization;
use super::builder::Builder;
use super::organizations;
use super::problem::Problem;
use super::references::Use;
use super::users;
use crate::model::{
    Address, Declared, DesiredObject, DesiredRealm, FieldPath, Reference, Value, is_default_roles, kinds,
};

/// Checks everything that was put in.
pub(super) fn check(builder: &mut Builder) {
    let mut problems = Vec::new();
    let mut parents = Vec::new();
    for realm in builder.desired.realms.values() {
        for (address, object) in &realm.objects {
            problems.extend(default_roles(builder, address, object));
            problems.extend(missing_basic(builder, realm, address, object));
            problems.extend(public_secret(builder, address, object));
            problems.extend(empty_uris(builder, object));
            problems.extend(authorization::check(builder, realm, address, object));
            problems.extend(users::check(builder, realm, address, object));
            parents.extend(parent_group(builder, realm, address, object));
        }
        problems.extend(renames(builder, realm));
        problems.extend(organizations::check(builder, realm));
    }
    builder.problems.extend(problems);
    for (parent, user) in parents {
        builder.refer(Reference::Group, &parent, user);
    }
}

/// The composites of this role are the realm's default roles, which have a field of their own.
fn default_roles(builder: &Builder, address: &Address, object: &DesiredObject) -> Option<Problem> {
    let composites = object.fields.get(&FieldPath::new(["composites"])).filter(|_| is_default_roles(address))?;
    let problem = Problem::error(format!("the composites of `{}` are the realm's default roles", address.name()))
        .help("write them as `defaultRoles = […]` at the top level of the realm");
    Some(problem.maybe_at(builder.place(&composites.origin), "set in the wrong place"))
}

fn missing_basic(
    builder: &Builder,
    realm: &DesiredRealm,
    address: &Address,
    object: &DesiredObject,
) -> Option<Problem> {
    let scopes = object.fields.get(&FieldPath::new(["defaultClientScopes"]))?;
    let Value::Json(Json::Array(names)) = &scopes.value else { return None };
    let names: Vec<&str> = names.iter().filter_map(Json::as_str).collect();
    if !is_oidc(object) || names.contains(&"basic") || has_sub_mapper(realm, address, &names) {
        return None;
    }
    let problem = Problem::warning(format!("tokens of {} will lack `sub`", address.name())).help(
        "Keycloak 25 and later put `sub` and `auth_time` into tokens by the client scope `basic`: add it to the list",
    );
    Some(problem.maybe_at(builder.place(&scopes.origin), "a list without `basic`"))
}

/// The server keeps no secret of a client that is public.
fn public_secret(builder: &Builder, address: &Address, object: &DesiredObject) -> Option<Problem> {
    let is_public = object.fields.get(&FieldPath::new(["publicClient"]))?;
    let secret = object.fields.get(&FieldPath::new(["secret"]))?;
    if is_public.value != Value::Json(Json::Bool(true)) {
        return None;
    }
    let problem = Problem::error(format!("{} is a public client, which has no secret", address.name()))
        .help("leave one of them out: the server would drop the secret");
    let problem = problem.maybe_at(builder.place(&secret.origin), "the secret");
    Some(problem.maybe_and(builder.place(&is_public.origin), "public"))
}

/// The server drops an empty text of these, so that it would be planned for ever.
fn empty_uris(builder: &Builder, object: &DesiredObject) -> Vec<Problem> {
    let is_empty = |declared: &&Declared| matches!(&declared.value, Value::Json(Json::Array(uris)) if uris.iter().any(|uri| uri == ""));
    let lists = ["redirectUris", "webOrigins"].into_iter().filter(|_| *object.kind == kinds::CLIENT);
    let declared = lists.filter_map(|list| Some((list, object.fields.get(&FieldPath::new([list])).filter(is_empty)?)));
    let problem = |(list, declared): (&str, &Declared)| {
        let problem = Problem::error(format!("`{list}` has an empty text"))
            .help("leave it out: the server drops it; \"+\" in webOrigins is every origin of the redirect URIs");
        problem.maybe_at(builder.place(&declared.origin), "a list with an empty text")
    };
    declared.map(problem).collect()
}

fn is_oidc(client: &DesiredObject) -> bool {
    let protocol = client.fields.get(&FieldPath::new(["protocol"])).map(|declared| &declared.value);
    matches!(protocol, None | Some(Value::Json(Json::String(_))))
        && protocol.is_none_or(|it| *it == Value::Json(Json::from("openid-connect")))
}

/// Whether the client or one of its scopes puts `sub` in by itself.
fn has_sub_mapper(realm: &DesiredRealm, client: &Address, scopes: &[&str]) -> bool {
    let owners: Vec<Address> = scopes
        .iter()
        .map(|scope| Address::realm(client.realm_name()).child(&kinds::CLIENT_SCOPE, *scope))
        .chain([client.clone()])
        .collect();
    let mapper = FieldPath::new(["protocolMapper"]);
    let sub = Value::Json(Json::from("oidc-sub-mapper"));
    owners.iter().any(|owner| {
        let below = realm.objects.range(owner.clone()..).take_while(|(address, _)| address.is_within(owner));
        below.into_iter().any(|(_, object)| object.fields.get(&mapper).is_some_and(|it| it.value == sub))
    })
}

/// The parent of a group that is not declared must be known to the server.
fn parent_group(
    builder: &Builder,
    realm: &DesiredRealm,
    address: &Address,
    object: &DesiredObject,
) -> Option<(String, Use)> {
    if *object.kind != kinds::GROUP {
        return None;
    }
    let (parent, _) = address.name().rsplit_once('/').filter(|(parent, _)| !parent.is_empty())?;
    if realm.objects.contains_key(&Address::realm(address.realm_name()).child(&kinds::GROUP, parent)) {
        return None;
    }
    let place = builder.place(&object.origin)?;
    Some((parent.to_owned(), Use { address: address.clone(), path: FieldPath::new(["path"]), place }))
}

/// An old name may be taken again only by an object that got it by a rename, too.
fn renames(builder: &Builder, realm: &DesiredRealm) -> Vec<Problem> {
    let path = FieldPath::new(["lifecycle", "renamedFrom"]);
    let mut problems = Vec::new();
    let mut olds: BTreeMap<Address, &Address> = BTreeMap::new();
    for (address, object) in &realm.objects {
        let Some(name) = &object.lifecycle.renamed_from else { continue };
        let Some(parent) = address.parent() else { continue };
        let old = parent.child(object.kind, name);
        let place = builder.setting(address, &path).cloned();
        if let Some(other) = realm.objects.get(&old).filter(|other| other.lifecycle.renamed_from.is_none()) {
            let problem = Problem::error(format!("{address} cannot be renamed from `{name}`, which is still declared"))
                .help(format!("remove `{name}`, or leave `renamedFrom` out to have both"));
            let problem = problem.maybe_at(place.clone(), "the name is taken");
            problems.push(problem.maybe_and(builder.place(&other.origin), "declared here"));
        }
        if let Some(first) = olds.insert(old, address) {
            let problem = Problem::error(format!("`{name}` cannot become two objects: {first} and {address}"));
            problems.push(problem.maybe_at(place, "renamed a second time"));
        }
    }
    problems
}
