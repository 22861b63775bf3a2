//! What each environment is doing, computed in one pass over the board.

use std::collections::BTreeMap;

use crate::domain::key::Kind;
use crate::domain::names::EnvironmentName;
use crate::plan::board::{EnvironmentStatus, StepStatus};
use crate::plan::event::Ended;
use crate::plan::link::Link;
use crate::plan::place::{self, Place};
use crate::tui::running::Running;

/// How far an environment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// A step of it failed, or no longer fits what was approved.
    Failed,
    /// A step of it is being done.
    Going,
    /// Something of it waits for somebody, was not approved, or was stopped.
    Held,
    /// Nothing was begun, or it waits for a shared step.
    Pending,
    /// All its steps ended well.
    Done,
}

impl State {
    /// The state as it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Going => "going on",
            Self::Held => "left as it is",
            Self::Pending => "not begun",
            Self::Done => "done",
        }
    }
}

/// Which environments are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// All.
    #[default]
    All,
    /// Only those in this state.
    Only(State),
}

impl Filter {
    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::All => Self::Only(State::Going),
            Self::Only(State::Going) => Self::Only(State::Failed),
            Self::Only(State::Failed) => Self::Only(State::Held),
            Self::Only(State::Held) => Self::Only(State::Pending),
            Self::Only(State::Pending) => Self::Only(State::Done),
            Self::Only(State::Done) => Self::All,
        }
    }
}

/// One environment in a run.
#[derive(Debug, Clone)]
pub struct At<'b> {
    /// As the board has it.
    pub status: &'b EnvironmentStatus,
    /// How far it is.
    pub state: State,
    /// The step that is being done, or the one that failed.
    pub step: Option<&'b StepStatus>,
}

/// Whether a step went wrong.
pub fn is_failed(step: &StepStatus) -> bool {
    matches!(step.ended, Some(Ended::Failed { .. } | Ended::Stale { .. }))
}

/// Whether a step is shared by environments and shown above them.
pub fn is_shared(step: &StepStatus) -> bool {
    !matches!(place::of(&step.info.step, &step.info.environments), Place::Environment(_))
}

/// Steps that are shown above the environments: shared ones that are being done, or failed.
pub fn shared_steps(run: &Running) -> Vec<&StepStatus> {
    let shown = |step: &&StepStatus| is_failed(step) || run.since.contains_key(&step.info.step);
    run.board.steps.iter().filter(|step| is_shared(step)).filter(shown).collect()
}

#[derive(Default)]
struct Tally<'b> {
    failed: Option<&'b StepStatus>,
    going: Option<&'b StepStatus>,
    shared: Option<&'b StepStatus>,
    held: Option<&'b StepStatus>,
    open: usize,
}

/// The environments of a run, in promotion order.
pub fn environments(run: &Running, filter: Filter) -> Vec<At<'_>> {
    let mut tallies: BTreeMap<&EnvironmentName, Tally<'_>> = BTreeMap::new();
    for step in &run.board.steps {
        let shared = is_shared(step);
        let going = run.since.contains_key(&step.info.step);
        // What serves all of Azure DevOps is shown above, and once.
        if shared && place::of(&step.info.step, &step.info.environments) == Place::DevOps {
            continue;
        }
        for name in &step.info.environments {
            let tally = tallies.entry(name).or_default();
            match &step.ended {
                _ if is_failed(step) => {
                    tally.failed.get_or_insert(step);
                }
                None if going && shared => {
                    tally.shared.get_or_insert(step);
                }
                None if going => {
                    tally.going.get_or_insert(step);
                }
                None => {}
                Some(Ended::Kept | Ended::Applied) => {}
                Some(_) => {
                    tally.held.get_or_insert(step);
                }
            }
            tally.open += usize::from(step.ended.is_none());
        }
    }
    let mut shown = Vec::new();
    for status in &run.board.environments {
        let tally = tallies.remove(&status.info.name).unwrap_or_default();
        let (state, step) = match tally {
            Tally { failed: Some(step), .. } => (State::Failed, Some(step)),
            Tally { going: Some(step), .. } | Tally { shared: Some(step), .. } => (State::Going, Some(step)),
            Tally { open: 0, held: Some(step), .. } => (State::Held, Some(step)),
            Tally { open: 0, .. } => (State::Done, None),
            Tally { .. } => (State::Pending, None),
        };
        if filter == Filter::All || filter == Filter::Only(state) {
            shown.push(At { status, state, step });
        }
    }
    shown
}

/// The link a step of a kind is seen at.
pub fn link_of(kind: Kind) -> Option<Link> {
    match kind {
        Kind::SignIn => Some(Link::SignIn),
        Kind::Provider => Some(Link::Provider),
        Kind::Connection => Some(Link::Connection),
        Kind::Role => Some(Link::Role),
        Kind::Permission => Some(Link::Permission),
        Kind::Gates => Some(Link::Gates),
        Kind::Handshake => Some(Link::Handshake),
        Kind::Extension
        | Kind::Repository
        | Kind::Pipeline
        | Kind::Access
        | Kind::Denial
        | Kind::Decoy
        | Kind::Key
        | Kind::User
        | Kind::Beside
        | Kind::Policies
        | Kind::Duration
        | Kind::Issuer
        | Kind::Target
        | Kind::Administrators
        | Kind::Policy
        | Kind::Group
        | Kind::Delivery
        | Kind::Inspection => None,
    }
}

/// What a step is doing or how it ended, in words.
pub fn words(run: &Running, step: &StepStatus) -> String {
    let now = || match &step.progress {
        Some((text, attempt)) if *attempt > 1 => format!("{text} (attempt {attempt})"),
        Some((text, _)) => text.clone(),
        None if run.since.contains_key(&step.info.step) => "under way".to_owned(),
        None => "not begun".to_owned(),
    };
    match &step.ended {
        None => now(),
        Some(Ended::Kept) => "as wanted".to_owned(),
        Some(Ended::Applied) => "done".to_owned(),
        Some(Ended::Failed { failure }) => crate::explain::failure(failure).cause,
        Some(Ended::WillNotRun { because }) => format!("not done, it needs {}", because.words()),
        Some(Ended::Stale { .. }) => "changed since the plan was made: left as it is".to_owned(),
        Some(Ended::Waiting { reason }) => format!("waits: {reason}"),
        Some(Ended::NotApproved) => "not approved: left as it is".to_owned(),
        Some(Ended::Stopped) => "stopped".to_owned(),
    }
}
