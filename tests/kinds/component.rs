//! What is common to all components, and those of other types.

use serde_json::{Value, json};

use super::user_federation::LDAP_FILE;
use crate::support::admin::Admin;
use crate::support::project::Project;

/// What every realm has is neither made twice nor deleted, and becomes what it was.
#[test]
fn keys_and_policies_that_every_realm_has_are_changed_and_reset() {
    let project = Project::new("kinds-component-builtin");
    let file = "[keys.rsa-generated]\nconfig = { priority = 50, algorithm = \"RS512\" }\n\
        [clientRegistrationPolicies.\"anonymous/Trusted Hosts\"]\nconfig = { trusted-hosts = [\"a.example\"], client-uris-must-match = false }\n\
        [clientRegistrationPolicies.\"authenticated/Allowed Protocol Mapper Types\"]\nconfig.allowed-protocol-mapper-types = [\"oidc-acr-mapper\"]\n";
    project.write_realm(file);
    project.apply();
    let admin = project.admin();
    assert_eq!(admin.get("components?name=rsa-generated").as_array().unwrap().len(), 1);
    assert_eq!(component(&admin, "rsa-generated")["config"]["priority"], json!(["50"]));
    assert_eq!(component(&admin, "Trusted Hosts")["config"]["trusted-hosts"], json!(["a.example"]));

    project.write_realm("prune = \"all\"\n");
    project.apply();
    assert_eq!(component(&admin, "rsa-generated")["config"], json!({"priority": ["100"]}));
    let hosts = json!({"client-uris-must-match": ["true"], "host-sending-registration-request-must-match": ["true"]});
    assert_eq!(component(&admin, "Trusted Hosts")["config"], hosts);
    let types = admin.find("components?name=Allowed%20Protocol%20Mapper%20Types", "subType", "authenticated");
    assert_eq!(types["config"]["allowed-protocol-mapper-types"].as_array().unwrap().len(), 8);
}

#[test]
fn prune_all_takes_what_is_made_by_hand_and_leaves_what_the_server_makes() {
    let project = Project::new("kinds-component-sweep");
    project.apply();
    let admin = project.admin();
    let before = names(&admin);
    let policy = "org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy";
    for (name, provider_type, provider) in [
        ("hand", "org.keycloak.keys.KeyProvider", "aes-generated"),
        ("krb", "org.keycloak.storage.UserStorageProvider", "kerberos"),
        ("hand", policy, "consent-required"),
    ] {
        let config = json!({"enabled": ["false"]});
        admin.post("components", &json!({"name": name, "providerType": provider_type, "providerId": provider, "subType": "anonymous", "config": config}));
    }
    // Whoever asks for an algorithm that no key is for gets one.
    let client = json!({"clientId": "shop", "secret": "x", "serviceAccountsEnabled": true, "attributes": {"access.token.signed.response.alg": "ES256"}});
    admin.post("clients", &client);
    let form = [("grant_type", "client_credentials"), ("client_id", "shop"), ("client_secret", "x")];
    admin.token(&crate::support::access().http_url, &admin.realm, &form);
    assert!(names(&admin).contains(&"fallback-ES256".to_owned()));

    project.write_realm("prune = { keys = \"all\", userFederation = \"all\", clientRegistrationPolicies = \"all\", components = \"all\" }\n");
    project.apply_with(&["--allow-many-deletes", "--allow-destroy", "kinds-component-sweep/userFederation/krb"]);
    let mut left = names(&admin);
    left.retain(|name| name != "fallback-ES256");
    assert_eq!(left, before);
}

/// The server takes a second component of the same name, and no file can say which of them it means.
#[test]
fn two_components_of_one_name_are_an_error() {
    let project = Project::new("kinds-component-twins");
    project.write_realm("[keys.twin]\nproviderId = \"aes-generated\"\n");
    project.apply();
    let admin = project.admin();
    admin.post(
        "components",
        &json!({"name": "twin", "providerType": "org.keycloak.keys.KeyProvider", "providerId": "aes-generated"}),
    );
    let refused = project.run(&["plan"]);
    assert_eq!(refused.status, 1, "{}", refused.stdout);
    assert!(
        refused.stderr.contains("two components that are both kinds-component-twins/keys/twin"),
        "{}",
        refused.stderr
    );
}

/// A stock server has no other type of component that it would take, so this is as far as it gets.
#[test]
fn a_component_of_any_type_is_sent_as_it_is() {
    let project = Project::new("kinds-component-any");
    project.write_realm(
        "[components.\"com.acme.Audit/archive\"]\nproviderId = \"s3\"\nsubType = \"daily\"\nconfig.bucket = \"a\"\n",
    );
    let refused = project.run(&["apply", "--yes"]);
    assert_eq!(refused.status, 6, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("400 Bad Request: Invalid provider type or no such provider"),
        "{}",
        refused.stderr
    );
}

/// A provider shows only what it knows, so nobody can say whether the server took the rest.
#[test]
fn configuration_that_the_provider_does_not_know_is_told() {
    let project = Project::new("kinds-component-unknown");
    project.write_realm("[keys.a]\nproviderId = \"aes-generated\"\nconfig = { priority = 1, unheardOf = \"x\" }\n");
    let output = project.run(&["apply", "--yes"]);
    assert!(output.status != 0 && output.stderr.contains("did not converge: 1 object left"), "{}", output.stderr);
}

/// What the server does with configuration that a PUT leaves out, masks, empties, or that its provider does not know.
#[test]
fn a_put_keeps_what_it_leaves_out() {
    let mut project = Project::new("kinds-component-put");
    project.set("BIND", "the-credential");
    project.write_realm(LDAP_FILE);
    project.apply();
    let admin = project.admin();
    let path = format!("components/{}", component(&admin, "directory")["id"].as_str().unwrap());
    let put = |config: Value| {
        let types =
            json!({"providerId": "ldap", "providerType": "org.keycloak.storage.UserStorageProvider", "config": config});
        admin.put(&path, &types);
        admin.get(&path)["config"].clone()
    };
    let masked = json!(["**********"]);
    assert_eq!(put(json!({"priority": ["1"]}))["bindCredential"], masked);
    assert_eq!(put(json!({"bindCredential": ["**********"]}))["bindCredential"], masked);
    assert_eq!(put(json!({"unheardOf": ["x"]}))["unheardOf"], Value::Null);
    assert_eq!(put(json!({"bindCredential": []}))["bindCredential"], Value::Null);
    let changes = project.changes();
    assert!(
        changes.len() == 1 && changes[0].starts_with("update userFederation/directory: config.bindCredential"),
        "{changes:?}"
    );
    // Another provider would have the configuration of this one.
    project.write_realm(&LDAP_FILE.replace("\"ldap\"", "\"kerberos\""));
    let refused = project.run(&["plan"]);
    assert_eq!(refused.status, 4, "{}", refused.stderr);
    let words = "providerId of an existing user federation provider cannot change";
    assert!(refused.stdout.contains(words), "{}", refused.stdout);
    let mut other = admin.get(&path);
    other["providerId"] = "kerberos".into();
    admin.put(&path, &other);
    let other = admin.get(&path);
    assert_eq!((&other["providerId"], &other["config"]["editMode"]), (&json!("kerberos"), &json!(["READ_ONLY"])));
}

/// The one component of that name.
pub(super) fn component(admin: &Admin, name: &str) -> Value {
    admin.find("components", "name", name)
}

fn names(admin: &Admin) -> Vec<String> {
    let components = admin.get("components");
    let mut names: Vec<_> =
        components.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}
