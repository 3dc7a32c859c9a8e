//! Roles of clients.

use realmform::model::kinds::CLIENT_ROLE;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::admin::Admin;

const STORY: Story = Story {
    realm: "kinds-client-role",
    kind: &CLIENT_ROLE,
    table: "clients.shop.roles.\"refund: all/some\"",
    fixed: "",
    samples: &[
        ("description", "\"Pays back\"", "\"Pays more back\""),
        ("attributes.limit", "\"10\"", "[\"10\", \"20\"]"),
        ("composites", "[\"hand\", \"hand:hand\"]", "[\"hand:hand\", \"offline_access\"]"),
    ],
    at_once: 1,
    others: "[clients.shop]\n",
    by_hand: |admin| {
        let Some(mut role) = find(admin, "refund: all/some") else { return };
        role["attributes"]["byHand"] = json!(["x"]);
        admin.put(&format!("roles-by-id/{}", role["id"].as_str().unwrap()), &role);
    },
    raw: |admin| raw(admin, "refund: all/some"),
    follows: &["composite"],
};

#[test]
fn life_of_a_client_role() {
    covers(&CLIENT_ROLE, &[&STORY]);
    let told = STORY.tell();
    told.rename("clients.shop.roles.repay", "refund: all/some", |admin| raw(admin, "repay"));
    told.delete(&[], |admin| find(admin, "repay").is_none());
}

fn find(admin: &Admin, name: &str) -> Option<Value> {
    let clients = admin.get("clients?clientId=shop");
    let id = clients.get(0)?["id"].as_str().unwrap();
    let roles = admin.get(&format!("clients/{id}/roles?briefRepresentation=false"));
    roles.as_array().unwrap().iter().find(|role| role["name"] == name).cloned()
}

fn raw(admin: &Admin, name: &str) -> Value {
    let mut role = find(admin, name).unwrap();
    role["composites"] = admin.get(&format!("roles-by-id/{}/composites", role["id"].as_str().unwrap()));
    role
}
