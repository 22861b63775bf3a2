//! The trust matrix drawn: connections stay at the left, roles scroll, below them why the chosen cell is so.

use ratatui::layout::Rect;
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr;

use super::words::{CELL, drawn, head as role_head, kind, mark, why};
use super::{Told, TrustMatrix};
use crate::domain::diagnose::matrix::{Cell, Matrix};
use crate::explain;
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, Hit, padded, wrapped};
use crate::tui::msg::Mapping;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::when;

/// Rows of the table that are always left.
const LEAST_ROWS: u16 = 4;
/// Columns of a connection's name, at least and at most.
const NAME: (usize, usize) = (10, 26);
/// Columns of a role's name, at most.
const WIDEST_ROLE: usize = 16;
/// Columns of how a row signs in, with the blanks around it.
const KIND: usize = 8;
/// Columns of text at most.
const WIDEST: usize = 116;

pub(super) fn draw(screen: &TrustMatrix, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
    head(screen, canvas, area, shared);
    let line = Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: 1 };
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    if let Some((paint, text)) = instead(screen, shared) {
        screen.filter.draw(canvas, line);
        let lines: Vec<Line<'static>> = wrapped(&text, usize::from(line.width).min(WIDEST))
            .into_iter()
            .map(|line| vec![canvas.span(paint, format!(" {line}"))].into())
            .collect();
        canvas.lines(body, 0, &lines);
        return;
    }
    let Some(mapping) = screen.mapping() else { return };
    if screen.filter.is_seen() {
        screen.filter.draw(canvas, line);
    } else if let Some(text) = unseen(mapping) {
        let span = canvas.span(Paint::Warn, text);
        canvas.line(line, 0, &[span]);
    }
    // One row for the roles' names.
    let wanted = u16::try_from(screen.shown.rows.len()).unwrap_or(u16::MAX).saturating_add(1);
    let most = (body.height / 2).max(LEAST_ROWS + 1).min(body.height);
    let table = Rect { height: wanted.min(most), ..body };
    rows(screen, &mapping.matrix, canvas, table);
    let rest = Rect { y: table.bottom(), height: body.height - table.height, ..body };
    if rest.height > 1 {
        canvas.rule(rest, 0);
        let below = Rect { x: rest.x + 1, y: rest.y + 1, width: line.width, height: rest.height - 1 };
        chosen(screen, canvas, below);
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn head(screen: &TrustMatrix, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
    let state = match (&screen.told, screen.reading) {
        (_, Some(since)) => {
            let took = when::span(shared.seconds() - since);
            Some((Paint::Warn, format!("reading for {took}; it only reads")))
        }
        (Told::Found(_, at), None) => {
            Some((Paint::Dim, format!("read {}", when::ago(shared.seconds() - at))))
        }
        _ => None,
    };
    let mut room = area.width;
    if let Some((paint, text)) = state {
        room = room.saturating_sub(u16::try_from(text.width() + 2).unwrap_or(u16::MAX));
        let span = canvas.span(paint, text);
        canvas.line_right(area, 0, &[span]);
    }
    let mut spans = vec![canvas.role(Role::Accent, "Trust matrix")];
    if let Some(mapping) = screen.mapping() {
        spans.push(match (screen.open, unseen(mapping)) {
            (0, None) => canvas.span(Paint::Good, "  nothing unexpected is reached"),
            (0, Some(_)) => canvas.span(Paint::Warn, "  nothing unexpected is known"),
            (open, _) => canvas.span(Paint::Bad, format!("  {open} OPEN")),
        });
        let rows = count(mapping.matrix.rows.len(), "row", "rows");
        let roles = count(mapping.matrix.columns.len(), "role", "roles");
        spans.push(canvas.span(Paint::Dim, format!(", {rows}, {roles}")));
    }
    canvas.line(Rect { width: room, ..area }, 0, &spans);
}

/// What of the accounts could not be seen; none: everything was.
fn unseen(mapping: &Mapping) -> Option<String> {
    let failed = mapping.failed.iter().map(|finding| {
        let environment = finding.environment.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        format!("{environment}{}", explain::finding(finding).cause)
    });
    let roles = Some(&mapping.incomplete)
        .filter(|accounts| !accounts.is_empty())
        .map(|accounts| format!("only the environments' roles were looked at in: {}", accounts.join(", ")));
    let all: Vec<String> = roles.into_iter().chain(failed).collect();
    (!all.is_empty()).then(|| format!("? {}", all.join("; ")))
}

/// What is said instead of a table; none: there is one.
fn instead(screen: &TrustMatrix, shared: &Shared) -> Option<(Paint, String)> {
    let mapping = match &screen.told {
        Told::Reading => {
            let text = "Reading every connection of the project and the trust of every role in the accounts of all \
                        environments. What can become what is decided from that; nothing is tried.";
            return Some((Paint::Dim, text.to_owned()));
        }
        Told::Failed(failure) => {
            let words = explain::failure(failure);
            let hint = shared.invocation().dress(&words.hint);
            return Some((Paint::Bad, format!("{}: {}. {hint}", failure.code.text(), words.cause)));
        }
        Told::Found(mapping, _) => mapping,
    };
    let text = match (mapping.matrix.rows.is_empty(), mapping.matrix.columns.is_empty()) {
        (true, _) => "The project has no AWS connection: nothing in it can become a role.",
        (false, true) => "No role was found that belongs to an environment or trusts the issuer.",
        _ if screen.shown.is_empty() => "No connection, role or reach holds these words.",
        _ => return None,
    };
    Some((Paint::Dim, text.to_owned()))
}

/// The table's measures, in columns.
struct Measure {
    name: usize,
    role: usize,
    /// The roles that are seen, by their place in what is shown.
    seen: std::ops::Range<usize>,
}

impl Measure {
    fn of(screen: &TrustMatrix, matrix: &Matrix, width: u16) -> Self {
        let shown = &screen.shown;
        let names = shown.rows.iter().filter_map(|at| matrix.rows.get(*at));
        let name = names.map(|row| row.connection.width()).max().unwrap_or(0).clamp(NAME.0, NAME.1);
        let roles = shown.columns.iter().filter_map(|at| matrix.columns.get(*at));
        let role = roles.map(|column| role_head(column).width()).max().unwrap_or(0).clamp(CELL, WIDEST_ROLE);
        let room = usize::from(width).saturating_sub(3 + name + KIND);
        let fit = (room / (role + 1)).max(1);
        let seen = screen.column.window(shown.columns.len(), 1, fit);
        Self { name, role, seen }
    }
}

fn rows(screen: &TrustMatrix, matrix: &Matrix, canvas: &mut Canvas<'_>, area: Rect) {
    let measure = Measure::of(screen, matrix, area.width);
    let (ascii, place) = (canvas.theme.ascii, screen.place());
    roles(screen, matrix, canvas, area, &measure);
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let window = screen.row.window(screen.shown.rows.len(), 1, usize::from(list.height));
    for (line_at, at) in (0_u16..).zip(window) {
        let Some(whole) = screen.shown.rows.get(at).copied() else { break };
        let (Some(row), Some(cells)) = (matrix.rows.get(whole), matrix.cells.get(whole)) else { break };
        let line = Rect { y: list.y + line_at, height: 1, ..list };
        let open = cells.iter().any(Cell::is_unexpected);
        let spans = [
            canvas.span(Paint::Bad, if open { " ! " } else { "   " }),
            canvas.span(
                if at == place.0 { Paint::Strong } else { Paint::Plain },
                padded(&row.connection, measure.name, ascii),
            ),
            canvas.span(Paint::Dim, format!(" {:<width$}", kind(row), width = KIND - 1)),
        ];
        let mut x = line.x + canvas.line(line, 0, &spans);
        for column in measure.seen.clone() {
            let Some((.., cell)) = screen.shown.cell(matrix, (at, column)) else { break };
            let width = u16::try_from(measure.role).unwrap_or(0).min(line.right().saturating_sub(x));
            let spot = Rect { x, width, ..line };
            let (sign, word) = mark(cell);
            let (glyph, paint) = sign.drawn(ascii);
            let span = canvas.span(paint, format!("{glyph} {word}"));
            canvas.line(spot, 0, &[span]);
            if (at, column) == place {
                canvas.tint(spot, Role::Selected);
            }
            canvas.hit(spot, Hit::Item(at * screen.shown.columns.len() + column));
            x += width + 1;
        }
    }
}

/// The names of the roles that are seen, and how many there are on either side.
fn roles(screen: &TrustMatrix, matrix: &Matrix, canvas: &mut Canvas<'_>, area: Rect, measure: &Measure) {
    let ascii = canvas.theme.ascii;
    let (before, after) = (measure.seen.start, screen.shown.columns.len() - measure.seen.end);
    let sides = match (before, after) {
        (0, 0) => "connection".to_owned(),
        (0, after) => format!("{after} more >"),
        (before, 0) => format!("< {before} more"),
        (before, after) => format!("< {before}   {after} >"),
    };
    let label = padded(&sides, measure.name + KIND, ascii);
    let mut spans = vec![canvas.span(Paint::Dim, format!("   {label}"))];
    let chosen = screen.place().1;
    for at in measure.seen.clone() {
        let column = screen.shown.columns.get(at).and_then(|at| matrix.columns.get(*at));
        let Some(column) = column else { break };
        let name = padded(role_head(column), measure.role, ascii);
        spans.push(canvas.span(if at == chosen { Paint::Strong } else { Paint::Dim }, format!("{name} ")));
    }
    canvas.line(area, 0, &spans);
}

/// Why the chosen cell is so, as far as there is room; enter shows all of it.
fn chosen(screen: &TrustMatrix, canvas: &mut Canvas<'_>, area: Rect) {
    let Some((matrix, cell)) = screen.chosen() else { return };
    let columns = usize::from(area.width).min(WIDEST);
    let lines = drawn(canvas, why(matrix, cell, columns, canvas.theme));
    let height = usize::from(area.height);
    if lines.len() <= height {
        canvas.lines(area, 0, &lines);
        return;
    }
    let seen = height.saturating_sub(1);
    canvas.lines(area, 0, &lines[..seen]);
    let more = count(lines.len() - seen, "more line", "more lines");
    let more = canvas.span(Paint::Dim, format!("{more}: enter"));
    canvas.line(area, area.height - 1, &[more]);
}
