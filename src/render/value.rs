//! How values, and what differs between two, are laid out; for every format that people read.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use similar::{ChangeTag, TextDiff};

use super::escape::{quoted, safe};
use crate::model::Type;

/// Longer texts are shortened, unless the reader asks for everything: this much fits on a line beside its name.
const LONGEST: usize = 80;

/// How much of the beginning, and of the end, of a shortened text stays.
const HEAD: usize = 48;
const TAIL: usize = 16;

/// Lines of context around a difference of lines.
const CONTEXT: usize = 2;

/// A difference of two values of a leaf, ready to be printed; everything in it is safe on a terminal.
#[derive(Debug, PartialEq)]
pub(super) enum Layout {
    /// On one line: before, after.
    Inline(Option<String>, Option<String>),
    /// Element by element, or line by line.
    Rows(Vec<Row>),
}

/// One element or line.
#[derive(Debug, PartialEq)]
pub(super) enum Row {
    Added(String),
    Removed(String),
    Same(String),
    /// Lines, or elements, that are the same and not shown.
    Hidden(usize),
}

/// Lays out the difference of two values; `None` is absent.
pub(super) fn layout(ty: Type, before: Option<&Json>, after: Option<&Json>, verbose: bool) -> Layout {
    let (before, after) = (plain(ty, before), plain(ty, after));
    if ty == Type::Executions {
        let rows = |value: Option<&Json>| value.map(|list| executions(list, 0)).unwrap_or_default();
        return Layout::Rows(line_rows(&rows(before.as_ref()), &rows(after.as_ref()), verbose));
    }
    let values = || before.iter().chain(&after);
    if values().any(Json::is_array) {
        let (old, new) = (elements(before.as_ref(), verbose), elements(after.as_ref(), verbose));
        let unordered = ty.is_set() || ty == Type::JoinedSet;
        return Layout::Rows(if unordered { set_rows(old, &new, verbose) } else { line_rows(&old, &new, verbose) });
    }
    let is_long = |value: &Json| value.is_object() || value.as_str().is_some_and(|text| text.trim_end().contains('\n'));
    if values().any(is_long) {
        return Layout::Rows(line_rows(&lines(before.as_ref()), &lines(after.as_ref()), verbose));
    }
    inline(before.as_ref(), after.as_ref(), verbose)
}

/// The value inside of text that holds JSON or joined texts.
fn plain(ty: Type, value: Option<&Json>) -> Option<Json> {
    let value = value?;
    Some(match (ty, value) {
        (Type::JsonText, Json::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        (Type::JoinedSet, Json::String(text)) => text.split("##").map(Json::from).collect(),
        _ => value.clone(),
    })
}

fn inline(before: Option<&Json>, after: Option<&Json>, verbose: bool) -> Layout {
    let (before, after) = (before.map(one_line), after.map(one_line));
    if verbose {
        return Layout::Inline(before, after);
    }
    let shared = match (&before, &after) {
        (Some(before), Some(after)) => before.chars().zip(after.chars()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    };
    let short = |text: String| shortened(&text, shared);
    Layout::Inline(before.map(short), after.map(short))
}

fn one_line(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        other => safe(&other.to_string()).into_owned(),
    }
}

/// A long text (certificates, keys, scripts) by its beginning and end; where the beginning is the same in the text that
/// it is compared with, from just before the first difference.
pub(super) fn shortened(text: &str, shared: usize) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_owned();
    }
    let skip = if shared + 8 > HEAD { (shared - 8).min(count - HEAD) } else { 0 };
    let head: String = text.chars().skip(skip).take(HEAD).collect();
    let tail: String = text.chars().skip((skip + HEAD).max(count - TAIL)).collect();
    let (dots, gap) = (if skip > 0 { "…" } else { "" }, if skip + HEAD < count - TAIL { "…" } else { "" });
    format!("{dots}{head}{gap}{tail} ({count} characters)")
}

fn elements(value: Option<&Json>, verbose: bool) -> Vec<String> {
    let items = match value {
        None => return Vec::new(),
        Some(Json::Array(items)) => items.as_slice(),
        Some(other) => std::slice::from_ref(other),
    };
    let short = |text: String| if verbose { text } else { shortened(&text, 0) };
    items.iter().map(|item| short(one_line(item))).collect()
}

/// Each execution on a line of its own, what is in a sub-flow below it.
fn executions(list: &Json, level: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for execution in list.as_array().into_iter().flatten() {
        let text = |field: &str| execution.get(field).and_then(Json::as_str);
        let (indent, requirement) = ("  ".repeat(level), safe(text("requirement").unwrap_or_default()));
        let mut line = match (text("flow"), text("authenticator")) {
            (Some(flow), Some(form)) => format!("{indent}{requirement} flow {} of {}", quoted(flow), safe(form)),
            (Some(flow), None) => format!("{indent}{requirement} flow {}", quoted(flow)),
            (None, authenticator) => format!("{indent}{requirement} {}", safe(authenticator.unwrap_or_default())),
        };
        if let Some(config) = text("authenticatorConfig") {
            line.push_str(&format!(", configured by {}", quoted(config)));
        }
        if let Some(description) = text("description") {
            line.push_str(&format!(": {}", quoted(description)));
        }
        lines.push(line);
        lines.extend(execution.get("executions").map(|inner| executions(inner, level + 1)).unwrap_or_default());
    }
    lines
}

fn lines(value: Option<&Json>) -> Vec<String> {
    let text = match value {
        None => return Vec::new(),
        Some(Json::String(text)) => text.clone(),
        Some(table @ Json::Object(_)) => format!("{table:#}"),
        Some(other) => other.to_string(),
    };
    text.lines().map(|line| safe(line).into_owned()).collect()
}

fn set_rows(old: Vec<String>, new: &[String], verbose: bool) -> Vec<Row> {
    let old: BTreeSet<String> = old.into_iter().collect();
    let new: BTreeSet<&String> = new.iter().collect();
    let mut rows: Vec<Row> = new.iter().filter(|it| !old.contains(**it)).map(|it| Row::Added((*it).clone())).collect();
    let (same, removed): (Vec<String>, Vec<String>) = old.into_iter().partition(|it| new.contains(it));
    rows.extend(removed.into_iter().map(Row::Removed));
    if verbose {
        rows.extend(same.into_iter().map(Row::Same));
    } else if !same.is_empty() {
        rows.push(Row::Hidden(same.len()));
    }
    rows
}

fn line_rows(old: &[String], new: &[String], verbose: bool) -> Vec<Row> {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
    let diff = TextDiff::from_slices(&old, &new);
    let context = if verbose { usize::MAX / 2 } else { CONTEXT };
    let (mut rows, mut shown) = (Vec::new(), 0);
    for op in diff.grouped_ops(context).iter().flatten() {
        if op.old_range().start > shown {
            rows.push(Row::Hidden(op.old_range().start - shown));
        }
        shown = op.old_range().end;
        rows.extend(diff.iter_changes(op).map(|change| row(change.tag(), change.value())));
    }
    if shown < old.len() {
        rows.push(Row::Hidden(old.len() - shown));
    }
    rows
}

fn row(tag: ChangeTag, line: &str) -> Row {
    match tag {
        ChangeTag::Insert => Row::Added(line.to_owned()),
        ChangeTag::Delete => Row::Removed(line.to_owned()),
        ChangeTag::Equal => Row::Same(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(ty: Type, before: &Json, after: &Json) -> String {
        let Layout::Rows(rows) = layout(ty, Some(before), Some(after), false) else { panic!() };
        let told = rows.iter().map(|row| match row {
            Row::Added(text) => format!("+{text}"),
            Row::Removed(text) => format!("-{text}"),
            Row::Same(text) => format!(" {text}"),
            Row::Hidden(count) => format!("~{count}"),
        });
        told.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn sets_by_element() {
        assert_eq!(rows(Type::TextSet, &json!(["a", "b", "c"]), &json!(["d", "c", "a"])), "+\"d\"\n-\"b\"\n~2");
        assert_eq!(rows(Type::JoinedSet, &json!("a##b"), &json!("b")), "-\"a\"\n~1");
    }

    #[test]
    fn lists_in_order() {
        assert_eq!(rows(Type::TextList, &json!(["a", "b"]), &json!(["b", "a"])), "+\"b\"\n \"a\"\n-\"b\"");
    }

    #[test]
    fn text_by_line_with_some_context() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n";
        assert_eq!(
            rows(Type::Text, &json!(before), &json!(before.replace('6', "six"))),
            "~3\n 4\n 5\n-6\n+six\n 7\n 8"
        );
        assert_eq!(
            rows(Type::Text, &json!("a\nb\u{1b}[m\nc\nd\ne"), &json!("x\nb\u{1b}[m\nc\nd\ne")),
            "-a\n+x\n b\\u{1b}[m\n c\n~2"
        );
    }

    #[test]
    fn json_in_text_by_line() {
        assert_eq!(
            rows(Type::JsonText, &json!(r#"{"a":1}"#), &json!(r#"{"a":2}"#)),
            " {\n-  \"a\": 1\n+  \"a\": 2\n }"
        );
    }

    #[test]
    fn long_texts_by_the_part_that_differs() {
        let old = format!("{}A{}", "x".repeat(100), "y".repeat(100));
        let new = old.replace('A', "B");
        let Layout::Inline(Some(before), Some(after)) = layout(Type::Text, Some(&old.into()), Some(&new.into()), false)
        else {
            panic!()
        };
        assert!(before.contains("xA") && after.contains("xB"), "{before} {after}");
        assert!(before.ends_with("(203 characters)"));
        let Layout::Inline(None, Some(alone)) = layout(Type::Text, None, Some(&"M".repeat(900).into()), false) else {
            panic!()
        };
        assert_eq!(alone.chars().count(), HEAD + TAIL + 1 + " (902 characters)".len());
    }
}
