//! Microsoft Entra ID of the practice cloud: authorize, device code and token endpoints, and two small pages for a person.
//!
//! Tables of the store: `entra.code`, `entra.device` (by device code), `entra.user-code` (to the device code) and
//! `entra.refresh`. Access tokens are signed and carry everything, so that none is kept.

mod authorize;
mod device;
mod refusal;
pub mod tenant;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::habit::{self, Service};
use super::web::{self, Fields};
use super::{Ground, Request};
use refusal::Refusal;

pub use token::accepts;

/// The application id of Azure DevOps, for which every access token is made.
pub const AZURE_DEVOPS: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// A field that must be there.
fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refusal> {
    fields.get(name).ok_or_else(|| Refusal::missing(name))
}

/// Every route of `login.microsoftonline.com` that a native application needs, and `microsoft.com/devicelogin`.
pub fn router(ground: Arc<Ground>) -> Router {
    let routes = Router::new()
        .route("/{tenant}/oauth2/v2.0/authorize", get(authorize::ask).post(authorize::answer))
        .route("/{tenant}/oauth2/v2.0/devicecode", post(device::start))
        .route("/{tenant}/oauth2/v2.0/token", post(token::issue))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery))
        .route("/devicelogin", get(device::ask).post(device::answer))
        .with_state(Arc::clone(&ground));
    habit::layer(routes, ground, Service { classify, throttled })
}

async fn discovery(
    State(ground): State<Arc<Ground>>,
    Path(name): Path<String>,
    parts: Parts,
) -> Result<Response, Refusal> {
    let tenant = tenant::find(&ground, &name)?;
    let base = format!("{}/{name}/oauth2/v2.0", web::base(&parts));
    Ok(axum::Json(json!({
        "issuer": format!("https://login.microsoftonline.com/{}/v2.0", tenant.id),
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "device_authorization_endpoint": format!("{base}/devicecode"),
        "response_modes_supported": ["query"],
        "response_types_supported": ["code"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
    }))
    .into_response())
}

fn classify(_ground: &Ground, parts: &Parts, body: &[u8]) -> Request {
    let path = parts.uri.path();
    let last = path.rsplit('/').next().unwrap_or_default();
    let fields = Fields::of_body(parts, body);
    let object = match (last, fields.get("grant_type")) {
        ("token", Some(grant)) => format!("token {}", grant.rsplit(':').next().unwrap_or(grant)),
        _ => last.to_owned(),
    };
    let writes = parts.method == axum::http::Method::POST;
    Request { service: "entra", method: parts.method.to_string(), object, writes }
}

fn throttled(ground: &Ground, _request: &Request) -> Response {
    let mut response =
        Refusal::new("temporarily_unavailable", 90055, "The tenant is throttled due to too many requests.")
            .respond(ground.clock.now())
            .into_response();
    *response.status_mut() = axum::http::StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(header::RETRY_AFTER, axum::http::HeaderValue::from_static("1"));
    response
}
