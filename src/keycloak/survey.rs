//! Looking around on a server: realms that a project left behind, and names for "did you mean".

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use super::path::{query, segment};
use super::record::decode_record;
use super::shape::{Object, object, objects, text};
use super::{Http, ServerError, record};
use crate::model::{
    Address, LiveObject, LiveRealm, Provider, Providers, RealmName, Record, Reference, Spi, flatten, kinds,
};

/// As many names are looked through for "did you mean".
const CANDIDATES: usize = 500;

/// Realms of those that are `meant` which hold a record of this project: the files no longer name them. One look-up for each realm; only the realm itself, its record and the clients of which something was handed over are read.
///
/// # Errors
/// The server's failures; records that cannot be read.
pub async fn read_abandoned(
    http: &Http,
    project: &str,
    environment: Option<&str>,
    is_meant: impl Fn(&RealmName) -> bool,
) -> Result<Vec<(RealmName, LiveRealm)>, ServerError> {
    let names = realm_names(http).await?.into_iter().filter(|name| name != "master" && is_meant(name));
    let asked = stream::iter(names).map(async |name| {
        let realm = read_if_ours(http, project, environment, &name).await?;
        Ok::<_, ServerError>(realm.map(|realm| (name, realm)))
    });
    let found: Vec<_> = asked.buffered(http.parallelism()).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The realms of the server that the credential may see, sorted. One that is called `.` or `..` has no address, so that nothing
/// can be asked of it; it is as if it were not there.
///
/// # Errors
/// The server's failures.
pub async fn realm_names(http: &Http) -> Result<Vec<RealmName>, ServerError> {
    let realms = objects(http.get("?briefRepresentation=true").await?, "the realms")?;
    let mut names =
        realms.iter().map(|realm| Ok(text(realm, "realm")?.to_owned())).collect::<Result<Vec<_>, ServerError>>()?;
    names.retain(|name| name != "." && name != "..");
    names.sort();
    Ok(names)
}

/// What projects applied last to a realm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// What this one did.
    pub own: Option<Record>,
    /// The names of the others.
    pub others: Vec<String>,
}

/// Looks for the records in a realm: one request.
///
/// # Errors
/// The server's failures; a record that cannot be read.
pub async fn read_applied(http: &Http, project: &str, realm: &str) -> Result<Applied, ServerError> {
    let mut holders = record::find_all(http, realm).await?;
    let own = holders.remove(project).map(|holder| decode_record(realm, &holder)).transpose()?.flatten();
    Ok(Applied { own, others: holders.into_keys().collect() })
}

async fn read_if_ours(
    http: &Http,
    project: &str,
    environment: Option<&str>,
    name: &str,
) -> Result<Option<LiveRealm>, ServerError> {
    let holder = match record::find(http, name, project).await {
        Ok(Some(holder)) => holder,
        // A realm whose clients we may not see is not one that we applied to.
        Ok(None) => return Ok(None),
        Err(ServerError::Http(e)) if e.is_forbidden() => return Ok(None),
        Err(e) => return Err(e),
    };
    let Some(record) = decode_record(name, &holder)?.filter(|record| record.is_of(environment)) else {
        return Ok(None);
    };
    let Some(settings) = http.find(&format!("/{}", segment(name))).await? else { return Ok(None) };
    let settings = object(settings, "the realm")?;
    let id = text(&settings, "id")?.to_owned();
    let realm = LiveObject { kind: &kinds::REALM, id, fields: flatten(&kinds::REALM, settings) };
    let mut objects = handed_over(http, name, &record).await?;
    objects.insert(Address::realm(name), realm);
    Ok(Some(LiveRealm {
        objects,
        record: Some(record),
        record_id: Some(text(&holder, "id")?.to_owned()),
        ..LiveRealm::default()
    }))
}

/// The clients of which something was handed over: they go before that does.
async fn handed_over(http: &Http, realm: &str, record: &Record) -> Result<BTreeMap<Address, LiveObject>, ServerError> {
    let of: BTreeSet<&Address> = record.outputs.values().map(|handed| &handed.what.of).collect();
    let clients = of.into_iter().filter(|of| *of.kind() == kinds::CLIENT && record.objects.contains_key(of));
    let asked = stream::iter(clients).map(async |of| {
        let path = format!("/{}/clients?clientId={}", segment(realm), query(of.name()));
        let found = objects(http.get(&path).await?, "the clients")?;
        let client = found.first().map(|client| text(client, "id").map(str::to_owned)).transpose()?;
        let object = client.map(|id| LiveObject { kind: &kinds::CLIENT, id, fields: BTreeMap::new() });
        Ok::<_, ServerError>(object.map(|object| (of.clone(), object)))
    });
    let found: Vec<_> = asked.buffered(http.parallelism()).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// What a server tells of itself.
#[derive(Debug)]
pub(super) struct ServerInfo {
    providers: Option<Providers>,
    features: Option<BTreeMap<String, bool>>,
}

/// The providers that are installed on the server; `None` where it does not tell.
///
/// # Errors
/// The server's failures.
pub async fn providers(http: &Http) -> Result<Option<&Providers>, ServerError> {
    Ok(server_info(http).await?.and_then(|it| it.providers.as_ref()))
}

/// Whether each feature that the server knows is on, by its name; `None` where it does not tell.
///
/// # Errors
/// The server's failures.
pub async fn features(http: &Http) -> Result<Option<&BTreeMap<String, bool>>, ServerError> {
    Ok(server_info(http).await?.and_then(|it| it.features.as_ref()))
}

/// Asked for once: it is big.
async fn server_info(http: &Http) -> Result<Option<&ServerInfo>, ServerError> {
    let ask = async || {
        let Some(info) = http.server_info().await? else { return Ok(None) };
        Ok::<_, ServerError>(Some(ServerInfo { providers: installed(&info)?, features: switched(&info) }))
    };
    Ok(http.kept_server_info().get_or_try_init(ask).await?.as_ref())
}

fn installed(info: &Value) -> Result<Option<Providers>, ServerError> {
    let Some(types) = info.get("componentTypes").and_then(Value::as_object) else { return Ok(None) };
    let types = types.iter().map(|(name, providers)| Ok((name.clone(), described(providers)?)));
    let mut found = types.collect::<Result<Providers, ServerError>>()?;
    let listed = Spi::PLAIN.iter().map(|spi| ((*spi).to_owned(), listed(info, spi)));
    found.extend(listed.filter(|(_, providers)| !providers.is_empty()));
    Ok(Some(found))
}

fn switched(info: &Value) -> Option<BTreeMap<String, bool>> {
    let features = info.get("features")?.as_array()?;
    let feature = |it: &Value| Some((it.get("name")?.as_str()?.to_owned(), it.get("enabled")?.as_bool()?));
    Some(features.iter().filter_map(feature).collect())
}

/// The providers of an SPI that nothing configures.
fn listed(info: &Value, spi: &str) -> BTreeMap<String, Provider> {
    let providers = info.get("providers").and_then(|it| it.get(spi)?.get("providers")?.as_object());
    providers.into_iter().flatten().map(|(id, _)| (id.clone(), Provider::default())).collect()
}

/// The providers of one type.
fn described(providers: &Value) -> Result<BTreeMap<String, Provider>, ServerError> {
    let mut found = BTreeMap::new();
    for mut provider in objects(providers.clone(), "the providers")? {
        let properties = objects(provider.remove("properties").unwrap_or_default(), "the properties of a provider")?;
        let names = |of: &dyn Fn(&Object) -> bool| {
            let properties = properties.iter().filter(|it| of(it));
            properties.map(|it| Ok(text(it, "name")?.to_owned())).collect::<Result<BTreeSet<_>, ServerError>>()
        };
        let secrets = names(&|it| it.get("secret") == Some(&Value::Bool(true)))?;
        found.insert(text(&provider, "id")?.to_owned(), Provider { keys: names(&|_| true)?, secrets });
    }
    Ok(found)
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
        | Reference::AuthorizationPolicy
        | Reference::PermissionPolicy => return Ok(Vec::new()),
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
