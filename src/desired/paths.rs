//! `[[policy.paths]]`: which files may declare what, so that whoever owns a file changes nothing else with it.

use std::collections::{BTreeMap, BTreeSet};

use gix_glob::Pattern;
use gix_glob::pattern::Case;
use gix_glob::wildmatch::Mode;

use super::builder::Builder;
use super::layout::RealmFile;
use super::parse::{Entry, Node, Shape, entries};
use super::policy::collections;
use super::problem::Problem;
use super::project::Reader;
use super::source::Place;
use super::suggest::{did_you_mean, one_of};
use crate::model::{Origin, RealmName, kinds, lies_over};

/// What a rule calls all of a realm that is in no collection: its fields, its name, `lifecycle` and `prune`.
const SETTINGS: &str = "settings";

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// The files that it is about, relative to the project's folder, as in `.gitignore` and `CODEOWNERS`.
    pub files: String,
    /// What these may declare: collections of the realm, and `settings`.
    pub allow: BTreeSet<String>,
    pattern: Pattern,
    origin: Origin,
}

impl PathRule {
    /// Whether a file is meant, itself or as part of a folder. `folder/*` is about the files right in the folder.
    fn matches(&self, path: &str) -> bool {
        let is = |path: &str, is_folder: bool| {
            let name = path.rfind('/').map(|slash| slash + 1);
            let case = Case::Sensitive;
            self.pattern.matches_repo_relative_path(
                path.into(),
                name,
                Some(is_folder),
                case,
                Mode::NO_MATCH_SLASH_LITERAL,
            )
        };
        let mut folders = path.match_indices('/').map(|(slash, _)| &path[..slash]);
        is(path, false) || !self.files.ends_with("/*") && folders.any(|folder| is(folder, true))
    }

    fn allows(&self, what: &str) -> bool {
        self.allow.contains(what)
    }
}

/// Reads the rules.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Vec<PathRule> {
    let rules = if let Shape::List(rules) = &entry.node.shape { Some(rules) } else { None };
    let rules = reader.expect(entry, "a list of tables, as [[policy.paths]] makes one", rules);
    rules.into_iter().flatten().filter_map(|rule| read_rule(reader, rule)).collect()
}

fn read_rule(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<PathRule> {
    let place = Place::new(reader.source, node.span.clone());
    let Some(table) = node.as_table() else {
        let problem = Problem::error("a rule of `paths` is a table");
        reader.problems.push(problem.at(place, format!("expected {{ files = …, allow = … }}, found {}", node.found())));
        return None;
    };
    let (mut files, mut allow) = (None, None);
    for entry in entries(table) {
        match entry.name {
            "files" => files = Some(pattern(reader, &entry)),
            "allow" => allow = Some(allowed(reader, &entry)),
            _ => reader.unknown("a rule of `paths`", &entry, &["files", "allow"]),
        }
    }
    for (name, is_there) in [("files", files.is_some()), ("allow", allow.is_some())] {
        if !is_there {
            let problem = Problem::error(format!("a rule of `paths` has no `{name}`"));
            reader.problems.push(problem.at(place.clone(), "expected `files = \"…\"` and `allow = […]`"));
        }
    }
    let (files, pattern, origin) = files??;
    Some(PathRule { files, allow: allow?, pattern, origin })
}

fn pattern(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<(String, Pattern, Origin)> {
    let text = reader.text(entry)?;
    let place = reader.place(entry);
    let pattern = Pattern::from_bytes(text.as_bytes()).filter(|pattern| !pattern.is_negative());
    if pattern.is_none() {
        let problem = Problem::error(format!("`{text}` is no pattern of files"))
            .at(place.clone(), "guards nothing")
            .help("write it as in CODEOWNERS, relative to the project's folder: \"tenant-*/**\"; the last rule that matches counts");
        reader.problems.push(problem);
    }
    Some((text, pattern?, place.origin()))
}

fn allowed(reader: &mut Reader<'_>, entry: &Entry<'_>) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for (name, place) in reader.placed_texts(entry) {
        if name != SETTINGS && kinds::REALM.child(&name).is_none() {
            let problem = Problem::error(format!("a realm has no `{name}`"))
                .at(place, "allows nothing")
                .help("expected a collection of the realm files, such as `clients`, or `settings` for everything else")
                .maybe_help(did_you_mean(&name, collections().chain([SETTINGS])));
            reader.problems.push(problem);
        }
        allowed.insert(name);
    }
    allowed
}

/// Holds one file after the other against the rules.
pub(super) struct Gate<'a> {
    rules: &'a [PathRule],
    /// The rules that were about some file.
    used: BTreeSet<usize>,
    /// Realms that no file may declare which was seen yet, and the first file of each.
    realms: BTreeMap<RealmName, Option<Place>>,
}

impl<'a> Gate<'a> {
    pub(super) fn new(rules: &'a [PathRule]) -> Self {
        Self { rules, used: BTreeSet::new(), realms: BTreeMap::new() }
    }

    /// What a file declares that it may not.
    pub(super) fn check(&mut self, builder: &mut Builder, file: &RealmFile) {
        let source = &file.parsed.source;
        // What is allowed of a file is allowed of what an environment says instead.
        let lies_over = lies_over(source.name());
        let about = |rule: &PathRule| rule.matches(source.name()) || lies_over.is_some_and(|path| rule.matches(path));
        self.used.extend(self.rules.iter().enumerate().filter(|(_, rule)| about(rule)).map(|(index, _)| index));
        let rule = self.rules.iter().rev().find(|rule| about(rule));
        let start = Place::start(source);
        let realm = self.realms.entry(file.address.realm_name().to_owned()).or_insert_with(|| Some(start.clone()));
        let Some(rule) = rule else { return *realm = None };
        if rule.allows(SETTINGS) {
            *realm = None;
        }
        let mut refuse = |what: &str, place: Place| {
            let allow: Vec<&str> = rule.allow.iter().map(String::as_str).collect();
            let allow = if allow.is_empty() { "nothing".to_owned() } else { one_of(&allow) };
            let problem = Problem::error(format!("{} may not declare `{what}`", source.name()))
                .at(place, if what == SETTINGS { "one of the realm's settings" } else { "not allowed in this file" })
                .help(format!("the policy allows it {allow}; write this in a file of those who may"));
            builder.report(problem.maybe_and(builder.place(&rule.origin), "the rule"));
        };
        if let Some(collection) = file.address.collection() {
            if !rule.allows(collection) {
                refuse(collection, start);
            }
            return;
        }
        let mut refused = BTreeSet::new();
        for entry in entries(file.parsed.root()) {
            let what = kinds::REALM.child(entry.name).map_or(SETTINGS, |kind| kind.collection);
            if !rule.allows(what) && refused.insert(what) {
                refuse(what, Place::new(source, entry.key.clone()));
            }
        }
    }

    /// A realm that is none: nobody has to be allowed to declare it.
    pub(super) fn forgive(&mut self, realm: &RealmName) {
        self.realms.remove(realm);
    }

    /// What can only be told once all files were seen, or, of a part of them, nothing of what is not there.
    pub(super) fn finish(self, builder: &mut Builder, partial: bool) {
        let Self { rules, used, realms } = self;
        for (realm, place) in realms {
            let Some(place) = place else { continue };
            let problem = Problem::error(format!("no file may declare the realm {realm}"))
                .at(place, "a file of this realm")
                .help("a realm takes a file that the policy allows `settings`, even if it is empty");
            builder.report(problem);
        }
        for (_, rule) in rules.iter().enumerate().filter(|(index, _)| !partial && !used.contains(index)) {
            let problem = Problem::warning(format!("`{}` is no file of the project", rule.files))
                .help("a rule of `paths` is relative to the project's folder, as in \"tenant-*/**\"");
            builder.report(problem.maybe_at(builder.place(&rule.origin), "guards nothing"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_code_owners() {
        let about = |files: &str| PathRule {
            files: files.to_owned(),
            allow: BTreeSet::new(),
            pattern: Pattern::from_bytes(files.as_bytes()).unwrap(),
            origin: Place::start(&super::super::Source::new("p".as_ref(), "")).origin(),
        };
        let paths = ["acme/realm.toml", "acme/clients/shop.toml", "acme/clients/shop/roles/buyer.toml"];
        for (files, matched) in [
            ("*", [true, true, true]),
            ("**", [true, true, true]),
            ("/acme/", [true, true, true]),
            ("acme", [true, true, true]),
            ("acme/**", [true, true, true]),
            ("acme/*", [true, false, false]),
            ("acme/clients/", [false, true, true]),
            ("acme/clients/*", [false, true, false]),
            ("*/clients", [false, true, true]),
            ("clients/", [false, true, true]),
            ("/clients/", [false, false, false]),
            ("shop.toml", [false, true, false]),
            ("shop*", [false, true, true]),
            ("**/roles/*.toml", [false, false, true]),
            ("Acme/", [false, false, false]),
        ] {
            assert_eq!(paths.map(|path| about(files).matches(path)), matched, "{files}");
        }
    }
}
