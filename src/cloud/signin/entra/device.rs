//! Sign-in with a device code: a person types it on any machine that has a browser.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::refusal::{self, Refusal};
use super::{DEVICE_CODE, Entra, Granted, POLL, SCOPE, read, secret};
use crate::cloud::signin::session::{LONGEST, Tokens};
use crate::domain::failure::{Code, Failure, Result};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Added to the interval whenever Entra asks to slow down (RFC 8628, 3.5).
const SLOWER: u64 = 5;

/// A code to be typed, and where.
#[derive(Debug, Clone, Deserialize)]
pub struct DeviceCode {
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// For how many seconds the code is taken.
    pub expires_in: u64,
    /// Seconds between two questions whether somebody signed in.
    #[serde(default = "usual_interval")]
    pub interval: u64,
    #[serde(deserialize_with = "secret")]
    device_code: SecretString,
}

fn usual_interval() -> u64 {
    5
}

/// What a refusal means for the wait: the seconds until the next question, or the end.
fn next(refusal: &Refusal, interval: u64) -> Option<u64> {
    match refusal.error.as_str() {
        "authorization_pending" => Some(interval),
        "slow_down" => Some(interval.saturating_add(SLOWER)),
        _ => None,
    }
}

impl Entra {
    /// A code for a person to sign in with.
    ///
    /// # Errors
    /// Entra does not answer, or refuses tenant or client.
    pub async fn device(&self) -> Result<DeviceCode> {
        self.ask(&DEVICE_CODE, "devicecode", vec![("scope", SCOPE.to_owned().into())]).await
    }

    /// Waits until somebody signed in with the code.
    ///
    /// # Errors
    /// They refused (`EntraDeclined`), a policy blocks it, the code is past its end (`EntraTimedOut`), or `stop` was set.
    pub async fn wait(&self, code: &DeviceCode, stop: &CancellationToken) -> Result<Tokens> {
        let ends = Instant::now() + Duration::from_secs(code.expires_in).min(LONGEST);
        let mut interval = code.interval;
        loop {
            let pause = self.second.saturating_mul(u32::try_from(interval).unwrap_or(u32::MAX)).min(LONGEST);
            tokio::select! {
                // Nobody waits past the end of the code.
                () = tokio::time::sleep_until((Instant::now() + pause).min(ends)) => {}
                () = stop.cancelled() => return Err(Failure::new(Code::Stopped).with("by", "ctrl-c")),
            }
            let fields =
                vec![("grant_type", GRANT.to_owned().into()), ("device_code", code.device_code.clone())];
            let answer = tokio::select! {
                answer = self.send(&POLL, "token", fields) => answer?,
                () = stop.cancelled() => return Err(Failure::new(Code::Stopped).with("by", "ctrl-c")),
            };
            if answer.status == 200 {
                return Ok(Tokens::from(read::<Granted>(&POLL, &answer)?));
            }
            let again = Refusal::of(&answer).and_then(|refusal| next(&refusal, interval));
            interval = again.ok_or_else(|| refusal::failure(&POLL, &answer, self.client()))?;
            if Instant::now() >= ends {
                return Err(Failure::new(Code::EntraTimedOut)
                    .with("code", &code.user_code)
                    .with("was open for", format!("{} minutes", code.expires_in.div_ceil(60))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowing_down_adds_five_seconds_each_time() {
        let refusal = |error: &str| Refusal { error: error.to_owned(), ..Refusal::default() };
        assert_eq!(next(&refusal("authorization_pending"), 5), Some(5));
        assert_eq!(next(&refusal("slow_down"), 5), Some(10));
        assert_eq!(next(&refusal("slow_down"), 10), Some(15));
        assert_eq!(next(&refusal("slow_down"), u64::MAX), Some(u64::MAX));
        assert_eq!(next(&refusal("expired_token"), 5), None);
        assert_eq!(next(&refusal("authorization_declined"), 5), None);
    }
}
