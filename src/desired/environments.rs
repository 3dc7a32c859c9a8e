//! `[environments]` of the project file: where the same realms are applied to more than one server.

use std::collections::BTreeMap;

use minijinja::Value as Fact;
use minijinja::value::Serde;
use serde_json::{Map, Value as Json};

use super::layout::PROJECT_FILE;
use super::parse::{Entry, entries, entry as entry_of};
use super::problem::Problem;
use super::project::{Reader, Server};
use super::source::Place;
use super::suggest::did_you_mean;
use super::template::{self, fact, is_name};
use crate::model::{ENVIRONMENTS, Origin};

const ENVIRONMENT: &[&str] = &["server", "fleet", "variables"];

/// What expressions and outputs call the environment, and in it its own name.
pub(super) const ENV: &str = "env";
const NAME: &str = "name";

/// One environment. What it says otherwise than the others is in the folder `environments/NAME`.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// The server that is meant in it.
    pub server: Option<String>,
    /// The servers that realms are spread over in it.
    pub fleet: Option<Vec<String>>,
    /// What expressions may use as `env.…`.
    variables: Map<String, Json>,
    /// Where it is written.
    pub origin: Origin,
}

impl Environment {
    /// What `env` is: the variables, and the name.
    pub(super) fn facts(&self) -> Json {
        let mut facts = self.variables.clone();
        facts.insert(NAME.to_owned(), self.name.as_str().into());
        Json::Object(facts)
    }

    /// The same for expressions.
    pub(super) fn fact(&self) -> Fact {
        Fact::from(Serde(self.facts()))
    }

    /// The variables that a template uses and the environment does not have.
    pub(super) fn missing(&self, template: &str, place: &Place) -> impl Iterator<Item = Problem> {
        let used = template::members(template, ENV).into_iter();
        let missing = used.filter(|name| name != NAME && !self.variables.contains_key(name));
        missing.map(move |variable| {
            Problem::error(format!("the environment {} has no variable `{variable}`", self.name))
                .at(place.clone(), "unknown variable")
                .help(format!("write environments.{}.variables.{variable} in {PROJECT_FILE}", self.name))
                .maybe_help(did_you_mean(&variable, self.variables.keys().map(String::as_str)))
        })
    }
}

/// Reads the table.
pub(super) fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    servers: &BTreeMap<String, Server>,
) -> BTreeMap<String, Environment> {
    let Some(table) = reader.table(entry) else { return BTreeMap::new() };
    entries(table).filter_map(|entry| Some((entry.name.to_owned(), environment(reader, &entry, servers)?))).collect()
}

fn environment(reader: &mut Reader<'_>, entry: &Entry<'_>, servers: &BTreeMap<String, Server>) -> Option<Environment> {
    if !reader.is_folder_name(entry, "an environment", ENVIRONMENTS) {
        return None;
    }
    let table = reader.table(entry)?;
    let origin = reader.place(entry).origin();
    let name = entry.name.to_owned();
    let mut environment = Environment { name, server: None, fleet: None, variables: Map::new(), origin };
    for entry in entries(table) {
        match entry.name {
            "server" => {
                environment.server = reader.text(&entry);
                let place = reader.place(&entry);
                environment.server.iter().for_each(|name| reader.check_server(name, place.clone(), servers));
            }
            "fleet" => environment.fleet = reader.fleet(&entry, servers),
            "variables" => environment.variables = variables(reader, &entry),
            _ => reader.unknown("an environment", &entry, ENVIRONMENT),
        }
    }
    if let (Some(one), Some(several)) = (entry_of(table, "server"), entry_of(table, "fleet")) {
        let problem = Problem::error("an environment has one server or several")
            .at(reader.place(&one), "one")
            .and(reader.place(&several), "several");
        reader.problems.push(problem);
    }
    Some(environment)
}

fn variables(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Map<String, Json> {
    let Some(table) = reader.table(entry) else { return Map::new() };
    let mut variables = Map::new();
    for item in table.items() {
        if !is_name(&item.name) || &*item.name == NAME {
            let problem = Problem::error(format!("`{}` is no name for a variable", item.name))
                .at(reader.place(&item.entry()), "expected letters, digits and `_`, and not `name`")
                .help("`env.name` is the environment's name");
            reader.problems.push(problem);
        } else if let Ok(value) = serde_json::to_value(fact(&item.value)) {
            variables.insert(item.name.to_string(), value);
        }
    }
    variables
}
