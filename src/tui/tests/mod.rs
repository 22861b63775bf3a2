//! What the screens look like, and how they take keys: messages in, a buffer out.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]

mod asked;
mod audit;
mod detail;
mod doctor;
mod draw;
mod fleet;
mod history;
mod home;
mod inventory;
mod keys;
mod log;
mod matrix;
mod pipeline;
mod plans;
mod random;
mod review;
mod rotation;
mod run;
mod seen;
mod setup;
mod table;
mod welcome;
