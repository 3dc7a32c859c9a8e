//! The program as a person runs it: everything that it prints and its exit code as one text, in an environment that
//! holds nothing but what the test says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use secrecy::ExposeSecret;
use tempfile::TempDir;

/// A folder to run the program in, and its environment.
pub struct Program {
    folder: TempDir,
    start: PathBuf,
    variables: Vec<(String, String)>,
}

impl Program {
    /// In an empty folder, without a server.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { start: folder.path().to_owned(), folder, variables: Vec::new() }
    }

    /// In an empty folder, with the shared server in the environment.
    pub fn with_server() -> Self {
        let server = super::server();
        Self::new()
            .with("KEYCLOAK_URL", server.http_url())
            .with("KEYCLOAK_USER", server.admin_user())
            .with("KEYCLOAK_PASSWORD", server.admin_password().expose_secret())
    }

    /// With one more variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Started in a folder of its own folder, or in any other.
    pub fn at(mut self, folder: impl AsRef<Path>) -> Self {
        self.start = self.folder.path().join(folder);
        self
    }

    /// The folder that goes with this value.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.folder().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Runs `git` in the folder.
    pub fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example", "-c", "commit.gpgsign=false"];
        let git = Command::new("git").current_dir(self.folder()).args(identity).args(arguments).output().unwrap();
        assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
    }

    /// Runs the program: status, standard output and standard error as one text.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.outcome(self.command(arguments))
    }

    /// Runs a line of shell in which `realmform` is the program under test.
    pub fn shell(&self, line: &str) -> String {
        let mut command = Command::new("sh");
        command.args(["-euc", line]);
        self.outcome(command)
    }

    /// The program, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(super::realmform());
        command.args(arguments);
        self.prepare(&mut command);
        command
    }

    fn prepare(&self, command: &mut Command) {
        let program = super::realmform();
        let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        command.current_dir(&self.start).env_clear().env("PATH", path).env("HOME", self.folder()).envs(variables);
    }

    fn outcome(&self, mut command: Command) -> String {
        self.prepare(&mut command);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let folder = self.folder().canonicalize().unwrap();
        let tidy = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.replace(folder.to_str().unwrap(), "FOLDER").replace(self.folder().to_str().unwrap(), "FOLDER")
        };
        let status = output.status.code().expect("no signal");
        format!("status: {status}\n--- stdout\n{}--- stderr\n{}", tidy(&output.stdout), tidy(&output.stderr))
    }
}

/// What a run printed as its result.
pub fn stdout(outcome: &str) -> &str {
    let (_, rest) = outcome.split_once("--- stdout\n").unwrap();
    rest.split_once("--- stderr\n").unwrap().0
}
