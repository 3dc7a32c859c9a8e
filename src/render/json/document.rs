//! The shapes of a plan and of a difference in JSON, both ways; `schemas/` describes them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use super::outputs::OutputDocument;
use crate::diff::{Action, After, Before, Cause, Change, Concern, Counts, FieldChange, RealmDiff, Scope, Unreadable};
use crate::fleet::{Duplicate, Place, Places, Survey};
use crate::git::Touch;
use crate::keycloak::Culprit;
use crate::model::{Address, FieldPath, Origin, RealmName, SecretRef};
use crate::plan::explain::{Explanations, is_edit};
use crate::plan::{Guard, Plan, RealmPlan, Step, StepAction, Violation};

/// Raised when a program that reads the output has to change; new keys are no reason.
pub(super) const FORMAT_VERSION: u32 = 1;

/// A plan.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "realmform plan")]
pub(super) struct PlanDocument {
    /// The version of this format.
    pub(super) format_version: u32,
    /// How much changes in all realms.
    pub(super) summary: Summary,
    /// What to look at first.
    #[serde(default)]
    pub(super) concerns: Vec<ConcernDocument>,
    /// By realm, those with nothing to do included.
    pub(super) realms: BTreeMap<RealmName, RealmDocument>,
    /// What was found out of a fleet of servers; absent where it is one server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fleet: Option<FleetDocument>,
    /// What speaks against it, where it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Vec<ViolationDocument>>,
}

/// What was found out of a fleet of servers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct FleetDocument {
    /// Whether a server could not be reached, so that what was not found may be there.
    partial: bool,
    /// Why servers could not be reached, by their names.
    unreachable: BTreeMap<String, String>,
    /// Realms that may be on one of those, and are left out.
    unknown: BTreeSet<RealmName>,
    /// By realm: the server that it is on, or goes to.
    realms: BTreeMap<RealmName, PlaceDocument>,
    /// Realms that more than one server has.
    duplicates: Vec<DuplicateDocument>,
}

/// The server of a realm.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct PlaceDocument {
    /// Its name in the project file.
    server: String,
    /// Why it goes there; absent where it is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chosen: Option<String>,
    /// Whether it asks for what the server does not have.
    misplaced: bool,
}

/// A realm that more than one server has.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct DuplicateDocument {
    realm: RealmName,
    /// The server whose realm counts.
    active: String,
    /// Those whose realm is never written.
    ignored: Vec<String>,
}

impl From<&Survey> for FleetDocument {
    fn from(survey: &Survey) -> Self {
        let Survey { places: Places { of, unknown, full: _ }, duplicates, unreachable } = survey;
        let place = |Place { server, chosen, misplaced }: &Place| PlaceDocument {
            server: server.clone(),
            chosen: chosen.as_ref().map(ToString::to_string),
            misplaced: misplaced.is_some(),
        };
        let duplicate = |Duplicate { realm, active, ignored }: &Duplicate| DuplicateDocument {
            realm: realm.clone(),
            active: active.clone(),
            ignored: ignored.clone(),
        };
        Self {
            partial: !unreachable.is_empty(),
            unreachable: unreachable.clone(),
            unknown: unknown.clone(),
            realms: of.iter().map(|(name, it)| (name.clone(), place(it))).collect(),
            duplicates: duplicates.iter().map(duplicate).collect(),
        }
    }
}

/// What differs between two states of the files.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "realmform diff")]
pub(super) struct DifferenceDocument {
    /// The version of this format.
    pub(super) format_version: u32,
    /// How much differs in all realms.
    pub(super) summary: Summary,
    /// What to look at first.
    pub(super) concerns: Vec<ConcernDocument>,
    /// By realm, those without any difference included.
    pub(super) realms: BTreeMap<RealmName, ChangesDocument>,
}

/// How many objects change in which way.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Summary {
    create: usize,
    update: usize,
    rename: usize,
    delete: usize,
    /// Only entered into the record.
    adopt: usize,
    /// Only dropped from the record.
    forget: usize,
}

/// What changes in one realm.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangesDocument {
    summary: Summary,
    /// Sorted by address.
    changes: Vec<ChangeDocument>,
    /// Addresses that are only entered into the record.
    adopted: Vec<String>,
    /// Addresses that are only dropped from the record.
    forgotten: Vec<String>,
}

/// What is done to one realm.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RealmDocument {
    #[serde(flatten)]
    changes: ChangesDocument,
    /// Whether the record has to be written even if no object changes.
    record_changes: bool,
    /// In an order in which they could run one after the other.
    steps: Vec<StepDocument>,
    /// What is handed over and taken back; absent where nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<OutputDocument>,
    /// How much of the realm was looked at, with `--changed`; absent where that was all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<ScopeDocument>,
    /// Why what was applied last cannot be read, so that edits and drift look alike; absent where that would tell no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unreadable: Option<UnreadableDocument>,
}

/// Why what was applied last cannot be read.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct UnreadableDocument {
    reason: String,
    /// The command that would change that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

/// How much of a realm was looked at.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ScopeDocument {
    /// The commit that was applied last: what the files changed since was looked at.
    since: String,
    /// How many managed objects were looked at.
    looked_at: usize,
    /// How many managed objects there are.
    managed: usize,
    /// Why nobody can tell what changed on the server since; absent where admin events told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server_unknown: Option<String>,
}

/// One object that changes.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeDocument {
    /// The object, by its new name.
    address: String,
    /// What it is: `client scope`.
    #[serde(default)]
    kind: String,
    action: ActionWord,
    /// Where a renamed object is today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Whether a deleted object was nobody's, and swept by `prune = "all"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unmanaged: Option<bool>,
    /// The leaves that differ.
    fields: Vec<FieldDocument>,
    /// How many declared leaves stay as they are.
    unchanged: usize,
    origin: Option<OriginDocument>,
    /// Whether its declaration guards it from being deleted.
    prevent_destroy: bool,
    /// Who changed it on the server, with `--explain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    culprit: Option<CulpritDocument>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum ActionWord {
    Create,
    Update,
    Rename,
    Delete,
}

/// One leaf that differs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct FieldDocument {
    /// The names from the top field down.
    #[schemars(with = "Vec<String>")]
    path: FieldPath,
    before: BeforeDocument,
    after: AfterDocument,
    cause: CauseWord,
    /// What was applied last, where it is a third value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<ValueDocument>,
    origin: Option<OriginDocument>,
    /// The commit that last touched its line, with `--explain`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<TouchDocument>,
}

/// The commit that last touched a line.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct TouchDocument {
    /// In full.
    id: String,
    author: String,
    time: String,
    subject: String,
    /// Whether the clone ends there, so that it may have been an earlier one.
    boundary: bool,
}

/// Who changed an object last, by the realm's admin events.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct CulpritDocument {
    user: String,
    client: String,
    address: String,
    time: String,
}

/// What there is: one of these.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
struct BeforeDocument {
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    value: Option<Json>,
    /// There is a secret.
    #[serde(default, skip_serializing_if = "is_false")]
    secret: bool,
    /// There is nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    absent: bool,
}

/// What there will be: one of `value`, `secret` and `absent`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
struct AfterDocument {
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    value: Option<Json>,
    /// Whether the value is Keycloak's own default, since the files are silent.
    #[serde(default, skip_serializing_if = "is_false")]
    default: bool,
    /// What names the secret, as in a file: `{"env": "NAME"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, Json>>")]
    secret: Option<SecretRef>,
    /// There will be nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    absent: bool,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct ValueDocument {
    value: Json,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum CauseWord {
    /// What was applied last cannot be read, so that edit and drift look alike.
    Unexplained,
    /// The files changed.
    Edit,
    /// The server moved.
    Drift,
    /// Both moved.
    Both,
    /// The files no longer say it.
    Prune,
    /// What realmform chooses for new objects.
    Creation,
}

/// A place in a file.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct OriginDocument {
    /// Relative to the project's folder.
    file: String,
    /// Counted from 1.
    line: u32,
    /// Counted from 1, in characters.
    column: u32,
    /// Where the file is used, which is a blueprint's then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via: Option<Box<OriginDocument>>,
}

/// One unit of work of one object.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct StepDocument {
    action: StepWord,
    address: String,
    /// The leaves that it writes.
    #[schemars(with = "Vec<Vec<String>>")]
    fields: Vec<FieldPath>,
    /// The objects below that the same request carries.
    carries: Vec<String>,
    /// The indexes of the steps that must have succeeded.
    needs: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum StepWord {
    Create,
    Update,
    Link,
    Delete,
}

/// Something that concerns security.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct ConcernDocument {
    address: String,
    #[schemars(with = "Option<Vec<String>>")]
    path: Option<FieldPath>,
    message: String,
    origin: Option<OriginDocument>,
}

/// One thing that speaks against a plan.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct ViolationDocument {
    address: String,
    guard: GuardWord,
    /// What would happen.
    message: String,
    /// What would allow it.
    remedy: String,
    origin: Option<OriginDocument>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum GuardWord {
    ProtectedRealm,
    DeleteLimit,
    EmptiedKind,
    PreventDestroy,
    DataBearing,
    Credential,
    BreakGlass,
    CreateOnly,
    BuiltIn,
    InUse,
    Ownership,
    Environment,
}

impl PlanDocument {
    pub(super) fn of(plan: &Plan, concerns: &[Concern]) -> Self {
        let counts: Counts = plan.realms.values().map(|realm| realm.diff.counts()).sum();
        let realms = plan.realms.iter().map(|(name, realm)| (name.clone(), RealmDocument::from(realm)));
        Self {
            format_version: FORMAT_VERSION,
            summary: counts.into(),
            concerns: concerns.iter().map(Into::into).collect(),
            realms: realms.collect(),
            fleet: None,
            refused: None,
        }
    }

    /// The same, with who is behind each change.
    pub(super) fn explained(mut self, plan: &Plan, explanations: &Explanations) -> Self {
        self.fleet = explanations.survey.as_ref().map(Into::into);
        for (name, realm) in &mut self.realms {
            realm.unreadable = explanations.unreadable.get(name).map(Into::into);
            let Some(plan) = plan.realms.get(name) else { continue };
            for (document, change) in realm.changes.changes.iter_mut().zip(&plan.diff.changes) {
                document.culprit = explanations.culprit(&change.address).map(Into::into);
                for (document, field) in document.fields.iter_mut().zip(&change.fields) {
                    let touch = explanations.touch(field.origin.as_ref()).filter(|_| is_edit(field.cause));
                    document.commit = touch.map(Into::into);
                }
            }
        }
        self
    }

    /// The plan that it is of. What only guards look at is not in it.
    pub(super) fn plan(&self) -> Result<Plan, String> {
        let realms = self.realms.iter().map(|(name, realm)| Ok((name.clone(), realm.plan(name)?)));
        Ok(Plan { realms: realms.collect::<Result<_, String>>()? })
    }
}

impl RealmDocument {
    fn plan(&self, name: &RealmName) -> Result<RealmPlan, String> {
        let ChangesDocument { summary: _, changes, adopted, forgotten } = &self.changes;
        let addresses = |texts: &[String]| texts.iter().map(|text| address(name, text)).collect::<Result<_, String>>();
        let diff = RealmDiff {
            changes: changes.iter().map(|change| change.change(name)).collect::<Result<_, String>>()?,
            adopted: addresses(adopted)?,
            forgotten: addresses(forgotten)?,
            record_changes: self.record_changes,
            scope: self.scope.as_ref().map(Into::into),
            outputs: self.outputs.iter().map(|output| output.change(name)).collect::<Result<_, String>>()?,
            ..RealmDiff::default()
        };
        if !diff.changes.is_sorted_by(|a, b| a.address < b.address) {
            return Err(format!("the changes of {name} are not in order"));
        }
        let steps = self.steps.iter().enumerate();
        let steps = steps.map(|(index, step)| step.step(name, index, &diff)).collect::<Result<_, String>>()?;
        Ok(RealmPlan { diff, steps })
    }
}

impl ChangeDocument {
    fn change(&self, realm: &RealmName) -> Result<Change, String> {
        let address = address(realm, &self.address)?;
        let action = match self.action {
            ActionWord::Create => Action::Create,
            ActionWord::Update => Action::Update,
            ActionWord::Delete => Action::Delete { unmanaged: self.unmanaged == Some(true) },
            ActionWord::Rename => {
                let from = self.from.as_deref().ok_or_else(|| format!("{address} is renamed from nothing"))?;
                Action::Rename { from: from.parse()? }
            }
        };
        Ok(Change {
            kind: address.kind(),
            action,
            fields: self.fields.iter().map(FieldDocument::change).collect::<Result<_, String>>()?,
            unchanged: self.unchanged,
            origin: self.origin.as_ref().map(Into::into),
            prevent_destroy: self.prevent_destroy,
            holds: std::collections::BTreeSet::default(),
            held_by: std::collections::BTreeSet::default(),
            address,
        })
    }
}

impl FieldDocument {
    fn change(&self) -> Result<FieldChange, String> {
        let Self { path, before, after, cause, base, origin, commit: _ } = self;
        let before = match before {
            BeforeDocument { value: Some(value), secret: false, absent: false } => Before::Json(value.clone()),
            BeforeDocument { value: None, secret: true, absent: false } => Before::Secret,
            BeforeDocument { value: None, secret: false, absent: true } => Before::Absent,
            BeforeDocument { .. } => return Err(format!("{path} has no single value before")),
        };
        let after = match after {
            AfterDocument { value: Some(value), default: true, secret: None, absent: false } => {
                After::Default(value.clone())
            }
            AfterDocument { value: Some(value), default: false, secret: None, absent: false } => {
                After::Json(value.clone())
            }
            AfterDocument { value: None, default: false, secret: Some(reference), absent: false } => {
                After::Secret(reference.clone())
            }
            AfterDocument { value: None, default: false, secret: None, absent: true } => After::Absent,
            AfterDocument { .. } => return Err(format!("{path} has no single value after")),
        };
        let (base, origin) = (base.as_ref().map(|base| base.value.clone()), origin.as_ref().map(Into::into));
        Ok(FieldChange { path: path.clone(), before, after, cause: (*cause).into(), base, origin })
    }
}

impl StepDocument {
    fn step(&self, realm: &RealmName, index: usize, diff: &RealmDiff) -> Result<Step, String> {
        let find = |text: &String| {
            diff.find(&address(realm, text)?).ok_or_else(|| format!("a step works on {text}, which does not change"))
        };
        let change = find(&self.address)?;
        let fields = self.fields.iter().map(|path| {
            let mut fields = diff.changes[change].fields.iter();
            let field = fields.position(|field| field.path == *path);
            field.ok_or_else(|| format!("a step writes {path} of {}, which does not change", self.address))
        });
        if self.needs.iter().any(|needed| *needed >= index) {
            return Err(format!("a step on {} waits for a later one", self.address));
        }
        Ok(Step {
            action: self.action.into(),
            change,
            fields: fields.collect::<Result<_, String>>()?,
            carries: self.carries.iter().map(find).collect::<Result<_, String>>()?,
            needs: self.needs.clone(),
        })
    }
}

pub(super) fn address(realm: &RealmName, text: &str) -> Result<Address, String> {
    let address: Address = text.parse()?;
    if address.realm_name() == realm { Ok(address) } else { Err(format!("{text} is not in realm {realm}")) }
}

impl From<&RealmDiff> for ChangesDocument {
    fn from(diff: &RealmDiff) -> Self {
        // A plan with secrets in disorder is not shown: it is an error.
        let RealmDiff { changes, adopted, forgotten, .. } = diff;
        Self {
            summary: diff.counts().into(),
            changes: changes.iter().map(Into::into).collect(),
            adopted: texts(adopted),
            forgotten: texts(forgotten),
        }
    }
}

impl From<&RealmPlan> for RealmDocument {
    fn from(realm: &RealmPlan) -> Self {
        let RealmPlan { diff, steps } = realm;
        Self {
            changes: diff.into(),
            record_changes: diff.record_changes,
            steps: steps.iter().map(|step| step_document(diff, step)).collect(),
            outputs: diff.outputs.iter().map(Into::into).collect(),
            scope: diff.scope.as_ref().map(Into::into),
            unreadable: None,
        }
    }
}

impl From<&Scope> for ScopeDocument {
    fn from(scope: &Scope) -> Self {
        let Scope { since, looked_at, managed, server } = scope.clone();
        Self { since, looked_at, managed, server_unknown: server }
    }
}

impl From<&ScopeDocument> for Scope {
    fn from(scope: &ScopeDocument) -> Self {
        let ScopeDocument { since, looked_at, managed, server_unknown } = scope;
        Self { since: since.clone(), looked_at: *looked_at, managed: *managed, server: server_unknown.clone() }
    }
}

impl From<&Change> for ChangeDocument {
    fn from(change: &Change) -> Self {
        let Change { address, kind, action, fields, unchanged, origin, prevent_destroy, holds: _, held_by: _ } = change;
        let (word, from, unmanaged) = match action {
            Action::Create => (ActionWord::Create, None, None),
            Action::Update => (ActionWord::Update, None, None),
            Action::Rename { from } => (ActionWord::Rename, Some(from.to_string()), None),
            Action::Delete { unmanaged } => (ActionWord::Delete, None, Some(*unmanaged)),
        };
        Self {
            address: address.to_string(),
            kind: kind.name.to_owned(),
            action: word,
            from,
            unmanaged,
            fields: fields.iter().map(Into::into).collect(),
            unchanged: *unchanged,
            origin: origin.as_ref().map(Into::into),
            prevent_destroy: *prevent_destroy,
            culprit: None,
        }
    }
}

impl From<&FieldChange> for FieldDocument {
    fn from(field: &FieldChange) -> Self {
        let FieldChange { path, before, after, cause, base, origin } = field;
        Self {
            path: path.clone(),
            before: before.into(),
            after: after.into(),
            cause: (*cause).into(),
            base: base.clone().map(|value| ValueDocument { value }),
            origin: origin.as_ref().map(Into::into),
            commit: None,
        }
    }
}

impl From<&Before> for BeforeDocument {
    fn from(before: &Before) -> Self {
        match before {
            Before::Absent => Self { absent: true, ..Self::default() },
            Before::Json(value) => Self { value: Some(value.clone()), ..Self::default() },
            Before::Secret => Self { secret: true, ..Self::default() },
        }
    }
}

impl From<&After> for AfterDocument {
    fn from(after: &After) -> Self {
        match after {
            After::Json(value) => Self { value: Some(value.clone()), ..Self::default() },
            After::Secret(reference) => Self { secret: Some(reference.clone()), ..Self::default() },
            After::Default(value) => Self { value: Some(value.clone()), default: true, ..Self::default() },
            After::Absent => Self { absent: true, ..Self::default() },
        }
    }
}

fn step_document(diff: &RealmDiff, step: &Step) -> StepDocument {
    let Step { action, change, fields, carries, needs } = step;
    let change = &diff.changes[*change];
    StepDocument {
        action: (*action).into(),
        address: change.address.to_string(),
        fields: fields.iter().map(|field| change.fields[*field].path.clone()).collect(),
        carries: texts(carries.iter().map(|carried| &diff.changes[*carried].address)),
        needs: needs.clone(),
    }
}

impl From<&Concern> for ConcernDocument {
    fn from(concern: &Concern) -> Self {
        let Concern { address, path, message, origin } = concern;
        Self {
            address: address.to_string(),
            path: path.clone(),
            message: message.clone(),
            origin: origin.as_ref().map(Into::into),
        }
    }
}

impl From<&Violation> for ViolationDocument {
    fn from(violation: &Violation) -> Self {
        let Violation { address, guard, message, remedy, origin } = violation;
        Self {
            address: address.to_string(),
            guard: (*guard).into(),
            message: message.clone(),
            remedy: remedy.clone(),
            origin: origin.as_ref().map(Into::into),
        }
    }
}

impl From<&Origin> for OriginDocument {
    fn from(origin: &Origin) -> Self {
        let Origin { file, line, column, span: _, via } = origin;
        let via = via.as_deref().map(|via| Box::new(via.into()));
        Self { file: file.to_string(), line: *line, column: *column, via }
    }
}

impl From<&OriginDocument> for Origin {
    fn from(origin: &OriginDocument) -> Self {
        let OriginDocument { file, line, column, via } = origin;
        let via = via.as_deref().map(|via| Arc::new(via.into()));
        Self { file: file.as_str().into(), line: *line, column: *column, span: 0..0, via }
    }
}

impl From<&Touch> for TouchDocument {
    fn from(touch: &Touch) -> Self {
        let Touch { commit, author, time, subject, is_boundary } = touch;
        Self {
            id: commit.id.clone(),
            author: author.clone(),
            time: time.clone(),
            subject: subject.clone(),
            boundary: *is_boundary,
        }
    }
}

impl From<&Culprit> for CulpritDocument {
    fn from(culprit: &Culprit) -> Self {
        let Culprit { user, client, address, time } = culprit;
        Self { user: user.clone(), client: client.clone(), address: address.clone(), time: time.to_string() }
    }
}

impl From<&Unreadable> for UnreadableDocument {
    fn from(unreadable: &Unreadable) -> Self {
        let Unreadable { reason, command } = unreadable;
        Self { reason: reason.clone(), command: command.clone() }
    }
}

impl From<Counts> for Summary {
    fn from(counts: Counts) -> Self {
        let Counts { create, update, rename, delete, adopt, forget } = counts;
        Self { create, update, rename, delete, adopt, forget }
    }
}

words!(CauseWord, Cause: Unexplained Edit Drift Both Prune Creation);
words!(StepWord, StepAction: Create Update Link Delete);
words!(GuardWord, Guard: ProtectedRealm DeleteLimit EmptiedKind PreventDestroy DataBearing Credential BreakGlass CreateOnly BuiltIn InUse Ownership Environment);

pub(super) fn texts<'a>(addresses: impl IntoIterator<Item = &'a Address>) -> Vec<String> {
    addresses.into_iter().map(ToString::to_string).collect()
}

/// A `null` that is there is a value.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like this")]
fn is_false(it: &bool) -> bool {
    !*it
}
