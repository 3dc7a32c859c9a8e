//! The user profile: one document, in files a tree.

use serde_json::{Value, json};

use super::document::{all_of, is_called, member, members, overlay, rewrite};
use crate::keycloak::ServerError;
use crate::keycloak::intake::Intake;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, objects, text};
use crate::keycloak::writer::{Changes, Leaves, Links, Writer};
use crate::model::{Address, Kind, kinds};

const PATH: &str = "/users/profile";

/// Where the server says nothing.
const DISABLED: &str = "DISABLED";

/// The lists of the document: (kind, list, the field that orders it).
const LISTS: &[(&Kind, &str, &str)] =
    &[(&kinds::PROFILE_ATTRIBUTE, "attributes", "attributeOrder"), (&kinds::PROFILE_GROUP, "groups", "groupOrder")];

/// Takes in the profile with its attributes and groups.
pub(super) async fn read(reader: &Reader<'_>) -> Result<(), ServerError> {
    let address = reader.realm().child(&kinds::USER_PROFILE, "");
    if !reader.interest.has(&address) && !reader.interest.sweeps(&address) {
        return Ok(());
    }
    take_in(reader, reader.directory.user_profile().await?.clone())
}

/// Takes in the document.
pub(in crate::keycloak) fn take_in(intake: &impl Intake, mut profile: Object) -> Result<(), ServerError> {
    let address = intake.realm().child(&kinds::USER_PROFILE, "");
    for (kind, list, order) in LISTS {
        let items = objects(profile.remove(*list).unwrap_or_else(|| json!([])), list)?;
        let mut names = Vec::new();
        for item in items {
            let address = address.child(kind, text(&item, "name")?);
            names.push(Value::from(address.name()));
            intake.add(&address, address.name(), item);
        }
        profile.insert((*order).to_owned(), names.into());
    }
    profile.entry("unmanagedAttributePolicy").or_insert_with(|| DISABLED.into());
    intake.add(&address, "", profile);
    Ok(())
}

/// A new realm has a profile, and attributes that every profile has.
pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    update(writer, address, &all_of(leaves)).await
}

pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    if changes.is_empty() && address.kind() == &kinds::USER_PROFILE {
        return Ok(());
    }
    rewrite(writer, PATH, |profile, made| {
        match list_of(address) {
            Some(list) => overlay(member(members(profile, list)?, address, made)?, changes),
            None => overlay(profile, changes),
        }
        if profile.get("unmanagedAttributePolicy").is_some_and(|it| it == DISABLED) {
            profile.remove("unmanagedAttributePolicy");
        }
        Ok(())
    })
    .await
}

pub(super) async fn link(writer: &Writer, links: &Links) -> Result<(), ServerError> {
    rewrite(writer, PATH, |profile, _| {
        for (path, (_, wanted)) in links {
            if let Some((_, list, _)) = LISTS.iter().find(|(_, _, order)| *order == path.top()) {
                let place = |item: &Value| {
                    let wanted = wanted.as_array().map_or(&[][..], Vec::as_slice);
                    wanted.iter().position(|name| Some(name) == item.get("name")).unwrap_or(wanted.len())
                };
                // Those that are not named stay in the order that they have.
                members(profile, list)?.sort_by_key(place);
            }
        }
        Ok(())
    })
    .await
}

pub(super) async fn delete(writer: &Writer, address: &Address) -> Result<(), ServerError> {
    // Nobody deletes the profile itself: every realm has it.
    let Some(list) = list_of(address) else { return Ok(()) };
    rewrite(writer, PATH, |profile, _| {
        members(profile, list)?.retain(|item| !is_called(item, address.name()));
        Ok(())
    })
    .await
}

fn list_of(address: &Address) -> Option<&'static str> {
    LISTS.iter().find(|(kind, _, _)| *kind == address.kind()).map(|(_, list, _)| *list)
}
