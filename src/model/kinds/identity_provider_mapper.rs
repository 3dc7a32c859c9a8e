//! Mappers of identity providers.

use super::{Type, body, server};
use crate::model::{Kind, Reference, Spi};

/// What turns claims and attributes of an upstream provider into users' attributes, groups and roles.
pub static IDENTITY_PROVIDER_MAPPER: Kind = Kind {
    name: "identity provider mapper",
    collection: "mappers",
    key: "name",
    fields: &[
        body("identityProviderMapper", Type::Ref(Reference::Provider(Spi::IdentityProviderMapper))),
        body("config", Type::TextMap(&[("claims", Type::JsonText), ("attributes", Type::JsonText)])),
        server("identityProviderAlias"),
    ],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};
