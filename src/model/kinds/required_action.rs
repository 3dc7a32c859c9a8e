//! Required actions: what users have to do before they are signed in.

use super::{Type, body};
use crate::model::Kind;
use crate::model::field::{Field, Write};

/// An action that users may have to take: verify their address, set up one-time passwords, accept terms.
pub static REQUIRED_ACTION: Kind = Kind {
    name: "required action",
    collection: "requiredActions",
    key: "alias",
    fields: &[
        body("name", Type::Text),
        // Written where the alias is another name; the server keeps it whatever an update says.
        Field { name: "providerId", ty: Type::Text, write: Write::CreateOnly },
        body("enabled", Type::Bool),
        body("defaultAction", Type::Bool),
        body("priority", Type::Int),
        body("config", Type::TextMap(&[("max_auth_age", Type::Seconds)])),
    ],
    children: &[],
    on_create: &[],
    bears_data: false,
    // The server would take another alias, but users' pending actions hold the old one.
    renamable: false,
    carried_at_creation: false,
};
