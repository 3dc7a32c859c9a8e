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
/// `REALMFORM_TEST_KEYCLOAK=26.0.8` has another version of Keycloak than the newest that is supported.
///
/// A static is never dropped; the supervisor ends the server when this process ends.
pub fn server() -> &'static Sandbox {
    static SERVER: OnceLock<Sandbox> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut options = Options::new(realmform());
        if let Ok(version) = std::env::var("REALMFORM_TEST_KEYCLOAK") {
            options.version = version;
        }
        options.access_log = !options.version.starts_with("26.0.");
        start(options)
    })
}

/// The version of the shared server.
pub fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let ask = async || {
            let http = run::admin().await;
            // The defaults that a test compares with are those of this server, too.
            http.require_supported(&http.get("/master").await.unwrap()).await.unwrap();
            http.server_version().await.unwrap()
        };
        // From any thread, also from one that runs an async test.
        let asked = std::thread::spawn(move || tokio::runtime::Runtime::new().unwrap().block_on(ask()));
        asked.join().unwrap().expect("an administrator may know the version")
    })
}

/// Whether the shared server is the oldest version that is supported. Whatever a test leaves out there it says: `without`.
pub fn is_26_0(without: &str) -> bool {
    let is_it = version().starts_with("26.0.");
    if is_it {
        println!("Keycloak {}: {without}", version());
    }
    is_it
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
