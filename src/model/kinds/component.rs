//! Components: providers that a realm has by configuration. The usual sorts have collections of their own.

use super::{CLIENT_REGISTRATION_POLICY, KEY_PROVIDER, Type, USER_FEDERATION, USER_FEDERATION_MAPPER, body, server};
use crate::model::field::{Field, Write};
use crate::model::{Address, Kind, Reference, Spi};

/// The user profile is such a component on the wire, and has an endpoint and fields of its own.
pub const USER_PROFILE_TYPE: &str = "org.keycloak.userprofile.UserProfileProvider";

/// Provider types whose components have collections of their own.
static COLLECTIONS: &[(&str, &Kind)] = &[
    ("org.keycloak.keys.KeyProvider", &KEY_PROVIDER),
    ("org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy", &CLIENT_REGISTRATION_POLICY),
    ("org.keycloak.storage.UserStorageProvider", &USER_FEDERATION),
    ("org.keycloak.storage.ldap.mappers.LDAPStorageMapper", &USER_FEDERATION_MAPPER),
];

/// A component of any other provider type, by that type and its name: `com.acme.Audit/to the archive`.
pub static COMPONENT: Kind = Kind {
    name: "component",
    collection: "components",
    key: "name",
    fields: &[
        // Which types there are is the server's to know, and it refuses a provider that it does not.
        Field { name: "providerId", ty: Type::Text, write: Write::CreateOnly },
        Field { name: "subType", ty: Type::Text, write: Write::CreateOnly },
        body(
            "config",
            Type::Config(&[("clientSecret", Type::Secret), ("password", Type::Secret), ("secret", Type::Secret)]),
        ),
        server("parentId"),
        server("providerType"),
    ],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};

/// Which provider of its type a component is. The server would take another one and keep the old one's configuration.
pub(super) const fn provider_id(spi: Spi) -> Field {
    Field { name: "providerId", ty: Type::Ref(Reference::Provider(spi)), write: Write::CreateOnly }
}

/// The kind of the components of a provider type; `None` for what is no component in files.
pub fn of_provider_type(provider_type: &str) -> Option<&'static Kind> {
    match COLLECTIONS.iter().find(|(known, _)| *known == provider_type) {
        Some((_, kind)) => Some(kind),
        None => (provider_type != USER_PROFILE_TYPE).then_some(&COMPONENT),
    }
}

/// The provider type of a component; `None` for any other object.
pub fn provider_type(address: &Address) -> Option<&str> {
    if address.kind() == &COMPONENT {
        return Some(address.name().split_once('/').map_or(address.name(), |(provider_type, _)| provider_type));
    }
    COLLECTIONS.iter().find(|(_, kind)| *kind == address.kind()).map(|(provider_type, _)| *provider_type)
}

/// What the name of a component begins with where its own name does not tell it from others: its provider type, or the
/// sub-type of a client registration policy.
pub fn split_name(address: &Address) -> (Option<&str>, &str) {
    let is_split = address.kind() == &COMPONENT || address.kind() == &CLIENT_REGISTRATION_POLICY;
    match address.name().split_once('/').filter(|_| is_split) {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, address.name()),
    }
}
