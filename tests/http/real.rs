//! Facts of a real Keycloak that the HTTP layer builds on.

use std::time::Duration;

use futures_util::future::join_all;
use realmform::keycloak::auth::Credentials;
use realmform::keycloak::connection::Connection;
use realmform::keycloak::error::HttpError;
use realmform::keycloak::http::Http;
use realmform::keycloak::path::segment;
use serde_json::{Value, json};

use crate::support::proxy::{Fault, Proxy, every};
use crate::support::{access, is_26_0};

#[tokio::test]
async fn names_of_any_kind_survive_the_way_there_and_back() {
    let (http, realm) = realm("names").await;
    for name in ["a b/ü?#%&=+", "...", "%2e%2e", "クライアント", "\"'<>\\;:@"] {
        let posted = http.post(&format!("/{realm}/roles"), &json!({ "name": name })).await.unwrap();
        assert_eq!(posted.id.as_deref(), Some(name));
        let path = format!("/{realm}/roles/{}", segment(name));
        assert_eq!(http.get(&path).await.unwrap()["name"], name);
        http.delete(&path).await.unwrap();
        assert_eq!(http.find(&path).await.unwrap(), None);
    }
    // The reason for refusing such paths: this one would delete the realm.
    http.post(&format!("/{realm}/roles"), &json!({"name": ".."})).await.unwrap();
    let error = http.delete(&format!("/{realm}/roles/{}", segment(".."))).await.unwrap_err();
    assert!(matches!(error, HttpError::Unaddressable { .. }));
    http.delete(&format!("/{realm}")).await.unwrap();
}

#[tokio::test]
async fn errors_keep_the_servers_words() {
    let (http, realm) = realm("words").await;
    let clients = format!("/{realm}/clients");
    let error = http.post(&clients, &json!({"clientId": "account"})).await.unwrap_err();
    assert_eq!(error.to_string(), format!("POST {clients}: 409 Conflict: Client account already exists"));
    let error = http.get("/no-such-realm").await.unwrap_err();
    assert_eq!(error.to_string(), "GET /no-such-realm: 404 Not Found: Realm not found.");
    let error = http.post(&format!("/{realm}/users"), &json!({"username": "u"})).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("POST /{realm}/users: 400 Bad Request: error-invalid-length (username, 3, 255)")
    );
    http.delete(&format!("/{realm}")).await.unwrap();
}

#[tokio::test]
async fn sign_in_refusals_are_told_apart() {
    for (credentials, message) in [
        (
            password("wrong", "admin-cli"),
            "sign-in as user admin (client admin-cli) in realm master was refused: Invalid user credentials",
        ),
        (
            password(&access().password, "nope"),
            "sign-in as client nope in realm master was refused: Invalid client or Invalid client credentials",
        ),
        (
            Credentials::Client { id: "admin-cli".into(), secret: "x".into() },
            "sign-in as client admin-cli in realm master was refused: Public client not allowed to retrieve service account",
        ),
    ] {
        let error = Http::connect(Connection::new(url(), credentials)).await.unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let realm = Connection { realm: "nope".into(), ..connection(&url()) };
    assert!(matches!(Http::connect(realm).await, Err(HttpError::NoRealm { .. })));
    let path = connection(&format!("{}/auth", url()));
    assert!(matches!(Http::connect(path).await, Err(HttpError::NotKeycloak { .. })));
    let opaque = Connection::new(url(), Credentials::Token("opaque".into()));
    let error = Http::connect(opaque).await.unwrap().get("").await.unwrap_err();
    assert!(matches!(error, HttpError::Token { .. }));
}

#[tokio::test]
async fn a_credential_that_may_only_look_is_told_what_it_lacks() {
    let (http, realm) = realm("rights").await;
    let viewer = service_account(&http, &realm, "realm-management", &["view-realm", "view-clients"]).await;
    let shown = viewer.server_version().await.unwrap();
    assert!(shown.is_none() || is_26_0("everybody may ask for the version"), "serverinfo answers without systemInfo");
    let live = viewer.get(&format!("/{realm}")).await.unwrap();
    viewer.require_supported(&live).await.unwrap();
    let error = viewer.put(&format!("/{realm}"), &json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), format!("PUT /{realm}: 403 Forbidden: the credential lacks manage-realm"));
    let error = viewer.get(&format!("/{realm}/users")).await.unwrap_err();
    assert!(error.is_forbidden() && error.to_string().contains("view-users"), "{error}");
    // Without view-realm a realm shows a handful of fields, and not the one by which an old server is known.
    let blind = service_account(&http, &realm, "realm-management", &["view-clients"]).await;
    let shown = blind.get(&format!("/{realm}")).await.unwrap();
    assert!(shown["enabled"].is_null() && shown["identityProviders"].is_null(), "{shown}");
    blind.require_supported(&shown).await.unwrap();
    blind.require_supported_for_new_realms().await.unwrap();
    let admin = service_account(&http, &realm, "realm-management", &["realm-admin"]).await;
    assert!(admin.server_version().await.unwrap().unwrap().starts_with("26."));
    http.delete(&format!("/{realm}")).await.unwrap();
}

/// The roles for a new realm are looked up on the server, not in the token (older servers: in the token).
#[tokio::test]
async fn a_token_works_for_a_realm_made_after_it() {
    if is_26_0("it has the rights in the token") {
        return;
    }
    let http = connect(&url()).await;
    let maker = service_account(&http, "master", "", &["create-realm"]).await;
    let realm = format!("made-{}", std::process::id());
    maker.post("", &json!({"realm": realm, "enabled": true})).await.unwrap();
    maker.get(&format!("/{realm}/clients")).await.unwrap();
    maker.refresh_token().await.unwrap();
    maker.get(&format!("/{realm}/clients")).await.unwrap();
    maker.delete(&format!("/{realm}")).await.unwrap();
    let robot = first(&http, "/master/clients?clientId=robot-create-realm-1").await.unwrap();
    http.delete(&format!("/master/clients/{}", robot["id"].as_str().unwrap())).await.unwrap();
}

#[tokio::test]
async fn every_third_request_failing_changes_nothing() {
    for (number, fault) in
        [Fault::Status(500), Fault::RetryAfter(0), Fault::DropBefore, Fault::DropAfter].into_iter().enumerate()
    {
        let (direct, realm) = realm(&format!("faults{number}")).await;
        let proxy = Proxy::start(&url(), every(3, fault.clone())).await;
        let http = connect(&proxy.url()).await;
        let clients = format!("/{realm}/clients");
        let post = async |number: usize| {
            let body = json!({ "clientId": format!("c{number}") });
            match http.post(&clients, &body).await {
                Ok(posted) => assert_eq!(posted.id.unwrap().len(), 36),
                Err(error) => assert!(error.may_have_run(), "{fault:?}: {error}"),
            }
        };
        join_all((0..30).map(post)).await;
        let there = direct.get(&format!("{clients}?search=true&clientId=c")).await.unwrap();
        let there = there.as_array().unwrap().iter().filter(|client| {
            client["clientId"].as_str().unwrap().strip_prefix('c').is_some_and(|rest| rest.parse::<u8>().is_ok())
        });
        // With 500 two in a row may fail, as they should; a lost answer ends in a conflict that says so.
        let sure = !matches!(fault, Fault::Status(500));
        assert!(!sure || there.count() == 30, "{fault:?}");
        assert!(proxy.faults() >= 10);
        direct.delete(&format!("/{realm}")).await.unwrap();
    }
}

#[tokio::test]
async fn a_session_outlives_its_tokens() {
    let admin = connect(&url()).await;
    let name = format!("session-{}", std::process::id());
    let client = json!({"clientId": name, "publicClient": true, "directAccessGrantsEnabled": true,
                        "attributes": {"access.token.lifespan": "8"}});
    let client = admin.post("/master/clients", &client).await.unwrap().id.unwrap();
    let http = Http::connect(Connection::new(url(), password(&access().password, &name))).await.unwrap();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        http.get("/master").await.unwrap();
    }
    admin.delete(&format!("/master/clients/{client}")).await.unwrap();
    let tokens = http.requests()["POST /realms/{realm}/protocol/openid-connect/token"];
    assert_eq!(tokens, 2);
}

fn url() -> String {
    access().http_url.clone()
}

fn password(password: &str, client: &str) -> Credentials {
    Credentials::Password {
        client_id: client.into(),
        client_secret: None,
        user: access().user.clone(),
        password: password.into(),
    }
}

fn connection(url: &str) -> Connection {
    Connection::new(url, password(&access().password, "admin-cli"))
}

async fn connect(url: &str) -> Http {
    Http::connect(connection(url)).await.unwrap()
}

/// A fresh realm.
async fn realm(name: &str) -> (Http, String) {
    let http = connect(&url()).await;
    let realm = format!("{name}-{}", std::process::id());
    let posted = http.post("", &json!({"realm": realm, "enabled": true})).await.unwrap();
    assert_eq!(posted.id, Some(realm.clone()));
    http.refresh_token().await.unwrap();
    (http, realm)
}

/// Signed in as a new client of that realm, with roles of another client of it, or realm roles if that is empty.
async fn service_account(http: &Http, realm: &str, of: &str, roles: &[&str]) -> Http {
    // In master a client whose id ends with `-realm` can be neither changed nor deleted: 403, even for its maker.
    let id = format!("robot-{}-1", roles.concat());
    let body = json!({"clientId": id, "secret": "s3cret", "serviceAccountsEnabled": true});
    let client = http.post(&format!("/{realm}/clients"), &body).await.unwrap().id.unwrap();
    let user = http.get(&format!("/{realm}/clients/{client}/service-account-user")).await.unwrap();
    let user = user["id"].as_str().unwrap();
    let (from, to) = match first(http, &format!("/{realm}/clients?clientId={of}")).await {
        Some(client) if !of.is_empty() => {
            let client = client["id"].as_str().unwrap().to_owned();
            (format!("clients/{client}/roles"), format!("clients/{client}"))
        }
        _ => ("roles".into(), "realm".into()),
    };
    let paths = roles.iter().map(|role| format!("/{realm}/{from}/{role}"));
    let roles = join_all(paths.map(async |path| http.get(&path).await.unwrap())).await;
    let roles = Value::from(roles);
    http.post(&format!("/{realm}/users/{user}/role-mappings/{to}"), &roles).await.unwrap();
    let credentials = Credentials::Client { id, secret: "s3cret".into() };
    Http::connect(Connection { realm: realm.into(), ..Connection::new(url(), credentials) }).await.unwrap()
}

async fn first(http: &Http, path: &str) -> Option<Value> {
    http.get(path).await.unwrap().get(0).cloned()
}
