//! Organizations: customers and partners whose people share a realm.

use super::{Type, body, link, server};
use crate::model::{Kind, Reference};

/// An organization, named by its alias: tokens and scopes hold that, and the server lets nobody change it. Its members
/// are people's business and never touched.
pub static ORGANIZATION: Kind = Kind {
    name: "organization",
    collection: "organizations",
    key: "alias",
    fields: &[
        body("name", Type::Text),
        body("enabled", Type::Bool),
        body("description", Type::Text),
        body("redirectUrl", Type::Text),
        body("domains", Type::Domains),
        body("attributes", Type::SetMap),
        // Providers name their organization, too, but only the organization's own endpoints change that.
        link("identityProviders", Type::RefSet(Reference::IdentityProvider)),
        server("members"),
        server("groups"),
    ],
    children: &[],
    on_create: &[],
    // Memberships and groups go with it, and the users that it manages.
    bears_data: true,
    // "Cannot change the alias" (26.7.4). Its name is a field like any other.
    renamable: false,
    carried_at_creation: false,
};
