//! The examples load strictly, and a real server takes them.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use walkdir::WalkDir;

use crate::support::admin::Admin;
use crate::support::is_26_0;
use crate::support::program::{Program, stdout};

/// All of them but the pipelines, which `recipes` runs.
fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|example| !example.ends_with("ci"));
    found.sort();
    found
}

pub fn copied(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in WalkDir::new(folder).into_iter().map(Result::unwrap) {
        let to = copy.path().join(entry.path().strip_prefix(folder).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(to).unwrap();
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
    copy
}

#[test]
fn every_example_is_a_project_with_an_explanation() {
    let examples = examples();
    assert!(examples.len() >= 2);
    for example in examples {
        assert!(example.join("README.md").is_file(), "{}", example.display());
        let outcome = Program::new().at(&example).run(&["check", "--strict"]);
        assert!(outcome.starts_with("status: 0\n--- stdout\nIn order: "), "{outcome}");
        assert!(outcome.ends_with("--- stderr\n"), "no warnings: {outcome}");
    }
}

#[test]
fn a_real_server_takes_every_example() {
    // `broker`, `clusters`, `customers` and `mesh` apply those.
    let elsewhere = ["customer-access", "enterprise-broker", "organisation-mesh", "tenant-clusters"];
    for example in examples().into_iter().filter(|example| !elsewhere.iter().any(|it| example.ends_with(it))) {
        let is_newer = ["permissions", "two-teams"].iter().any(|it| example.ends_with(it));
        if is_newer && is_26_0("permissions and descriptions of groups are newer") {
            continue;
        }
        // What it hands over stays out of the repository.
        let copy = copied(&example);
        let program = ["API_SECRET", "BILLING_SECRET", "BIND_CREDENTIAL", "ENTRA_SECRET"]
            .iter()
            .fold(Program::with_server(), |program, name| program.with(name, "an-example-secret"))
            .at(copy.path());
        // What a project file says about servers is for its own network.
        let applied = program.run(&["apply", "--yes", "--strict"]);
        assert!(applied.starts_with("status: 0\n"), "{applied}");
        let planned = program.run(&["plan", "--strict", "--detailed-exitcode"]);
        assert!(planned.starts_with("status: 0\n"), "{planned}");
        assert!(stdout(&planned).starts_with("No changes."), "{planned}");
        // Two of them may have a realm of one name, and none takes from the other.
        for folder in std::fs::read_dir(&example).unwrap().map(Result::unwrap).filter(|it| it.path().is_dir()) {
            Admin::of(folder.file_name().to_str().unwrap()).delete_if_there("");
        }
    }
}
