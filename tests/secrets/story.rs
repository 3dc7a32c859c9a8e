//! One realm with a secret from each source, on a real server.

use serde_json::json;

use super::bao::{Bao, shared};
use super::sops::{PRIVATE, encrypted, told, wrap};
use crate::support::project::Project;
use crate::support::run::block;
use crate::support::tools::sops;

pub(crate) const REALM: &str = "\
[clients.env]
secret = { env = \"OF_ENV\" }

[clients.file]
secret = { file = \"secret.txt\" }

[clients.vault-1]
secret = { vault = \"MOUNT/old/app#password\" }

[clients.vault-2]
secret = { vault = \"MOUNT/new/app#password\" }

[clients.sops]
secret = { sops = \"secrets.yaml#shop.password\" }

[clients.program]
secret = { store = \"shop/client\" }
";

/// The client, and its value.
pub(crate) const VALUES: [(&str, &str); 6] = [
    ("env", "value-of-env"),
    ("file", "value-of-file"),
    ("vault-1", "value-of-vault-1"),
    ("vault-2", "value-of-vault-2"),
    ("sops", "value-of-sops"),
    ("program", "value-of-program"),
];

#[test]
fn secrets_of_every_source_reach_the_server() {
    let Some((project, bao)) = project("secrets-story") else { return };
    project.write_realm(&REALM.replace("MOUNT", &project.realm));
    project.apply();
    for (client, value) in VALUES {
        let id = project.admin().client(client);
        assert_eq!(project.admin().get(&format!("clients/{id}/client-secret"))["value"], value);
    }
    block(bao.write("secrets-story/new/data/app", json!({ "data": { "password": "value-that-is-new" } })));
    insta::assert_snapshot!(project.changes().join("\n"), @"update clients/vault-2: secret (unexplained)");
    let text = project.run(&["plan", "--verbose"]);
    insta::assert_snapshot!(text.stdout, @r"
    ~ client vault-2  secrets-story/clients/vault-2                                              secrets-story/realm.toml:10
        ~ secret: secret changed (vault secrets-story/new/app#password)           secrets-story/realm.toml:11  edit or drift

    Plan: 0 to create, 1 to update, 0 to rename, 0 to delete.
    ");
    let json = project.run(&["plan", "--format", "json"]);
    for printed in [&text.stdout, &text.stderr, &json.stdout, &json.stderr] {
        assert!(!printed.contains("value-"), "{printed}");
    }
    project.apply();
    let id = project.admin().client("vault-2");
    assert_eq!(project.admin().get(&format!("clients/{id}/client-secret"))["value"], "value-that-is-new");
}

#[test]
fn all_that_is_missing_is_told_together() {
    let Some((mut project, bao)) = project("secrets-missing") else { return };
    block(bao.write("secrets-missing/new/data/other", json!({ "data": { "user": "hunter2" } })));
    project.write_realm(
        &REALM.replace("new/app#", "new/other#").replace("old/app#", "gone/app#").replace("MOUNT", &project.realm),
    );
    project.write("secrets.yaml", "shop: hunter2\n");
    project.set("OF_ENV", "");
    std::fs::remove_file(project.folder().join("secret.txt")).unwrap();
    std::fs::remove_file(project.folder().join(".store/shop/client")).unwrap();
    insta::assert_snapshot!(told(&project, &project.run(&["plan"])), @r#"
    error: secrets are missing
      the secret { env = "OF_ENV" } is empty
        for secrets-missing/clients/env.secret (secrets-missing/realm.toml:2)
      cannot read the secret file secret.txt: No such file or directory (os error 2)
        for secrets-missing/clients/file.secret (secrets-missing/realm.toml:5)
      the vault does not let this token read secrets-missing/gone/app: preflight capability check returned 403, please ensure client's policies grant access to path "secrets-missing/gone/app/"
        for secrets-missing/clients/vault-1.secret (secrets-missing/realm.toml:8)
      the vault's secret secrets-missing/new/other has no key password; it has user
        for secrets-missing/clients/vault-2.secret (secrets-missing/realm.toml:11)
      secrets.yaml is not encrypted
        for secrets-missing/clients/sops.secret (secrets-missing/realm.toml:14)
      store does not give shop/client: cat ended with exit status: 1: cat: .store/shop/client: No such file or directory
        for secrets-missing/clients/program.secret (secrets-missing/realm.toml:17)
    hint: a CI secret that this job may not see arrives as an empty variable
    hint: a relative path starts at the project folder
    hint: a policy of the token must allow `read` there, which for KV version 2 is on <mount>/data/<path>; a mount that does not exist is denied, too
    hint: `sops encrypt --in-place` encrypts it; if it was ever committed, replace what is in it
    hint: [secrets.provider] in realmform.toml says how it is run
    "#);
}

/// A project with all the sources, which signs in to the vault by an `AppRole`.
pub(crate) fn project(name: &str) -> Option<(Project, &'static Bao)> {
    let (sops, bao) = (sops()?, shared()?);
    let mut project = Project::in_git(name);
    let (role_id, secret_id) = block(vault(bao, name));
    let declared = format!(
        "name = \"{name}\"\n\n[secrets.vault]\naddress = \"{}\"\n\n[secrets.vault.auth.approle]\nmount = \"{name}\"\n\
         roleId = {{ env = \"ROLE_ID\" }}\nsecretId = {{ file = \"secret-id\" }}\n\n\
         [secrets.provider.store]\ncommand = [\"cat\", \".store/{{}}\"]\n",
        bao.url
    );
    project.write("realmform.toml", &declared);
    project.write("secret-id", &secret_id);
    project.write("secret.txt", "value-of-file\n");
    project.write(".store/shop/client", "value-of-program\n");
    encrypted(&project, "secrets.yaml", "shop:\n  password: value-of-sops\n");
    wrap(&project, sops, ":");
    let path = format!("{}:/usr/bin:/bin", project.folder().join(".bin").display());
    for (name, value) in
        [("PATH", path.as_str()), ("SOPS_AGE_KEY", PRIVATE), ("OF_ENV", "value-of-env"), ("ROLE_ID", &role_id)]
    {
        project.set(name, value);
    }
    Some((project, bao))
}

/// The engines `NAME/old` and `NAME/new`, and the ids of a role that may read there.
async fn vault(bao: &Bao, name: &str) -> (String, String) {
    bao.mount(&format!("{name}/old"), 1).await;
    bao.mount(&format!("{name}/new"), 2).await;
    bao.write(&format!("{name}/old/app"), json!({ "password": "value-of-vault-1" })).await;
    bao.write(&format!("{name}/new/data/app"), json!({ "data": { "password": "value-of-vault-2" } })).await;
    bao.policy(name, &[&format!("{name}/old/*"), &format!("{name}/new/data/*")]).await;
    bao.approle(name, name).await
}
