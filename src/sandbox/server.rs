//! One server in a run folder of its own: chosen ports, started, waited for.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::distr::{Alphanumeric, SampleString};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;

use super::certificate::{self, Files};
use super::container::{Container, Engine};
use super::distribution::{self, Distribution, Source};
use super::error::Doing;
use super::java::Java;
use super::process::{self, Job, Process, assign};
use super::supervise::FOLDER_PREFIX;
use super::{HEAP_MB, Options, Progress, Sandbox, SandboxError};

/// The name of the administrator.
pub(super) const ADMIN_USER: &str = "admin";

/// A start takes 11 s on two idle cores, and several times that when tests share them.
const START_LIMIT: Duration = Duration::from_secs(180);
const READY_POLL: Duration = Duration::from_millis(200);

/// Method, path with query, status and milliseconds.
const ACCESS_PATTERN: &str = "%m %U %s %D";
const ACCESS_LOG: &str = "keycloak-http-access.log";

/// What will run Keycloak.
#[derive(Debug)]
pub(super) enum Runtime {
    Java(Java, Distribution),
    Container(Engine),
}

impl Runtime {
    /// Java and a distribution, else a container engine, else an error that says what is missing.
    pub(super) async fn find(options: &Options, progress: &dyn Progress) -> Result<Self, SandboxError> {
        let source = Source::find(options)?;
        let java = Java::find(&options.environment).await;
        if let (Ok(java), Some(source)) = (&java, &source) {
            let distribution = distribution::get(source, java, options, progress).await?;
            let program = java.program.clone();
            return Ok(Self::Java(Java { program }, distribution));
        }
        let engine = Engine::find(&options.environment).await;
        engine.map(Self::Container).map_err(|engine| {
            let java = java.map_or_else(|found| found, |java| format!("Java: {}", java.program.display()));
            let maven = match options.environment.program("mvn") {
                Some(maven) => format!("Maven: {}", maven.display()),
                None => "Maven: no mvn on PATH".to_owned(),
            };
            SandboxError::NothingToRun {
                version: options.version.clone(),
                found: format!("  {java}\n  {maven}\n  {engine}"),
            }
        })
    }
}

/// Starts a server on ports that are free now, and waits until it is ready.
pub(super) async fn start(
    runtime: &Runtime,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Sandbox, SandboxError> {
    let run = Run::prepare()?;
    if let Runtime::Container(engine) = runtime {
        engine.pull(&run.log(), options, progress).await?;
    }
    let version = match runtime {
        Runtime::Java(_, distribution) => &distribution.version,
        Runtime::Container(_) => &options.version,
    };
    progress.stage(&format!("starting Keycloak {version}"));
    let mut process = match runtime {
        Runtime::Java(java, distribution) => run.in_java(java, distribution, options)?,
        Runtime::Container(engine) => run.in_container(engine, options)?,
    };
    run.wait(&mut process).await?;
    let access_log = run.home().join("data/log").join(ACCESS_LOG);
    Ok(Sandbox {
        http_url: format!("http://127.0.0.1:{}", run.ports.http),
        https_url: run.https_url(),
        version: version.clone(),
        log_file: run.log(),
        access_log_file: options.access_log.then_some(access_log),
        admin_password: run.password,
        ca_file: run.tls.ca,
        process,
        folder: run.folder,
    })
}

/// What one run consists of before there is a process.
struct Run {
    folder: TempDir,
    ports: Ports,
    tls: Files,
    password: SecretString,
}

impl Run {
    fn prepare() -> Result<Self, SandboxError> {
        let folder = tempfile::Builder::new()
            .prefix(FOLDER_PREFIX)
            .tempdir()
            .doing(|| "create a folder for the server".to_owned())?;
        for name in ["tls", "home/tmp", "home/conf", "home/data/log"] {
            let path = folder.path().join(name);
            fs::create_dir_all(&path).doing(|| format!("create {}", path.display()))?;
        }
        Ok(Self {
            ports: Ports::free().doing(|| "find a free port on 127.0.0.1".to_owned())?,
            tls: certificate::write(&folder.path().join("tls"))?,
            password: Alphanumeric.sample_string(&mut rand::rng(), 24).into(),
            folder,
        })
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn https_url(&self) -> String {
        format!("https://localhost:{}", self.ports.https)
    }

    fn in_java(&self, java: &Java, distribution: &Distribution, options: &Options) -> Result<Process, SandboxError> {
        let home = self.home();
        furnish(&home, &distribution.home).doing(|| format!("prepare {}", home.display()))?;
        let mut args = Java::keycloak(&distribution.home, &home, heap(options));
        args.extend(["start".into(), "--optimized".into()]);
        args.extend(self.ports.settings("127.0.0.1", &self.tls.certificate, &self.tls.key));
        args.extend(access_log(options));
        args.extend(passwords(options));
        self.job(&java.program, args, Vec::new(), options).start(options)
    }

    fn in_container(&self, engine: &Engine, options: &Options) -> Result<Process, SandboxError> {
        const TLS: &str = "/opt/keycloak/conf/tls";
        const INSIDE: Ports = Ports { http: 8080, https: 8443, management: 9000 };
        let (tls, log) = (self.folder.path().join("tls"), self.home().join("data/log"));
        open_to_container(&tls, &log).doing(|| format!("prepare {}", tls.display()))?;
        let name = self.folder.path().file_name().unwrap_or_default().to_string_lossy();
        let container = Container {
            name: &name,
            version: &options.version,
            ports: self.ports.published_as(INSIDE),
            mounts: [(&tls, TLS, false), (&log, "/opt/keycloak/data/log", true)],
            heap_mb: heap(options),
            variables: self.variables(options).into_iter().map(|(name, _)| name).collect(),
        };
        let mut args = container.args();
        // Without --optimized the server builds itself first: the image's own build has another database.
        args.extend(["start", "--db=dev-mem", "--health-enabled=true"].map(Into::into));
        args.extend(options.of_build().map(Into::into));
        let file = |name: &str| PathBuf::from(format!("{TLS}/{name}"));
        args.extend(INSIDE.settings("0.0.0.0", &file("server.pem"), &file("server.key")));
        args.extend(access_log(options));
        args.extend(passwords(options));
        let end = process::args([&"--container", &engine.program, &&*name]);
        self.job(&engine.program, args, end, options).start(options)
    }

    fn job<'a>(
        &'a self,
        program: &'a Path,
        args: Vec<OsString>,
        mut supervision: Vec<OsString>,
        options: &Options,
    ) -> Job<'a> {
        supervision.extend(process::args([&"--remove", &self.folder.path()]));
        Job {
            program,
            args,
            // Not the run folder itself: Windows removes no folder that a process works in.
            folder: self.folder.path().parent().unwrap_or(Path::new(".")),
            log: self.log(),
            variables: self.variables(options),
            supervision,
        }
    }

    fn variables(&self, options: &Options) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("KC_BOOTSTRAP_ADMIN_USERNAME", ADMIN_USER.to_owned()),
            ("KC_BOOTSTRAP_ADMIN_PASSWORD", self.password.expose_secret().to_owned()),
        ];
        if options.access_log {
            // Without it the log's durations are "-".
            variables.push(("QUARKUS_HTTP_RECORD_REQUEST_START_TIME", "true".to_owned()));
        }
        variables
    }

    /// Waits until the server is healthy and answers with the certificate made for this run: should another program
    /// have taken a port, its answers do not count.
    async fn wait(&self, process: &mut Process) -> Result<(), SandboxError> {
        // Keycloak 26.0 has no option against it: this port speaks TLS because the main one does.
        let health = format!("https://localhost:{}/health/ready", self.ports.management);
        let master = format!("{}/realms/master", self.https_url());
        let client = self.client()?;
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            tokio::time::sleep(READY_POLL).await;
            let ended = process.exit_status().doing(|| "watch the server".to_owned())?;
            if let Some(status) = ended {
                return Err(died(status.to_string(), process::tail(&self.log())));
            }
            if succeeds(&client, &health).await && succeeds(&client, &master).await {
                return Ok(());
            }
        }
        Err(SandboxError::TimedOut { limit: START_LIMIT, tail: process::tail(&self.log()) })
    }

    #[expect(clippy::disallowed_methods, reason = "the authority is in the run folder")]
    fn client(&self) -> Result<reqwest::Client, SandboxError> {
        let ca = fs::read(&self.tls.ca).doing(|| format!("read {}", self.tls.ca.display()))?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .tls_certs_only([reqwest::Certificate::from_pem(&ca)?]);
        Ok(client.build()?)
    }
}

async fn succeeds(client: &reqwest::Client, url: &str) -> bool {
    let answer = client.get(url).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// Keycloak says "Port(s) already bound", a container engine one of the others.
fn died(status: String, tail: String) -> SandboxError {
    let lower = tail.to_lowercase();
    let taken = ["already bound", "already in use", "already allocated"];
    if taken.iter().any(|text| lower.contains(text)) {
        SandboxError::PortTaken { tail }
    } else {
        SandboxError::Died { status, tail }
    }
}

fn heap(options: &Options) -> u32 {
    options.heap_mb.unwrap_or(HEAP_MB)
}

fn passwords(options: &Options) -> Vec<OsString> {
    let cheap = ["--spi-password-hashing-argon2-iterations=1", "--spi-password-hashing-argon2-memory=64"];
    if options.cheap_passwords { cheap.map(Into::into).into() } else { Vec::new() }
}

fn access_log(options: &Options) -> Vec<OsString> {
    if !options.access_log {
        return Vec::new();
    }
    vec![
        "--http-access-log-enabled=true".into(),
        "--http-access-log-file-enabled=true".into(),
        "--http-access-log-file-rotate=false".into(),
        format!("--http-access-log-pattern={ACCESS_PATTERN}").into(),
    ]
}

/// Keycloak writes below its home folder only, so each run has a small one of its own beside the installed code.
///
/// It holds what Keycloak looks for there: the record of the build (without it, `--optimized` is refused), the
/// providers, whose times are compared with that record, and the themes.
fn furnish(home: &Path, installed: &Path) -> io::Result<()> {
    let built = Path::new("lib/quarkus/generated-bytecode.jar");
    fs::create_dir_all(home.join("lib/quarkus"))?;
    fs::copy(installed.join(built), home.join(built))?;
    for name in ["providers", "themes"] {
        let from = installed.join(name);
        if from.is_dir() {
            distribution::copy_files(&from, &distribution::files(&from)?, &home.join(name))?;
        }
    }
    Ok(())
}

/// The container's user is another one. On this side the run folder keeps everyone else out.
#[cfg(unix)]
fn open_to_container(tls: &Path, log: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    open(tls, 0o755)?;
    for entry in fs::read_dir(tls)? {
        open(&entry?.path(), 0o644)?;
    }
    open(log, 0o777)
}

#[cfg(not(unix))]
fn open_to_container(_tls: &Path, _log: &Path) -> io::Result<()> {
    Ok(())
}

/// The three ports a server listens on.
#[derive(Clone, Copy, Debug)]
struct Ports {
    http: u16,
    https: u16,
    management: u16,
}

impl Ports {
    /// Ports that nothing listens on at this moment. All are held until the last is known, so that they differ.
    fn free() -> io::Result<Self> {
        let bind = || TcpListener::bind(("127.0.0.1", 0));
        let (http, https, management) = (bind()?, bind()?, bind()?);
        Ok(Self {
            http: http.local_addr()?.port(),
            https: https.local_addr()?.port(),
            management: management.local_addr()?.port(),
        })
    }

    /// Keycloak's options, for both ways to run it.
    fn settings(self, host: &str, certificate: &Path, key: &Path) -> Vec<OsString> {
        vec![
            format!("--http-host={host}").into(),
            format!("--http-port={}", self.http).into(),
            format!("--https-port={}", self.https).into(),
            format!("--http-management-port={}", self.management).into(),
            "--http-enabled=true".into(),
            "--hostname-strict=false".into(),
            "--cache=local".into(),
            // A database in memory is gone with its last connection, and 26.0 closes idle ones.
            "--db-pool-min-size=1".into(),
            // Every poll before the server is ready would be a line.
            "--log-level=info,io.smallrye.health:warn".into(),
            assign("--https-certificate-file", certificate),
            assign("--https-certificate-key-file", key),
        ]
    }

    fn published_as(self, inside: Self) -> [(u16, u16); 3] {
        [(self.http, inside.http), (self.https, inside.https), (self.management, inside.management)]
    }
}
