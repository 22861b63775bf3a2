//! The device code flow's first half: the codes, and the page where a person types theirs.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Refusal, required, tenant};
use crate::sandbox::Ground;
use crate::sandbox::devops::identities;
use crate::sandbox::web::{Answer, Fields, base, escape, page, secret, user_code};

/// Device codes, by device code.
pub const DEVICES: &str = "entra.device";
/// Device codes by user code.
pub const USER_CODES: &str = "entra.user-code";

/// Seconds that a person has to sign in.
const VALID_SECONDS: i64 = 900;

/// A device that waits for its person.
#[derive(Serialize, Deserialize)]
pub struct Device {
    /// The tenant's id.
    pub tenant: String,
    /// The application.
    pub client: String,
    /// The scopes asked for.
    pub scope: String,
    /// Until when, seconds since 1970.
    pub expires: i64,
    /// How often it was asked about.
    pub polls: u32,
    /// When it was last asked about, milliseconds since 1970.
    pub polled: Option<i64>,
    /// What its person said.
    pub state: Answer,
}

/// `POST …/devicecode`
pub async fn start(
    State(ground): State<Arc<Ground>>,
    Path(name): Path<String>,
    parts: Parts,
    body: axum::body::Bytes,
) -> Response {
    let fields = Fields::of_body(&parts, &body);
    match begin(&ground, &name, &fields, &base(&parts)) {
        Ok(value) => axum::Json(value).into_response(),
        Err(refusal) => refusal.respond(ground.clock.now()),
    }
}

fn begin(ground: &Ground, name: &str, fields: &Fields, base: &str) -> Result<Value, Refusal> {
    let found = tenant::find(ground, name)?;
    let client = required(fields, "client_id")?;
    tenant::check_client(ground, &found, client)?;
    let scope = required(fields, "scope")?;
    tenant::check_scope(scope, &found.tenant.domain)?;
    let (device_code, user_code) = (secret("DEVICE"), user_code(9));
    let device = Device {
        tenant: found.id,
        client: client.to_owned(),
        scope: scope.to_owned(),
        expires: ground.clock.now() + VALID_SECONDS,
        polls: 0,
        polled: None,
        state: Answer::Waiting,
    };
    ground.store.transaction(|tx| {
        tx.put(DEVICES, &device_code, &device);
        tx.put(USER_CODES, &user_code, &device_code);
    });
    let address = format!("{base}/devicelogin");
    Ok(json!({
        "user_code": user_code,
        "device_code": device_code,
        "verification_uri": address,
        "expires_in": VALID_SECONDS,
        "interval": ground.world.entra.interval_seconds,
        "message": format!(
            "To sign in, use a web browser to open the page {address} and enter the code {user_code} to authenticate."
        ),
    }))
}

/// `GET /devicelogin`: asks for the code; `?otc=` fills it in.
pub async fn ask(State(ground): State<Arc<Ground>>, parts: Parts) -> Response {
    let fields = Fields::of(parts.uri.query().unwrap_or_default());
    form(&ground, StatusCode::OK, fields.get("otc").unwrap_or_default(), "")
}

fn form(ground: &Ground, status: StatusCode, code: &str, complaint: &str) -> Response {
    let mail = escape(&identities::operator(ground).account);
    let code = escape(code);
    let body = format!(
        "{complaint}<p>Enter the code that the application shows.</p>\n<form method=\"post\">\n\
         <input name=\"user_code\" value=\"{code}\" aria-label=\"code\" autocomplete=\"off\" autofocus required>\n\
         <p><button name=\"answer\" value=\"sign-in\">Sign in as {mail}</button>\n\
         <button name=\"answer\" value=\"refuse\">Refuse</button></p>\n</form>"
    );
    page(status, "Enter code", &body)
}

/// `POST /devicelogin`: the code (`user_code`) and what the person said (`answer`: `sign-in`, anything else refuses).
pub async fn answer(State(ground): State<Arc<Ground>>, parts: Parts, body: axum::body::Bytes) -> Response {
    let fields = Fields::of_body(&parts, &body);
    let typed = fields.code("user_code");
    let approved = fields.get("answer") == Some("sign-in");
    let state = if approved { Answer::Approved } else { Answer::Refused };
    let now = ground.clock.now();
    let done = ground.store.transaction(|tx| {
        let device_code: Option<String> = tx.get(USER_CODES, &typed);
        let found = device_code.and_then(|code| Some((tx.get::<Device>(DEVICES, &code)?, code)));
        let waiting = found.filter(|(device, _)| device.expires > now && device.state == Answer::Waiting);
        let Some((device, code)) = waiting else { return false };
        tx.put(DEVICES, &code, &Device { state, ..device });
        true
    });
    if !done {
        let complaint = "<p><strong>That code did not work.</strong> Check it and try again.</p>\n";
        return form(&ground, StatusCode::BAD_REQUEST, &typed, complaint);
    }
    let (title, text) = if approved {
        ("You are signed in", "The application goes on by itself. You may close this page.")
    } else {
        ("You refused", "The application gets nothing. You may close this page.")
    };
    page(StatusCode::OK, title, &format!("<p>{text}</p>"))
}
