//! `examples/organisation-mesh`, as its README tells it: organisations apply, one joins, one gets a workspace, one goes.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use yaml_rust2::{Yaml, YamlLoader};

use crate::examples::copied;
use crate::support::admin::{Admin, claims};
use crate::support::program::{Program, stdout};
use crate::support::{access, is_26_0};

const REALMS: [&str; 3] = ["mesh-acme", "mesh-globex", "mesh-initech"];

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/organisation-mesh")
}

/// The command of the example's README that says so, the first one of several.
fn command(of: &str) -> String {
    let readme = std::fs::read_to_string(example().join("README.md")).unwrap();
    let blocks = readme.split("\n```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let found = blocks.flat_map(str::lines).find(|line| line.contains(of)).unwrap_or_else(|| panic!("{of}"));
    found.replace("realmform apply", "realmform apply --yes")
}

/// A copy of the example, and what was handed over of it.
struct Mesh {
    folder: PathBuf,
    program: Program,
}

impl Mesh {
    #[track_caller]
    fn run(&self, command: &str) -> String {
        let outcome = self.program.shell(command);
        assert!(outcome.starts_with("status: 0\n"), "{command}: {outcome}");
        outcome
    }

    #[track_caller]
    fn nothing_is_left(&self) {
        self.run("realmform plan --strict --detailed-exitcode");
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    #[track_caller]
    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[track_caller]
    fn yaml(&self, path: &str) -> Yaml {
        YamlLoader::load_from_str(&self.text(path)).unwrap().remove(0)
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.text(path);
        assert!(text.contains(from), "{text}");
        std::fs::write(self.path(path), text.replace(from, to)).unwrap();
    }

    /// The secret of the cluster that is handed over of a client.
    #[track_caller]
    fn secret(&self, organisation: &str, client: &str) -> Secret {
        let name = format!("portal-client-secret-{organisation}-{client}");
        let manifest = self.yaml(&format!(".handed/{organisation}/{name}.yaml"));
        assert_eq!(manifest["kind"].as_str(), Some("Secret"));
        assert_eq!(manifest["metadata"]["name"].as_str(), Some(name.as_str()));
        let text = |key: &str| manifest["stringData"][key].as_str().unwrap().to_owned();
        assert_eq!(text("client_id"), client);
        Secret {
            issuer: text("issuer"),
            password: text("client_secret"),
            uri: text("registration_client_uri"),
            token: text("registration_access_token"),
        }
    }
}

#[derive(Debug, PartialEq)]
struct Secret {
    issuer: String,
    password: String,
    uri: String,
    token: String,
}

/// A client as an administrator sees it.
#[track_caller]
fn client(admin: &Admin, id: &str) -> Value {
    admin.get(&format!("clients/{}", admin.client(id)))
}

fn sorted(list: &Value) -> Vec<&str> {
    let mut texts: Vec<&str> = list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    texts.sort_unstable();
    texts
}

#[test]
fn organisations_join_and_go_and_each_is_on_its_own() {
    let [acme, globex, initech] = REALMS.map(Admin::of);
    for realm in [&acme, &globex, &initech] {
        realm.delete_if_there("");
    }
    let copy = copied(&example());
    let program = Program::with_server().at(copy.path());
    program.git(&["init", "--quiet", copy.path().to_str().unwrap()]);
    let mesh = Mesh { folder: copy.path().to_owned(), program: program.with("ACME_SMTP_PASSWORD", "try-it") };
    // A client that a user signs in at without a browser.
    let file = mesh.text("mesh-acme/realm.toml");
    let portal = "\n[clients.acme]\ndirectAccessGrantsEnabled = true\n";
    std::fs::write(mesh.path("mesh-acme/realm.toml"), format!("{file}{portal}")).unwrap();

    mesh.run(&command("realmform apply"));
    mesh.nothing_is_left();
    what_each_realm_is(&acme, &globex);
    what_its_clients_are(&acme, &globex);
    what_is_handed_over(&mesh, &acme);
    who_signs_in_is_believed(&mesh, &acme);

    // One joins, and is the only difference.
    let before = ["acme", "acme-lab", "kubectl"].map(|client| mesh.secret("acme", client));
    mesh.run(&command("new tenant"));
    mesh.run(&command("git add"));
    let applied = mesh.run(&command("--realm mesh-initech"));
    assert!(applied.contains("mesh-initech: applied, ") && !applied.contains("mesh-acme"), "{applied}");
    mesh.nothing_is_left();
    assert_eq!(client(&initech, "initech")["redirectUris"], json!(["https://initech.mesh.example/*"]));

    // A workspace more: what lists the clients is written again, and no token is another one.
    mesh.edit("mesh-acme/realm.toml", "acme-lab = []", "acme-lab = [], acme-test = []");
    let planned = mesh.run("realmform plan");
    assert!(planned.contains("~ output clients → .handed/acme/clients.json"), "{planned}");
    assert!(planned.ends_with("Outputs: 1 to write, 2 to write again.\n--- stderr\n"), "{planned}");
    mesh.run("realmform apply --yes");
    mesh.nothing_is_left();
    assert!(mesh.text(".handed/acme/authentication.yaml").contains("- \"acme-test\"\n"));
    assert_eq!(before, ["acme", "acme-lab", "kubectl"].map(|client| mesh.secret("acme", client)));

    one_goes(&mesh, &globex);
    mesh.nothing_is_left();
    assert_eq!(before[0], mesh.secret("acme", "acme"));
    assert_eq!(acme.registration(&before[0].uri, &before[0].token, None).0, 200);
    for realm in [acme, initech] {
        realm.delete_if_there("");
    }
}

fn what_each_realm_is(acme: &Admin, globex: &Admin) {
    for (admin, title) in [(acme, "ACME"), (globex, "Globex")] {
        let realm = admin.get("");
        let expected = json!({
            "displayName": title, "accessTokenLifespan": 28800, "ssoSessionIdleTimeout": 28800,
            "registrationEmailAsUsername": true, "registrationAllowed": false,
        });
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(realm[field], *value, "{title}: {field}");
        }
    }
    let mail = acme.get("")["smtpServer"].clone();
    assert_eq!([&mail["host"], &mail["port"], &mail["from"]], ["smtp.acme.example", "587", "sso@acme.example"]);
    assert_eq!([&mail["auth"], &mail["user"]], ["true", "sso"]);
    assert_eq!(globex.get("")["smtpServer"], json!({}));
}

fn what_its_clients_are(acme: &Admin, globex: &Admin) {
    let portal = client(acme, "acme");
    assert_eq!(sorted(&portal["redirectUris"]), ["http://localhost:4200/*", "https://acme.mesh.example/*"]);
    for (admin, id) in [(acme, "acme"), (acme, "acme-lab"), (globex, "globex")] {
        let portal = client(admin, id);
        assert_eq!(
            (&portal["publicClient"], &portal["clientAuthenticatorType"]),
            (&json!(false), &json!("client-secret"))
        );
        let attributes = &portal["attributes"];
        assert_eq!(attributes["client.secret.authentication.allowed.method"], "client_secret_basic");
        assert_eq!(attributes["post.logout.redirect.uris"], format!("https://{id}.mesh.example/logout*"));
    }
    for admin in [acme, globex] {
        let kubectl = client(admin, "kubectl");
        assert_eq!(kubectl["publicClient"], true);
        assert_eq!(kubectl["attributes"]["pkce.code.challenge.method"], "S256");
        assert_eq!(sorted(&kubectl["redirectUris"]), ["http://localhost:18000", "http://localhost:8000"]);
    }
}

fn what_is_handed_over(mesh: &Mesh, acme: &Admin) {
    let issuer = format!("{}/realms/mesh-acme", access().http_url);
    let told = mesh.run(&command("cat .handed"));
    assert!(told.contains(&format!("url: \"{issuer}\"")), "{told}");
    let document = mesh.yaml(".handed/acme/authentication.yaml");
    assert_eq!(document["kind"].as_str(), Some("WorkspaceAuthenticationConfiguration"));
    let jwt = &document["spec"]["jwt"][0];
    assert_eq!(jwt["issuer"]["url"].as_str(), Some(issuer.as_str()));
    let audiences: Vec<&str> =
        jwt["issuer"]["audiences"].as_vec().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(audiences, ["acme", "acme-lab", "kubectl"]);
    let claims = ["username", "groups"].map(|of| jwt["claimMappings"][of]["claim"].as_str().unwrap());
    assert_eq!(claims, ["email", "groups"]);

    let listed: Value = serde_json::from_str(&mesh.text(".handed/acme/clients.json")).unwrap();
    let uri = |id: &str| format!("{issuer}/clients-registrations/openid-connect/{id}");
    let expected: Vec<Value> = audiences.iter().map(|id| json!({ "id": id, "registrationUri": uri(id) })).collect();
    assert_eq!(listed, Value::from(expected));

    // Each token opens its own client, and no other.
    for id in ["acme", "acme-lab", "kubectl"] {
        let Secret { issuer: of, password, uri: registration, token } = mesh.secret("acme", id);
        assert_eq!((of.as_str(), registration), (issuer.as_str(), uri(id)));
        let secret = client(acme, id)["secret"].as_str().unwrap_or_default().to_owned();
        assert_eq!((password, id == "kubectl"), (secret.clone(), secret.is_empty()));
        let (status, answer) = acme.registration(&uri(id), &token, None);
        assert_eq!((status, &answer["client_id"]), (200, &json!(id)), "{answer}");
        let other = if id == "acme" { "kubectl" } else { "acme" };
        assert_eq!(acme.registration(&uri(other), &token, None).0, 401);
    }
    let told = mesh.run(&command("ls .handed"));
    let listed = "authentication.yaml\nclients.json\nportal-client-secret-acme-acme-lab.yaml\n\
                  portal-client-secret-acme-acme.yaml\nportal-client-secret-acme-kubectl.yaml\n";
    assert_eq!(stdout(&told), listed);
}

/// A token says what the document of the workspaces asks for.
fn who_signs_in_is_believed(mesh: &Mesh, acme: &Admin) {
    acme.post("groups", &json!({ "name": "platform" }));
    acme.post(
        "users",
        &json!({
            "username": "jo@acme.example", "email": "jo@acme.example", "firstName": "Jo", "lastName": "Doe", "enabled": true,
            "emailVerified": true, "groups": ["/platform"],
            "credentials": [{ "type": "password", "value": "try-it", "temporary": false }],
        }),
    );
    let (base, secret) = (&access().http_url, mesh.secret("acme", "acme"));
    let form =
        [("grant_type", "password"), ("scope", "openid"), ("username", "jo@acme.example"), ("password", "try-it")];
    let answer = acme.token_by_basic(base, "mesh-acme", ["acme", &secret.password], &form);
    let token = claims(answer["id_token"].as_str().unwrap_or_else(|| panic!("{answer}")));
    assert_eq!((&token["iss"], &token["aud"]), (&json!(secret.issuer), &json!("acme")));
    assert_eq!((&token["email"], &token["groups"]), (&json!("jo@acme.example"), &json!(["platform"])));
    assert_eq!(answer["expires_in"], 28800);
    if !is_26_0("a secret is taken in a form, too") {
        let client = [("client_id", "acme"), ("client_secret", secret.password.as_str())];
        let refused = acme.token(base, "mesh-acme", &[&form[..], &client].concat());
        assert_eq!(refused["error"], "unauthorized_client", "{refused}");
    }
}

/// Its clients go, then what was handed over, then its realm.
fn one_goes(mesh: &Mesh, globex: &Admin) {
    mesh.run(&command("rm -r"));
    let refused = mesh.program.run(&["plan"]);
    assert!(refused.starts_with("status: 4\n"), "{refused}");
    let planned = mesh.run("realmform plan --allow-destroy mesh-globex --format json");
    let plan: Value = serde_json::from_str(stdout(&planned)).unwrap();
    let steps = plan["realms"]["mesh-globex"]["steps"].as_array().unwrap().iter();
    let steps: Vec<&str> = steps.map(|step| step["address"].as_str().unwrap()).collect();
    assert_eq!(steps.last(), Some(&"mesh-globex"), "{steps:?}");
    assert_eq!(steps.iter().filter(|step| step.starts_with("mesh-globex/clients/")).count(), 2, "{steps:?}");

    // A folder cannot be taken back like a file: the clients are gone by then, and the realm stays and remembers it.
    let file = mesh.path(".handed/globex/portal-client-secret-globex-kubectl.yaml");
    let aside = mesh.path(".handed/aside");
    std::fs::rename(&file, &aside).unwrap();
    std::fs::create_dir(&file).unwrap();
    let leaves = command("--allow-destroy mesh-globex");
    let failed = mesh.program.shell(&leaves);
    assert!(failed.starts_with("status: 6\n"), "{failed}");
    assert!(failed.contains("what was handed over could not be taken back: .handed/globex/"), "{failed}");
    for id in ["globex", "kubectl"] {
        assert_eq!(globex.get(&format!("clients?clientId={id}")), json!([]));
    }
    assert_eq!(globex.status(""), 200);

    std::fs::remove_dir(&file).unwrap();
    std::fs::rename(&aside, &file).unwrap();
    let applied = mesh.run(&leaves);
    assert!(applied.contains("portal-client-secret-globex-kubectl.yaml removed\n"), "{applied}");
    assert_eq!(globex.status(""), 404);
    assert_eq!(std::fs::read_dir(mesh.path(".handed/globex")).unwrap().count(), 0);
}
