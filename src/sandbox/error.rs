//! What can go wrong before a sandbox runs.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Neither Java nor a container engine can run Keycloak here, or nothing can fetch it.
    #[error("no way to run Keycloak {version} here\n{found}\n\n{REMEDY}")]
    NothingToRun {
        /// The version asked for.
        version: String,
        /// One line each for Java, Maven and the container engine.
        found: String,
    },
    /// `KEYCLOAK_HOME` is set to something else.
    #[error(
        "KEYCLOAK_HOME is {}, which is no unpacked Keycloak (it has no lib/quarkus-run.jar); correct it or unset it",
        .0.display()
    )]
    NoDistribution(PathBuf),
    /// Maven ran and failed.
    #[error("Maven could not fetch {artifact}; its last lines:\n{tail}")]
    Maven {
        /// The artifact's coordinates.
        artifact: String,
        /// The end of Maven's output.
        tail: String,
    },
    /// An archive could not be unpacked. What this program fetched itself is removed by then.
    #[error("the archive {} is damaged; run again to fetch it anew", archive.display())]
    Damaged {
        /// The archive's path.
        archive: PathBuf,
        /// What is wrong with it.
        source: zip::result::ZipError,
    },
    /// `build` failed.
    #[error("Keycloak's build failed ({status}); its last lines:\n{tail}")]
    Build {
        /// How the process ended.
        status: String,
        /// The end of its output.
        tail: String,
    },
    /// The container engine could not fetch the image.
    #[error("{engine} could not fetch {image}; its last lines:\n{tail}")]
    Image {
        /// The engine's program.
        engine: String,
        /// The image's name.
        image: String,
        /// The end of its output.
        tail: String,
    },
    /// The server ended before it was ready.
    #[error("Keycloak ended while starting ({status}); the last lines of its log:\n{tail}")]
    Died {
        /// How the process ended.
        status: String,
        /// The end of its log.
        tail: String,
    },
    /// Another program took a port that was free a moment before, again and again.
    #[error("Keycloak found no free port on 127.0.0.1; the last lines of its log:\n{tail}")]
    PortTaken {
        /// The end of the server's log.
        tail: String,
    },
    /// The server is still not ready.
    #[error("Keycloak was not ready after {} s; the last lines of its log:\n{tail}", limit.as_secs())]
    TimedOut {
        /// How long it had.
        limit: Duration,
        /// The end of its log.
        tail: String,
    },
    /// No home directory to put the cache in.
    #[error("there is no home directory to cache Keycloak in; set REALMFORM_CACHE_DIR to a folder")]
    NoCache,
    /// The certificate for HTTPS could not be made.
    #[error("cannot make a certificate for the sandbox")]
    Certificate(#[from] rcgen::Error),
    /// No HTTP client to ask whether the server is ready.
    #[error("cannot make an HTTP client for the sandbox")]
    Client(#[from] reqwest::Error),
    /// The file system or the process table said no.
    #[error("cannot {doing}")]
    Io {
        /// What was attempted, such as "start /usr/bin/java".
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
}

const REMEDY: &str = "\
Any one of these is enough:
  - Java 17 or newer and Maven (Debian, Ubuntu: apt install default-jdk-headless maven; Fedora: dnf install java-latest-openjdk-headless maven; macOS: brew install openjdk maven)
  - Java 17 or newer, and KEYCLOAK_HOME set to an unpacked Keycloak (https://www.keycloak.org/downloads)
  - Docker or Podman, running";

/// Says what was attempted when an I/O operation fails.
pub(super) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, SandboxError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, SandboxError> {
        self.map_err(|source| SandboxError::Io { doing: what(), source })
    }
}
