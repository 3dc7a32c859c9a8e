//! Plans that are saved, and applied later, elsewhere, or not at all.

use std::path::PathBuf;

use realmform::model::{Address, kinds};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::readers::everything;
use crate::schemas::Validator;
use crate::support::is_26_0;
use crate::support::project::{Output, Project};

const SECRET: &str = "a-secret-that-nobody-guesses-4711";

/// A realm of a client with a secret, a role and a group.
const REALM: &str = r#"
displayName = "Before"
[roles.clerk]
description = "Sells"
[clients.shop]
name = "Shop"
secret = { env = "SECRET" }
redirectUris = ["https://shop.example/*"]
[identityProviders.up]
providerId = "oidc"
config = { clientId = "x", clientSecret = { env = "SECRET" }, authorizationUrl = "https://u.example/a", tokenUrl = "https://u.example/t" }
"#;

struct Story {
    project: Project,
    outside: TempDir,
}

impl Story {
    fn new(name: &str) -> Self {
        let mut project = Project::in_git(name);
        project.set("SECRET", SECRET);
        project.write_realm(REALM);
        project.commit("A shop");
        Self { project, outside: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.outside.path().join("a.plan")
    }

    /// Declares something else, commits it and saves the plan.
    fn plan(&self, from: &str, to: &str) {
        self.edit(from, to);
        self.save(&[]);
    }

    fn edit(&self, from: &str, to: &str) {
        let path = format!("{}/realm.toml", self.project.realm);
        let text = std::fs::read_to_string(self.project.folder().join(&path)).unwrap();
        assert!(text.contains(from), "{from}");
        self.project.write(&path, &text.replace(from, to));
        self.project.commit(&format!("Say {to}"));
    }

    #[track_caller]
    fn save(&self, arguments: &[&str]) -> Output {
        let file = self.file();
        let output = self.project.run(&[&["plan", "--out", file.to_str().unwrap()], arguments].concat());
        assert_eq!(output.status, 0, "{output:?}");
        output
    }

    fn apply(&self) -> Output {
        self.project.run(&["apply", self.file().to_str().unwrap()])
    }

    fn document(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.file()).unwrap()).unwrap()
    }

    /// Expects that the plan is refused as stale, for this reason, and that nothing is changed.
    #[track_caller]
    fn refused(&self, reason: &str) {
        let before = self.project.admin().get("clients?max=1000").to_string() + &self.project.admin().text("");
        let output = self.apply();
        assert_eq!(output.status, 5, "{reason}: {output:?}");
        assert!(output.stdout.contains(reason) || output.stderr.contains(reason), "{reason}: {output:?}");
        assert!(!output.stderr.contains("applied"), "{output:?}");
        let after = self.project.admin().get("clients?max=1000").to_string() + &self.project.admin().text("");
        assert_eq!(before, after, "{reason}");
    }
}

#[test]
fn a_saved_plan_is_applied_without_its_files() {
    let story = Story::new("saved-elsewhere");
    let output = story.save(&[]);
    assert!(output.stderr.contains("saved to ") && output.stderr.contains("realmform apply "), "{output:?}");
    let text = std::fs::read_to_string(story.file()).unwrap();
    assert!(!text.contains(SECRET), "a saved plan holds no secret");
    assert_eq!(Validator::of("saved-plan").errors_in(&story.document()), "");
    assert_eq!(Validator::of("output-plan").errors_in(&story.project.plan()), "");
    let shown = story.project.run(&["show", story.file().to_str().unwrap()]);
    assert_eq!(shown.status, 0, "{shown:?}");
    let plan = story.project.run(&["plan"]).stdout;
    let description = shown.stdout.strip_prefix(&plan).unwrap_or_else(|| panic!("{}\n{plan}", shown.stdout));
    assert!(
        description.starts_with("Plan of saved-elsewhere at ") && description.lines().count() == 1,
        "{description}"
    );

    let shown = story.project.run(&["show", story.file().to_str().unwrap(), "--format", "markdown"]).stdout;
    let output = elsewhere(&story);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stderr.contains("read again, nothing is left to do"), "{output:?}");
    let reported = std::fs::read_to_string(story.outside.path().join("applied.md")).unwrap();
    assert!(
        shown.starts_with(&reported) && reported.starts_with("<!-- realmform:plan saved-elsewhere http"),
        "{shown}"
    );
    story.project.assert_empty_plan();
    let record = story.project.admin().client("realmform:saved-elsewhere");
    let record = story.project.admin().get(&format!("clients/{record}"));
    let commit = story.document()["files"]["commit"].as_str().unwrap()[..7].to_owned();
    assert!(record["description"].as_str().unwrap().contains(&commit), "the record names the plan's commit: {record}");

    // Once more: it is done.
    let again = story.apply();
    assert_eq!(again.status, 5, "{again:?}");
    assert!(again.stdout.contains("was made"), "{again:?}");
}

/// Applies in a folder without a project.
fn elsewhere(story: &Story) -> Output {
    story.project.run_in(story.outside.path(), &["apply", "a.plan", "--report", "markdown=applied.md"])
}

/// What every kind has, changed, renamed and deleted through a saved plan.
#[test]
fn a_saved_plan_changes_everything() {
    let mut story = Story::new("saved-everything");
    story.project.set("SECRET", SECRET);
    story.project.write_realm(&everything());
    story.project.commit("Everything");
    story.save(&[]);
    let output = elsewhere(&story);
    assert_eq!(output.status, 0, "{output:?}");
    story.project.assert_empty_plan();

    story.edit("displayName = \"ACME\"", "displayName = \"ACME 2\"");
    story.edit("attributes.a = \"b\"\nsmtp", "smtp");
    story.edit("[roles.auditor]", "[roles.reviser]\nlifecycle.renamedFrom = \"auditor\"");
    story.edit("\"auditor\"", "\"reviser\"");
    story.edit("lifecycle.renamedFrom = \"reviser\"", "lifecycle.renamedFrom = \"auditor\"");
    story.edit("scopeMappings = [\"reviser\", \"shop:refund\"]", "scopeMappings = [\"shop:refund\"]");
    story.edit("unmanagedAttributePolicy = \"ADMIN_VIEW\"\n", "");
    story.edit("loginTitle = \"Hallo\"", "loginTitle = \"Guten Tag\"");
    story.edit("executors = [{ executor = \"secure-session\" }]", "executors = []");
    story.edit("loa-condition-level = 1", "loa-condition-level = 2");
    story.edit("firstName = \"Ana\"", "lastName = \"Ana\"");
    story.edit("[clients.view]", "[clients.viewer]\nlifecycle.renamedFrom = \"view\"");
    if !is_26_0("there are no permissions") {
        story.edit("clients = [\"shop\", \"view\"]", "clients = [\"shop\", \"viewer\"]");
    }
    story.edit("clients = [\"view\", \"manage\"]", "clients = [\"viewer\", \"manage\"]");
    story.save(&["--allow-many-deletes"]);
    let output = elsewhere(&story);
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.stderr.contains("read again, nothing is left to do"), "{output:?}");
    story.project.assert_empty_plan();

    story.project.write_realm("");
    story.project.commit("Nothing");
    let admin = Address::realm("saved-everything");
    let consents = [
        admin.child(&kinds::USER_FEDERATION, "ldap"),
        admin.child(&kinds::IDENTITY_PROVIDER, "up"),
        admin.child(&kinds::USER, "ana"),
        admin.child(&kinds::ORGANIZATION, "acme"),
    ]
    .map(|address| format!("--allow-destroy={address}"));
    let consents: Vec<&str> = consents.iter().map(String::as_str).collect();
    story.save(&[&["--allow-many-deletes"], consents.as_slice()].concat());
    let output = elsewhere(&story);
    assert_eq!(output.status, 0, "{output:?}");
    story.project.assert_empty_plan();
}

#[test]
fn a_plan_is_stale_when_anything_moved() {
    let story = Story::new("saved-stale");
    story.project.apply();
    let admin = story.project.admin();
    let shop = admin.client("shop");
    story.plan("name = \"Shop\"", "name = \"The shop\"");

    // An object of the plan, in a declared leaf and in one that is nobody's.
    admin.put(&format!("clients/{shop}"), &json!({"clientId": "shop", "name": "By hand", "description": "new"}));
    story.refused("saved-stale/clients/shop was changed");
    let told = story.apply().stdout;
    assert!(told.contains("name: \"Shop\" → \"By hand\"") && told.contains("description: (not shown)"), "{told}");
    admin.put(&format!("clients/{shop}"), &json!({"clientId": "shop", "name": "Shop", "description": ""}));

    // Its secret on the server.
    admin.put(&format!("clients/{shop}"), &json!({"clientId": "shop", "secret": "another"}));
    story.refused("saved-stale/clients/shop was changed");
    admin.put(&format!("clients/{shop}"), &json!({"clientId": "shop", "secret": SECRET}));

    // What is not planned may change.
    let role = json!({"name": "clerk", "description": "by hand"});
    admin.put("roles/clerk", &role);

    // Other files: another commit, or changes that are not committed.
    story.edit("displayName = \"Before\"", "displayName = \"After\"");
    story.refused("it was made from ");
    story.save(&[]);
    story.project.write("saved-stale/more.toml", "[roles.more]\n");
    story.refused("the files changed");
    std::fs::remove_file(story.project.folder().join("saved-stale/more.toml")).unwrap();

    // Another address of the server.
    let other = elsewhere_at(&story, "http://localhost:1");
    assert_eq!(other.status, 1, "nothing answers there: {other:?}");

    // Its time.
    story.save(&["--expires", "1s"]);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    story.refused("its time was over at ");
    story.save(&[]);

    // A project of another name.
    let other = Project::new("saved-stale-other");
    let output = other.run(&["apply", "--project", other.folder().to_str().unwrap(), story.file().to_str().unwrap()]);
    assert_eq!(output.status, 5, "{output:?}");
    assert!(output.stdout.contains("it is a plan of project saved-stale, and this is saved-stale-other"), "{output:?}");

    // Another run of the project.
    story.project.write_realm(&(REALM.to_owned() + "[roles.another]\n"));
    assert_eq!(story.project.run(&["apply", "--yes"]).status, 0);
    story.project.write_realm(&REALM.replace("\"Shop\"", "\"The shop\"").replace("\"Before\"", "\"After\""));
    story.refused("another run applied ");

    // Another project.
    story.save(&[]);
    let platform = Project::new("saved-stale-platform");
    platform.write("saved-stale/realm.toml", "[roles.platform]\n");
    std::fs::remove_dir_all(platform.folder().join("saved-stale-platform")).unwrap();
    assert_eq!(platform.run(&["apply", "--yes"]).status, 0);
    story.refused("project saved-stale-platform applied ");
}

fn elsewhere_at(story: &Story, url: &str) -> Output {
    story.project.run_in(story.outside.path(), &["apply", "a.plan", "--url", url])
}

#[test]
fn a_plan_holds_the_secrets_that_it_was_made_with() {
    let mut story = Story::new("saved-secret");
    story.save(&[]);
    story.project.set("SECRET", "another");
    let output = elsewhere(&story);
    assert_eq!(output.status, 5, "{output:?}");
    assert!(output.stdout.contains("the secret env SECRET has another value"), "{output:?}");
    assert_eq!(story.project.admin().status(""), 404);
    story.project.set("SECRET", "");
    let output = elsewhere(&story);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains("SECRET"), "{output:?}");
}

#[test]
fn a_plan_that_was_tampered_with_is_refused() {
    let mut story = Story::new("saved-tampered");
    story.save(&[]);
    let text = std::fs::read_to_string(story.file()).unwrap();
    for (from, to) in [
        ("https://shop.example/*", "https://evil.example/*"),
        ("\"savedPlanVersion\": 1", "\"savedPlanVersion\": 2"),
        ("\"expires\": \"20", "\"expires\": \"21"),
        ("\"preventDestroy\": false", "\"preventDestroy\": true"),
        ("{\n", "{\n  \"unknown\": 1,\n"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        std::fs::write(story.file(), &changed).unwrap();
        let output = elsewhere(&story);
        assert_eq!(output.status, 5, "{from}: {output:?}");
        let told = if from.contains("Version") { "was saved in format 2" } else { "it was changed after it was saved" };
        assert!(output.stderr.contains(told), "{from}: {output:?}");
    }
    std::fs::write(story.file(), "{}").unwrap();
    let output = elsewhere(&story);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains("it is no saved plan"), "{output:?}");

    // Whoever can change the file can change the digest, too, but not without the key.
    story.project.set("REALMFORM_PLAN_KEY", "the key of the pipeline");
    std::fs::write(story.file(), &text).unwrap();
    let output = elsewhere(&story);
    assert_eq!(output.status, 5, "{output:?}");
    assert!(output.stderr.contains("it is not sealed with the key"), "{output:?}");
    story.save(&[]);
    assert_eq!(story.document()["seal"].as_str().unwrap().split(':').next(), Some("hmac-sha256"));
    story.project.set("REALMFORM_PLAN_KEY", "");
    let output = elsewhere(&story);
    assert!(output.status == 5 && output.stderr.contains("it is sealed with a key"), "{output:?}");
    story.project.set("REALMFORM_PLAN_KEY", "another key");
    let output = elsewhere(&story);
    assert!(output.status == 5 && output.stderr.contains("it was changed after it was saved"), "{output:?}");
    assert_eq!(story.project.admin().status(""), 404);
    story.project.set("REALMFORM_PLAN_KEY", "the key of the pipeline");
    assert_eq!(elsewhere(&story).status, 0);
    story.project.assert_empty_plan();
}

/// The reviewed plan is what runs, though the branch was merged since.
#[test]
fn what_is_expected_is_applied() {
    let story = Story::new("saved-expected");
    story.project.apply();
    story.plan("name = \"Shop\"", "name = \"The shop\"");
    let file = story.file();
    let expect = ["apply", "--expect", file.to_str().unwrap()];
    story.edit("displayName = \"Before\"", "displayName = \"After\"");
    let output = story.project.run(&expect);
    assert_eq!(output.status, 5, "{output:?}");
    assert!(output.stdout.contains("Planned, and not expected:\n\n~ realm saved-expected"), "{output:?}");
    assert!(!output.stdout.contains("Expected, and not planned"), "{output:?}");

    story.edit("displayName = \"After\"", "# A comment that moves the lines.\n\ndisplayName = \"Before\"");
    let report = story.outside.path().join("applied.json");
    let output = story.project.run(&[&expect[..], &["--report", &format!("json={}", report.display())]].concat());
    assert_eq!(output.status, 0, "{output:?}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(report["summary"]["update"], 1, "what was applied is reported: {report:#}");
    story.project.assert_empty_plan();
    let again = story.project.run(&expect);
    assert_eq!(again.status, 0, "nothing is left to do: {again:?}");
}

#[test]
fn a_refused_plan_is_not_saved() {
    let story = Story::new("saved-refused");
    story.project.apply();
    story.project.write_realm("");
    story.project.commit("Nothing");
    let output = story.project.run(&["plan", "--out", story.file().to_str().unwrap()]);
    assert_eq!(output.status, 4, "{output:?}");
    assert!(!story.file().exists());
}
