//! Tenants inside of others, on a real server: without a realm, with one, and moving between.

use serde_json::Value;

use crate::support::admin::Admin;
use crate::support::project::Project;

/// A realm with a tenant in it, which has one itself; each has a portal.
fn project(name: &str) -> Project {
    let project = Project::in_git(name);
    Admin::of(&format!("{name}-prod")).delete_if_there("");
    project.write_realm("displayName = \"Root\"\n[clientScopes.groups]\n[clients.portal]\n[roles.staff]\n");
    let prod = "[roles.viewer]\ncomposites = [\"staff\"]\n[groups.\"/team\"]\nrealmRoles = [\"viewer\"]\n\
                [clients.portal]\ndefaultClientScopes = [\"basic\", \"groups\"]\nserviceAccountsEnabled = true\n\
                secret = { generate = {} }\nserviceAccount = { realmRoles = [\"viewer\"] }\n";
    // The shared scope is the root's; a realm of its own has to have it, too.
    project.write(&format!("{name}/tenants/prod/tenant.toml"), prod);
    project.write(&format!("{name}/tenants/prod/tenants/eu/clients/portal.toml"), "name = \"EU\"\n");
    project.commit("Have tenants");
    project
}

fn clients(admin: &Admin) -> Vec<String> {
    let clients = admin.get("clients?max=1000");
    let ids = clients.as_array().unwrap().iter().map(|client| client["clientId"].as_str().unwrap().to_owned());
    let mut ids: Vec<String> = ids.filter(|id| id.ends_with("portal")).collect();
    ids.sort();
    ids
}

#[test]
fn a_tenant_lives_in_the_realm_above_until_it_has_its_own() {
    let project = project("tree");
    project.apply();
    project.assert_empty_plan();
    let (root, prod) = (project.admin(), Admin::of("tree-prod"));
    assert_eq!(clients(&root), ["portal", "tree-prod-eu-portal", "tree-prod-portal"]);
    assert_eq!(prod.status(""), 404);
    let portal = root.get(&format!("clients/{}", root.client("tree-prod-portal")));
    assert!(portal["defaultClientScopes"].as_array().unwrap().contains(&"groups".into()), "{portal}");
    let user = root.get(&format!("clients/{}/service-account-user", portal["id"].as_str().unwrap()));
    let roles = root.get(&format!("users/{}/role-mappings/realm", user["id"].as_str().unwrap()));
    assert!(roles.as_array().unwrap().iter().any(|role| role["name"] == "tree-prod-viewer"), "{roles}");
    let composites = root.get("roles/tree-prod-viewer/composites");
    assert_eq!(composites[0]["name"], "staff");
    let explained = project.run(&["explain", "tree/clients/tree-prod-eu-portal.name"]).stdout;
    assert!(explained.contains("tree/tenants/prod/tenants/eu/clients/portal.toml:1"), "{explained}");

    // With a realm of its own it takes along what is below it: made there before it goes here.
    project.write("tree/tenants/prod/realm.toml", "realm = \"tree-prod\"\n[clientScopes.groups]\n[roles.staff]\n");
    project.commit("Give prod a realm");
    let applied = project.run(&["apply", "--yes", "--allow-many-deletes"]);
    assert_eq!(applied.status, 0, "{applied:?}");
    let at = |text: &str| {
        applied.stderr.find(text).or_else(|| applied.stdout.find(text)).unwrap_or_else(|| panic!("{text}: {applied:?}"))
    };
    assert!(at("tree-prod: applied") < at("tree: applied"), "{applied:?}");
    assert_eq!(clients(&root), ["portal"]);
    assert_eq!(clients(&prod), ["portal", "tree-prod-eu-portal"]);
    assert_eq!(root.status("roles/tree-prod-viewer"), 404);
    project.assert_empty_plan();

    // And back.
    std::fs::remove_file(project.folder().join("tree/tenants/prod/realm.toml")).unwrap();
    project.commit("Take it away");
    let refused = project.run(&["apply", "--yes"]);
    assert_eq!(refused.status, 4, "{refused:?}");
    let applied = project.run(&["apply", "--yes", "--allow-destroy", "tree-prod"]);
    assert_eq!(applied.status, 0, "{applied:?}");
    assert_eq!(clients(&root), ["portal", "tree-prod-eu-portal", "tree-prod-portal"]);
    assert_eq!(prod.status(""), 404);
    project.assert_empty_plan();

    // Another one, made of a blueprint.
    project.write("blueprints/cluster/blueprint.toml", "");
    project
        .write("blueprints/cluster/realm.toml", "[clients.\"{{ tenant }}-kubernetes\"]\nname = \"of {{ realm }}\"\n");
    let made = project.run(&["new", "tenant", "tree/prod/us", "--blueprint", "cluster"]);
    assert!(made.stdout.contains("  tree/tenants/prod/tenants/us/tenant.toml\n"), "{made:?}");
    assert_eq!(project.changes(), ["create clients/tree-prod-us-kubernetes: name (edit)"]);
    let lost = project.run(&["new", "tenant", "nowhere/prod", "--blueprint", "cluster"]);
    assert_eq!(lost.status, 64, "{lost:?}");
    std::fs::remove_dir_all(project.folder().join("tree/tenants/prod/tenants/us")).unwrap();

    // Whoever goes takes along what is its own, and nothing else.
    std::fs::remove_dir_all(project.folder().join("tree/tenants/prod/tenants")).unwrap();
    project.commit("Close eu");
    assert_eq!(project.changes(), ["delete clients/tree-prod-eu-portal"]);
    project.apply();
    let plan = project.run(&["plan", "--changed", "--format", "json"]);
    assert!(plan.stderr.contains("everything is planned in full: tenants share realms with others"), "{plan:?}");
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert!(plan["realms"]["tree"]["changes"].as_array().unwrap().is_empty());
}

/// Two realms have a say then where it goes: the one that the tenant leaves takes nothing back.
#[test]
fn what_is_handed_over_of_a_tenant_stays_when_it_gets_a_realm() {
    let project = Project::in_git("tree-handed");
    let prod = Admin::of("tree-handed-prod");
    prod.delete_if_there("");
    let output = "[outputs.name]\nof = \"{{ realm }}/clients/{{ tenant }}-app\"\ntemplate = \"{{ client.id }}\\n\"\n\
                  file = \".handed/name\"\n";
    project.write("blueprints/app/blueprint.toml", output);
    project.write("blueprints/app/realm.toml", "[clients.\"{{ tenant }}-app\"]\n");
    project.write("tree-handed/tenants/prod/tenant.toml", "use = [{ blueprint = \"app\" }]\n");
    let apply = |arguments: &[&str], realm: &str| {
        project.git(&["add", "--all", ":!.handed"]);
        project.git(&["commit", "--quiet", "--message", realm]);
        let planned = project.run(&[&["plan"], arguments].concat()).stdout;
        let applied = project.apply_with(arguments);
        assert!(!applied.stderr.contains("warning"), "{applied:?}");
        let handed = std::fs::read_to_string(project.folder().join(".handed/name")).unwrap();
        assert_eq!(handed, "tree-handed-prod-app\n");
        let listed = project.run(&["output"]).stdout;
        assert!(listed.contains(&format!("  {realm}/clients/tree-handed-prod-app  .handed/name  up to date\n")));
        planned
    };
    apply(&[], "tree-handed");
    project.write("tree-handed/tenants/prod/realm.toml", "realm = \"tree-handed-prod\"\n");
    let planned = apply(&[], "tree-handed-prod");
    assert!(planned.contains("left to another realm") && planned.ends_with("Outputs: 1 to write.\n"), "{planned}");
    std::fs::remove_file(project.folder().join("tree-handed/tenants/prod/realm.toml")).unwrap();
    apply(&["--allow-destroy", "tree-handed-prod"], "tree-handed");
    assert_eq!(prod.status(""), 404);

    // One after the other, too.
    project.write("tree-handed/tenants/prod/realm.toml", "realm = \"tree-handed-prod\"\n");
    for realm in ["tree-handed-prod", "tree-handed"] {
        let ran = project.run(&["apply", "--yes", "--realm", realm]);
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(project.folder().join(".handed/name").exists(), "{ran:?}");
    }
    project.assert_empty_plan();
    prod.delete_if_there("");
}
