//! Workflows.

use realmform::model::kinds::WORKFLOW;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::admin::Admin;
use crate::support::is_26_0;
use crate::support::project::Project;

const STORY: Story = Story {
    realm: "kinds-workflow",
    kind: &WORKFLOW,
    table: "workflows.\"those who leave\"",
    fixed: "",
    samples: &[
        ("enabled", "false", "true"),
        ("on", "\"user-created\"", "\"user-authenticated or user-role-granted(offline_access)\""),
        ("if", "\"has-role(offline_access)\"", "\"!has-role(offline_access)\""),
        ("schedule.after", "\"1d\"", "\"2d\""),
        ("schedule.batch-size", "10", "20"),
        ("concurrency.cancel-in-progress", "\"user-authenticated\"", "\"user-role-revoked(offline_access)\""),
        ("concurrency.restart-in-progress", "true", "\"user-authenticated\""),
        (
            "steps",
            "[{ uses = \"notify-user\", after = \"30d\", with = { message = \"Bye\", to = [\"b\", \"a\"], really = true, times = 5 } }, { uses = \"disable-user\", after = 600, with = {} }]",
            "[{ uses = \"set-user-attribute\", with = { leaves = [\"soon\"] } }, { uses = \"disable-user\", after = \"P10D\" }, { uses = \"delete-user\", after = \"1\" }]",
        ),
    ],
    at_once: 1,
    others: "",
    by_hand: |_| {},
    raw: |admin| raw(admin, "those who leave"),
    // They go with the last of what is in them.
    follows: &["concurrency", "schedule"],
};

#[test]
fn life_of_a_workflow() {
    if is_26_0("there are no workflows") {
        return;
    }
    covers(&WORKFLOW, &[&STORY]);
    let told = STORY.tell();
    let renamed = |admin: &Admin| raw(admin, "leavers");
    told.rename("workflows.leavers", "those who leave", renamed);
    told.project.write_realm("[workflows.leavers]\n");
    told.delete(&[], |admin| names(admin) == ["hand"]);
}

/// What is scheduled stays so: the workflow changes in place, as far as the server lets it.
#[test]
fn what_is_scheduled_stays_scheduled() {
    if is_26_0("there are no workflows") {
        return;
    }
    let project = Project::new("kinds-workflow-scheduled");
    let admin = project.admin();
    let file = |on: &str, steps: &str| {
        project.write_realm(&format!("[workflows.leavers]\non = \"{on}\"\nsteps = [{steps}]\n"));
    };
    file("user-created", "{ uses = \"notify-user\", after = \"30d\" }, { uses = \"disable-user\", after = \"1d\" }");
    project.apply();
    admin.post("users", &json!({"username": "ann", "enabled": true}));
    let path = format!("workflows/scheduled/{}", admin.id("users", "username", "ann"));
    let scheduled = || admin.get(&path)[0]["steps"][0]["scheduled-at"].clone();
    let before = scheduled();
    assert!(before.is_i64(), "{before}");
    file(
        "user-created",
        "{ uses = \"notify-user\", after = \"20d\", with = { message = \"Bye\" } }, { uses = \"disable-user\", after = \"2d\" }",
    );
    project.apply();
    assert_eq!(scheduled(), before);
    let refused = |words: &str| {
        let failed = project.run(&["apply", "--yes"]);
        assert_eq!(failed.status, 6, "{}", failed.stderr);
        assert!(failed.stderr.contains(words), "{}", failed.stderr);
    };
    file("user-created", "{ uses = \"disable-user\", after = \"2d\" }");
    refused("Cannot change the number or order of steps when there are scheduled resources for the workflow");
    assert_eq!(scheduled(), before);
}

#[test]
fn many_are_found() {
    if is_26_0("there are no workflows") {
        return;
    }
    let project = Project::new("kinds-workflow-many");
    let workflows =
        (0..25).map(|i| format!("[workflows.w{i}]\nsteps = [{{ uses = \"disable-user\", after = \"{i}d\" }}]\n"));
    let workflows: String = workflows.collect();
    project.write_realm(&workflows);
    project.apply();
    let admin = project.admin();
    assert_eq!(names(&admin).len(), 25);
    admin.post("workflows", &json!({"name": "hand", "steps": [{"uses": "disable-user"}]}));
    project.assert_empty_plan();
    project.write_realm(&format!("prune = {{ workflows = \"all\" }}\n{workflows}"));
    assert_eq!(project.changes(), ["delete workflows/hand"]);
}

#[test]
fn what_cannot_be_is_said() {
    if is_26_0("there are no workflows") {
        return;
    }
    let project = Project::new("kinds-workflow-errors");
    let refused = |steps: &str, words: &str| {
        project.write_realm(&format!("[workflows.leavers]\nsteps = {steps}\n"));
        let refused = project.run(&["plan"]);
        assert_eq!(refused.status, 1, "{}\n{}", refused.stdout, refused.stderr);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        assert!(refused.stderr.contains("kinds-workflow-errors/realm.toml:2"), "{}", refused.stderr);
    };
    refused("[{ uses = \"disable-users\" }]", "did you mean `disable-user`?");
    refused("[{ use = \"disable-user\" }]", "did you mean `uses`?");
    refused("[{ after = \"1d\" }]", "expected uses = \"<provider>\"");
    refused("[{ uses = \"disable-user\", with = [1] }]", "expected a table, found a list");
    refused("[]", "expected a list such as");
    let failed = |file: &str, words: &str| {
        project.write_realm(file);
        let failed = project.run(&["apply", "--yes"]);
        assert_eq!(failed.status, 6, "{}", failed.stderr);
        assert!(failed.stderr.contains(words), "{}", failed.stderr);
    };
    failed("[workflows.leavers]\non = \"user-created\"\n", "is new and has no steps");
    failed(
        "[workflows.leavers]\non = \"user-creation\"\nsteps = [{ uses = \"disable-user\" }]\n",
        "Could not find provider factory with id: user-creation",
    );
}

/// Only whoever has every right of the realm may read them; a project that declares none needs no such right.
#[test]
fn the_right_that_is_missing_is_named() {
    if is_26_0("there are no workflows") {
        return;
    }
    let mut project = Project::new("kinds-workflow-rights");
    let admin = project.admin();
    let file = "[clients.viewer]\nsecret = { env = \"SECRET\" }\nserviceAccountsEnabled = true\n\
                serviceAccount.clientRoles.realm-management = [\"view-realm\", \"view-clients\", \"view-users\", \"view-identity-providers\"]\n";
    project.set("SECRET", "a viewer's secret");
    project.write_realm(file);
    project.apply();
    admin.post("workflows", &json!({"name": "hand", "steps": [{"uses": "disable-user"}]}));
    project.sign_in_as_client("kinds-workflow-rights", "viewer", "a viewer's secret");
    project.assert_empty_plan();
    let lacks = "403 Forbidden: the credential lacks realm-admin";
    for particular in [format!("{file}[workflows.hand]\n"), format!("prune.workflows = \"all\"\n{file}")] {
        project.write_realm(&particular);
        let refused = project.run(&["plan"]);
        assert_eq!(refused.status, 1, "{particular}");
        assert!(refused.stderr.contains(lacks), "{}", refused.stderr);
    }
    // What is swept with everything else is swept as far as it can be seen.
    project.write_realm(&format!("prune = \"all\"\n{file}"));
    let output = project.run(&["plan"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert!(output.stderr.contains("is planned without its workflows: ") && output.stderr.contains(lacks));
    // An import takes what it may see, and says what it may not.
    let imported = tempfile::tempdir().unwrap();
    let imported = imported.path().join("realms");
    let output = project.run(&["import", "kinds-workflow-rights", "--project", imported.to_str().unwrap()]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert!(
        output.stderr.contains("kinds-workflow-rights is imported without its workflows: GET ")
            && output.stderr.contains("the credential lacks realm-admin"),
        "{}",
        output.stderr
    );
}

fn names(admin: &Admin) -> Vec<String> {
    let all = admin.get("workflows?max=100");
    all.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

/// Without what the server makes anew at each change.
fn raw(admin: &Admin, name: &str) -> Value {
    let mut workflow = admin.find("workflows?max=100", "name", name);
    for step in workflow["steps"].as_array_mut().unwrap() {
        step.as_object_mut().unwrap().remove("id");
    }
    workflow
}
