//! Roles of clients.

use super::{Type, body, link, server};
use crate::model::{Kind, Reference};

/// A role that belongs to one client.
pub static CLIENT_ROLE: Kind = Kind {
    name: "client role",
    collection: "roles",
    key: "name",
    fields: &[
        body("description", Type::Text),
        body("attributes", Type::SetMap),
        link("composites", Type::RefSet(Reference::Role)),
        server("composite"),
        server("clientRole"),
        server("containerId"),
        server("scopeParamRequired"),
    ],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};
