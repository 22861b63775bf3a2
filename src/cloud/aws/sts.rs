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
    /// Who the credentials are. Asked once; the answer stays.
    ///
    /// # Errors
    /// `AwsSignIn` when there are no usable credentials.
    pub async fn caller_identity(&self) -> Result<Identity> {
        let read = || async {
            let request = self.sts().get_caller_identity();
            let answer = self.call_sts("sts:GetCallerIdentity", || request.clone().send()).await?;
            match (answer.account, answer.arn, answer.user_id) {
                (Some(account), Some(arn), Some(user_id)) => Ok(Identity { account, arn, user_id }),
                _ => {
                    Err(Failure::new(Code::AwsRefused).with("cause", "GetCallerIdentity without an identity"))
                }
            }
        };
        self.shared.identity.get_or_try_init(read).await.cloned()
    }
}
