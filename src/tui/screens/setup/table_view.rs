//! How the table of environments is drawn: the name stays, the columns scroll, below it the chosen cell in full.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::table::{Grid, ITEMS, OPTIONS, Table, question};
use crate::explain::signs::{Paint, state};
use crate::plan::link::LinkState;
use crate::tui::canvas::{Canvas, Hit, wrapped};
use crate::tui::theme::Role;
use crate::tui::widgets::{field, form};
use crate::wizard::{Field, Model, Page};

/// The widest a column is; the whole value stands below the table.
const WIDEST: usize = 26;
const GAP: u16 = 2;

/// One cell: what is shown, and how.
fn cell(model: &Model, grid: &Grid, row: usize, column: usize) -> (Paint, String) {
    let Some(key) = grid.key(row, column) else { return (Paint::Dim, "–".to_owned()) };
    let value = model.value(&key).map(|value| value.line()).unwrap_or_default();
    match grid.wrong.contains_key(&key) {
        true if value.is_empty() => (Paint::Bad, "needed".to_owned()),
        true => (Paint::Bad, value),
        false if model.is_answered(&key) => (Paint::Strong, value),
        false => (Paint::Dim, value),
    }
}

impl Table {
    /// Draws the table into the area of its page.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, page: &Page, model: &Model) {
        let grid = self.grid(model);
        let below = self.panel_height(area, &grid, model);
        let table = Rect { height: area.height.saturating_sub(below), ..area };
        self.draw_summary(canvas, table, &grid, page);
        let rows = Rect { y: table.y + 1, height: table.height.saturating_sub(1), ..table };
        self.draw_rows(canvas, rows, &grid, model);
        let panel = Rect { y: table.bottom(), height: below, ..area };
        canvas.rule(panel, 0);
        let panel =
            Rect { y: panel.y + 1, height: below.saturating_sub(1), width: panel.width.min(96), ..panel };
        self.draw_panel(canvas, panel, &grid, model);
    }

    fn panel_height(&self, area: Rect, grid: &Grid, model: &Model) -> u16 {
        // Without an editor: the rule, the cell, its reason and its source.
        let least = 4;
        let most = area.height.saturating_sub(4).max(least);
        let width = area.width.min(96).saturating_sub(2);
        let open = self.editor.as_ref().and_then(|(key, editor)| Some((question(model, key)?, editor)));
        let rows = match open {
            Some((question, editor)) => 2 + editor.height(&question, width, most),
            None => least + u16::from(self.reason_is_long(grid, model, width)),
        };
        rows.clamp(least, most).min(area.height)
    }

    fn reason_is_long(&self, grid: &Grid, model: &Model, width: u16) -> bool {
        let (row, column) = self.place(grid);
        let question = grid.key(row, column).and_then(|key| question(model, &key));
        question.is_some_and(|question| question.why.width() > usize::from(width))
    }

    /// One line on all environments: how many, what is wrong, how to go on; or the filter.
    fn draw_summary(&self, canvas: &mut Canvas<'_>, area: Rect, grid: &Grid, page: &Page) {
        let line = Rect { height: 1.min(area.height), ..area };
        if self.finding {
            return field::draw(canvas, line, "find: ", &self.filter);
        }
        let count = match (grid.names.len(), grid.all) {
            (shown, all) if shown < all => format!("{shown} of {all} environments"),
            (_, 1) => "1 environment".to_owned(),
            (_, all) => format!("{all} environments"),
        };
        let sign = |link| canvas.theme.sign(state(link)).0;
        let mut spans = vec![canvas.span(Paint::Strong, count)];
        match grid.wrong.len() {
            0 => {
                let text = format!("  {} nothing is missing: n goes on", sign(LinkState::Ok));
                spans.push(canvas.span(Paint::Good, text));
            }
            1 => spans
                .push(canvas.span(Paint::Bad, format!("  {} 1 cell to correct", sign(LinkState::Failed)))),
            some => {
                let text = format!("  {} {some} cells to correct", sign(LinkState::Failed));
                spans.push(canvas.span(Paint::Bad, text));
            }
        }
        if let Some((paint, text)) = form::view::notes(canvas, page).into_iter().next() {
            spans.push(canvas.span(paint, format!("  {text}")));
        }
        canvas.line(line, 0, &spans);
    }

    fn draw_rows(&self, canvas: &mut Canvas<'_>, area: Rect, grid: &Grid, model: &Model) {
        if grid.names.is_empty() {
            let none = canvas.span(Paint::Dim, "no environment has these letters: esc shows all of them");
            canvas.line(area, 1, &[none]);
            return;
        }
        let (row, column) = self.place(grid);
        let window = self.row.window(grid.names.len(), 1, usize::from(area.height.saturating_sub(1)));
        let name = grid.names[window.clone()].iter().map(|name| name.as_str().width()).max().unwrap_or(0);
        let name = name.clamp(11, WIDEST);
        let widths: Vec<usize> = (0..grid.columns.len())
            .map(|column| {
                let cells = window.clone().map(|row| cell(model, grid, row, column).1.width());
                let most = cells.max().unwrap_or(0).min(WIDEST);
                most.max(grid.columns[column].1.width())
            })
            .collect();
        let left = area.x + u16::try_from(name).unwrap_or(0) + GAP;
        let room = area.right().saturating_sub(left);
        let first = first_column(&widths, column, room);
        self.draw_header(canvas, area, grid, (&widths, first, left));
        for (line, at) in (1..).zip(window) {
            let place = Rect { y: area.y + line, height: 1, ..area };
            let label =
                canvas.span(if at == row { Paint::Strong } else { Paint::Plain }, grid.names[at].as_str());
            canvas.line(Rect { width: u16::try_from(name).unwrap_or(0), ..place }, 0, &[label]);
            let mut x = left;
            for (column_at, width) in widths.iter().enumerate().skip(first) {
                let width = u16::try_from(*width).unwrap_or(0);
                if x >= area.right() {
                    break;
                }
                let spot = Rect { x, width: width.min(area.right() - x), ..place };
                let (paint, text) = cell(model, grid, at, column_at);
                let span = canvas.span(paint, text);
                canvas.line(spot, 0, &[span]);
                if (at, column_at) == (row, column) {
                    canvas.tint(spot, Role::Selected);
                }
                canvas.hit(spot, Hit::Item(at * ITEMS + column_at));
                x += width + GAP;
            }
        }
    }

    fn draw_header(
        &self,
        canvas: &mut Canvas<'_>,
        area: Rect,
        grid: &Grid,
        (widths, first, left): (&[usize], usize, u16),
    ) {
        let label = canvas.span(Paint::Dim, "environment");
        canvas.line(area, 0, &[label]);
        let mut x = left;
        for (at, (_, label)) in grid.columns.iter().enumerate().skip(first) {
            let width = widths.get(at).copied().and_then(|width| u16::try_from(width).ok()).unwrap_or(0);
            if x >= area.right() {
                break;
            }
            let span = canvas.span(Paint::Dim, label);
            canvas.line(Rect { x, width: width.min(area.right() - x), ..area }, 0, &[span]);
            x += width + GAP;
        }
        let more = match (first > 0, x > area.right() + GAP) {
            (true, true) => "< >",
            (true, false) => "<",
            (false, true) => ">",
            (false, false) => "",
        };
        let above = Rect { y: area.y.saturating_sub(1), height: 1, ..area };
        let span = canvas.span(Paint::Dim, more);
        canvas.line_right(above, 0, &[span]);
    }

    /// The chosen cell: what it is, why it is asked, where its value came from, what is wrong with it.
    fn draw_panel(&self, canvas: &mut Canvas<'_>, area: Rect, grid: &Grid, model: &Model) {
        if grid.names.is_empty() {
            return;
        }
        let (row, column) = self.place(grid);
        let key = self.editor.as_ref().map(|(key, _)| key.clone()).or_else(|| grid.key(row, column));
        let found = key.as_ref().and_then(|key| Some((key, question(model, key)?)));
        let Some((key, question)) = found else {
            let text = match grid.columns.get(column) {
                Some((Field::SsoSession | Field::PermissionSet | Field::Profile, _)) | None => {
                    "This environment signs in another way: see its column sign-in."
                }
                Some((Field::Deploy(_), _)) => "Deployments to this environment do not ask for it.",
                Some(_) => "This cell has no meaning for how the environment signs in.",
            };
            let span = canvas.span(Paint::Dim, text);
            canvas.line(area, 0, &[span]);
            return;
        };
        let name = key.environment.as_ref().map(ToString::to_string).unwrap_or_default();
        let value = model.value(key).map(|value| value.line()).unwrap_or_default();
        let shown = if self.editor.is_some() { String::new() } else { format!(": {value}") };
        let spans = [
            canvas.role(Role::Accent, format!("{name}  ")),
            canvas.span(Paint::Strong, format!("{}{shown}", question.label)),
        ];
        canvas.line(area, 0, &spans);
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        if let Some((_, editor)) = &self.editor {
            let body = Rect { x: body.x + 2, width: body.width.saturating_sub(2), ..body };
            return editor.draw(canvas, body, &question, OPTIONS);
        }
        let mut row = 0;
        for line in wrapped(&question.why, usize::from(body.width)).into_iter().take(2) {
            let span = canvas.span(Paint::Dim, line);
            canvas.line(body, row, &[span]);
            row += 1;
        }
        let span = match (grid.wrong.get(key), &question.default) {
            (Some(problem), _) => {
                let glyph = canvas.theme.sign(state(LinkState::Failed)).0;
                canvas.span(Paint::Bad, format!("{glyph} {problem}"))
            }
            (None, Some(default)) => canvas.span(Paint::Plain, format!("from: {}", default.source)),
            (None, None) => return,
        };
        canvas.line(body, row, &[span]);
    }
}

/// The first column that is drawn, so that the chosen one is seen.
fn first_column(widths: &[usize], chosen: usize, room: u16) -> usize {
    let width = |at: usize| widths.get(at).copied().unwrap_or(0) + usize::from(GAP);
    let mut first = chosen;
    let mut used = width(chosen);
    while first > 0 && used + width(first - 1) <= usize::from(room) + usize::from(GAP) {
        first -= 1;
        used += width(first);
    }
    first
}
