//! Static keys: of connections now, and those keyless emptied out of them.

use time::{Duration, OffsetDateTime};

use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::EnvironmentName;

/// After this long a key should have been changed (issue: "older than 90 days").
const OLD: Duration = Duration::days(90);

/// An access key as IAM tells of it (GetAccessKeyLastUsed, ListAccessKeys).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// `AKIA…`.
    pub id: String,
    /// The IAM user it belongs to.
    pub user: String,
    /// Whether it signs in.
    pub active: bool,
    /// When it was made.
    pub created: Option<OffsetDateTime>,
    /// When it was last used; none: never, or not since AWS keeps track.
    pub used: Option<OffsetDateTime>,
}

/// Whether a connection still signs in with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The connection holds it.
    InConnection,
    /// keyless emptied it out of the connection at that time, by the journal.
    Emptied(OffsetDateTime),
}

/// What is wrong with an access key. One that is off is no way in any more.
#[must_use]
pub fn explains(
    environment: &EnvironmentName,
    key: &AccessKey,
    place: Place,
    now: OffsetDateTime,
) -> Vec<Finding> {
    if !key.active {
        return Vec::new();
    }
    let about = |code| {
        let used = key.used.map_or_else(|| "never".to_owned(), day);
        Finding::about(environment, code)
            .with("access key", &key.id)
            .with("user", &key.user)
            .with("last used", used)
    };
    let mut findings = Vec::new();
    if let Place::Emptied(at) = place {
        let since = key.used.is_some_and(|used| used > at);
        let code = if since { FindingCode::KeysActive } else { FindingCode::KeysUnused };
        findings.push(about(code).with("replaced", day(at)));
    }
    if let Some(created) = key.created.filter(|created| now - *created > OLD) {
        let days = (now - created).whole_days();
        findings.push(about(FindingCode::KeysOld).with("created", day(created)).with("days", days));
    }
    findings
}

fn day(at: OffsetDateTime) -> String {
    at.date().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use time::macros::datetime;

    use super::*;

    #[test]
    fn use_since_the_switch_decides() {
        let switched = datetime!(2026-10-01 00:00 UTC);
        let key = |active, created, used| AccessKey {
            id: "AKIA".to_owned(),
            user: "deploy".to_owned(),
            active,
            created: Some(created),
            used,
        };
        let (young, old) = (datetime!(2026-09-01 00:00 UTC), datetime!(2026-01-01 00:00 UTC));
        let codes = |key: &AccessKey, place| {
            let found = explains(&"dev".parse().unwrap(), key, place, datetime!(2026-11-01 00:00 UTC));
            found.iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        let emptied = Place::Emptied(switched);
        let after = Some(datetime!(2026-10-02 00:00 UTC));
        let before = Some(datetime!(2026-09-30 00:00 UTC));
        assert_eq!(codes(&key(true, young, after), emptied), [FindingCode::KeysActive]);
        assert_eq!(codes(&key(true, young, before), emptied), [FindingCode::KeysUnused]);
        assert_eq!(codes(&key(true, young, None), Place::InConnection), []);
        assert_eq!(codes(&key(true, old, None), emptied), [FindingCode::KeysUnused, FindingCode::KeysOld]);
        assert_eq!(codes(&key(false, old, after), emptied), []);
    }
}
