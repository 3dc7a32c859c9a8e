//! What a project's files say, as values: a small universe of objects and fields, and how it is written as TOML.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::random::Random;

/// By address within the realm: which of its choices each declared field has.
pub(super) type Choices = BTreeMap<String, BTreeMap<&'static str, usize>>;

/// A declared field: as it is written, and as the server has it. The value of a secret is its variable.
pub(super) struct Said {
    pub(super) toml: String,
    pub(super) raw: Value,
}

/// The files of one of the two projects, which have objects of their own, and fields of their own in what they share.
#[derive(Clone, PartialEq)]
pub(super) struct Files {
    who: usize,
    /// Whether they ask for admin events.
    events: bool,
    pub(super) objects: Choices,
}

/// A field that files may declare.
struct Leaf {
    path: &'static str,
    choices: &'static [&'static str],
    /// What the server has where nobody said anything.
    default: &'static str,
}

const SHARED: &str = "clients/shared";

const NAME: Leaf = leaf("name", &["\"One\"", "\"Two ü\""], "null");
const DESCRIPTION: Leaf = leaf("description", &["\"One\"", "\"Two 'quoted'\""], "null");
const REDIRECTS: Leaf = leaf(
    "redirectUris",
    &["[\"https://one.example/*\"]", "[\"https://one.example/*\", \"https://two.example/\"]", "[]"],
    "null",
);
const SECRET: Leaf = leaf("secret", &["SECRET_0", "SECRET_1"], "null");
const TEXT_ATTRIBUTE: Leaf = leaf("attributes.k", &["\"one\"", "\"two\""], "null");
const LIST_ATTRIBUTE: Leaf = leaf("attributes.k", &["[\"one\"]", "[\"one\", \"two\"]"], "null");
/// A choice is a set of roles, those with a bit.
const COMPOSITES: Leaf = leaf("composites", &["", "", "", ""], "null");
const REALM_ROLES: Leaf = leaf("realmRoles", &["", "", "", ""], "null");
const EXECUTIONS: Leaf = leaf("executions", &["", "", ""], "null");
const FLOWS: [(&str, &[&str]); 3] = [
    ("[{ authenticator = \"auth-cookie\", requirement = \"ALTERNATIVE\" }]", &["0 ALTERNATIVE auth-cookie"]),
    (
        "[{ authenticator = \"auth-cookie\", requirement = \"DISABLED\" }, \
         { authenticator = \"identity-provider-redirector\", requirement = \"ALTERNATIVE\" }]",
        &["0 DISABLED auth-cookie", "0 ALTERNATIVE identity-provider-redirector"],
    ),
    (
        "[{ authenticator = \"identity-provider-redirector\", requirement = \"ALTERNATIVE\" }, \
         { flow = \"FLOW forms\", requirement = \"ALTERNATIVE\", executions = [\
         { authenticator = \"auth-username-password-form\", requirement = \"REQUIRED\" }] }, \
         { authenticator = \"auth-cookie\", requirement = \"ALTERNATIVE\" }]",
        &[
            "0 ALTERNATIVE identity-provider-redirector",
            "0 ALTERNATIVE FLOW forms",
            "1 REQUIRED auth-username-password-form",
            "0 ALTERNATIVE auth-cookie",
        ],
    ),
];

const fn leaf(path: &'static str, choices: &'static [&'static str], default: &'static str) -> Leaf {
    Leaf { path, choices, default }
}

/// The fields that a project may declare of an object.
fn leaves(address: &str, who: usize) -> Vec<Leaf> {
    match kind(address) {
        "" if who == 0 => vec![
            leaf("displayName", &["\"One\"", "\"Two\""], "null"),
            leaf("accessTokenLifespan", &["60", "120"], "300"),
            leaf("attributes.a", &["\"one\"", "\"two\""], "null"),
        ],
        "" => vec![
            leaf("bruteForceProtected", &["true", "false"], "false"),
            leaf("ssoSessionIdleTimeout", &["900", "1200"], "1800"),
            leaf("attributes.b", &["\"one\"", "\"two\""], "null"),
        ],
        "clients" if address == SHARED && who == 0 => vec![NAME, REDIRECTS, TEXT_ATTRIBUTE],
        "clients" if address == SHARED => vec![DESCRIPTION, SECRET],
        "clients" => vec![NAME, DESCRIPTION, REDIRECTS, SECRET, TEXT_ATTRIBUTE],
        "protocolMappers" => vec![
            leaf("config.\"claim.value\"", &["\"one\"", "\"two\""], "null"),
            leaf("config.\"id.token.claim\"", &["\"true\"", "\"false\""], "null"),
        ],
        "roles" if address.starts_with("roles/") => vec![DESCRIPTION, LIST_ATTRIBUTE, COMPOSITES],
        "roles" => vec![DESCRIPTION, LIST_ATTRIBUTE],
        "groups" => vec![LIST_ATTRIBUTE, REALM_ROLES],
        "clientScopes" => vec![DESCRIPTION, TEXT_ATTRIBUTE],
        "authenticationFlows" => vec![DESCRIPTION, EXECUTIONS],
        other => panic!("{other}"),
    }
}

/// The collection that an object is in; empty for the realm.
pub(super) fn kind(address: &str) -> &str {
    if address.starts_with("groups/") {
        return "groups";
    }
    address.rsplit('/').nth(1).unwrap_or_default()
}

/// What an object hangs below, other than the realm.
pub(super) fn owner(address: &str) -> Option<&str> {
    let parts: Vec<_> = address.match_indices('/').map(|(at, _)| at).collect();
    (kind(address) != "groups" && parts.len() == 3).then(|| &address[..parts[1]])
}

/// What the server has of a field that nobody declares.
pub(super) fn default_of(address: &str, path: &str) -> Value {
    let both = leaves(address, 0).into_iter().chain(leaves(address, 1));
    let leaf = both.into_iter().find(|leaf| leaf.path == path);
    let leaf = leaf.unwrap_or_else(|| panic!("{address} has no {path}"));
    serde_json::from_str(leaf.default).unwrap()
}

/// The objects that a project may declare.
pub(super) fn pool(who: usize) -> Vec<String> {
    let letter = ["a", "b"][who];
    [
        "roles/%-r0",
        "roles/%-r1",
        "roles/%-r2",
        "clients/%-c0",
        "clients/%-c0/roles/use",
        "clients/%-c0/protocolMappers/claim",
        "clients/%-c1",
        "clients/%-c1/roles/use",
        "clients/%-c1/protocolMappers/claim",
        "clients/shared/roles/%-use",
        "clients/shared/protocolMappers/%-claim",
        "groups/\"/%-g0\"",
        "clientScopes/%-s",
        "clientScopes/%-s/protocolMappers/claim",
        "authenticationFlows/%-flow",
    ]
    .map(|it| it.replace('%', letter))
    .into()
}

impl Files {
    /// No more than what is always declared: the realm, and the client that both projects share.
    pub(super) fn new(who: usize, events: bool) -> Self {
        let objects = ["", SHARED].map(|it| (it.to_owned(), BTreeMap::new())).into();
        Self { who, events, objects }
    }

    /// Says something else; answers what.
    pub(super) fn edit(&mut self, random: &mut Random) -> String {
        let mut addresses = pool(self.who);
        addresses.extend([String::new(), SHARED.to_owned()]);
        let address = random.pick(&addresses).clone();
        let is_fixed = address.is_empty() || address == SHARED;
        if !self.objects.contains_key(&address) {
            for address in owner(&address).map(str::to_owned).into_iter().chain([address.clone()]) {
                if !self.objects.contains_key(&address) {
                    let leaves = self.some_leaves(&address, random);
                    self.objects.insert(address, leaves);
                }
            }
            return format!("adds {address}");
        }
        if !is_fixed && random.one_in(4) {
            self.objects.retain(|it, _| *it != address && owner(it) != Some(&*address));
            return format!("removes {address}");
        }
        let leaf = random.take(leaves(&address, self.who));
        let object = self.objects.get_mut(&address).unwrap();
        if object.contains_key(leaf.path) && random.one_in(3) && leaf.path != EXECUTIONS.path {
            object.remove(leaf.path);
            return format!("removes {} of {address}", leaf.path);
        }
        let choice = random.below(leaf.choices.len());
        object.insert(leaf.path, choice);
        format!("sets {} of {address} to choice {choice}", leaf.path)
    }

    fn some_leaves(&self, address: &str, random: &mut Random) -> BTreeMap<&'static str, usize> {
        let mut chosen = BTreeMap::new();
        for leaf in leaves(address, self.who) {
            if leaf.path == EXECUTIONS.path || random.one_in(2) {
                chosen.insert(leaf.path, random.below(leaf.choices.len()));
            }
        }
        chosen
    }

    /// All that is declared, by address and path.
    pub(super) fn said(&self) -> BTreeMap<String, BTreeMap<String, Said>> {
        let objects = self.objects.iter().map(|(address, choices)| {
            let chosen = choices.iter().map(|(path, choice)| ((*path).to_owned(), self.chosen(address, path, *choice)));
            let mut leaves: BTreeMap<String, Said> = chosen.collect();
            let mut always = |path: &str, json: &str| leaves.insert(path.to_owned(), plain(json));
            match kind(address) {
                "protocolMappers" => {
                    always("protocolMapper", "\"oidc-hardcoded-claim-mapper\"");
                    always("config.\"claim.name\"", "\"claim\"");
                }
                "" if self.who == 0 && self.events => drop(always("adminEventsEnabled", "true")),
                _ => {}
            }
            (address.clone(), leaves)
        });
        objects.collect()
    }

    fn chosen(&self, address: &str, path: &str, choice: usize) -> Said {
        match path {
            "secret" => {
                let name = SECRET.choices[choice];
                Said { toml: format!("{{ env = \"{name}\" }}"), raw: json!(name) }
            }
            "composites" | "realmRoles" => {
                let roles = pool(self.who).into_iter().filter(|it| it.starts_with("roles/"));
                let below = roles.take(2).take_while(|it| it != address).enumerate();
                let known = below.filter(|(bit, it)| choice >> bit & 1 == 1 && self.objects.contains_key(it));
                let names: Vec<String> = known.map(|(_, it)| it["roles/".len()..].to_owned()).collect();
                plain(&json!(names).to_string())
            }
            "executions" => {
                let (toml, raw) = FLOWS[choice];
                let flow = address.rsplit('/').next().unwrap();
                let raw: Vec<String> = raw.iter().map(|it| it.replace("FLOW", flow)).collect();
                Said { toml: toml.replace("FLOW", flow), raw: json!(raw) }
            }
            _ => {
                let leaves = leaves(address, self.who);
                plain(leaves.iter().find(|leaf| leaf.path == path).unwrap().choices[choice])
            }
        }
    }

    /// The files of the realm's folder: the second client of each project has one of its own.
    pub(super) fn texts(&self) -> BTreeMap<String, String> {
        let (mut realm, mut client) = (String::new(), String::new());
        let own = pool(self.who).into_iter().find(|it| it.ends_with("-c1")).unwrap();
        for (address, leaves) in self.said() {
            let (text, within) = match address.strip_prefix(&own) {
                Some(within) => (&mut client, within.trim_start_matches('/')),
                None => (&mut realm, &*address),
            };
            if !within.is_empty() {
                let header = match within.strip_prefix("groups/") {
                    Some(name) => format!("groups.{name}"),
                    None => within.replace('/', "."),
                };
                writeln!(text, "[{header}]").unwrap();
            }
            for (path, said) in leaves {
                writeln!(text, "{path} = {}", said.toml).unwrap();
            }
        }
        let mut texts = BTreeMap::from([("realm.toml".to_owned(), realm)]);
        if self.objects.contains_key(&own) {
            texts.insert(format!("{own}.toml"), client);
        }
        texts
    }
}

/// What TOML and JSON write alike.
fn plain(json: &str) -> Said {
    Said { toml: json.to_owned(), raw: serde_json::from_str(json).unwrap() }
}
