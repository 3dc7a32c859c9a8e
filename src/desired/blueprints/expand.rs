//! A table with expressions → a table without.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use minijinja::value::ValueKind;
use minijinja::{ErrorKind, Value as Fact, context};

use super::{REALM, TENANT};
use crate::desired::environments::{ENV, Environment};
use crate::desired::parse::{Data, Item, Table, Value};
use crate::desired::problem::Problem;
use crate::desired::source::{Place, Source};
use crate::desired::suggest::{did_you_mean, one_of};
use crate::desired::template::{self, ENVIRONMENT, fact, reason, written};

/// The entry that repeats a table.
const FOR_EACH: &str = "forEach";

/// What is there besides the parameters, where a table is repeated.
const OF_REPETITION: &[&str] = &["item", "key", "index"];

/// Fills the expressions of one file in.
pub(super) struct Expander<'a> {
    facts: Fact,
    source: &'a Arc<Source>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Expander<'a> {
    pub(super) fn new(facts: &Fact, source: &'a Arc<Source>, problems: &'a mut Vec<Problem>) -> Self {
        Self { facts: facts.clone(), source, problems }
    }

    pub(super) fn table(&mut self, table: &Table) -> Table {
        let mut items: Vec<Item> = Vec::with_capacity(table.len());
        for item in table.items() {
            for facts in self.repetitions(&item.value) {
                let outer = std::mem::replace(&mut self.facts, facts);
                let made = self.item(item);
                self.facts = outer;
                let Some(made) = made else { continue };
                if items.iter().any(|other| other.name == made.name) {
                    let problem = Problem::error(format!("`{}` is made twice", made.name))
                        .at(self.place(&item.key), "the second one")
                        .help("a key with an expression has to be another one each time");
                    self.problems.push(problem);
                    continue;
                }
                items.push(made);
            }
        }
        Table::new(items)
    }

    /// One entry; `None` where its value is `none`, or cannot be told.
    pub(super) fn item(&mut self, item: &Item) -> Option<Item> {
        let Item { name, key, value } = item;
        let name = if is_template(name) { self.text(name, key)?.into() } else { name.clone() };
        Some(Item { name, key: key.clone(), value: self.value(value)? })
    }

    fn value(&mut self, value: &Value) -> Option<Value> {
        let Value { span, data } = value;
        let data = match data {
            Data::Text(text) if is_template(text) => return self.expression(text, span),
            Data::List(items) => {
                let mut made = Vec::with_capacity(items.len());
                for item in items {
                    for facts in self.repetitions(item) {
                        let outer = std::mem::replace(&mut self.facts, facts);
                        made.extend(self.value(item));
                        self.facts = outer;
                    }
                }
                Data::List(made)
            }
            Data::Table(table) => {
                let items = table.items().iter().filter(|item| &*item.name != FOR_EACH).cloned().collect();
                Data::Table(self.table(&Table::new(items)))
            }
            plain => plain.clone(),
        };
        Some(Value { span: span.clone(), data })
    }

    /// The facts with which a value is made: once, or for each item of what it names.
    fn repetitions(&mut self, value: &Value) -> Vec<Fact> {
        let for_each = if let Data::Table(table) = &value.data { table.get(FOR_EACH) } else { None };
        let Some(Item { value: over, .. }) = for_each else { return vec![self.facts.clone()] };
        let span = over.span.clone();
        let Some(list) = self.value(over) else { return Vec::new() };
        let fact = fact(&list);
        match fact.kind() {
            ValueKind::Seq => self.each(fact.try_iter().into_iter().flatten().map(|item| (Fact::from(()), item))),
            ValueKind::Map => {
                let keys = fact.try_iter().into_iter().flatten();
                let pairs: Vec<_> = keys.map(|key| (key.clone(), fact.get_item(&key).unwrap_or_default())).collect();
                self.each(pairs.into_iter())
            }
            other => {
                let problem = Problem::error(format!("`{FOR_EACH}` repeats a table over a list or a table"))
                    .at(self.place(&span), format!("this is a {other}"));
                self.problems.push(problem);
                Vec::new()
            }
        }
    }

    fn each(&self, items: impl Iterator<Item = (Fact, Fact)>) -> Vec<Fact> {
        let facts = &self.facts;
        items.enumerate().map(|(index, (key, item))| context! { item, key, index, ..facts.clone() }).collect()
    }

    /// One that is the whole text keeps its type.
    fn expression(&mut self, text: &str, span: &Range<usize>) -> Option<Value> {
        let Some(expression) = whole(text) else {
            let text = self.text(text, span)?;
            return Some(Value { span: span.clone(), data: Data::Text(text.into()) });
        };
        let value = ENVIRONMENT.compile_expression(expression).and_then(|it| it.eval(&self.facts));
        // What is not there is an error in a text as well.
        let value = value.and_then(|it| if it.is_undefined() { Err(ErrorKind::UndefinedError.into()) } else { Ok(it) });
        let value = value.map_err(|error| reason(&error)).and_then(|value| written(&value, span));
        value.map_err(|words| self.wrong(&words, span)).ok().flatten()
    }

    fn text(&mut self, text: &str, span: &Range<usize>) -> Option<String> {
        ENVIRONMENT.render_str(text, &self.facts).map_err(|error| self.wrong(&reason(&error), span)).ok()
    }

    fn wrong(&mut self, words: &str, span: &Range<usize>) {
        let problem = Problem::error(format!("the expression cannot be filled in: {words}"));
        self.problems.push(problem.at(self.place(span), "here"));
    }

    fn place(&self, span: &Range<usize>) -> Place {
        Place::new(self.source, span.clone())
    }
}

/// Tells what is wrong with the expressions of one file, whatever they are given.
pub(super) struct Checker<'a> {
    pub(super) source: &'a Arc<Source>,
    pub(super) environment: Option<&'a Environment>,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    /// A file of a blueprint with these parameters.
    pub(super) fn file(&mut self, root: &Table, parameters: &BTreeSet<&str>) {
        let known = parameters.iter().copied().chain(self.given()).collect();
        self.table(root, &known);
    }

    /// An entry of a realm's file, where no parameters are known.
    pub(super) fn entry(&mut self, item: &Item) {
        self.value(&item.value, &self.given().collect());
    }

    /// What expressions may always use.
    fn given<'n>(&self) -> impl Iterator<Item = &'n str> + use<'n> {
        [REALM, TENANT].into_iter().chain(self.environment.map(|_| ENV))
    }

    fn table(&mut self, table: &Table, known: &BTreeSet<&str>) {
        for item in table.items() {
            let mut inner = known.clone();
            if matches!(&item.value.data, Data::Table(table) if table.get(FOR_EACH).is_some()) {
                inner.extend(OF_REPETITION);
            }
            self.text(&item.name, &item.key, &inner);
            self.value(&item.value, if &*item.name == FOR_EACH { known } else { &inner });
        }
    }

    fn value(&mut self, value: &Value, known: &BTreeSet<&str>) {
        match &value.data {
            Data::Text(text) => self.text(text, &value.span, known),
            Data::List(items) => {
                for item in items {
                    let mut known = known.clone();
                    if matches!(&item.data, Data::Table(table) if table.get(FOR_EACH).is_some()) {
                        known.extend(OF_REPETITION);
                    }
                    self.value(item, &known);
                }
            }
            Data::Table(table) => self.table(table, known),
            Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Date => {}
        }
    }

    fn text(&mut self, text: &str, span: &Range<usize>, known: &BTreeSet<&str>) {
        if !is_template(text) {
            return;
        }
        let place = Place::new(self.source, span.clone());
        let mut unknown = match template::names(text) {
            Ok(names) => names,
            Err(reason) => {
                let problem = Problem::error(format!("the expression is not valid: {reason}"));
                return self.problems.push(problem.at(place, "an expression of minijinja, like Jinja's"));
            }
        };
        unknown.retain(|name| !known.contains(name.as_str()));
        for name in unknown {
            let names: Vec<&str> = known.iter().copied().collect();
            let help = match name.as_str() {
                ENV => "the project has no environments: [environments.NAME] in realmform.toml is one",
                _ => "a parameter is declared in blueprint.toml: [parameters.NAME]",
            };
            let problem = Problem::error(format!("the expression uses `{name}`, and there is nothing of that name"))
                .at(place.clone(), format!("expected {}", one_of(&names)))
                .help(help)
                .maybe_help(did_you_mean(&name, names.iter().copied()));
            self.problems.push(problem);
        }
        self.problems.extend(self.environment.iter().flat_map(|environment| environment.missing(text, &place)));
    }
}

fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The expression that is the whole text.
fn whole(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inside.contains("{{") && !inside.contains("}}") && !inside.contains("{%"))
        .then(|| inside.trim_matches(['-', ' ']))
}
