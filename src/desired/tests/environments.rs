//! Environments: what they say otherwise, and what is wrong with that.

use insta::assert_snapshot;

use super::*;

const PROJECT: &str = r#"name = "shop"
servers.staging.url = "https://sso.staging.example"
servers.prod.url = "https://sso.example"

[environments.staging]
server = "staging"
variables = { domain = "staging.example", replicas = 1 }

[environments.prod]
server = "prod"
variables = { domain = "example" }
"#;

fn within(environment: &str) -> Options<'_> {
    Options { environment: Some(environment), ..Options::default() }
}

fn in_environment(environment: &str, content: &[(&str, &str)]) -> Loaded {
    let content: Vec<_> = [(PROJECT_FILE, PROJECT)].into_iter().chain(content.iter().copied()).collect();
    let loaded = load(&files(&content), &within(environment));
    loaded.unwrap_or_else(|problems| panic!("{}", render(&problems.0, false, 100)))
}

fn report_in(environment: &str, content: &[(&str, &str)]) -> String {
    let content: Vec<_> = [(PROJECT_FILE, PROJECT)].into_iter().chain(content.iter().copied()).collect();
    report_of(&files(&content), &within(environment))
}

const REALM: (&str, &str) = ("acme/realm.toml", "displayName = \"ACME\"\naccessTokenLifespan = 300\n");

#[test]
fn an_environment_says_what_is_otherwise_field_by_field() {
    let content = [
        REALM,
        (
            "acme/clients/shop.toml",
            "clientId = \"the-shop\"\nname = \"Shop\"\nredirectUris = [\"https://shop.example/*\"]\n",
        ),
        ("environments/staging/acme/realm.toml", "displayName = \"ACME (staging)\"\n[roles.tester]\n"),
        ("environments/staging/acme/clients/shop.toml", "redirectUris = [\"https://shop.staging.example/*\"]\n"),
        ("environments/prod/acme/realm.toml", "accessTokenLifespan = 60\n"),
    ];
    let staging = in_environment("staging", &content);
    assert_snapshot!(leaves(&staging, "acme", ""), @r#"
accessTokenLifespan = 300
displayName = "ACME (staging)"
"#);
    assert_snapshot!(leaves(&staging, "acme", "clients/the-shop"), @r#"
name = "Shop"
redirectUris = ["https://shop.staging.example/*"]
"#);
    assert!(staging.desired.realms["acme"].objects.contains_key(&Address::parse("acme", "roles/tester").unwrap()));
    assert_eq!(staging.project.default_server.as_deref(), Some("staging"));
    let prod = in_environment("prod", &content);
    assert_snapshot!(leaves(&prod, "acme", ""), @r#"
accessTokenLifespan = 60
displayName = "ACME"
"#);
    assert_snapshot!(leaves(&prod, "acme", "clients/the-shop"), @r#"
name = "Shop"
redirectUris = ["https://shop.example/*"]
"#);
    assert!(!prod.desired.realms["acme"].objects.contains_key(&Address::parse("acme", "roles/tester").unwrap()));
}

#[test]
fn an_environment_takes_out_what_is_declared_for_all() {
    let content = [
        (
            "acme/realm.toml",
            "displayName = \"ACME\"\nsmtpServer = { host = \"mail\", from = \"a@b.example\" }\n[roles.admin]\ndescription = \"Admins\"\n",
        ),
        ("acme/clients/shop.toml", "[roles.buyer]\n"),
        ("globex/realm.toml", ""),
        (
            "environments/staging/acme/realm.toml",
            "lifecycle.removeFields = [\"smtpServer\"]\nroles.admin.lifecycle.remove = true\n",
        ),
        ("environments/staging/acme/clients/shop.toml", "lifecycle.remove = true\n"),
        ("environments/staging/globex/realm.toml", "lifecycle.remove = true\n"),
    ];
    let staging = in_environment("staging", &content);
    let objects: Vec<String> = staging.desired.realms["acme"].objects.keys().map(ToString::to_string).collect();
    assert_eq!(objects, ["acme"]);
    assert_snapshot!(leaves(&staging, "acme", ""), @r#"
displayName = "ACME"
"#);
    assert!(!staging.desired.realms.contains_key("globex"));
    let prod = in_environment("prod", &content);
    assert_eq!(prod.desired.realms["acme"].objects.len(), 4);
    assert!(prod.desired.realms.contains_key("globex"));
}

#[test]
fn an_environment_has_realms_and_names_of_its_own() {
    let content = [
        REALM,
        ("environments/staging/acme/realm.toml", "realm = \"acme-staging\"\n"),
        ("environments/staging/playground/realm.toml", "displayName = \"Playground\"\n"),
        ("environments/staging/playground/clients/try.toml", ""),
    ];
    let names = |loaded: &Loaded| loaded.desired.realms.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&in_environment("staging", &content)), ["acme-staging", "playground"]);
    assert_eq!(names(&in_environment("prod", &content)), ["acme"]);
    let folders = |environment| realm_folders(&files(&content), environment).unwrap();
    assert_eq!(folders(None), [("acme".to_owned(), "acme".to_owned())].into());
    let staging = [("acme", "acme-staging"), ("playground", "playground")];
    assert_eq!(folders(Some("staging")), staging.map(|(folder, name)| (folder.to_owned(), name.to_owned())).into());
}

const BLUEPRINT: &[(&str, &str)] = &[
    (
        "blueprints/customer/blueprint.toml",
        "[parameters]\nid = {}\nplan = { default = \"basic\" }\ntags = { type = \"list\", default = [] }\n",
    ),
    (
        "blueprints/customer/realm.toml",
        "displayName = \"{{ id }} ({{ plan }}, {{ env.name }})\"\nattributes.frontendUrl = \"https://{{ id }}.{{ env.domain }}\"\n\
         [roles.\"{{ item }}\"]\nforEach = \"{{ tags }}\"\n",
    ),
];

#[test]
fn expressions_know_the_environment_and_a_use_is_overridden_value_by_value() {
    let own = [
        (
            "acme/realm.toml",
            "use = [{ blueprint = \"customer\", with = { id = \"acme-{{ env.name }}\", plan = \"gold\" } }]\n",
        ),
        (
            "environments/staging/acme/realm.toml",
            "use = [{ blueprint = \"customer\", with = { plan = \"trial\", tags = [\"{{ realm }}\"] } }]\n",
        ),
    ];
    let content: Vec<_> = BLUEPRINT.iter().copied().chain(own).collect();
    let staging = in_environment("staging", &content);
    assert_snapshot!(leaves(&staging, "acme", ""), @r#"
attributes.frontendUrl = "https://acme-staging.staging.example"
displayName = "acme-staging (trial, staging)"
"#);
    assert!(staging.desired.realms["acme"].objects.contains_key(&Address::parse("acme", "roles/acme").unwrap()));
    assert_snapshot!(leaves(&in_environment("prod", &content), "acme", ""), @r#"
attributes.frontendUrl = "https://acme-prod.example"
displayName = "acme-prod (gold, prod)"
"#);
}

#[test]
fn a_blueprint_of_an_environment_counts_more_than_one_of_all() {
    let content = [
        ("blueprints/basic/blueprint.toml", ""),
        ("blueprints/basic/realm.toml", "displayName = \"basic\"\naccessTokenLifespan = 300\nloginTheme = \"basic\"\n"),
        ("blueprints/short/blueprint.toml", ""),
        ("blueprints/short/realm.toml", "accessTokenLifespan = 60\nloginTheme = \"short\"\n"),
        ("acme/realm.toml", "use = [{ blueprint = \"basic\" }]\nloginTheme = \"own\"\n"),
        ("environments/staging/acme/realm.toml", "use = [{ blueprint = \"short\" }]\n"),
    ];
    assert_snapshot!(leaves(&in_environment("staging", &content), "acme", ""), @r#"
accessTokenLifespan = 60
displayName = "basic"
loginTheme = "own"
"#);
}

#[test]
fn outputs_know_the_environment() {
    let project = format!(
        "{PROJECT}\n[outputs.realm]\nof = \"acme\"\nenv = {{ DOMAIN = \"{{{{ env.domain }}}}\" }}\n\
         file = \"../handed-over/{{{{ env.name }}}}/{{{{ realm }}}}.env\"\n"
    );
    let loaded = load(&files(&[(PROJECT_FILE, &project), REALM]), &within("staging"));
    let loaded = loaded.unwrap_or_else(|problems| panic!("{}", render(&problems.0, false, 100)));
    let to: Vec<String> = loaded.outputs["acme"][0].destinations.keys().map(ToString::to_string).collect();
    assert_eq!(to, ["../handed-over/staging/acme.env"]);
    assert_eq!(loaded.outputs["acme"][0].parameters["env"]["domain"], "staging.example");
}

#[test]
fn variables_that_are_not_there_are_named() {
    let content: Vec<_> = BLUEPRINT
        .iter()
        .copied()
        .chain([
            ("blueprints/customer/clients/shop.toml", "name = \"{{ env.replicas }} {{ env.domian }}\"\n"),
            ("acme/realm.toml", "use = [{ blueprint = \"customer\", with = { id = \"{{ env.id }}\" } }]\n"),
        ])
        .collect();
    assert_snapshot!(report_in("prod", &content), @r#"
 × the environment prod has no variable `id`
  ╭─[acme/realm.toml:1:48]
1 │ use = [{ blueprint = "customer", with = { id = "{{ env.id }}" } }]
  ·                                                ───────┬──────
  ·                                                       ╰── unknown variable
  ╰────
 help: write environments.prod.variables.id in realmform.toml

 × the environment prod has no variable `domian`
  ╭─[blueprints/customer/clients/shop.toml:1:8]
1 │ name = "{{ env.replicas }} {{ env.domian }}"
  ·        ──────────────────┬──────────────────
  ·                          ╰── unknown variable
  ╰────
 help: did you mean `domain`?

 × the environment prod has no variable `replicas`
  ╭─[blueprints/customer/clients/shop.toml:1:8]
1 │ name = "{{ env.replicas }} {{ env.domian }}"
  ·        ──────────────────┬──────────────────
  ·                          ╰── unknown variable
  ╰────
 help: write environments.prod.variables.replicas in realmform.toml
"#);
}

#[test]
fn there_is_no_env_without_environments() {
    let content: Vec<_> = BLUEPRINT.iter().copied().chain([("acme/realm.toml", "")]).collect();
    assert_snapshot!(report(&content), @r#"
 × the expression uses `env`, and there is nothing of that name
  ╭─[blueprints/customer/realm.toml:1:15]
1 │ displayName = "{{ id }} ({{ plan }}, {{ env.name }})"
  ·               ───────────────────┬───────────────────
  ·                                  ╰── expected `id`, `plan`, `realm`, `tags` or `tenant`
2 │ attributes.frontendUrl = "https://{{ id }}.{{ env.domain }}"
  ╰────
 help: the project has no environments: [environments.NAME] in realmform.toml is one

 × the expression uses `env`, and there is nothing of that name
  ╭─[blueprints/customer/realm.toml:2:26]
1 │ displayName = "{{ id }} ({{ plan }}, {{ env.name }})"
2 │ attributes.frontendUrl = "https://{{ id }}.{{ env.domain }}"
  ·                          ─────────────────┬─────────────────
  ·                                           ╰── expected `id`, `plan`, `realm`, `tags` or `tenant`
3 │ [roles."{{ item }}"]
  ╰────
 help: the project has no environments: [environments.NAME] in realmform.toml is one
"#);
}

#[test]
fn what_nothing_reads_is_an_error() {
    assert_snapshot!(report_in("prod", &[REALM, ("environments/stagging/acme/realm.toml", ""), ("environments/prod/x.toml", "")]), @r#"
× environments/stagging is of no environment of the project
help: did you mean `staging`?

⚠ environments/prod/x.toml is not read: it is in no realm's folder
help: move it into the folder of the realm that it belongs to
"#);
}

#[test]
fn a_folder_that_is_probably_another_is_told() {
    assert_snapshot!(report_in("prod", &[REALM, ("environments/prod/acmee/realm.toml", "")]), @r#"
⚠ environments/prod/acmee makes a realm that only this environment has
help: did you mean environments/prod/acme?
"#);
}

#[test]
fn the_same_is_said_once_in_an_environment() {
    let twice = [
        REALM,
        ("environments/prod/acme/realm.toml", "displayName = \"one\"\n"),
        ("environments/prod/acme/more.toml", "displayName = \"two\"\nlifecycle.removeFields = [\"loginTheme\"]\n"),
    ];
    assert_snapshot!(report_in("prod", &twice), @r#"
 × there is no loginTheme of acme to remove
  ╭─[environments/prod/acme/more.toml:2:11]
1 │ displayName = "two"
2 │ lifecycle.removeFields = ["loginTheme"]
  ·           ──────┬─────
  ·                 ╰── nothing that this lies over declares it
  ╰────
 help: a realm's files remove what its blueprints declare, and those of an environment what is
       declared for all of them; what no file declares is not there

 × `displayName` of acme is set twice
  ╭─[environments/prod/acme/realm.toml:1:1]
1 │ displayName = "one"
  · ─────┬─────
  ·      ╰── the second time
  ╰────
 help: keep one of them: all files of a realm are read as one
 ╰─▶   ☞ the other place
        ╭─[environments/prod/acme/more.toml:1:1]
      1 │ displayName = "two"
        · ─────┬─────
        ·      ╰── the first time
      2 │ lifecycle.removeFields = ["loginTheme"]
        ╰────
"#);
}

#[test]
fn an_environment_declares_no_more_than_what_it_lies_over_may() {
    let project = format!("{PROJECT}\n[[policy.paths]]\nfiles = \"acme/**\"\nallow = [\"clients\"]\n");
    let content = [
        (PROJECT_FILE, project.as_str()),
        ("platform/realm.toml", "realm = \"acme\"\n"),
        ("environments/prod/acme/realm.toml", "accessTokenLifespan = 1\n"),
    ];
    assert_snapshot!(report_of(&files(&content), &within("prod")), @r#"
 × no file may declare the realm acme
  ╭─[environments/prod/acme/realm.toml:1:1]
1 │ accessTokenLifespan = 1
  · ▲
  · ╰── a file of this realm
  ╰────
 help: a realm takes a file that the policy allows `settings`, even if it is empty

 × environments/prod/acme/realm.toml may not declare `settings`
  ╭─[environments/prod/acme/realm.toml:1:1]
1 │ accessTokenLifespan = 1
  · ─────────┬─────────
  ·          ╰── one of the realm's settings
  ╰────
 help: the policy allows it `clients`; write this in a file of those who may
 ╰─▶   ☞ the other place
         ╭─[realmform.toml:14:1]
      13 │ [[policy.paths]]
      14 │ files = "acme/**"
         · ──┬──
         ·   ╰── the rule
      15 │ allow = ["clients"]
         ╰────

 × two folders are the realm `acme`
  ╭─[platform/realm.toml:1:1]
1 │ realm = "acme"
  · ──┬──
  ·   ╰── one
  ╰────
 help: put the files into one folder, or correct `realm = …`
 ╰─▶   ☞ the other place
        ╭─[environments/prod/acme/realm.toml:1:1]
      1 │ accessTokenLifespan = 1
        · ▲
        · ╰── the other
        ╰────
"#);
}

#[test]
fn an_environment_of_the_project_file_is_checked() {
    let project = r#"name = "shop"
[servers.prod]
url = "https://sso.example"
[environments.prod]
server = "prodd"
variables = { name = "x", "a-b" = 1 }
folder = "x"
[environments."a/b"]
"#;
    assert_snapshot!(report_of(&files(&[(PROJECT_FILE, project), REALM]), &within("prod")), @r#"
 × there is no server `prodd`
  ╭─[realmform.toml:5:1]
4 │ [environments.prod]
5 │ server = "prodd"
  · ───┬──
  ·    ╰── unknown server
6 │ variables = { name = "x", "a-b" = 1 }
  ╰────
 help: did you mean `prod`?

 × `name` is no name for a variable
  ╭─[realmform.toml:6:15]
5 │ server = "prodd"
6 │ variables = { name = "x", "a-b" = 1 }
  ·               ──┬─
  ·                 ╰── expected letters, digits and `_`, and not `name`
7 │ folder = "x"
  ╰────
 help: `env.name` is the environment's name

 × `a-b` is no name for a variable
  ╭─[realmform.toml:6:27]
5 │ server = "prodd"
6 │ variables = { name = "x", "a-b" = 1 }
  ·                           ──┬──
  ·                             ╰── expected letters, digits and `_`, and not `name`
7 │ folder = "x"
  ╰────
 help: `env.name` is the environment's name

 × an environment has no `folder`
  ╭─[realmform.toml:7:1]
6 │ variables = { name = "x", "a-b" = 1 }
7 │ folder = "x"
  · ───┬──
  ·    ╰── unknown setting
8 │ [environments."a/b"]
  ╰────
 help: expected `server`, `fleet` or `variables`

 × `a/b` is no name for an environment
  ╭─[realmform.toml:8:15]
7 │ folder = "x"
8 │ [environments."a/b"]
  ·               ──┬──
  ·                 ╰── expected letters, digits, `-`, `_` and `.`, not beginning with a `.`
  ╰────
 help: its files are in environments/NAME
"#);
    assert_snapshot!(report_of(&files(&[(PROJECT_FILE, PROJECT), REALM]), &within("prood")), @r#"
× the project has no environment `prood`
help: did you mean `prod`?
"#);
}
