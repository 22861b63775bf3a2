//! A question of yes or no over another screen.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{Act, Id, Screen};
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, wrapped};
use crate::tui::keys::{Hint, Press};
use crate::tui::shared::Shared;
use crate::tui::widgets::boxed;

/// A question, and what a yes does. No is what enter and esc say.
#[derive(Debug)]
pub struct Ask {
    question: String,
    yes: Option<Act>,
}

impl Ask {
    /// Asks before something is done.
    pub fn new(question: impl Into<String>, yes: Act) -> Self {
        Self { question: question.into(), yes: Some(yes) }
    }

    /// Asks before a run that goes on is left.
    pub fn leave() -> Self {
        Self::new(
            "A run is going on. Leave keyless all the same? The write at hand is dropped; \
             the next start looks at what it did before anything else.",
            Act::QuitNow,
        )
    }
}

impl Screen for Ask {
    fn id(&self) -> Id {
        Id::Ask
    }

    fn about(&self) -> &'static str {
        "keyless asks before something that cannot simply be taken back."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        vec![
            Hint::new("y", "yes", Press::letter('y'), "Yes, do it."),
            Hint::new("n", "no", Press::letter('n'), "No; enter and esc mean the same."),
        ]
    }

    fn press(&mut self, press: Press, _shared: &mut Shared) -> Option<Vec<Act>> {
        match press.code {
            KeyCode::Char('y' | 'Y') => Some(std::iter::once(Act::Pop).chain(self.yes.take()).collect()),
            KeyCode::Char('n' | 'N' | 'q') | KeyCode::Enter | KeyCode::Esc => Some(vec![Act::Pop]),
            _ => Some(Vec::new()),
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _shared: &Shared) {
        let width = area.width.min(64);
        let lines = wrapped(&self.question, usize::from(width.saturating_sub(4)));
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
        let inner = boxed(canvas, area, (width, height), "");
        for (row, line) in (0..).zip(&lines) {
            let span = canvas.span(Paint::Plain, line);
            canvas.line(inner, row, &[span]);
        }
        let keys = canvas.span(Paint::Strong, "y yes   n no");
        canvas.line(inner, height.saturating_sub(3), &[keys]);
    }

    fn is_overlay(&self) -> bool {
        true
    }
}
