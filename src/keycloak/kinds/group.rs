//! Groups: a tree, named by paths.
//!
//! Facts (26.0.8, 26.7.4): a slash in a name stands in a path as it is, unless the server runs with
//! `--spi-group--jpa--escape-slashes-in-group-path`: `/a/b` is the group `b` inside of `a`, or one that is called `a/b`. A
//! look-up answers the one or the other, and nobody can tell which of them a file means: groups with a slash in their names
//! are left alone, and so is what is inside of them.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::client::link_roles;
use crate::keycloak::path::segment;
use crate::keycloak::reader::{FEW, PAGE, Reader};
use crate::keycloak::shape::{Object, names, objects, optional, text};
use crate::keycloak::writer::{Changes, Leaves, Links, Writer, body, delta, merged};
use crate::keycloak::{HttpError, ServerError};
use crate::model::{Address, kinds};

/// Children are listed in bigger pages than other objects: they are small.
const CHILDREN: usize = 100;

/// The children of so many groups are asked for at once; the connection bounds how many requests are under way.
const PARENTS_IN_FLIGHT: usize = 16;

/// Takes in the groups: top-level ones by name or by pages, then level by level what matters below them.
pub(super) async fn read(reader: &Reader<'_>) -> Result<(), ServerError> {
    let realm = reader.realm();
    let names: BTreeSet<&str> = reader.interest.names(realm, &kinds::GROUP).collect();
    let sweeps = reader.interest.sweeps(&realm.child(&kinds::GROUP, ""));
    let lookup = async |path: &str| reader.directory.find_group(path).await;
    if names.len() <= FEW && !sweeps {
        let take = |group| take_in(reader, group).map(|()| None::<()>);
        return reader.collect(realm, &kinds::GROUP, "/groups?", lookup, take).await.map(drop);
    }
    let list = "/groups?briefRepresentation=false&populateHierarchy=false&";
    let mut level = Vec::new();
    reader.pages(list, PAGE, names.len(), usize::MAX, &mut into(&mut level)).await?;
    let mut slashed = Vec::new();
    while !level.is_empty() {
        level.retain(|group| {
            let has_path = has_path(group);
            slashed.extend(optional(group, "name").filter(|_| !has_path).map(str::to_owned));
            has_path
        });
        let matters = |group: &&Object| {
            let above = format!("{}/", group.get("path").and_then(Value::as_str).unwrap_or_default());
            let is_named = names.range(above.as_str()..).next().is_some_and(|it| it.starts_with(&above));
            (sweeps || is_named) && group.get("subGroupCount").and_then(Value::as_u64) != Some(0)
        };
        let asked = stream::iter(level.iter().filter(matters)).map(|group| children(reader, group));
        let below: Vec<_> = asked.buffer_unordered(PARENTS_IN_FLIGHT).try_collect().await?;
        level.into_iter().try_for_each(|group| take_in(reader, group))?;
        level = below.into_iter().flatten().collect();
    }
    if sweeps && !slashed.is_empty() {
        reader.leave_out(&kinds::GROUP, &HttpError::Ambiguous { names: slashed });
    }
    Ok(())
}

/// Whether the path of a group is no other group's: whether there is no slash in its name.
pub(in crate::keycloak) fn has_path(group: &Object) -> bool {
    optional(group, "name").is_none_or(|name| !name.contains('/'))
}

/// The paths of a list of groups, as a sorted set.
pub(super) fn paths(mut groups: Vec<Object>) -> Result<Value, ServerError> {
    groups.retain(has_path);
    names(&groups, "path")
}

async fn children(reader: &Reader<'_>, group: &Object) -> Result<Vec<Object>, ServerError> {
    let list = format!("/groups/{}/children?briefRepresentation=false&", segment(text(group, "id")?));
    let mut children = Vec::new();
    reader.pages(&list, CHILDREN, 0, usize::MAX, &mut into(&mut children)).await?;
    Ok(children)
}

fn into(level: &mut Vec<Object>) -> impl FnMut(Object) -> Result<(), ServerError> {
    |group| {
        level.push(group);
        Ok(())
    }
}

fn take_in(reader: &Reader<'_>, group: Object) -> Result<(), ServerError> {
    let address = reader.realm().child(&kinds::GROUP, text(&group, "path")?);
    let id = text(&group, "id")?.to_owned();
    reader.add(&address, &id, group);
    Ok(())
}

/// A POST ignores roles and sub-groups.
pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    let (parent, name) = split(address);
    let mut group = body(leaves);
    group.insert("name".to_owned(), name.into());
    let list = match parent {
        Some(parent) => format!("/groups/{}/children", writer.directory.id(&parent).await?),
        None => "/groups".to_owned(),
    };
    writer.post(address, &writer.path(list), group).await
}

/// A POST below another group moves one that exists, with its members and all below it.
pub(super) async fn relocate(writer: &Writer, from: &Address, to: &Address) -> Result<(), ServerError> {
    let ((old, name), (new, _)) = (split(from), split(to));
    if old == new {
        return Ok(());
    }
    let list = match new {
        Some(parent) => format!("/groups/{}/children", writer.directory.id(&parent).await?),
        None => "/groups".to_owned(),
    };
    let group = json!({ "id": writer.directory.id(from).await?, "name": name });
    writer.http().post(&writer.path(list), &group).await?;
    Ok(())
}

/// A PUT clears a description that is left out, and replaces attributes as a whole.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let mut group = merged(writer.live(address), changes);
    group.insert("name".to_owned(), split(address).1.into());
    group.remove("path");
    group.entry("attributes").or_insert_with(|| Object::new().into());
    let path = writer.path(format!("/groups/{}", writer.directory.id(address).await?));
    Ok(writer.http().put(&path, &Value::Object(group)).await?)
}

pub(super) async fn link(writer: &Writer, address: &Address, links: &Links) -> Result<(), ServerError> {
    let mappings = format!("/groups/{}/role-mappings", writer.directory.id(address).await?);
    for (path, (before, after)) in links {
        link_roles(writer, &mappings, path.rest().next(), before, after).await?;
    }
    Ok(())
}

/// Makes a list of groups what is wanted: the realm's default groups, or those that a user is in. What is in it now is
/// asked for, since new users are put into groups that no plan knew.
pub(super) async fn link_membership(writer: &Writer, list: &str, wanted: &Value) -> Result<(), ServerError> {
    let current = paths(objects(writer.http().get(&writer.path(list)).await?, "the groups")?)?;
    let (added, removed) = delta(&current, wanted);
    let member = async |path: &str| {
        let id = writer.directory.id(&writer.directory.realm().child(&kinds::GROUP, path)).await?;
        Ok::<_, ServerError>(writer.path(format!("{list}/{}", segment(&id))))
    };
    for path in removed {
        writer.http().delete(&member(path).await?).await?;
    }
    for path in added {
        writer.http().put(&member(path).await?, &json!({})).await?;
    }
    Ok(())
}

/// The parent group, and the name below it.
fn split(address: &Address) -> (Option<Address>, &str) {
    let (parent, name) = address.name().rsplit_once('/').unwrap_or(("", address.name()));
    let parent = (!parent.is_empty()).then(|| Address::realm(address.realm_name()).child(&kinds::GROUP, parent));
    (parent, name)
}
