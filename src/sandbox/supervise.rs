//! The supervisor: a process between this program and a server, which ends the server when this program ends.
//!
//! A pipe ties the two: this program holds the writing end and never writes, so the supervisor reads the end of the
//! file exactly when this program is gone, whether it returned, panicked or was killed with SIGKILL.

#![expect(clippy::disallowed_methods, reason = "the supervisor's work is to run a process")]

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// How long the end of the server may go unnoticed.
const POLL: Duration = Duration::from_millis(50);

/// What the names of folders start with that a supervisor may remove.
pub(super) const FOLDER_PREFIX: &str = "realmform-sandbox-";

/// What `realmform __supervise [--remove FOLDER] [--container ENGINE NAME] -- PROGRAM ARGS…` runs; `args` are what
/// follows `__supervise`.
///
/// Runs the program until it ends (and ends with its status) or until standard input ends: then kills the program,
/// removes the container and the folder. A server in memory has nothing to save, so there is no grace period.
pub fn supervise(args: impl Iterator<Item = OsString>) -> ExitCode {
    match Order::parse(args).and_then(Order::run) {
        Ok(code) => code,
        Err(error) => {
            // Standard error is the server's log, from which the starter shows the last lines.
            writeln!(io::stderr(), "{error}").ok();
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Order {
    remove: Option<PathBuf>,
    container: Option<(OsString, OsString)>,
    command: Vec<OsString>,
}

impl Order {
    fn parse(mut args: impl Iterator<Item = OsString>) -> io::Result<Self> {
        let usage = || io::Error::other("usage: __supervise [OPTIONS] -- PROGRAM [ARGS…]");
        let mut order = Self::default();
        loop {
            let option = args.next().ok_or_else(usage)?;
            match option.to_str() {
                Some("--") => break,
                Some("--remove") => order.remove = args.next().map(PathBuf::from),
                Some("--container") => order.container = args.next().zip(args.next()),
                _ => return Err(usage()),
            }
        }
        order.command = args.collect();
        if order.command.is_empty() {
            return Err(usage());
        }
        Ok(order)
    }

    fn run(self) -> io::Result<ExitCode> {
        let owner = owner();
        let mut server = tied(&self.command)
            .spawn()
            .map_err(|error| io::Error::other(format!("{}: {error}", self.command[0].to_string_lossy())))?;
        loop {
            if let Some(status) = server.try_wait()? {
                untie(&mut server);
                return Ok(code(status));
            }
            if owner.recv_timeout(POLL) != Err(RecvTimeoutError::Timeout) {
                self.end(&mut server);
                return Ok(ExitCode::SUCCESS);
            }
        }
    }

    /// Does all it can: the owner is gone and nobody is left to tell about failures.
    fn end(&self, server: &mut Child) {
        server.kill().ok();
        untie(server);
        if let Some((engine, name)) = &self.container {
            Command::new(engine).args(["rm", "-f"]).arg(name).output().ok();
        }
        server.wait().ok();
        if let Some(folder) = self.remove.as_deref().filter(|folder| is_ours(folder)) {
            std::fs::remove_dir_all(folder).ok();
        }
    }
}

/// Disconnects when the owner is gone.
fn owner() -> Receiver<()> {
    let (alive, owner) = mpsc::channel();
    std::thread::spawn(move || {
        io::copy(&mut io::stdin().lock(), &mut io::sink()).ok();
        drop(alive);
    });
    owner
}

/// A command line's slip must not remove a folder that matters.
fn is_ours(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(FOLDER_PREFIX))
}

/// The command, ended by a shell if the supervisor is killed as well, as `killall -9 realmform` would do: the shell
/// becomes the server, and leaves a child behind that kills the server when a second pipe ends without a line.
#[cfg(unix)]
fn tied(command: &[OsString]) -> Command {
    const TIE: &str = r#"exec 3<&0; (read -r _ <&3 || kill -9 $$) & exec "$@" 3<&- </dev/null"#;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", TIE, "sh"]).args(command).stdin(Stdio::piped());
    shell
}

/// Sends that line: the server has ended, and its process id may soon be another program's.
fn untie(server: &mut Child) {
    if let Some(mut tie) = server.stdin.take() {
        tie.write_all(b"\n").ok();
    }
}

#[cfg(not(unix))]
fn tied(command: &[OsString]) -> Command {
    let mut program = Command::new(&command[0]);
    program.args(&command[1..]).stdin(Stdio::null());
    program
}

fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
