//! From the names that files use to the ids that requests need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::guarded::lock;
use super::interest::splits;
use super::kinds::group;
use super::path::{query, segment};
use super::shape::{Object, object, objects, optional, text};
use super::{Http, ServerError};
use crate::model::{Address, Kind, Names, Reference, kinds};

/// The ids of a realm's objects: those that were read or made in this run, and others as they are asked for.
#[derive(Debug)]
pub(super) struct Directory {
    http: Http,
    realm: Address,
    /// `/acme`, percent-encoded.
    base: String,
    /// The same, once this run has given the realm its new name.
    renamed: OnceLock<String>,
    ids: Mutex<HashMap<Address, String>>,
    /// clientIds by id: composites name their client by id.
    clients: Mutex<HashMap<String, String>>,
    /// The name of the role that holds the default roles.
    default_role: OnceCell<String>,
    /// Set when the flows were listed, as with the scopes.
    flows: OnceCell<()>,
    user_profile: OnceCell<Object>,
    client_profiles: OnceCell<Object>,
    /// Set when the client scopes were listed: there is no look-up by name, and later ones are noted when they are made.
    scopes: OnceCell<()>,
    /// What is being asked for: whoever wants the same waits for that answer.
    asked: Mutex<HashMap<Address, Arc<tokio::sync::Mutex<()>>>>,
}

impl Directory {
    /// An empty one for the realm that is called `name_on_server` there.
    pub(super) fn new(http: Http, realm: Address, name_on_server: &str) -> Self {
        let base = format!("/{}", segment(name_on_server));
        Self {
            http,
            realm,
            base,
            renamed: OnceLock::new(),
            ids: Mutex::default(),
            clients: Mutex::default(),
            default_role: OnceCell::new(),
            flows: OnceCell::new(),
            user_profile: OnceCell::new(),
            client_profiles: OnceCell::new(),
            scopes: OnceCell::new(),
            asked: Mutex::default(),
        }
    }

    /// The path of the realm: `/acme`.
    pub(super) fn base(&self) -> &str {
        self.renamed.get().unwrap_or(&self.base)
    }

    /// From now on the realm is called as the files have it.
    pub(super) fn rename_realm(&self) {
        self.renamed.get_or_init(|| format!("/{}", segment(self.realm.name())));
    }

    /// Whether this run has given the realm its new name.
    pub(super) fn realm_is_renamed(&self) -> bool {
        self.renamed.get().is_some()
    }

    /// The realm.
    pub(super) fn realm(&self) -> &Address {
        &self.realm
    }

    /// The connection.
    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    /// Notes the id of an object.
    pub(super) fn note(&self, address: &Address, id: &str) {
        if address.kind() == &kinds::CLIENT {
            lock(&self.clients).insert(id.to_owned(), address.name().to_owned());
        }
        lock(&self.ids).insert(address.clone(), id.to_owned());
    }

    /// Notes that an object and all that hangs below it have other names now.
    pub(super) fn rename(&self, from: &Address, to: &Address) {
        let mut ids = lock(&self.ids);
        let moved: Vec<_> = ids.keys().filter_map(|known| Some((known.clone(), known.renamed(from, to)?))).collect();
        let moved: Vec<_> = moved.into_iter().filter_map(|(old, new)| Some((new, ids.remove(&old)?))).collect();
        let mut clients = lock(&self.clients);
        for (address, id) in moved {
            if address.kind() == &kinds::CLIENT {
                clients.insert(id.clone(), address.name().to_owned());
            }
            ids.insert(address, id);
        }
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&self, address: &Address) {
        lock(&self.ids).retain(|known, _| !known.is_within(address));
    }

    /// The id of an object that is known already. Some are read without their ids.
    pub(super) fn known(&self, address: &Address) -> Option<String> {
        lock(&self.ids).get(address).filter(|id| !id.is_empty()).cloned()
    }

    /// Whether the object was met, with or without its id.
    fn is_noted(&self, address: &Address) -> bool {
        lock(&self.ids).contains_key(address)
    }

    /// The address of an object of one of these kinds that is known by its id.
    pub(super) fn address(&self, kinds: &[&Kind], id: &str) -> Option<Address> {
        let ids = lock(&self.ids);
        let known = ids.iter().find(|(address, known)| *known == id && kinds.contains(&address.kind()));
        known.map(|(address, _)| address.clone())
    }

    /// The id of an object that has to exist.
    pub(super) async fn id(&self, address: &Address) -> Result<String, ServerError> {
        let id = match address.kind().name {
            "client" => self.client(address.name()).await?,
            "client scope" => self.client_scope(address.name()).await?,
            "group" => self.group(address.name()).await?,
            "authentication flow" => self.flow(address.name()).await?,
            "organization" => self.organization(address.name()).await?,
            "user" => self.user(address.name()).await?,
            "role" => self.role_at(address, format!("{}/roles/{}", self.base(), segment(address.name()))).await?,
            "client role" => match address.parent() {
                Some(client) => self.client_role(client.name(), address.name()).await?,
                None => None,
            },
            _ => self.known(address),
        };
        id.ok_or_else(|| ServerError::Missing { address: address.to_string() })
    }

    /// Whether the server knows what a file refers to.
    pub(super) async fn knows(&self, reference: Reference, name: &str) -> Result<bool, ServerError> {
        Ok(match reference {
            Reference::Role => self.role(name).await?.is_some(),
            Reference::RealmRole => self.realm_role(name).await?.is_some(),
            Reference::ClientRole => self.any_client_role(name).await?.is_some(),
            Reference::ClientScope => self.client_scope(name).await?.is_some(),
            Reference::Group => self.group(name).await?.is_some(),
            Reference::Client => self.client(name).await?.is_some(),
            Reference::Flow => self.flow(name).await?.is_some(),
            // Not of the realm; asked for where a file names one that Keycloak does not bring.
            Reference::Provider(_) => true,
            Reference::ProfileAttribute => has_member(self.user_profile().await?, "attributes", name),
            Reference::ProfileGroup => has_member(self.user_profile().await?, "groups", name),
            Reference::IdentityProvider => self.has_identity_provider(name).await?,
            Reference::User => self.user(name).await?.is_some(),
            // They were read together with what names them.
            Reference::AuthorizationScope
            | Reference::AuthorizationResource
            | Reference::AuthorizationPolicy
            | Reference::PermissionPolicy => {
                Names::Of(reference).addresses(&self.realm, name).iter().any(|address| self.is_noted(address))
            }
            Reference::ClientProfile => {
                let profiles = match self.client_profiles().await {
                    // Whoever reads the policies that name them says what is off.
                    Err(ServerError::Http(e)) if e.is_not_implemented() => return Ok(false),
                    profiles => profiles?,
                };
                has_member(profiles, "profiles", name) || has_member(profiles, "globalProfiles", name)
            }
        })
    }

    /// What requests that grant roles name a role by.
    pub(super) async fn role(&self, name: &str) -> Result<Option<Value>, ServerError> {
        if !name.contains(':') {
            return self.realm_role(name).await;
        }
        match self.any_client_role(name).await? {
            Some(role) => Ok(Some(role)),
            None => self.realm_role(name).await,
        }
    }

    /// A role of the realm.
    pub(super) async fn realm_role(&self, name: &str) -> Result<Option<Value>, ServerError> {
        let address = self.realm.child(&kinds::ROLE, name);
        let id = self.role_at(&address, format!("{}/roles/{}", self.base(), segment(name))).await?;
        Ok(id.map(|id| json!({ "id": id, "name": name })))
    }

    /// The id of a role of a client.
    pub(super) async fn client_role(&self, client: &str, role: &str) -> Result<Option<String>, ServerError> {
        let Some(id) = self.client(client).await? else { return Ok(None) };
        let address = self.realm.child(&kinds::CLIENT, client).child(&kinds::CLIENT_ROLE, role);
        self.role_at(&address, format!("{}/clients/{}/roles/{}", self.base(), segment(&id), segment(role))).await
    }

    async fn any_client_role(&self, name: &str) -> Result<Option<Value>, ServerError> {
        for (client, role) in splits(name) {
            if let Some(id) = self.client_role(client, role).await? {
                return Ok(Some(json!({ "id": id, "name": role, "clientRole": true })));
            }
        }
        Ok(None)
    }

    /// The server answers the creation of a role with its name, so its id is asked for when it is needed.
    async fn role_at(&self, address: &Address, path: String) -> Result<Option<String>, ServerError> {
        self.cached(address, async || match self.http.find(&path).await? {
            Some(role) => Ok(Some(text(&object(role, "a role")?, "id")?.to_owned())),
            None => Ok(None),
        })
        .await
    }

    /// The id of a client.
    pub(super) async fn client(&self, client_id: &str) -> Result<Option<String>, ServerError> {
        let address = self.realm.child(&kinds::CLIENT, client_id);
        self.cached(&address, async || match self.find_client(client_id).await? {
            Some(client) => Ok(Some(text(&client, "id")?.to_owned())),
            None => Ok(None),
        })
        .await
    }

    /// A client by its clientId, in full.
    pub(super) async fn find_client(&self, client_id: &str) -> Result<Option<Object>, ServerError> {
        let answer = self.http.get(&format!("{}/clients?clientId={}", self.base(), query(client_id))).await?;
        let found = objects(answer, "the clients")?.into_iter().next();
        // An older server matches this without case.
        Ok(found.filter(|client| client.get("clientId").is_some_and(|it| it == client_id)))
    }

    /// The clientId of a client by its id.
    pub(super) async fn client_name(&self, id: &str) -> Result<String, ServerError> {
        if let Some(name) = lock(&self.clients).get(id) {
            return Ok(name.clone());
        }
        let client = object(self.http.get(&format!("{}/clients/{}", self.base(), segment(id))).await?, "a client")?;
        let name = text(&client, "clientId")?.to_owned();
        self.note(&self.realm.child(&kinds::CLIENT, name.clone()), id);
        Ok(name)
    }

    async fn has_identity_provider(&self, alias: &str) -> Result<bool, ServerError> {
        let path = format!("{}/identity-provider/instances/{}", self.base(), segment(alias));
        Ok(self.http.find(&path).await?.is_some())
    }

    async fn organization(&self, alias: &str) -> Result<Option<String>, ServerError> {
        let address = self.realm.child(&kinds::ORGANIZATION, alias);
        self.cached(&address, async || match self.find_organization(alias).await? {
            Some(organization) => Ok(Some(text(&organization, "id")?.to_owned())),
            None => Ok(None),
        })
        .await
    }

    /// An organization by its alias. Among the attributes that can be searched for, this one is the alias; no
    /// alias holds what the query would take apart.
    pub(super) async fn find_organization(&self, alias: &str) -> Result<Option<Object>, ServerError> {
        let path =
            format!("{}/organizations?briefRepresentation=false&q={}", self.base(), query(&format!("alias:{alias}")));
        let found = objects(self.http.get(&path).await?, "the organizations")?;
        Ok(found.into_iter().find(|organization| organization.get("alias").is_some_and(|it| it == alias)))
    }

    async fn client_scope(&self, name: &str) -> Result<Option<String>, ServerError> {
        let address = self.realm.child(&kinds::CLIENT_SCOPE, name);
        if let Some(id) = self.known(&address) {
            return Ok(Some(id));
        }
        self.scopes.get_or_try_init(async || self.list_client_scopes().await.map(drop)).await?;
        Ok(self.known(&address))
    }

    /// All client scopes, in full. Their ids are known from then on.
    pub(super) async fn list_client_scopes(&self) -> Result<Vec<Object>, ServerError> {
        let scopes = objects(self.http.get(&format!("{}/client-scopes", self.base())).await?, "the client scopes")?;
        for scope in &scopes {
            self.note(&self.realm.child(&kinds::CLIENT_SCOPE, text(scope, "name")?), text(scope, "id")?);
        }
        // Set already when two asked at once, which is as good.
        self.scopes.set(()).ok();
        Ok(scopes)
    }

    async fn group(&self, path: &str) -> Result<Option<String>, ServerError> {
        let address = self.realm.child(&kinds::GROUP, path);
        self.cached(&address, async || match self.find_group(path).await? {
            Some(group) => Ok(Some(text(&group, "id")?.to_owned())),
            None => Ok(None),
        })
        .await
    }

    /// A group by its path, in full. What has a slash in its name, or is inside of such a group, is another one: the server
    /// looks for it as well.
    pub(super) async fn find_group(&self, path: &str) -> Result<Option<Object>, ServerError> {
        let parts: Vec<String> =
            path.split('/').filter(|part| !part.is_empty()).map(|it| segment(it).to_string()).collect();
        let answer = self.http.find(&format!("{}/group-by-path/{}", self.base(), parts.join("/"))).await?;
        let group = answer.map(|group| object(group, "a group")).transpose()?.filter(group::has_path);
        match path.rsplit_once('/') {
            // What is above has a slash of its own that may be one in a name.
            Some((above, _)) if group.is_some() && above.matches('/').count() > 1 => {
                let parent = Box::pin(self.group(above)).await?;
                Ok(group.filter(|it| optional(it, "parentId") == parent.as_deref()))
            }
            _ => Ok(group),
        }
    }

    /// The id of a user.
    pub(super) async fn user(&self, name: &str) -> Result<Option<String>, ServerError> {
        self.cached(&self.realm.child(&kinds::USER, name), async || match self.find_user(name).await? {
            Some(user) => Ok(Some(text(&user, "id")?.to_owned())),
            None => Ok(None),
        })
        .await
    }

    /// A user by name, in full. The server asks the realm's directories as well, and imports whom it finds there.
    pub(super) async fn find_user(&self, username: &str) -> Result<Option<Object>, ServerError> {
        let answer = self.http.get(&format!("{}/users?username={}&exact=true", self.base(), query(username))).await?;
        let found = objects(answer, "the users")?.into_iter();
        // Names are matched without case.
        Ok(found.into_iter().find(|user| user.get("username").is_some_and(|it| it == username)))
    }

    /// Notes the name of the role that holds the default roles.
    pub(super) fn note_default_role(&self, name: &str) {
        // Whoever came first read the same.
        drop(self.default_role.set(name.to_owned()));
    }

    /// The name of the role that holds the default roles: `default-roles-acme`, but a renamed realm keeps the old name.
    pub(super) async fn default_role(&self) -> Result<&str, ServerError> {
        let name = self.default_role.get_or_try_init(async || {
            let realm = object(self.http.get(self.base()).await?, "the realm")?;
            let name = realm.get("defaultRole").and_then(|role| role.get("name")).and_then(Value::as_str);
            Ok::<_, ServerError>(name.ok_or_else(|| ServerError::shape("defaultRole.name", "text"))?.to_owned())
        });
        Ok(name.await?)
    }

    /// Whether this is that role, as far as its name is known already.
    pub(super) fn is_default_role(&self, address: &Address) -> bool {
        address.kind() == &kinds::ROLE && self.default_role.get().is_some_and(|name| name == address.name())
    }

    /// The user profile, as it is before this run changes it.
    pub(super) async fn user_profile(&self) -> Result<&Object, ServerError> {
        let ask = async || object(self.http.get(&format!("{}/users/profile", self.base())).await?, "the user profile");
        self.user_profile.get_or_try_init(ask).await
    }

    /// The client profiles of the realm and of the server, as they are before this run changes them.
    pub(super) async fn client_profiles(&self) -> Result<&Object, ServerError> {
        let path = format!("{}/client-policies/profiles?include-global-profiles=true", self.base());
        let ask = async || object(self.http.get(&path).await?, "the client profiles");
        self.client_profiles.get_or_try_init(ask).await
    }

    /// The id of a top-level flow.
    pub(super) async fn flow(&self, alias: &str) -> Result<Option<String>, ServerError> {
        let address = self.realm.child(&kinds::AUTHENTICATION_FLOW, alias);
        if let Some(id) = self.known(&address) {
            return Ok(Some(id));
        }
        self.flows.get_or_try_init(async || self.list_flows().await.map(drop)).await?;
        Ok(self.known(&address))
    }

    /// The alias of a top-level flow by its id.
    pub(super) async fn flow_alias(&self, id: &str) -> Result<Option<String>, ServerError> {
        self.flows.get_or_try_init(async || self.list_flows().await.map(drop)).await?;
        let ids = lock(&self.ids);
        let flow = ids.iter().find(|(it, known)| it.kind() == &kinds::AUTHENTICATION_FLOW && *known == id);
        Ok(flow.map(|(address, _)| address.name().to_owned()))
    }

    /// All top-level flows, in full. Their ids are known from then on.
    pub(super) async fn list_flows(&self) -> Result<Vec<Object>, ServerError> {
        let flows = objects(self.http.get(&format!("{}/authentication/flows", self.base())).await?, "the flows")?;
        for flow in &flows {
            self.note(&self.realm.child(&kinds::AUTHENTICATION_FLOW, text(flow, "alias")?), text(flow, "id")?);
        }
        // Set already when two asked at once, which is as good.
        self.flows.set(()).ok();
        Ok(flows)
    }

    async fn cached(
        &self,
        address: &Address,
        ask: impl AsyncFnOnce() -> Result<Option<String>, ServerError>,
    ) -> Result<Option<String>, ServerError> {
        if let Some(id) = self.known(address) {
            return Ok(Some(id));
        }
        let turn = Arc::clone(lock(&self.asked).entry(address.clone()).or_default());
        let _turn = turn.lock().await;
        if let Some(id) = self.known(address) {
            return Ok(Some(id));
        }
        let id = ask().await?;
        if let Some(id) = &id {
            self.note(address, id);
        }
        Ok(id)
    }
}

/// What a mapping endpoint answers (`realmMappings`, `clientMappings`), as realm role names and role names by client.
pub(super) struct Mappings {
    pub(super) realm: Vec<String>,
    pub(super) clients: Vec<(String, Vec<String>)>,
}

impl Mappings {
    pub(super) fn new(answer: Value) -> Result<Self, ServerError> {
        let answer = object(answer, "the role mappings")?;
        let role_names = |roles: &Value| -> Result<Vec<String>, ServerError> {
            let roles = objects(roles.clone(), "the role mappings")?;
            roles.iter().map(|role| Ok(text(role, "name")?.to_owned())).collect()
        };
        let realm = answer.get("realmMappings").map(role_names).transpose()?.into_iter().flatten().collect();
        let mut clients = Vec::new();
        for (client, of) in answer.get("clientMappings").and_then(Value::as_object).into_iter().flatten() {
            clients.push((client.clone(), role_names(of.get("mappings").unwrap_or(&json!([])))?));
        }
        Ok(Self { realm, clients })
    }

    /// As one sorted set: `auditor`, `shop:refund`.
    pub(super) fn combined(self) -> Value {
        let clients =
            self.clients.iter().flat_map(|(client, roles)| roles.iter().map(move |role| format!("{client}:{role}")));
        let mut all: Vec<String> = clients.chain(self.realm.iter().cloned()).collect();
        all.sort();
        all.into()
    }
}

/// Whether a list of a document has a member of that name.
fn has_member(document: &Object, list: &str, name: &str) -> bool {
    let members = document.get(list).and_then(Value::as_array);
    members.is_some_and(|members| members.iter().any(|it| it.get("name").is_some_and(|it| it == name)))
}
