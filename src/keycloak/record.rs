//! The record and the lock: a disabled client of the realm, and a role of it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::path::{query, segment};
use super::shape::{Object, object, objects, text};
use super::{Http, ServerError};
use crate::model::{LiveRealm, Record};

/// The attribute that holds the record.
pub(super) const RECORD_ATTRIBUTE: &str = "realmform.record";

/// How long a lock holds unless it is renewed: longer than any pause of a healthy run, short enough to wait for.
pub const LOCK_TIME: Duration = Duration::from_secs(15 * 60);

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The person or CI run.
    pub actor: String,
    /// The machine.
    pub host: String,
    /// The process on that machine.
    pub process: u32,
    /// Different for every run.
    pub nonce: String,
}

/// `alice on build-7 (process 4711)`.
impl Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { actor, host, process, nonce: _ } = self;
        write!(f, "{actor} on {host} (process {process})")
    }
}

/// A lock that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The id of the role; `None` for one that was just taken, whose answer does not tell it.
    pub id: Option<String>,
    /// Who holds it.
    pub holder: Holder,
    /// Since when; older versions did not say.
    pub since: Option<Timestamp>,
    /// Until when, unless it is renewed.
    pub expires: Timestamp,
}

impl Lock {
    /// Whether the run that took the lock cannot be at work any more, as far as `asking` can tell.
    pub fn has_ended(&self, asking: &Holder) -> bool {
        let Holder { actor: _, host, process, nonce: _ } = &self.holder;
        // In a container every run is process 1, also the one after the one that died.
        let died = *host == asking.host && (*process == asking.process || !is_running(*process));
        self.expires < Timestamp::now() || died
    }
}

/// The record client of one realm, found or made by [`Ledger::open`].
#[derive(Clone, Debug)]
pub struct Ledger {
    http: Http,
    base: String,
    client_id: String,
    id: String,
    is_new: bool,
}

/// A record client that is about to be made. Its id is chosen here, so that whoever finds the client knows whether this
/// run made it: an answer may be lost, and two first runs may be at work at once.
#[derive(Debug)]
pub struct NewLedger {
    id: String,
    client: Value,
}

impl NewLedger {
    /// A client with `first` as its record.
    pub fn new(project: &str, first: &Record) -> Self {
        let id = random_id();
        let client = new_client(&id, &client_id(project), project, first);
        Self { id, client }
    }

    /// Whether it is there: whether this run made it.
    ///
    /// # Errors
    /// The server's failures.
    pub async fn exists(&self, http: &Http, realm: &str, project: &str) -> Result<bool, ServerError> {
        let found = find(http, realm, project).await?;
        Ok(found.is_some_and(|client| client.get("id").is_some_and(|id| *id == *self.id)))
    }

    /// Its representation, for the body that makes the realm: a realm never exists without its record then.
    pub fn representation(&self) -> &Value {
        &self.client
    }
}

/// What begins the clientIds of records.
const PREFIX: &str = "realmform:";

/// The clients that hold the records of all projects, by project; none where the realm is not there.
pub(super) async fn find_all(http: &Http, realm: &str) -> Result<BTreeMap<String, Object>, ServerError> {
    // The search is for a part of the name: others may have it, too.
    let path = format!("/{}/clients?clientId={}&search=true", segment(realm), query(PREFIX));
    let clients = http.find(&path).await?.unwrap_or_else(|| json!([]));
    Ok(holders(objects(clients, "the clients")?))
}

/// Those of some clients that hold records, by project.
pub(super) fn holders(clients: Vec<Object>) -> BTreeMap<String, Object> {
    let named = clients.into_iter().filter_map(|client| {
        let project = text(&client, "clientId").ok()?.strip_prefix(PREFIX)?.to_owned();
        Some((project, client))
    });
    named.collect()
}

/// What the projects that have a part of a realm applied last.
pub(super) struct Records {
    pub(super) own: Option<Record>,
    pub(super) own_id: Option<String>,
    pub(super) others: BTreeMap<String, Record>,
    /// The ids of the clients that hold records, this project's among them, by project.
    pub(super) holders: BTreeMap<String, String>,
}

impl Records {
    pub(super) fn of(realm: &str, project: &str, holders: &BTreeMap<String, Object>) -> Result<Self, ServerError> {
        let own = holders.get(project);
        let mut others = BTreeMap::new();
        for (name, holder) in holders.iter().filter(|(name, _)| *name != project) {
            others.extend(decode_record(realm, holder)?.map(|record| (name.clone(), record)));
        }
        Ok(Self {
            own: own.map(|holder| decode_record(realm, holder)).transpose()?.flatten(),
            own_id: own.map(|holder| text(holder, "id").map(str::to_owned)).transpose()?,
            others,
            holders: holders
                .iter()
                .map(|(name, holder)| Ok((name.clone(), text(holder, "id")?.to_owned())))
                .collect::<Result<_, ServerError>>()?,
        })
    }

    pub(super) fn put_into(self, live: LiveRealm) -> LiveRealm {
        let Self { own: record, own_id: record_id, others: other_records, holders: _ } = self;
        LiveRealm { record, record_id, other_records, ..live }
    }
}

/// The record that a client holds.
pub(super) fn decode_record(realm: &str, holder: &Object) -> Result<Option<Record>, ServerError> {
    let text = holder.get("attributes").and_then(|it| it.get(RECORD_ATTRIBUTE)).and_then(Value::as_str);
    text.map(|text| Record::decode(realm, text))
        .transpose()
        .map_err(|source| ServerError::Record { realm: realm.to_owned(), source })
}

/// The client that holds a project's record.
pub(super) async fn find(http: &Http, realm: &str, project: &str) -> Result<Option<Object>, ServerError> {
    let path = format!("/{}/clients?clientId={}", segment(realm), query(&client_id(project)));
    match http.find(&path).await? {
        Some(clients) => Ok(objects(clients, "the clients")?.into_iter().next()),
        None => Ok(None),
    }
}

impl Ledger {
    /// The ledger of a realm, if it has one.
    ///
    /// # Errors
    /// The server's failures.
    pub async fn find(http: &Http, realm: &str, project: &str) -> Result<Option<Self>, ServerError> {
        let Some(client) = find(http, realm, project).await? else { return Ok(None) };
        Ok(Some(Self::open(http.clone(), realm, project, text(&client, "id")?.to_owned())))
    }

    /// The ledger of a realm that has one.
    pub fn open(http: Http, realm: &str, project: &str, id: String) -> Self {
        let (base, client_id) = (format!("/{}", segment(realm)), client_id(project));
        Self { http, base, client_id, id, is_new: false }
    }

    /// Makes the ledger of a realm that had none when it was read. Where another run was faster, theirs is opened.
    ///
    /// # Errors
    /// The server's refusals.
    pub async fn create(http: Http, realm: &str, project: &str, new: &NewLedger) -> Result<Self, ServerError> {
        let mut id = new.id.clone();
        match http.post(&format!("/{}/clients", segment(realm)), &new.client).await {
            Ok(_) => {}
            Err(e) if e.is_conflict() => {
                let client = find(&http, realm, project).await?.ok_or(e)?;
                text(&client, "id")?.clone_into(&mut id);
            }
            Err(e) => return Err(e.into()),
        }
        let is_new = id == new.id;
        Ok(Self { is_new, ..Self::open(http, realm, project, id) })
    }

    /// The ledger that came with a new realm.
    pub fn with_realm(http: Http, realm: &str, project: &str, new: &NewLedger) -> Self {
        Self { is_new: true, ..Self::open(http, realm, project, new.id.clone()) }
    }

    /// Whether this run made it: then nobody else can have written to it before the lock.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The same ledger, now that its realm is called so.
    #[must_use]
    pub fn in_realm(&self, realm: &str) -> Self {
        let Self { http, base: _, client_id, id, is_new } = self;
        let base = format!("/{}", segment(realm));
        Self { http: http.clone(), base, client_id: client_id.clone(), id: id.clone(), is_new: *is_new }
    }

    /// The record as it is now.
    ///
    /// # Errors
    /// The server's failures; a record that cannot be read.
    pub async fn record(&self, realm: &str) -> Result<Option<Record>, ServerError> {
        let client = object(self.http.get(&format!("{}/clients/{}", self.base, self.id)).await?, "a client")?;
        let stored = client.get("attributes").and_then(|it| it.get(RECORD_ATTRIBUTE)).and_then(Value::as_str);
        let record = stored.map(|stored| Record::decode(realm, stored)).transpose();
        record.map_err(|source| ServerError::Record { realm: realm.to_owned(), source })
    }

    /// Replaces the record.
    ///
    /// # Errors
    /// The server's refusals.
    pub async fn write(&self, record: &Record) -> Result<(), ServerError> {
        let body = json!({
            "clientId": self.client_id,
            "description": signpost(record),
            "attributes": { RECORD_ATTRIBUTE: record.encode() },
        });
        Ok(self.http.put(&format!("{}/clients/{}", self.base, self.id), &body).await?)
    }

    /// Takes the lock. The server makes a role only once, so of two runs one is told that it exists.
    ///
    /// # Errors
    /// `Ok(Err(lock))` says who holds it; the outer error is the server's failure.
    pub async fn lock(&self, holder: &Holder) -> Result<Result<Lock, Lock>, ServerError> {
        // A lock that ran out is removed by its id, so that of two runs that saw it only one removes it.
        for _ in 0..3 {
            let lock = Lock { id: None, holder: holder.clone(), since: Some(Timestamp::now()), expires: expiry() };
            match self.http.post(&format!("{}/clients/{}/roles", self.base, self.id), &lock_role(&lock)).await {
                Ok(_) => return Ok(Ok(lock)),
                // Taken, perhaps by an earlier try of this very request.
                Err(e) if e.is_conflict() => {}
                Err(e) => return Err(e.into()),
            }
            let Some(lock) = self.held().await? else { continue };
            if lock.holder.nonce == holder.nonce {
                return Ok(Ok(lock));
            }
            if !lock.has_ended(holder) {
                return Ok(Err(lock));
            }
            self.unlock(&lock).await?;
        }
        Err(ServerError::Refused(
            "the lock was taken and released by others three times in a row; try again".to_owned(),
        ))
    }

    /// The lock as it is, if it is taken.
    ///
    /// # Errors
    /// The server's failures.
    pub async fn held(&self) -> Result<Option<Lock>, ServerError> {
        let role = self.http.find(&format!("{}/clients/{}/roles/lock", self.base, self.id)).await?;
        role.map(|role| read_lock(&object(role, "the lock")?)).transpose()
    }

    /// A lock that this run took, as it is now; `None` when somebody took it away.
    ///
    /// # Errors
    /// The server's failures.
    pub async fn still_held(&self, lock: &Lock) -> Result<Option<Lock>, ServerError> {
        Ok(self.held().await?.filter(|held| held.holder.nonce == lock.holder.nonce))
    }

    /// Makes a lock last for another [`LOCK_TIME`].
    ///
    /// # Errors
    /// The server's failures.
    pub async fn renew(&self, lock: &Lock) -> Result<(), ServerError> {
        let Some(path) = self.role_of(lock).await? else { return Ok(()) };
        Ok(self.http.put(&path, &lock_role(&Lock { expires: expiry(), ..lock.clone() })).await?)
    }

    /// Releases this lock, and no later one: by its id, since its name may mean somebody else's by now. One that is gone
    /// already is as good as released.
    ///
    /// # Errors
    /// The server's failures.
    pub async fn unlock(&self, lock: &Lock) -> Result<(), ServerError> {
        let Some(path) = self.role_of(lock).await? else { return Ok(()) };
        match self.http.delete(&path).await {
            Err(e) if !e.is_not_found() => Err(e.into()),
            _ => Ok(()),
        }
    }

    /// The path of the role that is this lock; `None` when it is gone.
    async fn role_of(&self, lock: &Lock) -> Result<Option<String>, ServerError> {
        let id = match &lock.id {
            Some(id) => Some(id.clone()),
            None => self.still_held(lock).await?.and_then(|held| held.id),
        };
        Ok(id.map(|id| format!("{}/roles-by-id/{}", self.base, segment(&id))))
    }
}

/// The clientId of a project's record.
pub(super) fn client_id(project: &str) -> String {
    format!("{PREFIX}{project}")
}

/// Bearer-only and disabled: nobody can sign in with it, and it has no secret.
fn new_client(id: &str, client_id: &str, project: &str, record: &Record) -> Value {
    json!({
        "id": id,
        "clientId": client_id,
        "name": format!("realmform: {project}"),
        "description": signpost(record),
        "enabled": false,
        "bearerOnly": true,
        "standardFlowEnabled": false,
        "fullScopeAllowed": false,
        "defaultClientScopes": [],
        "optionalClientScopes": [],
        "attributes": { RECORD_ATTRIBUTE: record.encode() },
    })
}

/// What people see in the console.
fn signpost(record: &Record) -> String {
    let dirty = if record.dirty { " with uncommitted changes" } else { "" };
    let commit = record.commit.as_deref().map(|commit| commit.get(..7).unwrap_or(commit).to_owned() + dirty);
    let commit = commit.as_deref().unwrap_or("outside of git");
    // Keycloak keeps 255 characters.
    let text = format!("Managed from git, do not edit. Last applied {commit} on {} by {}", record.time, record.actor);
    text.chars().take(255).collect()
}

/// When a lock that is taken or renewed now runs out.
fn expiry() -> Timestamp {
    Timestamp::now() + LOCK_TIME
}

fn lock_role(lock: &Lock) -> Value {
    let Lock { id: _, holder, since, expires } = lock;
    let Holder { actor, host, process, nonce } = holder;
    let since: Vec<String> = since.iter().map(Timestamp::to_string).collect();
    json!({
        "name": "lock",
        "attributes": {
            "actor": [actor], "host": [host], "process": [process.to_string()], "nonce": [nonce],
            "since": since, "expires": [expires.to_string()],
        },
    })
}

fn read_lock(role: &Object) -> Result<Lock, ServerError> {
    let attribute =
        |name: &str| role.get("attributes").and_then(|it| it.get(name)?.get(0)?.as_str()).unwrap_or_default();
    let holder = Holder {
        actor: attribute("actor").to_owned(),
        host: attribute("host").to_owned(),
        process: attribute("process").parse().unwrap_or(0),
        nonce: attribute("nonce").to_owned(),
    };
    // A lock without a readable end is a lock that somebody made by hand; it never runs out by itself.
    let expires = attribute("expires").parse().unwrap_or(Timestamp::MAX);
    let since = attribute("since").parse().ok();
    Ok(Lock { id: Some(text(role, "id")?.to_owned()), holder, since, expires })
}

/// Whether a process of this machine runs. Where the system has no `/proc`, it is taken to run until its lock expires.
/// One that ended and was not waited for, as under an init that reaps nothing, is still listed there, as a zombie.
#[expect(clippy::disallowed_methods, reason = "the state of a process, not a file")]
fn is_running(process: u32) -> bool {
    let processes = std::path::Path::new("/proc");
    if !processes.join("self").exists() {
        return true;
    }
    // `PID (NAME) STATE …`, and the name may hold anything.
    let stat = std::fs::read_to_string(processes.join(process.to_string()).join("stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// A random UUID (version 4), which is what Keycloak gives its objects.
fn random_id() -> String {
    let bits = rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
