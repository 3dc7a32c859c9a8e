//! TOML values → leaves in canonical form, by the type of their field.
//!
//! The form is that of [`crate::model::flatten`], so that equality with what the server has is meaningful.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::builder::Builder;
use super::executions;
use super::json::{self, NotJson};
use super::organizations;
use super::parse::{Entry, Node, Shape, entries};
use super::problem::Problem;
use super::references::Use;
use super::secret;
use super::source::{Place, Source};
use super::suggest::{did_you_mean, one_of};
use super::workflows;
use crate::model::{Address, Field, FieldPath, Reference, Type, Value, kinds, parse_seconds, sorted};

/// Converts the fields of one object.
pub(super) struct Converter<'a> {
    builder: &'a mut Builder,
    source: &'a Arc<Source>,
    address: &'a Address,
}

/// One leaf under way.
struct Leaf<'a, 'n> {
    path: FieldPath,
    key: Place,
    node: &'a Node<'n>,
    /// Whether it is an entry of a table of texts, where Keycloak wants text whatever the type.
    as_text: bool,
}

impl<'a> Converter<'a> {
    pub(super) fn new(builder: &'a mut Builder, source: &'a Arc<Source>, address: &'a Address) -> Self {
        Self { builder, source, address }
    }

    /// A field with everything in it.
    pub(super) fn field(&mut self, path: FieldPath, ty: Type, entry: &Entry<'_>) {
        let key = Place::new(self.source, entry.key.clone());
        if ty == Type::Executions {
            return executions::read(self.builder, self.source, self.address, &path, entry);
        }
        if ty == Type::Steps {
            return workflows::read(self.builder, self.source, self.address, &path, entry);
        }
        if !ty.is_table() {
            return self.leaf(ty, Leaf { path, key, node: &entry.node, as_text: false });
        }
        let Some(table) = entry.node.as_table() else {
            return self.wrong_type(&path, key, "a table", &entry.node, None);
        };
        for entry in entries(table) {
            let path = path.child(entry.name);
            match ty {
                Type::TextMap(special) => self.text_entry(path, special, &entry),
                Type::Table(fields) => self.table_entry(path, fields, &entry),
                Type::Config(special) => self.config_entry(path, special, &entry),
                Type::SetMap => self.set_entry(path, &entry),
                Type::JsonMap => self.field(path, Type::Setting, &entry),
                _ => self.client_roles(path, &entry),
            }
        }
    }

    fn table_entry(&mut self, path: FieldPath, fields: &'static [Field], entry: &Entry<'_>) {
        if let Some(field) = fields.iter().find(|field| field.name == entry.name) {
            return self.field(path, field.ty, entry);
        }
        let problem = Problem::unless(self.builder.strict, format!("`{}` has no `{}`", path.top(), entry.name))
            .at(self.place(entry), "unknown field")
            .maybe_help(did_you_mean(entry.name, fields.iter().map(|field| field.name)));
        self.builder.report(problem);
        self.field(path, Type::Json, entry);
    }

    fn text_entry(&mut self, path: FieldPath, special: &[(&str, Type)], entry: &Entry<'_>) {
        let ty = special.iter().find(|(name, _)| *name == entry.name).map_or(Type::Text, |(_, ty)| *ty);
        let key = self.place(entry);
        self.leaf(ty, Leaf { path, key, node: &entry.node, as_text: true });
    }

    fn config_entry(&mut self, path: FieldPath, special: &[(&str, Type)], entry: &Entry<'_>) {
        let special = special.iter().find(|(name, _)| *name == entry.name).map(|(_, ty)| *ty);
        let (ty, node) = match (special, &entry.node.shape) {
            (Some(ty), _) => (ty, &entry.node),
            // A list of one is that one.
            (None, Shape::List(items)) if items.len() == 1 => (Type::Text, &items[0]),
            (None, Shape::List(_)) => return self.set_entry(path, entry),
            (None, _) => (Type::Text, &entry.node),
        };
        let key = self.place(entry);
        self.leaf(ty, Leaf { path, key, node, as_text: true });
    }

    fn set_entry(&mut self, path: FieldPath, entry: &Entry<'_>) {
        let key = self.place(entry);
        let texts = match &entry.node.shape {
            Shape::List(items) => items.iter().map(|item| Some((scalar_text(item)?, item))).collect(),
            _ => scalar_text(&entry.node).map(|text| vec![(text, &entry.node)]),
        };
        match texts {
            Some(texts) => self.set_of(path, &key, texts),
            None => self.wrong_type(&path, key, "text or a list of texts", &entry.node, None),
        }
    }

    fn client_roles(&mut self, path: FieldPath, entry: &Entry<'_>) {
        let key = self.place(entry);
        let Some(texts) = self.texts(&path, &key, &entry.node) else { return };
        for (role, node) in &texts {
            self.refer(Reference::ClientRole, &format!("{}:{role}", entry.name), &path, node);
        }
        if texts.is_empty() {
            let user = Use { address: self.address.clone(), path: path.clone(), place: key.clone() };
            self.builder.refer(Reference::Client, entry.name, user);
        }
        self.set_of(path, &key, texts);
    }

    fn leaf(&mut self, ty: Type, leaf: Leaf<'_, '_>) {
        let textual = leaf.as_text || matches!(ty, Type::Text | Type::OneOf(_) | Type::Json | Type::Setting);
        if ty == Type::Secret || (textual && secret::looks_like_reference(leaf.node, &self.builder.programs)) {
            return self.secret(leaf);
        }
        match ty {
            Type::Bool => self.boolean(leaf),
            Type::Int | Type::Seconds => self.number(ty, leaf),
            Type::OneOf(choices) => self.choice(choices, leaf),
            Type::TextSet | Type::TextList => self.list(ty, leaf),
            Type::JoinedSet => self.joined(leaf),
            Type::JsonText => self.json_text(leaf),
            Type::Ref(kind) => self.reference(kind, leaf),
            Type::RefSet(kind) => self.references(kind, leaf),
            Type::RefTables(kind, key, flag) => self.ref_tables(kind, key, flag, leaf),
            Type::First(kind) => self.first(kind, leaf),
            Type::SetTable => self.set_table(leaf),
            Type::Domains => self.domains(leaf),
            Type::Json | Type::Setting | Type::Providers => self.json(leaf),
            _ => self.text(leaf),
        }
    }

    fn secret(&mut self, leaf: Leaf<'_, '_>) {
        // A password is hashed as it is.
        if secret::is_of_keycloaks_vault(leaf.node) && *self.address.kind() != kinds::USER {
            return self.text(leaf);
        }
        let of = Some(format!("{}.{}", self.address, leaf.path));
        let context = secret::Context { source: self.source, programs: &self.builder.programs, of };
        match context.read(&leaf.path.to_string(), &leaf.key, leaf.node) {
            Ok(reference) => self.builder.set(self.address, leaf.path, &leaf.key, Value::Secret(reference)),
            Err(problem) => self.builder.report(problem),
        }
    }

    fn boolean(&mut self, leaf: Leaf<'_, '_>) {
        let text = leaf.node.as_text().filter(|text| matches!(*text, "true" | "false" | ""));
        match (&leaf.node.shape, text) {
            (Shape::Bool(it), _) if leaf.as_text => self.set(leaf, it.to_string()),
            (Shape::Bool(it), _) => self.set(leaf, *it),
            (_, Some(text)) if leaf.as_text => self.set(leaf, text),
            (_, text) => {
                let help = text.filter(|text| !text.is_empty()).map(|text| format!("write {text}, without quotes"));
                self.wrong_type(&leaf.path, leaf.key, "true or false", leaf.node, help);
            }
        }
    }

    fn number(&mut self, ty: Type, leaf: Leaf<'_, '_>) {
        let (expected, durations) = match ty {
            Type::Seconds => ("a whole number of seconds or a duration such as \"5m\"", true),
            _ => ("a whole number", false),
        };
        let text = leaf.node.as_text();
        let plain = text.and_then(|text| text.parse::<i64>().ok());
        let seconds = text.filter(|_| durations).and_then(parse_seconds);
        let number = match leaf.node.shape {
            Shape::Int(number) => Some(number),
            _ if leaf.as_text => seconds.or(plain),
            _ => seconds,
        };
        match number {
            Some(number) if leaf.as_text => self.set(leaf, number.to_string()),
            Some(number) => self.set(leaf, number),
            None if leaf.as_text && text == Some("") => self.set(leaf, ""),
            None => {
                let help = plain.map(|number| format!("write {number}, without quotes"));
                self.wrong_type(&leaf.path, leaf.key, expected, leaf.node, help);
            }
        }
    }

    fn text(&mut self, leaf: Leaf<'_, '_>) {
        match (leaf.node.as_text(), scalar_text(leaf.node).filter(|_| leaf.as_text)) {
            (Some(text), _) => self.set(leaf, text),
            (_, Some(text)) => self.set(leaf, text),
            _ => {
                let is_named = leaf.as_text || self.address.kind().has_any_field();
                let help = if is_named { dots(&leaf) } else { quotes(leaf.node) };
                self.wrong_type(&leaf.path, leaf.key, "text", leaf.node, help);
            }
        }
    }

    fn choice(&mut self, choices: &[&str], leaf: Leaf<'_, '_>) {
        if let Some(text) = leaf.node.as_text().filter(|text| !text.is_empty() && !choices.contains(text)) {
            let problem =
                Problem::unless(self.builder.strict, format!("`{text}` is no known value of `{}`", leaf.path))
                    .at(Place::new(self.source, leaf.node.span.clone()), format!("expected {}", one_of(choices)))
                    .help("if Keycloak is newer than realmform this is fine: it is sent as it is")
                    .maybe_help(did_you_mean(text, choices.iter().copied()));
            self.builder.report(problem);
        }
        self.text(leaf);
    }

    fn list(&mut self, ty: Type, leaf: Leaf<'_, '_>) {
        let Some(texts) = self.texts(&leaf.path, &leaf.key, leaf.node) else { return };
        if ty == Type::TextSet {
            return self.set_of(leaf.path, &leaf.key, texts);
        }
        let texts = texts.into_iter().map(|(text, _)| Json::from(text)).collect::<Vec<_>>();
        self.set(leaf, texts);
    }

    fn joined(&mut self, leaf: Leaf<'_, '_>) {
        let mut texts: Vec<String> = match leaf.node.as_text() {
            Some(text) => text.split("##").filter(|text| !text.is_empty()).map(str::to_owned).collect(),
            None => match self.texts(&leaf.path, &leaf.key, leaf.node) {
                Some(texts) => texts.into_iter().map(|(text, _)| text).collect(),
                None => return,
            },
        };
        texts.sort();
        texts.dedup();
        self.set(leaf, texts.join("##"));
    }

    fn json_text(&mut self, leaf: Leaf<'_, '_>) {
        match leaf.node.shape {
            Shape::Table(_) | Shape::List(_) => {
                if let Some(value) = self.json_of(&leaf) {
                    self.set(leaf, value.to_string());
                }
            }
            _ => self.text(leaf),
        }
    }

    fn json(&mut self, leaf: Leaf<'_, '_>) {
        if let Some(value) = self.json_of(&leaf) {
            self.set(leaf, value);
        }
    }

    fn json_of(&mut self, leaf: &Leaf<'_, '_>) -> Option<Json> {
        match json::from_toml(leaf.node) {
            Ok(value) => Some(value),
            Err(NotJson { span, found }) => {
                let problem = Problem::error(format!("`{}` has a value that JSON does not know", leaf.path))
                    .at(Place::new(self.source, span), format!("found {found}"))
                    .help("write it as text");
                self.builder.report(problem);
                None
            }
        }
    }

    fn reference(&mut self, kind: Reference, leaf: Leaf<'_, '_>) {
        if let Some(name) = leaf.node.as_text().filter(|name| !name.is_empty()) {
            self.refer(kind, name, &leaf.path, leaf.node);
        }
        self.text(leaf);
    }

    fn references(&mut self, kind: Reference, leaf: Leaf<'_, '_>) {
        let Some(texts) = self.texts(&leaf.path, &leaf.key, leaf.node) else { return };
        for (name, node) in &texts {
            self.refer(kind, name, &leaf.path, node);
        }
        self.set_of(leaf.path, &leaf.key, texts);
    }

    fn first(&mut self, kind: Reference, leaf: Leaf<'_, '_>) {
        let Some(texts) = self.texts(&leaf.path, &leaf.key, leaf.node) else { return };
        for (name, node) in &texts {
            self.refer(kind, name, &leaf.path, node);
        }
        self.set(leaf, texts.into_iter().map(|(text, _)| Json::from(text)).collect::<Vec<_>>());
    }

    fn domains(&mut self, leaf: Leaf<'_, '_>) {
        let Shape::List(items) = &leaf.node.shape else {
            let help = leaf.node.as_text().map(|text| format!("write [{}]", Json::from(text)));
            return self.wrong_type(&leaf.path, leaf.key, "a list of domains", leaf.node, help);
        };
        let mut domains = Vec::with_capacity(items.len());
        for item in items {
            let Some(domain) = organizations::domain(item) else {
                let place = Place::new(self.source, item.span.clone());
                return self.wrong_type(&leaf.path, place, "a domain, or { name = …, verified = … }", item, None);
            };
            domains.push(domain);
        }
        self.set(leaf, sorted(domains));
    }

    fn ref_tables(&mut self, kind: Reference, key: &str, flag: &str, leaf: Leaf<'_, '_>) {
        let Shape::List(items) = &leaf.node.shape else {
            return self.wrong_type(&leaf.path, leaf.key, "a list of names", leaf.node, None);
        };
        let mut values = Vec::with_capacity(items.len());
        let mut names = BTreeSet::new();
        for item in items {
            let Some((name, is_flagged)) = self.ref_table(&leaf.path, key, flag, item) else { return };
            if !names.insert(name) {
                let problem = Problem::error(format!("`{}` lists `{name}` twice", leaf.path))
                    .at(Place::new(self.source, item.span.clone()), "the second time");
                return self.builder.report(problem);
            }
            self.refer(kind, name, &leaf.path, item);
            values.push(if is_flagged { serde_json::json!({ key: name, flag: true }) } else { Json::from(name) });
        }
        self.set(leaf, sorted(values));
    }

    /// A name, and whether its flag is set.
    fn ref_table<'n>(
        &mut self,
        path: &FieldPath,
        key: &str,
        flag: &str,
        item: &'n Node<'_>,
    ) -> Option<(&'n str, bool)> {
        let table = item.as_table().map(|table| entries(table).collect::<Vec<_>>()).unwrap_or_default();
        let (mut name, mut is_flagged) = (item.as_text(), false);
        for entry in table {
            match (entry.name, &entry.node.shape) {
                (it, Shape::Text(text)) if it == key => name = Some(text),
                (it, Shape::Bool(value)) if it == flag => is_flagged = *value,
                _ => return self.no_ref_table(path, key, flag, item),
            }
        }
        match name {
            Some(name) => Some((name, is_flagged)),
            None => self.no_ref_table(path, key, flag, item),
        }
    }

    fn no_ref_table<T>(&mut self, path: &FieldPath, key: &str, flag: &str, item: &Node<'_>) -> Option<T> {
        let place = Place::new(self.source, item.span.clone());
        let help = Some(format!("write \"<{key}>\", or {{ {key} = \"<{key}>\", {flag} = true }}"));
        self.wrong_type(path, place, "a name", item, help);
        None
    }

    fn set_table(&mut self, leaf: Leaf<'_, '_>) {
        let Some(table) = leaf.node.as_table() else {
            return self.wrong_type(&leaf.path, leaf.key, "a table of lists of texts", leaf.node, None);
        };
        let mut sets = serde_json::Map::new();
        for entry in entries(table) {
            let key = self.place(&entry);
            let Some(texts) = self.texts(&leaf.path.child(entry.name), &key, &entry.node) else { return };
            let items = texts.into_iter().map(|(text, _)| Json::from(text)).collect();
            sets.insert(entry.name.to_owned(), sorted(items));
        }
        self.set(leaf, sets);
    }

    fn refer(&mut self, kind: Reference, name: &str, path: &FieldPath, node: &Node<'_>) {
        let place = Place::new(self.source, node.span.clone());
        let is_path = kind != Reference::Group || super::objects::check_group_path(self.builder, name, place.clone());
        if is_path {
            let name = kind.qualified(self.address, name);
            self.builder.refer(kind, &name, Use { address: self.address.clone(), path: path.clone(), place });
        }
    }

    /// The texts of a list.
    fn texts<'n>(&mut self, path: &FieldPath, key: &Place, node: &'n Node<'n>) -> Option<Vec<(String, &'n Node<'n>)>> {
        let Shape::List(items) = &node.shape else {
            let help = node.as_text().map(|text| format!("write [{}]", Json::from(text)));
            self.wrong_type(path, key.clone(), "a list of texts", node, help);
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let Some(text) = item.as_text() else {
                let place = Place::new(self.source, item.span.clone());
                self.wrong_type(path, place, "text", item, quotes(item));
                return None;
            };
            texts.push((text.to_owned(), item));
        }
        Some(texts)
    }

    fn set_of(&mut self, path: FieldPath, key: &Place, mut texts: Vec<(String, &Node<'_>)>) {
        texts.sort_by(|(a, _), (b, _)| a.cmp(b));
        for pair in texts.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let place = |node: &Node<'_>| Place::new(self.source, node.span.clone());
            let problem = Problem::warning(format!("`{}` lists `{}` twice", path, pair[1].0))
                .at(place(pair[1].1), "the second time")
                .and(place(pair[0].1), "the first time");
            self.builder.report(problem);
        }
        let items: Vec<Json> = texts.into_iter().map(|(text, _)| Json::from(text)).collect();
        self.builder.set(self.address, path, key, Value::Json(sorted(items)));
    }

    fn set(&mut self, leaf: Leaf<'_, '_>, value: impl Into<Json>) {
        self.builder.set(self.address, leaf.path, &leaf.key, Value::Json(value.into()));
    }

    fn wrong_type(&mut self, path: &FieldPath, place: Place, expected: &str, node: &Node<'_>, help: Option<String>) {
        let problem = Problem::error(format!("`{path}` has the wrong type"))
            .at(place, format!("expected {expected}, found {}", node.found()))
            .maybe_help(help);
        self.builder.report(problem);
    }

    fn place(&self, entry: &Entry<'_>) -> Place {
        Place::new(self.source, entry.key.clone())
    }
}

/// A plain value as Keycloak keeps it in tables of texts.
pub(super) fn scalar_text(node: &Node<'_>) -> Option<String> {
    match node.shape {
        Shape::Text(text) => Some(text.to_owned()),
        Shape::Bool(it) => Some(it.to_string()),
        Shape::Int(number) => Some(number.to_string()),
        Shape::Float(number) => serde_json::Number::from_f64(number).map(|number| number.to_string()),
        _ => None,
    }
}

fn quotes(node: &Node<'_>) -> Option<String> {
    scalar_text(node).filter(|_| node.as_text().is_none()).map(|text| format!("write \"{text}\", with quotes"))
}

/// Names of attributes hold dots, which TOML takes for tables unless they are quoted.
fn dots(leaf: &Leaf<'_, '_>) -> Option<String> {
    let mut name = leaf.path.parts().last()?.to_owned();
    let mut table = leaf.node.as_table()?;
    while let Some(entry) = entries(table).next() {
        name = format!("{name}.{}", entry.name);
        match entry.node.as_table() {
            Some(inner) => table = inner,
            None => return Some(format!("a name that holds dots is quoted: \"{name}\"")),
        }
    }
    None
}
