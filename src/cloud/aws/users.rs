//! IAM users as they are: their policies and groups, one user or all of an account. Reads only.

use std::collections::BTreeMap;

use aws_sdk_iam::types::{AttachedPolicy, EntityType, GroupDetail, PolicyDetail, UserDetail};
use futures::future::{join_all, join3};

use super::keys::moment;
use super::providers::{tag_map, there};
use super::roles::document;
use super::{Aws, Repeat};
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::policy::Document;
use crate::domain::user::{Group, User};

impl Aws {
    /// A user with its policies and groups; none: there is none. What may not be read is named in `unreadable`.
    ///
    /// # Errors
    /// IAM refuses the user itself, or does not answer.
    pub async fn user(&self, name: &str) -> Result<Option<User>> {
        let request = self.iam().get_user().user_name(name);
        let user = self.call_iam("iam:GetUser", Repeat::Read, || request.clone().send()).await;
        let Some(found) = there(user)?.and_then(|answer| answer.user) else { return Ok(None) };
        let (inline, attached, groups) =
            join3(self.user_policy_names(name), self.attached_to_user(name), self.groups_of(name)).await;
        // A user that vanished meanwhile is not there.
        if is_gone(&inline) || is_gone(&attached) || is_gone(&groups) {
            return Ok(None);
        }
        let mut gaps = Gaps::default();
        let inline = gaps.or_empty(format!("inline policies of {name}"), inline)?;
        let attached = gaps.or_empty(format!("attached policies of {name}"), attached)?;
        let groups = gaps.or_empty(format!("groups of {name}"), groups)?;
        let documents = join_all(inline.iter().map(|policy| self.user_policy(name, policy))).await;
        let inline = gaps.documents(name, inline.into_iter().zip(documents))?;
        let groups = join_all(groups.into_iter().map(|group| self.group(group))).await;
        let groups = groups
            .into_iter()
            .map(|read| {
                let (group, unreadable) = read?;
                gaps.0.extend(unreadable.0);
                Ok(group)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Some(User {
            name: found.user_name,
            arn: found.arn,
            path: found.path,
            created: moment(&found.create_date),
            tags: tag_map(found.tags),
            inline,
            attached,
            groups,
            boundary: found.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
            unreadable: gaps.0,
        }))
    }

    /// Every user of the account with its policies and groups, in few requests.
    ///
    /// # Errors
    /// IAM refuses (`iam:GetAccountAuthorizationDetails`) or does not answer.
    pub async fn users(&self) -> Result<Vec<User>> {
        let (mut users, mut groups) = (Vec::new(), BTreeMap::new());
        let mut marker = None;
        loop {
            let request = self
                .iam()
                .get_account_authorization_details()
                .filter(EntityType::User)
                .filter(EntityType::Group)
                .set_marker(marker);
            let action = "iam:GetAccountAuthorizationDetails";
            let page = self.call_iam(action, Repeat::Read, || request.clone().send()).await?;
            users.extend(page.user_detail_list.unwrap_or_default());
            let found = page.group_detail_list.unwrap_or_default().into_iter();
            groups.extend(found.filter_map(|group| Some((group.group_name.clone()?, group))));
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                break;
            }
        }
        Ok(users.into_iter().map(|user| user_of(user, &groups)).collect())
    }

    /// Whether a user has a password for the console.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn has_password(&self, user: &str) -> Result<bool> {
        let request = self.iam().get_login_profile().user_name(user);
        let answer = self.call_iam("iam:GetLoginProfile", Repeat::Read, || request.clone().send()).await;
        Ok(there(answer)?.is_some())
    }

    /// The names of a user's own inline policies.
    pub(super) async fn user_policy_names(&self, user: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut marker = None;
        loop {
            let request = self.iam().list_user_policies().user_name(user).set_marker(marker);
            let page = self.call_iam("iam:ListUserPolicies", Repeat::Read, || request.clone().send()).await?;
            names.extend(page.policy_names);
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(names);
            }
        }
    }

    /// An inline policy of a user.
    pub(super) async fn user_policy(&self, user: &str, policy: &str) -> Result<Document> {
        let request = self.iam().get_user_policy().user_name(user).policy_name(policy);
        let answer = self.call_iam("iam:GetUserPolicy", Repeat::Read, || request.clone().send()).await?;
        document(&answer.policy_document, policy)
    }

    async fn attached_to_user(&self, user: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let request = self.iam().list_attached_user_policies().user_name(user).set_marker(marker);
            let action = "iam:ListAttachedUserPolicies";
            let page = self.call_iam(action, Repeat::Read, || request.clone().send()).await?;
            found.extend(arns(page.attached_policies));
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(found);
            }
        }
    }

    async fn groups_of(&self, user: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut marker = None;
        loop {
            let request = self.iam().list_groups_for_user().user_name(user).set_marker(marker);
            let page =
                self.call_iam("iam:ListGroupsForUser", Repeat::Read, || request.clone().send()).await?;
            names.extend(page.groups.into_iter().map(|group| group.group_name));
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(names);
            }
        }
    }

    /// A group with its policies, and what of them could not be read.
    async fn group(&self, name: String) -> Result<(Group, Gaps)> {
        let mut gaps = Gaps::default();
        let inline =
            gaps.or_empty(format!("inline policies of group {name}"), self.group_policy_names(&name).await)?;
        let attached =
            gaps.or_empty(format!("attached policies of group {name}"), self.attached_to_group(&name).await)?;
        let documents = join_all(inline.iter().map(|policy| self.group_policy(&name, policy))).await;
        let inline = gaps.documents(&format!("group {name}"), inline.into_iter().zip(documents))?;
        Ok((Group { name, inline, attached }, gaps))
    }

    async fn group_policy_names(&self, group: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut marker = None;
        loop {
            let request = self.iam().list_group_policies().group_name(group).set_marker(marker);
            let page =
                self.call_iam("iam:ListGroupPolicies", Repeat::Read, || request.clone().send()).await?;
            names.extend(page.policy_names);
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(names);
            }
        }
    }

    async fn group_policy(&self, group: &str, policy: &str) -> Result<Document> {
        let request = self.iam().get_group_policy().group_name(group).policy_name(policy);
        let answer = self.call_iam("iam:GetGroupPolicy", Repeat::Read, || request.clone().send()).await?;
        document(&answer.policy_document, policy)
    }

    async fn attached_to_group(&self, group: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let request = self.iam().list_attached_group_policies().group_name(group).set_marker(marker);
            let action = "iam:ListAttachedGroupPolicies";
            let page = self.call_iam(action, Repeat::Read, || request.clone().send()).await?;
            found.extend(arns(page.attached_policies));
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(found);
            }
        }
    }
}

/// What could not be read, with why.
#[derive(Debug, Default, PartialEq, Eq)]
struct Gaps(Vec<String>);

impl Gaps {
    /// What was read, else nothing with a note, where only this is refused. Any other failure stays one.
    fn or_empty<T: Default>(&mut self, what: String, read: Result<T>) -> Result<T> {
        match read {
            Ok(value) => Ok(value),
            Err(failure) if is_gap(&failure) => {
                self.0.push(format!("{what}: {failure}"));
                Ok(T::default())
            }
            Err(failure) => Err(failure),
        }
    }

    /// The policies of `owner` that were read. One that is gone meanwhile is not there.
    fn documents(
        &mut self,
        owner: &str,
        read: impl Iterator<Item = (String, Result<Document>)>,
    ) -> Result<BTreeMap<String, Document>> {
        let mut documents = BTreeMap::new();
        for (name, document) in read {
            if let Some(document) = self.or_empty(format!("policy {name} of {owner}"), there(document))? {
                documents.insert(name, document);
            }
        }
        Ok(documents)
    }
}

fn is_gone<T>(read: &Result<T>) -> bool {
    read.as_ref().is_err_and(|failure| failure.code == Code::AwsNotFound)
}

/// Whether a failure says that this one thing cannot be read, and nothing about the rest.
fn is_gap(failure: &Failure) -> bool {
    failure.code == Code::PolicyMalformed
        || (failure.class == Class::Denied && failure.code != Code::AwsSignIn)
}

fn arns(attached: Option<Vec<AttachedPolicy>>) -> Vec<String> {
    attached.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn).collect()
}

/// Inline policies as GetAccountAuthorizationDetails tells them.
fn inline_of(owner: &str, told: Option<Vec<PolicyDetail>>, gaps: &mut Gaps) -> BTreeMap<String, Document> {
    let mut documents = BTreeMap::new();
    for policy in told.unwrap_or_default() {
        let name = policy.policy_name.unwrap_or_default();
        match document(policy.policy_document.as_deref().unwrap_or_default(), &name) {
            Ok(document) => {
                documents.insert(name, document);
            }
            Err(failure) => gaps.0.push(format!("policy {name} of {owner}: {failure}")),
        }
    }
    documents
}

fn user_of(told: UserDetail, groups: &BTreeMap<String, GroupDetail>) -> User {
    let mut gaps = Gaps::default();
    let name = told.user_name.unwrap_or_default();
    let inline = inline_of(&name, told.user_policy_list, &mut gaps);
    let groups = told.group_list.unwrap_or_default().into_iter().map(|group| {
        let Some(found) = groups.get(&group).cloned() else {
            gaps.0.push(format!("group {group}: it is not in the account's list"));
            return Group { name: group, ..Group::default() };
        };
        let inline = inline_of(&format!("group {group}"), found.group_policy_list, &mut gaps);
        Group { name: group, inline, attached: arns(found.attached_managed_policies) }
    });
    let groups = groups.collect();
    User {
        name,
        arn: told.arn.unwrap_or_default(),
        path: told.path.unwrap_or_default(),
        created: told.create_date.as_ref().and_then(moment),
        tags: tag_map(told.tags),
        inline,
        attached: arns(told.attached_managed_policies),
        groups,
        boundary: told.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        unreadable: gaps.0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    const POLICY: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";

    fn policy(name: &str, text: &str) -> PolicyDetail {
        PolicyDetail::builder().policy_name(name).policy_document(text).build()
    }

    #[test]
    fn a_user_has_the_rights_of_its_groups() {
        let attached =
            AttachedPolicy::builder().policy_name("P").policy_arn("arn:aws:iam::aws:policy/P").build();
        let group = GroupDetail::builder()
            .group_name("deployers")
            .group_policy_list(policy("all", POLICY))
            .attached_managed_policies(attached)
            .build();
        let told = UserDetail::builder()
            .user_name("deploy")
            .user_policy_list(policy("own", POLICY))
            .user_policy_list(policy("broken", "%7B"))
            .group_list("deployers")
            .group_list("unseen")
            .build();
        let user = user_of(told, &BTreeMap::from([("deployers".to_owned(), group)]));
        assert_eq!(user.inline.keys().collect::<Vec<_>>(), ["own"]);
        assert_eq!(user.groups[0].inline["all"], user.inline["own"]);
        assert_eq!(user.groups[0].attached, ["arn:aws:iam::aws:policy/P"]);
        assert_eq!(user.unreadable.len(), 2);
        assert!(user.unreadable[0].starts_with("policy broken of deploy: "), "{:?}", user.unreadable);
        assert_eq!(user.unreadable[1], "group unseen: it is not in the account's list");
    }

    #[test]
    fn only_what_is_refused_is_a_gap() {
        let mut gaps = Gaps::default();
        let refused = |code| Err::<Vec<String>, _>(Failure::new(code));
        assert_eq!(gaps.or_empty("groups".to_owned(), refused(Code::AwsDenied)), Ok(Vec::new()));
        assert_eq!(gaps.0, ["groups: KL-AWS-DENIED"]);
        for code in [Code::AwsUnreachable, Code::AwsSignIn, Code::AwsThrottled] {
            assert_eq!(gaps.or_empty("groups".to_owned(), refused(code)).unwrap_err().code, code);
        }
    }
}
