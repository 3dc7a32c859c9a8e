//! One request, one answer: counted, traced, and its errors put into words.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{HttpError, Request};
use super::guarded::lock;
use super::retry;
use crate::secrets::Redactor;

/// The connections, and what went over them.
pub(super) struct Wire {
    pub(super) client: Client,
    host: String,
    timeout: Duration,
    redactor: RwLock<Redactor>,
    answered: AtomicBool,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Wire {
    pub(super) fn new(client: Client, base: &Url, timeout: Duration, redactor: Redactor) -> Self {
        let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = format!("{}{port}", base.host_str().unwrap_or_default());
        let (redactor, answered) = (RwLock::new(redactor), AtomicBool::new(false));
        Self { client, host, timeout, redactor, answered, counts: Mutex::default() }
    }

    /// Has these values taken out of what the server says, too.
    pub(super) fn hide<'a>(&self, values: impl IntoIterator<Item = &'a SecretString>) {
        self.redactor.write().unwrap_or_else(PoisonError::into_inner).extend(values);
    }

    /// The host with its port, as errors name it.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Sends once. Any status is an answer; no complete answer is an error.
    pub(super) async fn exchange(&self, request: &Request, http: RequestBuilder) -> Result<Answer, HttpError> {
        self.count(request);
        let started = Instant::now();
        let received = Answer::receive(http).await;
        let ms = started.elapsed().as_millis();
        let (method, path) = (request.method(), request.path());
        match received {
            Ok(mut answer) => {
                answer.redact(&self.redactor.read().unwrap_or_else(PoisonError::into_inner));
                self.answered.store(true, Ordering::Relaxed);
                let (status, bytes) = (answer.status.as_u16(), answer.body.len());
                tracing::debug!(method, path, status, ms, bytes, "request");
                Ok(answer)
            }
            Err(error) => {
                let error = HttpError::no_answer(request, self.host.clone(), self.timeout, &error);
                tracing::debug!(method, path, ms, %error, "request");
                let known = self.answered.load(Ordering::Relaxed);
                Err(if known { error.of_known_server() } else { error })
            }
        }
    }

    /// How many requests of each sort were sent so far, repetitions included.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        lock(&self.counts).clone()
    }

    fn count(&self, request: &Request) {
        let sort = format!("{} {}", request.method(), request.template());
        *lock(&self.counts).entry(sort).or_default() += 1;
    }
}

/// A complete answer of any status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    async fn receive(http: RequestBuilder) -> Result<Self, reqwest::Error> {
        let response = http.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await?.into() })
    }

    /// An error may quote what was sent: that is taken out before anybody sees it.
    pub(super) fn redact(&mut self, redactor: &Redactor) {
        if !self.status.is_success() {
            self.body = match self.json_if_any() {
                // Text by text, since what a text quotes is escaped twice in the body.
                Some(json) => redacted(json, redactor).to_string(),
                None => redactor.redact(&String::from_utf8_lossy(&self.body)),
            }
            .into_bytes();
        }
    }

    /// The answer if it is a success, else the error it means.
    pub(super) fn success(self, request: &Request) -> Result<Self, HttpError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let request = request.clone();
        if self.status.is_redirection() {
            let to = self.header(LOCATION).unwrap_or("nowhere");
            return Err(HttpError::Redirected { request, to: without_query(to) });
        }
        let message = self.message();
        if self.status == StatusCode::FORBIDDEN {
            let right = request.right();
            return Err(HttpError::Forbidden { request, right, message });
        }
        let retry_after = self.header(RETRY_AFTER).and_then(retry::retry_after);
        Err(HttpError::Refused { request, status: self.status, message, retry_after, tries: 1, repeated: false })
    }

    /// The body as JSON; an empty body is `null`.
    pub(super) fn json<T: DeserializeOwned>(&self, request: &Request) -> Result<T, HttpError> {
        let body = if self.body.is_empty() { b"null".as_slice() } else { &self.body };
        serde_json::from_slice(body).map_err(|error| {
            let why = if self.is_html() { "it is a web page, not JSON".into() } else { category(&error) };
            HttpError::Unreadable { request: request.clone(), why }
        })
    }

    /// The body, if it is JSON.
    pub(super) fn json_if_any(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The id or name of what was created: the last segment of `Location`.
    pub(super) fn created(&self) -> Option<String> {
        let last = self.header(LOCATION)?.rsplit('/').next().filter(|last| !last.is_empty())?;
        let decoded = percent_encoding::percent_decode_str(last).decode_utf8().ok()?;
        Some(decoded.into_owned())
    }

    /// The server's own words, short, without control characters, and empty when they only repeat the status.
    pub(super) fn message(&self) -> String {
        let words = match self.json_if_any() {
            Some(json) => words(&json),
            None if self.is_html() => text_of_html(&self.text()),
            None => self.text(),
        };
        let words = shortened(&words);
        let bare = words.trim_end_matches('.');
        let repeats = bare.starts_with("HTTP ") && bare.contains(self.status.as_str());
        if repeats { String::new() } else { words }
    }

    /// What came, for somebody who expected something else.
    pub(super) fn description(&self) -> String {
        let kind = self.header(CONTENT_TYPE).map_or("no content type", |kind| kind.split(';').next().unwrap_or(kind));
        format!("{} with {}", self.status, shortened(kind))
    }

    fn is_html(&self) -> bool {
        self.header(CONTENT_TYPE).is_some_and(|kind| kind.contains("html"))
            || self.body.trim_ascii_start().starts_with(b"<")
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body[..self.body.len().min(10_000)]).into_owned()
    }

    fn header(&self, name: reqwest::header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn redacted(json: Value, redactor: &Redactor) -> Value {
    match json {
        Value::String(text) => redactor.redact(&text).into(),
        Value::Array(items) => items.into_iter().map(|item| redacted(item, redactor)).collect(),
        Value::Object(table) => {
            table.into_iter().map(|(key, value)| (redactor.redact(&key), redacted(value, redactor))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => json,
    }
}

/// The words in Keycloak's error bodies, which come in four shapes: `{errorMessage, params}`, `{error, error_description}`,
/// `{errors: [{errorMessage, …}]}`, and `{error}` alone.
fn words(json: &Value) -> String {
    if let Some(errors) = json["errors"].as_array() {
        return errors.iter().map(words).collect::<Vec<_>>().join("; ");
    }
    let text = |key: &str| json[key].as_str().filter(|text| !text.is_empty());
    match text("errorMessage").or(text("error_description")).or(text("error")) {
        Some(message) => format!("{message}{}", params(&json["params"])),
        None => String::new(),
    }
}

/// Validation errors are keys of translations (`error-invalid-length`), which say little without their parameters.
fn params(params: &Value) -> String {
    let texts = params.as_array().into_iter().flatten().filter_map(|param| match param {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    let texts = texts.collect::<Vec<_>>();
    if texts.is_empty() { String::new() } else { format!(" ({})", texts.join(", ")) }
}

fn text_of_html(html: &str) -> String {
    let title = html.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    title.map_or_else(|| "a web page".into(), |(title, _)| format!("a web page, “{}”", title.trim()))
}

fn shortened(text: &str) -> String {
    const MOST: usize = 600;
    let clean = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let clean = clean.collect::<Vec<_>>().join(" ");
    match clean.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

/// What is wrong with JSON and where, without any of its content, which serde's own messages quote.
fn category(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends early",
        serde_json::error::Category::Data => "it is not of the expected shape",
        _ => "it is not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

fn without_query(url: &str) -> String {
    shortened(url.split(['?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: &'static str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.into() }
    }

    #[test]
    fn keeps_the_servers_words() {
        for (body, words) in [
            (r#"{"errorMessage":"Client shop already exists"}"#, "Client shop already exists"),
            (r#"{"error":"invalid_grant","error_description":"Invalid user credentials"}"#, "Invalid user credentials"),
            (r#"{"error":"Could not find role"}"#, "Could not find role"),
            (r#"{"error":"HTTP 404 Not Found"}"#, ""),
            (
                r#"{"field":"username","errorMessage":"error-invalid-length","params":["username",3,255]}"#,
                "error-invalid-length (username, 3, 255)",
            ),
            (r#"{"errors":[{"errorMessage":"one"},{"errorMessage":"two","params":["x"]}]}"#, "one; two (x)"),
            ("[]", ""),
            ("", ""),
        ] {
            assert_eq!(answer(404, "application/json", body).message(), words, "{body}");
        }
    }

    #[test]
    fn keeps_other_answers_short_and_harmless() {
        let page = "<html><head><title>\n502 Bad Gateway </title></head><body>long</body>";
        assert_eq!(answer(502, "text/html", page).message(), "a web page, “502 Bad Gateway”");
        assert_eq!(answer(400, "text/plain", "no\u{1b}[31m\r\nway").message(), "no [31m way");
        assert_eq!(answer(400, "text/plain", &"ü".repeat(5000)).message().chars().count(), 601);
    }

    #[test]
    fn quotes_nothing_of_an_unreadable_answer() {
        let request = Request::new(reqwest::Method::GET, "/acme");
        let error = answer(200, "application/json", r#"{"secret": "topsecret"}"#).json::<Vec<String>>(&request);
        let error = error.unwrap_err().to_string();
        assert_eq!(error, "GET /acme: the answer cannot be read: it is not of the expected shape (line 1, column 0)");
    }

    #[test]
    fn reads_the_created_name() {
        let mut answer = answer(201, "text/plain", "");
        assert_eq!(answer.created(), None);
        answer.headers.insert(LOCATION, "http://h/admin/realms/acme/roles/r%20%C3%BC%2Fx".parse().unwrap());
        assert_eq!(answer.created().unwrap(), "r ü/x");
    }
}
