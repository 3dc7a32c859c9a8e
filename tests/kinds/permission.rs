//! Fine-grained admin permissions: what each sort is about, and who has them.

use std::collections::BTreeSet;

use realmform::keycloak::{Connection, Credentials, Http};
use realmform::model::RESOURCE_TYPES;
use realmform::model::kinds::{PERMISSION, PERMISSION_POLICY};
use serde_json::{Value, json};

use super::story::Story;
use crate::support::admin::Admin;
use crate::support::project::Project;
use crate::support::{access, is_26_0};

const DESK: &str =
    "adminPermissionsEnabled = true\n[permissionPolicies.desk]\ntype = \"role\"\nroles = [\"offline_access\"]\n";

const CLIENTS: Story = Story {
    realm: "kinds-permission-clients",
    kind: &PERMISSION,
    table: "permissions.\"help: some\"",
    fixed: "resourceType = \"Clients\"\nscopes = [\"view\", \"map-roles\"]\n",
    samples: &[
        ("description", "\"A\"", "\"B\""),
        ("clients", "[\"hand\"]", "[\"account\", \"hand\"]"),
        ("policies", "[\"desk\"]", "[\"by hand\", \"desk\"]"),
    ],
    at_once: 1,
    others: DESK,
    by_hand: add_by_hand,
    raw: |admin| permission(admin, "help: some"),
    follows: &[],
};

const GROUPS: Story = Story {
    realm: "kinds-permission-groups",
    fixed: "resourceType = \"Groups\"\nscopes = [\"view-members\"]\n",
    samples: &[("groups", "[\"/hand\"]", "[\"/hand/below\"]")],
    ..CLIENTS
};

const ROLES: Story = Story {
    realm: "kinds-permission-roles",
    fixed: "resourceType = \"Roles\"\nscopes = [\"map-role\"]\n",
    samples: &[("roles", "[\"hand\"]", "[\"hand:hand\", \"offline_access\"]")],
    ..CLIENTS
};

const USERS: Story = Story {
    realm: "kinds-permission-users",
    fixed: "resourceType = \"Users\"\nscopes = [\"view\"]\n",
    samples: &[("users", "[\"hand-a\"]", "[\"hand-a\", \"hand-b\"]")],
    ..CLIENTS
};

const ORGANIZATIONS: Story = Story {
    realm: "kinds-permission-organizations",
    fixed: "resourceType = \"Organizations\"\nscopes = [\"view\"]\n",
    samples: &[("organizations", "[\"hand a\"]", "[\"hand a\", \"hand b\"]")],
    ..CLIENTS
};

const POLICY: Story = Story {
    realm: "kinds-permission-policy",
    kind: &PERMISSION_POLICY,
    table: "permissionPolicies.\"help desk\"",
    fixed: "type = \"role\"\n",
    samples: &[
        ("description", "\"A\"", "\"B\""),
        ("logic", "\"NEGATIVE\"", "\"POSITIVE\""),
        ("roles", "[\"hand\"]", "[{ name = \"hand\", required = true }, \"hand:hand\"]"),
        ("fetchRoles", "true", "false"),
    ],
    raw: |admin| policy(admin, "help desk"),
    ..CLIENTS
};

const AGGREGATE: Story = Story {
    realm: "kinds-permission-aggregate",
    fixed: "type = \"aggregate\"\n",
    samples: &[("policies", "[\"desk\"]", "[\"by hand\", \"desk\"]")],
    ..POLICY
};

#[test]
fn life_of_a_permission() {
    if is_26_0("its admin permissions are those of version 1") {
        return;
    }
    let told = CLIENTS.tell();
    told.rename("permissions.new", "help: some", |admin| permission(admin, "new"));
    told.delete(&[], |admin| !names(admin).contains("new"));
}

#[test]
fn life_of_permissions_of_each_sort() {
    if is_26_0("its admin permissions are those of version 1") {
        return;
    }
    let stories = [GROUPS, ROLES, USERS, ORGANIZATIONS];
    let sampled: BTreeSet<&str> =
        stories.iter().chain([&CLIENTS]).flat_map(|story| story.samples).map(|sample| sample.0).collect();
    // There is no permission without these two: they change below.
    let tried = |field: &str| sampled.contains(field) || matches!(field, "resourceType" | "scopes");
    let is_own = |field: &str| !matches!(field, "resources" | "type" | "logic" | "decisionStrategy");
    assert!(PERMISSION.fields.iter().all(|field| tried(field.name) || !is_own(field.name)), "{sampled:?}");
    for story in stories {
        story.tell().delete(&[], |admin| !names(admin).contains("help: some"));
    }
}

#[test]
fn life_of_a_permission_policy() {
    if is_26_0("its admin permissions are those of version 1") {
        return;
    }
    for story in [POLICY, AGGREGATE] {
        let told = story.tell();
        told.rename("permissionPolicies.new", "help desk", |admin| policy(admin, "new"));
        told.delete(&[], |admin| !names(admin).contains("new"));
    }
}

const ALL: &str = r#"
adminPermissionsEnabled = true
prune.clients = "all"
[roles.helper]
[groups."/staff"]
[clients.shop]
roles.refund = {}
[permissionPolicies.desk]
type = "role"
roles = ["helper", "shop:refund"]
[permissionPolicies.crew]
type = "group"
groups = ["/staff"]
[permissions.staff]
resourceType = "Groups"
groups = ["/staff"]
scopes = ["view-members"]
policies = ["desk"]
[permissions.refunds]
resourceType = "Roles"
roles = ["shop:refund"]
scopes = ["map-role"]
policies = ["desk"]
"#;

/// In a new realm, with all that they name; changed into something else; and gone with all of it.
#[test]
fn permissions_come_and_go_with_all_that_they_name() {
    if is_26_0("its admin permissions are those of version 1") {
        return;
    }
    let project = Project::new("kinds-permission-all");
    let admin = project.admin();
    project.write_realm(ALL);
    project.apply();
    let all = BTreeSet::from(["crew", "desk", "refunds", "staff"].map(Into::into));
    assert_eq!(names(&admin), all);
    // They stay while they are switched off.
    admin.put("", &json!({"adminPermissionsEnabled": false}));
    assert_eq!(project.changes(), ["update : adminPermissionsEnabled (unexplained)"]);
    project.apply();
    assert_eq!(names(&admin), all);
    // What policies name may be gone, of which only its id is left; what a permission is about takes that with it.
    admin.delete(&format!("groups/{}", admin.id("groups", "name", "staff")));
    admin.delete("roles/helper");
    assert_eq!(
        project.changes(),
        [
            "create groups/\"/staff\"",
            "update permissionPolicies/crew: groups (unexplained)",
            "update permissionPolicies/desk: roles (unexplained)",
            "create permissions/staff: groups (drift), policies (drift), resourceType (drift), scopes (drift)",
            "create roles/helper",
        ]
    );
    project.apply();
    assert_eq!(names(&admin), all);
    project.write_realm(
        &ALL.replace("resourceType = \"Groups\"\ngroups = [\"/staff\"]\n", "resourceType = \"Clients\"\n")
            .replace("view-members", "view")
            .replace("[groups.\"/staff\"]\n", "")
            .replace("type = \"group\"\ngroups = [\"/staff\"]", "type = \"group\""),
    );
    assert_eq!(
        project.changes(),
        [
            "delete groups/\"/staff\"",
            "update permissionPolicies/crew: groups (prune)",
            "update permissions/staff: groups (prune), resourceType (unexplained), scopes (unexplained)",
        ]
    );
    project.apply();
    let staff = permission(&admin, "staff");
    assert_eq!((&staff["resourceType"], &staff["scopes"]), (&json!("Clients"), &json!(["view"])));
    project.write_realm("prune.clients = \"all\"\n");
    project.apply_with(&["--allow-many-deletes"]);
    // What the server keeps them in is its own, whatever is swept.
    assert_eq!(names(&admin), BTreeSet::new());
    assert_eq!(admin.get("")["adminPermissionsEnabled"], false);
}

/// What files may say a permission is about is what the server says.
#[test]
fn the_server_has_these_resource_types() {
    if is_26_0("its admin permissions are those of version 1") {
        return;
    }
    let project = Project::new("kinds-permission-types");
    project.write_realm("adminPermissionsEnabled = true\n");
    project.apply();
    let admin = project.admin();
    let schema = admin.get(&services(&admin))["authorizationSchema"]["resourceTypes"].clone();
    let of_server = schema.as_object().unwrap().iter().map(|(name, ty)| {
        let scopes = ty["scopes"].as_array().unwrap().iter().map(|scope| scope.as_str().unwrap());
        (name.as_str(), scopes.collect::<BTreeSet<_>>())
    });
    let ours = RESOURCE_TYPES.iter().map(|(name, _, scopes)| (*name, scopes.iter().copied().collect()));
    assert_eq!(ours.collect::<BTreeSet<_>>(), of_server.collect());
}

/// Somebody who may ask for users sees those that a permission shows.
#[test]
fn an_administrator_sees_what_the_files_say() {
    if is_26_0("its admin permissions are those of version 1") {
        return;
    }
    let mut project = Project::new("kinds-permission-decision");
    project.set("SECRET", "the-secret-of-the-desk");
    let file = |scopes: &str| {
        format!(
            "adminPermissionsEnabled = true\n[roles.helper]\n\
             [clients.desk]\nsecret = {{ env = \"SECRET\" }}\nserviceAccountsEnabled = true\n\
             serviceAccount = {{ realmRoles = [\"helper\"], clientRoles.realm-management = [\"query-users\"] }}\n\
             [permissionPolicies.desk]\ntype = \"role\"\nroles = [\"helper\"]\n\
             [permissions.people]\nresourceType = \"Users\"\nscopes = [{scopes}]\npolicies = [\"desk\"]\n"
        )
    };
    project.write_realm(&file("\"impersonate\""));
    project.apply();
    project.admin().post("users", &json!({"username": "alice", "enabled": true}));
    assert_eq!(seen(&project), [""; 0]);
    project.write_realm(&file("\"impersonate\", \"view\""));
    project.apply();
    assert!(seen(&project).contains(&"alice".to_owned()));
    project.write_realm(&file("\"impersonate\""));
    project.apply();
    assert_eq!(seen(&project), [""; 0]);
}

/// The users that the client `desk` is shown.
fn seen(project: &Project) -> Vec<String> {
    let credentials = Credentials::Client { id: "desk".to_owned(), secret: "the-secret-of-the-desk".into() };
    let connection = Connection { realm: project.realm.clone(), ..Connection::new(&*access().http_url, credentials) };
    let users = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let http = Http::connect(connection).await.unwrap();
        http.get(&format!("/{}/users", project.realm)).await.unwrap()
    });
    users.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_the_server_does_not_know_is_said() {
    if is_26_0("its admin permissions are those of version 1") {
        return;
    }
    let project = Project::new("kinds-permission-errors");
    let file = |rest: &str| format!("{DESK}[permissions.a]\nresourceType = \"Users\"\nscopes = [\"view\"]\n{rest}\n");
    project.write_realm(DESK);
    project.apply();
    for (rest, error, help) in [
        ("policies = [\"dusk\"]", "there is no permission policy `dusk`", "did you mean `desk`?"),
        ("users = [\"nobody\"]", "there is no user `nobody`", "declare the user"),
    ] {
        project.write_realm(&file(rest));
        let refused = project.run(&["plan"]);
        assert_eq!(refused.status, 1, "{rest}");
        assert!(refused.stderr.contains(error) && refused.stderr.contains(help), "{}", refused.stderr);
    }
    add_by_hand(&project.admin());
    project.write_realm(&file("policies = [\"by hand\"]"));
    project.apply();
}

/// Switches the permissions on, and makes some that no file knows, and what samples name, where they are not there yet.
fn add_by_hand(admin: &Admin) {
    admin.put("", &json!({"adminPermissionsEnabled": true, "organizationsEnabled": true}));
    for name in ["hand-a", "hand-b"] {
        if admin.get(&format!("users?username={name}&exact=true")) == json!([]) {
            admin.post("users", &json!({"username": name, "enabled": true}));
        }
    }
    for name in ["a", "b"] {
        if admin.get(&format!("organizations?search=hand%20{name}&exact=true")) == json!([]) {
            let domains = json!([{"name": format!("{name}.example")}]);
            admin.post("organizations", &json!({"name": format!("hand {name}"), "alias": name, "domains": domains}));
        }
    }
    if !names(admin).contains("by hand") {
        let services = services(admin);
        admin.post(&format!("{services}/policy/user"), &json!({"name": "by hand", "users": []}));
        let permission =
            json!({"name": "by hand too", "resourceType": "Users", "scopes": ["view"], "policies": ["by hand"]});
        admin.post(&format!("{services}/permission/scope"), &permission);
    }
}

fn services(admin: &Admin) -> String {
    format!("clients/{}/authz/resource-server", admin.client("admin-permissions"))
}

fn names(admin: &Admin) -> BTreeSet<String> {
    let policies = admin.get(&format!("{}/policy?max=1000", services(admin)));
    policies.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

/// A permission as files have it, and beside it everything else.
fn permission(admin: &Admin, name: &str) -> Value {
    let mut permission = policy(admin, name);
    let ty = permission["resourceType"].as_str().unwrap().to_owned();
    let all = permission["resources"].take();
    let resources = all.as_array().unwrap().iter().filter(|it| **it != *ty).cloned();
    permission[ty.to_lowercase()] = resources.collect();
    permission
}

/// A policy or permission in its own form, with the names of what it names, and beside it everything else.
fn policy(admin: &Admin, name: &str) -> Value {
    let services = services(admin);
    let all = admin.get(&format!("{services}/policy?max=1000&fields=*"));
    let (own, rest): (Vec<Value>, Vec<Value>) =
        all.as_array().unwrap().iter().cloned().partition(|policy| policy["name"] == name);
    let (ty, id) = (own[0]["type"].as_str().unwrap(), own[0]["id"].as_str().unwrap());
    let mut policy = admin.get(&format!("{services}/policy/{ty}/{id}"));
    for (list, field, name) in [
        ("associatedPolicies", "policies", "name"),
        ("resources", "resources", "displayName"),
        ("scopes", "scopes", "name"),
    ] {
        let named = admin.get(&format!("{services}/policy/{id}/{list}"));
        policy[field] = named.as_array().unwrap().iter().map(|it| it[name].clone()).collect();
    }
    policy["rest"] = rest.into();
    policy
}
