//! Clients, with what hangs below them that only they have: scopes, scope mappings, the service account.

use serde_json::{Value, json};

use super::{authorization, client_scope, mapper, role, user};
use crate::keycloak::ServerError;
use crate::keycloak::directory::Mappings;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, object, text};
use crate::keycloak::writer::{Changes, Leaves, Links, Writer, body, changed, delta};
use crate::model::{ADMIN_PERMISSIONS_CLIENT, Address, FieldPath, kinds};

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
/// from the redirect URIs; 26.0 has the channel of the logout follow the protocol; with the feature `client-types` it takes
/// no type for another type.
const STEADY: &[(&str, Option<Choice>)] = &[
    ("serviceAccountsEnabled", None),
    ("authorizationServicesEnabled", None),
    ("webOrigins", Some(|| json!([]))),
    ("frontchannelLogout", None),
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
    let id = text(&user, "id")?;
    let mut account = user::read_roles(reader, id).await?;
    account.insert("groups".to_owned(), user::read_groups(reader, id).await?);
    Ok(account.into())
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
    let has_services = authorization::carry(&mut client, carried);
    writer.post(address, &writer.path("/clients"), client).await?;
    if has_services { authorization::remind(writer, address).await } else { Ok(()) }
}

/// A PUT keeps what is left out, merges attributes by key, and an empty text removes one.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let mut client = changed(&kinds::CLIENT, changes);
    client.insert("clientId".to_owned(), address.name().into());
    for (name, otherwise) in STEADY {
        if client.contains_key(*name) {
            continue;
        }
        let live = writer.live(address).and_then(|client| client.plain(name)).cloned();
        if let Some(value) = live.or_else(|| otherwise.map(|value| value())) {
            client.insert((*name).to_owned(), value);
        }
    }
    // Renaming a SAML client without any answers 500: the server puts one in.
    client.entry("attributes").or_insert_with(|| json!({}));
    bind_flows(writer, &mut client).await?;
    let path = writer.path(format!("/clients/{}", writer.directory.id(address).await?));
    if changes.contains_key(&FieldPath::new(["secret"])) && rotates(writer, address) {
        // The server goes on accepting the secret of before when it makes another one itself, and only then.
        writer.http().post_once(&format!("{path}/client-secret"), &json!({})).await?;
    }
    Ok(writer.http().put(&path, &Value::Object(client)).await?)
}

/// Whether a policy of the realm says how long secrets of this client last.
fn rotates(writer: &Writer, client: &Address) -> bool {
    let ends = FieldPath::new(["attributes", kinds::SECRET_EXPIRATION]);
    writer.live(client).is_some_and(|client| client.fields.contains_key(&ends))
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
    match writer.http().put(&path, &Value::Object(today)).await {
        // They are there, and the server did not know: see `authorization::remind`. Now it does.
        Err(e) if on && e.is_conflict() => Ok(()),
        done => Ok(done?),
    }
}

pub(super) async fn link(writer: &Writer, address: &Address, links: &Links) -> Result<(), ServerError> {
    let id = writer.directory.id(address).await?;
    let lists = SCOPES.iter().filter_map(|(field, endpoint)| {
        let (before, after) = links.get(&FieldPath::new([*field]))?;
        Some((format!("/clients/{id}/{endpoint}"), before.clone(), after))
    });
    client_scope::move_between(writer, &lists.collect::<Vec<_>>()).await?;
    if let Some((before, after)) = links.get(&FieldPath::new(["scopeMappings"])) {
        link_scope_mappings(writer, &format!("/clients/{id}"), before, after).await?;
    }
    if links.keys().any(|path| path.top() == "serviceAccount") {
        link_service_account(writer, &id, links).await?;
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

async fn link_service_account(writer: &Writer, client: &str, links: &Links) -> Result<(), ServerError> {
    let account = writer.http().get(&writer.path(format!("/clients/{client}/service-account-user"))).await?;
    let account = format!("/users/{}", segment(text(&object(account, "a user")?, "id")?));
    let links = links.iter().filter(|(path, _)| path.top() == "serviceAccount");
    let wanted: Vec<_> = links.map(|(path, (_, wanted))| (path.rest().collect(), wanted)).collect();
    user::link_user(writer, &account, &wanted).await
}

/// Grants roles of the realm, or those of one client, to a user or group.
pub(super) async fn link_roles(
    writer: &Writer,
    mappings: &str,
    client: Option<&str>,
    before: &Value,
    after: &Value,
) -> Result<(), ServerError> {
    let role = async |name: &str| {
        let (role, full_name) = match client {
            Some(client) => {
                let id = writer.directory.client_role(client, name).await?;
                (id.map(|id| json!({ "id": id, "name": name })), format!("{client}:{name}"))
            }
            None => (writer.directory.realm_role(name).await?, name.to_owned()),
        };
        role.ok_or(ServerError::Unknown { what: "role", name: full_name })
    };
    let roles = async |names: Vec<&str>| {
        let mut roles = Vec::new();
        for name in names {
            roles.push(role(name).await?);
        }
        Ok::<_, ServerError>(roles)
    };
    let (added, removed) = delta(before, after);
    let path = match client {
        Some(client) => client_mapping_path(writer, mappings, client).await?,
        None => writer.path(format!("{mappings}/realm")),
    };
    role::change_roles(writer, &path, &roles(added).await?, &roles(removed).await?).await
}
