//! Where the server is and how to talk to it: everything needed to open a connection.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Certificate, Client, Identity, Url};
use secrecy::{ExposeSecret, SecretSlice};

use super::auth::Credentials;
use super::error::HttpError;
use super::retry::RetryPolicy;
use crate::secrets::Redactor;

/// A server, a credential for it, and the limits to keep to.
#[derive(Clone)]
pub struct Connection {
    /// The server's base URL, with its relative path if it has one: `https://sso.example` or `https://sso.example/auth`.
    pub url: String,
    /// The realm the credential belongs to, which need not be the realm that is managed.
    pub realm: String,
    /// Who signs in.
    pub credentials: Credentials,
    /// Certificates (PEM) that are trusted besides those of the system.
    pub ca_pem: Option<Vec<u8>>,
    /// A certificate chain with its private key (PEM) for servers that ask for mutual TLS.
    pub identity_pem: Option<SecretSlice<u8>>,
    /// The longest one try of one request may take.
    pub timeout: Duration,
    /// How many requests may be under way at once.
    pub parallelism: usize,
    /// When and how long to try again.
    pub retry: RetryPolicy,
}

impl Connection {
    /// A connection with the usual limits: the master realm, 60 seconds a request, 8 requests at once.
    ///
    /// 8 because writes get no faster beyond it (400 clients with 8 and 16 in flight: 1.25 and 1.4 s), and 60 seconds
    /// because that is what proxies in front of Keycloak usually allow.
    pub fn new(url: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            url: url.into(),
            realm: "master".into(),
            credentials,
            ca_pem: None,
            identity_pem: None,
            timeout: Duration::from_secs(60),
            parallelism: 8,
            retry: RetryPolicy::default(),
        }
    }

    /// Takes the credential out of a text.
    pub(super) fn redactor(&self) -> Redactor {
        Redactor::new(self.credentials.secrets())
    }

    /// The base URL, checked, without a slash at its end.
    pub(super) fn base(&self) -> Result<Url, HttpError> {
        let url = Url::parse(self.url.trim().trim_end_matches('/'))
            .map_err(|error| setup(format!("the server's URL is not valid: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(setup("the server's URL must begin with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(setup("the server's URL must not hold a user or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(setup("the server's URL must end with its path, without ? or #"));
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            tracing::warn!("the connection is not encrypted: the credential can be read on its way");
        }
        Ok(url)
    }

    /// The client that keeps the connections.
    ///
    /// - No redirects: the admin API never redirects, and a followed one would carry the token to another place.
    /// - HTTP/1.1: several connections reach several nodes behind a balancer, and one drop loses one request.
    /// - No compression: Keycloak does not compress these answers when asked (`serverinfo`, 300,314 bytes either way),
    ///   and on a loopback it would only cost time.
    /// - Idle connections end after 20 seconds, before the usual 60 seconds of balancers, which would drop a request.
    /// - No proxy on loopback: a CI's `HTTP_PROXY` cannot reach this machine's own ports.
    pub(super) fn client(&self, base: &Url) -> Result<Client, HttpError> {
        // Ignored on purpose: it only fails when a provider is installed already, and then that one is used.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut builder = Client::builder()
            .user_agent(concat!("realmform/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .http1_only()
            .no_gzip()
            .tcp_nodelay(true)
            .timeout(self.timeout)
            .connect_timeout(self.timeout.min(Duration::from_secs(10)))
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(self.parallelism.max(1))
            // Tries are counted and spaced in one place, `retry`.
            .retry(reqwest::retry::never());
        if is_loopback(base) {
            builder = builder.no_proxy();
        }
        if base.scheme() == "http" {
            // Without TLS the system's certificates, which a minimal container lacks, are not needed.
            builder = builder.tls_certs_only([]);
        } else if let Some(pem) = &self.ca_pem {
            builder = builder.tls_certs_merge(certificates(pem)?);
        }
        if let Some(pem) = &self.identity_pem {
            let identity = Identity::from_pem(pem.expose_secret());
            builder = builder.identity(identity.map_err(|_| {
                // The cause is left out: nothing of a file with a private key is worth the risk of printing it.
                setup("the client certificate must be PEM and hold the certificate and its private key")
            })?);
        }
        builder.build().map_err(|error| setup(super::error::root_cause(&error)))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, realm, credentials, ca_pem, identity_pem, timeout, parallelism, retry } = self;
        f.debug_struct("Connection")
            .field("url", url)
            .field("realm", realm)
            .field("credentials", credentials)
            .field("ca_pem", &ca_pem.as_ref().map(Vec::len))
            .field("identity_pem", identity_pem)
            .field("timeout", timeout)
            .field("parallelism", parallelism)
            .field("retry", retry)
            .finish()
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, HttpError> {
    match Certificate::from_pem_bundle(pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(setup("the CA file holds no PEM certificate")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn setup(message: impl Into<String>) -> HttpError {
    HttpError::Setup { message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(url: &str) -> Connection {
        Connection::new(url, Credentials::Token("topsecret".into()))
    }

    #[test]
    fn refuses_urls_that_cannot_work_or_would_leak() {
        for url in
            ["", "sso.example", "ftp://sso.example", "https://u:topsecret@sso.example", "https://sso.example/?a=b"]
        {
            let error = connection(url).base().unwrap_err().to_string();
            assert!(!error.contains("topsecret"), "{error}");
        }
        assert_eq!(connection("https://sso.example/auth/").base().unwrap().as_str(), "https://sso.example/auth");
    }

    #[test]
    fn knows_loopback() {
        for url in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"] {
            assert!(is_loopback(&Url::parse(url).unwrap()), "{url}");
        }
        assert!(!is_loopback(&Url::parse("http://sso.example").unwrap()));
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut connection = connection("https://sso.example");
        connection.identity_pem = Some(b"topsecret".to_vec().into());
        let text = format!("{connection:?}");
        assert!(!text.contains("topsecret") && !text.contains("116, 111"), "{text}");
    }
}
