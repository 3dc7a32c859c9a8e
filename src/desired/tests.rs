//! Stories about whole projects, and laws.

mod authorization;
mod blueprints;
mod canonical;
mod components;
mod demo;
mod environments;
mod errors;
mod laws;
mod names;
mod outputs;
mod project;
mod providers;
mod sources;
mod tenants;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::model::{Address, FieldPath, LiveValue, Value, flatten};

/// A project of these files, with a project file unless there is one.
fn files(files: &[(&str, &str)]) -> BTreeMap<PathBuf, Vec<u8>> {
    let project = (PROJECT_FILE, "name = \"test\"\n");
    [project].iter().chain(files).map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect()
}

fn loaded(content: &[(&str, &str)]) -> Loaded {
    load(&files(content), &Options::default()).unwrap_or_else(|problems| panic!("{}", render(&problems.0, false, 100)))
}

/// Everything that is reported about these files.
fn report(content: &[(&str, &str)]) -> String {
    report_of(&files(content), &Options::default())
}

fn report_of(files: &BTreeMap<PathBuf, Vec<u8>>, options: &Options<'_>) -> String {
    let problems = match load(files, options) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems.0,
    };
    let text = render(&problems, false, 100);
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The leaves of one object as `path = value` lines.
fn leaves(loaded: &Loaded, realm: &str, address: &str) -> String {
    let address = Address::parse(realm, address).unwrap();
    let object = &loaded.desired.realms[realm].objects[&address];
    let lines = object.fields.iter().map(|(path, declared)| match &declared.value {
        Value::Json(value) => format!("{path} = {value}"),
        Value::Secret(secret) => format!("{path} = {secret:?}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The leaves of one object are those that the server's JSON has.
#[track_caller]
fn assert_form_of_live(loaded: &Loaded, address: &str, wire: &serde_json::Value) {
    let address = Address::parse("acme", address).unwrap();
    let object = &loaded.desired.realms["acme"].objects[&address];
    let live = flatten(object.kind, wire.as_object().unwrap().clone());
    assert!(object.fields.keys().eq(live.keys()));
    for (path, declared) in object.fields.iter() {
        let Value::Json(value) = &declared.value else { panic!() };
        assert_eq!(LiveValue::Json(value.clone()), live[path], "{path}");
    }
}

fn value(loaded: &Loaded, realm: &str, address: &str, path: &[&str]) -> Value {
    let address = Address::parse(realm, address).unwrap();
    let object = &loaded.desired.realms[realm].objects[&address];
    object.fields[&FieldPath::new(path.iter().copied())].value.clone()
}
