//! How servers and realms are.

use super::{Line, Options, Page, Paint, reference_of};
use crate::fleet::{About, RealmStatus, ServerStatus, State, Status};
use crate::model::Record;
use crate::render::escape::safe;

/// A line for each server and each realm, what is wrong first and with `!`, and the summary as the last line.
pub fn status(status: &Status, options: Options) -> String {
    let mut page = Page::new(options, false);
    page.table(status.servers.iter().map(|server| (server.is_wrong(), '!', server_cells(server))));
    page.table(status.realms.iter().map(|realm| (realm.is_wrong(), sign(realm.state), realm_cells(realm))));
    if let Some(full) = &status.full {
        for line in full.to_string().lines() {
            page.line(&Line::new(0, '!', safe(line)).painted(Paint::Bad));
        }
        page.blank();
    }
    page.summary(&format!("{}.", headline(status)));
    page.text
}

/// `3 servers, 12 realms: 1 unreachable, 2 drifted`
pub(in crate::render) fn headline(status: &Status) -> String {
    let (servers, realms) = (status.servers.len(), status.realms.len());
    let plural = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let mut wrong = Vec::new();
    let mut tell = |number: usize, words: &str| {
        if number > 0 {
            wrong.push(format!("{number} {words}"));
        }
    };
    tell(status.servers.iter().filter(|server| server.found.is_err()).count(), "unreachable");
    tell(status.servers.iter().filter(|server| server.is_overfull()).count(), "over the limit");
    tell(status.count(State::Unknown), "unknown");
    tell(status.count(State::NoRoom), "without room");
    tell(status.count(State::Drift), "drifted");
    tell(status.count(State::Duplicate), "duplicate");
    tell(status.realms.iter().filter(|realm| realm.misplaced.is_some()).count(), "misplaced");
    let wrong = if wrong.is_empty() { "nothing wrong".to_owned() } else { wrong.join(", ") };
    format!("{}, {}: {wrong}", plural(servers, "server"), plural(realms, "realm"))
}

/// A state in words.
pub(in crate::render) fn word(state: State) -> &'static str {
    match state {
        State::Unknown => "unknown",
        State::NoRoom => "no room",
        State::Drift => "drift",
        State::Duplicate => "duplicate, ignored",
        State::Left => "left the files",
        State::Pending => "pending",
        State::New => "not applied yet",
        State::Applied => "applied",
        State::InStep => "in step",
        State::Foreign => "not ours",
    }
}

/// A state as a sign, which does not need colour.
pub(in crate::render) fn sign(state: State) -> char {
    match state {
        State::Unknown | State::NoRoom | State::Drift | State::Duplicate => '!',
        State::Left => '-',
        State::Pending => '~',
        State::New => '+',
        State::Applied | State::InStep | State::Foreign => ' ',
    }
}

/// `3f2a9c1 at 2026-11-24T01:40:00Z by ana`
fn applied(record: &Record) -> String {
    let environment = record.environment.as_ref().map(|it| format!(" in {}", safe(it))).unwrap_or_default();
    let (commit, time) = (commit(record), record.time.split('.').next().unwrap_or_default());
    format!("{commit}{environment} at {} by {}", safe(time), safe(&record.actor))
}

/// `3f2a9c1 and uncommitted changes`
pub(in crate::render) fn commit(record: &Record) -> String {
    let dirty = if record.dirty { " and uncommitted changes" } else { "" };
    record.commit.as_deref().map_or_else(|| "outside of git".to_owned(), |commit| reference_of(commit) + dirty)
}

fn server_cells(server: &ServerStatus) -> Vec<String> {
    let ServerStatus { name, url, found, limit, ignored } = server;
    let url = url.as_deref().unwrap_or("(no URL)");
    let mut cells = vec![safe(name).into_owned(), safe(url).into_owned()];
    match found {
        Ok(About { version, realms }) => {
            let noun = if limit.unwrap_or(*realms) == 1 { "realm" } else { "realms" };
            let of = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
            cells.push(version.as_deref().map_or("version unknown".into(), safe).into_owned());
            cells.push(format!("{realms}{of} {noun}"));
        }
        Err(why) => cells.push(format!("unreachable: {}", safe(why))),
    }
    if !ignored.is_empty() {
        cells.push(format!("ignored: {}", safe(&ignored.join(", "))));
    }
    cells
}

fn realm_cells(realm: &RealmStatus) -> Vec<String> {
    let RealmStatus { name, server, state, why, misplaced, applied: record } = realm;
    let mut told = word(*state).to_owned();
    if let Some(why) = why {
        told.push_str(&format!(": {}", safe(why)));
    }
    if let Some(placement) = misplaced {
        told.push_str(&format!("; asks for a server {}", safe(&placement.to_string())));
    }
    let server = server.as_deref().map_or("-".into(), safe).into_owned();
    vec![safe(name).into_owned(), server, told, record.as_ref().map(applied).unwrap_or_default()]
}

impl Page<'_> {
    /// Lines in columns: whether each is loud, its sign, and its cells.
    fn table(&mut self, rows: impl Iterator<Item = (bool, char, Vec<String>)>) {
        let rows: Vec<_> = rows.collect();
        let mut widths: Vec<usize> = Vec::new();
        for (_, _, cells) in &rows {
            // The last one of a row may be as long as it likes.
            for (at, cell) in cells.iter().enumerate().take(cells.len().saturating_sub(1)) {
                let width = cell.chars().count();
                match widths.get_mut(at) {
                    Some(widest) => *widest = width.max(*widest),
                    None => widths.push(width),
                }
            }
        }
        for (is_wrong, sign, cells) in &rows {
            let width = |at: usize| if at + 1 < cells.len() { widths[at] } else { 0 };
            let cells: Vec<String> =
                cells.iter().enumerate().map(|(at, cell)| format!("{cell:<width$}", width = width(at))).collect();
            let sign = if *is_wrong {
                '!'
            } else if *sign == '!' {
                ' '
            } else {
                *sign
            };
            let paint = if *is_wrong { Paint::Bad } else { Paint::Sign };
            self.line(&Line::new(0, sign, cells.join("  ")).painted(paint));
        }
        if !rows.is_empty() {
            self.blank();
        }
    }
}
