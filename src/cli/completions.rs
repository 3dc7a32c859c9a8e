//! `realmform completions`: completion scripts.

use clap::CommandFactory as _;

use super::{Cli, Context, Error, Exit};

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform completions bash > /etc/bash_completion.d/realmform
  realmform completions zsh > ~/.zfunc/_realmform")]
pub(super) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "realmform", &mut script);
    context.output.result(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}
