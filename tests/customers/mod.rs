//! `examples/customer-access`, as its README tells it: customers apply, one joins, each is on its own, one goes.

use std::path::Path;

use serde_json::{Value, json};

use crate::examples::copied;
use crate::support::access;
use crate::support::admin::{Admin, claims};
use crate::support::program::Program;

/// The commands of the example's README.
fn commands() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/customer-access");
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let blocks = readme.split("\n```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let lines: Vec<String> = blocks.flat_map(str::lines).map(str::to_owned).collect();
    assert!(lines.len() >= 6, "{lines:?}");
    lines
}

#[test]
fn a_customer_joins_and_goes_and_each_is_on_its_own() {
    let realms = ["access-acme", "access-globex", "access-initech"];
    for realm in realms {
        Admin::of(realm).delete_if_there("");
    }
    let copy = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/customer-access"));
    let at = |path: &str| copy.path().join(path);
    // A portal that signs in by itself, to have a token without a person.
    for realm in ["access-acme", "access-globex"] {
        let file = at(&format!("{realm}/realm.toml"));
        let text = std::fs::read_to_string(&file).unwrap();
        let portal = if text.contains("[clients.portal]") { "" } else { "[clients.portal]\n" };
        std::fs::write(&file, format!("{text}{portal}serviceAccountsEnabled = true\n")).unwrap();
    }
    let program = Program::with_server().at(copy.path());
    program.git(&["init", "--quiet", copy.path().to_str().unwrap()]);
    let [joins, apply] = ["realmform new tenant", "ACME_SECRET"].map(|start| {
        let commands = commands();
        let position = commands.iter().position(|command| command.starts_with(start)).unwrap();
        commands[position..].to_vec()
    });

    // Applied with what the README says, and handed over.
    let applied = program.shell(&apply[0].replace("realmform apply", "realmform apply --yes"));
    assert!(applied.starts_with("status: 0\n"), "{applied}");
    let handed = program.shell(&apply[1]);
    let url = &access().http_url;
    let connector = format!("CUSTOMER_ID=acme\nKEYCLOAK_REALM=access-acme\nKEYCLOAK_URL={url}\n");
    assert!(handed.contains(&connector) && handed.contains("OIDC_CLIENT_ID=portal\n"), "{handed}");

    // A third one, by the README's commands, is the only difference.
    for command in &joins[..4] {
        let outcome = program.shell(command);
        assert!(outcome.starts_with("status: 0\n"), "{command}: {outcome}");
        if command.contains(" plan ") {
            assert!(
                outcome.contains("\nPlan: 6 to create, 0 to update, 0 to rename, 0 to delete. Outputs: "),
                "{outcome}"
            );
        }
    }
    let program = program.with("ACME_SECRET", "try-it");
    let applied = program.run(&["apply", "--yes"]);
    assert!(applied.starts_with("status: 0\n") && applied.contains("access-initech: applied, 6 changes"), "{applied}");
    assert!(!applied.contains("access-acme: applied"), "{applied}");
    let planned = program.run(&["plan", "--detailed-exitcode", "--strict"]);
    assert!(planned.starts_with("status: 0\n"), "{planned}");

    // What each is.
    let [acme, globex, initech] = realms.map(Admin::of);
    assert_eq!(acme.get("roles/policy-auditor")["description"], "ACME: auditor");
    assert_eq!(acme.get("identity-provider/instances/oidc")["config"]["clientId"], "access");
    assert_eq!(globex.get("")["browserFlow"], "passkey");
    assert_eq!(globex.get("identity-provider/instances").as_array().unwrap().len(), 0);
    assert_eq!(initech.get("")["displayName"], "Initech");
    for (realm, id) in [(&acme, "acme"), (&globex, "globex"), (&initech, "initech")] {
        let vpc = realm.get(&format!("clients/{}", realm.client("vpc")));
        let mappers = vpc["protocolMappers"].as_array().unwrap();
        assert_eq!(mappers.len(), 2, "{vpc}");
        let customer = mappers.iter().find(|mapper| mapper["name"] == "customer").unwrap();
        assert_eq!(customer["config"]["claim.value"], id);
    }

    // A token of one is good there, and nowhere else.
    let portal = |realm: &str| {
        let admin = Admin::of(realm);
        let secret = admin.get(&format!("clients/{}/client-secret", admin.client("portal")))["value"].clone();
        secret.as_str().unwrap().to_owned()
    };
    let of_acme = portal("access-acme");
    let form = |secret| {
        let client = [("client_id", "portal"), ("client_secret", secret)];
        [[("grant_type", "client_credentials"), ("scope", "openid")], client].concat()
    };
    let token = acme.token(url, "access-acme", &form(&of_acme))["access_token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&token)["iss"], format!("{url}/realms/access-acme"));
    // Who the token is of, as a realm sees it.
    let subject =
        |realm: &str| acme.token_at(url, realm, "userinfo", &[("access_token", token.as_str())])["sub"].clone();
    assert_eq!(subject("access-acme"), claims(&token)["sub"]);
    assert_eq!(subject("access-globex"), Value::Null);
    assert_eq!(globex.token(url, "access-globex", &form(&of_acme))["error"], Value::from("unauthorized_client"));

    // Whoever goes takes everything along, and nothing of the others.
    std::fs::remove_dir_all(at("access-initech")).unwrap();
    let refused = program.run(&["plan"]);
    assert!(refused.starts_with("status: 4\n"), "{refused}");
    let applied = program.run(&["apply", "--yes", "--allow-destroy", "access-initech"]);
    assert!(applied.starts_with("status: 0\n"), "{applied}");
    assert_eq!(initech.status(""), 404);
    assert!(!at(".handed/initech/portal.env").exists() && at(".handed/globex/portal.env").exists());
    assert_eq!(subject("access-acme"), claims(&token)["sub"]);
    for realm in &realms[..2] {
        Admin::of(realm).delete_if_there("");
    }
}

/// By the README's commands; the provider that they sign in at is another realm.
#[test]
fn a_customer_signs_in_by_saml() {
    let upstream = Admin::of("umbrella-login");
    for realm in [&upstream, &Admin::of("access-umbrella")] {
        realm.delete_if_there("");
    }
    upstream.post_realm(&json!({ "realm": "umbrella-login", "enabled": true }));
    let copy = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/customer-access"));
    let file = copy.path().join("realmform.toml");
    let project = std::fs::read_to_string(&file).unwrap().replace("customer-access", "customer-saml");
    std::fs::write(&file, project).unwrap();
    let url = format!("{}/realms/umbrella-login/protocol/saml/descriptor", access().http_url);
    let program = Program::with_server().with("UMBRELLA_METADATA", &url).at(copy.path());
    let commands = commands();
    let position = commands.iter().position(|command| command.contains("access-umbrella")).unwrap();
    let [joins, apply, refresh, plan] = &commands[position..] else { panic!("{commands:?}") };
    let run = |command: &str| {
        let outcome = program.shell(&command.replace(" apply ", " apply --yes "));
        assert!(outcome.starts_with("status: 0\n"), "{command}: {outcome}");
        outcome
    };
    assert!(run(joins).contains("access-umbrella/identityProviders/saml.toml"));
    run(apply);
    let admin = Admin::of("access-umbrella");
    let provider = || admin.get("identity-provider/instances/saml");
    let issuer = format!("{}/realms/umbrella-login", access().http_url);
    assert_eq!(provider()["config"]["idpEntityId"], issuer);
    assert_eq!(provider()["config"]["wantAssertionsSigned"], "true");
    assert!(run(refresh).contains("access-umbrella/identityProviders/saml: as it was\n"));

    // A second key, which new signatures are made with.
    let first = provider()["config"]["signingCertificate"].as_str().unwrap().to_owned();
    upstream.post(
        "components",
        &json!({
            "name": "next", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "config": { "priority": ["200"] },
        }),
    );
    let due = program.run(&["refresh", "--check"]);
    assert!(due.starts_with("status: 2\n"), "{due}");
    assert!(run(plan).contains("No changes"));
    let read = run(refresh);
    assert!(
        read.contains("config.signingCertificate is another one (access-umbrella/identityProviders/saml.toml)"),
        "{read}"
    );
    let planned = run(plan);
    let json = program.run(&["plan", "--realm", "access-umbrella", "--format", "json"]);
    assert!(json.contains("believes who signs in by another signingCertificate"), "{json}");
    assert!(planned.contains("Plan: 0 to create, 1 to update"), "{planned}");
    run(apply);
    let both = provider()["config"]["signingCertificate"].as_str().unwrap().to_owned();
    assert!(both.contains(',') && both.contains(&first), "{both}");
    assert!(run(plan).contains("No changes"));
    for realm in [upstream, admin] {
        realm.delete_if_there("");
    }
}

/// Each place where a customer's people may sign in.
#[test]
fn every_choice_is_one_that_a_server_takes() {
    let copy = copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/customer-access"));
    for realm in ["access-acme", "access-globex"] {
        std::fs::remove_dir_all(copy.path().join(realm)).unwrap();
    }
    let file = copy.path().join("realmform.toml");
    let project = std::fs::read_to_string(&file).unwrap().replace("customer-access", "customer-choices");
    std::fs::write(&file, project).unwrap();
    let directory = "{ url = \"ldaps://ldap.example\", bindDn = \"cn=keycloak\", usersDn = \"ou=people\" }";
    let social = "{ clientId = \"access\" }";
    let choices = [
        ("google", social, "identity-provider/instances/google"),
        ("github", social, "identity-provider/instances/github"),
        ("gitlab", social, "identity-provider/instances/gitlab"),
        ("ldap", directory, "components?name=directory"),
        ("ad", directory, "components?name=directory"),
    ];
    let program = Program::with_server().with("SECRET", "an-example-secret").at(copy.path());
    for (login, provider, _) in choices {
        Admin::of(&format!("choice-{login}")).delete_if_there("");
        let (name, login) = (format!("choice-{login}"), format!("login={login}"));
        let id = format!("id={name}");
        let with =
            [id.as_str(), "title=X", &login, &format!("provider={provider}"), "providerSecret={ env = \"SECRET\" }"];
        let with = with.iter().flat_map(|with| ["--with", *with]);
        let command = ["new", "tenant", &name, "--blueprint", "customer", "--no-input"].into_iter().chain(with);
        let outcome = program.run(&command.collect::<Vec<_>>());
        assert!(outcome.starts_with("status: 0\n"), "{outcome}");
    }
    let applied = program.run(&["apply", "--yes", "--strict"]);
    assert!(applied.starts_with("status: 0\n"), "{applied}");
    let planned = program.run(&["plan", "--detailed-exitcode", "--strict"]);
    assert!(planned.starts_with("status: 0\n"), "{planned}");
    for (login, _, path) in choices {
        let realm = Admin::of(&format!("choice-{login}"));
        let found = realm.get(path);
        let found = if found.is_array() { found[0].clone() } else { found };
        assert_eq!(found["providerId"], if login == "ad" { "ldap" } else { login });
        realm.delete_if_there("");
    }
}
