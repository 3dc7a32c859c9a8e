//! The project file: the project's name, its servers and its policy. Secrets are never in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::blueprints::{BlueprintSource, blueprint_sources};
use super::environments::{self, ENV, Environment};
use super::layout::{BLUEPRINTS, PROJECT_FILE};
use super::outputs::{self, Outputs};
use super::parse::{Entry, Node, Parsed, Shape, Table, entries, entry};
use super::policy::{self, Policy};
use super::problem::Problem;
use super::secret;
use super::source::{Place, Source};
use super::sources::{self, Programs, SecretSources};
use super::suggest::{did_you_mean, one_of};
use crate::model::{ENVIRONMENTS, Origin, SecretRef, parse_seconds};

const TOP: &[&str] = &[
    "name",
    "strict",
    "defaultServer",
    "servers",
    "fleet",
    "environments",
    "blueprints",
    "secrets",
    "outputs",
    "policy",
];
const SERVER: &[&str] = &[
    "url",
    "realm",
    "clientId",
    "clientSecret",
    "username",
    "password",
    "accessToken",
    "caFile",
    "identity",
    "timeout",
    "parallelism",
    "maxRealms",
    "weight",
    "labels",
];
/// How many realms a fleet puts on a server that does not say it.
const MAX_REALMS: usize = 50;
/// Tables of the design that come later.
const FUTURE: &[&str] = &["lint", "waivers"];

/// What `realmform.toml` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// The name of the record on the server: letters, digits, `.`, `_`, `-`.
    pub name: String,
    /// Unknown fields and values are errors, not warnings.
    pub strict: bool,
    /// By name.
    pub servers: BTreeMap<String, Server>,
    /// The server that is meant when none is named: that of the environment, as written, or the only one.
    pub default_server: Option<String>,
    /// The servers that realms are spread over, in their order, where it is more than one that is meant.
    pub fleet: Option<Vec<String>>,
    /// By name.
    pub environments: BTreeMap<String, Environment>,
    /// The one that is in force.
    pub environment: Option<Environment>,
    /// The blueprints that are not in the project, by name.
    pub blueprints: BTreeMap<String, BlueprintSource>,
    /// Where secrets are looked up.
    pub secrets: SecretSources,
    /// What is handed over after an apply.
    pub outputs: Outputs,
    /// What a plan may do.
    pub policy: Policy,
    /// Where the name is written.
    pub origin: Origin,
}

impl Project {
    /// The name of the environment that is in force.
    pub fn environment_name(&self) -> Option<&str> {
        self.environment.as_ref().map(|environment| environment.name.as_str())
    }

    /// Folders that no environment of the project reads.
    pub(super) fn without_environment(&self, folders: &BTreeSet<String>) -> impl Iterator<Item = Problem> {
        let unread = folders.iter().filter(|name| !self.environments.contains_key(*name));
        unread.map(|name| {
            Problem::error(format!("{ENVIRONMENTS}/{name} is of no environment of the project"))
                .help(format!("write [environments.{name}] in {PROJECT_FILE}"))
                .maybe_help(did_you_mean(name, self.environments.keys().map(String::as_str)))
        })
    }
}

/// One server. What is `None` comes from the environment or has a default.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// The base URL: `https://sso.example`.
    pub url: String,
    /// The realm that the credential belongs to.
    pub realm: Option<String>,
    /// The client that signs in.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<SecretRef>,
    /// The user that signs in, instead of a service account.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<SecretRef>,
    /// A token from elsewhere, instead of signing in.
    pub access_token: Option<SecretRef>,
    /// Certificates (PEM) to trust besides the system's; relative to the project.
    pub ca_file: Option<PathBuf>,
    /// A certificate with its private key (PEM) for mutual TLS.
    pub identity: Option<SecretRef>,
    /// The longest that one request may take.
    pub timeout: Option<Duration>,
    /// How many requests may be under way at once.
    pub parallelism: Option<usize>,
    /// How many realms a fleet puts there at most, `master` not counted.
    pub max_realms: usize,
    /// How many realms it gets for each that one of weight 1 gets.
    pub weight: u32,
    /// What realms may ask for.
    pub labels: BTreeMap<String, String>,
    /// Where it is written.
    pub origin: Origin,
}

/// Reads the project file, as it is in an environment. `None` when there is none, or when it gives no name.
pub(super) fn read(
    parsed: Option<&Parsed>,
    file_is_there: bool,
    environment: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<Project> {
    let Some(parsed) = parsed else {
        if !file_is_there {
            let problem = Problem::error(format!("there is no {PROJECT_FILE}"))
                .help(format!("`realmform init` writes one; the folder that holds {PROJECT_FILE} is the project"));
            problems.push(problem);
        }
        return None;
    };
    Reader::new(&parsed.source, problems).project(parsed.root(), environment)
}

pub(super) struct Reader<'a> {
    pub(super) source: &'a Arc<Source>,
    pub(super) problems: &'a mut Vec<Problem>,
    /// What references may name besides the sources that there always are.
    programs: Programs,
    /// What templates may use besides the facts of a realm.
    pub(super) parameters: serde_json::Map<String, serde_json::Value>,
    /// The environment that is in force.
    pub(super) environment: Option<Environment>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Arc<Source>, problems: &'a mut Vec<Problem>) -> Self {
        Self { source, problems, programs: Programs::new(), parameters: serde_json::Map::new(), environment: None }
    }

    /// The same, where templates may use what is said of an environment.
    pub(super) fn within(self, environment: Option<&Environment>) -> Self {
        let mut parameters = self.parameters;
        parameters.extend(environment.map(|it| (ENV.to_owned(), it.facts())));
        Self { parameters, environment: environment.cloned(), ..self }
    }
}

impl Reader<'_> {
    fn project(mut self, table: &Table, environment: Option<&str>) -> Option<Project> {
        let mut name = None;
        let mut default_server = None;
        let (mut strict, mut policy) = (false, Policy::default());
        let mut outputs = Outputs::new();
        // What others name comes before them, wherever it is written.
        let secrets = entry(table, "secrets").map(|entry| sources::read(&mut self, &entry)).unwrap_or_default();
        self.programs.clone_from(&secrets.programs);
        let servers = entry(table, "servers").map(|entry| self.servers(&entry)).unwrap_or_default();
        let environments = entry(table, "environments")
            .map(|entry| environments::read(&mut self, &entry, &servers))
            .unwrap_or_default();
        if let Some(name) = environment.filter(|name| !environments.contains_key(*name)) {
            let problem = Problem::error(format!("the project has no environment `{name}`"))
                .help(format!("write [environments.{name}] in {PROJECT_FILE}"))
                .maybe_help(did_you_mean(name, environments.keys().map(String::as_str)));
            self.problems.push(problem);
        }
        let environment = environment.and_then(|name| environments.get(name)).cloned();
        let fleet = entry(table, "fleet").map(|entry| (self.place(&entry), self.fleet(&entry, &servers)));
        if let (Some((place, _)), Some(entry)) = (&fleet, entry(table, "defaultServer")) {
            let problem = Problem::error("a fleet has no default server")
                .at(self.place(&entry), "which one of them is meant?")
                .and(place.clone(), "the realms are spread over these")
                .help("take out the one or the other");
            self.problems.push(problem);
        }
        let blueprints = entry(table, BLUEPRINTS).map(|entry| blueprint_sources(&mut self, &entry)).unwrap_or_default();
        let mut this = self.within(environment.as_ref());
        for entry in entries(table) {
            match entry.name {
                "name" => name = this.name(&entry).map(|text| (text, this.place(&entry).origin())),
                "strict" => strict = this.boolean(&entry).unwrap_or_default(),
                "defaultServer" => default_server = this.text(&entry).map(|text| (text, this.place(&entry))),
                "policy" => policy = policy::read(&mut this, &entry),
                "secrets" | "servers" | "fleet" | "environments" | BLUEPRINTS => {}
                "outputs" => outputs = outputs::read(&mut this, &entry),
                _ => this.unknown("the project file", &entry, TOP),
            }
        }
        let default_server = this.default_server(default_server, &servers);
        let own = environment.as_ref().and_then(|it| it.server.clone());
        let fleet = match &environment {
            Some(Environment { fleet: Some(fleet), .. }) => Some(fleet.clone()),
            Some(Environment { server: Some(_), .. }) => None,
            _ => fleet.and_then(|(_, fleet)| fleet),
        };
        let default_server = own.or(default_server).filter(|_| fleet.is_none());
        if table.get("name").is_none() {
            let problem = Problem::error("the project has no name")
                .at(Place::start(this.source), "expected `name = \"…\"`")
                .help("the name marks on the server what this project manages, so choose it once");
            this.problems.push(problem);
        }
        let (name, origin) = name?;
        Some(Project {
            name,
            strict,
            servers,
            default_server,
            fleet,
            environments,
            environment,
            blueprints: blueprints.into_iter().map(|(name, it)| (name, it.source)).collect(),
            secrets,
            outputs,
            policy,
            origin,
        })
    }

    fn name(&mut self, entry: &Entry<'_>) -> Option<String> {
        let name = self.text(entry)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !name.is_empty() && name.len() <= 100 && name.chars().all(allowed) {
            return Some(name);
        }
        let problem = Problem::error("this is no name for a project")
            .at(self.place(entry), "expected up to 100 letters, digits, `.`, `_` and `-`")
            .help("it becomes part of a clientId on the server");
        self.problems.push(problem);
        None
    }

    fn default_server(
        &mut self,
        written: Option<(String, Place)>,
        servers: &BTreeMap<String, Server>,
    ) -> Option<String> {
        let Some((name, place)) = written else {
            let only = servers.len() == 1;
            return servers.keys().next().filter(|_| only).cloned();
        };
        self.check_server(&name, place, servers);
        Some(name)
    }

    /// A server that is named is one of the project's.
    pub(super) fn check_server(&mut self, name: &str, place: Place, servers: &BTreeMap<String, Server>) {
        if !servers.contains_key(name) {
            let problem = Problem::error(format!("there is no server `{name}`"))
                .at(place, "unknown server")
                .help(format!("write [servers.{name}]"))
                .maybe_help(did_you_mean(name, servers.keys().map(String::as_str)));
            self.problems.push(problem);
        }
    }

    fn servers(&mut self, entry: &Entry<'_>) -> BTreeMap<String, Server> {
        let Some(table) = self.table(entry) else { return BTreeMap::new() };
        entries(table).filter_map(|entry| Some((entry.name.to_owned(), self.server(&entry)?))).collect()
    }

    fn server(&mut self, entry: &Entry<'_>) -> Option<Server> {
        let table = self.table(entry)?;
        let origin = self.place(entry).origin();
        let mut server = empty_server(origin);
        for entry in entries(table) {
            match entry.name {
                "url" => server.url = self.text(&entry).unwrap_or_default(),
                "realm" => server.realm = self.text(&entry),
                "clientId" => server.client_id = self.text(&entry),
                "clientSecret" => server.client_secret = self.secret(&entry),
                "username" => server.username = self.text(&entry),
                "password" => server.password = self.secret(&entry),
                "accessToken" => server.access_token = self.secret(&entry),
                "caFile" => server.ca_file = self.text(&entry).map(PathBuf::from),
                "identity" => server.identity = self.secret(&entry),
                "timeout" => server.timeout = self.seconds(&entry),
                "parallelism" => server.parallelism = self.count(&entry, 1..=64),
                "maxRealms" => server.max_realms = self.count(&entry, 0..=1_000_000).unwrap_or(MAX_REALMS),
                "weight" => {
                    let weight = self.count(&entry, 1..=1000).and_then(|weight| u32::try_from(weight).ok());
                    server.weight = weight.unwrap_or(1);
                }
                "labels" => server.labels = self.labels(&entry),
                _ => self.unknown("a server", &entry, SERVER),
            }
        }
        if table.get("url").is_none() {
            let problem = Problem::error(format!("the server `{}` has no `url`", entry.name))
                .at(self.place(entry), "expected `url = \"https://…\"`");
            self.problems.push(problem);
        }
        Some(server)
    }

    fn labels(&mut self, entry: &Entry<'_>) -> BTreeMap<String, String> {
        let Some(table) = self.table(entry) else { return BTreeMap::new() };
        entries(table).filter_map(|entry| Some((entry.name.to_owned(), self.text(&entry)?))).collect()
    }

    /// `fleet = "all"`, or the names of servers.
    pub(super) fn fleet(&mut self, entry: &Entry<'_>, servers: &BTreeMap<String, Server>) -> Option<Vec<String>> {
        if entry.node.as_text() == Some("all") {
            let mut all: Vec<&String> = servers.keys().collect();
            all.sort_by_key(|name| servers[*name].origin.span.start);
            return Some(all.into_iter().cloned().collect());
        }
        let is_list = matches!(&entry.node.shape, Shape::List(items) if !items.is_empty());
        let names = if is_list { self.placed_texts(entry) } else { Vec::new() };
        if names.is_empty() {
            return self.expect(entry, "\"all\", or a list of servers", None);
        }
        let mut fleet = Vec::new();
        for (name, place) in names {
            self.check_server(&name, place, servers);
            if !fleet.contains(&name) {
                fleet.push(name);
            }
        }
        Some(fleet)
    }

    /// Whether the name of an entry can be that of a folder in a reserved one.
    pub(super) fn is_folder_name(&mut self, entry: &Entry<'_>, of: &str, above: &str) -> bool {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_name = !entry.name.is_empty() && !entry.name.starts_with('.') && entry.name.chars().all(is_plain);
        if !is_name {
            let problem = Problem::error(format!("`{}` is no name for {of}", entry.name))
                .at(self.place(entry), "expected letters, digits, `-`, `_` and `.`, not beginning with a `.`")
                .help(format!("its files are in {above}/NAME"));
            self.problems.push(problem);
        }
        is_name
    }

    pub(super) fn text(&mut self, entry: &Entry<'_>) -> Option<String> {
        let text = entry.node.as_text();
        self.expect(entry, "text", text.map(str::to_owned))
    }

    pub(super) fn texts(&mut self, entry: &Entry<'_>) -> Vec<String> {
        self.placed_texts(entry).into_iter().map(|(text, _)| text).collect()
    }

    /// The texts of a list, each with its place.
    pub(super) fn placed_texts(&mut self, entry: &Entry<'_>) -> Vec<(String, Place)> {
        let place = |node: &Node<'_>| Place::new(self.source, node.span.clone());
        let texts = match &entry.node.shape {
            Shape::List(items) => items.iter().map(|item| Some((item.as_text()?.to_owned(), place(item)))).collect(),
            _ => None,
        };
        self.expect(entry, "a list of texts", texts).unwrap_or_default()
    }

    pub(super) fn boolean(&mut self, entry: &Entry<'_>) -> Option<bool> {
        let value = if let Shape::Bool(it) = entry.node.shape { Some(it) } else { None };
        self.expect(entry, "true or false", value)
    }

    pub(super) fn count(&mut self, entry: &Entry<'_>, range: std::ops::RangeInclusive<usize>) -> Option<usize> {
        let number = if let Shape::Int(it) = entry.node.shape { usize::try_from(it).ok() } else { None };
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.expect(entry, &expected, number.filter(|it| range.contains(it)))
    }

    pub(super) fn seconds(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        let seconds = match entry.node.shape {
            Shape::Int(number) => Some(number),
            Shape::Text(text) => parse_seconds(text),
            _ => None,
        };
        let seconds = seconds.and_then(|it| u64::try_from(it).ok()).filter(|it| *it > 0);
        self.expect(entry, "a number of seconds or a duration such as \"30s\"", seconds.map(Duration::from_secs))
    }

    /// A secret that is needed before any other can be looked up.
    pub(super) fn plain_secret(&mut self, entry: &Entry<'_>) -> Option<SecretRef> {
        let is_plain = |source: &Entry<'_>| matches!(source.name, "env" | "file");
        if entry.node.as_table().is_some_and(|table| table.len() == 1 && entries(table).all(|it| is_plain(&it))) {
            return self.secret(entry);
        }
        let problem = Problem::error(format!("`{}` is needed to sign in to the vault", entry.name))
            .at(self.place(entry), "expected { env = \"NAME\" } or { file = \"path\" }");
        let is_written_here = entry.node.as_text().is_some();
        let help = is_written_here.then_some("if this was ever committed, replace the secret, since git keeps it");
        self.problems.push(problem.maybe_help(help.map(str::to_owned)));
        None
    }

    fn secret(&mut self, entry: &Entry<'_>) -> Option<SecretRef> {
        let context = secret::Context { source: self.source, programs: &self.programs, of: None };
        match context.read(entry.name, &self.place(entry), &entry.node) {
            Ok(SecretRef::Keep) => {
                let problem = Problem::error(format!("`{}` is needed to sign in", entry.name))
                    .at(self.place(entry), "there is nothing on the server to keep")
                    .help("write { env = \"NAME\" }, { file = \"path\" } or where else it comes from");
                self.problems.push(problem);
                None
            }
            Ok(reference) => Some(reference),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    pub(super) fn table<'n>(&mut self, entry: &Entry<'n>) -> Option<&'n Table> {
        let table = Node::as_table(&entry.node);
        self.expect(entry, "a table", table)
    }

    pub(super) fn expect<T>(&mut self, entry: &Entry<'_>, expected: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            let label = match entry.node.shape {
                // The number is the mistake, and it is in the excerpt.
                Shape::Int(_) => format!("expected {expected}"),
                _ => format!("expected {expected}, found {}", entry.node.found()),
            };
            let problem = Problem::error(format!("`{}` has the wrong value", entry.name)).at(self.place(entry), label);
            self.problems.push(problem);
        }
        value
    }

    /// An error, never a warning: a misspelt guard would guard nothing.
    pub(super) fn unknown(&mut self, table: &str, entry: &Entry<'_>, known: &[&str]) {
        let place = self.place(entry);
        let problem = if FUTURE.contains(&entry.name) {
            Problem::error(format!("`{}` is not supported by this version yet", entry.name))
                .at(place, "not supported yet")
        } else {
            Problem::error(format!("{table} has no `{}`", entry.name))
                .at(place, "unknown setting")
                .help(format!("expected {}", one_of(known)))
                .maybe_help(did_you_mean(entry.name, known.iter().copied()))
        };
        self.problems.push(problem);
    }

    pub(super) fn place(&self, entry: &Entry<'_>) -> Place {
        Place::new(self.source, entry.key.clone())
    }
}

fn empty_server(origin: Origin) -> Server {
    Server {
        url: String::new(),
        realm: None,
        client_id: None,
        client_secret: None,
        username: None,
        password: None,
        access_token: None,
        ca_file: None,
        identity: None,
        timeout: None,
        parallelism: None,
        max_realms: MAX_REALMS,
        weight: 1,
        labels: BTreeMap::new(),
        origin,
    }
}
