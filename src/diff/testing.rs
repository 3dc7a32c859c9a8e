//! Scenes for the tests of the rooms that think: a realm `acme` as the files, the record, git and the server have it.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::{Diff, RealmDiff, Secrets, diff};
use crate::model::{
    Address, Declared, Desired, DesiredObject, DesiredRealm, FieldPath, Lifecycle, Live, LiveObject, LiveRealm,
    LiveValue, Origin, Record, SecretRef, Type, Value, flatten,
};

/// A realm in the making.
#[derive(Default)]
pub(crate) struct Scene {
    pub(crate) desired: Desired,
    pub(crate) live: Live,
    pub(crate) base: BTreeMap<String, DesiredRealm>,
    /// The environment of `env` references.
    pub(crate) env: BTreeMap<&'static str, &'static str>,
}

/// The address of an object of `acme`.
pub(crate) fn at(text: &str) -> Address {
    Address::parse("acme", text).unwrap()
}

/// A path, from its parts joined by `/`.
pub(crate) fn path(text: &str) -> FieldPath {
    FieldPath::new(text.split('/'))
}

impl Scene {
    /// The realm is declared and exists; nothing is recorded.
    pub(crate) fn new() -> Self {
        Self::empty().wants("", &json!({})).has("", &json!({}))
    }

    /// Nothing is declared, nothing exists.
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// The files declare an object.
    pub(crate) fn wants(mut self, address: &str, fields: &Json) -> Self {
        let object = desired_object(&at(address), fields);
        self.realm().objects.insert(at(address), object);
        self
    }

    /// The files say something about an object's life.
    pub(crate) fn lifecycle(mut self, address: &str, lifecycle: Lifecycle) -> Self {
        self.realm().objects.get_mut(&at(address)).unwrap().lifecycle = lifecycle;
        self
    }

    /// The files give an object another name.
    pub(crate) fn renamed(self, address: &str, from: &str) -> Self {
        self.lifecycle(address, Lifecycle { renamed_from: Some(from.to_owned()), ..Lifecycle::default() })
    }

    /// The server has an object. A text `**********` is a secret that it does not show.
    pub(crate) fn has(mut self, address: &str, fields: &Json) -> Self {
        let address = at(address);
        let object = LiveObject {
            kind: address.kind(),
            id: address.to_string(),
            fields: flatten(address.kind(), fields.as_object().unwrap().clone()),
        };
        self.live_realm().objects.insert(address, object);
        self
    }

    /// An object was applied like this.
    pub(crate) fn applied(mut self, address: &str, fields: &Json) -> Self {
        let object = desired_object(&at(address), fields);
        let leaves = Arc::new(object.fields.keys().cloned().collect());
        self.record().objects.insert(at(address), leaves);
        self.base.entry("acme".into()).or_default().objects.insert(at(address), object);
        self
    }

    /// The commit that was applied is not to be found.
    pub(crate) fn without_base(mut self) -> Self {
        self.base.clear();
        self
    }

    /// The record holds a fingerprint.
    pub(crate) fn fingerprint(mut self, address: &str, leaf: &str, value: &str) -> Self {
        let prints = self.record().fingerprints.entry(at(address)).or_default();
        prints.insert(path(leaf), format!("print of {value}"));
        self
    }

    /// An object is declared, applied and there.
    pub(crate) fn settled(self, address: &str, fields: &Json) -> Self {
        self.wants(address, fields).applied(address, fields).has(address, fields)
    }

    pub(crate) fn realm(&mut self) -> &mut DesiredRealm {
        self.desired.realms.entry("acme".into()).or_default()
    }

    pub(crate) fn live_realm(&mut self) -> &mut LiveRealm {
        self.live.realms.entry("acme".into()).or_default()
    }

    pub(crate) fn record(&mut self) -> &mut Record {
        self.live_realm().record.get_or_insert_default()
    }

    pub(crate) fn diff(&self) -> Diff {
        let base = self.base.iter().map(|(name, realm)| (name.clone(), realm)).collect();
        diff(&self.desired, &self.live, &base, self)
    }

    pub(crate) fn realm_diff(&self) -> RealmDiff {
        self.diff().realms.remove("acme").unwrap_or_default()
    }

    /// As if the difference had been applied: the server has what is declared, the record says so.
    pub(crate) fn settle(mut self) -> Self {
        let managed = self.realm_diff().managed;
        let wanted = self.realm().clone();
        self.live = Live::default();
        for (address, object) in &wanted.objects {
            let fields =
                object.fields.iter().filter_map(|(path, declared)| Some((path.clone(), self.live_value(declared)?)));
            let live = LiveObject { kind: object.kind, id: String::new(), fields: fields.collect() };
            self.live_realm().objects.insert(address.clone(), live);
        }
        self.record().objects = managed;
        self.base.insert("acme".into(), wanted);
        self
    }

    fn live_value(&self, declared: &Declared) -> Option<LiveValue> {
        match &declared.value {
            Value::Json(value) if Type::Json.is_empty(value) => None,
            Value::Json(value) => Some(LiveValue::Json(value.clone())),
            Value::Secret(reference) => Some(LiveValue::Secret(self.resolve(reference).into())),
        }
    }

    fn resolve(&self, reference: &SecretRef) -> &'static str {
        match reference {
            SecretRef::Env(name) => self.env.get(name.as_str()).copied().unwrap_or_default(),
            _ => "",
        }
    }
}

impl Secrets for Scene {
    fn is_kept(&self, reference: &SecretRef) -> bool {
        matches!(reference, SecretRef::Generate { .. })
    }

    fn same(&self, reference: &SecretRef, live: &SecretString) -> bool {
        self.resolve(reference) == live.expose_secret()
    }

    fn matches(&self, reference: &SecretRef, fingerprint: &str) -> bool {
        fingerprint == format!("print of {}", self.resolve(reference))
    }
}

/// Each leaf is declared on a line of its own; `{"env": …}` and `{"keep": true}` are secrets.
fn desired_object(address: &Address, fields: &Json) -> DesiredObject {
    let kind = address.kind();
    let mut leaves = Vec::new();
    for (name, value) in fields.as_object().unwrap() {
        collect(&mut leaves, FieldPath::new([name.as_str()]), kind.field(name).map(|field| field.ty), value);
    }
    let file: &str = &format!("acme/{}.toml", address.collection().unwrap_or("realm"));
    let origin = |line: usize| Origin {
        file: file.into(),
        line: u32::try_from(line).unwrap(),
        column: 1,
        span: 0..1,
        via: None,
    };
    let declared = leaves.into_iter().enumerate();
    let fields = declared.map(|(i, (path, value))| (path, Declared { value, origin: origin(i + 2) }));
    DesiredObject { kind, origin: origin(1), fields: Arc::new(fields.collect()), lifecycle: Lifecycle::default() }
}

fn collect(leaves: &mut Vec<(FieldPath, Value)>, path: FieldPath, ty: Option<Type>, value: &Json) {
    match (ty, value) {
        (_, Json::Object(table)) if table.contains_key("env") => {
            let name = table["env"].as_str().unwrap().to_owned();
            leaves.push((path, Value::Secret(SecretRef::Env(name))));
        }
        (_, Json::Object(table)) if table.contains_key("keep") => leaves.push((path, Value::Secret(SecretRef::Keep))),
        (
            Some(Type::TextMap(_) | Type::SetMap | Type::Config(_) | Type::ClientRoleMap | Type::Table(_)),
            Json::Object(table),
        ) => {
            for (key, value) in table {
                let path = path.child(key);
                let ty = match ty {
                    Some(Type::Table(fields)) => fields.iter().find(|field| field.name == key).map(|field| field.ty),
                    _ => None,
                };
                collect(leaves, path, ty, value);
            }
        }
        _ => leaves.push((path, Value::Json(value.clone()))),
    }
}
