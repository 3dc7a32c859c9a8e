//! Users: what the server would silently make of them.

use serde_json::{Value as Json, json};

use super::builder::Builder;
use super::problem::Problem;
use super::source::Place;
use crate::model::{Address, Declared, DesiredObject, DesiredRealm, FieldPath, Kind, Value, kinds};

/// What the server calls the accounts of services.
const SERVICE_ACCOUNT: &str = "service-account-";

/// Fields that the server also takes as attributes, and shows as fields.
const FIELDS: &[&str] = &["username", "email", "firstName", "lastName"];

/// Whether an object of the kind can have that name.
pub(super) fn check_name(builder: &mut Builder, kind: &'static Kind, name: &str, place: &Place) -> bool {
    if *kind != kinds::USER {
        return true;
    }
    let small = name.to_lowercase();
    let problem = match name.strip_prefix(SERVICE_ACCOUNT) {
        Some(client) => Problem::error(format!("`{name}` is the account of a service"))
            .at(place.clone(), "part of its client")
            .help(format!("write serviceAccount = {{ … }} of the client `{client}`")),
        None if small != name => Problem::error(format!("`{name}` is no username: the server has small letters only"))
            .at(place.clone(), "with capitals")
            .help(format!("write \"{small}\"")),
        None => return true,
    };
    builder.report(problem);
    false
}

/// What is wrong with a user for sure.
pub(super) fn check(
    builder: &Builder,
    realm: &DesiredRealm,
    address: &Address,
    object: &DesiredObject,
) -> Vec<Problem> {
    if *object.kind != kinds::USER {
        return Vec::new();
    }
    let email = object.fields.get(&FieldPath::new(["email"])).and_then(|declared| Some((declared, text(declared)?)));
    let email = email.and_then(|(declared, email)| email_problem(builder, realm, address, declared, email));
    let attributes = object.fields.iter().filter_map(|(path, declared)| attribute_problem(builder, path, declared));
    attributes.chain(email).collect()
}

fn email_problem(
    builder: &Builder,
    realm: &DesiredRealm,
    address: &Address,
    declared: &Declared,
    email: &str,
) -> Option<Problem> {
    let place = builder.place(&declared.origin);
    let small = email.to_lowercase();
    if small != email {
        let problem = Problem::error("the server keeps email addresses in small letters");
        return Some(problem.help(format!("write \"{small}\"")).maybe_at(place, "with capitals"));
    }
    let settings = realm.objects.get(&Address::realm(address.realm_name()))?;
    let email_is_name = settings.fields.get(&FieldPath::new(["registrationEmailAsUsername"]))?;
    if email_is_name.value != Value::Json(Json::Bool(true)) || email == address.name() || email.is_empty() {
        return None;
    }
    let problem =
        Problem::error(format!("this realm takes email addresses for usernames, and `{}` is none", address.name()))
            .help(format!("call the user \"{email}\", or leave `registrationEmailAsUsername` out"));
    Some(problem.maybe_at(place, "what the server would call the user"))
}

fn attribute_problem(builder: &Builder, path: &FieldPath, declared: &Declared) -> Option<Problem> {
    let name = path.rest().next().filter(|_| path.top() == "attributes")?;
    let place = builder.place(&declared.origin);
    if FIELDS.contains(&name) {
        let problem = Problem::error(format!("`{name}` is a field of the user, and no attribute"));
        return Some(problem.help(format!("write {name} = \"…\"")).maybe_at(place, "set in the wrong place"));
    }
    let Value::Json(Json::Array(values)) = &declared.value else { return None };
    values.contains(&json!("")).then(|| {
        let problem = Problem::error("the server drops empty values of a user's attributes");
        problem.help("leave the value out").maybe_at(place, "an empty value")
    })
}

fn text(declared: &Declared) -> Option<&str> {
    match &declared.value {
        Value::Json(Json::String(text)) => Some(text),
        _ => None,
    }
}
