//! Runs of the verification pipeline: permission granted, run made at the pinned commit, followed, permission withdrawn.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::try_join_all;
use serde_json::{Map, Value, json};
use tokio::sync::MutexGuard;
use uuid::Uuid;

use super::Lanes;
use super::evidence::{Evidence, Scene, Told};
use super::follow::{Followed, Following};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::WantedVerification;
use crate::domain::diagnose::signature::known;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::names::{ConnectionName, EnvironmentName, Region};
use crate::domain::pen::Pen;
use crate::domain::pipeline::{Pipeline, Protected, Queue, Run};
use crate::engine::known::{Known, Of};
use crate::engine::step::Cx;
use crate::steps::facts::{PipelineFact, SourceFact};
use crate::steps::pipeline::pipeline_key;
use crate::steps::repository::repository_key;

/// How often a withdrawal is made at most.
const MOST_WITHDRAWALS: u32 = 3;
/// How often a refused run is tried, with growing pauses.
const MOST_STARTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Who makes runs for a step: the step's own clients and limits.
pub struct Runner<'a> {
    /// Where the verification lives.
    pub verification: &'a WantedVerification,
    /// The agent queue, or why none can be chosen.
    pub queue: &'a Result<Queue>,
    /// How long a run may wait.
    pub patience: Duration,
    /// The client.
    pub devops: &'a DevOps,
    /// The project.
    pub project: &'a Project,
    /// What steps that make runs side by side share.
    pub lanes: &'a Lanes,
    /// Records that were read.
    pub evidence: &'a Evidence,
}

/// Where runs are made.
pub struct Stage {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The commit that holds the YAML keyless pushed.
    pub commit: String,
    /// The agents' queue.
    pub queue: Queue,
}

/// What a run is made for: one task of it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The environment.
    pub environment: EnvironmentName,
    /// The id of the connection its task uses.
    pub connection: Uuid,
    /// The connection's name.
    pub name: ConnectionName,
    /// The region.
    pub region: Region,
    /// What its record is evidence for.
    pub fingerprint: String,
}

impl Candidate {
    /// The display name of its task; `assets/pipelines/verification.yml` says the same.
    pub fn task(&self) -> String {
        format!("keyless {} {}", self.environment, self.fingerprint)
    }
}

/// What came of one candidate.
#[derive(Debug, Clone)]
pub enum Came {
    /// The task's own record.
    Told(Box<Told>),
    /// The run waited too long, and was cancelled.
    Waited {
        /// For what.
        waiting_for: String,
        /// The run's page.
        run: Option<String>,
    },
    /// The run ended without a record of it.
    Nothing {
        /// Why, as far as the run tells.
        reason: String,
        /// The run's page.
        run: Option<String>,
    },
}

/// A run that has ended, or why there is nothing to read.
pub enum Made {
    /// It ended by itself.
    Ended(Run),
    /// All candidates have this.
    Without(Came),
}

/// What was asked to be permitted, and whether it was.
pub struct Granted {
    /// The connections.
    pub connections: Vec<(Protected, String)>,
    /// How it went.
    pub outcome: Result<()>,
}

impl Runner<'_> {
    /// Where runs are made.
    ///
    /// # Errors
    /// The pipeline or its YAML is not there, or no queue can be chosen.
    pub fn stage(&self, known: &Known) -> Result<Stage> {
        let gone = |what: &str| Failure::new(Code::DevopsNotFound).with("object", what);
        let pipeline = known
            .get(&Of::<PipelineFact>::new(pipeline_key(self.verification)))
            .ok_or_else(|| gone(&self.verification.pipeline))?;
        let source = known
            .get(&Of::<SourceFact>::new(repository_key(self.verification)))
            .ok_or_else(|| gone(self.verification.repository.as_str()))?;
        Ok(Stage {
            pipeline: Pipeline {
                id: pipeline.id,
                name: self.verification.pipeline.clone(),
                repository: Some(source.repository),
                yaml_path: None,
                folder: String::new(),
            },
            commit: source.commit,
            queue: self.queue.clone()?,
        })
    }

    /// The scene evidence is looked for at.
    pub fn scene<'s>(&'s self, stage: &'s Stage) -> Scene<'s> {
        Scene {
            devops: self.devops,
            project: self.project,
            pipeline: stage.pipeline.id,
            commit: &stage.commit,
        }
    }

    /// Permits what the candidates' run uses. Lanes share the queue: the first one is permitted it, the last one has it
    /// withdrawn. What was sent is always waited for, or it could not be withdrawn.
    ///
    /// # Errors
    /// The queue cannot be looked at: nothing was permitted. A refused permission is in [`Granted::outcome`].
    pub async fn grant(
        &self,
        cx: &Cx,
        pen: &Pen,
        stage: &Stage,
        candidates: &[Candidate],
    ) -> Result<Granted> {
        let ((), granted) =
            futures::join!(self.tell_parallelism(cx, &stage.queue), self.permit(pen, stage, candidates));
        granted
    }

    async fn permit(&self, pen: &Pen, stage: &Stage, candidates: &[Candidate]) -> Result<Granted> {
        let connections: Vec<(Protected, String)> = candidates
            .iter()
            .map(|c| (Protected::Endpoint(c.connection), format!("connection {}", c.name)))
            .collect();
        let mut users = self.lanes.queue.lock().await;
        let mut wanted = connections.clone();
        if *users == 0 {
            wanted.extend(self.queue_grant(stage).await?);
        }
        *users += 1;
        let outcome = self.devops.permit(pen, self.project, &wanted, stage.pipeline.id, true).await;
        Ok(Granted { connections, outcome })
    }

    /// Withdraws what [`Runner::grant`] permitted, also where its answer was lost.
    ///
    /// # Errors
    /// `PermissionStands`: it could not be withdrawn.
    pub async fn close(
        &self,
        pen: &Pen,
        stage: &Stage,
        mut connections: Vec<(Protected, String)>,
    ) -> Result<()> {
        let mut users = self.lanes.queue.lock().await;
        *users = users.saturating_sub(1);
        if *users == 0 {
            // Where the queue cannot be looked at, withdrawing a permission it may not have does no harm.
            let queue = || Some((Protected::Queue(stage.queue.id), format!("queue {}", stage.queue.name)));
            connections.extend(self.queue_grant(stage).await.unwrap_or_else(|_| queue()));
        }
        self.withdraw(pen, stage.pipeline.id, connections).await
    }

    /// The queue, unless it is open to all pipelines and needs no grant of its own.
    async fn queue_grant(&self, stage: &Stage) -> Result<Option<(Protected, String)>> {
        let queue = Protected::Queue(stage.queue.id);
        let open = self.devops.permission(self.project, &queue).await?.all_pipelines;
        Ok((!open).then(|| (queue, format!("queue {}", stage.queue.name))))
    }

    /// Withdraws what was permitted. A withdrawal whose answer was lost is looked up, and made again where it did not land.
    async fn withdraw(&self, pen: &Pen, pipeline: i64, permitted: Vec<(Protected, String)>) -> Result<()> {
        let mut standing = permitted;
        for attempt in 1.. {
            let Err(failure) = self.devops.permit(pen, self.project, &standing, pipeline, false).await else {
                break;
            };
            self.devops.forget();
            let looked = self.still_standing(pipeline, &standing).await;
            match looked {
                Ok(rest) if rest.is_empty() => break,
                Ok(rest) if attempt < MOST_WITHDRAWALS => standing = rest,
                Ok(_) | Err(_) => {
                    let names: Vec<&str> = standing.iter().map(|(_, name)| name.as_str()).collect();
                    return Err(Failure::new(Code::PermissionStands)
                        .with("pipeline", &self.verification.pipeline)
                        .with("may still use", names.join(", "))
                        .with("cause", failure));
                }
            }
        }
        Ok(())
    }

    async fn still_standing(
        &self,
        pipeline: i64,
        permitted: &[(Protected, String)],
    ) -> Result<Vec<(Protected, String)>> {
        let looks = permitted.iter().map(|(protected, name)| async move {
            let found = self.devops.permission(self.project, protected).await?;
            let stands = found.pipelines.contains(&pipeline);
            Ok::<_, Failure>(stands.then(|| (protected.clone(), name.clone())))
        });
        Ok(try_join_all(looks).await?.into_iter().flatten().collect())
    }

    /// An organisation without a hosted job lets a run fail only after minutes: where Azure DevOps tells so, it is said.
    async fn tell_parallelism(&self, cx: &Cx, queue: &Queue) {
        if queue.hosted && matches!(self.devops.hosted_parallel_jobs().await, Ok(Some(0))) {
            cx.progress("Azure DevOps tells of no hosted job for private projects; the run may not begin", 1);
        }
    }

    /// The right to start a run: one lane at a time looks for runs of an earlier keyless and starts its own, so that none
    /// takes the other's for one.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn begin(&self, cx: &Cx, pen: &Pen, stage: &Stage) -> Result<MutexGuard<'_, BTreeSet<i64>>> {
        let in_flight = self.lanes.runs.lock().await;
        self.finish_earlier(cx, pen, stage, &in_flight).await?;
        Ok(in_flight)
    }

    /// Starts one run for all candidates and follows it until it has ended or patience has.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer, or the person stopped it.
    pub async fn run(
        &self,
        cx: &Cx,
        pen: &Pen,
        stage: &Stage,
        mut in_flight: MutexGuard<'_, BTreeSet<i64>>,
        candidates: &[&Candidate],
    ) -> Result<Made> {
        let run = self.start(cx, pen, stage, candidates).await?;
        in_flight.insert(run.id);
        drop(in_flight);
        let following = self.following(run.id);
        let page = page(&run);
        Ok(match following.follow(cx, pen).await? {
            Followed::Stopped => return Err(Failure::new(Code::Stopped).with("run", &run.web_url)),
            Followed::Ended => Made::Ended(run),
            Followed::GaveUp { waiting_for } => Made::Without(Came::Waited { waiting_for, run: page }),
            Followed::Refused { reason } => Made::Without(Came::Nothing { reason, run: page }),
        })
    }

    fn following(&self, run: i64) -> Following<'_> {
        Following { devops: self.devops, project: self.project, run, patience: self.patience }
    }

    /// Reads what a run left behind: itself and its timeline once, and every candidate's own log side by side.
    ///
    /// # Errors
    /// `RunNotPinned`: it was of another commit. Azure DevOps refuses or does not answer.
    pub async fn read(&self, stage: &Stage, made: Made, candidates: &[&Candidate]) -> Result<Vec<Came>> {
        let run = match made {
            Made::Without(came) => return Ok(vec![came; candidates.len()]),
            Made::Ended(run) => run,
        };
        self.devops.forget_runs(self.project, stage.pipeline.id);
        let (found, _) = futures::try_join!(
            self.devops.get_run(self.project, stage.pipeline.id, run.id),
            self.evidence.timeline(self.devops, self.project, &run)
        )?;
        let found = found.unwrap_or(run);
        if found.commit.as_ref().is_some_and(|commit| *commit != stage.commit) {
            return Err(Failure::new(Code::RunNotPinned)
                .with("run", &found.web_url)
                .with("pinned", &stage.commit)
                .with("found", found.commit.unwrap_or_default()));
        }
        try_join_all(candidates.iter().map(|candidate| self.came(stage, candidate, &found))).await
    }

    async fn came(&self, stage: &Stage, candidate: &Candidate, run: &Run) -> Result<Came> {
        let task = candidate.task();
        let scene = self.scene(stage);
        if let Some(told) = self.evidence.of_run(&scene, run, &|name| name == task).await? {
            return Ok(Came::Told(Box::new(told)));
        }
        // Why a run ended before its tasks: the first issue any of its records shows.
        let records = self.evidence.timeline(self.devops, self.project, run).await?;
        let reason =
            records.iter().find_map(|record| record.issues.first()).map(|issue| known().shown(issue));
        let reason = reason.unwrap_or_else(|| format!("the run has no record of the task \"{task}\""));
        Ok(Came::Nothing { reason, run: page(run) })
    }

    /// A run of this pipeline that still goes on was made by an earlier keyless that was cut off: let it end first.
    async fn finish_earlier(
        &self,
        cx: &Cx,
        pen: &Pen,
        stage: &Stage,
        in_flight: &BTreeSet<i64>,
    ) -> Result<()> {
        self.devops.forget_runs(self.project, stage.pipeline.id);
        let runs = self.devops.runs(self.project, stage.pipeline.id).await?;
        for run in runs.iter().filter(|run| !run.completed && !in_flight.contains(&run.id)) {
            cx.progress(format!("run {} of an earlier keyless has not ended", run.id), 1);
            self.following(run.id).follow(cx, pen).await?;
            self.devops.forget();
        }
        Ok(())
    }

    async fn start(&self, cx: &Cx, pen: &Pen, stage: &Stage, candidates: &[&Candidate]) -> Result<Run> {
        let environments: Vec<Value> = candidates
            .iter()
            .map(|candidate| {
                json!({
                    "name": candidate.environment,
                    "connection": candidate.name,
                    "region": candidate.region,
                    "fingerprint": candidate.fingerprint,
                })
            })
            .collect();
        let pool = if stage.queue.hosted { "" } else { stage.queue.name.as_str() };
        let mut parameters = Map::new();
        // Object parameters travel as text (facts/azure-devops.md §6).
        parameters.insert("environments".to_owned(), Value::String(Value::Array(environments).to_string()));
        parameters.insert("pool".to_owned(), json!(pool));
        let branch = self.verification.branch();
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let run =
                self.devops.run(pen, self.project, &stage.pipeline, branch, &stage.commit, &parameters).await;
            match run {
                // Azure DevOps learns of a new connection or permission with some delay, and refuses the run until then.
                Err(failure) if failure.class == Class::Refused && attempt < MOST_STARTS => {
                    cx.check_stop()?;
                    cx.progress("waits for Azure DevOps to know the new connections", attempt);
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = cx.stop.cancelled() => return Err(Failure::new(Code::Stopped)),
                    }
                    pause *= 2;
                }
                other => return other,
            }
        }
        Err(Failure::new(Code::NotSettled).with("waited for", "the run to be accepted"))
    }
}

/// The run's page, where Azure DevOps tells it.
fn page(run: &Run) -> Option<String> {
    (!run.web_url.is_empty()).then(|| run.web_url.clone())
}
