//! A result in the formats that were asked for: one is printed, others go into files.
#![expect(clippy::disallowed_methods, reason = "reports are written where the user says")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::{EnumValueParser, TypedValueParser};
use serde_json::Value as Json;

use super::files::{Readers, replace};
use super::{Context, Error};
use crate::render::text;

/// A format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
    /// A comment for a pull request
    Markdown,
}

/// A format of results that no pull request shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PlainFormat {
    Text,
    Json,
}

/// A result that every format can show.
pub(super) trait Render {
    fn text(&self, options: text::Options) -> String;
    fn json(&self) -> Json;
    fn markdown(&self) -> String;
}

/// Where a result goes besides standard output.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Reports {
    /// Also write what it shows to a file, as text, json or markdown: `markdown=comment.md` (repeatable)
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = TargetParser)]
    targets: Vec<Target>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    format: Format,
    path: PathBuf,
}

/// How many characters a line of a text report holds, whatever terminal there is.
const WIDTH: usize = 120;

/// Prints a result, and writes the reports of it.
pub(super) fn show(
    context: &Context,
    result: &impl Render,
    format: Format,
    verbose: bool,
    reports: &Reports,
) -> Result<(), Error> {
    let mut paths = BTreeSet::new();
    if let Some(twice) = reports.targets.iter().find(|target| !paths.insert(&target.path)) {
        return Err(Error::Usage(format!("--report names {} twice", twice.path.display())));
    }
    context.output.result(&rendered(result, format, context.output.text_options(verbose)))?;
    for Target { format, path } in &reports.targets {
        write(path, &rendered(result, *format, text::Options { color: false, width: WIDTH, verbose }))?;
    }
    Ok(())
}

fn rendered(result: &impl Render, format: Format, options: text::Options) -> String {
    match format {
        Format::Text => result.text(options),
        Format::Json => format!("{:#}\n", result.json()),
        Format::Markdown => result.markdown(),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    match path.metadata() {
        // A pipe or a terminal is not to be replaced by a file.
        Ok(there) if !there.is_file() => {
            std::fs::write(path, text).map_err(|source| Error::File { path: path.to_owned(), source })
        }
        _ => replace(path, text, Readers::Usual),
    }
}

/// Reads `markdown=comment.md`; what is no format is told as clap tells it of `--format`.
#[derive(Clone)]
struct TargetParser;

impl TypedValueParser for TargetParser {
    type Value = Target;

    fn parse_ref(&self, cmd: &clap::Command, arg: Option<&clap::Arg>, value: &OsStr) -> Result<Target, clap::Error> {
        let (format, path) = TypedValueParser::parse_ref(&split, cmd, arg, value)?;
        let format = EnumValueParser::<Format>::new().parse_ref(cmd, arg, OsStr::new(&format))?;
        Ok(Target { format, path })
    }
}

fn split(text: &str) -> Result<(String, PathBuf), &'static str> {
    let parts = text.split_once('=').filter(|(_, path)| !path.is_empty());
    let (format, path) = parts.ok_or("write FORMAT=FILE, as in markdown=comment.md")?;
    Ok((format.to_owned(), path.into()))
}
