//! What is handed over and taken back, in JSON, both ways.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::address;
use crate::diff::{OutputAction, OutputChange};
use crate::model::{HandOff, RealmName};

/// What happens at one destination of an output.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct OutputDocument {
    /// Its name in the project file.
    output: String,
    /// The client or realm that it is of.
    of: String,
    /// A file, relative to the project, or `vault:path#key`.
    to: String,
    action: OutputWord,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum OutputWord {
    /// It is written for the first time.
    Write,
    /// It is written again, if it says something else once what it is of has changed.
    Refresh,
    /// It is taken away.
    Remove,
    /// It stays, as another realm's: that hands over there from now on.
    Leave,
}

words!(OutputWord, OutputAction: Write Refresh Remove Leave);

impl From<&OutputChange> for OutputDocument {
    fn from(change: &OutputChange) -> Self {
        let OutputChange { to, what: HandOff { output, of }, action } = change;
        Self { output: output.clone(), of: of.to_string(), to: to.to_string(), action: (*action).into() }
    }
}

impl OutputDocument {
    pub(super) fn change(&self, realm: &RealmName) -> Result<OutputChange, String> {
        let Self { output, of, to, action } = self;
        let what = HandOff { output: output.clone(), of: address(realm, of)? };
        Ok(OutputChange { to: to.parse()?, what, action: (*action).into() })
    }
}
