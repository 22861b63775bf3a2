//! Temporary credentials. A session token carries its session, sealed, so that nothing needs to be stored.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::query::Xml;
use super::records;
use crate::sandbox::{Ground, clock};

const MARK: &str = "PRACTICESESSION";

/// Who acts with temporary credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The account's twelve digits.
    pub account: String,
    /// The role's name.
    pub role: String,
    /// The role's id, so that a new role of the same name does not inherit the session.
    pub role_id: String,
    /// The session's name.
    pub name: String,
    /// Until when, seconds since 1970.
    pub expires: i64,
    /// A policy given with the call, which narrows what the role may do.
    pub policy: Option<String>,
}

/// Credentials as STS hands them out.
pub struct Temporary {
    access_key_id: String,
    secret: String,
    token: String,
    expires: i64,
}

impl Session {
    /// Makes the credentials of this session.
    pub fn credentials(&self, ground: &Ground) -> Temporary {
        let text = serde_json::to_string(self).unwrap_or_default();
        let seal = hmac::sign(&seal_key(ground), text.as_bytes());
        let token = format!("{MARK}{}.{}", URL_SAFE_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(seal));
        Temporary {
            access_key_id: records::account_key_id("ASIA", &self.account),
            secret: secret_of(ground, &token),
            token,
            expires: self.expires,
        }
    }

    /// Opens a session token. None if it was not made here.
    pub fn open(ground: &Ground, token: &str) -> Option<Self> {
        let (text, seal) = token.strip_prefix(MARK)?.split_once('.')?;
        let text = URL_SAFE_NO_PAD.decode(text).ok()?;
        hmac::verify(&seal_key(ground), &text, &URL_SAFE_NO_PAD.decode(seal).ok()?).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

impl Temporary {
    /// As the access portal of Identity Center gives them: `expiration` in milliseconds since 1970.
    pub fn json(&self) -> Value {
        json!({
            "accessKeyId": self.access_key_id,
            "secretAccessKey": self.secret,
            "sessionToken": self.token,
            "expiration": self.expires * 1000,
        })
    }

    /// Writes the `Credentials` element.
    pub fn write(&self, xml: &mut Xml) {
        xml.element("Credentials", |xml| {
            xml.text("AccessKeyId", &self.access_key_id)
                .text("SecretAccessKey", &self.secret)
                .text("SessionToken", &self.token)
                .text("Expiration", &clock::iso(self.expires));
        });
    }
}

/// The secret access key that belongs to a session token.
pub fn secret_of(ground: &Ground, token: &str) -> String {
    let seal = hmac::sign(&seal_key(ground), format!("secret {token}").as_bytes());
    let seed: String = seal.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    records::practice_secret(&seed)
}

/// Made from the issuer's private key, so that it is as lasting and as private as the rest of the state.
fn seal_key(ground: &Ground) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, digest(&SHA256, ground.keys.der()).as_ref())
}
