//! Tenants inside of others, with realms of their own and without.

use insta::assert_snapshot;

use super::*;
use crate::model::kinds;

const ROOT: (&str, &str) =
    ("acme/realm.toml", "displayName = \"ACME\"\n[clientScopes.groups]\n[roles.staff]\n[clients.own]\n");

/// Each object of a realm with its leaves and the file that declares it.
fn all(loaded: &Loaded, realm: &str) -> String {
    let objects = loaded.desired.realms[realm].objects.iter();
    let told = objects.map(|(address, object)| {
        let leaves = object.fields.iter().map(|(path, declared)| match &declared.value {
            Value::Json(value) => format!("  {path} = {value}"),
            Value::Secret(secret) => format!("  {path} = {secret:?}"),
        });
        std::iter::once(format!("{address}  {}", object.origin)).chain(leaves).collect::<Vec<_>>().join("\n")
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_a_tenant_declares_lands_in_the_realm_above_under_its_own_names() {
    let content = [
        ROOT,
        (
            "acme/tenants/prod/tenant.toml",
            "[clientScopes.tenant]\n[roles.admin]\ncomposites = [\"staff\", \"web:editor\"]\n\
             [groups.\"/team\"]\nrealmRoles = [\"admin\"]\n[groups.\"/team/leads\"]\n",
        ),
        (
            "acme/tenants/prod/clients/web.toml",
            "defaultClientScopes = [\"basic\", \"tenant\", \"groups\"]\nserviceAccountsEnabled = true\n\
             serviceAccount = { realmRoles = [\"admin\"], clientRoles = { web = [\"editor\"] } }\nroles.editor = {}\n",
        ),
        (
            "acme/tenants/prod/tenants/eu/clients/web.toml",
            "name = \"EU\"\ndefaultClientScopes = [\"basic\", \"acme-prod-tenant\"]\n",
        ),
        ("acme/tenants/prod/tenants/eu/clients/acme-prod-eu-app.toml", ""),
    ];
    assert_snapshot!(all(&loaded(&content), "acme"), @r#"
acme  acme/realm.toml:1
  displayName = "ACME"
acme/clientScopes/acme-prod-tenant  acme/tenants/prod/tenant.toml:1
acme/clientScopes/groups  acme/realm.toml:2
acme/clients/acme-prod-eu-app  acme/tenants/prod/tenants/eu/clients/acme-prod-eu-app.toml:1
acme/clients/acme-prod-eu-web  acme/tenants/prod/tenants/eu/clients/web.toml:1
  defaultClientScopes = ["acme-prod-tenant","basic"]
  name = "EU"
acme/clients/acme-prod-web  acme/tenants/prod/clients/web.toml:1
  defaultClientScopes = ["acme-prod-tenant","basic","groups"]
  serviceAccount.clientRoles.acme-prod-web = ["editor"]
  serviceAccount.realmRoles = ["acme-prod-admin"]
  serviceAccountsEnabled = true
acme/clients/acme-prod-web/roles/editor  acme/tenants/prod/clients/web.toml:4
acme/clients/own  acme/realm.toml:4
acme/groups/"/acme-prod-team"  acme/tenants/prod/tenant.toml:4
  realmRoles = ["acme-prod-admin"]
acme/groups/"/acme-prod-team/leads"  acme/tenants/prod/tenant.toml:6
acme/roles/acme-prod-admin  acme/tenants/prod/tenant.toml:2
  composites = ["acme-prod-web:editor","staff"]
acme/roles/staff  acme/realm.toml:3
"#);
    let loaded = loaded(&content);
    assert!(loaded.references.iter().all(|reference| reference.name == "basic"), "{:?}", loaded.references);
    assert_eq!(loaded.subjects["acme/tenants/prod/clients/web.toml"].to_string(), "acme/clients/acme-prod-web");
}

#[test]
fn a_tenant_with_a_realm_takes_those_below_it_along() {
    let below = ("acme/tenants/prod/tenants/eu/clients/web.toml", "");
    let own = [
        ROOT,
        ("acme/tenants/prod/clients/web.toml", ""),
        below,
        ("acme/tenants/prod/realm.toml", "realm = \"acme-prod\"\n"),
    ];
    let with_its_own = loaded(&own);
    let objects = |loaded: &Loaded, realm: &str| {
        loaded.desired.realms[realm].objects.keys().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(with_its_own.desired.realms.keys().collect::<Vec<_>>(), ["acme", "acme-prod"]);
    assert_eq!(
        objects(&with_its_own, "acme-prod"),
        ["acme-prod", "acme-prod/clients/acme-prod-eu-web", "acme-prod/clients/web"]
    );
    let without = loaded(&own[..3]);
    assert_eq!(without.desired.realms.keys().collect::<Vec<_>>(), ["acme"]);
    assert!(objects(&without, "acme").contains(&"acme/clients/acme-prod-web".to_owned()));
    assert!(objects(&without, "acme").contains(&"acme/clients/acme-prod-eu-web".to_owned()));
}

#[test]
fn a_file_is_of_the_folder_that_it_is_in() {
    let of = |path: &str| folder_of(path.as_ref()).map(|folder| folder.display().to_string());
    assert_eq!(of("acme/clients/shop.toml").as_deref(), Some("acme"));
    assert_eq!(of("acme/tenants/prod/realm.toml").as_deref(), Some("acme/tenants/prod"));
    let within = "environments/staging/acme/tenants/prod/tenants/eu/clients/web.toml";
    assert_eq!(of(within).as_deref(), Some("environments/staging/acme/tenants/prod/tenants/eu"));
    assert_eq!(of("blueprints/customer/realm.toml"), None);
    assert_eq!(of("realmform.toml"), None);
    // A realm's clients may be called so.
    assert_eq!(of("acme/clients/tenants/roles/buyer.toml").as_deref(), Some("acme"));
}

#[test]
fn blueprints_know_the_tenant_and_hand_over_what_is_its_own() {
    let content = [
        ROOT,
        (
            "blueprints/cluster/blueprint.toml",
            "[parameters]\ncluster = {}\n[outputs.kubeconfig]\nof = \"{{ realm }}/clients/{{ tenant }}-{{ cluster }}\"\n\
             env = {}\nfile = \".handed/{{ tenant }}.env\"\n[outputs.all]\nof = \"{{ realm }}/clients/*\"\n\
             env = {}\nfile = \".handed/{{ client.id }}.all.env\"\n",
        ),
        ("blueprints/cluster/realm.toml", "[clients.\"{{ tenant }}-{{ cluster }}\"]\nname = \"{{ realm }}\"\n"),
        ("acme/tenants/a/tenant.toml", "use = [{ blueprint = \"cluster\", with = { cluster = \"one\" } }]\n"),
        ("acme/tenants/b/tenant.toml", "use = [{ blueprint = \"cluster\", with = { cluster = \"one\" } }]\n"),
        ("acme/tenants/a/tenants/inner/clients/web.toml", ""),
    ];
    let loaded = loaded(&content);
    assert_eq!(value(&loaded, "acme", "clients/acme-a-one", &["name"]), Value::Json("acme".into()));
    let outputs = loaded.outputs["acme"]
        .iter()
        .flat_map(|output| output.destinations.keys().map(|to| format!("{} of {} to {to}", output.name, output.of)));
    assert_snapshot!(outputs.collect::<Vec<_>>().join("\n"), @r#"
acme-a-all of acme/clients/acme-a-one to .handed/acme-a-one.all.env
acme-a-kubeconfig of acme/clients/acme-a-one to .handed/acme-a.env
acme-b-all of acme/clients/acme-b-one to .handed/acme-b-one.all.env
acme-b-kubeconfig of acme/clients/acme-b-one to .handed/acme-b.env
"#);
}

/// The root's own name is in none of its tenants', and a realm of its own changes nothing of a name.
#[test]
fn a_tenant_may_say_what_it_is_called() {
    let uses = "use = [{ blueprint = \"app\" }]\n";
    let content = |realm: &'static str| {
        [
            ("blueprints/app/blueprint.toml", ""),
            ("blueprints/app/realm.toml", "[clients.\"{{ tenant }}-app\"]\n[clients.web]\n"),
            ("root/tenants/acme/tenant.toml", "tenant = \"acme\"\nuse = [{ blueprint = \"app\" }]\n"),
            ("root/tenants/acme/realm.toml", realm),
            ("root/tenants/acme/tenants/prod/tenants/eu/tenant.toml", uses),
        ]
    };
    let clients = |realm| {
        let loaded = loaded(&content(realm));
        let realms = loaded.desired.realms.values();
        let clients = realms.flat_map(|realm| realm.objects.keys()).filter(|it| *it.kind() == kinds::CLIENT);
        clients.map(ToString::to_string).collect::<Vec<_>>()
    };
    let landed = ["acme-app", "acme-prod-eu-app", "acme-prod-eu-web", "acme-web"];
    assert_eq!(clients(""), landed.map(|client| format!("root/clients/{client}")));
    let own = ["acme-app", "acme-prod-eu-app", "acme-prod-eu-web", "web"];
    assert_eq!(clients("realm = \"acme\"\n"), own.map(|client| format!("acme/clients/{client}")));
}

#[test]
fn a_tenants_name_is_its_own_to_say() {
    let content = [
        ROOT,
        ("blueprints/app/blueprint.toml", ""),
        ("blueprints/app/realm.toml", "tenant = \"app\"\n"),
        ("acme/tenants/prod/tenant.toml", "tenant = \"a/b\"\nuse = [{ blueprint = \"app\" }]\n"),
        ("acme/tenants/test/tenant.toml", "tenant = \"test\"\n"),
        ("acme/tenants/test/more.toml", "tenant = \"other\"\n"),
    ];
    let report = report(&content);
    for told in [
        "`tenant` is what the names of a tenant's objects begin with",
        "[acme/tenants/prod/tenant.toml:1:1]",
        "`tenant` of \"acme/test\" is set twice",
        "[acme/tenants/test/more.toml:1:1]",
        "`tenant` is in the wrong file",
        "[blueprints/app/realm.toml:1:1]",
    ] {
        assert!(report.contains(told), "{told}: {report}");
    }
}

#[test]
fn a_tenant_without_a_realm_says_nothing_of_realms() {
    let content = [
        ROOT,
        (
            "acme/tenants/prod/tenant.toml",
            "accessTokenLifespan = 60\nprune = \"all\"\n[identityProviders.google]\nproviderId = \"google\"\n[clients.web]\nname = 3\n",
        ),
    ];
    assert_snapshot!(report(&content), @r#"
 × the tenant acme-prod has no realm of its own, and `accessTokenLifespan` is a realm's
  ╭─[acme/tenants/prod/tenant.toml:1:1]
1 │ accessTokenLifespan = 60
  · ─────────┬─────────
  ·          ╰── a setting of a realm
2 │ prune = "all"
  ╰────
 help: it may declare clients, clientScopes, roles, groups; with `realm = "…"` in a file of its
       folder it has a realm

 × the tenant acme-prod has no realm of its own, and `prune` is a realm's
  ╭─[acme/tenants/prod/tenant.toml:2:1]
1 │ accessTokenLifespan = 60
2 │ prune = "all"
  · ──┬──
  ·   ╰── a setting of a realm
3 │ [identityProviders.google]
  ╰────
 help: it may declare clients, clientScopes, roles, groups; with `realm = "…"` in a file of its
       folder it has a realm

 × the tenant acme-prod has no realm of its own, and this identity provider is a realm's
  ╭─[acme/tenants/prod/tenant.toml:3:20]
2 │ prune = "all"
3 │ [identityProviders.google]
  ·                    ───┬──
  ·                       ╰── not a tenant's to declare
4 │ providerId = "google"
  ╰────
 help: it may declare clients, clientScopes, roles, groups; with `realm = "…"` in a file of its
       folder it has a realm

 × `name` has the wrong type
  ╭─[acme/tenants/prod/tenant.toml:6:1]
5 │ [clients.web]
6 │ name = 3
  · ──┬─
  ·   ╰── expected text, found a whole number
  ╰────
 help: write "3", with quotes
"#);
}

#[test]
fn two_tenants_cannot_declare_the_same() {
    let content = [
        ROOT,
        ("acme/tenants/prod/tenants/eu/clients/web.toml", ""),
        ("acme/tenants/prod/clients/eu-web.toml", ""),
        ("acme/tenants/prod/clients/other.toml", "defaultClientScopes = [\"basic\", \"nowhere\"]\n"),
    ];
    assert_snapshot!(report(&content), @r#"
× two tenants declare acme/clients/acme-prod-eu-web
 ╭─[acme/tenants/prod/tenants/eu/clients/web.toml:1:1]
 ╰────
help: call one of them otherwise
╰─▶   ☞ the other place
       ╭─[acme/tenants/prod/clients/eu-web.toml:1:1]
       ╰────
"#);
}

#[test]
fn the_policy_is_about_the_files_of_tenants_as_well() {
    let project = "name = \"test\"\n[[policy.paths]]\nfiles = \"acme/tenants/**\"\nallow = [\"clients\"]\n";
    let content = [
        (PROJECT_FILE, project),
        ROOT,
        ("acme/tenants/prod/clients/web.toml", ""),
        ("acme/tenants/prod/roles/admin.toml", ""),
    ];
    assert_snapshot!(report(&content), @r#"
× acme/tenants/prod/roles/admin.toml may not declare `roles`
 ╭─[acme/tenants/prod/roles/admin.toml:1:1]
 ╰────
help: the policy allows it `clients`; write this in a file of those who may
╰─▶   ☞ the other place
       ╭─[realmform.toml:3:1]
     2 │ [[policy.paths]]
     3 │ files = "acme/tenants/**"
       · ──┬──
       ·   ╰── the rule
     4 │ allow = ["clients"]
       ╰────
"#);
}
