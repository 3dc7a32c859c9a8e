//! Names of other objects: which of them the files declare, and which only the server can know.

use std::collections::BTreeMap;

use super::problem::Problem;
use super::source::Place;
use super::suggest::did_you_mean;
use crate::model::{
    Address, Desired, DesiredObject, FieldPath, Kind, Names, Origin, RealmName, Reference, is_builtin_provider, kinds,
    unqualified,
};

/// A name that the files use and do not declare.
#[derive(Clone, Debug)]
pub struct Ref {
    /// The realm that it is used and looked up in.
    pub realm: RealmName,
    /// What it names.
    pub kind: Reference,
    /// The name as written: for a role of a client `client:role`. What only has a name among its siblings is qualified.
    pub name: String,
    /// The objects that it may name, the likeliest first; empty for providers, which are no objects.
    pub targets: Vec<Address>,
    /// Where it is used, by place; never empty.
    pub uses: Vec<Use>,
}

/// One use of a name.
#[derive(Clone, Debug)]
pub struct Use {
    /// The object that uses it.
    pub address: Address,
    /// Its leaf; `path` when a group needs its parent.
    pub path: FieldPath,
    /// Where the name is written.
    pub place: Place,
}

impl Ref {
    pub(super) fn new(realm: &str, kind: Reference, name: String, mut uses: Vec<Use>) -> Self {
        uses.sort_by(|a, b| a.place.order().cmp(&b.place.order()));
        Self {
            realm: realm.to_owned(),
            targets: Names::Of(kind).addresses(&Address::realm(realm), &name),
            kind,
            name,
            uses,
        }
    }

    /// Where it is used first.
    pub fn origin(&self) -> Option<Origin> {
        self.uses.first().map(|user| user.place.origin())
    }
}

/// The references that the files themselves do not satisfy.
pub(super) fn unresolved(all: Vec<Ref>, desired: &Desired) -> Vec<Ref> {
    let declared = |reference: &Ref| {
        if let Reference::Provider(spi) = reference.kind {
            return is_builtin_provider(spi, &reference.name);
        }
        let realm = desired.realms.get(&reference.realm);
        realm.is_some_and(|realm| reference.targets.iter().any(|target| realm.objects.contains_key(target)))
    };
    let mut open: Vec<Ref> = all.into_iter().filter(|reference| !declared(reference)).collect();
    for reference in &mut open {
        prefer_declared_clients(reference, desired);
    }
    open
}

/// A clientId may hold a colon: a split whose client is declared is likelier than the others.
fn prefer_declared_clients(reference: &mut Ref, desired: &Desired) {
    let Some(realm) = desired.realms.get(&reference.realm) else { return };
    let declared = |target: &Address| target.parent().is_some_and(|client| realm.objects.contains_key(&client));
    reference.targets.sort_by_key(|target| !(*target.kind() == kinds::CLIENT_ROLE && declared(target)));
}

/// The names of a realm's declared objects that a reference could mean, for "did you mean".
pub fn declared_names(desired: &Desired, realm: &str, kind: Reference) -> Vec<String> {
    let no_objects = BTreeMap::new();
    let objects = desired.realms.get(realm).map_or(&no_objects, |realm| &realm.objects);
    objects.iter().filter_map(|(address, object)| reference_name(kind, address, object)).collect()
}

fn reference_name(kind: Reference, address: &Address, object: &DesiredObject) -> Option<String> {
    let is = |wanted: &'static Kind| *object.kind == *wanted;
    let client_role = || address.parent().map(|client| format!("{}:{}", client.name(), address.name()));
    match kind {
        Reference::Role | Reference::RealmRole if is(&kinds::ROLE) => Some(address.name().to_owned()),
        Reference::Role | Reference::ClientRole if is(&kinds::CLIENT_ROLE) => client_role(),
        Reference::ClientScope if is(&kinds::CLIENT_SCOPE) => Some(address.name().to_owned()),
        Reference::Group if is(&kinds::GROUP) => Some(address.name().to_owned()),
        Reference::Client if is(&kinds::CLIENT) => Some(address.name().to_owned()),
        Reference::Flow if is(&kinds::AUTHENTICATION_FLOW) => Some(address.name().to_owned()),
        Reference::ProfileAttribute if is(&kinds::PROFILE_ATTRIBUTE) => Some(address.name().to_owned()),
        Reference::IdentityProvider if is(&kinds::IDENTITY_PROVIDER) => Some(address.name().to_owned()),
        Reference::ClientProfile if is(&kinds::CLIENT_PROFILE) => Some(address.name().to_owned()),
        Reference::User if is(&kinds::USER) => Some(address.name().to_owned()),
        Reference::ProfileGroup if is(&kinds::PROFILE_GROUP) => Some(address.name().to_owned()),
        Reference::AuthorizationScope if is(&kinds::AUTHORIZATION_SCOPE) => Some(address.name().to_owned()),
        Reference::AuthorizationResource if is(&kinds::AUTHORIZATION_RESOURCE) => Some(address.name().to_owned()),
        Reference::PermissionPolicy if is(&kinds::PERMISSION_POLICY) => Some(address.name().to_owned()),
        Reference::AuthorizationPolicy if is(&kinds::AUTHORIZATION_POLICY) => Some(address.name().to_owned()),
        _ => None,
    }
}

/// The error for a name that neither the files nor the server know. `candidates` are the names that both know.
pub fn unknown_reference<'a>(reference: &Ref, candidates: impl IntoIterator<Item = &'a str>) -> Problem {
    let term = term(reference.kind);
    let more = match reference.uses.len() {
        0 | 1 => String::new(),
        2 => ", used in one more place".to_owned(),
        n => format!(", used in {} more places", n - 1),
    };
    let (place, help) = match reference.kind {
        Reference::Provider(_) => (
            "on the server".to_owned(),
            "no such provider is installed there: install it first, or correct the name".to_owned(),
        ),
        _ => (
            format!("in the realm {}", reference.realm),
            format!("neither the files nor Keycloak know it: declare the {term}, or correct the name"),
        ),
    };
    let name = unqualified(&reference.name);
    let problem = Problem::error(format!("there is no {term} `{name}` {place}{more}"))
        .help(help)
        .maybe_help(did_you_mean(name, candidates));
    match reference.uses.first() {
        Some(user) => problem.at(user.place.clone(), format!("unknown {term}")),
        None => problem,
    }
}

fn term(kind: Reference) -> &'static str {
    match kind {
        Reference::Role => "role",
        Reference::RealmRole => "realm role",
        Reference::ClientRole => "client role",
        Reference::ClientScope => "client scope",
        Reference::Group => "group",
        Reference::Client => "client",
        Reference::Flow => "authentication flow",
        Reference::Provider(spi) => spi.term(),
        Reference::ProfileAttribute => "user profile attribute",
        Reference::ProfileGroup => "user profile group",
        Reference::ClientProfile => "client profile",
        Reference::IdentityProvider => "identity provider",
        Reference::User => "user",
        Reference::AuthorizationScope => "authorization scope",
        Reference::AuthorizationResource => "authorization resource",
        Reference::AuthorizationPolicy => "authorization policy",
        Reference::PermissionPolicy => "permission policy",
    }
}
