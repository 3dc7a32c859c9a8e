//! One project, three real servers: where realms go, and what becomes of them when one of the servers is not there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use realmform::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::schemas::Validator;
use crate::support::admin::Admin;
use crate::support::program::{Program, stdout};
use crate::support::proxy::{Fault, Proxy};
use crate::support::{Access, access_to, options, running, start};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Three servers of these tests alone, since what they count is realms; or `REALMFORM_TEST_FLEET_A`, `_B` and `_C`, in case
/// they run already.
pub(crate) fn servers() -> &'static [Access; 3] {
    static SERVERS: OnceLock<[Sandbox; 3]> = OnceLock::new();
    static ACCESS: OnceLock<[Access; 3]> = OnceLock::new();
    ACCESS.get_or_init(|| {
        if let [Some(a), Some(b), Some(c)] = ["A", "B", "C"].map(|it| running(&format!("REALMFORM_TEST_FLEET_{it}"))) {
            return [a, b, c];
        }
        // One after the other: three at once take longer than each is given.
        let start = |_| {
            let mut options = options();
            options.heap_mb = Some(400);
            start(options)
        };
        let started = SERVERS.get_or_init(|| [0, 1, 2].map(start));
        started.each_ref().map(access_to)
    })
}

/// A project on the three servers, each behind a wire that can break.
pub(crate) struct Fleet {
    pub(crate) program: Program,
    /// What the project file says of each server, without its address.
    of_servers: [String; 3],
    /// How many requests each server still answers before it fails.
    left: [Arc<AtomicU64>; 3],
    proxies: Vec<Proxy>,
    _runtime: tokio::runtime::Runtime,
    _turn: MutexGuard<'static, ()>,
}

const ALWAYS: u64 = u64::MAX / 2;

impl Fleet {
    /// With what the project file says of each server. No server has a realm.
    pub(crate) fn new(of_servers: [&str; 3]) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let left = [(); 3].map(|()| Arc::new(AtomicU64::new(ALWAYS)));
        let mut program = Program::new();
        let mut proxies = Vec::new();
        for (at, name) in NAMES.into_iter().enumerate() {
            let (access, left) = (&servers()[at], Arc::clone(&left[at]));
            let fails =
                move || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err();
            let proxy = Proxy::start(&access.http_url, move |_, _| fails().then_some(Fault::Status(500)));
            proxies.push(runtime.block_on(proxy));
            program = program.with(&format!("{}_PASSWORD", name.to_uppercase()), &access.password);
            for realm in realms(at) {
                Admin::at(&realm, access).delete_if_there("");
            }
        }
        program.git(&["init", "--quiet", "--initial-branch=main"]);
        let of_servers = of_servers.map(str::to_owned);
        let fleet = Self { program, of_servers, left, proxies, _runtime: runtime, _turn: turn };
        fleet.down(&[]);
        fleet
    }

    /// Has nobody answer at the addresses of these servers.
    pub(crate) fn down(&self, servers_down: &[usize]) {
        let mut project = "name = \"fleet\"\nfleet = \"all\"\n".to_owned();
        for (at, name) in NAMES.into_iter().enumerate() {
            let url = if servers_down.contains(&at) { "http://127.0.0.1:9".to_owned() } else { self.proxies[at].url() };
            let (user, variable) = (&servers()[at].user, format!("{}_PASSWORD", name.to_uppercase()));
            project.push_str(&format!(
                "[servers.{name}]\nurl = \"{url}\"\nusername = \"{user}\"\npassword = {{ env = \"{variable}\" }}\n{}\n",
                self.of_servers[at]
            ));
        }
        self.program.write("realmform.toml", project);
        self.commit();
    }

    pub(crate) fn commit(&self) {
        self.program.git(&["add", "--all"]);
        self.program.git(&["commit", "--quiet", "--allow-empty", "--message", "Change"]);
    }

    pub(crate) fn realm(&self, name: &str, text: &str) {
        self.program.write(&format!("{name}/realm.toml"), text);
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_dir_all(self.program.folder().join(path)).unwrap();
    }

    /// Lets a server answer so many requests, and fail then.
    fn answer(&self, server: usize, requests: u64) {
        self.left[server].store(requests, Ordering::SeqCst);
    }

    #[track_caller]
    pub(crate) fn run(&self, status: u8, arguments: &[&str]) -> String {
        let outcome = self.program.run(arguments);
        assert!(outcome.starts_with(&format!("status: {status}\n")), "{arguments:?}: {outcome}");
        outcome
    }

    #[track_caller]
    pub(crate) fn apply(&self) -> String {
        self.commit();
        let applied = self.run(0, &["apply", "--yes"]);
        self.run(0, &["plan", "--detailed-exitcode", "--strict"]);
        applied
    }

    fn plan(&self) -> Value {
        let plan = serde_json::from_str(stdout(&self.program.run(&["plan", "--format", "json"]))).unwrap();
        assert_eq!(Validator::of("output-plan").errors_in(&plan), "");
        plan
    }
}

/// The realms of a server.
fn realms(server: usize) -> Vec<String> {
    let realms = Admin::at("", &servers()[server]).get("");
    let names = realms.as_array().unwrap().iter().map(|realm| realm["realm"].as_str().unwrap().to_owned());
    let mut names: Vec<String> = names.filter(|name| name != "master").collect();
    names.sort();
    names
}

#[track_caller]
fn assert_realms(expected: [&[&str]; 3]) {
    assert_eq!([0, 1, 2].map(realms), expected.map(|of| of.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()));
}

#[test]
fn new_realms_are_placed_and_stay() {
    let fleet = Fleet::new([
        "maxRealms = 2\nlabels = { region = \"eu\" }",
        "maxRealms = 2\nlabels = { region = \"eu\" }\nweight = 2",
        "maxRealms = 2\nlabels = { region = \"us\" }",
    ]);
    for name in ["r1", "r2", "r3"] {
        fleet.realm(name, "[clients.portal]\n");
    }
    fleet.realm("us", "placement = { labels = { region = \"us\" } }\n");
    fleet.realm("here", "placement = { server = \"c\" }\n");
    let planned = fleet.run(2, &["plan", "--detailed-exitcode"]);
    let places = "+ New realms:\n      \
                  here on c: placement.server names it; 0 of 2 realms\n      \
                  r1 on b: the fewest realms for its weight among 3; 0 of 2 realms\n      \
                  r2 on a: the fewest realms for its weight among 3; 0 of 2 realms\n      \
                  r3 on b: the fewest realms for its weight among 3; 1 of 2 realms\n      \
                  us on c: the only one that fits and has room; 1 of 2 realms\n\n";
    assert!(stdout(&planned).starts_with(places), "{planned}");
    assert_realms([&[], &[], &[]]);
    let applied = fleet.apply();
    assert!(applied.contains("r1: read again, nothing is left to do."), "{applied}");
    assert_realms([&["r2"], &["r1", "r3"], &["here", "us"]]);

    // Two runs share the work.
    for name in ["r1", "r2", "r3", "here"] {
        fleet.realm(name, "displayName = \"Shared\"\n[clients.portal]\n");
    }
    fleet.commit();
    let of_shard = |shard: &str| {
        let plan = fleet.run(0, &["plan", "--shard", shard, "--format", "json"]);
        let plan: Value = serde_json::from_str(stdout(&plan)).unwrap();
        plan["realms"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let (first, second) = (of_shard("1/2"), of_shard("2/2"));
    assert!(!first.is_empty() && !second.is_empty());
    let mut both = [first, second].concat();
    both.sort();
    assert_eq!(both, ["here", "r1", "r2", "r3", "us"]);
    fleet.run(0, &["apply", "--yes", "--shard", "1/2"]);
    fleet.run(2, &["plan", "--detailed-exitcode"]);
    fleet.run(0, &["apply", "--yes", "--shard", "2/2"]);
    fleet.run(0, &["plan", "--detailed-exitcode"]);
    fleet.run(0, &["drift", "--shard", "2/2"]);
    let wrong = fleet.run(64, &["plan", "--shard", "3/2"]);
    assert!(wrong.contains("1/4 is the first of four"), "{wrong}");

    // Where it is, the servers say: from an empty clone and after other numbers, it is there still.
    let plan = fleet.plan();
    assert_eq!(plan["fleet"]["realms"]["r1"], json!({ "server": "b", "misplaced": false }));
    assert_eq!((&plan["fleet"]["partial"], &plan["fleet"]["unknown"]), (&json!(false), &json!([])));
    fleet.realm("us", "placement = { server = \"a\" }\n");
    let stays = fleet.run(0, &["plan", "--detailed-exitcode"]);
    assert!(stays.contains("warning: us is on c, and asks for a server called a; it stays there"), "{stays}");
    fleet.realm("us", "");

    // One place is left, for one of the two.
    fleet.realm("r4", "");
    fleet.realm("r5", "");
    let full = fleet.run(1, &["plan"]);
    assert!(
        full.contains(
            "error: there is no room for 1 realm (r5): a has 2 of 2, b has 2 of 2, c has 2 of 2; raise maxRealms by 1 in \
             all, or add a server\n"
        ),
        "{full}"
    );
    // What is there can be looked at all the same.
    fleet.run(0, &["explain", "r1/clients/portal"]);
    fleet.remove("r5");
    let wrong = "placement = { labels = { region = \"asia\" } }\n";
    fleet.realm("r4", wrong);
    let wrong = fleet.run(1, &["check"]);
    assert!(wrong.contains("no server of the fleet is one with region = asia"), "{wrong}");
    fleet.realm("r4", "");
    fleet.apply();
    assert_realms([&["r2", "r4"], &["r1", "r3"], &["here", "us"]]);

    // A name that is typed for one server, and another one's realm.
    let one = fleet.run(0, &["plan", "--server", "b", "--format", "json"]);
    let one: Value = serde_json::from_str(stdout(&one)).unwrap();
    assert_eq!(one["realms"].as_object().unwrap().keys().collect::<Vec<_>>(), ["r1", "r3"]);
    let unknown = fleet.run(64, &["plan", "--server", "d"]);
    assert!(unknown.contains("--server d: the fleet has only a, b, c"), "{unknown}");
    let url = fleet.run(64, &["plan", "--url", &servers()[0].http_url]);
    assert!(url.contains("the realms are spread over a, b, c; --server names one of them"), "{url}");

    // A saved plan is of one of them.
    fleet.realm("r1", "displayName = \"One\"\n[clients.portal]\n");
    fleet.commit();
    let several = fleet.run(64, &["plan", "--out", ".saved"]);
    assert!(several.contains("--out: a saved plan is of one server; say --server with one of a, b, c"), "{several}");
    fleet.run(0, &["plan", "--out", ".saved", "--server", "b"]);
    fleet.run(0, &["apply", ".saved"]);
    assert_eq!(Admin::at("r1", &servers()[1]).get("")["displayName"], "One");
    fleet.run(0, &["plan", "--detailed-exitcode"]);
    let unlocked = fleet.run(0, &["unlock"]);
    assert!(unlocked.contains("Nothing is locked (6 realms looked at)."), "{unlocked}");

    // Whoever leaves the files goes where it is.
    fleet.remove("r3");
    fleet.commit();
    let refused = fleet.run(4, &["apply", "--yes"]);
    assert!(refused.contains("--allow-destroy 'r3'"), "{refused}");
    fleet.run(0, &["apply", "--yes", "--allow-destroy", "r3"]);
    assert_realms([&["r2", "r4"], &["r1"], &["here", "us"]]);
    let changed = fleet.run(0, &["plan", "--changed"]);
    assert!(changed.contains("note: everything is planned in full: the realms are spread over a fleet"), "{changed}");
}

#[test]
fn of_two_realms_of_one_name_one_counts() {
    let fleet = Fleet::new([""; 3]);
    fleet.realm("twice", "placement = { server = \"b\" }\n[roles.clerk]\n");
    fleet.apply();
    // Somebody makes it on the others, too: on the first one of the fleet among them.
    let [first, ours, last] = [0, 1, 2].map(|at| Admin::at("twice", &servers()[at]));
    for other in [&first, &last] {
        other.post_realm(&json!({ "realm": "twice", "enabled": true, "displayName": "By hand" }));
    }
    fleet.realm("twice", "displayName = \"Twice\"\nplacement = { server = \"b\" }\n[roles.clerk]\n");
    let applied = fleet.apply();
    let warning = "warning: twice is on b and on a, c; only that on b counts\n";
    assert!(applied.contains(warning), "{applied}");
    assert_eq!(ours.get("")["displayName"], "Twice");
    for other in [&first, &last] {
        assert_eq!(other.get("")["displayName"], "By hand");
        assert_eq!(other.status("roles/clerk"), 404);
    }
    let expected = json!([{ "realm": "twice", "active": "b", "ignored": ["a", "c"] }]);
    assert_eq!(fleet.plan()["fleet"]["duplicates"], expected);

    // While the server with ours is not there, the others are not taken for it.
    fleet.down(&[1]);
    let blind = fleet.run(0, &["plan", "--detailed-exitcode"]);
    assert!(blind.contains("warning: left out, since they may be on b: twice\n"), "{blind}");
    fleet.down(&[]);

    // One that leaves the files goes where it is ours, and nowhere else.
    fleet.remove("twice");
    fleet.realm("other", "");
    fleet.commit();
    fleet.run(0, &["apply", "--yes", "--allow-destroy", "twice"]);
    assert_realms([&["other", "twice"], &[], &["twice"]]);
    // Without a record anywhere the first counts, and a realm that is anywhere is not made once more.
    fleet.realm("twice", "[roles.clerk]\n");
    let adopted = fleet.apply();
    assert!(adopted.contains("warning: twice is on a and on c; only that on a counts\n"), "{adopted}");
    assert_eq!([first.status("roles/clerk"), last.status("roles/clerk")], [200, 404]);
    assert_realms([&["other", "twice"], &[], &["twice"]]);
}

#[test]
fn a_server_that_is_down_is_left_out_and_comes_back() {
    let fleet = Fleet::new([""; 3]);
    for (name, server) in [("on-a", "a"), ("on-b", "b"), ("on-c", "c")] {
        fleet.realm(name, &format!("placement = {{ server = \"{server}\" }}\n[clients.portal]\n"));
    }
    fleet.realm("goes", "placement = { server = \"b\" }\n");
    fleet.apply();

    // Down before: the others are worked on, and nothing is made up of what may be there.
    fleet.down(&[1]);
    fleet.remove("goes");
    fleet.realm("on-a", "displayName = \"A\"\nplacement = { server = \"a\" }\n[clients.portal]\n");
    fleet.realm("new", "");
    fleet.commit();
    let planned = fleet.run(2, &["plan", "--detailed-exitcode"]);
    assert!(planned.contains("warning: b cannot be reached: "), "{planned}");
    assert!(planned.contains("warning: left out, since they may be on b: new, on-b\n"), "{planned}");
    assert!(planned.contains("Plan: 0 to create, 1 to update, 0 to rename, 0 to delete.\n"), "{planned}");
    let plan = fleet.plan();
    assert_eq!((&plan["fleet"]["partial"], &plan["fleet"]["unknown"]), (&json!(true), &json!(["new", "on-b"])));
    assert_eq!(plan["realms"].as_object().unwrap().keys().collect::<Vec<_>>(), ["on-a", "on-c"]);
    let applied = fleet.run(6, &["apply", "--yes"]);
    let why = "not applied, since they may be on a server that cannot be reached: new, on-b\n";
    assert!(applied.contains(why) && applied.contains("on-a: read again, nothing is left to do."), "{applied}");
    assert_realms([&["on-a"], &["goes", "on-b"], &["on-c"]]);
    let drift = fleet.run(1, &["drift", "--format", "json"]);
    let drift: Value = serde_json::from_str(stdout(&drift)).unwrap();
    assert_eq!(drift["partial"], true);
    assert_eq!(drift["unread"]["on-b"], "it may be on b, which cannot be reached");
    let lost = fleet.run(1, &["plan", "--server", "b"]);
    assert!(lost.contains("error: b cannot be reached\n  b: "), "{lost}");

    // It is back: what was left is done, and what left the files goes.
    fleet.down(&[]);
    fleet.run(0, &["apply", "--yes", "--allow-destroy", "goes"]);
    fleet.run(0, &["plan", "--detailed-exitcode"]);
    assert_realms([&["new", "on-a"], &["on-b"], &["on-c"]]);

    // It fails between the first look and the rest.
    for (name, server) in [("on-a", "a"), ("on-b", "b"), ("on-c", "c")] {
        let files =
            format!("displayName = \"Again\"\nplacement = {{ server = \"{server}\" }}\n[clients.portal]\n[roles.x]\n");
        fleet.realm(name, &files);
    }
    fleet.commit();
    fleet.answer(1, 3);
    let planned = fleet.run(0, &["plan"]);
    assert!(planned.contains("warning: what is on b is left out: "), "{planned}");
    assert!(planned.contains("~ realm on-a") && !planned.contains("~ realm on-b"), "{planned}");

    // It fails in the middle of an apply.
    let requests = |fleet: &Fleet| ALWAYS - fleet.left[1].load(Ordering::SeqCst);
    fleet.answer(1, ALWAYS);
    fleet.run(0, &["plan"]);
    let of_a_plan = requests(&fleet);
    fleet.answer(1, of_a_plan + 6);
    let broken = fleet.run(6, &["apply", "--yes"]);
    assert!(broken.contains("on-a: read again") && broken.contains("on-c: read again"), "{broken}");
    assert!(broken.contains("partly applied: on-b"), "{broken}");
    fleet.answer(1, ALWAYS);
    fleet.apply();
    assert_eq!(Admin::at("on-b", &servers()[1]).get("")["displayName"], "Again");

    // None is there.
    fleet.down(&[0, 1, 2]);
    let none = fleet.run(1, &["plan"]);
    assert!(none.contains("error: no server of the fleet can be reached\n  a: "), "{none}");
}
