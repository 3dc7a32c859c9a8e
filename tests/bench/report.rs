//! The figures, and whether they are within the bounds of the project.

use std::fmt;
use std::time::Duration;

use crate::offline::Offline;
use crate::program::Ran;
use crate::tenants::Tenants;

/// A run may take this many times as long as its floor.
const RATIO: f64 = 1.3;
/// The same where a realm has much that only single requests tell.
const BROAD_RATIO: f64 = 1.5;
/// An apply of one change may send so many more requests than its plan.
const CHANGE: u64 = 7;
/// What `plan --changed` may take for one edited client of thousands, on a cold server.
const EDIT_MS: f64 = 200.0;
const EDIT_REQUESTS: u64 = 12;
const MEMORY: u64 = 100_000_000;
const SLOWEST_MS: u64 = 1000;

/// One round of a measurement beside its floor.
pub struct Pair {
    floor: Duration,
    program: Ran,
}

impl Pair {
    /// Measures both, in an order that changes with each round, so that neither gains from coming second.
    pub fn alternating(round: usize, floor: impl FnOnce() -> Duration, program: impl FnOnce() -> Ran) -> Self {
        if round.is_multiple_of(2) {
            let floor = floor();
            Self { floor, program: program() }
        } else {
            let program = program();
            Self { floor: floor(), program }
        }
    }

    fn ratio(&self) -> f64 {
        self.program.took.as_secs_f64() / self.floor.as_secs_f64()
    }
}

/// All measurements.
pub struct Report {
    pub clients: usize,
    pub applies: Vec<Pair>,
    pub cold: Vec<Pair>,
    pub warm: Vec<Pair>,
    /// The plan and the apply of one changed client.
    pub changes: Vec<(Ran, Ran)>,
    /// The slowest request of a cold plan, in milliseconds.
    pub slowest: (u64, String),
    /// Plans of the broad realm.
    pub broad_cold: Vec<Pair>,
    pub broad_warm: Vec<Pair>,
    /// `plan --changed` of one edited client of thousands.
    pub edited: Vec<Ran>,
    /// Realms of one blueprint.
    pub tenants: Tenants,
    pub offline: Offline,
}

impl Report {
    /// Whether every bound is kept.
    pub fn holds(&self) -> bool {
        self.rows().into_iter().all(|(_, pairs, bound)| ratio(pairs) <= bound)
            && self.extra() <= CHANGE
            && self.edit_ms() <= EDIT_MS
            && self.edited.iter().all(|ran| ran.total() <= EDIT_REQUESTS)
            && self.memory() < MEMORY
            && self.slowest.0 < SLOWEST_MS
            && self.tenants.holds()
            && self.offline.holds()
            && self.offline.is_small_part_of(self.warm_plan())
    }

    /// What is measured beside a floor: (name, rounds, bound).
    fn rows(&self) -> [(&'static str, &[Pair], f64); 5] {
        let Self { applies, cold, warm, broad_cold, broad_warm, .. } = self;
        [
            ("first apply", applies, RATIO),
            ("no change, cold", cold, RATIO),
            ("no change, warm", warm, RATIO),
            ("broad realm, cold", broad_cold, BROAD_RATIO),
            ("broad realm, warm", broad_warm, BROAD_RATIO),
        ]
    }

    /// The most requests that an apply of one change sent beyond its plan.
    fn extra(&self) -> u64 {
        self.changes.iter().map(|(plan, apply)| apply.total() - plan.total()).max().unwrap_or_default()
    }

    fn edit_ms(&self) -> f64 {
        median(self.edited.iter().map(|ran| ran.took.as_secs_f64() * 1e3))
    }

    /// What a warm plan takes, in seconds.
    fn warm_plan(&self) -> f64 {
        median(self.warm.iter().map(|pair| pair.program.took.as_secs_f64()))
    }

    fn memory(&self) -> u64 {
        let pairs = [&self.applies, &self.cold, &self.warm].into_iter().flatten().map(|pair| &pair.program);
        pairs.chain(self.changes.iter().map(|(_, apply)| apply)).map(|ran| ran.memory).max().unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, applies, cold, warm, changes, slowest, broad_warm, tenants, offline, .. } = self;
        writeln!(f, "{clients} clients, medians of {} applies and {} plans\n", applies.len(), cold.len())?;
        writeln!(f, "{:<22} {:>9} {:>9} {:>7} {:>7} {:>9}", "", "floor", "program", "ratio", "bound", "requests")?;
        for (name, pairs, bound) in self.rows() {
            line(f, name, pairs, bound)?;
        }
        let (plan, apply) = &changes[0];
        writeln!(f, "\none changed client: {} requests to plan, {} to apply", plan.total(), apply.total())?;
        writeln!(f, "  at most {} more, bound {CHANGE}", self.extra())?;
        let rounds: Vec<String> =
            self.edited.iter().map(|ran| format!("{:.0}", ran.took.as_secs_f64() * 1e3)).collect();
        writeln!(
            f,
            "plan --changed, one edited client of {}, cold: {:.0} ms (each round: {}), bound {EDIT_MS} ms; {} requests, bound \
             {EDIT_REQUESTS}",
            crate::changed::CLIENTS,
            self.edit_ms(),
            rounds.join(" "),
            self.edited[0].total()
        )?;
        #[expect(clippy::cast_precision_loss, reason = "megabytes")]
        let memory = self.memory() as f64 / 1e6;
        writeln!(f, "peak memory: {memory:.0} MB, bound {} MB", MEMORY / 1_000_000)?;
        writeln!(f, "slowest request of a cold plan: {} ms, bound {SLOWEST_MS} ms: {}", slowest.0, slowest.1)?;
        write!(f, "{tenants}{offline}")?;
        writeln!(f, "  {:.0} % of a warm plan", offline.share(self.warm_plan()) * 100.0)?;
        endpoints(f, "first apply", &applies[0].program)?;
        endpoints(f, "no change", &warm[0].program)?;
        endpoints(f, "one changed client, apply", apply)?;
        endpoints(f, "broad realm, no change", &broad_warm[0].program)
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, pairs: &[Pair], bound: f64) -> fmt::Result {
    let floor = median(pairs.iter().map(|pair| pair.floor.as_secs_f64()));
    let program = median(pairs.iter().map(|pair| pair.program.took.as_secs_f64()));
    let requests = pairs[0].program.total();
    let ratio = ratio(pairs);
    writeln!(f, "{name:<22} {floor:>7.2} s {program:>7.2} s {ratio:>7.2} {bound:>7} {requests:>9}")?;
    let all: Vec<String> = pairs.iter().map(|pair| format!("{:.2}", pair.ratio())).collect();
    writeln!(f, "  each round: {}", all.join(" "))
}

fn endpoints(f: &mut fmt::Formatter<'_>, name: &str, ran: &Ran) -> fmt::Result {
    writeln!(f, "\n{name}:")?;
    ran.requests.iter().try_for_each(|(count, request)| writeln!(f, "{count:>7} {request}"))
}

/// Of the ratios of neighbours, not of the medians: what slows both for a while does not count.
fn ratio(pairs: &[Pair]) -> f64 {
    median(pairs.iter().map(Pair::ratio))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}
