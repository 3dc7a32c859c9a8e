//! The shape of a story in JSON.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::document::{CauseWord, CulpritDocument, FORMAT_VERSION, OriginDocument, TouchDocument};
use super::drift::AppliedDocument;
use crate::model::{FieldPath, SecretRef, Value};
use crate::plan::explain::{LeafStory, Side, Story};

/// Where an object and its leaves come from, and what became of them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "realmform explain")]
pub(super) struct StoryDocument {
    /// The version of this format.
    format_version: u32,
    address: String,
    /// What it is: `client scope`.
    kind: &'static str,
    /// Where it is declared.
    origin: Option<OriginDocument>,
    /// Whether the server has it; `null` where the realm is not there.
    exists: Option<bool>,
    /// What this project applied last to its realm.
    applied: Option<AppliedDocument>,
    /// Whether that record names it.
    recorded: bool,
    /// Other projects whose records name it.
    other_projects: Vec<String>,
    /// Who changed it on the server since.
    culprit: Option<CulpritDocument>,
    /// By path.
    fields: Vec<LeafDocument>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LeafDocument {
    #[schemars(with = "Vec<String>")]
    path: FieldPath,
    /// What the files say.
    files: ValueDocument,
    origin: Option<OriginDocument>,
    /// The commit that last touched that line.
    commit: Option<TouchDocument>,
    /// Whether this project's record names it.
    recorded: bool,
    /// What was applied last, where it can be read.
    applied: ValueDocument,
    /// What the server has.
    server: ValueDocument,
    /// What Keycloak gives by itself.
    default: ValueDocument,
    other_projects: Vec<String>,
    /// Why the next apply would change it; `null` where it would not.
    cause: Option<CauseWord>,
}

/// One of these.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum ValueDocument {
    /// A plain value.
    Value(Json),
    /// What names a secret, as in a file; `true` for one of the server's.
    Secret(Json),
    /// There is none, or it is not known.
    Absent(bool),
}

impl From<&Story> for StoryDocument {
    fn from(story: &Story) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            address: story.address.to_string(),
            kind: story.address.kind().name,
            origin: story.origin.as_ref().map(Into::into),
            exists: story.exists,
            applied: story.applied.as_ref().map(Into::into),
            recorded: story.is_recorded,
            other_projects: story.other_projects.clone(),
            culprit: story.culprit.as_ref().map(Into::into),
            fields: story.leaves.iter().map(Into::into).collect(),
        }
    }
}

impl From<&LeafStory> for LeafDocument {
    fn from(leaf: &LeafStory) -> Self {
        let LeafStory { path, declared, touch, is_recorded, applied, live, default, other_projects, cause } = leaf;
        Self {
            path: path.clone(),
            files: value(declared.as_ref().map(|declared| &declared.value)),
            origin: declared.as_ref().map(|declared| (&declared.origin).into()),
            commit: touch.as_ref().map(Into::into),
            recorded: *is_recorded,
            applied: value(applied.as_ref()),
            server: match live {
                Side::Absent => ValueDocument::Absent(true),
                Side::Value(value) => ValueDocument::Value(value.clone()),
                Side::Secret => ValueDocument::Secret(true.into()),
            },
            default: default.clone().map_or(ValueDocument::Absent(true), ValueDocument::Value),
            other_projects: other_projects.clone(),
            cause: cause.map(Into::into),
        }
    }
}

fn value(value: Option<&Value>) -> ValueDocument {
    match value {
        None => ValueDocument::Absent(true),
        Some(Value::Json(value)) => ValueDocument::Value(value.clone()),
        Some(Value::Secret(reference)) => ValueDocument::Secret(reference_json(reference)),
    }
}

fn reference_json(reference: &SecretRef) -> Json {
    super::value(reference)
}
