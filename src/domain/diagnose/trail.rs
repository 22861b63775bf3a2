//! What CloudTrail tells: refused tries of others than the one subject, and whether a trail logs.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::signature::known;
use crate::domain::arn::RoleArn;
use crate::domain::denial::is_of;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::{ConnectionName, EnvironmentName};

/// How late events may be (CloudTrail User Guide: typically within about 5 minutes; facts/azure-devops.md: up to 15).
pub const DELAY: &str = "events are up to 15 minutes late, and that there is none proves nothing";

/// One try to assume a role with a web identity, as CloudTrail recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The event's id.
    pub id: String,
    /// When.
    pub at: OffsetDateTime,
    /// The region of the STS address that was called.
    pub region: String,
    /// ARN of the role, as it was asked for.
    pub role: String,
    /// The `sub` claim; none: the event does not tell it.
    pub subject: Option<String>,
    /// ARN of the provider; none: the event does not tell it.
    pub provider: Option<String>,
    /// STS's error code; none: it was let in.
    pub error: Option<String>,
}

/// Whose tries are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The environment.
    pub environment: EnvironmentName,
    /// Its role.
    pub role: RoleArn,
    /// Its connection.
    pub connection: ConnectionName,
    /// The subject that should get in.
    pub subject: String,
}

/// The tries for the environment's role. Names of roles ignore case.
pub fn of_role<'a>(watched: &Watched, attempts: &'a [Attempt]) -> impl Iterator<Item = &'a Attempt> {
    let role = watched.role.to_string();
    attempts.iter().filter(move |attempt| attempt.role.eq_ignore_ascii_case(&role))
}

/// The refused tries of other subjects, one finding for each subject with its newest try. keyless's own throw-away connections
/// are meant to be refused. `attempts` are in order, the newest first.
#[must_use]
pub fn denied(watched: &Watched, attempts: &[Attempt]) -> Vec<Finding> {
    let mut told: Vec<(&str, &Attempt, usize)> = Vec::new();
    for attempt in of_role(watched, attempts) {
        let (Some(subject), true) = (attempt.subject.as_deref(), attempt.error.is_some()) else { continue };
        if subject == watched.subject || is_decoy(watched, subject) {
            continue;
        }
        match told.iter_mut().find(|(known, ..)| *known == subject) {
            Some((.., count)) => *count += 1,
            None => told.push((subject, attempt, 1)),
        }
    }
    let finding = |(subject, newest, count): (&str, &Attempt, usize)| {
        Finding::about(&watched.environment, FindingCode::TrailDenied)
            .with("role", &watched.role)
            .differs(known().cleaned(subject), &watched.subject)
            .with("last", newest.at.format(&Rfc3339).unwrap_or_default())
            .with("error", known().shown(newest.error.as_deref().unwrap_or_default()))
            .with("region", &newest.region)
            .with("times", count)
    };
    told.into_iter().map(finding).collect()
}

fn is_decoy(watched: &Watched, subject: &str) -> bool {
    let stem = watched.subject.strip_suffix(watched.connection.as_str()).unwrap_or(&watched.subject);
    subject.strip_prefix(stem).is_some_and(|name| is_of(name, &watched.connection))
}

/// That nobody can look up later who became the role.
#[must_use]
pub fn off(environment: &EnvironmentName, account: &str, region: &str) -> Finding {
    Finding::about(environment, FindingCode::TrailOff).with("account", account).with("region", region)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use time::macros::datetime;

    use super::*;

    #[test]
    fn only_refused_strangers_are_told_each_once() {
        let watched = Watched {
            environment: "dev".parse().unwrap(),
            role: "arn:aws:iam::111122223333:role/Dev".parse().unwrap(),
            connection: "AWS-Dev".parse().unwrap(),
            subject: "sc://contoso/payments/AWS-Dev".to_owned(),
        };
        let attempt = |role: &str, subject: Option<&str>, error: Option<&str>| Attempt {
            id: String::new(),
            at: datetime!(2026-11-20 12:00 UTC),
            region: "us-east-1".to_owned(),
            role: format!("arn:aws:iam::111122223333:role/{role}"),
            subject: subject.map(|name| format!("sc://contoso/payments/{name}")),
            provider: None,
            error: error.map(str::to_owned),
        };
        let denial = Some("AccessDenied");
        let attempts = [
            attempt("Dev", Some("AWS-Old"), denial),
            attempt("Dev", Some("AWS-Dev"), denial),
            attempt("Dev", Some("AWS-Other"), None),
            attempt("Dev", Some("AWS-Dev-keyless-0a1b2c3d"), denial),
            attempt("Dev", None, denial),
            attempt("Other", Some("AWS-Third"), denial),
            attempt("dev", Some("AWS-Old"), denial),
        ];
        let findings = denied(&watched, &attempts);
        assert_eq!(findings.len(), 1, "{findings:#?}");
        assert_eq!(findings[0].pair().unwrap().0, "sc://contoso/payments/AWS-Old");
        assert_eq!(findings[0].evidence("times"), Some("2"));
        assert_eq!(of_role(&watched, &attempts).count(), 6);
    }
}
