//! Texts of the realm's own, by locale.

use serde_json::Value;

use super::role;
use crate::keycloak::ServerError;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, object};
use crate::keycloak::writer::{Changes, Leaf, Leaves, Writer, body};
use crate::model::{Address, FieldPath, kinds};

/// Takes in the texts of the locales that matter.
pub(super) async fn read(reader: &Reader<'_>) -> Result<(), ServerError> {
    if !reader.wants_any_of(&kinds::LOCALIZATION) {
        return Ok(());
    }
    let sweeps = reader.interest.sweeps(&reader.realm().child(&kinds::LOCALIZATION, ""));
    // A locale that is not there has no texts, as one that is there may have none: only the list tells them apart.
    let Value::Array(locales) = reader.get("/localization").await? else {
        return Err(ServerError::shape("the locales", "a list"));
    };
    let locales = locales.iter().filter_map(Value::as_str);
    let addresses = locales.map(|locale| reader.realm().child(&kinds::LOCALIZATION, locale));
    let wanted: Vec<Address> = addresses.filter(|it| sweeps || reader.interest.has(it)).collect();
    role::for_each(&wanted, async |address| {
        let texts = object(reader.get(&path(address)).await?, "the texts of a locale")?;
        reader.add(address, address.name(), texts);
        Ok(())
    })
    .await
}

pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    set(writer, address, body(leaves)).await
}

/// Texts are added and removed, not replaced. One after the other: the server keeps a locale's texts as one value.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let (mut wanted, mut gone) = (Leaves::new(), Vec::new());
    for (path, leaf) in changes {
        match leaf {
            Some(leaf) if !is_empty(leaf) => drop(wanted.insert(path.clone(), leaf.clone())),
            _ => gone.push(path),
        }
    }
    if !wanted.is_empty() {
        set(writer, address, body(&wanted)).await?;
    }
    for key in gone {
        remove(writer, address, key).await?;
    }
    Ok(())
}

/// Files write no text as an empty one.
fn is_empty(leaf: &Leaf) -> bool {
    matches!(leaf, Leaf::Json(Value::String(text)) if text.is_empty())
}

/// A POST keeps the texts that it does not name.
async fn set(writer: &Writer, address: &Address, texts: Object) -> Result<(), ServerError> {
    writer.http().post(&writer.path(path(address)), &Value::Object(texts)).await?;
    Ok(())
}

/// A text that is gone already is as good as removed.
async fn remove(writer: &Writer, address: &Address, key: &FieldPath) -> Result<(), ServerError> {
    match writer.http().delete(&writer.path(format!("{}/{}", path(address), segment(key.top())))).await {
        Err(e) if !e.is_not_found() => Err(e.into()),
        _ => Ok(()),
    }
}

/// The path of a locale below the realm.
pub(super) fn path(address: &Address) -> String {
    format!("/localization/{}", segment(address.name()))
}
