//! The discovery document of an `OpenID` provider.

use serde::Deserialize;

use super::Config;

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    introspection_endpoint: Option<String>,
}

/// The configuration that a document says.
pub(super) fn read(document: &str) -> Result<Config, String> {
    let discovery: Discovery = serde_json::from_str(document)
        .map_err(|error| format!("this is no discovery document of an OpenID provider: {error}"))?;
    let Discovery {
        issuer,
        authorization_endpoint,
        token_endpoint,
        jwks_uri,
        userinfo_endpoint,
        end_session_endpoint,
        introspection_endpoint,
    } = discovery;
    let mut config = Config::from([
        ("issuer", issuer),
        ("authorizationUrl", authorization_endpoint),
        ("tokenUrl", token_endpoint),
        ("jwksUrl", jwks_uri),
        ("useJwksUrl", "true".to_owned()),
        ("validateSignature", "true".to_owned()),
    ]);
    config.extend(userinfo_endpoint.map(|url| ("userInfoUrl", url)));
    config.extend(end_session_endpoint.map(|url| ("logoutUrl", url)));
    config.extend(introspection_endpoint.map(|url| ("tokenIntrospectionUrl", url)));
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told() {
        let error = |text: &str| read(text).unwrap_err();
        assert!(error("<html>").starts_with("this is no discovery document of an OpenID provider: expected value"));
        assert!(error(r#"{"issuer": "https://a.example"}"#).contains("missing field `authorization_endpoint`"));
    }
}
