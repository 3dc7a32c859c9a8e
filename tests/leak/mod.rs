//! No secret leaves: not through any output, log level, record, error, argument, saved file or `Debug`.

mod places;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use futures_util::FutureExt as _;
use realmform::desired::SecretSources;
use realmform::keycloak::{Connection, Credentials, Leaf};
use realmform::model::{LiveValue, SecretRef};
use realmform::secrets::{Redactor, Resolver};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::proxy::{Reply, Request, Server};
use crate::support::run::{Project, Ran, admin, admin_password, client};
use crate::support::server;

/// A value that every encoding changes.
fn secret(name: &str) -> String {
    format!("{name}-s3cr3t \"ü/+&<%>\\")
}

/// Where the files name a secret, and by which variable.
const NAMES: &[&str] = &["CLIENT", "PROVIDER", "MAIL", "MAPPER", "ATTRIBUTE", "BIND", "SEED", "RECAPTCHA"];

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves() {
    let mut project = NAMES.iter().fold(Project::new("leak"), |it, name| it.env(name, secret(name)));
    let vault = quoting_vault().await;
    project = project.env("VAULT_ADDR", vault.url()).env("VAULT_TOKEN", VAULT_TOKEN);
    project.write("secret.txt", &secret("FILE"));
    project.write("printed.txt", &secret("PRINTED"));
    project.write(
        "realmform.toml",
        "name = \"leak\"\n[secrets.provider.print]\ncommand = [\"cat\", \"{}\"]\n\
         [outputs.made]\nof = \"leak/clients/made\"\nenv = {}\nfile = \".made.env\"\n\
         [outputs.vaulted]\nof = \"leak/clients/made\"\nenv = {}\nvault = \"kv/out\"\n\
         [outputs.token]\nof = \"leak/clients/made\"\njson = { token = \"{{ client.registrationAccessToken }}\" }\n\
         directory = \".token\"\nvault = \"kv/out\"\n\
         [outputs.clients]\nof = \"leak\"\ntemplate = \"{{ clients }}\"\n\
         [outputs.shop]\nof = \"leak/clients/shop\"\ntemplate = \"{{ client.secret }} of {{ client }}\"\n",
    );
    declare(&project, "one");
    let mut texts = vec![("debug".to_owned(), debugged())];
    let mut hunted: Vec<String> = NAMES.iter().copied().chain(["FILE", "PRINTED", "VAULT"]).map(secret).collect();
    hunted.extend([admin_password(), VAULT_TOKEN.to_owned()]);

    let commands: &[&[&str]] = &[
        &["check"],
        &["plan", "--verbose", "--requests"],
        &["plan", "--format", "json"],
        &["plan", "--out", "new.plan"],
        &["show", "new.plan", "--verbose"],
        &["apply", "--yes", "--verbose"],
        &["apply", "new.plan"],
        &["plan", "--verbose"],
        &["plan", "--format", "json", "--explain", "--report", "markdown=plan.md", "--report", "text=plan.txt"],
        &["show", "new.plan", "--report", "json=show.json", "--report", "markdown=show.md"],
        &["drift", "--report", "json=drift.json", "--report", "markdown=drift.md"],
        &["drift", "--format", "json"],
        &["explain", "leak/clients/shop", "--all"],
        &["explain", "leak/users/root", "--all", "--format", "json"],
        &["explain", "leak/clients/made", "--all"],
        &["plan", "--rotate", "leak/clients/made", "--verbose", "--out", "rotate.plan"],
        &["apply", "rotate.plan", "--verbose"],
        &["output"],
        &["output", "made"],
        &["output", "shop"],
        &["output", "token"],
        &["output", "clients"],
        &["output", "--write"],
    ];
    for command in commands {
        texts.push((command.join(" "), run(&project, command).await));
        hunted.extend(made().await);
        hunted.extend(std::fs::read_to_string(project.folder().join(".token/token")));
    }
    assert!(hunted.iter().any(|hunted| hunted.starts_with("eyJ")), "a token was issued");
    let made = made().await.unwrap();
    assert_eq!(made.len(), 40);
    let handed = std::fs::read_to_string(project.folder().join(".made.env")).unwrap();
    assert!(handed.contains(&format!("OIDC_CLIENT_SECRET={made}\n")), "what is meant to be handed over is");
    assert!(texts.iter().any(|(_, text)| text.contains("may write {")), "what is handed over was refused and quoted");
    // A vault that refuses, and says to whom.
    project.write("leak/refused.toml", "[clients.refused]\nsecret = { vault = \"refused/app#password\" }\n");
    texts.push(("refused".to_owned(), run(&project, &["plan"]).await));
    std::fs::remove_file(project.folder().join("leak/refused.toml")).unwrap();
    texts.push(("record".to_owned(), record("leak").await));
    hunted.extend(secrets_by_hand().await);
    texts.extend(imported(&project).await);

    // A server that answers every write with an error that quotes it, and every sign-in once.
    declare(&project, "two");
    texts.push(("changed".to_owned(), run(&project, &["plan", "--out", "changed.plan"]).await));
    texts.push(("drift".to_owned(), run(&project, &["drift", "--format", "markdown"]).await));
    run(&project, &["plan", "--verbose", "--report", "json=plan.json", "--report", "markdown=changed.md"]).await;
    for file in [
        "new.plan",
        "changed.plan",
        "rotate.plan",
        "plan.md",
        "plan.txt",
        "plan.json",
        "changed.md",
        "show.json",
        "show.md",
        "drift.json",
        "drift.md",
    ] {
        texts.push((file.to_owned(), std::fs::read_to_string(project.folder().join(file)).unwrap()));
    }
    assert!(texts.iter().any(|(_, text)| text.contains("\"fingerprint\": \"a1:")), "a plan is saved with secrets");
    let (quoting, quoted) = quoting_server().await;
    project.through(&quoting.url());
    for _ in 0..2 {
        texts.push(("quoted".to_owned(), run(&project, &["apply", "--yes"]).await));
        texts.push(("quoted plan".to_owned(), run(&project, &["apply", "changed.plan"]).await));
    }
    let quoted = std::mem::take(&mut *quoted.lock().unwrap());
    hunted.extend(quoted.tokens);
    assert!(quoted.bodies.contains("MAPPER-s3cr3t"), "{}", quoted.bodies);
    assert!(quoted.bodies.contains("SEED-s3cr3t"), "{}", quoted.bodies);

    // Other ways to sign in.
    project.through(server().http_url());
    for (variable, value) in
        [("KEYCLOAK_ACCESS_TOKEN", "not.a.token-s3cr3t"), ("KEYCLOAK_CLIENT_SECRET", "s3cr3t-of-a-client")]
    {
        let id = if variable.contains("CLIENT") { "admin-rest" } else { "" };
        let other = project
            .command(&["plan", "--log", "trace"])
            .env("KEYCLOAK_USER", "")
            .env("KEYCLOAK_CLIENT_ID", id)
            .env(variable, value)
            .output();
        texts.push((variable.to_owned(), format!("{:?}", Ran::from(other.unwrap()))));
        hunted.push(value.to_owned());
    }
    for (source, text) in &texts {
        for secret in &hunted {
            for form in forms(secret) {
                assert!(!text.contains(&form), "{source} holds {form:?}:\n{text}");
            }
        }
    }
    assert!(texts.iter().any(|(_, text)| text.contains("(secret)")), "nothing was ever quoted");
}

/// What the server shows of clients that nobody declared: the keys that it makes for SAML, and a secret that was rotated.
async fn secrets_by_hand() -> [String; 3] {
    let http = admin().await;
    let saml = json!({ "saml.client.signature": "true", "saml.encrypt": "true" });
    let saml = json!({ "clientId": "sp", "protocol": "saml", "attributes": saml });
    http.post("/leak/clients", &saml).await.unwrap();
    let sp = client(&http, "leak", "sp").await.unwrap();
    let key = |use_of: &str| sp["attributes"][format!("saml.{use_of}.private.key")].as_str().map(str::to_owned);
    let rotated = secret("ROTATED");
    let attributes = json!({ "client.secret.rotated": rotated, "saml.encryption.private.key": secret("KEY") });
    http.post("/leak/clients", &json!({ "clientId": "rotated", "attributes": attributes })).await.unwrap();
    [rotated, secret("KEY"), key("signing").unwrap()]
}

/// What an import says and writes, but for the file that is made for secrets. Only the project itself knows of secrets
/// where others have none.
async fn imported(project: &Project) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for (folder, secrets) in
        [("keep", &[][..]), ("env", &["--secrets", "env"]), ("to", &["--secrets-to", "secrets.env"])]
    {
        project.write(&format!("{folder}/realmform.toml"), "name = \"leak\"\n");
        let command = [&["import", "leak", "--project", folder], secrets].concat();
        texts.push((command.join(" "), run(project, &command).await));
        let files = walkdir::WalkDir::new(project.folder().join(folder).join("leak")).sort_by_file_name();
        let files = files.into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        let realm: String = files.map(|entry| std::fs::read_to_string(entry.path()).unwrap()).collect();
        assert!(realm.contains("hidden = {"), "{realm}");
        texts.push((format!("files of {folder}"), realm));
        std::fs::remove_dir_all(project.folder().join(folder)).unwrap();
    }
    let secrets = std::fs::read_to_string(project.folder().join("secrets.env")).unwrap();
    assert!(secrets.contains("LEAK_SHOP_SECRET='CLIENT-s3cr3t"), "{secrets}");
    texts
}

/// Files take over what somebody changed on the server: not the secrets, also where nobody else would look for one.
#[test]
fn no_secret_is_adopted() {
    let mut project = crate::support::project::Project::in_git("leak-adopt");
    for name in ["CLIENT", "ATTRIBUTE", "MAPPER"] {
        project.set(name, &secret(name));
    }
    project.write_realm(
        "[clients.shop]\nname = \"Shop\"\nbaseUrl = \"/\"\nsecret = { env = \"CLIENT\" }\nattributes.hidden = { env = \"ATTRIBUTE\" }\n\
         [clients.shop.protocolMappers.key]\nprotocolMapper = \"oidc-hardcoded-claim-mapper\"\n\
         config = { \"claim.name\" = \"key\", \"claim.value\" = { env = \"MAPPER\" } }\n",
    );
    project.commit("Applied");
    project.apply();
    let admin = project.admin();
    let shop = admin.client("shop");
    // The name repeats a secret of the files.
    let by_hand = json!({"clientId": "shop", "name": format!("x {}", secret("MAPPER")), "baseUrl": "/by-hand",
        "secret": secret("DRIFTED"), "attributes": {"hidden": secret("DRIFTED")}});
    admin.put(&format!("clients/{shop}"), &by_hand);
    let mappers = format!("clients/{shop}/protocol-mappers/models");
    let mut mapper = admin.find(&mappers, "name", "key");
    mapper["config"]["claim.value"] = secret("DRIFTED").into();
    admin.put(&format!("{mappers}/{}", mapper["id"].as_str().unwrap()), &mapper);

    let told = project.run(&["drift", "--adopt", "--format", "json", "--log", "trace"]);
    assert_eq!(told.status, 2, "{}", told.stderr);
    let file = std::fs::read_to_string(project.folder().join("leak-adopt/realm.toml")).unwrap();
    assert!(file.contains("baseUrl = \"/by-hand\"") && file.contains("name = \"Shop\""), "{file}");
    assert_eq!(told.stderr.matches("a secret is never written").count(), 4, "{}", told.stderr);
    for secret in ["CLIENT", "ATTRIBUTE", "MAPPER", "DRIFTED"].map(secret) {
        for form in forms(&secret) {
            assert!(!file.contains(&form) && !told.stderr.contains(&form), "{form:?} is in\n{}\n{file}", told.stderr);
            // The report shows the field that nobody calls a secret.
            assert!(!told.stdout.contains(&form) || secret.starts_with("MAPPER"), "{form:?} is in\n{}", told.stdout);
        }
    }
}

/// Only our own targets are ever logged: other crates log headers and bodies.
#[test]
fn the_log_takes_levels_and_no_targets() {
    let project = Project::elsewhere("leak-log", "http://127.0.0.1:1");
    let ran = project.run(&["check", "--log", "hyper=trace"]);
    assert_eq!(ran.code, Some(2 * 32), "{ran:?}");
    assert!(ran.stderr.contains("possible values: error, warn, info, debug, trace"), "{ran:?}");
}

/// Everything that the program says at log level trace, and its arguments, which every user of the machine can read.
async fn run(project: &Project, command: &[&str]) -> String {
    let child = project.spawn(&[command, &["--log", "trace"]].concat());
    let arguments = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap_or_default();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    format!("{:?}\n{}", Ran::from(output), String::from_utf8_lossy(&arguments))
}

fn declare(project: &Project, label: &str) {
    // Users are not deleted without consent, so that a new one only comes.
    let late = if label == "one" { "" } else { "[users.late]\npassword = { env = \"SEED\" }\n" };
    project.write_realm(&format!(
        r#"displayName = "{label}"
attributes.token = {{ env = "ATTRIBUTE" }}
smtpServer = {{ host = "{label}.example", from = "a@b.example", auth = true, user = "u", password = {{ env = "MAIL" }} }}
[identityProviders.oidc]
providerId = "oidc"
displayName = "{label}"
config = {{ authorizationUrl = "https://i.example/a", tokenUrl = "https://i.example/t", clientId = "x", clientSecret = {{ env = "PROVIDER" }} }}
[userFederation.ldap]
providerId = "ldap"
config = {{ editMode = "READ_ONLY", enabled = false, usernameLDAPAttribute = "{label}", rdnLDAPAttribute = "uid", bindCredential = {{ env = "BIND" }} }}
[authenticationFlows.sign-up]
executions = [{{ flow = "sign-up form", authenticator = "registration-page-form", requirement = "REQUIRED", executions = [
  {{ authenticator = "registration-recaptcha-action", requirement = "REQUIRED", config = {{ action = "{label}", "secret.key" = {{ env = "RECAPTCHA" }} }} }},
] }}]
[clients.shop]
name = "{label}"
secret = {{ env = "CLIENT" }}
attributes.hidden = {{ file = "secret.txt" }}
[clients.shop.protocolMappers.key]
protocolMapper = "oidc-hardcoded-claim-mapper"
config = {{ "claim.name" = "{label}", "claim.value" = {{ env = "MAPPER" }} }}
[users.root]
lastName = "{label}"
password = {{ env = "SEED" }}
[clients.new-{label}]
secret = {{ env = "CLIENT" }}
[clients.vaulted-{label}]
secret = {{ vault = "kv/app#password" }}
[clients.printed-{label}]
secret = {{ print = "printed.txt" }}
[clients.made]
name = "{label}"
secret = {{ generate = {{}} }}
{late}"#
    ));
}

/// The record of a realm, unpacked.
async fn record(realm: &str) -> String {
    let record = client(&admin().await, realm, &format!("realmform:{realm}")).await.unwrap();
    let packed = STANDARD_NO_PAD.decode(record["attributes"]["realmform.record"].as_str().unwrap()).unwrap();
    let mut text = record["description"].to_string();
    flate2::read::DeflateDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    assert!(text.contains("\"a1:"), "{text}");
    text
}

/// The secret that the server has of the client whose secret is generated.
async fn made() -> Option<String> {
    Some(client(&admin().await, "leak", "made").await?["secret"].as_str()?.to_owned())
}

const VAULT_TOKEN: &str = "hvs.s3cr3t-token-of-the-vault";

/// A vault with one secret, which answers everything else with an error that quotes the token.
async fn quoting_vault() -> Server {
    let answer = |request: Request| {
        let token = request.header("x-vault-token").unwrap_or_default().to_owned();
        let path = request.path.trim_start_matches("/v1/");
        match path {
            "sys/internal/ui/mounts/kv/app" | "sys/internal/ui/mounts/kv/out" => {
                let mount = json!({ "path": "kv/", "options": { "version": "2" } });
                Reply::json(200, &json!({ "data": mount }))
            }
            "kv/data/app" if token == VAULT_TOKEN => Reply::json(
                200,
                &json!({ "data": { "data": { "password": secret("VAULT"), "other": secret("FILE") } } }),
            ),
            "kv/data/out" if request.method == "GET" => Reply::json(404, &json!({ "errors": [] })),
            "kv/data/out" => {
                let body = String::from_utf8_lossy(&request.body);
                Reply::json(403, &json!({ "errors": [format!("no {token} may write {body}")] }))
            }
            _ => Reply::json(403, &json!({ "errors": [format!("no {token}: {path}")] })),
        }
    };
    Server::start(None, move |request| async move { answer(request) }.boxed()).await
}

/// The ways in which a value may be written.
fn forms(secret: &str) -> Vec<String> {
    let json = json!(secret).to_string();
    let percent = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
    let mut forms = vec![secret.to_owned(), json.trim_matches('"').to_owned(), percent, format!("{secret:?}")];
    // Within a longer text base64 looks different, but for its beginning.
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        forms.push(engine.encode(secret));
    }
    forms
}

/// What a panic or a log line might print of the values that hold secrets.
fn debugged() -> String {
    let value = || SecretString::from(secret("CLIENT"));
    let reference = SecretRef::Env("CLIENT".into());
    let secrets: BTreeMap<SecretRef, SecretString> = [(reference.clone(), value())].into();
    let password = Credentials::Password {
        client_id: "c".into(),
        client_secret: Some(value()),
        user: "u".into(),
        password: value(),
    };
    let connection = Connection::new("http://h", password);
    let sources = SecretSources::default();
    let resolver = Resolver::new(".", &sources).with_env(|_| Some(secret("CLIENT").into()));
    format!(
        "{secrets:?} {connection:?} {:?} {:?} {:?} {:?} {:?} {resolver:?} {:?}",
        Credentials::Client { id: "c".into(), secret: value() },
        Credentials::Token(value()),
        LiveValue::Secret(value()),
        Leaf::Secret(value()),
        Redactor::new([&value()]),
        server(),
    )
}

/// What the quoting server saw.
#[derive(Default)]
struct Seen {
    tokens: Vec<String>,
    bodies: String,
}

/// Passes reads on, and answers writes with an error that quotes the request whole.
async fn quoting_server() -> (Server, std::sync::Arc<Mutex<Seen>>) {
    let seen = std::sync::Arc::new(Mutex::new(Seen::default()));
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let noted = std::sync::Arc::clone(&seen);
    let server = Server::start(None, move |request| {
        let (client, seen) = (client.clone(), std::sync::Arc::clone(&noted));
        async move {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let authorization = request.header("authorization").unwrap_or_default().to_owned();
            // The record and the lock are let through, so that the run gets to its steps.
            let is_ledger = body.contains("realmform.record") || request.path.contains("/roles");
            let is_write = request.method != "GET" && request.path.starts_with("/admin") && !is_ledger;
            if is_write {
                let mut seen = seen.lock().unwrap();
                seen.bodies.push_str(&body);
                seen.tokens.push(authorization.trim_start_matches("Bearer ").to_owned());
                // A 500 is tried again, and the log says why.
                let status = if request.method == "PUT" { 500 } else { 400 };
                return Reply::json(status, &json!({ "errorMessage": format!("{body} {authorization}") }));
            }
            let url = format!("{}{}", server().http_url(), request.path);
            let mut forward = client.request(request.method.parse().unwrap(), url).body(request.body.clone());
            for name in ["authorization", "content-type"] {
                forward = request.header(name).into_iter().fold(forward, |it, value| it.header(name, value));
            }
            let answer = forward.send().await.unwrap();
            let status = answer.status().as_u16();
            Reply::json(status, &answer.json::<Value>().await.unwrap_or_default())
        }
        .boxed()
    });
    (server.await, seen)
}
