//! What every screen reads: what was opened, the panes, the run, the wizard, the log.

use super::fleet::Fleet;
use super::log::Log;
use super::msg::{Effect, Job, Msg, Opened, Repeats};
use super::running::{Phase, Running};
use super::screens::Act;
use super::theme::Theme;
use crate::domain::failure::Failure;
use crate::domain::federation::Federation;
use crate::explain::Invocation;
use crate::wizard::{self, Goal};

/// How far a clock may be behind what it said before and not be taken for set back, in milliseconds.
const SET_BACK: i64 = 5_000;

/// Whether the clouds are open.
#[derive(Debug, Clone, Default)]
pub enum Access {
    /// Nothing was chosen yet.
    #[default]
    Unchosen,
    /// They are being opened.
    Opening,
    /// They are open.
    Open,
    /// They could not be opened.
    Failed(Failure),
}

/// The state that belongs to no single screen.
#[derive(Debug)]
pub struct Shared {
    /// Colours and characters.
    pub theme: Theme,
    /// Now, in milliseconds since 1970.
    pub now: i64,
    /// Whether the clouds are open.
    pub access: Access,
    /// What was opened.
    pub opened: Option<Opened>,
    /// The panes.
    pub fleet: Fleet,
    /// The latest events.
    pub log: Log,
    /// The run that is planned, reviewed, going on or was the last.
    pub run: Option<Running>,
    /// The wizard, once it was begun.
    pub wizard: Option<wizard::Model>,
    /// Whether the mouse is taken from the terminal.
    pub mouse: bool,
    /// The world that was to be opened last; none: the real clouds.
    pub asked: Option<String>,
    jobs: u64,
    /// What the person came for, while the clouds they chose are opened: and which request it is.
    pub(super) welcome: Option<(u64, Goal)>,
}

impl Shared {
    /// Nothing is open yet.
    pub fn new(theme: Theme, now: i64) -> Self {
        Self {
            theme,
            now,
            access: Access::Unchosen,
            opened: None,
            fleet: Fleet::default(),
            log: Log::default(),
            run: None,
            wizard: None,
            mouse: true,
            asked: None,
            jobs: 0,
            welcome: None,
        }
    }

    /// Now, in seconds since 1970.
    pub fn seconds(&self) -> i64 {
        self.now / 1000
    }

    /// The practice world, where it is one.
    pub fn practice(&self) -> Option<&str> {
        self.opened.as_ref()?.practice.as_deref()
    }

    /// How keyless would be called for the same clouds.
    pub fn invocation(&self) -> Invocation {
        let repeats = self.opened.as_ref().map(|opened| opened.repeats.clone()).unwrap_or_default();
        let Repeats { sandbox, config } = repeats;
        Invocation::new(sandbox.as_deref(), config.as_deref(), Vec::new())
    }

    /// A number for the next run of a command.
    pub fn next_job(&mut self) -> Job {
        self.jobs += 1;
        Job::Command(self.jobs)
    }

    /// Whether a run is being carried out.
    pub fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(Running::is_going)
    }

    /// Takes what was opened.
    pub fn open(&mut self, mut opened: Opened) {
        self.access = Access::Open;
        if let Some(federation) = &opened.federation {
            self.fleet.take_answers(federation);
        }
        if let Some(last) = opened.last.take() {
            self.fleet.take_last(last);
        }
        self.wizard = None;
        self.opened = Some(opened);
    }

    /// The wizard, begun where the person left it or from the answers there are. Gives what it wants done first.
    pub fn begin_wizard(&mut self) -> Vec<Effect> {
        let unfinished = self.wizard.as_ref().is_some_and(|model| !model.is_done());
        let Some(opened) = self.opened.as_ref().filter(|_| !unfinished) else { return Vec::new() };
        let start = opened.start.clone();
        let own = opened.federation.clone().filter(|_| opened.own);
        let mut model = match own {
            Some(federation) => wizard::Model::resume(start, federation),
            None => wizard::Model::new(start),
        };
        let effects = model.begin();
        self.wizard = Some(model);
        self.wanted(effects)
    }

    /// Leaves the clouds: the person chooses anew.
    pub fn leave_clouds(&mut self) {
        let mut fleet = Fleet::default();
        fleet.set_interval(self.fleet.interval());
        self.fleet = fleet;
        self.access = Access::Unchosen;
        self.opened = None;
        self.begin_welcome();
    }

    /// The wizard's first page, where no cloud was chosen yet.
    pub fn begin_welcome(&mut self) {
        let start = wizard::Start { welcome: true, ..wizard::Start::default() };
        self.wizard = Some(wizard::Model::new(start));
    }

    /// Gives the wizard a message.
    pub fn tell_wizard(&mut self, msg: wizard::Msg) -> Vec<Effect> {
        let Some(model) = self.wizard.as_mut() else { return Vec::new() };
        let effects = wizard::update(model, msg);
        self.wanted(effects)
    }

    /// What the wizard wants; a plan that it wants made is a run to be followed.
    fn wanted(&mut self, effects: Vec<wizard::Effect>) -> Vec<Effect> {
        let mut before = Vec::new();
        for effect in &effects {
            match effect {
                wizard::Effect::MakePlan { generation, .. } => {
                    // The plan before holds the right to write, or is about to.
                    let unapproved = |run: &&Running| matches!(run.phase, Phase::Planning | Phase::Reviewing);
                    before.extend(self.run.as_ref().filter(unapproved).map(|run| Effect::Forget(run.job)));
                    self.run = Some(Running::new(Job::Wizard(*generation), "setup", self.seconds()));
                }
                wizard::Effect::Apply { .. } => {
                    let now = self.seconds();
                    if let Some(run) = self.run.as_mut() {
                        run.approved(now);
                    }
                    self.fleet.hold();
                }
                wizard::Effect::Open { generation, goal, .. } => self.welcome = Some((*generation, *goal)),
                _ => {}
            }
        }
        let told = |effect| match effect {
            wizard::Effect::Open { practice, goal, .. } => {
                Effect::Open { practice: practice.then(|| goal.world().to_owned()) }
            }
            effect => Effect::Wizard(effect),
        };
        before.into_iter().chain(effects.into_iter().map(told)).collect()
    }

    /// Takes what is no input and changes no screen.
    pub(super) fn take(&mut self, msg: &Msg) -> Vec<Effect> {
        let now = self.seconds();
        match msg {
            Msg::Now(at) => {
                // A clock that was set back by more than a moment takes everything that is counted with it.
                if *at < self.now - SET_BACK {
                    let seconds = (self.now - *at) / 1000;
                    self.fleet.set_back(seconds);
                    if let Some(run) = self.run.as_mut() {
                        run.set_back(seconds);
                    }
                    self.now = *at;
                }
                self.now = self.now.max(*at);
                return self.look();
            }
            Msg::Looked { environment, round, result } => {
                for link in self.fleet.take_look(environment, *round, result, now) {
                    self.log.link(now, &link);
                }
                if !self.fleet.is_looking() {
                    return vec![Effect::Remember(self.fleet.seen())];
                }
            }
            // Other clouds may have been chosen meanwhile.
            Msg::Last { practice, last }
                if self.opened.as_ref().is_some_and(|opened| opened.practice == *practice) =>
            {
                self.fleet.take_last(last.clone());
            }
            Msg::Event { job, event } => {
                if let Some(run) = self.run.as_mut().filter(|run| run.job == *job) {
                    run.take(event, now);
                    self.log.event(now, event, &run.board);
                }
            }
            Msg::Planned { job, result } => {
                if let Some(run) = self.run.as_mut().filter(|run| run.job == *job) {
                    run.planned(result.as_ref().map(|plan| plan.as_ref().clone()).map_err(Clone::clone), now);
                }
            }
            Msg::Ended { job, result } => {
                if let Some(run) = self.run.as_mut().filter(|run| run.job == *job) {
                    run.ended(result.clone(), now);
                    self.fleet.take_run(&run.board, now);
                    self.fleet.hurry();
                    let mut effects = self.look();
                    effects.push(Effect::Remember(self.fleet.seen()));
                    return effects;
                }
            }
            Msg::Wizard(msg) => {
                let mut effects = self.tell_wizard(msg.clone());
                if let wizard::Msg::Saved { result: Ok(_), .. } = msg {
                    effects.extend(self.take_saved());
                }
                return effects;
            }
            Msg::Answers(federation) => return self.take_changed(federation),
            Msg::PipelineSaved(Ok(_)) => {
                if let Some(opened) = self.opened.as_mut() {
                    opened.own = true;
                }
            }
            Msg::Notice(text) => self.log.notice(now, text),
            _ => {}
        }
        Vec::new()
    }

    /// The answers were saved: the panes are theirs now.
    fn take_saved(&mut self) -> Vec<Effect> {
        let Some(federation) = self.wizard.as_ref().and_then(|model| model.federation().ok()) else {
            return Vec::new();
        };
        self.fleet.take_answers(&federation);
        if let Some(opened) = self.opened.as_mut() {
            opened.federation = Some(federation);
            opened.own = true;
        }
        Vec::new()
    }

    /// Somebody changed the answers: the panes are those of the new ones, and looks under way begin anew.
    fn take_changed(&mut self, federation: &Federation) -> Vec<Effect> {
        let looking = self.fleet.is_looking();
        self.fleet.take_answers(federation);
        if let Some(opened) = self.opened.as_mut() {
            opened.federation = Some(federation.clone());
        }
        if looking { self.look_now() } else { self.look() }
    }

    /// Looks at everything now, also while panes do not refresh by themselves.
    pub(super) fn look_again(&mut self) -> Vec<Act> {
        if self.is_running() {
            return vec![Act::Say("a run is going on: it sees more than a look".to_owned())];
        }
        self.look_now().into_iter().map(Act::Effect).collect()
    }

    fn look_now(&mut self) -> Vec<Effect> {
        let paused = self.fleet.is_paused();
        self.fleet.hurry();
        self.fleet.set_paused(false);
        let looks = self.look();
        self.fleet.set_paused(paused);
        looks
    }

    /// The looks that are due. While a run goes on, it is the one that looks.
    pub(super) fn look(&mut self) -> Vec<Effect> {
        if !matches!(self.access, Access::Open) || self.is_running() {
            return Vec::new();
        }
        let now = self.seconds();
        let due = self.fleet.due(now);
        due.map(|(round, environments)| Effect::Look { round, environments }).into_iter().collect()
    }
}
