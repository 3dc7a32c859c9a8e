//! What moved since it was applied: on the server, in the files, and what is nobody's.

use super::super::escape::safe;
use super::{Line, Options, Page, Paint, reference_of};
use crate::diff::{Buckets, RealmReport, Report};
use crate::keycloak::Culprit;
use crate::model::{Address, RealmName, Record};

/// All buckets of all realms, the summary as the last line.
pub fn drift(report: &Report, options: Options) -> String {
    let mut page = Page::new(options, false);
    for (name, realm) in &report.realms {
        page.drifted(name, realm);
    }
    for (name, reason) in &report.unread {
        let text = format!("realm {} could not be read: {}", safe(name), safe(reason));
        page.line(&Line::new(0, '!', text).painted(Paint::Bad));
    }
    page.summary(&summary(report));
    page.text
}

/// `Drift: 1 object. Pending: 2 objects. Unmanaged: none.`
pub(in crate::render) fn summary(report: &Report) -> String {
    let Buckets { drift, pending, unmanaged } = report.buckets();
    let some = |count: usize| match count {
        0 => "none".to_owned(),
        1 => "1 object".to_owned(),
        count => format!("{count} objects"),
    };
    let mut text = format!("Drift: {}. Pending: {}. Unmanaged: {}.", some(drift), some(pending), some(unmanaged));
    let left_out: Vec<&String> = report.realms.values().flat_map(|realm| &realm.left_out).collect();
    if !report.unread.is_empty() {
        let names: Vec<_> = report.unread.keys().map(|name| safe(name)).collect();
        text.push_str(&format!(" Partial: nothing is known of {}.", names.join(", ")));
    }
    if !left_out.is_empty() {
        let reasons: Vec<_> = left_out.iter().map(|reason| safe(reason)).collect();
        text.push_str(&format!(" Partial: not looked at: {}.", reasons.join("; ")));
    }
    if report.not_compared > 0 {
        text.push_str(&format!(
            " Partial: {} not compared, since they are not set here.",
            secrets(report.not_compared)
        ));
    }
    text
}

fn secrets(count: usize) -> String {
    if count == 1 { "1 secret was".to_owned() } else { format!("{count} secrets were") }
}

/// `applied 3f2a9c1 on 2026-11-23T08:00:00Z by tester`
pub(in crate::render) fn applied(record: Option<&Record>) -> String {
    let Some(record) = record else { return "never applied".to_owned() };
    let dirty = if record.dirty { " with uncommitted changes" } else { "" };
    let commit = record.commit.as_deref().map(|commit| reference_of(commit) + dirty);
    let commit = commit.as_deref().unwrap_or("outside of git");
    format!("applied {commit} at {} by {}", safe(&record.time), safe(&record.actor))
}

/// `by admin with security-admin-console from 127.0.0.1 at 2026-11-23T08:00:00Z`
pub(in crate::render) fn told(culprit: &Culprit) -> String {
    let Culprit { user, client, address, time } = culprit;
    format!("by {} with {} from {} at {:.0}", safe(user), safe(client), safe(address), time)
}

impl Page<'_> {
    fn drifted(&mut self, name: &RealmName, realm: &RealmReport) {
        let Buckets { drift, pending, unmanaged } = realm.buckets();
        if drift + pending + unmanaged == 0 {
            return;
        }
        let title = format!("realm {}, {}", safe(name), applied(realm.applied.as_ref()));
        self.line(&Line::new(0, '#', title).painted(Paint::Title));
        self.blank();
        if drift > 0 {
            let title = if realm.drift.is_explained {
                "Drift: the server is no longer as it was applied"
            } else {
                "Drift, or edits: the files that were applied cannot be read, so these are compared with those of now"
            };
            self.line(&Line::new(0, '!', title).painted(Paint::Bad));
            for change in &realm.drift.happened().changes {
                let culprit = realm.culprits.by_address.get(&change.address);
                self.block(change, &culprit.map(told).unwrap_or_default());
            }
            if let Some(reason) = realm.culprits.unknown {
                self.line(&Line::new(0, ' ', format!("By whom nobody can tell: {reason}.")).painted(Paint::Dim));
                self.blank();
            }
        }
        if pending > 0 {
            self.line(
                &Line::new(0, '!', "Pending: the files are no longer as they were applied").painted(Paint::Title),
            );
            for change in &realm.drift.pending.changes {
                self.change(change);
            }
            self.names("to adopt:", &realm.drift.pending.adopted);
            self.names("to forget:", &realm.drift.pending.forgotten);
        }
        if unmanaged > 0 {
            self.line(&Line::new(0, '!', "Unmanaged: no project has it").painted(Paint::Title));
            for address in &realm.drift.unmanaged {
                self.unmanaged(address);
            }
            self.blank();
        }
    }

    fn unmanaged(&mut self, address: &Address) {
        let text = format!("{} {}", address.kind().name, safe(address.name()));
        self.line(&Line::new(1, ' ', text.trim_end()).aside(safe(&address.to_string())).bare());
    }
}
