//! Client policies: which clients have to fulfil what.

use super::{Type, body};
use crate::model::{Kind, Reference};

/// Conditions that choose clients, and the profiles that hold for these.
pub static CLIENT_POLICY: Kind = Kind {
    name: "client policy",
    collection: "clientPolicies",
    key: "name",
    fields: &[
        body("description", Type::Text),
        body("enabled", Type::Bool),
        body("mode", Type::OneOf(&["DEFAULT", "STRICT"])),
        body("conditions", Type::Providers),
        body("profiles", Type::RefSet(Reference::ClientProfile)),
    ],
    children: &[],
    // The server makes policies disabled; whoever writes one means it.
    on_create: &[("enabled", true)],
    bears_data: false,
    renamable: false,
    carried_at_creation: false,
};
