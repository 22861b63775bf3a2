//! Output: data on stdout, talk on stderr; one event stream in two dresses.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use clap::CommandFactory;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::cli::{Cli, Global};
use crate::engine::step::Events;
use crate::headless::wire;
use crate::host::process::Process;
use crate::plain::follow::Follower;
use crate::plain::look::Look;
use crate::plan::event::Event;

/// Where and how a command speaks.
pub struct Output {
    json: bool,
    look: Look,
    out: Mutex<std::io::Stdout>,
    err: Mutex<std::io::Stderr>,
}

impl Output {
    /// For one process.
    pub fn new(global: &Global, process: &Process) -> Self {
        Self {
            json: global.json,
            look: Look::new(process.wants_color(), process.wants_ascii(), process.width(), global.verbose),
            out: Mutex::new(std::io::stdout()),
            err: Mutex::new(std::io::stderr()),
        }
    }

    /// Whether stdout carries JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// How text looks.
    pub fn look(&self) -> &Look {
        &self.look
    }

    /// A line of data. A reader that has gone away is no failure.
    pub fn data(&self, line: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    /// A line of talk.
    pub fn talk(&self, line: &str) {
        let _ = writeln!(self.err.lock().unwrap_or_else(PoisonError::into_inner), "{line}");
    }

    /// What keyless is, for somebody who only typed its name.
    pub fn help(&self) {
        self.talk(&Cli::command().render_help().to_string());
    }

    /// A channel for one run whose events are printed as they come: JSON lines, or text with `following`.
    pub fn follow(&self, following: bool) -> (Events, Printer) {
        let (events, receiver) = Events::channel();
        let (printed, watch) = watch::channel(0);
        let task = tokio::spawn(print(receiver, self.json, following, self.look, printed));
        (events, Printer { task, printed: watch })
    }
}

/// Prints the events of one run.
pub struct Printer {
    task: JoinHandle<()>,
    printed: watch::Receiver<u64>,
}

impl Printer {
    /// Waits until everything sent is printed. Every [`Events`] of the run must be gone by then.
    pub async fn done(self) {
        let _ = self.task.await;
    }

    /// Waits until everything sent so far is printed.
    pub async fn caught_up(&self, events: &Events) {
        let sent = events.sent();
        // The printer ends only with the run, so an error means that everything is printed.
        let _ = self.printed.clone().wait_for(|printed| *printed >= sent).await;
    }
}

async fn print(
    mut events: mpsc::Receiver<Event>,
    json: bool,
    following: bool,
    look: Look,
    printed: watch::Sender<u64>,
) {
    let mut follower = Follower::new(look);
    while let Some(event) = events.recv().await {
        let notice = matches!(event, Event::Notice { .. });
        let lines = match (json, following) {
            (true, true) => vec![wire::line(&event)],
            (_, true) => follower.take(&event),
            // A look is shown as a whole at its end; only what everybody should read is said meanwhile.
            (_, false) => follower.take(&event).into_iter().filter(|_| notice).collect(),
        };
        let to_stdout = following && (json || !notice);
        for line in lines {
            let _ = if to_stdout {
                writeln!(std::io::stdout(), "{line}")
            } else {
                writeln!(std::io::stderr(), "{line}")
            };
        }
        printed.send_modify(|count| *count += 1);
    }
}
