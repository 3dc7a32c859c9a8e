//! Realm roles.

use super::{Type, body, link, server};
use crate::model::{Kind, Reference};

/// A role of the realm.
pub static ROLE: Kind = Kind {
    name: "role",
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
