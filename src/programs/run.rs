//! One run: survey, look, plan; then, once approved, apply and sum up.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::build::{Builder, Purpose, header};
use super::consent::Decision;
use super::doctor;
use super::keyed;
use super::move_issuer::Moving;
use super::origin::Origins;
use super::rotate::Rotation;
use super::session::Session;
use super::survey::{Surveyed, survey};
use crate::domain::blueprint::Blueprint;
use crate::domain::denial;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::handshake::Verdict;
use crate::domain::key::{Kind, StepKey};
use crate::domain::mark::FederationId;
use crate::domain::names::EnvironmentName;
use crate::engine::apply::{Bench, apply};
use crate::engine::erased::Shared;
use crate::engine::journal::Journal;
use crate::engine::known::Known;
use crate::engine::look;
use crate::engine::schedule::Direction;
use crate::host::files::Lock;
use crate::plan::board::Board;
use crate::plan::change::{Blocked, Plan};
use crate::plan::event::{Ended, Event, Header, Outcome, VERSION};
use crate::steps::inspect::tool::is_tool;

/// A program that has looked and planned, and written nothing.
pub struct Prepared {
    /// The command, for the journal.
    pub command: &'static str,
    /// What the steps are for.
    pub purpose: Purpose,
    /// What the survey found.
    pub surveyed: Surveyed,
    /// What is wanted.
    pub blueprint: Blueprint,
    /// What is intended.
    pub plan: Plan,
    /// Steps that the doctor leaves alone although they have a change: see [`doctor::held`].
    pub held: BTreeSet<StepKey>,
    steps: Vec<Shared>,
    known: Known,
    /// The steps that are meant; none: all of them.
    only: Option<BTreeSet<StepKey>>,
    /// The right to write; none for what only looks.
    lock: Option<Lock>,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Summary {
    /// How.
    pub outcome: Outcome,
    /// Failures of steps, in the order they came.
    pub failures: Vec<Failure>,
    /// What keyless changed and could not put back.
    pub leftovers: Vec<String>,
}

/// Surveys, looks at everything and plans. Nothing is written.
///
/// `chosen` are the environments that are meant; empty: all.
///
/// # Errors
/// The survey fails, an environment is unknown, or the answers contradict each other.
pub async fn prepare(
    session: &Session,
    command: &'static str,
    purpose: Purpose,
    chosen: &[EnvironmentName],
) -> Result<Prepared> {
    let surveyed = survey(session).await?;
    for notice in &surveyed.notices {
        session.events.send(Event::Notice { text: notice.clone() }).await;
    }
    let mut federation = chosen_of(&surveyed.federation, chosen)?;
    if matches!(purpose, Purpose::Narrow { .. }) && !chosen.is_empty() {
        // What an access used tells nothing about the other one beside it.
        federation.environments.retain(|environment| chosen.contains(&environment.name));
    }
    prepare_of(session, (command, purpose), surveyed, &federation, (None, None)).await
}

/// Looks at everything of a surveyed federation, of which only some environments may be meant, and plans.
///
/// # Errors
/// The answers contradict each other, or another keyless is at work on the federation.
pub(super) async fn prepare_of(
    session: &Session,
    (command, purpose): (&'static str, Purpose),
    surveyed: Surveyed,
    federation: &Federation,
    (rotation, moving): (Option<&Rotation>, Option<&Moving>),
) -> Result<Prepared> {
    let whole = federation.environments.len() == surveyed.federation.environments.len();
    let purpose = match purpose {
        Purpose::Teardown { .. } => Purpose::Teardown { whole },
        other => other,
    };
    let mut blueprint = Blueprint::new(federation, &surveyed.grounds)?;
    if let Some(moving) = moving {
        moving.put_beside(&mut blueprint);
    }
    match purpose {
        Purpose::Denial => {
            let what = "what is denied is a token: a role that trusts a user alone takes none";
            keyed::leave_out(session, &mut blueprint, what).await;
            warn(session, &blueprint).await;
        }
        Purpose::MoveIssuer => {
            keyed::leave_out(session, &mut blueprint, "no issuer is trusted").await;
        }
        Purpose::Setup => keyed::warn(session, &blueprint).await,
        _ => {}
    }
    let lock = match command {
        "plan" | "status" | "doctor" => None,
        _ => Some(Journal::lock(&session.state, &blueprint.id)?),
    };
    let writes =
        purpose.aims_at_wanted() || matches!(purpose, Purpose::Teardown { .. } | Purpose::Narrow { .. });
    let origins = match writes {
        true => Origins::read(&Journal::read(&session.state, &blueprint.id)?),
        false => Origins::default(),
    };
    let builder = Builder {
        session,
        surveyed: &surveyed,
        blueprint: &blueprint,
        purpose,
        origins: &origins,
        rotation,
        moving,
    };
    let steps = builder.steps()?;
    let known = if writes { Known::default() } else { Known::as_it_is() };
    let federation = header(&blueprint, session);
    let (plan, held) = look_at(session, (command, purpose), federation, &steps, &known).await;
    if purpose == Purpose::Setup {
        tell_tools(session, &plan).await;
    }
    Ok(Prepared { command, purpose, surveyed, blueprint, plan, held, steps, known, only: None, lock })
}

/// What deployments will miss, said before anything is approved: keyless makes none of it.
async fn tell_tools(session: &Session, plan: &Plan) {
    let board = session.events.board();
    let wrong = |step: &StepKey| board.findings.get(&step.to_string()).is_some_and(|all| !all.is_empty());
    let looks = plan.changes.iter().filter(|change| is_tool(&change.step) && wrong(&change.step));
    for change in looks {
        let text = format!("{}: {}", change.title, change.why);
        session.events.send(Event::Notice { text }).await;
    }
}

/// Looks at these steps alone, of a surveyed federation, and plans.
///
/// # Errors
/// The answers contradict each other, or another keyless is at work on the federation.
pub(super) async fn prepare_steps(
    session: &Session,
    (command, purpose): (&'static str, Purpose),
    surveyed: Surveyed,
    steps: Vec<Shared>,
) -> Result<Prepared> {
    let blueprint = Blueprint::new(&surveyed.federation, &surveyed.grounds)?;
    let lock = Some(Journal::lock(&session.state, &blueprint.id)?);
    let known = Known::default();
    // Nothing of an environment is looked at, so none is told of.
    let federation = Header { environments: Vec::new(), ..header(&blueprint, session) };
    let (plan, held) = look_at(session, (command, purpose), federation, &steps, &known).await;
    Ok(Prepared { command, purpose, surveyed, blueprint, plan, held, steps, known, only: None, lock })
}

/// Announces the steps, looks at them and plans; with what the doctor leaves alone.
async fn look_at(
    session: &Session,
    (command, purpose): (&'static str, Purpose),
    federation: Header,
    steps: &[Shared],
    known: &Known,
) -> (Plan, BTreeSet<StepKey>) {
    let started = Event::RunStarted {
        version: VERSION,
        command: command.to_owned(),
        federation: Some(federation),
        steps: steps.iter().map(|step| step.info()).collect(),
    };
    session.events.send(started).await;
    let plan = look::plan(steps, known, &session.events, &session.stop).await;
    let held = match purpose {
        Purpose::Doctor => doctor::held(&plan, steps, &session.events.board()),
        _ => BTreeSet::new(),
    };
    (plan, held)
}

/// A denial is what alarms are made for: whoever watches a protected environment is to know before.
async fn warn(session: &Session, blueprint: &Blueprint) {
    let protected = blueprint.environments.iter().filter(|wanted| wanted.environment.protected);
    let names: Vec<&str> = protected.map(|wanted| wanted.environment.name.as_str()).collect();
    if names.is_empty() {
        return;
    }
    let text = format!(
        "a denial proof makes STS refuse a token on purpose: CloudTrail records AccessDenied in {}, and alarms on that \
         may fire; tell whoever watches them first",
        names.join(", ")
    );
    session.events.send(Event::Notice { text }).await;
}

/// The part of a federation that is meant; empty: all of it.
pub(super) fn chosen_of(federation: &Federation, chosen: &[EnvironmentName]) -> Result<Federation> {
    if let Some(unknown) = chosen.iter().find(|name| federation.environment(name).is_none()) {
        let names: Vec<&str> = federation.environments.iter().map(|e| e.name.as_str()).collect();
        return Err(Failure::new(Code::EnvironmentUnknown)
            .with("environment", unknown)
            .with("accepted", names.join(", ")));
    }
    let mut federation = federation.clone();
    if !chosen.is_empty() {
        federation.environments.retain(|environment| environment.is_among(chosen));
    }
    Ok(federation)
}

impl Prepared {
    /// The federation's id.
    pub fn id(&self) -> &FederationId {
        &self.blueprint.id
    }

    /// What the steps have told each other so far.
    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// From now on only these steps are meant, with what they need and what they come after: nothing else is decided, or
    /// carried out. The others are looked at all the same.
    pub fn mean_only(&mut self, meant: impl Fn(&StepKey) -> bool) {
        let mut open: Vec<StepKey> = self.steps.iter().map(|step| step.key()).filter(meant).collect();
        let mut only: BTreeSet<StepKey> = open.iter().cloned().collect();
        while let Some(key) = open.pop() {
            let step = self.steps.iter().find(|step| step.key() == key);
            let before = step.into_iter().flat_map(|step| step.needs().into_iter().chain(step.after()));
            open.extend(before.filter(|key| only.insert(key.clone())));
        }
        self.only = Some(only);
    }

    fn is_meant(&self, step: &StepKey) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(step))
    }

    /// Whether this program may apply a step: verify changes nothing but its runs, permissions and throw-away connections.
    fn may_apply(&self, step: &StepKey) -> bool {
        match self.purpose {
            _ if !self.is_meant(step) => false,
            Purpose::Verify => matches!(step.kind, Kind::Handshake | Kind::Permission),
            Purpose::Denial => matches!(step.kind, Kind::Denial | Kind::Decoy | Kind::Permission),
            _ => true,
        }
    }

    /// The part of the plan that this program may apply: what is reviewed and decided.
    pub fn decidable(&self) -> Plan {
        let mut plan = self.plan.clone();
        plan.changes.retain(|change| {
            self.may_apply(&change.step)
                && change.step.kind != Kind::Inspection
                && !self.held.contains(&change.step)
        });
        let looks = |blocked: &Blocked| blocked.step.kind == Kind::Inspection;
        plan.blocked.retain(|blocked| self.is_meant(&blocked.step) && !looks(blocked));
        plan
    }

    fn direction(&self) -> Direction {
        match self.purpose {
            Purpose::Teardown { .. } => Direction::Down,
            _ => Direction::Up,
        }
    }

    /// Applies what was decided, and tells how it ended.
    ///
    /// # Errors
    /// The journal cannot be used. Failures of steps are in the summary.
    pub async fn carry_out(self, session: &Session, decision: Decision) -> Result<Summary> {
        self.carry_out_with(session, decision, |_| None).await
    }

    /// The same, with a last word before the run tells its end: it is given the board, and may add an event.
    ///
    /// # Errors
    /// As [`Self::carry_out`].
    pub async fn carry_out_with(
        mut self,
        session: &Session,
        mut decision: Decision,
        last: impl FnOnce(&Board) -> Option<Event> + Send,
    ) -> Result<Summary> {
        // What is only looked at has had its say.
        self.steps.retain(|step| step.key().kind != Kind::Inspection);
        let touches = |step: &Shared| {
            decision.approved.plan.change(&step.key()).is_some_and(|change| !change.is_keep())
        };
        if !self.steps.iter().any(touches) && self.plan.blocked.is_empty() {
            tell(session, last).await;
            return Ok(self.finish(session, Vec::new(), Vec::new(), 0, decision.waiting_for).await);
        }
        // What may not be applied is looked at all the same: a proof rests on what is there now.
        let looked_at = self.plan.changes.iter().filter(|change| !self.may_apply(&change.step)).cloned();
        decision.approved.plan.changes.extend(looked_at);
        let elsewhere = self.plan.blocked.iter().filter(|blocked| !self.is_meant(&blocked.step)).cloned();
        decision.approved.plan.blocked.extend(elsewhere);
        let lock = match self.lock.take() {
            Some(lock) => lock,
            None => Journal::lock(&session.state, self.id())?,
        };
        let who = self.blueprint.grounds.operator.as_ref().map(|operator| operator.name.as_str());
        let journal = Journal::open(&session.state, self.id(), self.command, who, lock).await?;
        let forget = || {
            if let Some(devops) = &session.devops {
                devops.forget();
            }
        };
        // Everything is looked at again: the plan may have waited for a person.
        forget();
        let left = Mutex::new(Vec::new());
        let bench = Bench {
            leftovers: &left,
            known: &self.known,
            events: &session.events,
            stop: &session.stop,
            journal: &journal,
            forget: &forget,
        };
        let ends = apply(&self.steps, self.direction(), &decision.approved, &bench).await;
        tell(session, last).await;
        let (writes, left) = (journal.writes(), left.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(self.finish(session, ends, left, writes, decision.waiting_for).await)
    }

    async fn finish(
        &self,
        session: &Session,
        ends: Vec<(StepKey, Ended)>,
        left: Vec<String>,
        writes: u64,
        mut waiting_for: Vec<String>,
    ) -> Summary {
        let board = session.events.board();
        if ends.is_empty() {
            // Nothing was to be done: what is waited for is waited for all the same.
            waiting_for
                .extend(self.plan.gates().map(|(change, gate)| format!("{}: {}", change.title, gate.reason)));
        }
        waiting_for.extend(ends.iter().filter_map(|(step, ended)| match ended {
            Ended::Waiting { reason } => Some(format!("{}: {reason}", step.words())),
            _ => None,
        }));
        let failures: Vec<Failure> = failures(&ends);
        let planned = self.plan.changes.iter().filter_map(|change| change.leftover.clone());
        let leftovers: Vec<String> = planned.chain(left).collect();
        let ends: Vec<(StepKey, Ended)> = ends
            .into_iter()
            .filter(|(step, ended)| self.may_apply(step) || matches!(ended, Ended::Failed { .. }))
            .filter(|(step, _)| self.is_meant(step))
            .collect();
        let outcome = outcome(&ends, session.stop.is_cancelled(), !waiting_for.is_empty());
        let mut stays = leftovers.clone();
        stays.extend(self.kept_by_azure(&ends));
        session.events.send(finished(&board, outcome, writes, waiting_for, stays)).await;
        Summary { outcome, failures, leftovers }
    }

    /// What Azure DevOps itself keeps after a teardown.
    fn kept_by_azure(&self, ends: &[(StepKey, Ended)]) -> Vec<String> {
        let done =
            |kind: Kind| ends.iter().any(|(step, ended)| step.kind == kind && *ended == Ended::Applied);
        let mut kept = Vec::new();
        if matches!(self.purpose, Purpose::Teardown { .. }) {
            if done(Kind::Repository) && self.blueprint.verification.foreign_branch.is_none() {
                let name = &self.blueprint.verification.repository;
                kept.push(format!("repository {name}: Azure DevOps keeps it in the recycle bin for 30 days"));
            }
            if done(Kind::Pipeline) {
                let name = &self.blueprint.verification.pipeline;
                kept.push(format!(
                    "pipeline {name}: Azure DevOps keeps retained runs, and deleted ones for 30 days"
                ));
            }
        }
        kept
    }

    /// Ends a run that was only looked at.
    pub async fn close(&self, session: &Session) -> Summary {
        self.finish(session, Vec::new(), Vec::new(), 0, Vec::new()).await
    }
}

/// Adds the last word to the events.
async fn tell(session: &Session, last: impl FnOnce(&Board) -> Option<Event> + Send) {
    if let Some(event) = last(&session.events.board()) {
        session.events.send(event).await;
    }
}

fn failures(ends: &[(StepKey, Ended)]) -> Vec<Failure> {
    ends.iter()
        .filter_map(|(step, ended)| match ended {
            Ended::Failed { failure } => Some(failure.clone()),
            Ended::Stale { .. } => Some(Failure::new(Code::PlanStale).with("step", step)),
            _ => None,
        })
        .collect()
}

fn outcome(ends: &[(StepKey, Ended)], stopped: bool, waits: bool) -> Outcome {
    let any = |wanted: fn(&Ended) -> bool| ends.iter().any(|(_, ended)| wanted(ended));
    if stopped || any(|ended| matches!(ended, Ended::Stopped)) {
        Outcome::Stopped
    } else if any(|ended| matches!(ended, Ended::Failed { .. })) {
        Outcome::Failed
    } else if any(|ended| matches!(ended, Ended::Stale { .. })) {
        Outcome::Stale
    } else if waits || any(|ended| matches!(ended, Ended::NotApproved | Ended::Waiting { .. })) {
        Outcome::Waiting
    } else {
        Outcome::Done
    }
}

/// The last event of a run, with the verdicts a board shows.
pub fn finished(
    board: &Board,
    outcome: Outcome,
    writes: u64,
    waiting_for: Vec<String>,
    leftovers: Vec<String>,
) -> Event {
    let of = |wanted: fn(&Verdict) -> bool| board.with_verdict(wanted);
    let (proven, open) = (of(|v| matches!(v, Verdict::Proven)), of(|v| matches!(v, Verdict::Open { .. })));
    let (mismatch, failed) =
        (of(|v| matches!(v, Verdict::Mismatch { .. })), of(|v| matches!(v, Verdict::Failed { .. })));
    let known: BTreeSet<&EnvironmentName> =
        [&proven, &open, &mismatch, &failed].into_iter().flatten().collect();
    let unknown = board
        .environments
        .iter()
        .map(|e| &e.info.name)
        .filter(|name| !known.contains(name))
        .cloned()
        .collect();
    let denied = board.with_denial(|verdict| *verdict == denial::Verdict::Denied);
    let admitted = board.with_denial(|verdict| *verdict == denial::Verdict::Admitted);
    Event::RunFinished {
        outcome,
        writes,
        unknown,
        proven,
        open,
        mismatch,
        failed,
        denied,
        admitted,
        waiting_for,
        leftovers,
    }
}
