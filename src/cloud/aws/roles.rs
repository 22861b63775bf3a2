//! IAM roles as they are: trust, policies, boundary, tags; and every role's trust of an account.

use std::collections::BTreeMap;

use futures::future::{join, try_join_all};
use percent_encoding::percent_decode_str;

use super::providers::{tag_map, there};
use super::{Aws, Repeat};
use crate::domain::arn::RoleArn;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::RoleName;
use crate::domain::policy::Document;
use crate::domain::role::Role;

/// What IAM gives a role that asks for no other session length, in seconds (CreateRole).
const DEFAULT_SESSION_SECONDS: i32 = 3600;

/// A document as IAM answers it: percent-encoded (RFC 3986).
pub(super) fn document(text: &str, of: &str) -> Result<Document> {
    let plain = if text.trim_start().starts_with('{') {
        text.to_owned()
    } else {
        percent_decode_str(text).decode_utf8_lossy().into_owned()
    };
    Document::parse(&plain)
        .map_err(|error| Failure::new(Code::PolicyMalformed).with("policy", of).with("cause", error))
}

fn role_arn(text: &str) -> Result<RoleArn> {
    text.parse().map_err(|refused| Failure::new(Code::AwsRefused).with("cause", refused))
}

impl Aws {
    /// A role with its policies; none: there is none. Policies are asked for only where there is a role, side by side.
    ///
    /// # Errors
    /// IAM refuses or does not answer; `PolicyMalformed` when a policy cannot be read.
    pub async fn role(&self, name: &RoleName) -> Result<Option<Role>> {
        let request = self.iam().get_role().role_name(name.as_str());
        let role = self.call_iam("iam:GetRole", Repeat::Read, || request.clone().send()).await;
        let Some(found) = there(role)?.and_then(|answer| answer.role) else { return Ok(None) };
        let (inline, managed) = join(self.inline(name), self.managed(name)).await;
        // A role that vanished meanwhile is not there.
        let (Some(inline), Some(managed)) = (there(inline)?, there(managed)?) else { return Ok(None) };
        let trust = document(found.assume_role_policy_document.as_deref().unwrap_or_default(), "trust")?;
        Ok(Some(Role {
            arn: role_arn(&found.arn)?,
            id: found.role_id,
            trust,
            max_session_seconds: found.max_session_duration.unwrap_or(DEFAULT_SESSION_SECONDS),
            boundary: found.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
            tags: tag_map(found.tags),
            inline,
            managed,
        }))
    }

    /// A role's tags alone; none: there is no such role.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn role_tags(&self, name: &RoleName) -> Result<Option<BTreeMap<String, String>>> {
        let request = self.iam().get_role().role_name(name.as_str());
        let role = self.call_iam("iam:GetRole", Repeat::Read, || request.clone().send()).await;
        Ok(there(role)?.and_then(|answer| answer.role).map(|role| tag_map(role.tags)))
    }

    async fn inline(&self, role: &RoleName) -> Result<BTreeMap<String, Document>> {
        let mut names = Vec::new();
        let mut marker = None;
        loop {
            let request = self.iam().list_role_policies().role_name(role.as_str()).set_marker(marker);
            let answer =
                self.call_iam("iam:ListRolePolicies", Repeat::Read, || request.clone().send()).await?;
            names.extend(answer.policy_names);
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                break;
            }
        }
        let documents = names.into_iter().map(|name| async move {
            let request = self.iam().get_role_policy().role_name(role.as_str()).policy_name(&name);
            let answer = self.call_iam("iam:GetRolePolicy", Repeat::Read, || request.clone().send()).await?;
            let document = document(&answer.policy_document, &name)?;
            Ok::<_, Failure>((name, document))
        });
        Ok(try_join_all(documents).await?.into_iter().collect())
    }

    async fn managed(&self, role: &RoleName) -> Result<Vec<String>> {
        let mut arns = Vec::new();
        let mut marker = None;
        loop {
            let request =
                self.iam().list_attached_role_policies().role_name(role.as_str()).set_marker(marker);
            let answer = self
                .call_iam("iam:ListAttachedRolePolicies", Repeat::Read, || request.clone().send())
                .await?;
            arns.extend(
                answer
                    .attached_policies
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|policy| policy.policy_arn),
            );
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                return Ok(arns);
            }
        }
    }

    /// Every role of the account with its trust.
    ///
    /// # Errors
    /// IAM refuses or does not answer, or one trust cannot be read: an incomplete list must not look complete.
    pub async fn roles_with_trust(&self) -> Result<Vec<(RoleArn, Document)>> {
        let mut roles = Vec::new();
        let mut marker = None;
        loop {
            let request = self.iam().list_roles().max_items(1000).set_marker(marker);
            let answer = self.call_iam("iam:ListRoles", Repeat::Read, || request.clone().send()).await?;
            for role in answer.roles {
                let trust =
                    document(role.assume_role_policy_document.as_deref().unwrap_or_default(), &role.arn)?;
                roles.push((role_arn(&role.arn)?, trust));
            }
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                return Ok(roles);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn documents_come_percent_encoded() {
        let plain =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let encoded =
            percent_encoding::utf8_percent_encode(plain, percent_encoding::NON_ALPHANUMERIC).to_string();
        assert_eq!(document(&encoded, "x").unwrap().to_json(), document(plain, "x").unwrap().to_json());
        assert_eq!(document("%7B", "x").unwrap_err().code, Code::PolicyMalformed);
    }
}
