//! What configures providers: the server's descriptions hold for those that it brings, and for others.

use serde_json::{Value, json};

use crate::support::project::Project;
use crate::support::proxy::{Server, changing};
use crate::support::{access, is_26_0};

const SECRET: &str = "a marked secret";

/// The server drops what components do not describe, and hides it of authenticators. Here it would keep none of it apart.
#[test]
fn the_server_drops_or_hides_what_is_not_described() {
    let project = Project::new("kinds-provider-unknown");
    project.write_realm(
        r#"
[userFederation.ldap]
providerId = "ldap"
config = { enabled = false, editMode = "READ_ONLY", vendor = "other", usernameLDAPAttribute = "uid", rdnLDAPAttribute = "uid", uuidLDAPAttribute = "id", userObjectClasses = "p", connectionUrl = "ldap://l.example", usersDn = "ou=p", priority = 3, fullSyncPeriod = "1h", changedSyncPeriod = "1m", cachePolicy = "EVICT_WEEKLY", evictionDay = 1, evictionHour = 2, evictionMinute = 3, maxLifespan = 4, batchSizeForSync = 5 }
"#,
    );
    // Keys that no description names, and that are kept: nothing is said of them, and nothing is left to do.
    let applied = project.apply();
    assert!(!applied.stderr.contains("no known key"), "{}", applied.stderr);

    let admin = project.admin();
    let component = json!({ "name": "k", "providerId": "aes-generated", "providerType": "org.keycloak.keys.KeyProvider",
                            "config": { "priority": ["1"], "frobnicate": ["x"] } });
    admin.post("components", &component);
    let made = admin.find("components?name=k", "name", "k");
    assert_eq!((&made["config"]["priority"], &made["config"]["frobnicate"]), (&json!(["1"]), &Value::Null));

    let (action, _) = recaptcha(&project);
    admin.post(
        &format!("authentication/executions/{action}/config"),
        &json!({ "alias": "c", "config": { "site.key": "a", "frobnicate": "x" } }),
    );
    let (_, config) = recaptcha(&project);
    let config = admin.get(&format!("authentication/config/{config}"));
    let shown = if is_26_0("it hides nothing of flows") { "x" } else { "**********" };
    assert_eq!(config["config"], json!({ "site.key": "a", "frobnicate": shown }));
}

/// `secret.key` and `api.key` of reCAPTCHA are the marked keys of 26.7.4 that no kind lists by itself.
#[test]
fn a_marked_key_is_a_secret() {
    let mut project = Project::new("kinds-provider-marked");
    project.set("RECAPTCHA", SECRET);
    let flow = |secret: &str| {
        format!(
            "[authenticationFlows.sign-up]\nexecutions = [{{ flow = \"form\", authenticator = \"registration-page-form\", \
             requirement = \"REQUIRED\", executions = [{{ authenticator = \"registration-recaptcha-action\", \
             requirement = \"REQUIRED\", config = {{ \"site.key\" = \"a\", \"secret.key\" = {secret} }} }}] }}]\n"
        )
    };
    project.write_realm(&flow(&format!("\"{SECRET}\"")));
    let refused = project.run(&["check"]);
    assert!(
        refused.stderr.contains("`secret.key` is a secret") && !refused.stderr.contains(SECRET),
        "{}",
        refused.stderr
    );
    project.write_realm(&flow("{ env = \"RECAPTCHA\" }"));
    let applied = project.apply();
    assert!(!applied.stdout.contains(SECRET), "{}", applied.stdout);
    project.set("RECAPTCHA", "another one");
    let planned = project.run(&["plan", "--verbose"]).stdout;
    assert!(planned.contains("secret.key") && planned.contains("1 to update"), "{planned}");
    assert!(!planned.contains("another one"), "{planned}");
    project.apply();
}

/// The server takes a mapper that it does not know, and shows what configures it to everybody who may view the client.
#[test]
fn a_provider_that_keycloak_does_not_bring_says_what_is_secret() {
    let mut project = Project::new("kinds-provider-custom");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = runtime.block_on(describing());
    project.set("KEYCLOAK_URL", &server.url());
    project.set("VALUE", SECRET);
    let mapper = |config: &str| {
        format!("[clients.shop.protocolMappers.acme]\nprotocolMapper = \"acme-mapper\"\nconfig = {{ {config} }}\n")
    };
    project.write_realm(&mapper(&format!("\"acme.value\" = \"{SECRET}\"")));
    let refused = project.run(&["plan"]);
    assert_eq!(refused.status, 1, "{}", refused.stdout);
    assert!(refused.stderr.contains("acme.value` is a secret"), "{}", refused.stderr);
    assert!(refused.stderr.contains("kinds-provider-custom/realm.toml:3: "), "{}", refused.stderr);
    assert!(!refused.stderr.contains(SECRET) && !refused.stdout.contains(SECRET), "{}", refused.stderr);

    project.write_realm(&mapper("\"acme.value\" = { env = \"VALUE\" }, \"acme.mod\" = \"fast\""));
    let applied = project.apply();
    assert!(applied.stderr.contains("did you mean `acme.mode`?"), "{}", applied.stderr);
    let planned = project.run(&["plan", "--requests"]);
    assert_eq!((planned.stdout + &planned.stderr).matches("serverinfo").count(), 1);

    // By hand it is another one, which the plan may not show.
    let admin = project.admin();
    // The list of its mappers leaves out those that are not installed.
    let path = format!("clients/{}", admin.client("shop"));
    let mut client = admin.get(&path);
    assert_eq!(client["protocolMappers"][0]["config"]["acme.value"], SECRET);
    client["protocolMappers"][0]["config"]["acme.value"] = "by hand".into();
    admin.put(&path, &client);
    for arguments in [&["plan", "--verbose"][..], &["plan", "--format", "json"]] {
        let planned = project.run(arguments).stdout;
        assert!(planned.contains("acme.value") && !planned.contains("by hand"), "{planned}");
    }
    let imported = tempfile::tempdir().unwrap();
    let folder = imported.path().join("realms").to_str().unwrap().to_owned();
    let output = project.run(&["import", &project.realm, "--layout", "single", "--project", &folder]);
    assert_eq!(output.status, 0, "{}\n{}", output.stdout, output.stderr);
    let written = std::fs::read_to_string(format!("{folder}/{}/realm.toml", project.realm)).unwrap();
    assert!(written.contains("\"acme.value\" = { keep = true }") && !written.contains("by hand"), "{written}");
}

/// The server with a mapper that is not installed there.
async fn describing() -> Server {
    changing(&access().http_url, "/admin/serverinfo", |info| {
        let properties = json!([{ "name": "acme.mode" }, { "name": "acme.value", "secret": true }]);
        let mapper = json!({ "id": "acme-mapper", "properties": properties });
        info["componentTypes"]["org.keycloak.protocol.ProtocolMapper"].as_array_mut().unwrap().push(mapper);
    })
    .await
}

/// The ids of the reCAPTCHA execution of the built-in flow, and of its configuration.
fn recaptcha(project: &Project) -> (String, String) {
    let path = "authentication/flows/registration/executions";
    let execution = project.admin().find(path, "providerId", "registration-recaptcha-action");
    let text = |field: &str| execution[field].as_str().unwrap_or_default().to_owned();
    (text("id"), text("authenticationConfig"))
}
