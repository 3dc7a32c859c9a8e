//! What a run asks the server for: counted, never timed. The times are the benchmark's.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use crate::support::is_26_0;
use crate::support::run::{Project, Ran, admin, block, realm_path};

/// What a plan of one realm begins with: the sign-in, the realm, the record.
const BEGINNING: u64 = 3;

#[test]
fn five_declared_clients_of_three_thousand_cost_little() {
    let project = Project::new("requests-few");
    project.write_realm(&clients(5));
    project.apply();
    block(make_clients(&project.realm, 3000));
    let plan = requests(&project.run(&["plan", "--realm", &project.realm, "--requests", "--detailed-exitcode"]));
    let total = plan.values().sum::<u64>();
    assert!(total <= 25, "{plan:#?}");
    let lists =
        plan.keys().filter(|it| it.ends_with("/clients") || it.contains("/clients?first") || it.contains("export"));
    assert_eq!(lists.count(), 0, "{plan:#?}");
}

/// Few clients are looked up by name: one request each, and one for the roles of each.
#[test]
fn a_plan_of_few_clients_asks_for_each_once() {
    let project = Project::new("requests-named");
    project.write_realm(&clients(12));
    project.apply();
    let plan = plan(&project);
    assert_eq!(plan["GET /{realm}/clients?clientId"], 12, "{plan:#?}");
    assert_eq!(plan["GET /{realm}/clients?clientId&search"], 1, "the records: {plan:#?}");
    assert_eq!(roles(&plan), 12, "{plan:#?}");
    assert_eq!(plan.values().sum::<u64>(), BEGINNING + 12 + 12, "{plan:#?}");
}

/// Many clients are paged, and no page beyond the last is asked for.
#[test]
fn a_plan_of_many_clients_asks_for_pages() {
    let project = Project::new("requests-paged");
    project.write_realm(&clients(45));
    project.apply();
    let plan = plan(&project);
    let pages = plan["GET /{realm}/clients?first&max"];
    // The realm's own six and the record are among them.
    assert_eq!(pages, 3, "{plan:#?}");
    assert_eq!(roles(&plan), 45, "{plan:#?}");
    assert_eq!(plan.values().sum::<u64>(), BEGINNING + pages + 45, "{plan:#?}");
}

/// Lists and documents are asked for once, whatever of them is declared, and each locale once.
#[test]
fn a_plan_of_settings_asks_for_each_list_once() {
    let project = Project::new("requests-settings");
    project.write_realm(
        "[requiredActions.CONFIGURE_TOTP]\npriority = 1\n[requiredActions.VERIFY_EMAIL]\npriority = 2\n\
         [localization.de]\na = \"b\"\n[localization.en]\na = \"b\"\n\
         [userProfile]\nattributeOrder = [\"email\", \"floor\"]\n[userProfile.attributes.floor]\n\
         [clientProfiles.strict]\n[clientPolicies.all]\nprofiles = [\"strict\", \"fapi-ciba\"]\n",
    );
    project.apply();
    let plan = plan(&project);
    let (actions, locales, profile, policies) = (1, 1 + 2, 1, 2);
    assert_eq!(plan.values().sum::<u64>(), BEGINNING + actions + locales + profile + policies, "{plan:#?}");
}

/// Nothing is asked for where the realm hides organizations; few of them are looked up, and linked providers only where
/// files name them.
#[test]
fn a_plan_of_organizations_asks_for_what_is_declared() {
    if is_26_0("each organization takes a domain of its own") {
        return;
    }
    let project = Project::new("requests-organizations");
    project.write_realm("organizationsEnabled = true\n[organizations.a]\n[organizations.b]\nidentityProviders = []\n");
    project.apply();
    let several = plan(&project);
    assert_eq!(several["GET /{realm}/organizations?briefRepresentation&q"], 2, "{several:#?}");
    assert_eq!(several.values().sum::<u64>(), BEGINNING + 2 + 1, "{several:#?}");
    let organizations: String = (0..30).map(|i| format!("[organizations.o{i}]\n")).collect();
    project.write_realm(&format!("organizationsEnabled = true\n[organizations.a]\n[organizations.b]\n{organizations}"));
    project.apply();
    let many = plan(&project);
    assert_eq!(many["GET /{realm}/organizations?briefRepresentation&first&max"], 2, "{many:#?}");
    assert_eq!(many.values().sum::<u64>(), BEGINNING + 2, "{many:#?}");
    let hidden = Project::new("requests-organizations-hidden");
    hidden.write_realm("prune = { organizations = \"all\" }\n");
    hidden.apply();
    assert_eq!(self::plan(&hidden).values().sum::<u64>(), BEGINNING);
}

/// Authorization services are asked for where they are declared, each with all that they hold.
#[test]
fn authorization_is_asked_for_once_where_it_is_declared() {
    let project = Project::new("requests-authorization");
    let client = |number: u32, rest: &str| {
        format!(
            "[clients.app-{number}]\nserviceAccountsEnabled = true\n[clients.app-{number}.authorization]\n\
             scopes.view = {{}}\nresources.orders = {{ scopes = [\"view\"] }}\n\
             policies.nobody = {{ type = \"client\", clients = [\"app-0\"] }}\n\
             permissions.view = {{ type = \"scope\", scopes = [\"view\"], policies = [\"nobody\"] }}\n{rest}"
        )
    };
    let all: String = (0..5).map(|number| client(number, "")).collect();
    project.write_realm(&all);
    project.apply();
    let plan = plan(&project);
    assert_eq!(plan["GET /{realm}/clients/{id}/authz/resource-server/settings"], 5, "{plan:#?}");
    assert_eq!(plan.values().sum::<u64>(), BEGINNING + 5 + 5, "{plan:#?}");
    // The services stay, undeclared, and nobody asks for them.
    let forgotten = format!(
        "prune = \"none\"\n{}",
        (0..5).fold(String::new(), |text, number| {
            text + &format!("[clients.app-{number}]\nserviceAccountsEnabled = true\n")
        })
    );
    project.write_realm(&forgotten);
    project.apply();
    let plan = self::plan(&project);
    assert_eq!(plan.values().sum::<u64>(), BEGINNING + 5, "{plan:#?}");
}

#[test]
fn a_plan_of_workflows_asks_for_what_is_declared() {
    if is_26_0("there are no workflows") {
        return;
    }
    let project = Project::new("requests-workflows");
    let workflows =
        |number: u64| (0..number).map(|i| format!("[workflows.w{i}]\nsteps = [{{ uses = \"disable-user\" }}]\n"));
    project.write_realm(&workflows(3).collect::<String>());
    project.apply();
    let few = plan(&project);
    assert_eq!(few["GET /{realm}/workflows?search&exact"], 3, "{few:#?}");
    assert_eq!(few.values().sum::<u64>(), BEGINNING + 3, "{few:#?}");
    project.write_realm(&workflows(25).collect::<String>());
    project.apply();
    let many = plan(&project);
    assert_eq!(many["GET /{realm}/workflows?first&max"], 2, "{many:#?}");
    assert_eq!(many.values().sum::<u64>(), BEGINNING + 2, "{many:#?}");
}

/// Whatever else there is, a user costs one look-up, and one request for each sort of thing that is asked about it.
#[test]
fn a_plan_of_users_asks_for_each_by_name() {
    let project = Project::new("requests-users").env("SEED", "the-password");
    let plain = |number| format!("[users.plain-{number}]\nfirstName = \"N\"\n");
    let plain: String = (0..30).map(plain).collect();
    let full = "[users.full]\npassword = { env = \"SEED\" }\nrealmRoles = [\"offline_access\"]\nclientRoles.account = []\n\
                groups = []\n";
    project.write_realm(&format!("[prune]\nroles = \"managed\"\n{plain}{full}"));
    project.apply();
    let plan = plan(&project);
    assert_eq!(plan["GET /{realm}/users?username&exact"], 31, "{plan:#?}");
    let (mappings, groups, credentials) = (1, 1, 1);
    let references = 1 + 1;
    assert_eq!(plan.values().sum::<u64>(), BEGINNING + 31 + mappings + groups + credentials + references, "{plan:#?}");

    // Nor are they listed where everything else is.
    project.write_realm("prune = \"all\"\n");
    let ran = project.run(&["plan", "--realm", &project.realm, "--requests"]);
    let asked: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("/users?")).map(str::trim).collect();
    assert_eq!(asked, ["31 GET /{realm}/users?username&exact"], "those on record, and nobody else: {ran:?}");
}

/// The server exports nothing of admin permissions: a list tells all but which policies decide, which is asked for where it
/// is declared.
#[test]
fn permissions_are_listed_once_where_they_are_declared() {
    if is_26_0("its admin permissions are those of version 1") {
        return;
    }
    let project = Project::new("requests-permissions");
    let desk =
        "adminPermissionsEnabled = true\npermissionPolicies.desk = { type = \"client\", clients = [\"account\"] }\n";
    let all: String = (0..4).fold(desk.to_owned(), |text, number| {
        text + &format!(
            "[permissions.p{number}]\nresourceType = \"Users\"\nscopes = [\"view\"]\npolicies = [\"desk\"]\n"
        )
    });
    project.write_realm(&all);
    project.apply();
    // The client that the policy names.
    assert_eq!(plan(&project).values().sum::<u64>(), BEGINNING + 1 + 4 + 1);
    project.write_realm(&format!("prune = \"none\"\n{desk}"));
    project.apply();
    assert_eq!(plan(&project).values().sum::<u64>(), BEGINNING + 1 + 1);
    project.write_realm("prune = \"none\"\nadminPermissionsEnabled = true\n");
    project.apply();
    assert_eq!(plan(&project).values().sum::<u64>(), BEGINNING);
}

/// The lock, the record under it, the client, the lock as it is, the record, the lock again, and the client as it is now.
#[test]
fn one_changed_client_costs_seven_requests_more_than_its_plan() {
    let project = Project::new("requests-change");
    project.write_realm(&clients(12));
    project.apply();
    project.write_realm(&clients(12).replace("Application 7\"", "Changed\""));
    let planned = plan(&project).values().sum::<u64>();
    let applied = requests(&project.run(&["apply", "--yes", "--realm", &project.realm, "--requests"]));
    let total = applied.values().sum::<u64>();
    assert_eq!(total - planned, 7, "{applied:#?}");
    project.assert_settled();
}

/// There is no look-up of a client scope by name: whoever needs one needs the list, once.
#[test]
fn client_scopes_are_listed_once() {
    let project = Project::new("requests-scopes");
    let scopes = "defaultClientScopes = [\"basic\", \"roles\"]\noptionalClientScopes = [\"address\", \"phone\"]\n";
    project.write_realm(&clients(3).replace("enabled = true\n", &format!("enabled = true\n{scopes}")));
    project.apply();
    let plan = plan(&project);
    assert_eq!(plan["GET /{realm}/client-scopes"], 1, "{plan:#?}");
    assert_eq!(plan.values().sum::<u64>(), BEGINNING + 3 + 3 + 1, "{plan:#?}");
}

/// That many clients, each with a mapper and two roles.
fn clients(number: usize) -> String {
    let mut text = String::new();
    for number in 0..number {
        write!(
            text,
            r#"
[clients.declared-{number}]
enabled = true
description = "Application {number}"
redirectUris = ["https://app-{number}.example/*"]
protocolMappers.tenant = {{ protocolMapper = "oidc-usermodel-attribute-mapper", config = {{ "user.attribute" = "tenant" }} }}
roles.reader = {{}}
roles.writer = {{ description = "May write" }}
"#
        )
        .unwrap();
    }
    text
}

/// Clients that no file knows.
async fn make_clients(realm: &str, number: usize) {
    let http = admin().await;
    let path = format!("{}/clients", realm_path(realm));
    let bodies = (0..number).map(|number| json!({ "clientId": format!("other-{number}"), "publicClient": true }));
    let posts = stream::iter(bodies).map(Ok::<_, realmform::keycloak::HttpError>);
    posts.try_for_each_concurrent(8, async |body| http.post(&path, &body).await.map(drop)).await.unwrap();
}

/// A plan's requests by endpoint.
fn plan(project: &Project) -> BTreeMap<String, u64> {
    requests(&project.run(&["plan", "--realm", &project.realm, "--requests"]))
}

fn roles(requests: &BTreeMap<String, u64>) -> u64 {
    requests.iter().filter(|(it, _)| it.starts_with("GET /{realm}/clients/{id}/roles")).map(|(_, count)| count).sum()
}

/// What `--requests` printed, after its total.
fn requests(ran: &Ran) -> BTreeMap<String, u64> {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let counts = ran.stderr.lines().filter_map(|line| {
        let (count, request) = line.trim().split_once(' ')?;
        let is_request = ["GET ", "POST ", "PUT ", "DELETE "].iter().any(|method| request.starts_with(method));
        is_request.then(|| Some((request.to_owned(), count.parse().ok()?)))?
    });
    let counts: BTreeMap<String, u64> = counts.collect();
    assert!(!counts.is_empty(), "{ran:?}");
    counts
}
