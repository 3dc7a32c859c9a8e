//! Secrets that realmform makes: once, and then they are the server's.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::admin::Admin;
use crate::support::project::Project;

/// A secret that the server reveals, two that it hides, and one that it has only a hash of.
const REALM: &str = r#"
[clients.shop]
secret = { generate = {} }
[clients.till]
secret = { generate = { length = 64 } }
[identityProviders.up]
providerId = "github"
config = { clientId = "x", clientSecret = { generate = {} } }
[smtpServer]
host = "a.example"
from = "a@a.example"
auth = true
user = "a"
password = { generate = {} }
[users.robot]
password = { generate = {} }
"#;

/// Applying an unchanged project so many times changes nothing.
const TIMES: usize = 100;

#[test]
fn what_is_generated_stays() {
    let project = Project::new("generated");
    project.write_realm(REALM);
    let plan = project.run(&["plan"]);
    assert!(plan.stdout.contains("(secret, generated, 40 characters)"), "{plan:?}");
    project.apply();
    let admin = project.admin();
    let made = Made::of(&admin);
    assert_eq!([made.shop.len(), made.till.len()], [40, 64]);
    assert_ne!(made.shop, made.till[..40]);
    assert_eq!(made.hidden, ["**********", "**********"]);

    for _ in 0..TIMES {
        let ran = project.run(&["apply", "--yes"]);
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    assert_eq!(Made::of(&admin), made);

    // Another length is for the next one; another machine has nothing but the files.
    let elsewhere = Project::beside("generated");
    elsewhere.write_realm(&REALM.replace("{ length = 64 }", "{ length = 20 }"));
    elsewhere.assert_empty_plan();
    elsewhere.apply();
    assert_eq!(Made::of(&admin), made);

    // Nobody knows any more what was applied.
    admin.delete(&format!("clients/{}", admin.client("realmform:generated")));
    let changes = project.changes();
    assert_eq!(changes, [""; 0]);
    project.apply();
    assert_eq!(Made::of(&admin), made);

    // Whoever makes another one by hand has the say: it is the server's.
    admin.post(&format!("clients/{}/client-secret", admin.client("shop")), &json!({}));
    project.assert_empty_plan();
}

#[test]
fn a_generated_secret_is_made_anew_when_asked_for() {
    let project = Project::new("rotated");
    project.write_realm(REALM);
    project.apply();
    let admin = project.admin();
    let made = Made::of(&admin);

    let plan = project.run(&["plan", "--rotate", "rotated/clients/shop", "--format", "json"]);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let changes = plan["realms"]["rotated"]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{plan:#}");
    assert_eq!(changes[0]["fields"][0]["after"]["secret"]["generate"]["length"], 40);
    project.apply_with(&["--rotate", "rotated/clients/shop"]);
    let rotated = Made::of(&admin);
    assert_ne!(rotated.shop, made.shop);
    assert_eq!(Made { shop: made.shop.clone(), ..rotated.clone() }, made);

    // By its field; hidden ones, too, and by a plan that was saved.
    let hidden =
        ["rotated/identityProviders/up.config.clientSecret", "rotated.smtpServer.password", "rotated/users/robot"];
    let options = hidden.iter().flat_map(|it| ["--rotate", it]).collect::<Vec<_>>();
    let saved = project.run(&[&["plan", "--out", "rotate.plan"], &*options].concat());
    assert!(saved.stdout.contains("0 to create, 3 to update"), "{saved:?}");
    let applied = project.run(&["apply", "rotate.plan"]);
    assert_eq!(applied.status, 0, "{applied:?}");
    project.assert_empty_plan();
    let last = Made::of(&admin);
    assert_ne!(last.password, made.password);
    assert_eq!(Made { password: made.password.clone(), ..last }, Made { shop: rotated.shop, ..made.clone() });

    // A name may begin like another one, and hold a dot.
    project.write_realm(&format!("{REALM}[clients.\"shop.eu\"]\nsecret = {{ generate = {{}} }}\n"));
    project.apply();
    let changes = |address: &str| {
        let plan = project.run(&["plan", "--rotate", address, "--format", "json"]);
        let plan: Value = serde_json::from_str(&plan.stdout).unwrap_or_else(|_| panic!("{plan:?}"));
        let changes = plan["realms"]["rotated"]["changes"].as_array().unwrap().clone();
        changes.into_iter().map(|change| change["address"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(changes("rotated/clients/shop"), ["rotated/clients/shop"]);
    assert_eq!(changes("rotated/clients/shop.secret"), ["rotated/clients/shop"]);
    assert_eq!(changes("rotated/clients/shop.eu"), ["rotated/clients/shop.eu"]);

    for (address, expected) in
        [("rotated/clients/none", 64), ("rotated/clients/sho", 64), ("rotated/clients/shop.name", 64)]
    {
        let ran = project.run(&["plan", "--rotate", address]);
        assert_eq!(ran.status, expected, "{ran:?}");
        assert!(ran.stderr.contains("the files have no { generate = … } there"), "{ran:?}");
    }
}

/// A reference may become a generated secret, and the other way round; what is there counts.
#[test]
fn a_secret_that_is_there_is_taken_over() {
    let mut project = Project::new("taken-over");
    project.set("SECRET", "the-one-of-before");
    let client = |secret: &str| format!("[clients.shop]\nsecret = {{ {secret} }}\n");
    project.write_realm(&client("env = \"SECRET\""));
    project.apply();
    project.write_realm(&client("generate = {}"));
    project.assert_empty_plan();
    project.apply();
    let admin = project.admin();
    assert_eq!(secret(&admin, "shop"), "the-one-of-before");
    project.write_realm(&client("env = \"SECRET\""));
    project.assert_empty_plan();

    // A client that somebody deleted gets a new one, and a renamed one keeps its own.
    project.write_realm(&client("generate = {}"));
    admin.delete(&format!("clients/{}", admin.client("shop")));
    project.apply();
    let new = secret(&admin, "shop");
    assert!(new.len() == 40 && new != "the-one-of-before", "{new}");
    project.write_realm("[clients.store]\nlifecycle.renamedFrom = \"shop\"\nsecret = { generate = {} }\n");
    assert_eq!(project.changes(), ["rename clients/store"]);
    project.apply();
    assert_eq!(secret(&admin, "store"), new);
}

/// What Keycloak looks up in its own vault is no secret, and is shown where others are masked.
#[test]
fn an_expression_of_keycloaks_vault_passes_through() {
    let mut project = Project::new("vault-expression");
    project.set("SECRET", "in-between");
    let provider = |secret: &str| {
        format!(
            "[identityProviders.up]\nproviderId = \"github\"\nconfig = {{ clientId = \"x\", clientSecret = {secret} }}\n"
        )
    };
    project.write_realm(&provider("\"${vault.github}\""));
    project.apply();
    let config = || project.admin().get("identity-provider/instances/up")["config"]["clientSecret"].clone();
    assert_eq!(config(), "${vault.github}");
    project.write_realm(&provider("{ env = \"SECRET\" }"));
    assert_eq!(project.changes(), ["update identityProviders/up: config.clientSecret (unexplained)"]);
    project.apply();
    assert_eq!(config(), "**********");
    project.write_realm(&provider("\"${vault.github-2}\""));
    project.apply();
    assert_eq!(config(), "${vault.github-2}");

    // An import finds it, and a text that only looks like one is none.
    let imported = tempfile::TempDir::new().unwrap();
    let folder = imported.path().to_str().unwrap();
    let ran = project.run(&["import", "vault-expression", "--project", folder]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let file = std::fs::read_to_string(imported.path().join("vault-expression/realm.toml")).unwrap();
    assert!(file.contains("clientSecret = \"${vault.github-2}\""), "{file}");
    project.write_realm(&provider("\"${vault.}\""));
    assert!(project.run(&["check"]).stderr.contains("it is written as a reference, never as text"));
}

/// What the server has of the generated secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    shop: String,
    till: String,
    /// As it masks them.
    hidden: [Value; 2],
    /// Passwords of the user: when each was made, and which it is.
    password: BTreeSet<String>,
}

impl Made {
    fn of(admin: &Admin) -> Self {
        let provider = admin.get("identity-provider/instances/up");
        let robot = admin.id("users?username=robot&exact=true", "username", "robot");
        let credentials = admin.get(&format!("users/{robot}/credentials"));
        let password = |it: &Value| format!("{} {}", it["createdDate"], it["id"]);
        Self {
            shop: secret(admin, "shop"),
            till: secret(admin, "till"),
            hidden: [provider["config"]["clientSecret"].clone(), admin.get("")["smtpServer"]["password"].clone()],
            password: credentials.as_array().unwrap().iter().map(password).collect(),
        }
    }
}

fn secret(admin: &Admin, client: &str) -> String {
    admin.get(&format!("clients/{}/client-secret", admin.client(client)))["value"].as_str().unwrap().to_owned()
}
