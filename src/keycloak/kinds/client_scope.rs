//! Client scopes.

use serde_json::Value;

use super::{client, mapper, role};
use crate::keycloak::ServerError;
use crate::keycloak::directory::Mappings;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, text};
use crate::keycloak::writer::{Changes, Leaves, Links, Writer, body, changed, delta};
use crate::model::{Address, FieldPath, kinds};

/// Takes in the scopes with their mappers, and answers those that were asked for. The server has no pages of scopes.
pub(super) async fn read(reader: &Reader<'_>) -> Result<Vec<(Address, String)>, ServerError> {
    if !reader.wants_any_of(&kinds::CLIENT_SCOPE) {
        return Ok(Vec::new());
    }
    let mut wanted = Vec::new();
    for mut scope in reader.directory.list_client_scopes().await? {
        let mappers = scope.remove("protocolMappers");
        let (address, id) =
            (reader.realm().child(&kinds::CLIENT_SCOPE, text(&scope, "name")?), text(&scope, "id")?.to_owned());
        if reader.add(&address, &id, scope) {
            mapper::take_in(reader, &address, mappers)?;
            wanted.push((address, id));
        }
    }
    Ok(wanted)
}

/// Reads the role scope mappings of those scopes, where they matter.
pub(super) async fn read_links(reader: &Reader<'_>, scopes: &[(Address, String)]) -> Result<(), ServerError> {
    role::for_each(scopes, async |(address, id)| {
        if reader.interest.wants(address, "scopeMappings") {
            let answer = reader.get(&format!("/client-scopes/{}/scope-mappings", segment(id))).await?;
            reader.add_field(address, "scopeMappings", Mappings::new(answer)?.combined());
        }
        Ok(())
    })
    .await
}

pub(super) async fn create(
    writer: &Writer,
    address: &Address,
    leaves: &Leaves,
    carried: &[(Address, Leaves)],
) -> Result<(), ServerError> {
    let mut scope = body(leaves);
    scope.insert("name".to_owned(), address.name().into());
    // The server takes a scope without a protocol, and then shows it for none.
    scope.entry("protocol").or_insert_with(|| "openid-connect".into());
    mapper::carry(&mut scope, carried);
    writer.post(address, &writer.path("/client-scopes"), scope).await
}

/// A PUT keeps what is left out, ignores mappers, and removes an attribute that is sent empty.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let mut scope: Object = changed(&kinds::CLIENT_SCOPE, changes);
    scope.insert("name".to_owned(), address.name().into());
    let path = writer.path(format!("/client-scopes/{}", writer.directory.id(address).await?));
    Ok(writer.http().put(&path, &Value::Object(scope)).await?)
}

pub(super) async fn link(writer: &Writer, address: &Address, links: &Links) -> Result<(), ServerError> {
    let Some((before, after)) = links.get(&FieldPath::new(["scopeMappings"])) else { return Ok(()) };
    let id = writer.directory.id(address).await?;
    client::link_scope_mappings(writer, &format!("/client-scopes/{id}"), before, after).await
}

/// Makes lists of scopes what they are to be, each as (path, what is in it, what should be). A scope is either default or
/// optional: it leaves the one before it enters the other.
pub(super) async fn move_between(writer: &Writer, lists: &[(String, Value, &Value)]) -> Result<(), ServerError> {
    let mut entering = Vec::new();
    for (list, before, after) in lists {
        let (added, removed) = delta(before, after);
        for name in removed {
            writer.http().delete(&member(writer, list, name).await?).await?;
        }
        for name in added {
            entering.push(member(writer, list, name).await?);
        }
    }
    for path in entering {
        writer.http().put(&path, &Value::Object(Object::new())).await?;
    }
    Ok(())
}

/// The path of a scope in a list of scopes below the realm.
async fn member(writer: &Writer, list: &str, name: &str) -> Result<String, ServerError> {
    let id = writer.directory.id(&writer.directory.realm().child(&kinds::CLIENT_SCOPE, name)).await?;
    Ok(writer.path(format!("{list}/{}", segment(&id))))
}
