//! What a run has to know of one realm, so that nothing else is asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::model::{
    Address, Declared, DesiredRealm, FieldPath, Kind, Names, Prune, PruneRules, RealmName, Record, Reference, Value,
    kinds, texts,
};

/// The objects and fields of one realm that are declared or recorded, and the names that they refer to.
#[derive(Clone, Debug, Default)]
pub struct Interest<'a> {
    objects: BTreeMap<Address, Vec<Fields<'a>>>,
    /// Whether everything matters, but for users.
    all: bool,
    /// Whether, where everything matters, users do as well.
    users: bool,
    references: BTreeSet<(Reference, String)>,
    /// What is there without being looked at.
    trusted: Option<&'a Record>,
    prune: PruneRules,
    /// The name that the realm had before, if the files say that it was renamed.
    pub(super) renamed_from: Option<RealmName>,
}

/// Fields of an object that matter.
#[derive(Clone, Copy, Debug)]
enum Fields<'a> {
    /// Those that files declare.
    Declared(&'a BTreeMap<FieldPath, Declared>),
    /// Those that were recorded.
    Recorded(&'a BTreeSet<FieldPath>),
    /// All that there are.
    All,
}

impl<'a> Interest<'a> {
    /// What the files declare.
    pub fn of(desired: &'a DesiredRealm) -> Self {
        let mut interest = Self { prune: desired.prune.clone(), ..Self::default() };
        for (address, object) in &desired.objects {
            for (path, declared) in object.fields.iter() {
                if let Value::Json(value) = &declared.value {
                    interest.refer(address, path, value);
                }
            }
            interest.add(address, Fields::Declared(&object.fields));
        }
        let handed_over = desired.outputs.iter().flat_map(BTreeMap::values).map(|it| &it.what.of);
        let clients = handed_over.filter(|of| *of.kind() == kinds::CLIENT);
        interest.references.extend(clients.map(|client| (Reference::Client, client.name().to_owned())));
        interest.add_old_names(desired);
        interest
    }

    /// All that the realm has, without knowing what that is; but no users, who are run-time data.
    pub fn everything() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// The same with its users, however many these are.
    #[must_use]
    pub fn with_users(self) -> Self {
        Self { users: true, ..self }
    }

    /// The same with all of one object.
    #[must_use]
    pub fn with(mut self, address: &Address) -> Self {
        self.add(address, Fields::All);
        self
    }

    /// The same with one object, whatever it has.
    #[must_use]
    pub fn and(mut self, address: &Address) -> Self {
        self.add(address, Fields::Recorded(const { &BTreeSet::new() }));
        self
    }

    /// What was recorded, too: it may have to be reset or deleted.
    pub fn add_record(&mut self, record: &'a Record) {
        for (address, leaves) in &record.objects {
            self.add(address, Fields::Recorded(leaves));
        }
    }

    /// The same where what was recorded counts as there: nobody asks whether its names are known.
    #[must_use]
    pub fn trusting(self, record: &'a Record) -> Self {
        Self { trusted: Some(record), ..self }
    }

    /// The names of the objects of a kind right below `parent`.
    pub(super) fn names<'b>(&'b self, parent: &'b Address, kind: &'static Kind) -> impl Iterator<Item = &'b str> {
        let first = parent.child(kind, "");
        let below = self.objects.range(first.clone()..).map(|(address, _)| address);
        let collection = below.take_while(move |it| it.is_in_collection_of(&first));
        collection.filter(move |it| it.is_child_of(parent, kind)).map(Address::name)
    }

    /// Whether any object of the kind right below `parent` matters.
    pub(super) fn any(&self, parent: &Address, kind: &'static Kind) -> bool {
        self.is_all(&parent.child(kind, "")) || self.names(parent, kind).next().is_some()
    }

    /// Whether the object matters.
    pub(super) fn has(&self, address: &Address) -> bool {
        self.is_all(address) || self.objects.contains_key(address)
    }

    /// Whether files declare the object, beyond that it was recorded.
    pub(super) fn is_declared(&self, address: &Address) -> bool {
        let is_declared = |fields: &Fields<'_>| matches!(fields, Fields::Declared(_));
        self.objects.get(address).is_some_and(|sources| sources.iter().any(is_declared))
    }

    /// Whether anything of the object itself matters.
    pub(super) fn wants_any(&self, address: &Address) -> bool {
        self.is_all(address)
            || self.objects.get(address).is_some_and(|sources| sources.iter().any(|fields| !fields.is_empty()))
    }

    /// Whether a field of the object matters.
    pub(super) fn wants(&self, address: &Address, field: &str) -> bool {
        self.is_all(address)
            || self.objects.get(address).is_some_and(|sources| sources.iter().any(|fields| fields.have(field)))
    }

    /// Whether objects of the kind, right below the realm, matter for more than for being there with everything else.
    pub(super) fn is_particular(&self, kind: &Kind) -> bool {
        self.prune.by_collection.contains_key(kind.collection)
            || self.objects.keys().any(|it| it.collection() == Some(kind.collection))
    }

    /// What files declare of a leaf.
    pub(super) fn declared(&self, address: &Address, path: &FieldPath) -> Option<&'a Value> {
        let sources = self.objects.get(address)?;
        sources.iter().find_map(|fields| match fields {
            Fields::Declared(fields) => fields.get(path).map(|declared| &declared.value),
            Fields::Recorded(_) | Fields::All => None,
        })
    }

    /// Whether everything of the object's collection has to be listed, declared or not.
    pub(super) fn sweeps(&self, address: &Address) -> bool {
        self.is_all(address) || self.prune.rule(address) == Prune::All
    }

    fn is_all(&self, address: &Address) -> bool {
        self.all && (self.users || address.collection() != Some(kinds::USER.collection))
    }

    /// The names that the files refer to without declaring them.
    pub(super) fn undeclared(&self, realm: &Address) -> impl Iterator<Item = &(Reference, String)> {
        self.references.iter().filter(move |(reference, name)| !self.declares(realm, *reference, name))
    }

    fn add(&mut self, address: &Address, fields: Fields<'a>) {
        let above = std::iter::successors(address.parent(), Address::parent);
        for parent in above {
            if self.objects.contains_key(&parent) {
                break;
            }
            self.objects.insert(parent, Vec::new());
        }
        self.objects.entry(address.clone()).or_default().push(fields);
    }

    /// An object that is to be renamed is looked for under both names, with all that hangs below it.
    fn add_old_names(&mut self, desired: &'a DesiredRealm) {
        // From below, so that what hangs below a renamed object and is renamed itself is looked for under both, too.
        for (address, object) in desired.objects.iter().rev() {
            let Some(old) = &object.lifecycle.renamed_from else { continue };
            let Some(parent) = address.parent() else {
                self.renamed_from = Some(old.clone());
                continue;
            };
            let old = parent.child(object.kind, old.clone());
            let below: Vec<_> =
                self.objects.iter().filter(|(it, _)| it.is_within(address) || is_subgroup(it, address)).collect();
            let moved: Vec<_> =
                below.iter().map(|(it, sources)| (moved(it, address, &old), (*sources).clone())).collect();
            for (address, sources) in moved {
                for fields in sources {
                    self.add(&address, fields);
                }
            }
        }
    }

    fn refer(&mut self, address: &Address, path: &FieldPath, value: &Json) {
        match address.kind().names(path) {
            None | Some(Names::Of(Reference::Provider(_))) => {}
            Some(Names::Of(reference)) => {
                let names = texts(value).filter(|name| !name.is_empty());
                self.references.extend(names.map(|name| (reference, reference.qualified(address, name).into())));
            }
            Some(Names::RolesOf(client)) => {
                if texts(value).next().is_none() {
                    self.references.insert((Reference::Client, client.to_owned()));
                }
                let roles = texts(value).map(|role| (Reference::ClientRole, format!("{client}:{role}")));
                self.references.extend(roles);
            }
        }
    }

    fn declares(&self, realm: &Address, reference: Reference, name: &str) -> bool {
        // Which providers are installed is asked for elsewhere.
        matches!(reference, Reference::Provider(_))
            || Names::Of(reference).addresses(realm, name).iter().any(|address| self.is_there(address))
    }

    fn is_there(&self, address: &Address) -> bool {
        self.has(address) || self.trusted.is_some_and(|record| record.objects.contains_key(address))
    }
}

impl Fields<'_> {
    fn is_empty(self) -> bool {
        match self {
            Self::Declared(fields) => fields.is_empty(),
            Self::Recorded(fields) => fields.is_empty(),
            Self::All => false,
        }
    }

    /// Whether a leaf of that field is among them.
    fn have(self, field: &str) -> bool {
        match self {
            Self::Declared(fields) => fields.keys().any(|path| path.top() == field),
            Self::Recorded(fields) => fields.iter().any(|path| path.top() == field),
            Self::All => true,
        }
    }
}

/// The ways to read `client:role`, since both may hold colons.
pub(super) fn splits(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices(':')
        .map(|(at, _)| (&text[..at], &text[at + 1..]))
        .filter(|(client, role)| !client.is_empty() && !role.is_empty())
}

/// Whether `address` is a group below the group `parent`, by its path.
fn is_subgroup(address: &Address, parent: &Address) -> bool {
    address.kind() == &kinds::GROUP
        && parent.kind() == &kinds::GROUP
        && address.name().strip_prefix(parent.name()).is_some_and(|rest| rest.starts_with('/'))
}

fn moved(address: &Address, from: &Address, to: &Address) -> Address {
    if address.is_within(from) {
        return address.moved(from, to);
    }
    let rest = address.name().strip_prefix(from.name()).unwrap_or_default();
    Address::realm(address.realm_name()).child(&kinds::GROUP, format!("{}{rest}", to.name()))
}
