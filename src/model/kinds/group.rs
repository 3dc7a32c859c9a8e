//! Groups.

use super::{Type, body, link, server};
use crate::model::{Kind, Reference};

/// A group, named by its path: `/staff/ops` hangs below `/staff`.
pub static GROUP: Kind = Kind {
    name: "group",
    collection: "groups",
    key: "path",
    fields: &[
        body("description", Type::Text),
        body("attributes", Type::SetMap),
        link("realmRoles", Type::RefSet(Reference::RealmRole)),
        link("clientRoles", Type::ClientRoleMap),
        server("name"),
        server("parentId"),
        server("subGroupCount"),
        server("subGroups"),
        server("access"),
    ],
    children: &[],
    on_create: &[],
    // Memberships go with it.
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};
