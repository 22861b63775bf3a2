//! Following one run: what it waits for, since when, until it has ended or patience has.

use std::time::{Duration, Instant};

use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::diagnose::signature::known;
use crate::domain::failure::Result;
use crate::domain::pen::Pen;
use crate::domain::pipeline::{Record, RecordState};
use crate::engine::step::Cx;

/// How following a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// It ended by itself.
    Ended,
    /// Patience ended first; the run was cancelled.
    GaveUp {
        /// What it waited for.
        waiting_for: String,
    },
    /// The person stopped keyless; the run was cancelled.
    Stopped,
    /// No hosted parallelism, or a broken YAML: Azure DevOps says why it will not run.
    Refused {
        /// Its words.
        reason: String,
    },
}

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);

/// The pause grows with the wait, so that a run is noticed to have ended within a quarter of its time.
fn next_pause(waited: Duration) -> Duration {
    (waited / 4).clamp(FIRST, LONGEST)
}

/// A run that is being followed.
pub struct Following<'a> {
    /// The client.
    pub devops: &'a DevOps,
    /// The project.
    pub project: &'a Project,
    /// The run's id.
    pub run: i64,
    /// How long it may wait.
    pub patience: Duration,
}

/// How long it has been, in steps that do not make a new line every few seconds.
fn coarse(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        0..10 => String::new(),
        10..30 => ", 10 seconds".to_owned(),
        30..60 => ", 30 seconds".to_owned(),
        60..120 => ", 1 minute".to_owned(),
        seconds => format!(", {} minutes", seconds / 60),
    }
}

/// The environment that a task of keyless's own pipeline proves: it is named `keyless ENVIRONMENT FINGERPRINT`.
fn proves(task: &str) -> Option<&str> {
    task.strip_prefix("keyless ")?.split_once(' ').map(|(environment, _)| environment)
}

fn going<'a>(records: &'a [Record], kind: &'static str) -> impl Iterator<Item = &'a Record> {
    records.iter().filter(move |record| record.kind == kind && record.state != RecordState::Completed)
}

impl Following<'_> {
    /// Polls until the run has ended. A run that waits too long, or is no longer wanted, is cancelled.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn follow(&self, cx: &Cx, pen: &Pen) -> Result<Followed> {
        let begun = Instant::now();
        let (mut pause, mut attempt) = (FIRST, 0);
        loop {
            // Both are asked at once: most looks need both, and the last one ends the waiting sooner.
            let (build, records) = futures::try_join!(
                self.devops.build(self.project, self.run),
                self.devops.timeline(self.project, self.run)
            )?;
            let Some(build) = build else {
                return Ok(Followed::Refused { reason: "the run is gone".to_owned() });
            };
            if build.status == "completed" {
                return Ok(match build.problems.first() {
                    Some(reason) => Followed::Refused { reason: known().shown(reason) },
                    None => Followed::Ended,
                });
            }
            if cx.stop.is_cancelled() {
                self.devops.cancel(&pen.closing(), self.project, self.run).await?;
                return Ok(Followed::Stopped);
            }
            let waits = self.waiting_for(&records, build.queue_position).await?;
            if begun.elapsed() >= self.patience {
                self.devops.cancel(&pen.closing(), self.project, self.run).await?;
                return Ok(Followed::GaveUp { waiting_for: waits });
            }
            attempt += 1;
            cx.progress(format!("waits for {waits}{}", coarse(begun.elapsed())), attempt);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cx.stop.cancelled() => {}
            }
            pause = next_pause(begun.elapsed());
        }
    }

    /// What the run waits for, from the deepest record that is going on.
    async fn waiting_for(&self, records: &[Record], queue_position: Option<i64>) -> Result<String> {
        let approvals: Vec<_> = going(records, "Checkpoint.Approval").map(|record| record.id).collect();
        if !approvals.is_empty() {
            let names = self.devops.pending_approvers(self.project, &approvals).await?;
            return Ok(if names.is_empty() {
                "an approval".to_owned()
            } else {
                format!("approval by {}", names.join(", "))
            });
        }
        if going(records, "Checkpoint.Authorization").next().is_some() {
            return Ok("permission to use its connections".to_owned());
        }
        if let Some(check) =
            records.iter().find(|r| r.kind.starts_with("Checkpoint.") && r.state != RecordState::Completed)
        {
            return Ok(format!("check {}", check.name));
        }
        if let Some(task) = going(records, "Task").find(|record| record.state == RecordState::InProgress) {
            return Ok(match proves(&task.name) {
                Some(environment) => format!("the task that proves {environment}"),
                None => format!("task {}", task.name),
            });
        }
        let job = going(records, "Job").next();
        Ok(match job {
            Some(job) if job.worker.is_some() => "its job".to_owned(),
            _ => match queue_position {
                Some(position) => format!("an agent (place {position} in the queue)"),
                None => "an agent".to_owned(),
            },
        })
    }
}
