//! `[outputs]` of the project file: what is handed over of what an apply made, and where it goes.
//!
//! - `read`: what the file says.
//! - `each`: what that comes to for each client or realm that is meant.

mod each;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

pub(super) use each::of_all;
pub use each::{OutputFault, destinations, outputs};
pub(super) use read::{FACTS, read};

use super::template;
use crate::model::{Address, Destination, Kind, Origin, kinds, matches};

/// What the project file says of outputs, by their names.
pub type Outputs = BTreeMap<String, OutputRule>;

/// What templates call the registration access token of `client`.
pub const REGISTRATION_TOKEN: &str = "registrationAccessToken";

/// What templates call the generated password of `user`.
pub const PASSWORD: &str = "password";

/// Templates by the name of what they make.
pub type Templates = BTreeMap<String, String>;

/// What is handed over of a client, of a user or of a realm, or of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputRule {
    /// What it is of.
    pub of: Subject,
    /// What is handed over. Names and URLs in it may be templates of what is known before an apply.
    pub content: OutputContent,
    /// The file that it goes into, relative to the project, as such a template.
    pub file: Option<String>,
    /// The folder in which each value is a file of its own, as such a template.
    pub directory: Option<String>,
    /// The secret of a vault that it goes into, `mount/path` or `mount/path#key`, as such a template.
    pub vault: Option<String>,
    /// What the blueprint that it is written in was given, by the names of its parameters.
    pub parameters: Map<String, Json>,
    /// Where it is written.
    pub origin: Origin,
}

impl OutputRule {
    /// Whether it goes anywhere, and is not only printed.
    fn is_handed_over(&self) -> bool {
        self.file.is_some() || self.directory.is_some() || self.vault.is_some()
    }
}

/// What an output is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A client, a user, or a realm.
    One(Address),
    /// The declared clients that match.
    Clients {
        /// Their realms, `*` standing for any text.
        realm: String,
        /// Their clientIds, likewise.
        client: String,
    },
    /// Clients that are known one by one.
    Each(BTreeSet<Address>),
    /// The declared realms that match.
    Realms(String),
}

impl Subject {
    fn kind(&self) -> &'static Kind {
        match self {
            Self::One(address) => address.kind(),
            Self::Clients { .. } | Self::Each(_) => &kinds::CLIENT,
            Self::Realms(_) => &kinds::REALM,
        }
    }

    fn matches(&self, address: &Address) -> bool {
        match self {
            Self::One(one) => one == address,
            Self::Clients { realm, client } => matches(realm, address.realm_name()) && matches(client, address.name()),
            Self::Each(clients) => clients.contains(address),
            Self::Realms(realm) => matches(realm, address.realm_name()),
        }
    }
}

/// What is handed over of one client, user or realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// The client, the user or the realm.
    pub of: Address,
    /// What is handed over.
    pub content: OutputContent,
    /// Where it goes; nowhere when it is only printed.
    pub destinations: BTreeMap<Destination, Part>,
    /// The declared clients of the realm, by their clientIds, where the templates tell of them.
    pub clients: Option<Arc<BTreeSet<String>>>,
    /// Whether the templates tell what an apply issues and nobody can read again: a client's registration access token, or a
    /// user's password.
    pub has_issued: bool,
    /// What templates may use beside the facts of a realm.
    pub parameters: Map<String, Json>,
    /// Where it is written.
    pub origin: Origin,
}

/// What of an output goes to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its text.
    Whole,
    /// The value of that name.
    Value(String),
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
    /// The templates of its values, by their names; `None` where it is one text.
    pub fn values(&self) -> Option<&Templates> {
        match self {
            Self::Env(values) | Self::Json(values) | Self::Manifest(Manifest { values, .. }) => Some(values),
            Self::Text(_) | Self::Kubeconfig(_) => None,
        }
    }

    /// The facts that the templates use.
    pub fn facts(&self) -> BTreeSet<String> {
        self.templates().flat_map(|text| template::names(text)).flatten().collect()
    }

    fn has_issued(&self) -> bool {
        let tells = |text: &String, of, what| template::members(text, of).contains(what);
        self.templates().any(|text| tells(text, "client", REGISTRATION_TOKEN) || tells(text, "user", PASSWORD))
    }

    fn templates(&self) -> impl Iterator<Item = &String> {
        let text = if let Self::Text(text) = self { Some(text) } else { None };
        self.values().into_iter().flat_map(BTreeMap::values).chain(text)
    }
}
