//! What configures providers: keys that they do not have, and secrets that are written as text.
//!
//! An unknown key is a warning, as an unknown field is: Keycloak may be newer than the descriptions that were recorded.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::builder::Builder;
use super::hide::is_secret_key;
use super::problem::Problem;
use super::references::Use;
use super::secret;
use super::source::Place;
use super::suggest::did_you_mean;
use crate::model::{
    Address, Configured, DesiredObject, FieldPath, Provider, Providers, Reference, Spi, Value, builtin_providers,
    configured, default_of, kinds,
};

/// A key that the files give a provider that Keycloak does not bring: only the server knows whether it has it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The object that is configured.
    pub address: Address,
    configured: Configured,
    key: String,
    place: Place,
    is_text: bool,
    strict: bool,
}

impl Setting {
    /// What is wrong with it, by what the server tells of its providers.
    pub fn problem(&self, providers: &Providers) -> Option<Problem> {
        self.problem_of(self.configured.of(providers)?, providers)
    }

    fn problem_of(&self, provider: &Provider, all: &Providers) -> Option<Problem> {
        if provider.secrets.contains(&self.key) {
            return self.is_text.then(|| self.secret());
        }
        let keys = || provider.keys.iter().map(String::as_str).chain(self.configured.undescribed());
        if keys().any(|it| it == self.key) {
            return None;
        }
        let suggestion = did_you_mean(&self.key, keys());
        let is_free = self.configured.keeps_any_key();
        // Where the server keeps any key, there are some that nobody describes: only what looks like a slip is told.
        if is_free && (suggestion.is_none() || self.configured.is_common(all, &self.key)) {
            return None;
        }
        let help = if is_free {
            "if Keycloak is newer than realmform this is fine: it is sent as it is"
        } else {
            "a server that does not know it drops it or hides its value; if it is newer than realmform this is fine"
        };
        let problem = Problem::unless(self.strict, format!("`{}` is no known key of {}", self.key, self.configured.id))
            .at(self.place.clone(), "unknown key")
            .help(help)
            .maybe_help(suggestion);
        Some(problem)
    }

    fn secret(&self) -> Problem {
        let problem = secret::as_text(&self.key);
        if is_secret_key(&self.key) {
            return problem.at(self.place.clone(), "has the secret itself");
        }
        // Its name does not tell, so that an excerpt of the file would show it.
        secret::as_text(&format!("{}: {}", self.place.origin(), self.key))
    }
}

/// Checks what is known, and keeps for the server what is not.
pub(super) fn check(builder: &mut Builder) -> Vec<Setting> {
    let (mut open, mut problems, mut references) = (Vec::new(), Vec::new(), Vec::new());
    for (address, object) in builder.desired.realms.values().flat_map(|realm| &realm.objects) {
        for configured in configured(address, |field| plain(address, object, field)) {
            let provider = configured.of(builtin_providers());
            let settings = settings(builder, address, object, &configured, provider);
            match provider {
                Some(provider) => {
                    problems.extend(settings.iter().filter_map(|it| it.problem_of(provider, builtin_providers())));
                }
                None => open.extend(settings),
            }
        }
        references.extend(listed(builder, address, object));
    }
    builder.problems.extend(problems);
    for (spi, id, user) in references {
        builder.refer(Reference::Provider(spi), &id, user);
    }
    open
}

/// A field as the files have it, else as every realm has it.
fn plain<'a>(address: &Address, object: &'a DesiredObject, field: &str) -> Option<&'a Json> {
    let path = FieldPath::new([field]);
    match object.fields.get(&path).map(|declared| &declared.value) {
        Some(Value::Json(value)) => Some(value),
        Some(Value::Secret(_)) => None,
        None => match default_of(address, &path) {
            Some(Cow::Borrowed(value)) => Some(value),
            Some(Cow::Owned(_)) | None => None,
        },
    }
}

/// The keys of an object, but for those that its provider is known to have in the clear.
fn settings(
    builder: &Builder,
    address: &Address,
    object: &DesiredObject,
    configured: &Configured,
    provider: Option<&Provider>,
) -> Vec<Setting> {
    let is_fine = |key: &str| provider.is_some_and(|it| it.keys.contains(key) && !it.secrets.contains(key));
    let of_leaf = |(path, declared): (&FieldPath, &crate::model::Declared)| {
        let key = configured.key(path).filter(|key| !is_fine(key))?;
        Some(Setting {
            address: address.clone(),
            configured: configured.clone(),
            key: key.to_owned(),
            place: builder.place(&declared.origin)?,
            is_text: matches!(declared.value, Value::Json(_)),
            strict: builder.strict,
        })
    };
    object.fields.iter().filter_map(of_leaf).collect()
}

/// The executors of a client profile, and the conditions of a client policy.
fn listed(builder: &Builder, address: &Address, object: &DesiredObject) -> Vec<(Spi, String, Use)> {
    let (list, name, spi) = match object.kind {
        kind if *kind == kinds::CLIENT_PROFILE => ("executors", "executor", Spi::ClientPolicyExecutor),
        kind if *kind == kinds::CLIENT_POLICY => ("conditions", "condition", Spi::ClientPolicyCondition),
        _ => return Vec::new(),
    };
    let path = FieldPath::new([list]);
    let Some(declared) = object.fields.get(&path) else { return Vec::new() };
    let (Value::Json(providers), Some(place)) = (&declared.value, builder.place(&declared.origin)) else {
        return Vec::new();
    };
    let ids = providers.as_array().into_iter().flatten().filter_map(|it| it.get(name).and_then(Json::as_str));
    let user = || Use { address: address.clone(), path: path.clone(), place: place.clone() };
    ids.map(|id| (spi, id.to_owned(), user())).collect()
}
