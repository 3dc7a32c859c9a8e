//! The lists that `output`, `refresh` and `update` print as JSON.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::document::FORMAT_VERSION;

/// What is handed over, and whether it is up to date.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "realmform output")]
pub(super) struct OutputList {
    /// The version of this format.
    format_version: u32,
    outputs: Vec<ListedOutput>,
}

impl From<Vec<ListedOutput>> for OutputList {
    fn from(outputs: Vec<ListedOutput>) -> Self {
        Self { format_version: FORMAT_VERSION, outputs }
    }
}

/// One output.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListedOutput {
    /// Its name.
    pub name: String,
    /// The client or realm that it is of.
    pub of: String,
    /// Where it goes; nowhere if it is only printed.
    pub destinations: Vec<ListedDestination>,
}

/// One place where an output goes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListedDestination {
    /// A file, relative to the project, or `vault:path#key`.
    pub to: String,
    /// What is there.
    pub state: DestinationState,
}

/// What is where an output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum DestinationState {
    /// What an apply would write.
    #[serde(rename = "up to date")]
    UpToDate,
    /// Something else.
    #[serde(rename = "not up to date")]
    NotUpToDate,
    /// Nothing.
    #[serde(rename = "not there")]
    NotThere,
}

impl DestinationState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::UpToDate => "up to date",
            Self::NotUpToDate => "not up to date",
            Self::NotThere => "not there",
        }
    }
}

/// What identity providers publish of themselves now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "realmform refresh")]
pub(super) struct RefreshList {
    /// The version of this format.
    format_version: u32,
    identity_providers: Vec<RefreshedProvider>,
}

impl From<Vec<RefreshedProvider>> for RefreshList {
    fn from(identity_providers: Vec<RefreshedProvider>) -> Self {
        Self { format_version: FORMAT_VERSION, identity_providers }
    }
}

/// What became of one identity provider.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RefreshedProvider {
    /// Which one it is.
    pub address: String,
    /// What is another one now; absent where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<RefreshedField>>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A field that is another one now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefreshedField {
    /// Its path.
    pub field: String,
    /// What it is.
    pub now: String,
    /// The file that says it, or is to say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Why no file can be made to say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_written: Option<String>,
}

/// The commits that blueprints are taken from now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "realmform update")]
pub(super) struct UpdateList {
    /// The version of this format.
    format_version: u32,
    blueprints: Vec<UpdatedBlueprint>,
}

impl From<Vec<UpdatedBlueprint>> for UpdateList {
    fn from(blueprints: Vec<UpdatedBlueprint>) -> Self {
        Self { format_version: FORMAT_VERSION, blueprints }
    }
}

/// What became of one blueprint.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UpdatedBlueprint {
    /// Its name.
    pub blueprint: String,
    /// The repository, as the project file says it.
    pub git: String,
    /// The branch or tag; `null` where the project file says none.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The commit that was locked before, in full.
    pub before: Option<String>,
    /// The commit that it is now, in full; absent where it could not be found or fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Why it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
