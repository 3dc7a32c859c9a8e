//! What the project file says of outputs, for each client or realm that is meant.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Value as Fact, context};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json};

use super::read::{DNS_NAME, is_dns_name};
use super::{Kubeconfig, Manifest, Output, OutputContent, OutputRule, Outputs, PASSWORD, Part, Subject};
use crate::desired::builder::Builder;
use crate::desired::problem::Problem;
use crate::desired::references::Use;
use crate::desired::suggest::{did_you_mean, one_of};
use crate::desired::template::{ENVIRONMENT, reason};
use crate::model::{
    Address, Destination, FieldPath, HandOff, Intended, Origin, RealmName, Reference, SecretRef, Value, kinds,
};

/// What is taken out of names that become parts of a path.
const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// Why an output cannot be made of a client or realm, and where it is written.
pub type OutputFault = (Origin, String);

/// The outputs of a realm in which `declared` are the objects of its files, by name and by what they are of.
///
/// # Errors
/// Names that are none, for what they are names of: all of them.
pub fn outputs<'a>(
    rules: &Outputs,
    realm: &RealmName,
    declared: impl Iterator<Item = &'a Address>,
) -> Result<Vec<Output>, Vec<OutputFault>> {
    let realm = Address::realm(realm);
    let clients: Vec<&Address> = declared.filter(|address| *address.kind() == kinds::CLIENT).collect();
    let names = LazyCell::new(|| Arc::new(clients.iter().map(|client| client.name().to_owned()).collect()));
    let (mut outputs, mut faults) = (Vec::new(), Vec::new());
    for (name, rule) in rules {
        let of: Vec<&Address> = match &rule.of {
            Subject::One(one) => Some(one).filter(|one| one.realm_name() == realm.name()).into_iter().collect(),
            Subject::Clients { .. } | Subject::Each(_) => {
                clients.iter().copied().filter(|client| rule.of.matches(client)).collect()
            }
            Subject::Realms(_) => Some(&realm).filter(|realm| rule.of.matches(realm)).into_iter().collect(),
        };
        if of.is_empty() {
            continue;
        }
        let tells = Tells {
            clients: rule.content.facts().contains("clients").then(|| Arc::clone(&names)),
            issued: rule.content.has_issued(),
        };
        for of in of {
            let fault = |words| (rule.origin.clone(), format!("the output `{name}` cannot be made of {of}: {words}"));
            match output(name, rule, of, &tells) {
                Ok(output) => outputs.push(output),
                Err(words) => faults.push(fault(words)),
            }
        }
    }
    if faults.is_empty() { Ok(outputs) } else { Err(faults) }
}

/// Where the outputs of a realm go, and what of them.
///
/// # Errors
/// Two that go to the same destination, by where the second one is written.
pub fn destinations(outputs: &[Output]) -> Result<BTreeMap<Destination, Intended>, Vec<OutputFault>> {
    let mut taken: BTreeMap<Destination, Intended> = BTreeMap::new();
    let mut faults = Vec::new();
    for Output { name, of, destinations, clients, origin, .. } in outputs {
        for to in destinations.keys() {
            let what = HandOff { output: name.clone(), of: of.clone() };
            let intended = Intended { what, lists_clients: clients.is_some() };
            if let Some(Intended { what: other, .. }) = taken.insert(to.clone(), intended) {
                let hint = if other.output == *name { "; {{ client.id }} tells clients apart" } else { "" };
                let words = format!("`{}` of {} and `{name}` of {of} both go to {to}{hint}", other.output, other.of);
                faults.push((origin.clone(), words));
            }
        }
    }
    if faults.is_empty() { Ok(taken) } else { Err(faults) }
}

/// The outputs of all realms, now that it is known what the files declare; `partial` files may not have all of it.
pub(in crate::desired) fn of_all(
    builder: &mut Builder,
    rules: &Outputs,
    partial: bool,
) -> BTreeMap<RealmName, Vec<Output>> {
    let mut all = BTreeMap::new();
    let mut faults = Vec::new();
    let mut taken: BTreeMap<Destination, RealmName> = BTreeMap::new();
    let no_rules = Outputs::new();
    for (name, realm) in &mut builder.desired.realms {
        let of_blueprints = builder.outputs.get(name).unwrap_or(&no_rules);
        for (output, rule) in of_blueprints {
            if let Some(other) = rules.get(output) {
                let words = format!("the project has an output `{output}` as well, at {}", other.origin);
                faults.push((rule.origin.clone(), words));
            }
        }
        let found = outputs(rules, name, realm.objects.keys()).and_then(|mut found| {
            found.extend(outputs(of_blueprints, name, realm.objects.keys())?);
            Ok(found)
        });
        let (outputs, destinations) = match found.and_then(|them| destinations(&them).map(|to| (them, to))) {
            Ok(found) => found,
            Err(found) => {
                faults.extend(found);
                continue;
            }
        };
        faults.extend(outputs.iter().filter(|output| output.has_issued).filter_map(|output| {
            let user = realm.objects.get(&output.of).filter(|object| *object.kind == kinds::USER)?;
            let password = user.fields.get(&FieldPath::new([PASSWORD])).map(|declared| &declared.value);
            let is_generated = matches!(password, Some(Value::Secret(SecretRef::Generate { .. })));
            let words = || {
                format!(
                    "the output `{}` has the password of {}, which is only handed over where it is {{ generate = {{}} }}",
                    output.name, output.of
                )
            };
            (!is_generated).then(|| (output.origin.clone(), words()))
        }));
        for (to, Intended { what, .. }) in &destinations {
            if let Some(other) = taken.insert(to.clone(), name.clone()) {
                let rule = of_blueprints.get(&what.output).unwrap_or_else(|| &rules[&what.output]);
                let words = format!(
                    "an output of {other} and `{}` of {} both go to {to}; {{{{ realm }}}} tells realms apart",
                    what.output, what.of
                );
                faults.push((rule.origin.clone(), words));
            }
        }
        realm.outputs = Some(destinations);
        all.insert(name.clone(), outputs);
    }
    // One of an output says what is wrong with the others of it.
    faults.dedup_by(|a, b| a.0 == b.0);
    for (origin, words) in faults {
        let place = builder.place(&origin);
        builder.report(Problem::error(words).maybe_at(place, "this output"));
    }
    if !partial {
        check_subjects(builder, rules, None);
        for (realm, rules) in builder.outputs.clone() {
            check_subjects(builder, &rules, Some(&realm));
        }
    }
    all
}

/// Outputs of what no file declares: of a client only the server knows whether it is there. Those of a blueprint are of the
/// realm that uses it.
fn check_subjects(builder: &mut Builder, rules: &Outputs, using: Option<&RealmName>) {
    for (name, rule) in rules {
        let (Subject::One(of), Some(place)) = (&rule.of, builder.place(&rule.origin)) else { continue };
        if let Some(using) = using.filter(|using| *using != of.realm_name()) {
            let problem = Problem::error(format!("the output `{name}` is of {of}, and {using} uses the blueprint"))
                .at(place, "this output")
                .help("expected `of = \"{{ realm }}/clients/…\"`");
            builder.report(problem);
            continue;
        }
        let Some(realm) = builder.desired.realms.get(of.realm_name()) else {
            let known = builder.desired.realms.keys().map(String::as_str);
            let problem = Problem::error(format!("the output `{name}` is of {of}, and the project has no such realm"))
                .at(place, "this output")
                .help("take the output out of realmform.toml, too, when a realm goes")
                .maybe_help(did_you_mean(of.realm_name(), known));
            builder.report(problem);
            continue;
        };
        if *of.kind() == kinds::USER && !realm.objects.contains_key(of) {
            let problem = Problem::error(format!("the output `{name}` is of {of}, and no file declares that user"))
                .at(place, "this output");
            builder.report(problem);
            continue;
        }
        // What is only printed is looked for when it is.
        if !realm.objects.contains_key(of) && rule.is_handed_over() {
            let path = FieldPath::new(["outputs", name.as_str()]);
            builder.refer(Reference::Client, of.name(), Use { address: of.clone(), path, place });
        }
    }
}

/// What the templates of an output tell beside plain facts.
#[derive(Clone)]
struct Tells {
    clients: Option<Arc<BTreeSet<String>>>,
    issued: bool,
}

fn output(name: &str, rule: &OutputRule, of: &Address, tells: &Tells) -> Result<Output, String> {
    let OutputRule { of: _, content, file, directory, vault, parameters, origin } = rule;
    let known = Known { of, parameters };
    let content = content_of(content, &known)?;
    let mut destinations = BTreeMap::new();
    let names: Vec<&String> = content.values().into_iter().flat_map(BTreeMap::keys).collect();
    if let Some(file) = file {
        destinations.insert(Destination::File(known.path(file)?), Part::Whole);
    }
    if let Some(directory) = directory {
        let directory = known.path(directory)?;
        for name in &names {
            let file = format!("{}/{name}", directory.trim_end_matches('/'));
            destinations.insert(Destination::File(file), Part::Value((*name).clone()));
        }
    }
    if let Some(vault) = vault {
        let at = known.path(vault)?;
        match at.split_once('#') {
            Some((at, key)) => {
                destinations.insert(Destination::Vault { path: at.into(), key: key.into() }, Part::Whole);
            }
            None => destinations.extend(names.iter().map(|name| {
                let to = Destination::Vault { path: at.clone(), key: (*name).clone() };
                (to, Part::Value((*name).clone()))
            })),
        }
    }
    let Tells { clients, issued: has_issued } = tells.clone();
    let (parameters, origin) = (parameters.clone(), origin.clone());
    Ok(Output { name: name.to_owned(), of: of.clone(), content, destinations, clients, has_issued, parameters, origin })
}

fn content_of(content: &OutputContent, known: &Known<'_>) -> Result<OutputContent, String> {
    let mut content = content.clone();
    match &mut content {
        OutputContent::Manifest(Manifest { name, namespace, .. }) => {
            for name in std::iter::once(name).chain(namespace) {
                *name = known.text(name)?;
                if !is_dns_name(name) {
                    return Err(format!("`{name}` is no name for Kubernetes: {DNS_NAME}"));
                }
            }
        }
        OutputContent::Kubeconfig(Kubeconfig { name, server, certificate_authority, scopes }) => {
            let texts = [name, server].into_iter().chain(certificate_authority).chain(scopes);
            for template in texts {
                *template = known.text(template)?;
            }
        }
        OutputContent::Env(_) | OutputContent::Json(_) | OutputContent::Text(_) => {}
    }
    Ok(content)
}

/// What is known before an apply.
struct Known<'a> {
    of: &'a Address,
    parameters: &'a Map<String, Json>,
}

impl Known<'_> {
    fn text(&self, template: &str) -> Result<String, String> {
        self.rendered(template, str::to_owned)
    }

    /// The same of a path: names in it stay one part of it, whatever they are.
    fn path(&self, template: &str) -> Result<String, String> {
        self.rendered(template, |name| match name {
            "." | ".." => name.replace('.', "%2E"),
            name => utf8_percent_encode(name, UNSAFE).to_string(),
        })
    }

    fn rendered(&self, template: &str, name: impl Fn(&str) -> String) -> Result<String, String> {
        let mut parameters = Json::Object(self.parameters.clone());
        each_text(&mut parameters, &name);
        let (parameters, realm) = (Fact::from(Serde(parameters)), name(self.of.realm_name()));
        let own = name(self.of.name());
        let (facts, known) = if *self.of.kind() == kinds::CLIENT {
            (context! { realm, client => context! { id => own }, ..parameters }, Some("client.id"))
        } else if *self.of.kind() == kinds::USER {
            (context! { realm, user => context! { username => own }, ..parameters }, Some("user.username"))
        } else {
            (context! { realm, ..parameters }, None)
        };
        ENVIRONMENT.render_str(template, facts).map_err(|error| {
            let known: Vec<&str> =
                ["realm"].into_iter().chain(known).chain(self.parameters.keys().map(String::as_str)).collect();
            format!("`{template}`: {}; before an apply there is {}", reason(&error), one_of(&known))
        })
    }
}

fn each_text(value: &mut Json, change: &impl Fn(&str) -> String) {
    match value {
        Json::String(text) => *text = change(text),
        Json::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Json::Object(entries) => entries.values_mut().for_each(|entry| each_text(entry, change)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
