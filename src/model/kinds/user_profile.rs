//! The user profile: which attributes users have, who sees and edits them, and how forms show them.
//!
//! On the server it is one document with two lists. In files its attributes and groups are objects by name, so that
//! several files may each add theirs and a plan shows them one by one; their order, which is that of the forms, is a field
//! of the profile, since one place has to decide it.

use super::{Field, PROFILE_ATTRIBUTE, PROFILE_GROUP, Type, body};
use crate::model::field::Write;
use crate::model::{Kind, Reference};

/// The profile itself. Every realm has one.
pub static USER_PROFILE: Kind = Kind {
    name: "user profile",
    collection: "userProfile",
    // It has no name: there is one.
    key: "",
    fields: &[
        body("unmanagedAttributePolicy", Type::OneOf(&["DISABLED", "ENABLED", "ADMIN_EDIT", "ADMIN_VIEW"])),
        order("attributeOrder", Reference::ProfileAttribute),
        order("groupOrder", Reference::ProfileGroup),
    ],
    children: &[&PROFILE_ATTRIBUTE, &PROFILE_GROUP],
    on_create: &[],
    bears_data: false,
    renamable: false,
    carried_at_creation: false,
};

/// Which members of a list come first. They have to be there before.
const fn order(name: &'static str, members: Reference) -> Field {
    Field { name, ty: Type::First(members), write: Write::Link }
}
