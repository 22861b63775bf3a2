//! Output: data on stdout, talk on stderr; one event stream in two dresses.

use std::io::{Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clap::CommandFactory;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::stream::Stream;
use crate::cli::{Cli, Global};
use crate::domain::failure::Failure;
use crate::engine::step::Events;
use crate::explain::{self, Invocation};
use crate::host::process::Process;
use crate::plain::follow::Follower;
use crate::plain::look::{Look, fitting};
use crate::plain::words::wrap_at;
use crate::plan::event::Event;
use crate::tui::msg::{Job, Msg};

/// Where and how a command speaks.
pub struct Output {
    json: bool,
    look: Look,
    out: Mutex<Stdout>,
    err: Mutex<std::io::Stderr>,
    stream: Arc<Mutex<Stream<Stdout>>>,
    /// Whether an approved plan is being carried out.
    writing: AtomicBool,
    /// Columns of talk on a terminal; none: it goes into a file or pipe, where lines stay whole.
    talks_at: Option<usize>,
    /// Whether what is typed is seen between the lines of talk.
    echoes: bool,
    /// The full screen, where it speaks instead of the lines.
    screen: Option<ScreenEnd>,
    /// Whether the terminal is the full screen's.
    hushed: AtomicBool,
}

/// Where what is told goes on the full screen.
#[derive(Clone)]
struct ScreenEnd {
    to: mpsc::UnboundedSender<Msg>,
    /// The run whose events are told; none: only what everybody should read is.
    job: Option<Job>,
}

impl Output {
    /// For one process, called in this way.
    pub fn new(global: &Global, process: &Process, invocation: Invocation) -> Self {
        let (color, ascii) = (process.wants_color(), process.wants_ascii());
        Self {
            json: global.json,
            look: Look::new(color, ascii, process.width(), global.verbose).called(invocation),
            out: Mutex::new(std::io::stdout()),
            err: Mutex::new(std::io::stderr()),
            stream: Arc::new(Mutex::new(Stream::new(std::io::stdout()))),
            writing: AtomicBool::new(false),
            talks_at: process.stderr_is_terminal.then(|| fitting(process.talk_width())),
            echoes: process.stdin_is_terminal && process.stderr_is_terminal,
            screen: None,
            hushed: AtomicBool::new(false),
        }
    }

    /// For a run on the full screen: nothing is written to the terminal, all goes to the program.
    pub fn on_screen(
        global: &Global,
        process: &Process,
        invocation: Invocation,
        to: mpsc::UnboundedSender<Msg>,
        job: Option<Job>,
    ) -> Self {
        Self { screen: Some(ScreenEnd { to, job }), ..Self::new(global, process, invocation) }
    }

    /// From now on nothing is written to the terminal: the full screen has it.
    pub fn hush(&self, hushed: bool) {
        self.hushed.store(hushed, Ordering::Relaxed);
    }

    /// Whether the terminal is the full screen's.
    pub fn is_hushed(&self) -> bool {
        self.screen.is_some() || self.hushed.load(Ordering::Relaxed)
    }

    /// Whether stdout carries JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// How text looks.
    pub fn look(&self) -> &Look {
        &self.look
    }

    /// How this keyless was called.
    pub fn invocation(&self) -> &Invocation {
        &self.look.invocation
    }

    /// A line of data. A reader that has gone away is no failure.
    pub fn data(&self, line: &str) {
        if self.is_hushed() {
            return;
        }
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    /// A line of talk.
    pub fn talk(&self, line: &str) {
        if let Some(screen) = &self.screen {
            let _ = screen.to.send(Msg::Notice(line.to_owned()));
            return;
        }
        if self.is_hushed() {
            return;
        }
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = self.talks_at.map_or_else(|| vec![line.to_owned()], |width| wrap_at(width, line, 0));
        // An empty line has no words to wrap, and is one all the same.
        let text = if lines.is_empty() { String::new() } else { lines.join("\n") };
        let _ = writeln!(err, "{text}");
    }

    /// A failure as talk.
    pub fn tell(&self, failure: &Failure) {
        explain::lines(failure, self.invocation()).iter().for_each(|line| self.talk(line));
    }

    /// What keyless is, for somebody who only typed its name.
    pub fn help(&self) {
        self.talk(&Cli::command().render_help().to_string());
    }

    /// Notes that writes begin.
    pub fn begins_to_write(&self) {
        self.writing.store(true, Ordering::Relaxed);
    }

    /// Tells that a first signal was heard.
    pub fn stopping(&self) {
        if self.echoes {
            // The terminal has shown `^C` on a line that was begun.
            self.talk("");
        }
        if self.writing.load(Ordering::Relaxed) {
            self.talk(
                "stopping: the write at hand is finished, no other is begun (once more: drops it at once)",
            );
        }
    }

    /// Ends the JSON lines of a run that a failure ended.
    pub fn refuse(&self, command: &str, failure: &Failure) {
        if self.json {
            let lines = explain::lines(failure, self.invocation());
            let text = lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("; ");
            self.stream.lock().unwrap_or_else(PoisonError::into_inner).refuse(command, failure, text);
        }
    }

    /// Tells that the person said no to a plan: calm on a terminal, a run that waits for approval as JSON.
    pub fn declined(&self, command: &str, failure: &Failure) {
        match self.json {
            true => self.refuse(command, failure),
            false => self.talk("Nothing was changed."),
        }
    }

    /// A channel for one run whose events are printed as they come: JSON lines, or text with `following`.
    pub fn follow(&self, following: bool) -> (Events, Printer) {
        let (events, receiver) = Events::channel();
        let (printed, watch) = watch::channel(0);
        if let Some(screen) = &self.screen {
            let task = tokio::spawn(show(receiver, screen.clone(), printed));
            return (events, Printer { task, printed: watch });
        }
        let task = match (self.json, following) {
            (true, true) => tokio::spawn(print_json(receiver, Arc::clone(&self.stream), printed)),
            _ => tokio::spawn(print(receiver, following, self.look.clone(), printed)),
        };
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

async fn show(mut events: mpsc::Receiver<Event>, screen: ScreenEnd, printed: watch::Sender<u64>) {
    while let Some(event) = events.recv().await {
        let msg = match (screen.job, event) {
            (Some(job), event) => Some(Msg::Event { job, event: Box::new(event) }),
            (None, Event::Notice { text }) => Some(Msg::Notice(text)),
            (None, _) => None,
        };
        if let Some(msg) = msg {
            let _ = screen.to.send(msg);
        }
        printed.send_modify(|count| *count += 1);
    }
}

async fn print_json(
    mut events: mpsc::Receiver<Event>,
    stream: Arc<Mutex<Stream<Stdout>>>,
    printed: watch::Sender<u64>,
) {
    while let Some(event) = events.recv().await {
        stream.lock().unwrap_or_else(PoisonError::into_inner).take(event);
        printed.send_modify(|count| *count += 1);
    }
}

async fn print(mut events: mpsc::Receiver<Event>, following: bool, look: Look, printed: watch::Sender<u64>) {
    let mut follower = Follower::new(look);
    while let Some(event) = events.recv().await {
        let notice = matches!(event, Event::Notice { .. });
        let mut lines = follower.take(&event);
        // A look is shown as a whole at its end; only what everybody should read is said meanwhile.
        lines.retain(|_| following || notice);
        let to_stdout = following && !notice;
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
