//! Long histories of everything at once: two projects in one realm whose files are edited, committed, reverted, planned
//! and applied by every way there is, while somebody works by hand, and runs are killed. After every step the server has
//! to be what a model of the promises says, read with raw requests and compared byte by byte.
//!
//! A history follows from its seed, but for the moment in which a kill hits. A failure prints the seed and the steps so
//! far; `REALMFORM_TEST_SEED=… REALMFORM_TEST_STEPS=… cargo test --test main histories::short` has them again.

mod files;
mod model;
mod random;
mod server;
mod world;

use std::time::{Duration, Instant, UNIX_EPOCH};

use world::World;

/// What CI has the time for.
const SEEDS: [u64; 3] = [1, 2, 3];
const STEPS: usize = 18;

#[test]
fn short() {
    let given = number("REALMFORM_TEST_SEED");
    let steps = number("REALMFORM_TEST_STEPS").map_or(STEPS, |steps| usize::try_from(steps).unwrap());
    for seed in given.map_or(SEEDS.to_vec(), |seed| vec![seed]) {
        play(seed, steps);
    }
}

/// New histories each time, for as many minutes as `REALMFORM_TEST_MINUTES` says.
#[test]
#[ignore = "it takes ten minutes: `cargo histories`"]
fn long() {
    let minutes = number("REALMFORM_TEST_MINUTES").unwrap_or(10);
    let end = Instant::now() + Duration::from_secs(60 * minutes);
    let first = u64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let seeds = number("REALMFORM_TEST_SEED").unwrap_or(first)..;
    let steps = number("REALMFORM_TEST_STEPS").map_or(60, |steps| usize::try_from(steps).unwrap());
    for seed in seeds.take_while(|_| Instant::now() < end) {
        play(seed, steps);
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

fn play(seed: u64, steps: usize) {
    let started = Instant::now();
    let mut world = World::new(seed, steps);
    world.begin();
    for _ in 0..steps {
        world.step();
    }
    world.end();
    println!("seed {seed}: {} in {:.1?}", world.summary(), started.elapsed());
}
