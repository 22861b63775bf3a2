//! The latest events: filtered, scrolled, followed, copied.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{Act, Id, Screen};
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, Hit, padded};
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::log::LogLine;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::when;
use crate::tui::widgets::filter::{Filter, Typed, holds};
use crate::tui::widgets::pick::Pick;

/// The log, oldest line first.
#[derive(Debug)]
pub struct LogScreen {
    pick: Pick,
    /// Whether the newest line stays chosen.
    follows: bool,
    filter: Filter,
}

impl Default for LogScreen {
    fn default() -> Self {
        Self { pick: Pick::default(), follows: true, filter: Filter::default() }
    }
}

impl LogScreen {
    fn lines<'a>(&self, shared: &'a Shared) -> Vec<&'a LogLine> {
        let words = self.filter.words();
        shared.log.lines().filter(|line| holds(&words, &whole(line))).collect()
    }

    fn place(&self, count: usize) -> usize {
        if self.follows { count.saturating_sub(1) } else { self.pick.place(count) }
    }

    fn step(&mut self, motion: Motion, shared: &Shared) {
        let count = self.lines(shared).len();
        self.pick.set(self.place(count));
        self.pick.step(motion, count, 1);
        self.follows = self.pick.place(count) + 1 >= count && motion != Motion::Up;
    }

    fn press_filter(&mut self, press: Press, shared: &Shared) -> Option<Vec<Act>> {
        match self.filter.press(press)? {
            Typed::Moved(motion) => self.step(motion, shared),
            Typed::Changed => self.follows = true,
            Typed::Cleared | Typed::Kept => {}
        }
        Some(Vec::new())
    }

    fn copy(&self, shared: &Shared) -> Vec<Act> {
        let lines = self.lines(shared);
        let line = lines.get(self.place(lines.len()));
        line.map(|line| Act::Copy(whole(line))).into_iter().collect()
    }

    fn draw_head(&self, canvas: &mut Canvas<'_>, line: Rect, shown: usize, all: usize) {
        let title = canvas.role(Role::Accent, "Log");
        let count = match shown == all {
            true => format!("  {all} events, times are UTC"),
            false => format!("  {shown} of {all} events, times are UTC"),
        };
        let count = canvas.span(Paint::Dim, count);
        canvas.line(line, 0, &[title, count]);
        let (paint, state) = match self.follows {
            true => (Paint::Dim, "follows what comes"),
            false => (Paint::Warn, "stays here, f follows"),
        };
        let state = canvas.span(paint, state);
        canvas.line_right(line, 0, &[state]);
    }
}

/// A line as it is copied.
fn whole(line: &LogLine) -> String {
    let parts = [when::stamp(line.at), line.place.clone(), line.what.clone(), line.text.clone()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

impl Screen for LogScreen {
    fn id(&self) -> Id {
        Id::Log
    }

    fn about(&self) -> &'static str {
        "What happened since keyless was started: links that changed, steps of runs, notices. The newest is at the end, \
         and the screen follows it unless you move up."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        if self.filter.is_typing() {
            return Filter::hints("Shows all events again.");
        }
        let mut hints = vec![
            Hint::new("/", "filter", Press::letter('/'), "Shows only events that hold every word typed."),
            Hint::new("c", "copy", Press::letter('c'), "Copies the chosen line."),
        ];
        if !self.follows {
            hints.push(Hint::new("f", "follow", Press::letter('f'), "Goes to the newest event and follows."));
        }
        hints.push(Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back, or clears the filter first."));
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        if self.filter.is_typing() {
            return self.press_filter(press, shared);
        }
        if let Some(motion) = press.motion(true) {
            self.step(motion, shared);
            return Some(Vec::new());
        }
        if press.code == KeyCode::Esc && self.filter.clear() {
            return Some(Vec::new());
        }
        match press.text()? {
            '/' => self.filter.begin(),
            'f' => self.follows = true,
            'c' => return Some(self.copy(shared)),
            _ => return None,
        }
        Some(Vec::new())
    }

    fn paste(&mut self, text: &str, _shared: &mut Shared) -> Vec<Act> {
        self.filter.paste(text);
        Vec::new()
    }

    fn pick(&mut self, item: usize, shared: &mut Shared) -> Vec<Act> {
        let count = self.lines(shared).len();
        let again = self.place(count) == item;
        self.follows = false;
        self.pick.set(item);
        if again { self.copy(shared) } else { Vec::new() }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        let lines = self.lines(shared);
        let line = Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: 1, ..area };
        self.draw_head(canvas, line, lines.len(), shared.log.lines().len());
        self.filter.draw(canvas, Rect { y: line.y + 1, ..line });
        let list = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
        if lines.is_empty() {
            let text = match self.filter.is_seen() {
                true => "No event holds these words.",
                false => "Nothing has happened yet. Events appear here as they come.",
            };
            let span = canvas.span(Paint::Dim, text);
            canvas.line(Rect { x: list.x + 1, ..list }, 0, &[span]);
            return;
        }
        let place = self.place(lines.len());
        let window = self.pick.around(place, lines.len(), 1, usize::from(list.height));
        for (row, at) in (0_u16..).zip(window) {
            let Some(event) = lines.get(at) else { break };
            let whole = Rect { y: list.y + row, height: 1, ..list };
            draw_event(canvas, whole, event);
            if at == place {
                canvas.tint(whole, Role::Selected);
            }
            canvas.hit(whole, Hit::Item(at));
        }
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }
}

fn draw_event(canvas: &mut Canvas<'_>, line: Rect, event: &LogLine) {
    let place = padded(&event.place, 14, canvas.theme.ascii);
    let spans = [
        canvas.span(Paint::Dim, format!(" {}  ", when::clock(event.at))),
        canvas.span(Paint::Plain, format!("{place}  ")),
        canvas.span(Paint::Dim, format!("{:<11} ", event.what)),
        canvas.span(event.paint, &event.text),
    ];
    canvas.line(line, 0, &spans);
}
