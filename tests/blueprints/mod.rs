//! Realms that are made of blueprints, on a real server.

mod elsewhere;

use serde_json::Value;

use crate::support::admin::Admin;
use crate::support::project::Project;

const DECLARATION: &str = "\
[parameters.id]
[parameters.lifespan]
type = \"integer\"
default = 300
[parameters.roles]
type = \"list\"
default = [\"viewer\", \"editor\"]
[parameters.secret]
type = \"secret\"
default = { generate = { length = 32 } }
";

const BLUEPRINT: &str = "\
displayName = \"Customer {{ id }}\"
accessTokenLifespan = \"{{ lifespan }}\"
attributes.customer = \"{{ id }}\"
[roles.\"{{ id }}-{{ item }}\"]
forEach = \"{{ roles }}\"
description = \"May be a {{ item }}\"
[clients.\"{{ id }}-portal\"]
redirectUris = [\"https://{{ id }}.example/*\"]
secret = \"{{ secret }}\"
serviceAccountsEnabled = true
serviceAccount = { realmRoles = [\"{{ id }}-viewer\"] }
[clients.\"{{ id }}-portal\".protocolMappers.tenant]
protocolMapper = \"oidc-hardcoded-claim-mapper\"
config = { \"claim.name\" = \"tenant\", \"claim.value\" = \"{{ id }}\", \"access.token.claim\" = \"true\" }
";

fn project(name: &str) -> Project {
    let project = Project::in_git(name);
    project.write("blueprints/customer/blueprint.toml", DECLARATION);
    project.write("blueprints/customer/realm.toml", BLUEPRINT);
    project.write_realm("use = [{ blueprint = \"customer\", with = { id = \"acme\" } }]\n");
    project
}

#[test]
fn a_blueprint_is_planned_and_applied_like_files() {
    let project = project("printed");
    project.commit("Use a blueprint");
    project.apply();
    let admin = project.admin();
    assert_eq!(admin.get("")["displayName"], "Customer acme");
    assert_eq!(admin.get("")["accessTokenLifespan"], 300);
    let portal = admin.get(&format!("clients/{}", admin.client("acme-portal")));
    assert_eq!(portal["redirectUris"][0], "https://acme.example/*");
    assert_eq!(portal["secret"].as_str().unwrap().len(), 32);
    assert_eq!(admin.get("roles/acme-editor")["description"], "May be a editor");

    // A change of the blueprint is one of each realm that uses it, and says where it comes from.
    project.write("blueprints/customer/realm.toml", &BLUEPRINT.replace("May be a", "Is"));
    project.write(
        "printed-other/realm.toml",
        "realm = \"printed-other\"\nuse = [{ blueprint = \"customer\", with = { id = \"beta\", roles = [\"viewer\"] } }]\n",
    );
    Admin::of("printed-other").delete_if_there("");
    project.commit("Say it shorter");
    let plan = project.run(&["plan", "--explain"]).stdout;
    assert!(plan.contains("~ description: \"May be a editor\" → \"Is editor\""), "{plan}");
    assert!(plan.contains("blueprints/customer/realm.toml:6 (printed/realm.toml:1)"), "{plan}");
    assert!(plan.contains(": Say it shorter"), "{plan}");
    let json: Value = serde_json::from_str(&project.run(&["plan", "--format", "json"]).stdout).unwrap();
    assert_eq!(crate::schemas::Validator::of("output-plan").errors_in(&json), "");
    let field = &json["realms"]["printed"]["changes"][0]["fields"][0];
    assert_eq!(field["origin"]["file"], "blueprints/customer/realm.toml");
    assert_eq!(field["origin"]["via"]["file"], "printed/realm.toml");
    let diff = project.run(&["diff", "HEAD~1"]).stdout;
    assert!(diff.contains("role acme-editor") && diff.contains("+ realm printed-other"), "{diff}");
    // By git alone nobody can tell what of a blueprint changed.
    let quick = project.run(&["plan", "--changed", "--realm", "printed"]);
    assert!(quick.stderr.contains("printed is planned in full: it uses blueprints"), "{quick:?}");
    project.apply();
    let explained = project.run(&["explain", "printed/roles/acme-editor.description"]).stdout;
    assert!(explained.contains("blueprints/customer/realm.toml:6 (printed/realm.toml:1)"), "{explained}");

    // The realm's own files have the last word, and what leaves the blueprint leaves the realm.
    project.write_realm(
        "use = [{ blueprint = \"customer\", with = { id = \"acme\" } }]\naccessTokenLifespan = 60\n\
         [clients.acme-portal]\nname = \"Portal\"\n[roles.acme-editor]\nlifecycle.remove = true\n",
    );
    project.commit("Have the last word");
    assert_eq!(
        project.changes(),
        ["update : accessTokenLifespan (edit)", "update clients/acme-portal: name (edit)", "delete roles/acme-editor",]
    );
    project.apply();

    // Drift of what a blueprint says is not written into it: other realms use it, too.
    let mut role = admin.get("roles/acme-viewer");
    role["description"] = "By hand".into();
    admin.put("roles/acme-viewer", &role);
    let drift = project.run(&["drift", "--adopt"]);
    assert!(drift.stderr.contains("a blueprint says it; say otherwise in the realm's own files"), "{drift:?}");
    let reverted = project.run(&["drift", "--revert", "--yes"]);
    assert_eq!(reverted.status, 0, "{reverted:?}");
    project.assert_empty_plan();
}

/// Two realms of one blueprint, each with what is handed over of it; the one that goes takes that with it.
#[test]
fn what_a_blueprint_hands_over_goes_with_its_realm() {
    let project = project("printed-out");
    let other = "printed-out-2";
    Admin::of(other).delete_if_there("");
    let outputs = "[outputs.portal]\nof = \"{{ realm }}/clients/{{ id }}-portal\"\n\
                   env = { CUSTOMER = \"{{ id }}\", ISSUER = \"{{ issuer }}\", SECRET = \"{{ client.secret }}\" }\n\
                   file = \".handed/{{ id }}.env\"\n";
    project.write("blueprints/customer/blueprint.toml", &format!("{DECLARATION}{outputs}"));
    project.write(&format!("{other}/realm.toml"), "use = [{ blueprint = \"customer\", with = { id = \"beta\" } }]\n");
    project.apply();
    let handed = |id: &str| std::fs::read_to_string(project.folder().join(format!(".handed/{id}.env")));
    for (id, realm) in [("acme", "printed-out"), ("beta", other)] {
        let text = handed(id).unwrap();
        let issuer = format!("ISSUER={}/realms/{realm}\n", crate::support::access().http_url);
        assert!(text.starts_with(&format!("CUSTOMER={id}\n{issuer}SECRET=")), "{text}");
    }
    let printed = project.run(&["output", "portal", "--of", "printed-out/clients/acme-portal"]).stdout;
    assert!(
        printed.contains("CUSTOMER=acme\n") && printed.ends_with("SECRET=(secret)\n") && !printed.contains("beta"),
        "{printed}"
    );
    std::fs::remove_dir_all(project.folder().join(other)).unwrap();
    let ran = project.run(&["apply", "--yes", "--allow-destroy", other]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.contains("output portal: .handed/beta.env removed\n"), "{ran:?}");
    assert!(handed("beta").is_err() && handed("acme").is_ok());
    project.assert_empty_plan();
}
