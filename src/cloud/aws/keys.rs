//! IAM users' access keys: whose one is, whether it is active, and when it was last used. Reads only.

use time::OffsetDateTime;

use super::providers::there;
use super::{Aws, Repeat};
use crate::domain::diagnose::keys::AccessKey;
use crate::domain::failure::Result;

impl Aws {
    /// An access key by its id; none: the account has no such key (any more).
    ///
    /// # Errors
    /// IAM refuses or does not answer. A key of another account is refused, too.
    pub async fn access_key(&self, id: &str) -> Result<Option<AccessKey>> {
        let request = self.iam().get_access_key_last_used().access_key_id(id);
        let answer = self.call_iam("iam:GetAccessKeyLastUsed", Repeat::Read, || request.clone().send()).await;
        let Some(found) = there(answer)? else { return Ok(None) };
        let Some(user) = found.user_name else { return Ok(None) };
        let used = found.access_key_last_used.and_then(|last| last.last_used_date).and_then(|at| moment(&at));
        let mut marker = None;
        loop {
            let request = self.iam().list_access_keys().user_name(&user).set_marker(marker);
            let answer = self.call_iam("iam:ListAccessKeys", Repeat::Read, || request.clone().send()).await;
            let Some(page) = there(answer)? else { return Ok(None) };
            let mine =
                page.access_key_metadata.into_iter().find(|key| key.access_key_id.as_deref() == Some(id));
            if let Some(key) = mine {
                return Ok(Some(AccessKey {
                    id: id.to_owned(),
                    active: key.status == Some(aws_sdk_iam::types::StatusType::Active),
                    created: key.create_date.as_ref().and_then(moment),
                    user,
                    used,
                }));
            }
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(None);
            }
        }
    }

    /// The ARN of the user an access key belongs to; none: the account has no such key (any more).
    ///
    /// # Errors
    /// IAM refuses or does not answer. A key of another account is refused, too.
    pub async fn access_key_owner(&self, id: &str) -> Result<Option<String>> {
        let request = self.iam().get_access_key_last_used().access_key_id(id);
        let answer = self.call_iam("iam:GetAccessKeyLastUsed", Repeat::Read, || request.clone().send()).await;
        let Some(name) = there(answer)?.and_then(|found| found.user_name) else { return Ok(None) };
        let request = self.iam().get_user().user_name(name);
        let answer = self.call_iam("iam:GetUser", Repeat::Read, || request.clone().send()).await;
        Ok(there(answer)?.and_then(|found| found.user).map(|user| user.arn))
    }
}

fn moment(at: &aws_smithy_types::DateTime) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at.secs()).ok()
}
