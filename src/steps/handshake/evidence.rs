//! Evidence: the toolkit's own records in runs of the pinned commit, read once each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::judged;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::Wanted;
use crate::domain::failure::Result;
use crate::domain::handshake::{AWSCLI_TASK, Handshake as Proof, TaskLog};
use crate::domain::pipeline::{Record, RecordState, Run};
use crate::steps::facts::{ConnectionFact, RoleFact};

/// How many of the newest runs are searched for an environment's record.
const RUNS_SEARCHED: usize = 200;

/// Stands for a role that is not looked at.
const UNSEEN: &str = "unseen";

/// What is proven: twelve hex digits of the connection as found and of issuer and subject as wanted, then twelve of the
/// role (its own id and trust) as found. It is part of the task's name, so a proof of anything else is no proof of this,
/// on any machine. Who does not look at AWS takes a proof of any role of that ARN; who sees the role, only of this one.
pub fn fingerprint(wanted: &Wanted, connection: &ConnectionFact, role: Option<&RoleFact>) -> String {
    let own = hex(&json!([
        wanted.role.arn.to_string(),
        connection.id,
        connection.parameters,
        connection.disabled,
        wanted.expected.claims,
        wanted.environment.region,
    ]));
    let role = role.map(|role| hex(&json!([role.id, role.trust.to_json()])));
    format!("{own}-{}", role.as_deref().unwrap_or(UNSEEN))
}

fn hex(value: &Value) -> String {
    let digest = digest(&SHA256, value.to_string().as_bytes());
    digest.as_ref()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The display name of the task that proves one environment; `assets/pipelines/verification.yml` says the same.
pub fn task_name(wanted: &Wanted, fingerprint: &str) -> String {
    format!("keyless {} {fingerprint}", wanted.environment.name)
}

/// Whether a task of that name proves this.
fn proves(name: &str, wanted: &Wanted, fingerprint: &str) -> bool {
    let whole = task_name(wanted, fingerprint);
    match whole.strip_suffix(UNSEEN) {
        Some(seen) => name.starts_with(seen),
        None => name == whole,
    }
}

/// A run's timeline, once somebody has read it.
type Timeline = Arc<tokio::sync::OnceCell<Arc<Vec<Record>>>>;

/// Records of runs that have ended: they never change, so each is read once in a session.
#[derive(Default)]
pub struct Evidence {
    timelines: Mutex<HashMap<i64, Timeline>>,
    logs: Mutex<HashMap<(i64, i64), TaskLog>>,
    /// The commit of each run, where the list of runs does not tell it.
    commits: Mutex<HashMap<i64, Arc<tokio::sync::OnceCell<Option<String>>>>>,
}

impl Evidence {
    /// The newest record that is evidence for this environment and fingerprint, judged.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn latest(
        &self,
        devops: &DevOps,
        project: &Project,
        pipeline: i64,
        commit: &str,
        wanted: &Wanted,
        fingerprint: &str,
    ) -> Result<Option<Proof>> {
        let runs = devops.runs(project, pipeline).await?;
        for run in runs.iter().filter(|run| run.completed).take(RUNS_SEARCHED) {
            if let Some(proof) =
                self.of_run(devops, project, pipeline, run, commit, wanted, fingerprint).await?
            {
                return Ok(Some(proof));
            }
        }
        Ok(None)
    }

    /// What one ended run says about an environment; none: nothing, or it is not of the pinned commit.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    #[expect(
        clippy::too_many_arguments,
        reason = "a question about one run: which, where, of what and for whom"
    )]
    pub async fn of_run(
        &self,
        devops: &DevOps,
        project: &Project,
        pipeline: i64,
        run: &Run,
        commit: &str,
        wanted: &Wanted,
        fingerprint: &str,
    ) -> Result<Option<Proof>> {
        let records = self.timeline(devops, project, run).await?;
        let newest = records
            .iter()
            .filter(|record| {
                record.kind == "Task"
                    && record.state == RecordState::Completed
                    && proves(&record.name, wanted, fingerprint)
            })
            .max_by_key(|record| record.attempt);
        let Some(record) = newest.filter(|record| record.task == Some(AWSCLI_TASK)) else { return Ok(None) };
        if !self.is_pinned(devops, project, pipeline, run, commit).await? {
            return Ok(None);
        }
        let log = match record.log {
            Some(log) => self.log(devops, project, run, log).await?,
            None => TaskLog::default(),
        };
        let succeeded = record.result.as_deref() == Some("succeeded");
        Ok(Some(judged(wanted, &log, succeeded, record.finished.clone(), &run.web_url)))
    }

    /// Whether a run was of the commit keyless pushed. Lists may leave the commit out; the run itself tells it.
    async fn is_pinned(
        &self,
        devops: &DevOps,
        project: &Project,
        pipeline: i64,
        run: &Run,
        commit: &str,
    ) -> Result<bool> {
        if let Some(found) = &run.commit {
            return Ok(found == commit);
        }
        // One run proves many environments: it is asked once.
        let cell = {
            let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(commits.entry(run.id).or_default())
        };
        let read =
            || async { Ok(devops.get_run(project, pipeline, run.id).await?.and_then(|run| run.commit)) };
        let found = cell.get_or_try_init(read).await?;
        Ok(found.as_ref().is_some_and(|found| found == commit))
    }

    /// The records of a run that has ended.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn timeline(&self, devops: &DevOps, project: &Project, run: &Run) -> Result<Arc<Vec<Record>>> {
        let cell = {
            let mut timelines = self.timelines.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(timelines.entry(run.id).or_default())
        };
        cell.get_or_try_init(|| async { Ok(Arc::new(devops.timeline(project, run.id).await?)) })
            .await
            .cloned()
    }

    async fn log(&self, devops: &DevOps, project: &Project, run: &Run, id: i64) -> Result<TaskLog> {
        let key = (run.id, id);
        if let Some(log) = self.logs.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(log.clone());
        }
        let lines = devops.log_lines(project, run.id, id).await?;
        let log = TaskLog::read(lines.iter().map(String::as_str));
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).insert(key, log.clone());
        Ok(log)
    }
}
