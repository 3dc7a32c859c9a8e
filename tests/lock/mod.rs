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
    for round in 0..5 {
        // The first round makes the realm, so there is no lock to take yet.
        let roles = (0..=round).map(|n| format!("[roles.role-{n}]\ndescription = \"{round}\"\n"));
        project.write_realm(&roles.collect::<Vec<_>>().concat());
        let runs = [project.spawn(&["apply", "--yes"]), project.spawn(&["apply", "--yes"])];
        let mut ran = runs.map(|child| Ran::from(child.wait_with_output().unwrap()));
        let wrote = |ran: &Ran| ran.stderr.contains("lock-two: applied");
        ran.sort_by_key(|ran| (ran.code, !wrote(ran)));
        assert!(ran[0].code == Some(0) && wrote(&ran[0]), "{round}: {ran:?}");
        // The second one is told, or came so late that there was nothing left to do.
        // H2 does not let two creations of one realm wait for each other for long, and the server then says just this.
        let collided = ran[1].stderr.contains("lock-two: 0 steps done") && ran[1].stderr.contains("Database operation");
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
