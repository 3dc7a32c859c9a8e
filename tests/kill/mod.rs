//! A run that is killed leaves nothing that the next one cannot put right, and nothing that nobody owns.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Child;
use std::time::{Duration, Instant};

use crate::support::fleet;
use crate::support::run::{Project, admin, block, client, realm_path};

/// Moments of death, spread over the time that the writing takes.
const KILLS: u32 = 10;

/// With what else the fleet has, a hundred objects.
const CLIENTS: usize = 26;

#[test]
fn a_killed_run_is_continued_or_undone() {
    let project = Project::new("kill");
    block(async { fleet::make_neighbours(&admin().await, "kill").await });
    let before = unmanaged();
    fleet::declare(&project, CLIENTS, "measured");
    let mut writing = kill_after(&project, Duration::MAX).unwrap();
    fleet::sweep(&project);
    assert_eq!(unmanaged(), before);

    let (mut random, mut kills, mut runs) = (Random(0x5eed), 0, 0);
    while kills < KILLS {
        runs += 1;
        assert!(runs < 3 * KILLS, "only {kills} of {runs} runs could be killed");
        fleet::declare(&project, CLIENTS, &format!("label {runs}"));
        let moment = writing.mul_f64((f64::from(kills) + random.next()) / f64::from(KILLS));
        if let Some(ended) = kill_after(&project, moment) {
            // A server gets faster as it warms up: this run was over before its moment came.
            writing = ended;
            fleet::sweep(&project);
            continue;
        }
        kills += 1;
        let made = block(async { fleet::ours(&admin().await, "kill").await.len() });
        println!("kill {kills} after {moment:?} of {writing:?}: {made} top-level objects there");
        // Every second death is in the midst of changing what the one before it was in the midst of making.
        if kills.is_multiple_of(2) {
            fleet::sweep(&project);
            let left = block(async { fleet::ours(&admin().await, "kill").await });
            assert_eq!(left, Vec::<String>::new(), "kill {kills}");
        } else {
            project.apply();
            project.assert_settled();
        }
        assert_eq!(unmanaged(), before, "kill {kills}");
    }
}

/// The realm and its record are made by one request, so there is never a realm of ours that nobody owns.
#[test]
fn a_new_realm_is_never_without_its_record() {
    for milliseconds in [50, 250, 450] {
        let project = Project::new("kill-new");
        project.write_realm("displayName = \"new\"\nroles.one = {}\nroles.two = { composites = [\"one\"] }\n");
        kill_after(&project, Duration::from_millis(milliseconds));
        block(async {
            let http = admin().await;
            if http.find(&realm_path("kill-new")).await.unwrap().is_some() {
                assert!(client(&http, "kill-new", "realmform:kill-new").await.is_some(), "{milliseconds} ms");
            }
        });
        // The creation may still be under way, and the plan be older than the realm.
        let ran = project.run(&["apply", "--yes"]);
        // (H2 does not let two creations wait for each other for long, and the server then says just this.)
        let collided = ran.stderr.contains(": 0 steps done") && ran.stderr.contains("Database operation failed");
        assert!(matches!(ran.code, Some(0 | 5)) || collided, "{ran:?}");
        block(settle(&project.realm));
        project.apply();
        project.assert_settled();
    }
}

/// Kills the program that long after it has shown its plan; `Some` of how long it took when it ended before.
fn kill_after(project: &Project, moment: Duration) -> Option<Duration> {
    let mut child = start(project);
    let started = Instant::now();
    while started.elapsed() < moment {
        if let Some(status) = child.try_wait().unwrap() {
            let mut told = String::new();
            child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            assert_eq!(status.code(), Some(0), "{told}");
            return Some(started.elapsed());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What the server was asked for it finishes, whoever is still there to hear of it.
    std::thread::sleep(Duration::from_secs(2));
    None
}

/// The program, just when it has shown its plan and begins to write.
fn start(project: &Project) -> Child {
    let mut child = project.spawn(&["apply", "--yes"]);
    let plan = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(plan.into_iter().any(|line| line.starts_with("Plan:")), "no plan was shown");
    child
}

/// Waits until a creation that was under way has ended.
async fn settle(realm: &str) {
    let http = admin().await;
    for _ in 0..100 {
        if client(&http, realm, &format!("realmform:{realm}")).await.is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn unmanaged() -> String {
    block(async { fleet::unmanaged(&admin().await, "kill").await })
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    /// Between 0 and 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
    }
}
