//! `realmform new`: files of a pattern that the project has.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;

use super::files::{Readers, replace};
use super::init::realm_name;
use super::workspace::{FileArgs, Found};
use super::{Context, Error, Exit};
use crate::desired::{self, Parameter};

/// Write the files of something that the project has a pattern for.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform new tenant acme --blueprint customer
  realmform new tenant acme --blueprint customer --with id=acme --with plan=gold --no-input")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Write a realm that is made of a blueprint
    Tenant(Tenant),
}

/// Write a realm that is made of a blueprint: a folder with a file that uses it. What the blueprint needs and is not given is
/// asked for; what has a default is left to it. Nothing is written unless the project is in order with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform new tenant acme --blueprint customer
  realmform new tenant acme --blueprint customer --with id=acme --with 'roles=viewer,editor'
  realmform new tenant acme --blueprint customer --with id=acme --with 'mail={ env = \"MAIL\" }' --no-input")]
struct Tenant {
    /// The realm, and its folder
    #[arg(value_name = "NAME", value_parser = realm_name)]
    name: String,
    /// The blueprint that it is made of
    #[arg(long, value_name = "BLUEPRINT")]
    blueprint: String,
    /// The value of a parameter: text, a number, true or false, a list as `a,b` or as TOML, a table or a secret as TOML
    /// (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    with: Vec<(String, String)>,
    /// Never ask: fail where a question would be
    #[arg(long)]
    no_input: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let What::Tenant(tenant) = &args.what;
    let found = Found::new(context, &FileArgs::default())?;
    let tree = found.read()?;
    let blueprints = desired::blueprints(&tree.files);
    let Some(parameters) = blueprints.get(&tenant.blueprint) else {
        let known: Vec<&str> = blueprints.keys().map(String::as_str).collect();
        return Err(Error::Usage(match known.as_slice() {
            [] => {
                "the project has no blueprints; one is a folder with a blueprint.toml: blueprints/NAME/blueprint.toml"
                    .into()
            }
            known => format!("--blueprint {}: the project has only {}", tenant.blueprint, known.join(", ")),
        }));
    };
    let folder = found.folder.join(&tenant.name);
    if folder.exists() {
        return Err(Error::Usage(format!("{} is there already", folder.display())));
    }
    let values = values(context, tenant, parameters)?;
    write(context, &folder, &file(&tenant.blueprint, &values))?;
    let name = &tenant.name;
    context
        .output
        .result(&format!("Written:\n  {name}/realm.toml\n\n`realmform plan --realm {name}` shows what it makes.\n"))?;
    Ok(Exit::Fine)
}

/// The values of parameters as TOML: those that are given, and those that are needed.
fn values(
    context: &Context,
    tenant: &Tenant,
    parameters: &BTreeMap<String, Parameter>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut values = BTreeMap::new();
    for (name, text) in &tenant.with {
        let Some(parameter) = parameters.get(name) else {
            let known: Vec<&str> = parameters.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { format!("only {}", known.join(", ")) };
            return Err(Error::Usage(format!("--with {name}: the blueprint {} has {known}", tenant.blueprint)));
        };
        let value =
            parameter.written(text).map_err(|expected| Error::Usage(format!("--with {name}: expected {expected}")))?;
        if values.insert(name.clone(), value).is_some() {
            return Err(Error::Usage(format!("--with {name} is given twice")));
        }
    }
    let missing: Vec<(&String, &Parameter)> =
        parameters.iter().filter(|(name, parameter)| parameter.is_required() && !values.contains_key(*name)).collect();
    if missing.is_empty() {
        return Ok(values);
    }
    if tenant.no_input || !std::io::stdin().is_terminal() {
        let needed: Vec<String> =
            missing.iter().map(|(name, parameter)| format!("\n  --with {name}=…  {}", parameter.told())).collect();
        return Err(Error::Usage(format!("the blueprint {} needs{}", tenant.blueprint, needed.concat())));
    }
    for (name, parameter) in missing {
        values.insert(name.clone(), asked(context, name, parameter)?);
    }
    Ok(values)
}

/// Asks until the answer is a value; the end of the input ends it.
fn asked(context: &Context, name: &str, parameter: &Parameter) -> Result<String, Error> {
    loop {
        context.output.message(&format!("{name}: {}", parameter.told()));
        let mut answer = String::new();
        if std::io::stdin().lock().read_line(&mut answer).map_err(Error::runtime)? == 0 {
            return Err(Error::Declined("nothing was written"));
        }
        match parameter.written(answer.trim()) {
            Ok(value) => return Ok(value),
            Err(expected) => context.output.message(&format!("expected {expected}")),
        }
    }
}

fn file(blueprint: &str, values: &BTreeMap<String, String>) -> String {
    let values: Vec<String> = values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let with = if values.is_empty() { String::new() } else { format!(", with = {{ {} }}", values.join(", ")) };
    let blueprint = serde_json::Value::from(blueprint);
    format!("use = [\n  {{ blueprint = {blueprint}{with} }},\n]\n")
}

/// Writes the realm's file, unless the project is not in order then.
fn write(context: &Context, folder: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::File { path: folder.to_owned(), source };
    std::fs::create_dir(folder).map_err(failed)?;
    let written = replace(&folder.join("realm.toml"), text, Readers::Usual);
    let checked = written.and_then(|()| {
        let found = || Found::new(context, &FileArgs::default());
        found()?.environments()?.into_iter().try_for_each(|environment| found()?.within(environment).load().map(drop))
    });
    if checked.is_err() {
        // It was made just now, and holds nothing else.
        drop(std::fs::remove_dir_all(folder));
    }
    checked
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
