//! What was learned about the permissions of one environment's role, and its findings.

use super::{Concern, ConcernKind, Hop};
use crate::domain::arn::RoleArn;
use crate::domain::diagnose::role::is_administrator;
use crate::domain::failure::Failure;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::EnvironmentName;

/// Whether the role could be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// It was.
    Whole,
    /// There is no such role.
    Missing,
    /// It could not be.
    Failed(Failure),
}

/// What IAM says to the same questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Simulation {
    /// The same, to so many questions.
    Agrees(usize),
    /// Something else; each entry says what.
    Differs(Vec<String>),
    /// Nobody knows, and why.
    Unknown(String),
}

/// What was learned about the permissions of one environment's role.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The environment.
    pub environment: EnvironmentName,
    /// Its role.
    pub role: RoleArn,
    /// Whether it could be read.
    pub read: Read,
    /// Names of its inline policies and ARNs of its attached ones.
    pub policies: Vec<String>,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// ARNs of the roles it can assume or pass on, at once or further on, that were looked at.
    pub leads_to: Vec<String>,
    /// What a person should know, worst first.
    pub concerns: Vec<Concern>,
    /// What IAM says.
    pub simulation: Simulation,
}

impl Checked {
    /// A role of which nothing more is known.
    #[must_use]
    pub fn unread(environment: EnvironmentName, role: RoleArn, read: Read) -> Self {
        let simulation = Simulation::Unknown("the role was not read".to_owned());
        let (policies, leads_to, concerns) = (Vec::new(), Vec::new(), Vec::new());
        Self { environment, role, read, policies, boundary: None, leads_to, concerns, simulation }
    }

    /// Its findings, the worst first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.concerns.iter().map(|concern| self.finding(concern)).collect();
        if let Simulation::Differs(differences) = &self.simulation {
            let finding =
                Finding::about(&self.environment, FindingCode::RoleSimulated).with("role", &self.role);
            findings.push(finding.with("differences", differences.join("; ")));
        }
        if let Read::Failed(failure) = &self.read {
            findings.push(Finding::failed(Some(&self.environment), failure));
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.code.severity()));
        findings
    }

    fn finding(&self, concern: &Concern) -> Finding {
        let code = code_of(concern);
        let mut finding = Finding::about(&self.environment, code).with("role", &self.role);
        if code == FindingCode::RoleReachUnknown {
            finding = finding.with("reached", concern.via.last().map(end).unwrap_or_default());
        } else {
            finding = finding.with("what", &concern.what);
        }
        if !concern.via.is_empty() {
            let hops: Vec<String> = concern.via.iter().map(ToString::to_string).collect();
            finding = finding.with("via", hops.join(", then "));
        }
        if let Some(policy) = &concern.policy {
            finding = finding.with("policy", policy);
        }
        if let Some(statement) = &concern.statement {
            finding = finding.with("statement", statement);
        }
        if concern.conditional {
            finding.with("condition", "the statement has one, which may keep it")
        } else {
            finding
        }
    }
}

/// The role at the end of a hop.
fn end(hop: &Hop) -> &str {
    match hop {
        Hop::Assumes(role) | Hop::Passes { role, .. } => role,
    }
}

fn code_of(concern: &Concern) -> FindingCode {
    match concern.kind {
        ConcernKind::Administrator if !concern.via.is_empty() => FindingCode::RoleReachesAdministrator,
        ConcernKind::Administrator if concern.policy.as_deref().is_some_and(is_administrator) => {
            FindingCode::RoleAdministrator
        }
        ConcernKind::Administrator => FindingCode::RoleStar,
        ConcernKind::Escalation | ConcernKind::PassAny => FindingCode::RoleEscalation,
        ConcernKind::AssumeAny | ConcernKind::NotAction | ConcernKind::Wildcard => FindingCode::RoleWildcard,
        ConcernKind::Writes => FindingCode::RolePlanWrites,
        ConcernKind::Unknown => FindingCode::RoleReachUnknown,
    }
}
