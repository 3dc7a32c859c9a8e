//! Reading authorization services: one export where the credential may, else the lists. Live is the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::names::{self, Naming};
use super::{path_of, word};
use crate::keycloak::ServerError;
use crate::keycloak::intake::Intake;
use crate::keycloak::kinds::role;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, object, objects, text};
use crate::model::{
    ADMIN_PERMISSIONS_CLIENT, Address, FieldPath, Kind, RESOURCE_TYPES, Reference, Type, kinds, own_fields, texts,
};

/// The server's own default.
const PAGE: usize = 100;

/// What a policy has in its configuration by another name.
const RENAMED: &[(&str, &str)] = &[
    ("nbf", "notBefore"),
    ("noa", "notOnOrAfter"),
    ("defaultResourceType", "resourceType"),
    ("applyPolicies", "policies"),
];

/// What a resource server has, in the server's own form.
struct Services {
    settings: Object,
    scopes: Vec<Object>,
    resources: Vec<Object>,
    policies: Vec<Object>,
    naming: Naming,
}

/// Takes in the authorization services of a client that has some.
pub(in crate::keycloak::kinds) async fn read(
    reader: &Reader<'_>,
    client: &Address,
    id: &str,
) -> Result<(), ServerError> {
    let base = path_of(id);
    let services = match export(reader, &base).await {
        // An export takes the right to manage them, for no good reason.
        Err(ServerError::Http(e)) if e.is_forbidden() => lists(reader, &base).await?,
        export => export?,
    };
    let address = client.child(&kinds::AUTHORIZATION, "");
    let own = |resource: &Object| is_own(resource, id);
    for scope in services.scopes {
        add(reader, &address, &kinds::AUTHORIZATION_SCOPE, scope)?;
    }
    for resource in services.resources.into_iter().filter(own) {
        add(reader, &address, &kinds::AUTHORIZATION_RESOURCE, resource_fields(resource)?)?;
    }
    for policy in services.policies {
        let policy = named_policy(reader, services.naming, policy).await?;
        add(reader, &address, kind_of(&policy), policy)?;
    }
    reader.add(&address, "", services.settings);
    Ok(())
}

/// Takes in the fine-grained admin permissions of the realm with their policies. The server exports nothing of them.
pub(in crate::keycloak::kinds) async fn read_permissions(reader: &Reader<'_>) -> Result<(), ServerError> {
    let realm = reader.realm();
    let of_realm = [&kinds::PERMISSION, &kinds::PERMISSION_POLICY];
    let is_declared = of_realm.iter().any(|kind| reader.interest.names(realm, kind).next().is_some());
    if !is_declared && !of_realm.iter().any(|kind| reader.interest.sweeps(&realm.child(kind, ""))) {
        return Ok(());
    }
    let client = realm.child(&kinds::CLIENT, ADMIN_PERMISSIONS_CLIENT);
    let id = match reader.directory.known(&client) {
        // They stay while they are switched off.
        None if is_declared => reader.directory.client(ADMIN_PERMISSIONS_CLIENT).await?,
        known => known,
    };
    let Some(base) = id.as_deref().map(path_of) else { return Ok(()) };
    let policies = list(reader, &base, &kinds::PERMISSION_POLICY, "fields=*&").await?;
    role::for_each(&policies, async |policy| read_permission(reader, &base, policy.clone()).await).await
}

async fn read_permission(reader: &Reader<'_>, base: &str, mut policy: Object) -> Result<(), ServerError> {
    let is_permission = policy.get("type").is_some_and(|ty| ty == "scope");
    let kind: &'static Kind = if is_permission { &kinds::PERMISSION } else { &kinds::PERMISSION_POLICY };
    let (address, id) = (reader.realm().child(kind, text(&policy, "name")?), text(&policy, "id")?.to_owned());
    if !reader.interest.has(&address) && !reader.interest.sweeps(&address) {
        reader.directory.note(&address, &id);
        return Ok(());
    }
    like_export(reader, base, &mut policy).await?;
    policy = named_policy(reader, Naming::Ids, policy).await?;
    if is_permission {
        name_resources(reader, &mut policy).await?;
    }
    policy.remove("id");
    reader.add(&address, &id, policy);
    Ok(())
}

/// What a permission is about is a resource that is called by its id; one that is called as its type is all of them.
async fn name_resources(reader: &Reader<'_>, permission: &mut Object) -> Result<(), ServerError> {
    let resources = permission.remove("resources").unwrap_or_else(|| json!([]));
    let ty = permission.get("resourceType").and_then(Value::as_str).unwrap_or_default();
    let Some((_, field, _)) = RESOURCE_TYPES.iter().find(|(name, _, _)| *name == ty) else { return Ok(()) };
    let mut named = Vec::new();
    for id in texts(&resources).filter(|id| *id != ty) {
        named.extend(names::resource(reader, field, id).await?);
    }
    permission.insert((*field).to_owned(), named.into());
    Ok(())
}

/// Takes in the authorization services that an export of a realm has of a client. `is_role` says whether there is such a
/// role of a client.
pub(in crate::keycloak) fn take_in(
    intake: &impl Intake,
    client: &Address,
    settings: Object,
    is_role: &dyn Fn(&Address) -> bool,
) -> Result<(), ServerError> {
    let address = client.child(&kinds::AUTHORIZATION, "");
    let Services { settings, scopes, resources, policies, naming } = exported(settings)?;
    for scope in scopes {
        add(intake, &address, &kinds::AUTHORIZATION_SCOPE, scope)?;
    }
    let is_own = |resource: &Object| !resource.contains_key("owner");
    for resource in resources.into_iter().filter(is_own) {
        add(intake, &address, &kinds::AUTHORIZATION_RESOURCE, resource_fields(resource)?)?;
    }
    for policy in policies {
        let policy = policy_fields(naming, policy, &mut |reference, text| match reference {
            Reference::Role => Some(names::role_name(intake.realm(), text, is_role)),
            _ => Some(text.to_owned()),
        })?;
        add(intake, &address, kind_of(&policy), policy)?;
    }
    intake.add(&address, "", settings);
    Ok(())
}

/// A policy as files have it. What it names is looked up first, since that takes requests.
async fn named_policy(reader: &Reader<'_>, naming: Naming, policy: Object) -> Result<Object, ServerError> {
    let mut asked = BTreeSet::new();
    policy_fields(naming, policy.clone(), &mut |reference, text| {
        asked.insert((reference, text.to_owned()));
        None
    })?;
    let mut names = BTreeMap::new();
    for (reference, text) in asked {
        let name = names::name(reader, naming, reference, &text).await?;
        names.insert((reference, text), name);
    }
    policy_fields(naming, policy, &mut |reference, text| names.get(&(reference, text.to_owned())).cloned().flatten())
}

/// What users own is theirs: it is made while the application runs. An export tells the owner only if it is a user.
fn is_own(resource: &Object, client: &str) -> bool {
    resource.get("owner").is_none_or(|owner| owner.get("id").is_some_and(|id| id == client))
}

fn kind_of(policy: &Object) -> &'static Kind {
    match policy.get("type").and_then(Value::as_str) {
        Some("resource" | "scope") => &kinds::AUTHORIZATION_PERMISSION,
        _ => &kinds::AUTHORIZATION_POLICY,
    }
}

/// An export has no ids, and whoever may write reads one.
fn add(intake: &impl Intake, services: &Address, kind: &'static Kind, mut object: Object) -> Result<(), ServerError> {
    let address = services.child(kind, text(&object, "name")?);
    object.retain(|field, _| !matches!(field.as_str(), "id" | "_id"));
    intake.add(&address, "", object);
    Ok(())
}

async fn export(reader: &Reader<'_>, base: &str) -> Result<Services, ServerError> {
    exported(object(reader.get(&format!("{base}/settings")).await?, "authorization settings")?)
}

fn exported(mut settings: Object) -> Result<Services, ServerError> {
    let mut list = |name: &str| objects(settings.remove(name).unwrap_or_else(|| json!([])), name);
    let (scopes, resources, policies) = (list("scopes")?, list("resources")?, list("policies")?);
    Ok(Services { settings, scopes, resources, policies, naming: Naming::Names })
}

async fn lists(reader: &Reader<'_>, base: &str) -> Result<Services, ServerError> {
    let mut settings = object(reader.get(base).await?, "authorization settings")?;
    // What an export does not have.
    let is_other = |name: &str| matches!(name, "id" | "clientId" | "name" | "scopes" | "resources" | "policies");
    settings.retain(|name, _| !is_other(name));
    let scopes = list(reader, base, &kinds::AUTHORIZATION_SCOPE, "").await?;
    let resources = list(reader, base, &kinds::AUTHORIZATION_RESOURCE, "deep=true&").await?;
    let mut policies = list(reader, base, &kinds::AUTHORIZATION_POLICY, "fields=*&").await?;
    for policy in &mut policies {
        like_export(reader, base, policy).await?;
    }
    Ok(Services { settings, scopes, resources, policies, naming: Naming::Ids })
}

async fn list(reader: &Reader<'_>, base: &str, kind: &Kind, query: &str) -> Result<Vec<Object>, ServerError> {
    let mut found = Vec::new();
    let mut take = |object| {
        found.push(object);
        Ok(())
    };
    reader.pages(&format!("{base}/{}?{query}", word(kind)), PAGE, 0, usize::MAX, &mut take).await?;
    Ok(found)
}

/// Puts the names of resources, scopes and policies where an export has them. The list tells all but the policies.
async fn like_export(reader: &Reader<'_>, base: &str, policy: &mut Object) -> Result<(), ServerError> {
    for (data, field) in [("resourcesData", "resources"), ("scopesData", "scopes")] {
        let named = objects(policy.remove(data).unwrap_or_else(|| json!([])), data)?;
        policy.insert(field.to_owned(), crate::keycloak::shape::names(&named, "name")?);
    }
    let ty = policy.get("type").and_then(Value::as_str).unwrap_or_default();
    if own_fields(ty).is_some_and(|own| own.contains(&"policies")) {
        let path = format!("{base}/policy/{}/associatedPolicies", segment(text(policy, "id")?));
        let associated = objects(reader.get(&path).await?, "the policies of a policy")?;
        policy.insert("policies".to_owned(), crate::keycloak::shape::names(&associated, "name")?);
    }
    Ok(())
}

/// Scopes by their names.
fn resource_fields(mut resource: Object) -> Result<Object, ServerError> {
    let scopes = objects(resource.remove("scopes").unwrap_or_else(|| json!([])), "the scopes of a resource")?;
    resource.insert("scopes".to_owned(), crate::keycloak::shape::names(&scopes, "name")?);
    resource.remove("owner");
    Ok(resource)
}

/// Answers the name that files have for what was read; `None` for what is not there any more.
type Name<'a> = dyn FnMut(Reference, &str) -> Option<String> + 'a;

/// A policy with fields instead of a configuration, in which everything is text.
fn policy_fields(naming: Naming, mut policy: Object, name: &mut Name<'_>) -> Result<Object, ServerError> {
    let ty = text(&policy, "type")?;
    if own_fields(ty).is_none() {
        return Ok(policy);
    }
    let Some(Value::Object(config)) = policy.remove("config") else { return Ok(policy) };
    for (key, value) in config {
        let field = RENAMED.iter().find(|(name, _)| *name == key).map_or(&*key, |(_, field)| field);
        let value = field_value(naming, field, value, name)?;
        policy.insert(field.to_owned(), value);
    }
    Ok(policy)
}

fn field_value(naming: Naming, field: &str, value: Value, name: &mut Name<'_>) -> Result<Value, ServerError> {
    let ty = match kinds::AUTHORIZATION_POLICY.leaf_type(&FieldPath::new([field])) {
        Type::Json => kinds::AUTHORIZATION_PERMISSION.leaf_type(&FieldPath::new([field])),
        ty => ty,
    };
    let Value::String(text) = &value else { return Ok(value) };
    match ty {
        Type::Bool => Ok((text == "true").into()),
        Type::RefTables(reference, key, flag) => {
            let mut items = Vec::new();
            for item in parsed(text, field)? {
                let is_flagged = item.get(flag) == Some(&Value::Bool(true));
                // The path of a group stands beside its id, or in its place; one without either is gone.
                let by_id = item.get("id").and_then(Value::as_str);
                let by_path = item.get("path").and_then(Value::as_str).filter(|_| naming == Naming::Names);
                let Some(named) = by_id.or(by_path) else { continue };
                if let Some(name) = name(reference, named) {
                    items.push(if is_flagged { json!({ key: name, flag: true }) } else { name.into() });
                }
            }
            Ok(items.into())
        }
        Type::RefSet(reference) => {
            let mut items = Vec::new();
            for item in parsed(text, field)? {
                let named = item.as_str().ok_or_else(|| ServerError::shape(field, "a list of texts"))?;
                // What is of the same services is named by its name everywhere.
                let is_sibling = matches!(field, "policies" | "resources" | "scopes");
                items.extend(if is_sibling { Some(named.to_owned()) } else { name(reference, named) });
            }
            Ok(items.into())
        }
        _ => Ok(value),
    }
}

fn parsed(text: &str, field: &str) -> Result<Vec<Value>, ServerError> {
    serde_json::from_str(text).map_err(|_| ServerError::shape(field, "a list as JSON in text"))
}
