//! Values of expressions and of files, both ways.

use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::Value as Fact;
use minijinja::value::ValueKind;

use crate::desired::parse::{Data, Item, Table, Value};

/// A value of a file, for expressions. A date, which no file may have, is nothing.
pub(super) fn fact(value: &Value) -> Fact {
    match &value.data {
        Data::Bool(it) => Fact::from(*it),
        Data::Int(it) => Fact::from(*it),
        Data::Float(it) => Fact::from(*it),
        Data::Text(it) => Fact::from(&**it),
        Data::Date => Fact::from(()),
        Data::List(items) => items.iter().map(fact).collect(),
        Data::Table(table) => {
            let entries: BTreeMap<String, Fact> =
                table.items().iter().map(|item| (item.name.to_string(), fact(&item.value))).collect();
            Fact::from(entries)
        }
    }
}

/// What an expression comes to, as a value that is written there; `None` for `none`, which says nothing.
///
/// # Errors
/// What it is, where files have nothing of the sort.
pub(super) fn written(fact: &Fact, span: &Range<usize>) -> Result<Option<Value>, String> {
    let data = match fact.kind() {
        ValueKind::None | ValueKind::Undefined => return Ok(None),
        ValueKind::Bool => Data::Bool(fact.is_true()),
        ValueKind::Number => match fact.as_i64() {
            Some(it) if fact.is_integer() => Data::Int(it),
            _ => Data::Float(f64::try_from(fact.clone()).map_err(|error| error.to_string())?),
        },
        ValueKind::String => Data::Text(fact.as_str().unwrap_or_default().into()),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in fact.try_iter().map_err(|error| error.to_string())? {
                items.extend(written(&item, span)?);
            }
            Data::List(items)
        }
        ValueKind::Map => {
            let mut items = Vec::new();
            for key in fact.try_iter().map_err(|error| error.to_string())? {
                let value = fact.get_item(&key).map_err(|error| error.to_string())?;
                if let Some(value) = written(&value, span)? {
                    items.push(Item { name: key.to_string().into(), key: span.clone(), value });
                }
            }
            Data::Table(Table::new(items))
        }
        other => return Err(format!("a file has no value such as {other}")),
    };
    Ok(Some(Value { span: span.clone(), data }))
}
