//! Client scopes.

use super::{PROTOCOL_MAPPER, Type, body, link};
use crate::model::{Kind, Reference};

/// A named bundle of mappers and role scope mappings that clients share.
pub static CLIENT_SCOPE: Kind = Kind {
    name: "client scope",
    collection: "clientScopes",
    key: "name",
    fields: &[
        body("description", Type::Text),
        body("protocol", Type::OneOf(&["openid-connect", "saml", "oid4vc"])),
        body("attributes", Type::TextMap(&[])),
        link("scopeMappings", Type::RefSet(Reference::Role)),
    ],
    children: &[&PROTOCOL_MAPPER],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};
