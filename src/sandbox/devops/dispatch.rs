//! Finds the place that a path means, ignoring case as the service does, and says in stable words what a request is about.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::to_bytes;
use axum::extract::{Request as HttpRequest, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    Op, Place, endpoints, environments, extensions, git, identities, location, pipelines, places, policies,
    projects, queues, secure_files, stable_id, variable_groups,
};
use crate::sandbox::wire::{self, Call, Caller, Failure, Reply};
use crate::sandbox::{Ground, Request};

/// Bytes of the largest body that is read.
const LARGEST_BODY: usize = 16 << 20;

/// What all requests share.
#[derive(Clone)]
pub(super) struct Desk {
    ground: Arc<Ground>,
    answered: Arc<AtomicU32>,
}

impl Desk {
    pub(super) fn new(ground: Arc<Ground>) -> Self {
        Self { ground, answered: Arc::default() }
    }

    /// Now and then, in a world that throttles, an answer comes with the advice to slow down.
    fn advises(&self) -> bool {
        let every = self.ground.world.habits.throttle_every;
        every > 0 && self.answered.fetch_add(1, Ordering::Relaxed) % every == every / 2
    }
}

/// Answers any request to the practice Azure DevOps.
pub(super) async fn serve(State(desk): State<Desk>, request: HttpRequest) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
        return Reply::nothing().status(StatusCode::PAYLOAD_TOO_LARGE).into_response();
    };
    let reply = answer(&desk.ground, &parts, &bytes);
    let reply = if desk.advises() { reply.with("retry-after", "1") } else { reply };
    reply.into_response()
}

fn answer(ground: &Arc<Ground>, parts: &Parts, bytes: &[u8]) -> Reply {
    let segments = segments(parts.uri.path());
    let organization = &ground.world.organization.name;
    if segments == ["_apis", "profile", "profiles", "me"] {
        return profile(ground, parts);
    }
    if segments.first().is_none_or(|first| !first.eq_ignore_ascii_case(organization)) {
        return wire::no_controller(parts.uri.path());
    }
    let found = find(parts.method.as_str(), &segments[1..]);
    let anonymous = parts.method == Method::OPTIONS;
    let caller = match wire::sign_in(ground, &parts.method, &parts.headers) {
        Ok(caller) => Some(caller),
        Err(_) if anonymous => None,
        // Who is nobody yet is told which tenant to sign in to.
        Err(refused) => return refused.with("x-vss-resourcetenant", &stable_id(ground, "tenant")),
    };
    if anonymous {
        return location::options(&segments[1..]);
    }
    let Some((place, op, route)) = found else { return wire::no_controller(parts.uri.path()) };
    if matches!(caller, Some(Caller::Job(_))) && !location::open_to_jobs(place) {
        return Failure::denied(
            "TF400813: The job's access token is not authorized to access this resource.",
        )
        .into();
    }
    let lacks = |area: &String| area.eq_ignore_ascii_case(place.area);
    if ground.world.rights.scopes_missing.iter().any(lacks) {
        return wire::refused(&parts.method, &parts.headers);
    }
    if let Err(failure) = wire::check_version(parts, !place.released) {
        return failure.into();
    }
    let body = match parse_body(bytes) {
        Ok(body) => body,
        Err(failure) => return failure.into(),
    };
    let call = Call {
        ground: Arc::clone(ground),
        caller,
        method: parts.method.clone(),
        base: base(parts),
        route,
        query: wire::pairs(parts.uri.query().unwrap_or_default()),
        headers: parts.headers.clone(),
        body,
    };
    (op.handler)(&call).unwrap_or_else(Reply::from)
}

/// The profile of a token's owner. Live, `app.vssps.visualstudio.com` serves it, and only to tokens for all organisations.
fn profile(ground: &Arc<Ground>, parts: &Parts) -> Reply {
    match wire::sign_in(ground, &parts.method, &parts.headers) {
        Ok(Caller::Operator) if ground.world.rights.token_for_all => {
            let who = identities::operator(ground);
            Reply::json(json!({"id": who.id, "displayName": who.name, "coreRevision": 1, "revision": 1}))
        }
        _ => wire::refused(&parts.method, &parts.headers),
    }
}

fn parse_body(bytes: &[u8]) -> Result<Value, Failure> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes).map_err(|error| {
        Failure::new(
            400,
            "Microsoft.VisualStudio.Services.WebApi",
            "VssPropertyValidationException",
            format!("TF400898: The body of the request is not valid JSON: {error}"),
        )
    })
}

fn base(parts: &Parts) -> String {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let scheme =
        parts.headers.get("x-forwarded-proto").and_then(|scheme| scheme.to_str().ok()).unwrap_or("http");
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect()
}

type Route = BTreeMap<String, String>;

fn find(method: &str, path: &[String]) -> Option<(&'static Place, &'static Op, Route)> {
    let mut best: Option<(usize, &Place, &Op, Route)> = None;
    for place in places() {
        let Some(op) = place.methods.iter().find(|op| op.method == method) else { continue };
        let Some((literals, route)) = matches(place, path) else { continue };
        if best.as_ref().is_none_or(|(most, ..)| literals > *most) {
            best = Some((literals, place, op, route));
        }
    }
    best.map(|(_, place, op, route)| (place, op, route))
}

/// Matches a path with a template; parameters at its end may be missing. Answers how many segments were literal.
fn matches(place: &Place, path: &[String]) -> Option<(usize, Route)> {
    let mut route = Route::new();
    let mut literals = 0;
    let mut rest = path;
    for part in place.template.split('/').filter(|part| !part.is_empty()) {
        let literal = match part {
            "{area}" => place.area,
            "{resource}" => place.resource,
            _ => part,
        };
        if let Some(name) = literal.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            let Some((first, after)) = rest.split_first() else { continue };
            if let Some(name) = name.strip_prefix('*') {
                route.insert(name.to_ascii_lowercase(), rest.join("/"));
                rest = &[];
            } else {
                route.insert(name.to_ascii_lowercase(), first.clone());
                rest = after;
            }
        } else {
            let (first, after) = rest.split_first()?;
            if !first.eq_ignore_ascii_case(literal) {
                return None;
            }
            literals += 1;
            rest = after;
        }
    }
    rest.is_empty().then_some((literals, route))
}

/// Says in stable words what a request is about, for the witness.
pub fn classify(ground: &Ground, parts: &Parts, body: &[u8]) -> Request {
    let method = parts.method.to_string();
    let about =
        |object: String, writes| Request { service: "azure-devops", method: method.clone(), object, writes };
    let segments = segments(parts.uri.path());
    let found = segments.split_first().and_then(|(_, path)| find(parts.method.as_str(), path));
    let Some((_, op, mut route)) = found else {
        return about(parts.uri.path().to_owned(), false);
    };
    for (name, value) in wire::pairs(parts.uri.query().unwrap_or_default()) {
        route.entry(name.to_ascii_lowercase()).or_insert(value);
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    about(object(ground, op, &route, &body), op.writes)
}

fn object(ground: &Ground, op: &Op, route: &Route, body: &Value) -> String {
    let words = words(ground, op, route, body);
    if op.writes && op.object == "permission {resourceId}" {
        // Granting and withdrawing are the same request but for one word of the body.
        let grants = body.to_string().contains("\"authorized\":true");
        return format!("{} {words}", if grants { "grant" } else { "withdraw" });
    }
    words
}

fn words(ground: &Ground, op: &Op, route: &Route, body: &Value) -> String {
    if let Some(items) = body.as_array().filter(|_| op.object == "permission {resourceId}") {
        let name = |item: &Value| {
            let text = |field: &str| item["resource"][field].as_str().unwrap_or_default();
            resource_name(ground, text("type"), text("id")).unwrap_or_default()
        };
        let mut names: Vec<String> = items.iter().map(name).collect();
        names.sort();
        return format!("permission {}", names.join(", "));
    }
    let words: Vec<String> = op
        .object
        .split(' ')
        .filter_map(|word| {
            let Some(name) = word.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
                return Some(word.to_owned());
            };
            if let Some(field) = name.strip_prefix("body.") {
                let pointer = format!("/{}", field.replace('.', "/"));
                return body
                    .pointer(&pointer)
                    .map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
            }
            name_of(ground, &name.to_ascii_lowercase(), route)
        })
        .collect();
    words.join(" ")
}

/// The stable name of what a route parameter identifies.
fn name_of(ground: &Ground, parameter: &str, route: &Route) -> Option<String> {
    let value = route.get(parameter)?;
    let name = match parameter {
        "endpointid" | "serviceconnectionid" => endpoints::name_of(ground, value),
        "projectid" | "project" => projects::name_of(ground, value),
        "repositoryid" => git::name_of(ground, value),
        "pipelineid" | "definitionid" => pipelines::name_of(ground, value),
        "runid" | "buildid" => pipelines::name_of_run(ground, value),
        "queueid" => queues::name_of(ground, value),
        "environmentid" => environments::name_of(ground, value),
        "identityid" => identities::by_id(ground, value).map(|who| who.name),
        "configurationid" => policies::name_of(ground, value),
        "groupid" => variable_groups::name_of(ground, value),
        "securefileid" => secure_files::name_of(ground, value),
        "extensionname" => Some(extensions::full_name(route)),
        "securitynamespaceid" => identities::namespace_name(value),
        "resourceid" => {
            let kind = route.get("resourcetype").map(String::as_str).unwrap_or_default();
            return resource_name(ground, kind, value);
        }
        _ => None,
    };
    Some(name.unwrap_or_else(|| value.clone()))
}

fn resource_name(ground: &Ground, kind: &str, id: &str) -> Option<String> {
    let word = match kind.to_ascii_lowercase().as_str() {
        "endpoint" => "connection".to_owned(),
        "variablegroup" => "variable-group".to_owned(),
        "securefile" => "secure-file".to_owned(),
        other => other.to_owned(),
    };
    Some(format!("{word} {}", name_of_resource(ground, kind, id).unwrap_or_else(|| id.to_owned())))
}

/// The name of a protected resource, by its kind and id.
pub(super) fn name_of_resource(ground: &Ground, kind: &str, id: &str) -> Option<String> {
    match kind.to_ascii_lowercase().as_str() {
        "endpoint" => endpoints::name_of(ground, id),
        "queue" => queues::name_of(ground, id),
        "environment" => environments::name_of(ground, id),
        "variablegroup" => variable_groups::name_of(ground, id),
        "securefile" => secure_files::name_of(ground, id),
        "repository" => git::name_of(ground, id.rsplit('.').next().unwrap_or(id)),
        _ => None,
    }
}

/// The answer to a request over the limit.
pub(super) fn throttled(_ground: &Ground, _request: &Request) -> Response {
    wire::throttled().into_response()
}
