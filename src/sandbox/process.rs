//! Programs started under the supervisor: Maven, the build, the server.

#![expect(clippy::disallowed_methods, reason = "every program of the sandbox is started here")]

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::error::Doing;
use super::{Options, SandboxError};

/// How many lines of a log an error quotes.
const TAIL_LINES: usize = 20;
const POLL: Duration = Duration::from_millis(50);
/// Removing a container may take seconds; killing a process does not.
const END_LIMIT: Duration = Duration::from_secs(15);

/// A program to run, its arguments and surroundings.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) program: &'a Path,
    pub(super) args: Vec<OsString>,
    /// The working directory.
    pub(super) folder: &'a Path,
    /// Where standard output and error go.
    pub(super) log: PathBuf,
    /// Variables beside the inherited ones; secrets travel here, since arguments are visible to every user.
    pub(super) variables: Vec<(&'static str, String)>,
    /// Options for the supervisor.
    pub(super) supervision: Vec<OsString>,
}

impl Job<'_> {
    /// Starts the program in a process group of its own, so that Ctrl-C in the terminal reaches this program alone.
    pub(super) fn start(self, options: &Options) -> Result<Process, SandboxError> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .doing(|| format!("write {}", self.log.display()))?;
        let errors = log.try_clone().doing(|| format!("write {}", self.log.display()))?;
        let mut command = Command::new(&options.supervisor);
        command
            .arg("__supervise")
            .args(&self.supervision)
            .arg("--")
            .arg(self.program)
            .args(&self.args)
            .current_dir(self.folder)
            .env_clear()
            .envs(options.environment.inherited())
            .envs(self.variables)
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors);
        own_group(&mut command);
        let child = command.spawn().doing(|| format!("start {}", options.supervisor.display()))?;
        Ok(Process { child })
    }
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(windows)]
fn own_group(command: &mut Command) {
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
}

/// A program under its supervisor; dropping it ends both.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// How the program ended, if it did.
    pub(super) fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits for the program's end, calling `meanwhile` now and then.
    pub(super) async fn finish(&mut self, mut meanwhile: impl FnMut()) -> Result<ExitStatus, SandboxError> {
        loop {
            let ended = self.exit_status().doing(|| "watch a process".to_owned())?;
            if let Some(status) = ended {
                return Ok(status);
            }
            meanwhile();
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Closing the pipe is the order to end; see `supervise`.
        drop(self.child.stdin.take());
        let limit = Instant::now() + END_LIMIT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < limit {
            std::thread::sleep(POLL / 5);
        }
    }
}

/// The last lines of a log, for an error message.
pub(super) fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let first = lines.len().saturating_sub(TAIL_LINES);
    lines[first..].join("\n")
}

/// Collects arguments of different types.
pub(super) fn args<const N: usize>(all: [&dyn AsRef<OsStr>; N]) -> Vec<OsString> {
    all.map(|arg| AsRef::<OsStr>::as_ref(arg).to_owned()).into()
}

/// `NAME=PATH` as one argument, whatever bytes the path holds.
pub(super) fn assign(name: &str, path: impl Into<PathBuf>) -> OsString {
    let mut arg = OsString::from(name);
    arg.push("=");
    arg.push(path.into());
    arg
}
