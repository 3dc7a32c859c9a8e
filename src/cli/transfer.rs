//! `realmform transfer`: hands objects or fields of another project over.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::apply::Consent;
use super::apply::stamp::{holder, stamp};
use super::connect::ConnectArgs;
use super::explain::readings;
use super::output::count;
use super::servers::sign_in;
use super::workspace::{FileArgs, Workspace};
use super::{Context, Error, Exit};
use crate::keycloak::{Ledger, Servers};
use crate::model::{Address, FieldPath, RealmName, Record};

/// Take objects or fields out of another project's record, so that this project may declare them: the object with what hangs
/// below it, or one field. On the server nothing else changes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform transfer acme/clients/shop --from platform
  realmform transfer acme.displayName acme/roles/clerk.description --from platform --yes

First take it out of the other project's files: its next plan would claim it back, and be refused. Then declare it here, and \
apply: that enters it into this project's record.")]
pub(super) struct Args {
    /// What is handed over
    #[arg(value_name = "ADDRESS[.FIELD]", required = true)]
    what: Vec<String>,
    /// The project that has it
    #[arg(long, value_name = "PROJECT")]
    from: String,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let mut workspace = Workspace::load(context, &FileArgs::default())?;
    let project = &workspace.loaded.project;
    if project.name == args.from {
        return Err(Error::Usage(format!("--from {}: that is this project", args.from)));
    }
    let signed_in = sign_in(context, &args.connect, &workspace.folder, Some(project)).await?;
    let servers = signed_in.locate(context, &args.connect, None, &mut workspace).await?.servers;
    let project = &workspace.loaded.project;
    let mut realms: BTreeMap<RealmName, Handed> = BTreeMap::new();
    for what in &args.what {
        let (realm, address, field) = find(&servers, &args.from, what, &mut realms).await?;
        let Some(handed) = realms.get_mut(&realm) else { continue };
        let taken = take(&mut handed.record, &address, field.as_ref());
        context.output.result(&format!("{what}: {} of {}\n", count(taken, "object"), args.from))?;
    }
    let question = format!("Take this out of the record of {}?", args.from);
    args.consent.ask(context, &question, "nothing was handed over")?;
    for (realm, handed) in &realms {
        hand_over(realm, &args.from, handed).await?;
        context.output.message(&format!("{realm}: handed over; declare it in {} and apply", project.name));
    }
    Ok(Exit::Fine)
}

/// The other project's part of a realm.
struct Handed {
    ledger: Ledger,
    /// As it was read.
    before: Record,
    /// As it will be.
    record: Record,
}

/// What a text means in the record of a project.
async fn find(
    servers: &Servers,
    from: &str,
    what: &str,
    realms: &mut BTreeMap<RealmName, Handed>,
) -> Result<(RealmName, Address, Option<FieldPath>), Error> {
    for (address, field) in readings(what)? {
        let realm = address.realm_name().to_owned();
        if !realms.contains_key(&realm) {
            let Some(ledger) = Ledger::find(servers.of(&realm), &realm, from).await? else { continue };
            let Some(before) = ledger.record(&realm).await? else { continue };
            let record = before.clone();
            realms.insert(realm.clone(), Handed { ledger, before, record });
        }
        let Some(handed) = realms.get(&realm) else { continue };
        let leaves = handed.before.objects.get(&address);
        let has = |field: &FieldPath| leaves.is_some_and(|leaves| leaves.iter().any(|path| path.is_within(field)));
        if leaves.is_some() && field.as_ref().is_none_or(has) {
            return Ok((realm, address, field));
        }
    }
    Err(Error::Usage(format!("{what} is not in the record of {from}")))
}

/// Takes an object with what hangs below it, or a field, out of a record, and says how many objects that concerns.
fn take(record: &mut Record, address: &Address, field: Option<&FieldPath>) -> usize {
    let Some(field) = field else {
        let before = record.objects.len();
        record.objects.retain(|it, _| !it.is_within(address));
        record.fingerprints.retain(|it, _| !it.is_within(address));
        return before - record.objects.len();
    };
    if let Some(leaves) = record.objects.get_mut(address) {
        Arc::make_mut(leaves).retain(|path| !path.is_within(field));
    }
    if let Some(prints) = record.fingerprints.get_mut(address) {
        prints.retain(|path, _| !path.is_within(field));
    }
    1
}

/// Writes the record, while nobody else does.
async fn hand_over(realm: &RealmName, from: &str, handed: &Handed) -> Result<(), Error> {
    let ledger = &handed.ledger;
    let lock = match ledger.lock(&holder(&stamp(None, false, None).actor)).await? {
        Ok(lock) => lock,
        Err(lock) => return Err(Error::Locked { realm: realm.clone(), lock: Box::new(lock) }),
    };
    let written = write(realm, from, handed).await;
    ledger.unlock(&lock).await?;
    written
}

async fn write(realm: &RealmName, from: &str, handed: &Handed) -> Result<(), Error> {
    let Handed { ledger, before, record } = handed;
    if ledger.record(realm).await?.as_ref() != Some(before) {
        return Err(Error::Other(format!("project {from} applied something to {realm} meanwhile; try again")));
    }
    Ok(ledger.write(record).await?)
}
