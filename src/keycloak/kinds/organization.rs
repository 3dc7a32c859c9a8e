//! Organizations. Their members are never looked at and never written.

use serde_json::{Value, json};

use super::document::{all_of, overlay};
use super::role;
use crate::keycloak::intake::Intake;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, names, object, objects, text};
use crate::keycloak::writer::{Changes, Leaves, Links, Writer, body, delta, merged};
use crate::keycloak::{HttpError, ServerError};
use crate::model::{Address, FieldPath, LiveValue, kinds};

const LIST: &str = "/organizations";

/// Whether a realm's settings say that it has none to show: it hides those that it has, and answers 404.
pub(super) fn are_hidden(settings: &Object) -> bool {
    settings.get("organizationsEnabled") == Some(&Value::Bool(false))
}

/// Takes in the organizations, and answers those whose identity providers matter.
pub(super) async fn read(reader: &Reader<'_>, are_hidden: bool) -> Result<Vec<(Address, String)>, ServerError> {
    if are_hidden {
        return Ok(Vec::new());
    }
    let lookup = async |alias: &str| reader.directory.find_organization(alias).await;
    let take = |organization: Object| {
        let id = text(&organization, "id")?.to_owned();
        let is_whole = organization.contains_key("attributes");
        Ok(take_in(reader, &id, organization)?.map(|address| (address, id, is_whole)))
    };
    let list = format!("{LIST}?briefRepresentation=false&");
    let taken = reader.collect(reader.realm(), &kinds::ORGANIZATION, &list, lookup, take).await?;
    role::for_each(&taken, async |(address, id, is_whole)| {
        if !is_whole {
            reader.add_field(address, "attributes", attributes(reader, id).await?);
        }
        Ok(())
    })
    .await?;
    let linked = taken.into_iter().filter(|(address, ..)| reader.interest.wants(address, "identityProviders"));
    Ok(linked.map(|(address, id, _)| (address, id)).collect())
}

/// Lists of 26.0 have no attributes; a single answer always has.
async fn attributes(reader: &Reader<'_>, id: &str) -> Result<Value, ServerError> {
    let mut organization = object(reader.get(&format!("{LIST}/{}", segment(id))).await?, "an organization")?;
    Ok(organization.remove("attributes").unwrap_or_else(|| json!({})))
}

/// Takes in an organization, and answers its address if it matters. An export says which identity providers it has.
pub(in crate::keycloak) fn take_in(
    intake: &impl Intake,
    id: &str,
    mut organization: Object,
) -> Result<Option<Address>, ServerError> {
    let address = intake.realm().child(&kinds::ORGANIZATION, text(&organization, "alias")?);
    if let Some(domains) = organization.get_mut("domains") {
        *domains = domains.as_array().into_iter().flatten().map(as_in_files).collect();
    }
    if let Some(providers) = organization.remove("identityProviders") {
        let providers = names(&objects(providers, "the identity providers of an organization")?, "alias")?;
        organization.insert("identityProviders".to_owned(), providers);
    }
    Ok(intake.add(&address, id, organization).then_some(address))
}

/// Reads which identity providers are linked to those organizations.
pub(super) async fn read_links(reader: &Reader<'_>, organizations: &[(Address, String)]) -> Result<(), ServerError> {
    role::for_each(organizations, async |(address, id)| {
        let linked = reader.get(&format!("{LIST}/{}/identity-providers", segment(id))).await?;
        let linked = objects(linked, "the identity providers of an organization")?;
        reader.add_field(address, "identityProviders", names(&linked, "alias")?);
        Ok(())
    })
    .await
}

pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    let organization = representation(address, body(leaves));
    match writer.post(address, &writer.path(LIST), organization).await {
        Err(ServerError::Http(e)) if e.is_conflict() && were_hidden(writer) => unhide(writer, address, leaves, e).await,
        made => made,
    }
}

/// A realm that switches organizations off keeps them. No plan could see those that are there when it switches them on
/// again.
async fn unhide(writer: &Writer, address: &Address, leaves: &Leaves, e: HttpError) -> Result<(), ServerError> {
    let Some(found) = writer.directory.find_organization(address.name()).await? else { return Err(e.into()) };
    writer.directory.note(address, text(&found, "id")?);
    let path = writer.path(path(writer, address).await?);
    let mut organization = object(writer.http().get(&path).await?, "an organization")?;
    overlay(&mut organization, &all_of(leaves));
    put(writer, address, organization).await
}

fn were_hidden(writer: &Writer) -> bool {
    let setting = FieldPath::new(["organizationsEnabled"]);
    let setting = writer.live(writer.directory.realm()).and_then(|realm| realm.fields.get(&setting));
    setting.is_none_or(|it| *it == LiveValue::Json(false.into()))
}

/// A PUT empties what is left out, but for attributes: these it keeps.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    put(writer, address, merged(writer.live(address), changes)).await
}

async fn put(writer: &Writer, address: &Address, mut organization: Object) -> Result<(), ServerError> {
    organization.entry("attributes").or_insert_with(|| json!({}));
    let path = writer.path(path(writer, address).await?);
    Ok(writer.http().put(&path, &Value::Object(representation(address, organization))).await?)
}

/// Links identity providers one by one. An organization that another one's provider is promised to waits for that.
pub(super) async fn link(writer: &Writer, address: &Address, links: &Links) -> Result<(), ServerError> {
    let Some((before, after)) = links.get(&FieldPath::new(["identityProviders"])) else { return Ok(()) };
    let list = writer.path(format!("{}/identity-providers", path(writer, address).await?));
    let (added, removed) = delta(before, after);
    for alias in removed {
        unless(HttpError::is_not_found, writer.http().delete(&format!("{list}/{}", segment(alias))).await)?;
    }
    for alias in added {
        // It is linked already where an answer was lost, or where it was linked while organizations were hidden.
        unless(HttpError::is_conflict, writer.http().post(&list, &alias.into()).await.map(drop))?;
    }
    Ok(())
}

fn unless(is_done: impl Fn(&HttpError) -> bool, answer: Result<(), HttpError>) -> Result<(), ServerError> {
    match answer {
        Err(e) if !is_done(&e) => Err(e.into()),
        _ => Ok(()),
    }
}

/// The path of an organization below the realm.
pub(super) async fn path(writer: &Writer, address: &Address) -> Result<String, ServerError> {
    Ok(format!("{LIST}/{}", segment(&writer.directory.id(address).await?)))
}

/// What requests want: an alias and a name, without which the server would take the one for the other and then refuse
/// to change it.
fn representation(address: &Address, mut organization: Object) -> Object {
    organization.insert("alias".to_owned(), address.name().into());
    let name = organization.entry("name").or_insert(Value::Null);
    if name.as_str().is_none_or(str::is_empty) {
        *name = address.name().into();
    }
    for domain in organization.get_mut("domains").and_then(Value::as_array_mut).into_iter().flatten() {
        if domain.is_string() {
            *domain = json!({ "name": domain.take() });
        }
    }
    organization
}

/// A domain's name alone where that is all there is to say of it.
fn as_in_files(domain: &Value) -> Value {
    let is_verified = domain.get("verified") == Some(&Value::Bool(true));
    let name = domain.get("name").cloned().unwrap_or_default();
    if is_verified { json!({ "name": name, "verified": true }) } else { name }
}
