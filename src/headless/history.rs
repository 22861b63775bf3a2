//! `keyless history --json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::VERSION;
use crate::domain::history::{History, PastEnd, PastRun, PastWrite, Undo};
use crate::explain::Invocation;

/// What keyless changed from this machine.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HistoryOutput {
    /// Always 1.
    pub version: u32,
    /// `organisation/project`.
    pub federation: String,
    /// The newest first.
    pub runs: Vec<HistoryRun>,
}

/// One run that could change something.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HistoryRun {
    /// Its id, for `--run`.
    pub id: String,
    /// `setup`, `teardown`, …
    pub command: String,
    /// Who was signed in to Azure DevOps; null: nobody was, or it was not written down then.
    pub who: Option<String>,
    /// When it began (RFC 3339).
    pub at: String,
    /// The oldest first.
    pub writes: Vec<HistoryWrite>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HistoryEnd {
    /// It was answered.
    Done,
    /// It was refused: nothing was changed.
    Refused,
    /// Its answer was lost.
    Lost,
}

/// One request that changes a cloud.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HistoryWrite {
    /// When it was about to be made (RFC 3339).
    pub at: String,
    /// The step.
    pub step: String,
    /// `azure-devops` or `iam`.
    pub service: String,
    /// The API's own name of the operation.
    pub operation: String,
    /// The object by name.
    pub object: String,
    /// What was there before; null: nothing, or it is not known.
    pub before: Option<Value>,
    /// What was written; null: no more than the object's name is known.
    pub after: Option<Value>,
    /// How it ended.
    pub ended: HistoryEnd,
    /// The code of the refusal; null: it was none.
    pub code: Option<String>,
    /// The command that takes it back, after a look; null: none does, or nothing was changed.
    pub undo: Option<String>,
    /// Why nothing takes it back; null: something does, or nothing was changed.
    pub stays: Option<String>,
}

impl HistoryOutput {
    /// A history, told after this call.
    pub fn of(history: &History, invocation: &Invocation) -> Self {
        let run = |run: &PastRun| HistoryRun {
            id: run.id.clone(),
            command: run.command.clone(),
            who: run.who.clone(),
            at: run.at.clone(),
            writes: run.writes.iter().map(|write| written(run, write, invocation)).collect(),
        };
        Self {
            version: VERSION,
            federation: history.federation.clone(),
            runs: history.runs.iter().map(run).collect(),
        }
    }
}

fn written(run: &PastRun, past: &PastWrite, invocation: &Invocation) -> HistoryWrite {
    let (ended, code) = match &past.ended {
        PastEnd::Done => (HistoryEnd::Done, None),
        PastEnd::Lost => (HistoryEnd::Lost, None),
        PastEnd::Refused { failure } => (HistoryEnd::Refused, Some(failure.code.text())),
    };
    let (undo, stays) = match past.undo(&run.command) {
        Undo::Needless => (None, None),
        Undo::Command(command) => (Some(invocation.dress(command)), None),
        Undo::Impossible(why) => (None, Some(why)),
    };
    HistoryWrite {
        at: past.at.clone(),
        step: past.step.to_string(),
        service: past.write.service.clone(),
        operation: past.write.operation.clone(),
        object: past.write.object.clone(),
        before: past.before().cloned(),
        after: past.after().cloned(),
        ended,
        code,
        undo,
        stays,
    }
}
