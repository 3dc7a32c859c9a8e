//! The admin API as a handful of verbs: signed in, bounded, repeated where that helps.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, Url};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::auth::{Auth, Bearer};
use super::connection::Connection;
use super::error::{HttpError, Request};
use super::path;
use super::retry::{RetryPolicy, Tried, retry};
use super::survey::ServerInfo;
use super::wire::{Answer, Wire};

/// How many requests of each sort were sent, repetitions included: `GET /{realm}/clients?first&max` → 50.
pub type RequestCounts = BTreeMap<String, u64>;

/// A signed-in connection to a server's admin API; clones share it.
///
/// Paths are those below `/admin/realms`, from the slash before the realm on: `/acme/clients?first=0`; the empty path is
/// the list of realms itself. Names get into them through [`path::segment`] and [`path::query`].
#[derive(Clone)]
pub struct Http {
    inner: Arc<Inner>,
}

struct Inner {
    base: Url,
    wire: Wire,
    auth: Auth,
    permits: Semaphore,
    parallelism: usize,
    policy: RetryPolicy,
    server_info: OnceCell<Option<ServerInfo>>,
}

/// What creating something said.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The last segment of `Location`: an id, for roles and realms a name.
    pub id: Option<String>,
    /// The answer, where it is JSON.
    pub body: Option<Value>,
    /// Whether an earlier try may have been executed too.
    pub repeated: bool,
}

impl Http {
    /// The base URL of the server, without a slash at its end.
    pub fn base_url(&self) -> String {
        self.inner.base.as_str().trim_end_matches('/').to_owned()
    }

    /// Signs in.
    pub async fn connect(connection: Connection) -> Result<Self, HttpError> {
        let transport = connection.transport();
        let base = transport.base()?;
        let wire = Wire::new(transport.client(&base)?, &base, connection.timeout, connection.redactor());
        let Connection { realm, credentials, parallelism, retry: policy, .. } = connection;
        let auth = Auth::new(&base, realm, credentials)?;
        let parallelism = parallelism.max(1);
        let (permits, server_info) = (Semaphore::new(parallelism), OnceCell::new());
        let inner = Inner { base, wire, auth, permits, parallelism, policy, server_info };
        retry(policy, || inner.auth.bearer(&inner.wire)).await?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Has these values taken out of what the server says, in case it repeats one; credentials always are.
    pub fn hide<'a>(&self, values: impl IntoIterator<Item = &'a SecretString>) {
        self.inner.wire.hide(values);
    }

    /// Reads; an empty answer is `null`.
    pub async fn get(&self, path: &str) -> Result<Value, HttpError> {
        self.get_as(path).await
    }

    /// Reads into a type.
    pub async fn get_as<T: DeserializeOwned>(&self, path: &str) -> Result<T, HttpError> {
        let call = self.call(Method::GET, path, None)?;
        self.send(&call).await?.value.json(&call.request)
    }

    /// Reads what may not exist.
    pub async fn find(&self, path: &str) -> Result<Option<Value>, HttpError> {
        match self.get(path).await {
            Err(error) if error.is_not_found() => Ok(None),
            found => found.map(Some),
        }
    }

    /// Reads what is not part of the admin API: what is below `/realms/<realm>/`.
    pub(super) async fn get_public(&self, realm: &str, rest: &str) -> Result<Value, HttpError> {
        let path = format!("/realms/{}/{rest}", super::path::segment(realm));
        let call = self.elsewhere(&path, &format!("/realms/{{realm}}/{rest}"))?;
        self.send(&call).await?.value.json(&call.request)
    }

    /// Creates, or has the server do something; a `null` body is none.
    ///
    /// A 409 whose error says [`HttpError::repeated`] may be about the object an earlier try of this very call created.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Posted, HttpError> {
        let Tried { value: answer, repeated } = self.send(&self.call(Method::POST, path, Some(body))?).await?;
        Ok(Posted { id: answer.created(), body: answer.json_if_any(), repeated })
    }

    /// Creates what has no name by which a second one would be refused: tried again only when it was certainly not made.
    pub async fn post_once(&self, path: &str, body: &Value) -> Result<Posted, HttpError> {
        let call = self.call(Method::POST, path, Some(body))?;
        let _turn = self.turn().await;
        let tried = retry(self.inner.policy, async || match self.once(&call).await {
            Err(error) if error.may_have_run() => Ok(Err(error)),
            other => other.map(Ok),
        });
        let answer = tried.await?.value?;
        Ok(Posted { id: answer.created(), body: answer.json_if_any(), repeated: false })
    }

    /// How stubborn it is.
    pub(super) fn policy(&self) -> RetryPolicy {
        self.inner.policy
    }

    /// Writes.
    pub async fn put(&self, path: &str, body: &Value) -> Result<(), HttpError> {
        self.send(&self.call(Method::PUT, path, Some(body))?).await.map(drop)
    }

    /// Deletes.
    pub async fn delete(&self, path: &str) -> Result<(), HttpError> {
        self.delete_with(path, &Value::Null).await
    }

    /// Deletes what the body lists, as for role mappings.
    pub async fn delete_with(&self, path: &str, body: &Value) -> Result<(), HttpError> {
        match self.send(&self.call(Method::DELETE, path, Some(body))?).await {
            // It was there to be deleted, and an earlier try did it.
            Err(error) if error.is_not_found() && error.repeated() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Gets a new token, for after a realm was created: older servers find its roles in a new token only.
    /// 26.7.4 looks them up itself, so there it only costs a request.
    pub async fn refresh_token(&self) -> Result<(), HttpError> {
        let inner = &self.inner;
        retry(inner.policy, || inner.auth.renew(&inner.wire)).await.map(drop)
    }

    /// `GET /admin/serverinfo`: 300 KB that describe the server and its providers, `None` if the credential may not know.
    pub async fn server_info(&self) -> Result<Option<Value>, HttpError> {
        const PATH: &str = "/admin/serverinfo";
        let call = self.elsewhere(PATH, PATH)?;
        match self.send(&call).await {
            Err(error) if error.is_forbidden() => Ok(None),
            answer => answer?.value.json(&call.request).map(Some),
        }
    }

    /// Where that is kept, as far as it matters, once it was asked for.
    pub(super) fn kept_server_info(&self) -> &OnceCell<Option<ServerInfo>> {
        &self.inner.server_info
    }

    /// What was sent so far.
    pub fn requests(&self) -> RequestCounts {
        self.inner.wire.counts()
    }

    /// The realm that the credential belongs to.
    pub(super) fn sign_in_realm(&self) -> &str {
        self.inner.auth.realm()
    }

    /// How many requests may be under way at once.
    pub fn parallelism(&self) -> usize {
        self.inner.parallelism
    }

    /// Reads outside of the realms of the admin API.
    fn elsewhere(&self, path: &str, template: &str) -> Result<Call, HttpError> {
        let request = Request::elsewhere(Method::GET, path, template);
        Ok(Call { request, method: Method::GET, url: self.url(path)?, body: None })
    }

    /// Waits for a turn. One is held through all tries, so that a server in trouble is asked less, not more.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed, so there is always a permit.
        self.inner.permits.acquire().await.ok()
    }

    async fn send(&self, call: &Call) -> Result<Tried<Answer>, HttpError> {
        let _turn = self.turn().await;
        retry(self.inner.policy, || self.once(call)).await
    }

    /// One try; a token the server does not know any more is replaced once.
    async fn once(&self, call: &Call) -> Result<Answer, HttpError> {
        let Inner { auth, wire, .. } = &*self.inner;
        let bearer = auth.bearer(wire).await?;
        let mut answer = self.exchange(call, &bearer).await?;
        if answer.status.as_u16() == 401 {
            let renewed = auth.bearer_after(wire, &bearer).await?;
            answer = self.exchange(call, &renewed).await?;
        }
        answer.success(&call.request)
    }

    async fn exchange(&self, call: &Call, bearer: &Bearer) -> Result<Answer, HttpError> {
        let wire = &self.inner.wire;
        let mut http = wire.client.request(call.method.clone(), call.url.clone());
        http = http.header(AUTHORIZATION, bearer.header.clone());
        if let Some(body) = &call.body {
            http = http.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        // Who asks for nothing gets workflows as YAML.
        http = http.header(ACCEPT, "application/json, */*;q=0.1");
        let mut answer = wire.exchange(&call.request, http).await?;
        answer.redact(&bearer.redactor());
        Ok(answer)
    }

    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Call, HttpError> {
        let request = Request::new(method.clone(), path);
        if !path::is_faithful(path) {
            return Err(HttpError::Unaddressable { request });
        }
        let url = self.url(&format!("/admin/realms{path}"))?;
        let body = body.filter(|body| !body.is_null()).map(|body| body.to_string().into_bytes());
        Ok(Call { request, method, url, body })
    }

    fn url(&self, path: &str) -> Result<Url, HttpError> {
        let url = format!("{}{path}", self.inner.base.as_str().trim_end_matches('/'));
        Url::parse(&url).map_err(|error| HttpError::Setup { message: format!("not a valid address: {error}") })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.inner.base.as_str()).finish_non_exhaustive()
    }
}

/// A request as it goes out, as often as it takes.
struct Call {
    request: Request,
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
}
