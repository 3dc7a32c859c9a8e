//! Lists of named things that the server only takes as a whole, in one document.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::keycloak::ServerError;
use crate::keycloak::shape::{Object, object};
use crate::keycloak::writer::{Changes, Leaves, Writer, exposed};
use crate::model::{Address, FieldPath};

/// Reads a document, changes it and writes it back. One at a time: two that were read at once would undo each other.
pub(super) async fn rewrite(
    writer: &Writer,
    path: &str,
    change: impl FnOnce(&mut Object, &mut BTreeSet<Address>) -> Result<(), ServerError>,
) -> Result<(), ServerError> {
    let mut made = writer.documents.lock().await;
    let path = writer.path(path);
    let mut document = object(writer.http().get(&path).await?, "a document")?;
    change(&mut document, &mut made)?;
    Ok(writer.http().put(&path, &Value::Object(document)).await?)
}

/// A list of the document.
pub(super) fn members<'a>(document: &'a mut Object, list: &str) -> Result<&'a mut Vec<Value>, ServerError> {
    let members = document.entry(list).or_insert_with(|| json!([]));
    members.as_array_mut().ok_or_else(|| ServerError::shape(list, "a list"))
}

/// The member of that name. New ones come last; those of one run by their names, in whatever order they are made.
pub(super) fn member<'a>(
    members: &'a mut Vec<Value>,
    address: &Address,
    made: &mut BTreeSet<Address>,
) -> Result<&'a mut Object, ServerError> {
    let name = address.name();
    let at = members.iter().position(|member| is_called(member, name)).unwrap_or_else(|| {
        let later = |member: &Value| {
            made.iter().any(|it| it > address && it.kind() == address.kind() && is_called(member, it.name()))
        };
        let at = members.iter().position(later).unwrap_or(members.len());
        members.insert(at, json!({ "name": name }));
        made.insert(address.clone());
        at
    });
    members[at].as_object_mut().ok_or_else(|| ServerError::shape(name, "an object"))
}

pub(super) fn is_called(member: &Value, name: &str) -> bool {
    member.get("name").is_some_and(|it| it == name)
}

/// Makes changes to an object as it is now, which nobody knew when the plan was made.
pub(super) fn overlay(object: &mut Object, changes: &Changes) {
    for (path, leaf) in changes {
        match leaf {
            Some(leaf) => set(object, path, exposed(leaf)),
            None => remove(object, path),
        }
    }
}

/// The leaves of a new object as changes to what may be there already.
pub(super) fn all_of(leaves: &Leaves) -> Changes {
    leaves.iter().map(|(path, leaf)| (path.clone(), Some(leaf.clone()))).collect()
}

fn set(object: &mut Object, path: &FieldPath, value: Value) {
    let parts: Vec<&str> = path.parts().collect();
    let Some((last, tables)) = parts.split_last() else { return };
    let table = tables.iter().try_fold(object, |table, name| {
        let inner = table.entry(*name).or_insert_with(|| json!({}));
        if !inner.is_object() {
            *inner = json!({});
        }
        inner.as_object_mut()
    });
    if let Some(table) = table {
        table.insert((*last).to_owned(), value);
    }
}

fn remove(object: &mut Object, path: &FieldPath) {
    let parts: Vec<&str> = path.parts().collect();
    let Some((last, tables)) = parts.split_last() else { return };
    let table = tables.iter().try_fold(object, |table, name| table.get_mut(*name)?.as_object_mut());
    if let Some(table) = table {
        table.remove(*last);
    }
}
