/*!
A realm export as what a server has: the JSON that `kc.sh export` and the console write, or that somebody wrote for an
import.

It becomes the same objects and leaves as reading the realm would give, so that nothing later knows where they came from.
What an export cannot tell: secrets that it masks, and what a file leaves out that Keycloak would fill in when it imports
it. There Keycloak's own defaults stand in, see [`complete`].

- `collect`: from the one document to objects by address.
- `old`: what older versions of Keycloak wrote, as the current one would.
- `complete`: what the file leaves to Keycloak.
*/

mod collect;
mod complete;
mod old;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use self::collect::Collector;
use super::ServerError;
use super::intake::Intake as _;
use super::interest::Interest;
use super::record::{self, Records};
use super::shape::{Object, text};
use crate::model::{Address, LiveRealm, Names, RealmName, Reference, is_global_profile};

/// Why a file is not taken for a realm export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON of something else.
    #[error("it is no realm export: it has no `realm`, the realm's name")]
    NotARealm,
    /// Files that cannot be of one export.
    #[error("realm {0} is there twice")]
    Twice(RealmName),
    /// Something in it is not what Keycloak writes.
    #[error("{what} should be {expected}")]
    Shape {
        /// What was looked at.
        what: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// The record in it cannot be used, or two objects have one name.
    #[error(transparent)]
    Content(ServerError),
}

impl From<ServerError> for ExportError {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Shape { what, expected } => Self::Shape { what, expected },
            other => Self::Content(other),
        }
    }
}

/// One realm of an export.
#[derive(Clone)]
pub struct Export {
    name: RealmName,
    realm: Object,
}

impl std::fmt::Debug for Export {
    /// `kc.sh export` writes secrets in clear.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a file of `kc.sh export --dir` holds beside the realm's name when users have files of their own.
const USERS: &[&str] = &["users", "federatedUsers"];

impl Export {
    /// The realms of a file: one, or the list that `kc.sh export --file` writes.
    ///
    /// # Errors
    /// What is no realm export.
    pub fn parse(file: &[u8]) -> Result<Vec<Self>, ExportError> {
        let realms = match serde_json::from_slice(file)? {
            Value::Array(realms) => realms,
            realm => vec![realm],
        };
        realms.into_iter().map(Self::new).collect()
    }

    fn new(realm: Value) -> Result<Self, ExportError> {
        let Value::Object(realm) = realm else { return Err(ExportError::NotARealm) };
        let name = text(&realm, "realm").map_err(|_| ExportError::NotARealm)?.to_owned();
        Ok(Self { name, realm })
    }

    /// The realms of several files: `kc.sh export --dir` puts a realm's users beside it.
    ///
    /// # Errors
    /// A realm that is there twice.
    pub fn join(parts: impl IntoIterator<Item = Self>) -> Result<BTreeMap<RealmName, Self>, ExportError> {
        let (users, realms): (Vec<_>, Vec<_>) = parts.into_iter().partition(Self::is_of_users);
        let mut joined = BTreeMap::new();
        for realm in realms {
            if joined.contains_key(&realm.name) {
                return Err(ExportError::Twice(realm.name));
            }
            joined.insert(realm.name.clone(), realm);
        }
        for part in users {
            if let Some(realm) = joined.get_mut(&part.name) {
                realm.add_users(part.realm);
            }
        }
        Ok(joined)
    }

    fn is_of_users(&self) -> bool {
        self.realm.keys().all(|key| key == "realm" || USERS.contains(&key.as_str()))
            && USERS.iter().any(|key| self.realm.contains_key(*key))
    }

    fn add_users(&mut self, mut part: Object) {
        for key in USERS {
            if let Some(Value::Array(users)) = part.remove(*key)
                && let Value::Array(all) = self.realm.entry(*key).or_insert_with(|| Value::Array(Vec::new()))
            {
                all.extend(users);
            }
        }
    }

    /// The realm's name.
    pub fn name(&self) -> &RealmName {
        &self.name
    }

    /// The version of Keycloak that wrote it; `None` where a person did.
    pub fn version(&self) -> Option<&str> {
        self.realm.get("keycloakVersion").and_then(Value::as_str)
    }

    /// The collections of the realm that it says nothing of: the console's export has users never, and clients, groups and
    /// roles where it is told to.
    pub fn lacks(&self) -> Vec<&'static str> {
        let sections =
            ["clients", "groups", "organizations", "permissionPolicies", "permissions", "roles", "workflows"];
        let mut lacks: Vec<&str> = sections.into_iter().filter(|it| !self.realm.contains_key(*it)).collect();
        let users = self.realm.get("users").and_then(Value::as_array);
        let is_user = |user: &Value| user.get("serviceAccountClientId").is_none();
        if !users.is_some_and(|users| users.iter().any(is_user)) {
            lacks.push("users");
        }
        lacks
    }

    /// What the realm has, as far as it matters; it is listed as `realm`, whatever it is called in the export. And what
    /// people should know of how an older export was read.
    ///
    /// # Errors
    /// What is not what Keycloak writes; a record that cannot be read.
    pub fn live(
        &self,
        realm: &RealmName,
        project: &str,
        interest: Interest<'_>,
    ) -> Result<(LiveRealm, Vec<String>), ExportError> {
        let address = Address::realm(realm);
        let mut document = self.realm.clone();
        old::normalise(&mut document);
        let document = &document;
        let records = Records::of(realm, project, &record::holders(collect::list(document, "clients")?))?;
        // A borrow of its own: the record does not live as long as what the caller gave.
        let mut interest = interest;
        if let Some(record) = &records.own {
            interest.add_record(record);
        }
        let collector = Collector::new(address.clone(), &interest);
        collector.collect(document)?;
        let mut notes = complete::complete(&collector, document);
        notes.extend(collector.note());
        let known = interest.undeclared(&address);
        let known = known.filter(|(reference, name)| knows(&collector, *reference, name)).cloned().collect();
        let (objects, unmanaged) = collector.into_parts();
        let renamed_from = (self.name != *realm).then(|| self.name.clone());
        let live = LiveRealm { objects, unmanaged, known, renamed_from, ..LiveRealm::default() };
        Ok((records.put_into(live), notes))
    }
}

fn knows(collector: &Collector<'_>, reference: Reference, name: &str) -> bool {
    let mut objects = Names::Of(reference).addresses(collector.realm(), name).into_iter();
    objects.any(|address| collector.has_seen(&address))
        || (reference == Reference::ClientProfile && is_global_profile(name))
}
