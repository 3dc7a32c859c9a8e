//! A realm of a hundred objects of all sorts, and neighbours made by hand that no run may touch.

use std::fmt::Write as _;

use realmform::keycloak::http::Http;
use realmform::model::ADMIN_PERMISSIONS_CLIENT;
use serde_json::{Value, json};

use super::is_26_0;
use super::run::{Project, client, realm_path};

/// Declares some forty objects and three for each client (itself, a mapper, a role), with `label` in one field of most. At
/// least eight clients.
pub(crate) fn declare(project: &Project, clients: usize, label: &str) {
    let mut text = format!(
        "enabled = true\ndisplayName = \"{label}\"\naccessTokenLifespan = \"7m\"\nattributes.fleet = \"{label}\"\n\
         organizationsEnabled = true\n"
    );
    if !is_26_0("there are no permissions and no workflows") {
        text.push_str("adminPermissionsEnabled = true\n");
        newer(&mut text, label);
    }
    roles_and_groups(&mut text, label);
    scopes_and_provider(&mut text, label);
    flow(&mut text, label);
    authorization(&mut text, label);
    named_otherwise(&mut text, label);
    project.write_realm(&text);
    for number in 0..clients {
        let next = (number + 1) % clients;
        project.write(&format!("{}/clients/app-{number}.toml", project.realm), &app(number, next, label));
    }
}

/// Takes every declaration back but one setting, so that the realm itself stays.
pub(crate) fn withdraw(project: &Project) {
    std::fs::remove_dir_all(project.folder().join(&project.realm)).unwrap();
    project.write_realm("enabled = true\n");
}

/// Applies [`withdraw`]'s files: everything that this project made goes.
pub(crate) fn sweep(project: &Project) {
    withdraw(project);
    let consent = consent(project);
    let consent: Vec<&str> = consent.iter().map(String::as_str).collect();
    let ran = project.run(&[&["apply", "--yes"], &*consent].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// The options with which everything may go.
pub(crate) fn consent(project: &Project) -> Vec<String> {
    let bears_data = ["identityProviders", "organizations", "userFederation"];
    let of = |collection| ["--allow-destroy".to_owned(), format!("{}/{collection}/fleet", project.realm)];
    std::iter::once("--allow-many-deletes".to_owned()).chain(bears_data.into_iter().flat_map(of)).collect()
}

fn app(number: usize, next: usize, label: &str) -> String {
    format!(
        "name = \"{label}\"\nredirectUris = [\"https://app-{number}.example/*\"]\npublicClient = true\n\
         defaultClientScopes = [\"basic\", \"fleet-{}\"]\nfullScopeAllowed = false\n\
         [protocolMappers.audience]\nprotocolMapper = \"oidc-audience-mapper\"\n\
         config = {{ \"included.client.audience\" = \"app-{next}\", \"access.token.claim\" = true }}\n\
         [roles.use]\ndescription = \"{label}\"\n",
        number % 3
    )
}

fn roles_and_groups(text: &mut String, label: &str) {
    for number in 0..8 {
        let below = (number > 0).then(|| format!("\"fleet-{}\", \"app-{number}:use\"", number - 1));
        write!(
            text,
            "[roles.fleet-{number}]\ndescription = \"{label}\"\ncomposites = [{}]\n",
            below.unwrap_or_default()
        )
        .unwrap();
        let path = if number < 4 { format!("/fleet-{number}") } else { format!("/fleet-{}/sub-{number}", number - 4) };
        write!(text, "[groups.\"{path}\"]\nrealmRoles = [\"fleet-{number}\"]\nattributes.label = [\"{label}\"]\n")
            .unwrap();
    }
}

/// What is protected by whom: the server has all of it by ids, and an export by names.
fn authorization(text: &mut String, label: &str) {
    write!(
        text,
        "[clients.app-guarded]\nname = \"{label}\"\nserviceAccountsEnabled = true\n\
         [clients.app-guarded.authorization]\nscopes.view = {{ displayName = \"{label}\" }}\n\
         resources.orders = {{ displayName = \"{label}\", scopes = [\"view\"] }}\n\
         policies.clerks = {{ type = \"role\", roles = [\"fleet-0\", \"app-1:use\"], description = \"{label}\" }}\n\
         permissions.see = {{ type = \"scope\", scopes = [\"view\"], policies = [\"clerks\"], description = \"{label}\" }}\n"
    )
    .unwrap();
}

/// Names that are not the whole address, and objects that others come with.
fn named_otherwise(text: &mut String, label: &str) {
    write!(
        text,
        "[requiredActions.TERMS_AND_CONDITIONS]\nname = \"{label}\"\nenabled = true\n\
         [organizations.fleet]\nname = \"{label}\"\ndomains = [\"fleet.example\"]\nidentityProviders = [\"fleet\"]\n\
         [userFederation.fleet]\nproviderId = \"ldap\"\nconfig = {{ editMode = \"READ_ONLY\", enabled = false, \
           usernameLDAPAttribute = \"uid\", rdnLDAPAttribute = \"uid\", usersDn = \"ou={label}\" }}\n\
         [userFederation.fleet.mappers.fleet]\nproviderId = \"user-attribute-ldap-mapper\"\n\
         config = {{ \"ldap.attribute\" = \"{label}\", \"user.model.attribute\" = \"fleet\" }}\n\
         [localization.eo]\nfleet = \"{label}\"\n"
    )
    .unwrap();
}

/// What Keycloak 26.0 does not have.
fn newer(text: &mut String, label: &str) {
    write!(
        text,
        "[workflows.fleet]\non = \"user-created\"\n\
         steps = [{{ uses = \"set-user-attribute\", after = \"1d\", with = {{ fleet = \"{label}\" }} }}]\n\
         [permissionPolicies.fleet-desk]\ntype = \"role\"\nroles = [\"fleet-0\"]\ndescription = \"{label}\"\n\
         [permissions.fleet]\nresourceType = \"Groups\"\ngroups = [\"/fleet-0\"]\nscopes = [\"view\"]\n\
         policies = [\"fleet-desk\"]\ndescription = \"{label}\"\n"
    )
    .unwrap();
}

/// Executions have no names, so that nothing but looking tells whether one was made.
fn flow(text: &mut String, label: &str) {
    write!(
        text,
        "[authenticationFlows.fleet]\ndescription = \"{label}\"\nexecutions = [\
         {{ authenticator = \"auth-cookie\", requirement = \"ALTERNATIVE\" }}, \
         {{ flow = \"fleet forms\", requirement = \"ALTERNATIVE\", description = \"{label}\", executions = [\
           {{ authenticator = \"identity-provider-redirector\", requirement = \"DISABLED\", \
              config = {{ defaultProvider = \"{label}\" }} }}, \
           {{ authenticator = \"conditional-level-of-authentication\", requirement = \"REQUIRED\", \
              config = {{ loa-condition-level = 1 }} }}, \
           {{ authenticator = \"conditional-level-of-authentication\", requirement = \"DISABLED\", \
              config = {{ loa-condition-level = 2 }} }}] }}]\n"
    )
    .unwrap();
}

fn scopes_and_provider(text: &mut String, label: &str) {
    for number in 0..3 {
        write!(
            text,
            "[clientScopes.fleet-{number}]\ndescription = \"{label}\"\n\
             [clientScopes.fleet-{number}.protocolMappers.claim]\nprotocolMapper = \"oidc-hardcoded-claim-mapper\"\n\
             config = {{ \"claim.name\" = \"fleet\", \"claim.value\" = \"{label}\" }}\n"
        )
        .unwrap();
    }
    // The server takes two components of one name.
    text.push_str("[keys.fleet]\nproviderId = \"aes-generated\"\nconfig.priority = 7\n");
    write!(text, "[identityProviders.fleet]\nproviderId = \"oidc\"\ndisplayName = \"{label}\"\n\
         config = {{ authorizationUrl = \"https://idp.example/a\", tokenUrl = \"https://idp.example/t\", clientId = \"x\" }}\n\
         [identityProviders.fleet.mappers.name]\nidentityProviderMapper = \"hardcoded-attribute-idp-mapper\"\n\
         config = {{ attribute = \"fleet\", \"attribute.value\" = \"{label}\", syncMode = \"INHERIT\" }}\n").unwrap();
}

/// Makes the realm by hand, and an object of each kind in it.
pub(crate) async fn make_neighbours(http: &Http, realm: &str) {
    http.post("", &json!({ "realm": realm, "enabled": true, "displayName": "by hand" })).await.unwrap();
    http.refresh_token().await.unwrap();
    let base = realm_path(realm);
    let mapper = json!({ "name": "hand", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
        "config": { "included.custom.audience": "hand", "access.token.claim": "true" } });
    for (path, body) in [
        ("clients", json!({ "clientId": "hand", "description": "by hand", "protocolMappers": [mapper] })),
        ("roles", json!({ "name": "hand", "description": "by hand", "attributes": { "by": ["hand"] } })),
        ("groups", json!({ "name": "hand", "attributes": { "by": ["hand"] } })),
        ("client-scopes", json!({ "name": "hand", "protocol": "openid-connect", "protocolMappers": [mapper] })),
    ] {
        http.post(&format!("{base}/{path}"), &body).await.unwrap();
    }
    let hand = client(http, realm, "hand").await.unwrap();
    let roles = format!("{base}/clients/{}/roles", hand["id"].as_str().unwrap());
    http.post(&roles, &json!({ "name": "hand", "description": "by hand" })).await.unwrap();
}

/// Everything of the realm that this project does not declare, as the server answers it.
pub(crate) async fn unmanaged(http: &Http, realm: &str) -> String {
    let base = realm_path(realm);
    let mut found = Vec::new();
    for (list, name) in [
        ("clients?max=1000", "clientId"),
        ("roles?briefRepresentation=false", "name"),
        ("groups?briefRepresentation=false", "name"),
        ("client-scopes", "name"),
        ("identity-provider/instances", "alias"),
        ("authentication/flows", "alias"),
    ] {
        let mut objects = http.get(&format!("{base}/{list}")).await.unwrap().as_array().unwrap().clone();
        // What holds the permissions stays without them.
        objects.retain(|object| !is_ours(object[name].as_str().unwrap()) && object[name] != ADMIN_PERMISSIONS_CLIENT);
        objects.sort_by_key(|object| object[name].as_str().unwrap().to_owned());
        found.extend(objects);
    }
    let hand = client(http, realm, "hand").await.unwrap();
    let id = hand["id"].as_str().unwrap();
    found.push(http.get(&format!("{base}/clients/{id}/roles?briefRepresentation=false")).await.unwrap());
    let lines: Vec<String> = found.iter().map(Value::to_string).collect();
    lines.join("\n")
}

/// The names of the fleet's objects that exist.
pub(crate) async fn ours(http: &Http, realm: &str) -> Vec<String> {
    let base = realm_path(realm);
    let mut found = Vec::new();
    for (list, name) in [
        ("clients?max=1000", "clientId"),
        ("roles", "name"),
        ("groups", "name"),
        ("client-scopes", "name"),
        ("identity-provider/instances", "alias"),
        ("authentication/flows", "alias"),
        ("components", "name"),
        ("organizations", "alias"),
        ("workflows", "name"),
    ] {
        if is_hidden(http, realm, list).await {
            continue;
        }
        let objects = http.get(&format!("{base}/{list}")).await.unwrap();
        let names = objects.as_array().unwrap().iter().map(|object| object[name].as_str().unwrap().to_owned());
        found.extend(names.filter(|name| is_ours(name) && !name.starts_with("realmform:")));
    }
    found
}

/// Whether the server has no such list, or none in this realm.
async fn is_hidden(http: &Http, realm: &str, list: &str) -> bool {
    match list {
        "organizations" => http.get(&realm_path(realm)).await.unwrap()["organizationsEnabled"] != true,
        "workflows" => is_26_0("there are no workflows"),
        _ => false,
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("app-") || name.starts_with("fleet") || name.starts_with("realmform:")
}
