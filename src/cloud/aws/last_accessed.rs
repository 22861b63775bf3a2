//! When services and actions were last used with the permissions of a role (service last accessed). Reads only.

use aws_sdk_iam::types::{AccessAdvisorUsageGranularityType, JobStatusType, ServiceLastAccessed};
use time::OffsetDateTime;

use super::keys::moment;
use super::providers::there;
use super::{Aws, Repeat};
use crate::domain::arn::RoleArn;
use crate::domain::audit::{ActionAccess, ServiceAccess};
use crate::domain::failure::{Code, Failure, Result};

/// How far IAM is with a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastAccessed {
    /// It is being made; ask again in a moment.
    InProgress,
    /// Every service that the role's policies name, used or not.
    Ready(Vec<ServiceAccess>),
}

impl Aws {
    /// Has IAM make the report of a role, with actions where it keeps track of them. Answers the job to ask for; a report is
    /// kept for 7 days. Changes nothing of the role.
    ///
    /// # Errors
    /// `AwsNotFound`: there is no such role; `AwsDenied`.
    pub async fn generate_last_accessed(&self, role: &RoleArn) -> Result<String> {
        let request = self
            .iam()
            .generate_service_last_accessed_details()
            .arn(role.to_string())
            .granularity(AccessAdvisorUsageGranularityType::ActionLevel);
        let call = || request.clone().send();
        let answer = self.call_iam("iam:GenerateServiceLastAccessedDetails", Repeat::Read, call).await?;
        answer.job_id.ok_or_else(|| unexpected("a report without a job"))
    }

    /// When a role was made: before that it used nothing. None: there is no such role.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn role_created(&self, role: &RoleArn) -> Result<Option<OffsetDateTime>> {
        let request = self.iam().get_role().role_name(role.name.to_string());
        let answer = self.call_iam("iam:GetRole", Repeat::Read, || request.clone().send()).await;
        let created = there(answer)?.and_then(|found| found.role).map(|role| role.create_date);
        Ok(created.as_ref().and_then(moment))
    }

    /// How far the report of a job is. Whoever asks, waits between two questions.
    ///
    /// # Errors
    /// `AwsRefused`: IAM could not make the report; `AwsNotFound`: there is no such job.
    pub async fn last_accessed(&self, job: &str) -> Result<LastAccessed> {
        let mut all = Vec::new();
        let mut marker = None;
        loop {
            let request =
                self.iam().get_service_last_accessed_details().job_id(job).max_items(1000).set_marker(marker);
            let call = || request.clone().send();
            let answer = self.call_iam("iam:GetServiceLastAccessedDetails", Repeat::Read, call).await?;
            match answer.job_status {
                JobStatusType::InProgress => return Ok(LastAccessed::InProgress),
                JobStatusType::Completed => {}
                _ => {
                    let cause = answer.error.map_or_else(|| "it failed".to_owned(), |error| error.code);
                    return Err(unexpected(&cause));
                }
            }
            all.extend(answer.services_last_accessed.into_iter().map(access));
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                return Ok(LastAccessed::Ready(all));
            }
        }
    }
}

fn access(service: ServiceLastAccessed) -> ServiceAccess {
    let tracked = service.tracked_actions_last_accessed.unwrap_or_default();
    ServiceAccess {
        namespace: service.service_namespace,
        name: service.service_name,
        last: service.last_authenticated.as_ref().and_then(moment),
        actions: tracked
            .into_iter()
            .filter_map(|action| {
                let last = action.last_accessed_time.as_ref().and_then(moment);
                Some(ActionAccess { action: action.action_name?, last })
            })
            .collect(),
    }
}

fn unexpected(cause: &str) -> Failure {
    Failure::new(Code::AwsRefused).with("action", "iam:GetServiceLastAccessedDetails").with("cause", cause)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use aws_sdk_iam::types::TrackedActionLastAccessed;
    use aws_smithy_types::DateTime;

    use super::*;

    #[test]
    fn what_was_never_used_has_no_time() {
        let used = TrackedActionLastAccessed::builder()
            .action_name("GetObject")
            .last_accessed_time(DateTime::from_secs(1_795_187_348))
            .build();
        let unused = TrackedActionLastAccessed::builder().action_name("PutObject").build();
        let service = ServiceLastAccessed::builder()
            .service_name("Amazon S3")
            .service_namespace("s3")
            .tracked_actions_last_accessed(used)
            .tracked_actions_last_accessed(unused)
            .build()
            .unwrap();
        let found = access(service);
        assert_eq!((found.namespace.as_str(), found.last), ("s3", None));
        let told: Vec<_> = found.actions.iter().map(|it| (it.action.as_str(), it.last.is_some())).collect();
        assert_eq!(told, [("GetObject", true), ("PutObject", false)]);
    }
}
