//! What the HTTP layer does when the network or the server misbehaves.

mod real;
mod tls;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use realmform::keycloak::auth::Credentials;
use realmform::keycloak::connection::Connection;
use realmform::keycloak::error::HttpError;
use realmform::keycloak::http::Http;
use realmform::keycloak::retry::RetryPolicy;
use serde_json::json;

use crate::support::proxy::{Fault, Proxy, Reply, Request, Server, every};

const PASSWORD: &str = "pa55word-of-admin";

#[tokio::test]
async fn every_third_request_failing_changes_nothing() {
    for fault in [Fault::Status(503), Fault::Status(500), Fault::RetryAfter(0), Fault::DropBefore, Fault::DropAfter] {
        let upstream = Upstream::start().await;
        let proxy = Proxy::start(&upstream.url(), every(3, fault.clone())).await;
        let http = connect(&proxy.url()).await.unwrap();
        for number in 0..10 {
            let name = format!("client{number}");
            match http.post("/acme/clients", &json!({ "clientId": name })).await {
                Ok(posted) => assert_eq!(posted.id, Some(name)),
                Err(error) => assert!(error.is_conflict() && error.repeated(), "{fault:?}: {error}"),
            }
        }
        assert_eq!(upstream.clients().len(), 10);
        for number in 0..10 {
            http.delete(&format!("/acme/clients/client{number}")).await.unwrap();
        }
        assert_eq!(upstream.clients().len(), 0);
        assert!(proxy.faults() >= 7 && proxy.requests() > 21, "{fault:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_told_from_a_strangers_conflict() {
    let upstream = Upstream::start().await;
    let lose_first_post =
        |number, request: &Request| (number == 2 && request.path.ends_with("/clients")).then_some(Fault::DropAfter);
    let proxy = Proxy::start(&upstream.url(), lose_first_post).await;
    let http = connect(&proxy.url()).await.unwrap();
    let ours = http.post("/acme/clients", &json!({"clientId": "shop"})).await.unwrap_err();
    assert!(ours.is_conflict() && ours.repeated() && ours.may_have_run(), "{ours}");
    let strangers = http.post("/acme/clients", &json!({"clientId": "shop"})).await.unwrap_err();
    assert!(strangers.is_conflict() && !strangers.repeated() && !strangers.may_have_run());
    assert_eq!(strangers.to_string(), "POST /acme/clients: 409 Conflict: Client shop already exists");
}

#[tokio::test]
async fn deleting_what_is_not_there_is_an_error_unless_we_did_it() {
    let upstream = Upstream::start().await;
    let http = connect(&upstream.url()).await.unwrap();
    assert!(http.delete("/acme/clients/shop").await.unwrap_err().is_not_found());
    assert_eq!(http.find("/acme/clients/shop").await.unwrap(), None);
}

#[tokio::test]
async fn a_deterministic_500_is_tried_twice_and_a_503_to_the_end() {
    let upstream = Upstream::start().await;
    for (status, tries) in [(500, 2), (503, 4), (400, 1), (409, 1), (501, 1)] {
        let fail = move |_, request: &Request| is_admin(request).then_some(Fault::Status(status));
        let proxy = Proxy::start(&upstream.url(), fail).await;
        let http = connect(&proxy.url()).await.unwrap();
        let error = http.get("/acme").await.unwrap_err();
        assert_eq!((error.status(), proxy.faults()), (Some(status), tries));
    }
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let upstream = Upstream::start().await;
    let busy = |number, _: &Request| (number == 2).then_some(Fault::RetryAfter(1));
    let proxy = Proxy::start(&upstream.url(), busy).await;
    let http = connect(&proxy.url()).await.unwrap();
    let started = Instant::now();
    http.get("/acme").await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_slow_answer_is_a_time_out() {
    let upstream = Upstream::start().await;
    let mut connection = connection(&upstream.url());
    connection.timeout = Duration::from_millis(100);
    connection.retry.tries = 2;
    let http = Http::connect(connection).await.unwrap();
    let error = http.get("/slow").await.unwrap_err();
    assert!(matches!(error, HttpError::TimedOut { tries: 2, .. }), "{error:?}");
    assert!(error.to_string().ends_with(" within 0.1 s"), "{error}");
    assert!(error.may_have_run());
}

#[tokio::test]
async fn no_more_requests_at_once_than_allowed() {
    let upstream = Upstream::start().await;
    let mut connection = connection(&upstream.url());
    connection.parallelism = 3;
    let http = Http::connect(connection).await.unwrap();
    let get = |http: Http| tokio::spawn(async move { http.get("/acme").await.map(drop) });
    join_all((0..20).map(|_| get(http.clone()))).await;
    assert_eq!(upstream.state.most_at_once.load(Ordering::Relaxed), 3);
    let expected = [("GET /{realm}", 20), ("POST /realms/{realm}/protocol/openid-connect/token", 1)];
    let expected = expected.map(|(sort, count)| (sort.to_owned(), count));
    assert_eq!(http.requests(), expected.into());
}

#[tokio::test]
async fn many_requests_renew_a_token_once() {
    let upstream = Upstream::start().await;
    let http = connect(&upstream.url()).await.unwrap();
    // Refused although its time is not over: as after a restart of the server.
    upstream.state.forget_tokens();
    let answers = join_all((0..20).map(|_| http.get("/acme"))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(upstream.grants(), ["password", "password"]);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let upstream = Upstream::start().await;
    upstream.state.life.store(0, Ordering::Relaxed);
    let http = connect(&upstream.url()).await.unwrap();
    upstream.state.life.store(60, Ordering::Relaxed);
    join_all((0..20).map(|_| http.get("/acme"))).await;
    http.refresh_token().await.unwrap();
    assert_eq!(upstream.grants(), ["password", "refresh_token", "refresh_token"]);
    // The session is gone: the refresh token is refused, and the password used again.
    upstream.state.forget_tokens();
    http.refresh_token().await.unwrap();
    http.get("/acme").await.unwrap();
    assert_eq!(upstream.grants()[3..], ["refresh_token", "password"]);
}

#[tokio::test]
async fn a_given_token_that_is_refused_is_one_clear_error() {
    let upstream = Upstream::start().await;
    let credentials = Credentials::Token("opaque".into());
    let http = Http::connect(Connection { credentials, ..connection(&upstream.url()) }).await.unwrap();
    let error = http.get("/acme").await.unwrap_err();
    assert_eq!(error.to_string(), "the access token is not accepted by the server");
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn names_that_would_leave_the_path_are_never_sent() {
    let upstream = Upstream::start().await;
    let http = connect(&upstream.url()).await.unwrap();
    for path in ["/acme/roles/..", "/acme/roles/%2e%2E", "/acme/roles/"] {
        let error = http.delete(path).await.unwrap_err();
        assert!(matches!(error, HttpError::Unaddressable { .. }), "{error:?}");
    }
    assert_eq!(upstream.server.requests(), 1);
}

#[tokio::test]
async fn what_is_no_keycloak_is_said_so() {
    let page = || Reply::Answer {
        status: 200,
        headers: vec![("Content-Type".into(), "text/html;charset=utf-8".into())],
        body: "<html>hello</html>".into(),
    };
    let moved = || Reply::error(302, &[("Location", "https://sso.example/login?secret=1")]);
    let wrong_path = || Reply::json(404, &json!({"error": "Unable to find matching target resource method"}));
    let no_realm = || Reply::json(404, &json!({"error": "Realm does not exist"}));
    let busy = || Reply::text(503, "<html><title>Maintenance</title></html>");
    for (reply, expected) in [
        (page(), "/realms/master/protocol/openid-connect/token does not answer like a Keycloak: 200 OK with text/html"),
        (moved(), "the server redirects to https://sso.example/login"),
        (wrong_path(), "does not answer like a Keycloak: 404 Not Found with application/json"),
        (no_realm(), " has no realm master"),
        (busy(), "503 Service Unavailable: a web page, “Maintenance”"),
    ] {
        let server = Server::start(None, move |_| std::future::ready(reply.clone()).boxed()).await;
        let error = connect(&server.url()).await.unwrap_err();
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(error.hint().is_some());
    }
}

#[tokio::test]
async fn unreachable_servers_are_told_apart() {
    let closed = { Server::start(None, |_| std::future::ready(Reply::Drop).boxed()).await.port() };
    let error = connect(&format!("http://127.0.0.1:{closed}")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot reach 127.0.0.1:{closed}: nothing listens there"));
    assert!(!error.may_have_run());
    let started = Instant::now();
    let error = connect("http://no-such-host.invalid").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot reach no-such-host.invalid: the host name is unknown");
    assert!(started.elapsed() < Duration::from_secs(5), "an unknown host is not tried again and again");
    let silent = Server::start(None, |_| std::future::ready(Reply::Drop).boxed()).await;
    let error = connect(&silent.url()).await.unwrap_err();
    assert!(matches!(error, HttpError::Lost { tries: 4, .. }), "{error:?}");
}

#[test]
fn no_secret_is_ever_traced_or_printed() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    // A second one, since with one alone a call site that another test reaches first stays off in all threads.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber.finish(), || runtime.block_on(say_secrets(&log)));
    let log = log.text();
    assert!(log.contains("path=\"/acme/clients?x=…\""), "{log}");
    for secret in [PASSWORD, "access-", "refresh-", "body-secret", "query-secret"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

async fn say_secrets(log: &Log) {
    let upstream = Upstream::start().await;
    let http = connect(&upstream.url()).await.unwrap();
    let body = json!({"clientId": "shop", "secret": "body-secret"});
    http.post("/acme/clients", &body).await.unwrap();
    let conflict = http.post("/acme/clients?x=query-secret", &body).await.unwrap_err();
    http.refresh_token().await.unwrap();
    upstream.state.refuse_passwords.store(1, Ordering::Relaxed);
    upstream.state.forget_tokens();
    let refused = http.get("/acme").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "sign-in as user admin (client admin-cli) in realm master was refused: Invalid user credentials"
    );
    log.add(&format!("{http:?} {conflict:?} {conflict} {refused:?} {:?}", connection("http://h")));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn add(&self, text: &str) {
        self.0.lock().unwrap().extend(text.as_bytes());
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap())
            .replace("\u{1b}[3m", "")
            .replace("\u{1b}[0m", "")
            .replace("\u{1b}[2m", "")
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn connection(url: &str) -> Connection {
    let credentials = Credentials::Password {
        client_id: "admin-cli".into(),
        client_secret: None,
        user: "admin".into(),
        password: PASSWORD.into(),
    };
    let retry = RetryPolicy { tries: 4, base: Duration::from_millis(2), budget: Duration::from_secs(20) };
    Connection { retry, ..Connection::new(url, credentials) }
}

async fn connect(url: &str) -> Result<Http, HttpError> {
    Http::connect(connection(url)).await
}

fn is_admin(request: &Request) -> bool {
    request.path.starts_with("/admin/")
}

/// Just enough behind the proxy to see what arrived: tokens, and a set of clients. Everything about Keycloak itself is
/// tested on a real one.
struct Upstream {
    server: Server,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    clients: Mutex<BTreeSet<String>>,
    grants: Mutex<Vec<String>>,
    /// Tokens up to this number are not accepted.
    forgotten: AtomicU64,
    issued: AtomicU64,
    life: AtomicU64,
    refuse_passwords: AtomicU64,
    at_once: AtomicU64,
    most_at_once: AtomicU64,
}

impl Upstream {
    async fn start() -> Self {
        let state = Arc::new(State { life: AtomicU64::new(60), ..State::default() });
        let handler = Arc::clone(&state);
        let server = Server::start(None, move |request| Arc::clone(&handler).answer(request).boxed()).await;
        Self { server, state }
    }

    fn url(&self) -> String {
        self.server.url()
    }

    fn clients(&self) -> BTreeSet<String> {
        self.state.clients.lock().unwrap().clone()
    }

    fn grants(&self) -> Vec<String> {
        self.state.grants.lock().unwrap().clone()
    }
}

impl State {
    fn forget_tokens(&self) {
        self.forgotten.store(self.issued.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    async fn answer(self: Arc<Self>, request: Request) -> Reply {
        if request.path == "/admin/realms/slow" {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        if !is_admin(&request) {
            return self.token(&String::from_utf8_lossy(&request.body));
        }
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        let number = request.header("authorization").and_then(|bearer| bearer.strip_prefix("Bearer access-"));
        let number = number.map_or(0, |number| number.parse().unwrap());
        if number <= self.forgotten.load(Ordering::Relaxed) {
            return Reply::json(401, &json!({"error": "HTTP 401 Unauthorized"}));
        }
        self.execute(&request)
    }

    fn token(&self, form: &str) -> Reply {
        let field = |key: &str| form.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        self.grants.lock().unwrap().push(field("grant_type").unwrap().to_owned());
        let refresh = field("refresh_token").map(|token| token.rsplit('-').next().unwrap().parse::<u64>().unwrap());
        if refresh.is_some_and(|number| number <= self.forgotten.load(Ordering::Relaxed)) {
            return Reply::json(400, &json!({"error": "invalid_grant", "error_description": "Session not active"}));
        }
        if refresh.is_none() && self.refuse_passwords.load(Ordering::Relaxed) > 0 {
            return Reply::json(
                400,
                &json!({"error": "invalid_grant", "error_description": "Invalid user credentials"}),
            );
        }
        let number = self.issued.fetch_add(1, Ordering::Relaxed) + 1;
        Reply::json(
            200,
            &json!({
                "access_token": format!("access-{number}"),
                "refresh_token": format!("refresh-{number}"),
                "expires_in": self.life.load(Ordering::Relaxed),
            }),
        )
    }

    fn execute(&self, request: &Request) -> Reply {
        let mut clients = self.clients.lock().unwrap();
        let name = request.path.rsplit('/').next().unwrap_or_default();
        match request.method.as_str() {
            "POST" => {
                let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
                let name = body["clientId"].as_str().unwrap();
                if !clients.insert(name.to_owned()) {
                    return Reply::json(409, &json!({ "errorMessage": format!("Client {name} already exists") }));
                }
                Reply::error(201, &[("Location", &format!("http://any/admin/realms/acme/clients/{name}"))])
            }
            "DELETE" if clients.remove(name) => Reply::error(204, &[]),
            "GET" if name == "acme" => Reply::json(200, &json!({"realm": "acme"})),
            _ => Reply::json(404, &json!({"error": "Could not find client"})),
        }
    }
}
