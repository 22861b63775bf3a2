//! Evidence: the toolkit's own records in runs of the pinned commit, read once each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::Wanted;
use crate::domain::diagnose::log::cause;
use crate::domain::diagnose::signature::known;
use crate::domain::failure::Result;
use crate::domain::handshake::{self, AWSCLI_TASK, Cause, Handshake as Proof, Means, TaskLog, Verdict};
use crate::domain::names::EnvironmentName;
use crate::domain::pipeline::{Record, RecordState, Run};
use crate::steps::facts::{ConnectionFact, RoleFact};

/// How many of the newest runs are searched for an environment's record.
const RUNS_SEARCHED: usize = 200;

/// Stands for a role that is not looked at.
const UNSEEN: &str = "unseen";
/// Stands for a role that is not looked at, or is not there, where keys are what is proven.
const KEYS: &str = "keys";

/// What is proven: twelve hex digits of the connection as found and of issuer and subject as wanted, then twelve of the
/// role (its own id and trust) as found. It is part of the task's name, so a proof of anything else is no proof of this,
/// on any machine. Who does not look at AWS takes a proof of any role of that ARN; who sees the role, only of this one.
///
/// By keys, it is the connection (the key's id among its parameters) and the identity that they are to lead to, with the
/// role that their user becomes where that one is looked at.
pub fn fingerprint(wanted: &Wanted, connection: &ConnectionFact, role: Option<&RoleFact>) -> String {
    if let Means::Keys { identity, .. } = &wanted.expected.means {
        let region = &wanted.environment.region;
        let own = hex(&json!([identity, connection.id, connection.parameters, connection.disabled, region]));
        return match role {
            Some(role) => format!("{own}-{}", hex(&json!([role.id, role.trust.to_json()]))),
            None => format!("{own}-{KEYS}"),
        };
    }
    let own = hex(&json!([
        wanted.role.arn.to_string(),
        connection.id,
        connection.parameters,
        connection.disabled,
        wanted.expected.claims,
        wanted.environment.region,
    ]));
    let trust = |role: &RoleFact| wanted.role.without_second(&role.trust).to_json();
    let role = role.map(|role| hex(&json!([role.id, trust(role)])));
    format!("{own}-{}", role.as_deref().unwrap_or(UNSEEN))
}

/// Twelve hex digits that stand for a value.
pub fn hex(value: &Value) -> String {
    let digest = digest(&SHA256, value.to_string().as_bytes());
    digest.as_ref()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The display name of the task that proves one environment; `assets/pipelines/verification.yml` says the same.
pub fn task_name(wanted: &Wanted, fingerprint: &str) -> String {
    format!("keyless {} {fingerprint}", wanted.environment.name)
}

/// Whether a task of that name proves this.
pub fn proves(name: &str, wanted: &Wanted, fingerprint: &str) -> bool {
    let whole = task_name(wanted, fingerprint);
    match whole.strip_suffix(UNSEEN).or_else(|| whole.strip_suffix(KEYS)) {
        Some(seen) => name.starts_with(seen),
        None => name == whole,
    }
}

/// Whether a task of that name proves this environment as it was at any time. A try of a throw-away connection is none.
pub fn is_proof_of(name: &str, environment: &EnvironmentName) -> bool {
    let rest = name.strip_prefix("keyless ").and_then(|rest| rest.strip_prefix(environment.as_str()));
    let parts = rest.and_then(|rest| rest.strip_prefix(' ')).and_then(|rest| rest.split_once('-'));
    let is_hex = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.is_some_and(|(own, role)| is_hex(own) && (is_hex(role) || role == UNSEEN))
}

/// Where evidence is looked for: the runs of one pipeline at one commit.
pub struct Scene<'a> {
    /// The client.
    pub devops: &'a DevOps,
    /// The project.
    pub project: &'a Project,
    /// The verification pipeline.
    pub pipeline: i64,
    /// The commit keyless pushed.
    pub commit: &'a str,
}

/// What one task's own record tells.
#[derive(Debug, Clone)]
pub struct Told {
    /// The task's display name.
    pub task: String,
    /// Its log.
    pub log: TaskLog,
    /// What the log names as the cause of a failure, with the words that tell it.
    pub cause: Option<(Cause, String)>,
    /// The record's own result.
    pub succeeded: bool,
    /// When it ended (RFC 3339, Azure DevOps's clock).
    pub at: Option<String>,
    /// The run's page.
    pub run: Option<String>,
}

/// Whether a task's display name is one that is looked for.
pub type Names<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// A task's log as it is read twice: for what it proves, and for why it failed.
type Log = (TaskLog, Option<(Cause, String)>);

/// A run's timeline, once somebody has read it.
type Timeline = Arc<tokio::sync::OnceCell<Arc<Vec<Record>>>>;

/// Records of runs that have ended: they never change, so each is read once in a session.
#[derive(Default)]
pub struct Evidence {
    timelines: Mutex<HashMap<i64, Timeline>>,
    logs: Mutex<HashMap<(i64, i64), Log>>,
    /// The commit of each run, where the list of runs does not tell it.
    commits: Mutex<HashMap<i64, Arc<tokio::sync::OnceCell<Option<String>>>>>,
}

impl Evidence {
    /// The newest record of a task of such a name.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn latest(&self, scene: &Scene<'_>, names: Names<'_>) -> Result<Option<Told>> {
        self.latest_of(scene, RUNS_SEARCHED, names).await
    }

    /// The newest record of a task of such a name in so many of the newest runs.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn latest_of(&self, scene: &Scene<'_>, most: usize, names: Names<'_>) -> Result<Option<Told>> {
        let runs = scene.devops.runs(scene.project, scene.pipeline).await?;
        for run in runs.iter().filter(|run| run.completed).take(most) {
            if let Some(told) = self.of_run(scene, run, names).await? {
                return Ok(Some(told));
            }
        }
        Ok(None)
    }

    /// What one ended run says of a task of such a name; none: nothing, or it is not of the pinned commit.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn of_run(&self, scene: &Scene<'_>, run: &Run, names: Names<'_>) -> Result<Option<Told>> {
        let Scene { devops, project, pipeline, commit } = *scene;
        let records = self.timeline(devops, project, run).await?;
        let newest = records
            .iter()
            .filter(|record| {
                record.kind == "Task" && record.state == RecordState::Completed && names(&record.name)
            })
            .max_by_key(|record| record.attempt);
        let Some(record) = newest.filter(|record| record.task == Some(AWSCLI_TASK)) else { return Ok(None) };
        if !self.is_pinned(devops, project, pipeline, run, commit).await? {
            return Ok(None);
        }
        let (log, cause) = match record.log {
            Some(log) => self.log(devops, project, run, log).await?,
            None => Log::default(),
        };
        Ok(Some(Told {
            task: record.name.clone(),
            log,
            cause,
            succeeded: record.result.as_deref() == Some("succeeded"),
            at: record.finished.clone(),
            run: (!run.web_url.is_empty()).then(|| run.web_url.clone()),
        }))
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

    async fn log(&self, devops: &DevOps, project: &Project, run: &Run, id: i64) -> Result<Log> {
        let key = (run.id, id);
        if let Some(log) = self.logs.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(log.clone());
        }
        let log = devops.log(project, run.id, id).await?;
        let lines = || log.lines.iter().map(String::as_str);
        let log = (TaskLog::read(lines()), cause(lines()));
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).insert(key, log.clone());
        Ok(log)
    }
}

/// The cause that the reason of a failure names.
pub fn named(verdict: &Verdict) -> Option<Cause> {
    let Verdict::Failed { reason } = verdict else { return None };
    known().of_reason(reason).map(|(code, evidence)| Cause { code, evidence })
}

/// The judgement on one record, wherever it was read.
pub fn judged(wanted: &Wanted, told: &Told) -> Proof {
    let log = &told.log;
    let (verdict, cause) = match (handshake::judge(&wanted.expected, log, told.succeeded), &told.cause) {
        // The task's last error may only say that a program failed.
        (Verdict::Failed { .. }, Some((cause, said))) => {
            (Verdict::Failed { reason: said.clone() }, Some(cause.clone()))
        }
        (verdict, _) => {
            let cause = named(&verdict);
            (verdict, cause)
        }
    };
    Proof {
        environment: wanted.environment.name.clone(),
        verdict,
        cause,
        identity: log
            .identity
            .as_ref()
            .map(|it| &it.arn)
            .or(log.assumed.as_ref())
            .map(|arn| known().shown(arn)),
        at: told.at.clone(),
        run: told.run.clone(),
    }
}
