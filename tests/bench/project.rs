//! The benchmark's realm, once as the bodies that bare requests send and once as a realmform project.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// The name of the project, and so of its record.
pub const PROJECT: &str = "bench";

/// What one realm holds. Each object is the body of the POST that makes it.
pub struct Content {
    pub settings: Value,
    pub scopes: Vec<Value>,
    pub roles: Vec<Value>,
    pub groups: Vec<Value>,
    pub provider: Value,
    pub clients: Vec<Value>,
    /// The roles of each client.
    pub client_roles: Vec<Value>,
}

impl Content {
    /// The realm of the project's promise with that many clients; everything else is as numerous as there.
    pub fn new(clients: usize) -> Self {
        Self {
            settings: settings(),
            scopes: (0..50).map(scope).collect(),
            roles: (0..200).map(|number| role(&format!("role-{number:03}"))).collect(),
            groups: (0..100).map(group).collect(),
            provider: provider(),
            clients: (0..clients).map(client).collect(),
            client_roles: vec![role("reader"), role("writer")],
        }
    }
}

fn settings() -> Value {
    json!({ "enabled": true, "displayName": "Benchmark", "accessTokenLifespan": 300, "bruteForceProtected": true })
}

fn scope(number: usize) -> Value {
    json!({
        "name": format!("scope-{number:02}"),
        "protocol": "openid-connect",
        "description": format!("What scope {number} is for"),
        "attributes": { "include.in.token.scope": "true" },
        "protocolMappers": [mapper("tenant"), mapper("department")],
    })
}

fn role(name: &str) -> Value {
    json!({ "name": name, "description": format!("May do what a {name} does") })
}

fn group(number: usize) -> Value {
    json!({ "name": format!("group-{number:03}"), "attributes": { "costCentre": [format!("cc-{number}")] } })
}

fn provider() -> Value {
    json!({
        "alias": "corporate",
        "providerId": "oidc",
        "displayName": "Corporate",
        "trustEmail": true,
        "config": {
            "issuer": "https://login.example",
            "authorizationUrl": "https://login.example/authorize",
            "tokenUrl": "https://login.example/token",
            "clientId": "keycloak",
        },
    })
}

fn client(number: usize) -> Value {
    let url = format!("https://app-{number:04}.example");
    json!({
        "clientId": format!("app-{number:04}"),
        "name": format!("Application {number}"),
        "description": "One of many",
        "enabled": true,
        "protocol": "openid-connect",
        "publicClient": true,
        "standardFlowEnabled": true,
        "directAccessGrantsEnabled": false,
        "rootUrl": url,
        "redirectUris": [format!("{url}/*")],
        "webOrigins": [url],
        "attributes": { "pkce.code.challenge.method": "S256" },
        "protocolMappers": [mapper("tenant"), mapper("department"), mapper("region")],
    })
}

fn mapper(claim: &str) -> Value {
    json!({
        "name": claim,
        "protocol": "openid-connect",
        "protocolMapper": "oidc-usermodel-attribute-mapper",
        "config": {
            "user.attribute": claim,
            "claim.name": claim,
            "jsonType.label": "String",
            "access.token.claim": "true",
            "id.token.claim": "true",
        },
    })
}

/// A project in a repository of its own, with one realm.
pub struct Project {
    folder: TempDir,
    realm: String,
}

impl Project {
    /// Writes the content as files, one for each client, and commits them.
    pub fn write(content: &Content, realm: &str) -> Self {
        let project = Self::empty(PROJECT, realm);
        project.in_realm("realm.toml", &lines(&content.settings, &[]));
        project.in_realm("scopes.toml", &tables("clientScopes", &content.scopes, "name", ""));
        project.in_realm("roles.toml", &tables("roles", &content.roles, "name", ""));
        project.in_realm("groups.toml", &tables("groups", &content.groups, "name", "/"));
        let provider = std::slice::from_ref(&content.provider);
        project.in_realm("providers.toml", &tables("identityProviders", provider, "alias", ""));
        for client in &content.clients {
            project.client(client, &content.client_roles);
        }
        project.commit();
        project
    }

    /// Writes the files of one realm, by their paths in its folder, and commits them. The project is called as the realm,
    /// so that it is another one than that of [`Project::write`] and does not ask what became of its realms.
    pub fn of_files(realm: &str, files: &[(&str, String)]) -> Self {
        let project = Self::empty(realm, realm);
        for (path, text) in files {
            project.in_realm(path, text);
        }
        project.commit();
        project
    }

    /// So many realms that are made of one blueprint.
    pub fn of_blueprint(name: &str, realms: usize, declaration: &str, blueprint: &str) -> Self {
        let project = Self::empty(name, "tenant-0000");
        project.file("blueprints/customer/blueprint.toml", declaration);
        project.file("blueprints/customer/realm.toml", blueprint);
        for number in 0..realms {
            let id = format!("tenant-{number:04}");
            let text = format!("use = [{{ blueprint = \"customer\", with = {{ id = \"{id}\" }} }}]\n");
            project.file(&format!("{id}/realm.toml"), &text);
        }
        project.commit();
        project
    }

    /// The same with the clients of a content.
    pub fn of_clients(realm: &str, content: &Content, files: &[(&str, &str)]) -> Self {
        let project = Self::empty(realm, realm);
        for (path, text) in files {
            project.in_realm(path, text);
        }
        for client in &content.clients {
            project.client(client, &content.client_roles);
        }
        project.commit();
        project
    }

    fn empty(name: &str, realm: &str) -> Self {
        let project = Self { folder: TempDir::new().unwrap(), realm: realm.to_owned() };
        project.file("realmform.toml", &format!("name = \"{name}\"\n"));
        project.git(&["init", "-q"]);
        project
    }

    /// The folder of the project file.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Changes one field of one client, and commits that.
    pub fn change_one_client(&self, content: &Content, round: usize) {
        let mut client = content.clients[content.clients.len() / 2].clone();
        client["description"] = format!("Changed in round {round}").into();
        self.client(&client, &content.client_roles);
        self.commit();
    }

    /// Changes one field of every client, and commits that.
    pub fn change_every_client(&self, content: &Content) {
        for client in &content.clients {
            let mut client = client.clone();
            client["description"] = "Changed with all others".into();
            self.client(&client, &content.client_roles);
        }
        self.commit();
    }

    fn client(&self, client: &Value, roles: &[Value]) {
        let mut text = lines(client, &["clientId"]);
        for role in roles {
            writeln!(text, "roles.{} = {}", name(role, "name"), inline(&without(role, &["name"]))).unwrap();
        }
        self.in_realm(&format!("clients/{}.toml", name(client, "clientId")), &text);
    }

    fn in_realm(&self, path: &str, text: &str) {
        self.file(&format!("{}/{path}", self.realm), text);
    }

    fn file(&self, path: &str, text: &str) {
        let path: PathBuf = self.folder().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["-c", "user.name=bench", "-c", "user.email=bench@example", "commit", "-q", "-m", "bench"]);
    }

    fn git(&self, arguments: &[&str]) {
        let status = Command::new("git").current_dir(self.folder()).args(arguments).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    }
}

/// The fields of an object as the lines of a file.
fn lines(object: &Value, leave_out: &[&str]) -> String {
    let mut text = String::new();
    for (field, value) in &without(object, leave_out) {
        if field == "protocolMappers" {
            text.push_str(&mappers("", value));
        } else {
            writeln!(text, "{field} = {}", inline_value(value)).unwrap();
        }
    }
    text
}

/// Objects of a collection, each as a table of its name.
fn tables(collection: &str, objects: &[Value], key: &str, prefix: &str) -> String {
    let mut text = String::new();
    for object in objects {
        writeln!(text, "[{collection}.\"{prefix}{}\"]\n{}", name(object, key), lines(object, &[key])).unwrap();
    }
    text
}

fn mappers(prefix: &str, mappers: &Value) -> String {
    let mappers = mappers.as_array().into_iter().flatten();
    let line = |mapper| {
        let fields = without(mapper, &["name", "protocol"]);
        format!("{prefix}protocolMappers.{} = {}\n", name(mapper, "name"), inline(&fields))
    };
    mappers.map(line).collect()
}

fn name<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap()
}

fn without(object: &Value, fields: &[&str]) -> Map<String, Value> {
    let mut object = object.as_object().unwrap().clone();
    object.retain(|name, _| !fields.contains(&name.as_str()));
    object
}

/// TOML writes texts, numbers, truth values and lists as JSON does, and tables nearly so.
fn inline_value(value: &Value) -> String {
    match value {
        Value::Object(table) => inline(table),
        other => other.to_string(),
    }
}

fn inline(table: &Map<String, Value>) -> String {
    let pairs = table.iter().map(|(key, value)| format!("\"{key}\" = {}", inline_value(value)));
    format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
}
