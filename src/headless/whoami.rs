//! The JSON contract of `keyless whoami`, version 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wire::EvidenceStatus;

/// `keyless whoami --json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Whoami {
    /// Always 1.
    pub version: u32,
    /// In Azure DevOps.
    pub azure_devops: DevopsIdentity,
    /// In AWS, in promotion order; empty without a `keyless.toml`.
    pub environments: Vec<EnvironmentIdentity>,
}

/// Who keyless is in Azure DevOps.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DevopsIdentity {
    /// The organisation.
    pub organization: String,
    /// Its id, a GUID; null: nobody is signed in.
    pub organization_id: Option<String>,
    /// The person's name; null: nobody is signed in.
    pub name: Option<String>,
    /// Their id in Azure DevOps, a GUID.
    pub id: Option<String>,
    /// Where the sign-in comes from, in words; null: there is none.
    pub source: Option<String>,
    /// Rights that a reading call was refused for, each as the scope to add.
    pub missing: Vec<String>,
    /// Why nobody is signed in.
    pub failure: Option<Trouble>,
}

impl DevopsIdentity {
    /// Nobody, yet.
    pub fn nobody(organization: &str) -> Self {
        Self {
            organization: organization.to_owned(),
            organization_id: None,
            name: None,
            id: None,
            source: None,
            missing: Vec::new(),
            failure: None,
        }
    }
}

/// Who keyless is in the account of an environment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentIdentity {
    /// The environment.
    pub name: String,
    /// Its account id.
    pub account: String,
    /// The ARN that answers; null: none that is of this account.
    pub identity: Option<String>,
    /// Why there is none.
    pub failure: Option<Trouble>,
}

/// A failure.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Trouble {
    /// Its stable code.
    pub code: String,
    /// The cause in one sentence.
    pub cause: String,
    /// How it is known.
    pub evidence: Vec<EvidenceStatus>,
    /// What to do.
    pub hint: String,
}
