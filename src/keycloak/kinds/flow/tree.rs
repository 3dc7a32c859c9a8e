//! The executions of a flow as the server has them, and how those that are wanted find themselves among them.

use serde_json::{Map, Value as Json, json};

use crate::keycloak::ServerError;
use crate::keycloak::shape::{Object, text};

/// An execution on the server.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Execution {
    pub(super) id: String,
    /// The provider; of a sub-flow only where it is a form.
    pub(super) authenticator: Option<String>,
    /// The sub-flow that it stands for.
    pub(super) flow: Option<SubFlow>,
    pub(super) requirement: String,
    pub(super) priority: i64,
    /// The id of its configuration.
    pub(super) config: Option<String>,
    /// In the server's order.
    pub(super) children: Vec<Execution>,
}

/// What a sub-flow is beside an execution.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SubFlow {
    pub(super) id: String,
    pub(super) alias: String,
    pub(super) description: String,
}

/// The tree in the list that the server answers, where each execution has a level and sub-flows come before their content.
pub(super) fn parse(list: &[Object]) -> Result<Vec<Execution>, ServerError> {
    let mut rest = list;
    let mut tree = Vec::new();
    while let Some((first, after)) = rest.split_first() {
        let below = after.iter().take_while(|it| level(it) > level(first)).count();
        let (children, after) = after.split_at(below);
        tree.push(execution(first, parse(children)?)?);
        rest = after;
    }
    Ok(tree)
}

fn level(execution: &Object) -> i64 {
    execution.get("level").and_then(Json::as_i64).unwrap_or_default()
}

fn execution(object: &Object, children: Vec<Execution>) -> Result<Execution, ServerError> {
    let optional = |field: &str| object.get(field).and_then(Json::as_str).map(str::to_owned);
    let is_flow = object.get("authenticationFlow") == Some(&Json::Bool(true));
    let flow = is_flow.then(|| {
        Ok::<_, ServerError>(SubFlow {
            id: text(object, "flowId")?.to_owned(),
            alias: text(object, "displayName")?.to_owned(),
            description: optional("description").unwrap_or_default(),
        })
    });
    Ok(Execution {
        id: text(object, "id")?.to_owned(),
        authenticator: optional("providerId"),
        flow: flow.transpose()?,
        requirement: text(object, "requirement")?.to_owned(),
        priority: object.get("priority").and_then(Json::as_i64).unwrap_or_default(),
        config: optional("authenticationConfig"),
        children,
    })
}

impl Execution {
    /// As files have it; `alias` names a configuration by its id.
    pub(super) fn canonical(&self, alias: &dyn Fn(&str) -> Option<String>) -> Json {
        let mut object = Map::new();
        if let Some(authenticator) = &self.authenticator {
            object.insert("authenticator".to_owned(), authenticator.as_str().into());
        }
        object.insert("requirement".to_owned(), self.requirement.as_str().into());
        if let Some(flow) = &self.flow {
            object.insert("flow".to_owned(), flow.alias.as_str().into());
            if !flow.description.is_empty() {
                object.insert("description".to_owned(), flow.description.as_str().into());
            }
            object.insert("executions".to_owned(), self.children.iter().map(|it| it.canonical(alias)).collect());
        }
        if let Some(config) = self.config.as_deref().and_then(alias) {
            object.insert("authenticatorConfig".to_owned(), config.into());
        }
        Json::Object(object)
    }

    /// The execution itself.
    pub(super) fn without_children(&self) -> Self {
        Self { children: Vec::new(), ..self.clone() }
    }

    /// Everything in a list of executions, itself before what is in it.
    pub(super) fn all(executions: &[Self]) -> Vec<&Self> {
        executions.iter().flat_map(|it| std::iter::once(it).chain(Self::all(&it.children))).collect()
    }
}

/// An execution that files want, in canonical form.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a>(&'a Json);

impl<'a> Wanted<'a> {
    /// The executions of a list in canonical form.
    pub(super) fn list(executions: &'a Json) -> Vec<Self> {
        executions.as_array().into_iter().flatten().map(Self).collect()
    }

    fn text(self, field: &str) -> Option<&'a str> {
        self.0.get(field).and_then(Json::as_str)
    }

    pub(super) fn authenticator(self) -> Option<&'a str> {
        self.text("authenticator")
    }

    pub(super) fn flow(self) -> Option<&'a str> {
        self.text("flow")
    }

    pub(super) fn requirement(self) -> &'a str {
        self.text("requirement").unwrap_or_default()
    }

    pub(super) fn description(self) -> &'a str {
        self.text("description").unwrap_or_default()
    }

    pub(super) fn config(self) -> Option<&'a str> {
        self.text("authenticatorConfig")
    }

    pub(super) fn children(self) -> Vec<Self> {
        self.0.get("executions").map(Self::list).unwrap_or_default()
    }

    /// Everything in a list of executions, itself before what is in it.
    pub(super) fn all(executions: &[Self]) -> Vec<Self> {
        executions.iter().flat_map(|it| std::iter::once(*it).chain(Self::all(&it.children()))).collect()
    }

    fn is(self, execution: &Execution) -> bool {
        let flow = execution.flow.as_ref().map(|flow| flow.alias.as_str());
        self.flow() == flow && self.authenticator() == execution.authenticator.as_deref()
    }
}

/// For each wanted execution of one level, which of the existing ones it is.
///
/// The same authenticator may be there twice: the configuration tells them apart, else the order does.
pub(super) fn matched(
    wanted: &[Wanted<'_>],
    existing: &[Execution],
    alias: &dyn Fn(&str) -> Option<String>,
) -> Vec<Option<usize>> {
    let mut found = vec![None; wanted.len()];
    let mut taken = vec![false; existing.len()];
    let same_config =
        |it: Wanted<'_>, other: &Execution| it.config() == other.config.as_deref().and_then(alias).as_deref();
    for exact in [true, false] {
        for (index, it) in wanted.iter().enumerate() {
            if found[index].is_some() {
                continue;
            }
            let fits = |(at, other): (usize, &Execution)| {
                (!taken[at] && it.is(other) && (!exact || same_config(*it, other))).then_some(at)
            };
            found[index] = existing.iter().enumerate().find_map(fits);
            if let Some(at) = found[index] {
                taken[at] = true;
            }
        }
    }
    found
}

/// Priorities that rise along a level; those that fit already stay.
pub(super) fn priorities(existing: &[Option<i64>]) -> Vec<i64> {
    let mut last = -1;
    let rise = |existing: &Option<i64>| {
        last = existing.filter(|priority| *priority > last).unwrap_or(last + 1);
        last
    };
    existing.iter().map(rise).collect()
}

/// The body that sets requirement and priority.
pub(super) fn settings(id: &str, requirement: &str, priority: i64) -> Json {
    json!({ "id": id, "requirement": requirement, "priority": priority })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(id: &str, authenticator: &str, config: Option<&str>) -> Execution {
        Execution {
            id: id.into(),
            authenticator: Some(authenticator.into()),
            flow: None,
            requirement: "REQUIRED".into(),
            priority: 0,
            config: config.map(str::to_owned),
            children: Vec::new(),
        }
    }

    #[test]
    fn the_list_becomes_a_tree() {
        let list = json!([
            {"id": "1", "requirement": "ALTERNATIVE", "level": 0, "providerId": "auth-cookie", "priority": 10},
            {"id": "2", "requirement": "ALTERNATIVE", "level": 0, "authenticationFlow": true, "flowId": "f", "displayName": "forms"},
            {"id": "3", "requirement": "REQUIRED", "level": 1, "authenticationFlow": true, "flowId": "g", "displayName": "otp",
             "description": "A second factor"},
            {"id": "4", "requirement": "REQUIRED", "level": 2, "providerId": "auth-otp-form", "authenticationConfig": "c"},
            {"id": "5", "requirement": "REQUIRED", "level": 1, "providerId": "auth-username-password-form"},
        ]);
        let list: Vec<Object> = serde_json::from_value(list).unwrap();
        let tree = parse(&list).unwrap();
        let canonical: Json = tree.iter().map(|it| it.canonical(&|id| Some(format!("config {id}")))).collect();
        assert_eq!(
            canonical,
            json!([
                {"authenticator": "auth-cookie", "requirement": "ALTERNATIVE"},
                {"flow": "forms", "requirement": "ALTERNATIVE", "executions": [
                    {"flow": "otp", "requirement": "REQUIRED", "description": "A second factor", "executions": [
                        {"authenticator": "auth-otp-form", "requirement": "REQUIRED", "authenticatorConfig": "config c"},
                    ]},
                    {"authenticator": "auth-username-password-form", "requirement": "REQUIRED"},
                ]},
            ])
        );
        assert_eq!(
            Execution::all(&tree).iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
            ["1", "2", "3", "4", "5"]
        );
    }

    #[test]
    fn twins_are_told_apart_by_their_configuration() {
        let existing =
            [execution("1", "loa", Some("one")), execution("2", "loa", Some("two")), execution("3", "x", None)];
        let alias = |id: &str| Some(id.to_owned());
        let of = |wanted: Json| matched(&Wanted::list(&wanted), &existing, &alias);
        let loa =
            |config: &str| json!({"authenticator": "loa", "requirement": "REQUIRED", "authenticatorConfig": config});
        assert_eq!(of(json!([loa("two"), loa("one")])), [Some(1), Some(0)]);
        assert_eq!(of(json!([loa("new"), loa("one"), loa("two")])), [None, Some(0), Some(1)]);
        assert_eq!(of(json!([loa("new"), {"authenticator": "x", "requirement": "DISABLED"}])), [Some(0), Some(2)]);
        assert_eq!(of(json!([{"flow": "x", "requirement": "REQUIRED"}])), [None]);
    }

    #[test]
    fn priorities_rise_and_stay_where_they_can() {
        assert_eq!(priorities(&[Some(10), Some(20), Some(30)]), [10, 20, 30]);
        assert_eq!(priorities(&[Some(10), None, Some(20)]), [10, 11, 20]);
        assert_eq!(priorities(&[Some(20), Some(10)]), [20, 21]);
        assert_eq!(priorities(&[None, Some(0), Some(1)]), [0, 1, 2]);
    }
}
