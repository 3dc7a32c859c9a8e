//! What applications need to know of a realm and of a client of it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use serde_json::{Map, Value, json};

use super::path::{query, segment};
use super::{Http, ServerError};
use crate::model::{Address, RealmName};

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
}

/// What there is to say of a realm, and of clients of it.
#[derive(Debug)]
pub struct Facts {
    realm: Value,
    clients: BTreeMap<String, Value>,
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
    let (discovery, certificates, groups, clients) = tokio::try_join!(discovery, certificates, groups, clients)?;
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
    Ok(Facts { realm: facts, clients })
}

impl Facts {
    /// Those of the realm, and of one client where it is meant: `{"server", "realm", "issuer", "endpoints": {…},
    /// "client": {…}}`, and what is wanted besides.
    ///
    /// # Errors
    /// [`ServerError::Missing`] when there is no such client.
    pub fn of(&self, of: &Address) -> Result<Value, ServerError> {
        let mut facts = self.realm.clone();
        if of.parent().is_some() {
            let client = self.clients.get(of.name()).cloned();
            facts["client"] = client.ok_or_else(|| ServerError::Missing { address: of.to_string() })?;
        }
        Ok(facts)
    }
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

/// Those of the clients that are there.
async fn clients(
    http: &Http,
    realm: &RealmName,
    wanted: &BTreeSet<String>,
) -> Result<BTreeMap<String, Value>, ServerError> {
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
    let all = found.iter().filter_map(Value::as_array).flatten();
    let all = all.filter_map(|client| Some((client["clientId"].as_str()?.to_owned(), client)));
    Ok(all.filter(|(id, _)| wanted.contains(id)).map(|(id, client)| (id.clone(), told(&id, client))).collect())
}

/// `id` is what applications call it.
fn told(id: &str, client: &Value) -> Value {
    let told = CLIENT.iter().filter_map(|field| Some(((*field).to_owned(), client.get(*field)?.clone())));
    told.chain([("id".to_owned(), id.into())]).collect::<Map<_, _>>().into()
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
