//! Handing over what a run made, and taking back what is handed over no longer.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;

use super::issued::{Issued, Source, forget_void, recorded, said};
use super::sinks::{Done, Order, Results, Sinks};
use crate::apply::{HandOver, Outputs};
use crate::cli::apply::stamp::{holder, stamp};
use crate::cli::output::count;
use crate::cli::workspace::Workspace;
use crate::cli::{Context, Error};
use crate::desired::{Output, PASSWORD, Part, REGISTRATION_TOKEN};
use crate::diff::{Action, OutputAction, OutputChange};
use crate::keycloak::{Facts, FactsWanted, Ledger, Servers, facts};
use crate::model::{Address, Desired, Destination, HandOff, Handed, RealmName, kinds};
use crate::outputs::{self, Rendered};
use crate::plan::RealmPlan;
use crate::secrets::{Redactor, handed_print};

/// Hands over the outputs of a project, and keeps what there is to tell until somebody asks.
pub(in crate::cli) struct HandingOver<'a> {
    servers: &'a Servers,
    /// The project's name.
    project: &'a str,
    outputs: &'a BTreeMap<RealmName, Vec<Output>>,
    desired: &'a Desired,
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
    pub(in crate::cli) fn new(servers: &'a Servers, workspace: &'a Workspace) -> Self {
        let loaded = &workspace.loaded;
        let sinks = Sinks::new(&workspace.folder, &loaded.project.secrets);
        let (project, outputs, desired) = (&loaded.project.name, &loaded.outputs, &loaded.desired);
        Self { servers, project, outputs, desired, sinks, told: RefCell::default() }
    }

    /// Hands over the outputs of a realm to which nothing else was done, of those that are `wanted`. Nothing is issued.
    pub(in crate::cli) async fn unchanged(&self, realm: &RealmName, wanted: impl Fn(&Output) -> bool) {
        let outputs = self.outputs_of(realm, wanted);
        match recorded(self.servers.of(realm), self.project, realm, &outputs).await {
            Ok(previous) => {
                self.exchange(realm, &outputs, &RealmPlan::default(), &previous, Issuing::Never).await;
            }
            Err(error) => self.fail_all(&outputs, &error),
        }
    }

    /// The same of all outputs of a realm to which an apply has nothing else to do. What is nowhere any more is issued
    /// again, and that goes on record.
    pub(in crate::cli) async fn unchanged_by_apply(&self, realm: &RealmName) {
        let outputs = self.outputs_of(realm, |_| true);
        match self.lacks_issued(realm, &outputs).await {
            Ok(true) => {
                if let Err(error) = self.exchange_under_lock(realm, &outputs).await {
                    self.fail_all(&outputs, &error);
                }
            }
            // What cannot be looked at is told of the outputs that it concerns.
            Ok(false) | Err(_) => self.unchanged(realm, |_| true).await,
        }
    }

    /// The outputs of a realm that go somewhere.
    fn outputs_of(&self, realm: &RealmName, wanted: impl Fn(&Output) -> bool) -> Vec<&'a Output> {
        let outputs = self.outputs.get(realm).map(Vec::as_slice).unwrap_or_default();
        outputs.iter().filter(|output| !output.destinations.is_empty() && wanted(output)).collect()
    }

    async fn lacks_issued(&self, realm: &RealmName, outputs: &[&Output]) -> Result<bool, Error> {
        let outputs: Vec<&Output> = outputs.iter().copied().filter(|output| output.has_issued).collect();
        if outputs.is_empty() {
            return Ok(false);
        }
        let previous = recorded(self.servers.of(realm), self.project, realm, &outputs).await?;
        let facts = facts(self.servers.of(realm), realm, &wanted(&outputs)).await?;
        let source = self.source(realm, &facts, &previous);
        for output in outputs {
            if matches!(source.kept(&output.of).await, Ok(None)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn source<'s>(&'s self, realm: &RealmName, facts: &'s Facts, previous: &'s Outputs) -> Source<'s> {
        Source { http: self.servers.of(realm), sinks: &self.sinks, facts, previous, desired: self.desired }
    }

    async fn exchange_under_lock(&self, realm: &RealmName, outputs: &[&Output]) -> Result<(), Error> {
        let ledger =
            Ledger::find(self.servers.of(realm), realm, self.project).await?.ok_or_else(|| no_record(realm))?;
        let lock = match ledger.lock(&holder(&stamp(None, false, None).actor)).await? {
            Ok(lock) => lock,
            Err(lock) => return Err(Error::Locked { realm: realm.clone(), lock: Box::new(lock) }),
        };
        let exchanged = self.exchange_on_record(realm, outputs, &ledger).await;
        ledger.unlock(&lock).await?;
        exchanged
    }

    async fn exchange_on_record(&self, realm: &RealmName, outputs: &[&Output], ledger: &Ledger) -> Result<(), Error> {
        let mut record = ledger.record(realm).await?.ok_or_else(|| no_record(realm))?;
        record.outputs =
            self.exchange(realm, outputs, &RealmPlan::default(), &record.outputs, Issuing::WhereLost).await;
        Ok(ledger.write(&record).await?)
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
    async fn exchange(
        &self,
        realm: &RealmName,
        outputs: &[&Output],
        plan: &RealmPlan,
        previous: &Outputs,
        issuing: Issuing,
    ) -> Outputs {
        let previous = &today(plan, previous);
        let (rendered, issued) = self.rendered(realm, outputs, previous, issuing).await;
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
                    let token = issued.get(&what.of).filter(|issued| issued.is_in(text));
                    let token = token.and_then(|token| token.print.clone());
                    handed.insert(to.clone(), Handed { what: what.clone(), print: handed_print(text), token });
                }
                (Ok(_), Order::Take(_), _) => drop(handed.remove(to)),
                (Ok(_), Order::Put(_), None) | (Err(_), _, _) => {}
            }
        }
        handed.retain(|to, _| !plan.diff.outputs.iter().any(|it| it.to == *to && it.action == OutputAction::Leave));
        forget_void(&mut handed, &issued);
        let names = whats.into_iter().map(|(to, what)| (to.clone(), what.output));
        self.note(results, &names.chain(names_of(plan.diff.taken_back())).collect());
        handed
    }

    /// What each output says now, `None` for one that failed; and what was issued of it.
    async fn rendered<'o>(
        &self,
        realm: &RealmName,
        outputs: &[&'o Output],
        previous: &Outputs,
        issuing: Issuing,
    ) -> (Vec<Option<Rendered>>, BTreeMap<&'o Address, Issued>) {
        if outputs.is_empty() {
            return (Vec::new(), BTreeMap::new());
        }
        let facts = match facts(self.servers.of(realm), realm, &wanted(outputs)).await {
            Ok(facts) => facts,
            Err(error) => {
                self.fail_all(outputs, &error.into());
                return (outputs.iter().map(|_| None).collect(), BTreeMap::new());
            }
        };
        let issued = self.issued(realm, outputs, &facts, previous, issuing).await;
        let rendered = outputs.iter().map(|output| {
            let issued = issued.get(&output.of);
            if output.has_issued && issued.is_none() {
                return None;
            }
            let rendered = render(output, &facts, issued).map_err(|error| self.failed(&output.name, error.in_full()));
            rendered.map(|(rendered, _)| rendered).ok()
        });
        (rendered.collect(), issued)
    }

    /// What is issued and handed over, by clients and users; without what outputs fail for want of.
    async fn issued<'o>(
        &self,
        realm: &RealmName,
        outputs: &[&'o Output],
        facts: &Facts,
        previous: &Outputs,
        issuing: Issuing,
    ) -> BTreeMap<&'o Address, Issued> {
        let mut subjects: BTreeMap<&Address, Vec<&Output>> = BTreeMap::new();
        for output in outputs.iter().copied().filter(|output| output.has_issued) {
            subjects.entry(&output.of).or_default().push(output);
        }
        let source = self.source(realm, facts, previous);
        let mut issued = BTreeMap::new();
        for (of, outputs) in subjects {
            match self.issued_of(&source, of, &outputs, issuing).await {
                Ok(one) => drop(issued.insert(of, one)),
                Err(error) => self.fail_all(&outputs, &error),
            }
        }
        issued
    }

    async fn issued_of(
        &self,
        source: &Source<'_>,
        of: &Address,
        outputs: &[&Output],
        issuing: Issuing,
    ) -> Result<Issued, Error> {
        match (source.kept(of).await?, issuing) {
            (Some(kept), _) => Ok(kept),
            (None, Issuing::WhereLost) => {
                let issued = source.issue(of, outputs).await?;
                self.note_issued(of, outputs, source.previous);
                Ok(issued)
            }
            (None, Issuing::Never) => Err(Error::Other(format!(
                "{} is nowhere that it was handed over to: `realmform apply` issues another one",
                said(of)
            ))),
        }
    }

    fn note_issued(&self, of: &Address, outputs: &[&Output], previous: &Outputs) {
        let mut told = self.told.borrow_mut();
        let names: BTreeSet<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        told.results.push(format!("output {}: {} issued\n", names.join(", "), said(of).trim_start_matches("the ")));
        if previous.values().any(|handed| handed.what.of == *of && handed.token.is_some()) {
            told.warnings.push(format!(
                "warning: {} was nowhere that it had been handed over to; it is void, since another one was issued",
                said(of)
            ));
        }
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

    fn fail_all(&self, outputs: &[&Output], error: &Error) {
        for output in outputs {
            self.failed(&output.name, error.in_full());
        }
        self.told.borrow_mut().hints.extend(error.hint());
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
        async move { self.exchange(realm, &self.outputs_of(realm, |_| true), plan, previous, Issuing::WhereLost).await }
            .boxed_local()
    }
}

/// Whether what is nowhere any more is issued again.
#[derive(Clone, Copy)]
enum Issuing {
    /// The lock is held, and the record will know of it.
    WhereLost,
    Never,
}

/// What was handed over, by the names that clients and users have since the plan, and without passwords that it made others of.
fn today(plan: &RealmPlan, previous: &Outputs) -> Outputs {
    let mut moved = previous.clone();
    for change in &plan.diff.changes {
        if let Action::Rename { from } = &change.action {
            for Handed { what, .. } in moved.values_mut() {
                what.of = what.of.moved(from, &change.address);
            }
        }
        let is_another = change.fields.iter().any(|field| field.path.top() == PASSWORD);
        if *change.address.kind() == kinds::USER && is_another {
            let of_user = moved.values_mut().filter(|handed| handed.what.of == change.address);
            of_user.for_each(|handed| handed.token = None);
        }
    }
    moved
}

fn no_record(realm: &RealmName) -> Error {
    Error::Other(format!("the realm {realm} has no record of this project"))
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
        let (name, kind) = (output.of.name(), output.of.kind());
        wanted.clients.extend((*kind == kinds::CLIENT).then(|| name.to_owned()));
        wanted.users.extend((*kind == kinds::USER).then(|| name.to_owned()));
        wanted.clients.extend(output.clients.iter().flat_map(|clients| clients.iter().cloned()));
    }
    wanted
}

/// What an output says, and the secrets in it. What goes wrong is told without them.
pub(super) fn render(
    output: &Output,
    live: &Facts,
    issued: Option<&Issued>,
) -> Result<(Rendered, Vec<SecretString>), Error> {
    let mut facts = live.of(&output.of)?;
    let mut secrets: Vec<SecretString> =
        facts["client"]["secret"].as_str().map(SecretString::from).into_iter().collect();
    if let Some(clients) = &output.clients {
        facts["clients"] = live.listed(output.of.realm_name(), clients)?;
    }
    if let Some(Issued { value, print }) = issued.filter(|_| output.has_issued) {
        let (of, name) =
            if *output.of.kind() == kinds::USER { ("user", PASSWORD) } else { ("client", REGISTRATION_TOKEN) };
        facts[of][name] = value.expose_secret().into();
        secrets.extend(print.as_ref().map(|_| value.clone()));
    }
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
