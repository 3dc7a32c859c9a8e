//! The truth table of the three-way difference, row by row, on a real server.

mod history;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::admin::Admin;
use crate::support::project::Project;

/// What was applied, what the server has, what the files want (`None`: nothing), and why a plan changes it.
///
/// The same rows hold for fields and for objects. Of an object, nothing means that it is not there: where the files want it and
/// the server has none it is made, and the cause is that of its leaves; where it leaves the files it is deleted as a
/// whole, which no leaf tells.
struct Row {
    name: &'static str,
    applied: Option<&'static str>,
    live: Option<&'static str>,
    wanted: Option<&'static str>,
    cause: Option<&'static str>,
}

const ROWS: &[Row] = &[
    // The server has what the files want.
    row("same", Some("a"), Some("a"), Some("a"), None),
    row("agreed", Some("a"), Some("b"), Some("b"), None),
    row("adopted", None, Some("b"), Some("b"), None),
    // The files want what was applied, and the server moved.
    row("drifted", Some("a"), Some("b"), Some("a"), Some("drift")),
    row("lost", Some("a"), None, Some("a"), Some("drift")),
    // The server has what was applied, and the files moved.
    row("edited", Some("a"), Some("a"), Some("b"), Some("edit")),
    row("new", None, None, Some("b"), Some("edit")),
    row("taken", None, Some("a"), Some("b"), Some("edit")),
    // Both moved.
    row("both", Some("a"), Some("b"), Some("c"), Some("both")),
    row("both-lost", Some("a"), None, Some("b"), Some("both")),
    // The files no longer say it.
    row("pruned", Some("a"), Some("a"), None, Some("prune")),
    row("pruned-drifted", Some("a"), Some("b"), None, Some("prune")),
    row("gone", Some("a"), None, None, None),
    // The files never said it.
    row("unmanaged", None, Some("b"), None, None),
];

const fn row(
    name: &'static str,
    applied: Option<&'static str>,
    live: Option<&'static str>,
    wanted: Option<&'static str>,
    cause: Option<&'static str>,
) -> Row {
    Row { name, applied, live, wanted, cause }
}

impl Row {
    /// What the server has once it is applied.
    fn after(&self) -> Option<&'static str> {
        if self.applied.is_some() { self.wanted } else { self.wanted.or(self.live) }
    }
}

/// A sort of thing that has a value in each row.
struct Sort {
    name: &'static str,
    /// The object of a row.
    address: fn(&str) -> String,
    /// The leaf that holds the value.
    path: &'static [&'static str],
    /// Whether the value is the whole object's, or one field of an object that is declared in all rows.
    is_object: bool,
    json: fn(&str) -> Value,
    /// What the server has in a row.
    read: fn(&Admin, &str) -> Option<String>,
}

const SORTS: &[Sort] = &[
    Sort {
        name: "a scalar",
        address: |row| format!("truth/clients/{row}"),
        path: &["name"],
        is_object: false,
        json: |value| json!(value),
        read: |admin, row| text(&client(admin, row)["name"]),
    },
    Sort {
        name: "a set",
        address: |row| format!("truth/clients/{row}"),
        path: &["redirectUris"],
        is_object: false,
        json: |value| json!(uris(Some(value))),
        read: |admin, row| {
            let all = client(admin, row)["redirectUris"].clone();
            ["a", "b", "c"].into_iter().find(|value| same_set(&all, &uris(Some(value)))).map(str::to_owned)
        },
    },
    Sort {
        name: "an entry of a map",
        address: |row| format!("truth/clients/{row}"),
        path: &["attributes", "truth"],
        is_object: false,
        json: |value| json!(value),
        read: |admin, row| text(&client(admin, row)["attributes"]["truth"]),
    },
    Sort {
        name: "a child",
        address: |row| format!("truth/clients/{row}/protocolMappers/child"),
        path: &["config", "user.attribute"],
        is_object: true,
        json: |value| json!(value),
        read: |admin, row| text(&mapper(admin, row)?["config"]["user.attribute"]),
    },
    Sort {
        name: "an object",
        address: |row| format!("truth/roles/{row}"),
        path: &["description"],
        is_object: true,
        json: |value| json!(value),
        read: |admin, row| {
            let path = format!("roles/{row}");
            (admin.status(&path) == 200).then(|| text(&admin.get(&path)["description"]))?
        },
    },
    Sort {
        name: "a flow",
        address: |row| format!("truth/authenticationFlows/{row}"),
        path: &["executions"],
        is_object: true,
        json: |value| json!([{"authenticator": "auth-cookie", "requirement": requirement(value)}]),
        read: |admin, row| {
            flow(admin, row)?;
            let found = admin.get(&format!("authentication/flows/{row}/executions"))[0]["requirement"].clone();
            ["a", "b", "c"].into_iter().find(|value| found == requirement(value)).map(str::to_owned)
        },
    },
];

#[test]
fn every_row_holds_for_every_sort_of_thing() {
    let project = Project::in_git("truth");
    let admin = project.admin();
    project.write_realm(&files(|row| row.applied));
    project.commit("What was applied");
    project.apply();
    for row in ROWS.iter().filter(|row| row.live != row.applied) {
        change_by_hand(&admin, row);
    }
    project.write_realm(&files(|row| row.wanted));
    project.commit("What is wanted");

    let plan = project.plan();
    let realm = &plan["realms"]["truth"];
    for sort in SORTS {
        for row in ROWS {
            assert_planned(realm, sort, row);
        }
    }
    let objects_of = |name: &str| -> BTreeSet<String> {
        SORTS.iter().filter(|sort| sort.is_object).map(|sort| (sort.address)(name)).collect()
    };
    let listed = |what: &str| -> BTreeSet<String> {
        realm[what].as_array().unwrap().iter().map(|address| address.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed("adopted"), objects_of("adopted"));
    assert_eq!(listed("forgotten"), objects_of("gone"));
    let is_of_a_row = |change: &Value| {
        let address = change["address"].as_str().unwrap();
        SORTS.iter().any(|sort| ROWS.iter().any(|row| (sort.address)(row.name) == address))
    };
    assert!(realm["changes"].as_array().unwrap().iter().all(is_of_a_row), "{realm:#}");

    project.apply();
    for sort in SORTS {
        for row in ROWS {
            let found = (sort.read)(&admin, row.name);
            assert_eq!(found.as_deref(), row.after(), "{}, {}", sort.name, row.name);
        }
    }
}

/// What the plan says of a row: what happens, why, and from what to what; of what moved on both sides also what was applied.
#[track_caller]
fn assert_planned(realm: &Value, sort: &Sort, row: &Row) {
    let Row { name, applied, live, wanted, cause } = *row;
    let told = format!("{}, {name}", sort.name);
    let changes = realm["changes"].as_array().unwrap();
    let change = changes.iter().find(|change| change["address"] == (sort.address)(name));
    if sort.is_object {
        let action = match (cause, wanted, live) {
            (None, ..) => None,
            (_, None, _) => Some("delete"),
            (_, _, None) => Some("create"),
            _ => Some("update"),
        };
        assert_eq!(change.map(|change| change["action"].as_str().unwrap()), action, "{told}: {change:#?}");
        if action == Some("delete") {
            return;
        }
    }
    let fields = change.into_iter().flat_map(|change| change["fields"].as_array().unwrap());
    let field = fields.into_iter().find(|field| field["path"] == json!(sort.path));
    assert_eq!(field.map(|field| field["cause"].as_str().unwrap()), cause, "{told}: {change:#?}");
    let Some(field) = field else { return };
    let value = |value: Option<&str>| value.map_or(json!({"absent": true}), |it| json!({"value": (sort.json)(it)}));
    assert_eq!(field["before"], value(live), "{told}");
    assert_eq!(field["after"], value(wanted), "{told}");
    let base = if cause == Some("both") { value(applied) } else { Value::Null };
    assert_eq!(field["base"], base, "{told}");
}

/// The realm's file with the value that each row has.
fn files(value: impl Fn(&Row) -> Option<&'static str>) -> String {
    let mut toml = String::new();
    for row in ROWS {
        let name = row.name;
        writeln!(toml, "[clients.{name}]\npublicClient = true").unwrap();
        let Some(value) = value(row) else { continue };
        let requirement = requirement(value);
        writeln!(
            toml,
            "name = \"{value}\"\nredirectUris = {:?}\nattributes.truth = \"{value}\"\n\
             [clients.{name}.protocolMappers.child]\nprotocolMapper = \"oidc-usermodel-attribute-mapper\"\n\
             config = {{ \"user.attribute\" = \"{value}\", \"claim.name\" = \"truth\" }}\n\
             [roles.{name}]\ndescription = \"{value}\"\n\
             [authenticationFlows.{name}]\n\
             executions = [{{ authenticator = \"auth-cookie\", requirement = \"{requirement}\" }}]",
            uris(Some(value)),
        )
        .unwrap();
    }
    toml
}

/// Gives the server what it has in a row, in every sort.
fn change_by_hand(admin: &Admin, row: &Row) {
    let Row { name, live, .. } = row;
    let id = admin.client(name);
    let text = live.unwrap_or_default();
    admin.put(
        &format!("clients/{id}"),
        &json!({"clientId": name, "name": text, "redirectUris": uris(*live), "attributes": {"truth": text}}),
    );
    let mappers = format!("clients/{id}/protocol-mappers/models");
    if let Some(found) = mapper(admin, name) {
        admin.delete(&format!("{mappers}/{}", found["id"].as_str().unwrap()));
    }
    admin.delete_if_there(&format!("roles/{name}"));
    if let Some(flow) = flow(admin, name) {
        admin.delete(&format!("authentication/flows/{flow}"));
    }
    let Some(value) = live else { return };
    let config = json!({"user.attribute": value, "claim.name": "truth"});
    admin.post(
        &mappers,
        &json!({"name": "child", "protocol": "openid-connect", "protocolMapper": "oidc-usermodel-attribute-mapper",
            "config": config}),
    );
    admin.post("roles", &json!({"name": name, "description": value}));
    admin.post(
        "authentication/flows",
        &json!({"alias": name, "providerId": "basic-flow", "topLevel": true, "builtIn": false}),
    );
    let executions = format!("authentication/flows/{name}/executions");
    admin.post(&format!("{executions}/execution"), &json!({"provider": "auth-cookie"}));
    let mut execution = admin.get(&executions)[0].clone();
    execution["requirement"] = requirement(value).into();
    admin.put(&executions, &execution);
}

fn client(admin: &Admin, name: &str) -> Value {
    admin.find(&format!("clients?clientId={name}"), "clientId", name)
}

fn mapper(admin: &Admin, client: &str) -> Option<Value> {
    let found = self::client(admin, client)["protocolMappers"].clone();
    found.as_array()?.iter().find(|it| it["name"] == "child").cloned()
}

/// The id of a flow.
fn flow(admin: &Admin, alias: &str) -> Option<String> {
    let flows = admin.get("authentication/flows");
    let found = flows.as_array().unwrap().iter().find(|it| it["alias"] == alias)?;
    Some(found["id"].as_str().unwrap().to_owned())
}

fn uris(value: Option<&str>) -> Vec<String> {
    value.map(|value| vec!["https://0.example/*".to_owned(), format!("https://{value}.example/*")]).unwrap_or_default()
}

fn same_set(found: &Value, wanted: &[String]) -> bool {
    let found: BTreeSet<&str> = found.as_array().into_iter().flatten().map(|it| it.as_str().unwrap()).collect();
    found == wanted.iter().map(String::as_str).collect()
}

fn requirement(value: &str) -> &'static str {
    BTreeMap::from([("a", "REQUIRED"), ("b", "ALTERNATIVE"), ("c", "DISABLED")])[value]
}

/// A text of the server's; an empty one is as good as none.
fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
