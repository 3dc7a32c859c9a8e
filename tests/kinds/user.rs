//! Users: seeds and accounts to break the glass with, in a realm full of others.

use realmform::model::kinds::USER;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::access;
use crate::support::admin::Admin;
use crate::support::project::Project;

const STORY: Story = Story {
    realm: "kinds-user",
    kind: &USER,
    table: "users.alice",
    fixed: "",
    samples: &[
        ("email", "\"alice@acme.example\"", "\"a@acme.example\""),
        ("emailVerified", "false", "true"),
        ("firstName", "\"Alice\"", "\"Alicia\""),
        ("lastName", "\"Smith\"", "\"Jones\""),
        ("enabled", "true", "false"),
        ("attributes.floor", "\"1\"", "[\"1\", \"2\"]"),
        ("requiredActions", "[\"CONFIGURE_TOTP\"]", "[\"CONFIGURE_TOTP\", \"VERIFY_EMAIL\"]"),
        ("password", "{ env = \"FIRST_SECRET\" }", "{ env = \"SECOND_SECRET\" }"),
        ("realmRoles", "[\"hand\"]", "[\"offline_access\"]"),
        ("clientRoles.hand", "[]", "[\"hand\"]"),
        ("clientRoles.account", "[\"view-profile\"]", "[\"view-profile\", \"view-groups\"]"),
        ("groups", "[\"/hand\"]", "[\"/hand\", \"/staff\"]"),
    ],
    at_once: 1,
    others: "[groups.\"/staff\"]\n",
    by_hand: |admin| {
        admin.put("", &json!({"editUsernameAllowed": true}));
        let mut profile = admin.get("users/profile");
        profile["unmanagedAttributePolicy"] = json!("ADMIN_EDIT");
        admin.put("users/profile", &profile);
        let Some(mut user) = find(admin, "alice") else { return };
        let id = user["id"].as_str().unwrap().to_owned();
        user["attributes"]["byHand"] = json!(["x"]);
        admin.put(&format!("users/{id}"), &user);
    },
    raw: |admin| raw(admin, "alice"),
    // A password that is set anew is another credential.
    follows: &[],
};

#[test]
fn life_of_a_user() {
    covers(&USER, &[&STORY]);
    let told = STORY.tell();
    told.rename("users.alicia", "alice", |admin| raw(admin, "alicia"));
    // Nothing of a user is in the files but what they say.
    told.project.write_realm(STORY.others);
    assert_eq!(told.project.run(&["plan"]).status, 4);
    told.delete(&["--allow-destroy", "kinds-user/users/alicia"], |admin| find(admin, "alicia").is_none());
}

#[test]
fn a_password_is_set_once_and_when_it_changes() {
    let mut project = Project::new("kinds-user-password");
    project.set("SEED", "the-first-password");
    let user =
        "[users.root]\nfirstName = \"R\"\nlastName = \"T\"\nemail = \"r@t.example\"\npassword = { env = \"SEED\" }\n";
    let policy = "passwordPolicy = \"length(8) and passwordHistory(3)\"\n";
    project.write_realm(&format!("{policy}{user}"));
    project.apply();
    let admin = project.admin();
    let signs_in = |password: &str| signs_in(&admin, "root", password);
    assert!(signs_in("the-first-password"));

    // Whoever has it in hand may change it.
    let id = admin.id("users?username=root&exact=true", "username", "root");
    admin.put(&format!("users/{id}/reset-password"), &json!({"type": "password", "value": "their-own-password"}));
    project.assert_empty_plan();
    project.write_realm(&format!("{policy}{user}lastName = \"S\"\n").replace("lastName = \"T\"\n", ""));
    project.apply();
    assert!(signs_in("their-own-password"));

    project.set("SEED", "the-second-password");
    assert_eq!(project.changes(), ["update users/root: password (edit)"]);
    project.apply();
    assert!(signs_in("the-second-password") && !signs_in("their-own-password"));

    // One that was lost is set again.
    let credentials = format!("users/{id}/credentials");
    let lost = admin.id(&credentials, "type", "password");
    admin.delete(&format!("{credentials}/{lost}"));
    assert_eq!(project.changes(), ["update users/root: password (drift)"]);
    project.apply();
    assert!(signs_in("the-second-password"));

    project.write_realm(&format!("{policy}{user}").replace("{ env = \"SEED\" }", "{ keep = true }"));
    project.apply();
    assert!(signs_in("the-second-password"));

    // The server's words, and the line that is to blame.
    project.write_realm(&format!("{policy}{user}"));
    for (value, words) in [
        ("short", "Invalid password: minimum length 8."),
        ("the-second-password", "Invalid password: must not be equal to any of last 3 passwords."),
    ] {
        project.set("SEED", value);
        let refused = project.run(&["apply", "--yes"]);
        assert_eq!(refused.status, 6, "{refused:?}");
        let report = format!("{}{}", refused.stdout, refused.stderr);
        assert!(report.contains(words) && report.contains("realm.toml:"), "{report}");
    }
    project.set("SEED", "short");
    project.write_realm(&format!("{policy}{user}{}", user.replace("root", "other").replace("r@t", "o@t")));
    let refused = project.run(&["apply", "--yes"]);
    assert!(refused.stderr.contains("minimum length 8") || refused.stdout.contains("minimum length 8"), "{refused:?}");
    assert!(find(&admin, "other").is_none(), "a user without a password is left behind");
}

#[test]
fn a_password_that_leaves_the_file_is_gone() {
    let mut project = Project::new("kinds-user-no-password");
    project.set("SEED", "the-first-password");
    project.write_realm("[users.root]\npassword = { env = \"SEED\" }\n");
    project.apply();
    let admin = project.admin();
    assert_ne!(raw(&admin, "root")["password"], json!(null));
    project.write_realm("[users.root]\n");
    assert_eq!(project.changes(), ["update users/root: password (prune)"]);
    project.apply();
    assert_eq!(raw(&admin, "root")["password"], json!(null));
    // Nor is there one to keep.
    project.write_realm("[users.root]\npassword = { keep = true }\n");
    let refused = project.run(&["plan"]);
    assert!(refused.stderr.contains("realm.toml:2: password of kinds-user-no-password/users/root"), "{refused:?}");
}

/// The realm puts new users into groups and asks things of them; files say what a user's are altogether.
#[test]
fn a_new_user_has_what_the_file_says_and_no_more() {
    let project = Project::new("kinds-user-new");
    let realm = "defaultGroups = [\"/everybody\"]\n[groups.\"/everybody\"]\n[groups.\"/few\"]\n\
                 [requiredActions.CONFIGURE_TOTP]\ndefaultAction = true\n";
    project.write_realm(realm);
    project.apply();
    project.write_realm(&format!(
        "{realm}[users.plain]\n[users.empty]\ngroups = []\nrequiredActions = []\nrealmRoles = []\n\
         [users.full]\ngroups = [\"/few\"]\nrequiredActions = [\"UPDATE_PASSWORD\"]\n\
         lifecycle.ignore = [\"requiredActions\"]\n"
    ));
    project.apply();
    let admin = project.admin();
    let of = |name: &str| {
        let user = raw(&admin, name);
        (user["enabled"].clone(), user["groups"].clone(), user["requiredActions"].clone())
    };
    let on = json!(true);
    assert_eq!(of("plain"), (on.clone(), json!(["/everybody"]), json!(["CONFIGURE_TOTP"])));
    assert_eq!(of("empty"), (on.clone(), json!([]), json!([])));
    assert_eq!(of("full"), (on, json!(["/few"]), json!(["UPDATE_PASSWORD"])));
    // What was asked of a new user is not asked again.
    let mut user = find(&admin, "full").unwrap();
    user["requiredActions"] = json!([]);
    admin.put(&format!("users/{}", user["id"].as_str().unwrap()), &user);
    project.assert_empty_plan();
}

/// Users change what is theirs while a plan waits.
#[test]
fn what_no_file_says_is_as_it_is_now() {
    let project = Project::new("kinds-user-meanwhile");
    project.write_realm("[users.alice]\nfirstName = \"A\"\n");
    project.apply();
    let admin = project.admin();
    let id = admin.id("users?username=alice&exact=true", "username", "alice");
    admin.put(&format!("users/{id}"), &json!({"email": "own@acme.example", "lastName": "Own"}));
    project.write_realm("[users.alice]\nfirstName = \"B\"\n");
    project.apply();
    let user = find(&admin, "alice").unwrap();
    assert_eq!((&user["email"], &user["lastName"]), (&json!("own@acme.example"), &json!("Own")));
}

/// What the server would do otherwise than the files say, silently.
#[test]
fn the_server_does_not_get_what_it_would_change() {
    let project = Project::new("kinds-user-refused");
    project.write_realm("[users.alice]\n");
    project.apply();
    let refused = |toml: &str, words: &str| {
        project.write_realm(toml);
        let output = project.run(&["apply", "--yes"]);
        let report = format!("{}{}", output.stdout, output.stderr);
        assert!(output.status != 0 && report.contains(words), "{toml}\n{words}\n{output:?}");
        assert!(report.contains("realm.toml:"), "{report}");
    };
    refused("[users.alice]\nattributes.floor = \"1\"\n", "would not write the attribute floor");
    refused("[users.alice]\n[users.bob]\nattributes.floor = \"1\"\n", "would not write the attribute floor");
    let profile = "[users.alice]\nattributes.floor = \"1\"\n[userProfile.attributes.floor]\n";
    refused(profile, "administrators may not edit");
    refused("[users.alice]\nrequiredActions = [\"CONFIGURE_TOPT\"]\n", "there is no required action `CONFIGURE_TOPT`");
    refused("[users.alicia]\nlifecycle.renamedFrom = \"alice\"\n", "editUsernameAllowed = true");
    refused("[users.alice]\nemail = \"none\"\n", "error-invalid-email");
    // Written at the same time, the two would meet in the database, which says it in other words.
    project.write_realm("[users.alice]\nemail = \"a@b.example\"\n");
    project.apply();
    let both = "[users.alice]\nemail = \"a@b.example\"\n[users.bob]\nemail = \"a@b.example\"\n";
    refused(both, "User exists with same email");
    let profile = "[users.alice]\nattributes.floor = \"1\"\n[userProfile.attributes.floor]\n\
                   permissions = { view = [\"admin\"], edit = [\"admin\"] }\n";
    project.write_realm(profile);
    project.apply_with(&["--allow-destroy", "kinds-user-refused/users/bob"]);

    let admin = project.admin();
    admin.put("", &json!({"registrationEmailAsUsername": true}));
    refused("[users.carl]\nemail = \"c@d.example\"\n[users.alice]\n", "would be called c@d.example, not carl");
    project.write_realm("[users.\"c@d.example\"]\nemail = \"c@d.example\"\n");
    project.apply_with(&["--allow-destroy", "kinds-user-refused/users/alice"]);
    let renamed = "[users.\"e@d.example\"]\nemail = \"e@d.example\"\nlifecycle.renamedFrom = \"c@d.example\"\n";
    project.write_realm(renamed);
    assert_eq!(project.changes(), ["rename users/e@d.example: email (unexplained)"]);
    project.apply();
}

/// Users of a directory are its own: not declared, not swept, not deleted when they came to be so.
#[test]
fn federated_users_are_left_alone() {
    let project = Project::new("kinds-user-federated");
    project.write_realm("[users.alice]\n[users.bob]\n");
    project.apply();
    let admin = project.admin();
    admin.post("components", &json!({
        "name": "the directory", "providerType": "org.keycloak.storage.UserStorageProvider", "providerId": "ldap",
        "config": {"enabled": ["false"], "editMode": ["READ_ONLY"], "connectionUrl": ["ldap://hand.example"], "vendor": ["other"],
                   "usernameLDAPAttribute": ["uid"], "rdnLDAPAttribute": ["uid"], "uuidLDAPAttribute": ["entryUUID"]}}));
    let provider = admin.id("components?name=the%20directory", "name", "the directory");
    for name in ["alice", "carl"] {
        if let Some(user) = find(&admin, name) {
            admin.delete(&format!("users/{}", user["id"].as_str().unwrap()));
        }
        admin.post("users", &json!({"username": name, "federationLink": provider}));
    }
    let before = admin.text("users");
    project.write_realm("[users.alice]\nfirstName = \"A\"\n[users.bob]\n");
    let refused = project.run(&["apply", "--yes"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    let words =
        "realm.toml:1: kinds-user-federated/users/alice comes from the user federation provider \"the directory\"";
    assert!(refused.stderr.contains(words), "{refused:?}");
    project.write_realm("prune.users = \"all\"\n[users.bob]\n");
    project.apply();
    assert_eq!(admin.text("users"), before);
}

/// `prune = "all"` is about what teams set up; it takes the rule for users to mean people.
#[test]
fn only_their_own_rule_sweeps_users() {
    let project = Project::new("kinds-user-sweep");
    project.write_realm("[users.alice]\n");
    project.apply();
    let admin = project.admin();
    admin.post("users", &json!({"username": "mallory"}));
    admin.post("clients", &json!({"clientId": "service", "serviceAccountsEnabled": true}));
    project.write_realm("prune = \"all\"\n[users.alice]\n[clients.service]\n");
    project.apply_with(&["--allow-many-deletes"]);
    project.write_realm("prune.users = \"all\"\n[users.alice]\n[clients.service]\n");
    assert_eq!(project.changes(), ["delete users/mallory"]);
    assert_eq!(project.run(&["plan"]).status, 4, "it takes consent");
    project.apply_with(&["--allow-destroy", "kinds-user-sweep/users/mallory"]);
    assert!(find(&admin, "mallory").is_none() && find(&admin, "alice").is_some());
    assert!(find(&admin, "service-account-service").is_some());
}

fn find(admin: &Admin, name: &str) -> Option<Value> {
    let found = admin.get(&format!("users?username={name}&exact=true"));
    found.as_array().unwrap().first().cloned()
}

fn signs_in(admin: &Admin, user: &str, password: &str) -> bool {
    let form = [("grant_type", "password"), ("client_id", "admin-cli"), ("username", user), ("password", password)];
    let answer = admin.token(&access().http_url, &admin.realm, &form);
    assert!(answer["access_token"].is_string() || answer["error"] == "invalid_grant", "{answer}");
    answer["access_token"].is_string()
}

/// The user with roles and groups, and the id of the password.
fn raw(admin: &Admin, name: &str) -> Value {
    let mut user = find(admin, name).unwrap();
    let path = format!("users/{}", user["id"].as_str().unwrap());
    let mappings = admin.get(&format!("{path}/role-mappings"));
    let realm_roles = mappings["realmMappings"].as_array().unwrap().iter().map(|role| role["name"].clone());
    let is_default = |role: &Value| role.as_str().unwrap().starts_with("default-roles-");
    user["realmRoles"] = realm_roles.filter(|role| !is_default(role)).collect();
    let client_roles = mappings["clientMappings"].as_object().into_iter().flatten();
    user["clientRoles"] = client_roles.map(|(client, of)| (client.clone(), of["mappings"].clone())).collect();
    let groups = admin.get(&format!("{path}/groups"));
    user["groups"] = groups.as_array().unwrap().iter().map(|group| group["path"].clone()).collect();
    let credentials = admin.get(&format!("{path}/credentials"));
    let password = credentials.as_array().unwrap().iter().find(|it| it["type"] == "password");
    user["password"] = password.map(|it| it["id"].clone()).into();
    user
}
