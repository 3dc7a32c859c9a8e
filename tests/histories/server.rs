//! The realm as the server shows it, and the hand of somebody at the console.

use std::collections::{BTreeMap, BTreeSet};

use realmform::model::FieldPath;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::files::{kind, owner, pool};
use super::random::Random;
use crate::support::admin::Admin;

/// The fields of an object by their path; what says nothing is left out.
pub(super) type Object = BTreeMap<String, Value>;

/// Everything of a realm but the records, by address.
pub(super) type Snapshot = BTreeMap<String, Object>;

/// Reads it all, request by request.
pub(super) fn read(admin: &Admin) -> Snapshot {
    let mut snapshot = Snapshot::from([(String::new(), flat(&admin.get("")))]);
    for (list, collection, name) in [
        ("roles?briefRepresentation=false", "roles", "name"),
        ("clients?max=1000", "clients", "clientId"),
        ("groups?briefRepresentation=false", "groups", "path"),
        ("client-scopes", "clientScopes", "name"),
        ("authentication/flows", "authenticationFlows", "alias"),
    ] {
        for object in admin.get(list).as_array().unwrap() {
            let name = object[name].as_str().unwrap();
            if !name.starts_with("realmform:") {
                let name = if collection == "groups" { format!("\"{name}\"") } else { name.to_owned() };
                take(admin, &mut snapshot, &format!("{collection}/{name}"), object);
            }
        }
    }
    for list in ["components", "authentication/required-actions", "default-default-client-scopes", "users/profile"] {
        snapshot.insert(format!("({list})"), Object::from([(String::new(), admin.get(list))]));
    }
    snapshot
}

fn take(admin: &Admin, snapshot: &mut Snapshot, address: &str, object: &Value) {
    let mut leaves = flat(object);
    let id = object["id"].as_str().unwrap();
    match kind(address) {
        "roles" if object["composite"] == true => {
            let mut names: Vec<Value> =
                below(admin, &format!("roles-by-id/{id}/composites")).iter().map(|it| it["name"].clone()).collect();
            names.sort_by_key(Value::to_string);
            leaves.insert("composites".to_owned(), names.into());
        }
        "clients" => {
            for role in &below(admin, &format!("clients/{id}/roles?briefRepresentation=false")) {
                let name = role["name"].as_str().unwrap();
                snapshot.insert(format!("{address}/roles/{name}"), flat(role));
            }
        }
        "authenticationFlows" if object["builtIn"] != true => {
            let executions = below(admin, &format!("{}/executions", flow_path(address)));
            let lines = executions.iter().map(|it| {
                let what = if it["authenticationFlow"] == true { &it["displayName"] } else { &it["providerId"] };
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                json!(format!("{} {} {}", it["level"], text(&it["requirement"]), text(what)))
            });
            leaves.insert("executions".to_owned(), lines.collect());
            leaves.remove("authenticationExecutions");
        }
        _ => {}
    }
    for mapper in object["protocolMappers"].as_array().into_iter().flatten() {
        let name = mapper["name"].as_str().unwrap();
        snapshot.insert(format!("{address}/protocolMappers/{name}"), flat(mapper));
    }
    snapshot.insert(address.to_owned(), leaves);
}

/// A list of what hangs below an object, which what a killed run asked for may delete meanwhile.
fn below(admin: &Admin, path: &str) -> Vec<Value> {
    admin.get_if_there(path).map_or_else(Vec::new, |list| list.as_array().unwrap().clone())
}

/// What is read by itself, what follows from another field, and a time stamp.
const LEFT_OUT: &[&str] =
    &["access", "protocolMappers", "composite", "attributes.\"client.secret.creation.time\"", "subGroupCount"];

fn flat(object: &Value) -> Object {
    let mut leaves = Object::new();
    for (name, value) in object.as_object().unwrap() {
        match value {
            Value::Object(inner) => {
                let inner =
                    inner.iter().map(|(key, value)| (FieldPath::new([name.as_str(), key]).to_string(), value.clone()));
                leaves.extend(inner);
            }
            _ => drop(leaves.insert(name.clone(), value.clone())),
        }
    }
    leaves.retain(|path, value| !says_nothing(value) && !LEFT_OUT.contains(&path.as_str()));
    for value in leaves.values_mut() {
        if let Value::Array(items) = value
            && items.iter().all(Value::is_string)
        {
            items.sort_by_key(Value::to_string);
        }
    }
    leaves
}

/// Whether a value is as good as none.
pub(super) fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn flow_path(address: &str) -> String {
    format!("authentication/flows/{}", address.rsplit('/').next().unwrap())
}

/// Somebody who changes things by hand.
pub(super) struct Hand<'a> {
    pub(super) admin: &'a Admin,
    pub(super) before: &'a Snapshot,
    pub(super) random: &'a mut Random,
    /// Different each time.
    pub(super) serial: usize,
}

/// What a hand did: the address that it touched, and the secret that it set.
pub(super) struct Deed {
    pub(super) address: String,
    pub(super) told: String,
    pub(super) secret: Option<String>,
}

impl Hand<'_> {
    /// Does one thing at random, to one of these objects if there are any.
    pub(super) fn act(&mut self, to: &BTreeSet<String>) -> Deed {
        let ours: Vec<String> = [pool(0), pool(1)].concat();
        let hers = (0..2)
            .flat_map(|n| [format!("roles/hand-{n}"), format!("clients/hand-{n}"), format!("clientScopes/hand-{n}")]);
        let below = ["clients/shared/roles/hand", "clients/a-c0/roles/hand", "clients/b-c0/protocolMappers/hand"];
        let mut all: Vec<String> = ours.into_iter().chain(hers).chain(below.map(str::to_owned)).collect();
        all.extend([String::new(), String::new(), "clients/shared".to_owned(), "groups/\"/hand\"".to_owned()]);
        if !to.is_empty() {
            all = to.iter().cloned().collect();
        }
        all.retain(|it| owner(it).is_none_or(|owner| self.before.contains_key(owner)));
        let address = self.random.take(all);
        if !self.before.contains_key(&address) {
            return self.make(address);
        }
        if !address.is_empty() && self.random.one_in(3) {
            self.admin.delete(&self.path(&address));
            return Deed { told: format!("deletes {address}"), address, secret: None };
        }
        self.change(address)
    }

    fn make(&mut self, address: String) -> Deed {
        let name = address.rsplit('/').next().unwrap().trim_matches('"');
        let text = format!("by hand {}", self.serial);
        let below = |path: &str| format!("{}/{path}", self.path(owner(&address).unwrap()));
        let mut secret = None;
        let (path, body) = match kind(&address) {
            "clients" => {
                let value = format!("hush-by-hand-{}-4711", self.serial);
                secret = Some(value.clone());
                ("clients".to_owned(), json!({"clientId": name, "description": text, "secret": value}))
            }
            "roles" if owner(&address).is_none() => ("roles".to_owned(), json!({"name": name, "description": text})),
            "roles" => (below("roles"), json!({"name": name, "description": text})),
            "groups" => ("groups".to_owned(), json!({"name": name, "attributes": {"hand": [text]}})),
            "clientScopes" => {
                let body = json!({"name": name, "description": text, "protocol": "openid-connect"});
                ("client-scopes".to_owned(), body)
            }
            "protocolMappers" => {
                let config = json!({"claim.name": "hand", "claim.value": text});
                let body = json!({"name": name, "protocol": "openid-connect",
                    "protocolMapper": "oidc-hardcoded-claim-mapper", "config": config});
                (below("protocol-mappers/models"), body)
            }
            "authenticationFlows" => {
                let body = json!({"alias": name, "providerId": "basic-flow", "topLevel": true, "description": text});
                ("authentication/flows".to_owned(), body)
            }
            other => panic!("{other}"),
        };
        self.admin.post(&path, &body);
        Deed { told: format!("makes {address}"), address, secret }
    }

    /// Changes a field that files may declare, or one that nobody does.
    fn change(&mut self, address: String) -> Deed {
        let text = json!(format!("by hand {}", self.serial));
        let fields = match kind(&address) {
            "" => vec![
                ("displayName", text.clone()),
                ("displayNameHtml", text.clone()),
                ("accessTokenLifespan", json!(1000 + self.serial)),
                ("ssoSessionIdleTimeout", json!(1000 + self.serial)),
                ("registrationAllowed", json!(self.serial.is_multiple_of(2))),
                ("attributes.a", text.clone()),
                ("attributes.hand", text.clone()),
            ],
            "clients" => vec![
                ("name", text.clone()),
                ("description", text.clone()),
                ("baseUrl", json!(format!("https://hand-{}.example", self.serial))),
                ("redirectUris", json!([format!("https://hand-{}.example/*", self.serial)])),
                ("attributes.k", text.clone()),
                ("attributes.hand", text.clone()),
                ("secret", json!(format!("hush-by-hand-{}-4711", self.serial))),
            ],
            "protocolMappers" => vec![("config.claim.value", text.clone()), ("config.hand", text.clone())],
            "roles" => {
                vec![("description", text.clone()), ("attributes.k", json!([text])), ("attributes.hand", json!([text]))]
            }
            "groups" => {
                vec![("attributes.k", json!([text])), ("attributes.hand", json!([text])), ("realmRoles", json!(0))]
            }
            "clientScopes" => vec![("description", text.clone()), ("attributes.hand", text.clone())],
            "authenticationFlows" => vec![("description", text.clone()), ("executions", json!(0))],
            other => panic!("{other}"),
        };
        let (field, value) = self.random.take(fields);
        let told = format!("sets {field} of {address}");
        match field {
            "realmRoles" => self.change_roles(&address),
            "executions" => self.change_executions(&address),
            _ => self.put(&address, field, &value),
        }
        let secret = (field == "secret").then(|| value.as_str().unwrap().to_owned());
        Deed { address, told, secret }
    }

    fn put(&self, address: &str, field: &str, value: &Value) {
        let path = self.path(address);
        let mut object = self.admin.get(&path);
        match field.split_once('.') {
            Some((outer, inner)) => {
                let map = object.as_object_mut().unwrap().entry(outer).or_insert_with(|| Map::new().into());
                map[inner] = value.clone();
            }
            None => object[field] = value.clone(),
        }
        self.admin.put(&path, &object);
    }

    /// Takes the roles of a group away, or gives it one that every realm has.
    fn change_roles(&self, address: &str) {
        let path = format!("{}/role-mappings/realm", self.path(address));
        let roles = self.admin.get(&path);
        if roles.as_array().unwrap().is_empty() {
            self.admin.post(&path, &json!([self.admin.get("roles/offline_access")]));
        } else {
            self.admin.send(Method::DELETE, &path, &roles);
        }
    }

    /// Switches the first step of a flow to something else.
    fn change_executions(&self, address: &str) {
        let path = format!("{}/executions", flow_path(address));
        let Some(mut first) = self.admin.get(&path).get(0).cloned() else { return };
        first["requirement"] = json!(if first["requirement"] == "DISABLED" { "REQUIRED" } else { "DISABLED" });
        self.admin.put(&path, &first);
    }

    fn path(&self, address: &str) -> String {
        let id = |address: &str| self.before[address]["id"].as_str().unwrap();
        match kind(address) {
            "" => String::new(),
            "roles" => format!("roles-by-id/{}", id(address)),
            "clients" => format!("clients/{}", id(address)),
            "groups" => format!("groups/{}", id(address)),
            "clientScopes" => format!("client-scopes/{}", id(address)),
            "authenticationFlows" => format!("authentication/flows/{}", id(address)),
            "protocolMappers" => {
                format!("{}/protocol-mappers/models/{}", self.path(owner(address).unwrap()), id(address))
            }
            other => panic!("{other}"),
        }
    }
}
