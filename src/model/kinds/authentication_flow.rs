//! Authentication flows: what a log-in, a registration or a client's sign-in asks for, step by step.

use super::{Type, body, server};
use crate::model::field::{Field, Write};
use crate::model::{Kind, Reference};

/// A top-level flow with everything in it. Sub-flows are part of the flow that they are in.
pub static AUTHENTICATION_FLOW: Kind = Kind {
    name: "authentication flow",
    collection: "authenticationFlows",
    key: "alias",
    fields: &[
        body("description", Type::Text),
        Field { name: "providerId", ty: Type::OneOf(&["basic-flow", "client-flow"]), write: Write::CreateOnly },
        body("executions", Type::Executions),
        server("authenticationExecutions"),
        server("builtIn"),
        server("topLevel"),
    ],
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};

/// Flows that a client uses instead of the realm's.
pub(super) const BINDING_OVERRIDES: &[Field] =
    &[body("browser", Type::Ref(Reference::Flow)), body("direct_grant", Type::Ref(Reference::Flow))];

/// The name that the configuration of an execution has where none is said. `flow` is the flow or sub-flow around it.
pub fn implied_config_alias(flow: &str, authenticator: &str) -> String {
    format!("{flow} {authenticator}")
}
