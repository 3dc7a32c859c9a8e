//! Users: accounts to begin with and to break the glass with. The others are run-time data, and no file's business.

use super::{Type, body, link, server};
use crate::model::{Kind, Reference, Spi};

/// A user of the realm's own. Users of a directory and the accounts of services are written elsewhere.
pub static USER: Kind = Kind {
    name: "user",
    collection: "users",
    key: "username",
    fields: &[
        body("email", Type::Text),
        body("emailVerified", Type::Bool),
        body("firstName", Type::Text),
        body("lastName", Type::Text),
        body("enabled", Type::Bool),
        body("attributes", Type::SetMap),
        // By the ids of their providers: the server drops any other name without a word.
        body("requiredActions", Type::RefSet(Reference::Provider(Spi::RequiredAction))),
        // No field of Keycloak's: there it is one of the credentials, which are nobody's to read.
        body("password", Type::Secret),
        link("realmRoles", Type::RefSet(Reference::RealmRole)),
        link("clientRoles", Type::ClientRoleMap),
        link("groups", Type::RefSet(Reference::Group)),
        server("access"),
        server("applicationRoles"),
        server("clientConsents"),
        server("createdTimestamp"),
        server("credentials"),
        server("disableableCredentialTypes"),
        server("federatedIdentities"),
        server("federationLink"),
        server("notBefore"),
        server("origin"),
        server("self"),
        server("serviceAccountClientId"),
        server("socialLinks"),
        server("totp"),
        server("userProfileMetadata"),
        server("verifiableCredentials"),
    ],
    children: &[],
    // Without it a new user could not sign in.
    on_create: &[("enabled", true)],
    // Credentials, consents, sessions and links go with a user.
    bears_data: true,
    renamable: true,
    carried_at_creation: false,
};
