//! Run events: the one stream every front end reads, and the JSON-lines contract itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::Change;
use super::file::{HandedOver, Only};
use super::link::LinkStatus;
use crate::domain::denial::Denial;
use crate::domain::failure::Failure;
use crate::domain::finding::Finding;
use crate::domain::handshake::Handshake;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;

/// Version of the event stream.
pub const VERSION: u32 = 1;

/// A step as the run announces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// Its key.
    pub step: StepKey,
    /// Its object in words.
    pub title: String,
    /// The environments it serves.
    pub environments: Vec<EnvironmentName>,
}

/// An environment as the run announces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentInfo {
    /// Its name.
    pub name: EnvironmentName,
    /// Whether it asks by name.
    pub protected: bool,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its connection.
    pub connection: String,
    /// ARN of its role.
    pub role: String,
    /// Which branches deploy to it.
    pub branches: Vec<String>,
    /// The half that is somebody else's: this session neither looks at it nor changes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<Only>,
}

/// The federation as the run announces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// `organisation/project`.
    pub federation: String,
    /// The organisation.
    pub organization: String,
    /// Its id.
    pub organization_id: String,
    /// The project.
    pub project: String,
    /// The issuer.
    pub issuer: String,
    /// The day the issuer is announced to stop (`2027-07-01`), where one is announced.
    pub issuer_retires: Option<String>,
    /// The environments in promotion order.
    pub environments: Vec<EnvironmentInfo>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Ended {
    /// Nothing was to do.
    Kept,
    /// Done and seen to be so.
    Applied,
    /// It failed.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// A step it needs did not succeed.
    WillNotRun {
        /// That step.
        because: StepKey,
    },
    /// What is there no longer fits the approved change.
    Stale {
        /// What it would be now.
        now: Box<Change>,
    },
    /// It goes on when somebody else, or time, has acted.
    Waiting {
        /// What it waits for.
        reason: String,
    },
    /// Nobody approved it.
    NotApproved,
    /// The person stopped the run.
    Stopped,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All that was approved is done.
    Done,
    /// It goes on when somebody else, or time, has acted.
    Waiting,
    /// A step failed.
    Failed,
    /// The person stopped it.
    Stopped,
    /// The plan no longer fitted.
    Stale,
}

/// One event. Step events always arrive; progress may be dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Event {
    /// The run begins, or begins anew with these steps.
    #[serde(rename = "run.started")]
    RunStarted {
        /// [`VERSION`].
        version: u32,
        /// `setup`, `verify`, `teardown`, …
        command: String,
        /// The federation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        federation: Option<Header>,
        /// Every step, in order.
        steps: Vec<StepInfo>,
    },
    /// A step is looked at.
    #[serde(rename = "step.started")]
    StepStarted {
        /// The step.
        step: StepKey,
        /// Whether it may write (false: it is only looked at).
        applying: bool,
    },
    /// A step waits or moves on. May be dropped.
    #[serde(rename = "step.progress")]
    StepProgress {
        /// The step.
        step: StepKey,
        /// What it does or waits for.
        message: String,
        /// Counts from 1.
        attempt: u32,
    },
    /// What a step saw.
    #[serde(rename = "step.observed")]
    StepObserved {
        /// The step.
        step: StepKey,
        /// The links it knows about.
        links: Vec<LinkStatus>,
        /// What a person should know.
        findings: Vec<Finding>,
        /// Verdicts it knows about.
        handshakes: Vec<Handshake>,
        /// Denial proofs it knows about. An environment with a handshake and none here has none that holds.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        denials: Vec<Denial>,
        /// The object as it was found, in the words of its service and without secrets; none: there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Value>,
    },
    /// What a step intends.
    #[serde(rename = "step.planned")]
    StepPlanned {
        /// The change.
        change: Box<Change>,
    },
    /// A request that changed a cloud was answered.
    #[serde(rename = "step.wrote")]
    StepWrote {
        /// The step.
        step: StepKey,
        /// The API's own name of the operation.
        operation: String,
        /// The object by name.
        object: String,
    },
    /// A step ended.
    #[serde(rename = "step.finished")]
    StepFinished {
        /// The step.
        step: StepKey,
        /// How.
        #[serde(flatten)]
        ended: Ended,
    },
    /// Something everybody should read, before it matters.
    #[serde(rename = "notice")]
    Notice {
        /// The text.
        text: String,
    },
    /// The half that is somebody else's was written as files for them.
    #[serde(rename = "half.written")]
    HalfWritten {
        /// What was written, and what the other person does with it.
        #[serde(flatten)]
        handed_over: HandedOver,
    },
    /// The run ended. Always the last event.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// How.
        outcome: Outcome,
        /// Requests that changed a cloud.
        writes: u64,
        /// Environments by verdict.
        proven: Vec<EnvironmentName>,
        /// See [`crate::domain::handshake::Verdict::Open`].
        open: Vec<EnvironmentName>,
        /// See [`crate::domain::handshake::Verdict::Mismatch`].
        mismatch: Vec<EnvironmentName>,
        /// See [`crate::domain::handshake::Verdict::Unknown`].
        unknown: Vec<EnvironmentName>,
        /// See [`crate::domain::handshake::Verdict::Failed`].
        failed: Vec<EnvironmentName>,
        /// Environments whose role a throw-away connection was denied, as required.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        denied: Vec<EnvironmentName>,
        /// Environments whose role let a throw-away connection in.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        admitted: Vec<EnvironmentName>,
        /// What was not done and goes on later, in words.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waiting_for: Vec<String>,
        /// What stays behind and why, in words.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        leftovers: Vec<String>,
    },
}
