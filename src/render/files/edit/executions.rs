//! The executions of a flow: those that stay keep what is written of them, in whatever order they are now.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use toml_edit::{Array, InlineTable, Value};

use super::super::toml::{execution, natural, reference_to};
use super::array::{Row, Rows, aligned};
use super::cell;
use crate::model::{FieldPath, SecretRef, Type};

/// How the executions of a flow change.
pub(super) struct Change {
    flow: String,
    was: Json,
    now: Json,
    /// What configures executions that are new, by alias.
    configs: BTreeMap<String, InlineTable>,
}

impl Change {
    pub(super) fn new(flow: &str, was: Json, now: Json, leaves: &BTreeMap<FieldPath, Option<Json>>) -> Self {
        let mut configs: BTreeMap<String, InlineTable> = BTreeMap::new();
        for (path, value) in leaves {
            let mut rest = path.rest();
            let (Some(alias), Some(key)) = (rest.next(), rest.next()) else { continue };
            let value = match value {
                Some(value) => natural(Type::Text, value),
                None => Some(reference_to(&SecretRef::Keep)),
            };
            if let Some(value) = value {
                configs.entry(alias.to_owned()).or_default().insert(key, value);
            }
        }
        Self { flow: flow.to_owned(), was, now, configs }
    }

    /// Changes the list as it is written.
    pub(super) fn apply(&self, list: &mut Value) {
        if let Value::Array(list) = list {
            self.level(&self.flow, list, &self.was, &self.now, 0);
        }
    }

    fn level(&self, flow: &str, list: &mut Array, was: &Json, now: &Json, depth: usize) {
        let elements = |json: &Json| json.as_array().cloned().unwrap_or_default();
        let (was, now) = (elements(was), elements(now));
        let configs = self.configs.iter().map(|(alias, config)| (alias.as_str(), config.clone())).collect();
        if list.is_empty() || now.is_empty() || list.len() != was.len() {
            let decor = list.decor().clone();
            *list = super::super::toml::level(flow, &Json::Array(now), &configs, depth);
            *list.decor_mut() = decor;
            return;
        }
        let same_config = |a: &Json, b: &Json| is_same(a, b) && a["authenticatorConfig"] == b["authenticatorConfig"];
        let places = aligned(&was, &now, &[&Json::eq, &same_config, &is_same]);
        let mut rows = Rows::take(list);
        let mut there: Vec<Option<Row>> = std::mem::take(&mut rows.elements).into_iter().map(Some).collect();
        for (now, place) in now.iter().zip(places) {
            let found = place.and_then(|place| Some((there[place].take()?, &was[place])));
            let row = match found {
                Some((mut row, was)) => {
                    if let (Value::InlineTable(table), true) = (&mut row.value, was != now) {
                        self.execution(flow, table, was, now, depth);
                    }
                    row
                }
                None => Row::new(execution(flow, now, &configs, depth).into()),
            };
            rows.elements.push(row);
        }
        rows.put(list);
    }

    fn execution(&self, flow: &str, table: &mut InlineTable, was: &Json, now: &Json, depth: usize) {
        let text = |it: &Json, field: &str| it.get(field).and_then(Json::as_str).map(str::to_owned);
        for field in ["flow", "authenticator", "requirement", "description"] {
            let new = text(now, field);
            if text(was, field) != new {
                put(table, field, new.map(Value::from));
            }
        }
        let alias = text(now, "authenticatorConfig");
        if text(was, "authenticatorConfig") != alias {
            let config = alias.as_ref().and_then(|alias| self.configs.get(alias)).cloned();
            put(table, "authenticatorConfig", alias.map(Value::from));
            put(table, "config", config.map(Value::from));
        }
        if was.get("executions") == now.get("executions") {
            return;
        }
        let flow = text(now, "flow").unwrap_or_else(|| flow.to_owned());
        let nothing = Json::Array(Vec::new());
        let of = |it: &'_ Json| it.get("executions").unwrap_or(&nothing).clone();
        if !table.contains_key("executions") {
            cell::insert(table, "executions", Array::new().into());
        }
        if let Some(Value::Array(inner)) = table.get_mut("executions") {
            self.level(&flow, inner, &of(was), &of(now), depth + 1);
        }
    }
}

/// Whether two executions are one that changed: the same sub-flow, or the same authenticator.
fn is_same(a: &Json, b: &Json) -> bool {
    match (a.get("flow"), b.get("flow")) {
        (None, None) => a.get("authenticator") == b.get("authenticator"),
        (a, b) => a == b,
    }
}

/// Sets an entry of an execution; what is inside of a sub-flow stays its last.
fn put(table: &mut InlineTable, key: &str, value: Option<Value>) {
    let Some(value) = value else {
        cell::remove(table, key);
        return;
    };
    if let Some(old) = table.get_mut(key) {
        return cell::merge(old, value, Type::Json);
    }
    let inner = table.get("executions").cloned();
    if inner.is_some() {
        cell::remove(table, "executions");
    }
    cell::insert(table, key, value);
    if let Some(inner) = inner {
        cell::insert(table, "executions", inner);
    }
}
