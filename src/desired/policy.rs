//! `[policy]` of the project file: what a plan may do. An entry that guards nothing is an error.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use super::parse::{Entry, Shape, entries};
use super::paths::{self, PathRule};
use super::problem::Problem;
use super::project::Reader;
use super::source::Place;
use super::suggest::did_you_mean;
use crate::model::{Address, Kind, kinds};

const POLICY: &[&str] = &["protectedRealms", "preventDestroy", "breakGlass", "deleteLimit", "paths", "requireClean"];
const DELETE_LIMIT: &[&str] = &["percent", "objects", "kinds"];

/// What a plan may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Realms that are never changed; `master` unless said otherwise.
    pub protected_realms: Vec<String>,
    /// Addresses that are never deleted without consent; `*` stands for any text.
    pub prevent_destroy: Vec<String>,
    /// Accounts for emergencies, which lose nothing.
    pub break_glass: Vec<Address>,
    /// How much of a realm one plan may delete.
    pub delete_limit: DeleteLimit,
    /// Which files may declare what; of those that match a file the last counts.
    pub paths: Vec<PathRule>,
    /// Apply refuses when the work tree differs from the commit.
    pub require_clean: bool,
}

/// How much of a realm one plan may delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteLimit {
    /// The largest part of the managed objects, in percent.
    pub percent: u8,
    /// The largest number of objects.
    pub objects: Option<usize>,
    /// The largest number of objects of each collection of the realm.
    pub kinds: BTreeMap<String, usize>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            protected_realms: vec!["master".to_owned()],
            prevent_destroy: Vec::new(),
            break_glass: Vec::new(),
            delete_limit: DeleteLimit::default(),
            paths: Vec::new(),
            require_clean: false,
        }
    }
}

impl Default for DeleteLimit {
    fn default() -> Self {
        Self { percent: 30, objects: None, kinds: BTreeMap::new() }
    }
}

/// Reads the table.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Policy {
    let mut policy = Policy::default();
    let Some(table) = reader.table(entry) else { return policy };
    for entry in entries(table) {
        match entry.name {
            "protectedRealms" => policy.protected_realms = reader.texts(&entry),
            "preventDestroy" => policy.prevent_destroy = patterns(reader, &entry),
            "breakGlass" => policy.break_glass = users(reader, &entry),
            "deleteLimit" => policy.delete_limit = delete_limit(reader, &entry),
            "paths" => policy.paths = paths::read(reader, &entry),
            "requireClean" => policy.require_clean = reader.boolean(&entry).unwrap_or_default(),
            _ => reader.unknown("`policy`", &entry, POLICY),
        }
    }
    policy
}

fn patterns(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Vec<String> {
    let mut patterns = Vec::new();
    for (pattern, place) in reader.placed_texts(entry) {
        match misspelt(&pattern) {
            Some(problem) => reader.problems.push(problem.at(place, "guards nothing")),
            None => patterns.push(pattern),
        }
    }
    patterns
}

/// Why no address can be like a pattern, as far as that can be told: `*` also stands for slashes.
fn misspelt(pattern: &str) -> Option<Problem> {
    let expected = "expected an address such as acme/clients/shop, in which `*` stands for any text";
    let (realm, rest) = pattern.split_once('/').unwrap_or((pattern, "*"));
    if realm.is_empty() {
        return Some(Problem::error(format!("`{pattern}` is no address")).help(expected));
    }
    let collection =
        rest.split('/').next().filter(|collection| !collection.contains('*') && !realm.contains(['*', '"']))?;
    if kinds::REALM.child(collection).is_some() {
        return None;
    }
    let problem = Problem::error(format!("`{pattern}` is no address: a realm has no `{collection}`")).help(expected);
    Some(problem.maybe_help(did_you_mean(collection, collections())))
}

fn users(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Vec<Address> {
    let mut users = Vec::new();
    for (text, place) in reader.placed_texts(entry) {
        match Address::from_str(&text).ok().filter(|address| address.kind() == &kinds::USER) {
            // The server has user names in lower case.
            Some(user) => users.push(Address::realm(user.realm_name()).child(&kinds::USER, user.name().to_lowercase())),
            None => reader.problems.push(no_user(&text, place)),
        }
    }
    users
}

fn no_user(text: &str, place: Place) -> Problem {
    Problem::error(format!("`{text}` is no address of a user"))
        .at(place, "guards nobody")
        .help("expected a realm and a user name, such as \"master/users/rescue\"")
}

fn delete_limit(reader: &mut Reader<'_>, entry: &Entry<'_>) -> DeleteLimit {
    let mut limit = DeleteLimit::default();
    if let Shape::Int(_) = entry.node.shape {
        limit.percent = percent(reader, entry).unwrap_or(limit.percent);
        return limit;
    }
    let table = entry.node.as_table();
    let Some(table) = reader.expect(entry, "a number of percent, or a table", table) else { return limit };
    for entry in entries(table) {
        match entry.name {
            "percent" => limit.percent = percent(reader, &entry).unwrap_or(limit.percent),
            "objects" => limit.objects = reader.count(&entry, COUNT),
            "kinds" => limit.kinds = limits(reader, &entry),
            _ => reader.unknown("`deleteLimit`", &entry, DELETE_LIMIT),
        }
    }
    limit
}

const COUNT: std::ops::RangeInclusive<usize> = 0..=1_000_000;

fn percent(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<u8> {
    reader.count(entry, 0..=100).and_then(|percent| u8::try_from(percent).ok())
}

fn limits(reader: &mut Reader<'_>, entry: &Entry<'_>) -> BTreeMap<String, usize> {
    let Some(table) = reader.table(entry) else { return BTreeMap::new() };
    let mut limits = BTreeMap::new();
    for entry in entries(table) {
        if kinds::REALM.child(entry.name).is_none() {
            let problem = no_collection(entry.name, reader.place(&entry));
            reader.problems.push(problem);
        } else if let Some(number) = reader.count(&entry, COUNT) {
            limits.insert(entry.name.to_owned(), number);
        }
    }
    limits
}

fn no_collection(name: &str, place: Place) -> Problem {
    Problem::error(format!("a realm has no `{name}`"))
        .at(place, "unknown collection")
        .help("expected a collection of the realm files, such as `clients` or `roles`")
        .maybe_help(did_you_mean(name, collections()))
}

/// What the top level of a realm holds by name.
pub(super) fn collections() -> impl Iterator<Item = &'static str> {
    kinds::REALM.children.iter().map(|kind: &&Kind| kind.collection)
}
