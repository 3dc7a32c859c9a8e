//! The servers of a run, and which of them has which realm.

use std::collections::BTreeMap;

use super::{Http, RequestCounts};
use crate::model::RealmName;

/// One server, or those of a fleet.
#[derive(Clone)]
pub struct Servers {
    /// At least one, by the names that the project file gives them.
    all: Vec<(String, Http)>,
    /// The server of each realm, where there are several.
    of: BTreeMap<RealmName, usize>,
}

impl Servers {
    /// The one server that has every realm.
    pub fn one(http: Http) -> Self {
        Self { all: vec![(String::new(), http)], of: BTreeMap::new() }
    }

    /// Several, with the name of the one that each realm is on; `None` without any.
    pub fn several(all: Vec<(String, Http)>, of: impl IntoIterator<Item = (RealmName, String)>) -> Option<Self> {
        let place = |name: &str| all.iter().position(|(server, _)| server == name);
        let of = of.into_iter().filter_map(|(realm, server)| Some((realm, place(&server)?))).collect();
        (!all.is_empty()).then_some(Self { all, of })
    }

    /// The server that has a realm. One that is on none of several is looked for on the first, which has it as little.
    pub fn of(&self, realm: &str) -> &Http {
        &self.all[self.of.get(realm).copied().unwrap_or_default()].1
    }

    /// The name of the server that a realm is on, where there are several.
    pub fn name_of(&self, realm: &str) -> Option<&str> {
        self.of.get(realm).map(|place| self.all[*place].0.as_str())
    }

    /// All of them, with their names; that of the only one is empty.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Http)> {
        self.all.iter().map(|(name, http)| (name.as_str(), http))
    }

    /// Whether this server has the realm.
    pub fn is_on(&self, realm: &str, server: &str) -> bool {
        self.of.is_empty() || self.name_of(realm) == Some(server)
    }

    /// The server, where it is only one.
    pub fn only(&self) -> Option<&Http> {
        self.all.first().filter(|_| self.all.len() == 1).map(|(_, http)| http)
    }

    /// Has these values taken out of what the servers say, in case one repeats them.
    pub fn hide<'a>(&self, values: impl Iterator<Item = &'a secrecy::SecretString>) {
        let values: Vec<_> = values.collect();
        for (_, http) in &self.all {
            http.hide(values.iter().copied());
        }
    }

    /// How many requests were sent, by what they were.
    pub fn requests(&self) -> RequestCounts {
        let mut sum = RequestCounts::new();
        for (request, count) in self.all.iter().flat_map(|(_, http)| http.requests()) {
            *sum.entry(request).or_default() += count;
        }
        sum
    }
}
