//! The transport room: what requests to a server go through, whichever server it is.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Certificate, Client, Identity, Url};
use secrecy::{ExposeSecret, SecretSlice};

/// A server, and how it is to be reached.
#[derive(Clone, Copy)]
pub struct Transport<'a> {
    /// What messages call it: `the server`.
    pub server: &'a str,
    /// Its base URL.
    pub url: &'a str,
    /// Certificates (PEM) that are trusted besides those of the system.
    pub ca_pem: Option<&'a [u8]>,
    /// A certificate chain with its private key (PEM) for servers that ask for mutual TLS.
    pub identity_pem: Option<&'a SecretSlice<u8>>,
    /// The longest one try of one request may take.
    pub timeout: Duration,
    /// How many requests may be under way at once.
    pub parallelism: usize,
}

/// Why there can be no request: a URL, a certificate or a setting is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(String);

impl Transport<'_> {
    /// The base URL, checked, without a slash at its end.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn base(&self) -> Result<Url, TransportError> {
        let wrong = |what: &str| TransportError(format!("{}'s URL {what}", self.server));
        let url = Url::parse(self.url.trim().trim_end_matches('/'))
            .map_err(|error| wrong(&format!("is not valid: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong("must begin with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("must not hold a user or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("must end with its path, without ? or #"));
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            tracing::warn!("the connection to {} is not encrypted: the credential can be read on its way", self.server);
        }
        Ok(url)
    }

    /// The client that keeps the connections.
    ///
    /// - No redirects: these APIs never redirect, and a followed one would carry the token to another place.
    /// - HTTP/1.1: several connections reach several nodes behind a balancer, and one drop loses one request.
    /// - No compression: Keycloak does not compress these answers when asked (`serverinfo`, 300,314 bytes either way),
    ///   and on a loopback it would only cost time.
    /// - Idle connections end after 20 seconds, before the usual 60 seconds of balancers, which would drop a request.
    /// - No proxy on loopback: a CI's `HTTP_PROXY` cannot reach this machine's own ports.
    ///
    /// # Errors
    /// A certificate that is none, or that does not fit its key.
    pub fn client(&self, base: &Url) -> Result<Client, TransportError> {
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
            // Tries are counted and spaced by the callers.
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
        if let Some(pem) = self.identity_pem {
            let identity = Identity::from_pem(pem.expose_secret());
            builder = builder.identity(identity.map_err(|_| {
                // The cause is left out: nothing of a file with a private key is worth the risk of printing it.
                setup("the client certificate must be PEM and hold the certificate and its private key")
            })?);
        }
        builder.build().map_err(|error| setup(root_cause(&error)))
    }
}

/// Where a document leads that is somewhere else by now, at most.
const REDIRECTS: usize = 5;

/// A document that anyone may read, of at most so many bytes. It comes over HTTPS or from this machine, wherever it leads to:
/// on any other way somebody might put in another one.
///
/// # Errors
/// It is not to be had, or is none that is read.
pub async fn download(url: &str, ca_pem: Option<&[u8]>, largest: usize) -> Result<String, TransportError> {
    let url = Url::parse(url).map_err(|error| setup(format!("the URL is not valid: {error}")))?;
    let is_here = url.scheme() == "http" && is_loopback(&url);
    let is_safe = move |url: &Url| url.scheme() == "https" || is_here && is_loopback(url);
    if !is_safe(&url) {
        return Err(setup("expected https://: whoever is on the way could put in something else"));
    }
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut builder = Client::builder()
        .user_agent(concat!("realmform/", env!("CARGO_PKG_VERSION")))
        .referer(false)
        .timeout(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS {
                return attempt.error("it leads from one place to another without end");
            }
            if is_safe(attempt.url()) {
                attempt.follow()
            } else {
                attempt.error("it leads to a place without https://")
            }
        }));
    if is_loopback(&url) {
        builder = builder.no_proxy();
    }
    if url.scheme() == "http" {
        builder = builder.tls_certs_only([]);
    } else if let Some(pem) = ca_pem {
        builder = builder.tls_certs_merge(certificates(pem)?);
    }
    let failed = |error: reqwest::Error| setup(root_cause(&error));
    let mut answer = builder.build().map_err(failed)?.get(url).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(setup(format!("the answer is {}", answer.status())));
    }
    let mut document = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if document.len() + chunk.len() > largest {
            return Err(setup(format!("it has more than {} MB", largest >> 20)));
        }
        document.extend_from_slice(&chunk);
    }
    String::from_utf8(document).map_err(|_| setup("it is not UTF-8"))
}

/// The deepest cause: the only one in a chain of reqwest's that neither repeats the others nor prints the URL.
pub fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = inner(cause) {
        cause = next;
    }
    cause.to_string()
}

/// The next cause; `io::Error::source` would skip the very error it wraps, which is where rustls' are.
pub fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map(|error| error as _).or_else(|| error.source())
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, TransportError> {
    match Certificate::from_pem_bundle(pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(setup("the CA file holds no PEM certificate")),
    }
}

fn is_loopback(url: &Url) -> bool {
    is_loopback_host(url.host_str().unwrap_or_default())
}

/// Whether a host, as an address writes it, is this machine itself.
pub fn is_loopback_host(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn setup(message: impl Into<String>) -> TransportError {
    TransportError(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(url: &str) -> Result<Url, TransportError> {
        let timeout = Duration::from_secs(1);
        Transport { server: "the server", url, ca_pem: None, identity_pem: None, timeout, parallelism: 1 }.base()
    }

    #[test]
    fn refuses_urls_that_cannot_work_or_would_leak() {
        for url in
            ["", "sso.example", "ftp://sso.example", "https://u:topsecret@sso.example", "https://sso.example/?a=b"]
        {
            let error = base(url).unwrap_err().to_string();
            assert!(!error.contains("topsecret"), "{error}");
        }
        assert_eq!(base("https://sso.example/auth/").unwrap().as_str(), "https://sso.example/auth");
    }

    #[test]
    fn knows_loopback() {
        for url in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"] {
            assert!(is_loopback(&Url::parse(url).unwrap()), "{url}");
        }
        assert!(!is_loopback(&Url::parse("http://sso.example").unwrap()));
    }
}
