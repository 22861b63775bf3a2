//! The whole full-screen program as data: a stack of screens over what they share.

mod draw;
mod flow;
mod input;

use ratatui::layout::Rect;

use super::canvas::Hit;
use super::msg::{Effect, Msg, Opened, TerminalEffect};
use super::screens::ask::Ask;
use super::screens::doctor::Doctor;
use super::screens::home::Home;
use super::screens::inventory::InventoryScreen;
use super::screens::welcome::Welcome;
use super::screens::{Act, Id, Screen};
use super::shared::{Access, Shared};
use super::theme::Theme;
use crate::wizard;

/// The smallest screen that is drawn, in columns and rows.
pub const SMALLEST: (u16, u16) = (60, 16);
/// How long after a stopped run ctrl-c still means that run, in seconds.
const HELD_FOR: i64 = 3;
/// How long something said at the foot stays, in milliseconds.
const SAID_FOR: i64 = 4_000;

/// How the program begins.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Begin {
    /// Colours and characters.
    pub theme: Theme,
    /// Now, in milliseconds since 1970.
    pub now: i64,
    /// The clouds to open at once: `Some(None)` the real ones; none: the person is asked.
    pub open: Option<Option<String>>,
    /// What is known before the clouds are open: answers, and what was seen last.
    pub opened: Option<Opened>,
    /// Seconds between two looks; none: the usual.
    pub interval: Option<i64>,
    /// Whether the mouse is left to the terminal.
    pub no_mouse: bool,
}

/// The program.
#[derive(Debug)]
pub struct Program {
    shared: Shared,
    stack: Vec<Box<dyn Screen>>,
    size: (u16, u16),
    hits: Vec<(Rect, Hit)>,
    said: Option<(String, i64)>,
    /// What the person wanted while the clouds were being opened.
    goal: Goal,
    /// Whether the program ends with the run that goes on.
    leaving: bool,
    quit: bool,
}

/// Whether a screen is a stage of setup or of a command: there is at most one of them.
fn is_flow(id: Id) -> bool {
    matches!(id, Id::Setup | Id::Review | Id::Run)
}

/// What comes after the clouds are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The panes.
    Look,
    /// The wizard.
    Setup,
}

impl Program {
    /// A program that has drawn nothing yet, and what it wants done first.
    pub fn new(begin: Begin) -> (Self, Vec<Effect>) {
        let mut shared = Shared::new(begin.theme, begin.now);
        shared.mouse = !begin.no_mouse;
        if let Some(interval) = begin.interval {
            shared.fleet.set_interval(interval);
        }
        if let Some(opened) = begin.opened {
            shared.open(opened);
        }
        let mut effects = Vec::new();
        let first: Box<dyn Screen> = match begin.open {
            Some(practice) => {
                shared.access = Access::Opening;
                shared.asked.clone_from(&practice);
                effects.push(Effect::Open { practice });
                Box::new(Home::default())
            }
            None => {
                shared.access = Access::Unchosen;
                shared.begin_welcome();
                Box::new(Welcome::default())
            }
        };
        let program = Self {
            shared,
            stack: vec![first],
            size: (80, 24),
            hits: Vec::new(),
            said: None,
            goal: Goal::Look,
            leaving: false,
            quit: false,
        };
        (program, effects)
    }

    /// What the screens share.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.quit
    }

    /// Whether what is typed now is a secret.
    pub fn is_secret(&self) -> bool {
        self.stack.last().is_some_and(|screen| screen.is_secret())
    }

    /// Whether letters are text now.
    pub fn is_typing(&self) -> bool {
        self.stack.last().is_some_and(|screen| screen.is_typing())
    }

    /// The name of the screen on top.
    pub fn screen(&self) -> &'static str {
        self.stack.last().map_or("", |screen| screen.id().name())
    }

    /// When the program must be told the time, in milliseconds since 1970; none: not before something happens.
    pub fn next_wake(&self) -> Option<i64> {
        let shared = &self.shared;
        let open = matches!(shared.access, Access::Open) && !shared.is_running();
        let due = shared.fleet.next_due().filter(|_| open).map(|due| due * 1000);
        let said = self.said.as_ref().map(|(_, until)| *until);
        let counts = self.stack.iter().any(|screen| screen.counts_seconds(shared));
        let second = counts.then_some((shared.now / 1000 + 1) * 1000);
        // Ages are shown in minutes.
        let minute = (!shared.fleet.panes().is_empty()).then_some((shared.now / 60_000 + 1) * 60_000);
        [due, said, second, minute].into_iter().flatten().min()
    }

    /// Takes one message. Pure: what must be done outside comes back as effects.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        let mut effects = Vec::new();
        match msg {
            Msg::Input(input) => self.input(input, &mut effects),
            Msg::Opened(result) => self.opened(result, &mut effects),
            Msg::Signal => self.signal(&mut effects),
            Msg::PlanSaved(ref result) => {
                let text = match result {
                    Ok(path) => format!("plan saved to {path}"),
                    Err(failure) => crate::explain::failure(failure).cause,
                };
                self.say(text);
                self.tell(&msg, &mut effects);
            }
            msg => {
                if matches!(msg, Msg::Ended { .. }) {
                    // What was said of the run while it went on is over with it.
                    self.said = None;
                }
                effects.extend(self.shared.take(&msg));
                self.tell(&msg, &mut effects);
            }
        }
        self.follow_wizard();
        if !self.stack.iter().any(|screen| is_flow(screen.id())) {
            self.forget_plan(&mut effects);
        }
        if self.leaving && !self.shared.is_running() && !self.quit {
            self.end(&mut effects);
        }
        if self.said.as_ref().is_some_and(|(_, until)| *until <= self.shared.now) {
            self.said = None;
        }
        effects
    }

    fn tell(&mut self, msg: &Msg, effects: &mut Vec<Effect>) {
        for at in 0..self.stack.len() {
            let Some(screen) = self.stack.get_mut(at) else { break };
            let acts = screen.told(msg, &mut self.shared);
            self.act(acts, effects);
        }
    }

    fn opened(
        &mut self,
        result: Result<Box<Opened>, crate::domain::failure::Failure>,
        effects: &mut Vec<Effect>,
    ) {
        match result {
            Ok(mut opened) => {
                let welcome = self.shared.welcome.take().map(|(_, goal)| goal);
                if let Some(goal) = welcome {
                    self.stack = vec![Box::new(Home::default())];
                    self.goal = if goal == wizard::Goal::Repair { Goal::Look } else { Goal::Setup };
                    if goal == wizard::Goal::Rotate {
                        opened.start.goal = goal;
                    }
                }
                self.shared.open(*opened);
                effects.extend(self.shared.look());
                // Where there are answers, the doctor finds what is to be mended, and the inventory what is to be rotated.
                match welcome.filter(|_| !self.shared.fleet.panes().is_empty()) {
                    Some(wizard::Goal::Repair) => self.act(Doctor::begin(), effects),
                    Some(wizard::Goal::Rotate) => {
                        self.goal = Goal::Look;
                        self.act(InventoryScreen::begin(), effects);
                    }
                    Some(wizard::Goal::Onboard) | None => {}
                }
                if self.goal == Goal::Setup {
                    self.goal = Goal::Look;
                    self.act(vec![Act::Setup], effects);
                }
            }
            Err(failure) => {
                let mut cause = crate::explain::failure(&failure).cause;
                if let Some(first) = failure.evidence.first() {
                    cause = format!("{cause} ({}: {})", first.label, first.value);
                }
                self.shared.log.notice(self.shared.seconds(), &cause);
                if let Some((generation, _)) = self.shared.welcome.take() {
                    let result = Box::new(Err(cause));
                    effects.extend(self.shared.tell_wizard(wizard::Msg::Opened { generation, result }));
                }
                // Nobody looks at what was open before.
                self.shared.fleet.hold();
                self.shared.access = Access::Failed(failure);
            }
        }
    }

    fn end(&mut self, effects: &mut Vec<Effect>) {
        self.quit = true;
        effects.push(Effect::Terminal(TerminalEffect::Quit));
    }

    fn say(&mut self, text: String) {
        self.said = Some((text, self.shared.now + SAID_FOR));
    }

    fn act(&mut self, acts: Vec<Act>, effects: &mut Vec<Effect>) {
        for act in acts {
            match act {
                Act::Effect(Effect::Open { practice }) => {
                    self.shared.access = Access::Opening;
                    self.shared.asked.clone_from(&practice);
                    effects.push(Effect::Open { practice });
                }
                Act::Effect(effect) => effects.push(effect),
                Act::Push(screen) => self.stack.push(screen),
                Act::Pop => self.pop(),
                Act::Replace(screen) => {
                    self.pop();
                    self.stack.push(screen);
                }
                Act::Home => self.home(),
                Act::Welcome => {
                    self.shared.leave_clouds();
                    self.stack = vec![Box::new(Welcome::default())];
                }
                Act::Wizard(msg) => effects.extend(self.shared.tell_wizard(msg)),
                Act::Setup => self.setup(effects),
                Act::Run(command, environments) => self.run(command, environments, effects),
                Act::Copy(text) => {
                    self.say(format!("copied: {text}"));
                    effects.push(Effect::Terminal(TerminalEffect::Copy(text)));
                }
                Act::Say(text) => self.say(text),
                Act::Press(press) => self.press(press, effects),
                Act::Quit if self.shared.is_running() => self.stack.push(Box::new(Ask::leave())),
                Act::Quit | Act::QuitNow => self.end(effects),
            }
        }
    }
}
