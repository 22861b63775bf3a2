//! The device authorization of Identity Center: its codes, and the page where a person allows or denies.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Refusal, oidc};
use crate::sandbox::Ground;
use crate::sandbox::devops::identities;
use crate::sandbox::web::{Answer, Fields, base, escape, page, secret, user_code};

/// Device codes, by device code.
pub const DEVICES: &str = "sso.device";
/// Device codes by user code, without its line.
const USER_CODES: &str = "sso.user-code";

/// Seconds that a person has to allow it.
const VALID_SECONDS: i64 = 600;

/// A device that waits for its person.
#[derive(Serialize, Deserialize)]
pub struct Device {
    /// The client's id.
    pub client: String,
    /// Until when, seconds since 1970.
    pub expires: i64,
    /// How often it was asked about.
    pub polls: u32,
    /// When it was last asked about, milliseconds since 1970.
    pub polled: Option<i64>,
    /// What its person said.
    pub state: Answer,
}

/// `POST /device_authorization`
pub async fn start(
    State(ground): State<Arc<Ground>>,
    parts: Parts,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let invalid = |why: &str| Refusal::oidc("InvalidRequestException", "invalid_request", why);
    let body: Value = serde_json::from_slice(&body).map_err(|_| invalid("The body is not JSON."))?;
    let (client, _) = oidc::client(&ground, &body)?;
    let start = oidc::text(&body, "startUrl")?.trim_end_matches(['/', '#']);
    if start != ground.world.sso.start_url {
        return Err(invalid("Invalid start url provided"));
    }
    let (device_code, code) = (secret("SSODEVICE"), user_code(8));
    let device = Device {
        client,
        expires: ground.clock.now() + VALID_SECONDS,
        polls: 0,
        polled: None,
        state: Answer::Waiting,
    };
    ground.store.transaction(|tx| {
        tx.put(DEVICES, &device_code, &device);
        tx.put(USER_CODES, &code, &device_code);
    });
    let shown = format!("{}-{}", &code[..4], &code[4..]);
    let address = format!("{}/device", base(&parts));
    Ok(Json(json!({
        "deviceCode": device_code,
        "userCode": shown,
        "verificationUri": address,
        "verificationUriComplete": format!("{address}?user_code={shown}"),
        "expiresIn": VALID_SECONDS,
        "interval": ground.world.sso.interval_seconds,
    })))
}

/// `GET /device`: asks for the code; `?user_code=` fills it in.
pub async fn ask(State(ground): State<Arc<Ground>>, parts: Parts) -> Response {
    let fields = Fields::of(parts.uri.query().unwrap_or_default());
    form(&ground, StatusCode::OK, fields.get("user_code").unwrap_or_default(), "")
}

fn form(ground: &Ground, status: StatusCode, code: &str, complaint: &str) -> Response {
    let mail = escape(&identities::operator(ground).account);
    let code = escape(code);
    let body = format!(
        "{complaint}<p>An application asks to reach your AWS accounts as {mail}. Compare the code with the one it \
         shows.</p>\n<form method=\"post\" action=\"/device\">\n\
         <input name=\"user_code\" value=\"{code}\" aria-label=\"code\" autocomplete=\"off\" autofocus required>\n\
         <p><button name=\"answer\" value=\"allow\">Allow access</button>\n\
         <button name=\"answer\" value=\"deny\">Deny access</button></p>\n</form>"
    );
    page(status, "Authorization requested", &body)
}

/// `POST /device`: the code (`user_code`) and what the person said (`answer`: `allow`, anything else denies).
pub async fn answer(State(ground): State<Arc<Ground>>, parts: Parts, body: Bytes) -> Response {
    let fields = Fields::of_body(&parts, &body);
    let typed = fields.code("user_code");
    let approved = fields.get("answer") == Some("allow");
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
        let complaint = "<p><strong>That code is not valid.</strong> Check it and try again.</p>\n";
        return form(&ground, StatusCode::BAD_REQUEST, &typed, complaint);
    }
    let (title, text) = if approved {
        ("Request approved", "The application goes on by itself. You may close this page.")
    } else {
        ("Request denied", "The application gets nothing. You may close this page.")
    };
    page(StatusCode::OK, title, &format!("<p>{text}</p>"))
}
