//! Azure DevOps of the practice cloud.

use std::sync::Arc;

use axum::Router;

use super::Ground;

/// Every route of the practice Azure DevOps.
pub fn router(_ground: Arc<Ground>) -> Router {
    Router::new()
}

/// Puts what the world holds into an empty store.
pub fn seed(_ground: &Ground) {}
