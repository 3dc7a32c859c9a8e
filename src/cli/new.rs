//! `realmform new`: files of a pattern that the project has.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use super::files::{Readers, replace};
use super::init::realm_name;
use super::refresh::SourceArgs;
use super::workspace::{FileArgs, Found};
use super::{Context, Error, Exit};
use crate::desired::{self, Parameter};
use crate::metadata::{Config, ORIGIN, Protocol};
use crate::model::{Address, FieldPath, kinds};
use crate::render::files::{References, Shown, object, path_of};

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

/// Write a realm, or a tenant in one, that is made of a blueprint: a folder with a file that uses it. What the blueprint needs
/// and is not given is asked for; what has a default is left to it. With --saml-metadata or --oidc-issuer, a second file has the
/// identity provider that says this of itself, and `realmform refresh` reads it again. Nothing is written unless the project is
/// in order with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  realmform new tenant acme --blueprint customer
  realmform new tenant acme --blueprint customer --with id=acme --with 'roles=viewer,editor'
  realmform new tenant acme/prod --blueprint cluster
  realmform new tenant acme --blueprint customer --with id=acme --with 'mail={ env = \"MAIL\" }' --no-input
  realmform new tenant acme --blueprint customer --with id=acme --saml-metadata https://login.acme.example/metadata")]
struct Tenant {
    /// The realm, and its folder; REALM/NAME is a tenant in the folder of another one, whose realm it shares
    #[arg(value_name = "NAME", value_parser = path)]
    name: String,
    /// The blueprint that it is made of
    #[arg(long, value_name = "BLUEPRINT")]
    blueprint: String,
    /// The value of a parameter: text, a number, true or false, a list as `a,b` or as TOML, a table or a secret as TOML
    /// (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    with: Vec<(String, String)>,
    #[command(flatten)]
    source: SourceArgs,
    /// What the identity provider is called that is made of it [default: saml or oidc]
    #[arg(long, value_name = "ALIAS")]
    provider: Option<String>,
    /// Never ask: fail where a question would be
    #[arg(long)]
    no_input: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
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
    let within = tenant.name.replace('/', "/tenants/");
    let folder = found.folder.join(&within);
    if folder.exists() {
        return Err(Error::Usage(format!("{} is there already", folder.display())));
    }
    let above = tenant.name.split_once('/').map(|(realm, _)| realm);
    if let Some(realm) = above.filter(|realm| !found.folder.join(realm).is_dir()) {
        return Err(Error::Usage(format!("{}: there is no folder {realm} to be in", tenant.name)));
    }
    let protocol = tenant.source.protocol();
    if tenant.provider.is_some() && protocol.is_none() {
        return Err(Error::Usage(
            "--provider: say of what it is made, with --saml-metadata or --oidc-issuer".to_owned(),
        ));
    }
    let values = values(context, tenant, parameters)?;
    let config = tenant.source.read().await?;
    let provider = protocol.zip(config).map(|(protocol, config)| provider(tenant, protocol, &config));
    let name = if above.is_some() { "tenant.toml" } else { "realm.toml" };
    let mut files = BTreeMap::from([(PathBuf::from(name), file(&tenant.blueprint, &values))]);
    files.extend(provider);
    write(context, &folder, &files)?;
    let written: Vec<String> = files.keys().map(|path| format!("  {within}/{}", path.display())).collect();
    let written = written.join("\n");
    // Whose realm it is only its folder tells, where it is inside of others.
    let plan = match above {
        Some(_) => "realmform plan".to_owned(),
        None => format!("realmform plan --realm {}", tenant.name),
    };
    context.output.result(&format!("Written:\n{written}\n\n`{plan}` shows what it makes.\n"))?;
    Ok(Exit::Fine)
}

/// The file of the identity provider that says this of itself, below the realm's folder.
fn provider(tenant: &Tenant, protocol: Protocol, config: &Config) -> (PathBuf, String) {
    let alias = tenant.provider.as_deref().unwrap_or(protocol.provider_id());
    let address = Address::realm(&tenant.name).child(&kinds::IDENTITY_PROVIDER, alias);
    let entries = config.iter().map(|(key, text)| (FieldPath::new(["config", key]), text.as_str()));
    let fields = [(FieldPath::new(["providerId"]), protocol.provider_id())].into_iter().chain(entries);
    let leaves = fields.map(|(path, text)| (path, Shown::Json(text.into()))).collect();
    let text = object(&address, &BTreeMap::from([(address.clone(), leaves)]), &References::new());
    let head = match config.get(ORIGIN) {
        Some(url) => format!("# From {url}; `realmform refresh` reads it again.\n"),
        None => String::new(),
    };
    (path_of(&address), head + &text)
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

/// Writes the realm's files, unless the project is not in order then.
fn write(context: &Context, folder: &Path, files: &BTreeMap<PathBuf, String>) -> Result<(), Error> {
    let written = files.iter().try_for_each(|(path, text)| {
        let path = folder.join(path);
        let above = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(above).map_err(|source| Error::File { path: above.to_owned(), source })?;
        replace(&path, text, Readers::Usual)
    });
    let checked = written.and_then(|()| {
        let found = || Found::new(context, &FileArgs::default());
        found()?.environments()?.into_iter().try_for_each(|environment| found()?.within(environment).load().map(drop))
    });
    if checked.is_err() {
        // It was made just now, and holds nothing else.
        drop(std::fs::remove_dir_all(folder));
        // `tenants`, where it is the first.
        drop(folder.parent().filter(|above| above.ends_with("tenants")).map(std::fs::remove_dir));
    }
    checked
}

/// A realm's name, or names of folders inside of each other.
fn path(text: &str) -> Result<String, String> {
    text.split('/').try_for_each(|part| realm_name(part).map(drop))?;
    Ok(text.to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
