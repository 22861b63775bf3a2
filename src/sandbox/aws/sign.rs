//! Signature version 4: who signed a request, and whether they really did.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use time::PrimitiveDateTime;
use time::macros::format_description;

use super::key_uses;
use super::query::{Api, Refusal};
use super::records::{self, ACCESS_KEYS, AccessKey, Role, User};
use super::session::{self, Session};
use crate::sandbox::{Ground, clock};

/// Everything but RFC 3986's unreserved characters.
pub const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How many seconds a signature's date may be away from now.
const SKEW: i64 = 15 * 60;

/// An authenticated caller.
#[derive(Debug, Clone)]
pub enum Caller {
    /// An IAM user with a long-lived key.
    User(User),
    /// A role session with temporary credentials.
    Session(Session, Box<Role>),
}

impl Caller {
    /// The account's twelve digits.
    pub fn account(&self) -> &str {
        match self {
            Self::User(user) => &user.account,
            Self::Session(session, _) => &session.account,
        }
    }

    /// The caller's own ARN in `partition`.
    pub fn arn(&self, partition: &str) -> String {
        match self {
            Self::User(user) => {
                format!("arn:{partition}:iam::{}:user{}{}", user.account, user.path, user.name)
            }
            Self::Session(session, _) => {
                format!(
                    "arn:{partition}:sts::{}:assumed-role/{}/{}",
                    session.account, session.role, session.name
                )
            }
        }
    }

    /// The unique id: `AIDA…` or `AROA…:session`.
    pub fn id(&self) -> String {
        match self {
            Self::User(user) => user.id.clone(),
            Self::Session(session, _) => format!("{}:{}", session.role_id, session.name),
        }
    }
}

/// The parts of an `Authorization` header.
struct Claim<'a> {
    key_id: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    headers: Vec<&'a str>,
    signature: &'a str,
}

/// The access key id that a request says it was signed with, checked or not.
pub fn key_id(headers: &HeaderMap) -> Option<&str> {
    Some(Claim::read(headers.get("authorization")?.to_str().ok()?)?.key_id)
}

/// The region that a request says it was signed for, checked or not.
pub fn region(headers: &HeaderMap) -> Option<&str> {
    Some(Claim::read(headers.get("authorization")?.to_str().ok()?)?.region)
}

/// The service that a request says it was signed for, checked or not.
pub fn service(headers: &HeaderMap) -> Option<&str> {
    Some(Claim::read(headers.get("authorization")?.to_str().ok()?)?.service)
}

/// Finds out who signed a request to a service (`iam`).
///
/// # Errors
/// Nobody did, their key is unknown, inactive or expired, or the signature is not theirs.
pub fn caller(ground: &Ground, service: &str, parts: &Parts, body: &[u8]) -> Result<Caller, Refusal> {
    let Some(header) = text(&parts.headers, "authorization") else {
        return Err(Refusal::new(
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ));
    };
    let claim = Claim::read(header).ok_or_else(|| {
        let message = format!(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization={header}"
        );
        Refusal::new(403, "IncompleteSignature", message)
    })?;
    let (caller, secret) = match text(&parts.headers, "x-amz-security-token") {
        Some(token) => temporary(ground, &claim, token)?,
        None => long_lived(ground, &claim)?,
    };
    let date = text(&parts.headers, "x-amz-date").unwrap_or_default();
    check_scope(ground, service, &claim, date)?;
    let expected = sign(&secret, &claim, date, &canonical(parts, body, &claim.headers));
    let same =
        aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), claim.signature.as_bytes());
    if same.is_err() {
        return Err(mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ));
    }
    if matches!(caller, Caller::User(_)) {
        key_uses::note(ground, claim.key_id, claim.service, claim.region);
    }
    check_region(ground, service, &claim, caller.account())?;
    Ok(caller)
}

impl<'a> Claim<'a> {
    fn read(header: &'a str) -> Option<Self> {
        let rest = header.strip_prefix("AWS4-HMAC-SHA256")?;
        let (mut credential, mut headers, mut signature) = (None, None, None);
        for part in rest.split(',') {
            match part.trim().split_once('=')? {
                ("Credential", value) => credential = Some(value),
                ("SignedHeaders", value) => headers = Some(value),
                ("Signature", value) => signature = Some(value),
                _ => return None,
            }
        }
        let scope: Vec<&str> = credential?.split('/').collect();
        let [key_id, day, region, service, "aws4_request"] = scope[..] else { return None };
        Some(Self {
            key_id,
            day,
            region,
            service,
            headers: headers?.split(';').collect(),
            signature: signature?,
        })
    }
}

fn unknown_key() -> Refusal {
    Refusal::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

fn mismatch(message: impl Into<String>) -> Refusal {
    Refusal::new(403, "SignatureDoesNotMatch", message)
}

fn long_lived(ground: &Ground, claim: &Claim<'_>) -> Result<(Caller, String), Refusal> {
    let key: AccessKey = records::read(ground, ACCESS_KEYS, claim.key_id)
        .filter(|key: &AccessKey| key.active)
        .ok_or_else(unknown_key)?;
    let user =
        ground.store.get(records::USERS, &records::key(&key.account, &key.user)).ok_or_else(unknown_key)?;
    Ok((Caller::User(user), key.secret))
}

fn temporary(ground: &Ground, claim: &Claim<'_>, token: &str) -> Result<(Caller, String), Refusal> {
    let session = Session::open(ground, token).ok_or_else(unknown_key)?;
    if claim.key_id != records::account_key_id("ASIA", &session.account) {
        return Err(unknown_key());
    }
    if session.expires <= ground.clock.now() {
        return Err(Refusal::new(
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
        ));
    }
    let role: Role = ground
        .store
        .get(records::ROLES, &records::key(&session.account, &session.role))
        .filter(|role: &Role| role.id == session.role_id)
        .ok_or_else(unknown_key)?;
    Ok((Caller::Session(session, Box::new(role)), session::secret_of(ground, token)))
}

fn check_scope(ground: &Ground, service: &str, claim: &Claim<'_>, date: &str) -> Result<(), Refusal> {
    if claim.service != service {
        return Err(mismatch(format!("Credential should be scoped to correct service: '{service}'. ")));
    }
    if !claim.headers.contains(&"host") {
        return Err(mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    }
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let Ok(signed) = PrimitiveDateTime::parse(date, format) else {
        let message = "Date must be in ISO-8601 'basic format'.";
        return Err(Refusal::new(403, "IncompleteSignature", message));
    };
    if !date.starts_with(claim.day) {
        return Err(mismatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP",
        ));
    }
    // The client signs by this machine's clock, also when somebody has moved the practice clock.
    let signed = signed.assume_utc().unix_timestamp();
    let far = |now: i64| (signed - now).abs() > SKEW;
    if far(clock::machine_now()) && far(ground.clock.now()) {
        return Err(mismatch(skewed(signed, date, clock::machine_now())));
    }
    Ok(())
}

/// The canonical request, hashed.
fn canonical(parts: &Parts, body: &[u8], names: &[&str]) -> String {
    let mut text =
        format!("{}\n{}\n{}\n", parts.method, parts.uri.path(), canonical_query(parts.uri.query()));
    for name in names {
        let values: Vec<String> = parts
            .headers
            .get_all(*name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let _ = writeln!(text, "{name}:{}", values.join(","));
    }
    // S3 signs what the client says of the body, which may be that it is not signed at all.
    let said = parts.headers.get("x-amz-content-sha256").filter(|_| names.contains(&"x-amz-content-sha256"));
    let said = said.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = said.unwrap_or_else(|| hex(digest(&SHA256, body).as_ref()));
    let _ = write!(text, "\n{}\n{body}", names.join(";"));
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

fn canonical_query(query: Option<&str>) -> String {
    let encode = |text: &str| {
        let text = percent_decode_str(text).decode_utf8_lossy();
        utf8_percent_encode(&text, RESERVED).to_string()
    };
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn sign(secret: &str, claim: &Claim<'_>, date: &str, canonical: &str) -> String {
    let scope = format!("{}/{}/{}/aws4_request", claim.day, claim.region, claim.service);
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{canonical}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [claim.day, claim.region, claim.service, "aws4_request", &text] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    hex(&key)
}

/// What AWS says of a signature that is too old or not yet valid (IAM User Guide, troubleshooting of Signature Version 4).
fn skewed(signed: i64, date: &str, now: i64) -> String {
    let basic = |seconds: i64| clock::iso(seconds).replace(['-', ':'], "");
    if signed < now {
        let edge = basic(now - SKEW);
        format!("Signature expired: {date} is now earlier than {edge} ({} - 15 min.)", basic(now))
    } else {
        let edge = basic(now + SKEW);
        format!("Signature not yet current: {date} is still later than {edge} ({} + 15 min.)", basic(now))
    }
}

/// STS answers only where the account has it activated.
fn check_region(ground: &Ground, service: &str, claim: &Claim<'_>, account: &str) -> Result<(), Refusal> {
    let known = ground.world.accounts.iter().find(|known| known.id == account);
    let off = known.is_some_and(|known| known.regions_off.iter().any(|region| region == claim.region));
    if service != Api::Sts.name() || !off {
        return Ok(());
    }
    let text = format!(
        "STS is not activated in this region for account:{account}. Your account administrator can activate STS in this region using the IAM Console."
    );
    Err(Refusal::new(403, "RegionDisabledException", text))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
