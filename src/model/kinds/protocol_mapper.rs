//! Protocol mappers of clients and client scopes.

use super::{Type, body, server};
use crate::model::field::{Field, Write};
use crate::model::{Kind, Reference, Spi};

/// What puts claims into tokens and attributes into assertions. Its `protocol` is its parent's unless it says otherwise.
pub static PROTOCOL_MAPPER: Kind = Kind {
    name: "protocol mapper",
    collection: "protocolMappers",
    key: "name",
    fields: &[
        // An update leaves it as it is, without a word.
        Field {
            name: "protocol",
            ty: Type::OneOf(&["openid-connect", "saml", "docker-v2", "oid4vc"]),
            write: Write::CreateOnly,
        },
        body("protocolMapper", Type::Ref(Reference::Provider(Spi::ProtocolMapper))),
        body("config", Type::TextMap(&[])),
        server("consentRequired"),
        server("consentText"),
    ],
    children: &[],
    on_create: &[],
    bears_data: false,
    // A PUT with another name answers 204 and keeps the old one (26.7.4).
    renamable: false,
    // POST of clients and of client scopes honours mappers.
    carried_at_creation: true,
};
