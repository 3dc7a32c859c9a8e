//! How three real servers and their realms are, for people and for programs.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use realmform::fleet::{About, RealmStatus, ServerStatus, State, Status};
use realmform::model::Record;
use realmform::render::html;
use serde_json::{Value, json};

use crate::fleet::{Fleet, servers};
use crate::schemas::Validator;
use crate::support::admin::Admin;
use crate::support::chromium::Chromium;
use crate::support::debian::chromium;
use crate::support::program::{Program, stdout};

/// What a status says for programs.
#[track_caller]
fn status(fleet: &Fleet, arguments: &[&str]) -> Value {
    let printed = fleet.run(0, &[&["status", "--format", "json"], arguments].concat());
    let status = serde_json::from_str(stdout(&printed)).unwrap();
    assert_eq!(Validator::of("output-status").errors_in(&status), "");
    status
}

/// `realm on server: state`, in their order.
fn realms(status: &Value) -> Vec<String> {
    let realms = status["realms"].as_array().unwrap().iter();
    let told = realms.map(|realm| {
        let text = |field: &str| realm[field].as_str().unwrap_or("?").to_owned();
        format!("{} on {}: {}", text("name"), text("server"), text("state"))
    });
    told.collect()
}

#[test]
fn what_is_wrong_comes_first() {
    let fleet = Fleet::new(["maxRealms = 4", "", ""]);
    let on = |server: &str, more: &str| format!("placement = {{ server = \"{server}\" }}\n{more}");
    for (name, server) in [("calm", "a"), ("moved", "a"), ("twice", "b"), ("edited", "c"), ("gone", "c")] {
        fleet.realm(name, &on(server, "displayName = \"As applied\"\n"));
    }
    fleet.apply();
    let well = fleet.run(0, &["status", "--drift", "--detailed-exitcode"]);
    assert!(well.contains("3 servers, 5 realms: nothing wrong.\n"), "{well}");

    Admin::at("moved", &servers()[0]).put("", &json!({ "displayName": "By hand" }));
    Admin::at("twice", &servers()[0]).post_realm(&json!({ "realm": "twice" }));
    Admin::at("foreign", &servers()[1]).post_realm(&json!({ "realm": "foreign" }));
    fleet.realm("edited", &on("c", "displayName = \"Edited\"\n"));
    fleet.realm("new", &on("b", ""));
    fleet.remove("gone");
    fleet.commit();
    let printed = fleet.run(2, &["status", "--drift", "--detailed-exitcode"]);
    let expected = [
        "moved on a: drift",
        "twice on a: duplicate",
        "gone on c: left",
        "edited on c: pending",
        "new on b: new",
        "calm on a: inStep",
        "twice on b: inStep",
        "foreign on b: foreign",
    ];
    let seen = status(&fleet, &["--drift"]);
    assert_eq!(realms(&seen), expected);
    assert_eq!((&seen["wrong"], &seen["compared"]), (&json!(true), &json!(true)));
    assert_eq!(seen["servers"][0]["ignored"], json!(["twice"]));
    assert_eq!((&seen["servers"][0]["realms"], &seen["servers"][0]["limit"]), (&json!(3), &json!(4)));
    assert!(seen["servers"][0]["version"].as_str().unwrap().starts_with("26."), "{seen}");
    let commit = seen["realms"][0]["applied"]["commit"].as_str().unwrap();
    assert!(printed.contains("! moved    a  drift: 1 object  "), "{printed}");
    assert!(printed.contains(&format!("{} at ", &commit[..7])), "{printed}");

    // Without --drift the realms are not compared, and everything else is the same, for one request a realm.
    let cheap = status(&fleet, &[]);
    let expected = expected.map(|line| if line.starts_with("moved") { "moved on a: inStep" } else { line });
    let mut told = realms(&cheap);
    told.sort();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(told, expected);
    let counted = fleet.run(0, &["status", "--requests"]);
    // Of each server: signing in, its realms, its version; and the record of each of the seven realms.
    assert!(counted.contains("\n16 requests\n"), "{counted}");

    the_page(&fleet);

    // A server that is down is shown, and so is what may be on it.
    fleet.down(&[2]);
    let printed = fleet.run(2, &["status", "--drift", "--detailed-exitcode"]);
    assert!(printed.contains("! c  http://127.0.0.1:9 "), "{printed}");
    assert!(printed.contains("3 servers, 7 realms: 1 unreachable, 2 unknown, 1 drifted, 1 duplicate.\n"), "{printed}");
    let down = status(&fleet, &["--drift"]);
    assert_eq!(down["servers"][2]["reachable"], false);
    assert_eq!(realms(&down)[..2], ["edited on ?: unknown", "new on ?: unknown"]);
    assert_eq!(down["realms"][0]["why"], "it may be on c, which cannot be reached");
    fleet.down(&[0, 1, 2]);
    let none = fleet.run(0, &["status"]);
    assert!(none.contains("3 servers, 5 realms: 3 unreachable, 5 unknown.\n"), "{none}");
}

/// The page of it is searched by keyboard, and says in words what is wrong.
fn the_page(fleet: &Fleet) {
    fleet.run(0, &["status", "--drift", "--report", "html=.status.html"]);
    let page = fleet.program.folder().join(".status.html");
    if chromium().is_none() {
        return;
    }
    let mut browser = Chromium::start();
    browser.open(&format!("file://{}", page.display()));
    browser.wait("document.readyState == 'complete' && !document.getElementById('tools').hidden");
    assert_eq!(browser.told("document.title"), "3 servers, 8 realms: 1 drifted, 1 duplicate – fleet");
    let tile = browser.told("document.querySelector('.tile.bad').innerText");
    assert!(tile.as_str().unwrap().contains("1 duplicate, ignored: twice"), "{tile}");
    let first = browser.told("document.querySelector('tbody tr').innerText").as_str().unwrap().to_owned();
    assert!(first.starts_with("moved") && first.contains("!drift 1 object"), "{first}");
    pictures(&mut browser, "three");

    browser.press(&["/", "t", "w", "i"]);
    assert_eq!(browser.told("document.getElementById('found').textContent"), "2 of 8 realms, 1 of 3 servers");
    browser.press(&["Tab", " "]);
    assert_eq!(browser.told("document.getElementById('found').textContent"), "1 of 8 realms, 1 of 3 servers");
    assert_eq!(browser.complaints(), [] as [Value; 0]);
}

/// Pictures of a page for people to look at: `target/tmp/status-*.png`.
fn pictures(browser: &mut Chromium, name: &str) {
    for scheme in ["light", "dark"] {
        browser.look(scheme, [1280, 900]);
        let path = format!("{}/status-{name}-{scheme}.png", env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(path, browser.picture()).unwrap();
    }
}

/// Fifty servers with fifty realms each, of which a few are not as they should be.
fn many() -> Status {
    let about = |number| About { version: Some("26.7.4".into()), realms: if number == 7 { 51 } else { 50 } };
    let server = |number: usize| ServerStatus {
        name: format!("eu-{number:02}"),
        url: Some(format!("https://eu-{number:02}.sso.example")),
        found: if number == 13 { Err("connection refused".to_owned()) } else { Ok(about(number)) },
        limit: Some(50),
        ignored: if number == 20 { vec!["customer-0007".to_owned()] } else { Vec::new() },
    };
    let realm = |number: usize| {
        let (state, why) = match number {
            0..3 => (State::Drift, Some("2 objects".to_owned())),
            3..10 => (State::Pending, Some("1 object".to_owned())),
            _ => (State::InStep, None),
        };
        let record = Record {
            commit: Some("3f2a9c1e4b5d60718293a4b5c6d7e8f901234567".to_owned()),
            time: "2026-11-24T01:40:00Z".to_owned(),
            actor: "ci run 4711".to_owned(),
            ..Record::default()
        };
        let (name, server) = (format!("customer-{number:04}"), Some(format!("eu-{:02}", number % 50)));
        RealmStatus { name, server, state, why, misplaced: None, applied: Some(record) }
    };
    Status {
        project: "customers".to_owned(),
        time: "2026-11-24T02:00:00Z".to_owned(),
        is_compared: true,
        servers: (0..50).map(server).collect(),
        realms: (0..2500).map(realm).collect(),
        ..Status::default()
    }
}

#[test]
fn a_page_of_2500_realms() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("status.html");
    let started = Instant::now();
    std::fs::write(&page, html::status(&many(), None).unwrap()).unwrap();
    println!("{:?}, {} bytes", started.elapsed(), page.metadata().unwrap().len());
    if chromium().is_none() {
        return;
    }
    let mut browser = Chromium::start();
    browser.open(&format!("file://{}", page.display()));
    browser.wait("document.readyState == 'complete' && !document.getElementById('tools').hidden");
    pictures(&mut browser, "many");
    browser.fill("#search", "eu-13");
    let found = browser.told("document.getElementById('found').textContent");
    assert_eq!(found, "50 of 2500 realms, 1 of 50 servers");
    pictures(&mut browser, "found");
    assert_eq!(browser.complaints(), [] as [Value; 0]);
}

/// Whoever names realms, servers or themselves runs nothing in somebody's browser.
#[test]
fn names_are_text() {
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}&amp;";
    let mut status = many();
    status.realms.truncate(1);
    status.servers.truncate(2);
    evil.clone_into(&mut status.project);
    status.environment = Some(evil.to_owned());
    status.realms[0] = RealmStatus {
        name: evil.to_owned(),
        server: Some(evil.to_owned()),
        why: Some(evil.to_owned()),
        applied: Some(Record {
            commit: Some(evil.to_owned()),
            environment: Some(evil.to_owned()),
            time: evil.to_owned(),
            actor: evil.to_owned(),
            ..Record::default()
        }),
        ..status.realms[0].clone()
    };
    evil.clone_into(&mut status.servers[0].name);
    status.servers[0].found = Err(evil.to_owned());
    status.servers[1].found = Ok(About { version: Some(evil.to_owned()), realms: 1 });
    status.servers[1].ignored = vec![evil.to_owned()];
    let page = html::status(&status, Some(5)).unwrap();
    let quiet = html::status(&many(), Some(5)).unwrap();
    assert_eq!(page.matches("<script").count(), quiet.matches("<script").count());
    assert!(!page.contains("<img") && !page.contains('\u{202e}'), "{page}");
    assert!(page.contains("&lt;script&gt;"), "{page}");
}

/// It goes on until it is interrupted, and a page is there as a whole or not at all.
#[cfg(unix)]
#[test]
fn it_is_watched() {
    let program = Program::new().with("KEYCLOAK_URL", "http://127.0.0.1:9").with("KEYCLOAK_ACCESS_TOKEN", "x");
    program.write("realmform.toml", "name = \"shop\"\n");
    program.write("acme/realm.toml", "");
    let wrong = program.run(&["status", "--watch", "--format", "html"]);
    assert!(wrong.contains("error: --watch writes a page into a file: --report html=FILE\n"), "{wrong}");
    let page = program.folder().join("page.html");
    let mut command = program.command(&["status", "--watch", "1", "--report", "html=page.html"]);
    let mut watching = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..2 {
        let started = Instant::now();
        while !page.exists() {
            assert!(started.elapsed() < Duration::from_secs(120), "no page");
            std::thread::sleep(Duration::from_millis(20));
        }
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text.contains("<h1>1 server, 1 realm: 1 unreachable, 1 unknown</h1>"), "{text}");
        assert!(text.contains("<body data-refresh=\"1\">") && text.ends_with("</html>\n"), "{text}");
        std::fs::remove_file(&page).unwrap();
    }
    assert!(Command::new("kill").args(["-INT", &watching.id().to_string()]).status().unwrap().success());
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}
