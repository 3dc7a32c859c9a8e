//! What applications need to know of a realm and of a client of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures_util::future::try_join_all;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::path::{query, segment};
use super::shape::{object, text};
use super::{Http, ServerError};
use crate::model::{Address, RealmName, kinds};

/// How many groups or clients are asked for at once.
const PAGE: usize = 500;

/// From how many clients on all of them are listed, instead of asking for one after the other.
const LISTED: usize = 16;

/// Which facts of a realm are wanted besides those that cost one request together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactsWanted {
    /// The realm's certificates.
    pub certificates: bool,
    /// The paths of the realm's groups.
    pub groups: bool,
    /// Clients, by their clientIds.
    pub clients: BTreeSet<String>,
    /// Users, by their names.
    pub users: BTreeSet<String>,
}

/// What there is to say of a realm, and of clients and users of it.
#[derive(Debug)]
pub struct Facts {
    realm: Value,
    clients: BTreeMap<String, Known>,
    users: BTreeMap<String, Known>,
}

/// One client or user of them.
struct Known {
    /// The server's own name of it, which another one of that clientId does not get.
    uuid: String,
    facts: Value,
}

impl fmt::Debug for Known {
    /// Without its facts: a client's secret is one of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uuid)
    }
}

/// The endpoints: by the names that the discovery document has for them.
const ENDPOINTS: &[(&str, &str)] = &[
    ("authorization", "authorization_endpoint"),
    ("token", "token_endpoint"),
    ("userinfo", "userinfo_endpoint"),
    ("jwks", "jwks_uri"),
    ("introspection", "introspection_endpoint"),
    ("revocation", "revocation_endpoint"),
    ("endSession", "end_session_endpoint"),
    ("device", "device_authorization_endpoint"),
];

/// Asks for the facts of a realm.
///
/// # Errors
/// The server's refusals.
pub async fn facts(http: &Http, realm: &RealmName, wanted: &FactsWanted) -> Result<Facts, ServerError> {
    let certificates = async { if wanted.certificates { certificates(http, realm).await.map(Some) } else { Ok(None) } };
    let groups = async { if wanted.groups { groups(http, realm).await.map(Some) } else { Ok(None) } };
    let discovery = async { Ok(http.get_public(realm, ".well-known/openid-configuration").await?) };
    let clients = clients(http, realm, &wanted.clients);
    let users = users(http, realm, &wanted.users);
    let (discovery, certificates, groups, found, users) =
        tokio::try_join!(discovery, certificates, groups, clients, users)?;
    let text = |field: &str| discovery.get(field).cloned().unwrap_or_default();
    let mut endpoints: Map<String, Value> =
        ENDPOINTS.iter().map(|(name, field)| ((*name).to_owned(), text(field))).collect();
    let issuer = text("issuer");
    let well_known = format!("{}/.well-known/openid-configuration", issuer.as_str().unwrap_or_default());
    endpoints.insert("discovery".to_owned(), well_known.into());
    let mut facts = json!({ "server": http.base_url(), "realm": realm, "issuer": issuer, "endpoints": endpoints });
    for (name, value) in [("certificates", certificates), ("groups", groups)] {
        if let Some(value) = value {
            facts[name] = value;
        }
    }
    let clients =
        found.iter().filter(|client| client["clientId"].as_str().is_some_and(|id| wanted.clients.contains(id)));
    let clients = clients.map(|client| known(client, &facts["issuer"])).collect::<Result<_, _>>()?;
    Ok(Facts { realm: facts, clients, users })
}

impl Facts {
    /// Those of the realm, and of one client or user where it is meant: `{"server", "realm", "issuer", "endpoints": {…},
    /// "client": {"id", "registrationUri", …}}`, and what is wanted besides.
    ///
    /// # Errors
    /// [`ServerError::Missing`] when there is no such client or user.
    pub fn of(&self, of: &Address) -> Result<Value, ServerError> {
        let mut facts = self.realm.clone();
        if of.parent().is_some() {
            facts[of.kind().name] = self.known(of)?.facts.clone();
        }
        Ok(facts)
    }

    /// Those of several clients, without secrets, in the order of their names.
    ///
    /// # Errors
    /// [`ServerError::Missing`] when one of them is not there.
    pub fn listed(&self, realm: &str, clients: &BTreeSet<String>) -> Result<Value, ServerError> {
        let realm = Address::realm(realm);
        let listed = clients.iter().map(|id| {
            let mut facts = self.known(&realm.child(&kinds::CLIENT, id))?.facts.clone();
            if let Value::Object(facts) = &mut facts {
                facts.remove("secret");
            }
            Ok(facts)
        });
        listed.collect()
    }

    /// The server's own name of a client or user, which no other one ever gets.
    ///
    /// # Errors
    /// [`ServerError::Missing`] when there is no such client or user.
    pub fn uuid(&self, of: &Address) -> Result<&str, ServerError> {
        Ok(&self.known(of)?.uuid)
    }

    fn known(&self, of: &Address) -> Result<&Known, ServerError> {
        let known = if *of.kind() == kinds::USER { &self.users } else { &self.clients };
        known.get(of.name()).ok_or_else(|| ServerError::Missing { address: of.to_string() })
    }
}

/// Has the server issue a registration access token for a client, by its uuid: whoever has it may read and change that client,
/// without another right.
///
/// Facts (26.7.4): a client has one such token, so the one before is void from then on. No request shows it again. One that was
/// used to change the client is void, too, and the answer holds the next one, unless a client policy says otherwise. Reading
/// with it changes nothing. Where a try of this request is repeated, the answer holds the last one that was issued.
///
/// # Errors
/// The server's refusals.
pub async fn issue_registration_token(http: &Http, realm: &str, uuid: &str) -> Result<SecretString, ServerError> {
    let path = format!("/{}/clients/{}/registration-access-token", segment(realm), segment(uuid));
    let answer = http.post(&path, &Value::Null).await?.body.unwrap_or_default();
    let token = SecretString::from(text(&object(answer, "a client")?, "registrationAccessToken")?);
    http.hide([&token]);
    Ok(token)
}

/// What applications may know of a client. Its attributes and mappers may hold secrets that nobody would look for there.
const CLIENT: &[&str] = &[
    "name",
    "description",
    "protocol",
    "publicClient",
    "rootUrl",
    "baseUrl",
    "adminUrl",
    "redirectUris",
    "webOrigins",
    "defaultClientScopes",
    "optionalClientScopes",
    "secret",
];

/// The clients that are there, and perhaps others.
async fn clients(http: &Http, realm: &RealmName, wanted: &BTreeSet<String>) -> Result<Vec<Value>, ServerError> {
    let base = format!("/{}/clients", segment(realm));
    let mut found = Vec::new();
    if wanted.len() < LISTED {
        let one = async |id: &String| http.get(&format!("{base}?clientId={}", query(id))).await;
        found = try_join_all(wanted.iter().map(one)).await?;
    } else {
        for first in (0..).step_by(PAGE) {
            let page = http.get(&format!("{base}?first={first}&max={PAGE}")).await?;
            let is_last = page.as_array().is_none_or(|page| page.len() < PAGE);
            found.push(page);
            if is_last {
                break;
            }
        }
    }
    Ok(found
        .into_iter()
        .filter_map(|page| if let Value::Array(page) = page { Some(page) } else { None })
        .flatten()
        .collect())
}

/// A client by what applications call it.
fn known(client: &Value, issuer: &Value) -> Result<(String, Known), ServerError> {
    let client = object(client.clone(), "a client")?;
    let (id, uuid) = (text(&client, "clientId")?, text(&client, "id")?.to_owned());
    let mut facts: Map<String, Value> =
        CLIENT.iter().filter_map(|field| Some(((*field).to_owned(), client.get(*field)?.clone()))).collect();
    facts.insert("id".to_owned(), id.into());
    // Whoever has its registration access token reads and changes it there. Clients of other protocols have no such place.
    if let (Some("openid-connect"), Some(issuer)) = (client.get("protocol").and_then(Value::as_str), issuer.as_str()) {
        let uri = format!("{issuer}/clients-registrations/openid-connect/{}", segment(id));
        facts.insert("registrationUri".to_owned(), uri.into());
    }
    Ok((id.to_owned(), Known { uuid, facts: facts.into() }))
}

/// What there is to say of a user. Attributes are the user's own.
const USER: &[&str] = &["username", "email", "firstName", "lastName"];

/// Those of them that are there.
async fn users(
    http: &Http,
    realm: &RealmName,
    wanted: &BTreeSet<String>,
) -> Result<BTreeMap<String, Known>, ServerError> {
    let one = async |name: &String| {
        let path = format!("/{}/users?exact=true&username={}", segment(realm), query(name));
        let Some(user) = http.get(&path).await?.get(0).cloned() else { return Ok::<_, ServerError>(None) };
        let user = object(user, "a user")?;
        let facts: Map<String, Value> =
            USER.iter().filter_map(|field| Some(((*field).to_owned(), user.get(*field)?.clone()))).collect();
        Ok(Some((name.clone(), Known { uuid: text(&user, "id")?.to_owned(), facts: facts.into() })))
    };
    let found: Vec<Option<_>> = try_join_all(wanted.iter().map(one)).await?;
    Ok(found.into_iter().flatten().collect())
}

/// Those that sign, as PEM.
async fn certificates(http: &Http, realm: &str) -> Result<Value, ServerError> {
    let keys = http.get_public(realm, "protocol/openid-connect/certs").await?;
    let keys = keys["keys"].as_array().cloned().unwrap_or_default();
    let signing = keys.iter().filter(|key| key["use"] == "sig").filter_map(|key| {
        let encoded = key["x5c"][0].as_str()?;
        let lines: Vec<&str> = encoded.as_bytes().chunks(64).filter_map(|it| std::str::from_utf8(it).ok()).collect();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
        Some(json!({ "kid": key["kid"], "algorithm": key["alg"], "pem": pem }))
    });
    let mut signing: Vec<Value> = signing.collect();
    signing.sort_by_key(|key| key["kid"].as_str().unwrap_or_default().to_owned());
    Ok(signing.into())
}

/// The paths of all groups, sorted.
async fn groups(http: &Http, realm: &str) -> Result<Value, ServerError> {
    let mut paths = Vec::new();
    let mut lists = vec![format!("/{}/groups", segment(realm))];
    while let Some(list) = lists.pop() {
        for first in (0..).step_by(PAGE) {
            let page = http.get(&format!("{list}?first={first}&max={PAGE}&briefRepresentation=true")).await?;
            let page = page.as_array().cloned().unwrap_or_default();
            for group in &page {
                paths.extend(group["path"].as_str().map(str::to_owned));
                if group["subGroupCount"].as_u64().is_some_and(|count| count > 0) {
                    let id = group["id"].as_str().unwrap_or_default();
                    lists.push(format!("/{}/groups/{}/children", segment(realm), segment(id)));
                }
            }
            if page.len() < PAGE {
                break;
            }
        }
    }
    paths.sort();
    Ok(paths.into())
}
