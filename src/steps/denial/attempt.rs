//! The try itself: connections made, permitted for one run, tried, and removed whatever happens.

use futures::future::join_all;

use super::decoys::remove;
use super::evidence::{fingerprint, judged};
use super::{Denial, Proof, Seen, report, unknown};
use crate::domain::blueprint::Wanted;
use crate::domain::connection::Connection;
use crate::domain::denial::Decoy;
use crate::domain::failure::Result;
use crate::domain::names::ConnectionName;
use crate::domain::pen::Pen;
use crate::engine::known::Known;
use crate::engine::step::Cx;
use crate::plan::event::Event;
use crate::steps::connection::until_ready;
use crate::steps::handshake::runs::{Came, Candidate, Runner, Stage};

/// One environment that is being tried.
type Open<'a> = (&'a Wanted, &'a Decoy);

impl Denial {
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

    /// Tries every environment that is to be tried in one run, and tells each verdict. Permission and connections go also
    /// after a failure and after a stop.
    pub(super) async fn attempt(&self, cx: &Cx, known: &Known, pen: &Pen, seen: &Seen) -> Result<()> {
        let runner = self.runner();
        let stage = runner.stage(known)?;
        let (open, prints): (Vec<Open<'_>>, Vec<String>) = self
            .to_try(seen)
            .filter_map(|(wanted, decoy, role)| Some(((wanted, decoy), fingerprint(wanted, decoy, role?))))
            .unzip();
        let results = join_all(open.iter().map(|(_, decoy)| self.make(cx, pen, decoy))).await;
        let (mut made, mut unanswered, mut failed): (Vec<Connection>, Vec<ConnectionName>, _) =
            (Vec::new(), Vec::new(), None);
        for ((_, decoy), result) in open.iter().zip(results) {
            match result {
                Ok(connection) => made.push(connection),
                Err(failure) => {
                    unanswered.push(decoy.connection.name.clone());
                    failed.get_or_insert(failure);
                }
            }
        }
        let came = match failed {
            Some(failure) => Err(failure),
            None => {
                let candidates: Vec<Candidate> = open.iter().zip(&made).zip(prints).map(candidate).collect();
                self.tried_in_a_run(cx, pen, &runner, &stage, &candidates).await
            }
        };
        let closing = pen.closing();
        let going = (made, unanswered);
        let removed = remove(&self.devops, &self.project, &closing, going, &self.federation).await;
        let ended = match came {
            Ok((came, withdrawn)) => {
                self.tell(cx, open.iter().zip(came).map(|(open, came)| proof(open, came)).collect()).await;
                withdrawn
            }
            Err(failure) => Err(failure),
        };
        match (ended, removed) {
            (Ok(()), removed) => removed,
            (Err(failure), Ok(())) => Err(failure),
            (Err(failure), Err(left)) => Err(left.with("before", failure)),
        }
    }

    async fn make(&self, cx: &Cx, pen: &Pen, decoy: &Decoy) -> Result<Connection> {
        let made = self.devops.create_connection(pen, &self.project, &decoy.connection).await?;
        until_ready(&self.devops, &self.project, cx, made).await
    }

    /// What came of one run for all candidates, and whether its permission was withdrawn.
    async fn tried_in_a_run(
        &self,
        cx: &Cx,
        pen: &Pen,
        runner: &Runner<'_>,
        stage: &Stage,
        candidates: &[Candidate],
    ) -> Result<(Vec<Came>, Result<()>)> {
        let all: Vec<&Candidate> = candidates.iter().collect();
        let granted = runner.grant(cx, pen, stage, candidates).await?;
        let made = match granted.outcome {
            Ok(()) => match runner.begin(cx, pen, stage).await {
                Ok(in_flight) => runner.run(cx, pen, stage, in_flight, &all).await,
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        let closing = pen.closing();
        let read = async { runner.read(stage, made?, &all).await };
        let (withdrawn, came) = futures::join!(runner.close(&closing, stage, granted.connections), read);
        match (came, withdrawn) {
            (Ok(came), withdrawn) => Ok((came, withdrawn)),
            (Err(failure), Ok(())) => Err(failure),
            (Err(failure), Err(stands)) => Err(stands.with("the run", failure)),
        }
    }

    /// Keeps the verdicts for this session, and tells them to everybody who watches.
    async fn tell(&self, cx: &Cx, proofs: Vec<Proof>) {
        proofs.iter().for_each(|proof| self.remember(proof));
        let report = report(proofs);
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
}

fn candidate((((wanted, decoy), made), fingerprint): ((&Open<'_>, &Connection), String)) -> Candidate {
    Candidate {
        environment: wanted.environment.name.clone(),
        connection: made.id,
        name: decoy.connection.name.clone(),
        region: wanted.environment.region.clone(),
        fingerprint,
    }
}

/// The proof that is in what came of a run. Only a record of the task itself proves anything.
fn proof((wanted, decoy): &Open<'_>, came: Came) -> Proof {
    let environment = &wanted.environment.name;
    match came {
        Came::Told(told) => judged(wanted, decoy, &told),
        Came::Waited { waiting_for, run } => unknown(environment, &format!("waiting for {waiting_for}"), run),
        Came::Nothing { reason, run } => unknown(environment, &reason, run),
    }
}
