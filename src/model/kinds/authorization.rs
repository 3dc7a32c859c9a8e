//! Authorization services of clients: what is protected, and who may do what with it.

use super::{AUTHORIZATION_PERMISSION, AUTHORIZATION_POLICY, AUTHORIZATION_RESOURCE, AUTHORIZATION_SCOPE, Type, body};
use crate::model::Kind;

/// The settings of a client's authorization services. A client has them as long as a file says so.
pub static AUTHORIZATION: Kind = Kind {
    name: "authorization",
    collection: "authorization",
    // It has no name: a client has one or none.
    key: "",
    fields: &[
        body("policyEnforcementMode", Type::OneOf(&["ENFORCING", "PERMISSIVE", "DISABLED"])),
        body("decisionStrategy", Type::OneOf(&["UNANIMOUS", "AFFIRMATIVE"])),
        body("allowRemoteResourceManagement", Type::Bool),
    ],
    children: &[&AUTHORIZATION_SCOPE, &AUTHORIZATION_RESOURCE, &AUTHORIZATION_POLICY, &AUTHORIZATION_PERMISSION],
    on_create: &[],
    bears_data: false,
    renamable: false,
    // Switched on with the client, it is there or not like the client itself.
    carried_at_creation: true,
};
