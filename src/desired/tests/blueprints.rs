//! Blueprints: what they come to, and what is told of their mistakes.

use super::{files, loaded, report};
use crate::desired::{LOCK_FILE, Loaded, Lock, Locked, PROJECT_FILE, render};
use crate::git::Commit;
use crate::model::Value;

const DECLARATION: (&str, &str) = (
    "blueprints/customer/blueprint.toml",
    r#"description = "A realm for a customer"
[parameters.id]
description = "Short name"
[parameters.lifespan]
type = "integer"
default = 300
[parameters.plan]
allowed = ["basic", "gold"]
default = "basic"
[parameters.roles]
type = "list"
default = []
[parameters.mappers]
type = "table"
default = {}
[parameters.mail]
type = "secret"
required = false
[parameters.open]
type = "boolean"
default = false
"#,
);

const REALM: (&str, &str) = (
    "blueprints/customer/realm.toml",
    r#"displayName = "Customer {{ id|upper }}"
accessTokenLifespan = "{{ lifespan }}"
registrationAllowed = "{{ open }}"
attributes.plan = "{{ plan }}"
internationalizationEnabled = "{{ true if plan == 'gold' else none }}"
[smtpServer]
host = "smtp.{{ realm }}.example"
password = "{{ mail }}"
[clients."{{ id }}-portal"]
redirectUris = ["https://{{ id }}.example/*"]
[clients."{{ id }}-portal".protocolMappers."{{ key }}"]
forEach = "{{ mappers }}"
protocolMapper = "oidc-hardcoded-claim-mapper"
config = { "claim.name" = "{{ key }}", "claim.value" = "{{ item }}" }
[roles."{{ item }}"]
forEach = "{{ roles }}"
description = "Role {{ index + 1 }} of {{ id }}"
"#,
);

/// Each leaf as `address.path = value`.
fn leaves(loaded: &Loaded, realm: &str) -> Vec<String> {
    let mut told = Vec::new();
    for (address, object) in &loaded.desired.realms[realm].objects {
        told.push(format!("{address}  {}", object.origin));
        for (path, declared) in &*object.fields {
            let value = match &declared.value {
                Value::Json(value) => value.to_string(),
                Value::Secret(reference) => reference.to_string(),
            };
            told.push(format!("  {path} = {value}  {}", declared.origin));
        }
    }
    told
}

#[test]
fn a_realm_is_made_of_a_blueprint() {
    let loaded = loaded(&[
        DECLARATION,
        REALM,
        ("blueprints/customer/clients/vpc.toml", "clientId = \"{{ id }}-vpc\"\nname = \"VPC\"\n"),
        ("blueprints/customer/clients/vpc/roles/user.toml", "description = \"{{ id }}\"\n"),
        (
            "acme/realm.toml",
            "use = [{ blueprint = \"customer\", with = { id = \"acme\", plan = \"gold\", roles = [\"a\", \"b\"], mappers = { tenant = \"t\" }, mail = { env = \"MAIL\" } } }]\n\
             displayName = \"ACME\"\n[clients.acme-portal]\nname = \"Portal\"\n",
        ),
        ("beta/realm.toml", "[[use]]\nblueprint = \"customer\"\nwith.id = \"beta\"\nwith.lifespan = 60\n"),
    ]);
    insta::assert_snapshot!(leaves(&loaded, "acme").join("\n"), @r#"
acme  acme/realm.toml:2
  accessTokenLifespan = 300  blueprints/customer/realm.toml:2 (acme/realm.toml:1)
  attributes.plan = "gold"  blueprints/customer/realm.toml:4 (acme/realm.toml:1)
  displayName = "ACME"  acme/realm.toml:2
  internationalizationEnabled = true  blueprints/customer/realm.toml:5 (acme/realm.toml:1)
  registrationAllowed = false  blueprints/customer/realm.toml:3 (acme/realm.toml:1)
  smtpServer.host = "smtp.acme.example"  blueprints/customer/realm.toml:7 (acme/realm.toml:1)
  smtpServer.password = { env = "MAIL" }  blueprints/customer/realm.toml:8 (acme/realm.toml:1)
acme/clients/acme-portal  acme/realm.toml:3
  name = "Portal"  acme/realm.toml:4
  redirectUris = ["https://acme.example/*"]  blueprints/customer/realm.toml:10 (acme/realm.toml:1)
acme/clients/acme-portal/protocolMappers/tenant  blueprints/customer/realm.toml:11 (acme/realm.toml:1)
  config."claim.name" = "tenant"  blueprints/customer/realm.toml:14 (acme/realm.toml:1)
  config."claim.value" = "t"  blueprints/customer/realm.toml:14 (acme/realm.toml:1)
  protocolMapper = "oidc-hardcoded-claim-mapper"  blueprints/customer/realm.toml:13 (acme/realm.toml:1)
acme/clients/acme-vpc  blueprints/customer/clients/vpc.toml:1 (acme/realm.toml:1)
  name = "VPC"  blueprints/customer/clients/vpc.toml:2 (acme/realm.toml:1)
acme/clients/acme-vpc/roles/user  blueprints/customer/clients/vpc/roles/user.toml:1 (acme/realm.toml:1)
  description = "acme"  blueprints/customer/clients/vpc/roles/user.toml:1 (acme/realm.toml:1)
acme/roles/a  blueprints/customer/realm.toml:15 (acme/realm.toml:1)
  description = "Role 1 of acme"  blueprints/customer/realm.toml:17 (acme/realm.toml:1)
acme/roles/b  blueprints/customer/realm.toml:15 (acme/realm.toml:1)
  description = "Role 2 of acme"  blueprints/customer/realm.toml:17 (acme/realm.toml:1)
"#);
    insta::assert_snapshot!(leaves(&loaded, "beta").join("\n"), @r#"
beta  blueprints/customer/realm.toml:1 (beta/realm.toml:1)
  accessTokenLifespan = 60  blueprints/customer/realm.toml:2 (beta/realm.toml:1)
  attributes.plan = "basic"  blueprints/customer/realm.toml:4 (beta/realm.toml:1)
  displayName = "Customer BETA"  blueprints/customer/realm.toml:1 (beta/realm.toml:1)
  registrationAllowed = false  blueprints/customer/realm.toml:3 (beta/realm.toml:1)
  smtpServer.host = "smtp.beta.example"  blueprints/customer/realm.toml:7 (beta/realm.toml:1)
beta/clients/beta-portal  blueprints/customer/realm.toml:9 (beta/realm.toml:1)
  redirectUris = ["https://beta.example/*"]  blueprints/customer/realm.toml:10 (beta/realm.toml:1)
beta/clients/beta-vpc  blueprints/customer/clients/vpc.toml:1 (beta/realm.toml:1)
  name = "VPC"  blueprints/customer/clients/vpc.toml:2 (beta/realm.toml:1)
beta/clients/beta-vpc/roles/user  blueprints/customer/clients/vpc/roles/user.toml:1 (beta/realm.toml:1)
  description = "beta"  blueprints/customer/clients/vpc/roles/user.toml:1 (beta/realm.toml:1)
"#);
    assert!(loaded.references.is_empty(), "{:?}", loaded.references);
}

#[test]
fn blueprints_use_blueprints_and_realms_have_the_last_word() {
    let loaded = loaded(&[
        ("blueprints/base/blueprint.toml", "[parameters.name]\n"),
        (
            "blueprints/base/realm.toml",
            "displayName = \"{{ name }}\"\naccessTokenLifespan = 60\nloginTheme = \"base\"\n",
        ),
        (
            "blueprints/customer/blueprint.toml",
            "use = [{ blueprint = \"base\", with = { name = \"of {{ id }}\" } }]\n[parameters.id]\n",
        ),
        ("blueprints/customer/realm.toml", "accessTokenLifespan = 120\nemailTheme = \"customer\"\n"),
        ("acme/realm.toml", "use = [{ blueprint = \"customer\", with = { id = \"acme\" } }]\nemailTheme = \"acme\"\n"),
    ]);
    insta::assert_snapshot!(leaves(&loaded, "acme").join("\n"), @r#"
acme  acme/realm.toml:2
  accessTokenLifespan = 120  blueprints/customer/realm.toml:1 (acme/realm.toml:1)
  displayName = "of acme"  blueprints/base/realm.toml:1 (blueprints/customer/blueprint.toml:1 (acme/realm.toml:1))
  emailTheme = "acme"  acme/realm.toml:2
  loginTheme = "base"  blueprints/base/realm.toml:3 (blueprints/customer/blueprint.toml:1 (acme/realm.toml:1))
"#);
}

#[test]
fn mistakes_in_uses() {
    let uses = |with: &str| format!("use = [{{ blueprint = \"customer\", with = {{ {with} }} }}]\n");
    let told = [
        "plan = \"gold\"",
        "id = 1, lifespan = \"long\", mail = \"hunter2\"",
        "id = \"a\", plan = \"god\"",
        "id = \"a\", pln = \"gold\"",
    ]
    .map(|with| report(&[DECLARATION, REALM, ("acme/realm.toml", &uses(with))]));
    insta::assert_snapshot!(told.concat(), @r#"
 × the blueprint `customer` needs `id`
  ╭─[acme/realm.toml:1:8]
1 │ use = [{ blueprint = "customer", with = { plan = "gold" } }]
  ·        ──────────────────────────┬─────────────────────────
  ·                                  ╰── expected with = { … }
  ╰────
 ╰─▶   ☞ the other place
        ╭─[blueprints/customer/blueprint.toml:2:13]
      1 │ description = "A realm for a customer"
      2 │ [parameters.id]
        ·             ─┬
        ·              ╰── declared here
      3 │ description = "Short name"
        ╰────
 × the parameter `id` is a string
  ╭─[acme/realm.toml:1:48]
1 │ use = [{ blueprint = "customer", with = { id = 1, lifespan = "long", mail = ********* } }]
  ·                                                ┬
  ·                                                ╰── expected text, found a whole number
  ╰────
 ╰─▶   ☞ the other place
        ╭─[blueprints/customer/blueprint.toml:2:13]
      1 │ description = "A realm for a customer"
      2 │ [parameters.id]
        ·             ─┬
        ·              ╰── declared here
      3 │ description = "Short name"
        ╰────

 × the parameter `lifespan` is an integer
  ╭─[acme/realm.toml:1:62]
1 │ use = [{ blueprint = "customer", with = { id = 1, lifespan = "long", mail = ********* } }]
  ·                                                              ───┬──
  ·                                                                 ╰── expected a whole number, found text
  ╰────
 ╰─▶   ☞ the other place
        ╭─[blueprints/customer/blueprint.toml:4:13]
      3 │ description = "Short name"
      4 │ [parameters.lifespan]
        ·             ────┬───
        ·                 ╰── declared here
      5 │ type = "integer"
        ╰────

 × the parameter `mail` is a secret
  ╭─[acme/realm.toml:1:77]
1 │ use = [{ blueprint = "customer", with = { id = 1, lifespan = "long", mail = ********* } }]
  ·                                                                             ────┬────
  ·                                                                                 ╰── expected where the secret is, such as { env = "NAME" }, found text
  ╰────
 ╰─▶   ☞ the other place
         ╭─[blueprints/customer/blueprint.toml:16:13]
      15 │ default = {}
      16 │ [parameters.mail]
         ·             ──┬─
         ·               ╰── declared here
      17 │ type = "secret"
         ╰────
 × the parameter `plan` takes one of a few values
  ╭─[acme/realm.toml:1:60]
1 │ use = [{ blueprint = "customer", with = { id = "a", plan = "god" } }]
  ·                                                            ──┬──
  ·                                                              ╰── expected `basic` or `gold`
  ╰────
 help: did you mean `gold`?
 ╰─▶   ☞ the other place
        ╭─[blueprints/customer/blueprint.toml:7:13]
      6 │ default = 300
      7 │ [parameters.plan]
        ·             ──┬─
        ·               ╰── declared here
      8 │ allowed = ["basic", "gold"]
        ╰────
 × the blueprint `customer` has no parameter `pln`
  ╭─[acme/realm.toml:1:53]
1 │ use = [{ blueprint = "customer", with = { id = "a", pln = "gold" } }]
  ·                                                     ─┬─
  ·                                                      ╰── unknown parameter
  ╰────
 help: did you mean `plan`?
"#);
}

#[test]
fn uses_that_are_none() {
    insta::assert_snapshot!(report(&[
        DECLARATION,
        REALM,
        ("acme/realm.toml", "use = [{ blueprint = \"custmer\" }, \"customer\", { with = {} }]\n"),
        ("beta/realm.toml", "use = \"customer\"\n[clients.a]\nuse = []\n"),
        ("blueprints/nothing/realm.toml", ""),
    ]), @r#"
 × the blueprint nothing has no blueprint.toml
 help: write blueprints/nothing/blueprint.toml: it may be empty, or say what [parameters] there
       are

 × there is no blueprint `custmer`
  ╭─[acme/realm.toml:1:8]
1 │ use = [{ blueprint = "custmer" }, "customer", { with = {} }]
  ·        ────────────┬────────────
  ·                    ╰── unknown blueprint
  ╰────
 help: did you mean `customer`?

 × a use of a blueprint is a table
  ╭─[acme/realm.toml:1:35]
1 │ use = [{ blueprint = "custmer" }, "customer", { with = {} }]
  ·                                   ─────┬────
  ·                                        ╰── expected { blueprint = "…", with = { … } }, found text
  ╰────

 × a use names its blueprint
  ╭─[acme/realm.toml:1:47]
1 │ use = [{ blueprint = "custmer" }, "customer", { with = {} }]
  ·                                               ──────┬──────
  ·                                                     ╰── expected blueprint = "…", a folder with a blueprint.toml
  ╰────

 × `use` has the wrong value
  ╭─[beta/realm.toml:1:1]
1 │ use = "customer"
  · ─┬─
  ·  ╰── expected a list such as [{ blueprint = "…", with = { … } }], found text
2 │ [clients.a]
  ╰────

 ⚠ `use` is no known field of a client
  ╭─[beta/realm.toml:3:1]
2 │ [clients.a]
3 │ use = []
  · ─┬─
  ·  ╰── unknown field
  ╰────
 help: if Keycloak is newer than realmform this is fine: it is sent as it is
"#);
}

#[test]
fn mistakes_in_blueprints() {
    insta::assert_snapshot!(report(&[
        ("blueprints/a/blueprint.toml", "[parameters.realm]\n[parameters.b]\ntype = \"text\"\n[parameters.c]\ndefault = 1\nkind = 2\n[parameters.\"d e\"]\n"),
        ("blueprints/a/realm.toml", "displayName = \"{{ idd }}\"\nloginTheme = \"{{ c\"\n[roles.\"{{ item }}\"]\n"),
        ("acme/realm.toml", ""),
    ]), @r#"
 × `realm` is no name for a parameter
  ╭─[blueprints/a/blueprint.toml:1:13]
1 │ [parameters.realm]
  ·             ──┬──
  ·               ╰── expected letters, digits and `_`, and none of `realm`, `tenant`, `env`, `item`, `key` or `index`
2 │ [parameters.b]
  ╰────

 × `type` has the wrong value
  ╭─[blueprints/a/blueprint.toml:3:1]
2 │ [parameters.b]
3 │ type = "text"
  · ──┬─
  ·   ╰── expected `string`, `integer`, `number`, `boolean`, `list`, `table` or `secret`, found text
4 │ [parameters.c]
  ╰────

 × the parameter `c` is a string
  ╭─[blueprints/a/blueprint.toml:5:11]
3 │ type = "text"
4 │ [parameters.c]
  ·             ┬
  ·             ╰── declared here
5 │ default = 1
  ·           ┬
  ·           ╰── expected text, found a whole number
6 │ kind = 2
  ╰────

 × a parameter has no `kind`
  ╭─[blueprints/a/blueprint.toml:6:1]
5 │ default = 1
6 │ kind = 2
  · ──┬─
  ·   ╰── unknown setting
7 │ [parameters."d e"]
  ╰────
 help: expected `type`, `description`, `default`, `required` or `allowed`

 × `d e` is no name for a parameter
  ╭─[blueprints/a/blueprint.toml:7:13]
6 │ kind = 2
7 │ [parameters."d e"]
  ·             ──┬──
  ·               ╰── expected letters, digits and `_`, and none of `realm`, `tenant`, `env`, `item`, `key` or `index`
  ╰────

 × the expression uses `idd`, and there is nothing of that name
  ╭─[blueprints/a/realm.toml:1:15]
1 │ displayName = "{{ idd }}"
  ·               ─────┬─────
  ·                    ╰── expected `c`, `realm` or `tenant`
2 │ loginTheme = "{{ c"
  ╰────
 help: a parameter is declared in blueprint.toml: [parameters.NAME]

 × the expression is not valid: syntax error: unexpected end of input, expected end of variable
 │ block
  ╭─[blueprints/a/realm.toml:2:14]
1 │ displayName = "{{ idd }}"
2 │ loginTheme = "{{ c"
  ·              ───┬──
  ·                 ╰── an expression of minijinja, like Jinja's
3 │ [roles."{{ item }}"]
  ╰────

 × the expression uses `item`, and there is nothing of that name
  ╭─[blueprints/a/realm.toml:3:8]
2 │ loginTheme = "{{ c"
3 │ [roles."{{ item }}"]
  ·        ──────┬─────
  ·              ╰── expected `c`, `realm` or `tenant`
  ╰────
 help: a parameter is declared in blueprint.toml: [parameters.NAME]
"#);
}

/// What is only seen once there are values, in each of its uses.
#[test]
fn mistakes_in_blueprints_as_they_are_used() {
    let blueprint = [
        ("blueprints/a/blueprint.toml", "[parameters.c]\n"),
        (
            "blueprints/a/realm.toml",
            "displayName = \"{{ c.x.y }}\"\naccessTokenLifespan = \"{{ c }}\"\nuse = []\n[roles.x]\nforEach = \"{{ c }}\"\n[groups.\"{{ '/' ~ item }}\"]\nforEach = [1, 1]\n",
        ),
    ];
    let uses = "use = [{ blueprint = \"a\", with = { c = \"x\" } }]\n";
    insta::assert_snapshot!(
        report(&[blueprint[0], blueprint[1], ("acme/realm.toml", uses), ("beta/realm.toml", uses), ("gamma/realm.toml", uses)]),
        @r#"
 × the expression cannot be filled in: undefined value
  ╭─[blueprints/a/realm.toml:1:15]
1 │ displayName = "{{ c.x.y }}"
  ·               ──────┬──────
  ·                     ╰── here
2 │ accessTokenLifespan = "{{ c }}"
  ╰────
 help: the same in 2 more uses of the blueprint
 ╰─▶   ☞ used by
        ╭─[acme/realm.toml:1:8]
      1 │ use = [{ blueprint = "a", with = { c = "x" } }]
        ·        ───────────────────┬───────────────────
        ·                           ╰── the blueprint is used here
        ╰────

 × `accessTokenLifespan` has the wrong type
  ╭─[blueprints/a/realm.toml:2:1]
1 │ displayName = "{{ c.x.y }}"
2 │ accessTokenLifespan = "{{ c }}"
  · ─────────┬─────────
  ·          ╰── expected a whole number of seconds or a duration such as "5m", found text
3 │ use = []
  ╰────
 help: the same in 2 more uses of the blueprint
 ╰─▶   ☞ used by
        ╭─[acme/realm.toml:1:8]
      1 │ use = [{ blueprint = "a", with = { c = "x" } }]
        ·        ───────────────────┬───────────────────
        ·                           ╰── the blueprint is used here
        ╰────

 × `use` is in the wrong file
  ╭─[blueprints/a/realm.toml:3:1]
2 │ accessTokenLifespan = "{{ c }}"
3 │ use = []
  · ─┬─
  ·  ╰── expected in blueprint.toml
4 │ [roles.x]
  ╰────
 help: what a blueprint uses itself is written in its blueprint.toml; the same in 2 more uses of
       the blueprint
 ╰─▶   ☞ used by
        ╭─[acme/realm.toml:1:8]
      1 │ use = [{ blueprint = "a", with = { c = "x" } }]
        ·        ───────────────────┬───────────────────
        ·                           ╰── the blueprint is used here
        ╰────

 × `forEach` repeats a table over a list or a table
  ╭─[blueprints/a/realm.toml:5:11]
4 │ [roles.x]
5 │ forEach = "{{ c }}"
  ·           ────┬────
  ·               ╰── this is a string
6 │ [groups."{{ '/' ~ item }}"]
  ╰────
 help: the same in 2 more uses of the blueprint
 ╰─▶   ☞ used by
        ╭─[acme/realm.toml:1:8]
      1 │ use = [{ blueprint = "a", with = { c = "x" } }]
        ·        ───────────────────┬───────────────────
        ·                           ╰── the blueprint is used here
        ╰────

 × `/1` is made twice
  ╭─[blueprints/a/realm.toml:6:9]
5 │ forEach = "{{ c }}"
6 │ [groups."{{ '/' ~ item }}"]
  ·         ─────────┬────────
  ·                  ╰── the second one
7 │ forEach = [1, 1]
  ╰────
 help: a key with an expression has to be another one each time; the same in 2 more uses of the
       blueprint
 ╰─▶   ☞ used by
        ╭─[acme/realm.toml:1:8]
      1 │ use = [{ blueprint = "a", with = { c = "x" } }]
        ·        ───────────────────┬───────────────────
        ·                           ╰── the blueprint is used here
        ╰────
"#
    );
}

#[test]
fn blueprints_that_do_not_fit_together() {
    insta::assert_snapshot!(report(&[
        ("blueprints/a/blueprint.toml", "use = [{ blueprint = \"b\" }]\n"),
        ("blueprints/b/blueprint.toml", "use = [{ blueprint = \"a\" }]\n"),
        ("acme/realm.toml", "use = [{ blueprint = \"a\" }]\n"),
    ]), @r#"
 × the blueprint `a` uses itself: a → b → a
  ╭─[blueprints/b/blueprint.toml:1:8]
1 │ use = [{ blueprint = "a" }]
  ·        ─────────┬─────────
  ·                 ╰── once more
  ╰────
 ├─▶   ☞ used by
 │      ╭─[blueprints/a/blueprint.toml:1:8]
 │    1 │ use = [{ blueprint = "b" }]
 │      ·        ─────────┬─────────
 │      ·                 ╰── the blueprint is used here
 │      ╰────
 ╰─▶   ☞ used by
        ╭─[acme/realm.toml:1:8]
      1 │ use = [{ blueprint = "a" }]
        ·        ─────────┬─────────
        ·                 ╰── the blueprint is used here
        ╰────
"#);
    insta::assert_snapshot!(report(&[
        ("blueprints/a/blueprint.toml", ""),
        ("blueprints/a/realm.toml", "displayName = \"a\"\n[clients.x]\nname = \"a\"\n"),
        ("blueprints/b/blueprint.toml", ""),
        ("blueprints/b/realm.toml", "displayName = \"b\"\n[clients.x]\nname = \"b\"\n"),
        ("acme/realm.toml", "use = [{ blueprint = \"a\" }, { blueprint = \"b\" }]\ndisplayName = \"mine\"\n"),
    ]), @r#"
 × `name` of acme/clients/x is set twice
  ╭─[blueprints/b/realm.toml:3:1]
2 │ [clients.x]
3 │ name = "b"
  · ──┬─
  ·   ╰── the second time
  ╰────
 help: keep one of them: all files of a realm are read as one
 ├─▶   ☞ the other place
 │      ╭─[blueprints/a/realm.toml:3:1]
 │    2 │ [clients.x]
 │    3 │ name = "a"
 │      · ──┬─
 │      ·   ╰── the first time
 │      ╰────
 ├─▶   ☞ used by
 │      ╭─[acme/realm.toml:1:29]
 │    1 │ use = [{ blueprint = "a" }, { blueprint = "b" }]
 │      ·                             ─────────┬─────────
 │      ·                                      ╰── the blueprint is used here
 │    2 │ displayName = "mine"
 │      ╰────
 ╰─▶   ☞ used by
        ╭─[acme/realm.toml:1:8]
      1 │ use = [{ blueprint = "a" }, { blueprint = "b" }]
        ·        ─────────┬─────────
        ·                 ╰── the blueprint is used here
      2 │ displayName = "mine"
        ╰────
"#);
}

#[test]
fn what_a_blueprint_declares_can_be_left_out() {
    let blueprint = [
        ("blueprints/a/blueprint.toml", "use = [{ blueprint = \"b\" }]\n"),
        (
            "blueprints/a/realm.toml",
            "[roles.clerk]\n[clients.portal]\nname = \"P\"\nattributes.x = \"1\"\n[clients.portal.roles.user]\n[clients.app]\n\
             serviceAccount = { realmRoles = [\"clerk\", \"gone\"] }\n",
        ),
        ("blueprints/b/blueprint.toml", ""),
        ("blueprints/b/realm.toml", "displayName = \"b\"\n[roles.gone]\n[groups.\"/b\"]\n"),
    ];
    let realm = |own: &'static str| [&blueprint[..], &[("acme/realm.toml", own)]].concat();
    let loaded = loaded(&realm(
        "use = [{ blueprint = \"a\" }]\nlifecycle.removeFields = [\"displayName\"]\n[clients.portal]\nlifecycle = { removeFields = [\"attributes.x\"] }\n\
         [clients.app]\nlifecycle.remove = true\n[roles.gone]\nlifecycle = { remove = true }\n",
    ));
    insta::assert_snapshot!(leaves(&loaded, "acme").join("\n"), @r#"
acme  blueprints/b/realm.toml:1 (blueprints/a/blueprint.toml:1 (acme/realm.toml:1))
acme/clients/portal  acme/realm.toml:3
  name = "P"  blueprints/a/realm.toml:3 (acme/realm.toml:1)
acme/clients/portal/roles/user  blueprints/a/realm.toml:5 (acme/realm.toml:1)
acme/groups/"/b"  blueprints/b/realm.toml:3 (blueprints/a/blueprint.toml:1 (acme/realm.toml:1))
acme/roles/clerk  blueprints/a/realm.toml:1 (acme/realm.toml:1)
"#);
    insta::assert_snapshot!(report(&realm(
        "use = [{ blueprint = \"a\" }]\n[clients.portal]\nlifecycle.remove = true\n[clients.portal.roles.mine]\n\
         [clients.app]\nlifecycle.remove = true\ndescription = \"mine\"\n[clients.own]\nlifecycle = { remove = true }\n\
         [clients.own2]\nname = \"mine\"\nlifecycle = { remove = false, removeFields = [\"name\"] }\n",
    )), @r#"
 × acme/clients/portal/roles/mine is removed and declared
  ╭─[acme/realm.toml:3:11]
2 │ [clients.portal]
3 │ lifecycle.remove = true
  ·           ───┬──
  ·              ╰── removed here
4 │ [clients.portal.roles.mine]
  ·                       ──┬─
  ·                         ╰── declared here
5 │ [clients.app]
  ╰────

 × acme/clients/app is removed and declared
  ╭─[acme/realm.toml:6:11]
5 │ [clients.app]
6 │ lifecycle.remove = true
  ·           ───┬──
  ·              ╰── removed here
7 │ description = "mine"
  · ─────┬─────
  ·      ╰── declared here
8 │ [clients.own]
  ╰────

 × there is no acme/clients/own to remove
   ╭─[acme/realm.toml:9:15]
 8 │ [clients.own]
 9 │ lifecycle = { remove = true }
   ·               ───┬──
   ·                  ╰── nothing that this lies over declares it
10 │ [clients.own2]
   ╰────
 help: a realm's files remove what its blueprints declare, and those of an environment what is
       declared for all of them; what no file declares is not there

 × `remove` has the wrong type
   ╭─[acme/realm.toml:12:15]
11 │ name = "mine"
12 │ lifecycle = { remove = false, removeFields = ["name"] }
   ·               ───┬──
   ·                  ╰── expected true, found true or false
   ╰────

 × there is no name of acme/clients/own2 to remove
   ╭─[acme/realm.toml:12:31]
11 │ name = "mine"
12 │ lifecycle = { remove = false, removeFields = ["name"] }
   ·                               ──────┬─────
   ·                                     ╰── nothing that this lies over declares it
   ╰────
 help: a realm's files remove what its blueprints declare, and those of an environment what is
       declared for all of them; what no file declares is not there
"#);
}

#[test]
fn a_blueprint_hands_over_what_it_made() {
    let blueprint = |declaration: &'static str| {
        [
            ("blueprints/a/blueprint.toml", declaration),
            ("blueprints/a/realm.toml", "[clients.\"{{ id }}-portal\"]\n"),
            ("acme/realm.toml", "use = [{ blueprint = \"a\", with = { id = \"..\", mail = { env = \"K\" } } }]\n"),
            ("beta/realm.toml", "use = [{ blueprint = \"a\", with = { id = \"b\", mail = { env = \"K\" } } }]\n"),
        ]
    };
    let loaded = loaded(&blueprint(
        "[parameters.id]\n[parameters.mail]\ntype = \"secret\"\n\
         [outputs.portal]\nof = \"{{ realm }}/clients/{{ id }}-portal\"\nenv = { ISSUER = \"{{ issuer }}\", CUSTOMER = \"{{ id }}\" }\nfile = \"../handed/{{ id }}.env\"\n\
         [outputs.all]\nof = \"*/clients/*\"\njson = {}\nvault = \"kv/{{ realm }}/{{ client.id }}\"\n",
    ));
    let told = |realm: &str| -> Vec<String> {
        let outputs = loaded.outputs[realm].iter();
        outputs
            .map(|it| format!("{} {} {:?} {:?}", it.name, it.of, it.destinations.keys().next(), it.parameters))
            .collect()
    };
    insta::assert_snapshot!([told("acme"), told("beta")].concat().join("\n"), @r#"
all acme/clients/..-portal Some(Vault { path: "kv/acme/..-portal", key: "OIDC_CLIENT_ID" }) {"id": String(".."), "tenant": String("acme")}
portal acme/clients/..-portal Some(File("../handed/%2E%2E.env")) {"id": String(".."), "tenant": String("acme")}
all beta/clients/b-portal Some(Vault { path: "kv/beta/b-portal", key: "OIDC_CLIENT_ID" }) {"id": String("b"), "tenant": String("beta")}
portal beta/clients/b-portal Some(File("../handed/b.env")) {"id": String("b"), "tenant": String("beta")}
"#);
    insta::assert_snapshot!(report(&blueprint(
        "[parameters.id]\n[parameters.mail]\ntype = \"secret\"\n[parameters.groups]\ndefault = \"x\"\n\
         [outputs.a]\nof = \"acme\"\nenv = { A = \"{{ mail }}\" }\n[outputs.b]\nof = \"{{ ralm }}\"\nenv = {}\n\
         [outputs.c]\nof = \"{{ realm }}\"\nenv = { C = \"{{ issuer }}\" }\nfile = \"../same\"\n",
    )), @r#"
 × `groups` is a fact of a realm, which outputs may use
  ╭─[blueprints/a/blueprint.toml:4:13]
3 │ type = "secret"
4 │ [parameters.groups]
  ·             ───┬──
  ·                ╰── expected another name
5 │ default = "x"
  ╰────

 × the output `a` is of acme, and beta uses the blueprint
  ╭─[blueprints/a/blueprint.toml:6:10]
5 │ default = "x"
6 │ [outputs.a]
  ·          ┬
  ·          ╰── this output
7 │ of = "acme"
  ╰────
 help: expected `of = "{{ realm }}/clients/…"`
 ╰─▶   ☞ used by
        ╭─[beta/realm.toml:1:8]
      1 │ use = [{ blueprint = "a", with = { id = "b", mail = { env = "K" } } }]
        ·        ───────────────────────────────┬──────────────────────────────
        ·                                       ╰── the blueprint is used here
        ╰────

 × the template uses `mail`, and there is nothing of that name
  ╭─[blueprints/a/blueprint.toml:8:9]
7 │ of = "acme"
8 │ env = { A = "{{ mail }}" }
  ·         ┬
  ·         ╰── expected `server`, `realm`, `issuer`, `endpoints`, `certificates`, `groups`, `clients`, `groups`, `id` or `tenant`
9 │ [outputs.b]
  ╰────
 help: the same in one more use of the blueprint
 ╰─▶   ☞ used by
        ╭─[acme/realm.toml:1:8]
      1 │ use = [{ blueprint = "a", with = { id = "..", mail = { env = "K" } } }]
        ·        ───────────────────────────────┬───────────────────────────────
        ·                                       ╰── the blueprint is used here
        ╰────

 × the expression cannot be filled in: undefined value
   ╭─[blueprints/a/blueprint.toml:10:6]
 9 │ [outputs.b]
10 │ of = "{{ ralm }}"
   ·      ──────┬─────
   ·            ╰── here
11 │ env = {}
   ╰────
 help: the same in one more use of the blueprint
 ╰─▶   ☞ used by
        ╭─[acme/realm.toml:1:8]
      1 │ use = [{ blueprint = "a", with = { id = "..", mail = { env = "K" } } }]
        ·        ───────────────────────────────┬───────────────────────────────
        ·                                       ╰── the blueprint is used here
        ╰────

 × an output of acme and `c` of beta both go to ../same; {{ realm }} tells realms apart
   ╭─[blueprints/a/blueprint.toml:12:10]
11 │ env = {}
12 │ [outputs.c]
   ·          ┬
   ·          ╰── this output
13 │ of = "{{ realm }}"
   ╰────
 ╰─▶   ☞ used by
        ╭─[beta/realm.toml:1:8]
      1 │ use = [{ blueprint = "a", with = { id = "b", mail = { env = "K" } } }]
        ·        ───────────────────────────────┬──────────────────────────────
        ·                                       ╰── the blueprint is used here
        ╰────
"#);
}

#[test]
fn mistakes_in_where_they_come_from() {
    insta::assert_snapshot!(report(&[(
        PROJECT_FILE,
        r#"name = "x"
[blueprints.nothing]
[blueprints.ref-only]
ref = "v1"
[blueprints.".hidden"]
path = "a"
[blueprints.paths]
path = "/srv/blueprints"
[blueprints.outside]
git = "https://git.example/x"
path = "../x"
[blueprints.told]
git = "https://bot:hunter2@git.example/x"
[blueprints.run]
git = "ext::sh -c reboot"
ref = "--upload-pack=reboot"
branch = "main"
"#,
    )]), @r#"
 × nothing says where the blueprint `nothing` is
  ╭─[realmform.toml:2:13]
1 │ name = "x"
2 │ [blueprints.nothing]
  ·             ───┬───
  ·                ╰── expected `path` or `git`
3 │ [blueprints.ref-only]
  ╰────
 help: write path = "../folder", or git = "https://…" with ref = "v1"; one of the project is a
       folder blueprints/nothing, and needs nothing here

 × nothing says where the blueprint `ref-only` is
  ╭─[realmform.toml:3:13]
2 │ [blueprints.nothing]
3 │ [blueprints.ref-only]
  ·             ────┬───
  ·                 ╰── expected `git = "https://…"` beside `ref`
4 │ ref = "v1"
  ╰────
 help: write path = "../folder", or git = "https://…" with ref = "v1"; one of the project is a
       folder blueprints/ref-only, and needs nothing here

 × `.hidden` is no name for a blueprint
  ╭─[realmform.toml:5:13]
4 │ ref = "v1"
5 │ [blueprints.".hidden"]
  ·             ────┬────
  ·                 ╰── expected letters, digits, `-`, `_` and `.`, not beginning with a `.`
6 │ path = "a"
  ╰────
 help: its files are in blueprints/NAME

 × this is no folder to take a blueprint from
  ╭─[realmform.toml:8:1]
7 │ [blueprints.paths]
8 │ path = "/srv/blueprints"
  · ──┬─
  ·   ╰── expected a path relative to the project
9 │ [blueprints.outside]
  ╰────

 × this is no folder to take a blueprint from
   ╭─[realmform.toml:11:1]
10 │ git = "https://git.example/x"
11 │ path = "../x"
   · ──┬─
   ·   ╰── expected a folder of the repository
12 │ [blueprints.told]
   ╰────

 × this is no address of a git repository
   ╭─[realmform.toml:13:1]
12 │ [blueprints.told]
13 │ git = "https://***********@git.example/x"
   · ─┬─
   ·  ╰── expected no credentials: git has them, from its helpers
14 │ [blueprints.run]
   ╰────

 × this is no address of a git repository
   ╭─[realmform.toml:15:1]
14 │ [blueprints.run]
15 │ git = "ext::sh -c reboot"
   · ─┬─
   ·  ╰── expected https://…, ssh://…, git@HOST:PATH, file://… or a path
16 │ ref = "--upload-pack=reboot"
   ╰────

 × this is no branch, tag or commit
   ╭─[realmform.toml:16:1]
15 │ git = "ext::sh -c reboot"
16 │ ref = "--upload-pack=reboot"
   · ─┬─
   ·  ╰── expected a name such as "v1.4", or the full id of a commit
17 │ branch = "main"
   ╰────

 × a blueprint from elsewhere has no `branch`
   ╭─[realmform.toml:17:1]
16 │ ref = "--upload-pack=reboot"
17 │ branch = "main"
   · ───┬──
   ·    ╰── unknown setting
   ╰────
 help: expected `path`, `git` or `ref`
"#);
}

#[test]
fn a_lock_is_read_as_it_is_written() {
    let lock = |git: &str, reference: Option<&str>| Locked {
        git: git.to_owned(),
        reference: reference.map(str::to_owned),
        commit: Commit { id: "0123456789".repeat(4) },
        origin: None,
    };
    let locks = [("a.b", lock("../x", None)), ("customer", lock("https://git.example/x", Some("v1")))];
    let text = Lock(locks.into_iter().map(|(name, locked)| (name.to_owned(), locked)).collect()).to_string();
    let read = Lock::read(&files(&[(LOCK_FILE, &text)])).unwrap();
    let told: Vec<_> = read.0.values().map(|locked| locked.origin.as_ref().unwrap().line).collect();
    assert_eq!((read.to_string(), told), (text, vec![5, 10]));

    let broken = "<<<<<<< HEAD\n[blueprints.a]\ngit = \"../x\"\ncommit = \"123\"\n";
    let problems = [broken, &broken[13..], "[blueprints.a]\ngit = \"../x\"\n"]
        .map(|text| render(&Lock::read(&files(&[(LOCK_FILE, text)])).unwrap_err().0, false, 100));
    insta::assert_snapshot!(problems.concat(), @r#"
 × realmform.lock.toml is not valid TOML
  ╭─[realmform.lock.toml:1:9]
1 │ <<<<<<< HEAD
  ·         ▲
  ·         ╰── key with no value, expected `=`
2 │ [blueprints.a]
  ╰────
 help: `realmform update` writes it; if a merge left it like this, delete it and run that

 × `commit` has the wrong value
  ╭─[realmform.lock.toml:3:1]
2 │ git = "../x"
3 │ commit = "123"
  · ───┬──
  ·    ╰── expected the full id of a commit, found text
  ╰────
 help: `realmform update` writes it; if a merge left it like this, delete it and run that

 × nothing says which commit the blueprint `a` is
  ╭─[realmform.lock.toml:1:13]
1 │ [blueprints.a]
  ·             ┬
  ·             ╰── expected `git` and `commit`
2 │ git = "../x"
  ╰────
 help: `realmform update` writes it; if a merge left it like this, delete it and run that
"#);
}
