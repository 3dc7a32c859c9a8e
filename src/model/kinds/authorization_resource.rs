//! Resources of authorization services: what is protected.

use super::{Type, body, server};
use crate::model::{Kind, Reference};

/// Something that is protected. Those that users own are made while the application runs, and are theirs.
pub static AUTHORIZATION_RESOURCE: Kind = Kind {
    name: "authorization resource",
    collection: "resources",
    key: "name",
    fields: &[
        body("displayName", Type::Text),
        body("type", Type::Text),
        body("uris", Type::TextSet),
        body("scopes", Type::RefSet(Reference::AuthorizationScope)),
        body("icon_uri", Type::Text),
        body("ownerManagedAccess", Type::Bool),
        body("attributes", Type::SetMap),
        server("owner"),
        server("_id"),
        server("uri"),
    ],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};
