//! Keycloak's rotation of client secrets: where a policy has it, the secret of before works for a while beside the new one.

use realmform::sandbox::Options;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::realmform;
use crate::support::run::{Project, admin_of, block, client};

const REALM: &str = r#"
[clientProfiles.rotation]
executors = [{ executor = "secret-rotation", configuration = { "expiration-period" = 86400, "rotated-expiration-period" = 3600, "remaining-rotation-period" = 600 } }]
[clientPolicies.rotation]
enabled = true
profiles = ["rotation"]
conditions = [{ condition = "client-access-type", configuration = { type = ["confidential"] } }]
"#;

const CLIENTS: &str = r#"
[clients.named]
serviceAccountsEnabled = true
secret = { env = "SECRET" }
[clients.made]
serviceAccountsEnabled = true
secret = { generate = {} }
"#;

#[test]
fn the_secret_of_before_works_for_a_while() {
    let mut options = Options::new(realmform());
    options.features = vec!["client-secret-rotation".to_owned()];
    options.cheap_passwords = true;
    let server = crate::support::start(options);
    let mut project = Project::elsewhere("rotation", server.http_url())
        .env("KEYCLOAK_USER", server.admin_user())
        .env("KEYCLOAK_PASSWORD", server.admin_password().expose_secret())
        .env("SECRET", "the-first");
    project.write_realm(REALM);
    project.apply();
    project.write_realm(&format!("{REALM}{CLIENTS}"));
    project.apply();
    project.assert_settled();
    let url = server.http_url();
    let http = block(admin_of(&server));
    let made = || {
        let made = block(client(&http, "rotation", "made")).unwrap();
        made["secret"].as_str().unwrap().to_owned()
    };
    let first = made();
    let works = |client: &str, secret: &str| block(signs_in(url, client, secret));

    project = project.env("SECRET", "the-second");
    let ran = project.run(&["apply", "--yes", "--rotate", "rotation/clients/made"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    project.assert_settled();
    let second = made();
    assert_ne!(second, first);
    assert_eq!(["the-first", "the-second", "the-third"].map(|secret| works("named", secret)), [true, true, false]);
    assert_eq!([&*first, &*second].map(|secret| works("made", secret)), [true, true]);

    // One before that is gone, and an import takes none of it for something that files say.
    project = project.env("SECRET", "the-third");
    project.apply();
    project.assert_settled();
    assert_eq!(["the-first", "the-second", "the-third"].map(|secret| works("named", secret)), [false, true, true]);
    let ran = project.run(&["import", "rotation", "--project", "imported"]);
    assert!(ran.stdout.contains("rotation: imported, and its plan is empty"), "{ran:?}");
    let file = std::fs::read_to_string(project.folder().join("imported/rotation/realm.toml")).unwrap();
    assert!(!file.contains("client.secret"), "{file}");
}

/// Whether the server gives a token for this secret.
async fn signs_in(url: &str, client: &str, secret: &str) -> bool {
    let form = json!({ "grant_type": "client_credentials", "client_id": client, "client_secret": secret });
    let request = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let answer = request.post(format!("{url}/realms/rotation/protocol/openid-connect/token")).form(&form);
    let answer: Value = answer.send().await.unwrap().json().await.unwrap();
    answer["access_token"].is_string()
}
