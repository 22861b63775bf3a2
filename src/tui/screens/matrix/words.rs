//! What a cell of the trust matrix says: in the table, in a sentence, and why, statement by statement.

use ratatui::text::Line;
use serde_json::Value;

use crate::domain::diagnose::matrix::{Caller, Cell, Column, Judged, Matrix, Reach, Row, Stands, Trust};
use crate::domain::policy::{Effect, Mismatch};
use crate::explain::signs::{Paint, Sign};
use crate::tui::canvas::{Canvas, wrapped};
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::diff;

/// Columns of the widest cell: `? unknown`.
pub(super) const CELL: usize = 9;

/// The sign of a cell and its word.
pub(super) fn mark(cell: &Cell) -> (Sign, &'static str) {
    let sign = |glyph, ascii, paint| Sign { glyph, ascii, paint };
    match (&cell.reach, cell.expected) {
        (Reach::Yes { .. }, true) => (sign("✓", "v", Paint::Good), "yes"),
        (Reach::Yes { .. }, false) => (sign("✗", "x", Paint::Bad), "OPEN"),
        (Reach::No { .. }, true) => (sign("!", "!", Paint::Warn), "no"),
        (Reach::No { .. }, false) => (sign("–", "-", Paint::Dim), ""),
        (Reach::Unknown { .. }, _) => (sign("?", "?", Paint::Warn), "unknown"),
    }
}

/// The same as a sentence.
fn sentence(cell: &Cell) -> &'static str {
    match (&cell.reach, cell.expected) {
        (Reach::Yes { .. }, true) => "becomes this role, as it should",
        (Reach::Yes { .. }, false) => "becomes this role, and should not",
        (Reach::No { .. }, true) => "does not become this role, and should",
        (Reach::No { .. }, false) => "does not become this role, and need not",
        (Reach::Unknown { .. }, true) => "should become this role; whether it does cannot be told offline",
        (Reach::Unknown { .. }, false) => "may become this role; that cannot be told offline",
    }
}

/// How a row signs in, in a word.
pub(super) fn kind(row: &Row) -> &'static str {
    match row.caller {
        Caller::Token { .. } => "token",
        Caller::Keys { .. } => "key",
    }
}

/// A role in a word: its environment's name, else its own.
pub(super) fn head(column: &Column) -> &str {
    column.environment.as_ref().map_or(column.role.name.as_str(), |name| name.as_str())
}

/// Everything a filter finds a row by.
pub(super) fn of_row(row: &Row) -> String {
    let environment = row.environment.as_ref().map_or("", |name| name.as_str());
    let who = match &row.caller {
        Caller::Token { subject } => subject.as_deref().unwrap_or_default(),
        Caller::Keys { user, .. } => user.as_ref().map_or("", |user| &user.arn),
    };
    format!("{} {environment} {} {who}", row.name(), kind(row)).to_lowercase()
}

/// Everything a filter finds a role by.
pub(super) fn of_column(column: &Column) -> String {
    format!("{} {}", head(column), column.role).to_lowercase()
}

/// One line of text: pieces by their role.
pub(super) type Pieces = Vec<(Role, String)>;

/// Lines of limited width with labels.
struct Sheet {
    lines: Vec<Pieces>,
    columns: usize,
}

impl Sheet {
    fn say(&mut self, label: &str, paint: Paint, text: &str) {
        let room = self.columns.saturating_sub(label.chars().count()).max(20);
        for (at, line) in wrapped(text, room).into_iter().enumerate() {
            let label = if at == 0 { label.to_owned() } else { " ".repeat(label.chars().count()) };
            self.lines.push(vec![(Role::Text(Paint::Dim), label), (Role::Text(paint), line)]);
        }
    }
}

/// Why a cell is as it is: who signs in, which statement decides, which condition, which value, what comes nearest.
pub(super) fn why(
    matrix: &Matrix,
    (row, column, cell): (&Row, &Column, &Cell),
    columns: usize,
    theme: Theme,
) -> Vec<Pieces> {
    let mut sheet = Sheet { lines: Vec::new(), columns };
    let (sign, word) = mark(cell);
    let (glyph, paint) = sign.drawn(theme.ascii);
    let word = if word.is_empty() { String::new() } else { format!("{word}: ") };
    sheet.say("", paint, &format!("{glyph} {word}{} {}", row.name(), sentence(cell)));
    let environment = column.environment.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
    sheet.say("role      ", Paint::Plain, &format!("{}{environment}", column.role));
    sheet.say("signs in  ", Paint::Plain, &caller(matrix, row));
    let judged = matrix.judged(row, column);
    match &cell.reach {
        Reach::Unknown { why } => sheet.say("why       ", Paint::Plain, why),
        // Otherwise the statements say it, each with its values.
        Reach::No { statement: None, why } => sheet.say("why       ", Paint::Plain, why),
        Reach::No { .. } | Reach::Yes { .. } => {}
    }
    if let (Trust::Read(document), true) = (&column.trust, judged.is_empty()) {
        let count = match document.statements().len() {
            1 => "1 statement".to_owned(),
            count => format!("{count} statements"),
        };
        sheet.say("trust     ", Paint::Plain, &format!("{count}, not held against an unknown caller"));
    }
    for judged in &judged {
        statement(&mut sheet, judged, theme);
    }
    sheet.lines
}

fn caller(matrix: &Matrix, row: &Row) -> String {
    match &row.caller {
        Caller::Token { subject: Some(subject) } => {
            format!("by a token: sub {subject}, aud {}", matrix.claims.audience)
        }
        Caller::Token { subject: None } => "by a token whose sub is not known".to_owned(),
        Caller::Keys { access_key, user: Some(user) } => {
            format!("by the static key {access_key} of {}", user.arn)
        }
        Caller::Keys { access_key, user: None } => {
            format!("by the static key {access_key}; no account that was asked knows whose it is")
        }
    }
}

fn statement(sheet: &mut Sheet, judged: &Judged, theme: Theme) {
    let (paint, standing) = match (&judged.stands, judged.effect) {
        (Stands::Surely, Effect::Allow) => (Paint::Strong, "lets it in"),
        (Stands::Surely, Effect::Deny) => (Paint::Strong, "denies it"),
        (Stands::Perhaps(_), _) => (Paint::Warn, "fits, but for a condition that only the request shows"),
        (Stands::Never, _) if judged.nearest => (Paint::Strong, "comes nearest, and does not fit"),
        (Stands::Never, _) => (Paint::Dim, "does not fit"),
    };
    let name = format!("statement {} ({}) {standing}", judged.statement, judged.effect.as_str());
    sheet.say("", paint, &name);
    if let Stands::Perhaps(condition) = &judged.stands {
        sheet.say("  asks    ", Paint::Plain, condition);
    }
    for mismatch in &judged.mismatches {
        values(sheet, mismatch, theme);
    }
}

/// The part of a statement that does not fit: what it is, and both values with the characters that differ.
fn values(sheet: &mut Sheet, mismatch: &Mismatch, theme: Theme) {
    let (part, found, wanted, others) = match mismatch {
        Mismatch::Principal { caller, expected, excluded, nearest } => {
            let part = if *excluded { "NotPrincipal" } else { "Principal" };
            let ids: Vec<&str> = expected.iter().map(|principal| principal.id.as_str()).collect();
            let near = nearest.as_ref().map(|nearest| nearest.expected.as_str());
            let (wanted, others) = picked(&ids, near);
            (part.to_owned(), caller.id().to_owned(), wanted, others)
        }
        Mismatch::Action { action, expected, excluded } => {
            let part = if *excluded { "NotAction" } else { "Action" };
            let all: Vec<&str> = expected.iter().map(String::as_str).collect();
            let (wanted, others) = picked(&all, None);
            (part.to_owned(), action.clone(), wanted, others)
        }
        Mismatch::Condition { operator, key, expected, found, nearest, .. } => {
            let all: Vec<&str> = expected.iter().map(String::as_str).collect();
            let (wanted, others) = picked(&all, nearest.as_ref().map(|nearest| nearest.expected.as_str()));
            let found = match (nearest, found) {
                (Some(nearest), _) => nearest.found.clone(),
                (None, Some(values)) => values.join(", "),
                (None, None) => "nothing".to_owned(),
            };
            (format!("{operator} {key}"), found, wanted, others)
        }
    };
    sheet.say("  ", Paint::Plain, &part);
    let (found, wanted) = (Value::from(found), Value::from(wanted));
    let compared = diff::compare(Some(&found), Some(&wanted));
    for parts in diff::rows(&compared, sheet.columns.saturating_sub(10), theme) {
        let label = match parts.first().map(|(_, sign)| sign.as_str()) {
            Some("- ") => "  found   ",
            Some("+ ") => "  trusted ",
            _ => "          ",
        };
        let label = (Role::Text(Paint::Dim), label.to_owned());
        sheet.lines.push(std::iter::once(label).chain(parts).collect());
    }
    if others > 0 {
        let more = if others == 1 { "1 other value".to_owned() } else { format!("{others} other values") };
        sheet.say("          ", Paint::Dim, &format!("the nearest; {more} of the trust fit less"));
    }
}

/// The value to hold against what was found, and how many others there are.
fn picked(all: &[&str], nearest: Option<&str>) -> (String, usize) {
    match (nearest, all) {
        (Some(nearest), _) => (nearest.to_owned(), all.len().saturating_sub(1)),
        (None, []) => ("nothing".to_owned(), 0),
        (None, all) => (all.join(", "), 0),
    }
}

/// Pieces as they are drawn.
pub(super) fn drawn(canvas: &Canvas<'_>, pieces: Vec<Pieces>) -> Vec<Line<'static>> {
    let line = |pieces: Pieces| -> Line<'static> {
        pieces.into_iter().map(|(role, text)| canvas.role(role, text)).collect::<Vec<_>>().into()
    };
    pieces.into_iter().map(line).collect()
}

/// Pieces as text that can be copied.
pub(super) fn copied(pieces: &[Pieces]) -> String {
    let line = |pieces: &Pieces| pieces.iter().map(|(_, text)| text.as_str()).collect::<String>();
    pieces.iter().map(|pieces| line(pieces).trim_end().to_owned() + "\n").collect()
}
