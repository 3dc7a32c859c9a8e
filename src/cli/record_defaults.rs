//! `realmform record-defaults`: what a fresh server gives, for `src/model/defaults/`.

use super::prepare;
use super::workspace::Workspace;
use super::{Context, Error, Exit, connect};
use crate::keycloak::{Http, record_defaults};

/// Record Keycloak's defaults from a fresh server: `realmform sandbox record-defaults > src/model/defaults/26.7.json`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    prepare: prepare::PlanArgs,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let workspace = Workspace::load(context, &args.prepare.files)?;
    let project = Some(&workspace.loaded.project);
    let connection = connect::connection(context, &args.prepare.connect, &workspace.folder, project).await?;
    let http = Http::connect(connection).await?;
    let defaults = record_defaults(&http).await?;
    context.output.result(&format!("{defaults:#}\n"))?;
    Ok(Exit::Fine)
}
