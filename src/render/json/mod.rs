//! For programs: everything that a plan says, in a stable order.

/// The same words on both sides.
macro_rules! words {
    ($word:ident, $value:ident: $($name:ident)+) => {
        impl From<$value> for $word {
            fn from(value: $value) -> Self {
                match value { $($value::$name => Self::$name),+ }
            }
        }
        impl From<$word> for $value {
            fn from(word: $word) -> Self {
                match word { $($word::$name => Self::$name),+ }
            }
        }
    };
}

mod document;
mod drift;
mod lists;
mod outputs;
mod saved;
mod status;
mod story;

use serde::Serialize;
use serde_json::Value as Json;

pub use lists::{
    DestinationState, ListedDestination, ListedOutput, RefreshedField, RefreshedProvider, UpdatedBlueprint,
};
pub use saved::{SavedError, read_saved, saved};

use crate::diff::{Concern, Counts, Diff, RealmDiff, Report};
use crate::fleet::Status;
use crate::plan::explain::{Explanations, Story};
use crate::plan::{Plan, Refusal};
use document::{DifferenceDocument, FORMAT_VERSION, PlanDocument};
use drift::DriftDocument;
use lists::{OutputList, RefreshList, UpdateList};
use saved::SavedDocument;
pub(super) use status::StatusDocument;
use story::StoryDocument;

/// A plan: `formatVersion`, the counts as `summary`, `concerns` of security, and by realm the `changes`, with who is behind
/// them as far as that is known, and the `steps` in their order.
pub fn plan(plan: &Plan, concerns: &[Concern], explanations: &Explanations) -> Json {
    value(&PlanDocument::of(plan, concerns).explained(plan, explanations))
}

/// A refused plan: the plan, and why as `refused`.
pub fn refusal(refusal: &Refusal, concerns: &[Concern], explanations: &Explanations) -> Json {
    let Refusal { plan, violations } = refusal;
    let refused = Some(violations.iter().map(Into::into).collect());
    value(&PlanDocument { refused, ..PlanDocument::of(plan, concerns).explained(plan, explanations) })
}

/// What differs between two states of the files: `formatVersion`, the counts as `summary`, `concerns` of security, and by
/// realm the `changes`.
pub fn difference(diff: &Diff, concerns: &[Concern]) -> Json {
    let counts: Counts = diff.realms.values().map(RealmDiff::counts).sum();
    value(&DifferenceDocument {
        format_version: FORMAT_VERSION,
        summary: counts.into(),
        concerns: concerns.iter().map(Into::into).collect(),
        realms: diff.realms.iter().map(|(name, diff)| (name.clone(), diff.into())).collect(),
    })
}

/// What moved since it was applied: `formatVersion`, the counts as `summary`, and by realm the buckets `drift`, `pending` and
/// `unmanaged`.
pub fn drift(report: &Report) -> Json {
    value(&DriftDocument::from(report))
}

/// The story of an object: `formatVersion`, and by leaf what the files say, what was applied and what the server has.
pub fn story(story: &Story) -> Json {
    value(&StoryDocument::from(story))
}

/// How servers and realms are: `formatVersion`, `wrong`, the counts as `summary`, the `servers` and the `realms`.
pub fn status(status: &Status) -> Json {
    value(&StatusDocument::from(status))
}

/// What is handed over: `formatVersion`, and each of the `outputs` with its destinations.
pub fn outputs(outputs: Vec<ListedOutput>) -> Json {
    value(&OutputList::from(outputs))
}

/// What became of identity providers: `formatVersion`, and each of the `identityProviders` with its changes.
pub fn refreshed(providers: Vec<RefreshedProvider>) -> Json {
    value(&RefreshList::from(providers))
}

/// What became of blueprints from git: `formatVersion`, and each of the `blueprints` with its commit.
pub fn updated(blueprints: Vec<UpdatedBlueprint>) -> Json {
    value(&UpdateList::from(blueprints))
}

/// The JSON Schemas of what this room writes, by the names of their files.
pub fn schemas() -> [(&'static str, Json); 9] {
    [
        ("output-plan.schema.json", schemars::schema_for!(PlanDocument).into()),
        ("output-diff.schema.json", schemars::schema_for!(DifferenceDocument).into()),
        ("output-drift.schema.json", schemars::schema_for!(DriftDocument).into()),
        ("output-explain.schema.json", schemars::schema_for!(StoryDocument).into()),
        ("output-output.schema.json", schemars::schema_for!(OutputList).into()),
        ("output-refresh.schema.json", schemars::schema_for!(RefreshList).into()),
        ("output-status.schema.json", schemars::schema_for!(StatusDocument).into()),
        ("output-update.schema.json", schemars::schema_for!(UpdateList).into()),
        ("saved-plan.schema.json", schemars::schema_for!(SavedDocument).into()),
    ]
}

/// A document as JSON, its keys in order.
fn value(document: &impl Serialize) -> Json {
    // Documents are maps with names as keys, lists, texts and numbers, which JSON has.
    serde_json::to_value(document).unwrap_or_default()
}
