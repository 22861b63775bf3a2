//! Integration tests: clients, the flow as a whole and the binary, everything over HTTP, nothing mocked inside a client.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop here")]

mod calls;
mod clients;
mod crash;
mod independent;
mod prompts;
mod rights;
mod saved;
mod setup;
mod support;
mod trust_evaluators;
