//! One run from beginning to end: stages, their checkpoints, cancelling.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::checkpoint::{self, Stop};
use super::conditions::{Now, met, stage_runs};
use super::graph::{self, Before};
use super::yaml::{Job, Pipeline, Stage};
use super::{Desk, job, locks, records, server};
use crate::sandbox::Ground;
use crate::sandbox::devops::environments::{self, Deployment};
use crate::sandbox::devops::runs::{self, Ending, Run, Status};
use crate::sandbox::devops::timeline::{self, Outcome};
use crate::sandbox::devops::{approvals, oidctoken, pipelines, pull_requests};

/// What everything in one run shares.
pub struct Progress<'a> {
    /// The agent's desk.
    pub desk: &'a Desk,
    /// The run as it was queued.
    pub run: &'a Run,
    logs: AtomicU64,
}

impl Progress<'_> {
    /// The practice cloud.
    pub fn ground(&self) -> &Ground {
        &self.desk.ground
    }

    /// The number of the next log of this run.
    pub fn next_log(&self) -> u64 {
        self.logs.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The id of a record named by what it stands for.
    pub fn record(&self, what: &str) -> String {
        timeline::id_of(self.ground(), self.run.id, what)
    }

    /// How a record ended before the practice cloud was started anew.
    fn ended(&self, record: &str) -> Option<Outcome> {
        let known = self.ground().store.transaction(|tx| timeline::get(tx, self.run.id, record));
        known.filter(|known| known.state == timeline::State::Completed).and_then(|known| known.result)
    }

    /// The run's first job has begun.
    pub fn started(&self) {
        let now = records::now(self.ground());
        change(self.ground(), self.run.id, |run| {
            if run.status == Status::NotStarted {
                run.status = Status::InProgress;
                run.started = Some(now);
            }
        });
    }
}

fn change(ground: &Ground, id: u64, change: impl FnOnce(&mut Run)) {
    ground.store.transaction(|tx| {
        let key = runs::key(id);
        if let Some(mut run) = tx.get::<Run>("run", &key) {
            change(&mut run);
            tx.put("run", &key, &run);
        }
    });
}

/// Runs that were going on when the practice cloud last stopped: their agent is lost.
pub fn abandon_lost(ground: &Arc<Ground>) {
    let all: Vec<(String, Run)> = ground.store.list("run", "");
    for (key, run) in all {
        let queued = ground.store.get::<u64>("queued-run", &key).is_some();
        if run.status == Status::Completed || queued {
            continue;
        }
        let works = timeline::all(ground, run.id).into_iter().any(|record| {
            let runs = record.state == timeline::State::InProgress;
            record.kind == "Job" && runs && record.worker.is_some()
        });
        if run.status == Status::NotStarted || (run.status == Status::InProgress && !works) {
            // No agent had it: it only waited, and can wait again.
            ground.store.put("queued-run", &key, &run.id);
            continue;
        }
        let cancelled = run.status == Status::Cancelling;
        let (outcome, ending) =
            if cancelled { (Outcome::Canceled, Ending::Canceled) } else { (Outcome::Failed, Ending::Failed) };
        if !cancelled {
            for record in timeline::all(ground, run.id) {
                if record.kind == "Job" && record.state == timeline::State::InProgress {
                    records::end(
                        ground,
                        run.id,
                        &record.id,
                        Outcome::Failed,
                        vec![records::error(job::LOST)],
                    );
                }
            }
        }
        records::sweep(ground, &run, outcome);
        finish(ground, &run, ending);
    }
}

/// Performs a run to its end.
pub async fn perform(desk: &Desk, id: u64) {
    let ground = &desk.ground;
    let (Some(run), Some(plan)) = (runs::by_id(ground, id), runs::plan(ground, id)) else { return };
    // A run that waited over a restart has logs already.
    let logs = timeline::all(ground, id).into_iter().filter_map(|record| record.log).max();
    let progress = Progress { desk, run: &run, logs: AtomicU64::new(logs.unwrap_or(0)) };
    let cancelled = desk.until(|ground| {
        let status = runs::by_id(ground, id).map(|run| run.status);
        // A run that was deleted meanwhile needs no more work either.
        (status != Some(Status::NotStarted) && status != Some(Status::InProgress)).then_some(())
    });
    let ending = tokio::select! {
        biased;
        () = cancelled => {
            records::sweep(ground, &run, Outcome::Canceled);
            Ending::Canceled
        }
        ending = stages(&progress, &plan) => ending,
    };
    finish(ground, &run, ending);
}

fn finish(ground: &Arc<Ground>, run: &Run, ending: Ending) {
    approvals::withdraw(ground, run.id);
    server::withdraw(ground, run.id);
    locks::release(ground, run.id, None);
    forget_jobs(ground, run.id);
    let now = records::now(ground);
    change(ground, run.id, |run| {
        run.status = Status::Completed;
        run.result = Some(ending);
        run.finished = Some(now);
    });
    if let Some(id) = run.pull_request {
        pull_requests::settle(ground, id);
    }
}

/// A job's access token ends with its run at the latest.
fn forget_jobs(ground: &Ground, run: u64) {
    ground.store.transaction(|tx| {
        for (key, job) in tx.list::<oidctoken::Job>("job", "") {
            if job.run == run {
                tx.remove("job", &key);
                tx.remove("job-token", &job.token);
            }
        }
    });
}

async fn stages(progress: &Progress<'_>, plan: &Pipeline) -> Ending {
    let nodes: Vec<(&str, &[String])> =
        plan.stages.iter().map(|stage| (stage.name.as_str(), stage.depends.as_slice())).collect();
    let ended = graph::run(&nodes, |at, before| stage(progress, &plan.stages[at], before)).await;
    match worst(ended.values().copied()) {
        Outcome::Succeeded | Outcome::Skipped => Ending::Succeeded,
        Outcome::SucceededWithIssues => Ending::PartiallySucceeded,
        Outcome::Canceled => Ending::Canceled,
        Outcome::Failed => Ending::Failed,
    }
}

/// The worst of what ended; what was skipped does not count beside others.
fn worst(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    let outcomes: Vec<Outcome> = outcomes.collect();
    let done = outcomes.iter().copied().filter(|outcome| *outcome != Outcome::Skipped).max();
    done.unwrap_or(Outcome::Skipped)
}

async fn stage(progress: &Progress<'_>, stage: &Stage, before: Before) -> Outcome {
    let (ground, run) = (progress.ground(), progress.run);
    let id = progress.record(&stage.name);
    if let Some(outcome) = progress.ended(&id) {
        return outcome;
    }
    let wanted = stage_runs(stage, &before);
    let left_out = run.skipped.iter().any(|name| name.eq_ignore_ascii_case(&stage.name));
    match wanted {
        Ok(true) if !left_out => {}
        Ok(_) => {
            records::skip(ground, run.id, &id);
            return Outcome::Skipped;
        }
        Err(problem) => {
            records::skip(ground, run.id, &id);
            records::end(ground, run.id, &id, Outcome::Failed, vec![records::error(problem)]);
            return Outcome::Failed;
        }
    }
    if let Err(stop) = checkpoint::pass(progress, stage, &id).await {
        let (outcome, why) = match stop {
            Stop::Failed(why) => (Outcome::Failed, why),
            Stop::Canceled(why) => (Outcome::Canceled, why),
        };
        locks::release(ground, run.id, Some(&stage.name));
        records::skip(ground, run.id, &id);
        records::end(ground, run.id, &id, outcome, vec![records::error(why)]);
        return outcome;
    }
    records::begin(ground, run.id, &id);
    let nodes: Vec<(&str, &[String])> =
        stage.jobs.iter().map(|job| (job.name.as_str(), job.depends.as_slice())).collect();
    let ended =
        graph::run(&nodes, |at, before| conditional_job(progress, stage, &stage.jobs[at], before)).await;
    let outcome = worst(ended.values().copied());
    locks::release(ground, run.id, Some(&stage.name));
    records::end(ground, run.id, &id, outcome, Vec::new());
    outcome
}

/// Notes a deployment in the history of its environment; `known` is what was noted at its beginning.
fn note(
    progress: &Progress<'_>,
    stage: &Stage,
    job: &Job,
    known: Option<Deployment>,
    ended: Option<Outcome>,
) -> Option<Deployment> {
    let (ground, run) = (progress.ground(), progress.run);
    let name = job.environment.as_deref()?;
    let now = records::now(ground);
    let one = match known {
        Some(known) => Deployment { finished: Some(now), result: ended, ..known },
        None => Deployment {
            id: 0,
            environment: environments::by_name(ground, &run.project, name)?.id,
            run: run.id,
            run_name: run.name.clone(),
            pipeline: run.pipeline,
            pipeline_name: pipelines::by_id(ground, run.pipeline).map(|one| one.name).unwrap_or_default(),
            plan: run.plan.clone(),
            stage: stage.name.clone(),
            job: job.name.clone(),
            started: now,
            finished: None,
            result: None,
        },
    };
    let id = environments::note(ground, one.clone());
    Some(Deployment { id, ..one })
}

async fn conditional_job(progress: &Progress<'_>, stage: &Stage, job: &Job, before: Before) -> Outcome {
    let (ground, run) = (progress.ground(), progress.run);
    let path = format!("{}.{}", stage.name, job.name);
    let phase = progress.record(&format!("phase {path}"));
    if let Some(outcome) = progress.ended(&phase) {
        return outcome;
    }
    match met(job.condition.as_deref(), &Now { variables: &job.variables, before: &before }) {
        Ok(true) => {}
        Ok(false) => {
            records::skip(ground, run.id, &phase);
            return Outcome::Skipped;
        }
        Err(problem) => {
            records::skip(ground, run.id, &phase);
            records::end(ground, run.id, &phase, Outcome::Failed, vec![records::error(problem)]);
            return Outcome::Failed;
        }
    }
    records::begin(ground, run.id, &phase);
    let deployment = note(progress, stage, job, None, None);
    let outcome = match job.server {
        true => server::perform(progress, &progress.record(&path), job).await,
        false => job::perform(progress, &progress.record(&path), job).await,
    };
    if deployment.is_some() {
        note(progress, stage, job, deployment, Some(outcome));
    }
    let outcome = if outcome == Outcome::Failed && job.continue_on_error {
        Outcome::SucceededWithIssues
    } else {
        outcome
    };
    records::end(ground, run.id, &phase, outcome, Vec::new());
    outcome
}
