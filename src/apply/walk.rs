//! The order of work: what may start, what has to wait, what is given up.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::{Event, Executor, Outcome, Run};
use crate::diff::Action;
use crate::keycloak::ServerError;
use crate::plan::StepAction;

/// Where each step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Succeeded,
    GivenUp,
}

/// The steps of one realm on their way.
pub(super) struct Walk {
    states: Vec<State>,
    /// How many of its needs each waiting step still misses.
    missing: Vec<usize>,
    /// The steps that need each step.
    needed_by: Vec<Vec<usize>>,
    /// Steps that miss nothing, the next one last.
    ready: Vec<usize>,
    realm_creation: Option<usize>,
}

impl Walk {
    pub(super) fn new(run: &Run<'_>) -> Self {
        let steps = &run.plan.steps;
        let mut needed_by = vec![Vec::new(); steps.len()];
        for (index, step) in steps.iter().enumerate() {
            step.needs.iter().for_each(|need| needed_by[*need].push(index));
        }
        let missing: Vec<usize> = steps.iter().map(|step| step.needs.len()).collect();
        let ready = (0..steps.len()).rev().filter(|index| missing[*index] == 0).collect();
        let creates_realm = |step: &crate::plan::Step| {
            let change = run.plan.change(step);
            step.action == StepAction::Create && change.action == Action::Create && change.address.parent().is_none()
        };
        let realm_creation = steps.iter().position(creates_realm);
        Self { states: vec![State::Waiting; steps.len()], missing, needed_by, ready, realm_creation }
    }

    /// The step that makes the realm.
    pub(super) fn realm_creation(&mut self) -> Option<usize> {
        let step = self.realm_creation?;
        self.ready.retain(|index| *index != step);
        Some(step)
    }

    /// Notes a success: what waited for it may be ready now.
    pub(super) fn succeeded(&mut self, step: usize, outcome: &mut Outcome) {
        outcome.done.push(step);
        self.states[step] = State::Succeeded;
        for next in self.needed_by[step].clone() {
            self.missing[next] -= 1;
            if self.missing[next] == 0 && self.states[next] == State::Waiting {
                self.ready.push(next);
            }
        }
    }

    /// Notes a failure, and gives up all that needs the step.
    pub(super) fn failed(
        &mut self,
        run: &Run<'_>,
        index: usize,
        error: ServerError,
        on_event: &mut dyn FnMut(Event<'_>),
        outcome: &mut Outcome,
    ) {
        let step = &run.plan.steps[index];
        on_event(Event::Failed(run.plan.change(step), step, &error));
        self.states[index] = State::GivenUp;
        self.give_up_after(index);
        outcome.failed.push((index, error));
    }

    fn give_up_after(&mut self, step: usize) {
        let mut lost = vec![step];
        while let Some(step) = lost.pop() {
            for next in self.needed_by[step].clone() {
                if self.states[next] == State::Waiting {
                    self.states[next] = State::GivenUp;
                    lost.push(next);
                }
            }
        }
    }

    /// Runs what can be run, a bounded number of steps at once.
    pub(super) async fn run(
        &mut self,
        run: &Run<'_>,
        executor: &impl Executor,
        on_event: &mut dyn FnMut(Event<'_>),
        outcome: &mut Outcome,
    ) {
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < run.parallelism && !*run.interrupted.borrow() {
                let Some(index) = self.next_ready() else { break };
                let step = &run.plan.steps[index];
                on_event(Event::Started(run.plan.change(step), step));
                under_way.push(async move { (index, run.step(executor, step).await) });
            }
            let Some((index, result)) = under_way.next().await else { break };
            match result {
                Ok(()) => {
                    let step = &run.plan.steps[index];
                    on_event(Event::Done(run.plan.change(step), step));
                    self.succeeded(index, outcome);
                }
                Err(error) => self.failed(run, index, error, on_event, outcome),
            }
        }
        self.finish(run, on_event, outcome);
    }

    fn next_ready(&mut self) -> Option<usize> {
        while let Some(index) = self.ready.pop() {
            if self.states[index] == State::Waiting {
                self.states[index] = State::Running;
                return Some(index);
            }
        }
        None
    }

    /// Notes what was not tried.
    pub(super) fn finish(&self, run: &Run<'_>, on_event: &mut dyn FnMut(Event<'_>), outcome: &mut Outcome) {
        let ended = |index: &usize| outcome.done.contains(index) || outcome.failed.iter().any(|(it, _)| it == index);
        outcome.skipped = (0..self.states.len()).filter(|index| self.states[*index] != State::Succeeded).collect();
        outcome.skipped.retain(|index| !ended(index));
        outcome.interrupted = *run.interrupted.borrow();
        if outcome.interrupted {
            on_event(Event::Interrupted);
        }
    }
}
