//! A project in a folder of its own against the shared server: what a person would type, and what they would look at.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::admin::Admin;
use super::{Access, access, realmform};

/// What the program printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub status: i32,
}

/// One realm's files, and the environment that the program runs in.
pub struct Project {
    folder: TempDir,
    pub realm: String,
    environment: BTreeMap<String, String>,
}

impl Project {
    /// A project with one empty realm. Realms are a test's own: `name` is that of the test.
    pub fn new(name: &str) -> Self {
        let project = Self::beside(name);
        // A server that runs for longer has the realm of the run before.
        project.admin().delete_if_there("");
        project
    }

    /// Another folder with the same project, as on another machine; the realm stays as it is.
    pub fn beside(name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("realmform-test").tempdir().unwrap();
        let access = access();
        let environment = [
            ("KEYCLOAK_URL", access.http_url.as_str()),
            ("KEYCLOAK_USER", &access.user),
            ("KEYCLOAK_PASSWORD", &access.password),
            ("USER", "tester"),
        ];
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let project = Self { folder, realm: name.to_owned(), environment };
        // The program looks for other realms with the project's record, so that each test is a project of its own.
        project.write("realmform.toml", &format!("name = \"{name}\"\n"));
        project.write(&format!("{name}/realm.toml"), "");
        project
    }

    /// The same in a git repository.
    pub fn in_git(name: &str) -> Self {
        let project = Self::new(name);
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.commit("Start");
        project
    }

    /// The project's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a variable for the program.
    pub fn set(&mut self, variable: &str, value: &str) {
        self.environment.insert(variable.to_owned(), value.to_owned());
    }

    /// Points the program at another server than the shared one.
    pub fn use_server(&mut self, access: &Access) {
        self.set("KEYCLOAK_URL", &access.http_url);
        self.set("KEYCLOAK_USER", &access.user);
        self.set("KEYCLOAK_PASSWORD", &access.password);
    }

    /// Signs in as a client of a realm instead of as the administrator.
    pub fn sign_in_as_client(&mut self, realm: &str, client: &str, secret: &str) {
        self.environment.retain(|name, _| !matches!(name.as_str(), "KEYCLOAK_USER" | "KEYCLOAK_PASSWORD"));
        self.set("KEYCLOAK_REALM", realm);
        self.set("KEYCLOAK_CLIENT_ID", client);
        self.set("KEYCLOAK_CLIENT_SECRET", secret);
    }

    /// Writes a file of the project.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes the realm's one file.
    pub fn write_realm(&self, toml: &str) {
        self.write(&format!("{}/realm.toml", self.realm), toml);
    }

    /// Commits everything.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// Runs git in the project.
    pub fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=Test", "-c", "user.email=test@acme.example", "-c", "commit.gpgSign=false"];
        let status = Command::new("git")
            .args(identity)
            .args(arguments)
            .current_dir(self.folder())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .status();
        assert!(status.unwrap().success(), "git {arguments:?}");
    }

    /// Runs the program in the project's folder with this environment and no other.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_in(self.folder(), arguments)
    }

    /// The same in another folder.
    pub fn run_in(&self, folder: &Path, arguments: &[&str]) -> Output {
        let output = self.command(arguments).current_dir(folder).output().unwrap();
        Output {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code().unwrap(),
        }
    }

    /// The program, ready to be started there.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(realmform());
        command.args(arguments).current_dir(self.folder()).env_clear().envs(&self.environment);
        command
    }

    /// Applies, and expects it to succeed and to leave nothing to do.
    #[track_caller]
    pub fn apply(&self) -> Output {
        self.apply_with(&[])
    }

    /// The same with more arguments.
    #[track_caller]
    pub fn apply_with(&self, arguments: &[&str]) -> Output {
        let output = self.run(&[&["apply", "--yes"], arguments].concat());
        if output.status != 0 {
            let left = self.run(&["plan"]);
            panic!("{}\n{}\nleft to do:\n{}\n{}", output.stdout, output.stderr, left.stdout, left.stderr);
        }
        self.assert_empty_plan();
        output
    }

    /// The plan as JSON, which may be a refused one.
    #[track_caller]
    pub fn plan(&self) -> Value {
        let output = self.run(&["plan", "--format", "json"]);
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}\n{}", output.stdout, output.stderr))
    }

    /// The changes of the realm's plan as `action address: path, path`, those of the fields with their cause.
    #[track_caller]
    pub fn changes(&self) -> Vec<String> {
        let plan = self.plan();
        let changes = plan["realms"][&self.realm]["changes"].as_array().cloned().unwrap_or_default();
        changes.iter().map(line).collect()
    }

    /// Expects that nothing is left to do.
    #[track_caller]
    pub fn assert_empty_plan(&self) {
        let output = self.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(output.status, 0, "a plan that should be empty\n{}\n{}", output.stdout, output.stderr);
    }

    /// Hands for the realm.
    pub fn admin(&self) -> Admin {
        Admin::of(&self.realm)
    }
}

/// The administrator has a client with twenty roles for each realm, and the server looks through them at every request: each
/// realm that stays slows every other test down. That of a failed test stays to be looked at.
impl Drop for Project {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.realm != "master" {
            self.admin().delete_if_there("");
        }
    }
}

/// `update acme/roles/admin: description (edit)`
fn line(change: &Value) -> String {
    let fields = change["fields"].as_array().unwrap().iter().map(|field| {
        let path: Vec<&str> = field["path"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
        format!("{} ({})", path.join("."), field["cause"].as_str().unwrap())
    });
    let fields: Vec<String> = fields.collect();
    let (action, address) = (change["action"].as_str().unwrap(), change["address"].as_str().unwrap());
    let address = address.split_once('/').map_or("", |(_, within)| within);
    if fields.is_empty() { format!("{action} {address}") } else { format!("{action} {address}: {}", fields.join(", ")) }
}
