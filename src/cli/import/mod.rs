//! `realmform import`: a live realm as files.
//!
//! - `source`: where realms are read; `pick`: what of them is wanted.
//! - `secrets`: references, the variables that they name, and the file with those that the server reveals.
//! - `place`: which file says what, beside those that are there.

mod pick;
mod place;
mod secrets;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::pick::Pick;
use self::place::Folder;
use self::secrets::Variables;
use self::source::Source;
use super::init::project_name;
use super::offline::keep_what_cannot_be_compared;
use super::output::count;
use super::prepare::Resolved;
use super::staged::Staged;
use super::workspace::{self, FileArgs, Found};
use super::{Context, Error, Exit, connect};
use crate::apply::Secrets;
use crate::desired::{self, Loaded, Options, PROJECT_FILE, Project};
use crate::diff;
use crate::model::{Address, Live, LiveRealm, RealmName};
use crate::render::files;

/// Write what a live realm has as files of a project, so that its plan is empty. What exists is never overwritten,
/// unless --force says so.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform import customer-acme
  realmform import --layout split --project sso/realms
  realmform import --from customer-acme-realm.json
  realmform import customer-acme --only clients/shop --only 'groups/\"/staff\"'
  realmform import customer-acme --unmanaged
  realmform import customer-acme --secrets-to .env

Only what differs from what Keycloak gives by itself is written. Secrets are written as { keep = true }: the \
server's own stays, and no value leaves it. With --secrets env they are variables, whose names are printed.

Into a realm's folder that is there already, --only and --unmanaged add objects that no file declares yet.")]
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
    /// Only this object with what hangs below it, such as clients/shop (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    only: Vec<String>,
    /// Add what the realm has and no file declares
    #[arg(long)]
    unmanaged: bool,
    /// Import users, too, who are run-time data otherwise; --only users/NAME does so for one
    #[arg(long)]
    users: bool,
    /// Which objects get files of their own: none, all, or clients when there are more than a handful
    #[arg(long, value_name = "LAYOUT", default_value = "natural")]
    layout: LayoutArg,
    /// How secrets are written: left with the server, or as environment variables
    #[arg(long, value_name = "HOW", default_value = "keep")]
    secrets: SecretsArg,
    /// Write the variables to this new file, with the values of those secrets that the server reveals
    #[arg(long, value_name = "FILE")]
    secrets_to: Option<PathBuf>,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LayoutArg {
    Single,
    Split,
    Natural,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum SecretsArg {
    Keep,
    Env,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let there = There::find(context)?;
    check_targets(args, &there)?;
    let source = Source::open(context, args, &there).await?;
    let is_wanted = args.secrets == SecretsArg::Env || args.secrets_to.is_some();
    let mut variables = Variables::new(there.loaded.as_ref(), is_wanted);
    let (mut files, mut said) = (Vec::new(), String::new());
    if there.loaded.is_none() {
        files.push((PathBuf::from(PROJECT_FILE), project_file(&there.folder), false));
    }
    for realm in &source.realms(args, &there).await? {
        let pick = Pick::new(args, realm)?;
        let live = source.read(context, args, &there.project.name, realm, &pick).await?;
        pick.check(realm, &live)?;
        for reason in &live.left_out {
            context.output.message(&format!("warning: {realm} is imported without its {reason}"));
        }
        let imported = import(context, args, &there, &pick, realm, live, &mut variables)?;
        said.push_str(&imported.result(realm));
        files.extend(imported.files);
    }
    let written = write(args, &there, files, &variables)?;
    let mut text = String::new();
    for path in written {
        text.push_str(&format!("{}\n", path.display()));
    }
    text.push_str(&said);
    text.push_str(&variables.list(args.secrets_to.as_deref()));
    context.output.result(&text)?;
    Ok(Exit::Fine)
}

fn write(
    args: &Args,
    there: &There,
    files: Vec<(PathBuf, String, bool)>,
    variables: &Variables,
) -> Result<Vec<PathBuf>, Error> {
    let mut staged = Staged::new(&there.folder)?;
    for (path, text, is_appended) in files {
        staged.put(&path, &text, args.force || is_appended)?;
    }
    if let Some(path) = &args.secrets_to {
        staged.put_secrets(path, &variables.file())?;
    }
    staged.commit()
}

/// The project that the files go to, as it is.
struct There {
    folder: PathBuf,
    project: Project,
    /// What its files say; `None` when it is to be made.
    loaded: Option<Loaded>,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl There {
    fn find(context: &Context) -> Result<Self, Error> {
        let folder = match &context.global.project {
            Some(folder) => folder.clone(),
            None => workspace::found()?.unwrap_or_else(|| PathBuf::from("realms")),
        };
        let is_new = !folder.join(PROJECT_FILE).exists();
        let found = if is_new { None } else { Some(Found::new(context, &FileArgs::default())?) };
        let files = match &found {
            None => BTreeMap::from([(PathBuf::from(PROJECT_FILE), project_file(&folder).into_bytes())]),
            Some(found) => found.read()?.files,
        };
        let file = files.get(Path::new(PROJECT_FILE));
        let of_file = found.as_ref().zip(file).map(|(found, file)| found.project_in(file)).transpose()?.flatten();
        let environment = of_file.as_ref().and_then(Project::environment_name);
        let options = Options { environment, ..Options::default() };
        let loaded = desired::load(&files, &options).map_err(Error::Files)?;
        let project = loaded.project.clone();
        Ok(Self { folder, project, loaded: (!is_new).then_some(loaded), files })
    }

    /// The folder of a realm, below the project's; `None` when it has no file yet.
    fn folder_of(&self, realm: &str) -> Option<PathBuf> {
        let object = self.loaded.as_ref()?.desired.realms.get(realm)?.objects.get(&Address::realm(realm))?;
        desired::folder_of(Path::new(&*object.origin.used_in().file))
    }

    /// Whether the realm has a folder, or another realm has the folder of that name.
    fn has(&self, realm: &str) -> bool {
        self.folder_of(realm).is_some() || self.folder.join(realm).exists()
    }

    /// Whether a file declares the object.
    fn declares(&self, address: &Address) -> bool {
        let realm = self.loaded.as_ref().and_then(|loaded| loaded.desired.realms.get(address.realm_name()));
        realm.is_some_and(|realm| realm.objects.contains_key(address))
    }
}

fn project_file(folder: &Path) -> String {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    format!("name = \"{}\"\n", project_name(&folder))
}

/// Files of a realm that are there are only added to when that is asked for.
fn check_targets(args: &Args, there: &There) -> Result<(), Error> {
    if args.force || args.unmanaged || !args.only.is_empty() {
        return Ok(());
    }
    let taken = args.realms.iter().filter(|realm| there.has(realm));
    let taken: Vec<String> = taken.map(|realm| there.folder.join(realm).display().to_string()).collect();
    if taken.is_empty() {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "nothing is overwritten: {} is there already; --unmanaged adds what no file declares, --only one object, and \
         --force writes the realm's files anew",
        taken.join(", ")
    )))
}

/// One realm's files.
struct Imported {
    /// Each with its text, and whether it is one that is there with something added.
    files: Vec<(PathBuf, String, bool)>,
    objects: usize,
    /// How many objects would change.
    left: usize,
    /// Whether the realm had files before.
    is_merged: bool,
}

impl Imported {
    fn result(&self, realm: &str) -> String {
        match self {
            Self { objects: 0, is_merged: true, .. } => format!("{realm}: nothing to add.\n"),
            Self { left: 0, is_merged: true, objects, .. } => {
                format!(
                    "{realm}: {} added, and no plan changes them but for taking them over.\n",
                    count(*objects, "object")
                )
            }
            Self { left: 0, .. } => format!("{realm}: imported, and its plan is empty but for taking it over.\n"),
            Self { left, .. } => {
                format!(
                    "{realm}: imported, but {} would change: `realmform plan` shows what.\n",
                    count(*left, "object")
                )
            }
        }
    }
}

fn import(
    context: &Context,
    args: &Args,
    there: &There,
    pick: &Pick<'_>,
    realm: &RealmName,
    live: LiveRealm,
    variables: &mut Variables,
) -> Result<Imported, Error> {
    let mut said = files::content(&live);
    let folder = Folder::of(there, realm, args.force);
    let layout = folder.layout(args.layout, &said);
    said.retain(|address, _| pick.wants(address) && !folder.declares(address));
    let references = variables.name(&said, &live);
    let new = folder.place(&said, layout, &references)?;
    let is_merged = folder.is_there();
    let left = check(context, there, realm, &new, live, variables.values())?;
    Ok(Imported { objects: said.len(), files: new, left, is_merged })
}

/// Whether all files are in order, and say what the server has: how many of the objects that were added would change.
fn check(
    context: &Context,
    there: &There,
    realm: &RealmName,
    new: &[(PathBuf, String, bool)],
    live: LiveRealm,
    secrets: &Secrets,
) -> Result<usize, Error> {
    let mut all = there.files.clone();
    all.extend(new.iter().map(|(path, text, _)| (path.clone(), text.clone().into_bytes())));
    let options = Options { environment: there.project.environment_name(), ..Options::default() };
    let mut loaded = desired::load(&all, &options).map_err(Error::Files)?;
    if !loaded.warnings.is_empty() {
        context.output.message(&desired::render(&loaded.warnings, context.output.message_color(), 100));
    }
    loaded.desired.realms.retain(|name, _| name == realm);
    let live = Live { realms: [(realm.clone(), LiveRealm { record: None, ..live })].into() };
    keep_what_cannot_be_compared(&mut loaded.desired, &live, secrets);
    let diff = diff::diff(&loaded.desired, &live, &BTreeMap::new(), &Resolved(secrets));
    Ok(diff.realms.values().flat_map(|realm| &realm.changes).filter(|it| !there.declares(&it.address)).count())
}
