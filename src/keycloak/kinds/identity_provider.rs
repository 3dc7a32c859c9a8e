//! Identity providers.

use serde_json::Value;

use super::{mapper, role};
use crate::keycloak::ServerError;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, object, text};
use crate::keycloak::writer::{Changes, Leaves, Writer, body, merged};
use crate::model::{Address, FieldPath, Value as Wanted, kinds};

/// Takes in the providers, and their mappers where these matter.
pub(super) async fn read(reader: &Reader<'_>) -> Result<(), ServerError> {
    let lookup = async |alias: &str| {
        let provider = reader.find(&format!("/identity-provider/instances/{}", segment(alias))).await?;
        provider.map(|provider| object(provider, "an identity provider")).transpose()
    };
    let list = "/identity-provider/instances?briefRepresentation=false&";
    let take = |provider: Object| {
        let address = reader.realm().child(&kinds::IDENTITY_PROVIDER, text(&provider, "alias")?);
        let organization = may_be_masked(&provider);
        // Lists leave out the id that a single answer has, and requests go by alias anyway.
        let taken = reader.add(&address, address.name(), provider);
        Ok(taken.then_some((address, organization)))
    };
    let taken = reader.collect(reader.realm(), &kinds::IDENTITY_PROVIDER, list, lookup, take).await?;
    role::for_each(&taken, async |(address, organization)| {
        if let Some(organization) = organization {
            unmask(reader, address, organization).await?;
        }
        let mappers_matter = reader.interest.any(address, &kinds::IDENTITY_PROVIDER_MAPPER);
        if !mappers_matter && !reader.interest.sweeps(address) {
            return Ok(());
        }
        let mappers = reader.get(&format!("{}/mappers", path(address))).await?;
        mapper::take_in(reader, address, Some(mappers))
    })
    .await
}

/// The organization of a provider that shows itself disabled, which may be only because the organization is.
fn may_be_masked(provider: &Object) -> Option<String> {
    let is_disabled = provider.get("enabled") == Some(&Value::Bool(false));
    provider.get("organizationId").filter(|_| is_disabled)?.as_str().map(str::to_owned)
}

/// While an organization is disabled, or hidden by its realm, its providers show themselves disabled whatever they are,
/// and one that is sent back like that stays so (26.7.4). Nobody can see what is stored: it is taken to be what files
/// want, else what a provider normally is.
async fn unmask(reader: &Reader<'_>, address: &Address, organization: &str) -> Result<(), ServerError> {
    let is_enabled = match reader.find(&format!("/organizations/{}", segment(organization))).await {
        Ok(organization) => organization.is_some_and(|it| it.get("enabled") == Some(&Value::Bool(true))),
        // Without the right to look, what is shown has to do.
        Err(ServerError::Http(e)) if e.is_forbidden() => true,
        Err(e) => return Err(e),
    };
    let wanted = reader.interest.declared(address, &FieldPath::new(["enabled"]));
    if !is_enabled && wanted != Some(&Wanted::Json(false.into())) {
        reader.add_field(address, "enabled", true.into());
    }
    Ok(())
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
