//! Providers: what configures them, as the server describes it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kinds::component::provider_type;
use super::{Address, FieldPath, Spi};

/// The providers of a server, by their types and ids.
pub type Providers = BTreeMap<String, BTreeMap<String, Provider>>;

/// What the server tells of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// The keys of its configuration.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<String>,
    /// Those of them that hold secrets.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<String>,
}

/// A provider that an object configures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    /// The types that it may be of.
    pub types: Vec<String>,
    /// Its id.
    pub id: String,
    /// The table of its configuration.
    pub config: FieldPath,
}

/// Keys that Keycloak itself uses and that no description names, by provider type.
const UNDESCRIBED: &[(&str, &[&str])] = &[
    (
        "org.keycloak.storage.UserStorageProvider",
        &[
            "batchSizeForSync",
            "cachePolicy",
            "changedSyncPeriod",
            "enabled",
            "evictionDay",
            "evictionHour",
            "evictionMinute",
            "fullSyncPeriod",
            "lastSync",
            "maxLifespan",
            "priority",
        ],
    ),
    ("org.keycloak.protocol.ProtocolMapper", &["user.attribute"]),
    ("org.keycloak.broker.provider.IdentityProviderMapper", &["syncMode"]),
    ("org.keycloak.broker.provider.IdentityProvider", BROKER_KEYS),
    ("org.keycloak.broker.social.SocialIdentityProvider", BROKER_KEYS),
];

/// Identity providers describe hardly any of their keys: these are those that the code of 26.7.4 asks for.
const BROKER_KEYS: &[&str] = &[
    "addExtensionsElementWithKeyInfo",
    "allowClientIdAsAudience",
    "allowCreate",
    "allowedClockSkew",
    "artifactBindingResponse",
    "artifactResolutionServiceUrl",
    "attributeConsumingServiceIndex",
    "attributeConsumingServiceName",
    "authnContextClassRefs",
    "authnContextComparisonType",
    "authnContextDeclRefs",
    "authorizationUrl",
    "backchannelSupported",
    "bundleEndpoint",
    "caseSensitiveOriginalUsername",
    "claimFilterName",
    "claimFilterValue",
    "clientAssertionAudience",
    "clientAssertionSigningAlg",
    "clientAuthMethod",
    "clientId",
    "clientSecret",
    "defaultScope",
    "descriptorCacheSeconds",
    "disableNonce",
    "disableTypeClaimCheck",
    "disableUserInfo",
    "doNotStoreUsers",
    "emailClaim",
    "enabledFromMetadata",
    "encryptionAlgorithm",
    "encryptionPublicKey",
    "entityId",
    "familyNameClaim",
    "fedClientAssertionMaxExp",
    "filteredByClaim",
    "forceAuthn",
    "forwardParameters",
    "fullNameClaim",
    "givenNameClaim",
    "guiOrder",
    "hideOnLoginPage",
    "idpEntityId",
    "isAccessTokenJWT",
    "issuer",
    "jwksUrl",
    "jwtAuthorizationGrantAllowedClockSkew",
    "jwtAuthorizationGrantAssertionReuseAllowed",
    "jwtAuthorizationGrantAssertionSignatureAlg",
    "jwtAuthorizationGrantEnabled",
    "jwtAuthorizationGrantLimitAccessTokenExp",
    "jwtAuthorizationGrantMaxAllowedAssertionExpiration",
    "jwtX509HeadersEnabled",
    "loginHint",
    "logoutUrl",
    "metadataDescriptorUrl",
    "minValidityToken",
    "nameIDPolicyFormat",
    "passMaxAge",
    "pkceEnabled",
    "pkceMethod",
    "postBindingAuthnRequest",
    "postBindingLogout",
    "postBindingResponse",
    "principalAttribute",
    "principalType",
    "prompt",
    "publicKeySignatureVerifier",
    "publicKeySignatureVerifierKeyId",
    "requiresShortStateParameter",
    "sendClientIdOnLogout",
    "sendIdTokenOnLogout",
    "showInAccountConsole",
    "signSpMetadata",
    "signatureAlgorithm",
    "signingCertificate",
    "singleLogoutServiceUrl",
    "singleSignOnServiceUrl",
    "storeTokenInSession",
    "supportsClientAssertionReuse",
    "supportsClientAssertions",
    "syncMode",
    "tokenIntrospectionUrl",
    "tokenUrl",
    "trustDomain",
    "uiLocales",
    "useJwksUrl",
    "useMetadataDescriptorUrl",
    "userIDClaim",
    "userInfoUrl",
    "userNameClaim",
    "validateSignature",
    "wantAssertionsEncrypted",
    "wantAssertionsSigned",
    "wantAuthnRequestsSigned",
    "xmlSigKeyInfoKeyNameTransformer",
];

impl Configured {
    /// What is known of the provider.
    pub fn of<'a>(&self, providers: &'a Providers) -> Option<&'a Provider> {
        self.types.iter().find_map(|it| providers.get(it)?.get(&self.id))
    }

    /// The key of a leaf of the configuration.
    pub fn key<'a>(&self, path: &'a FieldPath) -> Option<&'a str> {
        path.parts().last().filter(|_| path.is_within(&self.config) && *path != self.config)
    }

    /// The keys that Keycloak itself uses for providers of this type beside those that are described.
    pub fn undescribed(&self) -> impl Iterator<Item = &str> {
        let lists = UNDESCRIBED.iter().filter(|(it, _)| self.types.iter().any(|ty| ty == it));
        lists.flat_map(|(_, keys)| keys.iter().copied())
    }

    /// Whether another provider of its type has this key.
    pub fn is_common(&self, providers: &Providers, key: &str) -> bool {
        let alike = self.types.iter().filter_map(|it| providers.get(it)).flat_map(BTreeMap::values);
        alike.into_iter().any(|it| it.keys.contains(key))
    }

    /// Whether the server keeps and shows any key. Of components it drops those that are not described, and of
    /// authenticators it hides their values (26.7.4).
    pub fn keeps_any_key(&self) -> bool {
        let free = [Spi::ProtocolMapper, Spi::IdentityProvider, Spi::IdentityProviderMapper];
        free.iter().flat_map(|spi| spi.types()).any(|it| self.types.iter().any(|ty| ty == it))
    }
}

/// The providers that an object configures; `plain` answers its plain fields.
pub fn configured<'a>(address: &Address, plain: impl Fn(&str) -> Option<&'a Value>) -> Vec<Configured> {
    let types = |spi: Spi| spi.types().iter().map(|it| (*it).to_owned()).collect();
    let (field, types) = match address.kind().name {
        "authentication flow" => {
            let mut found = Vec::new();
            if let Some(executions) = plain("executions") {
                of_executions(executions, &mut found);
            }
            return found;
        }
        "protocol mapper" => ("protocolMapper", types(Spi::ProtocolMapper)),
        "identity provider" => ("providerId", types(Spi::IdentityProvider)),
        "identity provider mapper" => ("identityProviderMapper", types(Spi::IdentityProviderMapper)),
        _ => match provider_type(address) {
            Some(provider_type) => ("providerId", vec![provider_type.to_owned()]),
            None => return Vec::new(),
        },
    };
    let id = plain(field).and_then(Value::as_str);
    id.map(|id| Configured { types, id: id.to_owned(), config: FieldPath::new(["config"]) }).into_iter().collect()
}

fn of_executions(executions: &Value, found: &mut Vec<Configured>) {
    for execution in executions.as_array().into_iter().flatten() {
        let text = |field: &str| execution.get(field).and_then(Value::as_str);
        if let (Some(id), Some(alias)) = (text("authenticator"), text("authenticatorConfig")) {
            let types = Spi::Authenticator.types().iter().map(|it| (*it).to_owned()).collect();
            found.push(Configured { types, id: id.to_owned(), config: FieldPath::new(["executions", alias]) });
        }
        if let Some(inner) = execution.get("executions") {
            of_executions(inner, found);
        }
    }
}
