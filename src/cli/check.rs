//! `realmform check`: the offline half of a plan.

use super::workspace::{self, Workspace};
use super::{Context, Error, Exit};

/// Check the files without a server: syntax, types, duplicate fields, references between files.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform check
  realmform check --strict --rev origin/main")]
pub(super) struct Args {
    #[command(flatten)]
    files: workspace::FileArgs,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let workspace = Workspace::load(context, &args.files)?;
    let loaded = &workspace.loaded;
    let objects: usize = loaded.desired.realms.values().map(|realm| realm.objects.len()).sum();
    let names = loaded.references.len();
    let mut text = format!("{objects} objects in {} realms are in order.\n", loaded.desired.realms.len());
    if names > 0 {
        text.push_str(&format!("{names} names are not declared in the files; a plan looks for them on the server.\n"));
    }
    context.output.result(&text)?;
    Ok(Exit::Fine)
}
