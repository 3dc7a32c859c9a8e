/*!
Values of files that are there: changed and taken away where they are written, every other byte kept.

Files are edited as text, at the places that the parser names, since no printed document has the line ends, the blank
lines and the comments of the file as somebody wrote it.

- `text`: which bytes are whose: lines, tables with their comments.
- `cell`: a value that is edited as TOML: what is inside of it by its path.
- `array`: lists, with the comments of their elements; `executions`: those of flows.
- `notation`: the notation that the file has used so far.
*/

mod array;
mod cell;
mod executions;
mod notation;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value as Json;
use toml_edit::{InlineTable, Item, Table, Value};

use self::cell::Op;
use self::text::Text;
use crate::diff::{Takeover, What};
use crate::model::{Address, FieldPath, Origin, Type};

/// What becomes of a project's files.
#[derive(Debug, Default)]
pub struct Edited {
    /// The new text of each file that changes; `None` for one that goes.
    pub files: BTreeMap<PathBuf, Option<String>>,
    /// The takeovers that the files have no place for, by index, and why.
    pub refused: BTreeMap<usize, String>,
}

/// A step into a value.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

/// Why something has no place.
type Refusal = String;

/// Writes takeovers into the files of a project; `subjects` says what each file is about.
pub fn take_over(
    files: &BTreeMap<PathBuf, Vec<u8>>,
    subjects: &BTreeMap<Arc<str>, Address>,
    takeovers: &[Takeover],
) -> Edited {
    let mut edited = Edited::default();
    for (name, holder) in subjects {
        let path = PathBuf::from(&**name);
        let Some(bytes) = files.get(&path) else { continue };
        if takeovers.iter().any(|it| it.what == What::Object && holder.is_within(&it.address)) {
            edited.files.insert(path, None);
            continue;
        }
        let is_here = |it: &Takeover| match it.what {
            What::Object => it.address.is_within(holder),
            What::Value { .. } | What::Gone { .. } => *it.origin.file == **name,
        };
        let here: Vec<(usize, &Takeover)> = takeovers.iter().enumerate().filter(|(_, it)| is_here(it)).collect();
        if here.is_empty() {
            continue;
        }
        let Some(text) = std::str::from_utf8(bytes).ok().and_then(|text| Text::parse(text).ok()) else { continue };
        let mut file = File::new(&text, holder);
        for (index, takeover) in here {
            if let Err(why) = file.take_over(takeover) {
                edited.refused.insert(index, why);
            }
        }
        let new = file.finish();
        if new.as_bytes() != bytes.as_slice() {
            edited.files.insert(path, Some(new));
        }
    }
    edited
}

/// One file under way.
struct File<'a> {
    text: &'a Text<'a>,
    holder: &'a Address,
    /// What happens inside of values, by where these start.
    cells: BTreeMap<usize, Vec<(Vec<Step>, Op)>>,
    /// Values that take the place of others, or nothing's.
    splices: Vec<(Range<usize>, String)>,
    /// Entries that go, by their keys from the root.
    removed: BTreeSet<Vec<String>>,
    /// The tables that are objects, which stay when they are empty.
    objects: BTreeSet<Vec<String>>,
}

impl<'a> File<'a> {
    fn new(text: &'a Text<'a>, holder: &'a Address) -> Self {
        Self {
            text,
            holder,
            cells: BTreeMap::new(),
            splices: Vec::new(),
            removed: BTreeSet::new(),
            objects: BTreeSet::new(),
        }
    }

    fn take_over(&mut self, takeover: &Takeover) -> Result<(), Refusal> {
        let object = self.keys_of(&takeover.address);
        let in_config = |path: &FieldPath| {
            takeover.address.kind().leaf_type(&FieldPath::new([path.top()])) == Type::Executions
                && path.rest().next().is_some()
        };
        match &takeover.what {
            What::Object => {
                if self.text.item(&object).is_some() {
                    self.removed.insert(object);
                }
                Ok(())
            }
            What::Gone { path } if in_config(path) => {
                let (list, steps) = self.config(&object, path, &takeover.origin)?;
                self.inside(&list, steps, Op::Remove)
            }
            What::Gone { path } => {
                let keys = with_fields(object, path);
                if self.text.item(&keys).is_none() {
                    return Err(nowhere(&keys));
                }
                self.removed.insert(keys);
                Ok(())
            }
            What::Value { path, was, now, .. } if in_config(path) => {
                let (list, steps) = self.config(&object, path, &takeover.origin)?;
                let ty = takeover.address.kind().leaf_type(path);
                self.inside(&list, steps, Op::Set { ty, was: was.clone(), now: now.clone() })
            }
            What::Value { path, was, now, configs } => {
                let keys = with_fields(object, path);
                let ty = takeover.address.kind().leaf_type(path);
                let op = match ty {
                    Type::Executions => Op::Executions(Box::new(executions::Change::new(
                        takeover.address.name(),
                        was.clone(),
                        now.clone(),
                        configs,
                    ))),
                    _ => Op::Set { ty, was: was.clone(), now: now.clone() },
                };
                self.set(&keys, op)
            }
        }
    }

    /// The keys of an object's table, those of the objects that it hangs below on the way.
    fn keys_of(&mut self, address: &Address) -> Vec<String> {
        let path: Vec<Address> = std::iter::successors(Some(address.clone()), Address::parent)
            .take_while(|it| it != self.holder && it.parent().is_some())
            .collect();
        let mut keys = Vec::new();
        for step in path.iter().rev() {
            keys.push(step.kind().collection.to_owned());
            if !step.kind().is_singleton() {
                keys.push(step.name().to_owned());
            }
            self.objects.insert(keys.clone());
        }
        keys
    }

    /// Changes the value of an entry.
    fn set(&mut self, keys: &[String], op: Op) -> Result<(), Refusal> {
        let (at, rest, item) = self.text.outermost(keys).ok_or_else(|| nowhere(keys))?;
        match item {
            Item::Value(_) => {
                let rest = rest.iter().cloned().map(Step::Key).collect();
                self.cells.entry(at).or_default().push((rest, op));
                Ok(())
            }
            Item::Table(table) => match op.target() {
                Some(Value::InlineTable(target)) => self.set_table(keys, table, &target),
                _ => Err("the file says it as a table of its own, which has no place for that".to_owned()),
            },
            Item::ArrayOfTables(_) | Item::None => Err(in_tables(keys)),
        }
    }

    /// Changes the entries of a table that is one value.
    fn set_table(&mut self, keys: &[String], table: &Table, target: &InlineTable) -> Result<(), Refusal> {
        let with = |key: &str| [keys, &[key.to_owned()]].concat();
        for (key, _) in table.iter().filter(|(key, _)| !target.contains_key(key)) {
            self.removed.insert(with(key));
        }
        // Its header says that it is there, when nothing else does.
        self.objects.insert(keys.to_vec());
        for (key, value) in target {
            if table.contains_key(key) {
                self.set(&with(key), Op::Put(value.clone()))?;
            } else {
                let new = self.text.new_entry(table, key, value).ok_or("the file has no place for another entry")?;
                self.splices.push(new);
            }
        }
        Ok(())
    }

    /// Changes something inside of a value.
    fn inside(&mut self, keys: &[String], steps: Vec<Step>, op: Op) -> Result<(), Refusal> {
        let (at, rest, item) = self.text.outermost(keys).ok_or_else(|| nowhere(keys))?;
        if !item.is_value() {
            return Err(in_tables(keys));
        }
        let steps = rest.iter().cloned().map(Step::Key).chain(steps).collect();
        self.cells.entry(at).or_default().push((steps, op));
        Ok(())
    }

    /// The list of a flow's executions, and the steps in it to what configures one of them.
    fn config(
        &self,
        object: &[String],
        path: &FieldPath,
        origin: &Origin,
    ) -> Result<(Vec<String>, Vec<Step>), Refusal> {
        let list = [object, &[path.top().to_owned()]].concat();
        let steps = match self.text.item(&list) {
            Some(Item::Value(found)) => steps_to(found, &origin.span),
            Some(_) => return Err(in_tables(&list)),
            None => None,
        };
        let steps = steps.ok_or_else(|| nowhere(&list))?;
        Ok((list, steps))
    }

    /// The file's new text.
    fn finish(mut self) -> String {
        self.prune();
        let mut gone = Vec::new();
        let removed = std::mem::take(&mut self.removed);
        let is_below = |keys: &&Vec<String>| (0..keys.len()).any(|end| removed.contains(&keys[..end]));
        for keys in removed.iter().filter(|keys| !is_below(keys)) {
            let Some((at, rest, item)) = self.text.outermost(keys) else { continue };
            if rest.is_empty() {
                gone.extend(self.text.pieces(keys, item));
            } else {
                let steps = rest.iter().cloned().map(Step::Key).collect();
                self.cells.entry(at).or_default().push((steps, Op::Remove));
            }
        }
        let headers = self.headers(&removed);
        let gone = self.text.ranges(&gone);
        let is_gone = |range: &Range<usize>| gone.iter().any(|it| it.start < range.end && range.start < it.end);
        let cells = self.cells.into_iter().filter_map(|(at, ops)| self.text.cell(at, ops));
        let mut splices: Vec<_> = self.splices.into_iter().chain(cells).filter(|(range, _)| !is_gone(range)).collect();
        splices.extend(gone.iter().map(|range| {
            let kept = headers.iter().filter(|(at, _)| range.contains(at)).map(|(_, header)| header.as_str());
            let kept: Vec<&str> = kept.collect();
            // Another table follows after an empty line.
            let gap = if kept.is_empty() || range.end == self.text.len() { "" } else { "\n" };
            (range.clone(), kept.join("\n") + gap)
        }));
        self.text.spliced(splices)
    }

    /// Tables that only group what goes, go as well.
    fn prune(&mut self) {
        loop {
            let emptied: Vec<Vec<String>> = self
                .removed
                .iter()
                .filter_map(|keys| keys.split_last().map(|(_, above)| above.to_vec()))
                .filter(|above| !above.is_empty() && !self.objects.contains(above) && !self.removed.contains(above))
                .filter(|above| self.is_emptied(above))
                .collect();
            if emptied.is_empty() {
                return;
            }
            self.removed.extend(emptied);
        }
    }

    fn is_emptied(&self, keys: &[String]) -> bool {
        let table = self.text.item(keys).and_then(Item::as_table_like);
        table.is_some_and(|table| {
            table.iter().all(|(key, _)| self.removed.contains(&[keys, &[key.to_owned()]].concat()))
        })
    }

    /// Headers for objects that only the headers of what goes have named so far: by where the first of those is.
    fn headers(&self, removed: &BTreeSet<Vec<String>>) -> Vec<(usize, String)> {
        let is_removed = |keys: &[String]| (0..=keys.len()).any(|end| removed.contains(&keys[..end]));
        let mut headers = Vec::new();
        for keys in self.objects.iter().filter(|keys| !is_removed(keys)) {
            let Some(Item::Table(table)) = self.text.item(keys) else { continue };
            let is_named = !table.is_implicit() || table.is_dotted();
            let is_left = |key: &str| !removed.contains(&[keys, &[key.to_owned()][..]].concat());
            if is_named || table.iter().any(|(key, _)| is_left(key)) {
                continue;
            }
            let first = self.text.pieces(keys, self.text.item(keys).unwrap_or(&Item::None)).into_iter();
            if let Some(at) = first.map(|piece| piece.start()).min() {
                headers.push((at, Text::header(keys)));
            }
        }
        headers
    }
}

fn with_fields(mut object: Vec<String>, path: &FieldPath) -> Vec<String> {
    object.extend(path.parts().map(str::to_owned));
    object
}

/// The way to the entry of a value whose key is at a place of the file.
fn steps_to(value: &Value, key: &Range<usize>) -> Option<Vec<Step>> {
    let found = |step: Step, steps: Vec<Step>| std::iter::once(step).chain(steps).collect();
    match value {
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| Some(found(Step::Index(index), steps_to(item, key)?)))
        }
        Value::InlineTable(table) => table.iter().find_map(|(name, inner)| {
            let is_it = table.key(name).and_then(toml_edit::Key::span).as_ref() == Some(key);
            let steps = if is_it { Vec::new() } else { steps_to(inner, key)? };
            Some(found(Step::Key(name.to_owned()), steps))
        }),
        _ => None,
    }
}

fn nowhere(keys: &[String]) -> Refusal {
    format!("`{}` was not found in the file", keys.join("."))
}

fn in_tables(keys: &[String]) -> Refusal {
    format!("the file says it as [[{}]] tables, which are left as they are", keys.join("."))
}

/// TOML as JSON, for comparing; a date is its text.
fn json(value: &Value) -> Json {
    match value {
        Value::Boolean(it) => (*it.value()).into(),
        Value::Integer(it) => (*it.value()).into(),
        Value::Float(it) => (*it.value()).into(),
        Value::String(it) => it.value().as_str().into(),
        Value::Datetime(it) => it.value().to_string().into(),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::InlineTable(table) => table.iter().map(|(key, value)| (key.to_owned(), json(value))).collect(),
    }
}
