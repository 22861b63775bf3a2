//! Managed policies. Reads only.

use super::providers::there;
use super::roles::document;
use super::{Aws, Repeat};
use crate::domain::failure::Result;
use crate::domain::policy::Document;

impl Aws {
    /// What a managed policy says in its default version; none: there is no such policy.
    ///
    /// # Errors
    /// IAM refuses or does not answer; `PolicyMalformed` when it cannot be read.
    pub async fn managed_policy(&self, arn: &str) -> Result<Option<Document>> {
        let request = self.iam().get_policy().policy_arn(arn);
        let answer = self.call_iam("iam:GetPolicy", Repeat::Read, || request.clone().send()).await;
        let version =
            there(answer)?.and_then(|found| found.policy).and_then(|found| found.default_version_id);
        let Some(version) = version else { return Ok(None) };
        let request = self.iam().get_policy_version().policy_arn(arn).version_id(version);
        let answer = self.call_iam("iam:GetPolicyVersion", Repeat::Read, || request.clone().send()).await;
        let text = there(answer)?.and_then(|found| found.policy_version).and_then(|found| found.document);
        text.map(|text| document(&text, arn)).transpose()
    }
}
