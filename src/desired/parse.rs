//! Bytes → a document with spans.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml_edit::{Document, TableLike, TomlError};

use super::problem::Problem;
use super::source::{Place, Source};

/// A file whose TOML is well formed.
pub(super) struct Parsed {
    pub(super) source: Arc<Source>,
    pub(super) root: Table,
}

impl Parsed {
    /// Reads a file.
    pub(super) fn new(path: &Path, bytes: &[u8]) -> Result<Self, Problem> {
        let source = Source::new(path, std::str::from_utf8(bytes).map_err(|error| not_utf8(path, bytes, error))?);
        let document = Document::parse(Arc::clone(source.text())).map_err(|error| syntax(&source, &error))?;
        let root = Table::of(document.as_table());
        // Only an escape can write it, so most files need not be looked through.
        let escapes = ["\\x00", "\\u0000", "\\U00000000"];
        let null = escapes.iter().any(|it| source.text().contains(it)).then(|| null_in_table(&root));
        match null.flatten() {
            Some(span) => Err(null_character(&source, span)),
            None => Ok(Self { source, root }),
        }
    }

    pub(super) fn root(&self) -> &Table {
        &self.root
    }
}

/// The entries of a table, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table(Vec<Item>);

/// A key with what it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) name: Box<str>,
    /// Where the key is written.
    pub(super) key: Range<usize>,
    pub(super) value: Value,
}

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) span: Range<usize>,
    pub(super) data: Data,
}

/// A value without the many ways in which TOML writes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
    Date,
    List(Vec<Value>),
    Table(Table),
}

impl Table {
    pub(super) fn new(items: Vec<Item>) -> Self {
        Self(items)
    }

    fn of(table: &dyn TableLike) -> Self {
        let items = table.iter().filter_map(|(name, item)| {
            let key = table.key(name).and_then(toml_edit::Key::span).unwrap_or(0..0);
            Some(Item { name: name.into(), value: Value::of(item, &key)?, key })
        });
        Self(items.collect())
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.0
    }

    pub(super) fn items_mut(&mut self) -> &mut [Item] {
        &mut self.0
    }

    pub(super) fn retain(&mut self, is_kept: impl FnMut(&mut Item) -> bool) {
        self.0.retain_mut(is_kept);
    }

    pub(super) fn get(&self, name: &str) -> Option<&Item> {
        self.0.iter().find(|item| &*item.name == name)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Value {
    fn of(item: &toml_edit::Item, key: &Range<usize>) -> Option<Self> {
        let span = item.span().unwrap_or_else(|| key.clone());
        let data = match item {
            toml_edit::Item::None => return None,
            toml_edit::Item::Value(value) => return Some(Self::of_value(value, key)),
            toml_edit::Item::Table(table) => Data::Table(Table::of(table)),
            toml_edit::Item::ArrayOfTables(tables) => {
                let tables = tables.iter().map(|table| {
                    let span = table.span().unwrap_or_else(|| key.clone());
                    Self { span, data: Data::Table(Table::of(table)) }
                });
                Data::List(tables.collect())
            }
        };
        Some(Self { span, data })
    }

    pub(super) fn of_value(value: &toml_edit::Value, key: &Range<usize>) -> Self {
        let data = match value {
            toml_edit::Value::Boolean(it) => Data::Bool(*it.value()),
            toml_edit::Value::Integer(it) => Data::Int(*it.value()),
            toml_edit::Value::Float(it) => Data::Float(*it.value()),
            toml_edit::Value::String(it) => Data::Text(it.value().as_str().into()),
            toml_edit::Value::Datetime(_) => Data::Date,
            toml_edit::Value::Array(items) => Data::List(items.iter().map(|item| Self::of_value(item, key)).collect()),
            toml_edit::Value::InlineTable(table) => Data::Table(Table::of(table)),
        };
        Self { data, span: value.span().unwrap_or_else(|| key.clone()) }
    }

    /// The value as it is read.
    pub(super) fn node(&self) -> Node<'_> {
        let shape = match &self.data {
            Data::Bool(it) => Shape::Bool(*it),
            Data::Int(it) => Shape::Int(*it),
            Data::Float(it) => Shape::Float(*it),
            Data::Text(it) => Shape::Text(it),
            Data::Date => Shape::Date,
            Data::List(items) => Shape::List(items.iter().map(Self::node).collect()),
            Data::Table(table) => Shape::Table(table),
        };
        Node { shape, span: self.span.clone() }
    }
}

/// A value as it is read.
pub(super) struct Node<'a> {
    pub(super) shape: Shape<'a>,
    pub(super) span: Range<usize>,
}

pub(super) enum Shape<'a> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    Date,
    List(Vec<Node<'a>>),
    Table(&'a Table),
}

/// One key of a table with its value.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) key: Range<usize>,
    pub(super) node: Node<'a>,
}

/// The entries of a table in the order of the file.
pub(super) fn entries(table: &Table) -> impl Iterator<Item = Entry<'_>> {
    table.0.iter().map(Item::entry)
}

/// One entry by name.
pub(super) fn entry<'a>(table: &'a Table, name: &str) -> Option<Entry<'a>> {
    table.get(name).map(Item::entry)
}

impl Item {
    /// The entry as it is read.
    pub(super) fn entry(&self) -> Entry<'_> {
        Entry { name: &self.name, key: self.key.clone(), node: self.value.node() }
    }
}

impl<'a> Node<'a> {
    /// What it is, for messages.
    pub(super) fn found(&self) -> &'static str {
        match &self.shape {
            Shape::Bool(_) => "true or false",
            Shape::Int(_) => "a whole number",
            Shape::Float(_) => "a number with a fraction",
            Shape::Text(_) => "text",
            Shape::Date => "a date",
            Shape::List(_) => "a list",
            Shape::Table(_) => "a table",
        }
    }

    pub(super) fn as_text(&self) -> Option<&'a str> {
        if let Shape::Text(text) = self.shape { Some(text) } else { None }
    }

    pub(super) fn as_table(&self) -> Option<&'a Table> {
        if let Shape::Table(table) = self.shape { Some(table) } else { None }
    }
}

fn not_utf8(path: &Path, bytes: &[u8], error: std::str::Utf8Error) -> Problem {
    let offset = error.valid_up_to();
    let source = Source::new(path, String::from_utf8_lossy(bytes));
    let width = char::REPLACEMENT_CHARACTER.len_utf8();
    Problem::error(format!("{} is not UTF-8", source.name()))
        .at(Place::new(&source, offset..offset + width), format!("byte {offset} is not part of any character"))
        .help("TOML is UTF-8: save the file in that encoding")
}

fn syntax(source: &Arc<Source>, error: &TomlError) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let span = span.start.min(source.text().len())..span.end.min(source.text().len());
    if error.message() == "duplicate key" {
        return duplicate_key(source, span);
    }
    Problem::error(format!("{} is not valid TOML", source.name())).at(Place::new(source, span), error.message())
}

/// Where a key or text holds the character U+0000, which neither Keycloak nor its database keeps.
fn null_in_table(table: &Table) -> Option<Range<usize>> {
    entries(table).find_map(|entry| if entry.name.contains('\0') { Some(entry.key) } else { null_in(&entry.node) })
}

fn null_in(node: &Node<'_>) -> Option<Range<usize>> {
    match &node.shape {
        Shape::Text(text) => text.contains('\0').then(|| node.span.clone()),
        Shape::List(items) => items.iter().find_map(null_in),
        Shape::Table(table) => null_in_table(table),
        Shape::Bool(_) | Shape::Int(_) | Shape::Float(_) | Shape::Date => None,
    }
}

fn null_character(source: &Arc<Source>, span: Range<usize>) -> Problem {
    Problem::error("a text holds the character U+0000")
        .at(Place::new(source, span), "here")
        .help("Keycloak keeps no such text: leave the character out")
}

/// The parser names only the second place; the first is looked up in what stands before it.
fn duplicate_key(source: &Arc<Source>, span: Range<usize>) -> Problem {
    let text = source.text();
    let name = text.get(span.clone()).unwrap_or_default();
    let problem =
        Problem::error(format!("`{name}` is set twice")).at(Place::new(source, span.clone()), "the second time");
    let problem = match first_place(text, span.start) {
        Some(first) => problem.and(Place::new(source, first), "the first time"),
        None => problem,
    };
    problem.help("keep one of them; a table may be opened only once in a file, so its fields belong together")
}

fn first_place(text: &str, at: usize) -> Option<Range<usize>> {
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let before = &text[..line_start];
    let line = &text[line_start..line_end];
    let earlier = table_of(before)?;
    let mut path = if line.trim_start().starts_with('[') { Vec::new() } else { last_header(before)? };
    path.extend(keys_until(&table_of(line)?, at - line_start));
    find(&earlier, &path)
}

fn table_of(text: &str) -> Option<Table> {
    Some(Table::of(Document::parse(text).ok()?.as_table()))
}

/// The keys of the table that is open at the end of a text.
fn last_header(text: &str) -> Option<Vec<String>> {
    let header = text.lines().rev().find(|line| line.trim_start().starts_with('[') && Document::parse(*line).is_ok());
    let Some(header) = header else { return Some(Vec::new()) };
    Some(keys_until(&table_of(header)?, usize::MAX))
}

/// The keys of a one-line document down to the one that starts at `at`.
fn keys_until(table: &Table, at: usize) -> Vec<String> {
    let mut keys = Vec::new();
    let mut table = Some(table);
    while let Some(entry) = table.and_then(|table| entries(table).next()) {
        keys.push(entry.name.to_owned());
        if entry.key.start >= at {
            break;
        }
        table = entry.node.as_table();
    }
    keys
}

fn find(table: &Table, path: &[String]) -> Option<Range<usize>> {
    let (name, rest) = path.split_first()?;
    let entry = entry(table, name)?;
    if rest.is_empty() {
        return Some(entry.key);
    }
    match entry.node.shape {
        Shape::Table(table) => find(table, rest),
        Shape::List(items) => find(items.last()?.as_table()?, rest),
        _ => None,
    }
}
