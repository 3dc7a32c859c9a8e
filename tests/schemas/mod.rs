//! The schemas are what the program makes, and the repository's own files are valid by them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Map, Value as Json, json};
use toml_edit::{Document, Item, Value};
use walkdir::WalkDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_committed_schemas_are_those_of_the_program() {
    let made: BTreeMap<String, String> =
        realmform::render::schema::all().into_iter().map(|(name, schema)| (name, format!("{schema:#}\n"))).collect();
    let files = std::fs::read_dir(root().join("schemas")).unwrap().map(|entry| entry.unwrap().path());
    let committed: BTreeMap<String, String> = files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()))
        .collect();
    let differs = made.iter().find(|(name, text)| committed.get(*name) != Some(text)).map(|(name, _)| name);
    assert_eq!(differs, None, "write them again: cargo run -- schema --write schemas");
    assert_eq!(committed.len(), made.len(), "a schema of a kind that is no more");
}

/// Every file names its schema in its first line, and is valid by it.
#[test]
fn the_repositorys_files_are_valid() {
    let mut checked = 0;
    for folder in ["realms", "examples"] {
        for entry in WalkDir::new(root().join(folder)).into_iter().map(Result::unwrap) {
            if entry.path().extension().is_some_and(|it| it == "toml") {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                let schema = text.lines().next().and_then(|line| line.strip_prefix("#:schema "));
                let schema = schema.unwrap_or_else(|| panic!("{} names no schema", entry.path().display()));
                let schema = entry.path().parent().unwrap().join(schema).canonicalize().unwrap();
                let errors = Validator::file(&schema).errors(&text);
                assert_eq!(errors, "", "{}", entry.path().display());
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn what_files_may_say_is_valid() {
    for (schema, text) in [
        ("realm", "accessTokenLifespan = '1h 30m'\nssoSessionIdleTimeout = 60\nfromTheFuture = { a = 1 }"),
        (
            "realm",
            "prune = 'none'\nrealm = 'acme'\nsslRequired = 'tomorrow'\nattributes = { a = 1, b = true, c = 'x' }",
        ),
        ("realm", "[prune]\nroles = 'all'\n[groups.'/a/b']\nattributes.x = 'y'\nclientRoles.shop = ['refund']"),
        ("realm", "[smtpServer]\nport = 25\npassword = { file = 'x' }\nuser = { env = 'SMTP_USER' }"),
        (
            "realm",
            "attributes.'acr.loa.map' = { gold = 1 }\nattributes.cibaInterval = '5s'\nattributes.cibaExpiresIn = '120'",
        ),
        ("client", "clientId = 'urn:x'\nsecret = { keep = true }\nlifecycle = { ignore = ['attributes.a.b'] }"),
        ("client", "[attributes]\n'post.logout.redirect.uris' = ['a', 'b']\n'request.uris' = 'a##b'"),
        ("client", "[protocolMappers.x.config]\nmultivalued = true\n[roles.y]\ncomposites = ['a:b']"),
        ("realm", "[keys.a]\nconfig = { priority = 1, active = true, x = ['a', 1], privateKey = { env = 'KEY' } }"),
        ("realm", "[clientRegistrationPolicies.'anonymous/a b/c']\n[components.'com.acme.Audit/x']\nsubType = 'y'"),
        (
            "user-federation-provider",
            "config = { fullSyncPeriod = '1d', changedSyncPeriod = -1, other = { file = 'x' } }",
        ),
        ("identity-provider", "[mappers.x.config]\nclaims = [{ key = 'a', value = 'b' }]"),
    ] {
        assert_eq!(Validator::of(schema).errors(text), "", "{text}");
    }
}

#[test]
fn what_files_may_not_say_is_found() {
    for (schema, text) in [
        ("realm", "accessTokenLifespan = '5 minutes'"),
        ("realm", "bruteForceProtected = 'yes'"),
        ("realm", "prune = 'some'"),
        ("realm", "[prune]\nrole = 'all'"),
        ("realm", "roles = ['admin']"),
        ("realm", "[groups.staff]"),
        ("realm", "[clients.shop]\nsecret = 'text'"),
        ("realm", "[clients.shop]\nredirectUris = 'https://x'"),
        ("realm", "[clientRegistrationPolicies.a]"),
        ("realm", "[components.'com.acme.Audit/']"),
        ("key-provider", "config.privateKey = 'text'"),
        ("client", "secret = { vault = 'x' }"),
        ("client", "serviceAccount = { groups = ['staff'] }"),
        ("client", "lifecycle = { preventDestroy = 1 }"),
        ("client", "lifecycle = { keep = true }"),
        ("realmform", "name = 'a b'"),
        ("realmform", "name = 'a'\n[policy]\ndeletelimit = 3"),
        ("realmform", "name = 'a'\n[servers.x]\nurl = 'https://x'\npassword = 'text'"),
    ] {
        assert_ne!(Validator::of(schema).errors(text), "", "{text}");
    }
}

pub struct Validator {
    schemas: Schemas,
    schema: SchemaIndex,
}

impl Validator {
    pub fn of(name: &str) -> Self {
        Self::file(&root().join("schemas").join(format!("{name}.schema.json")))
    }

    fn file(path: &Path) -> Self {
        Self::naming(path, &[])
    }

    /// The same of one that names others, by their URLs.
    pub fn naming(path: &Path, others: &[(&str, &Path)]) -> Self {
        let read = |path: &Path| -> Json { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        for (url, other) in others {
            compiler.add_resource(url, read(other)).unwrap();
        }
        compiler.add_resource("schema.json", read(path)).unwrap();
        let schema = compiler.compile("schema.json", &mut schemas).unwrap();
        Self { schemas, schema }
    }

    fn errors(&self, toml: &str) -> String {
        let document = Document::parse(toml).unwrap();
        self.errors_in(&table(document.as_table().iter()))
    }

    /// What is wrong with a document; empty where nothing is.
    pub fn errors_in(&self, value: &Json) -> String {
        self.schemas.validate(value, self.schema).map_or_else(|error| error.to_string(), |()| String::new())
    }
}

fn table<'a>(entries: impl Iterator<Item = (&'a str, &'a Item)>) -> Json {
    entries.map(|(name, item)| (name.to_owned(), of_item(item))).collect::<Map<_, _>>().into()
}

fn of_item(item: &Item) -> Json {
    match item {
        Item::None => Json::Null,
        Item::Value(value) => of_value(value),
        Item::Table(inner) => table(inner.iter()),
        Item::ArrayOfTables(tables) => tables.iter().map(|inner| table(inner.iter())).collect(),
    }
}

fn of_value(value: &Value) -> Json {
    match value {
        Value::String(it) => it.value().as_str().into(),
        Value::Integer(it) => (*it.value()).into(),
        Value::Float(it) => json!(it.value()),
        Value::Boolean(it) => (*it.value()).into(),
        Value::Datetime(it) => it.value().to_string().into(),
        Value::Array(items) => items.iter().map(of_value).collect(),
        Value::InlineTable(inner) => {
            inner.iter().map(|(name, value)| (name.to_owned(), of_value(value))).collect::<Map<_, _>>().into()
        }
    }
}

/// What `init` writes is valid, too.
#[test]
fn a_new_project_is_valid() {
    let program = crate::support::program::Program::new();
    program.run(&["init"]);
    let folder: PathBuf = program.folder().join("realms");
    for (file, schema) in [
        ("realmform.toml", "realmform"),
        ("example/realm.toml", "realm"),
        ("example/roles.toml", "realm"),
        ("example/clients/web.toml", "client"),
    ] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        assert_eq!(Validator::of(schema).errors(&text), "", "{file}");
    }
}
