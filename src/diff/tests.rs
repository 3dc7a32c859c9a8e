//! Scenes, one for each thing that a difference may hold.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::testing::{Scene, at, path};
use super::*;
use crate::model::{Lifecycle, Prune, Record};

/// What happens to one object.
fn change(scene: &Scene, address: &str) -> Option<Change> {
    let diff = scene.realm_diff();
    Some(diff.changes[diff.find(&at(address))?].clone())
}

/// Each leaf that changes: path, before, after, cause.
fn leaves(scene: &Scene, address: &str) -> Vec<(String, Before, After, Cause)> {
    let fields = change(scene, address).map(|change| change.fields).unwrap_or_default();
    let leaf = |field: FieldChange| (field.path.to_string(), field.before, field.after, field.cause);
    fields.into_iter().map(leaf).collect()
}

/// The table of the design: wanted, applied (in the record, with or without a readable value) and live give a cause.
#[test]
fn the_truth_table() {
    #[derive(Clone, Copy)]
    enum Was {
        Unrecorded,
        Unreadable,
        Value(Option<&'static str>),
    }
    use Cause::{Both, Drift, Edit, Prune, Unexplained};
    use Was::{Unreadable, Unrecorded, Value};
    type Row = (Option<&'static str>, Was, Option<&'static str>, Option<Cause>);
    let rows: &[Row] = &[
        // D = L: nothing.
        (Some("x"), Unrecorded, Some("x"), None),
        (Some("x"), Unreadable, Some("x"), None),
        (Some("x"), Value(Some("x")), Some("x"), None),
        (Some("x"), Value(Some("y")), Some("x"), None),
        // D = A, L differs: drift.
        (Some("x"), Value(Some("x")), Some("y"), Some(Drift)),
        (Some("x"), Value(Some("x")), None, Some(Drift)),
        // A = L, D differs: edit.
        (Some("x"), Value(Some("y")), Some("y"), Some(Edit)),
        (Some("x"), Value(Some("")), None, Some(Edit)),
        // All differ: both.
        (Some("x"), Value(Some("y")), Some("z"), Some(Both)),
        (Some("x"), Value(Some("y")), None, Some(Both)),
        // In the record, but nobody knows what was applied.
        (Some("x"), Unreadable, Some("y"), Some(Unexplained)),
        (Some("x"), Unreadable, None, Some(Unexplained)),
        // Declared for the first time.
        (Some("x"), Unrecorded, Some("y"), Some(Edit)),
        (Some("x"), Unrecorded, None, Some(Edit)),
        // D absent, in the record: prune what is there.
        (None, Value(Some("x")), Some("x"), Some(Prune)),
        (None, Value(Some("x")), Some("y"), Some(Prune)),
        (None, Unreadable, Some("x"), Some(Prune)),
        (None, Value(Some("x")), None, None),
        // D absent, not in the record: unmanaged.
        (None, Unrecorded, Some("x"), None),
        (None, Unrecorded, None, None),
    ];
    for (row, (wanted, was, live, cause)) in rows.iter().enumerate() {
        let object = |value: Option<&str>| value.map_or(json!({}), |value| json!({"description": value}));
        let scene = Scene::new().wants("roles/r", &object(*wanted)).has("roles/r", &object(*live));
        let scene = match was {
            Unrecorded => scene.applied("roles/r", &json!({})),
            Unreadable => scene.applied("roles/r", &object(Some("?"))).without_base(),
            Value(value) => scene.applied("roles/r", &object(*value)),
        };
        let found = leaves(&scene, "roles/r");
        assert_eq!(found.first().map(|leaf| leaf.3), *cause, "row {row}");
        let base = change(&scene, "roles/r").and_then(|change| change.fields[0].base.clone());
        assert_eq!(base.is_some(), *cause == Some(Both), "row {row}");
    }
}

#[test]
fn without_a_record_everything_declared_is_adopted() {
    let scene = Scene::new()
        .wants("clients/same", &json!({"name": "Same"}))
        .has("clients/same", &json!({"name": "Same", "enabled": true}))
        .wants("clients/other", &json!({"name": "New"}))
        .has("clients/other", &json!({"name": "Old", "baseUrl": "/"}))
        .has("clients/unmanaged", &json!({}));
    let diff = scene.realm_diff();
    assert_eq!(diff.adopted.iter().map(ToString::to_string).collect::<Vec<_>>(), ["acme", "acme/clients/same"]);
    assert_eq!(diff.changes.len(), 1);
    assert_eq!(change(&scene, "clients/other").unwrap().action, Action::Update);
    assert!(diff.record_changes);
    assert_eq!(diff.managed.len(), 3);
}

#[test]
fn a_missing_realm_is_made_enabled() {
    let scene = Scene::empty().wants("", &json!({"displayName": "ACME"})).wants("roles/r", &json!({}));
    let created = change(&scene, "").unwrap();
    assert_eq!(created.action, Action::Create);
    let found = leaves(&scene, "");
    assert_eq!(found[0].3, Cause::Edit);
    assert_eq!(found[1], ("enabled".into(), Before::Absent, After::Json(json!(true)), Cause::Creation));
    let disabled = Scene::empty().wants("", &json!({"enabled": false}));
    assert_eq!(leaves(&disabled, ""), [("enabled".into(), Before::Absent, After::Json(json!(false)), Cause::Edit)]);
}

#[test]
fn a_new_object_gets_every_declared_leaf_even_what_says_nothing() {
    let scene = Scene::new().wants("clients/shop", &json!({"webOrigins": [], "enabled": false}));
    assert_eq!(leaves(&scene, "clients/shop").len(), 2);
}

#[test]
fn what_was_deleted_by_hand_is_made_again_as_drift() {
    let scene = Scene::new()
        .wants("roles/r", &json!({"description": "new", "attributes": {"a": ["1"]}}))
        .applied("roles/r", &json!({"description": "old", "attributes": {"a": ["1"]}}));
    let causes: Vec<Cause> = leaves(&scene, "roles/r").into_iter().map(|leaf| leaf.3).collect();
    assert_eq!(causes, [Cause::Drift, Cause::Both]);
    let change = change(&scene, "roles/r").unwrap();
    assert_eq!(change.action, Action::Create);
    let bases: Vec<Option<&Json>> = change.fields.iter().map(|field| field.base.as_ref()).collect();
    assert_eq!(bases, [None, Some(&json!("old"))], "all three values are shown");
}

#[test]
fn a_secret_that_was_applied_is_never_a_base() {
    let scene = Scene::new()
        .wants("clients/shop", &json!({"secret": "plain", "name": {"env": "NAME"}, "rootUrl": "/a"}))
        .applied("clients/shop", &json!({"secret": "plain too", "name": "Shop", "rootUrl": "/b"}));
    let change = change(&scene, "clients/shop").unwrap();
    let bases = change.fields.iter().map(|field| (field.path.top(), field.base.is_some()));
    assert_eq!(bases.collect::<Vec<_>>(), [("name", false), ("rootUrl", true), ("secret", false)]);
}

#[test]
fn ignored_leaves_are_set_at_creation_and_left_alone_afterwards() {
    let ignore = || Lifecycle { ignore: vec![path("attributes/theme")], ..Lifecycle::default() };
    let fields = json!({"attributes": {"theme": "dark", "other": "1"}});
    let scene = Scene::new().wants("clients/shop", &fields).lifecycle("clients/shop", ignore());
    assert_eq!(leaves(&scene, "clients/shop").len(), 2);
    let scene = scene.has("clients/shop", &json!({"attributes": {"theme": "light", "other": "1"}}));
    assert_eq!(change(&scene, "clients/shop"), None);
    let managed = &scene.realm_diff().managed[&at("clients/shop")];
    assert_eq!(managed.iter().map(ToString::to_string).collect::<Vec<_>>(), ["attributes.other"]);
    // It was recorded before it was ignored, and is no longer declared: still left alone.
    let scene = scene.applied("clients/shop", &fields).wants("clients/shop", &json!({"attributes": {"other": "1"}}));
    assert_eq!(change(&scene.lifecycle("clients/shop", ignore()), "clients/shop"), None);
}

#[test]
fn what_left_the_files_is_deleted_with_what_hangs_below() {
    let scene = Scene::new()
        .applied("clients/shop", &json!({}))
        .applied("clients/shop/protocolMappers/tenant", &json!({}))
        .has("clients/shop", &json!({}))
        .has("clients/shop/protocolMappers/tenant", &json!({}))
        .has("clients/shop/roles/by-hand", &json!({}))
        .has("clients/shop2", &json!({}))
        .applied("roles/gone-already", &json!({}));
    let diff = scene.realm_diff();
    let deleted: Vec<(String, &Action)> = diff.changes.iter().map(|it| (it.address.to_string(), &it.action)).collect();
    assert_eq!(
        deleted,
        [
            ("acme/clients/shop".into(), &Action::Delete { unmanaged: false }),
            ("acme/clients/shop/protocolMappers/tenant".into(), &Action::Delete { unmanaged: false }),
            ("acme/clients/shop/roles/by-hand".into(), &Action::Delete { unmanaged: true }),
        ]
    );
    assert_eq!(diff.forgotten.iter().collect::<Vec<_>>(), [&at("roles/gone-already")]);
    assert_eq!(
        diff.managed_before,
        BTreeMap::from([("realm", 1), ("client", 1), ("protocol mapper", 1), ("client role", 1)])
    );
}

#[test]
fn a_group_goes_with_the_groups_inside() {
    let scene = Scene::new()
        .applied("groups/\"/staff\"", &json!({}))
        .has("groups/\"/staff\"", &json!({}))
        .has("groups/\"/staff-room\"", &json!({}))
        .has("groups/\"/staff/ops\"", &json!({}));
    let deleted: Vec<String> = scene.realm_diff().changes.iter().map(|it| it.address.name().to_owned()).collect();
    assert_eq!(deleted, ["/staff", "/staff/ops"]);
}

#[test]
fn a_group_stays_around_a_declared_one() {
    let mut scene = Scene::new()
        .applied("groups/\"/staff\"", &json!({"description": "x"}))
        .has("groups/\"/staff\"", &json!({"description": "x"}))
        .wants("groups/\"/staff/ops\"", &json!({}))
        .has("groups/\"/staff/ops\"", &json!({}));
    let changes = scene.realm_diff().changes;
    let [change] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((&change.address, &change.action), (&at("groups/\"/staff\""), &Action::Update));
    assert_eq!(change.fields[0].path, path("description"));

    let mut swept = Scene::new().has("groups/\"/staff\"", &json!({})).wants("groups/\"/staff/ops\"", &json!({}));
    swept.live_realm().unmanaged.insert(at("groups/\"/staff\""));
    scene.realm().prune.default = Prune::All;
    swept.realm().prune.default = Prune::All;
    let deleted = |scene: &Scene| scene.realm_diff().changes.iter().filter(|it| it.is_deletion()).count();
    assert_eq!((deleted(&scene), deleted(&swept)), (0, 0));
}

#[test]
fn prune_none_forgets() {
    let mut scene = Scene::new()
        .applied("clients/shop", &json!({}))
        .has("clients/shop", &json!({}))
        .wants("roles/r", &json!({}))
        .applied("roles/r", &json!({"description": "x"}))
        .has("roles/r", &json!({"description": "x"}));
    scene.realm().prune.default = Prune::None;
    let diff = scene.realm_diff();
    assert_eq!(diff.changes, []);
    assert!(diff.forgotten.contains(&at("clients/shop")) && diff.record_changes);
    assert!(diff.managed[&at("roles/r")].is_empty());
    // A rule of the collection goes before the one of the realm.
    scene.realm().prune.by_collection.insert("clients".into(), Prune::Managed);
    assert_eq!(scene.realm_diff().changes.len(), 1);
}

#[test]
fn prune_all_sweeps_what_nobody_declared() {
    let mut scene = Scene::new();
    for name in ["clients/by-hand", "clients/realmform:acme", "roles/default-roles-acme", "roles/by-hand"] {
        scene = scene.has(name, &json!({}));
        scene.live_realm().unmanaged.insert(at(name));
    }
    assert_eq!(scene.realm_diff().changes, []);
    scene.realm().prune.by_collection.insert("clients".into(), Prune::All);
    let swept = scene.realm_diff().changes;
    assert_eq!(swept.len(), 1);
    assert_eq!((&swept[0].address, &swept[0].action), (&at("clients/by-hand"), &Action::Delete { unmanaged: true }));
    scene.realm().prune.default = Prune::All;
    assert_eq!(scene.realm_diff().changes.len(), 2);
}

#[test]
fn what_every_realm_has_returns_to_what_it_is_there_and_is_never_deleted() {
    for (name, default) in [
        ("roles/default-roles-acme", "${role_default-roles}"),
        ("clientScopes/email", "OpenID Connect built-in scope: email"),
    ] {
        let scene = Scene::new().applied(name, &json!({"description": "x"})).has(name, &json!({"description": "x"}));
        let diff = scene.realm_diff();
        let fields: Vec<_> = diff.changes[0].fields.iter().map(|it| (it.path.to_string(), it.after.clone())).collect();
        assert_eq!(diff.changes[0].action, Action::Update);
        assert_eq!(fields, [("description".to_owned(), After::Default(json!(default)))]);
        assert!(diff.record_changes && diff.forgotten.is_empty());
        let back = Scene::new().applied(name, &json!({"description": "x"})).has(name, &json!({"description": default}));
        let diff = back.realm_diff();
        assert_eq!((diff.changes.len(), diff.forgotten.len()), (0, 1));
    }
}

#[test]
fn a_realm_without_a_folder_is_deleted_when_it_is_ours() {
    let mut scene = Scene::new()
        .applied("", &json!({}))
        .applied("roles/r", &json!({}))
        .has("roles/r", &json!({}))
        .has("roles/by-hand", &json!({}));
    scene.desired.realms.clear();
    let deleted: Vec<String> = scene.realm_diff().changes.iter().map(|it| it.address.to_string()).collect();
    assert_eq!(deleted, ["acme", "acme/roles/by-hand", "acme/roles/r"]);
    scene.live_realm().record = None;
    assert_eq!(scene.diff(), Diff::default());
}

#[test]
fn a_prevented_deletion_is_known_from_what_was_applied() {
    let mut scene = Scene::new().applied("roles/r", &json!({})).has("roles/r", &json!({}));
    let base = scene.base.get_mut("acme").unwrap();
    base.objects.get_mut(&at("roles/r")).unwrap().lifecycle.prevent_destroy = true;
    assert!(change(&scene, "roles/r").unwrap().prevent_destroy);
}

mod secrets {
    use super::*;

    const CLIENT: &str = "clients/shop";
    const PROVIDER: &str = "identityProviders/entra";

    fn client(secret: &str) -> Scene {
        let mut scene =
            Scene::new().wants(CLIENT, &json!({"secret": {"env": "S"}})).has(CLIENT, &json!({"secret": secret}));
        scene.env.insert("S", "hunter2");
        scene
    }

    fn provider() -> Scene {
        let wanted = json!({"config": {"clientSecret": {"env": "S"}}});
        let shown = json!({"config": {"clientSecret": "**********"}});
        let mut scene = Scene::new().wants(PROVIDER, &wanted).has(PROVIDER, &shown).applied(PROVIDER, &wanted);
        scene.env.insert("S", "hunter2");
        scene
    }

    fn cause(scene: &Scene, address: &str) -> Option<Cause> {
        leaves(scene, address).first().map(|leaf| leaf.3)
    }

    #[test]
    fn what_the_server_reveals_is_compared() {
        assert_eq!(change(&client("hunter2"), CLIENT), None);
        let rotated = client("rotated");
        let [(_, before, after, cause)] = &leaves(&rotated, CLIENT)[..] else { panic!() };
        assert_eq!((before, after), (&Before::Secret, &After::Secret(crate::model::SecretRef::Env("S".into()))));
        assert_eq!(*cause, Cause::Edit);
        let applied = rotated.applied(CLIENT, &json!({"secret": {"env": "S"}}));
        assert_eq!(super::leaves(&applied, CLIENT)[0].3, Cause::Unexplained);
        let known = applied.fingerprint(CLIENT, "secret", "hunter2");
        assert_eq!(super::leaves(&known, CLIENT)[0].3, Cause::Drift);
    }

    #[test]
    fn what_it_masks_is_known_by_the_fingerprint() {
        let leaf = "config/clientSecret";
        assert_eq!(change(&provider().fingerprint(PROVIDER, leaf, "hunter2"), PROVIDER), None);
        assert_eq!(cause(&provider().fingerprint(PROVIDER, leaf, "older"), PROVIDER), Some(Cause::Edit));
        assert_eq!(cause(&provider(), PROVIDER), Some(Cause::Unexplained));
    }

    #[test]
    fn a_secret_that_is_gone_is_set_again() {
        let scene = client("x").has(CLIENT, &json!({})).applied(CLIENT, &json!({"secret": {"env": "S"}}));
        assert_eq!(leaves(&scene, CLIENT)[0].1, Before::Absent);
        assert_eq!(cause(&scene, CLIENT), Some(Cause::Drift));
    }

    #[test]
    fn a_kept_secret_never_changes() {
        let keep = json!({"secret": {"keep": true}});
        for shown in ["anything", "**********"] {
            let scene = Scene::new().wants(CLIENT, &keep).has(CLIENT, &json!({"secret": shown}));
            let diff = scene.realm_diff();
            assert_eq!((diff.changes, diff.secrets), (vec![], vec![]));
            // It is not ours, so nothing is undone when the line leaves the file.
            assert!(diff.managed[&at(CLIENT)].is_empty());
        }
        let existing = Scene::new().wants(CLIENT, &keep).has(CLIENT, &json!({}));
        let new = Scene::new().wants(CLIENT, &keep);
        for scene in [existing, new] {
            let problems = scene.realm_diff().secrets;
            assert_eq!((problems.len(), &problems[0].path), (1, &path("secret")));
            assert_eq!(problems[0].fault, SecretFault::Missing);
            assert_eq!(leaves(&scene, CLIENT), []);
        }
    }

    #[test]
    fn plain_text_that_the_server_hides_cannot_be_compared() {
        let wanted = json!({"attributes": {"a": "b"}});
        let scene = Scene::new().wants(CLIENT, &wanted).has(CLIENT, &json!({"attributes": {"a": "**********"}}));
        let problems = scene.realm_diff().secrets;
        assert_eq!((problems.len(), problems[0].fault), (1, SecretFault::Hidden));
    }

    #[test]
    fn no_value_shows_where_the_files_know_of_a_secret() {
        // The kind does not say that this leaf is a secret, and the server shows it.
        let wanted = json!({"attributes": {"token": {"env": "S"}}});
        let shown = json!({"attributes": {"token": "swordfish"}});
        let scene = Scene::new().wants(CLIENT, &wanted).has(CLIENT, &shown).applied(CLIENT, &wanted);
        let edited = Scene::new()
            .wants(CLIENT, &json!({"attributes": {"token": "plain"}}))
            .has(CLIENT, &shown)
            .applied(CLIENT, &wanted);
        let gone = Scene::new().wants(CLIENT, &json!({})).has(CLIENT, &shown).applied(CLIENT, &wanted);
        for scene in [scene, edited, gone] {
            assert_eq!(leaves(&scene, CLIENT).len(), 1);
            assert!(!format!("{:?}", scene.diff()).contains("swordfish"));
        }
    }
}

mod renames {
    use super::*;

    #[test]
    fn a_new_name_is_the_only_difference() {
        let scene = Scene::new()
            .wants("clients/store", &json!({"name": "Shop"}))
            .renamed("clients/store", "shop")
            .wants("clients/store/roles/refund", &json!({}))
            .applied("clients/shop", &json!({"name": "Shop"}))
            .applied("clients/shop/roles/refund", &json!({}))
            .has("clients/shop", &json!({"name": "Shop"}))
            .has("clients/shop/roles/refund", &json!({}))
            .settled("roles/admin", &json!({"composites": ["store:refund"]}))
            .has("roles/admin", &json!({"composites": ["shop:refund"]}))
            .settled("groups/\"/staff\"", &json!({"clientRoles": {"store": ["refund"]}}))
            .has("groups/\"/staff\"", &json!({"clientRoles": {"shop": ["refund"]}}));
        let diff = scene.realm_diff();
        assert_eq!(diff.changes.len(), 1, "{:#?}", diff.changes);
        assert_eq!(diff.changes[0].action, Action::Rename { from: at("clients/shop") });
        assert_eq!((diff.changes[0].fields.len(), diff.changes[0].unchanged), (0, 1));
        assert!(diff.forgotten.is_empty() && diff.record_changes);
        assert!(diff.managed.contains_key(&at("clients/store/roles/refund")));
    }

    #[test]
    fn names_of_roles_scopes_and_groups_follow() {
        let scene = Scene::new()
            .wants("roles/boss", &json!({}))
            .renamed("roles/boss", "admin")
            .has("roles/admin", &json!({}))
            .wants("clientScopes/org", &json!({}))
            .renamed("clientScopes/org", "tenant")
            .has("clientScopes/tenant", &json!({}))
            .wants("groups/\"/people\"", &json!({}))
            .renamed("groups/\"/people\"", "/staff")
            .wants("groups/\"/people/ops\"", &json!({"realmRoles": ["boss"]}))
            .has("groups/\"/staff\"", &json!({}))
            .has("groups/\"/staff/ops\"", &json!({"realmRoles": ["admin"]}))
            .wants("", &json!({"defaultRoles": ["boss"], "defaultGroups": ["/people/ops"]}))
            .has("", &json!({"defaultRoles": ["admin"], "defaultGroups": ["/staff/ops"]}))
            .wants("clients/shop", &json!({"defaultClientScopes": ["org"], "serviceAccount": {"groups": ["/people"]}}))
            .has("clients/shop", &json!({"defaultClientScopes": ["tenant"], "serviceAccount": {"groups": ["/staff"]}}));
        let changed: Vec<String> = scene.realm_diff().changes.iter().map(|it| it.address.name().to_owned()).collect();
        assert_eq!(changed, ["org", "/people", "boss"]);
        assert!(scene.realm_diff().changes.iter().all(|it| it.fields.is_empty()));
    }

    #[test]
    fn parent_and_child_are_renamed_in_one_run() {
        let scene = Scene::new()
            .wants("clients/store", &json!({}))
            .renamed("clients/store", "shop")
            .wants("clients/store/roles/repay", &json!({}))
            .renamed("clients/store/roles/repay", "refund")
            .wants("groups/\"/people\"", &json!({}))
            .renamed("groups/\"/people\"", "staff")
            .wants("groups/\"/people/dev\"", &json!({}))
            .renamed("groups/\"/people/dev\"", "/staff/ops")
            .has("clients/shop", &json!({}))
            .has("clients/shop/roles/refund", &json!({}))
            .has("groups/\"/staff\"", &json!({}))
            .has("groups/\"/staff/ops\"", &json!({}));
        let diff = scene.realm_diff();
        let from = |name: &str| diff.changes[diff.find(&at(name)).unwrap()].action.clone();
        assert_eq!(from("clients/store/roles/repay"), Action::Rename { from: at("clients/shop/roles/refund") });
        assert_eq!(from("groups/\"/people/dev\""), Action::Rename { from: at("groups/\"/staff/ops\"") });
        assert_eq!(diff.changes.len(), 4);
        assert_eq!(diff.address_today(&at("groups/\"/people/dev/night\"")), at("groups/\"/staff/ops/night\""));
        assert_eq!(diff.address_today(&at("clients/store/roles/new")), at("clients/shop/roles/new"));
        assert_eq!(diff.address_today(&at("clients/other")), at("clients/other"));
    }

    #[test]
    fn a_rename_that_is_done_or_has_nothing_to_rename_is_none() {
        let done = Scene::new().wants("roles/b", &json!({})).renamed("roles/b", "a").has("roles/b", &json!({}));
        assert_eq!(change(&done, "roles/b"), None);
        let both =
            done.has("roles/a", &json!({})).wants("roles/b", &json!({"description": "x"})).renamed("roles/b", "a");
        assert_eq!(change(&both, "roles/b").unwrap().action, Action::Update);
        let neither = Scene::new().wants("roles/b", &json!({})).renamed("roles/b", "a");
        assert_eq!(change(&neither, "roles/b").unwrap().action, Action::Create);
    }

    #[test]
    fn names_may_move_on_in_a_chain() {
        let scene = Scene::new()
            .wants("roles/b", &json!({}))
            .renamed("roles/b", "a")
            .wants("roles/c", &json!({}))
            .renamed("roles/c", "b")
            .has("roles/a", &json!({}))
            .has("roles/b", &json!({}));
        assert_eq!(change(&scene, "roles/b").unwrap().action, Action::Rename { from: at("roles/a") });
        assert_eq!(change(&scene, "roles/c").unwrap().action, Action::Rename { from: at("roles/b") });
    }

    #[test]
    fn a_realm_is_renamed_with_all_that_it_has() {
        let mut scene = Scene::new().settled("", &json!({})).settled("roles/r", &json!({"description": "x"}));
        let wanted = scene.desired.realms.remove("acme").unwrap();
        let (old, new) = (Address::realm("acme"), Address::realm("beta"));
        let mut wanted = DesiredRealm {
            objects: wanted.objects.into_iter().map(|(it, object)| (it.moved(&old, &new), object)).collect(),
            ..wanted
        };
        wanted.objects.get_mut(&new).unwrap().lifecycle.renamed_from = Some("acme".into());
        scene.desired.realms.insert("beta".into(), wanted);
        let diff = scene.diff();
        assert_eq!(diff.realms.keys().collect::<Vec<_>>(), ["beta"]);
        let changes = &diff.realms["beta"].changes;
        assert_eq!((changes.len(), &changes[0].action), (1, &Action::Rename { from: old }));
    }
}

use crate::model::Address;

/// A handful of objects of every shape, by number.
fn object(number: usize, flavour: u8) -> (String, Json) {
    let flag = flavour.is_multiple_of(2);
    match number % 5 {
        0 => (
            format!("clients/c{number}"),
            json!({"redirectUris": [format!("https://{flavour}"), "b"], "enabled": flag}),
        ),
        1 => (format!("roles/r{number}"), json!({"description": flavour.to_string(), "composites": ["z", "a"]})),
        2 => (format!("groups/\"/g{number}\""), json!({"attributes": {"a": ["1", "0"]}, "clientRoles": {"x": ["y"]}})),
        3 => (
            format!("clients/c{}/protocolMappers/m", number - 3),
            json!({"config": {"claim.name": flavour.to_string()}}),
        ),
        _ => {
            (format!("identityProviders/i{number}"), json!({"config": {"clientSecret": {"env": "S"}}, "enabled": flag}))
        }
    }
}

fn scene(objects: &[(usize, u8)]) -> Scene {
    let mut scene = Scene::new();
    scene.env.insert("S", "hunter2");
    for (number, flavour) in objects {
        let (address, fields) = object(*number, *flavour);
        scene = scene.wants(&address, &fields);
    }
    scene
}

proptest! {
    #[test]
    fn what_is_applied_differs_in_nothing(objects in prop::collection::vec((0..40_usize, 0..4_u8), 0..20)) {
        let settled = scene(&objects).settle();
        let diff = settled.realm_diff();
        prop_assert!(diff.is_empty(), "{diff:#?}");
    }

    #[test]
    fn an_edit_is_exactly_that_edit(objects in prop::collection::vec((0..40_usize, 0..4_u8), 1..20), pick in 0..40_usize) {
        let settled = scene(&objects).settle();
        let (address, _) = object(objects[pick % objects.len()].0, 0);
        let edited = settled.wants(&address, &json!({"enabled": true, "name": "edited"}));
        let diff = edited.realm_diff();
        prop_assert!(diff.changes.len() == 1 && diff.changes[0].address == at(&address), "{diff:#?}");
    }

    #[test]
    fn order_does_not_matter(objects in prop::collection::vec((0..40_usize, 0..1_u8), 0..20), has in 0..20_usize) {
        let live = |mut scene: Scene, objects: &[(usize, u8)]| {
            for (number, _) in objects.iter().take(has.min(objects.len())) {
                let (address, mut fields) = object(*number, 1);
                fields.as_object_mut().unwrap().remove("config");
                scene = scene.has(&address, &fields);
            }
            scene
        };
        let forward = live(scene(&objects), &objects).diff();
        let mut backward = objects.clone();
        backward.reverse();
        let backward = live(scene(&backward), &objects).diff();
        prop_assert_eq!(format!("{forward:?}"), format!("{backward:?}"));
    }
}

#[test]
fn a_thousand_clients_differ_fast() {
    let scene = benchmark(1000);
    let start = std::time::Instant::now();
    let diff = scene.diff();
    println!("diff of 6,000 objects: {:?}", start.elapsed());
    assert!(diff.realms["acme"].is_empty());
    // Generous, since tests run unoptimised and beside others; a quadratic scan takes minutes.
    assert!(start.elapsed().as_secs() < 5);
}

/// The benchmark's realm, applied.
pub(crate) fn benchmark(clients: usize) -> Scene {
    let mut scene = Scene::new();
    for i in 0..clients {
        let client = format!("clients/client-{i:04}");
        let uris: Vec<String> = (0..3).map(|n| format!("https://{i}.example/{n}")).collect();
        scene = scene.wants(&client, &json!({"redirectUris": uris, "standardFlowEnabled": true, "rootUrl": "https://x", "attributes": {"a": "b", "c": "d"}}));
        for mapper in ["a", "b", "c"] {
            let config = json!({"claim.name": mapper, "user.attribute": mapper, "access.token.claim": "true"});
            scene = scene.wants(
                &format!("{client}/protocolMappers/{mapper}"),
                &json!({"protocolMapper": "x", "config": config}),
            );
        }
        for role in ["reader", "writer"] {
            scene = scene.wants(&format!("{client}/roles/{role}"), &json!({"description": role}));
        }
    }
    scene.settle()
}

#[test]
fn a_record_of_another_time_is_noticed() {
    let mut scene = scene(&[(0, 0)]).settle();
    assert!(!scene.realm_diff().record_changes);
    *scene.record() = Record::default();
    assert!(scene.realm_diff().record_changes);
}

/// What the server adds to a set by itself is nobody's move.
#[test]
fn who_moved_a_set_that_the_server_adds_to() {
    let cause = |wanted: &[&str], applied: &[&str], live: &[&str]| {
        let scopes = |names: &[&str]| json!({"defaultClientScopes": names});
        let scene = Scene::new().wants("clients/shop", &scopes(wanted)).applied("clients/shop", &scopes(applied));
        leaves(&scene.has("clients/shop", &scopes(live)), "clients/shop").into_iter().next().map(|leaf| leaf.3)
    };
    let added = "service_account";
    assert_eq!(cause(&["a"], &["a"], &["a", added]), None);
    assert_eq!(cause(&["a"], &["a"], &["a", "b", added]), Some(Cause::Drift));
    assert_eq!(cause(&["a", "b"], &["a"], &["a", added]), Some(Cause::Edit));
    assert_eq!(cause(&["a", "b"], &["a"], &["a", "c", added]), Some(Cause::Both));
}

/// Else what the files say next would be told from what they said long ago.
#[test]
fn a_record_of_other_values_is_noticed() {
    let said = |applied: &str| {
        let scene = Scene::empty().applied("", &json!({"displayName": applied}));
        let scene = scene.wants("", &json!({"displayName": "b"})).has("", &json!({"displayName": "b"}));
        (scene.realm_diff().changes.len(), scene.realm_diff().record_changes)
    };
    assert_eq!((said("a"), said("b")), ((0, true), (0, false)));
}
