//! IAM users and their access keys as IAM shows them, and what resources of an account say about who may use them.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;
use time::OffsetDateTime;

use super::failure::{Failure, Result};
use super::names::{EnvironmentName, RolePath, UserName};
use super::policy::Document;

/// An IAM user with everything that gives it rights (GetUser, ListUserPolicies, ListAttachedUserPolicies, ListGroupsForUser).
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its path, `/` when it has none.
    pub path: String,
    /// When it was made.
    pub created: Option<OffsetDateTime>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Its own inline policies by name.
    pub inline: BTreeMap<String, Document>,
    /// ARNs of the managed policies attached to it.
    pub attached: Vec<String>,
    /// The groups it is in.
    pub groups: Vec<Group>,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// What could not be read, with why: what it may do is not known in full while there is any.
    pub unreadable: Vec<String>,
}

/// A user as one environment needs it that cannot use OIDC.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedUser {
    /// Its environment.
    pub environment: EnvironmentName,
    /// Its name.
    pub name: UserName,
    /// Its path.
    pub path: RolePath,
    /// Its ARN.
    pub arn: String,
    /// Tags it must have; others on it are left.
    pub tags: BTreeMap<String, String>,
    /// The inline policy keyless writes: name and document.
    pub inline: BTreeMap<String, Document>,
    /// ARNs of managed policies it must have; others on it are left and reported.
    pub managed: Vec<String>,
}

impl WantedUser {
    /// What a user has beside what is wanted, by the names of policies and groups.
    #[must_use]
    pub fn beside(&self, found: &User) -> Vec<String> {
        let inline = found.inline.keys().filter(|name| !self.inline.contains_key(*name)).cloned();
        let attached = found.attached.iter().filter(|arn| !self.managed.contains(arn)).cloned();
        let groups = found.groups.iter().map(|group| format!("group {}", group.name));
        inline.chain(attached).chain(groups).collect()
    }
}

/// An IAM group of a user.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its inline policies by name.
    pub inline: BTreeMap<String, Document>,
    /// ARNs of the managed policies attached to it.
    pub attached: Vec<String>,
}

/// Where and when a key was last used (GetAccessKeyLastUsed). AWS tells it with a delay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: OffsetDateTime,
    /// The service, as AWS abbreviates it: `s3`.
    pub service: String,
    /// The region; `us-east-1` for services that have none.
    pub region: String,
}

/// An access key of a user (ListAccessKeys, GetAccessKeyLastUsed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserKey {
    /// `AKIA…`.
    pub id: String,
    /// The user it belongs to.
    pub user: String,
    /// Whether it signs in.
    pub active: bool,
    /// When it was made.
    pub created: Option<OffsetDateTime>,
    /// When it was last used; none: never, or not since AWS keeps track.
    pub last: Option<LastUse>,
}

/// A key that was just made. Its secret is shown by nothing.
#[derive(Clone)]
pub struct NewKey {
    /// `AKIA…`.
    pub id: String,
    /// The secret access key; IAM tells it this once.
    pub secret: SecretString,
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).field("secret", &format_args!("***")).finish()
    }
}

/// The policies of an account's resources, as far as they can be read (S3 buckets, KMS keys).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourcePolicies {
    /// Each resource by its ARN, or a service by its name where its resources could not be listed. A resource without a
    /// policy is not in here.
    pub found: Vec<(String, Result<Document>)>,
}

impl ResourcePolicies {
    /// Policies that were read.
    pub fn readable(&self) -> impl Iterator<Item = (&str, &Document)> {
        self.found.iter().filter_map(|(resource, policy)| Some((resource.as_str(), policy.as_ref().ok()?)))
    }

    /// Resources and services whose policies nobody knows, with why.
    pub fn unreadable(&self) -> impl Iterator<Item = (&str, &Failure)> {
        self.found.iter().filter_map(|(resource, policy)| Some((resource.as_str(), policy.as_ref().err()?)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;
    use crate::domain::failure::Code;

    #[test]
    fn a_new_key_shows_no_secret() {
        let key = NewKey { id: "AKIAX".to_owned(), secret: "hush".to_owned().into() };
        assert_eq!(format!("{key:?}"), r#"NewKey { id: "AKIAX", secret: *** }"#);
    }

    #[test]
    fn what_is_not_known_is_told_apart() {
        let read = Document::parse(r#"{"Version":"2012-10-17","Statement":[]}"#).unwrap();
        let policies = ResourcePolicies {
            found: vec![
                ("arn:aws:s3:::logs".to_owned(), Ok(read.clone())),
                ("KMS keys in eu-west-1".to_owned(), Err(Failure::new(Code::AwsDenied))),
            ],
        };
        assert_eq!(policies.readable().collect::<Vec<_>>(), [("arn:aws:s3:::logs", &read)]);
        let unknown: Vec<_> = policies.unreadable().map(|(name, why)| (name, why.code)).collect();
        assert_eq!(unknown, [("KMS keys in eu-west-1", Code::AwsDenied)]);
    }
}
