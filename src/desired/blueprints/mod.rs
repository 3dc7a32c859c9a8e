//! Blueprints: files of the same shapes with expressions in them, used by realms with parameters of their own.
//!
//! - `declaration`: `blueprint.toml`, and what a use of it gives.
//! - `expand`: a table with expressions → a table without.
//! - `value`: values of expressions and of files, both ways.

mod declaration;
mod expand;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Value as Fact;

pub use self::declaration::Parameter;
use self::declaration::{Declaration, Use, read_uses};
use self::expand::Expander;
use super::builder::Builder;
use super::layout::{Addresses, RealmFile, of_blueprint};
use super::parse::{Item, Parsed};
use super::problem::Problem;
use super::source::{Place, Source};
use super::suggest::did_you_mean;
use crate::model::Address;

/// The file of a blueprint that says what it takes.
pub(super) const DECLARATION: &str = "blueprint.toml";

/// The entry by which a realm or a blueprint uses blueprints.
pub(super) const USE: &str = "use";

/// The blueprints of a project, by name.
pub(super) struct Blueprints(BTreeMap<String, Blueprint>);

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

impl Blueprints {
    /// Reads what the folders have: files by their paths within the blueprint.
    pub(super) fn read(folders: BTreeMap<String, Vec<(PathBuf, Parsed)>>, problems: &mut Vec<Problem>) -> Self {
        let mut blueprints = BTreeMap::new();
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
                expand::check(parsed, &names, problems);
            }
            blueprints.insert(name, Blueprint { declaration, files });
        }
        Self(blueprints)
    }

    /// The files that the blueprints come to which `item` of a realm's file uses, one after the other.
    pub(super) fn expand(
        &self,
        builder: &mut Builder,
        realm: &Address,
        source: &Arc<Source>,
        item: &Item,
        read: &mut dyn FnMut(&mut Builder, RealmFile),
    ) {
        let uses = read_uses(source, item, &mut builder.problems);
        for used in uses {
            self.expand_one(builder, realm, &used, None, read);
        }
    }

    fn expand_one(
        &self,
        builder: &mut Builder,
        realm: &Address,
        used: &Use,
        above: Option<&Used<'_>>,
        read: &mut dyn FnMut(&mut Builder, RealmFile),
    ) {
        let Use { name, with, place } = used;
        let Some((name, blueprint)) = self.0.get_key_value(name) else {
            let known = self.0.keys().map(String::as_str);
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
        facts.insert("realm".to_owned(), Fact::from(realm.name()));
        blueprint.declaration.source.iter().for_each(|source| builder.add_source(source));
        let facts = Fact::from(facts);
        blueprint.expand_files(builder, realm, &facts, place, read);
        let outputs = blueprint.declaration.outputs(&facts, place, &mut builder.problems);
        builder.hand_over(realm.realm_name(), outputs);
        let source = blueprint.declaration.source.as_ref().map(|source| source.used(place.clone()));
        let below = Used { name, above };
        for (source, item) in source.iter().zip(&blueprint.declaration.uses) {
            let mut expander = Expander::new(&facts, source, &mut builder.problems);
            let Some(item) = expander.item(item) else { continue };
            for used in read_uses(source, &item, &mut builder.problems) {
                self.expand_one(builder, realm, &used, Some(&below), read);
            }
        }
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
