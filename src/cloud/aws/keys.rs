//! IAM users' access keys: whose one is, whether it is active, when and for what it was last used. Reads only.

use aws_sdk_iam::types::{AccessKeyLastUsed, AccessKeyMetadata, StatusType};
use futures::future::try_join_all;
use time::OffsetDateTime;

use super::providers::there;
use super::{Aws, Repeat};
use crate::domain::diagnose::keys::AccessKey;
use crate::domain::failure::Result;
use crate::domain::user::{LastUse, UserKey};

impl Aws {
    /// The user an access key belongs to, and its last use; none: the account has no such key (any more).
    ///
    /// # Errors
    /// IAM refuses or does not answer. A key of another account is refused, too.
    pub async fn user_of_key(&self, id: &str) -> Result<Option<(String, Option<LastUse>)>> {
        let request = self.iam().get_access_key_last_used().access_key_id(id);
        let answer = self.call_iam("iam:GetAccessKeyLastUsed", Repeat::Read, || request.clone().send()).await;
        let Some(found) = there(answer)? else { return Ok(None) };
        let last = found.access_key_last_used.and_then(last_use);
        Ok(found.user_name.map(|user| (user, last)))
    }

    /// The access keys of a user with their last uses; none of a user that is not there.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn user_keys(&self, user: &str) -> Result<Vec<UserKey>> {
        let keys = there(self.listed_keys(user).await)?.unwrap_or_default();
        let known = keys.into_iter().filter_map(|key| Some((key.access_key_id.clone()?, key)));
        let keys = known.map(|(id, key)| async move {
            let last = self.user_of_key(&id).await?.and_then(|(_, last)| last);
            let created = key.create_date.as_ref().and_then(moment);
            Ok(UserKey { active: is_active(&key), user: user.to_owned(), id, created, last })
        });
        try_join_all(keys).await
    }

    /// An access key by its id; none: the account has no such key (any more).
    ///
    /// # Errors
    /// IAM refuses or does not answer. A key of another account is refused, too.
    pub async fn access_key(&self, id: &str) -> Result<Option<AccessKey>> {
        let Some((user, last)) = self.user_of_key(id).await? else { return Ok(None) };
        let keys = there(self.listed_keys(&user).await)?.unwrap_or_default();
        let mine = keys.into_iter().find(|key| key.access_key_id.as_deref() == Some(id));
        Ok(mine.map(|key| AccessKey {
            id: id.to_owned(),
            active: is_active(&key),
            created: key.create_date.as_ref().and_then(moment),
            user,
            used: last.map(|last| last.at),
        }))
    }

    /// The ARN of the user an access key belongs to; none: the account has no such key (any more).
    ///
    /// # Errors
    /// IAM refuses or does not answer. A key of another account is refused, too.
    pub async fn access_key_owner(&self, id: &str) -> Result<Option<String>> {
        let Some((name, _)) = self.user_of_key(id).await? else { return Ok(None) };
        let request = self.iam().get_user().user_name(name);
        let answer = self.call_iam("iam:GetUser", Repeat::Read, || request.clone().send()).await;
        Ok(there(answer)?.and_then(|found| found.user).map(|user| user.arn))
    }

    /// The access keys of a user as IAM lists them.
    pub(super) async fn listed_keys(&self, user: &str) -> Result<Vec<AccessKeyMetadata>> {
        let mut keys = Vec::new();
        let mut marker = None;
        loop {
            let request = self.iam().list_access_keys().user_name(user).set_marker(marker);
            let page = self.call_iam("iam:ListAccessKeys", Repeat::Read, || request.clone().send()).await?;
            keys.extend(page.access_key_metadata);
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(keys);
            }
        }
    }
}

/// Whether a listed key signs in.
pub(super) fn is_active(key: &AccessKeyMetadata) -> bool {
    key.status == Some(StatusType::Active)
}

/// A last use. Without a date there was none: service and region say `N/A` then (GetAccessKeyLastUsed).
fn last_use(told: AccessKeyLastUsed) -> Option<LastUse> {
    let at = moment(&told.last_used_date?)?;
    Some(LastUse { at, service: told.service_name, region: told.region })
}

/// A time of the SDK, to the second.
pub(super) fn moment(at: &aws_smithy_types::DateTime) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at.secs()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn a_key_that_was_never_used_has_no_last_use() {
        let told = |at: Option<i64>| {
            let at = at.map(aws_smithy_types::DateTime::from_secs);
            AccessKeyLastUsed::builder().set_last_used_date(at).service_name("s3").region("eu-west-1").build()
        };
        assert_eq!(last_use(told(None).unwrap()), None);
        let last = last_use(told(Some(1_795_187_348)).unwrap()).unwrap();
        assert_eq!(
            (last.at.unix_timestamp(), last.service.as_str(), last.region.as_str()),
            (1_795_187_348, "s3", "eu-west-1")
        );
    }
}
