//! Roles of the realm and of clients.

use serde_json::Value;

use super::document::all_of;
use crate::keycloak::ServerError;
use crate::keycloak::directory::Directory;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, object, objects, text};
use crate::keycloak::writer::{Changes, Leaves, Links, Writer, body, delta, merged};
use crate::model::{Address, FieldPath, PROTECTION_ROLE, kinds};

/// Takes in the realm's roles, and answers those whose composites matter.
pub(super) async fn read(reader: &Reader<'_>) -> Result<Vec<(Address, String)>, ServerError> {
    let lookup = async |name: &str| {
        let role = reader.find(&format!("/roles/{}", segment(name))).await?;
        role.map(|role| object(role, "a role")).transpose()
    };
    let take = |role| take_in(reader, reader.realm(), role);
    reader.collect(reader.realm(), &kinds::ROLE, "/roles?briefRepresentation=false&", lookup, take).await
}

/// Takes in the roles of one client, and answers those whose composites matter.
pub(super) async fn read_of_client(
    reader: &Reader<'_>,
    client: &Address,
    id: &str,
) -> Result<Vec<(Address, String)>, ServerError> {
    // Not by pages: the server keeps the whole list in its cache and looks for each page in the database.
    let roles = reader.get(&format!("/clients/{}/roles?briefRepresentation=false", segment(id))).await?;
    let mut composite = Vec::new();
    for role in objects(roles, "the roles of a client")? {
        composite.extend(take_in(reader, client, role)?);
    }
    Ok(composite)
}

fn take_in(reader: &Reader<'_>, parent: &Address, role: Object) -> Result<Option<(Address, String)>, ServerError> {
    let kind =
        if parent.parent().is_some() || parent.collection().is_some() { &kinds::CLIENT_ROLE } else { &kinds::ROLE };
    let (address, id) = (parent.child(kind, text(&role, "name")?), text(&role, "id")?.to_owned());
    let has_composites = role.get("composite") == Some(&Value::Bool(true));
    let matters = reader.add(&address, &id, role) && has_composites && reader.interest.wants(&address, "composites");
    Ok(matters.then_some((address, id)))
}

/// Reads the composites of those roles.
pub(super) async fn read_links(reader: &Reader<'_>, roles: &[(Address, String)]) -> Result<(), ServerError> {
    for_each(roles, async |(address, id)| {
        reader.add_field(address, "composites", composites(reader.directory, id).await?);
        Ok(())
    })
    .await
}

/// The composites of a role as a sorted set: `auditor`, `shop:refund`.
pub(super) async fn composites(directory: &Directory, id: &str) -> Result<Value, ServerError> {
    let path = format!("{}/roles-by-id/{}/composites", directory.base(), segment(id));
    let roles = objects(directory.http().get(&path).await?, "the composites")?;
    let mut names = Vec::new();
    for role in &roles {
        let name = text(role, "name")?;
        if role.get("clientRole") == Some(&Value::Bool(true)) {
            names.push(format!("{}:{name}", directory.client_name(text(role, "containerId")?).await?));
        } else {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names.into())
}

pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    let mut role = body(leaves);
    role.insert("name".to_owned(), address.name().into());
    let list = match address.parent().filter(|parent| parent.collection().is_some()) {
        Some(client) => format!("/clients/{}/roles", writer.directory.id(&client).await?),
        None => "/roles".to_owned(),
    };
    match writer.post(address, &writer.path(list), role).await {
        // The server itself makes this one with authorization services.
        Err(ServerError::Http(e)) if e.is_conflict() && address.name() == PROTECTION_ROLE => {
            update(writer, address, &all_of(leaves)).await
        }
        made => made,
    }
}

/// A PUT clears a description that is left out.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let mut role = merged(writer.live(address), changes);
    role.insert("name".to_owned(), address.name().into());
    // Attributes that are left out would stay.
    role.entry("attributes").or_insert_with(|| Object::new().into());
    let path = writer.path(format!("/roles-by-id/{}", writer.directory.id(address).await?));
    Ok(writer.http().put(&path, &Value::Object(role)).await?)
}

pub(super) async fn link(writer: &Writer, address: &Address, links: &Links) -> Result<(), ServerError> {
    let Some((before, after)) = links.get(&FieldPath::new(["composites"])) else { return Ok(()) };
    let id = writer.directory.id(address).await?;
    link_composites(writer, &id, before, after).await
}

pub(super) async fn link_composites(
    writer: &Writer,
    id: &str,
    before: &Value,
    after: &Value,
) -> Result<(), ServerError> {
    let (added, removed) = delta(before, after);
    let path = writer.path(format!("/roles-by-id/{}/composites", segment(id)));
    change_roles(writer, &path, &grants(writer, &added).await?, &grants(writer, &removed).await?).await
}

/// Adds and removes roles at an endpoint that takes lists of them.
pub(super) async fn change_roles(
    writer: &Writer,
    path: &str,
    added: &[Value],
    removed: &[Value],
) -> Result<(), ServerError> {
    if !added.is_empty() {
        writer.http().post(path, &added.into()).await?;
    }
    if !removed.is_empty() {
        writer.http().delete_with(path, &removed.into()).await?;
    }
    Ok(())
}

/// What requests name roles by.
pub(super) async fn grants(writer: &Writer, names: &[&str]) -> Result<Vec<Value>, ServerError> {
    let mut roles = Vec::new();
    for name in names {
        let role = writer.directory.role(name).await?;
        roles.push(role.ok_or_else(|| ServerError::Unknown { what: "role", name: (*name).to_owned() })?);
    }
    Ok(roles)
}

/// Runs requests for each item side by side; the connection bounds how many are under way.
pub(super) async fn for_each<T>(
    items: &[T],
    run: impl AsyncFn(&T) -> Result<(), ServerError>,
) -> Result<(), ServerError> {
    use futures_util::{StreamExt as _, TryStreamExt as _, stream};
    stream::iter(items).map(|item| run(item)).buffer_unordered(16).try_collect().await
}
