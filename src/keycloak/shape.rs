//! Taking answers of the server apart, with an error where they are not of the shape that Keycloak documents.

use serde_json::{Map, Value};

use super::ServerError;

/// A JSON object of the server's.
pub(super) type Object = Map<String, Value>;

/// The answer as an object.
pub(super) fn object(value: Value, what: &str) -> Result<Object, ServerError> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(ServerError::shape(what, "an object")),
    }
}

/// The answer as a list of objects.
pub(super) fn objects(value: Value, what: &str) -> Result<Vec<Object>, ServerError> {
    let Value::Array(items) = value else { return Err(ServerError::shape(what, "a list")) };
    items.into_iter().map(|item| object(item, what)).collect()
}

/// A text field that need not be there.
pub(super) fn optional<'a>(object: &'a Object, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str)
}

/// A text field that has to be there.
pub(super) fn text<'a>(object: &'a Object, field: &str) -> Result<&'a str, ServerError> {
    object.get(field).and_then(Value::as_str).ok_or_else(|| ServerError::shape(field, "text"))
}

/// The names (or another text field) of a list of objects, as a sorted set.
pub(super) fn names(items: &[Object], field: &str) -> Result<Value, ServerError> {
    let mut names = items.iter().map(|item| text(item, field).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    names.sort();
    Ok(names.into())
}
