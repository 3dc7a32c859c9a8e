//! Workflows. The server lets only whoever has every right of the realm read them.

use serde_json::{Value, json};

use crate::keycloak::ServerError;
use crate::keycloak::intake::Intake;
use crate::keycloak::path::{query, segment};
use crate::keycloak::reader::Reader;
use crate::keycloak::shape::{Object, objects, text};
use crate::keycloak::writer::{Changes, Leaves, Writer, body, merged};
use crate::model::{Address, kinds, sorted};

const LIST: &str = "/workflows";

/// Takes in the workflows.
pub(super) async fn read(reader: &Reader<'_>) -> Result<(), ServerError> {
    let lookup =
        async |name: &str| find(&format!("{LIST}?{}", by_name(name)), name, async |path| reader.get(path).await).await;
    let take = |workflow: Object| {
        let id = text(&workflow, "id")?.to_owned();
        take_in(reader, &id, workflow).map(|()| None::<()>)
    };
    match reader.collect(reader.realm(), &kinds::WORKFLOW, &format!("{LIST}?"), lookup, take).await {
        Err(ServerError::Http(e)) if e.is_forbidden() && !reader.interest.is_particular(&kinds::WORKFLOW) => {
            reader.leave_out(&kinds::WORKFLOW, &e);
            Ok(())
        }
        // The feature is off: the realm itself is there.
        Err(ServerError::Http(e)) if e.is_not_found() => {
            reader.note_unknown(&kinds::WORKFLOW);
            Ok(())
        }
        read => read.map(drop),
    }
}

/// Takes in a workflow.
pub(in crate::keycloak) fn take_in(intake: &impl Intake, id: &str, workflow: Object) -> Result<(), ServerError> {
    let address = intake.realm().child(&kinds::WORKFLOW, text(&workflow, "name")?);
    intake.add(&address, id, canonical(workflow)?);
    Ok(())
}

fn by_name(name: &str) -> String {
    format!("search={}&exact=true", query(name))
}

async fn find(
    path: &str,
    name: &str,
    get: impl AsyncFn(&str) -> Result<Value, ServerError>,
) -> Result<Option<Object>, ServerError> {
    let found = objects(get(path).await?, "the workflows")?;
    Ok(found.into_iter().find(|workflow| workflow.get("name").is_some_and(|it| it == name)))
}

pub(super) async fn create(writer: &Writer, address: &Address, leaves: &Leaves) -> Result<(), ServerError> {
    let workflow = representation(address, body(leaves));
    if !workflow.contains_key("steps") {
        // The server would speak of types that do not fit each other.
        return Err(ServerError::Refused(format!("{address} is new and has no steps: a workflow has at least one")));
    }
    match writer.post(address, &writer.path(LIST), workflow).await {
        // Where others answer 409, workflows answer 400, as for anything else.
        Err(ServerError::Http(e)) if e.status() == Some(400) && e.repeated() => {
            if id(writer, address).await?.is_some() { Ok(()) } else { Err(e.into()) }
        }
        made => made,
    }
}

/// A PUT replaces everything, and the steps with others of the same kinds while something is scheduled; then it takes no
/// other event and no other steps.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    let workflow = representation(address, merged(writer.live(address), changes));
    let path = writer.path(path(writer, address).await?);
    Ok(writer.http().put(&path, &Value::Object(workflow)).await?)
}

/// One that is gone already answers 400, and so does what is no workflow.
pub(super) async fn delete(writer: &Writer, address: &Address) -> Result<(), ServerError> {
    let path = writer.path(path(writer, address).await?);
    match writer.http().delete(&path).await {
        Err(e) if e.status() == Some(400) && look_up(writer, address.name()).await?.is_none() => Ok(()),
        deleted => Ok(deleted?),
    }
}

async fn path(writer: &Writer, address: &Address) -> Result<String, ServerError> {
    let missing = || ServerError::Missing { address: address.to_string() };
    Ok(format!("{LIST}/{}", segment(&id(writer, address).await?.ok_or_else(missing)?)))
}

/// The id of a workflow; that of one whose making was not heard of is asked for.
async fn id(writer: &Writer, address: &Address) -> Result<Option<String>, ServerError> {
    if writer.directory.known(address).is_none()
        && let Some(id) = look_up(writer, address.name()).await?
    {
        writer.directory.note(address, &id);
    }
    Ok(writer.directory.known(address))
}

async fn look_up(writer: &Writer, name: &str) -> Result<Option<String>, ServerError> {
    let path = writer.path(format!("{LIST}?{}", by_name(name)));
    let found = find(&path, name, async |path| Ok(writer.http().get(path).await?)).await?;
    found.map(|workflow| Ok(text(&workflow, "id")?.to_owned())).transpose()
}

fn representation(address: &Address, mut workflow: Object) -> Object {
    workflow.insert("name".to_owned(), address.name().into());
    workflow
}

/// The workflow as files have it: switched on where it does not say, steps without ids, and texts in them whatever they
/// spell; the order of lists in them is the server's own.
fn canonical(mut workflow: Object) -> Result<Object, ServerError> {
    workflow.entry("enabled").or_insert(Value::Bool(true));
    let steps = objects(workflow.remove("steps").unwrap_or_else(|| json!([])), "the steps of a workflow")?;
    let steps = steps.into_iter().map(|mut step| {
        step.retain(|name, _| matches!(name.as_str(), "uses" | "after" | "with"));
        for setting in step.get_mut("with").and_then(Value::as_object_mut).into_iter().flat_map(Object::values_mut) {
            *setting = match setting.take() {
                Value::Array(items) => sorted(items),
                Value::String(text) => text.into(),
                other => other.to_string().into(),
            };
        }
        Value::Object(step)
    });
    workflow.insert("steps".to_owned(), steps.collect());
    Ok(workflow)
}
