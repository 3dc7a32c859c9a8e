//! What policies name: roles, groups, users, clients, client scopes. Files have their names, most endpoints their ids, and
//! an export names of its own.

use serde_json::{Value, json};

use crate::keycloak::ServerError;
use crate::keycloak::directory::Directory;
use crate::keycloak::path::{query, segment};
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, object, objects, text};
use crate::keycloak::writer::Writer;
use crate::model::{Address, FieldPath, Names, RESOURCE_TYPES, Reference, Type, kinds, texts};

/// Replaces names by ids. The server takes most names, too, but says yes to roles and groups that it does not know.
pub(super) async fn to_ids(writer: &Writer, policy: &mut Object) -> Result<(), ServerError> {
    for (field, value) in policy.iter_mut() {
        let ty = kinds::AUTHORIZATION_POLICY.leaf_type(&FieldPath::new([field.as_str()]));
        let Value::Array(items) = value else { continue };
        for item in items {
            match ty {
                Type::RefTables(reference, _, flag) => {
                    let (name, is_flagged) = flagged(item, flag);
                    *item = json!({ "id": id(writer, reference, name).await?, flag: is_flagged });
                }
                Type::RefSet(reference @ (Reference::User | Reference::Client)) => {
                    *item = id(writer, reference, item.as_str().unwrap_or_default()).await?.into();
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The ids of what an admin permission is about, taken out of the list of its type. None is all of that type.
pub(super) async fn resources(writer: &Writer, permission: &mut Object) -> Result<Value, ServerError> {
    let mut ids = Vec::new();
    let resource_type = permission.get("resourceType").cloned();
    for (ty, field, _) in RESOURCE_TYPES {
        let listed = permission.remove(*field).filter(|_| resource_type.as_ref().is_some_and(|it| it == ty));
        let reference = kinds::PERMISSION.names(&FieldPath::new([*field])).and_then(|names| match names {
            Names::Of(reference) => Some(reference),
            Names::RolesOf(_) => None,
        });
        for name in listed.iter().flat_map(texts) {
            ids.push(match reference {
                Some(reference) => id(writer, reference, name).await?,
                None => organization(writer, name).await?,
            });
        }
    }
    Ok(ids.into())
}

async fn organization(writer: &Writer, name: &str) -> Result<String, ServerError> {
    let path = writer.path(format!("/organizations?search={}&exact=true", query(name)));
    let found = objects(writer.http().get(&path).await?, "the organizations")?;
    let organization = found.iter().find(|it| it.get("name").is_some_and(|it| it == name));
    let unknown = || ServerError::Unknown { what: "organization", name: name.to_owned() };
    Ok(text(organization.ok_or_else(unknown)?, "id")?.to_owned())
}

/// The name in an item of a list, and whether it is flagged.
fn flagged<'a>(item: &'a Value, flag: &str) -> (&'a str, bool) {
    let is_flagged = item.get(flag) == Some(&Value::Bool(true));
    (texts(item).next().unwrap_or_default(), is_flagged)
}

async fn id(writer: &Writer, reference: Reference, name: &str) -> Result<String, ServerError> {
    let directory = &writer.directory;
    let unknown = |what| ServerError::Unknown { what, name: name.to_owned() };
    match reference {
        Reference::Role => {
            let role = directory.role(name).await?.ok_or_else(|| unknown("role"))?;
            Ok(text(&object(role, "a role")?, "id")?.to_owned())
        }
        Reference::User => directory.user(name).await?.ok_or_else(|| unknown("user")),
        _ => {
            let address = Names::Of(reference).addresses(directory.realm(), name).into_iter().next();
            directory.id(&address.ok_or_else(|| unknown("object"))?).await
        }
    }
}

/// How what was read names objects.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Naming {
    /// By names: an export. A role of a client is `client/role` there.
    Names,
    /// By ids: everything else.
    Ids,
}

/// The name that files have for what was read; `None` for what is not there any more.
pub(super) async fn name(
    reader: &Reader<'_>,
    naming: Naming,
    reference: Reference,
    text: &str,
) -> Result<Option<String>, ServerError> {
    match (naming, reference) {
        (Naming::Names, Reference::Role) => role_name_on_server(reader, text).await.map(Some),
        (Naming::Names, _) => Ok(Some(text.to_owned())),
        (Naming::Ids, Reference::Role) => role_of_id(reader, text).await,
        (Naming::Ids, Reference::Client) => Ok(Some(reader.directory.client_name(text).await?)),
        (Naming::Ids, Reference::ClientScope) => client_scope_of_id(reader.directory, text).await,
        (Naming::Ids, Reference::Group) => match reader.directory.address(&[&kinds::GROUP], text) {
            Some(known) => Ok(Some(known.name().to_owned())),
            None => found(reader, "groups", text, "path").await,
        },
        (Naming::Ids, _) => found(reader, "users", text, "username").await,
    }
}

/// `client/role` is a role of a client, unless a realm role has a slash in its name; clients' names may have some, too.
pub(super) fn role_name(realm: &Address, text: &str, is_role: &dyn Fn(&Address) -> bool) -> String {
    let mut splits = splits(text);
    let found = splits.find(|(client, role)| is_role(&client_role(realm, client, role)));
    found.map_or_else(|| text.to_owned(), |(client, role)| format!("{client}:{role}"))
}

/// The ways to read `client/role`, the likeliest first.
fn splits(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.rmatch_indices('/').map(|(at, _)| (&text[..at], &text[at + 1..]))
}

fn client_role(realm: &Address, client: &str, role: &str) -> Address {
    realm.child(&kinds::CLIENT, client).child(&kinds::CLIENT_ROLE, role)
}

/// The same where the server may have to be asked which roles there are.
async fn role_name_on_server(reader: &Reader<'_>, text: &str) -> Result<String, ServerError> {
    let is_known = |role: &Address| reader.interest.has(role) || reader.directory.known(role).is_some();
    let known = role_name(reader.realm(), text, &is_known);
    if known != text {
        return Ok(known);
    }
    for (client, role) in splits(text) {
        if reader.directory.client_role(client, role).await?.is_some() {
            return Ok(format!("{client}:{role}"));
        }
    }
    Ok(text.to_owned())
}

async fn role_of_id(reader: &Reader<'_>, id: &str) -> Result<Option<String>, ServerError> {
    if let Some(known) = reader.directory.address(&[&kinds::ROLE, &kinds::CLIENT_ROLE], id) {
        return Ok(Some(Names::Of(Reference::Role).text(&known)));
    }
    let Some(role) = reader.find(&format!("/roles-by-id/{}", segment(id))).await? else { return Ok(None) };
    let role = object(role, "a role")?;
    let name = text(&role, "name")?;
    if role.get("clientRole") != Some(&Value::Bool(true)) {
        return Ok(Some(name.to_owned()));
    }
    let client = reader.directory.client_name(text(&role, "containerId")?).await?;
    Ok(Some(format!("{client}:{name}")))
}

async fn client_scope_of_id(directory: &Directory, id: &str) -> Result<Option<String>, ServerError> {
    let known = || directory.address(&[&kinds::CLIENT_SCOPE], id).map(|it: Address| it.name().to_owned());
    if known().is_none() {
        directory.list_client_scopes().await?;
    }
    Ok(known())
}

/// The name of what an admin permission is about; `None` for what is not there any more.
pub(super) async fn resource(reader: &Reader<'_>, field: &str, id: &str) -> Result<Option<String>, ServerError> {
    match kinds::PERMISSION.names(&FieldPath::new([field])) {
        Some(Names::Of(reference)) => name(reader, Naming::Ids, reference, id).await,
        _ => found(reader, "organizations", id, "name").await,
    }
}

async fn found(reader: &Reader<'_>, list: &str, id: &str, field: &str) -> Result<Option<String>, ServerError> {
    let Some(found) = reader.find(&format!("/{list}/{}", segment(id))).await? else { return Ok(None) };
    Ok(Some(text(&object(found, list)?, field)?.to_owned()))
}
