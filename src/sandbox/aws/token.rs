//! ID tokens as STS takes them: their shape, their issuer's signature and their times.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::query::Refusal;
use crate::sandbox::{Ground, issuer};

/// An ID token that has been taken apart. Nothing in it is proven yet.
pub struct IdToken<'a> {
    text: &'a str,
    key_id: String,
    signature: Vec<u8>,
    claims: Map<String, Value>,
    /// Who says it was issued.
    pub issuer: String,
    /// Whom it is about.
    pub subject: String,
    /// Whom it is for: `azp` if it has one, else `aud`.
    pub audiences: Vec<String>,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidIdentityToken", message)
}

impl<'a> IdToken<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// It is no signed JWT, or a claim is missing.
    pub fn read(token: &'a str) -> Result<Self, Refusal> {
        let not_a_jwt = || {
            invalid(
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
            )
        };
        let (text, signature) = token.rsplit_once('.').ok_or_else(not_a_jwt)?;
        let (header, payload) = text.split_once('.').ok_or_else(not_a_jwt)?;
        let header = object(header).ok_or_else(not_a_jwt)?;
        let claims = object(payload).ok_or_else(not_a_jwt)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| not_a_jwt())?;
        if header.get("alg").and_then(Value::as_str) != Some("RS256") {
            return Err(not_a_jwt());
        }
        let claim = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let missing = |name: &str| invalid(format!("Missing a required claim: {name}"));
        for name in ["exp", "iat"] {
            number(&claims, name).ok_or_else(|| missing(name))?;
        }
        let audiences = claim("azp").map_or_else(|| audiences(&claims), |azp| Some(vec![azp]));
        Ok(Self {
            text,
            key_id: header.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned(),
            signature,
            issuer: claim("iss").ok_or_else(|| missing("iss"))?,
            subject: claim("sub").ok_or_else(|| missing("sub"))?,
            audiences: audiences.ok_or_else(|| missing("aud"))?,
            claims,
        })
    }

    /// The values of `aud` when `azp` hides them.
    pub fn original_audiences(&self) -> Vec<String> {
        audiences(&self.claims).unwrap_or_default()
    }

    /// The values of `amr`.
    pub fn methods(&self) -> Vec<String> {
        self.claims.get("amr").and_then(super::conditions::texts).unwrap_or_default()
    }

    /// Proves that its issuer made it, and that it is valid now.
    ///
    /// # Errors
    /// The issuer's keys cannot be had or are others, the signature is forged, or it is not its time.
    pub fn verify(&self, ground: &Ground) -> Result<(), Refusal> {
        // Only the practice issuers can be asked for their keys; any other is as unreachable as a host that is down.
        let own = issuer::url_of(&ground.world.organization.id);
        let known = [own, issuer::of_tokens(ground)].contains(&self.issuer);
        if !known || ground.world.tokens.keys_hidden || self.key_id != ground.keys.id() {
            return Err(invalid(
                "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
            ));
        }
        if !ground.keys.verify(self.text.as_bytes(), &self.signature) {
            return Err(invalid("Provided Token signature is invalid"));
        }
        self.check_times(ground.clock.now())
    }

    fn check_times(&self, now: i64) -> Result<(), Refusal> {
        let expires = number(&self.claims, "exp").unwrap_or_default();
        if expires <= now {
            let text = format!(
                "Token expired: current date/time {now} must be before the expiration date/time {expires}"
            );
            return Err(Refusal::new(400, "ExpiredTokenException", text));
        }
        if let Some(start) = number(&self.claims, "nbf")
            && start > now
        {
            return Err(invalid(format!(
                "Token is not valid yet: current date/time {now} must be after the not before date/time {start}"
            )));
        }
        Ok(())
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn number(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = claims.get(name)?;
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

fn audiences(claims: &Map<String, Value>) -> Option<Vec<String>> {
    claims.get("aud").and_then(super::conditions::texts).filter(|values| !values.is_empty())
}
