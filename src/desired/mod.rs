/*!
What the files of a project want: TOML with spans → blueprints → merge → checks → [`Desired`].

Two shapes of files are mixed freely: whole-realm files in a realm's folder, and files whose path is an address
(`acme/clients/shop.toml`). Nothing is merged as TOML: every file is walked along the kinds, and each leaf is put, in
canonical form and with its place, into the one Desired; a leaf that is there already is an error with both places, unless one
of them counts more: a realm's own files more than the blueprints that they use, an environment's more than those of all.

A tenant without a realm of its own is read as if it had one, and moves into that of the one above before anything is checked.

This room does no I/O: it gets the files as bytes and returns values, and all problems of a run at once. A name that
the files use but do not declare is handed on as a [`Ref`], since only the server can know it. Nothing later
re-checks what is in Desired.
*/

mod authorization;
mod blueprints;
mod builder;
mod checks;
mod components;
mod convert;
mod elsewhere;
mod environments;
mod excerpt;
mod executions;
mod hide;
mod json;
mod layout;
mod objects;
mod organizations;
mod outputs;
mod parse;
mod paths;
mod policy;
mod problem;
mod project;
mod providers;
mod references;
mod secret;
mod settings;
mod source;
mod sources;
mod suggest;
pub(crate) mod template;
mod tenants;
mod users;
mod workflows;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use blueprints::{
    BlueprintSource, GitSource, Lock, Locked, Parameter, PlacedSource, blueprints, sources as blueprint_sources,
};
use blueprints::{Blueprints, USE};
use builder::Builder;

use crate::model::{Address, Desired, RealmName};

pub use environments::Environment;
pub use excerpt::{Excerpt, excerpt};
pub use layout::{
    BLUEPRINTS, LOCK_FILE, PROJECT_FILE, folder_of, has_tenants, realm_folder, realm_folders, uses_blueprints,
};
pub use outputs::{
    Kubeconfig, Manifest, Output, OutputContent, OutputFault, OutputRule, Outputs, PASSWORD, Part, REGISTRATION_TOKEN,
    Subject, Templates, destinations, outputs,
};
pub use paths::PathRule;
pub use policy::{DeleteLimit, Policy};
pub use problem::{Problem, Problems, render};
pub use project::{Project, Server};
pub use providers::Setting;
pub use references::{Ref, Use, declared_names, unknown_reference};
pub use source::{Place, Source};
pub use sources::{Programs, SecretProgram, SecretSources, VaultAuth, VaultServer};

/// How files are loaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Unknown fields and values are errors; the project file may say so, too.
    pub strict: bool,
    /// The folders beside the project file, where they are known: one without files is an error, and git doesn't keep it.
    pub realm_folders: &'a [PathBuf],
    /// The files are an [`excerpt`]: what none of them says may be in others.
    pub partial: bool,
    /// The server is thrown away: nothing of it is handed over.
    pub throwaway: bool,
    /// The environment of the project that is meant.
    pub environment: Option<&'a str>,
}

/// A project whose files are in order.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The project file.
    pub project: Project,
    /// What the realm files want.
    pub desired: Desired,
    /// What is handed over of each realm.
    pub outputs: BTreeMap<RealmName, Vec<Output>>,
    /// Names that the files use and do not declare, by realm, kind and name.
    pub references: Vec<Ref>,
    /// What the files give providers that Keycloak does not bring.
    pub settings: Vec<Setting>,
    /// What each file of a realm is about, by its path: the realm, or the object that its path names.
    pub subjects: BTreeMap<Arc<str>, Address>,
    /// What is probably not meant.
    pub warnings: Vec<Problem>,
}

/// What the project file says of an environment, before anything else is read; `None` where [`load`] reports a problem of it.
pub fn project(content: &[u8], environment: Option<&str>) -> Option<Project> {
    let parsed = parse::Parsed::new(Path::new(PROJECT_FILE), content).ok()?;
    let mut problems = Vec::new();
    let project = project::read(Some(&parsed), true, environment, &mut problems);
    project.filter(|_| !problems.iter().any(Problem::is_error))
}

/// Loads a project from its files, by their paths relative to the project's folder; files other than `*.toml` are
/// ignored. Fails with all problems of all files at once, the warnings included.
pub fn load(files: &BTreeMap<PathBuf, Vec<u8>>, options: &Options<'_>) -> Result<Loaded, Problems> {
    let mut problems = Vec::new();
    let layout = layout::lay_out(files, options, &mut problems);
    let has_project_file = files.contains_key(Path::new(PROJECT_FILE));
    let project = project::read(layout.project.as_ref(), has_project_file, options.environment, &mut problems);
    let environment = project.as_ref().and_then(|project| project.environment.as_ref());
    problems.extend(project.iter().flat_map(|project| project.without_environment(&layout.environments)));
    let strict = options.strict || project.as_ref().is_some_and(|project| project.strict);

    let programs = project.as_ref().map(|project| project.secrets.programs.clone()).unwrap_or_default();
    let mut builder = Builder::new(strict, programs);
    layout.project.iter().for_each(|parsed| builder.add_source(&parsed.source));
    let mut subjects: BTreeMap<Arc<str>, Address> = BTreeMap::new();
    let mut gate = paths::Gate::new(project.as_ref().map(|project| &*project.policy.paths).unwrap_or_default());
    let blueprints = Blueprints::read(layout.blueprints, environment, &mut builder.problems);
    let mut tenants = Vec::new();
    for realm in layout.realms {
        let address = Address::realm(&realm.name);
        builder.realm(&realm.name);
        let mut uses = Vec::new();
        let (name, tenant) = (realm.name.clone(), realm.tenant.clone());
        realm.read(|file| match file {
            Ok(file) => {
                gate.check(&mut builder, &file);
                objects::read_file(&mut builder, &file);
                let item = file.parsed.root.get(USE).filter(|_| file.address == address);
                uses.extend(item.map(|item| (Arc::clone(&file.parsed.source), item.clone())));
                subjects.insert(file.parsed.source.name().into(), file.address);
            }
            Err(problem) => builder.report(problem),
        });
        blueprints.expand(&mut builder, &address, &tenant, &uses, &mut |builder, file| {
            gate.check(builder, &file);
            objects::read_file(builder, &file);
        });
        if tenant.lands_in.is_some() {
            gate.forgive(&name);
            tenants.push((name, tenant));
        }
    }
    builder.finish_removals();
    for (own, tenant) in &tenants {
        let moves = tenants::land(&mut builder, tenant, own);
        let (old, new) = (Address::realm(own), Address::realm(tenant.lands_in.as_ref().unwrap_or(own)));
        let mine = subjects.values_mut().filter(|address| address.realm_name() == own);
        mine.for_each(|address| *address = moves.moved(address).moved(&old, &new));
    }
    if let Some(project) = &project {
        settings::check_placements(&mut builder, project);
    }
    gate.finish(&mut builder, options.partial);
    checks::check(&mut builder);
    let rules = project.as_ref().map(|project| project.outputs.clone()).unwrap_or_default();
    let outputs =
        if options.throwaway { BTreeMap::new() } else { outputs::of_all(&mut builder, &rules, options.partial) };
    let settings = providers::check(&mut builder);

    let references = references::unresolved(builder.take_references(), &builder.desired);
    problems.append(&mut builder.problems);
    problems.sort_by(|a, b| a.order().cmp(&b.order()));
    let problems = once(problems);
    match project {
        Some(project) if !problems.iter().any(Problem::is_error) => Ok(Loaded {
            project,
            desired: builder.desired,
            outputs,
            references,
            settings,
            subjects,
            warnings: problems,
        }),
        _ => Err(Problems(problems)),
    }
}

/// Each mistake of a blueprint once, however often that is used.
fn once(problems: Vec<Problem>) -> Vec<Problem> {
    let mut kept: Vec<Problem> = Vec::new();
    let mut times = 0;
    let note = |last: Option<&mut Problem>, times: usize| {
        if let Some(last) = last.filter(|_| times > 0) {
            last.repeated(times);
        }
    };
    for problem in problems {
        if kept.last().is_some_and(|last| last.is_like(&problem)) {
            times += 1;
            continue;
        }
        note(kept.last_mut(), std::mem::take(&mut times));
        kept.push(problem);
    }
    note(kept.last_mut(), times);
    kept
}
