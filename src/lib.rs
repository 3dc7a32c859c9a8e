//! realmform: Keycloak realms as TOML in git.

pub mod git;
pub mod keycloak;
pub mod sandbox;
pub mod secrets;
