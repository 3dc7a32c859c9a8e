//! What the server has is taken over into the files, and what nobody moved stays as somebody wrote it.

use serde_json::json;

use super::drift;
use crate::support::project::{Output, Project};

const SECRET: &str = "the secret of the adopting shop";

const REALM: &str = r#"# The realm of the shop.
displayName = 'Applied'   # shown when signing in

# Tokens
accessTokenLifespan = "5m" # short
ssoSessionIdleTimeout = 1800
adminEventsEnabled = true

attributes.map = "applied"
attributes.other = "stays" # as it is
smtpServer = { host = "smtp.example", from = "a@shop.example", replyTo = "b@shop.example" }

# Nobody needs it.
[roles.gone]
description = "Gone soon"

[roles.clerk] # at the desk
description = "Sells"
composites = ["gone"]

[groups."/staff"]
realmRoles = [
  "clerk", # all of them
  "gone",
]

[groups."/staff/night"]

[clientScopes.tenant]
[clientScopes.tenant.protocolMappers.tenant]
protocolMapper = "oidc-usermodel-attribute-mapper"
config = { "user.attribute" = "tenant", "claim.name" = "tenant", "access.token.claim" = true } # in access tokens

# How people at the desk sign in.
[authenticationFlows.desk]
executions = [
  # Whoever is signed in already
  { authenticator = "auth-cookie", requirement = "ALTERNATIVE" }, # single sign-on
  { flow = "desk forms", requirement = "ALTERNATIVE", executions = [
    { authenticator = "auth-username-password-form", requirement = "REQUIRED" }, # a password
  ] },
]

# The end.
"#;

const SHOP: &str = r#"# The shop's own file.
name = "Shop"
secret = { env = "SECRET" }
redirectUris = ["https://shop.example/*"] # where people go
attributes."post.logout.redirect.uris" = ["https://shop.example/bye"]
baseUrl = "/start"
"#;

fn project(name: &str) -> Project {
    let mut project = Project::in_git(name);
    project.set("SECRET", SECRET);
    project.write_realm(REALM);
    project.write(&format!("{name}/clients/shop.toml"), SHOP);
    project.write(&format!("{name}/clients/old-shop.toml"), "name = \"Old\"\nroles.seller = {}\n");
    project.commit("Applied");
    project.apply();
    project
}

fn read(project: &Project, path: &str) -> String {
    let path = project.folder().join(&project.realm).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The plan has nothing for the server, and nothing drifted from what the files say.
#[track_caller]
fn is_settled(project: &Project) {
    let planned = project.run(&["plan"]);
    assert!(planned.stdout.starts_with("No changes."), "{}\n{}", planned.stdout, planned.stderr);
    project.apply();
    let (report, status) = drift(project, &["--skip-unmanaged"]);
    assert_eq!((status, &report["summary"]), (0, &json!({"drift": 0, "pending": 0, "unmanaged": 0})), "{report:#}");
}

#[test]
fn what_drifted_is_written_where_it_is_declared() {
    let project = project("drift-adopt");
    let nothing = project.run(&["drift", "--adopt"]);
    assert_eq!(
        (nothing.status, nothing.stderr.as_str()),
        (0, "Nothing to adopt: the files have what the server has.\n")
    );

    let admin = project.admin();
    let by_hand = json!({"realm": "drift-adopt", "displayName": "By hand", "accessTokenLifespan": 7200,
        "attributes": {"map": "hand", "other": "stays"},
        "smtpServer": {"host": "smtp.example", "from": "c@shop.example"}});
    admin.put("", &by_hand);
    admin.delete("roles/gone");
    let scopes = "client-scopes";
    let tenant = admin.id(scopes, "name", "tenant");
    let mappers = format!("client-scopes/{tenant}/protocol-mappers/models");
    let mut mapper = admin.find(&mappers, "name", "tenant");
    mapper["config"]["claim.name"] = "tenant_id".into();
    mapper["config"]["access.token.claim"] = "false".into();
    admin.put(&format!("{mappers}/{}", mapper["id"].as_str().unwrap()), &mapper);
    let shop = admin.client("shop");
    admin.put(
        &format!("clients/{shop}"),
        &json!({"clientId": "shop", "baseUrl": "", "redirectUris": ["https://shop.example/*", "https://hand.example/*"],
            "attributes": {"post.logout.redirect.uris": "https://shop.example/bye##https://hand.example/bye"}}),
    );
    admin.delete(&format!("clients/{}", admin.client("old-shop")));
    let mut cookie = admin.get("authentication/flows/desk/executions")[0].clone();
    cookie["requirement"] = "DISABLED".into();
    admin.put("authentication/flows/desk/executions", &cookie);
    admin.post("authentication/flows/desk%20forms/executions/execution", &json!({"provider": "auth-otp-form"}));
    let group = admin.get("groups?search=night&exact=true")[0]["subGroups"][0]["id"].clone();
    admin.delete(&format!("groups/{}", group.as_str().unwrap()));

    let Output { stdout, stderr, status } = project.run(&["drift", "--adopt", "--skip-unmanaged"]);
    assert_eq!(status, 0, "{stdout}\n{stderr}");
    assert!(stdout.ends_with("Pending: none. Unmanaged: none.\n"), "{stdout}");
    insta::assert_snapshot!(stderr, @r#"
    drift-adopt/clients/old-shop.toml: removed
    drift-adopt/clients/shop.toml: 2 values, 1 field removed
    drift-adopt/realm.toml: 8 values, 2 fields removed, 2 objects removed
    Adopted into 3 files; review it with `git diff`.
    "#);
    insta::assert_snapshot!(read(&project, "realm.toml"), @r#"
    # The realm of the shop.
    displayName = 'By hand'   # shown when signing in

    # Tokens
    accessTokenLifespan = "2h" # short
    ssoSessionIdleTimeout = 1800
    adminEventsEnabled = true

    attributes.map = "hand"
    attributes.other = "stays" # as it is
    smtpServer = { host = "smtp.example", from = "c@shop.example" }

    [roles.clerk] # at the desk
    description = "Sells"

    [groups."/staff"]
    realmRoles = [
      "clerk", # all of them
    ]

    [clientScopes.tenant]
    [clientScopes.tenant.protocolMappers.tenant]
    protocolMapper = "oidc-usermodel-attribute-mapper"
    config = { "user.attribute" = "tenant", "claim.name" = "tenant_id", "access.token.claim" = false } # in access tokens

    # How people at the desk sign in.
    [authenticationFlows.desk]
    executions = [
      # Whoever is signed in already
      { authenticator = "auth-cookie", requirement = "DISABLED" }, # single sign-on
      { flow = "desk forms", requirement = "ALTERNATIVE", executions = [
        { authenticator = "auth-username-password-form", requirement = "REQUIRED" }, # a password
        { authenticator = "auth-otp-form", requirement = "DISABLED" },
      ] },
    ]

    # The end.
    "#);
    insta::assert_snapshot!(read(&project, "clients/shop.toml"), @r#"
    # The shop's own file.
    name = "Shop"
    secret = { env = "SECRET" }
    redirectUris = ["https://shop.example/*", "https://hand.example/*"] # where people go
    attributes."post.logout.redirect.uris" = ["https://shop.example/bye", "https://hand.example/bye"]
    "#);
    assert!(!project.folder().join("drift-adopt/clients/old-shop.toml").exists());
    assert_eq!(project.run(&["check"]).status, 0);

    // Now the files say what the server has, so that nothing drifted from them, committed or not.
    let (report, status) = drift(&project, &["--skip-unmanaged"]);
    assert_eq!((status, &report["summary"]["drift"]), (0, &json!(0)), "{report:#}");
    let again = project.run(&["drift", "--adopt", "--skip-unmanaged"]);
    assert_eq!((again.status, again.stderr.as_str()), (0, "Nothing to adopt: the files have what the server has.\n"));
    project.commit("As it is");
    is_settled(&project);
}

/// Whatever is not for this to decide is told, with the place, and left as it is.
#[test]
fn what_the_files_cannot_take_over_is_left_out() {
    let mut project = project("drift-adopt-part");
    let name = project.realm.clone();
    let guarded = "name = \"Old\"\nroles.seller = {}\nlifecycle.preventDestroy = true\n";
    project.write(&format!("{name}/clients/old-shop.toml"), guarded);
    project.commit("Guard it");
    project.apply();
    let admin = project.admin();
    admin.put(
        "",
        &json!({"realm": name, "displayName": "By hand", "accessTokenLifespan": 60, "ssoSessionIdleTimeout": 60,
        "attributes": {"map": "hand", "other": "hand"}}),
    );
    let shop = admin.client("shop");
    admin.put(&format!("clients/{shop}"), &json!({"clientId": "shop", "secret": "another", "name": "By hand"}));
    admin.delete(&format!("clients/{}", admin.client("old-shop")));
    // Both moved; the second field is no longer declared, and the third one is what the server has already.
    let edited = REALM
        .replace("'Applied'", "'Edited'")
        .replace("attributes.map = \"applied\"\n", "")
        .replace("\"5m\"", "\"1m\"");
    project.write_realm(&edited);
    project.commit("Edited");
    let Output { stdout, stderr, status } = project.run(&["drift", "--adopt", "--skip-unmanaged"]);
    assert_eq!(status, 2, "{stdout}\n{stderr}");
    assert!(!stderr.contains(SECRET) && !stderr.contains("another"), "{stderr}");
    insta::assert_snapshot!(stderr, @r#"
    drift-adopt-part/clients/shop.toml: 1 value
    drift-adopt-part/realm.toml: 2 values
    Adopted into 2 files; review it with `git diff`.
    Left out:
      drift-adopt-part.attributes.map: the files moved as well, and no longer declare it; `realmform apply` carries that out
      drift-adopt-part.displayName: the files moved as well; decide by hand: drift-adopt-part/realm.toml:2
      drift-adopt-part/clients/old-shop: it was deleted, and preventDestroy is to keep it; `realmform drift --revert` makes it again, or remove it by hand: drift-adopt-part/clients/old-shop.toml:1
      drift-adopt-part/clients/shop.secret: a secret is never written; `realmform drift --revert` sets it back, or give the variable or file that it names the server's value: drift-adopt-part/clients/shop.toml:3
    "#);
    let expected = edited.replace("1800", "60").replace("\"stays\"", "\"hand\"");
    assert_eq!(read(&project, "realm.toml"), expected);
    assert_eq!(read(&project, "clients/shop.toml"), SHOP.replace("\"Shop\"", "\"By hand\""));
    assert_eq!(read(&project, "clients/old-shop.toml"), guarded);

    // The policy guards as well, whatever hangs below included.
    project.write(
        "realmform.toml",
        &format!("name = \"{name}\"\npolicy.preventDestroy = [\"{name}/clients/old-shop\"]\n"),
    );
    project.write(&format!("{name}/clients/old-shop.toml"), "name = \"Old\"\nroles.seller = {}\n");
    project.commit("Guard it by the policy");
    let guarded = project.run(&["drift", "--adopt", "--skip-unmanaged"]);
    assert_eq!(guarded.status, 2, "{guarded:?}");
    assert!(guarded.stderr.contains("clients/old-shop: it was deleted, and preventDestroy"), "{guarded:?}");
    assert_eq!(read(&project, "clients/old-shop.toml"), "name = \"Old\"\nroles.seller = {}\n");

    // A secret whose value is not at hand is not compared, so that nothing is said of it.
    project.set("SECRET", "");
    let without = project.run(&["drift", "--adopt", "--skip-unmanaged", "--realm", &name]);
    assert!(!without.stderr.contains("a secret is never written"), "{}", without.stderr);
    assert_eq!(read(&project, "clients/shop.toml"), SHOP.replace("\"Shop\"", "\"By hand\""));
}

#[test]
fn nothing_is_written_where_somebody_is_at_work() {
    let project = project("drift-adopt-dirty");
    let admin = project.admin();
    admin.put("", &json!({"realm": "drift-adopt-dirty", "displayName": "By hand"}));
    let shop = admin.client("shop");
    admin.put(&format!("clients/{shop}"), &json!({"clientId": "shop", "name": "By hand"}));
    let dirty = format!("{REALM}# A note\n");
    project.write_realm(&dirty);
    let refused = project.run(&["drift", "--adopt", "--skip-unmanaged"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    insta::assert_snapshot!(refused.stderr, @r#"
    error: drift-adopt-dirty/realm.toml has changes that no commit has
    hint: nothing was written; commit or stash your changes, or say --force to write beside them
    "#);
    assert_eq!((read(&project, "realm.toml"), read(&project, "clients/shop.toml")), (dirty.clone(), SHOP.to_owned()));

    // Another file is nobody's business.
    let ignored = ["drift", "--adopt", "--skip-unmanaged", "--ignore", "drift-adopt-dirty.*"];
    assert_eq!(project.run(&ignored).status, 0);
    assert_eq!(
        (read(&project, "realm.toml"), read(&project, "clients/shop.toml")),
        (dirty.clone(), SHOP.replace("\"Shop\"", "\"By hand\""))
    );
    let forced = project.run(&["drift", "--adopt", "--skip-unmanaged", "--force"]);
    assert_eq!(forced.status, 0, "{forced:?}");
    assert_eq!(read(&project, "realm.toml"), dirty.replace("Applied", "By hand"));
    project.commit("As it is");
    is_settled(&project);
    // The record knows of it: what is edited next is an edit, and no drift.
    project.write_realm(&read(&project, "realm.toml").replace("By hand", "Edited"));
    assert_eq!(project.changes(), ["update : displayName (edit)"]);

    for other in ["--revert", "--rev=HEAD", "--fail-on=pending"] {
        let refused = project.run(&["drift", "--adopt", other]);
        assert_eq!(refused.status, 64, "{refused:?}");
        assert!(refused.stderr.contains("cannot be used with"), "{refused:?}");
    }
    assert_eq!(project.run(&["drift", "--force"]).status, 64);
}

/// What is deleted must not be named by what stays: nothing is written then.
#[test]
fn files_that_would_not_load_are_not_written() {
    let project = project("drift-adopt-names");
    let admin = project.admin();
    admin.put("", &json!({"realm": "drift-adopt-names", "displayName": "By hand"}));
    admin.delete("roles/gone");
    // The realm's file goes on naming it.
    let ignored = ["--ignore", "drift-adopt-names/groups/*", "--ignore", "drift-adopt-names/roles/clerk"];
    let refused = project.run(&[&["drift", "--adopt", "--skip-unmanaged"], &ignored[..]].concat());
    assert_eq!(refused.status, 1, "{refused:?}");
    insta::assert_snapshot!(refused.stderr, @r#"
    error: nothing was written: what stays names what goes
      drift-adopt-names/realm.toml:19: composites of drift-adopt-names/roles/clerk names `gone`, which was deleted on the server
      drift-adopt-names/realm.toml:22: realmRoles of drift-adopt-names/groups/"/staff" names `gone`, which was deleted on the server
    hint: change that by hand first, or leave it out with `--ignore ADDRESS`; `realmform drift --revert` sets the server back instead
    "#);
    assert_eq!(read(&project, "realm.toml"), REALM);
    let adopted = project.run(&["drift", "--adopt", "--skip-unmanaged"]);
    assert_eq!(adopted.status, 0, "{adopted:?}");
    project.commit("As it is");
    is_settled(&project);
}

/// An edit and drift look alike when nobody knows what was applied.
#[test]
fn what_cannot_be_explained_is_not_adopted() {
    let project = project("drift-adopt-unknown");
    project.write_realm(&REALM.replace("Applied", "Not committed"));
    project.apply();
    project.write_realm(REALM);
    let Output { stderr, status, .. } = project.run(&["drift", "--adopt", "--skip-unmanaged"]);
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("drift-adopt-unknown: what was applied last cannot be read from git"), "{stderr}");
    assert!(stderr.starts_with("Nothing was adopted.\n"), "{stderr}");
    assert_eq!(read(&project, "realm.toml"), REALM);
}

/// What somebody does by hand to everything; an object of which there is nothing to say is deleted.
const BY_HAND: &[(&str, &str)] = &[
    ("\"ACME \\\"portal\\\"\"", "\"ACME's\""),
    ("\"4m\"", "\"10m\""),
    ("bruteForceProtected = true\n", ""),
    ("loginTheme = \"keycloak.v2\"\n", ""),
    ("[\"de\", \"en\"]", "[\"de\", \"fr\"]"),
    ("[\"offline_access\", \"auditor\"]", "[\"offline_access\"]"),
    ("\"basic\", \"email\", \"tenant\"", "\"basic\", \"email\""),
    ("gold = 2", "gold = 3, silver = 1"),
    ("host = \"a.example\"", "host = \"b.example\""),
    ("\"Reads\"", "\"Reads all\""),
    ("attributes.a = [\"1\", \"2\"]\n", "attributes.a = [\"3\", \"2\"]\n"),
    ("attributes.cc = \"7\"", "attributes.cc = \"8\""),
    ("description = \"Who pays\"\n", ""),
    ("\"claim.name\" = \"tenant\"", "\"claim.name\" = \"tenant_id\""),
    ("\"mail\"", "\"e-mail\""),
    ("[\"https://shop.example/*\"]", "[\"https://shop.example/*\", \"https://hand.example/*\"]"),
    ("\"https://b.example\"]", "\"https://c.example\"]"),
    ("\"2m\"", "\"3m\""),
    ("protocolMappers.sub = { protocolMapper = \"oidc-sub-mapper\" }\n", ""),
    ("\"Pays back\"", "\"Pays\""),
    ("\"PERMISSIVE\"", "\"ENFORCING\""),
    ("uris = [\"/orders/*\"]", "uris = [\"/orders/*\", \"/basket\"]"),
    ("hourEnd = \"17\"", "hourEnd = \"18\""),
    ("policies.ops = { type = \"regex\", targetClaim = \"department\", pattern = \"^ops$\" }\n", ""),
    ("\"AFFIRMATIVE\" }", "\"CONSENSUS\" }"),
    ("[\"basic\", \"profile\"]", "[\"basic\", \"email\"]"),
    ("\"saml.assertion.lifespan\" = 60", "\"saml.assertion.lifespan\" = 120"),
    ("[\"view\", \"reset-password\"]", "[\"view\"]"),
    ("displayName = \"Up\"", "displayName = \"Down\""),
    ("value = \"clerks\"", "value = \"sellers\""),
    ("contract = \"4711\"", "contract = \"4712\""),
    ("{ name = \"*.acme.org\", verified = true }", "\"acme.net\""),
    ("after = \"30d\"", "after = \"31d\""),
    ("loa-condition-level = 1", "loa-condition-level = 2"),
    ("description = \"By hand\", executions", "executions"),
    ("      { authenticator = \"auth-otp-form\", requirement = \"REQUIRED\" },\n", ""),
    ("\"Hallo\"", "\"Guten Tag\""),
    ("displayName = \"Department\"", "displayName = \"Unit\""),
    ("max = 40", "max = 50"),
    ("auto-configure = true", "auto-configure = false"),
    ("roles = [\"refund\"]", "roles = [\"refund\", \"auditor\"]"),
    ("config.priority = 7", "config.priority = 8"),
    ("[\"build.example\"]", "[\"build.example\", \"test.example\"]"),
    ("usersDn = \"ou=p\"", "usersDn = \"ou=people\""),
];

/// The server is changed by other files, and then is given back the record of before.
#[test]
fn every_kind_is_adopted() {
    let mut project = Project::in_git("drift-adopt-all");
    project.set("SECRET", SECRET);
    let applied = crate::import::everything();
    project.write_realm(&applied);
    project.commit("Applied");
    project.apply();
    let admin = project.admin();
    let record = admin.find("clients?clientId=realmform:drift-adopt-all", "clientId", "realmform:drift-adopt-all");

    let by_hand = BY_HAND.iter().fold(applied.clone(), |text, (old, new)| {
        let is_new = crate::support::is_26_0("what is newer is not changed");
        assert!(is_new || text.contains(old), "{old}");
        text.replacen(old, new, 1)
    });
    project.write_realm(&by_hand);
    project.apply();
    admin.put(&format!("clients/{}", record["id"].as_str().unwrap()), &record);
    project.write_realm(&applied);

    let Output { stdout, stderr, status } = project.run(&["drift", "--adopt", "--skip-unmanaged"]);
    assert_eq!(status, 0, "{stdout}\n{stderr}");
    // Word for word what was changed, but for what the server shows in another order.
    let adopted = read(&project, "realm.toml");
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<String>>();
    let other: Vec<String> = lines(&adopted).difference(&lines(&by_hand)).cloned().collect();
    insta::assert_snapshot!(other.join("\n"), @r#"
    attributes.a = ["2", "3"]
    bruteForceProtected = false
    "#);
    project.commit("As it is");
    is_settled(&project);
}
