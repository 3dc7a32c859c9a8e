//! What the comparison needs to know about secrets, without seeing one.

use secrecy::SecretString;

use crate::model::SecretRef;

/// Answers questions about resolved secrets; nothing it holds leaves it.
pub trait Secrets {
    /// Whether whatever the server holds is what is wanted: of a generated secret that nobody wants to be another one.
    fn is_kept(&self, reference: &SecretRef) -> bool;

    /// Whether the value behind `reference` is what the server reveals.
    fn same(&self, reference: &SecretRef, live: &SecretString) -> bool;

    /// Whether `fingerprint`, out of the record, is one of the value behind `reference`.
    fn matches(&self, reference: &SecretRef, fingerprint: &str) -> bool;
}
