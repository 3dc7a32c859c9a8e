//! A realm that is broad where the other is long: many flows, identity providers, groups in a tree, composite roles.

use std::fmt::Write as _;

use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use crate::floor::{Bare, READS_IN_FLIGHT};
use crate::project::Project;

/// Numbers of the project's promise: 20 + 180 + 1,800 are 2,000 groups.
const FLOWS: usize = 60;
const PROVIDERS: usize = 40;
const TOP_GROUPS: usize = 20;
const MIDDLE_GROUPS: usize = 9;
const LEAF_GROUPS: usize = 10;
const ROLES: usize = 300;

/// The children of a group are small, so that their pages are big.
const CHILDREN: usize = 100;

/// The name of the realm, and of the project.
pub const REALM: &str = "broad";

/// The project that declares all of it.
pub fn project() -> Project {
    Project::of_files(
        REALM,
        &[
            ("realm.toml", "displayName = \"Broad\"\n".to_owned()),
            ("flows.toml", (0..FLOWS).map(flow).collect()),
            ("providers.toml", (0..PROVIDERS).map(provider).collect()),
            ("groups.toml", groups()),
            ("roles.toml", (0..ROLES).map(role).collect()),
        ],
    )
}

fn flow(number: usize) -> String {
    format!(
        r#"[authenticationFlows."flow {number:02}"]
description = "What desk {number} asks for"
executions = [
  {{ authenticator = "auth-cookie", requirement = "ALTERNATIVE" }},
  {{ flow = "flow {number:02} forms", requirement = "ALTERNATIVE", executions = [
    {{ authenticator = "auth-username-password-form", requirement = "REQUIRED" }},
    {{ flow = "flow {number:02} level", requirement = "CONDITIONAL", executions = [
      {{ authenticator = "conditional-level-of-authentication", requirement = "REQUIRED", config = {{ loa-condition-level = 1 }} }},
      {{ authenticator = "auth-otp-form", requirement = "REQUIRED" }},
    ] }},
  ] }},
]
"#
    )
}

fn provider(number: usize) -> String {
    format!(
        r#"[identityProviders.up-{number:02}]
providerId = "oidc"
displayName = "Up {number}"
config = {{ clientId = "x", authorizationUrl = "https://up-{number}.example/a", tokenUrl = "https://up-{number}.example/t" }}
mappers.department = {{ identityProviderMapper = "oidc-user-attribute-idp-mapper", config = {{ claim = "department", "user.attribute" = "department", syncMode = "INHERIT" }} }}
"#
    )
}

fn groups() -> String {
    let mut text = String::new();
    let mut group = |path: &str| writeln!(text, "[groups.\"{path}\"]\nattributes.costCentre = \"{path}\"").unwrap();
    for top in 0..TOP_GROUPS {
        let top = format!("/tenant-{top:02}");
        group(&top);
        for middle in 0..MIDDLE_GROUPS {
            let middle = format!("{top}/site-{middle}");
            group(&middle);
            (0..LEAF_GROUPS).for_each(|leaf| group(&format!("{middle}/team-{leaf}")));
        }
    }
    text
}

/// Each role holds its two followers, and the last ones nothing.
fn role(number: usize) -> String {
    let below: Vec<String> = (number + 1..ROLES).take(2).map(|below| format!("\"role-{below:03}\"")).collect();
    format!("[roles.role-{number:03}]\ncomposites = [{}]\n", below.join(", "))
}

/// Reads it all by bare requests.
pub async fn read(bare: &Bare<'_>) {
    bare.get(&format!("/{REALM}")).await;
    bare.get(&format!("/{REALM}/clients?clientId=realmform%3A{REALM}")).await;
    let flows = list(bare, "/authentication/flows").await;
    let flows = flows.iter().map(|flow| name(flow, "alias")).filter(|alias| alias.starts_with("flow "));
    each(flows, async |flow| {
        let executions = list(bare, &format!("/authentication/flows/{}/executions", flow.replace(' ', "%20"))).await;
        for config in executions.iter().filter_map(|it| it["authenticationConfig"].as_str()) {
            bare.get(&format!("/{REALM}/authentication/config/{config}")).await;
        }
    })
    .await;
    let providers = bare.pages(&format!("/{REALM}/identity-provider/instances?briefRepresentation=false&")).await;
    let providers = providers.iter().map(|provider| name(provider, "alias"));
    each(providers, async |alias| {
        bare.get(&format!("/{REALM}/identity-provider/instances/{alias}/mappers")).await;
    })
    .await;
    let roles = bare.pages(&format!("/{REALM}/roles?briefRepresentation=false&")).await;
    let composite = roles.iter().filter(|role| role["composite"] == true).map(|role| name(role, "id"));
    each(composite, async |id| drop(bare.get(&format!("/{REALM}/roles-by-id/{id}/composites")).await)).await;
    read_groups(bare).await;
}

async fn read_groups(bare: &Bare<'_>) {
    let mut level = bare.pages(&format!("/{REALM}/groups?briefRepresentation=false&populateHierarchy=false&")).await;
    while !level.is_empty() {
        let parents = level.iter().filter(|group| group["subGroupCount"] != 0).map(|group| name(group, "id"));
        let children = parents.map(|id| {
            let path = format!("/groups/{id}/children?briefRepresentation=false&first=0&max={CHILDREN}");
            async move { list(bare, &path).await }
        });
        let below: Vec<Vec<Value>> = stream::iter(children).buffer_unordered(READS_IN_FLIGHT).collect().await;
        level = below.into_iter().flatten().collect();
    }
}

async fn list(bare: &Bare<'_>, path: &str) -> Vec<Value> {
    serde_json::from_slice(&bare.get(&format!("/{REALM}{path}")).await).unwrap()
}

async fn each(items: impl Iterator<Item = String>, read: impl AsyncFn(String)) {
    stream::iter(items).map(|item| read(item)).buffer_unordered(READS_IN_FLIGHT).for_each(async |()| ()).await;
}

fn name(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap().to_owned()
}
