//! Blueprints: what they take, and their files, in which an expression may stand for any value.

use serde_json::{Value as Json, json};

/// `use`, of a realm and of a blueprint.
pub(super) fn uses() -> Json {
    json!({
        "description": "The blueprints that it is made of, each with the values of its parameters.",
        "type": "array",
        "items": {
            "type": "object",
            "required": ["blueprint"],
            "properties": {
                "blueprint": { "description": "A folder of blueprints/ with a blueprint.toml.", "type": "string", "minLength": 1 },
                "with": { "description": "Its parameters by name.", "type": "object" },
            },
            "additionalProperties": false,
        },
    })
}

/// `blueprint.toml`.
pub(super) fn declaration() -> Json {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "realmform blueprint",
        "description": "The folder that holds this file is a blueprint, and each file beside it one of its files.",
        "type": "object",
        "properties": {
            "description": { "description": "What it makes.", "type": "string" },
            "use": uses(),
            "outputs": super::project::outputs(),
            "parameters": {
                "description": "What a use of it gives, by name.",
                "type": "object",
                "additionalProperties": parameter(),
            },
        },
        "additionalProperties": false,
    })
}

fn parameter() -> Json {
    json!({
        "type": "object",
        "properties": {
            "type": {
                "enum": ["string", "integer", "number", "boolean", "list", "table", "secret"],
                "default": "string",
            },
            "description": { "description": "What it is, for those who use it.", "type": "string" },
            "default": { "description": "What it is unless it is given." },
            "required": { "description": "Whether it has to be given; one with a default need not.", "type": "boolean" },
            "allowed": { "description": "The values that it takes.", "type": "array" },
        },
        "additionalProperties": false,
    })
}

/// The same schema of a file where every value may be an expression, and every key a template.
pub(super) fn file(schema: &Json) -> Json {
    let mut schema = with_expressions(schema);
    schema["$defs"]["expression"] = json!({ "type": "string", "pattern": "\\{[{%]" });
    schema
}

fn with_expressions(schema: &Json) -> Json {
    let mut schema = schema.clone();
    if let Some(keywords) = schema.as_object_mut() {
        for (keyword, value) in keywords {
            match (keyword.as_str(), value) {
                ("properties", Json::Object(properties)) => {
                    properties.values_mut().for_each(|value| *value = or_expression(value));
                }
                ("$defs", Json::Object(definitions)) => {
                    definitions.values_mut().for_each(|value| *value = with_expressions(value));
                }
                ("additionalProperties" | "items", value @ Json::Object(_)) => *value = or_expression(value),
                ("propertyNames", value) => *value = json!({ "anyOf": [value, expression()] }),
                ("anyOf" | "oneOf" | "allOf", Json::Array(items)) => {
                    for value in items {
                        *value = with_expressions(value);
                    }
                }
                _ => {}
            }
        }
    }
    schema
}

fn or_expression(schema: &Json) -> Json {
    let mut either = json!({ "anyOf": [with_expressions(schema), expression()] });
    if let Some(description) = schema.get("description") {
        either["description"] = description.clone();
    }
    either
}

fn expression() -> Json {
    json!({ "$ref": "#/$defs/expression" })
}
