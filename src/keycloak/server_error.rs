//! What can go wrong between a realm and its server beyond a single request.

use super::HttpError;
use crate::model::RecordError;

/// Why a realm could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A request failed; the server's own words are in it.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The record of this project cannot be read.
    #[error("realm {realm}")]
    Record {
        /// The realm.
        realm: String,
        /// What is wrong with it.
        source: RecordError,
    },
    /// An answer is not what Keycloak documents.
    #[error("Keycloak's answer is not of the expected shape: {what} should be {expected}")]
    Shape {
        /// What was looked at.
        what: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// An object that a write needs does not exist.
    #[error("{address} does not exist on the server")]
    Missing {
        /// The object.
        address: String,
    },
    /// A name that a write needs does not exist.
    #[error("the server knows no {what} {name:?}")]
    Unknown {
        /// The sort of name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The server cannot do what is asked.
    #[error("{0}")]
    Refused(String),
}

impl ServerError {
    pub(super) fn shape(what: &str, expected: &'static str) -> Self {
        Self::Shape { what: what.to_owned(), expected }
    }
}
