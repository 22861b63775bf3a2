//! Home: one live pane per environment, or a table of them; below, the latest events.

mod feed;
mod header;
mod hints;
mod opened;
mod pane;
mod shown;
mod table;

use std::cell::Cell;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::audit::AuditScreen;
use super::detail::Detail;
use super::doctor::Doctor;
use super::history::History;
use super::inventory::InventoryScreen;
use super::log::LogScreen;
use super::pipeline::Pipeline;
use super::run::Run;
use super::{Act, Id, Screen};
use crate::domain::names::EnvironmentName;
use crate::plan::link::{Link, LinkState};
use crate::tui::canvas::Canvas;
use crate::tui::fleet::Pane;
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::msg::{Command, Effect};
use crate::tui::rotation;
use crate::tui::running::Phase;
use crate::tui::shared::{Access, Shared};
use crate::tui::widgets::filter::{Filter, Typed};
use crate::tui::widgets::pick::Pick;
use shown::Shown;
pub(in crate::tui) use shown::severity;

/// Seconds between two looks that `+` and `-` go through.
const RHYTHMS: [i64; 9] = [5, 10, 15, 30, 60, 120, 300, 600, 900];

/// How environments are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Layout {
    /// Panes while they fit, else the table.
    #[default]
    Fitting,
    Panes,
    Table,
}

/// The home screen.
#[derive(Debug, Default)]
pub struct Home {
    /// The chosen environment, by name: the order of a table changes.
    chosen: Option<EnvironmentName>,
    pick: Pick,
    layout: Layout,
    filter: Filter,
    /// The chosen link, while the chosen environment is open.
    link: Option<Pick>,
    /// How many panes stand side by side, as drawn last; 0: the table.
    columns: Cell<usize>,
}

impl Home {
    fn is_table(&self) -> bool {
        self.columns.get() == 0
    }

    /// The environments shown, in the order they are shown.
    fn list<'a>(&self, shared: &'a Shared, table: bool) -> Vec<&'a Pane> {
        let words = self.filter.words();
        let fits = |pane: &&Pane| words.is_empty() || Shown::of(pane, shared).fits(&words);
        let mut list: Vec<&Pane> = shared.fleet.panes().iter().filter(fits).collect();
        if table {
            list.sort_by_cached_key(|pane| std::cmp::Reverse(Shown::of(pane, shared).badness()));
        }
        list
    }

    /// The place of the chosen environment.
    fn place(&self, list: &[&Pane]) -> usize {
        let known = |name: &EnvironmentName| list.iter().position(|pane| pane.info.name == *name);
        self.chosen.as_ref().and_then(known).unwrap_or_else(|| self.pick.place(list.len()))
    }

    fn chosen<'a>(&self, shared: &'a Shared) -> Option<&'a Pane> {
        let list = self.list(shared, self.is_table());
        list.get(self.place(&list)).copied()
    }

    fn choose(&mut self, at: usize, shared: &Shared) {
        let list = self.list(shared, self.is_table());
        self.pick.set(at);
        self.chosen = list.get(self.pick.place(list.len())).map(|pane| pane.info.name.clone());
    }

    fn step(&mut self, motion: Motion, shared: &Shared) {
        let count = self.list(shared, self.is_table());
        let place = self.place(&count);
        let count = count.len();
        self.pick.set(place);
        match (self.is_table(), motion) {
            // A table has no left and right.
            (true, Motion::Left | Motion::Right) => {}
            (true, motion) => self.pick.step(motion, count, 1),
            (false, motion) => self.pick.step(motion, count, self.columns.get()),
        }
        self.choose(self.pick.place(count), shared);
    }

    /// Opens the chosen environment, or the chosen link of an open one.
    fn enter(&mut self, shared: &Shared) -> Vec<Act> {
        let Some(pane) = self.chosen(shared) else {
            let empty = shared.fleet.panes().is_empty() && matches!(shared.access, Access::Open);
            return if empty { vec![Act::Setup] } else { Vec::new() };
        };
        let name = pane.info.name.clone();
        match &self.link {
            Some(pick) => {
                let link = Link::ALL[pick.place(Link::ALL.len())];
                vec![Act::Push(Box::new(Detail::new(name, link))), Act::Effect(Effect::ReadCalls)]
            }
            None => {
                let worst = Shown::of(pane, shared).worst_link();
                self.link = Some(Pick::at(worst));
                self.chosen = Some(name);
                Vec::new()
            }
        }
    }

    /// A key while an environment is open; none: as if it were not.
    fn press_link(&mut self, press: Press) -> Option<Vec<Act>> {
        let pick = self.link.as_mut()?;
        if press.code == KeyCode::Esc {
            self.link = None;
            return Some(Vec::new());
        }
        let motion = press.motion(true)?;
        match motion {
            Motion::Left => self.link = None,
            Motion::Right => {}
            motion => pick.step(motion, Link::ALL.len(), 1),
        }
        Some(Vec::new())
    }

    fn press_filter(&mut self, press: Press, shared: &Shared) -> Option<Vec<Act>> {
        match self.filter.press(press)? {
            Typed::Moved(motion) => self.step(motion, shared),
            Typed::Changed => self.begin_anew(),
            Typed::Cleared | Typed::Kept => {}
        }
        Some(Vec::new())
    }

    /// The list is another one: its first is chosen.
    fn begin_anew(&mut self) {
        self.chosen = None;
        self.pick.set(0);
    }

    fn rhythm(shared: &mut Shared, longer: bool) -> Vec<Act> {
        let now = shared.fleet.interval();
        let next = match longer {
            true => RHYTHMS.iter().find(|seconds| **seconds > now),
            false => RHYTHMS.iter().rev().find(|seconds| **seconds < now),
        };
        let Some(next) = next else {
            return vec![Act::Say(format!("looks every {} s: there is nothing beyond", now))];
        };
        shared.fleet.set_interval(*next);
        let mut text = format!("looks every {next} s now");
        if shared.fleet.pause() > *next {
            let (pause, count) = (shared.fleet.pause(), shared.fleet.panes().len());
            text = format!("{text}; with {count} environments it takes {pause} s");
        }
        vec![Act::Say(text)]
    }

    /// Plans a rotation of the chosen environment, where the pane tells that there is one to go on with or to begin.
    fn turn(&self, command: Command, shared: &Shared) -> Vec<Act> {
        let Some(pane) = self.chosen(shared) else { return Vec::new() };
        let name = pane.info.name.clone();
        let known = match command {
            Command::Rollback => rotation::waits(pane).is_some(),
            _ => rotation::waits(pane).is_some() || rotation::holds_key(pane),
        };
        if known {
            return vec![Act::Run(command, vec![name])];
        }
        let what = match command {
            Command::Rollback => "no rotation is seen that could be rolled back",
            _ => "its connection was not seen to hold an access key",
        };
        vec![Act::Say(format!("{name}: {what}; r shows every key"))]
    }

    /// A single letter.
    fn letter(&mut self, letter: char, shared: &mut Shared) -> Option<Vec<Act>> {
        let open = matches!(shared.access, Access::Open);
        let any = !shared.fleet.panes().is_empty();
        Some(match letter {
            's' if open => vec![Act::Setup],
            'v' if open && any => {
                let chosen = self.chosen(shared)?;
                let name = chosen.info.name.clone();
                match is_set_up(chosen) {
                    true => vec![Act::Run(Command::Verify, vec![name])],
                    false => vec![Act::Say(format!("{name} is not set up yet: s sets it up and proves it"))],
                }
            }
            'V' if open && any && shared.fleet.panes().iter().any(is_set_up) => {
                vec![Act::Run(Command::Verify, Vec::new())]
            }
            'V' if open && any => {
                vec![Act::Say("nothing is set up yet: s sets it up and proves it".to_owned())]
            }
            'o' if open && any => self.turn(Command::Rotate, shared),
            'b' if open && any => self.turn(Command::Rollback, shared),
            'd' if open && any => Doctor::begin(),
            'r' if open && any => InventoryScreen::begin(),
            'a' if open && any => AuditScreen::begin(),
            'P' if open && any => vec![Act::Push(Box::new(Pipeline::of(shared)))],
            'w' if has_run(shared) => vec![Act::Push(Box::new(Run::default()))],
            'o' if matches!(shared.access, Access::Failed(_)) => {
                vec![Act::Effect(Effect::Open { practice: shared.asked.clone() })]
            }
            '/' if any => {
                self.filter.begin();
                self.link = None;
                Vec::new()
            }
            't' if any => {
                self.layout = if self.is_table() { Layout::Panes } else { Layout::Table };
                self.link = None;
                Vec::new()
            }
            'p' if any => {
                let paused = !shared.fleet.is_paused();
                shared.fleet.set_paused(paused);
                let text = if paused { "panes stay as they are; R looks again" } else { "looks by itself" };
                let mut acts = vec![Act::Say(text.to_owned())];
                acts.extend(shared.look().into_iter().map(Act::Effect));
                acts
            }
            'R' if open && any => shared.look_again(),
            '+' | '=' if any => Self::rhythm(shared, true),
            '-' if any => Self::rhythm(shared, false),
            'L' => vec![Act::Push(Box::new(LogScreen::default()))],
            'H' if shared.opened.is_some() => {
                vec![Act::Push(Box::new(History::default())), Act::Effect(Effect::ReadHistory)]
            }
            _ => return None,
        })
    }
}

/// Whether there is a run to be watched, or its end to be read.
fn has_run(shared: &Shared) -> bool {
    shared.run.as_ref().is_some_and(|run| matches!(run.phase, Phase::Going | Phase::Over))
}

impl Screen for Home {
    fn id(&self) -> Id {
        Id::Home
    }

    fn about(&self) -> &'static str {
        "One pane per environment: its account, its branches, and the chain from sign-in to handshake in the order its \
         links depend on each other. The verdict comes last; only a real pipeline run makes it proven. Panes refresh by \
         themselves; that only reads. Where panes do not fit, a table shows one environment a line, the worst first."
    }

    fn hints(&self, shared: &Shared) -> Vec<Hint> {
        hints::hints(self, shared)
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        if self.filter.is_typing() {
            return self.press_filter(press, shared);
        }
        if let Some(acts) = self.press_link(press) {
            return Some(acts);
        }
        if press == Press::ctrl('r') && matches!(shared.access, Access::Open) {
            return Some(shared.look_again());
        }
        if let Some(motion) = press.motion(true) {
            self.step(motion, shared);
            return Some(Vec::new());
        }
        match press.code {
            KeyCode::Enter => Some(self.enter(shared)),
            KeyCode::Esc if self.filter.clear() => Some(Vec::new()),
            _ => self.letter(press.text()?, shared),
        }
    }

    fn paste(&mut self, text: &str, _shared: &mut Shared) -> Vec<Act> {
        if self.filter.paste(text) {
            self.begin_anew();
        }
        Vec::new()
    }

    fn pick(&mut self, item: usize, shared: &mut Shared) -> Vec<Act> {
        if let Some(pick) = self.link.as_mut() {
            let again = pick.place(Link::ALL.len()) == item;
            pick.set(item);
            return if again { self.enter(shared) } else { Vec::new() };
        }
        let list = self.list(shared, self.is_table());
        let again = self.place(&list) == item;
        self.choose(item, shared);
        if again { self.enter(shared) } else { Vec::new() }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        let area = header::draw(canvas, area, shared);
        let panes = shared.fleet.panes();
        if panes.is_empty() {
            return header::draw_nothing(canvas, area, shared);
        }
        let mut area = area;
        if self.filter.is_seen() {
            let line = Rect { x: area.x + 1, width: area.width - 1, height: 1, ..area };
            area = Rect { y: area.y + 1, height: area.height - 1, ..area };
            self.filter.draw(canvas, line);
        }
        let fit = pane::fit(area, panes.len());
        let table = match self.layout {
            Layout::Fitting => !fit.is_some_and(|fit| fit.holds(panes.len())),
            Layout::Panes => fit.is_none(),
            Layout::Table => true,
        };
        let fit = fit.filter(|_| !table);
        self.columns.set(fit.map_or(0, |fit| fit.columns));
        let list = self.list(shared, table);
        let place = self.place(&list);
        if list.is_empty() {
            return header::draw_unmatched(canvas, area, panes.len());
        }
        if let (Some(pick), Some(pane)) = (&self.link, list.get(place)) {
            let chosen = Some(pick.place(Link::ALL.len()));
            return opened::draw(canvas, area, &Shown::of(pane, shared), chosen);
        }
        match fit {
            Some(fit) => pane::draw_grid(canvas, area, shared, &fit, &list, (place, &self.pick)),
            None => table::draw(canvas, area, shared, &list, (place, &self.pick)),
        }
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }

    fn counts_seconds(&self, shared: &Shared) -> bool {
        shared.is_running()
            || shared.fleet.panes().iter().any(|pane| pane.backs_off(shared.seconds()).is_some())
    }
}

/// Whether there is something to prove: connection and role are there, as far as was seen.
fn is_set_up(pane: &Pane) -> bool {
    let absent = |link: Link| pane.link(link).is_some_and(|status| status.state == LinkState::Absent);
    !absent(Link::Connection) && !absent(Link::Role)
}
