//! Mappers of identity providers.

use realmform::model::kinds::IDENTITY_PROVIDER_MAPPER;
use serde_json::Value;

use super::story::{Story, covers};
use crate::support::admin::Admin;

const STORY: Story = Story {
    realm: "kinds-idp-mapper",
    kind: &IDENTITY_PROVIDER_MAPPER,
    table: "identityProviders.upstream.mappers.groups",
    fixed: "",
    samples: &[
        ("identityProviderMapper", "\"oidc-advanced-group-idp-mapper\"", "\"oidc-advanced-role-idp-mapper\""),
        ("config.syncMode", "\"INHERIT\"", "\"FORCE\""),
        (
            "config.claims",
            "[{ key = \"a\", value = \"b\" }]",
            "[{ value = \"c\", key = \"a\" }, { key = \"d\", value = \"\" }]",
        ),
        ("config.group", "\"/hand\"", "\"/hand/below\""),
    ],
    at_once: 1,
    others: "[identityProviders.upstream]\nproviderId = \"oidc\"\nconfig = { clientId = \"x\", authorizationUrl = \"https://u.example/a\", tokenUrl = \"https://u.example/t\" }\n",
    by_hand: |admin| {
        let Some(mut mapper) = find(admin, "groups") else { return };
        mapper["config"]["by.hand"] = "x".into();
        admin.put(&format!("identity-provider/instances/upstream/mappers/{}", mapper["id"].as_str().unwrap()), &mapper);
    },
    raw: |admin| find(admin, "groups").unwrap(),
    follows: &[],
};

#[test]
fn life_of_an_identity_provider_mapper() {
    covers(&IDENTITY_PROVIDER_MAPPER, &[&STORY]);
    let told = STORY.tell();
    told.rename("identityProviders.upstream.mappers.teams", "groups", |admin| find(admin, "teams").unwrap());
    told.delete(&[], |admin| find(admin, "teams").is_none());
}

fn find(admin: &Admin, name: &str) -> Option<Value> {
    if admin.status("identity-provider/instances/upstream") != 200 {
        return None;
    }
    let mappers = admin.get("identity-provider/instances/upstream/mappers");
    mappers.as_array().unwrap().iter().find(|mapper| mapper["name"] == name).cloned()
}
