//! Command lines that cannot be understood exit with 64, and say what would be.

use super::project;
use crate::support::program::{Program, stdout};

#[test]
fn an_unknown_command() {
    insta::assert_snapshot!(Program::new().run(&["aply"]), @"
    status: 64
    --- stdout
    --- stderr
    error: unrecognized subcommand 'aply'

      tip: a similar subcommand exists: 'apply'

    Usage: realmform [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn an_unknown_option() {
    insta::assert_snapshot!(Program::new().run(&["plan", "--realms", "acme"]), @"
    status: 64
    --- stdout
    --- stderr
    error: unexpected argument '--realms' found

      tip: a similar argument exists: '--realm'

    Usage: realmform plan --realm <REALM>

    For more information, try '--help'.
    ");
}

#[test]
fn a_wrong_command_in_a_sandbox_starts_no_server() {
    insta::assert_snapshot!(Program::new().run(&["sandbox", "sandbox", "plan"]), @"
    status: 64
    --- stdout
    --- stderr
    error: a sandbox runs no other sandbox
    ");
    insta::assert_snapshot!(Program::new().run(&["sandbox", "plan", "--no-such-option"]), @"
    status: 64
    --- stdout
    --- stderr
    error: unexpected argument '--no-such-option' found

    Usage: realmform plan [OPTIONS]

    For more information, try '--help'.
    ");
}

#[test]
fn an_unknown_realm() {
    let program = project(&[("acme/realm.toml", ""), ("beta/realm.toml", "")]);
    insta::assert_snapshot!(program.run(&["check", "--realm", "acmee"]), @"
    status: 64
    --- stdout
    --- stderr
    error: --realm acmee: the project has only acme, beta
    ");
}

#[test]
fn no_server_and_no_credential() {
    let program = project(&[("acme/realm.toml", "")]);
    insta::assert_snapshot!(program.run(&["plan"]), @"
    status: 64
    --- stdout
    --- stderr
    error: no server: set KEYCLOAK_URL, say --url, or name one in realmform.toml ([servers.NAME] url = …)
    ");
    insta::assert_snapshot!(program.run(&["plan", "--url", "http://127.0.0.1:1"]), @"
    status: 64
    --- stdout
    --- stderr
    error: no credential: set KEYCLOAK_CLIENT_ID and KEYCLOAK_CLIENT_SECRET, KEYCLOAK_USER and KEYCLOAK_PASSWORD, or KEYCLOAK_ACCESS_TOKEN
    ");
    insta::assert_snapshot!(program.run(&["plan", "--url", "http://127.0.0.1:1", "--client-id", "robot"]), @"
    status: 64
    --- stdout
    --- stderr
    error: no secret for client robot: set KEYCLOAK_CLIENT_SECRET
    ");
}

#[test]
fn a_server_of_several() {
    let program = project(&[("acme/realm.toml", "")]);
    let servers = "name = 'test'\n[servers.live]\nurl = 'https://a'\n[servers.staging]\nurl = 'https://b'\n";
    program.write("realmform.toml", servers);
    insta::assert_snapshot!(program.run(&["plan"]), @"
    status: 64
    --- stdout
    --- stderr
    error: which server? Say --server with one of live, staging
    ");
    insta::assert_snapshot!(program.run(&["plan", "--server", "stagging"]), @"
    status: 64
    --- stdout
    --- stderr
    error: --server stagging: the project file has only live, staging
    ");
}

#[test]
fn no_project() {
    insta::assert_snapshot!(Program::new().run(&["check"]), @"
    status: 1
    --- stdout
    --- stderr
    error: no realmform.toml here or in a parent folder, nor in a folder `realms` of one
    hint: looked from FOLDER upwards; `realmform init` writes a project, `--project DIR` names one
    ");
    insta::assert_snapshot!(Program::new().run(&["check", "--project", "elsewhere"]), @"
    status: 64
    --- stdout
    --- stderr
    error: --project elsewhere: there is no realmform.toml in it
    ");
}

#[test]
fn a_project_is_found_from_within_and_beside() {
    let program = project(&[("acme/clients/shop.toml", "")]);
    let inside = program.at("acme/clients").run(&["check"]);
    assert!(stdout(&inside).starts_with("In order: 2 objects in 1 realm."), "{inside}");

    let program = Program::new();
    program.write("realms/realmform.toml", "name = 'test'");
    program.write("realms/acme/realm.toml", "");
    program.write("src/deep/main.rs", "");
    let beside = program.at("src/deep").run(&["check"]);
    assert!(stdout(&beside).starts_with("In order: 1 object in 1 realm."), "{beside}");
}

#[test]
fn completions() {
    for (shell, sign) in [("bash", "_realmform()"), ("zsh", "#compdef realmform"), ("fish", "complete -c realmform")] {
        let outcome = Program::new().run(&["completions", shell]);
        assert!(outcome.starts_with("status: 0\n") && stdout(&outcome).contains(sign), "{outcome}");
    }
    insta::assert_snapshot!(Program::new().run(&["completions", "tcsh"]), @"
    status: 64
    --- stdout
    --- stderr
    error: invalid value 'tcsh' for '<SHELL>'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'zsh'

    For more information, try '--help'.
    ");
}

#[test]
fn schemas() {
    let program = Program::new();
    let one = program.run(&["schema", "client"]);
    // Not as assert_eq, which would print both of them when the committed one is old.
    assert!(stdout(&one) == include_str!("../../schemas/client.schema.json"), "cargo run -- schema --write schemas");
    let all: serde_json::Value = serde_json::from_str(stdout(&program.run(&["schema"]))).unwrap();
    assert_eq!(all["client.schema.json"], serde_json::from_str::<serde_json::Value>(stdout(&one)).unwrap());
    insta::assert_snapshot!(program.run(&["schema", "--write", "a/b"]), @r#"
status: 0
--- stdout
--- stderr
42 schemas written to a/b
"#);
    assert_eq!(std::fs::read_to_string(program.folder().join("a/b/client.schema.json")).unwrap(), stdout(&one));
    insta::assert_snapshot!(program.run(&["schema", "clients"]), @r#"
status: 64
--- stdout
--- stderr
error: there is no schema `clients`; there are authentication-flow, authorization-permission, authorization-policy, authorization-resource, authorization-scope, blueprint-realm, blueprint, client-policy, client-profile, client-registration-policy, client-role, client-scope, client, component, group, identity-provider-mapper, identity-provider, key-provider, localization, organization, output-diff, output-drift, output-explain, output-output, output-plan, output-refresh, output-status, output-update, permission-policy, permission, protocol-mapper, realm, realmform, required-action, role, saved-plan, user-federation-mapper, user-federation-provider, user-profile-attribute, user-profile-group, user, workflow
"#);
}

#[test]
fn a_log_level_that_is_none() {
    insta::assert_snapshot!(project(&[("acme/realm.toml", "")]).run(&["check", "--log", "a=b=c"]), @"
    status: 64
    --- stdout
    --- stderr
    error: invalid value 'a=b=c' for '--log <LEVEL>'
      [possible values: error, warn, info, debug, trace]

    For more information, try '--help'.
    ");
}
