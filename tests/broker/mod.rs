//! `examples/enterprise-broker`, as its README tells it, with upstreams that are real: other realms as Entra ID and as a SAML
//! provider, `OpenLDAP` as Active Directory, and people who sign in with a browser.

mod directory;
mod person;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use yaml_rust2::YamlLoader;

use self::directory::Directory;
use self::person::{Application, set_up_second_factor, sign_in};
use crate::examples::copied;
use crate::secrets::bao::Bao;
use crate::support::admin::Admin;
use crate::support::chromium::Chromium;
use crate::support::debian::chromium;
use crate::support::program::Program;
use crate::support::run::block;
use crate::support::{access, is_26_0};

const REALMS: [&str; 4] = ["broker-platform", "broker-acme", "broker-globex", "broker-initech"];

/// The realms that are upstream of them.
const ENTRA: &str = "broker-upstream-entra";
const SAML: &str = "broker-upstream-saml";

const PASSWORD: &str = "a-password-of-people";
const ENTRA_SECRET: &str = "a-secret-of-entra";
const VIEWER_SECRET: &str = "a-secret-of-the-viewer";
const BREAK_GLASS: &str = "a-password-behind-glass";

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/enterprise-broker")
}

/// The command of the example's README that says so, the first one of several.
fn command(of: &str) -> String {
    let readme = std::fs::read_to_string(example().join("README.md")).unwrap();
    let blocks = readme.split("\n```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let found = blocks.flat_map(str::lines).find(|line| line.contains(of)).unwrap_or_else(|| panic!("{of}"));
    found.replace("realmform apply", "realmform apply --yes")
}

/// A copy of the example.
struct Broker {
    folder: PathBuf,
    program: Program,
}

impl Broker {
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

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder.join(path), text).unwrap();
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.folder.join(path)).unwrap();
        assert!(text.contains(from), "{text}");
        self.write(path, &text.replace(from, to));
    }
}

#[test]
fn people_of_each_tenant_sign_in_upstream() {
    let (Some(vault), Some(directory)) = (Bao::start(), Directory::start(PASSWORD)) else { return };
    if chromium().is_none() {
        return;
    }
    let realms = REALMS.map(Admin::of);
    let [entra, saml] = [ENTRA, SAML].map(Admin::of);
    for realm in realms.iter().chain([&entra, &saml]) {
        realm.delete_if_there("");
    }
    let [platform, acme, globex, initech] = &realms;
    let copy = copied(&example());
    let (role, secret) = block(secrets(&vault));
    let metadata = format!("{}/realms/{SAML}/protocol/saml/descriptor", access().http_url);
    let program = Program::new()
        .with("KEYCLOAK_URL", &access().http_url)
        .with("KEYCLOAK_USER", &access().user)
        .with("KEYCLOAK_PASSWORD", &access().password)
        .with("VAULT_ADDR", &vault.url)
        .with("VAULT_ROLE_ID", &role)
        .with("VAULT_SECRET_ID", &secret)
        .with("INITECH_METADATA", &metadata)
        .at(copy.path());
    program.git(&["init", "--quiet", copy.path().to_str().unwrap()]);
    let broker = Broker { folder: copy.path().to_owned(), program };

    // What the files say of the upstreams is where they are here.
    upstream_of_acme(&entra);
    let provider = "broker-acme/identityProviders/entra.toml";
    let tenant = "https://login.microsoftonline.com/5b1a7a52-0f7d-4a77-8f9b-2d0b6a0c6b0e/v2.0/.well-known";
    broker.edit(provider, tenant, &format!("{}/realms/{ENTRA}/.well-known", access().http_url));
    broker.edit("broker-globex/realm.toml", "ldaps://dc.globex.example", &directory.url);

    broker.run(&command("realmform refresh"));
    broker.run(&command("realmform apply"));
    broker.nothing_is_left();
    saml.post_realm(&json!({
        "realm": SAML, "enabled": true, "groups": [{ "name": "auditors" }], "users": [person("robin", "auditors")],
    }));
    broker.run(&command("new tenant"));
    broker.run(&command("git add"));
    broker.run(&command("--realm broker-initech"));
    upstream_lets_initech_in(&saml, initech);
    broker.nothing_is_left();

    realms.iter().for_each(what_every_realm_has);
    let theirs = acme.get(&format!("clients/{}", acme.client("reports")));
    assert!(theirs["defaultClientScopes"].as_array().unwrap().contains(&json!("identity")), "{theirs}");
    joan_signs_in_at_entra(acme);
    robin_signs_in_by_saml(initech);
    kim_signs_in_with_her_directory(globex);
    broker.nothing_is_left();
    teams_keep_to_their_applications(&broker);
    somebody_breaks_the_glass(&broker, acme);
    nights_are_kept(&broker, platform);
    they_go(&broker, &realms);
    for realm in [&entra, &saml] {
        realm.delete_if_there("");
    }
}

/// The secrets that the files name, and the ids of a role that may read them.
async fn secrets(vault: &Bao) -> (String, String) {
    for realm in REALMS {
        let secrets = json!({ "break-glass": BREAK_GLASS, "entra": ENTRA_SECRET, "directory": PASSWORD });
        vault.write(&format!("secret/data/{realm}"), json!({ "data": secrets })).await;
    }
    vault.policy("broker", &["secret/data/broker-*"]).await;
    vault.approle("approle", "broker").await
}

/// A realm that says of groups what Entra ID says: ids.
fn upstream_of_acme(entra: &Admin) {
    let groups = json!({
        "name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-group-membership-mapper",
        "config": { "claim.name": "groups", "full.path": "false", "id.token.claim": "true" },
    });
    let operators = "9a0c5ad8-6b0f-4f6e-9c39-6a8b2a3d7e51";
    entra.post_realm(&json!({
        "realm": ENTRA, "enabled": true,
        "groups": [{ "name": operators }],
        "clients": [{
            "clientId": "2f1b1c52-4c5c-4f4c-9d0b-0a51b4a1c9e7", "secret": ENTRA_SECRET, "protocolMappers": [groups],
            "redirectUris": [format!("{}/realms/broker-acme/broker/entra/endpoint", access().http_url)],
        }],
        "users": [person("joan", operators)],
    }));
}

/// A realm that speaks SAML, and lets one in whose requests the tenant's realm signed.
fn upstream_lets_initech_in(saml: &Admin, initech: &Admin) {
    let broker = format!("{}/realms/broker-initech", access().http_url);
    let attribute = |name: &str, mapper: &str, of: &str| {
        json!({
            "name": name, "protocol": "saml", "protocolMapper": mapper,
            "config": { "user.attribute": of, "attribute.name": name, "attribute.nameformat": "Basic", "full.path": "false",
                        "single": "true" },
        })
    };
    let property = "saml-user-property-mapper";
    let keys = initech.get("keys");
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == keys["active"]["RS256"]).unwrap();
    saml.post(
        "clients",
        &json!({
            "clientId": broker, "protocol": "saml", "redirectUris": [format!("{broker}/broker/saml/endpoint")],
            "attributes": { "saml.assertion.signature": "true", "saml.client.signature": "true",
                            "saml.signing.certificate": key["certificate"] },
            "protocolMappers": [
                attribute("groups", "saml-group-membership-mapper", ""), attribute("email", property, "email"),
                attribute("firstName", property, "firstName"), attribute("lastName", property, "lastName"),
            ],
        }),
    );
}

fn person(name: &str, group: &str) -> Value {
    json!({
        "username": name, "email": format!("{name}@upstream.example"), "emailVerified": true, "enabled": true,
        "firstName": name, "lastName": "Doe", "groups": [group],
        "credentials": [{ "type": "password", "value": PASSWORD, "temporary": false }],
    })
}

fn what_every_realm_has(realm: &Admin) {
    let settings = realm.get("");
    let expected = json!({
        "eventsEnabled": true, "eventsExpiration": 7_776_000, "adminEventsEnabled": true, "adminEventsDetailsEnabled": true,
        "browserFlow": "assurance",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(settings[field], *value, "{}: {field}", realm.realm);
    }
    assert_eq!(settings["attributes"]["adminEventsExpiration"], "31536000");
    let account = &realm.get("users?username=break-glass&exact=true")[0];
    assert_eq!(account["enabled"], false);
    let id = account["id"].as_str().unwrap();
    let roles = realm.get(&format!("users/{id}/role-mappings/clients/{}", realm.client("realm-management")));
    assert_eq!(roles[0]["name"], "realm-admin");
}

/// An application of a tenant.
fn application<'a>(realm: &'a Admin, client: &'static str) -> Application<'a> {
    let tenant = realm.realm.strip_prefix("broker-").unwrap();
    Application { realm, client, host: format!("{client}.{tenant}") }
}

/// Whoever vouches for a person, the token of an application says the same of them.
#[track_caller]
fn assert_token(token: &Value, application: &Application<'_>, email: &str, group: &str, assurance: &str) {
    let realm = &application.realm.realm;
    let tenant = realm.strip_prefix("broker-").unwrap();
    let subject = application.realm.get(&format!("users?email={email}&exact=true"))[0]["id"].clone();
    let expected = json!({
        "iss": format!("{}/realms/{realm}", access().http_url), "aud": format!("https://api.{tenant}.example"), "sub": subject,
        "azp": application.client, "email": email, "email_verified": true, "tenant": tenant, "acr": assurance,
        "groups": [group], "roles": [group.strip_suffix('s').unwrap()],
    });
    for (claim, value) in expected.as_object().unwrap() {
        assert_eq!(token[claim], *value, "{claim}: {token:#}");
    }
}

fn joan_signs_in_at_entra(acme: &Admin) {
    let mut browser = Chromium::start();
    let email = "joan@upstream.example";
    let [portal, payments] = ["portal", "payments"].map(|client| application(acme, client));
    portal.open(&mut browser, "");
    browser.click("#social-entra");
    sign_in(&mut browser, "joan", PASSWORD);
    assert_token(&portal.token(&mut browser), &portal, email, "operators", "aal1");

    // The session that there is by now is not enough, and a second factor makes it so.
    payments.open(&mut browser, "");
    set_up_second_factor(&mut browser);
    assert_token(&payments.token(&mut browser), &payments, email, "operators", "aal2");

    // Nor is a new one, and asking for less is of no use. Keycloak 26.0 has no minimum.
    let mut elsewhere = Chromium::start();
    payments.open(&mut elsewhere, if is_26_0("less may be asked for") { "" } else { "&acr_values=aal1" });
    elsewhere.click("#social-entra");
    sign_in(&mut elsewhere, "joan", PASSWORD);
    assert_eq!(elsewhere.value("#otp"), "", "is asked for");
    let events = acme.get("events?type=LOGIN&client=portal");
    assert_eq!(events[0]["details"]["identity_provider"], "entra", "{events}");
}

fn robin_signs_in_by_saml(initech: &Admin) {
    let mut browser = Chromium::start();
    let portal = application(initech, "portal");
    portal.open(&mut browser, "");
    browser.click("#social-saml");
    sign_in(&mut browser, "robin", PASSWORD);
    assert_token(&portal.token(&mut browser), &portal, "robin@upstream.example", "auditors", "aal1");
}

fn kim_signs_in_with_her_directory(globex: &Admin) {
    let mut browser = Chromium::start();
    let email = "kim@globex.example";
    let [portal, payments] = ["portal", "payments"].map(|client| application(globex, client));
    payments.open(&mut browser, "");
    sign_in(&mut browser, "kim", PASSWORD);
    set_up_second_factor(&mut browser);
    assert_token(&payments.token(&mut browser), &payments, email, "auditors", "aal2");
    let mut elsewhere = Chromium::start();
    portal.open(&mut elsewhere, "");
    sign_in(&mut elsewhere, "kim", PASSWORD);
    assert_token(&portal.token(&mut elsewhere), &portal, email, "auditors", "aal1");
}

/// The ways in which a tenant's team may try to be more than that.
fn teams_keep_to_their_applications(broker: &Broker) {
    let client = "[clients.theirs]\n";
    let attempts = [
        ("broker-acme/theirs.toml", format!("realm = \"broker-platform\"\n{client}"), "settings"),
        ("broker-acme/theirs.toml", "bruteForceProtected = false\n".to_owned(), "settings"),
        ("broker-acme/users/theirs.toml", "enabled = true\n".to_owned(), "users"),
        ("broker-acme/authenticationFlows/theirs.toml", "description = \"\"\n".to_owned(), "authenticationFlows"),
        ("broker-acme/tenants/theirs/tenant.toml", format!("realm = \"broker-platform\"\n{client}"), "settings"),
        ("broker-acme/tenants/theirs/realm.toml", "use = [{ blueprint = \"baseline\" }]\n".to_owned(), "settings"),
    ];
    for (path, text, what) in attempts {
        let file = broker.folder.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        broker.write(path, &text);
        let refused = broker.program.run(&["apply", "--yes"]);
        assert!(refused.starts_with("status: 1\n"), "{path}: {refused}");
        assert!(refused.contains(&format!("{path} may not declare `{what}`")), "{path}: {refused}");
        std::fs::remove_file(file).unwrap();
    }
    broker.write("broker-acme/clients/theirs.toml", "publicClient = true\n");
    let planned = broker.run("realmform plan");
    assert!(planned.contains("Plan: 1 to create, 0 to update, 0 to rename, 0 to delete."), "{planned}");
    std::fs::remove_file(broker.folder.join("broker-acme/clients/theirs.toml")).unwrap();
}

/// The account sleeps, is woken in the console, signs in and administers its realm, and is put to sleep by the next apply.
fn somebody_breaks_the_glass(broker: &Broker, acme: &Admin) {
    let as_account = format!(
        "KEYCLOAK_REALM=broker-acme KEYCLOAK_USER=break-glass KEYCLOAK_PASSWORD={BREAK_GLASS} \
         realmform drift --skip-unmanaged --realm broker-acme"
    );
    let refused = broker.program.shell(&as_account);
    assert!(refused.starts_with("status: 1\n") && refused.contains("Account disabled"), "{refused}");
    let mut account = acme.get("users?username=break-glass&exact=true")[0].clone();
    account["enabled"] = true.into();
    acme.put(&format!("users/{}", account["id"].as_str().unwrap()), &account);
    let drifted = broker.program.shell(&as_account);
    assert!(drifted.starts_with("status: 2\n") && drifted.contains("enabled: false → true"), "{drifted}");
    broker.run("realmform apply --yes");
    assert_eq!(acme.get("users?username=break-glass&exact=true")[0]["enabled"], false);
    let events = acme.get("admin-events?operationTypes=UPDATE&resourceTypes=USER");
    assert!(events[0]["representation"].is_string(), "with what was changed: {events}");
}

/// A commit for each night that changed something, without a secret, by the commands of the job.
fn nights_are_kept(broker: &Broker, platform: &Admin) {
    let job = std::fs::read_to_string(broker.folder.join(".github/workflows/nightly.yml")).unwrap();
    let job = &YamlLoader::load_from_str(&job).unwrap()[0]["jobs"]["export"];
    let commands: Vec<&str> = job["steps"].as_vec().unwrap().iter().filter_map(|step| step["run"].as_str()).collect();
    assert_eq!(commands[0], command("nightly.sh"));
    let [client, named] = ["KEYCLOAK_CLIENT_ID", "GIT_AUTHOR_NAME"].map(|name| job["env"][name].as_str().unwrap());
    let master = viewer(client);
    let identity = format!(
        "unset KEYCLOAK_USER KEYCLOAK_PASSWORD; export KEYCLOAK_CLIENT_ID={client} KEYCLOAK_CLIENT_SECRET={VIEWER_SECRET}
         export GIT_AUTHOR_NAME={named} GIT_AUTHOR_EMAIL={named} GIT_COMMITTER_NAME={named} GIT_COMMITTER_EMAIL={named}"
    );
    broker.run("git init --quiet --bare --initial-branch=live .remote; git clone --quiet .remote .live");
    let night = || broker.run(&[&[identity.as_str()], &commands[..]].concat().join("\n"));
    let kept = || broker.run("git -C .remote log --format=%s");
    night();
    let first = kept();
    assert_eq!(first.matches("Live state of ").count(), 1, "{first}");
    night();
    assert_eq!(kept(), first);

    platform.put("", &json!({ "accessTokenLifespan": 77 }));
    platform.delete("roles/platform-engineer");
    night();
    let changed = broker.run("git -C .remote show --format=%s");
    assert!(changed.contains("+accessTokenLifespan = 77\n"), "{changed}");
    assert!(changed.contains("-description = \"Runs the platform\"\n"), "{changed}");
    let secrets = broker.run("grep -rh keep .live/broker-*");
    for field in ["clientSecret = ", "bindCredential = "] {
        assert!(secrets.contains(&format!("{field}{{ keep = true }}")), "{secrets}");
    }
    for secret in [PASSWORD, ENTRA_SECRET, BREAK_GLASS] {
        let found = broker.program.shell(&format!("grep -rF {secret} .live"));
        assert!(found.starts_with("status: 1\n"), "{found}");
    }
    master.delete(&format!("clients/{}", master.client(client)));
}

/// Makes the client that may only look, for several realms.
fn viewer(id: &str) -> Admin {
    let master = Admin::of("master");
    let client = json!({ "clientId": id, "secret": VIEWER_SECRET, "serviceAccountsEnabled": true });
    master.post("clients", &client);
    let account = master.get(&format!("clients/{}/service-account-user", master.client(id)));
    let account = account["id"].as_str().unwrap();
    for realm in REALMS {
        let of = master.client(&format!("{realm}-realm"));
        let role = |name: &&str| master.get(&format!("clients/{of}/roles/{name}"));
        let roles: Vec<Value> =
            ["view-realm", "view-clients", "view-users", "view-identity-providers"].iter().map(role).collect();
        master.post(&format!("users/{account}/role-mappings/clients/{of}"), &json!(roles));
    }
    master
}

/// First a tenant, then everything.
fn they_go(broker: &Broker, realms: &[Admin]) {
    broker.run(&command("rm -r broker-initech"));
    let refused = broker.program.run(&["plan"]);
    assert!(refused.starts_with("status: 4\n"), "{refused}");
    broker.run(&command("--allow-destroy broker-initech"));
    assert_eq!(realms[3].status(""), 404);
    broker.run(&command("rm -r broker-acme"));
    let all = command("--allow-destroy broker-platform");
    let refused = broker.program.shell(&all);
    assert!(refused.contains("depends on, and would be deleted\n"), "{refused}");
    broker.run(&command("sed "));
    broker.run(&all);
    for realm in realms {
        assert_eq!(realm.status(""), 404, "{}", realm.realm);
    }
}
