//! The trust matrix as text: connections as rows, roles as numbered columns with a legend; a large one as its exceptions.

use super::doctor::tell;
use super::look::{Look, Paint, count};
use super::sheet::{Sheet, Span, columns, padded, plain, span};
use crate::domain::diagnose::matrix::{Caller, Cell, Column, Matrix, Reach, Row};
use crate::domain::finding::{Finding, FindingCode};

/// Rows that are shown one by one; `-v` shows all that fit the width.
const MOST_ROWS: usize = 40;
/// Notes and findings that are told one by one; `-v` tells all.
const MOST_TOLD: usize = 20;
/// Columns of text that a cell takes: `OPEN` and a blank.
const CELL: usize = 5;
/// Most columns of text for a connection's name and its environment.
const NAME: usize = 44;

/// The matrix as text that can be pasted.
pub fn report(
    federation: &str,
    matrix: &Matrix,
    incomplete: &[String],
    findings: &[Finding],
    look: &Look,
) -> String {
    let mut sheet = Sheet::new(look);
    sheet.line(&[span(Paint::Strong, federation), plain(": who can become what")]);
    sheet.gap();
    let widest = matrix.rows.iter().map(|row| columns(&look.clean(&label(row)))).max().unwrap_or(0);
    let name = widest.clamp(10, NAME) + 2;
    let fits = 2 + name + CELL * matrix.columns.len() <= look.width;
    if fits && (matrix.rows.len() <= MOST_ROWS || look.verbose) {
        table(&mut sheet, matrix, name);
    } else {
        exceptions(&mut sheet, matrix);
    }
    notes(&mut sheet, matrix, incomplete);
    sheet.gap();
    let told = if look.verbose { findings.len() } else { findings.len().min(MOST_TOLD) };
    findings.iter().take(told).for_each(|finding| tell(&mut sheet, finding));
    more(&mut sheet, findings.len() - told);
    end(&mut sheet, matrix, findings);
    sheet.finish()
}

/// A connection's name, the key it holds, its environment.
fn label(row: &Row) -> String {
    match &row.environment {
        Some(environment) => format!("{} ({environment})", row.name()),
        None => row.name(),
    }
}

/// The word in a cell; its paint says the same.
fn word(cell: &Cell) -> (&'static str, Paint) {
    match (&cell.reach, cell.expected) {
        (Reach::Yes { .. }, true) => ("yes", Paint::Good),
        (Reach::Yes { .. }, false) => ("OPEN", Paint::Bad),
        (Reach::No { .. }, true) => ("no", Paint::Warn),
        (Reach::No { .. }, false) => ("-", Paint::Dim),
        (Reach::Unknown { .. }, _) => ("?", Paint::Warn),
    }
}

fn table(sheet: &mut Sheet<'_>, matrix: &Matrix, name: usize) {
    let mut head = vec![plain("  "), padded(Paint::Dim, "connection", name)];
    head.extend((1..=matrix.columns.len()).map(|number| padded(Paint::Dim, &number.to_string(), CELL)));
    sheet.line(&head);
    for (row, cells) in matrix.rows.iter().zip(&matrix.cells) {
        let open = cells.iter().any(Cell::is_unexpected);
        let sign = if open { span(Paint::Bad, "! ") } else { plain("  ") };
        let label = label(row);
        let mut line = vec![sign];
        if columns(&label) + 2 > name {
            sheet.line(&[line.remove(0), plain(label)]);
            line = vec![plain("  "), padded(Paint::Plain, "", name)];
        } else {
            line.push(padded(Paint::Plain, &label, name));
        }
        line.extend(cells.iter().map(|cell| {
            let (word, paint) = word(cell);
            padded(paint, word, CELL)
        }));
        sheet.line(&line);
    }
    sheet.gap();
    for (number, column) in (1..).zip(&matrix.columns) {
        sheet.flow(&[plain(format!("  {number:<3} "))], &about(column));
    }
    sheet.gap();
    sheet.flow(
        &[],
        &[plain(
            "yes: becomes it, as it should; OPEN: becomes it, and should not; no: does not become it, and should; \
             ?: cannot be told offline; -: does not become it",
        )],
    );
}

/// A role: its environment, its ARN.
fn about(column: &Column) -> Vec<Span> {
    let environment = column.environment.as_ref().map_or("(no environment)", |name| name.as_str());
    vec![span(Paint::Strong, environment), plain(format!(" {}", column.role))]
}

/// Too large for a table: only what is not as expected. Unexpected reaches follow as findings.
fn exceptions(sheet: &mut Sheet<'_>, matrix: &Matrix) {
    let expected = matrix
        .entries()
        .filter(|(.., cell)| cell.expected && matches!(cell.reach, Reach::Yes { .. }))
        .count();
    let size = format!(
        "{} and {}: {} as expected",
        count(matrix.rows.len(), "connection", "connections"),
        count(matrix.columns.len(), "role", "roles"),
        count(expected, "reach is", "reaches are"),
    );
    sheet.flow(&[], &[plain(size)]);
}

/// Expected reaches that are not there, and what is not known, each with why.
fn notes(sheet: &mut Sheet<'_>, matrix: &Matrix, incomplete: &[String]) {
    sheet.gap();
    let notes: Vec<_> =
        matrix.entries().filter_map(|(row, column, cell)| note(matrix, row, column, cell)).collect();
    let told = if sheet.look.verbose { notes.len() } else { notes.len().min(MOST_TOLD) };
    for (sign, text) in notes.iter().take(told) {
        sheet.flow(&[span(Paint::Warn, *sign)], &[plain(text.as_str())]);
    }
    more(sheet, notes.len() - told);
    if !incomplete.is_empty() {
        let text = format!("only the environments' roles were looked at in: {}", incomplete.join(", "));
        sheet.flow(&[span(Paint::Warn, "? ")], &[plain(text)]);
    }
}

/// One cell that is neither as expected nor unexpectedly open.
fn note(matrix: &Matrix, row: &Row, column: &Column, cell: &Cell) -> Option<(&'static str, String)> {
    let (sign, verb, why) = match (&cell.reach, cell.expected) {
        (Reach::No { why, .. }, true) if is_signing_in(row, matrix) => ("! ", "does not become", why),
        (Reach::Unknown { why }, _) => ("? ", "may become", why),
        _ => return None,
    };
    Some((sign, format!("{} {verb} {}: {why}", label(row), column.role)))
}

/// What is left out of a long list.
fn more(sheet: &mut Sheet<'_>, left: usize) {
    if left > 0 {
        sheet.text(2, &[plain(format!("and {left} more; -v tells each, --json too"))]);
    }
}

/// Whether this row is how its connection signs in: with a key it holds, its token is of no account.
fn is_signing_in(row: &Row, matrix: &Matrix) -> bool {
    let is_token = matches!(row.caller, Caller::Token { .. });
    let other = |it: &&Row| it.connection == row.connection && matches!(it.caller, Caller::Keys { .. });
    !is_token || !matrix.rows.iter().any(|it| other(&it))
}

fn end(sheet: &mut Sheet<'_>, matrix: &Matrix, findings: &[Finding]) {
    let open = findings.iter().filter(|finding| finding.code == FindingCode::MatrixUnexpected).count();
    let tally = match open {
        0 => span(Paint::Good, "Nothing unexpected is reached."),
        _ => span(Paint::Bad, format!("{} reached that should not be.", count(open, "role is", "roles are"))),
    };
    let size = matrix.rows.len();
    let how = format!(
        " Decided offline from {} and the trusts as they are; nothing was tried. `keyless verify --denial` tries.",
        count(size, "connection's claims", "connections' claims")
    );
    sheet.gap();
    sheet.flow(&[], &[tally, plain(sheet.look.invocation.dress(&how))]);
}
