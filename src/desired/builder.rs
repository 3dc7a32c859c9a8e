//! Where the leaves of all files come together.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::problem::Problem;
use super::references::{Ref, Use};
use super::source::{Place, Source};
use super::sources::Programs;
use crate::model::{
    Address, Declared, Desired, DesiredObject, DesiredRealm, FieldPath, Kind, Lifecycle, Origin, RealmName, Reference,
    Value,
};

/// Desired in the making. Every leaf is put in once; the second time is a problem that shows both places.
pub(super) struct Builder {
    pub(super) desired: Desired,
    pub(super) problems: Vec<Problem>,
    /// Unknown names are errors.
    pub(super) strict: bool,
    /// The programs of the project file that give secrets.
    pub(super) programs: Programs,
    uses: BTreeMap<(RealmName, Reference, String), Vec<Use>>,
    /// Where settings are written that are no leaves: `lifecycle`, `prune`.
    settings: BTreeMap<(Address, FieldPath), Place>,
    /// Objects that exist only because a path goes through them.
    implied: BTreeSet<Address>,
    sources: HashMap<Arc<str>, Arc<Source>>,
}

impl Builder {
    pub(super) fn new(strict: bool, programs: Programs) -> Self {
        Self {
            desired: Desired::default(),
            problems: Vec::new(),
            strict,
            programs,
            uses: BTreeMap::new(),
            settings: BTreeMap::new(),
            implied: BTreeSet::new(),
            sources: HashMap::new(),
        }
    }

    pub(super) fn add_source(&mut self, source: &Arc<Source>) {
        self.sources.insert(source.name().into(), Arc::clone(source));
    }

    pub(super) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(super) fn realm(&mut self, name: &str) -> &mut DesiredRealm {
        self.desired.realms.entry(name.to_owned()).or_default()
    }

    /// An object that a file names.
    pub(super) fn declare(&mut self, address: &Address, place: &Place) {
        if !self.insert(address, place) && self.implied.remove(address) {
            self.object(address, place).origin = place.origin();
        }
    }

    /// An object that a file's path goes through, or the realm that a file belongs to: it has to exist, so it is
    /// declared, but where something is said about it is a better place to point to.
    pub(super) fn imply(&mut self, address: &Address, place: &Place) {
        if self.insert(address, place) {
            self.implied.insert(address.clone());
        }
    }

    fn insert(&mut self, address: &Address, place: &Place) -> bool {
        let objects = &mut self.realm(address.realm_name()).objects;
        if objects.contains_key(address) {
            return false;
        }
        objects.insert(address.clone(), new_object(address.kind(), place.origin()));
        true
    }

    pub(super) fn object(&mut self, address: &Address, place: &Place) -> &mut DesiredObject {
        let objects = &mut self.realm(address.realm_name()).objects;
        objects.entry(address.clone()).or_insert_with(|| new_object(address.kind(), place.origin()))
    }

    /// A declared leaf.
    pub(super) fn set(&mut self, address: &Address, path: FieldPath, place: &Place, value: Value) {
        let origin = place.origin();
        let better_place = self.implied.remove(address);
        let object = self.object(address, place);
        if better_place {
            object.origin = origin.clone();
        }
        let fields = Arc::make_mut(&mut object.fields);
        if let Some(first) = fields.get(&path) {
            let first = first.origin.clone();
            let problem = twice(&path.to_string(), address, place.clone(), self.place(&first));
            return self.report(problem);
        }
        fields.insert(path, Declared { value, origin });
    }

    /// A setting that is no leaf; `false` when it was written before.
    pub(super) fn claim(&mut self, address: &Address, path: FieldPath, place: &Place) -> bool {
        let key = (address.clone(), path);
        if let Some(first) = self.settings.get(&key) {
            let problem = twice(&key.1.to_string(), address, place.clone(), Some(first.clone()));
            self.report(problem);
            return false;
        }
        self.settings.insert(key, place.clone());
        true
    }

    /// Where such a setting is written.
    pub(super) fn setting(&self, address: &Address, path: &FieldPath) -> Option<&Place> {
        self.settings.get(&(address.clone(), path.clone()))
    }

    /// A name of another object.
    pub(super) fn refer(&mut self, kind: Reference, name: &str, user: Use) {
        let key = (user.address.realm_name().to_owned(), kind, name.to_owned());
        self.uses.entry(key).or_default().push(user);
    }

    /// The references of all files, by realm, kind and name.
    pub(super) fn take_references(&mut self) -> Vec<Ref> {
        let uses = std::mem::take(&mut self.uses);
        uses.into_iter().map(|((realm, kind, name), uses)| Ref::new(&realm, kind, name, uses)).collect()
    }

    /// The place of something that was put in.
    pub(super) fn place(&self, origin: &Origin) -> Option<Place> {
        Some(Place::new(self.sources.get(&origin.file)?, origin.span.clone()))
    }
}

fn new_object(kind: &'static Kind, origin: Origin) -> DesiredObject {
    DesiredObject { kind, origin, fields: Arc::default(), lifecycle: Lifecycle::default() }
}

fn twice(name: &str, address: &Address, here: Place, first: Option<Place>) -> Problem {
    let problem = Problem::error(format!("`{name}` of {address} is set twice")).at(here, "the second time");
    let problem = match first {
        Some(first) => problem.and(first, "the first time"),
        None => problem,
    };
    problem.help("keep one of them: all files of a realm are read as one")
}
