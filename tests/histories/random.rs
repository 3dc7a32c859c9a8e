//! Chance that comes from a seed.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// The same seed makes the same choices.
pub(super) struct Random(StdRng);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A number that is smaller.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    pub(super) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub(super) fn take<T>(&mut self, mut from: Vec<T>) -> T {
        let index = self.below(from.len());
        from.swap_remove(index)
    }
}
