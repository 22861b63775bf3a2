//! Jobs without an agent (`pool: server`): a person is asked whether to go on.

use serde::{Deserialize, Serialize};

use super::conditions::{Now, met};
use super::graph::Before;
use super::run::Progress;
use super::steps::{Step, Work};
use super::yaml::Job;
use super::{records, step};
use crate::sandbox::Ground;
use crate::sandbox::devops::timeline::{Outcome, Record};

/// A question of the task `ManualValidation`. Under which address the service takes the answer is in no published contract;
/// here the control of the practice cloud does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// The id of its record.
    pub id: String,
    /// The run.
    pub run: u64,
    /// The job's name.
    pub job: String,
    /// `pending`, `approved`, `rejected` or `canceled`.
    pub status: String,
    /// What the person is told.
    pub instructions: String,
    /// Who decided.
    pub by: Option<String>,
}

const TABLE: &str = "manual-validation";

/// Every question that is open.
pub(in crate::sandbox) fn pending(ground: &Ground) -> Vec<Validation> {
    let all: Vec<(String, Validation)> = ground.store.list(TABLE, "");
    all.into_iter().map(|(_, one)| one).filter(|one| one.status == "pending").collect()
}

/// Answers a question.
pub(in crate::sandbox) fn decide(ground: &Ground, one: &Validation, who: &str, yes: bool) {
    let status = if yes { "approved" } else { "rejected" }.to_owned();
    ground.store.put(TABLE, &one.id, &Validation { status, by: Some(who.to_owned()), ..one.clone() });
}

/// Takes back what nobody needs to answer any more.
pub(super) fn withdraw(ground: &Ground, run: u64) {
    for mut one in pending(ground).into_iter().filter(|one| one.run == run) {
        "canceled".clone_into(&mut one.status);
        ground.store.put(TABLE, &one.id, &one);
    }
}

/// Performs a job without an agent; `id` is its record.
pub(super) async fn perform(progress: &Progress<'_>, id: &str, job: &Job) -> Outcome {
    let (ground, run) = (progress.ground(), progress.run);
    progress.started();
    records::begin(ground, run.id, id);
    let mut rows = Vec::new();
    for (place, step) in (1..).zip(job.steps.iter().filter(|step| step.enabled)) {
        let own = progress.record(&format!("{id} step {place}"));
        let mut record = Record::pending(own.clone(), Some(id), "Task", &step.display, "");
        record.order = place;
        record.task = step::task_reference(ground, step);
        rows.push((own, step, record));
    }
    let laid: Vec<Record> = rows.iter().map(|(.., record)| record.clone()).collect();
    records::add(ground, run.id, &laid);
    let mut so_far = Outcome::Succeeded;
    for (own, step, _) in rows {
        let before = Before::unnamed(so_far);
        let wanted = met(step.condition.as_deref(), &Now { variables: &job.variables, before: &before });
        let (outcome, issue) = match wanted {
            Ok(true) => one_step(progress, &own, job, step).await,
            Ok(false) => (Outcome::Skipped, None),
            Err(problem) => (Outcome::Failed, Some(problem)),
        };
        records::end(ground, run.id, &own, outcome, issue.map(records::error).into_iter().collect());
        if outcome != Outcome::Skipped {
            so_far = so_far.max(outcome);
        }
    }
    records::end(ground, run.id, id, so_far, Vec::new());
    so_far
}

async fn one_step(progress: &Progress<'_>, id: &str, job: &Job, step: &Step) -> (Outcome, Option<String>) {
    let (ground, run) = (progress.ground(), progress.run);
    let inputs = match &step.work {
        Work::Task { name, inputs, .. } if name.eq_ignore_ascii_case("ManualValidation") => inputs,
        _ => {
            let text = format!(
                "The practice cloud performs only ManualValidation without an agent, not {}.",
                step.display
            );
            return (Outcome::Failed, Some(text));
        }
    };
    records::begin(ground, run.id, id);
    // After a restart the question may be there already, answered or not.
    if ground.store.get::<Validation>(TABLE, id).is_none() {
        let instructions = inputs.get("instructions").cloned().unwrap_or_default();
        let one = Validation {
            id: id.to_owned(),
            run: run.id,
            job: job.name.clone(),
            status: "pending".to_owned(),
            instructions: step::fill(&instructions, &job.variables),
            by: None,
        };
        ground.store.put(TABLE, id, &one);
    }
    let status = progress
        .desk
        .until(|ground| {
            let one: Validation = ground.store.get(TABLE, id)?;
            (one.status != "pending").then_some(one.status)
        })
        .await;
    match status.as_str() {
        "approved" => (Outcome::Succeeded, None),
        _ => (Outcome::Failed, Some("The manual validation was rejected.".to_owned())),
    }
}
