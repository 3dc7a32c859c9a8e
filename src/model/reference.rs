//! From names in fields to the objects that they may mean.

use std::borrow::Cow;

use serde_json::Value;

use super::kind::entry_type;
use super::{Address, FieldPath, Kind, Reference, Type, kinds};

/// What separates a name from what it is looked up below. No file and no server has it in a name.
const SEPARATOR: char = '\0';

/// What the texts of a leaf name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names<'a> {
    /// Objects of the realm.
    Of(Reference),
    /// Roles of the client with this clientId.
    RolesOf(&'a str),
}

impl Kind {
    /// What the texts of the leaf at `path` name; `None` where they name nothing.
    pub fn names<'a>(&self, path: &'a FieldPath) -> Option<Names<'a>> {
        let mut ty = self.field(path.top())?.ty;
        for name in path.rest() {
            if ty == Type::ClientRoleMap {
                return Some(Names::RolesOf(name));
            }
            ty = entry_type(ty, name);
        }
        match ty {
            Type::Ref(reference)
            | Type::RefSet(reference)
            | Type::RefTables(reference, ..)
            | Type::First(reference) => Some(Names::Of(reference)),
            _ => None,
        }
    }
}

impl Reference {
    /// The kind of what has a name only among its siblings; `None` for what has one in the realm.
    fn sibling(self) -> Option<&'static Kind> {
        Some(match self {
            Self::AuthorizationScope => &kinds::AUTHORIZATION_SCOPE,
            Self::AuthorizationResource => &kinds::AUTHORIZATION_RESOURCE,
            Self::AuthorizationPolicy => &kinds::AUTHORIZATION_POLICY,
            _ => return None,
        })
    }

    /// A text that `from` holds, such that it means the same wherever in the realm it is read.
    pub fn qualified<'a>(self, from: &Address, text: &'a str) -> Cow<'a, str> {
        match self.sibling().and_then(|_| holder(from)) {
            Some(holder) => format!("{}{SEPARATOR}{text}", holder.within_realm()).into(),
            None => text.into(),
        }
    }
}

/// A text of [`Reference::qualified`] as it was.
pub fn unqualified(text: &str) -> &str {
    text.rsplit_once(SEPARATOR).map_or(text, |(_, name)| name)
}

/// The authorization services that an object is part of.
fn holder(from: &Address) -> Option<Address> {
    std::iter::successors(Some(from.clone()), Address::parent).find(|it| it.kind() == &kinds::AUTHORIZATION)
}

fn sibling(kind: &'static Kind, from: &Address, text: &str) -> Option<Address> {
    match text.split_once(SEPARATOR) {
        Some((holder, name)) => Some(Address::parse(from.realm_name(), holder)?.child(kind, name)),
        None => Some(holder(from)?.child(kind, text)),
    }
}

impl Names<'_> {
    /// The objects that a `text` of the object `from` may mean, the likeliest first: a role `a:b` may be a realm role of
    /// that name or the role `b` of the client `a`.
    pub fn addresses(self, from: &Address, text: &str) -> Vec<Address> {
        let realm = &Address::realm(from.realm_name());
        match self {
            Self::Of(Reference::Role) => {
                let mut roles = vec![realm.child(&kinds::ROLE, text)];
                roles.extend(client_roles(realm, text));
                roles
            }
            Self::Of(Reference::ClientRole) => client_roles(realm, text).collect(),
            Self::Of(Reference::RealmRole) => vec![realm.child(&kinds::ROLE, text)],
            Self::Of(Reference::ClientScope) => vec![realm.child(&kinds::CLIENT_SCOPE, text)],
            Self::Of(Reference::Group) => vec![realm.child(&kinds::GROUP, text)],
            Self::Of(Reference::Client) => vec![realm.child(&kinds::CLIENT, text)],
            Self::Of(Reference::PermissionPolicy) => vec![realm.child(&kinds::PERMISSION_POLICY, text)],
            Self::Of(Reference::User) => vec![realm.child(&kinds::USER, text)],
            Self::Of(Reference::Provider(_)) => Vec::new(),
            Self::Of(
                reference @ (Reference::AuthorizationScope
                | Reference::AuthorizationResource
                | Reference::AuthorizationPolicy),
            ) => reference.sibling().and_then(|kind| sibling(kind, from, text)).into_iter().collect(),
            Self::Of(Reference::Flow) => vec![realm.child(&kinds::AUTHENTICATION_FLOW, text)],
            Self::Of(Reference::ProfileAttribute) => vec![profile(realm).child(&kinds::PROFILE_ATTRIBUTE, text)],
            Self::Of(Reference::ProfileGroup) => vec![profile(realm).child(&kinds::PROFILE_GROUP, text)],
            Self::Of(Reference::IdentityProvider) => vec![realm.child(&kinds::IDENTITY_PROVIDER, text)],
            Self::Of(Reference::ClientProfile) => vec![realm.child(&kinds::CLIENT_PROFILE, text)],
            Self::RolesOf(client) => vec![realm.child(&kinds::CLIENT, client).child(&kinds::CLIENT_ROLE, text)],
        }
    }

    /// The text that names an object in a leaf: `client:role` for a client role, unless the leaf says which client.
    pub fn text(self, address: &Address) -> String {
        match (self, address.parent()) {
            (Self::Of(_), Some(client)) if address.kind() == &kinds::CLIENT_ROLE => {
                format!("{}:{}", client.name(), address.name())
            }
            _ => address.name().to_owned(),
        }
    }
}

fn profile(realm: &Address) -> Address {
    realm.child(&kinds::USER_PROFILE, "")
}

/// Names hold colons, too, so each colon may be the one between client and role.
fn client_roles<'a>(realm: &'a Address, text: &'a str) -> impl Iterator<Item = Address> + 'a {
    text.match_indices(':').map(|(at, _)| {
        let client = realm.child(&kinds::CLIENT, &text[..at]);
        client.child(&kinds::CLIENT_ROLE, &text[at + 1..])
    })
}

/// The texts of a leaf's value: one, or each of a list. An item may be a table of the text and what is said of it.
pub fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let items = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
    items.iter().filter_map(|item| item.as_str().or_else(|| item.as_object()?.values().find_map(Value::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_with_colons_may_be_several_objects() {
        let names = Names::Of(Reference::Role);
        let found = names.addresses(&Address::realm("acme"), "urn:shop:refund");
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["acme/roles/urn:shop:refund", "acme/clients/urn/roles/shop:refund", "acme/clients/urn:shop/roles/refund"]
        );
    }

    #[test]
    fn a_sibling_has_a_name_in_its_own_client() {
        let services = |client| Address::realm("acme").child(&kinds::CLIENT, client).child(&kinds::AUTHORIZATION, "");
        let permission = services("shop").child(&kinds::AUTHORIZATION_PERMISSION, "view orders");
        let names = Names::Of(Reference::AuthorizationScope);
        let view = [services("shop").child(&kinds::AUTHORIZATION_SCOPE, "view")];
        assert_eq!(names.addresses(&permission, "view"), view);
        let qualified = Reference::AuthorizationScope.qualified(&permission, "view");
        assert_eq!(names.addresses(&Address::realm("acme"), &qualified), view);
        assert_ne!(qualified, Reference::AuthorizationScope.qualified(&services("web"), "view"));
        assert_eq!(unqualified(&qualified), "view");
        assert_eq!(Reference::Role.qualified(&permission, "view"), "view");
    }

    #[test]
    fn an_item_may_say_more_than_a_name() {
        let value = serde_json::json!(["a", {"name": "b", "required": true}, 3]);
        assert_eq!(texts(&value).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_name_reads_back() {
        let realm = Address::realm("acme");
        let role = realm.child(&kinds::CLIENT, "shop").child(&kinds::CLIENT_ROLE, "refund");
        assert_eq!(Names::Of(Reference::Role).text(&role), "shop:refund");
        assert_eq!(Names::RolesOf("shop").text(&role), "refund");
        assert_eq!(Names::RolesOf("shop").addresses(&realm, "refund"), [role]);
    }

    #[test]
    fn leaves_inside_of_tables_name_objects() {
        let path = FieldPath::new(["serviceAccount", "clientRoles", "shop"]);
        assert_eq!(kinds::CLIENT.names(&path), Some(Names::RolesOf("shop")));
        let path = FieldPath::new(["serviceAccount", "groups"]);
        assert_eq!(kinds::CLIENT.names(&path), Some(Names::Of(Reference::Group)));
        assert_eq!(kinds::CLIENT.names(&FieldPath::new(["redirectUris"])), None);
    }
}
