//! Two servers' realms, compared by what they export, without what each server makes for itself.

use serde_json::{Value, json};

use crate::support::admin::Admin;

/// Ids and times, and what is only a server's own.
const OWN: &[&str] = &[
    "client.secret.creation.time",
    "containerId",
    "createdTimestamp",
    "defaultRole",
    "id",
    "internalId",
    "keycloakVersion",
    "organizationId",
    "parentId",
    "realm_client",
];

/// What the console exports, and what it leaves out.
pub(super) fn export(admin: &Admin) -> Value {
    let mut export = admin.whole_export();
    let flows = export["authenticationFlows"].clone();
    name_flows(&mut export["clients"], &flows);
    export["userProfile"] = admin.get("users/profile");
    // There is no profile in an export until somebody changes it, and then it is the one above.
    let components = export["components"].as_object_mut().unwrap();
    components.remove("org.keycloak.userprofile.UserProfileProvider");
    without_neighbours(&mut export);
    normal(export)
}

/// Ids of flows as their names.
fn name_flows(clients: &mut Value, flows: &Value) {
    for client in clients.as_array_mut().unwrap() {
        for id in
            client["authenticationFlowBindingOverrides"].as_object_mut().into_iter().flat_map(|it| it.values_mut())
        {
            let flow = flows.as_array().unwrap().iter().find(|flow| flow["id"] == *id).unwrap();
            *id = flow["alias"].clone();
        }
    }
}

/// Records are no part of a realm, and `master` has a client for each realm of its server. Admin permissions call by ids what
/// they are about: files tell whether they are the same.
fn without_neighbours(export: &mut Value) {
    let is_neighbour = |client: &str| {
        let governs = client.ends_with("-realm") && client != "master-realm";
        client.starts_with("realmform:") || client == "admin-permissions" || governs
    };
    let clients = export["clients"].as_array_mut().unwrap();
    clients.retain(|client| !is_neighbour(client["clientId"].as_str().unwrap()));
    let roles = &mut export["roles"];
    roles["client"].as_object_mut().unwrap().retain(|client, _| !is_neighbour(client));
    for role in roles["realm"].as_array_mut().unwrap() {
        if let Some(composites) = role["composites"]["client"].as_object_mut() {
            composites.retain(|client, _| !is_neighbour(client));
        }
    }
}

/// Without what is a server's own and without empty texts, which say as little as none; and with lists in one order: those of the export have none, but for executions, whose
/// priorities are only compared.
fn normal(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let own = object.into_iter().filter(|(key, value)| !OWN.contains(&key.as_str()) && *value != "");
            let mut object: serde_json::Map<String, Value> = own.map(|(key, value)| (key, normal(value))).collect();
            if let Some(Value::Array(executions)) = object.get_mut("authenticationExecutions") {
                executions.sort_by_key(|it| it["priority"].as_i64());
                for execution in executions {
                    execution["priority"] = json!(0);
                }
            }
            Value::Object(object)
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(normal).collect();
            let is_ordered = items.iter().any(|it| it.get("requirement").is_some());
            if is_ordered {
                return Value::Array(items);
            }
            if let Some(named) = by_name(&items) {
                return named;
            }
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        // The lists of policies are JSON in text.
        Value::String(text) if text.starts_with('[') => match serde_json::from_str(&text) {
            Ok(items @ Value::Array(_)) => normal(items),
            _ => Value::String(text),
        },
        other => other,
    }
}

/// Objects by what they are known by, so that what differs is found; `None` where they are known by nothing.
fn by_name(items: &[Value]) -> Option<Value> {
    let name = |item: &Value| {
        let name =
            ["clientId", "client", "clientScope", "alias", "username", "name"].iter().find_map(|it| item.get(it))?;
        let kind = item.get("subType").or(item.get("identityProviderAlias")).unwrap_or(&Value::Null);
        Some((format!("{name} {kind}"), item.clone()))
    };
    let named = items.iter().map(name).collect::<Option<serde_json::Map<String, Value>>>()?;
    (named.len() == items.len() && !named.is_empty()).then_some(Value::Object(named))
}

/// Says which part differs, not that a hundred kilobytes do.
#[track_caller]
pub(super) fn assert_same(one: &Value, other: &Value) {
    let mut differ = Vec::new();
    compare("", one, other, &mut differ);
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

fn compare(path: &str, one: &Value, other: &Value, differ: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let of = |object: &serde_json::Map<String, Value>| object.get(key).cloned().unwrap_or_default();
                compare(&format!("{path}/{key}"), &of(one), &of(other), differ);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                compare(&format!("{path}/{index}"), one, other, differ);
            }
        }
        (one, other) if one != other => differ.push(format!("{path}: {one} and {other}")),
        _ => {}
    }
}
