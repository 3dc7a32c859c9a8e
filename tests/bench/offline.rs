//! What needs no server: the difference of two commits, and what a plan asks of git.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use realmform::git;

use crate::program;
use crate::project::{Content, Project};

/// Rounds of each; the best counts, as there is no floor beside it that a busy machine would slow as well.
const ROUNDS: usize = 9;
/// A difference of two commits may take so long, of a thousand clients on two cores.
const DIFF: Duration = Duration::from_millis(300);
/// The share of a plan that its git work may take.
const SHARE: f64 = 0.1;

/// Both.
pub struct Offline {
    clients: usize,
    /// `realmform diff HEAD~1..HEAD`, every client of which changed.
    diff: Duration,
    /// The work tree, and the files of the commit before.
    git: Duration,
}

impl Offline {
    /// Measures both, in a repository of their own.
    pub fn measure(content: &Content) -> Self {
        let project = Project::write(content, "offline");
        project.change_every_client(content);
        let diff = || {
            let (took, output) = program::offline(&project, &["diff", "HEAD~1..HEAD"]);
            assert!(output.contains(&format!("{} changed", content.clients.len())), "{output}");
            took
        };
        let diff = best(diff);
        Self { clients: content.clients.len(), diff, git: best(|| git_work(project.folder())) }
    }

    /// Whether the difference is quick enough.
    pub fn holds(&self) -> bool {
        self.diff < DIFF
    }

    /// Whether git is a small enough part of such a plan.
    pub fn is_small_part_of(&self, plan: f64) -> bool {
        self.share(plan) <= SHARE
    }

    /// The share of git in a plan of so many seconds.
    pub fn share(&self, plan: f64) -> f64 {
        self.git.as_secs_f64() / plan
    }
}

impl fmt::Display for Offline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, diff, git } = self;
        let (diff, git, bound) = (diff.as_millis(), git.as_millis(), DIFF.as_millis());
        writeln!(f, "diff of two commits, {clients} clients changed: {diff} ms, bound {bound} ms, best of {ROUNDS}")?;
        writeln!(f, "git work of a plan: {git} ms, bound {:.0} % of the plan", SHARE * 100.0)
    }
}

/// What a plan asks of git where the files changed since they were applied.
fn git_work(project: &Path) -> Duration {
    let started = Instant::now();
    let tree = git::work_tree(project).unwrap();
    let before = git::at_revision(project, "HEAD~1").unwrap();
    let took = started.elapsed();
    assert_eq!(tree.files.len(), before.files.len());
    took
}

fn best(round: impl FnMut() -> Duration) -> Duration {
    std::iter::repeat_with(round).take(ROUNDS).min().unwrap()
}
