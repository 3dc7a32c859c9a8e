//! `realmform import`: a live realm as files.
#![expect(clippy::disallowed_methods, reason = "the project is written where the user says")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::exports::Exports;
use super::init::project_name;
use super::output::count;
use super::{Context, Error, Exit, connect, workspace};
use crate::desired::{self, Options, PROJECT_FILE, Project};
use crate::diff;
use crate::keycloak::{Http, Interest, read_realm, realm_names};
use crate::model::{Live, LiveRealm, RealmName, SecretRef};
use crate::render::files::{self, Layout};

/// Write what a live realm has as files of a project, so that its plan is empty. What exists is never overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform import customer-acme
  realmform import --layout split --project sso/realms
  realmform import --from customer-acme-realm.json

Only what differs from what Keycloak gives by itself is written. Secrets are written as { keep = true }: the
server's own stays, and no value leaves it.")]
pub(super) struct Args {
    /// The realms [default: all but `master` and those that the project has]
    #[arg(value_name = "REALM")]
    realms: Vec<RealmName>,
    #[command(flatten)]
    connect: connect::ConnectArgs,
    /// Read a realm export instead of a server: a file of `kc.sh export` or of the console, or a folder of them
    /// (repeatable)
    #[arg(long, value_name = "EXPORT")]
    from: Vec<PathBuf>,
    /// Which objects get files of their own: none, all, or clients when there are more than a handful
    #[arg(long, value_name = "LAYOUT", default_value = "natural")]
    layout: LayoutArg,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LayoutArg {
    Single,
    Split,
    Natural,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let folder = match &context.global.project {
        Some(folder) => folder.clone(),
        None => workspace::found()?.unwrap_or_else(|| PathBuf::from("realms")),
    };
    let (project, is_new) = project(&folder)?;
    let source = if args.from.is_empty() {
        Source::Server(Http::connect(connect::connection(context, &args.connect, &folder, &project)?).await?)
    } else {
        Source::Exports(Exports::read(&args.from)?)
    };
    let realms = realms(&source, args, &folder).await?;
    let mut written = Vec::new();
    for name in &realms {
        let live = source.read(context, &project.name, name).await?;
        for reason in &live.left_out {
            context.output.message(&format!("warning: {name} is imported without its {reason}"));
        }
        let files = files::realm(name, &live, args.layout.into());
        let left = check(context, name, &files, live)?;
        written.push((name, files, left));
    }
    let mut text = String::new();
    if is_new {
        write(&folder.join(PROJECT_FILE), &project_file(&folder))?;
        text.push_str(&format!("{}\n", folder.join(PROJECT_FILE).display()));
    }
    for (name, files, left) in &written {
        for (path, content) in files {
            let path = folder.join(name).join(path);
            write(&path, content)?;
            text.push_str(&format!("{}\n", path.display()));
        }
        text.push_str(&format!("{name}: {}.\n", result(*left)));
    }
    context.output.result(&text)?;
    Ok(Exit::Fine)
}

/// Where realms are read.
enum Source {
    Server(Http),
    Exports(Exports),
}

impl Source {
    async fn realm_names(&self) -> Result<Vec<RealmName>, Error> {
        match self {
            Self::Server(http) => Ok(realm_names(http).await?),
            Self::Exports(exports) => Ok(exports.realms.keys().cloned().collect()),
        }
    }

    async fn read(&self, context: &Context, project: &str, realm: &RealmName) -> Result<LiveRealm, Error> {
        match self {
            Self::Server(http) => {
                let live = read_realm(http, project, realm, Interest::everything()).await?;
                live.ok_or_else(|| Error::Usage(format!("there is no realm {realm} on the server")))
            }
            Self::Exports(exports) => {
                let export = exports.realms.get(realm);
                let export = export
                    .ok_or_else(|| Error::Usage(format!("there is no realm {realm} in {}", exports.description())))?;
                exports.live(context, export, realm, project, Interest::everything())
            }
        }
    }
}

fn result(left: usize) -> String {
    match left {
        0 => "imported, and its plan is empty but for taking it over".to_owned(),
        left => format!("imported, but {} would change: `realmform plan` shows what", count(left, "object")),
    }
}

/// The project that the files go to; `true` when it is to be made.
fn project(folder: &Path) -> Result<(Project, bool), Error> {
    let path = folder.join(PROJECT_FILE);
    let is_new = !path.exists();
    let bytes = if is_new {
        project_file(folder).into_bytes()
    } else {
        std::fs::read(&path).map_err(|source| Error::File { path, source })?
    };
    let files = BTreeMap::from([(PathBuf::from(PROJECT_FILE), bytes)]);
    match desired::project(&files) {
        Some(project) => Ok((project, is_new)),
        // Which says what is wrong with it.
        None => Err(desired::load(&files, &Options::default()).err().map_or(Error::Refused, Error::Files)),
    }
}

fn project_file(folder: &Path) -> String {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    format!("name = \"{}\"\n", project_name(&folder))
}

/// The realms that are meant; none that has a folder already.
async fn realms(source: &Source, args: &Args, folder: &Path) -> Result<Vec<RealmName>, Error> {
    let has_folder = |realm: &&RealmName| folder.join(realm).exists();
    if args.realms.is_empty() {
        let all = source.realm_names().await?;
        return Ok(all.into_iter().filter(|realm| realm != "master" && !has_folder(&realm)).collect());
    }
    let taken: Vec<String> =
        args.realms.iter().filter(has_folder).map(|realm| folder.join(realm).display().to_string()).collect();
    if taken.is_empty() {
        return Ok(args.realms.clone());
    }
    Err(Error::Usage(format!("nothing is overwritten: {} is there already", taken.join(", "))))
}

/// Whether the files say what the server has: how many objects would change.
fn check(
    context: &Context,
    name: &RealmName,
    files: &BTreeMap<PathBuf, String>,
    live: LiveRealm,
) -> Result<usize, Error> {
    let mut all = BTreeMap::from([(PathBuf::from(PROJECT_FILE), b"name = \"import\"\n".to_vec())]);
    all.extend(files.iter().map(|(path, text)| (Path::new(name).join(path), text.clone().into_bytes())));
    let loaded = desired::load(&all, &Options::default()).map_err(Error::Files)?;
    if !loaded.warnings.is_empty() {
        context.output.message(&desired::render(&loaded.warnings, context.output.message_color(), 100));
    }
    let live = Live { realms: [(name.clone(), LiveRealm { record: None, ..live })].into() };
    let diff = diff::diff(&loaded.desired, &live, &BTreeMap::new(), &Kept);
    Ok(diff.realms.values().map(|realm| realm.changes.len()).sum())
}

/// No secret has a value here.
struct Kept;

impl diff::Secrets for Kept {
    fn same(&self, _: &SecretRef, _: &SecretString) -> bool {
        false
    }

    fn matches(&self, _: &SecretRef, _: &str) -> bool {
        false
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    std::fs::create_dir_all(path.parent().unwrap_or(path)).map_err(failed)?;
    let failed = |source| Error::File { path: path.to_owned(), source };
    std::fs::write(path, text).map_err(failed)
}

impl From<LayoutArg> for Layout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::Single => Self::Single,
            LayoutArg::Split => Self::Split,
            LayoutArg::Natural => Self::Natural,
        }
    }
}
