/*!
The command line: one file per command, and the only room that knows all others.

Results go to standard output, everything else to standard error. Every command returns an [`Exit`] or an [`Error`];
`error` is the one place that turns errors into exit codes and hints.
*/

mod apply;
mod blueprints;
mod changed;
mod check;
mod completions;
mod connect;
mod diff;
mod drift;
mod error;
mod explain;
mod exports;
mod features;
mod files;
mod import;
mod init;
mod new;
mod offline;
mod output;
mod outputs;
mod plan;
mod prepare;
mod progress;
mod record_defaults;
mod refresh;
mod report;
mod sandbox;
mod saved;
mod schema;
mod secrets;
mod servers;
mod show;
mod staged;
mod status;
mod transfer;
mod unlock;
mod unreadable;
mod update;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use error::Error;
use output::{ColorChoice, Output};

/// Keycloak realms as TOML in git: diffed against the live server, shown as a plan, applied exactly so.
#[derive(Debug, Parser)]
#[command(name = "realmform", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  realmform init realms            write a commented project with a first realm
  realmform check                  check the files, offline
  realmform diff                   show what the work tree changes, offline
  realmform plan                   show what would change on the server
  realmform apply                  show it, ask, and change it
  realmform sandbox apply --yes    the same against a throwaway Keycloak

Exit codes: 0 fine, 1 error, 2 changes (plan --detailed-exitcode) or drift, 4 refused by a guard, \
5 stale plan, 6 partly applied, 7 locked, 64 usage.")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, clap::Args)]
struct Global {
    /// The project's folder, the one that holds realmform.toml [default: looked for from here upwards, also in realms/]
    #[arg(long, global = true, help_heading = "Options of every command", value_name = "DIR")]
    project: Option<PathBuf>,
    /// The environment of the project that is meant; `diff` compares two as A..B
    #[arg(
        long,
        global = true,
        help_heading = "Options of every command",
        value_name = "NAME",
        env = "REALMFORM_ENV",
        hide_env_values = true
    )]
    env: Option<String>,
    /// When to use colours; `NO_COLOR` is heeded
    #[arg(long, global = true, help_heading = "Options of every command", value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    /// Write what happens to standard error; never a secret
    #[arg(
        long,
        global = true,
        help_heading = "Options of every command",
        value_name = "LEVEL",
        env = "REALMFORM_LOG",
        hide_env_values = true
    )]
    log: Option<output::LogLevel>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented project with a first realm
    Init(init::Args),
    /// Write the files of something that the project has a pattern for
    New(new::Args),
    /// Write a live realm as files
    Import(import::Args),
    /// Read again what identity providers publish of themselves, into the files
    Refresh(refresh::Args),
    /// Take blueprints from git at what their branches and tags are now
    Update(update::Args),
    /// Check the files without a server
    Check(check::Args),
    /// Show what differs between two states of the files
    Diff(diff::Args),
    /// Show what would change on the server
    Plan(plan::Args),
    /// Show a saved plan
    Show(show::Args),
    /// Change the server to what the files say
    Apply(apply::Args),
    /// Show what moved since it was applied, and whose it is
    Drift(drift::Args),
    /// Show how the servers and their realms are
    Status(status::Args),
    /// Show what is handed over of what an apply made
    Output(outputs::Args),
    /// Tell the whole story of an object, or of a field of it
    Explain(explain::Args),
    /// Hand objects or fields of another project over
    Transfer(transfer::Args),
    /// Release locks that runs left behind
    Unlock(unlock::Args),
    /// Run a command against a throwaway Keycloak
    Sandbox(sandbox::Args),
    /// Print the JSON Schemas of the files, or write them into a folder
    Schema(schema::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Record Keycloak's defaults from a fresh server (for realmform's own developers)
    #[command(hide = true)]
    RecordDefaults(record_defaults::Args),
}

/// How a command ended that did what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Fine,
    Changes,
}

/// Where a command works: overridden by `sandbox` for the command that it runs.
#[derive(Clone)]
struct Context {
    global: Global,
    output: Output,
    /// The throwaway server of `sandbox`.
    server: Option<crate::keycloak::Connection>,
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let mut args = std::env::args_os();
    if args.by_ref().nth(1).is_some_and(|command| command == "__supervise") {
        return crate::sandbox::supervise(args);
    }
    run(std::env::args_os().collect())
}

fn run(args: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) => return error::usage(&e),
    };
    let output = Output::new(cli.global.color);
    output::start_log(cli.global.log);
    let context = Context { global: cli.global, output, server: None };
    match execute(&context, cli.command) {
        Ok(Exit::Fine) => ExitCode::SUCCESS,
        Ok(Exit::Changes) => ExitCode::from(2),
        Err(e) => e.report(&context.output),
    }
}

/// Requests wait far more than they compute, so one thread is enough, and nothing needs to be `Send`.
fn execute(context: &Context, command: Command) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::runtime)?;
    // Whoever interrupts gets an orderly end; see `progress::interruptions`.
    runtime.block_on(dispatch(context, command))
}

async fn dispatch(context: &Context, command: Command) -> Result<Exit, Error> {
    match command {
        Command::Init(args) => init::run(context, &args),
        Command::New(args) => new::run(context, &args).await,
        Command::Refresh(args) => refresh::run(context, &args).await,
        Command::Update(args) => update::run(context, &args).await,
        Command::Import(args) => import::run(context, &args).await,
        Command::Check(args) => check::run(context, &args),
        Command::Diff(args) => diff::run(context, &args),
        Command::Plan(args) => plan::run(context, &args).await,
        Command::Show(args) => show::run(context, &args),
        Command::Apply(args) => apply::run(context, &args).await,
        Command::Drift(args) => Box::pin(drift::run(context, &args)).await,
        Command::Status(args) => Box::pin(status::run(context, &args)).await,
        Command::Output(args) => outputs::run(context, &args).await,
        Command::Explain(args) => explain::run(context, &args).await,
        Command::Transfer(args) => transfer::run(context, &args).await,
        Command::Unlock(args) => unlock::run(context, &args).await,
        Command::Sandbox(args) => Box::pin(sandbox::run(context, args)).await,
        Command::Schema(args) => schema::run(context, &args),
        Command::Completions(args) => completions::run(context, &args),
        Command::RecordDefaults(args) => record_defaults::run(context, &args).await,
    }
}
