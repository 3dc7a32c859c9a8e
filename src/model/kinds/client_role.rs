//! Roles of clients.

use super::role::FIELDS;
use crate::model::Kind;

/// A role that belongs to one client.
pub static CLIENT_ROLE: Kind = Kind {
    name: "client role",
    collection: "roles",
    key: "name",
    fields: FIELDS,
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};
