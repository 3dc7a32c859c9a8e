//! Standard output and standard error.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use clap::ValueEnum;
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::Context;
use super::error::Error;
use crate::render::text;

/// When to use colours.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// Where text goes, and how it may look there.
#[derive(Clone, Debug)]
pub(super) struct Output {
    choice: ColorChoice,
}

#[expect(clippy::unused_self, reason = "whoever prints has been given the right to by this value")]
impl Output {
    pub(super) fn new(choice: ColorChoice) -> Self {
        Self { choice }
    }

    /// Whether results may be coloured.
    fn color(&self) -> bool {
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

    /// How results look as text.
    pub(super) fn text_options(&self, verbose: bool) -> text::Options {
        text::Options { color: self.color(), width: self.width(), verbose }
    }

    /// How many characters a line of results holds.
    fn width(&self) -> usize {
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

    /// Has the next result take the place of those before it, where that is a terminal's screen.
    pub(super) fn start_over(&self) -> Result<(), Error> {
        if std::io::stdout().is_terminal() { self.result("\x1b[2J\x1b[3J\x1b[H") } else { Ok(()) }
    }

    /// Prints a message.
    pub(super) fn message(&self, text: &str) {
        // There is nowhere else to say that standard error is gone.
        drop(writeln!(std::io::stderr().lock(), "{}", text.trim_end()));
    }
}

/// Asks, and goes on only if the answer is "yes".
pub(super) fn confirm(context: &Context, yes: bool, no_input: bool, question: &str, no: Error) -> Result<(), Error> {
    if yes {
        return Ok(());
    }
    if no_input || !std::io::stdin().is_terminal() {
        return Err(Error::NoInput);
    }
    context.output.message(question);
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(Error::runtime)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(no) }
}

/// `1 object`, `2 objects`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Starts the log on standard error, where one was asked for.
///
/// Only our own targets: other crates are free to log what they send, headers and tokens included.
pub(super) fn start_log(level: Option<LogLevel>) {
    let Some(level) = level else { return };
    let filter = Targets::new().with_target("realmform", Level::from(level));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    // A second start (in a test) keeps the first.
    drop(tracing_subscriber::registry().with(log.with_filter(filter)).try_init());
}
