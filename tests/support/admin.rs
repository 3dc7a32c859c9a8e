//! Somebody with the console open: raw requests, so that the program's own reading is not trusted to judge itself.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{Access, access};

/// Requests below one realm, as the administrator.
pub struct Admin {
    pub realm: String,
    access: &'static Access,
    runtime: Runtime,
    client: Client,
    token: RefCell<Option<(String, Instant)>>,
}

/// The administrator's tokens live for a minute.
const TOKEN_USE: Duration = Duration::from_secs(40);

impl Admin {
    /// For one realm of the shared server.
    pub fn of(realm: &str) -> Self {
        Self::at(realm, access())
    }

    /// For one realm of a server.
    pub fn at(realm: &str, access: &'static Access) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ca = std::fs::read(&access.ca_file).unwrap();
        let ca = reqwest::Certificate::from_pem(&ca).unwrap();
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_certs_only([ca])
            .build()
            .unwrap();
        Self { realm: realm.to_owned(), access, runtime, client, token: RefCell::default() }
    }

    /// `GET /admin/realms/REALM/…`
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path)).unwrap()
    }

    /// The same of what may be gone by now.
    #[track_caller]
    pub fn get_if_there(&self, path: &str) -> Option<Value> {
        let (status, body) = self.request(Method::GET, path, None);
        assert!(matches!(status, 200 | 404), "GET {path}: {status} {body}");
        (status == 200).then(|| serde_json::from_str(&body).unwrap())
    }

    /// The answer as it came.
    #[track_caller]
    pub fn text(&self, path: &str) -> String {
        let (status, body) = self.request(Method::GET, path, None);
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// The status of a GET.
    pub fn status(&self, path: &str) -> u16 {
        self.request(Method::GET, path, None).0
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) {
        self.send(Method::POST, path, body);
    }

    /// What a POST without a body answers.
    #[track_caller]
    pub fn answer_to_post(&self, path: &str) -> Value {
        let (status, body) = self.request(Method::POST, path, None);
        assert_eq!(status, 200, "POST {path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// What a POST answers.
    #[track_caller]
    pub fn answer_to(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.request(Method::POST, path, Some(body));
        assert_eq!(status, 200, "POST {path}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// What the console's button "Partial export" answers.
    #[track_caller]
    pub fn export(&self) -> Value {
        self.answer_to_post("partial-export?exportClients=true&exportGroupsAndRoles=true")
    }

    /// The same with what it never has, in the form that an export of everything has.
    #[track_caller]
    pub fn whole_export(&self) -> Value {
        let mut export = self.export();
        if !super::is_26_0("there are no workflows") {
            export["workflows"] = self.get("workflows");
        }
        if export["organizationsEnabled"] == true {
            let mut organizations = self.get("organizations?briefRepresentation=false");
            for organization in organizations.as_array_mut().unwrap() {
                let id = organization["id"].as_str().unwrap();
                let providers = self.get(&format!("organizations/{id}/identity-providers"));
                organization["identityProviders"] = providers;
            }
            export["organizations"] = organizations;
        }
        export
    }

    /// Makes a realm.
    #[track_caller]
    pub fn post_realm(&self, body: &Value) {
        let url = format!("{}/admin/realms", self.access.http_url);
        let request = self.client.post(url).bearer_auth(self.bearer()).json(body);
        let answer = self.runtime.block_on(request.send()).unwrap();
        assert_eq!(answer.status(), 201, "{body}");
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) {
        self.send(Method::PUT, path, body);
    }

    /// The status of a PUT.
    pub fn status_of_put(&self, path: &str, body: &Value) -> u16 {
        self.request(Method::PUT, path, Some(body)).0
    }

    #[track_caller]
    pub fn delete(&self, path: &str) {
        self.send(Method::DELETE, path, &Value::Null);
    }

    /// What a browser does with an address: answers where it is sent next, and the cookies that it got.
    pub fn visit(&self, url: &str, cookies: &str) -> (String, String) {
        use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
        let request = self.client.get(url).header(COOKIE, cookies);
        let answer = self.runtime.block_on(request.send()).unwrap();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
        let next = answer.headers().get(LOCATION).map(text).unwrap_or_default();
        let cookies =
            answer.headers().get_all(SET_COOKIE).iter().map(|it| text(it).split(';').next().unwrap().to_owned());
        (next, cookies.collect::<Vec<_>>().join("; "))
    }

    /// Deletes what may be gone already.
    pub fn delete_if_there(&self, path: &str) {
        self.request(Method::DELETE, path, None);
    }

    /// The one object of a list whose `field` is `value`.
    #[track_caller]
    pub fn find(&self, list: &str, field: &str, value: &str) -> Value {
        let found = self.get(list);
        let object = found.as_array().unwrap().iter().find(|it| it[field] == value);
        object.cloned().unwrap_or_else(|| panic!("{list} has no {value}: {found}"))
    }

    /// The id of that object.
    #[track_caller]
    pub fn id(&self, list: &str, field: &str, value: &str) -> String {
        self.find(list, field, value)["id"].as_str().unwrap().to_owned()
    }

    /// The id of a client.
    #[track_caller]
    pub fn client(&self, client_id: &str) -> String {
        self.id(&format!("clients?clientId={client_id}"), "clientId", client_id)
    }

    /// The token endpoint's answer to a form.
    pub fn token(&self, base: &str, realm: &str, form: &[(&str, &str)]) -> Value {
        self.token_at(base, realm, "token", form)
    }

    /// The answer of another endpoint to a form; a refusal may have none.
    pub fn token_at(&self, base: &str, realm: &str, endpoint: &str, form: &[(&str, &str)]) -> Value {
        let request = self.client.post(format!("{base}/realms/{realm}/protocol/openid-connect/{endpoint}")).form(form);
        let text = self.runtime.block_on(async { request.send().await.unwrap().text().await.unwrap() });
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// The token endpoint's answer to a form, the client's secret being in the header (`client_secret_basic`).
    pub fn token_by_basic(&self, base: &str, realm: &str, client: [&str; 2], form: &[(&str, &str)]) -> Value {
        let request = self.client.post(format!("{base}/realms/{realm}/protocol/openid-connect/token"));
        let [client, secret] = client;
        let request = request.basic_auth(client, Some(secret)).form(form);
        self.runtime.block_on(async { request.send().await.unwrap().json().await.unwrap() })
    }

    /// What a client that registers itself is answered, and with which status: it reads, or with a body changes itself.
    pub fn registration(&self, uri: &str, token: &str, body: Option<&Value>) -> (u16, Value) {
        let request = match body {
            Some(body) => self.client.put(uri).json(body),
            None => self.client.get(uri),
        };
        self.runtime.block_on(async {
            let answer = request.bearer_auth(token).send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        })
    }

    #[track_caller]
    pub fn send(&self, method: Method, path: &str, body: &Value) {
        let body = Some(body).filter(|body| !body.is_null());
        let (status, answer) = self.request(method.clone(), path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    }

    /// A server stumbles over the roles of a realm that another test deletes meanwhile.
    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, String) {
        let mut answer = self.request_once(method.clone(), path, body);
        for _ in 0..3 {
            let stumbled = answer.0 == 500 || answer.0 == 400 && answer.1.contains("Cannot parse the JSON");
            if method != Method::GET || !stumbled {
                break;
            }
            answer = self.request_once(method.clone(), path, body);
        }
        answer
    }

    fn request_once(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, String) {
        let url = format!("{}/admin/realms/{}/{path}", self.access.http_url, self.realm);
        let request = self.client.request(method, url.trim_end_matches('/')).bearer_auth(self.bearer());
        let request = request.header(reqwest::header::ACCEPT, "application/json, */*;q=0.1");
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }

    fn bearer(&self) -> String {
        let known = self.token.borrow().clone().filter(|(_, since)| since.elapsed() < TOKEN_USE);
        if let Some((token, _)) = known {
            return token;
        }
        let access = self.access;
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", access.user.as_str()),
            ("password", access.password.as_str()),
        ];
        let answer = self.token(&access.http_url, "master", &form);
        let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        *self.token.borrow_mut() = Some((token.clone(), Instant::now()));
        token
    }
}

/// The claims of a JSON web token.
pub fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
