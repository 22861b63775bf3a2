//! SSO OIDC: clients register, and device codes and refresh tokens become access tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Refusal;
use super::device::{DEVICES, Device};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::web::{Answer, secret, too_fast};

/// Registered clients, by id.
pub const CLIENTS: &str = "sso.client";
/// Access tokens: until when each is valid, seconds since 1970.
pub const TOKENS: &str = "sso.token";
/// Refresh tokens, by token.
const REFRESHES: &str = "sso.refresh";

/// Seconds that a registration lasts.
const CLIENT_SECONDS: i64 = 90 * 24 * 60 * 60;

/// The scope that the access portal needs; with it a client gets refresh tokens.
const ACCESS: &str = "sso:account:access";

/// A registered client.
#[derive(Serialize, Deserialize)]
pub struct Client {
    secret: String,
    expires: i64,
    scopes: Vec<String>,
}

/// A refresh token that was given.
#[derive(Serialize, Deserialize)]
struct Refresh {
    client: String,
    expires: i64,
}

/// A text of a body that is there and not empty.
pub fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    body[name].as_str().filter(|text| !text.is_empty()).ok_or_else(|| {
        Refusal::oidc(
            "InvalidRequestException",
            "invalid_request",
            &format!("Missing required parameter: {name}"),
        )
    })
}

/// `POST /client/register`
pub async fn register(
    State(ground): State<Arc<Ground>>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    text(&body, "clientName")?;
    if text(&body, "clientType")? != "public" {
        let why = "Only a public client can be registered.";
        return Err(Refusal::oidc("InvalidClientMetadataException", "invalid_client_metadata", why));
    }
    let scopes: Vec<String> = serde_json::from_value(body["scopes"].clone()).unwrap_or_default();
    if scopes.iter().any(|scope| scope != ACCESS) {
        return Err(Refusal::oidc(
            "InvalidScopeException",
            "invalid_scope",
            "The practice cloud knows sso:account:access.",
        ));
    }
    let now = ground.clock.now();
    let (id, client) = (
        Uuid::new_v4().simple().to_string(),
        Client { secret: secret("CLIENT"), expires: now + CLIENT_SECONDS, scopes },
    );
    ground.store.put(CLIENTS, &id, &client);
    Ok(Json(json!({
        "clientId": id,
        "clientSecret": client.secret,
        "clientIdIssuedAt": now,
        "clientSecretExpiresAt": client.expires,
    })))
}

/// The client that a body shows itself as.
///
/// # Errors
/// It is unknown, its registration has ended, or the secret is not its own.
pub fn client(ground: &Ground, body: &Value) -> Result<(String, Client), Refusal> {
    let (id, secret) = (text(body, "clientId")?, text(body, "clientSecret")?);
    let known = ground.store.get::<Client>(CLIENTS, id).filter(|client| client.secret == secret);
    match known {
        Some(client) if client.expires > ground.clock.now() => Ok((id.to_owned(), client)),
        Some(_) => {
            Err(Refusal::oidc("InvalidClientException", "invalid_client", "The registration has expired."))
        }
        None => Err(Refusal::oidc("InvalidClientException", "invalid_client", "Invalid client or secret.")),
    }
}

/// `POST /token`
pub async fn token(
    State(ground): State<Arc<Ground>>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let grant = text(&body, "grantType")?;
    let (id, client) = client(&ground, &body)?;
    match grant {
        "urn:ietf:params:oauth:grant-type:device_code" => {
            let code = text(&body, "deviceCode")?;
            ground.store.transaction(|tx| {
                by_device(&ground, tx, &id, code)?;
                let ends = ground.clock.now() + i64::from(ground.world.sso.session_seconds);
                Ok(Json(tokens(&ground, tx, &id, &client, ends)))
            })
        }
        "refresh_token" => {
            let given = text(&body, "refreshToken")?;
            ground.store.transaction(|tx| {
                let now = ground.clock.now();
                let known = tx.get::<Refresh>(REFRESHES, given);
                let known = known.filter(|known| known.client == id && known.expires > now);
                let Some(known) = known else {
                    let why = "Invalid refresh token provided";
                    return Err(Refusal::oidc("InvalidGrantException", "invalid_grant", why));
                };
                tx.remove(REFRESHES, given);
                Ok(Json(tokens(&ground, tx, &id, &client, known.expires)))
            })
        }
        _ => Err(Refusal::oidc(
            "UnsupportedGrantTypeException",
            "unsupported_grant_type",
            "Unsupported grant type.",
        )),
    }
}

fn by_device(ground: &Ground, tx: &mut Transaction<'_>, client: &str, code: &str) -> Result<(), Refusal> {
    let now = ground.clock.now_millis();
    let habits = &ground.world.sso;
    let known = tx.get::<Device>(DEVICES, code).filter(|device| device.client == client);
    let Some(mut device) = known.filter(|device| device.state != Answer::Used) else {
        return Err(Refusal::oidc("InvalidGrantException", "invalid_grant", "Invalid device code provided"));
    };
    let since = device.polled.map(|polled| now - polled);
    device.polled = Some(now);
    device.polls += 1;
    let worn_out = habits.device_polls > 0 && device.polls > habits.device_polls;
    let answer = if worn_out || device.expires <= now.div_euclid(1000) {
        Err(Refusal::oidc("ExpiredTokenException", "expired_token", "Device code has expired"))
    } else {
        match device.state {
            Answer::Refused => {
                Err(Refusal::oidc("AccessDeniedException", "access_denied", "User denied the request"))
            }
            Answer::Waiting if too_fast(since, habits.interval_seconds) => {
                Err(Refusal::oidc("SlowDownException", "slow_down", "The client asks too often"))
            }
            Answer::Waiting => Err(Refusal::oidc(
                "AuthorizationPendingException",
                "authorization_pending",
                "Authorization is still pending",
            )),
            Answer::Approved | Answer::Used => {
                device.state = Answer::Used;
                Ok(())
            }
        }
    };
    tx.put(DEVICES, code, &device);
    answer
}

/// New tokens for a session that ends at `ends` (seconds since 1970): refreshing does not make it longer.
fn tokens(ground: &Ground, tx: &mut Transaction<'_>, id: &str, client: &Client, ends: i64) -> Value {
    let now = ground.clock.now();
    let seconds = i64::from(ground.world.sso.token_seconds);
    let access = secret("SSO");
    tx.put(TOKENS, &access, &(now + seconds));
    let mut answer = json!({"accessToken": access, "tokenType": "Bearer", "expiresIn": seconds});
    if client.scopes.iter().any(|scope| scope == ACCESS) {
        let refresh = secret("SSOREFRESH");
        let record = Refresh { client: id.to_owned(), expires: ends };
        tx.put(REFRESHES, &refresh, &record);
        answer["refreshToken"] = refresh.into();
    }
    answer
}
