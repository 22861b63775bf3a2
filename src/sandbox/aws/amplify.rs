//! Amplify of the practice cloud: which apps there are. REST with JSON; an error's code stands in a header.

use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::object::Object;
use super::query::Refusal;
use super::{grant, kms, partition_of, sign};
use crate::sandbox::{Ground, Request};

/// The service's name in signatures and in the actions of policies.
pub const SERVICE: &str = "amplify";

/// Whether a request is for Amplify.
pub fn is_meant(parts: &Parts) -> bool {
    sign::service(&parts.headers) == Some(SERVICE)
}

/// The app that `GET /apps/ID` asks for.
fn app(parts: &Parts) -> Option<&str> {
    let id = parts.uri.path().strip_prefix("/apps/").filter(|_| parts.method == Method::GET)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// What a request is about.
pub fn classify(parts: &Parts, account: String) -> Request {
    let method = app(parts).map_or("unknown", |_| "GetApp");
    Request {
        service: SERVICE,
        method: method.to_owned(),
        object: Object::Account(account).name(),
        writes: false,
    }
}

/// Answers a request.
pub fn answer(ground: &Ground, parts: &Parts, body: &[u8]) -> Response {
    respond(handle(ground, parts, body).map_err(kms::in_kms_words))
}

/// A refusal or an answer.
pub fn respond(answer: Result<Value, Refusal>) -> Response {
    let id = [("x-amzn-requestid", Uuid::new_v4().to_string())];
    let kind = [(header::CONTENT_TYPE, "application/json")];
    match answer {
        Ok(body) => (StatusCode::OK, kind, id, body.to_string()).into_response(),
        Err(Refusal { status, code, message }) => {
            let code = if code == "AccessDenied" { "AccessDeniedException" } else { code };
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            let body = json!({ "message": message }).to_string();
            (status, kind, id, [("x-amzn-errortype", code)], body).into_response()
        }
    }
}

fn handle(ground: &Ground, parts: &Parts, body: &[u8]) -> Result<Value, Refusal> {
    let caller = sign::caller(ground, SERVICE, parts, body)?;
    let account = caller.account();
    let partition = partition_of(ground, account);
    let region = sign::region(&parts.headers).unwrap_or_default();
    let Some(id) = app(parts) else {
        return Err(Refusal::new(404, "NotFoundException", "no such operation"));
    };
    let arn = format!("arn:{partition}:amplify:{region}:{account}:apps/{id}");
    grant::authorise(ground, &caller, partition, "amplify:GetApp", &arn)?;
    let known = ground.world.accounts.iter().find(|known| known.id == account);
    let found = known.and_then(|known| known.apps.iter().find(|one| one.id == id && one.region == region));
    let found =
        found.ok_or_else(|| Refusal::new(404, "NotFoundException", format!("App {id} not found.")))?;
    Ok(json!({ "app": { "appId": found.id, "appArn": arn, "name": found.id, "platform": "WEB" } }))
}
