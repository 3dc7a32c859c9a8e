//! `realmform sandbox`: any command against a throwaway Keycloak.

use std::ffi::OsString;

use clap::Parser as _;
use secrecy::ExposeSecret as _;

use super::progress::{Starting, interruptions};
use super::{Cli, Command, Context, Error, Exit, Global};
use crate::keycloak::{Connection, Credentials};
use crate::sandbox::{self, Options, Sandbox};

/// Run a command against a throwaway Keycloak on loopback, which ends with the command. Without a command it runs until
/// Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform sandbox apply --yes          apply the project to an empty Keycloak, and end it
  realmform sandbox --keep apply --yes   the same, and leave it running until Ctrl-C
  realmform sandbox                      only run Keycloak until Ctrl-C

It takes Java 17 or newer, and KEYCLOAK_HOME (an unpacked distribution) or Maven to fetch Keycloak with; else a container
engine. A secret whose source is missing gets a random throwaway value.")]
pub(super) struct Args {
    /// Leave the server running until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// The version of Keycloak
    #[arg(long, value_name = "VERSION", default_value = sandbox::KEYCLOAK_VERSION)]
    keycloak: String,
    /// Features of Keycloak to enable, as its own option names them
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    features: Vec<String>,
    /// Features of Keycloak to disable
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    features_disabled: Vec<String>,
    /// The command and its options
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Error> {
    let (keep, inner) = parse(args.keep, args.command)?;
    let supervisor = std::env::current_exe().map_err(Error::runtime)?;
    let mut options = Options::new(supervisor);
    options.version = args.keycloak;
    (options.features, options.disabled_features) = (args.features, args.features_disabled);
    let mut interrupted = interruptions();
    let progress = Starting::new();
    let started = tokio::select! {
        started = sandbox::start(&options, &progress) => started,
        _ = interrupted.changed() => return Err(Error::Other("interrupted".to_owned())),
    };
    progress.finish();
    let server = started?;
    let result = match inner {
        Some(command) => inside(context, &server, command).await,
        None => Ok(Exit::Fine),
    };
    if keep && !*interrupted.borrow() {
        if let Err(error) = &result {
            context.output.message(&format!("error: {error}"));
        }
        context.output.message(&signpost(&server));
        // The sender lives as long as the runtime.
        drop(interrupted.changed().await);
    }
    server.stop().await;
    result
}

/// The command as if it had been given to the program itself. `sandbox apply --keep` is understood as well.
fn parse(keep: bool, command: Vec<OsString>) -> Result<(bool, Option<Cli>), Error> {
    let (kept, command): (Vec<_>, Vec<_>) = command.into_iter().partition(|argument| argument == "--keep");
    let keep = keep || !kept.is_empty();
    if command.is_empty() {
        return Ok((true, None));
    }
    let arguments = std::iter::once(OsString::from("realmform")).chain(command);
    let cli = Cli::try_parse_from(arguments).map_err(Error::Clap)?;
    if matches!(cli.command, Command::Sandbox(_)) {
        return Err(Error::Usage("a sandbox runs no other sandbox".to_owned()));
    }
    Ok((keep, Some(cli)))
}

/// What is said before the command and after it are options of both.
async fn inside(context: &Context, server: &Sandbox, inner: Cli) -> Result<Exit, Error> {
    let mut context = context.clone();
    context.server = Some(connection(server));
    let Global { project, env, color: _, log: _ } = inner.global;
    context.global.project = project.or(context.global.project);
    context.global.env = env.or(context.global.env);
    super::dispatch(&context, inner.command).await
}

/// Over plain HTTP: it never leaves the machine, and nothing has to be trusted.
fn connection(server: &Sandbox) -> Connection {
    let credentials = Credentials::Password {
        client_id: "admin-cli".to_owned(),
        client_secret: None,
        user: server.admin_user().to_owned(),
        password: server.admin_password().clone(),
    };
    Connection::new(server.http_url(), credentials)
}

/// How to reach the server. Its password is as throwaway as itself.
fn signpost(server: &Sandbox) -> String {
    let (url, user, password) = (server.http_url(), server.admin_user(), server.admin_password().expose_secret());
    format!(
        "
Keycloak {version} is running until Ctrl-C.
  console   {url}/admin/
  sign-in   {user} / {password}
  https     {https} (certificate: {ca})

For other commands:
  export KEYCLOAK_URL={url} KEYCLOAK_USER={user} KEYCLOAK_PASSWORD={password}",
        version = server.version(),
        https = server.https_url(),
        ca = server.ca_file().display(),
    )
}
