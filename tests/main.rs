//! The tests that need a real Keycloak or the program itself, in one binary: they share one server.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::format_collect,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::print_stdout,
    clippy::similar_names,
    clippy::too_many_lines,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test may do anything, fails by panicking, and holds what it expects"
)]

mod asked;
mod blueprints;
mod broker;
mod changed;
mod cli;
mod clusters;
mod customers;
mod demo;
mod drift;
mod environments;
mod errors;
mod examples;
mod export;
mod faults;
mod features;
mod fleet;
mod generated;
mod golden;
mod guards;
mod histories;
mod http;
mod import;
mod kill;
mod kinds;
mod laws;
mod leak;
mod lock;
mod mesh;
mod metadata;
mod outputs;
mod ownership;
mod prune;
mod readers;
mod readme;
mod recipes;
mod requests;
mod rooms;
mod rotation;
mod roundtrip;
mod sandbox;
mod saved;
mod schemas;
mod secrets;
mod status;
mod support;
mod tenants;
mod truth;
