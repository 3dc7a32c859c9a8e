//! `realmform explain`: where a value comes from, and what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::connect::ConnectArgs;
use super::prepare::{Resolved, applied_desires, bases, load_and_connect, part, records};
use super::report::PlainFormat;
use super::unreadable::{self, FetchArgs};
use super::workspace::{FileArgs, Workspace};
use super::{Context, Error, Exit, offline};
use crate::diff::{self, Change, Diff};
use crate::git::Touches;
use crate::keycloak::{Culprits, Http, Interest, Servers, culprits, read_part};
use crate::model::{
    Address, Desired, DesiredObject, FieldPath, Live, LiveObject, LiveRealm, LiveValue, Record, Type, Value, default_of,
};
use crate::plan::explain::{LeafStory, Side, Story};
use crate::render;

/// Tell the whole story of an object, or of one field of it: which line of which file says what, the commit that last touched
/// it, what was applied last, what the server has and who changed it there, and Keycloak's own default.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform explain customer-acme/clients/shop
  realmform explain customer-acme/clients/shop.redirectUris
  realmform explain customer-acme.accessTokenLifespan
  realmform explain customer-acme/roles/admin --all

An address is as in plans: REALM/COLLECTION/NAME. It takes a credential with view-* roles, and reads that object alone.")]
pub(super) struct Args {
    /// The object, or a field of it
    #[arg(value_name = "ADDRESS[.FIELD]")]
    what: String,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    fetch: FetchArgs,
    /// Also the fields that no file speaks of
    #[arg(long)]
    all: bool,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: PlainFormat,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let (workspace, connected) = load_and_connect(context, &args.files, &args.connect, None).await?;
    workspace.print_warnings(context);
    let readings = readings(&args.what)?;
    let servers = connected?.servers;
    let secrets = offline::secrets(&workspace).await;
    servers.hide(secrets.values());
    let (address, field) = meant(&servers, &workspace, readings).await?;
    let seen = look(servers.of(address.realm_name()), &workspace, &address).await?;
    unreadable::fetch(context, args.fetch, &workspace.folder, &workspace.tree.source, records(&seen)).await;
    let applied = applied_desires(&workspace, seen.realms.values());
    let bases = bases(&workspace, &seen, &applied);
    let realm = seen.realms.get(address.realm_name());
    let desired = workspace.loaded.desired.realms.get(address.realm_name());
    let object = desired.and_then(|realm| realm.objects.get(&address));
    let mut only = Desired::default();
    if let Some(desired) = desired {
        only.realms.insert(address.realm_name().to_owned(), part(desired, &[&address].into()));
    }
    offline::keep_what_cannot_be_compared(&mut only, &seen, &secrets);
    let diff = diff::diff(&only, &seen, &bases, &Resolved(&secrets));
    let telling = Telling {
        object,
        base: bases.get(address.realm_name()).and_then(|base| base.objects.get(&address)),
        live: realm.and_then(|realm| realm.objects.get(&address)),
        record: realm.and_then(|realm| realm.record.as_ref()),
        others: realm.map(|realm| &realm.other_records),
        touches: touches(context, &workspace, object),
        change: change(&diff, &address),
        address: &address,
    };
    let culprits = match realm {
        Some(realm) => culprits(servers.of(address.realm_name()), realm, &[&address]).await?,
        None => Culprits::default(),
    };
    for (name, why) in &unreadable::realms(&seen, &applied, &bases) {
        unreadable::tell(context, name, why);
    }
    let story = telling.story(realm, culprits, |path| match &field {
        Some(field) => path.is_within(field),
        None => args.all || telling.is_spoken_of(path),
    });
    if story.leaves.is_empty()
        && let Some(field) = &field
    {
        return Err(Error::Usage(format!("{address} has no field {field}, in no file and not on the server")));
    }
    context.output.result(&match args.format {
        PlainFormat::Text => render::text::story(&story, context.output.text_options(true)),
        PlainFormat::Json => format!("{:#}\n", render::json::story(&story)),
    })?;
    Ok(Exit::Fine)
}

/// What a text may mean: names hold dots, and so do fields.
pub(super) fn readings(text: &str) -> Result<Vec<(Address, Option<FieldPath>)>, Error> {
    let splits = text.match_indices('.').map(|(at, _)| (&text[..at], Some(&text[at + 1..])));
    let readings = std::iter::once((text, None)).chain(splits.rev()).filter_map(|(address, field)| {
        let field = field.map(|field| toml_edit::Key::parse(field).ok()).map_or(Some(None), |keys| keys.map(Some))?;
        let field = field.map(|keys| FieldPath::new(keys.iter().map(toml_edit::Key::get)));
        Some((address.parse().ok()?, field))
    });
    let readings: Vec<_> = readings.collect();
    if readings.is_empty() {
        return Err(Error::Usage(format!("{text} is no address; write REALM/COLLECTION/NAME, as plans do")));
    }
    Ok(readings)
}

/// The first reading that is an object of the files, of the record or of the server.
async fn meant(
    servers: &Servers,
    workspace: &Workspace,
    readings: Vec<(Address, Option<FieldPath>)>,
) -> Result<(Address, Option<FieldPath>), Error> {
    let declares = |address: &Address| {
        let realm = workspace.loaded.desired.realms.get(address.realm_name());
        realm.is_some_and(|realm| realm.objects.contains_key(address))
    };
    if let Some(reading) = readings.iter().find(|(address, _)| declares(address)) {
        return Ok(reading.clone());
    }
    for reading in &readings {
        let seen = look(servers.of(reading.0.realm_name()), workspace, &reading.0).await?;
        let Some(realm) = seen.realms.get(reading.0.realm_name()) else { continue };
        let is_recorded = realm.record.as_ref().is_some_and(|record| record.objects.contains_key(&reading.0));
        if is_recorded || realm.objects.contains_key(&reading.0) {
            return Ok(reading.clone());
        }
    }
    let names = readings.first().map(|(address, _)| address.to_string()).unwrap_or_default();
    Err(Error::Usage(format!("there is no {names}: neither the files nor the record nor the server have it")))
}

/// What the server has of one object.
async fn look(http: &Http, workspace: &Workspace, address: &Address) -> Result<Live, Error> {
    let name = address.realm_name().to_owned();
    let desired = workspace.loaded.desired.realms.get(&name);
    let part = desired.map(|realm| part(realm, &[address].into())).unwrap_or_default();
    let interest = Interest::of(&part).with(address);
    let found = read_part(http, &workspace.loaded.project.name, &name, &interest).await?;
    Ok(Live { realms: found.map(|found| (name, found)).into_iter().collect() })
}

/// The commits behind an object's lines.
fn touches(context: &Context, workspace: &Workspace, object: Option<&DesiredObject>) -> Touches {
    let mut lines: BTreeMap<PathBuf, BTreeSet<u32>> = BTreeMap::new();
    for declared in object.into_iter().flat_map(|object| object.fields.values()) {
        lines.entry(PathBuf::from(&*declared.origin.file)).or_default().insert(declared.origin.line);
    }
    workspace.blame(context, &lines)
}

fn change<'a>(diff: &'a Diff, address: &Address) -> Option<&'a Change> {
    let realm = diff.realms.get(address.realm_name())?;
    realm.find(address).map(|index| &realm.changes[index])
}

/// What a story is told from.
struct Telling<'a> {
    address: &'a Address,
    object: Option<&'a DesiredObject>,
    base: Option<&'a DesiredObject>,
    live: Option<&'a LiveObject>,
    record: Option<&'a Record>,
    others: Option<&'a BTreeMap<String, Record>>,
    touches: Touches,
    change: Option<&'a Change>,
}

impl Telling<'_> {
    fn story(&self, realm: Option<&LiveRealm>, culprits: Culprits, tells: impl Fn(&FieldPath) -> bool) -> Story {
        let declared = self.object.into_iter().flat_map(|object| object.fields.keys());
        let live = self.live.into_iter().flat_map(|object| object.fields.keys());
        let paths: BTreeSet<&FieldPath> = declared.chain(live).chain(self.recorded()).collect();
        let Culprits { mut by_address, unknown } = culprits;
        Story {
            address: self.address.clone(),
            origin: self.object.map(|object| object.origin.clone()),
            exists: realm.map(|_| self.live.is_some()),
            applied: self.record.map(Record::heading),
            is_recorded: self.record.is_some_and(|record| record.objects.contains_key(self.address)),
            other_projects: self.projects(|_| true),
            culprit: by_address.remove(self.address),
            culprit_unknown: unknown,
            leaves: paths.into_iter().filter(|path| tells(path)).map(|path| self.leaf(path)).collect(),
        }
    }

    fn leaf(&self, path: &FieldPath) -> LeafStory {
        let declared = self.object.and_then(|object| object.fields.get(path)).cloned();
        let origin = declared.as_ref().map(|declared| &declared.origin);
        let touch = origin.and_then(|it| self.touches.get(std::path::Path::new(&*it.file))?.get(&it.line)).cloned();
        let applied = self.base.and_then(|object| object.fields.get(path)).map(|declared| declared.value.clone());
        let prints = self.record.and_then(|record| record.fingerprints.get(self.address));
        let is_secret = self.address.kind().leaf_type(path) == Type::Secret
            || prints.is_some_and(|prints| prints.contains_key(path))
            || [declared.as_ref().map(|it| &it.value), applied.as_ref()]
                .iter()
                .any(|value| matches!(value, Some(Value::Secret(_))));
        let live = match self.live.and_then(|object| object.fields.get(path)) {
            None => Side::Absent,
            Some(LiveValue::Json(value)) if !is_secret => Side::Value(value.clone()),
            Some(_) => Side::Secret,
        };
        let is_recorded = self.recorded().any(|it| it == path);
        let cause = self.change.and_then(|change| change.fields.iter().find(|field| field.path == *path));
        LeafStory {
            path: path.clone(),
            declared,
            touch,
            is_recorded,
            applied: applied.filter(|_| is_recorded),
            live,
            default: default_of(self.address, path).map(std::borrow::Cow::into_owned),
            other_projects: self.projects(|leaves| leaves.contains(path)),
            cause: cause.map(|field| field.cause),
        }
    }

    /// Whether a file speaks of the leaf, or did.
    fn is_spoken_of(&self, path: &FieldPath) -> bool {
        self.object.is_some_and(|object| object.fields.contains_key(path)) || self.recorded().any(|it| it == path)
    }

    fn recorded(&self) -> impl Iterator<Item = &FieldPath> {
        let leaves = self.record.and_then(|record| record.objects.get(self.address));
        leaves.into_iter().flat_map(|leaves| leaves.iter())
    }

    fn projects(&self, has: impl Fn(&BTreeSet<FieldPath>) -> bool) -> Vec<String> {
        let others = self.others.into_iter().flatten();
        let others = others.filter(|(_, record)| record.objects.get(self.address).is_some_and(|leaves| has(leaves)));
        others.map(|(name, _)| name.clone()).collect()
    }
}
