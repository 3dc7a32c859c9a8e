//! The steps of a workflow: a list whose order is meaning.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::builder::Builder;
use super::convert::scalar_text;
use super::parse::{Entry, Node, Shape, entries, entry};
use super::problem::Problem;
use super::references::Use;
use super::source::{Place, Source};
use super::suggest::{did_you_mean, one_of};
use crate::model::{Address, FieldPath, Reference, Spi, Value, sorted};

const KEYS: &[&str] = &["uses", "after", "with"];

/// Reads the steps of the workflow at `address`, which are one leaf.
pub(super) fn read(
    builder: &mut Builder,
    source: &Arc<Source>,
    address: &Address,
    path: &FieldPath,
    given: &Entry<'_>,
) {
    let key = Place::new(source, given.key.clone());
    let mut reader = Reader { builder, source, address, path, is_sound: true };
    let steps = reader.list(&given.node);
    if reader.is_sound {
        builder.set(address, path.clone(), &key, Value::Json(steps));
    }
}

struct Reader<'a> {
    builder: &'a mut Builder,
    source: &'a Arc<Source>,
    address: &'a Address,
    path: &'a FieldPath,
    /// Whether no problem was met.
    is_sound: bool,
}

impl Reader<'_> {
    fn list(&mut self, node: &Node<'_>) -> Json {
        match &node.shape {
            Shape::List(items) if !items.is_empty() => items.iter().map(|item| self.step(item)).collect(),
            _ => self.wrong("a list such as [{ uses = \"disable-user\", after = \"30d\" }]", node),
        }
    }

    fn step(&mut self, node: &Node<'_>) -> Json {
        let Some(table) = node.as_table() else {
            return self.wrong("a table such as { uses = \"disable-user\", after = \"30d\" }", node);
        };
        let mut step = Map::new();
        for entry in entries(table) {
            let value = match entry.name {
                "uses" => self.provider(&entry.node),
                "after" => self.text(&entry.node),
                "with" => self.settings(&entry.node),
                _ => self.unknown(&entry),
            };
            step.insert(entry.name.to_owned(), value);
        }
        if entry(table, "uses").is_none() {
            self.wrong("uses = \"<provider>\"", node);
        }
        // What says nothing is as good as absent.
        step.retain(|_, value| !crate::model::Type::Json.is_empty(value));
        Json::Object(step)
    }

    fn provider(&mut self, node: &Node<'_>) -> Json {
        let Some(id) = node.as_text().filter(|id| !id.is_empty()) else { return self.wrong("text", node) };
        let user = Use { address: self.address.clone(), path: self.path.clone(), place: self.place(node) };
        self.builder.refer(Reference::Provider(Spi::WorkflowStep), id, user);
        id.into()
    }

    fn text(&mut self, node: &Node<'_>) -> Json {
        scalar_text(node).map_or_else(|| self.wrong("text", node), Json::from)
    }

    fn settings(&mut self, node: &Node<'_>) -> Json {
        let Some(table) = node.as_table() else { return self.wrong("a table", node) };
        let setting = |entry: Entry<'_>| {
            let value = match &entry.node.shape {
                // The server keeps lists without their order, and a list of one as that one.
                Shape::List(items) if items.len() != 1 => sorted(items.iter().map(|item| self.text(item)).collect()),
                Shape::List(items) => self.text(&items[0]),
                _ => self.text(&entry.node),
            };
            (entry.name.to_owned(), value)
        };
        Json::Object(entries(table).map(setting).collect())
    }

    fn unknown(&mut self, entry: &Entry<'_>) -> Json {
        let problem = Problem::error(format!("a step has no `{}`", entry.name))
            .at(Place::new(self.source, entry.key.clone()), format!("expected {}", one_of(KEYS)))
            .maybe_help(did_you_mean(entry.name, KEYS.iter().copied()));
        self.report(problem)
    }

    fn wrong(&mut self, expected: &str, node: &Node<'_>) -> Json {
        let place = self.place(node);
        let expected = format!("expected {expected}, found {}", node.found());
        self.report(Problem::error("a step is not written right").at(place, expected))
    }

    fn report(&mut self, problem: Problem) -> Json {
        self.is_sound = false;
        self.builder.report(problem);
        Json::Null
    }

    fn place(&self, node: &Node<'_>) -> Place {
        Place::new(self.source, node.span.clone())
    }
}
