//! The JSON contract, version 1: what `--json` prints, as types that their JSON Schemas are generated from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audit::AuditOutput;
use super::denial::DenialStatus;
use super::doctor::Diagnosis;
use super::half::HalfWritten;
use super::history::HistoryOutput;
use super::inventory::InventoryOutput;
use super::matrix::MatrixOutput;
use super::permissions::PermissionsOutput;
use super::pipeline::PipelineOutput;
use super::whoami::Whoami;
use crate::domain::failure::Evidence;
use crate::domain::finding::{Finding, Severity};
use crate::domain::names::EnvironmentName;
use crate::explain::{self, Invocation};
use crate::plan::board::{Board, EnvironmentStatus};
use crate::plan::change::{Plan, Verb};
use crate::plan::event::{Event, Outcome};
use crate::plan::link::{Link, LinkState};

/// Version of every shape in this file.
pub const VERSION: u32 = 1;

/// `keyless status --json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Always 1.
    pub version: u32,
    /// `organisation/project`.
    pub federation: String,
    /// The organisation, as Azure DevOps spells it.
    pub organization: String,
    /// Its id, a GUID.
    pub organization_id: String,
    /// The project, as Azure DevOps spells it.
    pub project: String,
    /// The issuer of the tokens.
    pub issuer: IssuerStatus,
    /// In promotion order.
    pub environments: Vec<Environment>,
}

/// The issuer and its announced end.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct IssuerStatus {
    /// The `iss` claim.
    pub url: String,
    /// The announced last day (`2027-07-01`); null: none is announced.
    pub retires: Option<String>,
    /// Days until then; negative: past.
    pub days_left: Option<i64>,
}

/// One environment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Whether changes to it ask for its name.
    pub protected: bool,
    /// The AWS account id.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// The service connection.
    pub connection: String,
    /// ARN of the role.
    pub role: String,
    /// Every link, in the order they depend on each other.
    pub chain: Vec<ChainLink>,
    /// The last proof.
    pub handshake: HandshakeStatus,
    /// The last proof that others are denied; absent: none was made since role and trust are as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denial: Option<DenialStatus>,
    /// What a person should know, worst first.
    pub findings: Vec<FindingStatus>,
}

/// One link of the chain.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ChainLink {
    /// Which link.
    pub link: Link,
    /// How it stands.
    pub state: LinkState,
    /// The detail that matters.
    pub detail: String,
}

/// The verdict of the last handshake.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HandshakeStatus {
    /// The verdict.
    pub verdict: VerdictWord,
    /// Why, where there is more to say.
    pub reason: Option<String>,
    /// The assumed-role ARN that answered.
    pub identity: Option<String>,
    /// When (RFC 3339, the cloud's clock).
    pub at: Option<String>,
    /// The run's page.
    pub run: Option<String>,
}

/// See `domain::handshake::Verdict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictWord {
    /// The run became exactly the wanted role.
    Proven,
    /// It works, but the trust admits others too.
    Open,
    /// Another identity or claim than wanted.
    Mismatch,
    /// The run failed.
    Failed,
    /// Nothing proves it, for or against.
    Unknown,
}

/// A finding.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FindingStatus {
    /// Its stable code.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// The cause in one sentence.
    pub cause: String,
    /// How it is known.
    pub evidence: Vec<EvidenceStatus>,
    /// What to do.
    pub heal: String,
}

/// One piece of evidence.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceStatus {
    /// What it is.
    pub label: String,
    /// The value.
    pub value: String,
}

impl From<&Evidence> for EvidenceStatus {
    fn from(evidence: &Evidence) -> Self {
        Self { label: evidence.label.clone(), value: evidence.value.clone() }
    }
}

impl Status {
    /// The status a board shows. None: the board has not heard of a federation yet.
    pub fn of(board: &Board, today: time::Date, invocation: &Invocation) -> Option<Self> {
        let header = board.header.as_ref()?;
        let retires = header.issuer_retires.clone();
        let days_left = retires.as_deref().and_then(date).map(|day| (day - today).whole_days());
        Some(Self {
            version: VERSION,
            federation: header.federation.clone(),
            organization: header.organization.clone(),
            organization_id: header.organization_id.clone(),
            project: header.project.clone(),
            issuer: IssuerStatus { url: header.issuer.clone(), retires, days_left },
            environments: board
                .environments
                .iter()
                .map(|status| environment(board, status, invocation))
                .collect(),
        })
    }
}

fn date(text: &str) -> Option<time::Date> {
    time::Date::parse(text, time::macros::format_description!("[year]-[month]-[day]")).ok()
}

fn environment(board: &Board, status: &EnvironmentStatus, invocation: &Invocation) -> Environment {
    let info = &status.info;
    Environment {
        name: info.name.to_string(),
        protected: info.protected,
        account: info.account.clone(),
        region: info.region.clone(),
        connection: info.connection.clone(),
        role: info.role.clone(),
        chain: status
            .chain
            .iter()
            .map(|link| ChainLink { link: link.link, state: link.state, detail: link.detail.clone() })
            .collect(),
        handshake: handshake(status),
        denial: status.denial.as_ref().map(Into::into),
        findings: board.findings_of(&info.name).into_iter().map(|found| finding(found, invocation)).collect(),
    }
}

fn handshake(status: &EnvironmentStatus) -> HandshakeStatus {
    use crate::domain::handshake::Verdict;
    let Some(handshake) = &status.handshake else {
        return HandshakeStatus {
            verdict: VerdictWord::Unknown,
            reason: Some("no handshake has been made".to_owned()),
            identity: None,
            at: None,
            run: None,
        };
    };
    HandshakeStatus {
        verdict: match handshake.verdict {
            Verdict::Proven => VerdictWord::Proven,
            Verdict::Open { .. } => VerdictWord::Open,
            Verdict::Mismatch { .. } => VerdictWord::Mismatch,
            Verdict::Failed { .. } => VerdictWord::Failed,
            Verdict::Unknown { .. } => VerdictWord::Unknown,
        },
        reason: handshake.verdict.reason(),
        identity: handshake.identity.clone(),
        at: handshake.at.clone(),
        run: handshake.run.clone(),
    }
}

fn finding(finding: &Finding, invocation: &Invocation) -> FindingStatus {
    let words = explain::finding(finding);
    FindingStatus {
        code: finding.code.text(),
        severity: finding.code.severity(),
        cause: words.cause,
        evidence: finding.evidence.iter().map(Into::into).collect(),
        heal: invocation.dress(&words.heal),
    }
}

/// `keyless plan --json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PlanOutput {
    /// Always 1.
    pub version: u32,
    /// One per step, in the order they run.
    pub changes: Vec<ChangeOutput>,
    /// Steps that could not be planned.
    pub blocked: Vec<BlockedOutput>,
    /// How many requests that change a cloud it takes.
    pub writes: usize,
}

/// One change.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ChangeOutput {
    /// The step: `role:111122223333/AzureDevOpsDevRole`.
    pub step: String,
    /// Its environment; null: it serves several or all.
    pub environment: Option<String>,
    /// All environments it serves.
    pub environments: Vec<String>,
    /// What happens.
    pub verb: Verb,
    /// What is there now.
    pub before: Option<Value>,
    /// What will be there.
    pub after: Option<Value>,
    /// Why.
    pub why: String,
    /// Whether it can be taken back.
    pub reversible: bool,
    /// The rights it needs, in the cloud's own words.
    pub rights: Vec<String>,
}

/// A step that could not be planned.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BlockedOutput {
    /// The step.
    pub step: String,
    /// All environments it serves.
    pub environments: Vec<String>,
    /// The failure's code, or null when another step is in the way.
    pub code: Option<String>,
    /// Why, in words.
    pub why: String,
}

impl PlanOutput {
    /// A plan as `--json` prints it.
    pub fn of(plan: &Plan) -> Self {
        let names = |environments: &[EnvironmentName]| {
            environments.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        Self {
            version: VERSION,
            changes: plan
                .changes
                .iter()
                .map(|change| ChangeOutput {
                    step: change.step.to_string(),
                    environment: match change.environments.as_slice() {
                        [one] => Some(one.to_string()),
                        _ => None,
                    },
                    environments: names(&change.environments),
                    verb: change.verb,
                    before: change.before.clone(),
                    after: change.after.clone(),
                    why: change.why.clone(),
                    reversible: change.reversible,
                    rights: change.rights.clone(),
                })
                .collect(),
            blocked: plan
                .blocked
                .iter()
                .map(|blocked| BlockedOutput {
                    step: blocked.step.to_string(),
                    environments: names(&blocked.environments),
                    code: blocked.failure.as_ref().map(|failure| failure.code.text()),
                    why: match (&blocked.failure, &blocked.because) {
                        (Some(failure), _) => explain::failure(failure).cause,
                        (None, Some(because)) => format!("waits for {}", because.words()),
                        (None, None) => String::new(),
                    },
                })
                .collect(),
            writes: plan.writes(),
        }
    }
}

/// The first line of `setup|verify|apply|teardown --json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RunStarted {
    /// Always `run.started`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Always 1.
    pub version: u32,
    /// The command.
    pub command: String,
    /// Every step, in order.
    pub steps: Vec<RunStep>,
}

/// One announced step.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RunStep {
    /// Its key.
    pub step: String,
    /// Its object in words.
    pub title: String,
    /// All environments it serves.
    pub environments: Vec<String>,
}

/// The last line of `setup|verify|apply|teardown --json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RunFinished {
    /// Always `run.finished`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Requests that changed a cloud.
    pub writes: u64,
    /// Environments whose pipeline becomes exactly the wanted role.
    pub proven: Vec<String>,
    /// Environments that work, but whose trust admits others too.
    pub open: Vec<String>,
    /// Environments that answered with another identity or claim.
    pub mismatch: Vec<String>,
    /// Environments nothing is known of.
    pub unknown: Vec<String>,
    /// Environments whose run failed.
    pub failed: Vec<String>,
    /// Environments whose role a throw-away connection was denied, as required.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
    /// Environments whose role let a throw-away connection in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admitted: Vec<String>,
    /// What goes on later, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_for: Vec<String>,
    /// What stays behind and why, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<String>,
}

/// The schemas in `assets/schemas/`, by file name.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("status.schema.json", schemars::schema_for!(Status).to_value()),
        ("plan.schema.json", schemars::schema_for!(PlanOutput).to_value()),
        ("run-started.schema.json", schemars::schema_for!(RunStarted).to_value()),
        ("doctor.schema.json", schemars::schema_for!(Diagnosis).to_value()),
        ("inventory.schema.json", schemars::schema_for!(InventoryOutput).to_value()),
        ("matrix.schema.json", schemars::schema_for!(MatrixOutput).to_value()),
        ("audit.schema.json", schemars::schema_for!(AuditOutput).to_value()),
        ("history.schema.json", schemars::schema_for!(HistoryOutput).to_value()),
        ("permissions.schema.json", schemars::schema_for!(PermissionsOutput).to_value()),
        ("pipeline.schema.json", schemars::schema_for!(PipelineOutput).to_value()),
        ("whoami.schema.json", schemars::schema_for!(Whoami).to_value()),
        ("half-written.schema.json", schemars::schema_for!(HalfWritten).to_value()),
        ("run-finished.schema.json", schemars::schema_for!(RunFinished).to_value()),
    ]
}

/// One event as a JSON line.
pub fn line(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_default()
}
