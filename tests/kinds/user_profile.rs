//! The user profile: its attributes, its groups, their order.

use realmform::model::kinds::{PROFILE_ATTRIBUTE, PROFILE_GROUP};
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::admin::Admin;
use crate::support::is_26_0;
use crate::support::project::Project;

const ATTRIBUTE: Story = Story {
    realm: "kinds-profile-attribute",
    kind: &PROFILE_ATTRIBUTE,
    table: "userProfile.attributes.\"floor.number\"",
    fixed: "",
    samples: &[
        ("displayName", "\"Floor\"", "\"${floor}\""),
        ("defaultValue", "\"12\"", "\"13\""),
        ("multivalued", "true", "false"),
        ("group", "\"hand\"", "\"user-metadata\""),
        ("required", "{}", "{ roles = [\"user\", \"admin\"], scopes = [\"profile\"] }"),
        ("selector.scopes", "[\"email\"]", "[\"profile\", \"email\"]"),
        ("permissions.view", "[\"user\", \"admin\"]", "[\"admin\"]"),
        ("permissions.edit", "[\"admin\"]", "[]"),
        ("validations.length", "{ max = 20 }", "{ min = 1, max = 30 }"),
        ("validations.integer", "{}", "{ min = 0 }"),
        ("annotations.inputType", "\"text\"", "\"textarea\""),
        ("annotations.\"input.options\"", "{ a = [1, 2] }", "{}"),
    ],
    at_once: 1,
    others: "",
    by_hand: |admin| {
        change(admin, |profile| {
            let attributes = profile["attributes"].as_array_mut().unwrap();
            if let Some(attribute) = attributes.iter_mut().find(|attribute| attribute["name"] == "floor.number") {
                attribute["annotations"]["byHand"] = "x".into();
                attribute["validations"]["person-name-prohibited-characters"] = json!({});
            }
        });
    },
    raw: |admin| raw(admin, "attributes", "floor.number"),
    follows: &[],
};

const GROUP: Story = Story {
    realm: "kinds-profile-group",
    kind: &PROFILE_GROUP,
    table: "userProfile.groups.address",
    samples: &[
        ("displayHeader", "\"Address\"", "\"${address}\""),
        ("displayDescription", "\"Where\"", "\"Where to\""),
        ("annotations.shown", "{}", "{ always = true }"),
    ],
    by_hand: |_| {},
    raw: |admin| raw(admin, "groups", "address"),
    ..ATTRIBUTE
};

#[test]
fn life_of_a_user_profile_attribute() {
    covers(&PROFILE_ATTRIBUTE, &[&ATTRIBUTE]);
    ATTRIBUTE.tell().delete(&[], |admin| !names(admin, "attributes").contains(&"floor.number".into()));
}

#[test]
fn life_of_a_user_profile_group() {
    covers(&PROFILE_GROUP, &[&GROUP]);
    GROUP.tell().delete(&[], |admin| !names(admin, "groups").contains(&"address".into()));
}

/// In a new realm: what refers to what else is new, and changes what every realm has. Then the files fall silent.
#[test]
fn a_profile_returns_to_what_it_was() {
    let project = Project::new("kinds-profile");
    let admin = project.admin();
    project.write_realm(
        "[userProfile]\nunmanagedAttributePolicy = \"ADMIN_VIEW\"\nattributeOrder = [\"email\", \"floor\"]\n\
         groupOrder = [\"house\"]\n\
         [userProfile.groups.house]\ndisplayHeader = \"House\"\n\
         [userProfile.attributes.floor]\ngroup = \"house\"\nselector.scopes = [\"premises\"]\n\
         required.scopes = [\"premises\"]\n\
         [userProfile.attributes.email]\nvalidations.length = { max = 100 }\nrequired = { roles = [\"admin\", \"user\"] }\n\
         [clientScopes.premises]\n",
    );
    project.apply();
    project.assert_empty_plan();
    assert_eq!(names(&admin, "attributes"), ["email", "floor", "username", "firstName", "lastName"]);
    assert_eq!(names(&admin, "groups"), ["house", "user-metadata"]);
    let profile = admin.get("users/profile");
    assert_eq!(profile["unmanagedAttributePolicy"], "ADMIN_VIEW");
    assert_eq!(profile["attributes"][0]["validations"], json!({"email": {}, "length": {"max": 100}}));

    project.write_realm("");
    assert_eq!(
        project.changes(),
        [
            "delete clientScopes/premises",
            "update userProfile: attributeOrder (prune), groupOrder (prune), unmanagedAttributePolicy (prune)",
            "update userProfile/attributes/email: required (prune), validations.length (prune)",
            "delete userProfile/attributes/floor",
            "delete userProfile/groups/house",
        ]
    );
    project.apply();
    let fresh = Project::new("kinds-profile-fresh");
    fresh.apply();
    assert_eq!(admin.get("users/profile"), fresh.admin().get("users/profile"));
}

/// The files of two teams, and a change in the console: each attribute on its own, and the rest stays as it is.
#[test]
fn attributes_come_from_many_files_and_from_the_console() {
    let project = Project::new("kinds-profile-files");
    project.write("kinds-profile-files/userProfile/attributes/desk.toml", "permissions = { view = [\"admin\"] }\n");
    project.write("kinds-profile-files/premises.toml", "[userProfile.attributes.floor]\ndisplayName = \"Floor\"\n");
    project.apply();
    let admin = project.admin();
    // New ones are in the order of their names, in whatever order they were made.
    assert_eq!(names(&admin, "attributes")[4..], ["desk", "floor"]);
    change(&admin, |profile| {
        profile["attributes"].as_array_mut().unwrap().push(json!({"name": "hand", "displayName": "By hand"}));
        profile["attributes"][5]["displayName"] = "Storey".into();
        profile["groups"] = json!([]);
    });
    let planned = project.run(&["plan"]).stdout;
    assert!(
        planned.contains("~ user profile attribute floor  kinds-profile-files/userProfile/attributes/floor"),
        "{planned}"
    );
    assert!(planned.contains("~ displayName: \"Storey\" → \"Floor\""), "{planned}");
    project.apply();
    assert_eq!(names(&admin, "attributes")[4..], ["desk", "floor", "hand"]);
    assert_eq!(admin.get("users/profile")["groups"], json!([]));
    // An attribute by hand is deleted only where everything is pruned, and those that every realm has never are.
    project.write_realm("[prune]\nuserProfile = \"all\"\n");
    project.apply();
    assert_eq!(names(&admin, "attributes")[3..], ["lastName", "desk", "floor"]);
}

/// What users have of an attribute is only not shown without it, so that it goes without consent.
#[test]
fn what_users_have_stays_with_them() {
    let project = Project::new("kinds-profile-values");
    let floor = "[userProfile.attributes.floor]\npermissions = { view = [\"admin\"], edit = [\"admin\"] }\n";
    project.write_realm(floor);
    project.apply();
    let admin = project.admin();
    admin.post("users", &json!({"username": "ann", "attributes": {"floor": ["1"]}}));
    let shown = || admin.find("users?briefRepresentation=false", "username", "ann")["attributes"]["floor"].clone();
    project.write_realm("");
    project.apply();
    assert!(shown().is_null() || is_26_0("it shows what is in no profile"), "{}", shown());
    project.write_realm(floor);
    project.apply();
    assert_eq!(shown(), json!(["1"]));
}

/// A changed setting of the realm leaves the profile alone.
#[test]
fn a_changed_realm_keeps_its_profile() {
    let project = Project::new("kinds-profile-realm");
    project.write_realm("[userProfile.attributes.floor]\n");
    project.apply();
    let before = project.admin().get("users/profile");
    project.write_realm("displayName = \"A\"\nattributes.x = \"y\"\n[userProfile.attributes.floor]\n");
    project.apply();
    assert_eq!(project.admin().get("users/profile"), before);
}

#[test]
fn what_the_server_does_not_know_is_said() {
    let project = Project::new("kinds-profile-errors");
    project.write_realm("[userProfile]\nattributeOrder = [\"emial\"]\n");
    let refused = project.run(&["plan"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("there is no user profile attribute `emial`"), "{}", refused.stderr);
    assert!(refused.stderr.contains("did you mean `email`?"), "{}", refused.stderr);
    project.write_realm("[userProfile.attributes.floor]\nvalidations.nope = {}\n");
    let failed = project.run(&["apply", "--yes"]);
    assert_eq!(failed.status, 6);
    assert!(
        failed.stderr.contains("Validator 'nope' defined for attribute 'floor' doesn't exist"),
        "{}",
        failed.stderr
    );
}

fn names(admin: &Admin, list: &str) -> Vec<String> {
    let profile = admin.get("users/profile");
    profile[list].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

fn change(admin: &Admin, change: impl FnOnce(&mut Value)) {
    let mut profile = admin.get("users/profile");
    change(&mut profile);
    admin.put("users/profile", &profile);
}

/// One member of a list, and beside it the rest of the profile.
fn raw(admin: &Admin, list: &str, name: &str) -> Value {
    let mut profile = admin.get("users/profile");
    let members = profile[list].as_array_mut().unwrap();
    let at = members.iter().position(|member| member["name"] == name).unwrap();
    let mut member = members.remove(at);
    member["rest"] = profile;
    member
}
