//! The operator in AWS: what denies a right, and regions that are off.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::failure::Failure;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::EnvironmentName;

/// What denies an action, as a simulation tells it (SimulatePrincipalPolicy).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DeniedBy {
    /// No identity policy allows it, or one denies it.
    Identity,
    /// The permissions boundary does not allow it.
    Boundary,
    /// A service control policy of the organisation does not allow it.
    Organization,
}

impl DeniedBy {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Identity => "identity's policies",
            Self::Boundary => "permissions boundary",
            Self::Organization => "organisation",
        }
    }
}

/// An action the operator may not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// `iam:CreateRole`.
    pub action: String,
    /// What denies it.
    pub by: DeniedBy,
}

/// What is denied to an operator, by what denies it: each is lifted by somebody else.
#[must_use]
pub fn rights(environment: &EnvironmentName, operator: &str, denied: &[Denied]) -> Vec<Finding> {
    let mut by: BTreeMap<DeniedBy, Vec<&str>> = BTreeMap::new();
    for one in denied {
        by.entry(one.by).or_default().push(&one.action);
    }
    let finding = |(by, actions): (DeniedBy, Vec<&str>)| {
        let code = match by {
            DeniedBy::Identity => FindingCode::RightsMissing,
            DeniedBy::Boundary => FindingCode::RightsBoundary,
            DeniedBy::Organization => FindingCode::RightsServiceControl,
        };
        Finding::about(environment, code).with("operator", operator).with("actions", actions.join(", "))
    };
    by.into_iter().map(finding).collect()
}

/// A look that failed for a reason with a name of its own, by AWS's error code.
#[must_use]
pub fn failed(environment: Option<&EnvironmentName>, failure: &Failure) -> Option<Finding> {
    // facts/aws-toolkit.md §6, row 12.
    (failure.evidence("error code") == Some("RegionDisabledException"))
        .then(|| Finding { code: FindingCode::RegionDisabled, ..Finding::failed(environment, failure) })
}
