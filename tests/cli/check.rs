//! What is wrong in files is shown where it is, all of it at once.

use super::project;

#[test]
fn files_in_order() {
    let program = project(&[
        ("acme/realm.toml", "[roles.admin]\n[roles.all]\ncomposites = [\"admin\"]\n"),
        ("acme/clients/shop.toml", ""),
    ]);
    insta::assert_snapshot!(program.run(&["check"]), @"
    status: 0
    --- stdout
    In order: 4 objects in 1 realm.
    --- stderr
    ");
}

#[test]
fn a_name_that_only_the_server_can_know() {
    let program = project(&[("acme/realm.toml", "[clients.shop]\noptionalClientScopes = [\"phone\"]\n")]);
    insta::assert_snapshot!(program.run(&["check"]), @"
    status: 0
    --- stdout
    In order: 2 objects in 1 realm.
    1 name is declared nowhere in them; `realmform plan` asks the server.
    --- stderr
    ");
}

#[test]
fn broken_toml() {
    let program = project(&[("acme/realm.toml", "displayName = \"ACME\nenabled = true\n")]);
    insta::assert_snapshot!(program.run(&["check"]), @r#"
    status: 1
    --- stdout
    --- stderr
      × acme/realm.toml is not valid TOML
       ╭─[acme/realm.toml:1:20]
     1 │ displayName = "ACME
       ·                    ▲
       ·                    ╰── invalid basic string, expected `"`
     2 │ enabled = true
       ╰────
    error: 1 error in the realm files
    "#);
}

#[test]
fn a_field_that_two_files_set() {
    let program = project(&[
        ("acme/realm.toml", "[clients.shop]\nname = \"Shop\"\n"),
        ("acme/clients/shop.toml", "enabled = true\nname = \"The shop\"\n"),
    ]);
    insta::assert_snapshot!(program.run(&["check"]), @r#"
    status: 1
    --- stdout
    --- stderr
      × `name` of acme/clients/shop is set twice
       ╭─[acme/clients/shop.toml:2:1]
     1 │ enabled = true
     2 │ name = "The shop"
       · ──┬─
       ·   ╰── the second time
       ╰────
      help: keep one of them: all files of a realm are read as one
      ╰─▶   ☞ the other place
             ╭─[acme/realm.toml:2:1]
           1 │ [clients.shop]
           2 │ name = "Shop"
             · ──┬─
             ·   ╰── the first time
             ╰────
    error: 1 error in the realm files
    "#);
}

#[test]
fn a_field_that_one_file_sets_twice() {
    let program = project(&[("acme/realm.toml", "enabled = true\ndisplayName = \"A\"\nenabled = false\n")]);
    insta::assert_snapshot!(program.run(&["check"]), @r#"
    status: 1
    --- stdout
    --- stderr
      × `enabled` is set twice
       ╭─[acme/realm.toml:3:1]
     1 │ enabled = true
       · ───┬───
       ·    ╰── the first time
     2 │ displayName = "A"
     3 │ enabled = false
       · ───┬───
       ·    ╰── the second time
       ╰────
      help: keep one of them; a table may be opened only once in a file, so its fields belong together
    error: 1 error in the realm files
    "#);
}

#[test]
fn a_role_that_no_client_has() {
    let program =
        project(&[("acme/realm.toml", "[roles.admin]\ncomposites = [\"shop:refnd\"]\n[clients.shop.roles.refund]\n")]);
    insta::assert_snapshot!(program.run(&["check"]), @"
    status: 0
    --- stdout
    In order: 4 objects in 1 realm.
    1 name is declared nowhere in them; `realmform plan` asks the server.
    --- stderr
    ");
}

#[test]
fn a_wrong_type() {
    let program = project(&[("acme/realm.toml", "failureFactor = \"5\"\nenabled = \"yes\"\n")]);
    insta::assert_snapshot!(program.run(&["check"]), @r#"
    status: 1
    --- stdout
    --- stderr
      × `failureFactor` has the wrong type
       ╭─[acme/realm.toml:1:1]
     1 │ failureFactor = "5"
       · ──────┬──────
       ·       ╰── expected a whole number, found text
     2 │ enabled = "yes"
       ╰────
      help: write 5, without quotes

      × `enabled` has the wrong type
       ╭─[acme/realm.toml:2:1]
     1 │ failureFactor = "5"
     2 │ enabled = "yes"
       · ───┬───
       ·    ╰── expected true or false, found text
       ╰────
    error: 2 errors in the realm files
    "#);
}

#[test]
fn a_field_that_nobody_knows() {
    let program = project(&[("acme/realm.toml", "dispalyName = \"ACME\"\n")]);
    insta::assert_snapshot!(program.run(&["check"]), @r#"
    status: 0
    --- stdout
    In order: 1 object in 1 realm.
    --- stderr
      ⚠ `dispalyName` is no known field of a realm
       ╭─[acme/realm.toml:1:1]
     1 │ dispalyName = "ACME"
       · ─────┬─────
       ·      ╰── unknown field
       ╰────
      help: did you mean `displayName`?
    "#);
    insta::assert_snapshot!(program.run(&["check", "--strict"]), @r#"
    status: 1
    --- stdout
    --- stderr
      × `dispalyName` is no known field of a realm
       ╭─[acme/realm.toml:1:1]
     1 │ dispalyName = "ACME"
       · ─────┬─────
       ·      ╰── unknown field
       ╰────
      help: did you mean `displayName`?
    error: 1 error in the realm files
    "#);
}

#[test]
fn an_empty_realm_folder() {
    let program = project(&[("acme/realm.toml", "")]);
    std::fs::create_dir(program.folder().join("beta")).unwrap();
    insta::assert_snapshot!(program.run(&["check"]), @"
    status: 1
    --- stdout
    --- stderr
      × the realm folder beta has no realm file
      help: write beta/realm.toml (it may be empty: a realm with Keycloak's defaults), or remove the
            folder; each folder beside realmform.toml is a realm
    error: 1 error in the realm files
    ");
}

#[test]
fn a_file_that_is_not_utf_8() {
    let program = project(&[]);
    program.write("acme/realm.toml", b"# caf\xe9\ndisplayName = \"ACME\"\n");
    insta::assert_snapshot!(program.run(&["check"]), @r#"
    status: 1
    --- stdout
    --- stderr
      × acme/realm.toml is not UTF-8
       ╭─[acme/realm.toml:1:6]
     1 │ # caf�
       ·      ┬
       ·      ╰── byte 5 is not part of any character
     2 │ displayName = "ACME"
       ╰────
      help: TOML is UTF-8: save the file in that encoding
    error: 1 error in the realm files
    "#);
}

#[test]
fn a_secret_in_the_file_is_not_repeated() {
    let program = project(&[("acme/realm.toml", "[clients.shop]\nsecret = \"hunter2hunter2\"\n")]);
    let outcome = program.run(&["check"]);
    assert!(!outcome.contains("hunter2"), "{outcome}");
    insta::assert_snapshot!(outcome, @r#"
    status: 1
    --- stdout
    --- stderr
      × `secret` is a secret: it is written as a reference, never as text
       ╭─[acme/realm.toml:2:1]
     1 │ [clients.shop]
     2 │ secret = "***           "
       · ───┬──
       ·    ╰── has the secret itself
       ╰────
      help: write { env = "NAME" } (an environment variable), { file = "path" } (a file outside git),
            { vault = "mount/path#key" }, { sops = "file#key" }, { generate = {} } (made once and
            kept) or { keep = true } (whatever the server holds); if this was ever committed, replace
            the secret, since git keeps it
    error: 1 error in the realm files
    "#);
}

#[test]
fn everything_that_is_wrong_at_once() {
    let program = project(&[
        ("acme/realm.toml", "enabled = 1\naccessTokenLifespan = \"5 minutes\"\n"),
        ("acme/roles.toml", "[roles.a\n"),
        ("acme/clients/shop.toml", "redirectUris = \"https://shop\"\n"),
    ]);
    program.write("realmform.toml", "name = \"test\"\n[policy]\ndeletelimit = 3\n");
    program.write("beta/realm.toml", b"\xff");
    insta::assert_snapshot!(program.run(&["check"]), @r#"
    status: 1
    --- stdout
    --- stderr
      × `redirectUris` has the wrong type
       ╭─[acme/clients/shop.toml:1:1]
     1 │ redirectUris = "https://shop"
       · ──────┬─────
       ·       ╰── expected a list of texts, found text
       ╰────
      help: write ["https://shop"]

      × `enabled` has the wrong type
       ╭─[acme/realm.toml:1:1]
     1 │ enabled = 1
       · ───┬───
       ·    ╰── expected true or false, found a whole number
     2 │ accessTokenLifespan = "5 minutes"
       ╰────

      × `accessTokenLifespan` has the wrong type
       ╭─[acme/realm.toml:2:1]
     1 │ enabled = 1
     2 │ accessTokenLifespan = "5 minutes"
       · ─────────┬─────────
       ·          ╰── expected a whole number of seconds or a duration such as "5m", found text
       ╰────

      × acme/roles.toml is not valid TOML
       ╭─[acme/roles.toml:1:9]
     1 │ [roles.a
       ·         ▲
       ·         ╰── unclosed table, expected `]`
       ╰────

      × beta/realm.toml is not UTF-8
       ╭─[beta/realm.toml:1:1]
     1 │ �
       · ┬
       · ╰── byte 0 is not part of any character
       ╰────
      help: TOML is UTF-8: save the file in that encoding

      × `policy` has no `deletelimit`
       ╭─[realmform.toml:3:1]
     2 │ [policy]
     3 │ deletelimit = 3
       · ─────┬─────
       ·      ╰── unknown setting
       ╰────
      help: did you mean `deleteLimit`?
    error: 6 errors in the realm files
    "#);
}

#[test]
fn a_commit_instead_of_the_disk() {
    let program = project(&[("acme/realm.toml", "enabled = true\n")]);
    insta::assert_snapshot!(program.run(&["check", "--rev", "HEAD"]), @"
    status: 1
    --- stdout
    --- stderr
    error: FOLDER is not in a git repository
    hint: leave `--rev` out to read the files as they are on the disk
    ");
    program.git(&["init", "-q"]);
    program.git(&["add", "-A"]);
    program.git(&["commit", "-q", "-m", "first"]);
    program.write("acme/realm.toml", "enabled = 1\n");
    let outcome = program.run(&["check", "--rev", "HEAD"]);
    assert!(outcome.starts_with("status: 0\n"), "{outcome}");
    insta::assert_snapshot!(program.run(&["plan", "--rev", "v9"]), @"
    status: 1
    --- stdout
    --- stderr
    error: the repository has no commit `v9`
    hint: write one commit as git knows it, such as `HEAD~2`, `v1.4` or `origin/main`, and `git fetch` first
    ");
}
