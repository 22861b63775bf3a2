//! Habits of the Azure DevOps wire: sign-in, api-versions, error bodies, lists, paging, links.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::world::TokenRefusal;
use super::{Ground, entra, practice_token};

/// Newest api-version of this service.
const NEWEST: f64 = 7.2;

/// A path segment in a link: Azure DevOps escapes spaces, and what would end the segment.
const SEGMENT: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'/').add(b'?').add(b'<').add(b'>');

const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The person with the practice token, or with an access token of the organisation's tenant.
    Operator,
    /// A running job, by its id.
    Job(String),
}

/// One request, taken apart once. Names of route and query parameters are in small letters.
pub struct Call {
    /// The practice cloud.
    pub ground: Arc<Ground>,
    /// Who sent it; none on routes that need no sign-in.
    pub caller: Option<Caller>,
    /// The HTTP method.
    pub method: Method,
    /// Where the client thinks this service is (`http://127.0.0.1:PORT`, no trailing slash): links begin with it.
    pub base: String,
    /// Route parameters, percent-decoded.
    pub route: BTreeMap<String, String>,
    /// Query parameters, percent-decoded.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: HeaderMap,
    /// The JSON body; null when there was none.
    pub body: Value,
}

impl Call {
    /// A route parameter, if the path had it.
    pub fn route(&self, name: &str) -> Option<&str> {
        self.route.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// A query parameter that is present and not empty.
    pub fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Whether a query parameter says true.
    pub fn flag(&self, name: &str) -> bool {
        self.query(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The parts of a comma list in the query; none when it is absent.
    pub fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.query(name).map(|text| text.split(',').map(str::trim).collect())
    }

    /// A link into the organisation: `path` comes without a leading slash and is already escaped.
    pub fn link(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.base, segment(&self.ground.world.organization.name))
    }

    /// Whether the world takes this right away from the operator.
    pub fn denied(&self, right: &str) -> bool {
        self.ground.world.rights.devops_denied.iter().any(|denied| denied == right)
    }

    /// The time as Azure DevOps writes it.
    pub fn now(&self) -> String {
        stamp(self.ground.clock.now_millis())
    }

    /// One page of `items` by `$top` and `continuationToken` (the token is the number of the next item).
    pub fn page(&self, items: Vec<Value>, most: usize) -> Reply {
        let top = self.query("$top").and_then(|text| text.parse().ok()).unwrap_or(most);
        let from: usize = self.query("continuationToken").and_then(|text| text.parse().ok()).unwrap_or(0);
        let next = from.saturating_add(top);
        let more = next < items.len() && top > 0;
        let reply = Reply::list(items.into_iter().skip(from).take(top).collect());
        if more { reply.with("x-ms-continuationtoken", &next.to_string()) } else { reply }
    }
}

/// Escapes a name for use as one path segment of a link.
pub fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// `2026-11-21T20:12:31.5470000Z`.
pub fn stamp(millis: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .format(STAMP)
        .unwrap_or_default()
}

/// An answer before it is HTTP.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Content,
}

#[derive(Debug)]
enum Content {
    Nothing,
    Json(Value),
    Text(&'static str, String),
}

impl Reply {
    /// 200 with a JSON value.
    pub fn json(value: Value) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Content::Json(value) }
    }

    /// 200 with `{count, value}`.
    pub fn list(items: Vec<Value>) -> Self {
        Self::json(json!({"count": items.len(), "value": items}))
    }

    /// 200 with plain text.
    pub fn text(text: String) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Content::Text("text/plain", text) }
    }

    /// 204 without a body.
    pub fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: Content::Nothing }
    }

    /// The same with another status.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with one more header.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// As HTTP.
    pub fn into_response(self) -> Response {
        let (kind, bytes) = match self.body {
            Content::Nothing => (None, Vec::new()),
            Content::Json(value) => {
                (Some("application/json; charset=utf-8; api-version=7.1"), value.to_string().into_bytes())
            }
            Content::Text(kind, text) => (Some(kind), text.into_bytes()),
        };
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = self.status;
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// A refusal with Azure DevOps' error body.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    namespace: &'static str,
    key: &'static str,
    message: String,
}

impl Failure {
    /// `key` is the exception's class, `namespace` where it lives: `Microsoft.TeamFoundation.Core.WebApi`.
    pub fn new(status: u16, namespace: &'static str, key: &'static str, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, namespace, key, message: message.into() }
    }

    /// What it says.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// 400 `ArgumentException`.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(400, "System", "ArgumentException", message)
    }

    /// 400 `ArgumentNullException` of a missing value.
    pub fn missing(parameter: &str) -> Self {
        Self::new(
            400,
            "System",
            "ArgumentNullException",
            format!("Value cannot be null.\r\nParameter name: {parameter}"),
        )
    }

    /// 403 `AccessDeniedException`.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(403, "Microsoft.TeamFoundation.Framework.Server", "AccessDeniedException", message)
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        let body = json!({
            "$id": "1",
            "innerException": null,
            "message": failure.message,
            "typeName": format!("{}.{}, {}", failure.namespace, failure.key, failure.namespace),
            "typeKey": failure.key,
            "errorCode": 0,
            "eventId": 3000,
        });
        Reply::json(body).status(failure.status)
    }
}

/// 404 of a path that no controller serves: plain text.
pub fn no_controller(path: &str) -> Reply {
    let text = format!("The controller for path '{path}' was not found or does not implement IController.");
    Reply::text(text).status(StatusCode::NOT_FOUND)
}

/// 429 as the rate limiter says it.
pub fn throttled() -> Reply {
    let failure = Failure::new(
        429,
        "Microsoft.TeamFoundation.Framework.Server",
        "RequestBlockedException",
        "TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource 'TSTU' in \
         namespace ''.",
    );
    Reply::from(failure).with("retry-after", "1").with("x-ratelimit-resource", "TSTU")
}

/// Who sent the request; an error is the answer to a credential that does not work here.
///
/// # Errors
/// The whole answer: 401 without a body where the client asked for it, a sign-in page otherwise.
pub fn sign_in(ground: &Ground, method: &Method, headers: &HeaderMap) -> Result<Caller, Reply> {
    let secret = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(secret_of);
    if let Some(secret) = secret {
        if let Some(refusal) = ground.world.rights.token {
            return Err(no_longer(refusal, method, headers));
        }
        if secret == practice_token() {
            return Ok(Caller::Operator);
        }
        if let Some(job) = ground.store.get::<String>("job-token", &secret) {
            return Ok(Caller::Job(job));
        }
        if entra::accepts(ground, &secret) {
            return Ok(Caller::Operator);
        }
    }
    Err(refused(method, headers))
}

/// The answer to a token that once worked.
fn no_longer(refusal: TokenRefusal, method: &Method, headers: &HeaderMap) -> Reply {
    match refusal {
        TokenRefusal::Unknown => refused(method, headers),
        TokenRefusal::Expired => refused(method, headers).with(
            "x-tfs-serviceerror",
            "Access%20Denied%3A%20The%20Personal%20Access%20Token%20used%20has%20expired.",
        ),
        TokenRefusal::ConditionalAccess => Failure::new(
            403,
            "Microsoft.VisualStudio.Services.Common",
            "VssServiceException",
            "VS403463: The conditional access policy defined by your Azure Active Directory administrator has failed.",
        )
        .into(),
    }
}

fn secret_of(authorization: &str) -> Option<String> {
    let (scheme, rest) = authorization.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    let decoded = STANDARD.decode(rest.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

/// The answer to a credential that does not work, or not for this.
pub fn refused(method: &Method, headers: &HeaderMap) -> Reply {
    let suppress = headers
        .get("x-tfs-fedauthredirect")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.eq_ignore_ascii_case("suppress"));
    let realm = "Basic realm=\"https://tfsprodweu1.visualstudio.com/\"";
    if suppress {
        let empty = Reply::nothing().status(StatusCode::UNAUTHORIZED);
        return empty.with("www-authenticate", "Bearer").with("www-authenticate", realm);
    }
    if method == Method::GET || method == Method::POST {
        let page = "<!DOCTYPE html>\r\n<html lang=\"en-US\">\r\n<head><title>\r\n\r\n\tAzure DevOps Services | Sign In\r\n\r\n\
                    </title></head>\r\n<body></body>\r\n</html>\r\n";
        let status = StatusCode::NON_AUTHORITATIVE_INFORMATION;
        return Reply {
            status,
            headers: Vec::new(),
            body: Content::Text("text/html; charset=utf-8", page.to_owned()),
        };
    }
    Reply::from(Failure::new(
        401,
        "Microsoft.TeamFoundation.Framework.Server",
        "UnauthorizedRequestException",
        "TF400813: The user 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa' is not authorized to access this resource.",
    ))
    .with("www-authenticate", realm)
}

/// The query as pairs, percent-decoded (`+` is a space).
pub fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Checks the api-version of a request, from the query or the `Accept` header.
///
/// # Errors
/// A write without a version; a version that does not exist; a preview resource asked for without `-preview`.
pub fn check_version(parts: &Parts, preview_only: bool) -> Result<(), Failure> {
    let Some(version) = requested_version(parts) else {
        if parts.method == Method::GET {
            return Ok(());
        }
        return Err(Failure::new(
            400,
            "Microsoft.VisualStudio.Services.WebApi",
            "VssVersionNotSpecifiedException",
            format!(
                "No api-version was supplied for the \"{}\" request. The version must be supplied either as part of \
                 the Accept header (e.g. \"application/json; api-version=1.0\") or as a query parameter (e.g. \
                 \"?api-version=1.0\").",
                parts.method
            ),
        ));
    };
    let (number, preview) = version.split_once('-').unwrap_or((version.as_str(), ""));
    let known = number.parse::<f64>().is_ok_and(|number| (1.0..=NEWEST).contains(&number));
    if !known {
        return Err(Failure::new(
            400,
            "Microsoft.VisualStudio.Services.WebApi",
            "VssVersionOutOfRangeException",
            format!(
                "The requested REST API version of {version} is out of range for this server. The latest REST API version this server supports is {NEWEST}."
            ),
        ));
    }
    if (preview_only || number.parse() == Ok(NEWEST)) && !preview.starts_with("preview") {
        return Err(Failure::new(
            400,
            "Microsoft.VisualStudio.Services.WebApi",
            "VssInvalidPreviewVersionException",
            format!(
                "The requested version \"{number}\" of the resource is under preview. The -preview flag must be \
                 supplied in the api-version for such requests. For example: \"{number}-preview\""
            ),
        ));
    }
    Ok(())
}

fn requested_version(parts: &Parts) -> Option<String> {
    let query = pairs(parts.uri.query().unwrap_or_default());
    if let Some((_, version)) = query.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("api-version")) {
        return Some(version);
    }
    let accept = parts.headers.get(header::ACCEPT)?.to_str().ok()?;
    let part = accept.split([';', ',']).map(str::trim).find_map(|part| part.strip_prefix("api-version="))?;
    Some(part.to_owned())
}

/// Whether the client would rather have JSON than text.
pub fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.to_ascii_lowercase().contains("application/json"))
}
