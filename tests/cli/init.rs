//! A new project is in order, is applied as it is, and takes nothing's place.

use std::path::Path;

use walkdir::WalkDir;

use crate::support::program::{Program, stdout};

/// The name of the folder that holds the project becomes the project's, so it is a fixed one.
fn platform() -> Program {
    let program = Program::new();
    std::fs::create_dir(program.folder().join("platform")).unwrap();
    program.at("platform")
}

fn files(folder: &Path) -> Vec<String> {
    let files = WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files.map(|entry| entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_new_project_is_in_order() {
    let program = platform();
    insta::assert_snapshot!(program.run(&["init"]), @"
    status: 0
    --- stdout
    Written:
      realms/realmform.toml
      realms/example/realm.toml
      realms/example/roles.toml
      realms/example/clients/web.toml

    Next:
      realmform check                  look the files over
      realmform sandbox apply --yes    try them on a throwaway Keycloak
      realmform plan                   show what would change on your server

    A plan takes KEYCLOAK_URL, KEYCLOAK_CLIENT_ID and KEYCLOAK_CLIENT_SECRET from the environment,
    and WEB_CLIENT_SECRET for the client `web`.
    --- stderr
    ");
    insta::assert_snapshot!(program.run(&["check", "--strict"]), @"
    status: 0
    --- stdout
    In order: 8 objects in 1 realm.
    5 names are declared nowhere in them; `realmform plan` asks the server.
    --- stderr
    ");
    let project = std::fs::read_to_string(program.folder().join("platform/realms/realmform.toml")).unwrap();
    assert!(project.contains("\nname = \"platform\"\n"), "{project}");
}

#[test]
fn a_real_server_takes_a_new_project() {
    let program = Program::with_server().with("WEB_CLIENT_SECRET", "an-example-secret");
    program.run(&["init", ".", "--realm", "first-realm"]);
    let applied = program.run(&["apply", "--yes", "--strict"]);
    assert!(applied.starts_with("status: 0\n"), "{applied}");
    let planned = program.run(&["plan", "--detailed-exitcode"]);
    assert!(planned.starts_with("status: 0\n"), "{planned}");
}

#[test]
fn what_is_there_stays() {
    let program = platform();
    program.write("platform/realms/realmform.toml", "mine");
    program.write("platform/realms/acme/realm.toml", "mine");
    program.write("platform/realms/README.md", "mine");
    program.write("platform/realms/.git/config", "mine");
    let before = files(program.folder());
    insta::assert_snapshot!(program.run(&["init"]), @"
    status: 1
    --- stdout
    --- stderr
    error: realms cannot become a project: 2 things are in the way
      acme/ (would be a realm)
      realmform.toml
    hint: nothing was written; name a folder of its own: `realmform init DIR`
    ");
    assert_eq!(files(program.folder()), before);
    for file in before {
        assert_eq!(std::fs::read_to_string(program.folder().join(file)).unwrap(), "mine");
    }
}

#[test]
fn a_folder_of_other_things_is_no_place_for_a_project() {
    let program = platform();
    program.write("platform/src/main.rs", "");
    insta::assert_snapshot!(program.run(&["init", "."]), @"
    status: 1
    --- stdout
    --- stderr
    error: . cannot become a project: 1 thing is in the way
      src/ (would be a realm)
    hint: nothing was written; name a folder of its own: `realmform init DIR`
    ");
}

#[test]
fn a_project_in_a_project_would_be_a_realm() {
    let program = platform();
    program.run(&["init"]);
    insta::assert_snapshot!(program.run(&["init", "realms/more"]), @"
    status: 1
    --- stdout
    --- stderr
    error: realms/more cannot become a project: 1 thing is in the way
      FOLDER/platform/realms/realmform.toml (a project around it)
    hint: nothing was written; name a folder of its own: `realmform init DIR`
    ");
}

#[test]
fn files_beside_it_do_not_matter() {
    let program = platform();
    program.write("platform/realms/README.md", "mine");
    program.write("platform/realms/.editorconfig", "mine");
    let outcome = program.run(&["init", "--realm", "customer-acme"]);
    assert!(outcome.starts_with("status: 0\n"), "{outcome}");
    let realms = program.folder().join("platform/realms");
    let expected = [
        ".editorconfig",
        "README.md",
        "customer-acme/clients/web.toml",
        "customer-acme/realm.toml",
        "customer-acme/roles.toml",
        "realmform.toml",
    ];
    assert_eq!(files(&realms), expected);
}

/// There is a file where a folder has to be.
#[test]
fn a_failure_leaves_nothing() {
    let program = platform();
    program.write("platform/file", "no folder");
    let outcome = program.run(&["init", "file/realms"]);
    assert!(outcome.starts_with("status: 1\n"), "{outcome}");
    assert_eq!(files(program.folder()), ["platform/file"]);
}

#[test]
fn some_names_are_no_realms() {
    insta::assert_snapshot!(platform().run(&["init", "--realm", "master"]), @"
    status: 64
    --- stdout
    --- stderr
    error: invalid value 'master' for '--realm <NAME>': this realm is Keycloak's own, and protected

    For more information, try '--help'.
    ");
    for name in ["a/b", "..", ".hidden", "", "environments", "a b"] {
        let outcome = platform().run(&["init", "--realm", name]);
        assert!(outcome.starts_with("status: 64\n"), "{outcome}");
        assert_eq!(stdout(&outcome), "");
    }
}
