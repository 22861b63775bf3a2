//! The run: what is carried out right now, and how it ended.

mod panes;
mod progress;
mod summary;
mod view;

use std::cell::Cell;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::log::LogScreen;
use super::{Act, Id, Screen};
use crate::domain::names::EnvironmentName;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Press};
use crate::tui::running::{Phase, Running, Stopping};
use crate::tui::shared::Shared;
use crate::tui::widgets::pick::Pick;
use crate::wizard;

use progress::Filter;

/// The run.
#[derive(Debug, Default)]
pub struct Run {
    /// The chosen environment while it goes on, the chosen line of the summary after it.
    pick: Pick,
    filter: Filter,
    /// The environment whose steps are shown.
    opened: Option<EnvironmentName>,
    /// Whether the environments are shown although it has ended.
    looks_back: bool,
    /// Whether the end was seen: the choice begins anew with the summary.
    ended: bool,
    /// Columns, as drawn last.
    columns: Cell<u16>,
}

/// Minutes and seconds, `0:07`; from an hour on `1:02:03`.
pub fn clock(seconds: i64) -> String {
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    match minutes / 60 {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{:02}:{seconds:02}", minutes % 60),
    }
}

impl Run {
    fn run(shared: &Shared) -> Option<&Running> {
        shared.run.as_ref().filter(|run| matches!(run.phase, Phase::Going | Phase::Over))
    }

    fn shows_summary(&self, run: &Running) -> bool {
        run.phase == Phase::Over && !self.looks_back
    }

    /// Plans the same once more: it goes on where the clouds stand.
    fn again(run: &Running) -> Vec<Act> {
        match &run.asked {
            Some((command, environments)) => vec![Act::Run(command.clone(), environments.clone())],
            None => vec![Act::Wizard(wizard::Msg::Retry)],
        }
    }

    fn copied(&self, shared: &Shared, run: &Running) -> Vec<Act> {
        let lines = summary::lines(run, shared, self.columns.get());
        let place = self.pick.place(lines.len());
        // Without a value of its own, a line means the one after it.
        let own = lines.get(place..).and_then(|rest| rest.iter().find_map(|line| line.copy.clone()));
        match own.or_else(|| lines.iter().find_map(|line| line.copy.clone())) {
            Some(text) => vec![Act::Copy(text)],
            None => vec![Act::Say("there is nothing to copy here".to_owned())],
        }
    }

    fn press_going(&mut self, press: Press, run: &Running, shared: &Shared) -> Option<Vec<Act>> {
        let shown = progress::environments(run, self.filter);
        if let Some(motion) = press.motion(true) {
            self.pick.step(motion, shown.len(), 1);
            return Some(Vec::new());
        }
        match press.code {
            KeyCode::Enter => {
                let chosen = shown.get(self.pick.place(shown.len()));
                self.opened = chosen.map(|at| at.status.info.name.clone());
            }
            KeyCode::Char('f') if press.text().is_some() => {
                self.filter = self.filter.next();
                self.pick.set(0);
            }
            KeyCode::Char('e') if press.text().is_some() => {
                return Some(vec![Act::Push(Box::new(LogScreen::default()))]);
            }
            KeyCode::Tab if run.phase == Phase::Over => {
                self.looks_back = false;
                self.pick.set(0);
            }
            KeyCode::Esc if shared.is_running() => return Some(vec![Act::Home]),
            _ => return None,
        }
        Some(Vec::new())
    }

    fn press_summary(&mut self, press: Press, run: &Running, shared: &Shared) -> Option<Vec<Act>> {
        if let Some(motion) = press.motion(true) {
            self.pick.step(motion, summary::lines(run, shared, self.columns.get()).len(), 1);
            return Some(Vec::new());
        }
        match press.code {
            KeyCode::Enter | KeyCode::Esc => Some(vec![Act::Home]),
            KeyCode::Tab => {
                self.looks_back = true;
                self.pick.set(0);
                Some(Vec::new())
            }
            _ => match press.text()? {
                'c' => Some(self.copied(shared, run)),
                'r' => Some(Self::again(run)),
                'e' => Some(vec![Act::Push(Box::new(LogScreen::default()))]),
                _ => None,
            },
        }
    }
}

impl Screen for Run {
    fn id(&self) -> Id {
        Id::Run
    }

    fn about(&self) -> &'static str {
        "The approved plan while it is carried out: every environment with what it is doing, for how long and what it \
         waits for; what is shared stands above, the latest events below. When it has ended: what was proven, what \
         failed and how to heal it, what waits for whom, and where to look."
    }

    fn hints(&self, shared: &Shared) -> Vec<Hint> {
        let home = Hint::new("enter", "home", Press::of(KeyCode::Enter), "To the environments.");
        let Some(run) = Self::run(shared) else { return vec![home] };
        let events = Hint::new("e", "events", Press::letter('e'), "All events, with a filter.");
        if self.opened.is_some() {
            return vec![Hint::new("esc", "close", Press::of(KeyCode::Esc), "Closes the list of steps.")];
        }
        if self.shows_summary(run) {
            return vec![
                home,
                Hint::new("c", "copy", Press::letter('c'), "Copies the link or command of the chosen line."),
                Hint::new("r", "plan again", Press::letter('r'), "Looks anew and shows what is left to do."),
                Hint::new(
                    "tab",
                    "environments",
                    Press::of(KeyCode::Tab),
                    "The environments as the run left them.",
                ),
                events,
            ];
        }
        let mut hints = vec![
            Hint::new("enter", "steps", Press::of(KeyCode::Enter), "The steps of the chosen environment."),
            Hint::new(
                "f",
                "filter",
                Press::letter('f'),
                "Only environments that go on, failed, or are done.",
            ),
            events,
        ];
        if run.is_going() {
            let (does, stop) = match run.stopping {
                Stopping::No => ("stop", "Stops after the write at hand; once more drops it."),
                Stopping::BetweenWrites => {
                    ("drop", "Drops the write at hand; it is looked at before anything else.")
                }
                Stopping::AtOnce => ("", ""),
            };
            if !does.is_empty() {
                hints.insert(0, Hint::new("ctrl-c", does, Press::ctrl('c'), stop));
            }
            hints.push(Hint::new(
                "esc",
                "home",
                Press::of(KeyCode::Esc),
                "To the environments; the run goes on.",
            ));
        } else {
            hints.insert(0, Hint::new("tab", "summary", Press::of(KeyCode::Tab), "How it ended."));
        }
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        let Some(run) = Self::run(shared) else {
            return matches!(press.code, KeyCode::Enter | KeyCode::Esc).then(|| vec![Act::Home]);
        };
        if self.opened.is_some() {
            if matches!(press.code, KeyCode::Esc | KeyCode::Enter) {
                self.opened = None;
                return Some(Vec::new());
            }
            return None;
        }
        if run.phase == Phase::Over && !self.ended {
            self.ended = true;
            self.pick.set(0);
        }
        match self.shows_summary(run) {
            true => self.press_summary(press, run, shared),
            false => self.press_going(press, run, shared),
        }
    }

    fn pick(&mut self, item: usize, shared: &mut Shared) -> Vec<Act> {
        let Some(run) = Self::run(shared) else { return Vec::new() };
        if self.shows_summary(run) {
            let chosen = item == self.pick.place(usize::MAX);
            self.pick.set(item);
            return if chosen { self.copied(shared, run) } else { Vec::new() };
        }
        let shown = progress::environments(run, self.filter);
        if item == self.pick.place(shown.len()) {
            self.opened = shown.get(item).map(|at| at.status.info.name.clone());
        }
        self.pick.set(item);
        Vec::new()
    }

    fn told(&mut self, msg: &crate::tui::msg::Msg, shared: &mut Shared) -> Vec<Act> {
        if matches!(msg, crate::tui::msg::Msg::Ended { .. })
            && Self::run(shared).is_some_and(|run| run.phase == Phase::Over)
        {
            // The summary begins at its top.
            *self = Self { ended: true, ..Self::default() };
        }
        Vec::new()
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        let Some(run) = Self::run(shared) else { return view::without_a_run(canvas, area, shared) };
        self.columns.set(area.width);
        if self.shows_summary(run) {
            view::ended(canvas, area, run, shared, &self.pick);
        } else {
            view::going(canvas, area, run, shared, self.filter, &self.pick);
        }
        if let Some(name) = &self.opened {
            panes::steps(canvas, area, run, name, &shared.invocation());
        }
    }

    fn counts_seconds(&self, shared: &Shared) -> bool {
        shared.is_running()
    }
}
