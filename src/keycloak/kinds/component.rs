//! Components: keys, user federation with its mappers, client registration policies, and all others. On the wire they
//! are one list, in which each says what it is and what it hangs below.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::keycloak::ServerError;
use crate::keycloak::intake::Intake;
use crate::keycloak::path::{query, segment};
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, objects, text};
use crate::keycloak::writer::{Changes, Leaves, Writer, body, changed};
use crate::model::kinds::component::{of_provider_type, provider_type, split_name};
use crate::model::{Address, FieldPath, Kind, kinds, texts};

/// The kinds of components right below a realm.
static ROOTS: &[&Kind] =
    &[&kinds::CLIENT_REGISTRATION_POLICY, &kinds::COMPONENT, &kinds::KEY_PROVIDER, &kinds::USER_FEDERATION];

/// Takes in the components. One answer holds them all; the server, too, loads all or none.
pub(super) async fn read(reader: &Reader<'_>) -> Result<(), ServerError> {
    if !ROOTS.iter().any(|kind| reader.wants_any_of(kind)) {
        return Ok(());
    }
    take_in(reader, objects(reader.get("/components").await?, "the components")?)
}

/// Takes in the components of a realm, each of which says what it hangs below.
pub(in crate::keycloak) fn take_in(intake: &impl Intake, components: Vec<Object>) -> Result<(), ServerError> {
    let realm = intake.realm();
    let ids = components.iter().map(|it| text(it, "id").map(str::to_owned)).collect::<Result<BTreeSet<_>, _>>()?;
    let (below, roots): (Vec<_>, Vec<_>) = components.into_iter().partition(|it| ids.contains(parent_id(it)));
    let mut found = Found { intake, by_address: BTreeMap::new() };
    let mut providers = BTreeMap::new();
    for component in roots {
        let Some(address) = root_address(realm, &component) else { continue };
        providers.insert(text(&component, "id")?.to_owned(), address.clone());
        found.take_in(address, component)?;
    }
    for component in below {
        let provider = providers.get(parent_id(&component)).filter(|it| it.kind() == &kinds::USER_FEDERATION);
        let mapper = provider.and_then(|provider| mapper_address(provider, &component));
        mapper.map(|address| found.take_in(address, component)).transpose()?;
    }
    Ok(())
}

/// What was taken in, by the ids of the components.
struct Found<'a, I> {
    intake: &'a I,
    by_address: BTreeMap<Address, String>,
}

impl<I: Intake> Found<'_, I> {
    /// The server lets two components have the same name. Nobody is told which of them a file means, so that files may
    /// mean neither.
    fn take_in(&mut self, address: Address, component: Object) -> Result<(), ServerError> {
        let id = text(&component, "id")?.to_owned();
        let Some(first) = self.by_address.get(&address) else {
            self.intake.add(&address, &id, component);
            self.by_address.insert(address, id);
            return Ok(());
        };
        if !self.intake.interest().has(&address) {
            return Ok(());
        }
        Err(ServerError::Refused(format!(
            "the server has two components that are both {address} ({first} and {id}): rename or delete one of them"
        )))
    }
}

fn parent_id(component: &Object) -> &str {
    component.get("parentId").and_then(Value::as_str).unwrap_or_default()
}

fn root_address(realm: &Address, component: &Object) -> Option<Address> {
    let field = |name: &str| component.get(name).and_then(Value::as_str);
    let (name, provider_type) = (field("name")?, field("providerType")?);
    let kind = of_provider_type(provider_type)?;
    Some(match kind.name {
        "client registration policy" => realm.child(kind, format!("{}/{name}", field("subType")?)),
        "component" => realm.child(kind, format!("{provider_type}/{name}")),
        "user federation mapper" => return None,
        _ => realm.child(kind, name),
    })
}

fn mapper_address(provider: &Address, component: &Object) -> Option<Address> {
    let field = |name: &str| component.get(name).and_then(Value::as_str);
    let kind = of_provider_type(field("providerType")?).filter(|kind| **kind == kinds::USER_FEDERATION_MAPPER)?;
    Some(provider.child(kind, field("name")?))
}

pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    let mut component = representation(address, body(leaves));
    let only = address.kind().server_makes().and_then(|kind| component.remove(kind.collection));
    if let Some(provider) = address.parent().filter(|parent| parent.kind() == &kinds::USER_FEDERATION) {
        component.insert("parentId".to_owned(), writer.directory.id(&provider).await?.into());
    }
    if let Some(made) = made_with_parent(writer, address, &component).await? {
        let id = text(&made, "id")?;
        component.entry("providerId").or_insert_with(|| made.get("providerId").cloned().unwrap_or_default());
        writer.directory.note(address, id);
        return put(writer, id, component).await;
    }
    // Names are not unique, ids are: with an id of ours, a request that is repeated makes no second component.
    let id = format!("{:032x}", rand::random::<u128>());
    component.insert("id".to_owned(), id.as_str().into());
    writer.post(address, &writer.path("/components"), component).await?;
    writer.directory.note(address, &id);
    match only {
        Some(only) => sweep(writer, &id, &only).await,
        None => Ok(()),
    }
}

/// Deletes the mappers that the server made with a new provider, but for those that are declared.
async fn sweep(writer: &Writer, provider: &str, declared: &Value) -> Result<(), ServerError> {
    let made = writer.http().get(&writer.path(format!("/components?parent={}", query(provider)))).await?;
    for mapper in objects(made, "the components")? {
        if !texts(declared).any(|name| mapper.get("name").is_some_and(|it| it == name)) {
            writer.http().delete(&writer.path(format!("/components/{}", segment(text(&mapper, "id")?)))).await?;
        }
    }
    Ok(())
}

/// With an LDAP provider the server makes mappers, to which no plan can look forward, and with a realm perhaps more than the
/// recorded version does; and it would take a second one of the same name without a word.
async fn made_with_parent(writer: &Writer, address: &Address, wanted: &Object) -> Result<Option<Object>, ServerError> {
    if address.parent().is_none_or(|parent| writer.live(&parent).is_some()) {
        return Ok(None);
    }
    let field = |name: &str| wanted.get(name).and_then(Value::as_str).unwrap_or_default();
    let parent = wanted.get("parentId").map(|_| format!("&parent={}", query(field("parentId")))).unwrap_or_default();
    let of_name = format!("/components?name={}&type={}{parent}", query(field("name")), query(field("providerType")));
    let found = objects(writer.http().get(&writer.path(of_name)).await?, "the components")?;
    Ok(found.into_iter().find(|it| it.get("subType") == wanted.get("subType")))
}

/// A PUT keeps the configuration that is left out, secrets included, removes what is sent empty, and ignores what the
/// provider does not know.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let mut component = representation(address, changed(address.kind(), changes));
    if let Some(provider) = writer.live(address).and_then(|live| live.plain("providerId")) {
        component.insert("providerId".to_owned(), provider.clone());
    }
    let has = |key: &str| changes.contains_key(&FieldPath::new(["config", key]));
    if has("privateKey") && !has("certificate") {
        // The server makes a certificate where there is none, and then refuses every key that is not the one in it.
        config(&mut component).for_each(|config| drop(config.insert("certificate".to_owned(), json!([]))));
    }
    put(writer, &id(writer, address).await?, component).await
}

async fn put(writer: &Writer, id: &str, component: Object) -> Result<(), ServerError> {
    let path = writer.path(format!("/components/{}", segment(id)));
    Ok(writer.http().put(&path, &Value::Object(component)).await?)
}

/// The path of one component below the realm.
pub(super) async fn path(writer: &Writer, address: &Address) -> Result<String, ServerError> {
    Ok(format!("/components/{}", segment(&id(writer, address).await?)))
}

/// The id of a component; those that a new realm has by itself were not read before.
async fn id(writer: &Writer, address: &Address) -> Result<String, ServerError> {
    if writer.directory.known(address).is_none() {
        for component in objects(writer.http().get(&writer.path("/components")).await?, "the components")? {
            if let Some(address) = root_address(writer.directory.realm(), &component) {
                writer.directory.note(&address, text(&component, "id")?);
            }
        }
    }
    writer.directory.id(address).await
}

/// What says which component this is. Without its types a PUT answers 500, and until its caches are cleared the server
/// shows what it has not stored (26.7.4).
fn representation(address: &Address, mut component: Object) -> Object {
    let (prefix, name) = split_name(address);
    component.insert("name".to_owned(), name.into());
    component.insert("providerType".to_owned(), provider_type(address).unwrap_or_default().into());
    if let Some(sub_type) = prefix.filter(|_| address.kind() == &kinds::CLIENT_REGISTRATION_POLICY) {
        component.insert("subType".to_owned(), sub_type.into());
    }
    for value in config(&mut component).flat_map(Object::values_mut) {
        if !value.is_array() {
            *value = json!([value.take()]);
        }
    }
    component
}

fn config(component: &mut Object) -> impl Iterator<Item = &mut Object> {
    component.get_mut("config").and_then(Value::as_object_mut).into_iter()
}
