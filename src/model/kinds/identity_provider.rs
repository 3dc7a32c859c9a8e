//! Identity providers: OIDC, SAML, the social ones, custom ones.

use super::{IDENTITY_PROVIDER_MAPPER, Type, body, server};
use crate::model::field::{Field, Write};
use crate::model::{Kind, Reference, Spi};

/// An upstream provider that users sign in with.
pub static IDENTITY_PROVIDER: Kind = Kind {
    name: "identity provider",
    collection: "identityProviders",
    key: "alias",
    fields: &[
        body("displayName", Type::Text),
        Field {
            name: "providerId",
            ty: Type::Ref(Reference::Provider(Spi::IdentityProvider)),
            write: Write::CreateOnly,
        },
        body("enabled", Type::Bool),
        body("trustEmail", Type::Bool),
        body("storeToken", Type::Bool),
        body("addReadTokenRoleOnCreate", Type::Bool),
        body("authenticateByDefault", Type::Bool),
        body("linkOnly", Type::Bool),
        body("hideOnLogin", Type::Bool),
        body("firstBrokerLoginFlowAlias", Type::Ref(Reference::Flow)),
        body("postBrokerLoginFlowAlias", Type::Ref(Reference::Flow)),
        body("config", Type::TextMap(&[("clientSecret", Type::Secret)])),
        server("internalId"),
        server("updateProfileFirstLoginMode"),
        // The endpoints of providers ignore it on 26.7.4; an organization says which ones are its own.
        server("organizationId"),
        server("types"),
    ],
    children: &[&IDENTITY_PROVIDER_MAPPER],
    on_create: &[],
    // Users' links to it go with it.
    bears_data: true,
    // "Identity Provider alias cannot be changed" (26.7.4): users' links and redirect URIs hold it.
    renamable: false,
    carried_at_creation: false,
};
