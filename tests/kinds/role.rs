//! Realm roles.

use realmform::model::kinds::ROLE;
use serde_json::json;

use super::story::{Story, covers};
use crate::support::admin::Admin;

const STORY: Story = Story {
    realm: "kinds-role",
    kind: &ROLE,
    table: "roles.auditor",
    fixed: "",
    samples: &[
        ("description", "\"Looks\"", "\"Looks twice\""),
        ("attributes.floor", "[\"1\", \"2\"]", "[\"2\", \"3\"]"),
        ("composites", "[\"hand\", \"hand:hand\"]", "[\"hand:hand\", \"offline_access\"]"),
    ],
    at_once: 1,
    others: "",
    by_hand: |admin| {
        let Some(mut role) = role(admin, "auditor") else { return };
        role["attributes"]["byHand"] = json!(["x"]);
        admin.put("roles/auditor", &role);
    },
    raw: |admin| with_composites(admin, "auditor"),
    follows: &["composite"],
};

#[test]
fn life_of_a_role() {
    covers(&ROLE, &[&STORY]);
    let told = STORY.tell();
    told.admin.post("roles/auditor/composites", &json!([told.admin.get("roles/hand")]));
    told.rename("roles.controller", "auditor", |admin| with_composites(admin, "controller"));
    told.delete(&[], |admin| admin.status("roles/controller") == 404);
}

fn role(admin: &Admin, name: &str) -> Option<serde_json::Value> {
    let path = format!("roles/{name}");
    (admin.status(&path) == 200).then(|| admin.get(&path))
}

fn with_composites(admin: &Admin, name: &str) -> serde_json::Value {
    let mut role = role(admin, name).unwrap();
    let composites = admin.get(&format!("roles/{name}/composites"));
    let names = composites.as_array().unwrap().iter().map(|role| {
        let name = role["name"].as_str().unwrap();
        if role["clientRole"] == true { format!("hand:{name}") } else { name.to_owned() }
    });
    role["composites"] = names.collect();
    role
}
