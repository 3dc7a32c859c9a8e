//! From files and a server to a plan: everything that `plan` and `apply` share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use secrecy::{ExposeSecret as _, SecretString};

use super::secrets::{self, Uses};
use super::servers::{Located, sign_in};
use super::unreadable::{self, Applied, FetchArgs};
use super::workspace::{self, Found, Workspace};
use super::{Context, Error, connect, features};
use crate::apply::Secrets;
use crate::desired::{self, Loaded, Output, Ref};
use crate::diff;
use crate::diff::Unreadable;
use crate::fleet::{Shard, Survey};
use crate::keycloak::{Connection, Credentials, Http, Interest, Servers, read_realm};
use crate::model::{
    Address, DesiredRealm, FieldPath, Live, LiveRealm, LiveValue, RealmName, Record, Reference, SecretRef,
    builtin_names, is_builtin, is_global_profile, kinds, texts,
};
use crate::plan::{self, Owners, Plan, Policy, Refusal};
use crate::render::markdown::About;
use crate::secrets::{Fingerprint, Redactor};

/// What `plan` and `apply` are told.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) files: workspace::FileArgs,
    #[command(flatten)]
    pub(super) connect: connect::ConnectArgs,
    #[command(flatten)]
    pub(super) fetch: FetchArgs,
    /// Only the realms of this part, such as 1/4 for the first of four: runs that share the work
    #[arg(long, value_name = "K/N", conflicts_with = "realm")]
    pub(super) shard: Option<Shard>,
    /// Allow this object to be deleted with the data that hangs on it (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    allow_destroy: Vec<String>,
    /// Delete more than the delete limit allows
    #[arg(long)]
    allow_many_deletes: bool,
    /// Change realms that were applied in another environment
    #[arg(long)]
    allow_environment_change: bool,
    /// Generate a new value for what `{ generate = … }` made here (repeatable)
    #[arg(long, value_name = "ADDRESS[.FIELD]")]
    rotate: Vec<String>,
}

/// A plan, and what carrying it out takes.
pub(super) struct Prepared {
    pub(super) workspace: Workspace,
    pub(super) servers: Servers,
    /// What was found out of a fleet.
    pub(super) survey: Option<Survey>,
    /// The plan, or the plan and what speaks against it.
    pub(super) plan: Result<Plan, Refusal>,
    /// Realms of which nobody can tell what was applied last.
    pub(super) unreadable: BTreeMap<RealmName, Unreadable>,
    pub(super) live: Live,
    pub(super) secrets: Secrets,
    /// Secrets that got a throwaway value.
    pub(super) made_up: Vec<SecretRef>,
    pub(super) redactor: Redactor,
    /// When the server was first looked at.
    pub(super) begun: Instant,
}

/// Reads everything and makes the plan, unless `refuse` has something against the files as they were found.
pub(super) async fn prepare(
    context: &Context,
    args: &PlanArgs,
    refuse: impl FnOnce(&Workspace) -> Result<(), Error>,
) -> Result<Prepared, Error> {
    prepare_after(context, args, refuse, async |_, _| Ok(())).await
}

/// The same, reading no realm before `wait` is over.
pub(super) async fn prepare_after(
    context: &Context,
    args: &PlanArgs,
    refuse: impl FnOnce(&Workspace) -> Result<(), Error>,
    wait: impl AsyncFnOnce(&Workspace, &Servers) -> Result<(), Error>,
) -> Result<Prepared, Error> {
    let (mut workspace, connected) = load_and_connect(context, &args.files, &args.connect, args.shard).await?;
    refuse(&workspace)?;
    workspace.print_warnings(context);
    let (secrets, made_up) = resolve(context, &workspace).await?;
    let mut located = connected?;
    located.check_room()?;
    located.servers.hide(secrets.values());
    wait(&workspace, &located.servers).await?;
    let begun = Instant::now();
    let live = read(context, &mut located, &mut workspace, args.files.realm.is_empty()).await?;
    unreadable::fetch(context, args.fetch, &workspace.folder, &workspace.tree.source, records(&live)).await;
    let gathered = Gathered { workspace, located, live, secrets, made_up, begun };
    gathered
        .plan(context, args, |Gathered { workspace, live, secrets, .. }| {
            let applied = applied_desires(workspace, live.realms.values());
            let bases = bases(workspace, live, &applied);
            let diff = diff::diff(&workspace.loaded.desired, live, &bases, &Resolved(secrets));
            (diff, unreadable::realms(live, &applied, &bases))
        })
        .await
}

/// All that a plan is made from.
pub(super) struct Gathered {
    pub(super) workspace: Workspace,
    pub(super) located: Located,
    pub(super) live: Live,
    pub(super) secrets: Secrets,
    pub(super) made_up: Vec<SecretRef>,
    pub(super) begun: Instant,
}

impl Gathered {
    /// Checks what files and server say of each other, and makes the plan of their difference.
    pub(super) async fn plan(
        mut self,
        context: &Context,
        args: &PlanArgs,
        diff: impl FnOnce(&Self) -> (diff::Diff, BTreeMap<RealmName, Unreadable>),
    ) -> Result<Prepared, Error> {
        let Self { workspace, located: Located { servers, .. }, live, .. } = &self;
        for (name, realm) in &live.realms {
            for reason in &realm.left_out {
                context.output.message(&format!("warning: {name} is planned without its {reason}"));
            }
        }
        features::check_read(servers, &workspace.loaded.desired, live).await?;
        check_references(servers, workspace, live).await?;
        check_users(workspace, live)?;
        check_settings(context, servers, workspace).await?;
        secrets::rotate(&args.rotate, &self.workspace.loaded.desired, &mut self.secrets)?;
        let (diff, unreadable) = diff(&self);
        let Self { workspace, located, live, mut secrets, made_up, begun } = self;
        let Located { servers, survey, credential, .. } = located;
        features::check_plan(&servers, &workspace.loaded.desired, &live, &diff).await?;
        check_secrets(&diff)?;
        check_outputs(&workspace, &diff)?;
        let changes = diff.realms.values().flat_map(|realm| &realm.changes);
        changes.for_each(|change| secrets::generate(change, &mut secrets));
        // The others are hidden already.
        let generated = secrets.iter().filter(|(reference, _)| matches!(reference, SecretRef::Generate { .. }));
        servers.hide(generated.map(|(_, value)| value));
        let plan = plan::plan(diff, &policy(args, &workspace, &live, credential));
        let redactor = Redactor::new(secrets.values());
        Ok(Prepared { workspace, servers, survey, plan, unreadable, live, secrets, made_up, redactor, begun })
    }
}

/// Reads the files while the server checks the credential: both take about as long. What is wrong with the files comes
/// first, and without waiting for a server.
pub(super) async fn load_and_connect(
    context: &Context,
    files: &workspace::FileArgs,
    args: &connect::ConnectArgs,
    shard: Option<Shard>,
) -> Result<(Workspace, Result<Located, Error>), Error> {
    let found = Found::new(context, files)?;
    let (mut workspace, signed_in) = if let Some(project) = found.project() {
        let folder = found.folder.clone();
        beside(|| found.load(), sign_in(context, args, &folder, Some(&project))).await?
    } else {
        let workspace = found.load()?;
        let signed_in = sign_in(context, args, &workspace.folder, Some(&workspace.loaded.project)).await;
        (workspace, signed_in)
    };
    let located = match signed_in {
        Ok(signed_in) => signed_in.locate(context, args, shard, &mut workspace).await,
        Err(error) => Err(error),
    };
    Ok((workspace, located))
}

/// Does a piece of work while the server checks the credential. A failure of the work comes first, and at once.
pub(super) async fn beside<T: Send + 'static, C>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    connecting: impl Future<Output = Result<C, Error>>,
) -> Result<(T, Result<C, Error>), Error> {
    let (done, doing) = tokio::sync::oneshot::channel();
    // A thread that ends when it is done, unlike the runtime's own: what it freed is used again.
    std::thread::spawn(move || drop(done.send(work())));
    let doing = async { doing.await.map_err(|_| Error::Other("the files could not be loaded".into()))? };
    let (mut doing, mut connecting) = (std::pin::pin!(doing), std::pin::pin!(connecting));
    tokio::select! {
        biased;
        done = &mut doing => Ok((done?, connecting.await)),
        connected = &mut connecting => Ok((doing.await?, connected)),
    }
}

impl Prepared {
    /// What the plan is about.
    pub(super) fn about(&self) -> About {
        about(&self.workspace, &self.servers)
    }

    /// Gives the memory back with the process instead of taking the models apart value by value, which takes as long as
    /// the diff. Secrets are wiped all the same.
    pub(super) fn leave(self) {
        let Self {
            workspace,
            plan,
            live,
            servers: _,
            survey: _,
            unreadable: _,
            secrets: _,
            made_up: _,
            redactor: _,
            begun: _,
        } = self;
        std::mem::forget((workspace, plan, live));
    }
}

/// What a result about a project on a server is about.
pub(super) fn about(workspace: &Workspace, servers: &Servers) -> About {
    About {
        project: workspace.loaded.project.name.clone(),
        environment: workspace.environment().map(str::to_owned),
        server: servers.only().map(Http::base_url),
    }
}

/// The secrets of all declared objects; those that are missing are reported together.
pub(super) async fn resolve(context: &Context, workspace: &Workspace) -> Result<(Secrets, Vec<SecretRef>), Error> {
    let Loaded { project, desired, .. } = &workspace.loaded;
    Uses::of(desired).resolve(context, &workspace.folder, &project.secrets).await
}

/// Reads every declared realm, and where all of the project is looked at also those that it left behind: on several servers
/// at once, realm after realm. One of a fleet that fails is left out, and told.
async fn read(context: &Context, located: &mut Located, workspace: &mut Workspace, whole: bool) -> Result<Live, Error> {
    let (found, of) = (&*located, &*workspace);
    let of_server = located.servers.iter().map(|(server, http)| read_server(found, server, http, of, whole));
    let lives = futures_util::future::join_all(of_server).await;
    let names: Vec<String> = located.servers.iter().map(|(server, _)| server.to_owned()).collect();
    let mut live = Live::default();
    for (server, read) in names.iter().zip(lives) {
        match read {
            Ok(read) => live.realms.extend(read.realms),
            Err(error) => located.lose(context, workspace, server, error)?,
        }
    }
    Ok(live)
}

async fn read_server(
    located: &Located,
    server: &str,
    http: &Http,
    workspace: &Workspace,
    whole: bool,
) -> Result<Live, Error> {
    let project = &workspace.loaded.project.name;
    let mut live = Live::default();
    let mut declared =
        workspace.loaded.desired.realms.iter().filter(|(name, _)| located.servers.is_on(name, server)).peekable();
    let has_any = declared.peek().is_some();
    for (name, desired) in declared {
        let realm = read_realm(http, project, name, Interest::of(desired)).await?;
        live.realms.extend(realm.map(|realm| (name.clone(), realm)));
    }
    if live.realms.is_empty() && has_any {
        http.require_supported_for_new_realms().await?;
    }
    if whole {
        let is_meant = |realm: &RealmName| located.may_be_left_on(server, realm);
        let left = crate::keycloak::read_abandoned(http, project, workspace.environment(), is_meant).await?;
        live.realms.extend(left);
    }
    Ok(live)
}

pub(super) fn renamed_from(realm: &DesiredRealm) -> Option<RealmName> {
    realm.objects.iter().find(|(address, _)| address.parent().is_none())?.1.lifecycle.renamed_from.clone()
}

/// Names that neither the files nor the server know are errors, all of them at once.
async fn check_references(servers: &Servers, workspace: &Workspace, live: &Live) -> Result<(), Error> {
    let mut problems = Vec::new();
    for reference in &workspace.loaded.references {
        let http = servers.of(&reference.realm);
        if let Reference::Provider(spi) = reference.kind {
            // A server that does not tell is asked when the plan is carried out.
            let Some(installed) = crate::keycloak::providers(http).await? else { continue };
            let ids =
                spi.types().iter().filter_map(|it| installed.get(*it)).flat_map(BTreeMap::keys).map(String::as_str);
            if !ids.clone().any(|id| id == reference.name) {
                problems.push(desired::unknown_reference(reference, ids));
            }
            continue;
        }
        if is_known(reference, live.realms.get(&reference.realm)) {
            continue;
        }
        let mut candidates = desired::declared_names(&workspace.loaded.desired, &reference.realm, reference.kind);
        if let Some(realm) = live.realms.get(&reference.realm) {
            let name = realm.renamed_from.as_ref().unwrap_or(&reference.realm);
            candidates.extend(crate::keycloak::names_of(http, name, reference.kind).await?);
        } else {
            candidates.extend(builtin_names(&reference.realm, reference.kind));
        }
        problems.push(desired::unknown_reference(reference, candidates.iter().map(String::as_str)));
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Files(desired::Problems(problems))) }
}

/// Outputs of what a plan deletes are errors, all of them at once: they would be of nothing then.
fn check_outputs(workspace: &Workspace, diff: &diff::Diff) -> Result<(), Error> {
    let mut problems = Vec::new();
    for (realm, outputs) in &workspace.loaded.outputs {
        let Some(diff) = diff.realms.get(realm) else { continue };
        for Output { name, of, origin, .. } in outputs {
            if diff.find(of).is_some_and(|index| diff.changes[index].is_deletion()) {
                problems.push(format!(
                    "{origin}: the output {name} is of {of}, which is deleted; take the output out of the project file, too"
                ));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Other(problems.join("\n"))) }
}

/// What the files give providers that only the server knows.
async fn check_settings(context: &Context, servers: &Servers, workspace: &Workspace) -> Result<(), Error> {
    let mut problems = Vec::new();
    for setting in &workspace.loaded.settings {
        if let Some(providers) = crate::keycloak::providers(servers.of(setting.address.realm_name())).await? {
            problems.extend(setting.problem(providers));
        }
    }
    if problems.iter().any(desired::Problem::is_error) {
        return Err(Error::Files(desired::Problems(problems)));
    }
    if !problems.is_empty() {
        context.output.message(&desired::render(&problems, context.output.message_color(), 100));
    }
    Ok(())
}

/// A realm that does not exist yet will have what every realm has.
pub(super) fn is_known(reference: &Ref, realm: Option<&LiveRealm>) -> bool {
    match realm {
        Some(realm) => {
            realm.known.contains(&(reference.kind, reference.name.clone()))
                || reference.targets.iter().any(|target| realm.objects.contains_key(target))
        }
        None if reference.kind == Reference::ClientProfile && is_global_profile(&reference.name) => true,
        None => reference.targets.iter().any(is_builtin),
    }
}

/// Users that a directory brings are errors, all of them at once: it has the say, and nothing is written.
fn check_users(workspace: &Workspace, live: &Live) -> Result<(), Error> {
    let federation = FieldPath::new(["federationLink"]);
    let mut problems = Vec::new();
    for (name, realm) in &live.realms {
        let users = realm.objects.iter().filter(|(_, object)| *object.kind == kinds::USER);
        for (address, provider) in users.filter_map(|(address, user)| Some((address, user.fields.get(&federation)?))) {
            let declared = workspace.loaded.desired.realms.get(name).and_then(|realm| realm.objects.get(address));
            if let (Some(object), LiveValue::Json(provider)) = (declared, provider) {
                problems.push(format!(
                    "{}: {address} comes from the user federation provider {provider}, which keeps it; \
                     take the user out of the files",
                    object.origin
                ));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Other(problems.join("\n"))) }
}

/// What the files said at the commits that were applied last; none where they have not changed since.
pub(super) fn applied_desires<'a>(workspace: &Workspace, realms: impl Iterator<Item = &'a LiveRealm>) -> Applied {
    let today = clean_commit(workspace);
    let commits: BTreeSet<&str> = realms.filter_map(applied_commit).collect();
    let others = commits.into_iter().filter(|commit| today != Some(*commit));
    others.map(|commit| (commit.to_owned(), unreadable::at(workspace, commit))).collect()
}

/// What the files said of each realm when it was applied last: it tells an edit from drift. A realm without one is
/// planned all the same, and not explained.
pub(super) fn bases<'a>(
    workspace: &'a Workspace,
    live: &Live,
    applied: &'a Applied,
) -> BTreeMap<RealmName, &'a DesiredRealm> {
    let base = |(name, realm): (&RealmName, &LiveRealm)| {
        let commit = applied_commit(realm)?;
        let is_today = clean_commit(workspace) == Some(commit);
        let desired = if is_today { &workspace.loaded.desired } else { applied.get(commit)?.as_ref().ok()? };
        // A realm that is to be renamed was applied by the name that it still has.
        let former = realm.renamed_from.as_ref().unwrap_or(name);
        Some((name.clone(), desired.realms.get(former)?))
    };
    live.realms.iter().filter_map(base).collect()
}

/// What was applied last to each realm.
pub(super) fn records(live: &Live) -> impl Iterator<Item = &Record> {
    live.realms.values().filter_map(|realm| realm.record.as_ref())
}

/// The commit whose files a realm was made from; none where they were not those of a commit.
pub(super) fn applied_commit(realm: &LiveRealm) -> Option<&str> {
    realm.record.as_ref()?.applied_commit()
}

/// The commit that the files of this run are those of.
fn clean_commit(workspace: &Workspace) -> Option<&str> {
    let source = &workspace.tree.source;
    source.commit().filter(|_| !source.is_dirty()).map(|commit| commit.id.as_str())
}

/// Secrets that files and server do not agree on, all at once.
pub(super) fn check_secrets(diff: &diff::Diff) -> Result<(), Error> {
    let problems: Vec<String> =
        diff.realms.values().flat_map(|realm| &realm.secrets).map(ToString::to_string).collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::Other(problems.join("\n"))) }
}

pub(super) fn policy(args: &PlanArgs, workspace: &Workspace, live: &Live, credential: Vec<Address>) -> Policy {
    let project = &workspace.loaded.project.policy;
    Policy {
        protected_realms: project.protected_realms.iter().cloned().collect(),
        max_delete_percent: project.delete_limit.percent.into(),
        max_deletes: project.delete_limit.objects,
        max_deletes_of: project.delete_limit.kinds.clone(),
        prevent_destroy: project.prevent_destroy.clone(),
        break_glass: break_glass(&project.break_glass, live),
        limit_deletes: !args.allow_many_deletes,
        allow_destroy: args.allow_destroy.iter().cloned().collect(),
        credential,
        owners: Owners::of(live),
        environments: environments(workspace, live).filter(|_| !args.allow_environment_change),
        ..Policy::default()
    }
}

/// The environment of a plan, and of what was applied last where that is another.
fn environments(workspace: &Workspace, live: &Live) -> Option<(String, BTreeMap<RealmName, String>)> {
    let environment = workspace.environment()?;
    let other = |(name, realm): (&RealmName, &LiveRealm)| {
        let record = realm.record.as_ref().filter(|record| !record.is_of(Some(environment)))?;
        Some((name.clone(), record.environment.clone()?))
    };
    Some((environment.to_owned(), live.realms.iter().filter_map(other).collect()))
}

/// The accounts for emergencies, each with the roles and groups that it has as far as the server was asked for them, and
/// what these are inside of.
pub(super) fn break_glass(accounts: &[Address], live: &Live) -> BTreeMap<Address, BTreeSet<Address>> {
    let mut known = BTreeMap::new();
    for account in accounts {
        let object = live.realms.get(account.realm_name()).and_then(|realm| realm.objects.get(account));
        let mut has: BTreeSet<Address> = BTreeSet::new();
        for (path, value) in object.into_iter().flat_map(|object| &object.fields) {
            let (LiveValue::Json(value), Some(names)) = (value, kinds::USER.names(path)) else { continue };
            for named in texts(value).flat_map(|text| names.addresses(account, text)) {
                let inside = std::iter::successors(Some(named), Address::container);
                has.extend(inside.filter(|address| address.parent().is_some()));
            }
        }
        known.insert(account.clone(), has);
    }
    known
}

/// The client and the user that realmform signs in with, in case they are in a managed realm: no plan may delete them.
pub(super) fn credential(connection: &Connection) -> Vec<Address> {
    let realm = Address::realm(connection.realm.clone());
    let client = |id: &str| realm.child(&kinds::CLIENT, id);
    match &connection.credentials {
        Credentials::Client { id, .. } => vec![client(id)],
        Credentials::Password { client_id, user, .. } => {
            vec![client(client_id), realm.child(&kinds::USER, user.to_lowercase())]
        }
        Credentials::Token(_) => Vec::new(),
    }
}

/// Compares secrets by the values that this run resolved.
pub(super) struct Resolved<'a>(pub(super) &'a Secrets);

impl diff::Secrets for Resolved<'_> {
    fn is_kept(&self, reference: &SecretRef) -> bool {
        matches!(reference, SecretRef::Generate { .. }) && !self.0.contains_key(reference)
    }

    fn same(&self, reference: &SecretRef, live: &SecretString) -> bool {
        self.0.get(reference).is_some_and(|value| value.expose_secret() == live.expose_secret())
    }

    fn matches(&self, reference: &SecretRef, fingerprint: &str) -> bool {
        let print = serde_json::from_value::<Fingerprint>(fingerprint.into());
        self.0.get(reference).zip(print.ok()).is_some_and(|(value, print)| print.matches(value))
    }
}

/// The realm with only these objects, and those that they hang below without their fields. Without its rules, by which
/// whole collections would be listed.
pub(super) fn part(desired: &DesiredRealm, addresses: &BTreeSet<&Address>) -> DesiredRealm {
    let mut part = DesiredRealm::default();
    for address in addresses {
        let above = std::iter::successors(Some((*address).clone()), Address::parent);
        for it in above {
            let Some(object) = desired.objects.get(&it) else { continue };
            let mut object = object.clone();
            if !addresses.contains(&it) {
                object.fields = Arc::default();
            }
            part.objects.insert(it, object);
        }
    }
    part
}
