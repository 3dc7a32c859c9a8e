//! Handing over what a run made, and taking back what is handed over no longer.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use secrecy::SecretString;
use serde_json::Value as Json;

use super::sinks::{Done, Order, Results, Sinks};
use crate::apply::{HandOver, Outputs};
use crate::cli::output::count;
use crate::cli::workspace::Workspace;
use crate::cli::{Context, Error};
use crate::desired::{Output, Part};
use crate::diff::OutputChange;
use crate::keycloak::{FactsWanted, Http, facts};
use crate::model::{Destination, HandOff, Handed, RealmName};
use crate::outputs::{self, Rendered};
use crate::plan::RealmPlan;
use crate::secrets::{Redactor, handed_print};

/// Hands over the outputs of a project, and keeps what there is to tell until somebody asks.
pub(in crate::cli) struct HandingOver<'a> {
    http: &'a Http,
    outputs: &'a BTreeMap<RealmName, Vec<Output>>,
    sinks: Sinks<'a>,
    told: RefCell<Told>,
}

#[derive(Default)]
struct Told {
    /// For standard output.
    results: Vec<String>,
    /// For standard error.
    warnings: Vec<String>,
    /// The outputs that failed, by the reason.
    failed: BTreeMap<String, BTreeSet<String>>,
    /// What to do about it.
    hints: BTreeSet<String>,
    /// All outputs that failed so far.
    all_failed: BTreeSet<String>,
}

impl<'a> HandingOver<'a> {
    pub(in crate::cli) fn new(http: &'a Http, workspace: &'a Workspace) -> Self {
        let loaded = &workspace.loaded;
        let sinks = Sinks::new(&workspace.folder, &loaded.project.secrets);
        Self { http, outputs: &loaded.outputs, sinks, told: RefCell::default() }
    }

    /// Hands over the outputs of a realm to which nothing else was done, of those that are `wanted`.
    pub(in crate::cli) async fn unchanged(&self, realm: &RealmName, wanted: impl Fn(&Output) -> bool) {
        let outputs = self.outputs.get(realm).map(Vec::as_slice).unwrap_or_default();
        let outputs: Vec<&Output> = outputs.iter().filter(|output| wanted(output)).collect();
        self.exchange(realm, &outputs, &RealmPlan::default(), &Outputs::new()).await;
    }

    /// Says what was done since the last time.
    pub(in crate::cli) fn tell(&self, context: &Context) -> Result<(), Error> {
        let Told { results, warnings, failed, hints, all_failed: _ } = &mut *self.told.borrow_mut();
        for result in results.drain(..) {
            context.output.result(&result)?;
        }
        for warning in warnings.drain(..) {
            context.output.message(&warning);
        }
        for (reason, names) in std::mem::take(failed) {
            let names: Vec<String> = names.into_iter().collect();
            let outputs = if names.len() == 1 { "output" } else { "outputs" };
            context.output.message(&format!("error: {outputs} {}: {reason}", names.join(", ")));
        }
        for hint in std::mem::take(hints) {
            context.output.message(&format!("hint: {hint}"));
        }
        Ok(())
    }

    /// Says the rest, and whether all went well.
    pub(in crate::cli) async fn finish(self, context: &Context) -> Result<(), Error> {
        self.tell(context)?;
        let Self { sinks, told, .. } = self;
        sinks.close().await;
        let failed = told.into_inner().all_failed;
        if failed.is_empty() {
            return Ok(());
        }
        let (outputs, names) = (count(failed.len(), "output"), failed.into_iter().collect::<Vec<_>>());
        Err(Error::Partial(format!("{outputs} could not be handed over: {}", names.join(", "))))
    }

    /// Writes outputs, and takes back what a plan says. Answers what is handed over then.
    async fn exchange(&self, realm: &RealmName, outputs: &[&Output], plan: &RealmPlan, previous: &Outputs) -> Outputs {
        let outputs: Vec<&Output> = outputs.iter().copied().filter(|it| !it.destinations.is_empty()).collect();
        let rendered = self.rendered(realm, &outputs).await;
        let mut orders: BTreeMap<Destination, Order<'_>> = BTreeMap::new();
        let mut whats: BTreeMap<&Destination, HandOff> = BTreeMap::new();
        for (output, rendered) in outputs.iter().zip(&rendered) {
            for (to, part) in &output.destinations {
                whats.insert(to, HandOff { output: output.name.clone(), of: output.of.clone() });
                if let Some(text) = rendered.as_ref().and_then(|it| text(it, part)) {
                    orders.insert(to.clone(), Order::Put(text));
                }
            }
        }
        orders.extend(takes(plan, previous));
        let results = self.sinks.carry_out(&orders).await;
        let mut handed: Outputs = previous.clone();
        for (to, result) in &results {
            match (result, orders[to], whats.get(to)) {
                (Ok(_), Order::Put(text), Some(what)) => {
                    handed.insert(to.clone(), Handed { what: what.clone(), print: handed_print(text) });
                }
                (Ok(_), Order::Take(_), _) => drop(handed.remove(to)),
                (Ok(_), Order::Put(_), None) | (Err(_), _, _) => {}
            }
        }
        let names = whats.into_iter().map(|(to, what)| (to.clone(), what.output));
        self.note(results, &names.chain(names_of(plan.diff.taken_back())).collect());
        handed
    }

    /// What each output says now; `None` for one that failed.
    async fn rendered(&self, realm: &RealmName, outputs: &[&Output]) -> Vec<Option<Rendered>> {
        if outputs.is_empty() {
            return Vec::new();
        }
        let facts = facts(self.http, realm, &wanted(outputs)).await;
        let rendered = outputs.iter().map(|output| {
            let rendered = match &facts {
                Ok(facts) => render(output, facts).map_err(|error| error.in_full()),
                Err(error) => Err(error.to_string()),
            };
            rendered.map(|(rendered, _)| rendered).map_err(|reason| self.failed(&output.name, reason)).ok()
        });
        rendered.collect()
    }

    /// Keeps what is to be told.
    fn note(&self, results: Results, names: &BTreeMap<Destination, String>) {
        for (to, result) in results {
            let name = names.get(&to).map(String::as_str).unwrap_or_default();
            let mut told = self.told.borrow_mut();
            match result {
                Ok(Done::Written) => told.results.push(format!("output {name}: {to} written\n")),
                Ok(Done::Gone) => told.results.push(format!("output {name}: {to} removed\n")),
                Ok(Done::UpToDate) => {}
                Ok(Done::Left) => told.warnings.push(format!(
                    "warning: output {name}: {to} is left where it is: it is no longer what was handed over"
                )),
                Err(error) => {
                    told.hints.extend(error.hint());
                    drop(told);
                    self.failed(name, error.in_full());
                }
            }
        }
    }

    fn failed(&self, name: &str, reason: String) {
        let mut told = self.told.borrow_mut();
        told.failed.entry(reason).or_default().insert(name.to_owned());
        told.all_failed.insert(name.to_owned());
    }
}

impl HandOver for HandingOver<'_> {
    fn take_back<'a>(&'a self, plan: &'a RealmPlan, previous: &'a Outputs) -> LocalBoxFuture<'a, Result<(), String>> {
        async move {
            let results = self.sinks.carry_out(&takes(plan, previous).collect()).await;
            let failed =
                results.iter().find_map(|(to, result)| Some(format!("{to}: {}", result.as_ref().err()?.in_full())));
            self.note(results, &names_of(plan.diff.taken_back()).collect());
            match failed {
                Some(failed) => Err(format!("what was handed over could not be taken back: {failed}")),
                None => Ok(()),
            }
        }
        .boxed_local()
    }

    fn hand_over<'a>(
        &'a self,
        realm: &'a RealmName,
        plan: &'a RealmPlan,
        previous: &'a Outputs,
    ) -> LocalBoxFuture<'a, Outputs> {
        async move {
            let outputs = self.outputs.get(realm).map(Vec::as_slice).unwrap_or_default();
            self.exchange(realm, &outputs.iter().collect::<Vec<_>>(), plan, previous).await
        }
        .boxed_local()
    }
}

/// What a plan takes back, as far as it is on record.
fn takes<'p>(plan: &'p RealmPlan, previous: &'p Outputs) -> impl Iterator<Item = (Destination, Order<'p>)> {
    let recorded = plan.diff.taken_back().filter_map(|change| Some((change.to.clone(), previous.get(&change.to)?)));
    recorded.map(|(to, handed)| (to, Order::Take(handed.print.as_str())))
}

fn names_of<'p>(changes: impl Iterator<Item = &'p OutputChange>) -> impl Iterator<Item = (Destination, String)> {
    changes.map(|change| (change.to.clone(), change.what.output.clone()))
}

/// The facts that outputs use.
pub(super) fn wanted(outputs: &[&Output]) -> FactsWanted {
    let mut wanted = FactsWanted::default();
    for output in outputs {
        let used = output.content.facts();
        wanted.certificates |= used.contains("certificates");
        wanted.groups |= used.contains("groups");
        wanted.clients.extend(output.of.parent().map(|_| output.of.name().to_owned()));
    }
    wanted
}

/// What an output says, and the secrets in it. What goes wrong is told without them.
pub(super) fn render(output: &Output, facts: &crate::keycloak::Facts) -> Result<(Rendered, Vec<SecretString>), Error> {
    let mut facts = facts.of(&output.of)?;
    let secrets: Vec<SecretString> = facts["client"]["secret"].as_str().map(SecretString::from).into_iter().collect();
    if let Json::Object(facts) = &mut facts {
        facts.extend(output.parameters.clone());
    }
    let rendered = outputs::render(&output.content, &facts).map_err(|error| {
        let words = Redactor::new(&secrets).redact(&error.to_string());
        Error::Other(format!("{}: output {} of {}: {words}", output.origin, output.name, output.of))
    })?;
    Ok((rendered, secrets))
}

/// What of an output goes to a destination.
pub(super) fn text<'r>(rendered: &'r Rendered, part: &Part) -> Option<&'r str> {
    match part {
        Part::Whole => Some(rendered.text.as_str()),
        Part::Value(name) => rendered.values.get(name).map(|value| value.as_str()),
    }
}
