//! Which Keycloak it is.

use serde_json::Value;

use super::error::HttpError;
use super::http::Http;
use super::path;
use crate::model::recognize_version;

impl Http {
    /// The server's version, `None` if the credential may not know.
    ///
    /// Facts (26.7.4): only `GET /admin/serverinfo` says it, 300 KB in 50 ms warm (0.8 s at first), and only to
    /// administrators of master and to realm administrators (`{"systemInfo": {"version": …}}` and nothing else of it);
    /// with `view-*` roles the answer is 200 without `systemInfo`. No header says it, and the console's
    /// `resourceVersion` is a hash. So ask only when somebody wants to know; to refuse an old server, see
    /// [`Http::require_supported`].
    pub async fn server_version(&self) -> Result<Option<String>, HttpError> {
        let info = self.server_info().await?.unwrap_or_default();
        Ok(info["systemInfo"]["version"].as_str().map(str::to_owned))
    }

    /// Refuses a server below 26.0, judged by the realm that the credential belongs to: for when no managed realm exists
    /// yet that would tell. A credential that may not look at that realm is taken at its word.
    pub async fn require_supported_for_new_realms(&self) -> Result<(), HttpError> {
        match self.find(&format!("/{}", path::segment(self.sign_in_realm()))).await {
            Ok(Some(realm)) => self.require_supported(&realm).await,
            Err(error) if !error.is_forbidden() => Err(error),
            _ => Ok(()),
        }
    }

    /// Refuses a server below 26.0, judged by what `GET /admin/realms/REALM` answered, which is read anyway, and has
    /// defaults be those of a newer one.
    pub async fn require_supported(&self, realm: &Value) -> Result<(), HttpError> {
        realm.as_object().into_iter().for_each(recognize_version);
        if !is_before_26(realm) {
            return Ok(());
        }
        // The number only improves the message.
        let found = self.server_version().await.unwrap_or_default();
        Err(HttpError::TooOld { found })
    }
}

/// Up to 25.0 a realm lists its identity providers, even if there are none; from 26.0 only an export does.
/// (`ModelToRepresentation.toRepresentation` of 25.0.6 and 26.0.0, which differ in nothing else that shows.)
/// A credential without `view-realm` gets a handful of fields and never this one: then it is taken for supported.
fn is_before_26(realm: &Value) -> bool {
    realm.get("identityProviders").is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn knows_an_old_server_by_its_realm() {
        assert!(is_before_26(&json!({"realm": "acme", "identityProviders": []})));
        assert!(!is_before_26(&json!({"realm": "acme"})));
    }
}
