//! An apply through a network, and against a server, that fail now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::support::fleet;
use crate::support::proxy::{Fault, Proxy, Request, every};
use crate::support::run::{Project, Ran, admin, client, realm_path};
use crate::support::{is_26_0, server};

#[tokio::test(flavor = "multi_thread")]
async fn every_nth_request_failing_is_survived_or_told() {
    let mut project = Project::new("faults");
    let http = admin().await;
    fleet::make_neighbours(&http, "faults").await;
    let before = fleet::unmanaged(&http, "faults").await;
    for (n, fault, converges) in [
        (3, Fault::DropAfter, true),
        (3, Fault::Status(503), true),
        (3, Fault::RetryAfter(0), true),
        (3, Fault::DropBefore, true),
        // A 500 is tried only once more, since mostly it is a bug that every try meets again.
        (3, Fault::Status(500), false),
        (7, Fault::Status(500), false),
    ] {
        for declared in [true, false] {
            if declared {
                fleet::declare(&project, 8, &format!("{fault:?}"));
            } else {
                fleet::withdraw(&project);
            }
            let proxy = Proxy::start(server().http_url(), every(n, fault.clone())).await;
            project.through(&proxy.url());
            let ran = apply(&project).await;
            println!("{n} {fault:?} {declared}: {:?}, {} of {} broken", ran.code, proxy.faults(), proxy.requests());
            assert!(proxy.faults() > 0);
            assert!(ran.code == Some(0) || !converges && is_orderly(&ran), "{n} {fault:?} {declared}: {ran:?}");
            project.through(server().http_url());
            let ran = apply(&project).await;
            assert_eq!(ran.code, Some(0), "{n} {fault:?} {declared}: {ran:?}");
            let plan = project.run_beside(&["plan", "--detailed-exitcode"]).await;
            assert_eq!(plan.code, Some(0), "{n} {fault:?} {declared}: {plan:?}");
            assert_eq!(fleet::ours(&http, "faults").await.is_empty(), !declared);
            assert_eq!(fleet::unmanaged(&http, "faults").await, before, "{n} {fault:?} {declared}");
        }
    }
}

/// A new realm whose creation succeeded without an answer is the run's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_realm_whose_creation_was_not_answered_is_ours() {
    let mut project = Project::new("faults-lost");
    project.write_realm("displayName = \"lost\"\nroles.one = {}\n");
    let proxy =
        Proxy::start(server().http_url(), first(|request| request.method == "POST" && is_realms(request))).await;
    project.through(&proxy.url());
    let ran = apply(&project).await;
    assert_eq!((ran.code, proxy.faults()), (Some(0), 1), "{ran:?}");
}

/// A busy server forgets at times that it made authorization services with a client, until they are switched on again.
#[tokio::test(flavor = "multi_thread")]
async fn services_that_the_server_forgot_are_there_in_the_end() {
    let mut project = Project::new("faults-services");
    project.write_realm(
        "[clients.shop]\nserviceAccountsEnabled = true\n\
         authorization = { decisionStrategy = \"AFFIRMATIVE\", scopes.view = {} }\n",
    );
    let forgets = |request: &Request| request.path.contains("/authz/resource-server");
    let (looks, makes) = (AtomicBool::new(true), AtomicBool::new(true));
    let choose = move |_, request: &Request| {
        let first = match request.method.as_str() {
            "GET" => &looks,
            _ => &makes,
        };
        (forgets(request) && first.swap(false, Ordering::SeqCst)).then_some(Fault::Status(404))
    };
    let proxy = Proxy::start(server().http_url(), choose).await;
    project.through(&proxy.url());
    let ran = apply(&project).await;
    assert_eq!((ran.code, proxy.faults()), (Some(0), 2), "{ran:?}");
    assert!(ran.stderr.contains("read again, nothing is left to do"), "{ran:?}");
}

/// Whoever works in the console while a long run is under way keeps what they did.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_during_a_run_is_left_alone() {
    let mut project = Project::new("faults-moved");
    let declare = |label: &str| {
        let clients: String = (0..6).map(|number| format!("[clients.app-{number}]\nname = \"{label}\"\n")).collect();
        project.write_realm(&clients);
    };
    declare("one");
    apply(&project).await;
    declare("two");
    // The two changes that come first take longer than a plan is fresh.
    let held = AtomicU64::new(0);
    let choose = move |_, request: &Request| {
        let is_change = request.method == "PUT" && request.path.contains("/faults-moved/clients/");
        (is_change && held.fetch_add(1, Ordering::SeqCst) < 2).then_some(Fault::RetryAfter(6))
    };
    let proxy = Proxy::start(server().http_url(), choose).await;
    project.through(&proxy.url());
    let http = admin().await;
    let by_hand = async {
        while proxy.faults() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut left = Vec::new();
        for number in 0..6 {
            let found = client(&http, "faults-moved", &format!("app-{number}")).await.unwrap();
            left.extend((found["name"] == "one").then(|| found["id"].as_str().unwrap().to_owned()));
        }
        let last = left.last().unwrap();
        http.put(&format!("/faults-moved/clients/{last}"), &json!({"name": "by hand"})).await.unwrap();
        last.clone()
    };
    let (ran, last) = tokio::join!(project.run_beside(&["apply", "--yes", "--parallelism", "1"]), by_hand);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    let told = ": somebody changed name on the server since it was planned, so it was left alone; plan again";
    assert!(ran.stderr.contains(told) && ran.stderr.contains("5 steps done, 1 failed, 0 not tried"), "{ran:?}");
    let kept = http.get(&format!("/faults-moved/clients/{last}")).await.unwrap();
    assert_eq!(kept["name"], "by hand");
    project.through(server().http_url());
    let ran = apply(&project).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// Answers lost in the order of the requests: each POST, PUT and DELETE of a whole life is executed twice.
#[tokio::test(flavor = "multi_thread")]
async fn every_write_can_be_repeated() {
    let mut project = Project::new("faults-twice");
    let lost = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let choose = move |_, request: &Request| {
        let is_write = request.method != "GET" && request.path.starts_with("/admin");
        let request = (request.method.clone(), request.path.clone(), request.body.clone());
        (is_write && lost.lock().unwrap().insert(request)).then_some(Fault::DropAfter)
    };
    let proxy = Proxy::start(server().http_url(), choose).await;
    project.through(&proxy.url());
    for label in ["one", "two"] {
        fleet::declare(&project, 8, label);
        let ran = apply(&project).await;
        assert_eq!(ran.code, Some(0), "{label}: {ran:?}");
        // Every realm has this one, so that it is registered only after somebody unregistered it.
        let action = "faults-twice/authentication/required-actions/TERMS_AND_CONDITIONS";
        admin().await.delete(&format!("/{action}")).await.unwrap();
    }
    fleet::withdraw(&project);
    let ran = apply(&project).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(proxy.faults() > 100, "{}", proxy.faults());
    assert_eq!(fleet::ours(&admin().await, "faults-twice").await, Vec::<String>::new());
}

/// A password cannot be set twice where the policy keeps a history, nor a user be made twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_answers_are_lost_is_made_once() {
    let lost = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let choose = move |_, request: &Request| {
        let is_write = request.method != "GET" && request.path.contains("/users");
        let request = (request.method.clone(), request.path.clone(), request.body.clone());
        (is_write && lost.lock().unwrap().insert(request)).then_some(Fault::DropAfter)
    };
    let proxy = Proxy::start(server().http_url(), choose).await;
    for password in ["the-first", "the-second"] {
        let mut project = Project::new("faults-user").env("SEED", password.to_owned());
        project.write_realm(&format!(
            "passwordPolicy = \"passwordHistory(3)\"\n[users.seed]\nlastName = \"{password}\"\n\
             requiredActions = [\"VERIFY_EMAIL\"]\nrealmRoles = [\"offline_access\"]\npassword = {{ env = \"SEED\" }}\n"
        ));
        project.through(&proxy.url());
        let ran = apply(&project).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.contains("nothing is left to do"), "{ran:?}");
    }
    assert!(proxy.faults() >= 5, "{}", proxy.faults());

    // A conflict is only ours if it is about this user.
    let project = Project::new("faults-email");
    project.write_realm("[users.seed]\nemail = \"a@b.example\"\n");
    project.apply();
    let proxy = Proxy::start(server().http_url(), first(|request| request.path.ends_with("/users"))).await;
    let mut project = project;
    project.through(&proxy.url());
    project.write_realm("[users.seed]\nemail = \"a@b.example\"\n[users.other]\nemail = \"a@b.example\"\n");
    let ran = apply(&project).await;
    assert_eq!((ran.code, proxy.faults()), (Some(6), 1), "{ran:?}");
}

/// What the server refuses stops what needs it, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_object_stops_its_dependents_only() {
    let project = Project::new("faults-refused");
    project.write_realm(
        "[roles.fine]\n[roles.above]\ncomposites = [\"bad:use\"]\n[clients.good]\nredirectUris = [\"https://good.example/*\"]\n",
    );
    project.write(
        "faults-refused/clients/bad.toml",
        "name = \"bad\"\nredirectUris = [\"https://bad.example/#fragment\"]\nroles.use = {}\n",
    );
    let ran = apply(&project).await;
    assert_eq!(ran.code, Some(6), "{ran:?}");
    for words in [
        "failed to create faults-refused/clients/bad: POST /faults-refused/clients: 400 Bad Request: ",
        "declared in faults-refused/clients/bad.toml:1",
        "  done       create faults-refused/roles/above\n",
        "  not tried  create faults-refused/clients/bad/roles/use\n",
        "  not tried  link faults-refused/roles/above\n",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
    let http = admin().await;
    assert!(client(&http, "faults-refused", "good").await.is_some());
    assert!(http.find(&format!("{}/roles/above", realm_path("faults-refused"))).await.unwrap().is_some());

    // What was refused is not claimed: made by hand and no longer declared, it is nobody's to delete.
    let by_hand = json!({ "clientId": "bad", "name": "by hand" });
    http.post(&format!("{}/clients", realm_path("faults-refused")), &by_hand).await.unwrap();
    std::fs::remove_file(project.folder().join("faults-refused/clients/bad.toml")).unwrap();
    project.write_realm("[roles.fine]\n[roles.above]\n[clients.good]\nredirectUris = [\"https://good.example/*\"]\n");
    let ran = apply(&project).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(client(&http, "faults-refused", "bad").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_the_server_refuses_is_an_error_in_its_words() {
    if is_26_0("it takes a mail server without a sender") {
        return;
    }
    let project = Project::new("faults-mail");
    project.write_realm("displayName = \"mail\"\nsmtpServer = { host = \"smtp.example\" }\n");
    let ran = apply(&project).await;
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stderr.contains("failed to create faults-mail: POST /: 400 Bad Request: Invalid sender"), "{ran:?}");
    assert!(ran.stderr.contains("declared in faults-mail/realm.toml:1"), "{ran:?}");

    project.write_realm("displayName = \"mail\"\n");
    assert_eq!(apply(&project).await.code, Some(0));
    project.write_realm("displayName = \"mail\"\nsmtpServer = { host = \"smtp2.example\" }\nroles.fine = {}\n");
    let ran = apply(&project).await;
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stderr.contains("failed to update faults-mail: PUT /faults-mail: 400 Bad Request"), "{ran:?}");
    assert!(ran.stderr.contains("done       create faults-mail/roles/fine"), "{ran:?}");
}

/// A failed deletion stays on record, so that the next run tries it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_deletion_is_not_forgotten() {
    let mut project = Project::new("faults-delete");
    project.write_realm("[roles.one]\n[roles.two]\n");
    project.apply();
    project.write_realm("[roles.one]\n");
    let refuse = |_, request: &Request| (request.method == "DELETE").then_some(Fault::Status(400));
    // Only the first deletion is that of the role; the lock is a role, too.
    let count = Arc::new(AtomicU64::new(0));
    let refuse =
        move |number, request: &Request| refuse(number, request).filter(|_| count.fetch_add(1, Ordering::Relaxed) == 0);
    let proxy = Proxy::start(server().http_url(), refuse).await;
    project.through(&proxy.url());
    let ran = apply(&project).await;
    assert_eq!(ran.code, Some(6), "{ran:?}");
    project.through(server().http_url());
    let plan = project.run(&["plan", "--detailed-exitcode"]);
    assert!(plan.code == Some(2) && plan.stdout.contains("1 to delete"), "{plan:?}");
    project.apply();
    project.assert_settled();
}

/// Stopped before anything was written, or with a list of what was and what was not done.
fn is_orderly(ran: &Ran) -> bool {
    match ran.code {
        Some(1) => ran.stderr.matches("error: ").count() == 1,
        Some(6) => {
            let listed = ["  done  ", "  failed  ", "  not tried  "].iter().any(|it| ran.stderr.contains(it));
            listed || ran.stderr.contains("nobody can tell whether it took")
        }
        _ => false,
    }
}

async fn apply(project: &Project) -> Ran {
    let consent = fleet::consent(project);
    let consent: Vec<&str> = consent.iter().map(String::as_str).collect();
    project.run_beside(&[&["apply", "--yes"], &*consent].concat()).await
}

fn is_realms(request: &Request) -> bool {
    request.path == "/admin/realms"
}

/// Loses the first answer of such a request.
fn first(
    of: impl Fn(&Request) -> bool + Send + Sync + 'static,
) -> impl Fn(u64, &Request) -> Option<Fault> + Send + Sync + 'static {
    let seen = AtomicU64::new(0);
    move |_, request| (of(request) && seen.fetch_add(1, Ordering::Relaxed) == 0).then_some(Fault::DropAfter)
}
