//! The practice agent: takes queued runs and performs what it can of them, as a real agent would.

pub mod expression;
pub mod steps;
pub mod template;
pub mod yaml;

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::Ground;

/// Takes queued runs until it is aborted.
pub fn start(_ground: Arc<Ground>) -> JoinHandle<()> {
    tokio::spawn(async {})
}
