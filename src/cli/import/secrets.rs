//! Secrets as environment variables: their names, and the file with the values of those that the server reveals.

use std::collections::BTreeSet;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use crate::apply::Secrets;
use crate::desired::Loaded;
use crate::model::{Address, FieldPath, LiveRealm, LiveValue, SecretRef, Value};
use crate::outputs::shell_quoted;
use crate::render::files::{Content, References, Shown};

/// The variables of an import.
pub(super) struct Variables {
    wanted: bool,
    taken: BTreeSet<String>,
    /// Where each is used, in the order of the files.
    uses: Vec<(String, Address, FieldPath)>,
    /// What the server reveals.
    values: Secrets,
}

impl Variables {
    /// None yet; the names that the project uses are taken.
    pub(super) fn new(project: Option<&Loaded>, wanted: bool) -> Self {
        let realms = project.into_iter().flat_map(|loaded| loaded.desired.realms.values());
        let fields = realms.flat_map(|realm| realm.objects.values()).flat_map(|object| object.fields.values());
        let names = fields.filter_map(|declared| match &declared.value {
            Value::Secret(SecretRef::Env(name)) => Some(name.clone()),
            _ => None,
        });
        Self { wanted, taken: names.collect(), uses: Vec::new(), values: Secrets::new() }
    }

    /// A reference for each secret of a realm.
    pub(super) fn name(&mut self, content: &Content, live: &LiveRealm) -> References {
        let mut references = References::new();
        if !self.wanted {
            return references;
        }
        let secrets = content.iter().flat_map(|(address, leaves)| {
            leaves.iter().filter(|(_, shown)| **shown == Shown::Secret).map(move |(path, _)| (address, path))
        });
        for (address, path) in secrets {
            let name = self.unique(name(address, path));
            let reference = SecretRef::Env(name.clone());
            let value = live.objects.get(address).and_then(|object| object.fields.get(path));
            match value {
                Some(LiveValue::Secret(value)) => drop(self.values.insert(reference.clone(), value.clone())),
                // Only this project knows that it is one.
                Some(LiveValue::Json(value)) if value.is_string() => {
                    self.values.insert(reference.clone(), value.as_str().unwrap_or_default().into());
                }
                _ => {}
            }
            self.uses.push((name, address.clone(), path.clone()));
            references.insert((address.clone(), path.clone()), reference);
        }
        references
    }

    fn unique(&mut self, name: String) -> String {
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !self.taken.contains(name));
        let free = free.unwrap_or(name);
        self.taken.insert(free.clone());
        free
    }

    /// The values that the server reveals.
    pub(super) fn values(&self) -> &Secrets {
        &self.values
    }

    /// What to set before the next plan; never a value.
    pub(super) fn list(&self, file: Option<&Path>) -> String {
        if self.uses.is_empty() {
            return String::new();
        }
        let mut text = match file {
            Some(file) => {
                format!("\nVariables, those that the server reveals with their values in {}:\n", file.display())
            }
            None => "\nVariables to set before the next plan:\n".to_owned(),
        };
        let width = self.uses.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
        for (name, address, path) in &self.uses {
            let hidden = if self.value(name).is_some() { "" } else { "  (hidden by the server)" };
            text.push_str(&format!("  {name:width$}  {address} {path}{hidden}\n"));
        }
        text
    }

    fn value(&self, name: &str) -> Option<&SecretString> {
        self.values.get(&SecretRef::Env(name.to_owned()))
    }

    /// A file that a shell understands: `set -a; . FILE`.
    pub(super) fn file(&self) -> SecretString {
        let mut text = String::new();
        for (name, address, path) in &self.uses {
            match self.value(name) {
                Some(value) => text.push_str(&format!("{name}={}\n", *shell_quoted(value.expose_secret()))),
                None => text.push_str(&format!("# The server hides this one: {address} {path}\n# {name}=\n")),
            }
        }
        text.into()
    }
}

/// `ACME_SHOP_SECRET`, `ACME_ENTRA_CLIENT_SECRET`: the realm, the names on the way to the object, and the field.
fn name(address: &Address, path: &FieldPath) -> String {
    let above: Vec<Address> = std::iter::successors(Some(address.clone()), Address::parent).collect();
    let mut parts: Vec<&str> = above.iter().rev().map(Address::name).collect();
    // What only groups other fields says nothing about this one.
    let fields: Vec<&str> = path.parts().collect();
    let is_grouped = matches!(fields.first(), Some(&("config" | "attributes" | "executions")));
    parts.extend(&fields[usize::from(is_grouped)..]);
    let mut name = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        let word = words(part);
        if !word.is_empty() {
            name.push_str(if name.is_empty() { "" } else { "_" });
            name.push_str(&word);
        }
    }
    // A variable begins with no digit.
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// `clientSecret` → `CLIENT_SECRET`.
fn words(text: &str) -> String {
    let mut words = String::new();
    let mut before = ' ';
    for c in text.chars() {
        let begins = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && before.is_ascii_lowercase());
        if begins && !words.is_empty() && !words.ends_with('_') {
            words.push('_');
        }
        if c.is_ascii_alphanumeric() {
            words.push(c.to_ascii_uppercase());
        }
        before = c;
    }
    words.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kinds;

    #[test]
    fn a_variable_says_what_it_is_for() {
        let realm = Address::realm("customer-acme");
        let of = |address: &Address, path: &[&str]| name(address, &FieldPath::new(path.iter().copied()));
        assert_eq!(of(&realm, &["smtpServer", "password"]), "CUSTOMER_ACME_SMTP_SERVER_PASSWORD");
        assert_eq!(of(&realm.child(&kinds::CLIENT, "shop"), &["secret"]), "CUSTOMER_ACME_SHOP_SECRET");
        let provider = realm.child(&kinds::IDENTITY_PROVIDER, "entra");
        assert_eq!(of(&provider, &["config", "clientSecret"]), "CUSTOMER_ACME_ENTRA_CLIENT_SECRET");
        let saml = realm.child(&kinds::CLIENT, "https://sp.example/meta");
        let key = ["attributes", "saml.signing.private.key"];
        assert_eq!(of(&saml, &key), "CUSTOMER_ACME_HTTPS_SP_EXAMPLE_META_SAML_SIGNING_PRIVATE_KEY");
        assert_eq!(of(&Address::realm("7").child(&kinds::CLIENT, "ü"), &["secret"]), "_7_SECRET");
    }

    #[test]
    fn names_are_unique() {
        let mut variables = Variables::new(None, true);
        let names = ["A", "A", "A_2", "A"].map(|name| variables.unique(name.to_owned()));
        assert_eq!(names, ["A", "A_2", "A_2_2", "A_3"]);
    }

    #[test]
    fn a_shell_reads_any_value() {
        assert_eq!(*shell_quoted("it's $HOME\n\"x\""), "'it'\\''s $HOME\n\"x\"'");
    }
}
