//! Realms, addresses and references.

use super::*;
use crate::model::{Prune, Reference};

fn addresses(loaded: &Loaded) -> Vec<String> {
    loaded.desired.realms.values().flat_map(|realm| realm.objects.keys()).map(ToString::to_string).collect()
}

#[test]
fn both_shapes_give_addresses() {
    let loaded = loaded(&[
        ("acme/realm.toml", "realm = \"acme-realm\"\n"),
        ("acme/clients/shop/roles/refund.toml", ""),
        ("acme/clients/portal.toml", "clientId = \"https://sp.example/metadata\"\n"),
        ("acme/clients/portal/protocolMappers/a.toml", "name = \"a/b\"\n"),
        ("acme/groups/staff.toml", ""),
        ("acme/groups/staff/ops.toml", ""),
        ("acme/groups/odd.toml", "path = \"/staff/odd name\"\n"),
        ("acme/identityProviders/okta/mappers/m.toml", ""),
        ("empty/realm.toml", ""),
    ]);
    insta::assert_snapshot!(addresses(&loaded).join("\n"), @r#"
acme-realm
acme-realm/clients/"https://sp.example/metadata"
acme-realm/clients/"https://sp.example/metadata"/protocolMappers/"a/b"
acme-realm/clients/shop
acme-realm/clients/shop/roles/refund
acme-realm/groups/"/staff"
acme-realm/groups/"/staff/odd name"
acme-realm/groups/"/staff/ops"
acme-realm/identityProviders/okta
acme-realm/identityProviders/okta/mappers/m
empty
"#);
}

#[test]
fn a_realm_points_to_where_it_is_described() {
    let loaded = loaded(&[
        ("acme/clients/shop.toml", ""),
        ("acme/groups.toml", "[groups.\"/g\"]\n"),
        ("acme/realm.toml", "# ACME\nenabled = true\n"),
    ]);
    let origin = &loaded.desired.realms["acme"].objects[&Address::realm("acme")].origin;
    assert_eq!(origin.to_string(), "acme/realm.toml:2");
}

#[test]
fn two_names() {
    insta::assert_snapshot!(report(&[
        ("a/realm.toml", "realm = \"x\"\n"),
        ("a/roles.toml", "realm = \"y\"\n[clients.shop]\nclientId = \"store\"\n"),
        ("b/realm.toml", "realm = \"x\"\n"),
    ]), @r#"
 × x has two names
  ╭─[a/roles.toml:1:1]
1 │ realm = "y"
  · ──┬──
  ·   ╰── another file gives it another name
2 │ [clients.shop]
  ╰────

 × `clientId` is not the name that its table has
  ╭─[a/roles.toml:3:1]
2 │ [clients.shop]
3 │ clientId = "store"
  · ────┬───
  ·     ╰── expected "shop"
  ╰────
 help: leave it out: the key of the table is the name

 × two folders are the realm `x`
  ╭─[b/realm.toml:1:1]
1 │ realm = "x"
  · ──┬──
  ·   ╰── one
  ╰────
 help: put the files into one folder, or correct `realm = …`
 ╰─▶   ☞ the other place
        ╭─[a/realm.toml:1:1]
      1 │ realm = "x"
        · ──┬──
        ·   ╰── the other
        ╰────
"#);
}

#[test]
fn references_are_resolved_within_the_files() {
    let loaded = loaded(&[(
        "acme/realm.toml",
        r#"
        defaultRoles = ["declared", "https://sp:role", "a:b", "https://sp:unknown", "offline_access"]
        defaultGroups = ["/g/h"]
        browserFlow = "browser"
        [roles.declared]
        [roles."a:b"]
        [clients."https://sp".roles.role]
        [groups."/g/h/i"]
        "#,
    )]);
    let open: Vec<_> =
        loaded.references.iter().map(|it| format!("{:?} {} {}", it.kind, it.name, it.uses.len())).collect();
    assert_eq!(open, ["Role https://sp:unknown 1", "Role offline_access 1", "Group /g/h 2", "Flow browser 1"]);
    let likeliest: Vec<_> = loaded.references[0].targets.iter().map(ToString::to_string).collect();
    assert_eq!(likeliest[0], "acme/clients/\"https://sp\"/roles/unknown");
    assert_eq!(loaded.references[2].kind, Reference::Group);
    assert_eq!(loaded.references[2].origin().unwrap().line, 3);
}

#[test]
fn settings_are_kept() {
    let loaded = loaded(&[
        ("acme/realm.toml", "prune = { clients = \"all\" }\nlifecycle.preventDestroy = true\n"),
        (
            "acme/clients/shop.toml",
            "lifecycle = { ignore = [\"attributes.pkce.code.challenge.method\", \"name\"], renamedFrom = \"store\" }\n",
        ),
    ]);
    let realm = &loaded.desired.realms["acme"];
    let shop = Address::parse("acme", "clients/shop").unwrap();
    assert_eq!(realm.prune.rule(&shop), Prune::All);
    assert_eq!(realm.prune.default, Prune::Managed);
    assert!(realm.objects[&Address::realm("acme")].lifecycle.prevent_destroy);
    let lifecycle = &realm.objects[&shop].lifecycle;
    assert_eq!(
        lifecycle.ignore,
        [FieldPath::new(["attributes", "pkce.code.challenge.method"]), FieldPath::new(["name"])]
    );
    assert_eq!(lifecycle.renamed_from.as_deref(), Some("store"));
}
