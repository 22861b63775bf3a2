//! Findings: named causes that a person should know, beside what a plan changes. Words live in `explain`.

use serde::{Deserialize, Serialize};

use super::failure::Evidence;
use super::names::EnvironmentName;

/// How much a finding matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Should be looked at.
    Warning,
    /// Is a way in, or does not work.
    Error,
}

/// Stable names of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum FindingCode {
    /// The trust admits others than the one subject.
    TrustOpen,
    /// The trust is longer than the default quota.
    TrustLong,
    /// The role has policies that keyless did not write.
    RoleExtraPolicies,
    /// The role belongs to another tool.
    RoleForeign,
    /// The verification pipeline may use the connection also when no handshake runs.
    PermissionStanding,
    /// Every pipeline of the project may use the connection.
    PermissionAllPipelines,
    /// Access keys are stored in the connection and win over OIDC.
    ConnectionKeys,
    /// The connection is shared with other projects.
    ConnectionShared,
    /// The connection is disabled.
    ConnectionDisabled,
    /// The connection was made by somebody else.
    ConnectionForeign,
    /// Which rights the operator has could not be found out.
    RightsUnknown,
    /// Rights keyless needs are denied to the operator.
    RightsMissing,
    /// Others than the operator can push to the verification repository.
    RepositoryOpen,
}

impl FindingCode {
    /// The code as it is printed: `KL-TRUST-OPEN`.
    pub fn text(self) -> String {
        let name = serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned));
        format!("KL-{}", name.unwrap_or_default())
    }

    /// How much it matters.
    pub fn severity(self) -> Severity {
        match self {
            Self::TrustOpen | Self::ConnectionKeys | Self::ConnectionDisabled | Self::RightsMissing => {
                Severity::Error
            }
            Self::PermissionStanding | Self::PermissionAllPipelines | Self::RepositoryOpen => Severity::Error,
            Self::TrustLong | Self::RoleExtraPolicies | Self::ConnectionShared => Severity::Warning,
            Self::RoleForeign | Self::ConnectionForeign => Severity::Warning,
            Self::RightsUnknown => Severity::Note,
        }
    }
}

/// A finding about one environment, or about all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    pub code: FindingCode,
    /// The environment; none: the whole federation.
    pub environment: Option<EnvironmentName>,
    /// How it is known.
    pub evidence: Vec<Evidence>,
}

impl Finding {
    /// A finding about one environment.
    pub fn about(environment: &EnvironmentName, code: FindingCode) -> Self {
        Self { code, environment: Some(environment.clone()), evidence: Vec::new() }
    }

    /// A finding about the whole federation.
    pub fn overall(code: FindingCode) -> Self {
        Self { code, environment: None, evidence: Vec::new() }
    }

    /// Adds evidence.
    #[must_use]
    pub fn with(mut self, label: &str, value: impl std::fmt::Display) -> Self {
        self.evidence.push(Evidence { label: label.to_owned(), value: value.to_string() });
        self
    }
}
