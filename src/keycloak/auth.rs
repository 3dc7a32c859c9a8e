//! Signing in, and staying signed in.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;

use super::error::{HttpError, Request};
use super::path;
use super::wire::{Answer, Wire};
use crate::secrets::Redactor;

/// Tokens are renewed this long before they end, or after two thirds of a life too short for that: a request may wait
/// for a connection, and clocks differ. Tokens of the master realm live 60 seconds.
const MARGIN: Duration = Duration::from_secs(15);

/// Who signs in.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A confidential client with a service account.
    Client {
        /// Its client id.
        id: String,
        /// Its secret.
        secret: SecretString,
    },
    /// A user, through a client that allows direct grants.
    Password {
        /// The client, usually `admin-cli`.
        client_id: String,
        /// The client's secret, if it is confidential.
        client_secret: Option<SecretString>,
        /// The user's name.
        user: String,
        /// The user's password.
        password: SecretString,
    },
    /// An access token from elsewhere, which cannot be renewed.
    Token(SecretString),
}

impl Credentials {
    /// What of it is secret.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let (first, second) = match self {
            Self::Client { id: _, secret } => (Some(secret), None),
            Self::Password { client_id: _, client_secret, user: _, password } => {
                (Some(password), client_secret.as_ref())
            }
            Self::Token(token) => (Some(token), None),
        };
        first.into_iter().chain(second)
    }
}

/// A credential and the session it has.
pub(super) struct Auth {
    endpoint: Url,
    request: Request,
    realm: String,
    credentials: Credentials,
    /// Held while a token is fetched, so that many requests that need a new one cause one sign-in.
    session: Mutex<Option<Session>>,
}

/// The token of one moment. The number tells a renewed session from the one a request was refused with.
pub(super) struct Bearer {
    pub(super) header: HeaderValue,
    number: u64,
}

struct Session {
    access: SecretString,
    renew_at: Option<Instant>,
    refresh: Option<SecretString>,
    number: u64,
}

impl Bearer {
    /// Takes the token out of a text.
    pub(super) fn redactor(&self) -> Redactor {
        let token = self.header.to_str().unwrap_or_default().trim_start_matches("Bearer ");
        Redactor::new([&SecretString::from(token)])
    }
}

impl Auth {
    pub(super) fn new(base: &Url, realm: String, credentials: Credentials) -> Result<Self, HttpError> {
        let segment = path::segment(&realm).to_string();
        if !path::is_faithful(&format!("/{segment}")) {
            return Err(HttpError::Setup { message: "the sign-in realm's name is not valid".into() });
        }
        let path = token_path(&segment);
        let endpoint = format!("{}{path}", base.as_str().trim_end_matches('/'));
        let endpoint = Url::parse(&endpoint)
            .map_err(|error| HttpError::Setup { message: format!("the sign-in URL is not valid: {error}") })?;
        let request = Request::elsewhere(Method::POST, &path, &token_path("{realm}"));
        Ok(Self { endpoint, request, realm, credentials, session: Mutex::default() })
    }

    /// The realm that the credential belongs to.
    pub(super) fn realm(&self) -> &str {
        &self.realm
    }

    /// A token that is valid for a while yet.
    pub(super) async fn bearer(&self, wire: &Wire) -> Result<Bearer, HttpError> {
        let mut session = self.session.lock().await;
        match session.take() {
            Some(current) if current.is_fresh() => session.insert(current).bearer(),
            ended => session.insert(self.renewed(wire, ended).await?).bearer(),
        }
    }

    /// A token other than this one: a new one, unless somebody renewed it meanwhile.
    pub(super) async fn bearer_after(&self, wire: &Wire, refused: &Bearer) -> Result<Bearer, HttpError> {
        let mut session = self.session.lock().await;
        match session.take() {
            Some(current) if current.number != refused.number => session.insert(current).bearer(),
            // Not through the refresh token: when the server forgot the session, that is refused as well.
            // Several requests may have been refused at once, and the first of them found no other token.
            ended => {
                let number = ended.map_or(refused.number, |ended| ended.number);
                session.insert(self.signed_in(wire, number).await?).bearer()
            }
        }
    }

    /// Gets a new token although the old one is valid.
    pub(super) async fn renew(&self, wire: &Wire) -> Result<(), HttpError> {
        let mut session = self.session.lock().await;
        // A given token stays: it is all there is.
        if matches!(self.credentials, Credentials::Token(_)) {
            return Ok(());
        }
        let ended = session.take();
        *session = Some(self.renewed(wire, ended).await?);
        Ok(())
    }

    /// By the refresh token where there is one, which spares the server a password hash; else anew.
    async fn renewed(&self, wire: &Wire, ended: Option<Session>) -> Result<Session, HttpError> {
        let number = ended.as_ref().map_or(0, |ended| ended.number);
        let Some(refresh) = ended.and_then(|ended| ended.refresh) else {
            return self.signed_in(wire, number).await;
        };
        let mut form = self.client_form();
        form.extend([("grant_type", "refresh_token"), ("refresh_token", refresh.expose_secret())]);
        match self.token(wire, &form, number).await {
            // The session behind the refresh token ended: its age, a restart, or an administrator.
            Err(HttpError::SignIn { .. }) => self.signed_in(wire, number).await,
            other => other,
        }
    }

    async fn signed_in(&self, wire: &Wire, number: u64) -> Result<Session, HttpError> {
        let mut form = self.client_form();
        match &self.credentials {
            Credentials::Client { .. } => form.push(("grant_type", "client_credentials")),
            Credentials::Password { user, password, .. } => {
                form.extend([("grant_type", "password"), ("username", user), ("password", password.expose_secret())]);
            }
            Credentials::Token(token) => return given(token, number),
        }
        self.token(wire, &form, number).await
    }

    fn client_form(&self) -> Vec<(&str, &str)> {
        let (id, secret) = match &self.credentials {
            Credentials::Client { id, secret } => (id, Some(secret)),
            Credentials::Password { client_id, client_secret, .. } => (client_id, client_secret.as_ref()),
            Credentials::Token(_) => return Vec::new(),
        };
        let secret = secret.map(|secret| ("client_secret", secret.expose_secret()));
        std::iter::once(("client_id", id.as_str())).chain(secret).collect()
    }

    async fn token(&self, wire: &Wire, form: &[(&str, &str)], number: u64) -> Result<Session, HttpError> {
        let asked = Instant::now();
        let answer = wire.exchange(&self.request, wire.client.post(self.endpoint.clone()).form(form)).await?;
        let answer = self.accepted(wire, answer)?;
        Session::from_answer(&answer, asked, number + 1).ok_or_else(|| self.not_keycloak(&answer))
    }

    /// The answer if it is a success, else what it means at this endpoint.
    fn accepted(&self, wire: &Wire, answer: Answer) -> Result<Answer, HttpError> {
        let is_json = answer.json_if_any().is_some();
        match answer.status {
            // 403 is `HTTPS required` here, and nothing about roles.
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if is_json => {
                Err(self.refused(&answer))
            }
            StatusCode::NOT_FOUND if answer.message() == "Realm does not exist" => {
                Err(HttpError::NoRealm { host: wire.host().into(), realm: self.realm.clone() })
            }
            StatusCode::NOT_FOUND => Err(self.not_keycloak(&answer)),
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS && !is_json => {
                Err(self.not_keycloak(&answer))
            }
            _ => answer.success(&self.request),
        }
    }

    fn refused(&self, answer: &Answer) -> HttpError {
        let message = answer.message();
        // The user is refused with 401 by 26.0.8, with 400 by 26.7.4.
        let is_about_user = answer.json_if_any().is_some_and(|json| json["error"] == "invalid_grant");
        let (who, hint) = match &self.credentials {
            Credentials::Password { user, client_id, .. } if is_about_user => {
                (format!("user {user} (client {client_id})"), "check the user and the password")
            }
            Credentials::Password { client_id, .. } | Credentials::Client { id: client_id, .. } => (
                format!("client {client_id}"),
                "check the client id, its secret, and that the client allows this way to sign in",
            ),
            Credentials::Token(_) => ("the holder of the access token".into(), "get a new token"),
        };
        HttpError::SignIn { who, realm: self.realm.clone(), message, hint }
    }

    fn not_keycloak(&self, answer: &Answer) -> HttpError {
        HttpError::NotKeycloak { url: self.endpoint.to_string(), found: answer.description() }
    }
}

impl Session {
    fn from_answer(answer: &Answer, asked: Instant, number: u64) -> Option<Self> {
        let json = answer.json_if_any()?;
        let secret = |key: &str| json[key].as_str().map(SecretString::from);
        // The life is counted from before the request, so an answer that took long makes it shorter, never longer.
        let renew_at = json["expires_in"].as_u64().map(|life| asked + before_end(Duration::from_secs(life)));
        Some(Self { access: secret("access_token")?, renew_at, refresh: secret("refresh_token"), number })
    }

    fn is_fresh(&self) -> bool {
        self.renew_at.is_none_or(|at| Instant::now() < at)
    }

    fn bearer(&self) -> Result<Bearer, HttpError> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", self.access.expose_secret()))
            .map_err(|_| HttpError::Setup { message: "the access token holds characters no token can hold".into() })?;
        // Keeps it out of the Debug output of everything that holds the header.
        header.set_sensitive(true);
        Ok(Bearer { header, number: self.number })
    }
}

/// How long a token of that life is used.
fn before_end(life: Duration) -> Duration {
    life.saturating_sub(MARGIN).max(life * 2 / 3).min(life)
}

/// The session of a token from elsewhere; `number` is above zero when the server has refused it already.
fn given(token: &SecretString, number: u64) -> Result<Session, HttpError> {
    let ends = expiry(token.expose_secret());
    let now = jiff::Timestamp::now();
    let expired = ends.filter(|ends| *ends <= now);
    if expired.is_some() || number > 0 {
        return Err(HttpError::Token { expired });
    }
    let life = ends.and_then(|ends| Duration::try_from(ends.duration_since(now)).ok());
    let renew_at = life.map(|life| Instant::now() + life);
    Ok(Session { access: token.clone(), renew_at, refresh: None, number: 1 })
}

/// When a token ends by its own words, if it is a JWT. Not a check: only the server can do that.
fn expiry(token: &str) -> Option<jiff::Timestamp> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    jiff::Timestamp::from_second(claims["exp"].as_i64()?).ok()
}

/// Below the base URL; the realm is percent-encoded already.
fn token_path(realm: &str) -> String {
    format!("/realms/{realm}/protocol/openid-connect/token")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(exp: i64) -> SecretString {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{exp}}}"#))).into()
    }

    #[test]
    fn a_given_token_is_used_until_it_ends() {
        let now = jiff::Timestamp::now().as_second();
        assert!(given(&jwt(now + 60), 0).unwrap().is_fresh());
        assert!(given(&"opaque".into(), 0).unwrap().is_fresh());
        assert!(matches!(given(&jwt(now - 1), 0), Err(HttpError::Token { expired: Some(_) })));
        assert!(matches!(given(&jwt(now + 60), 1), Err(HttpError::Token { expired: None })));
    }

    #[test]
    fn renews_before_the_end() {
        let secs = Duration::from_secs;
        assert_eq!(before_end(secs(60)), secs(45));
        assert_eq!(before_end(secs(30)), secs(20));
        assert_eq!(before_end(secs(0)), secs(0));
    }

    #[test]
    fn debug_shows_no_secret() {
        let credentials = Credentials::Password {
            client_id: "admin-cli".into(),
            client_secret: Some("topsecret".into()),
            user: "admin".into(),
            password: "topsecret".into(),
        };
        assert!(!format!("{credentials:?}").contains("topsecret"));
    }
}
