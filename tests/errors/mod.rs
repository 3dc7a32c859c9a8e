//! What a person reads when the server cannot be used: one line with the reason, one with the remedy, exit code 1.

use std::sync::Arc;

use futures_util::FutureExt as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use crate::support::proxy::{Reply, Server};
use crate::support::run::{Project, Ran, admin, admin_password, block, client, realm_path};
use crate::support::server;

#[test]
fn a_wrong_password() {
    let project = project(server().http_url()).env("KEYCLOAK_PASSWORD", "not-the-password");
    insta::assert_snapshot!(told(&project.run(&["apply", "--yes"])), @r"
    exit 1
    error: sign-in as user admin (client admin-cli) in realm master was refused: Invalid user credentials
    hint: check the user and the password
    ");
}

#[test]
fn a_wrong_client_secret() {
    let project = project(server().http_url())
        .env("KEYCLOAK_USER", "")
        .env("KEYCLOAK_CLIENT_ID", "admin-rest")
        .env("KEYCLOAK_CLIENT_SECRET", "not-the-secret");
    insta::assert_snapshot!(told(&project.run(&["plan"])), @r"
    exit 1
    error: sign-in as client admin-rest in realm master was refused: Invalid client or Invalid client credentials
    hint: check the client id, its secret, and that the client allows this way to sign in
    ");
}

#[test]
fn a_token_that_is_none() {
    let project = project(server().http_url()).env("KEYCLOAK_ACCESS_TOKEN", "not-a-token");
    insta::assert_snapshot!(told(&project.run(&["plan"])), @r"
    exit 1
    error: the access token is not accepted by the server
    hint: get a new token, or use a client's or user's credentials, which are renewed by themselves
    ");
}

#[test]
fn a_realm_to_sign_in_to_that_does_not_exist() {
    let project = project(server().http_url()).env("KEYCLOAK_REALM", "no-such-realm");
    insta::assert_snapshot!(told(&project.run(&["plan"])), @r"
    exit 1
    error: sign-in failed: the server 127.0.0.1:PORT has no realm no-such-realm
    hint: name the realm the credential belongs to; it need not be the managed one
    ");
}

/// Looking is enough for a plan; an apply says what is missing before it changes anything.
#[test]
fn a_credential_that_may_only_look() {
    let project = Project::new("errors-view");
    project.write_realm("displayName = \"view\"\n");
    project.apply();
    block(make_viewer("errors-view"));
    let viewer = project
        .env("KEYCLOAK_REALM", "errors-view")
        .env("KEYCLOAK_USER", "")
        .env("KEYCLOAK_CLIENT_ID", "viewer")
        .env("KEYCLOAK_CLIENT_SECRET", "viewer-secret");
    viewer.write_realm("displayName = \"changed\"\n");
    let plan = viewer.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(plan.code, Some(2), "{plan:?}");
    insta::assert_snapshot!(told(&viewer.run(&["apply", "--yes"])), @r"
    exit 1
    error: POST /errors-view/clients/ID/roles: 403 Forbidden: the credential lacks manage-clients
    hint: give it manage-clients: a role of the client `realm-management` in the managed realm, or of `REALM-realm` in master
    ");
}

#[test]
fn an_unknown_host() {
    let project = project("https://no-such-host.invalid");
    insta::assert_snapshot!(told(&project.run(&["plan"])), @r"
    exit 1
    error: cannot reach no-such-host.invalid: the host name is unknown
    hint: check the spelling of the server's URL and the name server
    ");
}

#[test]
fn a_port_where_nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let project = project(&format!("http://127.0.0.1:{port}"));
    insta::assert_snapshot!(told(&project.run(&["plan"])), @r"
    exit 1
    error: cannot reach 127.0.0.1:PORT: nothing listens there
    hint: check the port, and whether the server is running
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_expired() {
    let (server, ca) = tls_server(2021).await;
    let project = project(&server.url());
    project.write("ca.pem", &ca);
    let ran = project.run_beside(&["plan", "--ca-file", "ca.pem"]).await;
    insta::assert_snapshot!(told(&ran), @r"
    exit 1
    error: no trusted connection to 127.0.0.1:PORT: its certificate expired on 2021-01-01
    hint: the server needs a new certificate
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_not_trusted() {
    let (server, _) = tls_server(2100).await;
    let ran = project(&server.url()).run_beside(&["plan"]).await;
    insta::assert_snapshot!(told(&ran), @r"
    exit 1
    error: no trusted connection to 127.0.0.1:PORT: its certificate is signed by an authority that is not trusted here
    hint: name the authority's certificate (PEM) as the CA file of the server
    ");
}

#[test]
fn the_tls_port_of_the_real_server_without_its_authority() {
    let ran = project(server().https_url()).run(&["plan"]);
    insta::assert_snapshot!(told(&ran), @r"
    exit 1
    error: no trusted connection to localhost:PORT: its certificate is signed by an authority that is not trusted here
    hint: name the authority's certificate (PEM) as the CA file of the server
    ");
}

/// Up to 25.0 a realm lists its identity providers; so does this one, whose other answers are the real server's.
#[tokio::test(flavor = "multi_thread")]
async fn a_keycloak_that_is_too_old() {
    let old = old_server("25.0.6").await;
    let mut tellings = Vec::new();
    for realm in ["errors-none", "master"] {
        let mut project = Project::elsewhere("errors-none", &old.url());
        project.realm = realm.to_owned();
        let project = project.env("KEYCLOAK_USER", "admin").env("KEYCLOAK_PASSWORD", admin_password());
        project.write_realm("displayName = \"old\"\n");
        tellings.push(told(&project.run_beside(&["plan"]).await));
    }
    insta::assert_snapshot!(tellings[0], @r"
    exit 1
    error: Keycloak 25.0.6 is too old
    hint: realmform needs Keycloak 26.0 or newer
    ");
    assert_eq!(tellings[0], tellings[1], "a realm to be made tells as much as one that is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_than_a_keycloak() {
    let web = Server::start(None, |_| std::future::ready(Reply::text(404, "no such page")).boxed()).await;
    let ran = project(&web.url()).run_beside(&["plan"]).await;
    insta::assert_snapshot!(told(&ran), @r"
    exit 1
    error: http://127.0.0.1:PORT/realms/master/protocol/openid-connect/token does not answer like a Keycloak: 404 Not Found with text/plain
    hint: check the URL: some servers answer below a path such as /auth, others no longer do
    ");
    let below = project(&format!("{}/auth", server().http_url())).run_beside(&["plan"]).await;
    insta::assert_snapshot!(told(&below), @r"
    exit 1
    error: http://127.0.0.1:PORT/auth/realms/master/protocol/openid-connect/token does not answer like a Keycloak: 404 Not Found with application/json
    hint: check the URL: some servers answer below a path such as /auth, others no longer do
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_broken() {
    let web = Server::start(None, |_| std::future::ready(Reply::text(501, "not implemented")).boxed()).await;
    let ran = project(&web.url()).run_beside(&["plan"]).await;
    insta::assert_snapshot!(told(&ran), @r"
    exit 1
    error: POST /realms/master/protocol/openid-connect/token: 501 Not Implemented: not implemented
    hint: the server runs without a feature that this needs: enable it with its option --features
    ");
}

/// A project of one realm, with the administrator's name and password.
fn project(url: &str) -> Project {
    let project = Project::elsewhere("errors", url).env("KEYCLOAK_USER", "admin");
    project.write_realm("displayName = \"errors\"\n");
    project.env("KEYCLOAK_PASSWORD", admin_password())
}

/// The exit code and standard error, without what differs between runs.
fn told(ran: &Ran) -> String {
    assert!(!ran.stderr.contains("panicked") && !ran.stderr.contains("   0: "), "{ran:?}");
    let text = format!("exit {}\n{}", ran.code.unwrap(), ran.stderr);
    let ports = text.split_inclusive(':').map(|part| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 5 { format!("PORT{}", &part[digits..]) } else { part.to_owned() }
    });
    let ids = |word: &str| if word.len() == 36 && word.matches('-').count() == 4 { "ID" } else { word }.to_owned();
    ports.collect::<String>().split('/').map(ids).collect::<Vec<_>>().join("/")
}

/// A confidential client of the realm whose service account may look at everything.
async fn make_viewer(realm: &str) {
    let (http, base) = (admin().await, realm_path(realm));
    let body = json!({ "clientId": "viewer", "secret": "viewer-secret", "serviceAccountsEnabled": true });
    let viewer = http.post(&format!("{base}/clients"), &body).await.unwrap().id.unwrap();
    let user = http.get(&format!("{base}/clients/{viewer}/service-account-user")).await.unwrap();
    let management = client(&http, realm, "realm-management").await.unwrap();
    let management = management["id"].as_str().unwrap();
    let mut roles = http.get(&format!("{base}/clients/{management}/roles")).await.unwrap().as_array().unwrap().clone();
    roles.retain(|role| role["name"].as_str().unwrap().starts_with("view-"));
    let user = user["id"].as_str().unwrap();
    let mappings = format!("{base}/users/{user}/role-mappings/clients/{management}");
    http.post(&mappings, &Value::from(roles)).await.unwrap();
}

/// A server that answers as Keycloak `version` does, where that differs.
async fn old_server(version: &'static str) -> Server {
    let upstream = crate::support::proxy::Proxy::start(server().http_url(), |_, _| None).await;
    let url = upstream.url();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let upstream = Arc::new(upstream);
    Server::start(None, move |request| {
        let (client, url, upstream) = (client.clone(), url.clone(), Arc::clone(&upstream));
        async move {
            let method = request.method.parse().unwrap();
            let mut forward = client.request(method, format!("{url}{}", request.path)).body(request.body.clone());
            for name in ["authorization", "content-type"] {
                forward = request.header(name).into_iter().fold(forward, |it, value| it.header(name, value));
            }
            let answer = forward.send().await.unwrap();
            let status = answer.status().as_u16();
            let mut body: Value = answer.json().await.unwrap_or_default();
            if body.get("realm").is_some() {
                body["identityProviders"] = json!([]);
            }
            if let Some(info) = body.get_mut("systemInfo") {
                info["version"] = version.into();
            }
            drop(upstream);
            Reply::json(status, &body)
        }
        .boxed()
    })
    .await
}

/// A TLS server whose certificate ends with that year, and the authority (PEM) that signed it.
async fn tls_server(until: i32) -> (Server, String) {
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(until, 1, 1));
    let key = KeyPair::generate().unwrap();
    let chain = vec![CertificateDer::from(params.signed_by(&key, &issuer).unwrap())];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let answer = |_| std::future::ready(Reply::json(200, &json!({}))).boxed();
    (Server::start(Some(TlsAcceptor::from(Arc::new(config))), answer).await, ca.pem())
}
