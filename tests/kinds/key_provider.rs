//! Keys of the realm.

use realmform::model::kinds::KEY_PROVIDER;
use serde_json::{Value, json};

use super::component::component;
use super::story::{Story, covers};
use crate::support::admin::Admin;
use crate::support::project::Project;

const KEY: Story = Story {
    realm: "kinds-key",
    kind: &KEY_PROVIDER,
    table: "keys.rsa-2026",
    fixed: "providerId = \"rsa-generated\"\n",
    samples: &[
        ("config.priority", "200", "50"),
        ("config.algorithm", "\"RS384\"", "\"PS256\""),
        ("config.keySize", "3072", "[2048]"),
        ("config.active", "true", "false"),
        ("config.enabled", "true", "false"),
    ],
    at_once: 1,
    others: "",
    by_hand: |_| {},
    raw: |admin| component(admin, "rsa-2026"),
    follows: &[],
};

#[test]
fn life_of_a_key_provider() {
    covers(&KEY_PROVIDER, &[&KEY]);
    let told = KEY.tell();
    told.rename("keys.old", "rsa-2026", |admin| component(admin, "old"));
    told.delete(&[], |admin| admin.get("components?name=old") == json!([]));
}

#[test]
fn a_key_is_rotated_in_one_plan() {
    let project = Project::new("kinds-key-rotation");
    let key = |name: &str, priority: u32| {
        format!(
            "[keys.rsa-{name}]\nproviderId = \"rsa-generated\"\nconfig = {{ priority = {priority}, algorithm = \"RS256\" }}\n"
        )
    };
    project.write_realm(&key("2025", 200));
    project.apply();
    let admin = project.admin();
    assert_eq!(active(&admin, "RS256")["name"], "rsa-2025");
    let old = admin.get("keys")["active"]["RS256"].clone();

    project.write_realm(&format!("{}{}", key("2025", 150), key("2026", 200)));
    assert_eq!(project.changes().len(), 2);
    project.apply();
    assert_eq!(active(&admin, "RS256")["name"], "rsa-2026");
    // What was signed with the old key is still good.
    assert!(admin.get("keys")["keys"].as_array().unwrap().iter().any(|key| key["kid"] == old));

    project.write_realm(&key("2026", 200));
    assert_eq!(project.changes(), ["delete keys/rsa-2025"]);
    project.apply();
    assert!(!admin.get("keys")["keys"].as_array().unwrap().iter().any(|key| key["kid"] == old));
}

/// The server masks the key; which one it has is seen from the id of the key that signs.
#[test]
fn an_imported_key_stays_while_something_else_changes() {
    let mut project = Project::new("kinds-key-import");
    let key = |priority: u32, more: &str| {
        format!(
            "[keys.imported]\nproviderId = \"rsa\"\nconfig.priority = {priority}\nconfig.privateKey = {{ env = \"KEY\" }}\n{more}"
        )
    };
    // Made for this test; nobody trusts them.
    let [first, second] = [include_str!("keys/first.pem"), include_str!("keys/second.pem")];
    project.set("KEY", first);
    project.write_realm(&key(200, ""));
    let output = project.apply();
    assert!(!format!("{output:?}").contains(first.lines().nth(1).unwrap()));
    let admin = project.admin();
    let kid = || (active(&admin, "RS256")["name"].clone(), admin.get("keys")["active"]["RS256"].clone());
    let before = kid();
    assert_eq!(before.0, "imported");
    assert_eq!(component(&admin, "imported")["config"]["privateKey"], json!(["**********"]));

    project.write_realm(&key(300, ""));
    let changes = project.changes();
    assert!(changes.len() == 1 && changes[0].starts_with("update keys/imported: config.priority"), "{changes:?}");
    project.apply();
    assert_eq!(kid(), before);

    // The certificate that the server made for the first key would not let it take the second.
    project.set("KEY", second);
    project.apply();
    assert_ne!(kid(), before);
    assert_eq!(kid().0, "imported");

    // A certificate of one's own, with its key; and without it the server makes one again.
    let certificate = include_str!("keys/first.crt");
    project.set("KEY", first);
    project.write_realm(&key(300, &format!("config.certificate = \"\"\"\n{certificate}\"\"\"\n")));
    project.apply();
    assert_eq!(kid(), before);
    assert_eq!(component(&admin, "imported")["config"]["certificate"], json!([certificate]));
    project.write_realm(&key(300, ""));
    project.apply();
    assert_eq!(kid(), before);
    assert_ne!(component(&admin, "imported")["config"]["certificate"], Value::Null);
}

/// The provider of the active key of an algorithm.
fn active(admin: &Admin, algorithm: &str) -> Value {
    let keys = admin.get("keys");
    let kid = &keys["active"][algorithm];
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == *kid).cloned();
    let id = key.unwrap()["providerId"].as_str().unwrap().to_owned();
    admin.get(&format!("components/{id}"))
}
