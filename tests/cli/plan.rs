//! Plans and applies on a real server, as they are seen.

use crate::support::program::{Program, stdout};

const REALM: &str = "\
displayName = \"CLI\"
accessTokenLifespan = \"5m\"

[roles.admin]
description = \"Everything\"

[clients.shop]
redirectUris = [\"https://shop.example/*\"]
secret = { env = \"SHOP_SECRET\" }
";

/// A project of one realm in a repository. It is called like the realm: all tests share the server, and realms that a
/// project left behind are planned for deletion.
fn committed(realm: &str) -> Program {
    let program = Program::with_server().with("SHOP_SECRET", "s3cret-of-the-shop");
    program.write("realmform.toml", format!("name = \"{realm}\"\n"));
    program.write(&format!("{realm}/realm.toml"), REALM);
    program.git(&["init", "-q"]);
    commit(&program);
    program
}

fn commit(program: &Program) {
    program.git(&["add", "-A"]);
    program.git(&["commit", "-q", "-m", "change"]);
}

#[test]
fn a_plan_is_applied_changed_and_applied_again() {
    let program = committed("cli-plan");
    insta::assert_snapshot!(program.run(&["apply", "--yes"]), @r#"
    status: 0
    --- stdout
    + realm cli-plan                                                                                   cli-plan/realm.toml:1
        + accessTokenLifespan: 300                                                                     cli-plan/realm.toml:2
        + displayName: "CLI"                                                                           cli-plan/realm.toml:1
        + enabled: true                                                                                           by default

    + client shop  cli-plan/clients/shop                                                               cli-plan/realm.toml:7
        + redirectUris:                                                                                cli-plan/realm.toml:8
            + "https://shop.example/*"
        + secret: (secret, env SHOP_SECRET)                                                            cli-plan/realm.toml:9

    + role admin  cli-plan/roles/admin                                                                 cli-plan/realm.toml:4
        + description: "Everything"                                                                    cli-plan/realm.toml:5

    Plan: 3 to create, 0 to update, 0 to rename, 0 to delete.
    --- stderr
    cli-plan: applied, 3 changes in 3 steps.
    cli-plan: read again, nothing is left to do.
    "#);
    insta::assert_snapshot!(program.run(&["apply", "--yes"]), @"
    status: 0
    --- stdout
    No changes. cli-plan matches its files.
    --- stderr
    ");

    let changed = REALM.replace("5m", "10m").replace("https://shop.example/*", "https://shop.example/in");
    program.write("cli-plan/realm.toml", changed.replace("[roles.admin]\ndescription = \"Everything\"\n", ""));
    commit(&program);
    insta::assert_snapshot!(program.run(&["plan", "--detailed-exitcode"]), @r#"
    status: 2
    --- stdout
    ~ realm cli-plan                                                                                   cli-plan/realm.toml:1
        ~ accessTokenLifespan: 300 → 600                                                         cli-plan/realm.toml:2  edit
          (1 unchanged)

    ~ client shop  cli-plan/clients/shop                                                               cli-plan/realm.toml:5
        ~ redirectUris:                                                                          cli-plan/realm.toml:6  edit
            + "https://shop.example/in"
            - "https://shop.example/*"
          (1 unchanged)

    - role admin  cli-plan/roles/admin                                                                                 prune

    Plan: 0 to create, 2 to update, 0 to rename, 1 to delete.
    --- stderr
    "#);
    insta::assert_snapshot!(program.run(&["plan", "--format", "json"]), @r#"
    status: 0
    --- stdout
    {
      "concerns": [
        {
          "address": "cli-plan",
          "message": "lets sessions or tokens live longer (accessTokenLifespan)",
          "origin": {
            "column": 1,
            "file": "cli-plan/realm.toml",
            "line": 2
          },
          "path": [
            "accessTokenLifespan"
          ]
        }
      ],
      "formatVersion": 1,
      "realms": {
        "cli-plan": {
          "adopted": [],
          "changes": [
            {
              "action": "update",
              "address": "cli-plan",
              "fields": [
                {
                  "after": {
                    "value": 600
                  },
                  "before": {
                    "value": 300
                  },
                  "cause": "edit",
                  "origin": {
                    "column": 1,
                    "file": "cli-plan/realm.toml",
                    "line": 2
                  },
                  "path": [
                    "accessTokenLifespan"
                  ]
                }
              ],
              "kind": "realm",
              "origin": {
                "column": 1,
                "file": "cli-plan/realm.toml",
                "line": 1
              },
              "preventDestroy": false,
              "unchanged": 1
            },
            {
              "action": "update",
              "address": "cli-plan/clients/shop",
              "fields": [
                {
                  "after": {
                    "value": [
                      "https://shop.example/in"
                    ]
                  },
                  "before": {
                    "value": [
                      "https://shop.example/*"
                    ]
                  },
                  "cause": "edit",
                  "origin": {
                    "column": 1,
                    "file": "cli-plan/realm.toml",
                    "line": 6
                  },
                  "path": [
                    "redirectUris"
                  ]
                }
              ],
              "kind": "client",
              "origin": {
                "column": 10,
                "file": "cli-plan/realm.toml",
                "line": 5
              },
              "preventDestroy": false,
              "unchanged": 1
            },
            {
              "action": "delete",
              "address": "cli-plan/roles/admin",
              "fields": [],
              "kind": "role",
              "origin": null,
              "preventDestroy": false,
              "unchanged": 0,
              "unmanaged": false
            }
          ],
          "forgotten": [],
          "recordChanges": true,
          "steps": [
            {
              "action": "update",
              "address": "cli-plan",
              "carries": [],
              "fields": [
                [
                  "accessTokenLifespan"
                ]
              ],
              "needs": []
            },
            {
              "action": "update",
              "address": "cli-plan/clients/shop",
              "carries": [],
              "fields": [
                [
                  "redirectUris"
                ]
              ],
              "needs": []
            },
            {
              "action": "delete",
              "address": "cli-plan/roles/admin",
              "carries": [],
              "fields": [],
              "needs": []
            }
          ],
          "summary": {
            "adopt": 0,
            "create": 0,
            "delete": 1,
            "forget": 0,
            "rename": 0,
            "update": 2
          }
        }
      },
      "summary": {
        "adopt": 0,
        "create": 0,
        "delete": 1,
        "forget": 0,
        "rename": 0,
        "update": 2
      }
    }
    --- stderr
    "#);
    insta::assert_snapshot!(program.with("SHOP_SECRET", "another-s3cret").run(&["apply", "--yes"]), @r#"
    status: 0
    --- stdout
    ~ realm cli-plan                                                                                   cli-plan/realm.toml:1
        ~ accessTokenLifespan: 300 → 600                                                         cli-plan/realm.toml:2  edit
          (1 unchanged)

    ~ client shop  cli-plan/clients/shop                                                               cli-plan/realm.toml:5
        ~ redirectUris:                                                                          cli-plan/realm.toml:6  edit
            + "https://shop.example/in"
            - "https://shop.example/*"
        ~ secret: secret changed (env SHOP_SECRET)                                      cli-plan/realm.toml:7  edit or drift

    - role admin  cli-plan/roles/admin                                                                                 prune

    Plan: 0 to create, 2 to update, 0 to rename, 1 to delete.
    --- stderr
    cli-plan: applied, 3 changes in 3 steps.
    cli-plan: read again, nothing is left to do.
    "#);
}

#[test]
fn nobody_is_there_to_ask() {
    let program = committed("cli-ask");
    let outcome = program.run(&["apply"]);
    insta::assert_snapshot!(outcome.split_once("--- stderr").unwrap().1, @"

    error: there is nobody to ask: standard input is not a terminal
    hint: say --yes to go on without being asked
    ");
    assert!(outcome.starts_with("status: 1\n"), "{outcome}");
    assert_eq!(stdout(&program.run(&["plan"])), stdout(&outcome), "nothing was applied");
}

#[test]
fn a_changed_work_tree_is_not_applied_where_a_clean_one_is_asked_for() {
    let program = committed("cli-clean");
    program.write("cli-clean/realm.toml", REALM.replace("5m", "6m"));
    insta::assert_snapshot!(program.run(&["apply", "--yes", "--require-clean"]), @"
    status: 1
    --- stdout
    --- stderr
    error: the work tree differs from its commit, and a clean one is required
    hint: commit or stash your changes, or leave --require-clean (policy.requireClean) out
    ");
    program.write("realmform.toml", "name = \"cli-clean\"\n[policy]\nrequireClean = true\n");
    insta::assert_snapshot!(program.run(&["apply", "--yes"]), @"
    status: 1
    --- stdout
    --- stderr
    error: the work tree differs from its commit, and a clean one is required
    hint: commit or stash your changes, or leave --require-clean (policy.requireClean) out
    ");
    program.write("realmform.toml", "name = \"cli-clean\"\n");
    let outcome = program.run(&["apply", "--yes"]);
    assert!(outcome.starts_with("status: 0\n"), "{outcome}");
    assert!(outcome.contains("warning: the work tree differs from its commit"), "{outcome}");
}

#[test]
fn a_missing_secret_and_a_name_that_nobody_knows() {
    let program = committed("cli-unknown");
    program.write("cli-unknown/clients/api.toml", "secret = { env = \"API_SECRET\" }\n");
    insta::assert_snapshot!(program.run(&["plan"]), @r#"
    status: 1
    --- stdout
    --- stderr
    error: secrets are missing
      the environment variable API_SECRET is not set
        for cli-unknown/clients/api.secret (cli-unknown/clients/api.toml:1)
    hint: set it where realmform runs; `{ keep = true }` leaves the server's value alone
    "#);
    program.write("cli-unknown/clients/api.toml", "optionalClientScopes = [\"adress\"]\n");
    insta::assert_snapshot!(program.run(&["plan"]), @r#"
    status: 1
    --- stdout
    --- stderr
      × there is no client scope `adress` in the realm cli-unknown
       ╭─[cli-unknown/clients/api.toml:1:25]
     1 │ optionalClientScopes = ["adress"]
       ·                         ────┬───
       ·                             ╰── unknown client scope
       ╰────
      help: did you mean `address`?
    error: 1 error in the realm files
    "#);
}

#[test]
fn a_guard_refuses() {
    let program = committed("master");
    insta::assert_snapshot!(program.run(&["plan"]), @r#"
    status: 4
    --- stdout
    ~ realm master                                                                                       master/realm.toml:1
        ~ accessTokenLifespan: 60 → 300                                                            master/realm.toml:2  edit
        ~ displayName: "Keycloak" → "CLI"                                                          master/realm.toml:1  edit

    + client shop  master/clients/shop                                                                   master/realm.toml:7
        + redirectUris:                                                                                  master/realm.toml:8
            + "https://shop.example/*"
        + secret: (secret, env SHOP_SECRET)                                                              master/realm.toml:9

    ~ role admin  master/roles/admin                                                                     master/realm.toml:4
        ~ description: "${role_admin}" → "Everything"                                              master/realm.toml:5  edit

    Plan: 1 to create, 2 to update, 0 to rename, 0 to delete.

    ! Refused:
          realm master is protected, and the plan changes it
              to allow it: leave master out of the policy's protected realms
    --- stderr
    error: refused by a guard; nothing was changed
    "#);
}

#[test]
fn a_server_that_is_not_there() {
    let program = committed("cli-nowhere").with("KEYCLOAK_URL", "http://127.0.0.1:1");
    insta::assert_snapshot!(program.run(&["plan"]), @"
    status: 1
    --- stdout
    --- stderr
    error: cannot reach 127.0.0.1:1: nothing listens there
    hint: check the port, and whether the server is running
    ");
}

#[test]
fn a_wrong_password() {
    let program = committed("cli-password").with("KEYCLOAK_PASSWORD", "wrong");
    let outcome = program.run(&["plan"]);
    assert!(!outcome.contains("wrong\n"), "{outcome}");
    insta::with_settings!({ filters => [(r"127\.0\.0\.1:\d+", "SERVER")] }, {
        insta::assert_snapshot!(outcome, @"
        status: 1
        --- stdout
        --- stderr
        error: sign-in as user admin (client admin-cli) in realm master was refused: Invalid user credentials
        hint: check the user and the password
        ");
    });
}
