//! A file's text, and which bytes of it are whose.

use std::ops::Range;

use toml_edit::{Document, Item, Key, Table, TomlError, Value};

use super::Step;
use super::cell::{self, Op};

/// A file whose places are known.
pub(super) struct Text<'a> {
    raw: &'a str,
    document: Document<&'a str>,
    /// The headers of tables, sorted.
    headers: Vec<Range<usize>>,
    /// The values of the lines, sorted.
    values: Vec<Range<usize>>,
}

/// Something that goes.
pub(super) enum Piece {
    /// A key with its value, as whole lines.
    Line(Range<usize>),
    /// A table, by its header.
    Table(Range<usize>),
}

impl Piece {
    pub(super) fn start(&self) -> usize {
        match self {
            Self::Line(range) | Self::Table(range) => range.start,
        }
    }
}

impl<'a> Text<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, TomlError> {
        let document = Document::parse(text)?;
        let (mut headers, mut values) = (Vec::new(), Vec::new());
        collect(document.as_table(), &mut headers, &mut values);
        headers.sort_by_key(|it| it.start);
        values.sort_by_key(|it| it.start);
        Ok(Self { raw: text, document, headers, values })
    }

    /// What the file has at a path of keys.
    pub(super) fn item(&self, keys: &[String]) -> Option<&Item> {
        keys.iter().try_fold(self.document.as_item(), |item, key| item.as_table_like()?.get(key))
    }

    /// The value that holds what is at a path of keys, where that starts, and the rest of the path in it; or the table at
    /// the path, all of it.
    pub(super) fn outermost<'k>(&self, keys: &'k [String]) -> Option<(usize, &'k [String], &Item)> {
        let whole = self.item(keys)?;
        for end in 1..=keys.len() {
            let item = self.item(&keys[..end])?;
            if let Item::Value(value) = item {
                // What is written in parts (`a.b = 1`) is no value of its own here: the parser gives tables for that.
                return Some((value.span()?.start, &keys[end..], item));
            }
        }
        Some((0, &keys[keys.len()..], whole))
    }

    /// The lines and tables that say what is at a path of keys.
    pub(super) fn pieces(&self, keys: &[String], item: &Item) -> Vec<Piece> {
        let Some((last, above)) = keys.split_last() else { return Vec::new() };
        let key = self.item(above).and_then(Item::as_table_like).and_then(|table| table.key(last));
        let mut pieces = Vec::new();
        if let Some(key) = key {
            self.add_pieces(key, item, &mut pieces);
        }
        pieces
    }

    fn add_pieces(&self, key: &Key, item: &Item, pieces: &mut Vec<Piece>) {
        match item {
            Item::None => {}
            Item::Value(value) => {
                if let (Some(key), Some(value)) = (key.span(), value.span()) {
                    pieces.push(Piece::Line(self.line_start(key.start)..self.line_end(value.end)));
                }
            }
            Item::Table(table) => self.add_table(table, pieces),
            Item::ArrayOfTables(tables) => tables.iter().for_each(|table| self.add_table(table, pieces)),
        }
    }

    fn add_table(&self, table: &Table, pieces: &mut Vec<Piece>) {
        let header = header_of(table);
        // Lines below a header go with it.
        let is_apart = |item: &Item| match item {
            Item::Table(inner) => !inner.is_dotted(),
            Item::ArrayOfTables(_) => true,
            Item::Value(_) | Item::None => false,
        };
        for (name, item) in table.iter().filter(|(_, item)| header.is_none() || is_apart(item)) {
            if let Some(key) = table.key(name) {
                self.add_pieces(key, item, pieces);
            }
        }
        pieces.extend(header.map(Piece::Table));
    }

    /// The bytes of what goes, with the comments that are about nothing else.
    pub(super) fn ranges(&self, pieces: &[Piece]) -> Vec<Range<usize>> {
        let mut ranges: Vec<(Range<usize>, bool)> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Line(range) => (range.clone(), false),
                Piece::Table(header) => (self.table(header), true),
            })
            .collect();
        ranges.sort_by_key(|(range, _)| (range.start, range.end));
        let mut merged: Vec<(Range<usize>, bool)> = Vec::new();
        for (range, is_table) in ranges {
            match merged.last_mut() {
                Some((last, last_is_table)) if last.end >= range.start => {
                    last.end = last.end.max(range.end);
                    *last_is_table |= is_table;
                }
                _ => merged.push((range, is_table)),
            }
        }
        merged.into_iter().map(|(range, is_table)| self.paragraph(range, is_table)).collect()
    }

    /// What goes, with a comment right above lines that nothing follows any more, and without leaving two empty lines.
    fn paragraph(&self, range: Range<usize>, is_table: bool) -> Range<usize> {
        let Range { mut start, mut end } = range;
        let next = self.raw[end..].lines().next().map(str::trim).unwrap_or_default();
        if !is_table && (next.is_empty() || next.starts_with('[')) {
            start = self.comment_above(start);
        }
        if is_blank(self.raw[..start].lines().next_back()) {
            end = self.after_blank_lines(end);
        }
        start..end
    }

    /// All of a table without the tables below it: from the comment right above its header to where the next begins.
    fn table(&self, header: &Range<usize>) -> Range<usize> {
        let next = self.headers.iter().find(|it| it.start > header.start).map(|it| self.line_start(it.start));
        let limit = next.unwrap_or(self.raw.len());
        let last = self.values.iter().rfind(|it| it.start > header.start && it.end <= limit);
        let content = self.line_end(last.map_or(header.end, |it| it.end));
        // A comment right below is about what stands above it, unless it leads on to the next header.
        let comments: usize = self.raw[content..limit]
            .split_inclusive('\n')
            .take_while(|line| line.trim_start().starts_with('#'))
            .map(str::len)
            .sum();
        let leads_on = content + comments == limit && next.is_some();
        let end = if leads_on { content } else { content + comments };
        self.comment_above(self.line_start(header.start))..end
    }

    /// Where the comment lines begin that stand right above a line; what a file begins with is about all of it.
    fn comment_above(&self, start: usize) -> usize {
        let comments: usize = self.raw[..start]
            .split_inclusive('\n')
            .rev()
            .take_while(|line| line.trim_start().starts_with('#'))
            .map(str::len)
            .sum();
        if comments == start { start } else { start - comments }
    }

    fn after_blank_lines(&self, at: usize) -> usize {
        let blank = self.raw[at..].split_inclusive('\n').take_while(|line| line.trim().is_empty());
        at + blank.map(str::len).sum::<usize>()
    }

    fn line_start(&self, at: usize) -> usize {
        self.raw[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// Behind the line that holds a byte.
    fn line_end(&self, at: usize) -> usize {
        self.raw[at..].find('\n').map_or(self.raw.len(), |newline| at + newline + 1)
    }

    /// The new text of the value that starts there.
    pub(super) fn cell(&self, at: usize, ops: Vec<(Vec<Step>, Op)>) -> Option<(Range<usize>, String)> {
        let span = self.values.iter().find(|it| it.start == at)?.clone();
        let mut value: Value = self.raw[span.clone()].parse().ok()?;
        cell::apply(&mut value, ops);
        value.decor_mut().clear();
        Some((span, value.to_string().trim().to_owned()))
    }

    /// A line for a new entry of a table, behind those that it has.
    pub(super) fn new_entry(&self, table: &Table, key: &str, value: &Value) -> Option<(Range<usize>, String)> {
        let last = table.get_values().into_iter().max_by_key(|(_, value)| value.span().map(|it| it.start));
        let (at, lead) = match &last {
            Some((keys, value)) => {
                let key = keys.last()?.span()?;
                (self.line_end(value.span()?.end), &self.raw[self.line_start(key.start)..key.start])
            }
            None => (self.line_end(header_of(table)?.end), ""),
        };
        let end = if self.raw[..at].ends_with('\n') { "" } else { "\n" };
        let mut value = value.clone();
        value.decor_mut().clear();
        Some((at..at, format!("{end}{lead}{} = {value}\n", Key::new(key).display_repr())))
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.raw.len()
    }

    /// A header.
    pub(super) fn header(keys: &[String]) -> String {
        let keys: Vec<String> = keys.iter().map(|key| Key::new(key).display_repr().into_owned()).collect();
        format!("[{}]\n", keys.join("."))
    }

    /// The text with other ones at some places.
    pub(super) fn spliced(&self, mut splices: Vec<(Range<usize>, String)>) -> String {
        splices.sort_by_key(|(range, _)| (range.start, range.end));
        let line_end = if self.raw.contains("\r\n") { "\r\n" } else { "\n" };
        let (mut new, mut at) = (String::with_capacity(self.raw.len()), 0);
        for (range, text) in splices {
            new.push_str(&self.raw[at..range.start]);
            new.push_str(&text.replace('\r', "").replace('\n', line_end));
            let is_last = range.end == self.raw.len() && !range.is_empty();
            if is_last && text.is_empty() {
                let kept = new.trim_end().len();
                new.truncate(kept);
                new.push_str(if kept == 0 { "" } else { line_end });
            }
            at = range.end;
        }
        new.push_str(&self.raw[at..]);
        new
    }
}

fn is_blank(line: Option<&str>) -> bool {
    line.is_none_or(|line| line.trim().is_empty())
}

/// The header of a table; none of one that others imply.
fn header_of(table: &Table) -> Option<Range<usize>> {
    table.span().filter(|span| !span.is_empty() && !table.is_dotted() && !table.is_implicit())
}

fn collect(table: &Table, headers: &mut Vec<Range<usize>>, values: &mut Vec<Range<usize>>) {
    headers.extend(header_of(table));
    for (_, item) in table {
        match item {
            Item::None => {}
            Item::Value(value) => values.extend(value.span()),
            Item::Table(inner) => collect(inner, headers, values),
            Item::ArrayOfTables(tables) => tables.iter().for_each(|inner| collect(inner, headers, values)),
        }
    }
}
