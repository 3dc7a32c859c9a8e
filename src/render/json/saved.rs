//! The file of a saved plan, both ways.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::document::PlanDocument;
use crate::diff::Concern;
use crate::model::{Address, FieldPath, RealmName, SecretRef, Shape, Value};
use crate::plan::saved::{Files, Saved, Seen, hexadecimal};
use crate::secrets::Fingerprint;

/// The newest format that this version reads, and the one that it writes.
const FORMAT_VERSION: u32 = 1;

/// A plan that is kept in a file.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "realmform saved plan")]
pub(super) struct SavedDocument {
    /// The version of this format.
    saved_plan_version: u32,
    /// The version of realmform that made it.
    tool: String,
    /// The project that it is a plan of.
    project: String,
    /// The project's environment that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// The files that it was made from.
    files: Files,
    /// The base URL of the server that it was made for.
    server: String,
    /// The version of that server, where it told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server_version: Option<String>,
    /// When it was made.
    #[schemars(with = "String")]
    created: Timestamp,
    /// Until when it may be applied.
    #[schemars(with = "String")]
    expires: Timestamp,
    /// What would be done, as `plan --format json` has it.
    plan: PlanDocument,
    /// What the server had of each realm with something to do.
    seen: BTreeMap<RealmName, Seen>,
    /// What the record of each realm will say once everything is applied.
    managed: BTreeMap<RealmName, Managed>,
    /// The secrets that it writes.
    secrets: Vec<SecretDocument>,
    /// The declared leaves of changed objects that stay as they are, by address.
    kept: BTreeMap<String, Vec<KeptDocument>>,
    /// What the rest of the file comes to: `sha256:…`, or `hmac-sha256:…` with the key of whoever made it.
    seal: String,
}

/// The managed objects of a realm. Many have the same leaves, so these are kept once.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Managed {
    /// Sets of leaves.
    #[schemars(with = "Vec<Vec<Vec<String>>>")]
    shapes: Vec<Vec<FieldPath>>,
    /// By address within the realm: the index of its set.
    objects: BTreeMap<String, usize>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct SecretDocument {
    /// What names it, as in a file: `{"env": "NAME"}`.
    #[schemars(with = "BTreeMap<String, Json>")]
    reference: SecretRef,
    /// A salted argon2id hash of its value.
    #[schemars(with = "String")]
    fingerprint: Fingerprint,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct KeptDocument {
    #[schemars(with = "Vec<String>")]
    path: FieldPath,
    #[serde(flatten)]
    value: KeptValue,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum KeptValue {
    Value(Json),
    #[schemars(with = "BTreeMap<String, Json>")]
    Secret(SecretRef),
}

/// A file that is no saved plan, or not as it was saved.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// It is not JSON of that shape.
    #[error("it is no saved plan: {0}")]
    Shape(String),
    /// A newer version made it.
    #[error("it was saved in format {found} by realmform {tool}; this version reads up to {FORMAT_VERSION}")]
    Newer {
        /// The format found.
        found: u32,
        /// The version that made it.
        tool: String,
    },
    /// It says something else than what was saved.
    #[error("it was changed after it was saved")]
    Changed,
    /// It is sealed with a key, and there is none here.
    #[error("it is sealed with a key, and REALMFORM_PLAN_KEY is not set")]
    NoKey,
    /// It has to be sealed with a key, and is not.
    #[error("it is not sealed with the key REALMFORM_PLAN_KEY")]
    NotSealed,
}

/// The text of the file: without `key` it is only protected against mishaps.
pub fn saved(saved: &Saved, concerns: &[Concern], key: Option<&[u8]>) -> String {
    let mut document = SavedDocument::of(saved, concerns);
    document.seal = document.seal(key);
    format!("{:#}\n", super::value(&document))
}

/// Reads what [`saved`] wrote, and nothing else.
///
/// # Errors
/// See [`SavedError`].
pub fn read_saved(text: &[u8], key: Option<&[u8]>) -> Result<Saved, SavedError> {
    let shape = |e: serde_json::Error| SavedError::Shape(e.to_string());
    let header: Header = serde_json::from_slice(text).map_err(shape)?;
    if header.saved_plan_version > FORMAT_VERSION {
        return Err(SavedError::Newer { found: header.saved_plan_version, tool: header.tool });
    }
    let json: Json = serde_json::from_slice(text).map_err(shape)?;
    let document: SavedDocument = serde_json::from_value(json.clone()).map_err(shape)?;
    document.check_seal(key)?;
    // What this version does not know would be lost.
    if super::value(&document) != json {
        return Err(SavedError::Changed);
    }
    document.saved().map_err(SavedError::Shape)
}

/// What every format has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    saved_plan_version: u32,
    tool: String,
}

impl SavedDocument {
    fn of(saved: &Saved, concerns: &[Concern]) -> Self {
        let Saved { plan, project, environment, files, server, version, created, expires, seen, secrets, kept } = saved;
        let managed = plan.realms.iter().map(|(name, realm)| (name.clone(), Managed::of(&realm.diff.managed)));
        let secrets = secrets.iter().map(|(reference, fingerprint)| SecretDocument {
            reference: reference.clone(),
            fingerprint: fingerprint.clone(),
        });
        let kept = kept.iter().map(|(address, leaves)| {
            let leaf = |(path, value): (&FieldPath, &Value)| KeptDocument { path: path.clone(), value: value.into() };
            (address.to_string(), leaves.iter().map(leaf).collect())
        });
        Self {
            saved_plan_version: FORMAT_VERSION,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            project: project.clone(),
            environment: environment.clone(),
            files: files.clone(),
            server: server.clone(),
            server_version: version.clone(),
            created: *created,
            expires: *expires,
            plan: PlanDocument::of(plan, concerns),
            seen: seen.clone(),
            managed: managed.collect(),
            secrets: secrets.collect(),
            kept: kept.collect(),
            seal: String::new(),
        }
    }

    fn saved(self) -> Result<Saved, String> {
        let mut plan = self.plan.plan()?;
        for (name, managed) in &self.managed {
            let realm = plan.realms.get_mut(name).ok_or_else(|| format!("the plan has no realm {name}"))?;
            realm.diff.managed = managed.objects(name)?;
        }
        let kept = self.kept.into_iter().map(|(address, leaves)| {
            let leaves = leaves.into_iter().map(|leaf| (leaf.path, leaf.value.into()));
            Ok((address.parse::<Address>()?, leaves.collect()))
        });
        let secrets = self.secrets.into_iter().map(|it| (it.reference, it.fingerprint));
        Ok(Saved {
            plan,
            project: self.project,
            environment: self.environment,
            files: self.files,
            server: self.server,
            version: self.server_version,
            created: self.created,
            expires: self.expires,
            seen: self.seen,
            secrets: secrets.collect(),
            kept: kept.collect::<Result<_, String>>()?,
        })
    }

    /// What everything but the seal comes to.
    fn seal(&self, key: Option<&[u8]>) -> String {
        let mut json = super::value(self);
        json["seal"] = Json::Null;
        let text = json.to_string();
        match key {
            None => {
                format!("sha256:{}", hexadecimal(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref()))
            }
            Some(key) => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
                format!("{HMAC}{}", hexadecimal(ring::hmac::sign(&key, text.as_bytes()).as_ref()))
            }
        }
    }

    fn check_seal(&self, key: Option<&[u8]>) -> Result<(), SavedError> {
        match (self.seal.starts_with(HMAC), key) {
            (true, None) => Err(SavedError::NoKey),
            (false, Some(_)) => Err(SavedError::NotSealed),
            _ if self.seal(key) == self.seal => Ok(()),
            _ => Err(SavedError::Changed),
        }
    }
}

/// What begins a seal with a key.
const HMAC: &str = "hmac-sha256:";

impl Managed {
    fn of(managed: &BTreeMap<Address, Shape>) -> Self {
        let shapes: std::collections::BTreeSet<&Shape> = managed.values().collect();
        let index: BTreeMap<_, _> = shapes.iter().enumerate().map(|(i, shape)| (*shape, i)).collect();
        let objects = managed.iter().map(|(address, shape)| (address.within_realm(), index[shape])).collect();
        Self { shapes: shapes.into_iter().map(|shape| shape.iter().cloned().collect()).collect(), objects }
    }

    fn objects(&self, realm: &RealmName) -> Result<BTreeMap<Address, Shape>, String> {
        let shapes: Vec<Shape> = self.shapes.iter().map(|shape| Shape::new(shape.iter().cloned().collect())).collect();
        let objects = self.objects.iter().map(|(address, shape)| {
            let shape = shapes.get(*shape).ok_or("an index is out of range")?;
            let address = Address::parse(realm, address).ok_or_else(|| format!("{address:?} is no address"))?;
            Ok((address, Shape::clone(shape)))
        });
        objects.collect()
    }
}

impl From<&Value> for KeptValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Json(value) => Self::Value(value.clone()),
            Value::Secret(reference) => Self::Secret(reference.clone()),
        }
    }
}

impl From<KeptValue> for Value {
    fn from(value: KeptValue) -> Self {
        match value {
            KeptValue::Value(value) => Self::Json(value),
            KeptValue::Secret(reference) => Self::Secret(reference),
        }
    }
}
