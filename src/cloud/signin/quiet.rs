//! Keeps what a credential process wrote to itself: its error output may hold secrets.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

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

    /// The SDK puts the program's error output, or the place where its output broke off, into a text without a cause
    /// of its own; failures of AWS have causes, and pass.
    fn muffled(&self, error: CredentialsError) -> CredentialsError {
        let told = matches!(error, CredentialsError::ProviderError(_));
        let bare = error.source().is_none_or(|source| source.source().is_none());
        if !(told && bare) {
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
