//! How Entra ID refuses: `error`, the AADSTS number in three places, and sometimes a `suberror`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sandbox::clock;

/// A refusal before it is JSON, a redirect or a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The OAuth error: `invalid_grant`.
    pub error: &'static str,
    /// The AADSTS number.
    pub number: u32,
    /// What Entra says after the number.
    pub text: String,
    /// What a client may decide by, beside the error: `consent_required`.
    pub suberror: Option<&'static str>,
}

impl Refusal {
    /// A refusal without a `suberror`.
    pub fn new(error: &'static str, number: u32, text: impl Into<String>) -> Self {
        Self { error, number, text: text.into(), suberror: None }
    }

    /// The same with a `suberror`.
    pub fn sub(mut self, suberror: &'static str) -> Self {
        self.suberror = Some(suberror);
        self
    }

    /// A parameter that is not there.
    pub fn missing(name: &str) -> Self {
        Self::new(
            "invalid_request",
            900_144,
            format!("The request body must contain the following parameter: '{name}'."),
        )
    }

    /// A parameter that says something this service never takes.
    pub fn malformed(why: &str) -> Self {
        Self::new("invalid_request", 9_002_313, format!("Invalid request. {why}"))
    }

    /// `AADSTS53003: Access has been …`, as pages and redirects show it.
    pub fn sentence(&self) -> String {
        format!("AADSTS{}: {}", self.number, self.text)
    }

    /// The JSON body at `now` (seconds since 1970).
    pub fn json(&self, now: i64) -> Value {
        let time = clock::iso(now).replace('T', " ");
        let (trace, correlation) = (Uuid::new_v4(), Uuid::new_v4());
        let mut body = json!({
            "error": self.error,
            "error_description": format!(
                "{} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}",
                self.sentence()
            ),
            "error_codes": [self.number],
            "timestamp": time,
            "trace_id": trace.to_string(),
            "correlation_id": correlation.to_string(),
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.number),
        });
        if let Some(suberror) = self.suberror {
            body["suberror"] = suberror.into();
        }
        body
    }

    /// The answer at `now` (seconds since 1970).
    pub fn respond(&self, now: i64) -> Response {
        // Only a client that is not what it says gets another status.
        let status =
            if self.error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        (status, Json(self.json(now))).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.respond(clock::machine_now())
    }
}
