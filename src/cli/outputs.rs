//! `realmform output`, and what an apply hands over when it is done.
#![expect(clippy::disallowed_methods, reason = "what was handed over before is compared with what would be now")]

use std::path::Path;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde_json::Value as Json;

use super::files::{Readers, replace};
use super::output::count;
use super::workspace::{FileArgs, Workspace};
use super::{Context, Error, Exit, connect};
use crate::desired::{Output, Outputs};
use crate::keycloak::{FactsWanted, Http, facts};
use crate::outputs;
use crate::secrets::Redactor;

/// Show what is handed over of what an apply made, rendered from the live server.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform output                        which outputs there are, and whether their files are up to date
  realmform output web                    what it holds, secrets left out
  realmform output web --show-secrets     with them, for `kubectl apply -f -` and the like
  realmform output --write                write the files again that are not up to date

Outputs are declared in realmform.toml ([outputs.NAME]). An apply writes their files, which only you may read, and an unchanged \
one leaves them as they are.")]
pub(super) struct Args {
    /// The outputs [default: all of them]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    connect: connect::ConnectArgs,
    /// Print secrets, too
    #[arg(long, conflicts_with = "write")]
    show_secrets: bool,
    /// Write files instead of printing
    #[arg(long)]
    write: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let workspace = Workspace::load(context, &FileArgs::default())?;
    let project = &workspace.loaded.project;
    let wanted = wanted(&project.outputs, &args.names)?;
    if wanted.is_empty() {
        context.output.result("The project declares no outputs: write [outputs.NAME] into realmform.toml.\n")?;
        return Ok(Exit::Fine);
    }
    let connection = connect::connection(context, &args.connect, &workspace.folder, Some(project)).await?;
    let http = Http::connect(connection).await?;
    if args.write {
        hand_over(context, &http, &workspace.folder, wanted).await?;
        return Ok(Exit::Fine);
    }
    for (name, output) in wanted {
        let rendered = Rendered::of(&http, name, output).await?;
        if args.names.is_empty() {
            context.output.result(&rendered.line(&workspace.folder, name, output))?;
        } else if args.show_secrets {
            context.output.result(&rendered.text)?;
        } else {
            context.output.result(&rendered.redacted())?;
        }
    }
    Ok(Exit::Fine)
}

fn wanted<'a>(outputs: &'a Outputs, names: &[String]) -> Result<Vec<(&'a String, &'a Output)>, Error> {
    if let Some(unknown) = names.iter().find(|name| !outputs.contains_key(*name)) {
        let known: Vec<&str> = outputs.keys().map(String::as_str).collect();
        return Err(Error::Usage(match known.as_slice() {
            [] => format!("there is no output {unknown}: the project declares none"),
            known => format!("there is no output {unknown}: the project has only {}", known.join(", ")),
        }));
    }
    Ok(outputs.iter().filter(|(name, _)| names.is_empty() || names.contains(name)).collect())
}

/// Writes the files of outputs that are not up to date.
pub(super) async fn hand_over<'a>(
    context: &Context,
    http: &Http,
    folder: &Path,
    outputs: impl IntoIterator<Item = (&'a String, &'a Output)>,
) -> Result<(), Error> {
    let mut failed = Vec::new();
    for (name, output) in outputs {
        let Some(file) = &output.file else { continue };
        let written = async {
            let rendered = Rendered::of(http, name, output).await?;
            rendered.write(&folder.join(file))
        };
        match written.await {
            Ok(true) => context.output.result(&format!("output {name}: {} written\n", file.display()))?,
            Ok(false) => {}
            Err(error) => {
                context.output.message(&format!("error: output {name}: {}", error.in_full()));
                failed.push(name.as_str());
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let outputs = count(failed.len(), "output");
    Err(Error::Partial(format!("{outputs} could not be handed over: {}", failed.join(", "))))
}

/// An output as it would be handed over now.
struct Rendered {
    text: Zeroizing<String>,
    secrets: Vec<SecretString>,
}

impl Rendered {
    async fn of(http: &Http, name: &str, output: &Output) -> Result<Self, Error> {
        let used = output.content.facts();
        let wanted = FactsWanted { certificates: used.contains("certificates"), groups: used.contains("groups") };
        let facts = facts(http, &output.of, wanted).await?;
        let secrets = secrets(&facts);
        let text = outputs::output(&output.content, &facts)
            .map_err(|error| Error::Other(format!("{}: output {name}: {error}", output.origin)))?;
        Ok(Self { text, secrets })
    }

    fn redacted(&self) -> String {
        Redactor::new(&self.secrets).redact(&self.text)
    }

    /// Whether the file had to be written.
    fn write(&self, path: &Path) -> Result<bool, Error> {
        if self.is_in(path) {
            return Ok(false);
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| Error::File { path: folder.to_owned(), source })?;
        }
        replace(path, &self.text, Readers::Owner)?;
        Ok(true)
    }

    fn is_in(&self, path: &Path) -> bool {
        std::fs::read(path).map(Zeroizing::new).is_ok_and(|there| *there == self.text.as_bytes())
    }

    fn line(&self, folder: &Path, name: &str, output: &Output) -> String {
        let place = match &output.file {
            None => "only printed".to_owned(),
            Some(file) => format!("{}  {}", file.display(), self.state(&folder.join(file))),
        };
        format!("{name}  {}  {place}\n", output.of)
    }

    fn state(&self, path: &Path) -> &'static str {
        match path.exists() {
            true if self.is_in(path) => "up to date",
            true => "not up to date",
            false => "not there",
        }
    }
}

/// What of the facts nobody may see who may not apply.
fn secrets(facts: &Json) -> Vec<SecretString> {
    facts["client"]["secret"].as_str().map(SecretString::from).into_iter().collect()
}
