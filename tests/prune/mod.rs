//! What somebody did by hand, and what becomes of it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;

use crate::support::access;
use crate::support::admin::Admin;
use crate::support::project::Project;

/// A role of every kind of object, some of which leave the file later.
const DECLARED: &str = "displayName = \"ACME\"\n\
    [roles.auditor]\ndescription = \"Looks\"\n[clients.shop]\nname = \"Shop\"\n[groups.\"/staff\"]\n[clientScopes.tenant]\n";

#[test]
fn changes_by_hand_are_planned_back_and_explained() {
    let project = Project::in_git("drift");
    project.write_realm(DECLARED);
    project.commit("Declare");
    project.apply();
    let admin = project.admin();
    assert_eq!(project.changes(), [""; 0]);

    project.write_realm(&DECLARED.replace("Shop", "Store"));
    project.commit("Edit");
    assert_eq!(project.changes(), ["update clients/shop: name (edit)"]);
    admin.put("roles/auditor", &json!({"name": "auditor", "description": "By hand"}));
    admin.put(&format!("clients/{}", admin.client("shop")), &json!({"clientId": "shop", "name": "By hand"}));
    assert_eq!(project.changes(), ["update clients/shop: name (both)", "update roles/auditor: description (drift)"]);
    let plan = project.plan();
    let field = &plan["realms"]["drift"]["changes"][0]["fields"][0];
    let sides = (&field["base"]["value"], &field["before"]["value"], &field["after"]["value"]);
    assert_eq!(sides, (&json!("Shop"), &json!("By hand"), &json!("Store")));
    let text = project.run(&["plan"]).stdout;
    assert!(text.contains("\"Shop\"") && text.contains("\"By hand\"") && text.contains("\"Store\""), "{text}");
    project.apply();
    assert_eq!(admin.get("roles/auditor")["description"], "Looks");

    // An object that somebody deleted is made again.
    admin.delete("roles/auditor");
    assert_eq!(project.changes(), ["create roles/auditor: description (drift)"]);
    project.apply();
}

#[test]
fn a_secret_changed_on_the_server_is_seen_and_set_back() {
    let mut project = Project::new("secrets");
    let toml = "[clients.shop]\nsecret = { env = \"SECRET\" }\n[identityProviders.up]\nproviderId = \"github\"\n\
                config = { clientId = \"x\", clientSecret = { env = \"SECRET\" } }\n\
                [smtpServer]\nhost = \"a.example\"\nfrom = \"a@a.example\"\nauth = true\nuser = \"a\"\npassword = { env = \"SECRET\" }\n";
    project.write_realm(toml);
    project.set("SECRET", "the-first");
    project.apply();
    let admin = project.admin();
    let id = admin.client("shop");
    admin.put(&format!("clients/{id}"), &json!({"clientId": "shop", "secret": "by-hand"}));
    let changes = project.changes();
    assert!(changes.len() == 1 && changes[0].starts_with("update clients/shop: secret"), "{changes:?}");
    project.apply();
    assert_eq!(admin.get(&format!("clients/{id}"))["secret"], "the-first");

    project.set("SECRET", "the-second");
    let changes: Vec<String> = project.changes().iter().map(|it| it.split(" (").next().unwrap().to_owned()).collect();
    assert_eq!(
        changes,
        [
            "update : smtpServer.password",
            "update clients/shop: secret",
            "update identityProviders/up: config.clientSecret"
        ]
    );
    let output = project.apply();
    assert_eq!(admin.get(&format!("clients/{id}"))["secret"], "the-second");
    assert!(!format!("{output:?}").contains("the-second"));
}

/// The server shows the secret to nobody but the provider's token endpoint, so that is what the test listens at.
#[test]
fn a_provider_keeps_its_secret_when_something_else_changes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut project = Project::new("broker");
    project.set("SECRET", "the-secret");
    let provider = |scope: &str| {
        format!(
            "[clients.shop]\npublicClient = true\nredirectUris = [\"https://shop.example/*\"]\n\
             [identityProviders.up]\nproviderId = \"oidc\"\n[identityProviders.up.config]\nclientId = \"x\"\n\
             clientSecret = {{ env = \"SECRET\" }}\nclientAuthMethod = \"client_secret_post\"\n\
             authorizationUrl = \"https://up.example/a\"\ntokenUrl = \"http://127.0.0.1:{port}/t\"\ndefaultScope = \"{scope}\"\n"
        )
    };
    project.write_realm(&provider("openid"));
    project.apply();
    project.write_realm(&provider("openid email"));
    assert_eq!(project.changes(), ["update identityProviders/up: config.defaultScope (unexplained)"]);
    project.apply();
    let heard = std::thread::spawn(move || hear(&listener));
    sign_in_by_provider(&project.admin());
    let form = heard.join().unwrap();
    assert!(form.contains("client_secret=the-secret"), "{form}");
}

/// One request's body.
fn hear(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&heard).contains("client_secret=the-secret") {
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => heard.extend_from_slice(&buffer[..length]),
            _ => break,
        }
    }
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").unwrap();
    String::from_utf8_lossy(&heard).into_owned()
}

/// A browser that comes back from the provider with a code.
fn sign_in_by_provider(admin: &Admin) {
    let realm = format!("{}/realms/{}", access().http_url, admin.realm);
    let start = format!(
        "{realm}/protocol/openid-connect/auth?client_id=shop&response_type=code&scope=openid&kc_idp_hint=up\
         &redirect_uri=https%3A%2F%2Fshop.example%2F"
    );
    let (to_broker, cookies) = admin.visit(&start, "");
    let (to_provider, _) = admin.visit(&to_broker, &cookies);
    let state = to_provider.split(['?', '&']).find_map(|part| part.strip_prefix("state=")).unwrap();
    admin.visit(&format!("{realm}/broker/up/endpoint?state={state}&code=any"), &cookies);
}

#[test]
fn what_is_made_by_hand_goes_only_where_the_files_say_so() {
    let project = Project::new("sweep");
    project.write_realm(DECLARED);
    project.apply();
    let admin = project.admin();
    for name in ["one", "two", "three"] {
        admin.post("roles", &json!({"name": name}));
        admin.post("clients", &json!({"clientId": name}));
    }
    admin.post("groups", &json!({"name": "hand"}));
    admin.post("client-scopes", &json!({"name": "hand", "protocol": "openid-connect"}));
    admin.post(&format!("clients/{}/roles", admin.client("shop")), &json!({"name": "by-hand"}));
    project.assert_empty_plan();

    // What left the file goes, and nothing else does.
    project.write_realm(&DECLARED.replace("[clientScopes.tenant]\n", ""));
    assert_eq!(project.changes(), ["delete clientScopes/tenant"]);
    project.apply();

    // One collection: its hand-made objects, not those that every realm has.
    let swept = format!("prune.roles = \"all\"\n{DECLARED}");
    project.write_realm(&swept);
    let changes = project.changes();
    assert_eq!(changes, ["create clientScopes/tenant", "delete roles/one", "delete roles/three", "delete roles/two"]);
    project.apply_with(&["--allow-many-deletes"]);
    assert_eq!((admin.status("roles/one"), admin.status("roles/offline_access")), (404, 200));

    // Everything: refused beyond the delete limit, until somebody allows it.
    project.write_realm(&format!("prune = \"all\"\n{DECLARED}"));
    project.write("realmform.toml", "name = \"sweep\"\n[policy]\ndeleteLimit = 1\n");
    let refused = project.run(&["apply", "--yes"]);
    assert_eq!(refused.status, 4, "{}\n{}", refused.stdout, refused.stderr);
    assert_eq!(admin.get("clients?clientId=one")[0]["clientId"], "one");
    project.apply_with(&["--allow-many-deletes"]);
    assert_eq!(admin.get("clients?clientId=one"), json!([]));
    assert_eq!(admin.get(&format!("clients/{}/roles", admin.client("shop"))), json!([]));
    for client in ["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"] {
        admin.client(client);
    }
    assert_eq!(admin.status("roles/default-roles-sweep"), 200);
    assert_eq!(admin.get("groups").as_array().unwrap().len(), 1);
    // Neither is the project's own record swept.
    admin.client("realmform:sweep");

    // Nothing is deleted, and what left the file is forgotten.
    project.write_realm("prune = \"none\"\n");
    assert_eq!(project.changes(), [""; 0]);
    project.apply();
    project.write_realm("");
    assert_eq!(project.changes(), [""; 0]);
    assert_eq!((admin.status("roles/auditor"), admin.get("")["displayName"].clone()), (200, json!("ACME")));
}
