//! The description of one type of object.

use super::field::{ANY, Field, FieldPath, Type, Write};

/// The role that a client gets with authorization services, and keeps without them (26.7.4). Its service account needs it
/// to make resources.
pub const PROTECTION_ROLE: &str = "uma_protection";

/// One type of object: what it is called in files and on the wire, and which fields it has.
#[derive(Debug)]
pub struct Kind {
    /// The singular term for messages: `client scope`.
    pub name: &'static str,
    /// The table in files that holds such objects by name: `clientScopes`; empty for the realm.
    pub collection: &'static str,
    /// The field of Keycloak's representation that holds the natural key: `clientId`; empty where there is only one.
    pub key: &'static str,
    /// The known fields. Others are accepted with a warning: Keycloak may be newer than we are.
    pub fields: &'static [Field],
    /// The kinds that hang below an object of this kind.
    pub children: &'static [&'static Kind],
    /// Fields a new object gets when the file is silent and the server's own choice would surprise: (field, value).
    pub on_create: &'static [(&'static str, bool)],
    /// Whether deleting an object also deletes data that no file holds (users, sessions, links), so that consent is needed.
    pub bears_data: bool,
    /// Whether the server can give an object another name in place.
    pub renamable: bool,
    /// Whether the request that creates the parent also creates these, when they are in its body.
    pub carried_at_creation: bool,
}

impl Kind {
    /// The kind that lives in the collection of that name below this kind.
    pub fn child(&self, collection: &str) -> Option<&'static Kind> {
        self.children.iter().copied().find(|kind| kind.collection == collection)
    }

    /// A known field by name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        let named = |name: &str| self.fields.iter().find(|field| field.name == name);
        named(name).or_else(|| named(ANY).filter(|_| name != self.key && name != "lifecycle"))
    }

    /// Whether there is exactly one in its parent, which has no name.
    pub fn is_singleton(&self) -> bool {
        self.key.is_empty()
    }

    /// Whether every name is a field. Then others may have fields of theirs in the same object, so that it is only deleted
    /// with the last of them.
    pub fn has_any_field(&self) -> bool {
        self.fields.iter().any(|field| field.name == ANY)
    }

    /// The type of the leaf at `path`; [`Type::Json`] for what is unknown.
    pub fn leaf_type(&self, path: &FieldPath) -> Type {
        let Some(field) = self.field(path.top()) else { return Type::Json };
        path.rest().fold(field.ty, entry_type)
    }

    /// The element that the server itself adds to a set and that files need not name: a client with a service account
    /// gets the scope `service_account` when the account is switched on (Keycloak 25 and later), and the account the role
    /// [`PROTECTION_ROLE`] of the client itself with authorization services.
    pub fn server_adds(&self, path: &FieldPath) -> Option<&'static str> {
        match (self.name, path.top(), path.rest().next()) {
            ("client", "defaultClientScopes", _) => Some("service_account"),
            ("client", "serviceAccount", Some("clientRoles")) => Some(PROTECTION_ROLE),
            _ => None,
        }
    }

    /// What the server itself makes below a new object: an LDAP provider gets mappers.
    pub fn server_makes(&self) -> Option<&'static Self> {
        (self.name == "user federation provider").then_some(&super::kinds::USER_FEDERATION_MAPPER)
    }

    /// Whether there is no such object without the leaf at `path`, so that it stays when it leaves the file.
    pub fn needs(&self, path: &FieldPath) -> bool {
        matches!(path.top(), "protocolMapper" | "identityProviderMapper" | "steps")
    }

    /// Whether an object names client scopes inside of values that are not taken apart. The server refuses names that it
    /// does not know.
    pub fn may_name_scopes(&self) -> bool {
        matches!(self.name, "user profile attribute" | "client policy")
    }

    /// How the leaf at `path` is written; unknown fields are part of the body.
    pub fn write(&self, path: &FieldPath) -> Write {
        self.field(path.top()).map_or(Write::Body, |field| field.write)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Kind {}

/// The type of the entry `key` of a table of type `ty`.
pub(super) fn entry_type(ty: Type, key: &str) -> Type {
    match ty {
        Type::TextMap(special) => special_type(special, key).unwrap_or(Type::Text),
        Type::Config(special) => special_type(special, key).unwrap_or(Type::TextSet),
        Type::Table(fields) => fields.iter().find(|field| field.name == key).map_or(Type::Json, |field| field.ty),
        Type::SetMap | Type::ClientRoleMap => Type::TextSet,
        Type::Executions => Type::TextMap(&[]),
        Type::JsonMap => Type::Setting,
        _ => Type::Json,
    }
}

fn special_type(special: &[(&str, Type)], key: &str) -> Option<Type> {
    special.iter().find(|(name, _)| *name == key).map(|(_, ty)| *ty)
}
