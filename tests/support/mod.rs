//! What the stories share: one real server.

pub mod admin;
pub mod browser;
pub(crate) mod chromium;
pub(crate) mod debian;
pub(crate) mod fleet;
pub mod program;
pub mod project;
pub mod proxy;
pub(crate) mod run;
pub mod terminal;
pub(crate) mod tools;

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
        let mut options = options();
        options.access_log = !options.version.starts_with("26.0.");
        start(options)
    })
}

/// How servers of tests are started.
pub fn options() -> Options {
    let mut options = Options::new(realmform());
    // Each test signs in anew, and again with each run of the program.
    options.cheap_passwords = true;
    if let Ok(version) = std::env::var("REALMFORM_TEST_KEYCLOAK") {
        options.version = version;
    }
    options
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

/// What the shared server has room for of a realm's file.
pub fn fitting(realm: &str) -> String {
    let mut file: toml_edit::DocumentMut = realm.parse().unwrap();
    if !is_26_0("permissions, workflows, descriptions of groups and organizations without domains are left out") {
        return realm.to_owned();
    }
    for newer in ["adminPermissionsEnabled", "permissionPolicies", "permissions", "workflows"] {
        file.remove(newer);
    }
    let each =
        |file: &mut toml_edit::DocumentMut, collection: &str, edit: &dyn Fn(&str, &mut dyn toml_edit::TableLike)| {
            let objects = file.get_mut(collection).and_then(|it| it.as_table_like_mut());
            for (name, object) in objects.into_iter().flat_map(toml_edit::TableLike::iter_mut) {
                edit(name.get(), object.as_table_like_mut().unwrap());
            }
        };
    each(&mut file, "groups", &|_, group| drop(group.remove("description")));
    each(&mut file, "organizations", &|name, organization| {
        let domains = toml_edit::value(toml_edit::Array::from_iter([format!("{name}.example")]));
        organization.entry("domains").or_insert(domains);
    });
    file.to_string()
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
    let start = || access_to(SERVER.get_or_init(|| start(options())));
    ACCESS.get_or_init(|| running("REALMFORM_TEST_SECOND_ACCESS").unwrap_or_else(start))
}

/// A server that runs already, as a variable says.
pub fn running(variable: &str) -> Option<Access> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let running = std::env::var(variable).unwrap_or_default();
    let [http, https, user, password, ca] = running.split_whitespace().collect::<Vec<_>>()[..] else { return None };
    let [http_url, https_url, user, password] = [http, https, user, password].map(str::to_owned);
    Some(Access { http_url, https_url, user, password, ca_file: ca.into() })
}

/// Where a server is that a test started.
pub fn access_to(server: &Sandbox) -> Access {
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
