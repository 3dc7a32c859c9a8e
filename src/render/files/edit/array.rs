//! Lists whose elements change, with the comments that stand beside and before these.

use serde_json::Value as Json;
use toml_edit::{Array, Value};

use super::{cell, json};
use crate::model::Type;

/// One element with what belongs to it.
pub(super) struct Row {
    /// What stands before it, from the line before on.
    lead: Option<String>,
    pub(super) value: Value,
    /// What follows it on its line, after the comma.
    beside: String,
}

impl Row {
    pub(super) fn new(mut value: Value) -> Self {
        value.decor_mut().clear();
        Self { lead: None, value, beside: String::new() }
    }
}

/// A list, taken apart.
pub(super) struct Rows {
    pub(super) elements: Vec<Row>,
    /// What follows the opening bracket on its line.
    head: String,
    /// What stands before the closing bracket.
    tail: String,
    /// What stands before a new first element, and before others.
    first: String,
    other: String,
}

/// Makes a list say the same as another one.
pub(super) fn merge(old: &mut Array, new: &Array, ty: Type) {
    if old.is_empty() || new.is_empty() {
        let decor = old.decor().clone();
        *old = new.clone();
        *old.decor_mut() = decor;
        return;
    }
    let mut list = Rows::take(old);
    let had: Vec<Json> = list.elements.iter().map(|row| json(&row.value)).collect();
    let wanted: Vec<Json> = new.iter().map(json).collect();
    if is_set(ty, new) {
        list.elements.retain(|row| wanted.contains(&json(&row.value)));
        let added = new.iter().zip(&wanted).filter(|(_, it)| !had.contains(it));
        list.elements.extend(added.map(|(value, _)| Row::new(value.clone())));
    } else {
        let alike = |a: &Json, b: &Json| identity(a).is_some() && identity(a) == identity(b);
        let places = aligned(&had, &wanted, &[&Json::eq, &alike]);
        let mut there: Vec<Option<Row>> = std::mem::take(&mut list.elements).into_iter().map(Some).collect();
        list.elements = new
            .iter()
            .zip(places)
            .map(|(value, place)| match place.and_then(|place| there[place].take()) {
                Some(mut row) => {
                    cell::merge(&mut row.value, value.clone(), if ty == Type::Steps { ty } else { Type::Json });
                    row
                }
                None => Row::new(value.clone()),
            })
            .collect();
    }
    list.put(old);
}

/// Whether an element that is there, the first, is the one that is wanted.
type IsOne<'a> = &'a dyn Fn(&Json, &Json) -> bool;

/// For each wanted element the one of those there are that it is, by the first criterion that finds one.
pub(super) fn aligned(had: &[Json], wanted: &[Json], criteria: &[IsOne<'_>]) -> Vec<Option<usize>> {
    let mut places: Vec<Option<usize>> = vec![None; wanted.len()];
    for is_one in criteria {
        for (i, it) in wanted.iter().enumerate() {
            if places[i].is_none() {
                let fits = |place: &usize| !places.contains(&Some(*place)) && is_one(&had[*place], it);
                places[i] = (0..had.len()).find(fits);
            }
        }
    }
    places
}

/// Whether the order of a list means nothing; of a workflow's steps it does, of what is inside of them it does not.
fn is_set(ty: Type, list: &Array) -> bool {
    ty.is_set() || ty == Type::JoinedSet || (ty == Type::Steps && list.iter().all(Value::is_str))
}

/// What an element of a list is called that may change in other respects.
fn identity(element: &Json) -> Option<&Json> {
    ["executor", "condition", "uses", "name", "path"].iter().find_map(|key| element.get(key))
}

impl Rows {
    /// Takes a list apart. A comment after a comma belongs to what stands before that.
    pub(super) fn take(array: &Array) -> Self {
        let text = |raw: Option<&toml_edit::RawString>, otherwise: &str| {
            raw.and_then(toml_edit::RawString::as_str).unwrap_or(otherwise).to_owned()
        };
        let (mut rows, mut head): (Vec<Row>, String) = (Vec::new(), String::new());
        for (i, value) in array.iter().enumerate() {
            let prefix = text(value.decor().prefix(), if i == 0 { "" } else { " " });
            let (beside, lead) = split(&prefix);
            beside.clone_into(rows.last_mut().map_or(&mut head, |before| &mut before.beside));
            rows.push(Row { lead: Some(lead.to_owned()), value: value.clone(), beside: String::new() });
        }
        // Without a comma at the end, what follows the last element is its own.
        let mut after = text(Some(array.trailing()), "");
        if let Some(last) = rows.last_mut().filter(|_| !array.trailing_comma()) {
            after.insert_str(0, &text(last.value.decor().suffix(), ""));
            last.value.decor_mut().set_suffix("");
        }
        let (beside, tail) = split(&after);
        if let Some(last) = rows.last_mut() {
            beside.clone_into(&mut last.beside);
        }
        let leads = || rows.iter().filter_map(|row| row.lead.as_deref());
        let own_line = leads().filter_map(|lead| lead.rfind('\n').map(|at| lead[at..].to_owned())).next_back();
        let first = leads().next().unwrap_or_default().to_owned();
        let (first, other) = match own_line {
            Some(line) => (line.clone(), line),
            None => (first, " ".to_owned()),
        };
        Self { head, tail: tail.to_owned(), first, other, elements: rows }
    }

    /// Puts the list together again.
    pub(super) fn put(self, array: &mut Array) {
        let Self { elements, head, tail, first, other } = self;
        let (comma, decor) = (array.trailing_comma(), array.decor().clone());
        let is_one_line = !other.contains('\n');
        let mut new = Array::new();
        let mut beside = head;
        for (i, row) in elements.into_iter().enumerate() {
            let lead = match row.lead {
                // The first one of a line has another distance.
                Some(_) if is_one_line && i == 0 => first.clone(),
                Some(lead) if is_one_line && lead.is_empty() => other.clone(),
                Some(lead) => lead,
                None if i == 0 => first.clone(),
                None => other.clone(),
            };
            let mut value = row.value;
            value.decor_mut().set_prefix(beside + &lead);
            new.push_formatted(value);
            beside = row.beside;
        }
        new.set_trailing(beside + &tail);
        new.set_trailing_comma(comma);
        *array = new;
        *array.decor_mut() = decor;
    }
}

/// What is on the line still, if that is a comment, and what is on the next ones.
fn split(text: &str) -> (&str, &str) {
    match text.find('\n') {
        Some(at) if text[..at].contains('#') => text.split_at(at),
        _ => ("", text),
    }
}
