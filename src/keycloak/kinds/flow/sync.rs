//! Makes the executions of a flow what is wanted, in place: what can stay stays, with its id and its configuration.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use super::tree::{self, Execution, Wanted};
use super::{Config, EXECUTIONS, config_path, configs, executions_path, existing};
use crate::keycloak::ServerError;
use crate::keycloak::path::segment;
use crate::keycloak::retry::Tries;
use crate::keycloak::shape::{object, objects, optional, text};
use crate::keycloak::writer::{Changes, Leaf, Writer};
use crate::model::{Address, FieldPath, LiveValue};

/// What the server shows in place of a secret.
const MASK: &str = "**********";

/// Makes the executions of the flow at `address` what they are to be.
///
/// A lost answer leaves open whether an execution was made, and nothing but looking tells. The tries are counted from where
/// more was found than before.
pub(super) async fn executions(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let (mut tries, mut found) = (Tries::new(), 0);
    loop {
        let existing = existing(&writer.directory, address.name()).await?;
        let count = Execution::all(&existing).len();
        if count > found {
            (tries, found) = (Tries::new(), count);
        }
        let error = match attempt(writer, address, changes, &existing).await {
            Err(ServerError::Http(error)) if error.may_have_run() && !error.repeated() => error,
            ended => return ended,
        };
        let Some(pause) = tries.failed(writer.http().policy(), &error) else {
            return Err(error.after(tries.count(), tries.count() > 1).into());
        };
        tokio::time::sleep(pause).await;
    }
}

async fn attempt(
    writer: &Writer,
    address: &Address,
    changes: &Changes,
    existing: &[Execution],
) -> Result<(), ServerError> {
    let path = FieldPath::new([EXECUTIONS]);
    let wanted = match changes.get(&path) {
        Some(Some(Leaf::Json(executions))) => executions.clone(),
        Some(_) => json!([]),
        None => writer.live(address).and_then(|flow| flow.plain(EXECUTIONS)).cloned().unwrap_or_else(|| json!([])),
    };
    let wanted = Wanted::list(&wanted);
    let configs = configs(&writer.directory, existing).await?;
    let sync = Sync { writer, address, changes, configs };
    sync.clear_the_way(&wanted, existing).await?;
    let flow =
        Parent { alias: address.name(), id: &writer.directory.id(address).await?, is_client: sync.is_of_clients() };
    sync.level(&flow, &wanted, existing).await
}

/// A flow or sub-flow that executions are in.
struct Parent<'a> {
    alias: &'a str,
    id: &'a str,
    /// Whether it is about the sign-in of clients.
    is_client: bool,
}

/// One flow under work.
struct Sync<'a> {
    writer: &'a Writer,
    address: &'a Address,
    changes: &'a Changes,
    /// The configurations there are, by id.
    configs: BTreeMap<String, Config>,
}

impl Sync<'_> {
    fn is_of_clients(&self) -> bool {
        let path = FieldPath::new(["providerId"]);
        let is_it = |value: &Value| value == "client-flow";
        matches!(self.changes.get(&path), Some(Some(Leaf::Json(value))) if is_it(value))
            || self.writer.live(self.address).and_then(|flow| flow.plain("providerId")).is_some_and(is_it)
    }

    fn alias(&self, config: &str) -> Option<String> {
        self.configs.get(config).map(|config| config.alias.clone())
    }

    fn matched(&self, wanted: &[Wanted<'_>], existing: &[Execution]) -> Vec<Option<usize>> {
        tree::matched(wanted, existing, &|config| self.alias(config))
    }

    /// Names of sub-flows and configurations are unique: one that moves leaves its old place before it is made in the new
    /// one. Whatever else goes, goes last, so that there is never less to pass than before or after.
    async fn clear_the_way(&self, wanted: &[Wanted<'_>], existing: &[Execution]) -> Result<(), ServerError> {
        let (mut leaving, mut new) = (Vec::new(), Vec::new());
        self.compare(wanted, existing, &mut leaving, &mut new);
        let names: BTreeSet<&str> = new.iter().flat_map(|it| [it.flow(), it.config()]).flatten().collect();
        for execution in leaving {
            let moves = Execution::all(std::slice::from_ref(execution)).iter().any(|it| {
                let config = it.config.as_deref().and_then(|id| self.alias(id));
                it.flow.as_ref().is_some_and(|flow| names.contains(flow.alias.as_str()))
                    || config.is_some_and(|alias| names.contains(alias.as_str()))
            });
            if moves {
                self.delete(execution).await?;
            }
        }
        Ok(())
    }

    /// What is no longer wanted at its place, and what is wanted and not there.
    fn compare<'b>(
        &self,
        wanted: &[Wanted<'b>],
        existing: &'b [Execution],
        leaving: &mut Vec<&'b Execution>,
        new: &mut Vec<Wanted<'b>>,
    ) {
        let matched = self.matched(wanted, existing);
        leaving.extend(existing.iter().enumerate().filter(|(at, _)| !matched.contains(&Some(*at))).map(|(_, it)| it));
        for (it, at) in wanted.iter().zip(matched) {
            let children = it.children();
            if let Some(at) = at {
                self.compare(&children, &existing[at].children, leaving, new);
            } else {
                new.push(*it);
                self.compare(&children, &[], leaving, new);
            }
        }
    }

    async fn level(
        &self,
        parent: &Parent<'_>,
        wanted: &[Wanted<'_>],
        existing: &[Execution],
    ) -> Result<(), ServerError> {
        let matched = self.matched(wanted, existing);
        let priorities: Vec<_> = matched.iter().map(|at| at.map(|at| existing[at].priority)).collect();
        let priorities = tree::priorities(&priorities);
        for ((it, at), priority) in wanted.iter().zip(&matched).zip(priorities) {
            match at {
                Some(at) => self.change(parent, *it, &existing[*at], priority).await?,
                None => self.make(parent, *it, priority).await?,
            }
        }
        for (_, gone) in existing.iter().enumerate().filter(|(at, _)| !matched.contains(&Some(*at))) {
            self.delete(gone).await?;
        }
        Ok(())
    }

    async fn change(
        &self,
        parent: &Parent<'_>,
        wanted: Wanted<'_>,
        existing: &Execution,
        priority: i64,
    ) -> Result<(), ServerError> {
        if let Some(flow) = &existing.flow {
            let sub_flow = Parent { alias: &flow.alias, id: &flow.id, ..*parent };
            Box::pin(self.level(&sub_flow, &wanted.children(), &existing.children)).await?;
            if flow.description != wanted.description() {
                self.describe(existing, wanted).await?;
            }
        }
        if (existing.requirement.as_str(), existing.priority) != (wanted.requirement(), priority) {
            self.set(&existing.id, wanted.requirement(), priority).await?;
        }
        self.configure(existing, wanted.config()).await
    }

    /// The server takes the description of a sub-flow only when nothing else of it changes.
    async fn describe(&self, existing: &Execution, wanted: Wanted<'_>) -> Result<(), ServerError> {
        let Some(flow) = &existing.flow else { return Ok(()) };
        let mut body = tree::settings(&existing.id, &existing.requirement, existing.priority);
        body["authenticationFlow"] = true.into();
        body["flowId"] = flow.id.as_str().into();
        body["displayName"] = flow.alias.as_str().into();
        body["description"] = wanted.description().into();
        self.put(&body).await
    }

    async fn set(&self, id: &str, requirement: &str, priority: i64) -> Result<(), ServerError> {
        self.put(&tree::settings(id, requirement, priority)).await
    }

    async fn put(&self, execution: &Value) -> Result<(), ServerError> {
        let path = self.writer.path(executions_path(self.address.name()));
        Ok(self.writer.http().put(&path, execution).await?)
    }

    async fn make(&self, parent: &Parent<'_>, wanted: Wanted<'_>, priority: i64) -> Result<(), ServerError> {
        if let Some(alias) = wanted.flow() {
            return self.make_sub_flow(parent, wanted, alias, priority).await;
        }
        let body = json!({
            "parentFlow": parent.id,
            "authenticator": wanted.authenticator(),
            "authenticatorFlow": false,
            "requirement": wanted.requirement(),
            "priority": priority,
        });
        // A second one would be as good to the server as the first.
        let posted = self.writer.http().post_once(&self.writer.path("/authentication/executions"), &body).await?;
        let id = posted.id.ok_or_else(|| ServerError::shape("the id of an execution", "a Location"))?;
        self.configure_new(&id, wanted.config()).await
    }

    /// A new sub-flow is disabled until everything is in it. It is never there without its place in the flow.
    async fn make_sub_flow(
        &self,
        parent: &Parent<'_>,
        wanted: Wanted<'_>,
        alias: &str,
        priority: i64,
    ) -> Result<(), ServerError> {
        let ty = match (wanted.authenticator(), parent.is_client) {
            (Some(_), _) => "form-flow",
            (None, true) => "client-flow",
            (None, false) => "basic-flow",
        };
        let body = json!({
            "alias": alias,
            "type": ty,
            "provider": wanted.authenticator(),
            "description": wanted.description(),
            "priority": priority,
        });
        let path = self.writer.path(format!("{}/flow", executions_path(parent.alias)));
        match self.writer.http().post(&path, &body).await {
            Err(error) if !(error.is_conflict() && error.repeated()) => return Err(error.into()),
            _ => {}
        }
        let siblings = existing(&self.writer.directory, parent.alias).await?;
        let is_it = |it: &&Execution| it.flow.as_ref().is_some_and(|flow| flow.alias == alias);
        let made = siblings.iter().find(is_it).ok_or_else(|| ServerError::Missing { address: alias.to_owned() })?;
        let id = made.flow.as_ref().map_or("", |flow| flow.id.as_str());
        let sub_flow = Parent { alias, id, ..*parent };
        Box::pin(self.level(&sub_flow, &wanted.children(), &made.children)).await?;
        self.set(&made.id, wanted.requirement(), priority).await
    }

    async fn delete(&self, execution: &Execution) -> Result<(), ServerError> {
        hand_over(self.writer, self.address.name(), std::slice::from_ref(execution)).await?;
        let path = format!("/authentication/executions/{}", segment(&execution.id));
        match self.writer.http().delete(&self.writer.path(path)).await {
            // It moved, and went before.
            Err(error) if error.is_not_found() => Ok(()),
            other => Ok(other?),
        }
    }
}

/// Configurations.
impl Sync<'_> {
    async fn configure(&self, execution: &Execution, alias: Option<&str>) -> Result<(), ServerError> {
        let existing = execution.config.as_deref().and_then(|id| self.configs.get(id));
        match (existing, alias) {
            (Some(gone), None) => {
                hand_over(self.writer, self.address.name(), &[execution.without_children()]).await?;
                match self.writer.http().delete(&self.writer.path(config_path(&gone.id))).await {
                    // It went when the others got theirs.
                    Err(error) if error.is_not_found() => Ok(()),
                    other => Ok(other?),
                }
            }
            (None, alias) => self.configure_new(&execution.id, alias).await,
            (Some(existing), Some(alias)) => self.reconfigure(execution, existing, alias).await,
        }
    }

    async fn configure_new(&self, execution: &str, alias: Option<&str>) -> Result<(), ServerError> {
        match alias {
            Some(alias) => self.give(execution, alias, &self.values(self.known(alias)?, alias)).await,
            None => Ok(()),
        }
    }

    async fn give(&self, execution: &str, alias: &str, values: &Map<String, Value>) -> Result<(), ServerError> {
        match self
            .writer
            .http()
            .post(&self.writer.path(config_of(execution)), &json!({ "alias": alias, "config": values }))
            .await
        {
            Err(error) if error.is_conflict() => self.is_ours(execution, alias).await,
            other => Ok(other.map(drop)?),
        }
    }

    async fn reconfigure(&self, execution: &Execution, existing: &Config, alias: &str) -> Result<(), ServerError> {
        let mut values = self.values(existing.values.clone(), &existing.alias);
        if existing.alias != alias {
            values = self.values(values, alias);
        }
        if existing.alias == alias && existing.values == values {
            return Ok(());
        }
        hand_over(self.writer, self.address.name(), &[execution.without_children()]).await?;
        let changed = Config { id: existing.id.clone(), alias: alias.to_owned(), values };
        match self.writer.http().put(&self.writer.path(config_path(&existing.id)), &changed.representation()).await {
            // It went when the others got theirs.
            Err(error) if error.is_not_found() => self.give(&execution.id, alias, &changed.values).await,
            other => Ok(other?),
        }
    }

    /// Whether the configuration of that name, which is there, was made by an earlier try.
    ///
    /// Facts (26.7.4): a realm has one configuration of a name. None is made to be shared here: see [`hand_over`].
    async fn is_ours(&self, execution: &str, alias: &str) -> Result<(), ServerError> {
        match holders(self.writer).await?.into_iter().find(|it| it.alias.as_deref() == Some(alias)) {
            Some(holder) if holder.execution == execution => Ok(()),
            Some(Holder { flow, .. }) => Err(ServerError::Refused(format!(
                "the flow {flow:?} has a configuration `{alias}`, and Keycloak has only one of a name: give this one another"
            ))),
            None => Err(ServerError::Missing { address: format!("the configuration `{alias}`") }),
        }
    }

    /// What was read of a configuration whose execution is made anew.
    fn known(&self, alias: &str) -> Result<Map<String, Value>, ServerError> {
        let above = FieldPath::new([EXECUTIONS, alias]);
        let mut known = Map::new();
        for (path, value) in self.writer.live(self.address).iter().flat_map(|flow| &flow.fields) {
            let key = path.rest().nth(1).filter(|_| path.is_within(&above) && !self.changes.contains_key(path));
            match (key, value) {
                (Some(key), LiveValue::Json(value)) => drop(known.insert(key.to_owned(), value.clone())),
                (Some(key), LiveValue::Secret(_) | LiveValue::Masked) => {
                    return Err(ServerError::Refused(format!(
                        "the execution with the configuration `{alias}` moves, and the server hides its `{key}`: move it and \
                         give it another secret in one change"
                    )));
                }
                (None, _) => {}
            }
        }
        Ok(known)
    }

    /// Values with the changes of a configuration made.
    fn values(&self, mut values: Map<String, Value>, alias: &str) -> Map<String, Value> {
        let above = FieldPath::new([EXECUTIONS, alias]);
        for (path, leaf) in self.changes.iter().filter(|(path, _)| path.is_within(&above)) {
            let Some(key) = path.rest().nth(1) else { continue };
            match leaf {
                Some(Leaf::Json(value)) => drop(values.insert(key.to_owned(), value.clone())),
                Some(Leaf::Secret(secret)) => drop(values.insert(key.to_owned(), secret.expose_secret().into())),
                None => drop(values.remove(key)),
            }
        }
        values
    }
}

/// The authenticator for Kerberos.
const KERBEROS: &str = "auth-spnego";

/// Has a flow require of Kerberos what it did when it was read. Where files want something else it is written later.
pub(super) async fn put_back(writer: &Writer, address: &Address) -> Result<(), ServerError> {
    let Some(read) = writer.live(address).and_then(|flow| flow.plain(EXECUTIONS)) else { return Ok(()) };
    let wanted: Vec<_> =
        Wanted::all(&Wanted::list(read)).into_iter().filter(|it| it.authenticator() == Some(KERBEROS)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let existing = match existing(&writer.directory, address.name()).await {
        // It is deleted meanwhile.
        Err(ServerError::Http(error)) if error.is_not_found() => return Ok(()),
        existing => existing?,
    };
    let existing = Execution::all(&existing).into_iter().filter(|it| it.authenticator.as_deref() == Some(KERBEROS));
    for (execution, wanted) in existing.zip(wanted).filter(|(it, wanted)| it.requirement != wanted.requirement()) {
        let path = writer.path(executions_path(address.name()));
        let settings = tree::settings(&execution.id, wanted.requirement(), execution.priority);
        writer.http().put(&path, &settings).await?;
    }
    Ok(())
}

/// An execution somewhere in the realm that has a configuration.
struct Holder {
    /// The top-level flow.
    flow: String,
    execution: String,
    /// The configuration's id.
    config: String,
    /// Its name, where the server tells it.
    alias: Option<String>,
}

async fn holders(writer: &Writer) -> Result<Vec<Holder>, ServerError> {
    let http = writer.http();
    let mut holders = Vec::new();
    for flow in objects(http.get(&writer.path("/authentication/flows")).await?, "the flows")? {
        let flow = text(&flow, "alias")?;
        let executions = match http.find(&writer.path(executions_path(flow))).await? {
            Some(executions) => objects(executions, "the executions")?,
            // It is deleted meanwhile.
            None => continue,
        };
        for execution in executions {
            let Some(config) = optional(&execution, "authenticationConfig").map(str::to_owned) else { continue };
            let (execution, alias) =
                (text(&execution, "id")?.to_owned(), optional(&execution, "alias").map(str::to_owned));
            holders.push(Holder { flow: flow.to_owned(), execution, config, alias });
        }
    }
    Ok(holders)
}

/// Before configurations of a flow are deleted or changed: those that other flows have as well become theirs alone.
///
/// Facts (26.0.8, 26.7.4): executions of several flows can have a configuration in common, as copies of flows that older
/// versions made do, and all lose it when one of them is deleted. An execution that is given a configuration leaves the one that
/// it had, which 26.7.4 deletes at once: so one request gives another flow the same by the same name.
pub(super) async fn hand_over(writer: &Writer, flow: &str, executions: &[Execution]) -> Result<(), ServerError> {
    let configs: BTreeSet<&str> =
        Execution::all(executions).into_iter().filter_map(|it| it.config.as_deref()).collect();
    if configs.is_empty() {
        return Ok(());
    }
    let mut others: BTreeMap<String, Vec<Holder>> = BTreeMap::new();
    for holder in holders(writer).await?.into_iter().filter(|it| it.flow != flow && configs.contains(&*it.config)) {
        others.entry(holder.config.clone()).or_default().push(holder);
    }
    let mut shared = Vec::new();
    for (config, holders) in others {
        let config =
            Config::new(object(writer.http().get(&writer.path(config_path(&config))).await?, "a configuration")?)?;
        if let Some((key, _)) = config.values.iter().find(|(_, value)| *value == MASK) {
            let (alias, other) = (&config.alias, &holders[0].flow);
            return Err(ServerError::Refused(format!(
                "the flow {other:?} has the configuration `{alias}` in common with {flow:?} and would lose it, and the server \
                 hides its `{key}`: make that flow anew first"
            )));
        }
        shared.push((config, holders));
    }
    for (config, holders) in shared {
        for (index, Holder { flow, execution, .. }) in holders.iter().enumerate() {
            // A realm has one of a name.
            let alias = if index == 0 { config.alias.clone() } else { format!("{flow} {}", config.alias) };
            let body = json!({ "alias": alias, "config": config.values });
            match writer.http().post(&writer.path(config_of(execution)), &body).await {
                // Its flow is deleted meanwhile.
                Err(error) if error.is_not_found() => {}
                other => drop(other?),
            }
        }
    }
    Ok(())
}

fn config_of(execution: &str) -> String {
    format!("/authentication/executions/{}/config", segment(execution))
}
