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

/// A format of results that are looked at again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PageFormat {
    Text,
    Json,
    /// A page for a browser, which needs nothing else
    Html,
}

/// A result in the formats that there are of it.
pub(super) trait Show<F> {
    fn show(&self, format: F, options: text::Options) -> Result<String, Error>;
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
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = TargetParser::<Format>::default())]
    targets: Vec<Target<Format>>,
}

/// The same of a result that has a page.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PageReports {
    /// Also write what it shows to a file, as text, json or html: `html=status.html` (repeatable)
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = TargetParser::<PageFormat>::default())]
    pub(super) targets: Vec<Target<PageFormat>>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target<F> {
    format: F,
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
    show_in(context, &Rendered(result), format, verbose, &reports.targets)
}

/// The same in whatever formats there are of it.
pub(super) fn show_in<F: Copy>(
    context: &Context,
    result: &impl Show<F>,
    format: F,
    verbose: bool,
    targets: &[Target<F>],
) -> Result<(), Error> {
    let mut paths = BTreeSet::new();
    if let Some(twice) = targets.iter().find(|target| !paths.insert(&target.path)) {
        return Err(Error::Usage(format!("--report names {} twice", twice.path.display())));
    }
    context.output.result(&result.show(format, context.output.text_options(verbose))?)?;
    for Target { format, path } in targets {
        write(path, &result.show(*format, text::Options { color: false, width: WIDTH, verbose })?)?;
    }
    Ok(())
}

struct Rendered<'a, R>(&'a R);

impl<R: Render> Show<Format> for Rendered<'_, R> {
    fn show(&self, format: Format, options: text::Options) -> Result<String, Error> {
        Ok(match format {
            Format::Text => self.0.text(options),
            Format::Json => format!("{:#}\n", self.0.json()),
            Format::Markdown => self.0.markdown(),
        })
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
struct TargetParser<F>(EnumValueParser<F>)
where
    F: ValueEnum + Clone + Send + Sync + 'static;

impl<F: ValueEnum + Clone + Send + Sync + 'static> Default for TargetParser<F> {
    fn default() -> Self {
        Self(EnumValueParser::new())
    }
}

impl<F: ValueEnum + Clone + Send + Sync + 'static> TypedValueParser for TargetParser<F> {
    type Value = Target<F>;

    fn parse_ref(
        &self,
        cmd: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let (format, path) = TypedValueParser::parse_ref(&split, cmd, arg, value)?;
        let format = self.0.parse_ref(cmd, arg, OsStr::new(&format))?;
        Ok(Target { format, path })
    }
}

fn split(text: &str) -> Result<(String, PathBuf), &'static str> {
    let parts = text.split_once('=').filter(|(_, path)| !path.is_empty());
    let (format, path) = parts.ok_or("write FORMAT=FILE, as in markdown=comment.md")?;
    Ok((format.to_owned(), path.into()))
}
