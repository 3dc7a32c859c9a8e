//! Registration access tokens: issued once, and kept where they were handed over to.

use serde_json::json;

use crate::support::project::{Output, Project};

const OUTPUTS: &str = r#"name = "NAME"
[outputs.portal]
of = "NAME/clients/portal"
env = { TOKEN = "{{ client.registrationAccessToken }}", SECRET = "{{ client.secret }}", URI = "{{ client.registrationUri }}" }
file = ".handed/portal.env"
"#;

const REALM: &str = "[clients.portal]\nsecret = { generate = {} }\n";

fn project(name: &str) -> Project {
    let project = Project::new(name);
    project.write("realmform.toml", &OUTPUTS.replace("NAME", name));
    project.write_realm(REALM);
    project
}

#[track_caller]
fn handed(project: &Project, file: &str) -> String {
    std::fs::read_to_string(project.folder().join(".handed").join(file)).unwrap()
}

/// The token that is handed over.
#[track_caller]
fn token(project: &Project) -> String {
    let text = handed(project, "portal.env");
    text.lines().find_map(|line| line.strip_prefix("TOKEN=")).unwrap().to_owned()
}

/// The status with which the client that is called `id` may read itself.
fn status(project: &Project, id: &str, token: &str) -> u16 {
    let (realm, base) = (&project.realm, &crate::support::access().http_url);
    let uri = format!("{base}/realms/{realm}/clients-registrations/openid-connect/{id}");
    project.admin().registration(&uri, token, None).0
}

/// Applies, and expects it to succeed and to leave nothing to do.
#[track_caller]
fn apply(project: &Project, arguments: &[&str]) -> Output {
    let ran = project.run(&[&["apply", "--yes"], arguments].concat());
    assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
    let left = project.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(left.status, 0, "{}\n{}", left.stdout, left.stderr);
    ran
}

#[track_caller]
fn issued(ran: &Output) -> usize {
    ran.stdout.matches(": registration access token of ").count()
}

#[test]
fn a_token_is_issued_once_and_kept() {
    let project = project("outputs-token");
    let ran = apply(&project, &[]);
    let words = "output portal: registration access token of outputs-token/clients/portal issued\noutput portal: .handed/portal.env written\n";
    assert!(ran.stdout.ends_with(words), "{ran:?}");
    let first = token(&project);
    assert_eq!(status(&project, "portal", &first), 200);

    // Whatever looks at it, and whatever else changes.
    let hidden = project.run(&["output", "portal"]);
    let shown = project.run(&["output", "portal", "--show-secrets"]);
    assert!(hidden.stdout.contains("TOKEN=(secret)\n") && shown.stdout == handed(&project, "portal.env"), "{hidden:?}");
    for command in [&["output"][..], &["output", "--write"], &["plan"], &["apply", "--yes"]] {
        let ran = project.run(command);
        assert!(ran.status == 0 && issued(&ran) == 0 && !ran.stdout.contains("written"), "{ran:?}");
    }
    let secret = handed(&project, "portal.env");
    let ran = apply(&project, &["--rotate", "outputs-token/clients/portal"]);
    assert!(issued(&ran) == 0 && ran.stdout.contains(".handed/portal.env written"), "{ran:?}");
    assert_ne!(secret, handed(&project, "portal.env"));
    // Somebody else's secret, which an apply hands over without a change of its own.
    let admin = project.admin();
    admin.answer_to_post(&format!("clients/{}/client-secret", admin.client("portal")));
    assert!(project.run(&["apply", "--yes"]).stdout.contains(".handed/portal.env written"));
    assert!(!project.run(&["apply", "--yes"]).stdout.contains("written"));
    // Another name of the client, of the output, and of the file.
    project.write_realm("[clients.door]\nsecret = { generate = {} }\nlifecycle.renamedFrom = \"portal\"\n");
    let renamed = OUTPUTS.replace("NAME/clients/portal", "NAME/clients/door").replace("outputs.portal", "outputs.door");
    project.write("realmform.toml", &renamed.replace("NAME", "outputs-token"));
    assert_eq!(issued(&apply(&project, &[])), 0);
    let moved = renamed.replace(".handed/portal.env", ".handed/new/portal.env").replace("NAME", "outputs-token");
    project.write("realmform.toml", &moved);
    let ran = apply(&project, &[]);
    assert!(issued(&ran) == 0 && ran.stdout.contains(".handed/portal.env removed"), "{ran:?}");
    let line = format!("TOKEN={first}\n");
    assert!(handed(&project, "new/portal.env").contains(&line));
    assert_eq!(status(&project, "door", &first), 200);
}

#[test]
fn a_token_that_is_lost_is_issued_again_by_an_apply_alone() {
    let project = project("outputs-token-lost");
    apply(&project, &[]);
    let first = token(&project);
    std::fs::remove_file(project.folder().join(".handed/portal.env")).unwrap();
    assert_eq!(project.run(&["plan", "--detailed-exitcode"]).status, 0);
    let listed = project.run(&["output"]);
    assert!(listed.stdout.ends_with(".handed/portal.env  not there\n"), "{listed:?}");
    let printed = project.run(&["output", "portal"]);
    assert!(printed.stdout.contains("TOKEN='(not issued)'\n"), "{printed:?}");
    for (command, code) in [(&["output", "portal", "--show-secrets"][..], 1), (&["output", "--write"], 6)] {
        let ran = project.run(command);
        assert!(ran.status == code && ran.stderr.contains("`realmform apply` issues"), "{ran:?}");
        assert!(!ran.stdout.contains("SECRET"), "{ran:?}");
    }
    assert_eq!(status(&project, "portal", &first), 200);

    let ran = apply(&project, &[]);
    assert!(issued(&ran) == 1 && ran.stderr.contains("another one was issued"), "{ran:?}");
    let second = token(&project);
    assert_eq!([&first, &second].map(|token| status(&project, "portal", token)), [401, 200]);
    assert_eq!(issued(&apply(&project, &[])), 0);
    assert_eq!(project.admin().status(&format!("clients/{}/roles/lock", record(&project))), 404);

    // What somebody wrote in its place is none.
    project.write(".handed/portal.env", &handed(&project, "portal.env").replace(&second, &first));
    let ran = apply(&project, &[]);
    assert_eq!(issued(&ran), 1, "{ran:?}");
    let third = token(&project);
    assert!(third != first && third != second);

    // Another client of that name has never been given one.
    let admin = project.admin();
    admin.delete(&format!("clients/{}", admin.client("portal")));
    let ran = apply(&project, &[]);
    assert_eq!(issued(&ran), 1, "{ran:?}");
    assert_eq!(status(&project, "portal", &token(&project)), 200);
    admin.delete(&format!("clients/{}", admin.client("portal")));
    admin.post("clients", &json!({ "clientId": "portal" }));
    assert_eq!(status(&project, "portal", &token(&project)), 401);
    let ran = apply(&project, &[]);
    assert_eq!(issued(&ran), 1, "{ran:?}");
    assert_eq!(status(&project, "portal", &token(&project)), 200);
}

/// The client that is the record.
fn record(project: &Project) -> String {
    project.admin().client(&format!("realmform:{}", project.realm))
}

#[test]
fn several_places_have_one_token() {
    let project = project("outputs-token-places");
    let second = "[outputs.token]\nof = \"NAME/clients/portal\"\njson = { token = \"{{ client.registrationAccessToken }}\" }\n\
                  directory = \".handed/portal\"\nfile = \".handed/portal.json\"\n";
    project.write("realmform.toml", &format!("{OUTPUTS}{second}").replace("NAME", &project.realm));
    assert_eq!(issued(&apply(&project, &[])), 1);
    let first = token(&project);
    assert_eq!(handed(&project, "portal/token"), first);
    assert!(handed(&project, "portal.json").contains(&first));
    // One that is left is enough.
    for file in ["portal.env", "portal.json"] {
        std::fs::remove_file(project.folder().join(".handed").join(file)).unwrap();
    }
    let shown = project.run(&["output", "portal", "--show-secrets"]);
    assert!(shown.stdout.contains(&first), "{shown:?}");
    let written = project.run(&["output", "--write"]);
    assert_eq!(written.stdout.matches(" written\n").count(), 2, "{written:?}");
    assert!(handed(&project, "portal.env").contains(&first));
    assert_eq!(status(&project, "portal", &first), 200);

    // Where one cannot be looked at, it may be there, and is not made void.
    for file in ["portal.env", "portal.json", "portal/token"] {
        std::fs::remove_file(project.folder().join(".handed").join(file)).unwrap();
    }
    std::fs::create_dir(project.folder().join(".handed/portal/token")).unwrap();
    let ran = project.run(&["apply", "--yes"]);
    assert!(ran.status == 6 && issued(&ran) == 0, "{ran:?}");
    assert_eq!(status(&project, "portal", &first), 200);
    std::fs::remove_dir(project.folder().join(".handed/portal/token")).unwrap();
    assert_eq!(issued(&apply(&project, &[])), 1);
}

#[test]
fn what_could_not_be_kept_is_not_issued() {
    let project = project("outputs-token-form");
    let hidden = OUTPUTS.replace("registrationAccessToken }}", "registrationAccessToken|upper }}");
    project.write("realmform.toml", &hidden.replace("NAME", &project.realm));
    let ran = project.run(&["apply", "--yes"]);
    assert_eq!((ran.status, issued(&ran)), (6, 0), "{ran:?}");
    let words = "the registration access token of outputs-token-form/clients/portal is handed over in another form";
    assert!(ran.stderr.contains(words), "{ran:?}");
    // Nor for an output that fails anyway.
    project.write("realmform.toml", &OUTPUTS.replace("client.secret", "client.sceret").replace("NAME", &project.realm));
    let ran = project.run(&["apply", "--yes"]);
    assert_eq!((ran.status, issued(&ran)), (6, 0), "{ran:?}");
    assert!(ran.stderr.contains("SECRET: undefined value"), "{ran:?}");
}

/// Facts that this is built on: reading keeps a token, writing makes it void, and the policy of a realm can have it kept.
#[test]
fn what_a_token_may_be_used_for() {
    let project = project("outputs-token-used");
    apply(&project, &[]);
    let admin = project.admin();
    let uri = format!(
        "{}/realms/{}/clients-registrations/openid-connect/portal",
        crate::support::access().http_url,
        project.realm
    );
    assert!(handed(&project, "portal.env").contains(&format!("URI={uri}\n")));
    let first = token(&project);
    for _ in 0..2 {
        assert_eq!(admin.registration(&uri, &first, None).0, 200);
    }
    let body = json!({ "client_id": "portal", "redirect_uris": ["https://portal.example/*"] });
    let (status, answer) = admin.registration(&uri, &first, Some(&body));
    assert!(status == 200 && answer["registration_access_token"] != first.as_str(), "{answer}");
    assert_eq!(admin.registration(&uri, &first, None).0, 401);
    // It is not for an apply to say that, as whoever used it has the next one.
    assert_eq!(issued(&apply(&project, &[])), 0);

    std::fs::remove_file(project.folder().join(".handed/portal.env")).unwrap();
    project.write_realm(&format!(
        "{REALM}[clientProfiles.kept]\nexecutors = [{{ executor = \"registration-access-token-rotation-disabled\" }}]\n\
         [clientPolicies.kept]\nconditions = [{{ condition = \"any-client\" }}]\nprofiles = [\"kept\"]\n"
    ));
    apply(&project, &[]);
    let second = token(&project);
    for _ in 0..2 {
        let (status, answer) = admin.registration(&uri, &second, Some(&body));
        assert!(status == 200 && answer["registration_access_token"] == second.as_str(), "{answer}");
    }
}
