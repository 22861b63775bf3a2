//! From a plan to the end of its run, for every command that writes: shown, agreed to, carried out, summed up.

use super::approve::{self, Said};
use super::open::{Clouds, Opening};
use super::output::{Output, Printer};
use crate::cli::Yes;
use crate::domain::denial;
use crate::domain::failure::{Failure, Result};
use crate::domain::finding::Severity;
use crate::domain::handshake::Verdict;
use crate::explain::Exit;
use crate::plain;
use crate::plan::board::Board;
use crate::plan::change::Plan;
use crate::plan::event::Outcome;
use crate::programs::build::Purpose;
use crate::programs::consent::Decision;
use crate::programs::run::{Prepared, Summary};
use crate::programs::session::Session;

/// A command that writes, and where it is given.
#[derive(Clone, Copy)]
pub struct Flow<'a> {
    /// How keyless was called.
    pub opening: &'a Opening,
    /// The clouds.
    pub clouds: &'a Clouds,
    /// Where it speaks.
    pub output: &'a Output,
    /// What the flags approve.
    pub yes: &'a Yes,
    /// The command as its end is told: `setup`, `rotate`.
    pub command: &'static str,
    /// What its steps are for.
    pub purpose: Purpose,
}

/// What became of a plan that was shown.
pub enum Reviewed {
    /// The person said no: nothing was written.
    Declined(Failure),
    /// It was carried out as far as it was approved.
    Done(Summary),
}

impl Flow<'_> {
    /// Shows a plan, after everything that was seen for it.
    pub async fn show(&self, plan: &Plan, session: &Session, printer: &Printer) {
        printer.caught_up(&session.events).await;
        if self.output.json() {
            return;
        }
        let header = session.events.board().header;
        let look = self.output.look();
        self.output.data(&match self.purpose {
            Purpose::Teardown { .. } => plain::review::teardown(plan, header.as_ref(), look),
            _ => plain::review::review(plan, header.as_ref(), look),
        });
    }

    /// What flags and, where they decide nothing, the person say to a plan. The inner failure: they said no.
    ///
    /// # Errors
    /// Nobody can be asked and no flag decides, or the person stopped it.
    pub async fn decide(&self, plan: &Plan) -> Result<std::result::Result<Decision, Failure>> {
        match approve::consent(plan, self.yes, self.opening, self.clouds, self.output).await? {
            Said::Yes(consent) => {
                self.output.begins_to_write();
                Ok(Ok(consent.decide(plan)))
            }
            Said::No(failure) => Ok(Err(failure)),
        }
    }

    /// Shows what a program intends, asks, and carries out what is approved.
    ///
    /// # Errors
    /// As [`Self::decide`], or the journal cannot be used.
    pub async fn carry_out(
        &self,
        prepared: Prepared,
        session: &Session,
        printer: &Printer,
    ) -> Result<Reviewed> {
        let plan = prepared.decidable();
        self.show(&plan, session, printer).await;
        match self.decide(&plan).await? {
            Ok(decision) => prepared.carry_out(session, decision).await.map(Reviewed::Done),
            Err(failure) => Ok(Reviewed::Declined(failure)),
        }
    }

    /// Tells how it ended, once everything before is printed.
    pub fn end(&self, board: &Board, reviewed: &Reviewed) -> Exit {
        let summary = match reviewed {
            Reviewed::Declined(failure) => {
                self.output.declined(self.command, failure);
                return Exit::Done;
            }
            Reviewed::Done(summary) => summary,
        };
        if !self.output.json() {
            self.output.data(&plain::summary::summary(board, self.command, self.output.look()));
        }
        exit_of(board, summary, self.purpose)
    }
}

/// The exit code of a run: the worst of its outcome, its failures, what it left and what was proven.
pub fn exit_of(board: &Board, summary: &Summary, purpose: Purpose) -> Exit {
    let failures = summary.failures.iter().map(Exit::of).max().unwrap_or(Exit::Done);
    let left = if summary.leftovers.is_empty() { Exit::Done } else { Exit::Stale };
    let verdicts = match purpose {
        Purpose::Teardown { .. } | Purpose::Narrow { .. } => Exit::Done,
        Purpose::Denial => denials(board, summary.outcome),
        Purpose::Rotate => of_board(board).max(unproven(board, summary.outcome)),
        _ => verdicts(board).max(unproven(board, summary.outcome)),
    };
    Exit::of_outcome(summary.outcome).max(failures).max(left).max(verdicts)
}

/// What verdicts alone say.
fn verdicts(board: &Board) -> Exit {
    let bad = |verdict: &Verdict| {
        matches!(verdict, Verdict::Open { .. } | Verdict::Mismatch { .. } | Verdict::Failed { .. })
    };
    if board.with_verdict(bad).is_empty() { Exit::Done } else { Exit::Findings }
}

/// A run that is done although an environment is not proven has found something.
fn unproven(board: &Board, outcome: Outcome) -> Exit {
    let proven = board.with_verdict(|verdict| matches!(verdict, Verdict::Proven | Verdict::Open { .. }));
    // What is half somebody else's cannot be proven by this run.
    let whole = board.environments.iter().filter(|environment| environment.info.left_out.is_none());
    let all = whole.map(|environment| &environment.info.name).all(|name| proven.contains(name));
    if all || outcome != Outcome::Done { Exit::Done } else { Exit::Findings }
}

/// Every throw-away connection was denied, or something was found.
fn denials(board: &Board, outcome: Outcome) -> Exit {
    let denied = board.with_denial(|verdict| *verdict == denial::Verdict::Denied);
    let admitted = board.with_denial(|verdict| *verdict == denial::Verdict::Admitted);
    let all = denied.len() == board.environments.len();
    let waits = admitted.is_empty() && outcome != Outcome::Done;
    if all || waits { Exit::Done } else { Exit::Findings }
}

/// What verdicts and findings say.
pub fn of_board(board: &Board) -> Exit {
    let errors = board.findings.values().flatten().any(|finding| finding.code.severity() == Severity::Error);
    if errors { Exit::Findings } else { verdicts(board) }
}
