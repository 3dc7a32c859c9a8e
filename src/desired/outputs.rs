//! `[outputs]` of the project file: what is handed over of what an apply made, and where it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::str::FromStr as _;

use minijinja::Environment;

use super::parse::{Entry, Node, entries};
use super::problem::Problem;
use super::project::Reader;
use super::source::Place;
use super::suggest::{did_you_mean, one_of};
use crate::model::{Address, Origin, kinds};

const OUTPUT: &[&str] = &["of", "env", "json", "template", "secret", "configMap", "kubeconfig", "file"];
const CONTENTS: &[&str] = &["env", "json", "template", "secret", "configMap", "kubeconfig"];
const KUBECONFIG: &[&str] = &["name", "server", "certificateAuthority", "scopes"];
const MANIFEST: &[&str] = &["name", "namespace", "values"];

/// What templates may use.
const FACTS: &[&str] = &["server", "realm", "issuer", "endpoints", "certificates", "groups", "client"];

/// Outputs by name.
pub type Outputs = BTreeMap<String, Output>;

/// Templates by the name of what they make.
pub type Templates = BTreeMap<String, String>;

/// What is handed over of a client, or of a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The client, or the realm.
    pub of: Address,
    /// What is handed over.
    pub content: OutputContent,
    /// The file that it goes into, relative to the project; one without is only printed.
    pub file: Option<PathBuf>,
    /// Where it is written.
    pub origin: Origin,
}

/// What is handed over, as templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputContent {
    /// Variables, as a shell and `--env-file` read them.
    Env(Templates),
    /// An object of texts.
    Json(Templates),
    /// Whatever the template makes.
    Text(String),
    /// A manifest of Kubernetes.
    Manifest(Manifest),
    /// A configuration of kubectl that signs in with the client.
    Kubeconfig(Kubeconfig),
}

/// A configuration of kubectl that signs in with `kubelogin` (`kubectl oidc-login`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubeconfig {
    /// What the cluster, the user and the context are called.
    pub name: String,
    /// The URL of the cluster's API.
    pub server: String,
    /// A file with the certificate of who signed the API's.
    pub certificate_authority: Option<String>,
    /// Client scopes to ask for beside `openid`.
    pub scopes: Vec<String>,
}

/// A `Secret` or a `ConfigMap` of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Whether it is a `Secret`.
    pub is_secret: bool,
    /// `metadata.name`
    pub name: String,
    /// `metadata.namespace`
    pub namespace: Option<String>,
    /// What it holds.
    pub values: Templates,
}

impl OutputContent {
    /// All templates.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        let (values, text) = match self {
            Self::Env(values) | Self::Json(values) | Self::Manifest(Manifest { values, .. }) => (Some(values), None),
            Self::Text(text) => (None, Some(text.as_str())),
            Self::Kubeconfig(_) => (None, None),
        };
        values.into_iter().flat_map(BTreeMap::values).map(String::as_str).chain(text)
    }

    /// The facts that the templates use.
    pub fn facts(&self) -> BTreeSet<String> {
        let environment = Environment::new();
        let used = |text| {
            let template = environment.template_from_str(text).ok();
            template.map(|template| template.undeclared_variables(false)).unwrap_or_default()
        };
        self.templates().flat_map(used).collect()
    }
}

/// Reads the table.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Outputs {
    let Some(table) = reader.table(entry) else { return Outputs::new() };
    let mut outputs = Outputs::new();
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
    for entry in entries(table) {
        let Some(output) = output(reader, &entry) else { continue };
        if let Some(file) = &output.file
            && let Some(other) = files.insert(file.clone(), entry.name.to_owned())
        {
            let problem = Problem::error(format!("the outputs `{other}` and `{}` go into one file", entry.name))
                .at(reader.place(&entry), "the second one");
            reader.problems.push(problem);
        }
        outputs.insert(entry.name.to_owned(), output);
    }
    outputs
}

fn output(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Output> {
    let table = reader.table(entry)?;
    let (mut of, mut contents, mut file) = (None, Vec::new(), None);
    for entry in entries(table) {
        match entry.name {
            "of" => of = subject(reader, &entry),
            "file" => file = reader.text(&entry).map(PathBuf::from),
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
    let content = read_content(reader, content, &of)?;
    Some(Output { of, content, file, origin: reader.place(entry).origin() })
}

fn subject(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Address> {
    let text = reader.text(entry)?;
    let address = Address::from_str(&text).ok();
    let known = address.filter(|it| it.parent().is_none() || *it.kind() == kinds::CLIENT);
    if known.is_none() {
        let problem = Problem::error(format!("`{text}` is neither a client nor a realm"))
            .at(reader.place(entry), "expected an address such as \"acme/clients/shop\" or \"acme\"");
        reader.problems.push(problem);
    }
    known
}

fn read_content(reader: &mut Reader<'_>, entry: &Entry<'_>, of: &Address) -> Option<OutputContent> {
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

fn manifest(reader: &mut Reader<'_>, entry: &Entry<'_>, of: &Address, is_secret: bool) -> Option<Manifest> {
    let table = reader.table(entry)?;
    let (mut name, mut namespace, mut values) = (None, None, None);
    for entry in entries(table) {
        match entry.name {
            "name" => name = dns_name(reader, &entry),
            "namespace" => namespace = dns_name(reader, &entry),
            "values" => values = Some(templates(reader, &entry, of, is_key, "letters, digits, `-`, `_` and `.`")?),
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

fn kubeconfig(reader: &mut Reader<'_>, entry: &Entry<'_>, of: &Address) -> Option<Kubeconfig> {
    let table = reader.table(entry)?;
    if of.parent().is_none() {
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
    of: &Address,
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

/// What an application needs to sign users in.
fn usual(of: &Address, has_secrets: bool) -> Templates {
    let is_client = of.parent().is_some();
    let all = [
        ("OIDC_ISSUER", "{{ issuer }}", true),
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
fn check(reader: &mut Reader<'_>, text: &str, place: Place, of: &Address) {
    let environment = Environment::new();
    let template = match environment.template_from_str(text) {
        Ok(template) => template,
        Err(error) => {
            let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
            let problem = Problem::error(format!("the template is not valid: {}{detail}", error.kind()));
            reader.problems.push(problem.at(place, "a template of minijinja, like Jinja's"));
            return;
        }
    };
    let known: Vec<&str> = FACTS.iter().copied().filter(|fact| *fact != "client" || of.parent().is_some()).collect();
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|name| !known.contains(&name.as_str()));
    unknown.sort();
    for name in unknown {
        let problem = Problem::error(format!("the template uses `{name}`, and there is nothing of that name"))
            .at(place.clone(), format!("expected {}", one_of(&known)))
            .maybe_help(did_you_mean(&name, known.iter().copied()));
        reader.problems.push(problem);
    }
}

fn dns_name(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<String> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let is_outer = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let text = Node::as_text(&entry.node).filter(|text| {
        text.len() <= 253 && text.chars().all(is_inner) && text.starts_with(is_outer) && text.ends_with(is_outer)
    });
    reader.expect(entry, "lower-case letters, digits, `-` and `.`", text.map(str::to_owned))
}

fn is_variable(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

fn is_key(name: &str) -> bool {
    name.len() <= 253 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
