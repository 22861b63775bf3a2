//! Everything about one entry of the inventory, over it.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::explain::inventory::Entry;
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, wrapped};
use crate::tui::keys::{Hint, Press};
use crate::tui::screens::{Act, Id, Screen};
use crate::tui::shared::Shared;
use crate::tui::widgets::boxed;
use crate::tui::widgets::pick::Pick;

/// Columns of text at most: longer lines are hard to read.
const WIDEST: u16 = 100;
/// Columns of a label, with the blanks behind it.
const LABEL: usize = 18;

/// An entry as lines: labels at the left, values wrapped beside them.
pub(super) fn lines(entry: &Entry, canvas: &Canvas<'_>, columns: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for (label, value) in &entry.lines {
        for (at, part) in wrapped(value, columns.saturating_sub(LABEL).max(20)).into_iter().enumerate() {
            let label = if at == 0 { *label } else { "" };
            let label = canvas.span(Paint::Dim, format!("{label:<LABEL$}"));
            lines.push(vec![label, canvas.span(Paint::Plain, part)].into());
        }
    }
    lines
}

/// The page of one entry.
#[derive(Debug)]
pub(super) struct EntryPage {
    entry: Entry,
    top: Pick,
}

impl EntryPage {
    /// Of this entry.
    pub(super) fn of(entry: Entry) -> Self {
        Self { entry, top: Pick::default() }
    }
}

impl Screen for EntryPage {
    fn id(&self) -> Id {
        Id::Page
    }

    fn about(&self) -> &'static str {
        "Everything that was seen of one entry of the inventory. What may not be read is told as unknown, with the right that \
         is missing."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        vec![
            Hint::new("esc", "close", Press::of(KeyCode::Esc), "Closes it."),
            Hint::keys("up/down", "scroll", "Scrolls."),
            Hint::new("c", "copy", Press::letter('c'), "Copies it as text."),
        ]
    }

    fn press(&mut self, press: Press, _shared: &mut Shared) -> Option<Vec<Act>> {
        if let Some(motion) = press.motion(true) {
            self.top.step(motion, 400, 1);
            return Some(Vec::new());
        }
        match press.code {
            KeyCode::Char('c') => {
                let lines = self.entry.lines.iter().map(|(label, value)| format!("{label}: {value}"));
                let lines: Vec<String> = std::iter::once(self.entry.title.clone()).chain(lines).collect();
                Some(vec![Act::Copy(lines.join("\n"))])
            }
            KeyCode::Char('q') | KeyCode::Enter => Some(vec![Act::Pop]),
            _ => None,
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _shared: &Shared) {
        let width = area.width.min(WIDEST);
        let lines = lines(&self.entry, canvas, usize::from(width.saturating_sub(4)));
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
        let inner = boxed(canvas, area, (width, height), &self.entry.title);
        let most = lines.len().saturating_sub(usize::from(inner.height));
        let top = self.top.place(usize::MAX).min(most);
        canvas.lines(inner, 0, &lines[top..]);
    }

    fn is_overlay(&self) -> bool {
        true
    }
}
