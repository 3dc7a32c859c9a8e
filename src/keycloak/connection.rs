//! Where the server is and how to talk to it: everything needed to open a connection.

use std::fmt;
use std::time::Duration;

use secrecy::SecretSlice;

use super::auth::Credentials;
use super::retry::RetryPolicy;
use crate::secrets::Redactor;
use crate::transport::Transport;

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

    /// The base URL, without a slash at its end; `None` where it is none, or holds what is nobody's business.
    pub fn base_url(&self) -> Option<String> {
        Some(self.transport().base().ok()?.as_str().trim_end_matches('/').to_owned())
    }

    /// What requests go through.
    pub(super) fn transport(&self) -> Transport<'_> {
        Transport {
            server: "the server",
            url: &self.url,
            ca_pem: self.ca_pem.as_deref(),
            identity_pem: self.identity_pem.as_ref(),
            timeout: self.timeout,
            parallelism: self.parallelism,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let mut connection = Connection::new("https://sso.example", Credentials::Token("topsecret".into()));
        connection.identity_pem = Some(b"topsecret".to_vec().into());
        let text = format!("{connection:?}");
        assert!(!text.contains("topsecret") && !text.contains("116, 111"), "{text}");
    }
}
