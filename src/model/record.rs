//! What this project applied last, as the server keeps it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{Address, Destination, FieldPath, HandOff, Handed};

/// The newest format that this version reads and the one it writes.
const FORMAT: u32 = 1;

/// The declared leaves of an object. A thousand clients have a few of them, so these are shared.
pub type Shape = Arc<BTreeSet<FieldPath>>;

/// What was applied last to one realm: the only source of what may be deleted or reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The commit that was applied, in full; `None` outside a repository.
    pub commit: Option<String>,
    /// Whether the work tree differed from that commit.
    pub dirty: bool,
    /// The environment that it was applied in; `None` where the project had none.
    pub environment: Option<String>,
    /// The version of realmform that wrote it.
    pub tool: String,
    /// When, in RFC 3339.
    pub time: String,
    /// Who: a person or a CI run.
    pub actor: String,
    /// The managed objects with the leaves that were declared.
    pub objects: BTreeMap<Address, Shape>,
    /// Fingerprints of applied secrets that the server does not reveal.
    pub fingerprints: BTreeMap<Address, BTreeMap<FieldPath, String>>,
    /// Objects that may not be as they were applied: the run that was to change them failed, or never told how it ended.
    pub unfinished: BTreeSet<Address>,
    /// What was handed over, and where to.
    pub outputs: BTreeMap<Destination, Handed>,
}

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The attribute is not what this program writes.
    #[error("the record on the server is damaged: {0}")]
    Damaged(String),
    /// A newer version wrote it.
    #[error("the record was written in format {found} by realmform {tool}; this version reads up to {FORMAT}")]
    Newer {
        /// The format found.
        found: u32,
        /// The version that wrote it.
        tool: String,
    },
}

/// The record's JSON. A thousand clients share a few sets of field names, so these are kept once, by index.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    tool: String,
    #[serde(default)]
    commit: Option<String>,
    #[serde(default)]
    dirty: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(default)]
    time: String,
    #[serde(default)]
    actor: String,
    #[serde(default)]
    shapes: Vec<BTreeSet<FieldPath>>,
    #[serde(default)]
    objects: BTreeMap<String, usize>,
    #[serde(default)]
    fingerprints: BTreeMap<String, Vec<(FieldPath, String)>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unfinished: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    outputs: BTreeMap<String, StoredOutput>,
}

#[derive(Serialize, Deserialize)]
struct StoredOutput {
    name: String,
    of: String,
    print: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl Record {
    /// The commit whose files were applied; `None` where they were not those of a commit.
    pub fn applied_commit(&self) -> Option<&str> {
        self.commit.as_deref().filter(|_| !self.dirty)
    }

    /// Whether it is of a plan's environment, as far as both have one.
    pub fn is_of(&self, environment: Option<&str>) -> bool {
        self.environment.is_none() || environment.is_none() || self.environment.as_deref() == environment
    }

    /// The text kept on the server: JSON, deflated, base64.
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(&self.stored()).unwrap_or_default();
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        // Writing to a Vec cannot fail.
        let packed = encoder.write_all(&json).and_then(|()| encoder.finish()).unwrap_or_default();
        STANDARD_NO_PAD.encode(packed)
    }

    /// Reads what [`Record::encode`] wrote. Objects of kinds that this version does not know are an error, since
    /// forgetting them would orphan them.
    pub fn decode(realm: &str, text: &str) -> Result<Self, RecordError> {
        let damaged = |e: &dyn std::fmt::Display| RecordError::Damaged(e.to_string());
        let packed = STANDARD_NO_PAD.decode(text.trim()).map_err(|e| damaged(&e))?;
        let mut json = Vec::new();
        flate2::read::DeflateDecoder::new(packed.as_slice()).read_to_end(&mut json).map_err(|e| damaged(&e))?;
        let header: Header = serde_json::from_slice(&json).map_err(|e| damaged(&e))?;
        if header.format > FORMAT {
            return Err(RecordError::Newer { found: header.format, tool: header.tool });
        }
        let stored: Stored = serde_json::from_slice(&json).map_err(|e| damaged(&e))?;
        Self::from_stored(realm, stored).map_err(RecordError::Damaged)
    }

    /// What it says of the run that wrote it, without what it applied.
    #[must_use]
    pub fn heading(&self) -> Self {
        let Self {
            commit,
            dirty,
            environment,
            tool,
            time,
            actor,
            objects: _,
            fingerprints: _,
            unfinished: _,
            outputs: _,
        } = self.clone();
        Self { commit, dirty, environment, tool, time, actor, ..Self::default() }
    }

    /// The same with `old` replaced by `new` in every address below it.
    #[must_use]
    pub fn moved(&self, old: &Address, new: &Address) -> Self {
        let mut moved = self.clone();
        moved.objects = self.objects.iter().map(|(at, leaves)| (at.moved(old, new), Arc::clone(leaves))).collect();
        moved.fingerprints =
            self.fingerprints.iter().map(|(at, prints)| (at.moved(old, new), prints.clone())).collect();
        moved.unfinished = self.unfinished.iter().map(|at| at.moved(old, new)).collect();
        moved.outputs.values_mut().for_each(|handed| handed.what.of = handed.what.of.moved(old, new));
        moved
    }

    /// The same with only the objects that are asked for; what was handed over stays.
    #[must_use]
    pub fn only(&self, is_wanted: impl Fn(&Address) -> bool) -> Self {
        let objects = self.objects.iter().filter(|(at, _)| is_wanted(at));
        let prints = self.fingerprints.iter().filter(|(at, _)| is_wanted(at));
        Self {
            objects: objects.map(|(at, leaves)| (at.clone(), Arc::clone(leaves))).collect(),
            fingerprints: prints.map(|(at, prints)| (at.clone(), prints.clone())).collect(),
            unfinished: self.unfinished.iter().filter(|at| is_wanted(at)).cloned().collect(),
            outputs: self.outputs.clone(),
            ..self.heading()
        }
    }

    /// Records leaves of an object, beside those that are recorded already.
    pub fn add(&mut self, address: &Address, leaves: &Shape) {
        match self.objects.entry(address.clone()) {
            Entry::Vacant(entry) => drop(entry.insert(Arc::clone(leaves))),
            Entry::Occupied(entry) if leaves.is_subset(entry.get()) => {}
            Entry::Occupied(mut entry) => Arc::make_mut(entry.get_mut()).extend(leaves.iter().cloned()),
        }
    }

    fn stored(&self) -> Stored {
        let shapes: BTreeSet<&Shape> = self.objects.values().collect();
        let index: BTreeMap<_, _> = shapes.iter().enumerate().map(|(i, shape)| (*shape, i)).collect();
        let objects = self.objects.iter().map(|(address, shape)| (address.within_realm(), index[shape])).collect();
        let fingerprints = self.fingerprints.iter().map(|(address, of)| {
            (address.within_realm(), of.iter().map(|(path, print)| (path.clone(), print.clone())).collect())
        });
        let outputs = self.outputs.iter().map(|(to, Handed { what, print, token })| {
            let (name, of, print) = (what.output.clone(), what.of.within_realm(), print.clone());
            (to.to_string(), StoredOutput { name, of, print, token: token.clone() })
        });
        Stored {
            format: FORMAT,
            tool: self.tool.clone(),
            commit: self.commit.clone(),
            dirty: self.dirty,
            environment: self.environment.clone(),
            time: self.time.clone(),
            actor: self.actor.clone(),
            objects,
            fingerprints: fingerprints.collect(),
            unfinished: self.unfinished.iter().map(Address::within_realm).collect(),
            outputs: outputs.collect(),
            shapes: shapes.into_iter().map(|shape| BTreeSet::clone(shape)).collect(),
        }
    }

    fn from_stored(realm: &str, stored: Stored) -> Result<Self, String> {
        let realm = Address::realm(realm);
        let address =
            |text: &str| realm.parse_below(text).ok_or_else(|| format!("it names {text:?}, of a kind unknown here"));
        let shapes: Vec<Shape> = stored.shapes.into_iter().map(Arc::new).collect();
        let mut objects = BTreeMap::new();
        for (name, shape) in stored.objects {
            let fields = shapes.get(shape).ok_or("an index is out of range")?;
            objects.insert(address(&name)?, Arc::clone(fields));
        }
        let mut fingerprints = BTreeMap::new();
        for (name, prints) in stored.fingerprints {
            fingerprints.insert(address(&name)?, prints.into_iter().collect());
        }
        let unfinished = stored.unfinished.iter().map(|name| address(name)).collect::<Result<_, _>>()?;
        let mut outputs = BTreeMap::new();
        for (to, StoredOutput { name, of, print, token }) in stored.outputs {
            let what = HandOff { output: name, of: address(&of)? };
            outputs.insert(to.parse()?, Handed { what, print, token });
        }
        let Stored { tool, commit, dirty, environment, time, actor, .. } = stored;
        Ok(Self { commit, dirty, environment, tool, time, actor, objects, fingerprints, unfinished, outputs })
    }
}

/// What every format has.
#[derive(Deserialize)]
struct Header {
    format: u32,
    #[serde(default)]
    tool: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kinds;

    fn record(clients: usize) -> Record {
        let realm = Address::realm("acme");
        let mut record = Record {
            tool: "0.1.0".into(),
            commit: Some("3f2a9c1".into()),
            environment: Some("prod".into()),
            ..Record::default()
        };
        let fields = |names: &[&str]| names.iter().map(|name| FieldPath::new([*name])).collect::<BTreeSet<_>>();
        for i in 0..clients {
            let client = realm.child(&kinds::CLIENT, format!("client-{i:04}"));
            for mapper in ["audience", "tenant", "groups"] {
                record.objects.insert(
                    client.child(&kinds::PROTOCOL_MAPPER, mapper),
                    fields(&["protocolMapper", "config"]).into(),
                );
            }
            for role in ["reader", "writer"] {
                record.objects.insert(client.child(&kinds::CLIENT_ROLE, role), fields(&["description"]).into());
            }
            record.objects.insert(client, fields(&["redirectUris", "secret", "standardFlowEnabled"]).into());
        }
        record
    }

    #[test]
    fn a_record_reads_back() {
        let mut record = record(3);
        let idp = Address::realm("acme").child(&kinds::IDENTITY_PROVIDER, "a/b");
        let prints = BTreeMap::from([(FieldPath::new(["config", "clientSecret"]), "$argon2id$…".to_owned())]);
        record.fingerprints.insert(idp, prints);
        record.unfinished = record.objects.keys().take(2).cloned().chain([Address::realm("acme")]).collect();
        let what = HandOff { output: "web".into(), of: record.objects.keys().next().unwrap().clone() };
        let of_realm = HandOff { output: "realm".into(), of: Address::realm("acme") };
        let key = Destination::Vault { path: "secret/web".into(), key: "SECRET".into() };
        let file = Destination::File("../web.env".into());
        record.outputs.insert(file, Handed { what, print: "s1:x".into(), token: Some("s1:z".into()) });
        record.outputs.insert(key, Handed { what: of_realm, print: "s1:y".into(), token: None });
        assert_eq!(Record::decode("acme", &record.encode()).unwrap(), record);
    }

    #[test]
    fn a_thousand_clients_stay_under_100_kb() {
        assert!(record(1000).encode().len() < 100_000);
    }

    #[test]
    fn damage_and_the_future_are_told_apart() {
        assert!(matches!(Record::decode("acme", "%%%"), Err(RecordError::Damaged(_))));
        let future = br#"{"format": 2, "tool": "9.0.0", "objects": []}"#;
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(future).unwrap();
        let text = STANDARD_NO_PAD.encode(encoder.finish().unwrap());
        assert!(matches!(Record::decode("acme", &text), Err(RecordError::Newer { found: 2, .. })));
    }
}
