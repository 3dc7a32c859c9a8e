//! `blueprint.toml`: what a blueprint takes, and what a use of it gives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::Value as Fact;

use super::expand::Expander;
use super::{DECLARATION, REALM, TENANT, USE};
use crate::desired::environments::{ENV, Environment};
use crate::desired::outputs::{FACTS, Outputs, read as read_outputs};
use crate::desired::parse::{Data, Entry, Item, Parsed, Shape, Value, entries};
use crate::desired::problem::Problem;
use crate::desired::project::Reader;
use crate::desired::secret::is_reference;
use crate::desired::source::{Place, Source};
use crate::desired::suggest::{did_you_mean, one_of};
use crate::desired::template::{fact, is_name};
use crate::model::is_vault_expression;

const TOP: &[&str] = &["description", "parameters", USE, "outputs"];
const PARAMETER: &[&str] = &["type", "description", "default", "required", "allowed"];

/// Names that expressions have already.
const TAKEN: &[&str] = &[REALM, TENANT, ENV, "item", "key", "index"];

/// What a blueprint says of itself.
#[derive(Default)]
pub(super) struct Declaration {
    parameters: BTreeMap<String, Parameter>,
    /// `use`, with expressions in it.
    pub(super) uses: Option<Item>,
    /// `outputs`, with an expression in what they are of.
    outputs: Option<Item>,
    /// Its file.
    pub(super) source: Option<Arc<Source>>,
}

/// A parameter of a blueprint.
#[derive(Debug)]
pub struct Parameter {
    sort: Sort,
    description: Option<String>,
    default: Option<Value>,
    is_required: bool,
    allowed: Vec<Value>,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    String,
    Integer,
    Number,
    Boolean,
    List,
    Table,
    Secret,
}

const SORTS: &[(&str, Sort)] = &[
    ("string", Sort::String),
    ("integer", Sort::Integer),
    ("number", Sort::Number),
    ("boolean", Sort::Boolean),
    ("list", Sort::List),
    ("table", Sort::Table),
    ("secret", Sort::Secret),
];

impl Sort {
    fn name(self) -> &'static str {
        SORTS.iter().find(|(_, sort)| *sort == self).map_or("", |(name, _)| name)
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::String => matches!(value.data, Data::Text(_)),
            Self::Integer => matches!(value.data, Data::Int(_)),
            Self::Number => matches!(value.data, Data::Int(_) | Data::Float(_)),
            Self::Boolean => matches!(value.data, Data::Bool(_)),
            Self::List => matches!(value.data, Data::List(_)),
            Self::Table => matches!(value.data, Data::Table(_)),
            Self::Secret => is_reference(&value.node()),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::List => "a list",
            Self::Table => "a table",
            Self::Secret => "where the secret is, such as { env = \"NAME\" }",
        }
    }
}

/// One use of a blueprint.
pub(super) struct Use {
    pub(super) name: String,
    /// What it gives, each with the file that says so.
    pub(super) with: Vec<(Arc<Source>, Item)>,
    /// Where it is written.
    pub(super) place: Place,
}

impl Declaration {
    pub(super) fn read(parsed: &Parsed, problems: &mut Vec<Problem>) -> Self {
        let mut declaration = Self { source: Some(Arc::clone(&parsed.source)), ..Self::default() };
        let mut reader = Reader::new(&parsed.source, problems);
        for item in parsed.root.items() {
            let entry = item.entry();
            match entry.name {
                "description" => drop(reader.text(&entry)),
                "parameters" => declaration.parameters = parameters(&mut reader, &entry),
                USE => declaration.uses = Some(item.clone()),
                "outputs" => declaration.outputs = Some(item.clone()),
                _ => reader.unknown("a blueprint", &entry, TOP),
            }
        }
        // In outputs there are other names.
        let facts = declaration.parameters.iter().filter(|(name, _)| FACTS.contains(&name.as_str()));
        for (name, parameter) in facts.filter(|_| declaration.outputs.is_some()) {
            let problem = Problem::error(format!("`{name}` is a fact of a realm, which outputs may use"))
                .at(parameter.place.clone(), "expected another name");
            problems.push(problem);
        }
        declaration
    }

    /// What is handed over of a realm that uses it with these values.
    pub(super) fn outputs(
        &self,
        facts: &Fact,
        environment: Option<&Environment>,
        place: &Place,
        problems: &mut Vec<Problem>,
    ) -> Outputs {
        let (Some(source), Some(item)) = (&self.source, &self.outputs) else { return Outputs::new() };
        let source = source.used(place.clone());
        let mut item = item.clone();
        if let Data::Table(outputs) = &mut item.value.data {
            let mut expander = Expander::new(facts, &source, problems);
            outputs.retain(|output| {
                let Data::Table(output) = &mut output.value.data else { return true };
                let Some(of) = output.items_mut().iter_mut().find(|entry| &*entry.name == "of") else { return true };
                expander.item(of).map(|made| *of = made).is_some()
            });
        }
        let mut reader = Reader::new(&source, problems);
        let given = self.parameters.iter().filter(|(_, parameter)| parameter.sort != Sort::Secret);
        let tenant = TENANT.to_owned();
        let given = given.map(|(name, _)| name).chain([&tenant]).filter_map(|name| {
            let value = facts.get_attr(name).ok().filter(|value| !value.is_none())?;
            Some((name.clone(), serde_json::to_value(value).ok()?))
        });
        reader.parameters = given.collect();
        read_outputs(&mut reader.within(environment), &item.entry())
    }

    /// Its parameters, by name.
    pub(super) fn into_parameters(self) -> BTreeMap<String, Parameter> {
        self.parameters
    }

    /// The names of its parameters.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.parameters.keys().map(String::as_str).collect()
    }

    /// The values of its parameters in one use; `None` where that gives wrong ones.
    pub(super) fn values(
        &self,
        name: &str,
        with: &[(Arc<Source>, Item)],
        place: &Place,
        problems: &mut Vec<Problem>,
    ) -> Option<BTreeMap<String, Fact>> {
        let before = problems.len();
        for (source, given) in with.iter().filter(|(_, given)| !self.parameters.contains_key(&*given.name)) {
            let problem = Problem::error(format!("the blueprint `{name}` has no parameter `{}`", given.name))
                .at(Place::new(source, given.key.clone()), "unknown parameter")
                .maybe_help(did_you_mean(&given.name, self.parameters.keys().map(String::as_str)));
            problems.push(problem);
        }
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (parameter, declared) in &self.parameters {
            let given = with.iter().find(|(_, given)| *given.name == **parameter);
            if let Some((source, given)) = given {
                problems.extend(declared.fault(parameter, given, &Place::new(source, given.value.span.clone())));
            } else if declared.is_required {
                missing.push((parameter, declared));
            }
            let value = given.map(|(_, given)| &given.value).or(declared.default.as_ref());
            values.insert(parameter.clone(), value.map_or_else(|| Fact::from(()), fact));
        }
        if let [(_, first), ..] = missing.as_slice() {
            let names: Vec<String> = missing.iter().map(|(parameter, _)| format!("`{parameter}`")).collect();
            let problem = Problem::error(format!("the blueprint `{name}` needs {}", names.join(", ")))
                .at(place.clone(), "expected with = { … }")
                .and(first.place.clone(), "declared here");
            problems.push(problem);
        }
        (problems.len() == before).then_some(values)
    }
}

impl Parameter {
    /// Whether a use has to give it.
    pub fn is_required(&self) -> bool {
        self.is_required
    }

    /// What it is, for whoever gives it: `Short name (text)`, `Plan (basic or gold)`.
    pub fn told(&self) -> String {
        let takes = if self.allowed.is_empty() { self.sort.expected().to_owned() } else { self.takes() };
        match &self.description {
            Some(description) => format!("{description} ({takes})"),
            None => takes,
        }
    }

    /// A value as a file has it, from what somebody typed.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn written(&self, text: &str) -> Result<String, String> {
        let quoted = || toml_edit::Value::from(text);
        let value = match self.sort {
            Sort::String => Some(quoted()),
            Sort::Secret if is_vault_expression(text) => Some(quoted()),
            Sort::List if !text.trim_start().starts_with('[') => Some(
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<toml_edit::Array>().into(),
            ),
            _ => text.parse().ok(),
        };
        let read = value.as_ref().map(|value| Value::of_value(value, &(0..0)));
        match (value, read) {
            (Some(value), Some(read)) if self.sort.takes(&read) && self.allows(&read) => {
                Ok(value.to_string().trim().to_owned())
            }
            (_, Some(read)) if self.sort.takes(&read) => Err(self.takes()),
            _ => Err(self.sort.expected().to_owned()),
        }
    }

    fn allows(&self, value: &Value) -> bool {
        self.allowed.is_empty() || self.allowed.iter().any(|it| it.data == value.data)
    }

    /// The values that it takes, where these are few.
    fn takes(&self) -> String {
        one_of(&self.choices().iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn choices(&self) -> Vec<String> {
        self.allowed.iter().map(|value| fact(value).to_string()).collect()
    }

    fn fault(&self, name: &str, given: &Item, place: &Place) -> Option<Problem> {
        let Self { sort, place: declared, .. } = self;
        let found = given.value.node();
        if *sort == Sort::Secret && !sort.takes(&given.value) {
            place.source.hide(place.span.clone());
        }
        if !sort.takes(&given.value) {
            let label = format!("expected {}, found {}", sort.expected(), found.found());
            let problem = Problem::error(format!("the parameter `{name}` is {}", article(*sort)));
            return Some(problem.at(place.clone(), label).and(declared.clone(), "declared here"));
        }
        if !self.allows(&given.value) {
            let choices = self.choices();
            let problem = Problem::error(format!("the parameter `{name}` takes one of a few values"))
                .at(place.clone(), format!("expected {}", self.takes()))
                .maybe_help(found.as_text().and_then(|text| did_you_mean(text, choices.iter().map(String::as_str))));
            return Some(problem.and(declared.clone(), "declared here"));
        }
        None
    }
}

fn article(sort: Sort) -> String {
    let article = if sort == Sort::Integer { "an" } else { "a" };
    format!("{article} {}", sort.name())
}

fn parameters(reader: &mut Reader<'_>, entry: &Entry<'_>) -> BTreeMap<String, Parameter> {
    let Some(table) = reader.table(entry) else { return BTreeMap::new() };
    let items = table.items().iter();
    items.filter_map(|item| Some((item.name.to_string(), parameter(reader, item)?))).collect()
}

fn parameter(reader: &mut Reader<'_>, item: &Item) -> Option<Parameter> {
    let entry = item.entry();
    let place = reader.place(&entry);
    if TAKEN.contains(&entry.name) || !is_name(entry.name) {
        let problem = Problem::error(format!("`{}` is no name for a parameter", entry.name))
            .at(place, format!("expected letters, digits and `_`, and none of {}", one_of(TAKEN)));
        reader.problems.push(problem);
        return None;
    }
    let table = reader.table(&entry)?;
    let mut parameter = Parameter {
        sort: Sort::String,
        description: None,
        default: None,
        is_required: true,
        allowed: Vec::new(),
        place,
    };
    let mut required = None;
    for item in table.items() {
        let entry = item.entry();
        match entry.name {
            "type" => {
                let sorts: Vec<&str> = SORTS.iter().map(|(name, _)| *name).collect();
                let found = reader.text(&entry).and_then(|text| SORTS.iter().find(|(name, _)| *name == text));
                parameter.sort = reader.expect(&entry, &one_of(&sorts), found)?.1;
            }
            "description" => parameter.description = reader.text(&entry),
            "default" => parameter.default = Some(item.value.clone()),
            "required" => required = reader.boolean(&entry),
            "allowed" => {
                let list = if let Data::List(items) = &item.value.data { Some(items.clone()) } else { None };
                parameter.allowed = reader.expect(&entry, "a list of values", list)?;
            }
            _ => reader.unknown("a parameter", &entry, PARAMETER),
        }
    }
    parameter.is_required = required.unwrap_or(parameter.default.is_none());
    if let Some(default) = &parameter.default {
        let item = Item { name: item.name.clone(), key: item.key.clone(), value: default.clone() };
        let place = Place::new(reader.source, default.span.clone());
        reader.problems.extend(parameter.fault(&item.name, &item, &place));
    }
    Some(parameter)
}

/// The uses that a file lists.
pub(super) fn read_uses(source: &Arc<Source>, item: &Item, problems: &mut Vec<Problem>) -> Vec<Use> {
    let mut reader = Reader::new(source, problems);
    let entry = item.entry();
    let Data::List(items) = &item.value.data else {
        let expected = "a list such as [{ blueprint = \"…\", with = { … } }]";
        return reader.expect(&entry, expected, None).unwrap_or_default();
    };
    items.iter().filter_map(|item| read_use(&mut reader, item)).collect()
}

fn read_use(reader: &mut Reader<'_>, value: &Value) -> Option<Use> {
    let place = Place::new(reader.source, value.span.clone());
    let node = value.node();
    let Shape::Table(table) = node.shape else {
        let problem = Problem::error("a use of a blueprint is a table");
        let label = format!("expected {{ blueprint = \"…\", with = {{ … }} }}, found {}", node.found());
        reader.problems.push(problem.at(place, label));
        return None;
    };
    let (mut name, mut with) = (None, Vec::new());
    for entry in entries(table) {
        match entry.name {
            "blueprint" => name = reader.text(&entry),
            "with" => {
                let given = reader.table(&entry)?.items().iter();
                with = given.map(|item| (Arc::clone(reader.source), item.clone())).collect();
            }
            _ => reader.unknown("a use of a blueprint", &entry, &["blueprint", "with"]),
        }
    }
    if table.get("blueprint").is_none() {
        let problem = Problem::error("a use names its blueprint");
        reader
            .problems
            .push(problem.at(place.clone(), format!("expected blueprint = \"…\", a folder with a {DECLARATION}")));
    }
    Some(Use { name: name?, with, place })
}
