//! Handing over into a real vault.

use reqwest::Method;
use serde_json::{Value, json};

use crate::secrets::bao::{Bao, shared};
use crate::support::project::{Output, Project};
use crate::support::run::block;

const OUTPUTS: &str = r#"name = "NAME"
[outputs.web]
of = "NAME/clients/web"
env = { ID = "{{ client.id }}", SECRET = "{{ client.secret }}" }
vault = "NAME-KV/apps/web"
[outputs.text]
of = "NAME/clients/web"
template = "{{ client.id }} of {{ realm }}"
vault = "NAME-KV/apps/text#whole"
"#;

/// A project that hands over into an engine of this version, with a token that may do so.
fn project(name: &str, version: u8, capabilities: &str) -> Option<(Project, &'static Bao)> {
    let bao = shared()?;
    let mut project = Project::new(name);
    project.write("realmform.toml", &OUTPUTS.replace("NAME", name));
    project.write_realm("[clients.web]\nsecret = { generate = {} }\n");
    project.set("VAULT_ADDR", &bao.url);
    block(async {
        bao.mount(&format!("{name}-KV"), version).await;
        let policy = format!("path \"{name}-KV/*\" {{ capabilities = [{capabilities}] }}");
        bao.write(&format!("sys/policies/acl/{name}"), json!({ "policy": policy })).await;
        project.set("VAULT_TOKEN", &bao.token(name, 300).await);
    });
    Some((project, bao))
}

const ALL: &str = "\"create\", \"read\", \"update\", \"delete\"";

/// In a vault, which all machines see, the one token is kept for all of them.
#[test]
fn another_machine_keeps_a_registration_token() {
    let name = "outputs-kv-token";
    let Some((project, bao)) = project(name, 2, ALL) else { return };
    let web = "env = { ID = \"{{ client.id }}\", SECRET = \"{{ client.registrationAccessToken }}\" }\nfile = \".handed/web.env\"";
    let web = OUTPUTS.replace("env = { ID = \"{{ client.id }}\", SECRET = \"{{ client.secret }}\" }", web);
    project.write("realmform.toml", &web.replace("NAME", name));
    let at = format!("{name}-KV/data/apps/web");
    assert!(project.apply().stdout.contains(": registration access token of outputs-kv-token/clients/web issued\n"));
    let first = read(bao, &at).0["SECRET"].as_str().unwrap().to_owned();
    let uri = format!("{}/realms/{name}/clients-registrations/openid-connect/web", crate::support::access().http_url);
    let is_good = || project.admin().registration(&uri, &first, None).0 == 200;

    let mut other = Project::beside(name);
    other.write("realmform.toml", &web.replace("NAME", name));
    other.write_realm("[clients.web]\nsecret = { generate = {} }\nname = \"Web\"\n");
    other.set("VAULT_ADDR", &bao.url);
    // It may be in a vault that lets nobody look.
    other.set("VAULT_TOKEN", "wrong");
    let ran = other.run(&["apply", "--yes"]);
    assert!(ran.status == 6 && !ran.stdout.contains("issued") && is_good(), "{ran:?}");
    block(async { other.set("VAULT_TOKEN", &bao.token(name, 300).await) });
    let ran = other.apply();
    assert!(!ran.stdout.contains("issued") && is_good(), "{ran:?}");
    let handed = std::fs::read_to_string(other.folder().join(".handed/web.env")).unwrap();
    assert_eq!(handed, format!("ID=web\nSECRET={first}\n"));
    assert_eq!(read(bao, &at).0["SECRET"], first.as_str());
}

/// What a secret holds, and its version where it has versions.
fn read(bao: &Bao, path: &str) -> (Value, Value) {
    let (_, answer) = block(bao.ask("", Method::GET, path, Value::Null));
    let data = answer["data"].clone();
    if data["metadata"].is_object() {
        (data["data"].clone(), data["metadata"]["version"].clone())
    } else {
        (data, Value::Null)
    }
}

fn secret(project: &Project) -> String {
    let admin = project.admin();
    let secret = admin.get(&format!("clients/{}/client-secret", admin.client("web")))["value"].clone();
    secret.as_str().unwrap().to_owned()
}

fn lines(ran: &Output) -> Vec<&str> {
    ran.stdout.lines().filter(|line| line.starts_with("output ")).collect()
}

#[test]
fn both_engines_hold_what_is_handed_over() {
    for version in [1, 2] {
        let name = format!("outputs-kv-{version}");
        let Some((project, bao)) = project(&name, version, ALL) else { return };
        let at = |path: &str| format!("{name}-KV/{}{path}", if version == 2 { "data/" } else { "" });
        let body = |data: Value| if version == 2 { json!({ "data": data }) } else { data };
        // Others have keys there, too.
        block(bao.write(&at("apps/web"), body(json!({ "note": "ours", "deep": { "a": [1] }, "SECRET": "old" }))));
        let plan = project.run(&["plan"]);
        assert!(plan.stdout.contains(&format!("+ output web → vault:{name}-KV/apps/web#SECRET  {name}/clients/web\n")));
        let ran = project.apply();
        let expected = [("text", "text#whole"), ("web", "web#ID"), ("web", "web#SECRET")];
        let expected = expected.map(|(output, to)| format!("output {output}: vault:{name}-KV/apps/{to} written"));
        assert_eq!(lines(&ran), expected);
        let whole = json!({ "note": "ours", "deep": { "a": [1] }, "ID": "web", "SECRET": secret(&project) });
        let (data, first) = read(bao, &at("apps/web"));
        assert_eq!(data, whole);
        assert_eq!(read(bao, &at("apps/text")).0, json!({ "whole": format!("web of {name}") }));

        // What is up to date is not written again: there would be another version.
        let ran = project.run(&["apply", "--yes"]);
        assert!(ran.status == 0 && lines(&ran).is_empty(), "{ran:?}");
        assert_eq!(read(bao, &at("apps/web")), (data, first));
        let listed = project.run(&["output"]).stdout;
        assert_eq!(listed.matches("  up to date\n").count(), 3, "{listed}");

        // One that somebody lost or changed is written again; a new secret goes there at once.
        block(bao.delete(&at("apps/text")));
        block(bao.write(&at("apps/web"), body(json!({ "note": "ours", "SECRET": "guess" }))));
        let listed = project.run(&["output"]).stdout;
        assert!(listed.contains("#SECRET  not up to date\n") && listed.contains("#whole  not there\n"), "{listed}");
        let ran = project.run(&["output", "--write"]);
        assert_eq!(lines(&ran), expected, "{ran:?}");
        let ran = project.apply_with(&["--rotate", &format!("{name}/clients/web")]);
        assert_eq!(lines(&ran), [&expected[2]], "{ran:?}");
        assert_eq!(read(bao, &at("apps/web")).0, json!({ "note": "ours", "ID": "web", "SECRET": secret(&project) }));

        // What is taken back leaves the keys of others, and what others wrote.
        block(bao.write(&at("apps/web"), body(json!({ "note": "ours", "ID": "web", "SECRET": "theirs" }))));
        project.write("realmform.toml", &format!("name = \"{name}\"\n"));
        let ran = project.apply();
        assert_eq!(
            lines(&ran),
            [
                format!("output text: vault:{name}-KV/apps/text#whole removed"),
                format!("output web: vault:{name}-KV/apps/web#ID removed")
            ]
        );
        assert!(ran.stderr.contains("#SECRET is left where it is: it is no longer what was handed over"), "{ran:?}");
        assert_eq!(read(bao, &at("apps/web")).0, json!({ "note": "ours", "SECRET": "theirs" }));
        let (status, _) = block(bao.ask("", Method::GET, &at("apps/text"), Value::Null));
        assert_eq!(status, 404);
        if version == 2 {
            // Deleted, and not destroyed.
            block(bao.write(&format!("{name}-KV/undelete/apps/text"), json!({ "versions": [2] })));
            assert_eq!(read(bao, &at("apps/text")).0, json!({ "whole": format!("web of {name}") }));
        }
    }
}

#[test]
fn a_vault_that_does_not_take_it_is_told() {
    let Some((mut project, bao)) = project("outputs-kv-denied", 2, "\"read\"") else { return };
    let ran = project.run(&["apply", "--yes"]);
    assert_eq!(ran.status, 6, "{ran:?}");
    let told: Vec<&str> =
        ran.stderr.lines().filter(|line| line.contains("vault") || line.starts_with("hint")).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
error: output text: the vault does not let this token write outputs-kv-denied-KV/apps/text: permission denied
error: output web: the vault does not let this token write outputs-kv-denied-KV/apps/web: permission denied
hint: a policy of the token must allow `create`, `update` and `delete` there, for KV version 2 on <mount>/data/<path>
hint: run `realmform apply` again: it goes on where this run stopped
"#);
    // The realm is as it should be, and the plan says what is left.
    let plan = project.run(&["plan"]);
    assert!(plan.stdout.ends_with("matches its files. Outputs: 3 to write.\n"), "{plan:?}");
    for (variable, value) in [("VAULT_TOKEN", "wrong"), ("VAULT_ADDR", "http://127.0.0.1:1"), ("VAULT_ADDR", "")] {
        project.set(variable, value);
        let ran = project.run(&["apply", "--yes"]);
        assert_eq!(ran.status, 6, "{ran:?}");
        // One reason is told once.
        assert_eq!(ran.stderr.matches("error: outputs text, web: ").count(), 1, "{ran:?}");
    }
    project.set("VAULT_ADDR", &bao.url);
    project.set("VAULT_TOKEN", &bao.root);
    project.apply();
    // A client that is deleted while nobody can take back what was handed over stays on record.
    project.set("VAULT_TOKEN", "wrong");
    project.write("realmform.toml", "name = \"outputs-kv-denied\"\n");
    project.write_realm("");
    let ran = project.run(&["apply", "--yes"]);
    assert_eq!(ran.status, 6, "{ran:?}");
    let plan = project.run(&["plan"]);
    assert!(plan.stdout.ends_with("Outputs: 3 to remove.\n"), "{plan:?}");
    project.set("VAULT_TOKEN", &bao.root);
    project.apply();
}
