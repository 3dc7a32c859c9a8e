//! Renames of several things in one run, and of a realm.

use serde_json::json;

use crate::support::admin::Admin;
use crate::support::project::Project;

#[test]
fn parent_and_child_are_renamed_in_one_run() {
    let project = Project::new("rename-nested");
    let declared = "attributes.a = \"1\"\n";
    project.write_realm(&format!(
        "[roles.all]\ncomposites = [\"shop:refund\"]\n[clients.shop.roles.refund]\n{declared}\
         [clients.shop.protocolMappers.sub]\nprotocolMapper = \"oidc-sub-mapper\"\n\
         [groups.\"/staff\"]\n[groups.\"/staff/ops\"]\n{declared}[groups.\"/staff/ops/night\"]\n"
    ));
    project.apply();
    let admin = project.admin();
    let role = |client: &str, name: &str| admin.get(&format!("clients/{}/roles/{name}", admin.client(client)));
    let mut refund = role("shop", "refund");
    refund["attributes"]["byHand"] = json!(["x"]);
    admin.put(&format!("roles-by-id/{}", refund["id"].as_str().unwrap()), &refund);
    let (client, night) = (admin.client("shop"), admin.get("group-by-path/staff/ops/night")["id"].clone());
    project.write_realm(
        "[roles.all]\ncomposites = [\"store:repay\"]\n[clients.store]\nlifecycle.renamedFrom = \"shop\"\n\
         [clients.store.roles.repay]\nlifecycle.renamedFrom = \"refund\"\nattributes.a = \"2\"\n\
         [clients.store.protocolMappers.sub]\nprotocolMapper = \"oidc-sub-mapper\"\nconfig.x = \"y\"\n\
         [groups.\"/crew\"]\nlifecycle.renamedFrom = \"/staff\"\n\
         [groups.\"/crew/dev\"]\nlifecycle.renamedFrom = \"/staff/ops\"\nattributes.a = \"2\"\n[groups.\"/crew/dev/night\"]\n",
    );
    project.apply();
    let repay = role("store", "repay");
    assert_eq!(admin.client("store"), client);
    assert_eq!((&repay["id"], &repay["attributes"]), (&refund["id"], &json!({"a": ["2"], "byHand": ["x"]})));
    assert_eq!(admin.get("roles/all/composites")[0]["id"], refund["id"]);
    assert_eq!(admin.get("group-by-path/crew/dev/night")["id"], night);
    assert_eq!(admin.get("group-by-path/crew/dev")["attributes"], json!({"a": ["2"]}));
}

#[test]
fn a_realm_is_renamed_with_all_that_it_has() {
    let project = Project::new("rename-old");
    Admin::of("rename-new").delete_if_there("");
    let rest = "[clients.shop]\nserviceAccountsEnabled = true\nserviceAccount.realmRoles = [\"auditor\"]\n\
                [identityProviders.up]\nproviderId = \"github\"\nconfig = { clientId = \"x\", clientSecret = { file = \"secret\" } }\n";
    project.write("secret", "s3cret");
    project.write_realm(&format!("displayName = \"Old\"\n[roles.auditor]\n[roles.gone]\n{rest}"));
    project.apply();
    let old = project.admin();
    let (id, client) = (old.get("")["id"].clone(), old.client("shop"));
    old.post("roles", &json!({"name": "by-hand"}));
    std::fs::remove_dir_all(project.folder().join("rename-old")).unwrap();
    project.write(
        "rename-new/realm.toml",
        &format!("displayName = \"New\"\nlifecycle.renamedFrom = \"rename-old\"\n[roles.controller]\nlifecycle.renamedFrom = \"auditor\"\n{}",
                 rest.replace("auditor", "controller")),
    );
    project.apply();
    let new = Admin::of("rename-new");
    assert_eq!((&new.get("")["id"], &new.get("")["displayName"]), (&id, &json!("New")));
    assert_eq!(new.client("shop"), client);
    assert_eq!(old.status(""), 404);
    assert_eq!(
        (new.status("roles/by-hand"), new.status("roles/gone"), new.status("roles/controller")),
        (200, 404, 200)
    );

    // The role that holds the default roles keeps the old realm's name, and is nobody's to delete.
    assert_eq!(new.status("roles/default-roles-rename-old"), 200);
    project.write("rename-new/prune.toml", "prune.roles = \"all\"\n");
    project.apply_with(&["--allow-many-deletes"]);
    assert_eq!((new.status("roles/by-hand"), new.status("roles/default-roles-rename-old")), (404, 200));

    // Taken out of the files, the realm goes only with consent.
    std::fs::remove_dir_all(project.folder().join("rename-new")).unwrap();
    assert_eq!(project.run(&["plan"]).status, 4);
    project.apply_with(&["--allow-destroy", "rename-new", "--allow-many-deletes"]);
    assert_eq!(new.status(""), 404);
}
