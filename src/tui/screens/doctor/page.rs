//! The page of a code: what it means, how it is known, what to do.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::domain::finding::FindingCode;
use crate::explain;
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, wrapped};
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::screens::{Act, Id, Screen};
use crate::tui::shared::Shared;
use crate::tui::widgets::boxed;
use crate::tui::widgets::scroll::Scroll;

/// Columns of text at most: longer lines are hard to read.
const WIDEST: u16 = 84;

/// The page.
#[derive(Debug)]
pub(super) struct Page {
    title: String,
    text: String,
    top: Scroll,
}

impl Page {
    /// The page of a code, its commands as they must be typed after this call.
    pub(super) fn of(code: FindingCode, shared: &Shared) -> Self {
        let text = shared.invocation().dress(&explain::page(code));
        Self { title: code.text(), text, top: Scroll::default() }
    }

    fn lines(&self, canvas: &Canvas<'_>, width: usize) -> Vec<Line<'static>> {
        let paragraphs = self.text.lines().flat_map(|paragraph| {
            let indent = paragraph.len() - paragraph.trim_start().len();
            let lines = wrapped(paragraph.trim(), width.saturating_sub(indent).max(20));
            lines.into_iter().map(move |line| format!("{}{line}", " ".repeat(indent)))
        });
        paragraphs.map(|line| vec![canvas.span(Paint::Plain, line)].into()).collect()
    }
}

impl Screen for Page {
    fn id(&self) -> Id {
        Id::Page
    }

    fn about(&self) -> &'static str {
        "What a code means, how keyless knows it, and what heals it. `keyless explain CODE` prints the same."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        let mut hints = vec![Hint::new("esc", "close", Press::of(KeyCode::Esc), "Closes the page.")];
        hints.extend(self.top.hints());
        hints.push(Hint::new("c", "copy", Press::letter('c'), "Copies the page."));
        hints
    }

    fn press(&mut self, press: Press, _shared: &mut Shared) -> Option<Vec<Act>> {
        if let Some(motion) = press.motion(true) {
            self.top.step(motion);
            return Some(Vec::new());
        }
        match press.code {
            KeyCode::Char('c') => Some(vec![Act::Copy(format!("{}\n\n{}", self.title, self.text))]),
            KeyCode::Char(' ') => {
                self.top.step(Motion::PageDown);
                Some(Vec::new())
            }
            KeyCode::Char('q' | 'e') | KeyCode::Enter => Some(vec![Act::Pop]),
            _ => None,
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _shared: &Shared) {
        let width = area.width.min(WIDEST);
        let lines = self.lines(canvas, usize::from(width.saturating_sub(4)));
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
        let inner = boxed(canvas, area, (width, height), &self.title);
        let seen = self.top.window(lines.len(), usize::from(inner.height));
        canvas.lines(inner, 0, &lines[seen]);
    }

    fn is_overlay(&self) -> bool {
        true
    }
}
