//! `plan --changed`: only what changed since it was applied, in the files and, where admin events tell, on the server.
//!
//! What was applied last is known: the record names every managed object, and git has what their files said. So an object
//! can only be out of step where its declaration changed, where a run did not finish, or where somebody changed it on the
//! server. A realm of which that cannot be told for sure is planned in full.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::prepare::{self, Gathered, PlanArgs, Prepared, Resolved, applied_desires, bases, beside, part, resolve};
use super::servers::{SignedIn, sign_in};
use super::unreadable::{self, FetchArgs};
use super::workspace::{Found, Workspace, check_known};
use super::{Context, Error};
use crate::desired::{
    self, BLUEPRINTS, Excerpt, Loaded, Options, PROJECT_FILE, Project, excerpt, realm_folder, uses_blueprints,
};
use crate::diff::Unreadable;
use crate::diff::{self, Diff, Scope, touched, with_parents};
use crate::git::{Tree, changed_since};
use crate::keycloak::{Http, Interest, Moves, OpenRealm, read_realm};
use crate::model::{
    Address, DesiredObject, DesiredRealm, ENVIRONMENTS, Live, LiveRealm, PruneRules, RealmName, Record,
};

/// Reads what changed, and makes the plan of it.
pub(super) async fn prepare(context: &Context, args: &PlanArgs) -> Result<Prepared, Error> {
    let in_full = || prepare::prepare(context, args, |_| Ok(()));
    let found = Found::new(context, &args.files)?;
    let Some((files, connected)) = read_and_connect(context, args, found).await? else { return in_full().await };
    if desired::has_tenants(files.tree.files.keys()) {
        context.output.message("note: everything is planned in full: tenants share realms with others");
        return in_full().await;
    }
    let Some(located) = connected?.only() else {
        context.output.message("note: everything is planned in full: the realms are spread over a fleet");
        return in_full().await;
    };
    let http = located.servers.of("").clone();
    let begun = Instant::now();
    let mut realms = BTreeMap::new();
    for (folder, name) in files.realms(args)? {
        let open = OpenRealm::find(&http, &files.project.name, name).await?;
        let whole = |reason: String| {
            context.output.message(&format!("note: {name} is planned in full: {reason}"));
            Look::Whole
        };
        let look = match open {
            None => whole("there is no such realm yet".to_owned()),
            Some(open) => match files.narrowed(context, args.fetch, &http, folder, name, &open).await? {
                Ok(part) => Look::Part(Box::new(open), Box::new(part)),
                Err(Reason::Project(reason)) => {
                    context.output.message(&format!("note: everything is planned in full: {reason}"));
                    return in_full().await;
                }
                Err(Reason::Realm(reason)) => whole(reason),
            },
        };
        realms.insert(name.clone(), (folder.clone(), look));
    }
    if realms.values().all(|(_, look)| matches!(look, Look::Whole)) {
        return in_full().await;
    }
    let mut workspace = files.workspace(&realms)?;
    let mut parts = BTreeMap::new();
    let mut live = Live::default();
    for (name, (_, look)) in realms {
        let realm = match look {
            Look::Whole => {
                let wanted = workspace.loaded.desired.realms.get(&name).cloned().unwrap_or_default();
                read_realm(&http, &workspace.loaded.project.name, &name, Interest::of(&wanted)).await?
            }
            Look::Part(open, part) => {
                part.narrow(&name, &mut workspace.loaded)?;
                let realm = part.read(&http, *open, &workspace.loaded.desired.realms[&name]).await?;
                parts.insert(name.clone(), *part);
                Some(realm)
            }
        };
        live.realms.extend(realm.map(|realm| (name, realm)));
    }
    workspace.print_warnings(context);
    let (secrets, made_up) = resolve(context, &workspace).await?;
    http.hide(secrets.values());
    let gathered = Gathered { workspace, located, live, secrets, made_up, begun };
    let mut prepared = gathered.plan(context, args, |gathered| difference(gathered, &parts)).await?;
    // What is beyond the part is what the record said.
    for (name, part) in parts {
        if let Some(realm) = prepared.live.realms.get_mut(&name) {
            realm.record = Some(part.record);
        }
    }
    Ok(prepared)
}

/// The project's files, read and hardly understood yet.
struct Files {
    found: Found,
    tree: Tree,
    project: Project,
    /// By folder.
    realms: BTreeMap<String, RealmName>,
}

/// What of a realm is looked at.
enum Look {
    /// All that is declared or recorded.
    Whole,
    /// What changed.
    Part(Box<OpenRealm>, Box<Part>),
}

/// Why what changed is not enough.
enum Reason {
    /// In one realm.
    Realm(String),
    /// In all of them.
    Project(String),
}

/// The part of a realm that changed.
struct Part {
    /// The files to read.
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// What the files said when they were applied, as far as they are read.
    then: DesiredRealm,
    /// The objects, with what they hang below.
    objects: BTreeSet<Address>,
    /// All that was applied.
    record: Record,
    /// The commit of then.
    since: String,
    /// Why changes on the server are unknown.
    server: Option<&'static str>,
}

/// Reads the files while the server checks the credential; `None` where only loading all of them tells what is wrong.
async fn read_and_connect(
    context: &Context,
    args: &PlanArgs,
    found: Found,
) -> Result<Option<(Files, Result<SignedIn, Error>)>, Error> {
    let folder = found.folder.clone();
    let project_of = |found: &Found, tree: &Tree| {
        let file = tree.files.get(Path::new(PROJECT_FILE));
        file.map(|file| found.project_in(file)).transpose().map(Option::flatten)
    };
    let ((found, tree), connected) = if let Some(project) = found.project() {
        let read = move || found.read().map(|tree| (found, tree));
        beside(read, sign_in(context, &args.connect, &folder, Some(&project))).await?
    } else {
        let tree = found.read()?;
        let Some(project) = project_of(&found, &tree)? else { return Ok(None) };
        ((found, tree), sign_in(context, &args.connect, &folder, Some(&project)).await)
    };
    let Some(project) = project_of(&found, &tree)? else { return Ok(None) };
    let environment = project.environment_name();
    let Some(realms) = desired::realm_folders(&tree.files, environment) else { return Ok(None) };
    Ok(Some((Files { found, tree, project, realms }, connected)))
}

impl Files {
    /// The realms that are looked at, by their folders.
    fn realms(&self, args: &PlanArgs) -> Result<Vec<(&String, &RealmName)>, Error> {
        check_known(&args.files.realm, &self.realms.values().collect())?;
        let is_wanted = |name: &RealmName| {
            (args.files.realm.is_empty() || args.files.realm.contains(name))
                && args.shard.is_none_or(|shard| shard.has(name))
        };
        Ok(self.realms.iter().filter(|(_, name)| is_wanted(name)).collect())
    }

    /// The part of a realm that changed, or why that cannot be told.
    async fn narrowed(
        &self,
        context: &Context,
        fetch: FetchArgs,
        http: &Http,
        folder: &str,
        name: &RealmName,
        open: &OpenRealm,
    ) -> Result<Result<Part, Reason>, Error> {
        let realm = |reason: &str| Ok(Err(Reason::Realm(reason.to_owned())));
        let Some(record) = open.record() else { return realm("nothing was applied to it yet") };
        let Some(commit) = record.applied_commit() else {
            return realm("what was applied last is no commit");
        };
        if uses_blueprints(&self.tree.files, folder) {
            return realm("it uses blueprints");
        }
        let environment = self.project.environment_name();
        if record.environment.as_deref() != environment {
            return realm("it was applied in another environment");
        }
        let is_its_own =
            |path: &Path| path.starts_with(ENVIRONMENTS) && realm_folder(path, environment).as_deref() == Some(folder);
        if self.tree.files.keys().any(|path| is_its_own(path)) {
            return realm("its environment says something otherwise");
        }
        if record.tool != env!("CARGO_PKG_VERSION") {
            return realm("another version of realmform applied it last");
        }
        unreadable::fetch(context, fetch, &self.found.folder, &self.tree.source, std::iter::once(record)).await;
        let changed = match changed_since(&self.found.folder, &self.tree, commit) {
            Ok(changed) => changed,
            Err(error) => return realm(&format!("commit {commit} was applied last, and {error}")),
        };
        if changed.contains_key(Path::new(PROJECT_FILE)) {
            return Ok(Err(Reason::Project(format!("{PROJECT_FILE} changed"))));
        }
        if let Some(left) =
            changed.keys().filter_map(|path| realm_folder(path, environment)).find(|top| !self.realms.contains_key(top))
        {
            return Ok(Err(Reason::Project(format!("the files of {left} are gone"))));
        }
        if changed.keys().any(|path| is_its_own(path)) {
            return realm("its environment said something otherwise");
        }
        let (mut objects, server, made) = match open.moves(http).await? {
            Moves::Known { objects, made } => (objects, None, made),
            Moves::Unknown(reason) => (BTreeSet::new(), Some(reason), false),
            Moves::Unclear(reason) => return realm(&reason),
        };
        objects.extend(record.unfinished.iter().cloned());
        let files = excerpt(Excerpt { files: &self.tree.files, folder, changed: &changed, objects: &objects });
        let options = Options { partial: true, environment, ..self.found.options() };
        let load = |files: &_| desired::load(files, &options).map(|loaded| loaded.desired.realms);
        let now = load(&files).map_err(Error::Files)?;
        let before = before(&files, folder, &changed);
        let (Some(now), Some(then)) = (now.get(name), load(&before).ok().and_then(|mut it| it.remove(name))) else {
            return realm("what was applied last cannot be understood any more");
        };
        if made && now.prune.sweeps() {
            return realm("something was made on the server, where `prune = \"all\"` sweeps");
        }
        match touched(&then, now) {
            Ok(touched) => objects.extend(touched),
            Err(reason) => return realm(reason),
        }
        if objects.iter().any(|address| !now.objects.contains_key(address)) {
            return realm("a run did not finish");
        }
        let (record, since) = (record.clone(), commit.to_owned());
        Ok(Ok(Part { files, then, objects: with_parents(objects), record, since, server }))
    }

    /// The project with the files that matter.
    fn workspace(self, realms: &BTreeMap<RealmName, (String, Look)>) -> Result<Workspace, Error> {
        let Self { found, tree, project, .. } = self;
        let environment = project.environment_name();
        let mut files = BTreeMap::new();
        for (folder, look) in realms.values() {
            match look {
                Look::Part(_, part) => files.extend(part.files.iter().map(|(path, text)| (path.clone(), text.clone()))),
                Look::Whole => {
                    let is_its_own = |path: &Path| realm_folder(path, environment).as_deref() == Some(folder);
                    let is_of_it = |path: &Path| is_its_own(path) || path.starts_with(BLUEPRINTS);
                    let whole = tree.files.iter().filter(|(path, _)| is_of_it(path));
                    files.extend(whole.map(|(path, text)| (path.clone(), text.clone())));
                }
            }
        }
        let project = tree.files.get_key_value(Path::new(PROJECT_FILE));
        files.extend(project.map(|(path, text)| (path.clone(), text.clone())));
        let options = Options { partial: true, environment, ..found.options() };
        let loaded = desired::load(&files, &options).map_err(Error::Files)?;
        Ok(Workspace { folder: found.folder, tree, loaded })
    }
}

/// The files as they were.
fn before(
    files: &BTreeMap<PathBuf, Vec<u8>>,
    folder: &str,
    changed: &BTreeMap<PathBuf, Option<Vec<u8>>>,
) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut before = files.clone();
    for (path, content) in changed.iter().filter(|(path, _)| path.starts_with(folder)) {
        match content {
            Some(content) => drop(before.insert(path.clone(), content.clone())),
            None => drop(before.remove(path)),
        }
    }
    before
}

impl Part {
    /// Leaves everything else out of what the files want.
    fn narrow(&self, name: &RealmName, loaded: &mut Loaded) -> Result<(), Error> {
        self.hand_over_all(name, loaded)?;
        if let Some(realm) = loaded.desired.realms.get_mut(name) {
            let mut narrow = part(realm, &self.objects.iter().collect());
            // The realm is always there; what it says itself only counts where that changed.
            let top = Address::realm(name.clone());
            if let (Some(object), false) = (realm.objects.remove(&top), narrow.objects.contains_key(&top)) {
                narrow.objects.insert(top, DesiredObject { fields: Arc::default(), ..object });
            }
            narrow.prune = std::mem::take(&mut realm.prune);
            narrow.outputs = realm.outputs.take();
            *realm = narrow;
        }
        let is_elsewhere = |realm: &str| realm != name;
        loaded.references.retain_mut(|reference| {
            if is_elsewhere(&reference.realm) {
                return true;
            }
            reference.uses.retain(|user| self.objects.contains(&user.address));
            let is_recorded = reference.targets.iter().any(|target| self.record.objects.contains_key(target));
            !is_recorded && !reference.uses.is_empty()
        });
        loaded.settings.retain(|it| is_elsewhere(it.address.realm_name()) || self.objects.contains(&it.address));
        Ok(())
    }

    /// Outputs may be of clients that are in none of the files that were read: the record knows them.
    fn hand_over_all(&self, name: &RealmName, loaded: &mut Loaded) -> Result<(), Error> {
        let Some(realm) = loaded.desired.realms.get_mut(name).filter(|realm| realm.outputs.is_some()) else {
            return Ok(());
        };
        let declared: BTreeSet<&Address> = self.record.objects.keys().chain(realm.objects.keys()).collect();
        let fault = |faults: Vec<desired::OutputFault>| {
            let faults: Vec<String> = faults.iter().map(|(origin, words)| format!("{origin}: {words}")).collect();
            Error::Other(faults.join("\n"))
        };
        let outputs = desired::outputs(&loaded.project.outputs, name, declared.into_iter()).map_err(fault)?;
        realm.outputs = Some(desired::destinations(&outputs).map_err(fault)?);
        loaded.outputs.insert(name.clone(), outputs);
        Ok(())
    }

    /// Reads what the server has of it.
    async fn read(&self, http: &Http, open: OpenRealm, wanted: &DesiredRealm) -> Result<LiveRealm, Error> {
        let recorded = self.recorded();
        // By its rules, whole collections would be listed.
        let wanted = DesiredRealm { prune: PruneRules::default(), ..wanted.clone() };
        let mut interest = Interest::of(&wanted).trusting(&self.record);
        interest.add_record(&recorded);
        let live = open.read(http, &interest).await?;
        Ok(LiveRealm { record: Some(recorded), ..live })
    }

    /// What was applied to it.
    fn recorded(&self) -> Record {
        self.record.only(|address| self.objects.contains(address))
    }

    fn scope(&self) -> Scope {
        let new = self.objects.iter().filter(|it| !self.record.objects.contains_key(it)).count();
        Scope {
            since: self.since.clone(),
            looked_at: self.objects.len(),
            managed: self.record.objects.len() + new,
            server: self.server.map(str::to_owned),
        }
    }
}

/// The difference of the parts, as one of their realms, and of which realms nobody can tell what was applied last.
fn difference(gathered: &Gathered, parts: &BTreeMap<RealmName, Part>) -> (Diff, BTreeMap<RealmName, Unreadable>) {
    let Gathered { workspace, live, secrets, .. } = gathered;
    let in_full = live.realms.iter().filter(|(name, _)| !parts.contains_key(*name));
    let applied = applied_desires(workspace, in_full.map(|(_, realm)| realm));
    let mut bases = bases(workspace, live, &applied);
    bases.extend(parts.iter().map(|(name, part)| (name.clone(), &part.then)));
    let Diff { realms } = diff::diff(&workspace.loaded.desired, live, &bases, &Resolved(secrets));
    let widened = realms.into_iter().map(|(name, diff)| match parts.get(&name) {
        Some(part) => (name, diff.with_rest(&part.record, &part.objects, part.scope())),
        None => (name, diff),
    });
    (Diff { realms: widened.collect() }, unreadable::realms(live, &applied, &bases))
}
