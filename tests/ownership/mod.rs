//! Two projects manage one realm: what one has, the other may not take, until it is handed over.

use serde_json::json;

use crate::support::project::{Output, Project};

/// The platform has the realm, its settings and a role; the team a client.
fn projects(name: &str) -> (Project, Project) {
    let platform = Project::new(name);
    platform.write_realm("displayName = \"Platform\"\n[roles.clerk]\ndescription = \"Sells\"\n[clients.gate]\n");
    platform.apply();
    let team = Project::new(&format!("{name}-team"));
    std::fs::remove_dir_all(team.folder().join(format!("{name}-team"))).unwrap();
    team.write(&format!("{name}/realm.toml"), "[clients.shop]\nname = \"Shop\"\n");
    team.apply();
    (platform, team)
}

#[track_caller]
fn refused(output: &Output, told: &str) {
    assert_eq!(output.status, 4, "{output:?}");
    assert!(output.stdout.contains(told), "{told}: {output:?}");
}

#[test]
fn what_another_project_has_is_refused_until_it_is_handed_over() {
    let (platform, team) = projects("owners");
    let realm = "owners/realm.toml";
    let shop = "[clients.shop]\nname = \"Shop\"\n";
    platform.assert_empty_plan();

    // A field of another value, one of the same value, and an object that is declared without a field of its own.
    team.write(realm, &format!("displayName = \"Team\"\n{shop}"));
    refused(&team.run(&["apply", "--yes"]), "displayName of owners is declared here, and belongs to project owners");
    let plan = team.run(&["plan"]);
    refused(&plan, "realmform transfer 'owners' --from owners");
    assert!(plan.stdout.contains("owners/realm.toml:1"), "{plan:?}");
    team.write(realm, &format!("{shop}[roles.clerk]\ndescription = \"Sells\"\n"));
    refused(&team.run(&["plan"]), "description of owners/roles/clerk is declared here, and belongs to project owners");
    team.write(realm, &format!("{shop}[roles.clerk]\n"));
    team.apply();
    platform.assert_empty_plan();

    // An object that the other one has as well is not deleted.
    team.write(realm, shop);
    refused(&team.run(&["plan"]), "owners/roles/clerk would be deleted, and belongs to project owners");
    team.write(realm, &format!("{shop}[roles.clerk]\n"));

    // Handed over, it is the other's.
    let platform_keeps = "displayName = \"Platform\"\n[roles.clerk]\n[clients.gate]\n";
    platform.write_realm(platform_keeps);
    let asked = team.run(&["transfer", "owners/roles/clerk.description", "--from", "owners"]);
    assert!(asked.status == 1 && asked.stderr.contains("there is nobody to ask"), "{asked:?}");
    for what in ["owners/roles/nobody", "owners/roles/clerk.attributes"] {
        let wrong = team.run(&["transfer", what, "--from", "owners", "--yes"]);
        assert!(wrong.status == 64 && wrong.stderr.contains("is not in the record of owners"), "{wrong:?}");
    }
    let handed = team.run(&["transfer", "owners/roles/clerk.description", "--from", "owners", "--yes"]);
    assert_eq!(handed.status, 0, "{handed:?}");
    platform.assert_empty_plan();
    assert_eq!(platform.admin().get("roles/clerk")["description"], "Sells", "nothing else changes");
    team.write(realm, &format!("{shop}[roles.clerk]\ndescription = \"Sells much\"\n"));
    team.apply();
    platform.assert_empty_plan();

    // It cannot be claimed back.
    platform.write_realm("displayName = \"Platform\"\n[roles.clerk]\ndescription = \"Mine\"\n[clients.gate]\n");
    refused(
        &platform.run(&["plan"]),
        "description of owners/roles/clerk is declared here, and belongs to project owners-team",
    );
    platform.write_realm(platform_keeps);

    // A whole object with what hangs below it.
    let admin = platform.admin();
    let gate = admin.client("gate");
    let handed = team.run(&["transfer", "owners/clients/gate", "--from", "owners", "--yes"]);
    assert_eq!(handed.status, 0, "{handed:?}");
    platform.write_realm("displayName = \"Platform\"\n[roles.clerk]\n");
    platform.apply();
    assert_eq!(admin.client("gate"), gate, "it is nobody's, and stays");
    team.write(realm, &format!("{shop}[clients.gate]\nname = \"Gate\"\n[roles.clerk]\ndescription = \"Sells much\"\n"));
    team.apply();
    assert_eq!(admin.get(&format!("clients/{gate}"))["name"], json!("Gate"));
}
