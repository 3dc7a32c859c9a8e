//! What a server had when a plan was made, and what of it moved since.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Digest, Kept};
use crate::diff::{After, Before, Change, FieldChange, means_the_same};
use crate::model::{Address, FieldPath, LiveObject, LiveRealm, LiveValue, RealmName, Record, SecretRef, Value, Write};
use crate::plan::RealmPlan;
use crate::secrets::Fingerprint;

/// What a server had of a realm, as far as a plan changes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Whether the realm was there.
    pub exists: bool,
    /// The digest of this project's record, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The digests of other projects' records, by project.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other_records: BTreeMap<String, String>,
    /// The planned objects that were there, by their addresses within the realm.
    pub objects: BTreeMap<String, SeenObject>,
}

/// What a server had of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SeenObject {
    /// Keycloak's id: one that was deleted and made again is another.
    pub id: String,
    /// Its leaves; those that only the server writes are left out.
    #[schemars(with = "Vec<(Vec<String>, Print)>")]
    pub leaves: Vec<(FieldPath, Print)>,
}

/// What is kept of a leaf of the server's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Print {
    /// A value that the files declare.
    Value(Json),
    /// The digest of a value that is none of the files' business, salted with the address and path: it may be anything.
    Digest(String),
    /// The fingerprint of a secret.
    #[schemars(with = "String")]
    Fingerprint(Fingerprint),
    /// A secret that the server hides.
    Hidden,
}

/// Why a saved plan is not carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Stale {
    /// Its time is over.
    Expired(Timestamp),
    /// It is another project's.
    Project {
        /// The project of the plan.
        then: String,
        /// The project here.
        now: String,
    },
    /// It was made for another environment.
    Environment {
        /// The environment of the plan.
        then: String,
        /// The environment here.
        now: String,
    },
    /// The files are those of another commit, or none at all.
    Commit {
        /// The commit of the plan.
        then: String,
        /// The commit here.
        now: String,
    },
    /// The files of the same commit differ.
    Files,
    /// It was made for another server.
    Server {
        /// The server of the plan.
        then: String,
        /// The server here.
        now: String,
    },
    /// The server was updated.
    Version {
        /// The version of then.
        then: String,
        /// The version of now.
        now: String,
    },
    /// A secret that it writes is another one.
    Secret(SecretRef),
    /// A realm that it changes is gone.
    RealmGone(RealmName),
    /// A realm that it makes is there.
    RealmMade(RealmName),
    /// A project applied something to a realm that it changes.
    Applied {
        /// The realm.
        realm: RealmName,
        /// The project; `None` for this one.
        project: Option<String>,
        /// The commit, where there was one.
        commit: Option<String>,
    },
    /// An object that it changes is not what it was.
    Moved {
        /// The object.
        address: Address,
        /// How.
        how: Moved,
    },
}

/// How an object moved.
#[derive(Clone, Debug, PartialEq)]
pub enum Moved {
    /// It is there, and was not.
    Made,
    /// It was there, and is not.
    Gone,
    /// It was deleted, and made again.
    Replaced,
    /// Leaves of it differ.
    Leaves(Vec<MovedLeaf>),
}

/// A leaf that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct MovedLeaf {
    /// Which.
    pub path: FieldPath,
    /// What it was and what it is, where that may be shown: absent is `None`.
    pub values: Option<(Option<Json>, Option<Json>)>,
}

impl Seen {
    /// What the server has of a realm by now; `None` for one that is not there. `kept` are the declared leaves that the
    /// plan leaves as they are.
    pub fn of(realm: Option<&LiveRealm>, plan: &RealmPlan, kept: &Kept) -> Self {
        let Some(live) = realm else { return Self::default() };
        let objects = plan.diff.changes.iter().filter_map(|change| {
            let object = live.objects.get(&change.address)?;
            let leaves = compared(object).map(|(path, value)| (path.clone(), print(plan, kept, change, path, value)));
            let seen = SeenObject { id: object.id.clone(), leaves: leaves.collect() };
            Some((change.address.within_realm(), seen))
        });
        Self {
            exists: true,
            record: live.record.as_ref().map(digest_of),
            other_records: live.other_records.iter().map(|(name, it)| (name.clone(), digest_of(it))).collect(),
            objects: objects.collect(),
        }
    }

    /// What moved in a realm since it was looked at.
    pub fn moved(&self, realm: &RealmName, plan: &RealmPlan, now: Option<&LiveRealm>) -> Vec<Stale> {
        let now = match (self.exists, now) {
            (false, None) => return Vec::new(),
            (false, Some(_)) => return vec![Stale::RealmMade(realm.clone())],
            (true, None) => return vec![Stale::RealmGone(realm.clone())],
            (true, Some(now)) => now,
        };
        let mut stale = self.applied(realm, now);
        stale.extend(plan.diff.changes.iter().filter_map(|change| {
            let then = self.objects.get(&change.address.within_realm());
            let then = then.map(|then| (then.id.as_str(), then.leaves.iter().cloned().collect()));
            let now = now.objects.get(&change.address).map(|now| {
                let leaves = compared(now).map(|(path, value)| (path.clone(), value.clone()));
                (now.id.as_str(), leaves.collect())
            });
            moved(change, then, now)
        }));
        stale
    }

    fn applied(&self, realm: &RealmName, live: &LiveRealm) -> Vec<Stale> {
        let applied = |project: Option<&String>, record: Option<&Record>| Stale::Applied {
            realm: realm.clone(),
            project: project.cloned(),
            commit: record.and_then(|record| record.commit.clone()),
        };
        let mut stale = Vec::new();
        if self.record != live.record.as_ref().map(digest_of) {
            stale.push(applied(None, live.record.as_ref()));
        }
        let projects: BTreeSet<&String> = self.other_records.keys().chain(live.other_records.keys()).collect();
        for project in projects {
            let record = live.other_records.get(project);
            if self.other_records.get(project) != record.map(digest_of).as_ref() {
                stale.push(applied(Some(project), record));
            }
        }
        stale
    }
}

/// Leaves that a plan is to change and that are no longer what it takes them for: the server moved while it was made.
pub fn moved_before(plan: &RealmPlan, now: &LiveRealm) -> Vec<Stale> {
    let renames = plan.renames();
    let moved = plan.diff.changes.iter().filter_map(|change| {
        let leaves = moved_leaves(change, change.fields.iter(), renames, now.objects.get(&change.address)?);
        (!leaves.is_empty()).then(|| Stale::Moved { address: change.address.clone(), how: Moved::Leaves(leaves) })
    });
    moved.collect()
}

/// The same of some leaves of one object; whether its plan `renames` anything.
pub fn moved_leaves<'a>(
    change: &Change,
    fields: impl Iterator<Item = &'a FieldChange>,
    renames: bool,
    now: &LiveObject,
) -> Vec<MovedLeaf> {
    // A plan with renames has names as they will be.
    let is_told = |field: &&FieldChange| !renames || change.kind.names(&field.path).is_none();
    let leaves = fields.filter(is_told).filter_map(|field| match &field.before {
        Before::Json(then) => {
            moved_leaf(change, &field.path, Some(&LiveValue::Json(then.clone())), now.fields.get(&field.path))
        }
        Before::Absent | Before::Secret => None,
    });
    leaves.collect()
}

/// What moved of the declared leaves of a realm since this very run read it.
pub fn moved_since(
    realm: &RealmName,
    plan: &RealmPlan,
    kept: &Kept,
    then: &LiveRealm,
    now: Option<&LiveRealm>,
) -> Vec<Stale> {
    let Some(now) = now else { return vec![Stale::RealmGone(realm.clone())] };
    let stale = plan.diff.changes.iter().filter(|change| !change.is_deletion()).filter_map(|change| {
        let declared = |object: &'_ LiveObject| {
            let leaves = compared(object).filter(|(path, _)| is_declared(plan, change, path));
            leaves.map(|(path, value)| (path.clone(), value.clone())).collect::<BTreeMap<_, _>>()
        };
        let [then, now] = [then, now].map(|realm| realm.objects.get(&change.address));
        let (then, now) = (then.map(|it| (it.id.as_str(), declared(it))), now.map(|it| (it.id.as_str(), declared(it))));
        let mut stale = moved(change, then, now)?;
        if let Stale::Moved { how: Moved::Leaves(leaves), .. } = &mut stale {
            for leaf in leaves.iter_mut().filter(|leaf| is_secret(kept, change, &leaf.path)) {
                leaf.values = None;
            }
        }
        Some(stale)
    });
    stale.collect()
}

/// What is known of a leaf as it was.
trait Then {
    fn is(&self, change: &Change, path: &FieldPath, now: &LiveValue) -> bool;
    /// The value, where it may be shown.
    fn shown(&self) -> Option<&Json>;
}

impl Then for Print {
    fn is(&self, change: &Change, path: &FieldPath, now: &LiveValue) -> bool {
        match (self, now) {
            (Self::Hidden, LiveValue::Masked) => true,
            (Self::Value(then), LiveValue::Json(now)) => {
                then == now || means_the_same(change.kind, path, Some(then), now)
            }
            (Self::Digest(then), LiveValue::Json(now)) => *then == salted(change, path, now),
            (Self::Fingerprint(then), LiveValue::Secret(now)) => then.matches(now),
            (Self::Fingerprint(then), LiveValue::Json(now)) => then.matches(&text_of(now)),
            _ => false,
        }
    }

    fn shown(&self) -> Option<&Json> {
        match self {
            Self::Value(value) => Some(value),
            Self::Digest(_) | Self::Fingerprint(_) | Self::Hidden => None,
        }
    }
}

impl Then for LiveValue {
    fn is(&self, change: &Change, path: &FieldPath, now: &LiveValue) -> bool {
        match (self, now) {
            (Self::Json(then), Self::Json(now)) => then == now || means_the_same(change.kind, path, Some(then), now),
            (then, now) => then == now,
        }
    }

    fn shown(&self) -> Option<&Json> {
        match self {
            Self::Json(value) => Some(value),
            Self::Secret(_) | Self::Masked => None,
        }
    }
}

/// An object by its id and its leaves.
type Object<'a, T> = Option<(&'a str, BTreeMap<FieldPath, T>)>;

fn moved<T: Then>(change: &Change, then: Object<'_, T>, now: Object<'_, LiveValue>) -> Option<Stale> {
    let how = match (then, now) {
        (None, None) => return None,
        (None, Some(_)) => Moved::Made,
        (Some(_), None) => Moved::Gone,
        (Some((then, _)), Some((now, _))) if then != now => Moved::Replaced,
        (Some((_, then)), Some((_, now))) => {
            let paths: BTreeSet<&FieldPath> = then.keys().chain(now.keys()).collect();
            let leaves = paths.into_iter().filter_map(|path| moved_leaf(change, path, then.get(path), now.get(path)));
            Moved::Leaves(leaves.collect())
        }
    };
    (how != Moved::Leaves(Vec::new())).then(|| Stale::Moved { address: change.address.clone(), how })
}

fn moved_leaf<T: Then>(
    change: &Change,
    path: &FieldPath,
    then: Option<&T>,
    now: Option<&LiveValue>,
) -> Option<MovedLeaf> {
    let same = match (then, now) {
        (None, None) => true,
        (Some(then), Some(now)) => then.is(change, path, now),
        _ => false,
    };
    (!same).then(|| MovedLeaf { path: path.clone(), values: values(then, now) })
}

/// What may be shown of a leaf that moved: it was plain and declared, and is plain or gone.
fn values(then: Option<&impl Then>, now: Option<&LiveValue>) -> Option<(Option<Json>, Option<Json>)> {
    let then = then?.shown()?.clone();
    match now {
        Some(LiveValue::Secret(_) | LiveValue::Masked) => None,
        now => Some((Some(then), now.and_then(Then::shown).cloned())),
    }
}

fn print(plan: &RealmPlan, kept: &Kept, change: &Change, path: &FieldPath, value: &LiveValue) -> Print {
    match value {
        LiveValue::Masked => Print::Hidden,
        LiveValue::Secret(value) => Print::Fingerprint(Fingerprint::of(value)),
        LiveValue::Json(value) if is_secret(kept, change, path) => Print::Fingerprint(Fingerprint::of(&text_of(value))),
        LiveValue::Json(value) if is_declared(plan, change, path) => Print::Value(value.clone()),
        LiveValue::Json(value) => Print::Digest(salted(change, path, value)),
    }
}

/// Whether the leaf is the files' business, or was.
fn is_declared(plan: &RealmPlan, change: &Change, path: &FieldPath) -> bool {
    plan.diff.managed.get(&change.address).is_some_and(|leaves| leaves.contains(path))
        || change.fields.iter().any(|field| field.path == *path)
}

/// Whether the files have a secret there, or had one: the server may show it in plain.
fn is_secret(kept: &Kept, change: &Change, path: &FieldPath) -> bool {
    let is_kept = kept.get(&change.address).and_then(|leaves| leaves.get(path));
    let is_changed =
        |field: &FieldChange| matches!(field.before, Before::Secret) || matches!(field.after, After::Secret(_));
    matches!(is_kept, Some(Value::Secret(_)))
        || change.fields.iter().any(|field| field.path == *path && is_changed(field))
}

fn text_of(value: &Json) -> SecretString {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).into()
}

/// The leaves that somebody may have changed.
fn compared(object: &LiveObject) -> impl Iterator<Item = (&FieldPath, &LiveValue)> {
    object.fields.iter().filter(|(path, _)| object.kind.write(path) != Write::Server)
}

fn salted(change: &Change, path: &FieldPath, value: &Json) -> String {
    Digest::of(&[&change.address.to_string(), &path.to_string(), &value.to_string()])
}

fn digest_of(record: &Record) -> String {
    Digest::of(&[&record.encode()])
}
