//! The secrets room: a reference becomes a value, and a value a fingerprint. What is handed over goes into a vault here, too.
//!
//! Values exist as [`SecretString`](secrecy::SecretString) alone, which no `Debug` shows and which
//! is overwritten when it is dropped. Errors name the reference. What may be stored of a value is
//! its [`Fingerprint`]; what may be printed of a text that could hold one is what a [`Redactor`]
//! leaves of it.

mod document;
mod error;
mod fingerprint;
mod handed;
mod redactor;
mod resolver;
mod sops;
#[cfg(test)]
mod tests;
mod vault;

pub use error::SecretError;
pub use fingerprint::Fingerprint;
pub use handed::{handed_print, is_handed};
pub use redactor::Redactor;
pub use resolver::{Resolver, Unresolved, Values, generated};
pub use sops::SopsError;
pub use vault::{Entry, Vault, VaultError};
