//! What holds for organizations alone: their names, their domains, and that no two have the same.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::builder::Builder;
use super::parse::{Node, Shape, entries};
use super::problem::Problem;
use super::source::Place;
use crate::model::{Address, DesiredObject, DesiredRealm, FieldPath, Kind, Origin, Value, kinds, texts};

/// What the server takes in no alias, besides white space.
const RESERVED: &[char] = &[':', '/', '?', '#', '@', '!', '$', '&', '(', ')', '*', '+', ',', ';', '=', '[', ']', '\\'];

/// Whether an object of the kind can have that name.
pub(super) fn check_name(builder: &mut Builder, kind: &'static Kind, name: &str, place: &Place) -> bool {
    let bad = name.chars().find(|c| c.is_whitespace() || RESERVED.contains(c));
    let Some(bad) = bad.filter(|_| *kind == kinds::ORGANIZATION) else { return true };
    let problem = Problem::error(format!("`{name}` can be no alias of an organization"))
        .at(place.clone(), format!("the server takes no {bad:?} in it"))
        .help(format!("choose another alias, which never changes, and write name = {}", Json::from(name)));
    builder.report(problem);
    false
}

/// A domain in canonical form: its name, in an object where it is verified. The server keeps it in small letters.
pub(super) fn domain(node: &Node<'_>) -> Option<Json> {
    let named = |name: &str| Some(name.to_lowercase()).filter(|name| !name.is_empty());
    let table = match &node.shape {
        Shape::Text(text) => return named(text).map(Json::from),
        Shape::Table(table) => *table,
        _ => return None,
    };
    let (mut name, mut is_verified) = (None, false);
    for entry in entries(table) {
        match (entry.name, entry.node.shape) {
            ("name", Shape::Text(text)) => name = named(text),
            ("verified", Shape::Bool(it)) => is_verified = it,
            _ => return None,
        }
    }
    let name = name?;
    Some(if is_verified { json!({ "name": name, "verified": true }) } else { name.into() })
}

/// Checks the organizations of a realm against it and each other.
pub(super) fn check(builder: &Builder, realm: &DesiredRealm) -> Vec<Problem> {
    let organizations: Vec<(&Address, &DesiredObject)> =
        realm.objects.iter().filter(|(_, object)| *object.kind == kinds::ORGANIZATION).collect();
    let mut problems = Vec::new();
    if let Some((_, first)) = organizations.first() {
        problems.extend(switched_off(builder, realm, first));
    }
    let mut taken: BTreeMap<(&str, String), &Origin> = BTreeMap::new();
    for (address, object) in organizations {
        for (what, value, origin) in claims(address, object) {
            match taken.get(&(what, value.clone())) {
                Some(first) => problems.push(twice(builder, what, &value, origin, first)),
                None => drop(taken.insert((what, value), origin)),
            }
        }
    }
    problems
}

/// A realm that switches them off hides all of them.
fn switched_off(builder: &Builder, realm: &DesiredRealm, organization: &DesiredObject) -> Option<Problem> {
    let settings = realm.objects.iter().find(|(address, _)| address.parent().is_none())?.1;
    let enabled = settings.fields.get(&FieldPath::new(["organizationsEnabled"]))?;
    if enabled.value != Value::Json(false.into()) {
        return None;
    }
    let problem = Problem::error("the realm switches organizations off, and the files declare some")
        .help("write organizationsEnabled = true, or remove the organizations");
    let problem = problem.maybe_at(builder.place(&enabled.origin), "switched off");
    Some(problem.maybe_and(builder.place(&organization.origin), "declared here"))
}

/// What only one organization of a realm can have: (what, its value, where it is written).
fn claims<'a>(
    address: &'a Address,
    object: &'a DesiredObject,
) -> impl Iterator<Item = (&'static str, String, &'a Origin)> {
    let leaf = |name: &'static str| match object.fields.get(&FieldPath::new([name])) {
        Some(declared) => match &declared.value {
            Value::Json(value) => Some((value, &declared.origin)),
            Value::Secret(_) => None,
        },
        None => None,
    };
    let name = leaf("name").and_then(|(name, origin)| Some((name.as_str()?, origin)));
    let (name, at) = name.filter(|(name, _)| !name.is_empty()).unwrap_or((address.name(), &object.origin));
    let domains = leaf("domains").into_iter().flat_map(|(domains, origin)| {
        let names = domains.as_array().into_iter().flatten();
        let names = names.filter_map(|it| it.as_str().or_else(|| it.get("name")?.as_str()));
        names.map(move |name| ("domain", name.to_owned(), origin))
    });
    let providers = leaf("identityProviders").into_iter();
    let providers = providers
        .flat_map(|(aliases, origin)| texts(aliases).map(move |alias| ("identity provider", alias.to_owned(), origin)));
    std::iter::once(("name", name.to_owned(), at)).chain(domains).chain(providers)
}

fn twice(builder: &Builder, what: &str, value: &str, second: &Origin, first: &Origin) -> Problem {
    let problem = Problem::error(format!("two organizations have the {what} `{value}`"))
        .help("the server lets only one organization of a realm have it");
    problem.maybe_at(builder.place(second), "the second").maybe_and(builder.place(first), "the first")
}
