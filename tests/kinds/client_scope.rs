//! Client scopes.

use realmform::model::kinds::CLIENT_SCOPE;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::admin::Admin;
use crate::support::project::Project;

const STORY: Story = Story {
    realm: "kinds-client-scope",
    kind: &CLIENT_SCOPE,
    table: "clientScopes.tenant",
    fixed: "",
    samples: &[
        ("description", "\"The tenant\"", "\"Whose tenant\""),
        ("protocol", "\"openid-connect\"", "\"saml\""),
        ("attributes.\"consent.screen.text\"", "\"yours?\"", "\"mine?\""),
        ("attributes.\"include.in.token.scope\"", "true", "false"),
        ("scopeMappings", "[\"hand\"]", "[\"hand:hand\", \"offline_access\"]"),
    ],
    at_once: 1,
    others: "",
    by_hand: |admin| {
        let Some(id) = id(admin, "tenant") else { return };
        let scope = json!({"name": "tenant", "attributes": {"by.hand": "x"}});
        admin.put(&format!("client-scopes/{id}"), &scope);
        let mapper =
            json!({"name": "by-hand", "protocol": "openid-connect", "protocolMapper": "oidc-sub-mapper", "config": {}});
        admin.post(&format!("client-scopes/{id}/protocol-mappers/models"), &mapper);
    },
    raw: |admin| raw(admin, "tenant"),
    follows: &[],
};

#[test]
fn life_of_a_client_scope() {
    covers(&CLIENT_SCOPE, &[&STORY]);
    let told = STORY.tell();
    told.rename("clientScopes.customer", "tenant", |admin| raw(admin, "customer"));
    told.delete(&[], |admin| id(admin, "customer").is_none());
}

/// What every realm has cannot be deleted; it becomes what it is in a fresh realm.
#[test]
fn a_scope_that_every_realm_has_is_reset_when_it_leaves_the_files() {
    let project = Project::new("kinds-builtin");
    project.apply();
    let admin = project.admin();
    let before = raw(&admin, "email");
    project.write_realm(
        "[clientScopes.email]\ndescription = \"Ours\"\nattributes.\"include.in.token.scope\" = false\n\
         [clientScopes.email.protocolMappers.email]\nconfig.\"claim.name\" = \"mail\"\n",
    );
    project.apply();
    assert_eq!(raw(&admin, "email")["description"], "Ours");
    project.write_realm("");
    assert_eq!(
        project.changes(),
        [
            "update clientScopes/email: attributes.include.in.token.scope (prune), description (prune)",
            "update clientScopes/email/protocolMappers/email: config.claim.name (prune)",
        ]
    );
    project.apply();
    assert_eq!(raw(&admin, "email"), before);
}

fn id(admin: &Admin, name: &str) -> Option<String> {
    let scopes = admin.get("client-scopes");
    let scope = scopes.as_array().unwrap().iter().find(|scope| scope["name"] == name)?;
    Some(scope["id"].as_str().unwrap().to_owned())
}

fn raw(admin: &Admin, name: &str) -> Value {
    let id = id(admin, name).unwrap();
    let mut scope = admin.get(&format!("client-scopes/{id}"));
    scope["scopeMappings"] = admin.get(&format!("client-scopes/{id}/scope-mappings"));
    scope
}
