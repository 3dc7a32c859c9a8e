/*!
The three-way difference of what the files want, what was applied last and what the server has.

A plain function of values: no I/O, no waiting, no text for people. Everything a later room needs to know about why
a field changes is in the [`FieldChange`].

- `leaf`: the truth table, for one leaf; `meaning`: when two values are the same.
- `rename`, `today`: the other sides, by the names that the files use.
- `realm`: which objects are made, changed, renamed, deleted, adopted and forgotten.
- `outputs`: what is handed over, and what is taken back.
- `since`: the same of what changed since it was applied, and nothing else.
- `drift`: the same, told apart by which side moved since it was applied.
- `adopt`: what of a drift the files can take over.
- `between`: the same of two states of the files, without a server; `concern`: what of it to look at first.
*/

mod adopt;
mod between;
mod change;
mod concern;
mod drift;
mod leaf;
mod meaning;
mod outputs;
mod realm;
mod rename;
mod secrets;
mod since;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod tests;
mod today;

use std::collections::{BTreeMap, BTreeSet};

pub use adopt::{Adoption, LeftOut, Misread, Reason, Takeover, What, adoption, misread};
pub use between::between;
pub use change::{
    Action, After, Before, Cause, Change, Counts, Diff, FieldChange, OutputAction, OutputChange, RealmDiff, Scope,
    SecretFault, SecretProblem,
};
pub use concern::{Concern, concerns};
pub use drift::{Buckets, RealmDrift, RealmReport, Report, Unreadable, drift};
pub use secrets::Secrets;
pub use since::{touched, with_parents};

use crate::model::{Desired, DesiredRealm, FieldPath, Kind, Live, RealmName};
use serde_json::Value as Json;
use today::Today;

/// Whether saying `value` of a leaf says no more than its default does, or than nothing where it has none.
pub fn means_the_same(kind: &'static Kind, path: &FieldPath, default: Option<&Json>, value: &Json) -> bool {
    // Both ways: an order that is only the beginning of another says less.
    meaning::same(kind, path, default, Some(value)) && meaning::same(kind, path, Some(value), default)
}

/// What the server needs to become what the files want.
///
/// `base` is what the files wanted at the commits of the records, by the realms' names of today; a realm may be missing
/// (no such commit here, or a dirty work tree was applied), and then causes are less precise. What is deleted and reset
/// depends on the records alone.
pub fn diff(desired: &Desired, live: &Live, base: &BTreeMap<RealmName, &DesiredRealm>, secrets: &dyn Secrets) -> Diff {
    let mut realms = BTreeMap::new();
    let mut renamed = BTreeSet::new();
    for (name, wanted) in &desired.realms {
        let today = Today::of(name, wanted, live, base);
        realms.insert(name.clone(), realm::diff(wanted, &today, secrets));
        renamed.insert(today.realm);
    }
    let gone = live.realms.iter().filter(|(name, realm)| {
        let is_wanted = desired.realms.contains_key(*name) || renamed.contains(*name);
        !is_wanted && realm.record.is_some()
    });
    for (name, _) in gone {
        let wanted = DesiredRealm { outputs: Some(BTreeMap::new()), ..DesiredRealm::default() };
        let today = Today::of(name, &wanted, live, base);
        realms.insert(name.clone(), realm::diff(&wanted, &today, secrets));
    }
    outputs::leave(desired, &mut realms);
    Diff { realms }
}
