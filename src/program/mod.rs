//! The program room: starts another program, gives it no longer than it may take, and keeps what it prints.
//!
//! Nothing is asked of whoever sits at the terminal: standard input is empty. A program that takes too long is ended, and one
//! that is not waited for any more as well.

#![expect(clippy::disallowed_methods, reason = "programs are started here, and for the sandbox there")]

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// A program to run.
#[derive(Debug)]
pub struct Program<'a> {
    /// What to start: a path, or a name that is looked for in `PATH`.
    pub program: &'a OsStr,
    /// Visible to every user of the machine: no secret belongs here.
    pub args: Vec<OsString>,
    /// Where it works.
    pub folder: &'a Path,
    /// Variables beside the inherited ones; `None` takes one away.
    pub variables: Vec<(&'a str, Option<&'a str>)>,
    /// How long it may take.
    pub limit: Duration,
}

/// Why a program did not do what it was started for.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not where it is looked for.
    #[error("there is no program {program}")]
    Missing {
        /// Its name.
        program: String,
    },
    /// It may not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// Its name.
        program: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// It was ended.
    #[error("{program} took longer than {} seconds", limit.as_secs())]
    TookTooLong {
        /// Its name.
        program: String,
        /// How long it was given.
        limit: Duration,
    },
    /// It says that it failed.
    #[error("{program} ended with {status}{}", said(words))]
    Failed {
        /// Its name.
        program: String,
        /// The exit status, as the system words it.
        status: String,
        /// What it printed to standard error.
        words: String,
    },
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

impl Program<'_> {
    /// Runs it, and gives what it printed to standard output.
    ///
    /// # Errors
    /// All of [`ProgramError`].
    pub async fn run(self) -> Result<Vec<u8>, ProgramError> {
        let name = || self.program.to_string_lossy().into_owned();
        let mut command = Command::new(self.program);
        command.args(&self.args).current_dir(self.folder).stdin(Stdio::null()).kill_on_drop(true);
        for (variable, value) in &self.variables {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        let output = timeout(self.limit, command.output())
            .await
            .map_err(|_| ProgramError::TookTooLong { program: name(), limit: self.limit })?
            .map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => ProgramError::Missing { program: name() },
                _ => ProgramError::Start { program: name(), source },
            })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(ProgramError::Failed { program: name(), status: output.status.to_string(), words })
    }
}
