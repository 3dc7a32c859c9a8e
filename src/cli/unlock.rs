//! `realmform unlock`: takes locks away from runs that will not release them.

use super::apply::Consent;
use super::output::count;
use super::servers::sign_in;
use super::workspace::{FileArgs, Workspace};
use super::{Context, Error, Exit, connect};
use crate::keycloak::{Http, Ledger, Lock};
use crate::model::RealmName;

/// Release locks that runs left behind: shows who holds them, asks, and takes them away.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform unlock                         every realm of the project
  realmform unlock customer-acme --yes

It is seldom needed: the lock of a run that died ends by itself after 15 minutes, and at once for the next run on the same \
machine. A run that is still at work notices within seconds, finishes the requests under way, starts nothing more, and \
writes the record only if nobody else has; it exits with 6.")]
pub(super) struct Args {
    /// The realms, also such that no file has any more [default: all realms of the project]
    #[arg(value_name = "REALM")]
    realms: Vec<RealmName>,
    #[command(flatten)]
    connect: connect::ConnectArgs,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let mut workspace = Workspace::load(context, &FileArgs::default())?;
    let signed_in = sign_in(context, &args.connect, &workspace.folder, Some(&workspace.loaded.project)).await?;
    let servers = signed_in.locate(context, &args.connect, None, &mut workspace).await?.servers;
    let project = &workspace.loaded.project;
    let declared = workspace.loaded.desired.realms.keys();
    let realms: Vec<&RealmName> =
        if args.realms.is_empty() { declared.collect() } else { args.realms.iter().collect() };
    let mut locked = Vec::new();
    for realm in &realms {
        locked.extend(held(servers.of(realm), &project.name, realm, !args.realms.is_empty()).await?);
    }
    if locked.is_empty() {
        let realms = count(realms.len(), "realm");
        context.output.result(&format!("Nothing is locked ({realms} looked at).\n"))?;
        return Ok(Exit::Fine);
    }
    for Locked { realm, lock, .. } in &locked {
        context.output.result(&format!("{realm} is locked by {}\n", told(lock)))?;
    }
    let question = "Take these locks away? Whoever holds one and is still at work stops half-way.";
    args.consent.ask(context, question, "nothing was released")?;
    for Locked { realm, ledger, lock } in &locked {
        ledger.unlock(lock).await?;
        context.output.result(&format!("{realm}: released.\n"))?;
    }
    Ok(Exit::Fine)
}

/// A realm that somebody has locked.
struct Locked<'a> {
    realm: &'a RealmName,
    ledger: Ledger,
    lock: Lock,
}

async fn held<'a>(
    http: &Http,
    project: &str,
    realm: &'a RealmName,
    is_named: bool,
) -> Result<Option<Locked<'a>>, Error> {
    let Some(ledger) = Ledger::find(http, realm, project).await? else {
        // One that is only declared may not have been made yet; one that was typed may be misspelt.
        if is_named && crate::keycloak::realm_names(http).await?.iter().all(|name| name != realm) {
            return Err(Error::Other(format!("there is no realm {realm} on the server")));
        }
        return Ok(None);
    };
    Ok(ledger.held().await?.map(|lock| Locked { realm, ledger, lock }))
}

/// `alice on build-7 (process 4711) since … until …`
fn told(lock: &Lock) -> String {
    let Lock { id: _, holder, since, expires } = lock;
    let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
    format!("{holder}{since} until {expires}")
}
