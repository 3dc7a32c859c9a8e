//! Must hold 6: whoever reads, reads the same.
//!
//! There is no third reader to compare with: the design allows `partial-export` only where a measurement says that it
//! wins, and none does, so that the program has no path through it.

use realmform::desired::{self, Options};
use realmform::keycloak::{Connection, Credentials, Http, Interest, read_realm};
use realmform::model::LiveRealm;
use serde_json::json;

use crate::support::admin::Admin;
use crate::support::project::Project;
use crate::support::{access, fitting, is_26_0};

const REALM: &str = "readers";

const SECRET: &str = "a-secret-of-a-reader";

/// Every kind, with fields of every way to write.
const EVERYTHING: &str = r#"
prune = "all"
displayName = "ACME"
organizationsEnabled = true
adminPermissionsEnabled = true
defaultRoles = ["offline_access", "auditor"]
defaultGroups = ["/staff"]
defaultDefaultClientScopes = ["basic", "tenant"]
defaultOptionalClientScopes = ["phone"]
browserFlow = "browser"
attributes.a = "b"
smtpServer = { host = "a.example", from = "a@a.example", auth = true, user = "a", password = { env = "SECRET" } }
[roles.auditor]
composites = ["shop:refund"]
attributes.a = ["1", "2"]
[groups."/staff/ops"]
realmRoles = ["auditor"]
clientRoles.shop = ["refund"]
[groups."/staff"]
[clientScopes.tenant]
scopeMappings = ["auditor"]
protocolMappers.sub = { protocolMapper = "oidc-sub-mapper" }
[clients.shop]
secret = { env = "SECRET" }
serviceAccountsEnabled = true
serviceAccount = { realmRoles = ["auditor"], clientRoles.shop = ["refund"], groups = ["/staff"] }
scopeMappings = ["auditor", "shop:refund"]
protocolMappers.sub = { protocolMapper = "oidc-sub-mapper" }
roles.refund = { attributes.a = "b" }
[clients.shop.authorization]
decisionStrategy = "AFFIRMATIVE"
scopes.view = { displayName = "View" }
resources.orders = { type = "urn:shop:order", uris = ["/orders/*"], scopes = ["view"], attributes.b = ["1", "2"] }
policies.clerks = { type = "role", roles = ["auditor", { name = "shop:refund", required = true }, "view-profile/x"] }
policies.staff = { type = "group", groups = [{ path = "/staff", extendChildren = true }, "/staff/ops"], logic = "NEGATIVE" }
policies.views = { type = "client", clients = ["view", "manage"] }
policies.tenants = { type = "client-scope", clientScopes = ["tenant", { name = "email", required = true }] }
policies.hours = { type = "time", notBefore = "2026-01-01 00:00:00", hour = "9", hourEnd = "17" }
policies.ops = { type = "regex", targetClaim = "department", pattern = "^ops$", targetContextAttributes = true }
policies.nobody = { type = "user", users = [] }
policies.any = { type = "aggregate", policies = ["clerks", "staff"], decisionStrategy = "AFFIRMATIVE" }
permissions."view orders" = { type = "scope", resources = ["orders"], scopes = ["view"], policies = ["any"] }
permissions."all orders" = { type = "resource", resourceType = "urn:shop:order", policies = ["clerks"], description = "All" }
[roles."view-profile/x"]
[permissionPolicies.desk]
type = "role"
roles = ["auditor"]
[permissionPolicies.any]
type = "aggregate"
policies = ["desk"]
[permissions.people]
resourceType = "Users"
scopes = ["view", "reset-password"]
policies = ["any"]
[permissions.parts]
resourceType = "Groups"
groups = ["/staff/ops"]
scopes = ["manage-members"]
policies = ["desk"]
[permissions.shops]
resourceType = "Clients"
clients = ["shop", "view"]
scopes = ["view"]
policies = ["desk"]
[permissions.roles]
resourceType = "Roles"
roles = ["auditor", "shop:refund"]
scopes = ["map-role"]
policies = ["desk"]
[clients.view]
secret = { env = "SECRET" }
serviceAccountsEnabled = true
serviceAccount.clientRoles.realm-management = ["view-realm", "view-clients", "view-users", "view-authorization", "view-identity-providers", "view-organizations"]
[clients.manage]
secret = { env = "SECRET" }
serviceAccountsEnabled = true
serviceAccount.clientRoles.realm-management = ["realm-admin"]
authenticationFlowBindingOverrides.browser = "desk"
[authenticationFlows.desk]
executions = [{ flow = "desk forms", requirement = "REQUIRED", executions = [
  { authenticator = "conditional-level-of-authentication", requirement = "REQUIRED", config = { loa-condition-level = 1 } },
] }]
[users.ana]
firstName = "Ana"
attributes.floor = "1"
requiredActions = ["UPDATE_PASSWORD"]
password = { env = "SECRET" }
realmRoles = ["auditor"]
clientRoles.shop = ["refund"]
groups = ["/staff/ops"]
[keys.extra]
providerId = "aes-generated"
config.priority = 7
[clientRegistrationPolicies."anonymous/extra"]
providerId = "allowed-client-templates"
config.allowed-client-scopes = ["phone", "email"]
[userFederation.ldap]
providerId = "ldap"
config = { editMode = "READ_ONLY", enabled = false, usernameLDAPAttribute = "uid", rdnLDAPAttribute = "uid", bindCredential = { env = "SECRET" } }
mappers.username.config."read.only" = true
[identityProviders.up]
providerId = "oidc"
config = { clientId = "x", clientSecret = { env = "SECRET" }, authorizationUrl = "https://u.example/a", tokenUrl = "https://u.example/t" }
mappers.a = { identityProviderMapper = "hardcoded-attribute-idp-mapper", config = { attribute = "a", "attribute.value" = "b", syncMode = "INHERIT" } }
[organizations.acme]
domains = ["acme.example", { name = "acme.org", verified = true }]
identityProviders = ["up"]
attributes.a = "b"
[requiredActions.CONFIGURE_TOTP]
defaultAction = true
config.max_auth_age = 60
[localization.de]
loginTitle = "Hallo"
[userProfile]
unmanagedAttributePolicy = "ADMIN_VIEW"
attributeOrder = ["email", "floor"]
groups.house = { displayHeader = "House" }
attributes.floor = { group = "house", required = {}, validations.integer = {}, permissions.edit = ["admin"] }
[clientProfiles.strict]
executors = [{ executor = "secure-session" }]
[clientPolicies.all]
conditions = [{ condition = "any-client" }]
profiles = ["strict"]
"#;

/// Of every kind that this server has.
pub fn everything() -> String {
    let text = fitting(EVERYTHING);
    if !is_26_0("to see organizations takes the right to manage the realm") {
        return text;
    }
    let (before, organization) = text.split_once("[organizations.acme]").unwrap();
    let after = organization.split_once("\n[").unwrap().1;
    format!("{before}[{after}").replace("organizationsEnabled = true\n", "").replace(", \"view-organizations\"", "")
}

#[test]
fn everybody_who_may_read_reads_the_same() {
    let mut project = Project::new(REALM);
    project.set("SECRET", SECRET);
    project.write_realm(&everything());
    project.apply_with(&["--allow-many-deletes"]);
    let of_admin = read(&project, None);
    assert!(of_admin.objects.len() > 30, "what every realm has is looked at, too: {}", of_admin.objects.len());
    for client in ["view", "manage"] {
        let read = read(&project, Some(client));
        let LiveRealm {
            objects,
            unmanaged,
            unknown_kinds,
            left_out,
            known,
            renamed_from,
            record,
            record_id,
            other_records,
        } = &read;
        for (address, object) in &of_admin.objects {
            let read = objects.get(address).unwrap_or_else(|| panic!("{client} does not see {address}"));
            let differ = object.fields.iter().find(|(path, value)| read.fields.get(path) != Some(*value));
            assert!(read == object, "{address} as {client} reads it: {differ:?}, {:?}", read.fields);
        }
        assert_eq!(objects.len(), of_admin.objects.len());
        assert_eq!((unmanaged, known), (&of_admin.unmanaged, &of_admin.known));
        assert!(unknown_kinds.is_empty() || is_26_0("there are no workflows"), "{unknown_kinds:?}");
        assert_eq!((renamed_from, record), (&of_admin.renamed_from, &of_admin.record));
        assert_eq!((record_id, other_records), (&of_admin.record_id, &of_admin.other_records));
        // The server lets nobody look at workflows without every right of the realm.
        let unseen = left_out.iter().filter_map(|it| it.split(':').next());
        assert!(
            unseen.eq(["workflows"].into_iter().filter(|_| client == "view" && !is_26_0("there are no workflows"))),
            "{left_out:?}"
        );
    }
    plan_with_view_only(&mut project);
}

fn read(project: &Project, client: Option<&str>) -> LiveRealm {
    let tree = realmform::git::work_tree(project.folder()).unwrap();
    let desired = desired::load(&tree.files, &Options::default()).unwrap().desired;
    let credentials = match client {
        Some(id) => Credentials::Client { id: id.to_owned(), secret: SECRET.into() },
        None => Credentials::Password {
            client_id: "admin-cli".into(),
            client_secret: None,
            user: access().user.clone(),
            password: access().password.as_str().into(),
        },
    };
    let realm = if client.is_some() { REALM } else { "master" };
    let connection = Connection { realm: realm.into(), ..Connection::new(&*access().http_url, credentials) };
    let read = async {
        let http = Http::connect(connection).await.unwrap();
        let interest = Interest::of(&desired.realms[REALM]);
        read_realm(&http, REALM, &REALM.to_owned(), interest).await.unwrap().unwrap()
    };
    tokio::runtime::Runtime::new().unwrap().block_on(read)
}

/// A pull request's pipeline may look and not touch.
fn plan_with_view_only(project: &mut Project) {
    let admin = project.admin();
    admin.put("", &json!({"displayName": "By hand"}));
    admin.put("roles/auditor", &json!({"name": "auditor", "description": "By hand"}));
    let changed = everything().replace("attributes.a = [\"1\", \"2\"]", "attributes.a = [\"3\"]");
    project.write_realm(&changed);
    project.sign_in_as_client(REALM, "view", SECRET);
    let changes = project.changes();
    assert!(changes.len() == 2 && changes[1].contains("roles/auditor: attributes.a"), "{changes:?}");
    let before = snapshot(&admin);
    let refused = project.run(&["apply", "--yes"]);
    assert_eq!(refused.status, 1, "{}\n{}", refused.stdout, refused.stderr);
    let errors: Vec<&str> = refused.stderr.lines().filter(|line| line.starts_with("error")).collect();
    assert!(errors.len() == 1 && errors[0].contains("403"), "{}", refused.stderr);
    assert_eq!(snapshot(&admin), before);
    project.sign_in_as_client(REALM, "manage", SECRET);
    project.apply();
    assert_eq!(admin.get("")["displayName"], "ACME");
}

fn snapshot(admin: &Admin) -> [String; 4] {
    let record = format!("clients/{}", admin.client("realmform:readers"));
    ["", "roles?briefRepresentation=false", &record, &format!("{record}/roles")].map(|path| admin.text(path))
}
