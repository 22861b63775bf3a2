//! `keyless doctor --json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wire::{EvidenceStatus, VERSION};
use crate::domain::finding::{Finding, Severity};
use crate::explain::{self, Invocation};

/// What `keyless doctor --json` prints; with `--fix` as the last line, after the lines of the run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// Always 1.
    pub version: u32,
    /// By environment in promotion order, those about all of them first; the worst of each first.
    pub findings: Vec<DiagnosisFinding>,
}

/// One finding.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DiagnosisFinding {
    /// Its stable code: `KL-TRUST-SUB-CASE`.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// Its environment; null: all of them, or none in particular.
    pub environment: Option<String>,
    /// The cause in one sentence.
    pub cause: String,
    /// How it is known. `found` and `wanted` are held against each other.
    pub evidence: Vec<EvidenceStatus>,
    /// What to do.
    pub heal: String,
    /// The step whose change heals it (`role:111122223333/AzureDevOpsDevRole`); null: a person must act.
    pub step: Option<String>,
}

impl Diagnosis {
    /// Findings as `--json` prints them.
    pub fn of(findings: &[Finding], invocation: &Invocation) -> Self {
        let findings = findings.iter().map(|finding| {
            let words = explain::finding(finding);
            DiagnosisFinding {
                code: finding.code.text(),
                severity: finding.code.severity(),
                environment: finding.environment.as_ref().map(ToString::to_string),
                cause: words.cause,
                evidence: finding.evidence.iter().map(Into::into).collect(),
                heal: invocation.dress(&words.heal),
                step: finding.heal.as_ref().map(ToString::to_string),
            }
        });
        Self { version: VERSION, findings: findings.collect() }
    }
}
