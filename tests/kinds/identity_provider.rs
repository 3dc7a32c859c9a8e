//! Identity providers: OIDC, SAML, a social one.

use realmform::model::kinds::IDENTITY_PROVIDER;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::admin::Admin;

const OIDC: Story = Story {
    realm: "kinds-idp",
    kind: &IDENTITY_PROVIDER,
    table: "identityProviders.upstream",
    fixed: "providerId = \"oidc\"\nconfig.authorizationUrl = \"https://u.example/a\"\nconfig.tokenUrl = \"https://u.example/t\"\nconfig.pkceMethod = \"S256\"\n",
    samples: &[
        ("displayName", "\"Upstream\"", "\"Uphill\""),
        ("enabled", "true", "false"),
        ("trustEmail", "false", "true"),
        ("storeToken", "false", "true"),
        ("addReadTokenRoleOnCreate", "false", "true"),
        ("authenticateByDefault", "false", "true"),
        ("linkOnly", "false", "true"),
        ("hideOnLogin", "false", "true"),
        ("firstBrokerLoginFlowAlias", "\"first broker login\"", "\"mine\""),
        ("postBrokerLoginFlowAlias", "\"mine\"", "\"browser\""),
        ("config.clientId", "\"realmform\"", "\"another\""),
        ("config.clientSecret", "{ env = \"FIRST_SECRET\" }", "{ env = \"SECOND_SECRET\" }"),
        ("config.defaultScope", "\"openid\"", "\"openid email\""),
        ("config.pkceEnabled", "true", "false"),
        ("config.syncMode", "\"FORCE\"", "\"IMPORT\""),
    ],
    at_once: 1,
    others: "",
    by_hand: |admin| {
        copy_flow(admin);
        add_config(admin, "upstream");
    },
    raw: |admin| raw(admin, "upstream"),
    // The server shows it in upper case where it is not set.
    follows: &[],
};

const SAML: Story = Story {
    realm: "kinds-saml-idp",
    table: "identityProviders.okta",
    fixed: "providerId = \"saml\"\nconfig.singleSignOnServiceUrl = \"https://okta.example/sso\"\n",
    samples: &[
        ("config.idpEntityId", "\"https://okta.example/a\"", "\"https://okta.example/b\""),
        ("config.wantAssertionsSigned", "true", "false"),
        (
            "config.nameIDPolicyFormat",
            "\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\"",
            "\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\"",
        ),
        ("config.principalType", "\"SUBJECT\"", "\"ATTRIBUTE\""),
        ("displayName", "\"Okta\"", "\"Okra\""),
    ],
    by_hand: |admin| add_config(admin, "okta"),
    raw: |admin| raw(admin, "okta"),
    ..OIDC
};

const SOCIAL: Story = Story {
    realm: "kinds-social",
    table: "identityProviders.github",
    fixed: "providerId = \"github\"\nconfig.clientId = \"x\"\n",
    samples: &[
        ("config.clientSecret", "{ env = \"FIRST_SECRET\" }", "{ env = \"SECOND_SECRET\" }"),
        ("config.defaultScope", "\"user:email\"", "\"read:user\""),
        ("trustEmail", "false", "true"),
    ],
    by_hand: |admin| add_config(admin, "github"),
    raw: |admin| raw(admin, "github"),
    ..OIDC
};

#[test]
fn life_of_an_identity_provider() {
    covers(&IDENTITY_PROVIDER, &[&OIDC, &SAML, &SOCIAL]);
    for story in [OIDC, SAML, SOCIAL] {
        let told = story.tell();
        let alias = story.table.split('.').nth(1).unwrap();
        let address = format!("{}/identityProviders/{alias}", story.realm);
        // Users' links go with it, so it takes consent.
        told.project.write_realm("");
        assert_eq!(told.project.run(&["plan"]).status, 4);
        told.delete(&["--allow-destroy", &address], |admin| !has(admin, alias));
    }
}

#[test]
fn a_provider_keeps_its_name_and_its_organization() {
    let project = crate::support::project::Project::new("kinds-idp-links");
    let provider = "providerId = \"oidc\"\nconfig = { clientId = \"x\", authorizationUrl = \"https://u.example/a\", tokenUrl = \"https://u.example/t\" }\n";
    project.write_realm(&format!("organizationsEnabled = true\n[identityProviders.upstream]\n{provider}"));
    project.apply();
    let admin = project.admin();
    admin.post("organizations", &json!({"name": "acme", "domains": [{"name": "acme.example"}]}));
    let organization = admin.id("organizations", "name", "acme");
    admin.post(&format!("organizations/{organization}/identity-providers"), &json!("upstream"));
    project.write_realm(&format!(
        "organizationsEnabled = true\n[identityProviders.upstream]\ndisplayName = \"Up\"\n{provider}"
    ));
    project.apply();
    let linked = admin.get(&format!("organizations/{organization}/identity-providers"));
    assert_eq!((&linked[0]["alias"], &linked[0]["displayName"]), (&json!("upstream"), &json!("Up")));

    let renamed = format!("[identityProviders.uphill]\nlifecycle.renamedFrom = \"upstream\"\n{provider}");
    project.write_realm(&renamed);
    let refused = project.run(&["plan"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("the server cannot rename an identity provider"), "{}", refused.stderr);
}

fn has(admin: &Admin, alias: &str) -> bool {
    admin.status(&format!("identity-provider/instances/{alias}")) == 200
}

fn copy_flow(admin: &Admin) {
    let flows = admin.get("authentication/flows");
    if !flows.as_array().unwrap().iter().any(|flow| flow["alias"] == "mine") {
        admin.post("authentication/flows/first%20broker%20login/copy", &json!({"newName": "mine"}));
    }
}

fn add_config(admin: &Admin, alias: &str) {
    if !has(admin, alias) {
        return;
    }
    let path = format!("identity-provider/instances/{alias}");
    let mut provider = admin.get(&path);
    provider["config"]["byHand"] = "x".into();
    admin.put(&path, &provider);
    let mapper = json!({"name": "by-hand", "identityProviderAlias": alias, "identityProviderMapper": "hardcoded-attribute-idp-mapper",
                        "config": {"attribute": "a", "attribute.value": "b", "syncMode": "INHERIT"}});
    if admin.get(&format!("{path}/mappers")) == json!([]) {
        admin.post(&format!("{path}/mappers"), &mapper);
    }
}

fn raw(admin: &Admin, alias: &str) -> Value {
    let mut provider = admin.get(&format!("identity-provider/instances/{alias}"));
    provider["mappers"] = admin.get(&format!("identity-provider/instances/{alias}/mappers"));
    provider
}
