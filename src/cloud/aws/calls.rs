//! CloudTrail: what sessions of a role called. Reads only.

use std::collections::BTreeSet;

use aws_sdk_cloudtrail::types::LookupAttributeKey;
use serde::Deserialize;
use time::OffsetDateTime;

use super::Aws;
use super::trail::{PAGE, Span};
use crate::domain::arn::RoleArn;
use crate::domain::failure::Result;
use crate::domain::narrow::Recorded;

/// Answers that are read of one region and session, and of the assumptions: CloudTrail answers two requests a second.
const PAGES: usize = 60;
/// Sessions by different names that are followed.
const SESSIONS: usize = 20;

/// The part of an event that is read (CloudTrail User Guide, "CloudTrail userIdentity element").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_source: String,
    event_name: String,
    #[serde(default)]
    user_identity: Identity,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    session_context: Context,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Context {
    session_issuer: Issuer,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Issuer {
    arn: String,
}

/// Service and name of a call that a session of the role made; none: the event is somebody else's.
fn call(text: &str, role: &str) -> Option<(String, String)> {
    let record: Record = serde_json::from_str(text).ok()?;
    let source = record.event_source.split('.').next()?.to_owned();
    let own = record.user_identity.session_context.session_issuer.arn.eq_ignore_ascii_case(role);
    own.then_some((source, record.event_name))
}

impl Aws {
    /// What sessions of a role called since then, as the event history of the environment's region and of the one with the
    /// global services tells: management events, at most 90 days of them. `assumed` are the names of the events by which
    /// somebody becomes the role.
    ///
    /// # Errors
    /// CloudTrail refuses or does not answer.
    pub async fn role_calls(
        &self,
        role: &RoleArn,
        assumed: &[&'static str],
        since: OffsetDateTime,
    ) -> Result<Recorded> {
        let arn = role.to_string();
        let (regions, span) = (self.trail_regions(), Span { from: since, until: None, pages: PAGES });
        let mut recorded =
            Recorded { regions: regions.iter().map(ToString::to_string).collect(), ..Recorded::default() };
        let mut cut = false;
        for name in assumed {
            let found = self.assumptions_by(name, &span).await?;
            cut |= !found.cut.is_empty();
            let own = found.found.into_iter().filter(|it| it.error.is_none());
            let own = own.filter(|it| it.role.eq_ignore_ascii_case(&arn));
            recorded.sessions.extend(own.filter_map(|it| it.session));
        }
        let followed: BTreeSet<&String> = recorded.sessions.iter().take(SESSIONS).collect();
        cut |= followed.len() < recorded.sessions.len();
        for region in &regions {
            for session in &followed {
                let (texts, more) =
                    self.events_in(region, (LookupAttributeKey::Username, session), &span).await?;
                cut |= more;
                for (source, name) in texts.iter().filter_map(|text| call(text, &arn)) {
                    recorded.calls.entry(source).or_default().insert(name);
                }
            }
        }
        recorded.cut = cut.then_some(PAGES * usize::try_from(PAGE).unwrap_or_default());
        Ok(recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_of_the_role_are_told() {
        let event = |role: &str| {
            format!(
                r#"{{"userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/Dev/keyless-dev",
                "sessionContext":{{"sessionIssuer":{{"type":"Role","arn":"arn:aws:iam::111122223333:role/{role}"}}}}}},
                "eventSource":"cloudformation.amazonaws.com","eventName":"CreateChangeSet"}}"#
            )
        };
        let role = "arn:aws:iam::111122223333:role/ci/Dev";
        assert_eq!(
            call(&event("ci/Dev"), role),
            Some(("cloudformation".to_owned(), "CreateChangeSet".to_owned()))
        );
        assert_eq!(call(&event("Dev"), role), None);
        assert_eq!(call(r#"{"eventSource":"s3.amazonaws.com","eventName":"ListBuckets"}"#, role), None);
        assert_eq!(call("{}", role), None);
    }
}
