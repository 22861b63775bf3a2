//! The AWS CLI's own cache of Identity Center sessions: names and format of its files. Who reads and writes them is given.

use std::fmt;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::domain::failure::Result;

/// As the AWS CLI writes times.
const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// The folder `~/.aws/sso/cache`, and the clock that tells whether what lies there is still good.
pub trait SsoCache: Send + Sync {
    /// The text of the file of that name; none: it is not there.
    ///
    /// # Errors
    /// It is there and cannot be read.
    fn read(&self, file: &str) -> Result<Option<SecretString>>;

    /// Writes the file of that name whole or not at all, so that only its owner can read it.
    ///
    /// # Errors
    /// It cannot be written; what was there stays.
    fn write(&self, file: &str, text: &SecretString) -> Result<()>;

    /// Now, in seconds since 1970.
    fn now(&self) -> i64;
}

/// The file of a session. `identifier` is its name, or the start URL of a profile that has no session.
pub(super) fn file_of(identifier: &str) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, identifier.as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.json")
}

/// What the cache holds for a session.
#[derive(Clone)]
pub(super) struct CachedToken {
    pub(super) start_url: String,
    pub(super) region: String,
    pub(super) access_token: SecretString,
    /// Seconds since 1970.
    pub(super) expires_at: i64,
    /// What refreshes it; none: only a person can.
    pub(super) renewal: Option<Renewal>,
}

/// What refreshes a session without a person.
#[derive(Clone)]
pub(super) struct Renewal {
    pub(super) refresh_token: SecretString,
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    /// Until when the client is registered, seconds since 1970.
    pub(super) registration_expires_at: i64,
}

impl fmt::Debug for CachedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    #[serde(default)]
    start_url: String,
    #[serde(default)]
    region: String,
    access_token: String,
    expires_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registration_expires_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

fn stamp(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .format(STAMP)
        .unwrap_or_default()
}

fn seconds(stamp: &str) -> Option<i64> {
    OffsetDateTime::parse(stamp, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

impl CachedToken {
    /// Reads a file of the cache; none: it is not one that any AWS SDK could use.
    pub(super) fn parse(text: &SecretString) -> Option<Self> {
        let form: Form = serde_json::from_str(text.expose_secret()).ok()?;
        let renewal = || {
            Some(Renewal {
                refresh_token: form.refresh_token?.into(),
                client_id: form.client_id?,
                client_secret: form.client_secret?.into(),
                registration_expires_at: seconds(form.registration_expires_at.as_deref()?)?,
            })
        };
        Some(Self {
            start_url: form.start_url,
            region: form.region,
            expires_at: seconds(&form.expires_at)?,
            access_token: form.access_token.into(),
            renewal: renewal(),
        })
    }

    /// The file's text.
    pub(super) fn text(&self) -> SecretString {
        let renewal = self.renewal.as_ref();
        let form = Form {
            start_url: self.start_url.clone(),
            region: self.region.clone(),
            access_token: self.access_token.expose_secret().to_owned(),
            expires_at: stamp(self.expires_at),
            client_id: renewal.map(|renewal| renewal.client_id.clone()),
            client_secret: renewal.map(|renewal| renewal.client_secret.expose_secret().to_owned()),
            registration_expires_at: renewal.map(|renewal| stamp(renewal.registration_expires_at)),
            refresh_token: renewal.map(|renewal| renewal.refresh_token.expose_secret().to_owned()),
        };
        serde_json::to_string(&form).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    /// As `aws sso login` of AWS CLI 2 leaves it, with other values.
    const CLI: &str = r#"{"startUrl": "https://corp.awsapps.com/start", "region": "eu-west-1", "accessToken": "hush-1",
        "expiresAt": "2026-11-21T20:38:13Z", "clientId": "id", "clientSecret": "hush-2",
        "registrationExpiresAt": "2027-02-19T12:38:13Z", "refreshToken": "hush-3"}"#;

    #[test]
    fn the_file_is_named_as_the_cli_names_it() {
        // printf %s my-sso | sha1sum
        assert_eq!(file_of("my-sso"), "0ad374308c5a4e22f723adf10145eafad7c4031c.json");
    }

    #[test]
    fn a_file_of_the_cli_is_read_and_written_as_it_was() {
        let token = CachedToken::parse(&CLI.into()).unwrap();
        assert_eq!(token.expires_at, 1_795_293_493);
        assert!(!format!("{token:?}").contains("hush"));
        let again: serde_json::Value = serde_json::from_str(token.text().expose_secret()).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(CLI).unwrap());
    }

    #[test]
    fn a_session_without_a_client_is_not_refreshed_and_rubbish_is_none() {
        let bare = r#"{"accessToken": "hush", "expiresAt": "2026-11-21T20:38:13Z"}"#;
        assert!(CachedToken::parse(&bare.into()).unwrap().renewal.is_none());
        for text in ["", "{}", r#"{"accessToken": "hush", "expiresAt": "tomorrow"}"#] {
            assert!(CachedToken::parse(&text.into()).is_none(), "{text}");
        }
    }
}
