//! The first screen: practice or live, and what for. The questions are the wizard's own first page.

use ratatui::layout::Rect;

use super::{Act, Id, Screen};
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, wrapped};
use crate::tui::keys::{Hint, Press};
use crate::tui::msg::Msg;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::form::{self, Form};

/// Text is not stretched beyond this width.
const TEXT: u16 = 84;

/// The first screen.
#[derive(Debug, Default)]
pub struct Welcome {
    form: Form,
}

impl Screen for Welcome {
    fn id(&self) -> Id {
        Id::Welcome
    }

    fn about(&self) -> &'static str {
        "keyless replaces AWS access keys in Azure DevOps by OIDC federation, and proves that it works. On the practice \
         cloud everything looks and works the same, and nothing real is touched."
    }

    fn hints(&self, shared: &Shared) -> Vec<Hint> {
        let mut hints = form::page(shared).map(|page| self.form.hints(&page)).unwrap_or_default();
        hints.push(Hint::new("q", "quit", Press::letter('q'), "Ends keyless."));
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        self.form.press(press, shared)
    }

    fn pick(&mut self, item: usize, shared: &mut Shared) -> Vec<Act> {
        self.form.pick(item, shared)
    }

    fn told(&mut self, msg: &Msg, shared: &mut Shared) -> Vec<Act> {
        self.form.told(msg, shared)
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        let Some(page) = form::page(shared) else { return };
        // In the middle of a wide screen, with one more row of air on a high one.
        let width = area.width.saturating_sub(4).min(TEXT);
        let top = u16::from(area.height > 20) + area.height.saturating_sub(30) / 3;
        let x = area.x + (area.width - width) / 2;
        let area = Rect { x, width, y: area.y + top, height: area.height - top };
        let brand = canvas.role(Role::Accent, &page.title);
        canvas.line(area, 0, &[brand]);
        let mut row = 1;
        for line in wrapped(&page.why, usize::from(width)) {
            let span = canvas.span(Paint::Plain, line);
            canvas.line(area, row, &[span]);
            row += 1;
        }
        let row = (row + 1).min(area.height);
        let body = Rect { y: area.y + row, height: area.height - row, ..area };
        form::view::draw_body(canvas, body, &page, &self.form);
    }
}
