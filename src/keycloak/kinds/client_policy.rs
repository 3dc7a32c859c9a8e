//! Client profiles and client policies: two documents, each a list.

use serde_json::{Value, json};

use super::document::{all_of, is_called, member, members, overlay, rewrite};
use crate::keycloak::ServerError;
use crate::keycloak::intake::Intake;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, object, objects, text};
use crate::keycloak::writer::{Changes, Leaves, Writer};
use crate::model::{Address, Kind, kinds};

const POLICIES: &str = "/client-policies/policies";

/// The document that holds an object, and its list.
fn place(kind: &Kind) -> (&'static str, &'static str) {
    if *kind == kinds::CLIENT_PROFILE { ("/client-policies/profiles", "profiles") } else { (POLICIES, "policies") }
}

/// Takes in the profiles and the policies of the realm; those of the server itself are nobody's to change.
pub(super) async fn read(reader: &Reader<'_>) -> Result<(), ServerError> {
    if reader.wants_any_of(&kinds::CLIENT_PROFILE) {
        take_in(reader, &kinds::CLIENT_PROFILE, reader.directory.client_profiles().await?.clone())?;
    }
    if reader.wants_any_of(&kinds::CLIENT_POLICY) {
        take_in(reader, &kinds::CLIENT_POLICY, object(reader.get(POLICIES).await?, "the client policies")?)?;
    }
    Ok(())
}

/// Takes in the objects of a document.
pub(in crate::keycloak) fn take_in(
    intake: &impl Intake,
    kind: &'static Kind,
    mut document: Object,
) -> Result<(), ServerError> {
    let (_, list) = place(kind);
    for item in objects(document.remove(list).unwrap_or_else(|| json!([])), list)? {
        let address = intake.realm().child(kind, text(&item, "name")?);
        intake.add(&address, address.name(), item);
    }
    Ok(())
}

pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    update(writer, address, &all_of(leaves)).await
}

pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let (path, list) = place(address.kind());
    rewrite(writer, path, |document, made| {
        let object = member(members(document, list)?, address, made)?;
        overlay(object, changes);
        for providers in ["executors", "conditions"] {
            configure(object, providers);
        }
        Ok(())
    })
    .await
}

/// Gives each provider a configuration. Without one the server answers 500 (26.7.4): to an executor at once, and while a
/// policy with such a condition is enabled, to every change of a client.
fn configure(object: &mut Object, providers: &str) {
    for provider in object.get_mut(providers).and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(provider) = provider.as_object_mut() {
            provider.entry("configuration").or_insert_with(|| json!({}));
        }
    }
}

pub(super) async fn delete(writer: &Writer, address: &Address) -> Result<(), ServerError> {
    let (path, list) = place(address.kind());
    rewrite(writer, path, |document, _| {
        members(document, list)?.retain(|item| !is_called(item, address.name()));
        Ok(())
    })
    .await
}
