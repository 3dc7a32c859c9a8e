//! Progress on standard error: bars on a terminal, lines elsewhere; and interruptions.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use crate::apply::Event;
use crate::diff::Action;
use crate::plan::StepAction;
use crate::sandbox;
use crate::secrets::Redactor;

/// Becomes true at the first Ctrl-C (or SIGTERM); whoever works finishes what is under way.
pub(super) fn interruptions() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        interrupted().await;
        // Nobody listens any more when the run is over.
        let _ = sender.send(true);
        // A second one is meant.
        interrupted().await;
        #[expect(clippy::disallowed_methods, reason = "the user asked twice; the supervisor ends a sandbox's server")]
        std::process::exit(130);
    });
    receiver
}

#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The progress of an apply.
pub(super) struct Steps<'a> {
    bar: ProgressBar,
    terminal: bool,
    total: usize,
    done: usize,
    redactor: &'a Redactor,
}

impl<'a> Steps<'a> {
    /// With a bar on a terminal, unless it is one of several that would draw over each other.
    pub(super) fn new(total: usize, redactor: &'a Redactor, is_alone: bool) -> Self {
        let terminal = is_alone && std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::new(total as u64) } else { ProgressBar::hidden() };
        bar.set_style(style("{spinner} {bar:30} {pos}/{len} {wide_msg}"));
        Self { bar, terminal, total, done: 0, redactor }
    }

    /// Shows an event.
    pub(super) fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Started(change, _) => self.bar.set_message(change.address.to_string()),
            Event::Done(..) => {
                self.done += 1;
                self.bar.inc(1);
                // Elsewhere than on a terminal a line now and then says that something happens.
                if !self.terminal && self.done.is_multiple_of(500) {
                    self.line(&format!("{} of {} steps done", self.done, self.total));
                }
            }
            Event::Failed(change, step, error) => {
                let text = format!("failed to {} {}: {error}", verb(step.action, &change.action), change.address);
                self.line(&self.redactor.redact(&text));
                if let Some(origin) = &change.origin {
                    self.line(&format!("  declared in {origin}"));
                }
            }
            Event::Interrupted => self.line("interrupted: what was under way is finished, nothing more is started"),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, text: &str) {
        if self.terminal {
            self.bar.println(text);
        } else {
            use std::io::Write as _;
            drop(writeln!(std::io::stderr().lock(), "{text}"));
        }
    }
}

/// What a step does, as a verb.
pub(super) fn verb(step: StepAction, change: &Action) -> &'static str {
    match (step, change) {
        (StepAction::Create, _) => "create",
        (StepAction::Update, Action::Rename { .. }) => "rename",
        (StepAction::Update, _) => "update",
        (StepAction::Link, _) => "link",
        (StepAction::Delete, _) => "delete",
    }
}

/// The progress of starting a sandbox.
pub(super) struct Starting {
    bar: ProgressBar,
    terminal: bool,
    stage: Mutex<String>,
}

impl Starting {
    pub(super) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.enable_steady_tick(Duration::from_millis(120));
        bar.set_style(style("{spinner} {wide_msg} {elapsed}"));
        Self { bar, terminal, stage: Mutex::default() }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl sandbox::Progress for Starting {
    fn stage(&self, text: &str) {
        let mut stage = self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *stage == text {
            return;
        }
        text.clone_into(&mut stage);
        self.bar.set_style(style("{spinner} {wide_msg} {elapsed}"));
        self.bar.set_message(text.to_owned());
        if !self.terminal {
            use std::io::Write as _;
            drop(writeln!(std::io::stderr().lock(), "{text}"));
        }
    }

    fn bytes(&self, done: u64, total: Option<u64>) {
        if let Some(total) = total {
            self.bar.set_style(style("{spinner} {msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}"));
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }
}

/// The templates are ours, so a broken one shows in the first test; the default stands in for it.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
