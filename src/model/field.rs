//! Fields of objects: their paths, types and how they are written.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The path of a leaf inside an object: `["attributes", "customerDomain"]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldPath(pub Vec<String>);

impl FieldPath {
    /// A path from its parts.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(parts.into_iter().map(str::to_owned).collect())
    }

    /// The name of the field of the kind that this leaf belongs to: `attributes`.
    pub fn top(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The path below the top field: `["customerDomain"]`; empty for a plain field.
    pub fn rest(&self) -> &[String] {
        self.0.get(1..).unwrap_or(&[])
    }

    /// Whether `prefix` is this path or a table that holds it.
    pub fn is_within(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

impl fmt::Display for FieldPath {
    /// As a TOML key: parts with other than word characters are quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            let bare = !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            if bare {
                f.write_str(part)?;
            } else {
                write!(f, "{}", serde_json::Value::from(part.as_str()))?;
            }
        }
        Ok(())
    }
}

/// One field of a kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Keycloak's own name, as in its JSON.
    pub name: &'static str,
    /// What it holds.
    pub ty: Type,
    /// How it reaches the server.
    pub write: Write,
}

/// What a field holds in files, in canonical form (the flattened form shared by Desired and Live).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A whole number of seconds; a file may also say `"5m"`.
    Seconds,
    /// Text.
    Text,
    /// Text out of a fixed set. Keycloak may be newer, so another value is a warning.
    OneOf(&'static [&'static str]),
    /// A secret: only ever a reference in files; masked or readable on the server.
    Secret,
    /// A set of texts: order has no meaning.
    TextSet,
    /// A list of texts: order is meaning.
    TextList,
    /// A table of texts. Entries are leaves of their own; the listed keys have a special type.
    TextMap(&'static [(&'static str, Type)]),
    /// A table whose entries are sets of texts (attributes of roles and groups).
    SetMap,
    /// Text that holds JSON, in a text table; files write a table or list.
    JsonText,
    /// Texts joined by `##` in a text table; files write a list.
    JoinedSet,
    /// One name of another object.
    Ref(Reference),
    /// A set of names of other objects.
    RefSet(Reference),
    /// A table from clientId to a set of that client's role names (`clientRoles` of groups).
    ClientRoleMap,
    /// A table of named fields (`serviceAccount`).
    Table(&'static [Field]),
    /// Any JSON, compared and sent as it is.
    Json,
}

/// What a name in a field refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A realm role, or a client role as `client:role`.
    Role,
    /// A realm role only.
    RealmRole,
    /// A role of a client, as `client:role`.
    ClientRole,
    /// A client scope.
    ClientScope,
    /// A group, by its path.
    Group,
    /// A client, by its clientId.
    Client,
    /// A top-level authentication flow, by its alias.
    Flow,
}

/// How a field reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// In the object's own representation, at creation and later.
    Body,
    /// In the representation at creation; by other endpoints later, so it may refer to other new objects only if these come first.
    CreateThenLink,
    /// By endpoints of its own, once the object and everything it names exist.
    Link,
    /// Only at creation: a later change is an error that says so.
    CreateOnly,
    /// The server's own: never written, never compared.
    Server,
}

impl Type {
    /// Whether leaves of this type are compared without order.
    pub fn is_set(self) -> bool {
        matches!(self, Self::TextSet | Self::RefSet(_) | Self::SetMap | Self::ClientRoleMap)
    }
}
