//! The shape of a drift report in JSON.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::document::{ChangeDocument, CulpritDocument, FORMAT_VERSION, UnreadableDocument, texts};
use crate::diff::{Buckets, RealmReport, Report};
use crate::model::{RealmName, Record};

/// What moved since it was applied.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "realmform drift")]
pub(super) struct DriftDocument {
    /// The version of this format.
    format_version: u32,
    summary: BucketsDocument,
    /// Whether something could not be looked at, so that what was not found may still be there.
    partial: bool,
    /// How many secrets could not be compared, since their values are not at hand.
    secrets_not_compared: usize,
    realms: BTreeMap<RealmName, RealmDocument>,
    /// Realms that could not be read, and why.
    unread: BTreeMap<RealmName, String>,
}

/// How many objects are in which bucket.
#[derive(Debug, Serialize, JsonSchema)]
struct BucketsDocument {
    drift: usize,
    pending: usize,
    unmanaged: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RealmDocument {
    summary: BucketsDocument,
    /// What was applied last.
    applied: Option<AppliedDocument>,
    /// Whether the files that were applied last could be read; else drift may be an edit.
    explained: bool,
    /// Why they could not, where something moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<UnreadableDocument>,
    /// What the server has otherwise than it was applied: `before` was applied, `after` is there.
    drift: Vec<ChangeDocument>,
    /// Who changed what, by address.
    culprits: BTreeMap<String, CulpritDocument>,
    /// Why nobody can tell who.
    #[serde(skip_serializing_if = "Option::is_none")]
    culprits_unknown: Option<&'static str>,
    /// What the files say otherwise than it was applied, as the plan that would apply it.
    pending: Vec<ChangeDocument>,
    /// Addresses that would only be entered into the record.
    adopted: Vec<String>,
    /// Addresses that would only be dropped from the record.
    forgotten: Vec<String>,
    /// Addresses of what no project manages, without what hangs below it.
    unmanaged: Vec<String>,
    /// What could not be read, and why.
    left_out: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AppliedDocument {
    /// In full; none outside of a repository.
    commit: Option<String>,
    /// Whether the work tree differed from it.
    dirty: bool,
    /// The environment that it was applied in; absent where the project had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    time: String,
    actor: String,
}

impl From<&Report> for DriftDocument {
    fn from(report: &Report) -> Self {
        let Report { realms, unread, not_compared } = report;
        Self {
            format_version: FORMAT_VERSION,
            summary: report.buckets().into(),
            partial: report.is_partial(),
            secrets_not_compared: *not_compared,
            realms: realms.iter().map(|(name, realm)| (name.clone(), realm.into())).collect(),
            unread: unread.clone(),
        }
    }
}

impl From<&RealmReport> for RealmDocument {
    fn from(realm: &RealmReport) -> Self {
        let RealmReport { drift, applied, culprits, left_out, unreadable } = realm;
        let by_address = culprits.by_address.iter();
        Self {
            summary: realm.buckets().into(),
            applied: applied.as_ref().map(Into::into),
            explained: drift.is_explained,
            unreadable: unreadable.as_ref().map(Into::into),
            drift: drift.happened().changes.iter().map(Into::into).collect(),
            culprits: by_address.map(|(address, culprit)| (address.to_string(), culprit.into())).collect(),
            culprits_unknown: culprits.unknown,
            pending: drift.pending.changes.iter().map(Into::into).collect(),
            adopted: texts(&drift.pending.adopted),
            forgotten: texts(&drift.pending.forgotten),
            unmanaged: texts(&drift.unmanaged),
            left_out: left_out.clone(),
        }
    }
}

impl From<&Record> for AppliedDocument {
    fn from(record: &Record) -> Self {
        let Record {
            commit,
            dirty,
            environment,
            tool: _,
            time,
            actor,
            objects: _,
            fingerprints: _,
            unfinished: _,
            outputs: _,
        } = record;
        Self {
            commit: commit.clone(),
            dirty: *dirty,
            environment: environment.clone(),
            time: time.clone(),
            actor: actor.clone(),
        }
    }
}

impl From<Buckets> for BucketsDocument {
    fn from(buckets: Buckets) -> Self {
        let Buckets { drift, pending, unmanaged } = buckets;
        Self { drift, pending, unmanaged }
    }
}
