//! What identity providers publish of themselves, into files.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::schemas::Validator;
use crate::support::admin::Admin;
use crate::support::project::Project;
use crate::support::{access, is_26_0};

/// What only repeats Keycloak's own defaults.
const DEFAULTS: &[(&str, &str)] = &[
    ("loginHint", "false"),
    ("addExtensionsElementWithKeyInfo", "false"),
    ("artifactBindingResponse", "false"),
    ("enabledFromMetadata", "true"),
];

/// A realm that others sign in at.
fn upstream(name: &str) -> Admin {
    let upstream = Admin::of(name);
    upstream.delete_if_there("");
    upstream.post_realm(&json!({ "realm": name, "enabled": true }));
    upstream
}

#[test]
fn it_is_what_keycloak_takes_of_the_same_documents() {
    let _upstream = upstream("metadata-login");
    let project = Project::new("metadata");
    project.write("blueprints/plain/blueprint.toml", "");
    let issuer = format!("{}/realms/metadata-login", access().http_url);
    let saml = format!("{issuer}/protocol/saml/descriptor");
    let oidc = format!("{issuer}/.well-known/openid-configuration");
    for (realm, option, place, provider, url) in [
        ("metadata-saml", "--saml-metadata", &saml, "saml", &saml),
        ("metadata-oidc", "--oidc-issuer", &issuer, "oidc", &oidc),
    ] {
        let admin = Admin::of(realm);
        admin.delete_if_there("");
        let made = project.run(&["new", "tenant", realm, "--blueprint", "plain", option, place]);
        assert_eq!(made.status, 0, "{made:?}");
        let applied = project.run(&["apply", "--yes", "--realm", realm]);
        assert_eq!(applied.status, 0, "{applied:?}");
        let ours = admin.get(&format!("identity-provider/instances/{provider}"))["config"].clone();
        let ours: BTreeMap<String, Value> = serde_json::from_value(ours).unwrap();
        let theirs =
            admin.answer_to("identity-provider/import-config", &json!({ "providerId": provider, "fromUrl": url }));
        let mut theirs: BTreeMap<String, Value> = serde_json::from_value(theirs).unwrap();
        theirs.retain(|key, value| !DEFAULTS.iter().any(|(name, text)| key == name && value == text));
        for (key, value) in &theirs {
            assert_eq!(ours.get(key), Some(value), "{key}");
        }
        let beyond: Vec<&String> = ours.keys().filter(|key| !theirs.contains_key(*key)).collect();
        // What every provider has on the server.
        let old = is_26_0("its import leaves out where tokens are introspected");
        let added = |key: &&&String| match key.as_str() {
            "syncMode" | "clientAuthMethod" => false,
            "tokenIntrospectionUrl" => !old,
            _ => true,
        };
        assert_eq!(beyond.iter().filter(added).collect::<Vec<_>>(), [&&""; 0], "{provider}");
        let planned = project.run(&["plan", "--realm", realm, "--detailed-exitcode", "--strict"]);
        assert_eq!(planned.status, 0, "{planned:?}");
        admin.delete_if_there("");
    }
}

/// A hand-written provider: nothing said is filled, what is said is kept up to date, and what is not said stays so.
#[test]
fn what_a_file_says_is_read_again_and_nothing_else() {
    let upstream = upstream("metadata-moves");
    let project = Project::new("metadata-refresh");
    let issuer = format!("{}/realms/metadata-moves", access().http_url);
    let realm = "metadata-refresh";
    let file = format!("{realm}/identityProviders/corp.toml");
    let read = || std::fs::read_to_string(project.folder().join(&file)).unwrap();
    project.write(&file, "providerId = \"saml\" # theirs\n");
    assert_eq!(project.run(&["refresh"]).stdout.lines().count(), 1);
    let address = format!("{realm}/identityProviders/corp");
    let lost = project.run(&["refresh", &address]);
    assert_eq!(lost.status, 64, "{lost:?}");
    assert!(lost.stderr.contains("does not say where it comes from"), "{lost:?}");
    let url = format!("{issuer}/protocol/saml/descriptor");
    let other = project.run(&["refresh", &address, "--oidc-issuer", &issuer]);
    assert_eq!(other.status, 64, "{other:?}");
    let filled = project.run(&["refresh", &address, "--saml-metadata", &url]);
    assert_eq!(filled.status, 0, "{filled:?}");
    assert!(read().starts_with("providerId = \"saml\" # theirs\n\n[config]\n"), "{}", read());
    assert!(read().contains(&format!("idpEntityId = \"{issuer}\"\n")) && read().contains(&url), "{}", read());
    project.apply();
    project.assert_empty_plan();

    // Somebody does without the logout, and says another name.
    let line = |start: &str| read().lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    let (logout, id) = (line("singleLogoutServiceUrl"), line("idpEntityId"));
    project
        .write(&file, &read().replace(&format!("{logout}\n"), "").replace(&id, "idpEntityId = \"https://old\" # why"));
    let due = project.run(&["refresh", "--check", "--format", "json"]);
    assert_eq!(due.status, 2, "{due:?}");
    let due: Value = serde_json::from_str(&due.stdout).unwrap();
    assert_eq!(Validator::of("output-refresh").errors_in(&due), "");
    let expected = json!([{ "field": "config.idpEntityId", "now": issuer, "file": file }]);
    assert_eq!(due["identityProviders"][0]["changes"], expected);
    assert!(read().contains("https://old"));
    assert_eq!(project.run(&["refresh"]).status, 0);
    assert!(read().contains(&format!("{id} # why\n")) && !read().contains("singleLogoutServiceUrl"), "{}", read());

    // A provider that is gone is told, and the files stay.
    upstream.delete_if_there("");
    let before = read();
    let gone = project.run(&["refresh"]);
    assert_eq!(gone.status, 1, "{gone:?}");
    assert!(gone.stdout.contains("cannot be read: the answer is 404 Not Found"), "{gone:?}");
    assert_eq!(read(), before);

    // What a blueprint says is told.
    upstream.post_realm(&json!({ "realm": "metadata-moves", "enabled": true }));
    project.write("blueprints/corp/blueprint.toml", "");
    let text = format!(
        "[identityProviders.corp]\nproviderId = \"saml\"\nconfig = {{ idpEntityId = \"x\", metadataDescriptorUrl = \"{url}\" }}\n"
    );
    project.write("blueprints/corp/realm.toml", &text);
    std::fs::remove_file(project.folder().join(&file)).unwrap();
    project.write_realm("use = [{ blueprint = \"corp\" }]\n");
    let told = project.run(&["refresh"]);
    assert!(
        told.stdout.contains("config.idpEntityId is another one (not written: blueprints/corp/realm.toml:3"),
        "{told:?}"
    );
    upstream.delete_if_there("");
}
