//! Values of every type in canonical form.

use super::*;
use crate::model::SecretRef;

#[test]
fn types_of_fields() {
    let loaded = loaded(&[(
        "acme/realm.toml",
        r#"
        displayName = ""
        enabled = true
        accessTokenLifespan = 300
        accessCodeLifespan = "1h30m"
        failureFactor = 5
        sslRequired = "all"
        supportedLocales = ["en", "de"]
        webAuthnPolicySignatureAlgorithms = ["RS256", "ES256"]
        eventsListeners = []
        smtpServer = { host = "smtp.example", port = 587, starttls = true, password = { file = "smtp" }, user = { env = "SMTP_USER" } }
        brandNew = { b = [1, 2.5], a = { nested = true } }
        brandNewSecret = { env = "NEW" }
        [attributes]
        plain = "text"
        number = 5
        fraction = 0.5
        flag = false
        parRequestUriLifespan = "1m"
        "acr.loa.map" = { silver = 1, gold = 2 }
        cibaInterval = "5"
        cibaExpiresIn = ""
        "#,
    )]);
    insta::assert_snapshot!(leaves(&loaded, "acme", ""), @r#"
accessCodeLifespan = 5400
accessTokenLifespan = 300
attributes."acr.loa.map" = "{\"gold\":2,\"silver\":1}"
attributes.cibaExpiresIn = ""
attributes.cibaInterval = "5"
attributes.flag = "false"
attributes.fraction = "0.5"
attributes.number = "5"
attributes.parRequestUriLifespan = "60"
attributes.plain = "text"
brandNew = {"a":{"nested":true},"b":[1,2.5]}
brandNewSecret = Env("NEW")
displayName = ""
enabled = true
eventsListeners = []
failureFactor = 5
smtpServer.host = "smtp.example"
smtpServer.password = File("smtp")
smtpServer.port = "587"
smtpServer.starttls = "true"
smtpServer.user = Env("SMTP_USER")
sslRequired = "all"
supportedLocales = ["de","en"]
webAuthnPolicySignatureAlgorithms = ["RS256","ES256"]
"#);
}

#[test]
fn types_of_fields_of_other_kinds() {
    let loaded = loaded(&[(
        "acme/all.toml",
        r#"
        [clients.shop]
        attributes."post.logout.redirect.uris" = ["https://b/*", "https://a/*", "+"]
        attributes."default.acr.values" = "b##a"
        secret = { keep = true }
        redirectUris = ["b", "a"]
        serviceAccount = { realmRoles = ["r"], groups = ["/g"], clientRoles = { shop = ["z", "y"] } }
        roles.y = {}
        roles.z = { attributes = { many = ["b", "a"], one = "x", number = 1 } }
        [roles.r]
        composites = ["shop:y", "other"]
        [roles.other]
        [groups."/g"]
        clientRoles.shop = ["z"]
        "#,
    )]);
    insta::assert_snapshot!(leaves(&loaded, "acme", "clients/shop"), @r#"
attributes."default.acr.values" = "a##b"
attributes."post.logout.redirect.uris" = "+##https://a/*##https://b/*"
redirectUris = ["a","b"]
secret = Keep
serviceAccount.clientRoles.shop = ["y","z"]
serviceAccount.groups = ["/g"]
serviceAccount.realmRoles = ["r"]
"#);
    insta::assert_snapshot!(leaves(&loaded, "acme", "clients/shop/roles/z"), @r#"
attributes.many = ["a","b"]
attributes.number = ["1"]
attributes.one = ["x"]
"#);
    insta::assert_snapshot!(leaves(&loaded, "acme", "roles/r"), @r#"composites = ["other","shop:y"]"#);
    insta::assert_snapshot!(leaves(&loaded, "acme", "groups/\"/g\""), @r#"clientRoles.shop = ["z"]"#);
    assert!(loaded.references.is_empty(), "{:?}", loaded.references);
}

/// What a file says and what the server answers to it are the same leaves.
#[test]
fn the_form_is_that_of_live() {
    let loaded = loaded(&[(
        "acme/clients/shop.toml",
        r#"
        redirectUris = ["https://é/", "https://b/\"x", "https://a/", "https://a/!", "https://a/ ", "https://a/"]
        attributes = { "access.token.lifespan" = "5m", flag = true, "default.acr.values" = ["b", "a"] }
        serviceAccount = { clientRoles = { x = ["b", "a"] } }
        "#,
    )]);
    let wire = serde_json::json!({
        "redirectUris": ["https://a/!", "https://a/", "https://é/", "https://b/\"x", "https://a/ "],
        "attributes": { "access.token.lifespan": "300", "flag": "true", "default.acr.values": "a##b" },
        "serviceAccount": { "clientRoles": { "x": ["a", "b"] } },
    });
    assert_form_of_live(&loaded, "clients/shop", &wire);
}

#[test]
fn windows_files_are_read_alike() {
    let text = "displayName = \"x\"\n[roles.a]\ndescription = \"y\"\n";
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let (plain, windows) = (loaded(&[("acme/realm.toml", text)]), loaded(&[("acme/realm.toml", &windows)]));
    assert_eq!(leaves(&plain, "acme", ""), leaves(&windows, "acme", ""));
    let origin = |loaded: &Loaded| format!("{:?}", loaded.desired.realms["acme"].objects);
    assert_eq!(origin(&plain), origin(&windows));
}

#[test]
fn every_leaf_knows_where_it_is_written() {
    let loaded = loaded(&[
        ("acme/clients/shop.toml", "name = \"x\"\n[attributes]\nä.b = 1\n".trim_end_matches("ä.b = 1\n")),
        ("acme/realm.toml", "attributes.domain = 'ö'\nsmtpServer = { from = 'ö', host = 'x' }\n"),
    ]);
    let object = &loaded.desired.realms["acme"].objects[&Address::realm("acme")];
    let origin = |path: [&str; 2]| object.fields[&FieldPath::new(path)].origin.clone();
    assert_eq!(format!("{:?}", origin(["attributes", "domain"])), "acme/realm.toml:1:12");
    let host = origin(["smtpServer", "host"]);
    assert_eq!((host.line, host.column, host.span), (2, 28, 53..57));
}

#[test]
fn secrets_are_references() {
    let loaded = loaded(&[("acme/realm.toml", "smtpServer.password = { env = 'P' }\n")]);
    let password = value(&loaded, "acme", "", &["smtpServer", "password"]);
    assert_eq!(password, Value::Secret(SecretRef::Env("P".to_owned())));
}
