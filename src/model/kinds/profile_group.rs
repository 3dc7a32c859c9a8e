//! Groups of attributes of the user profile.

use super::{Type, body};
use crate::model::Kind;

/// A part of the forms, with a header of its own.
pub static PROFILE_GROUP: Kind = Kind {
    name: "user profile group",
    collection: "groups",
    key: "name",
    fields: &[
        body("displayHeader", Type::Text),
        body("displayDescription", Type::Text),
        body("annotations", Type::JsonMap),
    ],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: false,
    carried_at_creation: false,
};
