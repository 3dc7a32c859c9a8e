//! What can go wrong between here and the server, in words for the person at the terminal.
//!
//! Nothing here ever holds a request's body, a header, a token or the value of a query. Causes are turned into text at
//! once, because the errors of the layers below print whole URLs.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use rustls::CertificateError;

use super::path;
use crate::transport::{TransportError, inner, root_cause};

/// Why a request did not give what it was for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The server answered with an error.
    #[error("{request}: {status}{}", after_colon(message))]
    Refused {
        /// What was asked.
        request: Request,
        /// What the server answered.
        status: StatusCode,
        /// The server's own words; empty when it only repeated the status.
        message: String,
        /// How long the server asked to be left alone.
        retry_after: Option<Duration>,
        /// How often it was tried.
        tries: u32,
        /// Whether an earlier try may have been executed.
        repeated: bool,
    },
    /// The server knows who is asking and does not allow it.
    #[error("{request}: 403 Forbidden: the credential lacks {right}{}", after_colon(message))]
    Forbidden {
        /// What was asked.
        request: Request,
        /// The right that usually allows it, for instance `manage-realm`.
        right: &'static str,
        /// The server's own words; empty when it only repeated the status.
        message: String,
    },
    /// The request was sent, and the connection ended before the answer was complete.
    #[error("{request}: no answer from {host}: {why}")]
    Lost {
        /// What was asked.
        request: Request,
        /// Host and port.
        host: String,
        /// The deepest cause.
        why: String,
        /// How often it was tried.
        tries: u32,
        /// Whether an earlier try may have been executed.
        repeated: bool,
    },
    /// The answer took longer than a request may take.
    #[error("{request}: no answer from {host} within {} s", after.as_secs_f32())]
    TimedOut {
        /// What was asked.
        request: Request,
        /// Host and port.
        host: String,
        /// The connection's time limit.
        after: Duration,
        /// How often it was tried.
        tries: u32,
        /// Whether an earlier try may have been executed.
        repeated: bool,
    },
    /// There was no connection, so nothing was executed.
    #[error("cannot reach {host}: {}", problem.what)]
    Unreachable {
        /// Host and port.
        host: String,
        /// What stands in the way.
        problem: Problem,
        /// Whether the host's name is unknown, which is no hiccup unless it was known before.
        unknown_host: bool,
        /// Whether the server has answered before.
        known_server: bool,
        /// How often it was tried.
        tries: u32,
        /// Whether an earlier try may have been executed.
        repeated: bool,
    },
    /// There was no trusted encrypted connection, so nothing was executed.
    #[error("no trusted connection to {host}: {}", problem.what)]
    Tls {
        /// Host and port.
        host: String,
        /// What is wrong with the certificate or the protocol.
        problem: Problem,
    },
    /// The server did not accept the credential.
    #[error("sign-in as {who} in realm {realm} was refused{}", after_colon(message))]
    SignIn {
        /// The kind of credential and its name.
        who: String,
        /// The sign-in realm.
        realm: String,
        /// The server's own words.
        message: String,
        /// What to check.
        hint: &'static str,
    },
    /// The sign-in realm does not exist.
    #[error("sign-in failed: the server {host} has no realm {realm}")]
    NoRealm {
        /// Host and port.
        host: String,
        /// The sign-in realm.
        realm: String,
    },
    /// Something answered, but not as Keycloak does.
    #[error("{url} does not answer like a Keycloak: {found}")]
    NotKeycloak {
        /// The address that was asked.
        url: String,
        /// What came instead.
        found: String,
    },
    /// The server sent the request elsewhere.
    #[error("{request}: the server redirects to {to}")]
    Redirected {
        /// What was asked.
        request: Request,
        /// Where to, without a query.
        to: String,
    },
    /// The given access token is not valid, and there is nothing to get a new one with.
    #[error("the access token {}", expired_or_refused(*expired))]
    Token {
        /// When it expired, if that is the reason.
        expired: Option<jiff::Timestamp>,
    },
    /// The answer was not the JSON that was expected.
    #[error("{request}: the answer cannot be read: {why}")]
    Unreadable {
        /// What was asked.
        request: Request,
        /// What is wrong with it, without its content.
        why: String,
    },
    /// The server is too old.
    #[error("Keycloak {} is too old", found.as_deref().unwrap_or("before 26.0"))]
    TooOld {
        /// The server's version, if the credential may know it.
        found: Option<String>,
    },
    /// The connection's settings cannot work.
    #[error("{message}")]
    Setup {
        /// What is wrong with which setting.
        message: String,
    },
    /// Names hold what separates the names in a path of theirs.
    #[error("those with a slash in the name, whose paths could be those of others: {}", names.join(", "))]
    Ambiguous {
        /// The names.
        names: Vec<String>,
    },
    /// A name cannot be part of a path.
    #[error("{request}: a name that is empty, `.` or `..` cannot be addressed over HTTP")]
    Unaddressable {
        /// What was to be asked.
        request: Request,
    },
}

impl From<TransportError> for HttpError {
    fn from(error: TransportError) -> Self {
        Self::Setup { message: error.to_string() }
    }
}

impl HttpError {
    /// What to do about it, in one sentence, where something can be said that the message does not say.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Refused { status, tries, .. } => return refused_hint(*status, *tries),
            Self::Forbidden { right, .. } => format!(
                "give it {right}: a role of the client `realm-management` in the managed realm, or of `REALM-realm` in master"
            ),
            Self::Lost { tries, .. } | Self::TimedOut { tries, .. } => {
                format!("it was tried {tries} times; the server or a proxy before it may be overloaded or restarting")
            }
            Self::Unreachable { problem, .. } | Self::Tls { problem, .. } => problem.hint.into(),
            Self::SignIn { hint, .. } => (*hint).into(),
            Self::NoRealm { .. } => "name the realm the credential belongs to; it need not be the managed one".into(),
            Self::NotKeycloak { .. } => {
                "check the URL: some servers answer below a path such as /auth, others no longer do".into()
            }
            Self::Redirected { .. } => "use the address it redirects to as the server's URL".into(),
            Self::Token { .. } => {
                "get a new token, or use a client's or user's credentials, which are renewed by themselves".into()
            }
            Self::Unreadable { .. } => "a proxy may have changed or cut the answer".into(),
            Self::TooOld { .. } => "realmform needs Keycloak 26.0 or newer".into(),
            Self::Setup { .. } | Self::Ambiguous { .. } | Self::Unaddressable { .. } => return None,
        })
    }

    /// The status, if the server answered with an error.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(status.as_u16()),
            Self::Forbidden { .. } => Some(403),
            _ => None,
        }
    }

    /// Whether an earlier try may have been executed: then a 409 may be about our own object.
    pub fn repeated(&self) -> bool {
        match self {
            Self::Refused { repeated, .. }
            | Self::Lost { repeated, .. }
            | Self::TimedOut { repeated, .. }
            | Self::Unreachable { repeated, .. } => *repeated,
            _ => false,
        }
    }

    /// Whether the server may have done what was asked, in this try or an earlier one, though no success was heard of.
    ///
    /// A 429 is said before anything is done. A 503 may come from a proxy after the server began.
    pub fn may_have_run(&self) -> bool {
        let this_try = match self {
            Self::Refused { status, .. } => status.is_server_error(),
            Self::Lost { .. } | Self::TimedOut { .. } => true,
            _ => false,
        };
        this_try || self.repeated()
    }

    /// Whether something of that name exists already.
    pub fn is_conflict(&self) -> bool {
        self.status() == Some(409)
    }

    /// Whether the object, or something on the way to it, does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether a feature of the server is off.
    pub fn is_not_implemented(&self) -> bool {
        self.status() == Some(501)
    }

    /// Whether the credential lacks a right.
    pub fn is_forbidden(&self) -> bool {
        self.status() == Some(403)
    }

    /// The server's own words, if it said any.
    pub fn server_message(&self) -> Option<&str> {
        match self {
            Self::Refused { message, .. } | Self::Forbidden { message, .. } | Self::SignIn { message, .. } => {
                Some(message.as_str()).filter(|message| !message.is_empty())
            }
            _ => None,
        }
    }

    /// Whether it is the server itself that failed: a hiccup, or a bug that every try meets again.
    ///
    /// Facts (26.0.8): a GET of all realms may end with 400 "Cannot parse the JSON", and has none to parse: the answer could
    /// not be written, since a realm was being deleted. (26.7.4) A DELETE may end with 409 "Duplicate resource error", which
    /// stands for any violated constraint of the database: something was put below the object at the same moment.
    pub(super) fn is_stumble(&self) -> bool {
        let Self::Refused { request, status, message, .. } = self else { return false };
        let is_unwritten = request.method == Method::GET && message.starts_with("Cannot parse the JSON");
        let has_collided = request.method == Method::DELETE && message.starts_with("Duplicate resource error");
        match *status {
            StatusCode::INTERNAL_SERVER_ERROR => true,
            StatusCode::BAD_REQUEST => is_unwritten,
            StatusCode::CONFLICT => has_collided,
            _ => false,
        }
    }

    /// Whether the same request may succeed in a moment.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Refused { status, .. } => self.is_stumble() || matches!(status.as_u16(), 429 | 502 | 503 | 504),
            Self::Unreachable { unknown_host, .. } => !unknown_host,
            Self::Lost { .. } | Self::TimedOut { .. } => true,
            _ => false,
        }
    }

    /// How long the server asked to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The same error, after so many tries.
    pub(super) fn after(mut self, count: u32, earlier: bool) -> Self {
        if let Self::Refused { tries, repeated, .. }
        | Self::Lost { tries, repeated, .. }
        | Self::TimedOut { tries, repeated, .. }
        | Self::Unreachable { tries, repeated, .. } = &mut self
        {
            (*tries, *repeated) = (count, earlier);
        }
        self
    }

    /// The same error of a server that answered before: then it is a hiccup, even if its name is no longer found.
    pub(super) fn of_known_server(mut self) -> Self {
        if let Self::Unreachable { unknown_host, known_server, .. } = &mut self {
            (*unknown_host, *known_server) = (false, true);
        }
        self
    }

    /// Whether nobody has answered there yet, so that the address may well be wrong.
    pub(super) fn is_first_contact(&self) -> bool {
        matches!(self, Self::Unreachable { known_server: false, .. })
    }

    /// What the layers below say when there is no complete answer.
    pub(super) fn no_answer(request: &Request, host: String, timeout: Duration, error: &reqwest::Error) -> Self {
        if let Some(tls) = find::<rustls::Error>(error) {
            return Self::Tls { host, problem: tls_problem(tls) };
        }
        let request = request.clone();
        let (tries, repeated) = (1, false);
        if error.is_connect() || error.is_dns() {
            let problem = connect_problem(error);
            return Self::Unreachable {
                host,
                problem,
                unknown_host: error.is_dns(),
                known_server: false,
                tries,
                repeated,
            };
        }
        if error.is_timeout() {
            return Self::TimedOut { request, host, after: timeout, tries, repeated };
        }
        Self::Lost { request, host, why: lost_because(error), tries, repeated }
    }
}

/// A request as people see it: method and path below `/admin/realms`, without the values of its query.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    path: String,
    template: String,
}

impl Request {
    /// A request below `/admin/realms`.
    pub(super) fn new(method: Method, path: &str) -> Self {
        Self { method, path: path::shown(path), template: path::template(path) }
    }

    /// A request elsewhere, to a path that holds no name but the sign-in realm's.
    pub(super) fn elsewhere(method: Method, path: &str, template: &str) -> Self {
        Self { method, path: path.into(), template: template.into() }
    }

    /// The path with names and ids replaced.
    pub(super) fn template(&self) -> &str {
        &self.template
    }

    /// The method, for instance `POST`.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// The path, for instance `/acme/clients?first=0`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The right that usually allows it.
    ///
    /// Keycloak's 403 says nothing but "HTTP 403 Forbidden", so this is the roles table of its documentation.
    pub(super) fn right(&self) -> &'static str {
        let path = self.path.split('?').next().unwrap_or_default();
        let mut segments = path.split('/').skip(1);
        let (realm, collection) = (segments.next(), segments.next());
        let reads = self.method == Method::GET;
        match (realm, collection) {
            (None | Some(""), _) if !reads => "create-realm (a role of master)",
            (_, Some("clients")) if reads && path.contains("/authz/") => "view-authorization",
            (_, Some("clients")) if path.contains("/authz/") => "manage-authorization",
            (_, Some("clients" | "client-scopes")) if reads => "view-clients",
            (_, Some("clients" | "client-scopes")) => "manage-clients",
            (_, Some("users" | "groups")) if reads => "view-users",
            (_, Some("users" | "groups")) => "manage-users",
            (_, Some("identity-provider")) if reads => "view-identity-providers",
            (_, Some("identity-provider")) => "manage-identity-providers",
            (_, Some("organizations")) if reads => "view-organizations (manage-realm where there is no such role)",
            (_, Some("organizations")) => "manage-organizations (manage-realm where there is no such role)",
            // Also to read them: no other right will do.
            (_, Some("workflows")) => "realm-admin",
            (_, Some("events" | "admin-events")) if reads => "view-events",
            (_, Some("events" | "admin-events")) => "manage-events",
            _ if reads => "view-realm",
            _ => "manage-realm",
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{} {path}", self.method)
    }
}

/// What is in the way of a connection, and what to do about it.
#[derive(Clone, Debug)]
pub struct Problem {
    what: String,
    hint: &'static str,
}

impl Problem {
    pub(super) fn new(what: impl Into<String>, hint: &'static str) -> Self {
        Self { what: what.into(), hint }
    }
}

fn after_colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

fn expired_or_refused(expired: Option<jiff::Timestamp>) -> String {
    match expired {
        Some(at) => format!("expired at {}", at.strftime("%F %T UTC")),
        None => "is not accepted by the server".into(),
    }
}

fn refused_hint(status: StatusCode, tries: u32) -> Option<String> {
    Some(match status.as_u16() {
        401 => "the server does not accept its own new token: check its hostname setting and the clocks".into(),
        413 => "a proxy before the server limits the size of requests".into(),
        429 => format!("it was tried {tries} times; lower the parallelism or raise the limit of the proxy"),
        500 => "this is a bug of the server or a broken database: its log says more".into(),
        501 => "the server runs without a feature that this needs: enable it with its option --features".into(),
        502..=504 => format!("it was tried {tries} times; the server may be overloaded or restarting"),
        _ => return None,
    })
}

fn connect_problem(error: &reqwest::Error) -> Problem {
    if error.is_dns() {
        return Problem::new("the host name is unknown", "check the spelling of the server's URL and the name server");
    }
    let kind = io_kind(error);
    if error.is_timeout() || kind == Some(io::ErrorKind::TimedOut) {
        return Problem::new("no connection in time", "check the address, and whether a firewall is in the way");
    }
    if kind == Some(io::ErrorKind::UnexpectedEof) {
        return Problem::new("it ended the TLS handshake", PLAIN);
    }
    if kind == Some(io::ErrorKind::ConnectionRefused) {
        return Problem::new("nothing listens there", "check the port, and whether the server is running");
    }
    Problem::new(root_cause(error), "check the address, the network, and the proxy settings of the environment")
}

fn lost_because(error: &reqwest::Error) -> String {
    match io_kind(error) {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => "the connection was reset".into(),
        Some(io::ErrorKind::UnexpectedEof) => "the connection ended early".into(),
        _ => root_cause(error),
    }
}

fn tls_problem(error: &rustls::Error) -> Problem {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate_problem(error),
        rustls::Error::InvalidMessage(_) => Problem::new("it does not speak TLS", PLAIN),
        rustls::Error::AlertReceived(alert) => Problem::new(
            format!("it refused with the TLS alert {alert:?}"),
            "it may want a client certificate, or another one",
        ),
        other => Problem::new(other.to_string(), "check the server's TLS settings"),
    }
}

fn certificate_problem(error: &CertificateError) -> Problem {
    use CertificateError as E;
    match error {
        E::Expired => Problem::new("its certificate has expired", RENEW),
        E::ExpiredContext { not_after, .. } => {
            Problem::new(format!("its certificate expired on {}", day(not_after.as_secs())), RENEW)
        }
        E::NotValidYet => Problem::new("its certificate is not valid yet", CLOCK),
        E::NotValidYetContext { not_before, .. } => {
            Problem::new(format!("its certificate is not valid before {}", day(not_before.as_secs())), CLOCK)
        }
        // A bad signature is an authority of the same name with another key: a CA file that is out of date.
        E::UnknownIssuer | E::BadSignature => Problem::new(
            "its certificate is signed by an authority that is not trusted here",
            "name the authority's certificate (PEM) as the CA file of the server",
        ),
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            Problem::new("its certificate is for another name", "use the name that the certificate holds")
        }
        E::Revoked => Problem::new("its certificate was revoked", RENEW),
        other => Problem::new(format!("its certificate is not accepted ({other})"), RENEW),
    }
}

const PLAIN: &str = "use http:// if the port is meant to be unencrypted, or the port for HTTPS";
const RENEW: &str = "the server needs a new certificate";
const CLOCK: &str = "check this machine's clock, or wait";

fn day(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "an unknown day".into(), |time| time.strftime("%F").to_string())
}

/// The first error of this type on the way to the root.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = inner(error);
    }
    None
}

/// What the system said: the deepest of the I/O errors, as the others only wrap it.
fn io_kind(error: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    let mut found = find::<io::Error>(error)?;
    while let Some(deeper) = inner(found).and_then(|error| find(error)) {
        found = deeper;
    }
    Some(found.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(method: Method, path: &str) -> &'static str {
        Request::new(method, path).right()
    }

    #[test]
    fn names_the_missing_right() {
        assert_eq!(right(Method::GET, "/acme/clients?first=0&max=20"), "view-clients");
        assert_eq!(right(Method::GET, "/acme/clients/1/authz/resource-server"), "view-authorization");
        assert_eq!(right(Method::PUT, "/acme"), "manage-realm");
        assert_eq!(right(Method::POST, ""), "create-realm (a role of master)");
        assert_eq!(right(Method::POST, "/acme/partial-export?exportClients=true"), "manage-realm");
        assert_eq!(right(Method::DELETE, "/acme/groups/1"), "manage-users");
    }

    #[test]
    fn finds_what_an_io_error_wraps() {
        let tls = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let error = io::Error::other(io::Error::other(tls));
        assert!(matches!(find::<rustls::Error>(&error), Some(rustls::Error::InvalidCertificate(_))));
    }

    #[test]
    fn reads_like_a_sentence() {
        let error = HttpError::Refused {
            request: Request::new(Method::POST, "/acme/clients"),
            status: StatusCode::CONFLICT,
            message: "Client shop already exists".into(),
            retry_after: None,
            tries: 1,
            repeated: false,
        };
        assert_eq!(error.to_string(), "POST /acme/clients: 409 Conflict: Client shop already exists");
        assert!(error.is_conflict() && !error.repeated() && !error.may_have_run());
    }
}
