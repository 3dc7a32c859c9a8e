//! A realm export is as good as the server that wrote it, but for what it does not tell.

use realmform::keycloak::{Connection, Credentials, Export, Http, Interest, read_realm};
use realmform::model::{Address, FieldPath, Kind, LiveRealm, LiveValue, Write};
use serde_json::{Value, json};

use crate::import::everything;
use crate::support::admin::Admin;
use crate::support::project::Project;
use crate::support::{access, is_26_0};

/// What the console's export never has.
const LACKING: &[&str] = &["organizations", "permissionPolicies", "permissions", "workflows"];

#[test]
fn an_export_reads_like_its_server() {
    if is_26_0("exports are read as the newest version would") {
        return;
    }
    let mut project = Project::new("export-everything");
    project.set("SECRET", "an exported secret");
    project.write_realm(&everything());
    project.apply();
    let server = read(&project);
    let export = exported(&project);
    let LiveRealm {
        objects,
        unmanaged,
        left_out,
        unknown_kinds,
        known,
        renamed_from,
        record,
        record_id,
        other_records,
    } = of_export(&project, &export);
    let is_told_of = |address: &Address| !address.collection().is_some_and(|it| LACKING.contains(&it));
    for (address, object) in server.objects.iter().filter(|(address, _)| is_told_of(address)) {
        let other = objects.get(address).unwrap_or_else(|| panic!("the export has no {address}"));
        for (path, value) in own(object.kind, &object.fields) {
            assert!(
                is_told(value, other.fields.get(path)),
                "{address} {path}: {value:?}, {:?}",
                other.fields.get(path)
            );
        }
        for (path, value) in own(object.kind, &other.fields) {
            assert!(object.fields.contains_key(path), "only the export has {address} {path}: {value:?}");
        }
    }
    let more: Vec<&Address> = objects.keys().filter(|it| !server.objects.contains_key(*it)).collect();
    assert!(more.is_empty(), "only the export has {more:?}");
    assert_eq!((&unmanaged, &known), (&server.unmanaged, &server.known));
    assert_eq!((&renamed_from, &record), (&server.renamed_from, &server.record));
    assert_eq!((&record_id, &left_out, &unknown_kinds), (&server.record_id, &server.left_out, &server.unknown_kinds));
    assert_eq!(other_records, server.other_records);
}

/// The same plan and the same files as with the server, which nobody asks.
#[test]
fn an_export_is_enough_for_plans_and_imports() {
    if is_26_0("exports are read as the newest version would") {
        return;
    }
    let mut project = Project::new("export-offline");
    project.set("SECRET", "an exported secret");
    project.write_realm(&everything());
    project.apply();
    project.write("exports/acme.json", &exported(&project).to_string());
    let import = |project: &Project, arguments: &[&str], folder: &str| {
        let output = project.run(&[&["import", "--layout", "single", "--project", folder], arguments].concat());
        assert!(output.stdout.contains("imported, and its plan is empty"), "{}\n{}", output.stdout, output.stderr);
        let imported = project.folder().join(folder).join("export-offline/realm.toml");
        std::fs::read_to_string(imported).unwrap()
    };
    let of_server = import(&project, &["export-offline"], "one/realms");
    project.set("KEYCLOAK_URL", "http://127.0.0.1:1");
    let mut of_server: toml_edit::DocumentMut = of_server.parse().unwrap();
    for collection in LACKING {
        of_server.remove(collection);
    }
    assert_eq!(import(&project, &["--from", "exports/acme.json"], "two/realms"), of_server.to_string());
    for folder in ["one", "two", "exports"] {
        std::fs::rename(project.folder().join(folder), project.folder().join(format!(".{folder}"))).unwrap();
    }

    for secret in ["an exported secret", ""] {
        project.set("SECRET", secret);
        let planned = project.run(&["plan", "--live", ".exports"]);
        assert!(planned.stdout.starts_with("No changes."), "{}\n{}", planned.stdout, planned.stderr);
        let compared = planned.stdout.lines().last().unwrap();
        assert!(compared.starts_with("Compared with .exports (Keycloak 26."), "{compared}");
        assert!(
            compared.ends_with("Nothing was compared of organizations, permissionPolicies, permissions, workflows: the export has none."),
            "{compared}"
        );
    }
    // The record is in the export, so that a plan knows what was applied.
    let changed = everything().replace("loginTheme = \"keycloak.v2\"\n", "").replace("\"Reads\"", "\"Reads all\"");
    project.write_realm(&format!("{changed}[roles.new]\n"));
    let planned = project.run(&["plan", "--live", ".exports", "--format", "json"]);
    let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
    let changes = plan["realms"]["export-offline"]["changes"].as_array().unwrap();
    let changes: Vec<&str> = changes.iter().map(|change| change["address"].as_str().unwrap()).collect();
    assert_eq!(changes, ["export-offline", "export-offline/roles/auditor", "export-offline/roles/new"]);
    assert_eq!(plan["realms"]["export-offline"]["changes"][0]["fields"][0]["cause"], "prune");
    assert!(plan["comparedWith"].as_str().unwrap().starts_with(".exports"), "{}", plan["comparedWith"]);
    let refused = project.run(&["plan", "--live", "nowhere.json"]);
    assert!(refused.status == 1 && refused.stderr.contains("nowhere.json"), "{}", refused.stderr);
}

/// What is the server's own (ids of what holds an object, whether a role is composite, …) is nobody's to compare.
fn own<'a>(
    kind: &'a Kind,
    fields: &'a std::collections::BTreeMap<FieldPath, LiveValue>,
) -> impl Iterator<Item = (&'a FieldPath, &'a LiveValue)> {
    fields.iter().filter(|(path, _)| kind.write(path) != Write::Server && path.top() != "id")
}

/// The console's export masks what the server reveals to administrators: the secrets of clients.
fn is_told(server: &LiveValue, export: Option<&LiveValue>) -> bool {
    match (server, export) {
        (LiveValue::Secret(_), Some(LiveValue::Masked)) => true,
        (server, Some(export)) => server == export,
        (_, None) => false,
    }
}

fn exported(project: &Project) -> Value {
    project.admin().export()
}

fn of_export(project: &Project, export: &Value) -> LiveRealm {
    let exports = Export::join(Export::parse(export.to_string().as_bytes()).unwrap()).unwrap();
    exports[&project.realm].live(&project.realm, &project.realm, Interest::everything()).unwrap().0
}

fn read(project: &Project) -> LiveRealm {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let credentials = Credentials::Password {
            client_id: "admin-cli".into(),
            client_secret: None,
            user: access().user.clone(),
            password: access().password.as_str().into(),
        };
        let http = Http::connect(Connection::new(access().http_url.as_str(), credentials)).await.unwrap();
        read_realm(&http, &project.realm, &project.realm, Interest::everything()).await.unwrap().unwrap()
    })
}

/// What Keycloak 16, 21 and 24 wrote (`kc.sh export`, cut down), with a registration flow of one's own where there was a
/// step that is gone.
const OLD: &[(&str, &str)] = &[
    ("16", include_str!("../cases/exports/16.json")),
    ("21", include_str!("../cases/exports/21.json")),
    ("24", include_str!("../cases/exports/24.json")),
];

/// Nothing of an older version is planned for ever: not what is retired, not what is renamed.
#[test]
fn exports_of_older_versions_come_to_rest() {
    for (version, export) in OLD {
        // The role that holds the default roles is called after the realm, in small letters.
        let realm = format!("Export-of-{version}");
        let export = export.replace("default-roles-acme", &format!("default-roles-export-of-{version}"));
        let mut project = Project::new(&realm);
        std::fs::remove_dir_all(project.folder().join(&realm)).unwrap();
        project.write("exports/acme.json", &export.replace("acme", &realm));
        let arguments =
            ["import", "--from", "exports/acme.json", "--layout", "single", "--secrets", "env", "--project", "."];
        let imported = project.run(&arguments);
        std::fs::remove_dir_all(project.folder().join("exports")).unwrap();
        assert!(
            imported.stdout.contains("imported, and its plan is empty"),
            "{}\n{}",
            imported.stdout,
            imported.stderr
        );
        assert!(!imported.stderr.contains("warning"), "{}", imported.stderr);
        for line in imported.stdout.lines().filter_map(|line| line.strip_prefix("  ")) {
            project.set(line.split_whitespace().next().unwrap(), "a secret of an export");
        }
        project.apply();
        every_upgrade_was_made(&project, version);
    }
}

/// A document that somebody wrote says no version and little else: what the server made of it is what the files say.
#[test]
fn a_document_by_hand_reads_as_the_server_takes_it_in() {
    if is_26_0("exports are read as the newest version would") {
        return;
    }
    let document = include_str!("../cases/exports/by-hand.json").replace("acme", "Export-by-hand");
    let project = Project::new("Export-by-hand");
    project.admin().post_realm(&serde_json::from_str(&document).unwrap());
    std::fs::remove_dir_all(project.folder().join("Export-by-hand")).unwrap();
    project.write("exports/realm.json", &document);
    let imported = project.run(&["import", "--from", "exports/realm.json", "--layout", "single", "--project", "."]);
    assert!(imported.stdout.contains("imported, and its plan is empty"), "{}\n{}", imported.stdout, imported.stderr);
    std::fs::remove_dir_all(project.folder().join("exports")).unwrap();
    assert_eq!(project.changes(), [""; 0]);
    let admin = project.admin();
    let library = admin.get(&format!("clients/{}", admin.client("library")));
    assert!(library["defaultClientScopes"].to_string().contains("our_template"), "{library}");
    let files = std::fs::read_to_string(project.folder().join("Export-by-hand/realm.toml")).unwrap();
    assert!(!files.contains("authenticationFlows") && files.contains("\"/shelves/*\""), "{files}");
    // It is known for what it is whatever the case.
    assert!(files.contains("defaultRoles = ") && !files.contains("default-roles-"), "{files}");
}

/// As an upgrade of the server would have left the realm.
fn every_upgrade_was_made(project: &Project, version: &str) {
    let admin = project.admin();
    let clients = admin.get("clients");
    let shop = clients.as_array().unwrap().iter().find(|it| it["clientId"] == "shop").unwrap();
    let scopes = shop["defaultClientScopes"].to_string();
    assert!(["acr", "basic"].iter().all(|scope| scopes.contains(scope)), "{version}: {scopes}");
    assert_eq!(shop["attributes"]["post.logout.redirect.uris"], "+", "{version}");
    let actions = admin.get("authentication/required-actions");
    let terms = actions.as_array().unwrap().iter().filter(|it| it["name"] == "Terms and Conditions");
    let terms: Vec<_> = terms.map(|it| (it["alias"].as_str().unwrap(), it["enabled"] == true)).collect();
    assert_eq!(terms, [("TERMS_AND_CONDITIONS", true)], "{version}");
    assert_eq!(admin.get("identity-provider/instances/up")["hideOnLogin"], true, "{version}");
    assert_eq!(shop["redirectUris"], json!(["https://shop.example/*"]), "{version}");
    assert_eq!(shop["webOrigins"], json!(["https://shop.example"]), "{version}");
    settings_were_upgraded(&admin, version);
    objects_were_upgraded(&admin, version);
    // The profile of 21 was in use, in two pieces; that of 16 was not.
    let profile = admin.get("users/profile");
    assert_eq!(profile["attributes"].to_string().contains("\"floor\""), version == "21", "{version}: {profile}");
    let policy = &profile["unmanagedAttributePolicy"];
    if version == "16" {
        assert_eq!(policy, "ENABLED", "{version}");
    } else {
        assert!(policy.is_null(), "{version}: {policy}");
    }
    if version != "24" {
        let flow = admin.get("authentication/flows/our%20registration/executions").to_string();
        assert!(flow.contains("registration-user-creation") && !flow.contains("registration-profile-action"), "{flow}");
    }
    let sp = clients.as_array().unwrap().iter().find(|it| it["clientId"] == "sp").unwrap();
    let algorithm = &sp["attributes"]["saml.encryption.algorithm"];
    assert_eq!(algorithm, "http://www.w3.org/2001/04/xmlenc#aes128-cbc", "{version}");
}

/// What the realm itself has.
fn settings_were_upgraded(admin: &Admin, version: &str) {
    let realm = admin.get("");
    assert_eq!(realm["organizationsEnabled"], version == "24", "an attribute of 24 is a setting");
    // 24 has the theme of its own time, which is called as the old one was.
    assert_eq!(realm["adminTheme"], if version == "24" { "keycloak" } else { "keycloak.v2" }, "{version}");
    if is_26_0("files say nothing of what 26.7 has by default") {
        return;
    }
    assert!(realm["browserSecurityHeaders"]["xXSSProtection"].is_null(), "{version}: {realm}");
    let actions = admin.get("authentication/required-actions");
    let priority = |alias: &str| {
        let action = actions.as_array().unwrap().iter().find(|it| it["alias"] == alias).unwrap();
        action["priority"].as_i64().unwrap()
    };
    assert_eq!(["CONFIGURE_TOTP", "UPDATE_PASSWORD", "VERIFY_EMAIL"].map(priority), [54, 57, 50], "{version}");
}

/// What clients, scopes, flows and components have.
fn objects_were_upgraded(admin: &Admin, version: &str) {
    let console = admin.get(&format!("clients/{}", admin.client("security-admin-console")));
    let is_lightweight = &console["attributes"]["client.use.lightweight.access.token.enabled"];
    assert_eq!((&console["fullScopeAllowed"], is_lightweight), (&json!(true), &json!("true")), "{version}");
    let groups = admin.get(&format!("clients/{}/scope-mappings", admin.client("account-console")));
    assert!(groups.to_string().contains("view-groups"), "{version}: {groups}");
    let scope = admin.find("client-scopes", "name", "parcel")["attributes"].clone();
    let of_parameter = ["is.parameterized.scope", "parameterized.scope.type", "parameterized.scope.regexp"];
    assert_eq!(of_parameter.map(|name| scope[name].clone()), ["true", "custom", "[0-9]+"], "{version}");
    assert!(!scope.to_string().contains("dynamic"), "{version}: {scope}");
    let steps = admin.get("authentication/flows/our%20broker%20login/executions");
    assert_eq!(steps[0]["alias"], "our broker login review profile config", "{version}");
    let ldap = admin.find("components", "name", "ldap");
    let truststore = if version == "24" { "ldapsOnly" } else { "always" };
    assert_eq!(ldap["config"]["useTruststoreSpi"], json!([truststore]), "{version}");
}
