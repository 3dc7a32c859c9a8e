//! Where secrets are looked up: `[secrets]` of the project file.

use std::time::Duration;

use super::*;
use crate::model::SecretRef;

fn sources(toml: &str) -> SecretSources {
    loaded(&[(PROJECT_FILE, &format!("name = \"x\"\n{toml}"))]).project.secrets
}

fn refused(toml: &str) -> String {
    report(&[(PROJECT_FILE, &format!("name = \"x\"\n{toml}"))])
}

#[test]
fn all_of_it() {
    let read = sources(
        r#"
        [secrets.vault]
        address = "https://vault.example:8200"
        namespace = "team"
        caFile = "vault.pem"
        [secrets.vault.auth.approle]
        mount = "machines/approle"
        roleId = { env = "ROLE" }
        secretId = { file = "/run/secrets/id" }
        [secrets.provider.op]
        command = ["op", "read", "--account={}", "op://{}"]
        timeout = "2m"
        [secrets.provider.pass]
        command = ["pass", "{}"]
        "#,
    );
    let auth = VaultAuth::AppRole {
        mount: "machines/approle".to_owned(),
        role_id: SecretRef::Env("ROLE".to_owned()),
        secret_id: Some(SecretRef::File("/run/secrets/id".into())),
    };
    let vault = VaultServer {
        address: Some("https://vault.example:8200".to_owned()),
        namespace: Some("team".to_owned()),
        ca_file: Some("vault.pem".into()),
        auth,
    };
    let program = |command: &[&str], seconds| SecretProgram {
        command: command.iter().map(|&part| part.to_owned()).collect(),
        timeout: Duration::from_secs(seconds),
    };
    let op = program(&["op", "read", "--account={}", "op://{}"], 120);
    let programs = [("op".to_owned(), op), ("pass".to_owned(), program(&["pass", "{}"], 30))].into();
    assert_eq!(read, SecretSources { vault, programs });
}

#[test]
fn ways_to_sign_in() {
    let jwt = |mount: &str, jwt| VaultAuth::Jwt { mount: mount.to_owned(), role: "r".to_owned(), jwt };
    let account = SecretRef::File("/var/run/secrets/kubernetes.io/serviceaccount/token".into());
    let of_env = || SecretRef::Env("E".to_owned());
    let approle = VaultAuth::AppRole { mount: "approle".to_owned(), role_id: of_env(), secret_id: None };
    for (toml, expected) in [
        ("", VaultAuth::Token(None)),
        (r#"auth.token = { env = "E" }"#, VaultAuth::Token(Some(of_env()))),
        (r#"auth.approle = { roleId = { env = "E" } }"#, approle),
        (r#"auth.kubernetes = { role = "r" }"#, jwt("kubernetes", account)),
        (r#"auth.kubernetes = { role = "r", jwt = { env = "E" }, mount = "k" }"#, jwt("k", of_env())),
        (r#"auth.jwt = { role = "r", jwt = { env = "E" } }"#, jwt("jwt", of_env())),
    ] {
        assert_eq!(sources(&format!("[secrets.vault]\n{toml}")).vault.auth, expected, "{toml}");
    }
}

#[test]
fn a_server_may_take_its_secret_from_them() {
    let project = loaded(&[(
        PROJECT_FILE,
        r#"
        name = "x"
        [servers.prod]
        url = "https://sso.example"
        clientSecret = { op = "keycloak/secret" }
        password = { vault = "kv/keycloak#password" }
        [secrets.provider.op]
        command = ["op", "read", "{}"]
        "#,
    )])
    .project;
    let program = SecretRef::Program { provider: "op".to_owned(), key: "keycloak/secret".to_owned() };
    assert_eq!(project.servers["prod"].client_secret, Some(program));
}

#[test]
fn mistakes_about_the_vault() {
    insta::assert_snapshot!(refused(r#"[secrets]
valut = {}
[secrets.vault]
adress = "https://vault.example"
caFile = 5
token = "hunter2"
"#), @r#"
     × `secrets` has no `valut`
      ╭─[realmform.toml:3:1]
    2 │ [secrets]
    3 │ valut = {}
      · ──┬──
      ·   ╰── unknown setting
    4 │ [secrets.vault]
      ╰────
     help: did you mean `vault`?

     × `secrets.vault` has no `adress`
      ╭─[realmform.toml:5:1]
    4 │ [secrets.vault]
    5 │ adress = "https://vault.example"
      · ───┬──
      ·    ╰── unknown setting
    6 │ caFile = 5
      ╰────
     help: did you mean `address`?

     × `caFile` has the wrong value
      ╭─[realmform.toml:6:1]
    5 │ adress = "https://vault.example"
    6 │ caFile = 5
      · ───┬──
      ·    ╰── expected text
    7 │ token = "***    "
      ╰────

     × `secrets.vault` has no `token`
      ╭─[realmform.toml:7:1]
    6 │ caFile = 5
    7 │ token = "***    "
      · ──┬──
      ·   ╰── unknown setting
      ╰────
     help: expected `address`, `namespace`, `caFile` or `auth`
    "#);
}

#[test]
fn mistakes_about_the_way_to_sign_in() {
    insta::assert_snapshot!(refused("secrets.vault.auth = {}\n"), @r#"
     × there is one way to sign in to the vault
      ╭─[realmform.toml:2:15]
    1 │ name = "x"
    2 │ secrets.vault.auth = {}
      ·               ──┬─
      ·                 ╰── expected `token`, `approle`, `kubernetes` or `jwt`, found 0
      ╰────
    "#);
    insta::assert_snapshot!(refused("[secrets.vault.auth]\ntoken = { env = \"A\" }\njwt = {}\n"), @r#"
     × there is one way to sign in to the vault
      ╭─[realmform.toml:2:16]
    1 │ name = "x"
    2 │ [secrets.vault.auth]
      ·                ──┬─
      ·                  ╰── expected `token`, `approle`, `kubernetes` or `jwt`, found 2
    3 │ token = { env = "A" }
      ╰────
    "#);
    insta::assert_snapshot!(refused("secrets.vault.auth.aprole = {}\n"), @r#"
     × `secrets.vault.auth` has no `aprole`
      ╭─[realmform.toml:2:20]
    1 │ name = "x"
    2 │ secrets.vault.auth.aprole = {}
      ·                    ───┬──
      ·                       ╰── unknown setting
      ╰────
     help: did you mean `approle`?
    "#);
    insta::assert_snapshot!(refused("secrets.vault.auth.token = \"hunter2\"\n"), @r#"
     × `token` is needed to sign in to the vault
      ╭─[realmform.toml:2:20]
    1 │ name = "x"
    2 │ secrets.vault.auth.token = "***    "
      ·                    ──┬──
      ·                      ╰── expected { env = "NAME" } or { file = "path" }
      ╰────
     help: if this was ever committed, replace the secret, since git keeps it
    "#);
    insta::assert_snapshot!(refused("secrets.vault.auth.token = { vault = \"kv/a#b\" }\n"), @r#"
     × `token` is needed to sign in to the vault
      ╭─[realmform.toml:2:20]
    1 │ name = "x"
    2 │ secrets.vault.auth.token = { vault = "kv/a#b" }
      ·                    ──┬──
      ·                      ╰── expected { env = "NAME" } or { file = "path" }
      ╰────
    "#);
}

#[test]
fn mistakes_about_what_a_way_to_sign_in_is_told() {
    insta::assert_snapshot!(refused("secrets.vault.auth.approle = { role = \"a\", secretId = { keep = true } }\n"), @r#"
     × `secrets.vault.auth.approle` has no `roleId`
      ╭─[realmform.toml:2:20]
    1 │ name = "x"
    2 │ secrets.vault.auth.approle = { role = "a", secretId = { keep = true } }
      ·                    ───┬───
      ·                       ╰── expected `roleId = …`
      ╰────

     × `secrets.vault.auth.approle` has no `role`
      ╭─[realmform.toml:2:32]
    1 │ name = "x"
    2 │ secrets.vault.auth.approle = { role = "a", secretId = { keep = true } }
      ·                                ──┬─
      ·                                  ╰── unknown setting
      ╰────
     help: expected `roleId`, `secretId` or `mount`

     × `secretId` is needed to sign in to the vault
      ╭─[realmform.toml:2:44]
    1 │ name = "x"
    2 │ secrets.vault.auth.approle = { role = "a", secretId = { keep = true } }
      ·                                            ────┬───
      ·                                                ╰── expected { env = "NAME" } or { file = "path" }
      ╰────
    "#);
    let texts = refused("secrets.vault.auth.approle = { roleId = \"hunter2\", secretId = \"hunter3\" }\n");
    assert!(!texts.contains("hunter"), "{texts}");
    insta::assert_snapshot!(refused("secrets.vault.auth.token = { env = 5 }\n"), @r#"
     × `token.env` names no environment variable
      ╭─[realmform.toml:2:30]
    1 │ name = "x"
    2 │ secrets.vault.auth.token = { env = 5 }
      ·                              ─┬─
      ·                               ╰── expected its name
      ╰────
     help: write { env = "NAME" } (an environment variable), { file = "path" } (a file outside git),
           { vault = "mount/path#key" }, { sops = "file#key" }, { generate = {} } (made once and
           kept) or { keep = true } (whatever the server holds)
    "#);
    insta::assert_snapshot!(refused("secrets.vault.auth.jwt = { mount = \"ci\" }\n"), @r#"
     × `secrets.vault.auth.jwt` has no `jwt`
      ╭─[realmform.toml:2:20]
    1 │ name = "x"
    2 │ secrets.vault.auth.jwt = ***
      ·                    ─┬─
      ·                     ╰── expected `jwt = …`
      ╰────

     × `secrets.vault.auth.jwt` has no `role`
      ╭─[realmform.toml:2:20]
    1 │ name = "x"
    2 │ secrets.vault.auth.jwt = ***
      ·                    ─┬─
      ·                     ╰── expected `role = …`
      ╰────
    "#);
    insta::assert_snapshot!(refused("secrets.vault.auth.kubernetes = { jwt = { generate = {} } }\n"), @r#"
     × `secrets.vault.auth.kubernetes` has no `role`
      ╭─[realmform.toml:2:20]
    1 │ name = "x"
    2 │ secrets.vault.auth.kubernetes = { jwt = { generate = {} } }
      ·                    ─────┬────
      ·                         ╰── expected `role = …`
      ╰────

     × `jwt` is needed to sign in to the vault
      ╭─[realmform.toml:2:35]
    1 │ name = "x"
    2 │ secrets.vault.auth.kubernetes = { jwt = { generate = {} } }
      ·                                   ─┬─
      ·                                    ╰── expected { env = "NAME" } or { file = "path" }
      ╰────
    "#);
}

#[test]
fn mistakes_about_programs() {
    insta::assert_snapshot!(refused(r#"[secrets.provider]
vault = { command = ["a", "{}"] }
Op = { command = ["a", "{}"] }
none = {}
text = { command = "op read {}" }
empty = { command = [] }
first = { command = ["{}"] }
never = { command = ["op", "read"], timeout = 0, shell = true }
"#), @r#"
     × `vault` is no name for a program that gives secrets
      ╭─[realmform.toml:3:1]
    2 │ [secrets.provider]
    3 │ vault = { command = ["a", "{}"] }
      · ──┬──
      ·   ╰── expected letters, digits, `-` and `_`, beginning with a lower-case letter
    4 │ Op = { command = ["a", "{}"] }
      ╰────
     help: env, file, vault, sops, generate, keep are taken

     × `Op` is no name for a program that gives secrets
      ╭─[realmform.toml:4:1]
    3 │ vault = { command = ["a", "{}"] }
    4 │ Op = { command = ["a", "{}"] }
      · ─┬
      ·  ╰── expected letters, digits, `-` and `_`, beginning with a lower-case letter
    5 │ none = {}
      ╰────
     help: env, file, vault, sops, generate, keep are taken

     × the program `none` has no `command`
      ╭─[realmform.toml:5:1]
    4 │ Op = { command = ["a", "{}"] }
    5 │ none = {}
      · ──┬─
      ·   ╰── expected `command = ["program", "{}"]`
    6 │ text = { command = "op read {}" }
      ╰────

     × `command` has the wrong value
      ╭─[realmform.toml:6:10]
    5 │ none = {}
    6 │ text = { command = "op read {}" }
      ·          ───┬───
      ·             ╰── expected a list of texts, found text
    7 │ empty = { command = [] }
      ╰────

     × the command is not told which secret is meant
      ╭─[realmform.toml:7:11]
    6 │ text = { command = "op read {}" }
    7 │ empty = { command = [] }
      ·           ───┬───
      ·              ╰── expected `{}` in one of the arguments
    8 │ first = { command = ["{}"] }
      ╰────
     help: ["op", "read", "{}"] reads what { op = "op://shop/client/secret" } names

     × the command is not told which secret is meant
      ╭─[realmform.toml:8:11]
    7 │ empty = { command = [] }
    8 │ first = { command = ["{}"] }
      ·           ───┬───
      ·              ╰── expected `{}` in one of the arguments
    9 │ never = { command = ["op", "read"], timeout = 0, shell = true }
      ╰────
     help: ["op", "read", "{}"] reads what { op = "op://shop/client/secret" } names

     × the command is not told which secret is meant
      ╭─[realmform.toml:9:11]
    8 │ first = { command = ["{}"] }
    9 │ never = { command = ["op", "read"], timeout = 0, shell = true }
      ·           ───┬───
      ·              ╰── expected `{}` in one of the arguments
      ╰────
     help: ["op", "read", "{}"] reads what { op = "op://shop/client/secret" } names

     × `timeout` has the wrong value
      ╭─[realmform.toml:9:37]
    8 │ first = { command = ["{}"] }
    9 │ never = { command = ["op", "read"], timeout = 0, shell = true }
      ·                                     ───┬───
      ·                                        ╰── expected a number of seconds or a duration such as "30s"
      ╰────

     × a program that gives secrets has no `shell`
      ╭─[realmform.toml:9:50]
    8 │ first = { command = ["{}"] }
    9 │ never = { command = ["op", "read"], timeout = 0, shell = true }
      ·                                                  ──┬──
      ·                                                    ╰── unknown setting
      ╰────
     help: expected `command` or `timeout`
    "#);
}
