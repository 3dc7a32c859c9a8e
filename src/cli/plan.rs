//! `realmform plan`: what would change.

use super::output::Format;
use super::prepare::{self, Prepared, prepare};
use super::{Context, Error, Exit};
use crate::render;

/// Show what would change on the server. Changes nothing, and takes no lock.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform plan
  realmform plan --realm customer-acme --rev origin/main
  realmform plan --format json --detailed-exitcode

A credential with view-* roles is enough. With --detailed-exitcode, 2 means that there are changes.")]
pub(super) struct Args {
    #[command(flatten)]
    prepare: prepare::PlanArgs,
    /// Exit with 2 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// How the plan is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Show long values and deleted objects in full
    #[arg(long, short)]
    verbose: bool,
    /// Also print how many requests of each sort it cost, to standard error
    #[arg(long)]
    requests: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let prepared = prepare(context, &args.prepare, |_, _| Ok(())).await?;
    print(context, &prepared, args.format, args.verbose)?;
    if args.requests {
        print_requests(context, &prepared);
    }
    let plan = prepared.plan.as_ref().map_err(|_| Error::Refused)?;
    Ok(if args.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Fine })
}

/// Prints a plan, and what speaks against it.
pub(super) fn print(context: &Context, prepared: &Prepared, format: Format, verbose: bool) -> Result<(), Error> {
    for reference in &prepared.made_up {
        context.output.message(&format!("note: {reference} is not set; a random throwaway value stands in for it"));
    }
    let options = render::text::Options { color: context.output.color(), width: context.output.width(), verbose };
    let text = match (format, &prepared.plan) {
        (Format::Json, Ok(plan)) => format!("{:#}\n", render::json::plan(plan)),
        (Format::Json, Err(refusal)) => format!("{:#}\n", render::json::refusal(refusal)),
        (Format::Text, Ok(plan)) => render::text::plan(plan, options),
        (Format::Text, Err(refusal)) => render::text::refusal(refusal, options),
    };
    context.output.result(&text)
}

/// Prints what a command cost, most frequent first.
pub(super) fn print_requests(context: &Context, prepared: &Prepared) {
    let counts = prepared.http.requests();
    let mut lines: Vec<_> = counts.iter().collect();
    lines.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let total: u64 = counts.values().sum();
    context.output.message(&format!("{total} requests"));
    for (request, count) in lines {
        context.output.message(&format!("{count:>7} {request}"));
    }
}
