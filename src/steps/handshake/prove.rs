//! Proving: what is to be proven is tried in one run, and each environment's own record is judged.

use super::evidence::{Scene, judged, named, proves};
use super::runs::{Came, Candidate, Made, Runner, Stage};
use super::{Handshake, Part, Proof, Seen};
use crate::domain::blueprint::Wanted;
use crate::domain::denial::Denial;
use crate::domain::failure::Result;
use crate::domain::handshake::Verdict;
use crate::domain::pen::Pen;
use crate::engine::known::{Known, Of};
use crate::engine::step::Cx;
use crate::plan::event::Event;
use crate::steps::denial;
use crate::steps::facts::{PipelineFact, RoleFact, SourceFact, role_key};
use crate::steps::pipeline::pipeline_key;
use crate::steps::repository::repository_key;

/// One environment that is being proven, and the task that proves it.
type Open<'a> = (&'a Wanted, &'a Candidate);

/// What came of asking for a run: verdicts that are there without one, and the run for the others.
type Asked<'a> = (Vec<Proof>, Option<(Made, Vec<Open<'a>>)>);

impl Handshake {
    fn runner(&self) -> Runner<'_> {
        Runner {
            verification: &self.verification,
            queue: &self.queue,
            patience: self.patience,
            devops: &self.devops,
            project: &self.project,
            lanes: &self.lanes,
            evidence: &self.session.evidence,
        }
    }

    /// The verification's pipeline and YAML; none: it is not all there.
    pub(super) fn verified(&self, known: &Known) -> Option<(PipelineFact, SourceFact)> {
        let pipeline = known.get(&Of::<PipelineFact>::new(pipeline_key(&self.verification)))?;
        let source = known.get(&Of::<SourceFact>::new(repository_key(&self.verification)))?;
        Some((pipeline, source))
    }

    pub(super) fn scene<'a>(&'a self, pipeline: &PipelineFact, source: &'a SourceFact) -> Scene<'a> {
        let (pipeline, commit) = (pipeline.id, source.commit.as_str());
        Scene { devops: &self.devops, project: &self.project, pipeline, commit }
    }

    /// What the newest denial proof of each environment says, as role and trust stand now.
    pub(super) async fn denials(&self, known: &Known) -> Result<Vec<Denial>> {
        let Some((pipeline, source)) = self.verified(known) else { return Ok(Vec::new()) };
        let (scene, evidence) = (&self.scene(&pipeline, &source), &self.session.evidence);
        let seen = self.members.iter().filter(|wanted| self.aws_steps(wanted).is_some());
        let looks = seen.filter_map(|wanted| {
            let role: RoleFact = known.get(&Of::new(role_key(&wanted.environment)))?;
            Some((wanted, role))
        });
        let looks = looks.map(|(wanted, role)| async move {
            denial::evidence::latest(evidence, scene, wanted, &role).await
        });
        Ok(futures::future::try_join_all(looks).await?.into_iter().flatten().collect())
    }

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
        let runner = self.runner();
        let stage = runner.stage(known)?;
        let (wanted, candidates): (Vec<&Wanted>, Vec<Candidate>) = self.candidates(known, seen).unzip();
        let granted = runner.grant(cx, pen, &stage, &candidates).await?;
        let asked = match granted.outcome {
            Ok(()) => self.ask(cx, pen, &runner, &stage, wanted.into_iter().zip(&candidates)).await,
            Err(failure) => Err(failure),
        };
        // It goes as soon as the run has ended; what the run left behind is read meanwhile.
        let closing = pen.closing();
        let (withdrawn, proofs) = futures::join!(
            runner.close(&closing, &stage, granted.connections),
            self.read(&runner, &stage, asked)
        );
        match (proofs, withdrawn) {
            (Ok(proofs), withdrawn) => Ok((proofs, withdrawn)),
            (Err(failure), Ok(())) => Err(failure),
            (Err(failure), Err(stands)) => Err(stands.with("the run", failure)),
        }
    }

    /// Tells the verdicts to everybody who watches.
    pub(super) async fn tell(&self, cx: &Cx, proofs: &[Proof], seen: &Seen) {
        let report = self.told(proofs.to_vec(), &seen.denials);
        let event = Event::StepObserved {
            step: cx.step.clone(),
            links: report.links,
            findings: report.findings,
            handshakes: report.handshakes,
            denials: report.denials,
            found: report.found,
        };
        cx.events.send(event).await;
    }

    fn candidates<'a>(
        &'a self,
        known: &'a Known,
        seen: &'a Seen,
    ) -> impl Iterator<Item = (&'a Wanted, Candidate)> {
        self.members
            .iter()
            .filter(|wanted| matches!(seen.parts.get(&wanted.environment.name), Some(Part::ToProve { .. })))
            .filter_map(|wanted| {
                let (connection, role) = self.facts(known, wanted).ok()?;
                let candidate = Candidate {
                    environment: wanted.environment.name.clone(),
                    connection: connection.id,
                    name: wanted.connection.name.clone(),
                    region: wanted.environment.region.clone(),
                    fingerprint: self.fingerprint(wanted, &connection, role.as_ref()),
                };
                Some((wanted, candidate))
            })
    }

    async fn ask<'a>(
        &self,
        cx: &Cx,
        pen: &Pen,
        runner: &Runner<'_>,
        stage: &Stage,
        all: impl Iterator<Item = Open<'a>> + Send,
    ) -> Result<Asked<'a>> {
        let in_flight = runner.begin(cx, pen, stage).await?;
        let (mut proofs, mut open) = (Vec::new(), Vec::new());
        for (wanted, candidate) in all {
            // A run whose answer was lost may have proven it meanwhile; a forced proof is always made anew.
            match self.earlier(runner, stage, wanted, candidate).await? {
                Some(proof) if proof.verdict == Verdict::Proven && !self.force => proofs.push(proof),
                _ => open.push((wanted, candidate)),
            }
        }
        if open.is_empty() {
            return Ok((proofs, None));
        }
        let candidates: Vec<&Candidate> = open.iter().map(|(_, candidate)| *candidate).collect();
        let made = runner.run(cx, pen, stage, in_flight, &candidates).await?;
        Ok((proofs, Some((made, open))))
    }

    async fn read(&self, runner: &Runner<'_>, stage: &Stage, asked: Result<Asked<'_>>) -> Result<Vec<Proof>> {
        let (mut proofs, made) = asked?;
        let Some((made, open)) = made else { return Ok(proofs) };
        let candidates: Vec<&Candidate> = open.iter().map(|(_, candidate)| *candidate).collect();
        let came = runner.read(stage, made, &candidates).await?;
        proofs.extend(open.iter().zip(came).map(|((wanted, _), came)| proof(wanted, came)));
        Ok(proofs)
    }

    async fn earlier(
        &self,
        runner: &Runner<'_>,
        stage: &Stage,
        wanted: &Wanted,
        candidate: &Candidate,
    ) -> Result<Option<Proof>> {
        let names = |name: &str| proves(name, wanted, &candidate.fingerprint);
        let told = self.session.evidence.latest(&runner.scene(stage), &names).await?;
        Ok(told.map(|told| judged(wanted, &told)))
    }
}

/// The proof that is in what came of a run.
fn proof(wanted: &Wanted, came: Came) -> Proof {
    let unproven = |verdict, run| Proof {
        environment: wanted.environment.name.clone(),
        verdict,
        identity: None,
        at: None,
        run,
        cause: None,
    };
    match came {
        Came::Told(told) => judged(wanted, &told),
        Came::Waited { waiting_for, run } => {
            unproven(Verdict::Unknown { why: format!("waiting for {waiting_for}") }, run)
        }
        Came::Nothing { reason, run } => {
            let verdict = Verdict::Failed { reason };
            Proof { cause: named(&verdict), ..unproven(verdict, run) }
        }
    }
}
