//! What the files want.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::{Address, Destination, FieldPath, Intended, Kind, Placement, RealmName, SecretRef, kinds};

/// Everything the files of a project want, resolved: nothing later re-checks it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// By realm name.
    pub realms: BTreeMap<RealmName, DesiredRealm>,
    /// Where realms hand over that were left out.
    pub elsewhere: BTreeSet<Destination>,
}

/// What the files want of one realm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DesiredRealm {
    /// The realm itself (always there) and every declared object.
    pub objects: BTreeMap<Address, DesiredObject>,
    /// What happens to objects that are no longer, or were never, declared.
    pub prune: PruneRules,
    /// On which server of a fleet it is.
    pub placement: Placement,
    /// What is handed over, and where to; `None` where only a part of the realm is wanted, and nobody looked.
    pub outputs: Option<BTreeMap<Destination, Intended>>,
}

/// One declared object.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredObject {
    /// What it is.
    pub kind: &'static Kind,
    /// Where it is declared first.
    pub origin: Origin,
    /// The declared leaves in canonical form, shared so that a part of a realm is cheap to make.
    pub fields: Arc<BTreeMap<FieldPath, Declared>>,
    /// How its life is guarded.
    pub lifecycle: Lifecycle,
}

/// One declared leaf.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// What is wanted.
    pub value: Value,
    /// Where it is written.
    pub origin: Origin,
}

/// A wanted value in canonical form: as Keycloak's JSON has it, sets sorted, text where Keycloak stores text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A plain value. `""`, `[]` and `null` mean that the field is empty.
    Json(serde_json::Value),
    /// A secret, by reference.
    Secret(SecretRef),
}

/// A place in a file.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The file, relative to the project folder, with `/`.
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    /// Bytes of the file.
    pub span: Range<usize>,
    /// Where the file, which is a blueprint's, is used.
    pub via: Option<Arc<Origin>>,
}

/// The folder of a project in which each environment has a folder of its own, with what it says otherwise.
pub const ENVIRONMENTS: &str = "environments";

/// How little a place counts beside others that say the same: the lowest one is in force. Files count more than blueprints,
/// these more than those that they use, and at the same depth an environment more than what it lies over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// How many blueprints lie between the place and the files that use them.
    depth: usize,
    is_of_all_environments: bool,
}

impl Origin {
    /// How little the place counts.
    pub fn rank(&self) -> Rank {
        let depth = std::iter::successors(self.via.as_deref(), |origin| origin.via.as_deref()).count();
        Rank { depth, is_of_all_environments: lies_over(&self.used_in().file).is_none() }
    }

    /// The place in the realm's own files: this one, or where the blueprint is used that it is of.
    pub fn used_in(&self) -> &Self {
        std::iter::successors(Some(self), |origin| origin.via.as_deref()).last().unwrap_or(self)
    }
}

/// The file of all environments that one of a single environment lies over: `acme/realm.toml` of
/// `environments/staging/acme/realm.toml`; `None` for one of all environments.
pub fn lies_over(file: &str) -> Option<&str> {
    let (environment, rest) = file.split_once('/')?;
    let (_, file) = rest.split_once('/').filter(|_| environment == ENVIRONMENTS)?;
    Some(file)
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl std::fmt::Display for Origin {
    /// `customer-acme/realm.toml:12`, `blueprints/customer/realm.toml:7 (acme/realm.toml:2)`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        match &self.via {
            Some(via) => write!(f, " ({via})"),
            None => Ok(()),
        }
    }
}

/// The `lifecycle` table of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// A plan that would delete or replace it is refused.
    pub prevent_destroy: bool,
    /// Fields that are set at creation and left to the server afterwards.
    pub ignore: Vec<FieldPath>,
    /// The name that it had before: it is renamed in place.
    pub renamed_from: Option<String>,
}

/// What happens to objects that are not declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prune {
    /// Nothing is deleted; objects that left the files are forgotten.
    None,
    /// What this project created or adopted and no longer declares is deleted.
    #[default]
    Managed,
    /// Everything that is not declared is deleted, except what every realm has; users only where the rule names them.
    All,
}

/// `prune = "managed"`, or a table by collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneRules {
    /// For kinds that are not named.
    pub default: Prune,
    /// By collection of the realm: `clients`, `roles`, …; holds for what hangs below, too.
    pub by_collection: BTreeMap<String, Prune>,
}

impl PruneRules {
    /// Whether anything is deleted that nobody ever declared.
    pub fn sweeps(&self) -> bool {
        self.default == Prune::All || self.by_collection.values().any(|rule| *rule == Prune::All)
    }

    /// The rule for an object, by the collection at the top of its address.
    pub fn rule(&self, address: &Address) -> Prune {
        let collection = address.collection();
        let default = match self.default {
            // Whoever wants everything as the files say does not mean the people who signed up since.
            Prune::All if collection == Some(kinds::USER.collection) => Prune::Managed,
            rule => rule,
        };
        collection.and_then(|name| self.by_collection.get(name)).copied().unwrap_or(default)
    }
}
