//! What a file leaves to Keycloak: on import it fills in what is not said, and an older export cannot say what is newer.

use std::collections::BTreeMap;

use serde_json::Value;

use super::collect::Collector;
use crate::keycloak::intake::Intake as _;
use crate::keycloak::shape::Object;
use crate::model::{Address, FieldPath, LiveObject, LiveValue, builtin_objects, defaults, kinds};

/// The version that the built-in defaults were recorded from. What an export of it does not have is not there.
pub(super) const RECORDED: Version = (26, 7);

/// Major and minor.
pub(super) type Version = (u32, u32);

/// The section of an export that holds the objects of a collection.
const SECTIONS: &[(&str, &str)] = &[
    ("authenticationFlows", "authenticationFlows"),
    ("clientRegistrationPolicies", "components"),
    ("clientScopes", "clientScopes"),
    ("clients", "clients"),
    ("keys", "components"),
    ("requiredActions", "requiredActions"),
    ("roles", "roles"),
];

/// Adds what Keycloak has by itself and the document says nothing of, and answers what somebody should know about it.
pub(super) fn complete(collector: &Collector<'_>, document: &Object) -> Vec<String> {
    let mut notes = Vec::new();
    let is_whole = version(document).is_some_and(|version| version >= RECORDED);
    let realm = collector.realm();
    for (address, object) in builtin_objects(realm.name()) {
        if collector.has_seen(&address) {
            if !is_whole {
                notes.extend(flow_of_today(collector, &address, &object));
                collector.fill(&address, object.fields);
            }
            continue;
        }
        let is_left_out = !is_whole || is_without(document, &address);
        let has_parent = address.parent().is_none_or(|parent| collector.has_seen(&parent));
        if is_left_out && has_parent {
            collector.add(&address, address.name(), Object::new());
            collector.fill(&address, object.fields);
        }
    }
    if !is_whole {
        collector.fill(realm, settings());
    }
    notes
}

/// A built-in flow of an older version may be made of other steps, which no server of today lets anybody change back: its
/// steps of today are taken, and where they are the same, what was set about them stays.
fn flow_of_today(collector: &Collector<'_>, address: &Address, today: &LiveObject) -> Option<String> {
    if address.kind() != &kinds::AUTHENTICATION_FLOW {
        return None;
    }
    let description = FieldPath::new(["description"]);
    let executions = FieldPath::new(["executions"]);
    let mut replaced = false;
    collector.change(address, |flow| {
        replaced = steps(flow.fields.get(&executions)) != steps(today.fields.get(&executions));
        if replaced {
            flow.fields.retain(|path, _| !path.is_within(&executions));
        }
        // What describes a built-in flow is Keycloak's.
        flow.fields.remove(&description);
        if let (Some(LiveValue::Json(flow)), Some(LiveValue::Json(today))) =
            (flow.fields.get_mut(&executions), today.fields.get(&executions))
        {
            describe(flow, today);
        }
    });
    let name = address.name();
    replaced.then(|| format!("the built-in flow {name:?} has other steps today, which are taken as they are"))
}

/// What a flow is made of, whatever is set about it.
fn steps(executions: Option<&LiveValue>) -> Vec<(usize, String)> {
    fn walk(executions: &Value, depth: usize, steps: &mut Vec<(usize, String)>) {
        for execution in executions.as_array().into_iter().flatten() {
            let text = |field: &str| execution.get(field).and_then(Value::as_str).unwrap_or_default();
            steps.push((depth, format!("{} {}", text("authenticator"), text("flow"))));
            walk(&execution["executions"], depth + 1, steps);
        }
    }
    let mut found = Vec::new();
    if let Some(LiveValue::Json(executions)) = executions {
        walk(executions, 0, &mut found);
    }
    found
}

/// Gives the sub-flows of a flow the descriptions that they have today; both are made of the same steps.
fn describe(executions: &mut Value, today: &Value) {
    let (Some(executions), Some(today)) = (executions.as_array_mut(), today.as_array()) else { return };
    for (execution, today) in executions.iter_mut().zip(today) {
        let Some(execution) = execution.as_object_mut() else { continue };
        match today.get("description") {
            Some(description) => drop(execution.insert("description".to_owned(), description.clone())),
            None => drop(execution.remove("description")),
        }
        if let (Some(inner), Some(today)) = (execution.get_mut("executions"), today.get("executions")) {
            describe(inner, today);
        }
    }
}

/// The version of Keycloak that wrote the document; `None` where a person did.
pub(super) fn version(document: &Object) -> Option<Version> {
    let mut numbers = document.get("keycloakVersion")?.as_str()?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether the document has no section for such an object. A profile that nobody changed is in no export.
fn is_without(document: &Object, address: &Address) -> bool {
    let collection = address.collection().unwrap_or_default();
    let section = SECTIONS.iter().find(|(it, _)| *it == collection).map(|(_, section)| *section);
    section.map_or(collection == kinds::USER_PROFILE.collection, |section| !document.contains_key(section))
}

/// The settings that a fresh realm has.
fn settings() -> BTreeMap<FieldPath, LiveValue> {
    let fields = kinds::REALM.fields.iter().map(|field| FieldPath::new([field.name]));
    fields.filter_map(|path| Some((path.clone(), LiveValue::Json(defaults(&kinds::REALM, &path)?.clone())))).collect()
}
