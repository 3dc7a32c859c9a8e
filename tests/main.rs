//! The tests that need a real Keycloak or the program itself, in one binary: they share one server.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test may do anything, and fails by panicking"
)]

mod cli;
mod errors;
mod examples;
mod faults;
mod http;
mod kill;
mod laws;
mod leak;
mod lock;
mod readme;
mod rooms;
mod sandbox;
mod schemas;
mod support;
