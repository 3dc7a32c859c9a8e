//! Standard output and standard error.

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;

use super::error::Error;

/// When to use colours.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// A format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

/// Where text goes, and how it may look there.
#[derive(Clone, Debug)]
pub(super) struct Output {
    choice: ColorChoice,
}

impl Output {
    pub(super) fn new(choice: ColorChoice) -> Self {
        Self { choice }
    }

    /// Whether results may be coloured.
    pub(super) fn color(&self) -> bool {
        self.colored(anstream::AutoStream::choice(&std::io::stdout()))
    }

    /// Whether messages may be coloured.
    pub(super) fn message_color(&self) -> bool {
        self.colored(anstream::AutoStream::choice(&std::io::stderr()))
    }

    fn colored(&self, auto: anstream::ColorChoice) -> bool {
        match self.choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => !matches!(auto, anstream::ColorChoice::Never),
        }
    }

    /// How many characters a line of results holds.
    pub(super) fn width(&self) -> usize {
        let terminal = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
        terminal.map_or(120, |(columns, _)| usize::from(columns.0).clamp(60, 160))
    }

    /// Prints a result. A reader that went away (`| head`) is no error.
    pub(super) fn result(&self, text: &str) -> Result<(), Error> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::runtime(e)),
            _ => Ok(()),
        }
    }

    /// Prints a message.
    pub(super) fn message(&self, text: &str) {
        // There is nowhere else to say that standard error is gone.
        drop(writeln!(std::io::stderr().lock(), "{}", text.trim_end()));
    }
}

/// `1 object`, `2 objects`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Starts the log on standard error, where one was asked for.
pub(super) fn start_log(level: Option<&str>) -> Result<(), Error> {
    let Some(level) = level else { return Ok(()) };
    let filter = match level {
        "error" | "warn" | "info" | "debug" | "trace" => format!("realmform={level}"),
        directives => directives.to_owned(),
    };
    let filter = tracing_subscriber::EnvFilter::try_new(filter);
    let filter = filter.map_err(|e| Error::Usage(format!("--log {level}: {e}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // A second start (in a test) keeps the first.
    drop(log.try_init());
    Ok(())
}
