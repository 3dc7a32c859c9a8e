//! Clients: OIDC, SAML, and those with a service account.

use realmform::model::kinds::CLIENT;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::admin::Admin;
use crate::support::is_26_0;
use crate::support::project::Project;

const SHOP: Story = Story {
    realm: "kinds-client",
    kind: &CLIENT,
    table: "clients.shop",
    fixed: "",
    samples: &[
        ("name", "\"Shop\"", "\"Store\""),
        ("description", "\"Sells\"", "\"Sells more\""),
        ("rootUrl", "\"https://shop.example\"", "\"https://store.example\""),
        ("adminUrl", "\"https://shop.example/a\"", "\"https://store.example/a\""),
        ("baseUrl", "\"https://shop.example/b\"", "\"https://store.example/b\""),
        ("authenticationFlowBindingOverrides.browser", "\"browser\"", "\"registration\""),
        ("authenticationFlowBindingOverrides.direct_grant", "\"direct grant\"", "\"browser\""),
        ("surrogateAuthRequired", "false", "true"),
        ("enabled", "true", "false"),
        ("alwaysDisplayInConsole", "false", "true"),
        ("clientAuthenticatorType", "\"client-secret-jwt\"", "\"client-jwt\""),
        ("secret", "{ env = \"FIRST_SECRET\" }", "{ env = \"SECOND_SECRET\" }"),
        ("redirectUris", "[\"https://shop.example/*\"]", "[\"https://store.example/*\", \"https://a.example/\"]"),
        ("webOrigins", "[\"https://shop.example\"]", "[\"+\", \"https://store.example\"]"),
        ("notBefore", "1700000000", "1700000001"),
        ("bearerOnly", "true", "false"),
        ("consentRequired", "false", "true"),
        ("standardFlowEnabled", "true", "false"),
        ("implicitFlowEnabled", "false", "true"),
        ("directAccessGrantsEnabled", "false", "true"),
        ("frontchannelLogout", "true", "false"),
        ("attributes.\"access.token.lifespan\"", "\"5m\"", "60"),
        ("attributes.\"post.logout.redirect.uris\"", "[\"https://b/\", \"https://a/\"]", "[\"https://c/\"]"),
        ("attributes.\"acr.loa.map\"", "{ silver = 1 }", "{ silver = 1, gold = 2 }"),
        ("attributes.theme", "\"plain\"", "\"colourful\""),
        ("fullScopeAllowed", "true", "false"),
        ("nodeReRegistrationTimeout", "10", "20"),
        ("defaultClientScopes", "[\"basic\", \"hand\"]", "[\"basic\", \"email\"]"),
        ("optionalClientScopes", "[\"phone\"]", "[\"hand\", \"address\"]"),
        ("scopeMappings", "[\"hand\"]", "[\"hand:hand\", \"offline_access\"]"),
    ],
    at_once: 1,
    others: "",
    by_hand: |admin| {
        let Some(id) = id(admin, "shop") else { return };
        admin.put(
            &format!("clients/{id}"),
            &json!({"clientId": "shop", "frontchannelLogout": true, "attributes": {"by.hand": "x"}}),
        );
        if admin.get(&format!("clients/{id}/roles")) == json!([]) {
            admin.post(&format!("clients/{id}/roles"), &json!({"name": "by-hand"}));
            let mapper = json!({"name": "by-hand", "protocol": "openid-connect", "protocolMapper": "oidc-sub-mapper", "config": {}});
            admin.post(&format!("clients/{id}/protocol-mappers/models"), &mapper);
        }
    },
    raw: |admin| raw(admin, "shop"),
    // The server notes when it got a secret.
    follows: &["attributes.\"client.secret.creation.time\""],
};

const WORKER: Story = Story {
    realm: "kinds-worker",
    table: "clients.worker",
    fixed: "serviceAccountsEnabled = true\nstandardFlowEnabled = false\n",
    samples: &[
        ("serviceAccount.realmRoles", "[\"hand\"]", "[\"offline_access\"]"),
        ("serviceAccount.clientRoles.hand", "[]", "[\"hand\"]"),
        ("serviceAccount.clientRoles.account", "[\"view-profile\"]", "[\"view-profile\", \"view-groups\"]"),
        ("serviceAccount.groups", "[\"/hand\"]", "[\"/hand/below\"]"),
    ],
    by_hand: |admin| {
        let Some(id) = id(admin, "worker") else { return };
        let body = json!({"clientId": "worker", "serviceAccountsEnabled": true, "authorizationServicesEnabled": true});
        admin.put(&format!("clients/{id}"), &body);
    },
    raw: |admin| raw(admin, "worker"),
    // With authorization services it has a role of the client itself, whose name changes.
    follows: &["serviceAccount.clientRoles"],
    ..SHOP
};

/// What depends on whether there is a service account.
const SWITCH: Story = Story {
    realm: "kinds-switch",
    table: "clients.switch",
    fixed: "",
    samples: &[
        ("serviceAccountsEnabled", "true", "false"),
        ("publicClient", "false", "true"),
        ("type", "\"one\"", "\"two\""),
    ],
    by_hand: |admin| {
        let Some(id) = id(admin, "switch") else { return };
        // The server would derive web origins from these.
        let body = json!({"clientId": "switch", "redirectUris": ["https://switch.example/*"], "webOrigins": []});
        admin.put(&format!("clients/{id}"), &body);
    },
    raw: |admin| raw(admin, "switch"),
    // The server makes a secret for whoever has none and may have one.
    follows: &["defaultClientScopes", "serviceAccount", "secret", "attributes.\"client.secret.creation.time\""],
    ..SHOP
};

const SAML: Story = Story {
    realm: "kinds-saml",
    table: "clients.\"https://sp.example/metadata\"",
    fixed: "protocol = \"saml\"\n",
    samples: &[
        ("attributes.\"saml.assertion.lifespan\"", "\"1m\"", "120"),
        ("attributes.\"saml.force.post.binding\"", "false", "true"),
        ("attributes.saml_name_id_format", "\"email\"", "\"persistent\""),
        ("attributes.\"saml.client.signature\"", "true", "false"),
        ("redirectUris", "[\"https://sp.example/acs\"]", "[\"https://sp.example/acs2\"]"),
        ("frontchannelLogout", "false", "true"),
    ],
    by_hand: |_| {},
    raw: |admin| raw(admin, "https://sp.example/metadata"),
    // The server derives it from the clientId.
    follows: &["attributes.\"saml.artifact.binding.identifier\""],
    ..SHOP
};

const PROTOCOL: Story = Story {
    realm: "kinds-protocol",
    table: "clients.protocol",
    fixed: "",
    samples: &[("protocol", "\"openid-connect\"", "\"saml\"")],
    by_hand: |_| {},
    raw: |admin| raw(admin, "protocol"),
    // Scopes of another protocol are not shown.
    follows: &["attributes.\"saml.artifact.binding.identifier\"", "defaultClientScopes", "optionalClientScopes"],
    ..SHOP
};

#[test]
fn life_of_a_client() {
    covers(&CLIENT, &[&SHOP, &WORKER, &SWITCH, &SAML, &PROTOCOL]);
    let told = SHOP.tell();
    told.rename("clients.store", "shop", |admin| raw(admin, "store"));
    told.delete(&[], |admin| admin.get("clients?clientId=store") == json!([]));
}

#[test]
fn life_of_a_service_account() {
    let told = WORKER.tell();
    // The account's user is named after the client; its roles and groups stay.
    told.rename("clients.labourer", "worker", |admin| raw(admin, "labourer"));
    SWITCH.tell();
}

#[test]
fn life_of_a_saml_client() {
    let told = SAML.tell();
    told.rename("clients.\"urn:sp\"", "https://sp.example/metadata", |admin| raw(admin, "urn:sp"));
    PROTOCOL.tell();
}

fn id(admin: &Admin, name: &str) -> Option<String> {
    let found = admin.get(&format!("clients?clientId={}", name.replace(':', "%3A").replace('/', "%2F")));
    Some(found.get(0)?["id"].as_str().unwrap().to_owned())
}

/// The client with its scope mappings and its service account.
fn raw(admin: &Admin, name: &str) -> Value {
    let id = id(admin, name).unwrap();
    let mut client = admin.get(&format!("clients/{id}"));
    client["scopeMappings"] = admin.get(&format!("clients/{id}/scope-mappings"));
    if client["authorizationServicesEnabled"] == true {
        client["authorization"] = admin.get(&format!("clients/{id}/authz/resource-server/settings"));
    }
    client["roles"] = admin.get(&format!("clients/{id}/roles"));
    if client["serviceAccountsEnabled"] == true {
        let user = admin.get(&format!("clients/{id}/service-account-user"));
        let user = user["id"].as_str().unwrap();
        let mappings = admin.get(&format!("users/{user}/role-mappings"));
        let client_roles = mappings["clientMappings"].as_object().into_iter().flatten();
        let client_roles = client_roles.map(|(client, of)| (client.clone(), of["mappings"].clone()));
        let own = mappings["realmMappings"].as_array().into_iter().flatten();
        let own: Vec<_> = own.filter(|role| !role["name"].as_str().unwrap().starts_with("default-roles-")).collect();
        client["serviceAccount"] = json!({
            "realmRoles": own,
            "clientRoles": client_roles.collect::<serde_json::Map<_, _>>(),
            "groups": admin.get(&format!("users/{user}/groups")),
        });
    }
    client
}

/// Facts (26.7.4): every write to it is answered with 403; 26.0 takes them.
#[test]
fn the_client_that_governs_a_realm_is_locked() {
    if is_26_0("26.0 takes these writes") {
        return;
    }
    let project = Project::new("kinds-client-locked");
    project.write_realm("[clients.realm-management]\n");
    project.apply();
    let admin = project.admin();
    let path = format!("clients/{}", admin.client("realm-management"));
    assert_eq!(admin.status_of_put(&path, &admin.get(&path)), 403, "the server changed");
    for more in ["description = \"Ours\"\n", "roles.ours = {}\n"] {
        project.write_realm(&format!("displayName = \"Changed\"\n[clients.realm-management]\n{more}"));
        let refused = project.run(&["apply", "--yes"]);
        assert_eq!(refused.status, 1, "{}", refused.stderr);
        let told = |text: &str| refused.stderr.contains(text);
        assert!(told("realm.toml:") && told("lets nobody change it"), "{}", refused.stderr);
        assert!(admin.get("")["displayName"].is_null(), "nothing is begun");
    }
}
