//! What applications need to know of a realm and of a client of it.

use serde_json::{Map, Value, json};

use super::path::segment;
use super::{Http, ServerError};
use crate::model::Address;

/// How many groups are asked for at once.
const GROUPS: usize = 500;

/// Which facts are wanted besides those that cost one request together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FactsWanted {
    /// The realm's certificates.
    pub certificates: bool,
    /// The paths of the realm's groups.
    pub groups: bool,
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

/// The facts of a client, or of a realm: `{"server", "realm", "issuer", "endpoints": {…}, "client": {…}}`, and what is wanted
/// besides.
///
/// # Errors
/// The server's refusal; [`ServerError::Missing`] when there is no such client.
pub async fn facts(http: &Http, of: &Address, wanted: FactsWanted) -> Result<Value, ServerError> {
    let realm = of.realm_name();
    let discovery = http.get_public(realm, ".well-known/openid-configuration").await?;
    let text = |field: &str| discovery.get(field).cloned().unwrap_or_default();
    let mut endpoints: Map<String, Value> =
        ENDPOINTS.iter().map(|(name, field)| ((*name).to_owned(), text(field))).collect();
    let issuer = text("issuer");
    let well_known = format!("{}/.well-known/openid-configuration", issuer.as_str().unwrap_or_default());
    endpoints.insert("discovery".to_owned(), well_known.into());
    let mut facts = json!({ "server": http.base_url(), "realm": realm, "issuer": issuer, "endpoints": endpoints });
    if of.parent().is_some() {
        facts["client"] = client(http, of).await?;
    }
    if wanted.certificates {
        facts["certificates"] = certificates(http, realm).await?;
    }
    if wanted.groups {
        facts["groups"] = groups(http, realm).await?;
    }
    Ok(facts)
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

/// `id` is what applications call it.
async fn client(http: &Http, of: &Address) -> Result<Value, ServerError> {
    let path = format!("/{}/clients?clientId={}", segment(of.realm_name()), super::path::query(of.name()));
    let found = http.get(&path).await?;
    let found = found.as_array().into_iter().flatten().find(|client| client["clientId"] == of.name());
    let found = found.ok_or_else(|| ServerError::Missing { address: of.to_string() })?;
    let told = CLIENT.iter().filter_map(|field| Some(((*field).to_owned(), found.get(*field)?.clone())));
    Ok(told.chain([("id".to_owned(), of.name().into())]).collect::<Map<_, _>>().into())
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
        for first in (0..).step_by(GROUPS) {
            let page = http.get(&format!("{list}?first={first}&max={GROUPS}&briefRepresentation=true")).await?;
            let page = page.as_array().cloned().unwrap_or_default();
            for group in &page {
                paths.extend(group["path"].as_str().map(str::to_owned));
                if group["subGroupCount"].as_u64().is_some_and(|count| count > 0) {
                    let id = group["id"].as_str().unwrap_or_default();
                    lists.push(format!("/{}/groups/{}/children", segment(realm), segment(id)));
                }
            }
            if page.len() < GROUPS {
                break;
            }
        }
    }
    paths.sort();
    Ok(paths.into())
}
