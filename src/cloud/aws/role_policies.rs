//! A role with the text of every policy: inline, attached, boundary. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::Aws;
use crate::domain::failure::{Failure, Result};
use crate::domain::names::RoleName;
use crate::domain::role_policies::RolePolicies;

impl Aws {
    /// Everything that says what a role may do; none: there is no such role. Works for every role of the account, those of
    /// the CDK's bootstrap included.
    ///
    /// # Errors
    /// IAM refuses or does not answer; `PolicyMalformed` when a policy cannot be read: an incomplete answer must not look
    /// complete.
    pub async fn role_policies(&self, name: &RoleName) -> Result<Option<RolePolicies>> {
        let Some(role) = self.role(name).await? else { return Ok(None) };
        let arns: BTreeSet<&String> = role.managed.iter().chain(role.boundary.as_ref()).collect();
        let asked = arns
            .into_iter()
            .map(|arn| async move { Ok::<_, Failure>((arn.clone(), self.managed_policy(arn).await?)) });
        let mut managed: BTreeMap<_, _> = try_join_all(asked).await?.into_iter().collect();
        let boundary = role.boundary.as_ref().and_then(|arn| managed.get(arn).cloned().flatten());
        managed.retain(|arn, _| role.managed.contains(arn));
        Ok(Some(RolePolicies { role, managed, boundary }))
    }
}
