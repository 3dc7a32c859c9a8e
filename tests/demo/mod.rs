//! The customer realm of this repository, on a real server.

use std::collections::BTreeMap;
use std::path::Path;

use realmform::desired;
use realmform::keycloak::{Connection, Credentials, Http, Interest, read_realm};
use realmform::model::{LiveValue, Value as Wanted, Write};
use serde_json::{Value, json};
use walkdir::WalkDir;

use crate::support::admin::{Admin, claims};
use crate::support::project::Project;
use crate::support::{access, fitting, is_26_0};

const REALM: &str = "customer-acme";
const SECRET: &str = "a-secret-of-the-demo";

#[test]
fn the_customer_realm_is_what_its_files_say() {
    let mut project = Project::new(REALM);
    copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/realms")), project.folder());
    project.set("VPC_ACCESS_ACME_SECRET", SECRET);
    project.set("GOOGLE_CLIENT_SECRET", "a-secret-of-google");
    project.apply();
    every_declared_leaf_is_live(project.folder());
    let admin = project.admin();
    settings(&admin);
    roles_and_groups(&admin);
    client(&admin);
    providers(&admin);
    token(&admin);
}

fn copy(from: &Path, to: &Path) {
    for entry in WalkDir::new(from).into_iter().map(Result::unwrap) {
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(target).unwrap();
        } else if entry.file_name() == "groups.toml" {
            std::fs::write(target, fitting(&std::fs::read_to_string(entry.path()).unwrap())).unwrap();
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Reads the realm as a plan does, and compares without the diff, which could be wrong about what is the same.
fn every_declared_leaf_is_live(folder: &Path) {
    let tree = realmform::git::work_tree(folder).unwrap();
    let desired = desired::load(&tree.files, &desired::Options::default()).unwrap().desired;
    let wanted = &desired.realms[REALM];
    let live = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let credentials = Credentials::Password {
            client_id: "admin-cli".into(),
            client_secret: None,
            user: access().user.clone(),
            password: access().password.as_str().into(),
        };
        let http = Http::connect(Connection::new(access().http_url.as_str(), credentials)).await.unwrap();
        read_realm(&http, "customers", &REALM.to_owned(), Interest::of(wanted)).await.unwrap().unwrap()
    });
    for (address, object) in &wanted.objects {
        let there = live.objects.get(address).unwrap_or_else(|| panic!("{address} is not there"));
        for (path, declared) in object.fields.iter().filter(|(path, _)| object.kind.write(path) != Write::Server) {
            match (&declared.value, there.fields.get(path)) {
                (Wanted::Json(wanted), Some(LiveValue::Json(live))) => {
                    assert_eq!(normal(wanted), normal(live), "{address}: {path}");
                }
                (Wanted::Secret(_), Some(LiveValue::Masked | LiveValue::Secret(_))) => {}
                (Wanted::Secret(_), live) => panic!("{address}: {path}: a secret, and there is {live:?}"),
                (Wanted::Json(wanted), live) => panic!("{address}: {path}: {wanted}, and there is {live:?}"),
            }
        }
    }
}

/// A client with a service account has one scope more than it asked for, and JSON in text has no one spelling.
fn normal(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        Value::Array(items) => items.iter().filter(|it| *it != "service_account").cloned().collect(),
        _ => value.clone(),
    }
}

/// The values of the realm's specification, by hand and raw.
fn settings(admin: &Admin) {
    let realm = admin.get("");
    let expected = json!({
        "displayName": "acme.example Portal", "sslRequired": "all", "registrationAllowed": false,
        "loginWithEmailAllowed": true, "resetPasswordAllowed": true,
        "bruteForceProtected": true, "failureFactor": 5, "waitIncrementSeconds": 60, "maxFailureWaitSeconds": 900,
        "quickLoginCheckMilliSeconds": 1000, "maxDeltaTimeSeconds": 43200,
        "defaultSignatureAlgorithm": "RS256", "accessTokenLifespan": 300, "accessCodeLifespan": 60,
        "accessCodeLifespanUserAction": 300, "actionTokenGeneratedByAdminLifespan": 43200,
        "actionTokenGeneratedByUserLifespan": 300, "oauth2DeviceCodeLifespan": 600, "oauth2DevicePollingInterval": 5,
        "clientSessionIdleTimeout": 1800, "clientSessionMaxLifespan": 36000, "offlineSessionMaxLifespan": 5_184_000,
    });
    assert_has(&realm, &expected);
    for attribute in ["customerDomain", "vpcEndpoint", "dataResidency", "complianceLevel"] {
        assert!(realm["attributes"][attribute].is_string(), "{attribute}");
    }
}

fn roles_and_groups(admin: &Admin) {
    let parts = ["database-admin", "database-viewer", "kubernetes-viewer", "storage-viewer"];
    assert_eq!(names(&admin.get("roles/customer-admin/composites"), "name"), parts);
    let admins = admin.get("group-by-path/customers/acme/admins");
    assert_eq!(admins["realmRoles"], json!(["customer-admin"]));
}

fn client(admin: &Admin) {
    let id = admin.client("vpc-access-acme");
    let client = admin.get(&format!("clients/{id}"));
    let expected = json!({
        "publicClient": false, "secret": SECRET, "standardFlowEnabled": true, "directAccessGrantsEnabled": true,
        "serviceAccountsEnabled": true, "rootUrl": "https://acme.platform.example",
        "adminUrl": "https://acme.platform.example", "baseUrl": "https://acme.platform.example",
        "frontchannelLogout": true, "fullScopeAllowed": false,
    });
    assert_has(&client, &expected);
    assert_eq!(client["attributes"]["pkce.code.challenge.method"], "S256");
    let uris = ["http://localhost:3000/*", "https://acme.platform.example/*"];
    assert_eq!(texts(&client["redirectUris"]), uris);
    assert_eq!(texts(&client["webOrigins"]), uris.map(|uri| uri.trim_end_matches("/*")));
    let mut scopes = vec!["basic", "email", "profile", "roles", "service_account", "web-origins"];
    scopes.retain(|scope| *scope != "service_account" || !is_26_0("service accounts have mappers, and no scope"));
    assert_eq!(names(&admin.get(&format!("clients/{id}/default-client-scopes")), "name"), scopes);
    let scopes = ["address", "microprofile-jwt", "offline_access", "phone"];
    assert_eq!(names(&admin.get(&format!("clients/{id}/optional-client-scopes")), "name"), scopes);
    let mappers: BTreeMap<&str, &Value> = client["protocolMappers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mapper| (mapper["name"].as_str().unwrap(), &mapper["config"]))
        .collect();
    let vpc = json!({"user.attribute": "vpcAccess", "claim.name": "vpc_access", "jsonType.label": "JSON", "multivalued": "true"});
    assert_has(mappers["vpc-access"], &vpc);
    assert_has(mappers["customer-id"], &json!({"claim.name": "customer_id", "claim.value": "acme"}));
}

fn providers(admin: &Admin) {
    for (alias, provider, mappers) in [
        ("okta", "saml", &["admins", "employees", "vpc-access"][..]),
        ("google", "oidc", &["contractors", "workspace-domain"]),
    ] {
        assert_eq!(admin.get(&format!("identity-provider/instances/{alias}"))["providerId"], provider);
        assert_eq!(names(&admin.get(&format!("identity-provider/instances/{alias}/mappers")), "name"), mappers);
    }
}

/// The realm demands TLS of everybody, so this goes over HTTPS.
fn token(admin: &Admin) {
    let form = [("grant_type", "client_credentials"), ("client_id", "vpc-access-acme"), ("client_secret", SECRET)];
    let answer = admin.token(&access().https_url, REALM, &form);
    let claims = claims(answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")));
    assert_eq!(claims["customer_id"], "acme");
    // What the answer says of it is counted from a moment later.
    let time = |claim: &str| claims[claim].as_i64().unwrap();
    assert_eq!(time("exp") - time("iat"), 300);
}

/// Every entry of `expected` is in `object`.
#[track_caller]
fn assert_has(object: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&object[name], value, "{name}");
    }
}

fn names(list: &Value, field: &str) -> Vec<String> {
    let mut names: Vec<String> =
        list.as_array().unwrap().iter().map(|it| it[field].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn texts(list: &Value) -> Vec<&str> {
    let mut texts: Vec<&str> = list.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    texts.sort_unstable();
    texts
}
