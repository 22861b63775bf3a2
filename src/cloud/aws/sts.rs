//! STS: who the credentials are.

use super::Aws;
use crate::domain::failure::{Code, Failure, Result};

/// The answer of `sts get-caller-identity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: String,
    /// The ARN of the user or role session.
    pub arn: String,
    /// The unique id (`AIDA…`, `AROA…:session`).
    pub user_id: String,
}

impl Aws {
    /// Who the credentials are. The answer stays as long as the same access key signs, unless it is of another account than
    /// is meant: that may have been corrected.
    ///
    /// # Errors
    /// `AwsSignIn` when there are no usable credentials.
    pub async fn caller_identity(&self) -> Result<Identity> {
        let caller = &self.shared.caller;
        let mut known = caller.identity.lock().await;
        let is_right = |identity: &&Identity| identity.account == self.account().as_str();
        if let Some(identity) = known.as_ref().filter(is_right).filter(|_| caller.is_known()) {
            return Ok(identity.clone());
        }
        let request = self.sts().get_caller_identity();
        let answer = self.call_sts("sts:GetCallerIdentity", || request.clone().send()).await?;
        let (Some(account), Some(arn), Some(user_id)) = (answer.account, answer.arn, answer.user_id) else {
            return Err(Failure::new(Code::AwsRefused).with("cause", "GetCallerIdentity without an identity"));
        };
        caller.learn();
        Ok(known.insert(Identity { account, arn, user_id }).clone())
    }

    /// Who the credentials are, of the account this client is meant for.
    ///
    /// # Errors
    /// `AwsWrongAccount` with both accounts when they are of another one; `AwsSignIn` when there are none.
    pub async fn right_account(&self) -> Result<Identity> {
        let identity = self.caller_identity().await?;
        match identity.account == self.account().as_str() {
            true => Ok(identity),
            false => Err(Failure::new(Code::AwsWrongAccount)
                .with("wanted", self.account())
                .with("signed in", &identity.account)
                .with("identity", &identity.arn)),
        }
    }
}
