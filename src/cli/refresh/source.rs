//! Where the configuration of an identity provider comes from.
#![expect(clippy::disallowed_methods, reason = "metadata and certificates are named by path")]

use std::path::PathBuf;

use jiff::Timestamp;

use crate::cli::Error;
use crate::metadata::{Config, Protocol, discovery_url, fetch, read};

/// What an identity provider publishes of itself.
#[derive(Clone, Debug, Default, clap::Args)]
pub(in crate::cli) struct SourceArgs {
    /// The metadata of a SAML identity provider
    #[arg(long, value_name = "URL|FILE")]
    saml_metadata: Option<String>,
    /// The issuer of a provider of `OpenID`, which says there what it is
    #[arg(long, value_name = "URL", conflicts_with = "saml_metadata")]
    oidc_issuer: Option<String>,
    /// Certificates (PEM) to trust besides the system's when that is read
    #[arg(long, value_name = "FILE")]
    metadata_ca_file: Option<PathBuf>,
}

impl SourceArgs {
    /// What the one that is named speaks; `None` without one.
    pub(in crate::cli) fn protocol(&self) -> Option<Protocol> {
        let saml = self.saml_metadata.as_ref().map(|_| Protocol::Saml);
        saml.or_else(|| self.oidc_issuer.as_ref().map(|_| Protocol::Oidc))
    }

    /// What the one that is named says; `None` without one.
    pub(in crate::cli) async fn read(&self) -> Result<Option<Config>, Error> {
        if let Some(issuer) = &self.oidc_issuer {
            let config = self.fetch(Protocol::Oidc, &discovery_url(issuer)).await?;
            let said = config.get("issuer").map_or("", String::as_str);
            if said.trim_end_matches('/') != issuer.trim_end_matches('/') {
                return Err(Error::Other(format!("--oidc-issuer {issuer}: there is the issuer {said}")));
            }
            return Ok(Some(config));
        }
        let Some(place) = &self.saml_metadata else { return Ok(None) };
        let config = if place.contains("://") {
            self.fetch(Protocol::Saml, place).await?
        } else {
            let path = PathBuf::from(place);
            let text = std::fs::read_to_string(&path).map_err(|source| Error::File { path: path.clone(), source })?;
            read(Protocol::Saml, place, &text, Timestamp::now())?
        };
        Ok(Some(config))
    }

    /// What a place on the net says now.
    pub(super) async fn fetch(&self, protocol: Protocol, url: &str) -> Result<Config, Error> {
        let ca_pem = self
            .metadata_ca_file
            .as_ref()
            .map(|path| std::fs::read(path).map_err(|source| Error::File { path: path.clone(), source }));
        Ok(fetch(protocol, url, ca_pem.transpose()?.as_deref(), Timestamp::now()).await?)
    }
}
