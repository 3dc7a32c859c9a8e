//! Policies of dynamic client registration.

use realmform::model::kinds::CLIENT_REGISTRATION_POLICY;
use serde_json::json;

use super::component::component;
use super::story::{Story, covers};

const POLICY: Story = Story {
    realm: "kinds-policy",
    kind: &CLIENT_REGISTRATION_POLICY,
    table: "clientRegistrationPolicies.\"authenticated/Hosts\"",
    fixed: "providerId = \"trusted-hosts\"\nconfig.host-sending-registration-request-must-match = true\n\
            config.client-uris-must-match = false\n",
    samples: &[("config.trusted-hosts", "[\"b.example\", \"a.example\"]", "\"c.example\"")],
    by_hand: |_| {},
    raw: |admin| component(admin, "Hosts"),
    // It is a part of the name.
    follows: &["subType"],
    at_once: 1,
    others: "",
};

const SCOPES: Story = Story {
    realm: "kinds-policy-scopes",
    table: "clientRegistrationPolicies.\"anonymous/Scopes\"",
    fixed: "providerId = \"allowed-client-templates\"\n",
    samples: &[
        ("config.allow-default-scopes", "true", "false"),
        ("config.allowed-client-scopes", "[\"phone\", \"email\"]", "[\"phone\"]"),
    ],
    raw: |admin| component(admin, "Scopes"),
    follows: &[],
    ..POLICY
};

#[test]
fn life_of_a_client_registration_policy() {
    covers(&CLIENT_REGISTRATION_POLICY, &[&POLICY, &SCOPES]);
    let told = SCOPES.tell();
    told.delete(&[], |admin| admin.get("components?name=Scopes") == json!([]));
    let told = POLICY.tell();
    let anonymous = "clientRegistrationPolicies.\"anonymous/Where from\"";
    told.rename(anonymous, "authenticated/Hosts", |admin| component(admin, "Where from"));
    assert_eq!(component(&told.admin, "Where from")["subType"], "anonymous");
    told.delete(&[], |admin| admin.get("components?name=Where%20from") == json!([]));
}
