//! The program drawn: its screens, and the bottom line.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Program, SMALLEST};
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, Hit};
use crate::tui::keys::{Hint, Press};
use crate::tui::screens::Screen;
use crate::tui::theme::Role;

impl Program {
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

    pub(super) fn draw_screens(&self, canvas: &mut Canvas<'_>, area: Rect) {
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
    pub(super) fn draw_foot(&self, canvas: &mut Canvas<'_>, foot: Rect, screen: &dyn Screen) {
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
