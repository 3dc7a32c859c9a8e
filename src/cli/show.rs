//! `realmform show`: what a saved plan says.

use std::path::PathBuf;

use super::output::Format;
use super::{Context, Error, Exit, plan, saved};

/// Show a plan that `plan --out` saved. No server is asked, and no files are needed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform show shop.plan
  realmform show shop.plan --format json")]
pub(super) struct Args {
    /// The saved plan
    #[arg(value_name = "PLAN")]
    saved: PathBuf,
    /// How the plan is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Show long values and deleted objects in full
    #[arg(long, short)]
    verbose: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let saved = saved::read(&args.saved)?;
    let text = plan::rendered(context, &Ok(saved.plan.clone()), args.format, args.verbose);
    context.output.result(&text)?;
    if args.format == Format::Text {
        context.output.result(&format!("{}\n", saved.description()))?;
    }
    Ok(Exit::Fine)
}
