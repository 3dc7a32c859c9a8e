//! The environment variables that the sandbox looks at and hands on.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// Settings of the surrounding shell for some *other* Keycloak, which would change the sandbox or break its start.
const FOREIGN: [&str; 3] = ["KC_", "KEYCLOAK_", "QUARKUS_"];

/// A set of environment variables: this process's, or a test's.
#[derive(Clone)]
pub struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// The variables of this process.
    pub fn current() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// The same variables with one set or replaced.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.0.retain(|(known, _)| !same_name(known, name));
        self.0.push((name.into(), value.into()));
        self
    }

    /// A variable's value; an empty one counts as absent, as in a shell's `${NAME:-…}`.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0
            .iter()
            .find(|(known, value)| same_name(known, name) && !value.is_empty())
            .map(|(_, value)| value.as_os_str())
    }

    /// A variable that holds a path.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// What a program started for the sandbox sees: everything but settings for other Keycloaks.
    pub(super) fn inherited(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0
            .iter()
            .filter(|(name, _)| {
                let name = name.to_string_lossy().to_uppercase();
                !FOREIGN.iter().any(|prefix| name.starts_with(prefix))
            })
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// A program on `PATH`.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        let path = self.get("PATH")?;
        which::which_in_global(name, Some(path)).ok()?.next()
    }
}

/// The names alone: the values of an environment are full of secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Windows ignores the case of variable names.
fn same_name(known: &OsStr, name: &str) -> bool {
    if cfg!(windows) { known.eq_ignore_ascii_case(name) } else { known == name }
}
