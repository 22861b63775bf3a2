//! The Azure DevOps client: one file per API area, domain types out. Every method that changes something takes a pen.

pub mod approvals;
pub mod branch_policies;
mod branches;
pub mod builds;
mod check_settings;
pub mod checks;
pub mod deeds;
pub mod definitions;
pub mod endpoints;
pub mod environments;
pub mod extensions;
pub mod git;
pub mod history;
pub mod identities;
pub mod limits;
pub mod location;
pub mod permissions;
pub mod pipelines;
pub mod policies;
pub mod projects;
pub mod pull_requests;
pub mod queues;
mod refusal;
pub mod rights;
mod routes;
mod runs;
pub mod secure_files;
pub mod security;
pub mod security_roles;
pub mod teams;
pub mod variable_groups;
pub mod variables;

use std::sync::Arc;

use base64::Engine;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::cloud::Ends;
use crate::cloud::http::{Answer, Body, Http, Request, Route, attempted};
use crate::cloud::memo::Memo;
use crate::cloud::signin::session::TokenSession;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::OrganizationName;

/// What proves to Azure DevOps who is asking.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A personal access token.
    Pat(SecretString),
    /// A token of Entra, or a pipeline's `System.AccessToken`.
    Bearer(SecretString),
    /// A sign-in that gets a new token before the old one ends.
    Session(TokenSession),
}

impl Credential {
    /// A token as a person pastes it: three parts with dots are a bearer token, anything else a personal access token.
    pub fn typed(token: SecretString) -> Self {
        let is_bearer = token.expose_secret().trim().split('.').count() == 3;
        if is_bearer { Self::Bearer(token) } else { Self::Pat(token) }
    }

    fn authorization(&self) -> Result<Authorization> {
        let header = match self {
            Self::Pat(token) => {
                let pair = format!(":{}", token.expose_secret().trim());
                header(&format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
            }
            Self::Bearer(token) => bearer(token),
            Self::Session(session) => return Ok(Authorization::Session(session.clone())),
        };
        Ok(Authorization::Fixed(header?))
    }
}

/// What goes into the `Authorization` header of a request.
enum Authorization {
    Fixed(HeaderValue),
    Session(TokenSession),
}

impl Authorization {
    /// The header of the next request.
    async fn header(&self) -> Result<HeaderValue> {
        match self {
            Self::Fixed(header) => Ok(header.clone()),
            Self::Session(session) => bearer(&session.token().await?),
        }
    }

    /// The header after Azure DevOps did not accept this one; none: there is no other.
    async fn after(&self, refused: &HeaderValue) -> Result<Option<HeaderValue>> {
        let Self::Session(session) = self else { return Ok(None) };
        let is_refused = |token: &SecretString| bearer(token).is_ok_and(|header| header == refused);
        session.renewed(is_refused).await?.map(|token| bearer(&token)).transpose()
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue> {
    header(&format!("Bearer {}", token.expose_secret().trim()))
}

fn header(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        Failure::new(Code::DevopsToken).with("cause", "the token holds characters that no token has")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A client for one organisation. Cloning is cheap; clones share the memo of reads.
#[derive(Clone)]
pub struct DevOps {
    shared: Arc<Shared>,
}

struct Shared {
    http: Http,
    ends: Ends,
    organization: OrganizationName,
    authorization: Authorization,
    memo: Memo,
}

impl DevOps {
    /// A client. Sends nothing yet.
    ///
    /// # Errors
    /// The token holds characters that cannot be in a header.
    pub fn new(http: Http, ends: Ends, organization: OrganizationName, token: &Credential) -> Result<Self> {
        let authorization = token.authorization()?;
        Ok(Self {
            shared: Arc::new(Shared { http, ends, organization, authorization, memo: Memo::default() }),
        })
    }

    /// The organisation, as it was typed.
    pub fn organization(&self) -> &OrganizationName {
        &self.shared.organization
    }

    /// Begins a round: what was read before is read again. A write drops only what it changes.
    pub fn forget(&self) {
        self.shared.memo.forget();
    }

    fn memo(&self) -> &Memo {
        &self.shared.memo
    }

    /// A call of a route; `segments` fill its placeholders after the organisation's.
    fn call(&self, route: &'static Route, segments: &[&str]) -> Call<'_> {
        self.call_at(&self.shared.ends.azure_devops, route, segments)
    }

    fn call_at(&self, base: &Url, route: &'static Route, segments: &[&str]) -> Call<'_> {
        let mut url = base.clone();
        let mut fill = std::iter::once(self.shared.organization.as_str()).chain(segments.iter().copied());
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            for part in route.template.split('/').filter(|part| !part.is_empty()) {
                path.push(if part.starts_with('{') { fill.next().unwrap_or_default() } else { part });
            }
        }
        Call { client: self, route, url, body: None, changes: None }
    }
}

/// A request under construction.
struct Call<'a> {
    client: &'a DevOps,
    route: &'static Route,
    url: Url,
    body: Option<Value>,
    /// Memo keys of what a write changes; none: nobody has said, so everything is read again.
    changes: Option<Vec<String>>,
}

impl Call<'_> {
    /// Says what a write changes, by the keys it is read under. Every other answer of the round stays.
    fn changes(mut self, keys: impl IntoIterator<Item = String>) -> Self {
        self.changes = Some(keys.into_iter().collect());
        self
    }

    fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Sends it; anything but a success with JSON (or nothing) is a failure.
    async fn answer(self) -> Result<Answer> {
        let route = self.route;
        let answer = self.sent().await?;
        match refusal::failure(route, &answer) {
            Some(failure) => Err(failure),
            None => Ok(answer),
        }
    }

    /// Sends it. Any status is an answer.
    async fn sent(self) -> Result<Answer> {
        let shared = &self.client.shared;
        let mut url = self.url;
        url.query_pairs_mut().append_pair("api-version", self.route.version);
        let header = shared.authorization.header().await?;
        let body = self.body.map(Body::Json);
        let mut request = Request { route: self.route, url, authorization: Some(&header), body };
        let mut answer = shared.http.send(&request, Code::DevopsUnreachable).await;
        // A refused token means that nothing was executed: with a newer one even a write may be sent again.
        if let Ok(refused) = &answer
            && refusal::is_token(self.route, refused)
            && let Some(newer) = shared.authorization.after(&header).await?
        {
            request.authorization = Some(&newer);
            answer = shared.http.send(&request, Code::DevopsUnreachable).await;
        }
        if !self.route.reads {
            // Also after a failure: a write whose answer was lost may have been executed.
            match &self.changes {
                Some(keys) => shared.memo.drop_written(keys),
                None => shared.memo.forget(),
            }
        }
        answer
    }

    /// Sends it and reads the answer. An empty body reads as `null`.
    async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let route = self.route;
        let answer = self.answer().await?;
        read(route, answer.json.unwrap_or(Value::Null))
    }

    /// Like [`Call::json`], with what is not there as none.
    async fn json_if_there<T: DeserializeOwned>(self) -> Result<Option<T>> {
        there(self.json().await)
    }

    /// Every page of a list.
    async fn pages<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        let (client, route, first) = (self.client, self.route, self.url);
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut call = Call { client, route, url: first.clone(), body: None, changes: None };
            if let Some(token) = &token {
                call = call.query("continuationToken", token);
            }
            let answer = call.answer().await?;
            let next = answer.header("x-ms-continuationtoken").to_owned();
            let page: List<T> = read(route, answer.json.unwrap_or(Value::Null))?;
            all.extend(page.value);
            if next.is_empty() || token.as_ref() == Some(&next) {
                return Ok(all);
            }
            token = Some(next);
        }
    }
}

/// Every list of Azure DevOps.
#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    value: Vec<T>,
}

fn read<T: DeserializeOwned>(route: &'static Route, body: Value) -> Result<T> {
    serde_json::from_value(body).map_err(|error| {
        // serde's message names members and types; what it quotes of values is cut off.
        let text = error.to_string();
        Failure::new(Code::DevopsUnexpected)
            .with("attempted", attempted(route))
            .with("cause", text.split(" string ").next().unwrap_or_default())
    })
}

/// A failure that means "not there" as none.
fn there<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.code == Code::DevopsNotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The service's name in journaled writes.
const SERVICE: &str = "azure-devops";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn client(base: &str) -> DevOps {
        let ends = Ends::new(Some(base), None, None).unwrap();
        let token = Credential::Pat("hush".to_owned().into());
        DevOps::new(Http::new(1, None), ends, "contoso".parse().unwrap(), &token).unwrap()
    }

    #[test]
    fn routes_are_filled_and_encoded() {
        let client = client("http://127.0.0.1:1/tfs/");
        let call = client.call(&routes::ENDPOINT, &["My project/x", "42"]).query("a", "b c");
        assert_eq!(
            call.url.as_str(),
            "http://127.0.0.1:1/tfs/contoso/My%20project%2Fx/_apis/serviceendpoint/endpoints/42?a=b+c"
        );
    }

    #[test]
    fn tokens_become_sensitive_headers() {
        let fixed = |credential: &Credential| match credential.authorization() {
            Ok(Authorization::Fixed(header)) => Ok(header),
            Ok(Authorization::Session(_)) => unreachable!("no session"),
            Err(failure) => Err(failure.code),
        };
        let basic = fixed(&Credential::Pat("abc\n".to_owned().into())).unwrap();
        assert_eq!(basic.to_str().unwrap(), "Basic OmFiYw==");
        assert!(basic.is_sensitive());
        let bearer = Credential::Bearer("t".to_owned().into());
        assert_eq!(fixed(&bearer).unwrap().to_str().unwrap(), "Bearer t");
        assert!(!format!("{bearer:?}").contains("\"t\""));
        assert_eq!(fixed(&Credential::Bearer("a\nb".to_owned().into())), Err(Code::DevopsToken));
    }

    #[test]
    fn unreadable_answers_do_not_show_values() {
        let failure = read::<i64>(&routes::PROJECTS, serde_json::json!("hush")).unwrap_err();
        assert_eq!(failure.code, Code::DevopsUnexpected);
        assert!(!failure.to_string().contains("hush"), "{failure}");
    }
}
