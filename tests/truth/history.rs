//! What was applied last is read from whatever repository the project is in; what is deleted never depends on it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::schemas::Validator;
use crate::support::project::{Output, Project};

const REALM: &str = "displayName = \"Applied\"\naccessTokenLifespan = 300\n[roles.kept]\n[roles.one]\n[roles.two]\n";

/// Applied; then one field is edited, one drifts, and two roles leave the files, one of them gone already. Somebody else's is
/// there as well.
fn project(name: &str) -> Project {
    let project = Project::in_git(name);
    project.write_realm(REALM);
    project.commit("What was applied");
    project.apply();
    let admin = project.admin();
    admin.put("", &serde_json::json!({"realm": name, "displayName": "By hand"}));
    admin.delete("roles/two");
    admin.post("roles", &serde_json::json!({"name": "nobodys"}));
    project.write_realm(&REALM.replace("300", "600").replace("[roles.one]\n[roles.two]\n", ""));
    project.commit("An edit");
    project
}

/// Runs git in a folder.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@acme.example", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn plan_in(project: &Project, folder: &Path) -> (Output, Value) {
    let output = project.run_in(folder, &["plan", "--format", "json"]);
    let plan: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(Validator::of("output-plan").errors_in(&plan), "");
    let realm = plan["realms"][&project.realm].clone();
    (output, realm)
}

/// The causes by which the edited and the drifted field change; the deletion is that of the record.
#[track_caller]
fn causes(realm: &Value) -> [&str; 2] {
    let changes = realm["changes"].as_array().unwrap();
    let deleted: Vec<&str> = changes
        .iter()
        .filter(|change| change["action"] == "delete")
        .map(|change| change["address"].as_str().unwrap().split_once('/').unwrap().1)
        .collect();
    assert_eq!(deleted, ["roles/one"], "{realm:#}");
    let fields = changes[0]["fields"].as_array().unwrap();
    let cause = |name: &str| {
        let field = fields.iter().find(|field| field["path"][0] == name);
        field.unwrap_or_else(|| panic!("{name}: {realm:#}"))["cause"].as_str().unwrap()
    };
    [cause("accessTokenLifespan"), cause("displayName")]
}

#[test]
fn what_was_applied_is_read_from_any_repository() {
    let project = project("truth-clones");
    let outside = TempDir::new().unwrap();
    let (origin, at) = (project.folder(), |name: &str| outside.path().join(name));
    let applied = git(origin, &["rev-parse", "HEAD~1"]);
    let url = format!("file://{}", origin.display());

    // Another clone of it, one that has no objects of its own, another work tree, a submodule of another repository.
    git(outside.path(), &["clone", "-q", &url, "clone"]);
    git(outside.path(), &["clone", "-q", "--shared", &origin.display().to_string(), "shared"]);
    git(origin, &["worktree", "add", "-q", "--detach", &at("work-tree").display().to_string()]);
    git(outside.path(), &["init", "-q", "around"]);
    git(&at("around"), &["submodule", "--quiet", "add", &url, "deep/realms"]);
    git(&at("around"), &["commit", "-q", "-m", "Add the realms"]);
    // A detached head, and everything packed.
    git(&at("clone"), &["checkout", "-q", "--detach"]);
    git(&at("clone"), &["gc", "-q"]);
    for folder in ["clone", "shared", "work-tree", "around/deep/realms"] {
        let (output, realm) = plan_in(&project, &at(folder));
        assert_eq!(causes(&realm), ["edit", "drift"], "{folder}: {realm:#}");
        assert_eq!((&realm["unreadable"], output.stderr.as_str()), (&Value::Null, ""), "{folder}");
    }

    // A shallow clone has no such commit. Where it is not to be had, the plan says what it does not know and what to do.
    git(outside.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]);
    git(&at("shallow"), &["remote", "set-url", "origin", "file:///nowhere"]);
    let (output, realm) = plan_in(&project, &at("shallow"));
    let commit = format!("commit {}, which was applied last, from origin", &applied[..7]);
    let (failure, note) = output.stderr.split_once('\n').unwrap();
    assert!(failure.starts_with(&format!("note: cannot fetch {commit}: fatal: ")), "{output:?}");
    assert_eq!(causes(&realm), ["unexplained", "unexplained"]);
    let fetch = format!("git fetch --depth=1 origin {applied}");
    let reason = format!("it was applied from commit {}, which is not in this clone", &applied[..7]);
    assert_eq!(realm["unreadable"], serde_json::json!({"reason": reason, "command": fetch}));
    let expected = format!(
        "note: in truth-clones edits and drift look alike, and preventDestroy is not known of what has left the files: \
         {reason}; to get it: {fetch}\n"
    );
    assert_eq!(note, expected);
    git(&at("shallow"), &["remote", "set-url", "origin", &url]);
    for command in [&["plan"][..], &["plan", "--changed"], &["drift"], &["explain", "truth-clones.displayName"]] {
        let output = project.run_in(&at("shallow"), &[command, &["--no-fetch"]].concat());
        assert!(output.stderr.contains(&fetch) && !output.stderr.contains("note: fetched"), "{command:?}: {output:?}");
    }
    // It is fetched once, and no branch or tag moves.
    let refs = git(&at("shallow"), &["show-ref"]);
    let (output, realm) = plan_in(&project, &at("shallow"));
    assert_eq!(causes(&realm), ["edit", "drift"]);
    assert_eq!((realm["unreadable"].as_str(), output.stderr), (None, format!("note: fetched {commit}\n")));
    assert_eq!(git(&at("shallow"), &["show-ref"]), refs);
    let (output, realm) = plan_in(&project, &at("shallow"));
    assert_eq!((causes(&realm), output.stderr.as_str()), (["edit", "drift"], ""));

    // What is applied is the same everywhere: here from the one that explained nothing.
    git(outside.path(), &["clone", "-q", "--depth", "1", &url, "shallow-too"]);
    let output = project.run_in(&at("shallow-too"), &["apply", "--yes", "--no-fetch"]);
    assert_eq!(output.status, 0, "{output:?}");
    project.assert_empty_plan();
    let admin = project.admin();
    let there = ["kept", "one", "two", "nobodys"].map(|role| admin.status(&format!("roles/{role}")));
    assert_eq!(there, [200, 404, 404, 200]);
}

/// A force-push and a squash leave the commit that was applied in no history, and `git gc` then in no repository.
#[test]
fn a_rewritten_history_changes_no_deletion() {
    let project = project("truth-rewritten");
    project.git(&["checkout", "-q", "--orphan", "squashed"]);
    project.commit("All in one");
    project.git(&["branch", "-q", "-M", "squashed", "main"]);
    // Not yet cleaned up: the commit that was applied is still there.
    let (_, realm) = plan_in(&project, project.folder());
    assert_eq!(causes(&realm), ["edit", "drift"]);
    project.git(&["reflog", "expire", "--expire=now", "--all"]);
    project.git(&["gc", "-q", "--prune=now"]);
    let (output, realm) = plan_in(&project, project.folder());
    assert_eq!(causes(&realm), ["unexplained", "unexplained"]);
    // There is no remote that could have it.
    assert_eq!(realm["unreadable"]["command"], Value::Null, "{realm:#}");
    assert!(output.stderr.is_empty(), "{output:?}");
    project.apply();
    let admin = project.admin();
    let there = ["kept", "one", "two", "nobodys"].map(|role| admin.status(&format!("roles/{role}")));
    assert_eq!(there, [200, 404, 404, 200]);
    assert_eq!(admin.get("")["displayName"], "Applied");
}
