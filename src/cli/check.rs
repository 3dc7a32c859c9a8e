//! `realmform check`: the offline half of a plan.

use super::output::count;
use super::workspace::{self, Workspace};
use super::{Context, Error, Exit};

/// Check the files without a server: syntax, types, duplicate fields, references between files, and what the policy
/// lets each of them declare.
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
    let (objects, realms) = (count(objects, "object"), count(loaded.desired.realms.len(), "realm"));
    let mut text = format!("In order: {objects} in {realms}.\n");
    if names > 0 {
        let (names, are) = (count(names, "name"), if names == 1 { "is" } else { "are" });
        text.push_str(&format!("{names} {are} declared nowhere in them; `realmform plan` asks the server.\n"));
    }
    context.output.result(&text)?;
    Ok(Exit::Fine)
}
