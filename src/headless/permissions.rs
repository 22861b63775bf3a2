//! `keyless permissions check --json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::doctor::{Diagnosis, DiagnosisFinding};
use super::wire::VERSION;
use crate::domain::finding::Finding;
use crate::domain::reach::{Checked, Concern, Hop, Read, Simulation};
use crate::explain::Invocation;

/// What `keyless permissions check --json` prints.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PermissionsOutput {
    /// Always 1.
    pub version: u32,
    /// `organisation/project`, as it stands in the answers.
    pub federation: String,
    /// The environments in promotion order.
    pub environments: Vec<PermissionsOfRole>,
    /// What a person should know, by environment, the worst of each first.
    pub findings: Vec<DiagnosisFinding>,
}

/// What the role of one environment may do.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PermissionsOfRole {
    /// The environment.
    pub environment: String,
    /// ARN of its role.
    pub role: String,
    /// Whether it could be read.
    pub read: ReadWord,
    /// Why it could not be read.
    pub why: Option<String>,
    /// Names of its inline policies and ARNs of its attached ones.
    pub policies: Vec<String>,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// ARNs of roles that it can assume or pass on, at once or further on, and that were read.
    pub leads_to: Vec<String>,
    /// What is too much, or leads to more.
    pub concerns: Vec<PermissionsConcern>,
    /// What IAM says to the same questions.
    pub simulation: SimulationOutput,
}

/// Whether a role could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadWord {
    /// It was read.
    Read,
    /// There is no such role.
    Missing,
    /// It could not be read.
    Unread,
}

/// One thing that is too much, or leads to more.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PermissionsConcern {
    /// `administrator`, `escalation`, `pass any role`, `assume any role`, `all but`, `wildcard`, `writes` or `unknown`.
    pub kind: String,
    /// What it makes possible.
    pub what: String,
    /// The policy it stands in.
    pub policy: Option<String>,
    /// The statement as it stands there.
    pub statement: Option<Value>,
    /// Whether the statement has a condition that may keep it from happening.
    pub conditional: bool,
    /// The roles on the way; empty: the role's own permissions.
    pub via: Vec<PermissionsHop>,
}

/// One step from an identity to a role.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PermissionsHop {
    /// ARN of the role it leads to.
    pub role: String,
    /// The service the role is passed to; null: it is assumed.
    pub passed_to: Option<String>,
}

/// What IAM says.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SimulationOutput {
    /// Whether IAM decides as the policies read.
    pub verdict: SimulationWord,
    /// How many questions were compared; null: none.
    pub questions: Option<usize>,
    /// What IAM decides otherwise.
    pub differences: Vec<String>,
    /// Why it could not be asked.
    pub why: Option<String>,
}

/// Whether IAM decides as the policies read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SimulationWord {
    /// It does.
    Agrees,
    /// It does not.
    Differs,
    /// It could not be asked.
    Unknown,
}

impl PermissionsOutput {
    /// A check as `--json` prints it.
    pub fn of(federation: &str, checked: &[Checked], findings: &[Finding], invocation: &Invocation) -> Self {
        Self {
            version: VERSION,
            federation: federation.to_owned(),
            environments: checked.iter().map(role).collect(),
            findings: Diagnosis::of(findings, invocation).findings,
        }
    }
}

fn role(checked: &Checked) -> PermissionsOfRole {
    let (read, why) = match &checked.read {
        Read::Whole => (ReadWord::Read, None),
        Read::Missing => (ReadWord::Missing, None),
        Read::Failed(failure) => (ReadWord::Unread, Some(failure.to_string())),
    };
    PermissionsOfRole {
        environment: checked.environment.to_string(),
        role: checked.role.to_string(),
        read,
        why,
        policies: checked.policies.clone(),
        boundary: checked.boundary.clone(),
        leads_to: checked.leads_to.clone(),
        concerns: checked.concerns.iter().map(concern).collect(),
        simulation: simulation(&checked.simulation),
    }
}

fn concern(concern: &Concern) -> PermissionsConcern {
    let hop = |hop: &Hop| match hop {
        Hop::Assumes(role) => PermissionsHop { role: role.clone(), passed_to: None },
        Hop::Passes { role, service } => {
            PermissionsHop { role: role.clone(), passed_to: Some(service.clone()) }
        }
    };
    PermissionsConcern {
        kind: concern.kind.words().to_owned(),
        what: concern.what.clone(),
        policy: concern.policy.clone(),
        statement: concern.statement.clone(),
        conditional: concern.conditional,
        via: concern.via.iter().map(hop).collect(),
    }
}

fn simulation(simulation: &Simulation) -> SimulationOutput {
    let (verdict, questions, differences, why) = match simulation {
        Simulation::Agrees(count) => (SimulationWord::Agrees, Some(*count), Vec::new(), None),
        Simulation::Differs(differences) => (SimulationWord::Differs, None, differences.clone(), None),
        Simulation::Unknown(why) => (SimulationWord::Unknown, None, Vec::new(), Some(why.clone())),
    };
    SimulationOutput { verdict, questions, differences, why }
}
