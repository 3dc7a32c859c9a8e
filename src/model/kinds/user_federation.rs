//! User federation: LDAP, Kerberos, custom stores of users.

use super::component::provider_id;
use super::{Type, USER_FEDERATION_MAPPER, body, server};
use crate::model::{Kind, Spi};

/// A store of users outside of Keycloak. One that knows Kerberos switches the execution `Kerberos` of the realm's browser
/// flow on when it is made, and off when it is deleted (26.7.4).
pub static USER_FEDERATION: Kind = Kind {
    name: "user federation provider",
    collection: "userFederation",
    key: "name",
    fields: &[
        provider_id(Spi::UserStorage),
        body(
            "config",
            Type::Config(&[
                ("bindCredential", Type::Secret),
                ("changedSyncPeriod", Type::Seconds),
                ("clientSecret", Type::Secret),
                ("fullSyncPeriod", Type::Seconds),
                ("password", Type::Secret),
            ]),
        ),
        server("parentId"),
        server("providerType"),
        server("subType"),
    ],
    children: &[&USER_FEDERATION_MAPPER],
    on_create: &[],
    // The imported users go with it.
    bears_data: true,
    renamable: true,
    carried_at_creation: false,
};
