//! What the policy of the project file and the guards stop on a real server, and what lets it through.

use serde_json::json;

use crate::support::access;
use crate::support::project::{Output, Project};

/// Writes the project file with this policy.
fn policy(project: &Project, policy: &str) {
    project.write("realmform.toml", &format!("name = \"{}\"\n[policy]\n{policy}\n", project.realm));
}

/// Applies, which a guard refuses in these words.
#[track_caller]
fn refused(project: &Project, arguments: &[&str], words: &str) -> Output {
    let output = project.run(&[&["apply", "--yes"], arguments].concat());
    assert!(output.status == 4 && output.stdout.contains(words), "{words}\n{}\n{}", output.stdout, output.stderr);
    output
}

#[test]
fn a_pattern_outlives_the_file_of_what_it_guards() {
    let project = Project::new("guard-prevent");
    policy(&project, "preventDestroy = [\"guard-prevent/clients/*\"]");
    project.write_realm("[roles.one]\n");
    project.write("guard-prevent/clients/shop.toml", "publicClient = true\n");
    project.apply();
    std::fs::remove_dir_all(project.folder().join("guard-prevent/clients")).unwrap();
    refused(&project, &[], "the policy's preventDestroy names guard-prevent/clients/*");
    // What goes beside it needs no consent of its own.
    project.write_realm("");
    refused(&project, &["--allow-many-deletes"], "client guard-prevent/clients/shop would be deleted");
    assert_eq!(project.admin().status("roles/one"), 200);
    project.apply_with(&["--allow-destroy", "guard-prevent/clients/shop"]);
    assert_eq!(project.admin().get("clients?clientId=shop"), json!([]));
}

#[test]
fn so_many_objects_are_deleted_and_no_more() {
    let project = Project::new("guard-limit");
    let declare = |roles: usize, groups: usize| {
        let roles = (0..roles).map(|n| format!("[roles.r{n}]\n"));
        let groups = (0..groups).map(|n| format!("[groups.\"/g{n}\"]\n"));
        project.write_realm(&roles.chain(groups).collect::<String>());
    };
    policy(&project, "deleteLimit = { percent = 100, objects = 3, kinds = { roles = 1, users = 0 } }");
    declare(9, 9);
    project.apply();
    declare(7, 9);
    refused(&project, &[], "2 of `roles` would be deleted, more than 1");
    project.apply_with(&["--allow-destroy", "guard-limit/roles/r8"]);
    declare(6, 8);
    project.apply();
    declare(6, 4);
    refused(&project, &[], "4 objects would be deleted, more than 3");
    project.apply_with(&["--allow-many-deletes"]);
    declare(6, 1);
    policy(&project, "deleteLimit = { percent = 10 }");
    refused(&project, &[], "3 of 11 objects would be deleted, more than 10 %");
    policy(&project, "deleteLimit = 50");
    project.apply();
    declare(0, 1);
    policy(&project, "deleteLimit = 100");
    refused(&project, &[], "every role would be deleted (6 of 6)");
    project.apply_with(&["--allow-many-deletes"]);
    assert_eq!(project.admin().status("roles/r0"), 404);
}

/// What a declaration says of its own end holds when it is gone: it is read from the commit that was applied last.
#[test]
fn a_declaration_guards_what_it_declared() {
    let project = Project::in_git("guard-own-end");
    project.write_realm("[clients.shop]\nlifecycle.preventDestroy = true\n[clients.web]\n");
    project.commit("Guarded");
    project.apply();
    project.write_realm("");
    project.commit("Gone");
    refused(
        &project,
        &["--allow-many-deletes", "--allow-destroy", "guard-own-end/clients/web"],
        "client guard-own-end/clients/shop would be deleted, but its declaration said preventDestroy when it was applied last",
    );
    assert_eq!(project.admin().get("clients?clientId=web")[0]["clientId"], "web", "nothing of a refused plan is done");
    project.apply_with(&["--allow-destroy", "guard-own-end/clients/shop"]);
    assert_eq!(project.admin().get("clients?clientId=shop"), json!([]));
    // Or the declaration lets go first.
    project.write_realm("[clients.shop]\nlifecycle.preventDestroy = true\n");
    project.commit("Guarded again");
    project.apply();
    project.write_realm("[clients.shop]\nname = \"Shop\"\n");
    project.commit("No longer guarded");
    project.apply();
    project.write_realm("");
    project.commit("Gone again");
    project.apply();
}

#[test]
fn what_only_its_creation_sets_takes_two_runs() {
    let project = Project::new("guard-creation");
    let provider = |id: &str, config: &str| {
        project.write_realm(&format!("[identityProviders.up]\nproviderId = \"{id}\"\nconfig = {{ {config} }}\n"));
    };
    provider(
        "oidc",
        "clientId = \"x\", authorizationUrl = \"https://u.example/a\", tokenUrl = \"https://u.example/t\"",
    );
    project.apply();
    let saml = "singleSignOnServiceUrl = \"https://u.example/sso\", idpEntityId = \"https://u.example\"";
    provider("saml", saml);
    let address = "guard-creation/identityProviders/up";
    refused(&project, &["--allow-destroy", address], "providerId of an existing identity provider cannot change");
    project.write_realm("");
    project.apply_with(&["--allow-destroy", address]);
    provider("saml", saml);
    project.apply();
    assert_eq!(project.admin().get("identity-provider/instances/up")["providerId"], "saml");
}

#[test]
fn master_changes_only_where_the_policy_says_so() {
    let project = Project::new("guard-master");
    project.write("master/realm.toml", "[roles.guard-master]\n");
    refused(&project, &[], "realm master is protected, and the plan changes it");
    policy(&project, "protectedRealms = [\"guard-master\"]");
    refused(&project, &[], "realm guard-master is protected, and the plan changes it");
    policy(&project, "protectedRealms = []");
    project.apply();
    let master = crate::support::admin::Admin::of("master");
    assert_eq!(master.status("roles/guard-master"), 200);
    project.write("master/realm.toml", "");
    project.apply();
    assert_eq!(master.status("roles/guard-master"), 404);
    master.delete(&format!("clients/{}", master.client("realmform:guard-master")));
}

#[test]
fn realmform_does_not_lock_itself_out() {
    let mut project = Project::new("guard-own");
    project.set("CI_SECRET", "the-secret-of-ci");
    let realm = |settings: &str, fields: &str, roles: &str| {
        format!(
            "{settings}\n[clients.ci]\nsecret = {{ env = \"CI_SECRET\" }}\nserviceAccountsEnabled = true\n{fields}\n\
             serviceAccount.clientRoles.realm-management = [{roles}]\n"
        )
    };
    project.write_realm(&realm("", "", "\"realm-admin\", \"view-users\""));
    project.apply();
    project.sign_in_as_client("guard-own", "ci", "the-secret-of-ci");
    project.assert_empty_plan();
    let is_it = "client guard-own/clients/ci is what realmform signs in with, and would";
    for (settings, fields, roles, words) in [
        ("", "enabled = false", "\"realm-admin\"", format!("{is_it} get enabled = false")),
        ("", "publicClient = true", "\"realm-admin\"", format!("{is_it} get publicClient = true")),
        (
            "",
            "",
            "\"view-users\"",
            format!("{is_it} lose realm-admin of its serviceAccount.clientRoles.realm-management"),
        ),
        (
            "enabled = false",
            "",
            "\"realm-admin\"",
            "realm guard-own is what realmform signs in to, and would get enabled = false".to_owned(),
        ),
    ] {
        let secret = if fields.contains("publicClient") { "secret = { env = \"CI_SECRET\" }\n" } else { "" };
        project.write_realm(&realm(settings, fields, roles).replacen(secret, "", secret.len().min(1)));
        refused(&project, &["--allow-many-deletes"], &words);
    }
    let renamed = realm("", "lifecycle.renamedFrom = \"ci\"", "\"realm-admin\"").replace("clients.ci]", "clients.cd]");
    project.write_realm(&renamed);
    refused(&project, &["--allow-many-deletes"], "is what realmform signs in with, and would be renamed cd");
    project.write_realm("");
    refused(&project, &["--allow-destroy", "guard-own/clients/ci"], &format!("{is_it} be deleted"));
    // What another role of it covers may go.
    project.write_realm(&realm("", "", "\"realm-admin\""));
    project.apply();
    // Somebody else may do it.
    let others = [("KEYCLOAK_REALM", "master"), ("KEYCLOAK_CLIENT_ID", "admin-cli"), ("KEYCLOAK_CLIENT_SECRET", "")];
    for (name, value) in others {
        project.set(name, value);
    }
    project.use_server(access());
    project.write_realm(&realm("", "enabled = false", "\"view-users\""));
    project.apply();
}

#[test]
fn accounts_for_emergencies_lose_nothing() {
    let project = Project::new("guard-glass");
    let account = "guard-glass/users/rescue";
    let line = format!("breakGlass = [\"{account}\"]");
    policy(&project, &line);
    let with = |roles: &str, rescue: &str| project.write_realm(&format!("{roles}\n{rescue}\n"));
    let rescue = "[users.rescue]\nrealmRoles = [\"keeper\"]\ngroups = [\"/staff/night\"]\n\
                  clientRoles.realm-management = [\"realm-admin\"]\n";
    let roles = "[roles.keeper]\ncomposites = [\"one\"]\n[roles.one]\n[groups.\"/staff\"]\n[groups.\"/staff/night\"]\n";
    with(roles, rescue);
    project.apply();
    let consent = ["--allow-many-deletes", "--allow-destroy", account, "--allow-destroy", "guard-glass"];
    let lose = format!("user {account} is an account for emergencies, and would lose");
    for (roles, rescue, words) in [
        (roles, "", format!("user {account} is an account for emergencies, and would be deleted")),
        (roles, &rescue.replace("\"keeper\"", ""), format!("{lose} keeper of its realmRoles")),
        (roles, &rescue.replace("\"/staff/night\"", ""), format!("{lose} /staff/night of its groups")),
        (
            roles,
            &rescue.replace("realm-admin", "view-users"),
            format!("{lose} realm-admin of its clientRoles.realm-management"),
        ),
        (
            roles,
            &rescue.replace("users.rescue]", "users.other]\nlifecycle.renamedFrom = \"rescue\""),
            format!(
                "user guard-glass/users/other is what {account}, an account for emergencies, depends on, and would be renamed other"
            ),
        ),
        // What it has is guarded with it, although nothing changes of the account itself.
        (
            &roles.replace("\"one\"", ""),
            rescue,
            format!(
                "role guard-glass/roles/keeper is what {account}, an account for emergencies, depends on, and would lose one of its composites"
            ),
        ),
        (
            "[roles.keeper]\ncomposites = [\"one\"]\n[roles.one]\n",
            rescue,
            "group guard-glass/groups/\"/staff\" is what".to_owned(),
        ),
    ] {
        with(roles, rescue);
        refused(&project, &consent, &words);
    }
    // Such accounts often sleep until they are needed.
    with(roles, &rescue.replace("realmRoles", "enabled = false\nrealmRoles"));
    project.apply();
    // The realm goes with its folder.
    std::fs::rename(project.folder().join("guard-glass"), project.folder().join(".gone")).unwrap();
    project.write("guard-other/realm.toml", "lifecycle.renamedFrom = \"guard-glass\"\n");
    refused(&project, &consent, "depends on, and would be renamed guard-other");
    std::fs::remove_dir_all(project.folder().join("guard-other")).unwrap();
    std::fs::rename(project.folder().join(".gone"), project.folder().join("guard-glass")).unwrap();
    // The only way is through the policy.
    with(roles, "");
    refused(&project, &consent, "take guard-glass/users/rescue out of the policy's breakGlass");
    policy(&project, "");
    project.apply_with(&["--allow-destroy", account]);
}

#[test]
fn a_tenants_file_changes_nothing_of_the_platform() {
    let project = Project::in_git("guard-paths");
    let rules = "[[policy.paths]]\nfiles = \"guard-*/tenant-*\"\nallow = [\"clients\", \"roles\"]";
    policy(&project, rules);
    project.write_realm("displayName = \"The platform's\"\n");
    project.write("guard-paths/tenant-a.toml", "[clients.shop]\npublicClient = true\n[roles.buyer]\n");
    project.commit("Both");
    project.apply();
    project.write(
        "guard-paths/tenant-a.toml",
        "[clients.shop]\npublicClient = true\n[users.root]\nclientRoles.realm-management = [\"realm-admin\"]\n",
    );
    for command in [&["check"][..], &["plan"], &["apply", "--yes"], &["diff"]] {
        let output = project.run(command);
        let told = "guard-paths/tenant-a.toml may not declare `users`";
        assert!(
            output.status == 1 && output.stderr.contains(told),
            "{command:?}\n{}\n{}",
            output.stdout,
            output.stderr
        );
        assert!(output.stderr.contains("[guard-paths/tenant-a.toml:3:2]"), "{}", output.stderr);
    }
    assert_eq!(project.admin().get("users"), json!([]));
    policy(&project, &rules.replace("\"roles\"", "\"users\""));
    project.apply();
    assert_eq!(project.admin().get("users")[0]["username"], "root");
}
