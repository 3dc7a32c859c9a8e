//! The executions of a flow: a nested list, and what configures each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::builder::Builder;
use super::convert::scalar_text;
use super::parse::{Entry, Node, Shape, Table, entries, entry};
use super::problem::Problem;
use super::references::Use;
use super::secret;
use super::source::{Place, Source};
use super::suggest::{did_you_mean, one_of};
use crate::model::kinds::implied_config_alias;
use crate::model::{Address, FieldPath, Reference, Spi, Value};
use serde_json::{Map, Value as Json, json};

const KEYS: &[&str] =
    &["authenticator", "flow", "requirement", "description", "executions", "authenticatorConfig", "config"];
const REQUIREMENTS: &[&str] = &["REQUIRED", "ALTERNATIVE", "CONDITIONAL", "DISABLED"];

/// Reads the executions of the flow at `address`.
///
/// The list is one leaf, since its order and nesting mean something only as a whole; `config` is a leaf for each key.
pub(super) fn read(
    builder: &mut Builder,
    source: &Arc<Source>,
    address: &Address,
    path: &FieldPath,
    given: &Entry<'_>,
) {
    let key = Place::new(source, given.key.clone());
    let mut reader =
        Reader { builder, source, address, path, flows: BTreeSet::new(), configs: BTreeMap::new(), is_sound: true };
    let executions = reader.list(address.name(), &given.node);
    if reader.is_sound {
        builder.set(address, path.clone(), &key, Value::Json(executions));
    }
}

struct Reader<'a> {
    builder: &'a mut Builder,
    source: &'a Arc<Source>,
    address: &'a Address,
    path: &'a FieldPath,
    /// The sub-flows so far.
    flows: BTreeSet<String>,
    /// The configurations so far, by alias.
    configs: BTreeMap<String, Place>,
    /// Whether no problem was met.
    is_sound: bool,
}

impl Reader<'_> {
    fn list(&mut self, flow: &str, node: &Node<'_>) -> Json {
        let Shape::List(items) = &node.shape else {
            let help = "write [{ authenticator = \"auth-cookie\", requirement = \"ALTERNATIVE\" }, …]";
            return self.problem("a list of executions", node, Some(help.to_owned()));
        };
        items.iter().map(|item| self.execution(flow, item)).collect()
    }

    fn execution(&mut self, flow: &str, node: &Node<'_>) -> Json {
        let Some(table) = node.as_table() else {
            return self.problem(
                "a table such as { authenticator = \"auth-cookie\", requirement = \"ALTERNATIVE\" }",
                node,
                None,
            );
        };
        let is_unknown = |entry: &Entry<'_>| !KEYS.contains(&entry.name);
        for unknown in entries(table).filter(is_unknown) {
            let problem = Problem::error(format!("an execution has no `{}`", unknown.name))
                .at(self.place(&unknown), format!("expected {}", one_of(KEYS)))
                .maybe_help(did_you_mean(unknown.name, KEYS.iter().copied()));
            self.report(problem);
        }
        let mut execution = Map::new();
        for name in ["authenticator", "flow", "description"] {
            if let Some(text) = self.text(table, name) {
                execution.insert(name.to_owned(), text.into());
            }
        }
        if let Some(given) = entry(table, "authenticator").filter(|_| execution.contains_key("authenticator")) {
            let id = given.node.as_text().unwrap_or_default();
            let place = self.place_of(&given.node);
            let user = Use { address: self.address.clone(), path: self.path.clone(), place };
            self.builder.refer(Reference::Provider(Spi::Authenticator), id, user);
        }
        execution.insert("requirement".to_owned(), self.requirement(table, node));
        match execution.get("flow").and_then(Json::as_str).map(str::to_owned) {
            Some(name) => {
                let executions = self.sub_flow(&name, table, node);
                execution.insert("executions".to_owned(), executions);
            }
            None if execution.contains_key("authenticator") => self.of_authenticator(flow, table, &mut execution),
            // A misspelt name says it already.
            None if entries(table).any(|entry| is_unknown(&entry)) => {}
            None => drop(self.problem("`authenticator`, or `flow` with `executions`", node, None)),
        }
        Json::Object(execution)
    }

    fn sub_flow(&mut self, name: &str, table: &Table, node: &Node<'_>) -> Json {
        if !self.flows.insert(name.to_owned()) || name == self.address.name() {
            let problem = Problem::error(format!("two flows of {} are called `{name}`", self.address))
                .at(self.place_of(node), "the second one")
                .help("the names of flows and sub-flows are unique in a realm");
            self.report(problem);
        }
        for only in ["config", "authenticatorConfig"] {
            if let Some(entry) = entry(table, only) {
                let problem = Problem::error("a sub-flow is not configured, its executions are")
                    .at(self.place(&entry), format!("`{only}` of a sub-flow"));
                self.report(problem);
            }
        }
        match entry(table, "executions") {
            Some(entry) => self.list(name, &entry.node),
            None => json!([]),
        }
    }

    fn of_authenticator(&mut self, flow: &str, table: &Table, execution: &mut Map<String, Json>) {
        for only in ["executions", "description"] {
            if let Some(entry) = entry(table, only) {
                let problem = Problem::error(format!("only a sub-flow has `{only}`"))
                    .at(self.place(&entry), "of an authenticator")
                    .help("a sub-flow has a name: flow = \"…\"");
                self.report(problem);
            }
        }
        let (config, alias) = (entry(table, "config"), self.text(table, "authenticatorConfig"));
        if config.is_none() && alias.is_none() {
            return;
        }
        let authenticator = execution.get("authenticator").and_then(Json::as_str).unwrap_or_default();
        let place = entry(table, "authenticatorConfig").as_ref().or(config.as_ref()).map(|it| self.place(it));
        let alias = alias.unwrap_or_else(|| self.free_alias(&implied_config_alias(flow, authenticator)));
        if let Some(place) = place {
            self.claim(&alias, place);
        }
        if let Some(config) = config {
            self.config(&alias, &config);
        }
        execution.insert("authenticatorConfig".to_owned(), alias.into());
    }

    /// The name of a configuration that got none: that of the flow and the authenticator, counted where it is there twice.
    fn free_alias(&self, name: &str) -> String {
        let numbered = (2..).map(|number| format!("{name} {number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(|it| !self.configs.contains_key(it)).unwrap_or_default()
    }

    fn claim(&mut self, alias: &str, place: Place) {
        if let Some(first) = self.configs.get(alias).cloned() {
            let problem = Problem::error(format!("two executions have a configuration called `{alias}`"))
                .at(place, "the second one")
                .and(first, "the first one")
                .help("the names of configurations are unique in a realm");
            return self.report(problem);
        }
        self.configs.insert(alias.to_owned(), place);
    }

    fn config(&mut self, alias: &str, given: &Entry<'_>) {
        let Some(table) = given.node.as_table() else {
            self.problem("a table", &given.node, None);
            return;
        };
        for entry in entries(table) {
            let (key, path) = (self.place(&entry), self.path.child(alias).child(entry.name));
            let programs = &self.builder.programs;
            let value = if secret::looks_like_reference(&entry.node, programs) {
                let of = Some(format!("{}.{path}", self.address));
                let context = secret::Context { source: self.source, programs, of };
                context.read(entry.name, &key, &entry.node).map(Value::Secret)
            } else {
                let text = config_text(&entry.node);
                text.map(|text| Value::Json(text.into()))
                    .ok_or_else(|| wrong("text, or a list of texts", &entry.node, key.clone()))
            };
            match value {
                Ok(value) => self.builder.set(self.address, path, &key, value),
                Err(problem) => self.report(problem),
            }
        }
    }

    fn requirement(&mut self, table: &Table, node: &Node<'_>) -> Json {
        let Some(given) = entry(table, "requirement") else {
            let expected = format!("expected requirement = {}", one_of(REQUIREMENTS));
            let problem = Problem::error("an execution says what it requires").at(self.place_of(node), expected);
            self.report(problem);
            return Json::Null;
        };
        match given.node.as_text() {
            Some(text) if REQUIREMENTS.contains(&text) => text.into(),
            _ => self.problem(&one_of(REQUIREMENTS), &given.node, None),
        }
    }

    fn text(&mut self, table: &Table, name: &str) -> Option<String> {
        let given = entry(table, name)?;
        match given.node.as_text() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            // As little as nothing.
            Some(_) if name == "description" => None,
            _ => {
                self.problem("text", &given.node, None);
                None
            }
        }
    }

    fn problem(&mut self, expected: &str, node: &Node<'_>, help: Option<String>) -> Json {
        let problem = wrong(expected, node, self.place_of(node)).maybe_help(help);
        self.report(problem);
        Json::Null
    }

    fn report(&mut self, problem: Problem) {
        self.is_sound &= !problem.is_error();
        self.builder.report(problem);
    }

    fn place(&self, entry: &Entry<'_>) -> Place {
        Place::new(self.source, entry.key.clone())
    }

    fn place_of(&self, node: &Node<'_>) -> Place {
        Place::new(self.source, node.span.clone())
    }
}

fn wrong(expected: &str, node: &Node<'_>, place: Place) -> Problem {
    let found = match node.as_text() {
        Some(text) => format!("\"{text}\""),
        None => node.found().to_owned(),
    };
    Problem::error("an execution is not written right").at(place, format!("expected {expected}, found {found}"))
}

/// Configurations hold text; several are joined.
fn config_text(node: &Node<'_>) -> Option<String> {
    match &node.shape {
        Shape::List(items) => {
            let texts: Option<Vec<String>> = items.iter().map(scalar_text).collect();
            Some(texts?.join("##"))
        }
        _ => scalar_text(node),
    }
}
