//! `realmform show`: what a saved plan says.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::plan::PlanView;
use super::report::{self, Format, Render, Reports};
use super::{Context, Error, Exit, saved};
use crate::plan::explain::Explanations;
use crate::render::{markdown, text};

/// Show a plan that `plan --out` saved. No server is asked, and no files are needed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform show shop.plan
  realmform show shop.plan --format json
  realmform show shop.plan --report markdown=comment.md")]
pub(super) struct Args {
    /// The saved plan
    #[arg(value_name = "PLAN")]
    saved: PathBuf,
    /// How the plan is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    reports: Reports,
    /// Show long values and deleted objects in full
    #[arg(long, short)]
    verbose: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let saved = saved::read(&args.saved)?;
    let plan = PlanView { plan: Ok(&saved.plan), explanations: Explanations::default(), about: saved::about(&saved) };
    let view = SavedView { plan, description: saved.description() };
    report::show(context, &view, args.format, args.verbose, &args.reports)?;
    Ok(Exit::Fine)
}

/// A saved plan as people and programs see it.
struct SavedView<'a> {
    plan: PlanView<'a>,
    /// What it was made from, and until when it holds.
    description: String,
}

impl Render for SavedView<'_> {
    fn text(&self, options: text::Options) -> String {
        format!("{}{}\n", self.plan.text(options), self.description)
    }

    /// The same document as of a plan that was just made.
    fn json(&self) -> Json {
        self.plan.json()
    }

    fn markdown(&self) -> String {
        self.plan.markdown() + &markdown::footer(&self.description)
    }
}
