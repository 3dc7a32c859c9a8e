//! What each type of field looks like in a file.

use serde_json::{Map, Value as Json, json};

use super::is_written;
use crate::model::{ANY, Field, GENERATED_LENGTH, Reference, SECRET_SOURCES, Type, Write};

/// A path of a group: `/staff/ops`.
pub(super) const GROUP_PATH: &str = "^(/[^/]+)+$";

/// A name that begins with what it is for: `anonymous/Trusted Hosts`.
pub(super) const PREFIXED_NAME: &str = "^[^/]+/.";

/// Texts that [`crate::model::parse_seconds`] understands.
pub(super) const DURATION: &str = "^ *([0-9]+[smhdw] *)+$";

/// What fields share, so that each is described once.
pub(super) fn definitions() -> Map<String, Json> {
    let duration = json!({ "type": "string", "pattern": DURATION });
    let scalar = json!({ "type": ["string", "number", "boolean"] });
    let Json::Object(definitions) = json!({
        "secret": secret_or_expression(),
        "text": { "anyOf": [{ "type": "string" }, definition("secret")] },
        "texts": { "type": "array", "items": { "type": "string" } },
        "seconds": {
            "description": "Seconds, or a duration such as \"90s\", \"5m\", \"1h30m\" or \"30d\".",
            "anyOf": [{ "type": "integer" }, duration],
        },
        // Keycloak keeps text in such tables whatever the value means, so text is fine everywhere.
        "seconds-entry": {
            "description": "Seconds, or a duration such as \"90s\", \"5m\", \"1h30m\" or \"30d\".",
            "anyOf": [{ "type": "integer" }, duration, { "type": "string", "pattern": "^-?[0-9]*$" }, definition("secret")],
        },
        "text-entry": { "anyOf": [scalar, definition("secret")] },
        "json-entry": {
            "description": "A table or a list; Keycloak keeps it as text that holds JSON.",
            "anyOf": [scalar, { "type": ["object", "array"] }],
        },
        "joined-entry": {
            "description": "A list; Keycloak keeps it as one text, joined by ##.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }, definition("secret")],
        },
        "executions": { "type": "array", "items": definition("execution") },
        "execution": execution(),
        "config-entry": { "anyOf": [definition("text-entry"), { "type": "array", "items": definition("text-entry") }] },
        "set-entry": { "anyOf": [scalar, { "type": "array", "items": scalar }] },
    }) else {
        return Map::new();
    };
    definitions
}

/// One step of a flow: an authenticator, or a sub-flow with steps of its own.
fn execution() -> Json {
    json!({
        "type": "object",
        "properties": {
            "authenticator": { "type": "string", "minLength": 1, "description": "The provider; of a sub-flow only where it is a form." },
            "flow": { "type": "string", "minLength": 1, "description": "The name of a sub-flow, unique in the realm." },
            "requirement": { "enum": ["REQUIRED", "ALTERNATIVE", "CONDITIONAL", "DISABLED"] },
            "description": { "type": "string" },
            "executions": definition("executions"),
            "authenticatorConfig": { "type": "string", "minLength": 1, "description": "The name of the configuration, unique in the realm." },
            "config": { "type": "object", "additionalProperties": { "anyOf": [
                { "type": ["string", "number", "boolean"] },
                { "type": "array", "items": { "type": ["string", "number", "boolean"] } },
                definition("secret"),
            ] } },
        },
        "required": ["requirement"],
        "anyOf": [{ "required": ["authenticator"] }, { "required": ["flow"] }],
        "additionalProperties": false,
    })
}

/// The steps of a workflow.
fn steps() -> Json {
    json!({
        "description": "The order matters.",
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "properties": {
                "uses": { "type": "string", "minLength": 1, "description": "The provider." },
                "after": { "type": ["string", "integer"], "description": "How long after the step before, such as \"30d\"." },
                "with": { "type": "object", "additionalProperties": definition("set-entry") },
            },
            "required": ["uses"],
            "additionalProperties": false,
        },
    })
}

/// A domain of an organization.
fn domain() -> Json {
    json!({
        "description": "A domain, or a table that also says whether it is verified.",
        "anyOf": [{ "type": "string" }, {
            "type": "object",
            "properties": { "name": { "type": "string", "minLength": 1 }, "verified": { "type": "boolean" } },
            "required": ["name"],
            "additionalProperties": false,
        }],
    })
}

/// The use of a definition.
pub(super) fn definition(name: &str) -> Json {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// Where a secret's value comes from.
pub(super) fn secret() -> Json {
    let source = |name: &str, description: &str, value: Json| {
        let mut value = value;
        value["description"] = description.into();
        json!({ "type": "object", "properties": { name: value }, "required": [name], "additionalProperties": false })
    };
    json!({
        "description": "A secret is written as a reference, never as text.",
        "oneOf": [
            source("env", "An environment variable.", json!({ "type": "string", "minLength": 1, "pattern": "^[^=]+$" })),
            source("file", "A file outside git; a relative path starts at the project.", json!({ "type": "string", "minLength": 1 })),
            source("vault", "A key of a secret in Vault or OpenBao: \"mount/path#key\".", json!({ "type": "string", "pattern": "^[^/#]+/[^#]+#.+$" })),
            source("sops", "A value of a file that SOPS encrypted: \"file#a.b\".", json!({ "type": "string", "pattern": "^[^#]+#.+$" })),
            source("generate", "Made at the first apply, and kept afterwards.", json!({
                "type": "object",
                "properties": { "length": { "type": "integer", "minimum": 16, "maximum": 128, "default": GENERATED_LENGTH } },
                "additionalProperties": false,
            })),
            source("keep", "Whatever the server holds, left alone.", json!({ "const": true })),
            {
                "description": "What a program of the project file prints ([secrets.provider.NAME]).",
                "type": "object",
                "propertyNames": { "pattern": "^[a-z][A-Za-z0-9_-]*$", "not": { "enum": SECRET_SOURCES } },
                "additionalProperties": { "type": "string", "minLength": 1 },
                "minProperties": 1,
                "maxProperties": 1,
            },
        ],
    })
}

/// The same in a realm file, where text may be what Keycloak looks up in a vault of its own.
fn secret_or_expression() -> Json {
    let mut secret = secret();
    if let Some(sources) = secret["oneOf"].as_array_mut() {
        sources.push(json!({
            "description": "An entry of Keycloak's own vault.",
            "type": "string",
            "pattern": r"^\$\{vault\..+\}$",
        }));
    }
    secret
}

/// The fields that files may set.
pub(super) fn fields(fields: &'static [Field]) -> Map<String, Json> {
    let written = fields.iter().filter(|field| is_written(field.write) && field.name != ANY);
    written.map(|field| (field.name.to_owned(), field_schema(field))).collect()
}

fn field_schema(field: &'static Field) -> Json {
    let mut schema = of(field.ty);
    if field.write == Write::CreateOnly {
        schema["description"] = "Chosen when the object is made, and not changed later.".into();
    }
    schema
}

/// What a field of that type looks like.
pub(super) fn of(ty: Type) -> Json {
    match ty {
        Type::Bool => json!({ "type": "boolean" }),
        Type::Int => json!({ "type": "integer" }),
        Type::Seconds => definition("seconds"),
        Type::Text => definition("text"),
        // A newer Keycloak may know more of them.
        Type::OneOf(known) => json!({ "anyOf": [{ "enum": known }, { "type": "string" }] }),
        Type::Secret => definition("secret"),
        Type::TextSet => definition("texts"),
        Type::TextList => described("texts", "The order matters."),
        Type::TextMap(special) => text_map(special),
        Type::Config(special) => config(special),
        Type::SetMap => json!({ "type": "object", "additionalProperties": definition("set-entry") }),
        Type::JsonText => definition("json-entry"),
        Type::JoinedSet => definition("joined-entry"),
        Type::Ref(reference) => json!({ "description": format!("The name of {}.", one(reference)), "type": "string" }),
        Type::RefSet(reference) => references(reference),
        Type::RefTables(reference, key, flag) => json!({
            "description": format!("Each the name of {}, alone or in a table.", one(reference)),
            "type": "array",
            "items": { "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": { key: { "type": "string" }, flag: { "type": "boolean" } },
                    "required": [key],
                    "additionalProperties": false,
                },
            ] },
        }),
        Type::ClientRoleMap => json!({
            "description": "By clientId, the names of that client's roles.",
            "type": "object",
            "additionalProperties": definition("texts"),
        }),
        Type::Table(inner) => json!({ "type": "object", "properties": fields(inner) }),
        Type::Executions => described("executions", "The order matters."),
        Type::First(reference) => {
            described("texts", &format!("Each the name of {}: these come first, in this order.", one(reference)))
        }
        Type::JsonMap => json!({ "type": "object" }),
        Type::SetTable => json!({ "type": "object", "additionalProperties": definition("texts") }),
        Type::Providers => json!({
            "description": "Each a provider and its configuration. The order matters.",
            "type": "array",
            "items": { "type": "object" },
        }),
        Type::Steps => steps(),
        Type::Domains => json!({ "type": "array", "items": domain() }),
        Type::Json | Type::Setting => json!({}),
    }
}

fn references(reference: Reference) -> Json {
    if reference == Reference::Group {
        let items = json!({ "type": "string", "pattern": GROUP_PATH });
        return json!({ "description": "Each the path of a group.", "type": "array", "items": items });
    }
    described("texts", &format!("Each the name of {}.", one(reference)))
}

fn described(name: &str, description: &str) -> Json {
    let mut schema = definition(name);
    schema["description"] = description.into();
    schema
}

/// What a name stands for.
fn one(reference: Reference) -> &'static str {
    match reference {
        Reference::Role => "a realm role, or of a client's role as client:role",
        Reference::RealmRole => "a realm role",
        Reference::ClientRole => "a client's role as client:role",
        Reference::ClientScope => "a client scope",
        Reference::Group => "a group, which is its path",
        Reference::Client => "a client, which is its clientId",
        Reference::Flow => "a top-level authentication flow, which is its alias",
        Reference::Provider(_) => "a provider that is installed on the server, which is its id",
        Reference::ProfileAttribute => "an attribute of the user profile",
        Reference::ProfileGroup => "a group of the user profile",
        Reference::ClientProfile => "a client profile",
        Reference::IdentityProvider => "an identity provider, which is its alias",
        Reference::User => "a user",
        Reference::AuthorizationScope => "a scope of these authorization services",
        Reference::AuthorizationResource => "a resource of these authorization services",
        Reference::AuthorizationPolicy => "a policy of these authorization services",
        Reference::PermissionPolicy => "a permission policy",
    }
}

fn text_map(special: &[(&str, Type)]) -> Json {
    let properties: Map<String, Json> = special.iter().map(|(name, ty)| ((*name).to_owned(), entry(*ty))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": definition("text-entry") })
}

fn config(special: &[(&str, Type)]) -> Json {
    let mut schema = text_map(special);
    schema["additionalProperties"] = definition("config-entry");
    schema
}

/// An entry of a table of texts.
fn entry(ty: Type) -> Json {
    match ty {
        Type::Secret | Type::JsonText | Type::JoinedSet => of(ty),
        Type::Seconds => definition("seconds-entry"),
        _ => definition("text-entry"),
    }
}

/// How an object may change and end.
pub(super) fn lifecycle() -> Json {
    json!({
        "description": "How the object may change and end.",
        "type": "object",
        "properties": {
            "preventDestroy": { "description": "Refuse every plan that deletes it.", "type": "boolean" },
            "ignore": {
                "description": "Fields that are left to the server, such as \"attributes.theme\".",
                "type": "array",
                "items": { "type": "string" },
            },
            "remove": { "description": "Leave out what a blueprint declares.", "const": true },
            "removeFields": {
                "description": "Fields of a blueprint that are left out, such as \"attributes.theme\".",
                "type": "array",
                "items": { "type": "string" },
            },
            "renamedFrom": { "description": "Its name before: it is renamed and not replaced.", "type": "string", "minLength": 1 },
        },
        "additionalProperties": false,
    })
}
