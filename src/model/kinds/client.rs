//! Clients: OIDC and SAML.

use super::authentication_flow::BINDING_OVERRIDES;
use super::{AUTHORIZATION, CLIENT_ROLE, PROTOCOL_MAPPER, Type, body, link, server};
use crate::model::field::{Field, Write};
use crate::model::{Kind, Reference};

/// Client attributes that are not plain text on the wire.
const ATTRIBUTES: &[(&str, Type)] = &[
    ("access.token.lifespan", Type::Seconds),
    ("acr.loa.map", Type::JsonText),
    ("client.offline.session.idle.timeout", Type::Seconds),
    ("client.offline.session.max.lifespan", Type::Seconds),
    // What the server accepts for a while after a new secret was made.
    ("client.secret.rotated", Type::Secret),
    ("client.session.idle.timeout", Type::Seconds),
    ("client.session.max.lifespan", Type::Seconds),
    ("default.acr.values", Type::JoinedSet),
    ("oauth2.device.code.lifespan", Type::Seconds),
    ("oauth2.device.polling.interval", Type::Seconds),
    ("post.logout.redirect.uris", Type::JoinedSet),
    ("request.uris", Type::JoinedSet),
    ("saml.assertion.lifespan", Type::Seconds),
    // The server reveals the private keys of SAML clients, which it makes itself where none are given.
    ("saml.encryption.private.key", Type::Secret),
    ("saml.signing.private.key", Type::Secret),
];

/// Where the feature `client-secret-rotation` and a policy with it are on: when the secret ends.
pub const SECRET_EXPIRATION: &str = "client.secret.expiration.time";

/// Attributes that the server sets by itself: of the secret and the one before it, and what tells clients of realms in
/// `master` apart.
pub const SERVER_ATTRIBUTES: &[&str] = &[
    "client.secret.creation.time",
    SECRET_EXPIRATION,
    "client.secret.rotated",
    "client.secret.rotated.creation.time",
    "client.secret.rotated.expiration.time",
    "realm_client",
];

/// An application that signs users in, calls for tokens or consumes assertions.
pub static CLIENT: Kind = Kind {
    name: "client",
    collection: "clients",
    key: "clientId",
    fields: &[
        body("name", Type::Text),
        body("description", Type::Text),
        body("type", Type::Text),
        body("rootUrl", Type::Text),
        body("adminUrl", Type::Text),
        body("baseUrl", Type::Text),
        body("surrogateAuthRequired", Type::Bool),
        body("enabled", Type::Bool),
        body("alwaysDisplayInConsole", Type::Bool),
        body("clientAuthenticatorType", Type::Text),
        body("secret", Type::Secret),
        body("redirectUris", Type::TextSet),
        body("webOrigins", Type::TextSet),
        body("notBefore", Type::Int),
        body("bearerOnly", Type::Bool),
        body("consentRequired", Type::Bool),
        body("standardFlowEnabled", Type::Bool),
        body("implicitFlowEnabled", Type::Bool),
        body("directAccessGrantsEnabled", Type::Bool),
        body("serviceAccountsEnabled", Type::Bool),
        body("publicClient", Type::Bool),
        body("frontchannelLogout", Type::Bool),
        body("protocol", Type::OneOf(&["openid-connect", "saml", "docker-v2", "oid4vc"])),
        body("attributes", Type::TextMap(ATTRIBUTES)),
        body("fullScopeAllowed", Type::Bool),
        body("nodeReRegistrationTimeout", Type::Int),
        Field { name: "defaultClientScopes", ty: Type::RefSet(Reference::ClientScope), write: Write::CreateThenLink },
        Field { name: "optionalClientScopes", ty: Type::RefSet(Reference::ClientScope), write: Write::CreateThenLink },
        link("scopeMappings", Type::RefSet(Reference::Role)),
        link("serviceAccount", Type::Table(SERVICE_ACCOUNT)),
        server("access"),
        body("authenticationFlowBindingOverrides", Type::Table(BINDING_OVERRIDES)),
        // On as long as there is an `authorization` below the client.
        server("authorizationServicesEnabled"),
        server("authorizationSettings"),
        server("origin"),
        server("registeredNodes"),
        server("registrationAccessToken"),
    ],
    children: &[&PROTOCOL_MAPPER, &CLIENT_ROLE, &AUTHORIZATION],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};

/// What the client's service account may do and where it belongs.
const SERVICE_ACCOUNT: &[Field] = &[
    link("realmRoles", Type::RefSet(Reference::RealmRole)),
    link("clientRoles", Type::ClientRoleMap),
    link("groups", Type::RefSet(Reference::Group)),
];
