//! Keys of the realm.

use super::component::provider_id;
use super::{Type, body, server};
use crate::model::{Kind, Spi};

/// Where a realm gets keys from that it signs and encrypts with: made by the server, imported, or in a key store. Of the
/// active ones of an algorithm that with the highest priority is used.
pub static KEY_PROVIDER: Kind = Kind {
    name: "key provider",
    collection: "keys",
    key: "name",
    fields: &[
        provider_id(Spi::Key),
        body(
            "config",
            Type::Config(&[
                ("certificate", Type::Text),
                ("keyPassword", Type::Secret),
                ("keystorePassword", Type::Secret),
                ("privateKey", Type::Secret),
            ]),
        ),
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
