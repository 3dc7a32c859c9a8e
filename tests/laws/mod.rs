//! What holds for every two states of a realm: tried on values, and the same script on the server, so that the values
//! cannot lie.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use realmform::apply::memory::Memory;
use realmform::apply::server::Server;
use realmform::apply::{Executor, OpenError, Outcome, Run, Secrets, Stamp};
use realmform::desired;
use realmform::diff::{self, Diff};
use realmform::keycloak::http::Http;
use realmform::keycloak::{Holder, Interest, ServerError, read_realm};
use realmform::model::{Address, DesiredRealm, Live, LiveObject, LiveRealm, Record, SecretRef, kinds};
use realmform::plan::{self, Plan, Policy, RealmPlan, Step};
use realmform::secrets::Fingerprint;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;

use crate::support::run::{Project, admin, block};

/// A small realm in which everything may refer to everything.
#[derive(Clone, Debug)]
struct State {
    label: u8,
    lifespan: Option<u16>,
    roles: BTreeMap<u8, BTreeSet<u8>>,
    scopes: BTreeMap<u8, bool>,
    clients: BTreeMap<u8, App>,
    groups: BTreeMap<u8, BTreeSet<u8>>,
}

#[derive(Clone, Debug)]
struct App {
    label: Option<u8>,
    secret: Option<u8>,
    mapper: Option<u8>,
    roles: BTreeSet<u8>,
    scopes: BTreeSet<u8>,
}

fn some() -> impl Strategy<Value = BTreeSet<u8>> {
    prop::collection::btree_set(0..4_u8, 0..4)
}

fn app() -> impl Strategy<Value = App> {
    let label = || prop::option::of(0..2_u8);
    (label(), label(), label(), some(), some()).prop_map(|(label, secret, mapper, roles, scopes)| App {
        label,
        secret,
        mapper,
        roles,
        scopes,
    })
}

fn state() -> impl Strategy<Value = State> {
    let table = || prop::collection::btree_map(0..4_u8, some(), 0..4);
    let scopes = prop::collection::btree_map(0..4_u8, any::<bool>(), 0..3);
    let clients = prop::collection::btree_map(0..3_u8, app(), 0..3);
    (0..2_u8, prop::option::of(60..99_u16), table(), scopes, clients, table()).prop_map(
        |(label, lifespan, roles, scopes, clients, groups)| State { label, lifespan, roles, scopes, clients, groups },
    )
}

impl State {
    fn text(&self) -> String {
        let mut text = format!("displayName = \"{}\"\n", self.label);
        if let Some(it) = self.lifespan {
            writeln!(text, "accessTokenLifespan = {it}").unwrap();
        }
        for (role, below) in &self.roles {
            // A role may be composed of those with a smaller number, and of client roles.
            let below: BTreeSet<u8> = below.iter().copied().filter(|it| it < role).collect();
            writeln!(text, "[roles.r{role}]\ncomposites = {}", self.names(&below)).unwrap();
        }
        for (scope, has_mapper) in &self.scopes {
            writeln!(text, "[clientScopes.s{scope}]\nprotocol = \"openid-connect\"").unwrap();
            has_mapper.then(|| mapper(&mut text, &format!("clientScopes.s{scope}"), 0));
        }
        for (group, roles) in &self.groups {
            let path = if *group < 2 || !self.groups.contains_key(&0) {
                format!("/g{group}")
            } else {
                format!("/g0/g{group}")
            };
            writeln!(text, "[groups.\"{path}\"]\nrealmRoles = {}", self.names(roles)).unwrap();
        }
        self.clients.iter().for_each(|(number, app)| self.client(&mut text, *number, app));
        text
    }

    fn client(&self, text: &mut String, number: u8, app: &App) {
        let App { label, secret, mapper: value, roles, scopes } = app;
        writeln!(text, "[clients.c{number}]").unwrap();
        if let Some(it) = label {
            writeln!(text, "name = \"{it}\"").unwrap();
        }
        if let Some(it) = secret {
            writeln!(text, "secret = {{ env = \"SECRET_{it}\" }}").unwrap();
        }
        let scopes: Vec<String> =
            scopes.iter().filter(|it| self.scopes.contains_key(it)).map(|it| format!("s{it}")).collect();
        writeln!(text, "defaultClientScopes = {scopes:?}").unwrap();
        for role in roles {
            writeln!(text, "roles.x{role} = {{}}").unwrap();
        }
        if let Some(value) = value {
            mapper(text, &format!("clients.c{number}"), *value);
        }
    }

    fn names(&self, roles: &BTreeSet<u8>) -> String {
        let known: Vec<String> =
            roles.iter().filter(|it| self.roles.contains_key(it)).map(|it| format!("r{it}")).collect();
        format!("{known:?}")
    }

    fn desired(&self, realm: &str) -> DesiredRealm {
        let files: BTreeMap<PathBuf, Vec<u8>> = [
            ("realmform.toml".into(), b"name = \"laws\"".to_vec()),
            (format!("{realm}/realm.toml").into(), self.text().into_bytes()),
        ]
        .into();
        let loaded = desired::load(&files, &desired::Options::default());
        let loaded = loaded.unwrap_or_else(|e| panic!("{}\n{}", desired::render(&e.0, false, 100), self.text()));
        loaded.desired.realms[realm].clone()
    }
}

fn mapper(text: &mut String, owner: &str, value: u8) {
    writeln!(
        text,
        "[{owner}.protocolMappers.claim]\nprotocolMapper = \"oidc-hardcoded-claim-mapper\"\n\
         config = {{ \"claim.name\" = \"x\", \"claim.value\" = \"{value}\", \"id.token.claim\" = true }}"
    )
    .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever a realm was and shall be, and wherever the way there is cut off: the next run arrives, and what is not
    /// ours stays as it is.
    #[test]
    fn every_way_arrives(before in state(), after in state(), cut in 0..40_usize, killed in any::<bool>()) {
        let (before, after) = (before.desired("laws"), after.desired("laws"));
        let live = block(run(&before, LiveRealm::default(), usize::MAX, false));
        prop_assert!(left(&before, &live).is_empty());
        let (live, ours) = with_neighbours(live);
        let live = block(run(&after, live, cut, killed));
        let live = block(run(&after, live, usize::MAX, false));
        prop_assert!(left(&after, &live).is_empty(), "{:?}", left(&after, &live));
        for (address, object) in &ours {
            prop_assert_eq!(live.objects.get(address), Some(object));
        }
        // Nothing of the state before is left over but what the state after has, too.
        let extra: Vec<_> =
            live.objects.keys().filter(|it| !after.objects.contains_key(it) && !ours.contains_key(it)).collect();
        prop_assert!(extra.is_empty(), "{extra:?}");
    }

    /// A creation that is cut off and then taken back leaves nothing.
    #[test]
    fn every_way_leads_back(before in state(), after in state(), cut in 0..40_usize, killed in any::<bool>()) {
        let (before, after) = (before.desired("laws"), after.desired("laws"));
        let live = block(run(&before, LiveRealm::default(), usize::MAX, false));
        let cut_off = block(run(&after, live, cut, killed));
        let back = block(run(&before, cut_off, usize::MAX, false));
        prop_assert!(left(&before, &back).is_empty());
        prop_assert_eq!(back.objects.keys().collect::<Vec<_>>(), before.objects.keys().collect::<Vec<_>>());
    }
}

/// The same states, one after the other, on values and on the server.
#[test]
fn values_tell_the_same_as_the_server() {
    let project = Project::new("laws-real");
    let realm = project.realm.as_str();
    let mut runner = TestRunner::deterministic();
    let states: Vec<State> = (0..6).map(|_| state().new_tree(&mut runner).unwrap().current()).collect();
    block(async {
        let http = admin().await;
        let mut values = LiveRealm::default();
        for state in states {
            let desired = state.desired(realm);
            values = run(&desired, values, usize::MAX, false).await;
            let server = run_on_server(&http, realm, &desired).await;
            assert_eq!(declared(&desired, &values), declared(&desired, &server), "{}", state.text());
            let left = left(&desired, &server);
            assert!(left.is_empty(), "{left:?}\n{}", state.text());
        }
    });
}

/// The declared leaves as they are now.
fn declared(desired: &DesiredRealm, live: &LiveRealm) -> Vec<String> {
    let mut leaves = Vec::new();
    for (address, object) in &desired.objects {
        let found = live.objects.get(address);
        for path in object.fields.keys() {
            let value = found.map(|found| found.fields.get(path));
            leaves.push(format!("{address} {path} {value:?}"));
        }
    }
    leaves
}

/// Applies on values; `killed` leaves the record as a dead run does.
async fn run(desired: &DesiredRealm, live: LiveRealm, budget: usize, killed: bool) -> LiveRealm {
    let realm = desired.objects.keys().next().unwrap().realm_name().to_owned();
    let (plan, live) = planned(desired, live);
    let (secrets, previous) = (secrets(), live.record.clone());
    let executor = Mortal { memory: Memory::new(live, &secrets, budget), killed };
    carry_out(&realm, &plan.realms[&realm], previous.as_ref(), &secrets, &executor).await.unwrap();
    executor.memory.into_live()
}

async fn run_on_server(http: &Http, realm: &str, desired: &DesiredRealm) -> LiveRealm {
    let read = async || read_realm(http, "laws", &realm.to_owned(), Interest::of(desired)).await.unwrap();
    let (plan, live) = planned(desired, read().await.unwrap_or_default());
    let exists = live.objects.contains_key(&Address::realm(realm));
    let (secrets, previous) = (secrets(), live.record.clone());
    let holder = Holder { actor: "laws".into(), host: "here".into(), process: 1, nonce: "laws".into() };
    let server = Server::new(http.clone(), "laws", realm, exists.then_some(live), &secrets, holder, Instant::now());
    let outcome = carry_out(realm, &plan.realms[realm], previous.as_ref(), &secrets, &server).await.unwrap();
    assert!(outcome.is_complete(), "{outcome:?}");
    read().await.unwrap()
}

async fn carry_out(
    realm: &str,
    plan: &RealmPlan,
    previous: Option<&Record>,
    secrets: &Secrets,
    executor: &impl Executor,
) -> Result<Outcome, OpenError> {
    let (_sender, interrupted) = watch::channel(false);
    let (realm, stamp) = (realm.to_owned(), Stamp::default());
    let run =
        Run { realm: &realm, plan, previous, secrets, stamp: &stamp, hand_over: None, parallelism: 4, interrupted };
    run.carry_out(executor, &mut |_| {}).await
}

/// What would be done, and the realm as it was looked at.
fn planned(desired: &DesiredRealm, live: LiveRealm) -> (Plan, LiveRealm) {
    let (diff, live) = compared(desired, live);
    let policy = Policy { limit_deletes: false, ..Policy::default() };
    (plan::plan(diff, &policy).unwrap(), live)
}

fn compared(desired: &DesiredRealm, live: LiveRealm) -> (Diff, LiveRealm) {
    let address = desired.objects.keys().next().unwrap().clone();
    let realm = address.realm_name().to_owned();
    let wanted = realmform::model::Desired {
        realms: [(realm.clone(), desired.clone())].into(),
        ..realmform::model::Desired::default()
    };
    if !live.objects.contains_key(&address) {
        return (diff::diff(&wanted, &Live::default(), &BTreeMap::new(), &Known), live);
    }
    let mut all = Live { realms: [(realm.clone(), live)].into() };
    let diff = diff::diff(&wanted, &all, &BTreeMap::new(), &Known);
    (diff, all.realms.remove(&realm).unwrap())
}

/// What still differs.
fn left(desired: &DesiredRealm, live: &LiveRealm) -> Vec<String> {
    let copy = LiveRealm { objects: live.objects.clone(), record: live.record.clone(), ..LiveRealm::default() };
    let (diff, _) = compared(desired, copy);
    let realms = diff.realms.into_values();
    realms.flat_map(|realm| realm.changes.into_iter().map(|it| format!("{it:?}"))).collect()
}

/// The realm with objects that somebody made by hand.
fn with_neighbours(mut live: LiveRealm) -> (LiveRealm, BTreeMap<Address, LiveObject>) {
    let realm = live.objects.keys().next().unwrap().clone();
    let client = realm.child(&kinds::CLIENT, "hand");
    let addresses = [
        client.child(&kinds::CLIENT_ROLE, "hand"),
        client,
        realm.child(&kinds::ROLE, "hand"),
        realm.child(&kinds::GROUP, "/hand"),
        realm.child(&kinds::CLIENT_SCOPE, "hand"),
    ];
    let object = |address: Address| {
        let object = LiveObject { kind: address.kind(), id: address.to_string(), fields: BTreeMap::new() };
        (address, object)
    };
    let neighbours: BTreeMap<_, _> = addresses.into_iter().map(object).collect();
    live.objects.extend(neighbours.clone());
    (live, neighbours)
}

fn secrets() -> Secrets {
    let of = |name: &str| (SecretRef::Env(name.into()), SecretString::from(format!("value of {name}")));
    ["SECRET_0", "SECRET_1"].into_iter().map(of).collect()
}

/// The secrets of this run.
struct Known;

impl diff::Secrets for Known {
    fn is_kept(&self, reference: &SecretRef) -> bool {
        matches!(reference, SecretRef::Generate { .. })
    }

    fn same(&self, reference: &SecretRef, live: &SecretString) -> bool {
        secrets().get(reference).is_some_and(|value| value.expose_secret() == live.expose_secret())
    }

    fn matches(&self, reference: &SecretRef, fingerprint: &str) -> bool {
        let print = serde_json::from_value::<Fingerprint>(fingerprint.into());
        secrets().get(reference).zip(print.ok()).is_some_and(|(value, print)| print.matches(value))
    }
}

/// Values on which a run may die before it writes what it achieved.
struct Mortal<'a> {
    memory: Memory<'a>,
    killed: bool,
}

impl Executor for Mortal<'_> {
    async fn found(&self, plan: &RealmPlan, step: &Step, intent: &Record) -> Result<(), OpenError> {
        self.memory.found(plan, step, intent).await
    }

    async fn open(&self, intent: &Record) -> Result<(), OpenError> {
        self.memory.open(intent).await
    }

    async fn run(&self, plan: &RealmPlan, step: &Step) -> Result<(), ServerError> {
        self.memory.run(plan, step).await
    }

    async fn close(&self, record: &Record) -> Result<(), ServerError> {
        if self.killed { Ok(()) } else { self.memory.close(record).await }
    }
}
