//! Required actions: those that every realm has, and those that are registered.

use realmform::model::kinds::REQUIRED_ACTION;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::admin::Admin;
use crate::support::is_26_0;
use crate::support::project::Project;

/// A provider is registered once, so this one is free for another alias only after somebody unregistered it.
const STORY: Story = Story {
    realm: "kinds-required-action",
    kind: &REQUIRED_ACTION,
    table: "requiredActions.house-rules",
    fixed: "providerId = \"TERMS_AND_CONDITIONS\"\n",
    samples: &[
        ("name", "\"House rules\"", "\"Rules of the house\""),
        ("enabled", "true", "false"),
        ("defaultAction", "true", "false"),
        ("priority", "15", "25"),
        ("config.max_auth_age", "\"5m\"", "60"),
        ("config.colour", "\"red\"", "\"blue\""),
    ],
    at_once: 1,
    others: "",
    by_hand: |admin| {
        let Some(mut action) = find(admin, "house-rules") else {
            return admin.delete_if_there("authentication/required-actions/TERMS_AND_CONDITIONS");
        };
        action["config"]["byHand"] = "x".into();
        admin.put("authentication/required-actions/house-rules", &action);
    },
    raw: |admin| find(admin, "house-rules").unwrap(),
    follows: &[],
};

#[test]
fn life_of_a_required_action() {
    covers(&REQUIRED_ACTION, &[&STORY]);
    let told = STORY.tell();
    // With another alias, what new users were asked to do would be no action any more.
    let renamed = "[requiredActions.rules]\nlifecycle.renamedFrom = \"house-rules\"\n";
    told.project.write_realm(&format!("{renamed}{}", STORY.fixed));
    let refused = told.project.run(&["plan"]);
    assert!(refused.stderr.contains("the server cannot rename a required action"), "{}", refused.stderr);
    let mut action = find(&told.admin, "house-rules").unwrap();
    (action["enabled"], action["defaultAction"]) = (true.into(), true.into());
    told.admin.put("authentication/required-actions/house-rules", &action);
    told.admin.post("users", &json!({"username": "ann"}));
    for (from, to) in [("house-rules", "rules"), ("rules", "house-rules")] {
        action["alias"] = to.into();
        told.admin.put(&format!("authentication/required-actions/{from}"), &action);
        assert_eq!(told.admin.find("users", "username", "ann")["requiredActions"], json!(["house-rules"]));
    }
    told.delete(&[], |admin| find(admin, "house-rules").is_none());
}

/// What every realm has is changed in place, in a new realm as well, and gets back what it had.
#[test]
fn an_action_that_every_realm_has_is_reset_when_it_leaves_the_files() {
    let project = Project::new("kinds-builtin-action");
    project.write_realm(
        "[requiredActions.CONFIGURE_TOTP]\ndefaultAction = true\nconfig.max_auth_age = 90\n\
         [requiredActions.TERMS_AND_CONDITIONS]\nenabled = true\n",
    );
    project.apply();
    project.assert_empty_plan();
    let admin = project.admin();
    let otp = find(&admin, "CONFIGURE_TOTP").unwrap();
    let priority = if is_26_0("required actions have other priorities") { 10 } else { 54 };
    let found = (&otp["defaultAction"], &otp["enabled"], &otp["priority"]);
    assert_eq!(found, (&json!(true), &json!(true), &json!(priority)));
    assert_eq!(otp["config"], json!({"max_auth_age": "90"}));
    project.write_realm("");
    assert_eq!(
        project.changes(),
        [
            "update requiredActions/CONFIGURE_TOTP: config.max_auth_age (prune), defaultAction (prune)",
            "update requiredActions/TERMS_AND_CONDITIONS: enabled (prune)",
        ]
    );
    project.apply();
    let fresh = json!({"alias": "CONFIGURE_TOTP", "name": "Configure OTP", "providerId": "CONFIGURE_TOTP",
                       "enabled": true, "defaultAction": false, "priority": priority, "config": {}});
    assert_eq!(find(&admin, "CONFIGURE_TOTP").unwrap(), fresh);
    assert_eq!(find(&admin, "TERMS_AND_CONDITIONS").unwrap()["enabled"], false);
}

/// Unregistered by hand, an action is registered again; `prune = "all"` spares those that every realm has.
#[test]
fn an_unregistered_action_is_registered_again() {
    let project = Project::new("kinds-unregistered-action");
    project.write_realm(
        "[prune]\nrequiredActions = \"all\"\n[requiredActions.UPDATE_PROFILE]\nname = \"Profile\"\npriority = 41\n",
    );
    project.apply();
    let admin = project.admin();
    admin.delete("authentication/required-actions/UPDATE_PROFILE");
    project.apply();
    let action = find(&admin, "UPDATE_PROFILE").unwrap();
    assert_eq!(
        (&action["name"], &action["priority"], &action["enabled"]),
        (&json!("Profile"), &json!(41), &json!(true))
    );
    assert!(find(&admin, "VERIFY_EMAIL").is_some());
}

/// Registration refuses a provider that the server does not know (while a realm import takes it silently).
#[test]
fn an_unknown_provider_is_refused_in_the_servers_words() {
    let project = Project::new("kinds-unknown-action");
    project.write_realm("[requiredActions.nope]\nname = \"Nope\"\n");
    let failed = project.run(&["apply", "--yes"]);
    assert_eq!(failed.status, 6);
    assert!(failed.stderr.contains("Required Action Provider with given providerId not found"), "{}", failed.stderr);
}

fn find(admin: &Admin, alias: &str) -> Option<Value> {
    let path = format!("authentication/required-actions/{alias}");
    (admin.status(&path) == 200).then(|| admin.get(&path))
}
