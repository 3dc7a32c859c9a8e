//! What Keycloak gives by itself: recorded from a fresh realm, so that nobody types defaults by hand.

use serde_json::{Map, Value, json};

use super::directory::Directory;
use super::interest::Interest;
use super::path::segment;
use super::reader::Reader;
use super::shape::{Object, object, objects, text};
use super::{Http, ServerError, kinds as wire};
use crate::model::{Address, FieldPath, Kind, LiveObject, LiveValue, Write, kinds};

/// The throwaway realm that is looked at.
const REALM: &str = "realmform-defaults";

/// The defaults of every kind, and the objects and flows that every realm has: the content of
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
    let objects = builtin_objects(http).await?;
    let flows = names(http, "authentication/flows", "alias").await?;
    let fields = fields(http).await?;
    Ok(json!({ "objects": objects, "flows": flows, "fields": fields }))
}

/// Addresses within the realm, sorted.
async fn builtin_objects(http: &Http) -> Result<Vec<String>, ServerError> {
    let realm = Address::realm(REALM);
    let mut found = Vec::new();
    for scope in list(http, "client-scopes").await? {
        let address = realm.child(&kinds::CLIENT_SCOPE, text(&scope, "name")?);
        found.push(address.clone());
        found.extend(mappers(&address, &scope)?);
    }
    for name in names(http, "roles", "name").await? {
        found.push(realm.child(&kinds::ROLE, name));
    }
    for client in list(http, "clients").await? {
        let address = realm.child(&kinds::CLIENT, text(&client, "clientId")?);
        found.extend(mappers(&address, &client)?);
        for name in names(http, &format!("clients/{}/roles", text(&client, "id")?), "name").await? {
            found.push(address.child(&kinds::CLIENT_ROLE, name));
        }
        found.push(address);
    }
    let mut texts: Vec<String> = found.iter().map(Address::within_realm).filter(|it| !it.contains(REALM)).collect();
    texts.sort();
    Ok(texts)
}

fn mappers(parent: &Address, object: &Object) -> Result<Vec<Address>, ServerError> {
    let mappers = objects(object.get("protocolMappers").cloned().unwrap_or_else(|| json!([])), "the mappers")?;
    mappers.iter().map(|mapper| Ok(parent.child(&kinds::PROTOCOL_MAPPER, text(mapper, "name")?))).collect()
}

/// By kind and field: what an object has that was made with its key alone.
async fn fields(http: &Http) -> Result<Map<String, Value>, ServerError> {
    let realm = Address::realm(REALM);
    let client = realm.child(&kinds::CLIENT, "fresh");
    let role = realm.child(&kinds::ROLE, "fresh");
    let provider = realm.child(&kinds::IDENTITY_PROVIDER, "fresh");
    let config = json!({ "authorizationUrl": "https://fresh.example/a", "tokenUrl": "https://fresh.example/t", "clientId": "x" });
    for (path, body) in [
        ("clients", json!({ "clientId": "fresh" })),
        ("roles", json!({ "name": "fresh" })),
        ("groups", json!({ "name": "fresh" })),
        ("client-scopes", json!({ "name": "fresh", "protocol": "openid-connect" })),
        ("identity-provider/instances", json!({ "alias": "fresh", "providerId": "oidc", "config": config })),
    ] {
        http.post(&format!("/{REALM}/{path}"), &body).await?;
    }
    let mut interest = Interest::default();
    let scope = realm.child(&kinds::CLIENT_SCOPE, "fresh");
    let group = realm.child(&kinds::GROUP, "/fresh");
    for address in [&realm, &client, &role, &provider, &scope, &group] {
        interest.add_whole(address);
    }
    let directory = Directory::new(http.clone(), realm, REALM);
    let reader = Reader::new(&directory, &interest);
    let settings = object(http.get(&format!("/{}", segment(REALM))).await?, "the realm")?;
    wire::read(&reader, settings).await?;
    Ok(reader.into_objects().into_iter().map(|(address, object)| of_object(&address, object)).collect())
}

fn of_object(address: &Address, object: LiveObject) -> (String, Value) {
    let kind = address.kind();
    let mut fields = Map::new();
    for (path, value) in object.fields {
        let LiveValue::Json(value) = value else { continue };
        // What names the object, or was only given so that it could be made, is no default.
        let given = path.top() == kind.key || is_given(kind, &path);
        if kind.write(&path) != Write::Server && !given && !value.to_string().contains(REALM) {
            fields.insert(path.to_string(), value);
        }
    }
    (kind.name.to_owned(), Value::Object(fields))
}

fn is_given(kind: &Kind, path: &FieldPath) -> bool {
    match path.top() {
        "id" | "providerId" => true,
        "attributes" if kind == &kinds::REALM => path.rest().any(|name| wire::MIRRORS.contains(&name)),
        "config" => kind == &kinds::IDENTITY_PROVIDER,
        // A time stamp, and what tells clients of realms in master apart.
        "attributes" => kind == &kinds::CLIENT,
        _ => false,
    }
}

async fn list(http: &Http, path: &str) -> Result<Vec<Object>, ServerError> {
    objects(http.get(&format!("/{REALM}/{path}")).await?, path)
}

async fn names(http: &Http, path: &str, field: &str) -> Result<Vec<String>, ServerError> {
    let mut names = list(http, path)
        .await?
        .iter()
        .map(|it| Ok(text(it, field)?.to_owned()))
        .collect::<Result<Vec<_>, ServerError>>()?;
    names.sort();
    Ok(names)
}
