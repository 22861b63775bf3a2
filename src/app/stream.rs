//! The JSON lines of one run: `run.started` is the first and `run.finished` the last, whatever happens.

use std::io::Write;

use crate::domain::failure::{Class, Code, Failure};
use crate::headless::wire;
use crate::plan::board::Board;
use crate::plan::event::{Event, Outcome, VERSION};
use crate::programs::run::finished;

/// Label of evidence that tells what a refused run waits for.
pub const WAITS_FOR: &str = "waits for";

/// What was printed so far, and where it goes.
pub struct Stream<W> {
    to: W,
    board: Board,
    /// What came before the run was announced.
    held: Vec<Event>,
    started: bool,
    finished: bool,
}

impl<W: Write> Stream<W> {
    /// Nothing yet.
    pub fn new(to: W) -> Self {
        Self { to, board: Board::default(), held: Vec::new(), started: false, finished: false }
    }

    /// Prints an event, in its turn. Nothing follows the end.
    pub fn take(&mut self, event: Event) {
        self.board.fold(&event);
        let starts = matches!(event, Event::RunStarted { .. });
        if !self.started && !starts {
            self.held.push(event);
            return;
        }
        self.print(&event);
        if starts && !self.started {
            self.started = true;
            std::mem::take(&mut self.held).iter().for_each(|held| self.print(held));
        }
    }

    /// Ends a run that a failure ended, unless it has told its own end.
    pub fn refuse(&mut self, command: &str, failure: &Failure, text: String) {
        if !self.started {
            let command = command.to_owned();
            let steps = Vec::new();
            self.take(Event::RunStarted { version: VERSION, command, federation: None, steps });
        }
        let outcome = match (failure.code, failure.class) {
            (Code::NotApproved, _) | (_, Class::Waiting) => Outcome::Waiting,
            (_, Class::Canceled) => Outcome::Stopped,
            (_, Class::Stale) => Outcome::Stale,
            _ => Outcome::Failed,
        };
        let waits = failure.evidence.iter().filter(|evidence| evidence.label == WAITS_FOR);
        let waits = waits.map(|evidence| evidence.value.clone()).collect();
        self.take(Event::Notice { text });
        let writes = self.board.writes;
        self.take(finished(&self.board, outcome, writes, waits, Vec::new()));
    }

    fn print(&mut self, event: &Event) {
        if self.finished {
            return;
        }
        self.finished = matches!(event, Event::RunFinished { .. });
        // A reader that has gone away is no failure.
        let _ = writeln!(self.to, "{}", wire::line(event)).and_then(|()| self.to.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn told(make: impl FnOnce(&mut Stream<&mut Vec<u8>>)) -> Vec<Value> {
        let mut bytes = Vec::new();
        make(&mut Stream::new(&mut bytes));
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn note(text: &str) -> Event {
        Event::Notice { text: text.to_owned() }
    }

    fn types(lines: &[Value]) -> Vec<&str> {
        lines.iter().map(|line| line["type"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_run_that_never_began_has_both_ends() {
        for (code, outcome) in [
            (Code::NotApproved, "waiting"),
            (Code::PlanStale, "stale"),
            (Code::Stopped, "stopped"),
            (Code::DevopsToken, "failed"),
            (Code::DevopsUnreachable, "failed"),
        ] {
            let failure = Failure::new(code).with(WAITS_FOR, "--yes");
            let lines = told(|stream| {
                stream.take(note("early"));
                stream.refuse("verify", &failure, "why".to_owned());
            });
            assert_eq!(types(&lines), ["run.started", "notice", "notice", "run.finished"]);
            assert_eq!(lines[0]["command"], "verify");
            assert_eq!(lines[0]["steps"], serde_json::json!([]));
            assert_eq!(lines[1]["text"], "early");
            assert_eq!(lines[3]["outcome"], outcome);
            assert_eq!(lines[3]["waiting_for"], serde_json::json!(["--yes"]));
        }
    }

    #[test]
    fn nothing_follows_the_end() {
        let lines = told(|stream| {
            stream.take(note("first"));
            let command = "setup".to_owned();
            stream.take(Event::RunStarted { version: VERSION, command, federation: None, steps: Vec::new() });
            stream.take(finished(&Board::default(), Outcome::Done, 3, Vec::new(), Vec::new()));
            stream.take(note("late"));
            stream.refuse("setup", &Failure::new(Code::Stopped), "late".to_owned());
        });
        assert_eq!(types(&lines), ["run.started", "notice", "run.finished"]);
        assert_eq!(lines[2]["writes"], 3);
    }
}
