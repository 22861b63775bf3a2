//! A step: one cloud object, looked at, planned and changed.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::known::{Known, Yields};
use crate::domain::denial::Denial;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::finding::Finding;
use crate::domain::handshake::Handshake;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::plan::board::Board;
use crate::plan::change::Change;
use crate::plan::event::Event;
use crate::plan::link::LinkStatus;

/// Where events go. Step events wait for room; progress is dropped when nobody keeps up.
#[derive(Clone)]
pub struct Events {
    sender: mpsc::Sender<Event>,
    board: Arc<Mutex<Board>>,
    sent: Arc<AtomicU64>,
}

impl Events {
    /// A channel for one run.
    pub fn channel() -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(4096);
        (Self { sender, board: Arc::default(), sent: Arc::default() }, receiver)
    }

    /// Sends an event that must arrive. Nobody listening is no failure: the work goes on.
    pub async fn send(&self, event: Event) {
        self.fold(&event);
        if self.sender.send(event).await.is_ok() {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends progress, unless the channel is full.
    pub fn offer(&self, event: Event) {
        self.fold(&event);
        if self.sender.try_send(event).is_ok() {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many events have been handed over.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The fold of everything sent so far.
    pub fn board(&self) -> Board {
        self.board.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fold(&self, event: &Event) {
        self.board.lock().unwrap_or_else(PoisonError::into_inner).fold(event);
    }
}

/// What a step is given beside what it knows: a way to tell progress, and whether the person has stopped the run.
#[derive(Clone)]
pub struct Cx {
    /// The step's key, for its progress.
    pub step: StepKey,
    /// Where its progress goes.
    pub events: Events,
    /// Set once the person has stopped the run: finish the write at hand, begin no other.
    pub stop: CancellationToken,
}

impl Cx {
    /// Tells what the step does or waits for.
    pub fn progress(&self, message: impl Into<String>, attempt: u32) {
        self.events.offer(Event::StepProgress { step: self.step.clone(), message: message.into(), attempt });
    }

    /// Refuses to go on once the run was stopped.
    ///
    /// # Errors
    /// The run was stopped.
    pub fn check_stop(&self) -> Result<()> {
        if self.stop.is_cancelled() { Err(Failure::new(Code::Stopped)) } else { Ok(()) }
    }
}

/// What a look told about the environments, for the board.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Links of their chains.
    pub links: Vec<LinkStatus>,
    /// What a person should know.
    pub findings: Vec<Finding>,
    /// Verdicts.
    pub handshakes: Vec<Handshake>,
    /// Denial proofs.
    pub denials: Vec<Denial>,
    /// The object as it was found, without secrets.
    pub found: Option<Value>,
}

/// One cloud object. Verify is observe + plan = keep.
pub trait Step: Send + Sync + 'static {
    /// What a look sees: a domain noun.
    type Seen: Send + Sync + 'static;

    /// What it owns.
    fn key(&self) -> StepKey;
    /// The object in words.
    fn title(&self) -> String;
    /// The environments it serves.
    fn environments(&self) -> Vec<EnvironmentName>;
    /// The steps that come before it.
    fn needs(&self) -> Vec<StepKey>;
    /// The steps that come before it, but whose failure does not stop it.
    fn after(&self) -> Vec<StepKey> {
        Vec::new()
    }
    /// Looks at the object. A missing upstream means *absent*: no call.
    fn observe(&self, cx: &Cx, known: &Known) -> impl Future<Output = Result<Self::Seen>> + Send;
    /// What others need of it, once it is there.
    fn yields(&self, _seen: &Self::Seen) -> Yields {
        Yields::none()
    }
    /// What the look tells the board.
    fn report(&self, _seen: &Self::Seen) -> Report {
        Report::default()
    }
    /// What is to change. Pure; speaks in names, never in ids that do not exist yet.
    fn plan(&self, seen: &Self::Seen) -> Change;
    /// Makes the change. Every write goes through the pen, so that nothing is lost in between.
    fn apply(
        &self,
        cx: &Cx,
        known: &Known,
        pen: &Pen,
        seen: Self::Seen,
    ) -> impl Future<Output = Result<()>> + Send;
}
