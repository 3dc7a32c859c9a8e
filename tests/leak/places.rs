//! The same for every real source that secrets come from and every place that they are handed over to, and every command.

use std::path::Path;

use serde_json::json;

use super::forms;
use crate::secrets::bao::Bao;
use crate::secrets::sops::PRIVATE;
use crate::secrets::story::{REALM, VALUES, project};
use crate::support::project::Project;
use crate::support::run::block;

const OUTPUTS: &str = "
[outputs.made]
of = \"NAME/clients/made\"
env = {}
file = \".handed/made.env\"
[outputs.token]
of = \"NAME/clients/made\"
json = { token = \"{{ client.registrationAccessToken }}\" }
directory = \".handed/token\"
vault = \"NAME/out/token\"
[outputs.values]
of = \"NAME/clients/*\"
json = { secret = \"{{ client.secret }}\" }
directory = \".handed/{{ client.id }}\"
vault = \"NAME/out/{{ client.id }}\"
[outputs.wrong]
of = \"NAME/clients/made\"
template = \"{{ client.secret|int }} {{ client.secret.x.y }} {{ client.nothing }}\"
file = \".handed/wrong\"
";

/// What the tests of commands call; each leaves the project as it is, or is put right by what follows.
const COMMANDS: &[&[&str]] = &[
    &["check", "--strict"],
    &["plan", "--verbose", "--requests", "--out", "one.plan"],
    &["show", "one.plan", "--verbose"],
    &["apply", "one.plan", "--verbose"],
    &["plan", "--format", "json", "--explain"],
    &["plan", "--changed", "--format", "markdown"],
    &["apply", "--yes", "--rotate", "NAME/clients/made"],
    &["apply", "--yes", "--expect", "one.plan"],
    &["output"],
    &["output", "--format", "json"],
    &["output", "made", "values", "token"],
    &["output", "wrong"],
    &["output", "--write"],
    &["diff", "HEAD", "--format", "json"],
    &["drift", "--format", "json"],
    &["drift", "--adopt", "--force"],
    &["drift", "--revert", "--yes"],
    &["explain", "NAME/clients/made", "--all"],
    &["explain", "NAME/clients/vault-2.secret", "--format", "json"],
    &["transfer", "NAME/clients/made", "--from", "nobody", "--yes"],
    &["unlock", "--yes"],
    &["import", "NAME", "--project", ".imported"],
    &["init", ".begun"],
    &["schema", "realmform"],
    &["completions", "bash"],
];

#[test]
fn no_secret_leaves_where_it_comes_from_or_goes_to() {
    let Some((project, bao)) = project("leak-places") else { return };
    let name = project.realm.clone();
    block(writable(bao, &name));
    let declared = std::fs::read_to_string(project.folder().join("realmform.toml")).unwrap();
    project.write("realmform.toml", &format!("{declared}{}", OUTPUTS.replace("NAME", &name)));
    let realm = format!("{}\n[clients.made]\nsecret = {{ generate = {{}} }}\n", REALM.replace("MOUNT", &name));
    project.write_realm(&realm);
    project.commit("All of it");
    let mut texts = Vec::new();
    let mut hunted: Vec<String> = VALUES.iter().map(|(_, value)| (*value).to_owned()).collect();
    hunted.extend([PRIVATE.to_owned(), bao.root.clone(), crate::support::access().password.clone()]);
    hunted.push(std::fs::read_to_string(project.folder().join("secret-id")).unwrap());
    for command in COMMANDS {
        let command: Vec<String> = command.iter().map(|it| it.replace("NAME", &name)).collect();
        let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--log", "trace"]).collect();
        texts.push((command.join(" "), format!("{:?}", project.run(&arguments))));
        hunted.extend(made(&project));
        hunted.extend(token(&project));
    }
    assert!(token(&project).is_some_and(|token| token.starts_with("eyJ")));
    // Everything was handed over but for what cannot be, which is told.
    let (_, applied) = &texts[3];
    for (client, _) in VALUES {
        assert!(applied.contains(&format!("vault:{name}/out/{client}#secret written")), "{applied}");
    }
    assert!(applied.contains("output wrong of leak-places/clients/made: "), "{applied}");
    let handed = std::fs::read_to_string(project.folder().join(".handed/vault-1/secret")).unwrap();
    assert_eq!(handed, "value-of-vault-1");
    texts.push(("one.plan".to_owned(), std::fs::read_to_string(project.folder().join("one.plan")).unwrap()));

    // Places that refuse: a vault that is sealed for this role, a folder that is a file, a server that has lost the client.
    block(bao.policy(&name, &[&format!("{name}/old/*"), &format!("{name}/new/data/*"), &format!("{name}/out/data/*")]));
    std::fs::remove_dir_all(project.folder().join(".handed")).unwrap();
    project.write(".handed", "in the way");
    project.write_realm(&realm.replace("generate = {}", "generate = { length = 50 }"));
    for command in
        [&["apply", "--yes", "--rotate", "leak-places/clients/made"][..], &["output", "--write"], &["output"]]
    {
        texts.push((format!("refused {}", command.join(" ")), format!("{:?}", project.run(command))));
        hunted.extend(made(&project));
    }
    assert!(texts.iter().any(|(_, text)| text.contains("does not let this token write")), "{texts:?}");
    std::fs::remove_file(project.folder().join(".handed")).unwrap();

    for file in ["realm.toml", ".imported/leak-places/realm.toml", "leak-places/realm.toml"].map(Path::new) {
        if let Ok(text) = std::fs::read_to_string(project.folder().join(file)) {
            texts.push((file.display().to_string(), text));
        }
    }
    assert!(hunted.iter().filter(|value| value.len() >= 40 && !value.starts_with("AGE")).count() >= 2, "two were made");
    for (source, text) in &texts {
        for form in hunted.iter().flat_map(|secret| forms(secret)) {
            assert!(!text.contains(&form), "{source} holds {form:?}:\n{text}");
        }
    }
}

/// The role may write, too.
async fn writable(bao: &Bao, name: &str) {
    bao.mount(&format!("{name}/out"), 2).await;
    let rule = |path: &str, rights: &str| format!("path \"{name}/{path}\" {{ capabilities = [{rights}] }}\n");
    let all = "\"create\", \"read\", \"update\", \"delete\"";
    let policy = [rule("old/*", "\"read\""), rule("new/data/*", "\"read\""), rule("out/data/*", all)].concat();
    bao.write(&format!("sys/policies/acl/{name}"), json!({ "policy": policy })).await;
}

/// The registration access token that is handed over.
fn token(project: &Project) -> Option<String> {
    std::fs::read_to_string(project.folder().join(".handed/token/token")).ok()
}

/// The secret that the server has of the client whose secret is generated.
fn made(project: &Project) -> Option<String> {
    let found = project.admin().get_if_there("clients?clientId=made")?;
    Some(found.get(0)?["secret"].as_str()?.to_owned())
}
