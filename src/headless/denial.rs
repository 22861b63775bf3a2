//! A denial proof as `status --json` prints it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::denial::{self, Denial};

/// The verdict of the last denial proof: a throw-away connection tried the role.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DenialStatus {
    /// The verdict.
    pub verdict: DenialWord,
    /// Why, where there is more to say.
    pub reason: Option<String>,
    /// The subject of the throw-away connection's token.
    pub subject: Option<String>,
    /// When (RFC 3339, the cloud's clock).
    pub at: Option<String>,
    /// The run's page.
    pub run: Option<String>,
}

/// See `domain::denial::Verdict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DenialWord {
    /// STS denied it, as required.
    Denied,
    /// The role let it in.
    Admitted,
    /// Neither is proven.
    Unknown,
}

impl From<&Denial> for DenialStatus {
    fn from(denial: &Denial) -> Self {
        Self {
            verdict: match denial.verdict {
                denial::Verdict::Denied => DenialWord::Denied,
                denial::Verdict::Admitted => DenialWord::Admitted,
                denial::Verdict::Unknown { .. } => DenialWord::Unknown,
            },
            reason: denial.verdict.reason().map(str::to_owned),
            subject: denial.subject.clone(),
            at: denial.at.clone(),
            run: denial.run.clone(),
        }
    }
}
