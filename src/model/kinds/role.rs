//! Realm roles.

use super::{Field, Type, body, link, server};
use crate::model::{Kind, Reference};

/// A role of the realm.
pub static ROLE: Kind = Kind {
    name: "role",
    collection: "roles",
    key: "name",
    fields: FIELDS,
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};

/// A client's role has the same fields as the realm's.
pub(super) const FIELDS: &[Field] = &[
    body("description", Type::Text),
    body("attributes", Type::SetMap),
    link("composites", Type::RefSet(Reference::Role)),
    server("composite"),
    server("clientRole"),
    server("containerId"),
    server("scopeParamRequired"),
];
