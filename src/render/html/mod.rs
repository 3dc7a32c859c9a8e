//! For a browser: one page that needs nothing else, with all text escaped by the template.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Serde;
use minijinja::{Environment, Error};
use serde::Serialize;

use super::escape::safe;
use super::text::{commit, headline, state_sign, state_word};
use crate::fleet::{RealmStatus, ServerStatus, State, Status};
use crate::model::Record;

const STYLE: &str = include_str!("status.css");
const SCRIPT: &str = include_str!("status.js");

/// How servers and realms are, what is wrong first. With `refresh` the page loads itself again after so many seconds.
///
/// # Errors
/// The template is broken.
pub fn status(status: &Status, refresh: Option<u32>) -> Result<String, Error> {
    let mut environment = Environment::new();
    // The name says that what is put in is escaped.
    environment.add_template("status.html", include_str!("status.html"))?;
    Ok(environment.get_template("status.html")?.render(Serde(Page::of(status, refresh)))? + "\n")
}

/// What the template is filled with.
#[derive(Serialize)]
struct Page<'a> {
    headline: String,
    status: &'static str,
    project: String,
    environment: Option<String>,
    time: &'a str,
    is_compared: bool,
    refresh: Option<u32>,
    servers: Vec<Server>,
    realms: Vec<Realm>,
    no_room: Option<String>,
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
}

#[derive(Serialize)]
struct Server {
    name: String,
    url: Option<String>,
    error: Option<String>,
    version: Option<String>,
    realms: Option<usize>,
    limit: Option<usize>,
    /// How full it is, of 100.
    percent: Option<usize>,
    is_overfull: bool,
    ignored: Vec<String>,
    is_wrong: bool,
}

#[derive(Serialize)]
struct Realm {
    name: String,
    server: Option<String>,
    sign: char,
    word: &'static str,
    /// How it looks: `bad`, `todo`, `fine` or `quiet`.
    class: &'static str,
    why: Option<String>,
    misplaced: Option<String>,
    is_wrong: bool,
    applied: Option<Applied>,
}

#[derive(Serialize)]
struct Applied {
    commit: String,
    environment: Option<String>,
    time: String,
    actor: String,
}

impl<'a> Page<'a> {
    fn of(status: &'a Status, refresh: Option<u32>) -> Self {
        let Status { project, environment, time, is_compared, servers, realms, full } = status;
        let mut servers: Vec<Server> = servers.iter().map(server).collect();
        // A stable sort: each half stays in the order of the fleet.
        servers.sort_by_key(|server| !server.is_wrong);
        Self {
            headline: headline(status),
            status: if status.is_wrong() { "bad" } else { "fine" },
            project: shown(project),
            environment: environment.as_deref().map(shown),
            time,
            is_compared: *is_compared,
            refresh,
            servers,
            realms: realms.iter().map(realm).collect(),
            no_room: full.as_ref().map(ToString::to_string),
            style: STYLE,
            style_hash: hash(STYLE),
            script: SCRIPT,
            script_hash: hash(SCRIPT),
        }
    }
}

fn server(server: &ServerStatus) -> Server {
    let ServerStatus { name, url, found, limit, ignored } = server;
    let about = found.as_ref().ok();
    let realms = about.map(|about| about.realms);
    let percent = realms.zip(*limit).map(|(realms, limit)| (100 * realms / limit.max(1)).min(100));
    Server {
        name: shown(name),
        url: url.clone(),
        error: found.as_ref().err().map(|why| shown(why)),
        version: about.and_then(|about| about.version.as_deref()).map(shown),
        realms,
        limit: *limit,
        percent,
        is_overfull: server.is_overfull(),
        ignored: ignored.iter().map(|name| shown(name)).collect(),
        is_wrong: server.is_wrong(),
    }
}

fn realm(realm: &RealmStatus) -> Realm {
    let RealmStatus { name, server, state, why, misplaced, applied: record } = realm;
    Realm {
        name: shown(name),
        server: server.as_deref().map(shown),
        sign: if realm.is_wrong() { '!' } else { state_sign(*state) },
        word: state_word(*state),
        class: class(*state),
        why: why.as_deref().map(shown),
        misplaced: misplaced.as_ref().map(|placement| shown(&placement.to_string())),
        is_wrong: realm.is_wrong(),
        applied: record.as_ref().map(applied),
    }
}

fn applied(record: &Record) -> Applied {
    Applied {
        commit: commit(record),
        environment: record.environment.as_deref().map(shown),
        time: shown(record.time.split('.').next().unwrap_or_default()),
        actor: shown(&record.actor),
    }
}

fn class(state: State) -> &'static str {
    match state {
        State::Unknown | State::NoRoom | State::Drift | State::Duplicate => "bad",
        State::Left | State::Pending | State::New => "todo",
        State::InStep => "fine",
        State::Applied | State::Foreign => "quiet",
    }
}

/// Text that turns no other text around; the template escapes it for HTML.
fn shown(text: &str) -> String {
    safe(text).into_owned()
}

/// What the page's policy lets run: this text, and no other.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes())))
}
