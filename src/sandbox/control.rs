//! What only the practice cloud has: its clock can be moved, its issuer switched and its people asked, also while another
//! process serves it.

use std::io;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::developers;
use super::people::{self, Decided, Wanted};
use super::standing::{self, Standing};
use super::team::{self, TeamRun};
use super::world::TokenIssuer;
use super::{Addresses, Ground, issuer, practice_token};

/// Where the clock is, at the address of Azure DevOps. No organisation's name begins with an underscore.
const PATH: &str = "/_practice/clock";

/// Who issues the tokens, likewise.
const ISSUER: &str = "/_practice/issuer";

/// Who answers what runs and pull requests wait for, likewise.
const PEOPLE: &str = "/_practice/people";

/// Who pushes and opens pull requests, likewise.
const CODE: &str = "/_practice/code";

/// How runs stand once they rest, likewise.
const RUNS: &str = "/_practice/runs";

/// The header that tells a keyless of this world from a page in a browser.
const HEADER: &str = "x-practice-token";

/// The practice time, and what happened when the clock was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Seconds since 1970.
    pub now: i64,
    /// How many seconds it is ahead of this machine's clock.
    pub ahead: i64,
    /// The team's deployments at the new time.
    pub ran: Vec<TeamRun>,
}

#[derive(Serialize, Deserialize)]
struct Wish {
    seconds: i64,
}

/// The practice time.
pub fn look(ground: &Ground) -> Told {
    Told { now: ground.clock.now(), ahead: ground.clock.offset(), ran: Vec::new() }
}

/// Moves the clock by so many seconds; when it went ahead, every deployment pipeline of the team runs once.
pub async fn move_clock(ground: &Arc<Ground>, seconds: i64) -> Told {
    ground.move_clock(seconds);
    let ran = if seconds > 0 { team::deploy(ground).await } else { Vec::new() };
    Told { ran, ..look(ground) }
}

/// Who issues the tokens of service connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issues {
    /// Which of the two.
    pub who: TokenIssuer,
    /// Its address, as tokens name it.
    pub issuer: String,
}

/// Who issues the tokens now; with `to`: from now on.
pub fn issues(ground: &Ground, to: Option<TokenIssuer>) -> Issues {
    if let Some(to) = to {
        issuer::switch(ground, to);
    }
    Issues { who: issuer::now(ground), issuer: issuer::of_tokens(ground) }
}

async fn read_issuer(State(ground): State<Arc<Ground>>, headers: HeaderMap) -> Response {
    if !is_known(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    Json(issues(&ground, None)).into_response()
}

async fn change_issuer(
    State(ground): State<Arc<Ground>>,
    headers: HeaderMap,
    Json(to): Json<TokenIssuer>,
) -> Response {
    if !is_known(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    Json(issues(&ground, Some(to))).into_response()
}

/// The clock's route. It stands outside the habits of the world: no witness sees it.
pub fn router(ground: Arc<Ground>) -> Router {
    Router::new()
        .route(PATH, get(read).post(change))
        .route(ISSUER, get(read_issuer).post(change_issuer))
        .route(PEOPLE, post(decide))
        .route(CODE, post(develop))
        .route(RUNS, post(rest))
        .with_state(ground)
}

fn is_known(headers: &HeaderMap) -> bool {
    headers.get(HEADER).is_some_and(|value| value.as_bytes() == practice_token().as_bytes())
}

async fn read(State(ground): State<Arc<Ground>>, headers: HeaderMap) -> Response {
    if !is_known(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    Json(look(&ground)).into_response()
}

async fn change(State(ground): State<Arc<Ground>>, headers: HeaderMap, Json(wish): Json<Wish>) -> Response {
    if !is_known(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    Json(move_clock(&ground, wish.seconds).await).into_response()
}

/// Reads or moves the clock of a practice cloud that another process serves.
///
/// # Errors
/// It does not answer, or not so.
pub async fn ask(addresses: &Addresses, seconds: Option<i64>) -> io::Result<Told> {
    asked(addresses, PATH, seconds.map(|seconds| Wish { seconds })).await
}

/// Reads or switches who issues the tokens of a practice cloud that another process serves.
///
/// # Errors
/// It does not answer, or not so.
pub async fn ask_issuer(addresses: &Addresses, to: Option<TokenIssuer>) -> io::Result<Issues> {
    asked(addresses, ISSUER, to).await
}

async fn decide(
    State(ground): State<Arc<Ground>>,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Response {
    if !is_known(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    Json(people::decide(&ground, &wanted)).into_response()
}

/// Lets the people of a practice cloud that another process serves answer what is waited for.
///
/// # Errors
/// It does not answer, or not so.
pub async fn ask_people(addresses: &Addresses, wanted: &Wanted) -> io::Result<Vec<Decided>> {
    asked(addresses, PEOPLE, Some(wanted)).await
}

async fn develop(
    State(ground): State<Arc<Ground>>,
    headers: HeaderMap,
    Json(wanted): Json<developers::Wanted>,
) -> Response {
    if !is_known(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    Json(developers::play(&ground, &wanted)).into_response()
}

/// Lets a developer of a practice cloud that another process serves push, or open a pull request.
///
/// # Errors
/// It does not answer, or not so.
pub async fn ask_developer(
    addresses: &Addresses,
    wanted: &developers::Wanted,
) -> io::Result<developers::Told> {
    asked(addresses, CODE, Some(wanted)).await
}

async fn rest(State(ground): State<Arc<Ground>>, headers: HeaderMap, Json(runs): Json<Vec<u64>>) -> Response {
    if !is_known(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    Json(standing::rest(&ground, &runs).await).into_response()
}

/// Waits until these runs of a practice cloud that another process serves have ended or wait for somebody.
///
/// # Errors
/// It does not answer, or not so.
pub async fn ask_rest(addresses: &Addresses, runs: &[u64]) -> io::Result<Vec<Standing>> {
    asked(addresses, RUNS, Some(runs)).await
}

async fn asked<W: Serialize, T: serde::de::DeserializeOwned>(
    addresses: &Addresses,
    path: &str,
    wish: Option<W>,
) -> io::Result<T> {
    let http = reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?;
    let url = format!("{}{path}", addresses.azure_devops);
    let request = match wish {
        None => http.get(url),
        Some(wish) => http.post(url).json(&wish),
    };
    let answer = request.header(HEADER, practice_token()).send().await.map_err(io::Error::other)?;
    answer.error_for_status().map_err(io::Error::other)?.json().await.map_err(io::Error::other)
}
