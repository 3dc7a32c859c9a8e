//! A project in a folder of its own, and the program run on it with nothing of the developer's environment.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use realmform::keycloak::http::Http;
use realmform::keycloak::path::{query, segment};
use realmform::keycloak::{Connection, Credentials};
use realmform::sandbox::Sandbox;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tempfile::TempDir;

use super::{realmform, server};

/// A project of one realm, pointed at the shared server.
pub(crate) struct Project {
    folder: TempDir,
    pub(crate) realm: String,
    /// Whether the realm is one of the shared server, to be deleted in the end.
    shared: bool,
    env: BTreeMap<String, String>,
}

impl Project {
    /// The project `name` with the realm `name`: one test, one name.
    pub(crate) fn new(name: &str) -> Self {
        let mut project = Self::elsewhere(name, server().http_url());
        project.shared = true;
        project.env("KEYCLOAK_USER", server().admin_user()).env("KEYCLOAK_PASSWORD", admin_password())
    }

    /// The same for a server that is not the shared one; no credential is set.
    pub(crate) fn elsewhere(name: &str, url: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let project = Self { folder, realm: name.to_owned(), shared: false, env: BTreeMap::new() };
        let project = project.env("KEYCLOAK_URL", url).env("USER", "tester");
        project.write("realmform.toml", &format!("name = \"{name}\"\n"));
        project
    }

    /// Sets a variable of the program's environment.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// The same with another server in between, such as a proxy.
    pub(crate) fn through(&mut self, url: &str) {
        self.env.insert("KEYCLOAK_URL".to_owned(), url.to_owned());
    }

    /// The project's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes `realm.toml` of the realm.
    pub(crate) fn write_realm(&self, text: &str) {
        self.write(&format!("{}/realm.toml", self.realm), text);
    }

    /// The program, ready to be started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(realmform());
        command.args(args).current_dir(self.folder()).env_clear();
        for name in ["PATH", "HOME"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.envs(&self.env).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the program.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.spawn(args).wait_with_output().unwrap().into()
    }

    /// Runs the program from async code, so that a proxy of the same runtime can serve it.
    pub(crate) async fn run_beside(&self, args: &[&str]) -> Ran {
        let child = self.spawn(args);
        tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap().into()
    }

    /// Applies, which has to succeed.
    pub(crate) fn apply(&self) -> Ran {
        let ran = self.run(&["apply", "--yes"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran
    }

    /// Says that nothing is left to do.
    pub(crate) fn assert_settled(&self) {
        let ran = self.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if self.shared {
            let realm = self.realm.clone();
            // Another thread, since this one may be inside a runtime.
            let deleted = std::thread::spawn(move || block(async { admin().await.delete(&realm_path(&realm)).await }));
            drop(deleted.join());
        }
    }
}

/// What a run left.
pub(crate) struct Ran {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr } = self;
        write!(f, "exit {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// The password of the shared server's administrator.
pub(crate) fn admin_password() -> String {
    server().admin_password().expose_secret().to_owned()
}

/// Signed in to the shared server as its administrator.
pub(crate) async fn admin() -> Http {
    admin_of(server()).await
}

/// The same for another server.
pub(crate) async fn admin_of(server: &Sandbox) -> Http {
    let credentials = Credentials::Password {
        client_id: "admin-cli".to_owned(),
        client_secret: None,
        user: server.admin_user().to_owned(),
        password: server.admin_password().clone(),
    };
    Http::connect(Connection::new(server.http_url(), credentials)).await.unwrap()
}

/// Runs async code from a test that is not.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The path of a realm below `/admin/realms`.
pub(crate) fn realm_path(realm: &str) -> String {
    format!("/{}", segment(realm))
}

/// A client by its clientId.
pub(crate) async fn client(http: &Http, realm: &str, client_id: &str) -> Option<Value> {
    let path = format!("{}/clients?clientId={}", realm_path(realm), query(client_id));
    http.find(&path).await.unwrap()?.get(0).cloned()
}
