//! Proving: permission granted, run made at the pinned commit, followed, permission withdrawn, records judged.

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

/// Where the run is made.
struct Stage {
    pipeline: Pipeline,
    commit: String,
    queue: Queue,
}

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
        self.check_parallelism(&stage.queue).await?;
        let candidates = self.candidates(known, seen);
        let protected = self.protected(&stage, &candidates).await?;
        let granted = self.devops.permit(pen, &self.project, &protected, stage.pipeline.id, true).await;
        let result = match granted {
            Ok(()) => self.run(cx, pen, &stage, &candidates).await,
            Err(failure) => Err(failure),
        };
        let withdrawn = self.withdraw(&pen.closing(), stage.pipeline.id, protected).await;
        match (result, withdrawn) {
            (Ok(proofs), withdrawn) => Ok((proofs, withdrawn)),
            (Err(failure), Ok(())) => Err(failure),
            (Err(failure), Err(stands)) => Err(stands.with("the run", failure)),
        }
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
        let mut standing = Vec::new();
        for (protected, name) in permitted {
            if self.devops.permission(&self.project, protected).await?.pipelines.contains(&pipeline) {
                standing.push((protected.clone(), name.clone()));
            }
        }
        Ok(standing)
    }

    /// Tells the verdicts to everybody who watches.
    pub(super) async fn tell(&self, cx: &Cx, proofs: &[Proof]) {
        let report = report(proofs.to_vec());
        let event = Event::StepObserved {
            step: cx.step.clone(),
            links: report.links,
            findings: report.findings,
            handshakes: report.handshakes,
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

    /// An organisation without a hosted job lets a run fail only after minutes; where Azure DevOps tells it, it is said at once.
    async fn check_parallelism(&self, queue: &Queue) -> Result<()> {
        if queue.hosted && self.devops.hosted_parallel_jobs().await? == Some(0) {
            return Err(Failure::new(Code::NoParallelism).with("queue", &queue.name));
        }
        Ok(())
    }

    fn candidates(&self, known: &Known, seen: &Seen) -> Vec<Candidate<'_>> {
        self.members
            .iter()
            .filter(|wanted| matches!(seen.parts.get(&wanted.environment.name), Some(Part::ToProve { .. })))
            .filter_map(|wanted| {
                let (connection, role) = self.facts(known, wanted)?;
                let fingerprint = fingerprint(wanted, &connection, &role);
                Some(Candidate { wanted, connection, fingerprint })
            })
            .collect()
    }

    /// What the pipeline must be permitted to use. A queue that is open to all pipelines needs no grant of its own.
    async fn protected(
        &self,
        stage: &Stage,
        candidates: &[Candidate<'_>],
    ) -> Result<Vec<(Protected, String)>> {
        let mut protected: Vec<(Protected, String)> = candidates
            .iter()
            .map(|c| {
                (Protected::Endpoint(c.connection.id), format!("connection {}", c.wanted.connection.name))
            })
            .collect();
        let queue = Protected::Queue(stage.queue.id);
        if !self.devops.permission(&self.project, &queue).await?.all_pipelines {
            protected.push((queue, format!("queue {}", stage.queue.name)));
        }
        Ok(protected)
    }

    async fn run(
        &self,
        cx: &Cx,
        pen: &Pen,
        stage: &Stage,
        candidates: &[Candidate<'_>],
    ) -> Result<Vec<Proof>> {
        self.finish_earlier(cx, pen, stage).await?;
        let (mut proofs, mut open) = (Vec::new(), Vec::new());
        for candidate in candidates {
            // A run whose answer was lost may have proven it meanwhile; a forced proof is always made anew.
            match self.earlier(stage, candidate).await? {
                Some(proof) if proof.verdict == Verdict::Proven && !self.force => proofs.push(proof),
                _ => open.push(candidate),
            }
        }
        if open.is_empty() {
            return Ok(proofs);
        }
        let run = self.start(pen, stage, &open).await?;
        let following =
            Following { devops: &self.devops, project: &self.project, run: run.id, patience: self.patience };
        let followed = following.follow(cx, pen).await?;
        match followed {
            Followed::Stopped => return Err(Failure::new(Code::Stopped).with("run", &run.web_url)),
            Followed::GaveUp { waiting_for } => {
                let why = format!("waiting for {waiting_for}");
                proofs.extend(open.iter().map(|c| unproven(c, Verdict::Unknown { why: why.clone() }, &run)));
            }
            Followed::Refused { reason } => {
                let verdict = Verdict::Failed { reason };
                proofs.extend(open.iter().map(|c| unproven(c, verdict.clone(), &run)));
            }
            Followed::Ended => {
                for candidate in open {
                    proofs.push(self.judge(stage, candidate, &run).await?);
                }
            }
        }
        Ok(proofs)
    }

    /// A run of this pipeline that still goes on was made by an earlier keyless that was cut off: let it end first.
    async fn finish_earlier(&self, cx: &Cx, pen: &Pen, stage: &Stage) -> Result<()> {
        let runs = self.devops.runs(&self.project, stage.pipeline.id).await?;
        for run in runs.iter().filter(|run| !run.completed) {
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

    async fn start(&self, pen: &Pen, stage: &Stage, open: &[&Candidate<'_>]) -> Result<Run> {
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
        let run =
            self.devops.run(pen, &self.project, &stage.pipeline, branch, &stage.commit, &parameters).await;
        run.map_err(|failure| match failure.class {
            // Azure DevOps learns of a new connection or permission with some delay.
            Class::BadInput | Class::Unexpected if failure.code == Code::DevopsRefused => {
                failure.class(Class::NotYet)
            }
            _ => failure,
        })
    }

    async fn judge(&self, stage: &Stage, candidate: &Candidate<'_>, run: &Run) -> Result<Proof> {
        let ended = self.devops.get_run(&self.project, stage.pipeline.id, run.id).await?;
        let ended = ended.unwrap_or_else(|| run.clone());
        if ended.commit.as_ref().is_some_and(|commit| *commit != stage.commit) {
            return Err(Failure::new(Code::RunNotPinned)
                .with("run", &run.web_url)
                .with("pinned", &stage.commit)
                .with("found", ended.commit.unwrap_or_default()));
        }
        let evidence = &self.session.evidence;
        let found = evidence
            .of_run(
                &self.devops,
                &self.project,
                stage.pipeline.id,
                &ended,
                &stage.commit,
                candidate.wanted,
                &candidate.fingerprint,
            )
            .await?;
        if let Some(proof) = found {
            return Ok(proof);
        }
        let reason = self.why_no_record(run).await?;
        let task = task_name(candidate.wanted, &candidate.fingerprint);
        let reason = reason.unwrap_or_else(|| format!("the run has no record of the task \"{task}\""));
        Ok(unproven(candidate, Verdict::Failed { reason }, run))
    }

    /// Why a run ended before its tasks: the first issue any of its records shows.
    async fn why_no_record(&self, run: &Run) -> Result<Option<String>> {
        let records = self.devops.timeline(&self.project, run.id).await?;
        Ok(records.into_iter().find_map(|record| record.issues.into_iter().next()))
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
