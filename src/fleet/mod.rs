/*!
The fleet room: on which of several servers a realm is, and where a new one goes.

Where a realm is, only the servers know: no file remembers it. A realm that is found stays where it is. One that is found
nowhere is placed on the server with the fewest realms for its weight, among those that have what its `placement` asks for and
have room. While a server cannot be reached, what is found nowhere may be there, and nothing is placed.

Pure and synchronous: it gets what was found on the servers, and answers with places, or with what there is no room for; and
with how servers and realms are ([`Status`]).
*/

mod shard;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use shard::Shard;
pub use status::{About, Findings, Held, RealmStatus, ServerStatus, State, Status};

use crate::desired::Server;
use crate::model::{Placement, RealmName};

/// A server of the fleet.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Its name in the project file.
    pub name: &'a str,
    /// What the project file says of it.
    pub server: &'a Server,
    /// The realms that it has, `master` left out; `None` where it could not be reached.
    pub realms: Option<&'a BTreeSet<RealmName>>,
}

/// What the files say of where a realm is.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What it asks for.
    pub placement: &'a Placement,
    /// Its former name, under which it may still be there.
    pub renamed_from: Option<&'a RealmName>,
}

/// What was found out of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Where the declared realms are.
    pub places: Places,
    /// Realms of which there is more than one.
    pub duplicates: Vec<Duplicate>,
    /// Why servers could not be reached, by their names.
    pub unreachable: BTreeMap<String, String>,
}

impl Survey {
    /// A server of which nothing more can be learned: what is on it is unknown from now on.
    pub fn lose(&mut self, server: &str, why: String) {
        self.unreachable.insert(server.to_owned(), why);
        let lost: Vec<RealmName> =
            self.places.of.iter().filter(|(_, place)| place.server == server).map(|(name, _)| name.clone()).collect();
        for name in lost {
            self.places.of.remove(&name);
            self.places.unknown.insert(name);
        }
    }

    /// Says, a line each, what is not as it should be.
    pub fn tell(&self, mut message: impl FnMut(&str)) {
        let Self { places: Places { of, unknown, full: _ }, duplicates, unreachable } = self;
        for (server, why) in unreachable {
            message(&format!("warning: {server} cannot be reached: {why}"));
        }
        if !unknown.is_empty() {
            let realms: Vec<&str> = unknown.iter().map(String::as_str).collect();
            let servers: Vec<&str> = unreachable.keys().map(String::as_str).collect();
            message(&format!("warning: left out, since they may be on {}: {}", servers.join(", "), realms.join(", ")));
        }
        for Duplicate { realm, active, ignored } in duplicates {
            message(&format!(
                "warning: {realm} is on {active} and on {}; only that on {active} counts",
                ignored.join(", ")
            ));
        }
        for (realm, Place { server, misplaced, .. }) in of {
            if let Some(placement) = misplaced {
                message(&format!("warning: {realm} is on {server}, and asks for a server {placement}; it stays there"));
            }
        }
    }
}

/// Where realms are, and where new ones go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The declared realms of which that is known.
    pub of: BTreeMap<RealmName, Place>,
    /// Declared realms that servers may have which could not be reached: no other has them with the project's record.
    pub unknown: BTreeSet<RealmName>,
    /// New realms for which there is no room.
    pub full: Option<Full>,
}

impl Places {
    /// The realms that are new, in the order of their names, each with where it goes.
    pub fn new_realms(&self) -> impl Iterator<Item = (&RealmName, &str, &Chosen)> {
        self.of.iter().filter_map(|(name, place)| Some((name, place.server.as_str(), place.chosen.as_ref()?)))
    }
}

/// Where one realm is, or goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The server's name.
    pub server: String,
    /// Why it goes there; `None` where it is there already.
    pub chosen: Option<Chosen>,
    /// What it asks for and the server that it is on does not have.
    pub misplaced: Option<Placement>,
}

/// Why a new realm goes to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// What speaks for the server.
    pub reason: Reason,
    /// How many realms the server has without it.
    pub realms: usize,
    /// How many it may have.
    pub limit: usize,
}

/// What speaks for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The files name it.
    Named,
    /// No other one has what the realm asks for, and room.
    Only,
    /// It has the fewest realms for its weight, of so many.
    Fewest(usize),
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, realms, limit } = self;
        match reason {
            Reason::Named => f.write_str("placement.server names it")?,
            Reason::Only => f.write_str("the only one that fits and has room")?,
            Reason::Fewest(of) => write!(f, "the fewest realms for its weight among {of}")?,
        }
        write!(f, "; {realms} of {limit} realms")
    }
}

/// A realm that more than one server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// Its name.
    pub realm: RealmName,
    /// The server whose realm counts.
    pub active: String,
    /// The others, in the order of the fleet: they are never written.
    pub ignored: Vec<String>,
}

/// Realms for which no server has room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full(Vec<Homeless>);

/// What asks for the same and has no place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Homeless {
    placement: Placement,
    realms: Vec<RealmName>,
    /// The servers that have what it asks for, each with its realms and how many it may have.
    servers: Vec<(String, usize, usize)>,
}

impl std::error::Error for Full {}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Homeless { placement, realms, servers }) in self.0.iter().enumerate() {
            let of = if *placement == Placement::default() { String::new() } else { format!(" {placement}") };
            let (number, noun) = (realms.len(), if realms.len() == 1 { "realm" } else { "realms" });
            let separator = if at == 0 { "" } else { "\n" };
            write!(f, "{separator}there is no room for {number} {noun} ({})", realms.join(", "))?;
            if servers.is_empty() {
                write!(f, ": no server of the fleet is one{of}; add one")?;
                continue;
            }
            let told: Vec<String> =
                servers.iter().map(|(name, realms, limit)| format!("{name} has {realms} of {limit}")).collect();
            write!(f, ": {}; raise maxRealms by {number} in all, or add a server{of}", told.join(", "))?;
        }
        Ok(())
    }
}

/// The realms that more than one server has; `holds` says whether a server's realm holds the project's record. The first of
/// those counts, and without one the first of the fleet.
pub fn duplicates(members: &[Member<'_>], holds: impl Fn(&RealmName, &str) -> bool) -> Vec<Duplicate> {
    let mut on: BTreeMap<&RealmName, Vec<&str>> = BTreeMap::new();
    for member in members {
        for realm in member.realms.into_iter().flatten() {
            on.entry(realm).or_default().push(member.name);
        }
    }
    let several = on.into_iter().filter(|(_, servers)| servers.len() > 1);
    let duplicate = |(realm, servers): (&RealmName, Vec<&str>)| {
        let active = servers.iter().copied().find(|server| holds(realm, server)).unwrap_or(servers[0]);
        let ignored = servers.iter().filter(|server| **server != active).map(|server| (*server).to_owned()).collect();
        Duplicate { realm: realm.clone(), active: active.to_owned(), ignored }
    };
    several.map(duplicate).collect()
}

/// Finds the declared realms, and places those that are new, in the order of their names. `holds` says whether a server's realm
/// holds the project's record: while a server cannot be reached, one that does not may be another's of the same name.
pub fn places<'a>(
    members: &[Member<'_>],
    duplicates: &[Duplicate],
    holds: impl Fn(&RealmName, &str) -> bool,
    wanted: impl IntoIterator<Item = (&'a RealmName, Wanted<'a>)>,
) -> Places {
    let active: BTreeMap<&RealmName, &str> = duplicates.iter().map(|it| (&it.realm, it.active.as_str())).collect();
    let on = |name: &RealmName| {
        let mut having = members.iter().filter(|member| member.realms.is_some_and(|realms| realms.contains(name)));
        match active.get(name) {
            Some(server) => having.find(|member| member.name == *server),
            None => having.next(),
        }
    };
    let is_partial = members.iter().any(|member| member.realms.is_none());
    let mut counts: BTreeMap<&str, usize> =
        members.iter().filter_map(|member| Some((member.name, member.realms?.len()))).collect();
    let mut places = Places::default();
    let mut homeless: Vec<Homeless> = Vec::new();
    for (name, Wanted { placement, renamed_from }) in wanted {
        let found = on(name).map(|member| (name, member));
        let found = found.or_else(|| renamed_from.and_then(|name| Some((name, on(name)?))));
        if let Some((name_there, member)) = found {
            if is_partial && !holds(name_there, member.name) {
                places.unknown.insert(name.clone());
                continue;
            }
            let misplaced = (!fits(member, placement)).then(|| placement.clone());
            places.of.insert(name.clone(), Place { server: member.name.to_owned(), chosen: None, misplaced });
            continue;
        }
        if is_partial {
            places.unknown.insert(name.clone());
            continue;
        }
        let fitting: Vec<&Member<'_>> = members.iter().filter(|member| fits(member, placement)).collect();
        let mut with_room: Vec<&&Member<'_>> =
            fitting.iter().filter(|member| counts[member.name] < member.server.max_realms).collect();
        // Compared as fractions: so many realms, the new one among them, for the weight.
        with_room.sort_by(|a, b| {
            let load = |member: &Member<'_>, weight: u32| (counts[member.name] as u64 + 1) * u64::from(weight);
            load(a, b.server.weight).cmp(&load(b, a.server.weight)).then(a.name.cmp(b.name))
        });
        let Some(member) = with_room.first() else {
            if let Some(homeless) = homeless.iter_mut().find(|homeless| homeless.placement == *placement) {
                homeless.realms.push(name.clone());
            } else {
                let told =
                    |member: &&Member<'_>| (member.name.to_owned(), counts[member.name], member.server.max_realms);
                let servers = fitting.iter().map(told).collect();
                homeless.push(Homeless { placement: placement.clone(), realms: vec![name.clone()], servers });
            }
            continue;
        };
        let reason = match (&placement.server, with_room.len()) {
            (Some(_), _) => Reason::Named,
            (None, 1) => Reason::Only,
            (None, several) => Reason::Fewest(several),
        };
        let chosen = Chosen { reason, realms: counts[member.name], limit: member.server.max_realms };
        places.of.insert(name.clone(), Place { server: member.name.to_owned(), chosen: Some(chosen), misplaced: None });
        *counts.entry(member.name).or_default() += 1;
    }
    places.full = (!homeless.is_empty()).then_some(Full(homeless));
    places
}

/// Whether a server has what a realm asks for.
fn fits(member: &Member<'_>, placement: &Placement) -> bool {
    let Placement { server, labels } = placement;
    server.as_deref().is_none_or(|name| name == member.name)
        && labels.iter().all(|(name, value)| member.server.labels.get(name) == Some(value))
}
