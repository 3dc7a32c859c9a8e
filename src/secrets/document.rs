//! JSON that holds secrets.

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use serde_json::Value as Json;

/// What a vault or a program says; overwritten when it is dropped.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Document(Json);

impl Document {
    pub(super) fn json(&self) -> &Json {
        &self.0
    }

    /// Its text.
    pub(super) fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_string())
    }

    /// The texts right in it.
    pub(super) fn texts(&self) -> Vec<SecretString> {
        let entries = self.0.as_object().into_iter().flat_map(serde_json::Map::values);
        entries.filter_map(Json::as_str).map(SecretString::from).collect()
    }

    /// Puts a text under a name, or takes away what is there.
    pub(super) fn set(&mut self, name: &str, text: Option<&str>) {
        if !self.0.is_object() {
            self.0 = Json::Object(serde_json::Map::new());
        }
        let before = match text {
            Some(text) => self.0.as_object_mut().and_then(|it| it.insert(name.to_owned(), text.into())),
            None => self.0.as_object_mut().and_then(|it| it.remove(name)),
        };
        if let Some(mut before) = before {
            wipe(&mut before);
        }
    }

    /// What is in it under a name, `null` where there is nothing.
    pub(super) fn into_part(mut self, name: &str) -> Self {
        Self(self.0.get_mut(name).map(Json::take).unwrap_or_default())
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(json: &mut Json) {
    match json {
        Json::String(text) => drop(Zeroizing::new(std::mem::take(text))),
        Json::Array(items) => items.iter_mut().for_each(wipe),
        Json::Object(entries) => entries.values_mut().for_each(wipe),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// The value as text. A number with a fraction or of very many digits has none: it was rounded on its way (`1.10` arrives as
/// `1.1`), and a secret that is nearly right is wrong.
pub(super) fn text(value: &Json) -> Option<SecretString> {
    match value {
        Json::String(text) => Some(text.as_str().into()),
        Json::Number(number) if !number.is_f64() => Some(number.to_string().into()),
        Json::Number(_) | Json::Bool(_) | Json::Object(_) | Json::Array(_) | Json::Null => None,
    }
}
