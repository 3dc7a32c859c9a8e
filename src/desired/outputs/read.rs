//! What the project file says of outputs.

use std::path::Path;
use std::str::FromStr as _;

use super::{Kubeconfig, Manifest, OutputContent, OutputRule, Outputs, Subject, Templates};
use crate::desired::parse::{Entry, entries};
use crate::desired::problem::Problem;
use crate::desired::project::Reader;
use crate::desired::source::Place;
use crate::desired::suggest::{did_you_mean, one_of};
use crate::desired::template;
use crate::model::{Address, Kind, kinds};

const OUTPUT: &[&str] =
    &["of", "env", "json", "template", "secret", "configMap", "kubeconfig", "file", "directory", "vault"];
const CONTENTS: &[&str] = &["env", "json", "template", "secret", "configMap", "kubeconfig"];
const KUBECONFIG: &[&str] = &["name", "server", "certificateAuthority", "scopes"];
const MANIFEST: &[&str] = &["name", "namespace", "values"];

/// What templates may use.
pub(in crate::desired) const FACTS: &[&str] =
    &["server", "realm", "issuer", "endpoints", "certificates", "groups", "clients", "client", "user"];

/// Reads the table.
pub(in crate::desired) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Outputs {
    let Some(table) = reader.table(entry) else { return Outputs::new() };
    let rules = entries(table).filter_map(|entry| Some((entry.name.to_owned(), rule(reader, &entry)?)));
    rules.collect()
}

fn rule(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<OutputRule> {
    let table = reader.table(entry)?;
    let (mut of, mut contents) = (None, Vec::new());
    let (mut file, mut directory, mut vault) = (None, None, None);
    for entry in entries(table) {
        match entry.name {
            "of" => of = subject(reader, &entry),
            "file" => file = path(reader, &entry),
            "directory" => directory = path(reader, &entry).map(|path| (path, reader.place(&entry))),
            "vault" => vault = secret_path(reader, &entry).map(|path| (path, reader.place(&entry))),
            name if CONTENTS.contains(&name) => contents.push(entry),
            _ => reader.unknown("an output", &entry, OUTPUT),
        }
    }
    if table.get("of").is_none() {
        let problem = Problem::error(format!("the output `{}` is of nothing", entry.name))
            .at(reader.place(entry), "expected `of = \"acme/clients/shop\"`, or a realm");
        reader.problems.push(problem);
    }
    let [content] = contents.as_slice() else {
        let problem = Problem::error(format!("the output `{}` is of one sort", entry.name))
            .at(reader.place(entry), format!("expected one of {}, found {}", one_of(CONTENTS), contents.len()));
        reader.problems.push(problem);
        return None;
    };
    let of = of?;
    let sort = content.name;
    let content = read_content(reader, content, of.kind())?;
    if content.values().is_none() {
        let mut needs_values = |what: &str, place: &Place, label: &str| {
            let problem = Problem::error(format!("`{sort}` makes one text, and `{what}` takes values by their names"));
            reader.problems.push(problem.at(place.clone(), label));
        };
        if let Some((_, place)) = &directory {
            needs_values("directory", place, "expected `file = \"…\"`");
        }
        if let Some((_, place)) = vault.as_ref().filter(|(path, _)| !path.contains('#')) {
            needs_values("vault", place, "expected `vault = \"mount/path#key\"`");
        }
    }
    let (directory, vault) = (directory.map(|(path, _)| path), vault.map(|(path, _)| path));
    let origin = reader.place(entry).origin();
    Some(OutputRule { of, content, file, directory, vault, parameters: reader.parameters.clone(), origin })
}

fn subject(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Subject> {
    let text = reader.text(entry)?;
    let known = match text.split_once("/clients/") {
        Some((realm, client)) if text.contains('*') => {
            (!realm.is_empty() && !client.is_empty() && !realm.contains('/'))
                .then(|| Subject::Clients { realm: realm.to_owned(), client: client.to_owned() })
        }
        None if text.contains('*') => (!text.contains('/')).then(|| Subject::Realms(text.clone())),
        _ => Address::from_str(&text)
            .ok()
            .filter(|it| [&kinds::REALM, &kinds::CLIENT, &kinds::USER].contains(&it.kind()))
            .map(Subject::One),
    };
    if known.is_none() {
        let problem = Problem::error(format!("`{text}` is no client, user or realm")).at(
            reader.place(entry),
            "expected an address such as \"acme/clients/shop\", \"acme/clients/*\" or \"acme\"",
        );
        reader.problems.push(problem);
    }
    known
}

/// A path with `/` between its parts, whatever the machine.
fn path(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<String> {
    let text = reader.text(entry)?;
    let is_path = !text.is_empty() && !text.contains('\\');
    let text = reader.expect(entry, "a path with `/` between its parts", is_path.then_some(text))?;
    // What is in a folder beside the project file is taken for a realm's.
    let inside = text.trim_start_matches("./");
    let is_elsewhere = inside.starts_with(['/', '.']) || (entry.name == "file" && !inside.contains('/'));
    if !is_elsewhere || is_toml(inside) {
        let problem = Problem::error(format!("`{text}` would be taken for a realm's"))
            .at(reader.place(entry), "expected a path such as \"../handed/…\" or \".handed/…\"")
            .help("every folder beside realmform.toml is a realm, and every *.toml file in it one of its files");
        reader.problems.push(problem);
        return None;
    }
    Some(text)
}

fn is_toml(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "toml") && !path.starts_with("../")
}

/// The mount and what is below it, and perhaps a key.
fn secret_path(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<String> {
    let text = reader.text(entry)?;
    let (at, key) = text.split_once('#').unwrap_or((&text, "key"));
    let is_path = at.contains('/') && at.split('/').all(|part| !part.is_empty()) && !key.is_empty();
    reader.expect(entry, "\"mount/path\" or \"mount/path#key\"", is_path.then(|| text.clone()))
}

fn read_content(reader: &mut Reader<'_>, entry: &Entry<'_>, of: &Kind) -> Option<OutputContent> {
    Some(match entry.name {
        "env" => OutputContent::Env(templates(reader, entry, of, is_variable, "the name of a variable")?),
        "json" => OutputContent::Json(templates(reader, entry, of, |_| true, "a name")?),
        "template" => {
            let text = reader.text(entry)?;
            check(reader, &text, reader.place(entry), of);
            OutputContent::Text(text)
        }
        "kubeconfig" => OutputContent::Kubeconfig(kubeconfig(reader, entry, of)?),
        name => OutputContent::Manifest(manifest(reader, entry, of, name == "secret")?),
    })
}

fn manifest(reader: &mut Reader<'_>, entry: &Entry<'_>, of: &Kind, is_secret: bool) -> Option<Manifest> {
    let table = reader.table(entry)?;
    let (mut name, mut namespace, mut values) = (None, None, None);
    for entry in entries(table) {
        match entry.name {
            "name" => name = dns_name(reader, &entry),
            "namespace" => namespace = dns_name(reader, &entry),
            "values" => {
                values = Some(templates(reader, &entry, of, is_key, "letters, digits, `-`, `_` and `.`")?);
            }
            _ => reader.unknown("a manifest", &entry, MANIFEST),
        }
    }
    if table.get("name").is_none() {
        let problem = Problem::error(format!("`{}` has no name", entry.name))
            .at(reader.place(entry), "expected `name = \"shop-oidc\"`");
        reader.problems.push(problem);
    }
    let values = values.unwrap_or_else(|| usual(of, is_secret));
    Some(Manifest { is_secret, name: name?, namespace, values })
}

fn kubeconfig(reader: &mut Reader<'_>, entry: &Entry<'_>, of: &Kind) -> Option<Kubeconfig> {
    let table = reader.table(entry)?;
    if *of != kinds::CLIENT {
        let problem = Problem::error("a kubeconfig signs in with a client")
            .at(reader.place(entry), "expected an output of a client");
        reader.problems.push(problem);
    }
    let (mut name, mut server, mut certificate_authority, mut scopes) = (None, None, None, Vec::new());
    for entry in entries(table) {
        match entry.name {
            "name" => name = reader.text(&entry),
            "server" => server = reader.text(&entry),
            "certificateAuthority" => certificate_authority = reader.text(&entry),
            "scopes" => scopes = reader.texts(&entry),
            _ => reader.unknown("a kubeconfig", &entry, KUBECONFIG),
        }
    }
    for needed in ["name", "server"] {
        if table.get(needed).is_none() {
            let problem = Problem::error(format!("the kubeconfig has no `{needed}`"))
                .at(reader.place(entry), "expected { name = \"production\", server = \"https://…:6443\" }");
            reader.problems.push(problem);
        }
    }
    Some(Kubeconfig { name: name?, server: server?, certificate_authority, scopes })
}

/// Templates by name; an empty table is the usual ones.
fn templates(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    of: &Kind,
    is_name: fn(&str) -> bool,
    expected: &str,
) -> Option<Templates> {
    let table = reader.table(entry)?;
    if table.is_empty() {
        return Some(usual(of, true));
    }
    let mut templates = Templates::new();
    for entry in entries(table) {
        if !is_name(entry.name) {
            let problem = Problem::error(format!("`{}` is no name that this sort of output takes", entry.name))
                .at(reader.place(&entry), format!("expected {expected}"));
            reader.problems.push(problem);
        }
        if let Some(text) = reader.text(&entry) {
            check(reader, &text, reader.place(&entry), of);
            templates.insert(entry.name.to_owned(), text);
        }
    }
    Some(templates)
}

/// What an application needs to sign users in; of a user, what realmform and its like sign in with.
fn usual(of: &Kind, has_secrets: bool) -> Templates {
    let (is_client, is_user) = (*of == kinds::CLIENT, *of == kinds::USER);
    let all = [
        ("KEYCLOAK_URL", "{{ server }}", is_user),
        ("KEYCLOAK_REALM", "{{ realm }}", is_user),
        ("KEYCLOAK_USER", "{{ user.username }}", is_user),
        ("KEYCLOAK_PASSWORD", "{{ user.password }}", is_user && has_secrets),
        ("OIDC_ISSUER", "{{ issuer }}", !is_user),
        ("OIDC_CLIENT_ID", "{{ client.id }}", is_client),
        // A public client has none; that another one's cannot be read is an error.
        (
            "OIDC_CLIENT_SECRET",
            "{% if not client.publicClient %}{{ client.secret }}{% endif %}",
            is_client && has_secrets,
        ),
    ];
    let wanted = all.into_iter().filter(|(_, _, wanted)| *wanted);
    wanted.map(|(name, template, _)| (name.to_owned(), template.to_owned())).collect()
}

/// What is wrong with a template, as far as no server has to be asked.
fn check(reader: &mut Reader<'_>, text: &str, place: Place, of: &Kind) {
    let mut unknown = match template::names(text) {
        Ok(names) => names,
        Err(reason) => {
            let problem = Problem::error(format!("the template is not valid: {reason}"));
            reader.problems.push(problem.at(place, "a template of minijinja, like Jinja's"));
            return;
        }
    };
    let facts = FACTS.iter().copied().filter(|fact| match *fact {
        "client" => *of == kinds::CLIENT,
        "user" => *of == kinds::USER,
        _ => true,
    });
    let parameters: Vec<String> = reader.parameters.keys().cloned().collect();
    let known: Vec<&str> = facts.chain(parameters.iter().map(String::as_str)).collect();
    unknown.retain(|name| !known.contains(&name.as_str()));
    let missing = reader.environment.iter().flat_map(|environment| environment.missing(text, &place));
    reader.problems.extend(missing.collect::<Vec<_>>());
    for name in unknown {
        let problem = Problem::error(format!("the template uses `{name}`, and there is nothing of that name"))
            .at(place.clone(), format!("expected {}", one_of(&known)))
            .maybe_help(did_you_mean(&name, known.iter().copied()));
        reader.problems.push(problem);
    }
}

/// A name for Kubernetes, or a template of one.
fn dns_name(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<String> {
    let text = entry.node.as_text().filter(|text| text.contains('{') || is_dns_name(text));
    reader.expect(entry, DNS_NAME, text.map(str::to_owned))
}

/// What Kubernetes takes for a name.
pub(super) const DNS_NAME: &str = "lower-case letters, digits, `-` and `.`";

pub(super) fn is_dns_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let is_outer = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 253 && text.chars().all(is_inner) && text.starts_with(is_outer) && text.ends_with(is_outer)
}

fn is_variable(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

fn is_key(name: &str) -> bool {
    name.len() <= 253 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
