//! Policies of fine-grained admin permissions: which administrators.

use super::authorization_policy::fields;
use crate::model::{Kind, Reference};

/// A condition that permissions name, like those of a client's authorization services.
pub static PERMISSION_POLICY: Kind = Kind {
    name: "permission policy",
    collection: "permissionPolicies",
    key: "name",
    fields: &fields(Reference::PermissionPolicy),
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};
