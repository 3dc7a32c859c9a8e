//! Attributes of the user profile.

use super::{Type, body};
use crate::model::{Kind, Reference};

/// An attribute of users.
pub static PROFILE_ATTRIBUTE: Kind = Kind {
    name: "user profile attribute",
    collection: "attributes",
    key: "name",
    fields: &[
        body("displayName", Type::Text),
        body("defaultValue", Type::Text),
        body("multivalued", Type::Bool),
        body("group", Type::Ref(Reference::ProfileGroup)),
        body("required", Type::SetTable),
        body("selector", Type::Table(&[body("scopes", Type::RefSet(Reference::ClientScope))])),
        body("permissions", Type::Table(&[body("view", Type::TextSet), body("edit", Type::TextSet)])),
        body("validations", Type::JsonMap),
        body("annotations", Type::JsonMap),
    ],
    children: &[],
    on_create: &[],
    // What users have of it stays with them, and is only no longer shown.
    bears_data: false,
    // Users' values are kept under its name.
    renamable: false,
    carried_at_creation: false,
};
