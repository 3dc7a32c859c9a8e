//! The program as a process: how long it took, what it asked for, how much memory it had at most.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use realmform::sandbox::Sandbox;
use secrecy::ExposeSecret as _;

use crate::project::Project;

/// How often the memory of a running program is looked at: its peak is what the system kept when it last answered.
const POLL: Duration = Duration::from_millis(5);

/// One run.
pub struct Ran {
    pub took: Duration,
    /// Requests by endpoint as `--requests` counts them, most frequent first.
    pub requests: Vec<(u64, String)>,
    /// The peak of the resident memory in bytes; 0 where the system has no `/proc`.
    pub memory: u64,
    pub output: String,
}

impl Ran {
    /// All requests.
    pub fn total(&self) -> u64 {
        self.requests.iter().map(|(count, _)| count).sum()
    }
}

/// Runs a command in a project against a server, and expects it to succeed.
pub fn run(server: &Sandbox, project: &Project, arguments: &[&str]) -> Ran {
    run_with(server, project, arguments, &[])
}

/// The same with other variables; a credential among them stands in for the administrator's.
pub fn run_with(server: &Sandbox, project: &Project, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let is_client = environment.iter().any(|(name, _)| *name == "KEYCLOAK_CLIENT_ID");
    let password = server.admin_password();
    let admin = [("KEYCLOAK_USER", server.admin_user()), ("KEYCLOAK_PASSWORD", password.expose_secret())];
    let output = tempfile::NamedTempFile::new().unwrap();
    let messages = tempfile::NamedTempFile::new().unwrap();
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_realmform"))
        .args(arguments)
        .arg("--requests")
        .arg("--project")
        .arg(project.folder())
        .env("KEYCLOAK_URL", server.http_url())
        .envs(admin.into_iter().filter(|_| !is_client))
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(output.reopen().unwrap())
        .stderr(messages.reopen().unwrap())
        .spawn()
        .unwrap();
    let (succeeded, memory) = watch(&mut child);
    let took = started.elapsed();
    let messages = std::fs::read_to_string(messages.path()).unwrap();
    assert!(succeeded, "realmform {arguments:?}:\n{messages}");
    let output = std::fs::read_to_string(output.path()).unwrap();
    Ran { took, requests: messages.lines().filter_map(request).collect(), memory, output }
}

/// Runs a command in a project that asks no server, and expects it to succeed: how long it took, and what it printed.
pub fn offline(project: &Project, arguments: &[&str]) -> (Duration, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_realmform"));
    command.args(arguments).arg("--project").arg(project.folder()).stdin(Stdio::null());
    let started = Instant::now();
    let output = command.output().unwrap();
    let took = started.elapsed();
    assert!(output.status.success(), "realmform {arguments:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    (took, String::from_utf8(output.stdout).unwrap())
}

/// Waits for the end, and answers whether it was a good one and the peak of the memory.
fn watch(child: &mut Child) -> (bool, u64) {
    let mut memory = 0;
    loop {
        memory = peak(child.id()).unwrap_or(memory);
        if let Some(status) = child.try_wait().unwrap() {
            return (status.success(), memory);
        }
        std::thread::sleep(POLL);
    }
}

fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// A line such as `     50 GET /{realm}/clients?first&max`.
fn request(line: &str) -> Option<(u64, String)> {
    let (count, request) = line.trim().split_once(' ')?;
    let is_request = ["GET ", "POST ", "PUT ", "DELETE "].iter().any(|method| request.starts_with(method));
    is_request.then(|| Some((count.parse().ok()?, request.to_owned())))?
}
