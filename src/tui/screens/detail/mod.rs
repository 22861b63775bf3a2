//! Detail of one link of one environment: as found, as wanted, what differs, findings, calls, pages; every value can be copied.

mod calls;
mod facts;
mod pages;
mod rows;

use std::cell::Cell;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{Act, Id, Screen};
use crate::domain::names::EnvironmentName;
use crate::explain::signs::{self, Paint};
use crate::plan::link::{Link, LinkState};
use crate::tui::canvas::{Canvas, Hit};
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::msg::{Call, Effect, Msg};
use crate::tui::shared::{Access, Shared};
use crate::tui::theme::Role;
use crate::tui::when;
use crate::tui::widgets::pick::Pick;
use rows::Row;

/// Text is never wider than this: longer lines are hard to read.
const WIDEST: u16 = 140;

/// The detail of a link.
#[derive(Debug)]
pub struct Detail {
    environment: EnvironmentName,
    link: Link,
    /// Chosen among the values that can be copied.
    pick: Pick,
    /// The last calls, newest first; none: they are being read.
    calls: Option<Vec<Call>>,
    /// Columns of text, as drawn last.
    columns: Cell<u16>,
    /// Rows seen, as drawn last.
    height: Cell<u16>,
}

impl Detail {
    /// The detail of a link. Its calls come with [`Effect::ReadCalls`].
    pub fn new(environment: EnvironmentName, link: Link) -> Self {
        Self {
            environment,
            link,
            pick: Pick::default(),
            calls: None,
            columns: Cell::new(78),
            height: Cell::new(20),
        }
    }

    fn rows(&self, shared: &Shared) -> Vec<Row> {
        let columns = usize::from(self.columns.get());
        let mut rows = facts::rows(shared, &self.environment, self.link, columns);
        rows.extend(pages::rows(shared, &self.environment, self.link, columns));
        rows.extend(calls::rows(self.calls.as_deref(), shared, &self.environment, self.link));
        rows
    }

    /// The places of the rows whose value can be copied.
    fn values(rows: &[Row]) -> Vec<usize> {
        (0..rows.len()).filter(|at| rows[*at].copy.is_some()).collect()
    }

    fn step(&mut self, motion: Motion, shared: &Shared) -> Vec<Act> {
        let rows = self.rows(shared);
        let values = Self::values(&rows);
        let place = self.pick.place(values.len());
        // A page is counted in rows, not in values: headings and blanks take room too.
        let page = usize::from(self.height.get().max(2)) - 1;
        let row = values.get(place).copied().unwrap_or(0);
        let next = match motion {
            Motion::Left => return self.turn(false),
            Motion::Right => return self.turn(true),
            Motion::PageDown => {
                values.iter().rposition(|at| *at <= row + page).unwrap_or(place).max(place + 1)
            }
            Motion::PageUp => values.iter().position(|at| *at + page >= row).unwrap_or(0),
            motion => crate::tui::keys::moved(place, motion, values.len(), 1, 1),
        };
        self.pick.set(next.min(values.len().saturating_sub(1)));
        Vec::new()
    }

    /// The link before or after this one.
    fn turn(&mut self, forward: bool) -> Vec<Act> {
        let at = Link::ALL.iter().position(|link| *link == self.link).unwrap_or(0);
        let count = Link::ALL.len();
        self.link = Link::ALL[if forward { (at + 1) % count } else { (at + count - 1) % count }];
        self.pick = Pick::default();
        Vec::new()
    }

    fn copy(&self, shared: &Shared) -> Vec<Act> {
        let rows = self.rows(shared);
        let values = Self::values(&rows);
        let row = values.get(self.pick.place(values.len())).and_then(|at| rows.get(*at));
        row.and_then(|row| row.copy.clone()).map(Act::Copy).into_iter().collect()
    }

    fn draw_head(&self, canvas: &mut Canvas<'_>, line: Rect, shared: &Shared) {
        let title = canvas.role(Role::Accent, self.link.as_str());
        let of = canvas.span(Paint::Plain, format!(" of {}", self.environment));
        canvas.line(line, 0, &[title, of]);
        let Some(pane) = shared.fleet.pane(&self.environment) else { return };
        let age = pane.seen.map(|seen| format!("seen {}", when::ago(shared.seconds() - seen)));
        let age = match (age, pane.old) {
            (None, _) => "not looked at yet".to_owned(),
            (Some(age), false) => age,
            (Some(age), true) => format!("{age}, before this start"),
        };
        let age = canvas.span(if pane.old { Paint::Warn } else { Paint::Dim }, age);
        canvas.line_right(line, 0, &[age]);
        let status = pane.link(self.link);
        let state = status.map_or(LinkState::Unknown, |status| status.state);
        let (glyph, paint) = signs::state(state).drawn(canvas.theme.ascii);
        let detail = status.map_or("not looked at yet", |status| status.detail.as_str());
        let span = canvas.span(paint, format!("{glyph} {}: {detail}", state.as_str()));
        canvas.line(Rect { y: line.y + 1, ..line }, 0, &[span]);
    }
}

impl Screen for Detail {
    fn id(&self) -> Id {
        Id::Detail
    }

    fn about(&self) -> &'static str {
        "One link of one environment: what was found, how it differs from what is wanted, what should be known about it, \
         where to see it, and the last calls with the ids the services gave them. The chosen value can be copied. Left \
         and right go along the chain."
    }

    fn hints(&self, shared: &Shared) -> Vec<Hint> {
        let mut hints = vec![
            Hint::new(
                "c",
                "copy",
                Press::letter('c'),
                "Copies the chosen value; of a document its first line copies all of it.",
            ),
            Hint::keys("up/down", "choose", "Chooses a value; j and k too."),
            Hint::keys("left/right", "link", "Shows the link before or after this one."),
            Hint::new(
                "R",
                "look again",
                Press::letter('R'),
                "Looks at every environment now and reads the calls again.",
            ),
            Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back to the panes."),
        ];
        if matches!(shared.access, Access::Open) && !shared.is_running() {
            let help = "Plans whatever is not as wanted, and shows the plan before anything is written.";
            hints.insert(1, Hint::new("s", "set up", Press::letter('s'), help));
        }
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        if let Some(motion) = press.motion(true) {
            return Some(self.step(motion, shared));
        }
        match press.code {
            KeyCode::Enter => Some(self.copy(shared)),
            _ => match press.text()? {
                'c' | 'y' => Some(self.copy(shared)),
                's' if matches!(shared.access, Access::Open) => Some(vec![Act::Setup]),
                'R' => {
                    let mut acts = shared.look_again();
                    acts.push(Act::Effect(Effect::ReadCalls));
                    Some(acts)
                }
                _ => None,
            },
        }
    }

    fn pick(&mut self, item: usize, shared: &mut Shared) -> Vec<Act> {
        let rows = self.rows(shared);
        let values = Self::values(&rows);
        let Some(place) = values.iter().position(|at| *at == item) else { return Vec::new() };
        let again = self.pick.place(values.len()) == place;
        self.pick.set(place);
        if again { self.copy(shared) } else { Vec::new() }
    }

    fn told(&mut self, msg: &Msg, shared: &mut Shared) -> Vec<Act> {
        match msg {
            Msg::Calls(calls) => {
                let known = |call: &&Call| calls::concerns(call, shared, &self.environment);
                self.calls = Some(calls.iter().filter(known).cloned().collect());
                Vec::new()
            }
            // What was seen anew was asked for by calls that can be read now.
            Msg::Looked { environment, .. } if *environment == self.environment => {
                vec![Act::Effect(Effect::ReadCalls)]
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        let width = area.width.saturating_sub(2).min(WIDEST);
        let line = Rect { x: area.x + 1, width, height: 1, ..area };
        self.draw_head(canvas, line, shared);
        let list = Rect { x: area.x, y: area.y + 3, width: width + 2, height: area.height.saturating_sub(3) };
        self.columns.set(width);
        self.height.set(list.height);
        let rows = self.rows(shared);
        let values = Self::values(&rows);
        let chosen = values.get(self.pick.place(values.len())).copied();
        // The first value is below headings that should be seen with it.
        let place = if self.pick.place(values.len()) == 0 { 0 } else { chosen.unwrap_or(0) };
        let window = self.pick.around(place, rows.len(), 1, usize::from(list.height));
        let more = window.end < rows.len();
        for (at_row, at) in (0_u16..).zip(window) {
            let Some(row) = rows.get(at) else { break };
            let whole = Rect { y: list.y + at_row, height: 1, ..list };
            let spans: Vec<_> = row.parts.iter().map(|(role, text)| canvas.role(*role, text)).collect();
            canvas.line(Rect { x: whole.x + 1, width, ..whole }, 0, &spans);
            if chosen == Some(at) {
                canvas.tint(whole, Role::Selected);
            }
            if row.copy.is_some() {
                canvas.hit(whole, Hit::Item(at));
            }
        }
        if more {
            let span = canvas.span(Paint::Dim, "more below");
            canvas.line_right(Rect { y: line.y + 2, ..line }, 0, &[span]);
        }
    }
}
