//! `realmform.lock.toml`: the commits of blueprints from git.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::source::{GitSource, is_commit};
use crate::desired::layout::{BLUEPRINTS, LOCK_FILE};
use crate::desired::parse::{Entry, Parsed, entries, entry};
use crate::desired::problem::{Problem, Problems};
use crate::desired::project::Reader;
use crate::git::Commit;
use crate::model::Origin;

const LOCKED: &[&str] = &["git", "ref", "commit"];

/// What the lock file says, by blueprint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock(pub BTreeMap<String, Locked>);

/// The commit of one blueprint.
#[derive(Clone, Debug, PartialEq)]
pub struct Locked {
    /// What the project file said of the repository.
    pub git: String,
    /// What it said of the branch or tag.
    pub reference: Option<String>,
    /// What that was.
    pub commit: Commit,
    /// Where the commit is written; `None` where it is not written yet.
    pub origin: Option<Origin>,
}

impl Lock {
    /// Reads the lock file of these files; nothing is locked where there is none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(files: &BTreeMap<PathBuf, Vec<u8>>) -> Result<Self, Problems> {
        let path = Path::new(LOCK_FILE);
        let Some(file) = files.get(path) else { return Ok(Self::default()) };
        let mut problems = Vec::new();
        let mut locked = BTreeMap::new();
        match Parsed::new(path, file) {
            Ok(parsed) => {
                let mut reader = Reader::new(&parsed.source, &mut problems);
                let table = entry(parsed.root(), BLUEPRINTS).and_then(|entry| reader.table(&entry));
                for entry in table.into_iter().flat_map(entries) {
                    locked.extend(read(&mut reader, &entry).map(|it| (entry.name.to_owned(), it)));
                }
            }
            Err(problem) => problems.push(problem),
        }
        let help = "`realmform update` writes it; if a merge left it like this, delete it and run that";
        let problems: Vec<Problem> = problems.into_iter().map(|problem| problem.help(help)).collect();
        if problems.is_empty() { Ok(Self(locked)) } else { Err(Problems(problems)) }
    }

    /// The commit of a blueprint, where it is locked for what the project file says now.
    pub fn of(&self, name: &str, source: &GitSource) -> Option<&Locked> {
        let GitSource { remote, reference, folder: _ } = source;
        self.0.get(name).filter(|locked| locked.git == remote.to_string() && locked.reference == *reference)
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("# Written by `realmform update`. Commit it: it says which commits blueprints are taken from.\n")?;
        for (name, Locked { git, reference, commit, origin: _ }) in &self.0 {
            let text = toml_edit::Value::from;
            write!(f, "\n[{BLUEPRINTS}.{}]\ngit = {}\n", toml_edit::Key::new(name), text(git.as_str()))?;
            reference.iter().try_for_each(|reference| writeln!(f, "ref = {}", text(reference.as_str())))?;
            writeln!(f, "commit = {}", text(commit.id.as_str()))?;
        }
        Ok(())
    }
}

fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Locked> {
    let (mut git, mut reference, mut commit) = (None, None, None);
    let before = reader.problems.len();
    for entry in entries(reader.table(entry)?) {
        match entry.name {
            "git" => git = reader.text(&entry),
            "ref" => reference = reader.text(&entry),
            "commit" => {
                let id = entry.node.as_text().filter(|id| is_commit(id));
                let id = reader.expect(&entry, "the full id of a commit", id.map(str::to_ascii_lowercase));
                commit = id.map(|id| (Commit { id }, reader.place(&entry).origin()));
            }
            _ => reader.unknown("a locked blueprint", &entry, LOCKED),
        }
    }
    let (Some(git), Some((commit, origin))) = (git, commit) else {
        if reader.problems.len() > before {
            return None;
        }
        let problem = Problem::error(format!("nothing says which commit the blueprint `{}` is", entry.name))
            .at(reader.place(entry), "expected `git` and `commit`");
        reader.problems.push(problem);
        return None;
    };
    Some(Locked { git, reference, commit, origin: Some(origin) })
}
