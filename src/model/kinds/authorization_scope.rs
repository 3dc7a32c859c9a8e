//! Scopes of authorization services: what can be done.

use super::{Type, body};
use crate::model::Kind;

/// Something that can be done with a resource. Not a client scope.
pub static AUTHORIZATION_SCOPE: Kind = Kind {
    name: "authorization scope",
    collection: "scopes",
    key: "name",
    fields: &[body("displayName", Type::Text), body("iconUri", Type::Text)],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};
