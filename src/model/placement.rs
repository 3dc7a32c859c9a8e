//! Where among the servers of a fleet a realm may be.

use std::collections::BTreeMap;
use std::fmt;

/// What the files say of the server of a realm, where there are several. Without anything said, any will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The one server that it is on.
    pub server: Option<String>,
    /// What labels the server has, by name.
    pub labels: BTreeMap<String, String>,
}

impl fmt::Display for Placement {
    /// As a person would say it after "a server": `with region = eu, tier = gold`; nothing where any will do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> = self.labels.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        match (&self.server, labels.as_slice()) {
            (Some(server), _) => write!(f, "called {server}"),
            (None, []) => Ok(()),
            (None, labels) => write!(f, "with {}", labels.join(", ")),
        }
    }
}
