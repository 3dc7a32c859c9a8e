//! How the servers and their realms are at one moment: what of it is wrong, and what was applied where.

use std::collections::{BTreeMap, BTreeSet};

use super::{Duplicate, Full, Place, Survey};
use crate::model::{Placement, RealmName, Record};

/// How everything is.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The project's name.
    pub project: String,
    /// Its environment, where it has some.
    pub environment: Option<String>,
    /// When it was looked at, in RFC 3339.
    pub time: String,
    /// Whether the realms were compared with what was applied: else nobody can tell whether they drifted.
    pub is_compared: bool,
    /// In the order of the fleet.
    pub servers: Vec<ServerStatus>,
    /// What is wrong first, then by name.
    pub realms: Vec<RealmStatus>,
    /// New realms for which there is no room.
    pub full: Option<Full>,
}

/// How a server is.
#[derive(Clone, Debug)]
pub struct ServerStatus {
    /// Its name in the project file.
    pub name: String,
    /// Its base URL, where it is one.
    pub url: Option<String>,
    /// What it says of itself, or why it cannot be reached.
    pub found: Result<About, String>,
    /// How many realms it may have, where it is of a fleet.
    pub limit: Option<usize>,
    /// Its realms of which another server's count.
    pub ignored: Vec<RealmName>,
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its version, where the credential may know it.
    pub version: Option<String>,
    /// How many realms it has, `master` left out.
    pub realms: usize,
}

/// How a realm of a server is, or one that is yet to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmStatus {
    /// Its name.
    pub name: RealmName,
    /// Where it is, or goes.
    pub server: Option<String>,
    /// How it is.
    pub state: State,
    /// What there is to say of that.
    pub why: Option<String>,
    /// What it asks for and its server does not have.
    pub misplaced: Option<Placement>,
    /// What was applied last: the record without its objects.
    pub applied: Option<Record>,
}

/// How a realm is: what needs somebody first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nobody can tell.
    Unknown,
    /// The files have it, and no server has room for it.
    NoRoom,
    /// The server has it otherwise than it was applied.
    Drift,
    /// Another server's realm of that name counts.
    Duplicate,
    /// It left the files.
    Left,
    /// The files say something else than was applied.
    Pending,
    /// It was never applied.
    New,
    /// It was applied, and what the files said then is not known.
    Applied,
    /// It is as the files say, as far as it was looked at.
    InStep,
    /// The project has nothing in it.
    Foreign,
}

impl State {
    /// All of them, in their order.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::NoRoom,
        Self::Drift,
        Self::Duplicate,
        Self::Left,
        Self::Pending,
        Self::New,
        Self::Applied,
        Self::InStep,
        Self::Foreign,
    ];

    /// Whether it is not as it should be. What is yet to be applied is no fault.
    pub fn is_wrong(self) -> bool {
        match self {
            Self::Unknown | Self::NoRoom | Self::Drift | Self::Duplicate => true,
            Self::Left | Self::Pending | Self::New | Self::Applied | Self::InStep | Self::Foreign => false,
        }
    }
}

impl ServerStatus {
    /// Whether something is not as it should be.
    pub fn is_wrong(&self) -> bool {
        self.found.is_err() || !self.ignored.is_empty() || self.is_overfull()
    }

    /// Whether it has more realms than it may.
    pub fn is_overfull(&self) -> bool {
        matches!((&self.found, self.limit), (Ok(about), Some(limit)) if about.realms > limit)
    }
}

impl RealmStatus {
    /// Whether something is not as it should be.
    pub fn is_wrong(&self) -> bool {
        self.state.is_wrong() || self.misplaced.is_some()
    }
}

impl Status {
    /// Whether something is not as it should be.
    pub fn is_wrong(&self) -> bool {
        self.servers.iter().any(ServerStatus::is_wrong) || self.realms.iter().any(RealmStatus::is_wrong)
    }

    /// How many realms are in a state.
    pub fn count(&self, state: State) -> usize {
        self.realms.iter().filter(|realm| realm.state == state).count()
    }
}

/// What was found of a realm of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What the project applied last, or why that cannot be told.
    pub record: Result<Option<Record>, String>,
    /// Other projects that have a part of it.
    pub others: Vec<String>,
}

/// What was found out of the realms.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Where they are.
    pub survey: &'a Survey,
    /// The realms of the files, each with the name that it had before.
    pub declared: &'a BTreeMap<RealmName, Option<RealmName>>,
    /// The realms of each server.
    pub held: &'a BTreeMap<String, BTreeMap<RealmName, Held>>,
    /// How those are that were applied, with what there is to say of it.
    pub standing: &'a BTreeMap<RealmName, (State, Option<String>)>,
    /// The environment that is meant.
    pub environment: Option<&'a str>,
}

impl Findings<'_> {
    /// How the realms are, what is wrong first.
    pub fn realms(&self) -> Vec<RealmStatus> {
        let declared = self.declared.iter().map(|(name, former)| self.declared(name, former.as_ref()));
        let mut realms: Vec<RealmStatus> = declared.collect();
        let known: BTreeSet<&RealmName> =
            self.declared.iter().flat_map(|(name, former)| former.iter().chain([name])).collect();
        for (server, held) in self.held {
            for (name, held) in held {
                if let Some(Duplicate { active, .. }) = self.duplicate(name, server) {
                    realms.push(RealmStatus {
                        why: Some(format!("only that on {active} counts")),
                        ..status(name, Some(server), State::Duplicate)
                    });
                } else if !known.contains(name) {
                    realms.push(self.undeclared(name, server, held));
                }
            }
        }
        let order = |it: &RealmStatus| (!it.is_wrong(), it.state, it.name.clone(), it.server.clone());
        realms.sort_by_cached_key(order);
        realms
    }

    /// What makes a server's realm one that does not count.
    fn duplicate(&self, realm: &RealmName, server: &str) -> Option<&Duplicate> {
        let mut duplicates = self.survey.duplicates.iter();
        duplicates.find(|it| it.realm == *realm && it.ignored.iter().any(|ignored| ignored == server))
    }

    fn declared(&self, name: &RealmName, former: Option<&RealmName>) -> RealmStatus {
        let Survey { places, unreachable, duplicates: _ } = self.survey;
        if places.unknown.contains(name) {
            let servers: Vec<&str> = unreachable.keys().map(String::as_str).collect();
            let why = format!("it may be on {}, which cannot be reached", servers.join(" or "));
            return RealmStatus { why: Some(why), ..status(name, None, State::Unknown) };
        }
        let Some(Place { server, chosen, misplaced }) = places.of.get(name) else {
            return status(name, None, State::NoRoom);
        };
        let found = self.held.get(server).and_then(|held| held.get(name).or_else(|| held.get(former?)));
        let (state, why, applied) = match found.map(|held| &held.record) {
            None => (State::New, chosen.as_ref().map(ToString::to_string), None),
            Some(Err(why)) => (State::Unknown, Some(why.clone()), None),
            Some(Ok(None)) => (State::New, Some("it is there, and was never applied".to_owned()), None),
            Some(Ok(Some(record))) => {
                let (state, why) = self.standing.get(name).cloned().unwrap_or((State::Applied, None));
                (state, why, Some(record.heading()))
            }
        };
        RealmStatus { why, misplaced: misplaced.clone(), applied, ..status(name, Some(server), state) }
    }

    fn undeclared(&self, name: &RealmName, server: &str, held: &Held) -> RealmStatus {
        let Held { record, others } = held;
        let others = (!others.is_empty()).then(|| format!("of {}", others.join(", ")));
        match record {
            Ok(Some(record)) if record.is_of(self.environment) => {
                RealmStatus { applied: Some(record.heading()), ..status(name, Some(server), State::Left) }
            }
            Ok(Some(record)) => RealmStatus {
                why: record.environment.as_ref().map(|environment| format!("of the environment {environment}")),
                applied: Some(record.heading()),
                ..status(name, Some(server), State::Foreign)
            },
            Ok(None) => RealmStatus { why: others, ..status(name, Some(server), State::Foreign) },
            Err(why) => RealmStatus { why: Some(why.clone()), ..status(name, Some(server), State::Unknown) },
        }
    }
}

fn status(name: &RealmName, server: Option<&str>, state: State) -> RealmStatus {
    let (name, server) = (name.clone(), server.map(str::to_owned));
    RealmStatus { name, server, state, why: None, misplaced: None, applied: None }
}
