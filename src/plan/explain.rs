//! Who is behind a change: the commits that last touched what files say, and the people who changed what servers have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value as Json;

use super::{Plan, RealmPlan};
use crate::diff::{Cause, Change, Unreadable};
use crate::fleet::Survey;
use crate::git::{Touch, Touches};
use crate::keycloak::{Culprit, Culprits};
use crate::model::{Address, Declared, FieldPath, Origin, RealmName, Record, Value};

/// What is known around a plan: who is behind its changes, and where its realms are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanations {
    /// The commits, by file and line.
    pub touches: Touches,
    /// The people, by realm.
    pub culprits: BTreeMap<RealmName, Culprits>,
    /// Why what was applied last to a realm cannot be read, where that would tell more.
    pub unreadable: BTreeMap<RealmName, Unreadable>,
    /// On which of several servers the realms are, and go.
    pub survey: Option<Survey>,
}

impl Explanations {
    /// The commit that last touched a line.
    pub fn touch(&self, origin: Option<&Origin>) -> Option<&Touch> {
        let origin = origin?;
        self.touches.get(std::path::Path::new(&*origin.file))?.get(&origin.line)
    }

    /// Who changed an object on the server.
    pub fn culprit(&self, address: &Address) -> Option<&Culprit> {
        self.culprits.get(address.realm_name())?.by_address.get(address)
    }
}

impl Plan {
    /// The lines of the files that changes come from.
    pub fn lines(&self) -> BTreeMap<PathBuf, BTreeSet<u32>> {
        let mut lines: BTreeMap<PathBuf, BTreeSet<u32>> = BTreeMap::new();
        let changes = self.realms.values().flat_map(|realm| &realm.diff.changes);
        let fields = changes.flat_map(|change| {
            let edited = change.fields.iter().filter(|field| is_edit(field.cause));
            edited.filter_map(|field| field.origin.as_ref()).chain(&change.origin)
        });
        for Origin { file, line, .. } in fields {
            lines.entry(PathBuf::from(&**file)).or_default().insert(*line);
        }
        lines
    }
}

impl RealmPlan {
    /// Whether what was applied last would tell more about the changes.
    pub fn lacks_base(&self) -> bool {
        let unexplained = |change: &Change| change.fields.iter().any(|field| field.cause == Cause::Unexplained);
        self.diff.changes.iter().any(|change| change.is_deletion() || unexplained(change))
    }

    /// The objects that somebody changed on the server.
    pub fn moved(&self) -> Vec<&Address> {
        let moved = self.diff.changes.iter().filter(|change| has_moved(change));
        moved.map(|change| &change.address).collect()
    }
}

/// Whether the files are behind it.
pub fn is_edit(cause: Cause) -> bool {
    matches!(cause, Cause::Edit | Cause::Both)
}

/// Whether somebody at the server is behind some of it.
pub fn has_moved(change: &Change) -> bool {
    change.fields.iter().any(|field| matches!(field.cause, Cause::Drift | Cause::Both | Cause::Unexplained))
}

/// Everything that is known of one object.
#[derive(Debug)]
pub struct Story {
    /// The object.
    pub address: Address,
    /// Where it is declared; `None` where it is not.
    pub origin: Option<Origin>,
    /// Whether the server has it; `None` where the realm itself is not there.
    pub exists: Option<bool>,
    /// What this project applied last to its realm: the record without its objects.
    pub applied: Option<Record>,
    /// Whether that record names the object.
    pub is_recorded: bool,
    /// Other projects whose records name it.
    pub other_projects: Vec<String>,
    /// Who changed it on the server last, since it was applied.
    pub culprit: Option<Culprit>,
    /// Why nobody can tell.
    pub culprit_unknown: Option<&'static str>,
    /// Its leaves, by their paths.
    pub leaves: Vec<LeafStory>,
}

/// Everything that is known of one leaf.
#[derive(Debug)]
pub struct LeafStory {
    /// Which.
    pub path: FieldPath,
    /// What the files say, and where.
    pub declared: Option<Declared>,
    /// The commit that last touched that line.
    pub touch: Option<Touch>,
    /// Whether this project's record names it.
    pub is_recorded: bool,
    /// What the files said when they were applied last, where that can be read.
    pub applied: Option<Value>,
    /// What the server has.
    pub live: Side,
    /// What Keycloak gives by itself.
    pub default: Option<Json>,
    /// Other projects whose records name it.
    pub other_projects: Vec<String>,
    /// What the next apply would do to it: why, where there is anything to do.
    pub cause: Option<Cause>,
}

/// A leaf of the server's as it may be shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Side {
    /// It has none.
    Absent,
    /// A plain value.
    Value(Json),
    /// A secret, readable or not.
    Secret,
}
