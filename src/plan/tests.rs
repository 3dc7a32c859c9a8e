//! Orders, carried requests and guards.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::diff::testing::{Scene, at};
use crate::model::Lifecycle;

fn planned(scene: &Scene) -> RealmPlan {
    planned_with(scene, &Policy::default()).unwrap()
}

fn planned_with(scene: &Scene, policy: &Policy) -> Result<RealmPlan, Refusal> {
    plan(scene.diff(), policy).map(|mut plan| plan.realms.remove("acme").unwrap())
}

/// Each step as a person would say it.
fn told(plan: &RealmPlan) -> Vec<String> {
    let tell = |step: &Step| {
        let carried: Vec<&str> = plan.carried(step).map(|change| change.address.name()).collect();
        let carried = if carried.is_empty() { String::new() } else { format!(" with {}", carried.join(", ")) };
        format!("{:?} {}{carried}", step.action, plan.change(step).address)
    };
    plan.steps.iter().map(tell).collect()
}

fn position(plan: &RealmPlan, step: &str) -> usize {
    told(plan).iter().position(|told| told == step).unwrap_or_else(|| panic!("{step}: {:#?}", told(plan)))
}

/// Whether a step waits for another, directly or through others.
fn waits(plan: &RealmPlan, step: &str, for_step: &str) -> bool {
    let (mut open, goal) = (vec![position(plan, step)], position(plan, for_step));
    while let Some(at) = open.pop() {
        if at == goal {
            return true;
        }
        open.extend(&plan.steps[at].needs);
    }
    false
}

fn guards(scene: &Scene, policy: &Policy) -> Vec<Guard> {
    let refused = planned_with(scene, policy).err();
    refused.map(|refusal| refusal.violations.iter().map(|it| it.guard).collect()).unwrap_or_default()
}

#[test]
fn a_new_realm_comes_first_and_its_links_last() {
    let scene = Scene::empty()
        .wants("", &json!({"defaultRoles": ["user", "shop:buyer"], "defaultDefaultClientScopes": ["tenant"]}))
        .wants("clients/shop", &json!({"scopeMappings": ["admin"]}))
        .wants("clients/shop/protocolMappers/tenant", &json!({}))
        .wants("clients/shop/roles/buyer", &json!({}))
        .wants("clientScopes/tenant", &json!({}))
        .wants("clientScopes/tenant/protocolMappers/tenant", &json!({}))
        .wants("roles/admin", &json!({"composites": ["user"]}))
        .wants("roles/user", &json!({}));
    let plan = planned(&scene);
    assert_eq!(
        told(&plan),
        [
            "Create acme",
            "Create acme/clientScopes/tenant with tenant",
            "Create acme/roles/admin",
            "Create acme/roles/user",
            "Link acme",
            "Create acme/clients/shop with tenant",
            "Create acme/clients/shop/roles/buyer",
            "Link acme",
            "Link acme/clients/shop",
            "Link acme/roles/admin",
        ]
    );
    assert_eq!(plan.steps[0].needs, [] as [usize; 0]);
    // The client gets the realm's default scopes, so it waits for these, but not for the default roles.
    assert_eq!(plan.steps[5].needs, [0, 4]);
    assert_eq!(plan.steps[7].needs, [0, 3, 6]);
}

#[test]
fn a_client_that_says_its_scopes_waits_for_these_only() {
    let scene = Scene::new()
        .wants("", &json!({"defaultDefaultClientScopes": ["a", "b"]}))
        .has("", &json!({"defaultDefaultClientScopes": ["a"]}))
        .wants("clientScopes/b", &json!({}))
        .wants("clientScopes/c", &json!({}))
        .wants("clients/shop", &json!({"defaultClientScopes": ["c"], "optionalClientScopes": []}));
    let plan = planned(&scene);
    assert!(waits(&plan, "Create acme/clients/shop", "Create acme/clientScopes/c"));
    assert!(!waits(&plan, "Create acme/clients/shop", "Link acme"));
}

/// A provider that speaks Kerberos changes what flows require, whoever made these.
#[test]
fn flows_come_after_user_federation() {
    let executions = json!({"executions": [{"authenticator": "auth-spnego", "requirement": "DISABLED"}]});
    let scene = Scene::new()
        .wants("userFederation/k", &json!({"providerId": "kerberos"}))
        .wants("authenticationFlows/a", &executions)
        .wants("authenticationFlows/b", &executions)
        .has("authenticationFlows/b", &json!({}));
    let plan = planned(&scene);
    for flow in ["Create acme/authenticationFlows/a", "Update acme/authenticationFlows/b"] {
        assert!(waits(&plan, flow, "Create acme/userFederation/k"), "{flow}");
    }
}

#[test]
fn cycles_are_cut_by_linking_afterwards() {
    let scene = Scene::new()
        .wants("", &json!({"defaultRoles": ["a"]}))
        .wants("roles/a", &json!({"composites": ["b"]}))
        .wants("roles/b", &json!({"composites": ["a", "shop:c"]}))
        .wants("clients/shop", &json!({}))
        .wants("clients/shop/roles/c", &json!({"composites": ["b"]}));
    let plan = planned(&scene);
    assert!(waits(&plan, "Link acme/roles/b", "Create acme/clients/shop/roles/c"));
    assert!(waits(&plan, "Link acme/roles/a", "Create acme/roles/b"));
    assert!(!waits(&plan, "Link acme/roles/a", "Link acme/roles/b"));
    assert_topological(&plan);
}

#[test]
fn groups_come_after_the_groups_they_are_in() {
    let scene = Scene::new()
        .wants("groups/\"/staff/ops\"", &json!({"realmRoles": ["admin"]}))
        .wants("groups/\"/staff\"", &json!({}))
        .wants("roles/admin", &json!({}));
    let plan = planned(&scene);
    assert!(waits(&plan, "Create acme/groups/\"/staff/ops\"", "Create acme/groups/\"/staff\""));
    assert!(waits(&plan, "Link acme/groups/\"/staff/ops\"", "Create acme/roles/admin"));
    assert!(!waits(&plan, "Create acme/groups/\"/staff/ops\"", "Create acme/roles/admin"));
}

#[test]
fn mappers_of_identity_providers_and_existing_clients_are_steps_of_their_own() {
    let scene = Scene::new()
        .settled("clients/shop", &json!({}))
        .wants("clients/shop/protocolMappers/tenant", &json!({}))
        .wants("identityProviders/entra", &json!({"providerId": "oidc"}))
        .wants("identityProviders/entra/mappers/groups", &json!({}));
    assert_eq!(
        told(&planned(&scene)),
        [
            "Create acme/clients/shop/protocolMappers/tenant",
            "Create acme/identityProviders/entra",
            "Create acme/identityProviders/entra/mappers/groups",
        ]
    );
}

#[test]
fn a_change_is_split_into_body_and_links() {
    let scene = Scene::new()
        .wants("clients/shop", &json!({"name": "Shop", "defaultClientScopes": ["b"], "scopeMappings": ["r"]}))
        .has("clients/shop", &json!({"name": "Store", "defaultClientScopes": ["a"]}));
    let plan = planned(&scene);
    assert_eq!(told(&plan), ["Update acme/clients/shop", "Link acme/clients/shop"]);
    let written: Vec<Vec<String>> =
        plan.steps.iter().map(|step| plan.fields(step).map(|field| field.path.to_string()).collect()).collect();
    assert_eq!(written, [vec!["name"], vec!["defaultClientScopes", "scopeMappings"]]);
    assert_eq!(plan.steps[1].needs, [0]);
}

#[test]
fn whoever_names_a_renamed_object_waits_for_its_name() {
    let scene = Scene::new()
        .wants("clientScopes/org", &json!({}))
        .renamed("clientScopes/org", "tenant")
        .has("clientScopes/tenant", &json!({}))
        .wants("clients/shop", &json!({"defaultClientScopes": ["org"], "optionalClientScopes": []}))
        .wants("clientScopes/tenant", &json!({}));
    let plan = planned(&scene);
    assert!(waits(&plan, "Create acme/clients/shop", "Update acme/clientScopes/org"));
    // The old name is free only then.
    assert!(waits(&plan, "Create acme/clientScopes/tenant", "Update acme/clientScopes/org"));
}

#[test]
fn a_deletion_carries_what_is_below_and_waits_for_who_lets_go() {
    let scene = Scene::new()
        .applied("clients/shop", &json!({}))
        .has("clients/shop", &json!({}))
        .applied("clients/shop/roles/buyer", &json!({}))
        .has("clients/shop/roles/buyer", &json!({}))
        .wants("roles/admin", &json!({"composites": ["user"]}))
        .has("roles/admin", &json!({"composites": ["shop:buyer", "user"]}))
        .wants("roles/other", &json!({"description": "x"}))
        .has("roles/other", &json!({}));
    let plan = planned(&scene);
    assert_eq!(
        told(&plan),
        ["Update acme/roles/other", "Link acme/roles/admin", "Delete acme/clients/shop with buyer"]
    );
    assert_eq!(plan.steps[2].needs, [1]);
}

#[test]
fn a_scope_is_deleted_after_the_client_that_uses_it() {
    let scene = Scene::new()
        .applied("clients/shop", &json!({}))
        .has("clients/shop", &json!({"defaultClientScopes": ["tenant"]}))
        .applied("clientScopes/tenant", &json!({}))
        .has("clientScopes/tenant", &json!({}));
    let plan = planned(&scene);
    assert_eq!(told(&plan), ["Delete acme/clients/shop", "Delete acme/clientScopes/tenant"]);
    assert_eq!(plan.steps[1].needs, [0]);
}

/// The server takes what is deleted out of the policies and permissions that name it, which fails while these are deleted.
#[test]
fn policies_and_permissions_are_deleted_before_what_they_name() {
    let mut scene = Scene::new().settled("clients/web", &json!({})).settled("clients/web/authorization", &json!({}));
    for (address, fields) in [
        ("clients/shop", json!({})),
        ("clients/shop/roles/refund", json!({})),
        ("roles/clerk", json!({})),
        ("groups/\"/staff\"", json!({})),
        ("groups/\"/staff/night\"", json!({})),
        ("organizations/acme", json!({})),
        ("users/ana", json!({})),
        ("permissionPolicies/clerks", json!({"roles": [{"name": "clerk"}, {"name": "shop:refund"}]})),
        (
            "permissions/all",
            json!({"clients": ["shop"], "groups": ["/staff/night"], "organizations": ["acme"], "policies": ["clerks"]}),
        ),
        ("clients/web/authorization/policies/people", json!({"users": ["ana"], "clients": ["shop"]})),
    ] {
        scene = scene.applied(address, &fields).has(address, &fields);
    }
    let policy = Policy {
        limit_deletes: false,
        allow_destroy: ["acme/users/ana", "acme/organizations/acme"].map(str::to_owned).into(),
        ..Policy::default()
    };
    let plan = planned_with(&scene, &policy).unwrap();
    let shop = "Delete acme/clients/shop with refund";
    for (named, by) in [
        (shop, "permissions/all"),
        ("Delete acme/groups/\"/staff\" with /staff/night", "permissions/all"),
        ("Delete acme/organizations/acme", "permissions/all"),
        ("Delete acme/permissionPolicies/clerks", "permissions/all"),
        ("Delete acme/roles/clerk", "permissionPolicies/clerks"),
        (shop, "permissionPolicies/clerks"),
        (shop, "clients/web/authorization/policies/people"),
        ("Delete acme/users/ana", "clients/web/authorization/policies/people"),
    ] {
        assert!(waits(&plan, named, &format!("Delete acme/{by}")), "{named} waits for {by}");
    }
    assert_topological(&plan);
}

/// Two clients whose policies name each other go without waiting for the other.
#[test]
fn what_goes_with_its_client_waits_for_nobody() {
    let mut scene = Scene::new();
    for (client, other) in [("a", "b"), ("b", "a")] {
        let policy = format!("clients/{client}/authorization/policies/p");
        for (address, fields) in [
            (format!("clients/{client}"), json!({})),
            (format!("clients/{client}/authorization"), json!({})),
            (policy, json!({"clients": [other]})),
        ] {
            scene = scene.applied(&address, &fields).has(&address, &fields);
        }
    }
    let plan = planned(&scene);
    assert_eq!(plan.steps.iter().map(|step| step.needs.len()).collect::<Vec<_>>(), [0, 0], "{:?}", told(&plan));
}

#[test]
fn groups_inside_go_with_the_group() {
    let mut scene = Scene::new();
    for group in ["/a", "/a/b", "/a/b/c"] {
        let address = format!("groups/\"{group}\"");
        scene = scene.applied(&address, &json!({})).has(&address, &json!({}));
    }
    assert_eq!(told(&planned(&scene)), ["Delete acme/groups/\"/a\" with /a/b, /a/b/c"]);
}

mod guarding {
    use super::*;

    /// So many of so many roles have left the files.
    fn roles(deleted: usize, total: usize) -> Scene {
        let mut scene = Scene::new();
        for i in 0..total {
            let address = format!("roles/r{i}");
            scene = scene.settled(&address, &json!({}));
            if i < deleted {
                scene.realm().objects.remove(&at(&address));
            }
        }
        scene
    }

    #[test]
    fn many_deletions_at_once() {
        // With the realm, ten objects.
        assert_eq!(guards(&roles(3, 9), &Policy::default()), []);
        assert_eq!(guards(&roles(4, 9), &Policy::default()), [Guard::DeleteLimit]);
        // Nine are too few to speak of a share.
        assert_eq!(guards(&roles(5, 8), &Policy::default()), []);
        assert_eq!(guards(&roles(4, 9), &Policy { max_delete_percent: 40, ..Policy::default() }), []);
        assert_eq!(guards(&roles(9, 9), &Policy { limit_deletes: false, ..Policy::default() }), []);
        let named = Policy { allow_destroy: BTreeSet::from(["acme/roles/r0".to_owned()]), ..Policy::default() };
        assert_eq!(guards(&roles(4, 9), &named), []);
    }

    #[test]
    fn so_many_deletions() {
        let at_most = |max| Policy { max_deletes: Some(max), ..Policy::default() };
        assert_eq!(guards(&roles(2, 9), &at_most(2)), []);
        assert_eq!(guards(&roles(2, 9), &at_most(1)), [Guard::DeleteLimit]);
        let of = |kind: &str, max| Policy { max_deletes_of: [(kind.to_owned(), max)].into(), ..Policy::default() };
        assert_eq!(guards(&roles(2, 9), &of("roles", 2)), []);
        assert_eq!(guards(&roles(2, 9), &of("roles", 1)), [Guard::DeleteLimit]);
        assert_eq!(guards(&roles(2, 9), &of("clients", 0)), []);
        let all = Policy { limit_deletes: false, max_deletes: Some(0), ..of("roles", 0) };
        assert_eq!(guards(&roles(2, 9), &all), []);
        // What hangs below an object is not counted with it.
        let role = "clients/c/roles/r";
        let client = Scene::new().settled("clients/c", &json!({})).applied(role, &json!({})).has(role, &json!({}));
        assert_eq!(guards(&client, &of("clients", 0)), []);
        assert_eq!(guards(&client, &at_most(0)), [Guard::DeleteLimit]);
    }

    #[test]
    fn emptying_a_kind() {
        assert_eq!(guards(&roles(3, 3), &Policy::default()), [Guard::EmptiedKind]);
        assert_eq!(guards(&roles(2, 2), &Policy::default()), []);
        let mut client = Scene::new().applied("clients/c", &json!({})).has("clients/c", &json!({}));
        for role in ["a", "b", "c"] {
            let address = format!("clients/c/roles/{role}");
            client = client.applied(&address, &json!({})).has(&address, &json!({}));
        }
        assert_eq!(guards(&client, &Policy::default()), []);
    }

    #[test]
    fn protected_realms() {
        let scene = Scene::new().wants("roles/r", &json!({}));
        let policy = Policy { protected_realms: BTreeSet::from(["acme".to_owned()]), ..Policy::default() };
        assert_eq!(guards(&scene, &policy), [Guard::ProtectedRealm]);
        assert_eq!(guards(&Scene::new().settle(), &policy), []);
        assert!(Policy::default().protected_realms.contains("master"));
    }

    #[test]
    fn data_needs_consent() {
        let address = "identityProviders/entra";
        let scene = Scene::new().applied(address, &json!({})).has(address, &json!({}));
        assert_eq!(guards(&scene, &Policy::default()), [Guard::DataBearing]);
        let consent = Policy { allow_destroy: BTreeSet::from([format!("acme/{address}")]), ..Policy::default() };
        assert_eq!(guards(&scene, &consent), []);
        // Consent to what is not deleted itself is none.
        let realm = Policy { allow_destroy: BTreeSet::from(["acme".to_owned()]), ..Policy::default() };
        assert_eq!(guards(&scene, &realm), [Guard::DataBearing]);
        let mut gone = scene.applied("", &json!({}));
        gone.desired.realms.clear();
        assert_eq!(guards(&gone, &Policy::default()), [Guard::DataBearing, Guard::DataBearing]);
        assert_eq!(guards(&gone, &realm), []);
    }

    #[test]
    fn prevented_deletions() {
        let mut scene = roles(1, 5);
        let pattern = |text: &str| Policy { prevent_destroy: vec![text.to_owned()], ..Policy::default() };
        assert_eq!(guards(&scene, &pattern("*/roles/r*")), [Guard::PreventDestroy]);
        assert_eq!(guards(&scene, &pattern("acme/roles/r0")), [Guard::PreventDestroy]);
        assert_eq!(guards(&scene, &pattern("acme/clients/*")), []);
        let base = scene.base.get_mut("acme").unwrap().objects.get_mut(&at("roles/r0")).unwrap();
        base.lifecycle = Lifecycle { prevent_destroy: true, ..Lifecycle::default() };
        assert_eq!(guards(&scene, &Policy::default()), [Guard::PreventDestroy]);
    }

    #[test]
    fn the_own_credential() {
        let scene = Scene::new().applied("clients/ci", &json!({})).has("clients/ci", &json!({}));
        let policy = Policy { credential: vec![at("clients/ci")], ..Policy::default() };
        assert_eq!(guards(&scene, &policy), [Guard::Credential]);
    }

    /// What a client or a user may lose that signs in: what is asked of the scene is in the fields.
    #[test]
    fn what_the_own_credential_keeps() {
        let service = Policy { credential: vec![at("clients/ci")], ..Policy::default() };
        let user = Policy { credential: vec![at("clients/ci"), at("users/ci")], ..Policy::default() };
        let realm_admin = json!(["realm-admin", "view-users"]);
        let management = "serviceAccount.clientRoles.realm-management";
        for (address, field, before, after, by_service, by_user) in [
            ("clients/ci", "enabled", json!(true), json!(false), true, true),
            ("clients/ci", "enabled", json!(false), json!(true), false, false),
            ("clients/ci", "name", json!("a"), json!("b"), false, false),
            ("clients/ci", "serviceAccountsEnabled", json!(true), json!(false), true, false),
            ("clients/ci", "directAccessGrantsEnabled", json!(true), json!(false), false, true),
            ("clients/ci", "publicClient", json!(false), json!(true), true, false),
            ("clients/ci", management, realm_admin.clone(), json!(["view-users"]), true, false),
            ("clients/ci", management, realm_admin.clone(), json!(["realm-admin"]), false, false),
            ("clients/ci", "serviceAccount.realmRoles", json!(["auditor"]), json!([]), false, false),
            ("users/ci", "clientRoles.realm-management", realm_admin, json!([]), false, true),
            ("users/ci", "clientRoles.shop", json!(["buyer"]), json!([]), false, false),
            ("users/ci", "enabled", json!(true), json!(false), false, true),
            ("clients/other", "enabled", json!(true), json!(false), false, false),
            ("", "enabled", json!(true), json!(false), true, true),
        ] {
            let nested = |value: &Json| {
                let parts = field.split('.').rev();
                parts.fold(value.clone(), |inner, part| json!({ part: inner }))
            };
            let scene = Scene::new().wants(address, &nested(&after)).has(address, &nested(&before));
            let expected = |refused: bool| if refused { vec![Guard::Credential] } else { vec![] };
            assert_eq!(guards(&scene, &service), expected(by_service), "{address} {field} {after}");
            assert_eq!(guards(&scene, &user), expected(by_user), "{address} {field} {after} by a user");
        }
    }

    #[test]
    fn accounts_for_emergencies() {
        let has = BTreeSet::from([at("roles/keeper"), at("groups/\"/staff\"")]);
        let policy = Policy {
            break_glass: [(at("users/rescue"), has)].into(),
            limit_deletes: false,
            allow_destroy: BTreeSet::from(["acme/users/rescue".to_owned(), "acme".to_owned()]),
            ..Policy::default()
        };
        let gone = |address: &str| Scene::new().applied(address, &json!({})).has(address, &json!({}));
        for address in ["users/rescue", "roles/keeper", "groups/\"/staff\""] {
            assert_eq!(guards(&gone(address), &policy), [Guard::BreakGlass], "{address}");
        }
        assert_eq!(guards(&gone("roles/other"), &policy), []);
        let changed = |address: &str, before: Json, after: Json| {
            guards(&Scene::new().wants(address, &after).has(address, &before), &policy)
        };
        for (address, field) in
            [("users/rescue", "groups"), ("users/rescue", "realmRoles"), ("roles/keeper", "composites")]
        {
            let (two, one) = (json!({ field: ["/a", "/b"] }), json!({ field: ["/a"] }));
            assert_eq!(changed(address, two.clone(), one.clone()), [Guard::BreakGlass], "{address} {field}");
            assert_eq!(changed(address, one, two), [], "{address} {field}");
        }
        // Such accounts often sleep until they are needed.
        assert_eq!(changed("users/rescue", json!({"enabled": true}), json!({"enabled": false})), []);
        let mut realm = gone("").applied("roles/r", &json!({})).has("roles/r", &json!({}));
        realm.desired.realms.clear();
        assert_eq!(guards(&realm, &policy), [Guard::BreakGlass]);
    }

    #[test]
    fn built_in_flows_keep_their_structure() {
        let flow = |executions: Json| json!({ "executions": executions });
        let step = |authenticator: &str, requirement: &str| json!({"authenticator": authenticator, "requirement": requirement});
        let before = flow(json!([step("auth-cookie", "ALTERNATIVE"), step("auth-spnego", "DISABLED")]));
        let other = flow(json!([step("auth-cookie", "DISABLED"), step("auth-spnego", "REQUIRED")]));
        let less = flow(json!([step("auth-cookie", "ALTERNATIVE")]));
        let scene = |name: &str, wanted: &Json| Scene::new().wants(name, wanted).has(name, &before);
        assert_eq!(guards(&scene("authenticationFlows/browser", &other), &Policy::default()), []);
        assert_eq!(guards(&scene("authenticationFlows/browser", &less), &Policy::default()), [Guard::BuiltIn]);
        assert_eq!(guards(&scene("authenticationFlows/mine", &less), &Policy::default()), []);
    }

    #[test]
    fn a_bound_flow_is_not_deleted() {
        let flow = "authenticationFlows/mine";
        let scene = |wanted: &Json| {
            let scene = Scene::new().wants("", wanted).has("", &json!({"browserFlow": "mine"}));
            scene.applied(flow, &json!({})).has(flow, &json!({}))
        };
        assert_eq!(guards(&scene(&json!({})), &Policy::default()), [Guard::InUse]);
        assert_eq!(guards(&scene(&json!({"browserFlow": "browser"})), &Policy::default()), []);
    }

    #[test]
    fn fields_of_creation() {
        let address = "identityProviders/entra";
        let scene =
            Scene::new().wants(address, &json!({"providerId": "saml"})).has(address, &json!({"providerId": "oidc"}));
        let refusal = planned_with(&scene, &Policy::default()).unwrap_err();
        assert_eq!(refusal.violations[0].guard, Guard::CreateOnly);
        assert_eq!(refusal.violations[0].message, "providerId of an existing identity provider cannot change");
        assert_eq!(refusal.violations[0].origin.as_ref().unwrap().to_string(), "acme/identityProviders.toml:2");
        // A refusal still holds the plan.
        assert_eq!(refusal.plan.realms["acme"].steps.len(), 1);
    }
}

fn assert_topological(plan: &RealmPlan) {
    for (index, step) in plan.steps.iter().enumerate() {
        assert!(step.needs.iter().all(|need| *need < index), "{:#?}", told(plan));
    }
}

/// Every change is in a step, and every leaf in exactly one.
fn assert_covered(plan: &RealmPlan) {
    for (index, change) in plan.diff.changes.iter().enumerate() {
        let own: Vec<&Step> = plan.steps.iter().filter(|step| step.change == index).collect();
        let carried = plan.steps.iter().filter(|step| step.carries.contains(&index)).count();
        let mut fields: Vec<usize> = own.iter().flat_map(|step| step.fields.clone()).collect();
        fields.sort_unstable();
        let all: Vec<usize> = (0..change.fields.len()).collect();
        assert!(fields == all && !own.is_empty() || carried == 1 && own.is_empty(), "{}", change.address);
        let bodies = own.iter().filter(|step| step.action != StepAction::Link).count();
        assert!(bodies + carried <= 1, "{}", change.address);
    }
}

/// An object of any kind that names others.
fn object(number: usize) -> (String, Json) {
    let (a, b) = (number * 7 % 12, number * 5 % 12);
    match number % 6 {
        0 => (
            format!("roles/r{number}"),
            json!({"description": "x", "composites": [format!("r{a}"), format!("c{b}:x")]}),
        ),
        1 => (format!("clients/c{number}"), json!({"name": "x", "defaultClientScopes": [format!("s{a}")]})),
        2 => (format!("clients/c{}/roles/x", number - 1), json!({"composites": [format!("r{a}")]})),
        3 => (format!("clientScopes/s{number}"), json!({"scopeMappings": [format!("r{a}")]})),
        4 if number % 12 == 4 => ("groups/\"/g\"".into(), json!({"realmRoles": [format!("r{b}")]})),
        4 => (format!("groups/\"/g/{number}\""), json!({"realmRoles": [format!("r{b}")]})),
        _ => (format!("clients/c{}/protocolMappers/m", number - 4), json!({"config": {"a": "b"}})),
    }
}

proptest! {
    #[test]
    fn steps_are_sorted_and_cover_everything(
        wanted in prop::collection::vec(0..60_usize, 0..25),
        applied in prop::collection::vec(0..60_usize, 0..25),
    ) {
        let mut scene = Scene::new().wants("", &json!({"defaultRoles": ["r6"], "defaultOptionalClientScopes": ["s3"]}));
        for number in wanted {
            let (address, fields) = object(number % 60);
            scene = scene.wants(&address, &fields);
        }
        for number in applied {
            let (address, fields) = object(number % 60);
            scene = scene.applied(&address, &fields).has(&address, &json!({"composites": ["r0", "r12"]}));
        }
        let made = || plan(scene.diff(), &Policy::default()).unwrap_or_else(|refusal| refusal.plan);
        let (plan, again) = (made(), made());
        assert_topological(&plan.realms["acme"]);
        assert_covered(&plan.realms["acme"]);
        prop_assert_eq!(plan, again);
    }
}

#[test]
fn a_thousand_clients_plan_fast() {
    let mut scene = crate::diff::tests::benchmark(1000);
    scene.live = crate::model::Live::default();
    let diff = scene.diff();
    let start = std::time::Instant::now();
    let plan = plan(diff, &Policy::default()).unwrap();
    println!("plan of 6,000 objects: {:?}", start.elapsed());
    assert_eq!(plan.realms["acme"].steps.len(), 3001);
    assert!(start.elapsed().as_secs() < 5);
}
