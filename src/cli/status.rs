//! `realmform status`: how the servers and their realms are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::connect::ConnectArgs;
use super::drift::Looking;
use super::prepare::{applied_desires, bases, beside, records, renamed_from};
use super::progress::interruptions;
use super::report::{self, PageFormat, PageReports, Show};
use super::servers::{Seen, Sight, SignedIn, look_around};
use super::unreadable::{self, FetchArgs};
use super::workspace::{FileArgs, Found, Workspace};
use super::{Context, Error, Exit, plan};
use crate::diff::{self, Buckets};
use crate::fleet::{About, Findings, Held, ServerStatus, State, Status, Survey};
use crate::keycloak::{Applied, Http, read_applied};
use crate::model::{Desired, Live, LiveRealm, RealmName, Record};
use crate::render::{html, json, text};

/// How many servers are asked at once, and how many realms of each.
const AT_ONCE: usize = 64;

/// Show how the servers and their realms are: what cannot be reached, how full it is, what is there twice, what was applied
/// last and whether the files say something else by now. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform status
  realmform status --drift                 also compare the realms with what was applied
  realmform status --format json --detailed-exitcode
  realmform status --format html > status.html
  realmform status --watch 60 --report html=status.html

It reads the record of each realm, one request for each; --drift reads what was applied, too, as `realmform drift \
--skip-unmanaged` does. A server that cannot be reached is shown, and is no error. With --detailed-exitcode, 2 means that \
something is not as it should be: unreachable, over its limit, unknown, without room, drifted, there twice, or misplaced. What is \
yet to be applied is no fault.")]
pub(super) struct Args {
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    fetch: FetchArgs,
    /// Also compare the realms with what was applied, which takes reading it
    #[arg(long)]
    drift: bool,
    /// Exit with 2 when something is not as it should be
    #[arg(long)]
    detailed_exitcode: bool,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: PageFormat,
    #[command(flatten)]
    reports: PageReports,
    /// Look again and again, with so many seconds in between, until it is interrupted. The files of --report are written each
    /// time, and a page loads itself again [default: 30]
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "30", value_parser = clap::value_parser!(u32).range(1..=86400))]
    watch: Option<u32>,
    /// Also print how many requests of each sort it cost, to standard error
    #[arg(long)]
    requests: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    match args.watch {
        Some(_) if args.format == PageFormat::Html => {
            Err(Error::Usage("--watch writes a page into a file: --report html=FILE".to_owned()))
        }
        Some(seconds) => watch(context, args, Duration::from_secs(seconds.into())).await,
        None => show(context, args, &look(context, args).await?),
    }
}

/// Looks again and again. What fails after the first time is told, and tried again.
async fn watch(context: &Context, args: &Args, pause: Duration) -> Result<Exit, Error> {
    let mut interrupted = interruptions();
    let mut exit = None;
    loop {
        let round = async {
            match look(context, args).await.and_then(|status| show(context, args, &status)) {
                Err(error) if exit.is_some() => context.output.message(&format!("warning: {}", error.in_full())),
                shown => exit = Some(shown?),
            }
            tokio::time::sleep(pause).await;
            Ok::<_, Error>(())
        };
        tokio::select! {
            done = round => done?,
            _ = interrupted.wait_for(|it| *it) => return Ok(exit.unwrap_or(Exit::Fine)),
        }
    }
}

fn show(context: &Context, args: &Args, status: &Status) -> Result<Exit, Error> {
    if args.watch.is_some() {
        context.output.start_over()?;
    }
    report::show_in(context, &StatusView { status, refresh: args.watch }, args.format, false, &args.reports.targets)?;
    Ok(if args.detailed_exitcode && status.is_wrong() { Exit::Changes } else { Exit::Fine })
}

/// A status, as people and programs see it.
struct StatusView<'a> {
    status: &'a Status,
    /// After how many seconds it is another one.
    refresh: Option<u32>,
}

impl Show<PageFormat> for StatusView<'_> {
    fn show(&self, format: PageFormat, options: text::Options) -> Result<String, Error> {
        let Self { status, refresh } = self;
        Ok(match format {
            PageFormat::Text => text::status(status, options),
            PageFormat::Json => format!("{:#}\n", json::status(status)),
            PageFormat::Html => {
                html::status(status, *refresh).map_err(|error| Error::Other(format!("the page: {error:#}")))?
            }
        })
    }
}

/// Looks at everything.
async fn look(context: &Context, args: &Args) -> Result<Status, Error> {
    let (mut workspace, sight) = load_and_look(context, args).await?;
    let (versions, held) = held(&sight, &workspace.loaded.project.name).await;
    let holds = |realm: &RealmName, server: &str| {
        held.get(server).and_then(|held| held.get(realm)).is_some_and(|held| matches!(held.record, Ok(Some(_))))
    };
    let survey = sight.survey(&workspace.loaded, holds);
    let realms = &workspace.loaded.desired.realms;
    let declared = realms.iter().map(|(name, realm)| (name.clone(), renamed_from(realm))).collect();
    let environment = workspace.environment().map(str::to_owned);
    let project = workspace.loaded.project.name.clone();
    let mut servers = servers(&workspace, &sight, &survey, &versions);
    let live = live(&survey, &held, &declared);
    let standing = match sight.signed_in().filter(|_| args.drift) {
        Some(signed_in) => match compare(context, args, signed_in, &mut workspace).await {
            Ok(report) => moved(&report),
            Err(error) => {
                let unknown = (State::Unknown, Some(error.in_full()));
                live.realms.keys().map(|name| (name.clone(), unknown.clone())).collect()
            }
        },
        None => standing(context, args, &workspace, &live).await,
    };
    if args.requests {
        plan::tell_requests(context, &sight.requests());
    }
    let findings = Findings {
        survey: &survey,
        declared: &declared,
        held: &held,
        standing: &standing,
        environment: environment.as_deref(),
    };
    let mut realms = findings.realms();
    if let Some(asked) = args.connect.server() {
        servers.retain(|server| server.name == asked);
        // What is on none may be on it.
        realms.retain(|realm| realm.server.as_deref().is_none_or(|server| server == asked));
    }
    Ok(Status {
        project,
        environment,
        time: format!("{:.0}", Timestamp::now()),
        is_compared: args.drift,
        servers,
        realms,
        full: survey.places.full,
    })
}

/// Compares the realms with what was applied, as `drift` does.
async fn compare(
    context: &Context,
    args: &Args,
    signed_in: SignedIn,
    workspace: &mut Workspace,
) -> Result<diff::Report, Error> {
    let located = signed_in.locate_quietly(&args.connect, None, workspace).await?;
    let looking = Looking { whole: false, unmanaged: false, ignore: &[], fetch: args.fetch };
    Ok(looking.look(context, &located, workspace).await?.report)
}

/// Reads the files while the servers are looked at.
async fn load_and_look(context: &Context, args: &Args) -> Result<(Workspace, Sight), Error> {
    let found = Found::new(context, &FileArgs::default())?;
    let (workspace, sight) = if let Some(project) = found.project() {
        let folder = found.folder.clone();
        beside(|| found.load(), look_around(context, &args.connect, &folder, &project)).await?
    } else {
        let workspace = found.load()?;
        let sight = look_around(context, &args.connect, &workspace.folder, &workspace.loaded.project).await;
        (workspace, sight)
    };
    workspace.print_warnings(context);
    Ok((workspace, sight?))
}

type HeldBy = BTreeMap<String, BTreeMap<RealmName, Held>>;

/// The version of each server that was reached, and what was applied to each of its realms.
async fn held(sight: &Sight, project: &str) -> (BTreeMap<String, Option<String>>, HeldBy) {
    let reached = sight.seen.iter().filter_map(|Seen { name, url: _, found }| Some((name, found.as_ref().ok()?)));
    let of_server = stream::iter(reached).map(async |(name, (http, realms))| {
        let (version, held) = tokio::join!(http.server_version(), held_on(http, realms, project));
        // Whether it may be known is no reason to fail.
        ((name.clone(), version.unwrap_or_default()), (name.clone(), held))
    });
    of_server.buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().unzip()
}

async fn held_on(http: &Http, realms: &BTreeSet<RealmName>, project: &str) -> BTreeMap<RealmName, Held> {
    let asked = stream::iter(realms).map(async |realm| {
        let held = match read_applied(http, project, realm).await {
            Ok(Applied { own, others }) => Held { record: Ok(own), others },
            Err(error) => Held { record: Err(error.to_string()), others: Vec::new() },
        };
        (realm.clone(), held)
    });
    asked.buffered(AT_ONCE).collect().await
}

fn servers(
    workspace: &Workspace,
    sight: &Sight,
    survey: &Survey,
    versions: &BTreeMap<String, Option<String>>,
) -> Vec<ServerStatus> {
    let limit = |name: &str| workspace.loaded.project.servers.get(name).map(|server| server.max_realms);
    let status = |Seen { name, url, found }: &Seen| {
        let ignored = survey.duplicates.iter().filter(|it| it.ignored.contains(name));
        let about = |realms: &BTreeSet<RealmName>| About {
            version: versions.get(name).cloned().flatten(),
            realms: realms.len(),
        };
        ServerStatus {
            name: name.clone(),
            url: url.clone(),
            found: found.as_ref().map(|(_, realms)| about(realms)).map_err(Clone::clone),
            limit: limit(name).filter(|_| sight.is_fleet),
            ignored: ignored.map(|it| it.realm.clone()).collect(),
        }
    };
    sight.seen.iter().map(status).collect()
}

/// The records of the realms that count, as far as there are some.
fn live(survey: &Survey, held: &HeldBy, declared: &BTreeMap<RealmName, Option<RealmName>>) -> Live {
    let realm = |(name, former): (&RealmName, &Option<RealmName>)| {
        let of_server = held.get(&survey.places.of.get(name)?.server)?;
        let renamed_from = former.clone().filter(|_| !of_server.contains_key(name));
        let Held { record: Ok(Some(record)), .. } = of_server.get(renamed_from.as_ref().unwrap_or(name))? else {
            return None;
        };
        Some((name.clone(), LiveRealm { record: Some(record.clone()), renamed_from, ..LiveRealm::default() }))
    };
    Live { realms: declared.iter().filter_map(realm).collect() }
}

/// How realms are that were applied: the files of now against those of then, without a look at the server.
async fn standing(
    context: &Context,
    args: &Args,
    workspace: &Workspace,
    live: &Live,
) -> BTreeMap<RealmName, (State, Option<String>)> {
    unreadable::fetch(context, args.fetch, &workspace.folder, &workspace.tree.source, records(live)).await;
    let applied = applied_desires(workspace, live.realms.values());
    let bases = bases(workspace, live, &applied);
    let unreadable = unreadable::realms(live, &applied, &bases);
    let old = bases.iter().map(|(name, base)| (name.clone(), (*base).clone()));
    let old = Desired { realms: old.collect(), ..Desired::default() };
    let now = workspace.loaded.desired.realms.iter().filter(|(name, _)| old.realms.contains_key(*name));
    let now =
        Desired { realms: now.map(|(name, realm)| (name.clone(), realm.clone())).collect(), ..Desired::default() };
    let differences = diff::between(&old, &now);
    let stands = |(name, realm): (&RealmName, &LiveRealm)| {
        let changes = differences.realms.get(name).map_or(0, |diff| diff.changes.len());
        let is_unfinished = realm.record.as_ref().is_some_and(|record: &Record| !record.unfinished.is_empty());
        let state = match (&realm.renamed_from, unreadable.get(name)) {
            _ if is_unfinished => (State::Pending, Some("the last run did not finish".to_owned())),
            (Some(former), _) => (State::Pending, Some(format!("it is still called {former}"))),
            (None, Some(why)) => (State::Applied, Some(why.reason.clone())),
            (None, None) if changes > 0 => (State::Pending, Some(objects(changes))),
            (None, None) => (State::InStep, None),
        };
        (name.clone(), state)
    };
    live.realms.iter().map(stands).collect()
}

/// How realms are that were compared with what was applied.
fn moved(report: &diff::Report) -> BTreeMap<RealmName, (State, Option<String>)> {
    let unread = report.unread.iter().map(|(name, why)| (name.clone(), (State::Unknown, Some(why.clone()))));
    let read = report.realms.iter().map(|(name, realm)| {
        let state = match realm.buckets() {
            Buckets { drift: 1.., .. } => (State::Drift, Some(objects(realm.buckets().drift))),
            Buckets { pending: 1.., .. } => (State::Pending, Some(objects(realm.buckets().pending))),
            Buckets { .. } => (State::InStep, None),
        };
        (name.clone(), state)
    });
    read.chain(unread).collect()
}

fn objects(number: usize) -> String {
    super::output::count(number, "object")
}
