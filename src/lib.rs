//! realmform: Keycloak realms as TOML in git.

pub mod apply;
pub mod cli;
pub mod desired;
pub mod diff;
pub mod git;
pub mod keycloak;
pub mod model;
pub mod plan;
pub mod render;
pub mod sandbox;
pub mod secrets;
