//! AWS of the practice cloud: STS, IAM, CloudTrail, KMS, S3, Systems Manager, DynamoDB and Amplify of all accounts at one address, told apart by what was signed.

pub mod amplify;
pub mod cloudtrail;
pub mod conditions;
pub mod credentials;
pub mod details;
pub mod dynamodb;
pub mod grant;
pub mod groups;
pub mod key_uses;
pub mod kms;
pub mod last_accessed;
pub mod object;
pub mod policies;
pub mod providers;
pub mod query;
pub mod records;
pub mod role_policies;
pub mod roles;
pub mod s3;
pub mod seed;
pub mod session;
pub mod session_events;
pub mod sign;
pub mod simulate;
pub mod ssm;
pub mod sts;
pub mod token;
pub mod trust;
pub mod user_policies;
pub mod users;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::habit::{self, LARGEST_BODY, Service};
use super::{Ground, Request};
use object::Object;
use query::{Answer, Api, Form, Refusal, respond};
use sign::Caller;

pub use seed::{operator_key_id, operator_secret, seed};

/// A signed call that is being handled.
pub struct Call<'a> {
    /// What the practice cloud stands on.
    pub ground: &'a Ground,
    /// The call's parameters.
    pub form: &'a Form,
    /// Who calls.
    pub caller: &'a Caller,
    /// The caller's account, which every IAM call is about.
    pub account: &'a str,
    /// The account's partition.
    pub partition: &'a str,
}

impl Call<'_> {
    /// Refuses the call unless the caller may do `action` on `resource`.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub fn authorise(&self, action: &str, resource: &str) -> Result<(), Refusal> {
        grant::authorise(self.ground, self.caller, self.partition, action, resource)
    }
}

/// What handles an action.
pub type Handler = fn(&Call<'_>) -> Answer;

/// STS and IAM of every account.
pub fn router(ground: Arc<Ground>) -> Router {
    // S3 is the one service with paths: in path style they begin with the bucket.
    let routes = Router::new().fallback(answer).with_state(Arc::clone(&ground));
    habit::layer(routes, ground, Service { classify, throttled })
}

/// The partition of an account: `aws` unless the world says otherwise.
pub fn partition_of<'a>(ground: &'a Ground, account: &str) -> &'a str {
    let known = ground.world.accounts.iter().find(|known| known.id == account);
    known.map_or("aws", |account| account.partition.as_str())
}

async fn answer(State(ground): State<Arc<Ground>>, request: HttpRequest) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if let Some(operation) = cloudtrail::operation(&parts.headers) {
        return cloudtrail::answer(&ground, operation, &parts, &body);
    }
    if let Some(operation) = kms::operation(&parts.headers) {
        return kms::answer(&ground, operation, &parts, &body);
    }
    if let Some(operation) = ssm::operation(&parts.headers) {
        return ssm::answer(&ground, operation, &parts, &body);
    }
    if let Some(operation) = dynamodb::operation(&parts.headers) {
        return dynamodb::answer(&ground, operation, &parts, &body);
    }
    if s3::is_meant(&parts) {
        return s3::answer(&ground, &parts, &body);
    }
    if amplify::is_meant(&parts) {
        return amplify::answer(&ground, &parts, &body);
    }
    if parts.uri.path() != "/" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let form = Form::parse(parts.uri.query(), &body);
    let action = form.get("Action").unwrap_or_default();
    let version = form.get("Version").unwrap_or_default();
    let Some(api) = api_of(version) else {
        let message = format!("Could not find operation {action} for version {version}");
        return respond(Api::Sts, action, Err(Refusal::new(400, "InvalidAction", message)));
    };
    respond(api, action, handle(&ground, api, action, &form, &parts, &body))
}

fn handle(ground: &Ground, api: Api, action: &str, form: &Form, parts: &Parts, body: &[u8]) -> Answer {
    if api == Api::Sts && action == "AssumeRoleWithWebIdentity" {
        return sts::assume_role_with_web_identity(ground, form);
    }
    let handler = match api {
        Api::Sts => sts::handler(action),
        Api::Iam => roles::handler(action)
            .or_else(|| role_policies::handler(action))
            .or_else(|| providers::handler(action))
            .or_else(|| users::handler(action))
            .or_else(|| user_policies::handler(action))
            .or_else(|| credentials::handler(action))
            .or_else(|| groups::handler(action))
            .or_else(|| policies::handler(action))
            .or_else(|| details::handler(action))
            .or_else(|| simulate::handler(action))
            .or_else(|| last_accessed::handler(action)),
    };
    let caller = sign::caller(ground, api.name(), parts, body)?;
    let Some(handler) = handler else {
        let version = form.get("Version").unwrap_or_default();
        let message = format!("Could not find operation {action} for version {version}");
        return Err(Refusal::new(400, "InvalidAction", message));
    };
    let account = caller.account();
    let partition = partition_of(ground, account);
    let call = Call { ground, form, caller: &caller, account, partition };
    if api == Api::Iam {
        let resource = Object::of(ground, action, form, account).arn(ground, partition, form);
        call.authorise(&format!("iam:{action}"), &resource)?;
    }
    let answer = handler(&call);
    match (api, &caller) {
        (Api::Sts, Caller::User(user)) => {
            cloudtrail::record_key(ground, user, action, parts, answer.as_ref().err());
        }
        (Api::Iam, Caller::User(_)) => {}
        (_, Caller::Session(session, role)) => {
            let called = (api.name(), action);
            session_events::record(ground, (session, role), called, parts, answer.as_ref().err());
        }
    }
    answer
}

fn api_of(version: &str) -> Option<Api> {
    match version {
        "2011-06-15" => Some(Api::Sts),
        "2010-05-08" => Some(Api::Iam),
        _ => None,
    }
}

fn classify(ground: &Ground, parts: &Parts, body: &[u8]) -> Request {
    let account = sign::key_id(&parts.headers).and_then(|id| account_of_key(ground, id)).unwrap_or_default();
    if let Some(operation) = cloudtrail::operation(&parts.headers) {
        return Request {
            service: cloudtrail::SERVICE,
            method: operation.to_owned(),
            object: Object::Account(account).name(),
            writes: false,
        };
    }
    if let Some(operation) = kms::operation(&parts.headers) {
        return kms::classify(operation, account);
    }
    if let Some(operation) = ssm::operation(&parts.headers) {
        return ssm::classify(operation, account);
    }
    if let Some(operation) = dynamodb::operation(&parts.headers) {
        return dynamodb::classify(operation, account);
    }
    if s3::is_meant(parts) {
        return s3::classify(parts, account);
    }
    if amplify::is_meant(parts) {
        return amplify::classify(parts, account);
    }
    let form = Form::parse(parts.uri.query(), body);
    let action = form.get("Action").unwrap_or_default();
    let api = form.get("Version").and_then(api_of).unwrap_or(Api::Sts);
    let reads = ["Get", "List", "Simulate", "Generate"].iter().any(|verb| action.starts_with(verb));
    Request {
        service: api.name(),
        method: action.to_owned(),
        object: Object::of(ground, action, &form, &account).name(),
        writes: api == Api::Iam && !reads,
    }
}

/// The account that an access key belongs to.
fn account_of_key(ground: &Ground, id: &str) -> Option<String> {
    let stored = ground.store.get::<records::AccessKey>(records::ACCESS_KEYS, id);
    stored.map(|key| key.account).or_else(|| records::account_in_key_id(id))
}

fn throttled(_ground: &Ground, request: &Request) -> Response {
    if request.service == cloudtrail::SERVICE {
        return cloudtrail::respond(Err(Refusal::new(400, "ThrottlingException", "Rate exceeded")));
    }
    if [kms::SERVICE, ssm::SERVICE, dynamodb::SERVICE].contains(&request.service) {
        return cloudtrail::respond(Err(Refusal::new(400, "ThrottlingException", "Rate exceeded")));
    }
    if request.service == s3::SERVICE {
        return s3::respond(Err(Refusal::new(503, "SlowDown", "Please reduce your request rate.")));
    }
    if request.service == amplify::SERVICE {
        return amplify::respond(Err(Refusal::new(429, "TooManyRequestsException", "Too Many Requests")));
    }
    let api = if request.service == "iam" { Api::Iam } else { Api::Sts };
    respond(api, &request.method, Err(Refusal::new(400, "Throttling", "Rate exceeded")))
}

#[cfg(test)]
mod tests;
