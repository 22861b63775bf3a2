//! The issuer: how long it still lives.

use time::{Duration, OffsetDateTime};

use crate::domain::finding::{Finding, FindingCode};
use crate::domain::issuer::Issuer;
use crate::domain::role::{Role, WantedRole};

/// How long before an announced end it is said.
const NEAR: Duration = Duration::days(90);

/// The announced end of an issuer, once it is near or past.
#[must_use]
pub fn retires(issuer: &Issuer, now: OffsetDateTime) -> Option<Finding> {
    let end = issuer.retires()?;
    let left = end - now.date();
    (left < NEAR).then(|| {
        Finding::overall(FindingCode::IssuerRetires)
            .with("issuer", issuer)
            .with("date", end)
            .with("days left", left.whole_days().max(0))
    })
}

/// The second statement of a move, which admits this connection under the issuer that comes next.
#[must_use]
pub fn moves(wanted: &WantedRole, found: &Role) -> Option<Finding> {
    if wanted.beside.is_some() {
        return None;
    }
    let next = found.trust.statements().iter().find_map(|statement| wanted.next(statement))?;
    Some(
        Finding::about(&wanted.environment, FindingCode::IssuerMoving)
            .with("role", &found.arn)
            .with("issuer", next.issuer_host_path)
            .with("subject", next.subject),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_end_is_said_when_it_is_near() {
        let issuer = Issuer::vstoken(uuid::Uuid::nil());
        assert_eq!(retires(&issuer, datetime!(2027-04-02 00:00 UTC)), None);
        let near = retires(&issuer, datetime!(2027-04-03 00:00 UTC)).unwrap();
        assert_eq!(near.evidence("days left"), Some("89"));
        assert!(retires(&issuer, datetime!(2028-01-01 00:00 UTC)).is_some());
        let entra = "https://login.microsoftonline.com/t/v2.0".parse().unwrap();
        assert_eq!(retires(&entra, datetime!(2028-01-01 00:00 UTC)), None);
    }
}
