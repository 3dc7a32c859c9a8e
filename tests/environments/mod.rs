//! One project, several environments, on a real server: here both are on the same one, under names of their own.

use serde_json::Value;

use crate::support::admin::Admin;
use crate::support::project::Project;

const ENVIRONMENTS: &str = "
[environments.staging]
variables = { domain = \"staging.example\" }
[environments.prod]
variables = { domain = \"example\" }
";

/// A realm of a blueprint with a client of its own, which each environment calls otherwise.
fn project(name: &str) -> Project {
    let project = Project::in_git(name);
    project.write("realmform.toml", &format!("name = \"{name}\"\n{ENVIRONMENTS}"));
    project.write("blueprints/customer/blueprint.toml", "[parameters.id]\n");
    project.write(
        "blueprints/customer/realm.toml",
        "displayName = \"{{ id }}\"\n[clients.portal]\nredirectUris = [\"https://{{ id }}.{{ env.domain }}/*\"]\n",
    );
    project.write_realm("use = [{ blueprint = \"customer\", with = { id = \"acme\" } }]\naccessTokenLifespan = 300\n");
    project.write(&format!("{name}/clients/shop.toml"), "name = \"Shop\"\n");
    for environment in ["staging", "prod"] {
        let realm = format!("{name}-{environment}");
        Admin::of(&realm).delete_if_there("");
        project.write(&format!("environments/{environment}/{name}/realm.toml"), &format!("realm = \"{realm}\"\n"));
    }
    project.write(&format!("environments/staging/{name}/more.toml"), "accessTokenLifespan = 60\n[roles.tester]\n");
    project.write(&format!("environments/staging/{name}/clients/shop.toml"), "name = \"Shop (staging)\"\n");
    project.commit("Have two environments");
    project
}

fn changes(project: &Project, arguments: &[&str]) -> Vec<String> {
    let arguments: Vec<&str> = ["plan", "--format", "json"].iter().chain(arguments).copied().collect();
    let output = project.run(&arguments);
    let plan: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let realms = plan["realms"].as_object().unwrap().iter();
    let changes = realms.flat_map(|(_, realm)| realm["changes"].as_array().unwrap());
    changes.map(|it| format!("{} {}", it["action"].as_str().unwrap(), it["address"].as_str().unwrap())).collect()
}

#[test]
fn each_environment_is_applied_by_itself() {
    let mut project = project("envs");
    let undecided = project.run(&["plan"]);
    assert_eq!((undecided.status, undecided.stdout.as_str()), (64, ""), "{undecided:?}");
    assert!(undecided.stderr.contains("which environment? Say --env with one of prod, staging"), "{undecided:?}");
    let unknown = project.run(&["apply", "--env", "stagin", "--yes"]);
    assert_eq!(unknown.status, 64);
    assert!(unknown.stderr.contains("--env stagin: the project has only prod, staging"), "{unknown:?}");
    let checked = project.run(&["check"]);
    assert_eq!(checked.stdout, "In order in prod: 3 objects in 1 realm.\nIn order in staging: 4 objects in 1 realm.\n");

    for environment in ["staging", "prod"] {
        let applied = project.run(&["apply", "--env", environment, "--yes"]);
        assert_eq!(applied.status, 0, "{applied:?}");
    }
    // Neither takes the realm of the other for one that left the files.
    for environment in ["staging", "prod"] {
        assert_eq!(changes(&project, &["--env", environment]), [""; 0], "{environment}");
    }
    let (staging, prod) = (Admin::of("envs-staging"), Admin::of("envs-prod"));
    assert_eq!(
        (&staging.get("")["accessTokenLifespan"], &prod.get("")["accessTokenLifespan"]),
        (&60.into(), &300.into())
    );
    let portal = |admin: &Admin| admin.get(&format!("clients/{}", admin.client("portal")))["redirectUris"][0].clone();
    assert_eq!(portal(&staging), "https://acme.staging.example/*");
    assert_eq!(portal(&prod), "https://acme.example/*");

    // What differs between them, and where a value comes from.
    let differ = project.run(&["diff", "--env", "staging..prod"]);
    assert_eq!(differ.stderr, "note: envs-staging is compared with envs-prod\n");
    insta::assert_snapshot!(differ.stdout, @r#"
! Concerns security:
      realm envs-prod: lets sessions or tokens live longer (accessTokenLifespan)                       envs/realm.toml:2
      client portal: may send users to https://acme.example/*       blueprints/customer/realm.toml:3 (envs/realm.toml:1)

~ realm envs-prod                                                                                      envs/realm.toml:2
    ~ accessTokenLifespan: 60 → 300                                                                    envs/realm.toml:2
      (1 unchanged)

~ client portal  envs-prod/clients/portal                           blueprints/customer/realm.toml:2 (envs/realm.toml:1)
    ~ redirectUris:                                                 blueprints/customer/realm.toml:3 (envs/realm.toml:1)
        + "https://acme.example/*"
        - "https://acme.staging.example/*"

~ client shop  envs-prod/clients/shop                                                           envs/clients/shop.toml:1
    ~ name: "Shop (staging)" → "Shop"                                                           envs/clients/shop.toml:1

- role tester  envs-prod/roles/tester

0 added, 3 changed, 0 renamed, 1 removed.
"#);
    let reversed = project.run(&["diff", "--env", "prod..staging", "HEAD", "--format", "json"]);
    let reversed: Value = serde_json::from_str(&reversed.stdout).unwrap();
    let reversed = reversed["realms"]["envs-staging"]["changes"].as_array().unwrap();
    let shop = reversed.iter().find(|it| it["address"] == "envs-staging/clients/shop").unwrap();
    assert_eq!(shop["fields"][0]["origin"]["file"], "environments/staging/envs/clients/shop.toml");
    let both = project.run(&["diff", "--env", "prod..staging", "HEAD~1..HEAD"]);
    assert_eq!(both.status, 64, "{both:?}");
    // Of before there were environments.
    let since = project.run(&["diff", "HEAD~1", "--env", "prod"]).stdout;
    assert!(since.contains("2 added, 1 changed, 0 renamed, 0 removed."), "{since}");
    let explained = project.run(&["explain", "envs-staging.accessTokenLifespan", "--env", "staging"]).stdout;
    assert!(explained.contains("environments/staging/envs/more.toml:1"), "{explained}");

    // Only one of them changes, by the variable as well as by the option.
    project.write("environments/staging/envs/clients/shop.toml", "name = \"The shop (staging)\"\n");
    project.commit("Rename the shop in staging");
    project.set("REALMFORM_ENV", "staging");
    assert_eq!(changes(&project, &[]), ["update envs-staging/clients/shop"]);
    assert_eq!(changes(&project, &["--env", "prod"]), [""; 0]);
    let plan = project.run(&["plan", "--explain"]).stdout;
    assert!(
        plan.contains("environments/staging/envs/clients/shop.toml:1") && plan.contains("Rename the shop"),
        "{plan}"
    );
    let quick = project.run(&["plan", "--changed"]);
    assert!(quick.stderr.contains("is planned in full: it uses blueprints"), "{quick:?}");
    project.apply();

    // What drifted in one environment is written into its files, and not into those of all of them.
    let mut shop = staging.get(&format!("clients/{}", staging.client("shop")));
    shop["name"] = "By hand".into();
    staging.put(&format!("clients/{}", staging.client("shop")), &shop);
    let mut realm = staging.get("");
    realm["accessTokenLifespan"] = 61.into();
    staging.put("", &realm);
    let adopted = project.run(&["drift", "--adopt"]);
    assert_eq!(adopted.status, 0, "{adopted:?}");
    let read = |path: &str| std::fs::read_to_string(project.folder().join(path)).unwrap();
    assert_eq!(read("environments/staging/envs/clients/shop.toml"), "name = \"By hand\"\n");
    assert!(read("environments/staging/envs/more.toml").starts_with("accessTokenLifespan = 61\n"));
}

#[test]
fn tenants_are_compared_by_their_folders() {
    let project = Project::new("envs-tree");
    project.write("realmform.toml", "name = \"envs-tree\"\n[environments.staging]\n[environments.prod]\n");
    project.write("envs-tree/tenants/eu/clients/portal.toml", "name = \"Portal\"\n");
    for environment in ["staging", "prod"] {
        let realm = |path: &str, name: &str| {
            project.write(&format!("environments/{environment}/{path}/realm.toml"), &format!("realm = \"{name}\"\n"));
        };
        realm("envs-tree", &format!("root-{environment}"));
        realm("envs-tree/tenants/eu", &format!("eu-{environment}"));
    }
    let eu = "environments/prod/envs-tree/tenants/eu/clients/portal.toml";
    project.write(eu, "name = \"The portal\"\n");
    let differ = project.run(&["diff", "--env", "staging..prod"]);
    let notes = "note: root-staging is compared with root-prod\nnote: eu-staging is compared with eu-prod\n";
    assert_eq!(differ.stderr, notes);
    let told = differ.stdout.split_once('\n').unwrap().0.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(told, "~ client portal eu-prod/clients/portal envs-tree/tenants/eu/clients/portal.toml:1");
    assert!(differ.stdout.contains(&format!("{eu}:1\n")), "{differ:?}");
    assert!(differ.stdout.ends_with("\n0 added, 1 changed, 0 renamed, 0 removed.\n"), "{differ:?}");
}

#[test]
fn a_saved_plan_is_of_its_environment() {
    let mut project = project("envs-saved");
    let saved = project.run(&["plan", "--env", "staging", "--out", ".staging.plan"]);
    assert_eq!(saved.status, 0, "{saved:?}");
    let shown = project.run(&["show", ".staging.plan"]).stdout;
    assert!(shown.contains("Plan of envs-saved in staging at "), "{shown}");
    let other = project.run(&["apply", ".staging.plan", "--env", "prod"]);
    assert_eq!(other.status, 64);
    assert!(other.stderr.contains("--env prod: the plan is of another environment, staging"), "{other:?}");
    let applied = project.run(&["apply", ".staging.plan"]);
    assert_eq!(applied.status, 0, "{applied:?}");
    project.set("REALMFORM_ENV", "staging");
    project.assert_empty_plan();
    let expected = project.run(&["apply", "--env", "prod", "--yes", "--expect", ".staging.plan"]);
    assert_eq!(expected.status, 5, "{expected:?}");
    assert!(expected.stdout.contains("it was made for the environment staging, and this is prod"), "{expected:?}");
}

/// A server that is mistaken for another has what another environment applied.
#[test]
fn a_realm_of_another_environment_is_not_changed() {
    let mut project = project("envs-mistaken");
    let applied = project.run(&["apply", "--env", "staging", "--yes"]);
    assert_eq!(applied.status, 0, "{applied:?}");
    project.write("environments/prod/envs-mistaken/realm.toml", "realm = \"envs-mistaken-staging\"\n");
    let refused = project.run(&["apply", "--env", "prod", "--yes"]);
    assert_eq!(refused.status, 4, "{refused:?}");
    let words = "realm envs-mistaken-staging was applied in the environment staging, and the plan is of prod";
    assert!(refused.stdout.contains(words), "{refused:?}");
    project.set("REALMFORM_ENV", "prod");
    let renamed = project.run(&["apply", "--yes", "--allow-environment-change"]);
    assert_eq!(renamed.status, 0, "{renamed:?}");
    project.assert_empty_plan();
}

/// Outside of what the chosen environment says, only what changed is read.
#[test]
fn what_changed_is_told_in_an_environment_as_well() {
    let mut project = Project::in_git("envs-changed");
    project.write("realmform.toml", &format!("name = \"envs-changed\"\n{ENVIRONMENTS}"));
    project.set("REALMFORM_ENV", "prod");
    project.write_realm("[clients.shop]\nname = \"Shop\"\n");
    let other = "envs-changed-printed";
    Admin::of(other).delete_if_there("");
    project.write("blueprints/basic/blueprint.toml", "");
    project.write("blueprints/basic/realm.toml", "displayName = \"{{ env.domain }}\"\n");
    project.write(&format!("{other}/realm.toml"), "use = [{ blueprint = \"basic\" }]\n");
    project.commit("Start");
    project.apply();
    project.write_realm("[clients.shop]\nname = \"The shop\"\n");
    project.commit("Rename the shop");
    let quick = project.run(&["plan", "--changed"]);
    assert!(quick.stderr.contains("envs-changed-printed is planned in full: it uses blueprints"), "{quick:?}");
    assert!(!quick.stderr.contains("envs-changed is planned in full"), "{quick:?}");
    assert!(quick.stdout.contains("~ name: \"Shop\" → \"The shop\""), "{quick:?}");
    // An overlay of another environment is no reason to look at more.
    project.write("environments/staging/envs-changed/realm.toml", "displayName = \"Staging\"\n");
    project.commit("Say otherwise in staging");
    let quick = project.run(&["plan", "--changed"]);
    assert!(!quick.stderr.contains("envs-changed is planned in full"), "{quick:?}");
    project.write("environments/prod/envs-changed/realm.toml", "displayName = \"Production\"\n");
    project.commit("Say otherwise in production");
    let quick = project.run(&["plan", "--changed"]);
    let words = "envs-changed is planned in full: its environment says something otherwise";
    assert!(quick.stderr.contains(words), "{quick:?}");
    project.apply();
    std::fs::remove_dir_all(project.folder().join("environments/prod")).unwrap();
    project.commit("Say the same everywhere");
    let quick = project.run(&["plan", "--changed"]);
    let words = "envs-changed is planned in full: its environment said something otherwise";
    assert!(quick.stderr.contains(words), "{quick:?}");
    assert!(quick.stdout.contains("displayName"), "{quick:?}");
}
