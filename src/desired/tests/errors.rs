//! Whole reports, as a person sees them.

use super::*;

#[test]
fn broken_toml() {
    insta::assert_snapshot!(report(&[("acme/realm.toml", "displayName = \"x\"\nenabled = yes\n")]), @r#"
 × acme/realm.toml is not valid TOML
  ╭─[acme/realm.toml:2:11]
1 │ displayName = "x"
2 │ enabled = yes
  ·           ─┬─
  ·            ╰── string values must be quoted, expected literal string
  ╰────
"#);
}

#[test]
fn a_file_that_is_not_utf8() {
    let mut files = files(&[]);
    files.insert("acme/realm.toml".into(), b"displayName = \"x\"\naccountTheme = \"gr\xfcn\"\n".to_vec());
    insta::assert_snapshot!(report_of(&files, &Options::default()), @r#"
 × acme/realm.toml is not UTF-8
  ╭─[acme/realm.toml:2:19]
1 │ displayName = "x"
2 │ accountTheme = "gr�n"
  ·                   ┬
  ·                   ╰── byte 36 is not part of any character
  ╰────
 help: TOML is UTF-8: save the file in that encoding
"#);
}

#[test]
fn a_character_that_nobody_keeps() {
    insta::assert_snapshot!(report(&[
        ("acme/clients/shop.toml", "redirectUris = [\"https://a.example\", \"https://b\\u0000.example\"]\n"),
        ("acme/realm.toml", "[roles.\"a\\u0000b\"]\n"),
    ]), @r#"
 × a text holds the character U+0000
  ╭─[acme/clients/shop.toml:1:38]
1 │ redirectUris = ["https://a.example", "https://b\u0000.example"]
  ·                                      ────────────┬────────────
  ·                                                  ╰── here
  ╰────
 help: Keycloak keeps no such text: leave the character out

 × a text holds the character U+0000
  ╭─[acme/realm.toml:1:8]
1 │ [roles."a\u0000b"]
  ·        ─────┬────
  ·             ╰── here
  ╰────
 help: Keycloak keeps no such text: leave the character out
"#);
}

#[test]
fn a_public_client_with_a_secret() {
    insta::assert_snapshot!(report(&[
        ("acme/clients/shop.toml", "publicClient = true\nsecret = { env = \"SHOP\" }\n"),
        ("acme/clients/till.toml", "publicClient = false\nsecret = { env = \"TILL\" }\n"),
    ]), @r#"
 × shop is a public client, which has no secret
  ╭─[acme/clients/shop.toml:2:1]
1 │ publicClient = true
  · ──────┬─────
  ·       ╰── public
2 │ secret = { env = "SHOP" }
  · ───┬──
  ·    ╰── the secret
  ╰────
 help: leave one of them out: the server would drop the secret
"#);
}

#[test]
fn an_empty_redirect_uri() {
    insta::assert_snapshot!(report(&[("acme/clients/shop.toml", "redirectUris = [\"/*\", \"\"]\n")]), @r#"
 × `redirectUris` has an empty text
  ╭─[acme/clients/shop.toml:1:1]
1 │ redirectUris = ["/*", ""]
  · ──────┬─────
  ·       ╰── a list with an empty text
  ╰────
 help: leave it out: the server drops it; "+" in webOrigins is every origin of the redirect URIs
"#);
}

#[test]
fn the_same_field_in_two_files() {
    insta::assert_snapshot!(report(&[
        ("acme/clients/shop.toml", "name = \"Shop\"\nenabled = true\n"),
        ("acme/realm.toml", "[clients.shop]\n# mine\nenabled = false\n"),
    ]), @r#"
 × `enabled` of acme/clients/shop is set twice
  ╭─[acme/clients/shop.toml:2:1]
1 │ name = "Shop"
2 │ enabled = true
  · ───┬───
  ·    ╰── the second time
  ╰────
 help: keep one of them: all files of a realm are read as one
 ╰─▶   ☞ the other place
        ╭─[acme/realm.toml:3:1]
      2 │ # mine
      3 │ enabled = false
        · ───┬───
        ·    ╰── the first time
        ╰────
"#);
}

#[test]
fn the_same_field_twice_in_a_file() {
    insta::assert_snapshot!(report(&[(
        "acme/realm.toml",
        "[clients.shop]\nenabled = true\nname = \"Shop\"\n\n\n\n\n[clients.other]\nenabled = true\nname = \"x\"\nenabled = false\n",
    )]), @r#"
 × `enabled` is set twice
   ╭─[acme/realm.toml:11:1]
 8 │ [clients.other]
 9 │ enabled = true
   · ───┬───
   ·    ╰── the first time
10 │ name = "x"
11 │ enabled = false
   · ───┬───
   ·    ╰── the second time
   ╰────
 help: keep one of them; a table may be opened only once in a file, so its fields belong together
"#);
    insta::assert_snapshot!(report(&[("acme/realm.toml", "[clients.shop]\nenabled = true\n[clients.shop]\nname = \"x\"\n")]), @r#"
 × `shop` is set twice
  ╭─[acme/realm.toml:3:10]
1 │ [clients.shop]
  ·          ──┬─
  ·            ╰── the first time
2 │ enabled = true
3 │ [clients.shop]
  ·          ──┬─
  ·            ╰── the second time
4 │ name = "x"
  ╰────
 help: keep one of them; a table may be opened only once in a file, so its fields belong together
"#);
    insta::assert_snapshot!(report(&[("acme/realm.toml", "attributes.a = 1\nattributes.a = 2\n")]), @r#"
 × `a` is set twice
  ╭─[acme/realm.toml:2:12]
1 │ attributes.a = 1
  ·            ┬
  ·            ╰── the first time
2 │ attributes.a = 2
  ·            ┬
  ·            ╰── the second time
  ╰────
 help: keep one of them; a table may be opened only once in a file, so its fields belong together
"#);
}

#[test]
fn wrong_types() {
    insta::assert_snapshot!(report(&[(
        "acme/realm.toml",
        r#"
accessTokenLifespan = "300"
failureFactor = "five"
enabled = "true"
displayName = 5
supportedLocales = "en"
"#,
    )]), @r#"
 × `accessTokenLifespan` has the wrong type
  ╭─[acme/realm.toml:2:1]
1 │
2 │ accessTokenLifespan = "300"
  · ─────────┬─────────
  ·          ╰── expected a whole number of seconds or a duration such as "5m", found text
3 │ failureFactor = "five"
  ╰────
 help: write 300, without quotes

 × `failureFactor` has the wrong type
  ╭─[acme/realm.toml:3:1]
2 │ accessTokenLifespan = "300"
3 │ failureFactor = "five"
  · ──────┬──────
  ·       ╰── expected a whole number, found text
4 │ enabled = "true"
  ╰────

 × `enabled` has the wrong type
  ╭─[acme/realm.toml:4:1]
3 │ failureFactor = "five"
4 │ enabled = "true"
  · ───┬───
  ·    ╰── expected true or false, found text
5 │ displayName = 5
  ╰────
 help: write true, without quotes

 × `displayName` has the wrong type
  ╭─[acme/realm.toml:5:1]
4 │ enabled = "true"
5 │ displayName = 5
  · ─────┬─────
  ·      ╰── expected text, found a whole number
6 │ supportedLocales = "en"
  ╰────
 help: write "5", with quotes

 × `supportedLocales` has the wrong type
  ╭─[acme/realm.toml:6:1]
5 │ displayName = 5
6 │ supportedLocales = "en"
  · ────────┬───────
  ·         ╰── expected a list of texts, found text
  ╰────
 help: write ["en"]
"#);
}

#[test]
fn wrong_shapes() {
    insta::assert_snapshot!(report(&[(
        "acme/realm.toml",
        r#"
attributes.customer.domain = "x"
attributes.since = 2024-01-01
webAuthnPolicySignatureAlgorithms = [1]
roles = ["a"]
clients.shop = "x"
groups = { "staff/ops" = {} }
"#,
    )]), @r#"
 × `attributes.customer` has the wrong type
  ╭─[acme/realm.toml:2:12]
1 │
2 │ attributes.customer.domain = "x"
  ·            ────┬───
  ·                ╰── expected text, found a table
3 │ attributes.since = 2024-01-01
  ╰────
 help: a name that holds dots is quoted: "customer.domain"

 × `attributes.since` has the wrong type
  ╭─[acme/realm.toml:3:12]
2 │ attributes.customer.domain = "x"
3 │ attributes.since = 2024-01-01
  ·            ──┬──
  ·              ╰── expected text, found a date
4 │ webAuthnPolicySignatureAlgorithms = [1]
  ╰────

 × `webAuthnPolicySignatureAlgorithms` has the wrong type
  ╭─[acme/realm.toml:4:38]
3 │ attributes.since = 2024-01-01
4 │ webAuthnPolicySignatureAlgorithms = [1]
  ·                                      ┬
  ·                                      ╰── expected text, found a whole number
5 │ roles = ["a"]
  ╰────
 help: write "1", with quotes

 × `roles` is a table of objects by name
  ╭─[acme/realm.toml:5:1]
4 │ webAuthnPolicySignatureAlgorithms = [1]
5 │ roles = ["a"]
  · ──┬──
  ·   ╰── expected a table, found a list
6 │ clients.shop = "x"
  ╰────
 help: write each role as [roles."<name>"]

 × the client `shop` is a table
  ╭─[acme/realm.toml:6:9]
5 │ roles = ["a"]
6 │ clients.shop = "x"
  ·         ──┬─
  ·           ╰── expected a table, found text
7 │ groups = { "staff/ops" = {} }
  ╰────
 help: a table without entries, {}, is an object with the server's defaults

 × `staff/ops` is no path of a group
  ╭─[acme/realm.toml:7:12]
6 │ clients.shop = "x"
7 │ groups = { "staff/ops" = {} }
  ·            ─────┬─────
  ·                 ╰── expected a path that starts with /, such as "/staff/ops"
  ╰────
 help: did you mean "/staff/ops"?
"#);
}

#[test]
fn unknown_fields_are_warnings_unless_strict() {
    let content = [("acme/clients/shop.toml", "redirectUri = [\"x\"]\nfrobnicate = 1\nprotocol = \"openid\"\n")];
    insta::assert_snapshot!(report(&content), @r#"
 ⚠ `redirectUri` is no known field of a client
  ╭─[acme/clients/shop.toml:1:1]
1 │ redirectUri = ["x"]
  · ─────┬─────
  ·      ╰── unknown field
2 │ frobnicate = 1
  ╰────
 help: did you mean `redirectUris`?

 ⚠ `frobnicate` is no known field of a client
  ╭─[acme/clients/shop.toml:2:1]
1 │ redirectUri = ["x"]
2 │ frobnicate = 1
  · ─────┬────
  ·      ╰── unknown field
3 │ protocol = "openid"
  ╰────
 help: if Keycloak is newer than realmform this is fine: it is sent as it is

 ⚠ `openid` is no known value of `protocol`
  ╭─[acme/clients/shop.toml:3:12]
2 │ frobnicate = 1
3 │ protocol = "openid"
  ·            ────┬───
  ·                ╰── expected `openid-connect`, `saml`, `docker-v2` or `oid4vc`
  ╰────
 help: if Keycloak is newer than realmform this is fine: it is sent as it is
"#);
    assert_eq!(loaded(&content).warnings.len(), 3);
    let strict = load(&files(&content), &Options { strict: true, ..Options::default() }).unwrap_err();
    assert_eq!(strict.errors(), 3);
    let project = (PROJECT_FILE, "name = \"x\"\nstrict = true\n");
    assert_eq!(load(&files(&[content[0], project]), &Options::default()).unwrap_err().errors(), 3);
}

#[test]
fn a_secret_as_text_is_never_shown() {
    let text = report(&[
        ("acme/clients/shop.toml", "name = \"Shop\"\nsecret = \"hunter2\"\nenabled = 1\n"),
        ("acme/realm.toml", "smtpServer = { host = 1, password = \"hunter2\" }\nenabled = 3\n"),
        ("acme/x.toml", "[clients.b]\nsecret = \"hunter2\n"),
        ("acme/y.toml", "[clients.c]\nsecert = \"hunter2\"\n"),
        (
            "acme/z.toml",
            "[clients.d]\nsecret = { env = \"A\", file = \"hunter2\" }\n[clients.e]\nsecret = { vault = \"x\" }\n",
        ),
    ]);
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!(text, @r#"
     × `secret` is a secret: it is written as a reference, never as text
      ╭─[acme/clients/shop.toml:2:1]
    1 │ name = "Shop"
    2 │ secret = "***    "
      · ───┬──
      ·    ╰── has the secret itself
    3 │ enabled = 1
      ╰────
     help: write { env = "NAME" } (an environment variable), { file = "path" } (a file outside git),
           { vault = "mount/path#key" }, { sops = "file#key" }, { generate = {} } (made once and
           kept) or { keep = true } (whatever the server holds); if this was ever committed, replace
           the secret, since git keeps it

     × `enabled` has the wrong type
      ╭─[acme/clients/shop.toml:3:1]
    2 │ secret = "***    "
    3 │ enabled = 1
      · ───┬───
      ·    ╰── expected true or false, found a whole number
      ╰────

     × `smtpServer.password` is a secret: it is written as a reference, never as text
      ╭─[acme/realm.toml:1:26]
    1 │ smtpServer = { host = 1, password = "***    " }
      ·                          ────┬───
      ·                              ╰── has the secret itself
    2 │ enabled = 3
      ╰────
     help: write { env = "NAME" } (an environment variable), { file = "path" } (a file outside git),
           { vault = "mount/path#key" }, { sops = "file#key" }, { generate = {} } (made once and
           kept) or { keep = true } (whatever the server holds); if this was ever committed, replace
           the secret, since git keeps it

     × `enabled` has the wrong type
      ╭─[acme/realm.toml:2:1]
    1 │ smtpServer = { host = 1, password = "***    " }
    2 │ enabled = 3
      · ───┬───
      ·    ╰── expected true or false, found a whole number
      ╰────

     × acme/x.toml is not valid TOML
      ╭─[acme/x.toml:2:18]
    1 │ [clients.b]
    2 │ secret = "***
      ·                  ▲
      ·                  ╰── invalid basic string, expected `"`
      ╰────

     ⚠ `secert` is no known field of a client
      ╭─[acme/y.toml:2:1]
    1 │ [clients.c]
    2 │ secert = "***    "
      · ───┬──
      ·    ╰── unknown field
      ╰────
     help: did you mean `secret`?

     × `secret` is a secret: its table has exactly one entry
      ╭─[acme/z.toml:2:1]
    1 │ [clients.d]
    2 │ secret = ***
      · ───┬──
      ·    ╰── expected `env`, `file`, `vault`, `sops`, `generate` or `keep`, found 2
    3 │ [clients.e]
      ╰────
     help: write { env = "NAME" } (an environment variable), { file = "path" } (a file outside git),
           { vault = "mount/path#key" }, { sops = "file#key" }, { generate = {} } (made once and
           kept) or { keep = true } (whatever the server holds)

     × `secret.vault` names no secret of a vault
      ╭─[acme/z.toml:4:12]
    3 │ [clients.e]
    4 │ secret = { vault = "x" }
      ·            ──┬──
      ·              ╰── expected the mount, the path and, behind a #, the key: "secret/apps/shop#password"
      ╰────
     help: write { env = "NAME" } (an environment variable), { file = "path" } (a file outside git),
           { vault = "mount/path#key" }, { sops = "file#key" }, { generate = {} } (made once and
           kept) or { keep = true } (whatever the server holds)
    "#);
}

#[test]
fn executions_that_are_not_written_right() {
    insta::assert_snapshot!(report(&[(
        "acme/realm.toml",
        r#"
[authenticationFlows.a]
executions = { authenticator = "auth-cookie" }
[authenticationFlows.b]
executions = [
  { authenticator = "auth-cookie" },
  { authenticatr = "auth-cookie", requirement = "REQUIRED" },
  { authenticator = "auth-cookie", requirement = "required" },
  { flow = "x", requirement = "REQUIRED", config = { a = 1 } },
  { flow = "x", requirement = "REQUIRED" },
  { authenticator = "a", requirement = "REQUIRED", executions = [], authenticatorConfig = "c" },
  { authenticator = "a", requirement = "REQUIRED", authenticatorConfig = "c", config = { key = { a = 1 } } },
]
"#,
    )]), @r#"
 × an execution is not written right
  ╭─[acme/realm.toml:3:14]
2 │ [authenticationFlows.a]
3 │ executions = { authenticator = "auth-cookie" }
  ·              ────────────────┬────────────────
  ·                              ╰── expected a list of executions, found a table
4 │ [authenticationFlows.b]
  ╰────
 help: write [{ authenticator = "auth-cookie", requirement = "ALTERNATIVE" }, …]

 × an execution says what it requires
  ╭─[acme/realm.toml:6:3]
5 │ executions = [
6 │   { authenticator = "auth-cookie" },
  ·   ────────────────┬────────────────
  ·                   ╰── expected requirement = `REQUIRED`, `ALTERNATIVE`, `CONDITIONAL` or `DISABLED`
7 │   { authenticatr = "auth-cookie", requirement = "REQUIRED" },
  ╰────

 × an execution has no `authenticatr`
  ╭─[acme/realm.toml:7:5]
6 │   { authenticator = "auth-cookie" },
7 │   { authenticatr = "auth-cookie", requirement = "REQUIRED" },
  ·     ──────┬─────
  ·           ╰── expected `authenticator`, `flow`, `requirement`, `description`, `executions`, `authenticatorConfig` or `config`
8 │   { authenticator = "auth-cookie", requirement = "required" },
  ╰────
 help: did you mean `authenticator`?

 × an execution is not written right
  ╭─[acme/realm.toml:8:50]
7 │   { authenticatr = "auth-cookie", requirement = "REQUIRED" },
8 │   { authenticator = "auth-cookie", requirement = "required" },
  ·                                                  ─────┬────
  ·                                                       ╰── expected `REQUIRED`, `ALTERNATIVE`, `CONDITIONAL` or `DISABLED`, found "required"
9 │   { flow = "x", requirement = "REQUIRED", config = { a = 1 } },
  ╰────

 × a sub-flow is not configured, its executions are
   ╭─[acme/realm.toml:9:43]
 8 │   { authenticator = "auth-cookie", requirement = "required" },
 9 │   { flow = "x", requirement = "REQUIRED", config = { a = 1 } },
   ·                                           ───┬──
   ·                                              ╰── `config` of a sub-flow
10 │   { flow = "x", requirement = "REQUIRED" },
   ╰────

 × two flows of acme/authenticationFlows/b are called `x`
   ╭─[acme/realm.toml:10:3]
 9 │   { flow = "x", requirement = "REQUIRED", config = { a = 1 } },
10 │   { flow = "x", requirement = "REQUIRED" },
   ·   ────────────────────┬───────────────────
   ·                       ╰── the second one
11 │   { authenticator = "a", requirement = "REQUIRED", executions = [], authenticatorConfig = "c" },
   ╰────
 help: the names of flows and sub-flows are unique in a realm

 × only a sub-flow has `executions`
   ╭─[acme/realm.toml:11:52]
10 │   { flow = "x", requirement = "REQUIRED" },
11 │   { authenticator = "a", requirement = "REQUIRED", executions = [], authenticatorConfig = "c" },
   ·                                                    ─────┬────
   ·                                                         ╰── of an authenticator
12 │   { authenticator = "a", requirement = "REQUIRED", authenticatorConfig = "c", config = { key = { a = 1 } } },
   ╰────
 help: a sub-flow has a name: flow = "…"

 × two executions have a configuration called `c`
   ╭─[acme/realm.toml:12:52]
10 │   { flow = "x", requirement = "REQUIRED" },
11 │   { authenticator = "a", requirement = "REQUIRED", executions = [], authenticatorConfig = "c" },
   ·                                                                     ─────────┬─────────
   ·                                                                              ╰── the first one
12 │   { authenticator = "a", requirement = "REQUIRED", authenticatorConfig = "c", config = { key = { a = 1 } } },
   ·                                                    ─────────┬─────────
   ·                                                             ╰── the second one
13 │ ]
   ╰────
 help: the names of configurations are unique in a realm

 × an execution is not written right
   ╭─[acme/realm.toml:12:90]
11 │   { authenticator = "a", requirement = "REQUIRED", executions = [], authenticatorConfig = "c" },
12 │   { authenticator = "a", requirement = "REQUIRED", authenticatorConfig = "c", config = { key = { a = 1 } } },
   ·                                                                                          ─┬─
   ·                                                                                           ╰── expected text, or a list of texts, found a table
13 │ ]
   ╰────
"#);
}

#[test]
fn what_is_written_elsewhere() {
    insta::assert_snapshot!(report(&[
        (
            "acme/realm.toml",
            r#"
id = "x"
identityProviderMappers = []
attributes.realmReusableOtpCode = true
[roles.default-roles-acme]
composites = ["x"]
[clients.shop]
access = {}
authorizationSettings = {}
"#,
        ),
    ]), @r#"
 × `id` is the server's own
  ╭─[acme/realm.toml:2:1]
1 │
2 │ id = "x"
  · ─┬
  ·  ╰── no file sets this of a realm
3 │ identityProviderMappers = []
  ╰────
 help: objects are known by their names, so that files fit every server

 × `identityProviderMappers` is the server's own
  ╭─[acme/realm.toml:3:1]
2 │ id = "x"
3 │ identityProviderMappers = []
  · ───────────┬───────────
  ·            ╰── no file sets this of a realm
4 │ attributes.realmReusableOtpCode = true
  ╰────
 help: write [identityProviders.<alias>.mappers.<name>]

 × the attribute `realmReusableOtpCode` is where Keycloak keeps a setting
  ╭─[acme/realm.toml:4:12]
3 │ identityProviderMappers = []
4 │ attributes.realmReusableOtpCode = true
  ·            ──────────┬─────────
  ·                      ╰── set in the wrong place
5 │ [roles.default-roles-acme]
  ╰────
 help: write the field `otpPolicyCodeReusable` of the realm

 × the composites of `default-roles-acme` are the realm's default roles
  ╭─[acme/realm.toml:6:1]
5 │ [roles.default-roles-acme]
6 │ composites = ["x"]
  · ─────┬────
  ·      ╰── set in the wrong place
7 │ [clients.shop]
  ╰────
 help: write them as `defaultRoles = […]` at the top level of the realm

 × `access` is the server's own
  ╭─[acme/realm.toml:8:1]
7 │ [clients.shop]
8 │ access = {}
  · ───┬──
  ·    ╰── no file sets this of a client
9 │ authorizationSettings = {}
  ╰────
 help: leave it out

 × `authorizationSettings` is the server's own
  ╭─[acme/realm.toml:9:1]
8 │ access = {}
9 │ authorizationSettings = {}
  · ──────────┬──────────
  ·           ╰── no file sets this of a client
  ╰────
 help: write [clients.<clientId>.authorization]
"#);
}

#[test]
fn files_in_the_wrong_place() {
    let mut content = files(&[
        ("stray.toml", ""),
        ("realmfrom.toml", ""),
        ("acme/client/shop.toml", ""),
        ("acme/clients/shop/roles.toml", ""),
        ("docs/README.md", "# hi"),
        ("README.md", "# hi"),
        ("acme/.hidden/x.toml", "]"),
        ("environments/prod/acme.toml", "]"),
    ]);
    content.insert("acme/notes.txt".into(), vec![0xff]);
    let options = Options { realm_folders: &["acme".into(), "empty".into(), ".git".into()], ..Options::default() };
    insta::assert_snapshot!(report_of(&content, &options), @r#"
× the realm folder docs has no realm file
help: write docs/realm.toml (it may be empty: a realm with Keycloak's defaults), or remove the
      folder; each folder beside realmform.toml is a realm

× the realm folder empty has no realm file
help: write empty/realm.toml (it may be empty: a realm with Keycloak's defaults), or remove the
      folder; each folder beside realmform.toml is a realm

⚠ realmfrom.toml is not read: it is in no realm's folder
help: did you mean `realmform.toml`?

⚠ stray.toml is not read: it is in no realm's folder
help: move it into the folder of the realm that it belongs to

× the path acme/client/shop.toml is no address: a realm has no `client`
 ╭─[acme/client/shop.toml:1:1]
 ╰────
help: did you mean `clients`?

× the path acme/clients/shop/roles.toml is no address: it ends with `roles`, which holds many
 ╭─[acme/clients/shop/roles.toml:1:1]
 ╰────
help: write one file for each client role, such as acme/clients/shop/roles/<name>.toml
"#);
}

#[test]
fn prune() {
    insta::assert_snapshot!(report(&[(
        "acme/realm.toml",
        r#"
prune = { client = "all", roles = "al", groups = true }
"#,
    )]), @r#"
 × `prune` has no `client`
  ╭─[acme/realm.toml:2:11]
1 │
2 │ prune = { client = "all", roles = "al", groups = true }
  ·           ───┬──
  ·              ╰── expected a collection of the realm
  ╰────
 help: did you mean `clients`?

 × `prune.roles` is `managed`, `none` or `all`
  ╭─[acme/realm.toml:2:27]
1 │
2 │ prune = { client = "all", roles = "al", groups = true }
  ·                           ──┬──
  ·                             ╰── found "al"
  ╰────
 help: did you mean `all`?

 × `prune.groups` is `managed`, `none` or `all`
  ╭─[acme/realm.toml:2:41]
1 │
2 │ prune = { client = "all", roles = "al", groups = true }
  ·                                         ───┬──
  ·                                            ╰── found true or false
  ╰────
"#);
}

#[test]
fn lifecycle() {
    insta::assert_snapshot!(report(&[(
        "acme/realm.toml",
        r#"
[clients.a]
lifecycle = { preventDestroy = 1, ignore = ["attribute.theme", 5], renamedFrom = "a", why = "x" }
[clients.b]
lifecycle.renamedFrom = "c"
[clients.c]
[groups."/x"]
lifecycle.renamedFrom = "y"
"#,
    )]), @r#"
 × `preventDestroy` has the wrong type
  ╭─[acme/realm.toml:3:15]
2 │ [clients.a]
3 │ lifecycle = { preventDestroy = 1, ignore = ["attribute.theme", 5], renamedFrom = "a", why = "x" }
  ·               ───────┬──────
  ·                      ╰── expected true or false, found a whole number
4 │ [clients.b]
  ╰────

 ⚠ `attribute` is no known field of a client
  ╭─[acme/realm.toml:3:45]
2 │ [clients.a]
3 │ lifecycle = { preventDestroy = 1, ignore = ["attribute.theme", 5], renamedFrom = "a", why = "x" }
  ·                                             ────────┬────────
  ·                                                     ╰── unknown field
4 │ [clients.b]
  ╰────
 help: did you mean `attributes`?

 × `ignore` has the wrong type
  ╭─[acme/realm.toml:3:64]
2 │ [clients.a]
3 │ lifecycle = { preventDestroy = 1, ignore = ["attribute.theme", 5], renamedFrom = "a", why = "x" }
  ·                                                                ┬
  ·                                                                ╰── expected a field such as "attributes.theme", found a whole number
4 │ [clients.b]
  ╰────

 × `renamedFrom` is the name that the object had before
  ╭─[acme/realm.toml:3:68]
2 │ [clients.a]
3 │ lifecycle = { preventDestroy = 1, ignore = ["attribute.theme", 5], renamedFrom = "a", why = "x" }
  ·                                                                    ─────┬─────
  ·                                                                         ╰── expected another name than it has now
4 │ [clients.b]
  ╰────

 × `lifecycle` has no `why`
  ╭─[acme/realm.toml:3:87]
2 │ [clients.a]
3 │ lifecycle = { preventDestroy = 1, ignore = ["attribute.theme", 5], renamedFrom = "a", why = "x" }
  ·                                                                                       ─┬─
  ·                                                                                        ╰── expected `preventDestroy`, `ignore`, `renamedFrom`, `remove` or `removeFields`
4 │ [clients.b]
  ╰────

 × acme/clients/b cannot be renamed from `c`, which is still declared
  ╭─[acme/realm.toml:5:11]
4 │ [clients.b]
5 │ lifecycle.renamedFrom = "c"
  ·           ─────┬─────
  ·                ╰── the name is taken
6 │ [clients.c]
  ·          ┬
  ·          ╰── declared here
7 │ [groups."/x"]
  ╰────
 help: remove `c`, or leave `renamedFrom` out to have both

 × `y` is no path of a group
  ╭─[acme/realm.toml:8:11]
7 │ [groups."/x"]
8 │ lifecycle.renamedFrom = "y"
  ·           ─────┬─────
  ·                ╰── expected a path that starts with /, such as "/staff/ops"
  ╰────
 help: did you mean "/y"?
"#);
}

#[test]
fn twice_in_a_list_and_no_basic() {
    insta::assert_snapshot!(report(&[(
        "acme/clients/shop.toml",
        "redirectUris = [\"a\", \"b\", \"a\"]\ndefaultClientScopes = [\"profile\"]\n",
    )]), @r#"
 ⚠ `redirectUris` lists `a` twice
  ╭─[acme/clients/shop.toml:1:27]
1 │ redirectUris = ["a", "b", "a"]
  ·                 ─┬─       ─┬─
  ·                  │         ╰── the second time
  ·                  ╰── the first time
2 │ defaultClientScopes = ["profile"]
  ╰────

 ⚠ tokens of shop will lack `sub`
  ╭─[acme/clients/shop.toml:2:1]
1 │ redirectUris = ["a", "b", "a"]
2 │ defaultClientScopes = ["profile"]
  · ─────────┬─────────
  ·          ╰── a list without `basic`
  ╰────
 help: Keycloak 25 and later put `sub` and `auth_time` into tokens by the client scope `basic`:
       add it to the list
"#);
    let quiet = [
        "protocol = \"saml\"\ndefaultClientScopes = [\"role_list\"]\n",
        "defaultClientScopes = [\"basic\"]\n",
        "defaultClientScopes = [\"x\"]\nprotocolMappers.sub.protocolMapper = \"oidc-sub-mapper\"\n",
    ];
    for text in quiet {
        assert_eq!(report(&[("acme/clients/shop.toml", text)]), "");
    }
}

#[test]
fn an_unknown_reference() {
    let loaded = loaded(&[(
        "acme/realm.toml",
        "[roles.admin]\ncomposites = [\"shop:refnd\", \"auditr\"]\n[roles.auditor]\n[clients.shop.roles.refund]\n",
    )]);
    let problems: Vec<_> = loaded
        .references
        .iter()
        .map(|reference| {
            let names = declared_names(&loaded.desired, "acme", reference.kind);
            unknown_reference(reference, names.iter().map(String::as_str))
        })
        .collect();
    insta::assert_snapshot!(render(&problems, false, 100), @r#"
 × there is no role `auditr` in the realm acme
  ╭─[acme/realm.toml:2:29]
1 │ [roles.admin]
2 │ composites = ["shop:refnd", "auditr"]
  ·                             ────┬───
  ·                                 ╰── unknown role
3 │ [roles.auditor]
  ╰────
 help: did you mean `auditor`?

 × there is no role `shop:refnd` in the realm acme
  ╭─[acme/realm.toml:2:15]
1 │ [roles.admin]
2 │ composites = ["shop:refnd", "auditr"]
  ·               ──────┬─────
  ·                     ╰── unknown role
3 │ [roles.auditor]
  ╰────
 help: did you mean `shop:refund`?
"#);
}

#[test]
fn reports_are_coloured_on_request() {
    let problems = load(&files(&[("acme/realm.toml", "enabled = 1\n")]), &Options::default()).unwrap_err();
    assert!(render(&problems.0, true, 100).contains("\u{1b}["));
    assert!(!render(&problems.0, false, 100).contains('\u{1b}'));
}
