use serde_json::json;

use super::*;
use crate::model::{FieldPath, LiveValue, kinds};

fn parse(file: &Value) -> Result<Vec<Export>, ExportError> {
    Export::parse(file.to_string().as_bytes())
}

fn live(file: &Value) -> LiveRealm {
    let exports = Export::join(parse(file).unwrap()).unwrap();
    exports["acme"].live(&"acme".to_owned(), "project", Interest::everything()).unwrap().0
}

fn leaf(realm: &LiveRealm, address: &str, path: &[&str]) -> Option<LiveValue> {
    let address = Address::parse("acme", address).unwrap();
    realm.objects.get(&address)?.fields.get(&FieldPath::new(path.iter().copied())).cloned()
}

#[test]
fn what_is_no_export_is_refused() {
    let error = |text: &str| Export::parse(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error("{"), "it is no JSON: EOF while parsing an object at line 1 column 1");
    assert_eq!(error("[1]"), "it is no realm export: it has no `realm`, the realm's name");
    assert_eq!(error("{\"clients\": []}"), "it is no realm export: it has no `realm`, the realm's name");
    let twice = parse(&json!([{"realm": "acme", "id": "1"}, {"realm": "acme", "id": "2"}])).unwrap();
    assert_eq!(Export::join(twice).unwrap_err().to_string(), "realm acme is there twice");
    let wrong = &parse(&json!({"realm": "acme", "clients": [{"id": "1"}]})).unwrap()[0];
    let error = wrong.live(&"acme".to_owned(), "project", Interest::everything()).unwrap_err();
    assert_eq!(error.to_string(), "clientId should be text");
}

/// `kc.sh export --dir --users different_files`.
#[test]
fn users_may_have_files_of_their_own() {
    let realm = json!({"realm": "acme", "keycloakVersion": "26.7.4",
        "clients": [{"id": "1", "clientId": "shop", "serviceAccountsEnabled": true}],
        "users": [{"username": "u"}]});
    let account = json!({"username": "service-account-shop", "serviceAccountClientId": "shop",
        "realmRoles": ["auditor", "default-roles-acme"], "groups": ["/staff"]});
    let users = json!({"realm": "acme", "users": [account]});
    for files in [[&users, &realm], [&realm, &users]] {
        let parts = files.into_iter().flat_map(|file| parse(file).unwrap());
        let exports = Export::join(parts).unwrap();
        let live = exports["acme"].live(&"acme".to_owned(), "project", Interest::everything()).unwrap().0;
        let account = |field: &str| leaf(&live, "clients/shop", &["serviceAccount", field]);
        assert_eq!(account("realmRoles"), Some(LiveValue::Json(json!(["auditor"]))));
        assert_eq!(account("groups"), Some(LiveValue::Json(json!(["/staff"]))));
    }
}

/// What an export of this version does not have is not there; what somebody left out of a file is what Keycloak fills in.
#[test]
fn what_is_left_out_is_keycloaks_own() {
    let by_hand = live(&json!({"realm": "acme", "roles": {"realm": [{"name": "auditor"}]}}));
    let exported =
        live(&json!({"realm": "acme", "keycloakVersion": "26.7.4", "roles": {"realm": [{"name": "auditor"}]}}));
    for realm in [&by_hand, &exported] {
        assert!(leaf(realm, "userProfile/attributes/email", &["displayName"]).is_some());
        assert!(leaf(realm, "clients/account", &["name"]).is_some(), "there is no section of clients");
        assert!(realm.objects.contains_key(&Address::parse("acme", "roles/auditor").unwrap()));
    }
    let builtin = Address::parse("acme", "roles/offline_access").unwrap();
    assert!(by_hand.objects.contains_key(&builtin) && !exported.objects.contains_key(&builtin));
    assert!(leaf(&by_hand, "", &["browserFlow"]).is_some() && leaf(&exported, "", &["browserFlow"]).is_none());
}

#[test]
fn groups_are_named_by_their_paths() {
    let realm = live(&json!({"realm": "acme", "groups": [
        {"name": "a", "subGroups": [{"name": "c"}]}, {"name": "x", "path": "/x", "subGroups": [{"name": "y", "path": "/x/y"}]},
    ]}));
    let groups: Vec<&str> = realm.objects.keys().filter(|it| it.kind() == &kinds::GROUP).map(Address::name).collect();
    assert_eq!(groups, ["/a", "/a/c", "/x", "/x/y"]);
}

#[test]
fn a_group_with_a_slash_in_its_name_is_left_out() {
    let slashed = json!({"name": "a/b", "path": "/a/b", "subGroups": [{"name": "c", "path": "/a/b/c"}]});
    let document =
        json!({"realm": "acme", "groups": [slashed, {"name": "x"}], "defaultGroups": ["/a/b", "/a/b/c", "/x"]});
    let export = &parse(&document).unwrap()[0];
    let (realm, notes) = export.live(&"acme".to_owned(), "project", Interest::everything()).unwrap();
    let groups: Vec<&str> = realm.objects.keys().filter(|it| it.kind() == &kinds::GROUP).map(Address::name).collect();
    assert_eq!(groups, ["/x"]);
    assert_eq!(leaf(&realm, "", &["defaultGroups"]), Some(LiveValue::Json(json!(["/x"]))));
    assert!(
        notes.iter().any(|note| note.contains("are left out with what is inside of them: /a/b, /a/b/c")),
        "{notes:?}"
    );
}

#[test]
fn a_flow_inside_of_itself_is_refused() {
    let execution = json!({"authenticatorFlow": true, "flowAlias": "b", "requirement": "REQUIRED"});
    let flows = json!([{"alias": "a", "topLevel": true, "authenticationExecutions": [execution]},
        {"alias": "b", "topLevel": false, "authenticationExecutions": [execution]}]);
    let export = &parse(&json!({"realm": "acme", "authenticationFlows": flows})).unwrap()[0];
    let error = export.live(&"acme".to_owned(), "project", Interest::everything()).unwrap_err();
    assert_eq!(error.to_string(), "the authentication flow \"b\" is inside of itself");
}

/// `kc.sh export` writes them in clear.
#[test]
fn secrets_are_secrets() {
    let client = json!({"clientId": "sp", "secret": "s3cr3t", "attributes": {"saml.signing.private.key": "s3cr3t"}});
    let keys = json!({"org.keycloak.keys.KeyProvider": [
        {"name": "made", "providerId": "aes-generated", "config": {"secret": ["s3cr3t"], "priority": ["7"]}},
        {"name": "given", "providerId": "rsa", "config": {"privateKey": ["s3cr3t"]}},
    ]});
    let export = json!({"realm": "acme", "clients": [client], "components": keys,
        "smtpServer": {"password": "s3cr3t"},
        "identityProviders": [{"alias": "up", "config": {"clientSecret": "s3cr3t"}}]});
    let export = &parse(&export).unwrap()[0];
    let realm = export.live(&"acme".to_owned(), "project", Interest::everything()).unwrap().0;
    let shown = format!("{export:?} {realm:?}");
    assert!(shown.contains("priority") && !shown.contains("s3cr3t"), "{shown}");
}

/// Facts (26.7.4): a document that does not say which version wrote it is imported, and not upgraded.
#[test]
fn a_document_without_a_version_is_not_upgraded() {
    let document = |version: &str| {
        let ldap = json!({"name": "ldap", "providerId": "ldap", "config": {"useTruststoreSpi": ["ldapsOnly"]}});
        json!({"realm": "acme", "keycloakVersion": version, "defaultRoles": ["reader"], "privateKey": "MII", "publicKey": "MII",
            "roles": {"realm": [{"name": "reader"}]},
            "components": {"org.keycloak.storage.UserStorageProvider": [ldap]}})
    };
    let (by_hand, old) = (live(&document("")), live(&document("22.0.5")));
    let text = |realm: &LiveRealm, address: &str, path: &[&str]| match leaf(realm, address, path) {
        Some(LiveValue::Json(value)) => value.as_str().unwrap_or_default().to_owned(),
        other => format!("{other:?}"),
    };
    let truststore = ["config", "useTruststoreSpi"];
    assert_eq!(text(&by_hand, "userFederation/ldap", &truststore), "ldapsOnly");
    assert_eq!(text(&old, "userFederation/ldap", &truststore), "always");
    assert_eq!(text(&by_hand, "userProfile", &["unmanagedAttributePolicy"]), "DISABLED");
    assert_eq!(text(&old, "userProfile", &["unmanagedAttributePolicy"]), "ENABLED");
    let default = ["account:manage-account", "account:view-profile", "offline_access", "reader", "uma_authorization"];
    assert_eq!(leaf(&by_hand, "", &["defaultRoles"]), Some(LiveValue::Json(json!(default))));
    for key in ["keys/rsa", "keys/rsa-enc"] {
        let key = leaf(&by_hand, key, &["config", "privateKey"]);
        assert!(matches!(key, Some(LiveValue::Secret(_))), "{key:?}");
    }
    let realm = &by_hand.objects[&Address::realm("acme")];
    assert!(!realm.fields.keys().any(|path| ["privateKey", "publicKey"].contains(&path.top())));
}

#[test]
fn authorization_services_make_a_client_confidential() {
    let settings = json!({"resources": [{"name": "Protected", "uri": "/*"}]});
    let realm = live(&json!({"realm": "acme", "clients": [{"clientId": "shop", "publicClient": true,
        "authorizationServicesEnabled": true, "authorizationSettings": settings}]}));
    let client = |field: &str| leaf(&realm, "clients/shop", &[field]);
    assert_eq!(client("serviceAccountsEnabled"), Some(LiveValue::Json(true.into())));
    assert_eq!(client("publicClient"), Some(LiveValue::Json(false.into())));
    let uris = leaf(&realm, "clients/shop/authorization/resources/Protected", &["uris"]);
    assert_eq!(uris, Some(LiveValue::Json(json!(["/*"]))));
}

/// Copies that older versions made of flows.
#[test]
fn each_flow_has_configurations_of_its_own() {
    let flow = |alias: &str, built_in: bool| {
        json!({"alias": alias, "topLevel": true, "builtIn": built_in, "providerId": "basic-flow", "authenticationExecutions": [
            {"authenticator": "idp-review-profile", "authenticatorConfig": "review", "requirement": "REQUIRED", "priority": 10}]})
    };
    let realm = live(&json!({"realm": "acme", "keycloakVersion": "25.0.6",
        "authenticationFlows": [flow("copy", false), flow("original", true), flow("second", false)],
        "authenticatorConfig": [{"alias": "review", "config": {"update.profile.on.first.login": "on"}}]}));
    for (flow, config) in [("copy", "copy review"), ("original", "review"), ("second", "second review")] {
        let path = ["executions", config, "update.profile.on.first.login"];
        let value = leaf(&realm, &format!("authenticationFlows/{flow}"), &path);
        assert_eq!(value, Some(LiveValue::Json("on".into())), "{flow}");
    }
}

/// As `MigrateTo26_7_0` has it: any parameter, or one of a pattern; what does not begin with the name is nobody's to guess.
#[test]
fn dynamic_scopes_say_what_their_parameter_is() {
    let scope = |name: &str, pattern: Option<&str>| {
        json!({"name": name, "protocol": "openid-connect", "attributes":
        {"is.dynamic.scope": "true", "dynamic.scope.regexp": pattern}})
    };
    let realm = live(&json!({"realm": "acme", "keycloakVersion": "26.6.0", "clientScopes": [
        scope("any", Some("any:*")), scope("some", Some("some:[a-z]+")), scope("none", None), scope("odd", Some("*")),
    ]}));
    for (name, ty, pattern) in [
        ("any", Some("string"), None),
        ("some", Some("custom"), Some("[a-z]+")),
        ("none", Some("string"), None),
        ("odd", None, Some("*")),
    ] {
        let of = |attribute: &str| leaf(&realm, &format!("clientScopes/{name}"), &["attributes", attribute]);
        let text = |text: Option<&str>| text.map(|text| LiveValue::Json(text.into()));
        assert_eq!(of("is.parameterized.scope"), text(Some("true")), "{name}");
        assert_eq!(of("parameterized.scope.type"), text(ty), "{name}");
        assert_eq!(of("parameterized.scope.regexp"), text(pattern), "{name}");
    }
}

#[test]
fn actions_move_behind_the_verified_address() {
    let order = |totp: i64, password: i64, email: i64| {
        let action = |alias: &str, priority: i64| json!({"alias": alias, "priority": priority});
        let actions = [
            action("CONFIGURE_TOTP", totp),
            action("UPDATE_PASSWORD", password),
            action("VERIFY_EMAIL", email),
            action("UPDATE_PROFILE", 51),
        ];
        let realm = live(&json!({"realm": "acme", "keycloakVersion": "26.6.0", "requiredActions": actions}));
        let of = |alias: &str| leaf(&realm, &format!("requiredActions/{alias}"), &["priority"]);
        ["CONFIGURE_TOTP", "UPDATE_PASSWORD"].map(of)
    };
    let priority = |number: i64| Some(LiveValue::Json(number.into()));
    assert_eq!(order(10, 30, 50), [54, 57].map(priority));
    assert_eq!(order(11, 30, 50), [52, 53].map(priority));
    assert_eq!(order(10, 30, 60), [61, 62].map(priority));
}

#[test]
fn mappers_read_binary_values_as_they_did() {
    let mapper = |name: &str, provider: &str| json!({"name": name, "providerId": provider, "config": {"is.binary.attribute": ["true"]}});
    let mappers = [mapper("groups", "group-ldap-mapper"), mapper("photo", "user-attribute-ldap-mapper")];
    let ldap = json!({"name": "ldap", "providerId": "ldap", "config": {},
        "subComponents": {"org.keycloak.storage.ldap.mappers.LDAPStorageMapper": mappers}});
    let realm = live(&json!({"realm": "acme", "keycloakVersion": "26.6.0",
        "components": {"org.keycloak.storage.UserStorageProvider": [ldap]}}));
    for (name, key, value) in
        [("groups", "decode.group.uuid.attribute", "false"), ("photo", "binary.attribute.decoder", "base64")]
    {
        let address = format!("userFederation/ldap/mappers/{name}");
        assert_eq!(leaf(&realm, &address, &["config", key]), Some(LiveValue::Json(value.into())), "{name}");
    }
}
