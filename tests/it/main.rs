//! Integration tests: everything over HTTP, nothing mocked inside a client; programs against practice clouds that live in
//! the test process, and the binary itself.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop here")]

mod administrators;
mod audit;
mod calls;
mod canary;
mod canary_rotation;
mod clients;
mod crash;
mod denial;
mod doctor;
mod entra;
mod fences;
mod full_screen;
mod gates;
mod gates_runs;
mod gates_secrets;
mod headless;
mod independent;
mod keyed;
#[cfg(target_os = "linux")]
mod keyring;
mod matrix;
mod move_issuer;
mod permissions;
mod pipeline;
mod pipeline_command;
mod pipeline_prompts;
mod practice_entra;
mod prompts;
mod reading;
mod rights;
mod rotate;
mod saved;
mod screenshots;
mod setup;
mod sign_in;
mod sso;
mod strangers;
mod support;
mod trail;
mod trust_evaluators;
mod twopeople;
mod undo;
