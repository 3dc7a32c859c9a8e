//! `examples/tenant-clusters`, as its README tells it: a tree of tenants applies, realms are given and taken away, all of it goes.

mod api_server;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use walkdir::WalkDir;
use yaml_rust2::{Yaml, YamlLoader};

use self::api_server::{ApiServer, forged};
use crate::examples::copied;
use crate::support::access;
use crate::support::admin::Admin;
use crate::support::program::Program;

const PREFIX: &str = "clusters-";

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tenant-clusters")
}

/// The blocks of commands of the example's README.
fn blocks() -> Vec<Vec<String>> {
    let readme = std::fs::read_to_string(example().join("README.md")).unwrap();
    let blocks = readme.split("\n```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let lines =
        |block: &str| block.lines().map(|line| line.replace("realmform apply", "realmform apply --yes")).collect();
    blocks.map(lines).collect()
}

/// A copy of the example, and a server without anything of it.
struct Tree {
    copy: TempDir,
    program: Program,
    blocks: std::vec::IntoIter<Vec<String>>,
    /// What every realm has.
    keycloaks_own: BTreeSet<String>,
}

/// A realm, the tenant whose it is, and the clusters in it.
type Owned<'a> = (&'a str, &'a str, &'a [&'a str]);

impl Tree {
    /// The commands of the next block of the README; answers what they said.
    #[track_caller]
    fn next(&mut self) -> String {
        let commands = self.blocks.next().unwrap();
        commands.iter().map(|command| self.run(command)).collect()
    }

    #[track_caller]
    fn run(&self, command: &str) -> String {
        let outcome = self.program.shell(command);
        assert!(outcome.starts_with("status: 0\n"), "{command}: {outcome}");
        assert!(!outcome.contains("warning: output"), "{command}: {outcome}");
        outcome
    }

    #[track_caller]
    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.copy.path().join(".handed").join(path))
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[track_caller]
    fn yaml(&self, path: &str) -> Yaml {
        YamlLoader::load_from_str(&self.text(path)).unwrap().remove(0)
    }

    /// What the kubeconfig of a cluster has kubelogin do.
    #[track_caller]
    fn kubeconfig(&self, cluster: &str) -> ApiServer {
        let (tenant, _) = cluster.split_once("-kubernetes-").unwrap();
        let config = self.yaml(&format!("{tenant}/{cluster}.kubeconfig"));
        assert_eq!((config["kind"].as_str(), config["current-context"].as_str()), (Some("Config"), Some(cluster)));
        let url = format!("https://{cluster}.k8s.example:6443");
        assert_eq!(config["clusters"][0]["cluster"]["server"].as_str(), Some(url.as_str()));
        let exec = &config["users"][0]["user"]["exec"];
        assert_eq!(exec["command"].as_str(), Some("kubectl"));
        let arguments: Vec<&str> = exec["args"].as_vec().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        let ["oidc-login", "get-token", issuer, client] = arguments[..] else { panic!("{arguments:?}") };
        let value = |argument: &str, option| argument.strip_prefix(option).unwrap().to_owned();
        ApiServer { issuer: value(issuer, "--oidc-issuer-url="), audience: value(client, "--oidc-client-id=") }
    }

    /// Expects these realms, in them these clusters and nothing else, and what is handed over of both.
    #[track_caller]
    fn is(&self, realms: &[Owned<'_>]) {
        self.run("realmform plan --strict --detailed-exitcode");
        let names = Admin::of("").get("");
        let names = names.as_array().unwrap().iter().map(|realm| realm["realm"].as_str().unwrap().to_owned());
        let there: BTreeSet<String> = names.filter(|name| name.starts_with(PREFIX)).collect();
        assert_eq!(there, realms.iter().map(|(realm, ..)| (*realm).to_owned()).collect());
        let mut handed = BTreeSet::new();
        for (realm, owner, clusters) in realms {
            let mut expected: BTreeSet<String> =
                ["client realmform:tenant-clusters", "scope groups", "user administrator"].map(str::to_owned).into();
            expected
                .extend(clusters.iter().flat_map(|it| ["client ", "scope ", "group /"].map(|of| format!("{of}{it}"))));
            let found: BTreeSet<String> = objects(&Admin::of(realm)).difference(&self.keycloaks_own).cloned().collect();
            assert_eq!(found, expected, "{realm}");
            self.is_administered(realm, owner);
            handed.insert(format!("{owner}/administrator.yaml"));
            for cluster in *clusters {
                let issuer = format!("{}/realms/{realm}", access().http_url);
                assert_eq!(self.kubeconfig(cluster), ApiServer { issuer, audience: (*cluster).to_owned() });
                let (tenant, _) = cluster.split_once("-kubernetes-").unwrap();
                handed.insert(format!("{tenant}/{cluster}.kubeconfig"));
            }
        }
        let root = self.copy.path().join(".handed");
        let files = WalkDir::new(&root).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        let files = files.map(|file| file.path().strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
        assert_eq!(files.collect::<BTreeSet<_>>(), handed);
    }

    /// Who has the secret of an owner may do everything in that realm, and nothing in another.
    #[track_caller]
    fn is_administered(&self, realm: &str, owner: &str) {
        let secret = self.yaml(&format!("{owner}/administrator.yaml"));
        assert_eq!((secret["kind"].as_str(), secret["metadata"]["namespace"].as_str()), (Some("Secret"), Some(owner)));
        let value = |key: &str| secret["stringData"][key].as_str().unwrap().to_owned();
        assert_eq!((value("url"), value("realm")), (access().http_url.clone(), realm.to_owned()));
        assert!(value("email").contains('@'));
        let admin = Admin::of(realm);
        let (username, password) = (value("username"), value("password"));
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", username.as_str()),
            ("password", password.as_str()),
        ];
        let answer = admin.token(&value("url"), realm, &form);
        let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("{realm}: {answer}"));
        let status = |of: &str| {
            let users = format!("{}/admin/realms/{of}/users?max=1", access().http_url);
            admin.registration(&users, token, None).0
        };
        assert_eq!(status(realm), 200);
        let other = if realm == "clusters-root" { "master" } else { "clusters-root" };
        assert!(matches!(status(other), 401 | 403), "{realm} administers {other}");
    }
}

/// All clients, client scopes, groups, users and roles of a realm.
fn objects(admin: &Admin) -> BTreeSet<String> {
    let lists = [
        ("client", "clients?max=1000", "clientId"),
        ("scope", "client-scopes", "name"),
        ("group", "groups?max=1000&briefRepresentation=false", "path"),
        ("user", "users?max=1000", "username"),
        ("role", "roles?max=1000", "name"),
    ];
    let mut found = BTreeSet::new();
    for (what, list, name) in lists {
        for object in admin.get(list).as_array().unwrap() {
            assert_eq!(object["subGroupCount"].as_u64().unwrap_or_default(), 0, "{object}");
            found.insert(format!("{what} {}", object[name].as_str().unwrap()).replace(&admin.realm, "REALM"));
        }
    }
    found
}

fn tree() -> Tree {
    let realms = ["bare", "root", "acme", "acme-staging", "acme-prod", "acme-prod-eu"];
    for realm in realms {
        Admin::of(&format!("{PREFIX}{realm}")).delete_if_there("");
    }
    let bare = Admin::of("clusters-bare");
    bare.post_realm(&json!({ "realm": "clusters-bare", "enabled": true }));
    let keycloaks_own = objects(&bare);
    bare.delete_if_there("");
    let copy = copied(&example());
    let program = Program::with_server().at(copy.path());
    program.git(&["init", "--quiet", copy.path().to_str().unwrap()]);
    Tree { copy, program, blocks: blocks().into_iter(), keycloaks_own }
}

#[test]
fn realms_are_given_and_taken_away_and_nothing_is_left_over() {
    let mut tree = tree();
    let (root, tools) = (("clusters-root", "root", &[][..]), "acme-kubernetes-tools");
    let [web, batch, eu] = ["acme-prod-kubernetes-web", "acme-prod-kubernetes-batch", "acme-prod-eu-kubernetes-web"];
    let staged = "acme-staging-kubernetes-web";
    let staging: Owned<'_> = ("clusters-acme-staging", "acme-staging", &[staged]);

    // Twice, since what was handed over stays.
    let told = tree.next();
    assert!(
        told.contains("\"realm\": \"clusters-acme\"") && told.contains(&format!("--oidc-client-id={eu}")),
        "{told}"
    );
    let handed = ["root", "acme", "acme-staging"].map(|owner| tree.text(&format!("{owner}/administrator.yaml")));
    let again = tree.run("realmform apply --yes");
    assert!(!again.contains("issued") && !again.contains("written"), "{again}");
    assert_eq!(handed, ["root", "acme", "acme-staging"].map(|owner| tree.text(&format!("{owner}/administrator.yaml"))));
    tree.is(&[root, ("clusters-acme", "acme", &[tools, web, batch, eu]), staging]);
    who_may_what(&tree);

    // The tenant gets a realm; the one inside of it gets it instead; one gives it up. What moves is made before it goes.
    let first = |told: &str, one: &str, other: &str| {
        let at = |realm: &str| told.find(&format!("{realm}: applied")).unwrap_or_else(|| panic!("{realm}: {told}"));
        assert!(at(one) < at(other), "{told}");
    };
    first(&tree.next(), "clusters-acme-prod", "\nclusters-acme");
    tree.is(&[
        root,
        ("clusters-acme", "acme", &[tools]),
        ("clusters-acme-prod", "acme-prod", &[web, batch, eu]),
        staging,
    ]);
    first(&tree.next(), "\nclusters-acme", "clusters-acme-prod");
    let inner = ("clusters-acme-prod-eu", "acme-prod-eu", &[eu][..]);
    tree.is(&[root, ("clusters-acme", "acme", &[tools, web, batch]), inner, staging]);
    first(&tree.next(), "\nclusters-acme", "clusters-acme-staging");
    tree.is(&[root, ("clusters-acme", "acme", &[tools, web, batch, staged]), inner]);
    // Whose realm stayed has the same password all the time.
    assert_eq!(handed[..2], ["root", "acme"].map(|owner| tree.text(&format!("{owner}/administrator.yaml"))));

    tree.next();
    tree.is(&[root, ("clusters-acme", "acme", &[tools, web, staged]), inner]);
    tree.next();
    tree.is(&[root, ("clusters-acme", "acme", &[tools, web, "acme-lab-kubernetes-web"]), inner]);
    tree.next();
    tree.is(&[]);
    assert!(tree.blocks.next().is_none());
}

/// Who signs in at a cluster is believed by that one, and by no other.
fn who_may_what(tree: &Tree) {
    let admin = Admin::of("clusters-acme");
    let [web, batch, eu] = ["acme-prod-kubernetes-web", "acme-prod-kubernetes-batch", "acme-prod-eu-kubernetes-web"];
    admin.post(
        "users",
        &json!({
            "username": "joan", "email": "jo@acme.example", "firstName": "Jo", "lastName": "Doe", "enabled": true,
            "emailVerified": true, "groups": [format!("/{web}")],
            "credentials": [{ "type": "password", "value": "try-it", "temporary": false }],
        }),
    );
    let servers = [web, batch, eu].map(|cluster| tree.kubeconfig(cluster));
    let [of_web, of_batch, of_eu] = &servers;
    // With the browser, as kubelogin does, which is the only way to most.
    for server in [of_web, of_eu] {
        let tokens = server.sign_in("joan", "try-it");
        for kind in ["id_token", "access_token"] {
            let token = tokens[kind].as_str().unwrap_or_else(|| panic!("{tokens}"));
            let claims = server.believe(token).unwrap();
            assert_eq!((&claims["email"], &claims["groups"]), (&json!("jo@acme.example"), &json!([web])), "{kind}");
            assert!(claims["realm_access"].is_null() && claims["resource_access"].is_null(), "{claims}");
            for other in servers.iter().filter(|other| *other != server) {
                assert_eq!(other.believe(token), Err(format!("not for {}", other.audience)), "{kind}");
            }
            let elsewhere =
                ApiServer { audience: server.audience.clone(), ..tree.kubeconfig("acme-staging-kubernetes-web") };
            assert_eq!(elsewhere.believe(token), Err("of another issuer".to_owned()), "{kind}");
        }
    }
    let refused = of_web.sign_in_without_proof();
    assert!(refused.contains("error=invalid_request") && refused.contains("code_challenge"), "{refused}");

    // With a password alone where that was asked for, and with no other cluster's audience.
    let direct = |server: &ApiServer, scope: &str| -> Value {
        let form = [
            ("grant_type", "password"),
            ("client_id", server.audience.as_str()),
            ("scope", scope),
            ("username", "joan"),
            ("password", "try-it"),
        ];
        admin.token(&access().http_url, "clusters-acme", &form)
    };
    assert_eq!(direct(of_web, "openid")["error"], "unauthorized_client");
    let tokens = direct(of_batch, "openid");
    let token = tokens["id_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    assert!(of_batch.believe(token).is_ok());
    assert_eq!(of_web.believe(token), Err(format!("not for {web}")));
    assert_eq!(direct(of_batch, &format!("openid {web}"))["error"], "invalid_scope");
    let forged = forged(token, web);
    assert_eq!(of_web.believe(&forged), Err("not signed by the issuer".to_owned()));
    admin.delete(&format!("users/{}", admin.id("users?username=joan&exact=true", "username", "joan")));
}
