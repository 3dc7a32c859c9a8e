//! Fine-grained admin permissions: which administrators may do what with which users, groups, clients, roles and
//! organizations.

use super::{Type, body, server};
use crate::model::{Kind, Reference};

/// The client in whose authorization services the server keeps them. It is the server's own.
pub const ADMIN_PERMISSIONS_CLIENT: &str = "admin-permissions";

/// What administrators are allowed where its policies say so.
pub static PERMISSION: Kind = Kind {
    name: "permission",
    collection: "permissions",
    key: "name",
    fields: &[
        body("description", Type::Text),
        body("resourceType", Type::OneOf(&["Users", "Groups", "Clients", "Roles", "Organizations"])),
        body("users", Type::RefSet(Reference::User)),
        body("groups", Type::RefSet(Reference::Group)),
        body("clients", Type::RefSet(Reference::Client)),
        body("roles", Type::RefSet(Reference::Role)),
        body("organizations", Type::TextSet),
        body("scopes", Type::TextSet),
        body("policies", Type::RefSet(Reference::PermissionPolicy)),
        // In files a list of what the permission is about, by its sort.
        server("resources"),
        server("type"),
        server("logic"),
        server("decisionStrategy"),
    ],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};

/// What permissions can be about: (type, the field with those that it is about, what can be done with them).
pub const RESOURCE_TYPES: &[(&str, &str, &[&str])] = &[
    ("Users", "users", &["manage", "view", "impersonate", "map-roles", "manage-group-membership", "reset-password"]),
    (
        "Groups",
        "groups",
        &[
            "manage",
            "view",
            "manage-membership",
            "manage-membership-of-members",
            "manage-members",
            "view-members",
            "impersonate-members",
        ],
    ),
    ("Clients", "clients", &["manage", "map-roles", "map-roles-client-scope", "map-roles-composite", "view"]),
    ("Roles", "roles", &["map-role", "map-role-client-scope", "map-role-composite"]),
    ("Organizations", "organizations", &["manage", "view"]),
];
