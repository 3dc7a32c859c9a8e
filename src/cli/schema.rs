//! `realmform schema`: JSON Schemas of the files.
#![expect(clippy::disallowed_methods, reason = "schemas are written where the user says")]

use std::path::PathBuf;

use super::output::count;
use super::{Context, Error, Exit};
use crate::render;

/// Print the JSON Schemas of the files, by the names of their own files, or write them into a folder. Editors that know
/// TOML take a schema from the first line of a file: `#:schema ../schemas/realm.schema.json`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform schema client > client.schema.json
  realmform schema --write schemas")]
pub(super) struct Args {
    /// Only this one: realm, client, group, …, or realmform for the project file
    #[arg(value_name = "NAME", conflicts_with = "write")]
    name: Option<String>,
    /// Write them all into this folder, over what is there
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let schemas = render::schema::all();
    if let Some(folder) = &args.write {
        let failed = |path: PathBuf| |source| Error::File { path, source };
        std::fs::create_dir_all(folder).map_err(failed(folder.clone()))?;
        for (name, schema) in &schemas {
            let path = folder.join(name);
            std::fs::write(&path, format!("{schema:#}\n")).map_err(failed(path))?;
        }
        context.output.message(&format!("{} written to {}", count(schemas.len(), "schema"), folder.display()));
        return Ok(Exit::Fine);
    }
    let Some(name) = &args.name else {
        let all: serde_json::Map<_, _> = schemas.into_iter().collect();
        context.output.result(&format!("{:#}\n", serde_json::Value::from(all)))?;
        return Ok(Exit::Fine);
    };
    let Some(schema) = schemas.get(&format!("{name}.schema.json")) else {
        let known: Vec<&str> = schemas.keys().map(|name| name.trim_end_matches(".schema.json")).collect();
        return Err(Error::Usage(format!("there is no schema `{name}`; there are {}", known.join(", "))));
    };
    context.output.result(&format!("{schema:#}\n"))?;
    Ok(Exit::Fine)
}
