//! The latest events as lines: for the foot of the home and run screens, and for the log screen.

use std::collections::VecDeque;

use crate::domain::denial::Denial;
use crate::domain::names::EnvironmentName;
use crate::explain::signs::Paint;
use crate::plan::board::Board;
use crate::plan::event::{Ended, Event};
use crate::plan::link::{LinkState, LinkStatus};

/// How many lines are kept.
pub const KEPT: usize = 2000;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When (seconds since 1970).
    pub at: i64,
    /// The environments it is about, by name; empty: all or none.
    pub place: String,
    /// The link or step it is about; may be empty.
    pub what: String,
    /// What happened.
    pub text: String,
    /// How it stands.
    pub paint: Paint,
}

/// The lines, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Log {
    lines: VecDeque<LogLine>,
}

impl Log {
    /// The lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &LogLine> + ExactSizeIterator {
        self.lines.iter()
    }

    /// Adds a line. A line that says what the last one of its place and step said is not told twice.
    pub fn add(&mut self, line: LogLine) {
        let same = |last: &&LogLine| last.place == line.place && last.what == line.what;
        if self.lines.iter().rev().take(40).find(same).is_some_and(|last| last.text == line.text) {
            return;
        }
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Adds something said to everybody.
    pub fn notice(&mut self, at: i64, text: &str) {
        let text = text.trim().to_owned();
        if !text.is_empty() {
            self.add(LogLine { at, place: String::new(), what: "note".to_owned(), text, paint: Paint::Warn });
        }
    }

    /// Adds what changed on a link.
    pub fn link(&mut self, at: i64, status: &LinkStatus) {
        let paint = crate::explain::signs::state(status.state).paint;
        let text = match status.detail.as_str() {
            "" => status.state.as_str().to_owned(),
            detail if status.state == LinkState::Ok => detail.to_owned(),
            detail => format!("{}: {detail}", status.state.as_str()),
        };
        let what = status.link.as_str().to_owned();
        self.add(LogLine { at, place: status.environment.to_string(), what, text, paint });
    }

    /// Adds an event of a run, as it stands on the board after it.
    pub fn event(&mut self, at: i64, event: &Event, board: &Board) {
        let (step, text, paint) = match event {
            Event::StepProgress { step, message, attempt } => {
                let again = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
                (step, format!("{message}{again}"), Paint::Plain)
            }
            Event::StepWrote { step, operation, object } => {
                (step, format!("{operation} {object}"), Paint::Plain)
            }
            Event::StepFinished { step, ended } => match ended {
                Ended::Kept => return,
                Ended::Applied => (step, "done".to_owned(), Paint::Good),
                Ended::Failed { failure } => {
                    let cause = crate::explain::failure(failure).cause;
                    (step, format!("{}: {cause}", failure.code.text()), Paint::Bad)
                }
                Ended::WillNotRun { because } => {
                    (step, format!("not done, it needs {}", because.words()), Paint::Warn)
                }
                Ended::Stale { .. } => {
                    (step, "changed since the plan was made: left as it is".to_owned(), Paint::Bad)
                }
                Ended::Waiting { reason } => (step, format!("waits: {reason}"), Paint::Warn),
                Ended::NotApproved => (step, "not approved: left as it is".to_owned(), Paint::Dim),
                Ended::Stopped => (step, "stopped".to_owned(), Paint::Warn),
            },
            Event::StepObserved { links, handshakes, denials, .. } => {
                for link in links.iter().filter(|link| link.state != LinkState::Ok) {
                    self.link(at, link);
                }
                for handshake in handshakes {
                    self.verdict(at, handshake);
                }
                denials.iter().for_each(|denial| self.denial(at, denial));
                return;
            }
            Event::Notice { text } => return self.notice(at, text),
            Event::HalfWritten { handed_over } => {
                return self.notice(at, &format!("the other half was written to {}", handed_over.folder));
            }
            Event::RunStarted { .. }
            | Event::StepStarted { .. }
            | Event::StepPlanned { .. }
            | Event::RunFinished { .. } => return,
        };
        let served = board.step(step).map(|status| status.info.environments.as_slice()).unwrap_or_default();
        let what = step.kind.as_str().to_owned();
        self.add(LogLine { at, place: place(served, board), what, text, paint });
    }

    fn verdict(&mut self, at: i64, handshake: &crate::domain::handshake::Handshake) {
        let Some(identity) = &handshake.identity else { return };
        let sign = crate::explain::signs::verdict(Some(&handshake.verdict));
        self.add(LogLine {
            at,
            place: handshake.environment.to_string(),
            what: "handshake".to_owned(),
            text: identity.clone(),
            paint: sign.paint,
        });
    }
}

impl Log {
    fn denial(&mut self, at: i64, denial: &Denial) {
        let words = denial.verdict.words();
        let text = match denial.verdict.reason() {
            Some(reason) => format!("{words}: {reason}"),
            None => words.to_owned(),
        };
        let paint = crate::explain::signs::denial(&denial.verdict).paint;
        self.add(LogLine {
            at,
            place: denial.environment.to_string(),
            what: "denial proof".to_owned(),
            text,
            paint,
        });
    }
}

/// The environments in a few letters.
fn place(served: &[EnvironmentName], board: &Board) -> String {
    match served {
        [] => String::new(),
        [one] => one.to_string(),
        all if all.len() == board.environments.len() => "all".to_owned(),
        [first, rest @ ..] => format!("{first}+{}", rest.len()),
    }
}
