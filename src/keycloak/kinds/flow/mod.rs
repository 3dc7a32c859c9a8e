//! Authentication flows, with the executions in them and what configures these.

mod exported;
mod sync;
mod tree;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(in crate::keycloak) use self::exported::take_in;
use self::tree::Execution;
use super::document::all_of;
use super::role;
use crate::keycloak::ServerError;
use crate::keycloak::directory::Directory;
use crate::keycloak::intake::Intake;
use crate::keycloak::path::segment;
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, object, objects, text};
use crate::keycloak::writer::{Changes, Leaf, Leaves, Writer, merged};
use crate::model::{Address, FieldPath, LiveValue, Shape, Type, kinds, live_value};

/// The field that holds the executions, and below it their configurations.
const EXECUTIONS: &str = "executions";

/// What configures an execution.
struct Config {
    id: String,
    alias: String,
    values: Object,
}

/// Takes in the flows. The server lists them all at once; what is in one is asked for where it matters.
pub(super) async fn read(reader: &Reader<'_>) -> Result<(), ServerError> {
    if !reader.wants_any_of(&kinds::AUTHENTICATION_FLOW) {
        return Ok(());
    }
    let mut wanted = Vec::new();
    for flow in reader.directory.list_flows().await? {
        let address = reader.realm().child(&kinds::AUTHENTICATION_FLOW, text(&flow, "alias")?);
        let id = text(&flow, "id")?.to_owned();
        if reader.add(&address, &id, flow) && reader.interest.wants(&address, EXECUTIONS) {
            wanted.push(address);
        }
    }
    role::for_each(&wanted, async |address| read_executions(reader, address).await).await
}

async fn read_executions(reader: &Reader<'_>, address: &Address) -> Result<(), ServerError> {
    let tree = existing(reader.directory, address.name()).await?;
    let configs = configs(reader.directory, &tree).await?;
    take_in_executions(reader, address, &tree, configs);
    Ok(())
}

/// Takes in what is in a flow, and what configures it, by the ids of the configurations.
fn take_in_executions(intake: &impl Intake, address: &Address, tree: &[Execution], configs: BTreeMap<String, Config>) {
    let alias = |id: &str| configs.get(id).map(|config| config.alias.clone());
    let executions = tree.iter().map(|it| it.canonical(&alias)).collect();
    let path = FieldPath::new([EXECUTIONS]);
    let mut leaves = BTreeMap::from([(path.clone(), LiveValue::Json(executions))]);
    for config in configs.into_values() {
        let path = path.child(&config.alias);
        leaves.extend(
            config
                .values
                .into_iter()
                .filter_map(|(key, value)| Some((path.child(&key), live_value(Type::Text, value)?))),
        );
    }
    intake.extend(address, leaves);
}

/// The executions of a flow or sub-flow.
async fn existing(directory: &Directory, flow: &str) -> Result<Vec<Execution>, ServerError> {
    let list = directory.http().get(&format!("{}{}", directory.base(), executions_path(flow))).await?;
    tree::parse(&objects(list, "the executions")?)
}

/// What configures executions, by id.
async fn configs(directory: &Directory, executions: &[Execution]) -> Result<BTreeMap<String, Config>, ServerError> {
    let mut configs = BTreeMap::new();
    for id in Execution::all(executions).iter().filter_map(|it| it.config.as_deref()) {
        let config = directory.http().get(&format!("{}{}", directory.base(), config_path(id))).await?;
        configs.insert(id.to_owned(), Config::new(object(config, "a configuration")?)?);
    }
    Ok(configs)
}

/// The flow first, then what is in it: until then it lets nobody in.
pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    let plain = |name: &str| match leaves.get(&FieldPath::new([name])) {
        Some(Leaf::Json(value)) => Some(value.clone()),
        _ => None,
    };
    let flow = Object::from_iter([
        ("alias".to_owned(), address.name().into()),
        ("description".to_owned(), plain("description").unwrap_or_else(|| "".into())),
        ("providerId".to_owned(), plain("providerId").unwrap_or_else(|| "basic-flow".into())),
        ("topLevel".to_owned(), true.into()),
        ("builtIn".to_owned(), false.into()),
    ]);
    writer.post(address, &writer.path("/authentication/flows"), flow).await?;
    sync::executions(writer, address, &all_of(leaves)).await
}

/// A PUT replaces everything but the executions, and these are changed in place, so that no log-in under way breaks.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let id = writer.directory.id(address).await?;
    let (of_executions, own): (Changes, Changes) =
        changes.clone().into_iter().partition(|(path, _)| path.top() == EXECUTIONS);
    let is_renamed = writer.is_renamed(address);
    if is_renamed || !own.is_empty() {
        let mut flow = merged(writer.live(address), &own);
        flow.remove(EXECUTIONS);
        let built_in = writer.live(address).and_then(|flow| flow.plain("builtIn"));
        flow.insert("id".to_owned(), id.as_str().into());
        flow.insert("alias".to_owned(), address.name().into());
        flow.insert("topLevel".to_owned(), true.into());
        flow.insert("builtIn".to_owned(), built_in.cloned().unwrap_or_else(|| false.into()));
        let path = writer.path(format!("/authentication/flows/{}", segment(&id)));
        writer.http().put(&path, &Value::Object(flow)).await?;
    }
    if of_executions.is_empty() {
        return Ok(());
    }
    let _turn = writer.flows.lock().await;
    sync::executions(writer, address, &of_executions).await
}

/// What others share with the flow is theirs first, since it would go with the flow.
pub(super) async fn delete(writer: &Writer, address: &Address) -> Result<(), ServerError> {
    let _turn = writer.flows.lock().await;
    sync::hand_over(writer, address.name(), &existing(&writer.directory, address.name()).await?).await?;
    let path = format!("/authentication/flows/{}", segment(&writer.directory.id(address).await?));
    Ok(writer.http().delete(&writer.path(path)).await?)
}

/// Puts back what managed flows require of Kerberos.
///
/// Facts (26.0.8, 26.7.4): with a provider that speaks it the server switches it on in every flow where it is disabled, and
/// with the provider off again, whatever anybody set there.
pub(super) async fn put_back(writer: &Writer, managed: &BTreeMap<Address, Shape>) -> Result<(), ServerError> {
    let executions = FieldPath::new([EXECUTIONS]);
    let is_managed = |(address, leaves): &(&Address, &Shape)| {
        address.kind() == &kinds::AUTHENTICATION_FLOW && leaves.contains(&executions)
    };
    for (address, _) in managed.iter().filter(is_managed) {
        sync::put_back(writer, address).await?;
    }
    Ok(())
}

fn executions_path(flow: &str) -> String {
    format!("/authentication/flows/{}/executions", segment(flow))
}

fn config_path(id: &str) -> String {
    format!("/authentication/config/{}", segment(id))
}

impl Config {
    fn new(mut object: Object) -> Result<Self, ServerError> {
        let values = match object.remove("config") {
            Some(Value::Object(values)) => values,
            _ => Map::new(),
        };
        Ok(Self { id: text(&object, "id")?.to_owned(), alias: text(&object, "alias")?.to_owned(), values })
    }

    /// As a request has it: the server keeps the value of a mask that is sent back.
    fn representation(&self) -> Value {
        json!({ "id": self.id, "alias": self.alias, "config": self.values })
    }
}
