//! What differs between two states of the files, without a server.

use serde_json::Value;

use super::project;
use crate::schemas::Validator;
use crate::support::program::Program;

const REALM: &str = "\
accessTokenLifespan = 300
bruteForceProtected = true

[roles.clerk]
description = \"Sells books\"

[groups.\"/staff\"]

[clients.gone]
";

const SHOP: &str = "\
redirectUris = [\"https://shop.example/back\"]
secret = { env = \"SHOP_SECRET\" }
serviceAccountsEnabled = true
serviceAccount.realmRoles = [\"clerk\"]
";

/// A project with one commit, which is also the branch `main`.
fn committed() -> Program {
    let program = project(&[("acme/realm.toml", REALM), ("acme/clients/shop.toml", SHOP)]);
    program.git(&["init", "-q", "--initial-branch=main"]);
    commit(&program, "first");
    program
}

fn commit(program: &Program, message: &str) {
    program.git(&["add", "-A"]);
    program.git(&["commit", "-q", "-m", message]);
}

fn change(program: &Program) {
    let realm = REALM.replace("300", "600").replace("bruteForceProtected = true\n", "").replace("[clients.gone]\n", "");
    program.write("acme/realm.toml", format!("{realm}[roles.auditor]\n"));
    let shop =
        SHOP.replace("back\"", "back\", \"https://shop.example/*\"").replace("[\"clerk\"]", "[\"auditor\", \"clerk\"]");
    program.write("acme/clients/shop.toml", shop.replace("SHOP_SECRET", "SHOP_SECRET_2"));
}

#[test]
fn what_the_work_tree_changes() {
    let program = committed();
    change(&program);
    insta::assert_snapshot!(program.run(&["diff"]), @r#"
    status: 0
    --- stdout
    ! Concerns security:
          realm acme: lets sessions or tokens live longer (accessTokenLifespan)                            acme/realm.toml:1
          realm acme: no longer slows down who tries passwords
          client shop: may send users to https://shop.example/*                                     acme/clients/shop.toml:1
          client shop: gains the role auditor                                                       acme/clients/shop.toml:4

    ~ realm acme                                                                                           acme/realm.toml:1
        ~ accessTokenLifespan: 300 → 600                                                                   acme/realm.toml:1
        ~ bruteForceProtected: true → false (Keycloak's default)

    - client gone  acme/clients/gone

    ~ client shop  acme/clients/shop                                                                acme/clients/shop.toml:1
        ~ redirectUris:                                                                             acme/clients/shop.toml:1
            + "https://shop.example/*"
              (1 unchanged)
        ~ secret: secret changed (env SHOP_SECRET_2)                                                acme/clients/shop.toml:2
        ~ serviceAccount.realmRoles:                                                                acme/clients/shop.toml:4
            + "auditor"
              (1 unchanged)
          (1 unchanged)

    + role auditor  acme/roles/auditor                                                                     acme/realm.toml:8

    1 added, 2 changed, 0 renamed, 1 removed.
    --- stderr
    "#);
}

#[test]
fn between_two_commits_and_back() {
    let program = committed();
    change(&program);
    commit(&program, "second");
    let there: Value = json(&program, &["diff", "main~1..main", "--format", "json"]);
    assert_eq!(Validator::of("output-diff").errors_in(&there), "");
    assert_eq!(there["summary"]["update"], 2);
    assert_eq!(there["concerns"].as_array().unwrap().len(), 4);
    let back = json(&program, &["diff", "main..HEAD~1", "--format", "json"]);
    assert_eq!(
        (&back["summary"]["create"], &back["summary"]["delete"]),
        (&there["summary"]["delete"], &there["summary"]["create"])
    );
    assert_eq!(back["concerns"], serde_json::json!([]), "what lets less in is no concern");
    // A side that is not said is HEAD.
    assert_eq!(json(&program, &["diff", "main~1..", "--format", "json"]), there);
    assert!(program.run(&["diff"]).contains("No difference."));
    assert!(program.run(&["diff", "HEAD~1", "--detailed-exitcode"]).starts_with("status: 2"));
    assert!(program.run(&["diff", "HEAD", "--detailed-exitcode"]).starts_with("status: 0"));
}

/// Files are compared by what they mean.
#[test]
fn what_is_written_otherwise_is_the_same() {
    let program = committed();
    program.write("acme/realm.toml", REALM.replace("300", "\"5m\"").replace("[clients.gone]\n", ""));
    program.write("acme/clients/gone.toml", "# Moved, and as Keycloak would have it:\nenabled = true\n");
    insta::assert_snapshot!(program.run(&["diff"]), @"
    status: 0
    --- stdout
    No difference.
    --- stderr
    ");
}

#[test]
fn a_realm_of_many() {
    let program = committed();
    program.write("other/realm.toml", "displayName = \"Other\"\n");
    change(&program);
    let other = json(&program, &["diff", "--realm", "other", "--format", "json"]);
    assert_eq!(other["realms"].as_object().unwrap().keys().collect::<Vec<_>>(), ["other"]);
    insta::assert_snapshot!(program.run(&["diff", "--realm", "nowhere"]), @"
    status: 64
    --- stdout
    --- stderr
    error: --realm nowhere: the files only have acme, other
    ");
}

#[test]
fn revisions_that_are_none() {
    let program = committed();
    insta::assert_snapshot!(program.run(&["diff", "nowhere..main"]), @"
    status: 1
    --- stdout
    --- stderr
    error: the repository has no commit `nowhere`
    hint: write one commit as git knows it, such as `HEAD~2`, `v1.4` or `origin/main`, and `git fetch` first
    ");
    insta::assert_snapshot!(program.run(&["diff", "main...HEAD"]), @"
    status: 64
    --- stdout
    --- stderr
    error: diff main...HEAD: three dots would start where both began; say `$(git merge-base A B)..B`
    ");
}

#[test]
fn files_of_a_commit_that_are_not_in_order() {
    let program = committed();
    program.write("acme/roles.toml", "[roles.clerk]\ndescription = 5\n");
    commit(&program, "broken");
    program.write("acme/roles.toml", "");
    insta::assert_snapshot!(program.run(&["diff"]), @r#"
    status: 1
    --- stdout
    --- stderr
    the files of HEAD:
      × `description` has the wrong type
       ╭─[acme/roles.toml:2:1]
     1 │ [roles.clerk]
     2 │ description = 5
       · ─────┬─────
       ·      ╰── expected text, found a whole number
       ╰────
      help: write "5", with quotes
    error: 1 error in the realm files
    "#);
}

fn json(program: &Program, arguments: &[&str]) -> Value {
    let told = program.run(arguments);
    let text = told.split("--- stdout\n").nth(1).and_then(|text| text.split("--- stderr").next()).unwrap();
    serde_json::from_str(text).unwrap()
}
