/*!
Authorization services of clients: settings, scopes, resources, policies, permissions. Fine-grained admin permissions are
such services, too, of a client that is the server's own.

- `read`: from one export of the server's, or, where that is forbidden, from its lists.
- `names`: which objects a policy names, by names in files and by ids on the wire.
*/

mod names;
mod read;

use serde_json::{Value, json};

pub(in crate::keycloak) use self::read::take_in;
pub(super) use self::read::{read, read_permissions};
use super::client;
use super::document::all_of;
use crate::keycloak::ServerError;
use crate::keycloak::path::{query, segment};
use crate::keycloak::shape::{Object, object, text};
use crate::keycloak::writer::{Changes, Leaves, Writer, body, merged};
use crate::model::{ADMIN_PERMISSIONS_CLIENT, Address, FieldPath, Kind, defaults, kinds, own_fields};

/// Whether an object is one of authorization services, or these themselves.
pub(super) fn is_part(address: &Address) -> bool {
    services(address).is_some() || is_of_realm(address.kind())
}

/// Whether such objects are in the authorization services that the server has for its admin permissions.
fn is_of_realm(kind: &Kind) -> bool {
    *kind == kinds::PERMISSION || *kind == kinds::PERMISSION_POLICY
}

/// The authorization services that an object is part of.
fn services(address: &Address) -> Option<Address> {
    std::iter::successors(Some(address.clone()), Address::parent).find(|it| it.kind() == &kinds::AUTHORIZATION)
}

/// The path of the services' resource server below the realm.
async fn base(writer: &Writer, address: &Address) -> Result<String, ServerError> {
    let client = match services(address).and_then(|it| it.parent()) {
        Some(client) => client,
        None => writer.directory.realm().child(&kinds::CLIENT, ADMIN_PERMISSIONS_CLIENT),
    };
    Ok(path_of(&writer.directory.id(&client).await?))
}

fn path_of(client: &str) -> String {
    format!("/clients/{}/authz/resource-server", segment(client))
}

/// What each kind is called in paths.
fn word(kind: &Kind) -> &'static str {
    match kind.name {
        "authorization scope" => "scope",
        "authorization resource" => "resource",
        "authorization permission" | "permission" => "permission",
        _ => "policy",
    }
}

/// Puts the services of a new client into its representation, and says whether there are any: one request makes both, or
/// neither.
pub(super) fn carry(client: &mut Object, carried: &[(Address, Leaves)]) -> bool {
    let services = carried.iter().find(|(address, _)| address.kind() == &kinds::AUTHORIZATION);
    if let Some((_, leaves)) = services {
        client.insert("authorizationServicesEnabled".to_owned(), true.into());
        client.insert("authorizationSettings".to_owned(), Value::Object(settings(body(leaves))));
    }
    services.is_some()
}

/// Makes sure that the server knows of the services that it made with a client.
///
/// Making a client, it looks for services, finds none, and notes that in a cache, beside its work: the note may come after
/// the services, and then they are there and nobody can use them (26.7.4, about once in seven times on a busy server).
/// Switching them on again is refused as a conflict, and clears the note.
pub(super) async fn remind(writer: &Writer, client: &Address) -> Result<(), ServerError> {
    let services = client.child(&kinds::AUTHORIZATION, "");
    if writer.http().find(&writer.path(base(writer, &services).await?)).await?.is_none() {
        client::switch_authorization(writer, &services, true).await?;
    }
    Ok(())
}

/// The server has no defaults for what is left out here: of nothing it makes an enforcement mode that is none.
fn settings(mut settings: Object) -> Object {
    let kind = &kinds::AUTHORIZATION;
    for field in kind.fields {
        if let Some(default) = defaults(kind, &FieldPath::new([field.name])) {
            settings.entry(field.name).or_insert_with(|| default.clone());
        }
    }
    settings
}

pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    if address.kind() == &kinds::AUTHORIZATION {
        client::switch_authorization(writer, address, true).await?;
        return put_settings(writer, address, body(leaves)).await;
    }
    let representation = representation(writer, address, body(leaves)).await?;
    let list = list(writer, address, &representation).await?;
    let list = writer.path(list);
    let (made, new_services) =
        (writer.post(address, &list, representation.clone()).await, new_services(writer, address));
    match (made, new_services) {
        // Keycloak 26.0 makes a resource, a policy and a permission when the services are switched on (26.7 none), to
        // which no plan can look forward.
        (Err(ServerError::Http(e)), Some(_)) if e.is_conflict() => update(writer, address, &all_of(leaves)).await,
        // The note that there are none, see `remind`, came later still.
        (Err(ServerError::Http(e)), Some(services)) if e.is_not_found() => {
            client::switch_authorization(writer, &services, true).await?;
            writer.post(address, &list, representation).await
        }
        (made, _) => made,
    }
}

/// The services that an object is part of, where they came with this run.
fn new_services(writer: &Writer, address: &Address) -> Option<Address> {
    services(address).filter(|services| writer.live(services).is_none())
}

/// A PUT replaces the whole object, but for the lists that are left out.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let merged = merged(writer.live(address), changes);
    if address.kind() == &kinds::AUTHORIZATION {
        return put_settings(writer, address, merged).await;
    }
    let representation = representation(writer, address, merged).await?;
    let path =
        format!("{}/{}", list(writer, address, &representation).await?, segment(&id(writer, address, address).await?));
    Ok(writer.http().put(&writer.path(path), &Value::Object(representation)).await?)
}

async fn put_settings(writer: &Writer, address: &Address, changed: Object) -> Result<(), ServerError> {
    let path = writer.path(base(writer, address).await?);
    Ok(writer.http().put(&path, &Value::Object(settings(changed))).await?)
}

/// Finds out, by the name of before, the id of an object that is about to be renamed.
pub(super) async fn relocate(writer: &Writer, from: &Address, to: &Address) -> Result<(), ServerError> {
    let id = id(writer, to, from).await?;
    writer.directory.note(from, &id);
    Ok(())
}

pub(super) async fn delete(writer: &Writer, address: &Address) -> Result<(), ServerError> {
    if address.kind() == &kinds::AUTHORIZATION {
        return client::switch_authorization(writer, address, false).await;
    }
    let id = id(writer, address, address).await?;
    let path = format!("{}/{}/{}", base(writer, address).await?, endpoint(address.kind()), segment(&id));
    Ok(writer.http().delete(&writer.path(path)).await?)
}

/// A permission is a policy to the server, and only made and changed elsewhere.
fn endpoint(kind: &Kind) -> &'static str {
    if word(kind) == "permission" { "policy" } else { word(kind) }
}

/// Where objects like this one are made, and changed by their ids: policies by their types.
async fn list(writer: &Writer, address: &Address, representation: &Object) -> Result<String, ServerError> {
    let list = format!("{}/{}", base(writer, address).await?, word(address.kind()));
    Ok(match representation.get("type").and_then(Value::as_str) {
        Some(ty) if address.kind() != &kinds::AUTHORIZATION_RESOURCE => format!("{list}/{}", segment(ty)),
        _ => list,
    })
}

/// The id of an object that is called as `named` still: the export that was read has none.
async fn id(writer: &Writer, address: &Address, named: &Address) -> Result<String, ServerError> {
    if let Some(id) = writer.directory.known(named) {
        return Ok(id);
    }
    let base = base(writer, address).await?;
    let path = writer.path(format!("{base}/{}/search?name={}", endpoint(address.kind()), query(named.name())));
    // No such object is an empty answer.
    let found = match writer.http().get(&path).await? {
        Value::Null => return Err(ServerError::Missing { address: named.to_string() }),
        found => object(found, "an object of authorization services")?,
    };
    let key = if address.kind() == &kinds::AUTHORIZATION_RESOURCE { "_id" } else { "id" };
    let id = text(&found, key)?.to_owned();
    writer.directory.note(named, &id);
    Ok(id)
}

/// The object as requests hold it.
async fn representation(writer: &Writer, address: &Address, mut object: Object) -> Result<Object, ServerError> {
    object.insert("name".to_owned(), address.name().into());
    if address.kind() == &kinds::AUTHORIZATION_RESOURCE {
        let scopes = object.remove("scopes").unwrap_or_else(|| json!([]));
        let scopes = scopes.as_array().into_iter().flatten().map(|name| json!({ "name": name }));
        object.insert("scopes".to_owned(), scopes.collect());
        // Attributes that are left out would stay.
        object.entry("attributes").or_insert_with(|| json!({}));
    }
    if address.kind() == &kinds::PERMISSION {
        object.insert("type".to_owned(), "scope".into());
        let resources = names::resources(writer, &mut object).await?;
        object.insert("resources".to_owned(), resources);
    }
    let ty = object.get("type").and_then(Value::as_str).unwrap_or_default();
    if matches!(word(address.kind()), "policy" | "permission") {
        for field in own_fields(ty).unwrap_or_default() {
            complete(&mut object, field);
        }
        names::to_ids(writer, &mut object).await?;
    }
    Ok(object)
}

/// A list that is left out stays, or makes the server answer 500 (26.7.4), and so does the claim of a group policy stay.
fn complete(policy: &mut Object, field: &str) {
    match field {
        "roles" | "groups" | "users" | "clients" | "clientScopes" | "policies" | "resources" | "scopes" => {
            policy.entry(field).or_insert_with(|| json!([]));
        }
        "groupsClaim" => drop(policy.entry(field).or_insert_with(|| "".into())),
        _ => {}
    }
}
