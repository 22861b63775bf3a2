//! Keeps what a credential process wrote to itself: its error output may hold secrets.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

/// Credentials of a profile that a program gives.
#[derive(Debug)]
pub(super) struct Quiet {
    inner: SharedCredentialsProvider,
    profile: String,
}

impl Quiet {
    pub(super) fn new(profile: &str, inner: impl ProvideCredentials + 'static) -> Self {
        Self { inner: SharedCredentialsProvider::new(inner), profile: profile.to_owned() }
    }

    /// The SDK puts the program's error output, or the place where its output broke off, into the error. Only what STS
    /// answered to the credentials, and what is wrong with the configuration, passes.
    fn muffled(&self, error: CredentialsError) -> CredentialsError {
        let mut next: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(cause) = next {
            if cause.is::<SdkError<AssumeRoleError, HttpResponse>>() {
                return error;
            }
            next = cause.source();
        }
        if matches!(
            error,
            CredentialsError::InvalidConfiguration(_) | CredentialsError::CredentialsNotLoaded(_)
        ) {
            return error;
        }
        CredentialsError::provider_error(format!(
            "the credential_process of profile {} failed, or printed no credentials; what it wrote is not shown because \
             it may hold secrets: run the command by hand to see it",
            self.profile
        ))
    }
}

impl ProvideCredentials for Quiet {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.inner.provide_credentials().await.map_err(|error| self.muffled(error))
        })
    }
}
