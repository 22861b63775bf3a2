//! Findings: named causes that a person should know, beside what a plan changes. Words live in `explain`.

mod code;

use serde::{Deserialize, Serialize};

use super::failure::{Evidence, Failure};
use super::key::StepKey;
use super::names::EnvironmentName;
pub use code::FindingCode;

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

/// A finding about one environment, or about all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    pub code: FindingCode,
    /// The environment; none: the whole federation.
    pub environment: Option<EnvironmentName>,
    /// How it is known.
    pub evidence: Vec<Evidence>,
    /// The step whose change heals it; none: a person must act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<StepKey>,
}

/// The label of the value that is there, where two are held against each other.
const FOUND: &str = "found";
/// The label of the value that should be there.
const WANTED: &str = "wanted";

impl Finding {
    /// A finding about one environment.
    pub fn about(environment: &EnvironmentName, code: FindingCode) -> Self {
        Self { code, environment: Some(environment.clone()), evidence: Vec::new(), heal: None }
    }

    /// A finding about the whole federation.
    pub fn overall(code: FindingCode) -> Self {
        Self { code, environment: None, evidence: Vec::new(), heal: None }
    }

    /// Adds evidence.
    #[must_use]
    pub fn with(mut self, label: &str, value: impl std::fmt::Display) -> Self {
        self.evidence.push(Evidence { label: label.to_owned(), value: value.to_string() });
        self
    }

    /// Adds two values that differ where they should not: front ends mark the characters.
    #[must_use]
    pub fn differs(self, found: impl std::fmt::Display, wanted: impl std::fmt::Display) -> Self {
        self.with(FOUND, found).with(WANTED, wanted)
    }

    /// Names the step whose change heals it.
    #[must_use]
    pub fn healed_by(mut self, step: &StepKey) -> Self {
        self.heal = Some(step.clone());
        self
    }

    /// A look that failed, as a finding about one environment or all. A code that is a finding's own name is that finding.
    pub fn failed(environment: Option<&EnvironmentName>, failure: &Failure) -> Self {
        Self {
            code: FindingCode::named(&failure.code.text()).unwrap_or(FindingCode::Failed(failure.code)),
            environment: environment.cloned(),
            evidence: failure.evidence.clone(),
            heal: None,
        }
    }

    /// The first evidence with that label.
    pub fn evidence(&self, label: &str) -> Option<&str> {
        self.evidence.iter().find(|evidence| evidence.label == label).map(|evidence| evidence.value.as_str())
    }

    /// The value found and the one wanted, where the finding holds both.
    pub fn pair(&self) -> Option<(&str, &str)> {
        Some((self.evidence(FOUND)?, self.evidence(WANTED)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::Code;

    #[test]
    fn codes_are_read_as_they_are_printed() {
        for code in FindingCode::ALL {
            assert_eq!(FindingCode::named(&code.text()), Some(code));
        }
        let failed = FindingCode::Failed(Code::DevopsToken);
        assert_eq!(failed.text(), "KL-DEVOPS-TOKEN");
        assert_eq!(FindingCode::named("kl-devops-token"), Some(failed));
        assert_eq!(FindingCode::named("KL-NOTHING"), None);
        let failed = |code| Finding::failed(None, &Failure::new(code)).code;
        assert_eq!(failed(Code::ConnectionNotReady), FindingCode::ConnectionNotReady);
        assert_eq!(failed(Code::DevopsToken), FindingCode::Failed(Code::DevopsToken));
    }
}
