//! What authorization services ask of the client that has them, and each type of policy of its fields.

use serde_json::Value as Json;

use super::builder::Builder;
use super::problem::Problem;
use super::suggest::{did_you_mean, one_of};
use crate::model::{
    ADMIN_PERMISSIONS_CLIENT, Address, DesiredObject, DesiredRealm, FieldPath, RESOURCE_TYPES, Value, kinds,
    own_fields, texts, types_with,
};

/// Checks an object that may be part of authorization services.
pub(super) fn check(
    builder: &Builder,
    realm: &DesiredRealm,
    address: &Address,
    object: &DesiredObject,
) -> Vec<Problem> {
    match object.kind.name {
        "authorization" => client(builder, realm, address, object).into_iter().collect(),
        "authorization policy" | "authorization permission" => {
            let twice = same_name(builder, realm, address, object);
            policy(builder, object).into_iter().chain(twice).collect()
        }
        "permission policy" => {
            let off = switched_off(builder, realm, object);
            policy(builder, object).into_iter().chain(off).collect()
        }
        "permission" => {
            let twice = same_name(builder, realm, address, object);
            let off = switched_off(builder, realm, object);
            permission(builder, object).into_iter().chain(twice).chain(off).collect()
        }
        "client" if address.name() == ADMIN_PERMISSIONS_CLIENT => vec![servers_own(builder, object)],
        _ => Vec::new(),
    }
}

fn servers_own(builder: &Builder, client: &DesiredObject) -> Problem {
    let problem = Problem::error(format!("the client `{ADMIN_PERMISSIONS_CLIENT}` is the server's own"))
        .help("write [permissions.<name>] and [permissionPolicies.<name>]");
    problem.maybe_at(builder.place(&client.origin), "no file declares it")
}

fn switched_off(builder: &Builder, realm: &DesiredRealm, object: &DesiredObject) -> Option<Problem> {
    let settings = realm.objects.iter().find(|(address, _)| address.parent().is_none())?.1;
    let enabled = settings.fields.get(&FieldPath::new(["adminPermissionsEnabled"]));
    if enabled.is_some_and(|it| it.value == Value::Json(Json::Bool(true))) {
        return None;
    }
    let problem = Problem::error(format!("a {} needs a realm with admin permissions", object.kind.name))
        .help("write adminPermissionsEnabled = true at the top level of the realm");
    Some(problem.maybe_at(builder.place(&object.origin), "without effect"))
}

/// The server answers to all of these that it does not know what is wrong.
fn permission(builder: &Builder, object: &DesiredObject) -> Vec<Problem> {
    let field = |name: &str| object.fields.get(&FieldPath::new([name]));
    let json = |name: &str| match field(name).map(|declared| &declared.value) {
        Some(Value::Json(value)) => value.clone(),
        _ => Json::Null,
    };
    let here = || builder.place(&object.origin);
    let types: Vec<&str> = RESOURCE_TYPES.iter().map(|(name, _, _)| *name).collect();
    let resource_type = json("resourceType");
    let Some(ty) = resource_type.as_str() else {
        let problem = Problem::error("a permission has a resource type")
            .help(format!("write resourceType = \"Users\", or another one of {}", one_of(&types)));
        return vec![problem.maybe_at(here(), "without a resource type")];
    };
    // One that is not known is a warning already.
    let Some((_, own, known)) = RESOURCE_TYPES.iter().find(|(name, _, _)| *name == ty) else { return Vec::new() };
    let mut problems = Vec::new();
    for (_, other, _) in RESOURCE_TYPES.iter().filter(|(_, other, _)| other != own) {
        if let Some(declared) = field(other) {
            let problem = Problem::error(format!("a permission of the resource type {ty} has no `{other}`"))
                .help(format!("write {own} = […], or nothing for all of them"));
            problems.push(problem.maybe_at(builder.place(&declared.origin), "of another resource type"));
        }
    }
    if let Some(empty) = field(own).filter(|declared| declared.value == Value::Json(Json::Array(Vec::new()))) {
        let problem = Problem::error(format!("an empty list of {own} would be all of them"))
            .help("leave it out to say so, or delete the permission");
        problems.push(problem.maybe_at(builder.place(&empty.origin), "an empty list"));
    }
    if texts(&json("scopes")).next().is_none() {
        let problem = Problem::error("a permission has scopes").help(format!("those of {ty} are {}", one_of(known)));
        problems.push(problem.maybe_at(here(), "without scopes"));
    }
    for scope in texts(&json("scopes")).filter(|scope| !known.contains(scope)) {
        let problem = Problem::unless(builder.strict, format!("`{scope}` is no known scope of {ty}"))
            .help(format!("known are {}", one_of(known)))
            .maybe_help(did_you_mean(scope, known.iter().copied()));
        problems.push(problem.maybe_at(field("scopes").and_then(|it| builder.place(&it.origin)), "unknown scope"));
    }
    problems
}

/// The server switches them off where the client has no secret to keep, and fails where there is no service account.
fn client(builder: &Builder, realm: &DesiredRealm, address: &Address, services: &DesiredObject) -> Option<Problem> {
    let client = realm.objects.get(&address.parent()?)?;
    let declared = |field: &str| client.fields.get(&FieldPath::new([field]));
    let is = |field: &str, value: bool| declared(field).filter(|it| it.value == Value::Json(Json::Bool(value)));
    let name = address.parent()?;
    let here = builder.place(&services.origin);
    if let Some(public) = is("publicClient", true).or_else(|| is("bearerOnly", true)) {
        let problem = Problem::error(format!("{} is no confidential client, so it has no authorization", name.name()))
            .help("leave one of them out: only a confidential client can ask for permissions of its own resources");
        let problem = problem.maybe_at(here, "authorization services");
        return Some(problem.maybe_and(builder.place(&public.origin), "no confidential client"));
    }
    if is("serviceAccountsEnabled", true).is_some() {
        return None;
    }
    let problem = Problem::error(format!("the authorization of {} needs a service account", name.name()))
        .help("write serviceAccountsEnabled = true");
    Some(problem.maybe_at(here, "authorization services"))
}

/// `an authorization policy`, `a permission policy`
fn a(object: &DesiredObject) -> String {
    let article = if object.kind.name.starts_with('a') { "an" } else { "a" };
    format!("{article} {}", object.kind.name)
}

/// A policy's type says which fields it has. The server would take the others without a word.
fn policy(builder: &Builder, object: &DesiredObject) -> Vec<Problem> {
    let Some(declared) = object.fields.get(&FieldPath::new(["type"])) else {
        let problem = Problem::error(format!("{} has a type", a(object))).help(match object.kind.name {
            "authorization permission" => "write type = \"scope\", or type = \"resource\"".to_owned(),
            _ => "write type = \"role\", or another one of role, group, user, client, client-scope, time, regex, aggregate".to_owned(),
        });
        return vec![problem.maybe_at(builder.place(&object.origin), "without a type")];
    };
    let Value::Json(Json::String(ty)) = &declared.value else { return Vec::new() };
    let is_permission = |ty: &str| matches!(ty, "resource" | "scope");
    if is_permission(ty) != (*object.kind == kinds::AUTHORIZATION_PERMISSION) {
        let problem = Problem::error(format!("`{ty}` is no type of {}", a(object))).help(if is_permission(ty) {
            "write it below `permissions`"
        } else {
            "a permission is of type \"scope\" or \"resource\"; what decides is written below `policies`"
        });
        return vec![problem.maybe_at(builder.place(&declared.origin), "another type")];
    }
    let stray = object.fields.iter().filter(|(path, _)| {
        let with: Vec<&str> = types_with(path.top()).collect();
        match own_fields(ty) {
            Some(own) => path.top() == "config" || (!with.is_empty() && !own.contains(&path.top())),
            None => !with.is_empty(),
        }
    });
    let problems = stray.map(|(path, declared)| {
        let with: Vec<&str> = types_with(path.top()).filter(|it| is_permission(it) == is_permission(ty)).collect();
        let problem = Problem::error(format!("{} of type `{ty}` has no `{}`", a(object), path.top()));
        let problem =
            if with.is_empty() { problem } else { problem.help(format!("that is of type {}", one_of(&with))) };
        problem.maybe_at(builder.place(&declared.origin), "of another type")
    });
    problems.chain(forgotten(builder, object, ty)).collect()
}

/// Keycloak deletes every policy without client scopes when any client scope goes, of whichever realm of the server.
fn forgotten(builder: &Builder, object: &DesiredObject, ty: &str) -> Option<Problem> {
    let scopes = object.fields.get(&FieldPath::new(["clientScopes"]));
    let has_some = scopes.is_some_and(|declared| declared.value != Value::Json(Json::Array(Vec::new())));
    if ty != "client-scope" || has_some {
        return None;
    }
    let problem = Problem::warning(format!("{} without client scopes does not last", a(object)))
        .help("name client scopes, or leave it out: Keycloak deletes it when any client scope of any realm is deleted");
    Some(problem.maybe_at(builder.place(scopes.map_or(&object.origin, |it| &it.origin)), "no client scopes"))
}

/// To the server a permission is a policy, and there is one of each name.
fn same_name(builder: &Builder, realm: &DesiredRealm, address: &Address, object: &DesiredObject) -> Option<Problem> {
    let policy = match object.kind.name {
        "authorization permission" => &kinds::AUTHORIZATION_POLICY,
        "permission" => &kinds::PERMISSION_POLICY,
        _ => return None,
    };
    let twin = realm.objects.get(&address.parent()?.child(policy, address.name()))?;
    let problem = Problem::error(format!("a policy and a permission are both called `{}`", address.name()))
        .help("give one of them another name: the server keeps them in one list");
    let problem = problem.maybe_at(builder.place(&object.origin), "the permission");
    Some(problem.maybe_and(builder.place(&twin.origin), "the policy"))
}
