//! Each table and each setting of an imported realm stands for what is there: taking it out plans that it is undone, and
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use realmform::desired::{self, Options};
use realmform::diff::{self, Action};
use realmform::keycloak::{Export, Interest};
use realmform::model::{
    Address, DesiredRealm, FieldPath, Live, LiveRealm, SecretRef, Value, Write, default_of, is_builtin, kinds,
};
use secrecy::SecretString;
use toml_edit::{DocumentMut, Table};

use super::applied;
use crate::import::everything;
use crate::support::is_26_0;

const REALM: &str = "round-removal";

#[test]
fn removing_a_table_plans_exactly_that() {
    if is_26_0("exports are read as the newest version would") {
        return;
    }
    let project = applied(REALM, &everything());
    let imported = project.run(&["import", REALM, "--layout", "single", "--project", "imported"]);
    assert_eq!(imported.status, 0, "{}", imported.stderr);
    // The record names what the import says, and an export holds it: from here on no server is needed.
    project.write("imported/realmform.toml", &format!("name = \"{REALM}\"\n"));
    let adopted = project.run(&["apply", "--yes", "--project", "imported"]);
    assert_eq!(adopted.status, 0, "{}\n{}", adopted.stdout, adopted.stderr);
    let export = project.admin().whole_export();
    let export = Export::parse(export.to_string().as_bytes()).unwrap().remove(0);

    let text = std::fs::read_to_string(project.folder().join("imported").join(REALM).join("realm.toml")).unwrap();
    let mut document: DocumentMut = text.parse().unwrap();
    // No export tells of them.
    for collection in ["permissions", "permissionPolicies"] {
        document.remove(collection).unwrap();
    }
    let whole = load(&document.to_string()).unwrap();
    assert_eq!(changes(&whole, &export), BTreeMap::new());
    let mut removed = 0;
    for path in tables(document.as_table(), &[]) {
        let mut without = document.clone();
        remove(without.as_table_mut(), &path);
        // What others name cannot be taken out of the files alone.
        let Some(rest) = load(&without.to_string()) else { continue };
        removed += 1;
        let live = live(&export, &rest);
        assert_eq!(changes(&rest, &export), expected(&whole, &rest, &live), "without {path:?}");
    }
    assert!(removed > 70, "{removed}");
}

/// What is undone: nothing where an object goes as a whole, else its leaves.
type Undone = BTreeMap<Address, Option<BTreeSet<FieldPath>>>;

fn load(text: &str) -> Option<DesiredRealm> {
    let files = [("realmform.toml", format!("name = \"{REALM}\"\n")), ("round-removal/realm.toml", text.to_owned())];
    let files = files.into_iter().map(|(path, text)| (PathBuf::from(path), text.into_bytes())).collect();
    let mut desired = desired::load(&files, &Options::default()).ok()?.desired;
    desired.realms.remove(REALM)
}

fn live(export: &Export, wanted: &DesiredRealm) -> LiveRealm {
    export.live(&REALM.to_owned(), REALM, Interest::of(wanted)).unwrap().0
}

fn changes(wanted: &DesiredRealm, export: &Export) -> Undone {
    let live = Live { realms: [(REALM.to_owned(), live(export, wanted))].into() };
    let desired = realmform::model::Desired {
        realms: [(REALM.to_owned(), wanted.clone())].into(),
        ..realmform::model::Desired::default()
    };
    let mut diff = diff::diff(&desired, &live, &BTreeMap::new(), &NoSecrets);
    let changes = diff.realms.remove(REALM).unwrap().changes;
    let undone = changes.into_iter().map(|change| match change.action {
        Action::Delete { unmanaged: _ } => (change.address, None),
        Action::Update => (change.address, Some(change.fields.into_iter().map(|field| field.path).collect())),
        Action::Create | Action::Rename { .. } => panic!("{} is {:?}", change.address, change.action),
    });
    undone.collect()
}

fn expected(whole: &DesiredRealm, rest: &DesiredRealm, live: &LiveRealm) -> Undone {
    let mut undone = Undone::new();
    for (address, object) in &whole.objects {
        let stays = rest.objects.get(address);
        if stays.is_none() && !is_builtin(address) && !holds(rest, address) {
            // With all that hangs below it, said or not.
            let below = live.objects.keys().filter(|it| it.is_within(address));
            undone.extend(below.map(|it| (it.clone(), None)));
            continue;
        }
        let gone = object.fields.iter().filter(|(path, declared)| {
            let is_said = stays.is_some_and(|rest| rest.fields.contains_key(*path));
            // A secret that is left to the server is nobody's to undo, and some leaves stay with their object.
            let can_be_undone = declared.value != Value::Secret(SecretRef::Keep)
                && !object.kind.needs(path)
                && !matches!(object.kind.write(path), Write::CreateOnly | Write::Server);
            !is_said && can_be_undone && differs(address, path, &declared.value)
        });
        let gone: BTreeSet<FieldPath> = gone.map(|(path, _)| path.clone()).collect();
        if !gone.is_empty() {
            undone.insert(address.clone(), Some(gone));
        }
    }
    undone
}

/// A group stays as long as one that is declared is inside of it.
fn holds(rest: &DesiredRealm, address: &Address) -> bool {
    let above = |it: &Address| std::iter::successors(it.container(), Address::container).any(|above| above == *address);
    address.kind() == &kinds::GROUP && rest.objects.keys().any(above)
}

/// Import says nothing that is a default; a new object's choice may be one.
fn differs(address: &Address, path: &FieldPath, value: &Value) -> bool {
    let Value::Json(value) = value else { return true };
    !diff::means_the_same(address.kind(), path, default_of(address, path).as_deref(), value)
}

/// The paths of all tables with a header, and of the realm's own settings.
fn tables(table: &Table, above: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (name, item) in table {
        let path: Vec<String> = above.iter().cloned().chain([name.to_owned()]).collect();
        match item.as_table() {
            Some(inner) => {
                found.extend(tables(inner, &path));
                found.push(path);
            }
            None if above.is_empty() => found.push(path),
            None => {}
        }
    }
    found
}

fn remove(table: &mut Table, path: &[String]) {
    match path {
        [name] => drop(table.remove(name)),
        [name, rest @ ..] => remove(table.get_mut(name).unwrap().as_table_mut().unwrap(), rest),
        [] => {}
    }
}

struct NoSecrets;

impl diff::Secrets for NoSecrets {
    fn is_kept(&self, reference: &SecretRef) -> bool {
        matches!(reference, SecretRef::Generate { .. })
    }

    fn same(&self, _: &SecretRef, _: &SecretString) -> bool {
        false
    }

    fn matches(&self, _: &SecretRef, _: &str) -> bool {
        false
    }
}
