//! Blueprints that are not in the project: of another repository at a commit, or of a folder elsewhere.

use serde_json::Value;

use crate::schemas::Validator;
use crate::support::admin::Admin;
use crate::support::program::{Program, stdout};

const BLUEPRINT: &str = "displayName = \"Customer {{ id }}\"\n[roles.\"{{ id }}-viewer\"]\n";

/// A repository with a blueprint, and a project in another one that takes it from there.
struct Pair(Program);

impl Pair {
    fn new(program: Program, realm: &str) -> Self {
        let pair = Self(program.at("project"));
        for repository in ["shared", "project"] {
            pair.0.git(&["init", "--quiet", "--initial-branch=main", repository]);
        }
        pair.share("customer/blueprint.toml", "[parameters.id]\n", "Say what it takes");
        pair.share("customer/realm.toml", BLUEPRINT, "Make a blueprint");
        let project = format!("name = \"{realm}\"\n[blueprints.customer]\ngit = \"../shared\"\npath = \"customer\"\n");
        pair.0.write("project/realmform.toml", project);
        let used = "use = [{ blueprint = \"customer\", with = { id = \"acme\" } }]\n";
        pair.0.write(&format!("project/{realm}/realm.toml"), used);
        pair
    }

    fn commit_in(&self, repository: &str, message: &str) {
        self.0.git(&["-C", repository, "add", "--all"]);
        self.0.git(&["-C", repository, "commit", "--quiet", "--message", message]);
    }

    /// Commits a file of the shared repository.
    fn share(&self, path: &str, text: &str, message: &str) {
        self.0.write(&format!("shared/{path}"), text);
        self.commit_in("shared", message);
    }

    /// Runs the program, and expects how it ends.
    #[track_caller]
    fn run(&self, status: u8, arguments: &[&str]) -> String {
        let outcome = self.0.run(arguments);
        assert!(outcome.starts_with(&format!("status: {status}\n")), "{arguments:?}: {outcome}");
        outcome
    }

    /// As on a machine that fetched nothing yet.
    fn forget_what_was_fetched(&self) {
        std::fs::remove_dir_all(self.0.folder().join(".cache/realmform/blueprints")).unwrap();
    }

    fn move_away(&self, from: &str, to: &str) {
        std::fs::rename(self.0.folder().join(from), self.0.folder().join(to)).unwrap();
    }
}

#[test]
fn a_blueprint_from_git_is_what_the_lock_says() {
    const REALM: &str = "locked";
    let admin = Admin::of(REALM);
    admin.delete_if_there("");
    let pair = Pair::new(Program::with_server(), REALM);
    let unlocked = pair.run(1, &["check"]);
    assert!(unlocked.contains("`realmform update customer` writes it"), "{unlocked}");
    let moved = pair.run(2, &["update", "--check"]);
    assert!(
        moved.contains("customer of ../shared\n`realmform update` writes it into realmform.lock.toml.\n"),
        "{moved}"
    );
    assert!(!pair.0.folder().join("project/realmform.lock.toml").exists());
    pair.run(0, &["update"]);
    pair.commit_in("project", "Use a blueprint");
    pair.run(0, &["apply", "--yes"]);
    assert_eq!(admin.get("")["displayName"], "Customer acme");

    // What the branch is at now is nothing to the project, until it takes it.
    pair.share("customer/realm.toml", &BLUEPRINT.replace("Customer", "Dear"), "Greet");
    pair.run(0, &["plan", "--detailed-exitcode"]);
    pair.run(2, &["update", "--check"]);
    let updated = pair.run(0, &["update", "customer", "--format", "json"]);
    let updated: Value = serde_json::from_str(stdout(&updated)).unwrap();
    assert_eq!(Validator::of("output-update").errors_in(&updated), "");
    let told = &updated["blueprints"][0];
    assert_eq!(
        (&told["blueprint"], &told["git"], &told["ref"]),
        (&"customer".into(), &"../shared".into(), &Value::Null)
    );
    assert!(told["before"].is_string() && told["commit"].is_string() && told["before"] != told["commit"], "{told}");
    pair.run(0, &["update", "--check"]);
    let differs = pair.run(0, &["diff"]);
    assert!(differs.contains("~ displayName: \"Customer acme\" → \"Dear acme\""), "{differs}");
    pair.commit_in("project", "Take the new greeting");

    // It is an edit, of whoever changed the lock, also where nothing of the two commits was fetched yet.
    pair.forget_what_was_fetched();
    let planned = pair.run(0, &["plan", "--explain"]);
    assert!(planned.contains("blueprints/customer/realm.toml:1 (locked/realm.toml:1)  edit\n"), "{planned}");
    assert!(planned.contains("Take the new greeting"), "{planned}");
    assert_eq!(planned.matches("note: fetching commit ").count(), 2, "{planned}");
    let explained = pair.run(0, &["explain", "locked.displayName"]);
    assert!(explained.contains("Take the new greeting"), "{explained}");

    // Without the older commit nobody can tell, and says so.
    pair.forget_what_was_fetched();
    let blind = pair.run(0, &["plan", "--no-fetch"]);
    assert!(blind.contains(" of ../shared is not here"), "{blind}");
    pair.run(0, &["apply", "--yes"]);
    assert_eq!(admin.get("")["displayName"], "Dear acme");

    // What is here needs nobody; what is not is asked for.
    pair.move_away("shared", "elsewhere");
    pair.run(0, &["plan", "--detailed-exitcode"]);
    pair.forget_what_was_fetched();
    let lost = pair.run(1, &["plan"]);
    assert!(lost.contains("cannot be fetched: fatal: '../shared' does not appear to be a git"), "{lost}");
    let lock = std::fs::read(pair.0.folder().join("project/realmform.lock.toml")).unwrap();
    let failed = pair.run(1, &["update"]);
    assert!(failed.contains("1 blueprint could not be taken from git; nothing was written"), "{failed}");
    assert_eq!(std::fs::read(pair.0.folder().join("project/realmform.lock.toml")).unwrap(), lock);
    pair.move_away("elsewhere", "shared");

    // The next one is made of it as well.
    pair.run(0, &["new", "tenant", "locked-beta", "--blueprint", "customer", "--with", "id=beta"]);
    let files = pair.run(0, &["check"]);
    assert!(files.contains("In order: 4 objects in 2 realms."), "{files}");
    admin.delete_if_there("");
}

#[test]
fn a_reference_is_a_branch_a_tag_or_a_commit() {
    let pair = Pair::new(Program::new(), "acme");
    pair.0.git(&["-C", "shared", "tag", "-a", "v1", "-m", "one"]);
    let project = |reference: &str| {
        let git = "[blueprints.customer]\ngit = \"../shared\"\npath = \"customer\"\n";
        pair.0.write("project/realmform.toml", format!("name = \"x\"\n{git}ref = \"{reference}\"\n"));
    };
    let text = || std::fs::read_to_string(pair.0.folder().join("project/realmform.lock.toml")).unwrap();
    project("v1");
    pair.run(0, &["update"]);
    let of_v1 = text();
    pair.share("customer/realm.toml", &BLUEPRINT.replace("Customer", "Dear"), "Greet");
    // The lock is of what was asked for, and another question needs another answer.
    project("main");
    let other = pair.run(1, &["check"]);
    assert!(other.contains("the lock of `customer` is for another repository or reference"), "{other}");
    let updated = pair.run(0, &["update"]);
    assert!(updated.contains(" → ") && updated.contains("customer of ../shared (main)"), "{updated}");
    assert_ne!(text(), of_v1);
    project("v2");
    let unknown = pair.run(1, &["update"]);
    assert!(unknown.contains("customer: ../shared: it has no branch or tag `v2`\n"), "{unknown}");

    // The id of a commit says it all, and needs no lock.
    let commit = of_v1.lines().find_map(|line| line.strip_prefix("commit = ")).unwrap().trim_matches('"');
    project(commit);
    pair.run(0, &["check"]);
    let nothing = pair.run(0, &["update"]);
    assert!(
        nothing.contains("The project takes no blueprint from git whose commit it does not say itself.\n"),
        "{nothing}"
    );
    assert!(!pair.0.folder().join("project/realmform.lock.toml").exists());
    let own = pair.run(64, &["update", "customer"]);
    assert!(own.contains("error: update customer: realmform.toml itself says its commit"), "{own}");

    // What is wrong in it is shown with where it comes from.
    pair.share("customer/realm.toml", "displayName = \"{{ idd }}\"\n", "Misspell");
    project("main");
    pair.run(0, &["update"]);
    let wrong = pair.run(1, &["check"]);
    let note = "note: blueprints/customer is customer of ../shared (main), commit ";
    assert!(wrong.contains(note) && wrong.contains("╭─[blueprints/customer/realm.toml:1:"), "{wrong}");

    pair.0.write("project/blueprints/customer/blueprint.toml", "");
    let twice = pair.run(1, &["check"]);
    assert!(twice.contains("there are two blueprints `customer`: the folder blueprints/customer, and this"), "{twice}");
    std::fs::remove_dir_all(pair.0.folder().join("project/blueprints")).unwrap();
    pair.0.git(&["-C", "shared", "rm", "-rq", "customer"]);
    pair.share("other/blueprint.toml", "", "Rename");
    let gone = pair.run(1, &["update"]);
    assert!(gone.contains(" of ../shared has no folder customer\n"), "{gone}");
}

#[test]
fn a_folder_elsewhere_is_read_as_it_is() {
    let pair = Pair::new(Program::new(), "acme");
    let project = |path: &str| {
        pair.0.write("project/realmform.toml", format!("name = \"x\"\n[blueprints.customer]\npath = \"{path}\"\n"));
    };
    project("../shared/customer");
    pair.commit_in("project", "Use a folder");
    pair.run(0, &["check"]);
    // It is of another repository, and no commit of the project has it.
    let foreign = pair.run(1, &["check", "--rev", "HEAD"]);
    assert!(foreign.contains("../shared/customer is not in the project's repository"), "{foreign}");
    let clean = "name = \"x\"\npolicy.requireClean = true\n[blueprints.customer]\npath = \"../shared/customer\"\n";
    pair.0.write("project/realmform.toml", clean);
    pair.commit_in("project", "Require a clean tree");
    let dirty = pair.run(1, &["apply", "--yes", "--url", "http://127.0.0.1:9", "--user", "admin"]);
    assert!(dirty.contains("the work tree differs from its commit"), "{dirty}");

    // Of the same repository it goes with the project's commits.
    let pair = Pair(pair.0.at("project/teams"));
    pair.0.write("project/patterns/customer/blueprint.toml", "[parameters.id]\n");
    pair.0.write("project/patterns/customer/realm.toml", BLUEPRINT);
    pair.0.write(
        "project/teams/realmform.toml",
        "name = \"x\"\n[blueprints.customer]\npath = \"../patterns/customer\"\n",
    );
    let used = "use = [{ blueprint = \"customer\", with = { id = \"acme\" } }]\n";
    pair.0.write("project/teams/acme/realm.toml", used);
    pair.commit_in("project", "Share a folder");
    pair.run(0, &["diff", "--detailed-exitcode"]);
    pair.0.write("project/patterns/customer/realm.toml", BLUEPRINT.replace("Customer", "Dear"));
    let changed = pair.run(2, &["diff", "--detailed-exitcode"]);
    assert!(changed.contains("~ displayName: \"Customer acme\" → \"Dear acme\""), "{changed}");
    pair.run(0, &["check", "--rev", "HEAD"]);
    std::fs::remove_file(pair.0.folder().join("project/patterns/customer/blueprint.toml")).unwrap();
    let without = pair.run(1, &["check"]);
    assert!(without.contains("there is no blueprint.toml in ../patterns/customer"), "{without}");
    std::fs::remove_dir_all(pair.0.folder().join("project/patterns")).unwrap();
    let gone = pair.run(1, &["check"]);
    assert!(gone.contains("../patterns/customer cannot be read: "), "{gone}");
}
