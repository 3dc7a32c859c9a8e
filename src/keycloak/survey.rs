//! Looking around on a server: realms that a project left behind, and names for "did you mean".

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use super::path::segment;
use super::reader::decode_record;
use super::shape::{Object, object, objects, text};
use super::{Http, ServerError, record};
use crate::model::{Address, LiveObject, LiveRealm, RealmName, Reference, flatten, kinds};

/// As many names are looked through for "did you mean".
const CANDIDATES: usize = 500;

/// Realms that hold a record of this project and are not among `known`: the files no longer name them. One look-up for
/// each realm; only the realm itself and its record are read.
///
/// # Errors
/// The server's failures; records that cannot be read.
pub async fn read_abandoned(
    http: &Http,
    project: &str,
    known: &BTreeSet<RealmName>,
) -> Result<Vec<(RealmName, LiveRealm)>, ServerError> {
    let names = realm_names(http).await?.into_iter().filter(|name| !known.contains(name) && name != "master");
    let asked = stream::iter(names).map(async |name| {
        let realm = read_if_ours(http, project, &name).await?;
        Ok::<_, ServerError>(realm.map(|realm| (name, realm)))
    });
    let found: Vec<_> = asked.buffered(http.parallelism()).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The realms of the server that the credential may see, sorted.
///
/// # Errors
/// The server's failures.
pub async fn realm_names(http: &Http) -> Result<Vec<RealmName>, ServerError> {
    let realms = objects(http.get("?briefRepresentation=true").await?, "the realms")?;
    let mut names =
        realms.iter().map(|realm| Ok(text(realm, "realm")?.to_owned())).collect::<Result<Vec<_>, ServerError>>()?;
    names.sort();
    Ok(names)
}

async fn read_if_ours(http: &Http, project: &str, name: &str) -> Result<Option<LiveRealm>, ServerError> {
    let holder = match record::find(http, name, project).await {
        Ok(Some(holder)) => holder,
        // A realm whose clients we may not see is not one that we applied to.
        Ok(None) => return Ok(None),
        Err(ServerError::Http(e)) if e.is_forbidden() => return Ok(None),
        Err(e) => return Err(e),
    };
    let Some(record) = decode_record(name, &holder)? else { return Ok(None) };
    let Some(settings) = http.find(&format!("/{}", segment(name))).await? else { return Ok(None) };
    let settings = object(settings, "the realm")?;
    let id = text(&settings, "id")?.to_owned();
    let realm = LiveObject { kind: &kinds::REALM, id, fields: flatten(&kinds::REALM, settings) };
    Ok(Some(LiveRealm {
        objects: [(Address::realm(name), realm)].into(),
        record: Some(record),
        record_id: Some(text(&holder, "id")?.to_owned()),
        ..LiveRealm::default()
    }))
}

/// The ids of the providers that are installed on the server, by the names of their SPIs; `None` where it does not tell.
///
/// # Errors
/// The server's failures.
pub async fn providers(http: &Http) -> Result<Option<BTreeMap<String, Vec<String>>>, ServerError> {
    let Some(info) = http.server_info().await? else { return Ok(None) };
    let Some(spis) = info.get("providers").and_then(Value::as_object) else { return Ok(None) };
    let by_spi = spis.iter().map(|(name, spi)| {
        let ids = spi.get("providers").and_then(Value::as_object).into_iter().flatten();
        (name.clone(), ids.map(|(id, _)| id.clone()).collect())
    });
    Ok(Some(by_spi.collect()))
}

/// Names of a realm's objects that a reference could mean. Client roles are too many to look through: these are
/// suggested from the files alone.
///
/// # Errors
/// The server's failures.
pub async fn names_of(http: &Http, realm: &str, reference: Reference) -> Result<Vec<String>, ServerError> {
    let (list, field) = match reference {
        Reference::Role | Reference::RealmRole => ("roles", "name"),
        Reference::ClientScope => ("client-scopes", "name"),
        Reference::Group => ("groups", "path"),
        Reference::Client => ("clients", "clientId"),
        Reference::Flow => ("authentication/flows", "alias"),
        Reference::ProfileAttribute => ("users/profile", "attributes"),
        Reference::ProfileGroup => ("users/profile", "groups"),
        Reference::IdentityProvider => ("identity-provider/instances", "alias"),
        Reference::ClientProfile => ("client-policies/profiles", "profiles"),
        Reference::User => ("users", "username"),
        Reference::ClientRole
        | Reference::Provider(_)
        | Reference::AuthorizationScope
        | Reference::AuthorizationResource
        | Reference::AuthorizationPolicy => return Ok(Vec::new()),
    };
    let path = format!("/{}/{list}?first=0&max={CANDIDATES}", segment(realm));
    let answer = http.get(&path).await?;
    if let Value::Object(mut document) = answer {
        let members = objects(document.remove(field).unwrap_or_default(), field)?;
        return members.iter().map(|member| Ok(text(member, "name")?.to_owned())).collect();
    }
    let found: Vec<Object> = objects(answer, list)?;
    found.iter().map(|object| Ok(text(object, field)?.to_owned())).collect()
}
