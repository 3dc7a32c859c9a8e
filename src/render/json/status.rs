//! The shape of a status in JSON.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::document::FORMAT_VERSION;
use super::drift::AppliedDocument;
use crate::fleet::{About, RealmStatus, ServerStatus, State, Status};
use crate::model::RealmName;

/// How servers and realms are.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "realmform status")]
pub(in crate::render) struct StatusDocument {
    /// The version of this format.
    format_version: u32,
    project: String,
    /// Absent where the project has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// When it was looked at, in RFC 3339.
    time: String,
    /// Whether something is not as it should be. What is yet to be applied is no fault.
    wrong: bool,
    /// Whether it was looked for drift (`--drift`).
    compared: bool,
    summary: SummaryDocument,
    /// In the order of the fleet.
    servers: Vec<ServerDocument>,
    /// What is wrong first, then by name.
    realms: Vec<RealmDocument>,
    /// For which new realms there is no room, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_room: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SummaryDocument {
    servers: usize,
    unreachable: usize,
    realms: usize,
    /// Realms that are on another server than their `placement` asks for.
    misplaced: usize,
    /// How many realms are in which state; states without realms are left out.
    states: BTreeMap<StateWord, usize>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ServerDocument {
    name: String,
    /// Its base URL; `null` where what the project file says is none.
    url: Option<String>,
    reachable: bool,
    /// Why it is not reachable.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The version of Keycloak; `null` where the credential may not know it.
    version: Option<String>,
    /// How many realms it has, `master` left out; `null` where it is not reachable.
    realms: Option<usize>,
    /// How many realms it may have; `null` where it is of no fleet.
    limit: Option<usize>,
    /// Its realms of which another server's count.
    ignored: Vec<RealmName>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RealmDocument {
    name: RealmName,
    /// Where it is, or goes; `null` where that is not known.
    server: Option<String>,
    state: StateWord,
    /// What there is to say of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// What its `placement` asks for and its server does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    misplaced: Option<String>,
    /// What was applied last; `null` where nothing was.
    applied: Option<AppliedDocument>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum StateWord {
    /// Nobody can tell.
    Unknown,
    /// The files have it, and no server has room for it.
    NoRoom,
    /// The server has it otherwise than it was applied. Only with `--drift`.
    Drift,
    /// Another server's realm of that name counts.
    Duplicate,
    /// It left the files, and is still there.
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

words!(StateWord, State: Unknown NoRoom Drift Duplicate Left Pending New Applied InStep Foreign);

impl From<&Status> for StatusDocument {
    fn from(status: &Status) -> Self {
        let Status { project, environment, time, is_compared, servers, realms, full } = status;
        let counts = State::ALL.into_iter().map(|state| (state.into(), status.count(state)));
        Self {
            format_version: FORMAT_VERSION,
            project: project.clone(),
            environment: environment.clone(),
            time: time.clone(),
            wrong: status.is_wrong(),
            compared: *is_compared,
            summary: SummaryDocument {
                servers: servers.len(),
                unreachable: servers.iter().filter(|server| server.found.is_err()).count(),
                realms: realms.len(),
                misplaced: realms.iter().filter(|realm| realm.misplaced.is_some()).count(),
                states: counts.filter(|(_, count)| *count > 0).collect(),
            },
            servers: servers.iter().map(Into::into).collect(),
            realms: realms.iter().map(Into::into).collect(),
            no_room: full.as_ref().map(ToString::to_string),
        }
    }
}

impl From<&ServerStatus> for ServerDocument {
    fn from(server: &ServerStatus) -> Self {
        let ServerStatus { name, url, found, limit, ignored } = server;
        let about = found.as_ref().ok();
        Self {
            name: name.clone(),
            url: url.clone(),
            reachable: found.is_ok(),
            error: found.as_ref().err().cloned(),
            version: about.and_then(|About { version, realms: _ }| version.clone()),
            realms: about.map(|about| about.realms),
            limit: *limit,
            ignored: ignored.clone(),
        }
    }
}

impl From<&RealmStatus> for RealmDocument {
    fn from(realm: &RealmStatus) -> Self {
        let RealmStatus { name, server, state, why, misplaced, applied } = realm;
        Self {
            name: name.clone(),
            server: server.clone(),
            state: (*state).into(),
            why: why.clone(),
            misplaced: misplaced.as_ref().map(ToString::to_string),
            applied: applied.as_ref().map(Into::into),
        }
    }
}
