//! Importing: what is written says what is there, no more, and makes the same realm again.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use walkdir::WalkDir;

use crate::support::fitting;
use crate::support::project::{Output, Project};

/// Every kind, in several varieties.
const EVERYTHING: &str = r#"
displayName = "ACME \"portal\""
displayNameHtml = "<b>\nACME\n</b>"
accessTokenLifespan = "4m"
adminPermissionsEnabled = true
bruteForceProtected = true
loginTheme = "keycloak.v2"
internationalizationEnabled = true
supportedLocales = ["de", "en"]
organizationsEnabled = true
defaultRoles = ["offline_access", "auditor"]
defaultGroups = ["/staff"]
defaultDefaultClientScopes = ["basic", "email", "tenant"]
browserFlow = "desk"
attributes = { a = "b", "acr.loa.map" = { gold = 2 } }
smtpServer = { host = "a.example", from = "a@a.example", auth = true, user = "a", password = { env = "SECRET" } }
[roles.auditor]
description = "Reads"
composites = ["shop:refund"]
attributes.a = ["1", "2"]
[roles.offline_access]
description = "Ours"
[groups."/staff/ops"]
realmRoles = ["auditor"]
clientRoles.shop = ["refund"]
[groups."/staff"]
attributes.cc = "7"
[clientScopes.tenant]
description = "Who pays"
scopeMappings = ["auditor"]
protocolMappers.tenant = { protocolMapper = "oidc-usermodel-attribute-mapper", config = { "user.attribute" = "tenant", "claim.name" = "tenant", "jsonType.label" = "String", "access.token.claim" = true } }
[clientScopes.email.protocolMappers.email]
config."claim.name" = "mail"
[clients.shop]
secret = { env = "SECRET" }
redirectUris = ["https://shop.example/*"]
serviceAccountsEnabled = true
serviceAccount = { realmRoles = ["auditor"], clientRoles.shop = ["refund"], groups = ["/staff"] }
scopeMappings = ["auditor", "shop:refund"]
fullScopeAllowed = false
attributes = { "pkce.code.challenge.method" = "S256", "post.logout.redirect.uris" = ["https://a.example", "https://b.example"], "access.token.lifespan" = "2m" }
authenticationFlowBindingOverrides.browser = "desk"
protocolMappers.sub = { protocolMapper = "oidc-sub-mapper" }
roles.refund = { description = "Pays back", attributes.a = "b" }
[clients.shop.authorization]
policyEnforcementMode = "PERMISSIVE"
scopes.view = { displayName = "true" }
scopes.edit = {}
resources.orders = { type = "urn:shop:order", uris = ["/orders/*"], scopes = ["view", "edit"], attributes.a = ["1", "2"] }
policies.clerks = { type = "role", roles = ["auditor", { name = "shop:refund", required = true }], fetchRoles = true }
policies.staff = { type = "group", groups = [{ path = "/staff", extendChildren = true }], logic = "NEGATIVE" }
policies.web = { type = "client", clients = ["web"] }
policies.tenants = { type = "client-scope", clientScopes = ["tenant"] }
policies.hours = { type = "time", hour = "9", hourEnd = "17" }
policies.ops = { type = "regex", targetClaim = "department", pattern = "^ops$" }
policies.any = { type = "aggregate", policies = ["clerks", "staff"], decisionStrategy = "AFFIRMATIVE" }
permissions."view orders" = { type = "scope", resources = ["orders"], scopes = ["view"], policies = ["any"] }
permissions."all orders" = { type = "resource", resourceType = "urn:shop:order", policies = ["clerks"] }
[clients.plain]
serviceAccountsEnabled = true
authorization = {}
[clients.web]
publicClient = true
defaultClientScopes = ["basic", "profile"]
[clients."https://sp.example/meta"]
protocol = "saml"
redirectUris = ["https://sp.example/acs"]
attributes = { "saml.force.post.binding" = true, "saml.assertion.lifespan" = 60 }
[clients.account]
enabled = false
[permissionPolicies.desk]
type = "role"
roles = ["auditor", { name = "shop:refund", required = true }]
[permissionPolicies.staff]
type = "aggregate"
policies = ["desk"]
[permissions."all users"]
resourceType = "Users"
scopes = ["view", "reset-password"]
policies = ["staff"]
[permissions."one client"]
description = "The shop"
resourceType = "Clients"
clients = ["shop"]
scopes = ["map-roles"]
policies = ["desk"]
[permissions."a team"]
resourceType = "Groups"
groups = ["/staff/ops"]
scopes = ["manage-members"]
policies = ["desk"]
[permissions."two roles"]
resourceType = "Roles"
roles = ["auditor", "shop:refund"]
scopes = ["map-role"]
[identityProviders.up]
providerId = "oidc"
displayName = "Up"
firstBrokerLoginFlowAlias = "first broker login"
config = { clientId = "x", clientSecret = { env = "SECRET" }, authorizationUrl = "https://u.example/a", tokenUrl = "https://u.example/t" }
mappers.a = { identityProviderMapper = "oidc-advanced-group-idp-mapper", config = { claims = [{ key = "groups", value = "clerks" }], group = "/staff", syncMode = "INHERIT" } }
[organizations.acme]
name = "ACME Inc."
description = "Anvils"
redirectUrl = "https://acme.example"
domains = ["acme.example", { name = "*.acme.org", verified = true }]
identityProviders = ["up"]
attributes = { contract = "4711", sites = ["a", "b"] }
[organizations.small]
enabled = false
[workflows."those who leave"]
on = "user-created"
if = "has-role(auditor)"
schedule = { after = "1d", batch-size = 10 }
concurrency.restart-in-progress = true
steps = [
  { uses = "notify-user", after = "30d", with = { message = "Bye", list = ["b", "a"], yes = true } },
  { uses = "disable-user", after = "10d" },
]
[workflows.off]
enabled = false
steps = [{ uses = "disable-user" }]
[authenticationFlows.desk]
description = "At the desk"
executions = [
  { authenticator = "auth-cookie", requirement = "ALTERNATIVE" },
  { flow = "desk forms", requirement = "ALTERNATIVE", description = "By hand", executions = [
    { authenticator = "auth-username-password-form", requirement = "REQUIRED" },
    { flow = "desk level", requirement = "CONDITIONAL", executions = [
      { authenticator = "conditional-level-of-authentication", requirement = "REQUIRED", config = { loa-condition-level = 1 } },
      { authenticator = "auth-otp-form", requirement = "REQUIRED" },
    ] },
  ] },
]
[authenticationFlows."direct grant"]
description = "Not for you"
[requiredActions.CONFIGURE_TOTP]
enabled = false
[localization.de]
loginTitle = "Hallo"
[userProfile]
attributeOrder = ["username", "department"]
[userProfile.attributes.department]
displayName = "Department"
permissions = { view = ["admin", "user"], edit = ["admin"] }
validations.length = { max = 40 }
[clientProfiles.strict]
executors = [{ executor = "pkce-enforcer", configuration = { auto-configure = true } }]
[clientPolicies.strict]
conditions = [{ condition = "client-roles", configuration = { roles = ["refund"] } }]
profiles = ["strict"]
[keys.extra]
providerId = "aes-generated"
config.priority = 7
[clientRegistrationPolicies."anonymous/Trusted Hosts"]
config.trusted-hosts = ["build.example"]
[userFederation.ldap]
providerId = "ldap"
config = { editMode = "READ_ONLY", enabled = false, vendor = "other", usernameLDAPAttribute = "uid", rdnLDAPAttribute = "uid", uuidLDAPAttribute = "entryUUID", connectionUrl = "ldap://l.example", usersDn = "ou=p", userObjectClasses = "person", bindCredential = { env = "SECRET" } }
"#;

/// Of every kind that this server has.
pub(crate) fn everything() -> String {
    fitting(EVERYTHING)
}

#[test]
fn a_realm_makes_the_round_trip() {
    let mut first = Project::new("import-first");
    first.set("SECRET", "an imported secret");
    first.write_realm(&everything());
    first.apply();
    for layout in ["single", "split", "natural"] {
        let (imported, output) = import(&first, layout);
        assert!(output.stdout.contains("imported, and its plan is empty"), "{}\n{}", output.stdout, output.stderr);
        let planned = first.run(&["plan", "--project", &folder(&imported)]);
        assert!(planned.stdout.starts_with("No changes."), "{}\n{}", planned.stdout, planned.stderr);
        let files = files(folder(&imported).as_ref());
        assert!(!files.values().any(|text| text.contains("an imported secret")));

        // The same files make the same realm, under another name.
        let mut second = Project::new("import-second");
        second.set("SECRET", "an imported secret");
        for (path, text) in &files {
            let text = text.replace("import-first", "import-second").replace("{ keep = true }", "{ env = \"SECRET\" }");
            second.write(&path.replace("import-first", "import-second"), &text);
        }
        second.write("realmform.toml", "name = \"import-second\"\n");
        second.apply();
        let (again, _) = import(&second, layout);
        let again = self::files(folder(&again).as_ref());
        let named: BTreeMap<String, String> = files
            .iter()
            .map(|(path, text)| (path.replace("first", "second"), text.replace("import-first", "import-second")))
            .collect();
        for (path, text) in &named {
            if path != "realmform.toml" {
                assert_eq!(again.get(path), Some(text), "{layout} {path}");
            }
        }
        assert_eq!(again.len(), named.len());
    }
}

/// Nothing that Keycloak gives by itself is worth a word.
#[test]
fn a_fresh_realm_is_an_empty_file() {
    // The role that holds the default roles is called after the realm, in small letters.
    for name in ["import-fresh", "Import-Fresh"] {
        let project = Project::new(name);
        project.admin().post_realm(&json!({ "realm": name, "enabled": true }));
        let (imported, _) = import(&project, "natural");
        assert_eq!(files(folder(&imported).as_ref())[&format!("{name}/realm.toml")], "");
    }
}

#[test]
fn what_is_there_stays() {
    let project = Project::new("import-there");
    project.write_realm("displayName = \"Mine\"\n");
    project.apply();
    let refused = project.run(&["import", "import-there"]);
    assert_eq!(refused.status, 64);
    assert!(refused.stderr.contains("nothing is overwritten: ") && refused.stderr.contains("--unmanaged"));
    let unknown = project.run(&["import", "import-nowhere", "--project", "nowhere/realms"]);
    assert_eq!(unknown.status, 64);
    assert!(!project.folder().join("nowhere").exists());
    assert!(unknown.stderr.contains("there is no realm import-nowhere on the server"), "{}", unknown.stderr);
}

/// New objects go to the end of the file that fits, every byte before them stays, and what is declared is not said again.
#[test]
fn objects_are_added_to_files_that_are_there() {
    let project = Project::new("import-merge");
    project.write_realm(
        "[roles.a]\n[roles.b]\n[groups.\"/staff\"]\n[groups.\"/staff/ops\"]\n[clients.web]\npublicClient = true\n\
         [clients.shop]\npublicClient = true\nroles.refund = {}\nprotocolMappers.sub.protocolMapper = \"oidc-sub-mapper\"\n",
    );
    project.apply();
    let there = [
        ("realm.toml", "# Ours.\nroles = { a = {} } # and no more\n"),
        ("clients/shop.toml", "# The shop's own\r\npublicClient = true # public"),
    ];
    for (path, text) in there {
        project.write(&format!("more/import-merge/{path}"), text);
    }
    project.write("more/realmform.toml", "name = \"import-merge\"\n");
    let add = |arguments: &[&str]| {
        let output = project.run(&[&["import", "--project", "more"], arguments].concat());
        assert_eq!(output.status, 0, "{}\n{}", output.stdout, output.stderr);
        (output.stdout, files(&project.folder().join("more/import-merge")))
    };
    let (_, one) = add(&["--only", "clients/shop/roles/refund"]);
    assert_eq!(one["clients/shop.toml"], format!("{}\r\n\r\n[roles.refund]\r\n", there[1].1));
    assert_eq!(one.len(), 2);
    let (_, groups) = add(&["import-merge", "--only", "groups//staff"]);
    let staff = format!("{}\n[groups.\"/staff\"]\n\n[groups.\"/staff/ops\"]\n", there[0].1);
    assert_eq!(groups["realm.toml"], staff);
    let (said, all) = add(&["--unmanaged"]);
    assert!(said.contains("3 objects added, and no plan changes them"), "{said}");
    assert!(there.iter().all(|(path, text)| all[*path].starts_with(text)), "{all:?}");
    // TOML lets nobody add to a table that is written inline.
    assert_eq!(all["roles/b.toml"], "");
    // There are files of clients.
    assert_eq!(all["clients/web.toml"], "publicClient = true\n");
    assert!(all["clients/shop.toml"].ends_with("[protocolMappers.sub]\r\nprotocolMapper = \"oidc-sub-mapper\"\r\n"));
    let planned = project.run(&["plan", "--project", "more"]);
    assert!(planned.stdout.starts_with("No changes."), "{}\n{}", planned.stdout, planned.stderr);
    let (said, again) = add(&["--unmanaged"]);
    assert!(said.contains("nothing to add") && again == all, "{said}");

    let refused = project.run(&["import", "import-merge", "--project", "more", "--only", "clients/nobody"]);
    assert_eq!(refused.status, 64);
    assert!(refused.stderr.contains("realm import-merge has no client of that name"), "{}", refused.stderr);
    // Anew: files of the same names are replaced, and none that stays may say the same once more.
    project.write("more/import-merge/extra.toml", "[clients.web]\npublicClient = true\n");
    let anew = ["import", "import-merge", "--project", "more", "--force", "--layout", "split"];
    let before = files(&project.folder().join("more/import-merge"));
    let refused = project.run(&[&anew[..4], &["--force", "--layout", "single"]].concat());
    assert!(refused.stderr.contains("`publicClient` of import-merge/clients/web is set twice"), "{}", refused.stderr);
    assert_eq!(files(&project.folder().join("more/import-merge")), before);
    std::fs::remove_file(project.folder().join("more/import-merge/extra.toml")).unwrap();
    let output = project.run(&anew);
    assert!(output.stdout.contains("imported, and its plan is empty"), "{}\n{}", output.stdout, output.stderr);
    let files = files(&project.folder().join("more/import-merge"));
    assert_eq!((files["realm.toml"].as_str(), files["clients/web.toml"].as_str()), ("", "publicClient = true\n"));
}

/// Users are run-time data, unless somebody asks for them.
#[test]
fn users_are_imported_where_they_are_asked_for() {
    let mut project = Project::new("import-users");
    project.set("SECRET", "a-secret-of-a-user");
    project.write_realm(
        "userProfile.unmanagedAttributePolicy = \"ENABLED\"\n[roles.auditor]\n[groups.\"/staff\"]\n\
         [users.ana]\nemail = \"ana@acme.example\"\nemailVerified = true\nfirstName = \"Ana\"\nlastName = \"A\"\n\
         attributes.floor = [\"1\", \"2\"]\nrequiredActions = [\"UPDATE_PASSWORD\"]\npassword = { env = \"SECRET\" }\n\
         realmRoles = [\"auditor\"]\nclientRoles.account = [\"view-groups\"]\ngroups = [\"/staff\"]\n\
         [users.bob]\nenabled = false\n[users.\"c@acme.example\"]\n",
    );
    project.apply();
    let import = |project: &Project, arguments: &[&str]| {
        let folder = TempDir::new().unwrap();
        let folder = folder.path().join("realms").display().to_string();
        let output = project.run(&[&["import", &project.realm, "--project", &folder], arguments].concat());
        assert!(output.stdout.contains("imported, and its plan is empty"), "{}\n{}", output.stdout, output.stderr);
        files(folder.as_ref())[&format!("{}/realm.toml", project.realm)].clone()
    };
    assert!(!import(&project, &[]).contains("users"));
    let one = import(&project, &["--only", "users/bob"]);
    assert_eq!(one, "[users.bob]\nenabled = false\n");
    let all = import(&project, &["--users"]);
    let (_, users) = all.split_at(all.find("[users.").unwrap());
    insta::assert_snapshot!(users, @r#"
    [users.ana]
    email = "ana@acme.example"
    emailVerified = true
    firstName = "Ana"
    lastName = "A"
    attributes = { floor = ["1", "2"] }
    requiredActions = ["UPDATE_PASSWORD"]
    password = { keep = true }
    realmRoles = ["auditor"]
    clientRoles = { account = ["view-groups"] }
    groups = ["/staff"]

    [users.bob]
    enabled = false

    [users."c@acme.example"]
    "#);
    let mut second = Project::new("import-users-second");
    second.set("SECRET", "a-secret-of-a-user");
    second.write_realm(&all.replace("{ keep = true }", "{ env = \"SECRET\" }"));
    second.apply();
    assert_eq!(import(&second, &["--users"]), all);
    let unknown = project.run(&["import", "import-users", "--project", "other", "--only", "users/dora"]);
    assert!(unknown.stderr.contains("realm import-users has no user of that name"), "{}", unknown.stderr);
}

#[test]
fn secrets_become_variables() {
    let mut project = Project::new("import-secrets");
    project.set("SECRET", "it's \"a\" $ecret");
    project.write_realm(
        "smtpServer = { host = \"a.example\", from = \"a@a.example\", auth = true, user = \"a\", password = { env = \"SECRET\" } }\n\
         [clients.shop]\nsecret = { env = \"SECRET\" }\n[clients.\"s.hop\"]\nsecret = { env = \"SECRET\" }\n\
         [clients.s-hop]\nsecret = { env = \"SECRET\" }\n",
    );
    project.apply();
    let import = ["import", "import-secrets", "--project", "in/realms", "--secrets-to", "in/secrets.env"];
    let imported = project.run(&import);
    assert_eq!(imported.status, 0, "{}", imported.stderr);
    insta::assert_snapshot!(imported.stdout, @"
    in/realms/realmform.toml
    in/realms/import-secrets/realm.toml
    in/secrets.env
    import-secrets: imported, and its plan is empty but for taking it over.

    Variables, those that the server reveals with their values in in/secrets.env:
      IMPORT_SECRETS_SMTP_SERVER_PASSWORD  import-secrets smtpServer.password  (hidden by the server)
      IMPORT_SECRETS_S_HOP_SECRET          import-secrets/clients/s-hop secret
      IMPORT_SECRETS_S_HOP_SECRET_2        import-secrets/clients/s.hop secret
      IMPORT_SECRETS_SHOP_SECRET           import-secrets/clients/shop secret
    ");
    let secrets = project.folder().join("in/secrets.env");
    let text = std::fs::read_to_string(&secrets).unwrap();
    let shell = format!("set -a; . {}; printf %s \"$IMPORT_SECRETS_SHOP_SECRET\"", secrets.display());
    let value = std::process::Command::new("sh").args(["-euc", &shell]).output().unwrap();
    assert_eq!(String::from_utf8(value.stdout).unwrap(), "it's \"a\" $ecret");
    assert!(text.contains("# IMPORT_SECRETS_SMTP_SERVER_PASSWORD=\n"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(secrets.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let files = files(&project.folder().join("in/realms"));
    assert!(files.values().all(|text| !text.contains("$ecret")), "{files:?}");
    assert!(!format!("{imported:?}").contains("$ecret"), "{imported:?}");
    for name in ["SHOP_SECRET", "S_HOP_SECRET", "S_HOP_SECRET_2", "SMTP_SERVER_PASSWORD"] {
        project.set(&format!("IMPORT_SECRETS_{name}"), "it's \"a\" $ecret");
    }
    let planned = project.run(&["plan", "--project", "in/realms"]);
    assert!(planned.stdout.contains("0 to create, 1 to update, 0 to rename, 0 to delete"), "{}", planned.stdout);

    // The file is never replaced, and without it nothing is written.
    std::fs::remove_dir_all(project.folder().join("in/realms")).unwrap();
    let refused = project.run(&[&import[..], &["--force"]].concat());
    assert_eq!(refused.status, 64, "{}", refused.stdout);
    assert!(refused.stderr.contains("in/secrets.env is there already"), "{}", refused.stderr);
    assert!(!project.folder().join("in/realms").exists());
    assert_eq!(std::fs::read_to_string(&secrets).unwrap(), text);
}

/// Imports a project's realm into an empty folder. The new project is called after what holds its folder.
fn import(project: &Project, layout: &str) -> (TempDir, Output) {
    let imported = tempfile::Builder::new().prefix(&format!("{}-{layout}-", project.realm)).tempdir().unwrap();
    let output = project.run(&["import", &project.realm, "--layout", layout, "--project", &folder(&imported)]);
    assert_eq!(output.status, 0, "{}\n{}", output.stdout, output.stderr);
    (imported, output)
}

fn folder(imported: &TempDir) -> String {
    imported.path().join("realms").to_str().unwrap().to_owned()
}

/// The texts of all files below a folder.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let files = WalkDir::new(folder).into_iter().map(Result::unwrap).filter(|it| it.file_type().is_file());
    files
        .map(|file| {
            let path = file.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            (path, std::fs::read_to_string(file.path()).unwrap())
        })
        .collect()
}
