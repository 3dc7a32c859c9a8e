//! What authorization services ask of the client that has them, and each type of policy of its fields.

use serde_json::Value as Json;

use super::builder::Builder;
use super::checks::at;
use super::problem::Problem;
use super::suggest::one_of;
use crate::model::{Address, DesiredObject, DesiredRealm, FieldPath, Value, kinds, own_fields, types_with};

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
        _ => Vec::new(),
    }
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
        let problem = at(problem, here, "authorization services");
        return Some(match builder.place(&public.origin) {
            Some(place) => problem.and(place, "no confidential client"),
            None => problem,
        });
    }
    if is("serviceAccountsEnabled", true).is_some() {
        return None;
    }
    let problem = Problem::error(format!("the authorization of {} needs a service account", name.name()))
        .help("write serviceAccountsEnabled = true");
    Some(at(problem, here, "authorization services"))
}

/// A policy's type says which fields it has. The server would take the others without a word.
fn policy(builder: &Builder, object: &DesiredObject) -> Vec<Problem> {
    let Some(declared) = object.fields.get(&FieldPath::new(["type"])) else {
        let problem = Problem::error(format!("an {} has a type", object.kind.name)).help(match object.kind.name {
            "authorization permission" => "write type = \"scope\", or type = \"resource\"".to_owned(),
            _ => "write type = \"role\", or another one of role, group, user, client, client-scope, time, regex, aggregate".to_owned(),
        });
        return vec![at(problem, builder.place(&object.origin), "without a type")];
    };
    let Value::Json(Json::String(ty)) = &declared.value else { return Vec::new() };
    let is_permission = |ty: &str| matches!(ty, "resource" | "scope");
    if is_permission(ty) != (*object.kind == kinds::AUTHORIZATION_PERMISSION) {
        let problem =
            Problem::error(format!("`{ty}` is no type of an {}", object.kind.name)).help(if is_permission(ty) {
                "write it below `permissions`"
            } else {
                "a permission is of type \"scope\" or \"resource\"; what decides is written below `policies`"
            });
        return vec![at(problem, builder.place(&declared.origin), "another type")];
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
        let problem = Problem::error(format!("an {} of type `{ty}` has no `{}`", object.kind.name, path.top()));
        let problem =
            if with.is_empty() { problem } else { problem.help(format!("that is of type {}", one_of(&with))) };
        at(problem, builder.place(&declared.origin), "of another type")
    });
    problems.collect()
}

/// To the server a permission is a policy, and there is one of each name.
fn same_name(builder: &Builder, realm: &DesiredRealm, address: &Address, object: &DesiredObject) -> Option<Problem> {
    let twin = address.parent()?.child(&kinds::AUTHORIZATION_POLICY, address.name());
    let twin = realm.objects.get(&twin).filter(|_| *object.kind == kinds::AUTHORIZATION_PERMISSION)?;
    let problem = Problem::error(format!("a policy and a permission are both called `{}`", address.name()))
        .help("give one of them another name: the server keeps them in one list");
    let problem = at(problem, builder.place(&object.origin), "the permission");
    Some(match builder.place(&twin.origin) {
        Some(place) => problem.and(place, "the policy"),
        None => problem,
    })
}
