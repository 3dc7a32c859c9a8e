//! Fields of objects: their paths, types and how they are written.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// What separates the parts of a path in memory. No file and no server has it in a name.
const SEPARATOR: char = '\0';

/// A thousand clients have the same few leaves, so that each path is kept once.
static PATHS: LazyLock<Mutex<HashSet<Arc<str>>>> = LazyLock::new(Mutex::default);

/// The name of a field that stands for every name: the keys of the texts of a locale.
pub const ANY: &str = "*";

/// The path of a leaf inside an object: `["attributes", "customerDomain"]`. Cheap to copy.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FieldPath(Arc<str>);

impl FieldPath {
    /// A path from its parts.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut parts = parts.into_iter();
        let top = Self::shared(parts.next().unwrap_or_default());
        parts.fold(top, |path, part| path.child(part))
    }

    /// The path of an entry of the table at this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() {
            return Self::shared(name);
        }
        let mut path = String::with_capacity(self.0.len() + name.len() + 1);
        path.push_str(&self.0);
        path.push(SEPARATOR);
        path.push_str(name);
        Self::shared(&path)
    }

    fn shared(path: &str) -> Self {
        let mut paths = PATHS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = paths.get(path) {
            return Self(Arc::clone(known));
        }
        let new: Arc<str> = path.into();
        paths.insert(Arc::clone(&new));
        Self(new)
    }

    /// The names from the top field down; none for the object itself.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split(SEPARATOR).filter(|_| !self.0.is_empty())
    }

    /// The name of the field of the kind that this leaf belongs to: `attributes`.
    pub fn top(&self) -> &str {
        self.0.split_once(SEPARATOR).map_or(&*self.0, |(top, _)| top)
    }

    /// The names below the top field: `customerDomain`; none for a plain field.
    pub fn rest(&self) -> impl Iterator<Item = &str> {
        self.parts().skip(1)
    }

    /// Whether `prefix` is this path or a table that holds it.
    pub fn is_within(&self, prefix: &Self) -> bool {
        self.0.strip_prefix(&*prefix.0).is_some_and(|rest| rest.is_empty() || rest.starts_with(SEPARATOR))
    }
}

impl Ord for FieldPath {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

impl PartialOrd for FieldPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.parts())
    }
}

impl<'de> Deserialize<'de> for FieldPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parts = Vec::<String>::deserialize(deserializer)?;
        Ok(Self::new(parts.iter().map(String::as_str)))
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for FieldPath {
    /// As a TOML key: parts with other than word characters are quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            let bare = !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            if bare {
                f.write_str(part)?;
            } else {
                write!(f, "{}", serde_json::Value::from(part))?;
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
    /// A table whose entries are texts or sets of texts, each of them a list on the wire (configuration of components).
    /// Entries are leaves of their own; the listed keys have a special type.
    Config(&'static [(&'static str, Type)]),
    /// Text that holds JSON, in a text table; files write a table or list.
    JsonText,
    /// Texts joined by `##` in a text table; files write a list.
    JoinedSet,
    /// One name of another object.
    Ref(Reference),
    /// A set of names of other objects.
    RefSet(Reference),
    /// A set of names of other objects of which something more may be said: a name, or a table of the name under the first
    /// key and a truth value under the second.
    RefTables(Reference, &'static str, &'static str),
    /// A table from clientId to a set of that client's role names (`clientRoles` of groups).
    ClientRoleMap,
    /// A table of named fields (`serviceAccount`).
    Table(&'static [Field]),
    /// The executions of a flow: a nested list whose order is meaning. What configures them are leaves of their own, by
    /// the alias of the configuration and its key, so that a secret in it is one.
    Executions,
    /// Names of objects that come first in a list of the server's, in this order; others follow as they are.
    First(Reference),
    /// A table of sets of texts, as one value. An empty one says something: that an attribute is always required.
    SetTable,
    /// A table of JSON values. Entries are leaves of their own.
    JsonMap,
    /// An entry of a [`Type::JsonMap`]: an empty table says that it is there, such as a validator without settings.
    Setting,
    /// A list of objects, each a provider and its configuration; order is meaning, an empty configuration is as good as none.
    Providers,
    /// The domains of an organization, a set: each a name, or an object with `name` and `verified` where it is.
    Domains,
    /// The steps of a workflow: a list of objects with `uses`, `after` and `with`, a table of texts and sets of texts.
    Steps,
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
    /// An attribute of the user profile.
    ProfileAttribute,
    /// A group of attributes of the user profile.
    ProfileGroup,
    /// A client profile, of the realm or of the server itself.
    ClientProfile,
    /// An identity provider, by its alias.
    IdentityProvider,
    /// A user, by the user name.
    User,
    /// A scope of the same authorization services.
    AuthorizationScope,
    /// A resource of the same authorization services.
    AuthorizationResource,
    /// A policy of the same authorization services.
    AuthorizationPolicy,
    /// A provider that is installed on the server, by its id.
    Provider(Spi),
}

/// What a provider is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spi {
    /// A step of an authentication flow, of whatever sort of flow.
    Authenticator,
    /// A protocol mapper, of whatever protocol.
    ProtocolMapper,
    /// An identity provider, social ones included.
    IdentityProvider,
    /// A mapper of identity providers.
    IdentityProviderMapper,
    /// A type of authorization policy or permission.
    Policy,
    /// A step of a workflow.
    WorkflowStep,
    /// What a user has to do before signing in.
    RequiredAction,
}

impl Spi {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Authenticator,
        Self::ProtocolMapper,
        Self::IdentityProvider,
        Self::IdentityProviderMapper,
        Self::Policy,
        Self::WorkflowStep,
        Self::RequiredAction,
    ];

    /// Its names in Keycloak's `serverinfo`.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Authenticator => &["authenticator", "client-authenticator", "form-authenticator", "form-action"],
            Self::ProtocolMapper => &["protocol-mapper"],
            Self::IdentityProvider => &["identity_provider", "social"],
            Self::IdentityProviderMapper => &["identity-provider-mapper"],
            Self::Policy => &["policy"],
            Self::WorkflowStep => &["workflow-step"],
            Self::RequiredAction => &["required-action"],
        }
    }

    /// What one of its providers is called in messages.
    pub fn term(self) -> &'static str {
        match self {
            Self::Authenticator => "authenticator",
            Self::ProtocolMapper => "protocol mapper",
            Self::IdentityProvider => "identity provider",
            Self::IdentityProviderMapper => "identity provider mapper",
            Self::Policy => "policy type",
            Self::WorkflowStep => "workflow step",
            Self::RequiredAction => "required action",
        }
    }
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
    /// Whether a value says as little as no value: null, `""`, `[]`, and `{}` unless it means something.
    pub fn is_empty(self, value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(table) => table.is_empty() && !matches!(self, Self::SetTable | Self::Setting),
            Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Whether a value of this type is a table whose entries are leaves of their own.
    pub fn is_table(self) -> bool {
        matches!(
            self,
            Self::TextMap(_) | Self::SetMap | Self::Config(_) | Self::ClientRoleMap | Self::Table(_) | Self::JsonMap
        )
    }

    /// Whether leaves of this type are compared without order.
    pub fn is_set(self) -> bool {
        matches!(
            self,
            Self::TextSet | Self::RefSet(_) | Self::RefTables(..) | Self::SetMap | Self::ClientRoleMap | Self::Domains
        )
    }
}
