//! How the wizard's pages are framed: the stages, the title, the reason.

use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::explain::signs::{Paint, state};
use crate::plan::link::LinkState;
use crate::tui::canvas::{Canvas, wrapped};
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::wizard::{Page, Progress, Stage};

/// From this width on the stages stand in a column of their own.
const WIDE: u16 = 104;
/// The width of that column.
const RAIL: u16 = 20;
/// Text is not stretched beyond this width.
const TEXT: u16 = 96;

fn sign(canvas: &Canvas<'_>, progress: Progress) -> (&'static str, Role) {
    match progress {
        Progress::Past => (canvas.theme.sign(state(LinkState::Ok)).0, Role::Text(Paint::Good)),
        Progress::Here => (if canvas.theme.ascii { ">" } else { "▸" }, Role::Accent),
        Progress::Ahead => (if canvas.theme.ascii { "." } else { "·" }, Role::Text(Paint::Dim)),
    }
}

fn spans(canvas: &Canvas<'_>, stage: &Stage) -> [Span<'static>; 2] {
    let (glyph, role) = sign(canvas, stage.progress);
    let name = match stage.progress {
        Progress::Past => Role::Text(Paint::Plain),
        _ => role,
    };
    [canvas.role(role, format!("{glyph} ")), canvas.role(name, stage.name)]
}

/// The stages in one line: what does not fit is cut where it is farthest from the present one.
fn draw_line(canvas: &mut Canvas<'_>, area: Rect, stages: &[Stage]) {
    let width = |stage: &Stage| stage.name.len() + 4;
    let here = stages.iter().position(|stage| stage.progress == Progress::Here).unwrap_or(0);
    let total = |from: usize| stages[from..].iter().map(width).sum::<usize>();
    let room = usize::from(area.width);
    let mut from = 0;
    // One stage before the present one stays in sight.
    while from + 1 < here && total(from) > room {
        from += 1;
    }
    let mut line = Vec::new();
    for stage in &stages[from..] {
        line.extend(spans(canvas, stage));
        line.push(Span::raw("  "));
    }
    canvas.line(area, 0, &line);
}

fn draw_rail(canvas: &mut Canvas<'_>, area: Rect, stages: &[Stage]) {
    for (row, stage) in (0..).zip(stages) {
        let line = spans(canvas, stage);
        canvas.line(area, row, &line);
    }
}

/// Draws what surrounds a page; gives the area for the page itself.
pub fn frame(canvas: &mut Canvas<'_>, area: Rect, shared: &Shared, page: &Page, title: &str) -> Rect {
    let line = Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: 1, ..area };
    let brand = [canvas.role(Role::Accent, "keyless"), canvas.span(Paint::Dim, "  set up")];
    canvas.line(line, 0, &brand);
    let practice = shared.practice().is_some();
    let cloud = match practice {
        true => canvas.span(Paint::Warn, "practice cloud"),
        false => canvas.span(Paint::Dim, "live"),
    };
    canvas.line_right(line, 0, &[cloud]);
    let stages = shared.wizard.as_ref().map(crate::wizard::Model::stages).unwrap_or_default();
    let rest = Rect { y: line.y + 2, height: area.height.saturating_sub(2), ..line };
    let inner = if area.width >= WIDE {
        let rail = Rect { width: RAIL, ..rest };
        draw_rail(canvas, rail, &stages);
        Rect { x: rest.x + RAIL, width: rest.width.saturating_sub(RAIL), ..rest }
    } else {
        let place = Rect { y: line.y + 1, ..line };
        draw_line(canvas, place, &stages);
        canvas.rule(Rect { height: 1, ..rest }, 0);
        Rect { y: rest.y + 1, height: rest.height.saturating_sub(1), ..rest }
    };
    heading(canvas, inner, page, title)
}

fn heading(canvas: &mut Canvas<'_>, area: Rect, page: &Page, title: &str) -> Rect {
    let text = Rect { width: area.width.min(TEXT), ..area };
    let strong = canvas.span(Paint::Strong, title);
    canvas.line(text, 0, &[strong]);
    let place = canvas.span(Paint::Dim, format!("{} of {}", page.number, page.of));
    canvas.line_right(text, 0, &[place]);
    let mut row = 1;
    for line in wrapped(&page.why, usize::from(text.width)) {
        let span = canvas.span(Paint::Plain, line);
        canvas.line(text, row, &[span]);
        row += 1;
    }
    let row = (row + 1).min(area.height);
    Rect { y: area.y + row, height: area.height - row, ..area }
}

/// The part of a page's area that text is set in.
pub fn column(area: Rect) -> Rect {
    Rect { width: area.width.min(TEXT), ..area }
}
