//! Identity providers.

use serde_json::Value;

use super::{mapper, role};
use crate::keycloak::ServerError;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{object, text};
use crate::keycloak::writer::{Changes, Leaves, Writer, body, merged};
use crate::model::{Address, kinds};

/// Takes in the providers, and their mappers where these matter.
pub(super) async fn read(reader: &Reader<'_>) -> Result<(), ServerError> {
    let lookup = async |alias: &str| {
        let provider = reader.find(&format!("/identity-provider/instances/{}", segment(alias))).await?;
        provider.map(|provider| object(provider, "an identity provider")).transpose()
    };
    let list = "/identity-provider/instances?briefRepresentation=false&";
    let take = |provider| {
        let address = reader.realm().child(&kinds::IDENTITY_PROVIDER, text(&provider, "alias")?);
        // Lists leave out the id that a single answer has, and requests go by alias anyway.
        let taken = reader.add(&address, address.name(), provider);
        let mappers_matter = reader.interest.any(&address, &kinds::IDENTITY_PROVIDER_MAPPER);
        Ok((taken && (mappers_matter || reader.interest.sweeps(&address))).then_some(address))
    };
    let with_mappers = reader.collect(reader.realm(), &kinds::IDENTITY_PROVIDER, list, lookup, take).await?;
    role::for_each(&with_mappers, async |address| {
        let mappers = reader.get(&format!("{}/mappers", path(address))).await?;
        mapper::take_in(reader, address, Some(mappers))
    })
    .await
}

pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    let mut provider = body(leaves);
    provider.insert("alias".to_owned(), address.name().into());
    writer.post(address, &writer.path("/identity-provider/instances"), provider).await
}

/// A PUT replaces everything, and keeps the stored secret when it is sent its mask.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let mut provider = merged(writer.live(address), changes);
    provider.insert("alias".to_owned(), address.name().into());
    Ok(writer.http().put(&writer.path(path(address)), &Value::Object(provider)).await?)
}

/// The path of a provider below the realm.
pub(super) fn path(address: &Address) -> String {
    format!("/identity-provider/instances/{}", segment(address.name()))
}
