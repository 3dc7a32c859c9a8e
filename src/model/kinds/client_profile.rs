//! Client profiles: what clients have to fulfil.

use super::{Type, body};
use crate::model::Kind;

/// A named list of executors: each checks or changes requests of clients.
pub static CLIENT_PROFILE: Kind = Kind {
    name: "client profile",
    collection: "clientProfiles",
    key: "name",
    fields: &[body("description", Type::Text), body("executors", Type::Providers)],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: false,
    carried_at_creation: false,
};
