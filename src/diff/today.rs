//! What there is of a realm today, by the names that the files use.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::leaf::{Applied, Leaf};
use super::rename::Renames;
use crate::model::{
    Address, DesiredObject, DesiredRealm, FieldPath, Live, LiveObject, LiveRealm, RealmName, Record, Shape,
    builtin_objects,
};

/// The sides that a realm's files are compared with.
#[derive(Debug, Default)]
pub(super) struct Today<'a> {
    /// What the server has.
    pub(super) objects: Cow<'a, BTreeMap<Address, LiveObject>>,
    /// What the server has beyond what is declared or recorded.
    pub(super) unmanaged: BTreeSet<Address>,
    /// What was applied last.
    pub(super) record: Cow<'a, Record>,
    /// What the record on the server says, by the names of then.
    pub(super) recorded: Option<&'a Record>,
    /// What the files wanted then; `None` when it cannot be read.
    pub(super) base: Option<Cow<'a, DesiredRealm>>,
    /// Who is renamed.
    pub(super) renames: Renames,
    /// The name that the server has the realm under.
    pub(super) realm: RealmName,
}

impl<'a> Today<'a> {
    /// The sides of the realm that the files call `name`.
    pub(super) fn of(
        name: &str,
        wanted: &DesiredRealm,
        live: &'a Live,
        base: &BTreeMap<RealmName, &'a DesiredRealm>,
    ) -> Self {
        if let Some((live, former)) = live.realms.get(name).and_then(|live| Some((live, live.renamed_from.as_ref()?))) {
            return Self::of_renamed_realm(name, former, wanted, live, base);
        }
        let exists = |address: &Address| match live.realms.get(address.realm_name()) {
            Some(realm) => realm.objects.contains_key(address) || address.parent().is_none(),
            None => false,
        };
        let renames = Renames::of(wanted, &exists);
        let realm = renames.former(&Address::realm(name)).map_or(name, Address::realm_name).to_owned();
        match live.realms.get(&realm) {
            Some(live) => Self::of_realm(live, base.get(&realm).copied(), renames, realm),
            None => Self::of_new_realm(name, wanted, renames, realm),
        }
    }

    /// A realm that does not exist: it will have what every realm has, before anything else happens to it.
    fn of_new_realm(name: &str, wanted: &DesiredRealm, renames: Renames, realm: RealmName) -> Self {
        let is_wanted = |address: &Address| wanted.objects.contains_key(&renames.moved(address));
        let objects = builtin_objects(name).into_iter().filter(|(address, _)| is_wanted(address)).collect();
        Self { objects: Cow::Owned(objects), renames, realm, ..Self::default() }
    }

    /// The reader lists a realm that is to be renamed by its new name; the objects of it may be renamed as well.
    fn of_renamed_realm(
        name: &str,
        former: &RealmName,
        wanted: &DesiredRealm,
        live: &'a LiveRealm,
        base: &BTreeMap<RealmName, &'a DesiredRealm>,
    ) -> Self {
        let (new, old) = (Address::realm(name), Address::realm(former.as_str()));
        let objects: BTreeMap<_, _> =
            live.objects.iter().map(|(address, object)| (address.moved(&new, &old), object.clone())).collect();
        let record = live.record.as_ref().map(|record| record.moved(&new, &old)).unwrap_or_default();
        let renames = Renames::of(wanted, &|address| objects.contains_key(address));
        Self {
            objects: Cow::Owned(renames.objects(&objects)),
            unmanaged: live.unmanaged.iter().map(|address| renames.moved(&address.moved(&new, &old))).collect(),
            record: Cow::Owned(renames.record(&record)),
            recorded: live.record.as_ref(),
            base: base.get(former).map(|base| Cow::Owned(renames.base(base))),
            renames,
            realm: former.clone(),
        }
    }

    fn of_realm(live: &'a LiveRealm, base: Option<&'a DesiredRealm>, renames: Renames, realm: RealmName) -> Self {
        let recorded = live.record.as_ref();
        // Cloning a realm is only worth it when something in it has another name.
        let (objects, record, base) = if renames.is_empty() {
            let record = recorded.map_or_else(Cow::default, Cow::Borrowed);
            (Cow::Borrowed(&live.objects), record, base.map(Cow::Borrowed))
        } else {
            let record = recorded.map(|record| renames.record(record)).unwrap_or_default();
            let base = base.map(|base| Cow::Owned(renames.base(base)));
            (Cow::Owned(renames.objects(&live.objects)), Cow::Owned(record), base)
        };
        let unmanaged = live.unmanaged.iter().map(|address| renames.moved(address)).collect();
        Self { objects, unmanaged, record, recorded, base, renames, realm }
    }

    /// The leaves of an object that the record names; `None` when it does not name the object.
    pub(super) fn leaves(&self, address: &Address) -> Option<&Shape> {
        self.record.objects.get(address)
    }

    /// What was applied last to an object.
    pub(super) fn applied(&self, address: &Address) -> AppliedObject<'_> {
        AppliedObject {
            leaves: self.leaves(address),
            base: self.base.as_ref().and_then(|base| base.objects.get(address)),
            prints: self.record.fingerprints.get(address),
        }
    }
}

/// What was applied last to one object.
#[derive(Clone, Copy)]
pub(super) struct AppliedObject<'a> {
    /// Its recorded leaves; `None` when the record does not name it.
    pub(super) leaves: Option<&'a Shape>,
    base: Option<&'a DesiredObject>,
    prints: Option<&'a BTreeMap<FieldPath, String>>,
}

impl<'a> AppliedObject<'a> {
    /// What was applied last to a leaf.
    pub(super) fn to(self, path: &FieldPath) -> Applied<'a> {
        if !self.leaves.is_some_and(|leaves| leaves.contains(path)) {
            return Applied::Not;
        }
        match self.base.and_then(|object| object.fields.get(path)) {
            Some(declared) => Applied::As(&declared.value),
            None => Applied::Unknown,
        }
    }

    /// A leaf, as everyone sees it.
    pub(super) fn leaf<'b>(self, live: &'b LiveObject, path: &'b FieldPath) -> Leaf<'b>
    where
        'a: 'b,
    {
        Leaf {
            kind: live.kind,
            path,
            applied: self.to(path),
            live: live.fields.get(path),
            fingerprint: self.prints.and_then(|prints| prints.get(path)).map(String::as_str),
        }
    }
}
