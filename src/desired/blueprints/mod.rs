//! Blueprints: files of the same shapes with expressions in them, used by realms with parameters of their own.
//!
//! - `declaration`: `blueprint.toml`, and what a use of it gives.
//! - `expand`: a table with expressions → a table without.
//! - `source`, `lock`: where they come from that are not in the project.

mod declaration;
mod expand;
mod lock;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Value as Fact;

pub use self::declaration::Parameter;
use self::declaration::{Declaration, Use, read_uses};
use self::expand::{Checker, Expander};
pub use self::lock::{Lock, Locked};
pub(super) use self::source::read as blueprint_sources;
pub use self::source::{BlueprintSource, GitSource, PlacedSource, sources};
use super::builder::Builder;
use super::environments::{ENV, Environment};
use super::layout::{Addresses, RealmFile, of_blueprint};
use super::parse::{Item, Parsed};
use super::problem::Problem;
use super::source::{Place, Source};
use super::suggest::did_you_mean;
use super::tenants::Tenant;
use crate::model::Address;

/// The file of a blueprint that says what it takes.
pub(super) const DECLARATION: &str = "blueprint.toml";

/// What expressions call the realm, and whose folder it is or is in: `acme-prod` for `acme/tenants/prod`.
const REALM: &str = "realm";
pub(super) const TENANT: &str = "tenant";

/// The entry by which a realm or a blueprint uses blueprints.
pub(super) const USE: &str = "use";

/// The blueprints of a project.
pub(super) struct Blueprints<'a> {
    by_name: BTreeMap<String, Blueprint>,
    environment: Option<&'a Environment>,
}

struct Blueprint {
    declaration: Declaration,
    /// By their paths within the blueprint, those of the whole realm first.
    files: Vec<(PathBuf, Parsed)>,
}

/// The blueprints that lead to a use, by their names, from the realm's on.
struct Used<'a> {
    name: &'a str,
    above: Option<&'a Used<'a>>,
}

/// The parameters of the blueprints that these files have, as far as they can be read.
pub fn blueprints(files: &BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<String, BTreeMap<String, Parameter>> {
    let declarations = files.iter().filter_map(|(path, bytes)| {
        let (name, within) = of_blueprint(path)?;
        (within == Path::new(DECLARATION)).then_some((name, Parsed::new(path, bytes).ok()?))
    });
    declarations.map(|(name, parsed)| (name, Declaration::read(&parsed, &mut Vec::new()).into_parameters())).collect()
}

impl<'a> Blueprints<'a> {
    /// Reads what the folders have: files by their paths within the blueprint.
    pub(super) fn read(
        folders: BTreeMap<String, Vec<(PathBuf, Parsed)>>,
        environment: Option<&'a Environment>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut by_name = BTreeMap::new();
        for (name, files) in folders {
            let (declared, files): (Vec<_>, Vec<_>) =
                files.into_iter().partition(|(path, _)| path == Path::new(DECLARATION));
            let declaration = declared.first().map(|(_, parsed)| Declaration::read(parsed, problems));
            let declaration = declaration.unwrap_or_else(|| {
                let help = format!(
                    "write blueprints/{name}/{DECLARATION}: it may be empty, or say what [parameters] there are"
                );
                problems.push(Problem::error(format!("the blueprint {name} has no {DECLARATION}")).help(help));
                Declaration::default()
            });
            let names = declaration.names();
            for (_, parsed) in &files {
                let mut checker = Checker { source: &parsed.source, environment, problems };
                checker.file(&parsed.root, &names);
            }
            by_name.insert(name, Blueprint { declaration, files });
        }
        Self { by_name, environment }
    }

    /// The files that the blueprints come to which these entries of a realm's files use, one after the other. Those of an
    /// environment come last.
    pub(super) fn expand(
        &self,
        builder: &mut Builder,
        realm: &Address,
        tenant: &Tenant,
        entries: &[(Arc<Source>, Item)],
        read: &mut dyn FnMut(&mut Builder, RealmFile),
    ) {
        let given = self.facts(realm, tenant);
        let facts = Fact::from(given.clone());
        let mut uses: Vec<Use> = Vec::new();
        for (source, item) in entries {
            let before = builder.problems.len();
            let mut checker = Checker { source, environment: self.environment, problems: &mut builder.problems };
            checker.entry(item);
            if builder.problems.len() > before {
                continue;
            }
            let Some(item) = Expander::new(&facts, source, &mut builder.problems).item(item) else { continue };
            for used in read_uses(source, &item, &mut builder.problems) {
                add_use(&mut uses, used);
            }
        }
        for used in uses {
            self.expand_one(builder, realm, &given, &used, None, read);
        }
    }

    /// What expressions may use that are given nothing.
    fn facts(&self, realm: &Address, tenant: &Tenant) -> BTreeMap<String, Fact> {
        let environment = self.environment.map(|environment| (ENV.to_owned(), environment.fact()));
        let realm = tenant.lands_in.as_deref().unwrap_or(realm.realm_name());
        let always = [(REALM.to_owned(), Fact::from(realm)), (TENANT.to_owned(), Fact::from(&*tenant.name))];
        always.into_iter().chain(environment).collect()
    }

    fn expand_one(
        &self,
        builder: &mut Builder,
        realm: &Address,
        given: &BTreeMap<String, Fact>,
        used: &Use,
        above: Option<&Used<'_>>,
        read: &mut dyn FnMut(&mut Builder, RealmFile),
    ) {
        let Use { name, with, place } = used;
        let Some((name, blueprint)) = self.by_name.get_key_value(name) else {
            let known = self.by_name.keys().map(String::as_str);
            let problem = Problem::error(format!("there is no blueprint `{name}`"))
                .at(place.clone(), "unknown blueprint")
                .help(format!("a blueprint is a folder with a {DECLARATION}: blueprints/{name}/{DECLARATION}"))
                .maybe_help(did_you_mean(name, known));
            return builder.report(problem);
        };
        let chain: Vec<&str> = std::iter::successors(above, |used| used.above).map(|used| used.name).collect();
        if let Some(at) = chain.iter().position(|it| it == name) {
            let mut cycle: Vec<&str> = chain[..=at].iter().rev().copied().collect();
            cycle.push(name);
            let problem = Problem::error(format!("the blueprint `{name}` uses itself: {}", cycle.join(" → ")))
                .at(place.clone(), "once more");
            return builder.report(problem);
        }
        let Some(mut facts) = blueprint.declaration.values(name, with, place, &mut builder.problems) else { return };
        facts.extend(given.clone());
        blueprint.declaration.source.iter().for_each(|source| builder.add_source(source));
        let facts = Fact::from(facts);
        blueprint.expand_files(builder, realm, &facts, place, read);
        let outputs = blueprint.declaration.outputs(&facts, self.environment, place, &mut builder.problems);
        builder.hand_over(realm.realm_name(), outputs);
        let source = blueprint.declaration.source.as_ref().map(|source| source.used(place.clone()));
        let below = Used { name, above };
        for (source, item) in source.iter().zip(&blueprint.declaration.uses) {
            let mut expander = Expander::new(&facts, source, &mut builder.problems);
            let Some(item) = expander.item(item) else { continue };
            for used in read_uses(source, &item, &mut builder.problems) {
                self.expand_one(builder, realm, given, &used, Some(&below), read);
            }
        }
    }
}

/// Where an environment gives other values to a blueprint that its realm uses once anyway, that is no second use of it.
fn add_use(all: &mut Vec<Use>, used: Use) {
    let mut same = all.iter_mut().filter(|other| other.name == used.name);
    match (same.next(), same.next()) {
        (Some(first), None) if used.place.origin().rank() < first.place.origin().rank() => {
            first.with.retain(|(_, given)| !used.with.iter().any(|(_, other)| other.name == given.name));
            first.with.extend(used.with);
        }
        _ => all.push(used),
    }
}

impl Blueprint {
    fn expand_files(
        &self,
        builder: &mut Builder,
        realm: &Address,
        facts: &Fact,
        place: &Place,
        read: &mut dyn FnMut(&mut Builder, RealmFile),
    ) {
        let mut addresses = Addresses::new(realm.clone());
        for (path, parsed) in &self.files {
            let source: Arc<Source> = parsed.source.used(place.clone());
            builder.add_source(&parsed.source);
            let root = Expander::new(facts, &source, &mut builder.problems).table(&parsed.root);
            match addresses.file(path, Parsed { source, root }) {
                Ok(file) => read(builder, file),
                Err(problem) => builder.report(problem),
            }
        }
    }
}
