//! Reading what a run has to know, and no more: see [`Interest`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use super::directory::Directory;
use super::guarded::{into_inner, lock};
use super::intake::{Intake, Taken};
use super::interest::Interest;
use super::kinds;
use super::record::{self, Records};
use super::shape::{Object, objects};
use super::survey::providers;
use super::{Http, HttpError, ServerError};
use crate::model::{
    Address, Configured, FieldPath, Kind, LiveObject, LiveRealm, LiveValue, RealmName, Record, Reference,
    builtin_providers, flatten,
};

/// As many names are looked up one by one; more are found by paging. A look-up and a page cost the server about the
/// same, and a page holds twenty.
pub(super) const FEW: usize = 20;

/// Bigger pages are slower for each object on a cold server.
pub(super) const PAGE: usize = 20;

/// More pages at once make a cold server slower, not faster.
const PAGES_IN_FLIGHT: usize = 4;

/// Reads one realm. `None` when neither it nor the name it had before exists.
///
/// # Errors
/// The server's refusals and failures, and answers that are not what Keycloak documents.
pub async fn read_realm(
    http: &Http,
    project: &str,
    realm: &RealmName,
    mut interest: Interest<'_>,
) -> Result<Option<LiveRealm>, ServerError> {
    let found = find_realm(http, project, realm, interest.renamed_from.as_ref()).await?;
    let Some(OpenRealm { realm, name, settings, records }) = found else { return Ok(None) };
    if let Some(record) = &records.own {
        interest.add_record(record);
    }
    let live = read_found(http, &realm, name, settings, &interest).await?;
    Ok(Some(records.put_into(live)))
}

/// A realm of which the settings and the records were read, and nothing else yet.
pub struct OpenRealm {
    /// The name that the files have for it.
    realm: RealmName,
    /// The name that it has on the server.
    pub(super) name: RealmName,
    pub(super) settings: Object,
    pub(super) records: Records,
}

impl OpenRealm {
    /// Reads them; `None` when the realm does not exist.
    ///
    /// # Errors
    /// As [`read_realm`].
    pub async fn find(http: &Http, project: &str, realm: &RealmName) -> Result<Option<Self>, ServerError> {
        find_realm(http, project, realm, None).await
    }

    /// What this project applied last.
    pub fn record(&self) -> Option<&Record> {
        self.records.own.as_ref()
    }

    /// Reads what is of interest, whatever is recorded beside it.
    ///
    /// # Errors
    /// As [`read_realm`].
    pub async fn read(self, http: &Http, interest: &Interest<'_>) -> Result<LiveRealm, ServerError> {
        let Self { realm, name, settings, records } = self;
        let live = read_found(http, &realm, name, settings, interest).await?;
        Ok(records.put_into(live))
    }
}

/// Reads what is of interest, whatever is recorded beside it.
///
/// # Errors
/// As [`read_realm`].
pub async fn read_part(
    http: &Http,
    project: &str,
    realm: &RealmName,
    interest: &Interest<'_>,
) -> Result<Option<LiveRealm>, ServerError> {
    match find_realm(http, project, realm, interest.renamed_from.as_ref()).await? {
        Some(open) => Ok(Some(open.read(http, interest).await?)),
        None => Ok(None),
    }
}

async fn read_found(
    http: &Http,
    realm: &RealmName,
    name: RealmName,
    settings: Object,
    interest: &Interest<'_>,
) -> Result<LiveRealm, ServerError> {
    let directory = Directory::new(http.clone(), Address::realm(realm.clone()), &name);
    let reader = Reader::new(&directory, interest);
    kinds::read(&reader, settings).await?;
    reader.mark_secrets().await?;
    let known = reader.known().await?;
    let (objects, unmanaged) = reader.taken.into_parts();
    let (left_out, unknown_kinds) = (into_inner(reader.left_out), into_inner(reader.unknown_kinds));
    let renamed_from = (name != *realm).then_some(name);
    Ok(LiveRealm { objects, unmanaged, unknown_kinds, left_out, known, renamed_from, ..LiveRealm::default() })
}

/// Reads what a run changed again, and nothing else: what is recorded and which names the server knows was found out
/// before. The realm itself is only asked for where it changed.
///
/// # Errors
/// As [`read_realm`]; a realm that is not there.
pub async fn read_again(
    http: &Http,
    realm: &RealmName,
    interest: &Interest<'_>,
) -> Result<BTreeMap<Address, LiveObject>, ServerError> {
    let directory = Directory::new(http.clone(), Address::realm(realm.clone()), realm);
    let reader = Reader::new(&directory, interest);
    let settings = if interest.wants_any(reader.realm()) {
        super::shape::object(reader.get("").await?, "the realm")?
    } else {
        Object::from_iter([("id".to_owned(), "".into())])
    };
    kinds::read(&reader, settings).await?;
    reader.mark_secrets().await?;
    Ok(reader.into_objects())
}

/// The realm under its name or the one it had before.
async fn find_realm(
    http: &Http,
    project: &str,
    realm: &RealmName,
    renamed_from: Option<&RealmName>,
) -> Result<Option<OpenRealm>, ServerError> {
    for name in [Some(realm), renamed_from].into_iter().flatten() {
        let path = format!("/{}", super::path::segment(name));
        // The records are asked for at the same time; a realm that is not there answers both with 404.
        let records = record::find_all(http, name);
        let (settings, records) = futures_util::future::join(http.find(&path), records).await;
        if let Some(settings) = settings? {
            http.require_supported(&settings).await?;
            let settings = super::shape::object(settings, "the realm")?;
            let records = Records::of(realm, project, &records?)?;
            return Ok(Some(OpenRealm { realm: realm.clone(), name: name.clone(), settings, records }));
        }
    }
    Ok(None)
}

/// One realm being read; what the kinds find is collected here.
pub(super) struct Reader<'a> {
    pub(super) directory: &'a Directory,
    pub(super) interest: &'a Interest<'a>,
    taken: Taken,
    left_out: Mutex<Vec<String>>,
    unknown_kinds: Mutex<Vec<&'static Kind>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(directory: &'a Directory, interest: &'a Interest<'a>) -> Self {
        let (left_out, unknown_kinds) = (Mutex::default(), Mutex::default());
        Self { directory, interest, taken: Taken::default(), left_out, unknown_kinds }
    }

    /// What was taken in.
    pub(super) fn into_objects(self) -> BTreeMap<Address, LiveObject> {
        self.taken.into_parts().0
    }

    pub(super) fn realm(&self) -> &'a Address {
        self.directory.realm()
    }

    /// Whether objects of the kind right below the realm have to be looked at.
    pub(super) fn wants_any_of(&self, kind: &'static Kind) -> bool {
        self.interest.any(self.realm(), kind) || self.interest.sweeps(&self.realm().child(kind, ""))
    }

    /// A request below the realm.
    pub(super) async fn get(&self, path: &str) -> Result<Value, ServerError> {
        Ok(self.directory.http().get(&format!("{}{path}", self.directory.base())).await?)
    }

    /// Like [`Reader::get`], where a 404 is an answer.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Value>, ServerError> {
        Ok(self.directory.http().find(&format!("{}{path}", self.directory.base())).await?)
    }

    /// Takes in an object of the server's, unless nobody asked for it. Says whether it was taken.
    pub(super) fn add(&self, address: &Address, id: &str, object: Object) -> bool {
        self.directory.note(address, id);
        self.taken.add(self.interest, address, id, object, || self.directory.is_default_role(address))
    }

    /// Notes that objects of a kind, none of which matters in particular, could not be read.
    pub(super) fn leave_out(&self, kind: &Kind, error: &HttpError) {
        lock(&self.left_out).push(format!("{}: {error}", kind.collection));
    }

    /// Notes that the server knows nothing of a kind: whoever needs such objects is told, and whoever does not, not.
    pub(super) fn note_unknown(&self, kind: &'static Kind) {
        lock(&self.unknown_kinds).push(kind);
    }

    /// Takes in a field that the object's representation does not have.
    pub(super) fn add_field(&self, address: &Address, name: &str, value: Value) {
        let kind = address.kind();
        let fields = flatten(kind, Object::from_iter([(name.to_owned(), value)]));
        self.add_leaves(address, fields);
    }

    /// Takes in leaves that the object's representation does not have.
    pub(super) fn add_leaves(&self, address: &Address, fields: BTreeMap<FieldPath, LiveValue>) {
        self.taken.extend(address, fields);
    }

    /// The objects of a kind right below `parent` that are of interest: looked up by name where these are few, else
    /// paged. `list` is the path of the list up to its `?` or `&`. Each is handed to `take` as soon as it is there, so
    /// that a big realm is never held in the server's own form.
    pub(super) async fn collect<T>(
        &self,
        parent: &Address,
        kind: &'static Kind,
        list: &str,
        lookup: impl AsyncFn(&str) -> Result<Option<Object>, ServerError>,
        mut take: impl FnMut(Object) -> Result<Option<T>, ServerError>,
    ) -> Result<Vec<T>, ServerError> {
        let mut missing: BTreeSet<&str> = self.interest.names(parent, kind).collect();
        let all = self.interest.sweeps(&parent.child(kind, ""));
        let (expected, pages) = (missing.len(), if all { usize::MAX } else { page_budget(missing.len()) });
        let mut taken = Vec::new();
        let mut take_wanted = |object: Object| {
            let name = object.get(kind.key).and_then(Value::as_str).unwrap_or_default();
            if missing.remove(name) || all {
                taken.extend(take(object)?);
            }
            Ok(())
        };
        let complete = pages > 0 && self.pages(list, PAGE, expected, pages, &mut take_wanted).await?;
        if !complete {
            let mut more = stream::iter(missing).map(|name| lookup(name)).buffer_unordered(FEW);
            while let Some(object) = more.try_next().await? {
                taken.extend(object.map(&mut take).transpose()?.flatten());
            }
        }
        Ok(taken)
    }

    /// Hands at most `budget` pages of a list to `take`, one object after the other, and says whether that was all.
    ///
    /// Pages that the `expected` objects surely fill are asked for side by side. Beyond, it begins with one: mostly that
    /// is the last.
    pub(super) async fn pages(
        &self,
        list: &str,
        size: usize,
        expected: usize,
        budget: usize,
        take: &mut dyn FnMut(Object) -> Result<(), ServerError>,
    ) -> Result<bool, ServerError> {
        let page =
            async |number: usize| objects(self.get(&format!("{list}first={}&max={size}", number * size)).await?, list);
        let (mut next, mut in_flight) = (0, 1);
        while next < budget {
            let sure = (expected / size).min(budget);
            let end = if (1..sure).contains(&next) { sure } else { (next + in_flight).min(budget) };
            let mut asked = stream::iter(next..end).map(page).buffered(PAGES_IN_FLIGHT);
            while let Some(items) = asked.try_next().await? {
                let is_end = items.len() < size;
                items.into_iter().try_for_each(&mut *take)?;
                if is_end {
                    return Ok(true);
                }
            }
            in_flight = if end <= sure { 1 } else { (in_flight * 2).min(PAGES_IN_FLIGHT) };
            next = end;
        }
        Ok(false)
    }

    /// Makes secrets of what providers mark as such. Not all of it is hidden by the server: it shows what configures
    /// mappers and identity providers, and before 26.7 authenticators. It is only asked for providers that Keycloak does
    /// not bring.
    async fn mark_secrets(&self) -> Result<(), ServerError> {
        let configured = self.taken.configured();
        let is_foreign = |it: &Configured| it.of(builtin_providers()).is_none();
        let asks = configured.iter().any(|(_, it)| is_foreign(it));
        let server = if asks { providers(self.directory.http()).await? } else { None };
        self.taken.hide(&configured, server);
        Ok(())
    }

    /// The names that the files refer to without declaring them, as far as the server knows them.
    async fn known(&self) -> Result<BTreeSet<(Reference, String)>, ServerError> {
        let asked = stream::iter(self.interest.undeclared(self.realm())).map(async |(reference, name)| {
            let known = self.directory.knows(*reference, name).await?;
            Ok::<_, ServerError>(known.then(|| (*reference, name.clone())))
        });
        let known: Vec<_> = asked.buffer_unordered(FEW).try_collect().await?;
        Ok(known.into_iter().flatten().collect())
    }
}

/// How many pages are worth reading to find that many names before looking the rest up: none for a few, else about
/// twice what they fill, since a realm may hold more than is declared.
fn page_budget(names: usize) -> usize {
    if names <= FEW { 0 } else { names.div_ceil(PAGE) * 2 + 2 }
}

impl Intake for Reader<'_> {
    fn realm(&self) -> &Address {
        self.directory.realm()
    }

    fn interest(&self) -> &Interest<'_> {
        self.interest
    }

    fn add(&self, address: &Address, id: &str, object: Object) -> bool {
        Reader::add(self, address, id, object)
    }

    fn extend(&self, address: &Address, fields: BTreeMap<FieldPath, LiveValue>) {
        self.taken.extend(address, fields);
    }
}
