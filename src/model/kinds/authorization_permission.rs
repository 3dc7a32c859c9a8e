//! Permissions of authorization services: which policies decide about what.

use super::authorization_policy::{STRATEGY, TYPE};
use super::{Type, body, server};
use crate::model::{Kind, Reference};

/// What is allowed where its policies say so.
pub static AUTHORIZATION_PERMISSION: Kind = Kind {
    name: "authorization permission",
    collection: "permissions",
    key: "name",
    fields: &[
        TYPE,
        body("description", Type::Text),
        body("decisionStrategy", STRATEGY),
        body("resources", Type::RefSet(Reference::AuthorizationResource)),
        body("resourceType", Type::Text),
        body("scopes", Type::RefSet(Reference::AuthorizationScope)),
        body("policies", Type::RefSet(Reference::AuthorizationPolicy)),
        // The server has one for every policy, and no use for that of a permission.
        server("logic"),
    ],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};
