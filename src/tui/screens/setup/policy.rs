//! The permission presets in full, over the page that asks for one.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::domain::preset::PRESETS;
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, wrapped};
use crate::tui::keys::{Hint, Press};
use crate::tui::screens::{Act, Id, Screen};
use crate::tui::shared::Shared;
use crate::tui::widgets::boxed;
use crate::tui::widgets::pick::Pick;

/// The presets in full.
#[derive(Debug, Default)]
pub struct Policy {
    top: Pick,
}

fn lines(canvas: &Canvas<'_>, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for preset in PRESETS {
        let name = canvas.span(Paint::Strong, preset.name);
        lines.push(vec![name].into());
        for line in wrapped(preset.about, width) {
            lines.push(vec![canvas.span(Paint::Dim, line)].into());
        }
        for line in preset.text().lines() {
            lines.push(vec![canvas.span(Paint::Plain, line)].into());
        }
        lines.push(Line::default());
    }
    lines
}

impl Screen for Policy {
    fn id(&self) -> Id {
        Id::Detail
    }

    fn about(&self) -> &'static str {
        "What roles may do with each preset: the policy as it is attached, with the account and region filled in."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        vec![
            Hint::new("esc", "close", Press::of(KeyCode::Esc), "Back to the question."),
            Hint::keys("up/down", "scroll", "Scrolls."),
        ]
    }

    fn press(&mut self, press: Press, _shared: &mut Shared) -> Option<Vec<Act>> {
        if let Some(motion) = press.motion(true) {
            let count = PRESETS.iter().map(|preset| preset.text().lines().count() + 3).sum();
            self.top.step(motion, count, 1);
            return Some(Vec::new());
        }
        matches!(press.code, KeyCode::Char('v' | 'q') | KeyCode::Enter).then(|| vec![Act::Pop])
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _shared: &Shared) {
        let width = area.width.min(96);
        let lines = lines(canvas, usize::from(width.saturating_sub(4)));
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
        let inner = boxed(canvas, area, (width, height), "Presets");
        let most = lines.len().saturating_sub(usize::from(inner.height));
        canvas.lines(inner, 0, &lines[self.top.place(usize::MAX).min(most)..]);
    }

    fn is_overlay(&self) -> bool {
        true
    }
}
