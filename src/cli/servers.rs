//! The servers of a run: signing in, and on which of them each realm is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::connect::{self, ConnectArgs};
use super::prepare::{credential, renamed_from};
use super::workspace::{Workspace, keep};
use super::{Context, Error};
use crate::desired::{Loaded, Project};
use crate::fleet::{self, Member, Place, Shard, Survey, Wanted};
use crate::keycloak::{Connection, Http, Ledger, RequestCounts, Servers, realm_names};
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

/// What was found out of a server.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) name: String,
    /// Its base URL, where it is one.
    pub(super) url: Option<String>,
    /// The way to it and its realms, `master` left out, or why there is none.
    pub(super) found: Result<(Http, BTreeSet<RealmName>), String>,
}

/// All servers of a project, those included that cannot be reached.
pub(super) struct Sight {
    pub(super) seen: Vec<Seen>,
    pub(super) is_fleet: bool,
    credential: Vec<Address>,
}

/// How to reach the servers that are meant.
enum Connections {
    One(Box<Connection>),
    /// By their names.
    Fleet(Vec<(String, Connection)>),
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
    folder: &Path,
    project: Option<&Project>,
) -> Result<SignedIn, Error> {
    match connections(context, args, folder, project).await? {
        Connections::One(connection) => {
            let credential = credential(&connection);
            Ok(SignedIn { reached: Reached::One(Http::connect(*connection).await?), credential })
        }
        Connections::Fleet(connections) => {
            let reached = Reached::Fleet(look(&connections).await);
            Ok(SignedIn { reached, credential: credentials(&connections) })
        }
    }
}

/// The same, where the only server may be one that cannot be reached, too.
pub(super) async fn look_around(
    context: &Context,
    args: &ConnectArgs,
    folder: &Path,
    project: &Project,
) -> Result<Sight, Error> {
    let (connections, is_fleet) = match connections(context, args, folder, Some(project)).await? {
        Connections::One(connection) => {
            let name = args.server().or(project.default_server.as_deref()).filter(|_| context.server.is_none());
            (vec![(name.unwrap_or("server").to_owned(), *connection)], false)
        }
        Connections::Fleet(connections) => (connections, true),
    };
    Ok(Sight { seen: look(&connections).await, is_fleet, credential: credentials(&connections) })
}

async fn connections(
    context: &Context,
    args: &ConnectArgs,
    folder: &Path,
    project: Option<&Project>,
) -> Result<Connections, Error> {
    let fleet =
        project.and_then(|project| Some((project, project.fleet.as_ref()?))).filter(|_| context.server.is_none());
    let Some((project, names)) = fleet else {
        return Ok(Connections::One(Box::new(connect::connection(context, args, folder, project).await?)));
    };
    args.check_fleet(names)?;
    let mut connections = Vec::new();
    for name in names {
        let connection = connect::connection(context, &args.to(name), folder, Some(project)).await?;
        connections.push((name.clone(), connection));
    }
    Ok(Connections::Fleet(connections))
}

fn credentials(connections: &[(String, Connection)]) -> Vec<Address> {
    let credentials: BTreeSet<Address> =
        connections.iter().flat_map(|(_, connection)| credential(connection)).collect();
    credentials.into_iter().collect()
}

/// Looks at all of them, and once more at those that could not be reached.
async fn look(connections: &[(String, Connection)]) -> Vec<Seen> {
    let look = async |(name, connection): &(String, Connection)| {
        let found = async {
            let http = Http::connect(connection.clone()).await.map_err(|error| error.to_string())?;
            let realms = realm_names(&http).await.map_err(|error| error.to_string())?;
            Ok::<_, String>((http, realms.into_iter().filter(|realm| realm != "master").collect()))
        };
        Seen { name: name.clone(), url: connection.base_url(), found: found.await }
    };
    let mut seen: Vec<Seen> = stream::iter(connections).map(look).buffered(AT_ONCE).collect().await;
    let failed: Vec<usize> = (0..seen.len()).filter(|at| seen[*at].found.is_err()).collect();
    if !failed.is_empty() {
        tokio::time::sleep(PAUSE).await;
        let again: Vec<(usize, Seen)> =
            stream::iter(failed).map(async |at| (at, look(&connections[at]).await)).buffered(AT_ONCE).collect().await;
        for (at, again) in again {
            seen[at] = again;
        }
    }
    seen
}

impl Sight {
    /// Where the realms are; `holds` says whether a server's realm holds the project's record.
    pub(super) fn survey(&self, loaded: &Loaded, holds: impl Fn(&RealmName, &str) -> bool) -> Survey {
        if self.is_fleet {
            return survey(loaded, &self.seen, holds);
        }
        let mut survey = Survey::default();
        for Seen { name, found, .. } in &self.seen {
            let place =
                |realm: &RealmName| (realm.clone(), Place { server: name.clone(), chosen: None, misplaced: None });
            survey.places.of = loaded.desired.realms.keys().map(place).collect();
            if let Err(why) = found {
                survey.lose(name, why.clone());
            }
        }
        survey
    }

    /// The servers that were reached; `None` without any.
    pub(super) fn signed_in(&self) -> Option<SignedIn> {
        let reached = match self.seen.as_slice() {
            [only] if !self.is_fleet => Reached::One(only.found.as_ref().ok()?.0.clone()),
            seen if seen.iter().all(|it| it.found.is_err()) => return None,
            seen => Reached::Fleet(seen.to_vec()),
        };
        Some(SignedIn { reached, credential: self.credential.clone() })
    }

    /// How many requests were sent, by what they were.
    pub(super) fn requests(&self) -> RequestCounts {
        let reached = self.seen.iter().filter_map(|it| Some((it.name.clone(), it.found.as_ref().ok()?.0.clone())));
        Servers::several(reached.collect(), []).map(|servers| servers.requests()).unwrap_or_default()
    }
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
        let located = self.locate_quietly(args, shard, workspace).await?;
        located.survey.iter().for_each(|survey| survey.tell(|text| context.output.message(text)));
        Ok(located)
    }

    /// The same, and nobody is told what is not as it should be.
    pub(super) async fn locate_quietly(
        self,
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
        let loaded = &workspace.loaded;
        let holders = holders(&loaded.project.name, &seen, &declared).await?;
        let survey = survey(loaded, &seen, |realm, server| holders.contains(&(realm.clone(), server.to_owned())));
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

/// Where the realms of a fleet are; `holds` says whether a server's realm holds the project's record.
fn survey(loaded: &Loaded, seen: &[Seen], holds: impl Fn(&RealmName, &str) -> bool) -> Survey {
    let realms = &loaded.desired.realms;
    let members = members(loaded, seen);
    let duplicates = fleet::duplicates(&members, &holds);
    let former: BTreeMap<&RealmName, RealmName> =
        realms.iter().filter_map(|(name, realm)| Some((name, renamed_from(realm)?))).collect();
    let wanted = realms
        .iter()
        .map(|(name, realm)| (name, Wanted { placement: &realm.placement, renamed_from: former.get(name) }));
    let places = fleet::places(&members, &duplicates, &holds, wanted);
    let unreachable = seen.iter().filter_map(|it| Some((it.name.clone(), it.found.as_ref().err()?.clone()))).collect();
    Survey { places, duplicates, unreachable }
}

fn members<'a>(loaded: &'a Loaded, seen: &'a [Seen]) -> Vec<Member<'a>> {
    let member = |Seen { name, url: _, found }: &'a Seen| Member {
        name,
        server: &loaded.project.servers[name],
        realms: found.as_ref().ok().map(|(_, realms)| realms),
    };
    seen.iter().map(member).collect()
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
