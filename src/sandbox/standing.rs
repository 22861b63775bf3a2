//! How runs stand: which stages ended how, and for whom the rest waits.

use serde::{Deserialize, Serialize};

use super::Ground;
use super::agent::yaml::Stage;
use super::agent::{self, server};
use super::devops::runs::{self, Ending, Run, Status};
use super::devops::timeline::{self, Outcome, Record, State};
use super::devops::{approvals, identities, pipelines};

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its number.
    pub run: u64,
    /// The pipeline's name.
    pub pipeline: String,
    /// `manual`, `individualCI` or `pullRequest`.
    pub reason: String,
    /// `refs/heads/main`
    pub branch: String,
    /// `succeeded`, `failed` or `canceled`; empty: it goes on.
    pub result: String,
    /// Names of its stages, and how they ended; empty: not yet.
    pub stages: Vec<(String, String)>,
    /// What it waits for.
    pub waits: Vec<Wait>,
    /// What went wrong in it.
    pub problems: Vec<String>,
}

/// What a run waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The stage.
    pub stage: String,
    /// What for: `approval by payments Team`.
    pub what: String,
}

/// Waits until these runs have ended or wait for somebody. A run that is gone is left out.
pub async fn rest(ground: &Ground, ids: &[u64]) -> Vec<Standing> {
    let mut changes = ground.store.changes();
    loop {
        changes.borrow_and_update();
        let all: Vec<Standing> = ids.iter().filter_map(|id| of(ground, *id)).collect();
        let rests = |one: &Standing| !one.result.is_empty() || (!one.waits.is_empty() && !works(ground, one));
        if all.iter().all(rests) || changes.changed().await.is_err() {
            return all;
        }
    }
}

/// Whether an agent has one of its jobs, or will have one without anybody being asked: a stage whose turn it is, and that
/// nothing holds up.
fn works(ground: &Ground, one: &Standing) -> bool {
    let has_agent = |record: &Record| record.kind == "Job" && record.worker.is_some();
    if timeline::all(ground, one.run)
        .iter()
        .any(|record| has_agent(record) && record.state == State::InProgress)
    {
        return true;
    }
    let plan = runs::plan(ground, one.run).unwrap_or_default();
    let ended = |name: &str| one.stages.iter().any(|(stage, result)| stage == name && !result.is_empty());
    let waits = |stage: &Stage| {
        one.waits
            .iter()
            .any(|wait| wait.stage == stage.name || stage.jobs.iter().any(|job| job.name == wait.stage))
    };
    let turn = |stage: &&Stage| !ended(&stage.name) && stage.depends.iter().all(|name| ended(name));
    plan.stages.iter().filter(turn).any(|stage| !waits(stage))
}

fn of(ground: &Ground, id: u64) -> Option<Standing> {
    let run = runs::by_id(ground, id)?;
    let records = timeline::all(ground, id);
    let plan = runs::plan(ground, id).unwrap_or_default();
    let ended = |name: &str| {
        let mut stages = records.iter().filter(|record| record.kind == "Stage");
        let found = stages.find(|record| record.identifier == name).and_then(|record| record.result);
        found.map(word).unwrap_or_default().to_owned()
    };
    let issues = records.iter().flat_map(|record| &record.issues);
    let mut problems: Vec<String> =
        issues.filter(|it| it.kind == "error").map(|it| it.message.clone()).collect();
    problems.dedup();
    Some(Standing {
        run: id,
        pipeline: pipelines::by_id(ground, run.pipeline).map(|one| one.name).unwrap_or_default(),
        reason: run.reason().to_owned(),
        branch: run.ref_name.clone(),
        result: run.result.map(ending).unwrap_or_default().to_owned(),
        stages: plan.stages.iter().map(|stage| (stage.name.clone(), ended(&stage.name))).collect(),
        waits: if run.status == Status::Completed { Vec::new() } else { waits(ground, &run) },
        problems,
    })
}

fn waits(ground: &Ground, run: &Run) -> Vec<Wait> {
    let mut found: Vec<Wait> = Vec::new();
    for one in approvals::pending(ground).into_iter().filter(|one| one.run == run.id) {
        let open = one.steps.iter().filter(|step| step.status == "pending");
        let names: Vec<String> =
            open.filter_map(|step| identities::by_id(ground, &step.approver)).map(|who| who.name).collect();
        found.push(Wait { stage: one.stage, what: format!("approval by {}", names.join(", ")) });
    }
    for one in server::pending(ground).into_iter().filter(|one| one.run == run.id) {
        found.push(Wait { stage: one.job, what: "an answer to its question".to_owned() });
    }
    found.extend(agent::waits(ground, run).into_iter().map(|(stage, what)| Wait { stage, what }));
    found
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::SucceededWithIssues => "succeeded with issues",
        Outcome::Skipped => "skipped",
        Outcome::Canceled => "canceled",
        Outcome::Failed => "failed",
    }
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Succeeded | Ending::PartiallySucceeded => "succeeded",
        Ending::Failed => "failed",
        Ending::Canceled => "canceled",
    }
}
