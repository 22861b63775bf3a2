//! Proving: permission granted, run made at the pinned commit, followed, permission withdrawn, records judged.

use futures::future::try_join_all;
use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::evidence::{fingerprint, task_name};
use super::follow::{Followed, Following};
use super::{Handshake, Part, Proof, Seen, report};
use crate::domain::blueprint::Wanted;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::handshake::Verdict;
use crate::domain::pen::Pen;
use crate::domain::pipeline::{Pipeline, Protected, Queue, Run};
use crate::engine::known::{Known, Of};
use crate::engine::step::Cx;
use crate::plan::event::Event;
use crate::steps::facts::{ConnectionFact, PipelineFact, SourceFact};
use crate::steps::pipeline::pipeline_key;
use crate::steps::repository::repository_key;

/// How often a withdrawal is made at most.
const MOST_WITHDRAWALS: u32 = 3;

/// One environment that is being proven.
struct Candidate<'a> {
    wanted: &'a Wanted,
    connection: ConnectionFact,
    fingerprint: String,
}

/// What came of asking for a run.
struct Made<'a> {
    /// Verdicts that are there without reading what it left behind.
    proofs: Vec<Proof>,
    /// A run that has ended, and those it was to prove.
    ended: Option<(Run, Vec<&'a Candidate<'a>>)>,
}

/// Where the run is made.
struct Stage {
    pipeline: Pipeline,
    commit: String,
    queue: Queue,
}

/// What was asked to be permitted, and whether it was.
struct Granted {
    connections: Vec<(Protected, String)>,
    outcome: Result<()>,
}

/// How often a refused run is tried, with growing pauses.
const MOST_STARTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

impl Handshake {
    /// Makes one run for every environment that is to be proven, and judges each. What was permitted for it is withdrawn
    /// also after a failure and after a stop: a permission that stands is a path to the accounts. Whether that worked is
    /// told beside the verdicts, which hold all the same.
    pub(super) async fn prove(
        &self,
        cx: &Cx,
        known: &Known,
        pen: &Pen,
        seen: &Seen,
    ) -> Result<(Vec<Proof>, Result<()>)> {
        let stage = self.stage(known)?;
        let candidates = self.candidates(known, seen);
        // Not `try_join`: a grant that has been sent must be waited for, or it could not be withdrawn.
        let ((), granted) =
            futures::join!(self.tell_parallelism(cx, &stage.queue), self.grant(pen, &stage, &candidates));
        let granted = granted?;
        let made = match granted.outcome {
            Ok(()) => self.run(cx, pen, &stage, &candidates).await,
            Err(failure) => Err(failure),
        };
        // It goes as soon as the run has ended; what the run left behind is read meanwhile.
        let closing = pen.closing();
        let (withdrawn, proofs) =
            futures::join!(self.close(&closing, &stage, granted.connections), self.read(&stage, made));
        match (proofs, withdrawn) {
            (Ok(proofs), withdrawn) => Ok((proofs, withdrawn)),
            (Err(failure), Ok(())) => Err(failure),
            (Err(failure), Err(stands)) => Err(stands.with("the run", failure)),
        }
    }

    /// Permits what the run uses. Lanes share the queue: the first one is permitted it, the last one has it withdrawn.
    async fn grant(&self, pen: &Pen, stage: &Stage, candidates: &[Candidate<'_>]) -> Result<Granted> {
        let connections: Vec<(Protected, String)> = candidates
            .iter()
            .map(|c| {
                (Protected::Endpoint(c.connection.id), format!("connection {}", c.wanted.connection.name))
            })
            .collect();
        let mut users = self.lanes.queue.lock().await;
        let mut wanted = connections.clone();
        if *users == 0 {
            wanted.extend(self.queue_grant(stage).await?);
        }
        *users += 1;
        let outcome = self.devops.permit(pen, &self.project, &wanted, stage.pipeline.id, true).await;
        Ok(Granted { connections, outcome })
    }

    /// Withdraws what [`Handshake::grant`] permitted, also where its answer was lost.
    async fn close(&self, pen: &Pen, stage: &Stage, mut connections: Vec<(Protected, String)>) -> Result<()> {
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
        let open = self.devops.permission(&self.project, &queue).await?.all_pipelines;
        Ok((!open).then(|| (queue, format!("queue {}", stage.queue.name))))
    }

    /// Withdraws what was permitted. A withdrawal whose answer was lost is looked up, and made again where it did not land.
    async fn withdraw(&self, pen: &Pen, pipeline: i64, permitted: Vec<(Protected, String)>) -> Result<()> {
        let mut standing = permitted;
        for attempt in 1.. {
            let Err(failure) = self.devops.permit(pen, &self.project, &standing, pipeline, false).await
            else {
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
            let found = self.devops.permission(&self.project, protected).await?;
            let stands = found.pipelines.contains(&pipeline);
            Ok::<_, Failure>(stands.then(|| (protected.clone(), name.clone())))
        });
        Ok(try_join_all(looks).await?.into_iter().flatten().collect())
    }

    /// Tells the verdicts to everybody who watches.
    pub(super) async fn tell(&self, cx: &Cx, proofs: &[Proof]) {
        let report = report(proofs.to_vec(), &self.unseen);
        let event = Event::StepObserved {
            step: cx.step.clone(),
            links: report.links,
            findings: report.findings,
            handshakes: report.handshakes,
            found: report.found,
        };
        cx.events.send(event).await;
    }

    fn stage(&self, known: &Known) -> Result<Stage> {
        let gone = |what: &str| Failure::new(Code::DevopsNotFound).with("object", what);
        let pipeline = known
            .get(&Of::<PipelineFact>::new(pipeline_key(&self.verification)))
            .ok_or_else(|| gone(&self.verification.pipeline))?;
        let source = known
            .get(&Of::<SourceFact>::new(repository_key(&self.verification)))
            .ok_or_else(|| gone(self.verification.repository.as_str()))?;
        Ok(Stage {
            pipeline: Pipeline {
                id: pipeline.id,
                name: self.verification.pipeline.clone(),
                repository: Some(source.repository),
                yaml_path: None,
            },
            commit: source.commit,
            queue: self.queue.clone()?,
        })
    }

    /// An organisation without a hosted job lets a run fail only after minutes: where Azure DevOps tells so, it is said.
    async fn tell_parallelism(&self, cx: &Cx, queue: &Queue) {
        if queue.hosted && matches!(self.devops.hosted_parallel_jobs().await, Ok(Some(0))) {
            cx.progress("Azure DevOps tells of no hosted job for private projects; the run may not begin", 1);
        }
    }

    fn candidates(&self, known: &Known, seen: &Seen) -> Vec<Candidate<'_>> {
        self.members
            .iter()
            .filter(|wanted| matches!(seen.parts.get(&wanted.environment.name), Some(Part::ToProve { .. })))
            .filter_map(|wanted| {
                let (connection, role) = self.facts(known, wanted).ok()?;
                let fingerprint = fingerprint(wanted, &connection, role.as_ref());
                Some(Candidate { wanted, connection, fingerprint })
            })
            .collect()
    }

    async fn run<'a>(
        &self,
        cx: &Cx,
        pen: &Pen,
        stage: &Stage,
        candidates: &'a [Candidate<'a>],
    ) -> Result<Made<'a>> {
        // One lane at a time looks for runs of an earlier keyless and starts its own, so that none takes the other's for one.
        let mut in_flight = self.lanes.runs.lock().await;
        self.finish_earlier(cx, pen, stage, &in_flight).await?;
        let (mut proofs, mut open) = (Vec::new(), Vec::new());
        for candidate in candidates {
            // A run whose answer was lost may have proven it meanwhile; a forced proof is always made anew.
            match self.earlier(stage, candidate).await? {
                Some(proof) if proof.verdict == Verdict::Proven && !self.force => proofs.push(proof),
                _ => open.push(candidate),
            }
        }
        if open.is_empty() {
            return Ok(Made { proofs, ended: None });
        }
        let run = self.start(cx, pen, stage, &open).await?;
        in_flight.insert(run.id);
        drop(in_flight);
        let following =
            Following { devops: &self.devops, project: &self.project, run: run.id, patience: self.patience };
        let verdict = match following.follow(cx, pen).await? {
            Followed::Stopped => return Err(Failure::new(Code::Stopped).with("run", &run.web_url)),
            Followed::Ended => return Ok(Made { proofs, ended: Some((run, open)) }),
            Followed::GaveUp { waiting_for } => {
                Verdict::Unknown { why: format!("waiting for {waiting_for}") }
            }
            Followed::Refused { reason } => Verdict::Failed { reason },
        };
        proofs.extend(open.iter().map(|candidate| unproven(candidate, verdict.clone(), &run)));
        Ok(Made { proofs, ended: None })
    }

    /// Reads what an ended run left behind: itself and its timeline once, and every environment's own log side by side.
    async fn read(&self, stage: &Stage, made: Result<Made<'_>>) -> Result<Vec<Proof>> {
        let Made { mut proofs, ended } = made?;
        let Some((run, open)) = ended else { return Ok(proofs) };
        self.devops.forget_runs(&self.project, stage.pipeline.id);
        let (found, _) = futures::try_join!(
            self.devops.get_run(&self.project, stage.pipeline.id, run.id),
            self.session.evidence.timeline(&self.devops, &self.project, &run)
        )?;
        let found = found.unwrap_or(run);
        if found.commit.as_ref().is_some_and(|commit| *commit != stage.commit) {
            return Err(Failure::new(Code::RunNotPinned)
                .with("run", &found.web_url)
                .with("pinned", &stage.commit)
                .with("found", found.commit.unwrap_or_default()));
        }
        let judgements = open.into_iter().map(|candidate| self.judge(stage, candidate, &found));
        proofs.extend(try_join_all(judgements).await?);
        Ok(proofs)
    }

    /// A run of this pipeline that still goes on was made by an earlier keyless that was cut off: let it end first.
    async fn finish_earlier(
        &self,
        cx: &Cx,
        pen: &Pen,
        stage: &Stage,
        in_flight: &BTreeSet<i64>,
    ) -> Result<()> {
        self.devops.forget_runs(&self.project, stage.pipeline.id);
        let runs = self.devops.runs(&self.project, stage.pipeline.id).await?;
        for run in runs.iter().filter(|run| !run.completed && !in_flight.contains(&run.id)) {
            cx.progress(format!("run {} of an earlier keyless has not ended", run.id), 1);
            let following = Following {
                devops: &self.devops,
                project: &self.project,
                run: run.id,
                patience: self.patience,
            };
            following.follow(cx, pen).await?;
            self.devops.forget();
        }
        Ok(())
    }

    async fn earlier(&self, stage: &Stage, candidate: &Candidate<'_>) -> Result<Option<Proof>> {
        let evidence = &self.session.evidence;
        evidence
            .latest(
                &self.devops,
                &self.project,
                stage.pipeline.id,
                &stage.commit,
                candidate.wanted,
                &candidate.fingerprint,
            )
            .await
    }

    async fn start(&self, cx: &Cx, pen: &Pen, stage: &Stage, open: &[&Candidate<'_>]) -> Result<Run> {
        let environments: Vec<Value> = open
            .iter()
            .map(|candidate| {
                json!({
                    "name": candidate.wanted.environment.name,
                    "connection": candidate.wanted.connection.name,
                    "region": candidate.wanted.environment.region,
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
            let run = self
                .devops
                .run(pen, &self.project, &stage.pipeline, branch, &stage.commit, &parameters)
                .await;
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

    async fn judge(&self, stage: &Stage, candidate: &Candidate<'_>, run: &Run) -> Result<Proof> {
        let evidence = &self.session.evidence;
        let found = evidence
            .of_run(
                &self.devops,
                &self.project,
                stage.pipeline.id,
                run,
                &stage.commit,
                candidate.wanted,
                &candidate.fingerprint,
            )
            .await?;
        if let Some(proof) = found {
            return Ok(proof);
        }
        // Why a run ended before its tasks: the first issue any of its records shows.
        let records = evidence.timeline(&self.devops, &self.project, run).await?;
        let reason = records.iter().find_map(|record| record.issues.first().cloned());
        let task = task_name(candidate.wanted, &candidate.fingerprint);
        let reason = reason.unwrap_or_else(|| format!("the run has no record of the task \"{task}\""));
        Ok(unproven(candidate, Verdict::Failed { reason }, run))
    }
}

fn unproven(candidate: &Candidate<'_>, verdict: Verdict, run: &Run) -> Proof {
    Proof {
        environment: candidate.wanted.environment.name.clone(),
        verdict,
        identity: None,
        at: None,
        run: (!run.web_url.is_empty()).then(|| run.web_url.clone()),
    }
}
