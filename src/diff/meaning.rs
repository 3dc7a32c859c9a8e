//! When two values of a leaf mean the same.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::model::{FieldPath, Kind, Type, defaults};

/// Whether setting a leaf to `wanted` would change nothing, the server having `live`; absent is `None`.
pub(super) fn same(kind: &'static Kind, path: &FieldPath, wanted: Option<&Json>, live: Option<&Json>) -> bool {
    wanted == live || same_as(kind.leaf_type(path), || defaults(kind, path), wanted, live)
}

/// [`same`] of a leaf of type `ty`, which the server shows as nothing when it is its default.
fn same_as<'a>(
    ty: Type,
    default: impl FnOnce() -> Option<&'a Json>,
    wanted: Option<&Json>,
    live: Option<&Json>,
) -> bool {
    let (wanted, live) = (normal(ty, wanted), normal(ty, live));
    if wanted == live || (matches!(ty, Type::First(_)) && begins(&live, &wanted)) {
        return true;
    }
    // A server that shows nothing has its default; files that say nothing special say nothing.
    let silent = Cow::Owned(zero(ty));
    match (wanted.is_null(), live.is_null()) {
        (true, _) => silent == live,
        (_, true) => wanted == default().map_or(silent, |default| normal(ty, Some(default))),
        _ => false,
    }
}

fn begins(list: &Json, with: &Json) -> bool {
    matches!((list, with), (Json::Array(list), Json::Array(first)) if list.starts_with(first))
}

/// What a value of this type means when it is absent.
fn zero(ty: Type) -> Json {
    match ty {
        Type::Bool => Json::Bool(false),
        Type::Int | Type::Seconds => Json::from(0),
        _ => Json::Null,
    }
}

/// A value in the one form that all its equals share; null for what says nothing.
fn normal(ty: Type, value: Option<&Json>) -> Cow<'_, Json> {
    let Some(value) = value.filter(|value| !ty.is_empty(value)) else { return Cow::Owned(Json::Null) };
    match (ty, value) {
        (Type::Bool, Json::String(text)) => match text.as_str() {
            "true" => Cow::Owned(true.into()),
            "false" => Cow::Owned(false.into()),
            _ => Cow::Borrowed(value),
        },
        (Type::Int | Type::Seconds, Json::String(text)) => whole_number(text).map_or(Cow::Borrowed(value), Cow::Owned),
        (Type::JsonText, Json::String(text)) => parsed(text).map_or(Cow::Borrowed(value), Cow::Owned),
        (Type::JoinedSet, Json::String(text)) => set(text.split("##").filter(|it| !it.is_empty()).map(Json::from)),
        (Type::JoinedSet, Json::Array(items)) => set(items.iter().cloned()),
        (_, Json::Array(items)) if ty.is_set() => set(items.iter().cloned()),
        // One text where a set belongs is a set of one.
        (_, Json::String(_)) if ty.is_set() => set([value.clone()]),
        (Type::SetTable, Json::Object(table)) => {
            let sets =
                table.iter().map(|(name, items)| (name.clone(), normal(Type::TextSet, Some(items)).into_owned()));
            Cow::Owned(sets.filter(|(_, set)| !set.is_null()).collect())
        }
        (Type::Providers, Json::Array(items)) => Cow::Owned(items.iter().map(without_empty).collect()),
        (Type::Text | Type::OneOf(_) | Type::Ref(_), _) => text(value),
        _ => Cow::Borrowed(value),
    }
}

/// An object without the entries that say nothing.
fn without_empty(item: &Json) -> Json {
    let Json::Object(entries) = item else { return item.clone() };
    let entries = entries.iter().filter(|(_, value)| !Type::Json.is_empty(value));
    Json::Object(entries.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Text tables hold booleans and numbers as text, and Windows editors end lines in their own way.
fn text(value: &Json) -> Cow<'_, Json> {
    match value {
        Json::String(text) if text.contains('\r') => Cow::Owned(text.replace("\r\n", "\n").into()),
        Json::Bool(_) | Json::Number(_) => Cow::Owned(value.to_string().into()),
        _ => Cow::Borrowed(value),
    }
}

fn whole_number(text: &str) -> Option<Json> {
    text.trim().parse::<i64>().ok().map(Json::from)
}

/// The JSON in a text; an empty object or list in it says as little as no text.
fn parsed(text: &str) -> Option<Json> {
    let value: Json = serde_json::from_str(text).ok()?;
    Some(if Type::JsonText.is_empty(&value) { Json::Null } else { value })
}

fn set(items: impl IntoIterator<Item = Json>) -> Cow<'static, Json> {
    let mut items: Vec<Json> = items.into_iter().collect();
    items.sort_by_cached_key(Json::to_string);
    items.dedup();
    Cow::Owned(if items.is_empty() { Json::Null } else { Json::Array(items) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::kinds;

    /// Compares a leaf of the realm both ways.
    fn equal(path: &[&str], a: &Json, b: &Json) -> bool {
        let path = FieldPath::new(path.iter().copied());
        let there = same(&kinds::REALM, &path, Some(a), Some(b));
        assert_eq!(there, same(&kinds::REALM, &path, Some(b), Some(a)), "{path}: {a} and {b}");
        there
    }

    #[test]
    fn empty_is_absent() {
        let path = FieldPath::new(["displayName"]);
        for empty in [json!(null), json!(""), json!([]), json!({})] {
            assert!(same(&kinds::REALM, &path, Some(&empty), None));
            assert!(same(&kinds::REALM, &path, None, Some(&empty)));
            assert!(!same(&kinds::REALM, &path, Some(&empty), Some(&json!("x"))));
        }
        assert!(same(&kinds::REALM, &path, None, None));
    }

    #[test]
    fn sets_have_no_order() {
        let path = ["supportedLocales"];
        assert!(equal(&path, &json!(["de", "en"]), &json!(["en", "de", "en"])));
        assert!(!equal(&path, &json!(["de", "en"]), &json!(["en"])));
        assert!(equal(&path, &json!(["de"]), &json!("de")));
        let roles = ["defaultRoles"];
        assert!(equal(&roles, &json!(["a", "b"]), &json!(["b", "a"])));
    }

    #[test]
    fn lists_have_order() {
        let path = ["webAuthnPolicySignatureAlgorithms"];
        assert!(!equal(&path, &json!(["ES256", "RS256"]), &json!(["RS256", "ES256"])));
    }

    #[test]
    fn the_first_of_a_list_may_be_named() {
        let path = FieldPath::new(["attributeOrder"]);
        let same = |wanted: &Json, live: &Json| same(&kinds::USER_PROFILE, &path, Some(wanted), Some(live));
        assert!(same(&json!(["b", "a"]), &json!(["b", "a", "c"])));
        assert!(!same(&json!(["a", "b"]), &json!(["b", "a", "c"])));
        assert!(!same(&json!(["b", "a", "c"]), &json!(["b", "a"])));
        assert!(!same(&json!(["b", "c"]), &json!(["b", "a", "c"])));
    }

    #[test]
    fn a_provider_needs_no_configuration() {
        let path = FieldPath::new(["executors"]);
        let same = |a: &Json, b: &Json| same(&kinds::CLIENT_PROFILE, &path, Some(a), Some(b));
        let (one, other) = (json!({"executor": "a"}), json!({"executor": "b", "configuration": {"c": 1}}));
        assert!(same(&json!([one]), &json!([{"executor": "a", "configuration": {}}])));
        assert!(!same(&json!([one, other]), &json!([other, one])));
        assert!(!same(&json!([other]), &json!([{"executor": "b"}])));
    }

    #[test]
    fn an_empty_table_may_say_something() {
        let equal = |path: &[&str], a: Option<&Json>, b: Option<&Json>| {
            same(&kinds::PROFILE_ATTRIBUTE, &FieldPath::new(path.iter().copied()), a, b)
        };
        assert!(!equal(&["validations", "email"], Some(&json!({})), None));
        assert!(equal(&["validations", "email"], Some(&json!({})), Some(&json!({}))));
        assert!(!equal(&["required"], None, Some(&json!({}))));
        assert!(equal(&["required"], Some(&json!({})), Some(&json!({"roles": [], "scopes": []}))));
        let (one, other) = (json!({"roles": ["user", "admin"]}), json!({"roles": ["admin", "user"], "scopes": []}));
        assert!(equal(&["required"], Some(&one), Some(&other)));
        assert!(!equal(&["required"], Some(&one), Some(&json!({}))));
    }

    #[test]
    fn false_and_zero_are_absent() {
        let none = |ty: Type, value: Json| same_as(ty, || None, Some(&value), None);
        assert!(none(Type::Bool, json!(false)));
        assert!(!none(Type::Bool, json!(true)));
        assert!(none(Type::Int, json!(0)));
        assert!(none(Type::Seconds, json!(0)));
        assert!(!none(Type::Seconds, json!(1)));
        // Text has no zero: "0" is a text like any other.
        assert!(!none(Type::Text, json!("0")));
    }

    #[test]
    fn a_server_that_shows_nothing_has_its_default() {
        let shown = |ty: Type, default: Json, wanted: Json| same_as(ty, || Some(&default), Some(&wanted), None);
        assert!(shown(Type::Bool, json!(true), json!(true)));
        assert!(!shown(Type::Bool, json!(true), json!(false)));
        assert!(shown(Type::Seconds, json!("300"), json!(300)));
        assert!(!shown(Type::Seconds, json!(300), json!(0)));
        assert!(shown(Type::TextSet, json!(["a", "b"]), json!(["b", "a"])));
        // What is empty on purpose is what the server shows.
        assert!(shown(Type::Text, json!("x"), json!("")));
    }

    #[test]
    fn text_is_what_it_spells() {
        assert!(equal(&["rememberMe"], &json!("true"), &json!(true)));
        assert!(!equal(&["rememberMe"], &json!("false"), &json!(true)));
        assert!(equal(&["accessTokenLifespan"], &json!("300"), &json!(300)));
        assert!(equal(&["attributes", "parRequestUriLifespan"], &json!(60), &json!("60")));
        assert!(equal(&["attributes", "anything"], &json!(true), &json!("true")));
        assert!(equal(&["attributes", "anything"], &json!(5), &json!("5")));
    }

    #[test]
    fn line_ends_have_no_meaning() {
        assert!(equal(&["displayNameHtml"], &json!("a\r\nb"), &json!("a\nb")));
        assert!(!equal(&["displayNameHtml"], &json!("a b"), &json!("a\nb")));
    }

    #[test]
    fn json_in_text_is_compared_as_json() {
        let path = ["attributes", "acr.loa.map"];
        assert!(equal(&path, &json!(r#"{"a": 1, "b": 2}"#), &json!(r#"{"b":2,"a":1}"#)));
        assert!(equal(&path, &json!(r#"{"a":1}"#), &json!({"a": 1})));
        assert!(!equal(&path, &json!(r#"{"a":1}"#), &json!(r#"{"a":2}"#)));
        assert!(!equal(&path, &json!("{broken"), &json!("{}")));
        assert!(same(&kinds::REALM, &FieldPath::new(path), Some(&json!("{}")), None));
    }

    #[test]
    fn joined_sets_have_no_order() {
        let path = FieldPath::new(["attributes", "post.logout.redirect.uris"]);
        let equal = |a: Json, b: Json| same(&kinds::CLIENT, &path, Some(&a), Some(&b));
        assert!(equal(json!("a##b"), json!("b##a")));
        assert!(equal(json!(["a", "b"]), json!("b##a")));
        assert!(!equal(json!("a##b"), json!("a")));
    }
}
