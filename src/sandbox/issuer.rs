//! The practice OIDC issuer: RS256 keys, ID tokens with Azure DevOps' claims, the discovery document and the keys.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::entra::tenant;
use super::habit::{self, Service};
use super::world::TokenIssuer;
use super::{Ground, Request};

/// The host that issuers of Azure DevOps are named after.
const HOST: &str = "https://vstoken.dev.azure.com";

/// Seconds that an ID token is valid for, before and after it was issued.
const VALID_SECONDS: i64 = 600;

/// An RSA key pair with which ID tokens are signed. Cloning shares it.
#[derive(Clone)]
pub struct Keys {
    inner: Arc<Inner>,
}

struct Inner {
    pair: KeyPair,
    der: Vec<u8>,
    thumbprint: [u8; 20],
}

/// The claims of a service connection's ID token, as Azure DevOps makes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Identifies this token.
    pub jti: String,
    /// `sc://organisation/project/connection`.
    pub sub: String,
    /// `api://AzureADTokenExchange`.
    pub aud: String,
    /// The issuer, without a trailing slash.
    pub iss: String,
    /// Not valid before, seconds since 1970.
    pub nbf: i64,
    /// Not valid at or after, seconds since 1970.
    pub exp: i64,
    /// Issued at, seconds since 1970.
    pub iat: i64,
}

impl Claims {
    /// The claims of a token issued at `now` (seconds since 1970).
    pub fn new(now: i64, issuer: &str, subject: &str, audience: &str) -> Self {
        Self {
            jti: Uuid::new_v4().to_string(),
            sub: subject.to_owned(),
            aud: audience.to_owned(),
            iss: issuer.to_owned(),
            nbf: now - VALID_SECONDS,
            exp: now + VALID_SECONDS,
            iat: now,
        }
    }
}

impl Keys {
    /// Makes a new RSA key pair of 2048 bits.
    ///
    /// # Errors
    /// The machine gives no randomness.
    pub fn generate() -> Result<Self, Unspecified> {
        let pair = KeyPair::generate(KeySize::Rsa2048)?;
        let der: Pkcs8V1Der<'_> = pair.as_der()?;
        let der = der.as_ref().to_vec();
        Ok(Self::new(pair, der))
    }

    /// Reads what [`Keys::der`] gave.
    ///
    /// # Errors
    /// The bytes are not a PKCS#8 RSA key.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyRejected> {
        Ok(Self::new(KeyPair::from_pkcs8(der)?, der.to_vec()))
    }

    fn new(pair: KeyPair, der: Vec<u8>) -> Self {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, pair.public_key().as_ref());
        let mut thumbprint = [0; 20];
        thumbprint.copy_from_slice(hash.as_ref());
        Self { inner: Arc::new(Inner { pair, der, thumbprint }) }
    }

    /// The private key in PKCS#8.
    pub fn der(&self) -> &[u8] {
        &self.inner.der
    }

    /// The key id that tokens and the key set carry: the thumbprint in capital hexadecimal digits.
    pub fn id(&self) -> String {
        self.inner.thumbprint.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// A signed ID token, issued at `now` (seconds since 1970). Empty only if the machine gives no randomness.
    pub fn sign(&self, now: i64, issuer: &str, subject: &str, audience: &str) -> String {
        self.sign_claims(&json!(Claims::new(now, issuer, subject, audience)))
    }

    /// A signed ID token with any claims at all, for tests of what STS refuses.
    pub fn sign_claims(&self, claims: &Value) -> String {
        let header = json!({
            "typ": "JWT", "alg": "RS256", "x5t": URL_SAFE_NO_PAD.encode(self.inner.thumbprint), "kid": self.id(),
        });
        let text = format!("{}.{}", encode(&header), encode(claims));
        let mut signature = vec![0; self.inner.pair.public_modulus_len()];
        let signed =
            self.inner.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature);
        if signed.is_err() {
            return String::new();
        }
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Whether `signature` over `text` was made by this pair.
    pub fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let public = self.inner.pair.public_key();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref()).verify(text, signature).is_ok()
    }

    /// The public half as a JSON Web Key Set.
    pub fn key_set(&self) -> Value {
        let public = self.inner.pair.public_key();
        json!({"keys": [{
            "kid": self.id(),
            "kty": "RSA",
            "use": "sig",
            "x5t": URL_SAFE_NO_PAD.encode(self.inner.thumbprint),
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        }]})
    }
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The issuer of an organisation: `https://vstoken.dev.azure.com/{organisation id}`.
pub fn url_of(organization_id: &str) -> String {
    format!("{HOST}/{organization_id}")
}

/// Who issues the tokens of service connections now: as the world begins, or as it was switched since.
pub fn now(ground: &Ground) -> TokenIssuer {
    ground.store.get("practice", "issuer").unwrap_or(ground.world.tokens.issuer)
}

/// Lets somebody else issue the tokens from now on.
pub fn switch(ground: &Ground, to: TokenIssuer) {
    ground.store.put("practice", "issuer", &to);
}

/// The issuer of the tokens that service connections get now.
pub fn of_tokens(ground: &Ground) -> String {
    match now(ground) {
        TokenIssuer::AzureDevops => url_of(&ground.world.organization.id),
        TokenIssuer::Entra => entra(ground),
    }
}

fn entra(ground: &Ground) -> String {
    format!("https://login.microsoftonline.com/{}/v2.0", tenant::home(ground))
}

/// The routes of `vstoken.dev.azure.com`.
pub fn router(ground: Arc<Ground>) -> Router {
    let routes = Router::new()
        .route("/{organization}/.well-known/openid-configuration", get(discovery))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(entra_discovery))
        .route("/.well-known/jwks", get(keys))
        .with_state(Arc::clone(&ground));
    habit::layer(routes, ground, Service { classify, throttled })
}

async fn discovery(State(ground): State<Arc<Ground>>, Path(organization): Path<String>) -> Response {
    let id = &ground.world.organization.id;
    if !organization.eq_ignore_ascii_case(id) {
        return StatusCode::NOT_FOUND.into_response();
    }
    Json(json!({
        "issuer": url_of(id),
        "jwks_uri": format!("{HOST}/.well-known/jwks"),
        "subject_types_supported": ["public", "pairwise"],
        "response_types_supported": ["id_token"],
        "claims_supported": ["sub", "aud", "exp", "iat", "iss", "nbf"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
    }))
    .into_response()
}

/// What Microsoft Entra says of the issuer of a tenant, as far as keyless and AWS ask for it.
async fn entra_discovery(State(ground): State<Arc<Ground>>, Path(tenant): Path<String>) -> Response {
    if !tenant.eq_ignore_ascii_case(&tenant::home(&ground)) {
        return StatusCode::NOT_FOUND.into_response();
    }
    Json(json!({
        "issuer": entra(&ground),
        "jwks_uri": format!("{HOST}/.well-known/jwks"),
        "subject_types_supported": ["pairwise"],
        "response_types_supported": ["id_token"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
    }))
    .into_response()
}

async fn keys(State(ground): State<Arc<Ground>>) -> Json<Value> {
    Json(ground.keys.key_set())
}

fn classify(_ground: &Ground, parts: &Parts, _body: &[u8]) -> Request {
    let object = if parts.uri.path().ends_with("jwks") { "keys" } else { "discovery" };
    Request { service: "issuer", method: parts.method.to_string(), object: object.to_owned(), writes: false }
}

fn throttled(_ground: &Ground, _request: &Request) -> Response {
    StatusCode::TOO_MANY_REQUESTS.into_response()
}
