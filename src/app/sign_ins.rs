//! The sign-ins to Azure DevOps that are at hand: the one of the environment counts everywhere, any other for its organisation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use super::sign_in::SignedIn;
use crate::cloud::devops::rights::Digest;
use crate::domain::failure::{Code, Failure};
use crate::domain::names::OrganizationName;

/// Sign-ins, in memory.
#[derive(Default)]
pub struct SignIns {
    /// Of the environment, or of the practice cloud.
    everywhere: Option<SignedIn>,
    /// By organisation, in lower case: names of organisations ignore it.
    own: Mutex<BTreeMap<String, SignedIn>>,
    /// Tokens that were found to be for one organisation.
    narrow: Mutex<BTreeSet<Digest>>,
}

fn place(organization: &OrganizationName) -> String {
    organization.as_str().to_lowercase()
}

impl SignIns {
    /// With a sign-in that counts for every organisation, where there is one.
    pub fn new(everywhere: Option<SignedIn>) -> Self {
        Self { everywhere, ..Self::default() }
    }

    /// The one that counts for every organisation without one of its own.
    pub fn everywhere(&self) -> Option<&SignedIn> {
        self.everywhere.as_ref()
    }

    /// The one that counts for an organisation: what a person gave for it, else the one that counts everywhere.
    pub fn of(&self, organization: &OrganizationName) -> Option<SignedIn> {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner).get(&place(organization)).cloned();
        own.or_else(|| self.everywhere.clone())
    }

    /// From now on this one counts for an organisation.
    pub fn put(&self, organization: &OrganizationName, signed_in: SignedIn) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).insert(place(organization), signed_in);
    }

    /// Forgets the one of an organisation. What counts everywhere stays.
    pub fn drop(&self, organization: &OrganizationName) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).remove(&place(organization));
    }

    /// Whether a token is known to be for one organisation.
    pub fn is_narrow(&self, token: &Digest) -> bool {
        self.narrow.lock().unwrap_or_else(PoisonError::into_inner).contains(token)
    }

    /// Remembers that a token is for one organisation.
    pub fn is_narrow_from_now_on(&self, token: Digest) {
        self.narrow.lock().unwrap_or_else(PoisonError::into_inner).insert(token);
    }
}

/// Whether a failure says that the person must sign in, perhaps in another way: waiting or trying again heals nothing.
pub fn asks_to_sign_in(failure: &Failure) -> bool {
    matches!(
        failure.code,
        Code::DevopsToken
            | Code::DevopsTokenMissing
            | Code::DevopsTokenExpired
            | Code::DevopsTokenGlobal
            | Code::EntraDeclined
            | Code::EntraBlocked
            | Code::EntraInteraction
            | Code::EntraEnded
            | Code::EntraConsent
            | Code::EntraClient
            | Code::EntraTenant
            | Code::EntraAccount
            | Code::EntraRefused
            | Code::AzureCliMissing
            | Code::AzureCliSignedOut
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;
    use crate::app::sign_in::Source;
    use crate::cloud::devops::Credential;

    fn named(text: &str) -> OrganizationName {
        text.parse().unwrap()
    }

    fn of(source: Source) -> SignedIn {
        SignedIn { credential: Credential::Pat("hush".to_owned().into()), source }
    }

    #[test]
    fn a_sign_in_counts_for_its_organisation_alone() {
        let sign_ins = SignIns::default();
        sign_ins.put(&named("Contoso"), of(Source::Typed));
        sign_ins.put(&named("fabrikam"), of(Source::AzureCli));
        let source = |name: &str| sign_ins.of(&named(name)).map(|signed_in| signed_in.source);
        assert_eq!(source("contoso"), Some(Source::Typed));
        assert_eq!(source("FABRIKAM"), Some(Source::AzureCli));
        assert_eq!(source("northwind"), None);
        sign_ins.drop(&named("CONTOSO"));
        assert_eq!(source("contoso"), None);
    }

    #[test]
    fn the_environment_counts_everywhere_until_a_person_gives_another() {
        let variable = Source::Variable("AZURE_DEVOPS_EXT_PAT");
        let sign_ins = SignIns::new(Some(of(variable.clone())));
        sign_ins.put(&named("contoso"), of(Source::Typed));
        let source = |name: &str| sign_ins.of(&named(name)).map(|signed_in| signed_in.source);
        assert_eq!((source("contoso"), source("fabrikam")), (Some(Source::Typed), Some(variable.clone())));
        sign_ins.drop(&named("contoso"));
        assert_eq!(source("contoso"), Some(variable));
    }

    #[test]
    fn what_waiting_may_heal_asks_nobody_to_sign_in() {
        for code in [Code::EntraUnreachable, Code::DevopsUnreachable, Code::DevopsDenied, Code::Stopped] {
            assert!(!asks_to_sign_in(&Failure::new(code)), "{code:?}");
        }
        assert!(asks_to_sign_in(&Failure::new(Code::EntraEnded)));
    }
}
