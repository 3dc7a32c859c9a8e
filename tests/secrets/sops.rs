//! Files that the real `sops` encrypted, read by the program with its own `PATH` and key.

use std::path::Path;
use std::process::Command;

use super::without_ports;
use crate::support::project::{Output, Project};
use crate::support::tools::sops;

const PUBLIC: &str = "age1fux4826swjpk2au0f79vfk4gqjhpetl54mdaaa80vll9tl0kz9ysjm45ak";
pub(crate) const PRIVATE: &str = "AGE-SECRET-KEY-1S9YQVVTWQWXEVKTXTQRKJKSGRZ3WZLNSQNW3C426ZP0090QQ2PVSPFUUXU";
/// Of nobody that a file is encrypted for.
const ANOTHER: &str = "AGE-SECRET-KEY-1CNF8G3PGQ6ZW0P5DYU8LUCEMPNK2XSAMUZWXC550LVELXN2MGTGSJTFLY4";

const YAML: &str = "\
top: of the top
shop:
  password: of a table
  a.b: of a dotted name
  pin: 1234
  rate: 1.10
  empty: ''
list:
  - of a list
  - name: of a table of a list
";

#[test]
fn values_are_found_in_every_format() {
    let Some((project, sops)) = project("secrets-sops") else { return };
    let starts = project.folder().join("starts");
    wrap(&project, sops, &format!("echo \"$*\" >> {}", starts.display()));
    for (file, content) in [
        ("secrets.yaml", YAML),
        (".below/secrets.json", r#"{ "a": { "b": "of JSON" }, "pin": 1234 }"#),
        ("secrets.env", "SHOP_SECRET=of = dotenv\nA.B=dotted\n"),
        ("secrets.ini", "[shop]\npassword = of ini\n"),
        ("-secret", "of a file of any kind"),
    ] {
        encrypted(&project, file, content);
    }
    let expected = [
        ("secrets.yaml#top", "of the top"),
        ("secrets.yaml#shop.password", "of a table"),
        ("secrets.yaml#shop.a.b", "of a dotted name"),
        ("secrets.yaml#shop.pin", "1234"),
        ("secrets.yaml#list.0", "of a list"),
        ("secrets.yaml#list.1.name", "of a table of a list"),
        (".below/secrets.json#a.b", "of JSON"),
        (".below/secrets.json#pin", "1234"),
        ("secrets.env#SHOP_SECRET", "of = dotenv"),
        ("secrets.env#A.B", "dotted"),
        ("secrets.ini#shop.password", "of ini"),
        ("-secret#data", "of a file of any kind"),
    ];
    project.write_realm(&clients(&expected.map(|(reference, _)| reference)));
    let output = project.run(&["apply", "--yes"]);
    assert_eq!(output.status, 0, "{output:?}");
    for (at, (reference, value)) in expected.iter().enumerate() {
        let client = project.admin().find("clients", "clientId", &format!("c{at:02}"));
        assert_eq!(client["secret"], *value, "{reference}");
    }
    // Another folder to start in is no other folder to look in.
    std::fs::remove_file(&starts).unwrap();
    let folder = project.folder().file_name().unwrap().to_str().unwrap();
    let output =
        project.run_in(project.folder().parent().unwrap(), &["plan", "--project", folder, "--detailed-exitcode"]);
    assert_eq!(output.status, 0, "{output:?}");
    let mut starts: Vec<_> =
        std::fs::read_to_string(starts).unwrap().lines().map(|line| without_folder(line, &project)).collect();
    starts.sort();
    insta::assert_snapshot!(starts.join("\n"), @r"
    decrypt --output-type json ./-secret
    decrypt --output-type json ./.below/secrets.json
    decrypt --output-type json ./secrets.env
    decrypt --output-type json ./secrets.ini
    decrypt --output-type json ./secrets.yaml
    ");
}

#[test]
fn what_is_not_there_is_told() {
    let Some((project, sops)) = project("secrets-sops-none") else { return };
    wrap(&project, sops, ":");
    encrypted(&project, "secrets.yaml", YAML);
    project.write("plain.yaml", "shop: hunter2\n");
    let references = [
        "secrets.yaml#shop.secret",
        "secrets.yaml#shop",
        "secrets.yaml#shop.rate",
        "secrets.yaml#shop.empty",
        "plain.yaml#shop",
        "gone.yaml#shop",
    ];
    project.write_realm(&clients(&references));
    insta::assert_snapshot!(told(&project, &project.run(&["plan"])), @r#"
    error: secrets are missing
      cannot decrypt gone.yaml: sops ended with exit status: 100: Error: cannot operate on non-existent file "FOLDER/gone.yaml"
        for secrets-sops-none/clients/c05.secret (secrets-sops-none/realm.toml:12)
      plain.yaml is not encrypted
        for secrets-sops-none/clients/c04.secret (secrets-sops-none/realm.toml:10)
      what secrets.yaml has at shop is no text
        for secrets-sops-none/clients/c01.secret (secrets-sops-none/realm.toml:4)
      the secret { sops = "secrets.yaml#shop.empty" } is empty
        for secrets-sops-none/clients/c03.secret (secrets-sops-none/realm.toml:8)
      what secrets.yaml has at shop.rate is no text
        for secrets-sops-none/clients/c02.secret (secrets-sops-none/realm.toml:6)
      secrets.yaml has nothing at shop.secret
        for secrets-sops-none/clients/c00.secret (secrets-sops-none/realm.toml:2)
    hint: `sops decrypt` in the project folder has to work: the key that the file is encrypted for is what it needs
    hint: `sops encrypt --in-place` encrypts it; if it was ever committed, replace what is in it
    hint: truth values, and numbers with a fraction, are secrets only as text: in quotes
    hint: a relative path starts at the project folder; a key is names with dots between them
    "#);
}

#[test]
fn a_key_or_a_program_that_is_not_there_is_told() {
    let Some((mut project, sops)) = project("secrets-sops-key") else { return };
    wrap(&project, sops, ":");
    encrypted(&project, "secrets.yaml", YAML);
    project.write_realm(&clients(&["secrets.yaml#top", "secrets.yaml#shop.password"]));
    project.set("SOPS_AGE_KEY", ANOTHER);
    insta::assert_snapshot!(told(&project, &project.run(&["plan"])), @r"
    error: secrets are missing
      cannot decrypt secrets.yaml: sops ended with exit status: 128: Failed to get the data key required to decrypt the SOPS file.
          Group 0: FAILED
            age1fux4826swjpk2au0f79vfk4gqjhpetl54mdaaa80vll9tl0kz9ysjm45ak: FAILED
              - | failed to create reader for decrypting sops data key with
                | age: identity did not match any of the recipients: incorrect
                | identity for recipient block. Did not find keys in locations
                | 'SOPS_AGE_SSH_PRIVATE_KEY_FILE', '/nowhere/.ssh/id_ed25519',
                | '/nowhere/.ssh/id_rsa', 'SOPS_AGE_KEY_FILE', and
                | 'SOPS_AGE_KEY_CMD'.
          Recovery failed because no master key was able to decrypt the file. In
          order for SOPS to recover the file, at least one key has to be successful,
          but none were.
        for secrets-sops-key/clients/c01.secret (secrets-sops-key/realm.toml:4)
        for secrets-sops-key/clients/c00.secret (secrets-sops-key/realm.toml:2)
    hint: `sops decrypt` in the project folder has to work: the key that the file is encrypted for is what it needs
    ");
    project.set("SOPS_AGE_KEY", PRIVATE);
    project.set("PATH", "/nowhere");
    insta::assert_snapshot!(told(&project, &project.run(&["plan"])), @r"
    error: secrets are missing
      cannot decrypt secrets.yaml: there is no program sops
        for secrets-sops-key/clients/c01.secret (secrets-sops-key/realm.toml:4)
        for secrets-sops-key/clients/c00.secret (secrets-sops-key/realm.toml:2)
    hint: install sops, and the key that the file is encrypted for
    ");
}

/// A project whose `sops` is that of its folder `.bin`. (A folder without a dot would be a realm.)
fn project(name: &str) -> Option<(Project, &'static Path)> {
    let sops = sops()?;
    let mut project = Project::new(name);
    let path = format!("{}:/usr/bin:/bin", project.folder().join(".bin").display());
    project.set("PATH", &path);
    // `sops` names where it looked, and breaks its lines by their length.
    project.set("HOME", "/nowhere");
    project.set("SOPS_AGE_KEY", PRIVATE);
    Some((project, sops))
}

/// Makes the project's `sops`, which runs a line of shell first.
pub(super) fn wrap(project: &Project, sops: &Path, first: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    project.write(".bin/sops", &format!("#!/bin/sh\n{first}\nexec '{}' \"$@\"\n", sops.display()));
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.folder().join(".bin/sops"), executable).unwrap();
}

/// Writes a file, and has it encrypted.
pub(super) fn encrypted(project: &Project, file: &str, content: &str) {
    project.write(file, content);
    let file = project.folder().join(file);
    let arguments = ["encrypt", "--age", PUBLIC, "--in-place"];
    let status = Command::new(sops().unwrap()).args(arguments).arg(&file).current_dir(project.folder()).status();
    assert!(status.unwrap().success());
    let encrypted = std::fs::read_to_string(&file).unwrap();
    assert!(content.lines().filter(|line| line.contains(" of ")).all(|line| !encrypted.contains(line)));
}

/// A realm with a client for each reference.
fn clients(references: &[&str]) -> String {
    let client =
        |(at, reference): (usize, &&str)| format!("[clients.c{at:02}]\nsecret = {{ sops = \"{reference}\" }}\n");
    references.iter().enumerate().map(client).collect()
}

/// What a run that fails prints.
pub(super) fn told(project: &Project, output: &Output) -> String {
    assert_eq!(output.status, 1, "{output:?}");
    assert!(!output.stderr.contains("hunter2") && output.stdout.is_empty(), "{output:?}");
    without_ports(&without_folder(&output.stderr, project))
}

fn without_folder(text: &str, project: &Project) -> String {
    let folder = project.folder().canonicalize().unwrap();
    text.replace(folder.to_str().unwrap(), "FOLDER").replace(project.folder().to_str().unwrap(), "FOLDER")
}
