//! Mappers of LDAP user federation.

use super::component::provider_id;
use super::{Type, body, server};
use crate::model::{Kind, Spi};

/// What turns attributes and entries of a directory into users' attributes, groups and roles. The server makes some
/// together with the provider; they become managed when they are declared.
pub static USER_FEDERATION_MAPPER: Kind = Kind {
    name: "user federation mapper",
    collection: "mappers",
    key: "name",
    fields: &[
        provider_id(Spi::LdapMapper),
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
