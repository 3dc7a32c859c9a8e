//! Policies of dynamic client registration.

use super::component::provider_id;
use super::{Type, body, server};
use crate::model::{Kind, Spi};

/// What clients that register themselves may be, named by whom it is for: `anonymous/Trusted Hosts`.
pub static CLIENT_REGISTRATION_POLICY: Kind = Kind {
    name: "client registration policy",
    collection: "clientRegistrationPolicies",
    key: "name",
    fields: &[
        provider_id(Spi::ClientRegistrationPolicy),
        body("config", Type::Config(&[])),
        server("parentId"),
        server("providerType"),
        server("subType"),
    ],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};
