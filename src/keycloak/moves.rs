//! Which recorded objects somebody may have changed since they were applied, by the realm's admin events.
//!
//! Facts (26.7.4) beyond those of [`super::events`]: what is made, changed or deleted below an object is an event of a path
//! below it; a regenerated secret is an `ACTION`; the lock of a run is deleted by the id of its role, after the record was
//! written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::events::{Event, Scanned, scan};
use super::path::segment;
use super::reader::OpenRealm;
use super::{Http, HttpError, ServerError};
use crate::model::{ADMIN_PERMISSIONS_CLIENT, Address, Record, is_default_roles, kinds};

/// What admin events tell of the time since a project applied something to a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moves {
    /// What events say.
    Known {
        /// Objects of the record that may have been changed; no others were.
        objects: BTreeSet<Address>,
        /// Whether anything was made that is in no record.
        made: bool,
    },
    /// Nobody can tell, since there are no events, or none may be seen.
    Unknown(&'static str),
    /// The events do not tell which objects they are about.
    Unclear(String),
}

/// As many objects are looked up, since events name them by id; where more were changed, reading everything is as quick.
const LOOKUPS: usize = 50;

/// Collections whose changes are not events on every version.
const SILENT: &[&str] = &["userProfile", "clientProfiles", "clientPolicies", "localization"];

/// What events of components may be about.
const COMPONENTS: &[&str] = &["userFederation", "keys", "components", "clientRegistrationPolicies"];

/// What events of the authentication of a realm may be about.
const AUTHENTICATION: &[&str] = &["authenticationFlows", "authenticatorConfigs", "requiredActions"];

impl OpenRealm {
    /// What may have been changed since this project wrote its record.
    ///
    /// # Errors
    /// The server's failures.
    pub async fn moves(&self, http: &Http) -> Result<Moves, ServerError> {
        let (Some(record), Some(own)) = (&self.records.own, &self.records.own_id) else {
            return Ok(Moves::Unknown("nothing was applied yet"));
        };
        if self.settings.get("adminEventsEnabled") != Some(&Value::Bool(true)) {
            return Ok(Moves::Unknown("the realm keeps no admin events (adminEventsEnabled)"));
        }
        let written = format!("clients/{own}");
        let scanned = match scan(http, &self.name, |event| event.path == written).await {
            Err(ServerError::Http(e)) if e.is_forbidden() => {
                return Ok(Moves::Unknown("to see admin events takes the role view-events"));
            }
            scanned => scanned?,
        };
        let Scanned { events, end: Some(end) } = scanned else {
            return Ok(Moves::Unknown("the realm's admin events do not reach back to what was applied last"));
        };
        let mut trail = Trail { http, realm: self, record, made: BTreeSet::new(), names: BTreeMap::new() };
        let mut moved = trail.recorded(SILENT);
        let (mut locks, mut made) = (vec![end.author()], false);
        // From the oldest, so that what was made is known before it is changed.
        for event in events.iter().rev() {
            made |= event.operation == "CREATE" && !event.path.ends_with("/roles/lock");
            match trail.objects(event, &mut locks).await? {
                // With an object goes what names it, elsewhere.
                Some(objects) if objects.is_empty() || !is_end_of_named(event) => moved.extend(objects),
                Some(_) | None => return Ok(Moves::Unclear(format!("an admin event is about {}", event.described()))),
            }
            if trail.names.len() > LOOKUPS {
                return Ok(Moves::Unclear("too many admin events have to be looked at".to_owned()));
            }
        }
        Ok(Moves::Known { objects: moved, made })
    }
}

/// Whether an event is the end of an object that others name: what names it changed as well.
fn is_end_of_named(event: &Event) -> bool {
    let parts: Vec<&str> = event.path.split('/').collect();
    let is_named = matches!(
        *parts,
        [
            "clients" | "client-scopes" | "groups" | "users" | "organizations" | "components" | "roles" | "roles-by-id",
            _
        ] | ["clients", _, "roles", _]
            | ["identity-provider", "instances", _]
            | ["authentication", "flows", _]
    );
    event.operation == "DELETE" && is_named
}

/// Events one after the other, and what was looked up for them.
struct Trail<'a> {
    http: &'a Http,
    realm: &'a OpenRealm,
    record: &'a Record,
    /// The paths of what was made since: it is nobody's, or known by its name.
    made: BTreeSet<String>,
    /// The objects at paths with ids; `None` for what is gone.
    names: BTreeMap<String, Option<Address>>,
}

impl Trail<'_> {
    /// The recorded objects that an event may be about; `None` where that cannot be told.
    async fn objects(
        &mut self,
        event: &Event,
        locks: &mut Vec<(String, String)>,
    ) -> Result<Option<BTreeSet<Address>>, ServerError> {
        let parts: Vec<&str> = event.path.split('/').collect();
        if let ["clients", _, "roles", "lock", ..] = *parts
            && event.operation == "CREATE"
        {
            locks.push(event.author());
        }
        Ok(match *parts {
            ["users", "profile", ..] | ["client-policies" | "localization", ..] => Some(self.recorded(SILENT)),
            ["clients" | "users" | "groups" | "client-scopes", id, ..] => {
                if parts.len() == 2 && event.operation == "CREATE" {
                    self.made.insert(event.path.clone());
                }
                return self.by_id(&parts, id).await;
            }
            ["roles-by-id", id, ..] => {
                if event.operation == "DELETE" && parts.len() == 2 {
                    let lock = locks.iter().position(|author| *author == event.author());
                    return Ok(lock.map(|lock| {
                        locks.remove(lock);
                        BTreeSet::new()
                    }));
                }
                return self.by_id(&parts, id).await;
            }
            ["roles", name, ..] => {
                let role = self.top().child(&kinds::ROLE, name);
                let defaults = is_default_roles(&role).then(|| self.top());
                Some(self.within(&role).into_iter().chain(defaults).collect())
            }
            ["identity-provider", "instances", alias, ..] => {
                Some(self.within(&self.top().child(&kinds::IDENTITY_PROVIDER, alias)))
            }
            ["components", ..] => Some(self.recorded(COMPONENTS)),
            ["authentication", ..] => Some(self.recorded(AUTHENTICATION)),
            ["organizations", ..] => Some(self.recorded(&["organizations"])),
            ["workflows", ..] => Some(self.recorded(&["workflows"])),
            // What runs, and nothing that files declare.
            ["logout-all" | "push-revocation" | "sessions" | "attack-detection" | "clients-initial-access", ..] => {
                Some(BTreeSet::new())
            }
            ["default-groups" | "default-default-client-scopes" | "default-optional-client-scopes", ..] => {
                Some([self.top()].into())
            }
            _ => None,
        })
    }

    /// The recorded objects at a path that goes on from an id.
    async fn by_id(&mut self, parts: &[&str], id: &str) -> Result<Option<BTreeSet<Address>>, ServerError> {
        let list = parts[0];
        let path = format!("{list}/{id}");
        let is_record = |(_, holder): (&String, &String)| holder == id;
        if list == "clients" && self.realm.records.holders.iter().any(is_record) {
            return Ok(Some(BTreeSet::new()));
        }
        // Nobody's objects are not asked for, but roles and groups of a client's account belong to the client.
        let is_of_account =
            list == "users" && parts.get(2).is_some_and(|part| ["role-mappings", "groups"].contains(part));
        let collections: &[&str] = match list {
            "clients" => &["clients", "permissions", "permissionPolicies"],
            "client-scopes" => &["clientScopes"],
            "roles-by-id" => &["roles", "clients"],
            other => &[other],
        };
        if !is_of_account && self.recorded(collections).is_empty() {
            return Ok(Some(BTreeSet::new()));
        }
        if !self.names.contains_key(&path) {
            let found = self.look_up(list, id).await?;
            self.names.insert(path.clone(), found);
        }
        let Some(address) = self.names[&path].clone() else {
            // Gone: that was an object of ours unless it was made since.
            return Ok(self.made.contains(&path).then(BTreeSet::new));
        };
        if *address.kind() == kinds::CLIENT && address.name() == ADMIN_PERMISSIONS_CLIENT {
            return Ok(Some(self.recorded(&["permissions", "permissionPolicies"])));
        }
        if let Some(client) = address.name().strip_prefix("service-account-")
            && *address.kind() == kinds::USER
        {
            return Ok(Some(self.within(&self.top().child(&kinds::CLIENT, client))));
        }
        let objects = self.within(&address);
        let is_known = !objects.is_empty()
            || self.made.contains(&path)
            || self.realm.records.others.values().any(|record| record.objects.contains_key(&address));
        // What has a name that nobody recorded may have had one of ours.
        Ok((is_known || is_of_account).then_some(objects))
    }

    /// The object with an id; `None` when it is gone.
    async fn look_up(&self, list: &str, id: &str) -> Result<Option<Address>, ServerError> {
        let Some(found) = self.get(&format!("/{list}/{}", segment(id))).await? else { return Ok(None) };
        let text = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default();
        let top = self.top();
        Ok(Some(match list {
            "clients" => top.child(&kinds::CLIENT, text("clientId")),
            "users" => top.child(&kinds::USER, text("username")),
            "groups" => top.child(&kinds::GROUP, text("path")),
            "client-scopes" => top.child(&kinds::CLIENT_SCOPE, text("name")),
            _ if found.get("clientRole") == Some(&Value::Bool(true)) => {
                let client = self.get(&format!("/clients/{}", segment(text("containerId")))).await?;
                let name = client.as_ref().and_then(|it| it.get("clientId")?.as_str()).unwrap_or_default();
                top.child(&kinds::CLIENT, name).child(&kinds::CLIENT_ROLE, text("name"))
            }
            _ => top.child(&kinds::ROLE, text("name")),
        }))
    }

    async fn get(&self, path: &str) -> Result<Option<Value>, HttpError> {
        self.http.find(&format!("/{}{path}", segment(&self.realm.name))).await
    }

    fn top(&self) -> Address {
        Address::realm(self.realm.name.clone())
    }

    /// What is recorded at an address and below it.
    fn within(&self, address: &Address) -> BTreeSet<Address> {
        let from = self.record.objects.range(address.clone()..).map(|(it, _)| it);
        from.take_while(|it| it.is_within(address)).cloned().collect()
    }

    /// What is recorded in some collections.
    fn recorded(&self, collections: &[&str]) -> BTreeSet<Address> {
        let is_in = |address: &&Address| address.collection().is_some_and(|it| collections.contains(&it));
        self.record.objects.keys().filter(is_in).cloned().collect()
    }
}
