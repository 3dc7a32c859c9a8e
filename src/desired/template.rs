//! The engine of all templates: those of outputs, and the expressions of blueprints.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, UndefinedBehavior, Value as Fact};

use super::parse::{Data, Item, Table, Value};

/// A misspelt name is an error: it would say nothing.
pub(crate) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
});

/// What is wrong with a template, in words.
pub(crate) fn reason(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// Whether expressions can name something so.
pub(super) fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// The names that a template uses and does not set itself.
///
/// # Errors
/// Why it is no template.
pub(super) fn names(text: &str) -> Result<BTreeSet<String>, String> {
    let template = ENVIRONMENT.template_from_str(text).map_err(|error| reason(&error))?;
    Ok(template.undeclared_variables(false).into_iter().collect())
}

/// The names that a template uses of what it calls `of`: `domain` for `{{ env.domain }}`.
pub(super) fn members(text: &str, of: &str) -> BTreeSet<String> {
    let Ok(template) = ENVIRONMENT.template_from_str(text) else { return BTreeSet::new() };
    let names = template.undeclared_variables(true).into_iter();
    let member = |name: String| Some(name.strip_prefix(of)?.strip_prefix('.')?.split('.').next()?.to_owned());
    names.filter_map(member).collect()
}

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
