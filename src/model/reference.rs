//! From names in fields to the objects that they may mean.

use serde_json::Value;

use super::kind::entry_type;
use super::{Address, FieldPath, Kind, Reference, Type, kinds};

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
            Type::Ref(reference) | Type::RefSet(reference) | Type::First(reference) => Some(Names::Of(reference)),
            _ => None,
        }
    }
}

impl Names<'_> {
    /// The objects of `realm` that `text` may mean, the likeliest first: a role `a:b` may be a realm role of that name
    /// or the role `b` of the client `a`.
    pub fn addresses(self, realm: &Address, text: &str) -> Vec<Address> {
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
            Self::Of(Reference::Provider(_)) => Vec::new(),
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

/// The texts of a leaf's value: one, or each of a list.
pub fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let items = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
    items.iter().filter_map(Value::as_str)
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
