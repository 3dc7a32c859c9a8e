//! Finding Java, and Keycloak's command line for it.
//!
//! Java is started directly and not through `kc.sh`: so the process is the server itself, it works on Windows, and the
//! folder the server writes to can be another one than the one it is installed in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Environment;
use super::process::assign;

/// Keycloak 26 needs it.
const MIN_RELEASE: u32 = 17;

/// What `kc.sh` of 26.7.4 gives the JVM, less its heap.
const JVM: [&str; 22] = [
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
    "-XX:MetaspaceSize=96M",
    "-XX:MaxMetaspaceSize=256m",
    "-Dfile.encoding=UTF-8",
    "-Dsun.stdout.encoding=UTF-8",
    "-Dsun.err.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Dstderr.encoding=UTF-8",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.security.egd=file:/dev/urandom",
    "-XX:+UseG1GC",
    "-Djdk.tls.rejectClientInitiatedRenegotiation=true",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.security=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
    "-Duser.language=en",
    "-Duser.country=US",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Dpicocli.disable.closures=true",
    "-Dquarkus-log-max-startup-records=10000",
];

/// A Java that can run Keycloak.
#[derive(Debug)]
pub(super) struct Java {
    pub(super) program: PathBuf,
}

impl Java {
    /// The first good one of `JAVA_HOME` and `PATH`; else one line that says what was found.
    pub(super) async fn find(environment: &Environment) -> Result<Self, String> {
        let home = environment
            .path("JAVA_HOME")
            .map(|home| home.join("bin").join(format!("java{}", std::env::consts::EXE_SUFFIX)));
        let mut found = "Java: not found in JAVA_HOME or PATH".to_owned();
        for program in home.into_iter().chain(environment.program("java")) {
            match release(&program, environment).await {
                Some(release) if release >= MIN_RELEASE => return Ok(Self { program }),
                Some(release) => {
                    found = format!("Java: {} is Java {release}, Keycloak needs {MIN_RELEASE}", program.display());
                }
                None => {}
            }
        }
        Err(found)
    }

    /// The arguments that run a Keycloak command: `installed` holds its code, and `home` everything it writes.
    pub(super) fn keycloak(installed: &Path, home: &Path, heap_mb: u32) -> Vec<OsString> {
        let mut args: Vec<OsString> = JVM.iter().map(OsString::from).collect();
        args.extend([
            "-Xms64m".into(),
            format!("-Xmx{heap_mb}m").into(),
            assign("-Dkc.home.dir", home),
            assign("-Djboss.server.config.dir", home.join("conf")),
            assign("-Djava.io.tmpdir", home.join("tmp")),
            "-cp".into(),
            installed.join("lib").join("quarkus-run.jar").into(),
            "io.quarkus.bootstrap.runner.QuarkusEntryPoint".into(),
        ]);
        args
    }
}

/// The release of a Java that runs at all: `/usr/bin/java` of macOS is there without being Java.
#[expect(clippy::disallowed_methods, reason = "only asks whether it is there; it needs no supervisor")]
async fn release(program: &Path, environment: &Environment) -> Option<u32> {
    let output = tokio::process::Command::new(program)
        .arg("-version")
        .env_clear()
        .envs(environment.inherited())
        .kill_on_drop(true)
        .output()
        .await
        .ok()?;
    parse_release(&String::from_utf8_lossy(&output.stderr))
}

/// From `openjdk version "17.0.15" 2025-04-15`; before Java 9 it was `"1.8.0_292"`.
fn parse_release(text: &str) -> Option<u32> {
    let version = text.split_once("version \"")?.1;
    let version = version.strip_prefix("1.").unwrap_or(version);
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_release;

    #[test]
    fn reads_the_release_of_every_scheme() {
        let release = |version| parse_release(&format!("openjdk version \"{version}\" 2025-04-15"));
        assert_eq!(release("17.0.15"), Some(17));
        assert_eq!(release("25"), Some(25));
        assert_eq!(release("26-ea"), Some(26));
        assert_eq!(release("1.8.0_292"), Some(8));
        assert_eq!(parse_release("No Java runtime present"), None);
    }
}
