//! The latest events, the newest first, below the panes.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, padded};
use crate::tui::shared::Shared;
use crate::tui::when;

/// Draws as many events as fit.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
    let place = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let lines: Vec<_> = shared.log.lines().rev().take(usize::from(place.height)).collect();
    if lines.is_empty() && place.height > 0 {
        let none = canvas.span(Paint::Dim, "Events appear here as they happen.");
        canvas.line(place, 0, &[none]);
    }
    let width = lines.iter().map(|line| line.place.width()).max().unwrap_or(0).clamp(3, 16);
    for (row, line) in (0..).zip(lines) {
        let name = padded(&line.place, width, canvas.theme.ascii);
        let spans = [
            canvas.span(Paint::Dim, format!("{}  ", when::clock(line.at))),
            canvas.span(Paint::Plain, format!("{name}  ")),
            canvas.span(Paint::Dim, format!("{:<11} ", line.what)),
            canvas.span(line.paint, &line.text),
        ];
        canvas.line(place, row, &spans);
    }
}
