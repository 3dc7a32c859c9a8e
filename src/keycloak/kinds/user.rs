//! Users: few of many. They are looked up by name, and listed only where the files ask for that in so many words.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::client::link_roles;
use super::{group, role};
use crate::keycloak::directory::Mappings;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, object, objects, text};
use crate::keycloak::writer::{Changes, Leaf, Leaves, Links, Writer, body, exposed, merged};
use crate::keycloak::{Http, HttpError, ServerError};
use crate::model::{Address, FieldPath, LiveObject, LiveValue, PROTECTION_ROLE, flatten, kinds, texts};

/// Users are listed in bigger pages than what carries more.
const PAGE: usize = 100;

const PASSWORD: &str = "password";

/// Takes in the users of interest, whatever their number one look-up each: a realm may have a hundred thousand.
pub(super) async fn read(reader: &Reader<'_>) -> Result<(), ServerError> {
    let names: BTreeSet<&str> = reader.interest.names(reader.realm(), &kinds::USER).collect();
    let wanted: Vec<&str> = names.iter().copied().collect();
    role::for_each(&wanted, async |name| match reader.directory.find_user(name).await? {
        Some(user) => take_in(reader, user).await,
        None => Ok(()),
    })
    .await?;
    if !reader.interest.sweeps(&reader.realm().child(&kinds::USER, "")) {
        return Ok(());
    }
    let mut others = Vec::new();
    let mut take = |user: Object| {
        if !names.contains(text(&user, "username")?) {
            others.push(user);
        }
        Ok(())
    };
    // The accounts of services are not among them (26.7.4), though they are found by name.
    reader.pages("/users?", PAGE, 0, usize::MAX, &mut take).await?;
    for user in others {
        take_in(reader, user).await?;
    }
    Ok(())
}

async fn take_in(reader: &Reader<'_>, mut user: Object) -> Result<(), ServerError> {
    let (address, id) = (reader.realm().child(&kinds::USER, text(&user, "username")?), text(&user, "id")?.to_owned());
    if let Some(provider) = provider(&user).map(str::to_owned) {
        // Its directory has the say, so that it is neither swept nor deleted when it leaves the files.
        if !reader.interest.is_declared(&address) {
            return Ok(());
        }
        user.insert("federationLink".to_owned(), provider_name(reader, &provider).await?.into());
    }
    if reader.add(&address, &id, user) { read_links(reader, &address, &id).await } else { Ok(()) }
}

/// The id of the provider that a user comes from; one that is not imported has no link, only an origin.
fn provider(user: &Object) -> Option<&str> {
    user.get("federationLink").or_else(|| user.get("origin"))?.as_str()
}

/// Who may see users need not see components.
async fn provider_name(reader: &Reader<'_>, id: &str) -> Result<String, ServerError> {
    match reader.find(&format!("/components/{}", segment(id))).await {
        Ok(Some(component)) => Ok(text(&object(component, "a component")?, "name")?.to_owned()),
        Ok(None) => Ok(id.to_owned()),
        Err(ServerError::Http(e)) if e.is_forbidden() => Ok(id.to_owned()),
        Err(e) => Err(e),
    }
}

async fn read_links(reader: &Reader<'_>, address: &Address, id: &str) -> Result<(), ServerError> {
    let wants = |field| reader.interest.wants(address, field);
    if wants("realmRoles") || wants("clientRoles") {
        for (field, roles) in read_roles(reader, id).await? {
            reader.add_field(address, &field, roles);
        }
    }
    if wants("groups") {
        reader.add_field(address, "groups", read_groups(reader, id).await?);
    }
    if wants(PASSWORD) {
        let credentials = reader.get(&format!("/users/{}/credentials", segment(id))).await?;
        if passwords(credentials)?.next().is_some() {
            reader.add_leaves(address, [(FieldPath::new([PASSWORD]), LiveValue::Masked)].into());
        }
    }
    Ok(())
}

/// The roles that a user was given, as `realmRoles` and `clientRoles`.
pub(super) async fn read_roles(reader: &Reader<'_>, id: &str) -> Result<Object, ServerError> {
    let mappings = Mappings::new(reader.get(&format!("/users/{}/role-mappings", segment(id))).await?)?;
    let clients: Object = mappings.clients.into_iter().map(|(client, roles)| (client, roles.into())).collect();
    let own = own_roles(&mappings.realm, reader.directory.default_role().await?);
    Ok(Object::from_iter([("realmRoles".to_owned(), json!(own)), ("clientRoles".to_owned(), clients.into())]))
}

/// The paths of the groups that a user is in.
pub(super) async fn read_groups(reader: &Reader<'_>, id: &str) -> Result<Value, ServerError> {
    group::paths(objects(reader.get(&format!("/users/{}/groups", segment(id))).await?, "the groups of a user")?)
}

/// Every user is given the default roles, a service account as well; no file says so, and none may take them away.
fn own_roles<'a>(roles: &'a [String], default_role: &str) -> Vec<&'a String> {
    roles.iter().filter(|name| *name != default_role).collect()
}

/// The ids of a user's passwords, of which there is at most one.
fn passwords(credentials: Value) -> Result<impl Iterator<Item = String>, ServerError> {
    let credentials = objects(credentials, "the credentials")?;
    let passwords = credentials.iter().filter(|it| it.get("type").is_some_and(|it| it == PASSWORD));
    let ids = passwords.map(|it| Ok(text(it, "id")?.to_owned())).collect::<Result<Vec<_>, ServerError>>()?;
    Ok(ids.into_iter())
}

/// The password goes with the request, so that one that the policy refuses leaves no user behind who has none.
pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    let mut user = body(leaves);
    if let Some(password) = user.remove(PASSWORD) {
        user.insert("credentials".to_owned(), json!([credential(&password)]));
    }
    user.insert("username".to_owned(), address.name().into());
    check(writer, address, &user, leaves.keys()).await?;
    writer.post(address, &writer.path("/users"), user).await?;
    // A conflict that met a lost answer may have been about the email address of somebody else.
    writer.directory.id(address).await?;
    let actions = FieldPath::new(["requiredActions"]);
    if leaves.contains_key(&actions) {
        // A POST adds them to the realm's default ones, a PUT replaces them.
        let wanted = leaves.get(&actions).cloned();
        rewrite(writer, address, &[(actions, wanted)].into()).await?;
    }
    Ok(())
}

pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let mut changes = changes.clone();
    let password = changes.remove(&FieldPath::new([PASSWORD]));
    if !changes.is_empty() || writer.is_renamed(address) {
        rewrite(writer, address, &changes).await?;
    }
    match password {
        Some(Some(password)) => set_password(writer, address, &password).await,
        Some(None) => remove_password(writer, address).await,
        None => Ok(()),
    }
}

/// A PUT with attributes clears everything of the profile that is left out, the names and the address too (26.7.4). Users
/// change theirs themselves, so what is sent back is not what was read for the plan but what is there now.
async fn rewrite(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let id = writer.directory.id(address).await?;
    let path = writer.path(format!("/users/{}", segment(&id)));
    let now = object(writer.http().get(&path).await?, "a user")?;
    let now = LiveObject { kind: &kinds::USER, id, fields: flatten(&kinds::USER, now) };
    let mut user = merged(Some(&now), changes);
    user.insert("username".to_owned(), address.name().into());
    user.entry("attributes").or_insert_with(|| json!({}));
    user.entry("requiredActions").or_insert_with(|| json!([]));
    check(writer, address, &user, changes.keys()).await?;
    match writer.http().put(&path, &Value::Object(user)).await {
        Err(e) if e.status() == Some(400) && writer.is_renamed(address) => Err(ServerError::Refused(format!(
            "{e}: Keycloak renames users only in a realm that says editUsernameAllowed = true"
        ))),
        answer => Ok(answer?),
    }
}

/// Refuses what the server takes without a word and does otherwise, so that no plan would ever be empty. `paths` are the
/// leaves that are written; what is sent back as it is may be the server's to keep.
async fn check<'a>(
    writer: &Writer,
    address: &Address,
    user: &Object,
    paths: impl Iterator<Item = &'a FieldPath>,
) -> Result<(), ServerError> {
    let realm = writer.live(writer.directory.realm());
    let email_is_name = realm.and_then(|realm| realm.fields.get(&FieldPath::new(["registrationEmailAsUsername"])));
    let email = user.get("email").and_then(Value::as_str).unwrap_or_default();
    if email_is_name == Some(&LiveValue::Json(true.into())) && !email.is_empty() && email != address.name() {
        return Err(ServerError::Refused(format!(
            "the realm takes email addresses for usernames: this user would be called {email}, not {}",
            address.name()
        )));
    }
    for name in paths.filter(|path| path.top() == "attributes").filter_map(|path| path.rest().next()) {
        // Steps that write the profile come before this one.
        if let Some(why) = unwritable(writer.directory.user_profile().await?, name) {
            return Err(ServerError::Refused(why));
        }
    }
    Ok(())
}

/// Why the server would leave an attribute as it is, if it would (26.7.4): its profile says what administrators may write.
fn unwritable(profile: &Object, name: &str) -> Option<String> {
    let mut known = profile.get("attributes").and_then(Value::as_array).into_iter().flatten();
    let Some(attribute) = known.find(|it| it.get("name").is_some_and(|it| it == name)) else {
        let policy = profile.get("unmanagedAttributePolicy").and_then(Value::as_str);
        return (!matches!(policy, Some("ENABLED" | "ADMIN_EDIT"))).then(|| {
            format!(
                "Keycloak would not write the attribute {name}, which the user profile does not have: \
                 declare userProfile.attributes.{name}, or userProfile.unmanagedAttributePolicy = \"ADMIN_EDIT\""
            )
        });
    };
    let editors = attribute.get("permissions").and_then(|it| it.get("edit")).and_then(Value::as_array);
    let may_edit = editors.is_some_and(|editors| editors.iter().any(|it| it == "admin"));
    (!may_edit).then(|| {
        format!(
            "Keycloak would not write the attribute {name}, which administrators may not edit: \
             have \"admin\" in userProfile.attributes.{name}.permissions.edit"
        )
    })
}

fn credential(password: &Value) -> Value {
    json!({ "type": PASSWORD, "value": password, "temporary": false })
}

async fn set_password(writer: &Writer, address: &Address, password: &Leaf) -> Result<(), ServerError> {
    let id = writer.directory.id(address).await?;
    reset(writer.http(), &writer.path(format!("/users/{}", segment(&id))), &exposed(password)).await
}

/// Gives a user, by the server's own name of it, another password.
///
/// # Errors
/// The server's refusals.
pub async fn issue_password(http: &Http, realm: &str, uuid: &str, password: &SecretString) -> Result<(), ServerError> {
    http.hide([password]);
    let path = format!("/{}/users/{}", segment(realm), segment(uuid));
    reset(http, &path, &password.expose_secret().into()).await
}

async fn reset(http: &Http, user: &str, password: &Value) -> Result<(), ServerError> {
    match http.put(&format!("{user}/reset-password"), &credential(password)).await {
        // The request whose answer was lost has set it: a policy may rule out what was a password before, and the
        // present one is among these.
        Err(e) if e.repeated() && is_password_of_before(&e) => Ok(()),
        answer => Ok(answer?),
    }
}

fn is_password_of_before(error: &HttpError) -> bool {
    error.status() == Some(400) && error.to_string().contains("must not be equal to any of last")
}

async fn remove_password(writer: &Writer, address: &Address) -> Result<(), ServerError> {
    let credentials = format!("/users/{}/credentials", segment(&writer.directory.id(address).await?));
    for password in passwords(writer.http().get(&writer.path(&credentials)).await?)? {
        writer.http().delete(&writer.path(format!("{credentials}/{}", segment(&password)))).await?;
    }
    Ok(())
}

pub(super) async fn link(writer: &Writer, address: &Address, links: &Links) -> Result<(), ServerError> {
    let user = format!("/users/{}", segment(&writer.directory.id(address).await?));
    let wanted: Vec<_> = links.iter().map(|(path, (_, wanted))| (path.parts().collect(), wanted)).collect();
    link_user(writer, &user, &wanted).await
}

/// Makes roles and groups what is wanted. A new user has roles and groups of its own, which no plan knew: the current
/// ones are asked for.
pub(super) async fn link_user(writer: &Writer, user: &str, wanted: &[(Vec<&str>, &Value)]) -> Result<(), ServerError> {
    let mappings = format!("{user}/role-mappings");
    let current = Mappings::new(writer.http().get(&writer.path(&mappings)).await?)?;
    for (path, wanted) in wanted {
        match path[..] {
            ["realmRoles"] => {
                let own = json!(own_roles(&current.realm, writer.directory.default_role().await?));
                link_roles(writer, &mappings, None, &own, wanted).await?;
            }
            ["groups"] => {
                group::link_membership(writer, &format!("{user}/groups"), wanted).await?;
            }
            ["clientRoles", client] => {
                let has = current.clients.iter().find(|(name, _)| *name == client).map_or(&[][..], |(_, roles)| roles);
                // The server gives this one by itself: only who names it has a say in it.
                let is_ours = |role: &&String| *role != PROTECTION_ROLE || texts(wanted).any(|it| it == *role);
                let has: Vec<&String> = has.iter().filter(is_ours).collect();
                link_roles(writer, &mappings, Some(client), &json!(has), wanted).await?;
            }
            _ => {}
        }
    }
    Ok(())
}
