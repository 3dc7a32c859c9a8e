//! A real vault, and what its operator does.

use std::net::TcpListener;
use std::process::Child;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::support::run::block;
use crate::support::tools::{bao, supervised};

/// An `OpenBao` in memory, which ends with this value or with the process.
pub(crate) struct Bao {
    pub(crate) url: String,
    pub(crate) root: String,
    /// Its standard input is what the server lives by.
    process: Child,
}

/// How long a start may take on a busy machine; it is a third of a second on an idle one.
const START: Duration = Duration::from_secs(60);

/// The one that the stories share. Mounts, policies and roles are a test's own: name them after it.
pub(crate) fn shared() -> Option<&'static Bao> {
    static SERVER: OnceLock<Option<Bao>> = OnceLock::new();
    SERVER.get_or_init(Bao::start).as_ref()
}

impl Bao {
    /// Starts one that is unsealed.
    pub(crate) fn start() -> Option<Self> {
        let program = bao()?;
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let root = format!("root-of-{}", std::process::id());
        // A port that is free now may be taken before the server listens.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let (listen, token) =
                (format!("-dev-listen-address=127.0.0.1:{port}"), format!("-dev-root-token-id={root}"));
            let process = supervised(program, &["server", "-dev", &listen, &token, "-dev-no-store-token"], &log);
            let mut server = Self { url: format!("http://127.0.0.1:{port}"), root: root.clone(), process };
            if server.answers() {
                return Some(server);
            }
        }
        panic!("{}", std::fs::read_to_string(log).unwrap());
    }

    /// Whether it came up, and is this one and not that of another process.
    fn answers(&mut self) -> bool {
        let started = Instant::now();
        while self.process.try_wait().unwrap().is_none() && started.elapsed() < START {
            let url = format!("{}/v1/auth/token/lookup-self", self.url);
            let root = self.root.clone();
            // Another thread, since this one may be inside a runtime.
            let ask = move || block(async { client().get(url).header("X-Vault-Token", root).send().await });
            let answer = std::thread::spawn(ask).join().unwrap();
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        false
    }

    /// A request of the operator in a namespace: status and answer.
    pub(crate) async fn ask(&self, namespace: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = client().request(method, format!("{}/v1/{path}", self.url));
        let request = request.header("X-Vault-Token", &self.root).header("X-Vault-Namespace", namespace);
        let answer = request.json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    /// Writes what has to succeed.
    pub(crate) async fn write(&self, path: &str, body: Value) -> Value {
        self.write_in("", path, body).await
    }

    pub(crate) async fn write_in(&self, namespace: &str, path: &str, body: Value) -> Value {
        loop {
            let (status, answer) = self.ask(namespace, Method::POST, path, body.clone()).await;
            // An engine with versions is not ready at once.
            if status == 400 && answer.to_string().contains("Upgrading from non-versioned") {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            assert!((200..300).contains(&status), "{path}: {status} {answer}");
            return answer;
        }
    }

    pub(crate) async fn delete(&self, path: &str) {
        let (status, answer) = self.ask("", Method::DELETE, path, Value::Null).await;
        assert_eq!(status, 204, "{path}: {answer}");
    }

    /// Mounts a KV engine.
    pub(crate) async fn mount(&self, path: &str, version: u8) {
        self.write(
            &format!("sys/mounts/{path}"),
            json!({ "type": "kv", "options": { "version": version.to_string() } }),
        )
        .await;
    }

    /// A policy that lets read these paths of the API.
    pub(crate) async fn policy(&self, name: &str, paths: &[&str]) {
        let rule = |path: &&str| format!("path \"{path}\" {{ capabilities = [\"read\"] }}\n");
        let policy: String = paths.iter().map(rule).collect();
        self.write(&format!("sys/policies/acl/{name}"), json!({ "policy": policy })).await;
    }

    /// A token of one policy, for so many seconds.
    pub(crate) async fn token(&self, policy: &str, seconds: u32) -> String {
        let ttl = format!("{seconds}s");
        let asked = json!({ "policies": [policy], "ttl": ttl, "explicit_max_ttl": ttl });
        let answer = self.write("auth/token/create", asked).await;
        answer["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// Mounts the method and makes the role `app` of one policy: the ids to sign in with.
    pub(crate) async fn approle(&self, mount: &str, policy: &str) -> (String, String) {
        self.write(&format!("sys/auth/{mount}"), json!({ "type": "approle" })).await;
        let role = format!("auth/{mount}/role/app");
        self.write(&role, json!({ "token_policies": [policy], "token_ttl": "60s" })).await;
        let role_id = self.ask("", Method::GET, &format!("{role}/role-id"), Value::Null).await.1;
        let secret_id = self.write(&format!("{role}/secret-id"), json!({})).await;
        let text = |json: &Value| json.as_str().unwrap().to_owned();
        (text(&role_id["data"]["role_id"]), text(&secret_id["data"]["secret_id"]))
    }

    /// Whether a token is good for anything yet.
    pub(crate) async fn knows(&self, token: &str) -> bool {
        self.ask("", Method::POST, "auth/token/lookup", json!({ "token": token })).await.0 == 200
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

/// A client belongs to a runtime, and each test has its own.
fn client() -> Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(30)).build().unwrap()
}
