//! Changes of IAM users and their access keys. Every one is a single request with its own receipt; no secret is in any.

use std::collections::BTreeMap;

use aws_sdk_iam::types::StatusType;
use serde_json::{Value, json};

use super::keys::is_active;
use super::providers::{tag_map, tags, there};
use super::{Aws, Repeat, SERVICE};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::policy::Document;
use crate::domain::user::{NewKey, User};

const NO_SECRET_TWICE: &str = "AWS tells the secret of a key once: a deleted key does not come back";
const NO_SAME_USER: &str = "a new user of the same name has another id, and other keys";

fn restore(before: Value) -> Inverse {
    Inverse::Restore { before }
}

impl Aws {
    fn user_write(&self, operation: &str, user: &str, inverse: Inverse) -> Write {
        Write::new(SERVICE, operation, format!("user {}/{user}", self.account()), inverse)
    }

    fn key_write(&self, operation: &str, id: &str, inverse: Inverse) -> Write {
        Write::new(SERVICE, operation, format!("key {}/{id}", self.account()), inverse)
    }

    /// The values some tags of a user have; null: it has no such tag.
    async fn tags_of_user(&self, user: &str, keys: impl Iterator<Item = &String> + Send) -> Result<Value> {
        let request = self.iam().get_user().user_name(user);
        let answer = self.call_iam("iam:GetUser", Repeat::Read, || request.clone().send()).await?;
        let found = tag_map(answer.user.and_then(|user| user.tags));
        Ok(keys.map(|key| (key.clone(), json!(found.get(key)))).collect())
    }

    /// Sets tags of a user; others stay.
    ///
    /// # Errors
    /// `AwsNotFound`: there is no such user; `AwsRefused`: IAM does not take a key or value.
    pub async fn tag_user(&self, pen: &Pen, user: &str, wanted: &[(String, String)]) -> Result<()> {
        let before = self.tags_of_user(user, wanted.iter().map(|(key, _)| key)).await?;
        let wanted: BTreeMap<String, String> = wanted.iter().cloned().collect();
        let request = self.iam().tag_user().user_name(user).set_tags(Some(tags(&wanted)?));
        let write = self
            .user_write("TagUser", user, restore(json!({"user": user, "tags": before})))
            .about(json!({"tags": wanted}));
        let call =
            async { self.call_iam("iam:TagUser", Repeat::Write, || request.clone().send()).await.map(drop) };
        pen.write(write, call, |()| json!({"user": user, "tags": wanted})).await
    }

    /// Removes tags of a user. Those it does not have are removed.
    ///
    /// # Errors
    /// `AwsNotFound`: there is no such user.
    pub async fn untag_user(&self, pen: &Pen, user: &str, keys: &[String]) -> Result<()> {
        let before = self.tags_of_user(user, keys.iter()).await?;
        let request = self.iam().untag_user().user_name(user).set_tag_keys(Some(keys.to_vec()));
        let write = self
            .user_write("UntagUser", user, restore(json!({"user": user, "tags": before})))
            .about(json!({"tags": keys}));
        let call = async {
            self.call_iam("iam:UntagUser", Repeat::Write, || request.clone().send()).await.map(drop)
        };
        pen.write(write, call, |()| json!({"user": user})).await
    }

    /// Makes an access key. Never sent twice: a second key would take the user's last place. The intent names the keys the
    /// user had, so that one whose answer was lost is found as the one that was not there before.
    ///
    /// # Errors
    /// `AwsKeyLimit`: the user has as many keys as one may have; `AwsNotFound`: there is no such user.
    pub async fn create_access_key(&self, pen: &Pen, user: &str) -> Result<NewKey> {
        let listed = self.listed_keys(user).await?;
        let before: Vec<String> = listed.into_iter().filter_map(|key| key.access_key_id).collect();
        let request = self.iam().create_access_key().user_name(user);
        let write = self
            .user_write("CreateAccessKey", user, Inverse::Delete)
            .about(json!({"user": user, "keys_before": before}));
        let call = async {
            let answer = self.call_iam("iam:CreateAccessKey", Repeat::Once, || request.clone().send()).await;
            let made = answer.map_err(|failure| full(failure, user))?.access_key;
            let made = made.ok_or_else(|| {
                Failure::new(Code::AwsRefused).with("cause", "CreateAccessKey without a key")
            })?;
            Ok(NewKey { id: made.access_key_id, secret: made.secret_access_key.into() })
        };
        pen.write(write, call, |made| json!({"user": user, "id": made.id})).await
    }

    /// Activates or deactivates an access key.
    ///
    /// # Errors
    /// `AwsNotFound`: the user has no such key.
    pub async fn set_access_key(&self, pen: &Pen, user: &str, id: &str, active: bool) -> Result<()> {
        let listed = self.listed_keys(user).await?;
        let key = listed.iter().find(|key| key.access_key_id.as_deref() == Some(id));
        let key =
            key.ok_or_else(|| Failure::new(Code::AwsNotFound).with("access key", id).with("user", user))?;
        let before = json!({"user": user, "id": id, "active": is_active(key)});
        let status = if active { StatusType::Active } else { StatusType::Inactive };
        let request = self.iam().update_access_key().user_name(user).access_key_id(id).status(status);
        let write = self
            .key_write("UpdateAccessKey", id, restore(before))
            .about(json!({"user": user, "active": active}));
        let call = async {
            self.call_iam("iam:UpdateAccessKey", Repeat::Write, || request.clone().send()).await.map(drop)
        };
        pen.write(write, call, |()| json!({"user": user, "id": id, "active": active})).await
    }

    /// Deletes an access key. One that is gone is deleted.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn delete_access_key(&self, pen: &Pen, user: &str, id: &str) -> Result<()> {
        let request = self.iam().delete_access_key().user_name(user).access_key_id(id);
        let inverse = Inverse::Irreversible { why: NO_SECRET_TWICE.to_owned() };
        let write = self.key_write("DeleteAccessKey", id, inverse).about(json!({"user": user}));
        let call = async {
            there(self.call_iam("iam:DeleteAccessKey", Repeat::Write, || request.clone().send()).await)
                .map(drop)
        };
        pen.write(write, call, |()| json!({"user": user, "id": id})).await
    }

    /// Makes a user without any rights, and answers its ARN.
    ///
    /// # Errors
    /// `AwsConflict`: the name is taken; `AwsLimit`: the account has as many users as it may.
    pub async fn create_user(
        &self,
        pen: &Pen,
        name: &str,
        path: &str,
        wanted: &BTreeMap<String, String>,
    ) -> Result<String> {
        let request = self.iam().create_user().user_name(name).path(path).set_tags(Some(tags(wanted)?));
        let write = self.user_write("CreateUser", name, Inverse::Delete);
        let call = async {
            let answer = self.call_iam("iam:CreateUser", Repeat::Write, || request.clone().send()).await?;
            let made = answer.user.map(|user| user.arn);
            made.ok_or_else(|| Failure::new(Code::AwsRefused).with("cause", "CreateUser without a user"))
        };
        pen.write(write, call, |arn| json!({"arn": arn})).await
    }

    /// Writes an inline policy of a user, in place of the one of that name.
    ///
    /// # Errors
    /// `PolicyMalformed`, `AwsLimit`, `AwsNotFound`: there is no such user.
    pub async fn put_user_policy(&self, pen: &Pen, user: &str, name: &str, policy: &Document) -> Result<()> {
        let inverse = match there(self.user_policy(user, name).await)? {
            Some(before) => restore(json!({"user": user, "policy": name, "document": before.to_json()})),
            None => Inverse::Delete,
        };
        let request =
            self.iam().put_user_policy().user_name(user).policy_name(name).policy_document(policy.to_json());
        let write = self.user_write("PutUserPolicy", user, inverse).about(json!({"policy": name}));
        let call = async {
            self.call_iam("iam:PutUserPolicy", Repeat::Write, || request.clone().send()).await.map(drop)
        };
        pen.write(write, call, |()| json!({"user": user, "policy": name})).await
    }

    /// Attaches a managed policy to a user.
    ///
    /// # Errors
    /// `AwsNotFound`: there is no such user or policy; `AwsLimit`.
    pub async fn attach_to_user(&self, pen: &Pen, user: &str, policy_arn: &str) -> Result<()> {
        let request = self.iam().attach_user_policy().user_name(user).policy_arn(policy_arn);
        let write = self
            .user_write("AttachUserPolicy", user, Inverse::Delete)
            .about(json!({"policy_arn": policy_arn}));
        let call = async {
            self.call_iam("iam:AttachUserPolicy", Repeat::Write, || request.clone().send()).await.map(drop)
        };
        pen.write(write, call, |()| json!({"user": user, "policy_arn": policy_arn})).await
    }

    /// Deletes a user that has no keys and no password any more: first its policies and memberships, each with its inverse,
    /// then the user. One that is gone is deleted.
    ///
    /// # Errors
    /// `AwsConflict`, before anything is changed: it has an inline policy that `user` does not hold, so that it could not be
    /// put back; or at last: it still has a key, a password or a second factor.
    pub async fn delete_user(&self, pen: &Pen, user: &User) -> Result<()> {
        let Some(policies) = there(self.user_policy_names(&user.name).await)? else { return Ok(()) };
        let unrecorded: Vec<String> =
            policies.into_iter().filter(|name| !user.inline.contains_key(name)).collect();
        if !unrecorded.is_empty() {
            return Err(Failure::new(Code::AwsConflict)
                .with("user", &user.name)
                .with("policies whose text is not known", unrecorded.join(", ")));
        }
        for (name, document) in &user.inline {
            self.delete_user_policy(pen, &user.name, name, document).await?;
        }
        for arn in &user.attached {
            self.detach_from_user(pen, &user.name, arn).await?;
        }
        for group in &user.groups {
            self.remove_from_group(pen, &user.name, &group.name).await?;
        }
        let request = self.iam().delete_user().user_name(&user.name);
        let record =
            json!({"arn": user.arn, "path": user.path, "tags": user.tags, "boundary": user.boundary});
        let inverse = Inverse::Irreversible { why: NO_SAME_USER.to_owned() };
        let write = self.user_write("DeleteUser", &user.name, inverse).about(record);
        let call = async {
            there(self.call_iam("iam:DeleteUser", Repeat::Write, || request.clone().send()).await).map(drop)
        };
        pen.write(write, call, |()| json!({"arn": user.arn})).await
    }

    /// Deletes an inline policy of a user. One that is gone is deleted.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn delete_user_policy(
        &self,
        pen: &Pen,
        user: &str,
        name: &str,
        before: &Document,
    ) -> Result<()> {
        let request = self.iam().delete_user_policy().user_name(user).policy_name(name);
        let inverse = restore(json!({"user": user, "policy": name, "document": before.to_json()}));
        let write = self.user_write("DeleteUserPolicy", user, inverse).about(json!({"policy": name}));
        let call = async {
            there(self.call_iam("iam:DeleteUserPolicy", Repeat::Write, || request.clone().send()).await)
                .map(drop)
        };
        pen.write(write, call, |()| json!({"user": user, "policy": name})).await
    }

    async fn detach_from_user(&self, pen: &Pen, user: &str, policy_arn: &str) -> Result<()> {
        let request = self.iam().detach_user_policy().user_name(user).policy_arn(policy_arn);
        let inverse = restore(json!({"user": user, "policy_arn": policy_arn}));
        let write =
            self.user_write("DetachUserPolicy", user, inverse).about(json!({"policy_arn": policy_arn}));
        let call = async {
            there(self.call_iam("iam:DetachUserPolicy", Repeat::Write, || request.clone().send()).await)
                .map(drop)
        };
        pen.write(write, call, |()| json!({"user": user, "policy_arn": policy_arn})).await
    }

    async fn remove_from_group(&self, pen: &Pen, user: &str, group: &str) -> Result<()> {
        let request = self.iam().remove_user_from_group().user_name(user).group_name(group);
        let inverse = restore(json!({"user": user, "group": group}));
        let write = self.user_write("RemoveUserFromGroup", user, inverse).about(json!({"group": group}));
        let call = async {
            there(self.call_iam("iam:RemoveUserFromGroup", Repeat::Write, || request.clone().send()).await)
                .map(drop)
        };
        pen.write(write, call, |()| json!({"user": user, "group": group})).await
    }
}

/// The quota of keys is the user's own, and no quota that AWS raises.
fn full(failure: Failure, user: &str) -> Failure {
    if failure.code != Code::AwsLimit {
        return failure;
    }
    Failure { evidence: failure.evidence, ..Failure::new(Code::AwsKeyLimit) }.with("user", user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_user_is_told_apart_from_a_full_account() {
        let failure = full(Failure::new(Code::AwsLimit).with("error code", "LimitExceeded"), "deploy");
        assert_eq!((failure.code, failure.class), (Code::AwsKeyLimit, Code::AwsKeyLimit.class()));
        assert_eq!(
            (failure.evidence("user"), failure.evidence("error code")),
            (Some("deploy"), Some("LimitExceeded"))
        );
        assert_eq!(full(Failure::new(Code::AwsDenied), "deploy").code, Code::AwsDenied);
    }
}
