//! JSON Schemas (draft 2020-12) of the files, for editors: completion, and the type of every known field. And those of what
//! is printed and saved as JSON.
//!
//! The former are made from the kinds, so they know what the program knows. A schema accepts whatever `check` accepts, so it
//! is silent about unknown fields: Keycloak may be newer than we are.

mod blueprint;
mod project;
mod types;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::model::{ANY, Kind, Write, kinds};

/// Every schema by its file's name: one for whole-realm files, one for each kind of file whose path is an address, one
/// for the project file, two for blueprints, and one for each document of [`super::json`].
pub fn all() -> BTreeMap<String, Json> {
    let mut schemas = BTreeMap::from([("realmform.schema.json".to_owned(), project::schema())]);
    // What there is only one of is a table of the realm's file.
    for kind in kinds_below(&kinds::REALM).into_iter().filter(|kind| !kind.is_singleton()) {
        schemas.insert(format!("{}.schema.json", slug(kind)), file(kind));
    }
    schemas.insert("blueprint.schema.json".to_owned(), blueprint::declaration());
    let mut of_blueprint = blueprint::file(&file(&kinds::REALM));
    of_blueprint["title"] = "Keycloak realm, as a blueprint".into();
    schemas.insert("blueprint-realm.schema.json".to_owned(), of_blueprint);
    schemas.extend(super::json::schemas().map(|(name, schema)| (name.to_owned(), schema)));
    schemas
}

/// A file that holds one object, or a whole realm. It is complete in itself, so that it can be copied anywhere.
fn file(kind: &'static Kind) -> Json {
    let mut definitions = types::definitions();
    for below in kinds_below(kind).into_iter().skip(1) {
        definitions.insert(slug(below), object(below));
    }
    let mut schema = object(kind);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["$defs"] = definitions.into();
    schema["properties"][kind.key] = json!({
        "description": format!("The name of the {}, where the path does not say it.", kind.name),
        "type": "string",
        "minLength": 1,
    });
    schema
}

/// The table of one object.
fn object(kind: &'static Kind) -> Json {
    let mut properties = types::fields(kind.fields);
    for child in kind.children {
        let below = if child.is_singleton() { types::definition(&slug(child)) } else { collection(child) };
        properties.insert(child.collection.to_owned(), below);
    }
    properties.insert("lifecycle".to_owned(), types::lifecycle());
    if *kind == kinds::REALM {
        properties.insert("prune".to_owned(), prune());
        properties.insert("placement".to_owned(), placement());
        properties.insert("tenant".to_owned(), tenant());
        properties.insert("use".to_owned(), blueprint::uses());
    }
    let mut schema = json!({
        "title": format!("Keycloak {}", kind.name),
        "type": "object",
        "properties": properties,
    });
    if let Some(any) = kind.field(ANY) {
        schema["additionalProperties"] = types::of(any.ty);
    }
    schema
}

/// Objects by name.
fn collection(kind: &'static Kind) -> Json {
    let mut schema = json!({
        "description": format!("Each {} by its {}.", kind.name, kind.key),
        "type": "object",
        "additionalProperties": types::definition(&slug(kind)),
    });
    let names = match kind.name {
        "group" => types::GROUP_PATH,
        "client registration policy" | "component" => types::PREFIXED_NAME,
        _ => return schema,
    };
    schema["propertyNames"] = json!({ "pattern": names });
    schema
}

/// On which server of a fleet the realm is.
fn placement() -> Json {
    json!({
        "description": "Which server of a fleet the realm goes to, where it is on none yet.",
        "type": "object",
        "properties": {
            "server": { "description": "This one.", "type": "string" },
            "labels": {
                "description": "One that has these labels.",
                "type": "object",
                "additionalProperties": { "type": "string" },
            },
        },
        "additionalProperties": false,
    })
}

/// What is deleted that the files do not declare: one rule, or one for each collection.
fn prune() -> Json {
    let rule = json!({
        "description": "managed: delete what this project made or adopted and no longer declares. none: delete nothing. \
                        all: delete everything that is not declared.",
        "enum": ["managed", "none", "all"],
    });
    let rules: Map<String, Json> =
        kinds::REALM.children.iter().map(|kind| (kind.collection.to_owned(), rule.clone())).collect();
    let by_collection = json!({ "type": "object", "properties": rules, "additionalProperties": false });
    json!({ "default": "managed", "anyOf": [rule, by_collection] })
}

fn tenant() -> Json {
    json!({
        "description": "What the tenant is called, where that is not what its folder says: the names of its objects begin with \
                        it in the realm of another, and so do those of the tenants inside of it.",
        "type": "string",
        "pattern": "^[^/]+$",
    })
}

/// A kind and everything that hangs below it, each once.
fn kinds_below(kind: &'static Kind) -> Vec<&'static Kind> {
    let mut found = vec![kind];
    let mut next = 0;
    while let Some(kind) = found.get(next).copied() {
        next += 1;
        for child in kind.children {
            if !found.contains(child) {
                found.push(child);
            }
        }
    }
    found
}

/// `client scope` as `client-scope`.
fn slug(kind: &Kind) -> String {
    kind.name.replace(' ', "-")
}

/// Whether files may set a field.
fn is_written(write: Write) -> bool {
    !matches!(write, Write::Server)
}
