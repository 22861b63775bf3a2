//! AWS of the practice cloud.

use std::sync::Arc;

use axum::Router;

use super::Ground;

/// STS and IAM of every account.
pub fn router(_ground: Arc<Ground>) -> Router {
    Router::new()
}

/// Puts what the world holds into an empty store.
pub fn seed(_ground: &Ground) {}

/// The access key id of the administrator of `account`.
pub fn operator_key_id(account: &str) -> String {
    format!("AKIAPRACTICE{account:.8}")
}

/// The secret access key of the administrator of `account`.
pub fn operator_secret(account: &str) -> String {
    format!("PRACTICE/SECRET/{account:x<24}")
}
