//! A run that is killed leaves nothing that the next one cannot put right, and nothing that nobody owns.

use std::io::{BufRead as _, BufReader};
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
    // Twice, since a server that just started is slow, and the moments shall not all be behind the end.
    let mut writing = Duration::ZERO;
    for _ in 0..2 {
        fleet::declare(&project, CLIENTS, "measured");
        writing = writing_time(&project);
        fleet::sweep(&project);
        assert_eq!(unmanaged(), before);
    }
    let mut random = Random(0x5eed);
    for kill in 0..KILLS {
        fleet::declare(&project, CLIENTS, &format!("label {kill}"));
        let moment = writing.mul_f64((f64::from(kill) + random.next()) / f64::from(KILLS));
        let died = kill_after(&project, moment);
        let made = block(async { fleet::ours(&admin().await, "kill").await.len() });
        println!("kill {kill} after {moment:?} of {writing:?}: died {died}, {made} top-level objects there");
        // Every second death is in the midst of changing what the one before it was in the midst of making.
        if kill.is_multiple_of(2) {
            project.apply();
            project.assert_settled();
        } else {
            fleet::sweep(&project);
            let left = block(async { fleet::ours(&admin().await, "kill").await });
            assert_eq!(left, Vec::<String>::new(), "kill {kill}");
        }
        assert_eq!(unmanaged(), before, "kill {kill}");
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
            // What the server was asked for it finishes, whoever is still there to hear of it.
            tokio::time::sleep(Duration::from_secs(2)).await;
            if http.find(&realm_path("kill-new")).await.unwrap().is_some() {
                assert!(client(&http, "kill-new", "realmform:kill-new").await.is_some(), "{milliseconds} ms");
            }
        });
        // The creation may still be under way, and the plan be older than the realm.
        let ran = project.run(&["apply", "--yes"]);
        assert!(matches!(ran.code, Some(0 | 5)), "{ran:?}");
        project.apply();
        project.assert_settled();
    }
}

/// How long the program takes from its plan to its end.
fn writing_time(project: &Project) -> Duration {
    let mut child = start(project);
    let started = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    started.elapsed()
}

/// Whether the program was still at work.
fn kill_after(project: &Project, moment: Duration) -> bool {
    let mut child = start(project);
    std::thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

/// The program, just when it has shown its plan and begins to write.
fn start(project: &Project) -> Child {
    let mut child = project.spawn(&["apply", "--yes"]);
    let plan = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(plan.into_iter().any(|line| line.starts_with("Plan:")), "no plan was shown");
    child
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
