//! A vault: every way to sign in, both versions of the KV engine, and what is told when a secret cannot be had.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;
use rcgen::{CertificateParams, KeyPair};
use realmform::desired::VaultAuth;
use realmform::model::SecretRef;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use super::bao::{Bao, shared};
use super::{Asking, env};
use crate::support::proxy::{Proxy, Reply, Request, Server};

#[tokio::test]
async fn secrets_are_read_once_from_both_engines_wherever_they_are_mounted() {
    let Some(bao) = shared() else { return };
    for (mount, version) in [("once-1", 1), ("once-2", 2), ("once-team/kv", 2), ("once-team/old", 1)] {
        bao.mount(mount, version).await;
    }
    bao.write("once-1/app", json!({ "password": "a", "pin": 1234, "quoted": "\"\\\u{e4}\n" })).await;
    bao.write("once-2/data/app", json!({ "data": { "password": "b", "user": "c" } })).await;
    bao.write("once-2/data/deep/er", json!({ "data": { "data": "d" } })).await;
    bao.write("once-team/kv/data/app", json!({ "data": { "a.b": "e" } })).await;
    bao.write("once-team/old/data/app", json!({ "x": "f" })).await;
    bao.write("once-1/a%20b%25c", json!({ "x": "g" })).await;
    // No more than what is read: not the mounts, and nothing beside the secrets.
    let paths = ["once-1/*", "once-2/data/app", "once-2/data/deep/+", "+/kv/data/app", "once-team/old/data/app"];
    bao.policy("once", &paths).await;
    let watched = watch(&bao.url).await;
    let asking = Asking::vault(&watched.proxy.url()).env("VAULT_TOKEN", &bao.token("once", 60).await);
    let secrets = [
        "once-1/app#password",
        "once-1/app#pin",
        "once-1/app#quoted",
        "once-2/app#password",
        "once-2/app#user",
        "once-2/deep/er#data",
        "once-team/kv/app#a.b",
        "once-team/old/data/app#x",
        "once-1/a b%c#x",
    ];
    let expected = ["a", "1234", "\"\\\u{e4}\n", "b", "c", "d", "e", "f", "g"];
    assert_eq!(asking.get(&secrets).await.unwrap(), expected);
    let mut seen = watched.requests();
    seen.sort();
    // Whichever secret of a mount is first asks what it is.
    let (mounts, reads): (Vec<_>, Vec<_>) = seen.into_iter().partition(|it| it.contains("/sys/internal/ui/mounts/"));
    assert_eq!(mounts.len(), 4, "{mounts:?}");
    insta::assert_snapshot!(reads.join("\n"), @r"
    GET /v1/once-1/a%20b%25c
    GET /v1/once-1/app
    GET /v1/once-2/data/app
    GET /v1/once-2/data/deep/er
    GET /v1/once-team/kv/data/app
    GET /v1/once-team/old/data/app
    ");
}

#[tokio::test]
async fn a_given_token_is_used_and_not_revoked() {
    let Some(bao) = shared() else { return };
    app(bao, "given").await;
    let (of_file, of_env, of_home) =
        (bao.token("given", 60).await, bao.token("given", 60).await, bao.token("given", 60).await);
    let watched = watch(&bao.url).await;
    let mut asking = Asking::vault(&watched.proxy.url());
    asking.write(".vault-token", &format!("{of_home}\n"));
    asking.write("token", &format!("{of_file}\n"));
    let home = asking.folder().to_str().unwrap().to_owned();
    asking = asking.env("HOME", &home).env("VAULT_TOKEN", "");
    assert_eq!(asking.get(&["given/app#password"]).await.unwrap(), ["of the vault"]);
    asking = asking.env("VAULT_TOKEN", &of_env);
    assert_eq!(asking.get(&["given/app#password"]).await.unwrap(), ["of the vault"]);
    asking = asking.auth(VaultAuth::Token(Some(SecretRef::File("token".into()))));
    assert_eq!(asking.get(&["given/app#password"]).await.unwrap(), ["of the vault"]);
    assert_eq!(watched.tokens(), [of_home.clone(), of_env.clone(), of_file.clone()]);
    for token in [of_home, of_env, of_file] {
        assert!(bao.knows(&token).await);
    }
    assert!(watched.requests().iter().all(|request| request.starts_with("GET ")));
}

#[tokio::test]
async fn an_approle_signs_in() {
    let Some(bao) = shared() else { return };
    app(bao, "approle-test").await;
    let (role_id, secret_id) = bao.approle("machines/approle", "approle-test").await;
    let watched = watch(&bao.url).await;
    let mount = "machines/approle".to_owned();
    let auth = |secret_id| VaultAuth::AppRole { mount: mount.clone(), role_id: env("ROLE"), secret_id };
    let asking = Asking::vault(&watched.proxy.url()).env("ROLE", &role_id).env("SECRET", &format!("{secret_id}\n"));
    let asking = asking.auth(auth(Some(env("SECRET"))));
    assert_eq!(asking.get(&["approle-test/app#password"]).await.unwrap(), ["of the vault"]);
    watched.assert_ended(bao).await;
    // Also when there is nothing to read.
    asking.fail(&["approle-test/none#password"]).await;
    watched.assert_ended(bao).await;

    insta::assert_snapshot!(asking.env("SECRET", "wrong").fail(&["approle-test/app#a", "approle-test/b#c"]).await, @r"
    the vault refuses to sign in by auth/machines/approle: invalid role or secret ID
    hint: look at [secrets.vault.auth] in realmform.toml, and at the method's mount and the role in the vault
    ");
    let asking = Asking::vault(&bao.url).auth(auth(Some(env("UNSET")))).env("ROLE", &role_id);
    insta::assert_snapshot!(asking.fail(&["approle-test/app#a"]).await, @r"
    cannot sign in to the vault: the environment variable UNSET is not set
    hint: [secrets.vault.auth] in realmform.toml says where it is looked for
    ");
    // A role that asks for no secret id.
    bao.write(
        "auth/machines/approle/role/app",
        json!({ "bind_secret_id": false, "token_bound_cidrs": "127.0.0.1/32" }),
    )
    .await;
    let asking = asking.auth(auth(None));
    assert_eq!(asking.get(&["approle-test/app#password"]).await.unwrap(), ["of the vault"]);
    let elsewhere = VaultAuth::AppRole { mount: "nowhere".to_owned(), role_id: env("ROLE"), secret_id: None };
    insta::assert_snapshot!(asking.auth(elsewhere).fail(&["approle-test/app#a"]).await, @r"
    the vault refuses to sign in by auth/nowhere: permission denied
    hint: look at [secrets.vault.auth] in realmform.toml, and at the method's mount and the role in the vault
    ");
}

#[tokio::test]
async fn a_jwt_signs_in() {
    let Some(bao) = shared() else { return };
    app(bao, "jwt-test").await;
    let key = KeyPair::generate().unwrap();
    bao.write("sys/auth/ci", json!({ "type": "jwt" })).await;
    let keys = json!({ "jwt_validation_pubkeys": [key.public_key_pem()], "bound_issuer": "https://ci.example" });
    bao.write("auth/ci/config", keys).await;
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["jwt-test"],
        "token_ttl": "60s"
    });
    bao.write("auth/ci/role/deploy", role).await;
    let token = |audience: &str| {
        signed(
            &key,
            &json!({ "iss": "https://ci.example", "sub": "job", "aud": audience, "iat": now(), "exp": now() + 300 }),
        )
    };
    let watched = watch(&bao.url).await;
    let auth = VaultAuth::Jwt { mount: "ci".to_owned(), role: "deploy".to_owned(), jwt: env("JWT") };
    let asking = Asking::vault(&watched.proxy.url()).auth(auth).env("JWT", &token("vault"));
    assert_eq!(asking.get(&["jwt-test/app#password"]).await.unwrap(), ["of the vault"]);
    watched.assert_ended(bao).await;
    let unknown = VaultAuth::Jwt { mount: "ci".to_owned(), role: "nobody".to_owned(), jwt: env("JWT") };
    let asking_as_unknown = Asking::vault(&bao.url).auth(unknown).env("JWT", &token("vault"));
    insta::assert_snapshot!(asking_as_unknown.fail(&["jwt-test/app#password"]).await, @r#"
    the vault refuses to sign in by auth/ci: role "nobody" could not be found
    hint: look at [secrets.vault.auth] in realmform.toml, and at the method's mount and the role in the vault
    "#);
    insta::assert_snapshot!(asking.env("JWT", &token("other")).fail(&["jwt-test/app#password"]).await, @r"
    the vault refuses to sign in by auth/ci: error validating token: invalid audience (aud) claim: audience claim does not match any expected audience
    hint: look at [secrets.vault.auth] in realmform.toml, and at the method's mount and the role in the vault
    ");
}

#[tokio::test]
async fn a_pod_signs_in() {
    let Some(bao) = shared() else { return };
    app(bao, "pod-test").await;
    let cluster = Server::start(None, |request| async move { reviewed(&request) }.boxed()).await;
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["cluster".to_owned()]).unwrap().self_signed(&key).unwrap();
    bao.write("sys/auth/kubernetes", json!({ "type": "kubernetes" })).await;
    let config = json!({
        "kubernetes_host": cluster.url(), "kubernetes_ca_cert": certificate.pem(), "disable_local_ca_jwt": true,
        "token_reviewer_jwt": "reviewer"
    });
    bao.write("auth/kubernetes/config", config).await;
    let role = json!({
        "bound_service_account_names": ["realmform"], "bound_service_account_namespaces": ["iam"],
        "token_policies": ["pod-test"], "token_ttl": "60s"
    });
    bao.write("auth/kubernetes/role/realmform", role).await;
    let token = |account: &str| {
        let kubernetes = json!({ "namespace": "iam", "serviceaccount": { "name": account, "uid": "u-1" } });
        let subject = format!("system:serviceaccount:iam:{account}");
        let claims = json!({
            "iss": "https://kubernetes.default.svc", "sub": subject, "aud": ["vault"], "iat": now(), "exp": now() + 300,
            "kubernetes.io": kubernetes
        });
        signed(&key, &claims)
    };
    let watched = watch(&bao.url).await;
    let jwt = SecretRef::File("token".into());
    let auth = VaultAuth::Jwt { mount: "kubernetes".to_owned(), role: "realmform".to_owned(), jwt };
    let asking = Asking::vault(&watched.proxy.url()).auth(auth);
    asking.write("token", &token("realmform"));
    assert_eq!(asking.get(&["pod-test/app#password"]).await.unwrap(), ["of the vault"]);
    watched.assert_ended(bao).await;
    asking.write("token", &token("another"));
    insta::assert_snapshot!(asking.fail(&["pod-test/app#password"]).await, @r"
    the vault refuses to sign in by auth/kubernetes: service account name not authorized
    hint: look at [secrets.vault.auth] in realmform.toml, and at the method's mount and the role in the vault
    ");
}

#[tokio::test]
async fn namespaces_are_named_by_the_project_or_the_environment() {
    let Some(bao) = shared() else { return };
    bao.write("sys/namespaces/tenant", json!({})).await;
    bao.write_in("tenant", "sys/mounts/kv", json!({ "type": "kv", "options": { "version": "2" } })).await;
    bao.write_in("tenant", "kv/data/app", json!({ "data": { "x": "of the tenant" } })).await;
    let asking = || Asking::vault(&bao.url).env("VAULT_TOKEN", &bao.root);
    let of_env = asking().env("VAULT_NAMESPACE", "tenant/");
    assert_eq!(of_env.get(&["kv/app#x"]).await.unwrap(), ["of the tenant"]);
    let declared = of_env.env("VAULT_NAMESPACE", "another").declared(|it| it.namespace = Some("tenant".to_owned()));
    assert_eq!(declared.get(&["kv/app#x"]).await.unwrap(), ["of the tenant"]);
    assert_eq!(asking().get(&["tenant/kv/app#x"]).await.unwrap(), ["of the tenant"]);
    let unknown = asking().env("VAULT_NAMESPACE", "nobody");
    insta::assert_snapshot!(unknown.fail(&["kv/app#x"]).await, @r"
    the vault has no mount for kv/app: namespace not found
    hint: the path begins with where the engine is mounted; VAULT_NAMESPACE or `namespace` of [secrets.vault] says in which namespace
    ");
    let told = asking().env("VAULT_NAMESPACE", "a\nb").fail(&["kv/app#x"]).await;
    insta::assert_snapshot!(told, @"the vault's namespace has characters that no namespace has");
}

/// Everything that is wrong is told together, each cause once.
#[tokio::test]
async fn what_is_not_there_is_told() {
    let Some(bao) = shared() else { return };
    bao.mount("gone", 2).await;
    bao.mount("gone-1", 1).await;
    for secret in ["deleted", "destroyed", "app"] {
        let data = json!({ "user": "a", "password": "hunter2", "list": ["hunter2"], "rate": 1.10, "empty": "" });
        bao.write(&format!("gone/data/{secret}"), json!({ "data": data })).await;
    }
    bao.delete("gone/data/deleted").await;
    bao.write("gone/destroy/destroyed", json!({ "versions": [1] })).await;
    let asking = Asking::vault(&bao.url).env("VAULT_TOKEN", &bao.root);
    let secrets = [
        "gone/none#a",
        "gone-1/none#a",
        "gone/deleted#user",
        "gone/destroyed#user",
        "gone/app#secret",
        "gone/app#list",
        "gone/app#rate",
        "gone/app#empty",
        "nowhere/app#a",
    ];
    let told = asking.fail(&secrets).await;
    insta::assert_snapshot!(told, @r#"
    the vault has no secret gone-1/none
    hint: the path is the mount and what is below it, as for `vault kv get`
    the secret { vault = "gone/app#empty" } is empty
    the key list of the vault's secret gone/app is no text
    hint: truth values, and numbers with a fraction, are secrets only as text: in quotes
    the key rate of the vault's secret gone/app is no text
    hint: truth values, and numbers with a fraction, are secrets only as text: in quotes
    the vault's secret gone/app has no key secret; it has empty, list, password, rate, user
    the vault's secret gone/deleted is deleted
    hint: `vault kv undelete` brings back what was not destroyed
    the vault's secret gone/destroyed is deleted
    hint: `vault kv undelete` brings back what was not destroyed
    the vault has no secret gone/none
    hint: the path is the mount and what is below it, as for `vault kv get`
    the vault has no mount for nowhere/app: no handler for route "nowhere/app". route entry not found.
    hint: the path begins with where the engine is mounted; VAULT_NAMESPACE or `namespace` of [secrets.vault] says in which namespace
    "#);
    assert!(!told.contains("hunter2"));
}

#[tokio::test]
async fn what_a_token_may_not_read_is_told() {
    let Some(bao) = shared() else { return };
    app(bao, "denied").await;
    bao.mount("denied-too", 2).await;
    let limited = Asking::vault(&bao.url).env("VAULT_TOKEN", &bao.token("denied", 60).await);
    insta::assert_snapshot!(limited.fail(&["denied/other#a", "denied-too/a#a", "nowhere/a#a"]).await, @r#"
    the vault does not let this token read denied-too/a: preflight capability check returned 403, please ensure client's policies grant access to path "denied-too/a/"
    hint: a policy of the token must allow `read` there, which for KV version 2 is on <mount>/data/<path>; a mount that does not exist is denied, too
    the vault does not let this token read denied/other: permission denied
    hint: a policy of the token must allow `read` there, which for KV version 2 is on <mount>/data/<path>; a mount that does not exist is denied, too
    the vault does not let this token read nowhere/a: preflight capability check returned 403, please ensure client's policies grant access to path "nowhere/a/"
    hint: a policy of the token must allow `read` there, which for KV version 2 is on <mount>/data/<path>; a mount that does not exist is denied, too
    "#);
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_told_once() {
    let Some(bao) = shared() else { return };
    app(bao, "ended").await;
    let watched = watch(&bao.url).await;
    let short = bao.token("ended", 1).await;
    let secrets = ["ended/app#password", "other/app#password", "third/app#password"];
    let wrong = Asking::vault(&watched.proxy.url()).env("VAULT_TOKEN", "hvs.hunter2");
    insta::assert_snapshot!(wrong.fail(&secrets).await, @r"
    the vault does not accept the token: permission denied
    hint: it is of another vault or namespace, was revoked, or has ended: get a new one
    ");
    assert_eq!(watched.requests().len(), 1);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    insta::assert_snapshot!(wrong.env("VAULT_TOKEN", &short).fail(&secrets).await, @r"
    the vault does not accept the token: permission denied
    hint: it is of another vault or namespace, was revoked, or has ended: get a new one
    ");
    let none = Asking::vault(&bao.url);
    insta::assert_snapshot!(none.fail(&secrets).await, @r"
    there is no token for the vault
    hint: set VAULT_TOKEN, run `vault login`, or say with [secrets.vault.auth] in realmform.toml how to sign in
    ");
    let told = none.env("VAULT_TOKEN", "two\nlines").fail(&secrets).await;
    insta::assert_snapshot!(told, @"the vault's token has characters that no token has");
}

#[tokio::test]
async fn a_sealed_vault_is_told_once() {
    let Some(bao) = Bao::start() else { return };
    let asking = Asking::vault(&bao.url).env("VAULT_TOKEN", &bao.root);
    bao.write("sys/seal", json!({})).await;
    insta::assert_snapshot!(asking.fail(&["secret/a#b", "secret/c#d"]).await, @r"
    the vault http://127.0.0.1:PORT is sealed
    hint: whoever runs it has to unseal it first
    ");
    let auth = VaultAuth::AppRole { mount: "approle".to_owned(), role_id: env("ROLE"), secret_id: None };
    insta::assert_snapshot!(asking.env("ROLE", "r").auth(auth).fail(&["secret/a#b"]).await, @r"
    the vault http://127.0.0.1:PORT is sealed
    hint: whoever runs it has to unseal it first
    ");
}

#[tokio::test]
async fn a_vault_that_cannot_be_reached_is_told_once() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let asking = Asking::vault(&format!("http://{closed}")).env("VAULT_TOKEN", "x");
    insta::assert_snapshot!(asking.fail(&["secret/a#b", "kv/c#d"]).await, @r"
    cannot reach the vault http://127.0.0.1:PORT: Connection refused (os error 111)
    hint: VAULT_ADDR, or `address` of [secrets.vault] in realmform.toml, says where it is; VAULT_CACERT, or `caFile`, whose certificates are trusted
    ");
    let told = asking.env("VAULT_ADDR", "https://me:hunter2@vault").fail(&["a/b#c"]).await;
    insta::assert_snapshot!(told, @"the vault's URL must not hold a user or a password");
    insta::assert_snapshot!(Asking::vault("").fail(&["a/b#c"]).await, @r"
    nothing says where the vault is
    hint: set VAULT_ADDR, or `address` of [secrets.vault] in realmform.toml
    ");
}

#[tokio::test]
async fn certificates_are_checked() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    rustls::crypto::ring::default_provider().install_default().ok();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], private).unwrap();
    let answer = |request: Request| async move { kv("1", &request, &json!({ "data": { "x": "over TLS" } })) }.boxed();
    let server = Server::start(Some(TlsAcceptor::from(Arc::new(config))), answer).await;
    let asking = || {
        let asking = Asking::vault(&server.url()).env("VAULT_TOKEN", "x");
        asking.write("ca.pem", &certificate.pem());
        asking.write("none.pem", "hunter2");
        asking
    };
    insta::assert_snapshot!(asking().fail(&["kv/a#x"]).await, @r"
    cannot reach the vault https://127.0.0.1:PORT: invalid peer certificate: UnknownIssuer
    hint: VAULT_ADDR, or `address` of [secrets.vault] in realmform.toml, says where it is; VAULT_CACERT, or `caFile`, whose certificates are trusted
    ");
    let declared = asking().declared(|it| it.ca_file = Some("ca.pem".into()));
    assert_eq!(declared.get(&["kv/a#x"]).await.unwrap(), ["over TLS"]);
    let of_env = asking().env("VAULT_CACERT", "ca.pem");
    assert_eq!(of_env.get(&["kv/a#x"]).await.unwrap(), ["over TLS"]);
    let told = asking().env("VAULT_CACERT", "none.pem").fail(&["kv/a#x"]).await;
    insta::assert_snapshot!(told, @"the CA file holds no PEM certificate");
    insta::assert_snapshot!(asking().env("VAULT_CACERT", "gone.pem").fail(&["kv/a#x"]).await, @r"
    cannot read the vault's CA file gone.pem: No such file or directory (os error 2)
    hint: a relative path starts at the project folder
    ");
}

#[tokio::test]
async fn a_leased_secret_is_refused_and_given_back() {
    let server = Server::start(None, |request| {
        let leased =
            json!({ "lease_id": "database/creds/app/1", "lease_duration": 3600, "data": { "password": "hunter2" } });
        async move { kv("1", &request, &leased) }.boxed()
    });
    let server = server.await;
    let watched = watch(&server.url()).await;
    let asking = Asking::vault(&watched.proxy.url()).env("VAULT_TOKEN", "x");
    insta::assert_snapshot!(asking.fail(&["kv/a#password"]).await, @r"
    the vault's secret kv/a is leased: it is another one each time that it is read, and ends after 3600 seconds
    hint: Keycloak needs a value that stays: use a KV engine
    ");
    assert_eq!(watched.requests().last().unwrap(), "PUT /v1/sys/leases/revoke");
    let bodies = watched.seen.lock().unwrap();
    assert_eq!(bodies.last().unwrap().body, br#"{"lease_id":"database/creds/app/1"}"#);
}

/// What stands in front of a vault, or is taken for one, may answer anything.
#[tokio::test]
async fn strange_answers_are_told_without_what_they_hold() {
    let answers = [
        Reply::text(200, "{\"data\": {\"password\": \"hunter2\""),
        Reply::text(200, "{\"data\": \"hunter2\"}"),
        Reply::text(200, "{\"lease_duration\": \"hunter2\"}"),
        Reply::text(200, ""),
        Reply::text(500, "<html>hunter2</html>"),
        Reply::text(404, "<html>hunter2</html>"),
        Reply::text(503, "<html>no server is available</html>"),
        Reply::error(307, &[("Location", "http://elsewhere.example/?hunter2")]),
        Reply::json(400, &json!({ "errors": ["2 errors occurred:\n\t* one\n\t* two\n\n"] })),
    ];
    let mut all = Vec::new();
    for answer in answers {
        let server = Server::start(None, move |request| {
            let reply = if request.path.contains("/mounts/") { mounted("2") } else { answer.clone() };
            async move { reply }.boxed()
        });
        let server = server.await;
        all.push(Asking::vault(&server.url()).env("VAULT_TOKEN", "hunter2").fail(&["kv/a#password"]).await);
    }
    insta::assert_snapshot!(all.join("\n"), @r"
    the vault answers 200 to kv/a: it is no answer of a vault
    the vault has no secret kv/a
    hint: the path is the mount and what is below it, as for `vault kv get`
    the vault answers 200 to kv/a: it is no answer of a vault
    the vault has no secret kv/a
    hint: the path is the mount and what is below it, as for `vault kv get`
    the vault answers 500 to kv/a: it says no more
    the vault has no secret kv/a
    hint: the path is the mount and what is below it, as for `vault kv get`
    the vault answers 503 to kv/a: it says no more
    the vault answers 307 to kv/a: it sends elsewhere
    the vault answers 400 to kv/a: one; two
    ");
    assert!(!all.join("\n").contains("hunter2"));
}

/// A mount of this name with one secret, and a policy of this name that lets read it.
async fn app(bao: &Bao, name: &str) {
    bao.mount(name, 2).await;
    bao.write(&format!("{name}/data/app"), json!({ "data": { "password": "of the vault" } })).await;
    bao.policy(name, &[&format!("{name}/data/app")]).await;
}

/// What a vault is asked.
struct Watched {
    proxy: Proxy,
    seen: Arc<Mutex<Vec<Request>>>,
}

async fn watch(upstream: &str) -> Watched {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    let proxy = Proxy::start(upstream, move |_, request| {
        requests.lock().unwrap().push(request.clone());
        None
    });
    Watched { proxy: proxy.await, seen }
}

impl Watched {
    fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    /// The tokens that were sent, in their order.
    fn tokens(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let mut tokens: Vec<_> = seen.iter().filter_map(|it| it.header("x-vault-token").map(str::to_owned)).collect();
        tokens.dedup();
        tokens
    }

    /// Whether the token of the last sign-in is good for nothing any more.
    async fn assert_ended(&self, bao: &Bao) {
        assert_eq!(self.requests().last().unwrap(), "POST /v1/auth/token/revoke-self");
        assert!(!bao.knows(self.tokens().last().unwrap()).await);
    }
}

/// A stand-in for a vault with the engine `kv`.
fn kv(version: &str, request: &Request, secret: &Value) -> Reply {
    match request.path.as_str() {
        path if path.starts_with("/v1/sys/internal/ui/mounts/") => mounted(version),
        path if path.starts_with("/v1/kv/") => Reply::json(200, secret),
        _ => Reply::error(204, &[]),
    }
}

fn mounted(version: &str) -> Reply {
    Reply::json(200, &json!({ "data": { "path": "kv/", "type": "kv", "options": { "version": version } } }))
}

/// What Kubernetes says of a service account's token: it is good.
fn reviewed(request: &Request) -> Reply {
    let asked: Value = serde_json::from_slice(&request.body).unwrap();
    let claims = crate::support::admin::claims(asked["spec"]["token"].as_str().unwrap());
    let user = json!({ "username": claims["sub"], "uid": claims["kubernetes.io"]["serviceaccount"]["uid"] });
    let status = json!({ "authenticated": true, "user": user, "audiences": asked["spec"]["audiences"] });
    let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status });
    Reply::json(201, &review)
}

/// A JSON web token, signed with ES256.
fn signed(key: &KeyPair, claims: &Value) -> String {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der(), &random).unwrap();
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let content = format!("{}.{}", part(&json!({ "alg": "ES256", "typ": "JWT" })), part(claims));
    let signature = pair.sign(&random, content.as_bytes()).unwrap();
    format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
