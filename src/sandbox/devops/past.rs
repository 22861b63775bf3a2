//! Pipelines that a world begins with, and what they did before it begins.

use std::collections::BTreeMap;

use super::git::Repository;
use super::pipelines::{self, Pipeline};
use super::runs::{self, Ending, Run, Status};
use super::stable_id;
use super::timeline::{self, Outcome, Record, State};
use super::variable_groups::Variable;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::stamp;
use crate::sandbox::{Ground, world};

/// id, name and version of `AWSShellScript@1`.
const SHELL_SCRIPT: [&str; 3] = ["3aea39d2-803c-43c7-b8d6-8e71b670f816", "AWSShellScript", "1.24.0"];

/// Puts a pipeline, and its run where it has run.
pub(super) fn add_pipeline(
    ground: &Ground,
    tx: &mut Transaction<'_>,
    repository: &Repository,
    wanted: &world::Pipeline,
) {
    let pipeline = Pipeline {
        id: tx.next_number("pipeline"),
        project: repository.project.clone(),
        name: wanted.name.clone(),
        folder: "\\".to_owned(),
        revision: 1,
        path: wanted.path.clone(),
        repository: repository.id.clone(),
        default_branch: None,
        triggers: Vec::new(),
        variables: wanted
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), Variable { value: value.clone(), secret: false }))
            .collect(),
        minutes: wanted.minutes,
        team: wanted.team,
    };
    tx.put("pipeline", &pipelines::key(pipeline.id), &pipeline);
    if let Some(minutes) = wanted.ran_minutes {
        add_run(ground, tx, &pipeline, minutes, 0);
    }
}

/// A run that ended so many days before the world begins, with one task that took all of it.
pub(super) fn add_run(
    ground: &Ground,
    tx: &mut Transaction<'_>,
    pipeline: &Pipeline,
    minutes: u32,
    days_ago: u32,
) -> Run {
    let end = ground.clock.now_millis() - i64::from(days_ago) * 24 * 60 * 60_000;
    let (began, ended) = (stamp(end - i64::from(minutes) * 60_000), stamp(end));
    let id = tx.next_number("run");
    let run = Run {
        id,
        name: format!("{id}"),
        pipeline: pipeline.id,
        project: pipeline.project.clone(),
        ref_name: "refs/heads/main".to_owned(),
        version: String::new(),
        parameters: BTreeMap::new(),
        variables: BTreeMap::new(),
        skipped: Vec::new(),
        status: Status::Completed,
        result: Some(Ending::Succeeded),
        queued: began.clone(),
        started: Some(began.clone()),
        finished: Some(ended.clone()),
        issues: Vec::new(),
        plan: stable_id(ground, &format!("plan {id}")),
        queue: None,
        team: false,
        pull_request: None,
        pushed_by: None,
    };
    tx.put("run", &runs::key(id), &run);
    let record = Record {
        state: State::Completed,
        result: Some(Outcome::Succeeded),
        started: Some(began),
        finished: Some(ended),
        task: Some(SHELL_SCRIPT.map(str::to_owned).into()),
        ..Record::pending(timeline::id_of(ground, id, "task"), None, "Task", "AWSShellScript", "task")
    };
    timeline::put(tx, id, &record);
    run
}
