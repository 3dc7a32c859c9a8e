//! Clients, with what hangs below them that only they have: scopes, scope mappings, the service account.

use serde_json::{Value, json};

use super::{authorization, group, mapper, role};
use crate::keycloak::ServerError;
use crate::keycloak::directory::Mappings;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, names, object, objects, text};
use crate::keycloak::writer::{Changes, Leaves, Links, Writer, body, changed, delta};
use crate::model::{ADMIN_PERMISSIONS_CLIENT, Address, FieldPath, LiveValue, PROTECTION_ROLE, kinds, texts};

/// A client that was read, for what is asked about it afterwards.
pub(super) struct Client {
    address: Address,
    id: String,
    has_service_account: bool,
    has_authorization: bool,
    /// Flows that it uses instead of the realm's, by their ids.
    flows: Object,
}

/// The field with these flows.
const FLOWS: &str = "authenticationFlowBindingOverrides";

/// Lists of scopes of a client: (field, endpoint).
const SCOPES: &[(&str, &str)] =
    &[("defaultClientScopes", "default-client-scopes"), ("optionalClientScopes", "optional-client-scopes")];

/// Makes the value to send where there is nothing.
type Choice = fn() -> Value;

/// What the server would not leave alone if it were left out, and what to send where there is nothing:
/// it switches off authorization services or the service account, and what hangs below is lost; it derives web origins
/// from the redirect URIs; with the feature `client-types` it takes no type for another type.
const STEADY: &[(&str, Option<Choice>)] = &[
    ("serviceAccountsEnabled", None),
    ("authorizationServicesEnabled", None),
    ("webOrigins", Some(|| json!([]))),
    ("type", None),
];

/// Takes in the clients and their mappers.
pub(super) async fn read(reader: &Reader<'_>) -> Result<Vec<Client>, ServerError> {
    let lookup = async |name: &str| reader.directory.find_client(name).await;
    let take = |mut client: Object| {
        if text(&client, "clientId")? == ADMIN_PERMISSIONS_CLIENT {
            // What it holds is read by itself.
            return Ok(None);
        }
        let mappers = client.remove("protocolMappers");
        let (address, id) =
            (reader.realm().child(&kinds::CLIENT, text(&client, "clientId")?), text(&client, "id")?.to_owned());
        let is_on = |field: &str| client.get(field) == Some(&Value::Bool(true));
        let has_service_account = is_on("serviceAccountsEnabled");
        let has_authorization = is_on("authorizationServicesEnabled");
        let flows = match client.remove(FLOWS) {
            Some(Value::Object(flows)) => flows,
            _ => Object::new(),
        };
        if !reader.add(&address, &id, client) {
            return Ok(None);
        }
        mapper::take_in(reader, &address, mappers)?;
        Ok(Some(Client { address, id, has_service_account, has_authorization, flows }))
    };
    reader.collect(reader.realm(), &kinds::CLIENT, "/clients?", lookup, take).await
}

/// Reads what hangs below the clients, each only if it matters.
pub(super) async fn read_links(reader: &Reader<'_>, clients: &[Client]) -> Result<(), ServerError> {
    role::for_each(clients, async |client| {
        let Client { address, id, has_service_account, has_authorization, flows } = client;
        if reader.interest.any(address, &kinds::CLIENT_ROLE) || reader.interest.sweeps(address) {
            let composite = role::read_of_client(reader, address, id).await?;
            role::read_links(reader, &composite).await?;
        }
        if reader.interest.wants(address, "scopeMappings") {
            let answer = reader.get(&format!("/clients/{}/scope-mappings", segment(id))).await?;
            reader.add_field(address, "scopeMappings", Mappings::new(answer)?.combined());
        }
        if reader.interest.wants(address, FLOWS) {
            reader.add_field(address, FLOWS, read_flows(reader, flows).await?);
        }
        if *has_service_account && reader.interest.wants(address, "serviceAccount") {
            reader.add_field(address, "serviceAccount", read_service_account(reader, id).await?);
        }
        let services = address.child(&kinds::AUTHORIZATION, "");
        if *has_authorization && (reader.interest.has(&services) || reader.interest.sweeps(address)) {
            authorization::read(reader, address, id).await?;
        }
        Ok(())
    })
    .await
}

/// The server names them by id. One that is no top-level flow cannot be said in a file.
async fn read_flows(reader: &Reader<'_>, flows: &Object) -> Result<Value, ServerError> {
    let mut aliases = Object::new();
    for (binding, id) in flows {
        if let Some(alias) = reader.directory.flow_alias(id.as_str().unwrap_or_default()).await? {
            aliases.insert(binding.clone(), alias.into());
        }
    }
    Ok(Value::Object(aliases))
}

/// The same in a request; an empty text takes the binding away.
async fn bind_flows(writer: &Writer, client: &mut Object) -> Result<(), ServerError> {
    let Some(Value::Object(flows)) = client.get_mut(FLOWS) else { return Ok(()) };
    for flow in flows.values_mut() {
        let alias = flow.as_str().unwrap_or_default();
        if !alias.is_empty() {
            let address = writer.directory.realm().child(&kinds::AUTHENTICATION_FLOW, alias);
            *flow = writer.directory.id(&address).await?.into();
        }
    }
    Ok(())
}

async fn read_service_account(reader: &Reader<'_>, client: &str) -> Result<Value, ServerError> {
    let user = object(reader.get(&format!("/clients/{}/service-account-user", segment(client))).await?, "a user")?;
    let id = segment(text(&user, "id")?).to_string();
    let mappings = Mappings::new(reader.get(&format!("/users/{id}/role-mappings")).await?)?;
    let groups = objects(reader.get(&format!("/users/{id}/groups")).await?, "the groups of a user")?;
    let clients: Object = mappings.clients.into_iter().map(|(client, roles)| (client, roles.into())).collect();
    let own = own_roles(&mappings.realm, reader.directory.default_role().await?);
    Ok(json!({ "realmRoles": own, "clientRoles": clients, "groups": names(&groups, "path")? }))
}

/// Every user is given the default roles, a service account as well; no file says so, and none may take them away.
fn own_roles<'a>(roles: &'a [String], default_role: &str) -> Vec<&'a String> {
    roles.iter().filter(|name| *name != default_role).collect()
}

pub(super) async fn create(
    writer: &Writer,
    address: &Address,
    leaves: &Leaves,
    carried: &[(Address, Leaves)],
) -> Result<(), ServerError> {
    let mut client = body(leaves);
    client.insert("clientId".to_owned(), address.name().into());
    bind_flows(writer, &mut client).await?;
    mapper::carry(&mut client, carried);
    authorization::carry(&mut client, carried);
    writer.post(address, &writer.path("/clients"), client).await
}

/// A PUT keeps what is left out, merges attributes by key, and an empty text removes one.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let mut client = changed(&kinds::CLIENT, changes);
    client.insert("clientId".to_owned(), address.name().into());
    for (name, otherwise) in STEADY {
        if client.contains_key(*name) {
            continue;
        }
        match writer.live(address).and_then(|object| object.fields.get(&FieldPath::new([*name]))) {
            Some(LiveValue::Json(value)) => drop(client.insert((*name).to_owned(), value.clone())),
            _ => otherwise.iter().for_each(|value| drop(client.insert((*name).to_owned(), value()))),
        }
    }
    // Renaming a SAML client without any answers 500: the server puts one in.
    client.entry("attributes").or_insert_with(|| json!({}));
    bind_flows(writer, &mut client).await?;
    let path = writer.path(format!("/clients/{}", writer.directory.id(address).await?));
    Ok(writer.http().put(&path, &Value::Object(client)).await?)
}

/// Switches authorization services on or off. The client is sent back as it is by now: what the server would not leave
/// alone may have been changed before.
pub(super) async fn switch_authorization(writer: &Writer, services: &Address, on: bool) -> Result<(), ServerError> {
    let client = services.parent().unwrap_or_else(|| services.clone());
    let path = writer.path(format!("/clients/{}", writer.directory.id(&client).await?));
    let mut today = object(writer.http().get(&path).await?, "a client")?;
    today.retain(|field, _| field == "clientId" || STEADY.iter().any(|(name, _)| name == field));
    today.insert("authorizationServicesEnabled".to_owned(), on.into());
    today.insert("attributes".to_owned(), json!({}));
    Ok(writer.http().put(&path, &Value::Object(today)).await?)
}

pub(super) async fn link(writer: &Writer, address: &Address, links: &Links) -> Result<(), ServerError> {
    let id = writer.directory.id(address).await?;
    link_scopes(writer, &id, links).await?;
    if let Some((before, after)) = links.get(&FieldPath::new(["scopeMappings"])) {
        link_scope_mappings(writer, &format!("/clients/{id}"), before, after).await?;
    }
    if links.keys().any(|path| path.top() == "serviceAccount") {
        link_service_account(writer, &id, links).await?;
    }
    Ok(())
}

/// A scope is either default or optional: it leaves the one before it enters the other.
async fn link_scopes(writer: &Writer, id: &str, links: &Links) -> Result<(), ServerError> {
    let mut entering = Vec::new();
    for (field, endpoint) in SCOPES {
        let Some((before, after)) = links.get(&FieldPath::new([*field])) else { continue };
        let (added, removed) = delta(before, after);
        let list = format!("/clients/{id}/{endpoint}");
        for name in removed {
            writer.http().delete(&super::client_scope::member(writer, &list, name).await?).await?;
        }
        for name in added {
            entering.push(super::client_scope::member(writer, &list, name).await?);
        }
    }
    for path in entering {
        writer.http().put(&path, &json!({})).await?;
    }
    Ok(())
}

/// Roles of the realm and of each client go to endpoints of their own.
pub(super) async fn link_scope_mappings(
    writer: &Writer,
    owner: &str,
    before: &Value,
    after: &Value,
) -> Result<(), ServerError> {
    let (added, removed) = delta(before, after);
    for (names, adding) in [(added, true), (removed, false)] {
        for name in names {
            let role = role::grants(writer, &[name]).await?;
            let path = mapping_path(writer, &format!("{owner}/scope-mappings"), name, &role[0]).await?;
            let (added, removed): (&[_], &[_]) = if adding { (&role, &[]) } else { (&[], &role) };
            role::change_roles(writer, &path, added, removed).await?;
        }
    }
    Ok(())
}

async fn mapping_path(writer: &Writer, mappings: &str, name: &str, role: &Value) -> Result<String, ServerError> {
    let short = role.get("name").and_then(Value::as_str).unwrap_or_default();
    match name.strip_suffix(short).and_then(|rest| rest.strip_suffix(':')) {
        Some(client) if role.get("clientRole").is_some() => client_mapping_path(writer, mappings, client).await,
        _ => Ok(writer.path(format!("{mappings}/realm"))),
    }
}

async fn client_mapping_path(writer: &Writer, mappings: &str, client: &str) -> Result<String, ServerError> {
    let id = writer.directory.id(&writer.directory.realm().child(&kinds::CLIENT, client)).await?;
    Ok(writer.path(format!("{mappings}/clients/{id}")))
}

/// A new service account has roles and groups of its own, which no plan knew: the current ones are asked for.
async fn link_service_account(writer: &Writer, client: &str, links: &Links) -> Result<(), ServerError> {
    let user = writer.http().get(&writer.path(format!("/clients/{client}/service-account-user"))).await?;
    let user = format!("/users/{}", segment(text(&object(user, "a user")?, "id")?));
    let current = Mappings::new(writer.http().get(&writer.path(format!("{user}/role-mappings"))).await?)?;
    for (path, (_, wanted)) in links.iter().filter(|(path, _)| path.top() == "serviceAccount") {
        match path.rest().collect::<Vec<_>>()[..] {
            ["realmRoles"] => {
                let own = json!(own_roles(&current.realm, writer.directory.default_role().await?));
                link_realm_roles(writer, &format!("{user}/role-mappings"), &own, wanted).await?;
            }
            ["groups"] => {
                group::link_membership(writer, &format!("{user}/groups"), wanted).await?;
            }
            ["clientRoles", other] => {
                let has = current.clients.iter().find(|(name, _)| *name == other).map_or(&[][..], |(_, roles)| roles);
                // The server gives this one by itself: only who names it has a say in it.
                let is_ours = |role: &&String| *role != PROTECTION_ROLE || texts(wanted).any(|it| it == *role);
                let has: Vec<&String> = has.iter().filter(is_ours).collect();
                link_client_roles(writer, &format!("{user}/role-mappings"), other, &json!(has), wanted).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Grants roles of the realm to a user or group.
pub(super) async fn link_realm_roles(
    writer: &Writer,
    mappings: &str,
    before: &Value,
    after: &Value,
) -> Result<(), ServerError> {
    let (added, removed) = delta(before, after);
    let roles = async |names: Vec<&str>| {
        let mut roles = Vec::new();
        for name in names {
            let role = writer.directory.realm_role(name).await?;
            roles.push(role.ok_or_else(|| ServerError::Unknown { what: "role", name: name.to_owned() })?);
        }
        Ok::<_, ServerError>(roles)
    };
    let path = writer.path(format!("{mappings}/realm"));
    role::change_roles(writer, &path, &roles(added).await?, &roles(removed).await?).await
}

/// Grants roles of one client to a user or group.
pub(super) async fn link_client_roles(
    writer: &Writer,
    mappings: &str,
    client: &str,
    before: &Value,
    after: &Value,
) -> Result<(), ServerError> {
    let (added, removed) = delta(before, after);
    let roles = async |names: Vec<&str>| {
        let mut roles = Vec::new();
        for name in names {
            let id = writer.directory.client_role(client, name).await?;
            let id = id.ok_or_else(|| ServerError::Unknown { what: "role", name: format!("{client}:{name}") })?;
            roles.push(json!({ "id": id, "name": name }));
        }
        Ok::<_, ServerError>(roles)
    };
    let path = client_mapping_path(writer, mappings, client).await?;
    role::change_roles(writer, &path, &roles(added).await?, &roles(removed).await?).await
}
