//! What a file says about objects that is not theirs: `lifecycle`, `prune` and `placement`.

use std::sync::Arc;

use super::builder::Builder;
use super::layout::PROJECT_FILE;
use super::objects::check_group_path;
use super::parse::{Entry, Node, Shape, entries};
use super::problem::Problem;
use super::project::Project;
use super::source::{Place, Source};
use super::suggest::{did_you_mean, one_of};
use crate::model::{Address, FieldPath, Kind, Prune, Type, Write, kinds};

const LIFECYCLE: &[&str] = &["preventDestroy", "ignore", "renamedFrom", "remove", "removeFields"];
const PLACEMENT: &[&str] = &["server", "labels"];
const PRUNE: &[&str] = &["managed", "none", "all"];

/// Reads `lifecycle = { … }`.
pub(super) fn lifecycle(builder: &mut Builder, source: &Arc<Source>, address: &Address, entry: &Entry<'_>) {
    let place = Place::new(source, entry.key.clone());
    let Some(table) = entry.node.as_table() else {
        return builder.report(wrong("lifecycle", place, "a table", &entry.node));
    };
    for entry in entries(table) {
        let place = Place::new(source, entry.key.clone());
        if LIFECYCLE.contains(&entry.name) {
            if builder.claim(address, FieldPath::new(["lifecycle", entry.name]), &place) {
                lifecycle_entry(builder, source, address, &entry, place);
            }
        } else {
            let problem = Problem::error(format!("`lifecycle` has no `{}`", entry.name))
                .at(place, format!("expected {}", one_of(LIFECYCLE)))
                .maybe_help(did_you_mean(entry.name, LIFECYCLE.iter().copied()));
            builder.report(problem);
        }
    }
}

fn lifecycle_entry(builder: &mut Builder, source: &Arc<Source>, address: &Address, entry: &Entry<'_>, place: Place) {
    match (entry.name, &entry.node.shape) {
        ("preventDestroy", Shape::Bool(it)) => builder.object(address, &place).lifecycle.prevent_destroy = *it,
        ("preventDestroy", _) => builder.report(wrong("preventDestroy", place, "true or false", &entry.node)),
        ("renamedFrom", Shape::Text(name)) => renamed_from(builder, address, name, &place),
        ("renamedFrom", _) => builder.report(wrong("renamedFrom", place, "the name that it had", &entry.node)),
        ("remove", Shape::Bool(true)) => builder.remove(address, place),
        ("remove", _) => builder.report(wrong("remove", place, "true", &entry.node)),
        ("removeFields", Shape::List(items)) => {
            for item in items {
                let path = field(builder, source, address, "removeFields", item);
                if let Some(path) = path {
                    builder.remove_field(address, path, place.clone());
                }
            }
        }
        ("removeFields", _) => builder.report(wrong("removeFields", place, "a list of fields", &entry.node)),
        (_, Shape::List(items)) => {
            let fields = items.iter().filter_map(|item| field(builder, source, address, "ignore", item));
            let mut ignored = fields.collect::<Vec<_>>();
            ignored.sort();
            ignored.dedup();
            builder.object(address, &place).lifecycle.ignore = ignored;
        }
        _ => builder.report(wrong("ignore", place, "a list of fields", &entry.node)),
    }
}

fn renamed_from(builder: &mut Builder, address: &Address, name: &str, place: &Place) {
    if *address.kind() == kinds::GROUP && !check_group_path(builder, name, place.clone()) {
        return;
    }
    if !address.kind().renamable {
        let kind = address.kind().name;
        let problem = Problem::error(format!("the server cannot rename {} {kind}", article(kind)))
            .at(place.clone(), "not possible")
            .help(format!("keep the name, or remove `renamedFrom` to have {address} made and `{name}` deleted"));
        return builder.report(problem);
    }
    if !super::users::check_name(builder, address.kind(), name, place) {
        return;
    }
    if name.is_empty() || name == address.name() {
        let problem = Problem::error("`renamedFrom` is the name that the object had before")
            .at(place.clone(), "expected another name than it has now");
        return builder.report(problem);
    }
    builder.object(address, place).lifecycle.renamed_from = Some(name.to_owned());
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// One entry of a list of fields: a path as it would be written in the file.
fn field(
    builder: &mut Builder,
    source: &Arc<Source>,
    address: &Address,
    list: &str,
    item: &Node<'_>,
) -> Option<FieldPath> {
    let place = Place::new(source, item.span.clone());
    let keys = item.as_text().and_then(|text| toml_edit::Key::parse(text).ok());
    let Some(keys) = keys else {
        builder.report(wrong(list, place, "a field such as \"attributes.theme\"", item));
        return None;
    };
    let kind = address.kind();
    let path = canonical_path(kind, keys.iter().map(|key| key.get().to_owned()).collect());
    if kind.field(path.top()).is_none_or(|field| field.write == Write::Server) {
        let fields = kind.fields.iter().filter(|field| field.write != Write::Server).map(|field| field.name);
        let problem = Problem::unless(builder.strict, format!("`{}` is no known field of a {}", path.top(), kind.name))
            .at(place, "unknown field")
            .maybe_help(did_you_mean(path.top(), fields));
        builder.report(problem);
    }
    Some(path)
}

/// `attributes.pkce.code.challenge.method` means the attribute `pkce.code.challenge.method`: attributes have no depth.
fn canonical_path(kind: &Kind, mut keys: Vec<String>) -> FieldPath {
    let depth = match kind.field(&keys[0]).map(|field| field.ty) {
        Some(Type::TextMap(_) | Type::SetMap | Type::Config(_) | Type::ClientRoleMap | Type::JsonMap) => 2,
        _ => keys.len(),
    };
    if keys.len() > depth {
        let last = keys.split_off(depth - 1).join(".");
        keys.push(last);
    }
    FieldPath::new(keys.iter().map(String::as_str))
}

/// Reads `prune = "managed"`, or a table by collection.
pub(super) fn prune(builder: &mut Builder, source: &Arc<Source>, address: &Address, entry: &Entry<'_>) {
    let place = Place::new(source, entry.key.clone());
    let Some(table) = entry.node.as_table() else {
        let rule = prune_rule(builder, address, &["prune"], place, &entry.node);
        let rules = &mut builder.realm(address.realm_name()).prune;
        rules.default = rule.unwrap_or(rules.default);
        return;
    };
    for entry in entries(table) {
        let place = Place::new(source, entry.key.clone());
        if kinds::REALM.child(entry.name).is_none() {
            let collections = kinds::REALM.children.iter().map(|kind| kind.collection);
            let problem = Problem::error(format!("`prune` has no `{}`", entry.name))
                .at(place, "expected a collection of the realm")
                .maybe_help(did_you_mean(entry.name, collections));
            builder.report(problem);
        } else if let Some(rule) = prune_rule(builder, address, &["prune", entry.name], place, &entry.node) {
            builder.realm(address.realm_name()).prune.by_collection.insert(entry.name.to_owned(), rule);
        }
    }
}

fn prune_rule(builder: &mut Builder, address: &Address, path: &[&str], place: Place, node: &Node<'_>) -> Option<Prune> {
    let rule = match node.as_text() {
        Some("managed") => Prune::Managed,
        Some("none") => Prune::None,
        Some("all") => Prune::All,
        text => {
            let problem = Problem::error(format!("`{}` is {}", path.join("."), one_of(PRUNE)))
                .at(place, text.map_or_else(|| format!("found {}", node.found()), |text| format!("found \"{text}\"")))
                .maybe_help(text.and_then(|text| did_you_mean(text, PRUNE.iter().copied())));
            builder.report(problem);
            return None;
        }
    };
    builder.claim(address, FieldPath::new(path.iter().copied()), &place).then_some(rule)
}

/// Reads `placement = { server = "…" }`, or with `labels`.
pub(super) fn placement(builder: &mut Builder, source: &Arc<Source>, address: &Address, entry: &Entry<'_>) {
    let place = Place::new(source, entry.key.clone());
    let Some(table) = entry.node.as_table() else {
        return builder.report(wrong("placement", place, "a table", &entry.node));
    };
    for entry in entries(table) {
        let place = Place::new(source, entry.key.clone());
        match (entry.name, &entry.node.shape) {
            ("server", Shape::Text(name)) => {
                if builder.claim(address, FieldPath::new(["placement", "server"]), &place) {
                    builder.realm(address.realm_name()).placement.server = Some((*name).to_owned());
                }
            }
            ("server", _) => builder.report(wrong("server", place, "the name of a server", &entry.node)),
            ("labels", Shape::Table(labels)) => {
                for label in entries(labels) {
                    let place = Place::new(source, label.key.clone());
                    let Some(value) = label.node.as_text() else {
                        builder.report(wrong(label.name, place, "text", &label.node));
                        continue;
                    };
                    if builder.claim(address, FieldPath::new(["placement", "labels", label.name]), &place) {
                        let labels = &mut builder.realm(address.realm_name()).placement.labels;
                        labels.insert(label.name.to_owned(), value.to_owned());
                    }
                }
            }
            ("labels", _) => builder.report(wrong("labels", place, "a table of texts", &entry.node)),
            _ => {
                let problem = Problem::error(format!("`placement` has no `{}`", entry.name))
                    .at(place, format!("expected {}", one_of(PLACEMENT)))
                    .maybe_help(did_you_mean(entry.name, PLACEMENT.iter().copied()));
                builder.report(problem);
            }
        }
    }
}

/// A realm cannot ask for what no server of the fleet has.
pub(super) fn check_placements(builder: &mut Builder, project: &Project) {
    let Some(fleet) = &project.fleet else { return };
    let mut problems = Vec::new();
    for (realm, desired) in &builder.desired.realms {
        let address = Address::realm(realm);
        let mut place = builder.settings_below(&address, "placement");
        if let Some(server) = desired.placement.server.as_ref().filter(|server| !fleet.contains(server)) {
            let problem = Problem::error(format!("the fleet has no server `{server}`"))
                .maybe_at(place.next().cloned(), "unknown server")
                .help(format!("its servers are {}", one_of(&fleet.iter().map(String::as_str).collect::<Vec<_>>())))
                .maybe_help(did_you_mean(server, fleet.iter().map(String::as_str)));
            problems.push(problem);
            continue;
        }
        let has = |server: &String, (name, value): (&String, &String)| {
            project.servers.get(server).is_some_and(|server| server.labels.get(name) == Some(value))
        };
        let labels = &desired.placement.labels;
        if !fleet.iter().any(|server| labels.iter().all(|label| has(server, label))) {
            let problem = Problem::error(format!("no server of the fleet is one {}", desired.placement))
                .maybe_at(place.next().cloned(), "asked for here")
                .help(format!("labels are [servers.NAME.labels] in {PROJECT_FILE}"));
            problems.push(problem);
        }
    }
    builder.problems.append(&mut problems);
}

fn wrong(name: &str, place: Place, expected: &str, node: &Node<'_>) -> Problem {
    Problem::error(format!("`{name}` has the wrong type"))
        .at(place, format!("expected {expected}, found {}", node.found()))
}
