//! The realm itself: settings, flow bindings, defaults for new users and clients.

use serde_json::Value;

use super::{client_scope, group, role};
use crate::keycloak::ServerError;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, names, object, objects, text};
use crate::keycloak::writer::{Changes, Leaves, Links, Writer, body, changed, merged};
use crate::model::kinds::{CLIENT, REALM};
use crate::model::{ADMIN_PERMISSIONS_CLIENT, Address, FieldPath, defaults};

/// Tables that a PUT replaces as a whole. The attributes in which Keycloak keeps settings that have fields of their own are
/// sent back with the others, since one that is left out is gone, and the setting with it; the field has the last word.
const TABLES: &[&str] = &["attributes", "browserSecurityHeaders", "smtpServer"];

/// What a PUT resets where it is left out (26.7.4): the attributes hold the settings of CIBA and of pushed authorization
/// requests, which are. With attributes and without security headers, 26.0.8 takes all of these away.
const STEADY: &[&str] =
    &["attributes", "browserSecurityHeaders", "oauth2DeviceCodeLifespan", "oauth2DevicePollingInterval"];

/// Settings that name client scopes: (field, endpoint).
const SCOPES: &[(&str, &str)] = &[
    ("defaultDefaultClientScopes", "default-default-client-scopes"),
    ("defaultOptionalClientScopes", "default-optional-client-scopes"),
];

/// The policy that a setting is a part of. The server takes a policy as a whole: it fills what is left out with defaults,
/// and without the type of one-time passwords or the name of the relying party it takes nothing at all.
fn policy(setting: &str) -> Option<&'static str> {
    // The longest first: one begins with another.
    let policies = ["otpPolicy", "webAuthnPolicyPasswordless", "webAuthnPolicy"];
    policies.into_iter().find(|policy| setting.starts_with(policy))
}

/// Takes in the settings, and answers the id of the role that holds the default roles.
pub(super) fn read(reader: &Reader<'_>, settings: Object) -> Result<String, ServerError> {
    let id = text(&settings, "id")?.to_owned();
    let default_role = settings.get("defaultRole").and_then(|role| role.get("id")).and_then(Value::as_str);
    let default_role = default_role.unwrap_or_default().to_owned();
    if let Some(name) = settings.get("defaultRole").and_then(|role| role.get("name")).and_then(Value::as_str) {
        reader.directory.note_default_role(name);
    }
    if settings.get("adminPermissionsEnabled") == Some(&Value::Bool(true))
        && let Some(client) = settings.get("adminPermissionsClient").and_then(|client| client.get("id")?.as_str())
    {
        reader.directory.note(&reader.realm().child(&CLIENT, ADMIN_PERMISSIONS_CLIENT), client);
    }
    reader.add(reader.realm(), &id, settings);
    Ok(default_role)
}

/// Reads the defaults that are not part of the settings, each only if it matters.
pub(super) async fn read_links(reader: &Reader<'_>, default_role: &str) -> Result<(), ServerError> {
    let realm = reader.realm();
    if reader.interest.wants(realm, "defaultRoles") {
        reader.add_field(realm, "defaultRoles", role::composites(reader.directory, default_role).await?);
    }
    if reader.interest.wants(realm, "defaultGroups") {
        let groups = objects(reader.get("/default-groups").await?, "the default groups")?;
        reader.add_field(realm, "defaultGroups", group::paths(groups)?);
    }
    for (field, endpoint) in SCOPES {
        if reader.interest.wants(realm, field) {
            let scopes = objects(reader.get(&format!("/{endpoint}")).await?, "the default client scopes")?;
            reader.add_field(realm, field, names(&scopes, "name")?);
        }
    }
    Ok(())
}

pub(super) async fn create(
    writer: &Writer,
    address: &Address,
    leaves: &Leaves,
    client: &Value,
) -> Result<(), ServerError> {
    let mut realm = body(leaves);
    realm.insert("realm".to_owned(), address.name().into());
    for field in REALM.fields.iter().filter(|field| policy(field.name).is_some()) {
        let touched = leaves.keys().any(|path| policy(path.top()) == policy(field.name));
        if let Some(default) = defaults(&REALM, &FieldPath::new([field.name])).filter(|_| touched) {
            realm.entry(field.name).or_insert_with(|| default.clone());
        }
    }
    realm.insert("clients".to_owned(), [client.clone()].into_iter().collect());
    writer.http().post("", &Value::Object(realm)).await?;
    // A token names the realms that its bearer may manage; the new one is missing in ours.
    Ok(writer.http().refresh_token().await?)
}

/// A PUT keeps settings that are left out, but for these; and it replaces each table as a whole.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let mut realm = changed(&REALM, changes);
    let mut whole = merged(writer.live(address), changes);
    for table in TABLES.iter().filter(|table| changes.keys().any(|path| path.top() == **table)) {
        let table = (*table).to_owned();
        realm.insert(table.clone(), whole.remove(&table).unwrap_or_else(|| Object::new().into()));
    }
    for name in STEADY {
        if let Some(value) = whole.remove(*name) {
            realm.entry(*name).or_insert(value);
        }
    }
    for (name, value) in whole.into_iter().filter(|(name, _)| policy(name).is_some()) {
        if changes.keys().any(|path| policy(path.top()) == policy(&name)) {
            realm.entry(name).or_insert(value);
        }
    }
    realm.insert("realm".to_owned(), address.name().into());
    writer.http().put(&writer.path(""), &Value::Object(realm)).await?;
    if writer.path("") != format!("/{}", segment(address.name())) {
        writer.directory.rename_realm();
        // A token names the realms that its bearer may manage by the names that they had.
        writer.http().refresh_token().await?;
    }
    Ok(())
}

pub(super) async fn link(writer: &Writer, links: &Links) -> Result<(), ServerError> {
    let flows = links.iter().filter(|(path, _)| path.top().ends_with("Flow"));
    let mut flows: Object = flows.map(|(path, (_, alias))| (path.top().to_owned(), alias.clone())).collect();
    if !flows.is_empty() {
        // What was read may have changed in this run.
        let mut realm = object(writer.http().get(&writer.path("")).await?, "the realm")?;
        flows.extend(STEADY.iter().filter_map(|name| Some(((*name).to_owned(), realm.remove(*name)?))));
        writer.http().put(&writer.path(""), &Value::Object(flows)).await?;
    }
    if let Some((_, wanted)) = links.get(&FieldPath::new(["defaultRoles"])) {
        link_default_roles(writer, wanted).await?;
    }
    if let Some((_, wanted)) = links.get(&FieldPath::new(["defaultGroups"])) {
        group::link_membership(writer, "/default-groups", wanted).await?;
    }
    link_scopes(writer, links).await
}

/// A new realm has default roles of its own, which no plan knew: the current ones are asked for.
async fn link_default_roles(writer: &Writer, wanted: &Value) -> Result<(), ServerError> {
    let realm = object(writer.http().get(&writer.path("")).await?, "the realm")?;
    let id = realm.get("defaultRole").and_then(|role| role.get("id")).and_then(Value::as_str);
    let id = id.ok_or_else(|| ServerError::shape("defaultRole.id", "text"))?;
    let current = role::composites(&writer.directory, id).await?;
    role::link_composites(writer, id, &current, wanted).await
}

async fn link_scopes(writer: &Writer, links: &Links) -> Result<(), ServerError> {
    let mut lists = Vec::new();
    for (field, endpoint) in SCOPES {
        let Some((_, wanted)) = links.get(&FieldPath::new([*field])) else { continue };
        let current =
            objects(writer.http().get(&writer.path(format!("/{endpoint}"))).await?, "the default client scopes")?;
        lists.push((format!("/{endpoint}"), names(&current, "name")?, wanted));
    }
    client_scope::move_between(writer, &lists).await
}
