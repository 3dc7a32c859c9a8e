//! An order in which steps could run one after the other.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::Step;

/// The steps sorted so that each comes after those it needs, otherwise in the order given.
///
/// What the steps need has no cycles, since links are steps of their own. Should two objects ever need each other
/// nevertheless, the first of them goes without, and the server has the last word.
pub(super) fn ordered(steps: Vec<Step>) -> Vec<Step> {
    let order = order(&steps);
    let mut position = vec![0; steps.len()];
    for (at, index) in order.iter().enumerate() {
        position[*index] = at;
    }
    let mut steps: Vec<(usize, Step)> = steps.into_iter().enumerate().map(|(i, step)| (position[i], step)).collect();
    steps.sort_by_key(|(at, _)| *at);
    for (at, step) in &mut steps {
        let needs: BTreeSet<usize> = step.needs.iter().map(|need| position[*need]).filter(|need| need < at).collect();
        step.needs = needs.into_iter().collect();
    }
    steps.into_iter().map(|(_, step)| step).collect()
}

fn order(steps: &[Step]) -> Vec<usize> {
    let mut dependents = vec![Vec::new(); steps.len()];
    let mut open: Vec<usize> = steps.iter().map(|step| step.needs.len()).collect();
    for (index, step) in steps.iter().enumerate() {
        for need in &step.needs {
            dependents[*need].push(index);
        }
    }
    let mut waiting: BTreeSet<usize> = (0..steps.len()).collect();
    let mut ready: BinaryHeap<Reverse<usize>> =
        waiting.iter().copied().filter(|i| open[*i] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(steps.len());
    while let Some(next) = ready.pop().map(|Reverse(next)| next).or_else(|| waiting.first().copied()) {
        if !waiting.remove(&next) {
            continue;
        }
        order.push(next);
        for dependent in &dependents[next] {
            open[*dependent] -= 1;
            if open[*dependent] == 0 {
                ready.push(Reverse(*dependent));
            }
        }
    }
    order
}
