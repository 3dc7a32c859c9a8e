//! Client profiles and client policies.

use std::fmt::Write as _;

use realmform::model::kinds::{CLIENT_POLICY, CLIENT_PROFILE};
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::admin::Admin;
use crate::support::project::Project;

const PROFILES: &str = "client-policies/profiles";
const POLICIES: &str = "client-policies/policies";

const PROFILE: Story = Story {
    realm: "kinds-client-profile",
    kind: &CLIENT_PROFILE,
    table: "clientProfiles.\"strict ones\"",
    fixed: "",
    samples: &[
        ("description", "\"For banks\"", "\"For all\""),
        (
            "executors",
            "[{ executor = \"consent-required\" }, { executor = \"pkce-enforcer\", configuration = { auto-configure = true } }]",
            "[{ executor = \"pkce-enforcer\", configuration = { auto-configure = false } }, { executor = \"consent-required\" }]",
        ),
    ],
    at_once: 1,
    others: "",
    by_hand: |_| {},
    raw: |admin| raw(admin, PROFILES, "profiles", "strict ones"),
    follows: &[],
};

const POLICY: Story = Story {
    realm: "kinds-client-policy",
    kind: &CLIENT_POLICY,
    table: "clientPolicies.ours",
    samples: &[
        ("description", "\"All\"", "\"Some\""),
        ("enabled", "true", "false"),
        ("mode", "\"DEFAULT\"", "\"STRICT\""),
        (
            "conditions",
            "[{ condition = \"any-client\" }]",
            "[{ condition = \"client-scopes\", configuration = { scopes = [\"hand\"], type = \"Default\" } }, { condition = \"any-client\" }]",
        ),
        ("profiles", "[\"hand\"]", "[\"hand\", \"fapi-1-baseline\"]"),
    ],
    raw: |admin| raw(admin, POLICIES, "policies", "ours"),
    ..PROFILE
};

#[test]
fn life_of_a_client_profile() {
    covers(&CLIENT_PROFILE, &[&PROFILE]);
    PROFILE.tell().delete(&[], |admin| names(admin, PROFILES, "profiles") == ["hand"]);
}

#[test]
fn life_of_a_client_policy() {
    covers(&CLIENT_POLICY, &[&POLICY]);
    POLICY.tell().delete(&[], |admin| names(admin, POLICIES, "policies") == ["hand"]);
}

/// The server takes each list as a whole: none of many changes at once is lost, and what was made by hand stays.
#[test]
fn many_change_at_once() {
    let project = Project::new("kinds-client-policies");
    let admin = project.admin();
    let mut files = String::from("[clientScopes.banking]\n");
    for i in 10..20 {
        let _ = writeln!(files, "[clientProfiles.p{i}]\nexecutors = [{{ executor = \"consent-required\" }}]");
        let _ = writeln!(files, "[clientPolicies.q{i}]\nprofiles = [\"p{i}\", \"fapi-2-security-profile\"]");
        let _ = writeln!(
            files,
            "conditions = [{{ condition = \"client-scopes\", configuration = {{ scopes = [\"banking\"] }} }}]"
        );
    }
    project.write_realm(&files);
    project.apply();
    project.assert_empty_plan();
    let expected: Vec<String> = (10..20).map(|i| format!("p{i}")).collect();
    assert_eq!(names(&admin, PROFILES, "profiles"), expected);
    let policies = admin.get(POLICIES);
    assert!(policies["policies"].as_array().unwrap().iter().all(|policy| policy["enabled"] == true), "{policies}");

    change(&admin, PROFILES, |all| all["profiles"].as_array_mut().unwrap().push(json!({"name": "hand"})));
    project.write_realm("displayName = \"A\"\n[clientPolicies.q10]\nprofiles = []\n[clientProfiles.p19]\n");
    project.apply_with(&["--allow-many-deletes"]);
    assert_eq!(names(&admin, PROFILES, "profiles"), ["p19", "hand"]);
    assert_eq!(names(&admin, POLICIES, "policies"), ["q10"]);
    // A PUT of the realm leaves both alone.
    project.write_realm("displayName = \"B\"\nattributes.x = \"y\"\n[clientPolicies.q10]\n[clientProfiles.p19]\n");
    project.apply();
    assert_eq!(names(&admin, PROFILES, "profiles"), ["p19", "hand"]);

    project.write_realm("[prune]\nclientProfiles = \"all\"\n[clientPolicies.q10]\n");
    project.apply();
    assert_eq!((names(&admin, PROFILES, "profiles").len(), names(&admin, POLICIES, "policies").len()), (0, 1));
}

#[test]
fn what_the_server_does_not_know_is_said() {
    let project = Project::new("kinds-client-policy-errors");
    project.write_realm("[clientPolicies.ours]\nprofiles = [\"fapi-3\"]\n");
    let refused = project.run(&["plan"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("there is no client profile `fapi-3`"), "{}", refused.stderr);
    project.write_realm("[clientProfiles.ours]\nexecutors = [{ executor = \"nope\" }]\n");
    let refused = project.run(&["plan"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("there is no client policy executor `nope` on the server"), "{}", refused.stderr);
    // Those of the server itself are read-only.
    project.write_realm("[clientProfiles.fapi-1-baseline]\ndescription = \"Ours\"\n");
    let failed = project.run(&["apply", "--yes"]);
    assert!(failed.stderr.contains("is duplicated as a global profile"), "{}", failed.stderr);
}

fn names(admin: &Admin, path: &str, list: &str) -> Vec<String> {
    admin.get(path)[list].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

fn change(admin: &Admin, path: &str, change: impl FnOnce(&mut Value)) {
    let mut document = admin.get(path);
    change(&mut document);
    admin.put(path, &document);
}

/// One member of a list, and beside it the others.
fn raw(admin: &Admin, path: &str, list: &str, name: &str) -> Value {
    let mut document = admin.get(path);
    let members = document[list].as_array_mut().unwrap();
    let at = members.iter().position(|member| member["name"] == name).unwrap();
    let mut member = members.remove(at);
    member["rest"] = document;
    member
}
