//! Workflows: what happens to users and clients by itself.

use super::{Type, body, server};
use crate::model::Kind;

/// Steps that follow an event or a schedule, for whom a condition holds.
pub static WORKFLOW: Kind = Kind {
    name: "workflow",
    collection: "workflows",
    key: "name",
    fields: &[
        body("enabled", Type::Bool),
        body("on", Type::Text),
        body("if", Type::Text),
        body("schedule", Type::Table(&[body("after", Type::Text), body("batch-size", Type::Int)])),
        body("concurrency", Type::TextMap(&[])),
        body("steps", Type::Steps),
        // What is wrong with it.
        server("state"),
    ],
    children: &[],
    on_create: &[],
    // What is scheduled for somebody is no longer: nothing that a file, or a person, has put there.
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};
