//! The IAM OIDC provider of one account, as found and as wanted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::issuer::Issuer;
use super::names::{AccountId, EnvironmentName, Partition};

/// A provider as IAM shows it (GetOpenIDConnectProvider).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its ARN.
    pub arn: String,
    /// Its URL, without `https://` as IAM answers it.
    pub url: String,
    /// The client id list.
    pub audiences: BTreeSet<String>,
    /// Server certificate thumbprints.
    pub thumbprints: Vec<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A provider as one account needs it. Environments that share an account share it; their audiences are united.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedProvider {
    /// The account.
    pub account: AccountId,
    /// Its partition.
    pub partition: Partition,
    /// The issuer, exactly.
    pub issuer: Issuer,
    /// Audiences that must be among the client ids.
    pub audiences: BTreeSet<String>,
    /// Tags for a provider made by keyless.
    pub tags: BTreeMap<String, String>,
    /// The environments that use it.
    pub environments: Vec<EnvironmentName>,
}

impl WantedProvider {
    /// The ARN it has or will have.
    pub fn arn(&self) -> String {
        self.issuer.provider_arn(self.partition, &self.account)
    }
}
