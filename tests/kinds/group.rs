//! Groups.

use realmform::model::kinds::GROUP;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::admin::Admin;

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
