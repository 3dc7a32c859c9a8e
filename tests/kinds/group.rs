//! Groups.

use realmform::model::kinds::GROUP;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::admin::Admin;
use crate::support::project::Project;

const STORY: Story = Story {
    realm: "kinds-group",
    kind: &GROUP,
    table: "groups.\"/staff\"",
    fixed: "",
    samples: &[
        ("description", "\"Works here\"", "\"Works there\""),
        ("attributes.floor", "\"1\"", "[\"1\", \"2\"]"),
        ("realmRoles", "[\"hand\"]", "[\"offline_access\"]"),
        ("clientRoles.hand", "[]", "[\"hand\"]"),
        ("clientRoles.account", "[\"view-profile\"]", "[\"view-profile\", \"view-groups\"]"),
    ],
    at_once: 1,
    others: "[groups.\"/people\"]\n",
    by_hand: |admin| {
        let Some(mut group) = find(admin, "staff") else { return };
        group["attributes"]["byHand"] = json!(["x"]);
        let id = group["id"].as_str().unwrap().to_owned();
        admin.put(&format!("groups/{id}"), &group);
        if admin.get(&format!("groups/{id}/children")) == json!([]) {
            admin.post(&format!("groups/{id}/children"), &json!({"name": "by-hand", "attributes": {"a": ["b"]}}));
            admin.post("users", &json!({"username": "member", "enabled": true, "groups": ["/staff"]}));
        }
    },
    raw: |admin| raw(admin, "staff"),
    // How many groups there are below.
    follows: &[],
};

#[test]
fn life_of_a_group() {
    covers(&GROUP, &[&STORY]);
    let told = STORY.tell();
    // Members and the groups below stay, in the same place and in another.
    told.rename("groups.\"/crew\"", "/staff", |admin| raw(admin, "crew"));
    let (id, moved) =
        (told.admin.id("groups", "name", "crew"), "[groups.\"/people/team\"]\nlifecycle.renamedFrom = \"/crew\"\n");
    told.project.write_realm(&format!("{moved}{}", STORY.others));
    told.project.apply();
    let team = told.admin.get("group-by-path/people/team");
    assert_eq!(team["id"], id.as_str());
    assert_eq!(told.admin.get(&format!("groups/{id}/members"))[0]["username"], "member");
    assert_eq!(told.admin.get("group-by-path/people/team/by-hand")["attributes"], json!({"a": ["b"]}));
    told.delete(&[], |admin| admin.status("group-by-path/people/team") == 404);
}

/// A slash in a name is written as it is: two groups have one path, and the server finds either by it.
#[test]
fn a_slash_in_a_name_is_none_of_a_path() {
    let project = Project::new("kinds-group-slash");
    project.write_realm("[groups.\"/x\"]\n");
    project.apply();
    let admin = project.admin();
    for name in ["a/b", "x/y"] {
        admin.post("groups", &json!({"name": name, "attributes": {"by": ["hand"]}}));
    }
    let inner = format!("groups/{}/children", admin.id("groups", "name", "x/y"));
    admin.post(&inner, &json!({"name": "z"}));
    let member = json!({"username": "ann", "groups": ["/a/b"]});
    admin.post("users", &member);
    let by_hand = || (admin.find("groups?briefRepresentation=false", "name", "a/b"), admin.get(&inner));
    let before = by_hand();
    assert_eq!((&before.0["path"], &before.1[0]["path"]), (&json!("/a/b"), &json!("/x/y/z")), "paths are escaped");
    assert_eq!(admin.get("group-by-path/a/b")["name"], "a/b", "the server tells them apart");

    // What files say is another group. Nobody takes those by hand into the files, sweeps them, or takes members from them.
    let declared = "[groups.\"/a\"]\n[groups.\"/a/b\"]\n[groups.\"/x\"]\n[groups.\"/x/y\"]\n[groups.\"/x/y/z\"]\n";
    project.write_realm(&format!("prune.groups = \"all\"\n{declared}[users.ann]\ngroups = [\"/x\"]\n"));
    let told = "without its groups: those with a slash in the name, whose paths could be those of others: ";
    let output = project.apply();
    assert!(output.stderr.contains(&format!("is planned {told}a/b, x/y")), "{}", output.stderr);
    assert_eq!(by_hand(), before);
    assert_eq!(admin.get("groups").as_array().unwrap().len(), 4);
    let user = format!("users/{}/groups", admin.id("users", "username", "ann"));
    assert_eq!(admin.get(&user).as_array().unwrap().len(), 2);
    let folder = tempfile::tempdir().unwrap();
    let output = project.run(&["import", &project.realm, "--project", folder.path().to_str().unwrap()]);
    assert!(output.stdout.contains("imported, and its plan is empty"), "{}\n{}", output.stdout, output.stderr);
    assert!(output.stderr.contains(&format!("is imported {told}a/b, x/y")), "{}", output.stderr);

    project.write_realm("[groups.\"/x\"]\n");
    project.apply_with(&["--allow-many-deletes", "--allow-destroy", "kinds-group-slash/users/ann"]);
    assert_eq!(by_hand(), before);
    assert_eq!(admin.get("groups").as_array().unwrap().len(), 3);
    // What is looked for by a path may be what is declared, or not.
    project.write_realm("[groups.\"/a/b\"]\n[groups.\"/x\"]\n");
    let refused = project.run(&["plan"]);
    assert!(refused.status == 1 && refused.stderr.contains("there is no group `/a`"), "{}", refused.stderr);
}

fn find(admin: &Admin, name: &str) -> Option<Value> {
    let path = format!("group-by-path/{name}");
    (admin.status(&path) == 200).then(|| admin.get(&path))
}

/// The group with its roles, its members, and the names of the groups below.
fn raw(admin: &Admin, name: &str) -> Value {
    let mut group = find(admin, name).unwrap();
    let id = group["id"].as_str().unwrap().to_owned();
    let mappings = admin.get(&format!("groups/{id}/role-mappings"));
    let client_roles = mappings["clientMappings"].as_object().into_iter().flatten();
    group["realmRoles"] = mappings["realmMappings"].clone();
    group["clientRoles"] = client_roles.map(|(client, of)| (client.clone(), of["mappings"].clone())).collect();
    group["members"] = admin.get(&format!("groups/{id}/members"));
    let below = admin.get(&format!("groups/{id}/children"));
    group["below"] = below.as_array().unwrap().iter().map(|group| group["id"].clone()).collect();
    group
}
