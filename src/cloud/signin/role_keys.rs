//! Credentials of a permission set, from the access portal of Identity Center.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use secrecy::ExposeSecret;

use super::IdentityCenter;
use super::identity_center::refused;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::AccountId;

/// The keys of a permission set.
#[derive(Debug)]
pub(super) struct RoleKeys {
    pub(super) center: IdentityCenter,
    pub(super) session: String,
    pub(super) account: AccountId,
    pub(super) permission_set: String,
}

impl RoleKeys {
    async fn fetch(&self) -> Result<Credentials> {
        let session = self.center.session(&self.session).await?;
        let token = self.center.token(&session).await?;
        let portal = self.center.portal(&session).await;
        let ask = portal
            .get_role_credentials()
            .access_token(token.expose_secret())
            .account_id(self.account.as_str())
            .role_name(&self.permission_set);
        let answer = ask.send().await.map_err(|error| {
            refused("sso:GetRoleCredentials", &session, &error)
                .with("account", &self.account)
                .with("permission-set", &self.permission_set)
        })?;
        let keys = answer.role_credentials;
        let keys =
            keys.ok_or_else(|| Failure::new(Code::AwsRefused).with("answered without", "roleCredentials"))?;
        Ok(Credentials::new(
            keys.access_key_id.unwrap_or_default(),
            keys.secret_access_key.unwrap_or_default(),
            keys.session_token,
            aws_smithy_types::DateTime::from_millis(keys.expiration).try_into().ok(),
            "keyless",
        ))
    }
}

impl ProvideCredentials for RoleKeys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.fetch().await.map_err(CredentialsError::provider_error)
        })
    }
}
