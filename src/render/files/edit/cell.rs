//! One value of a file, with everything inside of it.

use serde_json::Value as Json;
use toml_edit::{InlineTable, RawString, TableLike, Value};

use super::super::toml::natural;
use super::executions::Change;
use super::{Step, array, json, notation};
use crate::model::Type;

/// What happens to a value.
pub(super) enum Op {
    /// The leaf that it is gets another value.
    Set { ty: Type, was: Json, now: Json },
    /// It becomes this.
    Put(Value),
    /// The list of executions that it is changes.
    Executions(Box<Change>),
    /// Its entry goes.
    Remove,
}

impl Op {
    /// What the value becomes, where that can be said without it.
    pub(super) fn target(&self) -> Option<Value> {
        match self {
            Self::Set { ty, now, .. } => natural(*ty, now),
            Self::Put(value) => Some(value.clone()),
            Self::Executions(_) | Self::Remove => None,
        }
    }

    /// The order in which several happen: first what is inside of executions, by the places that these have so far.
    fn order(&self) -> u8 {
        match self {
            Self::Set { .. } | Self::Put(_) => 0,
            Self::Remove => 1,
            Self::Executions(_) => 2,
        }
    }
}

/// Does all of that to a value.
pub(super) fn apply(value: &mut Value, mut ops: Vec<(Vec<Step>, Op)>) {
    ops.sort_by_key(|(_, op)| op.order());
    for (steps, op) in ops {
        match op {
            Op::Remove => {
                let Some((Step::Key(key), above)) = steps.split_last() else { continue };
                if let Some(Value::InlineTable(table)) = at(value, above) {
                    remove(table, key);
                }
            }
            op => {
                let Some(value) = at(value, &steps) else { continue };
                change(value, op);
            }
        }
    }
}

fn change(value: &mut Value, op: Op) {
    match op {
        Op::Set { ty, was, now } => {
            if let Some(new) = notation::like(value, ty, &was, &now) {
                merge(value, new, ty);
            }
        }
        Op::Put(new) => merge(value, new, Type::Json),
        Op::Executions(change) => change.apply(value),
        Op::Remove => {}
    }
}

fn at<'a>(value: &'a mut Value, steps: &[Step]) -> Option<&'a mut Value> {
    steps.iter().try_fold(value, |value, step| match (step, value) {
        (Step::Key(key), Value::InlineTable(table)) => table.get_mut(key),
        (Step::Index(index), Value::Array(items)) => items.get_mut(*index),
        _ => None,
    })
}

/// Makes a value say the same as another one, and leaves what does so already.
pub(super) fn merge(old: &mut Value, mut new: Value, ty: Type) {
    if json(old) == json(&new) || (ty == Type::Steps && is_text_of(old, &new)) {
        return;
    }
    // What is inside of steps is text by any notation; of other values every entry is what it is.
    let inside = if ty == Type::Steps { ty } else { Type::Json };
    match (&mut *old, &mut new) {
        (Value::Array(old), Value::Array(new)) => array::merge(old, new, ty),
        (Value::InlineTable(old), Value::InlineTable(new)) => {
            let gone: Vec<String> =
                old.iter().map(|(key, _)| key.to_owned()).filter(|key| !new.contains_key(key)).collect();
            for key in &gone {
                remove(old, key);
            }
            for (key, value) in new.iter() {
                match old.get_mut(key) {
                    Some(inner) => merge(inner, value.clone(), inside),
                    None => insert(old, key, value.clone()),
                }
            }
        }
        _ => notation::replace(old, new),
    }
}

/// Whether a number or truth value is the text that another value is.
fn is_text_of(old: &Value, new: &Value) -> bool {
    matches!(old, Value::Boolean(_) | Value::Integer(_)) && new.as_str() == Some(&json(old).to_string())
}

/// Adds an entry at the end of a table.
pub(super) fn insert(table: &mut InlineTable, key: &str, mut value: Value) {
    value.decor_mut().clear();
    let space = take_last_space(table);
    table.insert(key, value);
    give_last_space(table, space.unwrap_or_else(|| " ".into()));
    if table.len() == 1
        && let Some(mut key) = table.key_mut(key)
    {
        key.leaf_decor_mut().set_prefix(" ");
    }
}

/// Takes an entry away.
pub(super) fn remove(table: &mut InlineTable, key: &str) {
    let space = take_last_space(table);
    table.remove(key);
    give_last_space(table, space.unwrap_or_default());
}

/// What stands before the closing brace.
fn take_last_space(table: &mut InlineTable) -> Option<RawString> {
    let last = last_value(table)?;
    let space = last.decor().suffix().cloned();
    last.decor_mut().set_suffix("");
    space
}

fn give_last_space(table: &mut InlineTable, space: RawString) {
    if let Some(last) = last_value(table) {
        last.decor_mut().set_suffix(space);
    }
}

/// The value that is written last; what `a.b = 1` holds is inside of another table.
fn last_value(table: &mut InlineTable) -> Option<&mut Value> {
    let (_, last) = TableLike::iter_mut(table).last()?;
    let value = last.as_value_mut()?;
    if value.as_inline_table().is_some_and(InlineTable::is_dotted) {
        return last_value(value.as_inline_table_mut()?);
    }
    Some(value)
}
