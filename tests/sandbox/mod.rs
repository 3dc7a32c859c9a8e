//! The sandbox serves, guards what it uses, and leaves nothing behind.

#[cfg(unix)]
mod supervise;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use realmform::sandbox::{self, Environment, Options, Quiet, SandboxError};
use secrecy::ExposeSecret;
use walkdir::WalkDir;

use crate::support;

/// Makes [`owner`] one; without it that test does nothing.
const OWNER: &str = "REALMFORM_TEST_OWNER";

fn client() -> reqwest::Client {
    let ca = std::fs::read(support::server().ca_file()).unwrap();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
        .build()
        .unwrap()
}

#[tokio::test]
async fn answers_over_http_and_https() {
    let server = support::server();
    for (url, host) in [
        (server.http_url(), "http://127.0.0.1:"),
        (server.https_url(), "https://localhost:"),
        (&server.https_url().replace("localhost", "127.0.0.1"), "https://127.0.0.1:"),
    ] {
        assert!(url.starts_with(host), "{url}");
        let answer = client().get(format!("{url}/realms/master")).send().await;
        assert!(answer.unwrap().status().is_success(), "{url}");
    }
}

#[tokio::test]
async fn trusts_no_other_authority() {
    let server = support::server();
    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/realms/master", server.https_url());
    assert!(stranger.get(url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn the_administrator_can_sign_in() {
    let server = support::server();
    let sign_in = [
        ("grant_type", "password"),
        ("client_id", "admin-cli"),
        ("username", server.admin_user()),
        ("password", server.admin_password().expose_secret()),
    ];
    let url = format!("{}/realms/master/protocol/openid-connect/token", server.http_url());
    let answer = client().post(url).form(&sign_in).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let token: serde_json::Value = answer.json().await.unwrap();
    let url = format!("{}/admin/serverinfo", server.http_url());
    let answer = client().get(url).bearer_auth(token["access_token"].as_str().unwrap());
    let info: serde_json::Value = answer.send().await.unwrap().json().await.unwrap();
    assert_eq!(info["systemInfo"]["version"], server.version());
    assert!(!format!("{server:?}").contains(server.admin_password().expose_secret()));
}

#[tokio::test]
async fn counts_requests() {
    let server = support::server();
    if support::is_26_0("it cannot write an access log to a file") {
        return;
    }
    let url = format!("{}/realms/master?counted=1", server.http_url());
    for _ in 0..3 {
        client().get(&url).send().await.unwrap();
    }
    let log = server.access_log_file().unwrap();
    eventually("three lines", || {
        let log = std::fs::read_to_string(log).unwrap_or_default();
        let times = log.lines().filter_map(|line| line.strip_prefix("GET /realms/master?counted=1 200 "));
        times.filter(|time| time.parse::<u64>().is_ok()).count() == 3
    });
}

/// Two servers run at once here: the shared one, and the one whose owner is killed.
#[test]
fn a_killed_owner_leaves_nothing_behind() {
    support::server();
    let cache = sandbox::cache_folder(&Environment::current()).unwrap();
    let before = listing(&cache);
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::owner", "--ignored", "--nocapture"])
        .env(OWNER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (address, folder) = announced(&mut owner);
    assert!(std::net::TcpStream::connect(&address).is_ok());
    assert!(folder.join("server.log").is_file());

    // SIGKILL: nothing in the owner gets to run.
    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("the server's end", || std::net::TcpStream::connect(&address).is_err());
    eventually("the folder's end", || !folder.exists());
    assert_eq!(before, listing(&cache), "a run changed the cache");
}

#[test]
#[ignore = "not a test: the process that a_killed_owner_leaves_nothing_behind kills"]
fn owner() {
    if std::env::var_os(OWNER).is_some() {
        let server = support::start(Options::new(support::realmform()));
        let address = server.http_url().trim_start_matches("http://");
        println!("\nowner {address} {}", server.folder().display());
        std::thread::sleep(Duration::from_secs(600));
    }
}

fn announced(owner: &mut Child) -> (String, PathBuf) {
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("owner "));
    let line = line.expect("the owner starts a server");
    let (address, folder) = line["owner ".len()..].split_once(' ').unwrap();
    (address.to_owned(), folder.into())
}

#[tokio::test]
async fn says_what_is_missing() {
    let empty = tempfile::tempdir().unwrap();
    let error = fails(hermetic(empty.path())).await;
    assert!(matches!(error, SandboxError::NothingToRun { .. }), "{error:?}");
    insta::assert_snapshot!(error, @r"
    no way to run Keycloak 26.7.4 here
      Java: not found in JAVA_HOME or PATH
      Maven: no mvn on PATH
      Container engine: neither docker nor podman on PATH

    Any one of these is enough:
      - Java 17 or newer and Maven (Debian, Ubuntu: apt install default-jdk-headless maven; Fedora: dnf install java-latest-openjdk-headless maven; macOS: brew install openjdk maven)
      - Java 17 or newer, and KEYCLOAK_HOME set to an unpacked Keycloak (https://www.keycloak.org/downloads)
      - Docker or Podman, running
    ");
}

#[cfg(unix)]
#[tokio::test]
async fn refuses_an_old_java() {
    let empty = tempfile::tempdir().unwrap();
    let bin = empty.path().join("bin");
    script(&bin, "java", r#"echo 'openjdk version "11.0.2"' >&2"#);
    let error = fails(hermetic(empty.path()).with("JAVA_HOME", empty.path())).await;
    let text = error.to_string();
    assert!(text.contains("is Java 11, Keycloak needs 17"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn quotes_a_failing_maven_and_keeps_nothing_of_it() {
    let empty = tempfile::tempdir().unwrap();
    let bin = empty.path().join("bin");
    script(&bin, "java", r#"echo 'openjdk version "21"' >&2"#);
    script(&bin, "mvn", "echo '[ERROR] no such host'; exit 1");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let error = fails(hermetic(empty.path()).with("PATH", path).with("JAVA_HOME", empty.path())).await;
    insta::assert_snapshot!(error, @r"
    Maven could not fetch org.keycloak:keycloak-quarkus-dist:26.7.4:zip; its last lines:
    [ERROR] no such host
    ");
    let left: Vec<_> = listing(&empty.path().join("cache")).into_keys().collect();
    assert_eq!(left, [Path::new("lock")]);
}

#[tokio::test]
async fn refuses_a_wrong_keycloak_home() {
    let empty = tempfile::tempdir().unwrap();
    let error = fails(hermetic(empty.path()).with("KEYCLOAK_HOME", empty.path())).await;
    assert!(matches!(error, SandboxError::NoDistribution(_)), "{error:?}");
}

async fn fails(environment: Environment) -> SandboxError {
    let options = Options { environment, ..Options::new(support::realmform()) };
    sandbox::start(&options, &Quiet).await.unwrap_err()
}

/// An environment in which there is nothing.
fn hermetic(folder: &Path) -> Environment {
    Environment::current()
        .with("PATH", folder)
        .with("HOME", folder)
        .with("JAVA_HOME", "")
        .with("KEYCLOAK_HOME", "")
        .with("REALMFORM_CACHE_DIR", folder.join("cache"))
}

#[cfg(unix)]
fn script(folder: &Path, name: &str, body: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Every file with its size and time of change.
fn listing(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let files = WalkDir::new(folder).into_iter().map(Result::unwrap);
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let (path, metadata) = (entry.path().strip_prefix(folder), entry.metadata().unwrap());
            (path.unwrap().to_owned(), (metadata.len(), metadata.modified().unwrap()))
        })
        .collect()
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
