//! `[blueprints]` of the project file: blueprints that are not in the project.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use crate::desired::layout::{BLUEPRINTS, PROJECT_FILE};
use crate::desired::parse::{Entry, Parsed, entries, entry};
use crate::desired::problem::Problem;
use crate::desired::project::Reader;
use crate::desired::source::Place;
use crate::git::{Commit, Remote};
use crate::model::Origin;

const SOURCE: &[&str] = &["path", "git", "ref"];

/// Where a blueprint comes from that is not in the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlueprintSource {
    /// A folder, relative to the project's.
    Folder(PathBuf),
    /// A folder of a git repository.
    Git(GitSource),
}

/// A blueprint of a git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitSource {
    /// The repository; a path is relative to the project's folder.
    pub remote: Remote,
    /// A branch, a tag or the full id of a commit; what the repository is at by itself where it is not said.
    pub reference: Option<String>,
    /// The folder in it.
    pub folder: PathBuf,
}

impl GitSource {
    /// The commit, where the project file itself says it.
    pub fn commit(&self) -> Option<Commit> {
        let id = self.reference.as_deref().filter(|reference| is_commit(reference))?;
        Some(Commit { id: id.to_ascii_lowercase() })
    }
}

impl fmt::Display for BlueprintSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Git(git) => write!(f, "{git}"),
        }
    }
}

impl fmt::Display for GitSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { remote, reference, folder } = self;
        if !folder.as_os_str().is_empty() {
            write!(f, "{} of ", folder.display())?;
        }
        write!(f, "{remote}")?;
        reference.iter().try_for_each(|reference| write!(f, " ({reference})"))
    }
}

/// A source, and where the project file says it.
#[derive(Clone, Debug)]
pub struct PlacedSource {
    /// Where the blueprint comes from.
    pub source: BlueprintSource,
    place: Place,
}

impl PlacedSource {
    /// Something that is wrong with it.
    pub fn problem(&self, message: String, label: &str, help: Option<String>) -> Problem {
        Problem::error(message).at(self.place.clone(), label).maybe_help(help)
    }

    /// Where it is written.
    pub fn origin(&self) -> Origin {
        self.place.origin()
    }
}

/// The blueprints that are not in the project, as far as the project file can be read: [`load`](crate::desired::load)
/// reports what is wrong with it.
pub fn sources(files: &BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<String, PlacedSource> {
    let file = files.get(Path::new(PROJECT_FILE));
    let Some(parsed) = file.and_then(|file| Parsed::new(Path::new(PROJECT_FILE), file).ok()) else {
        return BTreeMap::new();
    };
    let mut problems = Vec::new();
    let mut reader = Reader::new(&parsed.source, &mut problems);
    entry(parsed.root(), BLUEPRINTS).map(|entry| read(&mut reader, &entry)).unwrap_or_default()
}

/// Reads the table.
pub(in crate::desired) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> BTreeMap<String, PlacedSource> {
    let Some(table) = reader.table(entry) else { return BTreeMap::new() };
    entries(table).filter_map(|entry| Some((entry.name.to_owned(), source(reader, &entry)?))).collect()
}

fn source(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<PlacedSource> {
    if !reader.is_folder_name(entry, "a blueprint", BLUEPRINTS) {
        return None;
    }
    let table = reader.table(entry)?;
    let place = reader.place(entry);
    let before = reader.problems.len();
    let (mut remote, mut reference, mut path) = (None, None, None);
    let is_git = table.get("git").is_some();
    for entry in entries(table) {
        match entry.name {
            "git" => remote = git(reader, &entry),
            "ref" => reference = name(reader, &entry),
            "path" => path = folder(reader, &entry, is_git),
            _ => reader.unknown("a blueprint from elsewhere", &entry, SOURCE),
        }
    }
    if reader.problems.len() > before {
        return None;
    }
    let source = match (remote, reference, path) {
        (Some(remote), reference, path) => {
            BlueprintSource::Git(GitSource { remote, reference, folder: path.unwrap_or_default() })
        }
        (None, None, Some(path)) => BlueprintSource::Folder(path),
        (None, reference, _) => {
            let problem = Problem::error(format!("nothing says where the blueprint `{}` is", entry.name))
                .at(place, if reference.is_some() { "expected `git = \"https://…\"` beside `ref`" } else { "expected `path` or `git`" })
                .help(format!(
                    "write path = \"../folder\", or git = \"https://…\" with ref = \"v1\"; one of the project is a folder \
                     {BLUEPRINTS}/{}, and needs nothing here",
                    entry.name
                ));
            reader.problems.push(problem);
            return None;
        }
    };
    Some(PlacedSource { source, place })
}

fn git(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Remote> {
    let text = reader.text(entry)?;
    match Remote::parse(&text) {
        Ok(remote) => Some(remote),
        Err(expected) => {
            let problem = Problem::error("this is no address of a git repository").at(reader.place(entry), expected);
            reader.problems.push(problem);
            None
        }
    }
}

/// A branch, a tag or a commit, which git must not take for anything else.
fn name(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<String> {
    let text = reader.text(entry)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._/+@".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return Some(text);
    }
    let problem = Problem::error("this is no branch, tag or commit")
        .at(reader.place(entry), "expected a name such as \"v1.4\", or the full id of a commit");
    reader.problems.push(problem);
    None
}

/// A folder: of the repository, or relative to the project's.
fn folder(reader: &mut Reader<'_>, entry: &Entry<'_>, of_git: bool) -> Option<PathBuf> {
    let text = reader.text(entry)?;
    let path = Path::new(&text);
    let is_plain = |part: Component<'_>| match part {
        Component::Normal(_) | Component::CurDir => true,
        Component::ParentDir => !of_git,
        Component::RootDir | Component::Prefix(_) => false,
    };
    if !text.is_empty() && path.components().all(is_plain) {
        // With `/` between its parts, and without those that stay where they are.
        return Some(path.components().filter(|part| *part != Component::CurDir).collect());
    }
    let expected =
        if of_git { "expected a folder of the repository" } else { "expected a path relative to the project" };
    let problem = Problem::error("this is no folder to take a blueprint from").at(reader.place(entry), expected);
    reader.problems.push(problem);
    None
}

/// Whether this is the full id of a commit.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit())
}
