//! Changes of IAM roles. Every one is a single request with its own receipt.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::providers::{tags, there};
use super::{Aws, Repeat, SERVICE};
use crate::domain::arn::RoleArn;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::policy::Document;
use crate::domain::role::WantedRole;

/// A role that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its ARN.
    pub arn: String,
    /// Its unique id.
    pub id: String,
}

fn restore(before: Value) -> Inverse {
    Inverse::Restore { before }
}

impl Aws {
    fn role_write(&self, operation: &str, role: &RoleArn, inverse: Inverse) -> Write {
        Write::new(SERVICE, operation, self.role_object(role.name.as_str()), inverse)
    }

    /// Makes a role with everything CreateRole takes: path, trust, tags, boundary, session length. Its policies come after.
    ///
    /// # Errors
    /// `AwsConflict`: the name is taken; `PolicyMalformed`: IAM does not take the trust; `AwsLimit`.
    pub async fn create_role(&self, pen: &Pen, wanted: &WantedRole, trust: &Document) -> Result<Created> {
        let request = self
            .iam()
            .create_role()
            .role_name(wanted.arn.name.as_str())
            .path(wanted.arn.path.as_str())
            .assume_role_policy_document(trust.to_json())
            .max_session_duration(wanted.max_session_seconds)
            .set_permissions_boundary(wanted.boundary.clone())
            .set_tags(Some(tags(&wanted.tags)?));
        let write = self.role_write("CreateRole", &wanted.arn, Inverse::Delete);
        let call = async {
            let answer = self.call_iam("iam:CreateRole", Repeat::Write, || request.clone().send()).await?;
            let role = answer
                .role
                .ok_or_else(|| Failure::new(Code::AwsRefused).with("cause", "CreateRole without a role"))?;
            Ok(Created { arn: role.arn, id: role.role_id })
        };
        pen.write(write, call, |made| json!({"arn": made.arn, "id": made.id})).await
    }

    /// Replaces the trust policy.
    ///
    /// # Errors
    /// `PolicyMalformed`: IAM does not take it; `AwsLimit`: it is too long for the account.
    pub async fn update_trust(
        &self,
        pen: &Pen,
        role: &RoleArn,
        before: &Document,
        after: &Document,
    ) -> Result<()> {
        let request = self
            .iam()
            .update_assume_role_policy()
            .role_name(role.name.as_str())
            .policy_document(after.to_json());
        let inverse = restore(json!({"role": role, "document": before.to_json()}));
        let write = self
            .role_write("UpdateAssumeRolePolicy", role, inverse)
            .about(json!({"document": after.to_json()}));
        let call = async {
            self.call_iam("iam:UpdateAssumeRolePolicy", Repeat::Write, || request.clone().send())
                .await
                .map(drop)
        };
        pen.write(write, call, |()| json!({"role": role})).await
    }

    /// Writes an inline policy; `before` is the one of that name, where there is one.
    ///
    /// # Errors
    /// `PolicyMalformed`, `AwsLimit`, or IAM refuses or does not answer.
    pub async fn put_inline(
        &self,
        pen: &Pen,
        role: &RoleArn,
        name: &str,
        before: Option<&Document>,
        after: &Document,
    ) -> Result<()> {
        let request = self
            .iam()
            .put_role_policy()
            .role_name(role.name.as_str())
            .policy_name(name)
            .policy_document(after.to_json());
        let inverse = match before {
            Some(before) => restore(json!({"role": role, "policy": name, "document": before.to_json()})),
            None => Inverse::Delete,
        };
        let write = self.role_write("PutRolePolicy", role, inverse).about(json!({"policy": name}));
        let call = async {
            self.call_iam("iam:PutRolePolicy", Repeat::Write, || request.clone().send()).await.map(drop)
        };
        pen.write(write, call, |()| json!({"role": role, "policy": name})).await
    }

    /// Deletes an inline policy. One that is gone is deleted.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn delete_inline(
        &self,
        pen: &Pen,
        role: &RoleArn,
        name: &str,
        before: &Document,
    ) -> Result<()> {
        let request = self.iam().delete_role_policy().role_name(role.name.as_str()).policy_name(name);
        let inverse = restore(json!({"role": role, "policy": name, "document": before.to_json()}));
        let write = self.role_write("DeleteRolePolicy", role, inverse).about(json!({"policy": name}));
        let call = async {
            there(self.call_iam("iam:DeleteRolePolicy", Repeat::Write, || request.clone().send()).await)
                .map(drop)
        };
        pen.write(write, call, |()| json!({"role": role, "policy": name})).await
    }

    /// Attaches a managed policy.
    ///
    /// # Errors
    /// `AwsNotFound`: there is no such policy; `AwsLimit`.
    pub async fn attach(&self, pen: &Pen, role: &RoleArn, policy_arn: &str) -> Result<()> {
        let request = self.iam().attach_role_policy().role_name(role.name.as_str()).policy_arn(policy_arn);
        let write = self
            .role_write("AttachRolePolicy", role, Inverse::Delete)
            .about(json!({"policy_arn": policy_arn}));
        let call = async {
            self.call_iam("iam:AttachRolePolicy", Repeat::Write, || request.clone().send()).await.map(drop)
        };
        pen.write(write, call, |()| json!({"role": role, "policy_arn": policy_arn})).await
    }

    /// Detaches a managed policy. One that is not attached is detached.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn detach(&self, pen: &Pen, role: &RoleArn, policy_arn: &str) -> Result<()> {
        let request = self.iam().detach_role_policy().role_name(role.name.as_str()).policy_arn(policy_arn);
        let inverse = restore(json!({"role": role, "policy_arn": policy_arn}));
        let write =
            self.role_write("DetachRolePolicy", role, inverse).about(json!({"policy_arn": policy_arn}));
        let call = async {
            there(self.call_iam("iam:DetachRolePolicy", Repeat::Write, || request.clone().send()).await)
                .map(drop)
        };
        pen.write(write, call, |()| json!({"role": role, "policy_arn": policy_arn})).await
    }

    /// Sets tags; others stay. `before` holds the values these keys had.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn tag(
        &self,
        pen: &Pen,
        role: &RoleArn,
        before: &BTreeMap<String, String>,
        wanted: &BTreeMap<String, String>,
    ) -> Result<()> {
        let request = self.iam().tag_role().role_name(role.name.as_str()).set_tags(Some(tags(wanted)?));
        let write = self
            .role_write("TagRole", role, restore(json!({"role": role, "tags": before})))
            .about(json!({"tags": wanted}));
        let call =
            async { self.call_iam("iam:TagRole", Repeat::Write, || request.clone().send()).await.map(drop) };
        pen.write(write, call, |()| json!({"role": role, "tags": wanted})).await
    }

    /// Removes tags. `before` holds their values.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn untag(&self, pen: &Pen, role: &RoleArn, before: &BTreeMap<String, String>) -> Result<()> {
        let keys = before.keys().cloned().collect();
        let request = self.iam().untag_role().role_name(role.name.as_str()).set_tag_keys(Some(keys));
        let write = self.role_write("UntagRole", role, restore(json!({"role": role, "tags": before})));
        let call = async {
            self.call_iam("iam:UntagRole", Repeat::Write, || request.clone().send()).await.map(drop)
        };
        pen.write(write, call, |()| json!({"role": role})).await
    }

    /// Sets the permissions boundary; `before` is the one it had.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn set_boundary(
        &self,
        pen: &Pen,
        role: &RoleArn,
        before: Option<&str>,
        boundary: &str,
    ) -> Result<()> {
        let request = self
            .iam()
            .put_role_permissions_boundary()
            .role_name(role.name.as_str())
            .permissions_boundary(boundary);
        let inverse = match before {
            Some(before) => restore(json!({"role": role, "boundary": before})),
            None => Inverse::Delete,
        };
        let write = self.role_write("PutRolePermissionsBoundary", role, inverse);
        let call = async {
            self.call_iam("iam:PutRolePermissionsBoundary", Repeat::Write, || request.clone().send())
                .await
                .map(drop)
        };
        pen.write(write, call, |()| json!({"role": role})).await
    }

    /// Removes the permissions boundary. One that is gone is removed.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn delete_boundary(&self, pen: &Pen, role: &RoleArn, before: &str) -> Result<()> {
        let request = self.iam().delete_role_permissions_boundary().role_name(role.name.as_str());
        let inverse = restore(json!({"role": role, "boundary": before}));
        let write = self.role_write("DeleteRolePermissionsBoundary", role, inverse);
        let call = async {
            let action = "iam:DeleteRolePermissionsBoundary";
            there(self.call_iam(action, Repeat::Write, || request.clone().send()).await).map(drop)
        };
        pen.write(write, call, |()| json!({"role": role})).await
    }

    /// Sets the longest session, in seconds (3600 to 43200).
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn set_max_session(&self, pen: &Pen, role: &RoleArn, before: i32, seconds: i32) -> Result<()> {
        let request = self.iam().update_role().role_name(role.name.as_str()).max_session_duration(seconds);
        let inverse = restore(json!({"role": role, "max_session_seconds": before}));
        let write = self.role_write("UpdateRole", role, inverse);
        let call = async {
            self.call_iam("iam:UpdateRole", Repeat::Write, || request.clone().send()).await.map(drop)
        };
        pen.write(write, call, |()| json!({"role": role})).await
    }

    /// Deletes a role that has no policies any more. One that is gone is deleted.
    ///
    /// # Errors
    /// `AwsConflict`: it still has policies, or is in an instance profile.
    pub async fn delete_role(&self, pen: &Pen, role: &RoleArn) -> Result<()> {
        let request = self.iam().delete_role().role_name(role.name.as_str());
        let why = "a new role of the same name has another id".to_owned();
        let write = self.role_write("DeleteRole", role, Inverse::Irreversible { why });
        let call = async {
            there(self.call_iam("iam:DeleteRole", Repeat::Write, || request.clone().send()).await).map(drop)
        };
        pen.write(write, call, |()| json!({"role": role})).await
    }
}
