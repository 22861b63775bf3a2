//! What only the practice cloud has: its clock can be read and moved, also while another process serves it.

use std::io;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::team::{self, TeamRun};
use super::{Addresses, Ground, practice_token};

/// Where the clock is, at the address of Azure DevOps. No organisation's name begins with an underscore.
const PATH: &str = "/_practice/clock";

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

/// The clock's route. It stands outside the habits of the world: no witness sees it.
pub fn router(ground: Arc<Ground>) -> Router {
    Router::new().route(PATH, get(read).post(change)).with_state(ground)
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
    let http = reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?;
    let url = format!("{}{PATH}", addresses.azure_devops);
    let request = match seconds {
        None => http.get(url),
        Some(seconds) => http.post(url).json(&Wish { seconds }),
    };
    let answer = request.header(HEADER, practice_token()).send().await.map_err(io::Error::other)?;
    answer.error_for_status().map_err(io::Error::other)?.json().await.map_err(io::Error::other)
}
