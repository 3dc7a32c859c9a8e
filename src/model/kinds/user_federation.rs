//! User federation: LDAP, Kerberos, custom stores of users.

use super::component::provider_id;
use super::{Type, USER_FEDERATION_MAPPER, body, server};
use crate::model::{Kind, Spi};

/// A store of users outside of Keycloak. With one that speaks Kerberos the server changes what flows require of it, which is
/// put back where files say it.
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
