//! A person at a terminal, who is asked before anything is changed, and may take their time.

use std::time::Duration;

use serde_json::json;

use crate::support::project::{Output, Project};
use crate::support::terminal;

/// Longer than a plan is taken to be fresh.
const LUNCH: Duration = Duration::from_secs(6);

/// Applies at a terminal, and gives this answer when `meanwhile` has passed after the question.
fn apply(project: &Project, answer: &str, meanwhile: impl FnOnce()) -> Output {
    terminal::answer(project.command(&["apply"]), &[("Apply this plan? ", answer)], meanwhile)
}

#[test]
fn only_yes_is_taken_for_yes() {
    let project = Project::new("asked");
    project.write_realm("[roles.clerk]\n");
    for answer in ["no", "y", ""] {
        let output = apply(&project, answer, || ());
        assert!(output.status == 1 && output.stderr.contains("not applied"), "{answer}: {output:?}");
        assert_eq!(project.admin().status(""), 404);
    }
    let output = apply(&project, "yes", || ());
    assert!(output.status == 0 && output.stderr.contains("nothing is left to do"), "{output:?}");
    project.assert_empty_plan();
}

/// What was reviewed is what runs, however long the review took.
#[test]
fn what_moved_while_somebody_thought_is_not_overwritten() {
    let project = Project::new("asked-late");
    project.write_realm("[roles.clerk]\ndescription = \"Sells\"\n[roles.buyer]\n");
    project.apply();
    project.write_realm("[roles.clerk]\ndescription = \"Sells much\"\n[roles.buyer]\n");
    let admin = project.admin();
    let by_hand = |role: &str| admin.put(&format!("roles/{role}"), &json!({"name": role, "description": "By hand"}));

    let record = || admin.find("clients?max=100", "clientId", "realmform:asked-late");
    let before = record();
    let output = apply(&project, "yes", || {
        by_hand("clerk");
        std::thread::sleep(LUNCH);
    });
    assert_eq!(output.status, 5, "{output:?}");
    assert!(output.stdout.contains("asked-late/roles/clerk was changed"), "{output:?}");
    assert_eq!(admin.get("roles/clerk")["description"], "By hand");
    assert_eq!(record(), before, "nothing was begun");

    // What is not in the plan may move.
    let output = apply(&project, "yes", || {
        by_hand("buyer");
        std::thread::sleep(LUNCH);
    });
    assert_eq!(output.status, 0, "{output:?}");
    assert_eq!(admin.get("roles/clerk")["description"], "Sells much");
    assert_eq!(admin.get("roles/buyer")["description"], "By hand");
}
