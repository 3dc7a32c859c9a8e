//! Writing single objects: minimal, in place, without choices of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::directory::Directory;
use super::guarded::lock;
use super::kinds;
use super::shape::Object;
use super::{Http, NewLedger, ServerError};
use crate::model::{
    Address, FieldPath, Kind, LiveObject, LiveRealm, LiveValue, Shape, Type, Write, builtin_objects, unflatten,
};

/// A value to write.
#[derive(Clone, Debug)]
pub enum Leaf {
    /// A plain value in canonical form.
    Json(Value),
    /// A secret, resolved.
    Secret(SecretString),
}

/// The leaves of a new object.
pub type Leaves = BTreeMap<FieldPath, Leaf>;

/// Leaves of an object's representation that change; `None` empties one.
pub type Changes = BTreeMap<FieldPath, Option<Leaf>>;

/// Leaves that name other objects, as (what is there, what should be): texts or sets of texts.
pub type Links = BTreeMap<FieldPath, (Value, Value)>;

/// Writes the objects of one realm.
#[derive(Debug)]
pub struct Writer {
    pub(super) directory: Directory,
    live: LiveRealm,
    /// The renames that this run did, newest last, as (from, to): what was read has the names of before.
    renames: Mutex<Vec<(Address, Address)>>,
    /// Whose turn it is to rewrite a document that holds several objects, and those that this run put into one.
    pub(super) documents: tokio::sync::Mutex<BTreeSet<Address>>,
    /// Whose turn it is to change a flow: some have a configuration in common.
    pub(super) flows: tokio::sync::Mutex<()>,
}

impl Writer {
    /// For a realm as it was read; `None` for one that does not exist yet.
    pub fn new(http: Http, realm: &str, live: Option<LiveRealm>) -> Self {
        let new = || LiveRealm { objects: builtin_objects(realm), ..LiveRealm::default() };
        let live = live.unwrap_or_else(new);
        let name = live.renamed_from.as_deref().unwrap_or(realm);
        let directory = Directory::new(http, Address::realm(realm), name);
        for (address, object) in live.objects.iter().filter(|(_, object)| !object.id.is_empty()) {
            directory.note(address, &object.id);
        }
        let (renames, documents, flows) =
            (Mutex::default(), tokio::sync::Mutex::default(), tokio::sync::Mutex::default());
        Self { directory, live, renames, documents, flows }
    }

    /// Makes an object with the leaves that its representation carries, and mappers below it in the same request.
    ///
    /// # Errors
    /// The server's refusal, in its own words.
    pub async fn create(
        &self,
        address: &Address,
        leaves: &Leaves,
        carried: &[(Address, Leaves)],
    ) -> Result<(), ServerError> {
        kinds::create(self, address, leaves, carried).await
    }

    /// Makes the realm, and in the same request the client that holds its record.
    ///
    /// # Errors
    /// The server's refusal, in its own words.
    pub async fn create_realm(
        &self,
        address: &Address,
        leaves: &Leaves,
        ledger: &NewLedger,
    ) -> Result<(), ServerError> {
        kinds::create_realm(self, address, leaves, ledger.representation()).await
    }

    /// Changes leaves of an object's representation in place, and its name when it was called `from`.
    ///
    /// # Errors
    /// The server's refusal, in its own words.
    pub async fn update(
        &self,
        address: &Address,
        from: Option<&Address>,
        changes: &Changes,
    ) -> Result<(), ServerError> {
        // What was read of a renamed realm is listed by its new name already.
        if let Some(from) = from.filter(|from| from.parent().is_some()) {
            let from = self.by_now(from);
            kinds::relocate(self, &from, address).await?;
            self.note_rename(from, address.clone());
        }
        kinds::update(self, address, changes).await
    }

    /// Connects an object with those that it names.
    ///
    /// # Errors
    /// The server's refusal, or a name that does not exist.
    pub async fn link(&self, address: &Address, links: &Links) -> Result<(), ServerError> {
        kinds::link(self, address, links).await
    }

    /// Deletes an object and all that hangs below it. One that is gone already is as good as deleted.
    ///
    /// # Errors
    /// The server's refusal, in its own words.
    pub async fn delete(&self, address: &Address) -> Result<(), ServerError> {
        match kinds::delete(self, address).await {
            Ok(()) | Err(ServerError::Missing { .. }) => {
                self.directory.forget(address);
                Ok(())
            }
            Err(ServerError::Http(e)) if e.is_not_found() => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Puts back what the server itself changed elsewhere when it wrote or deleted an object, as far as it is managed.
    ///
    /// # Errors
    /// The server's refusal, in its own words.
    pub async fn put_back(&self, written: &Address, managed: &BTreeMap<Address, Shape>) -> Result<(), ServerError> {
        kinds::put_back(self, written, managed).await
    }

    pub(super) fn http(&self) -> &Http {
        self.directory.http()
    }

    /// A path below the realm.
    pub(super) fn path(&self, rest: impl std::fmt::Display) -> String {
        format!("{}{rest}", self.directory.base())
    }

    /// Whether this run has given the realm its new name.
    pub fn realm_is_renamed(&self) -> bool {
        self.directory.realm_is_renamed()
    }

    /// The object as it was read, by the name that it has by now.
    pub(super) fn live(&self, address: &Address) -> Option<&LiveObject> {
        let renames = lock(&self.renames);
        let mut name = address.clone();
        for (from, to) in renames.iter().rev() {
            name = name.renamed(to, from).unwrap_or(name);
        }
        self.live.objects.get(&name)
    }

    /// Whether this run has given the object another name.
    pub(super) fn is_renamed(&self, address: &Address) -> bool {
        lock(&self.renames).iter().any(|(_, to)| to == address)
    }

    /// A POST that makes `address`. When an answer was lost and the repetition finds the object there, the first
    /// request made it: names are unique, and the lock keeps other runs out.
    pub(super) async fn post(&self, address: &Address, path: &str, body: Object) -> Result<(), ServerError> {
        match self.http().post(path, &Value::Object(body)).await {
            Ok(posted) => {
                let id = posted.id.filter(|_| !address.kind().name.ends_with("role"));
                if let Some(id) = id {
                    self.directory.note(address, &id);
                }
                Ok(())
            }
            // Its id is asked for when something needs it.
            Err(e) if e.is_conflict() && e.repeated() => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// The name by now of an object that was called so when it was read: what it hangs below, or the realm, may be renamed.
    fn by_now(&self, read: &Address) -> Address {
        let mut name = read.moved(&Address::realm(read.realm_name()), self.directory.realm());
        for (from, to) in lock(&self.renames).iter() {
            name = name.renamed(from, to).unwrap_or(name);
        }
        name
    }

    fn note_rename(&self, from: Address, to: Address) {
        self.directory.rename(&from, &to);
        lock(&self.renames).push((from, to));
    }
}

/// Leaves as the body of a request.
pub(super) fn body(leaves: &Leaves) -> Object {
    unflatten(leaves.iter().map(|(path, leaf)| (path, exposed(leaf))))
}

/// The object as it is on the server with the changes made: for endpoints that clear what is left out.
pub(super) fn merged(live: Option<&LiveObject>, changes: &Changes) -> Object {
    let mut leaves: BTreeMap<&FieldPath, Value> = BTreeMap::new();
    for (path, value) in live.iter().flat_map(|object| &object.fields) {
        if live.is_some_and(|object| matches!(object.kind.write(path), Write::Body | Write::CreateOnly)) {
            leaves.insert(path, sent_back(value));
        }
    }
    for (path, leaf) in changes {
        match leaf {
            Some(leaf) => leaves.insert(path, exposed(leaf)),
            None => leaves.remove(path),
        };
    }
    unflatten(leaves)
}

/// The changes alone, an emptied leaf as the empty value of its type: for endpoints that keep what is left out.
pub(super) fn changed(kind: &'static Kind, changes: &Changes) -> Object {
    unflatten(changes.iter().map(|(path, leaf)| {
        let value = leaf.as_ref().map_or_else(|| empty(kind.leaf_type(path), path), exposed);
        (path, value)
    }))
}

/// What is added and what is taken away between two sets of texts.
pub(super) fn delta<'a>(before: &'a Value, after: &'a Value) -> (Vec<&'a str>, Vec<&'a str>) {
    let texts = |value: &'a Value| value.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
    let (before, after) = (texts(before), texts(after));
    let added = after.iter().copied().filter(|it| !before.contains(it)).collect();
    (added, before.iter().copied().filter(|it| !after.contains(it)).collect())
}

/// The value of a leaf, as a request holds it.
pub(super) fn exposed(leaf: &Leaf) -> Value {
    match leaf {
        Leaf::Json(value) => value.clone(),
        Leaf::Secret(secret) => secret.expose_secret().into(),
    }
}

/// Identity providers and SMTP keep the stored secret when they are sent its mask. (A client would store the mask, so
/// clients are never written this way.)
fn sent_back(value: &LiveValue) -> Value {
    match value {
        LiveValue::Json(value) => value.clone(),
        LiveValue::Secret(secret) => secret.expose_secret().into(),
        LiveValue::Masked => "**********".into(),
    }
}

fn empty(ty: Type, path: &FieldPath) -> Value {
    // Entries of tables of texts are emptied with empty text, whatever they mean.
    if path.rest().next().is_some() {
        return "".into();
    }
    match ty {
        Type::Bool => json!(false),
        Type::Int | Type::Seconds => json!(0),
        Type::TextSet | Type::TextList | Type::RefSet(_) => json!([]),
        _ => json!(""),
    }
}
