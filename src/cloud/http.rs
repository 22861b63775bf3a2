//! HTTP for Azure DevOps and the issuer: one pooled client, bounded, patient with throttling; reads are repeated, writes are not.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::{Host, Url};

use crate::cloud::trace::{self, Called, Exchange, Shows, TraceSink};
use crate::domain::failure::{Code, Failure, Result};

/// Requests in flight to one service, unless it is said otherwise.
pub const CONCURRENCY: usize = 16;
/// Bytes of an answer that are read, unless it is said otherwise. Only logs come near.
pub const LONGEST_ANSWER: usize = 64 << 20;
/// How often a request is sent at most.
const ATTEMPTS: u32 = 5;
/// Longest pause a service may ask for; asking for more fails as throttled.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A route of a service: how it is called and what a trace may show of it.
#[derive(Debug)]
pub struct Route {
    /// The HTTP method.
    pub method: &'static str,
    /// The path with placeholders, as Microsoft documents it.
    pub template: &'static str,
    /// The `api-version`; empty for services without one.
    pub version: &'static str,
    /// Whether it changes nothing, so that it may be repeated.
    pub reads: bool,
    /// What a trace may show.
    pub shows: Shows,
}

/// One request of a route.
#[derive(Debug)]
pub struct Request<'a> {
    /// The route.
    pub route: &'static Route,
    /// The address with its query.
    pub url: Url,
    /// The `Authorization` header; none for anonymous requests.
    pub authorization: Option<&'a HeaderValue>,
    /// The body.
    pub body: Option<Body>,
}

/// The body of a request.
#[derive(Debug)]
pub enum Body {
    /// JSON.
    Json(Value),
    /// An HTML form, as OAuth wants it. Its values may be secrets.
    Form(Vec<(&'static str, SecretString)>),
}

impl Body {
    /// What a trace sees of it, before redaction. Of a form only what may be shown is ever copied: the rest are secrets.
    fn traced(&self, shows: &Shows) -> Value {
        match self {
            Self::Json(value) => value.clone(),
            Self::Form(fields) => {
                let member = |(name, value): &(&'static str, SecretString)| {
                    let shown = shows.request.contains(name).then(|| value.expose_secret().to_owned());
                    ((*name).to_owned(), Value::String(shown.unwrap_or_default()))
                };
                Value::Object(fields.iter().map(member).collect::<Map<String, Value>>())
            }
        }
    }
}

/// What a service answered.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, without a byte order mark.
    pub text: String,
    /// The body where it is JSON.
    pub json: Option<Value>,
    /// Whether the body is longer than is read; what is here is its beginning.
    pub cut: bool,
}

impl std::fmt::Debug for Answer {
    /// Without the body: it may hold tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Answer {
    /// A header as text; empty when it is absent or not ASCII.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The id Azure DevOps gave the request, for its support; empty: none.
    pub fn request_id(&self) -> &str {
        let ids = [self.header("x-vss-e2eid"), self.header("activityid")];
        ids.into_iter().find(|id| !id.is_empty()).unwrap_or_default()
    }
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    /// No connection: the request was never sent.
    Connect,
    /// The connection was lost, or the answer did not come in time.
    Lost,
}

/// How one attempt ended, as far as repeating it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Answered { status: u16, retry_after: Option<Duration> },
    Broken(Broken),
}

/// How long to wait before the next attempt; none: there is no next one.
///
/// A write is repeated only where it surely was not executed: never sent, or refused by throttling.
fn pause(reads: bool, attempt: u32, ended: Attempt) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    let growing = Duration::from_millis(250 * 2_u64.pow(attempt.saturating_sub(1)));
    let wanted = match ended {
        Attempt::Answered { status: 429, retry_after } => Some(retry_after.unwrap_or(growing)),
        Attempt::Answered { status: 500 | 502 | 503 | 504, retry_after } if reads => {
            Some(retry_after.unwrap_or(growing))
        }
        Attempt::Broken(Broken::Connect) => Some(growing),
        Attempt::Broken(Broken::Lost) if reads => Some(growing),
        Attempt::Answered { .. } | Attempt::Broken(_) => None,
    };
    wanted.filter(|wanted| *wanted <= LONGEST_PAUSE)
}

/// The client. Cloning is cheap.
#[derive(Clone)]
pub struct Http {
    inner: Arc<Inner>,
}

struct Inner {
    /// For the live services; made when first used.
    remote: OnceLock<reqwest::Client>,
    /// For loopback, which no proxy can reach.
    local: OnceLock<reqwest::Client>,
    permits: Semaphore,
    trace: Option<Arc<dyn TraceSink>>,
    /// Bytes of an answer that are read.
    longest: usize,
    /// Nothing is sent before: the service asked for a pause.
    not_before: Mutex<Option<Instant>>,
}

impl Http {
    /// A client that keeps at most `concurrency` requests in flight (at least one).
    pub fn new(concurrency: usize, trace: Option<Arc<dyn TraceSink>>) -> Self {
        Self::with_longest(concurrency, trace, LONGEST_ANSWER)
    }

    /// The same, with another bound on what is read of an answer, in bytes.
    pub fn with_longest(concurrency: usize, trace: Option<Arc<dyn TraceSink>>, longest: usize) -> Self {
        let inner = Inner {
            remote: OnceLock::new(),
            local: OnceLock::new(),
            permits: Semaphore::new(concurrency.max(1)),
            trace,
            longest,
            not_before: Mutex::new(None),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Sends a request, with its repetitions. Any status is an answer.
    ///
    /// # Errors
    /// `unreachable` with the cause when there was no answer.
    pub async fn send(&self, request: &Request<'_>, unreachable: Code) -> Result<Answer> {
        let mut attempt = 1;
        loop {
            self.wait_for_turn().await;
            let result = self.exchange(request).await;
            let ended = match &result {
                Ok(answer) => {
                    let retry_after = retry_after(&answer.headers);
                    self.heed(retry_after);
                    Attempt::Answered { status: answer.status, retry_after }
                }
                Err((broken, _)) => Attempt::Broken(*broken),
            };
            let Some(pause) = pause(request.route.reads, attempt, ended) else {
                return result.map_err(|(_, cause)| {
                    Failure::new(unreachable)
                        .with("attempted", attempted(request.route))
                        .with("address", request.url.origin().ascii_serialization())
                        .with("attempts", attempt)
                        .with("cause", cause)
                });
            };
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// Waits out the pause the service asked for last.
    async fn wait_for_turn(&self) {
        let until = *self.inner.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    /// A pause that came with an answer holds for every later request, also when the answer was a success.
    fn heed(&self, retry_after: Option<Duration>) {
        let Some(after) = retry_after else { return };
        let until = Instant::now() + after.min(LONGEST_PAUSE);
        let mut not_before = self.inner.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = Some(not_before.map_or(until, |earlier| earlier.max(until)));
    }

    async fn exchange(&self, request: &Request<'_>) -> std::result::Result<Answer, (Broken, String)> {
        // The semaphore is never closed; without a permit there is just no bound.
        let _permit = self.inner.permits.acquire().await.ok();
        let result = self.once(request).await;
        if let Some(sink) = &self.inner.trace {
            let answer = result.as_ref().ok();
            let shows = &request.route.shows;
            // Nobody wants it: no copy of it is made.
            let body = request.body.as_ref().filter(|_| sink.wants_lines()).map(|body| body.traced(shows));
            let exchange = Exchange {
                method: request.route.method,
                url: &request.url,
                request: body.as_ref(),
                status: answer.map_or(0, |answer| answer.status),
                response: answer.and_then(|answer| answer.json.as_ref()),
                request_id: answer.map_or("", Answer::request_id),
            };
            if sink.wants_lines() {
                sink.line(&trace::line(&exchange, shows));
            }
            let Exchange { method, url, status, request_id, .. } = exchange;
            sink.called(Called::rest(method, url, status, request_id));
        }
        result
    }

    async fn once(&self, request: &Request<'_>) -> std::result::Result<Answer, (Broken, String)> {
        let client = self.client(&request.url).map_err(|error| (Broken::Connect, causes(&error)))?;
        let method = request.route.method.parse().unwrap_or(reqwest::Method::GET);
        let mut builder = client.request(method, request.url.clone());
        if let Some(authorization) = request.authorization {
            builder = builder.header(reqwest::header::AUTHORIZATION, authorization);
        }
        builder = match &request.body {
            Some(Body::Json(body)) => builder.json(body),
            Some(Body::Form(fields)) => {
                let fields: Vec<(&str, &str)> =
                    fields.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
                builder.form(&fields)
            }
            None => builder,
        };
        let broken = |error: reqwest::Error| {
            let kind = if error.is_connect() || error.is_builder() { Broken::Connect } else { Broken::Lost };
            (kind, causes(&error.without_url()))
        };
        let mut response = builder.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        let mut cut = false;
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            let room = self.inner.longest - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            cut = chunk.len() > room;
            if cut {
                break;
            }
        }
        let text = String::from_utf8(body)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let json = (!cut && is_json(&headers)).then(|| serde_json::from_str(&text).ok()).flatten();
        Ok(Answer { status, headers, text, json, cut })
    }

    fn client(&self, url: &Url) -> reqwest::Result<&reqwest::Client> {
        let local = is_loopback(url);
        let cell = if local { &self.inner.local } else { &self.inner.remote };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let made = client(local)?;
        Ok(cell.get_or_init(|| made))
    }
}

/// A client that follows no redirect: credentials stay with the address they are meant for.
fn client(local: bool) -> reqwest::Result<reqwest::Client> {
    let mut headers = HeaderMap::new();
    headers.insert("X-TFS-FedAuthRedirect", HeaderValue::from_static("Suppress"));
    headers.insert("X-VSS-ForceMsaPassThrough", HeaderValue::from_static("true"));
    headers.insert(reqwest::header::ACCEPT, HeaderValue::from_static("application/json"));
    let builder = reqwest::Client::builder()
        .user_agent(concat!("keyless/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .tcp_nodelay(true);
    if local { builder.no_proxy().build() } else { builder.build() }
}

/// Whether an address is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.ends_with("/json") || kind.ends_with("+json")
}

/// `Retry-After` in seconds, as Azure DevOps sends it. Zero means nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds: f64 = text.parse().ok()?;
    (seconds > 0.0 && seconds.is_finite()).then(|| Duration::from_secs_f64(seconds))
}

/// The route as evidence names it.
pub fn attempted(route: &Route) -> String {
    format!("{} {}", route.method, route.template)
}

/// An error with everything that caused it.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn answered(status: u16, seconds: Option<u64>) -> Attempt {
        Attempt::Answered { status, retry_after: seconds.map(Duration::from_secs) }
    }

    #[test]
    fn reads_are_repeated_with_growing_pauses() {
        let pauses: Vec<u128> = (1..=ATTEMPTS)
            .filter_map(|attempt| pause(true, attempt, answered(502, None)))
            .map(|pause| pause.as_millis())
            .collect();
        assert_eq!(pauses, [250, 500, 1000, 2000]);
        assert!(pause(true, 1, Attempt::Broken(Broken::Lost)).is_some());
    }

    #[test]
    fn writes_are_repeated_only_when_surely_not_executed() {
        for (ended, repeated) in [
            (answered(429, None), true),
            (answered(429, Some(3)), true),
            (answered(503, Some(3)), false),
            (answered(503, None), false),
            (answered(500, Some(3)), false),
            (answered(200, Some(3)), false),
            (Attempt::Broken(Broken::Connect), true),
            (Attempt::Broken(Broken::Lost), false),
        ] {
            assert_eq!(pause(false, 1, ended).is_some(), repeated, "{ended:?}");
        }
    }

    #[test]
    fn what_will_not_change_is_not_repeated() {
        for status in [200, 203, 302, 400, 401, 403, 404, 409] {
            assert_eq!(pause(true, 1, answered(status, None)), None, "{status}");
        }
        assert_eq!(pause(true, 1, answered(429, Some(3600))), None);
        assert_eq!(pause(true, 1, answered(429, Some(7))), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_trace_gets_no_copy_of_what_it_may_not_show() {
        let shows = Shows { query: &[], request: &["grant_type"], response: &[] };
        let form = Body::Form(vec![
            ("grant_type", "refresh_token".to_owned().into()),
            ("refresh_token", "hush".to_owned().into()),
        ]);
        let traced = form.traced(&shows);
        assert_eq!(traced["grant_type"], "refresh_token");
        assert_eq!(traced["refresh_token"], "");
        assert!(!traced.to_string().contains("hush"), "{traced}");
    }

    #[test]
    fn json_is_told_by_its_content_type() {
        for (kind, json) in [
            ("application/json; charset=utf-8; api-version=7.1", true),
            ("application/problem+json", true),
            ("text/html; charset=utf-8", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            assert_eq!(is_json(&headers), json, "{kind}");
        }
    }

    #[test]
    fn only_loopback_is_local() {
        for (url, local) in [
            ("http://127.0.0.1:1/", true),
            ("http://[::1]:1/", true),
            ("http://localhost/", true),
            ("https://dev.azure.com/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), local, "{url}");
        }
    }
}
