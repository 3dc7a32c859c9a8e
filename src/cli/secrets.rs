//! The secrets of a run: which there are, where they are used, and which have no value.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use secrecy::SecretString;

use super::explain::readings;
use super::{Context, Error};
use crate::desired::SecretSources;
use crate::diff::Change;
use crate::model::{Address, Desired, FieldPath, Origin, SecretRef, Value};
use crate::plan::Plan;
use crate::secrets::{Resolver, SecretError, Unresolved, Values, generated};

/// Where each secret is used: the field, and the line that says so.
#[derive(Clone, Debug, Default)]
pub(super) struct Uses(BTreeMap<SecretRef, Vec<String>>);

/// Secrets that have no value, all for one reason, and where they are used.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) error: SecretError,
    pub(super) uses: Vec<String>,
}

/// How many uses of a missing secret are named.
const NAMED: usize = 5;

impl Uses {
    /// Where the files use secrets.
    pub(super) fn of(desired: &Desired) -> Self {
        let mut uses = Self::default();
        for (address, object) in desired.realms.values().flat_map(|realm| &realm.objects) {
            for (path, declared) in &*object.fields {
                if let Value::Secret(reference) = &declared.value {
                    uses.add(reference, &format!("{address}.{path}"), Some(&declared.origin));
                }
            }
        }
        uses
    }

    /// Finds or makes the values of the secrets that a plan writes.
    pub(super) async fn resolve_written(
        plan: &Plan,
        context: &Context,
        folder: &Path,
        sources: &SecretSources,
    ) -> Result<Values, Error> {
        let mut uses = Self::default();
        let mut values = Values::new();
        for change in plan.realms.values().flat_map(|realm| &realm.diff.changes) {
            for (field, reference) in change.secrets() {
                uses.add(reference, &format!("{}.{}", change.address, field.path), field.origin.as_ref());
            }
            generate(change, &mut values);
        }
        values.extend(uses.resolve(context, folder, sources).await?.0);
        Ok(values)
    }

    /// A use of a secret.
    pub(super) fn add(&mut self, reference: &SecretRef, field: &str, origin: Option<&Origin>) {
        let place = origin.map(|origin| format!(" ({origin})")).unwrap_or_default();
        self.0.entry(reference.clone()).or_default().push(format!("{field}{place}"));
    }

    pub(super) fn references(&self) -> BTreeSet<&SecretRef> {
        self.0.keys().collect()
    }

    /// The error that names everything that is missing, and where it is used.
    fn missing(&self, unresolved: Vec<Unresolved>) -> Error {
        let missing = unresolved.into_iter().map(|Unresolved { references, error }| {
            let mut uses: Vec<String> =
                references.iter().filter_map(|reference| self.0.get(reference)).flatten().cloned().collect();
            if uses.len() > NAMED + 1 {
                let more = format!("{} more places", uses.len() - NAMED);
                uses.truncate(NAMED);
                uses.push(more);
            }
            Missing { error, uses }
        });
        Error::Secrets(missing.collect())
    }

    /// Finds the values of all of them; for a throwaway server also those that nobody set, which are named.
    pub(super) async fn resolve(
        &self,
        context: &Context,
        folder: &Path,
        sources: &SecretSources,
    ) -> Result<(Values, Vec<SecretRef>), Error> {
        let mut resolver = Resolver::new(folder, sources);
        if context.server.is_some() {
            resolver = resolver.with_throwaway_values();
        }
        let values = resolver.resolve_all(self.references()).await.map_err(|unresolved| self.missing(unresolved))?;
        Ok((values, resolver.made_up()))
    }

    /// Finds the values that are at hand. Whoever only looks need not have any.
    pub(super) async fn at_hand(&self, folder: &Path, sources: &SecretSources) -> Values {
        Resolver::new(folder, sources).resolve_some(self.references()).await.0
    }
}

/// Gives each generated secret that a change writes its value.
pub(super) fn generate(change: &Change, secrets: &mut Values) {
    for (_, reference) in change.secrets() {
        if let SecretRef::Generate { length, of: _ } = reference {
            secrets.entry(reference.clone()).or_insert_with(|| generated(*length));
        }
    }
}

/// Gives generated secrets that are to be others new values: of an object, or of a field of one.
pub(super) fn rotate(wanted: &[String], desired: &Desired, secrets: &mut Values) -> Result<(), Error> {
    for wanted in wanted {
        let readings = readings(wanted)?;
        let is_meant = |address: &Address, path: &FieldPath| {
            let is_field = |field: &Option<FieldPath>| field.as_ref().is_none_or(|field| path.is_within(field));
            readings.iter().any(|(object, field)| object == address && is_field(field))
        };
        let mut found = false;
        for (address, object) in desired.realms.values().flat_map(|realm| &realm.objects) {
            for (path, declared) in &*object.fields {
                if let Value::Secret(reference @ SecretRef::Generate { length, of: _ }) = &declared.value
                    && is_meant(address, path)
                {
                    secrets.insert(reference.clone(), generated(*length));
                    found = true;
                }
            }
        }
        if !found {
            return Err(Error::Usage(format!(
                "--rotate {wanted}: the files have no {{ generate = … }} there; another secret is changed where it comes from"
            )));
        }
    }
    Ok(())
}

/// Finds the value of one secret, `field` of the project file.
pub(super) async fn resolve_one(
    folder: &Path,
    sources: &SecretSources,
    field: &str,
    reference: &SecretRef,
) -> Result<SecretString, Error> {
    let mut uses = Uses::default();
    uses.add(reference, field, None);
    let values = Resolver::new(folder, sources).resolve_all([reference]).await;
    let mut values = values.map_err(|unresolved| uses.missing(unresolved))?;
    values.remove(reference).ok_or_else(|| Error::Other(format!("{reference} is no credential to sign in with")))
}
