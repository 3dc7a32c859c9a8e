//! The repository, the server and the forge's memory, and what happens to them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Forge;
use crate::support::admin::Admin;
use crate::support::project::Project;
use crate::support::{access, realmform};

const REALM: &str = r#"
displayName = "Before"
accessTokenLifespan = 300

[roles.clerk]
description = "Sells"


# Applications.

[clients.shop]
name = "Shop"
secret = { env = "SHOP_SECRET" }

[identityProviders.up]
providerId = "oidc"
config = { clientId = "x", clientSecret = { env = "SHOP_SECRET" }, authorizationUrl = "https://u.example/a", tokenUrl = "https://u.example/t" }
"#;

/// What starts a pipeline.
#[derive(Clone, Debug)]
pub struct Event {
    /// `review`, `push`, `night` or `by hand`.
    pub sort: &'static str,
    /// What is checked out: of a review, the branch.
    pub commit: String,
    /// Of a review, its number and its branch's.
    pub number: u32,
    /// Whether a review comes from another repository.
    pub fork: bool,
    /// `all`, as far as the branch may have them, or `none`.
    pub secrets: &'static str,
    /// What a person typed who started it.
    pub options: String,
}

/// A job that ran: its name, its exit code and what it printed.
pub struct Job {
    pub name: String,
    pub status: i32,
    pub output: String,
}

/// A project on the server, its repository, and a forge that remembers.
pub struct World {
    pub project: Project,
    outside: TempDir,
    secrets: BTreeMap<&'static str, &'static str>,
    reviews: u32,
    runs: Cell<u32>,
    log: RefCell<String>,
}

impl World {
    /// A realm that was applied, with a client that may read it and one that may write it. `None` without `jq`, which
    /// machines that run pipelines have.
    pub fn new(name: &str) -> Option<Self> {
        if Command::new("jq").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("jq is not installed: the pipelines are not run");
            return None;
        }
        let mut project = Project::in_git(name);
        project.set("SHOP_SECRET", "s3cr3t-of-the-shop");
        project.write_realm(REALM);
        project.commit("A shop");
        project.apply();
        let secrets = [
            ("KEYCLOAK_VIEWER_SECRET", "s3cr3t-of-the-viewer"),
            ("KEYCLOAK_SECRET", "s3cr3t-of-the-writer"),
            ("REALMFORM_PLAN_KEY", "s3cr3t-key-of-plans"),
            ("SHOP_SECRET", "s3cr3t-of-the-shop"),
        ];
        let outside = tempfile::tempdir().unwrap();
        for folder in ["bin", "forge/merged", "forge/heads", "forge/runs", "forge/artifacts"] {
            std::fs::create_dir_all(outside.path().join(folder)).unwrap();
        }
        let fakes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recipes/fakes");
        for fake in ["gh", "curl", "cargo"] {
            symlink(fakes.join(fake), outside.path().join("bin").join(fake)).unwrap();
        }
        symlink(realmform(), outside.path().join("bin/realmform")).unwrap();
        let (runs, log) = (Cell::new(10), RefCell::default());
        let world = Self { project, outside, secrets: secrets.into(), reviews: 0, runs, log };
        // On every review there is somebody else's comment that looks like one of ours.
        let marker = format!("<!-- realmform:plan {} {} -->", world.realm(), Self::url());
        let other =
            json!([{"id": 1, "user": {"login": "eve"}, "author": {"id": 6}, "body": format!("{marker}\nMine")}]);
        std::fs::write(world.forge().join("comments.json"), other.to_string()).unwrap();
        std::fs::write(world.forge().join("issues.json"), "[]").unwrap();
        world.let_in(
            "realmform-viewer",
            "s3cr3t-of-the-viewer",
            &["view-realm", "view-clients", "view-users", "view-identity-providers"],
        );
        world.let_in("realmform", "s3cr3t-of-the-writer", &["realm-admin"]);
        Some(world)
    }

    /// Makes a client that pipelines sign in with.
    fn let_in(&self, client: &str, secret: &str, roles: &[&str]) {
        let admin = self.admin();
        admin.post("clients", &json!({"clientId": client, "secret": secret, "serviceAccountsEnabled": true}));
        let account = admin.get(&format!("clients/{}/service-account-user", admin.client(client)));
        let management = admin.client("realm-management");
        let roles: Vec<Value> =
            roles.iter().map(|role| admin.get(&format!("clients/{management}/roles/{role}"))).collect();
        let account = account["id"].as_str().unwrap();
        admin.post(&format!("users/{account}/role-mappings/clients/{management}"), &json!(roles));
    }

    pub fn realm(&self) -> &str {
        &self.project.realm
    }

    pub fn url() -> &'static str {
        &access().http_url
    }

    pub fn admin(&self) -> Admin {
        self.project.admin()
    }

    /// The folder of what the forge remembers.
    pub fn forge(&self) -> PathBuf {
        self.outside.path().join("forge")
    }

    /// The realm's file as main has it.
    pub fn realm_file(&self) -> String {
        self.git(&["show", &format!("main:{}/realm.toml", self.realm())])
    }

    /// Something else than a review, of main as it is.
    pub fn event(&self, sort: &'static str) -> Event {
        let commit = self.rev("main");
        Event { sort, commit, number: 0, fork: false, secrets: "all", options: String::new() }
    }

    /// Opens a review of a branch that says `to` where main says `from`.
    pub fn propose(&mut self, from: &str, to: &str) -> Event {
        self.reviews += 1;
        self.git(&["checkout", "--quiet", "-b", &format!("review-{}", self.reviews), "main"]);
        self.edit(from, to);
        Event { sort: "review", number: self.reviews, ..self.head() }
    }

    /// Adds a commit to the branch of a review.
    pub fn amend(&self, review: &Event, from: &str, to: &str) -> Event {
        self.git(&["checkout", "--quiet", &format!("review-{}", review.number)]);
        self.edit(from, to);
        Event { commit: self.head().commit, ..review.clone() }
    }

    /// Brings a review to main, as one new commit.
    pub fn merge(&self, review: &Event) -> Event {
        self.git(&["checkout", "--quiet", "main"]);
        self.git(&["merge", "--quiet", "--squash", &format!("review-{}", review.number)]);
        self.project.commit("Merge");
        let event = self.event("push");
        self.remember(&format!("merged/{}", event.commit), &review.number.to_string());
        event
    }

    /// Commits to main without a review.
    pub fn push(&self, from: &str, to: &str) -> Event {
        self.git(&["checkout", "--quiet", "main"]);
        self.edit(from, to);
        self.event("push")
    }

    fn edit(&self, from: &str, to: &str) {
        let path = self.project.folder().join(self.realm()).join("realm.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(path, text.replace(from, to)).unwrap();
        self.project.commit(&format!("Say {to}"));
    }

    fn head(&self) -> Event {
        Event { commit: self.rev("HEAD"), ..self.event("review") }
    }

    /// Runs what an event starts: the jobs in their order, with their exit codes.
    pub fn run(&self, forge: &impl Forge, event: &Event) -> Vec<(&'static str, i32)> {
        self.runs.set(self.runs.get() + 1);
        if event.sort == "review" {
            self.remember(&format!("heads/{}", event.number), &event.commit);
        }
        let jobs = forge.run(self, event);
        if event.sort == "review" && jobs.iter().all(|job| job.status == 0) {
            self.remember(&format!("runs/{}", event.commit), &self.runs.get().to_string());
        }
        *self.log.borrow_mut() = jobs.iter().map(|job| job.output.as_str()).collect();
        let named = jobs.iter().map(|job| {
            let names = ["check", "plan", "apply", "apply-by-hand", "drift"];
            (names.into_iter().find(|name| *name == job.name).unwrap(), job.status)
        });
        let ended: Vec<_> = named.collect();
        println!("{}: {ended:?}\n{}", event.sort, self.log());
        ended
    }

    /// What the jobs of the last run printed.
    pub fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// A fresh clone of a commit. With it comes whatever the job leaves there.
    pub fn clone_of(&self, commit: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_str().unwrap();
        self.git(&["clone", "--quiet", "--no-checkout", self.project.folder().to_str().unwrap(), here]);
        self.git(&["-C", here, "checkout", "--quiet", "--detach", commit]);
        folder
    }

    /// A fresh clone of what merging a review now would make; main stays as it is.
    pub fn clone_of_merge(&self, review: &Event) -> TempDir {
        let folder = self.clone_of(&self.rev("main"));
        let here = folder.path().to_str().unwrap();
        self.git(&["-C", here, "merge", "--quiet", "--no-ff", "-m", "Merge", &review.commit]);
        folder
    }

    /// The commit that a branch or tag names.
    pub fn rev(&self, name: &str) -> String {
        self.git(&["rev-parse", name]).trim().to_owned()
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let identity =
            ["-c", "user.name=Test", "-c", "user.email=test@acme.example", "-c", "advice.detachedHead=false"];
        let mut git = Command::new("git");
        git.args(identity).args(arguments).current_dir(self.project.folder());
        let output = git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A secret of the repository as a job of this event gets it; `writes` where it is one that main alone may have.
    pub fn secret(&self, event: &Event, name: &str, may_write: bool) -> String {
        let has = event.secrets == "all" && (may_write || name != "KEYCLOAK_SECRET");
        let known = self.secrets.get(name).unwrap_or_else(|| panic!("what is the secret {name}?"));
        if has { (*known).to_owned() } else { String::new() }
    }

    /// Runs commands as a job does: its exit code, and all that it printed.
    pub fn bash(&self, folder: &Path, script: &str, environment: &BTreeMap<String, String>) -> (i32, String) {
        let bin = self.outside.path().join("bin");
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c"]).arg(format!("exec 2>&1\n{script}"));
        command.current_dir(folder).env_clear().envs(environment);
        // In place of what the recipes name, and of the administrator's realm.
        command.env("KEYCLOAK_URL", Self::url()).env("KEYCLOAK_REALM", self.realm());
        command.env("FORGE", self.forge()).env("HOME", self.outside.path());
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }

    /// Where the artifacts of this run are kept by that name.
    pub fn artifacts(&self, name: &str) -> PathBuf {
        self.forge().join("artifacts").join(self.runs.get().to_string()).join(name)
    }

    /// Keeps files of a job; each has to be there.
    pub fn keep(&self, folder: &Path, paths: &[&str], name: &str) {
        std::fs::create_dir_all(self.artifacts(name)).unwrap();
        for path in paths {
            std::fs::copy(folder.join(path), self.artifacts(name).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        }
    }

    /// Gives a job the files that an earlier one of this run kept.
    pub fn fetch(&self, folder: &Path, name: &str) {
        std::fs::create_dir_all(folder).unwrap();
        for file in self.artifacts(name).read_dir().unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
    }

    /// Changes the plans that are kept.
    pub fn tamper(&self, from: &str, to: &str) {
        for path in self.plans() {
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(path, text.replace(from, to)).unwrap();
        }
    }

    /// Keeps no plan any longer.
    pub fn expire(&self) {
        self.plans().iter().for_each(|path| std::fs::remove_dir_all(path.parent().unwrap()).unwrap());
    }

    fn plans(&self) -> Vec<PathBuf> {
        let files = walkdir::WalkDir::new(self.forge().join("artifacts")).into_iter().map(Result::unwrap);
        files.filter(|file| file.file_name() == "review.plan").map(|file| file.path().to_owned()).collect()
    }

    /// The comments that the pipelines made on a review.
    pub fn comments(&self, review: &Event) -> Vec<String> {
        let all = self.remembered("comments.json");
        assert!(all[0]["body"].as_str().unwrap().ends_with("\nMine"), "{all:#}");
        let number = review.number.to_string();
        let of = all.as_array().unwrap().iter().filter(|comment| comment["of"] == number);
        of.map(|comment| comment["body"].as_str().unwrap().to_owned()).collect()
    }

    pub fn issues(&self) -> Value {
        self.remembered("issues.json")
    }

    fn remember(&self, path: &str, text: &str) {
        std::fs::write(self.forge().join(path), text).unwrap();
    }

    fn remembered(&self, path: &str) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.forge().join(path)).unwrap()).unwrap()
    }

    /// Every process of a machine can read the arguments of the others.
    pub fn assert_no_secret_was_an_argument(&self) {
        let calls = std::fs::read_to_string(self.forge().join("calls")).unwrap();
        assert!(calls.lines().count() > 20, "{calls}");
        assert!(calls.contains("cargo install --locked --git ") || !calls.contains("gh "), "{calls}");
        for secret in ["s3cr3t", "the-token"] {
            assert!(!calls.contains(secret), "{calls}");
        }
    }
}
