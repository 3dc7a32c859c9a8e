//! The supervisor alone, with programs that start at once.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::eventually;
use crate::support;

#[test]
fn ends_with_the_programs_status() {
    let mut supervisor = supervise(&[], "exit 7");
    // Else waiting closes it, which is the owner's end.
    let _owner = supervisor.stdin.take();
    assert_eq!(supervisor.wait().unwrap().code(), Some(7));
}

#[test]
fn kills_the_program_when_the_owner_is_gone() {
    let mut supervisor = supervise(&[], "echo $$; trap '' TERM HUP; exec sleep 600");
    let program = first_line(&mut supervisor);
    drop(supervisor.stdin.take());
    supervisor.wait().unwrap();
    assert!(!exists(&program));
}

#[test]
fn does_not_leave_the_program_when_it_is_killed_itself() {
    let mut supervisor = supervise(&[], "echo $$; exec sleep 600");
    let program = first_line(&mut supervisor);
    assert!(exists(&program));
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    eventually("the program's end", || !exists(&program));
}

#[test]
fn removes_run_folders_and_no_others() {
    let parent = tempfile::tempdir().unwrap();
    for (name, removed) in [("realmform-sandbox-1", true), ("home", false)] {
        let folder = parent.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let mut supervisor = supervise(&["--remove".as_ref(), &folder], "exec sleep 600");
        drop(supervisor.stdin.take());
        supervisor.wait().unwrap();
        assert_eq!(!folder.exists(), removed, "{name}");
    }
}

fn supervise(options: &[&Path], script: &str) -> Child {
    let mut command = Command::new(support::realmform());
    command.arg("__supervise").args(options).args(["--", "/bin/sh", "-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    line.trim().to_owned()
}

fn exists(process: &str) -> bool {
    let probe = Command::new("/bin/sh").args(["-c", "kill -0 $0 2>/dev/null", process]).status();
    probe.unwrap().success()
}
