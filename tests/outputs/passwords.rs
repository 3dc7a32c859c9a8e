//! Generated passwords of users: nobody can read them, so they are kept where they were handed over to.

use serde_json::Value;

use crate::support::access;
use crate::support::project::{Output, Project};

const OUTPUTS: &str = r#"name = "NAME"
[outputs.root]
of = "NAME/users/root"
env = {}
file = ".handed/{{ user.username }}.env"
"#;

const REALM: &str = "[users.root]\nemail = \"root@acme.example\"\nfirstName = \"Root\"\nlastName = \"Root\"\n\
                     password = { generate = { length = 24 } }\nclientRoles.realm-management = [\"realm-admin\"]\n";

fn project(name: &str) -> Project {
    let project = Project::new(name);
    project.write("realmform.toml", &OUTPUTS.replace("NAME", name));
    project.write_realm(REALM);
    project
}

#[track_caller]
fn handed(project: &Project) -> String {
    std::fs::read_to_string(project.folder().join(".handed/root.env")).unwrap()
}

#[track_caller]
fn password(project: &Project) -> String {
    let text = handed(project);
    text.lines().find_map(|line| line.strip_prefix("KEYCLOAK_PASSWORD=")).unwrap().to_owned()
}

fn signs_in(project: &Project, password: &str) -> bool {
    let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", "root"), ("password", password)];
    let answer: Value = project.admin().token(&access().http_url, &project.realm, &form);
    assert!(answer["access_token"].is_string() || answer["error"] == "invalid_grant", "{answer}");
    answer["access_token"].is_string()
}

#[track_caller]
fn issued(ran: &Output) -> bool {
    assert_eq!(ran.status, 0, "{ran:?}");
    ran.stdout.contains(": password of ")
}

#[test]
fn a_password_is_handed_over_and_kept() {
    let project = project("outputs-password");
    let ran = project.apply();
    let words = "output root: password of outputs-password/users/root issued\noutput root: .handed/root.env written\n";
    assert!(ran.stdout.ends_with(words), "{ran:?}");
    let (text, first) = (handed(&project), password(&project));
    let (realm, url) = (&project.realm, &access().http_url);
    let expected =
        format!("KEYCLOAK_PASSWORD={first}\nKEYCLOAK_REALM={realm}\nKEYCLOAK_URL={url}\nKEYCLOAK_USER=root\n");
    assert_eq!((&text, first.len()), (&expected, 24));
    assert!(signs_in(&project, &first));

    // Whatever looks at it, and whatever else changes.
    let hidden = project.run(&["output", "root"]);
    let shown = project.run(&["output", "root", "--show-secrets"]);
    assert!(hidden.stdout.contains("KEYCLOAK_PASSWORD=(secret)\n") && shown.stdout == text, "{hidden:?}");
    for command in [&["output"][..], &["output", "--write"], &["plan"], &["apply", "--yes"]] {
        assert!(!issued(&project.run(command)));
    }
    project.write_realm(&REALM.replace("root@", "roots@"));
    assert!(!issued(&project.apply()));
    assert_eq!(handed(&project), text);

    // Where it is nowhere any more there is another one, and a warning.
    std::fs::remove_file(project.folder().join(".handed/root.env")).unwrap();
    let looked = project.run(&["output", "root"]);
    assert!(looked.stdout.contains("(not issued)"), "{looked:?}");
    let ran = project.apply();
    assert!(issued(&ran) && ran.stderr.contains("it is void, since another one was issued"), "{ran:?}");
    let second = password(&project);
    assert_eq!([&first, &second].map(|password| signs_in(&project, password)), [false, true]);

    // So is there when somebody asks for another one, and of another user of that name.
    let ran = project.apply_with(&["--rotate", "outputs-password/users/root"]);
    assert!(issued(&ran) && !ran.stderr.contains("void"), "{ran:?}");
    let third = password(&project);
    assert_eq!([&second, &third].map(|password| signs_in(&project, password)), [false, true]);
    let admin = project.admin();
    admin.delete(&format!("users/{}", admin.id("users?username=root", "username", "root")));
    assert!(issued(&project.apply()));
    assert!(signs_in(&project, &password(&project)));

    // It goes with its user.
    project.write("realmform.toml", "name = \"outputs-password\"\n");
    project.write_realm("");
    let ran = project.apply_with(&["--allow-destroy", "outputs-password/users/root"]);
    assert!(ran.stdout.contains(".handed/root.env removed\n"), "{ran:?}");
}

#[test]
fn what_is_no_generated_password_is_not_handed_over() {
    let project = project("outputs-password-known");
    project.write_realm("[users.root]\npassword = { env = \"ROOT\" }\n");
    let ran = project.run(&["check"]);
    assert!(ran.status == 1 && ran.stderr.contains("where it is { generate = {} }"), "{ran:?}");
    project.write_realm("");
    let ran = project.run(&["check"]);
    assert!(ran.status == 1 && ran.stderr.contains("and no file declares that user"), "{ran:?}");
    // What nobody could take for it is not issued.
    project.write(
        "realmform.toml",
        &OUTPUTS.replace("NAME", &project.realm).replace("env = {}", "env = { P = \"{{ user.password|upper }}\" }"),
    );
    project.write_realm(REALM);
    let ran = project.run(&["apply", "--yes"]);
    assert!(ran.status == 6 && ran.stderr.contains("its template has to say {{ user.password }} as it is"), "{ran:?}");
}
