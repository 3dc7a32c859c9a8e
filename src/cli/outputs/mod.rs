//! `realmform output`, and what an apply hands over when it is done.
//!
//! - `hand_over`: what an apply does.
//! - `issued`: what only those places hold.
//! - `sinks`: the places that outputs go to.

mod hand_over;
mod issued;
mod sinks;

use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret as _;

use self::hand_over::{render, text, wanted};
use self::issued::{Source, recorded, said};
use self::sinks::Sinks;
use super::report::PlainFormat;
use super::servers::sign_in;
use super::workspace::{FileArgs, Workspace};
use super::{Context, Error, Exit, connect};
use crate::desired::{Output, OutputContent, Project};
use crate::keycloak::{Facts, Servers, facts};
use crate::model::{Address, Desired, RealmName};
use crate::render::json::{self, DestinationState, ListedDestination, ListedOutput};
use crate::secrets::Redactor;

pub(super) use hand_over::HandingOver;

/// Show what is handed over of what an apply made, rendered from the live server.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform output                        which outputs there are, and whether they are up to date
  realmform output web                    what it holds, secrets left out
  realmform output web --show-secrets     with them, for `kubectl apply -f -` and the like
  realmform output web --of acme/clients/shop
                                          only that client's, of an output of several
  realmform output --write                write what is not up to date

Outputs are declared in realmform.toml ([outputs.NAME]). An apply hands them over: into files, which only you may read, and into \
a vault. What is up to date is left as it is; what is no longer declared, or whose client goes, is taken back. A registration access \
token and a generated password are read where they were handed over to: only an apply issues one, since that makes the one before \
void.")]
pub(super) struct Args {
    /// The outputs [default: all of them]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Only what is handed over of this client, user or realm (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    of: Vec<Address>,
    #[command(flatten)]
    connect: connect::ConnectArgs,
    /// Print secrets, too
    #[arg(long, conflicts_with = "write")]
    show_secrets: bool,
    /// Write files and secrets of a vault instead of printing
    #[arg(long)]
    write: bool,
    /// How the list is printed
    #[arg(long, value_name = "FORMAT", default_value = "text", conflicts_with_all = ["names", "write"])]
    format: PlainFormat,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let mut workspace = Workspace::load(context, &FileArgs::default())?;
    let outputs = asked_for(&workspace, args)?;
    if outputs.is_empty() && args.format == PlainFormat::Text {
        context.output.result("The project declares no outputs: write [outputs.NAME] into realmform.toml.\n")?;
        return Ok(Exit::Fine);
    }
    let project = &workspace.loaded.project;
    let signed_in = sign_in(context, &args.connect, &workspace.folder, Some(project)).await?;
    let servers = signed_in.locate(context, &args.connect, None, &mut workspace).await?.servers;
    let project = &workspace.loaded.project;
    let outputs = asked_for(&workspace, args)?;
    if args.write {
        let handing_over = HandingOver::new(&servers, &workspace);
        for (realm, outputs) in &outputs {
            handing_over.unchanged(realm, |output| outputs.contains(&output)).await;
        }
        return handing_over.finish(context).await.map(|()| Exit::Fine);
    }
    let sinks = Sinks::new(&workspace.folder, &project.secrets);
    let desired = &workspace.loaded.desired;
    let look = Look { context, args, servers: &servers, project, desired, sinks: &sinks };
    let done = if args.names.is_empty() { look.list(&outputs).await } else { look.print(&outputs).await };
    sinks.close().await;
    done.map(|()| Exit::Fine)
}

/// Outputs by realm.
type ByRealm<'a> = BTreeMap<&'a RealmName, Vec<&'a Output>>;

/// What it takes to look at outputs.
struct Look<'a> {
    context: &'a Context,
    args: &'a Args,
    servers: &'a Servers,
    project: &'a Project,
    desired: &'a Desired,
    sinks: &'a Sinks<'a>,
}

impl Look<'_> {
    /// Prints what outputs hold.
    async fn print(&self, outputs: &ByRealm<'_>) -> Result<(), Error> {
        let mut documents = 0;
        for (realm, outputs) in outputs {
            let (facts, previous) = self.facts(realm, outputs).await?;
            let source = self.source(realm, &facts, &previous);
            for output in outputs {
                let issued = source.shown(output).await?;
                if self.args.show_secrets && issued.as_ref().is_some_and(|issued| issued.print.is_none()) {
                    return Err(Error::Other(format!(
                        "{}: output {}: {} is nowhere that it would be handed over to: `realmform apply` issues one, for an \
                         output that goes to a file or a vault",
                        output.origin,
                        output.name,
                        said(&output.of)
                    )));
                }
                let (rendered, secrets) = render(output, &facts, issued.as_ref())?;
                if documents > 0 && matches!(output.content, OutputContent::Manifest(_) | OutputContent::Kubeconfig(_))
                {
                    self.context.output.result("---\n")?;
                }
                documents += 1;
                if self.args.show_secrets {
                    self.context.output.result(&rendered.text)?;
                } else {
                    self.context.output.result(&Redactor::new(&secrets).redact(&rendered.text))?;
                }
            }
        }
        Ok(())
    }

    /// Prints which outputs there are, and whether what is handed over is up to date.
    async fn list(&self, outputs: &ByRealm<'_>) -> Result<(), Error> {
        let mut rows: Vec<[String; 4]> = Vec::new();
        let mut listed = Vec::new();
        for (realm, outputs) in outputs {
            let (facts, previous) = self.facts(realm, outputs).await?;
            let source = self.source(realm, &facts, &previous);
            for output in outputs {
                let issued = source.shown(output).await?;
                let (rendered, _) = render(output, &facts, issued.as_ref())?;
                let Output { name, of, destinations, .. } = output;
                let mut states = Vec::new();
                if destinations.is_empty() {
                    rows.push([name.clone(), of.to_string(), "only printed".to_owned(), String::new()]);
                }
                for (to, part) in destinations {
                    let there = self.sinks.read(to).await?;
                    let is_up_to_date =
                        there.as_ref().map(|there| Some(there.expose_secret()) == text(&rendered, part));
                    let state = match is_up_to_date {
                        Some(true) => DestinationState::UpToDate,
                        Some(false) => DestinationState::NotUpToDate,
                        None => DestinationState::NotThere,
                    };
                    rows.push([name.clone(), of.to_string(), to.to_string(), state.word().to_owned()]);
                    states.push(ListedDestination { to: to.to_string(), state });
                }
                listed.push(ListedOutput { name: name.clone(), of: of.to_string(), destinations: states });
            }
        }
        rows.sort();
        match self.args.format {
            PlainFormat::Text => self.context.output.result(&aligned(&rows)),
            PlainFormat::Json => self.context.output.result(&format!("{:#}\n", json::outputs(listed))),
        }
    }

    fn source<'s>(&'s self, realm: &RealmName, facts: &'s Facts, previous: &'s crate::apply::Outputs) -> Source<'s> {
        let Self { servers, desired, sinks, .. } = self;
        Source { http: servers.of(realm), sinks, facts, previous, desired }
    }

    /// What a realm has for its outputs, and what was handed over of it before.
    async fn facts(&self, realm: &RealmName, outputs: &[&Output]) -> Result<(Facts, crate::apply::Outputs), Error> {
        let facts = facts(self.servers.of(realm), realm, &wanted(outputs)).await?;
        let previous = recorded(self.servers.of(realm), &self.project.name, realm, outputs).await?;
        Ok((facts, previous))
    }
}

fn asked_for<'a>(workspace: &'a Workspace, args: &Args) -> Result<ByRealm<'a>, Error> {
    let of_blueprints = workspace.loaded.outputs.values().flatten().map(|output| &output.name);
    let declared: BTreeSet<&String> = workspace.loaded.project.outputs.keys().chain(of_blueprints).collect();
    if let Some(unknown) = args.names.iter().find(|name| !declared.contains(name)) {
        let known: Vec<&str> = declared.into_iter().map(String::as_str).collect();
        return Err(Error::Usage(match known.as_slice() {
            [] => format!("there is no output {unknown}: the project declares none"),
            known => format!("there is no output {unknown}: the project has only {}", known.join(", ")),
        }));
    }
    let is_asked_for = |output: &&Output| {
        (args.names.is_empty() || args.names.contains(&output.name))
            && (args.of.is_empty() || args.of.contains(&output.of))
    };
    let by_realm = workspace.loaded.outputs.iter();
    let by_realm: ByRealm<'_> =
        by_realm.map(|(realm, outputs)| (realm, outputs.iter().filter(is_asked_for).collect())).collect();
    let found = |of: &&Address| by_realm.values().flatten().any(|output| output.of == **of);
    match args.of.iter().find(|of| !found(of)) {
        Some(of) => Err(Error::Usage(format!("--of {of}: there is no output of it"))),
        None => Ok(by_realm.into_iter().filter(|(_, outputs)| !outputs.is_empty()).collect()),
    }
}

/// Rows with their columns below each other.
fn aligned(rows: &[[String; 4]]) -> String {
    let length = |text: &String| text.chars().count();
    let width = |column: usize| rows.iter().map(|row| length(&row[column])).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2), 0];
    let line = |row: &[String; 4]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
