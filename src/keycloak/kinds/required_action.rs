//! Required actions.

use serde_json::{Value, json};

use super::document::{all_of, overlay};
use crate::keycloak::ServerError;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, object, objects, text};
use crate::keycloak::writer::{Changes, Leaves, Writer, body, merged};
use crate::model::{Address, kinds};

const LIST: &str = "/authentication/required-actions";

/// Takes in the actions: one list holds them all, with their configurations.
pub(super) async fn read(reader: &Reader<'_>) -> Result<(), ServerError> {
    if !reader.wants_any_of(&kinds::REQUIRED_ACTION) {
        return Ok(());
    }
    for action in objects(reader.get(LIST).await?, "the required actions")? {
        let address = reader.realm().child(&kinds::REQUIRED_ACTION, text(&action, "alias")?);
        reader.add(&address, address.name(), action);
    }
    Ok(())
}

/// A new realm has most actions already; one that it does not have is registered first, which the server refuses for
/// a provider that it does not know. Only an update takes more than the name.
pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    let wanted = body(leaves);
    if let Some(action) = writer.http().find(&writer.path(path(address.name()))).await? {
        return put_over(writer, address, address.name(), action, leaves).await;
    }
    let or_alias = |field: &str| wanted.get(field).and_then(Value::as_str).unwrap_or(address.name()).to_owned();
    let provider = or_alias("providerId");
    let new = Object::from_iter([
        ("providerId".to_owned(), provider.clone().into()),
        ("name".to_owned(), or_alias("name").into()),
    ]);
    writer.post(address, &writer.path("/authentication/register-required-action"), new).await?;
    // It is registered under the name of its provider.
    let action = writer.http().get(&writer.path(path(&provider))).await?;
    put_over(writer, address, &provider, action, leaves).await
}

/// A PUT resets what is left out.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    put_whole(writer, address, address.name(), merged(writer.live(address), changes)).await
}

/// Changes an action that no plan knew.
async fn put_over(
    writer: &Writer,
    address: &Address,
    alias: &str,
    action: Value,
    leaves: &Leaves,
) -> Result<(), ServerError> {
    let mut action = object(action, "a required action")?;
    overlay(&mut action, &all_of(leaves));
    put_whole(writer, address, alias, action).await
}

async fn put_whole(writer: &Writer, address: &Address, alias: &str, mut action: Object) -> Result<(), ServerError> {
    action.insert("alias".to_owned(), address.name().into());
    action.entry("config").or_insert_with(|| json!({}));
    Ok(writer.http().put(&writer.path(path(alias)), &Value::Object(action)).await?)
}

/// The path of an action below the realm.
pub(super) fn path(alias: &str) -> String {
    format!("{LIST}/{}", segment(alias))
}
