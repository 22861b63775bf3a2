//! CloudTrail: who tried to assume roles with a web identity, and whether a trail logs. Reads only.

use aws_sdk_cloudtrail::config::{Builder, Region as SdkRegion};
use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey, Trail};
use aws_smithy_types::DateTime;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Aws, Repeat};
use crate::domain::audit::{Assumption, Assumptions};
use crate::domain::diagnose::trail::Attempt;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::{Partition, Region};

/// The event of a token that is exchanged for a role session.
const EVENT: &str = "AssumeRoleWithWebIdentity";
/// Events in one answer; CloudTrail gives no more (LookupEvents).
pub(super) const PAGE: i32 = 50;
/// Answers that are read of one region: CloudTrail answers two requests a second.
const PAGES: usize = 4;
/// Where calls of the global STS address are recorded (facts/azure-devops.md).
const GLOBAL: &str = "us-east-1";

/// Which events are read, and how many answers of them at most.
pub(super) struct Span {
    pub(super) from: OffsetDateTime,
    /// None: now.
    pub(super) until: Option<OffsetDateTime>,
    pub(super) pages: usize,
}

/// The part of an event's own JSON that is read (CloudTrail User Guide, record contents; IAM User Guide, "Example AWS STS API
/// events").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(rename = "eventID")]
    event_id: String,
    event_time: String,
    #[serde(default)]
    aws_region: String,
    #[serde(default)]
    user_identity: Identity,
    #[serde(default)]
    request_parameters: Option<Parameters>,
    #[serde(default)]
    error_code: Option<String>,
    #[serde(default, rename = "sourceIPAddress")]
    source_address: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(default)]
    user_name: Option<String>,
    #[serde(default)]
    identity_provider: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    #[serde(default)]
    role_arn: Option<String>,
    #[serde(default)]
    role_session_name: Option<String>,
}

/// One event, where it tells its role and time.
fn assumption(text: &str) -> Option<Assumption> {
    let record: Record = serde_json::from_str(text).ok()?;
    let parameters = record.request_parameters?;
    Some(Assumption {
        id: record.event_id,
        at: OffsetDateTime::parse(&record.event_time, &Rfc3339).ok()?,
        region: record.aws_region,
        role: parameters.role_arn?,
        session: parameters.role_session_name,
        subject: record.user_identity.user_name,
        provider: record.user_identity.identity_provider,
        source_address: record.source_address,
        error: record.error_code,
    })
}

impl From<Assumption> for Attempt {
    fn from(found: Assumption) -> Self {
        let Assumption { id, at, region, role, subject, provider, error, .. } = found;
        Self { id, at, region, role, subject, provider, error }
    }
}

impl Aws {
    /// The tries to assume a role with a web identity since then, the newest first, each once: from the environment's region and,
    /// in the partition that has it, from the one of the global STS address. At most 200 events of each region are read.
    ///
    /// # Errors
    /// CloudTrail refuses or does not answer.
    pub async fn web_identities(&self, since: OffsetDateTime) -> Result<Vec<Attempt>> {
        let assumptions = self.assumptions(since, None, PAGES).await?;
        Ok(assumptions.found.into_iter().map(Attempt::from).collect())
    }

    /// Who assumed a role with a web identity, or tried to, from then on and until then (now, where there is none), the newest
    /// first, each once: from the environment's region and, in the partition that has it, from the one of the global STS
    /// address. At most `pages` times 50 events of each region are read; CloudTrail answers two requests a second, and keeps
    /// 90 days.
    ///
    /// # Errors
    /// CloudTrail refuses or does not answer.
    pub async fn assumptions(
        &self,
        from: OffsetDateTime,
        until: Option<OffsetDateTime>,
        pages: usize,
    ) -> Result<Assumptions> {
        self.assumptions_by(EVENT, &Span { from, until, pages }).await
    }

    /// The same for events of another name.
    pub(super) async fn assumptions_by(&self, event: &str, span: &Span) -> Result<Assumptions> {
        let mut all = Assumptions::default();
        for region in self.trail_regions() {
            let (texts, cut) = self.events_in(&region, (LookupAttributeKey::EventName, event), span).await?;
            all.found.extend(texts.iter().filter_map(|text| assumption(text)));
            all.cut.extend(cut.then(|| region.to_string()));
        }
        all.found.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
        all.found.dedup_by(|a, b| a.id == b.id);
        Ok(all)
    }

    /// The environment's region and, in the partition that has it, the one of the global addresses.
    pub(super) fn trail_regions(&self) -> Vec<Region> {
        let global: Option<Region> = match self.region().partition() {
            Partition::Aws => GLOBAL.parse().ok(),
            Partition::AwsUsGov | Partition::AwsCn => None,
        };
        let global = global.filter(|global| global != self.region());
        std::iter::once(self.region().clone()).chain(global).collect()
    }

    /// The events of one region that have an attribute, the newest first, as JSON texts; and whether there are older ones of
    /// that time.
    pub(super) async fn events_in(
        &self,
        region: &Region,
        (key, value): (LookupAttributeKey, &str),
        span: &Span,
    ) -> Result<(Vec<String>, bool)> {
        let attribute = LookupAttribute::builder()
            .attribute_key(key)
            .attribute_value(value)
            .build()
            .map_err(|error| Failure::new(Code::AwsRefused).with("cause", error))?;
        let mut found = Vec::new();
        let mut next = None;
        for _ in 0..span.pages {
            let request = self
                .trail()
                .lookup_events()
                .lookup_attributes(attribute.clone())
                .start_time(DateTime::from_secs(span.from.unix_timestamp()))
                .set_end_time(span.until.map(|until| DateTime::from_secs(until.unix_timestamp())))
                .max_results(PAGE)
                .set_next_token(next);
            let there = || Builder::new().region(SdkRegion::new(region.as_str().to_owned()));
            let call = || request.clone().customize().config_override(there()).send();
            let answer = self.call_trail("cloudtrail:LookupEvents", Repeat::Read, call).await?;
            let events = answer.events.unwrap_or_default().into_iter();
            found.extend(events.filter_map(|event| event.cloud_trail_event));
            next = answer.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok((found, next.is_some()))
    }

    /// Whether any trail that covers the environment's region logs. A trail of the organisation may be invisible from the account.
    ///
    /// # Errors
    /// CloudTrail refuses or does not answer.
    pub async fn has_logging_trail(&self) -> Result<bool> {
        let request = self.trail().describe_trails();
        let answer =
            self.call_trail("cloudtrail:DescribeTrails", Repeat::Read, || request.clone().send()).await?;
        for trail in answer.trail_list.unwrap_or_default() {
            if self.logs(&trail).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn logs(&self, trail: &Trail) -> Result<bool> {
        // A trail seen from another region than its own is known there by its ARN only.
        let Some(name) = trail.trail_arn.as_deref().or(trail.name.as_deref()) else { return Ok(false) };
        let request = self.trail().get_trail_status().name(name);
        let answer =
            self.call_trail("cloudtrail:GetTrailStatus", Repeat::Read, || request.clone().send()).await?;
        Ok(answer.is_logging.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    /// The shape of a refused event as the IAM User Guide and logs in public issues show it.
    const REFUSED: &str = r#"{"eventVersion":"1.08","userIdentity":{"type":"WebIdentityUser","principalId":"arn:aws:iam::111122223333:oidc-provider/vstoken.dev.azure.com/x:api://AzureADTokenExchange:sc://contoso/payments/AWS-Old","userName":"sc://contoso/payments/AWS-Old","identityProvider":"arn:aws:iam::111122223333:oidc-provider/vstoken.dev.azure.com/x"},"eventTime":"2026-11-20T15:09:08Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithWebIdentity","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.7","errorCode":"AccessDenied","errorMessage":"An unknown error occurred","requestParameters":{"roleArn":"arn:aws:iam::111122223333:role/Dev","roleSessionName":"x"},"responseElements":null,"eventID":"e-1"}"#;

    #[test]
    fn an_event_tells_role_subject_and_error() {
        let found = assumption(REFUSED).unwrap();
        assert_eq!(found.role, "arn:aws:iam::111122223333:role/Dev");
        assert_eq!(found.subject.as_deref(), Some("sc://contoso/payments/AWS-Old"));
        assert_eq!(found.error.as_deref(), Some("AccessDenied"));
        assert_eq!((found.region.as_str(), found.at.unix_timestamp()), ("eu-west-1", 1_795_187_348));
        assert_eq!(
            (found.session.as_deref(), found.source_address.as_deref()),
            (Some("x"), Some("192.0.2.7"))
        );
        assert_eq!(assumption(&REFUSED.replace("requestParameters", "other")), None);
        assert_eq!(assumption("{}"), None);
    }
}
