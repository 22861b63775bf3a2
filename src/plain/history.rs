//! The history as text: the runs of the journal, the newest first, what each changed, and what takes it back.

use std::collections::BTreeSet;

use serde_json::Value;

use super::look::{Look, Paint, count};
use super::sheet::{Sheet, plain, span};
use crate::domain::history::{History, PastEnd, PastRun, PastWrite, Undo};
use crate::explain;

/// Runs that are shown; `-v` shows all.
const MOST: usize = 20;
/// Characters of a value before or after; of one run alone, and with `-v`, all are shown.
const SHORT: usize = 160;

/// The history as text that can be pasted. `whole`: one run was asked for.
pub fn report(history: &History, whole: bool, look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.line(&[
        span(Paint::Strong, history.federation.as_str()),
        plain(": what keyless changed from this machine"),
    ]);
    if history.runs.is_empty() {
        sheet.gap();
        sheet.flow(&[], &[plain("keyless has changed nothing yet.")]);
    }
    let shown = if look.verbose { history.runs.len() } else { history.runs.len().min(MOST) };
    for past in history.runs.iter().take(shown) {
        sheet.gap();
        run(&mut sheet, past, whole || look.verbose);
    }
    if shown < history.runs.len() {
        sheet.gap();
        let text = format!("and {} older runs; -v tells each, --json too", history.runs.len() - shown);
        sheet.text(0, &[plain(text)]);
    }
    sheet.finish()
}

fn run(sheet: &mut Sheet<'_>, past: &PastRun, whole: bool) {
    let who = past.who.as_deref().map_or_else(String::new, |who| format!(" by {who}"));
    let changes = count(past.writes.len(), "change", "changes");
    sheet.flow(
        &[],
        &[
            span(Paint::Strong, format!("{}  keyless {}", past.at, past.command)),
            plain(format!("{who}, {changes}")),
            span(Paint::Dim, format!(" (run {})", past.id)),
        ],
    );
    past.writes.iter().for_each(|write| one(sheet, past, write, whole));
    let undos: BTreeSet<&str> = past
        .writes
        .iter()
        .filter_map(|write| match write.undo(&past.command) {
            Undo::Command(command) => Some(command),
            Undo::Needless | Undo::Impossible(_) => None,
        })
        .collect();
    for command in undos {
        let text = format!("to take it back: `{command}`, which looks first and shows what it would do");
        sheet.flow(&[plain("  ")], &[plain(sheet.look.invocation.dress(&text))]);
    }
}

fn one(sheet: &mut Sheet<'_>, past: &PastRun, write: &PastWrite, whole: bool) {
    let (sign, paint, ended) = match &write.ended {
        PastEnd::Done => ("  ", Paint::Good, "done".to_owned()),
        PastEnd::Lost => ("? ", Paint::Warn, "its answer was lost; the next look tells".to_owned()),
        PastEnd::Refused { failure } => {
            let cause = explain::failure(failure).cause;
            ("! ", Paint::Bad, format!("{}: {cause}", failure.code.text()))
        }
    };
    let what = format!("{} {}: ", write.write.operation, write.write.object);
    sheet.flow(&[plain("  "), span(paint, sign)], &[plain(what), span(paint, ended)]);
    for (label, value) in [("before", write.before()), ("after", write.after())] {
        if let Some(value) = value {
            sheet.flow(
                &[span(Paint::Dim, format!("      {label}: "))],
                &[span(Paint::Dim, short(value, whole))],
            );
        }
    }
    if let Undo::Impossible(why) = write.undo(&past.command) {
        sheet.flow(&[span(Paint::Dim, "      stays: ")], &[span(Paint::Dim, why)]);
    }
}

/// A value on one line.
fn short(value: &Value, whole: bool) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHORT) {
        Some((at, _)) if !whole => format!("{}…", &text[..at]),
        _ => text,
    }
}
