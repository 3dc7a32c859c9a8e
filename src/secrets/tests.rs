//! Finding secrets, as far as that takes no server.
#![expect(clippy::disallowed_methods, reason = "tests make files")]

use super::resolver::generated;
use super::*;
use crate::desired::{SecretProgram, SecretSources};
use crate::model::SecretRef;
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

fn env(name: &str) -> SecretRef {
    SecretRef::Env(name.into())
}

fn file(path: &str) -> SecretRef {
    SecretRef::File(path.into())
}

fn vault(path: &str) -> SecretRef {
    SecretRef::Vault { path: path.into(), key: "k".into() }
}

fn program(provider: &str, key: &str) -> SecretRef {
    SecretRef::Program { provider: provider.into(), key: key.into() }
}

/// `SET`, `EMPTY` and, with bytes that are no text, `BYTES` are set.
fn resolver(project: &TempDir) -> Resolver {
    with_sources(project, &SecretSources::default())
}

fn with_sources(project: &TempDir, sources: &SecretSources) -> Resolver {
    Resolver::new(project.path(), sources).with_env(|name| match name {
        "SET" => Some("of env\n".into()),
        "EMPTY" => Some(OsString::new()),
        #[cfg(unix)]
        "BYTES" => Some(std::os::unix::ffi::OsStringExt::from_vec(b"hunter2\xff".to_vec())),
        _ => None,
    })
}

async fn value(resolver: &Resolver, reference: &SecretRef) -> String {
    let values = resolver.resolve_all([reference]).await.unwrap();
    values[reference].expose_secret().to_owned()
}

async fn error(resolver: &Resolver, reference: &SecretRef) -> SecretError {
    let mut unresolved = resolver.resolve_all([reference]).await.unwrap_err();
    assert_eq!(unresolved.len(), 1);
    let Unresolved { references, error } = unresolved.remove(0);
    assert_eq!(references, std::slice::from_ref(reference));
    error
}

#[tokio::test]
async fn values_come_from_the_environment_and_from_files() {
    let project = TempDir::new().unwrap();
    let resolver = resolver(&project);
    assert_eq!(value(&resolver, &env("SET")).await, "of env\n");
    for (content, expected) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a\r", " a\r")] {
        fs::write(project.path().join("secret"), content).unwrap();
        assert_eq!(value(&resolver, &file("secret")).await, expected, "{content:?}");
    }
    let absolute = file(project.path().join("secret").to_str().unwrap());
    assert_eq!(value(&Resolver::new("elsewhere", &SecretSources::default()), &absolute).await, " a\r");
    let of_the_server = [SecretRef::Keep, SecretRef::Generate { length: 20, of: "a.secret".into() }];
    assert!(resolver.resolve_all(&of_the_server).await.unwrap().is_empty());
}

#[tokio::test]
async fn errors_name_the_reference() {
    let project = TempDir::new().unwrap();
    fs::write(project.path().join("empty"), "\n").unwrap();
    let resolver = resolver(&project);
    for (reference, expected) in [
        (env("UNSET"), "the environment variable UNSET is not set"),
        (env("EMPTY"), r#"the secret { env = "EMPTY" } is empty"#),
        (file("gone/x"), "cannot read the secret file gone/x: No such file or directory (os error 2)"),
        (file("empty"), r#"the secret { file = "empty" } is empty"#),
        (vault("kv/a"), "nothing says where the vault is"),
        (program("op", "a"), "no project file here declares the program op"),
    ] {
        assert_eq!(error(&resolver, &reference).await.to_string(), expected);
    }
}

#[tokio::test]
async fn errors_never_hold_the_value() {
    let project = TempDir::new().unwrap();
    fs::write(project.path().join("bytes"), b"hunter2\xff").unwrap();
    let references = [
        file("bytes"),
        #[cfg(unix)]
        env("BYTES"),
    ];
    for reference in &references {
        let error = error(&resolver(&project), reference).await;
        assert_eq!(error.to_string(), format!("the secret {reference} is not UTF-8"));
        // 104, 117, 110 are the bytes of "hun", as a `Vec<u8>` would show them.
        assert!(!format!("{error:?}").contains("104") && !format!("{error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn all_missing_references_are_reported_together_and_once() {
    let project = TempDir::new().unwrap();
    let resolver = resolver(&project);
    let references =
        [file("gone"), env("B"), env("SET"), SecretRef::Keep, env("A"), env("B"), vault("b/c"), vault("a/c")];
    let unresolved = resolver.resolve_all(&references).await.unwrap_err();
    let told: Vec<_> = unresolved.iter().map(|it| (it.error.to_string(), it.references.len())).collect();
    let unset = |name| format!("the environment variable {name} is not set");
    let of_both = "nothing says where the vault is".to_owned();
    let gone = "cannot read the secret file gone: No such file or directory (os error 2)".to_owned();
    assert_eq!(told, [(unset("A"), 1), (unset("B"), 1), (gone, 1), (of_both, 2)]);

    let values = resolver.resolve_all(&[env("SET"), SecretRef::Keep, env("SET")]).await.unwrap();
    assert_eq!(values.keys().collect::<Vec<_>>(), [&env("SET")]);
    let (values, unresolved) = resolver.resolve_some(&references).await;
    assert_eq!((values.len(), unresolved.len()), (1, 4));
}

#[tokio::test]
async fn each_reference_is_looked_up_once() {
    static LOOKUPS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let resolver = Resolver::new("", &SecretSources::default()).with_env(|name| {
        LOOKUPS.lock().unwrap().push(name.to_owned());
        Some("value".into())
    });
    resolver.resolve_all(&[env("A"), env("B"), env("A")]).await.unwrap();
    assert_eq!(*LOOKUPS.lock().unwrap(), ["A", "B"]);
}

#[cfg(unix)]
#[tokio::test]
async fn programs_print_values() {
    let project = TempDir::new().unwrap();
    fs::write(project.path().join("a key"), "of a file\n").unwrap();
    let declared = |name: &str, command: &[&str], timeout| {
        let command = command.iter().map(|&part| part.to_owned()).collect();
        (name.to_owned(), SecretProgram { command, timeout: Duration::from_millis(timeout) })
    };
    let programs = [
        declared("cat", &["cat", "{}"], 30_000),
        declared("within", &["printf", "%s", "<{}>"], 30_000),
        declared("slow", &["sh", "-c", "sleep 60; echo {}"], 50),
        declared("gone", &["no-such-program", "{}"], 30_000),
    ];
    let sources = SecretSources { programs: programs.into(), ..SecretSources::default() };
    let resolver = with_sources(&project, &sources);
    assert_eq!(value(&resolver, &program("cat", "a key")).await, "of a file");
    // What is asked for is one argument, and nothing that a shell would see.
    assert_eq!(value(&resolver, &program("within", "a b; $(c)")).await, "<a b; $(c)>");
    let started = std::time::Instant::now();
    for (reference, expected) in [
        (
            program("cat", "none"),
            "cat does not give none: cat ended with exit status: 1: cat: none: No such file or directory",
        ),
        (program("slow", "x"), "slow does not give x: sh took longer than 0 seconds"),
        (program("gone", "x"), "gone does not give x: there is no program no-such-program"),
    ] {
        assert_eq!(error(&resolver, &reference).await.to_string(), expected);
    }
    assert!(started.elapsed() < Duration::from_secs(30));
    // Nothing is started for a server that is thrown away.
    let thrown_away = with_sources(&project, &sources).with_throwaway_values();
    assert_ne!(value(&thrown_away, &program("cat", "a key")).await, "of a file");
}

#[tokio::test]
async fn throwaway_values_stand_in_for_what_is_missing() {
    let project = TempDir::new().unwrap();
    fs::write(project.path().join("bytes"), b"\xff").unwrap();
    let resolver = || resolver(&project).with_throwaway_values();
    let first = resolver();
    let made_up = [env("EMPTY"), env("UNSET"), file("gone"), vault("kv/a")];
    let mut values = BTreeSet::new();
    for reference in &made_up {
        values.insert(value(&first, reference).await);
        assert!(values.contains(&value(&resolver(), reference).await), "the same in the whole process");
    }
    assert_eq!(values.len(), 4, "each reference has its own");
    assert_eq!(value(&first, &env("SET")).await, "of env\n");
    assert!(matches!(error(&first, &file("bytes")).await, SecretError::NotUtf8 { .. }));
    assert_eq!(first.made_up(), made_up);
}

#[test]
fn generated_values_satisfy_password_policies() {
    for length in (16..=128).cycle().take(1000) {
        let value = generated(length);
        let value = value.expose_secret();
        assert_eq!(value.len(), usize::from(length));
        assert!(value.starts_with(|c: char| c.is_ascii_uppercase()));
        assert!(value.contains(|c: char| c.is_ascii_lowercase()) && value.contains(|c: char| c.is_ascii_digit()));
        assert!(value.contains(['-', '_']));
    }
    assert_ne!(generated(40).expose_secret(), generated(40).expose_secret());
}

#[tokio::test]
async fn debug_shows_no_value() {
    let project = TempDir::new().unwrap();
    let resolver = resolver(&project).with_throwaway_values();
    let made_up = value(&resolver, &env("UNSET")).await;
    let values = resolver.resolve_all(&[env("SET"), env("UNSET")]).await.unwrap();
    let shown = format!("{resolver:?} {values:?} {values:#?}");
    assert!(!shown.contains(&made_up) && !shown.contains("of env"), "{shown}");
    assert!(shown.contains("UNSET"));
}
