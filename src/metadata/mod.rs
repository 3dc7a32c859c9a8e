/*!
What identity providers publish about themselves → the configuration that Keycloak's broker takes of it.

- `saml`: the metadata of a SAML 2.0 identity provider.
- `oidc`: the discovery document of an `OpenID` provider.

The entries are those that Keycloak's own import of such documents makes, but for those that only repeat its defaults; a test asks
a server. What cannot be trusted is refused, where Keycloak would take it: metadata that has ended, or without a certificate.
*/

mod oidc;
mod saml;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::transport::{TransportError, download};

/// Entries of an identity provider's `config`, as Keycloak stores them: all of them texts.
pub type Config = BTreeMap<&'static str, String>;

/// The entry that says where a configuration comes from.
pub const ORIGIN: &str = "metadataDescriptorUrl";

/// Federations publish metadata of thousands; of one provider it is a few kilobytes.
const LARGEST: usize = 4 << 20;

/// What an identity provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// SAML 2.0.
    Saml,
    /// `OpenID` Connect.
    Oidc,
}

/// A document that says no configuration.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// It could not be got.
    #[error("{url} cannot be read")]
    Unreachable {
        /// Where it was to be.
        url: String,
        /// Why.
        #[source]
        source: TransportError,
    },
    /// It is another sort of document, or one that must not be used.
    #[error("{place}: {why}")]
    Unusable {
        /// Where it is.
        place: String,
        /// What it is instead.
        why: String,
    },
}

impl Protocol {
    /// That of the providers with this `providerId`.
    pub fn of(provider_id: &str) -> Option<Self> {
        match provider_id {
            "saml" => Some(Self::Saml),
            "oidc" | "keycloak-oidc" => Some(Self::Oidc),
            _ => None,
        }
    }

    /// The `providerId` of a provider that speaks it.
    pub fn provider_id(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::Oidc => "oidc",
        }
    }
}

/// Where an issuer says what it is: `https://login.example/.well-known/openid-configuration`.
pub fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// The configuration that the document of a place says.
///
/// # Errors
/// What it is instead.
pub fn read(protocol: Protocol, place: &str, document: &str, now: Timestamp) -> Result<Config, MetadataError> {
    let config = match protocol {
        Protocol::Saml => saml::read(document, now),
        Protocol::Oidc => oidc::read(document),
    };
    config.map_err(|why| MetadataError::Unusable { place: place.to_owned(), why })
}

/// The configuration that the document at a URL says, the URL included. `ca_pem` is trusted besides the system's certificates.
///
/// # Errors
/// It cannot be read, or is something else.
pub async fn fetch(
    protocol: Protocol,
    url: &str,
    ca_pem: Option<&[u8]>,
    now: Timestamp,
) -> Result<Config, MetadataError> {
    let document = download(url, ca_pem, LARGEST).await;
    let document = document.map_err(|source| MetadataError::Unreachable { url: url.to_owned(), source })?;
    let mut config = read(protocol, url, &document, now)?;
    config.insert(ORIGIN, url.to_owned());
    Ok(config)
}
