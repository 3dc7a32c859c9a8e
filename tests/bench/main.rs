//! What a run costs beside bare requests to the same server: `cargo bench`, or `cargo bench -- --clients 50`. What needs no
//! server is measured alone with `cargo bench -- --offline`, and realms of a blueprint with `cargo bench -- --tenants`.
//!
//! A machine is never quiet, so times are only compared with those of the floor measured right beside them, in
//! alternating order, and the median of several rounds counts. It ends with 1 when a bound of the project is broken.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a benchmark may do anything, and fails by panicking"
)]

mod access;
mod broad;
mod changed;
mod floor;
mod offline;
mod program;
mod project;
mod report;
mod tenants;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use changed::Wide;
use floor::Bare;
use offline::Offline;
use program::{Ran, run};
use project::{Content, Project};
use realmform::sandbox::{self, Options, Quiet, Sandbox};
use report::{Pair, Report};
use tenants::Tenants;
use tokio::runtime::Runtime;

/// Rounds of each measurement; the first apply makes and deletes two realms each time.
const APPLIES: usize = 3;
const PLANS: usize = 15;
const CHANGES: usize = 3;
const EDITS: usize = 7;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|it| it == "--bench") {
        // `cargo test --all-targets` runs benchmarks as tests.
        println!("a benchmark: cargo bench");
        return ExitCode::SUCCESS;
    }
    let clients = arguments.iter().skip_while(|it| *it != "--clients").nth(1);
    let clients = clients.map_or(1000, |number| number.parse().expect("--clients N"));
    if arguments.iter().any(|it| it == "--offline") {
        let offline = Offline::measure(&Content::new(clients));
        println!("{offline}");
        return if offline.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if arguments.iter().any(|it| it == "--tenants") {
        let tenants = Tenants::measure(&Bench::start(clients).server);
        println!("{tenants}");
        return if tenants.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let report = Bench::start(clients).measure();
    println!("{report}");
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A server of its own, and what is measured on it.
struct Bench {
    runtime: Runtime,
    server: Sandbox,
    content: Content,
}

impl Bench {
    fn start(clients: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut options = Options::new(env!("CARGO_BIN_EXE_realmform").into());
        options.access_log = true;
        say("starting Keycloak");
        let server = runtime.block_on(sandbox::start(&options, &Quiet)).unwrap();
        Self { runtime, server, content: Content::new(clients) }
    }

    fn measure(&self) -> Report {
        say("warming up");
        self.warm_up();
        say("first applies");
        let applies = (0..APPLIES).map(|round| self.first_apply(round)).collect();
        let project = Project::write(&self.content, "bench");
        run(&self.server, &project, &["apply", "--yes"]);
        say("plans");
        let [cold, warm] = self.plans(&project, &async |bare| bare.read("bench").await);
        say("single requests, and one change");
        let slowest = access::slowest(&self.server, || {
            self.clear_caches();
            run(&self.server, &project, &["plan"]);
        });
        let changes = (0..CHANGES).map(|round| self.change(&project, round)).collect();
        say("a broad realm");
        let project = broad::project();
        run(&self.server, &project, &["apply", "--yes"]);
        let [broad_cold, broad_warm] = self.plans(&project, &async |bare| broad::read(bare).await);
        say("one edited client of thousands");
        let wide = Wide::start(&self.server);
        let forget = |realm: &str| {
            self.floor(async |bare| bare.clear_caches(realm).await);
        };
        let edited = (0..EDITS).map(|round| wide.round(round, forget)).collect();
        say("a thousand realms of one blueprint");
        let tenants = Tenants::measure(&self.server);
        say("without a server");
        let offline = Offline::measure(&self.content);
        let clients = self.content.clients.len();
        Report { clients, applies, cold, warm, changes, slowest, broad_cold, broad_warm, edited, tenants, offline }
    }

    /// A server that has just started runs everything several times slower.
    fn warm_up(&self) {
        let content = Content::new(self.content.clients.len().min(150));
        let project = Project::write(&content, "warm-up");
        run(&self.server, &project, &["apply", "--yes"]);
        self.floor(async |bare| bare.delete("warm-up").await);
        for _ in 0..2 {
            self.floor(async |bare| {
                bare.write("warm-up", &content).await;
                bare.read("warm-up").await;
                bare.delete("warm-up").await;
            });
        }
    }

    fn first_apply(&self, round: usize) -> Pair {
        let project = Project::write(&self.content, "program");
        let floor = || self.floor(async |bare| bare.write("floor", &self.content).await);
        let program = || run(&self.server, &project, &["apply", "--yes"]);
        let pair = Pair::alternating(round, floor, program);
        self.floor(async |bare| {
            bare.delete("program").await;
            bare.delete("floor").await;
        });
        pair
    }

    /// Plans of a realm in which nothing changed, beside reading it: cold ones, and warm ones.
    fn plans(&self, project: &Project, read: &impl AsyncFn(&mut Bare<'_>)) -> [Vec<Pair>; 2] {
        // The first round of each is not counted: it is slower for whoever comes first.
        [true, false].map(|cold| (0..=PLANS).map(|round| self.plan(project, round, cold, read)).skip(1).collect())
    }

    fn plan(&self, project: &Project, round: usize, cold: bool, read: &impl AsyncFn(&mut Bare<'_>)) -> Pair {
        let prepare = || {
            if cold {
                self.clear_caches();
            }
        };
        let floor = || {
            prepare();
            self.floor(read)
        };
        let program = || {
            prepare();
            let ran = run(&self.server, project, &["plan", "--detailed-exitcode"]);
            assert!(ran.output.contains("No changes"), "{}", ran.output);
            ran
        };
        Pair::alternating(round, floor, program)
    }

    /// The plan of one changed client, and its apply.
    fn change(&self, project: &Project, round: usize) -> (Ran, Ran) {
        project.change_one_client(&self.content, round);
        let plan = run(&self.server, project, &["plan"]);
        (plan, run(&self.server, project, &["apply", "--yes"]))
    }

    fn clear_caches(&self) {
        self.floor(async |bare| bare.clear_caches("bench").await);
    }

    /// How long it takes, the sign-in included.
    fn floor(&self, work: impl AsyncFnOnce(&mut Bare<'_>)) -> Duration {
        let started = Instant::now();
        self.runtime.block_on(async { work(&mut Bare::sign_in(&self.server).await).await });
        started.elapsed()
    }
}

/// Progress, for whoever waits for minutes.
fn say(text: &str) {
    eprintln!("{text} …");
}
