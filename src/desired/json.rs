//! TOML → JSON, for what is JSON to Keycloak.

use std::ops::Range;

use serde_json::{Map, Value as Json};

use super::parse::{Node, Shape, entries};

/// A value that JSON cannot hold.
pub(super) struct NotJson {
    pub(super) span: Range<usize>,
    pub(super) found: &'static str,
}

/// The same value as JSON; keys are sorted, so that its text is always the same.
pub(super) fn from_toml(node: &Node<'_>) -> Result<Json, NotJson> {
    let not_json = || NotJson { span: node.span.clone(), found: node.found() };
    Ok(match &node.shape {
        Shape::Bool(it) => Json::from(*it),
        Shape::Int(number) => Json::from(*number),
        Shape::Float(number) => Json::Number(serde_json::Number::from_f64(*number).ok_or_else(not_json)?),
        Shape::Text(text) => Json::from(*text),
        Shape::Date => return Err(not_json()),
        Shape::List(items) => Json::Array(items.iter().map(from_toml).collect::<Result<_, _>>()?),
        Shape::Table(table) => {
            let mut all: Vec<_> = entries(table).collect();
            all.sort_by_key(|entry| entry.name);
            let values = all.iter().map(|entry| Ok((entry.name.to_owned(), from_toml(&entry.node)?)));
            Json::Object(values.collect::<Result<Map<_, _>, NotJson>>()?)
        }
    })
}
