//! New values in the notation that the file has used so far, where that can say them.

use serde_json::Value as Json;
use toml_edit::{Array, Value};

use super::super::toml::natural;
use crate::model::Type;

/// The value of a leaf as a person would write it who changes `old`, which reads as `was`; `None` for nothing.
pub(super) fn like(old: &Value, ty: Type, was: &Json, now: &Json) -> Option<Value> {
    let new = natural(ty, now)?;
    let is_textual = was.is_string();
    Some(match (old, &new) {
        (Value::String(text), Value::Integer(seconds)) if ty == Type::Seconds && is_duration(text.value()) => {
            duration(*seconds.value()).unwrap_or(new)
        }
        (Value::String(_), Value::Boolean(_)) if ty == Type::Text => now.as_str().map_or(new, Value::from),
        (Value::Boolean(_), Value::String(text)) if is_textual => {
            text.value().parse::<bool>().map_or_else(|_| new.clone(), Value::from)
        }
        (Value::Integer(_), Value::String(text)) if is_textual => {
            let number = text.value().parse::<i64>().ok().filter(|it| it.to_string() == *text.value());
            number.map_or_else(|| new.clone(), Value::from)
        }
        (Value::Array(_), Value::String(_)) if ty.is_set() => Array::from_iter([new]).into(),
        (Value::String(_), Value::Array(items)) if ty.is_set() && items.len() == 1 => {
            items.get(0).cloned().map_or_else(
                || new.clone(),
                |mut only| {
                    only.decor_mut().clear();
                    only
                },
            )
        }
        _ => new,
    })
}

/// Puts a scalar in the place of another: in single quotes where that one was, and with what stands around it.
pub(super) fn replace(old: &mut Value, new: Value) {
    let decor = old.decor().clone();
    let is_literal = matches!(old, Value::String(it) if it.display_repr().starts_with('\''));
    let plain = |text: &str| !text.contains('\'') && !text.chars().any(char::is_control);
    let literal = match &new {
        Value::String(text) if is_literal && plain(text.value()) => format!("'{}'", text.value()).parse().ok(),
        _ => None,
    };
    *old = literal.unwrap_or(new);
    *old.decor_mut() = decor;
}

fn is_duration(text: &str) -> bool {
    text.parse::<i64>().is_err() && crate::model::parse_seconds(text).is_some()
}

/// `300` → `"5m"`: by the biggest unit that it is a multiple of. What is negative is no duration.
fn duration(seconds: i64) -> Option<Value> {
    const UNITS: &[(i64, &str)] = &[(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let (size, unit) = UNITS.iter().find(|(size, _)| seconds % size == 0 && seconds >= *size)?;
    Some(format!("{}{unit}", seconds / size).into())
}
