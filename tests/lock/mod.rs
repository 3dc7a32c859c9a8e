//! Two runs at once, locks that were left behind, and interruptions.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan as _};
use realmform::keycloak::http::Http;
use serde_json::json;

use crate::support::fleet;
use crate::support::run::{Project, Ran, admin, block, client, realm_path};

#[test]
fn of_two_runs_at_once_one_writes() {
    let project = Project::new("lock-two");
    for round in 0..10 {
        // The first round makes the realm, so there is no lock to take yet.
        let roles = (0..=round).map(|n| format!("[roles.role-{n}]\ndescription = \"{round}\"\n"));
        project.write_realm(&roles.collect::<Vec<_>>().concat());
        let runs = [project.spawn(&["apply", "--yes"]), project.spawn(&["apply", "--yes"])];
        let mut ran = runs.map(|child| Ran::from(child.wait_with_output().unwrap()));
        let wrote = |ran: &Ran| ran.stderr.contains("lock-two: applied");
        ran.sort_by_key(|ran| (ran.code, !wrote(ran)));
        assert!(ran[0].code == Some(0) && wrote(&ran[0]), "{round}: {ran:?}");
        // The second one is told, or came so late that there was nothing left to do.
        // H2 does not let two creations of one realm wait for each other for long, and the server then says just this
        // (26.7.4, 26.0.8).
        let says = |words: &str| ran[1].stderr.contains(words);
        let collided =
            says("lock-two: 0 steps done") && (says("Database operation") || says("409 Conflict: Conflict detected"));
        let told = matches!(ran[1].code, Some(0 | 5 | 7)) || collided;
        assert!(!wrote(&ran[1]) && told, "{round}: {ran:?}");
        println!("round {round}: the other ended with {:?}", ran[1].code);
        project.assert_settled();
    }
}

#[test]
fn a_lock_is_respected_until_it_ends() {
    let project = Project::new("lock-held");
    project.write_realm("[roles.one]\n");
    project.apply();
    project.write_realm("[roles.one]\n[roles.two]\n");
    let now = Timestamp::now();

    lock("lock-held", "another machine", 1, now + 10.minutes());
    let ran = project.run(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(7), "{ran:?}");
    let told = "error: realm lock-held is locked by alice on another machine (process 1) until ";
    assert!(ran.stderr.contains(told) && ran.stderr.contains("\nhint: "), "{ran:?}");
    assert_eq!(ran.stderr.matches("error: ").count(), 1, "{ran:?}");
    assert_eq!(project.run(&["plan"]).code, Some(0), "a plan takes no lock");
    assert!(locked("lock-held"), "somebody else's lock is left alone");

    unlock("lock-held");
    lock("lock-held", "another machine", 1, now - 1.second());
    project.apply();
    assert!(!locked("lock-held"));
    project.assert_settled();
}

/// Keycloak keeps 255 characters of a description and of an attribute of a role; a path of groups on GitLab may be longer.
#[test]
fn whoever_applies_may_have_a_long_name() {
    let long = "group/".repeat(60);
    let project = Project::new("lock-long").env("GITHUB_REPOSITORY", long.as_str()).env("GITHUB_RUN_ID", long);
    project.write_realm("[roles.one]\n");
    project.apply();
    project.write_realm("[roles.one]\n[roles.two]\n");
    project.apply();
    project.assert_settled();
    let record = block(async { client(&admin().await, "lock-long", "realmform:lock-long").await.unwrap() });
    assert_eq!(record["description"].as_str().unwrap().len(), 255);
}

#[test]
fn a_lock_is_waited_for() {
    let project = Project::new("lock-wait");
    project.write_realm("[roles.one]\n");
    project.apply();
    project.write_realm("[roles.one]\n[roles.two]\n");
    let saved = project.run(&["plan", "--out", "two.plan"]);
    assert_eq!(saved.code, Some(0), "{saved:?}");
    lock("lock-wait", "another machine", 1, Timestamp::now() + 10.minutes());
    let ran = project.run(&["apply", "--yes", "--lock-timeout", "3s"]);
    assert_eq!(ran.code, Some(7), "{ran:?}");
    let told = "waiting for the lock of realm lock-wait, which alice on another machine (process 1) holds until ";
    assert_eq!(ran.stderr.matches(told).count(), 1, "{ran:?}");

    let waits: [&[&str]; 2] = [&["apply", "two.plan"], &["apply", "--yes"]];
    for (round, args) in waits.into_iter().enumerate() {
        if round > 0 {
            project.write_realm("[roles.one]\n[roles.two]\n[roles.three]\n");
            lock("lock-wait", "another machine", 1, Timestamp::now() + 10.minutes());
        }
        let mut child = project.spawn(&[args, &["--lock-timeout", "5m"]].concat());
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(child.try_wait().unwrap(), None, "{args:?}: it did not wait");
        unlock("lock-wait");
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        assert_eq!(ran.stderr.matches(told).count(), 1, "{args:?}: {ran:?}");
        project.assert_settled();
    }
}

/// As pipelines do that begin at the same time: each waits, and plans what the others left.
#[test]
fn runs_that_wait_for_each_other_all_succeed() {
    let project = Project::new("lock-queue");
    project.write_realm("[roles.zero]\n");
    project.apply();
    let roles = (0..60).map(|n| format!("[roles.role-{n}]\n"));
    project.write_realm(&roles.collect::<Vec<_>>().concat());
    let runs = [(); 3].map(|()| project.spawn(&["apply", "--yes", "--lock-timeout", "5m"]));
    let ran = runs.map(|child| Ran::from(child.wait_with_output().unwrap()));
    assert!(ran.iter().all(|ran| ran.code == Some(0)), "{ran:?}");
    assert_eq!(ran.iter().filter(|ran| ran.stderr.contains("lock-queue: applied")).count(), 1, "{ran:?}");
    project.assert_settled();
}

#[test]
fn a_lock_is_released_by_hand() {
    let project = Project::new("lock-hand");
    project.write_realm(
        "[clients.viewer]\nsecret = { env = \"VIEWER\" }\nserviceAccountsEnabled = true\n\
         serviceAccount.clientRoles.realm-management = [\"view-clients\"]\n",
    );
    let project = project.env("VIEWER", "the-viewers-secret");
    let ran = project.run(&["unlock"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "Nothing is locked (1 realm looked at).\n"), "{ran:?}");
    project.apply();
    let nothing = project.run(&["unlock", "lock-hand"]);
    assert_eq!((nothing.code, nothing.stdout), (Some(0), "Nothing is locked (1 realm looked at).\n".to_owned()));
    let ran = project.run(&["unlock", "lock-hadn"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), "error: there is no realm lock-hadn on the server\n"));

    lock("lock-hand", "another machine", 1, "2100-01-01T00:00:00Z".parse().unwrap());
    let held = "lock-hand is locked by alice on another machine (process 1) until 2100-01-01T00:00:00Z\n";
    let ran = project.run(&["unlock", "--no-input"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), held), "{ran:?}");
    assert!(ran.stderr.contains("there is nobody to ask") && locked("lock-hand"), "{ran:?}");

    let mut viewer = project.command(&["unlock", "--yes"]);
    viewer.env_remove("KEYCLOAK_USER").env_remove("KEYCLOAK_PASSWORD").env("KEYCLOAK_REALM", "lock-hand");
    viewer.env("KEYCLOAK_CLIENT_ID", "viewer").env("KEYCLOAK_CLIENT_SECRET", "the-viewers-secret");
    let ran = Ran::from(viewer.output().unwrap());
    assert!(ran.code == Some(1) && ran.stderr.contains("403") && locked("lock-hand"), "{ran:?}");

    let ran = project.run(&["unlock", "--yes"]);
    assert_eq!((ran.code, ran.stdout), (Some(0), format!("{held}lock-hand: released.\n")));
    assert!(!locked("lock-hand"));
}

#[test]
fn a_run_whose_lock_was_taken_away_stops() {
    let project = Project::new("lock-lost");
    project.write_realm("displayName = \"lost\"\n");
    project.apply();
    for another in [false, true] {
        // Long enough that the run notices before it ends, on a quick server, too.
        fleet::declare(&project, 400, if another { "two" } else { "one" });
        let mut apply = project.command(&["apply", "--yes", "--parallelism", "1"]);
        let child = apply.stdout(Stdio::null()).spawn().unwrap();
        wait_until(|| locked("lock-lost"));
        if another {
            unlock("lock-lost");
        } else {
            let ran = project.run(&["unlock", "lock-lost", "--yes"]);
            let is_told = ran.stdout.contains("locked by tester on ") && ran.stdout.contains(" since ");
            assert!(ran.code == Some(0) && is_told, "{ran:?}");
        }
        if another {
            lock("lock-lost", "another machine", 1, Timestamp::now() + 10.minutes());
        }
        let announced = record("lock-lost");
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(6), "{ran:?}");
        assert!(ran.stderr.contains("error: somebody took the lock of realm lock-lost away"), "{ran:?}");
        assert!(ran.stderr.contains("  not tried  "), "{ran:?}");
        // The record is written where nobody else has it, and else left as it is.
        assert_eq!(record("lock-lost") == announced, another, "{ran:?}");
        assert_eq!(ran.stderr.contains("alice on another machine (process 1) holds it now"), another, "{ran:?}");
        assert_eq!(locked("lock-lost"), another);
        if another {
            unlock("lock-lost");
        }
        fleet::sweep(&project);
        assert_eq!(block(async { fleet::ours(&admin().await, "lock-lost").await }), Vec::<String>::new());
    }
}

#[test]
fn an_interrupted_run_ends_in_order() {
    let project = Project::new("lock-stop");
    block(async { fleet::make_neighbours(&admin().await, "lock-stop").await });
    fleet::declare(&project, 120, "one");
    // Long enough to be interrupted half-way, so that its plan is longer than a pipe.
    let child = project.command(&["apply", "--yes"]).stdout(Stdio::null()).spawn().unwrap();
    wait_until(|| block(async { !fleet::ours(&admin().await, "lock-stop").await.is_empty() }));
    interrupt(&child);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stderr.contains("interrupted") && ran.stderr.contains("  not tried  "), "{ran:?}");
    assert!(ran.stderr.contains("hint: run `realmform apply` again"), "{ran:?}");
    assert!(!locked("lock-stop"));
    project.apply();
    project.assert_settled();
    fleet::sweep(&project);
    assert_eq!(block(async { fleet::ours(&admin().await, "lock-stop").await }), Vec::<String>::new());
}

/// Ctrl-C.
fn interrupt(child: &Child) {
    let done = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(done.unwrap().success());
}

fn wait_until(mut met: impl FnMut() -> bool) {
    let started = Instant::now();
    while !met() {
        assert!(started.elapsed() < Duration::from_secs(60), "it never came to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Locks a realm as another run would.
fn lock(realm: &str, host: &str, process: u32, expires: Timestamp) {
    let role = json!({ "name": "lock", "attributes": {
        "actor": ["alice"], "host": [host], "process": [process.to_string()], "nonce": ["another"],
        "expires": [expires.to_string()],
    } });
    block(async {
        let http = admin().await;
        http.post(&roles(&http, realm).await, &role).await.unwrap();
    });
}

fn unlock(realm: &str) {
    block(async {
        let http = admin().await;
        http.delete(&format!("{}/lock", roles(&http, realm).await)).await.unwrap();
    });
}

/// What the record says.
fn record(realm: &str) -> String {
    let record = block(async { client(&admin().await, realm, &format!("realmform:{realm}")).await.unwrap() });
    record["attributes"]["realmform.record"].as_str().unwrap().to_owned()
}

fn locked(realm: &str) -> bool {
    block(async {
        let http = admin().await;
        http.find(&format!("{}/lock", roles(&http, realm).await)).await.unwrap().is_some()
    })
}

/// The path of the roles of a realm's record.
async fn roles(http: &Http, realm: &str) -> String {
    let record = client(http, realm, &format!("realmform:{realm}")).await.unwrap();
    format!("{}/clients/{}/roles", realm_path(realm), record["id"].as_str().unwrap())
}
