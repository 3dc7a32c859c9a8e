//! Which file holds what: realm folders, whole-realm files, and files whose path is an address.
//!
//! - `addresses`: what such a path says.

mod addresses;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(super) use self::addresses::Addresses;
use super::Options;
use super::blueprints::{TENANT, USE};
use super::parse::{Parsed, entry};
use super::problem::Problem;
use super::source::{Place, Source};
use super::suggest::closest;
use super::tenants::Tenant;
use crate::model::{Address, ENVIRONMENTS, Kind, RealmName, kinds};

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "realmform.toml";

/// The file, beside the project's, that says at which commits the blueprints of other repositories are.
pub const LOCK_FILE: &str = "realmform.lock.toml";

/// Folders beside the project file that are no realms.
const RESERVED: &[&str] = &[BLUEPRINTS, ENVIRONMENTS];

/// The folder of a tenant's own tenants.
const TENANTS: &str = "tenants";

/// The folder of the project's blueprints.
pub const BLUEPRINTS: &str = "blueprints";

/// The files of a project, sorted out.
pub(super) struct Layout<'a> {
    pub(super) project: Option<Parsed>,
    pub(super) realms: Vec<RealmFolder<'a>>,
    /// The files of blueprints, by the blueprints' names, each in the order in which its files are read.
    pub(super) blueprints: BTreeMap<String, Vec<(PathBuf, Parsed)>>,
    /// The environments that have files.
    pub(super) environments: BTreeSet<String>,
}

/// The files of a realm, or of a tenant that has none of its own.
pub(super) struct RealmFolder<'a> {
    pub(super) name: RealmName,
    pub(super) tenant: Tenant,
    /// Those that are of the whole realm: one of them may have its name. Those of an environment come last.
    whole: Vec<Parsed>,
    /// Those whose path is an address.
    others: Others<'a>,
}

/// Files whose path is an address, by what the path says, so that a file comes before those below it, and by whether they
/// are an environment's. Each with its path in the realm's folder, its path and its content.
type Others<'a> = BTreeMap<(PathBuf, bool), (PathBuf, &'a Path, &'a [u8])>;

pub(super) struct RealmFile {
    pub(super) parsed: Parsed,
    /// The realm, or the object that the path names.
    pub(super) address: Address,
}

/// Sorts the files out. What cannot be read or placed is left out and reported.
pub(super) fn lay_out<'a>(
    files: &'a BTreeMap<PathBuf, Vec<u8>>,
    options: &Options<'_>,
    problems: &mut Vec<Problem>,
) -> Layout<'a> {
    let known = options.realm_folders.iter().filter_map(|path| top_folder(path));
    let mut folders: BTreeMap<String, Folder<'_>> = known.map(|folder| (folder, Folder::default())).collect();
    let mut environments = BTreeSet::new();
    let mut project = None;
    let mut blueprints: BTreeMap<String, Vec<(PathBuf, Parsed)>> = BTreeMap::new();
    for (path, bytes) in files {
        let role = role(path);
        if let Role::Realm { environment: Some(environment), .. } = &role {
            environments.insert(environment.clone());
            if options.environment != Some(environment) {
                continue;
            }
        }
        if let Role::Realm { folder, environment, .. } = &role {
            let folder = folders.entry(folder.clone()).or_default();
            folder.has_toml |= is_toml(path);
            folder.is_of_all_environments |= environment.is_none();
        }
        if matches!(role, Role::Ignored) || !is_toml(path) {
            continue;
        }
        if let Role::Realm { folder, environment, within } = &role
            && !is_whole(within)
        {
            let others = &mut folders.entry(folder.clone()).or_default().others;
            others.insert((within.with_extension(""), environment.is_some()), (within.clone(), path, bytes));
            continue;
        }
        match (Parsed::new(path, bytes), role) {
            (Ok(parsed), Role::Project) => project = Some(parsed),
            (Ok(parsed), Role::Realm { folder, environment, .. }) => {
                let folder = folders.entry(folder).or_default();
                if environment.is_some() { folder.whole_of_environment.push(parsed) } else { folder.whole.push(parsed) }
            }
            (Ok(parsed), Role::Blueprint(name, within)) => blueprints.entry(name).or_default().push((within, parsed)),
            (Ok(parsed), _) => problems.push(stray(&parsed)),
            // What is not read as a realm need not be TOML.
            (Err(_), Role::Stray) => {}
            (Err(problem), _) => problems.push(problem),
        }
    }
    problems.extend(folders.iter().filter(|(_, folder)| !folder.has_toml).map(|(name, _)| empty(name)));
    problems.extend(options.environment.iter().flat_map(|environment| misspelt(&folders, environment)));
    folders.retain(|_, folder| folder.has_toml);
    let realms = named(folders);
    for files in blueprints.values_mut() {
        files.sort_by_cached_key(|(path, _)| (path.components().count() > 1, path.with_extension("")));
    }
    Layout { project, realms: without_same_names(realms, problems), blueprints, environments }
}

/// The realms of a project in an environment by their folders; `None` where the files do not say one name for each.
pub fn realm_folders(
    files: &BTreeMap<PathBuf, Vec<u8>>,
    environment: Option<&str>,
) -> Option<BTreeMap<String, RealmName>> {
    let mut folders: BTreeMap<String, Option<RealmName>> = BTreeMap::new();
    let (base, overlay): (Vec<_>, Vec<_>) =
        files.iter().filter(|(path, _)| is_toml(path)).partition(|(path, _)| !path.starts_with(ENVIRONMENTS));
    for (path, bytes) in overlay.into_iter().chain(base) {
        let Some((folder, within)) = in_realm_folder(path, environment) else { continue };
        let name = folders.entry(folder).or_default();
        if is_whole(&within) && name.is_none() {
            *name = own_name(&Parsed::new(path, bytes).ok()?, &kinds::REALM);
        }
    }
    let realms: BTreeMap<String, RealmName> =
        folders.into_iter().map(|(folder, name)| (folder.clone(), name.unwrap_or(folder))).collect();
    let names: BTreeSet<&RealmName> = realms.values().collect();
    (names.len() == realms.len()).then_some(realms)
}

/// The realm folder that a file is of in an environment; `None` for the project file, and for what is of no realm.
pub fn realm_folder(path: &Path, environment: Option<&str>) -> Option<String> {
    in_realm_folder(path, environment).map(|(folder, _)| folder)
}

/// The folder, below the project's, of the realm or tenant that a file is of.
pub fn folder_of(path: &Path) -> Option<PathBuf> {
    let Role::Realm { within, .. } = role(path) else { return None };
    let depth = path.components().count() - within.components().count();
    Some(path.iter().take(depth).collect())
}

/// Whether these files have tenants inside of others.
pub fn has_tenants<'a>(mut paths: impl Iterator<Item = &'a PathBuf>) -> bool {
    paths.any(|path| matches!(role(path), Role::Realm { folder, .. } if folder.contains('/')))
}

/// The realm folder that a file is of in an environment, and the file's path in it.
fn in_realm_folder(path: &Path, environment: Option<&str>) -> Option<(String, PathBuf)> {
    match role(path) {
        Role::Realm { folder, environment: of, within } if of.is_none() || of.as_deref() == environment => {
            Some((folder, within))
        }
        _ => None,
    }
}

/// Whether the files of a realm's folder use blueprints.
pub fn uses_blueprints(files: &BTreeMap<PathBuf, Vec<u8>>, folder: &str) -> bool {
    let own =
        files.iter().filter(|(path, _)| is_toml(path) && path.starts_with(folder) && path.components().count() == 2);
    own.filter_map(|(path, bytes)| Parsed::new(path, bytes).ok()).any(|parsed| parsed.root.get(USE).is_some())
}

/// The natural key that the file of an object says itself, where it is another than its path does.
pub(super) fn name_inside(path: &Path, bytes: &[u8], kind: &Kind) -> Option<String> {
    own_name(&Parsed::new(path, bytes).ok()?, kind)
}

/// A folder beside the project file.
#[derive(Default)]
struct Folder<'a> {
    has_toml: bool,
    is_of_all_environments: bool,
    whole: Vec<Parsed>,
    whole_of_environment: Vec<Parsed>,
    others: Others<'a>,
}

/// The folders with the names of what they are about: realms, and tenants that land in the realm of the nearest one above that
/// has one.
fn named(folders: BTreeMap<String, Folder<'_>>) -> Vec<RealmFolder<'_>> {
    let mut realms: BTreeMap<String, RealmName> = BTreeMap::new();
    let mut tenants: BTreeMap<String, String> = BTreeMap::new();
    let mut named = Vec::new();
    // A folder comes after those that it is in.
    for (path, folder) in folders {
        let Folder { has_toml: _, is_of_all_environments: _, mut whole, whole_of_environment, others } = folder;
        let mut by_weight = whole_of_environment.iter().chain(&whole);
        let own = by_weight.find_map(|parsed| own_name(parsed, &kinds::REALM));
        let own = own.or_else(|| (!path.contains('/')).then(|| path.clone()));
        let mut above = path.rmatch_indices('/').map(|(at, _)| &path[..at]);
        let realm = own.clone().or_else(|| above.find_map(|above| realms.get(above)).cloned());
        // The outermost folder is a realm, even where it has no file.
        let realm = realm.unwrap_or_else(|| path.split('/').next().unwrap_or_default().to_owned());
        let mut by_weight = whole_of_environment.iter().chain(&whole);
        let name = by_weight.find_map(|parsed| text_of(parsed, TENANT)).unwrap_or_else(|| tenant_name(&path, &tenants));
        tenants.insert(path.clone(), name.clone());
        let tenant = Tenant { name, lands_in: own.is_none().then(|| realm.clone()) };
        whole.extend(whole_of_environment);
        named.push(RealmFolder { name: own.unwrap_or_else(|| path.clone()), tenant, whole, others });
        if named.last().is_some_and(|folder| folder.tenant.lands_in.is_none()) {
            realms.insert(path, realm);
        }
    }
    named
}

/// What a tenant is called whose files do not say it: as its folder, below the nearest one above that has a name.
fn tenant_name(path: &str, tenants: &BTreeMap<String, String>) -> String {
    let mut above = path.rmatch_indices('/').map(|(at, _)| path.split_at(at));
    let named = above.find_map(|(above, within)| Some(format!("{}{within}", tenants.get(above)?)));
    named.as_deref().unwrap_or(path).replace('/', "-")
}

impl RealmFolder<'_> {
    /// Hands over file after file, each with what it is about. They are parsed one at a time, since a document takes far
    /// more memory than what it says.
    pub(super) fn read(self, mut read: impl FnMut(Result<RealmFile, Problem>)) {
        let Self { name, tenant: _, whole, others } = self;
        let realm = Address::realm(name);
        let mut addresses = Addresses::new(realm.clone());
        for parsed in whole {
            read(Ok(RealmFile { parsed, address: realm.clone() }));
        }
        for (within, path, bytes) in others.into_values() {
            read(Parsed::new(path, bytes).and_then(|parsed| addresses.file(&within, parsed)));
        }
    }
}

/// What a file is, by its path.
enum Role {
    Ignored,
    Project,
    Stray,
    /// Of the realm folder of that name, or of a tenant in it (`acme/prod`), in all environments or in one, by its path within
    /// that; perhaps no TOML.
    Realm {
        folder: String,
        environment: Option<String>,
        within: PathBuf,
    },
    /// Of the blueprint of that name, by its path within that.
    Blueprint(String, PathBuf),
}

fn role(path: &Path) -> Role {
    if let Some((name, within)) = of_blueprint(path) {
        return Role::Blueprint(name, within);
    }
    if let Some((environment, within)) = of_environment(path) {
        return match (top_folder(&within), within.components().count()) {
            (Some(_), 1) if is_toml(path) => Role::Stray,
            (None, _) | (Some(_), 1) => Role::Ignored,
            (Some(_), _) => of_realm(&within, Some(environment)),
        };
    }
    match (top_folder(path), path.components().count()) {
        (Some(name), 1) if name == PROJECT_FILE => Role::Project,
        (Some(name), 1) if name == LOCK_FILE => Role::Ignored,
        (Some(_), 1) if is_toml(path) => Role::Stray,
        (None, _) | (Some(_), 1) => Role::Ignored,
        (Some(_), _) => of_realm(path, None),
    }
}

/// A file of a realm's folder, or of a tenant's inside of it: `acme/prod` for `acme/tenants/prod/clients/shop.toml`.
fn of_realm(path: &Path, environment: Option<String>) -> Role {
    let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let mut folder = parts[0].clone();
    let mut at = 1;
    while parts.get(at).is_some_and(|part| part == TENANTS) && parts.len() > at + 2 {
        folder = format!("{folder}/{}", parts[at + 1]);
        at += 2;
    }
    Role::Realm { folder, environment, within: parts[at..].iter().collect() }
}

/// The environment that a file is of, and the path that it would have if it were of all of them.
fn of_environment(path: &Path) -> Option<(String, PathBuf)> {
    below(ENVIRONMENTS, path)
}

/// The blueprint that a file is of, and its path within that.
pub(super) fn of_blueprint(path: &Path) -> Option<(String, PathBuf)> {
    below(BLUEPRINTS, path)
}

/// The folder of a reserved folder that a file is in, and its path in that.
fn below(reserved: &str, path: &Path) -> Option<(String, PathBuf)> {
    let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    if parts.clone().any(|part| part.starts_with('.')) || parts.next()? != reserved {
        return None;
    }
    let name = parts.next()?.into_owned();
    let within: PathBuf = path.components().skip(2).collect();
    (within.components().next().is_some()).then_some((name, within))
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// The first part of a path; `None` where nothing is read: in reserved and hidden folders.
fn top_folder(path: &Path) -> Option<String> {
    let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    if parts.clone().any(|part| part.starts_with('.')) {
        return None;
    }
    parts.next().filter(|part| !RESERVED.contains(&&**part)).map(Into::into)
}

fn stray(parsed: &Parsed) -> Problem {
    let name = parsed.source.name();
    let problem = Problem::warning(format!("{name} is not read: it is in no realm's folder"));
    match closest(name, [PROJECT_FILE]) {
        Some(_) => problem.help(format!("did you mean `{PROJECT_FILE}`?")),
        None => problem.help("move it into the folder of the realm that it belongs to"),
    }
}

fn empty(folder: &str) -> Problem {
    Problem::error(format!("the realm folder {folder} has no realm file")).help(format!(
        "write {folder}/realm.toml (it may be empty: a realm with Keycloak's defaults), or remove the folder; each \
         folder beside {PROJECT_FILE} is a realm"
    ))
}

/// An environment's folder that makes a realm of its own, where another was probably meant.
fn misspelt(folders: &BTreeMap<String, Folder<'_>>, environment: &str) -> Vec<Problem> {
    let known: Vec<&str> =
        folders.iter().filter(|(_, it)| it.is_of_all_environments).map(|(name, _)| name.as_str()).collect();
    let own = folders.keys().filter(|name| !known.contains(&name.as_str()));
    let likely = own.filter_map(|name| Some((name, closest(name, known.iter().copied())?)));
    let problem = |(name, meant): (&String, &str)| {
        Problem::warning(format!("{ENVIRONMENTS}/{environment}/{name} makes a realm that only this environment has"))
            .help(format!("did you mean {ENVIRONMENTS}/{environment}/{meant}?"))
    };
    likely.map(problem).collect()
}

/// Whether a file is of the whole realm, by its path in the realm's folder.
fn is_whole(within: &Path) -> bool {
    within.components().count() == 1
}

/// The natural key that a file gives its object.
fn own_name(parsed: &Parsed, kind: &Kind) -> Option<String> {
    text_of(parsed, kind.key)
}

fn text_of(parsed: &Parsed, name: &str) -> Option<String> {
    entry(parsed.root(), name)?.node.as_text().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Two folders cannot be one realm: which file then names an object could not be told from its path. Only the first
/// is read.
fn without_same_names<'a>(realms: Vec<RealmFolder<'a>>, problems: &mut Vec<Problem>) -> Vec<RealmFolder<'a>> {
    let place = |realm: &RealmFolder<'_>| realm.whole.first().map(name_place);
    let mut kept: BTreeMap<RealmName, RealmFolder<'_>> = BTreeMap::new();
    for realm in realms {
        let Some(first) = kept.get(&realm.name) else {
            kept.insert(realm.name.clone(), realm);
            continue;
        };
        let mut problem = Problem::error(format!("two folders are the realm `{}`", realm.name))
            .help("put the files into one folder, or correct `realm = …`");
        // A folder without a file of the whole realm is called as the realm.
        problem = match (place(&realm), place(first)) {
            (Some(here), Some(there)) => problem.at(here, "one").and(there, "the other"),
            (Some(only), None) | (None, Some(only)) => problem.at(only, "one"),
            (None, None) => problem,
        };
        problems.push(problem);
    }
    kept.into_values().collect()
}

fn name_place(parsed: &Parsed) -> Place {
    let source: &std::sync::Arc<Source> = &parsed.source;
    entry(parsed.root(), kinds::REALM.key).map_or_else(|| Place::start(source), |it| Place::new(source, it.key))
}
