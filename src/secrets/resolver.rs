//! From a reference to its value.
#![expect(clippy::disallowed_methods, reason = "secrets/ is the room that reads secret files")]

use super::SecretError;
use crate::model::SecretRef;
use rand::seq::{IndexedRandom, SliceRandom};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

/// From a variable's name to its value.
type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// Finds the values of secrets in the environment and in files.
pub struct Resolver {
    /// Where relative file paths start.
    project: PathBuf,
    env: Box<Lookup>,
    throwaway: bool,
    made_up: Mutex<BTreeSet<SecretRef>>,
}

impl Resolver {
    /// A resolver over the process's environment and the files of the folder `project`.
    pub fn new(project: impl Into<PathBuf>) -> Self {
        Self {
            project: project.into(),
            env: Box::new(|name| std::env::var_os(name)),
            throwaway: false,
            made_up: Mutex::default(),
        }
    }

    /// Looks environment variables up with `env` instead.
    #[must_use]
    pub fn with_env(mut self, env: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        self.env = Box::new(env);
        self
    }

    /// Gives a secret whose source is missing or empty a random value, for servers that are thrown
    /// away. (CI systems hand secrets that a job may not see to it as empty variables.) The value
    /// is the same for the same reference in the whole process. What is there and wrong, such as a
    /// file without permission, stays an error.
    #[must_use]
    pub fn with_throwaway_values(mut self) -> Self {
        self.throwaway = true;
        self
    }

    /// The value of `reference`; `None` for [`SecretRef::Keep`], whose value only the server has.
    pub fn resolve(&self, reference: &SecretRef) -> Result<Option<SecretString>, SecretError> {
        let found = match reference {
            SecretRef::Env(name) => self.read_env(name),
            SecretRef::File(path) => self.read_file(path),
            SecretRef::Keep => return Ok(None),
        };
        match found.and_then(|text| checked(text, reference)) {
            Err(error) if self.throwaway && error.is_missing() => Ok(Some(self.make_up(reference))),
            found => found.map(Some),
        }
    }

    /// The values of all `references` but the kept ones, each looked up once.
    ///
    /// # Errors
    /// Every reference without a value, so that they can be put right in one go; in the references'
    /// order.
    pub fn resolve_all<'a>(
        &self,
        references: impl IntoIterator<Item = &'a SecretRef>,
    ) -> Result<BTreeMap<SecretRef, SecretString>, Vec<SecretError>> {
        let (mut values, mut errors) = (BTreeMap::new(), Vec::new());
        for reference in references.into_iter().collect::<BTreeSet<_>>() {
            match self.resolve(reference) {
                Ok(Some(value)) => drop(values.insert(reference.clone(), value)),
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(values) } else { Err(errors) }
    }

    /// The references that this resolver gave a random value so far, sorted.
    pub fn made_up(&self) -> Vec<SecretRef> {
        self.made_up.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn read_env(&self, name: &str) -> Result<Vec<u8>, SecretError> {
        let value = (self.env)(name).ok_or_else(|| SecretError::NotSet { name: name.to_owned() })?;
        Ok(value.into_encoded_bytes())
    }

    /// One line end at the end is taken away: editors and `echo` add it, and no one means it.
    fn read_file(&self, path: &Path) -> Result<Vec<u8>, SecretError> {
        let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
        let mut content = fs::read(self.project.join(path)).map_err(unreadable)?;
        if content.pop_if(|last| *last == b'\n').is_some() {
            content.pop_if(|last| *last == b'\r');
        }
        Ok(content)
    }

    fn make_up(&self, reference: &SecretRef) -> SecretString {
        self.made_up.lock().unwrap_or_else(PoisonError::into_inner).insert(reference.clone());
        let mut values = THROWAWAY_VALUES.lock().unwrap_or_else(PoisonError::into_inner);
        values.entry(reference.clone()).or_insert_with(throwaway_value).clone()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, env: _, throwaway, made_up } = self;
        let mut shown = f.debug_struct("Resolver");
        shown.field("project", project).field("throwaway", throwaway).field("made_up", made_up);
        shown.finish_non_exhaustive()
    }
}

/// Of the process and not of a resolver, because a command plans, applies and plans again, and a
/// value that changed in between would be a difference.
static THROWAWAY_VALUES: LazyLock<Mutex<BTreeMap<SecretRef, SecretString>>> = LazyLock::new(Mutex::default);

/// The error that the standard library has for text that is not UTF-8 holds the text, and so is
/// dropped here.
fn checked(value: Vec<u8>, reference: &SecretRef) -> Result<SecretString, SecretError> {
    match String::from_utf8(value) {
        Ok(text) if text.is_empty() => Err(SecretError::Empty { reference: reference.clone() }),
        Ok(text) => Ok(text.into()),
        Err(_) => Err(SecretError::NotUtf8 { reference: reference.clone() }),
    }
}

/// 32 random characters that need no quoting in a shell or URL, with one of each class that a
/// realm's password policy may ask for.
fn throwaway_value() -> SecretString {
    const CLASSES: [&[u8]; 4] = [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnopqrstuvwxyz", b"23456789", b"-_"];
    const LENGTH: usize = 32;
    let mut random = rand::rng();
    let letters = CLASSES[..3].concat();
    let pools = CLASSES.into_iter().chain(std::iter::repeat(letters.as_slice())).take(LENGTH);
    let mut characters: Vec<char> =
        pools.filter_map(|pool| pool.choose(&mut random)).map(|byte| char::from(*byte)).collect();
    // A value that begins with `-` would be taken for an option on a command line.
    characters[1..].shuffle(&mut random);
    characters.into_iter().collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use tempfile::TempDir;

    fn env(name: &str) -> SecretRef {
        SecretRef::Env(name.into())
    }

    fn file(path: &str) -> SecretRef {
        SecretRef::File(path.into())
    }

    /// `SET`, `EMPTY` and, with bytes that are no text, `BYTES` are set.
    fn resolver(project: &TempDir) -> Resolver {
        Resolver::new(project.path()).with_env(|name| match name {
            "SET" => Some("of env\n".into()),
            "EMPTY" => Some(OsString::new()),
            #[cfg(unix)]
            "BYTES" => Some(std::os::unix::ffi::OsStringExt::from_vec(b"hunter2\xff".to_vec())),
            _ => None,
        })
    }

    fn value(resolver: &Resolver, reference: &SecretRef) -> String {
        resolver.resolve(reference).unwrap().unwrap().expose_secret().to_owned()
    }

    fn error(resolver: &Resolver, reference: &SecretRef) -> String {
        resolver.resolve(reference).unwrap_err().to_string()
    }

    #[test]
    fn values_come_from_the_environment_and_from_files() {
        let project = TempDir::new().unwrap();
        let resolver = resolver(&project);
        assert_eq!(value(&resolver, &env("SET")), "of env\n");
        for (content, expected) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a\r", " a\r")] {
            fs::write(project.path().join("secret"), content).unwrap();
            assert_eq!(value(&resolver, &file("secret")), expected, "{content:?}");
        }
        let absolute = SecretRef::File(project.path().join("secret"));
        assert_eq!(value(&Resolver::new("elsewhere"), &absolute), " a\r");
        assert!(resolver.resolve(&SecretRef::Keep).unwrap().is_none());
    }

    #[test]
    fn errors_name_the_reference() {
        let project = TempDir::new().unwrap();
        fs::write(project.path().join("empty"), "\n").unwrap();
        let resolver = resolver(&project);
        assert_eq!(error(&resolver, &env("UNSET")), "the environment variable UNSET is not set");
        assert_eq!(error(&resolver, &env("EMPTY")), r#"the secret { env = "EMPTY" } is empty"#);
        assert_eq!(error(&resolver, &file("gone/x")), "cannot read the secret file gone/x");
        assert_eq!(error(&resolver, &file("empty")), r#"the secret { file = "empty" } is empty"#);
    }

    #[test]
    fn errors_never_hold_the_value() {
        let project = TempDir::new().unwrap();
        fs::write(project.path().join("bytes"), b"hunter2\xff").unwrap();
        let references = [
            file("bytes"),
            #[cfg(unix)]
            env("BYTES"),
        ];
        for reference in &references {
            let error = resolver(&project).resolve(reference).unwrap_err();
            assert_eq!(error.to_string(), format!("the secret {reference} is not UTF-8"));
            // 104, 117, 110 are the bytes of "hun", as a `Vec<u8>` would show them.
            assert!(!format!("{error:?}").contains("104") && !format!("{error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn all_missing_references_are_reported_together_and_once() {
        let project = TempDir::new().unwrap();
        let resolver = resolver(&project);
        let references = [file("gone"), env("B"), env("SET"), SecretRef::Keep, env("A"), env("B")];
        let errors = resolver.resolve_all(&references).unwrap_err();
        let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
        let unset = |name| format!("the environment variable {name} is not set");
        assert_eq!(messages, [unset("A"), unset("B"), "cannot read the secret file gone".to_owned()]);

        let values = resolver.resolve_all(&[env("SET"), SecretRef::Keep, env("SET")]).unwrap();
        assert_eq!(values.keys().collect::<Vec<_>>(), [&env("SET")]);
    }

    #[test]
    fn each_reference_is_looked_up_once() {
        static LOOKUPS: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let resolver = Resolver::new("").with_env(|name| {
            LOOKUPS.lock().unwrap().push(name.to_owned());
            Some("value".into())
        });
        resolver.resolve_all(&[env("A"), env("B"), env("A")]).unwrap();
        assert_eq!(*LOOKUPS.lock().unwrap(), ["A", "B"]);
    }

    #[test]
    fn throwaway_values_stand_in_for_what_is_missing() {
        let project = TempDir::new().unwrap();
        fs::write(project.path().join("bytes"), b"\xff").unwrap();
        let resolver = || resolver(&project).with_throwaway_values();
        let first = resolver();
        let made_up = [env("EMPTY"), env("UNSET"), file("gone")];
        let values: BTreeSet<_> = made_up.iter().map(|reference| value(&first, reference)).collect();
        assert_eq!(values.len(), 3, "each reference has its own");
        assert_eq!(
            made_up.each_ref().map(|reference| value(&resolver(), reference)).into_iter().collect::<BTreeSet<_>>(),
            values
        );
        assert_eq!(value(&first, &env("SET")), "of env\n");
        assert!(first.resolve(&file("bytes")).is_err());
        assert_eq!(first.made_up(), made_up);
    }

    #[test]
    fn throwaway_values_satisfy_password_policies() {
        for _ in 0..1000 {
            let value = throwaway_value();
            let value = value.expose_secret();
            assert_eq!(value.len(), 32);
            assert!(value.starts_with(|c: char| c.is_ascii_uppercase()));
            assert!(value.contains(|c: char| c.is_ascii_lowercase()) && value.contains(|c: char| c.is_ascii_digit()));
            assert!(value.contains(['-', '_']));
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let project = TempDir::new().unwrap();
        let resolver = resolver(&project).with_throwaway_values();
        let made_up = value(&resolver, &env("UNSET"));
        let values = resolver.resolve_all(&[env("SET"), env("UNSET")]).unwrap();
        let shown = format!("{resolver:?} {values:?} {values:#?}");
        assert!(!shown.contains(&made_up) && !shown.contains("of env"), "{shown}");
        assert!(shown.contains("UNSET"));
    }
}
