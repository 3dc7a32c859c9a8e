//! The realm that comes with the repository.

use super::*;

fn demo() -> BTreeMap<PathBuf, Vec<u8>> {
    macro_rules! files {
        ($($path:literal)*) => { [$(($path, include_str!(concat!("../../../realms/", $path)))),*] };
    }
    files(&files!(
        "realmform.toml"
        "customer-acme/realm.toml"
        "customer-acme/roles.toml"
        "customer-acme/groups.toml"
        "customer-acme/clients/vpc-access-acme.toml"
        "customer-acme/identityProviders/okta.toml"
        "customer-acme/identityProviders/google.toml"
    ))
}

#[test]
fn it_loads_without_a_word() {
    assert_eq!(report_of(&demo(), &Options { strict: true, ..Options::default() }), "");
    let loaded = load(&demo(), &Options::default()).unwrap();
    let open: Vec<_> = loaded.references.iter().map(|it| it.name.as_str()).collect();
    // The scopes that every realm has.
    let expected =
        ["address", "basic", "email", "microprofile-jwt", "offline_access", "phone", "profile", "roles", "web-origins"];
    assert_eq!(open, expected);
    assert_eq!(loaded.desired.realms["customer-acme"].objects.len(), 19);
}

#[test]
fn the_realm_says_what_was_asked_for() {
    let loaded = load(&demo(), &Options::default()).unwrap();
    insta::assert_snapshot!(leaves(&loaded, "customer-acme", ""), @r#"
accessCodeLifespan = 60
accessCodeLifespanUserAction = 300
accessTokenLifespan = 300
actionTokenGeneratedByAdminLifespan = 43200
actionTokenGeneratedByUserLifespan = 300
attributes.complianceLevel = "soc2"
attributes.customerDomain = "acme.example"
attributes.dataResidency = "eu-central-1"
attributes.vpcEndpoint = "vpc.acme.platform.example"
bruteForceProtected = true
clientSessionIdleTimeout = 1800
clientSessionMaxLifespan = 36000
defaultSignatureAlgorithm = "RS256"
displayName = "acme.example Portal"
enabled = true
failureFactor = 5
loginWithEmailAllowed = true
maxDeltaTimeSeconds = 43200
maxFailureWaitSeconds = 900
oauth2DeviceCodeLifespan = 600
oauth2DevicePollingInterval = 5
offlineSessionMaxLifespan = 5184000
quickLoginCheckMilliSeconds = 1000
registrationAllowed = false
resetPasswordAllowed = true
sslRequired = "all"
waitIncrementSeconds = 60
"#);
    insta::assert_snapshot!(leaves(&loaded, "customer-acme", "clients/vpc-access-acme"), @r#"
adminUrl = "https://acme.platform.example"
attributes."pkce.code.challenge.method" = "S256"
baseUrl = "https://acme.platform.example"
clientAuthenticatorType = "client-secret"
defaultClientScopes = ["basic","email","profile","roles","web-origins"]
directAccessGrantsEnabled = true
enabled = true
frontchannelLogout = true
fullScopeAllowed = false
implicitFlowEnabled = false
name = "VPC access for ACME"
optionalClientScopes = ["address","microprofile-jwt","offline_access","phone"]
protocol = "openid-connect"
publicClient = false
redirectUris = ["http://localhost:3000/*","https://acme.platform.example/*"]
rootUrl = "https://acme.platform.example"
secret = Env("VPC_ACCESS_ACME_SECRET")
serviceAccountsEnabled = true
standardFlowEnabled = true
webOrigins = ["http://localhost:3000","https://acme.platform.example"]
"#);
}

#[test]
fn values_have_the_form_of_the_wire() {
    let loaded = load(&demo(), &Options::default()).unwrap();
    let okta = value(&loaded, "customer-acme", "identityProviders/okta", &["config", "signingCertificate"]);
    let Value::Json(serde_json::Value::String(certificate)) = okta else { panic!() };
    assert!(certificate.starts_with("MII") && !certificate.contains(char::is_whitespace));
    insta::assert_snapshot!(leaves(&loaded, "customer-acme", "identityProviders/okta/mappers/admins"), @r#"
config.attributes = "[{\"key\":\"groups\",\"value\":\"acme-platform-admins\"}]"
config.group = "/customers/acme/admins"
config.syncMode = "INHERIT"
identityProviderMapper = "saml-advanced-group-idp-mapper"
"#);
    insta::assert_snapshot!(leaves(&loaded, "customer-acme", "clients/vpc-access-acme/protocolMappers/vpc-access"), @r#"
config."access.token.claim" = "true"
config."claim.name" = "vpc_access"
config."id.token.claim" = "true"
config."jsonType.label" = "JSON"
config.multivalued = "true"
config."user.attribute" = "vpcAccess"
config."userinfo.token.claim" = "true"
protocolMapper = "oidc-usermodel-attribute-mapper"
"#);
}
