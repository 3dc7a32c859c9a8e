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

/// A policy may name users that are declared beside it, and those that only the server knows.
#[test]
fn users_are_referred_to() {
    let loaded = loaded(&[(
        "acme/realm.toml",
        "[users.alice]\n[clients.shop]\nserviceAccountsEnabled = true\n\
         authorization.policies.us = { type = \"user\", users = [\"alice\", \"bob\"] }\n",
    )]);
    let users = loaded.references.iter().filter(|it| it.kind == Reference::User);
    assert_eq!(users.map(|it| it.name.as_str()).collect::<Vec<_>>(), ["bob"]);
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

#[test]
fn names_and_fields_of_users() {
    insta::assert_snapshot!(report(&[(
        "acme/realm.toml",
        "registrationEmailAsUsername = true\n[users.Alice]\n[users.service-account-shop]\n\
         [users.\"b@acme.example\"]\nemail = \"B@acme.example\"\nattributes = { email = \"x\", empty = \"\" }\n\
         [users.carl]\nemail = \"c@acme.example\"\n[users.dora]\nlifecycle.renamedFrom = \"Dorothy\"\n\
         credentials = []\nrequiredActions = \"VERIFY_EMAIL\"\n",
    )]), @r#"
 × `Alice` is no username: the server has small letters only
  ╭─[acme/realm.toml:2:8]
1 │ registrationEmailAsUsername = true
2 │ [users.Alice]
  ·        ──┬──
  ·          ╰── with capitals
3 │ [users.service-account-shop]
  ╰────
 help: write "alice"

 × `service-account-shop` is the account of a service
  ╭─[acme/realm.toml:3:8]
2 │ [users.Alice]
3 │ [users.service-account-shop]
  ·        ──────────┬─────────
  ·                  ╰── part of its client
4 │ [users."b@acme.example"]
  ╰────
 help: write serviceAccount = { … } of the client `shop`

 × the server keeps email addresses in small letters
  ╭─[acme/realm.toml:5:1]
4 │ [users."b@acme.example"]
5 │ email = "B@acme.example"
  · ──┬──
  ·   ╰── with capitals
6 │ attributes = { email = "x", empty = "" }
  ╰────
 help: write "b@acme.example"

 × `email` is a field of the user, and no attribute
  ╭─[acme/realm.toml:6:16]
5 │ email = "B@acme.example"
6 │ attributes = { email = "x", empty = "" }
  ·                ──┬──
  ·                  ╰── set in the wrong place
7 │ [users.carl]
  ╰────
 help: write email = "…"

 × the server drops empty values of a user's attributes
  ╭─[acme/realm.toml:6:29]
5 │ email = "B@acme.example"
6 │ attributes = { email = "x", empty = "" }
  ·                             ──┬──
  ·                               ╰── an empty value
7 │ [users.carl]
  ╰────
 help: leave the value out

 × this realm takes email addresses for usernames, and `carl` is none
  ╭─[acme/realm.toml:8:1]
7 │ [users.carl]
8 │ email = "c@acme.example"
  · ──┬──
  ·   ╰── what the server would call the user
9 │ [users.dora]
  ╰────
 help: call the user "c@acme.example", or leave `registrationEmailAsUsername` out

 × `Dorothy` is no username: the server has small letters only
   ╭─[acme/realm.toml:10:11]
 9 │ [users.dora]
10 │ lifecycle.renamedFrom = "Dorothy"
   ·           ─────┬─────
   ·                ╰── with capitals
11 │ credentials = **
   ╰────
 help: write "dorothy"

 × `credentials` is the server's own
   ╭─[acme/realm.toml:11:1]
10 │ lifecycle.renamedFrom = "Dorothy"
11 │ credentials = **
   · ─────┬─────
   ·      ╰── no file sets this of a user
12 │ requiredActions = "VERIFY_EMAIL"
   ╰────
 help: write password = { env = "NAME" }

 × `requiredActions` has the wrong type
   ╭─[acme/realm.toml:12:1]
11 │ credentials = **
12 │ requiredActions = "VERIFY_EMAIL"
   · ───────┬───────
   ·        ╰── expected a list of texts, found text
   ╰────
 help: write ["VERIFY_EMAIL"]
"#);
}
