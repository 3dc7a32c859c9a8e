//! Must hold 1 and 2 of adoption: what is imported makes the same realm on another server, and is imported from there as
//! the same bytes; and each table of an import stands for what removing it undoes.

mod generated;
mod removal;
mod same;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use walkdir::WalkDir;

use crate::import::everything;
use crate::support::admin::Admin;
use crate::support::project::Project;
use crate::support::{Access, access, second_access};

const SECRET: &str = "a secret of the round trip";

#[test]
fn a_realm_of_everything_is_the_same_elsewhere() {
    make_the_round_trip(&applied("round-everything", &everything()), 0);
}

#[test]
fn a_big_realm_is_the_same_elsewhere() {
    make_the_round_trip(&applied("round-generated", &generated::realm()), 200_000);
}

#[test]
fn a_realm_of_keycloaks_own_is_the_same_elsewhere() {
    let project = Project::new("round-default");
    project.admin().post_realm(&json!({ "realm": "round-default", "enabled": true }));
    make_the_round_trip(&project, 0);
}

/// Nothing is written to that of the shared server, which the other tests sign in to.
#[test]
fn master_is_the_same_elsewhere() {
    let mut project = Project::new("round-master");
    project.realm = "master".to_owned();
    make_the_round_trip(&project, 0);
}

fn applied(name: &str, realm: &str) -> Project {
    let mut project = Project::new(name);
    project.set("SECRET", SECRET);
    project.write_realm(realm);
    project.apply();
    project
}

/// From the shared server to files, to the second server, to the same files.
fn make_the_round_trip(project: &Project, size: usize) {
    let realm = project.realm.as_str();
    let (first, secrets) = import(project, access());
    let of_first = same::export(&Admin::of(realm));
    assert!(of_first.to_string().len() >= size, "{}", of_first.to_string().len());

    let mut elsewhere = Project::new(&format!("{}-elsewhere", project.realm));
    elsewhere.use_server(second_access());
    for (name, value) in secrets {
        elsewhere.set(&name, &value);
    }
    std::fs::remove_dir_all(elsewhere.folder().join(&elsewhere.realm)).unwrap();
    for (path, text) in &first {
        elsewhere.write(&format!("{realm}/{path}"), text);
    }
    if realm != "master" {
        Admin::at(realm, second_access()).delete_if_there("");
    }
    elsewhere.write("realmform.toml", &format!("name = \"{realm}\"\n[policy]\nprotectedRealms = []\n"));
    elsewhere.apply();
    same::assert_same(&of_first, &same::export(&Admin::at(realm, second_access())));
    let (again, _) = import(project, second_access());
    assert_eq!(again.keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>());
    for (path, text) in &first {
        assert_eq!(&again[path], text, "{path}");
    }
}

/// The files of the project's realm on a server, and a value for each of its secrets: its own, or any where it is hidden.
fn import(project: &Project, server: &'static Access) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let folder = TempDir::new().unwrap();
    let (realms, secrets) = (folder.path().join("realms"), folder.path().join("secrets.env"));
    let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let mut importing = Project::new("round-import");
    importing.use_server(server);
    let arguments = ["import", &project.realm, "--project", &path(&realms), "--secrets-to", &path(&secrets)];
    let output = importing.run(&arguments);
    assert!(output.stdout.contains("imported, and its plan is empty"), "{}\n{}", output.stdout, output.stderr);
    let hidden = output.stdout.lines().filter(|line| line.ends_with("(hidden by the server)"));
    let names = hidden.map(|line| line.split_whitespace().next().unwrap().to_owned());
    let mut values: BTreeMap<String, String> = names.map(|name| (name, SECRET.to_owned())).collect();
    values.extend(variables(&path(&secrets)));
    let files = WalkDir::new(realms.join(&project.realm)).into_iter().map(Result::unwrap);
    let files = files.filter(|it| it.file_type().is_file()).map(|file| {
        let name = file.path().strip_prefix(realms.join(&project.realm)).unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(file.path()).unwrap())
    });
    (files.collect(), values)
}

/// What a shell makes of the file.
fn variables(file: &str) -> BTreeMap<String, String> {
    let shell = Command::new("sh").env_clear().args(["-euc", "set -a; . \"$0\"; env -0", file]).output().unwrap();
    let text = String::from_utf8(shell.stdout).unwrap();
    let variables = text.split('\0').filter_map(|it| it.split_once('='));
    let set = variables.filter(|(name, _)| !matches!(*name, "PWD" | "SHLVL" | "_" | "OLDPWD" | "PATH"));
    set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
