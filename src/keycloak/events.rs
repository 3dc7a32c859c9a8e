//! Admin events: who changed what, where the realm keeps them.
//!
//! Facts (26.7.4): the newest come first; paths are decoded (`roles/a b`) and name roles, identity providers and required
//! actions by name, everything else by id, the realm by none; people and clients are ids of the realm that they signed
//! in to, which is an id, too; a changed client policy or text of a locale is no event.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::path::segment;
use super::shape::{Object, objects, text};
use super::{Http, ServerError};
use crate::model::{Address, Kind, LiveRealm, RealmName, kinds};

/// Who changed an object last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Culprit {
    /// The user, or the account of a service; an id where its name may not be looked up.
    pub user: String,
    /// The client that it was done with.
    pub client: String,
    /// The network address that it came from.
    pub address: String,
    /// When.
    pub time: Timestamp,
}

/// Who changed which object last, as far as that can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Culprits {
    /// By object.
    pub by_address: BTreeMap<Address, Culprit>,
    /// Why nobody can be told.
    pub unknown: Option<&'static str>,
}

/// As many events are looked at for each page.
const PAGE: usize = 100;

/// As many pages at most: an hour of a busy script fills more, but who wants to know does not want to wait.
const PAGES: usize = 50;

/// Who changed these objects of a realm last, since this project applied anything to it.
///
/// # Errors
/// The server's failures; that events may not be seen is told in [`Culprits::unknown`].
pub async fn culprits(http: &Http, live: &LiveRealm, moved: &[&Address]) -> Result<Culprits, ServerError> {
    let Some(first) = moved.first() else { return Ok(Culprits::default()) };
    let realm = Address::realm(first.realm_name());
    let are_kept = live.objects.get(&realm).and_then(|realm| realm.plain("adminEventsEnabled"));
    if are_kept != Some(&Value::Bool(true)) {
        return Ok(Culprits {
            unknown: Some("the realm keeps no admin events (adminEventsEnabled)"),
            ..Culprits::default()
        });
    }
    let events = match since_applied(http, live, &realm.name().to_owned()).await {
        Ok(events) => events,
        Err(ServerError::Http(e)) if e.is_forbidden() => {
            return Ok(Culprits {
                unknown: Some("to see admin events takes the role view-events"),
                ..Culprits::default()
            });
        }
        Err(e) => return Err(e),
    };
    let mut names = Names { http, realms: BTreeMap::new(), known: BTreeMap::new() };
    let mut found = Culprits::default();
    for address in moved {
        let gone = moved.iter().filter(|it| it.kind() == address.kind() && !live.objects.contains_key(it)).count();
        let Some(event) = events.iter().find(|event| event.is_about(live, address, gone)) else { continue };
        found.by_address.insert((*address).clone(), names.culprit(event).await?);
    }
    Ok(found)
}

/// What was done since this project wrote its record, newest first.
async fn since_applied(http: &Http, live: &LiveRealm, realm: &RealmName) -> Result<Vec<Event>, ServerError> {
    // The record is written at the end of a run, and its time is that of the beginning.
    let record = live.record_id.as_ref().map(|id| format!("clients/{id}"));
    let begun = live.record.as_ref().and_then(|record| record.time.parse::<Timestamp>().ok());
    let is_over = |event: &Event| Some(&event.path) == record.as_ref() || begun.is_some_and(|begun| event.time < begun);
    Ok(scan(http, realm, is_over).await?.events)
}

/// Events of a realm, newest first.
pub(super) struct Scanned {
    pub(super) events: Vec<Event>,
    /// The one that ended the search; `None` when there are no more, or too many.
    pub(super) end: Option<Event>,
}

/// Reads events back to one that `is_over`, which is none of them.
pub(super) async fn scan(
    http: &Http,
    realm: &RealmName,
    is_over: impl Fn(&Event) -> bool,
) -> Result<Scanned, ServerError> {
    let mut found = Vec::new();
    for page in 0..PAGES {
        let path = format!("/{}/admin-events?first={}&max={PAGE}", segment(realm), page * PAGE);
        let events = objects(http.get(&path).await?, "the admin events")?;
        let is_last = events.len() < PAGE;
        for event in events {
            let event = Event::read(&event)?;
            if is_over(&event) {
                return Ok(Scanned { events: found, end: Some(event) });
            }
            found.push(event);
        }
        if is_last {
            break;
        }
    }
    Ok(Scanned { events: found, end: None })
}

/// What an event says.
pub(super) struct Event {
    time: Timestamp,
    pub(super) operation: String,
    resource: String,
    pub(super) path: String,
    realm: String,
    client: String,
    user: String,
    address: String,
}

impl Event {
    fn read(event: &Object) -> Result<Self, ServerError> {
        let text_or = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let who = |name: &str| {
            let details = event.get("authDetails").and_then(|it| it.get(name)).and_then(Value::as_str);
            details.unwrap_or_default().to_owned()
        };
        let time = event.get("time").and_then(Value::as_i64).and_then(|time| Timestamp::from_millisecond(time).ok());
        Ok(Self {
            time: time.ok_or_else(|| ServerError::Refused("an admin event has no time".to_owned()))?,
            operation: text(event, "operationType")?.to_owned(),
            resource: text(event, "resourceType")?.to_owned(),
            path: text_or("resourcePath"),
            realm: who("realmId"),
            client: who("clientId"),
            user: who("userId"),
            address: who("ipAddress"),
        })
    }

    /// The user and the client, by their ids.
    pub(super) fn author(&self) -> (String, String) {
        (self.user.clone(), self.client.clone())
    }

    /// `UPDATE of REALM`, with the path where there is one.
    pub(super) fn described(&self) -> String {
        let Self { operation, resource, path, .. } = self;
        if path.is_empty() { format!("{operation} of {resource}") } else { format!("{operation} of {resource} {path}") }
    }

    /// Whether it changed the object; `gone` says how many of its kind are no longer there.
    fn is_about(&self, live: &LiveRealm, address: &Address, gone: usize) -> bool {
        if address.parent().is_none() {
            // Others of them are about what runs: `logout-all`.
            return self.resource == "REALM" && self.path.is_empty();
        }
        let is_below = |path: &str| {
            let rest = self.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('/'));
            // What hangs below it is another object; what names it is a part of it.
            rest.is_some_and(|rest| !CHILDREN.iter().any(|child| rest.starts_with(child)))
        };
        let paths = paths(live, address);
        if paths.iter().any(|path| self.path == *path || is_below(path)) {
            return true;
        }
        // An object that is not there any more had an id that nobody knows.
        let is_gone = !live.objects.contains_key(address);
        is_gone && gone == 1 && self.operation == "DELETE" && Some(self.resource.as_str()) == resource(address.kind())
    }
}

/// How paths go on from an object to others below it.
const CHILDREN: &[&str] = &["roles", "protocol-mappers", "mappers", "authz", "children", "models"];

/// Where events place an object.
fn paths(live: &LiveRealm, address: &Address) -> Vec<String> {
    let id = |address: &Address| live.objects.get(address).map(|object| object.id.clone());
    let name = address.name();
    let above = address.parent().map(|parent| paths(live, &parent)).unwrap_or_default();
    let below = |part: String| above.iter().map(|path| format!("{path}/{part}")).collect::<Vec<_>>();
    let by_id = |list: &str| id(address).map(|id| format!("{list}/{id}")).into_iter().collect::<Vec<_>>();
    let kind = address.kind();
    if *kind == kinds::ROLE {
        return [vec![format!("roles/{name}")], by_id("roles-by-id")].concat();
    }
    if *kind == kinds::CLIENT_ROLE {
        return [below(format!("roles/{name}")), by_id("roles-by-id")].concat();
    }
    if *kind == kinds::PROTOCOL_MAPPER {
        return id(address).map(|id| below(format!("protocol-mappers/models/{id}"))).unwrap_or_default();
    }
    if *kind == kinds::IDENTITY_PROVIDER {
        return vec![format!("identity-provider/instances/{name}")];
    }
    if *kind == kinds::IDENTITY_PROVIDER_MAPPER {
        return id(address).map(|id| below(format!("mappers/{id}"))).unwrap_or_default();
    }
    if *kind == kinds::REQUIRED_ACTION {
        return vec![format!("authentication/required-actions/{name}")];
    }
    if address.collection() == Some(kinds::USER_PROFILE.collection) {
        return vec!["users/profile".to_owned()];
    }
    if *kind == kinds::AUTHENTICATION_FLOW {
        return [vec![format!("authentication/flows/{name}")], by_id("authentication/flows")].concat();
    }
    let lists: &[(&Kind, &str)] = &[
        (&kinds::CLIENT, "clients"),
        (&kinds::GROUP, "groups"),
        (&kinds::CLIENT_SCOPE, "client-scopes"),
        (&kinds::USER, "users"),
        (&kinds::ORGANIZATION, "organizations"),
    ];
    let list = lists.iter().find(|(it, _)| *it == kind).map(|(_, list)| *list);
    by_id(list.unwrap_or("components"))
}

/// What events call a kind whose objects they name by id.
fn resource(kind: &Kind) -> Option<&'static str> {
    let words: &[(&Kind, &str)] = &[
        (&kinds::CLIENT, "CLIENT"),
        (&kinds::GROUP, "GROUP"),
        (&kinds::CLIENT_SCOPE, "CLIENT_SCOPE"),
        (&kinds::USER, "USER"),
        (&kinds::ORGANIZATION, "ORGANIZATION"),
        (&kinds::PROTOCOL_MAPPER, "PROTOCOL_MAPPER"),
        (&kinds::IDENTITY_PROVIDER_MAPPER, "IDENTITY_PROVIDER_MAPPER"),
        (&kinds::AUTHENTICATION_FLOW, "AUTH_FLOW"),
        (&kinds::USER_FEDERATION, "COMPONENT"),
        (&kinds::KEY_PROVIDER, "COMPONENT"),
        (&kinds::COMPONENT, "COMPONENT"),
    ];
    words.iter().find(|(it, _)| *it == kind).map(|(_, word)| *word)
}

/// The names of people and clients, each looked up once.
struct Names<'a> {
    http: &'a Http,
    /// Realms by their ids.
    realms: BTreeMap<String, RealmName>,
    /// Names by (realm id, list, id).
    known: BTreeMap<(String, &'static str, String), String>,
}

impl Names<'_> {
    async fn culprit(&mut self, event: &Event) -> Result<Culprit, ServerError> {
        Ok(Culprit {
            user: self.name(&event.realm, "users", "username", &event.user).await?,
            client: self.name(&event.realm, "clients", "clientId", &event.client).await?,
            address: event.address.clone(),
            time: event.time,
        })
    }

    /// The name of an object of a realm; its id where that may not be seen, or where it is gone.
    async fn name(&mut self, realm: &str, list: &'static str, field: &str, id: &str) -> Result<String, ServerError> {
        let key = (realm.to_owned(), list, id.to_owned());
        if let Some(name) = self.known.get(&key) {
            return Ok(name.clone());
        }
        let found = match self.realm(realm).await? {
            Some(realm) => {
                let path = format!("/{}/{list}/{}", segment(&realm), segment(id));
                unless_forbidden(self.http.find(&path).await)?
            }
            None => None,
        };
        let name = found.and_then(|it| it.get(field)?.as_str().map(str::to_owned)).unwrap_or_else(|| id.to_owned());
        self.known.insert(key, name.clone());
        Ok(name)
    }

    async fn realm(&mut self, id: &str) -> Result<Option<RealmName>, ServerError> {
        if self.realms.is_empty() {
            let listed = unless_forbidden(self.http.find("?briefRepresentation=true").await)?;
            for realm in objects(listed.unwrap_or_else(|| Value::Array(Vec::new())), "the realms")? {
                // A credential that may do nothing in a realm is shown its name alone.
                if let Some(id) = realm.get("id").and_then(Value::as_str) {
                    self.realms.insert(id.to_owned(), text(&realm, "realm")?.to_owned());
                }
            }
        }
        Ok(self.realms.get(id).cloned())
    }
}

fn unless_forbidden(answer: Result<Option<Value>, super::HttpError>) -> Result<Option<Value>, ServerError> {
    match answer {
        Err(e) if e.is_forbidden() => Ok(None),
        answer => Ok(answer?),
    }
}
