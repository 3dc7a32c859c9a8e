//! Results in more than one format: one is printed, the others are written into files.

use super::project;
use crate::support::program::{Program, stdout};

/// The files no longer have what an export has, and what no plan may delete without consent.
fn refused() -> Program {
    let program = project(&[("acme/realm.toml", "")]);
    program.write("acme.json", r#"{ "realm": "acme", "roles": { "realm": [{ "name": "r" }] } }"#);
    program.write("acme/realm.toml", "[lifecycle]\npreventDestroy = true\n[prune]\nroles = \"all\"\n");
    program.write(
        "realmform.toml",
        "name = \"test\"\n[policy]\npreventDestroy = [\"acme/roles/*\"]\nprotectedRealms = []\n",
    );
    program
}

/// Pipelines comment when a plan is refused, too.
#[test]
fn a_refused_plan_is_reported() {
    let program = refused();
    let reports = ["--report", "markdown=a.md", "--report", "json=a.json", "--report=text=a.txt"];
    let outcome = program.run(&[&["plan", "--live", "acme.json"], &reports[..]].concat());
    assert!(outcome.starts_with("status: 4\n"), "{outcome}");
    let read = |path: &str| std::fs::read_to_string(program.folder().join(path)).unwrap();
    assert_eq!(read("a.txt"), stdout(&outcome));
    assert!(read("a.md").contains("> **Refused, and nothing of it is applied.**"), "{}", read("a.md"));
    let json: serde_json::Value = serde_json::from_str(&read("a.json")).unwrap();
    assert_eq!(json["refused"][0]["guard"], "preventDestroy");

    // What is printed has colours, what is written never.
    let colored = program.run(&["plan", "--live", "acme.json", "--color", "always", "--report", "text=b.txt"]);
    assert!(stdout(&colored).contains('\u{1b}'));
    assert_eq!(read("b.txt"), read("a.txt"));
}

/// Others may read a report as they may what `>` writes, nothing is left beside it, and a device stays one.
#[cfg(unix)]
#[test]
fn a_report_is_a_file_like_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let program = refused();
    let outcome = program.run(&["plan", "--live", "acme.json", "--report", "json=/dev/null", "--report", "text=a.txt"]);
    assert!(outcome.starts_with("status: 4\n"), "{outcome}");
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    let usual = program.folder().join("usual");
    std::fs::write(&usual, "").unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(program.folder().join("a.txt")), mode(usual));
    let mut left: Vec<_> = program.folder().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["a.txt", "acme", "acme.json", "realmform.toml", "usual"]);
}

#[test]
fn a_report_that_cannot_be_understood() {
    insta::assert_snapshot!(Program::new().run(&["plan", "--report", "markdwon=a.md"]), @"
    status: 64
    --- stdout
    --- stderr
    error: invalid value 'markdwon' for '--report <FORMAT=FILE>'
      [possible values: text, json, markdown]

      tip: a similar value exists: 'markdown'

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Program::new().run(&["diff", "--report", "markdown"]), @"
    status: 64
    --- stdout
    --- stderr
    error: invalid value 'markdown' for '--report <FORMAT=FILE>': write FORMAT=FILE, as in markdown=comment.md

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Program::new().run(&["drift", "--report", "json="]), @"
    status: 64
    --- stdout
    --- stderr
    error: invalid value 'json=' for '--report <FORMAT=FILE>': write FORMAT=FILE, as in markdown=comment.md

    For more information, try '--help'.
    ");
}

#[test]
fn a_report_that_cannot_be_written() {
    // The second would replace the first.
    let twice = refused().run(&["plan", "--live", "acme.json", "--report", "text=a.txt", "--report", "json=a.txt"]);
    assert!(twice.contains("error: --report names a.txt twice"), "{twice}");
    insta::assert_snapshot!(refused().run(&["plan", "--live", "acme.json", "--report", "text=nowhere/a.txt"]), @r#"
    status: 1
    --- stdout
    - role r  acme/roles/r                                                                                         unmanaged

    Plan: 0 to create, 0 to update, 0 to rename, 1 to delete. 1 to adopt: the record only.

    ! Refused:
          role acme/roles/r would be deleted, but the policy's preventDestroy names acme/roles/*
              to allow it: --allow-destroy 'acme/roles/r'
    Compared with acme.json, not with a server.
    --- stderr
    error: nowhere/a.txt: No such file or directory (os error 2)
    "#);
}
