//! `realmform refresh`: what identity providers publish of themselves, into the files.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use futures_util::{StreamExt as _, stream};
use serde_json::Value as Json;

pub(super) use self::source::SourceArgs;
use super::output::count;
use super::report::PlainFormat;
use super::staged::{NewFiles, write_over};
use super::workspace::{FileArgs, Workspace};
use super::{Context, Error, Exit};
use crate::desired::{self, Options};
use crate::metadata::{Config, ORIGIN, Protocol};
use crate::model::{Address, DesiredObject, FieldPath, Origin, Value, kinds};
use crate::render::files::fill;
use crate::render::json::{self, RefreshedField, RefreshedProvider};

/// How many documents are read at once.
const AT_ONCE: usize = 8;

/// Read again what identity providers publish of themselves, and write what changed into the files: addresses, and the
/// certificates that their signatures are held against. Review it with `git diff`, plan and apply it like any change.
///
/// It is about those that say where that is (config.metadataDescriptorUrl), as `realmform new tenant` writes it. A value that no
/// file says stays unsaid, unless none of them is said yet; what a blueprint says is told, and left to you.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform refresh
  realmform refresh acme/identityProviders/okta
  realmform refresh --check                       exit with 2 when something changed; write nothing
  realmform refresh acme/identityProviders/adfs --saml-metadata metadata.xml
  realmform refresh acme/identityProviders/okta --oidc-issuer https://login.acme.example")]
pub(super) struct Args {
    /// Only this identity provider (repeatable)
    #[arg(value_name = "ADDRESS")]
    providers: Vec<Address>,
    #[command(flatten)]
    source: SourceArgs,
    /// Write nothing, and exit with 2 when something changed
    #[arg(long)]
    check: bool,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: PlainFormat,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let workspace = Workspace::load(context, &FileArgs::default())?;
    workspace.print_warnings(context);
    let providers = providers(&workspace, args)?;
    let read = stream::iter(&providers).map(async |provider| provider.read(args).await);
    let read: Vec<Result<Config, Error>> = read.buffered(AT_ONCE).collect().await;
    let outcomes: Vec<Outcome<'_>> =
        providers.iter().zip(read).map(|(provider, config)| provider.outcome(&workspace, config)).collect();
    let files = files(&workspace, &outcomes)?;
    if !args.check && !files.is_empty() {
        write(&workspace, &files)?;
    }
    context.output.result(&match args.format {
        PlainFormat::Text => text(&outcomes, args.check),
        PlainFormat::Json => format!("{:#}\n", json::refreshed(documents(&outcomes))),
    })?;
    let failed = outcomes.iter().filter(|outcome| outcome.changes.is_err()).count();
    if failed > 0 {
        return Err(Error::Other(format!("{} could not be read", count(failed, "identity provider"))));
    }
    Ok(if args.check && !files.is_empty() { Exit::Changes } else { Exit::Fine })
}

/// An identity provider of the files, and where it says that it is from.
struct Provider<'a> {
    address: &'a Address,
    object: &'a DesiredObject,
    protocol: Protocol,
    url: Option<&'a str>,
}

/// What became of one.
struct Outcome<'a> {
    provider: &'a Provider<'a>,
    changes: Result<Vec<Change>, Error>,
}

/// A value that is another one now.
struct Change {
    key: &'static str,
    now: String,
    /// The file that says it, or is to say it; `Err` where it cannot be written.
    place: Result<PathBuf, String>,
}

fn providers<'a>(workspace: &'a Workspace, args: &Args) -> Result<Vec<Provider<'a>>, Error> {
    let realms = workspace.loaded.desired.realms.values();
    let objects = realms.flat_map(|realm| &realm.objects).filter(|(_, it)| *it.kind == kinds::IDENTITY_PROVIDER);
    let known: BTreeMap<&Address, Provider<'_>> = objects
        .filter_map(|(address, object)| {
            let text = |path: &FieldPath| match &object.fields.get(path)?.value {
                Value::Json(json) => json.as_str(),
                Value::Secret(_) => None,
            };
            let protocol = Protocol::of(text(&FieldPath::new(["providerId"]))?)?;
            Some((address, Provider { address, object, protocol, url: text(&in_config(ORIGIN)) }))
        })
        .collect();
    let of_source = args.source.protocol();
    if of_source.is_some() && args.providers.len() != 1 {
        return Err(Error::Usage(
            "name the one identity provider that this is of: REALM/identityProviders/ALIAS".into(),
        ));
    }
    if args.providers.is_empty() {
        return Ok(known.into_values().filter(|provider| provider.url.is_some()).collect());
    }
    let mut known = known;
    let mut asked = Vec::new();
    for address in args.providers.iter().collect::<BTreeSet<_>>() {
        let provider = known.remove(address).ok_or_else(|| {
            Error::Usage(format!("{address}: the files declare no such identity provider that speaks SAML or OpenID"))
        })?;
        if let Some(protocol) = of_source.filter(|protocol| *protocol != provider.protocol) {
            let (is, given) = (provider.protocol.provider_id(), protocol.provider_id());
            return Err(Error::Usage(format!(
                "{address} is a provider of `{is}`, and what it is to be read from of `{given}`"
            )));
        }
        if provider.url.is_none() && of_source.is_none() {
            return Err(Error::Usage(format!(
                "{address} does not say where it comes from: say config.{ORIGIN} in its file, or --saml-metadata or \
                 --oidc-issuer here"
            )));
        }
        asked.push(provider);
    }
    Ok(asked)
}

impl<'a> Provider<'a> {
    async fn read(&self, args: &Args) -> Result<Config, Error> {
        match (args.source.read().await?, self.url) {
            (Some(config), _) => Ok(config),
            (None, Some(url)) => args.source.fetch(self.protocol, url).await,
            (None, None) => Ok(Config::new()),
        }
    }

    fn outcome(&'a self, workspace: &Workspace, config: Result<Config, Error>) -> Outcome<'a> {
        let changes = config.map(|config| {
            // Whoever says some of it has chosen.
            let says_nothing = config.keys().all(|key| *key == ORIGIN || self.declared(key).is_none());
            let is_meant = |key: &str| says_nothing || key == ORIGIN || self.declared(key).is_some();
            let changed = config.into_iter().filter(|(key, now)| is_meant(key) && self.declared(key) != Some(now));
            changed.map(|(key, now)| Change { place: self.place(workspace, key), key, now }).collect()
        });
        Outcome { provider: self, changes }
    }

    /// What the files say of an entry of its configuration.
    fn declared(&self, key: &str) -> Option<&str> {
        match &self.object.fields.get(&in_config(key))?.value {
            Value::Json(json) => Some(json.as_str().unwrap_or_default()),
            Value::Secret(_) => Some(""),
        }
    }

    /// The file that says an entry, or where the others are said.
    fn place(&self, workspace: &Workspace, key: &str) -> Result<PathBuf, String> {
        let of_leaf = |key: &str| self.object.fields.get(&in_config(key)).map(|declared| &declared.origin);
        let origin: &Origin = of_leaf(key).or_else(|| of_leaf(ORIGIN)).unwrap_or(&self.object.origin);
        if origin.via.is_some() {
            return Err(format!("{origin}: a blueprint says it; say otherwise in the realm's own files"));
        }
        let path = PathBuf::from(&*origin.file);
        if workspace.folder.join(&path).is_symlink() {
            return Err(format!("{} is a link, and what it leads to may be others' as well", path.display()));
        }
        Ok(path)
    }
}

/// The files as they are to be.
fn files(workspace: &Workspace, outcomes: &[Outcome<'_>]) -> Result<NewFiles, Error> {
    let mut files = NewFiles::new();
    for Outcome { provider, changes } in outcomes {
        let mut by_file: BTreeMap<&PathBuf, Vec<(FieldPath, Json)>> = BTreeMap::new();
        for Change { key, now, place } in changes.iter().flatten() {
            let Ok(path) = place else { continue };
            by_file.entry(path).or_default().push((in_config(key), now.as_str().into()));
        }
        for (path, fields) in by_file {
            let before = files
                .get(path)
                .and_then(Option::as_ref)
                .map(String::as_bytes)
                .or_else(|| Some(workspace.tree.files.get(path)?));
            let before = before.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
            let holder = workspace.loaded.subjects.get(&*path.to_string_lossy());
            let holder = holder.cloned().unwrap_or_else(|| Address::realm(provider.address.realm_name()));
            let text = fill(before, &holder, provider.address, &fields)
                .map_err(|why| Error::Other(format!("{}: {why}", path.display())))?;
            files.insert(path.clone(), Some(text));
        }
    }
    Ok(files)
}

/// Writes all files at once, unless they would not be in order.
fn write(workspace: &Workspace, files: &NewFiles) -> Result<(), Error> {
    let mut all = workspace.tree.files.clone();
    all.extend(files.iter().filter_map(|(path, text)| Some((path.clone(), text.clone()?.into_bytes()))));
    let options = Options { environment: workspace.environment(), ..Options::default() };
    desired::load(&all, &options).map_err(Error::Files)?;
    write_over(&workspace.folder, &workspace.tree.files, files)
}

fn text(outcomes: &[Outcome<'_>], is_check: bool) -> String {
    if outcomes.is_empty() {
        return format!("No identity provider of the files says where it comes from (config.{ORIGIN}).\n");
    }
    let (mut text, mut written) = (String::new(), BTreeSet::new());
    for Outcome { provider, changes } in outcomes {
        let address = provider.address;
        match changes {
            Err(error) => text.push_str(&format!("{address}: {}\n", error.in_full())),
            Ok(changes) if changes.is_empty() => text.push_str(&format!("{address}: as it was\n")),
            Ok(changes) => {
                for Change { key, now: _, place } in changes {
                    let place = match place {
                        Ok(path) => {
                            written.insert(path);
                            path.display().to_string()
                        }
                        Err(why) => format!("not written: {why}"),
                    };
                    text.push_str(&format!("{address}: config.{key} is another one ({place})\n"));
                }
            }
        }
    }
    match (written.len(), is_check) {
        (0, _) => {}
        (_, true) => text.push_str("`realmform refresh` writes it into the files.\n"),
        (files, false) => text.push_str(&format!(
            "Written into {}; review it with `git diff`, and `realmform plan` shows what it comes to.\n",
            count(files, "file")
        )),
    }
    text
}

fn documents(outcomes: &[Outcome<'_>]) -> Vec<RefreshedProvider> {
    let change = |Change { key, now, place }: &Change| RefreshedField {
        field: format!("config.{key}"),
        now: now.clone(),
        file: place.clone().ok(),
        not_written: place.clone().err(),
    };
    let outcome = |Outcome { provider, changes }: &Outcome<'_>| RefreshedProvider {
        address: provider.address.to_string(),
        changes: changes.as_ref().ok().map(|changes| changes.iter().map(change).collect()),
        error: changes.as_ref().err().map(Error::in_full),
    };
    outcomes.iter().map(outcome).collect()
}

fn in_config(key: &str) -> FieldPath {
    FieldPath::new(["config", key])
}
