//! `realmform drift`: what moved since it was applied, and whose it is.
//!
//! - `revert`: set it back on the server; `adopt`: take it over into the files.

mod adopt;
mod revert;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use futures_util::future::try_join_all;
use serde_json::Value as Json;

use self::adopt::Adopt;
use self::revert::Revert;
use super::apply::Consent;
use super::apply::patience;
use super::connect::ConnectArgs;
use super::prepare::{self, PlanArgs, Resolved, applied_desires, bases, policy, records};
use super::report::{self, Format, Render, Reports};
use super::servers::Located;
use super::unreadable::{self, Applied, FetchArgs};
use super::workspace::{FileArgs, Workspace};
use super::{Context, Error, Exit, offline, plan};
use crate::apply::Secrets;
use crate::diff::{self, Buckets, RealmReport, Report};
use crate::fleet::Shard;
use crate::keycloak::{Culprits, Http, Interest, culprits, read_abandoned, read_realm};
use crate::model::matches;
use crate::model::{Live, Prune, PruneRules, RealmName, Record};
use crate::render::markdown::About;
use crate::render::{json, markdown, text};

/// Show what moved since it was applied: on the server (drift), in the files (pending), and what no project has (unmanaged).
/// Changes nothing, unless --revert or --adopt is given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform drift                                    exits with 2 when the server drifted
  realmform drift --fail-on drift,pending
  realmform drift --ignore 'acme/users/*' --ignore acme.displayName
  realmform drift --format markdown > drift.md
  realmform drift --report markdown=drift.md --report json=drift.json
  realmform drift --revert                           set back what drifted, and nothing else
  realmform drift --adopt                            write it into the files, for a pull request

--adopt leaves every other byte of the files as it is. Secrets are never written; what the files say otherwise since, too, is \
left for you to decide. A file with changes that no commit has is not touched without --force. What no project has is \
added by `realmform import --unmanaged`.

A credential with view-* roles is enough; with view-events it is told who changed what, where the realm keeps admin events. \
Secrets that are not set here are not compared, and the summary says so. Exit codes: 0 none, 1 something could not be read, \
2 there is some. With --adopt: 0 the files have all of it, 1 nothing was written or a realm could not be read, 2 some was left out.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Args {
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    fetch: FetchArgs,
    /// Only the realms of this part, such as 1/4 for the first of four: runs that share the work
    #[arg(long, value_name = "K/N", conflicts_with = "realm")]
    shard: Option<Shard>,
    /// Leave out what matches an address, or a field of it as ADDRESS.FIELD; `*` stands for any text (repeatable)
    #[arg(long, value_name = "PATTERN")]
    ignore: Vec<String>,
    /// Exit with 2 when there is any of these
    #[arg(long, value_name = "BUCKETS", value_delimiter = ',', default_value = "drift")]
    fail_on: Vec<Bucket>,
    /// Do not look for what no project has, which takes reading all of a realm
    #[arg(long)]
    skip_unmanaged: bool,
    /// Apply what was applied last again, where the server moved away from it
    #[arg(long)]
    revert: bool,
    /// Write what the server has into the files, where it moved away from what was applied
    #[arg(long, conflicts_with_all = ["revert", "rev", "fail_on"])]
    adopt: bool,
    /// With --adopt: also write into files that have changes that are not committed
    #[arg(long, requires = "adopt")]
    force: bool,
    #[command(flatten)]
    consent: Consent,
    /// With --revert: wait up to so long for other runs to end, as in `90s` or `5m`
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = patience::time, hide_default_value = true)]
    lock_timeout: Duration,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    reports: Reports,
    /// Show long values in full
    #[arg(long, short)]
    verbose: bool,
    /// Also print how many requests of each sort it cost, to standard error
    #[arg(long)]
    requests: bool,
}

/// What may have moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Bucket {
    Drift,
    Pending,
    Unmanaged,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let (mut workspace, connected) = prepare::load_and_connect(context, &args.files, &args.connect, args.shard).await?;
    workspace.print_warnings(context);
    let located = connected?;
    let servers = &located.servers;
    let looked_at = Instant::now();
    let looking = Looking {
        whole: args.files.realm.is_empty(),
        unmanaged: !args.skip_unmanaged,
        ignore: &args.ignore,
        fetch: args.fetch,
    };
    let Found { live, secrets, applied, mut report } = looking.look(context, &located, &mut workspace).await?;
    for (name, RealmReport { drift, culprits: who, unreadable, .. }) in &mut report.realms {
        if let Some(realm) = live.realms.get(name) {
            *who = culprits(servers.of(name), realm, &drift.moved_addresses()).await?;
        }
        if let Some(why) = unreadable {
            unreadable::tell(context, name, why);
        }
    }
    let bases = bases(&workspace, &live, &applied);
    let view = DriftView { report: &report, about: prepare::about(&workspace, servers) };
    report::show(context, &view, args.format, args.verbose, &args.reports)?;
    if args.requests {
        plan::print_requests(context, servers);
    }
    if args.revert {
        let policy = policy(&PlanArgs::default(), &workspace, &live, located.credential.clone());
        return Revert { context, args, servers, workspace: &workspace, looked_at, bases: &bases }
            .run(&report, live, &policy)
            .await;
    }
    if args.adopt {
        return Adopt { context, args, workspace: &workspace, secrets: &secrets, live: &live, bases: &bases }
            .run(&report);
    }
    exit(args, &report)
}

/// What moved, as people and programs see it.
struct DriftView<'a> {
    report: &'a Report,
    about: About,
}

impl Render for DriftView<'_> {
    fn text(&self, options: text::Options) -> String {
        text::drift(self.report, options)
    }

    fn json(&self) -> Json {
        json::drift(self.report)
    }

    fn markdown(&self) -> String {
        markdown::drift(self.report, &self.about)
    }
}

/// Drift that was found counts more than what could not be looked at.
fn exit(args: &Args, report: &Report) -> Result<Exit, Error> {
    let Buckets { drift, pending, unmanaged } = report.buckets();
    let is_any = |bucket: &Bucket| match bucket {
        Bucket::Drift => drift > 0,
        Bucket::Pending => pending > 0,
        Bucket::Unmanaged => unmanaged > 0,
    };
    match args.fail_on.iter().any(is_any) {
        true => Ok(Exit::Changes),
        false if !report.unread.is_empty() => Err(Error::Other("not every realm could be read".to_owned())),
        false => Ok(Exit::Fine),
    }
}

/// How it is looked for what moved.
pub(super) struct Looking<'a> {
    /// Also at the realms that left the files.
    pub(super) whole: bool,
    /// Also for what no project has.
    pub(super) unmanaged: bool,
    /// What is not to be told.
    pub(super) ignore: &'a [String],
    pub(super) fetch: FetchArgs,
}

/// What moved, and what it was told from.
pub(super) struct Found {
    live: Live,
    secrets: Secrets,
    applied: Applied,
    /// Without those who moved it.
    pub(super) report: Report,
}

impl Looking<'_> {
    /// Reads the realms, and compares. Secrets whose values are not at hand count, in the workspace too, as what the server
    /// has; realms that cannot be read are left out of it.
    pub(super) async fn look(
        &self,
        context: &Context,
        located: &Located,
        workspace: &mut Workspace,
    ) -> Result<Found, Error> {
        let secrets = offline::secrets(workspace).await;
        located.servers.hide(secrets.values());
        let (live, mut unread) = read(located, workspace, self).await?;
        if let Some(survey) = &located.survey {
            let servers: Vec<&str> = survey.unreachable.keys().map(String::as_str).collect();
            let why = format!("it may be on {}, which cannot be reached", servers.join(" or "));
            unread.extend(survey.places.unknown.iter().map(|name| (name.clone(), why.clone())));
            if let Some(full) = &survey.places.full {
                context.output.message(&format!("warning: {full}"));
            }
        }
        // What could not be read is neither there nor gone.
        workspace.loaded.desired.realms.retain(|name, _| !unread.contains_key(name));
        unreadable::fetch(context, self.fetch, &workspace.folder, &workspace.tree.source, records(&live)).await;
        let mut applied = applied_desires(workspace, live.realms.values());
        let not_compared = keep_unknown(workspace, &mut applied, &live, &secrets);
        let bases = bases(workspace, &live, &applied);
        let drift = diff::drift(&workspace.loaded.desired, &live, &bases, &Resolved(&secrets));
        let unreadable = unreadable::realms(&live, &applied, &bases);
        let mut report = Report { unread, not_compared, ..Report::default() };
        for (name, mut drift) in drift {
            ignore(&mut drift.moved, self.ignore);
            ignore(&mut drift.pending, self.ignore);
            drift.unmanaged.retain(|address| !is_ignored(self.ignore, &address.to_string()));
            let realm = live.realms.get(&name);
            let unreadable = unreadable.get(&name).filter(|_| !drift.moved.changes.is_empty()).cloned();
            let left_out = realm.map(|realm| realm.left_out.clone()).unwrap_or_default();
            let applied = realm.and_then(|realm| realm.record.as_ref()).map(Record::heading);
            let culprits = Culprits::default();
            report.realms.insert(name, RealmReport { drift, applied, culprits, left_out, unreadable });
        }
        Ok(Found { live, secrets, applied, report })
    }
}

/// Every realm of the files, one that cannot be read beside the others, and those that the project left behind.
async fn read(
    located: &Located,
    workspace: &Workspace,
    looking: &Looking<'_>,
) -> Result<(Live, BTreeMap<RealmName, String>), Error> {
    let of_server = located.servers.iter().map(|(server, http)| read_server(located, server, http, workspace, looking));
    let (mut live, mut unread) = (Live::default(), BTreeMap::new());
    for (of_server, unread_of) in try_join_all(of_server).await? {
        live.realms.extend(of_server.realms);
        unread.extend(unread_of);
    }
    Ok((live, unread))
}

async fn read_server(
    located: &Located,
    server: &str,
    http: &Http,
    workspace: &Workspace,
    looking: &Looking<'_>,
) -> Result<(Live, BTreeMap<RealmName, String>), Error> {
    let project = &workspace.loaded.project.name;
    let (mut live, mut unread) = (Live::default(), BTreeMap::new());
    let declared = workspace.loaded.desired.realms.iter().filter(|(name, _)| located.servers.is_on(name, server));
    for (name, desired) in declared {
        let mut looked_for = desired.clone();
        if looking.unmanaged {
            looked_for.prune = PruneRules { default: Prune::All, by_collection: BTreeMap::new() };
        }
        match read_realm(http, project, name, Interest::of(&looked_for)).await {
            Ok(realm) => live.realms.extend(realm.map(|realm| (name.clone(), realm))),
            Err(error) => drop(unread.insert(name.clone(), error.to_string())),
        }
    }
    if looking.whole {
        let is_meant = |realm: &RealmName| located.may_be_left_on(server, realm);
        live.realms.extend(read_abandoned(http, project, workspace.environment(), is_meant).await?);
    }
    Ok((live, unread))
}

/// Secrets whose values are not at hand count as what the server has, in the files of now and of then. Answers how many.
fn keep_unknown(workspace: &mut Workspace, applied: &mut Applied, live: &Live, secrets: &Secrets) -> usize {
    for desired in applied.values_mut().flatten() {
        offline::keep_what_cannot_be_compared(desired, live, secrets);
    }
    offline::keep_what_cannot_be_compared(&mut workspace.loaded.desired, live, secrets)
}

fn ignore(diff: &mut diff::RealmDiff, patterns: &[String]) {
    diff.changes.retain_mut(|change| {
        let address = change.address.to_string();
        let had_fields = !change.fields.is_empty();
        change.fields.retain(|field| !is_ignored(patterns, &format!("{address}.{}", field.path)));
        !is_ignored(patterns, &address) && (!had_fields || !change.fields.is_empty())
    });
    diff.adopted.retain(|address| !is_ignored(patterns, &address.to_string()));
    diff.forgotten.retain(|address| !is_ignored(patterns, &address.to_string()));
}

fn is_ignored(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, text))
}
