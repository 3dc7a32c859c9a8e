//! Where the leaves of all files come together.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::outputs::Outputs;
use super::problem::Problem;
use super::references::{Ref, Use};
use super::source::{Place, Source};
use super::sources::Programs;
use crate::model::{
    Address, Declared, Desired, DesiredObject, DesiredRealm, FieldPath, Kind, Lifecycle, Moves, Names, Origin, Rank,
    RealmName, Reference, Value, unqualified,
};

/// Desired in the making. Every leaf is put in once; the second time is a problem that shows both places.
pub(super) struct Builder {
    pub(super) desired: Desired,
    pub(super) problems: Vec<Problem>,
    /// Unknown names are errors.
    pub(super) strict: bool,
    /// The programs of the project file that give secrets.
    pub(super) programs: Programs,
    /// What blueprints hand over, by the realms that use them.
    pub(super) outputs: BTreeMap<RealmName, Outputs>,
    uses: BTreeMap<(RealmName, Reference, String), Vec<Use>>,
    /// Where settings are written that are no leaves: `lifecycle`, `prune`, `placement`.
    settings: BTreeMap<(Address, FieldPath), Place>,
    /// Objects that exist only because a path goes through them.
    implied: BTreeSet<Address>,
    /// What blueprints declare, and the place of it that counts least.
    inherited: BTreeMap<Address, Rank>,
    /// What is taken out of what counts less: objects, and fields.
    removals: Vec<(Address, Option<FieldPath>, Place)>,
    /// Objects that were taken out.
    removed: BTreeSet<Address>,
    sources: HashMap<Arc<str>, Arc<Source>>,
}

impl Builder {
    pub(super) fn new(strict: bool, programs: Programs) -> Self {
        Self {
            desired: Desired::default(),
            problems: Vec::new(),
            strict,
            programs,
            outputs: BTreeMap::new(),
            uses: BTreeMap::new(),
            settings: BTreeMap::new(),
            implied: BTreeSet::new(),
            inherited: BTreeMap::new(),
            removals: Vec::new(),
            removed: BTreeSet::new(),
            sources: HashMap::new(),
        }
    }

    pub(super) fn add_source(&mut self, source: &Arc<Source>) {
        self.sources.entry(source.name().into()).or_insert_with(|| Arc::clone(source));
    }

    pub(super) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(super) fn realm(&mut self, name: &str) -> &mut DesiredRealm {
        self.desired.realms.entry(name.to_owned()).or_default()
    }

    /// An object that a file names.
    pub(super) fn declare(&mut self, address: &Address, place: &Place) {
        if place.source.via().is_some() {
            let rank = place.origin().rank();
            let lowest = self.inherited.entry(address.clone()).or_insert(rank);
            *lowest = (*lowest).max(rank);
        }
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
            match overrides(&origin, &first.origin) {
                Ordering::Greater => {}
                Ordering::Less => return,
                Ordering::Equal => {
                    let first = first.origin.clone();
                    let problem = twice(&path.to_string(), address, place.clone(), self.place(&first));
                    return self.report(problem);
                }
            }
        }
        fields.insert(path, Declared { value, origin });
    }

    /// What a blueprint hands over of a realm that uses it.
    pub(super) fn hand_over(&mut self, realm: &str, outputs: Outputs) {
        let all = self.outputs.entry(realm.to_owned()).or_default();
        let mut problems = Vec::new();
        for (name, rule) in outputs {
            if let Some(other) = all.get(&name) {
                problems.push((
                    format!("there are two outputs `{name}` of the realm {realm}"),
                    rule.origin,
                    other.origin.clone(),
                ));
            } else {
                all.insert(name, rule);
            }
        }
        for (words, origin, other) in problems {
            let problem = Problem::error(words).maybe_at(self.place(&origin), "one");
            self.report(problem.maybe_and(self.place(&other), "the other"));
        }
    }

    /// A setting that is no leaf; `false` when it was written before, or where it counts more.
    pub(super) fn claim(&mut self, address: &Address, path: FieldPath, place: &Place) -> bool {
        let key = (address.clone(), path);
        if let Some(first) = self.settings.get(&key) {
            match overrides(&place.origin(), &first.origin()) {
                Ordering::Greater => return self.settings.insert(key, place.clone()).is_some(),
                Ordering::Less => return false,
                Ordering::Equal => {}
            }
            let problem = twice(&key.1.to_string(), address, place.clone(), Some(first.clone()));
            self.report(problem);
            return false;
        }
        self.settings.insert(key, place.clone());
        true
    }

    /// Where settings are written of which this is the first name.
    pub(super) fn settings_below(&self, address: &Address, name: &str) -> impl Iterator<Item = &Place> {
        self.settings.iter().filter(move |((of, path), _)| of == address && path.top() == name).map(|(_, place)| place)
    }

    /// Where such a setting is written.
    pub(super) fn setting(&self, address: &Address, path: &FieldPath) -> Option<&Place> {
        self.settings.get(&(address.clone(), path.clone()))
    }

    /// Takes out an object that is declared where it counts less.
    pub(super) fn remove(&mut self, address: &Address, place: Place) {
        self.removals.push((address.clone(), None, place));
    }

    /// Takes out a field that is set where it counts less.
    pub(super) fn remove_field(&mut self, address: &Address, path: FieldPath, place: Place) {
        self.removals.push((address.clone(), Some(path), place));
    }

    /// Takes out what is to be taken out, now that everything is there.
    pub(super) fn finish_removals(&mut self) {
        for (address, path, place) in std::mem::take(&mut self.removals) {
            let done = match &path {
                None => self.take_out(&address, &place),
                Some(path) => self.take_out_field(&address, path, &place),
            };
            if !done {
                let what = path.map_or_else(String::new, |path| format!("{path} of "));
                let problem = Problem::error(format!("there is no {what}{address} to remove"))
                    .at(place, "nothing that this lies over declares it")
                    .help(
                        "a realm's files remove what its blueprints declare, and those of an environment what is declared for all \
                         of them; what no file declares is not there",
                    );
                self.report(problem);
            }
        }
    }

    fn take_out(&mut self, address: &Address, place: &Place) -> bool {
        let rank = place.origin().rank();
        let Some(realm) = self.desired.realms.get_mut(address.realm_name()) else { return false };
        let Some(object) = realm.objects.get(address) else { return false };
        if object.origin.rank().max(self.inherited.get(address).copied().unwrap_or(rank)) <= rank {
            return false;
        }
        let within: Vec<Address> = realm
            .objects
            .range(address.clone()..)
            .map(|(at, _)| at)
            .take_while(|at| at.is_within(address))
            .cloned()
            .collect();
        let mut kept = None;
        for at in within {
            let object = &realm.objects[&at];
            let declared = object.fields.values().find(|declared| declared.origin.rank() <= rank);
            let own = declared.map(|declared| declared.origin.clone());
            let is_own = at != *address && !self.inherited.contains_key(&at) && object.origin.rank() <= rank;
            let own = own.or_else(|| is_own.then(|| object.origin.clone()));
            kept = kept.or(own.map(|origin| (at.clone(), origin)));
            realm.objects.remove(&at);
            self.removed.insert(at);
        }
        if address.parent().is_none() {
            self.desired.realms.remove(address.realm_name());
            self.outputs.remove(address.realm_name());
        }
        if let Some((at, origin)) = kept {
            let problem = Problem::error(format!("{at} is removed and declared")).at(place.clone(), "removed here");
            self.report(problem.maybe_and(self.place(&origin), "declared here"));
        }
        true
    }

    fn take_out_field(&mut self, address: &Address, path: &FieldPath, place: &Place) -> bool {
        let rank = place.origin().rank();
        let realm = self.desired.realms.get_mut(address.realm_name());
        let Some(object) = realm.and_then(|realm| realm.objects.get_mut(address)) else { return false };
        let before = object.fields.len();
        Arc::make_mut(&mut object.fields).retain(|at, declared| !at.is_within(path) || declared.origin.rank() <= rank);
        object.fields.len() < before
    }

    /// Moves all that was read of one realm into another, under the names that `moves` gives it there.
    pub(super) fn land(&mut self, moves: &Moves, from: &RealmName, to: &RealmName) {
        let (old, new) = (Address::realm(from), Address::realm(to));
        let landed = |address: &Address| moves.moved(address).moved(&old, &new);
        let realm = self.desired.realms.remove(from).unwrap_or_default();
        self.land_uses(moves, from, to, &realm);
        let is_its_own = |address: &Address| address.realm_name() == from;
        let (mine, others) = std::mem::take(&mut self.settings).into_iter().partition(|((at, _), _)| is_its_own(at));
        self.settings = others;
        let mine: BTreeMap<(Address, FieldPath), Place> = mine;
        self.settings.extend(mine.into_iter().map(|((at, path), place)| ((landed(&at), path), place)));
        let exists = |address: &Address| realm.objects.contains_key(address);
        for (address, object) in realm.objects.iter().filter(|(address, _)| **address != old) {
            self.land_object(landed(address), moves.object(address, object, &exists));
        }
    }

    fn land_object(&mut self, address: Address, object: DesiredObject) {
        let objects = &mut self.realm(address.realm_name()).objects;
        let Some(other) = objects.get(&address).map(|other| other.origin.clone()) else {
            objects.insert(address, object);
            return;
        };
        let problem = Problem::error(format!("two tenants declare {address}"))
            .maybe_at(self.place(&object.origin), "one")
            .maybe_and(self.place(&other), "the other");
        self.report(problem.help("call one of them otherwise"));
    }

    fn land_uses(&mut self, moves: &Moves, from: &RealmName, to: &RealmName, realm: &DesiredRealm) {
        let exists = |address: &Address| realm.objects.contains_key(address);
        let (old, new) = (Address::realm(from), Address::realm(to));
        let (mine, others) = std::mem::take(&mut self.uses).into_iter().partition(|((realm, ..), _)| realm == from);
        self.uses = others;
        let mine: BTreeMap<(RealmName, Reference, String), Vec<Use>> = mine;
        for ((_, kind, name), users) in mine {
            for Use { address, path, place } in users.into_iter().filter(|user| !self.removed.contains(&user.address)) {
                let name = moves.name(Names::Of(kind), &address, &name, &exists);
                let path = moves.path(address.kind(), &address, &path);
                let address = moves.moved(&address).moved(&old, &new);
                let name = kind.qualified(&address, unqualified(&name)).into_owned();
                self.uses.entry((to.clone(), kind, name)).or_default().push(Use { address, path, place });
            }
        }
    }

    /// A name of another object.
    pub(super) fn refer(&mut self, kind: Reference, name: &str, user: Use) {
        let key = (user.address.realm_name().to_owned(), kind, name.to_owned());
        self.uses.entry(key).or_default().push(user);
    }

    /// The references of all files, by realm, kind and name.
    pub(super) fn take_references(&mut self) -> Vec<Ref> {
        let all = std::mem::take(&mut self.uses).into_iter().map(|((realm, kind, name), mut uses)| {
            uses.retain(|user| self.is_in_force(user));
            Ref::new(&realm, kind, name, uses)
        });
        all.filter(|reference| !reference.uses.is_empty()).collect()
    }

    /// Whether nothing that counts more was written instead.
    fn is_in_force(&self, user: &Use) -> bool {
        if self.removed.contains(&user.address) {
            return false;
        }
        let object = self.desired.realms.get(user.address.realm_name()).and_then(|it| it.objects.get(&user.address));
        let leaf = object.and_then(|object| object.fields.get(&user.path));
        leaf.is_none_or(|leaf| overrides(&leaf.origin, &user.place.origin()) == Ordering::Equal)
    }

    /// The place of something that was put in.
    pub(super) fn place(&self, origin: &Origin) -> Option<Place> {
        let source = self.sources.get(&origin.file)?;
        let source = match &origin.via {
            Some(via) => source.used(self.place(via)?),
            None => Arc::clone(source),
        };
        Some(Place::new(&source, origin.span.clone()))
    }
}

/// Which of two places counts more.
fn overrides(one: &Origin, other: &Origin) -> Ordering {
    other.rank().cmp(&one.rank())
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
