//! Flows as an export has them: all in one list, sub-flows by their names, configurations by theirs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::tree::{Execution, SubFlow};
use super::{Config, take_in_executions};
use crate::keycloak::ServerError;
use crate::keycloak::intake::Intake;
use crate::keycloak::shape::{Object, optional, text};
use crate::model::kinds;

/// The flow that every realm has and the server lists nowhere but in exports (26.7.4).
const UNLISTED: &str = "saml ecp";

/// Takes in the top-level flows with what is in them.
pub(in crate::keycloak) fn take_in(
    intake: &impl Intake,
    flows: &[Object],
    configs: &[Object],
) -> Result<(), ServerError> {
    let flows = flows.iter().map(|flow| Ok((text(flow, "alias")?, flow))).collect::<Result<_, ServerError>>()?;
    let exported = Exported { flows, configs };
    for (alias, flow) in &exported.flows {
        if flow.get("topLevel") == Some(&Value::Bool(false)) || *alias == UNLISTED {
            continue;
        }
        let address = intake.realm().child(&kinds::AUTHENTICATION_FLOW, alias);
        let tree = exported.executions(alias, &mut Vec::new())?;
        if intake.add(&address, optional(flow, "id").unwrap_or(alias), (*flow).clone()) {
            take_in_executions(intake, &address, &tree, exported.configs(&tree)?);
        }
    }
    Ok(())
}

struct Exported<'a> {
    flows: BTreeMap<&'a str, &'a Object>,
    configs: &'a [Object],
}

impl<'a> Exported<'a> {
    /// The executions of a flow; `above` are those that it is in.
    fn executions(&self, alias: &'a str, above: &mut Vec<&'a str>) -> Result<Vec<Execution>, ServerError> {
        if above.contains(&alias) {
            return Err(ServerError::Refused(format!("the authentication flow {alias:?} is inside of itself")));
        }
        let Some(flow) = self.flows.get(alias) else {
            return Err(ServerError::Refused(format!("an authentication flow is made of {alias:?}, which is missing")));
        };
        above.push(alias);
        let list = flow.get("authenticationExecutions").and_then(Value::as_array).into_iter().flatten();
        let executions = list.map(|execution| {
            let execution = execution.as_object().ok_or_else(|| ServerError::shape("an execution", "an object"))?;
            self.execution(execution, above)
        });
        let mut executions = executions.collect::<Result<Vec<_>, _>>()?;
        above.pop();
        // The server lists them so, and a person may not have.
        executions.sort_by_key(|execution| execution.priority);
        Ok(executions)
    }

    fn execution(&self, object: &'a Object, above: &mut Vec<&'a str>) -> Result<Execution, ServerError> {
        let alias = optional(object, "flowAlias");
        let flow = alias.and_then(|alias| self.flows.get(alias)).map(|flow| SubFlow {
            id: optional(flow, "id").unwrap_or_default().to_owned(),
            alias: alias.unwrap_or_default().to_owned(),
            description: optional(flow, "description").unwrap_or_default().to_owned(),
        });
        Ok(Execution {
            id: String::new(),
            authenticator: optional(object, "authenticator").map(str::to_owned),
            flow,
            requirement: text(object, "requirement")?.to_owned(),
            priority: object.get("priority").and_then(Value::as_i64).unwrap_or_default(),
            config: optional(object, "authenticatorConfig").map(str::to_owned),
            children: alias.map(|alias| self.executions(alias, above)).transpose()?.unwrap_or_default(),
        })
    }

    /// What configures the executions. Here an alias is all that there is of an id.
    fn configs(&self, executions: &[Execution]) -> Result<BTreeMap<String, Config>, ServerError> {
        let wanted = Execution::all(executions).into_iter().filter_map(|it| it.config.as_deref());
        let configs = wanted.filter_map(|alias| self.configs.iter().find(|it| optional(it, "alias") == Some(alias)));
        configs
            .map(|config| {
                let mut config = config.clone();
                let alias = text(&config, "alias")?.to_owned();
                config.insert("id".to_owned(), alias.as_str().into());
                Ok((alias, Config::new(config)?))
            })
            .collect()
    }
}
