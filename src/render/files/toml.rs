//! Objects as tables, and values as a person would write them.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use super::References;
use super::worth::Shown;
use crate::model::{Address, FieldPath, SecretRef, Type, kinds};

/// Longer tables get a header of their own.
const SHORT: usize = 90;

/// Puts an object into the table of `holder`, which is it or what it hangs below.
pub(super) fn put(
    table: &mut Table,
    holder: &Address,
    address: &Address,
    leaves: &BTreeMap<FieldPath, Shown>,
    references: &References,
) {
    let path: Vec<Address> = std::iter::successors(Some(address.clone()), Address::parent)
        .take_while(|it| it != holder && it.parent().is_some())
        .collect();
    let mut table = table;
    for (depth, step) in path.iter().rev().enumerate() {
        let Some(mut inner) = subtable(table, step.kind().collection) else { return };
        if !step.kind().is_singleton() {
            inner.set_implicit(true);
            let Some(object) = subtable(inner, step.name()) else { return };
            inner = object;
        }
        // An object about which nothing is said still needs its header.
        let is_object = depth + 1 == path.len();
        inner.set_implicit(!is_object && inner.is_implicit() && !inner.is_empty());
        table = inner;
    }
    fields(table, &Object { address, references }, leaves);
}

/// An object that is written.
struct Object<'a> {
    address: &'a Address,
    references: &'a References,
}

/// The table of that name; `None` where something else has the name.
fn subtable<'a>(table: &'a mut Table, name: &str) -> Option<&'a mut Table> {
    let new = || {
        let mut new = Table::new();
        new.set_implicit(true);
        Item::Table(new)
    };
    table.entry(name).or_insert_with(new).as_table_mut()
}

/// The fields in the order in which their kind lists them, unknown ones last; plain values before tables.
fn fields(table: &mut Table, object: &Object<'_>, leaves: &BTreeMap<FieldPath, Shown>) {
    let kind = object.address.kind();
    let mut by_top: BTreeMap<(usize, &str), Vec<(&FieldPath, &Shown)>> = BTreeMap::new();
    for (path, value) in leaves {
        let place = kind.fields.iter().position(|field| field.name == path.top()).unwrap_or(usize::MAX);
        by_top.entry((place, path.top())).or_default().push((path, value));
    }
    let mut tables = Vec::new();
    for ((_, top), leaves) in by_top {
        let value = if kind.field(top).is_some_and(|field| field.ty == Type::Executions) {
            object.executions(&leaves)
        } else {
            object.value(&leaves)
        };
        match value {
            Some(Value::InlineTable(inline)) if inline.to_string().len() > SHORT => tables.push((top, inline)),
            Some(value) => drop(table.insert(top, Item::Value(value))),
            None => {}
        }
    }
    for (top, inline) in tables {
        table.insert(top, Item::Table(inline.into_table()));
    }
}

impl Object<'_> {
    /// One field: a plain leaf, or a table of leaves.
    fn value(&self, leaves: &[(&FieldPath, &Shown)]) -> Option<Value> {
        if let [(path, shown)] = leaves
            && path.rest().next().is_none()
        {
            return self.leaf(path, shown);
        }
        let mut table = InlineTable::new();
        for (path, shown) in leaves {
            let mut inner = &mut table;
            let mut parts = path.rest().peekable();
            while let Some(part) = parts.next() {
                if parts.peek().is_none() {
                    if let Some(value) = self.leaf(path, shown) {
                        inner.insert(part, value);
                    }
                    break;
                }
                let next = inner.entry(part).or_insert_with(|| InlineTable::new().into());
                let Value::InlineTable(next) = next else { break };
                inner = next;
            }
        }
        Some(table.into())
    }

    fn leaf(&self, path: &FieldPath, shown: &Shown) -> Option<Value> {
        match shown {
            Shown::Json(json) => match self.address.kind().leaf_type(path) {
                // Among other entries a text may be a truth value; a field of its own is a text.
                Type::Text if path.parts().nth(1).is_none() => plain(json),
                ty => natural(ty, json),
            },
            Shown::Secret => {
                let reference = self.references.get(&(self.address.clone(), path.clone()));
                Some(reference_to(reference.unwrap_or(&SecretRef::Keep)))
            }
        }
    }

    /// The executions of a flow with their configurations beside them.
    fn executions(&self, leaves: &[(&FieldPath, &Shown)]) -> Option<Value> {
        let mut configs: BTreeMap<&str, InlineTable> = BTreeMap::new();
        let mut tree = None;
        for (path, shown) in leaves {
            let mut rest = path.rest();
            match (rest.next(), rest.next(), shown) {
                (Some(alias), Some(key), shown) => {
                    if let Some(value) = self.leaf(path, shown) {
                        configs.entry(alias).or_default().insert(key, value);
                    }
                }
                (_, _, Shown::Json(json)) => tree = Some(json),
                _ => {}
            }
        }
        Some(level(self.address.name(), tree?, &configs, 0).into())
    }
}

pub(super) fn reference_to(secret: &SecretRef) -> Value {
    let (name, value): (&str, Value) = match (secret, secret.entry()) {
        (_, Some((name, text))) => (name, (&*text).into()),
        (SecretRef::Generate { length, of: _ }, _) => {
            ("generate", InlineTable::from_iter([("length", i64::from(*length))]).into())
        }
        (_, None) => ("keep", true.into()),
    };
    InlineTable::from_iter([(name, value)]).into()
}

/// A value as a person would write it: what Keycloak keeps as text is a number, a list or a table where it means one.
pub(super) fn natural(ty: Type, json: &Json) -> Option<Value> {
    let Json::String(text) = json else { return plain(json) };
    match ty {
        Type::Bool => text.parse::<bool>().map_or_else(|_| plain(json), |it| Some(it.into())),
        Type::Int | Type::Seconds => text.parse::<i64>().map_or_else(|_| plain(json), |it| Some(it.into())),
        Type::JoinedSet => Some(list(text.split("##").filter(|it| !it.is_empty()).map(|it| Some(it.into())))),
        Type::JsonText => match serde_json::from_str::<Json>(text) {
            Ok(inner @ (Json::Object(_) | Json::Array(_))) if !has_null(&inner) => plain(&inner),
            _ => plain(json),
        },
        Type::Text if matches!(text.as_str(), "true" | "false") => Some((text == "true").into()),
        _ => plain(json),
    }
}

/// JSON as TOML, which knows no null.
fn plain(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(it) => (*it).into(),
        Json::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64()?.into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => list(items.iter().map(plain)),
        Json::Object(table) => {
            table.iter().filter_map(|(key, value)| Some((key, plain(value)?))).collect::<InlineTable>().into()
        }
    })
}

fn has_null(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Array(items) => items.iter().any(has_null),
        Json::Object(table) => table.values().any(has_null),
        Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

fn list(items: impl Iterator<Item = Option<Value>>) -> Value {
    let mut array: Array = items.flatten().collect();
    if array.to_string().len() > SHORT {
        spread(&mut array, 0);
    }
    array.into()
}

/// One item a line.
fn spread(array: &mut Array, level: usize) {
    let indent = format!("\n{}", "  ".repeat(level + 1));
    for item in array.iter_mut() {
        item.decor_mut().set_prefix(indent.as_str());
    }
    array.set_trailing(format!("\n{}", "  ".repeat(level)));
    array.set_trailing_comma(true);
}

/// The executions of a flow or sub-flow.
pub(super) fn level(flow: &str, executions: &Json, configs: &BTreeMap<&str, InlineTable>, depth: usize) -> Array {
    let executions = executions.as_array().into_iter().flatten();
    let mut array: Array = executions.map(|it| execution(flow, it, configs, depth)).collect();
    if !array.is_empty() {
        spread(&mut array, depth);
    }
    array
}

/// One execution of a flow or sub-flow with everything in it.
pub(super) fn execution(
    flow: &str,
    execution: &Json,
    configs: &BTreeMap<&str, InlineTable>,
    depth: usize,
) -> InlineTable {
    let mut table = InlineTable::new();
    let text = |field: &str| execution.get(field).and_then(Json::as_str);
    for field in ["flow", "authenticator", "requirement", "description"] {
        if let Some(text) = text(field) {
            table.insert(field, text.into());
        }
    }
    let alias = text("authenticatorConfig");
    let config = alias.and_then(|alias| configs.get(alias));
    // The name that a configuration gets when none is said.
    let implied = kinds::implied_config_alias(flow, text("authenticator").unwrap_or_default());
    if let Some(alias) = alias.filter(|alias| config.is_none() || *alias != implied) {
        table.insert("authenticatorConfig", alias.into());
    }
    if let Some(config) = config {
        table.insert("config", config.clone().into());
    }
    if let Some(inner) = execution.get("executions") {
        table.insert("executions", level(text("flow").unwrap_or_default(), inner, configs, depth + 1).into());
    }
    table
}

/// The file's text, with an empty line before each header but the first.
pub(super) fn text(document: &DocumentMut) -> String {
    let text = document.to_string();
    text.trim_start_matches('\n').to_owned()
}
