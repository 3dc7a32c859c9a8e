//! A throwaway, real Keycloak: fetched, built, started on loopback, and ended with whoever started it.
//!
//! # Layout
//! - [`Options`] and [`start`] are the way in, [`Sandbox`] is the running server; dropping it ends the server.
//! - `distribution` finds or fetches Keycloak (`archive`: Maven and zip files) and builds it once into the `cache`;
//!   `java` and `container` are the two ways to run it.
//! - `server` makes a run folder, starts one server in it and waits until it is ready; `certificate` makes its TLS.
//! - `process` starts every helper program under [`supervise`], so that none outlives this program, however it ends.
//!
//! # Deliberately absent
//! Nothing here knows realms or plans, nothing is printed (a [`Progress`] is told instead), and there is no mock server.

mod archive;
mod cache;
mod certificate;
mod container;
mod distribution;
mod environment;
mod error;
mod java;
mod process;
mod server;
mod supervise;

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tempfile::TempDir;

pub use cache::folder as cache_folder;
pub use environment::Environment;
pub use error::SandboxError;
pub use supervise::supervise;

use process::Process;

/// The version of Keycloak that is run unless another one is asked for.
pub const KEYCLOAK_VERSION: &str = "26.7.4";

/// The heap a sandbox gets by default, in megabytes. Keycloak's own default of 512 is enough for small realms only:
/// its realm cache holds 10,000 entries, and the database is in the same heap.
const HEAP_MB: u32 = 768;

/// How often new ports are tried when another program took one between choosing and starting.
const ATTEMPTS: u32 = 5;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The Keycloak version to fetch; with `KEYCLOAK_HOME` set, whatever version is there is run.
    pub version: String,
    /// The largest Java heap, in megabytes.
    pub heap_mb: Option<u32>,
    /// Whether the server writes one line for each request to [`Sandbox::access_log_file`]; Keycloak 26.0 has no option
    /// for that, and refuses to start.
    pub access_log: bool,
    /// Whether passwords are kept at so little cost that they protect nothing: to check one of Keycloak's default cost takes
    /// as long as ten requests.
    pub cheap_passwords: bool,
    /// The `realmform` executable, which is run again as the server's supervisor; normally `std::env::current_exe()`.
    pub supervisor: PathBuf,
    /// Keycloak features to enable beside the default ones, as `--features` names them.
    pub features: Vec<String>,
    /// Keycloak features to disable, as `--features-disabled` names them.
    pub disabled_features: Vec<String>,
    /// The environment to find Java, Maven, the cache and `KEYCLOAK_HOME` in.
    pub environment: Environment,
}

impl Options {
    /// The default version with default settings in this process's environment.
    pub fn new(supervisor: PathBuf) -> Self {
        Self {
            version: KEYCLOAK_VERSION.to_owned(),
            heap_mb: None,
            access_log: false,
            cheap_passwords: false,
            supervisor,
            features: Vec::new(),
            disabled_features: Vec::new(),
            environment: Environment::current(),
        }
    }
}

impl Options {
    /// What of them goes into a build of Keycloak, as its options.
    fn of_build(&self) -> impl Iterator<Item = String> + '_ {
        let lists = [("--features", &self.features), ("--features-disabled", &self.disabled_features)];
        let given = lists.into_iter().filter(|(_, features)| !features.is_empty());
        given.map(|(option, features)| format!("{option}={}", features.join(",")))
    }
}

/// Is told what the sandbox is doing, so that a terminal can show it.
pub trait Progress: Send + Sync {
    /// A new stage begins, such as "fetching Keycloak 26.7.4".
    fn stage(&self, text: &str);
    /// The bytes the present stage has fetched so far, and how many there are where that is known.
    fn bytes(&self, done: u64, total: Option<u64>);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Quiet;

impl Progress for Quiet {
    fn stage(&self, _text: &str) {}
    fn bytes(&self, _done: u64, _total: Option<u64>) {}
}

/// Fetches Keycloak if need be, starts it and returns when it answers. Dropping the future ends what it started.
pub async fn start(options: &Options, progress: &dyn Progress) -> Result<Sandbox, SandboxError> {
    // A second call finds a provider installed, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = server::Runtime::find(options, progress).await?;
    for _ in 1..ATTEMPTS {
        match server::start(&runtime, options, progress).await {
            Err(SandboxError::PortTaken { .. }) => {
                progress.stage("a port was taken, trying others");
            }
            ended => return ended,
        }
    }
    server::start(&runtime, options, progress).await
}

/// A running Keycloak. Dropping it ends the server and removes its run folder.
#[derive(Debug)]
pub struct Sandbox {
    http_url: String,
    https_url: String,
    version: String,
    admin_password: SecretString,
    ca_file: PathBuf,
    log_file: PathBuf,
    access_log_file: Option<PathBuf>,
    // The order matters: fields are dropped as declared, and the server has to end before its folder goes.
    process: Process,
    folder: TempDir,
}

impl Sandbox {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn http_url(&self) -> &str {
        &self.http_url
    }

    /// `https://localhost:PORT`, without a slash at the end; its certificate is signed by [`Self::ca_file`].
    pub fn https_url(&self) -> &str {
        &self.https_url
    }

    /// The name of the administrator of the realm `master`.
    pub fn admin_user(&self) -> &'static str {
        server::ADMIN_USER
    }

    /// The administrator's password, random for each run.
    pub fn admin_password(&self) -> &SecretString {
        &self.admin_password
    }

    /// The certificate authority (PEM) of the HTTPS address, made for this run.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// The version that really runs, such as `26.7.4`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the server writes to its console.
    pub fn log_file(&self) -> &Path {
        &self.log_file
    }

    /// One line for each request, `METHOD PATH?QUERY STATUS MILLISECONDS`, if [`Options::access_log`] asked for it.
    /// Absent before the first request.
    pub fn access_log_file(&self) -> Option<&Path> {
        self.access_log_file.as_deref()
    }

    /// The folder that holds everything this run writes; it goes with the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether the server process is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.process.exit_status(), Ok(None))
    }

    /// Ends the server without blocking the runtime's thread, which dropping does for a moment.
    pub async fn stop(self) {
        tokio::task::spawn_blocking(move || drop(self)).await.ok();
    }
}
