//! What the stories share: one real server.

pub mod admin;
pub mod project;
pub mod proxy;

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

/// Starts a server from any thread, also from one that runs an async test.
pub fn start(options: Options) -> Sandbox {
    let start = move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(sandbox::start(&options, &Quiet))
    };
    let started = std::thread::spawn(start).join().unwrap();
    started.unwrap_or_else(|error| panic!("{error}\n{error:?}"))
}
