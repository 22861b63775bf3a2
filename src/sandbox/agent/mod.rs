//! The practice agent.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::Ground;

/// Takes queued runs until it is aborted.
pub fn start(_ground: Arc<Ground>) -> JoinHandle<()> {
    tokio::spawn(async {})
}
