//! The servers of a run: signing in, and on which of them each realm is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::connect::{self, ConnectArgs};
use super::prepare::{credential, renamed_from};
use super::workspace::{Workspace, keep};
use super::{Context, Error};
use crate::desired::Project;
use crate::fleet::{self, Member, Shard, Survey, Wanted};
use crate::keycloak::{Http, Ledger, Servers, realm_names};
use crate::model::{Address, RealmName};
use crate::plan::Plan;

/// How many servers are asked at once.
const AT_ONCE: usize = 16;

/// How long a server that could not be reached is left alone before it is tried once more.
const PAUSE: Duration = Duration::from_secs(2);

/// Servers that take the credential.
pub(super) struct SignedIn {
    reached: Reached,
    /// What it signs in with, as far as that may be an object of a realm.
    credential: Vec<Address>,
}

enum Reached {
    One(Http),
    Fleet(Vec<Seen>),
}

/// What was found out of a server of a fleet.
struct Seen {
    name: String,
    /// The way to it and its realms, `master` left out, or why there is none.
    found: Result<(Http, BTreeSet<RealmName>), String>,
}

/// Servers, and where the realms of the project are.
pub(super) struct Located {
    pub(super) servers: Servers,
    /// What was found out of a fleet.
    pub(super) survey: Option<Survey>,
    /// What signs in, as far as that may be an object of a realm.
    pub(super) credential: Vec<Address>,
    /// The realms that the files declare, by their names of now and before, those included that are left out.
    declared: BTreeSet<RealmName>,
    /// The part of the realms that is looked at.
    shard: Option<Shard>,
}

/// Signs in: to the server that is meant, or to all of the fleet. One of a fleet that cannot be reached is no reason to fail.
pub(super) async fn sign_in(
    context: &Context,
    args: &ConnectArgs,
    folder: &std::path::Path,
    project: Option<&Project>,
) -> Result<SignedIn, Error> {
    let fleet =
        project.and_then(|project| Some((project, project.fleet.as_ref()?))).filter(|_| context.server.is_none());
    let Some((project, names)) = fleet else {
        let connection = connect::connection(context, args, folder, project).await?;
        let credential = credential(&connection);
        return Ok(SignedIn { reached: Reached::One(Http::connect(connection).await?), credential });
    };
    args.check_fleet(names)?;
    let mut connections = Vec::new();
    let mut credentials = BTreeSet::new();
    for name in names {
        let connection = connect::connection(context, &args.to(name), folder, Some(project)).await?;
        credentials.extend(credential(&connection));
        connections.push((name, connection));
    }
    let look = async |(name, connection): &(&String, crate::keycloak::Connection)| {
        let found = async {
            let http = Http::connect(connection.clone()).await.map_err(|error| error.to_string())?;
            let realms = realm_names(&http).await.map_err(|error| error.to_string())?;
            Ok::<_, String>((http, realms.into_iter().filter(|realm| realm != "master").collect()))
        };
        Seen { name: (*name).clone(), found: found.await }
    };
    let mut seen: Vec<Seen> = stream::iter(&connections).map(look).buffered(AT_ONCE).collect().await;
    let failed: Vec<usize> = (0..seen.len()).filter(|at| seen[*at].found.is_err()).collect();
    if !failed.is_empty() {
        tokio::time::sleep(PAUSE).await;
        let again: Vec<(usize, Seen)> =
            stream::iter(failed).map(async |at| (at, look(&connections[at]).await)).buffered(AT_ONCE).collect().await;
        for (at, again) in again {
            seen[at] = again;
        }
    }
    Ok(SignedIn { reached: Reached::Fleet(seen), credential: credentials.into_iter().collect() })
}

impl SignedIn {
    /// The one server, of which no realm has to be found.
    pub(super) fn only(self) -> Option<Located> {
        let Reached::One(http) = self.reached else { return None };
        let (servers, declared) = (Servers::one(http), BTreeSet::new());
        Some(Located { servers, survey: None, credential: self.credential, declared, shard: None })
    }

    /// Finds the realms of the workspace. Those of which nobody can tell where they are, and those on other servers than the
    /// one that was asked for, are left out of it.
    pub(super) async fn locate(
        self,
        context: &Context,
        args: &ConnectArgs,
        shard: Option<Shard>,
        workspace: &mut Workspace,
    ) -> Result<Located, Error> {
        let Self { reached, credential } = self;
        let realms = &workspace.loaded.desired.realms;
        let declared: BTreeSet<RealmName> =
            realms.keys().cloned().chain(realms.values().filter_map(renamed_from)).collect();
        let seen = match reached {
            Reached::One(http) => {
                keep_shard(workspace, shard);
                let servers = Servers::one(http);
                return Ok(Located { servers, survey: None, credential, declared, shard });
            }
            Reached::Fleet(seen) => seen,
        };
        let project = &workspace.loaded.project;
        let members: Vec<Member<'_>> = seen
            .iter()
            .map(|Seen { name, found }| Member {
                name,
                server: &project.servers[name],
                realms: found.as_ref().ok().map(|(_, realms)| realms),
            })
            .collect();
        let holders = holders(&project.name, &seen, &declared).await?;
        let holds = |realm: &RealmName, server: &str| holders.contains(&(realm.clone(), server.to_owned()));
        let duplicates = fleet::duplicates(&members, holds);
        let former: BTreeMap<&RealmName, RealmName> =
            realms.iter().filter_map(|(name, realm)| Some((name, renamed_from(realm)?))).collect();
        let wanted = realms
            .iter()
            .map(|(name, realm)| (name, Wanted { placement: &realm.placement, renamed_from: former.get(name) }));
        let places = fleet::places(&members, &duplicates, holds, wanted);
        let unreachable: BTreeMap<String, String> =
            seen.iter().filter_map(|it| Some((it.name.clone(), it.found.as_ref().err()?.clone()))).collect();
        let survey = Survey { places, duplicates, unreachable };
        let active: BTreeMap<&RealmName, &str> =
            survey.duplicates.iter().map(|it| (&it.realm, it.active.as_str())).collect();
        let there = seen.iter().filter_map(|it| Some((&it.name, &it.found.as_ref().ok()?.1)));
        let there = there.flat_map(|(server, realms)| realms.iter().map(move |realm| (realm, server)));
        let there = there.filter(|(realm, server)| active.get(realm).is_none_or(|active| active == server));
        let mut of: BTreeMap<RealmName, String> =
            there.map(|(realm, server)| (realm.clone(), server.clone())).collect();
        of.extend(survey.places.of.iter().map(|(realm, place)| (realm.clone(), place.server.clone())));
        let is_asked = |name: &str| args.server().is_none_or(|server| server == name);
        let reached = seen.into_iter().filter(|it| is_asked(&it.name));
        let reached = reached.filter_map(|it| Some((it.name, it.found.ok()?.0))).collect();
        let Some(servers) = Servers::several(reached, of) else {
            let reasons: Vec<String> =
                survey.unreachable.iter().map(|(name, why)| format!("\n  {name}: {why}")).collect();
            let whom =
                args.server().map_or_else(|| "no server of the fleet can".to_owned(), |it| format!("{it} cannot"));
            return Err(Error::Other(format!("{whom} be reached{}", reasons.concat())));
        };
        survey.tell(|text| context.output.message(text));
        let is_meant = |realm: &RealmName| survey.places.of.get(realm).is_some_and(|place| is_asked(&place.server));
        keep(&mut workspace.loaded, is_meant);
        // Only now: where new realms go depends on all of them.
        keep_shard(workspace, shard);
        Ok(Located { servers, survey: Some(survey), credential, declared, shard })
    }
}

impl Located {
    /// That there is room for every new realm.
    pub(super) fn check_room(&self) -> Result<(), Error> {
        match self.survey.as_ref().and_then(|survey| survey.places.full.as_ref()) {
            Some(full) => Err(Error::Other(full.to_string())),
            None => Ok(()),
        }
    }

    /// Goes on without a server of the fleet that failed, and without what is on it. The only one is an error.
    pub(super) fn lose(
        &mut self,
        context: &Context,
        workspace: &mut Workspace,
        server: &str,
        error: Error,
    ) -> Result<(), Error> {
        let Some(survey) = self.survey.as_mut().filter(|_| self.servers.only().is_none()) else { return Err(error) };
        context.output.message(&format!("warning: what is on {server} is left out: {}", error.in_full()));
        survey.lose(server, error.in_full());
        keep(&mut workspace.loaded, |realm| survey.places.of.contains_key(realm));
        Ok(())
    }

    /// Whether the project may have left a realm behind on a server: not one that the files declare, of which another server's
    /// counts, or that is another run's to look at.
    pub(super) fn may_be_left_on(&self, server: &str, realm: &RealmName) -> bool {
        let mut duplicates = self.survey.iter().flat_map(|survey| &survey.duplicates);
        let is_ignored = duplicates.any(|it| it.realm == *realm && it.ignored.iter().any(|ignored| ignored == server));
        !is_ignored && !self.declared.contains(realm) && self.shard.is_none_or(|shard| shard.has(realm))
    }
}

/// Leaves the realms of other runs out.
fn keep_shard(workspace: &mut Workspace, shard: Option<Shard>) {
    if let Some(shard) = shard {
        keep(&mut workspace.loaded, |realm| shard.has(realm));
    }
}

/// That the realms which a plan makes are still on no server of the fleet.
pub(super) async fn check_nowhere(servers: &Servers, survey: &Survey, plan: &Plan) -> Result<(), Error> {
    let is_new = |name: &RealmName| plan.realms.get(name).is_some_and(|realm| !realm.is_empty());
    let new: BTreeSet<&RealmName> =
        survey.places.new_realms().map(|(name, ..)| name).filter(|name| is_new(name)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let asked = servers.iter().map(async |(server, http)| Ok::<_, Error>((server, realm_names(http).await?)));
    for (server, realms) in futures_util::future::try_join_all(asked).await? {
        if let Some(realm) = realms.iter().find(|realm| new.contains(realm)) {
            return Err(Error::Other(format!(
                "the realm {realm} was made on {server} since the plan was made; nothing was changed"
            )));
        }
    }
    Ok(())
}

/// Which realms hold the project's record, of those on several servers, and, where a server cannot be reached, of those that the
/// files declare: what would be theirs may be there.
async fn holders(
    project: &str,
    seen: &[Seen],
    declared: &BTreeSet<RealmName>,
) -> Result<BTreeSet<(RealmName, String)>, Error> {
    let reached = || seen.iter().filter_map(|it| it.found.as_ref().ok().map(|found| (&it.name, found)));
    let is_partial = reached().count() < seen.len();
    let mut times: BTreeMap<&RealmName, usize> = BTreeMap::new();
    reached().flat_map(|(_, (_, realms))| realms).for_each(|realm| *times.entry(realm).or_default() += 1);
    let is_asked =
        |realm: &RealmName| times.get(realm).is_some_and(|it| *it > 1) || is_partial && declared.contains(realm);
    let asked = reached().flat_map(|(server, (http, realms))| {
        realms.iter().filter(|realm| is_asked(realm)).map(move |realm| (server, http, realm))
    });
    let held = stream::iter(asked).map(async |(server, http, realm)| {
        let ledger = Ledger::find(http, realm, project).await?;
        Ok::<_, Error>(ledger.map(|_| (realm.clone(), server.clone())))
    });
    Ok(held.buffered(AT_ONCE).try_collect::<Vec<_>>().await?.into_iter().flatten().collect())
}
