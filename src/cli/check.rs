//! `realmform check`: the offline half of a plan.

use super::output::count;
use super::workspace::{self, Found, Workspace};
use super::{Context, Error, Exit};

/// Check the files without a server: syntax, types, duplicate fields, references between files, and what the policy
/// lets each of them declare. Where the project has environments, in each of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform check
  realmform check --env staging
  realmform check --strict --rev origin/main")]
pub(super) struct Args {
    #[command(flatten)]
    files: workspace::FileArgs,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let environments = Found::new(context, &args.files)?.environments()?;
    for environment in environments {
        let loaded = Found::new(context, &args.files)?.within(environment.clone()).load();
        if let (Err(Error::Files(_)), Some(environment)) = (&loaded, &environment) {
            context.output.message(&format!("in the environment {environment}:"));
        }
        let workspace = loaded?;
        workspace.print_warnings(context);
        context.output.result(&summary(&workspace))?;
    }
    Ok(Exit::Fine)
}

fn summary(workspace: &Workspace) -> String {
    let loaded = &workspace.loaded;
    let objects: usize = loaded.desired.realms.values().map(|realm| realm.objects.len()).sum();
    let names = loaded.references.len();
    let (objects, realms) = (count(objects, "object"), count(loaded.desired.realms.len(), "realm"));
    let within = workspace.environment().map(|environment| format!(" in {environment}")).unwrap_or_default();
    let mut text = format!("In order{within}: {objects} in {realms}.\n");
    if names > 0 {
        let (names, are) = (count(names, "name"), if names == 1 { "is" } else { "are" });
        text.push_str(&format!("{names} {are} declared nowhere in them; `realmform plan` asks the server.\n"));
    }
    text
}
