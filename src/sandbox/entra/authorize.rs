//! The authorization code flow's first half: a page to sign in or refuse on, and the way back to the application.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Refusal, required, tenant};
use crate::sandbox::Ground;
use crate::sandbox::devops::identities;
use crate::sandbox::web::{Fields, escape, page, secret};

/// Authorization codes, by code.
pub const CODES: &str = "entra.code";

/// Seconds that an authorization code may be redeemed in.
const VALID_SECONDS: i64 = 600;

/// An authorization code that was given.
#[derive(Clone, Serialize, Deserialize)]
pub struct Code {
    /// The tenant's id.
    pub tenant: String,
    /// The application.
    pub client: String,
    /// Where the code was sent to.
    pub redirect: String,
    /// The S256 challenge.
    pub challenge: String,
    /// The scopes asked for.
    pub scope: String,
    /// Until when it can be redeemed, seconds since 1970.
    pub expires: i64,
    /// Whether it was redeemed.
    pub used: bool,
}

/// A request that may be answered with a redirect.
struct Wish {
    tenant: String,
    client: String,
    redirect: Url,
    scope: String,
    challenge: String,
    state: Option<String>,
}

/// Why there is no wish: shown on a page, or sent back to where the application listens.
enum No {
    Page(Refusal),
    Back(Box<Url>, Option<String>, Refusal),
}

impl Wish {
    fn read(ground: &Ground, name: &str, fields: &Fields) -> Result<Self, No> {
        let found = tenant::find(ground, name).map_err(No::Page)?;
        let client = required(fields, "client_id").map_err(No::Page)?;
        tenant::check_client(ground, &found, client).map_err(No::Page)?;
        let redirect = loopback(fields.get("redirect_uri").unwrap_or_default(), client).map_err(No::Page)?;
        let state = fields.get("state").map(str::to_owned);
        let back = |refusal| No::Back(Box::new(redirect.clone()), state.clone(), refusal);
        let checked = || -> Result<(String, String), Refusal> {
            if required(fields, "response_type")? != "code" {
                let text = "The response_type is not enabled for the application; it takes 'code'.";
                return Err(Refusal::new("unsupported_response_type", 700_054, text));
            }
            if fields.get("response_mode").is_some_and(|mode| mode != "query") {
                return Err(Refusal::malformed(
                    "The practice cloud answers with response_mode 'query' only.",
                ));
            }
            let scope = required(fields, "scope")?;
            tenant::check_scope(scope, &found.tenant.domain)?;
            let challenge = required(fields, "code_challenge")?;
            if fields.get("code_challenge_method") != Some("S256") {
                return Err(Refusal::malformed("The code_challenge_method must be 'S256'."));
            }
            if !(43..=128).contains(&challenge.len()) {
                let text = "Invalid size of Code_Challenge parameter.";
                return Err(Refusal::new("invalid_request", 501_491, text));
            }
            Ok((scope.to_owned(), challenge.to_owned()))
        };
        let (scope, challenge) = checked().map_err(back)?;
        let (tenant, client) = (found.id, client.to_owned());
        Ok(Self { tenant, client, redirect, scope, challenge, state })
    }
}

/// The address of an application on this machine; for `localhost` any port and path will do.
fn loopback(text: &str, client: &str) -> Result<Url, Refusal> {
    let refused = || {
        Refusal::new(
            "invalid_request",
            50011,
            format!(
                "The redirect URI '{text}' specified in the request does not match the redirect URIs configured for \
                 the application '{client}'."
            ),
        )
    };
    let url = Url::parse(text).map_err(|_| refused())?;
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() != "http" || !here || url.fragment().is_some() {
        return Err(refused());
    }
    Ok(url)
}

/// `GET …/authorize`: asks the person.
pub async fn ask(State(ground): State<Arc<Ground>>, Path(name): Path<String>, parts: Parts) -> Response {
    let fields = Fields::of(parts.uri.query().unwrap_or_default());
    let wish = match Wish::read(&ground, &name, &fields) {
        Ok(wish) => wish,
        Err(no) => return no.respond(),
    };
    let mail = escape(&identities::operator(&ground).account);
    let action = escape(parts.uri.path_and_query().map_or("", |all| all.as_str()));
    let (client, host) = (escape(&wish.client), escape(wish.redirect.as_str()));
    let body = format!(
        "<p>The application <code>{client}</code> asks to act in Azure DevOps for you. It listens at \
         <code>{host}</code>.</p>\n<form method=\"post\" action=\"{action}\">\n\
         <button name=\"answer\" value=\"sign-in\">Sign in as {mail}</button>\n\
         <button name=\"answer\" value=\"refuse\">Refuse</button>\n</form>"
    );
    page(StatusCode::OK, "Sign in", &body)
}

/// `POST …/authorize`: what the person said. The parameters stand in the query as before, `answer` in the form.
pub async fn answer(
    State(ground): State<Arc<Ground>>,
    Path(name): Path<String>,
    parts: Parts,
    body: axum::body::Bytes,
) -> Response {
    let fields = Fields::of(parts.uri.query().unwrap_or_default());
    let wish = match Wish::read(&ground, &name, &fields) {
        Ok(wish) => wish,
        Err(no) => return no.respond(),
    };
    if Fields::of_body(&parts, &body).get("answer") != Some("sign-in") {
        let refusal = Refusal::new("access_denied", 65004, "User declined to consent to access the app.");
        return No::Back(Box::new(wish.redirect), wish.state, refusal).respond();
    }
    let code = secret("CODE");
    let record = Code {
        tenant: wish.tenant,
        client: wish.client,
        redirect: wish.redirect.to_string(),
        challenge: wish.challenge,
        scope: wish.scope,
        expires: ground.clock.now() + VALID_SECONDS,
        used: false,
    };
    ground.store.put(CODES, &code, &record);
    back(wish.redirect, &[("code", &code)], wish.state.as_deref())
}

impl No {
    fn respond(self) -> Response {
        match self {
            Self::Page(refusal) => {
                let body = format!("<p>{}</p>", escape(&refusal.sentence()));
                page(StatusCode::BAD_REQUEST, "Sorry, but we are having trouble signing you in", &body)
            }
            Self::Back(redirect, state, refusal) => {
                let sentence = refusal.sentence();
                let mut pairs = vec![("error", refusal.error), ("error_description", sentence.as_str())];
                if refusal.number == 65004 {
                    pairs.push(("error_subcode", "cancel"));
                }
                back(*redirect, &pairs, state.as_deref())
            }
        }
    }
}

fn back(mut redirect: Url, pairs: &[(&str, &str)], state: Option<&str>) -> Response {
    {
        let mut query = redirect.query_pairs_mut();
        query.extend_pairs(pairs);
        if let Some(state) = state {
            query.append_pair("state", state);
        }
    }
    let headers = [(header::LOCATION, redirect.to_string()), (header::CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::FOUND, headers).into_response()
}
