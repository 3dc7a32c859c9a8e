//! What the stories share: one real server.

pub mod admin;
pub mod browser;
pub(crate) mod fleet;
pub mod program;
pub mod project;
pub mod proxy;
pub(crate) mod run;

use std::path::PathBuf;
use std::sync::OnceLock;

use realmform::sandbox::{self, Options, Quiet, Sandbox};

/// The `realmform` executable under test.
pub fn realmform() -> PathBuf {
    env!("CARGO_BIN_EXE_realmform").into()
}

/// The shared server, started when first asked for. Realms are a test's own, so name them after the test.
///
/// A static is never dropped; the supervisor ends the server when this process ends.
pub fn server() -> &'static Sandbox {
    static SERVER: OnceLock<Sandbox> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut options = Options::new(realmform());
        options.access_log = true;
        start(options)
    })
}

/// Where the shared server is, and who governs it.
pub struct Access {
    pub http_url: String,
    pub https_url: String,
    pub user: String,
    pub password: String,
    pub ca_file: PathBuf,
}

/// The shared server; or one that runs already, so that whoever writes a test need not wait for a start at each run:
/// `REALMFORM_TEST_ACCESS="HTTP-URL HTTPS-URL USER PASSWORD CA-FILE"`, all of which `realmform sandbox` prints.
pub fn access() -> &'static Access {
    static ACCESS: OnceLock<Access> = OnceLock::new();
    ACCESS.get_or_init(|| running("REALMFORM_TEST_ACCESS").unwrap_or_else(|| access_to(server())))
}

/// A second server, for realms that move; `REALMFORM_TEST_SECOND_ACCESS` names one that runs already.
pub fn second_access() -> &'static Access {
    static SERVER: OnceLock<Sandbox> = OnceLock::new();
    static ACCESS: OnceLock<Access> = OnceLock::new();
    let start = || access_to(SERVER.get_or_init(|| start(Options::new(realmform()))));
    ACCESS.get_or_init(|| running("REALMFORM_TEST_SECOND_ACCESS").unwrap_or_else(start))
}

fn running(variable: &str) -> Option<Access> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let running = std::env::var(variable).unwrap_or_default();
    let [http, https, user, password, ca] = running.split_whitespace().collect::<Vec<_>>()[..] else { return None };
    let [http_url, https_url, user, password] = [http, https, user, password].map(str::to_owned);
    Some(Access { http_url, https_url, user, password, ca_file: ca.into() })
}

fn access_to(server: &Sandbox) -> Access {
    use secrecy::ExposeSecret as _;
    Access {
        http_url: server.http_url().to_owned(),
        https_url: server.https_url().to_owned(),
        user: server.admin_user().to_owned(),
        password: server.admin_password().expose_secret().to_owned(),
        ca_file: server.ca_file().to_owned(),
    }
}

/// Starts a server from any thread, also from one that runs an async test.
pub fn start(options: Options) -> Sandbox {
    let start = move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(sandbox::start(&options, &Quiet))
    };
    let started = std::thread::spawn(start).join().unwrap();
    started.unwrap_or_else(|error| panic!("{error}\n{error:?}"))
}
