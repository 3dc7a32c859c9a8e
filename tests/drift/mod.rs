//! What moved since it was applied: on the server, in the files, or both; who did it, and what is nobody's.

mod adopt;

use realmform::keycloak::{Connection, Credentials, Http};
use serde_json::{Value, json};

use crate::schemas::Validator;
use crate::support::access;
use crate::support::project::{Output, Project};
use crate::support::run::block;

const SECRET: &str = "the secret of the shop";

const REALM: &str = r#"
displayName = "Applied"
accessTokenLifespan = 300
adminEventsEnabled = true
attributes.map = "applied"
[roles.clerk]
description = "Sells"
[roles.gone]
[groups."/staff"]
realmRoles = ["clerk"]
[clients.shop]
name = "Shop"
secret = { env = "SECRET" }
redirectUris = ["https://shop.example/*"]
protocolMappers.child = { protocolMapper = "oidc-sub-mapper" }
[authenticationFlows.desk]
executions = [
  { authenticator = "auth-cookie", requirement = "ALTERNATIVE" },
  { authenticator = "identity-provider-redirector", requirement = "ALTERNATIVE" },
]
"#;

fn project(name: &str) -> Project {
    let mut project = Project::in_git(name);
    project.set("SECRET", SECRET);
    project.write_realm(REALM);
    project.commit("Applied");
    project.apply();
    project
}

#[track_caller]
fn drift(project: &Project, arguments: &[&str]) -> (Value, i32) {
    let output = project.run(&[&["drift", "--format", "json"], arguments].concat());
    let report = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(Validator::of("output-drift").errors_in(&report), "");
    (report, output.status)
}

/// The changes of a bucket as `action address: path before → after`.
fn lines(bucket: &Value) -> Vec<String> {
    let value = |side: &Value| side.get("value").map_or_else(|| side.to_string(), ToString::to_string);
    let line = |change: &Value| {
        let fields = change["fields"].as_array().unwrap().iter().map(|field| {
            let path: Vec<&str> = field["path"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
            format!(" {} {} → {}", path.join("."), value(&field["before"]), value(&field["after"]))
        });
        let (action, address) = (change["action"].as_str().unwrap(), change["address"].as_str().unwrap());
        format!("{action} {address}:{}", fields.collect::<String>())
    };
    bucket.as_array().unwrap().iter().map(line).collect()
}

#[test]
fn what_moved_is_in_the_bucket_of_who_moved_it() {
    let mut project = project("drift-buckets");
    let (report, status) = drift(&project, &[]);
    assert_eq!((status, &report["summary"]), (0, &json!({"drift": 0, "pending": 0, "unmanaged": 0})), "{report}");
    let text = project.run(&["drift"]);
    assert_eq!((text.stdout.as_str(), text.status), ("Drift: none. Pending: none. Unmanaged: none.\n", 0));

    // By hand: a scalar, an entry of a map, a set, a child, a whole object, a flow, a secret, and what is nobody's.
    let admin = project.admin();
    admin.put("", &json!({"realm": "drift-buckets", "displayName": "By hand", "attributes": {"map": "hand"}}));
    let shop = admin.client("shop");
    admin.put(
        &format!("clients/{shop}"),
        &json!({"clientId": "shop", "redirectUris": ["https://hand.example/*"], "secret": "another"}),
    );
    let mapper = admin.id(&format!("clients/{shop}/protocol-mappers/models"), "name", "child");
    admin.delete(&format!("clients/{shop}/protocol-mappers/models/{mapper}"));
    admin.delete("roles/gone");
    let executions = admin.get("authentication/flows/desk/executions");
    let mut cookie = executions[0].clone();
    cookie["requirement"] = "DISABLED".into();
    admin.put("authentication/flows/desk/executions", &cookie);
    admin.post("roles", &json!({"name": "nobodys"}));
    admin.post("clients", &json!({"clientId": "nobodys-app"}));
    admin.post(&format!("clients/{shop}/roles"), &json!({"name": "nobodys-role"}));

    // In the files: another scalar, one that moved on both sides, a new object, and one that is no longer there.
    let edited = REALM
        .replace("accessTokenLifespan = 300", "accessTokenLifespan = 600")
        .replace("\"Applied\"", "\"Edited\"")
        .replace("[roles.clerk]\ndescription = \"Sells\"", "[roles.clerk]\n[roles.new]");
    project.write_realm(&edited);
    let (report, status) = drift(&project, &[]);
    assert_eq!(status, 2);
    let realm = &report["realms"]["drift-buckets"];
    assert_eq!(
        lines(&realm["drift"]),
        [
            "update drift-buckets: attributes.map \"applied\" → \"hand\" displayName \"Applied\" → \"By hand\"",
            "update drift-buckets/authenticationFlows/desk: executions \
             [{\"authenticator\":\"auth-cookie\",\"requirement\":\"ALTERNATIVE\"},\
             {\"authenticator\":\"identity-provider-redirector\",\"requirement\":\"ALTERNATIVE\"}] → \
             [{\"authenticator\":\"auth-cookie\",\"requirement\":\"DISABLED\"},\
             {\"authenticator\":\"identity-provider-redirector\",\"requirement\":\"ALTERNATIVE\"}]",
            "update drift-buckets/clients/shop: redirectUris [\"https://shop.example/*\"] → \
             [\"https://hand.example/*\"] secret {\"secret\":true} → {\"secret\":{\"env\":\"SECRET\"}}",
            "delete drift-buckets/clients/shop/protocolMappers/child:",
            "delete drift-buckets/roles/gone:",
        ]
    );
    assert_eq!(
        lines(&realm["pending"]),
        [
            "update drift-buckets: accessTokenLifespan 300 → 600 displayName \"By hand\" → \"Edited\"",
            "update drift-buckets/roles/clerk: description \"Sells\" → {\"absent\":true}",
            "create drift-buckets/roles/new:",
        ]
    );
    assert_eq!(
        realm["unmanaged"],
        json!([
            "drift-buckets/clients/nobodys-app",
            "drift-buckets/clients/shop/roles/nobodys-role",
            "drift-buckets/roles/nobodys"
        ])
    );
    assert_eq!(report["partial"], false);

    // Who did it, as far as there are events.
    let user = access().user.clone();
    for address in [
        "drift-buckets",
        "drift-buckets/clients/shop",
        "drift-buckets/roles/gone",
        "drift-buckets/clients/shop/protocolMappers/child",
    ] {
        let culprit = &realm["culprits"][address];
        assert_eq!((&culprit["user"], &culprit["client"]), (&json!(user), &json!("admin-cli")), "{address}: {realm:#}");
        assert!(
            culprit["address"].as_str().unwrap().contains('.') || culprit["address"].as_str().unwrap().contains(':')
        );
    }
    let text = project.run(&["drift"]).stdout;
    assert!(text.contains(&format!("by {user} with admin-cli from ")), "{text}");
    assert!(text.contains("displayName: \"Applied\" → \"By hand\""), "{text}");
    assert!(!text.contains(SECRET) && !text.contains("another"), "{text}");
    let comment = project.run(&["drift", "--format", "markdown"]).stdout;
    let marker = format!("<!-- realmform:drift drift-buckets {} -->", access().http_url);
    assert!(comment.starts_with(&format!("{marker}\n## realmform: drift\n")), "{comment}");
    for title in ["## Drift: ", "## Pending: ", "## Unmanaged: ", "nobodys-app", "was changed by "] {
        assert!(comment.contains(title), "{title}: {comment}");
    }

    // Less of it.
    let ignored = ["--ignore", "drift-buckets.displayName", "--ignore", "drift-buckets/*", "--skip-unmanaged"];
    let (report, _) = drift(&project, &ignored);
    let realm = &report["realms"]["drift-buckets"];
    assert_eq!(lines(&realm["drift"]), ["update drift-buckets: attributes.map \"applied\" → \"hand\""]);
    assert_eq!(lines(&realm["pending"]), ["update drift-buckets: accessTokenLifespan 300 → 600"]);
    assert_eq!(realm["unmanaged"], json!([]));

    // A secret that is not at hand is not compared, and that is said.
    project.set("SECRET", "");
    let (report, _) = drift(&project, &[]);
    assert_eq!((&report["partial"], &report["secretsNotCompared"]), (&json!(true), &json!(1)));
    assert!(!lines(&report["realms"]["drift-buckets"]["drift"]).concat().contains("secret"), "{report:#}");
}

#[test]
fn drift_alone_is_set_back() {
    let project = project("drift-revert");
    let admin = project.admin();
    admin.put("", &json!({"realm": "drift-revert", "displayName": "By hand"}));
    admin.delete("roles/gone");
    admin.post("roles", &json!({"name": "nobodys"}));
    project.write_realm(&REALM.replace("accessTokenLifespan = 300", "accessTokenLifespan = 600"));
    let asked = project.run(&["drift", "--revert"]);
    assert_eq!(asked.status, 1, "{asked:?}");
    assert!(asked.stderr.contains("there is nobody to ask"), "{asked:?}");
    let Output { stdout, stderr, status } = project.run(&["drift", "--revert", "--yes"]);
    assert_eq!(status, 0, "{stdout}\n{stderr}");
    assert!(stderr.contains("drift-revert: applied, 2 changes"), "{stderr}");
    let (report, status) = drift(&project, &[]);
    assert_eq!(status, 0);
    assert_eq!(report["summary"], json!({"drift": 0, "pending": 1, "unmanaged": 1}));
    assert_eq!(admin.get("")["displayName"], "Applied");
    assert_eq!(admin.get("")["accessTokenLifespan"], 300, "an edit waits for its apply");
    assert_eq!(admin.status("roles/nobodys"), 200);
    assert_eq!(drift(&project, &["--fail-on", "drift,pending"]).1, 2);
    project.apply();
}

/// An edit has its commit, also one of a branch that was merged; drift has who did it; what moved on both sides has both.
#[test]
fn a_plan_says_who_is_behind_each_change() {
    let project = project("drift-explained");
    let admin = project.admin();
    admin.post(
        "users",
        &json!({"username": "eve", "enabled": true, "email": "eve@acme.example", "firstName": "Eve", "lastName": "E",
            "credentials": [{"type": "password", "value": SECRET}]}),
    );
    let eve = admin.id("users?username=eve&exact=true", "username", "eve");
    let management = admin.client("realm-management");
    let role = admin.get(&format!("clients/{management}/roles/realm-admin"));
    admin.post(&format!("users/{eve}/role-mappings/clients/{management}"), &json!([role]));

    // A branch, and a conflict that the merge commit itself solves.
    project.git(&["checkout", "--quiet", "-b", "longer"]);
    let longer = REALM.replace("accessTokenLifespan = 300", "accessTokenLifespan = 600");
    project.write_realm(&longer.replace("\"Sells\"", "\"Sells for long\""));
    project.commit("Let tokens live longer");
    project.git(&["checkout", "--quiet", "main"]);
    project.write("drift-explained/more.toml", "[roles.more]\n");
    project.write_realm(&REALM.replace("\"Sells\"", "\"Sells here\""));
    project.commit("Add a role");
    project.git(&["merge", "--quiet", "--no-commit", "--no-ff", "--strategy=ours", "longer"]);
    let merged = longer.replace("\"Sells\"", "\"Sells here for long\"");
    project.write_realm(&merged);
    project.commit("Merge longer");
    project.write_realm(&merged.replace("\"applied\"", "\"edited\""));
    project.commit("Map otherwise");
    block(async {
        let (user, password) = ("eve".to_owned(), SECRET.into());
        let credentials = Credentials::Password { client_id: "admin-cli".into(), client_secret: None, user, password };
        let mut connection = Connection::new(&access().http_url, credentials);
        connection.realm = "drift-explained".into();
        let http = Http::connect(connection).await.unwrap();
        let by_hand = json!({"realm": "drift-explained", "displayName": "By hand", "attributes": {"map": "hand"}});
        http.put("/drift-explained", &by_hand).await.unwrap();
    });

    let output = project.run(&["plan", "--explain"]);
    assert_eq!(output.status, 0, "{output:?}");
    let line = |start: &str| {
        let mut lines = output.stdout.lines().map(str::trim).skip_while(|line| !line.contains(start));
        [lines.next().unwrap_or_default().to_owned(), lines.next().unwrap_or_default().to_owned()]
    };
    let [field, commit] = line("accessTokenLifespan: 300 → 600");
    assert!(field.ends_with("edit") && commit.ends_with("by Test: Let tokens live longer"), "{output:?}");
    let [field, commit] = line("description: \"Sells\" → \"Sells here for long\"");
    assert!(field.ends_with("edit") && commit.ends_with("by Test: Merge longer"), "{output:?}");
    let [field, after] = line("displayName: \"By hand\" → \"Applied\"");
    assert!(field.ends_with("drift") && !after.contains(" by Test: "), "{output:?}");
    let [field, base] = line("attributes.map: \"hand\" → \"edited\"");
    assert!(field.ends_with("both") && base == "applied last: \"applied\"", "{output:?}");
    assert!(line("applied last: \"applied\"")[1].ends_with("by Test: Map otherwise"), "{output:?}");
    assert!(output.stdout.contains("changed on the server by eve with admin-cli from "), "{output:?}");

    let reports = ["--report", "markdown=.plan.md", "--report", "json=.plan.json"];
    assert_eq!(project.run(&[&["plan", "--explain"], &reports[..]].concat()).stdout, output.stdout);
    let read = |path: &str| std::fs::read_to_string(project.folder().join(path)).unwrap();
    let comment = read(".plan.md");
    for told in ["by Test: Let tokens live longer\n", "changed on the server by eve with admin-cli from "] {
        assert!(comment.contains(told), "{told}: {comment}");
    }
    let json: Value = serde_json::from_str(&read(".plan.json")).unwrap();
    assert_eq!(Validator::of("output-plan").errors_in(&json), "");
    let realm = &json["realms"]["drift-explained"]["changes"][0];
    assert_eq!(realm["culprit"]["user"], "eve");
    let field = realm["fields"].as_array().unwrap().iter().find(|field| field["path"][0] == "accessTokenLifespan");
    assert_eq!(field.unwrap()["commit"]["subject"], "Let tokens live longer");
    let (report, _) = drift(&project, &[]);
    assert_eq!(report["realms"]["drift-explained"]["culprits"]["drift-explained"]["user"], "eve");
    assert_eq!(report["realms"]["drift-explained"]["unmanaged"], json!([]), "people are nobody's to tell");
    explained(&project);
}

/// The story of one field, of one object, and of what there is not.
fn explained(project: &Project) {
    let told = project.run(&["explain", "drift-explained.attributes.map"]);
    assert_eq!(told.status, 0, "{told:?}");
    let lines: Vec<&str> = told.stdout.lines().map(str::trim).collect();
    let after =
        |start: &str| lines.iter().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("{told:?}"));
    assert!(lines[0].starts_with("# realm drift-explained"), "{told:?}");
    assert!(after("attributes.map").ends_with("both"), "{told:?}");
    assert!(after("files    \"edited\"").ends_with("drift-explained/realm.toml:5"), "{told:?}");
    assert!(lines.iter().any(|line| line.ends_with("by Test: Map otherwise")), "{told:?}");
    assert_eq!(after("applied  "), "\"applied\"");
    assert_eq!(after("server   "), "\"hand\"");
    assert!(after("changed on the server since by eve ").contains("admin-cli"), "{told:?}");

    let shop = project.run(&["explain", "drift-explained/clients/shop", "--format", "json"]);
    assert_eq!(shop.status, 0, "{shop:?}");
    assert!(!shop.stdout.contains(SECRET), "{shop:?}");
    let shop: Value = serde_json::from_str(&shop.stdout).unwrap();
    assert_eq!(Validator::of("output-explain").errors_in(&shop), "");
    let paths: Vec<&str> =
        shop["fields"].as_array().unwrap().iter().map(|field| field["path"][0].as_str().unwrap()).collect();
    assert_eq!(paths, ["name", "redirectUris", "secret"]);
    assert_eq!((&shop["fields"][2]["server"], &shop["fields"][2]["cause"]), (&json!({"secret": true}), &Value::Null));
    let all = project.run(&["explain", "drift-explained/clients/shop", "--all"]).stdout;
    assert!(all.contains("\n  standardFlowEnabled") && !all.contains(SECRET), "{all}");

    for (what, told) in [
        ("drift-explained/clients/nobody", "there is no drift-explained/clients/nobody"),
        ("drift-explained/clients/shop.fromMars", "has no field fromMars"),
        ("drift-explained/things/x", "is no address"),
    ] {
        let output = project.run(&["explain", what]);
        assert_eq!(output.status, 64, "{what}: {output:?}");
        assert!(output.stderr.contains(told), "{what}: {output:?}");
    }
    // What no file speaks of is explained as well.
    let output = project.run(&["explain", "drift-explained/roles/offline_access.description"]);
    assert!(output.status == 0 && output.stdout.contains("on the server, and in no file"), "{output:?}");
}

/// What was applied is not in git: an edit and drift look alike, and nobody says that there is none.
#[test]
fn what_cannot_be_explained_is_said() {
    let project = project("drift-unexplained");
    project.write_realm(&REALM.replace("\"Applied\"", "\"Not committed\""));
    project.apply();
    project.write_realm(REALM);
    let (report, status) = drift(&project, &[]);
    assert_eq!(status, 2);
    let realm = &report["realms"]["drift-unexplained"];
    assert_eq!(realm["explained"], false);
    assert_eq!(lines(&realm["drift"]), ["update drift-unexplained: displayName \"Applied\" → \"Not committed\""]);
    assert!(project.run(&["drift"]).stdout.contains("Drift, or edits: "));
    let reverted = project.run(&["drift", "--revert", "--yes"]);
    assert_eq!(reverted.status, 1, "{reverted:?}");
    assert!(reverted.stderr.contains("what was applied to drift-unexplained cannot be read"), "{reverted:?}");
}

/// A realm that cannot be read is not one without drift.
#[test]
fn a_realm_that_cannot_be_read_is_no_realm_without_drift() {
    let mut project = project("drift-partial");
    let hidden = Project::new("drift-partial-hidden");
    hidden.apply();
    project.admin().post(
        "clients",
        &json!({"clientId": "viewer", "secret": SECRET, "serviceAccountsEnabled": true, "publicClient": false}),
    );
    let viewer = project.admin().client("viewer");
    let account =
        project.admin().get(&format!("clients/{viewer}/service-account-user"))["id"].as_str().unwrap().to_owned();
    let management = project.admin().client("realm-management");
    let roles = ["view-realm", "view-clients", "view-users", "view-identity-providers"]
        .map(|role| project.admin().get(&format!("clients/{management}/roles/{role}")));
    project.admin().post(&format!("users/{account}/role-mappings/clients/{management}"), &json!(roles));
    project.write("drift-partial-hidden/realm.toml", "displayName = \"Hidden\"\n");
    project.commit("Another realm");
    project.sign_in_as_client("drift-partial", "viewer", SECRET);
    let (report, status) = drift(&project, &["--skip-unmanaged"]);
    assert_eq!((status, &report["partial"]), (1, &json!(true)), "{report:#}");
    assert!(report["unread"]["drift-partial-hidden"].as_str().unwrap().contains("403"), "{report:#}");
    assert_eq!(report["realms"]["drift-partial"]["summary"]["drift"], 0);
    assert_eq!(report["realms"].get("drift-partial-hidden"), None);
    let text = project.run(&["drift", "--skip-unmanaged"]).stdout;
    assert!(text.contains("Partial: nothing is known of drift-partial-hidden."), "{text}");
}
