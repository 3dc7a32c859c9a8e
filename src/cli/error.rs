//! The one place that turns errors into text, hints and exit codes.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::output::Output;
use super::secrets::Missing;
use crate::desired::Problems;
use crate::git::GitError;
use crate::keycloak::{ExportError, HttpError, Lock, ServerError};
use crate::metadata::MetadataError;
use crate::render::json::SavedError;
use crate::sandbox::SandboxError;
use crate::secrets::SecretError;

/// The exit code of a command line that cannot be understood.
const USAGE: u8 = 64;

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A command line, or an environment, that cannot be understood.
    #[error("{0}")]
    Usage(String),
    #[error("no realmform.toml here or in a parent folder, nor in a folder `realms` of one")]
    NoProject { from: PathBuf },
    #[error("{0}")]
    Files(Problems),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error("secrets are missing")]
    Secrets(Vec<Missing>),
    /// What is handed over cannot be read, or not be written.
    #[error(transparent)]
    Secret(Arc<SecretError>),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The plan and what speaks against it were printed already.
    #[error("refused by a guard; nothing was changed")]
    Refused,
    #[error(
        "this plan is stale: another run applied {commit} to realm {realm} since it was made; nothing was changed there"
    )]
    Stale { realm: String, commit: String },
    /// What moved was printed already.
    #[error("the plan is stale; nothing was changed")]
    StalePlan,
    #[error("{} cannot be used as a saved plan", path.display())]
    SavedPlan { path: PathBuf, source: SavedError },
    #[error("{}", locked(realm, lock))]
    Locked { realm: String, lock: Box<Lock> },
    /// What failed was printed already.
    #[error("{0}")]
    Partial(String),
    #[error("the work tree differs from its commit, and a clean one is required")]
    Dirty,
    /// Files that were to be written have changes of somebody's own.
    #[error("{} that no commit has", changes(.0))]
    Uncommitted(Vec<PathBuf>),
    /// What the server has does not fit into the files.
    #[error("nothing was written: {0}")]
    NotAdopted(String),
    /// The answer was another than "yes".
    #[error("{0}")]
    Declined(&'static str),
    #[error("there is nobody to ask: standard input is not a terminal")]
    NoInput,
    #[error("{} cannot become a project: {} in the way", folder.display(), are(found.len()))]
    InTheWay { folder: PathBuf, found: Vec<String> },
    /// Help, or a usage error, of a command inside another one.
    #[error(transparent)]
    Clap(clap::Error),
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// What an identity provider publishes of itself cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A file that was given as a realm export.
    #[error("{} cannot be used as a realm export", path.display())]
    Export { path: PathBuf, source: ExportError },
    #[error("{path}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// Something of the machine's own failed.
    #[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
    pub(super) fn runtime(error: std::io::Error) -> Self {
        Self::Other(error.to_string())
    }

    /// The error and its causes, in one line.
    pub(super) fn in_full(&self) -> String {
        let mut text = self.to_string();
        // What gix says of an unknown revision is the same once more.
        let said_all = matches!(self, Self::Git(GitError::UnknownRevision { .. }));
        for cause in causes(self).iter().filter(|_| !said_all) {
            text.push_str(&format!(": {cause}"));
        }
        text
    }

    /// Prints the error and answers the exit code.
    pub(super) fn report(&self, output: &Output) -> ExitCode {
        match self {
            Self::Clap(error) => return usage(error),
            Self::Files(problems) => output.message(&crate::desired::render(&problems.0, output.message_color(), 100)),
            _ => {}
        }
        let mut text = format!("error: {}", self.in_full());
        match self {
            Self::Secrets(missing) => {
                for Missing { error, uses } in missing {
                    // Programs say more than one line.
                    for (at, line) in error.to_string().lines().filter(|line| !line.trim().is_empty()).enumerate() {
                        text.push_str(&format!("\n{}{line}", if at == 0 { "  " } else { "      " }));
                    }
                    for place in uses {
                        text.push_str(&format!("\n    for {place}"));
                    }
                }
            }
            Self::InTheWay { found, .. } => found.iter().for_each(|name| text.push_str(&format!("\n  {name}"))),
            _ => {}
        }
        output.message(&text);
        if let Some(hint) = self.hint() {
            output.message(&format!("hint: {hint}"));
        }
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::Refused => 4,
            Self::SavedPlan { source: SavedError::Shape(_), .. } => 1,
            Self::Stale { .. } | Self::StalePlan | Self::SavedPlan { .. } => 5,
            Self::Partial(_) => 6,
            Self::Locked { .. } => 7,
            _ => 1,
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoProject { from } => {
                format!(
                    "looked from {} upwards; `realmform init` writes a project, `--project DIR` names one",
                    from.display()
                )
            }
            Self::Git(e) => return e.hint().map(str::to_owned),
            Self::Secrets(missing) => {
                let mut hints: Vec<&str> = Vec::new();
                for hint in missing.iter().filter_map(|it| it.error.hint()) {
                    if !hints.contains(&hint) {
                        hints.push(hint);
                    }
                }
                return (!hints.is_empty()).then(|| hints.join("\nhint: "));
            }
            Self::Secret(error) => return error.hint().map(str::to_owned),
            Self::Http(e) | Self::Server(ServerError::Http(e)) => return e.hint(),
            Self::Stale { .. } | Self::StalePlan | Self::SavedPlan { .. } => {
                "make the plan again: `realmform plan`".to_owned()
            }
            Self::Locked { .. } => {
                "`--lock-timeout 10m` waits for it to end; the lock of a run that died ends by itself, \
                                    and `realmform unlock` releases it at once"
                    .to_owned()
            }
            Self::Partial(_) => "run `realmform apply` again: it goes on where this run stopped".to_owned(),
            Self::Dirty => {
                "commit or stash your changes, or leave --require-clean (policy.requireClean) out".to_owned()
            }
            Self::Uncommitted(_) => {
                "nothing was written; commit or stash your changes, or say --force to write beside them".to_owned()
            }
            Self::NotAdopted(_) => {
                "change that by hand first, or leave it out with `--ignore ADDRESS`; `realmform drift \
                                    --revert` sets the server back instead"
                    .to_owned()
            }
            Self::InTheWay { .. } => "nothing was written; name a folder of its own: `realmform init DIR`".to_owned(),
            Self::NoInput => "say --yes to go on without being asked".to_owned(),
            _ => return None,
        })
    }
}

/// The sources of an error, each once: a transparent error is its own source's text.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(error) = source {
        causes.push(error.to_string());
        source = error.source();
    }
    causes
}

/// clap's own text; help is a result, everything else a usage error.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    drop(error.print());
    if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}

fn are(count: usize) -> String {
    if count == 1 { "1 thing is".to_owned() } else { format!("{count} things are") }
}

/// `a.toml has changes`, `a.toml, b.toml have changes`
fn changes(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    format!("{} {} changes", names.join(", "), if files.len() == 1 { "has" } else { "have" })
}

fn locked(realm: &str, lock: &Lock) -> String {
    format!("realm {realm} is locked by {} until {}; nothing was changed there", lock.holder, lock.expires)
}
