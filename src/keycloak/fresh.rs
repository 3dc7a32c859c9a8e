//! What Keycloak gives by itself: recorded from a fresh realm, so that nobody types defaults by hand.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::directory::Directory;
use super::interest::Interest;
use super::path::segment;
use super::reader::Reader;
use super::shape::{object, objects, text};
use super::{Http, ServerError, kinds as wire};
use crate::model::{Address, FieldPath, Kind, LiveObject, LiveValue, REALM_PLACEHOLDER, Write, kinds};

/// The throwaway realm that is looked at.
const REALM: &str = "realmform-defaults";

/// The client whose authorization services are looked at.
const PROTECTED: &str = "fresh-protected";

/// The defaults of every kind, and the objects that every realm has: the content of
/// `src/model/defaults/VERSION.json`. Makes a realm of its own and deletes it.
///
/// # Errors
/// The server's refusals; a realm of that name that exists already.
pub async fn record_defaults(http: &Http) -> Result<Value, ServerError> {
    http.post("", &json!({ "realm": REALM, "enabled": true })).await?;
    http.refresh_token().await?;
    let recorded = record(http).await;
    http.delete(&format!("/{REALM}")).await?;
    recorded
}

async fn record(http: &Http) -> Result<Value, ServerError> {
    let realm = Address::realm(REALM);
    let profiles = global_profiles(http).await?;
    let builtin = read(http).await?;
    make_fresh_objects(http).await?;
    let fresh = fresh_objects(&realm);
    let (mut objects, mut fields) = (Map::new(), Map::new());
    for (address, object) in read(http).await? {
        if address == realm || fresh.contains(&address) {
            fields.insert(object.kind.name.to_owned(), of_kind(object));
        } else if builtin.contains_key(&address) {
            objects.insert(address.within_realm().replace(REALM, REALM_PLACEHOLDER), of_builtin(object));
        }
    }
    let providers = super::survey::providers(http).await?;
    Ok(json!({ "objects": objects, "clientProfiles": profiles, "fields": fields, "providers": providers }))
}

async fn read(http: &Http) -> Result<BTreeMap<Address, LiveObject>, ServerError> {
    let directory = Directory::new(http.clone(), Address::realm(REALM), REALM);
    let interest = Interest::everything().with_users();
    let reader = Reader::new(&directory, &interest);
    let settings = object(http.get(&format!("/{}", segment(REALM))).await?, "the realm")?;
    wire::read(&reader, settings).await?;
    Ok(reader.into_objects())
}

/// Objects that are made with their key alone, or nearly so.
async fn make_fresh_objects(http: &Http) -> Result<(), ServerError> {
    let config = json!({ "authorizationUrl": "https://fresh.example/a", "tokenUrl": "https://fresh.example/t", "clientId": "x" });
    for (path, body) in [
        ("clients", json!({ "clientId": "fresh" })),
        ("roles", json!({ "name": "fresh" })),
        ("groups", json!({ "name": "fresh" })),
        ("client-scopes", json!({ "name": "fresh", "protocol": "openid-connect" })),
        ("clients", protected()),
        // Disabled, as the server makes users, is what no file means: see `on_create`.
        ("users", json!({ "username": "fresh", "enabled": true })),
        ("identity-provider/instances", json!({ "alias": "fresh", "providerId": "oidc", "config": config })),
    ] {
        http.post(&format!("/{REALM}/{path}"), &body).await?;
    }
    http.put(&format!("/{REALM}"), &json!({ "organizationsEnabled": true })).await?;
    // Before 26.1 an organization needs a domain.
    let organization = json!({ "name": "fresh", "domains": [{ "name": "fresh.example" }] });
    http.post(&format!("/{REALM}/organizations"), &organization).await?;
    let workflow = json!({ "name": "fresh", "steps": [{ "uses": "disable-user" }] });
    match http.post(&format!("/{REALM}/workflows"), &workflow).await {
        // A version without workflows.
        Err(e) if e.is_not_found() => Ok(()),
        made => Ok(made.map(drop)?),
    }
}

/// A client for its authorization services.
fn protected() -> Value {
    json!({
        "clientId": PROTECTED,
        "serviceAccountsEnabled": true,
        "authorizationServicesEnabled": true,
        "authorizationSettings": {
            "scopes": [{ "name": "fresh" }],
            "resources": [{ "name": "fresh" }],
            "policies": [
                { "name": "fresh", "type": "user", "config": { "users": "[]" } },
                { "name": "fresh permission", "type": "resource", "config": {} },
            ],
        },
    })
}

fn fresh_objects(realm: &Address) -> Vec<Address> {
    let fresh = [
        &kinds::CLIENT,
        &kinds::ROLE,
        &kinds::IDENTITY_PROVIDER,
        &kinds::CLIENT_SCOPE,
        &kinds::ORGANIZATION,
        &kinds::USER,
        &kinds::WORKFLOW,
    ];
    let mut objects: Vec<Address> = fresh.into_iter().map(|kind| realm.child(kind, "fresh")).collect();
    objects.push(realm.child(&kinds::GROUP, "/fresh"));
    let services = realm.child(&kinds::CLIENT, PROTECTED).child(&kinds::AUTHORIZATION, "");
    objects.push(services.child(&kinds::AUTHORIZATION_SCOPE, "fresh"));
    objects.push(services.child(&kinds::AUTHORIZATION_RESOURCE, "fresh"));
    objects.push(services.child(&kinds::AUTHORIZATION_POLICY, "fresh"));
    objects.push(services.child(&kinds::AUTHORIZATION_PERMISSION, "fresh permission"));
    objects.push(services);
    objects
}

/// What any object of its kind has that says nothing about it.
fn of_kind(object: LiveObject) -> Value {
    let kind = object.kind;
    // What names the object, or was only given so that it could be made, is no default.
    let is_own = |path: &FieldPath, value: &Value| {
        path.top() == kind.key || is_given(kind, path) || value.to_string().contains(REALM)
    };
    leaves(object).filter(|(path, value)| !is_own(path, value)).map(|(path, value)| (path.to_string(), value)).collect()
}

/// What an object has that every realm has, with a placeholder for the realm's name.
fn of_builtin(object: LiveObject) -> Value {
    let is_volatile = |path: &FieldPath| path.rest().any(|it| kinds::SERVER_ATTRIBUTES.contains(&it));
    let kind = object.kind;
    let leaves = leaves(object).filter(|(path, _)| path.top() != "id" && path.top() != kind.key && !is_volatile(path));
    leaves.map(|(path, value)| json!([path, with_placeholder(value)])).collect()
}

fn leaves(object: LiveObject) -> impl Iterator<Item = (FieldPath, Value)> {
    let kind = object.kind;
    let plain = object.fields.into_iter().filter_map(|(path, value)| match value {
        LiveValue::Json(value) => Some((path, value)),
        LiveValue::Secret(_) | LiveValue::Masked => None,
    });
    plain.filter(|(path, _)| kind.write(path) != Write::Server)
}

fn with_placeholder(value: Value) -> Value {
    match value {
        Value::String(text) => text.replace(REALM, REALM_PLACEHOLDER).into(),
        Value::Array(items) => items.into_iter().map(with_placeholder).collect(),
        other => other,
    }
}

fn is_given(kind: &Kind, path: &FieldPath) -> bool {
    match path.top() {
        "id" | "providerId" => true,
        // Switched on so that there can be an organization, which is called by its alias.
        "organizationsEnabled" => kind == &kinds::REALM,
        "name" | "domains" => kind == &kinds::ORGANIZATION,
        "type" => kind.write(path) == Write::CreateOnly,
        "steps" => kind == &kinds::WORKFLOW,
        "attributes" if kind == &kinds::REALM => path.rest().any(|name| kinds::mirrored(name).is_some()),
        "config" => kind == &kinds::IDENTITY_PROVIDER,
        // Nothing but the server's own.
        "attributes" => kind == &kinds::CLIENT,
        _ => false,
    }
}

/// The client profiles that every realm may name and none has.
async fn global_profiles(http: &Http) -> Result<Vec<String>, ServerError> {
    let path = format!("/{REALM}/client-policies/profiles?include-global-profiles=true");
    let mut profiles = object(http.get(&path).await?, "the client profiles")?;
    let profiles = objects(profiles.remove("globalProfiles").unwrap_or_default(), "the global client profiles")?;
    let names = profiles.iter().map(|it| Ok(text(it, "name")?.to_owned()));
    let mut names = names.collect::<Result<Vec<_>, ServerError>>()?;
    names.sort();
    Ok(names)
}
