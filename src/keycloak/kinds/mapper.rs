//! Mappers: of clients, client scopes and identity providers. They come with their parent and change one by one.

use serde_json::{Value, json};

use crate::keycloak::ServerError;
use crate::keycloak::intake::Intake;
use crate::keycloak::path::segment;
use crate::keycloak::shape::{Object, objects, text};
use crate::keycloak::writer::{Changes, Leaves, Writer, body, merged};
use crate::model::{Address, kinds};

/// Takes in the mappers that a representation of the parent holds.
pub(in crate::keycloak) fn take_in(
    intake: &impl Intake,
    parent: &Address,
    mappers: Option<Value>,
) -> Result<(), ServerError> {
    let kind = match parent.kind().name {
        "identity provider" => &kinds::IDENTITY_PROVIDER_MAPPER,
        _ => &kinds::PROTOCOL_MAPPER,
    };
    for mapper in objects(mappers.unwrap_or_else(|| json!([])), "the mappers")? {
        let address = parent.child(kind, text(&mapper, "name")?);
        let id = text(&mapper, "id")?.to_owned();
        intake.add(&address, &id, mapper);
    }
    Ok(())
}

/// Puts mappers into the representation of a new parent: one request makes them all.
pub(super) fn carry(parent: &mut Object, carried: &[(Address, Leaves)]) {
    let protocol = parent.get("protocol").cloned();
    let mappers = carried.iter().filter(|(address, _)| address.kind() == &kinds::PROTOCOL_MAPPER);
    let mappers: Vec<Value> = mappers
        .map(|(address, leaves)| Value::Object(representation(address, body(leaves), protocol.as_ref())))
        .collect();
    if !mappers.is_empty() {
        parent.insert("protocolMappers".to_owned(), mappers.into());
    }
}

pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    let mut mapper = representation(address, body(leaves), parent_protocol(writer, address));
    if address.kind() == &kinds::IDENTITY_PROVIDER_MAPPER {
        mapper.remove("protocol");
        mapper.insert("identityProviderAlias".to_owned(), parent_name(address).into());
    }
    let list = writer.path(list(writer, address).await?);
    match writer.post(address, &list, mapper).await {
        // Where others answer 409, the mappers of identity providers answer 400, as for anything else.
        Err(ServerError::Http(e)) if e.status() == Some(400) && e.repeated() => {
            let there = objects(writer.http().get(&list).await?, "the mappers")?;
            let made = there.iter().any(|mapper| mapper.get("name").is_some_and(|name| name == address.name()));
            if made { Ok(()) } else { Err(e.into()) }
        }
        made => made,
    }
}

/// A PUT replaces the whole mapper.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let mut mapper = merged(writer.live(address), changes);
    mapper.insert("id".to_owned(), id(writer, address).await?.into());
    mapper.insert("name".to_owned(), address.name().into());
    if address.kind() == &kinds::IDENTITY_PROVIDER_MAPPER {
        mapper.insert("identityProviderAlias".to_owned(), parent_name(address).into());
    }
    mapper.entry("config").or_insert_with(|| Object::new().into());
    Ok(writer.http().put(&writer.path(path(writer, address).await?), &Value::Object(mapper)).await?)
}

/// The path of one mapper below the realm.
pub(super) async fn path(writer: &Writer, address: &Address) -> Result<String, ServerError> {
    let id = id(writer, address).await?;
    Ok(format!("{}/{}", list(writer, address).await?, segment(&id)))
}

/// The id of a mapper; those that a new realm has by itself were not read before.
async fn id(writer: &Writer, address: &Address) -> Result<String, ServerError> {
    if writer.directory.known(address).is_none() {
        let siblings = objects(writer.http().get(&writer.path(list(writer, address).await?)).await?, "the mappers")?;
        for mapper in siblings.iter().filter(|mapper| mapper.get("name").is_some_and(|it| it == address.name())) {
            writer.directory.note(address, text(mapper, "id")?);
        }
    }
    writer.directory.id(address).await
}

async fn list(writer: &Writer, address: &Address) -> Result<String, ServerError> {
    let parent = address.parent().unwrap_or_else(|| address.clone());
    Ok(match parent.kind().name {
        "identity provider" => format!("{}/mappers", super::identity_provider::path(&parent)),
        "client scope" => format!("/client-scopes/{}/protocol-mappers/models", writer.directory.id(&parent).await?),
        _ => format!("/clients/{}/protocol-mappers/models", writer.directory.id(&parent).await?),
    })
}

fn representation(address: &Address, mut mapper: Object, protocol: Option<&Value>) -> Object {
    mapper.insert("name".to_owned(), address.name().into());
    mapper.entry("protocol").or_insert_with(|| protocol.cloned().unwrap_or_else(|| "openid-connect".into()));
    mapper
}

fn parent_protocol<'a>(writer: &'a Writer, address: &Address) -> Option<&'a Value> {
    writer.live(&address.parent()?)?.plain("protocol")
}

fn parent_name(address: &Address) -> String {
    address.parent().map(|parent| parent.name().to_owned()).unwrap_or_default()
}
