//! A run as the screens see it: planned, reviewed, going on, over.

use std::collections::BTreeMap;

use super::groups::{Draft, Group, grouped};
use super::msg::{Command, Ending, Job};
use crate::domain::failure::Failure;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::explain::Invocation;
use crate::plan::board::Board;
use crate::plan::change::Plan;
use crate::plan::event::{Event, Outcome};

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The clouds are looked at, to make the plan.
    Planning,
    /// The plan waits for a person.
    Reviewing,
    /// It is being carried out.
    Going,
    /// It has ended, or no plan could be made.
    Over,
}

/// How far a person has gone in stopping it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stopping {
    /// Not at all.
    No,
    /// No new write is begun.
    BetweenWrites,
    /// The call at hand was dropped.
    AtOnce,
}

/// One run.
#[derive(Debug, Clone)]
pub struct Running {
    /// Which.
    pub job: Job,
    /// `setup`, `verify`, `teardown`.
    pub command: String,
    /// Where it is.
    pub phase: Phase,
    /// The plan, once made.
    pub plan: Option<Plan>,
    /// The fold of its events.
    pub board: Board,
    /// When it was asked for, and later when it was approved (seconds since 1970).
    pub started: i64,
    /// When each step began.
    pub since: BTreeMap<StepKey, i64>,
    /// When it ended.
    pub over: Option<i64>,
    /// How far it is being stopped.
    pub stopping: Stopping,
    /// How it ended, or why no plan could be made.
    pub ending: Option<Result<Ending, Failure>>,
    /// What was asked for on a screen: the command and its environments (none: all). None for the wizard's.
    pub asked: Option<(Command, Vec<EnvironmentName>)>,
    /// The changes of the plan by the place they belong to.
    pub groups: Vec<Group>,
    /// What a person agreed to so far.
    pub draft: Draft,
}

impl Running {
    /// A run whose plan is being made.
    pub fn new(job: Job, command: &str, now: i64) -> Self {
        Self {
            job,
            command: command.to_owned(),
            phase: Phase::Planning,
            plan: None,
            board: Board::default(),
            started: now,
            since: BTreeMap::new(),
            over: None,
            stopping: Stopping::No,
            ending: None,
            asked: None,
            groups: Vec::new(),
            draft: Draft::default(),
        }
    }

    /// Takes an event of it.
    pub fn take(&mut self, event: &Event, now: i64) {
        match event {
            Event::StepStarted { step, .. } => {
                self.since.insert(step.clone(), now);
            }
            Event::StepFinished { step, .. } => {
                self.since.remove(step);
            }
            // A look ends with what is intended.
            Event::StepPlanned { change } => {
                self.since.remove(&change.step);
            }
            _ => {}
        }
        self.board.fold(event);
    }

    /// Takes its plan, or why there is none.
    pub fn planned(&mut self, result: Result<Plan, Failure>, now: i64) {
        match result {
            Ok(plan) => {
                self.since.clear();
                self.groups = grouped(&plan, self.board.header.as_ref());
                self.plan = Some(plan);
                self.phase = Phase::Reviewing;
            }
            Err(failure) => {
                self.phase = Phase::Over;
                self.over = Some(now);
                self.ending = Some(Err(failure));
            }
        }
    }

    /// It was approved.
    pub fn approved(&mut self, now: i64) {
        self.phase = Phase::Going;
        self.started = now;
        self.since.clear();
    }

    /// It ended.
    pub fn ended(&mut self, result: Result<Ending, Failure>, now: i64) {
        self.phase = Phase::Over;
        self.over = Some(now);
        self.since.clear();
        self.ending = Some(result);
    }

    /// The clock was set back by some seconds.
    pub fn set_back(&mut self, seconds: i64) {
        self.started -= seconds;
        self.since.values_mut().for_each(|since| *since -= seconds);
        self.over = self.over.map(|over| over - seconds);
    }

    /// Whether it was begun and did not come to its end.
    pub fn has_stopped(&self) -> bool {
        self.is_going() || (self.stopping != Stopping::No && self.board.outcome != Some(Outcome::Done))
    }

    /// Whether something is under way that must not be left without a word.
    pub fn is_going(&self) -> bool {
        self.phase == Phase::Going
    }

    /// How keyless would be called to do the same for the same environments.
    pub fn called(&self, invocation: Invocation) -> Invocation {
        let asked = self.asked.iter().flat_map(|(_, names)| names);
        invocation.meant_for(asked.map(ToString::to_string).collect(), None)
    }

    /// How long it has taken, in seconds.
    pub fn elapsed(&self, now: i64) -> i64 {
        (self.over.unwrap_or(now) - self.started).max(0)
    }
}
