//! What the files use and the server, or a realm of it, has switched off or is too old for.

use std::collections::BTreeMap;

use super::Error;
use crate::diff::{Action, After, Change, Diff};
use crate::keycloak::{Servers, features};
use crate::model::{
    Address, Desired, DesiredRealm, Feature, FieldPath, Kind, Live, LiveRealm, LiveValue, Origin, Value, is_locked,
    is_too_new, kinds,
};

/// Something that the files use, and the feature that it needs.
struct Need<'a> {
    feature: &'static Feature,
    /// The realm whose server it takes.
    realm: &'a str,
    /// `workflow acme/workflows/leavers`
    what: String,
    origin: Option<&'a Origin>,
}

/// What could not be read because the server knows nothing of its kind has to go unused.
pub(super) async fn check_read(servers: &Servers, desired: &Desired, live: &Live) -> Result<(), Error> {
    let mut needs = Vec::new();
    for (name, realm) in &live.realms {
        let objects = desired.realms.get(name).into_iter().flat_map(|wanted| &wanted.objects);
        let unknown = objects.filter(|(_, object)| realm.unknown_kinds.contains(&object.kind));
        needs.extend(unknown.filter_map(|(address, object)| of_kind(object.kind, address, Some(&object.origin))));
    }
    refuse(servers, needs, true).await
}

/// What a plan makes and switches on has to be known to the server, which would not say so: it takes such a setting and
/// leaves it off. Nothing is asked for where a plan does no such thing.
pub(super) async fn check_plan(servers: &Servers, desired: &Desired, live: &Live, diff: &Diff) -> Result<(), Error> {
    let changes = diff.realms.values().flat_map(|realm| &realm.changes);
    refuse(servers, changes.clone().flat_map(needs).collect(), false).await?;
    check_versions(changes.clone())?;
    check_locked(changes)?;
    check_organizations(desired, live)
}

/// Nothing is begun where the server would refuse an object for a field that it does not have yet.
fn check_versions<'a>(changes: impl Iterator<Item = &'a Change>) -> Result<(), Error> {
    let mut first: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for change in changes {
        for field in change.fields.iter().filter(|field| is_too_new(change.kind, &field.path)) {
            let Some(origin) = &field.origin else { continue };
            let (path, address) = (&field.path, &change.address);
            let text =
                || format!("{origin}: {path} of {address} needs a newer Keycloak than 26.0, which this server is");
            first.entry((change.kind.name, field.path.top())).or_insert_with(text);
        }
    }
    all(first.into_values())
}

/// What an object of the kind needs.
fn of_kind<'a>(kind: &Kind, address: &'a Address, origin: Option<&'a Origin>) -> Option<Need<'a>> {
    let feature = Feature::of_kind(kind)?;
    Some(Need { feature, realm: address.realm_name(), what: format!("{} {address}", kind.name), origin })
}

/// Nothing is begun where the server would refuse a write whoever asks.
fn check_locked<'a>(changes: impl Iterator<Item = &'a Change>) -> Result<(), Error> {
    let declared = changes.filter(|change| is_locked(&change.address));
    all(declared.filter_map(|change| {
        let (origin, address) = (change.origin.as_ref()?, &change.address);
        Some(format!(
            "{origin}: {address} differs from the server's, and Keycloak lets nobody change it; take it out of the files"
        ))
    }))
}

fn needs(change: &Change) -> impl Iterator<Item = Need<'_>> {
    let is_new = change.action == Action::Create;
    let kind = is_new.then(|| of_kind(change.kind, &change.address, change.origin.as_ref())).flatten();
    let switched_on = change.fields.iter().filter(|field| field.after == After::Json(true.into()));
    let switches = switched_on.filter_map(|field| {
        let feature = Feature::of_switch(change.kind, &field.path)?;
        let what = format!("{} of {}", field.path, change.address);
        Some(Need { feature, realm: change.address.realm_name(), what, origin: field.origin.as_ref() })
    });
    kind.into_iter().chain(switches)
}

/// Names each feature that is off, with the first place that needs it. A server that does not tell is taken for one that
/// has them, unless they `are_missing` as far as it answered.
async fn refuse(servers: &Servers, needs: Vec<Need<'_>>, are_missing: bool) -> Result<(), Error> {
    let mut first: BTreeMap<&str, String> = BTreeMap::new();
    for Need { feature, realm, what, origin } in needs {
        let is_on = match &features(servers.of(realm)).await? {
            Some(known) => known.get(&feature.name()).copied(),
            None => Some(!are_missing),
        };
        let why = match is_on {
            Some(true) => continue,
            Some(false) => format!(
                "which this server runs without: start it with --features={0}, and without it in --features-disabled",
                feature.key
            ),
            None => "which this version of Keycloak does not have".to_owned(),
        };
        let place = origin.map(|origin| format!("{origin}: ")).unwrap_or_default();
        let text = || format!("{place}{what} needs Keycloak's feature `{}`, {why}", feature.key);
        first.entry(feature.key).or_insert_with(text);
    }
    all(first.into_values())
}

/// One error of all problems, if there are any.
fn all(problems: impl Iterator<Item = String>) -> Result<(), Error> {
    let problems: Vec<String> = problems.collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::Other(problems.join("\n"))) }
}

/// Organizations can only be declared where the realm shows them, whoever switches them on.
fn check_organizations(desired: &Desired, live: &Live) -> Result<(), Error> {
    let problems = desired.realms.iter().filter_map(|(name, wanted)| {
        let (_, first) = wanted.objects.iter().find(|(_, object)| *object.kind == kinds::ORGANIZATION)?;
        (!has_organizations(&Address::realm(name), wanted, live.realms.get(name))).then(|| {
            format!(
                "{}: organizations are switched off in the realm {name}; write organizationsEnabled = true",
                first.origin
            )
        })
    });
    all(problems)
}

fn has_organizations(realm: &Address, wanted: &DesiredRealm, live: Option<&LiveRealm>) -> bool {
    let path = FieldPath::new(["organizationsEnabled"]);
    let wanted = wanted.objects.get(realm).and_then(|settings| settings.fields.get(&path));
    if let Some(declared) = wanted {
        return declared.value == Value::Json(true.into());
    }
    let live = live.and_then(|live| live.objects.get(realm)).and_then(|settings| settings.fields.get(&path));
    live.is_some_and(|value| *value == LiveValue::Json(true.into()))
}
