//! The whole full-screen program as data: a stack of screens over what they share.

use crossterm::event::{Event as Input, KeyCode, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::canvas::{Canvas, Hit};
use super::keys::{Hint, Press};
use super::msg::{Command, Effect, Job, Msg, Opened, TerminalEffect};
use super::running::{Phase, Running, Stopping};
use super::screens::ask::Ask;
use super::screens::doctor::Doctor;
use super::screens::help::Help;
use super::screens::home::Home;
use super::screens::palette::Palette;
use super::screens::review::Review;
use super::screens::run::Run;
use super::screens::setup::Setup;
use super::screens::welcome::Welcome;
use super::screens::{Act, Id, Screen};
use super::shared::{Access, Shared};
use super::theme::Theme;
use crate::domain::names::EnvironmentName;
use crate::explain::signs::Paint;
use crate::wizard::{self, PageId};

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
                let mut repairs = false;
                if let Some(goal) = welcome {
                    self.stack = vec![Box::new(Home::default())];
                    self.goal = if goal == wizard::Goal::Repair { Goal::Look } else { Goal::Setup };
                    repairs = goal == wizard::Goal::Repair;
                    if goal == wizard::Goal::Rotate {
                        opened.start.goal = goal;
                    }
                }
                self.shared.open(*opened);
                effects.extend(self.shared.look());
                // What is to be mended is found by the doctor, where there are answers to hold it against.
                if repairs && !self.shared.fleet.panes().is_empty() {
                    self.act(Doctor::begin(), effects);
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

    /// A signal from outside: what runs is stopped between writes, and then the program ends.
    fn signal(&mut self, effects: &mut Vec<Effect>) {
        if self.shared.is_running() {
            self.leaving = true;
            self.stop(effects);
        } else {
            self.end(effects);
        }
    }

    fn input(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Key(event) => {
                if let Some(press) = Press::from(&event) {
                    self.press(press, effects);
                }
            }
            Input::Paste(text) => {
                if let Some(screen) = self.stack.last_mut() {
                    let acts = screen.paste(&text, &mut self.shared);
                    self.act(acts, effects);
                }
            }
            Input::Mouse(event) => self.mouse(event, effects),
            Input::Resize(width, height) => self.size = (width, height),
            Input::FocusGained | Input::FocusLost => {}
        }
    }

    fn mouse(&mut self, event: MouseEvent, effects: &mut Vec<Effect>) {
        let arrow = match event.kind {
            MouseEventKind::ScrollUp => KeyCode::Up,
            MouseEventKind::ScrollDown => KeyCode::Down,
            MouseEventKind::Down(MouseButton::Left) => {
                let place = Position { x: event.column, y: event.row };
                // What was drawn last lies on top.
                let hit = self.hits.iter().rev().find(|(area, _)| area.contains(place)).map(|(_, hit)| hit);
                match hit.cloned() {
                    Some(Hit::Key(press)) => self.press(press, effects),
                    Some(Hit::Item(item)) => {
                        if let Some(screen) = self.stack.last_mut() {
                            let acts = screen.pick(item, &mut self.shared);
                            self.act(acts, effects);
                        }
                    }
                    None => {}
                }
                return;
            }
            _ => return,
        };
        self.press(Press::of(arrow), effects);
    }

    fn press(&mut self, press: Press, effects: &mut Vec<Effect>) {
        if press == Press::ctrl('c') {
            return self.interrupt(effects);
        }
        let Some(screen) = self.stack.last_mut() else { return };
        if let Some(acts) = screen.press(press, &mut self.shared) {
            return self.act(acts, effects);
        }
        let typing = screen.is_typing();
        if let Some(acts) = self.global(press, typing) {
            self.act(acts, effects);
        }
    }

    /// The keys that work on every screen.
    fn global(&mut self, press: Press, typing: bool) -> Option<Vec<Act>> {
        if press == Press::ctrl('k') {
            return Some(vec![self.palette()]);
        }
        if press == Press::ctrl('z') {
            return Some(vec![Act::Effect(Effect::Terminal(TerminalEffect::Suspend))]);
        }
        if press == Press::ctrl('l') {
            return Some(vec![Act::Effect(Effect::Terminal(TerminalEffect::Redraw))]);
        }
        if press.code == KeyCode::Esc {
            return (self.stack.len() > 1).then(|| vec![Act::Pop]);
        }
        match press.text().filter(|_| !typing)? {
            '?' => Some(vec![Act::Push(Box::new(Help::of(self.stack.last()?.as_ref(), &self.shared)))]),
            ':' => Some(vec![self.palette()]),
            'q' => Some(vec![Act::Quit]),
            'M' => Some(self.take_mouse()),
            'T' => {
                self.shared.theme = self.shared.theme.next();
                let palette = self.shared.theme.palette;
                Some(vec![Act::Say(format!("colours: {}", format!("{palette:?}").to_lowercase()))])
            }
            _ => None,
        }
    }

    fn take_mouse(&mut self) -> Vec<Act> {
        self.shared.mouse = !self.shared.mouse;
        let text = match self.shared.mouse {
            true => "the mouse works here",
            false => "the mouse is the terminal's again: text can be selected with it",
        };
        let effect = Effect::Terminal(TerminalEffect::Mouse(self.shared.mouse));
        vec![Act::Effect(effect), Act::Say(text.to_owned())]
    }

    fn palette(&self) -> Act {
        let hints = self.stack.last().map(|screen| screen.hints(&self.shared)).unwrap_or_default();
        Act::Push(Box::new(Palette::new(hints, &self.shared)))
    }

    /// ctrl-c: stops a run between writes, then at once; without a run it ends the program.
    fn interrupt(&mut self, effects: &mut Vec<Effect>) {
        let planning = self.shared.run.as_ref().is_some_and(|run| run.phase == Phase::Planning);
        let now = self.shared.seconds();
        let just_stopped = |run: &Running| {
            run.over.is_some_and(|over| now - over < HELD_FOR) && run.stopping != Stopping::No
        };
        // The second press of a person who means the run, not the program.
        if self.shared.run.as_ref().is_some_and(just_stopped)
            && self.stack.iter().any(|screen| screen.id() == Id::Run)
        {
            return self.say("the run has stopped; q ends keyless".to_owned());
        }
        if self.shared.is_running() {
            self.stop(effects);
        } else if planning && self.stack.last().is_some_and(|screen| screen.id() == Id::Review) {
            self.press(Press::of(KeyCode::Esc), effects);
        } else {
            self.end(effects);
        }
    }

    fn stop(&mut self, effects: &mut Vec<Effect>) {
        let Some(run) = self.shared.run.as_mut() else { return };
        let (effect, text) = match run.stopping {
            Stopping::No => {
                run.stopping = Stopping::BetweenWrites;
                let text =
                    "stopping: the write at hand is finished, no other is begun; ctrl-c again drops it";
                (Effect::Stop(run.job), text)
            }
            Stopping::BetweenWrites => {
                run.stopping = Stopping::AtOnce;
                (Effect::Drop(run.job), "dropped; what was under way is looked at before anything else")
            }
            Stopping::AtOnce => return,
        };
        effects.push(effect);
        self.say(text.to_owned());
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

    /// Only the home screen stays; a run that the doctor or the inventory began leads back to it.
    fn home(&mut self) {
        let from_run = self.stack.last().is_some_and(|screen| screen.id() == Id::Run);
        let began = |screen: &Box<dyn Screen>| matches!(screen.id(), Id::Doctor | Id::Inventory);
        match self.stack.iter().rposition(began) {
            Some(begun) if from_run => self.stack.truncate(begun + 1),
            _ => {
                self.stack.clear();
                self.pop();
            }
        }
    }

    fn pop(&mut self) {
        self.stack.pop();
        if self.stack.is_empty() {
            self.stack.push(match self.shared.access {
                Access::Unchosen => Box::new(Welcome::default()),
                _ => Box::new(Home::default()),
            });
        }
    }

    fn setup(&mut self, effects: &mut Vec<Effect>) {
        if !matches!(self.shared.access, Access::Open) {
            self.goal = Goal::Setup;
            return;
        }
        if self.shared.is_running() {
            return self.show_run();
        }
        // A command that is looked at, or over, gives way.
        if let Some(job @ Job::Command(_)) = self.shared.run.as_ref().map(|run| run.job) {
            effects.push(Effect::Forget(job));
            self.shared.run = None;
            self.stack.retain(|screen| !is_flow(screen.id()));
        }
        effects.extend(self.shared.begin_wizard());
        if !self.stack.iter().any(|screen| is_flow(screen.id())) {
            self.stack.push(Box::new(Setup::of(&self.shared)));
        }
    }

    /// The run that goes on, instead of another one.
    fn show_run(&mut self) {
        if !self.stack.iter().any(|screen| is_flow(screen.id())) {
            self.stack.push(Box::new(Run::default()));
        }
        self.say("a run is going on: wait for it, or stop it with ctrl-c".to_owned());
    }

    fn run(&mut self, command: Command, environments: Vec<EnvironmentName>, effects: &mut Vec<Effect>) {
        if self.shared.is_running() {
            return self.show_run();
        }
        if !matches!(self.shared.access, Access::Open) {
            return self.say("the clouds are not open yet".to_owned());
        }
        self.forget_plan(effects);
        let job = self.shared.next_job();
        let mut run = Running::new(job, command.as_str(), self.shared.seconds());
        run.asked = Some((command.clone(), environments.clone()));
        self.shared.run = Some(run);
        // The plan the wizard looked at gives way to this one.
        effects.extend(self.shared.tell_wizard(wizard::Msg::Forgotten));
        effects.push(Effect::Prepare { job, command, environments });
        self.stack.retain(|screen| !is_flow(screen.id()));
        self.stack.push(Box::new(Review::default()));
    }

    /// Forgets a plan that nobody approved: made or still being made, it holds the right to write.
    fn forget_plan(&mut self, effects: &mut Vec<Effect>) {
        let Some(run) =
            self.shared.run.take_if(|run| matches!(run.phase, Phase::Planning | Phase::Reviewing))
        else {
            return;
        };
        effects.push(Effect::Forget(run.job));
        if matches!(run.job, Job::Wizard(_)) {
            effects.extend(self.shared.tell_wizard(wizard::Msg::Forgotten));
        }
    }

    /// Shows the screen that belongs to the page the wizard is on.
    fn follow_wizard(&mut self) {
        let Some(page) = self.shared.wizard.as_ref().map(wizard::Model::at) else { return };
        let wanted = match page {
            PageId::Review => Id::Review,
            PageId::Run | PageId::Done => Id::Run,
            _ => Id::Setup,
        };
        if self.shared.run.as_ref().is_some_and(|run| matches!(run.job, Job::Command(_))) {
            return;
        }
        let Some(at) = self.stack.iter().position(|screen| is_flow(screen.id())) else { return };
        if self.stack[at].id() != wanted {
            self.stack[at] = match wanted {
                Id::Review => Box::new(Review::default()),
                Id::Run => Box::new(Run::default()),
                _ => Box::new(Setup::of(&self.shared)),
            };
        }
    }

    /// Draws everything; gives the place of the cursor where one is shown.
    pub fn draw(&mut self, buffer: &mut Buffer) -> Option<Position> {
        let area = buffer.area;
        self.size = (area.width, area.height);
        self.hits.clear();
        let mut hits = std::mem::take(&mut self.hits);
        let mut canvas = Canvas::new(self.shared.theme, self.shared.seconds(), buffer, &mut hits);
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            let (width, height) = SMALLEST;
            let text = format!(
                "keyless needs {width}x{height}, this is {}x{}; `keyless --plain` needs less",
                area.width, area.height
            );
            let span = canvas.span(Paint::Plain, text);
            canvas.line(area, 0, &[span]);
        } else {
            self.draw_screens(&mut canvas, area);
        }
        let cursor = canvas.cursor();
        self.hits = hits;
        cursor
    }

    fn draw_screens(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let above = Rect { height: area.height - 1, ..area };
        let foot = Rect { y: area.bottom() - 1, height: 1, ..area };
        let first = self.stack.iter().rposition(|screen| !screen.is_overlay()).unwrap_or(0);
        for screen in self.stack.iter().skip(first) {
            screen.draw(canvas, above, &self.shared);
        }
        if let Some(screen) = self.stack.last() {
            self.draw_foot(canvas, foot, screen.as_ref());
        }
    }

    /// The bottom line: what was just said, else the keys that work now. What does not fit is in the help.
    fn draw_foot(&self, canvas: &mut Canvas<'_>, foot: Rect, screen: &dyn Screen) {
        use super::theme::Role;
        if let Some((text, _)) = &self.said {
            let span = canvas.span(Paint::Warn, format!(" {text}"));
            canvas.line(foot, 0, &[span]);
            return;
        }
        let mut hints = screen.hints(&self.shared);
        let last = match screen.is_typing() {
            true => Hint::new("ctrl-k", "commands", Press::ctrl('k'), ""),
            false => Hint::new("?", "help", Press::letter('?'), ""),
        };
        let width =
            |hint: &Hint| u16::try_from(hint.key.len() + hint.does.chars().count() + 3).unwrap_or(u16::MAX);
        let mut room = foot.width.saturating_sub(width(&last) + 1);
        hints.retain(|hint| {
            let fits = width(hint) <= room;
            room = if fits { room - width(hint) } else { 0 };
            fits
        });
        hints.push(last);
        let mut x = foot.x + 1;
        for hint in hints {
            let place = Rect { x, width: foot.right().saturating_sub(x), ..foot };
            let spans = [
                canvas.role(Role::Key, hint.key),
                canvas.span(Paint::Plain, " "),
                canvas.span(Paint::Dim, &hint.does),
            ];
            let used = canvas.line(place, 0, &spans);
            if let Some(press) = hint.press {
                canvas.hit(Rect { width: used, ..place }, Hit::Key(press));
            }
            x = x.saturating_add(used + 2);
        }
    }
}
