//! The agent's rules, and what its tasks say.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop here")]

mod expressions;
mod secrets;
mod tasks;
mod templates;
