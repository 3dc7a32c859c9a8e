//! Which requests a change needs, and what each of them waits for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{Step, StepAction, organizations};
use crate::diff::{Action, After, Before, Change, FieldChange, RealmDiff};
use crate::model::{Address, FieldPath, Kind, Names, PROTECTION_ROLE, Reference, Write, kinds, texts};

/// The steps of a realm, not yet in order: new and changed objects, then links, then deletions.
pub(super) fn steps(diff: &RealmDiff) -> Vec<Step> {
    let mut draft = Draft::new(diff);
    draft.add_bodies();
    draft.add_links();
    draft.add_deletions();
    draft.add_needs();
    draft.steps
}

/// Settings of a realm that decide which users it takes. Switching on that email addresses are usernames renames everybody
/// who has one (26.7.4).
const RULES_OF_USERS: &[&str] =
    &["duplicateEmailsAllowed", "editUsernameAllowed", "passwordPolicy", "registrationEmailAsUsername"];

struct Draft<'a> {
    diff: &'a RealmDiff,
    steps: Vec<Step>,
    /// For each change, the change whose request carries it; itself when it has its own.
    carrier: Vec<usize>,
    /// For each change, the step that creates, updates or renames the object, or that carries its creation.
    body: Vec<Option<usize>>,
    /// For each change, the step that deletes the object.
    deletion: Vec<Option<usize>>,
    /// The step that changes which client scopes new clients get.
    default_scopes: Option<usize>,
    /// For each address that an object is renamed away from, that change.
    vacated: BTreeMap<&'a Address, usize>,
}

impl<'a> Draft<'a> {
    fn new(diff: &'a RealmDiff) -> Self {
        let count = diff.changes.len();
        let vacated = diff.changes.iter().enumerate().filter_map(|(i, change)| Some((former(change)?, i)));
        Self {
            steps: Vec::new(),
            carrier: carriers(diff),
            body: vec![None; count],
            deletion: vec![None; count],
            default_scopes: None,
            vacated: vacated.collect(),
            diff,
        }
    }

    fn add_bodies(&mut self) {
        let diff = self.diff;
        for (index, change) in diff.changes.iter().enumerate() {
            let fields = fields(change, Part::Body);
            let action = match change.action {
                Action::Create => StepAction::Create,
                Action::Rename { .. } => StepAction::Update,
                Action::Update if !fields.is_empty() => StepAction::Update,
                Action::Update | Action::Delete { .. } => continue,
            };
            let carrier = self.carrier[index];
            if carrier == index {
                self.body[index] = Some(self.push(action, index, fields));
            } else {
                self.body[index] = self.body[carrier];
                self.carry(self.body[carrier], index);
            }
        }
    }

    fn add_links(&mut self) {
        let diff = self.diff;
        for (index, change) in diff.changes.iter().enumerate().filter(|(_, change)| !change.is_deletion()) {
            for part in [Part::DefaultScopes, Part::Links] {
                let fields = fields(change, part);
                if fields.is_empty() {
                    continue;
                }
                let step = self.push(StepAction::Link, index, fields);
                if part == Part::DefaultScopes {
                    self.default_scopes = Some(step);
                }
            }
        }
    }

    fn add_deletions(&mut self) {
        let diff = self.diff;
        for (index, _) in diff.changes.iter().enumerate().filter(|(_, change)| change.is_deletion()) {
            let carrier = self.carrier[index];
            if carrier == index {
                self.deletion[index] = Some(self.push(StepAction::Delete, index, Vec::new()));
            } else {
                self.deletion[index] = self.deletion[carrier];
                self.carry(self.deletion[carrier], index);
            }
        }
    }

    fn push(&mut self, action: StepAction, change: usize, fields: Vec<usize>) -> usize {
        self.steps.push(Step { action, change, fields, carries: Vec::new(), needs: Vec::new() });
        self.steps.len() - 1
    }

    fn carry(&mut self, step: Option<usize>, change: usize) {
        if let Some(step) = step {
            self.steps[step].carries.push(change);
        }
    }
}

/// What must have happened before.
impl Draft<'_> {
    fn add_needs(&mut self) {
        let mut needs: Vec<(usize, usize)> = Vec::new();
        self.follow_federation(&mut needs);
        for (index, step) in self.steps.iter().enumerate() {
            if step.action == StepAction::Delete {
                self.outlive(index, &mut needs);
            } else {
                self.follow(index, &mut needs);
            }
        }
        needs.extend(organizations::needs(self.diff, &self.steps));
        let renamed = self.realm_rename();
        needs.extend((0..self.steps.len()).filter_map(|step| Some((step, renamed?))));
        for (step, need) in needs {
            if step != need {
                self.steps[step].needs.push(need);
            }
        }
        for step in &mut self.steps {
            step.needs.sort_unstable();
            step.needs.dedup();
        }
    }

    /// The step that renames the realm: every path on the server has another name afterwards.
    fn realm_rename(&self) -> Option<usize> {
        let is_it = |change: &Change| change.address.parent().is_none() && former(change).is_some();
        self.body[self.diff.changes.iter().position(is_it)?]
    }

    /// What a step that writes waits for, and which deletions wait for it.
    fn follow(&self, index: usize, needs: &mut Vec<(usize, usize)>) {
        let step = &self.steps[index];
        let change = &self.diff.changes[step.change];
        if step.action == StepAction::Link {
            needs.extend(self.body[step.change].map(|body| (index, body)));
        }
        let container = change.address.container().and_then(|address| self.made(&address));
        needs.extend(container.map(|made| (index, made)));
        needs.extend(self.before_services(change).map(|step| (index, step)));
        if step.action == StepAction::Create && inherits_scopes(change) {
            needs.extend(self.default_scopes.map(|scopes| (index, scopes)));
        }
        // The name that an object gets may be one that another gives up.
        let vacated = self.vacated.get(&change.address).filter(|_| step.action != StepAction::Link);
        needs.extend(vacated.and_then(|gone| Some((index, self.body[*gone]?))));
        if change.kind.may_name_scopes() && step.action != StepAction::Link {
            needs.extend(self.new_scopes().map(|made| (index, made)));
        }
        if change.kind == &kinds::USER && step.action != StepAction::Link {
            needs.extend(self.before_users().map(|step| (index, step)));
        }
        for (change, field) in self.written(step) {
            self.refer(index, change, field, needs);
        }
    }

    /// What comes before the authorization services of a client are switched on or off: what changes the client itself,
    /// whose requests would switch them back. And the server makes a role with them, which is changed and not made then.
    fn before_services(&self, change: &Change) -> Option<usize> {
        let above = change.address.parent()?;
        if change.kind == &kinds::PERMISSION || change.kind == &kinds::PERMISSION_POLICY {
            // There is no place for them before the realm has them switched on.
            return self.body[self.diff.find(&above)?];
        }
        if change.kind == &kinds::AUTHORIZATION {
            return self.body[self.diff.find(&above)?];
        }
        let is_theirs = change.kind == &kinds::CLIENT_ROLE && change.address.name() == PROTECTION_ROLE;
        is_theirs.then(|| self.made(&above.child(&kinds::AUTHORIZATION, "")))?
    }

    /// The steps that make client scopes.
    fn new_scopes(&self) -> impl Iterator<Item = usize> {
        let is_one = |change: &Change| change.kind == &kinds::CLIENT_SCOPE;
        let changes = self.diff.changes.iter().filter(move |change| is_one(change));
        changes.filter_map(|change| self.made(&change.address))
    }

    /// Flows are written after user federation is made, changed and deleted: with a provider that speaks Kerberos the
    /// server itself sets what flows require of it.
    fn follow_federation(&self, needs: &mut Vec<(usize, usize)>) {
        let of = |kind: &'static Kind| {
            let steps = self.steps.iter().enumerate();
            steps.filter(move |(_, step)| self.diff.changes[step.change].kind == kind)
        };
        let federation: Vec<usize> = of(&kinds::USER_FEDERATION).map(|(index, _)| index).collect();
        for (flow, _) in of(&kinds::AUTHENTICATION_FLOW).filter(|(_, step)| step.action != StepAction::Delete) {
            needs.extend(federation.iter().map(|step| (flow, *step)));
        }
    }

    /// The steps by which the server judges users: what their profile is made of, the rules for names and passwords.
    fn before_users(&self) -> impl Iterator<Item = usize> {
        let judges = |step: &Step| {
            let change = &self.diff.changes[step.change];
            match change.kind.name {
                "realm" => step.fields.iter().any(|field| RULES_OF_USERS.contains(&change.fields[*field].path.top())),
                "user profile" | "user profile attribute" | "user profile group" => true,
                _ => false,
            }
        };
        self.steps.iter().enumerate().filter(move |(_, step)| judges(step)).map(|(index, _)| index)
    }

    /// The leaves that a step writes, those of what it carries included.
    fn written<'b>(&'b self, step: &'b Step) -> impl Iterator<Item = (&'b Change, &'b FieldChange)> {
        let change = &self.diff.changes[step.change];
        let own = step.fields.iter().map(move |field| (change, &change.fields[*field]));
        let carried = step.carries.iter().map(|carried| &self.diff.changes[*carried]);
        own.chain(carried.flat_map(|change| change.fields.iter().map(move |field| (change, field))))
    }

    fn refer(&self, step: usize, change: &Change, field: &FieldChange, needs: &mut Vec<(usize, usize)>) {
        let Some(names) = change.kind.names(&field.path) else { return };
        for address in named(names, &change.address, after(&field.after)) {
            needs.extend(self.made(&address).map(|made| (step, made)));
        }
        for address in named(names, &change.address, before(&field.before)) {
            let deletion = self.diff.find(&address).and_then(|gone| self.deletion[gone]);
            needs.extend(deletion.map(|deletion| (deletion, step)));
        }
    }

    /// What a deletion waits for: what holds on to the object is deleted first.
    fn outlive(&self, index: usize, needs: &mut Vec<(usize, usize)>) {
        let step = &self.steps[index];
        if self.diff.changes[step.change].address.parent().is_none() {
            needs.extend((0..self.steps.len()).map(|other| (index, other)));
        }
        needs.extend(self.before_services(&self.diff.changes[step.change]).map(|before| (index, before)));
        for change in std::iter::once(&step.change).chain(&step.carries) {
            for held in &self.diff.changes[*change].holds {
                let deletion = self.diff.find(held).and_then(|held| self.deletion[held]);
                needs.extend(deletion.map(|deletion| (deletion, index)));
            }
        }
        // One that is still named would make every later change of what names it fail.
        if self.diff.changes[step.change].kind == &kinds::CLIENT_SCOPE {
            let names_it = |step: &Step| self.diff.changes[step.change].kind.may_name_scopes();
            needs.extend(self.steps.iter().enumerate().filter(|(_, it)| names_it(it)).map(|(it, _)| (index, it)));
        }
    }

    /// The step after which an object can be referred to by this address; `None` when it already can.
    fn made(&self, address: &Address) -> Option<usize> {
        let index = self.diff.find(address)?;
        match self.diff.changes[index].action {
            Action::Create | Action::Rename { .. } => self.body[index],
            Action::Update | Action::Delete { .. } => None,
        }
    }
}

/// The parts of a change that are written by different steps.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Body,
    /// New clients get these, so they come before clients, while the realm's other links come after them.
    DefaultScopes,
    Links,
}

fn fields(change: &Change, part: Part) -> Vec<usize> {
    let is_new = change.action == Action::Create;
    let fields = change.fields.iter().enumerate();
    fields.filter(|(_, field)| part_of(change, &field.path, is_new) == part).map(|(index, _)| index).collect()
}

fn part_of(change: &Change, path: &FieldPath, is_new: bool) -> Part {
    let is_default_scopes =
        change.kind == &kinds::REALM && change.kind.names(path) == Some(Names::Of(Reference::ClientScope));
    match change.kind.write(path) {
        Write::Link if is_default_scopes => Part::DefaultScopes,
        Write::Link => Part::Links,
        Write::CreateThenLink if !is_new => Part::Links,
        Write::CreateThenLink | Write::Body | Write::CreateOnly | Write::Server => Part::Body,
    }
}

/// For each change, the change whose request does it: creations that the parent's body holds, deletions of what goes
/// with something else.
fn carriers(diff: &RealmDiff) -> Vec<usize> {
    let handed_over: BTreeSet<&Address> = diff.taken_back().map(|output| &output.what.of).collect();
    let mut carriers: Vec<usize> = Vec::with_capacity(diff.changes.len());
    for (index, change) in diff.changes.iter().enumerate() {
        let carrier = match change.action {
            // A client goes before what was handed over of it, and that before the realm that remembers it.
            Action::Delete { .. } if handed_over.contains(&change.address) => None,
            Action::Delete { .. } => change.address.container().and_then(|above| {
                let above = diff.find(&above)?;
                diff.changes[above].is_deletion().then(|| carriers[above])
            }),
            Action::Create if change.kind.carried_at_creation => change.address.parent().and_then(|parent| {
                let parent = diff.find(&parent)?;
                (diff.changes[parent].action == Action::Create).then(|| carriers[parent])
            }),
            Action::Create | Action::Update | Action::Rename { .. } => None,
        };
        carriers.push(carrier.unwrap_or(index));
    }
    carriers
}

/// Whether a new client gets the realm's default scopes, since it does not say which it wants.
fn inherits_scopes(change: &Change) -> bool {
    let declares = |name: &str| change.fields.iter().any(|field| field.path.top() == name);
    change.kind == &kinds::CLIENT && !(declares("defaultClientScopes") && declares("optionalClientScopes"))
}

fn former(change: &Change) -> Option<&Address> {
    match &change.action {
        Action::Rename { from } => Some(from),
        Action::Create | Action::Update | Action::Delete { .. } => None,
    }
}

fn named<'a>(names: Names<'a>, from: &'a Address, value: Option<&'a Json>) -> impl Iterator<Item = Address> + 'a {
    let texts = value.into_iter().flat_map(texts);
    texts.flat_map(move |text| names.addresses(from, text))
}

fn before(before: &Before) -> Option<&Json> {
    match before {
        Before::Json(value) => Some(value),
        Before::Absent | Before::Secret => None,
    }
}

fn after(after: &After) -> Option<&Json> {
    match after {
        After::Json(value) | After::Default(value) => Some(value),
        After::Secret(_) | After::Absent => None,
    }
}
