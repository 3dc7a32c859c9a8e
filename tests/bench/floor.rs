//! The floor: the same content written and read by bare requests, which compare nothing and keep nothing.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use realmform::sandbox::Sandbox;
use reqwest::{Client, Method};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::project::{Content, PROJECT};

/// As many writes are under way at once; more are no faster (400 clients with 8 and 16 in flight: 1.25 and 1.4 s).
const WRITES_IN_FLIGHT: usize = 8;

/// The size of a page and how many are under way are those that a cold server answers fastest.
const PAGE: usize = 20;
pub const READS_IN_FLIGHT: usize = 4;

/// A token of the master realm lives 60 seconds; a new one is fetched between two phases when it is older than this.
const TOKEN_AGE: Duration = Duration::from_secs(25);

/// A signed-in connection without any comfort.
pub struct Bare<'a> {
    server: &'a Sandbox,
    client: Client,
    token: String,
    signed_in: Instant,
}

impl<'a> Bare<'a> {
    /// Signs in as the program does.
    pub async fn sign_in(server: &'a Sandbox) -> Self {
        let client = Client::builder().no_proxy().http1_only().tcp_nodelay(true).tls_certs_only([]).build().unwrap();
        let mut bare = Self { server, client, token: String::new(), signed_in: Instant::now() };
        bare.renew().await;
        bare
    }

    /// Makes a realm with that content.
    pub async fn write(&mut self, realm: &str, content: &Content) {
        let mut settings = content.settings.clone();
        settings["realm"] = realm.into();
        self.post("", &settings).await;
        self.post_all(content.scopes.iter().map(|body| (format!("/{realm}/client-scopes"), body))).await;
        self.post_all(content.roles.iter().map(|body| (format!("/{realm}/roles"), body))).await;
        self.post_all(content.groups.iter().map(|body| (format!("/{realm}/groups"), body))).await;
        self.post(&format!("/{realm}/identity-provider/instances"), &content.provider).await;
        let ids = self.post_all(content.clients.iter().map(|body| (format!("/{realm}/clients"), body))).await;
        let roles = ids.iter().flat_map(|id| content.client_roles.iter().map(move |role| (id, role)));
        self.post_all(roles.map(|(id, role)| (format!("/{realm}/clients/{id}/roles"), role))).await;
    }

    /// Reads that content.
    pub async fn read(&self, realm: &str) {
        self.get(&format!("/{realm}")).await;
        self.get(&format!("/{realm}/clients?clientId=realmform%3A{PROJECT}")).await;
        let clients = self.pages(&format!("/{realm}/clients?")).await;
        let roles = clients.iter().map(|client| {
            let id = client["id"].as_str().unwrap();
            self.get_owned(format!("/{realm}/clients/{id}/roles?briefRepresentation=false"))
        });
        stream::iter(roles).buffer_unordered(READS_IN_FLIGHT).for_each(async |_| ()).await;
        self.pages(&format!("/{realm}/roles?briefRepresentation=false&")).await;
        self.pages(&format!("/{realm}/groups?briefRepresentation=false&")).await;
        self.get(&format!("/{realm}/client-scopes")).await;
        self.get(&format!("/{realm}/identity-provider/instances")).await;
        self.get(&format!("/{realm}/identity-provider/instances/corporate/mappers")).await;
    }

    /// Has the server forget what it keeps in memory of all realms.
    pub async fn clear_caches(&self, realm: &str) {
        for cache in ["realm", "user", "keys"] {
            self.post(&format!("/{realm}/clear-{cache}-cache"), &json!({})).await;
        }
    }

    /// Deletes a realm.
    pub async fn delete(&self, realm: &str) {
        self.send(Method::DELETE, &format!("/{realm}"), None).await;
    }

    async fn renew(&mut self) {
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", self.server.admin_user()),
            ("password", self.server.admin_password().expose_secret()),
        ];
        let url = format!("{}/realms/master/protocol/openid-connect/token", self.server.http_url());
        let answer = self.client.post(url).form(&form).send().await.unwrap().error_for_status().unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["access_token"].as_str().unwrap().clone_into(&mut self.token);
        self.signed_in = Instant::now();
    }

    /// All items of a list, by pages until the first one that is not full.
    pub async fn pages(&self, list: &str) -> Vec<Value> {
        let page = async |number: usize| self.get(&format!("{list}first={}&max={PAGE}", number * PAGE)).await;
        let mut pages = stream::iter(0..).map(page).buffered(READS_IN_FLIGHT);
        let mut all = Vec::new();
        while let Some(answer) = pages.next().await {
            let items: Vec<Value> = serde_json::from_slice(&answer).unwrap();
            let is_last = items.len() < PAGE;
            all.extend(items);
            if is_last {
                break;
            }
        }
        all
    }

    /// Posts every body, and answers the ids that the server gave, in the same order.
    async fn post_all(&mut self, bodies: impl Iterator<Item = (String, &Value)>) -> Vec<String> {
        if self.signed_in.elapsed() > TOKEN_AGE {
            self.renew().await;
        }
        let posts = bodies.map(async |(path, body)| self.post(&path, body).await);
        stream::iter(posts).buffered(WRITES_IN_FLIGHT).collect().await
    }

    async fn post(&self, path: &str, body: &Value) -> String {
        let answer = self.send(Method::POST, path, Some(body)).await;
        let location = answer.headers().get("location").map(|it| it.to_str().unwrap().to_owned());
        answer.bytes().await.unwrap();
        location.unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// The answer to a request below the realms.
    pub async fn get(&self, path: &str) -> Vec<u8> {
        self.send(Method::GET, path, None).await.bytes().await.unwrap().to_vec()
    }

    async fn get_owned(&self, path: String) -> Vec<u8> {
        self.get(&path).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::Response {
        let url = format!("{}/admin/realms{path}", self.server.http_url());
        let mut request = self.client.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap().error_for_status().unwrap()
    }
}
