//! STS: who the credentials are, whose a key is, what time it is in the cloud.

use std::sync::{Arc, OnceLock};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::Builder;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use secrecy::ExposeSecret;
use time::OffsetDateTime;

use super::Aws;
use super::keys::moment;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::names::AccountId;
use crate::domain::user::NewKey;

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

/// What STS answers to a key it does not know, or not yet, or not any more because it is inactive.
const UNKNOWN_KEY: &str = "InvalidClientTokenId";

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
        let found = identity(self.call_sts("sts:GetCallerIdentity", || request.clone().send()).await?)?;
        caller.learn();
        Ok(known.insert(found).clone())
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

    /// Who a key is that was just made. Signed with that key, not with the operator's credentials.
    ///
    /// # Errors
    /// `AwsSignIn` of class `NotYet` while AWS does not know the key: a new one is not known everywhere at once.
    pub async fn answers(&self, key: &NewKey) -> Result<Identity> {
        let keys = Credentials::new(&key.id, key.secret.expose_secret(), None, None, "keyless");
        let signed = || Builder::new().credentials_provider(SharedCredentialsProvider::new(keys.clone()));
        let request = self.sts().get_caller_identity();
        let call = || request.clone().customize().config_override(signed()).send();
        let answer = self.call_sts("sts:GetCallerIdentity", call).await;
        answer.map_err(not_yet).and_then(identity)
    }

    /// The account an access key belongs to. Any account may be asked about any key; whether it is active is not told.
    ///
    /// # Errors
    /// STS refuses, for example because that is no access key id, or does not answer.
    pub async fn access_key_account(&self, id: &str) -> Result<AccountId> {
        let request = self.sts().get_access_key_info().access_key_id(id);
        let answer = self.call_sts("sts:GetAccessKeyInfo", || request.clone().send()).await?;
        let account = answer.account.unwrap_or_default();
        account.parse().map_err(|refused| Failure::new(Code::AwsRefused).with("cause", refused))
    }

    /// The cloud's own time, to the second: the `Date` of an answer of STS.
    ///
    /// # Errors
    /// STS refuses or does not answer, or answers without a time.
    pub async fn cloud_time(&self) -> Result<OffsetDateTime> {
        let told = Dated::default();
        let request = self.sts().get_caller_identity();
        let call = || request.clone().customize().interceptor(told.clone()).send();
        self.call_sts("sts:GetCallerIdentity", call).await?;
        let at = told.0.get().and_then(|text| http_date(text));
        at.ok_or_else(|| Failure::new(Code::AwsRefused).with("cause", "an answer without a `Date`"))
    }
}

fn identity(answer: GetCallerIdentityOutput) -> Result<Identity> {
    match (answer.account, answer.arn, answer.user_id) {
        (Some(account), Some(arn), Some(user_id)) => Ok(Identity { account, arn, user_id }),
        _ => Err(Failure::new(Code::AwsRefused).with("cause", "GetCallerIdentity without an identity")),
    }
}

/// The same failure as one that may pass, where the key is only not known.
fn not_yet(failure: Failure) -> Failure {
    let unknown = failure.evidence("error code") == Some(UNKNOWN_KEY);
    if unknown { failure.class(Class::NotYet) } else { failure }
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    DateTime::from_str(text, Format::HttpDate).ok().as_ref().and_then(moment)
}

/// Keeps the `Date` of an answer.
#[derive(Debug, Clone, Default)]
struct Dated(Arc<OnceLock<String>>);

impl Intercept for Dated {
    fn name(&self) -> &'static str {
        "keyless cloud time"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.0.get_or_init(|| date.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_not_known_yet_is_waited_for() {
        let failed = |code| Failure::new(Code::AwsSignIn).with("error code", code);
        assert_eq!(not_yet(failed("InvalidClientTokenId")).class, Class::NotYet);
        assert_eq!(not_yet(failed("SignatureDoesNotMatch")).class, Class::Denied);
    }

    #[test]
    fn dates_are_those_of_http() {
        let at = http_date("Fri, 20 Nov 2026 15:09:08 GMT").map(OffsetDateTime::unix_timestamp);
        assert_eq!(at, Some(1_795_187_348));
        assert_eq!(http_date("2026-11-20T15:09:08Z"), None);
    }
}
