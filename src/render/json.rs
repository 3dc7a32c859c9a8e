//! For programs: everything that a plan says, in a stable order.

use serde_json::{Value as Json, json};

use crate::diff::{Action, After, Before, Cause, Change, Concern, Counts, Diff, FieldChange, RealmDiff};
use crate::model::{Address, Origin, SecretRef};
use crate::plan::{Guard, Plan, RealmPlan, Refusal, Step, StepAction, Violation};

/// Raised when a program that reads the output has to change; new keys are no reason.
const FORMAT_VERSION: u32 = 1;

/// A plan: `formatVersion`, the counts as `summary`, and by realm the `changes` and the `steps` in their order.
pub fn plan(plan: &Plan) -> Json {
    let Plan { realms } = plan;
    let counts: Counts = realms.values().map(|realm| realm.diff.counts()).sum();
    let realms: serde_json::Map<String, Json> =
        realms.iter().map(|(name, realm)| (name.clone(), realm_json(realm))).collect();
    json!({ "formatVersion": FORMAT_VERSION, "summary": counts_json(counts), "realms": realms })
}

/// What differs between two states of the files: `formatVersion`, the counts as `summary`, `concerns` of security, and by
/// realm the `changes`.
pub fn difference(diff: &Diff, concerns: &[Concern]) -> Json {
    let counts: Counts = diff.realms.values().map(RealmDiff::counts).sum();
    let realm = |realm: &RealmDiff| {
        json!({
            "summary": counts_json(realm.counts()),
            "changes": realm.changes.iter().map(change_json).collect::<Vec<_>>(),
            "adopted": texts(&realm.adopted),
            "forgotten": texts(&realm.forgotten),
        })
    };
    let realms: serde_json::Map<String, Json> =
        diff.realms.iter().map(|(name, diff)| (name.clone(), realm(diff))).collect();
    json!({
        "formatVersion": FORMAT_VERSION,
        "summary": counts_json(counts),
        "concerns": concerns.iter().map(concern_json).collect::<Vec<_>>(),
        "realms": realms,
    })
}

fn concern_json(concern: &Concern) -> Json {
    let Concern { address, path, message, origin } = concern;
    json!({
        "address": address.to_string(),
        "path": path,
        "message": message,
        "origin": origin.as_ref().map(origin_json),
    })
}

/// A refused plan: the plan, and why as `refused`.
pub fn refusal(refusal: &Refusal) -> Json {
    let Refusal { plan: refused, violations } = refusal;
    let mut json = plan(refused);
    json["refused"] = violations.iter().map(violation_json).collect();
    json
}

fn realm_json(realm: &RealmPlan) -> Json {
    let RealmPlan { diff, steps } = realm;
    // A plan with secrets in disorder is not shown: it is an error.
    let RealmDiff { changes, managed: _, adopted, forgotten, managed_before: _, record_changes, secrets: _ } = diff;
    json!({
        "summary": counts_json(diff.counts()),
        "changes": changes.iter().map(change_json).collect::<Vec<_>>(),
        "adopted": texts(adopted),
        "forgotten": texts(forgotten),
        "recordChanges": record_changes,
        "steps": steps.iter().map(|step| step_json(diff, step)).collect::<Vec<_>>(),
    })
}

fn change_json(change: &Change) -> Json {
    let Change { address, kind, action, fields, unchanged, origin, prevent_destroy, holds: _, held_by: _ } = change;
    let mut json = json!({
        "address": address.to_string(),
        "kind": kind.name,
        "action": action_word(action),
        "fields": fields.iter().map(field_json).collect::<Vec<_>>(),
        "unchanged": unchanged,
        "origin": origin.as_ref().map(origin_json),
        "preventDestroy": prevent_destroy,
    });
    match action {
        Action::Rename { from } => json["from"] = from.to_string().into(),
        Action::Delete { unmanaged } => json["unmanaged"] = (*unmanaged).into(),
        Action::Create | Action::Update => {}
    }
    json
}

fn field_json(field: &FieldChange) -> Json {
    let FieldChange { path, before, after, cause, base, origin } = field;
    let mut json = json!({
        "path": path,
        "before": before_json(before),
        "after": after_json(after),
        "cause": cause_word(*cause),
        "origin": origin.as_ref().map(origin_json),
    });
    if let Some(base) = base {
        json["base"] = json!({ "value": base });
    }
    json
}

fn before_json(before: &Before) -> Json {
    match before {
        Before::Absent => json!({ "absent": true }),
        Before::Json(value) => json!({ "value": value }),
        Before::Secret => json!({ "secret": true }),
    }
}

fn after_json(after: &After) -> Json {
    match after {
        After::Json(value) => json!({ "value": value }),
        After::Secret(reference) => json!({ "secret": reference_json(reference) }),
        After::Default(value) => json!({ "value": value, "default": true }),
        After::Absent => json!({ "absent": true }),
    }
}

fn reference_json(reference: &SecretRef) -> Json {
    match reference {
        SecretRef::Env(name) => json!({ "env": name }),
        SecretRef::File(path) => json!({ "file": path.to_string_lossy() }),
        SecretRef::Keep => json!({ "keep": true }),
    }
}

fn step_json(diff: &RealmDiff, step: &Step) -> Json {
    let Step { action, change, fields, carries, needs } = step;
    let change = &diff.changes[*change];
    let carried = carries.iter().map(|carried| &diff.changes[*carried].address);
    json!({
        "action": step_word(*action),
        "address": change.address.to_string(),
        "fields": fields.iter().map(|field| &change.fields[*field].path).collect::<Vec<_>>(),
        "carries": texts(carried),
        "needs": needs,
    })
}

fn violation_json(violation: &Violation) -> Json {
    let Violation { address, guard, message, remedy, origin } = violation;
    json!({
        "address": address.to_string(),
        "guard": guard_word(*guard),
        "message": message,
        "remedy": remedy,
        "origin": origin.as_ref().map(origin_json),
    })
}

fn origin_json(origin: &Origin) -> Json {
    let Origin { file, line, column, span: _ } = origin;
    json!({ "file": &**file, "line": line, "column": column })
}

fn counts_json(counts: Counts) -> Json {
    let Counts { create, update, rename, delete, adopt, forget } = counts;
    json!({
        "create": create, "update": update, "rename": rename, "delete": delete, "adopt": adopt, "forget": forget,
    })
}

fn texts<'a>(addresses: impl IntoIterator<Item = &'a Address>) -> Vec<String> {
    addresses.into_iter().map(ToString::to_string).collect()
}

fn action_word(action: &Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Rename { .. } => "rename",
        Action::Delete { .. } => "delete",
    }
}

fn step_word(action: StepAction) -> &'static str {
    match action {
        StepAction::Create => "create",
        StepAction::Update => "update",
        StepAction::Link => "link",
        StepAction::Delete => "delete",
    }
}

fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::Unexplained => "unexplained",
        Cause::Edit => "edit",
        Cause::Drift => "drift",
        Cause::Both => "both",
        Cause::Prune => "prune",
        Cause::Creation => "creation",
    }
}

fn guard_word(guard: Guard) -> &'static str {
    match guard {
        Guard::ProtectedRealm => "protectedRealm",
        Guard::DeleteLimit => "deleteLimit",
        Guard::EmptiedKind => "emptiedKind",
        Guard::PreventDestroy => "preventDestroy",
        Guard::DataBearing => "dataBearing",
        Guard::Credential => "credential",
        Guard::CreateOnly => "createOnly",
        Guard::BuiltIn => "builtIn",
        Guard::InUse => "inUse",
    }
}
