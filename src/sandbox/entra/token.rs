//! The token endpoint: codes, device codes and refresh tokens into access tokens; and what Azure DevOps accepts.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::authorize::{CODES, Code};
use super::device::{DEVICES, Device};
use super::{AZURE_DEVOPS, Refusal, required, tenant};
use crate::sandbox::Ground;
use crate::sandbox::devops::identities;
use crate::sandbox::web::{Answer, Fields, secret, too_fast};

/// Refresh tokens, by token.
const REFRESHES: &str = "entra.refresh";

/// Seconds that a refresh token lives without being used.
const REFRESH_SECONDS: i64 = 90 * 24 * 60 * 60;

/// Seconds that a refresh token still works after it was replaced. Microsoft's own lives on; here a client that forgets
/// to keep the new one is found out, and two processes that refresh at once are not in each other's way.
const GRACE_SECONDS: i64 = 60;

/// The device code grant.
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A refresh token that was given.
#[derive(Serialize, Deserialize)]
struct Refresh {
    tenant: String,
    client: String,
    scope: String,
    expires: i64,
}

/// What a proven grant allows.
struct Granted {
    client: String,
    scope: String,
}

/// `POST …/token`
pub async fn issue(
    State(ground): State<Arc<Ground>>,
    Path(name): Path<String>,
    parts: Parts,
    body: axum::body::Bytes,
) -> Response {
    let fields = Fields::of_body(&parts, &body);
    match redeem(&ground, &name, &fields) {
        Ok(value) => axum::Json(value).into_response(),
        Err(refusal) => refusal.respond(ground.clock.now()),
    }
}

fn redeem(ground: &Ground, name: &str, fields: &Fields) -> Result<Value, Refusal> {
    let grant = required(fields, "grant_type")?;
    let found = tenant::find(ground, name)?;
    let client = required(fields, "client_id")?;
    tenant::check_client(ground, &found, client)?;
    let granted = match grant {
        "authorization_code" => by_code(ground, &found.id, client, fields)?,
        "refresh_token" => by_refresh(ground, &found.id, client, fields)?,
        DEVICE_GRANT => by_device(ground, &found.id, client, fields)?,
        other => {
            let text = format!(
                "The app requested an unsupported grant type '{other}'. The practice cloud knows \
                 authorization_code, refresh_token and {DEVICE_GRANT}."
            );
            return Err(Refusal::new("unsupported_grant_type", 70003, text));
        }
    };
    if let Some(refusal) = tenant::refusal(found.tenant, client) {
        return Err(refusal);
    }
    // A later request may ask for less or for other words, but for no other resource.
    let scope = fields.get("scope").unwrap_or(&granted.scope);
    tenant::check_scope(scope, &found.tenant.domain)?;
    Ok(tokens(ground, &found.id, &granted.client, scope))
}

fn by_code(ground: &Ground, tenant: &str, client: &str, fields: &Fields) -> Result<Granted, Refusal> {
    let given = required(fields, "code")?;
    let redirect = required(fields, "redirect_uri")?;
    let now = ground.clock.now();
    let record = ground.store.transaction(|tx| {
        let record: Option<Code> = tx.get(CODES, given);
        // Whoever shows a code has spent it, whatever else is wrong.
        if let Some(record) = record.as_ref().filter(|record| !record.used) {
            tx.put(CODES, given, &Code { used: true, ..record.clone() });
        }
        record
    });
    let record = record.filter(|record| record.tenant == tenant && record.client == client);
    let record = record.ok_or_else(|| {
        Refusal::new("invalid_grant", 9_002_313, "Invalid request. Request is malformed or invalid.")
    })?;
    if record.used {
        let text = "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an \
                    existing refresh token.";
        return Err(Refusal::new("invalid_grant", 54005, text));
    }
    if record.expires <= now {
        let text = "The provided authorization code or refresh token has expired due to inactivity. Send a new \
                    interactive authorization request for this user and resource.";
        return Err(Refusal::new("invalid_grant", 70008, text));
    }
    let same = url::Url::parse(redirect).is_ok_and(|url| url.as_str() == record.redirect);
    if !same {
        let text = format!(
            "The reply address '{redirect}' does not match the reply address '{}' provided when requesting \
             Authorization code.",
            record.redirect
        );
        return Err(Refusal::new("invalid_grant", 500_112, text));
    }
    let Some(verifier) = fields.get("code_verifier") else {
        let text = "The code_verifier is missing; it is required where the authorization request had a \
                    code_challenge.";
        return Err(Refusal::new("invalid_grant", 50148, text));
    };
    if URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) != record.challenge {
        let text =
            "The Code_Verifier does not match the code_challenge supplied in the authorization request.";
        return Err(Refusal::new("invalid_grant", 501_481, text));
    }
    Ok(Granted { client: record.client, scope: record.scope })
}

fn by_device(ground: &Ground, tenant: &str, client: &str, fields: &Fields) -> Result<Granted, Refusal> {
    let given = required(fields, "device_code")?;
    let now = ground.clock.now_millis();
    let habits = &ground.world.entra;
    ground.store.transaction(|tx| {
        let record: Option<Device> = tx.get(DEVICES, given);
        let found = record.filter(|device| device.tenant == tenant && device.client == client);
        let Some(mut device) = found.filter(|device| device.state != Answer::Used) else {
            let text = "Invalid verification code: the device_code is not known, or was redeemed before.";
            return Err(Refusal::new("bad_verification_code", 70018, text));
        };
        let since = device.polled.map(|polled| now - polled);
        device.polled = Some(now);
        device.polls += 1;
        let worn_out = habits.device_polls > 0 && device.polls > habits.device_polls;
        let answer = if worn_out || device.expires <= now.div_euclid(1000) {
            Err(expired())
        } else {
            match device.state {
                Answer::Refused => {
                    let text = "User declined to consent to access the app.";
                    Err(Refusal::new("authorization_declined", 65004, text))
                }
                Answer::Waiting if too_fast(since, habits.interval_seconds) => Err(slow_down()),
                Answer::Waiting => Err(Refusal::new(
                    "authorization_pending",
                    70016,
                    "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
                )),
                Answer::Approved | Answer::Used => {
                    device.state = Answer::Used;
                    Ok(Granted { client: device.client.clone(), scope: device.scope.clone() })
                }
            }
        };
        tx.put(DEVICES, given, &device);
        answer
    })
}

fn expired() -> Refusal {
    let text = "The provided value for the input parameter 'device_code' is not valid. This device code has expired.";
    Refusal::new("expired_token", 70020, text)
}

/// Microsoft does not say which number goes with `slow_down`; RFC 8628 demands the error, and clients must know it.
fn slow_down() -> Refusal {
    let text = "The client asks faster than the interval it was told.";
    Refusal::new("slow_down", 90055, text)
}

fn by_refresh(ground: &Ground, tenant: &str, client: &str, fields: &Fields) -> Result<Granted, Refusal> {
    let given = required(fields, "refresh_token")?;
    let now = ground.clock.now();
    ground.store.transaction(|tx| {
        let record: Option<Refresh> = tx.get(REFRESHES, given);
        let found = record.filter(|refresh| refresh.tenant == tenant && refresh.client == client);
        let Some(mut refresh) = found else {
            let text = "The provided value for the input parameter 'refresh_token' is not valid.";
            return Err(Refusal::new("invalid_grant", 70000, text).sub("bad_token"));
        };
        if refresh.expires <= now {
            let text = "The refresh token has expired due to inactivity, or was replaced by a newer one.";
            return Err(Refusal::new("invalid_grant", 700_082, text).sub("bad_token"));
        }
        let granted = Granted { client: refresh.client.clone(), scope: refresh.scope.clone() };
        refresh.expires = refresh.expires.min(now + GRACE_SECONDS);
        tx.put(REFRESHES, given, &refresh);
        Ok(granted)
    })
}

fn tokens(ground: &Ground, tenant: &str, client: &str, scope: &str) -> Value {
    let now = ground.clock.now();
    let seconds = i64::from(ground.world.entra.token_seconds);
    let has = |word: &str| scope.split_whitespace().any(|one| one == word);
    let person = identities::operator(ground);
    let mut claims = json!({
        "aud": AZURE_DEVOPS,
        "iss": format!("https://sts.windows.net/{tenant}/"),
        "iat": now, "nbf": now, "exp": now + seconds,
        "appid": client, "appidacr": "0",
        "name": person.name, "oid": person.id, "sub": person.id, "tid": tenant,
        "scp": "user_impersonation", "unique_name": person.account, "upn": person.account,
        "uti": Uuid::new_v4().simple().to_string(), "ver": "1.0",
    });
    let mut answer = json!({
        "token_type": "Bearer",
        "scope": format!("{AZURE_DEVOPS}/user_impersonation {AZURE_DEVOPS}/.default"),
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": ground.keys.sign_claims(&claims),
    });
    if has("offline_access") {
        let token = secret("REFRESH");
        let record = Refresh {
            tenant: tenant.to_owned(),
            client: client.to_owned(),
            scope: scope.to_owned(),
            expires: now + REFRESH_SECONDS,
        };
        ground.store.put(REFRESHES, &token, &record);
        answer["refresh_token"] = token.into();
    }
    if has("openid") {
        claims["aud"] = client.into();
        claims["iss"] = format!("https://login.microsoftonline.com/{tenant}/v2.0").into();
        claims["preferred_username"] = claims["upn"].take();
        claims["ver"] = "2.0".into();
        answer["id_token"] = ground.keys.sign_claims(&claims).into();
    }
    answer
}

/// Whether the practice Azure DevOps accepts this bearer token: made here, for Azure DevOps, in the organisation's own
/// tenant, and valid now.
pub fn accepts(ground: &Ground, token: &str) -> bool {
    let claims = || -> Option<Value> {
        let (text, signature) = token.rsplit_once('.')?;
        let (_, payload) = text.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !ground.keys.verify(text.as_bytes(), &signature) {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    };
    let now = ground.clock.now();
    claims().is_some_and(|claims| {
        claims["aud"] == AZURE_DEVOPS
            && claims["iss"] == format!("https://sts.windows.net/{}/", tenant::home(ground))
            && claims["nbf"].as_i64().is_some_and(|start| start <= now)
            && claims["exp"].as_i64().is_some_and(|end| now < end)
    })
}
