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

mod demo;
mod http;
mod kinds;
mod prune;
mod readers;
mod sandbox;
mod support;
