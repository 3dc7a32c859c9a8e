//! `plan --changed`: as right as the full plan about what it looks at, and honest about the rest.

use reqwest::Method;
use serde_json::{Value, json};

use crate::readers::everything;
use crate::schemas::Validator;
use crate::support::project::{Output, Project};

const REALM: &str = r#"
displayName = "Applied"
[roles.clerk]
description = "Sells"
[roles.buyer]
[groups."/staff"]
realmRoles = ["clerk"]
[clients.shop]
name = "Shop"
redirectUris = ["https://shop.example/*"]
roles.refund = { description = "Pays back" }
protocolMappers.child = { protocolMapper = "oidc-sub-mapper" }
"#;

const EVENTS: &str = "adminEventsEnabled = true\n";

/// A realm with two more clients in files of their own, applied.
fn project(name: &str, settings: &str) -> Project {
    let project = Project::in_git(name);
    project.write_realm(&format!("{settings}{REALM}"));
    for client in ["desk", "till"] {
        project.write(&format!("{name}/clients/{client}.toml"), &format!("name = \"{client}\"\nroles.user = {{}}\n"));
    }
    project.commit("Applied");
    project.apply();
    project
}

/// What both plans say of a project, and what the quick one says on standard error.
struct Plans {
    quick: Value,
    full: Value,
    notes: String,
}

#[track_caller]
fn plans(project: &Project) -> Plans {
    let read = |output: &Output| -> Value {
        assert_eq!(output.status, 0, "{output:?}");
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    };
    let output = project.run(&["plan", "--changed", "--format", "json"]);
    let (quick, notes) = (read(&output), output.stderr);
    assert_eq!(Validator::of("output-plan").errors_in(&quick), "");
    let full = read(&project.run(&["plan", "--format", "json"]));
    let realm = |plan: &Value| plan["realms"][&project.realm].clone();
    Plans { quick: realm(&quick), full: realm(&full), notes }
}

impl Plans {
    /// Both say the same, and the quick one without reading everything.
    #[track_caller]
    fn agree(&self) {
        assert!(!self.notes.contains("in full"), "{}", self.notes);
        assert!(self.quick["scope"]["lookedAt"].as_u64() < self.quick["scope"]["managed"].as_u64(), "{}", self.quick);
        self.say_the_same();
    }

    #[track_caller]
    fn say_the_same(&self) {
        for part in ["changes", "adopted", "forgotten", "steps", "recordChanges", "summary"] {
            assert_eq!(self.quick[part], self.full[part], "{part}: {:#} {:#}", self.quick, self.full);
        }
    }

    /// The quick one gave up, for this reason, and says the same.
    #[track_caller]
    fn in_full(&self, reason: &str) {
        assert!(self.notes.contains("planned in full: ") && self.notes.contains(reason), "{reason}: {}", self.notes);
        assert!(self.quick.get("scope").is_none(), "{}", self.quick);
        self.say_the_same();
    }

    fn addresses(&self) -> Vec<&str> {
        let changes = self.quick["changes"].as_array().unwrap();
        changes.iter().map(|change| change["address"].as_str().unwrap().split_once('/').map_or("", |it| it.1)).collect()
    }
}

/// Says something else in a file, and commits it.
#[track_caller]
fn edit(project: &Project, path: &str, from: &str, to: &str) {
    let path = format!("{}/{path}", project.realm);
    let text = std::fs::read_to_string(project.folder().join(&path)).unwrap();
    assert!(text.contains(from), "{from}");
    project.write(&path, &text.replace(from, to));
    project.commit(&format!("Say {to}"));
}

#[test]
fn what_the_files_changed_is_planned_as_in_full() {
    let project = project("changed-files", "");
    plans(&project).agree();
    edit(&project, "clients/desk.toml", "\"desk\"", "\"Desk\"");
    let output = project.run(&["plan", "--changed"]);
    let summary: Vec<&str> = output.stdout.lines().rev().take(2).collect();
    assert_eq!(summary[1], "Plan: 0 to create, 1 to update, 0 to rename, 0 to delete.");
    assert!(
        summary[0]
            .starts_with("changed-files: looked at 1 of 11 managed objects, those that changed in the files since ")
            && summary[0].ends_with(
                ". What changed on the server was not looked for: the realm keeps no admin events \
                 (adminEventsEnabled). Secrets of other objects were not compared."
            ),
        "{output:?}"
    );
    let comment = project.run(&["plan", "--changed", "--format", "markdown"]).stdout;
    assert!(comment.contains("\n\nchanged-files: looked at 1 of 11 managed objects"), "{comment}");
    let both = plans(&project);
    both.agree();
    assert_eq!(both.addresses(), ["clients/desk"]);

    // A new one, in a file of its own, with what hangs below it; something below one; the realm; a reference.
    project.write("changed-files/clients/web.toml", "publicClient = true\nroles.visitor = {}\n");
    project.write("changed-files/clients/till/roles/manager.toml", "description = \"Counts\"\n");
    edit(&project, "realm.toml", "displayName = \"Applied\"", "displayName = \"Edited\"");
    edit(&project, "realm.toml", "realmRoles = [\"clerk\"]", "realmRoles = [\"buyer\"]");
    edit(&project, "realm.toml", "\"Pays back\"", "\"Pays\"");
    let both = plans(&project);
    both.agree();
    let expected = [
        "",
        "clients/desk",
        "clients/shop/roles/refund",
        "clients/till/roles/manager",
        "clients/web",
        "clients/web/roles/visitor",
        "groups/\"/staff\"",
    ];
    assert_eq!(both.addresses(), expected);

    // What is not committed counts as well.
    project.write("changed-files/clients/till.toml", "name = \"dirty\"\nroles.user = {}\n");
    plans(&project).agree();
    // A revision is looked at like the work tree.
    let output = project.run(&["plan", "--changed", "--rev", "HEAD", "--format", "json"]);
    let plan: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(plan["realms"]["changed-files"]["changes"].as_array().unwrap().len(), 7, "{output:?}");
}

/// What git and the events cannot tell is not left out in silence.
#[test]
fn what_cannot_be_told_is_planned_in_full() {
    let mut project = project("changed-full", "");
    edit(&project, "clients/desk.toml", "roles.user = {}\n", "");
    plans(&project).in_full("changed-full is planned in full: something left its files");
    edit(&project, "clients/desk.toml", "name = \"desk\"", "clientId = \"counter\"\nlifecycle.renamedFrom = \"desk\"");
    plans(&project).in_full("something left its files");
    project.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
    edit(&project, "realm.toml", "displayName", "prune.roles = \"none\"\ndisplayName");
    plans(&project).in_full("its rules for `prune` changed");
    project.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    project.write("realmform.toml", "name = \"changed-full\"\nstrict = true\n");
    plans(&project).in_full("everything is planned in full: realmform.toml changed");
    project.git(&["checkout", "--quiet", "."]);

    // A work tree that is no commit, and a commit that is not here.
    edit(&project, "clients/desk.toml", "\"desk\"", "\"Desk\"");
    project.write("changed-full/clients/till.toml", "name = \"dirty\"\nroles.user = {}\n");
    project.apply();
    plans(&project).in_full("what was applied last is no commit");
    project.commit("Dirt");
    edit(&project, "clients/desk.toml", "\"Desk\"", "\"desk\"");
    project.apply();
    plans(&project).agree();
    project.git(&["checkout", "--quiet", "--orphan", "squashed"]);
    project.commit("Squashed");
    plans(&project).agree();
    project.git(&["branch", "--quiet", "-D", "main"]);
    project.git(&["reflog", "expire", "--expire=now", "--all"]);
    project.git(&["gc", "--quiet", "--prune=now"]);
    plans(&project).in_full("was applied last, and ");

    // A realm that is not there yet.
    project.write("changed-full-more/realm.toml", "displayName = \"New\"\n");
    let output = project.run(&["plan", "--changed", "--realm", "changed-full-more"]);
    assert!(output.stderr.contains("changed-full-more is planned in full: there is no such realm yet"), "{output:?}");
    assert!(output.stdout.contains("+ realm changed-full-more"), "{output:?}");
    let output = project.run(&["plan", "--changed", "--realm", "changed-full-mor"]);
    assert!(output.stderr.contains("--realm changed-full-mor: the project has only"), "{output:?}");
    project.set("SECRET", "unused");
}

/// The files of a client may have any name, and what declares it may be in several.
#[test]
fn a_client_is_read_with_all_its_files() {
    let project = project("changed-split", "");
    project.write("changed-split/clients/other.toml", "clientId = \"desk\"\ndescription = \"of another file\"\n");
    project.write("changed-split/more.toml", "[clients.desk]\nbaseUrl = \"https://desk.example\"\n");
    project.commit("Three files");
    project.apply();
    edit(&project, "clients/desk.toml", "\"desk\"", "\"Desk\"");
    let both = plans(&project);
    both.agree();
    assert_eq!(both.quick["changes"][0]["unchanged"], 2, "{:#}", both.quick);
    edit(&project, "clients/other.toml", "of another", "of one more");
    plans(&project).agree();
    // Twice the same field is an error, wherever the other is.
    edit(&project, "clients/other.toml", "description", "name = \"twice\"\ndescription");
    let output = project.run(&["plan", "--changed"]);
    assert!(output.status == 1 && output.stderr.contains("is set twice"), "{output:?}");
}

/// Whatever is changed by hand is found by its events.
#[test]
fn what_changed_on_the_server_is_planned_as_in_full() {
    let mut project = Project::in_git("changed-events");
    project.set("SECRET", "a-secret-that-nobody-guesses-4711");
    project.write_realm(&format!("{EVENTS}{}", everything().replace("prune = \"all\"\n", "")));
    project.commit("Everything");
    project.apply();
    let both = plans(&project);
    both.agree();
    assert!(both.quick["scope"].get("serverUnknown").is_none(), "{}", both.quick);

    let admin = project.admin();
    let seen = |address: &str| {
        let both = plans(&project);
        assert!(both.notes.is_empty(), "{address}: {}", both.notes);
        both.agree();
        assert!(both.addresses().contains(&address), "{address}: {:?}", both.addresses());
    };
    let changed = |path: &str, field: &str, value: Value, address: &str| {
        let mut object = admin.get(path);
        object[field] = value;
        admin.put(path, &object);
        seen(address);
    };
    let shop = admin.client("shop");
    changed(&format!("clients/{shop}"), "secret", json!("by hand"), "clients/shop");
    let mapper = admin.id(&format!("clients/{shop}/protocol-mappers/models"), "name", "sub");
    admin.delete(&format!("clients/{shop}/protocol-mappers/models/{mapper}"));
    seen("clients/shop/protocolMappers/sub");
    let account = admin.get(&format!("clients/{shop}/service-account-user"))["id"].as_str().unwrap().to_owned();
    admin.send(Method::DELETE, &format!("users/{account}/role-mappings/realm"), &json!([admin.get("roles/auditor")]));
    seen("clients/shop");
    changed("roles/auditor", "attributes", json!({"a": ["3"]}), "roles/auditor");
    let role = admin.get(&format!("clients/{shop}/roles/refund"))["id"].as_str().unwrap().to_owned();
    changed(&format!("roles-by-id/{role}"), "attributes", json!({"a": ["c"]}), "clients/shop/roles/refund");
    let staff = admin.id("groups", "name", "staff");
    let ops = admin.id(&format!("groups/{staff}/children"), "name", "ops");
    admin.send(Method::DELETE, &format!("groups/{ops}/role-mappings/realm"), &json!([admin.get("roles/auditor")]));
    seen("groups/\"/staff/ops\"");
    let scope = admin.id("client-scopes", "name", "tenant");
    admin.send(
        Method::DELETE,
        &format!("client-scopes/{scope}/scope-mappings/realm"),
        &json!([admin.get("roles/auditor")]),
    );
    seen("clientScopes/tenant");
    admin.delete(&format!("default-default-client-scopes/{scope}"));
    seen("");
    let mut provider = admin.get("identity-provider/instances/up");
    provider["config"]["clientId"] = json!("hand");
    admin.put("identity-provider/instances/up", &provider);
    seen("identityProviders/up");
    let ldap = admin.id("components?type=org.keycloak.storage.UserStorageProvider", "name", "ldap");
    let mut provider = admin.get(&format!("components/{ldap}"));
    provider["config"]["usernameLDAPAttribute"] = json!(["cn"]);
    admin.put(&format!("components/{ldap}"), &provider);
    seen("userFederation/ldap");
    let action = "authentication/required-actions/CONFIGURE_TOTP";
    changed(action, "defaultAction", json!(false), "requiredActions/CONFIGURE_TOTP");
    let mut execution = admin.get("authentication/flows/desk/executions")[0].clone();
    execution["requirement"] = json!("DISABLED");
    admin.put("authentication/flows/desk/executions", &execution);
    seen("authenticationFlows/desk");
    let ana = admin.id("users", "username", "ana");
    changed(&format!("users/{ana}"), "firstName", json!("Hand"), "users/ana");
    admin.send(
        Method::PUT,
        &format!("clients/{shop}/authz/resource-server"),
        &json!({"policyEnforcementMode": "PERMISSIVE", "decisionStrategy": "UNANIMOUS", "allowRemoteResourceManagement": true}),
    );
    seen("clients/shop/authorization");
    let mut profile = admin.get("users/profile");
    profile["unmanagedAttributePolicy"] = json!("ENABLED");
    admin.put("users/profile", &profile);
    seen("userProfile");
    let drift = project.run(&["drift", "--skip-unmanaged", "--format", "json"]).stdout;
    let drift: Value = serde_json::from_str(&drift).unwrap();
    let culprits = &drift["realms"]["changed-events"]["culprits"];
    assert_eq!(culprits["changed-events/userProfile"]["client"], "admin-cli", "{culprits:#}");
    admin.put("client-policies/policies", &json!({"policies": []}));
    seen("clientPolicies/all");
    admin.post("localization/de", &json!({"loginTitle": "Von Hand"}));
    seen("localization/de");

    // What is made by hand is nobody's, also when it is changed.
    admin.post("clients", &json!({"clientId": "by-hand"}));
    let by_hand = admin.client("by-hand");
    admin.put(&format!("clients/{by_hand}"), &json!({"clientId": "by-hand", "name": "By hand"}));
    plans(&project).agree();
    // A run ends with the lock's deletion, which names nothing but an id.
    project.apply();
    let both = plans(&project);
    both.agree();
    assert!(both.addresses().is_empty() && both.notes.is_empty(), "{:?}", both.addresses());

    // What runs is no matter of files.
    admin.send(Method::POST, "logout-all", &Value::Null);
    admin.delete("attack-detection/brute-force/users");
    plans(&project).agree();
    // What may have been one of ours, by another name, and what names others.
    admin.put(&format!("clients/{by_hand}"), &json!({"clientId": "by-hand", "name": "Again"}));
    plans(&project).in_full("an admin event is about UPDATE of CLIENT clients/");
    edit(&project, "realm.toml", EVENTS, "adminEventsEnabled = true\ndisplayNameHtml = \"x\"\n");
    project.apply();
    admin.delete("roles/auditor");
    plans(&project).in_full("an admin event is about DELETE of REALM_ROLE roles/auditor");
    project.apply();
    admin.put("", &json!({"realm": "changed-events", "displayName": "By hand"}));
    plans(&project).in_full("an admin event is about UPDATE of REALM");
    project.apply();
    edit(
        &project,
        "realm.toml",
        EVENTS,
        "adminEventsEnabled = true\naccessTokenLifespan = 77\nprune.groups = \"all\"\n",
    );
    project.apply();
    plans(&project).agree();
    admin.post("groups", &json!({"name": "by-hand"}));
    plans(&project).in_full("something was made on the server, where `prune = \"all\"` sweeps");
    project.apply();
    admin.delete("admin-events");
    let both = plans(&project);
    assert_eq!(
        both.quick["scope"]["serverUnknown"],
        "the realm's admin events do not reach back to what was applied last"
    );
}

/// A plan that is saved from it is carried out like others, and the record keeps what nobody looked at.
#[test]
fn a_quick_plan_can_be_saved_and_applied() {
    let project = project("changed-saved", "");
    edit(&project, "clients/desk.toml", "\"desk\"", "\"Desk\"");
    let file = project.folder().join("../changed-saved.plan");
    let file = file.to_str().unwrap();
    let output = project.run(&["plan", "--changed", "--out", file]);
    assert_eq!(output.status, 0, "{output:?}");
    let shown = project.run(&["show", file]);
    assert!(shown.stdout.contains("looked at 1 of 11 managed objects"), "{shown:?}");
    let output = project.run(&["apply", file]);
    std::fs::remove_file(file).unwrap();
    assert!(output.status == 0 && output.stderr.contains("nothing is left to do"), "{output:?}");
    project.assert_empty_plan();
    let both = plans(&project);
    both.agree();
    assert!(both.addresses().is_empty());
}

/// A run that failed half-way left objects that git alone knows nothing of.
#[test]
fn what_a_run_left_unfinished_is_looked_at() {
    let project = project("changed-unfinished", "");
    let admin = project.admin();
    edit(&project, "clients/desk.toml", "\"desk\"", "\"Desk\"");
    // The server refuses a redirect URI with a fragment, and the plan has no say in it.
    edit(&project, "realm.toml", "https://shop.example/*", "https://shop.example/#x");
    let output = project.run(&["apply", "--yes"]);
    assert_eq!(output.status, 6, "{output:?}");
    // As it was applied, by the files; by the server, it never was.
    admin.put(&format!("clients/{}", admin.client("shop")), &json!({"clientId": "shop", "name": "By hand"}));
    let both = plans(&project);
    both.agree();
    assert_eq!(both.addresses(), ["clients/shop"]);
    edit(&project, "realm.toml", "https://shop.example/#x", "https://shop.example/*");
    project.apply();
    let both = plans(&project);
    both.agree();
    assert_eq!(both.quick["scope"]["lookedAt"], 0, "{:#}", both.quick);
}
