//! What configures providers.

use insta::assert_snapshot;

use super::*;

#[test]
fn keys_that_the_server_drops_or_hides_are_told() {
    let told = report(&[(
        "acme/realm.toml",
        r#"
        [keys.a]
        providerId = "rsa-generated"
        config = { priority = 1, keysize = 2048, frobnicate = 1 }
        [userFederation.ldap]
        providerId = "ldap"
        config = { connectionUrl = "ldap://l", cachePolicy = "DEFAULT", fullSyncPeriod = "1d", usersDN = "ou=p" }
        [authenticationFlows.registration]
        description = "x"
        [authenticationFlows.mine]
        executions = [
          { authenticator = "conditional-level-of-authentication", requirement = "REQUIRED", config = { loa-condition-leve = 1 } },
        ]
        "#,
    )]);
    for (key, help) in [
        ("keysize", "did you mean `keySize`?"),
        ("frobnicate", "drops it or hides its value"),
        ("usersDN", "did you mean `usersDn`?"),
        ("loa-condition-leve", "did you mean `loa-condition-level`?"),
    ] {
        let (_, rest) =
            told.split_once(&format!("`{key}` is no known key of ")).unwrap_or_else(|| panic!("{key}: {told}"));
        assert!(rest.split("unknown key").nth(1).unwrap().contains(help), "{key}: {told}");
    }
    assert_eq!(told.matches("is no known key").count(), 4, "{told}");
}

/// Realms hold mappers and providers with keys that no description names; the server keeps them.
#[test]
fn where_the_server_keeps_any_key_only_slips_are_told() {
    let told = report(&[(
        "acme/realm.toml",
        r#"
        [clientScopes.a.protocolMappers.a]
        protocolMapper = "oidc-usermodel-realm-role-mapper"
        config = { "user.attribute" = "x", "consent.text" = "y", "full.path" = true, "clam.name" = "z" }
        [clientScopes.roles.protocolMappers."realm roles"]
        config = { "claim.nam" = "z" }
        [identityProviders.up]
        providerId = "oidc"
        config = { clientId = "x", authorizatonUrl = "https://u.example/a", "com.acme.note" = "y", issuer = "i" }
        [identityProviders.up.mappers.a]
        identityProviderMapper = "hardcoded-attribute-idp-mapper"
        config = { syncMode = "INHERIT", attribute = "a", "attribute.valeu" = "b" }
        "#,
    )]);
    for (key, meant) in [
        ("clam.name", "claim.name"),
        ("claim.nam", "claim.name"),
        ("authorizatonUrl", "authorizationUrl"),
        ("attribute.valeu", "attribute.value"),
    ] {
        let (_, rest) =
            told.split_once(&format!("`{key}` is no known key of ")).unwrap_or_else(|| panic!("{key}: {told}"));
        assert!(rest.split("unknown key").nth(1).unwrap().contains(&format!("did you mean `{meant}`?")), "{told}");
    }
    assert_eq!(told.matches("is no known key").count(), 4, "{told}");
}

#[test]
fn what_a_provider_marks_as_secret_is_no_text() {
    let realm = |secret: &str| {
        format!(
            "[authenticationFlows.mine]\nexecutions = [{{ flow = \"form\", authenticator = \"registration-page-form\", \
             requirement = \"REQUIRED\", executions = [\n{{ authenticator = \"registration-recaptcha-action\", \
             requirement = \"REQUIRED\", config = {{ \"site.key\" = \"a\",\n\"secret.key\" = {secret} }} }}] }}]\n"
        )
    };
    assert_snapshot!(report(&[("acme/realm.toml", &realm("\"hunter2\""))]), @r#"
     × `secret.key` is a secret: it is written as a reference, never as text
      ╭─[acme/realm.toml:4:1]
    3 │ { authenticator = "registration-recaptcha-action", requirement = "REQUIRED", config = { "site.key" = "a",
    4 │ "secret.key" = "***    " } }] }]
      · ──────┬─────
      ·       ╰── has the secret itself
      ╰────
     help: write { env = "NAME" } (an environment variable), { file = "path" } (a file outside git),
           { vault = "mount/path#key" }, { sops = "file#key" }, { generate = {} } (made once and
           kept) or { keep = true } (whatever the server holds); if this was ever committed, replace
           the secret, since git keeps it
    "#);
    assert_eq!(report(&[("acme/realm.toml", &realm("{ env = \"RECAPTCHA\" }"))]), "");
}

#[test]
fn unknown_providers_are_left_to_the_server() {
    let loaded = loaded(&[(
        "acme/realm.toml",
        r#"
        [clients.a.protocolMappers.a]
        protocolMapper = "acme-mapper"
        config = { "acme.value" = "x" }
        [userFederation.a]
        providerId = "acme-users"
        config = { url = "x" }
        "#,
    )]);
    assert_eq!(loaded.settings.len(), 2);
    let names: Vec<&str> = loaded.references.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["acme-mapper", "acme-users"]);
}
