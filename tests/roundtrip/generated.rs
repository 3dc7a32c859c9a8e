//! A big realm: many objects of each kind, with names and texts of all sorts.

use std::fmt::Write as _;

/// Names that no file has, and that TOML, URLs and shells have to quote.
const NAMES: &[&str] = &["plain", "with space", "dotted.name", "Größe", "a'b", "x#y", "100%", "semi;colon"];

/// The realm's file.
pub(super) fn realm() -> String {
    let mut text = String::from(
        "displayName = \"Generated\"\nattributes.\"a.b c\" = \"'quoted' \\\"twice\\\"\\n\\tand more\"\n\
         internationalizationEnabled = true\nsupportedLocales = [\"de\", \"en\", \"fr\"]\n",
    );
    for number in 0..80 {
        objects(&mut text, number);
    }
    for number in 0..12 {
        flow(&mut text, number);
    }
    for (number, locale) in ["de", "en", "fr"].iter().enumerate() {
        writeln!(text, "[localization.{locale}]").unwrap();
        for key in 0..60 {
            writeln!(text, "\"text.{key}\" = \"{number}: {} <b>{{0}}</b>\"", "lorem ipsum ".repeat(key % 7)).unwrap();
        }
    }
    text
}

fn objects(text: &mut String, number: usize) {
    let name = format!("{} {number}", NAMES[number % NAMES.len()]);
    let client = format!("client {name}");
    writeln!(
        text,
        "[roles.\"role {name}\"]\ndescription = \"Number {number}\"\nattributes.\"k {number}\" = [\"a\", \"b\"]\n\
         [groups.\"/group-{number}\"]\nrealmRoles = [\"role {name}\"]\nattributes.cc = [\"{number}\"]\n\
         [groups.\"/group-{number}/sub\"]\nclientRoles.\"{client}\" = [\"use\"]\n\
         [clientScopes.scope-{number}]\ndescription = \"{}\"\nscopeMappings = [\"role {name}\"]\n\
         [clientScopes.scope-{number}.protocolMappers.\"claim {number}\"]\nprotocolMapper = \"oidc-hardcoded-claim-mapper\"\n\
         config = {{ \"claim.name\" = \"c{number}\", \"claim.value\" = \"{name}\", \"access.token.claim\" = true }}\n\
         [clients.\"{client}\"]\nsecret = {{ env = \"SECRET\" }}\nredirectUris = [\"https://c{number}.example/*\", \"https://d.example\"]\n\
         serviceAccountsEnabled = {}\noptionalClientScopes = [\"scope-{number}\", \"phone\"]\n\
         attributes.\"post.logout.redirect.uris\" = [\"https://c{number}.example/bye\", \"+\"]\n\
         attributes.\"access.token.lifespan\" = \"1{number}s\"\n\
         [clients.\"{client}\".roles.use]\ncomposites = [\"role {name}\"]\n\
         [clients.\"{client}\".protocolMappers.audience]\nprotocolMapper = \"oidc-audience-mapper\"\n\
         config = {{ \"included.client.audience\" = \"{client}\", \"access.token.claim\" = true }}",
        "long text ".repeat(number % 20),
        number.is_multiple_of(2),
    )
    .unwrap();
    if number.is_multiple_of(8) {
        writeln!(
            text,
            "[identityProviders.idp-{number}]\nproviderId = \"oidc\"\ndisplayName = \"{name}\"\n\
             config = {{ clientId = \"x\", clientSecret = {{ env = \"SECRET\" }}, authorizationUrl = \"https://u.example/a\", \
             tokenUrl = \"https://u.example/t\", defaultScope = \"openid {number}\" }}\n\
             mappers.\"m {name}\" = {{ identityProviderMapper = \"hardcoded-attribute-idp-mapper\", \
             config = {{ attribute = \"a\", \"attribute.value\" = \"{name}\", syncMode = \"FORCE\" }} }}"
        )
        .unwrap();
    }
}

fn flow(text: &mut String, number: usize) {
    writeln!(
        text,
        "[authenticationFlows.\"flow {number}\"]\ndescription = \"Flow {number}\"\nexecutions = [\n\
           {{ authenticator = \"auth-cookie\", requirement = \"ALTERNATIVE\" }},\n\
           {{ flow = \"flow {number} forms\", requirement = \"ALTERNATIVE\", executions = [\n\
             {{ authenticator = \"auth-username-password-form\", requirement = \"REQUIRED\" }},\n\
             {{ flow = \"flow {number} one\", requirement = \"CONDITIONAL\", executions = [\n\
               {{ authenticator = \"conditional-level-of-authentication\", requirement = \"REQUIRED\", \
                  config = {{ loa-condition-level = 1, loa-max-age = {number} }} }},\n\
               {{ authenticator = \"auth-otp-form\", requirement = \"REQUIRED\" }} ] }},\n\
             {{ flow = \"flow {number} two\", requirement = \"CONDITIONAL\", executions = [\n\
               {{ authenticator = \"conditional-level-of-authentication\", requirement = \"REQUIRED\", \
                  config = {{ loa-condition-level = 2 }} }},\n\
               {{ authenticator = \"webauthn-authenticator\", requirement = \"REQUIRED\" }} ] }} ] }} ]"
    )
    .unwrap();
}
