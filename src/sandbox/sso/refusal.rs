//! How Identity Center refuses: the exception in a header, and a body that differs between SSO OIDC and the portal.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal before it is HTTP.
#[derive(Debug)]
pub struct Refusal {
    status: u16,
    exception: &'static str,
    body: Value,
}

impl Refusal {
    /// One of SSO OIDC: `error` as OAuth names it.
    pub fn oidc(exception: &'static str, error: &str, text: &str) -> Self {
        let status = if exception == "InvalidClientException" { 401 } else { 400 };
        Self { status, exception, body: json!({"error": error, "error_description": text}) }
    }

    /// One of the portal.
    pub fn portal(status: u16, exception: &'static str, text: &str) -> Self {
        Self {
            status,
            exception,
            body: json!({"message": text, "__type": format!("com.amazonaws.switchboard.portal#{exception}")}),
        }
    }

    /// As HTTP.
    pub fn respond(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, [("x-amzn-errortype", self.exception)], Json(self.body)).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.respond()
    }
}
