//! The project file.

use super::*;
use crate::model::SecretRef;

#[test]
fn all_of_it() {
    let project = loaded(&[(
        PROJECT_FILE,
        r#"
        name = "platform"
        defaultServer = "prod"
        [servers.prod]
        url = "https://sso.example"
        realm = "master"
        clientId = "realmform"
        clientSecret = { env = "SECRET" }
        caFile = "ca.pem"
        timeout = "30s"
        parallelism = 4
        [servers.test]
        url = "https://test.example"
        username = "admin"
        password = { file = "/run/secrets/admin" }
        [policy]
        protectedRealms = ["master", "core"]
        preventDestroy = ["core/*", "*/users/root"]
        breakGlass = ["master/users/Rescue"]
        deleteLimit = { percent = 10, objects = 50, kinds = { clients = 10, users = 0 } }
        requireClean = true
        "#,
    )])
    .project;
    assert_eq!(project.name, "platform");
    assert_eq!(project.default_server.as_deref(), Some("prod"));
    assert_eq!(project.servers["prod"].client_secret, Some(SecretRef::Env("SECRET".to_owned())));
    assert_eq!(project.servers["prod"].timeout, Some(std::time::Duration::from_secs(30)));
    assert_eq!(project.servers["test"].password, Some(SecretRef::File("/run/secrets/admin".into())));
    let protected = vec!["master".to_owned(), "core".to_owned()];
    let kinds = [("clients".to_owned(), 10), ("users".to_owned(), 0)].into();
    let policy = Policy {
        protected_realms: protected,
        prevent_destroy: vec!["core/*".to_owned(), "*/users/root".to_owned()],
        break_glass: vec!["master/users/rescue".parse().unwrap()],
        delete_limit: DeleteLimit { percent: 10, objects: Some(50), kinds },
        paths: Vec::new(),
        require_clean: true,
    };
    assert_eq!(project.policy, policy);
}

#[test]
fn defaults() {
    let project = loaded(&[(PROJECT_FILE, "name = \"x\"\n[servers.only]\nurl = \"https://x\"\n")]).project;
    assert_eq!(project.default_server.as_deref(), Some("only"));
    assert_eq!(project.policy.protected_realms, ["master"]);
    assert_eq!(project.policy.delete_limit, DeleteLimit { percent: 30, ..DeleteLimit::default() });
}

#[test]
fn mistakes() {
    insta::assert_snapshot!(report(&[(
        PROJECT_FILE,
        r#"defaultServer = "prd"
lint = {}
[servers.prod]
realms = "x"
clientSecret = "hunter2"
password = { keep = true }
timeout = 0
"#,
    )]), @r#"
     × the project has no name
      ╭─[realmform.toml:1:1]
    1 │ defaultServer = "prd"
      · ▲
      · ╰── expected `name = "…"`
    2 │ lint = {}
      ╰────
     help: the name marks on the server what this project manages, so choose it once

     × there is no server `prd`
      ╭─[realmform.toml:1:1]
    1 │ defaultServer = "prd"
      · ──────┬──────
      ·       ╰── unknown server
    2 │ lint = {}
      ╰────
     help: did you mean `prod`?

     × `lint` is not supported by this version yet
      ╭─[realmform.toml:2:1]
    1 │ defaultServer = "prd"
    2 │ lint = {}
      · ──┬─
      ·   ╰── not supported yet
    3 │ [servers.prod]
      ╰────

     × the server `prod` has no `url`
      ╭─[realmform.toml:3:10]
    2 │ lint = {}
    3 │ [servers.prod]
      ·          ──┬─
      ·            ╰── expected `url = "https://…"`
    4 │ realms = "x"
      ╰────

     × a server has no `realms`
      ╭─[realmform.toml:4:1]
    3 │ [servers.prod]
    4 │ realms = "x"
      · ───┬──
      ·    ╰── unknown setting
    5 │ clientSecret = "***    "
      ╰────
     help: did you mean `realm`?

     × `clientSecret` is a secret: it is written as a reference, never as text
      ╭─[realmform.toml:5:1]
    4 │ realms = "x"
    5 │ clientSecret = "***    "
      · ──────┬─────
      ·       ╰── has the secret itself
    6 │ password = { keep = true }
      ╰────
     help: write { env = "NAME" } (an environment variable), { file = "path" } (a file outside git),
           { vault = "mount/path#key" }, { sops = "file#key" }, { generate = {} } (made once and
           kept) or { keep = true } (whatever the server holds); if this was ever committed, replace
           the secret, since git keeps it

     × `password` is needed to sign in
      ╭─[realmform.toml:6:1]
    5 │ clientSecret = "***    "
    6 │ password = { keep = true }
      · ────┬───
      ·     ╰── there is nothing on the server to keep
    7 │ timeout = 0
      ╰────
     help: write { env = "NAME" }, { file = "path" } or where else it comes from

     × `timeout` has the wrong value
      ╭─[realmform.toml:7:1]
    6 │ password = { keep = true }
    7 │ timeout = 0
      · ───┬───
      ·    ╰── expected a number of seconds or a duration such as "30s"
      ╰────
    "#);
}

#[test]
fn guards_that_guard_nothing() {
    insta::assert_snapshot!(report(&[(
        PROJECT_FILE,
        r#"name = "x"
[policy]
preventDestroy = ["acme/clients/*", "acme/client/*", "/roles/*"]
breakGlass = ["acme/users/rescue", "rescue", "acme/roles/rescue"]
deleteLimit = { percents = 3, objects = "many", kinds = { client = 1, roles = -1 } }
"#,
    )]), @r#"
 × `acme/client/*` is no address: a realm has no `client`
  ╭─[realmform.toml:3:37]
2 │ [policy]
3 │ preventDestroy = ["acme/clients/*", "acme/client/*", "/roles/*"]
  ·                                     ───────┬───────
  ·                                            ╰── guards nothing
4 │ breakGlass = ["acme/users/rescue", "rescue", "acme/roles/rescue"]
  ╰────
 help: did you mean `clients`?

 × `/roles/*` is no address
  ╭─[realmform.toml:3:54]
2 │ [policy]
3 │ preventDestroy = ["acme/clients/*", "acme/client/*", "/roles/*"]
  ·                                                      ─────┬────
  ·                                                           ╰── guards nothing
4 │ breakGlass = ["acme/users/rescue", "rescue", "acme/roles/rescue"]
  ╰────
 help: expected an address such as acme/clients/shop, in which `*` stands for any text

 × `rescue` is no address of a user
  ╭─[realmform.toml:4:36]
3 │ preventDestroy = ["acme/clients/*", "acme/client/*", "/roles/*"]
4 │ breakGlass = ["acme/users/rescue", "rescue", "acme/roles/rescue"]
  ·                                    ────┬───
  ·                                        ╰── guards nobody
5 │ deleteLimit = { percents = 3, objects = "many", kinds = { client = 1, roles = -1 } }
  ╰────
 help: expected a realm and a user name, such as "master/users/rescue"

 × `acme/roles/rescue` is no address of a user
  ╭─[realmform.toml:4:46]
3 │ preventDestroy = ["acme/clients/*", "acme/client/*", "/roles/*"]
4 │ breakGlass = ["acme/users/rescue", "rescue", "acme/roles/rescue"]
  ·                                              ─────────┬─────────
  ·                                                       ╰── guards nobody
5 │ deleteLimit = { percents = 3, objects = "many", kinds = { client = 1, roles = -1 } }
  ╰────
 help: expected a realm and a user name, such as "master/users/rescue"

 × `deleteLimit` has no `percents`
  ╭─[realmform.toml:5:17]
4 │ breakGlass = ["acme/users/rescue", "rescue", "acme/roles/rescue"]
5 │ deleteLimit = { percents = 3, objects = "many", kinds = { client = 1, roles = -1 } }
  ·                 ────┬───
  ·                     ╰── unknown setting
  ╰────
 help: did you mean `percent`?

 × `objects` has the wrong value
  ╭─[realmform.toml:5:31]
4 │ breakGlass = ["acme/users/rescue", "rescue", "acme/roles/rescue"]
5 │ deleteLimit = { percents = 3, objects = "many", kinds = { client = 1, roles = -1 } }
  ·                               ───┬───
  ·                                  ╰── expected a whole number from 0 to 1000000, found text
  ╰────

 × a realm has no `client`
  ╭─[realmform.toml:5:59]
4 │ breakGlass = ["acme/users/rescue", "rescue", "acme/roles/rescue"]
5 │ deleteLimit = { percents = 3, objects = "many", kinds = { client = 1, roles = -1 } }
  ·                                                           ───┬──
  ·                                                              ╰── unknown collection
  ╰────
 help: did you mean `clients`?

 × `roles` has the wrong value
  ╭─[realmform.toml:5:71]
4 │ breakGlass = ["acme/users/rescue", "rescue", "acme/roles/rescue"]
5 │ deleteLimit = { percents = 3, objects = "many", kinds = { client = 1, roles = -1 } }
  ·                                                                       ──┬──
  ·                                                                         ╰── expected a whole number from 0 to 1000000
  ╰────
"#);
}

/// The platform has the realm, a team its clients, and of these one more is the platform's.
const PATHS: &str = r#"name = "x"
[[policy.paths]]
files = "acme/team.toml"
allow = ["clients", "roles"]
[[policy.paths]]
files = "acme/clients/"
allow = ["clients"]
[[policy.paths]]
files = "acme/clients/admin*"
allow = []
"#;

#[test]
fn files_declare_what_the_policy_allows() {
    let platform = "displayName = \"ACME\"\n[groups.\"/staff\"]\n";
    let files = [
        (PROJECT_FILE, PATHS),
        ("acme/realm.toml", platform),
        ("acme/team.toml", "[clients.shop]\n[roles.buyer]\n"),
        ("acme/clients/store.toml", "[roles.refund]\n"),
        ("acme/roles/clerk.toml", ""),
    ];
    assert!(loaded(&files).warnings.iter().all(|warning| warning.to_string().contains("admin*")));
}

#[test]
fn files_declare_nothing_else() {
    insta::assert_snapshot!(report(&[
        (PROJECT_FILE, PATHS),
        ("acme/realm.toml", ""),
        ("acme/team.toml", "realm = \"acme\"\nsslRequired = \"none\"\n[clients.shop]\n[users.root]\n[users.other]\n"),
        ("acme/clients/admin.toml", "name = \"Admin\"\n"),
    ]), @r#"
 × acme/clients/admin.toml may not declare `clients`
  ╭─[acme/clients/admin.toml:1:1]
1 │ name = "Admin"
  · ▲
  · ╰── not allowed in this file
  ╰────
 help: the policy allows it nothing; write this in a file of those who may
 ╰─▶   ☞ the other place
         ╭─[realmform.toml:9:1]
       8 │ [[policy.paths]]
       9 │ files = "acme/clients/admin*"
         · ──┬──
         ·   ╰── the rule
      10 │ allow = []
         ╰────

 × acme/team.toml may not declare `settings`
  ╭─[acme/team.toml:1:1]
1 │ realm = "acme"
  · ──┬──
  ·   ╰── one of the realm's settings
2 │ sslRequired = "none"
  ╰────
 help: the policy allows it `clients` or `roles`; write this in a file of those who may
 ╰─▶   ☞ the other place
        ╭─[realmform.toml:3:1]
      2 │ [[policy.paths]]
      3 │ files = "acme/team.toml"
        · ──┬──
        ·   ╰── the rule
      4 │ allow = ["clients", "roles"]
        ╰────

 × acme/team.toml may not declare `users`
  ╭─[acme/team.toml:4:2]
3 │ [clients.shop]
4 │ [users.root]
  ·  ──┬──
  ·    ╰── not allowed in this file
5 │ [users.other]
  ╰────
 help: the policy allows it `clients` or `roles`; write this in a file of those who may
 ╰─▶   ☞ the other place
        ╭─[realmform.toml:3:1]
      2 │ [[policy.paths]]
      3 │ files = "acme/team.toml"
        · ──┬──
        ·   ╰── the rule
      4 │ allow = ["clients", "roles"]
        ╰────
"#);
    insta::assert_snapshot!(report(&[
        (PROJECT_FILE, "name = \"x\"\n[[policy.paths]]\nfiles = \"tenant-*/\"\nallow = [\"clients\"]\n"),
        ("tenant-a/clients/shop.toml", ""),
    ]), @r#"
× no file may declare the realm tenant-a
 ╭─[tenant-a/clients/shop.toml:1:1]
 ╰────
help: a realm takes a file that the policy allows `settings`, even if it is empty
"#);
}

#[test]
fn mistakes_in_path_rules() {
    insta::assert_snapshot!(report(&[
        (
            PROJECT_FILE,
            r#"name = "x"
[[policy.paths]]
files = "!acme/**"
allow = ["client"]
[[policy.paths]]
file = "acme/**"
allow = []
[[policy.paths]]
files = "amce/**"
allow = ["settings"]
"#,
        ),
        ("acme/realm.toml", ""),
    ]), @r#"
 × `!acme/**` is no pattern of files
  ╭─[realmform.toml:3:1]
2 │ [[policy.paths]]
3 │ files = "!acme/**"
  · ──┬──
  ·   ╰── guards nothing
4 │ allow = ["client"]
  ╰────
 help: write it as in CODEOWNERS, relative to the project's folder: "tenant-*/**"; the last rule
       that matches counts

 × a realm has no `client`
  ╭─[realmform.toml:4:10]
3 │ files = "!acme/**"
4 │ allow = ["client"]
  ·          ────┬───
  ·              ╰── allows nothing
5 │ [[policy.paths]]
  ╰────
 help: did you mean `clients`?

 × a rule of `paths` has no `files`
  ╭─[realmform.toml:5:1]
4 │ allow = ["client"]
5 │ [[policy.paths]]
  · ────────┬───────
  ·         ╰── expected `files = "…"` and `allow = […]`
6 │ file = "acme/**"
  ╰────

 × a rule of `paths` has no `file`
  ╭─[realmform.toml:6:1]
5 │ [[policy.paths]]
6 │ file = "acme/**"
  · ──┬─
  ·   ╰── unknown setting
7 │ allow = []
  ╰────
 help: did you mean `files`?

 ⚠ `amce/**` is no file of the project
   ╭─[realmform.toml:9:1]
 8 │ [[policy.paths]]
 9 │ files = "amce/**"
   · ──┬──
   ·   ╰── guards nothing
10 │ allow = ["settings"]
   ╰────
 help: a rule of `paths` is relative to the project's folder, as in "tenant-*/**"
"#);
}

#[test]
fn mistakes_in_the_policy() {
    insta::assert_snapshot!(report(&[(
        PROJECT_FILE,
        r#"name = "x"
[environments.test]
[policy]
protectedRealm = ["master"]
deleteLimit = 300
"#,
    )]), @r#"
 × `policy` has no `protectedRealm`
  ╭─[realmform.toml:4:1]
3 │ [policy]
4 │ protectedRealm = ["master"]
  · ───────┬──────
  ·        ╰── unknown setting
5 │ deleteLimit = 300
  ╰────
 help: did you mean `protectedRealms`?

 × `deleteLimit` has the wrong value
  ╭─[realmform.toml:5:1]
4 │ protectedRealm = ["master"]
5 │ deleteLimit = 300
  · ─────┬─────
  ·      ╰── expected a whole number from 0 to 100
  ╰────
"#);
    insta::assert_snapshot!(report(&[(PROJECT_FILE, "name = \"a b\"\n")]), @r#"
 × this is no name for a project
  ╭─[realmform.toml:1:1]
1 │ name = "a b"
  · ──┬─
  ·   ╰── expected up to 100 letters, digits, `.`, `_` and `-`
  ╰────
 help: it becomes part of a clientId on the server
"#);
    insta::assert_snapshot!(report_of(&BTreeMap::new(), &Options::default()), @r#"
× there is no realmform.toml
help: `realmform init` writes one; the folder that holds realmform.toml is the project
"#);
}
