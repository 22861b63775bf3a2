//! IAM Identity Center of the practice cloud: SSO OIDC and the access portal at one address, and a page for a person.
//!
//! Tables of the store: `sso.client`, `sso.device` (by device code), `sso.user-code` (to the device code), `sso.token`,
//! `sso.refresh`. The role of a permission set is made in IAM when it is first used.

mod device;
mod oidc;
mod portal;
mod refusal;

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};

use super::habit::{self, Service};
use super::{Ground, Request};
use refusal::Refusal;

/// Every route that the AWS SDKs call `sso-oidc` and `portal.sso`, and `device.sso`.
pub fn router(ground: Arc<Ground>) -> Router {
    let routes = Router::new()
        .route("/client/register", post(oidc::register))
        .route("/device_authorization", post(device::start))
        .route("/token", post(oidc::token))
        .route("/device", get(device::ask).post(device::answer))
        .route("/assignment/accounts", get(portal::accounts))
        .route("/assignment/roles", get(portal::roles))
        .route("/federation/credentials", get(portal::credentials))
        .route("/logout", post(portal::logout))
        .with_state(Arc::clone(&ground));
    habit::layer(routes, ground, Service { classify, throttled })
}

fn classify(_ground: &Ground, parts: &Parts, _body: &[u8]) -> Request {
    let object = parts.uri.path().trim_start_matches('/').replace('/', " ");
    let writes = parts.method == Method::POST;
    Request { service: "sso", method: parts.method.to_string(), object, writes }
}

fn throttled(_ground: &Ground, _request: &Request) -> Response {
    Refusal::portal(429, "TooManyRequestsException", "HTTP 429 Unknown Code").respond()
}
